//! Words that are kept no longer: sentences of mails, texts of letters and alerts. What they proved stays.
//!
//! Worked off in pieces, each one transaction: cut off anywhere, the next run goes on. Rows stay, for they keep anything
//! from being done twice; only the words in them go. That they are gone from the file, too, is [`Db::tidy`]'s work.

use super::near::{near, numbers};
use super::open::{BEFORE_UPGRADE, sweep_copies};
use super::rebuild::ONE_DAY_AFTER_ANOTHER;
use super::settle::json;
use super::{Db, StoreError, millis, seconds};
use crate::facts::OrderNumber;
use crate::ledger::case::State;
use crate::ledger::due::Settings;
use crate::ledger::{Case, Event, Keep};
use crate::letter::Letter;
use crate::plan::{Alert, Effect};
use jiff::{SignedDuration, Timestamp};
use rusqlite::{Connection, Transaction};
use std::collections::BTreeSet;
use std::path::Path;

/// Orders that are looked at in one transaction.
const ORDERS: u32 = 200;
/// Other rows that are blanked in one transaction.
const ROWS: u32 = 500;

/// How much lost its words.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Expired {
    /// Sentences of mails.
    pub excerpts: usize,
    /// Reasons why mails were sorted as they were.
    pub reasons: usize,
    /// Letters.
    pub letters: usize,
    /// Alerts.
    pub alerts: usize,
}

impl Expired {
    /// Together with what another piece blanked.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        Self {
            excerpts: self.excerpts + other.excerpts,
            reasons: self.reasons + other.reasons,
            letters: self.letters + other.letters,
            alerts: self.alerts + other.alerts,
        }
    }

    /// Nothing did.
    #[must_use]
    pub fn is_none(self) -> bool {
        self == Self::default()
    }
}

/// Where the next piece begins.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Piece {
    /// Orders after this one, in the order of the days they were placed.
    #[default]
    Orders,
    /// … after this one.
    OrdersAfter(OrderNumber),
    /// What belongs to no order.
    Others,
}

/// What is done with what is found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Carry {
    /// It is blanked.
    Out,
    /// It is counted, and all stays as it is.
    Nothing,
}

impl Db {
    /// One piece: what was found in it, and where to go on; `None` at the end.
    ///
    /// # Errors
    /// When the database refuses, or holds a value that cannot be read: nothing of this piece is changed then.
    pub fn expire(
        &mut self,
        piece: &Piece,
        keep: Keep,
        settings: &Settings,
        carry: Carry,
        now: Timestamp,
    ) -> Result<(Expired, Option<Piece>), StoreError> {
        // what is blanked is overwritten where it stands, and not only let go of
        self.connection.pragma_update(None, "secure_delete", true)?;
        let transaction = self.connection.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)?;
        let changed = transaction.total_changes();
        let found = match piece {
            Piece::Orders => orders(&transaction, None, keep, settings, now),
            Piece::OrdersAfter(last) => orders(&transaction, Some(last), keep, settings, now),
            Piece::Others => others(&transaction, carry, keep, settings, now),
        }?;
        if transaction.total_changes() != changed {
            // killed after this piece, the next run tidies all the same
            transaction.execute("INSERT OR IGNORE INTO tidy_owed (id) VALUES (1)", [])?;
        }
        match carry {
            Carry::Out => transaction.commit()?,
            Carry::Nothing => transaction.rollback()?,
        }
        Ok(found)
    }

    /// Takes the log into the database and empties it, so that nothing of what was blanked is left there; with `anew` the
    /// whole file is written anew, so that nothing is left between its rows either. `false`: another program reads just
    /// now, and the log could not be emptied; the next time will do.
    ///
    /// # Errors
    /// When the database refuses.
    pub fn tidy(&mut self, anew: bool) -> Result<bool, StoreError> {
        if anew {
            self.connection.execute_batch("VACUUM")?;
        }
        let sql = "PRAGMA wal_checkpoint(TRUNCATE)";
        let emptied = self.connection.query_row(sql, [], |row| row.get::<_, i64>(0))? == 0;
        if emptied {
            self.connection.execute("DELETE FROM tidy_owed", [])?;
        }
        Ok(emptied)
    }

    /// Words were blanked, and [`Db::tidy`] did not do its work to the end since.
    ///
    /// # Errors
    /// When the database refuses.
    pub fn owes_tidying(&self) -> Result<bool, StoreError> {
        Ok(self.connection.prepare_cached("SELECT 1 FROM tidy_owed")?.exists([])?)
    }

    /// Removes the copy that an upgrade left beside the database, once it is as old as words are kept.
    pub fn forget_copy(&self, keep: Keep, now: Timestamp) {
        let Some(folder) = self.connection.path().and_then(|path| Path::new(path).parent()) else { return };
        // one that is being made just now is newer
        sweep_copies(folder, Some(before(now, 1).into()));
        let copy = folder.join(BEFORE_UPGRADE);
        let made = std::fs::metadata(&copy).and_then(|about| about.modified()).ok();
        let made = made.and_then(|made| Timestamp::try_from(made).ok());
        if made.is_some_and(|made| made <= before(now, i64::from(keep.excerpt_days))) {
            // one that cannot be removed today is tomorrow's
            let _ = std::fs::remove_file(&copy);
        }
    }

    /// Bytes of the file.
    ///
    /// # Errors
    /// When the database refuses.
    pub fn size(&self) -> Result<u64, StoreError> {
        let number = |sql: &str| self.connection.query_row(sql, [], |row| row.get::<_, i64>(0));
        let bytes = number("PRAGMA page_size")?.saturating_mul(number("PRAGMA page_count")?);
        Ok(u64::try_from(bytes).unwrap_or_default())
    }
}

