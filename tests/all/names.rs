//! The risk: a folder's name that the server reads otherwise than it was meant: mail would be filed where nobody looks,
//! or a folder be made twice. On the embedded server, with modified UTF-7 and with UTF8=ACCEPT, for any name, and any
//! delimiter and prefix; the server has a reader of its own for what goes over the wire.

use jiff::Timestamp;
use modori::demo::{Fault, Server};
use modori::edge::clock::Clock;
use modori::edge::imap::{Cues, Fetch, ImapAccount, Pace, Session, Sight, Standing, UidSet, watch};
use modori::edge::secret::Secret;
use proptest::prelude::*;
use std::collections::BTreeSet;
use tokio::sync::mpsc;
use unicode_normalization::UnicodeNormalization;

const FOLDER: &str = "楽天/再入荷";
const MAIL: &[u8] = b"Message-ID: <1@example.test>\r\nSubject: x\r\n\r\ntext\r\n";

fn server(separator: char, prefix: &str, utf8: bool) -> Server {
    let server = Server::with("me", "geheim", Clock::system(), separator, prefix);
    if utf8 {
        server.offer("ENABLE");
        server.offer("UTF8=ACCEPT");
    }
    server
}

fn account(server: &Server) -> ImapAccount {
    ImapAccount {
        name: "test".to_owned(),
        dial: server.dial(),
        user: "me".to_owned(),
        credential: Secret::Given("geheim".into()).into(),
        pace: Pace::default(),
        fetch_cap: 64 * 1024,
    }
}

async fn opened(server: &Server) -> Session {
    Session::open(&account(server)).await.unwrap()
}

fn folders(server: &Server) -> Vec<String> {
    server.mailboxes().into_keys().filter(|name| name != "INBOX").collect()
}

/// Everything that is done with a folder.
async fn errands(session: &mut Session, name: &str) {
    session.ensure_folder(name).await.unwrap();
    session.select("INBOX").await.unwrap();
    let uid = session.append("INBOX", &[], None, MAIL).await.unwrap().unwrap().uid;
    assert!(session.uid_copy(&UidSet::of([uid]), name).await.unwrap().is_some());
    let moved = session.move_all(&[(UidSet::of([uid]), name.to_owned())]).await.remove(0).unwrap();
    assert!(moved.is_some());
    session.append(name, &["\\Draft"], None, MAIL).await.unwrap();
    assert_eq!(session.status(name).await.unwrap().messages, 3);
    assert_eq!(session.select(name).await.unwrap().messages, 3);
    assert_eq!(session.fetch(&UidSet::from(1), Fetch::Whole).await.unwrap()[0].bytes, MAIL);
    let (_, found) = session.with_message_id(name, "1@example.test", 0).await.unwrap().unwrap();
    assert_eq!(found, [1, 2, 3]);
    let listed: Vec<String> = session.list_uses().await.unwrap().into_iter().map(|folder| folder.name).collect();
    assert!(listed.contains(&session.listed_as(name)), "{name}: {listed:?}");
}

#[tokio::test]
async fn names_go_out_in_utf_8_only_once_the_server_confirmed_it() {
    type Prepare = fn(&Server);
    let cases: [(&str, Prepare, bool); 8] = [
        ("offered", |_| {}, true),
        ("UTF8=ONLY", |server| (server.withdraw("UTF8=ACCEPT"), server.offer("UTF8=ONLY")).1, true),
        ("not offered", |server| server.withdraw("UTF8=ACCEPT"), false),
        ("no ENABLE", |server| server.withdraw("ENABLE"), false),
        // what its labels are written in then, Gmail's documentation does not say
        ("Gmail", |server| server.offer("X-GM-EXT-1"), false),
        ("refused", |server| server.fault_always("ENABLE", Fault::Refuse("not now".to_owned())), false),
        ("unknown", |server| server.fault_always("ENABLE", Fault::Bad("what?")), false),
        ("OK, but nothing confirmed", |server| server.fault_always("ENABLE", Fault::OnlySayOk), false),
    ];
    for (case, prepare, utf8) in cases {
        for (separator, prefix) in [('/', ""), ('.', "INBOX.")] {
            let server = server(separator, prefix, true);
            prepare(&server);
            let mut session = opened(&server).await;
            assert_eq!(session.names_in_utf8(), utf8, "{case}");
            errands(&mut session, FOLDER).await;
            let written = format!("{prefix}{}", FOLDER.replace('/', &separator.to_string()));
            assert_eq!(folders(&server), [written.as_str()], "{case}");
            let raw = server.commands().iter().any(|command| command.contains("楽天"));
            assert_eq!(raw, utf8, "{case}: {:?}", server.commands());
        }
    }
}

