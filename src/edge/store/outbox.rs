//! The outbox: every effect from the wish to its end.

use super::settle::json;
use super::view::IN_VIEW;
use super::{Db, StoreError, awaiting, chain, from_millis, from_seconds, letter, millis, seconds};
use crate::mailbox::{MailKey, Place};
use crate::plan::{Effect, Wish};
use jiff::Timestamp;
use rusqlite::{OptionalExtension, Row as SqlRow, Transaction};
use serde_json::Value;

/// The UID under which a message was seen, and its date of receipt there where that is known.
pub type SeenAt = (u32, Option<Timestamp>);

/// How far an effect is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum State {
    /// To be done when it is due.
    Ready,
    /// Under way; found after a crash, it may or may not have happened.
    Doing,
    /// Done.
    Done,
    /// Its time was up.
    Dropped,
    /// It cannot work.
    Failed,
    /// It may have happened; the shopper is asked.
    Unknown,
}

impl State {
    /// As it is stored and shown.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Ready => "ready",
            Self::Doing => "doing",
            Self::Done => "done",
            Self::Dropped => "dropped",
            Self::Failed => "failed",
            Self::Unknown => "unknown",
        }
    }

    pub(super) fn of(word: &str) -> Self {
        match word {
            "ready" => Self::Ready,
            "doing" => Self::Doing,
            "done" => Self::Done,
            "dropped" => Self::Dropped,
            "failed" => Self::Failed,
            _ => Self::Unknown,
        }
    }
}

/// A row of the outbox.
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    /// Its number.
    pub id: i64,
    /// The wish's unique key.
    pub key: String,
    /// What to do.
    pub effect: Effect,
    /// Channel of an alert; account of the others; empty for what is kept back.
    pub lane: String,
    /// The message it is about.
    pub message: Option<i64>,
    /// How far it is.
    pub state: State,
    /// Not before.
    pub due: Timestamp,
    /// Pointless after.
    pub until: Option<Timestamp>,
    /// Attempts begun.
    pub attempts: u32,
    /// Why the last one failed.
    pub last_error: Option<String>,
    /// What recovery needs to know about an attempt that was cut off.
    pub doing: Option<Value>,
    /// When it was wished for.
    pub wished_at: Timestamp,
}

/// Why an alert is given up whose channel is gone.
const NO_CHANNEL: &str = "its channel is no longer configured";

/// Reminders, and a summary that holds one.
const REMINDS: &str =
    "(wish_key LIKE 'remind:%' OR (wish_key LIKE 'summary:%' AND payload ->> '$.alert.details.reminders'))";

/// What a message had borne before the first attempt stays on record: a later look would see what we did ourselves.
const BORNE: &str = "iif(kind = 'file' AND json_extract(doing, '$.borne') IS NOT NULL, doing, NULL)";

pub(super) const COLUMNS: &str =
    "id, wish_key, payload, lane, message, state, due, until, attempts, last_error, doing, wished_at";

/// Enters a wish; `None` when its key is known already. With `at_once` it is under way (first attempt begun).
pub(super) fn enter(
    transaction: &Transaction<'_>,
    wish: &Wish,
    account: &str,
    message: Option<i64>,
    at_once: bool,
    now: Timestamp,
) -> Result<Option<Row>, StoreError> {
    let (kind, lane) = match &wish.effect {
        Effect::Alert { channel, .. } => ("alert", channel.as_str()),
        Effect::File { .. } => ("file", account),
        Effect::Flag { .. } => ("flag", account),
        Effect::Held { .. } => ("held", ""),
        Effect::Draft { letter } => ("draft", letter.account.as_str()),
        Effect::Send { letter, .. } => ("send", letter.account.as_str()),
        Effect::Copy { letter, .. } => ("copy", letter.account.as_str()),
    };
    let state = if at_once { State::Doing } else { State::Ready };
    let entered = transaction
        .prepare_cached(
            "INSERT OR IGNORE INTO outbox \
             (wish_key, kind, lane, message, payload, state, due, until, attempts, wished_at, told, turn) \
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)",
        )?
        .execute((
            &wish.key,
            kind,
            lane,
            message,
            json(&wish.effect, "effect")?,
            state.word(),
            millis(wish.due),
            wish.until.map(millis),
            u32::from(at_once),
            millis(now),
            wish.turn.as_ref().map(|turn| &turn.of),
            wish.turn.as_ref().map_or(0, |turn| turn.place),
        ))?;
    if entered == 0 {
        return Ok(None);
    }
    let id = transaction.last_insert_rowid();
    letter::remember(transaction, id, &wish.effect, now)?;
    for key in &wish.after {
        transaction
            .prepare_cached("INSERT OR IGNORE INTO outbox_after (outbox, wish_key) VALUES (?1, ?2)")?
            .execute((id, key))?;
    }
    awaiting::enter(transaction, wish, message, now)?;
    Ok(Some(Row {
        id,
        key: wish.key.clone(),
        effect: wish.effect.clone(),
        lane: lane.to_owned(),
        message,
        state,
        due: wish.due,
        until: wish.until,
        attempts: u32::from(at_once),
        last_error: None,
        doing: None,
        wished_at: now,
    }))
}

