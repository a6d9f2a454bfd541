//! Mails that contradict each other: found, and shown with both proofs. None is overwritten by another.

use super::case::{About, Conflict};
use super::claim::evidence;
use super::event::{Event, EventKind, Terms};
use crate::facts::{Cancelled, Stage};
use std::collections::BTreeSet;

/// Two mails about one thing, older first.
pub(super) fn between(about: About, one: &Event, other: &Event) -> Conflict {
    let mut proofs = [evidence(one), evidence(other)];
    proofs.sort_by_key(|proof| (proof.date, proof.mail));
    Conflict { about, proofs }
}

/// Two mails that name sums of one order which cannot belong together, with those sums in yen. An acceptance may change
/// the amount and binds (domain document, M02), and so does a partial cancellation; Rakuten's confirmation and a notice
/// that the whole order is cancelled may not.
pub(super) fn totals<'a>(events: &[&'a Event]) -> Option<[(&'a Event, u64); 2]> {
    let mut binding: Vec<(&Event, &Terms)> = Vec::new();
    let mut accepted = BTreeSet::new();
    for event in events {
        match &event.kind {
            EventKind::Cancel { form: Cancelled::Partial, .. } => return None,
            EventKind::Order { stage: Stage::Accepted, terms } => accepted.extend(sums(terms)),
            EventKind::Order { stage: Stage::Ordered, terms }
            | EventKind::Cancel { form: Cancelled::Confirmed | Cancelled::Claimed, terms, .. } => {
                binding.push((event, terms));
            }
            _ => {}
        }
    }
    let stated = |terms: &Terms| terms.total_yen.or(terms.payment_yen);
    for (n, (one, terms)) in binding.iter().enumerate() {
        let Some(total) = stated(terms) else { continue };
        let known: BTreeSet<u64> = sums(terms).chain(accepted.iter().copied()).collect();
        for (other, later) in binding.iter().skip(n + 1) {
            let Some(second) = stated(later) else { continue };
            if !sums(later).any(|sum| known.contains(&sum)) {
                return Some([(one, total), (other, second)]);
            }
        }
    }
    None
}

/// The mails of an order and of its cancellation that name so many used points, when the two numbers differ.
pub(super) fn points_used(events: &[&Event], ordered: u64, cancelled: u64) -> Option<Conflict> {
    let says = |event: &&&Event, cancels: bool, points: u64| match &event.kind {
        EventKind::Order { terms, .. } => !cancels && terms.points_used == Some(points),
        EventKind::Cancel { terms, .. } => cancels && terms.points_used == Some(points),
        _ => false,
    };
    let one = events.iter().find(|event| says(event, false, ordered))?;
    let other = events.iter().rfind(|event| says(event, true, cancelled))?;
    Some(between(About::PointsUsed, one, other))
}

/// Every sum that a mail of this order may call its total: with and without coupon, points and shipping.
fn sums(terms: &Terms) -> impl Iterator<Item = u64> {
    let goods = terms.items.iter().try_fold(0_u64, |sum, item| {
        let price = item.price_yen?.checked_mul(item.quantity.unwrap_or(1))?;
        sum.checked_add(price)
    });
    let less = |part: Option<u64>| terms.total_yen.zip(part).and_then(|(total, part)| total.checked_sub(part));
    let more = |part: Option<u64>| terms.payment_yen.zip(part).and_then(|(paid, part)| paid.checked_add(part));
    [
        terms.total_yen,
        terms.payment_yen,
        goods.filter(|sum| *sum > 0),
        less(terms.coupon_used_yen),
        less(terms.points_used),
        more(terms.coupon_used_yen),
        more(terms.points_used),
    ]
    .into_iter()
    .flatten()
}
