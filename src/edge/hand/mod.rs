//! The one hand that changes the world: works the outbox off, row by row, and closes each row when the world has
//! changed.
//!
//! Alerts and filings run independently, so that a slow mailbox holds no alert. Every attempt is written down before
//! its first byte leaves; what was cut off is looked at, not repeated blindly ([`recover`]).

mod alerts;
mod answers;
mod draft;
mod filing;
mod flagging;
mod health;
mod judge;
mod labels;
mod lock;
mod look;
mod opened;
mod posting;
mod promise;
mod recover;
mod removal;
mod renumbered;
mod send;

pub use lock::{HandLock, LockError};
pub use posting::{Posting, Use, there};

use crate::edge::clock::Clock;
use crate::edge::imap::ImapAccount;
use crate::edge::out::Channel;
use crate::edge::store::{Row, Store, StoreError};
use crate::plan::{Alert, Looks};
use crate::planted::{self, Bug};
use crate::wording::{Language, Wording};
use futures_util::future::{join_all, try_join_all, try_join4};
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
    /// In which words an alert says that it is late.
    words: (Wording, Language),
    /// Opening a mail acknowledges its alert.
    opened: bool,
    /// How letters leave.
    posting: Arc<Posting>,
}

/// Where work is laid down for the lanes.
#[derive(Default)]
struct Desk {
    /// Alerts that are under way already, by channel: handed over by the transaction that settled their mail.
    urgent: Mutex<BTreeMap<String, Vec<Row>>>,
    alerts: Notify,
    filings: Notify,
    /// How each channel fares.
    pulses: Mutex<BTreeMap<String, health::Pulse>>,
    promises: promise::Promises,
    /// When the mails of alerts that await their acknowledgement are looked at.
    opened: Mutex<opened::Rounds>,
    /// Something was entered that is due later: the next look at the outbox may have to come earlier.
    booked: Notify,
    /// Alerts are to be expected soon.
    expecting: Notify,
}

