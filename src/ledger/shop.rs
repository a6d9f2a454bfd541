//! A shop's record with this shopper: orders, cancellations for want of goods, days until points came back, and when its
//! goods come back in stock.
//!
//! Cancellations that a verified mail tells of and those that are merely claimed are counted apart; suspect mail is no
//! event at all.

use super::case::{Case, Evidence, State};
use super::due::Settings;
use super::event::{Event, EventKind};
use crate::calendar::civil;
use crate::facts::{Cause, CouponRole, OrderNumber};
use crate::mail::TrustLevel;
use jiff::Timestamp;
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};

/// So many restocks must be known before hours are called hot …
const ENOUGH: u32 = 4;
/// … so many in the hour itself …
const HOT: u32 = 2;
/// … and at most so many hours.
const MOST_HOT: usize = 3;

/// What is known of one shop.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Shop {
    /// Its code; where no mail names one, the number that its orders begin with.
    pub code: String,
    /// Its name, as its latest mail writes it.
    pub name: Option<String>,
    /// Orders.
    pub orders: u32,
    /// Orders that it cancelled, wholly or in part, for reasons of its own, as a verified mail says.
    pub cancels: u32,
    /// The same, as a mail says that nobody vouches for.
    pub cancels_claimed: u32,
    /// Days from the cancellation until points were back, by half of the returns that a verified mail or the shopper
    /// confirms. `None` when there was none.
    pub days_back_median: Option<i64>,
    /// The longest of them.
    pub days_back_worst: Option<i64>,
    /// Orders for which it asked first: cancel, wait or another item?
    pub asked: u32,
    /// Apology coupons.
    pub apologies: u32,
    /// Restock mails by the hour (Tokyo) they were written in.
    pub restock_hours: [u32; 24],
    /// Hours in which its goods come back more often than in others, most often first; empty while too little is known.
    pub hot_hours: Vec<usize>,
    /// So many cancellations that a new order should be looked at.
    pub bad_record: bool,
}

impl Shop {
    /// Cancellations of its own making per 100 orders, rounded down. Claims do not count.
    #[must_use]
    pub fn cancel_percent(&self) -> u32 {
        (self.cancels * 100).checked_div(self.orders).unwrap_or_default()
    }

    /// The name, else the code.
    #[must_use]
    pub fn called(&self) -> &str {
        self.name.as_deref().unwrap_or(&self.code)
    }
}

/// The records of all shops that orders or restock mails name, as they were known at `now`.
#[must_use]
pub fn shops(
    events: &[Event],
    cases: &BTreeMap<OrderNumber, Case>,
    settings: &Settings,
    now: Timestamp,
) -> BTreeMap<String, Shop> {
    let codes = codes(cases);
    let mut shops: BTreeMap<String, Shop> = BTreeMap::new();
    let mut names: BTreeMap<String, Timestamp> = BTreeMap::new();
    let mut days: BTreeMap<String, Vec<i64>> = BTreeMap::new();
    for case in cases.values() {
        // an order that only the shopper spoke of, or that was placed later, is no order of the shop's yet
        let Some(first) = case.evidence.iter().map(|one| one.date).min().filter(|first| *first <= now) else {
            continue;
        };
        let code = key_of(case, &codes);
        let shop = shops.entry(code.clone()).or_insert_with(|| Shop { code: code.clone(), ..Shop::default() });
        shop.orders += 1;
        let told = names.entry(code.clone()).or_insert(first);
        if case.shop_name.is_some() && (shop.name.is_none() || *told <= first) {
            (shop.name, *told) = (case.shop_name.clone(), first);
        }
        if cancelled_by_shop(case) {
            match is_verified(case) {
                true => shop.cancels += 1,
                false => shop.cancels_claimed += 1,
            }
        }
        shop.asked += u32::from(case.evidence.iter().any(|one| one.claim == "cancel-pending"));
        days.entry(code).or_default().extend(days_back(case));
    }
    count_events(events, &codes, now, &mut shops);
    for (code, shop) in &mut shops {
        let mut days = days.remove(code).unwrap_or_default();
        days.sort_unstable();
        shop.days_back_median = days.get(days.len().saturating_sub(1) / 2).copied();
        shop.days_back_worst = days.last().copied();
        shop.hot_hours = hot_hours(&shop.restock_hours);
        shop.bad_record = shop.cancels > 0
            && shop.cancels >= u32::from(settings.bad_shop_cancels)
            && shop.cancels.saturating_mul(100) >= shop.orders.saturating_mul(u32::from(settings.bad_shop_percent));
    }
    shops
}

