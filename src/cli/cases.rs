//! `modori cases`: the orders that owe something, each with its next step.

use super::args::{Cases, Format};
use super::{Failure, render, setup};
use crate::edge::clock::Clock;
use crate::edge::store::Db;
use crate::ledger::{self, case::State};
use crate::wording::Language;
use std::path::Path;

/// Prints the open cases; with `--all` also those that ended and orders that live.
pub(super) fn run(arguments: &Cases, config: Option<&Path>, state: Option<&Path>) -> Result<(), Failure> {
    let (folder, config) = setup::state(state, config)?;
    let db = Db::open(&folder).map_err(|error| Failure::new(error.to_string()))?;
    let settings = config.as_ref().map(|config| config.ledger.clone()).unwrap_or_default();
    let language = config.as_ref().map_or(Language::Ja, |config| config.policy.language);
    let wording = setup::wording(config.as_ref().and_then(|config| config.wording.as_deref()))?;
    let events = db.events().map_err(|error| Failure::new(error.to_string()))?;
    let statements = db.statements().map_err(|error| Failure::new(error.to_string()))?;
    let now = arguments.at.unwrap_or_else(|| Clock::system().now());
    let all = ledger::cases(&events, &statements, &settings, now);
    let shown: Vec<_> = all
        .values()
        // for programs every order is told: an order that ended is an answer, too
        .filter(|case| {
            arguments.all
                || arguments.format == Format::Json
                || (!case.ended && case.cancelled != State::None)
                || case.next().is_some()
        })
        .collect();
    match arguments.format {
        Format::Json => {
            for case in shown {
                let line = ledger::sheet(case).to_string();
                if std::io::Write::write_all(&mut std::io::stdout(), format!("{line}\n").as_bytes()).is_err() {
                    break;
                }
            }
        }
        Format::Text => anstream::println!("{}", render::cases(&shown, &wording, language)),
    }
    Ok(())
}