/// A wish's key without the channel, which stands last.
pub(super) fn stem<'a>(key: &'a str, channel: &str) -> &'a str {
    key.strip_suffix(channel).unwrap_or(key)
}

/// Reminders (and summaries that hold one) under way to a channel that is gone, and that no other channel has: each goes to the first there is.
fn redirect_reminders(transaction: &Transaction<'_>, channels: &[String], known: &str) -> Result<(), StoreError> {
    let Some(first) = channels.first() else { return Ok(()) };
    let sql = format!(
        "SELECT {COLUMNS} FROM outbox WHERE kind = 'alert' AND state IN ('ready', 'doing') AND {REMINDS} \
         AND lane NOT IN (SELECT value FROM json_each(?1)) ORDER BY id"
    );
    let lost =
        transaction.prepare_cached(&sql)?.query_map([known], |row| Ok(read(row)))?.collect::<Result<Vec<_>, _>>()?;
    for row in lost {
        let row = row?;
        let Effect::Alert { alert, .. } = row.effect else { continue };
        // the others of the same words, on channels that are there: in whatever state, they are told
        let sql = "SELECT 1 FROM outbox WHERE wish_key > ?1 AND wish_key < ?1 || char(1114111) \
                   AND lane IN (SELECT value FROM json_each(?2))";
        if transaction.prepare_cached(sql)?.exists((stem(&row.key, &row.lane), known))? {
            continue;
        }
        let effect = json(&Effect::Alert { channel: first.clone(), alert }, "effect")?;
        let sql = "UPDATE outbox SET lane = ?2, payload = ?3, state = 'ready', doing = NULL WHERE id = ?1";
        transaction.prepare_cached(sql)?.execute((row.id, first, effect))?;
    }
    Ok(())
}

/// Effects that are not done, of one kind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LeftOver {
    /// They are not tried again.
    pub given_up: bool,
    /// What went wrong the last time, if they were tried.
    pub why: Option<String>,
    /// How many they are.
    pub effects: u32,
}

impl Db {
    /// Every row, oldest first.
    ///
    /// # Errors
    /// When the database refuses.
    pub fn outbox(&self) -> Result<Vec<Row>, StoreError> {
        self.rows(&format!("SELECT {COLUMNS} FROM outbox ORDER BY id"), [])
    }

    /// What waits to be done, and what was given up since then: counted by whether it was given up and by its last error.
    /// What is kept back is told when it is time, and waits for nothing.
    ///
    /// # Errors
    /// When the database refuses.
    pub fn left_over(&self, since: Timestamp) -> Result<Vec<LeftOver>, StoreError> {
        let sql = "SELECT state IN ('failed', 'unknown') AS given_up, last_error, count(*) FROM outbox \
                   WHERE (state IN ('ready', 'doing') AND kind <> 'held') \
                   OR (state IN ('failed', 'unknown') AND coalesce(closed_at, wished_at) >= ?1) \
                   GROUP BY given_up, last_error ORDER BY given_up DESC, last_error";
        let mut query = self.connection.prepare_cached(sql)?;
        let left = query.query_map([millis(since)], |row| {
            Ok(LeftOver { given_up: row.get(0)?, why: row.get(1)?, effects: row.get(2)? })
        })?;
        Ok(left.collect::<Result<_, _>>()?)
    }

    /// How many rows are not at their end.
    ///
    /// # Errors
    /// When the database refuses.
    pub fn open_rows(&self) -> Result<u32, StoreError> {
        let sql = "SELECT count(*) FROM outbox WHERE state IN ('ready', 'doing')";
        Ok(self.connection.query_row(sql, [], |row| row.get(0))?)
    }

