//! Mails without an order number: which order they speak of, by shop, amount and time. They never prove; at best they
//! become a question, which `modori assign` answers.

use super::assign::Words;
use super::case::{Case, Held, Question};
use super::claim::evidence;
use super::due::{self, APOLOGY_DAYS, MOST_MATCH_DAYS, Settings};
use super::event::{Event, EventKind};
use crate::facts::{Coupon, CouponRole, Form, OrderNumber};
use jiff::{Timestamp, ToSpan};
use std::collections::{BTreeMap, BTreeSet};

/// Most orders that one refund is looked for in together.
const TOGETHER: usize = 24;

/// Gives each mail without an order number to the cases it fits.
pub(super) fn match_loose(
    loose: &[&Event],
    words: &Words<'_>,
    cases: &mut BTreeMap<OrderNumber, Case>,
    settings: &Settings,
) {
    let by_time = Times::of(cases);
    for event in loose {
        match &event.kind {
            EventKind::Points { returned, .. } if returned.form == Form::Done => {
                let said = words.get(&event.mail);
                // given to an order already: nothing is left to ask
                if said.is_some_and(|said| said.values().any(Option::is_some)) {
                    continue;
                }
                let disowned: BTreeSet<&OrderNumber> = said.into_iter().flatten().map(|(order, _)| *order).collect();
                a_return(event, returned.amount, &disowned, &by_time, cases, settings);
            }
            EventKind::Coupon(coupon) if coupon.role == CouponRole::Apology => {
                an_apology(event, coupon, &by_time, cases);
            }
            _ => {}
        }
    }
}

/// Cancelled orders by the time of their cancellation: a mail is compared with those near it, not with all.
struct Times(BTreeMap<Timestamp, Vec<OrderNumber>>);

impl Times {
    fn of(cases: &BTreeMap<OrderNumber, Case>) -> Self {
        let mut times: BTreeMap<Timestamp, Vec<OrderNumber>> = BTreeMap::new();
        for case in cases.values() {
            if let Some(t0) = case.cancelled_at {
                times.entry(t0).or_default().push(case.order_number.clone());
            }
        }
        Self(times)
    }

    /// Orders that a mail of this instant may speak of, in the order of their numbers.
    fn near<'a>(
        &self,
        at: Timestamp,
        days: u16,
        cases: &'a BTreeMap<OrderNumber, Case>,
    ) -> impl Iterator<Item = &'a Case> {
        // a mail's own date may be a day off, and a return can be announced before the shop's notice is written
        let from = Settings::days_before(at, days);
        let until = at.saturating_add(24.hours()).unwrap_or(Timestamp::MAX).max(from);
        let orders: BTreeSet<&OrderNumber> = self.0.range(from..=until).flat_map(|(_, orders)| orders).collect();
        let near: Vec<&Case> = orders.into_iter().filter_map(|order| cases.get(order)).collect();
        near.into_iter()
    }
}

/// Which orders a refund may be of. Two that fit equally well are both asked about; nearness in time does not decide
/// between them.
fn a_return(
    event: &Event,
    points: Option<u64>,
    disowned: &BTreeSet<&OrderNumber>,
    times: &Times,
    cases: &mut BTreeMap<OrderNumber, Case>,
    settings: &Settings,
) {
    let candidates: Vec<&Case> = times
        .near(event.at, settings.match_days.min(MOST_MATCH_DAYS), cases)
        .filter(|case| !case.ended && due::owes_points(case))
        .filter(|case| case.answered_at.is_none_or(|at| at < event.at))
        .filter(|case| shop_fits(event, case) && !disowned.contains(&case.order_number))
        .collect();
    // the amount is that of what is owed, or of what was used, or nobody knows it
    let alone = |case: &&Case| {
        let owed = case.points.outstanding;
        let amount =
            points.is_none_or(|points| owed.is_none_or(|owed| owed == points) || case.points.used == Some(points));
        amount.then(|| (shop_named(event, case), points.is_some() && owed == points))
    };
    let best = candidates.iter().filter_map(alone).max();
    let mail = || event.mail.short();
    let mut question = None;
    if best.is_none_or(|(_, exact)| !exact)
        && let Some(points) = points
    {
        question = match together(event, points, &candidates).as_slice() {
            [] => None,
            [one] if best.is_none() => {
                Some((one.clone(), Question::Together { points, orders: one.clone(), mail: mail() }))
            }
            several => {
                let mut orders: BTreeSet<OrderNumber> = several.iter().flatten().cloned().collect();
                orders.extend(candidates.iter().filter(|case| alone(case).is_some()).map(|c| c.order_number.clone()));
                let orders: Vec<OrderNumber> = orders.into_iter().collect();
                Some((orders.clone(), Question::WhichOrder { points: Some(points), orders, mail: mail() }))
            }
        };
    }
    if question.is_none()
        && let Some(best) = best
    {
        let fitting = candidates.iter().filter(|case| alone(case) == Some(best));
        let orders: Vec<OrderNumber> = fitting.map(|case| case.order_number.clone()).collect();
        let asked = match orders.as_slice() {
            [_] => Question::ReturnClaimed { points, mail: Some(mail()) },
            _ => Question::WhichOrder { points, orders: orders.clone(), mail: mail() },
        };
        question = Some((orders, asked));
    }
    let Some((orders, question)) = question else { return };
    for order in &orders {
        let Some(case) = cases.get_mut(order) else { continue };
        ask(case, question.clone());
        add(case, event);
    }
}

