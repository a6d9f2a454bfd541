//! May a letter that was decided some time ago still leave? Asked again when it is about to.

use super::gate::{By, reasons};
use crate::letter::address::Relay;
use crate::letter::{Kind, Letter, Matter, Memory, Outcome, Replies, Silence};
use crate::mail::TrustLevel;

/// What a letter is for; `None` for a step that this version does not know.
#[must_use]
pub fn kind_of(letter: &Letter) -> Option<Kind> {
    Kind::of_step(&letter.step)
}

/// May it still leave? Everything the gate asked is asked again, as things are now; only that it was decided itself, and
/// how many letters were decided today, is nothing against it.
///
/// # Errors
/// Every reason why not any more.
pub fn still(letter: &Letter, by: By, matter: &Matter<'_>, replies: &Replies) -> Result<(), Vec<Silence>> {
    let Some(kind) = kind_of(letter) else { return Err(vec![Silence::NoAddress]) };
    let mut memory = Memory { today: 0, ..matter.memory.clone() };
    for own in memory.written.iter_mut().filter(|one| one.message_id == letter.message_id) {
        // as though it had not been decided; that a machine answered it stays
        own.outcome = Outcome::Failed;
    }
    let mut found = reasons(kind, by, &Matter { memory: &memory, ..*matter }, replies);
    found.retain(|reason| *reason != Silence::DailyCap);
    // its one recipient is the shop's address at the relay, as a mail about this order that is vouched for gave it
    let gave = |mail: &crate::letter::Correspondence| {
        mail.sender == letter.to && mail.order == letter.order && mail.trust == TrustLevel::Verified
    };
    let right =
        letter.order == matter.case.order_number && Relay::of(&letter.to).is_some() && matter.mails.iter().any(gave);
    if !right && !found.contains(&Silence::OtherShop) {
        found.push(Silence::OtherShop);
    }
    if found.is_empty() { Ok(()) } else { Err(found) }
}
