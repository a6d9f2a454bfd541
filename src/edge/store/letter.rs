//! What letters are written on, and what became of those that were written.

use super::near::stored;
use super::settle::json;
use super::{Db, StoreError, agenda, from_seconds, outbox, seconds};
use crate::calendar::{civil, instant};
use crate::facts::OrderNumber;
use crate::ledger::Case;
use crate::ledger::due::Settings;
use crate::letter::{Correspondence, Kind, Letter, Memory, Outcome, Written, message_id};
use crate::mailbox::MailKey;
use crate::plan::on_owner::Kept;
use crate::plan::{Effect, Wish};
use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension, Transaction};
use std::collections::{BTreeMap, BTreeSet};

/// What became of a letter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LetterFate {
    /// It is sent, or was; else it is a draft.
    pub sends: bool,
    /// How far it is.
    pub state: outbox::State,
    /// Why it is no further, or not sent.
    pub why: Option<String>,
}

/// What is kept of a mail, in the place of what was kept of it before.
///
/// Orders of a mail of which nothing was kept yet are looked at again: perhaps the shop can be asked now.
pub(super) fn keep(transaction: &Transaction<'_>, mail: &MailKey, rows: &[Correspondence]) -> Result<(), StoreError> {
    // nothing at all is said by a mailbox as well as by a file: a mail that is not believed any more leaves nothing
    let from_a_file = !rows.is_empty() && rows.iter().all(|row| row.account.is_empty());
    if from_a_file && is_kept_better(transaction, mail, rows)? {
        return Ok(());
    }
    let forget = "DELETE FROM correspondence WHERE mail_key = ?1";
    let new = transaction.prepare_cached(forget)?.execute([mail.hex()])? == 0;
    let sql =
        "INSERT OR REPLACE INTO correspondence (order_number, mail_key, account, at, body) VALUES (?1, ?2, ?3, ?4, ?5)";
    let mut insert = transaction.prepare_cached(sql)?;
    for row in rows {
        let values = (row.order.as_str(), row.mail.hex(), &row.account, seconds(row.at), json(row, "correspondence")?);
        insert.execute(values)?;
        if new {
            agenda::wake_order(transaction, row.order.as_str())?;
        }
    }
    Ok(())
}

/// Whether this mail was seen in an account, and trusted no less: a file does not tell where it came to.
fn is_kept_better(transaction: &Transaction<'_>, mail: &MailKey, rows: &[Correspondence]) -> Result<bool, StoreError> {
    let sql = "SELECT body FROM correspondence WHERE mail_key = ?1 AND account <> '' LIMIT 1";
    let mut query = transaction.prepare_cached(sql)?;
    let mut found = query.query([mail.hex()])?;
    let Some(row) = found.next()? else { return Ok(false) };
    let before: Correspondence = stored(row.get_ref(0)?, "correspondence")?;
    Ok(rows.iter().all(|row| row.trust <= before.trust))
}

/// A letter was decided: it is remembered with its row of the outbox, and its Message-ID is known for our own before
/// anything leaves.
pub(super) fn remember(
    transaction: &Transaction<'_>,
    outbox: i64,
    effect: &Effect,
    now: Timestamp,
) -> Result<(), StoreError> {
    let (Effect::Draft { letter } | Effect::Send { letter, .. }) = effect else { return Ok(()) };
    // one that becomes a draft instead of being sent was decided when it was
    let sql = "INSERT INTO letter (order_number, step, message_id, outbox, at) VALUES (?1, ?2, ?3, ?4, ?5) \
               ON CONFLICT (order_number, step) DO UPDATE SET message_id = excluded.message_id, outbox = excluded.outbox";
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
    // an attempt that failed: it is decided anew, and now
    let sql = "DELETE FROM letter WHERE order_number = ?1 AND step = ?2";
    transaction.prepare_cached(sql)?.execute((letter.order.as_str(), &letter.step))?;
    // its key is taken by that attempt
    let sql =
        "UPDATE outbox SET wish_key = wish_key || ':' || id WHERE wish_key = ?1 AND state IN ('failed', 'dropped')";
    transaction.prepare_cached(sql)?.execute([&wish.key])?;
    Ok(outbox::enter(transaction, wish, "", None, false, now)?.is_some())
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
        let mut written = written(connection, &order)?;
        elsewhere(connection, &order, &mut written)?;
        let memory = Memory { written, today };
        all.insert(order, (mails, memory));
    }
    Ok(all)
}

