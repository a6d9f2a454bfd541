//! The values an alert's template may use, and examples of them to try templates with.

use crate::calendar::rfc3339;
use crate::facts::{Cancelled, Cause, Stage};
use crate::ledger::case::State;
use crate::ledger::{NextStep, Question};
use jiff::Timestamp;
use serde::{Serialize, Serializer};

/// What an alert can speak of. Text comes from mail, already in one line and without control characters; a value that
/// the mail does not state is `none` (text: empty).
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Scene {
    /// Category.
    pub category: String,
    /// Subject.
    pub subject: String,
    /// Sender's address.
    pub sender: String,
    /// Whether the sender is vouched for.
    pub verified: bool,
    /// Why the mail is suspect.
    pub reason: String,
    /// Shop: name, else code.
    pub shop: String,
    /// Name of the first item.
    pub item_name: String,
    /// Its price in yen.
    pub item_price_yen: Option<u64>,
    /// How many more items there are.
    pub more_items: usize,
    /// A link that is not offered as a click target.
    pub other_link: String,
    /// When the server took the mail in.
    #[serde(serialize_with = "instant")]
    pub received: Timestamp,
    /// Minutes since then, if it is late.
    pub late_minutes: Option<i64>,
    /// When the sale starts again.
    #[serde(serialize_with = "maybe")]
    pub resale_at: Option<Timestamp>,
    /// Order number.
    pub order_number: String,
    /// `confirmed`, `claimed`, `pending`, `requested`, `partial`.
    pub cancelled: Option<Cancelled>,
    /// `shop`, `buyer`, `payment`.
    pub cause: Option<Cause>,
    /// What an order mail reports: `card-refused`, `payment-due` …
    pub stage: Option<Stage>,
    /// An answer is wanted.
    pub needs_answer: bool,
    /// By when.
    #[serde(serialize_with = "maybe")]
    pub reply_by: Option<Timestamp>,
    /// Payment is due by.
    #[serde(serialize_with = "maybe")]
    pub pay_by: Option<Timestamp>,
    /// To pay, in yen.
    pub payment_yen: Option<u64>,
    /// Points used.
    pub points_used: Option<u64>,
    /// Coupon used, in yen.
    pub coupon_used_yen: Option<u64>,
    /// Where the mail is filed.
    pub folder: String,
}

fn instant<S: Serializer>(at: &Timestamp, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_str(&rfc3339(*at))
}

fn maybe<S: Serializer>(at: &Option<Timestamp>, to: S) -> Result<S::Ok, S::Error> {
    at.map(rfc3339).serialize(to)
}

impl Scene {
    /// An example in which every value is there.
    pub(super) fn full() -> Self {
        let at = |seconds: i64| Timestamp::from_second(seconds).unwrap_or_default();
        Self {
            category: "restock".into(),
            subject: "再入荷のお知らせ".into(),
            sender: "modori-zakka@shop.rakuten.co.jp".into(),
            verified: false,
            reason: "dmarc=fail".into(),
            shop: "モドリ雑貨店".into(),
            item_name: "モドリのマグ".into(),
            item_price_yen: Some(1980),
            more_items: 2,
            other_link: "https://example.com/".into(),
            received: at(1_796_117_112),
            late_minutes: Some(20),
            resale_at: Some(at(1_796_122_800)),
            order_number: "399999-20261120-0123456789".into(),
            cancelled: Some(Cancelled::Pending),
            cause: Some(Cause::Shop),
            stage: Some(Stage::CardRefused),
            needs_answer: true,
            reply_by: Some(at(1_796_122_800)),
            pay_by: Some(at(1_796_122_800)),
            payment_yen: Some(3260),
            points_used: Some(500),
            coupon_used_yen: Some(200),
            folder: "楽天/再入荷".into(),
        }
    }
}

/// Why the shopper's rule files cannot be used, as far as an alert says it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Unusable {
    /// The file, below the rules folder.
    pub file: String,
    /// Line, counted from 1, if the fault has one.
    pub line: Option<usize>,
    /// Column in characters, counted from 1.
    pub column: Option<usize>,
    /// What is wrong (English, as `modori rules check` says it).
    pub sentence: String,
    /// What to do about it; may be empty.
    pub help: String,
    /// How many more faults there are.
    pub more: usize,
}

/// An example without anything that may be missing, and a full one.
pub(super) fn unusable() -> [Unusable; 2] {
    let full = Unusable {
        file: "mine.toml".into(),
        line: Some(5),
        column: Some(1),
        sentence: "unknown key `subjcet`".into(),
        help: "did you mean `subject`?".into(),
        more: 2,
    };
    [Unusable::default(), full]
}

pub(super) const STEPS: [NextStep; 9] = [
    NextStep::Reply,
    NextStep::Pay,
    NextStep::Look,
    NextStep::CheckCoupon,
    NextStep::AskShop,
    NextStep::AskRakuten,
    NextStep::Spend,
    NextStep::UseCoupon,
    NextStep::Protect,
];

pub(super) const STATES: [State; 7] =
    [State::None, State::Requested, State::Pending, State::Claimed, State::Confirmed, State::Partial, State::Conflict];

pub(super) const CAUSES: [Cause; 3] = [Cause::Shop, Cause::Buyer, Cause::Payment];

/// One of each, those with optional values twice.
pub(super) fn questions() -> Vec<Question> {
    let mut questions = vec![
        Question::Conflict,
        Question::OrderUnseen,
        Question::PartialUnknown,
        Question::ReturnTwice { points: 500 },
        Question::MoreThanUsed { said: 700, used: 500 },
        Question::PromiseDiffers { promised: 300, expected: 500 },
        Question::UsedDiffers { ordered: 500, cancelled: 300 },
        Question::TotalsDiffer { one: 3260, other: 5000 },
        Question::CauseDiffers,
        Question::LimitedExpired { points: 300 },
        Question::CouponClaimed,
        Question::CouponRefused,
    ];
    let order = crate::facts::OrderNumber::parse("399999-20261120-0123456789");
    let orders = order.clone().into_iter().collect();
    questions.push(Question::Together { points: 800, orders, mail: "0123456789".into() });
    for points in [None, Some(500)] {
        questions.push(Question::ReturnClaimed { points, mail: None });
        questions.push(Question::ReturnClaimed { points, mail: Some("0123456789".into()) });
        questions.push(Question::ReturnRefused { points });
        questions.push(Question::WhichOrder {
            points,
            orders: order.clone().into_iter().collect(),
            mail: "0123456789".into(),
        });
    }
    questions
}
