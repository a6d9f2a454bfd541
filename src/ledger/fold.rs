//! Events and statements → cases. The same ones in any order, with duplicates, give the same cases.

use super::assign;
use super::cancellation::cancellation;
use super::case::{Case, CouponSide, CouponState, Due, Held, Inquiry, Question, State};
use super::claim::evidence;
use super::conflict;
use super::due::{self, Known, Settings, Stated};
use super::event::{Event, EventKind, Said, Statement, Terms};
use super::matching;
use super::owed::{self, Returning, Standing, Told};
use super::stated;
use crate::facts::{Cancelled, CouponRole, OrderNumber, Stage};
use crate::mail::TrustLevel;
use jiff::Timestamp;
use std::cmp::{Ordering, Reverse};
use std::collections::{BTreeMap, BTreeSet};

/// Folds events and statements into cases as seen at `now`: one for every order they name, living ones too (those have
/// `ended` set unless a payment is due). `now` decides what is due, spent or lapsed, and nothing else.
#[must_use]
pub fn cases(
    events: &[Event],
    statements: &[Statement],
    settings: &Settings,
    now: Timestamp,
) -> BTreeMap<OrderNumber, Case> {
    let mut orders: BTreeMap<&OrderNumber, Told<'_>> = BTreeMap::new();
    let mut loose = Vec::new();
    for event in unique(events) {
        match &event.order {
            Some(order) => orders.entry(order).or_default().events.push(event),
            None => loose.push(event),
        }
    }
    let mut statements: Vec<&Statement> = statements.iter().collect();
    statements.sort_by(|one, other| (one.at, &one.order).cmp(&(other.at, &other.order)).then_with(|| said(one, other)));
    statements.dedup();
    for statement in statements {
        orders.entry(&statement.order).or_default().statements.push(statement);
    }
    let words = assign::words(orders.values().flat_map(|told| told.statements.iter().copied()));
    for (order, assigned) in assign::given(&loose, &words) {
        orders.entry(order).or_default().assigned.push(assigned);
    }
    let mut cases: BTreeMap<OrderNumber, Case> =
        orders.iter().map(|(order, told)| ((*order).clone(), case(order, told, settings, now))).collect();
    matching::match_loose(&loose, &words, &mut cases, settings);
    cases
}

/// Each event once, oldest first. Copies of one mail (equal second identity) count once: the copy best vouched for.
fn unique(events: &[Event]) -> Vec<&Event> {
    let mut copies: BTreeMap<&str, (TrustLevel, Reverse<_>)> = BTreeMap::new();
    for event in events {
        let rank = (event.trust, Reverse(event.mail));
        let best = copies.entry(&event.second_identity).or_insert(rank);
        *best = rank.max(*best);
    }
    let mut kept: Vec<&Event> = events
        .iter()
        .filter(|event| event.trust != TrustLevel::Suspect)
        .filter(|event| copies.get(event.second_identity.as_str()).is_some_and(|(_, key)| key.0 == event.mail))
        .collect();
    kept.sort_by(|one, other| {
        let place = |event: &Event| (event.at, event.mail, event.trust);
        place(one)
            .cmp(&place(other))
            .then_with(|| one.second_identity.cmp(&other.second_identity))
            .then_with(|| one.order.cmp(&other.order))
            .then_with(|| told(one, other))
    });
    kept.dedup();
    kept
}

/// Any fixed order will do for what one mail says; the stored form gives one.
fn told(one: &Event, other: &Event) -> Ordering {
    if one == other {
        return Ordering::Equal;
    }
    let text = |event: &Event| serde_json::to_string(event).unwrap_or_default();
    text(one).cmp(&text(other))
}

fn said(one: &Statement, other: &Statement) -> Ordering {
    // at the same instant the more cautious word stands last, and so counts
    let rank = |statement: &Statement| match statement.said {
        Said::Answered | Said::Note { .. } | Said::Assign { .. } | Said::Disown { .. } => 0,
        Said::Limited { .. } => 1,
        Said::Lost => 2,
        Said::Lives => 2,
        Said::Confirm { .. } => 3,
        Said::Deny => 4,
    };
    let text = |statement: &Statement| serde_json::to_string(statement).unwrap_or_default();
    rank(one).cmp(&rank(other)).then_with(|| text(one).cmp(&text(other)))
}

