//! Wires causes to steps, steps to the store, and the store to the hand.
//!
//! Everything runs inside one future: dropped at any moment, it leaves nothing behind but the database, and the next
//! start goes on from there.

mod answers;
pub mod backtest;
mod calendar;
pub mod checkup;
pub mod corrections;
mod expire;
mod flags;
mod held;
mod hot;
pub mod import;
pub mod life;
pub mod past;
pub mod preview;
mod pulse;
pub mod pure;
pub mod rebuild;
pub mod release;
pub mod reload;
mod remind;
mod stack;
pub mod sweep;
mod take;
pub mod undo;
pub mod wishes;

use crate::edge::clock::Clock;
use crate::edge::config::{self, Backlog};
use crate::edge::hand::Hand;
use crate::edge::imap::{self, Dial, ImapAccount, ImapError, Sight};
use crate::edge::store::{Cursor, Store, StoreError};
use crate::edge::tls;
use crate::ledger::due::Settings;
use crate::mailbox::Arrival;
use crate::plan::Policy;
use crate::plan::hot::Hours;
use crate::planted::{self, Bug};
use futures_util::future::try_join_all;
use jiff::Timestamp;
use life::Lives;
use std::collections::BTreeSet;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc;

pub use pulse::{Surroundings, own_addresses};
pub use stack::{Own, Rules};

/// Sights that may wait for the engine: a watching connection that is ahead of the database waits.
const SIGHTS: usize = 64;
/// Most messages of one transaction.
const BATCH: usize = 32;
/// After a stop, so long may effects that are under way take to end.
const ENDING: Duration = Duration::from_secs(5);

/// Why the engine stopped.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// The database refused: going on could lose something.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A mailbox could not be used (one-shot commands; a watch tries again).
    #[error(transparent)]
    Imap(#[from] ImapError),
    /// An account cannot be prepared.
    #[error("account `{account}`: {what}")]
    Account {
        /// Which.
        account: String,
        /// Why.
        what: String,
    },
}

/// A mailbox that is watched.
#[derive(Clone)]
pub struct Mailbox {
    /// How to reach it.
    pub account: ImapAccount,
    /// Its name.
    pub name: String,
    /// Whose Authentication-Results count.
    pub authserv_ids: Vec<String>,
}

impl Mailbox {
    /// A mailbox as configured.
    ///
    /// # Errors
    /// When TLS cannot be prepared (an unreadable certificate file).
    pub fn of(account: &config::Account) -> Result<Self, EngineError> {
        let tls = account.pin.map_or_else(|| tls::client_config(account.ca_file.as_deref()), tls::pinned_config);
        let tls =
            tls.map_err(|error| EngineError::Account { account: account.name.clone(), what: error.to_string() })?;
        let dial = Dial::Tcp {
            host: account.host.clone(),
            port: account.port,
            security: account.security,
            tls: Arc::new(tls),
        };
        let imap = ImapAccount {
            name: account.name.clone(),
            dial,
            user: account.user.clone(),
            credential: account.credential.clone(),
            pace: account.pace.clone(),
            fetch_cap: account.fetch_cap,
        };
        Ok(Self { account: imap, name: account.mailbox.clone(), authserv_ids: account.authserv_ids.clone() })
    }
}

/// The engine, ready to run.
#[derive(Clone)]
pub struct Engine {
    /// The database.
    pub store: Store,
    /// The hand.
    pub hand: Hand,
    /// The time.
    pub clock: Clock,
    /// The rules.
    pub rules: Rules,
    /// What may be done.
    pub policy: Policy,
    /// What happens to mail that lay in a mailbox when it was first opened.
    pub backlog: Backlog,
    /// The shopper's own addresses, lower case.
    pub own_addresses: BTreeSet<String>,
    /// What is watched.
    pub mailboxes: Vec<Mailbox>,
    /// The clocks of the ledger.
    pub ledger: Settings,
    /// When mailboxes are asked all the time.
    pub hot: Hours,
}

/// What a watch of one mailbox remembers between sights.
#[derive(Debug, Default)]
struct Watching {
    /// Unknown mail received before this is backlog that is left alone.
    leave_before: Option<Timestamp>,
    /// Told once, when everything that lay there was read.
    unread: Option<Unread>,
}

/// How many mailboxes were not looked through yet.
type Unread = tokio::sync::watch::Sender<usize>;

impl Engine {
    /// Watches all mailboxes and works off the outbox until `stop` is there; then ends what is under way.
    ///
    /// The caller holds the hand's lock.
    ///
    /// # Errors
    /// Only when the database refuses: everything else is tried again.
    pub async fn watch(&self, stop: impl Future<Output = ()>) -> Result<(), EngineError> {
        self.watch_in(Surroundings::default(), stop).await
    }