    /// An attempt begins: written before the first byte leaves. `doing` is what recovery will need.
    ///
    /// # Errors
    /// When the database refuses.
    pub fn begin(&mut self, ids: &[i64], doing: Option<&Value>) -> Result<(), StoreError> {
        let doing = doing.map(|doing| json(doing, "effect under way")).transpose()?;
        self.write(|transaction| {
            let sql = "UPDATE outbox SET state = 'doing', attempts = attempts + 1, doing = ?2 WHERE id = ?1";
            let mut update = transaction.prepare_cached(sql)?;
            for id in ids {
                update.execute((id, &doing))?;
            }
            Ok(())
        })
    }

    /// An effect's end: done, dropped, failed or unknown.
    ///
    /// # Errors
    /// When the database refuses.
    pub fn close(&mut self, id: i64, state: State, error: Option<&str>, now: Timestamp) -> Result<(), StoreError> {
        let sql = "UPDATE outbox SET state = ?2, last_error = coalesce(?3, last_error), closed_at = ?4 WHERE id = ?1";
        self.connection.prepare_cached(sql)?.execute((id, state.word(), error, millis(now)))?;
        Ok(())
    }

    /// To be tried again when `due`.
    ///
    /// # Errors
    /// When the database refuses.
    pub fn again(&mut self, ids: &[i64], due: Timestamp, error: Option<&str>) -> Result<(), StoreError> {
        self.write(|transaction| {
            let sql = format!(
                "UPDATE outbox SET state = 'ready', doing = {BORNE}, due = ?2, last_error = coalesce(?3, last_error) \
                 WHERE id = ?1"
            );
            let mut update = transaction.prepare_cached(&sql)?;
            for id in ids {
                update.execute((id, millis(due), error))?;
            }
            Ok(())
        })
    }

    /// An alert was accepted by its channel.
    ///
    /// # Errors
    /// When the database refuses.
    pub fn alerted(
        &mut self,
        row: &Row,
        received: Option<Timestamp>,
        left: Timestamp,
        accepted: Timestamp,
    ) -> Result<(), StoreError> {
        self.write(|transaction| {
            transaction
                .prepare_cached("UPDATE outbox SET state = 'done', closed_at = ?2 WHERE id = ?1")?
                .execute((row.id, millis(accepted)))?;
            transaction
                .prepare_cached(
                    "INSERT OR REPLACE INTO latency (outbox, received_at, seen_at, left_at, accepted_at) \
                     VALUES (?1, ?2, ?3, ?4, ?5)",
                )?
                .execute((row.id, received.map(millis), millis(row.wished_at), millis(left), millis(accepted)))?;
            awaiting::taken(transaction, row.id, accepted)?;
            chain::taken(transaction, row.id, accepted)
        })
    }

    /// As [`Db::begin`], with a record for each row.
    ///
    /// # Errors
    /// When the database refuses.
    pub fn begin_each(&mut self, rows: &[(i64, Value)]) -> Result<(), StoreError> {
        self.write(|transaction| {
            let sql = "UPDATE outbox SET state = 'doing', attempts = attempts + 1, doing = ?2 WHERE id = ?1";
            let mut update = transaction.prepare_cached(sql)?;
            for (id, doing) in rows {
                update.execute((id, json(doing, "effect under way")?))?;
            }
            Ok(())
        })
    }

    /// What recovery will need to know of attempts under way is something else now.
    ///
    /// # Errors
    /// When the database refuses.
    pub fn note_each(&mut self, rows: &[(i64, Value)]) -> Result<(), StoreError> {
        self.write(|transaction| {
            let mut update =
                transaction.prepare_cached("UPDATE outbox SET doing = ?2 WHERE id = ?1 AND state = 'doing'")?;
            for (id, doing) in rows {
                update.execute((id, json(doing, "effect under way")?))?;
            }
            Ok(())
        })
    }

    /// An attempt was refused before it could begin: counted, and tried again when `due`.
    ///
    /// # Errors
    /// When the database refuses.
    pub fn put_off(&mut self, id: i64, due: Timestamp, error: &str) -> Result<(), StoreError> {
        let sql = format!(
            "UPDATE outbox SET attempts = attempts + iif(state = 'ready', 1, 0), state = 'ready', doing = {BORNE}, \
             due = ?2, last_error = ?3 WHERE id = ?1"
        );
        self.connection.prepare_cached(&sql)?.execute((id, millis(due), error))?;
        Ok(())
    }

