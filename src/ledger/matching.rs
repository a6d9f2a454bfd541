//! Mails without an order number: which order they speak of, by shop, amount and time. They never prove; at best they
//! become a question.

use super::case::{Case, Question};
use super::claim::evidence;
use super::due::{self, Settings};
use super::event::{Event, EventKind};

use crate::facts::{Coupon, CouponRole, Form, OrderNumber};
use jiff::{Timestamp, ToSpan};
use std::collections::BTreeMap;

/// An apology coupon comes within so many days of the cancellation.
const APOLOGY_DAYS: u16 = 14;

/// Gives each mail without an order number to the cases it fits.
pub(super) fn match_loose(loose: &[&Event], cases: &mut BTreeMap<OrderNumber, Case>, settings: &Settings) {
    for event in loose {
        match &event.kind {
            EventKind::Points { returned, .. } if returned.form == Form::Done => {
                a_return(event, returned.amount, cases, settings);
            }
            EventKind::Coupon(Coupon { role: CouponRole::Apology, expires_at, .. }) => {
                an_apology(event, *expires_at, cases);
            }
            _ => {}
        }
    }
}

/// Two orders that fit equally well are both asked about; nearness in time does not decide between them.
fn a_return(event: &Event, points: Option<u64>, cases: &mut BTreeMap<OrderNumber, Case>, settings: &Settings) {
    let fits = |case: &Case| {
        let owed = case.points.outstanding;
        // the amount is that of what is owed, or of what was used, or nobody knows it
        let amount =
            points.is_none_or(|points| owed.is_none_or(|owed| owed == points) || case.points.used == Some(points));
        (due::owes_points(case)
            && case.answered_at.is_none_or(|at| at < event.at)
            && shop_fits(event, case)
            && amount
            && in_time(event, case, settings.match_days))
        .then(|| (shop_named(event, case), points.is_some() && owed == points))
    };
    let best = cases.values().filter(|case| !case.ended).filter_map(fits).max();
    let Some(best) = best else { return };
    let orders: Vec<OrderNumber> = cases
        .values()
        .filter(|case| !case.ended && fits(case) == Some(best))
        .map(|case| case.order_number.clone())
        .collect();
    let question = match orders.as_slice() {
        [_] => Question::ReturnClaimed { points },
        _ => Question::WhichOrder { points, orders: orders.clone() },
    };
    for order in &orders {
        let Some(case) = cases.get_mut(order) else { continue };
        ask(case, question.clone());
        case.evidence.push(evidence(event));
        case.evidence.sort_by_key(|evidence| evidence.date);
    }
}

/// An apology without a number belongs to a cancellation of the same shop, if there is only one.
fn an_apology(event: &Event, expires_at: Option<Timestamp>, cases: &mut BTreeMap<OrderNumber, Case>) {
    let mut fitting = cases.values_mut().filter(|case| {
        due::is_cancelled(case.cancelled) && shop_named(event, case) && in_time(event, case, APOLOGY_DAYS)
    });
    let (Some(case), None) = (fitting.next(), fitting.next()) else { return };
    case.evidence.push(evidence(event));
    case.evidence.sort_by_key(|evidence| evidence.date);
    let later = expires_at.filter(|at| *at >= case.seen_at);
    case.due.coupon_until = later.into_iter().chain(case.due.coupon_until).min().or(expires_at);
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

/// A mail's own date may be a day off, and a return can be announced before the shop's notice is written.
fn in_time(event: &Event, case: &Case, days: u16) -> bool {
    let day = 24.hours();
    case.cancelled_at.is_some_and(|t0| {
        let from = t0.saturating_sub(day).unwrap_or(Timestamp::MIN);
        event.at >= from && event.at <= Settings::days_from(t0, days)
    })
}
