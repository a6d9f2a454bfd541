//! Reminders: each at its time, once, whatever the clock does in between.

use super::*;
use crate::facts::{Cancelled, Cause, Coupon, CouponRole, Stage};
use crate::ledger::{By, Event, EventKind, Said, Statement, Terms, cases};
use crate::plan::Effect;
use crate::wording::Language;

const A: &str = "399999-20261120-0123456789";

fn at(text: &str) -> Timestamp {
    let text = if text.len() == 11 { format!("2026-{text}") } else { text.to_owned() };
    format!("{}:00+09:00", text.replace(' ', "T")).parse().unwrap()
}

fn event(when: &str, kind: EventKind) -> Event {
    let name = format!("{when} {kind:?}");
    Event {
        order: OrderNumber::parse(A),
        shop_code: Some("modori-zakka".to_owned()),
        ..Event::of(&name, at(when), kind)
    }
}

fn ordered(points: u64) -> Event {
    let terms = Terms {
        points_used: Some(points),
        payment_yen: Some(3000),
        total_yen: Some(3000 + points),
        coupon_used_yen: Some(0),
        ..Terms::default()
    };
    event("11-20 20:02", EventKind::Order { stage: Stage::Ordered, terms })
}

fn cancel(form: Cancelled, when: &str, reply_by: Option<&str>) -> Event {
    let reply_by = reply_by.map(at);
    event(when, EventKind::Cancel { form, cause: Some(Cause::Shop), terms: Terms::default(), reply_by })
}

fn confirm(when: &str, expires: Option<&str>) -> Statement {
    let said = Said::Confirm { points: None, expires: expires.map(at), coupon_back: None };
    Statement { order: OrderNumber::parse(A).unwrap(), said, at: at(when), by: By::Command }
}

/// Runs a clock from one instant to another in steps and tells what leaves when: a key is told once.
fn told(events: &[Event], statements: &[Statement], from: &str, until: &str, step: SignedDuration) -> Vec<String> {
    let settings = Settings::default();
    let policy = Policy { channels: vec!["phone".to_owned()], language: Language::En, ..Policy::default() };
    let (mut now, until) = (at(from), at(until));
    let mut last = None;
    let mut keys = BTreeSet::new();
    let mut told = Vec::new();
    while now <= until {
        let known: Vec<Event> = events.iter().filter(|event| event.at <= now).cloned().collect();
        let said: Vec<Statement> = statements.iter().filter(|one| one.at <= now).cloned().collect();
        for due in on_time(&cases(&known, &said, &settings, now), last, &settings, &policy, now) {
            for wish in due.wishes {
                if keys.insert(wish.key.clone()) {
                    let when = crate::calendar::civil(now).strftime("%m-%d %H:%M").to_string();
                    let missed = if due.missed { "missed " } else { "" };
                    told.push(format!("{when} {missed}{}", due.reminder.step));
                }
            }
        }
        last = Some(now);
        now += step;
    }
    told
}

const FINE: SignedDuration = SignedDuration::from_mins(10);

#[test]
fn a_return_is_looked_after_on_tokyo_time() {
    let events = [ordered(500), cancel(Cancelled::Confirmed, "11-24 10:03", None)];
    let all = ["11-25 10:00 look", "11-27 18:00 ask-shop", "12-01 18:00 ask-rakuten"];
    assert_eq!(told(&events, &[], "11-24 10:10", "12-05 12:00", FINE), all);
    // what she said ends it
    let said = [confirm("11-26 09:00", Some("12-31 23:59"))];
    assert_eq!(told(&events, &said, "11-24 10:10", "12-05 12:00", FINE), all[..1]);
    // near the end of the protection, because money was paid
    let late = told(&events, &[], "2027-01-30 00:00", "2027-02-20 00:00", FINE);
    assert_eq!(late, ["01-30 00:00 ask-rakuten", "02-04 10:00 protect", "02-15 10:00 protect"]);
    // it was cancelled because nothing was paid: there is no money to lose
    let mut unpaid = events;
    if let EventKind::Cancel { cause, .. } = &mut unpaid[1].kind {
        *cause = Some(Cause::Payment);
    }
    let late = told(&unpaid, &[], "2027-01-30 00:00", "2027-02-20 00:00", FINE);
    assert_eq!(late, ["01-30 00:00 ask-rakuten"]);
}

