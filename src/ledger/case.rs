//! The state of one order's returns, as values.

use super::event::By;
use crate::facts::{Cause, Coupon, Item, OrderNumber, Risk, Service, Stage};
use crate::mail::TrustLevel;
use crate::mailbox::MailKey;
use jiff::Timestamp;
use serde::Serialize;

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

/// A coupon that the shopper was given, or given back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Held {
    /// What it is.
    pub coupon: Coupon,
    /// When a mail said so.
    pub since: Timestamp,
    /// That mail names the order. One that does not is only taken to belong to it.
    pub named: bool,
}

/// When something must be done. All instants; shown in Asia/Tokyo. `None` when it does not (or no longer) apply.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
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
    /// A late delivery can be claimed for until then.
    pub late_claim_until: Option<Timestamp>,
    /// The 90-day protection ends.
    pub protection_until: Option<Timestamp>,
}

/// Something only the shopper can decide. Words for it are in `rules/wording`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(tag = "question", rename_all = "kebab-case")]
pub enum Question {
    /// Cancelled, and a later mail says that the order lives.
    Conflict,
    /// The order mail was not seen: which points and coupon were used is in the purchase history.
    OrderUnseen,
    /// The payment was due and no mail says that it came: then Rakuten cancels by itself, and what was used comes back.
    Unpaid,
    /// Some items fell away; how many points come back cannot be told from the mails.
    PartialUnknown,
    /// A mail that proves nothing says that points came back.
    ReturnClaimed {
        /// How many, if it says so.
        points: Option<u64>,
        /// The mail, as `modori assign` takes it, if it names no order and so could be another one's.
        mail: Option<String>,
    },
    /// A mail without an order number says that points came back; it fits several orders equally well.
    WhichOrder {
        /// How many, if it says so.
        points: Option<u64>,
        /// The orders it fits.
        orders: Vec<OrderNumber>,
        /// The mail, as `modori assign` takes it.
        mail: String,
    },
    /// A mail without an order number says that so many points came back, and these orders together miss just as many.
    Together {
        /// How many.
        points: u64,
        /// The orders.
        orders: Vec<OrderNumber>,
        /// The mail, as `modori assign` takes it.
        mail: String,
    },
    /// Several mails speak of the same number of points: one return told again, or several? It counts once.
    ReturnTwice {
        /// How many each speaks of.
        points: u64,
    },
    /// Mails speak of more points than were used; no more than those count.
    MoreThanUsed {
        /// What the mails say together.
        said: u64,
        /// What was used.
        used: u64,
    },
    /// A mail says that points will not come back.
    ReturnRefused {
        /// How many, if it says so.
        points: Option<u64>,
    },
    /// A mail promises another number of points than the rules give.
    PromiseDiffers {
        /// Promised.
        promised: u64,
        /// By the rules.
        expected: u64,
    },
    /// The cancellation mail names another number of used points than the order mail.
    UsedDiffers {
        /// In the order mail.
        ordered: u64,
        /// In the cancellation mail.
        cancelled: u64,
    },
    /// The mails name different sums for one order.
    TotalsDiffer {
        /// Of the earlier mail, in yen.
        one: u64,
        /// Of the later mail, in yen.
        other: u64,
    },
    /// The mails disagree about who caused the cancellation.
    CauseDiffers,
    /// Limited-time points had ended: they come back only if the shop caused the cancellation, and nothing says so.
    LimitedExpired {
        /// How many.
        points: u64,
    },
    /// A mail that proves nothing says that the coupon came back.
    CouponClaimed,
    /// A mail that proves nothing says that the coupon will not come back.
    CouponRefused,
}

/// A mail that speaks of the order, and what it claims.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Evidence {
    /// Which mail.
    pub mail: MailKey,
    /// Its date.
    pub date: Timestamp,
    /// A stable word: `ordered`, `shipped`, `cancel-confirmed`, `points-returned`, `coupon-apology`, `pay-by` …
    pub claim: &'static str,
    /// How far it can be trusted.
    pub trust: TrustLevel,
    /// The sender's address.
    pub sender: String,
    /// The sentence that says so.
    pub excerpt: String,
}

/// How far the letter to the shop is that asks for what is outstanding.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Inquiry {
    /// There is none.
    #[default]
    None,
    /// It lies in Drafts, or is on the way there.
    Drafted,
    /// It waits to be sent, or is being sent.
    Sending,
    /// It was sent.
    Sent,
    /// It may have been sent.
    Unknown,
}

impl Inquiry {
    /// Its stable word, as in JSON.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Drafted => "drafted",
            Self::Sending => "sending",
            Self::Sent => "sent",
            Self::Unknown => "unknown",
        }
    }
}

/// What two mails contradict each other about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum About {
    /// One says that the order is cancelled, a later one that it lives.
    Life,
    /// What the order costs.
    Totals,
    /// How many points were used.
    PointsUsed,
    /// Who caused the cancellation.
    Cause,
}

/// Two mails that cannot both be right. Neither is believed over the other: the shopper looks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Conflict {
    /// About what.
    pub about: About,
    /// The two, older first.
    pub proofs: [Evidence; 2],
}

/// What to do next about a case.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum NextStep {
    /// Answer the shop.
    Reply,
    /// Pay.
    Pay,
    /// Look at the point history (or, for a contradiction, at the purchase history).
    Look,
    /// Look whether the coupon is usable again.
    CheckCoupon,
    /// Ask the shop.
    AskShop,
    /// Ask Rakuten.
    AskRakuten,
    /// Spend what came back.
    Spend,
    /// Use a coupon before it ends.
    UseCoupon,
    /// Claim for a late delivery.
    Claim,
    /// Nothing more to ask: the protection ends.
    Protect,
}

