//! Events and statements → cases. The same ones in any order, with duplicates, give the same cases.

use super::assign;
use super::case::{About, Case, Conflict, CouponSide, CouponState, Due, Held, Question, State};
use super::claim::evidence;
use super::conflict;
use super::due::{self, Known, Settings, Stated};
use super::event::{Event, EventKind, Said, Statement, Terms};
use super::matching;
use super::owed::{self, Standing, Told};
use crate::calendar::{civil, instant};
use crate::facts::{Cancelled, Cause, Coupon, CouponRole, OrderNumber, Service, Stage};
use crate::mail::TrustLevel;
use jiff::{Timestamp, ToSpan};
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
        Said::Note { .. } | Said::Assign { .. } | Said::Disown { .. } => 0,
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
            conflicts.extend(used_twice(told, ordered, cancelled));
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
    let spend = owed::spend_by(told, case.points.returned, settings.spend_days, settings.assume_limited)
        .filter(|_| due::is_cancelled(cancel.state));
    let stated = Stated {
        reply_by: (cancel.state == State::Pending).then(|| reply_by(told, settings)).flatten(),
        pay_by: matches!(cancel.state, State::None | State::Pending).then(|| pay_by(told, settings)).flatten(),
        spend_by: spend.map(|spend| Known { until: spend.until, since: spend.since, assumed: spend.assumed }),
        coupon_until: coupon_until(told, now),
        late_claim: late_claim(order, told, &case, settings),
    };
    due::set(&mut case, stated, settings);
    case.ended = ended(&case, told, spend.is_some_and(|spend| spend.limited), settings, now);
    case.may_ask_shop = !case.ended
        && cancel.verified
        && case.cancelled != State::Conflict
        && case.due.ask_shop_at.is_some_and(|at| at <= now);
    case.questions = questions.into_iter().collect();
    case.items = ordered.items;
    case
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
        State::None => [case.due.pay_by, case.due.late_claim_until].into_iter().flatten().any(|at| at >= now),
        _ => due::owes_points(case) || case.coupon.state == CouponState::Check,
    };
    !(waits || to_spend)
}

struct Cancellation<'a> {
    state: State,
    cause: Option<Cause>,
    t0: Option<Timestamp>,
    /// What a partial cancellation left of the order.
    left: Option<&'a Terms>,
    /// Points used, as the mail of a whole cancellation says.
    points_named: Option<u64>,
    /// A verified mail says that it is cancelled.
    verified: bool,
}

/// One mail about a cancellation.
struct Notice<'a> {
    event: &'a Event,
    form: Cancelled,
    cause: Option<Cause>,
    terms: &'a Terms,
}

fn cancellation<'a>(
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
    // her word outranks every mail that she had seen by then
    let notices = match told.lives_since() {
        Some(since) => notices.into_iter().filter(|notice| notice.event.at > since).collect(),
        None => notices,
    };
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
    let confirm = confirm.filter(|_| told.lives_since().is_none());
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
        cause: cause(&notices, state, questions, conflicts).or_else(|| apologised(told, state)),
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

/// The mails that name so many used points, when they disagree.
fn used_twice(told: &Told<'_>, ordered: u64, cancelled: u64) -> Option<Conflict> {
    let says = |event: &&&Event, cancels: bool, points: u64| match &event.kind {
        EventKind::Order { terms, .. } => !cancels && terms.points_used == Some(points),
        EventKind::Cancel { terms, .. } => cancels && terms.points_used == Some(points),
        _ => false,
    };
    let one = told.events.iter().find(|event| says(event, false, ordered))?;
    let other = told.events.iter().rfind(|event| says(event, true, cancelled))?;
    Some(conflict::between(About::PointsUsed, one, other))
}

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
        let (first, last) = (stated().next(), stated().next_back());
        if let (Some((first, one)), Some(_)) = (first, last)
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

/// The latest question of the shop: its own deadline, else the usual one.
fn reply_by(told: &Told<'_>, settings: &Settings) -> Option<Known> {
    told.events.iter().rev().find_map(|event| match event.kind {
        EventKind::Cancel { form: Cancelled::Pending, reply_by, .. } => Some(Known {
            until: reply_by.unwrap_or_else(|| settings.reply_by(event.at)),
            since: event.at,
            assumed: reply_by.is_none(),
        }),
        _ => None,
    })
}

/// The latest demand of payment, unless it was paid or shipped since.
fn pay_by(told: &Told<'_>, settings: &Settings) -> Option<Known> {
    let mut until: Option<(Timestamp, bool, Timestamp)> = None;
    let mut paid = None;
    for event in &told.events {
        let demand = match &event.kind {
            EventKind::PayBy { until } => Some((event.at, true, *until)),
            EventKind::Order { stage: Stage::PaymentDue, .. } => {
                Some((event.at, false, Settings::days_from(event.at, settings.pay_days)))
            }
            EventKind::Order { stage: Stage::CardRefused, .. } => {
                Some((event.at, false, Settings::days_from(event.at, settings.card_days)))
            }
            EventKind::Order { stage: Stage::Paid | Stage::Shipped, .. } => {
                paid = Some(event.at);
                None
            }
            _ => None,
        };
        until = until.max(demand);
    }
    let (since, stated, until) = until.filter(|(at, ..)| paid.is_none_or(|paid| paid < *at))?;
    Some(Known { until, since, assumed: !stated })
}

/// A living order that its mail promises for the next day, and that a mail tells is late.
fn late_claim(order: &OrderNumber, told: &Told<'_>, case: &Case, settings: &Settings) -> Option<Known> {
    if case.service != Some(Service::Asuraku) || due::is_cancelled(case.cancelled) {
        return None;
    }
    let next_day = order.date().saturating_add(1.day());
    let late = told.events.iter().find(|event| match &event.kind {
        EventKind::Order { stage: Stage::Delayed, .. } => true,
        // what leaves after the day it was promised for is late
        EventKind::Order { stage: Stage::Shipped, .. } => civil(event.at).date() > next_day,
        _ => false,
    })?;
    Some(Known { until: settings.late_claim_until(order.date()), since: late.at, assumed: false })
}

/// Coupons that mails with this order's number give or give back.
fn held(told: &Told<'_>) -> Vec<Held> {
    let coupons = told.events.iter().filter_map(|event| match &event.kind {
        EventKind::Coupon(coupon) if !matches!(coupon.role, CouponRole::Refused | CouponRole::Advert) => {
            Some(Held { coupon: coupon.clone(), since: event.at })
        }
        _ => None,
    });
    coupons.collect()
}

/// The nearest end of a coupon that belongs to this story; the last one when all are over.
fn coupon_until(told: &Told<'_>, now: Timestamp) -> Option<Known> {
    let ends = told.events.iter().filter_map(|event| match &event.kind {
        EventKind::Coupon(Coupon { role, expires_at, .. }) if *role != CouponRole::Refused => {
            expires_at.map(|until| Known { until, since: event.at, assumed: false })
        }
        _ => None,
    });
    let nearest = ends.clone().filter(|known| known.until >= now).min_by_key(|known| (known.until, known.since));
    nearest.or_else(|| ends.max_by_key(|known| (known.until, known.since)))
}
