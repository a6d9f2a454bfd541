//! Whose points a mail without an order number speaks of, as the shopper says: what she may say of it, and what is
//! written down then.

use super::case::Case;
use super::event::{Event, EventKind, Said};
use crate::facts::{Form, OrderNumber};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

/// The fewest digits of a key that name a mail.
const DIGITS: usize = 6;

/// Why no mail is meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unfound {
    /// It is no beginning of a key, or too short a one.
    NoName,
    /// No mail of this name says, without an order number, that points came back.
    None,
    /// So many do.
    Several(usize),
}

/// Why the points cannot be given like this.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ungiven {
    /// Nothing is known of an order.
    Unknown(OrderNumber),
    /// An order is named twice.
    Twice(OrderNumber),
    /// How many points of an order came back is not known.
    HowMany(OrderNumber),
    /// More is given than the mail speaks of.
    TooMany {
        /// Given.
        given: u64,
        /// Spoken of.
        most: u64,
    },
}

/// In the words of a command.
impl fmt::Display for Ungiven {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unknown(order) => write!(f, "nothing is known of {order}; `modori import` reads old mail"),
            Self::Twice(order) => write!(f, "{order} is named twice: say one thing of it"),
            Self::HowMany(order) => {
                write!(f, "how many points of {order} came back is not known: write {order}=POINTS")
            }
            Self::TooMany { given, most } => {
                write!(f, "that are {given} points, and the mail speaks of {most}: write ORDER=POINTS for each order")
            }
        }
    }
}

/// The mail that these digits name, among those that say that points came back and name no order.
///
/// # Errors
/// Why none is meant.
pub fn nameless<'a>(events: &'a [Event], digits: &str) -> Result<&'a Event, Unfound> {
    let digits = digits.trim().to_ascii_lowercase();
    if digits.len() < DIGITS || !digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return Err(Unfound::NoName);
    }
    let mut found: Vec<&Event> = events
        .iter()
        .filter(|event| event.order.is_none() && event.mail.hex().starts_with(&digits))
        .filter(|event| matches!(&event.kind, EventKind::Points { returned, .. } if returned.form == Form::Done))
        .collect();
    found.dedup_by_key(|event| event.mail);
    match found.as_slice() {
        [one] => Ok(one),
        [] => Err(Unfound::None),
        several => Err(Unfound::Several(several.len())),
    }
}

/// How many points a mail speaks of.
#[must_use]
pub fn amount(mail: &Event) -> Option<u64> {
    match &mail.kind {
        EventKind::Points { returned, .. } => returned.amount,
        _ => None,
    }
}

/// What is written down when the points of a mail are `to`'s (so many, or what each misses), and `not` these others': no
/// more of them than the mail speaks of.
///
/// # Errors
/// Why it cannot be.
pub fn give(
    mail: &Event,
    to: &[(OrderNumber, Option<u64>)],
    not: &[OrderNumber],
    cases: &BTreeMap<OrderNumber, Case>,
) -> Result<Vec<(OrderNumber, Said)>, Ungiven> {
    let known = |order: &OrderNumber| cases.get(order).ok_or_else(|| Ungiven::Unknown(order.clone()));
    let mut words = Vec::new();
    let mut named = BTreeSet::new();
    let mut once = |order: &OrderNumber| match named.insert(order.clone()) {
        true => Ok(()),
        false => Err(Ungiven::Twice(order.clone())),
    };
    for order in not {
        known(order)?;
        once(order)?;
        words.push((order.clone(), Said::Disown { mail: mail.mail }));
    }
    let mut given = 0_u64;
    for (order, points) in to {
        let case = known(order)?;
        once(order)?;
        let points = points.or_else(|| share(mail, case, to.len())).ok_or_else(|| Ungiven::HowMany(order.clone()))?;
        given = given.saturating_add(points);
        words.push((order.clone(), Said::Assign { mail: mail.mail, points }));
    }
    match amount(mail).filter(|most| given > *most) {
        Some(most) => Err(Ungiven::TooMany { given, most }),
        None => Ok(words),
    }
}

/// What an order gets when no number is said: all of the mail if it is the only one, else what it misses.
fn share(mail: &Event, case: &Case, orders: usize) -> Option<u64> {
    let missing = case.points.outstanding.filter(|points| *points > 0);
    if orders == 1 { amount(mail).or(missing) } else { missing }
}
