//! Judges letters again when they are about to leave: between the decision and that moment things may have changed.

use super::Hand;
use crate::edge::store::{Row, StoreError};
use crate::letter::silence::About;
use crate::letter::{Letter, Matter, Silence};
use crate::plan::Ticket;
use crate::plan::gate::By;
use crate::plan::still::{kind_of, still};

/// Why nothing leaves while modori only observes.
pub(super) const OBSERVES: &str = "modori only observes ([filing] mode = \"observe\")";

/// What is to be done with a letter.
pub(super) enum Verdict {
    /// It may leave.
    Leaves,
    /// It may not be sent, but the shopper may read it in Drafts.
    Hers(&'static str),
    /// Nothing of it is written.
    Shut(String),
}

/// A letter that is about to be sent.
pub(super) async fn sending(hand: &Hand, letter: &Letter, ticket: &Ticket) -> Result<Verdict, StoreError> {
    if hand.posting.policy.observe {
        return Ok(Verdict::Shut(OBSERVES.to_owned()));
    }
    if ticket.is_planted() {
        return Ok(Verdict::Leaves);
    }
    Ok(match reasons(hand, letter, ticket.by()).await? {
        None if !hand.posting.policy.replies.drafts => Verdict::Shut(words(&[Silence::Off])),
        None => Verdict::Hers("nothing is known of the order any more"),
        Some(reasons) if !reasons.is_empty() => Verdict::Shut(words(&reasons)),
        Some(_) if kind_of(letter).is_none_or(|kind| !hand.posting.policy.replies.send.contains(&kind)) => {
            Verdict::Hers("[replies.send] no longer lets it be sent")
        }
        Some(_) => Verdict::Leaves,
    })
}

/// A draft that is about to be laid; `Some`: why it is not. A draft that lies in the place of a letter that was not sent
/// is asked nothing about what was written before: that is what it comes from.
pub(super) async fn drafting(hand: &Hand, row: &Row, letter: &Letter) -> Result<Option<String>, StoreError> {
    if hand.posting.policy.observe {
        return Ok(Some(OBSERVES.to_owned()));
    }
    if !hand.posting.policy.replies.drafts {
        return Ok(Some(words(&[Silence::Off])));
    }
    // of an order that is not known (any more) nothing speaks against what the shopper will read first
    let mut reasons = reasons(hand, letter, By::Owner).await?.unwrap_or_default();
    if row.key.starts_with("draft:") {
        reasons.retain(|reason| reason.about() != About::Memory);
    }
    Ok((!reasons.is_empty()).then(|| words(&reasons)))
}

/// What speaks against a letter now; `None`: nothing is known of its order.
async fn reasons(hand: &Hand, letter: &Letter, by: By) -> Result<Option<Vec<Silence>>, StoreError> {
    let (letter, now) = (letter.clone(), hand.clock.now());
    let posting = std::sync::Arc::clone(&hand.posting);
    hand.store
        .call(move |db| {
            let settings = &posting.ledger;
            let (case, (mails, memory)) = db.about_letter(&letter.order, settings, now)?;
            Ok(case.map(|case| {
                let matter = Matter { case: &case, mails: &mails, memory: &memory, settings, now };
                still(&letter, by, &matter, &posting.policy.replies).err().unwrap_or_default()
            }))
        })
        .await
}

fn words(reasons: &[Silence]) -> String {
    reasons.iter().map(|reason| reason.sentence()).collect::<Vec<_>>().join("; ")
}
