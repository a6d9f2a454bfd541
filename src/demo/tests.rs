//! Raw conversations with the embedded server.

mod login;

use super::{Fault, Server};
use crate::edge::imap::{Dial, Wire};
use jiff::Timestamp;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

mod gmail;

struct Client {
    wire: Box<dyn Wire>,
    input: Vec<u8>,
}

fn at() -> Timestamp {
    "2026-11-20T01:02:03Z".parse().unwrap()
}

fn mail(n: u32) -> Vec<u8> {
    format!("Message-ID: <{n}@example.test>\r\nSubject: mail {n}\r\n\r\nbody\r\n").into_bytes()
}

impl Client {
    fn dial(server: &Server) -> Self {
        let Dial::Memory(dial) = server.dial() else { panic!("not in memory") };
        Self { wire: dial().unwrap(), input: vec![] }
    }

    async fn enter(server: &Server, select: &str) -> Self {
        let mut client = Self::dial(server);
        client.line().await.unwrap();
        client.ask("LOGIN u p").await;
        if !select.is_empty() {
            client.ask(select).await;
        }
        client
    }

    async fn send(&mut self, text: &str) {
        self.wire.write_all(text.as_bytes()).await.unwrap();
    }

    /// The next line, literals in it as they are; `None` at the end of the stream.
    async fn line(&mut self) -> Option<String> {
        loop {
            if let Some(end) = self.input.windows(2).position(|two| two == b"\r\n") {
                let line: Vec<u8> = self.input.drain(..end + 2).collect();
                return Some(String::from_utf8(line).unwrap().trim_end().to_owned());
            }
            if self.wire.read_buf(&mut self.input).await.unwrap_or(0) == 0 {
                return None;
            }
        }
    }

    /// All lines up to and with the tagged one, or up to the end of the stream.
    async fn until_tag(&mut self) -> Vec<String> {
        let mut lines = vec![];
        while let Some(line) = self.line().await {
            let tagged = line.starts_with("t ");
            lines.push(line);
            if tagged {
                break;
            }
        }
        lines
    }

    async fn ask(&mut self, command: &str) -> Vec<String> {
        self.send(&format!("t {command}\r\n")).await;
        self.until_tag().await
    }
}

async fn check(client: &mut Client, command: &str, expect: &[&str]) {
    assert_eq!(client.ask(command).await, expect, "{command}");
}

fn server_with(count: u32) -> Server {
    let server = Server::new("u", "p");
    for n in 1..=count {
        server.deliver("INBOX", &mail(n), at());
    }
    server
}

fn uids(server: &Server, mailbox: &str) -> Vec<u32> {
    server.mailboxes().get(mailbox).map(|all| all.iter().map(|one| one.uid).collect()).unwrap_or_default()
}

#[tokio::test]
async fn login_and_state() {
    let server = server_with(0);
    let mut c = Client::dial(&server);
    assert!(c.line().await.unwrap().starts_with("* OK [CAPABILITY IMAP4rev1 "));
    check(&mut c, "SELECT INBOX", &["t BAD not in this state"]).await;
    check(&mut c, "LOGIN u wrong", &["t NO [AUTHENTICATIONFAILED] wrong user or password"]).await;
    check(&mut c, "AUTHENTICATE XOAUTH2 eA==", &["t NO [CANNOT] this mechanism is not known"]).await;
    c.send("t AUTHENTICATE PLAIN\r\n").await;
    assert_eq!(c.line().await.unwrap(), "+");
    c.send("AHUAcA==\r\n").await;
    assert!(c.until_tag().await[0].starts_with("t OK [CAPABILITY "));
    check(&mut c, "FETCH 1 UID", &["t BAD not in this state"]).await;
    check(&mut c, "XYZZY", &["t BAD unknown command"]).await;
    c.send("\r\n").await;
    assert_eq!(c.line().await.unwrap(), "* BAD this is not a command");
    check(&mut c, "NAMESPACE", &["* NAMESPACE ((\"\" \"/\")) NIL NIL", "t OK done"]).await;
    check(&mut c, "LOGOUT", &["* BYE until then", "t OK logged out"]).await;
    assert_eq!(c.line().await, None);
    assert!(server.commands().iter().all(|command| !command.contains("wrong") && !command.contains("AHU")));
    let mut other = Client::dial(&server);
    other.line().await;
    other.send("t LOGIN {1}\r\n").await;
    assert_eq!(other.line().await.unwrap(), "+ go on");
    other.send("u {1+}\r\np\r\n").await;
    assert!(other.until_tag().await[0].starts_with("t OK"));
}

