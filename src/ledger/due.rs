//! Clocks: when to look, when to ask, when a right ends (domain document 7.4).

use super::case::{Case, CouponState, Due, State};
use crate::calendar::{Calendar, civil, days_after, end_of_day, instant};
use crate::facts::Cause;
use jiff::civil::Date;
use jiff::{Timestamp, ToSpan};
use serde::Deserialize;

/// Longer than this (days) no mail without an order number is compared with a cancellation, whatever is set.
pub const MOST_MATCH_DAYS: u16 = 60;
/// An apology coupon comes within so many days of the cancellation.
pub const APOLOGY_DAYS: u16 = 14;

/// The clocks' settings. Every default is a proposal of the domain document (grade I), except the protection (A) and
/// the days to pay (a shop's own page).
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// Business days.
    pub calendar: Calendar,
    /// Look at the point history so many days after the cancellation …
    pub look_after_days: u16,
    /// … and look at the coupon so many days after it …
    pub coupon_check_after_days: u16,
    /// … at this hour (0 to 23, Asia/Tokyo).
    pub look_hour: u8,
    /// Ask the shop so many business days after the cancellation …
    pub ask_shop_after_business_days: u16,
    /// … and Rakuten so many …
    pub ask_rakuten_after_business_days: u16,
    /// … at this hour.
    pub ask_hour: u8,
    /// A coupon whose end is not known is looked after for so many days.
    pub coupon_days: u16,
    /// A question without a deadline is answered within so many business days, by the hour of asking.
    pub reply_business_days: u16,
    /// Payment instructions without a deadline leave so many days …
    pub pay_days: u16,
    /// … and a refused card so many.
    pub card_days: u16,
    /// Limited-time points that came back without a known end are spent within so many days.
    pub spend_days: u16,
    /// Points of which nobody said whether they were limited-time ones are treated as if they were.
    pub assume_limited: bool,
    /// The protection lasts so many days, counted from the day after the order.
    pub protection_days: u16,
    /// A late delivery of あす楽 can be claimed for on so many business days, the day of the order included.
    pub late_claim_business_days: u16,
    /// A case lapses so many days after the protection ended.
    pub lapse_days: u16,
    /// A refund mail without an order number fits a cancellation of at most so many days before ([`MOST_MATCH_DAYS`]
    /// at the most).
    pub match_days: u16,
    /// The same goods ordered at two shops within so many days of each other are asked about.
    pub twice_days: u16,
    /// An order can be cancelled by oneself for so many minutes (domain document M06, grade C).
    pub free_cancel_minutes: u16,
    /// A shop has a bad record from so many cancellations for want of goods …
    pub bad_shop_cancels: u16,
    /// … that are so many percent of its orders.
    pub bad_shop_percent: u16,
    /// How long before a deadline the shopper is reminded.
    pub remind: Remind,
}

/// How long before a deadline the shopper is reminded; an empty list means not at all.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Remind {
    /// Of an answer that the shop wants, hours.
    pub reply_hours: Vec<u16>,
    /// Of a payment, hours.
    pub pay_hours: Vec<u16>,
    /// Of points that came back and end, hours.
    pub spend_hours: Vec<u16>,
    /// Of a coupon, hours.
    pub coupon_hours: Vec<u16>,
    /// Of the end of the claim for a late delivery, hours.
    pub claim_hours: Vec<u16>,
    /// Of the end of the protection, days, at the hour of looking.
    pub protection_days: Vec<u16>,
}

impl Default for Remind {
    fn default() -> Self {
        Self {
            reply_hours: vec![24, 3],
            pay_hours: vec![72, 24, 3],
            spend_hours: vec![48, 24, 3],
            coupon_hours: vec![72, 24],
            claim_hours: vec![24],
            protection_days: vec![14, 3],
        }
    }
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            calendar: Calendar::default(),
            look_after_days: 1,
            coupon_check_after_days: 1,
            look_hour: 10,
            ask_shop_after_business_days: 3,
            ask_rakuten_after_business_days: 5,
            ask_hour: 18,
            coupon_days: 7,
            reply_business_days: 1,
            pay_days: 14,
            card_days: 7,
            spend_days: 7,
            assume_limited: true,
            protection_days: 90,
            late_claim_business_days: 5,
            lapse_days: 30,
            match_days: 30,
            twice_days: 14,
            free_cancel_minutes: 30,
            bad_shop_cancels: 2,
            bad_shop_percent: 20,
            remind: Remind::default(),
        }
    }
}

impl Settings {
    pub(super) fn at(day: Date, hour: u8) -> Timestamp {
        instant(day.at(i8::try_from(hour.min(23)).unwrap_or_default(), 0, 0, 0))
    }

    /// When shops are asked on the day after this one, in Tokyo.
    #[must_use]
    pub fn asks_next_day(&self, now: Timestamp) -> Timestamp {
        Self::at(days_after(civil(now).date(), 1), self.ask_hour)
    }

    fn business_days_after(&self, from: Timestamp, days: u16) -> Timestamp {
        Self::at(self.calendar.add_business_days(civil(from).date(), days), self.ask_hour)
    }

    /// When the point history is looked at after something happened.
    pub(super) fn look_after(&self, at: Timestamp) -> Timestamp {
        Self::at(days_after(civil(at).date(), self.look_after_days), self.look_hour)
    }

    /// The answer to a question that names no deadline.
    pub(super) fn reply_by(&self, asked: Timestamp) -> Timestamp {
        self.business_days_after(asked, self.reply_business_days)
    }

