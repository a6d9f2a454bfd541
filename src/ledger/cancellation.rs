//! How far the cancellation of an order is: what its mails claim, which of them count, and what the shopper says.

use super::case::{About, Conflict, Question, State};
use super::conflict;
use super::due;
use super::event::{Event, EventKind, Said, Terms};
use super::owed::Told;
use crate::calendar::instant;
use crate::facts::{Cancelled, Cause, CouponRole, OrderNumber, Stage};
use crate::mail::TrustLevel;
use jiff::Timestamp;
use std::collections::BTreeSet;

/// What the mails about a cancellation and the shopper's word on it come to.
pub(super) struct Cancellation<'a> {
    pub(super) state: State,
    pub(super) cause: Option<Cause>,
    /// When it was first said.
    pub(super) t0: Option<Timestamp>,
    /// What a partial cancellation left of the order.
    pub(super) left: Option<&'a Terms>,
    /// Points used, as the mail of a whole cancellation says.
    pub(super) points_named: Option<u64>,
    /// A verified mail says that it is cancelled.
    pub(super) verified: bool,
}

/// One mail about a cancellation.
struct Notice<'a> {
    event: &'a Event,
    form: Cancelled,
    cause: Option<Cause>,
    terms: &'a Terms,
}

/// The cancellation of an order; what must be asked about it, and which mails contradict each other.
pub(super) fn cancellation<'a>(
    order: &OrderNumber,
    told: &Told<'a>,
    questions: &mut BTreeSet<Question>,
    conflicts: &mut Vec<Conflict>,
) -> Cancellation<'a> {
    let notices: Vec<Notice<'a>> = told
        .events
        .iter()
        .filter_map(|event| match &event.kind {
            EventKind::Cancel { form, cause, terms, .. } => Some(Notice { event, form: *form, cause: *cause, terms }),
            _ => None,
        })
        .collect();
    // that it lives outranks every mail that she had seen by then, until she says otherwise or a later mail does
    let later = told.lives_since().map_or(0, |since| notices.partition_point(|notice| notice.event.at <= since));
    let said_otherwise = later == notices.len() && told.last_word().is_some();
    let notices = notices.get(if said_otherwise { 0 } else { later }..).unwrap_or_default();
    let weight = |notice: &&Notice<'_>| (notice.event.trust, notice.event.at, notice.form == Cancelled::Partial);
    let whole = |notice: &&Notice<'_>| matches!(notice.form, Cancelled::Confirmed | Cancelled::Claimed);
    let proven =
        |notice: &&Notice<'_>| notice.form == Cancelled::Confirmed && notice.event.trust == TrustLevel::Verified;
    let done = |notice: &&Notice<'_>| whole(notice) || notice.form == Cancelled::Partial;
    let confirmed = notices.iter().any(|notice| proven(&notice));
    let leading = notices.iter().filter(done).max_by_key(weight);
    let partial = !confirmed && leading.is_some_and(|notice| notice.form == Cancelled::Partial);
    let same: Vec<&Notice<'_>> = notices
        .iter()
        .filter(|notice| if partial { notice.form == Cancelled::Partial } else { whole(notice) })
        .collect();

    let alive = told.events.iter().filter(|event| lives(event)).max_by_key(|event| event.at);
    let lives_at = alive.map(|event| event.at);
    let confirm = told.last_word().filter(|word| matches!(word.said, Said::Confirm { .. }));
    let waiting = notices
        .iter()
        .filter(|notice| matches!(notice.form, Cancelled::Pending | Cancelled::Requested))
        .max_by_key(|notice| (notice.event.at, notice.form == Cancelled::Pending));
    let said_at = same.iter().map(|notice| notice.event.at);
    let (first, last) = (said_at.clone().min(), said_at.max());
    let overtaken = |at: Option<Timestamp>| {
        at.zip(lives_at).is_some_and(|(at, lives)| lives > at && confirm.is_none_or(|word| word.at < lives))
    };
    let totals = conflict::totals(&told.events);
    if let Some([(one, total), (other, second)]) = totals {
        questions.insert(Question::TotalsDiffer { one: total, other: second });
        conflicts.push(conflict::between(About::Totals, one, other));
    }
    let state = if partial {
        State::Partial
    } else if let Some(leading) = leading {
        if overtaken(last) {
            questions.insert(Question::Conflict);
            conflicts.extend(alive.map(|alive| conflict::between(About::Life, leading.event, alive)));
            State::Conflict
        } else if totals.is_some() && confirm.is_none() {
            State::Conflict
        } else if confirmed || confirm.is_some() {
            State::Confirmed
        } else {
            State::Claimed
        }
    } else if confirm.is_some() {
        State::Confirmed
    } else {
        match waiting {
            Some(notice) if !overtaken(Some(notice.event.at)) => match notice.form {
                Cancelled::Requested => State::Requested,
                _ => State::Pending,
            },
            _ => State::None,
        }
    };
    // a date before the order itself is a mistake or a lie
    let t0 = first
        .or_else(|| confirm.filter(|_| state == State::Confirmed).map(|word| word.at))
        .or_else(|| waiting.filter(|_| state != State::None).map(|notice| notice.event.at))
        .map(|at| at.max(instant(order.date().at(0, 0, 0, 0))));
    Cancellation {
        cause: cause(notices, state, questions, conflicts).or_else(|| apologised(told, state)),
        state,
        t0,
        left: same.iter().filter(|_| partial).max_by_key(|notice| weight(notice)).map(|notice| notice.terms),
        points_named: same.iter().filter(|_| !partial).rev().find_map(|notice| notice.terms.points_used),
        verified: same.iter().any(|notice| notice.event.trust == TrustLevel::Verified),
    }
}

/// Shipped, found after all, or kept as shop and shopper agreed.
fn lives(event: &Event) -> bool {
    matches!(event.kind, EventKind::Order { stage: Stage::Shipped | Stage::FoundAfterAll | Stage::Agreed, .. })
}

/// Who caused it: as the best vouched for, then latest mail says that states it.
fn cause(
    notices: &[Notice<'_>],
    state: State,
    questions: &mut BTreeSet<Question>,
    conflicts: &mut Vec<Conflict>,
) -> Option<Cause> {
    let stated = || notices.iter().filter_map(|notice| notice.cause.map(|cause| (notice, cause)));
    let causes: BTreeSet<Cause> = stated().map(|(_, cause)| cause).collect();
    if causes.len() > 1 && due::is_cancelled(state) {
        questions.insert(Question::CauseDiffers);
        if let Some((first, one)) = stated().next()
            && let Some((other, _)) = stated().rfind(|(_, cause)| *cause != one)
        {
            conflicts.push(conflict::between(About::Cause, first.event, other.event));
        }
    }
    let best = stated().max_by_key(|(notice, _)| {
        let asks = matches!(notice.form, Cancelled::Pending | Cancelled::Requested);
        (notice.event.trust, !asks, notice.event.at)
    });
    let asked = notices.iter().any(|notice| notice.form == Cancelled::Requested);
    best.map(|(_, cause)| cause).or(asked.then_some(Cause::Buyer))
}

/// Nobody names a cause, but the shop sends a coupon to apologise for this very order.
fn apologised(told: &Told<'_>, state: State) -> Option<Cause> {
    let sorry = told.events.iter().any(|event| match &event.kind {
        EventKind::Coupon(coupon) => coupon.role == CouponRole::Apology,
        _ => false,
    });
    (sorry && due::is_cancelled(state)).then_some(Cause::Shop)
}
