//! How often each rule decided, and what hints at one that does not any more: a shop may have changed the words of its
//! mails.

use super::near::stored;
use super::{Db, StoreError, from_seconds, seconds};
use crate::ledger::{Event, claim};
use jiff::{SignedDuration, Timestamp};
use std::collections::{BTreeMap, BTreeSet};

/// A rule that matched before and has not for so many days is told of.
pub const SILENT_DAYS: i64 = 60;
/// The shorter of the two spans that hits are counted over.
const LATELY_DAYS: i64 = 30;
/// Senders of a rule's mails that are looked for, the latest first.
const SENDERS: u32 = 20;

/// How often a rule decided.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Hits {
    /// Ever.
    pub all: u64,
    /// In the last 30 days.
    pub lately: u64,
    /// In the last 60 days.
    pub in_sight: u64,
    /// When its last mail was received.
    pub last: Option<Timestamp>,
    /// Senders of its mails that wrote in the last 60 days; looked for only where it decided nothing since.
    pub still_write: BTreeSet<String>,
}

impl Hits {
    /// It matched before, and has not lately.
    #[must_use]
    pub fn fell_silent(&self) -> bool {
        self.all > 0 && self.in_sight == 0
    }
}

/// A mail that tells something of an order, and that no rule matched.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unmatched {
    /// When it was received.
    pub received: Timestamp,
    /// Who wrote it.
    pub sender: String,
    /// What it tells: `ordered`, `points-returned` …
    pub claim: &'static str,
    /// Of which order.
    pub order: Option<String>,
}

const HITS: &str = "SELECT rule, count(*), sum(received_at >= ?1), sum(received_at >= ?2), max(received_at) \
                    FROM message WHERE rule IS NOT NULL GROUP BY rule";
const SENDERS_OF: &str = "SELECT body ->> '$.sender' AS sender FROM message JOIN event ON event.mail_key = message.mail_key \
                          WHERE rule = ?1 AND sender <> '' GROUP BY sender ORDER BY max(received_at) DESC LIMIT ?2";
const WRITES: &str = "SELECT DISTINCT body ->> '$.sender' FROM event WHERE at >= ?1";
const UNMATCHED: &str = "SELECT received_at, min(event.body) FROM message JOIN event ON event.mail_key = message.mail_key \
                         WHERE rule IS NULL AND received_at >= ?1 AND retired = 0 GROUP BY message.id \
                         ORDER BY received_at DESC, message.id DESC";

impl Db {
    /// How often each rule decided, by its name. A rule that never did is not in it.
    ///
    /// # Errors
    /// When the database refuses.
    pub fn rule_hits(&self, now: Timestamp) -> Result<BTreeMap<String, Hits>, StoreError> {
        let since = [days_before(now, LATELY_DAYS), days_before(now, SILENT_DAYS)];
        let mut all = BTreeMap::new();
        let mut query = self.connection.prepare_cached(HITS)?;
        let count = |number: i64| u64::try_from(number).unwrap_or_default();
        let rows = query.query_map(since, |row| {
            let hits = Hits {
                all: count(row.get(1)?),
                lately: count(row.get(2)?),
                in_sight: count(row.get(3)?),
                last: row.get::<_, Option<i64>>(4)?.map(from_seconds),
                still_write: BTreeSet::new(),
            };
            Ok((row.get::<_, String>(0)?, hits))
        })?;
        for row in rows {
            let (rule, hits) = row?;
            all.insert(rule, hits);
        }
        if all.values().any(Hits::fell_silent) {
            let writing = self.senders_since(days_before(now, SILENT_DAYS))?;
            for (rule, hits) in all.iter_mut().filter(|(_, hits)| hits.fell_silent()) {
                let mut query = self.connection.prepare_cached(SENDERS_OF)?;
                for sender in query.query_map((rule, SENDERS), |row| row.get::<_, String>(0))? {
                    hits.still_write.extend(writing.get(&sender?).cloned());
                }
            }
        }
        Ok(all)
    }

    fn senders_since(&self, since: i64) -> Result<BTreeSet<String>, StoreError> {
        let mut query = self.connection.prepare_cached(WRITES)?;
        let senders = query.query_map([since], |row| row.get::<_, Option<String>>(0))?;
        let senders: Vec<Option<String>> = senders.collect::<Result<_, _>>()?;
        Ok(senders.into_iter().flatten().filter(|sender| !sender.is_empty()).collect())
    }

    /// Mails of the last 60 days that tell something of an order and that no rule matched: how many, and the newest of
    /// them.
    ///
    /// # Errors
    /// When the database refuses, or holds an event that cannot be read.
    pub fn unmatched(&self, now: Timestamp, most: usize) -> Result<(usize, Vec<Unmatched>), StoreError> {
        let mut query = self.connection.prepare_cached(UNMATCHED)?;
        let mut rows = query.query([days_before(now, SILENT_DAYS)])?;
        let (mut number, mut newest) = (0, Vec::new());
        while let Some(row) = rows.next()? {
            number += 1;
            if newest.len() < most {
                let event: Event = stored(row.get_ref(1)?, "event")?;
                newest.push(Unmatched {
                    received: from_seconds(row.get(0)?),
                    claim: claim::evidence(&event).claim,
                    order: event.order.map(|order| order.to_string()),
                    sender: event.sender,
                });
            }
        }
        Ok((number, newest))
    }
}

fn days_before(now: Timestamp, days: i64) -> i64 {
    seconds(now.saturating_sub(SignedDuration::from_hours(24 * days)).unwrap_or(Timestamp::MIN))
}
