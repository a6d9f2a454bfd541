//! The store against real files: migrations, settling once, leases, reopening.

mod agenda;
mod awaiting;
mod chain;
mod release;

use super::*;
use crate::mailbox::{MailKey, Place};
use crate::plan::{Alert, Effect, Step, Wish};
use crate::rules::Verdict;

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_780_000_000 + second).unwrap()
}

fn place(uid: u32) -> Place {
    Place { account: "a".into(), mailbox: "INBOX".into(), uid_validity: 7, uid }
}

fn alert(key: &str, dedupe: &[(&str, i64)]) -> Wish {
    Wish {
        key: key.into(),
        effect: Effect::Alert {
            channel: "phone".into(), alert: Alert { title: "再入荷".into(), ..Alert::default() }
        },
        due: at(0),
        until: Some(at(3600)),
        dedupe: dedupe.iter().map(|(key, window)| crate::plan::Same::new(*key, *window)).collect(),
        after: Vec::new(),
        turn: None,
    }
}

fn file(key: &str, after: &[&str]) -> Wish {
    Wish {
        key: key.into(),
        effect: Effect::File { folder: "楽天/再入荷".into() },
        due: at(0),
        until: None,
        dedupe: Vec::new(),
        after: after.iter().map(|key| (*key).to_owned()).collect(),
        turn: None,
    }
}

fn settling(mail: &str, uid: u32, plan: Vec<Wish>) -> Settling {
    Settling {
        place: place(uid),
        key: MailKey::of(mail.as_bytes()),
        received: at(0),
        size: 10,
        message_id: Some(format!("{mail}@example.jp")),
        verdict: Verdict { category: "restock".into(), ..Verdict::default() },
        step: Step { plan, ..Step::default() },
        poison: None,
    }
}

#[test]
fn a_message_under_a_number_that_is_taken_is_looked_for_in_its_mailbox() {
    let mut db = Db::in_memory().unwrap();
    let two = [settling("m", 6, vec![file("file:m", &[])]), settling("n", 6, vec![file("file:n", &[])])];
    let settled = db.settle(&two, true, at(0)).unwrap();
    assert!(settled.iter().all(|one| matches!(one, Settled::New { .. })), "{settled:?}");
    let rows = db.workable("file", Some("a"), 9, at(0)).unwrap();
    let message = |key: &str| rows.iter().find(|row| row.key == key).and_then(|row| row.message).unwrap();
    assert_eq!(db.whereabouts(message("file:m")).unwrap().map(|(place, _)| place), Some(place(6)));
    assert_eq!(db.whereabouts(message("file:n")).unwrap(), None, "the number is another message's");
    let (last, key, _) = db.last_place(message("file:n"), "a", "楽天/再入荷").unwrap().unwrap();
    assert_eq!((last.mailbox.as_str(), last.uid_validity, key), ("INBOX", 0, MailKey::of(b"n")));
}

#[test]
fn a_message_is_settled_once() {
    let mut db = Db::in_memory().unwrap();
    let one = [settling("m", 1, vec![alert("alert:phone:m", &[]), file("file:m", &["alert:phone:m"])])];
    let Settled::New { alerts } = &db.settle(&one, true, at(1)).unwrap()[0] else { panic!("not new") };
    assert_eq!(alerts.len(), 1);
    assert_eq!((alerts[0].state, alerts[0].attempts), (State::Doing, 1));
    assert_eq!(db.settle(&one, true, at(2)).unwrap(), [Settled::KnownPlace]);
    let elsewhere = [settling("m", 9, vec![alert("alert:phone:m", &[]), file("file:m", &[])])];
    assert_eq!(db.settle(&elsewhere, true, at(3)).unwrap(), [Settled::NewPlace]);
    assert_eq!(db.outbox().unwrap().len(), 2);
    assert_eq!(db.key_at(&place(9)).unwrap(), Some(MailKey::of(b"m")));
}

