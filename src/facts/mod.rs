//! What the text of a mail says: typed values, each with its place and how sure the reading is.
//!
//! [`find`] looks at one [`Mail`] and at nothing else. Doubt is a value ([`Confidence::Low`]): kept and shown,
//! never trusted. Absent means "not stated in the mail".

mod asked;
mod cause;
mod coupon;
mod date;
mod deed;
mod due;
mod frame;
mod goods;
mod index;
mod instead;
mod item;
mod kinds;
mod label;
mod listed;
mod money;
mod name;
mod number;
pub mod order;
mod page;
mod part;
mod pattern;
pub mod places;
mod points;
mod risk;
mod said;
mod service;
mod share;
pub mod sheet;
mod shop;
mod stage;
mod state;
mod stock;
mod sums;
pub mod typed;

use crate::mail::Mail;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::ops::Range;

pub use goods::{Options, exact_key, item_key, likeness, model, options, same_kind, words};
pub use order::OrderNumber;
pub use risk::Risk;
pub use service::Service;
pub use share::Share;
pub use stock::Stock;

/// Which text of the mail a [`Span`] lies in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Field {
    /// `mail.from` (name and address as `name <addr>`).
    From,
    /// `mail.subject.raw`.
    Subject,
    /// `mail.body.raw`.
    Body,
    /// A link's target: `range` is the index of the link and the next index.
    Link,
}

/// Where in a mail something was read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Span {
    /// Which text.
    pub field: Field,
    /// Bytes of that text as written (not of the normal form).
    pub range: Range<usize>,
}

impl Span {
    /// The words at this place, as written.
    #[must_use]
    pub fn words<'a>(&self, mail: &'a Mail) -> &'a str {
        match self.field {
            Field::From => mail.from.addr.as_str(),
            Field::Subject => mail.subject.raw.get(self.range.clone()).unwrap_or_default(),
            Field::Body => mail.body.raw.get(self.range.clone()).unwrap_or_default(),
            Field::Link => mail.links.get(self.range.start).map_or("", |link| link.href.as_str()),
        }
    }
}

/// How sure a reading is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Confidence {
    /// Shown, never acted on.
    Low,
    /// Labelled or unambiguous.
    High,
}

/// A value and the place it was read at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Found<T> {
    /// The value.
    pub value: T,
    /// Where it was read.
    pub span: Span,
    /// How sure the reading is.
    pub confidence: Confidence,
}

/// An item of an order or of a restock notice.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Item {
    /// Name as written, trimmed.
    pub name: String,
    /// Item code (商品番号).
    pub code: Option<String>,
    /// Unit price in yen.
    pub price_yen: Option<u64>,
    /// How many.
    pub quantity: Option<u64>,
    /// `https://item.rakuten.co.jp/SHOP/ITEM/`, query dropped.
    pub url: Option<String>,
}

/// What is said about a cancellation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Cancelled {
    /// Rakuten's own notice that the order is cancelled.
    Confirmed,
    /// The shop says that it cancelled the order.
    Claimed,
    /// The shop asks: cancel, wait or another item? Not cancelled yet.
    Pending,
    /// The buyer's wish to cancel was received; not done yet.
    Requested,
    /// Some items fell away, the order lives.
    Partial,
}

/// Who caused a cancellation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Cause {
    /// Out of stock, delay, the shop's own reasons.
    Shop,
    /// The buyer asked for it.
    Buyer,
    /// Not paid in time, card refused.
    Payment,
}

/// How a return is spoken of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Form {
    /// "were returned".
    Done,
    /// "will be returned".
    Promised,
    /// "will not be returned".
    Refused,
}

/// What is said about points coming back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PointsReturn {
    /// Points, if a number is given.
    pub amount: Option<u64>,
    /// Done, promised or refused.
    pub form: Form,
}

/// What a coupon is in this mail.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum CouponRole {
    /// A new coupon for this shopper.
    Granted,
    /// A new coupon, given as an apology.
    Apology,
    /// The coupon used for a cancelled order is usable again.
    Returned,
    /// The coupon of a cancelled order will not come back.
    Refused,
    /// A coupon the shopper holds ends soon.
    Expiring,
    /// Part of an advertisement.
    Advert,
}

/// A coupon.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Coupon {
    /// What it is here.
    pub role: CouponRole,
    /// Yen off.
    pub amount_yen: Option<u64>,
    /// Percent off.
    pub percent: Option<u64>,
    /// `AAAA-BBBB-CCCC-DDDD`.
    pub code: Option<String>,
    /// `https://coupon.rakuten.co.jp/getCoupon?getkey=…`.
    pub url: Option<String>,
    /// The last second it can be used.
    pub expires_at: Option<Timestamp>,
    /// Smallest order in yen.
    pub min_yen: Option<u64>,
}

