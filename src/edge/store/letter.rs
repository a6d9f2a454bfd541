//! What letters are written on, and what became of those that were written.

use super::near::stored;
use super::settle::json;
use super::{Db, StoreError, from_seconds, outbox, seconds};
use crate::calendar::{civil, instant};
use crate::facts::OrderNumber;
use crate::letter::{Correspondence, Letter, Memory, Outcome, Written};
use crate::mailbox::MailKey;
use crate::plan::on_owner::Kept;
use crate::plan::{Effect, Wish};
use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension, Transaction};
use std::collections::{BTreeMap, BTreeSet};

/// What is kept of a mail, in the place of what was kept of it before.
pub(super) fn keep(transaction: &Transaction<'_>, mail: &MailKey, rows: &[Correspondence]) -> Result<(), StoreError> {
    transaction.prepare_cached("DELETE FROM correspondence WHERE mail_key = ?1")?.execute([mail.hex()])?;
    let sql =
        "INSERT OR REPLACE INTO correspondence (order_number, mail_key, account, at, body) VALUES (?1, ?2, ?3, ?4, ?5)";
    let mut insert = transaction.prepare_cached(sql)?;
    for row in rows {
        let values = (row.order.as_str(), row.mail.hex(), &row.account, seconds(row.at), json(row, "correspondence")?);
        insert.execute(values)?;
    }
    Ok(())
}

/// A letter was decided: it is remembered with its row of the outbox, and its Message-ID is known for our own before
/// anything leaves. `false` when that id was used before: then it must not be entered.
pub(super) fn remember(
    transaction: &Transaction<'_>,
    outbox: i64,
    effect: &Effect,
    now: Timestamp,
) -> Result<(), StoreError> {
    let (Effect::Draft { letter } | Effect::Send { letter, .. }) = effect else { return Ok(()) };
    let sql = "INSERT OR REPLACE INTO letter (order_number, step, message_id, outbox, at) VALUES (?1, ?2, ?3, ?4, ?5)";
    let values = (letter.order.as_str(), &letter.step, &letter.message_id, outbox, seconds(now));
    transaction.prepare_cached(sql)?.execute(values)?;
    let sql = "INSERT OR IGNORE INTO letter_sent (message_id, at) VALUES (?1, ?2)";
    transaction.prepare_cached(sql)?.execute((&letter.message_id, seconds(now)))?;
    Ok(())
}

/// Whether this letter was written before: here, or where the ledger was brought from. A letter that failed was not.
pub(super) fn is_written(transaction: &Transaction<'_>, letter: &Letter) -> Result<bool, StoreError> {
    let sql = "SELECT outbox.state FROM letter JOIN outbox ON outbox.id = letter.outbox WHERE letter.message_id = ?1";
    let here: Option<String> =
        transaction.prepare_cached(sql)?.query_row([&letter.message_id], |row| row.get(0)).optional()?;
    match here {
        Some(state) => Ok(!matches!(state.as_str(), "failed" | "dropped")),
        None => Ok(transaction
            .prepare_cached("SELECT 1 FROM letter_sent WHERE message_id = ?1")?
            .exists([&letter.message_id])?),
    }
}

/// Enters a letter, unless it was written before. One that failed before is tried again in its own row. Answers whether
/// it was entered.
pub(super) fn enter(transaction: &Transaction<'_>, wish: &Wish, now: Timestamp) -> Result<bool, StoreError> {
    let (Effect::Draft { letter } | Effect::Send { letter, .. }) = &wish.effect else { return Ok(false) };
    if is_written(transaction, letter)? {
        return Ok(false);
    }
    // its key is taken by the attempt that failed
    let sql =
        "UPDATE outbox SET wish_key = wish_key || ':' || id WHERE wish_key = ?1 AND state IN ('failed', 'dropped')";
    transaction.prepare_cached(sql)?.execute([&wish.key])?;
    Ok(outbox::enter(transaction, wish, "", None, false, now)?.is_some())
}

/// A machine answered, or a bounce came back for, one of these ids: no more is written about the orders of letters that
/// bear one. Answers which were not known to be so.
pub(super) fn looped(
    transaction: &Transaction<'_>,
    ids: &[String],
    now: Timestamp,
) -> Result<BTreeSet<String>, StoreError> {
    let sql = "UPDATE letter SET looped_at = ?2 WHERE message_id = ?1 AND looped_at IS NULL RETURNING order_number";
    let mut update = transaction.prepare_cached(sql)?;
    let mut orders = BTreeSet::new();
    for id in ids {
        let found: Option<String> = update.query_row((id, seconds(now)), |row| row.get(0)).optional()?;
        orders.extend(found);
    }
    Ok(orders)
}