#[tokio::test]
async fn folders() {
    let server = server_with(1);
    let mut c = Client::enter(&server, "").await;
    check(&mut c, "CREATE \"&aX1ZKQ-/&UY1RZYN3-\"", &["t OK done"]).await;
    check(&mut c, "CREATE \"&aX1ZKQ-/&UY1RZYN3-\"", &["t NO [ALREADYEXISTS] mailbox exists"]).await;
    check(&mut c, "CREATE \"&A-\"", &["t BAD arguments not understood"]).await;
    check(&mut c, "CREATE a//b", &["t NO [CANNOT] not a name for a mailbox"]).await;
    check(&mut c, "SUBSCRIBE \"&aX1ZKQ-/&UY1RZYN3-\"", &["t OK done"]).await;
    server.create("Junk", Some("\\Junk"));
    check(
        &mut c,
        "LIST \"\" *",
        &[
            "* LIST (\\HasNoChildren) \"/\" \"INBOX\"",
            "* LIST (\\HasNoChildren \\Junk) \"/\" \"Junk\"",
            "* LIST (\\HasChildren \\Noselect) \"/\" \"&aX1ZKQ-\"",
            "* LIST (\\HasNoChildren) \"/\" \"&aX1ZKQ-/&UY1RZYN3-\"",
            "t OK done",
        ],
    )
    .await;
    check(&mut c, "LIST \"\" \"\"", &["* LIST (\\Noselect) \"/\" \"\"", "t OK done"]).await;
    check(&mut c, "LIST \"\" inbox", &["* LIST (\\HasNoChildren) \"/\" \"INBOX\"", "t OK done"]).await;
    check(&mut c, "LSUB \"&aX1ZKQ-/\" %", &["* LSUB (\\HasNoChildren) \"/\" \"&aX1ZKQ-/&UY1RZYN3-\"", "t OK done"])
        .await;
    let validity = server.uid_validity("inbox").unwrap();
    check(
        &mut c,
        "STATUS inbox (MESSAGES UIDNEXT UIDVALIDITY UNSEEN)",
        &[&format!("* STATUS \"INBOX\" (MESSAGES 1 UIDNEXT 2 UIDVALIDITY {validity} UNSEEN 1)"), "t OK done"],
    )
    .await;
    check(&mut c, "STATUS nowhere (MESSAGES)", &["t NO [NONEXISTENT] no such mailbox"]).await;
    check(&mut c, "SELECT nowhere", &["t NO [NONEXISTENT] no such mailbox"]).await;
    assert!(server.mailboxes().contains_key("楽天/再入荷"));
    let below = Server::with("u", "p", crate::edge::clock::Clock::system(), '.', "INBOX.");
    let mut c = Client::enter(&below, "").await;
    check(&mut c, "NAMESPACE", &["* NAMESPACE ((\"INBOX.\" \".\")) NIL NIL", "t OK done"]).await;
    check(&mut c, "CREATE a", &["t NO [CANNOT] outside the namespace"]).await;
    check(&mut c, "CREATE INBOX.a", &["t OK done"]).await;
}

