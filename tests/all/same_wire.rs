//! The IMAP client does the same errands on the embedded server and on real ones, over every kind of wire, and finds
//! the same: so that what the simulation proves holds outside it.

use crate::support::courier::Courier;
use crate::support::cyrus::{self, Cyrus};
use crate::support::dovecot::{self, Dovecot};
use crate::support::oracle::{Mailboxes, Oracle};
use crate::support::real::Real;
use jiff::Timestamp;
use modori::demo::Server;
use modori::edge::clock::Clock;
use modori::edge::imap::{
    Cues, Dial, Fetch, ImapAccount, Laid, Pace, Security, Session, Sight, Standing, UidSet, watch,
};
use modori::edge::secret::Secret;
use std::time::Duration;
use tokio::sync::mpsc;

const FOLDER: &str = "楽天/再入荷";
const DRAFTS: &str = "下書き";

fn account(dial: Dial) -> ImapAccount {
    ImapAccount {
        name: "test".to_owned(),
        dial,
        user: dovecot::USER.to_owned(),
        credential: Secret::Given(dovecot::PASSWORD.into()).into(),
        pace: Pace::default(),
        fetch_cap: 64 * 1024,
    }
}

fn tcp(port: u16, security: Security, ca: Option<&std::path::Path>) -> Dial {
    let tls = std::sync::Arc::new(modori::edge::tls::client_config(ca).unwrap());
    Dial::Tcp { host: "127.0.0.1".to_owned(), port, security, tls }
}

fn mail(n: u32) -> Vec<u8> {
    let line = "本文の一行です。\r\n".repeat(3000);
    format!("Message-ID: <{n}@example.test>\r\nSubject: mail {n}\r\n\r\n{line}").into_bytes()
}

/// A folder, and of each message in it the Message-ID and the flags.
type Folder<'a> = (&'a str, Vec<(&'a str, Vec<&'a str>)>);

fn folders(mailboxes: &Mailboxes) -> Vec<Folder<'_>> {
    mailboxes
        .iter()
        .map(|(name, all)| {
            let lines = all
                .iter()
                .map(|seen| {
                    let flags = seen.flags.iter().map(String::as_str).filter(|flag| *flag != "\\Recent").collect();
                    (seen.message_id.as_str(), flags)
                })
                .collect();
            (name.as_str(), lines)
        })
        .collect()
}

async fn errands(account: &ImapAccount) {
    let mut session = Session::open(account).await.unwrap();
    let received: Timestamp = "2026-11-20T01:02:03Z".parse().unwrap();
    for n in 1..=4 {
        session.append("INBOX", &["\\Flagged"], Some(received), &mail(n)).await.unwrap();
    }
    session.ensure_folder(FOLDER).await.unwrap();
    session.ensure_folder(FOLDER).await.unwrap();
    let inbox = session.select("INBOX").await.unwrap();
    assert_eq!((inbox.messages, inbox.uid_next), (4, 5));

    let first = session.fetch(&UidSet::from(2), Fetch::First(40_000)).await.unwrap();
    assert_eq!(first.iter().map(|one| one.uid).collect::<Vec<_>>(), [2, 3, 4]);
    assert_eq!((first[0].received, first[0].size as usize), (Some(received), mail(2).len()));
    assert_eq!(first[0].bytes, mail(2)[..40_000]);
    assert_eq!(session.fetch(&UidSet::from(5), Fetch::Flags).await.unwrap(), []);

    let moved = if session.has("MOVE") {
        session.uid_move(&UidSet::of([1, 3]), FOLDER).await.unwrap().unwrap()
    } else {
        let copied = session.uid_copy(&UidSet::of([1, 3]), FOLDER).await.unwrap().unwrap();
        session.add_flags(&UidSet::of([1, 3]), &["\\Deleted"]).await.unwrap();
        session.uid_expunge(&UidSet::of([1, 3])).await.unwrap();
        copied
    };
    assert_eq!((moved.target_of(1), moved.target_of(3), moved.target_of(2)), (Some(1), Some(2), None));
    let copied = session.uid_copy(&UidSet::of([2]), FOLDER).await.unwrap().unwrap();
    assert_eq!((copied.target_of(2), copied.uid_validity), (Some(3), moved.uid_validity));
    session.add_flags(&UidSet::of([2]), &["\\Deleted"]).await.unwrap();
    session.uid_expunge(&UidSet::of([2, 4])).await.unwrap();
    let status = session.status(FOLDER).await.unwrap();
    assert_eq!((status.messages, status.uid_next, status.uid_validity), (3, 4, moved.uid_validity));
    assert!(session.uid_copy(&UidSet::of([4]), "missing/folder").await.unwrap_err().refused);
    assert_eq!(session.fetch(&UidSet::of([4]), Fetch::Whole).await.unwrap()[0].bytes, mail(4));
    session.ensure_folder(DRAFTS).await.unwrap();
    let laid = session.append(DRAFTS, &["\\Draft"], None, &mail(5)).await.unwrap();
    // by its whole Message-ID, also when so many came after it that only the server's search knows of it
    for n in 0..35 {
        let small = format!("Message-ID: <{n}5@example.test>\r\nSubject: small\r\n\r\nx\r\n");
        session.append(DRAFTS, &[], None, small.as_bytes()).await.unwrap();
    }
    let (opened, found) = session.with_message_id(DRAFTS, "5@example.test", 0).await.unwrap().unwrap();
    assert_eq!((opened.messages, found), (36, vec![1]));
    assert_eq!(laid, Some(Laid { uid_validity: opened.uid_validity, uid: 1 }));
    let (_, found) = session.with_message_id(DRAFTS, "345@example.test", 0).await.unwrap().unwrap();
    assert_eq!(found, [36]);
    let (_, found) = session.with_message_id(DRAFTS, "example.test", 0).await.unwrap().unwrap();
    assert!(found.is_empty());
    assert_eq!(session.with_message_id("missing/folder", "5@example.test", 0).await.unwrap(), None);
    session.select(DRAFTS).await.unwrap();
    session.add_flags(&UidSet::from(2), &["\\Deleted"]).await.unwrap();
    session.uid_expunge(&UidSet::from(2)).await.unwrap();
    assert!(session.list_uses().await.unwrap().iter().any(|folder| folder.name == DRAFTS));
    assert!(session.list().await.unwrap().iter().any(|folder| folder.name == FOLDER));
    session.logout().await;
}

