//! What the pages of orders are made from beside the database: the clocks, what may be written, and how what is written
//! down on a page is carried out.

use crate::calendar::{civil, days_after, instant};
use crate::edge::store::{Db, Found, Store, StoreError, Version};
use crate::ledger::agenda::wake_at;
use crate::ledger::due::Settings;
use crate::ledger::{self, Shop};
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

/// What was seen. Whoever looks holds it: versions are those of one connection, and two who ask at once look once.
#[derive(Default)]
struct Seen {
    reader: Option<Db>,
    last: Option<(Version, Arc<Found>, Timestamp)>,
    shops: Option<(Version, Arc<Shops>)>,
}

/// What the whole ledger tells of shops, and from when until when it tells that.
struct Shops {
    all: Arc<Vec<Shop>>,
    at: Timestamp,
    until: Timestamp,
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

    /// What waits now. It is read over a connection of its own: a page keeps no alert waiting. As long as nobody writes,
    /// and no time comes at which something would look different, what was found before is found again.
    ///
    /// # Errors
    /// When the database refuses.
    pub(super) async fn found(&self, store: &Store, now: Timestamp) -> Result<Arc<Found>, StoreError> {
        self.read(store, move |own, db, seen| own.look(db, seen, now)).await
    }

    /// Every shop of the ledger, found again as what waits is.
    ///
    /// # Errors
    /// When the database refuses.
    pub(super) async fn shops(&self, store: &Store, now: Timestamp) -> Result<Arc<Vec<Shop>>, StoreError> {
        self.read(store, move |own, db, seen| own.look_at_shops(db, seen, now)).await
    }

    async fn read<T: Send + 'static>(
        &self,
        store: &Store,
        work: impl FnOnce(&Self, &Db, &mut Seen) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let own = self.clone();
        let Some(folder) = store.folder().map(Path::to_owned) else {
            return store
                .call(move |db| work(&own, db, &mut own.seen.lock().unwrap_or_else(PoisonError::into_inner)))
                .await;
        };
        let looked = tokio::task::spawn_blocking(move || {
            let mut seen = own.seen.lock().unwrap_or_else(PoisonError::into_inner);
            let db = match seen.reader.take() {
                Some(db) => db,
                None => {
                    // another connection counts otherwise
                    (seen.last, seen.shops) = (None, None);
                    Db::open_to_read(&folder)?
                }
            };
            let found = work(&own, &db, &mut seen);
            seen.reader = Some(db);
            found
        });
        looked.await.map_err(|_| StoreError::Gone)?
    }

    fn look(&self, db: &Db, seen: &mut Seen, now: Timestamp) -> Result<Arc<Found>, StoreError> {
        let version = db.version()?;
        if let Some((before, found, at)) = &seen.last
            && *before == version
            && (*at..found.until).contains(&now)
        {
            return Ok(Arc::clone(found));
        }
        let found = Arc::new(db.waiting(&self.settings, &self.replies, now)?);
        seen.last = Some((version, Arc::clone(&found), now));
        Ok(found)
    }

    fn look_at_shops(&self, db: &Db, seen: &mut Seen, now: Timestamp) -> Result<Arc<Vec<Shop>>, StoreError> {
        let version = db.version()?;
        if let Some((before, shops)) = &seen.shops
            && *before == version
            && (shops.at..shops.until).contains(&now)
        {
            return Ok(Arc::clone(&shops.all));
        }
        let (events, statements) = (db.events()?, db.statements()?);
        let cases = ledger::cases(&events, &statements, &self.settings, now);
        // what counts by days counts anew on the next
        let tomorrow = instant(days_after(civil(now).date(), 1).at(0, 0, 0, 0));
        let until = cases.values().filter_map(|case| wake_at(case, &self.settings, now)).fold(tomorrow, Timestamp::min);
        let all = Arc::new(ledger::shops(&events, &cases, &self.settings, now).into_values().collect::<Vec<_>>());
        seen.shops = Some((version, Arc::new(Shops { all: Arc::clone(&all), at: now, until })));
        Ok(all)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::edge::store::OldMail;
    use crate::facts::{OrderNumber, Stage};
    use crate::ledger::{Event, EventKind, Terms};

    fn ordered(at: Timestamp) -> Event {
        Event {
            order: OrderNumber::parse("399999-20261120-0123456789"),
            shop_code: Some("modori-zakka".to_owned()),
            sender: "order@rakuten.co.jp".to_owned(),
            ..Event::of("x", at, EventKind::Order { stage: Stage::Ordered, terms: Terms::default() })
        }
    }

    #[tokio::test]
    async fn the_whole_ledger_is_folded_again_only_when_something_was_written_or_a_day_is_over() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path()).unwrap();
        let orders = Orders::new(Settings::default(), Replies::default());
        let now: Timestamp = "2026-11-26T12:00:00+09:00".parse().unwrap();
        let first = orders.shops(&store, now).await.unwrap();
        let again = orders.shops(&store, now + jiff::SignedDuration::from_secs(60)).await.unwrap();
        assert!(Arc::ptr_eq(&first, &again) && first.is_empty());
        let event = ordered(now);
        let mail = OldMail { key: event.mail, events: vec![event], keep_trusted: true, mails: None };
        store.call(move |db| db.import(&[mail]).map(|_| ())).await.unwrap();
        let written = orders.shops(&store, now).await.unwrap();
        assert_eq!(written.len(), 1);
        let next_day = orders.shops(&store, now + jiff::SignedDuration::from_hours(13)).await.unwrap();
        assert!(!Arc::ptr_eq(&written, &next_day));
    }
}
