//! Letters in the store: they are found by order and by Message-ID, end once, and what follows is entered once.

use super::*;
use crate::plan::{SignKind, on_letter};

const ORDER: &str = "399999-20261120-0123456789";

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_795_000_000 + second).unwrap()
}

fn letter(name: &str) -> Letter {
    Letter {
        step: name.to_owned(),
        order: OrderNumber::parse(ORDER).unwrap(),
        account: "a".to_owned(),
        from: "me@example.jp".to_owned(),
        to: "shop@shop.rakuten.co.jp".to_owned(),
        subject: "s".to_owned(),
        body: "b\n".to_owned(),
        in_reply_to: None,
        references: Vec::new(),
        message_id: format!("{name}@example.jp"),
        answers: false,
    }
}

fn send(name: &str) -> Wish {
    let letter = letter(name);
    let ticket = crate::plan::Ticket::planted(&letter.message_id);
    let effect = Effect::Send { letter: Box::new(letter), ticket };
    Wish { key: name.to_owned(), effect, due: at(0), until: None, dedupe: vec![], after: vec![], turn: None }
}

#[test]
fn a_letter_ends_once_and_what_follows_is_entered_once() {
    let mut db = Db::in_memory().unwrap();
    db.wish(&[send("x")], true, at(0)).unwrap();
    let order = OrderNumber::parse(ORDER).unwrap();
    let one = db.letters(&order).unwrap().remove(0);
    let draft = [on_letter::drafted(one.id, &one.letter, at(1))];
    db.letter_ended(one.id, State::Unknown, Some("cut"), &[], true, at(1)).unwrap();
    assert_eq!(db.unknown_letters().unwrap().len(), 1);
    for _ in 0..2 {
        db.letter_ended(one.id, State::Dropped, Some("not sent"), &draft, true, at(2)).unwrap();
        // what is at its end cannot become something else
        db.letter_ended(one.id, State::Done, None, &[], true, at(3)).unwrap();
    }
    let all = db.letters(&order).unwrap();
    let states: Vec<(Way, State)> = all.iter().map(|one| (one.way, one.state)).collect();
    assert_eq!(states, [(Way::Send, State::Dropped), (Way::Draft, State::Ready)]);
    assert_eq!(all[0].error.as_deref(), Some("not sent"));
    assert_eq!(db.letters_today(at(5)).unwrap(), 1, "one letter, whatever became of it");
    assert_eq!(db.letters_today(at(48 * 3600)).unwrap(), 0);
}

#[test]
fn a_letter_is_known_by_its_id_before_it_leaves_and_keeps_its_first_signs() {
    let mut db = Db::in_memory().unwrap();
    db.wish(&[send("x"), send("y")], true, at(0)).unwrap();
    let order = OrderNumber::parse(ORDER).unwrap();
    let ids = ["x@example.jp".to_owned(), "else@example.jp".to_owned()];
    let known = db.known(&[], &ids, &Default::default()).unwrap();
    assert!(known.own_letter, "from the moment it was decided: its draft may be sent by hand");
    let row = db.letters(&order).unwrap().remove(0);
    db.begin_letter(row.id, "x@example.jp", &serde_json::json!({}), at(1)).unwrap();
    let known = db.known(&[], &ids, &Default::default()).unwrap();
    assert_eq!(known.letters.into_iter().collect::<Vec<_>>(), [(ids[0].clone(), order.clone())]);
    let sign = |kind, at| Sign { message_id: "x@example.jp".to_owned(), order: order.clone(), kind, at };
    let signs = [sign(SignKind::Bounced, at(2)), sign(SignKind::AutoReply, at(3)), sign(SignKind::Bounced, at(9))];
    db.write(|transaction| add_signs(transaction, &signs, MailKey::of(b"m"))).unwrap();
    let words: Vec<String> = db.letter_signs(&order).unwrap().into_iter().map(|(_, word)| word).collect();
    assert_eq!(words, ["bounced", "auto-reply"]);
}

#[test]
fn letters_are_found_by_an_index() {
    let db = Db::in_memory().unwrap();
    for column in [OF_ORDER, OF_ID] {
        let sql = format!("EXPLAIN QUERY PLAN SELECT id FROM outbox WHERE {KINDS} AND {column} = ?1");
        let plan: String = db.connection.query_row(&sql, ["x"], |row| row.get("detail")).unwrap();
        assert!(plan.contains("outbox_of_letter"), "{plan}");
    }
}

fn drafted(name: &str) -> Wish {
    let effect = Effect::Draft { letter: Box::new(letter(name)) };
    Wish { key: name.to_owned(), effect, due: at(0), until: None, dedupe: vec![], after: vec![], turn: None }
}

#[test]
fn the_word_on_letters_settles_those_that_were_shown_and_no_others() {
    use crate::edge::store::LettersSettled;
    let mut db = Db::in_memory().unwrap();
    db.wish(&[send("ask-shop"), drafted("thanks")], true, at(0)).unwrap();
    let order = OrderNumber::parse(ORDER).unwrap();
    let rows: Vec<i64> = db.letters(&order).unwrap().iter().map(|one| one.id).collect();
    db.letter_ended(rows[0], State::Unknown, Some("cut"), &[], true, at(1)).unwrap();
    db.laid(rows[1], None, None, at(1)).unwrap();
    let doubt = [(rows[0], State::Unknown)];
    let say = |db: &mut Db, shown: &[(i64, State)], sent| db.settle_letters(&order, shown, sent, false, at(2)).unwrap();
    assert_eq!(say(&mut db, &[], true), LettersSettled::Stale);
    assert_eq!(say(&mut db, &[(rows[0], State::Done)], true), LettersSettled::Stale);
    assert_eq!(say(&mut db, &[(99, State::Unknown)], true), LettersSettled::Stale);
    assert_eq!(say(&mut db, &doubt, true), LettersSettled::Now);
    // pressed again: the draft is another letter, and waits as before
    assert_eq!(say(&mut db, &doubt, true), LettersSettled::Before);
    assert_eq!(say(&mut db, &doubt, false), LettersSettled::Stale, "the other button of the same page");
    let errors: Vec<Option<String>> = db.letters(&order).unwrap().into_iter().map(|one| one.error).collect();
    assert_eq!(errors, [Some("sent, as you said".to_owned()), None]);
    let draft = [(rows[1], State::Done)];
    assert_eq!(say(&mut db, &draft, false), LettersSettled::Stale);
    assert_eq!(say(&mut db, &draft, true), LettersSettled::Now);
    assert_eq!(say(&mut db, &draft, true), LettersSettled::Before);
}

#[test]
fn an_answer_that_was_sent_answers_the_shop_once_and_a_question_does_not() {
    let mut db = Db::in_memory().unwrap();
    db.wish(&[send("answer-cancel"), send("ask-shop")], true, at(0)).unwrap();
    let order = OrderNumber::parse(ORDER).unwrap();
    let rows: Vec<i64> = db.letters(&order).unwrap().iter().map(|one| one.id).collect();
    for id in &rows {
        db.letter_ended(*id, State::Unknown, Some("cut"), &[], true, at(1)).unwrap();
    }
    assert!(db.statements().unwrap().is_empty());
    for id in rows.iter().chain(&rows) {
        db.letter_ended(*id, State::Done, None, &[], true, at(2)).unwrap();
    }
    let said = db.statements().unwrap();
    assert_eq!(said, [Statement { order, said: Said::Answered, at: at(2), by: ledger::By::Letter }]);
}
