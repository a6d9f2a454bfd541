//! The state of one order's returns, folded from its events and statements.

use super::{Event, Statement};
use crate::facts::{Cause, OrderNumber};
use jiff::Timestamp;
use serde::Serialize;
use std::collections::BTreeMap;

/// How far a cancellation is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// Not cancelled.
    #[default]
    None,
    /// The buyer asked.
    Requested,
    /// The shop asks.
    Pending,
    /// Said by the shop or by an unverified mail.
    Claimed,
    /// Confirmed by Rakuten's verified notice or by the shopper.
    Confirmed,
    /// Some items only.
    Partial,
    /// Two mails contradict each other.
    Conflict,
}

/// Points of a case.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Points {
    /// Used for the order.
    pub used: Option<u64>,
    /// Expected to come back.
    pub expected_back: Option<u64>,
    /// Known to have come back.
    pub returned: Option<u64>,
    /// Expected and not yet back.
    pub outstanding: Option<u64>,
}

/// State of the coupon that was used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum CouponState {
    /// None was used, or the order was not cancelled.
    #[default]
    None,
    /// Look whether it is usable again.
    Check,
    /// Usable again.
    Back,
    /// Lost.
    Lost,
}

/// Coupon of a case.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct CouponSide {
    /// Used, in yen.
    pub used_yen: Option<u64>,
    /// Its state.
    pub state: CouponState,
}

/// When something must be done. All instants; shown in Asia/Tokyo.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Due {
    /// Look at the point history.
    pub look_at: Option<Timestamp>,
    /// Ask the shop.
    pub ask_shop_at: Option<Timestamp>,
    /// Ask Rakuten.
    pub ask_rakuten_at: Option<Timestamp>,
    /// Look at the coupon.
    pub coupon_check_at: Option<Timestamp>,
    /// A coupon ends.
    pub coupon_until: Option<Timestamp>,
    /// The shop wants an answer by.
    pub reply_by: Option<Timestamp>,
    /// Payment is due by.
    pub pay_by: Option<Timestamp>,
    /// Restored points end.
    pub spend_by: Option<Timestamp>,
    /// The 90-day protection ends.
    pub protection_until: Option<Timestamp>,
}

/// The state of one order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Case {
    /// Which order.
    pub order_number: OrderNumber,
    /// Shop code.
    pub shop_code: Option<String>,
    /// Shop name.
    pub shop_name: Option<String>,
    /// When it was placed.
    pub ordered_at: Option<Timestamp>,
    /// How far a cancellation is.
    pub cancelled: State,
    /// When the cancellation was first said (T0 of the clocks).
    #[serde(skip)]
    pub cancelled_at: Option<Timestamp>,
    /// Who caused it.
    pub cause: Option<Cause>,
    /// Points.
    pub points: Points,
    /// Coupon.
    pub coupon: CouponSide,
    /// Deadlines.
    pub due: Due,
    /// What the shopper must decide, one sentence each.
    pub questions: Vec<String>,
    /// Nothing is outstanding, or it ended otherwise.
    #[serde(skip)]
    pub ended: bool,
}

/// Folds events and statements into cases as seen at `now`, by order number.
#[must_use]
pub fn cases(
    events: &[Event],
    statements: &[Statement],
    settings: &super::due::Settings,
    now: Timestamp,
) -> BTreeMap<OrderNumber, Case> {
    let _ = (events, statements, settings, now);
    BTreeMap::new()
}
