//! What should come back of one cancelled order, and what did (domain document 7.1 and 7.3).

use super::case::{CouponState, Points, Question, State};
use super::event::{Event, EventKind, Said, Statement, Terms};
use crate::facts::{Cause, Coupon, CouponRole, Form};
use crate::mail::TrustLevel;
use jiff::Timestamp;
use std::collections::{BTreeMap, BTreeSet};

/// All that is told of one order: events oldest first, each once; statements oldest first, each once.
#[derive(Debug, Default)]
pub(super) struct Told<'a> {
    pub(super) events: Vec<&'a Event>,
    pub(super) statements: Vec<&'a Statement>,
    /// Returns of mails without a number that the shopper gave to this order.
    pub(super) assigned: Vec<Assigned<'a>>,
}

/// So many points of a mail that names no order are this order's, the shopper says.
#[derive(Clone, Copy, Debug)]
pub(super) struct Assigned<'a> {
    pub(super) event: &'a Event,
    pub(super) points: u64,
    pub(super) said_at: Timestamp,
}

impl<'a> Told<'a> {
    /// What mails say of points that come back.
    fn returns(&self, wanted: Form) -> impl Iterator<Item = (&'a Event, Option<u64>)> + '_ {
        self.events.iter().filter_map(move |event| match &event.kind {
            EventKind::Points { returned, .. } if returned.form == wanted => Some((*event, returned.amount)),
            _ => None,
        })
    }

    fn coupons(&self, wanted: CouponRole) -> impl Iterator<Item = &'a Event> + '_ {
        self.events
            .iter()
            .copied()
            .filter(move |event| matches!(&event.kind, EventKind::Coupon(Coupon { role, .. }) if *role == wanted))
    }

    /// The last time the shopper said what became of the return: all, so much, nothing yet, or given up.
    pub(super) fn last_word(&self) -> Option<&'a Statement> {
        self.last(|said| counts_points(said) || *said == Said::Lost)
    }

    /// The last time the shopper said how much came back. Giving up later does not change that.
    fn last_count(&self) -> Option<&'a Statement> {
        self.last(counts_points)
    }

    /// When the shopper last said that the order lives.
    pub(super) fn lives_since(&self) -> Option<Timestamp> {
        self.statements.iter().rfind(|statement| statement.said == Said::Lives).map(|statement| statement.at)
    }

    /// The shopper said since that the order lives: what came back by then was of another cancellation.
    fn is_over(&self, event: &Event) -> bool {
        self.lives_since().is_some_and(|since| event.at <= since)
    }

    /// The shopper gave it up.
    pub(super) fn is_lost(&self) -> bool {
        self.last_word().is_some_and(|word| word.said == Said::Lost)
    }

    fn last(&self, wanted: impl Fn(&Said) -> bool) -> Option<&'a Statement> {
        self.words().find(|statement| wanted(&statement.said))
    }

    /// The shopper's words, the last first. An order that lives has nothing to give back: what she said before she said
    /// so is over, and a later cancellation begins anew.
    fn words(&self) -> impl Iterator<Item = &'a Statement> + '_ {
        self.statements.iter().rev().copied().take_while(|statement| statement.said != Said::Lives)
    }

    /// Limited-time points among those used, by their end, as the shopper says. What is said last about one end counts.
    fn batches(&self) -> BTreeMap<Timestamp, u64> {
        let mut batches = BTreeMap::new();
        for statement in &self.statements {
            if let Said::Limited { points, expires } = statement.said {
                batches.insert(expires, points);
            }
        }
        batches.retain(|_, points| *points > 0);
        batches
    }

    /// How many of them had ended at an instant.
    fn limited_ended(&self, at: Timestamp) -> u64 {
        let ended = self.batches().into_iter().filter(|(expires, _)| *expires < at);
        ended.fold(0, |sum: u64, (_, points)| sum.saturating_add(points))
    }
}

