//! The risk: a folder's name that a real server does not take, or gives back otherwise. Every kind of name on Dovecot,
//! Cyrus and Courier: made, subscribed, filled by COPY, MOVE and APPEND, and found again by our own client and by
//! another one, which speaks modified UTF-7. `docs/servers.md` tells what is refused where.

use crate::support::courier::Courier;
use crate::support::cyrus::{self, Cyrus};
use crate::support::dovecot::{self, Dovecot};
use crate::support::oracle::Oracle;
use crate::support::real::Real;
use modori::edge::imap::{Dial, Fetch, ImapAccount, Pace, Security, Session, UidSet, Wire};
use modori::edge::secret::Secret;
use std::sync::Arc;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt};
use unicode_normalization::UnicodeNormalization;

const NAMES: &[&str] = &[
    "楽天/再入荷", "半角ｶﾅ", "a\"b", "c\\d", "e&f", "&AOQ-", "🍀", "🛒/🍀 あり", "g(h)", "i%j", "k*l", "m'n", "o!p",
    "q^r", "s.t", "v1.0/下", "~u", "#w", "{x}", "x{5}", " y ", "nil", "か\u{3099}", "INBOX/下", "a/b/c/d/e", LONG,
];
/// Sixty characters: as a file name in UTF-8 180 bytes, in modified UTF-7 162.
const LONG: &str = "楽天市場の再入荷のお知らせを集めるとても長い名前のフォルダー楽天市場の再入荷のお知らせを集めるとても長い名前のフォルダー";

fn tcp(real: &dyn Real) -> Dial {
    let tls = Arc::new(modori::edge::tls::client_config(None).unwrap());
    Dial::Tcp { host: "127.0.0.1".to_owned(), port: real.imap(), security: Security::Plain, tls }
}

/// The same server, which does not say that it has UTF8=ACCEPT.
fn without_utf8(real: &dyn Real) -> Dial {
    let port = real.imap();
    Dial::Memory(Arc::new(move || {
        let server = std::net::TcpStream::connect(("127.0.0.1", port))?;
        server.set_nonblocking(true)?;
        let (mut from, mut to) = tokio::net::TcpStream::from_std(server)?.into_split();
        let (near, far) = tokio::io::duplex(1 << 16);
        let (mut said, mut heard) = tokio::io::split(far);
        tokio::spawn(async move { tokio::io::copy(&mut said, &mut to).await });
        tokio::spawn(async move {
            let mut lines = tokio::io::BufReader::new(&mut from);
            let mut line = vec![];
            while let Ok(1..) = lines.read_until(b'\n', &mut line).await {
                if let Some(at) = line.windows(11).position(|word| word == b"UTF8=ACCEPT") {
                    line[at..at + 4].copy_from_slice(b"NONE");
                }
                if heard.write_all(&line).await.is_err() {
                    return;
                }
                line.clear();
            }
        });
        Ok(Box::new(near) as Box<dyn Wire>)
    }))
}

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

fn mail(n: usize) -> Vec<u8> {
    format!("Message-ID: <{n}@example.test>\r\nSubject: mail {n}\r\n\r\ntext\r\n").into_bytes()
}

/// Everything that is done with a folder; `Err` when the server does not take its name.
async fn errands(session: &mut Session, name: &str) -> Result<(), String> {
    if let Err(error) = session.ensure_folder(name).await {
        assert!(error.refused, "{name}: {error}");
        return Err(error.what);
    }
    session.append("INBOX", &[], None, &mail(1)).await.unwrap();
    session.append("INBOX", &[], None, &mail(2)).await.unwrap();
    session.select_anew("INBOX").await.unwrap();
    let uids: Vec<u32> =
        session.fetch(&UidSet::from(1), Fetch::Flags).await.unwrap().iter().map(|one| one.uid).collect();
    let two = UidSet::of(uids);
    if session.has("MOVE") {
        for moved in session.move_all(&[(two, name.to_owned())]).await {
            assert!(moved.unwrap().is_some(), "{name}");
        }
    } else {
        assert!(session.uid_copy(&two, name).await.unwrap().is_some(), "{name}");
        session.add_flags(&two, &["\\Deleted"]).await.unwrap();
        session.uid_expunge(&two).await.unwrap();
    }
    assert!(session.append(name, &["\\Draft"], None, &mail(3)).await.unwrap().is_some(), "{name}");
    Ok(())
}

