//! When the shopper is reminded of what: the appointments of one case.
//!
//! An appointment follows from the case alone. Whether it was kept already is the outbox's business: each has a name
//! that does not change as time passes.

use super::case::{Case, CouponState, NextStep, State};
use super::due::{Settings, has_money_to_lose, owes_points};
use crate::calendar::civil;
use crate::facts::Coupon;
use jiff::{SignedDuration, Timestamp};

/// A reminder, before or after its time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Appointment {
    /// What is to be done.
    pub step: NextStep,
    /// When the shopper is told.
    pub at: Timestamp,
    /// The deadline it is about; none for a look or a question that may also be later.
    pub until: Option<Timestamp>,
    /// Nobody stated that deadline.
    pub assumed: bool,
    /// Unique within the order: what it is about and which of several reminders it is.
    pub name: String,
    /// Reminders of one thing; of those whose time has come only the last is worth telling.
    pub thread: String,
}

/// All appointments of a case, past ones included, in the order of their times.
#[must_use]
pub fn appointments(case: &Case, settings: &Settings) -> Vec<Appointment> {
    let mut list = Vec::new();
    if settings.has_lapsed(case.order_number.date(), case.seen_at) {
        return list;
    }
    let due = &case.due;
    let remind = &settings.remind;
    let assumed = |key| case.assumed.contains(&key);
    if !case.ended {
        ladder(case, &mut list);
        let mut told = |step, until: Option<Timestamp>, since, hours: &[u16], key| {
            if let Some(until) = until {
                before(&mut list, step, until, since, hours, assumed(key), "");
            }
        };
        told(NextStep::Reply, due.reply_by, case.since.reply_by, &remind.reply_hours, "reply_by");
        told(NextStep::Pay, due.pay_by, case.since.pay_by, &remind.pay_hours, "pay_by");
        let claim = (due.late_claim_until, case.since.late_claim_until);
        told(NextStep::Claim, claim.0, claim.1, &remind.claim_hours, "late_claim_until");
        if let Some(until) = due.protection_until.filter(|_| has_money_to_lose(case)) {
            for days in &remind.protection_days {
                let day = civil(until).date().saturating_sub(jiff::Span::new().days(i64::from(*days)));
                list.push(Appointment {
                    step: NextStep::Protect,
                    at: Settings::at(day, settings.look_hour),
                    until: Some(until),
                    assumed: false,
                    name: format!("protect:{days}d"),
                    thread: "protect".to_owned(),
                });
            }
        }
    }
    if let Some(until) = due.spend_by {
        before(&mut list, NextStep::Spend, until, case.since.spend_by, &remind.spend_hours, assumed("spend_by"), "");
    }
    // of coupons whose mail names no order the shopper is reminded without one: `of_coupon`
    for held in case.coupons.iter().filter(|held| held.named) {
        if let Some(until) = held.coupon.expires_at {
            let what = held.coupon.code.clone().or(held.coupon.amount_yen.map(|yen| yen.to_string()));
            let what = format!(":{}", what.unwrap_or_default());
            before(&mut list, NextStep::UseCoupon, until, Some(held.since), &remind.coupon_hours, false, &what);
        }
    }
    list.sort_by(|one, other| (one.at, &one.name).cmp(&(other.at, &other.name)));
    list.dedup();
    list
}

/// The looks and questions of an open case, and its deadlines, each once: what a calendar shows. Coupons are told of by
/// themselves.
#[must_use]
pub fn dates(case: &Case, settings: &Settings) -> Vec<(NextStep, Timestamp)> {
    if settings.has_lapsed(case.order_number.date(), case.seen_at) {
        return Vec::new();
    }
    let due = &case.due;
    let mut list = Vec::new();
    if !case.ended {
        let mut steps = Vec::new();
        ladder(case, &mut steps);
        list.extend(steps.into_iter().map(|one| (one.step, one.at)));
        let protection = due.protection_until.filter(|_| has_money_to_lose(case));
        let deadlines = [
            (NextStep::Reply, due.reply_by),
            (NextStep::Pay, due.pay_by),
            (NextStep::Claim, due.late_claim_until),
            (NextStep::Protect, protection),
        ];
        list.extend(deadlines.into_iter().filter_map(|(step, at)| Some((step, at?))));
    }
    list.extend(due.spend_by.map(|at| (NextStep::Spend, at)));
    list
}

/// Reminders of a coupon that belongs to no case: before its end, and not at once.
#[must_use]
pub fn of_coupon(coupon: &Coupon, since: Timestamp, settings: &Settings) -> Vec<Appointment> {
    let Some(until) = coupon.expires_at else { return Vec::new() };
    let mut list = Vec::new();
    before(&mut list, NextStep::UseCoupon, until, Some(since), &settings.remind.coupon_hours, false, "");
    list.retain(|one| one.at > since);
    list
}