fn counts_points(said: &Said) -> bool {
    match said {
        // words about the coupon alone say nothing about points
        Said::Confirm { points, expires, coupon_back } => {
            points.is_some() || expires.is_some() || coupon_back.is_none()
        }
        Said::Deny => true,
        Said::Lost
        | Said::Lives
        | Said::Limited { .. }
        | Said::Answered
        | Said::Note { .. }
        | Said::Assign { .. }
        | Said::Disown { .. } => false,
    }
}

/// What is known of the cancellation when points are counted.
#[derive(Clone, Copy, Debug)]
pub(super) struct Standing<'a> {
    pub(super) state: State,
    pub(super) cause: Option<Cause>,
    pub(super) t0: Option<Timestamp>,
    /// What the order mail says.
    pub(super) ordered: &'a Terms,
    /// What the mail of a partial cancellation says of the order as it is now.
    pub(super) left: Option<&'a Terms>,
    /// An order or cancellation mail, or the shopper, speaks of this order.
    pub(super) known: bool,
}

/// Points used, expected, returned, outstanding; what must be asked about them.
pub(super) fn points(told: &Told<'_>, standing: Standing<'_>, questions: &mut BTreeSet<Question>) -> Points {
    let used = standing.ordered.points_used.or_else(|| {
        // points are the last to be given back, so if money is still paid, none were
        standing.left.filter(|left| left.payment_yen.is_some_and(|yen| yen > 0)).and_then(|left| left.points_used)
    });
    let by_rule = expected(told, standing, used, questions);
    let promise = best_amount(told, Form::Promised);
    if let (Some(promised), Some(expected)) = (promise, by_rule)
        && promised != expected
        && super::due::is_cancelled(standing.state)
    {
        questions.insert(Question::PromiseDiffers { promised, expected });
    }
    let expected_back = by_rule.or(promise.map(|points| points.min(used.unwrap_or(u64::MAX))));
    for (event, amount) in told.returns(Form::Refused) {
        if !is_answered(told, event.at) {
            questions.insert(Question::ReturnRefused { points: amount });
        }
    }

    let proven = proven(told, standing.known, used, questions);
    let mut returned = match proven {
        Proven::Points(points) => Some(points),
        Proven::All => expected_back,
    };
    let mut all_back = proven == Proven::All;
    if let Some(Statement { said: Said::Confirm { points, .. }, .. }) = told.last_count() {
        match (points, &proven) {
            (None, _) => {
                all_back = true;
                returned = expected_back.max(returned.filter(|points| *points > 0));
            }
            // the number said is the sum so far; a later mail may know of more, and may also mean the same points
            (Some(said), Proven::Points(later)) => {
                if *later > 0 && later != said && said.saturating_add(*later) <= expected_back.unwrap_or(u64::MAX) {
                    questions.insert(Question::ReturnTwice { points: *later });
                }
                returned = Some((*said).max(*later));
            }
            (Some(said), Proven::All) => returned = expected_back.max(Some(*said)),
        }
    }
    if let (Some(used), Some(back)) = (used, returned)
        && back > used
    {
        questions.insert(Question::MoreThanUsed { said: back, used });
        returned = Some(used);
    }
    let outstanding = match (expected_back, returned) {
        _ if all_back => Some(0),
        (Some(expected), Some(back)) => Some(expected.saturating_sub(back)),
        _ => None,
    };
    Points { used, expected_back, returned, outstanding }
}

/// By the published rules; `None` when they need a value nobody stated.
fn expected(
    told: &Told<'_>,
    standing: Standing<'_>,
    used: Option<u64>,
    questions: &mut BTreeSet<Question>,
) -> Option<u64> {
    let back = match (standing.state, used) {
        (State::None | State::Requested | State::Pending, _) | (_, Some(0)) => return Some(0),
        (State::Claimed | State::Confirmed | State::Conflict, used) => used,
        (State::Partial, used) => {
            let back = partly(used, standing.ordered, standing.left);
            if back.is_none() {
                questions.insert(Question::PartialUnknown);
            }
            back
        }
    }?;
    let ended = told.limited_ended(standing.t0?).min(back);
    match standing.cause {
        // what had ended comes back only if the shop caused the cancellation
        Some(Cause::Buyer | Cause::Payment) => Some(back - ended),
        Some(Cause::Shop) => Some(back),
        None => {
            if ended > 0 {
                questions.insert(Question::LimitedExpired { points: ended });
            }
            Some(back)
        }
    }
}

