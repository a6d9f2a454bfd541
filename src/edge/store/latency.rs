//! How long each alert took, in its stages.

use super::{Db, StoreError, from_millis, millis};
use crate::plan::Effect;
use crate::review::latency::{Course, Latency};
use jiff::Timestamp;

impl Db {
    /// The latencies of all alerts, oldest first.
    ///
    /// # Errors
    /// When the database refuses.
    pub fn latencies(&self) -> Result<Vec<Latency>, StoreError> {
        self.latencies_since(None)
    }

    /// The latencies of the alerts that were wished for since then, oldest first. Repetitions measure nothing and are
    /// left out.
    ///
    /// # Errors
    /// When the database refuses.
    pub fn latencies_since(&self, since: Option<Timestamp>) -> Result<Vec<Latency>, StoreError> {
        let sql = "SELECT payload, lane, latency.received_at, latency.seen_at, left_at, accepted_at, turn, attempts, \
                   message.caught_up, told, \
                   EXISTS (SELECT 1 FROM outbox AS kept WHERE kept.told = outbox.told AND kept.kind = 'held') \
                   FROM latency JOIN outbox ON outbox.id = latency.outbox LEFT JOIN message ON message.id = outbox.message \
                   WHERE latency.seen_at >= ?1 AND (told IS NULL OR instr(told, '#') = 0) ORDER BY outbox.id";
        let mut query = self.connection.prepare_cached(sql)?;
        let rows = query.query_map([since.map_or(i64::MIN, millis)], |row| {
            let payload: String = row.get(0)?;
            let effect: Option<Effect> = serde_json::from_str(&payload).ok();
            let title = match effect {
                Some(Effect::Alert { alert, .. }) => alert.title,
                _ => String::new(),
            };
            let received = row.get::<_, Option<i64>>(2)?.map(from_millis);
            let way = match (row.get::<_, Option<bool>>(8)?, received, row.get::<_, bool>(10)?) {
                (_, _, true) => Course::KeptBack,
                (None, ..) | (_, None, _) => Course::NoMail,
                (Some(true), ..) => Course::CaughtUp,
                (Some(false), ..) => Course::Live,
            };
            Ok(Latency {
                title,
                told: row.get(9)?,
                channel: row.get(1)?,
                received,
                seen: from_millis(row.get(3)?),
                left: from_millis(row.get(4)?),
                accepted: from_millis(row.get(5)?),
                way,
                turn: row.get(6)?,
                attempts: row.get(7)?,
            })
        })?;
        Ok(rows.collect::<Result<_, _>>()?)
    }
}
