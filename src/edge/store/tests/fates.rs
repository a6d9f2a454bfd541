//! What the log of restocks and the review of a month say became of a mail.

use super::*;
use crate::plan::summary::Telling;
use crate::plan::{Quiet, Turn, Why};
use crate::review::Fate;
use crate::rules::category;

fn announced(of: &str, channel: &str) -> Wish {
    Wish {
        key: format!("{of}:{channel}"),
        effect: Effect::Alert { channel: channel.into(), alert: Alert::default() },
        turn: Some(Turn { of: of.to_owned(), place: 0, most: None }),
        ..alert("", &[])
    }
}

/// Kept back until second 100.
fn held(of: &str) -> Wish {
    let alert_of = Alert { category: category::RESTOCK.into(), ..Alert::default() };
    Wish {
        key: format!("{of}::held"),
        effect: Effect::Held { alert: alert_of, why: Why::Quiet, by: Vec::new() },
        due: at(100),
        turn: Some(Turn { of: of.to_owned(), place: 0, most: None }),
        ..alert("", &[])
    }
}

/// The fate of the restock of this number in the log, by the mail's own words.
fn fate(db: &Db, mail: &str) -> Fate {
    let all = db.restocks(0, 100).unwrap();
    all.into_iter().find(|one| one.mail == MailKey::of(mail.as_bytes())).unwrap().fate
}

#[test]
fn what_is_kept_back_is_told_later_when_it_was_told_alone_or_with_others() {
    let mut db = Db::in_memory().unwrap();
    db.settle(&[settling("alone", 1, vec![held("alert:alone")])], true, at(0)).unwrap();
    db.settle(&[settling("one", 2, vec![held("alert:one")])], true, at(1)).unwrap();
    db.settle(&[settling("two", 3, vec![held("alert:two")])], true, at(2)).unwrap();
    for mail in ["alone", "one", "two"] {
        assert_eq!(fate(&db, mail), Fate::KeptBack(Why::Quiet), "{mail}");
    }
    let tell = |kept: &[crate::plan::summary::Kept]| {
        let row = |of: &str| kept.iter().find(|one| one.of == of).unwrap().id;
        vec![
            Telling {
                wishes: vec![announced("alert:alone", "phone")],
                rows: vec![row("alert:alone")],
                as_itself: true,
            },
            Telling {
                wishes: vec![announced("summary:1", "phone")],
                rows: vec![row("alert:one"), row("alert:two")],
                as_itself: false,
            },
        ]
    };
    let (_, alerts) = db.tell_kept_back(at(100), tell).unwrap();
    assert_eq!(alerts.len(), 2);
    for mail in ["alone", "one", "two"] {
        assert_eq!(fate(&db, mail), Fate::UnderWay, "{mail}: no channel took it yet");
    }
    db.alerted(&alerts[0], Some(at(0)), at(100), at(101)).unwrap();
    assert_eq!((fate(&db, "alone"), fate(&db, "one")), (Fate::ToldLater(Why::Quiet), Fate::UnderWay));
    // the one that tells both is refused for good
    db.did_not_leave(alerts[1].id, None, "403", at(102)).unwrap();
    assert_eq!((fate(&db, "one"), fate(&db, "two")), (Fate::Missed, Fate::Missed));
    // all three were kept back, whatever came of it, and so the month says
    let kept = db.kept_between(at(0), at(200)).unwrap();
    let reason = crate::review::Reason::Kept(Why::Quiet);
    assert_eq!(kept.quiet.get(&(category::RESTOCK.to_owned(), reason)), Some(&3), "{:?}", kept.quiet);
    assert_eq!(kept.quiet.len(), 1);
    assert_eq!(db.kept_between(at(3), at(200)).unwrap().quiet.len(), 0, "another span");
}

#[test]
fn a_summary_that_was_taken_tells_all_that_is_in_it() {
    let mut db = Db::in_memory().unwrap();
    db.settle(&[settling("one", 1, vec![held("alert:one")])], true, at(0)).unwrap();
    db.settle(&[settling("two", 2, vec![held("alert:two")])], true, at(1)).unwrap();
    let tell = |kept: &[crate::plan::summary::Kept]| {
        let rows = kept.iter().map(|one| one.id).collect();
        vec![Telling { wishes: vec![announced("summary:1", "phone")], rows, as_itself: false }]
    };
    let (_, alerts) = db.tell_kept_back(at(100), tell).unwrap();
    db.alerted(&alerts[0], Some(at(0)), at(100), at(101)).unwrap();
    let kept = db.kept_between(at(0), at(200)).unwrap();
    let told: Vec<_> = kept.restocks.iter().map(|one| (one.fate, one.together)).collect();
    assert_eq!(told, [(Fate::ToldLater(Why::Quiet), Some(at(101))); 2]);
}

#[test]
fn what_is_told_missed_or_not_told_at_all_says_so() {
    let mut db = Db::in_memory().unwrap();
    let plan = |mail: &str| vec![announced(&format!("alert:{mail}"), "phone")];
    let mut alerts = Vec::new();
    for (mail, uid) in [("told", 1), ("missed", 2), ("waits", 3)] {
        let settled = db.settle(&[settling(mail, uid, plan(mail))], true, at(0)).unwrap().remove(0);
        let Settled::New { alerts: new } = settled else { panic!("known") };
        alerts.extend(new);
    }
    let quiet = Step { quiet: Some(Quiet::Muted), ..Step::default() };
    db.settle(&[Settling { step: quiet, ..settling("muted", 4, vec![]) }], true, at(0)).unwrap();
    db.alerted(&alerts[0], Some(at(0)), at(1), at(2)).unwrap();
    db.did_not_leave(alerts[1].id, None, "403", at(2)).unwrap();
    let fates: Vec<Fate> = ["told", "missed", "waits", "muted"].into_iter().map(|mail| fate(&db, mail)).collect();
    assert_eq!(fates, [Fate::Told, Fate::Missed, Fate::UnderWay, Fate::Quiet(Quiet::Muted)]);
}

#[test]
fn what_is_left_over_is_what_waits_and_what_was_given_up_since_then() {
    let mut db = Db::in_memory().unwrap();
    let plan = |mail: &str| vec![announced(&format!("alert:{mail}"), "phone")];
    let mut alerts = Vec::new();
    for (mail, uid) in [("done", 1), ("long ago", 2), ("now", 3), ("waits", 4)] {
        let settled = db.settle(&[settling(mail, uid, plan(mail))], true, at(0)).unwrap().remove(0);
        let Settled::New { alerts: new } = settled else { panic!("known") };
        alerts.extend(new);
    }
    db.settle(&[settling("kept", 5, vec![held("alert:kept")])], true, at(0)).unwrap();
    db.alerted(&alerts[0], None, at(0), at(1)).unwrap();
    db.did_not_leave(alerts[1].id, None, "403", at(5)).unwrap();
    db.did_not_leave(alerts[2].id, None, "404", at(10)).unwrap();
    let left = |since| {
        let all = db.left_over(at(since)).unwrap().into_iter();
        all.map(|one| (one.given_up, one.why.unwrap_or_default(), one.effects)).collect::<Vec<_>>()
    };
    assert_eq!(left(10), [(true, "404".to_owned(), 1), (false, String::new(), 1)]);
    assert_eq!(left(0).len(), 3);
    assert_eq!(left(11), [(false, String::new(), 1)], "what was given up before is told by history and status");
}
