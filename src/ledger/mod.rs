//! Orders and what they owe the shopper: events and statements, and the cases that follow from them.
//!
//! A [`Case`] is a fold over events and statements and nothing else: the same ones in any order, with duplicates,
//! give the same case. Nothing is overwritten; contradictions become `conflict`.

pub mod case;
pub mod due;
pub mod event;

pub use case::{Case, cases};
pub use event::{Event, EventKind, Said, Statement};
