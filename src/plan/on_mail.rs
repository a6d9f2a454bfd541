//! A mail arrived.

use super::{Policy, Step};
use crate::facts::Facts;
use crate::mail::Mail;
use crate::mailbox::Place;
use crate::rules::{Known, Verdict};
use jiff::Timestamp;

/// The mail and all that was found out about it.
#[derive(Clone, Copy, Debug)]
pub struct Arrived<'a> {
    /// Where it lies.
    pub place: &'a Place,
    /// The mail.
    pub mail: &'a Mail,
    /// What it says.
    pub facts: &'a Facts,
    /// What the ledger knows.
    pub known: &'a Known,
    /// What it is.
    pub verdict: &'a Verdict,
}

/// What is now known, and what should happen.
#[must_use]
pub fn on_mail(arrived: &Arrived<'_>, policy: &Policy, now: Timestamp) -> Step {
    let _ = (arrived, policy, now);
    Step::default()
}
