//! Channels that tell the same one after the other, and what is kept back.

use super::*;
use crate::plan::summary::Telling;
use crate::plan::{Turn, Why};
use crate::rules::category;

fn turn(of: &str, place: u32) -> Option<Turn> {
    Some(Turn { of: of.to_owned(), place, most: None })
}

/// An announcement by `first` at once, and by `then` in their turns, 20 seconds apart.
fn announced(of: &str, first: &[&str], then: &[&str]) -> Vec<Wish> {
    let places = first.iter().map(|name| (name, 0)).chain(then.iter().zip(1..));
    let wish = |(name, place): (&&str, u32)| Wish {
        key: format!("{of}:{name}"),
        effect: Effect::Alert { channel: (*name).into(), alert: Alert::default() },
        due: at(20 * i64::from(place)),
        turn: turn(of, place),
        ..alert("", &[])
    };
    places.map(wish).collect()
}

/// A restock that is told like this, and filed after.
fn restock(db: &mut Db, first: &[&str], then: &[&str]) -> Vec<Row> {
    let mut plan = announced("alert:m", first, then);
    let keys: Vec<String> = plan.iter().map(|wish| wish.key.clone()).collect();
    plan.push(file("file:m", &keys.iter().map(String::as_str).collect::<Vec<_>>()));
    let Settled::New { alerts } = db.settle(&[settling("m", 1, plan)], true, at(0)).unwrap().remove(0) else {
        panic!("known")
    };
    alerts
}

/// Channel, state, seconds until it is due.
fn rows(db: &Db) -> Vec<(String, &'static str, i64)> {
    let rows = db.outbox().unwrap();
    let alerts = rows.iter().filter(|row| matches!(row.effect, Effect::Alert { .. }));
    alerts.map(|row| (row.lane.clone(), row.state.word(), row.due.duration_since(at(0)).as_secs())).collect()
}

fn row(lane: &str, state: &'static str, due: i64) -> (String, &'static str, i64) {
    (lane.to_owned(), state, due)
}

fn is_filed_now(db: &Db) -> bool {
    !db.workable("file", Some("a"), 10, at(1)).unwrap().is_empty()
}

#[test]
fn one_channel_is_enough_and_the_others_are_not_needed() {
    let mut db = Db::in_memory().unwrap();
    let alerts = restock(&mut db, &["phone", "slow"], &["pager", "mail"]);
    assert_eq!(alerts.iter().map(|row| row.lane.as_str()).collect::<Vec<_>>(), ["phone", "slow"]);
    assert!(!is_filed_now(&db));
    db.alerted(&alerts[0], None, at(0), at(1)).unwrap();
    let told =
        [row("phone", "done", 0), row("slow", "doing", 0), row("pager", "dropped", 20), row("mail", "dropped", 40)];
    assert_eq!(rows(&db), told);
    assert!(is_filed_now(&db), "the slow one does not hold the filing");
    let dropped = db.outbox().unwrap().into_iter().filter(|row| row.state == State::Dropped);
    assert!(dropped.into_iter().all(|row| row.last_error.as_deref() == Some(NOT_NEEDED)));
    // the slow one fails, and is tried again: it is of the first turn
    assert!(!db.did_not_leave(alerts[1].id, Some(at(2)), "slow", at(1)).unwrap());
    assert_eq!(rows(&db)[1], row("slow", "ready", 2));
    db.alerted(&alerts[1], None, at(2), at(3)).unwrap();
    let again = db.wish(&announced("alert:m#2", &["phone"], &[]), true, at(120)).unwrap().remove(0);
    db.alerted(&again, Some(at(0)), at(120), at(121)).unwrap();
    assert_eq!(db.latencies().unwrap().len(), 2, "a repetition measures nothing");
}

