//! A time came: what the shopper is reminded of.
//!
//! The answer follows from the cases and the time alone. Whether a reminder left before is known by its key, which
//! names what it is about and not when it was thought of: asked a hundred times, it leaves once.

use super::announce::Announcement;
use super::link::order_page;
use super::tell::{MY_COUPONS, clean};
use super::{Alert, Policy, Wish};
use crate::calendar::rfc3339;
use crate::facts::OrderNumber;
use crate::ledger::agenda::{Appointment, appointments, of_coupon, passed, word};
use crate::ledger::case::Inquiry;
use crate::ledger::coupon::Owned;
use crate::ledger::due::Settings;
use crate::ledger::{Case, NextStep};
use crate::rules::Priority;
use crate::wording::{Reminder, Waiting};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Map, Value};
use std::collections::{BTreeMap, BTreeSet};

/// modori looks at its deadlines more often than this: after a longer silence it did not run.
const OFF: SignedDuration = SignedDuration::from_mins(15);
/// More reminders than this at one time are told together.
pub const TOGETHER: usize = 3;
/// Most lines of what is told together.
const LINES: usize = 5;
/// A reminder leaves so much later than it should without being late.
const MOMENT: SignedDuration = SignedDuration::from_mins(5);
/// A reminder without a deadline is pointless after so long.
const STALE: SignedDuration = SignedDuration::from_hours(72);

/// One reminder, with the same words for every channel.
#[derive(Clone, Debug, PartialEq)]
pub struct Due {
    /// One wish a channel.
    pub wishes: Vec<Wish>,
    /// What it says.
    pub reminder: Reminder,
    /// Its deadline passed while modori did not run.
    pub missed: bool,
}

/// What is to be told now, missed deadlines first. `last` is when modori last looked; none if never.
#[must_use]
pub fn on_time(
    cases: &BTreeMap<OrderNumber, Case>,
    last: Option<Timestamp>,
    settings: &Settings,
    policy: &Policy,
    now: Timestamp,
) -> Vec<Due> {
    let was_off = last.filter(|last| now.duration_since(*last) > OFF);
    let mut missed: Vec<(Timestamp, Due)> = Vec::new();
    let mut timely: Vec<(Timestamp, Due)> = Vec::new();
    for case in cases.values() {
        if let Some(last) = was_off {
            for (step, at) in passed(case, last, now) {
                let name = format!("missed:{}:{}", word(step), at.as_second());
                let reminder = reminder(case, step, Some(at), None, false);
                missed.push((at, due(case, &name, reminder, true, policy, now)));
            }
        }
        for one in now_due(case, settings, now) {
            let left = one.until.map(|until| hours_left(until, now));
            let mut reminder = reminder(case, one.step, one.until, left, one.assumed);
            reminder.coupon_yen = coupon_yen(case, &one);
            timely.push((one.until.unwrap_or(one.at), due(case, &one.name, reminder, false, policy, now)));
        }
    }
    missed.sort_by_key(|(at, _)| *at);
    timely.sort_by_key(|(at, _)| *at);
    missed.into_iter().chain(timely).map(|(_, due)| due).collect()
}

/// What is to be told now of coupons that belong to no case.
#[must_use]
pub fn on_coupons(owned: &[Owned], settings: &Settings, policy: &Policy, now: Timestamp) -> Vec<Due> {
    let due = |one: &Owned| {
        let until = one.coupon.expires_at.filter(|until| *until >= now)?;
        let appointments = of_coupon(&one.coupon, one.since, settings);
        let appointment = appointments.iter().rfind(|appointment| appointment.at <= now)?;
        let reminder = Reminder {
            step: word(NextStep::UseCoupon).to_owned(),
            shop: one.shop_code.as_deref().map(clean).unwrap_or_default(),
            until: Some(until),
            hours_left: Some(hours_left(until, now)),
            coupon_yen: one.coupon.amount_yen,
            coupon_percent: one.coupon.percent,
            verified: one.verified,
            ..Reminder::default()
        };
        let key = format!("remind:coupon:{}:{}", one.mail, appointment.name);
        Some(told(&key, reminder, one.shop_code.as_deref(), Some(MY_COUPONS.to_owned()), false, policy, now))
    };
    owned.iter().filter_map(due).collect()
}

/// Of each thread the last appointment whose time has come, unless its deadline has passed.
fn now_due(case: &Case, settings: &Settings, now: Timestamp) -> Vec<Appointment> {
    let mut threads = BTreeSet::new();
    let come = appointments(case, settings).into_iter().filter(|one| one.at <= now).rev();
    let open = come.filter(|one| one.until.is_none_or(|until| until >= now));
    open.filter(|one| threads.insert(one.thread.clone())).collect()
}

