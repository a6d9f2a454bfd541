//! How far each watched mailbox was read.

use super::{Db, StoreError, from_seconds, seconds};
use jiff::Timestamp;
use rusqlite::OptionalExtension;

/// How far a mailbox was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cursor {
    /// Under which UIDVALIDITY.
    pub uid_validity: u32,
    /// Everything below this UID was looked at.
    pub next_uid: u32,
    /// When modori first opened the mailbox: what was received before is its backlog.
    pub first_opened_at: Timestamp,
    /// When a full look last ended well.
    pub last_good_at: Timestamp,
}

impl Db {
    /// How far a mailbox was read; `None` when it was never opened.
    ///
    /// # Errors
    /// When the database refuses.
    pub fn cursor(&self, account: &str, mailbox: &str) -> Result<Option<Cursor>, StoreError> {
        let sql = "SELECT uid_validity, next_uid, first_opened_at, last_good_at FROM cursor \
                   WHERE account = ?1 AND mailbox = ?2";
        let mut query = self.connection.prepare_cached(sql)?;
        let cursor = query.query_row([account, mailbox], |row| {
            Ok(Cursor {
                uid_validity: row.get(0)?,
                next_uid: row.get(1)?,
                first_opened_at: from_seconds(row.get(2)?),
                last_good_at: from_seconds(row.get(3)?),
            })
        });
        Ok(cursor.optional()?)
    }

    /// Everything below `next_uid` was looked at. Never moves back under the same UIDVALIDITY.
    ///
    /// # Errors
    /// When the database refuses.
    pub fn move_cursor(
        &mut self,
        account: &str,
        mailbox: &str,
        uid_validity: u32,
        next_uid: u32,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let sql = "INSERT INTO cursor (account, mailbox, uid_validity, next_uid, first_opened_at, last_good_at) \
                   VALUES (?1, ?2, ?3, ?4, ?5, ?5) \
                   ON CONFLICT (account, mailbox) DO UPDATE SET \
                   next_uid = iif(uid_validity = excluded.uid_validity, max(next_uid, excluded.next_uid), excluded.next_uid), \
                   uid_validity = excluded.uid_validity, last_good_at = excluded.last_good_at";
        self.connection.prepare_cached(sql)?.execute((account, mailbox, uid_validity, next_uid, seconds(now)))?;
        Ok(())
    }
}
