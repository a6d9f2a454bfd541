//! The review of a month: what came back, what is open, what was lost; restocks and how fast they were told; shops; what
//! was kept quiet. Months begin and end by the clock of Tokyo.
//!
//! What happened counts in the month in which its mail, or the shopper, says that it happened. What modori did (sorted,
//! kept quiet, filed, wrote) counts in the month in which it did so.

use super::owed::{Book, book};
use super::restock::{Fate, Restock, Speed};
use crate::calendar::{civil, instant};
use crate::facts::OrderNumber;
use crate::ledger::due::Settings;
use crate::ledger::{self, Case, Event, Statement, shop};
use crate::plan::{Quiet, Why};
use jiff::Timestamp;
use jiff::civil::Date;
use std::collections::BTreeMap;
use std::fmt;

/// A month of Tokyo's calendar.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Month {
    first: Date,
}

impl Month {
    /// The month that an instant lies in.
    #[must_use]
    pub fn of(at: Timestamp) -> Self {
        Self { first: civil(at).date().first_of_month() }
    }

    /// `2026-11`; `None` when it names no month.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (year, month) = text.trim().split_once('-')?;
        let plain = |part: &str, digits: usize| part.len() == digits && part.bytes().all(|b| b.is_ascii_digit());
        if !plain(year, 4) || !plain(month, 2) {
            return None;
        }
        Date::new(year.parse().ok()?, month.parse().ok()?, 1).ok().map(|first| Self { first })
    }

    /// The month before.
    #[must_use]
    pub fn before(self) -> Self {
        let last = self.first.yesterday().unwrap_or(self.first);
        Self { first: last.first_of_month() }
    }

    /// The month after.
    #[must_use]
    pub fn after(self) -> Self {
        let next = self.first.last_of_month().tomorrow().unwrap_or(self.first);
        Self { first: next.first_of_month() }
    }

    /// Its first instant.
    #[must_use]
    pub fn begins(self) -> Timestamp {
        instant(self.first.at(0, 0, 0, 0))
    }

    /// The first instant after it.
    #[must_use]
    pub fn ends(self) -> Timestamp {
        self.after().begins()
    }

    /// Its year.
    #[must_use]
    pub fn year(self) -> i16 {
        self.first.year()
    }

    /// Its number in the year, from 1.
    #[must_use]
    pub fn number(self) -> i8 {
        self.first.month()
    }
}

impl fmt::Display for Month {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(to, "{:04}-{:02}", self.year(), self.number())
    }
}

/// Why something was not told at once, or not at all.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Reason {
    /// It was not told.
    Quiet(Quiet),
    /// It was kept back, and is told later.
    Kept(Why),
}

impl Reason {
    /// Its stable word.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Quiet(quiet) => quiet.word(),
            Self::Kept(Why::Quiet) => "quiet-hours",
            Self::Kept(Why::Many) => "hour-bound",
            Self::Kept(Why::Late) => "late",
        }
    }
}

/// What the database keeps of a span of time, beside the ledger.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Kept {
    /// Restock mails, oldest first.
    pub restocks: Vec<Restock>,
    /// Mails by category.
    pub mails: BTreeMap<String, Sorted>,
    /// What was kept quiet, by category and reason.
    pub quiet: BTreeMap<(String, Reason), u64>,
    /// Mails that were put into quarantine.
    pub quarantined: u64,
    /// Of those, the ones of which the shopper was told (the first of an hour).
    pub announced: u64,
    /// Letters.
    pub letters: Letters,
    /// Filings that were taken back.
    pub undone: u64,
    /// Mails that were moved by hand.
    pub corrected: u64,
    /// Mails that were let out of quarantine.
    pub released: u64,
}

/// Mails of a category.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sorted {
    /// How many.
    pub mails: u64,
    /// Of those, mails that modori put into a folder.
    pub filed: u64,
}

/// Letters by what became of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Letters {
    /// Laid into Drafts.
    pub drafted: u64,
    /// Sent, by modori or out of Drafts.
    pub sent: u64,
    /// Nobody knows whether they were sent.
    pub unknown: u64,
    /// Could not be written or sent.
    pub failed: u64,
    /// On their way.
    pub under_way: u64,
}

/// Restocks of a month.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Restocks {
    /// All.
    pub all: u64,
    /// That came while they were watched for.
    pub live: u64,
    /// Told, at once or later.
    pub told: u64,
    /// Not to be told: muted, not wanted, told of another mail.
    pub quiet: u64,
    /// That no channel took.
    pub missed: u64,
    /// Neither: being told, kept back still, or nothing is on record.
    pub open: u64,
    /// Of those told, later than a minute after their mail had come.
    pub late: u64,
    /// How long they took.
    pub speed: Speed,
}