/// Sets of two and more orders that together miss just so many points; two of them at the most, because two are a tie.
/// Orders of the shop that the mail names come before those of unknown shops.
fn together(event: &Event, points: u64, candidates: &[&Case]) -> Vec<Vec<OrderNumber>> {
    let owing = |named: bool| -> Vec<(u64, &OrderNumber)> {
        let fitting = candidates.iter().filter(|case| !named || shop_named(event, case));
        let known = fitting.filter_map(|case| case.points.outstanding.map(|owed| (owed, &case.order_number)));
        let mut owing: Vec<_> = known.filter(|(owed, _)| *owed > 0 && *owed < points).collect();
        owing.sort_by(|one, other| other.cmp(one));
        owing.truncate(TOGETHER);
        owing
    };
    let mut found = subsets(&owing(true), points);
    if found.is_empty() {
        found = subsets(&owing(false), points);
    }
    found
}

/// Up to two subsets with this sum. Amounts stand in falling order, so whole branches are cut off early.
fn subsets(owing: &[(u64, &OrderNumber)], sum: u64) -> Vec<Vec<OrderNumber>> {
    /// So many steps at the most: a sum that is not decided by then is decided by the shopper.
    const STEPS: usize = 100_000;
    let mut rest = vec![0_u64; owing.len() + 1];
    for (n, (owed, _)) in owing.iter().enumerate().rev() {
        let after = rest.get(n + 1).copied().unwrap_or_default();
        if let Some(slot) = rest.get_mut(n) {
            *slot = after.saturating_add(*owed);
        }
    }
    let mut found = Vec::new();
    let mut open: Vec<(usize, u64, Vec<usize>)> = vec![(0, sum, Vec::new())];
    let mut steps = 0;
    while let Some((at, left, taken)) = open.pop() {
        steps += 1;
        if found.len() > 1 || steps > STEPS {
            break;
        }
        if left == 0 {
            let mut orders: Vec<OrderNumber> =
                taken.iter().filter_map(|n| owing.get(*n).map(|(_, order)| (*order).clone())).collect();
            orders.sort();
            found.push(orders);
            continue;
        }
        let Some((owed, _)) = owing.get(at) else { continue };
        if rest.get(at).is_none_or(|rest| *rest < left) {
            continue;
        }
        open.push((at + 1, left, taken.clone()));
        if *owed <= left {
            let taken = taken.into_iter().chain([at]).collect();
            open.push((at + 1, left - owed, taken));
        }
    }
    found
}

/// An apology without a number belongs to a cancellation of the same shop, if there is only one.
fn an_apology(event: &Event, coupon: &Coupon, times: &Times, cases: &mut BTreeMap<OrderNumber, Case>) {
    let mut fitting = times
        .near(event.at, APOLOGY_DAYS, cases)
        .filter(|case| due::is_cancelled(case.cancelled) && shop_named(event, case))
        .map(|case| case.order_number.clone());
    let (Some(order), None) = (fitting.next(), fitting.next()) else { return };
    drop(fitting);
    let Some(case) = cases.get_mut(&order) else { return };
    add(case, event);
    case.coupons.push(Held { coupon: coupon.clone(), since: event.at, named: false });
    let Some(ends) = coupon.expires_at else { return };
    // the nearest end counts, and one that has passed only when all have
    let known = case.due.coupon_until;
    let all = || known.into_iter().chain([ends]);
    case.due.coupon_until = all().filter(|at| *at >= case.seen_at).min().or(all().max());
    if case.due.coupon_until != known {
        case.assumed.retain(|key| *key != "coupon_until");
    }
}

fn add(case: &mut Case, event: &Event) {
    case.evidence.push(evidence(event));
    case.evidence.sort_by_key(|evidence| evidence.date);
}

fn ask(case: &mut Case, question: Question) {
    if let Err(place) = case.questions.binary_search(&question) {
        case.questions.insert(place, question);
    }
}

fn shop_named(event: &Event, case: &Case) -> bool {
    event.shop_code.is_some() && event.shop_code == case.shop_code
}

/// The same shop, or one of the two names none: Rakuten's own mail need not.
fn shop_fits(event: &Event, case: &Case) -> bool {
    event.shop_code.is_none() || case.shop_code.is_none() || event.shop_code == case.shop_code
}