/// What several reminders say together, one wish a channel. `key` makes it one: the same several are told once.
#[must_use]
pub fn together(several: &[&Due], policy: &Policy, now: Timestamp) -> Vec<Wish> {
    let missed = several.iter().all(|one| one.missed);
    let lines: Vec<Reminder> = several.iter().take(LINES).map(|one| one.reminder.clone()).collect();
    let waiting = Waiting { missed, more: several.len().saturating_sub(lines.len()), lines };
    let (title, body) = policy.wording.waiting(policy.language, &waiting);
    let orders = several.iter().map(|one| one.reminder.order_number.as_str()).filter(|order| !order.is_empty());
    let orders: BTreeSet<&str> = orders.collect();
    // the first of their deadlines is that of all: none is kept back until it has passed
    let ends = several.iter().filter(|one| !one.missed).filter_map(|one| one.reminder.until);
    let first_end = ends.filter(|until| *until > now).min();
    let details = Map::from_iter([
        ("missed".to_owned(), Value::from(missed)),
        ("until".to_owned(), first_end.map(rfc3339).into()),
        ("order_numbers".to_owned(), orders.into_iter().map(Value::from).collect()),
    ]);
    let alert = Alert {
        priority: several.iter().map(|one| urgency(&one.reminder.step, one.missed)).max().unwrap_or_default(),
        category: "reminder".to_owned(),
        title,
        body,
        url: None,
        received: None,
        details,
        ..Alert::default()
    };
    let first = several.iter().find_map(|one| one.wishes.first()).map_or("", |wish| wish.key.as_str());
    let until = now.checked_add(STALE).ok();
    Announcement::new(format!("{first}+{}", several.len()), alert, until).wishes(policy, now)
}

fn due(case: &Case, name: &str, reminder: Reminder, missed: bool, policy: &Policy, now: Timestamp) -> Due {
    let coupons = matches!(reminder.step.as_str(), "use-coupon" | "check-coupon");
    let url = if coupons { MY_COUPONS.to_owned() } else { order_page(&case.order_number) };
    let key = format!("remind:{}:{name}", case.order_number);
    told(&key, reminder, case.shop_code.as_deref(), Some(url), missed, policy, now)
}

/// A reminder in its words, a wish a channel.
fn told(
    key: &str,
    reminder: Reminder,
    shop_code: Option<&str>,
    url: Option<String>,
    missed: bool,
    policy: &Policy,
    now: Timestamp,
) -> Due {
    let (title, body) = policy.wording.reminder(policy.language, &reminder);
    let details = Map::from_iter([
        ("step".to_owned(), Value::from(reminder.step.clone())),
        ("order_number".to_owned(), Some(reminder.order_number.clone()).filter(|order| !order.is_empty()).into()),
        ("shop_code".to_owned(), shop_code.map(clean).into()),
        ("until".to_owned(), reminder.until.map(rfc3339).into()),
        ("assumed".to_owned(), reminder.assumed.into()),
        ("points_outstanding".to_owned(), reminder.points_outstanding.into()),
    ]);
    let alert = Alert {
        priority: urgency(&reminder.step, missed),
        category: "reminder".to_owned(),
        title,
        body,
        url,
        received: None,
        details,
        ..Alert::default()
    };
    let until = reminder.until.filter(|until| !missed && *until > now).or_else(|| now.checked_add(STALE).ok());
    Due { wishes: Announcement::new(key, alert, until).wishes(policy, now), reminder, missed }
}

/// Whole hours until a deadline. A reminder of 24 hours that leaves a moment late still says 24.
fn hours_left(until: Timestamp, now: Timestamp) -> i64 {
    until.duration_since(now).saturating_add(MOMENT).as_hours()
}

/// What has a deadline that costs something is high; a look can wait for the next look at the phone.
fn urgency(step: &str, missed: bool) -> Priority {
    match step {
        "reply" | "pay" | "spend" if !missed => Priority::High,
        _ => Priority::Normal,
    }
}

fn reminder(case: &Case, step: NextStep, until: Option<Timestamp>, left: Option<i64>, assumed: bool) -> Reminder {
    Reminder {
        step: word(step).to_owned(),
        order_number: case.order_number.to_string(),
        shop: case.shop().map(clean).unwrap_or_default(),
        until,
        hours_left: left,
        assumed,
        cancelled_at: case.cancelled_at,
        points_outstanding: case.points.outstanding.filter(|points| *points > 0),
        points_returned: case.points.returned.filter(|points| *points > 0),
        coupon_used_yen: case.coupon.used_yen.filter(|yen| *yen > 0),
        coupon_yen: None,
        coupon_percent: None,
        payment_yen: case.payment_yen,
        verified: case.is_vouched_for(),
        may_ask_shop: case.may_ask_shop,
        // of what ended nothing is asked any more
        inquiry: Some(case.inquiry)
            .filter(|far| *far != Inquiry::None && !case.ended)
            .map(|far| far.word().to_owned())
            .unwrap_or_default(),
        // what ended asks nothing any more
        questions: if case.ended { 0 } else { case.questions.len() },
    }
}

/// The worth of the coupon that an appointment is about.
fn coupon_yen(case: &Case, one: &Appointment) -> Option<u64> {
    let mut ending = case.coupons.iter().filter(|held| held.coupon.expires_at == one.until);
    ending.find_map(|held| held.coupon.amount_yen).filter(|_| one.step == NextStep::UseCoupon)
}

#[cfg(test)]
mod tests;