#[test]
fn a_turn_comes_when_all_before_it_have_failed_and_the_rest_move_up() {
    let mut db = Db::in_memory().unwrap();
    let alerts = restock(&mut db, &["phone", "desk"], &["pager", "mail"]);
    assert!(!db.did_not_leave(alerts[0].id, Some(at(5)), "500", at(1)).unwrap(), "the desk may still tell it");
    assert_eq!(rows(&db)[2], row("pager", "ready", 20));
    assert!(db.did_not_leave(alerts[1].id, None, "never", at(2)).unwrap());
    assert_eq!(rows(&db)[1..], [row("desk", "failed", 0), row("pager", "ready", 2), row("mail", "ready", 22)]);
    let pager = db.workable("alert", Some("pager"), 1, at(2)).unwrap().remove(0);
    db.begin(&[pager.id], None).unwrap();
    // the phone fails again while the pager is asked: mail's turn is not yet
    assert!(!db.did_not_leave(alerts[0].id, Some(at(9)), "500", at(3)).unwrap());
    assert!(db.did_not_leave(pager.id, Some(at(9)), "503", at(4)).unwrap());
    assert_eq!(rows(&db)[3], row("mail", "ready", 4));
    let mail = db.workable("alert", Some("mail"), 1, at(4)).unwrap().remove(0);
    db.begin(&[mail.id], None).unwrap();
    // the phone takes it after all, while mail is under way and fails: not once more
    db.alerted(&alerts[0], None, at(5), at(6)).unwrap();
    assert_eq!((rows(&db)[2].1, rows(&db)[3].1), ("dropped", "doing"));
    db.did_not_leave(mail.id, Some(at(30)), "lost", at(7)).unwrap();
    let last = db.outbox().unwrap().into_iter().find(|row| row.lane == "mail").unwrap();
    assert_eq!((last.state, last.last_error.as_deref()), (State::Dropped, Some(NOT_NEEDED)));
    assert!(is_filed_now(&db));
}

#[test]
fn a_channel_that_is_left_alone_passes_its_turn_on_and_counts_no_attempt() {
    let mut db = Db::in_memory().unwrap();
    let alerts = restock(&mut db, &["phone"], &["mail"]);
    assert!(db.hold_off("phone", &[alerts[0].id], at(100), "no answer", at(1)).unwrap());
    assert_eq!(rows(&db), [row("phone", "ready", 100), row("mail", "ready", 1)]);
    assert_eq!(db.outbox().unwrap()[0].attempts, 0);
    assert!(!db.hold_off("phone", &[], at(100), "no answer", at(2)).unwrap(), "nothing is due");
    db.hold_no_longer("phone", at(3)).unwrap();
    assert_eq!(rows(&db)[0], row("phone", "ready", 3));
    // what waits its turn is not woken
    assert_eq!(rows(&db)[1], row("mail", "ready", 1));
    assert_eq!(db.drop_what_is_over("phone", at(3600)).unwrap(), 0);
    assert_eq!(db.drop_what_is_over("phone", at(3601)).unwrap(), 1);
    assert!(!is_filed_now(&db));
    assert_eq!(db.drop_what_is_over("mail", at(3601)).unwrap(), 1);
    assert!(is_filed_now(&db), "nobody told it, and its time is up");
}

#[test]
fn after_a_start_nothing_that_was_told_is_told_by_the_next_channel() {
    let mut db = Db::in_memory().unwrap();
    let alerts = restock(&mut db, &["phone"], &["mail", "pager"]);
    let mail = db.workable("alert", Some("mail"), 1, at(20)).unwrap().remove(0);
    db.begin(&[mail.id], None).unwrap();
    db.alerted(&alerts[0], None, at(20), at(21)).unwrap();
    db.give_up_alerts_except(&["phone".into(), "mail".into(), "pager".into()], at(30)).unwrap();
    assert_eq!(rows(&db).iter().map(|row| row.1).collect::<Vec<_>>(), ["done", "dropped", "dropped"]);

    // a channel that is gone has ended: the next one's turn comes at once
    let mut db = Db::in_memory().unwrap();
    restock(&mut db, &["phone"], &["mail", "pager"]);
    db.give_up_alerts_except(&["mail".into(), "pager".into()], at(5)).unwrap();
    assert_eq!(rows(&db), [row("phone", "failed", 0), row("mail", "ready", 5), row("pager", "ready", 25)]);
}

#[test]
fn how_a_channel_fares_is_kept() {
    let mut db = Db::in_memory().unwrap();
    let health =
        Health { failing_since: Some(at(1)), failures: 4, shut: 1, shut_until: Some(at(9)), ..Health::default() };
    db.keep_health("phone", &health).unwrap();
    let well = Health { well_since: Some(at(12)), ..Health::default() };
    db.keep_health("mail", &well).unwrap();
    assert_eq!(db.health().unwrap(), [("mail".to_owned(), well), ("phone".to_owned(), health)]);
}