/// As another connection finds it.
async fn found(session: &mut Session, name: &str) {
    assert_eq!(session.status(name).await.unwrap().messages, 3, "{name}");
    assert_eq!(session.examine_if_there(name).await.unwrap().unwrap().messages, 3, "{name}");
    let (opened, there) = session.with_message_id(name, "3@example.test", 0).await.unwrap().unwrap();
    assert_eq!((opened.messages, there.len()), (3, 1), "{name}");
    let listed: Vec<String> = session.list_uses().await.unwrap().into_iter().map(|folder| folder.name).collect();
    let told = session.listed_as(name);
    assert_eq!(listed.iter().filter(|one| **one == told).count(), 1, "{name}, told as {told}: {listed:?}");
    session.ensure_folder(name).await.unwrap();
}

/// As another client finds it, under the name that the server is to have made of ours.
fn seen(oracle: &mut Oracle, written: &str) {
    assert!(oracle.folders().unwrap().contains(&written.to_owned()), "{written}: {:?}", oracle.folders().unwrap());
    assert_eq!(oracle.folder(written).unwrap().len(), 3, "{written}");
    assert!(
        oracle.subscribed().unwrap().contains(&written.to_owned()),
        "{written}: {:?}",
        oracle.subscribed().unwrap()
    );
}

/// A row of the table in `docs/servers.md`; `refused` are the names that this server does not take.
async fn round(real: &dyn Real, dial: Dial, separator: char, utf8: bool, refused: &[&str]) {
    let account = account(dial);
    let mut session = Session::open(&account).await.unwrap();
    assert_eq!(session.names_in_utf8(), utf8, "{}", real.name());
    println!("{}, names in {}", real.name(), if utf8 { "UTF-8" } else { "modified UTF-7" });
    let mut wrong = vec![];
    for name in NAMES {
        let made = errands(&mut session, name).await;
        if let Err(said) = &made {
            println!("  {name}: {said}");
        }
        if made.is_err() != refused.contains(name) {
            wrong.push(format!("{name}: {made:?}"));
        }
        if made.is_ok() {
            let mut other = Session::open(&account).await.unwrap();
            found(&mut other, name).await;
            other.logout().await;
            let composed: String = name.nfc().collect();
            // where all folders lie below INBOX, `INBOX/下` is one of them
            let below = composed.strip_prefix("INBOX/").filter(|_| real.written("x") != "x");
            let name = below.unwrap_or(&composed);
            let written = real.written(&if separator == '/' { name.to_owned() } else { name.replace(separator, "_") });
            tokio::task::block_in_place(|| seen(&mut real.oracle(), &written));
        }
    }
    session.logout().await;
    assert!(wrong.is_empty(), "{}: {wrong:#?}", real.name());
}

#[tokio::test(flavor = "multi_thread")]
async fn names_on_dovecot() {
    let usual = dovecot::Setup::default;
    for (setup, separator) in [
        (usual(), '/'),
        (dovecot::Setup { maildir: true, ..usual() }, '/'),
        (dovecot::Setup { maildir: true, separator: '.', ..usual() }, '.'),
        (dovecot::Setup { maildir: true, separator: '.', prefix: "INBOX.", ..usual() }, '.'),
        (dovecot::Setup { separator: '.', prefix: "INBOX.", ..usual() }, '.'),
    ] {
        let Some(server) = Dovecot::start(&setup) else { return };
        round(&server, tcp(&server), separator, false, &["~u"]).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn names_on_cyrus() {
    for (unix_hierarchy, alt_namespace) in [(false, false), (false, true), (true, false), (true, true)] {
        let Some(server) = Cyrus::start(cyrus::Setup { unix_hierarchy, alt_namespace }) else { return };
        let mut refused = vec!["a\"b", "c\\d", "i%j", "o!p", "{x}", "x{5}"];
        if unix_hierarchy {
            // what stands for a dot within
            refused.push("q^r");
        }
        round(&server, tcp(&server), if unix_hierarchy { '/' } else { '.' }, false, &refused).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn names_on_courier() {
    let emoji = ["🍀", "🛒/🍀 あり", "𠮷野家"];
    for utf8 in [false, true] {
        let Some(server) = Courier::start(false) else { return };
        let ways: [fn(&dyn Real) -> Dial; 2] = [without_utf8, tcp];
        let [this, other] = if utf8 { [ways[1], ways[0]] } else { ways };
        round(&server, this(&server), '.', utf8, &emoji).await;
        // what was made in one way is there in the other
        let mut session = Session::open(&account(other(&server))).await.unwrap();
        assert_eq!(session.names_in_utf8(), !utf8);
        for name in NAMES.iter().filter(|name| !emoji.contains(name)) {
            found(&mut session, name).await;
        }
    }
}