/// Between two looks at the outbox when nothing is due: what another process wrote is found by then.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// Between two looks at least, however many rows are due one after the other.
const LOOK_AT_MOST_EVERY: Duration = Duration::from_millis(20);

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
        Self {
            store,
            clock,
            channels,
            accounts,
            desk: Arc::default(),
            looks: None,
            words: Default::default(),
            opened: false,
            posting: Arc::default(),
        }
    }

    /// A hand that also sets flags and looks at them.
    #[must_use]
    pub fn looking(mut self, looks: Option<Looks>) -> Self {
        self.looks = looks;
        self
    }

    /// A hand that says in these words that an alert is late.
    #[must_use]
    pub fn saying(mut self, wording: &Wording, language: Language) -> Self {
        self.words = (wording.clone(), language);
        self
    }

    /// A hand that also looks whether the mails of alerts that await their acknowledgement were opened.
    #[must_use]
    pub fn opening(mut self, opened: bool) -> Self {
        self.opened = opened;
        self
    }

    /// The channels there are, and whether each repeats this alert by itself.
    #[must_use]
    pub fn repeating(&self, alert: &Alert) -> BTreeMap<String, bool> {
        self.channels.iter().map(|(name, channel)| (name.clone(), channel.repeats(alert))).collect()
    }

    /// A hand that lays and sends letters like this.
    #[must_use]
    pub fn posting(mut self, posting: Posting) -> Self {
        self.posting = Arc::new(posting);
        self
    }

    /// Whether copies of letters that were sent are kept, as far as the configuration says so.
    #[must_use]
    pub fn keeps_copies(&self) -> bool {
        self.posting.copy != Some(false)
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
        self.wake_lanes();
        self.desk.booked.notify_one();
    }

    fn wake_lanes(&self) {
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
        let (health, alerts) = self
            .store
            .call(move |db| {
                if !flags {
                    db.give_up_flags(now)?;
                }
                // nothing is under way yet: a repetition that was, of what was acknowledged meanwhile, does not leave again
                db.close_answered(true, now)?;
                let lost = db.give_up_alerts_except(&channels, now)?;
                if lost > 0 {
                    tracing::warn!(lost, "alerts are given up: their channel is no longer configured");
                }
                let health = db.health()?;
                for (channel, _) in health.iter().filter(|(_, health)| health.shut_until.is_some()) {
                    db.hold_no_longer(channel, now)?;
                }
                Ok((health, db.under_way("alert")?))
            })
            .await?;
        {
            let mut pulses = self.desk.pulses.lock().unwrap_or_else(PoisonError::into_inner);
            pulses.extend(health.into_iter().map(|(channel, health)| (channel, health::Pulse::resumed(health))));
        }
        let alerts = if planted::is(Bug::AlertNotRecovered) { Vec::new() } else { alerts };
        self.wake(alerts);
        send::cut_off(self, None).await?;
        self.give_up_letters().await
    }

    /// Letters of accounts that are no longer configured are given up: nobody could lay or send them.
    async fn give_up_letters(&self) -> Result<(), StoreError> {
        let accounts: Vec<String> = self.accounts.keys().cloned().collect();
        for row in self.store.call(move |db| db.letters_except(&accounts)).await? {
            let why = format!("the account {} is no longer configured", row.lane);
            tracing::warn!("a letter is given up: {why}");
            draft::give_up(self, &row, &why).await?;
        }
        Ok(())
    }

    /// Works for ever.
    ///
    /// # Errors
    /// When the database refuses.
    pub async fn work(&self) -> Result<(), StoreError> {
        // in the order they are polled in: an alert that is under way leaves before anything else is looked at
        let alerts = try_join_all(self.lanes().into_iter().map(|lane| alerts::lane(self, lane)));
        let filings = try_join_all(self.accounts.values().map(|account| filing::lane(self, account)));
        let letters = try_join_all(self.accounts.keys().map(|account| send::lane(self, account)));
        try_join4(alerts, filings, letters, self.look_out()).await.map(|_| ())
    }

    /// Looks at the outbox for all lanes together: wakes them when rows are due and when another process wrote.
    async fn look_out(&self) -> Result<(), StoreError> {
        let mut version: Option<i64> = None;
        loop {
            let now = self.clock.now();
            let looked = self.store.call(move |db| {
                let (alerts, filings) =
                    (db.next_due(&["alert"], now)?, db.next_due(&["file", "flag", "draft", "copy", "send"], now)?);
                Ok((db.data_version()?, alerts, filings))
            });
            let (found, alerts, filings) = looked.await?;
            if version.replace(found).is_some_and(|before| before != found) {
                self.store.changed_elsewhere();
                self.wake_lanes();
            } else {
                if alerts.now {
                    self.desk.alerts.notify_waiters();
                }
                if filings.now {
                    self.desk.filings.notify_waiters();
                }
            }
            let next = alerts.later.into_iter().chain(filings.later).min();
            let wait = next.and_then(|due| Duration::try_from(due.duration_since(now)).ok()).unwrap_or(LOOK_EVERY);
            tokio::select! {
                biased;
                () = tokio::time::sleep(wait.clamp(LOOK_AT_MOST_EVERY, LOOK_EVERY)) => {}
                () = self.desk.booked.notified() => {}
            }
        }
    }

    /// Alerts are to be expected soon: the connections they will take are opened now.
    pub fn expect_alerts(&self) {
        self.desk.expecting.notify_waiters();
    }

    /// Keeps the connections to the channels open, for ever, each as often as its service is to be asked.
    pub async fn keep_warm(&self) -> std::convert::Infallible {
        let one = |channel: &Channel| {
            let channel = Arc::clone(channel);
            async move {
                let mut wanted = channel.keep_warm().is_some();
                loop {
                    if wanted {
                        channel.warm().await;
                    }
                    wanted = true;
                    let again = async {
                        match channel.keep_warm() {
                            Some(every) => tokio::time::sleep(every).await,
                            None => std::future::pending().await,
                        }
                    };
                    tokio::select! {
                        biased;
                        () = again => {}
                        () = self.desk.expecting.notified() => {}
                    }
                }
            }
        };
        join_all(self.channels.values().map(one)).await;
        std::future::pending().await
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
}

/// When an effect is tried again after so many attempts: doubling waits from `first`, at most `longest`.
fn next_attempt(now: Timestamp, attempts: u32, first: Duration, longest: Duration) -> Timestamp {
    let wait = first.saturating_mul(1_u32.checked_shl(attempts.saturating_sub(1).min(20)).unwrap_or(u32::MAX));
    let wait = SignedDuration::try_from(wait.min(longest)).unwrap_or(SignedDuration::from_secs(300));
    now.checked_add(wait).unwrap_or(Timestamp::MAX)
}

#[cfg(test)]
mod tests;
