//! What awaits its acknowledgement: entered once, advanced with its repetition, ended once.

use crate::edge::store::{Acknowledged, Db, State};
use crate::plan::answer::{Again, By, SoFar};
use crate::plan::{Alert, Awaits, Effect, Turn, Wish};
use jiff::{SignedDuration, Timestamp};

const TOKEN: &str = "0123456789abcdef0123456789abcdef";

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_780_000_000 + second).unwrap()
}

fn wish(told: &str, channel: &str, place: u32, due: i64) -> Wish {
    let awaits = Awaits { token: TOKEN.to_owned(), every_s: 120, for_s: 600, page: None };
    Wish {
        key: format!("{told}:{channel}"),
        effect: Effect::Alert {
            channel: channel.to_owned(),
            alert: Alert { awaits: Some(awaits), ..Alert::default() },
        },
        due: at(due),
        until: None,
        dedupe: Vec::new(),
        after: Vec::new(),
        turn: Some(Turn { of: told.to_owned(), place, most: None }),
    }
}

/// Told by `phone`, and by `mail` a minute later.
fn told() -> Db {
    let mut db = Db::in_memory().unwrap();
    let rows = db.wish(&[wish("alert:m", "phone", 0, 0), wish("alert:m", "mail", 1, 60)], true, at(0)).unwrap();
    assert_eq!(rows.len(), 1);
    db.keep_receipt(rows[0].id, "r").unwrap();
    db.alerted(&rows[0], None, at(0), at(0)).unwrap();
    db
}

fn states(db: &Db) -> Vec<(String, State)> {
    db.outbox().unwrap().into_iter().map(|row| (row.key, row.state)).collect()
}

fn repetition(db: &mut Db, now: i64) -> usize {
    let again = |awaiting: &crate::plan::answer::Awaiting, _: &[crate::plan::answer::Went]| Again::Now {
        wishes: vec![wish(&format!("alert:m#{}", awaiting.repeats + 2), "phone", 0, now)],
        next_at: at(now + 120),
        repeats: awaiting.repeats + 1,
    };
    db.repeat(at(now), again).unwrap().0.len()
}

#[test]
fn a_key_is_made_once() {
    let mut db = Db::in_memory().unwrap();
    assert_eq!(db.token_key([1; 32]).unwrap(), [1; 32]);
    assert_eq!(db.token_key([2; 32]).unwrap(), [1; 32]);
}

#[test]
fn it_awaits_once_and_is_repeated_with_its_advance() {
    let mut db = told();
    // the same mail planned once more enters nothing
    db.wish(&[wish("alert:m", "phone", 0, 0)], true, at(5)).unwrap();
    let all = db.awaiting(at(5)).unwrap();
    assert_eq!(all.len(), 1);
    assert_eq!((all[0].awaiting.since, all[0].awaiting.until, all[0].awaiting.next_at), (at(0), at(600), at(120)));
    assert_eq!(all[0].channels, ["phone"]);
    assert_eq!(repetition(&mut db, 119), 0);
    assert_eq!(repetition(&mut db, 120), 1);
    assert_eq!(repetition(&mut db, 121), 0, "not due yet");
    assert_eq!(repetition(&mut db, 241), 1);
    let all = db.awaiting(at(241)).unwrap();
    assert_eq!((all.len(), all[0].awaiting.repeats, all[0].awaiting.next_at), (1, 2, at(361)));
    assert_eq!(repetition(&mut db, 601), 0, "over");
    assert_eq!(db.awaiting(at(601)).unwrap(), []);
}

#[test]
fn the_time_for_repetition_begins_with_the_first_channel_that_takes_it() {
    let mut db = Db::in_memory().unwrap();
    let rows = db.wish(&[wish("alert:m", "phone", 0, 0), wish("alert:m", "desk", 0, 0)], true, at(0)).unwrap();
    // for longer than it would be repeated there was no network
    assert_eq!(db.awaiting(at(900)).unwrap(), []);
    db.alerted(&rows[0], None, at(899), at(900)).unwrap();
    db.alerted(&rows[1], None, at(899), at(950)).unwrap();
    let all = db.awaiting(at(951)).unwrap();
    assert_eq!((all[0].awaiting.until, all[0].awaiting.next_at), (at(1500), at(1020)));
    assert_eq!((repetition(&mut db, 1019), repetition(&mut db, 1020)), (0, 1));
}

#[test]
fn what_became_of_it_is_told_channel_by_channel() {
    let mut db = told();
    let look = |db: &mut Db| {
        let seen = std::cell::RefCell::new(Vec::new());
        db.repeat(at(130), |_, went| {
            seen.borrow_mut().extend(went.iter().map(|one| (one.channel.clone(), one.place, one.so_far)));
            Again::NotYet(None)
        })
        .unwrap();
        seen.into_inner()
    };
    let accepted = ("phone".to_owned(), 0, SoFar::Accepted(at(0)));
    // the phone took it: the mail that stood behind it is not needed
    assert_eq!(look(&mut db), [accepted.clone(), ("mail".to_owned(), 1, SoFar::Closed)]);
    let mut db = Db::in_memory().unwrap();
    db.wish(&[wish("alert:m", "desk", 0, 0)], true, at(0)).unwrap();
    assert_eq!(look(&mut db), [("desk".to_owned(), 0, SoFar::Open)]);
}

