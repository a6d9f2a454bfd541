//! The records of flags: wished for once an opening, looked at while a case wants them, told to the ledger once.

use super::*;
use crate::edge::store::{Settling, State};
use crate::facts::OrderNumber;
use crate::ledger::{By, Said};
use crate::plan::{Alert, Effect, Step};
use crate::rules::Verdict;

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_780_000_000 + second).unwrap()
}

fn key() -> MailKey {
    MailKey::of(b"m")
}

fn place(mailbox: &str, uid: u32) -> Place {
    Place { account: "a".into(), mailbox: mailbox.into(), uid_validity: 7, uid }
}

fn wish(key: &str, effect: Effect) -> Wish {
    Wish { key: key.into(), effect, due: at(0), until: None, dedupe: Vec::new(), after: Vec::new(), turn: None }
}

/// The mail lies in its folder, as modori put it there.
fn filed() -> Db {
    let mut db = Db::in_memory().unwrap();
    let settling = Settling {
        place: place("INBOX", 1),
        key: key(),
        received: at(0),
        size: 10,
        message_id: None,
        verdict: Verdict::default(),
        step: Step { plan: vec![wish("file:m", Effect::File { folder: "K".into() })], ..Step::default() },
        poison: None,
    };
    db.settle(&[settling], true, at(0)).unwrap();
    let row = db.workable("file", Some("a"), 1, at(0)).unwrap().remove(0);
    db.filed(&[(row.id, place("INBOX", 1), Some(place("K", 4)))], at(0)).unwrap();
    db
}

fn flagging(set: bool, opening: u32) -> Flagging {
    let word = if set { "on" } else { "off" };
    let wish = wish(&format!("flag:{word}:m:{opening}"), Effect::Flag { set });
    Flagging { mail: key(), opening, set, wish: Some(wish) }
}

fn record(db: &Db) -> Option<Record> {
    db.flag_records(&[key()].into(), &["a".to_owned()]).unwrap().remove(&key())
}

fn work(db: &mut Db, became: &Became, second: i64) {
    let row = db.workable("flag", Some("a"), 1, at(second)).unwrap().remove(0);
    db.flag_became(&row, became, at(second)).unwrap();
}

/// Wished for, set, and read back.
fn borne() -> Db {
    let mut db = filed();
    assert_eq!(db.wish_flags(&[flagging(true, 1)], at(1)).unwrap(), 1);
    work(&mut db, &Became::Set(place("K", 4)), 2);
    db
}

/// Two looks found it gone.
fn taken(db: &mut Db) -> Taken {
    let watching = db.watched_flags("a").unwrap();
    db.flags_taken(&[(watching[0].clone(), at(600))]).unwrap();
    db.taken_flags().unwrap().remove(0)
}

#[test]
fn a_record_follows_its_flag() {
    let mut db = filed();
    assert_eq!(record(&db), Some(Record::default()));
    assert_eq!(db.flag_records(&[key()].into(), &["b".to_owned()]).unwrap().len(), 0, "another account's");
    assert_eq!(db.flag_records(&[MailKey::of(b"x")].into(), &["a".to_owned()]).unwrap().len(), 0, "not known");

    assert_eq!(db.wish_flags(&[flagging(true, 1)], at(1)).unwrap(), 1);
    assert_eq!(db.wish_flags(&[flagging(true, 1)], at(1)).unwrap(), 0, "once an opening");
    let standing = Record { opening: 1, standing: Standing::Flagged };
    assert_eq!(record(&db), Some(standing));
    let message = db.workable("flag", Some("a"), 1, at(1)).unwrap()[0].message.unwrap();
    let flagged = db.flag_of(message, "a").unwrap().unwrap();
    assert_eq!((flagged.wanted, flagged.own, flagged.place), (true, None, Some(place("K", 4))));
    assert_eq!(db.watched_flags("a").unwrap(), [], "not set yet");

    work(&mut db, &Became::Set(place("K", 4)), 2);
    let watching = db.watched_flags("a").unwrap();
    assert_eq!((watching.len(), watching[0].watched.seen), (1, true));
    assert_eq!(db.watched_flags("b").unwrap(), []);
    // moved: not seen there yet
    let moved = Watched { place: place("L", 9), seen: false, missing_since: Some(at(5)), sought_at: None };
    db.keep_looks(&[(watching[0].clone(), moved.clone())], at(6)).unwrap();
    assert_eq!(db.watched_flags("a").unwrap()[0].watched, moved);
    assert_eq!(db.flag_of(message, "a").unwrap().unwrap().place, Some(place("L", 9)));

    assert_eq!(db.wish_flags(&[flagging(false, 1)], at(7)).unwrap(), 1);
    assert_eq!(record(&db), Some(Record { opening: 1, standing: Standing::Bare }));
    assert_eq!(db.watched_flags("a").unwrap(), [], "nobody looks at the flag of a case that ended");
    // a look that was under way when the case ended changes nothing
    let late = Watched { place: place("L", 9), seen: true, missing_since: None, sought_at: None };
    db.keep_looks(&[(watching[0].clone(), late)], at(8)).unwrap();
    db.flags_taken(&[(watching[0].clone(), at(8))]).unwrap();
    assert_eq!(db.taken_flags().unwrap(), []);
    work(&mut db, &Became::Removed, 9);
    assert_eq!(db.flag_of(message, "a").unwrap().unwrap().own, None);
    assert_eq!(db.open_rows().unwrap(), 0);
}