/// `written` is how the server writes a folder.
fn check_errands(found: &Mailboxes, written: impl Fn(&str) -> String) {
    let flagged = vec!["\\Flagged"];
    let folder = vec![
        ("1@example.test", flagged.clone()),
        ("3@example.test", flagged.clone()),
        ("2@example.test", flagged.clone()),
    ];
    let found: Vec<_> = folders(found).into_iter().filter(|(_, messages)| !messages.is_empty()).collect();
    let (drafts, target) = (written(DRAFTS), written(FOLDER));
    let mut expected = vec![
        ("INBOX", vec![("4@example.test", flagged)]),
        (drafts.as_str(), vec![("5@example.test", vec!["\\Draft"])]),
        (target.as_str(), folder),
    ];
    expected.sort();
    assert_eq!(found, expected);
}

/// Watches while `deliver` lays messages 11 to 13 into INBOX one after the other; each must be told once, in order.
async fn watched(account: ImapAccount, deliver: impl Fn(u32)) {
    let (send, mut sights) = mpsc::channel(16);
    let task = tokio::spawn(async move {
        watch(&account, "INBOX", &Clock::system(), Standing::default(), Cues::none(), send).await
    });
    let mut next = 11;
    let mut seen = vec![];
    while seen.len() < 3 {
        match tokio::time::timeout(Duration::from_secs(30), sights.recv()).await.unwrap().unwrap() {
            Sight::Opened { uid_next, reply, .. } => reply.send(uid_next).unwrap(),
            Sight::Mail(arrival) => seen.push(String::from_utf8_lossy(&arrival.bytes[..1000]).into_owned()),
            Sight::Looked { .. } if next <= 13 && seen.len() as u32 == next - 11 => {
                deliver(next);
                next += 1;
            }
            Sight::Looked { .. } | Sight::Alive => {}
            other => panic!("{other:?}"),
        }
    }
    task.abort();
    for (n, head) in (11..).zip(seen) {
        // LMTP puts lines of its own before the first
        assert!(head.contains(&format!("Message-ID: <{n}@")), "{head}");
    }
}

#[tokio::test]
async fn embedded_in_memory() {
    let server = Server::new(dovecot::USER, dovecot::PASSWORD);
    errands(&account(server.dial())).await;
    let now = Timestamp::UNIX_EPOCH;
    watched(account(server.dial()), |n| assert!(server.deliver("INBOX", &mail(n), now) > 0)).await;
    let flags: Vec<_> = server.mailboxes()["INBOX"].iter().flat_map(|stored| stored.flags.clone()).collect();
    assert_eq!(flags, ["\\Flagged"], "watching marks nothing as read");
}

#[tokio::test(flavor = "multi_thread")]
async fn embedded_over_tcp() {
    let server = Server::new(dovecot::USER, dovecot::PASSWORD);
    let (address, task) = server.listen("127.0.0.1:0".parse().unwrap()).await.unwrap();
    errands(&account(tcp(address.port(), Security::Plain, None))).await;
    let look = move || Oracle::login(address.port(), dovecot::USER, dovecot::PASSWORD).unwrap().all().unwrap();
    check_errands(&tokio::task::spawn_blocking(look).await.unwrap(), str::to_owned);
    task.abort();
}

async fn on(real: &dyn Real, account: ImapAccount) {
    println!("{}", real.name());
    errands(&account).await;
    check_errands(&real.mailboxes(), |folder| real.written(folder));
    watched(account, |n| real.deliver(&mail(n))).await;
    let all = real.mailboxes();
    let read = all.values().flatten().filter(|seen| seen.flags.iter().any(|flag| flag == "\\Seen")).count();
    assert_eq!(read, 0, "nothing was marked as read");
}

#[tokio::test(flavor = "multi_thread")]
async fn dovecot_over_every_kind_of_wire() {
    for security in [Security::Plain, Security::StartTls, Security::Tls] {
        let Some(server) = Dovecot::start(&dovecot::Setup::default()) else { return };
        let port = if security == Security::Tls { server.imaps } else { server.imap };
        on(&server, account(tcp(port, security, Some(&server.ca_file)))).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn cyrus_with_every_kind_of_name() {
    for (unix_hierarchy, alt_namespace) in [(false, false), (false, true), (true, false), (true, true)] {
        let Some(server) = Cyrus::start(cyrus::Setup { unix_hierarchy, alt_namespace }) else { return };
        on(&server, account(tcp(server.imap(), Security::Plain, None))).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn courier_in_clear_and_with_starttls() {
    for (security, enhanced_idle) in [(Security::Plain, false), (Security::StartTls, true)] {
        let Some(server) = Courier::start(enhanced_idle) else { return };
        on(&server, account(tcp(server.imap(), security, Some(&server.ca_file)))).await;
    }
}
