//! Rules that a shopper edits by hand: which category a mail is, and why.
//!
//! TOML text → `parse` (what was written, with its place) → [`compile`] (one matcher) → [`judge()`] (a verdict).
//! `modori rules check` is [`check`]; what is wrong in a file is a [`Diagnostic`], all of it at once.

mod capture;
pub mod compile;
pub mod diagnostic;
pub mod draft;
mod example;
mod explain;
mod extract;
mod inherit;
pub mod judge;
mod layer;
mod lint;
mod mask;
mod node;
mod parse;
mod pattern;
mod scan;
mod syntax;
#[cfg(test)]
mod tests;
mod value;
mod weigh;

use crate::facts::OrderNumber;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

pub use compile::{Listed, RuleSet};
pub use diagnostic::{Diagnostic, Severity, Source};
pub use explain::{Condition, Explanation, RuleTrace, Sight, explain};
pub use extract::{Extraction, ListedExtractor, extract, extractions, read};
pub use judge::judge;
pub use layer::{Folders, Layer, QUARANTINE};

/// The JSON Schema (draft 7) of rule files, for editors.
pub const SCHEMA: &str = include_str!("../../schema/rules.schema.json");

/// What `modori rules check` found.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// Errors, warnings, and an error for every example that failed.
    pub diagnostics: Vec<Diagnostic>,
    /// Every example that was run; none when the files have errors.
    pub examples: Vec<Tried>,
}

/// An example that was run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tried {
    /// Its name, or its subject.
    pub name: String,
    /// The file it stands in.
    pub file: String,
    /// Its line, counted from 1.
    pub line: usize,
    /// What came out otherwise; `None` when it passed.
    pub problem: Option<String>,
}

impl Report {
    /// How many examples came out as they say.
    #[must_use]
    pub fn passed(&self) -> usize {
        self.examples.iter().filter(|tried| tried.problem.is_none()).count()
    }

    /// How many examples did not.
    #[must_use]
    pub fn failed(&self) -> usize {
        self.examples.len() - self.passed()
    }

    /// Whether the files can be used: no errors and no failed example.
    #[must_use]
    pub fn is_fine(&self) -> bool {
        self.diagnostics.iter().all(|found| found.severity == Severity::Warning)
    }
}

/// Reads the shopper's rule files over the shipped ones, looks for mistakes and runs all examples.
#[must_use]
pub fn check(own: &[Source]) -> Report {
    checked(RuleSet::load(own))
}

/// As [`check`], for several layers over the shipped rules.
#[must_use]
pub fn check_layers(own: &[Layer]) -> Report {
    checked(RuleSet::load_layers(own))
}

/// The rule set of layers that pass [`check_layers`]: without errors, and every example comes out as it says.
///
/// # Errors
/// The report, when they do not.
pub fn load_checked(own: &[Layer]) -> Result<RuleSet, Report> {
    let mut report = Report::default();
    match RuleSet::load_layers(own) {
        Ok(rules) => {
            report.diagnostics.extend_from_slice(rules.warnings());
            example::run(&rules, &mut report);
            if report.is_fine() { Ok(rules) } else { Err(report) }
        }
        Err(found) => Err(Report { diagnostics: found, ..report }),
    }
}

fn checked(rules: Result<RuleSet, Vec<Diagnostic>>) -> Report {
    let mut report = Report::default();
    match rules {
        Ok(rules) => {
            report.diagnostics.extend_from_slice(rules.warnings());
            example::run(&rules, &mut report);
        }
        Err(found) => report.diagnostics = found,
    }
    report
}

/// Names of the shipped categories. Only these carry meaning for ledger and alerts.
pub mod category {
    /// Goods can be bought again.
    pub const RESTOCK: &str = "restock";
    /// An order was cancelled, or the shop asks because an item is out of stock.
    pub const CANCELLATION: &str = "cancellation";
    /// Points returned, promised, refused.
    pub const POINT_REFUND: &str = "point-refund";
    /// Coupon returned, granted, expiring, advertised.
    pub const COUPON: &str = "coupon";
    /// Every mail about a living order.
    pub const ORDER: &str = "order";
    /// The rest.
    pub const OTHER: &str = "other";
}

/// Labels beside the main category (besides the names of other categories that apply).
pub mod label {
    /// Not cancelled yet, or promised and not done.
    pub const PENDING: &str = "pending";
    /// The shopper must answer.
    pub const NEEDS_ANSWER: &str = "needs-answer";
    /// Suspect.
    pub const QUARANTINE: &str = "quarantine";
    /// Our own mail, or its bounce.
    pub const OWN: &str = "own";
    /// Advertising.
    pub const ADVERT: &str = "advert";
}

/// How urgent an alert for a mail is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Priority {
    /// No alert.
    #[default]
    Silent,
    /// An alert without a sound.
    Normal,
    /// An answer or a payment is due.
    High,
    /// A restock.
    Urgent,
}

/// What the ledger already knows that bears on a mail.
#[derive(Clone, Debug, Default)]
pub struct Known {
    /// Orders named by the mail that the ledger knows.
    pub orders: BTreeMap<OrderNumber, KnownOrder>,
    /// The mail's Message-ID, or one it answers, is one that modori sent.
    pub own_letter: bool,
    /// Letters to shops that the mail answers or gives back, or is itself: their orders by their Message-IDs.
    pub letters: BTreeMap<String, OrderNumber>,
    /// Addresses that are the shopper's own or modori's senders, lower case.
    pub own_addresses: BTreeSet<String>,
}

/// What is known of one order.
#[derive(Clone, Debug, Default)]
pub struct KnownOrder {
    /// A cancellation of it is on record.
    pub cancelled: bool,
}

/// Why: one condition that saw something.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Reason {
    /// The condition as the rule file says it, short.
    pub condition: String,
    /// The words it saw, as written in the mail.
    pub saw: String,
    /// What it added to the score (0 for yes/no conditions).
    pub weight: f64,
}

/// What a mail is.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Verdict {
    /// The category's name.
    pub category: String,
    /// The rule that decided; `None` when none matched.
    pub rule: Option<String>,
    /// Where the mail is filed; `None` leaves it where it is.
    pub folder: Option<String>,
    /// How urgent.
    pub priority: Priority,
    /// Score of the deciding rule (0 for yes/no rules).
    pub score: f64,
    /// Other categories that apply, and `pending`, `needs-answer`, `quarantine`, `own`, `advert`.
    pub labels: BTreeSet<String>,
    /// Why.
    pub reasons: Vec<Reason>,
    /// Whether a restock alert is due for it (category and trust allow it).
    pub escalate: bool,
}
