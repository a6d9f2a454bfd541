//! The world: network, files, database, time. Everything outside this room is pure.

pub mod clock;
pub mod config;
pub mod files;
pub mod hand;
pub mod imap;
pub mod out;
pub mod secret;
pub mod store;
pub mod systemd;
pub mod tls;

use std::time::Duration;

/// What to do after something at the edge failed: every edge error answers this one question.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Advice {
    /// Try again; not before this long has passed, if the other side named a time.
    Again(Option<Duration>),
    /// Open a new connection and log in again.
    LogInAgain,
    /// Nothing will change by itself: tell the shopper what to do.
    Ask,
    /// It will never work: give this one up.
    Never,
    /// It may have happened: look, or ask; never repeat blindly.
    Unknown,
}