    /// Messages were filed: each row is done, its message lies at the target (if the server said where) and no longer
    /// at the source.
    ///
    /// # Errors
    /// When the database refuses.
    pub fn filed(&mut self, filed: &[(i64, Place, Option<Place>)], now: Timestamp) -> Result<(), StoreError> {
        self.write(|transaction| {
            for (id, source, target) in filed {
                transaction
                    .prepare_cached(&format!(
                        "UPDATE outbox SET state = 'done', doing = {BORNE}, closed_at = ?2, origin = ?3 WHERE id = ?1"
                    ))?
                    .execute((id, millis(now), &source.mailbox))?;
                let message: Option<i64> = transaction
                    .prepare_cached("SELECT message FROM outbox WHERE id = ?1")?
                    .query_row([id], |row| row.get(0))?;
                transaction
                    .prepare_cached(
                        "UPDATE place SET gone = 1 \
                         WHERE account = ?1 AND mailbox = ?2 AND uid_validity = ?3 AND uid = ?4",
                    )?
                    .execute((&source.account, &source.mailbox, source.uid_validity, source.uid))?;
                if let (Some(message), Some(target)) = (message, target) {
                    super::settle::add_place(transaction, target, None, message)?;
                }
            }
            Ok(())
        })
    }

    /// A mailbox has a new UIDVALIDITY: places under older ones are no longer places.
    ///
    /// # Errors
    /// When the database refuses.
    pub fn renumbered(&mut self, account: &str, mailbox: &str, uid_validity: u32) -> Result<(), StoreError> {
        let sql = "UPDATE place SET gone = 1 WHERE account = ?1 AND mailbox = ?2 AND uid_validity <> ?3";
        self.connection.prepare_cached(sql)?.execute((account, mailbox, uid_validity))?;
        Ok(())
    }

    /// Alerts for channels that are no longer configured are given up: nothing waits for them for ever. A reminder that no
    /// other channel has leaves by the first of `channels` instead, or waits until there is one; answers how many others
    /// are given up.
    ///
    /// # Errors
    /// When the database refuses.
    pub fn give_up_alerts_except(&mut self, channels: &[String], now: Timestamp) -> Result<usize, StoreError> {
        let known = json(&channels, "list of channels")?;
        self.write(|transaction| {
            redirect_reminders(transaction, channels, &known)?;
            let sql = format!(
                "UPDATE outbox SET state = 'failed', last_error = ?3, closed_at = ?2 \
                 WHERE kind = 'alert' AND state IN ('ready', 'doing') AND NOT (?1 = '[]' AND coalesce({REMINDS}, 0)) \
                 AND lane NOT IN (SELECT value FROM json_each(?1))"
            );
            let lost = transaction.prepare_cached(&sql)?.execute((known, millis(now), NO_CHANNEL))?;
            chain::resume(transaction, now)?;
            Ok(lost)
        })
    }

    /// Where the message of a row was first seen and still lies as far as is known, and what it is. A mailbox that shows
    /// what lies somewhere else, too, counts when there is no other.
    ///
    /// # Errors
    /// When the database refuses.
    pub fn whereabouts(&self, message: i64) -> Result<Option<(Place, MailKey)>, StoreError> {
        self.lies(message, "")
    }

    /// The same in one account: the very same bytes may lie in another one, too.
    ///
    /// # Errors
    /// When the database refuses.
    pub fn whereabouts_in(&self, message: i64, account: &str) -> Result<Option<(Place, MailKey)>, StoreError> {
        self.lies(message, account)
    }

    /// `account` is empty for any.
    fn lies(&self, message: i64, account: &str) -> Result<Option<(Place, MailKey)>, StoreError> {
        let sql = format!(
            "SELECT account, mailbox, uid_validity, uid, mail_key FROM place JOIN message ON message.id = place.message \
             WHERE place.message = ?1 AND gone = 0 AND ?2 IN ('', account) ORDER BY {IN_VIEW}, seen_first LIMIT 1"
        );
        let mut query = self.connection.prepare_cached(&sql)?;
        let found = query.query_row((message, account), |row| {
            let place =
                Place { account: row.get(0)?, mailbox: row.get(1)?, uid_validity: row.get(2)?, uid: row.get(3)? };
            Ok((place, row.get::<_, String>(4)?))
        });
        Ok(found.optional()?.and_then(|(place, key)| MailKey::from_hex(&key).map(|key| (place, key))))
    }