/// Of a partial cancellation. Money is given back first; points only as far as they exceed the new total, which also
/// holds for an order paid with points alone.
fn partly(used: Option<u64>, ordered: &Terms, left: Option<&Terms>) -> Option<u64> {
    let left = left?;
    if let (Some(used), Some(still_used)) = (used, left.points_used) {
        return Some(used.saturating_sub(still_used));
    }
    if left.payment_yen.is_some_and(|yen| yen > 0) {
        return Some(0);
    }
    let coupon = left.coupon_used_yen.or(ordered.coupon_used_yen.filter(|yen| *yen == 0));
    let total = left.total_yen?.checked_sub(coupon?)?;
    Some(used?.saturating_sub(total))
}

/// The amount of the most trusted, then latest mail that speaks so of a return.
fn best_amount(told: &Told<'_>, form: Form) -> Option<u64> {
    let stated = told.returns(form).filter_map(|(event, amount)| amount.map(|amount| (event.trust, event.at, amount)));
    stated.max().map(|(_, _, amount)| amount)
}

fn is_answered(told: &Told<'_>, asked: Timestamp) -> bool {
    told.last_word().is_some_and(|word| word.at >= asked)
}

/// What mails prove, leaving out those that the shopper's last word outranks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Proven {
    Points(u64),
    All,
}

/// Only a verified mail that names this order proves. One return told twice counts once.
fn proven(told: &Told<'_>, known: bool, used: Option<u64>, questions: &mut BTreeSet<Question>) -> Proven {
    let mut times: BTreeMap<u64, u64> = BTreeMap::new();
    let mut all = false;
    for (event, amount) in told.returns(Form::Done) {
        if told.last_count().is_some_and(|word| word.at >= event.at) || told.is_over(event) {
            continue;
        }
        if event.trust != TrustLevel::Verified || !known {
            if !is_answered(told, event.at) {
                questions.insert(Question::ReturnClaimed { points: amount, mail: None });
            }
            continue;
        }
        match amount {
            Some(points) => *times.entry(points).or_default() += 1,
            None => all = true,
        }
    }
    let given = told.assigned.iter().filter(|one| told.last_count().is_none_or(|word| word.at < one.said_at));
    let given = given.fold(0, |sum: u64, one| sum.saturating_add(one.points));
    let sum = times.keys().fold(given, |sum: u64, points| sum.saturating_add(*points));
    for (points, count) in times {
        let twice = points.saturating_mul(count - 1).saturating_add(sum);
        if count > 1 && points > 0 && used.is_none_or(|used| twice <= used) {
            questions.insert(Question::ReturnTwice { points });
        }
    }
    if all && sum == 0 { Proven::All } else { Proven::Points(sum) }
}

/// The coupon's state. New coupons (an apology, a review) never stand for the one that was used.
pub(super) fn coupon(
    told: &Told<'_>,
    state: State,
    used_yen: Option<u64>,
    questions: &mut BTreeSet<Question>,
) -> CouponState {
    let used = used_yen.is_some_and(|yen| yen > 0);
    let said = told.words().find_map(|statement| match statement.said {
        Said::Confirm { coupon_back: Some(true), .. } => Some(CouponState::Back),
        Said::Confirm { coupon_back: Some(false), .. } => Some(CouponState::Lost),
        Said::Lost => Some(if used { CouponState::Lost } else { CouponState::None }),
        _ => None,
    });
    if let Some(said) = said {
        return said;
    }
    let verified = |event: &&Event| event.trust == TrustLevel::Verified && !told.is_over(event);
    let back = told.coupons(CouponRole::Returned).filter(verified).map(|event| event.at).max();
    let lost = told.coupons(CouponRole::Refused).filter(verified).map(|event| event.at).max();
    match (back, lost) {
        (Some(back), lost) if lost.is_none_or(|lost| back >= lost) => return CouponState::Back,
        (_, Some(_)) => return CouponState::Lost,
        _ => {}
    }
    if told.coupons(CouponRole::Returned).next().is_some() {
        questions.insert(Question::CouponClaimed);
    }
    if told.coupons(CouponRole::Refused).next().is_some() {
        questions.insert(Question::CouponRefused);
    }
    if used && super::due::is_cancelled(state) { CouponState::Check } else { CouponState::None }
}

