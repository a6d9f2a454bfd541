//! Coupons that the shopper holds: every one that a mail gave or gave back, whether it names an order or not.

use super::event::{Event, EventKind};
use crate::facts::{Coupon, CouponRole, OrderNumber};
use crate::mail::TrustLevel;
use crate::mailbox::MailKey;
use jiff::Timestamp;
use std::collections::BTreeMap;

/// A coupon, as the mails tell of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Owned {
    /// What it is.
    pub coupon: Coupon,
    /// The shop whose mail tells of it; none for Rakuten's own.
    pub shop_code: Option<String>,
    /// The order that the mail names.
    pub order: Option<OrderNumber>,
    /// Since when it is known.
    pub since: Timestamp,
    /// Whether a verified mail tells of it.
    pub verified: bool,
    /// The first mail that tells of it.
    pub mail: MailKey,
}

impl Owned {
    /// What makes two mails speak of one coupon: its code, else its page, else shop, worth and end.
    #[must_use]
    pub fn identity(&self) -> String {
        let coupon = &self.coupon;
        if let Some(name) = coupon.code.as_ref().or(coupon.url.as_ref()) {
            return name.clone();
        }
        let worth = match (coupon.amount_yen, coupon.percent) {
            (Some(yen), _) => format!("{yen} yen"),
            (None, Some(percent)) => format!("{percent} %"),
            (None, None) => String::new(),
        };
        let end = coupon.expires_at.map(|at| at.as_second());
        format!("{} {worth} {}", self.shop_code.as_deref().unwrap_or_default(), end.unwrap_or_default())
    }
}

/// The coupons that these events tell of and that have a known end, the soonest to end first. Advertising gives nobody
/// a coupon, and one that is refused is none.
#[must_use]
pub fn owned(events: &[Event]) -> Vec<Owned> {
    let mut all: BTreeMap<String, Owned> = BTreeMap::new();
    for event in events.iter().filter(|event| event.trust != TrustLevel::Suspect) {
        let EventKind::Coupon(coupon) = &event.kind else { continue };
        let held = !matches!(coupon.role, CouponRole::Advert | CouponRole::Refused);
        if !held || coupon.expires_at.is_none() {
            continue;
        }
        let one = Owned {
            coupon: coupon.clone(),
            shop_code: event.shop_code.clone(),
            order: event.order.clone(),
            since: event.at,
            verified: event.trust == TrustLevel::Verified,
            mail: event.mail,
        };
        match all.get_mut(&one.identity()) {
            None => drop(all.insert(one.identity(), one)),
            Some(known) => {
                known.verified |= one.verified;
                // what a reminder of the end says beside is less than what the mail that gave it says
                let better = known.coupon.role == CouponRole::Expiring && one.coupon.role != CouponRole::Expiring;
                let earlier = (one.since, one.mail) < (known.since, known.mail);
                if better || (earlier && one.coupon.role != CouponRole::Expiring) {
                    *known = Owned { verified: known.verified, order: one.order.clone().or(known.order.take()), ..one };
                }
            }
        }
    }
    let mut owned: Vec<Owned> = all.into_values().collect();
    owned.sort_by_key(|one| (one.coupon.expires_at, one.identity()));
    owned
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(n: u8, role: CouponRole, code: Option<&str>, yen: u64, order: Option<&str>) -> Event {
        let coupon = Coupon {
            role,
            amount_yen: Some(yen),
            percent: None,
            code: code.map(str::to_owned),
            url: None,
            expires_at: Timestamp::from_second(1_800_000_000 + i64::try_from(yen).unwrap()).ok(),
            min_yen: None,
        };
        Event {
            order: order.and_then(OrderNumber::parse),
            shop_code: Some("modori-zakka".to_owned()),
            trust: TrustLevel::Unverified,
            ..Event::of(
                &n.to_string(),
                Timestamp::from_second(1_790_000_000 + i64::from(n)).unwrap(),
                EventKind::Coupon(coupon),
            )
        }
    }

    #[test]
    fn a_coupon_is_one_however_many_mails_tell_of_it() {
        const ORDER: &str = "399999-20261120-0123456789";
        let mut refused = event(9, CouponRole::Refused, None, 900, None);
        refused.trust = TrustLevel::Verified;
        let mut forged = event(8, CouponRole::Granted, None, 800, None);
        forged.trust = TrustLevel::Suspect;
        let mut events = vec![
            event(1, CouponRole::Expiring, Some("AAAA-BBBB"), 300, None),
            event(2, CouponRole::Apology, Some("AAAA-BBBB"), 300, Some(ORDER)),
            event(3, CouponRole::Granted, None, 100, None),
            event(4, CouponRole::Granted, None, 100, None),
            event(5, CouponRole::Granted, None, 200, None),
            event(6, CouponRole::Advert, None, 600, None),
            refused,
            forged,
        ];
        let told = owned(&events);
        let short: Vec<_> =
            told.iter().map(|one| (one.coupon.role, one.coupon.amount_yen, one.order.is_some())).collect();
        let expect =
            [(CouponRole::Granted, 100, false), (CouponRole::Granted, 200, false), (CouponRole::Apology, 300, true)];
        assert_eq!(short, expect.map(|(role, yen, order)| (role, Some(yen), order)));
        events.reverse();
        assert_eq!(owned(&events), told, "the order of arrival does not matter");
    }
}
