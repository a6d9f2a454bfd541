//! The values of the alert that a flag was taken off and what was taken from it.

use serde::Serialize;

/// What the alert says of the order.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct ByFlag {
    /// The order.
    pub order_number: String,
    /// Shop: name, else code; may be empty.
    pub shop: String,
    /// Points that now count as returned, if their number is known.
    pub points: Option<u64>,
    /// A coupon of so many yen is still open.
    pub coupon_yen: Option<u64>,
}

/// An example without anything that may be missing, and a full one.
pub(super) fn examples() -> [ByFlag; 2] {
    let full = ByFlag {
        order_number: "399999-20261120-0123456789".into(),
        shop: "モドリ雑貨店".into(),
        points: Some(500),
        coupon_yen: Some(200),
    };
    [ByFlag { order_number: "399999-20261120-0123456789".into(), ..ByFlag::default() }, full]
}
