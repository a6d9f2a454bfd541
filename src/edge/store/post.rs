//! Letters in the world: where each lies, what became of it, and the signs that nothing more may be written.

use super::ledger::add_statement;
use super::outbox::{self, COLUMNS, Row, State};
use super::settle::json;
use super::{Db, StoreError, from_millis, millis, seconds};
use crate::calendar;
use crate::facts::OrderNumber;
use crate::ledger::{self, Said, Statement};
use crate::letter::{Kind, Letter};
use crate::mailbox::{MailKey, Place};
use crate::plan::gate::By;
use crate::plan::{Effect, Sign, Wish};
use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension, Transaction};
use serde_json::Value;

// the words of the indexes, letter by letter: only then are they used (held by a test)
const OF_ORDER: &str = "json_extract(payload, '$.letter.order')";
const OF_ID: &str = "json_extract(payload, '$.letter.message_id')";
const KINDS: &str = "kind IN ('draft', 'send', 'copy')";

/// A letter, and how far it is.
#[derive(Clone, Debug, PartialEq)]
pub struct Posted {
    /// Its action's number.
    pub id: i64,
    /// The wish's key.
    pub key: String,
    /// The letter.
    pub letter: Letter,
    /// Laid into Drafts, sent, or the copy of one that was sent.
    pub way: Way,
    /// How far it is.
    pub state: State,
    /// Why it is not further.
    pub error: Option<String>,
    /// When it was done or given up; when it was wished for, if it is not at its end.
    pub at: Timestamp,
    /// When it was wished for.
    pub wished_at: Timestamp,
    /// Where it was laid, as far as the server told.
    pub place: Option<Place>,
    /// When the attempt began of which it is not known how it ended.
    pub begun: Option<Timestamp>,
    /// Who wanted it sent.
    pub by: By,
}

/// Which way a letter goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// Into Drafts.
    Draft,
    /// To the shop.
    Send,
    /// A copy into the folder of sent mail.
    Copy,
}

impl Way {
    /// As it is shown.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Draft => "draft",
            Self::Send => "send",
            Self::Copy => "copy",
        }
    }
}

/// The letter of an effect, if it has one, and its way.
#[must_use]
pub fn letter_of(effect: &Effect) -> Option<(&Letter, Way)> {
    match effect {
        Effect::Draft { letter } => Some((letter, Way::Draft)),
        Effect::Send { letter, .. } => Some((letter, Way::Send)),
        Effect::Copy { letter, .. } => Some((letter, Way::Copy)),
        Effect::Alert { .. } | Effect::File { .. } | Effect::Flag { .. } | Effect::Held { .. } => None,
    }
}

/// Who wanted a letter sent. Drafts are the shopper's to send.
fn by(effect: &Effect) -> By {
    match effect {
        Effect::Send { ticket, .. } => ticket.by(),
        Effect::Copy { by, .. } => *by,
        _ => By::Owner,
    }
}

/// When an attempt to send began, as it was written down then.
fn begun(doing: &str) -> Option<Timestamp> {
    let doing: Value = serde_json::from_str(doing).ok()?;
    doing.get("begun")?.as_str()?.parse().ok()
}

/// Writes down what a mail says of letters. The first sign of a kind is kept.
pub(super) fn add_signs(transaction: &Transaction<'_>, signs: &[Sign], mail: MailKey) -> Result<(), StoreError> {
    let sql = "INSERT OR IGNORE INTO letter_sign (message_id, sign, mail_key, at) VALUES (?1, ?2, ?3, ?4)";
    let mut insert = transaction.prepare_cached(sql)?;
    for sign in signs {
        insert.execute((&sign.message_id, sign.kind.word(), mail.hex(), seconds(sign.at)))?;
    }
    Ok(())
}

impl Db {
    /// An attempt to lay or send a letter begins: written, with its Message-ID, before the first byte leaves.
    ///
    /// # Errors
    /// When the database refuses.
    pub fn begin_letter(&mut self, id: i64, message_id: &str, doing: &Value, now: Timestamp) -> Result<(), StoreError> {
        let doing = json(doing, "effect under way")?;
        self.write(|transaction| {
            transaction
                .prepare_cached("INSERT OR IGNORE INTO letter_sent (message_id, at) VALUES (?1, ?2)")?
                .execute((message_id, seconds(now)))?;
            transaction
                .prepare_cached("UPDATE outbox SET state = 'doing', attempts = attempts + 1, doing = ?2 WHERE id = ?1")?
                .execute((id, doing))?;
            Ok(())
        })
    }

    /// A letter lies in a folder of the account; where exactly, if the server told or it was looked for.
    ///
    /// # Errors
    /// When the database refuses.
    pub fn laid(
        &mut self,
        id: i64,
        place: Option<&Place>,
        why: Option<&str>,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        self.write(|transaction| {
            transaction
                .prepare_cached(
                    "UPDATE outbox SET state = 'done', doing = NULL, last_error = ?3, closed_at = ?2 WHERE id = ?1",
                )?
                .execute((id, millis(now), why))?;
            if let Some(place) = place {
                let sql = "INSERT OR REPLACE INTO laid (outbox, account, mailbox, uid_validity, uid) VALUES (?1, ?2, ?3, ?4, ?5)";
                let values = (id, &place.account, &place.mailbox, place.uid_validity, place.uid);
                transaction.prepare_cached(sql)?.execute(values)?;
            }
            Ok(())
        })
    }