pub(super) fn about(
    connection: &Connection,
    order: &OrderNumber,
    settings: &Settings,
    now: Timestamp,
) -> Result<(Option<Case>, Kept), StoreError> {
    let one = BTreeSet::from([order.clone()]);
    let case = super::near::near(connection, &one, settings, now)?.remove(order);
    let kept = kept(connection, [order.clone()], now)?.remove(order).unwrap_or_default();
    Ok((case, kept))
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
    let sql = "SELECT step, letter.message_id, coalesce(sent_at, at), kind, state, \
               EXISTS (SELECT 1 FROM letter_sign WHERE letter_sign.message_id = letter.message_id), \
               sent_at IS NOT NULL FROM letter \
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
            // a draft that she sent by hand is a letter that was sent
            outcome: outcome(kind == "send" || row.get(6)?, &state),
            looped: row.get(5)?,
        });
    }
    Ok(found)
}

/// Letters that were written where the ledger was brought from: of them only the Message-IDs are known, each made of the
/// order and the step.
fn elsewhere(connection: &Connection, order: &OrderNumber, written: &mut Vec<Written>) -> Result<(), StoreError> {
    let sql = "SELECT message_id, at FROM letter_sent WHERE message_id >= ?1 AND message_id < ?2 LIMIT 1";
    let mut query = connection.prepare_cached(sql)?;
    for kind in Kind::ALL {
        if written.iter().any(|one| one.step == kind.name()) {
            continue;
        }
        // whichever address it was written from: `A` follows `@`
        let from = message_id(order, kind.name(), "");
        let until = from.replace('@', "A");
        let found = query.query_row([from, until], |row| Ok((row.get(0)?, row.get(1)?))).optional()?;
        written.extend(found.map(|(message_id, at)| Written {
            step: kind.name().to_owned(),
            message_id,
            at: from_seconds(at),
            outcome: Outcome::Elsewhere,
            looped: false,
        }));
    }
    Ok(())
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
    pub fn write_letter<T, E>(
        &mut self,
        order: &OrderNumber,
        settings: &Settings,
        now: Timestamp,
        decide: impl FnOnce(Option<&Case>, &Kept) -> Result<(T, Wish), E>,
    ) -> Result<Result<Option<T>, E>, StoreError> {
        self.write(|transaction| {
            let (case, kept) = about(transaction, order, settings, now)?;
            match decide(case.as_ref(), &kept) {
                Err(refused) => Ok(Err(refused)),
                Ok((value, wish)) => Ok(Ok(enter(transaction, &wish, now)?.then_some(value))),
            }
        })
    }

    /// An order with all that bears on a letter about it.
    ///
    /// # Errors
    /// When the database refuses, or holds a value that cannot be read.
    pub fn about_letter(
        &self,
        order: &OrderNumber,
        settings: &Settings,
        now: Timestamp,
    ) -> Result<(Option<Case>, Kept), StoreError> {
        about(&self.connection, order, settings, now)
    }

    /// What became of the letter of this step: one that could not be sent lies in Drafts, in a row of its own. `key` is
    /// that of the wish it was decided with, which knows why.
    ///
    /// # Errors
    /// When the database refuses.
    pub fn became_of(&self, order: &OrderNumber, step: &str, key: &str) -> Result<Option<LetterFate>, StoreError> {
        let sql = "SELECT kind = 'send', state, coalesce(last_error, \
                   (SELECT last_error FROM outbox WHERE wish_key = ?3)) FROM letter \
                   JOIN outbox ON outbox.id = letter.outbox WHERE order_number = ?1 AND step = ?2";
        let mut query = self.connection.prepare_cached(sql)?;
        let found = query.query_row((order.as_str(), step, key), |row| {
            Ok(LetterFate { sends: row.get(0)?, state: outbox::State::of(&row.get::<_, String>(1)?), why: row.get(2)? })
        });
        Ok(found.optional()?)
    }

    /// How far the wish of this key is, and why it is no further.
    ///
    /// # Errors
    /// When the database refuses.
    pub fn state_of(&self, key: &str) -> Result<Option<(outbox::State, Option<String>)>, StoreError> {
        let sql = "SELECT state, last_error FROM outbox WHERE wish_key = ?1";
        let mut query = self.connection.prepare_cached(sql)?;
        let found = query.query_row([key], |row| Ok((row.get::<_, String>(0)?, row.get(1)?))).optional()?;
        Ok(found.map(|(state, error)| (outbox::State::of(&state), error)))
    }
}

#[cfg(test)]
mod tests;
