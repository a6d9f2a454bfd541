//! What follows from the shopper's word, for whoever tells her: what is left outstanding, and by what is known that her
//! word was given twice, or about something that changed meanwhile.

use super::case::{Case, CouponState};
use super::event::Event;
use crate::facts::OrderNumber;
use sha2::{Digest, Sha256};
use std::fmt;

/// Hexadecimal digits of a mark's digest.
const DIGITS: usize = 16;

/// What is still owed, in a word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Left {
    /// Nothing: the case ended.
    Nothing,
    /// No points; the coupon is.
    Coupon,
    /// No points.
    NoPoints,
    /// So many points.
    Points(u64),
    /// It is not known.
    Unknown,
}

/// What is still owed.
#[must_use]
pub fn left(case: &Case) -> Left {
    match case.points.outstanding {
        _ if case.ended => Left::Nothing,
        Some(0) if case.coupon.state == CouponState::Check => Left::Coupon,
        Some(0) => Left::NoPoints,
        Some(points) => Left::Points(points),
        None => Left::Unknown,
    }
}

/// What the shopper saw of an order when she gave her word: it travels with the form she gives it on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mark {
    /// The number of the last statement that was written then, about any order.
    pub statement: i64,
    digest: String,
}

impl Mark {
    /// Of a case as it is shown; `None` stands for an order that nothing is known of.
    #[must_use]
    pub fn of(case: Option<&Case>, statement: i64) -> Self {
        Self { statement, digest: digest(case) }
    }

    /// Reads one from a form; `None` when it is none.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (statement, digest) = text.split_once('.')?;
        let plain = digest.len() == DIGITS && digest.bytes().all(|byte| byte.is_ascii_hexdigit());
        let statement = statement.parse().ok().filter(|number| *number >= 0)?;
        plain.then(|| Self { statement, digest: digest.to_owned() })
    }

    /// Of a mail without an order number and all orders it may speak of, as they are shown together.
    #[must_use]
    pub fn of_mail<'a>(
        cases: impl Iterator<Item = (&'a OrderNumber, Option<&'a Case>)>,
        mail: &[Event],
        statement: i64,
    ) -> Self {
        Self { statement, digest: digest_of_mail(cases, mail) }
    }

    /// Whether mail and orders still are what she saw.
    pub fn fits_mail<'a>(
        &self,
        cases: impl Iterator<Item = (&'a OrderNumber, Option<&'a Case>)>,
        mail: &[Event],
    ) -> bool {
        self.digest == digest_of_mail(cases, mail)
    }

    /// Whether the case still is what she saw.
    #[must_use]
    pub fn fits(&self, case: Option<&Case>) -> bool {
        self.digest == digest(case)
    }
}

impl fmt::Display for Mark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.statement, self.digest)
    }
}

/// What she decides on: not its deadlines, which move by themselves, and not the words of mails, which fade.
fn digest(case: Option<&Case>) -> String {
    let mut hash = Sha256::new();
    if let Some(case) = case {
        let state = (case.cancelled, case.cause, &case.points, &case.coupon, &case.questions, case.ended);
        hash.update(format!("{} {state:?} {:?}", case.order_number, case.due.reply_by));
        for one in &case.evidence {
            hash.update(one.mail.hex());
            hash.update(one.claim);
        }
    }
    digits(hash)
}

fn digest_of_mail<'a>(cases: impl Iterator<Item = (&'a OrderNumber, Option<&'a Case>)>, mail: &[Event]) -> String {
    let mut hash = Sha256::new();
    for (order, case) in cases {
        hash.update(format!("{order} {} ", digest(case)));
    }
    for event in mail {
        hash.update(format!("{} {:?} {:?}", event.mail.hex(), event.kind, event.trust));
    }
    digits(hash)
}

/// The first digits of a hash.
fn digits(hash: Sha256) -> String {
    let digits = |byte: &u8| [byte >> 4, byte & 15].map(|digit| char::from_digit(u32::from(digit), 16).unwrap_or('0'));
    hash.finalize().iter().flat_map(digits).take(DIGITS).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mark_comes_back_from_a_form_and_nothing_else_does() {
        let mark = Mark::of(None, 17);
        assert_eq!(Mark::parse(&mark.to_string()), Some(mark.clone()));
        assert!(mark.fits(None));
        for text in ["", "17", "17.", "17.xyz", "-1.0123456789abcdef", "a.0123456789abcdef", "1.0123456789abcdefg"] {
            assert_eq!(Mark::parse(text), None, "{text}");
        }
        assert!(!Mark::parse("17.0123456789abcdef").unwrap().fits(None));
    }
}