    /// A letter's end, and what follows from it, in one transaction: nothing follows from one that is at its end already.
    /// With `hand`, alerts that are due are handed back under way.
    ///
    /// # Errors
    /// When the database refuses; nothing is changed then.
    pub fn letter_ended(
        &mut self,
        id: i64,
        state: State,
        why: Option<&str>,
        wishes: &[Wish],
        hand: bool,
        now: Timestamp,
    ) -> Result<Vec<Row>, StoreError> {
        self.write(|transaction| end(transaction, id, state, why, wishes, hand, now))
    }

    /// A draft was sent by the shopper (row `id`). Answers whether that is news.
    ///
    /// # Errors
    /// When the database refuses.
    pub fn draft_was_sent(&mut self, id: i64, why: &str, now: Timestamp) -> Result<bool, StoreError> {
        self.write(|transaction| draft_sent(transaction, id, why, now))
    }

    /// Rows of a kind and lane that an attempt was begun on.
    ///
    /// # Errors
    /// When the database refuses.
    pub fn letters_under_way(&self, kind: &str, lane: &str) -> Result<Vec<Row>, StoreError> {
        Ok(self.under_way(kind)?.into_iter().filter(|row| row.lane == lane).collect())
    }

    /// Letters that are not at their end, of accounts that are none of these.
    ///
    /// # Errors
    /// When the database refuses, or holds a letter that cannot be read.
    pub fn letters_except(&self, accounts: &[String]) -> Result<Vec<Row>, StoreError> {
        let known = json(&accounts, "list of accounts")?;
        let sql = format!(
            "SELECT {COLUMNS} FROM outbox WHERE {KINDS} AND state IN ('ready', 'doing') \
             AND lane NOT IN (SELECT value FROM json_each(?1)) ORDER BY id"
        );
        self.rows(&sql, [known])
    }

    /// The letters about an order, in the order they were wished for.
    ///
    /// # Errors
    /// When the database refuses, or holds a letter that cannot be read.
    pub fn letters(&self, order: &OrderNumber) -> Result<Vec<Posted>, StoreError> {
        letters(&self.connection, order)
    }

    /// A letter by its action's number; `None` when there is none.
    ///
    /// # Errors
    /// When the database refuses, or holds a letter that cannot be read.
    pub fn letter(&self, id: i64) -> Result<Option<Posted>, StoreError> {
        Ok(posted(&self.connection, &format!("{KINDS} AND outbox.id = ?1"), [id])?.pop())
    }

    /// Letters of which it is not known whether they were sent.
    ///
    /// # Errors
    /// When the database refuses, or holds a letter that cannot be read.
    pub fn unknown_letters(&self) -> Result<Vec<Posted>, StoreError> {
        posted(&self.connection, "kind = 'send' AND state = 'unknown' ORDER BY outbox.id", [])
    }

    /// How many letters were written since the day began in Tokyo: one that became a draft counts once.
    ///
    /// # Errors
    /// When the database refuses.
    pub fn letters_today(&self, now: Timestamp) -> Result<u32, StoreError> {
        let from = calendar::instant(calendar::civil(now).date().at(0, 0, 0, 0));
        let sql =
            format!("SELECT count(DISTINCT {OF_ID}) FROM outbox WHERE kind IN ('draft', 'send') AND wished_at >= ?1");
        Ok(self.connection.prepare_cached(&sql)?.query_row([millis(from)], |row| row.get(0))?)
    }

    /// The signs about letters of an order, the words as they are stored: `bounced`, `auto-reply`.
    ///
    /// # Errors
    /// When the database refuses.
    pub fn letter_signs(&self, order: &OrderNumber) -> Result<Vec<(String, String)>, StoreError> {
        let sql = format!(
            "SELECT DISTINCT message_id, sign FROM outbox JOIN letter_sign ON message_id = {OF_ID} \
             WHERE {KINDS} AND {OF_ORDER} = ?1 ORDER BY letter_sign.at, sign"
        );
        let mut query = self.connection.prepare_cached(&sql)?;
        let signs = query.query_map([order.as_str()], |row| Ok((row.get(0)?, row.get(1)?)))?;
        Ok(signs.collect::<Result<_, _>>()?)
    }

    /// The order a letter with this Message-ID is about; `None` when there is no such letter.
    pub(super) fn order_of_letter(&self, message_id: &str) -> Result<Option<OrderNumber>, StoreError> {
        let sql = format!("SELECT {OF_ORDER} FROM outbox WHERE {KINDS} AND {OF_ID} = ?1 LIMIT 1");
        let order: Option<String> =
            self.connection.prepare_cached(&sql)?.query_row([message_id], |row| row.get(0)).optional()?;
        Ok(order.as_deref().and_then(OrderNumber::parse))
    }
}

