//! How far old mail has been read: files, folders of an account, and which mails.

use super::ledger::reread_as;
use super::{Db, OldMail, StoreError, seconds};
use crate::edge::files::Mark;
use crate::mail::TrustLevel;
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

    /// Takes in what old mails tell, each trusted so far, and that these mails are read, and how far their file or folder is: all or nothing
    /// of it. Answers how many events are new.
    ///
    /// # Errors
    /// When the database refuses; nothing is changed then.
    pub fn take_past(
        &mut self,
        mails: &[(OldMail, TrustLevel)],
        read: &[MailKey],
        how: i64,
        reached: &[Reached],
    ) -> Result<usize, StoreError> {
        self.write(|transaction| {
            let mut added = 0;
            for (mail, trust) in mails {
                added += reread_as(transaction, mail, Some(*trust))?;
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

    /// These files, and what lies below these folders, are to be read again. How far others are read stays; of single
    /// mails it is forgotten, as nothing tells where a mail lay.
    ///
    /// # Errors
    /// When the database refuses.
    pub fn read_files_again(&mut self, paths: &[Vec<u8>]) -> Result<(), StoreError> {
        self.write(|transaction| {
            transaction.execute("DELETE FROM past_mail", [])?;
            let sql = "DELETE FROM past_file WHERE path = ?1 OR substr(path, 1, length(?2)) = ?2";
            let mut delete = transaction.prepare_cached(sql)?;
            for path in paths {
                let path = path.strip_suffix(b"/").unwrap_or(path);
                delete.execute((path, [path, b"/"].concat()))?;
            }
            Ok(())
        })
    }

    /// These folders (`None`: all) of these accounts are to be read again; see [`Db::read_files_again`].
    ///
    /// # Errors
    /// When the database refuses.
    pub fn read_folders_again(&mut self, accounts: &[String], folders: Option<&[String]>) -> Result<(), StoreError> {
        self.write(|transaction| {
            transaction.execute("DELETE FROM past_mail", [])?;
            for account in accounts {
                let Some(folders) = folders else {
                    transaction.execute("DELETE FROM past_mailbox WHERE account = ?1", [account])?;
                    continue;
                };
                for folder in folders {
                    // INBOX is one folder however it is written
                    let sql = "DELETE FROM past_mailbox WHERE account = ?1 AND mailbox = ?2 COLLATE NOCASE";
                    transaction.execute(sql, (account, folder))?;
                }
            }
            Ok(())
        })
    }

    /// The shopper let in what looked forged: every file and folder is looked through again. Which mails were read stays
    /// known, and a forged one never was.
    pub(super) fn look_through_past_again(transaction: &Transaction<'_>) -> Result<(), StoreError> {
        for table in ["past_file", "past_mailbox"] {
            transaction.execute(&format!("DELETE FROM {table}"), [])?;
        }
        Ok(())
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
    fn both(db: &mut Db) {
        let mark = Mark { size: 9, whole: true, ..Mark::default() };
        let folder = |account: &str, mailbox: &str| {
            let (account, mailbox) = (account.to_owned(), mailbox.to_owned());
            Reached::Mailbox(PastMailbox { account, mailbox, uid_validity: 1, next_uid: 40, since: None })
        };
        let files = ["/m/a", "/m/b/c", "/ma"].map(|path| Reached::File(path.into(), mark.clone()));
        let folders = [folder("a", "INBOX"), folder("a", "x"), folder("b", "INBOX")];
        let all: Vec<Reached> = files.into_iter().chain(folders).collect();
        db.take_past(&[], &[MailKey::of(b"a")], 1, &all).unwrap();
    }

    /// Files that are known, folders that are known, and mails.
    fn known(db: &Db) -> (Vec<String>, Vec<String>, bool) {
        let strings = |sql: &str| -> Vec<String> {
            let mut query = db.connection.prepare(sql).unwrap();
            query.query_map([], |row| row.get(0)).unwrap().collect::<Result<_, _>>().unwrap()
        };
        (
            strings("SELECT CAST(path AS TEXT) FROM past_file ORDER BY path"),
            strings("SELECT account || ':' || mailbox FROM past_mailbox ORDER BY 1"),
            !db.past_mails(&[MailKey::of(b"a")], 1).unwrap().is_empty(),
        )
    }

    #[test]
    fn again_is_for_what_is_named() {
        let mut db = Db::in_memory().unwrap();
        both(&mut db);
        db.read_files_again(&[b"/m/".to_vec()]).unwrap();
        let all = ["a:INBOX", "a:x", "b:INBOX"].map(str::to_owned).to_vec();
        assert_eq!(known(&db), (vec!["/ma".to_owned()], all, false));
        both(&mut db);
        db.read_folders_again(&["a".to_owned()], Some(&["inbox".to_owned()])).unwrap();
        assert_eq!((known(&db).0.len(), known(&db).1), (3, ["a:x", "b:INBOX"].map(str::to_owned).to_vec()));
        db.read_folders_again(&["a".to_owned()], None).unwrap();
        assert_eq!(known(&db).1, ["b:INBOX"]);
    }

    #[test]
    fn who_vouches_for_a_sender_has_every_file_looked_through_again() {
        let mut db = Db::in_memory().unwrap();
        both(&mut db);
        db.vouch("shop@example.jp", Timestamp::UNIX_EPOCH).unwrap();
        assert_eq!(known(&db), (vec![], vec![], true));
        // said twice it is nothing new
        both(&mut db);
        db.vouch("shop@example.jp", Timestamp::UNIX_EPOCH).unwrap();
        assert_eq!(known(&db).0.len(), 3);
    }

    #[test]
    fn what_a_mail_does_not_say_any_more_goes_unless_it_is_trusted_less() {
        let mut db = Db::in_memory().unwrap();
        let key = MailKey::of(b"a");
        let body = serde_json::json!({
            "order": "399999-20261120-0123456789", "at": "2026-11-20T00:00:00Z", "mail": key.hex(),
            "second_identity": "1", "trust": "verified", "excerpt": "",
            "kind": {"what": "points", "returned": {"amount": 500, "form": "done"}, "limited": null, "expires_at": null},
        });
        let event: crate::ledger::Event = serde_json::from_value(body).unwrap();
        let mail = |events: Vec<_>| OldMail { key, events, keep_trusted: true, mails: None };
        let take = |db: &mut Db, events, trust| {
            db.take_past(&[(mail(events), trust)], &[key], 1, &[]).unwrap();
            db.events().unwrap().len()
        };
        assert_eq!(take(&mut db, vec![event], TrustLevel::Verified), 1);
        assert_eq!(take(&mut db, vec![], TrustLevel::Unverified), 1, "a file lacks the provider's word");
        assert_eq!(take(&mut db, vec![], TrustLevel::Verified), 0, "the rules were mended");
    }
}
