//! What is kept back, and is told together; and wishes on their way in, of which some are kept back.

use super::outbox::{self, COLUMNS, Row};
use super::{Db, StoreError, from_millis, millis};
use crate::plan::summary::{Kept, MANY_WAIT, Telling};
use crate::plan::{Effect, KEPT_BACK, Turn, Why, Wish};
use jiff::{SignedDuration, Timestamp};
use rusqlite::Transaction;
use std::collections::BTreeSet;

/// How long an alert counts towards the bound.
const HOUR: SignedDuration = SignedDuration::from_hours(1);

/// Enters wishes in their order. With `hand`, alerts that are due are under way at once and handed back. An announcement
/// that was told, or is kept back, is not entered again under whichever hour or channel; one above the bound of an hour is
/// kept back as a whole.
pub(super) fn enter_all<'a>(
    transaction: &Transaction<'_>,
    wishes: impl IntoIterator<Item = &'a Wish>,
    account: &str,
    message: Option<i64>,
    hand: bool,
    now: Timestamp,
) -> Result<Vec<Row>, StoreError> {
    enter_each(transaction, wishes, account, message, hand, false, now)
}

/// As [`enter_all`]; `kept_before`: what was kept back under its own name is told under it now.
fn enter_each<'a>(
    transaction: &Transaction<'_>,
    wishes: impl IntoIterator<Item = &'a Wish>,
    account: &str,
    message: Option<i64>,
    hand: bool,
    kept_before: bool,
    now: Timestamp,
) -> Result<Vec<Row>, StoreError> {
    let mut alerts = Vec::new();
    // what is left out: known already, or kept back
    let mut left_out: BTreeSet<&str> = BTreeSet::new();
    let mut met: BTreeSet<&str> = BTreeSet::new();
    for wish in wishes {
        let is_alert = matches!(wish.effect, Effect::Alert { .. });
        if let (true, Some(turn)) = (is_alert || matches!(wish.effect, Effect::Held { .. }), &wish.turn) {
            let first = met.insert(&turn.of);
            if first && !kept_before && is_known(transaction, &turn.of)? {
                left_out.insert(&turn.of);
            }
            if left_out.contains(turn.of.as_str()) {
                continue;
            }
            if let Some(most) = turn.most.filter(|_| first && is_alert)
                && is_above(transaction, most, now)?
            {
                left_out.insert(&turn.of);
                outbox::enter(transaction, &keep_back(transaction, wish, turn, now)?, account, message, false, now)?;
                continue;
            }
        }
        let at_once = hand && is_alert && wish.due <= now;
        let row = outbox::enter(transaction, wish, account, message, at_once, now)?;
        alerts.extend(row.filter(|_| at_once));
    }
    Ok(alerts)
}

/// Whether this announcement was told, or is kept back, on whichever channel: one that was renamed or added does not say
/// it again.
pub(super) fn is_known(transaction: &Transaction<'_>, of: &str) -> Result<bool, StoreError> {
    let sql = "SELECT 1 FROM outbox WHERE wish_key > ?1 AND wish_key < ?1 || char(1114111)";
    Ok(transaction.prepare_cached(sql)?.exists([format!("{of}:")])?)
}

/// Whether so many other things were told within the hour (not: by a clock that was ahead). A repetition, and what is said of things kept back, is none.
fn is_above(transaction: &Transaction<'_>, most: u32, now: Timestamp) -> Result<bool, StoreError> {
    let since = now.saturating_sub(HOUR).unwrap_or(Timestamp::MIN);
    // what was dropped rang nowhere: a reminder that was told together with others, above all
    let sql = "SELECT count(DISTINCT told) FROM outbox WHERE kind = 'alert' AND state <> 'dropped' \
               AND wished_at > ?1 AND wished_at <= ?2 AND instr(told, '#') = 0 \
               AND told NOT LIKE 'summary:%' AND told NOT LIKE 'more:%'";
    let within = [millis(since), millis(now)];
    let told: u32 = transaction.prepare_cached(sql)?.query_row(within, |row| row.get(0))?;
    Ok(told >= most)
}

