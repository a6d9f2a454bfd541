//! Hot windows: announced sales, and how much of a day's hot time was used.

use super::{Db, StoreError, seconds};
use crate::ledger::{Event, EventKind};
use crate::plan::hot::{Announced, Resale, Used};
use jiff::{SignedDuration, Timestamp, ToSpan};
use rusqlite::OptionalExtension;

/// An announcement is believed for so long (hours): 90 days.
const BELIEVED: i64 = 90 * 24;

impl Db {
    /// Sales that mails announce, of those that were announced lately, soonest first.
    ///
    /// # Errors
    /// When the database refuses.
    pub fn sales(&self, now: Timestamp) -> Result<Vec<Resale>, StoreError> {
        let of = |one: Announced| Resale { from: one.from, items: one.items, shop_code: one.shop_code };
        let mut sales: Vec<Resale> = self.announced(now)?.into_iter().map(of).collect();
        sales.dedup();
        Ok(sales)
    }

    /// The same, with when each was announced.
    ///
    /// # Errors
    /// When the database refuses.
    pub fn announced(&self, now: Timestamp) -> Result<Vec<Announced>, StoreError> {
        let since = now.saturating_sub(BELIEVED.hours()).unwrap_or(Timestamp::MIN);
        let sql = "SELECT body FROM event WHERE order_number IS NULL AND retired = 0 AND at > ?1 \
                   AND body LIKE '%\"resale\"%'";
        let mut query = self.connection.prepare_cached(sql)?;
        let bodies =
            query.query_map([seconds(since)], |row| row.get::<_, String>(0))?.collect::<Result<Vec<_>, _>>()?;
        let mut sales: Vec<Announced> = bodies
            .iter()
            .filter_map(|body| serde_json::from_str::<Event>(body).ok())
            .filter_map(|event| match event.kind {
                EventKind::Resale { from, items } => {
                    Some(Announced { from, items, shop_code: event.shop_code, told: event.at })
                }
                _ => None,
            })
            .collect();
        sales.sort_by_key(|sale| sale.from);
        Ok(sales)
    }

    /// How much of the day's hot time was used.
    ///
    /// # Errors
    /// When the database refuses.
    pub fn hot_used(&self, now: Timestamp) -> Result<Used, StoreError> {
        let used = Used::none(now);
        let mut query = self.connection.prepare_cached("SELECT ms FROM hot WHERE day = ?1")?;
        let ms: Option<i64> = query.query_row([used.day.to_string()], |row| row.get(0)).optional()?;
        Ok(used.and(SignedDuration::from_millis(ms.unwrap_or(0)), now))
    }

    /// Writes it down; other days are forgotten.
    ///
    /// # Errors
    /// When the database refuses.
    pub fn keep_hot_used(&mut self, used: Used) -> Result<(), StoreError> {
        let ms = i64::try_from(used.time.as_millis()).unwrap_or(i64::MAX);
        self.write(|transaction| {
            transaction.prepare_cached("DELETE FROM hot WHERE day <> ?1")?.execute([used.day.to_string()])?;
            let sql = "INSERT INTO hot (day, ms) VALUES (?1, ?2) ON CONFLICT (day) DO UPDATE SET ms = excluded.ms";
            transaction.prepare_cached(sql)?.execute((used.day.to_string(), ms))?;
            Ok(())
        })
    }
}