/// What bears on a letter about each of these orders.
pub(super) fn kept(
    connection: &Connection,
    orders: impl IntoIterator<Item = OrderNumber>,
    now: Timestamp,
) -> Result<BTreeMap<OrderNumber, Kept>, StoreError> {
    let today = today(connection, now)?;
    let mut all = BTreeMap::new();
    for order in orders {
        let mails = mails(connection, &order)?;
        let memory = Memory { written: written(connection, &order)?, today };
        all.insert(order, (mails, memory));
    }
    Ok(all)
}

fn mails(connection: &Connection, order: &OrderNumber) -> Result<Vec<Correspondence>, StoreError> {
    let sql = "SELECT body FROM correspondence WHERE order_number = ?1 ORDER BY at, mail_key";
    let mut query = connection.prepare_cached(sql)?;
    let mut rows = query.query([order.as_str()])?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        found.push(stored(row.get_ref(0)?, "correspondence")?);
    }
    Ok(found)
}

fn written(connection: &Connection, order: &OrderNumber) -> Result<Vec<Written>, StoreError> {
    let sql = "SELECT step, letter.message_id, at, kind, state, looped_at IS NOT NULL FROM letter \
               JOIN outbox ON outbox.id = letter.outbox WHERE order_number = ?1 ORDER BY at, step";
    let mut query = connection.prepare_cached(sql)?;
    let mut rows = query.query([order.as_str()])?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        let (kind, state): (String, String) = (row.get(3)?, row.get(4)?);
        found.push(Written {
            step: row.get(0)?,
            message_id: row.get(1)?,
            at: from_seconds(row.get(2)?),
            outcome: outcome(kind == "send", &state),
            looped: row.get(5)?,
        });
    }
    Ok(found)
}

fn outcome(send: bool, state: &str) -> Outcome {
    match (state, send) {
        ("done", true) => Outcome::Sent,
        ("done", false) => Outcome::Drafted,
        ("failed" | "dropped", _) => Outcome::Failed,
        ("unknown", true) => Outcome::Unknown,
        // a second draft does no harm
        ("unknown", false) | (_, false) => Outcome::Drafting,
        (_, true) => Outcome::Sending,
    }
}

/// Letters decided today, in Tokyo.
fn today(connection: &Connection, now: Timestamp) -> Result<u32, StoreError> {
    let from = instant(civil(now).date().at(0, 0, 0, 0));
    let sql = "SELECT count(*) FROM letter WHERE at >= ?1";
    Ok(connection.prepare_cached(sql)?.query_row([seconds(from)], |row| row.get(0))?)
}

impl Db {
    /// What bears on a letter about each of these orders.
    ///
    /// # Errors
    /// When the database refuses, or holds a value that cannot be read.
    pub fn kept_for_letters(
        &self,
        orders: impl IntoIterator<Item = OrderNumber>,
        now: Timestamp,
    ) -> Result<BTreeMap<OrderNumber, Kept>, StoreError> {
        kept(&self.connection, orders, now)
    }

    /// The orders that letters were written about.
    ///
    /// # Errors
    /// When the database refuses.
    pub fn orders_with_letters(&self) -> Result<BTreeSet<OrderNumber>, StoreError> {
        super::near::numbers(&self.connection, "SELECT DISTINCT order_number FROM letter", [])
    }

    /// Enters a letter that the shopper decided on; `decide` sees what is known at that very moment. `None` when it was
    /// written before.
    ///
    /// # Errors
    /// When the database refuses; nothing is entered then.
    pub fn write_letter<T>(
        &mut self,
        order: &OrderNumber,
        now: Timestamp,
        decide: impl FnOnce(&Kept) -> Result<(T, Wish), T>,
    ) -> Result<Result<(T, bool), T>, StoreError> {
        self.write(|transaction| {
            let mut all = kept(transaction, [order.clone()], now)?;
            let one = all.remove(order).unwrap_or_default();
            match decide(&one) {
                Err(refused) => Ok(Err(refused)),
                Ok((value, wish)) => {
                    let entered = enter(transaction, &wish, now)?;
                    Ok(Ok((value, entered)))
                }
            }
        })
    }
}
