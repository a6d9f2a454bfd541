//! A mail is released from quarantine: in one account, and out of the mailbox it lies in.

use super::*;
use crate::edge::store::{Quarantined, Releasing};

const ALL: &str = "[Gmail]/All Mail";

fn lies(account: &str, mailbox: &str, uid: u32) -> Place {
    Place { account: account.into(), mailbox: mailbox.into(), ..place(uid) }
}

/// A message that lies at these places, the first one first.
fn lying(db: &mut Db, places: &[Place]) -> i64 {
    for place in places {
        let one = settling("m", 1, vec![file("file:m", &[])]);
        db.settle(&[Settling { place: place.clone(), ..one }], false, at(0)).unwrap();
    }
    db.connection.query_row("SELECT id FROM message", [], |row| row.get(0)).unwrap()
}

fn released(db: &mut Db, message: i64, lies_at: &Place) -> Vec<Place> {
    let places = db.places(message).unwrap();
    let mail = Quarantined { message, key: MailKey::of(b"m"), received: at(0), size: 10, places };
    let releasing = Releasing {
        mail,
        lies_at: Some(lies_at.clone()),
        message_id: None,
        verdict: Verdict::default(),
        step: Step::default(),
        vouch_for: None,
    };
    db.release(&releasing, false, at(1)).unwrap().unwrap();
    db.places(message).unwrap()
}

#[test]
fn what_is_known_of_other_accounts_and_of_all_mail_stays_known() {
    let mut db = Db::in_memory().unwrap();
    db.is_view("a", ALL, true).unwrap();
    let [all, old, quarantine, copy] =
        [lies("a", ALL, 1), lies("a", "INBOX", 2), lies("a", "楽天/要確認", 3), lies("b", "INBOX", 4)];
    let places = [all.clone(), old, quarantine.clone(), copy.clone()];
    let message = lying(&mut db, &places);
    assert_eq!(db.places(message).unwrap().last(), Some(&all), "what shows everything comes last");
    assert_eq!(released(&mut db, message, &quarantine), [copy, quarantine, all]);
}

#[test]
fn what_is_seen_in_all_mail_alone_says_nothing_of_other_places() {
    let mut db = Db::in_memory().unwrap();
    db.is_view("a", ALL, true).unwrap();
    let [all, quarantine] = [lies("a", ALL, 1), lies("a", "楽天/要確認", 3)];
    let message = lying(&mut db, &[all.clone(), quarantine.clone()]);
    assert_eq!(released(&mut db, message, &all), [quarantine, all]);
}

#[test]
fn a_home_is_where_the_mail_came_to_and_never_all_mail() {
    let filed_from = |source: &str| {
        let mut db = Db::in_memory().unwrap();
        db.is_view("a", ALL, true).unwrap();
        let source = lies("a", source, 1);
        let message = lying(&mut db, std::slice::from_ref(&source));
        let row = db.workable("file", None, 9, at(0)).unwrap().remove(0);
        db.filed(&[(row.id, source, Some(lies("a", "楽天/再入荷", 2)))], at(1)).unwrap();
        assert_eq!(db.home(message, "b").unwrap(), None);
        db.home(message, "a").unwrap().unwrap()
    };
    assert_eq!(filed_from("迷惑メール"), "迷惑メール");
    assert_eq!(filed_from(ALL), "INBOX");
}

#[test]
fn what_is_moved_in_one_account_is_not_moved_in_another() {
    let mut db = Db::in_memory().unwrap();
    let message = lying(&mut db, &[lies("a", "INBOX", 1), lies("b", "INBOX", 2)]);
    let key = MailKey::of(b"m");
    for (account, folder) in [("a", "手で"), ("b", "別")] {
        db.seen_at(&lies(account, folder, 7), &key, None, at(1)).unwrap();
    }
    let moved = |db: &Db| -> Vec<_> {
        let all = db.corrections().unwrap().into_iter();
        all.map(|one| (one.to.account, one.from, one.to.mailbox, one.sure)).collect()
    };
    let [a, b] = [("a", "手で"), ("b", "別")].map(|(a, to)| (a.to_owned(), "INBOX".to_owned(), to.to_owned(), false));
    assert_eq!(moved(&db), [a.clone(), b]);
    db.looked_at(message, "b", &[], true).unwrap();
    assert_eq!(moved(&db), [a], "what was a copy in one account says nothing of the other");
    assert!(db.decided(&key, "a").unwrap().unwrap().corrected);
    db.seen_at(&lies("a", "INBOX", 9), &key, None, at(2)).unwrap();
    assert_eq!(moved(&db), []);
}

#[test]
fn folders_that_show_everything_are_looked_through_last() {
    let mut db = Db::in_memory().unwrap();
    db.is_view("a", ALL, true).unwrap();
    lying(&mut db, &[lies("a", ALL, 1), lies("a", "楽天", 1), lies("a", "INBOX", 2), lies("b", "Junk", 2)]);
    assert_eq!(db.known_folders("a").unwrap(), ["INBOX", "楽天", ALL]);
}