/// When restored points end.
#[derive(Clone, Copy, Debug)]
pub(super) struct Spend {
    /// The last second.
    pub(super) until: Timestamp,
    /// Since when that is known.
    pub(super) since: Timestamp,
    /// Nobody stated it: it is the usual short life of limited-time points.
    pub(super) assumed: bool,
    /// They are known to end: the case waits until they are spent.
    pub(super) limited: bool,
}

/// What is known of a return when its end is looked for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Returning<'a> {
    pub(super) points: &'a Points,
    pub(super) t0: Option<Timestamp>,
    pub(super) cause: Option<Cause>,
    /// Without a word on it, points that came back end after so many days.
    pub(super) days: u16,
    /// Of points nobody spoke of, any may be limited-time ones (domain document 1, fact 8).
    pub(super) cautious: bool,
    pub(super) now: Timestamp,
}

/// When restored points end: as the shopper or a proving mail says; limited-time ones that were valid at the
/// cancellation keep their own end and are back at once, told or not (domain document 7.1); else assumed. Of several
/// ends the next one that is not over.
pub(super) fn spend_by(told: &Told<'_>, of: Returning<'_>) -> Option<Spend> {
    let t0 = of.t0?;
    if of.points.expected_back == Some(0) && of.points.returned.is_none_or(|points| points == 0) {
        return None;
    }
    let proving = told.events.iter().copied().filter(|event| event.trust == TrustLevel::Verified);
    let returns = proving.chain(told.assigned.iter().map(|one| one.event)).filter_map(|event| match &event.kind {
        EventKind::Points { returned, limited, expires_at } if returned.form == Form::Done => {
            Some((event.at, *limited == Some(true), *expires_at))
        }
        _ => None,
    });
    let returns: Vec<(Timestamp, bool, Option<Timestamp>)> = returns.collect();
    let mut back_at = returns.iter().map(|(at, ..)| *at).max();
    let mut spoken: Vec<(Timestamp, Timestamp)> =
        returns.iter().filter_map(|(at, _, ends)| ends.map(|ends| (ends, *at))).collect();
    let mut said = Vec::new();
    for statement in &told.statements {
        match statement.said {
            Said::Confirm { expires: Some(expires), .. } => said.push((expires, statement.at)),
            Said::Deny => said.clear(),
            _ => {}
        }
    }
    let batches = told.batches();
    match told.last_count() {
        Some(Statement { said: Said::Confirm { .. }, at, .. }) => back_at = Some(*at),
        Some(denied) if back_at.is_none_or(|at| at <= denied.at) => return None,
        _ => {}
    }
    if said.is_empty() {
        spoken.extend(batches.keys().filter(|ends| **ends >= t0).map(|ends| (*ends, t0)));
    } else {
        spoken = said; // she has seen what came back
    }
    let mut ends: Vec<Spend> =
        spoken.into_iter().map(|(until, since)| Spend { until, since, assumed: false, limited: true }).collect();
    // what had ended comes back for a short while only, if it comes back
    let revived = batches.keys().any(|ends| *ends < t0) && !matches!(of.cause, Some(Cause::Buyer | Cause::Payment));
    let limited = revived || returns.iter().any(|(_, limited, ends)| *limited && ends.is_none());
    let unspoken = ends.is_empty() && of.cautious && batches.is_empty();
    let stated = ends.iter().any(|end| end.since > t0);
    if let Some(since) = back_at
        && (unspoken || (limited && !stated))
    {
        let until = super::due::Settings::days_from(since, of.days);
        ends.push(Spend { until, since, assumed: true, limited });
    }
    let open = ends.iter().filter(|end| end.until >= of.now).min_by_key(|end| end.until);
    open.or_else(|| ends.iter().max_by_key(|end| end.until)).copied()
}
