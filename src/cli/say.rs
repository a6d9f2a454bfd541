//! What the shopper says of an order: `confirm`, `deny`, `lost`, `lives`, `limited`, `note`, `reply --done`.

use super::args::{About, Confirm, CouponFate, Limited, Note};
use super::{Failure, setup};
use crate::calendar::rfc3339;
use crate::edge::clock::Clock;
use crate::facts::OrderNumber;
use crate::ledger::word::{Left, left};
use crate::ledger::{self, By, Case, Said, Statement};
use jiff::Timestamp;
use std::path::Path;

/// Points (and perhaps the coupon) came back.
pub(super) fn confirm(confirm: &Confirm, config: Option<&Path>, state: Option<&Path>) -> Result<(), Failure> {
    let coupon_back = confirm.coupon.map(|fate| fate == CouponFate::Back);
    let said = Said::Confirm { points: confirm.points, expires: confirm.expires, coupon_back };
    say(&confirm.about, said, config, state)
}

/// The points did not come back.
pub(super) fn deny(about: &About, config: Option<&Path>, state: Option<&Path>) -> Result<(), Failure> {
    say(about, Said::Deny, config, state)
}

/// Nothing will come back.
pub(super) fn lost(about: &About, config: Option<&Path>, state: Option<&Path>) -> Result<(), Failure> {
    say(about, Said::Lost, config, state)
}

/// The order lives after all.
pub(super) fn lives(about: &About, config: Option<&Path>, state: Option<&Path>) -> Result<(), Failure> {
    say(about, Said::Lives, config, state)
}

/// So many of the points used were limited-time points.
pub(super) fn limited(limited: &Limited, config: Option<&Path>, state: Option<&Path>) -> Result<(), Failure> {
    say(&limited.about, Said::Limited { points: limited.points, expires: limited.expires }, config, state)
}

/// The shop's question was answered.
pub(super) fn answered(about: &About, config: Option<&Path>, state: Option<&Path>) -> Result<(), Failure> {
    say(about, Said::Answered, config, state)
}

/// Free words.
pub(super) fn note(note: &Note, config: Option<&Path>, state: Option<&Path>) -> Result<(), Failure> {
    say(&note.about, Said::Note { text: note.text.join(" ") }, config, state)
}

/// An order number as a person types it: of any width, with blanks around it.
pub(super) fn order(text: &str) -> Result<OrderNumber, Failure> {
    OrderNumber::typed(text).ok_or_else(|| {
        Failure::broken(format!("`{text}` is not a Rakuten order number; it looks like 399999-20261120-0123456789"))
    })
}

fn say(about: &About, said: Said, config: Option<&Path>, state: Option<&Path>) -> Result<(), Failure> {
    let order = order(&about.order)?;
    let (folder, config) = setup::state(state, config)?;
    let settings = config.map(|config| config.ledger).unwrap_or_default();
    let mut db = setup::db(&folder)?;
    let failed = |error: crate::edge::store::StoreError| Failure::new(error.to_string());
    let now = Clock::system().now();
    let statement = Statement { order: order.clone(), said, at: about.at.unwrap_or(now), by: By::Command };
    ahead(statement.at, now);
    db.say(&statement, now).map_err(failed)?;
    let events = db.events().map_err(failed)?;
    let cases = ledger::cases(&events, &db.statements().map_err(failed)?, &settings, statement.at);
    let told = cases.get(&order).map_or_else(|| "it is kept".to_owned(), outstanding);
    anstream::println!("{order}: noted; {told}");
    if !events.iter().any(|event| event.order.as_ref() == Some(&order)) {
        anstream::eprintln!("no mail about {order} is known yet; `modori import` reads old mail");
    }
    Ok(())
}

/// The last word counts: one from the future is the last until then, whatever is said before.
pub(super) fn ahead(at: Timestamp, now: Timestamp) {
    if at > now {
        anstream::eprintln!(
            "{} lies ahead: until then nothing that you say without --at counts against it",
            rfc3339(at)
        );
    }
}

/// What is still owed, in a few words.
pub(super) fn outstanding(case: &Case) -> String {
    match left(case) {
        Left::Nothing => "nothing is outstanding any more".to_owned(),
        Left::Coupon => "no points are outstanding; the coupon is".to_owned(),
        Left::NoPoints => "no points are outstanding".to_owned(),
        Left::Points(1) => "1 point is outstanding".to_owned(),
        Left::Points(points) => format!("{points} points are outstanding"),
        Left::Unknown => "how much is outstanding is not known".to_owned(),
    }
}
