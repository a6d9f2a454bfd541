//! What the lanes promise: each says by when it will have come round again, so that one that hangs is noticed. And which
//! accounts are to be left alone for now.

use super::Hand;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;
use tokio::time::Instant;

/// An alert lane comes round at least twice in this time; what it waits for is the database alone.
pub(super) const ALERTS: Duration = Duration::from_secs(60);
/// A filing lane's round is made of commands that each have a deadline: so long may a large one take.
pub(super) const FILINGS: Duration = Duration::from_secs(15 * 60);

/// By lane.
#[derive(Default)]
pub(super) struct Promises {
    by: Mutex<BTreeMap<String, Instant>>,
    /// Accounts that are not to be connected to.
    held: Mutex<BTreeSet<String>>,
}

impl Hand {
    /// A lane will have come round again within this time.
    pub fn promise(&self, lane: &str, within: Duration) {
        let mut by = self.desk.promises.by.lock().unwrap_or_else(PoisonError::into_inner);
        by.insert(lane.to_owned(), Instant::now() + within);
    }

    /// The lanes that did not keep their promise.
    #[must_use]
    pub fn stuck(&self) -> Vec<String> {
        let now = Instant::now();
        let by = self.desk.promises.by.lock().unwrap_or_else(PoisonError::into_inner);
        by.iter().filter(|(_, by)| **by < now).map(|(lane, _)| lane.clone()).collect()
    }

    /// Whether an account is left alone: its watch is not connected. Two connections that each try on their own would
    /// try twice as often, and lock an account whose login is refused: the watch tries, and the hand follows it in.
    pub fn hold(&self, account: &str, held: bool) {
        let mut all = self.desk.promises.held.lock().unwrap_or_else(PoisonError::into_inner);
        if held {
            all.insert(account.to_owned());
        } else if all.remove(account) {
            drop(all);
            self.desk.filings.notify_waiters();
        }
    }

    /// Whether an account is to be left alone now.
    pub(super) fn is_held(&self, account: &str) -> bool {
        self.desk.promises.held.lock().unwrap_or_else(PoisonError::into_inner).contains(account)
    }
}
