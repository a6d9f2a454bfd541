//! Channels that tell the same, one after the other; and how each channel fares.

use super::{Db, State, StoreError, from_millis, millis};
use jiff::Timestamp;
use rusqlite::{OptionalExtension, Transaction};

/// Why a row is closed that was never needed: another channel told it. It was not missed.
pub const NOT_NEEDED: &str = "not needed: another channel told it";

/// Whether what was dropped for this reason was missed by nobody.
#[must_use]
pub fn is_no_loss(reason: &str) -> bool {
    [NOT_NEEDED, super::ANSWERED].contains(&reason)
}
/// Why an alert is dropped.
const TIME_IS_UP: &str = "its time was up";
/// Begins the trouble of an alert that was not even tried.
const SHUT: &str = "not tried, the channel does not work: ";

/// How a channel fares.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Health {
    /// It takes what it is given since then; `None`: it never took anything, or does not now.
    pub well_since: Option<Timestamp>,
    /// It takes nothing since then.
    pub failing_since: Option<Timestamp>,
    /// Attempts that failed one after the other.
    pub failures: u32,
    /// How often in a row it was left alone.
    pub shut: u32,
    /// It is left alone until then.
    pub shut_until: Option<Timestamp>,
    /// Why the last attempt failed.
    pub trouble: Option<String>,
}

/// An alert was accepted: the channels that wait for their turn need not tell it any more.
pub(super) fn taken(transaction: &Transaction<'_>, id: i64, now: Timestamp) -> Result<(), StoreError> {
    let sql = "UPDATE outbox SET state = 'dropped', doing = NULL, last_error = ?2, closed_at = ?3 \
               WHERE told = (SELECT told FROM outbox WHERE id = ?1) AND kind = 'alert' AND state = 'ready' AND turn > 0";
    transaction.prepare_cached(sql)?.execute((id, NOT_NEEDED, millis(now)))?;
    Ok(())
}

/// After a start: what another channel told is not told once more by one whose turn had come, and what waits for a
/// channel that has ended waits no longer.
pub(super) fn resume(transaction: &Transaction<'_>, now: Timestamp) -> Result<(), StoreError> {
    let sql = "UPDATE outbox SET state = 'dropped', doing = NULL, last_error = ?1, closed_at = ?2 \
               WHERE kind = 'alert' AND turn > 0 AND state IN ('ready', 'doing') \
               AND EXISTS (SELECT 1 FROM outbox AS took WHERE took.told = outbox.told AND took.kind = 'alert' \
                           AND took.state = 'done')";
    transaction.prepare_cached(sql)?.execute((NOT_NEEDED, millis(now)))?;
    let sql = "SELECT DISTINCT told FROM outbox WHERE kind = 'alert' AND turn > 0 AND state = 'ready' AND due > ?1";
    let waiting: Vec<String> =
        transaction.prepare_cached(sql)?.query_map([millis(now)], |row| row.get(0))?.collect::<Result<_, _>>()?;
    for told in waiting {
        next_turn(transaction, &told, now)?;
    }
    Ok(())
}

/// The next channel's turn comes now if each before it has ended or has a failed attempt behind it; those after it move
/// up with it. `true`: a turn came.
fn next_turn(transaction: &Transaction<'_>, told: &str, now: Timestamp) -> Result<bool, StoreError> {
    // the first one that was never tried
    let sql = "SELECT min(turn), min(due) FROM outbox WHERE told = ?1 AND kind = 'alert' AND state = 'ready' \
               AND attempts = 0 AND last_error IS NULL AND turn > 0 AND turn = \
               (SELECT min(turn) FROM outbox WHERE told = ?1 AND kind = 'alert' AND state = 'ready' AND attempts = 0 \
                AND last_error IS NULL AND turn > 0)";
    let next: (Option<u32>, Option<i64>) =
        transaction.prepare_cached(sql)?.query_row([told], |row| Ok((row.get(0)?, row.get(1)?)))?;
    let (Some(turn), Some(due)) = next else { return Ok(false) };
    let early = due.saturating_sub(millis(now));
    if early <= 0 {
        return Ok(false);
    }
    let sql = "SELECT 1 FROM outbox WHERE told = ?1 AND kind = 'alert' AND turn < ?2 AND state IN ('ready', 'doing') \
               AND last_error IS NULL";
    if transaction.prepare_cached(sql)?.exists((told, turn))? {
        return Ok(false);
    }
    let sql = "UPDATE outbox SET due = due - ?3 WHERE told = ?1 AND kind = 'alert' AND turn >= ?2 AND state = 'ready' \
               AND attempts = 0 AND last_error IS NULL";
    transaction.prepare_cached(sql)?.execute((told, turn, early))?;
    Ok(true)
}

/// The name of what a row tells, and whether another row of the same has told it.
fn told(transaction: &Transaction<'_>, id: i64) -> Result<Option<(String, u32, bool)>, StoreError> {
    let sql = "SELECT told, turn, EXISTS (SELECT 1 FROM outbox AS took WHERE took.told = outbox.told \
               AND took.kind = 'alert' AND took.state = 'done') FROM outbox WHERE id = ?1 AND told IS NOT NULL";
    let mut query = transaction.prepare_cached(sql)?;
    Ok(query.query_row([id], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?))).optional()?)
}