#[tokio::test]
async fn agreeing_on_names_costs_the_login_no_round_trip() {
    // of 100 ms; what is sent together arrives together
    async fn login(utf8: bool) -> u128 {
        let server = server('.', "INBOX.", utf8);
        let dial = modori::edge::imap::Dial::Memory(std::sync::Arc::new(move || {
            let (near, far) = tokio::io::duplex(1 << 16);
            let (inner, served) = tokio::io::duplex(1 << 16);
            let server = server.clone();
            tokio::spawn(async move { server.serve(served).await });
            tokio::spawn(carry(far, inner));
            Ok(Box::new(near) as Box<dyn modori::edge::imap::Wire>)
        }));
        let began = tokio::time::Instant::now();
        let session = Session::open(&ImapAccount { dial, ..account(&self::server('/', "", false)) }).await.unwrap();
        assert_eq!(session.names_in_utf8(), utf8);
        began.elapsed().as_millis()
    }
    tokio::time::pause();
    assert_eq!(login(false).await, login(true).await);
}

/// Each way takes 50 ms.
async fn carry(near: tokio::io::DuplexStream, far: tokio::io::DuplexStream) {
    use tokio::io::{AsyncReadExt, AsyncWriteExt, ReadHalf, WriteHalf, split};
    async fn way(mut from: ReadHalf<tokio::io::DuplexStream>, mut to: WriteHalf<tokio::io::DuplexStream>) {
        let mut bytes = vec![0; 4096];
        while let Ok(read @ 1..) = from.read(&mut bytes).await {
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
            if to.write_all(&bytes[..read]).await.is_err() {
                return;
            }
        }
    }
    let ((near_out, near_in), (far_out, far_in)) = (split(near), split(far));
    tokio::join!(way(near_out, far_in), way(far_out, near_in));
}

#[tokio::test]
async fn the_watch_agrees_on_names_before_it_opens_its_mailbox() {
    for utf8 in [false, true] {
        let server = server('.', "INBOX.", utf8);
        server.deliver("INBOX.入口.か\u{3099}", MAIL, Timestamp::UNIX_EPOCH);
        let account = account(&server);
        let (to, mut sights) = mpsc::channel(8);
        let clock = Clock::system();
        let task = tokio::spawn(async move {
            watch(&account, "入口/が", &clock, Standing::default(), Cues::none(), to).await;
        });
        loop {
            match sights.recv().await.unwrap() {
                Sight::Opened { reply, .. } => reply.send(1).unwrap(),
                Sight::Mail(arrival) => break assert_eq!(arrival.bytes, MAIL),
                Sight::Lost { trouble, .. } => panic!("{trouble}"),
                _ => {}
            }
        }
        task.abort();
        let commands = server.commands();
        let at = |word: &str| commands.iter().position(|command| command.starts_with(word));
        assert_eq!(at("ENABLE").is_some(), utf8);
        assert!(at("ENABLE") < at("EXAMINE"), "{commands:?}");
    }
}

#[tokio::test]
async fn a_name_in_utf_8_is_not_read_as_modified_utf_7() {
    for utf8 in [false, true] {
        let server = server('/', "", utf8);
        for name in ["&AOQ-", "ä", "a&b", "下書き"] {
            server.create(name, None);
        }
        let mut session = opened(&server).await;
        let mut listed: Vec<String> = session.list().await.unwrap().into_iter().map(|folder| folder.name).collect();
        listed.sort();
        assert_eq!(listed, ["&AOQ-", "INBOX", "a&b", "ä", "下書き"]);
        for name in ["&AOQ-", "ä"] {
            session.ensure_folder(name).await.unwrap();
            session.append(name, &[], None, name.as_bytes()).await.unwrap();
            assert_eq!(&*server.mailboxes()[name][0].bytes, name.as_bytes());
        }
        assert_eq!(folders(&server).len(), 4, "none was made");
    }
}

#[tokio::test]
async fn a_server_that_goes_on_in_modified_utf_7_gets_no_second_folder() {
    let server = server('/', "", true);
    server.create(FOLDER, None);
    server.create("a&b", None);
    server.stay_with_utf7();
    for name in [FOLDER, "a&b"] {
        let mut session = opened(&server).await;
        assert!(session.names_in_utf8(), "so it said");
        errands(&mut session, name).await;
        assert!(!session.names_in_utf8());
    }
    assert_eq!(folders(&server), ["a&b", FOLDER]);
}

#[tokio::test]
async fn a_folder_whose_letters_are_in_pieces_is_not_made_again() {
    let (pieces, composed) = ("楽天/か\u{3099}そ\u{3099}う", "楽天/がぞう");
    for utf8 in [false, true] {
        for (there, asked) in [(pieces, composed), (composed, pieces), (pieces, pieces), (composed, composed)] {
            let server = server('/', "", utf8);
            server.create(there, None);
            errands(&mut opened(&server).await, asked).await;
            assert_eq!(folders(&server), [there]);
            // first of all opened, without a look before
            let mut session = opened(&server).await;
            assert_eq!(session.examine(asked).await.unwrap().messages, 3);
            assert!(session.list().await.unwrap().iter().any(|folder| folder.name == composed));
            assert!(session.examine_if_there("楽天/がぞ").await.unwrap().is_none());
        }
        // what is new is composed (RFC 5198)
        let server = server('/', "", utf8);
        errands(&mut opened(&server).await, pieces).await;
        assert_eq!(folders(&server), [composed]);
        // a folder that is gone is made anew, by the rule
        server.delete(composed);
        server.create(pieces, None);
        let mut session = opened(&server).await;
        session.ensure_folder(composed).await.unwrap();
        server.delete(pieces);
        session.status(composed).await.unwrap_err();
        session.ensure_folder(composed).await.unwrap();
        assert_eq!(folders(&server), [composed]);
    }
}

