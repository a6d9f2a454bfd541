//! What was written before: one letter a case and step, and so many a day.

use super::Kind;
use crate::ledger::case::Inquiry;
use jiff::Timestamp;

/// What became of a letter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It waits to be laid into Drafts, or is being laid there.
    Drafting,
    /// It lies (or lay) in Drafts.
    Drafted,
    /// It waits to be sent.
    Sending,
    /// It was sent.
    Sent,
    /// It could not be written: nothing left.
    Failed,
    /// It may have been sent; the shopper is asked.
    Unknown,
    /// It was written where the ledger was brought from; what became of it is not known here.
    Elsewhere,
}

/// A letter that was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Written {
    /// Its step.
    pub step: String,
    /// Its Message-ID.
    pub message_id: String,
    /// When it was decided.
    pub at: Timestamp,
    /// What became of it.
    pub outcome: Outcome,
    /// A machine answered it, or it bounced: the sign of a loop.
    pub looped: bool,
}

/// What bears on the next letter about an order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Memory {
    /// Letters about this order, oldest first.
    pub written: Vec<Written>,
    /// Letters written today (in Tokyo) about any order.
    pub today: u32,
}

impl Memory {
    /// The letter of a step.
    #[must_use]
    pub fn of(&self, kind: Kind) -> Option<&Written> {
        self.written.iter().find(|one| one.step == kind.name())
    }

    /// The answers to the shop's questions. What could not be written counts not.
    pub fn answers(&self) -> impl Iterator<Item = &Written> {
        let answers = |step: &str| Kind::of_step(step).is_some_and(Kind::is_answer);
        self.written.iter().filter(move |one| one.outcome != Outcome::Failed && answers(&one.step))
    }

    /// How far the inquiry at the shop is: of the first and the second the later.
    #[must_use]
    pub fn inquiry(&self) -> Inquiry {
        let asked = [Kind::AskShopAgain, Kind::AskShop].into_iter().filter_map(|kind| self.of(kind));
        let far = |one: &Written| match one.outcome {
            Outcome::Drafting | Outcome::Drafted => Inquiry::Drafted,
            Outcome::Sent => Inquiry::Sent,
            Outcome::Unknown | Outcome::Elsewhere => Inquiry::Unknown,
            Outcome::Sending => Inquiry::Sending,
            Outcome::Failed => Inquiry::None,
        };
        asked.map(far).find(|inquiry| *inquiry != Inquiry::None).unwrap_or_default()
    }
}
