//! What stands in the calendar, and the secret of its feed.

use super::{Db, Store, StoreError};
use crate::facts::OrderNumber;
use crate::ledger::Case;
use crate::ledger::coupon;
use crate::ledger::due::Settings;
use crate::plan::calendar_file::{self, Entry, Wishes};
use jiff::{SignedDuration, Timestamp};
use rusqlite::OptionalExtension;

/// Coupons that end later than so many days from now are not shown yet.
const COUPONS: i64 = 400;

/// Orders of one piece of work: whoever waits for the database meanwhile, an alert above all, does not wait long.
const PIECE: u32 = 50;

impl Store {
    /// The entries of the calendar, in pieces of work between which others come.
    ///
    /// # Errors
    /// When the database refuses, or holds a value that cannot be read.
    pub async fn calendar(
        &self,
        settings: &Settings,
        wishes: &Wishes,
        now: Timestamp,
    ) -> Result<Vec<Entry>, StoreError> {
        let wishes = wishes.clone();
        let mut entries = self.call(move |db| db.calendar_without_orders(&wishes, now)).await?;
        let mut last: Option<OrderNumber> = None;
        loop {
            let (settings, after) = (settings.clone(), last);
            let (some, reached) =
                self.call(move |db| db.calendar_of_some(after.as_ref(), PIECE, &settings, now)).await?;
            entries.extend(some);
            last = reached;
            if last.is_none() {
                return Ok(entries);
            }
        }
    }
}

impl Db {
    /// The entries of the calendar. Orders of which nothing waits any more are not looked at.
    ///
    /// # Errors
    /// When the database refuses, or holds a value that cannot be read.
    pub fn calendar(&self, settings: &Settings, wishes: &Wishes, now: Timestamp) -> Result<Vec<Entry>, StoreError> {
        let mut entries = self.calendar_without_orders(wishes, now)?;
        let mut last: Option<OrderNumber> = None;
        loop {
            let (some, reached) = self.calendar_of_some(last.as_ref(), 1000, settings, now)?;
            entries.extend(some);
            last = reached;
            if last.is_none() {
                return Ok(entries);
            }
        }
    }

    fn calendar_of_some(
        &self,
        after: Option<&OrderNumber>,
        together: u32,
        settings: &Settings,
        now: Timestamp,
    ) -> Result<(Vec<Entry>, Option<OrderNumber>), StoreError> {
        let mut entries = Vec::new();
        let from = settings.nothing_waits_before(now).strftime("%Y%m%d").to_string();
        let see = |case: &Case| entries.extend(calendar_file::of_case(case, settings));
        let reached = self.some_cases(&from, after, together, settings, now, see)?;
        Ok((entries, reached))
    }

    /// Coupons, and announced sales.
    fn calendar_without_orders(&self, wishes: &Wishes, now: Timestamp) -> Result<Vec<Entry>, StoreError> {
        let hours = |hours| now.saturating_add(SignedDuration::from_hours(hours)).unwrap_or(now);
        let ending = self.coupons_ending(hours(-24), hours(24 * COUPONS))?;
        let coupons = coupon::owned(&ending);
        let mut entries: Vec<Entry> = coupons.iter().filter_map(|one| calendar_file::of_coupon(one, now)).collect();
        entries.extend(self.announced(now)?.iter().filter_map(|sale| calendar_file::of_sale(sale, wishes, now)));
        Ok(entries)
    }

    /// The secret of the feed's address, if it has one.
    ///
    /// # Errors
    /// When the database refuses.
    pub fn feed_secret(&self) -> Result<Option<[u8; 32]>, StoreError> {
        let read = "SELECT secret FROM feed WHERE id = 1";
        Ok(self.connection.query_row(read, [], |row| row.get(0)).optional()?)
    }

    /// The same; `fresh` becomes the secret if there is none, or if it is to be `anew`.
    ///
    /// # Errors
    /// When the database refuses.
    pub fn keep_feed_secret(&mut self, fresh: [u8; 32], anew: bool) -> Result<[u8; 32], StoreError> {
        let sql = if anew { "INSERT OR REPLACE" } else { "INSERT OR IGNORE" };
        self.connection.execute(&format!("{sql} INTO feed (id, secret) VALUES (1, ?1)"), [fresh])?;
        // another process may have been first
        Ok(self.feed_secret()?.unwrap_or(fresh))
    }
}
