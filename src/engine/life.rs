//! Keeps the proof of life of every watched mailbox: in memory exactly, in the database soon, and tells the shopper when
//! one is not seen.

use super::{Engine, EngineError, Mailbox};
use crate::edge::Advice;
use crate::edge::imap::{Cues, Hot, Pace, Sight, Standing};
use crate::edge::store::{Lived, Row, Watch};
use crate::plan::sight::{self, Life, Reach};
use jiff::{SignedDuration, Timestamp};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::{Notify, watch};
use tokio::time::Instant;

/// A proof of life is written down within this time; a change of state at once.
pub(super) const KEEP_EVERY: SignedDuration = SignedDuration::from_secs(15);
/// Connecting, greeting, TLS, login, EXAMINE and the first look, each with its own deadline.
const STEPS: u32 = 6;
/// What a lane may be late by before it counts as stuck.
const SLACK: Duration = Duration::from_secs(60);

/// What is known of one mailbox, and how far that is written down.
struct Kept {
    life: Life,
    pace: Pace,
    /// Something is not written down yet: that it lives.
    proof: bool,
    /// Something is not written down yet: how it is reached.
    state: bool,
    /// Reported on once: opened, or tried in vain.
    tried: bool,
    /// By when its watch will have reported again.
    promise: Instant,
    /// The login was found to work, or is another: the watch begins anew.
    again: Arc<Notify>,
    /// It was told so, and has not reported since.
    woken: bool,
}

/// What is known of all watched mailboxes.
pub(super) struct Lives {
    all: Mutex<Vec<Kept>>,
    /// A state changed.
    changed: Notify,
    pub(super) hot: watch::Sender<Option<Hot>>,
    pub(super) shaken: watch::Sender<u64>,
    /// When the configuration was last changed.
    settings_at: Option<Timestamp>,
}