#[test]
fn the_first_acknowledgement_ends_it_and_what_was_to_follow() {
    let mut db = told();
    repetition(&mut db, 120);
    let row = db.under_way("alert").unwrap().remove(0);
    db.again(&[row.id], at(125), Some("no network")).unwrap();
    assert_eq!(db.acknowledge("f", &By::Button, at(121)).unwrap(), Acknowledged::Unknown);
    assert!(matches!(db.would_acknowledge(TOKEN, at(121)).unwrap(), Acknowledged::Now(_)));
    assert!(matches!(db.acknowledge(TOKEN, &By::Opened, at(122)).unwrap(), Acknowledged::Now(_)));
    assert!(matches!(db.acknowledge(TOKEN, &By::Command, at(123)).unwrap(), Acknowledged::Before(_)));
    assert_eq!(db.acknowledged_by().unwrap(), [Some("opened".to_owned())]);
    let expect =
        [("alert:m:phone", State::Done), ("alert:m:mail", State::Dropped), ("alert:m#2:phone", State::Dropped)];
    assert_eq!(states(&db), expect.map(|(key, state)| (key.to_owned(), state)));
    assert_eq!(repetition(&mut db, 400), 0);
    assert_eq!(db.awaiting(at(123)).unwrap(), []);
}

#[test]
fn a_first_telling_that_has_not_left_goes_on_whatever_was_acknowledged() {
    let mut db = Db::in_memory().unwrap();
    db.wish(&[wish("alert:m", "phone", 0, 0), wish("alert:m", "desk", 0, 0)], false, at(0)).unwrap();
    db.acknowledge(TOKEN, &By::Opened, at(5)).unwrap();
    assert!(states(&db).iter().all(|(_, state)| *state == State::Ready));
    assert_eq!(db.close_answered(true, at(6)).unwrap(), 0);
}

#[test]
fn a_repetition_under_way_is_closed_when_its_attempt_failed_or_ended_with_the_program() {
    for crash in [false, true] {
        let mut db = told();
        repetition(&mut db, 120);
        db.acknowledge(TOKEN, &By::Opened, at(121)).unwrap();
        let under_way = |db: &Db| states(db).into_iter().filter(|(_, state)| *state == State::Doing).count();
        assert_eq!((under_way(&db), db.close_answered(false, at(122)).unwrap()), (1, 0), "its attempt may succeed");
        if !crash {
            let row = db.under_way("alert").unwrap().remove(0);
            db.again(&[row.id], at(125), None).unwrap();
        }
        assert_eq!(db.close_answered(crash, at(123)).unwrap(), 1);
        assert_eq!(db.close_answered(crash, at(123)).unwrap(), 0);
        assert!(db.workable("alert", None, 9, at(300)).unwrap().is_empty());
    }
}

#[test]
fn an_acknowledgement_after_the_time_is_over_and_changes_nothing() {
    let mut db = told();
    assert!(matches!(db.acknowledge(TOKEN, &By::Button, at(600)).unwrap(), Acknowledged::Over(_)));
    assert_eq!(db.acknowledged_by().unwrap(), [None]);
}

#[test]
fn a_channel_is_asked_about_what_it_took_and_told_when_nothing_is_under_way() {
    let mut db = told();
    repetition(&mut db, 120);
    let asked = |db: &Db, channel: &str| -> Vec<Option<String>> {
        db.unanswered(channel, at(130)).unwrap().into_iter().map(|one| one.receipt).collect()
    };
    assert_eq!((asked(&db, "phone"), asked(&db, "mail")), (vec![Some("r".to_owned())], vec![]));
    db.acknowledge(TOKEN, &By::Channel("x".to_owned()), at(131)).unwrap();
    assert!(asked(&db, "phone").is_empty());
    assert_eq!(db.to_withdraw().unwrap(), [], "a repetition is under way");
    let row = db.under_way("alert").unwrap().remove(0);
    db.alerted(&row, None, at(131), at(132)).unwrap();
    let one = db.to_withdraw().unwrap().remove(0);
    let receipts: Vec<Option<&str>> = one.rows.iter().map(|row| row.receipt.as_deref()).collect();
    assert_eq!((one.by.as_str(), receipts), ("channel:x", vec![Some("r"), None]));
    db.withdrawn(&one.told, at(133)).unwrap();
    assert_eq!(db.to_withdraw().unwrap(), []);
}

#[test]
fn a_clock_that_was_set_back_keeps_what_awaits() {
    let mut db = told();
    let before = at(0).saturating_sub(SignedDuration::from_hours(2)).unwrap();
    assert_eq!(db.awaiting(before).unwrap().len(), 1);
    assert!(matches!(db.acknowledge(TOKEN, &By::Command, before).unwrap(), Acknowledged::Now(_)));
}