/// Look, then ask the shop, then ask Rakuten; and look at the coupon.
fn ladder(case: &Case, list: &mut Vec<Appointment>) {
    let due = &case.due;
    let rungs = [
        // who has said how much is back has looked
        (NextStep::Look, due.look_at.filter(|_| case.answered_at.is_none() || !owes_points(case)), "look", "return"),
        (NextStep::AskShop, due.ask_shop_at, "ask-shop", "return"),
        (NextStep::AskRakuten, due.ask_rakuten_at, "ask-rakuten", "return"),
        (
            NextStep::CheckCoupon,
            due.coupon_check_at.filter(|_| case.coupon.state == CouponState::Check),
            "check-coupon",
            "coupon",
        ),
    ];
    for (step, at, name, thread) in rungs {
        // a contradiction is looked at; nobody is asked about an order that may live
        let asks = matches!(step, NextStep::AskShop | NextStep::AskRakuten);
        if let Some(at) = at.filter(|_| !(asks && case.cancelled == State::Conflict)) {
            list.push(Appointment {
                step,
                at,
                until: None,
                assumed: false,
                name: name.to_owned(),
                thread: thread.to_owned(),
            });
        }
    }
}

/// So many hours before a deadline, each. What would have come before the deadline was known does not come; if nothing
/// is left then, the shopper is told at once.
fn before(
    list: &mut Vec<Appointment>,
    step: NextStep,
    until: Timestamp,
    since: Option<Timestamp>,
    hours: &[u16],
    assumed: bool,
    what: &str,
) {
    let thread = format!("{}{what}:{}", word(step), until.as_second());
    let since = since.unwrap_or(Timestamp::MIN);
    let appointment = |at, name: String| Appointment {
        step,
        at,
        until: Some(until),
        assumed,
        name: format!("{thread}:{name}"),
        thread: thread.clone(),
    };
    let mut left = hours
        .iter()
        .filter_map(|hours| Some((*hours, until.checked_sub(SignedDuration::from_hours(i64::from(*hours))).ok()?)))
        .filter(|(_, at)| *at > since)
        .map(|(hours, at)| appointment(at, format!("{hours}h")))
        .peekable();
    // an alert went out with the mail that asks for an answer or a payment; of points and coupons none did
    let silent = matches!(step, NextStep::Spend | NextStep::UseCoupon | NextStep::Claim);
    if left.peek().is_none() && silent && until > since && !hours.is_empty() {
        list.push(appointment(since, "now".to_owned()));
    }
    list.extend(left);
}

/// The stable word of a step, as in JSON.
#[must_use]
pub fn word(step: NextStep) -> &'static str {
    match step {
        NextStep::Reply => "reply",
        NextStep::Pay => "pay",
        NextStep::Look => "look",
        NextStep::CheckCoupon => "check-coupon",
        NextStep::AskShop => "ask-shop",
        NextStep::AskRakuten => "ask-rakuten",
        NextStep::Spend => "spend",
        NextStep::UseCoupon => "use-coupon",
        NextStep::Claim => "claim",
        NextStep::Protect => "protect",
    }
}

/// When a case may look different although nothing new is known of it: after `now`, the next appointment, deadline or
/// end.
#[must_use]
pub fn wake_at(case: &Case, settings: &Settings, now: Timestamp) -> Option<Timestamp> {
    let lapse = settings.lapses_at(case.order_number.date());
    let due = &case.due;
    let deadlines = [
        due.look_at, due.ask_shop_at, due.ask_rakuten_at, due.coupon_check_at, due.coupon_until, due.reply_by,
        due.pay_by, due.spend_by, due.late_claim_until, due.protection_until,
    ];
    let coupons = case.coupons.iter().filter_map(|held| held.coupon.expires_at);
    let steps = appointments(case, settings).into_iter().map(|one| one.at);
    let second = SignedDuration::from_secs(1);
    let all = deadlines.into_iter().flatten().chain(coupons).flat_map(|at| [Some(at), at.checked_add(second).ok()]);
    // what lapsed says nothing any more
    all.flatten().chain(steps).filter(|at| *at > now && *at <= lapse).min()
}

/// The deadlines of a case that passed after `from` and until `until`, and what they were for.
#[must_use]
pub fn passed(case: &Case, from: Timestamp, until: Timestamp) -> Vec<(NextStep, Timestamp)> {
    let due = &case.due;
    let open = |at: Option<Timestamp>| at.filter(|_| !case.ended);
    // a case whose payment or points ended while nobody looked counts as ended now: its deadline is told all the same
    let mut all = vec![
        (NextStep::Reply, open(due.reply_by)),
        (NextStep::Pay, due.pay_by),
        (NextStep::Spend, due.spend_by),
        (NextStep::Claim, due.late_claim_until),
        (NextStep::Protect, open(due.protection_until).filter(|_| has_money_to_lose(case))),
    ];
    all.extend(case.coupons.iter().filter(|held| held.named).map(|held| (NextStep::UseCoupon, held.coupon.expires_at)));
    let mut passed: Vec<(NextStep, Timestamp)> = all
        .into_iter()
        .filter_map(|(step, at)| at.map(|at| (step, at)))
        .filter(|(_, at)| *at > from && *at < until)
        .collect();
    passed.sort_by_key(|(step, at)| (*at, *step));
    passed.dedup();
    passed
}