    /// The end of the day so many days later.
    pub(super) fn days_from(from: Timestamp, days: u16) -> Timestamp {
        end_of_day(days_after(civil(from).date(), days))
    }

    /// The beginning of the day so many days earlier.
    pub(super) fn days_before(from: Timestamp, days: u16) -> Timestamp {
        instant(civil(from).date().saturating_sub(i64::from(days).days()).at(0, 0, 0, 0))
    }

    pub(super) fn protection_until(&self, ordered: Date) -> Timestamp {
        end_of_day(days_after(ordered, self.protection_days))
    }

    /// The last second of a claim for a late delivery: of so many business days the day of the order is the first, if it
    /// is one (Rakuten's page on あす楽, domain document S61).
    pub(super) fn late_claim_until(&self, ordered: Date) -> Timestamp {
        let more = self.late_claim_business_days.saturating_sub(u16::from(self.calendar.is_business_day(ordered)));
        end_of_day(self.calendar.add_business_days(ordered, more))
    }

    /// The last second of the last day anyone could still ask for something.
    pub(super) fn lapses_at(&self, ordered: Date) -> Timestamp {
        end_of_day(days_after(ordered, self.protection_days.saturating_add(self.lapse_days)))
    }

    /// Of orders placed before this day nothing waits any more.
    #[must_use]
    pub fn nothing_waits_before(&self, now: Timestamp) -> Date {
        let days = i64::from(self.protection_days) + i64::from(self.lapse_days);
        civil(now).date().saturating_sub(days.days())
    }

    /// Whether that is over.
    pub(super) fn has_lapsed(&self, ordered: Date, now: Timestamp) -> bool {
        now > self.lapses_at(ordered)
    }
}

/// A deadline that follows from a mail or a statement.
#[derive(Clone, Copy, Debug)]
pub(super) struct Known {
    pub(super) until: Timestamp,
    /// Since when it is known.
    pub(super) since: Timestamp,
    /// Nobody stated it: the usual one stands in.
    pub(super) assumed: bool,
}

/// Deadlines that come from mails and statements and not from the clocks.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Stated {
    pub(super) reply_by: Option<Known>,
    pub(super) pay_by: Option<Known>,
    pub(super) spend_by: Option<Known>,
    pub(super) coupon_until: Option<Known>,
    pub(super) late_claim: Option<Known>,
}

/// Writes the deadlines of a case whose state, cause, points and coupon are known.
pub(super) fn set(case: &mut Case, stated: Stated, settings: &Settings) {
    let until = |known: Option<Known>| known.map(|known| known.until);
    let since = |known: Option<Known>| known.map(|known| known.since);
    case.since = Due {
        reply_by: since(stated.reply_by),
        pay_by: since(stated.pay_by),
        spend_by: since(stated.spend_by),
        coupon_until: since(stated.coupon_until),
        late_claim_until: since(stated.late_claim),
        ..Due::default()
    };
    case.assumed = [("reply_by", stated.reply_by), ("pay_by", stated.pay_by), ("spend_by", stated.spend_by)]
        .into_iter()
        .filter_map(|(key, known)| known.filter(|known| known.assumed).map(|_| key))
        .collect();
    let mut due = Due {
        reply_by: until(stated.reply_by),
        pay_by: until(stated.pay_by),
        spend_by: until(stated.spend_by),
        coupon_until: until(stated.coupon_until),
        late_claim_until: until(stated.late_claim),
        protection_until: Some(settings.protection_until(case.order_number.date())),
        ..Due::default()
    };
    if let Some(t0) = case.cancelled_at {
        let look = |days| Settings::at(days_after(civil(t0).date(), days), settings.look_hour);
        if owes_points(case) {
            // after the buyer's own cancel the shop has nothing left to do: whoever asks, asks Rakuten
            if !matches!(case.cause, Some(Cause::Buyer | Cause::Payment)) {
                due.ask_shop_at = Some(settings.business_days_after(t0, settings.ask_shop_after_business_days));
            }
            due.ask_rakuten_at = Some(settings.business_days_after(t0, settings.ask_rakuten_after_business_days));
        }
        if owes_points(case) || matches!(case.cancelled, State::Conflict | State::Requested) {
            due.look_at = Some(look(settings.look_after_days));
        }
        if case.coupon.state == CouponState::Check {
            due.coupon_check_at = Some(look(settings.coupon_check_after_days));
            if due.coupon_until.is_none() {
                due.coupon_until = Some(Settings::days_from(t0, settings.coupon_days));
                case.since.coupon_until = Some(t0);
                case.assumed.push("coupon_until");
            }
        }
    }
    case.due = due;
}

/// Whether points of a cancelled order are not back yet, as far as is known.
#[must_use]
pub fn owes_points(case: &Case) -> bool {
    is_cancelled(case.cancelled) && case.points.outstanding != Some(0)
}

/// Whether the order, or a part of it, is said to be cancelled.
pub(super) fn is_cancelled(state: State) -> bool {
    matches!(state, State::Claimed | State::Confirmed | State::Partial | State::Conflict)
}

/// Whether the protection could still be claimed for: money was paid (or may have been) for an order that was
/// cancelled, and not for want of that payment. It covers money that was paid and did not come back, not points (domain
/// document 7.2).
pub(super) fn has_money_to_lose(case: &Case) -> bool {
    is_cancelled(case.cancelled) && case.payment_yen != Some(0) && case.cause != Some(Cause::Payment)
}
