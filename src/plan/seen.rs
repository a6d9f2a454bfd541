//! Whether there is fresh proof that a mailbox is seen, as `modori status` and the dashboard tell it.

use super::sight::{Life, Reach};
use jiff::{SignedDuration, Timestamp};
use std::time::Duration;

/// A proof of life is written down a little later than it is had.
const WRITTEN_LATER: SignedDuration = SignedDuration::from_secs(30);

/// One mailbox.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    /// Its account.
    pub account: String,
    /// Its name.
    pub mailbox: String,
    /// The longest silent loss, in seconds.
    pub bound_s: u64,
    /// `None`: never watched.
    pub life: Option<Life>,
    /// There is fresh proof that it is seen.
    pub well: bool,
}

impl Seen {
    /// What is known of a mailbox; `bound`: how long a silent loss stays unnoticed at most; `runs`: a watch runs.
    #[must_use]
    pub fn of(account: &str, mailbox: &str, life: Option<Life>, bound: Duration, runs: bool, now: Timestamp) -> Self {
        let late = SignedDuration::try_from(bound).unwrap_or(SignedDuration::MAX).saturating_add(WRITTEN_LATER);
        let fresh = |life: &Life| life.good_at.is_some_and(|at| now.duration_since(at) <= late);
        let watched = |life: &Life| life.reach == Reach::Watching && life.blind_since.is_none() && fresh(life);
        let well = runs && life.as_ref().is_some_and(watched);
        Self { account: account.to_owned(), mailbox: mailbox.to_owned(), bound_s: bound.as_secs(), life, well }
    }

    /// How long nothing was seen, in seconds: while a watch runs, its blindness; else since the last proof of life.
    #[must_use]
    pub fn blind_s(&self, runs: bool, now: Timestamp) -> Option<i64> {
        let life = self.life.as_ref()?;
        let since = if runs { life.blind_since } else { life.good_at.or(life.blind_since) };
        let stale = || life.good_at.filter(|_| runs && !self.well);
        since.or_else(stale).map(|since| now.duration_since(since).as_secs().max(0))
    }
}
