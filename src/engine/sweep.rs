//! Sorting what already lies in a mailbox: fetched in windows, read on all cores, settled in batches, and moved by the
//! hand, all at the same time. What waits between two of these steps is bounded in bytes.

use super::{Engine, EngineError, Mailbox, take};
use crate::edge::imap::{Fetch, Fetched, Session, UidSet};
use crate::edge::store::{Settled, Settling};
use crate::mailbox::{Arrival, Place};
use crate::plan::Effect;
use std::collections::BTreeMap;
use tokio::sync::mpsc;

/// Messages of one fetch.
const WINDOW: usize = 250;
/// A batch, which is read and settled together, ends with the message that brings it to so many...
const BATCH: usize = 128;
/// ... or to so many bytes.
const BATCH_BYTES: usize = 512 * 1024;
/// Batches that wait between two steps.
const WAITING: usize = 1;

/// What a sweep did, or (in a dry run) would do.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Swept {
    /// Messages looked at.
    pub seen: usize,
    /// Messages that were settled before, here or elsewhere.
    pub known: usize,
    /// Messages by category, and how many of them are filed into which folder.
    pub folders: BTreeMap<(String, Option<String>), usize>,
    /// Alerts that leave (restocks that are still warm, and summaries).
    pub alerts: usize,
    /// Messages on which a step failed: they stay where they are.
    pub poison: usize,
}

/// What a sweep would do with one message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Planned {
    /// Where it lies.
    pub place: Place,
    /// What it is.
    pub category: String,
    /// The rule that decided.
    pub rule: Option<String>,
    /// Where it would go.
    pub folder: Option<String>,
}

/// How far a sweep is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// Messages done.
    pub done: usize,
    /// Messages in all.
    pub all: usize,
}

/// How a sweep acts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Acting {
    /// Nothing is written.
    DryRun,
    /// Settled; another process does what follows.
    Leave,
    /// Settled, and this process holds the hand.
    Hand,
}

impl Engine {
    /// Sweeps one mailbox. `planned` is called for each message, `progress` after each window.
    ///
    /// # Errors
    /// The mailbox cannot be read, or the database refuses. What was settled until then stays settled.
    pub async fn sweep(
        &self,
        mailbox: &Mailbox,
        acting: Acting,
        mut planned: impl FnMut(&Planned),
        mut progress: impl FnMut(Progress),
    ) -> Result<Swept, EngineError> {
        let mut session = Session::open(&mailbox.account).await?;
        let opened = session.examine(&mailbox.name).await?;
        if acting != Acting::DryRun {
            self.learn_view(&mut session, mailbox).await?;
        }
        // what the shopper has deleted is no longer hers to find again in a folder
        let wanted = |one: &Fetched| (!one.is_deleted()).then_some(());
        let uids: Vec<u32> = session.survey(&UidSet::from(1), Fetch::Flags, wanted).await?.into_keys().collect();
        let all = uids.len();
        progress(Progress { done: 0, all });
        let (to_read, mut fetched) = mpsc::channel::<Vec<Arrival>>(WAITING);
        let (to_settle, mut read) = mpsc::channel(WAITING);
        let cap = mailbox.account.fetch_cap;
        let place = |uid| Place {
            account: mailbox.account.name.clone(),
            mailbox: mailbox.name.clone(),
            uid_validity: opened.uid_validity,
            uid,
        };
        let fetching = async {
            let windows: Vec<UidSet> = uids.chunks(WINDOW).map(|window| UidSet::of(window.iter().copied())).collect();
            let (mut batch, mut bytes) = (Vec::new(), 0_usize);
            let take = async |one: Fetched| {
                bytes = bytes.saturating_add(one.bytes.len());
                batch.push(Arrival {
                    place: place(one.uid),
                    received: one.received.unwrap_or_else(|| self.clock.now()),
                    size: one.size,
                    bytes: one.bytes,
                });
                if batch.len() < BATCH && bytes < BATCH_BYTES {
                    return true;
                }
                bytes = 0;
                to_read.send(std::mem::take(&mut batch)).await.is_ok()
            };
            session.fetch_each(&windows, Fetch::First(cap), take).await?;
            if !batch.is_empty() {
                let _ = to_read.send(batch).await; // whoever no longer reads has an error of its own to tell
            }
            drop(to_read);
            session.logout().await;
            Ok::<(), EngineError>(())
        };
        let reading = async {
            while let Some(arrivals) = fetched.recv().await {
                let rules = self.rules.of(&mailbox.account.name);
                let reads = take::read(&self.clock, &rules, mailbox, arrivals).await;
                if to_settle.send((rules, reads)).await.is_err() {
                    break;
                }
            }
            drop(to_settle);
            Ok(())
        };
        let sorting = async {
            let mut swept = Swept::default();
            while let Some((rules, reads)) = read.recv().await {
                swept.seen += reads.len();
                let settlings = self.conclude(&rules, reads).await?;
                settlings.iter().for_each(|one| planned(&plan_of(one)));
                self.count(&mut swept, settlings, acting).await?;
                progress(Progress { done: swept.seen, all });
            }
            Ok::<Swept, EngineError>(swept)
        };
        let ((), (), swept) = futures_util::future::try_join3(fetching, reading, sorting).await?;
        if acting != Acting::DryRun {
            self.begin_watching_here(mailbox, opened.uid_validity, opened.uid_next).await?;
        }
        Ok(swept)
    }

