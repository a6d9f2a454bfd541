//! `modori report month`: what came of a month, in four forms with the same figures. Reads the database only.

use super::args::{MonthForm, MonthReport, Tongue};
use super::{Failure, render, setup};
use crate::edge::clock::Clock;
use crate::edge::store::{Db, StoreError};
use crate::review::{self, Kept, Month};
use crate::wording::{Face, Language};
use std::io::Write as _;
use std::path::Path;

/// Prints the review of a month.
pub(super) fn run(arguments: &MonthReport, config: Option<&Path>, state: Option<&Path>) -> Result<(), Failure> {
    let (folder, config) = setup::state(state, config)?;
    let settings = config.as_ref().map(|config| config.ledger.clone()).unwrap_or_default();
    let language = match arguments.language {
        Some(Tongue::Ja) => Language::Ja,
        Some(Tongue::En) => Language::En,
        None => config.as_ref().map_or(Language::Ja, |config| config.policy.language),
    };
    let wording = setup::wording(config.as_ref().and_then(|config| config.wording.as_deref()))?;
    let now = arguments.at.unwrap_or_else(|| Clock::system().now());
    let month = asked(arguments, Month::of(now))?;
    let failed = |error: StoreError| Failure::new(error.to_string());
    let (events, statements, kept) = match Db::open_to_read(&folder) {
        Ok(db) => {
            let until = review::month::until(month, now);
            let kept = db.kept_between(month.begins(), until).map_err(failed)?;
            (db.events().map_err(failed)?, db.statements().map_err(failed)?, kept)
        }
        Err(StoreError::Missing { .. }) => (Vec::new(), Vec::new(), Kept::default()),
        Err(error) => return Err(failed(error)),
    };
    let review = review::review(month, now, &events, &statements, &settings, kept);
    let labels = wording.labels(language, Face::Report);
    let printed = match arguments.format {
        MonthForm::Text => {
            anstream::print!("{}", render::month::text(&review, &labels));
            return Ok(());
        }
        MonthForm::Html => render::month_page::page(&review, &labels, language),
        MonthForm::Csv => render::month::csv(&review, &labels),
        MonthForm::Json => format!("{}\n", render::month::sheet(&review, &labels)),
    };
    // whoever stops reading has read enough
    let _ = std::io::stdout().write_all(printed.as_bytes());
    Ok(())
}

/// Which month is asked for. One that has not begun has nothing to tell.
fn asked(arguments: &MonthReport, this: Month) -> Result<Month, Failure> {
    let month = match &arguments.month {
        Some(text) => Month::parse(text)
            .ok_or_else(|| Failure::broken(format!("`{text}` is no month: write it like {}", this.before())))?,
        None if arguments.last => this.before(),
        None => this,
    };
    if month > this {
        return Err(Failure::broken(format!("{month} has not begun yet")));
    }
    Ok(month)
}
