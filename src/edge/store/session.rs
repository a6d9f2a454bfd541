//! Who may see the dashboard: links that open it once, and browsers in which it is open. Only digests of them are kept.

use super::{Db, StoreError, from_seconds, seconds};
use jiff::{SignedDuration, Timestamp};
use rusqlite::OptionalExtension;

/// A link is good for so long.
pub const LINK_LIVES: SignedDuration = SignedDuration::from_mins(10);
/// A browser stays signed in for so long.
pub const SESSION_LIVES: SignedDuration = SignedDuration::from_hours(30 * 24);
/// And for so long when it is not used.
pub const SESSION_IDLES: SignedDuration = SignedDuration::from_hours(7 * 24);
/// Between two notes that a session was used.
const NOTED_EVERY: SignedDuration = SignedDuration::from_mins(10);
/// Most browsers at a time; the one that was not used for longest makes room.
const MOST: i64 = 32;

/// SHA-256 of a link's or session's secret.
pub type SecretDigest = [u8; 32];

/// A browser in which the dashboard is open.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Session {
    /// When it was signed in.
    pub began_at: Timestamp,
    /// The language that was chosen in it: `ja`, `en`.
    pub language: Option<String>,
}

impl Db {
    /// Keeps a link that opens the dashboard once, within [`LINK_LIVES`].
    ///
    /// # Errors
    /// When the database refuses.
    pub fn make_link(&mut self, link: &SecretDigest, now: Timestamp) -> Result<(), StoreError> {
        self.write(|transaction| {
            transaction.execute("DELETE FROM web_link WHERE until <= ?1", [seconds(now)])?;
            let until = seconds(now.saturating_add(LINK_LIVES).unwrap_or(Timestamp::MAX));
            transaction.execute("INSERT INTO web_link (digest, until) VALUES (?1, ?2)", (link, until))?;
            Ok(())
        })
    }

    /// Uses a link up for a new session: one transaction. `false` when there is no such link (any more).
    ///
    /// # Errors
    /// When the database refuses.
    pub fn use_link(
        &mut self,
        link: &SecretDigest,
        session: &SecretDigest,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        self.write(|transaction| {
            let sql = "DELETE FROM web_link WHERE digest = ?1 AND until > ?2";
            if transaction.execute(sql, (link, seconds(now)))? == 0 {
                return Ok(false);
            }
            let (oldest, unused) = bounds(now);
            let sql = "DELETE FROM web_session WHERE began_at <= ?1 OR seen_at <= ?2 OR digest NOT IN \
                       (SELECT digest FROM web_session ORDER BY seen_at DESC, digest LIMIT ?3)";
            transaction.execute(sql, (oldest, unused, MOST - 1))?;
            let sql = "INSERT INTO web_session (digest, began_at, seen_at) VALUES (?1, ?2, ?2)";
            transaction.execute(sql, (session, seconds(now)))?;
            Ok(true)
        })
    }

    /// The session of this secret, if its time is not up; that it was used is noted now and then.
    ///
    /// # Errors
    /// When the database refuses.
    pub fn session(&mut self, session: &SecretDigest, now: Timestamp) -> Result<Option<Session>, StoreError> {
        let (oldest, unused) = bounds(now);
        let sql = "SELECT began_at, language, seen_at FROM web_session \
                   WHERE digest = ?1 AND began_at > ?2 AND seen_at > ?3";
        let found = self
            .connection
            .prepare_cached(sql)?
            .query_row((session, oldest, unused), |row| {
                Ok((Session { began_at: from_seconds(row.get(0)?), language: row.get(1)? }, row.get::<_, i64>(2)?))
            })
            .optional()?;
        let Some((found, seen_at)) = found else { return Ok(None) };
        if seen_at <= seconds(now) - NOTED_EVERY.as_secs() {
            let sql = "UPDATE web_session SET seen_at = ?2 WHERE digest = ?1";
            self.connection.prepare_cached(sql)?.execute((session, seconds(now)))?;
        }
        Ok(Some(found))
    }

    /// How many browsers are signed in.
    ///
    /// # Errors
    /// When the database refuses.
    pub fn sessions(&self, now: Timestamp) -> Result<u32, StoreError> {
        let sql = "SELECT count(*) FROM web_session WHERE began_at > ?1 AND seen_at > ?2";
        Ok(self.connection.query_row(sql, bounds(now), |row| row.get(0))?)
    }

