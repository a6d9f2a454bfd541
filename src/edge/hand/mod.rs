//! The one hand that changes the world: works the outbox off, row by row, and closes each row when the world has
//! changed.
//!
//! Alerts and filings run independently, so that a slow mailbox holds no alert. Every attempt is written down before
//! its first byte leaves; what was cut off is looked at, not repeated blindly ([`recover`]).

mod alerts;
mod filing;
mod flagging;
mod lock;
mod look;
mod recover;
mod renumbered;

pub use lock::{HandLock, LockError};

use crate::edge::clock::Clock;
use crate::edge::imap::ImapAccount;
use crate::edge::out::Channel;
use crate::edge::store::{Row, Store, StoreError};
use crate::plan::Looks;
use crate::planted::{self, Bug};
use futures_util::future::{join_all, try_join};
use jiff::{SignedDuration, Timestamp};
use std::collections::BTreeMap;
use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::Notify;

/// The hand, with everything it acts through.
#[derive(Clone)]
pub struct Hand {
    store: Store,
    clock: Clock,
    channels: BTreeMap<String, Channel>,
    accounts: BTreeMap<String, ImapAccount>,
    desk: Arc<Desk>,
    /// How flags are looked after; `None`: there are none to set or look at.
    looks: Option<Looks>,
}

/// Where work is laid down for the lanes.
#[derive(Default)]
struct Desk {
    /// Alerts that are under way already, by channel: handed over by the transaction that settled their mail.
    urgent: Mutex<BTreeMap<String, Vec<Row>>>,
    alerts: Notify,
    filings: Notify,
}

/// Between two looks at the outbox when nothing woke a lane: rows that another process wrote are found by then.
const LOOK_EVERY: Duration = Duration::from_secs(1);

impl Hand {
    /// A hand that sends through `channels` and files in `accounts` (by name).
    #[must_use]
    pub fn new(
        store: Store,
        clock: Clock,
        channels: BTreeMap<String, Channel>,
        accounts: impl IntoIterator<Item = ImapAccount>,
    ) -> Self {
        let accounts = accounts.into_iter().map(|account| (account.name.clone(), account)).collect();
        Self { store, clock, channels, accounts, desk: Arc::default(), looks: None }
    }

    /// A hand that also sets flags and looks at them.
    #[must_use]
    pub fn looking(mut self, looks: Option<Looks>) -> Self {
        self.looks = looks;
        self
    }

    /// Hands over alerts that were entered as under way, and says that there is work.
    pub fn wake(&self, alerts: Vec<Row>) {
        if !alerts.is_empty() {
            let mut urgent = self.desk.urgent.lock().unwrap_or_else(PoisonError::into_inner);
            for row in alerts {
                urgent.entry(row.lane.clone()).or_default().push(row);
            }
        }
        // every lane looks: alerts first, they are polled first
        self.desk.alerts.notify_waiters();
        self.desk.filings.notify_waiters();
    }

    /// Finds out what became of the effects that were under way when modori last ended. Comes before the lanes.
    ///
    /// # Errors
    /// When the database refuses. A mailbox that cannot be reached is not an error: its rows are looked at when it can.
    pub async fn recover(&self) -> Result<(), StoreError> {
        let channels: Vec<String> = self.channels.keys().cloned().collect();
        let now = self.clock.now();
        let flags = self.looks.is_some();
        let alerts = self
            .store
            .call(move |db| {
                if !flags {
                    db.give_up_flags(now)?;
                }
                let lost = db.give_up_alerts_except(&channels, now)?;
                if lost > 0 {
                    tracing::warn!(lost, "alerts are given up: their channel is no longer configured");
                }
                db.under_way("alert")
            })
            .await?;
        let alerts = if planted::is(Bug::AlertNotRecovered) { Vec::new() } else { alerts };
        self.wake(alerts);
        Ok(())
    }

    /// Works for ever.
    ///
    /// # Errors
    /// When the database refuses.
    pub async fn work(&self) -> Result<(), StoreError> {
        let alerts = join_all(self.lanes().into_iter().map(|lane| async move { alerts::lane(self, lane).await }));
        let filings = join_all(self.accounts.values().map(|account| filing::lane(self, account)));
        let alerts = async { alerts.await.into_iter().collect::<Result<Vec<()>, _>>() };
        let filings = async { filings.await.into_iter().collect::<Result<Vec<()>, _>>() };
        try_join(alerts, filings).await.map(|_| ())
    }

    /// Works until nothing is left that can be done now; what waits for another attempt stays in the outbox.
    ///
    /// # Errors
    /// When the database refuses.
    pub async fn work_until_idle(&self) -> Result<(), StoreError> {
        self.work_beside(async {}).await
    }

    /// Works while something else goes on, and then until nothing is left that can be done now. One working future for
    /// both: an attempt under way in a future that is dropped would be known only to the next start.
    ///
    /// # Errors
    /// When the database refuses.
    pub async fn work_beside<T>(&self, other: impl Future<Output = T>) -> Result<T, StoreError> {
        let lanes: Vec<String> = self.channels.keys().chain(self.accounts.keys()).cloned().collect();
        let both = async {
            let answer = other.await;
            loop {
                let now = self.clock.now();
                let soon = now.checked_add(SignedDuration::from_millis(1500)).unwrap_or(now);
                let lanes = lanes.clone();
                if self.store.call(move |db| db.is_idle(&lanes, soon)).await? {
                    return Ok(answer);
                }
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        let work = async {
            match self.work().await {
                Err(error) => error,
                // no lane at all: nothing to work with
                Ok(()) => std::future::pending().await,
            }
        };
        tokio::select! {
            biased;
            error = work => Err(error),
            answer = both => answer,
        }
    }

    /// Channel names: those configured, so that each works at its own pace.
    fn lanes(&self) -> Vec<&str> {
        self.channels.keys().map(String::as_str).collect()
    }

    fn urgent(&self, lane: &str) -> Vec<Row> {
        let mut urgent = self.desk.urgent.lock().unwrap_or_else(PoisonError::into_inner);
        urgent.get_mut(lane).map(std::mem::take).unwrap_or_default()
    }

    /// How long a lane may sleep: until the next row is due, at most [`LOOK_EVERY`].
    async fn nap(&self, kind: &'static str) -> Result<Duration, StoreError> {
        let due = self.store.call(move |db| db.next_due(kind)).await?;
        let now = self.clock.now();
        let until_due =
            due.map_or(LOOK_EVERY, |due| Duration::try_from(due.duration_since(now)).unwrap_or(Duration::ZERO));
        // a row that is due but waits for another one does not make a lane spin
        Ok(until_due.clamp(Duration::from_millis(20), LOOK_EVERY))
    }
}

/// When an effect is tried again after so many attempts: doubling waits from `first`, at most `longest`.
fn next_attempt(now: Timestamp, attempts: u32, first: Duration, longest: Duration) -> Timestamp {
    let wait = first.saturating_mul(1_u32.checked_shl(attempts.saturating_sub(1).min(20)).unwrap_or(u32::MAX));
    let wait = SignedDuration::try_from(wait.min(longest)).unwrap_or(SignedDuration::from_secs(300));
    now.checked_add(wait).unwrap_or(Timestamp::MAX)
}

#[cfg(test)]
mod tests;
