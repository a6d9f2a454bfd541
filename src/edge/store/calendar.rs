//! What stands in the calendar, and the secret of its feed.

use super::{Db, StoreError};
use crate::ledger::coupon;
use crate::ledger::due::Settings;
use crate::plan::calendar_file::{self, Entry};
use jiff::{SignedDuration, Timestamp};
use rusqlite::OptionalExtension;

/// Coupons that end later than so many days from now are not shown yet.
const COUPONS: i64 = 400;

impl Db {
    /// The entries of the calendar. Orders of which nothing waits any more are not looked at.
    ///
    /// # Errors
    /// When the database refuses, or holds a value that cannot be read.
    pub fn calendar(&self, settings: &Settings, now: Timestamp) -> Result<Vec<Entry>, StoreError> {
        let mut entries = Vec::new();
        let from = settings.nothing_waits_before(now).strftime("%Y%m%d").to_string();
        self.each_case_from(&from, settings, now, |case| entries.extend(calendar_file::of_case(case, settings)))?;
        let hours = |hours| now.saturating_add(SignedDuration::from_hours(hours)).unwrap_or(now);
        let ending = self.coupons_ending(hours(-24), hours(24 * COUPONS))?;
        entries.extend(coupon::owned(&ending).iter().filter_map(|one| calendar_file::of_coupon(one, now)));
        entries.extend(self.announced(now)?.iter().filter_map(|sale| calendar_file::of_sale(sale, now)));
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