/// The wish that keeps an announcement back. All that are above the bound are told at one time.
fn keep_back(transaction: &Transaction<'_>, wish: &Wish, turn: &Turn, now: Timestamp) -> Result<Wish, StoreError> {
    let sql = "SELECT min(due) FROM outbox WHERE kind = 'held' AND state = 'ready' AND due > ?1 \
               AND payload ->> '$.why' = 'many'";
    let waiting: Option<i64> = transaction.prepare_cached(sql)?.query_row([millis(now)], |row| row.get(0))?;
    // a clock that was ahead does not put it off
    let latest = now.saturating_add(MANY_WAIT).unwrap_or(Timestamp::MAX);
    let due = waiting.map_or(latest, |waiting| from_millis(waiting).min(latest));
    let effect = match &wish.effect {
        Effect::Alert { alert, .. } => Effect::Held { alert: alert.clone(), why: Why::Many, by: Vec::new() },
        other => other.clone(),
    };
    let turn = Some(Turn { place: 0, most: None, ..turn.clone() });
    Ok(Wish {
        key: format!("{}{KEPT_BACK}", turn.as_ref().map_or("", |turn| &turn.of)),
        effect,
        due,
        turn,
        ..wish.clone()
    })
}

impl Db {
    /// All that is kept back, oldest first.
    ///
    /// # Errors
    /// When the database refuses.
    pub fn kept_back(&self) -> Result<Vec<Kept>, StoreError> {
        let rows = self
            .rows(&format!("SELECT {COLUMNS} FROM outbox WHERE kind = 'held' AND state = 'ready' ORDER BY id"), [])?;
        Ok(rows.into_iter().filter_map(kept).collect())
    }

    /// Tells what is to be told of all that is kept back, and closes its rows, in one transaction. Answers what is kept
    /// back still, and the alerts, which are under way.
    ///
    /// # Errors
    /// When the database refuses; nothing is changed then.
    pub fn tell_kept_back(
        &mut self,
        now: Timestamp,
        tell: impl FnOnce(&[Kept]) -> Vec<Telling>,
    ) -> Result<(Vec<Kept>, Vec<Row>), StoreError> {
        let mut all = self.kept_back()?;
        let telling = if all.is_empty() { Vec::new() } else { tell(&all) };
        if telling.is_empty() {
            return Ok((all, Vec::new()));
        }
        let alerts = self.write(|transaction| {
            let mut alerts = Vec::new();
            for one in &telling {
                let message = match one.rows.as_slice() {
                    [row] if one.as_itself => transaction
                        .prepare_cached("SELECT message FROM outbox WHERE id = ?1")?
                        .query_row([row], |row| row.get(0))?,
                    _ => None,
                };
                alerts.extend(enter_each(transaction, &one.wishes, "", message, true, one.as_itself, now)?);
                let how = match one.rows.len() {
                    1 => "told now".to_owned(),
                    number => format!("told together, {number} in one alert"),
                };
                for row in &one.rows {
                    let sql = "UPDATE outbox SET state = 'done', last_error = ?3, closed_at = ?2 \
                               WHERE id = ?1 AND state = 'ready'";
                    transaction.prepare_cached(sql)?.execute((row, millis(now), &how))?;
                }
            }
            Ok(alerts)
        })?;
        let told: BTreeSet<i64> = telling.iter().flat_map(|one| one.rows.iter().copied()).collect();
        all.retain(|one| !told.contains(&one.id));
        Ok((all, alerts))
    }
}

fn kept(row: Row) -> Option<Kept> {
    let of = row.key.strip_suffix(KEPT_BACK).unwrap_or(&row.key).to_owned();
    let Effect::Held { alert, why, by } = row.effect else { return None };
    Some(Kept { id: row.id, of, alert, why, by, due: row.due, since: row.wished_at, until: row.until })
}
