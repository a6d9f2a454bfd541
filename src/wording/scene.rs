//! The values an alert's template may use, and examples of them to try templates with.

use crate::calendar::rfc3339;
use crate::facts::{Cancelled, Cause, CouponRole, Risk, Stage};
use crate::ledger::case::{CouponState, State};
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
    /// The maker's model number, if the name tells it.
    pub model: String,
    /// It stands in `wanted.toml`.
    pub wanted: bool,
    /// The note that stands there.
    pub note: String,
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
    /// What is expected back; `none` when the order is not known or the mail speaks of no cancellation and no return.
    pub back: Option<Back>,
    /// The coupon that the mail brings.
    pub offer: Option<Offer>,
    /// What the shop says of other goods that it offers instead.
    pub alternative: String,
}

/// What is expected back of a cancelled order, as modori sees it when the mail is taken in.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Back {
    /// Points that should come back.
    pub points_expected: Option<u64>,
    /// Points that came back, if any.
    pub points_returned: Option<u64>,
    /// Points that are not back yet; `none`: nobody knows, 0: all are.
    pub points_outstanding: Option<u64>,
    /// When to look at the point history; `none` when it does not apply or that time has come.
    #[serde(serialize_with = "maybe")]
    pub look_at: Option<Timestamp>,
    /// That time has come.
    pub look_now: bool,
    /// When to ask the shop; `none` when it does not apply or that time has come.
    #[serde(serialize_with = "maybe")]
    pub ask_shop_at: Option<Timestamp>,
    /// The coupon that was used: `none`, `check`, `back`, `lost`.
    pub coupon: CouponState,
    /// Its worth in yen.
    pub coupon_used_yen: Option<u64>,
    /// When to look whether it is usable again.
    #[serde(serialize_with = "maybe")]
    pub coupon_check_at: Option<Timestamp>,
    /// When a coupon of this order ends, if a mail says so.
    #[serde(serialize_with = "maybe")]
    pub coupon_until: Option<Timestamp>,
    /// When points that came back end, if a mail says so.
    #[serde(serialize_with = "maybe")]
    pub spend_by: Option<Timestamp>,
    /// How many questions wait for the shopper.
    pub questions: usize,
    /// Nothing is outstanding any more.
    pub ended: bool,
}

/// A coupon that a mail brings.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Offer {
    /// `granted`, `apology`, `returned`, `expiring`.
    pub role: CouponRole,
    /// Yen off.
    pub yen: Option<u64>,
    /// Percent off.
    pub percent: Option<u64>,
    /// Its code; may be empty.
    pub code: String,
    /// The last second it can be used.
    #[serde(serialize_with = "maybe")]
    pub until: Option<Timestamp>,
    /// Smallest order in yen.
    pub min_yen: Option<u64>,
}

fn instant<S: Serializer>(at: &Timestamp, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_str(&rfc3339(*at))
}

pub(super) fn maybe<S: Serializer>(at: &Option<Timestamp>, to: S) -> Result<S::Ok, S::Error> {
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
            model: "MD-100".into(),
            wanted: true,
            note: "母に".into(),
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
            back: Some(Back {
                points_expected: Some(500),
                points_returned: Some(200),
                points_outstanding: Some(300),
                look_at: Some(at(1_796_122_800)),
                look_now: false,
                ask_shop_at: Some(at(1_796_122_800)),
                coupon: CouponState::Check,
                coupon_used_yen: Some(200),
                coupon_check_at: Some(at(1_796_122_800)),
                coupon_until: Some(at(1_796_122_800)),
                spend_by: Some(at(1_796_122_800)),
                questions: 1,
                ended: false,
            }),
            offer: Some(Offer {
                role: CouponRole::Apology,
                yen: Some(500),
                percent: None,
                code: "ABCD-EFGH-JKLM-NPQR".into(),
                until: Some(at(1_796_122_800)),
                min_yen: Some(1000),
            }),
            alternative: "代替品として「モドリのカップ」をご用意できます".into(),
        }
    }

    /// Examples to try a template with: nothing, everything, and each state of a cancellation with much and with little
    /// known.
    pub(super) fn examples() -> Vec<Self> {
        let states = [Cancelled::Confirmed, Cancelled::Claimed, Cancelled::Requested, Cancelled::Partial];
        let coupons = [CouponState::None, CouponState::Back, CouponState::Lost];
        let state =
            |cancelled| Self { cancelled: Some(cancelled), needs_answer: false, reply_by: None, ..Self::full() };
        let bare = |cancelled| Self {
            back: Some(Back { look_now: true, ..Back::default() }),
            offer: None,
            ..state(cancelled)
        };
        let coupon = |coupon| {
            let offer = Offer {
                role: CouponRole::Granted,
                yen: None,
                percent: Some(10),
                code: String::new(),
                until: None,
                min_yen: None,
            };
            let back = Back { coupon, points_outstanding: Some(0), ended: true, ..Back::default() };
            Self { back: Some(back), offer: Some(offer), ..state(Cancelled::Confirmed) }
        };
        let all = [Self::default(), Self::full()];
        all.into_iter().chain(states.map(state)).chain(states.map(bare)).chain(coupons.map(coupon)).collect()
    }
}