/// A mail with an announcement of which at most three an hour are told.
fn bounded(db: &mut Db, name: &str, uid: u32, second: i64) -> usize {
    let mut plan = announced(&format!("alert:{name}"), &["phone", "desk"], &["mail"]);
    for wish in &mut plan {
        wish.turn = Some(Turn { most: Some(3), ..wish.turn.take().unwrap() });
        wish.due = at(second);
        wish.dedupe = vec![crate::plan::Same::new(format!("{}:item:{name}", wish.key), 900)];
    }
    let settled = db.settle(&[settling(name, uid, plan)], true, at(second)).unwrap().remove(0);
    let Settled::New { alerts } = settled else { panic!("known") };
    alerts.len()
}

#[test]
fn above_the_bound_an_announcement_is_kept_back_as_a_whole() {
    let mut db = Db::in_memory().unwrap();
    for other in ["alert:m#2", "summary:1:x", "more:alert:m"] {
        // these tell nothing new
        db.wish(&announced(other, &["phone"], &[]), true, at(0)).unwrap();
    }
    // neither does what was told together with others, and so left by itself never
    for row in db.wish(&announced("remind:a:look", &["phone", "desk"], &[]), true, at(0)).unwrap() {
        db.close(row.id, State::Dropped, Some("told together with others"), at(0)).unwrap();
    }
    let told: Vec<usize> = (0..5).map(|n| bounded(&mut db, &format!("m{n}"), n, i64::from(n))).collect();
    assert_eq!(told, [3, 3, 3, 0, 0]);
    let kept = db.kept_back().unwrap();
    assert_eq!(
        kept.iter().map(|one| (one.of.as_str(), one.why)).collect::<Vec<_>>(),
        [("alert:m3", Why::Many), ("alert:m4", Why::Many)]
    );
    assert!(kept.iter().all(|one| one.due == at(303)), "all at one time: {kept:?}");
    // a second copy of one that is kept back is the same event
    let mut again = settling("copy", 77, vec![alert("alert:copy:phone", &[("alert:m3:phone:item:m3", 900)])]);
    again.received = at(5);
    let settled = db.settle(&[again], true, at(5)).unwrap().remove(0);
    assert_eq!(settled, Settled::New { alerts: vec![] });
    // and an hour later there is room again
    assert_eq!(bounded(&mut db, "m9", 9, 3601), 3);
}

#[test]
fn what_is_kept_back_is_told_once_and_its_rows_are_closed_with_it() {
    let mut db = Db::in_memory().unwrap();
    let held = |of: &str| Wish {
        key: format!("{of}::held"),
        effect: Effect::Held {
            alert: Alert { category: category::RESTOCK.into(), ..Alert::default() },
            why: Why::Quiet,
            by: Vec::new(),
        },
        due: at(100),
        turn: turn(of, 0),
        ..alert("", &[])
    };
    db.settle(&[settling("m", 1, vec![held("alert:m")])], true, at(0)).unwrap();
    db.wish(&[held("remind:x")], true, at(0)).unwrap();
    let (left, alerts) = db.tell_kept_back(at(50), |_| vec![]).unwrap();
    assert_eq!((left.len(), alerts.len()), (2, 0));
    let tell = |kept: &[crate::plan::summary::Kept]| {
        assert_eq!(kept.iter().map(|one| one.of.as_str()).collect::<Vec<_>>(), ["alert:m", "remind:x"]);
        vec![Telling { wishes: announced("alert:m", &["phone"], &[]), rows: vec![kept[0].id], as_itself: true }]
    };
    let (left, alerts) = db.tell_kept_back(at(100), tell).unwrap();
    assert_eq!((left.len(), alerts.len(), alerts[0].message.is_some()), (1, 1, true));
    assert_eq!((db.open_rows().unwrap(), db.outbox().unwrap()[0].state), (2, State::Done));
    db.alerted(&alerts[0], Some(at(0)), at(100), at(101)).unwrap();
    assert_eq!(db.latencies().unwrap()[0].way, Course::KeptBack);
}

/// The wish that keeps an announcement back until then.
fn held_until(of: &str, second: i64) -> Wish {
    let effect = Effect::Held { alert: Alert::default(), why: Why::Quiet, by: Vec::new() };
    Wish { key: format!("{of}::held"), effect, due: at(second), turn: turn(of, 0), ..alert("", &[]) }
}