fn before(now: Timestamp, days: i64) -> Timestamp {
    now.checked_sub(SignedDuration::from_hours(24 * days)).unwrap_or(Timestamp::MIN)
}

fn orders(
    transaction: &Transaction<'_>,
    last: Option<&OrderNumber>,
    keep: Keep,
    settings: &Settings,
    now: Timestamp,
) -> Result<(Expired, Option<Piece>), StoreError> {
    let after = last.map_or(("", ""), |last| (last.as_str().get(7..).unwrap_or_default(), last.as_str()));
    let found = numbers(transaction, ONE_DAY_AFTER_ANOTHER, (after.0, after.1, ORDERS))?;
    let place = |order: &OrderNumber| (order.as_str().get(7..).unwrap_or_default().to_owned(), order.to_string());
    let Some(next) = found.iter().max_by_key(|order| place(order)).cloned() else {
        return Ok((Expired::default(), Some(Piece::Others)));
    };
    let mut worded = BTreeSet::new();
    for order in found {
        if has_words(transaction, &order)? {
            worded.insert(order);
        }
    }
    let mut expired = Expired::default();
    if !worded.is_empty() {
        let days = i64::from(keep.excerpt_days);
        // as it was seen so many days ago: what had ended then, and of which nothing was heard since
        let then = before(now, days);
        // of an order that lives its end is not told; when nobody can do anything about it any more, it is past
        let long_ago = before(now, days + i64::from(settings.protection_days) + i64::from(settings.lapse_days));
        let today = near(transaction, &worded, settings, now)?;
        let ended = |case: &&Case| {
            // by time alone a case may open again
            case.ended && today.get(&case.order_number).is_some_and(|case| case.ended)
        };
        for case in near(transaction, &worded, settings, then)?.values().filter(ended) {
            let quiet_since = if case.cancelled == State::None { long_ago } else { then };
            let order = &case.order_number;
            if worded.contains(order) && last_word(transaction, order)? <= quiet_since {
                expired = expired.and(of_order(transaction, order)?);
            }
        }
    }
    Ok((expired, Some(Piece::OrdersAfter(next))))
}

const LETTERS: &str = "kind IN ('draft', 'send', 'copy') AND state IN ('done', 'dropped', 'failed') \
                       AND json_extract(payload, '$.letter.order') = ?1 AND json_extract(payload, '$.letter.body') <> ''";

