//! The values of reminders: of one deadline, and of several at once.

use crate::calendar::rfc3339;
use jiff::Timestamp;
use serde::{Serialize, Serializer};

/// One thing to be done about an order, before or at its time.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Reminder {
    /// `reply`, `pay`, `look`, `check-coupon`, `ask-shop`, `ask-rakuten`, `spend`, `use-coupon`,
    /// `claim`, `protect`.
    pub step: String,
    /// Order number; empty for a coupon that belongs to none.
    pub order_number: String,
    /// Shop: name, else code.
    pub shop: String,
    /// The deadline, if it is one.
    #[serde(serialize_with = "maybe")]
    pub until: Option<Timestamp>,
    /// Whole hours until then.
    pub hours_left: Option<i64>,
    /// Nobody stated that deadline: it is the usual one.
    pub assumed: bool,
    /// When the order was cancelled.
    #[serde(serialize_with = "maybe")]
    pub cancelled_at: Option<Timestamp>,
    /// Points that are not back yet.
    pub points_outstanding: Option<u64>,
    /// Points that came back.
    pub points_returned: Option<u64>,
    /// The coupon that was used, in yen.
    pub coupon_used_yen: Option<u64>,
    /// The coupon that was given, in yen.
    pub coupon_yen: Option<u64>,
    /// Or in percent.
    pub coupon_percent: Option<u64>,
    /// What was paid or is to be paid in money, in yen.
    pub payment_yen: Option<u64>,
    /// A verified mail speaks of this order.
    pub verified: bool,
    /// A letter to the shop may be written: the cancellation is proven and the time has come.
    pub may_ask_shop: bool,
    /// How far the letter is that asks the shop: `drafted` (it lies in Drafts, or is on the way there), `sending`, `sent`,
    /// `unknown` (it may have been sent); empty when there is none.
    pub inquiry: String,
    /// How many questions wait for the shopper's answer.
    pub questions: usize,
}

/// Several at once, or deadlines that passed while modori did not run.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Waiting {
    /// They passed while modori did not run.
    pub missed: bool,
    /// The first ones, soonest first.
    pub lines: Vec<Reminder>,
    /// How many more there are.
    pub more: usize,
}

fn maybe<S: Serializer>(at: &Option<Timestamp>, to: S) -> Result<S::Ok, S::Error> {
    at.map(rfc3339).serialize(to)
}

/// Every step, without and with all that may be missing.
pub(super) fn reminders() -> Vec<Reminder> {
    let at = Timestamp::from_second(1_796_122_800).ok();
    super::scene::STEPS
        .iter()
        .flat_map(|step| {
            let bare = Reminder {
                step: crate::ledger::agenda::word(*step).to_owned(),
                order_number: "399999-20261120-0123456789".into(),
                ..Reminder::default()
            };
            let full = Reminder {
                shop: "モドリ雑貨店".into(),
                until: at,
                hours_left: Some(3),
                assumed: true,
                cancelled_at: at,
                points_outstanding: Some(500),
                points_returned: Some(500),
                coupon_used_yen: Some(200),
                coupon_yen: Some(500),
                coupon_percent: Some(10),
                payment_yen: Some(3260),
                verified: true,
                may_ask_shop: true,
                inquiry: "drafted".into(),
                questions: 2,
                ..bare.clone()
            };
            let asked = ["sending", "sent", "unknown"].map(|far| Reminder { inquiry: far.into(), ..full.clone() });
            [bare, full].into_iter().chain(asked)
        })
        .chain([Reminder { step: "use-coupon".into(), coupon_percent: Some(10), ..Reminder::default() }])
        .collect()
}

/// One and several, missed and waiting.
pub(super) fn waiting() -> Vec<Waiting> {
    let lines = reminders();
    let one = lines.first().cloned().into_iter().collect::<Vec<_>>();
    [(false, one.clone(), 0), (true, one, 0), (false, lines.clone(), 4), (true, lines, 4)]
        .into_iter()
        .map(|(missed, lines, more)| Waiting { missed, lines, more })
        .collect()
}
