//! What is kept of a span of time, beside the ledger: for the review of a month.

use super::restock_log::whole_seconds;
use super::{Db, StoreError, millis, seconds};
use crate::plan::{Quiet, Why};
use crate::review::{Kept, Letters, Reason, Sorted};
use jiff::Timestamp;
use std::collections::BTreeMap;

/// Mails of a span by category, and how many of them a filing of ours put away.
const MAILS: &str = "SELECT category, count(*), sum(EXISTS (SELECT 1 FROM outbox WHERE outbox.message = message.id \
                     AND kind = 'file' AND state = 'done' AND origin IS NOT NULL AND wish_key NOT GLOB 'undo:*')) FROM message \
                     WHERE received_at >= ?1 AND received_at < ?2 GROUP BY category";
/// Why nothing was told. Of what an older program settled, advertising is known by its label.
const QUIET: &str = "SELECT category, coalesce(quiet, CASE WHEN EXISTS (SELECT 1 FROM json_each(verdict, '$.labels') \
                     WHERE value = 'advert') THEN 'advert' END) AS why, count(*) FROM message \
                     WHERE received_at >= ?1 AND received_at < ?2 AND why IS NOT NULL GROUP BY category, why";
/// What was kept back, each thing once.
const HELD: &str = "SELECT payload ->> '$.alert.category', payload ->> '$.why', count(*) FROM outbox \
                    WHERE kind = 'held' AND wished_at >= ?1 AND wished_at < ?2 GROUP BY 1, 2";
const QUARANTINE: &str = "SELECT count(*), sum(EXISTS (SELECT 1 FROM outbox WHERE outbox.message = message.id \
                          AND kind IN ('alert', 'held') AND state <> 'dropped')) FROM message \
                          WHERE received_at >= ?1 AND received_at < ?2 \
                          AND EXISTS (SELECT 1 FROM json_each(verdict, '$.labels') WHERE value = 'quarantine')";
const LETTERS: &str = "SELECT outbox.kind, outbox.state, letter.sent_at IS NOT NULL, count(*) FROM letter \
                       JOIN outbox ON outbox.id = letter.outbox WHERE letter.at >= ?1 AND letter.at < ?2 GROUP BY 1, 2, 3";
/// Filings that were taken back: the message did move, and what was taken back was no taking back itself.
const UNDONE: &str = "SELECT count(*) FROM outbox WHERE wish_key GLOB 'undo:*' AND kind = 'file' AND state = 'done' \
                      AND origin IS NOT NULL AND closed_at >= ?1 AND closed_at < ?2 \
                      AND NOT EXISTS (SELECT 1 FROM outbox AS first WHERE first.wish_key GLOB 'undo:*' \
                      AND first.id = CAST(substr(outbox.wish_key, 6) AS INTEGER))";
const CORRECTED: &str = "SELECT count(*) FROM correction WHERE at >= ?1 AND at < ?2";
const RELEASED: &str = "SELECT count(*) FROM released WHERE at >= ?1 AND at < ?2";

impl Db {
    /// What is kept of a span of time: from its first instant to before its last.
    ///
    /// # Errors
    /// When the database refuses, or holds a value that cannot be read.
    pub fn kept_between(&self, from: Timestamp, until: Timestamp) -> Result<Kept, StoreError> {
        // all of one moment, whatever is written meanwhile
        let view = self.connection.unchecked_transaction()?;
        let span = [seconds(from), whole_seconds(until)];
        let fine = [millis(from), millis(until)];
        let mut mails = BTreeMap::new();
        let mut query = view.prepare_cached(MAILS)?;
        for row in query.query_map(span, |row| Ok((row.get::<_, String>(0)?, many(row, 1)?, many(row, 2)?)))? {
            let (category, mails_of, filed) = row?;
            mails.insert(category, Sorted { mails: mails_of, filed });
        }
        let mut quiet: BTreeMap<(String, Reason), u64> = BTreeMap::new();
        let mut query = view.prepare_cached(QUIET)?;
        let rows =
            query.query_map(span, |row| Ok((row.get::<_, String>(0)?, row.get::<_, String>(1)?, many(row, 2)?)))?;
        for row in rows {
            let (category, why, number) = row?;
            if let Some(why) = Quiet::of(&why) {
                *quiet.entry((category, Reason::Quiet(why))).or_default() += number;
            }
        }
        let mut query = view.prepare_cached(HELD)?;
        let rows = query.query_map(fine, |row| {
            Ok((row.get::<_, Option<String>>(0)?, row.get::<_, Option<String>>(1)?, many(row, 2)?))
        })?;
        for row in rows {
            let (category, why, number) = row?;
            let why = Why::ALL.into_iter().find(|one| Some(one.word()) == why.as_deref());
            if let Some(why) = why {
                *quiet.entry((category.unwrap_or_default(), Reason::Kept(why))).or_default() += number;
            }
        }
        let one = |sql: &str, span: [i64; 2]| -> Result<u64, StoreError> {
            Ok(view.prepare_cached(sql)?.query_row(span, |row| many(row, 0))?)
        };
        let (quarantined, announced) =
            view.prepare_cached(QUARANTINE)?.query_row(span, |row| Ok((many(row, 0)?, many(row, 1)?)))?;
        let mut letters = Letters::default();
        let mut query = view.prepare_cached(LETTERS)?;
        let rows = query.query_map(span, |row| {
            Ok((row.get::<_, String>(0)?, row.get::<_, String>(1)?, row.get::<_, bool>(2)?, many(row, 3)?))
        })?;
        for row in rows {
            let (kind, state, sent, number) = row?;
            let count = match (kind.as_str(), state.as_str()) {
                (_, "ready" | "doing") => &mut letters.under_way,
                (_, "unknown") => &mut letters.unknown,
                (_, "failed" | "dropped") => &mut letters.failed,
                ("draft", _) if !sent => &mut letters.drafted,
                _ => &mut letters.sent,
            };
            *count += number;
        }
        Ok(Kept {
            restocks: self.restocks_between(from, until)?,
            mails,
            quiet,
            quarantined,
            announced,
            letters,
            undone: one(UNDONE, fine)?,
            corrected: one(CORRECTED, span)?,
            released: one(RELEASED, span)?,
        })
    }
}

/// A count; a sum over no rows is none.
fn many(row: &rusqlite::Row<'_>, at: usize) -> Result<u64, rusqlite::Error> {
    Ok(u64::try_from(row.get::<_, Option<i64>>(at)?.unwrap_or_default()).unwrap_or_default())
}