    /// The browsers that are signed in, the newest first.
    ///
    /// # Errors
    /// When the database refuses.
    pub fn all_sessions(&self, now: Timestamp) -> Result<Vec<Session>, StoreError> {
        let sql =
            "SELECT began_at, language FROM web_session WHERE began_at > ?1 AND seen_at > ?2 ORDER BY began_at DESC";
        let mut query = self.connection.prepare_cached(sql)?;
        let rows = query
            .query_map(bounds(now), |row| Ok(Session { began_at: from_seconds(row.get(0)?), language: row.get(1)? }))?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// Keeps the language that was chosen in a session.
    ///
    /// # Errors
    /// When the database refuses.
    pub fn session_speaks(&mut self, session: &SecretDigest, language: &str) -> Result<(), StoreError> {
        let sql = "UPDATE web_session SET language = ?2 WHERE digest = ?1";
        self.connection.execute(sql, (session, language))?;
        Ok(())
    }

    /// Ends a session.
    ///
    /// # Errors
    /// When the database refuses.
    pub fn end_session(&mut self, session: &SecretDigest) -> Result<(), StoreError> {
        self.connection.execute("DELETE FROM web_session WHERE digest = ?1", [session])?;
        Ok(())
    }

    /// Ends all sessions and forgets all links; how many sessions there were.
    ///
    /// # Errors
    /// When the database refuses.
    pub fn end_all_sessions(&mut self, now: Timestamp) -> Result<u32, StoreError> {
        let ended = self.sessions(now)?;
        self.write(|transaction| {
            transaction.execute("DELETE FROM web_link", [])?;
            transaction.execute("DELETE FROM web_session", [])?;
            Ok(ended)
        })
    }
}

/// Sessions that began, or were used last, at these instants or before are over.
fn bounds(now: Timestamp) -> (i64, i64) {
    (seconds(now) - SESSION_LIVES.as_secs(), seconds(now) - SESSION_IDLES.as_secs())
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::ToSpan;

    const NOW: Timestamp = Timestamp::constant(1_795_000_000, 0);

    fn after(hours: i64) -> Timestamp {
        NOW + hours.hours()
    }

    #[test]
    fn a_link_opens_once_and_not_for_long() {
        let mut db = Db::in_memory().unwrap();
        db.make_link(&[1; 32], NOW).unwrap();
        assert!(!db.use_link(&[2; 32], &[9; 32], NOW).unwrap(), "no such link");
        assert!(db.use_link(&[1; 32], &[9; 32], NOW + 9.minutes()).unwrap());
        assert!(!db.use_link(&[1; 32], &[8; 32], NOW + 9.minutes()).unwrap(), "it was used");
        db.make_link(&[3; 32], NOW).unwrap();
        assert!(!db.use_link(&[3; 32], &[8; 32], NOW + 10.minutes()).unwrap(), "its time is up");
        assert_eq!(db.sessions(NOW).unwrap(), 1);
        assert_eq!(db.session(&[8; 32], NOW).unwrap(), None);
    }

    #[test]
    fn a_session_ends_by_time_by_idleness_and_by_word() {
        let mut db = Db::in_memory().unwrap();
        let open = |db: &mut Db, n: u8, at| {
            db.make_link(&[n; 32], at).unwrap();
            assert!(db.use_link(&[n; 32], &[n; 32], at).unwrap());
        };
        open(&mut db, 1, NOW);
        open(&mut db, 2, NOW);
        for day in 1..30 {
            assert!(db.session(&[1; 32], after(day * 24)).unwrap().is_some(), "day {day}");
            assert_eq!(db.session(&[2; 32], NOW + (7 * 24).hours()).unwrap(), None);
        }
        assert_eq!(db.session(&[1; 32], after(30 * 24)).unwrap(), None);
        open(&mut db, 3, after(0));
        db.session_speaks(&[3; 32], "en").unwrap();
        assert_eq!(db.session(&[3; 32], NOW).unwrap().unwrap().language.as_deref(), Some("en"));
        db.end_session(&[3; 32]).unwrap();
        assert_eq!(db.session(&[3; 32], NOW).unwrap(), None);
        open(&mut db, 4, NOW);
        db.make_link(&[5; 32], NOW).unwrap();
        assert!(db.end_all_sessions(NOW).unwrap() >= 1);
        assert_eq!(db.sessions(NOW).unwrap(), 0);
        assert!(!db.use_link(&[5; 32], &[5; 32], NOW).unwrap(), "links are forgotten, too");
    }

    #[test]
    fn there_are_never_more_than_so_many() {
        let mut db = Db::in_memory().unwrap();
        for n in 0..40 {
            let at = NOW + i64::from(n).minutes();
            db.make_link(&[n; 32], at).unwrap();
            assert!(db.use_link(&[n; 32], &[n; 32], at).unwrap());
        }
        assert_eq!(db.sessions(NOW + 1.hours()).unwrap(), 32);
        assert_eq!(db.session(&[7; 32], NOW + 1.hours()).unwrap(), None, "the oldest made room");
        assert!(db.session(&[8; 32], NOW + 1.hours()).unwrap().is_some());
    }
}
