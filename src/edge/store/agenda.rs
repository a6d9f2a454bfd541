//! Which orders must be looked at again, and when: a list that follows from events and statements.

use super::{Db, StoreError, from_seconds, seconds};
use crate::ledger::{Event, EventKind};
use jiff::{SignedDuration, Timestamp};
use rusqlite::Transaction;

/// A mail without an order number may speak of orders cancelled so long before or after it.
const NEIGHBOURS: SignedDuration = SignedDuration::from_hours(45 * 24);

/// Something new is known: the order of this event, or the orders that a mail without a number may speak of, are
/// looked at as soon as may be.
pub(super) fn wake(transaction: &Transaction<'_>, event: &Event) -> Result<(), StoreError> {
    match &event.order {
        Some(order) => wake_order(transaction, order.as_str()),
        // goods that came back are no part of any order's story
        None if matches!(event.kind, EventKind::Restock { .. }) => Ok(()),
        None => {
            let sql = "UPDATE agenda SET wake_at = 0 WHERE cancelled_at BETWEEN ?1 AND ?2";
            let (from, until) = around(event.at);
            transaction.prepare_cached(sql)?.execute((from, until))?;
            Ok(())
        }
    }
}

/// Something new is known of this order.
pub(super) fn wake_order(transaction: &Transaction<'_>, order: &str) -> Result<(), StoreError> {
    let sql = "INSERT INTO agenda (order_number, wake_at) VALUES (?1, 0) \
               ON CONFLICT (order_number) DO UPDATE SET wake_at = 0";
    transaction.prepare_cached(sql)?.execute([order])?;
    Ok(())
}

fn around(at: Timestamp) -> (i64, i64) {
    let from = at.checked_sub(NEIGHBOURS).unwrap_or(Timestamp::MIN);
    let until = at.checked_add(NEIGHBOURS).unwrap_or(Timestamp::MAX);
    (seconds(from), seconds(until))
}

impl Db {
    /// When the next order must be looked at; in the past when one must be looked at now.
    ///
    /// # Errors
    /// When the database refuses.
    pub fn next_wake(&self) -> Result<Option<Timestamp>, StoreError> {
        let sql = "SELECT min(wake_at) FROM agenda WHERE wake_at IS NOT NULL";
        let at: Option<i64> = self.connection.prepare_cached(sql)?.query_row([], |row| row.get(0))?;
        Ok(at.map(from_seconds))
    }
}
