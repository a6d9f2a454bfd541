//! What the pages of orders are made from beside the database: the clocks, what may be written, and how what is written
//! down on a page is carried out.

use crate::edge::store::{Db, Found, Store, StoreError, Version};
use crate::ledger::due::Settings;
use crate::letter::Replies;
use jiff::Timestamp;
use std::fmt;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

/// What pages of orders are made from.
#[derive(Clone, Debug, Default)]
pub struct Orders {
    /// The clocks of the ledger.
    pub settings: Arc<Settings>,
    /// What may be written to shops.
    pub replies: Arc<Replies>,
    /// Of a letter that was sent, as the shopper says, a copy is kept.
    pub copied: bool,
    /// How what was written down is carried out.
    pub carry: Carry,
    /// What waited when it was looked at last.
    seen: Arc<Mutex<Seen>>,
}

#[derive(Default)]
struct Seen {
    reader: Option<Db>,
    last: Option<(Version, Arc<Found>, Timestamp)>,
}

impl fmt::Debug for Seen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Seen").field("last", &self.last.as_ref().map(|(version, ..)| version)).finish_non_exhaustive()
    }
}

/// Something was written down that is to be carried out. Answers whether somebody does that now: a watch that runs, in
/// this process or another.
#[derive(Clone, Default)]
pub struct Carry(Option<Arc<dyn Fn() -> bool + Send + Sync>>);

impl Carry {
    /// One that is told like this.
    #[must_use]
    pub fn by(tell: impl Fn() -> bool + Send + Sync + 'static) -> Self {
        Self(Some(Arc::new(tell)))
    }

    /// Tells it; answers whether it is carried out now.
    #[must_use]
    pub fn tell(&self) -> bool {
        self.0.as_ref().is_some_and(|tell| tell())
    }
}

impl fmt::Debug for Carry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Carry({})", self.0.is_some())
    }
}

impl Orders {
    /// Pages with these clocks and letters.
    #[must_use]
    pub fn new(settings: Settings, replies: Replies) -> Self {
        Self { settings: Arc::new(settings), replies: Arc::new(replies), ..Self::default() }
    }

    /// The same, with whoever carries out what is written down.
    #[must_use]
    pub fn carried_out(mut self, carry: Carry) -> Self {
        self.carry = carry;
        self
    }

    /// The same; whether copies of sent letters are kept.
    #[must_use]
    pub fn copying(mut self, copied: bool) -> Self {
        self.copied = copied;
        self
    }

    /// What waits now. It is read over a connection of its own: a page keeps no alert waiting. As long as nobody writes, and no time comes at which something would look different, what was
    /// found before is found again.
    ///
    /// # Errors
    /// When the database refuses.
    pub(super) async fn found(&self, store: &Store, now: Timestamp) -> Result<Arc<Found>, StoreError> {
        let own = self.clone();
        let Some(folder) = store.folder().map(Path::to_owned) else {
            return store.call(move |db| own.look(db, now)).await;
        };
        let looked = tokio::task::spawn_blocking(move || {
            let reader = own.seen.lock().unwrap_or_else(PoisonError::into_inner).reader.take();
            let db = match reader {
                Some(db) => db,
                None => Db::open_to_read(&folder)?,
            };
            let found = own.look(&db, now);
            own.seen.lock().unwrap_or_else(PoisonError::into_inner).reader = Some(db);
            found
        });
        looked.await.map_err(|_| StoreError::Gone)?
    }

    fn look(&self, db: &Db, now: Timestamp) -> Result<Arc<Found>, StoreError> {
        let version = db.version()?;
        if let Some((before, found, at)) = &self.seen.lock().unwrap_or_else(PoisonError::into_inner).last
            && *before == version
            && (*at..found.until).contains(&now)
        {
            return Ok(Arc::clone(found));
        }
        let found = Arc::new(db.waiting(&self.settings, &self.replies, now)?);
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        seen.last = Some((version, Arc::clone(&found), now));
        Ok(found)
    }
}
