//! What an export adds to a ledger that knows something already.

use crate::edge::store::{Db, Export, OldMail, TakenOver, TransferError};
use crate::ledger::Event;
use crate::mailbox::MailKey;
use jiff::Timestamp;

fn now() -> Timestamp {
    Timestamp::from_second(1_795_000_000).unwrap()
}

fn event(mail: char, trust: &str, amount: u64) -> Event {
    let key = mail.to_string().repeat(64);
    let text = format!(
        r#"{{"order":"399999-20261120-0123456789","kind":{{"what":"points","returned":{{"amount":{amount},"form":"done"}},"limited":null,"expires_at":null}},"at":"2026-11-25T01:00:00Z","mail":"{key}","second_identity":"{mail}","trust":"{trust}","excerpt":"戻りました"}}"#
    );
    serde_json::from_str(&text).unwrap()
}

fn knowing(events: &[Event]) -> Db {
    let mut db = Db::in_memory().unwrap();
    reads(&mut db, events);
    db
}

fn reads(db: &mut Db, events: &[Event]) {
    for event in events {
        db.import(&[OldMail { key: event.mail, events: vec![event.clone()], keep_trusted: false, mails: None }])
            .unwrap();
    }
}

fn exported(db: &Db) -> String {
    let mut out = Vec::new();
    db.export(&mut out, now()).unwrap();
    String::from_utf8(out).unwrap()
}

fn takes(into: &mut Db, from: &Db) -> TakenOver {
    into.take_over(&Export::read(exported(from).as_bytes()).unwrap(), now()).unwrap()
}

#[test]
fn a_ledgers_own_reading_of_a_mail_stands_unless_the_other_is_better_vouched_for() {
    let other = knowing(&[event('a', "unverified", 500)]);
    let check = |own: &[Event], new_events: usize, read_otherwise: usize, left: &[Event]| {
        let mut db = knowing(own);
        let taken = takes(&mut db, &other);
        assert_eq!((taken.events, taken.new_events, taken.read_otherwise), (1, new_events, read_otherwise), "{own:?}");
        assert_eq!(db.events().unwrap(), left, "{own:?}");
        assert_eq!(takes(&mut db, &other).new_events, 0, "taken in twice is taken in once");
        assert_eq!(db.events().unwrap(), left, "{own:?}");
    };
    check(&[], 1, 0, &[event('a', "unverified", 500)]);
    check(&[event('a', "unverified", 500)], 0, 0, &[event('a', "unverified", 500)]);
    check(&[event('a', "unverified", 300)], 0, 1, &[event('a', "unverified", 300)]);
    check(&[event('a', "verified", 300)], 0, 1, &[event('a', "verified", 300)]);
    check(&[event('b', "verified", 300)], 1, 0, &[event('b', "verified", 300), event('a', "unverified", 500)]);

    let trusted = knowing(&[event('a', "verified", 500)]);
    let mut db = knowing(&[event('a', "unverified", 300)]);
    assert_eq!(takes(&mut db, &trusted).new_events, 1);
    assert_eq!(db.events().unwrap(), [event('a', "verified", 500)]);
}

#[test]
fn what_was_read_anew_and_counts_no_more_is_neither_exported_nor_brought_back() {
    let before = knowing(&[event('a', "verified", 500)]);
    let mut db = knowing(&[event('a', "verified", 500)]);
    let key = event('a', "verified", 0).mail;
    db.import(&[OldMail { key, events: vec![], keep_trusted: false, mails: None }]).unwrap();
    assert!(!exported(&db).contains("{\"event\":"), "{}", exported(&db));
    assert_eq!(takes(&mut db, &before).read_otherwise, 1);
    assert_eq!(db.events().unwrap(), []);
}

#[test]
fn her_word_on_mails_and_senders_goes_along() {
    let mut db = Db::in_memory().unwrap();
    db.vouch("Shop@example.jp", now()).unwrap();
    db.will_send("letter@modori", now()).unwrap();
    let mail = MailKey::of(b"released");
    let sql = "INSERT INTO message (mail_key, received_at, seen_at, size, category, verdict) \
               VALUES (?1, 1, 2, 3, 'cancellation', ?2)";
    let verdict = serde_json::to_string(&crate::rules::Verdict::default()).unwrap();
    db.connection.execute(sql, (mail.hex(), verdict)).unwrap();
    db.connection.execute("INSERT INTO released VALUES (1, 9)", []).unwrap();

    let mut elsewhere = Db::in_memory().unwrap();
    let taken = takes(&mut elsewhere, &db);
    assert_eq!((taken.new_vouched, taken.new_released), (1, 1));
    assert!(elsewhere.word_for(&mail, "x").unwrap().is_some());
    assert!(elsewhere.word_for(&MailKey::of(b"y"), "shop@example.jp").unwrap().is_some());
    let known = elsewhere.known(&[], &["letter@modori".to_owned()], &Default::default()).unwrap();
    assert!(known.own_letter);
    let again = takes(&mut elsewhere, &db);
    assert_eq!((again.new_vouched, again.new_released), (0, 0));
    assert_eq!(exported(&elsewhere), exported(&db));
}

#[test]
fn a_newer_file_is_told_wherever_it_says_so_and_suspect_mail_is_not_let_in() {
    let good = exported(&knowing(&[event('a', "verified", 500)]));
    let newer = format!("{{\"weather\":1}}\n{}", good.replace("\"version\":1", "\"version\":7"));
    assert!(matches!(Export::read(newer.as_bytes()), Err(TransferError::Newer { line: 2, found: 7 })));
    let suspect = good.replace("\"trust\":\"verified\"", "\"trust\":\"suspect\"");
    assert!(matches!(Export::read(suspect.as_bytes()), Err(TransferError::Line { line: 2, .. })));
    // one endless line does not fill the memory
    let endless = std::io::Read::take(std::io::repeat(b'x'), 1 << 40);
    let error = Export::read(std::io::BufReader::new(endless)).unwrap_err();
    assert!(matches!(error, TransferError::Line { line: 1, .. }), "{error}");
}