    /// Whether the mailbox shows messages that lie somewhere else, too: the watch learns it as well, but may never run.
    async fn learn_view(&self, session: &mut Session, mailbox: &Mailbox) -> Result<(), EngineError> {
        let view = match session.is_view(&mailbox.name).await {
            Ok(view) => view,
            // what the server does not show is swept all the same; the hand looks once more before it moves anything
            Err(error) if error.refused => return Ok(()),
            Err(error) => return Err(error.into()),
        };
        let (account, name) = (mailbox.account.name.clone(), mailbox.name.clone());
        Ok(self.store.call(move |db| db.is_view(&account, &name, view)).await?)
    }

    async fn count(&self, swept: &mut Swept, settlings: Vec<Settling>, acting: Acting) -> Result<(), EngineError> {
        let plans: Vec<(Planned, usize, bool)> = settlings
            .iter()
            .map(|one| {
                let alerts = one.step.plan.iter().filter(|wish| matches!(wish.effect, Effect::Alert { .. })).count();
                (plan_of(one), alerts, one.poison.is_some())
            })
            .collect();
        let settled = match acting {
            Acting::DryRun => {
                let keys: Vec<_> = settlings.iter().map(|one| one.key).collect();
                self.store
                    .call(move |db| {
                        keys.iter()
                            .map(|key| {
                                let new = Settled::New { alerts: Vec::new() };
                                Ok(if db.knows(key)? { Settled::KnownPlace } else { new })
                            })
                            .collect()
                    })
                    .await?
            }
            Acting::Leave => self.settle(settlings, false, false).await?,
            Acting::Hand => self.settle(settlings, true, false).await?,
        };
        for ((plan, alerts, poison), settled) in plans.into_iter().zip(settled) {
            match settled {
                Settled::New { .. } => {
                    swept.alerts += alerts;
                    swept.poison += usize::from(poison);
                }
                Settled::KnownPlace | Settled::NewPlace => swept.known += 1,
            }
            *swept.folders.entry((plan.category, plan.folder)).or_default() += 1;
        }
        Ok(())
    }

    /// A mailbox that was never watched is watched from what the sweep saw on: mail that comes before the first watch
    /// is not backlog.
    async fn begin_watching_here(
        &self,
        mailbox: &Mailbox,
        uid_validity: u32,
        uid_next: u32,
    ) -> Result<(), EngineError> {
        let (account, name) = (mailbox.account.name.clone(), mailbox.name.clone());
        let now = self.clock.now();
        self.store
            .call(move |db| {
                if uid_next > 0 && db.cursor(&account, &name)?.is_none() {
                    db.move_cursor(&account, &name, uid_validity, uid_next, now)?;
                }
                Ok(())
            })
            .await?;
        Ok(())
    }
}

fn plan_of(one: &Settling) -> Planned {
    let folder = one.step.plan.iter().find_map(|wish| match &wish.effect {
        Effect::File { folder } => Some(folder.clone()),
        _ => None,
    });
    Planned { place: one.place.clone(), category: one.verdict.category.clone(), rule: one.verdict.rule.clone(), folder }
}
