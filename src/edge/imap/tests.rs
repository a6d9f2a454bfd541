//! The client against servers that are written down as conversations.

use super::*;
use crate::edge::clock::Clock;
use crate::edge::secret::Secret;
use jiff::Timestamp;
use secrecy::SecretString;
use std::sync::Mutex;
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};
use tokio::sync::mpsc;

/// One step of a server's side of a conversation.
#[derive(Clone)]
enum Line {
    /// Waits until the client has sent these words; `{tag}` of what follows is the tag of that command.
    Hears(&'static str),
    /// Says something; `TAG` stands for the tag of the last command heard, `IDLE OK` for the end of the last IDLE.
    Says(&'static str),
    /// Says nothing any more, and stays.
    Silent,
}
use Line::{Hears, Says, Silent};

const GREETING: Line = Says("* OK [CAPABILITY IMAP4rev1 IDLE MOVE UIDPLUS] hi\r\n");
const EXAMINED: Line =
    Says("* 1 EXISTS\r\n* OK [UIDVALIDITY 7] x\r\n* OK [UIDNEXT 5] x\r\nTAG OK [READ-ONLY] done\r\n");

fn logged_in() -> Vec<Line> {
    vec![
        GREETING,
        Hears("LOGIN"),
        Says("TAG OK [CAPABILITY IMAP4rev1 IDLE MOVE UIDPLUS] in\r\n"),
        Hears("LIST \"\" \"\""),
        Says("* LIST (\\Noselect) \"/\" \"\"\r\nTAG OK done\r\n"),
    ]
}

async fn play(mut stream: DuplexStream, lines: Vec<Line>) {
    let mut heard = String::new();
    let mut tag = String::new();
    let mut idle = String::new();
    for line in lines {
        match line {
            Hears(words) => loop {
                if let Some(at) = heard.find(words) {
                    let start = heard[..at].rfind('\n').map_or(0, |at| at + 1);
                    tag = heard[start..].split(' ').next().unwrap_or_default().to_owned();
                    heard.drain(..at + words.len());
                    if words == "IDLE" {
                        idle.clone_from(&tag);
                    }
                    break;
                }
                let mut bytes = [0; 4096];
                match stream.read(&mut bytes).await {
                    Ok(0) | Err(_) => return,
                    Ok(read) => heard.push_str(&String::from_utf8_lossy(&bytes[..read])),
                }
            },
            Says(words) => {
                if stream
                    .write_all(words.replace("TAG", &tag).replace("IDLE OK", &format!("{idle} OK")).as_bytes())
                    .await
                    .is_err()
                {
                    return;
                }
            }
            Silent => std::future::pending().await,
        }
    }
}

/// An account whose nth connection is the nth conversation; later ones are refused.
fn account(conversations: Vec<Vec<Line>>) -> ImapAccount {
    let left = Mutex::new(conversations.into_iter());
    let dial = move || {
        let lines = left.lock().unwrap().next().ok_or_else(|| std::io::Error::other("no more conversations"))?;
        let (ours, theirs) = duplex(1 << 16);
        tokio::spawn(play(theirs, lines));
        Ok(Box::new(ours) as Box<dyn Wire>)
    };
    ImapAccount {
        name: "a".into(),
        dial: Dial::Memory(Arc::new(dial)),
        user: "me".into(),
        credential: Secret::Given(SecretString::from("geheim")).into(),
        pace: Pace::default(),
        fetch_cap: 64 * 1024,
    }
}

/// Watches until `enough` sights came; what they were, in words. The look begins at UID 5.
async fn sights(account: &ImapAccount, enough: usize) -> Vec<String> {
    let (to, mut from) = mpsc::channel(8);
    let clock = Clock::simulated(Timestamp::from_second(1_780_000_000).unwrap());
    let mut told = Vec::new();
    let hear = async {
        while told.len() < enough {
            let Some(sight) = from.recv().await else { break };
            if matches!(sight, Sight::Alive) {
                continue; // said apart from everything that moves anything
            }
            told.push(match sight {
                Sight::Opened { uid_validity, uid_next, reply, .. } => {
                    reply.send(5).unwrap();
                    format!("opened {uid_validity} {uid_next}")
                }
                Sight::Mail(arrival) => {
                    format!("mail {} {:?}", arrival.place.uid, String::from_utf8_lossy(&arrival.bytes))
                }
                Sight::Unfetched { place, .. } => format!("unfetched {}", place.uid),
                Sight::Looked { next_uid, .. } => format!("looked {next_uid}"),
                Sight::Lost { trouble, .. } => format!("lost: {trouble}"),
                Sight::Alive => "alive".to_owned(),
            });
        }
    };
    tokio::select! {
        () = hear => {}
        () = watch(account, "INBOX", &clock, Standing::default(), Cues::none(), to) => {}
    }
    told
}

fn watching(rest: &[Line]) -> Vec<Line> {
    let mut lines = logged_in();
    lines.extend([Hears("EXAMINE"), EXAMINED]);
    lines.extend_from_slice(rest);
    lines
}

#[tokio::test(start_paused = true)]
async fn new_mail_is_fetched_with_done_in_one_write_and_no_exists_is_lost() {
    let account = account(vec![watching(&[
        Hears("UID FETCH 5:4294967295"),
        Says("* 1 FETCH (UID 4 RFC822.SIZE 1 BODY[]<0> {1}\r\nx)\r\nTAG OK\r\n"),
        Hears("IDLE"),
        Says("+ idling\r\n* 2 EXISTS\r\n"),
        Hears("DONE"),
        Says("IDLE OK idle ended\r\n"),
        Hears("UID FETCH 5:"),
        Says("* 2 FETCH (UID 5 RFC822.SIZE 3 BODY[]<0> {3}\r\nabc)\r\n* 3 EXISTS\r\nTAG OK\r\n"),
        Hears("UID FETCH 6:"),
        Says("* 3 FETCH (UID 6 RFC822.SIZE 1 BODY[]<0> {1}\r\nd)\r\nTAG OK\r\n"),
        Hears("IDLE"),
        Says("+ idling\r\n"),
        Silent,
    ])]);
    let told = sights(&account, 6).await;
    assert_eq!(told, ["opened 7 5", "looked 5", "mail 5 \"abc\"", "looked 6", "mail 6 \"d\"", "looked 7"]);
}

#[tokio::test(start_paused = true)]
async fn a_server_that_tells_its_next_uid_only_when_asked_is_asked() {
    // Courier
    let examined = Says("* 1 EXISTS\r\n* OK [UIDVALIDITY 7] x\r\nTAG OK [READ-ONLY] done\r\n");
    for (answer, next) in [
        ("* STATUS \"INBOX\" (MESSAGES 1 UIDNEXT 9 UIDVALIDITY 7)\r\nTAG OK done\r\n", 9),
        // renumbered in between: that number is another mailbox's
        ("* STATUS \"INBOX\" (MESSAGES 1 UIDNEXT 9 UIDVALIDITY 8)\r\nTAG OK done\r\n", 0),
        ("TAG NO not while it is open\r\n", 0),
    ] {
        let mut lines = logged_in();
        // read-only, it does not keep the numbers it shows
        lines.extend([
            Hears("EXAMINE"),
            examined.clone(),
            Hears("SELECT"),
            examined.clone(),
            Hears("STATUS"),
            Says(answer),
            Silent,
        ]);
        assert_eq!(sights(&account(vec![lines]), 1).await, [format!("opened 7 {next}")]);
    }
}

#[tokio::test(start_paused = true)]
async fn an_empty_answer_without_ok_moves_nothing() {
    let account = account(vec![watching(&[Hears("UID FETCH"), Says("TAG NO [SERVERBUG] not now\r\n"), Silent])]);
    let told = sights(&account, 2).await;
    assert_eq!(told[0], "opened 7 5");
    assert!(told[1].contains("refused") && told[1].contains("not now"), "{told:?}");
}

#[tokio::test(start_paused = true)]
async fn a_refused_look_is_not_waited_out_like_a_refused_login() {
    let first = watching(&[Hears("UID FETCH"), Says("TAG NO some messages could not be read\r\n"), Silent]);
    let second = watching(&[Hears("UID FETCH"), Says("TAG OK\r\n"), Silent]);
    let begun = tokio::time::Instant::now();
    let told = sights(&account(vec![first, second]), 4).await;
    assert_eq!(told[2..], ["opened 7 5", "looked 5"]);
    assert!(begun.elapsed() <= Pace::default().back_off.0, "{:?}", begun.elapsed());
}

#[tokio::test(start_paused = true)]
async fn a_message_without_its_text_is_asked_for_again_and_then_passed_by() {
    let account = account(vec![watching(&[
        Hears("UID FETCH 5:"),
        Says("* 1 FETCH (UID 5 RFC822.SIZE 9 BODY[]<0> NIL)\r\nTAG OK\r\n"),
        Hears("UID FETCH 5 "),
        Says("TAG OK\r\n"),
        Hears("UID FETCH 6:"),
        Says("TAG OK\r\n"),
        Silent,
    ])]);
    assert_eq!(sights(&account, 3).await, ["opened 7 5", "unfetched 5", "looked 6"]);
}

#[tokio::test(start_paused = true)]
async fn silence_is_noticed_by_a_probe() {
    let account = account(vec![watching(&[
        Hears("UID FETCH"),
        Says("TAG OK\r\n"),
        Hears("IDLE"),
        Says("+ idling\r\n"),
        Hears("NOOP"),
        Silent,
    ])]);
    let begun = tokio::time::Instant::now();
    let told = sights(&account, 3).await;
    assert!(told[2].contains("no longer answers"), "{told:?}");
    assert_eq!(begun.elapsed().as_secs(), 55, "45 s of silence and 10 s for the answer");
}

#[tokio::test(start_paused = true)]
async fn a_watch_ends_at_once_when_nobody_listens() {
    let idle = [Hears("UID FETCH"), Says("TAG OK\r\n"), Hears("IDLE"), Says("+ idling\r\n"), Silent];
    let account = account(vec![watching(&idle)]);
    let clock = Clock::simulated(Timestamp::UNIX_EPOCH);
    let (to, mut from) = mpsc::channel(8);
    let begun = tokio::time::Instant::now();
    let watching =
        tokio::spawn(async move { watch(&account, "INBOX", &clock, Standing::default(), Cues::none(), to).await });
    let Some(Sight::Opened { reply, .. }) = from.recv().await else { panic!("not opened") };
    reply.send(5).unwrap();
    assert!(matches!(from.recv().await, Some(Sight::Looked { .. })));
    drop(from);
    watching.await.unwrap();
    assert_eq!(begun.elapsed().as_secs(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_lost_connection_is_opened_again() {
    let first = watching(&[Hears("UID FETCH"), Says("* BYE shutting down\r\n")]);
    let second = watching(&[Hears("UID FETCH"), Says("TAG OK\r\n"), Silent]);
    let told = sights(&account(vec![first, second]), 4).await;
    assert!(told[1].contains("ended the connection: “shutting down”"), "{told:?}");
    assert_eq!(told[2..], ["opened 7 5", "looked 5"]);
}

#[tokio::test(start_paused = true)]
async fn hostile_servers_are_survived_in_bounded_memory() {
    const ENDLESS: &str = "* OK aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
    let endless: Vec<Line> = std::iter::once(GREETING).chain(std::iter::repeat_n(Says(ENDLESS), 2000)).collect();
    for (conversation, says) in [
        (vec![Says("HTTP/1.1 400 Bad Request\r\n\r\n"), Silent], "not an IMAP server"),
        (vec![Says("* BYE too many\r\n")], "too many"),
        (vec![], "closed the connection"),
        (vec![Silent], "silent for 60 s"),
        (endless, "endless line"),
        (vec![GREETING, Hears("LOGIN"), Says("* OK x {4000000000}\r\n"), Silent], "more bytes than were asked for"),
        (vec![GREETING, Hears("LOGIN"), Says("zzz OK in\r\n"), Silent], "was not sent"),
        (vec![GREETING, Hears("LOGIN"), Says("TAG NO [AUTHENTICATIONFAILED] no\r\n"), Silent], "app password"),
        (vec![GREETING, Hears("LOGIN"), Says("\u{0}\u{1}\r\n\u{0}"), Silent], "silent"),
        (vec![Says("* OK [CAPABILITY IMAP4rev1 LOGINDISABLED] hi\r\n"), Silent], "no login with a password"),
    ] {
        let told = sights(&account(vec![conversation]), 1).await;
        assert!(told[0].contains(says), "{told:?} should say {says}");
        assert!(!told[0].contains("geheim"));
    }
}

#[tokio::test(start_paused = true)]
async fn a_mailbox_without_uidvalidity_is_refused() {
    let mut lines = logged_in();
    lines.extend([Hears("EXAMINE"), Says("* 1 EXISTS\r\nTAG OK done\r\n"), Silent]);
    let told = sights(&account(vec![lines]), 1).await;
    assert!(told[0].contains("UIDVALIDITY"), "{told:?}");
}

#[tokio::test(start_paused = true)]
async fn where_copies_went_is_read_wherever_the_server_says_it() {
    for answer in [
        "* OK [COPYUID 9 5,7 21:22] moved\r\n* 1 EXPUNGE\r\nTAG OK done\r\n",
        "TAG OK [COPYUID 9 5,7 21:22] done\r\n",
        "* OK [COPYUID 9 5 21] part\r\n* OK [COPYUID 9 7 22] part\r\nTAG OK done\r\n",
    ] {
        let mut lines = logged_in();
        lines.extend([Hears("UID MOVE 5,7 \"&aX1ZKQ-\""), Says(answer), Silent]);
        let mut session = Session::open(&account(vec![lines])).await.unwrap();
        let copied = session.uid_move(&UidSet::of([5, 7]), "楽天").await.unwrap().unwrap();
        assert_eq!((copied.target_of(5), copied.target_of(7), copied.target_of(6)), (Some(21), Some(22), None));
    }
    let mut lines = logged_in();
    lines.extend([
        Hears("UID MOVE 5"),
        Says("TAG OK nothing happened\r\n"),
        Hears("UID MOVE 5"),
        Says("TAG NO [OVERQUOTA] full\r\n"),
        Silent,
    ]);
    let mut session = Session::open(&account(vec![lines])).await.unwrap();
    assert_eq!(session.uid_move(&UidSet::of([5]), "x").await, Ok(None));
    let refused = session.uid_move(&UidSet::of([5]), "x").await.unwrap_err();
    assert!(refused.refused && refused.what.contains("make room"), "{refused}");
}

#[tokio::test(start_paused = true)]
async fn an_answer_without_flags_does_not_read_as_no_flags() {
    let mut lines = logged_in();
    lines.extend([
        Hears("UID FETCH 5,7,9 (UID FLAGS)"),
        Says("* 1 FETCH (UID 5 FLAGS (\\Flagged))\r\n* 2 FETCH (UID 7 FLAGS NIL)\r\n* 3 FETCH (UID 9 FLAGS ())\r\n"),
        Says("* 1 FETCH (UID 5 MODSEQ (12))\r\n* 4 FETCH (FLAGS ())\r\nTAG OK done\r\n"),
        Silent,
    ]);
    let mut session = Session::open(&account(vec![lines])).await.unwrap();
    let seen = session.fetch(&UidSet::of([5, 7, 9]), Fetch::Flags).await.unwrap();
    let flags: Vec<(u32, bool)> = seen.iter().map(|one| (one.uid, one.flags.is_empty())).collect();
    assert_eq!(flags, [(5, false), (9, true)]);
}

fn with_token(conversations: Vec<Vec<Line>>) -> ImapAccount {
    let source = crate::edge::oauth::Source::Program(Secret::Given(SecretString::from("geheim")));
    let tokens = crate::edge::oauth::Tokens::new(source, Clock::system());
    ImapAccount { credential: Credential::Token(tokens), ..account(conversations) }
}

#[tokio::test(start_paused = true)]
async fn a_login_by_token_bears_what_a_server_says_in_between() {
    let greeting = Says("* OK [CAPABILITY IMAP4rev1 AUTH=XOAUTH2] hi\r\n");
    let at_once = Says("* OK [CAPABILITY IMAP4rev1 SASL-IR AUTH=XOAUTH2] hi\r\n");
    let lines = vec![
        greeting.clone(),
        Hears("AUTHENTICATE XOAUTH2\r\n"),
        Says("* OK [ALERT] news\r\n* CAPABILITY IMAP4rev1\r\n+ \r\n"),
        Hears("dXNlcj1tZQFhdXRoPUJlYXJlciBnZWhlaW0BAQ==\r\n"),
        Says("* 5 EXISTS\r\n* what is this\r\nm1 OK [CAPABILITY IMAP4rev1 IDLE] in\r\n"),
        Hears("LIST \"\" \"\""),
        Says("* LIST (\\Noselect) \"/\" \"\"\r\nTAG OK done\r\n"),
        Silent,
    ];
    assert!(Session::open(&with_token(vec![lines])).await.is_ok());
    // a challenge (`{}`) in between, and the refusal only then; the same token is not shown again
    let refuses = vec![
        at_once.clone(),
        Hears("AUTHENTICATE XOAUTH2 dXNlcj1tZQFhdXRoPUJlYXJlciBnZWhlaW0BAQ==\r\n"),
        Says("+ e30=\r\n* OK still here\r\n"),
        Hears("\r\n"),
        Says("m1 NO [ALERT] IMAP access is disabled for your domain. ” geheim?\r\n"),
        Silent,
    ];
    let error = Session::open(&with_token(vec![refuses])).await.err().unwrap();
    assert_eq!(error.login, Some(refusal::Refusal::ImapSwitchedOff));
    // what a server says stays a quotation, and does not end itself
    assert!(error.what.contains("said “IMAP access is disabled for your domain. ' geheim?”; "), "{error}");
    for (says, expect) in [
        ("+ e30=\r\n+ e30=\r\n", "asks for more than there is to say"),
        ("zz OK in\r\n", "was not sent"),
        ("* BYE gone\r\n", "ended the connection: “gone”"),
        ("* BYE Invalid credentials\r\n", "refused, the server said “Invalid credentials”"),
        ("+ \u{0}\u{1}\u{7f}\r\nTAG BAD no\r\n", "“no”"),
        ("", "silent"),
    ] {
        let lines = vec![at_once.clone(), Hears("AUTHENTICATE XOAUTH2"), Says(says), Silent];
        let error = Session::open(&with_token(vec![lines])).await.err().unwrap();
        assert!(error.what.contains(expect) && !error.what.contains("geheim"), "{error} should say {expect}");
    }
    let twice = vec![at_once.clone(), Hears("AUTHENTICATE XOAUTH2"), Says("+ e30=\r\n+ e30=\r\n"), Silent];
    let error = Session::open(&with_token(vec![twice])).await.err().unwrap();
    assert_eq!(error.advice, crate::edge::Advice::Ask, "not again and again, every second");
    let endless: Vec<Line> = std::iter::once(at_once)
        .chain([Hears("AUTHENTICATE XOAUTH2")])
        .chain(std::iter::repeat_n(Says("* OK and on and on\r\n"), 510_000))
        .collect();
    let error = Session::open(&with_token(vec![endless])).await.err().unwrap();
    assert!(error.what.contains("says more than was asked for"), "{error}");
}
