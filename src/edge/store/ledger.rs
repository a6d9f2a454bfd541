//! Events, statements, and what they say about the orders that a mail names.

use super::settle::{add_events, json};
use super::{Db, StoreError, seconds};
use crate::facts::OrderNumber;
use crate::ledger::{Event, Statement};
use crate::rules::{Known, KnownOrder};
use jiff::Timestamp;
use std::collections::BTreeSet;

impl Db {
    /// All events, in the order they were written.
    ///
    /// # Errors
    /// When the database refuses, or holds an event that cannot be read.
    pub fn events(&self) -> Result<Vec<Event>, StoreError> {
        self.bodies("SELECT body FROM event ORDER BY id", [], "event")
    }

    /// All statements, in the order they were written.
    ///
    /// # Errors
    /// When the database refuses, or holds a statement that cannot be read.
    pub fn statements(&self) -> Result<Vec<Statement>, StoreError> {
        self.bodies("SELECT body FROM statement ORDER BY id", [], "statement")
    }

    /// Writes down what the shopper says.
    ///
    /// # Errors
    /// When the database refuses.
    pub fn say(&mut self, statement: &Statement, now: Timestamp) -> Result<(), StoreError> {
        let body = json(statement, "statement")?;
        let order = statement.order.to_string();
        self.write(|transaction| {
            transaction
                .prepare_cached("INSERT INTO statement (order_number, at, body, said_at) VALUES (?1, ?2, ?3, ?4)")?
                .execute((order, seconds(statement.at), body, seconds(now)))?;
            Ok(())
        })
    }

    /// Adds events of imported mail in one transaction; answers how many were new.
    ///
    /// # Errors
    /// When the database refuses; none is added then.
    pub fn import(&mut self, events: &[Event]) -> Result<usize, StoreError> {
        self.write(|transaction| add_events(transaction, events))
    }

    /// What is known that bears on a mail: its orders, and whether it is (or answers) a letter of ours.
    ///
    /// # Errors
    /// When the database refuses.
    pub fn known(
        &self,
        orders: &[OrderNumber],
        message_ids: &[String],
        own_addresses: &BTreeSet<String>,
    ) -> Result<Known, StoreError> {
        let mut known = Known { own_addresses: own_addresses.clone(), ..Known::default() };
        for order in orders {
            // the index answers this, however many mails an order has
            let sql = "SELECT max(cancels) FROM event WHERE order_number = ?1";
            let mut query = self.connection.prepare_cached(sql)?;
            let cancelled: Option<bool> = query.query_row([order.to_string()], |row| row.get(0))?;
            if let Some(cancelled) = cancelled {
                known.orders.insert(order.clone(), KnownOrder { cancelled });
            }
        }
        let mut query = self.connection.prepare_cached("SELECT 1 FROM letter_sent WHERE message_id = ?1")?;
        for id in message_ids {
            known.own_letter = known.own_letter || query.exists([id])?;
        }
        Ok(known)
    }

    fn bodies<T: serde::de::DeserializeOwned>(
        &self,
        sql: &str,
        parameters: impl rusqlite::Params,
        what: &'static str,
    ) -> Result<Vec<T>, StoreError> {
        let mut query = self.connection.prepare_cached(sql)?;
        let mut rows = query.query(parameters)?;
        let mut found = Vec::new();
        while let Some(row) = rows.next()? {
            let body: String = row.get(0)?;
            found.push(serde_json::from_str(&body).map_err(|error| StoreError::Value { what, error })?);
        }
        Ok(found)
    }
}
