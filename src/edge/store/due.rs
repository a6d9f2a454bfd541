//! What of the outbox can be worked on now, what is under way, and when there is more to do.

use super::outbox::{COLUMNS, Row};
use super::{Db, StoreError, from_millis, millis};
use jiff::Timestamp;
use rusqlite::OptionalExtension;

/// When there is work.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct NextDue {
    /// Something can be worked on now.
    pub now: bool,
    /// The next row after that is due then.
    pub later: Option<Timestamp>,
}

/// What a row waits for: a row that comes first and is open. Of channels that tell the same, one that took it is enough.
const WAITS_FOR: &str = "SELECT 1 FROM outbox_after JOIN outbox AS first USING (wish_key) \
     WHERE outbox_after.outbox = outbox.id AND first.state IN ('ready', 'doing') \
     AND (first.told IS NULL OR NOT EXISTS (SELECT 1 FROM outbox AS took WHERE took.told = first.told \
                                            AND took.kind = 'alert' AND took.state = 'done'))";

/// Named as the index of open rows has it: that one state is among them SQLite does not conclude, and would read every row
/// there ever was.
const READY: &str = "state = 'ready' AND state IN ('ready', 'doing')";
const DOING: &str = "state = 'doing' AND state IN ('ready', 'doing')";

fn can_be_worked_on() -> String {
    format!(
        "SELECT {COLUMNS} FROM outbox WHERE {READY} AND kind = ?1 AND (?2 IS NULL OR lane = ?2) AND due <= ?3 \
         AND NOT EXISTS ({WAITS_FOR}) ORDER BY due, id LIMIT ?4"
    )
}

fn were_under_way() -> String {
    format!("SELECT {COLUMNS} FROM outbox WHERE {DOING} AND kind = ?1 ORDER BY id")
}

// each ends with the first row it finds: a sweep has thousands that are due
fn due_now() -> String {
    format!("SELECT 1 FROM outbox WHERE {READY} AND kind = ?1 AND due <= ?2 AND NOT EXISTS ({WAITS_FOR}) LIMIT 1")
}

fn due_later() -> String {
    format!(
        "SELECT due FROM outbox WHERE {READY} AND kind = ?1 AND due > ?2 AND NOT EXISTS ({WAITS_FOR}) ORDER BY due LIMIT 1"
    )
}

fn any_doing() -> String {
    format!("SELECT 1 FROM outbox WHERE {DOING}")
}

fn doing_in_lane() -> String {
    format!("SELECT 1 FROM outbox WHERE {DOING} AND lane = ?1")
}

impl Db {
    /// Rows of a lane that can be worked on now: ready, due, and not waiting for another row. `kind` is `alert`,
    /// `file`, `flag`, `draft`, `copy` or `send`; no lane means all of them.
    ///
    /// # Errors
    /// When the database refuses.
    pub fn workable(&self, kind: &str, lane: Option<&str>, limit: u32, now: Timestamp) -> Result<Vec<Row>, StoreError> {
        self.rows(&can_be_worked_on(), (kind, lane, millis(now), limit))
    }

    /// Rows that were under way.
    ///
    /// # Errors
    /// When the database refuses.
    pub fn under_way(&self, kind: &str) -> Result<Vec<Row>, StoreError> {
        self.rows(&were_under_way(), [kind])
    }

    /// Whether ready rows of these kinds can be worked on now, and when the next one is due after that. Rows that wait
    /// for another row are left out: its end wakes the lanes.
    ///
    /// # Errors
    /// When the database refuses.
    pub fn next_due(&self, kinds: &[&str], now: Timestamp) -> Result<NextDue, StoreError> {
        let mut now_due = self.connection.prepare_cached(&due_now())?;
        let mut later_due = self.connection.prepare_cached(&due_later())?;
        let mut next = NextDue::default();
        for kind in kinds {
            next.now |= now_due.exists((kind, millis(now)))?;
            let later: Option<i64> = later_due.query_row((kind, millis(now)), |row| row.get(0)).optional()?;
            next.later = next.later.into_iter().chain(later.map(from_millis)).min();
        }
        Ok(next)
    }

    /// Whether an effect is under way.
    ///
    /// # Errors
    /// When the database refuses.
    pub fn any_under_way(&self) -> Result<bool, StoreError> {
        Ok(self.connection.prepare_cached(&any_doing())?.exists([])?)
    }

    /// Nothing of these lanes is under way, and nothing can be done before `soon`.
    ///
    /// # Errors
    /// When the database refuses.
    pub fn is_idle(&self, lanes: &[String], soon: Timestamp) -> Result<bool, StoreError> {
        let mut under_way = self.connection.prepare_cached(&doing_in_lane())?;
        for lane in lanes {
            if under_way.exists([lane])?
                || !self.workable("alert", Some(lane), 1, soon)?.is_empty()
                || !self.workable("file", Some(lane), 1, soon)?.is_empty()
                || !self.workable("flag", Some(lane), 1, soon)?.is_empty()
                || !self.workable("draft", Some(lane), 1, soon)?.is_empty()
                || !self.workable("copy", Some(lane), 1, soon)?.is_empty()
                || !self.workable("send", Some(lane), 1, soon)?.is_empty()
            {
                return Ok(false);
            }
        }
        Ok(true)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_asked_all_the_time_reads_open_rows_alone() {
        let db = Db::in_memory().unwrap();
        let of_message = "SELECT 1 FROM outbox WHERE message = ?1 AND kind = 'file'".to_owned();
        let asked =
            [can_be_worked_on(), were_under_way(), due_now(), due_later(), any_doing(), doing_in_lane(), of_message];
        for sql in asked {
            let mut query = db.connection.prepare(&format!("EXPLAIN QUERY PLAN {sql}")).unwrap();
            for n in 1..=query.parameter_count() {
                query.raw_bind_parameter(n, 1).unwrap();
            }
            let mut rows = query.raw_query();
            let mut steps = Vec::new();
            while let Some(row) = rows.next().unwrap() {
                steps.push(row.get::<_, String>("detail").unwrap());
            }
            assert!(steps.iter().all(|step| !step.starts_with("SCAN")), "{sql}: {steps:?}");
            // nor those of another kind, nor is any of them sorted
            let first = steps.first().unwrap();
            assert!(!sql.contains("kind = ?1") || first.contains("kind=? AND state=?"), "{sql}: {steps:?}");
            let sorts = steps.iter().any(|step| step.contains("TEMP B-TREE"));
            assert!(!sorts || sql == were_under_way(), "{sql}: {steps:?}");
        }
    }
}