#[tokio::test]
async fn fetch_store_and_search() {
    let server = server_with(3);
    let mut c = Client::enter(&server, "EXAMINE INBOX").await;
    let date = "INTERNALDATE \"20-Nov-2026 10:02:03 +0900\"";
    check(
        &mut c,
        "UID FETCH 2 (UID FLAGS INTERNALDATE RFC822.SIZE BODY.PEEK[]<9.5>)",
        &[&format!("* 2 FETCH (UID 2 FLAGS () {date} RFC822.SIZE 55 BODY[]<9> {{5}}"), "D: <2)", "t OK fetched"],
    )
    .await;
    check(&mut c, "UID FETCH 9:4294967295 (UID)", &["t OK fetched"]).await;
    check(&mut c, "UID FETCH 9:* FLAGS", &["* 3 FETCH (UID 3 FLAGS ())", "t OK fetched"]).await;
    check(
        &mut c,
        "FETCH 1 BODY[HEADER.FIELDS (SUBJECT)]",
        &["* 1 FETCH (BODY[HEADER.FIELDS (SUBJECT)] {19}", "Subject: mail 1", "", ")", "t OK fetched"],
    )
    .await;
    check(&mut c, "FETCH 1 BODY[]<9999.5>", &["* 1 FETCH (BODY[]<9999> {0}", ")", "t OK fetched"]).await;
    check(&mut c, "FETCH 1 (UID", &["t BAD arguments not understood"]).await;
    check(&mut c, "STORE 1 +FLAGS (\\Seen)", &["t NO [READ-ONLY] selected with EXAMINE"]).await;
    let (mut c, mut other) =
        (Client::enter(&server, "SELECT INBOX").await, Client::enter(&server, "SELECT INBOX").await);
    check(
        &mut c,
        "UID STORE 1:2 +FLAGS (\\flagged $x)",
        &["* 1 FETCH (UID 1 FLAGS ($x \\Flagged))", "* 2 FETCH (UID 2 FLAGS ($x \\Flagged))", "t OK stored"],
    )
    .await;
    check(&mut c, "UID STORE 2 -FLAGS.SILENT ($x)", &["t OK stored"]).await;
    check(&mut other, "NOOP", &["* 1 FETCH (FLAGS ($x \\Flagged))", "* 2 FETCH (FLAGS (\\Flagged))", "t OK done"])
        .await;
    check(&mut c, "UID SEARCH FLAGGED NOT KEYWORD $x", &["* SEARCH 2", "t OK searched"]).await;
    check(&mut c, "UID SEARCH HEADER message-id \"<3@EXAMPLE\"", &["* SEARCH 3", "t OK searched"]).await;
    check(&mut c, "SEARCH SINCE 20-Nov-2026 UID 2:*", &["* SEARCH 2 3", "t OK searched"]).await;
    check(&mut c, "UID SEARCH SINCE 21-Nov-2026", &["* SEARCH", "t OK searched"]).await;
    check(
        &mut c,
        "UID FETCH 3 BODY[TEXT]",
        &["* 3 FETCH (UID 3 BODY[TEXT] {6}", "body", " FLAGS (\\Seen))", "t OK fetched"],
    )
    .await;
}

#[tokio::test]
async fn copy_move_and_expunge() {
    let server = server_with(5);
    server.create("to", None);
    let validity = server.uid_validity("to").unwrap();
    let (mut c, mut other) =
        (Client::enter(&server, "SELECT INBOX").await, Client::enter(&server, "SELECT INBOX").await);
    check(&mut c, "UID COPY 1,3:4 to", &[&format!("t OK [COPYUID {validity} 1,3:4 1:3] copied")]).await;
    check(&mut c, "UID MOVE 2:3 nowhere", &["t NO [TRYCREATE] no such mailbox"]).await;
    check(
        &mut c,
        "UID MOVE 2:3 to",
        &[&format!("* OK [COPYUID {validity} 2:3 4:5] moved"), "* 3 EXPUNGE", "* 2 EXPUNGE", "t OK moved"],
    )
    .await;
    check(&mut c, "UID MOVE 2:3 to", &["t OK moved"]).await;
    // the other session may not be told of the expunge during a FETCH, and its numbers still stand
    check(&mut other, "FETCH 4 UID", &["* 4 FETCH (UID 4)", "t OK fetched"]).await;
    check(&mut other, "FETCH 2 UID", &["t OK fetched"]).await;
    check(&mut other, "NOOP", &["* 3 EXPUNGE", "* 2 EXPUNGE", "t OK done"]).await;
    check(&mut c, "UID STORE 4:5 +FLAGS.SILENT (\\Deleted)", &["t OK stored"]).await;
    check(&mut c, "UID EXPUNGE 5", &["* 3 EXPUNGE", "t OK expunged"]).await;
    assert_eq!(uids(&server, "INBOX"), [1, 4]);
    check(&mut c, "EXPUNGE", &["* 2 EXPUNGE", "t OK expunged"]).await;
    assert_eq!((uids(&server, "INBOX"), uids(&server, "to")), (vec![1], vec![1, 2, 3, 4, 5]));
    for capability in ["UIDPLUS", "MOVE"] {
        server.withdraw(capability);
    }
    check(&mut c, "UID COPY 1 to", &["t OK copied"]).await;
    check(&mut c, "UID EXPUNGE 1", &["t BAD unknown command"]).await;
    check(&mut c, "UID MOVE 1 to", &["t BAD unknown command"]).await;
}