#[test]
fn a_flag_that_is_still_set_stays_modoris_own_over_a_new_opening() {
    let mut db = borne();
    let message = db.watched_flags("a").unwrap()[0].message;
    db.wish_flags(&[flagging(false, 1)], at(3)).unwrap();
    db.wish_flags(&[flagging(true, 2)], at(4)).unwrap();
    let flagged = db.flag_of(message, "a").unwrap().unwrap();
    assert_eq!((flagged.wanted, flagged.own), (true, Some(true)));
    // one that she had set is looked at anew
    let mut db = filed();
    db.wish_flags(&[flagging(true, 1)], at(1)).unwrap();
    work(&mut db, &Became::Hers, 2);
    assert_eq!(record(&db), Some(Record { opening: 1, standing: Standing::Hers }));
    assert_eq!(db.watched_flags("a").unwrap(), []);
    db.wish_flags(&[Flagging { wish: None, ..flagging(false, 1) }], at(3)).unwrap();
    assert_eq!(record(&db).unwrap().standing, Standing::Bare);
    db.wish_flags(&[flagging(true, 2)], at(4)).unwrap();
    assert_eq!(db.flag_of(message, "a").unwrap().unwrap().own, None);
}

#[test]
fn what_a_flag_says_is_told_once() {
    let mut db = borne();
    let before = db.flag_mark().unwrap();
    let taken = taken(&mut db);
    assert_ne!(db.flag_mark().unwrap(), before);
    assert_eq!(record(&db).unwrap().standing, Standing::TakenOff(at(600)));
    assert_eq!(db.watched_flags("a").unwrap(), []);
    let statement = Statement {
        order: OrderNumber::parse("399999-20261120-0123456789").unwrap(),
        said: Said::Confirm { points: None, expires: None, coupon_back: None },
        at: taken.since,
        by: By::Flag,
    };
    let alert = wish("by-flag:1:w", Effect::Alert { channel: "w".into(), alert: Alert::default() });
    let told = db.tell_taken(&taken, std::slice::from_ref(&statement), std::slice::from_ref(&alert), at(900)).unwrap();
    assert_eq!(told.iter().map(|row| row.state).collect::<Vec<_>>(), [State::Doing]);
    assert_eq!(db.tell_taken(&taken, std::slice::from_ref(&statement), &[alert], at(901)).unwrap(), []);
    assert_eq!(db.statements().unwrap(), [statement]);
    assert_eq!((db.taken_flags().unwrap(), db.under_way("alert").unwrap().len()), (vec![], 1));
    // its place in the records stays: it is not flagged again by itself
    assert_eq!(record(&db).unwrap().standing, Standing::TakenOff(at(600)));
    // and a new opening begins from nothing
    db.wish_flags(&[flagging(true, 2)], at(1000)).unwrap();
    assert_eq!(record(&db), Some(Record { opening: 2, standing: Standing::Flagged }));
    assert_eq!((db.watched_flags("a").unwrap(), db.taken_flags().unwrap()), (vec![], vec![]));
}

#[test]
fn flags_that_are_switched_off_are_wished_for_anew() {
    let mut db = filed();
    db.wish_flags(&[flagging(true, 1)], at(1)).unwrap();
    db.give_up_flags(at(2)).unwrap();
    assert_eq!(db.open_rows().unwrap(), 0);
    assert_eq!(record(&db), Some(Record { opening: 1, standing: Standing::Bare }));
    // what is set stays set, and what was taken off stays known
    let mut db = borne();
    db.give_up_flags(at(3)).unwrap();
    assert_eq!(db.watched_flags("a").unwrap().len(), 1);
    taken(&mut db);
    db.give_up_flags(at(4)).unwrap();
    assert_eq!(record(&db).unwrap().standing, Standing::TakenOff(at(600)));
}