    /// What a message is, its size, and the last place outside `but` at which it lay in an account, whether it lies there
    /// still or not.
    ///
    /// # Errors
    /// When the database refuses.
    pub fn last_place(
        &self,
        message: i64,
        account: &str,
        but: &str,
    ) -> Result<Option<(Place, MailKey, u32)>, StoreError> {
        let sql = "SELECT account, mailbox, uid_validity, uid, mail_key, size FROM place \
                   JOIN message ON message.id = place.message \
                   WHERE place.message = ?1 AND account = ?2 AND mailbox <> ?3 ORDER BY seen_first DESC LIMIT 1";
        let found = self.connection.prepare_cached(sql)?.query_row((message, account, but), |row| {
            let place =
                Place { account: row.get(0)?, mailbox: row.get(1)?, uid_validity: row.get(2)?, uid: row.get(3)? };
            Ok((place, row.get::<_, String>(4)?, row.get(5)?))
        });
        let found = found.optional()?;
        Ok(found.and_then(|(place, key, size)| MailKey::from_hex(&key).map(|key| (place, key, size))))
    }

    /// The UIDs under which a message was ever seen in a mailbox, under a UIDVALIDITY, with the dates of receipt as far as
    /// they are known; and its size.
    ///
    /// # Errors
    /// When the database refuses.
    pub fn seen_in(&self, message: i64, place: &Place) -> Result<(Vec<SeenAt>, u32), StoreError> {
        let sql = "SELECT uid, received_at FROM place \
                   WHERE message = ?1 AND account = ?2 AND mailbox = ?3 AND uid_validity = ?4";
        let mut query = self.connection.prepare_cached(sql)?;
        let of = (message, &place.account, &place.mailbox, place.uid_validity);
        let seen = query
            .query_map(of, |row| Ok((row.get(0)?, row.get::<_, Option<i64>>(1)?.map(from_seconds))))?
            .collect::<Result<_, _>>()?;
        let sql = "SELECT size FROM message WHERE id = ?1";
        Ok((seen, self.connection.prepare_cached(sql)?.query_row([message], |row| row.get(0))?))
    }

    /// A message was found at a place, with this date of receipt.
    ///
    /// # Errors
    /// When the database refuses.
    pub fn lies_at(&mut self, message: i64, place: &Place, received: Option<Timestamp>) -> Result<(), StoreError> {
        self.write(|transaction| super::settle::add_place(transaction, place, received, message).map(drop))
    }

    /// Remembers the Message-ID of a mail that is about to be sent.
    ///
    /// # Errors
    /// When the database refuses.
    pub fn will_send(&mut self, message_id: &str, now: Timestamp) -> Result<(), StoreError> {
        let sql = "INSERT OR IGNORE INTO letter_sent (message_id, at) VALUES (?1, ?2)";
        self.connection.prepare_cached(sql)?.execute((message_id, seconds(now)))?;
        Ok(())
    }

    pub(super) fn rows(&self, sql: &str, parameters: impl rusqlite::Params) -> Result<Vec<Row>, StoreError> {
        let mut query = self.connection.prepare_cached(sql)?;
        let mut rows = query.query(parameters)?;
        let mut found = Vec::new();
        while let Some(row) = rows.next()? {
            found.push(read(row)?);
        }
        Ok(found)
    }
}

pub(super) fn read(row: &SqlRow<'_>) -> Result<Row, StoreError> {
    let payload: String = row.get(2)?;
    let state: String = row.get(5)?;
    let doing: Option<String> = row.get(10)?;
    Ok(Row {
        id: row.get(0)?,
        key: row.get(1)?,
        effect: serde_json::from_str(&payload).map_err(|error| StoreError::Value { what: "effect", error })?,
        lane: row.get(3)?,
        message: row.get(4)?,
        state: State::of(&state),
        due: from_millis(row.get(6)?),
        until: row.get::<_, Option<i64>>(7)?.map(from_millis),
        attempts: row.get(8)?,
        last_error: row.get(9)?,
        doing: doing.and_then(|doing| serde_json::from_str(&doing).ok()),
        wished_at: from_millis(row.get(11)?),
    })
}
