//! The values of a letter's template.

use crate::calendar::rfc3339;
use jiff::Timestamp;
use serde::{Serialize, Serializer};

/// What a template may ask for. Every text is one harmless line.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Words {
    /// Rakuten's order number.
    pub order_number: String,
    /// The shop: name, else code; empty if neither is known.
    pub shop: String,
    /// The shopper's name, from the configuration; empty if she gave none.
    pub name: String,
    /// When the order was placed.
    #[serde(serialize_with = "maybe")]
    pub ordered_at: Option<Timestamp>,
    /// The first item's name; empty if none is known.
    pub item: String,
    /// How many further items.
    pub more_items: usize,
    /// When the cancellation was first said.
    #[serde(serialize_with = "maybe")]
    pub cancelled_at: Option<Timestamp>,
    /// Only some items were cancelled.
    pub partial: bool,
    /// A mail says that the shop caused the cancellation.
    pub shop_cause: bool,
    /// Points used for the order.
    pub points_used: Option<u64>,
    /// Points that are not back.
    pub points_outstanding: Option<u64>,
    /// Points that came back.
    pub points_returned: Option<u64>,
    /// How many points are not back is not known.
    pub points_unknown: bool,
    /// The coupon used, in yen.
    pub coupon_used_yen: Option<u64>,
    /// That coupon is not known to be usable again.
    pub coupon_missing: bool,
    /// When the shopper last said what came back and what did not.
    #[serde(serialize_with = "maybe")]
    pub looked_at: Option<Timestamp>,
    /// When the shop was asked before, by a letter that was sent: nobody knows when a draft was.
    #[serde(serialize_with = "maybe")]
    pub asked_at: Option<Timestamp>,
    /// By when an answer would be welcome.
    #[serde(serialize_with = "maybe")]
    pub answer_by: Option<Timestamp>,
    /// `Re: ` and the subject of the mail that is answered; of a mail without one, the order number.
    pub reply_subject: String,
    /// What the shopper wishes instead, in her own words; empty if she said nothing.
    pub wish: String,
    /// What happened, oldest first (for Rakuten).
    pub timeline: Vec<Moment>,
}

/// One line of what happened.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Moment {
    /// When.
    #[serde(serialize_with = "at")]
    pub at: Timestamp,
    /// What, in the letter's language.
    pub what: String,
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde hands over a reference")]
fn at<S: Serializer>(at: &Timestamp, to: S) -> Result<S::Ok, S::Error> {
    rfc3339(*at).serialize(to)
}

fn maybe<S: Serializer>(at: &Option<Timestamp>, to: S) -> Result<S::Ok, S::Error> {
    at.map(rfc3339).serialize(to)
}

/// A case of which nothing is known but its number, and one of which all is.
pub(super) fn samples() -> [Words; 2] {
    let at = Timestamp::from_second(1_796_122_800).ok();
    let order_number = "399999-20261120-0123456789".to_owned();
    let bare = Words { order_number, reply_subject: "Re: 399999-20261120-0123456789".into(), ..Words::default() };
    let full = Words {
        shop: "モドリ雑貨店".into(),
        name: "楽天 花子".into(),
        ordered_at: at,
        item: "帆布トート".into(),
        more_items: 1,
        cancelled_at: at,
        partial: true,
        shop_cause: true,
        points_used: Some(500),
        points_outstanding: Some(500),
        points_returned: Some(300),
        points_unknown: true,
        coupon_used_yen: Some(200),
        coupon_missing: true,
        looked_at: at,
        asked_at: at,
        answer_by: at,
        reply_subject: "Re: 在庫切れのお詫び".into(),
        wish: "ブラック".into(),
        timeline: at.into_iter().map(|at| Moment { at, what: "キャンセル".into() }).collect(),
        ..bare.clone()
    };
    [bare, full]
}