#[test]
fn what_is_asked_for_again_is_told_once_whatever_hour_it_is() {
    let mut db = Db::in_memory().unwrap();
    // told before the quiet hours, and asked for within them
    assert_eq!(db.wish(&announced("warn:a", &["phone"], &["mail"]), true, at(0)).unwrap().len(), 1);
    db.wish(&[held_until("warn:a", 100)], true, at(10)).unwrap();
    assert_eq!(db.kept_back().unwrap(), []);
    // kept back, told with others, and asked for after the quiet hours
    db.wish(&[held_until("warn:b", 100)], true, at(20)).unwrap();
    assert_eq!(db.wish(&announced("warn:b", &["phone"], &[]), true, at(30)).unwrap(), []);
    let tell = |kept: &[crate::plan::summary::Kept]| {
        vec![Telling { wishes: announced("summary:b", &["phone"], &[]), rows: vec![kept[0].id], as_itself: false }]
    };
    assert_eq!(db.tell_kept_back(at(100), tell).unwrap().1.len(), 1);
    assert_eq!(db.wish(&announced("warn:b", &["phone"], &[]), true, at(110)).unwrap(), []);
    // kept back by the bound, and asked for a moment later
    let bounded = |of: &str| {
        let mut wishes = announced(of, &["phone"], &["mail"]);
        wishes[0].turn = Some(Turn { most: Some(2), ..wishes[0].turn.take().unwrap() });
        wishes
    };
    assert_eq!(db.wish(&announced("warn:d", &["phone"], &[]), true, at(115)).unwrap().len(), 1);
    for second in [120, 180] {
        assert_eq!(db.wish(&bounded("warn:c"), true, at(second)).unwrap(), []);
    }
    assert_eq!(db.kept_back().unwrap().iter().map(|one| one.of.as_str()).collect::<Vec<_>>(), ["warn:c"]);
    // a row of an older version names no announcement
    db.connection.execute("UPDATE outbox SET told = NULL WHERE told = 'warn:a'", []).unwrap();
    assert_eq!(db.wish(&announced("warn:a", &["desk"], &[]), true, at(200)).unwrap(), []);
}

#[test]
fn a_clock_that_was_ahead_fills_no_hour_and_puts_nothing_off() {
    let mut db = Db::in_memory().unwrap();
    let day = 86_400;
    let told: Vec<usize> = (0..4).map(|n| bounded(&mut db, &format!("ahead{n}"), n, day)).collect();
    assert_eq!(told, [3, 3, 3, 0]);
    let told: Vec<usize> = (0..4).map(|n| bounded(&mut db, &format!("now{n}"), 10 + n, 5)).collect();
    assert_eq!(told, [3, 3, 3, 0]);
    let due: Vec<Timestamp> = db.kept_back().unwrap().iter().map(|one| one.due).collect();
    assert_eq!(due, [at(day + 300), at(305)]);
}

#[test]
fn a_summary_that_holds_a_reminder_outlives_its_channel_as_the_reminder_would() {
    let mut db = Db::in_memory().unwrap();
    let summary = |of: &str, reminders: bool| {
        let mut wish = announced(of, &["phone"], &[]).remove(0);
        let Effect::Alert { alert, .. } = &mut wish.effect else { panic!("no alert") };
        if reminders {
            alert.details.insert("reminders".into(), true.into());
        }
        wish
    };
    db.wish(&[summary("summary:1:x", true), summary("summary:2:y", false)], true, at(0)).unwrap();
    assert_eq!(db.give_up_alerts_except(&[], at(1)).unwrap(), 1);
    assert_eq!(rows(&db).iter().map(|row| row.1).collect::<Vec<_>>(), ["doing", "failed"]);
    assert_eq!(db.give_up_alerts_except(&["mail".into()], at(2)).unwrap(), 0);
    assert_eq!(rows(&db)[0], row("mail", "ready", 0));
}

#[test]
fn a_mail_that_is_let_in_is_not_called_quarantined_in_the_morning() {
    let mut db = Db::in_memory().unwrap();
    let one = settling("m", 1, Vec::new());
    let key = one.key;
    let notice = held_until(&format!("alert:{key}"), 100);
    db.settle(&[Settling { step: Step { plan: vec![notice], ..Step::default() }, ..one }], true, at(0)).unwrap();
    let mail = Quarantined {
        message: db.outbox().unwrap()[0].message.unwrap(),
        key,
        received: at(0),
        size: 10,
        places: vec![place(1)],
    };
    let of = format!("release:alert:{key}");
    let releasing = Releasing {
        mail,
        lies_at: None,
        message_id: None,
        verdict: Verdict { category: category::COUPON.into(), ..Verdict::default() },
        step: Step { plan: vec![held_until(&of, 100)], ..Step::default() },
        vouch_for: None,
    };
    db.release(&releasing, true, at(50)).unwrap().unwrap();
    assert_eq!(db.kept_back().unwrap().iter().map(|one| one.of.clone()).collect::<Vec<_>>(), [of]);
}