/// The state of one order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Case {
    /// Which order.
    pub order_number: OrderNumber,
    /// Shop code.
    pub shop_code: Option<String>,
    /// Shop name.
    pub shop_name: Option<String>,
    /// When it was placed.
    pub ordered_at: Option<Timestamp>,
    /// What was ordered, as its best vouched-for mail lists it.
    pub items: Vec<Item>,
    /// To pay in money, in yen.
    pub payment_yen: Option<u64>,
    /// What the latest mail about the living order reports; shipped, once any mail says so.
    pub stage: Option<Stage>,
    /// The delivery service.
    pub service: Option<Service>,
    /// What its mails say that makes a cancellation for want of goods more likely.
    pub risks: Vec<Risk>,
    /// The longest time until the goods are sent or there, in days as the mail counts them.
    pub lead_days: Option<u16>,
    /// How far a cancellation is.
    pub cancelled: State,
    /// When the cancellation was first said (T0 of the clocks).
    pub cancelled_at: Option<Timestamp>,
    /// Who caused it.
    pub cause: Option<Cause>,
    /// Points.
    pub points: Points,
    /// Coupon.
    pub coupon: CouponSide,
    /// Coupons that mails of this story give or give back, oldest first: not the one that was used, unless it is
    /// returned.
    pub coupons: Vec<Held>,
    /// Deadlines.
    pub due: Due,
    /// Which of them (by their keys, as in `due`) nobody stated: they are the usual ones.
    pub assumed: Vec<&'static str>,
    /// Since when a stated or assumed deadline is known; only of those that come from mails and statements.
    pub since: Due,
    /// Whether the shop may be asked now. The ledger says whether the time has come; what was asked before and whom a
    /// letter never goes to is the gate's (`plan::gate`), which has the last word wherever this is shown.
    pub may_ask_shop: bool,
    /// How far the letter is that asks. Not of the ledger: the fold leaves it at none.
    pub inquiry: Inquiry,
    /// What the shopper must decide, in a fixed order.
    pub questions: Vec<Question>,
    /// Mails that contradict each other.
    pub conflicts: Vec<Conflict>,
    /// The mails that speak of it, oldest first.
    pub evidence: Vec<Evidence>,
    /// The shopper's notes, oldest first.
    pub notes: Vec<String>,
    /// When the shopper last said what came back and what did not.
    pub answered_at: Option<Timestamp>,
    /// How she said so.
    pub answered_by: Option<By>,
    /// The instant this was seen at.
    pub seen_at: Timestamp,
    /// Nothing waits: all came back and was spent, the shopper gave it up, it lapsed, or the order simply lives.
    pub ended: bool,
}

impl Case {
    /// The shop's name, else its code.
    #[must_use]
    pub fn shop(&self) -> Option<&str> {
        self.shop_name.as_deref().or(self.shop_code.as_deref())
    }

    /// Whether a verified mail speaks of the order.
    #[must_use]
    pub fn is_vouched_for(&self) -> bool {
        self.evidence.iter().any(|mail| mail.trust == TrustLevel::Verified)
    }

    /// What to do next, and by (or from) when. An instant in the past means it is due. Every open case has one.
    #[must_use]
    pub fn next(&self) -> Option<(NextStep, Timestamp)> {
        if self.ended {
            return None;
        }
        let due = &self.due;
        let ladder = [
            (NextStep::Look, due.look_at),
            (NextStep::AskShop, due.ask_shop_at),
            (NextStep::AskRakuten, due.ask_rakuten_at),
        ]
        .map(|(step, at)| at.map(|at| (step, at)));
        let reached = ladder.iter().flatten().rfind(|(_, at)| *at <= self.seen_at);
        let rung = reached.or_else(|| ladder.iter().flatten().next()).copied();
        let rest = [
            (NextStep::Reply, due.reply_by),
            (NextStep::CheckCoupon, due.coupon_check_at),
            // what is over can be neither paid nor spent nor claimed
            (NextStep::Pay, due.pay_by.filter(|at| *at >= self.seen_at)),
            (NextStep::Spend, due.spend_by.filter(|at| *at >= self.seen_at)),
            (NextStep::Claim, due.late_claim_until.filter(|at| *at >= self.seen_at)),
        ];
        let rest = rest.into_iter().filter_map(|(step, at)| at.map(|at| (step, at)));
        let first = rest.chain(rung).min_by_key(|(step, at)| (*at, *step));
        first.or_else(|| due.protection_until.map(|at| (NextStep::Protect, at)))
    }

    /// Whether the deadline of a step was stated by nobody, and is worked out from what is usual.
    #[must_use]
    pub fn is_assumed(&self, step: NextStep) -> bool {
        let deadline = match step {
            NextStep::Reply => "reply_by",
            NextStep::Pay => "pay_by",
            NextStep::Spend => "spend_by",
            _ => return false,
        };
        self.assumed.contains(&deadline)
    }

    /// What waits for the shopper: of an open case its next step; of one that ended, points or coupons that came of it
    /// and end some day.
    #[must_use]
    pub fn upcoming(&self) -> Option<(NextStep, Timestamp)> {
        let coupons = self.coupons.iter().filter_map(|held| held.coupon.expires_at);
        let spend = self.due.spend_by.map(|at| (NextStep::Spend, at));
        let later = coupons.map(|at| (NextStep::UseCoupon, at)).chain(spend).filter(|(_, at)| *at >= self.seen_at);
        self.next().or_else(|| later.min_by_key(|(step, at)| (*at, *step)))
    }
}