/// A letter's end, and what follows from it ([`Db::letter_ended`]).
pub(super) fn end(
    transaction: &Transaction<'_>,
    id: i64,
    state: State,
    why: Option<&str>,
    wishes: &[Wish],
    hand: bool,
    now: Timestamp,
) -> Result<Vec<Row>, StoreError> {
    // of one that is in doubt it stays known when it may have left
    let sql = "UPDATE outbox SET state = ?2, doing = iif(?2 = 'unknown', doing, NULL), last_error = coalesce(?3, last_error), closed_at = ?4 \
               WHERE id = ?1 AND state IN ('ready', 'doing', 'unknown') AND state <> ?2";
    if transaction.prepare_cached(sql)?.execute((id, state.word(), why, millis(now)))? == 0 {
        return Ok(Vec::new());
    }
    if state == State::Done {
        shop_was_answered(transaction, id, now)?;
    }
    let mut alerts = Vec::new();
    for wish in wishes {
        let at_once = hand && matches!(wish.effect, Effect::Alert { .. }) && wish.due <= now;
        let Some(row) = outbox::enter(transaction, wish, "", None, at_once, now)? else { continue };
        if matches!(wish.effect, Effect::Draft { .. }) {
            // what becomes of the draft becomes of the letter
            let sql = "UPDATE letter SET outbox = ?2 WHERE outbox = ?1";
            transaction.prepare_cached(sql)?.execute((id, row.id))?;
        }
        alerts.extend(at_once.then_some(row));
    }
    Ok(alerts)
}

/// An answer that was sent answers the shop's question: written down with the letter's end, whoever asked for it and
/// however long that is ago. A draft answers nothing yet.
fn shop_was_answered(transaction: &Transaction<'_>, id: i64, now: Timestamp) -> Result<(), StoreError> {
    let sent = posted(transaction, "kind = 'send' AND outbox.id = ?1", [id])?;
    let answers = |one: &&Posted| Kind::of_step(&one.letter.step).is_some_and(Kind::is_answer);
    for one in sent.iter().filter(answers) {
        let statement =
            Statement { order: one.letter.order.clone(), said: Said::Answered, at: now, by: ledger::By::Letter };
        add_statement(transaction, &statement, now)?;
    }
    Ok(())
}

/// A draft was sent by the shopper. Answers whether that is news.
pub(super) fn draft_sent(
    transaction: &Transaction<'_>,
    id: i64,
    why: &str,
    now: Timestamp,
) -> Result<bool, StoreError> {
    let sql = "UPDATE letter SET sent_at = ?2 WHERE outbox = ?1 AND sent_at IS NULL";
    if transaction.prepare_cached(sql)?.execute((id, seconds(now)))? == 0 {
        return Ok(false);
    }
    transaction.prepare_cached("UPDATE outbox SET last_error = ?2 WHERE id = ?1")?.execute((id, why))?;
    Ok(true)
}

/// Whether a draft waits to be sent by the shopper.
pub(super) fn draft_waits(connection: &Connection, id: i64) -> Result<bool, StoreError> {
    let sql = "SELECT EXISTS (SELECT 1 FROM letter WHERE outbox = ?1 AND sent_at IS NULL)";
    Ok(connection.prepare_cached(sql)?.query_row([id], |row| row.get(0))?)
}

/// The letters about an order, in the order they were wished for.
pub(super) fn letters(connection: &Connection, order: &OrderNumber) -> Result<Vec<Posted>, StoreError> {
    posted(connection, &format!("{KINDS} AND {OF_ORDER} = ?1 ORDER BY outbox.id"), [order.as_str()])
}

fn posted(connection: &Connection, condition: &str, values: impl rusqlite::Params) -> Result<Vec<Posted>, StoreError> {
    let sql = format!(
        "SELECT outbox.id, wish_key, payload, state, last_error, coalesce(closed_at, wished_at), wished_at, \
         laid.account, laid.mailbox, laid.uid_validity, laid.uid, doing \
         FROM outbox LEFT JOIN laid ON laid.outbox = outbox.id WHERE {condition}"
    );
    let mut query = connection.prepare_cached(&sql)?;
    let mut rows = query.query(values)?;
    let mut all = Vec::new();
    while let Some(row) = rows.next()? {
        let payload: String = row.get(2)?;
        let effect: Effect =
            serde_json::from_str(&payload).map_err(|error| StoreError::Value { what: "effect", error })?;
        let Some((letter, way)) = letter_of(&effect) else { continue };
        let state: String = row.get(3)?;
        let account: Option<String> = row.get(7)?;
        let place = match account {
            Some(account) => {
                Some(Place { account, mailbox: row.get(8)?, uid_validity: row.get(9)?, uid: row.get(10)? })
            }
            None => None,
        };
        all.push(Posted {
            id: row.get(0)?,
            key: row.get(1)?,
            letter: letter.clone(),
            way,
            state: State::of(&state),
            error: row.get(4)?,
            begun: row.get::<_, Option<String>>(11)?.as_deref().and_then(begun),
            by: by(&effect),
            at: from_millis(row.get(5)?),
            wished_at: from_millis(row.get(6)?),
            place,
        });
    }
    Ok(all)
}

#[cfg(test)]
mod tests;
