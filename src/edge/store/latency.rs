//! How long each alert took, in its stages.

use super::{Db, StoreError, from_millis, millis};
use crate::plan::Effect;
use jiff::Timestamp;

/// How long one alert took.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Latency {
    /// First line of the alert.
    pub title: String,
    /// The name of what is told, the same on every channel.
    pub told: Option<String>,
    /// Channel.
    pub channel: String,
    /// When the server took the mail in (whole seconds on most servers).
    pub received: Option<Timestamp>,
    /// When modori had seen it, and had written down that it is to be told.
    pub seen: Timestamp,
    /// When the attempt that succeeded began.
    pub left: Timestamp,
    /// When the channel had accepted it.
    pub accepted: Timestamp,
    /// What it measures.
    pub way: Course,
    /// The channel's turn: 0, or which of the channels that are asked when none before took it.
    pub turn: u32,
    /// How many attempts it took.
    pub attempts: u32,
}

/// What an alert's time measures.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Course {
    /// Its mail came while its mailbox was watched: this is how fast modori is.
    Live,
    /// Its mail had come before its mailbox was watched (again), or was swept up.
    CaughtUp,
    /// It was kept back on purpose.
    KeptBack,
    /// It is about no mail: a reminder, a summary.
    NoMail,
}

impl Course {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Live, Self::CaughtUp, Self::KeptBack, Self::NoMail];

    /// As it is shown.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Live => "live",
            Self::CaughtUp => "caught-up",
            Self::KeptBack => "kept-back",
            Self::NoMail => "no-mail",
        }
    }
}

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