    /// As [`Engine::watch`], with a service manager to be told how it goes.
    ///
    /// # Errors
    /// Only when the database refuses: everything else is tried again.
    pub async fn watch_in(&self, around: Surroundings, stop: impl Future<Output = ()>) -> Result<(), EngineError> {
        let lives = self.resume(around.settings_at, around.by_hand).await?;
        self.hand.recover().await?;
        let work = self.hand.work();
        // how many mailboxes were not looked through yet
        let (unread, _) = tokio::sync::watch::channel(self.mailboxes.len());
        let watching =
            self.mailboxes.iter().enumerate().map(|(at, mailbox)| self.watch_one(mailbox, at, &lives, &unread));
        let watching = try_join_all(watching);
        tokio::pin!(work);
        let ended = tokio::select! {
            biased;
            () = stop => Ok(()),
            ended = &mut work => ended.map_err(EngineError::from),
            ended = watching => ended.map(|_| ()),
            ended = self.follow_rules() => ended,
            ended = self.follow_wishes() => ended,
            ended = self.follow_time(unread.subscribe()) => ended,
            ended = self.tell_kept_back() => ended,
            ended = self.follow_answers() => ended,
            ended = self.serve_pages(around.config.as_ref()) => ended,
            ended = self.keep_calendar(around.config.as_ref().map(|config| &config.calendar)) => ended,
            ended = self.keep_flags() => ended,
            ended = self.let_go(around.config.as_ref().map(|config| config.keep)) => ended,
            ended = self.keep_hot(&lives.hot) => ended,
            ended = self.tick(&lives, &around) => ended,
            () = self.attend(&lives, around.systemd.as_ref()) => Ok(()),
            never = self.hand.keep_warm() => match never {},
        };
        if let Some(systemd) = &around.systemd {
            systemd.stopping();
        }
        ended?;
        let (now, last) = (self.clock.now(), lives.now());
        self.store.call(move |db| db.keep_lives(&last, &[], now)).await?;
        let under_way_ended = async {
            while self.store.call(|db| db.any_under_way()).await? {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
            Ok::<(), StoreError>(())
        };
        tokio::select! {
            biased;
            quiet = under_way_ended => quiet?,
            ended = &mut work => ended?,
            () = tokio::time::sleep(ENDING) => tracing::warn!("effects are still under way; they are looked at at the next start"),
        }
        Ok(())
    }

    async fn watch_one(&self, mailbox: &Mailbox, at: usize, lives: &Lives, unread: &Unread) -> Result<(), EngineError> {
        let mut watching = Watching { unread: Some(unread.clone()), ..Watching::default() };
        loop {
            let (sights, mut seen) = mpsc::channel(SIGHTS);
            let standing = lives.standing(at);
            let watch = imap::watch(&mailbox.account, &mailbox.name, &self.clock, standing, lives.cues(), sights);
            let look = async {
                let mut batch = Vec::new();
                while seen.recv_many(&mut batch, BATCH).await > 0 {
                    self.look(mailbox, at, lives, &mut watching, batch.drain(..)).await?;
                }
                Ok(())
            };
            tokio::select! {
                // taken first: what was seen is settled before more is read
                biased;
                ended = look => return ended,
                () = watch => return Ok(()),
                () = lives.again(at) => {}
            }
        }
    }

    /// Works through sights in their order; messages that follow each other are settled together.
    async fn look(
        &self,
        mailbox: &Mailbox,
        at: usize,
        lives: &Lives,
        watching: &mut Watching,
        sights: impl Iterator<Item = Sight>,
    ) -> Result<(), EngineError> {
        let account = mailbox.account.name.as_str();
        let mut arrivals: Vec<Arrival> = Vec::new();
        for sight in sights {
            if let Sight::Mail(arrival) = sight {
                lives.goes_on(at);
                if planted::is(Bug::CursorBeforeCommit) {
                    self.move_cursor(mailbox, arrival.place.uid_validity, arrival.place.uid.saturating_add(1)).await?;
                }
                arrivals.push(arrival);
                continue;
            }
            self.take(mailbox, watching.leave_before, lives.watches(at), std::mem::take(&mut arrivals)).await?;
            lives.note(at, &sight, self.clock.now());
            match sight {
                Sight::Mail(_) => {}
                Sight::Opened { means, uid_validity, uid_next, view, reply } => {
                    self.hand.hold(account, false);
                    let (of, name) = (account.to_owned(), mailbox.name.clone());
                    self.store.call(move |db| db.is_view(&of, &name, view)).await?;
                    let from = self.start(mailbox, watching, uid_validity, uid_next).await?;
                    tracing::info!(account, mailbox = mailbox.name, from, by = means.word(), "watching");
                    let _ = reply.send(from); // the connection may be lost again already
                }
                Sight::Unfetched { place, why } => {
                    tracing::warn!("{place}: passed by, the server does not hand it over: {why}");
                }
                Sight::Looked { uid_validity, next_uid, whole } => {
                    // a mark half-way would make the rest of a backlog that is left alone look new
                    if whole || watching.leave_before.is_none() {
                        self.move_cursor(mailbox, uid_validity, next_uid).await?;
                    }
                    if let Some(unread) = watching.unread.take_if(|_| whole) {
                        unread.send_modify(|left| *left = left.saturating_sub(1));
                    }
                }
                Sight::Alive => {}
                Sight::Lost { trouble, wait, .. } => {
                    self.hand.hold(account, true);
                    tracing::warn!(account, mailbox = mailbox.name, "{trouble}; trying again in {} s", wait.as_secs());
                }
            }
        }
        self.take(mailbox, watching.leave_before, lives.watches(at), arrivals).await
    }

    async fn move_cursor(&self, mailbox: &Mailbox, uid_validity: u32, next_uid: u32) -> Result<(), EngineError> {
        let (account, name, now) = (mailbox.account.name.clone(), mailbox.name.clone(), self.clock.now());
        self.store.call(move |db| db.move_cursor(&account, &name, uid_validity, next_uid, now)).await?;
        Ok(())
    }

    /// Which UID to look from, after the mailbox was opened.
    async fn start(
        &self,
        mailbox: &Mailbox,
        watching: &mut Watching,
        uid_validity: u32,
        uid_next: u32,
    ) -> Result<u32, EngineError> {
        let (account, name) = (mailbox.account.name.clone(), mailbox.name.clone());
        let now = self.clock.now();
        let backlog = self.backlog;
        let (from, leave_before) = self
            .store
            .call(move |db| {
                let start = start_of(db.cursor(&account, &name)?, backlog, uid_validity, uid_next, now);
                if start.renumbered {
                    tracing::warn!(account, mailbox = name, "the mailbox was renumbered: it is looked through again");
                    db.renumbered(&account, &name, uid_validity)?;
                }
                if start.first {
                    db.move_cursor(&account, &name, uid_validity, start.from, now)?;
                }
                Ok((start.from, start.leave_before))
            })
            .await?;
        watching.leave_before = leave_before;
        Ok(from)
    }
}

/// Where a look begins.
#[derive(Debug, PartialEq, Eq)]
struct Start {
    from: u32,
    leave_before: Option<Timestamp>,
    first: bool,
    renumbered: bool,
}

fn start_of(cursor: Option<Cursor>, backlog: Backlog, uid_validity: u32, uid_next: u32, now: Timestamp) -> Start {
    match (cursor, backlog) {
        (None, Backlog::Sort) => Start { from: 1, leave_before: None, first: true, renumbered: false },
        // a server that does not tell its next UID: the backlog is known by its age instead
        (None, Backlog::Leave) if uid_next == 0 => {
            Start { from: 1, leave_before: Some(now), first: true, renumbered: false }
        }
        (None, Backlog::Leave) => Start { from: uid_next, leave_before: None, first: true, renumbered: false },
        // nothing was looked through to the end yet: what lay there then is still backlog
        (Some(cursor), Backlog::Leave)
            if cursor.uid_validity == uid_validity && uid_next == 0 && cursor.next_uid <= 1 =>
        {
            Start { from: 1, leave_before: Some(cursor.first_opened_at), first: false, renumbered: false }
        }
        (Some(cursor), _) if cursor.uid_validity == uid_validity => {
            // a next UID that went back: the server lost messages; looking from there loses none
            let from = if uid_next == 0 { cursor.next_uid } else { cursor.next_uid.min(uid_next) };
            Start { from: from.max(1), leave_before: None, first: false, renumbered: false }
        }
        (Some(cursor), _) => {
            let leave_before = (backlog == Backlog::Leave).then_some(cursor.first_opened_at);
            Start { from: 1, leave_before, first: false, renumbered: true }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_look_begins_where_nothing_is_lost_and_no_backlog_is_stirred() {
        let now = Timestamp::from_second(2_000).unwrap();
        let first = Timestamp::from_second(1_000).unwrap();
        let cursor = Cursor { uid_validity: 7, next_uid: 50, first_opened_at: first, last_good_at: first };
        let from = |cursor, backlog, validity, next| {
            let start = start_of(cursor, backlog, validity, next, now);
            (start.from, start.leave_before, start.first, start.renumbered)
        };
        assert_eq!(from(None, Backlog::Leave, 7, 90), (90, None, true, false));
        assert_eq!(from(None, Backlog::Leave, 7, 0), (1, Some(now), true, false));
        assert_eq!(from(None, Backlog::Sort, 7, 90), (1, None, true, false));
        assert_eq!(from(Some(cursor), Backlog::Leave, 7, 90), (50, None, false, false));
        assert_eq!(from(Some(cursor), Backlog::Leave, 7, 20), (20, None, false, false));
        assert_eq!(from(Some(cursor), Backlog::Leave, 7, 0), (50, None, false, false));
        let begun = Cursor { next_uid: 1, ..cursor };
        assert_eq!(from(Some(begun), Backlog::Leave, 7, 0), (1, Some(first), false, false), "never looked to the end");
        assert_eq!(from(Some(begun), Backlog::Leave, 7, 90), (1, None, false, false));
        assert_eq!(from(Some(cursor), Backlog::Leave, 8, 90), (1, Some(first), false, true));
        assert_eq!(from(Some(cursor), Backlog::Sort, 8, 90), (1, None, false, true));
    }
}
