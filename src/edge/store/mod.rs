//! One SQLite file: cursors, events, statements and the outbox.
//!
//! [`Db`] is the open database, [`Store`] a handle on it. Live, one thread owns the database and callers wait for it
//! without blocking; in a simulation, whose clock is paused, the caller itself does the work.

mod agenda;
mod awaiting;
mod backup;
mod calendar;
mod chain;
mod checkup;
mod correction;
mod coupon;
mod cursor;
#[cfg(feature = "planted")]
mod disk;
mod due;
mod expire;
mod flag;
mod held;
mod history;
mod hot;
mod latency;
mod ledger;
mod letter;
mod life;
mod lines;
mod month;
mod near;
mod open;
mod outbox;
mod past;
mod post;
mod rebuild;
mod release;
mod restock_log;
mod rule_hits;
mod session;
mod settle;
mod transfer;
mod view;
mod waiting;
mod word;

pub use agenda::{Enter, Kept, Later};
pub use awaiting::{ANSWERED, Acknowledged, AwaitedMail, ToWithdraw, Took, Waits};
pub use backup::Copied;
pub use chain::{Health, NOT_NEEDED, is_no_loss};
pub use checkup::Soundness;
pub use correction::Correction;
pub use cursor::Cursor;
#[cfg(feature = "planted")]
pub use disk::Disk;
pub use due::NextDue;
pub use expire::{Carry, Expired, Piece};
pub use flag::{Became, Flagged, Taken, Watching};
pub use history::{Action, Decided, Redecided, Sought, Subject};
pub use ledger::OldMail;
pub use letter::LetterFate;
pub use life::{Lane, Lived, TakenBack, Watch};
pub use lines::{Export, TransferError};
pub use near::Told;
pub use open::{BEFORE_UPGRADE, Db, StoreError};
pub use outbox::{LeftOver, Row, SeenAt, State};
pub use past::{PastMailbox, Reached};
pub use post::{Posted, Way, letter_of};
pub use release::{Quarantined, Releasing, Standing};
pub use rule_hits::{Hits, SILENT_DAYS, Unmatched};
pub use session::{LINK_LIVES, SESSION_IDLES, SESSION_LIVES, SecretDigest, Session};
pub use settle::{Settled, Settling};
pub use transfer::TakenOver;
pub use view::Relabelled;
pub use waiting::{Found, Version};
pub use word::{Decided as LetterDecided, LettersSettled, Noted, Refused, Story};

pub use crate::review::latency::{Course, Latency};

use jiff::Timestamp;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::{oneshot, watch};

type Job = Box<dyn FnOnce(&mut Db) + Send>;

/// A handle on the database. Clones share it.
#[derive(Clone)]
pub struct Store {
    driver: Driver,
    /// Counts the pieces of work that wrote something.
    changes: Arc<watch::Sender<u64>>,
    /// Where the database lies, if it is a file.
    folder: Option<Arc<Path>>,
}

#[derive(Clone)]
enum Driver {
    Owner(std::sync::mpsc::Sender<Job>),
    Inline(Arc<Mutex<Db>>),
    #[cfg(feature = "planted")]
    Simulated(Arc<Mutex<Db>>, Disk),
}

impl Store {
    /// Opens the database of a state folder (made when missing), owned by a thread that ends with the last handle.
    ///
    /// # Errors
    /// See [`Db::open`].
    pub fn open(folder: &Path) -> Result<Self, StoreError> {
        let mut db = Db::open(folder)?;
        let (jobs, todo) = std::sync::mpsc::channel::<Job>();
        let changes = Arc::new(watch::Sender::new(0));
        let told = Arc::clone(&changes);
        std::thread::Builder::new()
            .name("store".to_owned())
            .spawn(move || {
                for job in todo {
                    let before = db.rows_written();
                    job(&mut db);
                    if db.rows_written() != before {
                        told.send_modify(count);
                    }
                }
            })
            .map_err(|error| StoreError::Thread { error })?;
        Ok(Self { driver: Driver::Owner(jobs), changes, folder: Some(folder.into()) })
    }

