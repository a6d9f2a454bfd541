//! A disk that fails, for simulations: full, refusing a commit, or carrying it out and reporting an error.

use super::{Db, StoreError};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, PoisonError};

/// What is still to go wrong with a simulated disk. Clones are the same disk.
#[derive(Clone, Debug, Default)]
pub struct Disk(Arc<Troubles>);

#[derive(Debug, Default)]
struct Troubles {
    /// So many commits are still refused.
    refuse: Arc<AtomicU32>,
    /// The next piece of work is carried out and answered with an error.
    lose_answer: AtomicBool,
    /// The file must not grow.
    full: AtomicBool,
    /// How often each struck: refused, answer lost, full.
    struck: [AtomicU32; 3],
}

impl Disk {
    /// The next commits are refused (`commit_hook`): nothing of them is kept.
    pub fn refuse(&self, commits: u32) {
        self.0.refuse.store(commits, Ordering::Relaxed);
    }

    /// The next piece of work that writes is kept, and reported as failed: an fsync that fails after the fact.
    pub fn lose_answer(&self) {
        self.0.lose_answer.store(true, Ordering::Relaxed);
    }

    /// From now on the file must not grow (`PRAGMA max_page_count`), or it may again.
    pub fn fill(&self, full: bool) {
        self.0.full.store(full, Ordering::Relaxed);
    }

    /// Everything works again.
    pub fn mend(&self) {
        self.refuse(0);
        self.0.lose_answer.store(false, Ordering::Relaxed);
        self.fill(false);
    }

    /// How often each struck: refused commits, answers lost, full.
    #[must_use]
    pub fn struck(&self) -> [u32; 3] {
        self.0.struck.each_ref().map(|count| count.load(Ordering::Relaxed))
    }

    /// Puts the database on this disk.
    ///
    /// # Errors
    /// When SQLite refuses the hook.
    pub fn hold(&self, db: &mut Db) -> Result<(), StoreError> {
        let refuse = Arc::clone(&self.0.refuse);
        db.connection.commit_hook(Some(move || {
            refuse.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1)).is_ok()
        }))?;
        Ok(())
    }

    /// Runs a piece of work under these troubles.
    pub(super) fn work<T>(
        &self,
        db: &Mutex<Db>,
        work: impl FnOnce(&mut Db) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let mut db = db.lock().unwrap_or_else(PoisonError::into_inner);
        let full = self.0.full.load(Ordering::Relaxed);
        if full {
            // less than there are: SQLite takes the size that the file has
            let _: u32 = db.connection.query_row("PRAGMA max_page_count = 1", [], |row| row.get(0))?;
        }
        let before = (self.0.refuse.load(Ordering::Relaxed), db.connection.total_changes());
        let answer = work(&mut db);
        if full {
            let _: u32 = db.connection.query_row("PRAGMA max_page_count = 1073741823", [], |row| row.get(0))?;
        }
        let count = |which: usize| self.0.struck.get(which).map(|count| count.fetch_add(1, Ordering::Relaxed));
        if self.0.refuse.load(Ordering::Relaxed) < before.0 {
            count(0);
        }
        let changed = db.connection.total_changes() > before.1;
        if answer.is_ok() && changed && self.0.lose_answer.swap(false, Ordering::Relaxed) {
            count(1);
            return Err(StoreError::Gone);
        }
        if full && answer.is_err() {
            count(2);
        }
        answer
    }
}
