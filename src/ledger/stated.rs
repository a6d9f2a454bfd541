//! Deadlines that mails state, or that follow from what a mail reports: an answer, a payment, a late delivery, a coupon.

use super::case::Case;
use super::due::{self, Known, Settings};
use super::event::{EventKind, Said};
use super::owed::Told;
use crate::calendar::civil;
use crate::facts::{Cancelled, Coupon, CouponRole, OrderNumber, Service, Stage};
use jiff::{Timestamp, ToSpan};

/// The latest question of the shop, unless the shopper says that she answered since: its own deadline, else the usual
/// one.
pub(super) fn reply_by(told: &Told<'_>, settings: &Settings) -> Option<Known> {
    let answered = told.statements.iter().rfind(|one| one.said == Said::Answered).map(|one| one.at);
    let asked = told.events.iter().rev().find_map(|event| match event.kind {
        EventKind::Cancel { form: Cancelled::Pending, reply_by, .. } => Some(Known {
            until: reply_by.unwrap_or_else(|| settings.reply_by(event.at)),
            since: event.at,
            assumed: reply_by.is_none(),
        }),
        _ => None,
    });
    asked.filter(|asked| answered.is_none_or(|answered| answered < asked.since))
}

/// The latest demand of payment, unless it was paid or shipped since.
pub(super) fn pay_by(told: &Told<'_>, settings: &Settings) -> Option<Known> {
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
pub(super) fn late_claim(order: &OrderNumber, told: &Told<'_>, case: &Case, settings: &Settings) -> Option<Known> {
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

/// The nearest end of a coupon that belongs to this story; the last one when all are over.
pub(super) fn coupon_until(told: &Told<'_>, now: Timestamp) -> Option<Known> {
    let ends = told.events.iter().filter_map(|event| match &event.kind {
        EventKind::Coupon(Coupon { role, expires_at, .. }) if *role != CouponRole::Refused => {
            expires_at.map(|until| Known { until, since: event.at, assumed: false })
        }
        _ => None,
    });
    let nearest = ends.clone().filter(|known| known.until >= now).min_by_key(|known| (known.until, known.since));
    nearest.or_else(|| ends.max_by_key(|known| (known.until, known.since)))
}