/// Apologies and restocks, each mail once.
fn count_events(events: &[Event], codes: &BTreeMap<&str, &str>, now: Timestamp, shops: &mut BTreeMap<String, Shop>) {
    let mut seen: BTreeSet<(&str, bool)> = BTreeSet::new();
    for event in events.iter().filter(|event| event.at <= now && event.trust != TrustLevel::Suspect) {
        let restock = match &event.kind {
            EventKind::Restock { .. } => true,
            EventKind::Coupon(coupon) if coupon.role == CouponRole::Apology => false,
            _ => continue,
        };
        let by_order =
            || event.order.as_ref().map(|order| codes.get(order.shop_id()).copied().unwrap_or(order.shop_id()));
        let Some(code) = event.shop_code.as_deref().or_else(by_order) else { continue };
        if !seen.insert((&event.second_identity, restock)) {
            continue;
        }
        let shop = shops.entry(code.to_owned()).or_insert_with(|| Shop { code: code.to_owned(), ..Shop::default() });
        if !restock {
            shop.apologies += 1;
        } else if let Some(hour) =
            usize::try_from(civil(event.at).hour()).ok().and_then(|hour| shop.restock_hours.get_mut(hour))
        {
            *hour += 1;
        }
    }
}

/// The shop's number in its orders → its code, where any mail names both.
#[must_use]
pub fn codes(cases: &BTreeMap<OrderNumber, Case>) -> BTreeMap<&str, &str> {
    cases.values().filter_map(|case| Some((case.order_number.shop_id(), case.shop_code.as_deref()?))).collect()
}

/// The key of an order's shop among [`shops`], with the [`codes`] that are known.
#[must_use]
pub fn key_of(case: &Case, codes: &BTreeMap<&str, &str>) -> String {
    let id = case.order_number.shop_id();
    case.shop_code.as_deref().unwrap_or_else(|| codes.get(id).copied().unwrap_or(id)).to_owned()
}

/// Whether the shop caused the cancellation: out of stock, mostly.
#[must_use]
pub fn cancelled_by_shop(case: &Case) -> bool {
    case.cause == Some(Cause::Shop) && matches!(case.cancelled, State::Claimed | State::Confirmed | State::Partial)
}

/// Whether a verified mail says that the order is cancelled.
#[must_use]
pub fn is_verified(case: &Case) -> bool {
    let says = |one: &Evidence| matches!(one.claim, "cancel-confirmed" | "cancel-claimed" | "cancel-partial");
    case.evidence.iter().any(|one| says(one) && one.trust == TrustLevel::Verified)
}

/// Days from the cancellation until all that was expected is known to be back.
fn days_back(case: &Case) -> Option<i64> {
    let expected = case.points.expected_back.filter(|points| *points > 0)?;
    let from = case.cancelled_at.filter(|_| case.points.returned == Some(expected))?;
    let proven = case
        .evidence
        .iter()
        .filter(|one| one.claim == "points-returned" && one.trust == TrustLevel::Verified)
        .map(|one| one.date)
        .max();
    let until = proven.or(case.answered_at)?;
    Some(civil(until).date().duration_since(civil(from).date()).as_hours().div_euclid(24).max(0))
}