fn case(order: &OrderNumber, told: &Told<'_>, settings: &Settings, now: Timestamp) -> Case {
    let mut questions = BTreeSet::new();
    let mut conflicts = Vec::new();
    let ordered = ordered(told);
    let cancel = cancellation(order, told, &mut questions, &mut conflicts);
    let known = !told.statements.is_empty()
        || told.events.iter().any(|event| matches!(event.kind, EventKind::Order { .. } | EventKind::Cancel { .. }));
    let standing = Standing {
        state: cancel.state,
        // points hang on the cause: as long as mails disagree about it, it is not known
        cause: cancel.cause.filter(|_| !questions.contains(&Question::CauseDiffers)),
        t0: cancel.t0,
        ordered: &ordered,
        left: cancel.left,
        known,
    };
    let points = owed::points(told, standing, &mut questions);
    let used_yen = ordered.coupon_used_yen;
    let coupon = CouponSide { used_yen, state: owed::coupon(told, cancel.state, used_yen, &mut questions) };
    if due::is_cancelled(cancel.state) {
        let named = cancel.points_named;
        if let (Some(ordered), Some(cancelled)) = (ordered.points_used, named)
            && ordered != cancelled
        {
            questions.insert(Question::UsedDiffers { ordered, cancelled });
            conflicts.extend(conflict::points_used(&told.events, ordered, cancelled));
        }
        if points.used.is_none() && told.last_word().is_none() {
            questions.insert(Question::OrderUnseen);
        }
    }
    let notes = told.statements.iter().filter_map(|statement| match &statement.said {
        Said::Note { text } => Some(text.clone()),
        _ => None,
    });
    let mut mails: Vec<_> = told.events.iter().copied().chain(told.assigned.iter().map(|one| one.event)).collect();
    mails.sort_by_key(|event| event.at);
    let mut case = Case {
        order_number: order.clone(),
        shop_code: latest(told, |terms| terms.shop_code.clone())
            .or_else(|| told.events.iter().rev().find_map(|event| event.shop_code.clone())),
        shop_name: latest(told, |terms| terms.shop_name.clone()),
        ordered_at: ordered.ordered_at,
        stage: stage(told),
        service: ordered.service,
        risks: ordered.risks.clone(),
        lead_days: ordered.lead_days,
        cancelled: cancel.state,
        cancelled_at: cancel.t0,
        cause: cancel.cause,
        points,
        coupon,
        coupons: held(told),
        payment_yen: ordered.payment_yen,
        due: Due::default(),
        assumed: Vec::new(),
        since: Due::default(),
        may_ask_shop: false,
        inquiry: Inquiry::default(),
        questions: Vec::new(),
        conflicts,
        evidence: mails.into_iter().map(evidence).collect(),
        notes: notes.collect(),
        answered_at: told.last_word().map(|word| word.at),
        answered_by: told.last_word().map(|word| word.by),
        seen_at: now,
        ended: false,
        items: Vec::new(),
    };
    let returning = Returning {
        points: &case.points,
        t0: cancel.t0.filter(|_| due::is_cancelled(cancel.state)),
        cause: cancel.cause,
        days: settings.spend_days,
        cautious: settings.assume_limited,
        now,
    };
    let spend = owed::spend_by(told, returning);
    let stated = Stated {
        reply_by: (cancel.state == State::Pending).then(|| stated::reply_by(told, settings)).flatten(),
        pay_by: matches!(cancel.state, State::None | State::Pending).then(|| stated::pay_by(told, settings)).flatten(),
        spend_by: spend.map(|spend| Known { until: spend.until, since: spend.since, assumed: spend.assumed }),
        coupon_until: stated::coupon_until(told, now),
        late_claim: stated::late_claim(order, told, &case, settings),
    };
    due::set(&mut case, stated, settings);
    if is_unpaid(&case, told, now) {
        questions.insert(Question::Unpaid);
        case.due.look_at = case.due.pay_by.map(|until| settings.look_after(until));
    }
    case.ended = ended(&case, told, spend.is_some_and(|spend| spend.limited), settings, now);
    case.may_ask_shop = !case.ended
        && cancel.verified
        && case.cancelled != State::Conflict
        && case.due.ask_shop_at.is_some_and(|at| at <= now);
    case.questions = questions.into_iter().collect();
    case.items = ordered.items;
    case
}

/// The payment is overdue as far as mails tell, and points or a coupon were used: whether the order was cancelled only
/// the shopper can see. Rakuten cancels what is not paid (help 000007041), and its notice may be missing (domain
/// document M05, grade C).
fn is_unpaid(case: &Case, told: &Told<'_>, now: Timestamp) -> bool {
    let used = case.points.used.unwrap_or_default() > 0 || case.coupon.used_yen.unwrap_or_default() > 0;
    let silent = told.last_word().is_none() && told.lives_since().is_none();
    case.cancelled == State::None && used && silent && case.due.pay_by.is_some_and(|until| until < now)
}

