//! A rule file as written: every value with its place in the file.

use super::Priority;
use super::diagnostic::Source;
use crate::facts::{CouponRole, Form};
use crate::mail::TrustLevel;
use jiff::Timestamp;
use std::ops::Range;
use std::sync::Arc;

/// A value and its bytes in the file.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct At<T> {
    pub(super) value: T,
    pub(super) span: Range<usize>,
}

/// One file: at most one category.
#[derive(Clone, Debug, Default)]
pub(super) struct File {
    pub(super) category: Option<At<String>>,
    pub(super) folder: Option<At<String>>,
    pub(super) priority: Option<Priority>,
    pub(super) rank: Option<i64>,
    pub(super) quarantine_folder: Option<At<String>>,
    pub(super) rules: Vec<Rule>,
    pub(super) extracts: Vec<Extract>,
    pub(super) examples: Vec<Example>,
}

/// One `[[rule]]`.
#[derive(Clone, Debug)]
pub(super) struct Rule {
    pub(super) name: At<String>,
    /// False switches off the rule of this name that stands in an earlier layer.
    pub(super) enabled: bool,
    /// The rule from which everything is taken that this one does not say itself.
    pub(super) inherit: Option<At<String>>,
    /// All of these must hold.
    pub(super) when: Vec<Given>,
    pub(super) score: Vec<Scored>,
    pub(super) threshold: Option<At<f64>>,
    pub(super) labels: Option<Vec<String>>,
    pub(super) folder: Option<At<String>>,
    pub(super) priority: Option<Priority>,
    pub(super) rank: Option<i64>,
    pub(super) examples: Vec<Example>,
}

/// One `[[extract]]`.
#[derive(Clone, Debug)]
pub(super) struct Extract {
    pub(super) name: At<String>,
    /// False switches off the extractor of this name that stands in an earlier layer.
    pub(super) enabled: bool,
    /// All of these must hold.
    pub(super) when: Vec<Cond>,
    /// Regexes with named captures, on the text or on links.
    pub(super) patterns: Vec<Test>,
    /// How a captured return of points is spoken of.
    pub(super) form: Option<At<Form>>,
    /// What a captured coupon is.
    pub(super) role: Option<At<CouponRole>>,
    pub(super) examples: Vec<Example>,
}

/// A condition of a rule.
#[derive(Clone, Debug)]
pub(super) struct Given {
    /// The key it was written under.
    pub(super) key: String,
    pub(super) cond: Cond,
    /// The file it was inherited from; its places are places there.
    pub(super) from: Option<Arc<Source>>,
}

/// A condition that adds to a rule's score.
#[derive(Clone, Debug)]
pub(super) struct Scored {
    /// The file it was inherited from.
    pub(super) from: Option<Arc<Source>>,
    pub(super) weight: f64,
    pub(super) when: Cond,
    pub(super) span: Range<usize>,
}

/// A condition.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Cond {
    All(Vec<Cond>),
    Any(Vec<Cond>),
    Not(Box<Cond>),
    Test(Test),
    Trust(Vec<TrustLevel>),
    Vouched(bool),
    Knows(Knows),
    Fact(Vec<FactTest>),
    Size { over: bool, bytes: u64 },
    ItemLinks { over: bool, count: u64 },
}

/// What the ledger must know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Knows {
    /// An order this mail names (true), or none of them (false).
    Order(bool),
    /// An order this mail names, and that it was cancelled.
    Cancelled,
}

/// A fact, by the name that `modori classify` prints, and its value when it matters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct FactTest {
    pub(super) key: &'static str,
    pub(super) value: Option<&'static str>,
}

/// Where a text test looks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum On {
    From,
    FromDomain,
    To,
    Subject,
    Body,
    /// Subject or body.
    Text,
    /// A link's whole target.
    Link,
    LinkHost,
    LinkText,
    Attachment,
    /// A header field by its name in lower case.
    Header(String),
}

/// Which words a text test wants.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum How {
    Any(Vec<At<String>>),
    AllOf(Vec<At<String>>),
    /// One word of every group, all within so many characters.
    Near {
        groups: Vec<Vec<At<String>>>,
        within: usize,
        /// In this order and in one sentence.
        phrase: bool,
    },
    Regex(At<String>),
    Present(bool),
}

/// Which stretches of the body count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Parts {
    /// Everything but quoted text.
    NewAndForwarded,
    New,
    Quoted,
    Forwarded,
    Any,
}

/// Whether a hit must stand in a clause of some kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Want {
    No,
    Yes,
    Either,
}

/// A test of one text.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Test {
    pub(super) on: On,
    pub(super) how: How,
    pub(super) part: Parts,
    /// Compared as written instead of in normal form.
    pub(super) exact: bool,
    /// Whether the hit's clause must be negated.
    pub(super) negated: Want,
    /// Whether the hit must stand in a sentence about what would be (…場合).
    pub(super) supposed: Want,
    /// Whether hits inside the name of an item or a shop count.
    pub(super) names: bool,
    /// Only so many first lines of the body.
    pub(super) first_lines: Option<usize>,
}

/// A mini-mail with what must come out.
#[derive(Clone, Debug)]
pub(super) struct Example {
    pub(super) span: Range<usize>,
    pub(super) name: Option<String>,
    pub(super) from: String,
    pub(super) to: Option<String>,
    pub(super) subject: String,
    pub(super) body: Option<String>,
    pub(super) html: Option<String>,
    pub(super) date: Option<Timestamp>,
    pub(super) trust: TrustLevel,
    pub(super) headers: Vec<(String, String)>,
    pub(super) knows: Option<Knows>,
    /// `None` means the category of the file.
    pub(super) category: Option<At<String>>,
    pub(super) labels: Vec<At<String>>,
    pub(super) absent: Vec<At<String>>,
    pub(super) rule: Option<At<String>>,
    pub(super) escalate: Option<bool>,
    /// Names of facts, and what must be read.
    pub(super) facts: Vec<(At<&'static str>, String)>,
}

/// The names of facts that rules may ask for, and the values that some of them have. They are the names that
/// `modori classify` prints.
pub(super) const FACTS: &[(&str, &[&str])] = &[
    ("order_number", &[]),
    ("reservation", &[]),
    ("shop_code", &[]),
    ("shop_name", &[]),
    ("items", &[]),
    ("ordered_at", &[]),
    ("total_yen", &[]),
    ("payment_yen", &[]),
    ("points_used", &[]),
    ("coupon_used_yen", &[]),
    ("payment_method", &[]),
    (
        "stage",
        &[
            "ordered", "accepted", "payment-due", "paid", "card-refused", "delayed", "split", "found-after-all",
            "agreed", "shipped",
        ],
    ),
    ("stock", &["back", "announced", "watched", "unplanned"]),
    ("cancelled", &["confirmed", "claimed", "pending", "requested", "partial"]),
    ("cause", &["shop", "buyer", "payment"]),
    ("points_return", &["done", "promised", "refused"]),
    ("limited_time_points", &[]),
    ("points_expire_at", &[]),
    ("coupon", &["granted", "apology", "returned", "refused", "expiring", "advert"]),
    ("reply_by", &[]),
    ("pay_by", &[]),
    ("resale_at", &[]),
    ("service", &["asuraku", "saikyo"]),
    ("risks", &["maker-stock", "shared-stock", "long-lead"]),
    ("lead_days", &[]),
];
