//! `modori cases`: the orders that owe something, each with its next step.

use super::args::{CaseState, Cases, Format};
use super::seen::Seen;
use super::{Failure, render};
use crate::calendar::{civil, days_after, end_of_day};
use crate::ledger::{self, Case, case::State};
use jiff::Timestamp;
use std::collections::BTreeSet;
use std::path::Path;

/// Prints the open cases; with `--all` also those that ended and orders that live.
pub(super) fn run(arguments: &Cases, config: Option<&Path>, state: Option<&Path>) -> Result<(), Failure> {
    let seen = Seen::open(config, state, arguments.at)?;
    let Seen { events, cases, now, language, wording, .. } = &seen;
    let (now, language) = (*now, *language);
    let mut shown: Vec<&Case> = cases.values().filter(|case| wanted(case, arguments, now)).collect();
    // what waits comes first, the soonest at the top; the rest by its number
    shown.sort_by_key(|case| {
        let waits = case.upcoming();
        (waits.is_none(), waits.map(|(step, at)| (at, step)), &case.order_number)
    });
    match arguments.format {
        Format::Json => {
            for case in shown {
                let mut sheet = ledger::sheet(case);
                if let Some(fields) = sheet.as_object_mut() {
                    fields.insert("accounts".into(), seen.accounts_of(case).into_iter().collect());
                }
                let line = sheet.to_string();
                if std::io::Write::write_all(&mut std::io::stdout(), format!("{line}\n").as_bytes()).is_err() {
                    break;
                }
            }
        }
        Format::Text if arguments.questions => {
            anstream::println!("{}", render::questions(&shown, events, wording, language));
        }
        Format::Text => {
            let accounts: Vec<String> = shown.iter().map(|case| render::accounts(&seen.accounts_of(case))).collect();
            // with one account there is nothing to tell apart
            let several = shown.iter().flat_map(|case| seen.accounts_of(case)).collect::<BTreeSet<_>>().len() > 1;
            anstream::println!("{}", render::cases(&shown, several.then_some(&*accounts), wording, language));
        }
    }
    Ok(())
}

/// Whether a case is asked for.
fn wanted(case: &Case, arguments: &Cases, now: Timestamp) -> bool {
    // for programs every order is told: an order that ended is an answer, too
    let told = arguments.all
        || arguments.format == Format::Json
        || (!case.ended && case.cancelled != State::None)
        || case.upcoming().is_some();
    let asked = !arguments.questions || !case.questions.is_empty();
    let state =
        arguments.cancelled.is_empty() || arguments.cancelled.iter().any(|state| state_of(*state) == case.cancelled);
    let shop = arguments.shop.as_deref().is_none_or(|shop| is_of(case, shop));
    let soon = arguments.within.is_none_or(|days| {
        let end = end_of_day(days_after(civil(now).date(), days));
        case.upcoming().is_some_and(|(_, at)| at <= end)
    });
    told && asked && state && shop && soon
}

fn is_of(case: &Case, shop: &str) -> bool {
    let wanted = crate::text::fold(shop.trim());
    let holds = |name: &String| crate::text::fold(name).text().contains(wanted.text());
    case.shop_code.iter().chain(&case.shop_name).any(holds)
}

fn state_of(state: CaseState) -> State {
    match state {
        CaseState::None => State::None,
        CaseState::Requested => State::Requested,
        CaseState::Pending => State::Pending,
        CaseState::Claimed => State::Claimed,
        CaseState::Confirmed => State::Confirmed,
        CaseState::Partial => State::Partial,
        CaseState::Conflict => State::Conflict,
    }
}
