//! The pure steps of one message, guarded: a panic in one of them makes the message poison, not the program stop.

use crate::facts::Facts;
use crate::ledger::{self, Event};
use crate::mail::{self, Mail, Reading};
use crate::plan::{self, Arrived, Policy, Step};
use crate::rules::{self, Explanation, Known, RuleSet, Verdict};
use jiff::Timestamp;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// A message that made a pure step panic: filed nowhere, reported, passed by.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{step} failed on this message; it stays where it is")]
pub struct Poison {
    /// Which step.
    pub step: &'static str,
}

/// Bytes to mail and facts, those of the rules' extractors included.
///
/// # Errors
/// When a step panicked.
pub fn read(rules: &RuleSet, bytes: &[u8], reading: &Reading<'_>) -> Result<(Mail, Facts), Poison> {
    let mail = guarded("reading", || mail::read(bytes, reading))?;
    let facts = guarded("finding facts", || rules::read(rules, &mail))?;
    Ok((mail, facts))
}

/// What a mail is.
///
/// # Errors
/// When the step panicked.
pub fn judge(rules: &RuleSet, mail: &Mail, facts: &Facts, known: &Known) -> Result<Verdict, Poison> {
    guarded("judging", || rules::judge(rules, mail, facts, known))
}

/// Why a mail is what it is.
///
/// # Errors
/// When the step panicked.
pub fn explain(rules: &RuleSet, mail: &Mail, facts: &Facts, known: &Known) -> Result<Explanation, Poison> {
    guarded("explaining", || rules::explain(rules, mail, facts, known))
}

/// What a mail says of orders.
///
/// # Errors
/// When the step panicked.
pub fn events(mail: &Mail, facts: &Facts) -> Result<Vec<Event>, Poison> {
    guarded("finding events", || ledger::events(mail, facts))
}

/// The case of an order, however it is made from what is stored.
///
/// # Errors
/// When the step panicked.
pub fn case<T>(fold: impl FnOnce() -> T) -> Result<T, Poison> {
    guarded("folding the case", fold)
}

/// What should happen.
///
/// # Errors
/// When the step panicked.
pub fn on_mail(arrived: &Arrived<'_>, policy: &Policy, now: Timestamp) -> Result<Step, Poison> {
    guarded("planning", || plan::on_mail(arrived, policy, now))
}

fn guarded<T>(step: &'static str, run: impl FnOnce() -> T) -> Result<T, Poison> {
    // the steps hold no state that a panic could leave half-changed: they take values and give values
    catch_unwind(AssertUnwindSafe(run)).map_err(|_| Poison { step })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_becomes_poison() {
        assert_eq!(guarded("reading", || 1), Ok(1));
        let poison = guarded("reading", || -> u8 { panic!("on purpose") }).unwrap_err();
        assert_eq!(poison.step, "reading");
    }
}