#[tokio::test]
async fn append_with_both_kinds_of_literal() {
    let server = server_with(0);
    let validity = server.uid_validity("INBOX").unwrap();
    let mut c = Client::enter(&server, "").await;
    c.send("t APPEND INBOX (\\Seen \\draft) \"01-Nov-2026 10:00:00 +0900\" {5}\r\n").await;
    assert_eq!(c.line().await.unwrap(), "+ go on");
    c.send("a\r\nb\n\r\n").await;
    assert_eq!(c.until_tag().await, [format!("t OK [APPENDUID {validity} 1] appended")]);
    check(&mut c, "APPEND INBOX {3+}\r\nx}\n", &[&format!("t OK [APPENDUID {validity} 2] appended")]).await;
    check(&mut c, "APPEND nowhere {1+}\r\nx", &["t NO [TRYCREATE] no such mailbox"]).await;
    let stored = server.mailboxes().remove("INBOX").unwrap();
    assert_eq!((&*stored[0].bytes, &*stored[1].bytes), (&b"a\r\nb\n"[..], &b"x}\n"[..]));
    assert_eq!(stored[0].received, "2026-11-01T01:00:00Z".parse().unwrap());
    assert_eq!(stored[0].flags.iter().collect::<Vec<_>>(), ["\\Draft", "\\Seen"]);
    c.send("t APPEND INBOX {99999999999}\r\n").await;
    assert_eq!(c.line().await.unwrap(), "* BYE literal too large");
    assert_eq!(c.line().await, None);
}

#[tokio::test]
async fn idle_tells_at_once_and_ends_with_done() {
    let server = server_with(1);
    let mut c = Client::enter(&server, "EXAMINE INBOX").await;
    c.send("t IDLE\r\n").await;
    assert_eq!(c.line().await.unwrap(), "+ idling");
    server.deliver("INBOX", &mail(2), at());
    assert_eq!(c.line().await.unwrap(), "* 2 EXISTS");
    assert_eq!(c.line().await.unwrap(), "* 0 RECENT");
    server.flag("INBOX", 2, "\\Seen", true);
    assert_eq!(c.line().await.unwrap(), "* 2 FETCH (FLAGS (\\Seen))");
    server.expunge("INBOX", 1);
    assert_eq!(c.line().await.unwrap(), "* 1 EXPUNGE");
    // DONE and the next command in one write
    c.send("DONE\r\nt2 UID FETCH 2:4294967295 (UID)\r\n").await;
    assert_eq!(c.line().await.unwrap(), "t OK idle ended");
    assert_eq!(c.line().await.unwrap(), "* 1 FETCH (UID 2)");
    assert_eq!(c.line().await.unwrap(), "t2 OK fetched");
    c.send("t IDLE\r\n").await;
    c.line().await;
    server.renumber("INBOX");
    assert!(c.line().await.unwrap().starts_with("* BYE"));
    assert_eq!(c.line().await, None);
}

#[tokio::test]
async fn notify_brings_the_message_inside_the_event() {
    let server = server_with(1);
    let mut c = Client::enter(&server, "EXAMINE INBOX").await;
    for refused in [
        "NOTIFY SET (selected (MessageNew))",
        "NOTIFY SET (selected (MessageNew (UID) MessageExpunge)",
        "NOTIFY SET (personal (MessageNew))",
        "NOTIFY",
    ] {
        check(&mut c, refused, &["t BAD arguments not understood"]).await;
    }
    let odd = c.ask("NOTIFY SET (selected (AnnotationChange))").await;
    assert!(odd[0].starts_with("t NO [BADEVENT"), "{odd:?}");
    check(
        &mut c,
        "NOTIFY SET (selected (MessageNew (UID BODY.PEEK[]<0.4>) MessageExpunge))",
        &["t OK told from now on"],
    )
    .await;
    server.deliver("INBOX", &mail(2), at());
    check(&mut c, "NOOP", &["* 2 EXISTS", "* 0 RECENT", "* 2 FETCH (UID 2 BODY[]<0> {4}", "Mess)", "t OK done"]).await;
    c.send("t IDLE\r\n").await;
    assert_eq!(c.line().await.unwrap(), "+ idling");
    server.deliver("INBOX", &mail(3), at());
    for told in ["* 3 EXISTS", "* 0 RECENT", "* 3 FETCH (UID 3 BODY[]<0> {4}", "Mess)"] {
        assert_eq!(c.line().await.unwrap(), told);
    }
    c.send("DONE\r\n").await;
    c.line().await;
    check(&mut c, "NOTIFY NONE", &["t OK nothing is told"]).await;
    server.deliver("INBOX", &mail(4), at());
    check(&mut c, "NOOP", &["t OK done"]).await;
}

