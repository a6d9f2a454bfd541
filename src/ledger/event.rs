//! What mails claim happened to orders (events), and what the shopper says (statements).

use crate::facts::{Cancelled, Cause, Coupon, Item, OrderNumber, PointsReturn, Risk, Service, Stage};
use crate::mail::TrustLevel;
use crate::mailbox::MailKey;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// What a mail claims happened to an order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "what", rename_all = "kebab-case")]
pub enum EventKind {
    /// A mail about a living order, with what it says of the order.
    Order {
        /// What it reports.
        stage: Stage,
        /// What it says of the order's money.
        #[serde(flatten)]
        terms: Terms,
    },
    /// A mail about a cancellation.
    Cancel {
        /// How far it is.
        form: Cancelled,
        /// Who caused it.
        cause: Option<Cause>,
        /// What it says of the order's money (after the change, for a partial cancel).
        #[serde(flatten)]
        terms: Terms,
        /// An answer is wanted by.
        reply_by: Option<Timestamp>,
    },
    /// What a mail says about points coming back.
    Points {
        /// How much, and done, promised or refused.
        returned: PointsReturn,
        /// Limited-time points are meant.
        limited: Option<bool>,
        /// When they end.
        expires_at: Option<Timestamp>,
    },
    /// A coupon that belongs to the order's story.
    Coupon(Coupon),
    /// Payment is due.
    PayBy {
        /// The last second.
        until: Timestamp,
    },
    /// Goods came back at a shop. No part of any order's story: kept for the shop's record.
    Restock {
        /// Which, as far as the mail names them.
        items: Vec<Item>,
    },
    /// Goods will be sold (again) from a time on. No part of any order's story: mailboxes are watched more closely then.
    Resale {
        /// From when on.
        from: Timestamp,
        /// Which, as far as the mail names them.
        items: Vec<Item>,
    },
}

/// What a mail says of an order's money and goods.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Terms {
    /// Shop code.
    pub shop_code: Option<String>,
    /// Shop name.
    pub shop_name: Option<String>,
    /// When the order was placed.
    pub ordered_at: Option<Timestamp>,
    /// Goods and fees in yen.
    pub total_yen: Option<u64>,
    /// What is paid in money, in yen.
    pub payment_yen: Option<u64>,
    /// Points used.
    pub points_used: Option<u64>,
    /// Coupon used, in yen.
    pub coupon_used_yen: Option<u64>,
    /// Items.
    pub items: Vec<Item>,
    /// The delivery service, where the mail says so of this order.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service: Option<Service>,
    /// What makes a cancellation for want of goods more likely.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub risks: Vec<Risk>,
    /// The longest time until the goods are sent or there, in days as the mail counts them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lead_days: Option<u16>,
}

/// One event, with the mail that proves it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Event {
    /// The order it is about; `None` when the mail names none (kept for matching).
    pub order: Option<OrderNumber>,
    /// The shop that the mail names, by its code.
    #[serde(default)]
    pub shop_code: Option<String>,
    /// What is claimed.
    pub kind: EventKind,
    /// The mail's own date.
    pub at: Timestamp,
    /// Which mail.
    pub mail: MailKey,
    /// Equal for two copies of one mail: such events count once.
    pub second_identity: String,
    /// The trust of the mail. Events of suspect mail do not exist.
    pub trust: TrustLevel,
    /// The sentence that proves it, as written.
    pub excerpt: String,
    /// The sender's address; of a forward the forwarder's.
    #[serde(default)]
    pub sender: String,
}

impl Event {
    /// Of a verified mail that is known by a name of its own, about no order and of no shop: what tests and figures are made
    /// from. Real ones are read from mail ([`super::reading`]).
    #[must_use]
    pub fn of(mail: &str, at: Timestamp, kind: EventKind) -> Self {
        Self {
            order: None,
            shop_code: None,
            kind,
            at,
            mail: MailKey::of(mail.as_bytes()),
            second_identity: mail.to_owned(),
            trust: TrustLevel::Verified,
            excerpt: String::new(),
            sender: String::new(),
        }
    }
}

/// What the shopper says. It outranks mail.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "says", rename_all = "kebab-case")]
pub enum Said {
    /// Points (and coupon) came back.
    Confirm {
        /// How many; `None` means all that was expected.
        points: Option<u64>,
        /// When those that came back end.
        expires: Option<Timestamp>,
        /// `true` back, `false` lost, `None` untouched.
        coupon_back: Option<bool>,
    },
    /// They did not come back (yet).
    Deny,
    /// Nothing will come back; the case ends.
    Lost,
    /// The order lives after all: what mails said so far of a cancellation is not so.
    Lives,
    /// So much of what was used was limited-time.
    Limited {
        /// How many points.
        points: u64,
        /// When they end (ended).
        expires: Timestamp,
    },
    /// The shop's question was answered: nothing waits for her reply any more, until the shop asks again.
    Answered,
    /// Free words.
    Note {
        /// The words.
        text: String,
    },
    /// So many points of what this mail says came back are this order's: the answer to a mail that names no order.
    Assign {
        /// Which mail.
        mail: MailKey,
        /// How many points.
        points: u64,
    },
    /// This mail, which names no order, does not speak of this one.
    Disown {
        /// Which mail.
        mail: MailKey,
    },
}

/// How the shopper said it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum By {
    /// By a command.
    #[default]
    Command,
    /// By taking the flag off the cancellation mail.
    Flag,
    /// On a page of the dashboard.
    Dashboard,
    /// By a letter to the shop that she had sent.
    Letter,
}

/// A statement of the shopper about one order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Statement {
    /// Which order.
    pub order: OrderNumber,
    /// What is said.
    pub said: Said,
    /// When.
    pub at: Timestamp,
    /// How.
    #[serde(default)]
    pub by: By,
}
