//! The risk: a real server that restarts, keeps its folders below INBOX, cannot move, cannot be trusted or refuses us.

use crate::support::courier::Courier;
use crate::support::cyrus::{self, Cyrus};
use crate::support::dovecot::{self, Dovecot, Setup};
use crate::support::real::Real;
use jiff::Timestamp;
use modori::edge::Advice;
use modori::edge::clock::Clock;
use modori::edge::imap::{Cues, Dial, ImapAccount, Pace, Security, Session, Sight, Standing, UidSet, watch};
use modori::edge::secret::Secret;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc;

const FOLDER: &str = "楽天/再入荷";

fn account(port: u16, security: Security, ca: Option<&Path>) -> ImapAccount {
    let tls = Arc::new(modori::edge::tls::client_config(ca).unwrap());
    ImapAccount {
        name: "test".to_owned(),
        dial: Dial::Tcp { host: "127.0.0.1".to_owned(), port, security, tls },
        user: dovecot::USER.to_owned(),
        credential: Secret::Given(dovecot::PASSWORD.into()).into(),
        pace: Pace { back_off: (Duration::from_millis(50), Duration::from_millis(200)), ..Pace::default() },
        fetch_cap: 64 * 1024,
    }
}

fn mail(n: u32) -> Vec<u8> {
    format!("Message-ID: <{n}@example.test>\r\nSubject: mail {n}\r\n\r\ntext {n}\r\n").into_bytes()
}

/// Hears a watch that keeps its cursor as the engine does, until the look after the mail with UID `last`. Answers the
/// UIDs told, and whether the connection was lost meanwhile.
async fn hear(sights: &mut mpsc::Receiver<Sight>, cursor: &mut u32, last: u32) -> (Vec<u32>, bool) {
    let (mut told, mut lost) = (Vec::new(), false);
    while *cursor <= last {
        match sights.recv().await.unwrap() {
            Sight::Opened { reply, .. } => reply.send(*cursor).unwrap(),
            Sight::Mail(arrival) => {
                let text = String::from_utf8(arrival.bytes).unwrap();
                assert!(text.contains(&format!("Message-ID: <{}@example.test>", arrival.place.uid)), "{text}");
                told.push(arrival.place.uid);
            }
            Sight::Unfetched { place, why } => panic!("{place}: {why}"),
            Sight::Looked { next_uid, .. } => *cursor = next_uid,
            Sight::Alive => {}
            Sight::Lost { .. } => lost = true,
        }
    }
    (told, lost)
}

async fn restarted(server: &mut dyn Real, account: ImapAccount) {
    let (to, mut sights) = mpsc::channel(8);
    let clock = Clock::simulated(Timestamp::UNIX_EPOCH);
    let watching =
        tokio::spawn(async move { watch(&account, "INBOX", &clock, Standing::default(), Cues::none(), to).await });
    let mut cursor = 1;

    server.deliver(&mail(1));
    assert_eq!(hear(&mut sights, &mut cursor, 1).await, (vec![1], false));
    server.deliver_all(&[&mail(2), &mail(3)]);
    assert_eq!(hear(&mut sights, &mut cursor, 3).await.0, [2, 3]);

    tokio::task::block_in_place(|| {
        server.restart();
        server.deliver(&mail(4));
    });
    assert_eq!(hear(&mut sights, &mut cursor, 4).await, (vec![4], true));
    // and it waits again, not only looks
    server.oracle().append("INBOX", &mail(5)).unwrap();
    assert_eq!(hear(&mut sights, &mut cursor, 5).await.0, [5]);
    drop(sights);
    watching.await.unwrap();
    let flags: Vec<_> =
        server.mailboxes()["INBOX"].iter().map(|seen| seen.flags.contains(&"\\Seen".to_owned())).collect();
    assert_eq!(flags, [false; 5], "nothing was marked as read");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restarted_server_is_found_again_and_each_mail_told_once() {
    if let Some(mut server) = Dovecot::start(&Setup::default()) {
        let account = account(server.imaps, Security::Tls, Some(&server.ca_file));
        restarted(&mut server, account).await;
    }
    if let Some(mut server) = Cyrus::start(cyrus::Setup::default()) {
        let account = account(server.imap(), Security::Plain, None);
        restarted(&mut server, account).await;
    }
    if let Some(mut server) = Courier::start(false) {
        let account = account(server.imap(), Security::StartTls, Some(&server.ca_file));
        restarted(&mut server, account).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn folders_below_inbox_are_written_as_the_shopper_names_them() {
    let setup = Setup { prefix: "INBOX.", separator: '.', maildir: true, ..Setup::default() };
    let Some(server) = Dovecot::start(&setup) else { return };
    server.deliver_all(&[mail(1), mail(2)]);
    let mut session = Session::open(&account(server.imap, Security::StartTls, Some(&server.ca_file))).await.unwrap();
    session.ensure_folder(FOLDER).await.unwrap();
    session.select("INBOX").await.unwrap();
    let moved = session.uid_move(&UidSet::of([2]), FOLDER).await.unwrap().unwrap();
    assert!(moved.target_of(2).is_some() && moved.target_of(1).is_none());
    assert_eq!(session.status(FOLDER).await.unwrap().messages, 1);
    assert!(session.list().await.unwrap().iter().any(|folder| folder.name == FOLDER));
    session.logout().await;
    assert!(server.oracle().folders().unwrap().iter().any(|name| name == "INBOX.楽天.再入荷"));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_trusted_or_is_refused_is_said_plainly() {
    let Some(server) = Dovecot::start(&Setup::without(&["MOVE"])) else { return };
    let refused = |account: ImapAccount| async move {
        let Err(error) = Session::open(&account).await else { panic!("logged in") };
        assert_eq!(error.advice, Advice::Ask, "{error}");
        assert!(!error.what.contains("wrong-secret"));
        error.what
    };
    let trusted = Some(server.ca_file.as_path());
    for security in [Security::Tls, Security::StartTls] {
        let port = if security == Security::Tls { server.imaps } else { server.imap };
        let what = refused(account(port, security, None)).await;
        assert!(what.contains("cannot be trusted"), "{what}");
        let wrong =
            ImapAccount { credential: Secret::Given("wrong-secret".into()).into(), ..account(port, security, trusted) };
        let what = refused(wrong).await;
        assert!(what.contains("login of shopper was refused"), "{what}");
    }
    let mut session = Session::open(&account(server.imap, Security::Plain, None)).await.unwrap();
    assert!(!session.has("MOVE") && session.has("UIDPLUS"));
    let error = session.select("no such folder").await.unwrap_err();
    assert!(error.refused && error.what.contains("no such folder"), "{error}");
    // the refusal cost nothing: the connection is still good
    assert_eq!(session.select("INBOX").await.unwrap().messages, 0);
}
