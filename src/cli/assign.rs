//! `modori assign`: whose points a mail without an order number speaks of.

use super::args::Assign;
use super::{Failure, render, say, setup};
use crate::edge::clock::Clock;
use crate::edge::store::Db;
use crate::facts::{Form, OrderNumber};
use crate::ledger::due::Settings;
use crate::ledger::{self, By, Case, Event, EventKind, Said, Statement};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// The fewest digits of a key that name a mail.
const DIGITS: usize = 6;

/// Writes down whose the points are: no more of them than the mail speaks of.
pub(super) fn run(arguments: &Assign, config: Option<&Path>, state: Option<&Path>) -> Result<(), Failure> {
    let (folder, config) = setup::state(state, config)?;
    let settings = config.map(|config| config.ledger).unwrap_or_default();
    let mut db = Db::open(&folder).map_err(|error| Failure::new(error.to_string()))?;
    let failed = |error: crate::edge::store::StoreError| Failure::new(error.to_string());
    let (events, statements) = (db.events().map_err(failed)?, db.statements().map_err(failed)?);
    let mail = find(&events, &arguments.mail)?;
    let now = Clock::system().now();
    let at = arguments.at.unwrap_or(now);
    say::ahead(at, now);
    let cases = ledger::cases(&events, &statements, &settings, at);
    let mut words = Vec::new();
    let mut named = BTreeSet::new();
    let mut once = |case: &Case| match named.insert(case.order_number.clone()) {
        true => Ok(()),
        false => Err(Failure::broken(format!("{} is named twice: say one thing of it", case.order_number))),
    };
    for order in &arguments.not {
        let case = known(&cases, order)?;
        once(case)?;
        words.push((case.order_number.clone(), Said::Disown { mail: mail.mail }));
    }
    let mut given = 0_u64;
    for text in &arguments.orders {
        let (order, points) = part(text)?;
        let case = known(&cases, &order)?;
        once(case)?;
        let points = match points.or_else(|| share(mail, case, arguments.orders.len())) {
            Some(points) => points,
            None => {
                return Err(Failure::broken(format!(
                    "how many points of {} came back is not known: write {}=POINTS",
                    case.order_number, case.order_number
                )));
            }
        };
        given = given.saturating_add(points);
        words.push((case.order_number.clone(), Said::Assign { mail: mail.mail, points }));
    }
    if let Some(most) = amount(mail).filter(|most| given > *most) {
        return Err(Failure::broken(format!(
            "that are {given} points, and the mail speaks of {most}: write ORDER=POINTS for each order"
        )));
    }
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
        let case = known(&cases, &order)?;
        anstream::println!("{}: noted; {}", case.order_number, say::outstanding(case));
    }
    Ok(())
}

/// The mail that these digits name, among those that say that points came back and name no order.
fn find<'a>(events: &'a [Event], digits: &str) -> Result<&'a Event, Failure> {
    let digits = digits.trim().to_ascii_lowercase();
    if digits.len() < DIGITS || !digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return Err(Failure::broken(format!(
            "`{digits}` names no mail: copy the digits that `modori cases --questions` shows"
        )));
    }
    let mut found: Vec<&Event> = events
        .iter()
        .filter(|event| event.order.is_none() && event.mail.hex().starts_with(&digits))
        .filter(|event| matches!(&event.kind, EventKind::Points { returned, .. } if returned.form == Form::Done))
        .collect();
    found.dedup_by_key(|event| event.mail);
    match found.as_slice() {
        [one] => Ok(one),
        [] => Err(Failure::new(format!(
            "no mail {digits} says, without an order number, that points came back; `modori cases --questions` shows them"
        ))),
        several => Err(Failure::broken(format!(
            "{digits} names {}; write more of its digits",
            render::count(several.len(), "mail")
        ))),
    }
}

/// `ORDER` or `ORDER=POINTS`.
fn part(text: &str) -> Result<(String, Option<u64>), Failure> {
    let Some((order, points)) = text.split_once('=') else { return Ok((text.to_owned(), None)) };
    let folded = crate::text::fold(points.trim());
    match folded.text().replace(',', "").parse() {
        Ok(points) => Ok((order.to_owned(), Some(points))),
        Err(_) => Err(Failure::broken(format!("`{points}` is no number of points"))),
    }
}

fn known<'a>(cases: &'a BTreeMap<OrderNumber, Case>, order: &str) -> Result<&'a Case, Failure> {
    let order = say::order(order)?;
    cases
        .get(&order)
        .ok_or_else(|| Failure::new(format!("nothing is known of {order}; `modori import` reads old mail")))
}

fn amount(event: &Event) -> Option<u64> {
    match &event.kind {
        EventKind::Points { returned, .. } => returned.amount,
        _ => None,
    }
}

/// What an order gets when no number is said: all of the mail if it is the only one, else what it misses.
fn share(mail: &Event, case: &Case, orders: usize) -> Option<u64> {
    let missing = case.points.outstanding.filter(|points| *points > 0);
    if orders == 1 { amount(mail).or(missing) } else { missing }
}