#[tokio::test(start_paused = true)]
async fn faults_strike_once_and_are_counted() {
    let server = server_with(3);
    server.create("to", None);
    let enter = || Client::enter(&server, "SELECT INBOX");
    let mut c = enter().await;
    server.fault("UID MOVE", Fault::OnlySayOk);
    check(&mut c, "UID MOVE 1 to", &["t OK done"]).await;
    assert_eq!(uids(&server, "to"), [0; 0]);
    server.fault("MOVE", Fault::LoseAnswer);
    assert_eq!(c.ask("UID MOVE 1 to").await, [""; 0]);
    assert_eq!((uids(&server, "INBOX"), uids(&server, "to")), (vec![2, 3], vec![1]));
    let mut c = enter().await;
    server.fault("CREATE", Fault::Refuse("[OVERQUOTA] full".to_owned()));
    check(&mut c, "CREATE x", &["t NO [OVERQUOTA] full"]).await;
    check(&mut c, "CREATE x", &["t OK done"]).await;
    server.fault("*", Fault::Delay(Duration::from_secs(3600)));
    check(&mut c, "NOOP", &["t OK done"]).await;
    server.fault("FETCH", Fault::Double);
    check(&mut c, "FETCH 1 UID", &["* 1 FETCH (UID 2)", "* 1 FETCH (UID 2)", "t OK fetched"]).await;
    server.fault("NOOP", Fault::Bye);
    check(&mut c, "NOOP", &["* BYE going down"]).await;
    server.fault("LOGIN", Fault::Cut);
    let mut c = Client::dial(&server);
    c.line().await;
    assert_eq!(c.ask("LOGIN u p").await, [""; 0]);
    let mut c = enter().await;
    server.fault("NOOP", Fault::Hang);
    c.send("t NOOP\r\n").await;
    assert!(tokio::time::timeout(Duration::from_secs(60), c.line()).await.is_err());
    server.cut_all();
    assert_eq!(c.line().await, None);
    assert_eq!(server.struck().values().sum::<u64>(), 8, "{:?}", server.struck());
    server.set_down(true);
    let Dial::Memory(dial) = server.dial() else { panic!("not in memory") };
    assert!(dial().is_err());
}

#[tokio::test]
async fn the_wire_is_cut_at_any_byte() {
    for bytes in 0..400 {
        for writing in [true, false] {
            let server = server_with(2);
            server.create("to", None);
            if writing {
                server.cut_after_writing(bytes);
            } else {
                server.cut_after_reading(bytes);
            }
            let mut c = Client::dial(&server);
            let _ = c.wire.write_all(b"t LOGIN u p\r\nt SELECT INBOX\r\nt UID MOVE 1 to\r\nt NOOP\r\n").await;
            let mut got = vec![];
            let ended = tokio::time::timeout(Duration::from_millis(2), c.wire.read_to_end(&mut got)).await;
            if let Ok(Ok(_)) = ended {
                assert!(!writing || got.len() as u64 == bytes, "{bytes}: {}", got.len());
                assert_eq!(server.struck().len(), 1);
            }
            let all = uids(&server, "INBOX").len() + uids(&server, "to").len();
            assert_eq!(all, 2);
        }
    }
}

#[tokio::test]
async fn noise_does_not_end_the_server() {
    let server = server_with(1);
    let mut seed = 7_u32;
    let alphabet = b"t UIDFETCHSOR1:*()[]<>.{}\"\\ \r\n&-\xe5";
    for _ in 0..300 {
        let mut c = Client::enter(&server, "SELECT INBOX").await;
        let noise: Vec<u8> = (0..60)
            .map(|_| {
                seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                alphabet[(seed >> 16) as usize % alphabet.len()]
            })
            .collect();
        let _ = c.wire.write_all(&[b"t UID FETCH ".as_slice(), &noise, b"\r\n"].concat()).await;
    }
    let mut c = Client::enter(&server, "").await;
    check(&mut c, "NOOP", &["t OK done"]).await;
}

#[tokio::test]
async fn it_listens_on_loopback_too() {
    let server = server_with(1);
    let (address, task) = server.listen("127.0.0.1:0".parse().unwrap()).await.unwrap();
    let wire = tokio::net::TcpStream::connect(address).await.unwrap();
    let mut c = Client { wire: Box::new(wire), input: vec![] };
    assert!(c.line().await.unwrap().starts_with("* OK"));
    assert!(c.ask("LOGIN u p").await[0].starts_with("t OK"));
    task.abort();
}