#[test]
fn deadlines_are_told_before_they_pass() {
    let asked = [ordered(0), cancel(Cancelled::Pending, "11-23 10:00", Some("11-25 17:00"))];
    assert_eq!(told(&asked, &[], "11-23 10:00", "11-27 00:00", FINE), ["11-24 17:00 reply", "11-25 14:00 reply"]);
    let pay = [ordered(0), event("11-21 09:00", EventKind::PayBy { until: at("12-04 23:59") })];
    assert_eq!(
        told(&pay, &[], "11-21 09:00", "12-06 00:00", FINE),
        ["12-02 00:00 pay", "12-04 00:00 pay", "12-04 21:00 pay"]
    );
    let events = [ordered(500), cancel(Cancelled::Confirmed, "11-24 10:03", None)];
    let spend = told(&events, &[confirm("11-25 09:00", Some("11-30 23:50"))], "11-25 09:00", "12-05 00:00", FINE);
    assert_eq!(spend, ["11-28 23:50 spend", "11-29 23:50 spend", "11-30 20:50 spend"]);
    // nobody said when: the usual short life, and it says so
    let spend = told(&events, &[confirm("11-25 09:00", None)], "11-25 09:00", "12-05 00:00", FINE);
    assert_eq!(spend, ["12-01 00:00 spend", "12-02 00:00 spend", "12-02 21:00 spend"]);
    // a deadline that is nearly over when it becomes known is told at once
    let spend = told(&events, &[confirm("11-25 09:00", Some("11-25 11:00"))], "11-25 09:00", "12-05 00:00", FINE);
    assert_eq!(spend, ["11-25 09:00 spend"]);
    let coupon = Coupon {
        role: CouponRole::Apology,
        amount_yen: Some(500),
        percent: None,
        code: None,
        url: None,
        expires_at: Some(at("12-31 23:50")),
        min_yen: None,
    };
    let apology = [events[0].clone(), events[1].clone(), event("11-24 10:03", EventKind::Coupon(coupon))];
    let all = told(&apology, &[confirm("11-25 09:00", Some("11-26 00:00"))], "12-01 00:00", "2027-01-03 00:00", FINE);
    assert_eq!(all, ["12-28 23:50 use-coupon", "12-30 23:50 use-coupon"]);
}

#[test]
fn after_a_pause_only_the_last_of_a_thread_is_told_and_what_passed_comes_first() {
    let events = [ordered(500), cancel(Cancelled::Confirmed, "11-24 10:03", None)];
    let days = SignedDuration::from_hours(9 * 24);
    // nine days asleep over look and both questions: only the last rung
    assert_eq!(told(&events, &[], "11-24 10:10", "12-03 11:00", days), ["12-03 10:10 ask-rakuten"]);
    // the points ended while the machine was off
    let said = [confirm("11-24 10:10", Some("11-30 23:59"))];
    assert_eq!(told(&events, &said, "11-24 10:10", "12-03 11:00", days), ["12-03 10:10 missed spend"]);
    let asked = [ordered(0), cancel(Cancelled::Pending, "11-23 10:00", Some("11-25 17:00"))];
    assert_eq!(told(&asked, &[], "11-23 10:00", "12-03 11:00", days), ["12-02 10:00 missed reply"]);
    // modori ran: it had said so before, and says no more
    assert_eq!(told(&asked, &[], "11-25 16:00", "11-25 18:00", FINE), ["11-25 16:00 reply"]);
}

#[test]
fn a_reminder_that_leaves_a_moment_late_names_the_same_hours() {
    let pay = [ordered(0), event("11-21 09:00", EventKind::PayBy { until: at("12-04 23:00") })];
    let policy = Policy { channels: vec!["phone".to_owned()], language: Language::En, ..Policy::default() };
    for (seconds, hours) in [(0, 72), (1, 72), (60, 72), (600, 71)] {
        let now = at("12-01 23:00") + SignedDuration::from_secs(seconds);
        let settings = Settings::default();
        let due = on_time(&cases(&pay, &[], &settings, now), Some(now), &settings, &policy, now);
        assert_eq!(due[0].reminder.hours_left, Some(hours), "{seconds} s later");
    }
}

#[test]
fn several_are_told_together_and_name_their_orders() {
    let events = [ordered(500), cancel(Cancelled::Confirmed, "11-24 10:03", None)];
    let settings = Settings::default();
    let policy = Policy { channels: vec!["phone".to_owned()], language: Language::En, ..Policy::default() };
    let now = at("11-27 18:00");
    let due = on_time(&cases(&events, &[], &settings, now), None, &settings, &policy, now);
    let several: Vec<&Due> = due.iter().cycle().take(7).collect();
    let wishes = together(&several, &policy, now);
    let [wish] = wishes.as_slice() else { panic!("{wishes:?}") };
    let Effect::Alert { alert, .. } = &wish.effect else { panic!("no alert") };
    assert_eq!(alert.title, "7 things wait for you");
    assert!(
        alert.body.contains(&format!("ask the shop / modori-zakka ({A})")) && alert.body.contains("and 2 more"),
        "{}",
        alert.body
    );
    assert_eq!(alert.details["until"], Value::Null);
    // the first deadline that is to come is that of all
    let ends = |until: &str, missed: bool| {
        let reminder = Reminder { until: Some(at(until)), ..due[0].reminder.clone() };
        Due { reminder, missed, ..due[0].clone() }
    };
    let ending =
        [ends("11-27 17:00", true), ends("11-27 17:30", false), ends("11-29 12:00", false), ends("11-28 06:00", false)];
    let wishes = together(&ending.iter().collect::<Vec<_>>(), &policy, now);
    let Effect::Alert { alert, .. } = &wishes[0].effect else { panic!("no alert") };
    assert_eq!(super::super::calm::deadline(alert, now), Some(at("11-28 06:00")));
    let Effect::Alert { alert, .. } = &due[0].wishes[0].effect else { panic!("no alert") };
    assert!(alert.url.as_deref().is_some_and(|url| url.ends_with(A)));
    assert!(alert.body.contains("500 points came back"), "{}", alert.body);
}
