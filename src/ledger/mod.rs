//! Orders and what they owe the shopper: events and statements, and the cases that follow from them.
//!
//! A [`Case`] is a fold over events and statements and nothing else: the same ones in any order, with duplicates,
//! give the same case. Nothing is overwritten; contradictions become `conflict`.

pub mod agenda;
mod assign;
mod cancellation;
pub mod case;
pub mod claim;
mod conflict;
pub mod coupon;
pub mod due;
pub mod event;
mod fold;
pub mod giving;
mod keep;
mod matching;
mod owed;
mod reading;
mod sheet;
pub mod shop;
mod stated;
#[cfg(test)]
mod tests;
mod twice;
mod whose;
pub mod word;

pub use case::{Case, Conflict, Evidence, NextStep, Question};
pub use claim::{CLAIMS, claim_of};
pub use event::{By, Event, EventKind, Said, Statement, Terms};
pub use fold::cases;
pub use keep::{EXPIRED, Keep};
pub use reading::events;
pub use sheet::sheet;
pub use shop::{Shop, shops};
pub use twice::{Twice, free_cancel, twice};

use crate::facts::{Cancelled, OrderNumber};

/// Whether a cancellation of this order (whole or in part, proven or claimed) is on record. What `rules::KnownOrder`
/// wants to know.
#[must_use]
pub fn is_cancelled(order: &OrderNumber, events: &[Event]) -> bool {
    events.iter().any(|event| {
        event.order.as_ref() == Some(order)
            && matches!(
                event.kind,
                EventKind::Cancel { form: Cancelled::Confirmed | Cancelled::Claimed | Cancelled::Partial, .. }
            )
    })
}