/// Nothing waits for the shopper, or nothing can be done any more.
fn ended(case: &Case, told: &Told<'_>, limited: bool, settings: &Settings, now: Timestamp) -> bool {
    if told.is_lost() || settings.has_lapsed(case.order_number.date(), now) {
        return true;
    }
    // points that may or may not end keep no case open: the shopper is only reminded
    let to_spend = limited && case.due.spend_by.is_some_and(|at| at >= now);
    let waits = match case.cancelled {
        State::Conflict | State::Pending | State::Requested => true,
        State::None if case.due.look_at.is_some() => true,
        State::None => [case.due.pay_by, case.due.late_claim_until].into_iter().flatten().any(|at| at >= now),
        _ => due::owes_points(case) || case.coupon.state == CouponState::Check,
    };
    !(waits || to_spend)
}

/// The order as its mails describe it: each value from the order's own mails first, the best vouched for, then the
/// latest (an acceptance may change the amount, and binds).
fn ordered(told: &Told<'_>) -> Terms {
    let mails: Vec<_> = told
        .events
        .iter()
        .filter_map(|event| match &event.kind {
            EventKind::Order { stage, terms } => {
                Some(((matches!(stage, Stage::Ordered | Stage::Accepted), event.trust, event.at), terms))
            }
            // the mail of a whole cancellation describes the order too, when nothing better does
            EventKind::Cancel { form: Cancelled::Confirmed | Cancelled::Claimed, terms, .. } => {
                Some(((false, TrustLevel::Suspect, event.at), terms))
            }
            _ => None,
        })
        .collect();
    fn best<T>(mails: &[((bool, TrustLevel, Timestamp), &Terms)], pick: impl Fn(&Terms) -> Option<T>) -> Option<T> {
        let stated = mails.iter().filter_map(|(weight, terms)| pick(terms).map(|value| (weight, value)));
        stated.max_by_key(|(weight, _)| **weight).map(|(_, value)| value)
    }
    Terms {
        shop_code: best(&mails, |terms| terms.shop_code.clone()),
        shop_name: best(&mails, |terms| terms.shop_name.clone()),
        ordered_at: best(&mails, |terms| terms.ordered_at),
        total_yen: best(&mails, |terms| terms.total_yen),
        payment_yen: best(&mails, |terms| terms.payment_yen),
        points_used: best(&mails, |terms| terms.points_used),
        coupon_used_yen: best(&mails, |terms| terms.coupon_used_yen),
        items: best(&mails, |terms| (!terms.items.is_empty()).then(|| terms.items.clone())).unwrap_or_default(),
        service: best(&mails, |terms| terms.service),
        // whichever mail announces it
        risks: mails
            .iter()
            .flat_map(|(_, terms)| terms.risks.iter().copied())
            .collect::<BTreeSet<_>>()
            .into_iter()
            .collect(),
        lead_days: best(&mails, |terms| terms.lead_days),
    }
}

/// Where the living order stands.
fn stage(told: &Told<'_>) -> Option<Stage> {
    let stages = told.events.iter().filter_map(|event| match &event.kind {
        EventKind::Order { stage, .. } => Some((*stage == Stage::Shipped, event.at, *stage)),
        _ => None,
    });
    stages.max().map(|(.., stage)| stage)
}

/// A value of the best vouched for, then latest mail that states it.
fn latest<T>(told: &Told<'_>, pick: impl Fn(&Terms) -> Option<T>) -> Option<T> {
    let stated = told.events.iter().filter_map(|event| match &event.kind {
        EventKind::Order { terms, .. } | EventKind::Cancel { terms, .. } => {
            pick(terms).map(|value| ((event.trust, event.at), value))
        }
        _ => None,
    });
    stated.max_by_key(|(weight, _)| *weight).map(|(_, value)| value)
}

/// Coupons that mails with this order's number give or give back.
fn held(told: &Told<'_>) -> Vec<Held> {
    let coupons = told.events.iter().filter_map(|event| match &event.kind {
        EventKind::Coupon(coupon) if !matches!(coupon.role, CouponRole::Refused | CouponRole::Advert) => {
            Some(Held { coupon: coupon.clone(), since: event.at, named: true })
        }
        _ => None,
    });
    coupons.collect()
}