#[tokio::test]
async fn mail_for_two_folders_does_not_end_up_in_one() {
    let server = server('.', "INBOX.", false);
    let mut session = opened(&server).await;
    assert_eq!(session.run_together(&["v1.0", "a", "v1_0", "INBOX.a"]), [("v1.0", "v1_0")]);
    session.ensure_folder("v1.0").await.unwrap();
    session.ensure_folder("v1.0").await.unwrap();
    let refused = session.ensure_folder("v1_0").await.unwrap_err();
    assert!(refused.refused && refused.what.contains("v1.0") && refused.what.contains("v1_0"), "{refused}");
    // one folder, written in three ways
    for same in ["楽天", "INBOX.楽天", "INBOX/楽天", "inbox.楽天"] {
        session.ensure_folder(same).await.unwrap();
        assert_eq!(session.listed_as(same), "楽天");
    }
    assert_eq!(folders(&server), ["INBOX.v1_0", "INBOX.楽天"]);
}

#[tokio::test]
async fn a_header_in_utf_8_is_laid_down_as_such_where_names_are() {
    let raw = "Message-ID: <2@example.test>\r\nSubject: 下書き\r\n\r\n本文\r\n";
    for utf8 in [false, true] {
        let server = server('/', "", utf8);
        let mut session = opened(&server).await;
        session.append("INBOX", &[], None, MAIL).await.unwrap();
        session.append("INBOX", &["\\Draft"], Some(Timestamp::UNIX_EPOCH), raw.as_bytes()).await.unwrap();
        assert_eq!(&*server.mailboxes()["INBOX"][1].bytes, raw.as_bytes());
        let special = server.commands().iter().filter(|command| command.contains("UTF8 (~{")).count();
        assert_eq!(special, usize::from(utf8));
    }
}

/// What people write, and what hurts.
fn some_level() -> impl Strategy<Value = String> {
    prop_oneof![
        "[ -~&&[^/]]{1,12}",
        "[ぁ-んァ-ヶ一-龯]{1,12}",
        "[か゛\u{3099}が&🛒🍀\"\\\\%*{}()~+,. -]{1,8}",
        "[a-c&.\\\\^_]{1,6}",
        "\\PC{1,8}",
        Just("INBOX".to_owned()),
        Just("{5}".to_owned()),
        Just("NIL".to_owned()),
        "[一-龯]{100}",
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_folder_is_what_the_server_understands_it_to_be(
        levels in proptest::collection::vec(some_level(), 1..4),
        separator in prop_oneof![Just('/'), Just('.'), Just('\\'), Just('^'), Just('"')],
        prefix in prop_oneof![Just(""), Just("INBOX"), Just("Mail")],
        utf8: bool,
        literal_plus: bool,
    ) {
        let levels: Vec<String> = levels.iter().map(|level| level.replace('/', "|")).collect();
        let name = levels.join("/");
        let prefix = if prefix.is_empty() { String::new() } else { format!("{prefix}{separator}") };
        // written here by other means than the client does it
        let unfit = |c: char| c.is_control() || ['\u{2028}', '\u{2029}'].contains(&c);
        let expected: Vec<String> = levels.iter().map(|level| {
            let level: String = level.nfc().map(|c| if unfit(c) { '_' } else { c }).collect();
            if separator == '/' { level } else { level.replace(separator, "_") }
        }).collect();
        let inbox = levels[0].eq_ignore_ascii_case("INBOX");
        prop_assume!(!name.starts_with(&prefix) || prefix.is_empty());
        let below = if inbox { String::new() } else { prefix.clone() };
        let expected = below + &expected.join(&separator.to_string());
        let outside = inbox && prefix.starts_with("Mail");
        prop_assume!(!outside);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let server = server(separator, &prefix, utf8);
            if !literal_plus {
                server.withdraw("LITERAL+");
            }
            let mut session = opened(&server).await;
            if expected.eq_ignore_ascii_case("INBOX") {
                return session.ensure_folder(&name).await.unwrap();
            }
            match session.ensure_folder(&name).await {
                Ok(()) => {
                    assert_eq!(folders(&server), [expected.as_str()]);
                    errands(&mut session, &name).await;
                    let listed: BTreeSet<String> =
                        opened(&server).await.list().await.unwrap().into_iter().map(|folder| folder.name).collect();
                    assert!(listed.contains(&session.listed_as(&name)), "{listed:?}");
                    assert_eq!(folders(&server), [expected.as_str()]);
                }
                Err(error) => {
                    assert!(error.refused && expected.len() > 700, "{expected}: {error}");
                    assert_eq!(session.status("INBOX").await.unwrap().messages, 0, "the connection is still good");
                }
            }
        });
    }
}