fn has_words(connection: &Connection, order: &OrderNumber) -> Result<bool, StoreError> {
    let sql = format!(
        "SELECT EXISTS (SELECT 1 FROM event WHERE order_number = ?1 AND json_valid(body) \
         AND trim(json_extract(body, '$.excerpt'), '…') <> '') OR EXISTS (SELECT 1 FROM outbox WHERE {LETTERS})"
    );
    Ok(connection.prepare_cached(&sql)?.query_row([order.as_str()], |row| row.get(0))?)
}

/// When something was last heard or said of an order.
fn last_word(connection: &Connection, order: &OrderNumber) -> Result<Timestamp, StoreError> {
    let sql = "SELECT max(coalesce((SELECT max(at) FROM event WHERE order_number = ?1), 0), \
               coalesce((SELECT max(max(at, said_at)) FROM statement WHERE order_number = ?1), 0), \
               coalesce((SELECT max(at) FROM letter WHERE order_number = ?1), 0))";
    let at: i64 = connection.prepare_cached(sql)?.query_row([order.as_str()], |row| row.get(0))?;
    Ok(super::from_seconds(at))
}

fn of_order(transaction: &Transaction<'_>, order: &OrderNumber) -> Result<Expired, StoreError> {
    let sql = "SELECT id, mail_key, body FROM event WHERE order_number = ?1";
    let excerpts = events(transaction, sql, [order.as_str()])?;
    let reasons = transaction
        .prepare_cached(
            "UPDATE message SET verdict = json_set(verdict, '$.reasons', json('[]')) \
             WHERE mail_key IN (SELECT mail_key FROM event WHERE order_number = ?1) AND json_valid(verdict) \
             AND json_array_length(verdict, '$.reasons') > 0",
        )?
        .execute([order.as_str()])?;
    let sql = format!("SELECT id, payload FROM outbox WHERE {LETTERS}");
    let letters = effects(transaction, &sql, [order.as_str()], |effect| match effect {
        Effect::Draft { letter } | Effect::Send { letter, .. } | Effect::Copy { letter, .. } => {
            let Letter { subject, body, .. } = &mut **letter;
            (*subject, *body) = (gone(), String::new());
        }
        Effect::Alert { .. } | Effect::File { .. } | Effect::Flag { .. } | Effect::Held { .. } => {}
    })?;
    Ok(Expired { excerpts, reasons, letters, alerts: 0 })
}

fn gone() -> String {
    crate::ledger::EXPIRED.to_string()
}

/// Takes their sentences from these events (`id, mail_key, body`); ones that cannot be read are left for `rebuild`.
fn events(transaction: &Transaction<'_>, sql: &str, values: impl rusqlite::Params) -> Result<usize, StoreError> {
    let mut found: Vec<(i64, String, Event)> = Vec::new();
    {
        let mut query = transaction.prepare_cached(sql)?;
        let mut rows = query.query(values)?;
        while let Some(row) = rows.next()? {
            let body = row.get_ref(2)?.as_bytes().unwrap_or_default();
            let Ok(event) = serde_json::from_slice::<Event>(body) else { continue };
            if !event.excerpt.is_empty() && !event.is_expired() {
                found.push((row.get(0)?, row.get(1)?, event));
            }
        }
    }
    let mut taken = transaction.prepare_cached("SELECT 1 FROM event WHERE mail_key = ?1 AND body = ?2")?;
    let mut update = transaction.prepare_cached("UPDATE event SET body = ?2 WHERE id = ?1")?;
    let number = found.len();
    for (id, mail, event) in found {
        let mut nth = 1;
        let mut body = json(&event.clone().expired(nth), "event")?;
        while taken.exists((&mail, &body))? {
            nth += 1;
            body = json(&event.clone().expired(nth), "event")?;
        }
        update.execute((id, body))?;
    }
    Ok(number)
}

/// Takes the words from these effects (`id, payload`).
fn effects(
    transaction: &Transaction<'_>,
    sql: &str,
    values: impl rusqlite::Params,
    blank: impl Fn(&mut Effect),
) -> Result<usize, StoreError> {
    let mut found: Vec<(i64, Effect)> = Vec::new();
    {
        let mut query = transaction.prepare_cached(sql)?;
        let mut rows = query.query(values)?;
        while let Some(row) = rows.next()? {
            let payload = row.get_ref(1)?.as_bytes().unwrap_or_default();
            let Ok(effect) = serde_json::from_slice::<Effect>(payload) else { continue };
            found.push((row.get(0)?, effect));
        }
    }
    let mut update = transaction.prepare_cached("UPDATE outbox SET payload = ?2 WHERE id = ?1")?;
    let number = found.len();
    for (id, mut effect) in found {
        blank(&mut effect);
        update.execute((id, json(&effect, "effect")?))?;
    }
    Ok(number)
}

