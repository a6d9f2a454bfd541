//! Letters are remembered, entered once, and tried again only when nothing left.

use super::*;
use crate::edge::store::{OldMail, State};
use crate::letter::tests::{HANAKO, ORDER, SHOP, asks, at, ordered, replies, told};
use crate::letter::{Asked, Kind, Matter};
use crate::plan::on_owner::on_owner;

fn order() -> OrderNumber {
    OrderNumber::parse(ORDER).unwrap()
}

/// A database that has read an order and the shop's question.
fn asked() -> Db {
    let mut db = Db::in_memory().unwrap();
    let (events, mails) = told(&[ordered(), asks()]);
    let of = |mail: &MailKey| events.iter().filter(|event| event.mail == *mail).cloned().collect::<Vec<_>>();
    let keys: BTreeSet<MailKey> = events.iter().map(|event| event.mail).collect();
    let read = |key: &MailKey| OldMail {
        key: *key,
        events: of(key),
        keep_trusted: true,
        mails: Some(mails.iter().filter(|one| one.mail == *key).cloned().collect()),
    };
    db.import(&keys.iter().map(read).collect::<Vec<_>>()).unwrap();
    db
}

/// The shopper's decision, by the gate; what it answers, and whether it was entered.
fn decide(db: &mut Db, kind: Kind, now: &str) -> Result<Option<String>, Vec<crate::letter::Silence>> {
    let settings = Settings::default();
    db.write_letter(&order(), &settings, at(now), |case, (mails, memory)| {
        let case = case.expect("the order is known");
        let matter = Matter { case, mails, memory, settings: &settings, now: at(now) };
        on_owner(kind, &matter, &Asked::default(), false, &replies())
            .map(|(letter, wish)| (letter.message_id, wish))
            .map_err(|proposal| proposal.answer.unwrap_err())
    })
    .unwrap()
}

fn memory(db: &Db, now: &str) -> Memory {
    db.kept_for_letters([order()], at(now)).unwrap().remove(&order()).unwrap().1
}

#[test]
fn a_letter_is_entered_once_and_known_for_our_own() {
    let mut db = asked();
    assert_eq!(memory(&db, "11-25 09:00"), Memory::default());
    let id = decide(&mut db, Kind::AnswerCancel, "11-25 09:00").unwrap().unwrap();
    let known = db.known(&[], std::slice::from_ref(&id), &BTreeSet::new()).unwrap();
    assert!(known.own_letter, "before anything left");
    assert_eq!(decide(&mut db, Kind::AnswerCancel, "11-25 09:01"), Err(vec![crate::letter::Silence::AlreadyWritten]));
    let now = memory(&db, "11-25 23:59");
    assert_eq!(now.today, 1);
    assert_eq!(now.written.len(), 1);
    assert_eq!((now.written[0].step.as_str(), now.written[0].message_id.as_str()), ("answer-cancel", id.as_str()));
    assert_eq!(now.written[0].outcome, Outcome::Drafting);
    assert_eq!(memory(&db, "11-26 00:00").today, 0, "a day of Tokyo");
    assert_eq!(db.orders_with_letters().unwrap(), BTreeSet::from([order()]));
    // a gate that forgot would still not write it twice
    let row = db.outbox().unwrap().remove(0);
    let again = Wish {
        key: "another".into(),
        effect: row.effect,
        due: row.due,
        until: None,
        dedupe: vec![],
        after: vec![],
        turn: None,
    };
    assert!(!db.write(|transaction| enter(transaction, &again, at("11-25 10:00"))).unwrap());
}

#[test]
fn what_became_of_a_letter_is_what_became_of_its_row() {
    let mut db = asked();
    decide(&mut db, Kind::AnswerCancel, "11-25 09:00").unwrap().unwrap();
    let id = db.outbox().unwrap()[0].id;
    for (kind, state, expect) in [
        ("draft", "ready", Outcome::Drafting),
        ("draft", "doing", Outcome::Drafting),
        ("draft", "done", Outcome::Drafted),
        ("draft", "unknown", Outcome::Drafting),
        ("draft", "failed", Outcome::Failed),
        ("send", "ready", Outcome::Sending),
        ("send", "done", Outcome::Sent),
        ("send", "dropped", Outcome::Failed),
        ("send", "unknown", Outcome::Unknown),
    ] {
        db.connection.execute("UPDATE outbox SET kind = ?2, state = ?3 WHERE id = ?1", (id, kind, state)).unwrap();
        assert_eq!(memory(&db, "11-25 09:00").written[0].outcome, expect, "{kind} {state}");
    }
    let key = format!("letter:{ORDER}:answer-cancel");
    assert_eq!(db.state_of(&key).unwrap(), Some((State::Unknown, None)));
    assert_eq!(db.state_of("letter:none").unwrap(), None);
    let sign = "INSERT INTO letter_sign SELECT message_id, 'bounced', 'm', 1 FROM letter";
    assert!(!memory(&db, "11-25 09:00").written[0].looped);
    db.connection.execute(sign, []).unwrap();
    assert!(memory(&db, "11-25 09:00").written[0].looped);
}

