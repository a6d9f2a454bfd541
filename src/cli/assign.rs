//! `modori assign`: whose points a mail without an order number speaks of.

use super::args::Assign;
use super::{Failure, render, say, setup};
use crate::edge::clock::Clock;
use crate::edge::store::Db;
use crate::facts::OrderNumber;
use crate::ledger::due::Settings;
use crate::ledger::giving::{Unfound, Ungiven, give, nameless};
use crate::ledger::{self, By, Event, Statement};
use std::path::Path;

/// Writes down whose the points are: no more of them than the mail speaks of.
pub(super) fn run(arguments: &Assign, config: Option<&Path>, state: Option<&Path>) -> Result<(), Failure> {
    let (folder, config) = setup::state(state, config)?;
    let settings = config.map(|config| config.ledger).unwrap_or_default();
    let mut db = setup::db(&folder)?;
    let failed = |error: crate::edge::store::StoreError| Failure::new(error.to_string());
    let (events, statements) = (db.events().map_err(failed)?, db.statements().map_err(failed)?);
    let mail = find(&events, &arguments.mail)?;
    let now = Clock::system().now();
    let at = arguments.at.unwrap_or(now);
    say::ahead(at, now);
    let cases = ledger::cases(&events, &statements, &settings, at);
    let to = arguments.orders.iter().map(|text| part(text)).collect::<Result<Vec<_>, _>>()?;
    let not = arguments.not.iter().map(|order| say::order(order)).collect::<Result<Vec<_>, _>>()?;
    let words = give(mail, &to, &not, &cases).map_err(|why| match why {
        Ungiven::Unknown(_) => Failure::new(why.to_string()),
        _ => Failure::broken(why.to_string()),
    })?;
    for (order, said) in words {
        let statement = Statement { order, said, at, by: By::Command };
        db.say(&statement, now).map_err(failed)?;
    }
    report(&db, &settings, at, arguments)
}

fn report(db: &Db, settings: &Settings, at: jiff::Timestamp, arguments: &Assign) -> Result<(), Failure> {
    let failed = |error: crate::edge::store::StoreError| Failure::new(error.to_string());
    let cases = ledger::cases(&db.events().map_err(failed)?, &db.statements().map_err(failed)?, settings, at);
    for text in arguments.orders.iter().chain(&arguments.not) {
        let (order, _) = part(text)?;
        if let Some(case) = cases.get(&order) {
            anstream::println!("{order}: noted; {}", say::outstanding(case));
        }
    }
    Ok(())
}

/// The mail that these digits name, among those that say that points came back and name no order.
fn find<'a>(events: &'a [Event], digits: &str) -> Result<&'a Event, Failure> {
    let digits = digits.trim().to_ascii_lowercase();
    nameless(events, &digits).map_err(|why| match why {
        Unfound::NoName => Failure::broken(format!(
            "`{digits}` names no mail: copy the digits that `modori cases --questions` shows"
        )),
        Unfound::None => Failure::new(format!(
            "no mail {digits} says, without an order number, that points came back; `modori cases --questions` shows them"
        )),
        Unfound::Several(several) => Failure::broken(format!(
            "{digits} names {}; write more of its digits",
            render::count(several, "mail")
        )),
    })
}

/// `ORDER` or `ORDER=POINTS`.
fn part(text: &str) -> Result<(OrderNumber, Option<u64>), Failure> {
    let Some((order, points)) = text.split_once('=') else { return Ok((say::order(text)?, None)) };
    let folded = crate::text::fold(points.trim());
    match folded.text().replace(',', "").parse() {
        Ok(points) => Ok((say::order(order)?, Some(points))),
        Err(_) => Err(Failure::broken(format!("`{points}` is no number of points"))),
    }
}