fn hot_hours(hours: &[u32; 24]) -> Vec<usize> {
    let most = hours.iter().copied().max().unwrap_or_default();
    if hours.iter().sum::<u32>() < ENOUGH {
        return Vec::new();
    }
    let mut hot: Vec<(u32, usize)> =
        hours.iter().copied().zip(0..).filter(|(count, _)| *count >= HOT && count.saturating_mul(2) >= most).collect();
    hot.sort_by_key(|(count, hour)| (std::cmp::Reverse(*count), *hour));
    hot.into_iter().take(MOST_HOT).map(|(_, hour)| hour).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::{Cancelled, Coupon, Form, PointsReturn, Stage};
    use crate::ledger::event::{By, Said, Statement, Terms};

    use TrustLevel::{Unverified, Verified};

    fn at(text: &str) -> Timestamp {
        format!("2026-11-{text}:00+09:00").parse().unwrap()
    }

    fn order(n: u32) -> String {
        format!("399999-20261101-{n:010}")
    }

    fn event(order: Option<&str>, when: &str, trust: TrustLevel, kind: EventKind) -> Event {
        let name = format!("{order:?} {when} {kind:?}");
        Event {
            order: order.and_then(OrderNumber::parse),
            shop_code: Some("modori-zakka".to_owned()),
            trust,
            ..Event::of(&name, at(when), kind)
        }
    }

    fn ordered(n: u32) -> Event {
        let terms = Terms {
            shop_code: Some("modori-zakka".into()),
            shop_name: Some("モドリ雑貨店".into()),
            points_used: Some(500),
            payment_yen: Some(1000),
            ..Terms::default()
        };
        event(Some(&order(n)), "01T10:00", Verified, EventKind::Order { stage: Stage::Ordered, terms })
    }

    fn cancel(n: u32, when: &str, form: Cancelled, cause: Cause, trust: TrustLevel) -> Event {
        let kind = EventKind::Cancel { form, cause: Some(cause), terms: Terms::default(), reply_by: None };
        event(Some(&order(n)), when, trust, kind)
    }

    fn record(events: &[Event], said: &[Statement], now: &str) -> BTreeMap<String, Shop> {
        let settings = Settings::default();
        let cases = crate::ledger::cases(events, said, &settings, at(now));
        shops(events, &cases, &settings, at(now))
    }

    #[test]
    fn cancellations_of_its_own_making_count() {
        let mut events: Vec<Event> = (0..10).map(ordered).collect();
        events.push(cancel(0, "02T10:00", Cancelled::Confirmed, Cause::Shop, Verified));
        events.push(cancel(1, "02T10:00", Cancelled::Confirmed, Cause::Buyer, Verified));
        events.push(cancel(2, "02T10:00", Cancelled::Claimed, Cause::Shop, Unverified));
        events.push(cancel(3, "02T10:00", Cancelled::Pending, Cause::Shop, Verified));
        let shop = record(&events, &[], "20T10:00").remove("modori-zakka").unwrap();
        assert_eq!((shop.orders, shop.cancels, shop.cancels_claimed, shop.asked), (10, 1, 1, 1));
        assert_eq!((shop.called(), shop.cancel_percent(), shop.bad_record), ("モドリ雑貨店", 10, false));

        // two, and a fifth of the orders: a bad record; claims alone never make one
        events.push(cancel(4, "03T10:00", Cancelled::Claimed, Cause::Shop, Verified));
        let shop = record(&events, &[], "20T10:00").remove("modori-zakka").unwrap();
        assert_eq!((shop.cancels, shop.cancel_percent(), shop.bad_record), (2, 20, true));
        events.push(ordered(10));
        assert!(!record(&events, &[], "20T10:00").remove("modori-zakka").unwrap().bad_record);
        let claims: Vec<Event> = (0..3)
            .flat_map(|n| [ordered(n), cancel(n, "02T10:00", Cancelled::Claimed, Cause::Shop, Unverified)])
            .collect();
        let shop = record(&claims, &[], "20T10:00").remove("modori-zakka").unwrap();
        assert_eq!((shop.cancels_claimed, shop.bad_record), (3, false));
    }

    #[test]
    fn days_until_points_are_back() {
        let back = |n, when, trust| {
            let returned = PointsReturn { amount: Some(500), form: Form::Done };
            event(Some(&order(n)), when, trust, EventKind::Points { returned, limited: None, expires_at: None })
        };
        let mut events = Vec::new();
        for n in 0..4 {
            events.push(ordered(n));
            events.push(cancel(n, "02T22:00", Cancelled::Confirmed, Cause::Shop, Verified));
        }
        events.push(back(0, "03T09:00", Verified));
        events.push(back(1, "12T09:00", Verified));
        events.push(back(2, "03T09:00", Unverified)); // claims to be back: no proof
        let confirm = Statement {
            order: OrderNumber::parse(&order(3)).unwrap(),
            said: Said::Confirm { points: None, expires: None, coupon_back: None },
            at: at("06T10:00"),
            by: By::Command,
        };
        let shop = record(&events, &[confirm], "20T10:00").remove("modori-zakka").unwrap();
        assert_eq!((shop.days_back_median, shop.days_back_worst), (Some(4), Some(10)));
        let shop = record(&events[..2], &[], "20T10:00").remove("modori-zakka").unwrap();
        assert_eq!((shop.days_back_median, shop.days_back_worst), (None, None));
    }

    #[test]
    fn restocks_and_apologies_are_counted_once_a_mail() {
        let restock = |when: &str| event(None, when, Unverified, EventKind::Restock { items: Vec::new() });
        let coupon = Coupon {
            role: CouponRole::Apology,
            amount_yen: Some(500),
            percent: None,
            code: None,
            url: None,
            expires_at: None,
            min_yen: None,
        };
        let mut events = vec![
            restock("03T20:00"),
            restock("04T20:59"),
            restock("05T00:10"),
            restock("06T09:00"),
            restock("25T09:00"),
            event(None, "05T12:00", Verified, EventKind::Coupon(coupon)),
        ];
        events.extend(events.clone());
        events.push(Event { trust: TrustLevel::Suspect, ..restock("04T21:00") });
        let shop = record(&events, &[], "20T10:00").remove("modori-zakka").unwrap();
        assert_eq!((shop.orders, shop.apologies, shop.restock_hours.iter().sum::<u32>()), (0, 1, 4));
        assert_eq!((shop.restock_hours[20], shop.restock_hours[0]), (2, 1));
        assert_eq!(shop.hot_hours, [20]);
        // three restocks say nothing of hours
        let few = record(&events[..3], &[], "20T10:00").remove("modori-zakka").unwrap();
        assert_eq!(few.hot_hours, Vec::<usize>::new());
    }

    #[test]
    fn a_shop_without_a_code_is_known_by_its_number() {
        let bare = |n| {
            let kind = EventKind::Order { stage: Stage::Ordered, terms: Terms::default() };
            Event { shop_code: None, ..event(Some(&order(n)), "01T10:00", Verified, kind) }
        };
        let alone = record(&[bare(0)], &[], "20T10:00");
        assert_eq!(alone.keys().collect::<Vec<_>>(), ["399999"]);
        // another order names the code
        let both = record(&[bare(0), ordered(1)], &[], "20T10:00");
        assert_eq!(both.keys().collect::<Vec<_>>(), ["modori-zakka"]);
        assert_eq!(both["modori-zakka"].orders, 2);
    }

    #[test]
    fn restocks_touch_no_case() {
        let mut events = vec![ordered(0), cancel(0, "02T10:00", Cancelled::Confirmed, Cause::Shop, Verified)];
        let settings = Settings::default();
        let before = crate::ledger::cases(&events, &[], &settings, at("20T10:00"));
        events.extend(
            (1..9).map(|day| event(None, &format!("0{day}T20:00"), Verified, EventKind::Restock { items: Vec::new() })),
        );
        assert_eq!(crate::ledger::cases(&events, &[], &settings, at("20T10:00")), before);
    }
}