/// What is left of an alert: how urgent it was, of which category, and when its mail came.
fn blanked(alert: &Alert) -> Alert {
    Alert {
        priority: alert.priority,
        category: alert.category.clone(),
        title: gone(),
        received: alert.received,
        ..Alert::default()
    }
}

fn others(
    transaction: &Transaction<'_>,
    carry: Carry,
    keep: Keep,
    settings: &Settings,
    now: Timestamp,
) -> Result<(Expired, Option<Piece>), StoreError> {
    // counted alone, what was found stays to be found: all in one go
    let most = if carry == Carry::Out { ROWS } else { u32::MAX };
    let open_for = i64::from(settings.protection_days) + i64::from(settings.lapse_days);
    let of_no_order = seconds(before(now, i64::from(keep.excerpt_days) + open_for));
    let retired = seconds(before(now, i64::from(keep.excerpt_days)));
    let excerpts = events(
        transaction,
        "SELECT id, mail_key, body FROM event WHERE json_valid(body) \
         AND trim(json_extract(body, '$.excerpt'), '…') <> '' \
         AND ((order_number IS NULL AND at <= ?1) OR (retired = 1 AND at <= ?2)) LIMIT ?3",
        (of_no_order, retired, most),
    )?;
    let old = before(now, i64::from(keep.history_days));
    let reasons = transaction
        .prepare_cached(
            "UPDATE message SET verdict = json_set(verdict, '$.reasons', json('[]')) WHERE id IN \
             (SELECT id FROM message WHERE seen_at <= ?1 AND json_valid(verdict) \
              AND json_array_length(verdict, '$.reasons') > 0 LIMIT ?2)",
        )?
        .execute((seconds(old), most))?;
    let sql = "SELECT id, payload FROM outbox WHERE kind IN ('alert', 'held') AND state IN ('done', 'dropped', 'failed') \
               AND coalesce(closed_at, wished_at) <= ?1 AND json_valid(payload) \
               AND json_extract(payload, '$.alert.title') <> '…' LIMIT ?2";
    let alerts = effects(transaction, sql, (millis(old), most), |effect| match effect {
        Effect::Alert { alert, .. } | Effect::Held { alert, .. } => *alert = blanked(alert),
        Effect::File { .. }
        | Effect::Flag { .. }
        | Effect::Draft { .. }
        | Effect::Send { .. }
        | Effect::Copy { .. } => {}
    })?;
    let waited = repeated(transaction, old, most)?;
    let whole = most as usize;
    let more = [excerpts, reasons, alerts, waited].iter().any(|number| *number >= whole);
    Ok((Expired { excerpts, reasons, letters: 0, alerts }, more.then_some(Piece::Others)))
}

/// The words of alerts that were repeated until somebody saw them. They are those of the outbox once more.
fn repeated(transaction: &Transaction<'_>, old: Timestamp, most: u32) -> Result<usize, StoreError> {
    let mut found: Vec<(String, Alert)> = Vec::new();
    {
        let sql = "SELECT told, alert FROM awaiting WHERE until <= ?1 AND json_valid(alert) \
                   AND json_extract(alert, '$.title') <> '…' LIMIT ?2";
        let mut query = transaction.prepare_cached(sql)?;
        let mut rows = query.query((millis(old), most))?;
        while let Some(row) = rows.next()? {
            let Ok(alert) = serde_json::from_slice(row.get_ref(1)?.as_bytes().unwrap_or_default()) else { continue };
            found.push((row.get(0)?, alert));
        }
    }
    let mut update = transaction.prepare_cached("UPDATE awaiting SET alert = ?2 WHERE told = ?1")?;
    for (told, alert) in &found {
        update.execute((told, json(&blanked(alert), "alert")?))?;
    }
    Ok(found.len())
}