/// Why the shopper's rule files, or her `wanted.toml`, cannot be used, as far as an alert says it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Unusable {
    /// It is `wanted.toml`, and no rule file.
    pub of_wanted: bool,
    /// The account whose rules they are; empty when they are everybody's.
    pub account: String,
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
pub(super) fn unusable() -> [Unusable; 4] {
    let full = |of_wanted| Unusable {
        of_wanted,
        account: String::new(),
        file: "mine.toml".into(),
        line: Some(5),
        column: Some(1),
        sentence: "unknown key `subjcet`".into(),
        help: "did you mean `subject`?".into(),
        more: 2,
    };
    let of_account = Unusable { account: "携帯".into(), ..full(false) };
    [Unusable::default(), full(false), full(true), of_account]
}

/// Why an order should be looked at.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum WarningKind {
    /// The same goods were ordered at another shop.
    #[default]
    Twice,
    /// The shop has a bad record.
    Record,
}

/// An order that should be looked at. Text comes from mail, in one line and without control characters.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Warning {
    /// Why.
    pub kind: WarningKind,
    /// The names say too little, or another colour or size.
    pub perhaps: bool,
    /// A verified mail tells of each of the orders.
    pub verified: bool,
    /// The order (of two the later one).
    pub order_number: String,
    /// Its shop: name, else code; may be empty.
    pub shop: String,
    /// Its goods; may be empty.
    pub item_name: String,
    /// The earlier order.
    pub older_order: String,
    /// Its shop.
    pub older_shop: String,
    /// Its goods, as it names them.
    pub older_item: String,
    /// Until then the order can be cancelled by oneself.
    #[serde(serialize_with = "maybe")]
    pub cancel_until: Option<Timestamp>,
    /// Orders at this shop.
    pub orders: u32,
    /// How many of them it cancelled.
    pub cancels: u32,
    /// The same, of 100.
    pub percent: u32,
    /// Days until points were back, usually.
    pub days_back: Option<i64>,
    /// What its mails say that makes a cancellation more likely, in words.
    pub signs: Vec<String>,
}

/// Each kind without anything that may be missing, and full.
pub(super) fn warnings() -> Vec<Warning> {
    let full = |kind| Warning {
        kind,
        perhaps: true,
        verified: false,
        order_number: "388888-20261121-0123456789".into(),
        shop: "うみのや".into(),
        item_name: "真鍮のペン立て 丸型".into(),
        older_order: "399999-20261120-0123456789".into(),
        older_shop: "モドリ雑貨店".into(),
        older_item: "【再販】真鍮のペン立て".into(),
        cancel_until: Timestamp::from_second(1_796_122_800).ok(),
        orders: 5,
        cancels: 2,
        percent: 40,
        days_back: Some(3),
        signs: vec!["メーカー在庫・取り寄せ".into(), "他店と在庫を共有".into()],
    };
    let bare = |kind| Warning { kind, ..Warning::default() };
    [WarningKind::Twice, WarningKind::Record].into_iter().flat_map(|kind| [bare(kind), full(kind)]).collect()
}

pub(super) const RISKS: [(Risk, Option<u16>); 4] =
    [(Risk::MakerStock, None), (Risk::SharedStock, None), (Risk::LongLead, None), (Risk::LongLead, Some(7))];

pub(super) const STEPS: [NextStep; 10] = [
    NextStep::Reply,
    NextStep::Pay,
    NextStep::Look,
    NextStep::CheckCoupon,
    NextStep::AskShop,
    NextStep::AskRakuten,
    NextStep::Spend,
    NextStep::UseCoupon,
    NextStep::Claim,
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
        Question::Unpaid,
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