impl Db {
    /// An attempt at an alert failed: tried again at `due`, or never (`None`). What waits for this channel's failure
    /// comes now; a channel whose turn had come is not tried again when another told it meanwhile. `true`: another
    /// channel's turn came.
    ///
    /// # Errors
    /// When the database refuses.
    pub fn did_not_leave(
        &mut self,
        id: i64,
        due: Option<Timestamp>,
        error: &str,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        self.write(|transaction| {
            let of = told(transaction, id)?;
            let (state, error) = match (&of, due) {
                (Some((_, turn, true)), _) if *turn > 0 => (State::Dropped, NOT_NEEDED),
                (_, Some(_)) => (State::Ready, error),
                (_, None) => (State::Failed, error),
            };
            let closed = (state != State::Ready).then(|| millis(now));
            let sql = "UPDATE outbox SET state = ?2, doing = NULL, due = coalesce(?3, due), last_error = ?4, \
                       closed_at = ?5 WHERE id = ?1";
            transaction.prepare_cached(sql)?.execute((id, state.word(), due.map(millis), error, closed))?;
            match of {
                Some((told, ..)) => next_turn(transaction, &told, now),
                None => Ok(false),
            }
        })
    }

    /// Alerts of a channel whose time is up are dropped, and the next channel's turn comes; how many were dropped.
    ///
    /// # Errors
    /// When the database refuses.
    pub fn drop_what_is_over(&mut self, channel: &str, now: Timestamp) -> Result<usize, StoreError> {
        let sql = "SELECT id FROM outbox WHERE kind = 'alert' AND state = 'ready' AND lane = ?1 AND until < ?2";
        let over: Vec<i64> = self
            .connection
            .prepare_cached(sql)?
            .query_map((channel, millis(now)), |row| row.get(0))?
            .collect::<Result<_, _>>()?;
        for id in &over {
            self.is_over(*id, now)?;
        }
        Ok(over.len())
    }

    /// An alert's time is up: it is dropped, and the next channel's turn comes.
    ///
    /// # Errors
    /// When the database refuses.
    pub fn is_over(&mut self, id: i64, now: Timestamp) -> Result<(), StoreError> {
        self.write(|transaction| {
            let of = told(transaction, id)?;
            let told_elsewhere = of.as_ref().is_some_and(|(_, _, taken)| *taken);
            let why = if told_elsewhere { NOT_NEEDED } else { TIME_IS_UP };
            let sql =
                "UPDATE outbox SET state = 'dropped', doing = NULL, last_error = ?2, closed_at = ?3 WHERE id = ?1";
            transaction.prepare_cached(sql)?.execute((id, why, millis(now)))?;
            if let Some((told, ..)) = of {
                next_turn(transaction, &told, now)?;
            }
            Ok(())
        })
    }

    /// A channel is left alone until then: these alerts, which were under way, and all others that are due wait without
    /// an attempt, and the next channels' turns come. `true`: a turn came.
    ///
    /// # Errors
    /// When the database refuses.
    pub fn hold_off(
        &mut self,
        channel: &str,
        under_way: &[i64],
        until: Timestamp,
        trouble: &str,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        // looked at before anything is written: a lane asks often
        let sql = "SELECT id FROM outbox WHERE kind = 'alert' AND state = 'ready' AND lane = ?1 AND due <= ?2";
        let mut all: Vec<i64> = self
            .connection
            .prepare_cached(sql)?
            .query_map((channel, millis(now)), |row| row.get(0))?
            .collect::<Result<_, _>>()?;
        all.extend(under_way);
        if all.is_empty() {
            return Ok(false);
        }
        let why = format!("{SHUT}{trouble}");
        self.write(|transaction| {
            let mut came = false;
            for id in all {
                let sql = "UPDATE outbox SET attempts = attempts - iif(state = 'doing', 1, 0), state = 'ready', doing = NULL, \
                           due = ?2, last_error = ?3 WHERE id = ?1 AND state IN ('ready', 'doing')";
                transaction.prepare_cached(sql)?.execute((id, millis(until), &why))?;
                if let Some((told, ..)) = told(transaction, id)? {
                    came |= next_turn(transaction, &told, now)?;
                }
            }
            Ok(came)
        })
    }

    /// A channel works again, or is tried again: what waited without an attempt is due.
    ///
    /// # Errors
    /// When the database refuses.
    pub fn hold_no_longer(&mut self, channel: &str, now: Timestamp) -> Result<(), StoreError> {
        let sql = "UPDATE outbox SET due = ?2 WHERE kind = 'alert' AND state = 'ready' AND lane = ?1 AND due > ?2 \
                   AND substr(last_error, 1, length(?3)) = ?3";
        self.connection.prepare_cached(sql)?.execute((channel, millis(now), SHUT))?;
        Ok(())
    }

    /// How every channel fares that ever told something, or failed to.
    ///
    /// # Errors
    /// When the database refuses.
    pub fn health(&self) -> Result<Vec<(String, Health)>, StoreError> {
        let sql = "SELECT channel, well_since, failing_since, failures, shut, shut_until, trouble FROM channel_health \
                   ORDER BY channel";
        let mut query = self.connection.prepare_cached(sql)?;
        let at = |value: Option<i64>| value.map(from_millis);
        let rows = query.query_map([], |row| {
            let health = Health {
                well_since: at(row.get(1)?),
                failing_since: at(row.get(2)?),
                failures: row.get(3)?,
                shut: row.get(4)?,
                shut_until: at(row.get(5)?),
                trouble: row.get(6)?,
            };
            Ok((row.get(0)?, health))
        })?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// Writes down how a channel fares.
    ///
    /// # Errors
    /// When the database refuses.
    pub fn keep_health(&mut self, channel: &str, health: &Health) -> Result<(), StoreError> {
        let sql = "INSERT OR REPLACE INTO channel_health \
                   (channel, well_since, failing_since, failures, shut, shut_until, trouble) \
                   VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)";
        self.connection.prepare_cached(sql)?.execute((
            channel,
            health.well_since.map(millis),
            health.failing_since.map(millis),
            health.failures,
            health.shut,
            health.shut_until.map(millis),
            &health.trouble,
        ))?;
        Ok(())
    }
}