#[test]
fn what_could_not_be_written_may_be_tried_again() {
    let mut db = asked();
    let first = decide(&mut db, Kind::AnswerWait, "11-25 09:00").unwrap();
    let id = db.outbox().unwrap()[0].id;
    db.close(id, State::Failed, Some("no Drafts folder"), at("11-25 09:01")).unwrap();
    assert_eq!(decide(&mut db, Kind::AnswerWait, "11-25 09:02").unwrap(), first, "the same letter");
    let rows = db.outbox().unwrap();
    assert_eq!(rows.len(), 2, "what failed stays in the history");
    assert_eq!((rows[0].state, rows[1].state), (State::Failed, State::Ready));
    assert_eq!(rows[1].key, format!("letter:{ORDER}:answer-wait"));
    assert_eq!(memory(&db, "11-25 09:03").written.len(), 1);
    assert_eq!(memory(&db, "11-25 09:03").written[0].at, at("11-25 09:02"), "decided anew");
    assert!(decide(&mut db, Kind::AnswerWait, "11-25 09:04").is_err());
    // what is not sent, and becomes a draft the day after, was decided when it was
    let row = db.outbox().unwrap().remove(1);
    let Effect::Draft { letter } = &row.effect else { panic!("a draft") };
    let draft = crate::plan::on_letter::drafted(row.id, letter, at("11-26 10:00"));
    let failed = State::Failed;
    db.letter_ended(row.id, failed, Some("550"), &[draft], false, at("11-26 10:00")).unwrap();
    let now = memory(&db, "11-26 10:01");
    assert_eq!((now.written[0].at, now.written[0].outcome), (at("11-25 09:02"), Outcome::Drafting));
    assert_eq!(now.today, 0);
}

#[test]
fn a_letter_of_the_ledger_s_earlier_home_is_not_written_again() {
    let mut elsewhere = asked();
    let id = decide(&mut elsewhere, Kind::AnswerCancel, "11-25 09:00").unwrap().unwrap();
    let mut db = asked();
    db.will_send(&id, at("11-25 09:00")).unwrap(); // as an export brings it
    assert_eq!(memory(&db, "11-25 10:00").written[0].outcome, Outcome::Elsewhere, "a preview knows it, too");
    let refused = Err(vec![crate::letter::Silence::AlreadyWritten]);
    assert_eq!(decide(&mut db, Kind::AnswerCancel, "11-25 10:00"), refused);
    assert!(db.outbox().unwrap().is_empty());
}

#[test]
fn a_file_tells_less_than_the_account_the_mail_came_to() {
    let mut db = asked();
    let (events, mails) = told(&[asks()]);
    let key = mails[0].mail;
    let read_again = |db: &mut Db, change: fn(&mut Correspondence)| {
        let mut row = mails[0].clone();
        change(&mut row);
        let mails = Some(vec![row]);
        db.import(&[OldMail { key, events: events.clone(), keep_trusted: false, mails }]).unwrap();
        let kept = db.kept_for_letters([order()], at("11-25 09:00")).unwrap().remove(&order()).unwrap().0;
        assert_eq!(kept.len(), 2);
        kept.into_iter().find(|one| one.mail == key).unwrap()
    };
    let kept = read_again(&mut db, |row| (row.account, row.to) = (String::new(), None));
    assert_eq!((kept.account.as_str(), kept.to.as_deref()), ("home", Some(HANAKO)));
    let kept = read_again(&mut db, |row| row.account = "other".into());
    assert_eq!(kept.account, "other", "where it lies now");
    let kept = read_again(&mut db, |row| {
        row.trust = crate::mail::TrustLevel::Unverified;
        row.silence = vec![crate::letter::Silence::Unverified];
    });
    assert_eq!(kept.silence, [crate::letter::Silence::Unverified]);
    let kept = read_again(&mut db, |row| row.account = String::new());
    assert_eq!((kept.account.as_str(), kept.silence), ("", vec![]), "a file that proves more");
    assert_eq!(kept.sender, SHOP);
    read_again(&mut db, |row| row.account = "home".into());
    // a mail that tells nothing of an order any more gives no address
    db.import(&[OldMail { key, events: vec![], keep_trusted: false, mails: Some(vec![]) }]).unwrap();
    let left = db.kept_for_letters([order()], at("11-25 09:00")).unwrap().remove(&order()).unwrap().0;
    assert_eq!(left.len(), 1);
}