/// What an order mail reports about a living order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Stage {
    /// Rakuten's automatic order confirmation.
    Ordered,
    /// The shop accepted the order.
    Accepted,
    /// Payment is due (instructions).
    PaymentDue,
    /// Payment was received.
    Paid,
    /// The card was refused.
    CardRefused,
    /// Will ship later than said.
    Delayed,
    /// Ships in several parcels.
    Split,
    /// An item thought to be out of stock was found.
    FoundAfterAll,
    /// Shop and shopper agreed that the order goes on: she waits.
    Agreed,
    /// Shipped.
    Shipped,
}

/// Everything read from one mail.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Facts {
    /// Rakuten order numbers; the one the mail is about comes first.
    pub order_numbers: Vec<Found<OrderNumber>>,
    /// Reservation numbers (`…-r`), which are not orders yet.
    pub reservations: Vec<Found<String>>,
    /// Shop code (`SHOP` of `item.rakuten.co.jp/SHOP/` and `SHOP@shop.rakuten.co.jp`).
    pub shop_code: Option<Found<String>>,
    /// Shop name as written.
    pub shop_name: Option<Found<String>>,
    /// Items, in order.
    pub items: Vec<Found<Item>>,
    /// When the order was placed.
    pub ordered_at: Option<Found<Timestamp>>,
    /// Items + shipping + fees, before coupon and points, in yen.
    pub total_yen: Option<Found<u64>>,
    /// What is paid in money, in yen.
    pub payment_yen: Option<Found<u64>>,
    /// Shipping in yen.
    pub shipping_yen: Option<Found<u64>>,
    /// Points used.
    pub points_used: Option<Found<u64>>,
    /// Coupon used, in yen.
    pub coupon_used_yen: Option<Found<u64>>,
    /// Payment method as written.
    pub payment_method: Option<Found<String>>,
    /// What an order mail reports.
    pub stage: Option<Found<Stage>>,
    /// What is said of goods that were gone.
    pub stock: Option<Found<Stock>>,
    /// The delivery service, where the mail says that this order is sent so.
    pub service: Option<Found<Service>>,
    /// What makes a cancellation for want of goods more likely; each kind once.
    pub risks: Vec<Found<Risk>>,
    /// The longest time until the goods are sent or there, in days as they are counted there (mostly business days).
    pub lead_days: Option<Found<u16>>,
    /// What is said about a cancellation.
    pub cancelled: Option<Found<Cancelled>>,
    /// Who caused it.
    pub cause: Option<Found<Cause>>,
    /// What is said about points coming back.
    pub points_return: Option<Found<PointsReturn>>,
    /// Whose they are, in a mail that lists several orders with their points.
    pub points_by_order: Vec<Found<Share>>,
    /// Limited-time points are meant.
    pub limited_time_points: Option<Found<bool>>,
    /// When points end.
    pub points_expire_at: Option<Found<Timestamp>>,
    /// The coupon of this mail.
    pub coupon: Option<Found<Coupon>>,
    /// An answer is wanted by.
    pub reply_by: Option<Found<Timestamp>>,
    /// Payment is due by.
    pub pay_by: Option<Found<Timestamp>>,
    /// What the shop says of other goods that it offers instead: a sentence as written, in one line.
    pub alternative: Option<Found<String>>,
    /// The sale starts again at.
    pub resale_at: Option<Found<Timestamp>>,
    /// Whether items + shipping − coupon − points = payment; `None` when a part is missing.
    pub sum_holds: Option<bool>,
}

impl Facts {
    /// The order the mail is about.
    #[must_use]
    pub fn order(&self) -> Option<&OrderNumber> {
        self.order_numbers.first().map(|found| &found.value)
    }
}

/// Reads what the text of a mail says.
#[must_use]
pub fn find(mail: &Mail) -> Facts {
    let joined = mail.body.folded.joined();
    let page = page::Page::of(mail, &joined);
    let labels = label::labelled(&page);
    let mut facts = Facts::default();
    number::find(&page, &labels, &mut facts);
    shop::find(&page, &labels, &mut facts);
    item::find(&page, &labels, &mut facts);
    if said::other_service(&page) {
        if mail.from.domain().ends_with("books.rakuten.co.jp") {
            stock::find(&page, &mut facts); // its goods come back like anybody's
        }
        return facts; // what it says of orders and points is about another shop's books
    }
    sums::find(&page, &labels, &mut facts);
    state::find(&page, &mut facts);
    instead::find(&page, &mut facts);
    points::find(&page, &labels, &mut facts);
    share::find(&page, &mut facts);
    coupon::find(&page, &labels, &mut facts);
    due::find(&page, &labels, &mut facts);
    stock::find(&page, &mut facts);
    if matches!(facts.cancelled.as_ref().map(|found| found.value), Some(Cancelled::Confirmed | Cancelled::Claimed)) {
        facts.pay_by = None; // a deadline that has passed with the order
    }
    service::find(&page, &labels, &mut facts);
    risk::find(&page, &mut facts);
    facts
}

#[cfg(test)]
mod tests;
