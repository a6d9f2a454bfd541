//! What an import did: how many mails, what they told, which cases there are, what was passed by and why.

use super::progress::Progress;
use crate::cli::args::Format;
use crate::cli::{Failure, render, setup};
use crate::edge::clock::Clock;
use crate::edge::config::Config;
use crate::engine::import::Imported;
use crate::ledger::case::State;
use crate::ledger::{self, Case, NextStep};
use crate::wording::Language;
use jiff::Timestamp;
use serde_json::{Value, json};
use std::path::Path;

/// Most open cases that are told for people.
const MOST: usize = 10;

/// What could not be read.
pub(super) struct Unread {
    pub(super) what: String,
}

/// What an import did.
#[derive(Default)]
pub(super) struct Summary {
    pub(super) imported: Imported,
    /// Files that may hold mail.
    pub(super) files: u64,
    /// Of those: read to the end by an earlier run, and unchanged.
    pub(super) files_known: u64,
    /// Files that an earlier run had read in part.
    pub(super) gone_on: u64,
    /// What could not be read, and why.
    pub(super) unread: Vec<String>,
    /// It was stopped before its end.
    pub(super) stopped: bool,
    /// Everything was to be read again.
    pub(super) again: bool,
    /// It reads folders of accounts, not files.
    pub(super) of_mailboxes: bool,
}

impl Summary {
    /// Something cannot be read: it is told at once, and passed by.
    pub(super) fn unread(&mut self, progress: &Progress, unread: Unread) {
        progress.beside(|| anstream::eprintln!("passed by: {}", render::one_line(&unread.what)));
        self.unread.push(unread.what);
    }

    /// The mails alone, for a command that tells the rest in its own words.
    pub(super) fn short(&self) -> Result<(), Failure> {
        self.mails();
        self.end()
    }

    /// Tells everything; an error when something could not be read.
    pub(super) fn print(&self, format: Format, config: Option<&Config>, state: &Path) -> Result<(), Failure> {
        let found = Found::look(config, state)?;
        match format {
            Format::Json => anstream::println!("{}", self.sheet(&found)),
            Format::Text => {
                self.mails();
                self.left_out();
                found.print(config)?;
            }
        }
        self.end()
    }

    pub(super) fn mails(&self) {
        let Imported { mails, telling, new_events, poison, .. } = self.imported;
        anstream::println!(
            "{} read, {telling} about orders, {} new to the ledger",
            render::count(mails, "mail"),
            render::count(new_events, "event")
        );
        if poison > 0 {
            let mails = render::count(poison, "mail");
            anstream::eprintln!("{mails} could not be understood at all; please report them");
        }
    }

    fn left_out(&self) {
        let Imported { known, spam, trash, .. } = self.imported;
        let mut told = Vec::new();
        if self.files_known > 0 {
            told.push(format!("{} read before", number(self.files_known, "file")));
        }
        if self.gone_on > 0 {
            told.push(format!("{} gone on with", number(self.gone_on, "file")));
        }
        for (count, why) in [(known, "read before"), (spam, "in spam"), (trash, "in the trash")] {
            if count > 0 {
                told.push(format!("{} {why}", render::count(count, "mail")));
            }
        }
        if !told.is_empty() {
            let hint = if spam + trash > 0 { " (--spam-and-trash reads these, too)" } else { "" };
            anstream::println!("passed by: {}{hint}", told.join(", "));
        }
    }

    fn end(&self) -> Result<(), Failure> {
        if self.stopped {
            return Err(Failure::new(format!("stopped; {}", goes_on(self.again))));
        }
        match self.unread.len() {
            0 => Ok(()),
            many if self.of_mailboxes => {
                Err(Failure::new(format!("{} could not be read", render::count(many, "account or folder"))))
            }
            many => Err(Failure::new(format!("{} could not be read", render::count(many, "file")))),
        }
    }

    fn sheet(&self, found: &Found) -> Value {
        let Imported { mails, telling, new_events, poison, known, spam, trash } = self.imported;
        json!({
            "mails": mails, "about_orders": telling, "new_events": new_events, "not_understood": poison,
            "passed_by": { "read_before": known, "spam": spam, "trash": trash, "files_read_before": self.files_known,
                           "unreadable": self.unread },
            "files": self.files, "stopped": self.stopped,
            "orders": found.orders, "cancelled": found.cancelled, "open": found.open.len(),
            "open_cases": found.open.iter().map(|one| &one.sheet).collect::<Vec<_>>(),
        })
    }
}

/// How to go on after a stop.
pub(super) fn goes_on(again: bool) -> &'static str {
    if again {
        "what was read is taken in; to go on from there, give the same command without --again"
    } else {
        "what was read is taken in, and the same command goes on from there"
    }
}

fn number(count: u64, thing: &str) -> String {
    render::count(usize::try_from(count).unwrap_or(usize::MAX), thing)
}

/// The cases as they are after it.
struct Found {
    orders: usize,
    cancelled: usize,
    /// Those that wait for the shopper, the soonest first.
    open: Vec<Open>,
}

struct Open {
    at: Timestamp,
    step: NextStep,
    order: String,
    shop: String,
    sheet: Value,
}

impl Found {
    fn look(config: Option<&Config>, state: &Path) -> Result<Self, Failure> {
        let db = setup::db(state)?;
        let settings = config.map(|config| config.ledger.clone()).unwrap_or_default();
        let mut found = Self { orders: 0, cancelled: 0, open: Vec::new() };
        db.each_case(&settings, Clock::system().now(), |case| found.count(case))
            .map_err(|error| Failure::new(error.to_string()))?;
        found.open.sort_by(|one, other| (one.at, &one.order).cmp(&(other.at, &other.order)));
        Ok(found)
    }

    fn count(&mut self, case: &Case) {
        self.orders += 1;
        if case.cancelled == State::None {
            return;
        }
        self.cancelled += 1;
        if let Some((step, at)) = case.next() {
            self.open.push(Open {
                at,
                step,
                order: case.order_number.to_string(),
                shop: case.shop().unwrap_or("?").to_owned(),
                sheet: ledger::sheet(case),
            });
        }
    }

    fn print(&self, config: Option<&Config>) -> Result<(), Failure> {
        let (orders, open) = (render::count(self.orders, "order"), self.open.len());
        anstream::println!("the ledger now: {orders}, {} cancelled, {open} open", self.cancelled);
        let language = config.map_or(Language::Ja, |config| config.policy.language);
        let wording = setup::wording(config.and_then(|config| config.wording.as_deref()))?;
        for one in self.open.iter().take(MOST) {
            let (step, shop) = (wording.step(language, one.step), render::one_line(&one.shop));
            anstream::println!("  {}  {shop}: {step}, {}", one.order, render::at(one.at));
        }
        if open > MOST {
            anstream::println!("  and {} more; `modori cases` shows all", open - MOST);
        }
        Ok(())
    }
}
