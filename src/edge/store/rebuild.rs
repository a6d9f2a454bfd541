//! Everything that follows from events and statements, made anew.

use super::{Db, StoreError, near};
use crate::facts::OrderNumber;
use crate::ledger::due::Settings;
use crate::ledger::{Case, Event, Statement};
use jiff::Timestamp;
use rusqlite::Connection;
use serde::de::DeserializeOwned;

/// Orders that are folded together: so many, and their neighbours, are in memory at a time.
const TOGETHER: u32 = 1000;
/// The day stands in the middle of an order number: by days, neighbours are few.
pub(super) const ONE_DAY_AFTER_ANOTHER: &str = "SELECT order_number FROM agenda \
     WHERE substr(order_number, 8) >= ?1 AND (substr(order_number, 8), order_number) > (?1, ?2) \
     ORDER BY substr(order_number, 8), order_number LIMIT ?3";

impl Db {
    /// Shows every case as the whole ledger would give it, without ever holding all of them: orders placed near each
    /// other are folded together. In the order of the days they were placed.
    ///
    /// # Errors
    /// When the database refuses, or holds a value that cannot be read.
    pub fn each_case(&self, settings: &Settings, now: Timestamp, mut see: impl FnMut(&Case)) -> Result<(), StoreError> {
        let mut last: Option<OrderNumber> = None;
        loop {
            last = self.some_cases("", last.as_ref(), TOGETHER, settings, now, &mut see)?;
            if last.is_none() {
                return Ok(());
            }
        }
    }

    /// So many cases, of orders that were placed on a day, written as in their numbers (`20261120`), or later, and stand
    /// after `last`; answers the last one shown.
    pub(super) fn some_cases(
        &self,
        day: &str,
        last: Option<&OrderNumber>,
        together: u32,
        settings: &Settings,
        now: Timestamp,
        mut see: impl FnMut(&Case),
    ) -> Result<Option<OrderNumber>, StoreError> {
        let after = last.map_or((day, ""), |last| (last.as_str().get(7..).unwrap_or_default(), last.as_str()));
        let orders = near::numbers(&self.connection, ONE_DAY_AFTER_ANOTHER, (after.0, after.1, together))?;
        let cases = near::near(&self.connection, &orders, settings, now)?;
        let place = |order: &OrderNumber| order.as_str().get(7..).unwrap_or_default().to_owned();
        let mut by_day: Vec<&OrderNumber> = orders.iter().collect();
        by_day.sort_by_key(|order| (place(order), (*order).clone()));
        for case in by_day.iter().filter_map(|order| cases.get(*order)) {
            see(case);
        }
        Ok(by_day.last().map(|order| (*order).clone()))
    }

    /// Takes out of the ledger what cannot be read: an event counts no more (its mail tells it again), a statement is
    /// removed. Answers how many events these were, and the statements as they are stored.
    ///
    /// # Errors
    /// When the database refuses; nothing is changed then.
    pub fn set_aside_damaged(&mut self) -> Result<(usize, Vec<String>), StoreError> {
        self.write(|transaction| {
            let events = damaged::<Event>(transaction, "SELECT id, body FROM event WHERE retired = 0")?;
            for (id, _) in &events {
                transaction.execute("UPDATE event SET retired = 1 WHERE id = ?1", [id])?;
            }
            if !events.is_empty() {
                // what told them is read again, wherever it was read before
                Self::forget_past(transaction)?;
            }
            let statements = damaged::<Statement>(transaction, "SELECT id, body FROM statement")?;
            for (id, _) in &statements {
                transaction.execute("DELETE FROM statement WHERE id = ?1", [id])?;
            }
            Ok((events.len(), statements.into_iter().map(|(_, body)| body).collect()))
        })
    }

    /// Makes anew what follows from events and statements; answers how many orders are looked at again.
    ///
    /// # Errors
    /// When the database refuses; all is as before then.
    pub fn rebuild(&mut self) -> Result<usize, StoreError> {
        self.write(|transaction| {
            transaction.execute("DELETE FROM agenda", [])?;
            // an order that only retired events name is looked at, too: what was planned for it falls away then
            let sql = "INSERT INTO agenda (order_number, wake_at) \
                       SELECT order_number, 0 FROM event WHERE order_number IS NOT NULL \
                       UNION SELECT order_number, 0 FROM statement";
            Ok(transaction.execute(sql, [])?)
        })
    }
}

/// The rows whose JSON is none of these values, with what stands there.
fn damaged<T: DeserializeOwned>(connection: &Connection, sql: &str) -> Result<Vec<(i64, String)>, StoreError> {
    let mut query = connection.prepare(sql)?;
    let mut rows = query.query([])?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        let body = row.get_ref(1)?.as_bytes().unwrap_or_default();
        if serde_json::from_slice::<T>(body).is_err() {
            found.push((row.get(0)?, String::from_utf8_lossy(body).into_owned()));
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::{By, Said};

    #[test]
    fn the_agenda_names_every_order_once_and_no_other() {
        let mut db = Db::in_memory().unwrap();
        let order = crate::facts::OrderNumber::parse("399999-20261120-0123456789").unwrap();
        let at = jiff::Timestamp::from_second(1_780_000_000).unwrap();
        db.say(&Statement { order: order.clone(), said: Said::Deny, at, by: By::Command }, at).unwrap();
        let rows = |db: &Db| {
            let mut query = db.connection.prepare("SELECT order_number, wake_at, cancelled_at FROM agenda").unwrap();
            let rows = query.query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?))).unwrap();
            rows.collect::<Result<Vec<(String, Option<i64>, Option<i64>)>, _>>().unwrap()
        };
        let anew = vec![(order.to_string(), Some(0), None)];
        for damage in [
            "DELETE FROM agenda",
            "UPDATE agenda SET wake_at = NULL, cancelled_at = 5",
            "INSERT INTO agenda VALUES ('nobody', 7, 7)",
        ] {
            db.connection.execute(damage, []).unwrap();
            assert_ne!(rows(&db), anew, "{damage}");
            assert_eq!(db.rebuild().unwrap(), 1);
            assert_eq!(rows(&db), anew, "{damage}");
        }
    }
}