impl Lives {
    /// From what an earlier life wrote down. A person who starts the program (`by_hand`) wants it tried at once.
    pub(super) fn resume(engine: &Engine, kept: Vec<Lived>, settings_at: Option<Timestamp>, by_hand: bool) -> Self {
        let now = engine.clock.now();
        let one = |mailbox: &Mailbox| {
            let login = mailbox.account.login_mark(settings_at);
            let before =
                kept.iter().find(|one| one.life.account == mailbox.account.name && one.life.mailbox == mailbox.name);
            let life = match before.cloned() {
                Some(Lived { life, kept_at }) => life.resumed(&login, by_hand, kept_at, &engine.policy.blind, now),
                None => Life::new(&mailbox.account.name, &mailbox.name, &login, now),
            };
            let wait = life.not_before.and_then(|at| Duration::try_from(at.duration_since(now)).ok());
            let pace = mailbox.account.pace.clone();
            Kept {
                promise: Instant::now() + wait.unwrap_or_default() + pace.command * STEPS + SLACK,
                // one that must wait first will not be tried now
                tried: life.not_before.is_some(),
                life,
                pace,
                proof: true,
                state: true,
                again: Arc::default(),
                woken: false,
            }
        };
        Self {
            all: Mutex::new(engine.mailboxes.iter().map(one).collect()),
            changed: Notify::new(),
            hot: watch::Sender::new(None),
            shaken: watch::Sender::new(0),
            settings_at,
        }
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Kept>> {
        self.all.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What the watches are told.
    pub(super) fn cues(&self) -> Cues {
        Cues { hot: self.hot.subscribe(), shaken: self.shaken.subscribe() }
    }

    /// What an earlier life, or the last attempt, knows about reaching a mailbox.
    pub(super) fn standing(&self, at: usize) -> Standing {
        self.lock().get(at).map_or_else(Standing::default, |kept| Standing {
            failures: kept.life.failures,
            not_before: kept.life.not_before,
        })
    }

    /// Answers when the login of a mailbox was found to work while its watch waits for the shopper.
    pub(super) async fn again(&self, at: usize) {
        let again = self.lock().get(at).map(|kept| Arc::clone(&kept.again));
        match again {
            Some(again) => again.notified().await,
            None => std::future::pending().await,
        }
    }

    /// Takes note of what a watch reports.
    pub(super) fn note(&self, at: usize, sight: &Sight, now: Timestamp) {
        let mut all = self.lock();
        let Some(kept) = all.get_mut(at) else { return };
        let (reach, failures) = (kept.life.reach, kept.life.failures);
        let deadline = kept.pace.command;
        kept.woken &= !matches!(sight, Sight::Opened { .. } | Sight::Lost { .. });
        let mut within = kept.pace.bound(kept.life.means.as_deref()) + deadline * 2 + SLACK;
        match sight {
            Sight::Opened { means, .. } => {
                kept.life.opened(means.word(), now);
                within = deadline * 2 + SLACK;
            }
            Sight::Looked { whole: true, .. } => kept.life.looked(now),
            Sight::Looked { .. } => {}
            Sight::Alive => kept.life.seen(now),
            Sight::Lost { failures, trouble, wait } => {
                let asks = trouble.advice == Advice::Ask;
                let waits = SignedDuration::try_from(*wait).unwrap_or(SignedDuration::MAX);
                kept.life.lost(*failures, &trouble.what, asks, waits, now);
                within = *wait + deadline * STEPS + SLACK;
            }
            Sight::Mail(_) | Sight::Unfetched { .. } => {}
        }
        kept.promise = Instant::now() + within;
        kept.proof = true;
        let lost = matches!(sight, Sight::Lost { .. });
        if lost || kept.life.reach != reach || kept.life.failures != failures {
            kept.state = true;
            kept.tried |= lost || kept.life.reach == Reach::Watching;
            self.changed.notify_one();
        }
    }

    /// Whether a mailbox is watched: what comes now was not there before.
    pub(super) fn watches(&self, at: usize) -> bool {
        self.lock().get(at).is_some_and(|kept| kept.life.reach == Reach::Watching)
    }

    /// A watch brings mail: it is not stuck.
    pub(super) fn goes_on(&self, at: usize) {
        if let Some(kept) = self.lock().get_mut(at) {
            kept.promise = Instant::now() + kept.pace.command * 2 + SLACK;
        }
    }

    /// Every mailbox was opened and read, or tried in vain.
    pub(super) fn all_tried(&self) -> bool {
        self.lock().iter().all(|kept| kept.tried)
    }

    /// The watches that did not report by the time they should have.
    pub(super) fn stuck(&self) -> Vec<String> {
        let now = Instant::now();
        let all = self.lock();
        let late = all.iter().filter(|kept| kept.promise < now);
        late.map(|kept| format!("watching {} in {}", kept.life.mailbox, kept.life.account)).collect()
    }

    /// No connection can be trusted any more.
    pub(super) fn shake(&self, slept: bool, now: Timestamp) {
        if slept {
            for kept in self.lock().iter_mut() {
                kept.life.shaken(now);
                (kept.state, kept.proof) = (true, true);
            }
        }
        self.shaken.send_modify(|times| *times = times.wrapping_add(1));
    }

    fn is_hot(&self) -> bool {
        self.hot.borrow().is_some()
    }

    /// The lives as they are now.
    pub(super) fn now(&self) -> Vec<Life> {
        self.lock().iter().map(|kept| kept.life.clone()).collect()
    }

    /// When something is to be told, if nothing changes until then.
    pub(super) fn next(&self, engine: &Engine, now: Timestamp) -> Option<Timestamp> {
        let (all, hot) = (self.lock(), self.is_hot());
        all.iter().filter_map(|kept| kept.life.told_at(&engine.policy.blind, hot, now)).min()
    }

    pub(super) async fn changed(&self) {
        self.changed.notified().await;
    }
}

impl Engine {
    /// What an earlier life wrote down of the mailboxes; and that a watch begins.
    pub(super) async fn resume(&self, settings_at: Option<Timestamp>, by_hand: bool) -> Result<Lives, EngineError> {
        let now = self.clock.now();
        let watch = Watch {
            pid: std::process::id(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            began_at: now,
            rules: self.rules.said(),
            rules_at: now,
            rules_trouble: None,
        };
        let watched: Vec<(String, String)> =
            self.mailboxes.iter().map(|mailbox| (mailbox.account.name.clone(), mailbox.name.clone())).collect();
        let kept = self
            .store
            .call(move |db| {
                db.watch_began(&watch)?;
                db.forget_lives_except(&watched)?;
                db.asked_again()?;
                db.lives()
            })
            .await?;
        for mailbox in &self.mailboxes {
            self.hand.hold(&mailbox.account.name, true);
        }
        Ok(Lives::resume(self, kept, settings_at, by_hand))
    }

    /// Writes down what changed, tells what is to be told, and takes back what is true no more.
    pub(super) async fn keep_lives(&self, lives: &Lives, last: &mut Option<Timestamp>) -> Result<(), EngineError> {
        let now = self.clock.now();
        let hot = lives.is_hot();
        let soon = last.is_none_or(|last| now.duration_since(last).abs() >= KEEP_EVERY);
        let (write, wishes) = {
            let mut all = lives.lock();
            for kept in all.iter_mut() {
                let bound = kept.pace.bound(kept.life.means.as_deref());
                let bound = SignedDuration::try_from(bound).unwrap_or(SignedDuration::MAX);
                kept.state |= kept.life.reach == Reach::Watching && kept.life.overdue(bound, now);
            }
            let mut told: Vec<Life> = all.iter().map(|kept| kept.life.clone()).collect();
            let wishes = sight::on_blind(&mut told, &self.policy, hot, now);
            for (kept, told) in all.iter_mut().zip(told) {
                kept.state |= kept.life != told;
                kept.life = told;
            }
            let state = all.iter().any(|kept| kept.state);
            // being blind is written down again and again: a restart goes on with it
            let proof = soon && all.iter().any(|kept| kept.proof || kept.life.blind_since.is_some());
            let mut write = Vec::new();
            if state || proof {
                for kept in all.iter_mut() {
                    if kept.state || kept.proof || kept.life.blind_since.is_some() {
                        write.push(kept.life.clone());
                    }
                    (kept.state, kept.proof) = (false, false);
                }
            }
            (write, wishes)
        };
        if !write.is_empty() {
            *last = Some(now);
            let alerts = self.store.call(move |db| db.keep_lives(&write, &wishes, now)).await?;
            self.say(&alerts);
            self.hand.wake(alerts);
        }
        self.take_back(lives, now).await
    }

    fn say(&self, alerts: &[Row]) {
        if !alerts.is_empty() {
            tracing::warn!(alerts = alerts.len(), "the shopper is told that a mailbox is not seen");
        }
    }

    async fn take_back(&self, lives: &Lives, now: Timestamp) -> Result<(), EngineError> {
        let over = sight::over(&lives.now());
        for one in over {
            let stem = one.stem.clone();
            let (mailboxes, from, to) = (one.mailboxes.clone(), one.from, one.to);
            let (taken, mails) = self
                .store
                .call(move |db| Ok((db.no_longer_true(&stem, now)?, db.mails_between(&mailboxes, from, to)?)))
                .await?;
            if taken.under_way {
                continue;
            }
            let wishes = sight::on_return(&one, &taken.left, mails, &self.policy, now);
            let after = {
                let mut all = lives.lock();
                let mut after: Vec<Life> = all.iter().map(|kept| kept.life.clone()).collect();
                sight::forget(&mut after, &one.stem);
                for (kept, after) in all.iter_mut().zip(&after) {
                    kept.life = after.clone();
                }
                after
            };
            // one transaction with what was told: said once, also when the program is killed now
            let alerts = self.store.call(move |db| db.keep_lives(&after, &wishes, now)).await?;
            self.hand.wake(alerts);
        }
        Ok(())
    }

    /// The logins that were found to work, or were granted or changed, while a watch waits for the shopper.
    pub(super) async fn ask_again(&self, lives: &Lives) -> Result<(), EngineError> {
        if !lives.lock().iter().any(|kept| kept.life.reach == Reach::Refused) {
            return Ok(());
        }
        let accounts = self.store.call(|db| db.asked_again()).await?;
        for (kept, mailbox) in lives.lock().iter_mut().zip(&self.mailboxes) {
            if kept.life.reach != Reach::Refused || kept.woken {
                continue;
            }
            let login = mailbox.account.login_mark(lives.settings_at);
            let changed = kept.life.login != login;
            if changed {
                // a refusal of before says nothing of it; and it is tried for this reason once
                (kept.life.login, kept.life.failures, kept.state) = (login, 0, true);
            } else if !accounts.contains(&kept.life.account) {
                continue;
            }
            let why = if changed { "was changed" } else { "was found to work" };
            tracing::info!(account = kept.life.account, "the login {why}: tried at once");
            kept.life.not_before = None;
            kept.woken = true;
            kept.promise = Instant::now() + kept.pace.command * STEPS + SLACK;
            kept.again.notify_one();
        }
        Ok(())
    }
}
