//! How far old mail has been read: files, folders of an account, and which mails.

use super::ledger::reread;
use super::{Db, OldMail, StoreError, seconds};
use crate::edge::files::Mark;
use crate::mailbox::MailKey;
use jiff::Timestamp;
use rusqlite::{OptionalExtension, Transaction};
use std::collections::BTreeSet;

/// How far a folder of an account has been read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PastMailbox {
    /// The account.
    pub account: String,
    /// The folder.
    pub mailbox: String,
    /// Its UIDVALIDITY.
    pub uid_validity: u32,
    /// Everything below this UID was read ...
    pub next_uid: u32,
    /// ... that was received from then on.
    pub since: Option<Timestamp>,
}

/// Up to where everything is read, once the mails before it are taken in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reached {
    /// In a file, by its absolute path.
    File(Vec<u8>, Mark),
    /// In a folder of an account.
    Mailbox(PastMailbox),
}

impl Db {
    /// How far a file was read in this way.
    ///
    /// # Errors
    /// When the database refuses.
    pub fn past_file(&self, path: &[u8], how: i64) -> Result<Option<Mark>, StoreError> {
        let sql = "SELECT size, changed_ns, at, line, messages, whole FROM past_file WHERE path = ?1 AND how = ?2";
        let mut query = self.connection.prepare_cached(sql)?;
        let mark = query.query_row((path, how), |row| {
            Ok(Mark {
                size: number(row.get(0)?),
                changed_ns: row.get(1)?,
                offset: number(row.get(2)?),
                line: number(row.get(3)?),
                count: number(row.get(4)?),
                whole: row.get(5)?,
            })
        });
        Ok(mark.optional()?)
    }

    /// From which UID on a folder is to be read, when it was read in this way before.
    ///
    /// # Errors
    /// When the database refuses.
    pub fn past_mailbox(&self, asked: &PastMailbox, how: i64) -> Result<u32, StoreError> {
        let sql = "SELECT next_uid FROM past_mailbox WHERE account = ?1 AND mailbox = ?2 AND how = ?3 \
                   AND uid_validity = ?4 AND coalesce(since, ?6) <= coalesce(?5, ?6)";
        let since = asked.since.map(seconds);
        let values = (&asked.account, &asked.mailbox, how, asked.uid_validity, since, seconds(Timestamp::MIN));
        let mut query = self.connection.prepare_cached(sql)?;
        Ok(query.query_row(values, |row| row.get(0)).optional()?.unwrap_or(1))
    }

    /// Those of these mails that were read in this way before.
    ///
    /// # Errors
    /// When the database refuses.
    pub fn past_mails(&self, keys: &[MailKey], how: i64) -> Result<BTreeSet<MailKey>, StoreError> {
        let mut query = self.connection.prepare_cached("SELECT 1 FROM past_mail WHERE mail_key = ?1 AND how = ?2")?;
        let mut known = BTreeSet::new();
        for key in keys {
            if query.exists((key.bytes(), how))? {
                known.insert(*key);
            }
        }
        Ok(known)
    }

    /// Takes in what old mails tell, and that these mails are read, and how far their file or folder is: all or nothing
    /// of it. Answers how many events are new.
    ///
    /// # Errors
    /// When the database refuses; nothing is changed then.
    pub fn take_past(
        &mut self,
        mails: &[OldMail],
        read: &[MailKey],
        how: i64,
        reached: &[Reached],
    ) -> Result<usize, StoreError> {
        self.write(|transaction| {
            let mut added = 0;
            for mail in mails {
                added += reread(transaction, mail)?;
            }
            let sql = "INSERT INTO past_mail (mail_key, how) VALUES (?1, ?2) \
                       ON CONFLICT (mail_key) DO UPDATE SET how = excluded.how";
            let mut insert = transaction.prepare_cached(sql)?;
            for key in read {
                insert.execute((key.bytes(), how))?;
            }
            for one in reached {
                reach(transaction, one, how)?;
            }
            Ok(added)
        })
    }

    /// Old mail is to be read again, all of it.
    ///
    /// # Errors
    /// When the database refuses.
    pub fn read_past_again(&mut self) -> Result<(), StoreError> {
        self.write(Self::forget_past)
    }

    /// Forgets how far old mail was read.
    pub(super) fn forget_past(transaction: &Transaction<'_>) -> Result<(), StoreError> {
        for table in ["past_file", "past_mail", "past_mailbox"] {
            transaction.execute(&format!("DELETE FROM {table}"), [])?;
        }
        Ok(())
    }
}

fn reach(transaction: &Transaction<'_>, reached: &Reached, how: i64) -> Result<(), StoreError> {
    match reached {
        Reached::File(path, mark) => {
            let sql = "INSERT OR REPLACE INTO past_file (path, how, size, changed_ns, at, line, messages, whole) \
                       VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)";
            let stored = |value: u64| i64::try_from(value).unwrap_or(i64::MAX);
            let (size, at) = (stored(mark.size), stored(mark.offset));
            let values = (path, how, size, mark.changed_ns, at, stored(mark.line), stored(mark.count), mark.whole);
            transaction.prepare_cached(sql)?.execute(values)?;
        }
        Reached::Mailbox(one) => {
            let sql = "INSERT OR REPLACE INTO past_mailbox (account, mailbox, how, uid_validity, next_uid, since) \
                       VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
            let since = one.since.map(seconds);
            let values = (&one.account, &one.mailbox, how, one.uid_validity, one.next_uid, since);
            transaction.prepare_cached(sql)?.execute(values)?;
        }
    }
    Ok(())
}

fn number(stored: i64) -> u64 {
    u64::try_from(stored).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bookmark_is_good_for_the_way_it_was_read_in_and_for_no_more_than_was_read() {
        let mut db = Db::in_memory().unwrap();
        let mark = Mark { size: 9, changed_ns: 8, offset: 7, line: 6, count: 5, whole: false };
        let day = |second| Timestamp::from_second(second).ok();
        let folder = |uid_validity, since| PastMailbox {
            account: "a".into(),
            mailbox: "INBOX".into(),
            uid_validity,
            next_uid: 40,
            since,
        };
        let key = MailKey::of(b"a");
        let reached = [Reached::File(b"/x".to_vec(), mark.clone()), Reached::Mailbox(folder(3, day(1000)))];
        db.take_past(&[], &[key], 1, &reached).unwrap();
        assert_eq!(db.past_file(b"/x", 1).unwrap(), Some(mark));
        assert_eq!((db.past_file(b"/x", 2).unwrap(), db.past_file(b"/y", 1).unwrap()), (None, None));
        let keys = [key, MailKey::of(b"b")];
        assert_eq!(db.past_mails(&keys, 1).unwrap(), BTreeSet::from([key]));
        assert_eq!(db.past_mails(&keys, 2).unwrap(), BTreeSet::new());
        let from = |validity, since, how| db.past_mailbox(&folder(validity, since), how).unwrap();
        assert_eq!((from(3, day(1000), 1), from(3, day(2000), 1)), (40, 40));
        assert_eq!((from(3, day(999), 1), from(3, None, 1)), (1, 1), "older mail was not read");
        assert_eq!((from(4, day(1000), 1), from(3, day(1000), 2)), (1, 1), "renumbered; read in another way");
    }
}
