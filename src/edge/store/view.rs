//! Mailboxes that show messages which lie somewhere else, too, and filings by labels.

use super::{Db, StoreError, millis};
use crate::mailbox::Place;
use jiff::Timestamp;
use rusqlite::OptionalExtension;
use serde_json::Value;
use std::collections::BTreeSet;

/// A place in a mailbox that shows what lies somewhere else, too.
pub(super) const IN_VIEW: &str = "EXISTS (SELECT 1 FROM shows_all WHERE shows_all.account = place.account \
                                  AND shows_all.mailbox = place.mailbox)";

/// A message whose labels were changed.
#[derive(Clone, Debug, PartialEq)]
pub struct Relabelled {
    /// The row that is done.
    pub id: i64,
    /// The folder that takes it back.
    pub origin: String,
    /// Where it lies under the label it was given, as far as that is known.
    pub target: Option<Place>,
    /// It is no more in INBOX.
    pub out_of_inbox: bool,
}

impl Db {
    /// Whether a mailbox shows messages that lie somewhere else, too.
    ///
    /// # Errors
    /// When the database refuses.
    pub fn is_view(&mut self, account: &str, mailbox: &str, view: bool) -> Result<(), StoreError> {
        let sql = match view {
            true => "INSERT OR IGNORE INTO shows_all (account, mailbox) VALUES (?1, ?2)",
            false => "DELETE FROM shows_all WHERE account = ?1 AND mailbox = ?2",
        };
        self.connection.prepare_cached(sql)?.execute((account, mailbox))?;
        Ok(())
    }

    /// The mailboxes of an account that show messages which lie somewhere else, too.
    ///
    /// # Errors
    /// When the database refuses.
    pub fn views(&self, account: &str) -> Result<Vec<String>, StoreError> {
        let mut query = self.connection.prepare_cached("SELECT mailbox FROM shows_all WHERE account = ?1")?;
        let views = query.query_map([account], |row| row.get(0))?;
        Ok(views.collect::<Result<_, _>>()?)
    }

    /// The mailboxes of all accounts that show messages which lie somewhere else, too: (account, mailbox).
    ///
    /// # Errors
    /// When the database refuses.
    pub fn all_views(&self) -> Result<BTreeSet<(String, String)>, StoreError> {
        let mut query = self.connection.prepare_cached("SELECT account, mailbox FROM shows_all")?;
        let views = query.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?;
        Ok(views.collect::<Result<_, _>>()?)
    }

    /// The mailbox of an account that a message came to before modori filed it; `None` when it never lay in the account.
    /// Of a message that was only ever seen in a mailbox that shows everything, it is where modori's first filing took it
    /// from, or INBOX.
    ///
    /// # Errors
    /// When the database refuses.
    pub fn home(&self, message: i64, account: &str) -> Result<Option<String>, StoreError> {
        let sql = format!(
            "SELECT coalesce((SELECT mailbox FROM place WHERE message = ?1 AND account = ?2 AND NOT {IN_VIEW} \
              AND NOT EXISTS (SELECT 1 FROM outbox WHERE outbox.message = ?1 AND kind = 'file' AND state = 'done' \
                              AND lane = ?2 AND payload ->> '$.folder' = place.mailbox) ORDER BY seen_first LIMIT 1), \
             (SELECT origin FROM outbox WHERE message = ?1 AND kind = 'file' AND state = 'done' AND lane = ?2 \
              AND origin NOT IN (SELECT mailbox FROM shows_all WHERE account = ?2) ORDER BY id LIMIT 1), \
             (SELECT 'INBOX' FROM place WHERE message = ?1 AND account = ?2))"
        );
        Ok(self.connection.prepare_cached(&sql)?.query_row((message, account), |row| row.get(0))?)
    }

    /// What was written down of an attempt, also after its end: what a message had borne before.
    ///
    /// # Errors
    /// When the database refuses.
    pub fn doing_of(&self, id: i64) -> Result<Option<Value>, StoreError> {
        let mut query = self.connection.prepare_cached("SELECT doing FROM outbox WHERE id = ?1")?;
        let doing: Option<Option<String>> = query.query_row([id], |row| row.get(0)).optional()?;
        Ok(doing.flatten().and_then(|doing| serde_json::from_str(&doing).ok()))
    }

    /// Labels of messages were changed: each row is done; the message lies where it lay, and under its new label.
    ///
    /// # Errors
    /// When the database refuses.
    pub fn relabelled(&mut self, done: &[Relabelled], now: Timestamp) -> Result<(), StoreError> {
        self.write(|transaction| {
            for one in done {
                transaction
                    .prepare_cached("UPDATE outbox SET state = 'done', closed_at = ?2, origin = ?3 WHERE id = ?1")?
                    .execute((one.id, millis(now), &one.origin))?;
                let message: Option<i64> = transaction
                    .prepare_cached("SELECT message FROM outbox WHERE id = ?1")?
                    .query_row([one.id], |row| row.get(0))?;
                let Some(message) = message else { continue };
                if one.out_of_inbox {
                    let sql = "UPDATE place SET gone = 1 WHERE message = ?1 AND mailbox = 'INBOX' \
                               AND account = (SELECT lane FROM outbox WHERE id = ?2)";
                    transaction.prepare_cached(sql)?.execute((message, one.id))?;
                }
                if let Some(target) = &one.target {
                    super::settle::add_place(transaction, target, None, message)?;
                }
            }
            Ok(())
        })
    }
}