#[test]
fn a_filing_waits_for_its_alert() {
    let mut db = Db::in_memory().unwrap();
    let one = [settling("m", 1, vec![alert("alert:phone:m", &[]), file("file:m", &["alert:phone:m"])])];
    let settled = db.settle(&one, true, at(1)).unwrap();
    assert_eq!(db.workable("file", Some("a"), 10, at(9)).unwrap(), []);
    let Settled::New { alerts } = &settled[0] else { panic!("not new") };
    db.alerted(&alerts[0], Some(at(0)), at(1), at(2)).unwrap();
    let workable = db.workable("file", Some("a"), 10, at(9)).unwrap();
    assert_eq!(workable.len(), 1);
    let message = workable[0].message.unwrap();
    assert_eq!(db.whereabouts(message).unwrap(), Some((place(1), MailKey::of(b"m"))));
    let target = Place { mailbox: "楽天/再入荷".into(), uid: 1, ..place(0) };
    db.filed(&[(workable[0].id, place(1), Some(target.clone()))], at(3)).unwrap();
    assert_eq!(db.whereabouts(message).unwrap().map(|(place, _)| place), Some(target));
    assert_eq!(db.open_rows().unwrap(), 0);
    assert_eq!(db.latencies().unwrap()[0].accepted, at(2));
}

#[test]
fn one_event_is_one_alert_within_its_window() {
    let mut db = Db::in_memory().unwrap();
    let mut count = |mail: &str, uid, received: i64| {
        let key = format!("alert:phone:{mail}");
        let one = Settling { received: at(received), ..settling(mail, uid, vec![alert(&key, &[("item", 900)])]) };
        let Settled::New { alerts } = db.settle(&[one], true, at(received)).unwrap().remove(0) else {
            panic!("not new")
        };
        alerts.len()
    };
    assert_eq!(count("first", 1, 0), 1);
    assert_eq!(count("copy", 2, 899), 0);
    assert_eq!(count("evening", 3, 900), 1);
}

#[test]
fn two_channels_of_one_mail_are_not_duplicates() {
    let mut db = Db::in_memory().unwrap();
    let plan = vec![alert("alert:a:m", &[("item", 900)]), alert("alert:b:m", &[("item", 900)])];
    let Settled::New { alerts } = db.settle(&[settling("m", 1, plan)], true, at(0)).unwrap().remove(0) else {
        panic!("not new")
    };
    assert_eq!(alerts.len(), 2);
}

#[test]
fn without_the_hand_alerts_stay_ready() {
    let mut db = Db::in_memory().unwrap();
    let settled = db.settle(&[settling("m", 1, vec![alert("k", &[])])], false, at(1)).unwrap();
    assert_eq!(settled, [Settled::New { alerts: Vec::new() }]);
    let row = db.workable("alert", None, 10, at(1)).unwrap().remove(0);
    db.begin(&[row.id], None).unwrap();
    assert_eq!(db.under_way("alert").unwrap().len(), 1);
    db.again(&[row.id], at(50), Some("no network")).unwrap();
    assert_eq!(db.workable("alert", None, 10, at(49)).unwrap(), []);
    let next = |now| db.next_due(&["file", "alert"], now).unwrap();
    assert_eq!(next(at(49)), NextDue { now: false, later: Some(at(50)) });
    assert_eq!(next(at(50)), NextDue { now: true, later: None });
    let row = db.workable("alert", None, 10, at(50)).unwrap().remove(0);
    assert_eq!((row.attempts, row.last_error.as_deref()), (1, Some("no network")));
}

#[test]
fn observed_mail_can_be_filed_later() {
    let mut db = Db::in_memory().unwrap();
    db.settle(&[settling("m", 1, vec![])], true, at(0)).unwrap();
    let again = [settling("m", 1, vec![alert("k", &[]), file("file:m", &["k"])])];
    assert_eq!(db.settle(&again, true, at(9)).unwrap(), [Settled::KnownPlace]);
    let rows = db.outbox().unwrap();
    assert_eq!(rows.len(), 1, "filed, not alerted");
    assert_eq!(db.workable("file", None, 10, at(9)).unwrap().len(), 1);
}