/// A shop in a month.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ShopMonth {
    /// Its code.
    pub code: String,
    /// Its name.
    pub name: Option<String>,
    /// Orders that were placed.
    pub orders: u64,
    /// Orders that it cancelled for reasons of its own, as verified mails say.
    pub cancels: u64,
    /// The same, as mails say that nobody vouches for.
    pub cancels_claimed: u64,
    /// Restock mails.
    pub restocks: u64,
}

/// A month, looked back upon.
#[derive(Clone, Debug, PartialEq)]
pub struct Review {
    /// Which.
    pub month: Month,
    /// What happened before this instant counts: the end of the month, or now.
    pub until: Timestamp,
    /// The month is over.
    pub is_over: bool,
    /// What was owed.
    pub book: Book,
    /// Restocks.
    pub restocks: Restocks,
    /// Restocks that were told late, oldest first.
    pub late: Vec<Restock>,
    /// Shops with an order, a cancellation or a restock in the month, by code.
    pub shops: Vec<ShopMonth>,
    /// What else is on record.
    pub kept: Kept,
}

/// Looks back on a month as it was known at `now`. `kept`: what the database keeps of the time from the month's beginning
/// to its end or now, whichever is first.
#[must_use]
pub fn review(
    month: Month,
    now: Timestamp,
    events: &[Event],
    statements: &[Statement],
    settings: &Settings,
    kept: Kept,
) -> Review {
    let (begins, until) = (month.begins(), until(month, now));
    let before = as_of(events, statements, settings, begins);
    let after = as_of(events, statements, settings, until);
    Review {
        month,
        until,
        is_over: month.ends() <= now,
        book: book(&before, &after),
        restocks: restocks(&kept.restocks),
        late: kept.restocks.iter().filter(|one| one.is_late()).cloned().collect(),
        shops: shops(month, until, &after, &kept.restocks),
        kept,
    }
}

/// The end of what is looked back upon: that of the month, or now.
#[must_use]
pub fn until(month: Month, now: Timestamp) -> Timestamp {
    month.ends().min(now).max(month.begins())
}

/// The ledger as it stood at an instant, by what is known today.
fn as_of(
    events: &[Event],
    statements: &[Statement],
    settings: &Settings,
    at: Timestamp,
) -> BTreeMap<OrderNumber, Case> {
    let events: Vec<Event> = events.iter().filter(|event| event.at < at).cloned().collect();
    let statements: Vec<Statement> = statements.iter().filter(|said| said.at < at).cloned().collect();
    ledger::cases(&events, &statements, settings, at)
}

fn restocks(all: &[Restock]) -> Restocks {
    let many = |wanted: fn(&Restock) -> bool| u64::try_from(all.iter().filter(|one| wanted(one)).count()).unwrap_or(0);
    Restocks {
        all: many(|_| true),
        live: many(|one| one.live),
        told: many(|one| matches!(one.fate, Fate::Told | Fate::ToldLater(_))),
        quiet: many(|one| matches!(one.fate, Fate::Quiet(_))),
        missed: many(|one| one.fate == Fate::Missed),
        open: many(|one| matches!(one.fate, Fate::UnderWay | Fate::KeptBack(_) | Fate::Unknown)),
        late: many(Restock::is_late),
        speed: Speed::of(all),
    }
}

fn shops(month: Month, until: Timestamp, cases: &BTreeMap<OrderNumber, Case>, restocks: &[Restock]) -> Vec<ShopMonth> {
    let codes = shop::codes(cases);
    let within = |at: Timestamp| at >= month.begins() && at < until;
    let mut shops: BTreeMap<String, ShopMonth> = BTreeMap::new();
    let mut of = |code: String, name: Option<&str>, change: &mut dyn FnMut(&mut ShopMonth)| {
        let shop = shops.entry(code.clone()).or_insert_with(|| ShopMonth { code, ..ShopMonth::default() });
        if let Some(name) = name {
            shop.name = Some(name.to_owned());
        }
        change(shop);
    };
    for case in cases.values() {
        // an order that only the shopper spoke of is none of the shop's
        let Some(first) = case.evidence.iter().map(|one| one.date).min() else { continue };
        let (code, name) = (shop::key_of(case, &codes), case.shop_name.as_deref());
        if within(case.ordered_at.unwrap_or(first)) {
            of(code.clone(), name, &mut |shop| shop.orders += 1);
        }
        if case.cancelled_at.is_some_and(within) && shop::cancelled_by_shop(case) {
            let verified = shop::is_verified(case);
            of(code, name, &mut |shop| match verified {
                true => shop.cancels += 1,
                false => shop.cancels_claimed += 1,
            });
        }
    }
    for one in restocks {
        if let Some(code) = &one.shop_code {
            of(code.clone(), one.shop_name.as_deref(), &mut |shop| shop.restocks += 1);
        }
    }
    shops.into_values().collect()
}

#[cfg(test)]
mod tests;