    /// A handle whose calls run on the caller.
    #[must_use]
    pub fn inline(db: Arc<Mutex<Db>>) -> Self {
        Self { driver: Driver::Inline(db), changes: Arc::new(watch::Sender::new(0)), folder: None }
    }

    /// The folder of the database, for whoever reads much over a connection of its own ([`Db::open_to_read`]) and would
    /// keep others waiting here; `None` where there is no file.
    #[must_use]
    pub fn folder(&self) -> Option<&Path> {
        self.folder.as_deref()
    }

    /// Changes whenever this process wrote something, and when another one was seen to have.
    #[must_use]
    pub fn changes(&self) -> watch::Receiver<u64> {
        self.changes.subscribe()
    }

    /// Another process wrote ([`Db::data_version`]): whoever follows [`Store::changes`] is told.
    pub fn changed_elsewhere(&self) {
        self.changes.send_modify(count);
    }

    /// A handle whose calls run on the caller, on a disk that may fail, and that gives way after each: the caller can be
    /// gone before it has its answer.
    #[cfg(feature = "planted")]
    #[must_use]
    pub fn simulated(db: Arc<Mutex<Db>>, disk: Disk) -> Self {
        Self { driver: Driver::Simulated(db, disk), changes: Arc::new(watch::Sender::new(0)), folder: None }
    }

    /// Runs a piece of work on the database. Once begun it is carried to its end, even if the caller goes away.
    ///
    /// # Errors
    /// What the work answers, or that the database's thread has ended.
    pub async fn call<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Db) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        match &self.driver {
            Driver::Inline(db) => {
                let mut db = db.lock().unwrap_or_else(PoisonError::into_inner);
                noted(&mut db, &self.changes, work)
            }
            #[cfg(feature = "planted")]
            Driver::Simulated(db, disk) => {
                let answer = disk.work(db, |db| noted(db, &self.changes, work));
                tokio::task::yield_now().await;
                answer
            }
            Driver::Owner(jobs) => {
                let (answer, answered) = oneshot::channel();
                let job: Job = Box::new(move |db| {
                    let _ = answer.send(work(db));
                });
                jobs.send(job).map_err(|_| StoreError::Gone)?;
                answered.await.map_err(|_| StoreError::Gone)?
            }
        }
    }
}

impl Store {
    /// Reads from the database beside whoever writes to it: however long that takes, no mail waits for it.
    ///
    /// # Errors
    /// What the work answers, or that the database cannot be opened a second time.
    pub async fn look<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Db) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        match self.folder.clone() {
            Some(folder) => {
                let looked = tokio::task::spawn_blocking(move || work(&Db::open_to_read(&folder)?));
                looked.await.unwrap_or(Err(StoreError::Gone))
            }
            None => self.call(|db| work(db)).await,
        }
    }
}

/// Runs a piece of work, and tells whoever follows the changes if it wrote.
fn noted<T>(
    db: &mut Db,
    changes: &watch::Sender<u64>,
    work: impl FnOnce(&mut Db) -> Result<T, StoreError>,
) -> Result<T, StoreError> {
    let before = db.rows_written();
    let answer = work(db);
    if db.rows_written() != before {
        changes.send_modify(count);
    }
    answer
}

fn count(changes: &mut u64) {
    *changes = changes.wrapping_add(1);
}

/// Whole seconds since 1970.
fn seconds(at: Timestamp) -> i64 {
    at.as_second()
}

/// Milliseconds since 1970.
fn millis(at: Timestamp) -> i64 {
    at.as_millisecond()
}

fn from_seconds(seconds: i64) -> Timestamp {
    Timestamp::from_second(seconds).unwrap_or(Timestamp::UNIX_EPOCH)
}

fn from_millis(millis: i64) -> Timestamp {
    Timestamp::from_millisecond(millis).unwrap_or(Timestamp::UNIX_EPOCH)
}

#[cfg(test)]
mod tests;