#[test]
fn of_other_mail_nothing_but_key_and_verdict_is_kept() {
    let mut db = Db::in_memory().unwrap();
    let mut one = settling("m", 1, vec![]);
    one.verdict.category = "other".into();
    one.verdict.reasons.push(crate::rules::Reason { condition: "c".into(), saw: "秘密".into(), weight: 0.0 });
    db.settle(&[one], true, at(0)).unwrap();
    let (verdict, id): (String, Option<String>) = db
        .connection
        .query_row("SELECT verdict, message_id FROM message", [], |row| Ok((row.get(0)?, row.get(1)?)))
        .unwrap();
    assert!(!verdict.contains("秘密"));
    assert_eq!(id, None);
}

#[test]
fn the_cursor_moves_forward_only() {
    let mut db = Db::in_memory().unwrap();
    assert_eq!(db.cursor("a", "INBOX").unwrap(), None);
    db.move_cursor("a", "INBOX", 7, 5, at(0)).unwrap();
    db.move_cursor("a", "INBOX", 7, 3, at(1)).unwrap();
    let cursor = db.cursor("a", "INBOX").unwrap().unwrap();
    assert_eq!((cursor.next_uid, cursor.first_opened_at, cursor.last_good_at), (5, at(0), at(1)));
    db.move_cursor("a", "INBOX", 8, 1, at(2)).unwrap();
    let cursor = db.cursor("a", "INBOX").unwrap().unwrap();
    assert_eq!((cursor.uid_validity, cursor.next_uid, cursor.first_opened_at), (8, 1, at(0)));
}

#[test]
fn a_database_is_opened_again_and_foreign_ones_are_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let mut db = Db::open(folder.path()).unwrap();
    db.move_cursor("a", "INBOX", 7, 5, at(0)).unwrap();
    drop(db);
    let db = Db::open(folder.path()).unwrap();
    assert!(db.cursor("a", "INBOX").unwrap().is_some());
    db.connection.pragma_update(None, "user_version", 99).unwrap();
    drop(db);
    assert!(matches!(Db::open(folder.path()), Err(StoreError::Newer { found: 99, .. })));

    let foreign = tempfile::tempdir().unwrap();
    let path = foreign.path().join("modori.sqlite");
    rusqlite::Connection::open(&path).unwrap().execute_batch("CREATE TABLE t (x)").unwrap();
    let before = std::fs::read(&path).unwrap();
    assert!(matches!(Db::open(foreign.path()), Err(StoreError::Foreign { .. })));
    assert_eq!(std::fs::read(&path).unwrap(), before);

    std::fs::write(&path, b"this is no database at all, but long enough to look like a file of some kind").unwrap();
    assert!(matches!(Db::open(foreign.path()), Err(StoreError::Open { .. })));
}

#[tokio::test]
async fn both_drivers_answer() {
    let folder = tempfile::tempdir().unwrap();
    let live = Store::open(folder.path()).unwrap();
    let inline = Store::inline(Arc::new(Mutex::new(Db::in_memory().unwrap())));
    for store in [live, inline] {
        store.call(|db| db.will_send("x@example.jp", Timestamp::UNIX_EPOCH)).await.unwrap();
        let known = store.call(|db| db.known(&[], &["x@example.jp".to_owned()], &Default::default())).await.unwrap();
        assert!(known.own_letter);
    }
}

#[test]
fn alerts_of_a_channel_that_is_gone_hold_nothing_up() {
    let mut db = Db::in_memory().unwrap();
    db.settle(&[settling("m", 1, vec![alert("k", &[]), file("file:m", &["k"])])], true, at(1)).unwrap();
    let lanes = ["phone".to_owned(), "a".to_owned()];
    assert!(!db.is_idle(&lanes, at(9)).unwrap());
    assert_eq!(db.give_up_alerts_except(&["mail".to_owned()], at(2)).unwrap(), 1);
    assert_eq!(db.workable("file", Some("a"), 10, at(9)).unwrap().len(), 1, "the filing waited for it and goes on");
    assert!(db.is_idle(&["other".to_owned()], at(9)).unwrap(), "what another account waits for is not ours");
}

mod fates;
mod migrations;
mod transfer;
