//! The flags of cancellation mails: which are wished for, which modori set, and what looks at them found.

use super::outbox::{self, Row};
use super::settle::json;
use super::view::IN_VIEW;
use super::{Db, StoreError, from_millis, held, ledger, millis};
use crate::ledger::Statement;
use crate::mailbox::{MailKey, Place};
use crate::plan::Wish;
use crate::plan::flag::{Flagging, Record, Standing};
use crate::plan::look::Watched;
use jiff::Timestamp;
use rusqlite::{OptionalExtension, Row as SqlRow, Transaction};
use std::collections::{BTreeMap, BTreeSet};

/// What the hand must know before it sets or removes a flag.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Flagged {
    /// What the message is.
    pub key: MailKey,
    /// RFC822.SIZE in bytes.
    pub size: u32,
    /// An open case wants the flag.
    pub wanted: bool,
    /// modori set it (`true`), or the shopper had before (`false`); `None` when it is not set, as far as is known.
    pub own: Option<bool>,
    /// Where the message was read last, or else where it lies as far as is known.
    pub place: Option<Place>,
}

/// What became of a flag that was to be set or removed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Became {
    /// Set by modori, and read back at this place.
    Set(Place),
    /// The shopper had set it before; left alone.
    Hers,
    /// Removed, or not there any more.
    Removed,
    /// Nothing was done, and why.
    Left(&'static str),
}

/// A flag that is looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Watching {
    /// The message's number.
    pub message: i64,
    /// What it is.
    pub key: MailKey,
    /// RFC822.SIZE in bytes.
    pub size: u32,
    /// Which opening of its case.
    pub opening: u32,
    /// The record.
    pub watched: Watched,
}

/// A flag that the shopper took off, of which the ledger does not know yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Taken {
    /// The message's number.
    pub message: i64,
    /// What it is.
    pub key: MailKey,
    /// The first look without the flag.
    pub since: Timestamp,
}

impl Db {
    /// The records of those mails whose message lies in one of these accounts, and of all mails that bear a flag.
    ///
    /// # Errors
    /// When the database refuses.
    pub fn flag_records(
        &self,
        mails: &BTreeSet<MailKey>,
        accounts: &[String],
    ) -> Result<BTreeMap<MailKey, Record>, StoreError> {
        let mut records = BTreeMap::new();
        let accounts = json(&accounts, "list of accounts")?;
        let sql = "SELECT mail_key, coalesce(opening, 0), coalesce(wanted, 0), own, taken, missing_since \
                   FROM message LEFT JOIN flagged ON flagged.message = message.id ";
        let lies = format!(
            "{sql} WHERE mail_key = ?1 AND EXISTS (SELECT 1 FROM place WHERE place.message = message.id AND gone = 0 \
             AND place.account IN (SELECT value FROM json_each(?2)))"
        );
        let mut query = self.connection.prepare_cached(&lies)?;
        for mail in mails {
            let found = query.query_row((mail.hex(), &accounts), record).optional()?;
            records.extend(found.map(|(_, record)| (*mail, record)));
        }
        let mut query = self.connection.prepare_cached(&format!("{sql} WHERE wanted = 1"))?;
        for found in query.query_map([], record)? {
            let (key, record) = found?;
            records.extend(MailKey::from_hex(&key).map(|key| (key, record)));
        }
        Ok(records)
    }

    /// Enters what is wished of flags, each with its record, in one transaction. A mail whose message lies nowhere is
    /// left out. Answers how many were entered.
    ///
    /// # Errors
    /// When the database refuses; none is entered then.
    pub fn wish_flags(&mut self, all: &[Flagging], now: Timestamp) -> Result<usize, StoreError> {
        self.write(|transaction| {
            let mut entered = 0;
            for one in all {
                let Some((message, account)) = lies(transaction, &one.mail)? else { continue };
                if let Some(wish) = &one.wish
                    && outbox::enter(transaction, wish, &account, Some(message), false, now)?.is_none()
                {
                    continue; // wished for before
                }
                let sql = if one.set {
                    // what modori set and has not removed yet stays its own
                    "INSERT INTO flagged (message, opening, wanted) VALUES (?1, ?2, 1) \
                     ON CONFLICT (message) DO UPDATE SET opening = excluded.opening, wanted = 1, \
                     own = iif(own = 1 AND taken = 0, 1, NULL), missing_since = NULL, sought_at = NULL, taken = 0, \
                     told_at = NULL"
                } else {
                    "UPDATE flagged SET wanted = 0, missing_since = NULL WHERE message = ?1 AND opening = ?2"
                };
                transaction.prepare_cached(sql)?.execute((message, one.opening))?;
                entered += 1;
            }
            Ok(entered)
        })
    }

    /// Wishes for flags that are not carried out any more, because none are to be set: they may be wished for anew. Those
    /// that are set are not looked at any more, and count as never read.
    ///
    /// # Errors
    /// When the database refuses.
    pub fn give_up_flags(&mut self, now: Timestamp) -> Result<(), StoreError> {
        self.write(|transaction| {
            let sql = "UPDATE outbox SET state = 'dropped', last_error = 'flags are switched off', closed_at = ?1 \
                       WHERE kind = 'flag' AND state IN ('ready', 'doing')";
            transaction.prepare_cached(sql)?.execute([millis(now)])?;
            let sql = "UPDATE flagged SET wanted = 0 WHERE wanted = 1 AND own IS NULL AND taken = 0";
            transaction.prepare_cached(sql)?.execute([])?;
            // what she takes off meanwhile says nothing: it must be read again before its absence counts
            let sql = "UPDATE flagged SET seen_at = NULL, missing_since = NULL WHERE own = 1 AND taken = 0";
            transaction.prepare_cached(sql)?.execute([])?;
            Ok(())
        })
    }

    /// What the hand must know of a message's flag in an account; `None` when nothing was wished of it.
    ///
    /// # Errors
    /// When the database refuses.
    pub fn flag_of(&self, message: i64, account: &str) -> Result<Option<Flagged>, StoreError> {
        let sql = "SELECT mail_key, size, wanted, own, account, mailbox, uid_validity, uid \
                   FROM flagged JOIN message ON message.id = flagged.message WHERE flagged.message = ?1";
        let mut query = self.connection.prepare_cached(sql)?;
        let found = query.query_row([message], |row| {
            let place = match row.get::<_, Option<String>>(4)? {
                Some(account) => {
                    Some(Place { account, mailbox: row.get(5)?, uid_validity: row.get(6)?, uid: row.get(7)? })
                }
                None => None,
            };
            Ok((row.get::<_, String>(0)?, row.get(1)?, row.get(2)?, row.get(3)?, place))
        });
        let Some((key, size, wanted, own, place)) = found.optional()? else { return Ok(None) };
        let Some(key) = MailKey::from_hex(&key) else { return Ok(None) };
        // a number of another account is another message's
        let place = place.filter(|place: &Place| place.account == account);
        // where modori itself put it meanwhile comes before where the flag was read
        let lies = self.whereabouts_in(message, account)?.map(|(place, _)| place);
        let gone = match &place {
            Some(place) => self.is_gone(place)?,
            None => true,
        };
        let place = if gone { lies.or(place) } else { place };
        Ok(Some(Flagged { key, size, wanted, own, place }))
    }

    /// Whether modori knows that a message lies at a place no more.
    pub(super) fn is_gone(&self, place: &Place) -> Result<bool, StoreError> {
        let sql = "SELECT gone FROM place WHERE account = ?1 AND mailbox = ?2 AND uid_validity = ?3 AND uid = ?4";
        let mut query = self.connection.prepare_cached(sql)?;
        let gone = query.query_row((&place.account, &place.mailbox, place.uid_validity, place.uid), |row| row.get(0));
        Ok(gone.optional()?.unwrap_or(false))
    }

    /// The end of a flagging: its row is closed, and the record says what became of it.
    ///
    /// # Errors
    /// When the database refuses.
    pub fn flag_became(&mut self, row: &Row, became: &Became, now: Timestamp) -> Result<(), StoreError> {
        self.write(|transaction| {
            let (state, why) = match became {
                Became::Set(_) | Became::Removed => (outbox::State::Done, None),
                Became::Hers => (outbox::State::Done, Some("it bore a flag already; that one is left alone")),
                Became::Left(why) => (outbox::State::Dropped, Some(*why)),
            };
            transaction
                .prepare_cached(
                    "UPDATE outbox SET state = ?2, doing = NULL, last_error = ?3, closed_at = ?4 WHERE id = ?1",
                )?
                .execute((row.id, state.word(), why, millis(now)))?;
            match became {
                Became::Set(place) => {
                    let sql = "UPDATE flagged SET own = 1, account = ?2, mailbox = ?3, uid_validity = ?4, uid = ?5, \
                               seen_at = ?6, missing_since = NULL, sought_at = NULL WHERE message = ?1";
                    transaction.prepare_cached(sql)?.execute((
                        row.message,
                        &place.account,
                        &place.mailbox,
                        place.uid_validity,
                        place.uid,
                        millis(now),
                    ))?;
                }
                Became::Hers => {
                    transaction
                        .prepare_cached("UPDATE flagged SET own = 0 WHERE message = ?1")?
                        .execute([row.message])?;
                }
                Became::Removed => {
                    let sql = "UPDATE flagged SET own = NULL, seen_at = NULL, missing_since = NULL WHERE message = ?1";
                    transaction.prepare_cached(sql)?.execute([row.message])?;
                }
                Became::Left(_) => {}
            }
            Ok(())
        })
    }

    /// The flags of an account that modori set and an open case wants.
    ///
    /// # Errors
    /// When the database refuses.
    pub fn watched_flags(&self, account: &str) -> Result<Vec<Watching>, StoreError> {
        let sql = "SELECT message.id, mail_key, size, opening, account, mailbox, uid_validity, uid, flagged.seen_at, \
                   missing_since, sought_at FROM flagged JOIN message ON message.id = flagged.message \
                   WHERE account = ?1 AND wanted = 1 AND own = 1 AND taken = 0 ORDER BY mailbox, uid";
        let mut query = self.connection.prepare_cached(sql)?;
        let mut rows = query.query([account])?;
        let mut all = Vec::new();
        while let Some(row) = rows.next()? {
            let key: String = row.get(1)?;
            let Some(key) = MailKey::from_hex(&key) else { continue };
            let at = |column| Ok::<_, rusqlite::Error>(row.get::<_, Option<i64>>(column)?.map(from_millis));
            all.push(Watching {
                message: row.get(0)?,
                key,
                size: row.get(2)?,
                opening: row.get(3)?,
                watched: Watched {
                    place: Place {
                        account: row.get(4)?,
                        mailbox: row.get(5)?,
                        uid_validity: row.get(6)?,
                        uid: row.get(7)?,
                    },
                    seen: at(8)?.is_some(),
                    missing_since: at(9)?,
                    sought_at: at(10)?,
                },
            });
        }
        Ok(all)
    }

    /// What a look made of records. One that changed meanwhile (its case ended) stays as it is.
    ///
    /// # Errors
    /// When the database refuses.
    pub fn keep_looks(&mut self, all: &[(Watching, Watched)], now: Timestamp) -> Result<(), StoreError> {
        self.write(|transaction| {
            let sql = "UPDATE flagged SET account = ?3, mailbox = ?4, uid_validity = ?5, uid = ?6, \
                       seen_at = iif(?7, coalesce(seen_at, ?8), NULL), missing_since = ?9, sought_at = ?10 \
                       WHERE message = ?1 AND opening = ?2 AND wanted = 1 AND own = 1 AND taken = 0";
            let mut update = transaction.prepare_cached(sql)?;
            for (before, after) in all {
                update.execute((
                    before.message,
                    before.opening,
                    &after.place.account,
                    &after.place.mailbox,
                    after.place.uid_validity,
                    after.place.uid,
                    after.seen,
                    millis(now),
                    after.missing_since.map(millis),
                    after.sought_at.map(millis),
                ))?;
            }
            Ok(())
        })
    }

    /// Two looks found these flags gone, the first at that instant: the shopper took them off.
    ///
    /// # Errors
    /// When the database refuses.
    pub fn flags_taken(&mut self, all: &[(Watching, Timestamp)]) -> Result<(), StoreError> {
        self.write(|transaction| {
            let sql = "UPDATE flagged SET taken = 1, missing_since = ?3, own = NULL, seen_at = NULL \
                       WHERE message = ?1 AND opening = ?2 AND wanted = 1 AND own = 1 AND taken = 0";
            let mut update = transaction.prepare_cached(sql)?;
            for (one, since) in all {
                update.execute((one.message, one.opening, millis(*since)))?;
            }
            Ok(())
        })
    }

    /// Flags that were taken off and of which the ledger does not know yet.
    ///
    /// # Errors
    /// When the database refuses.
    pub fn taken_flags(&self) -> Result<Vec<Taken>, StoreError> {
        let sql = "SELECT message.id, mail_key, missing_since FROM flagged JOIN message ON message.id = flagged.message \
                   WHERE taken = 1 AND told_at IS NULL ORDER BY missing_since, message.id";
        let mut query = self.connection.prepare_cached(sql)?;
        let mut rows = query.query([])?;
        let mut all = Vec::new();
        while let Some(row) = rows.next()? {
            let key: String = row.get(1)?;
            let Some(key) = MailKey::from_hex(&key) else { continue };
            all.push(Taken { message: row.get(0)?, key, since: from_millis(row.get(2)?) });
        }
        Ok(all)
    }

    /// Tells the ledger what a flag that was taken off says, and announces it: in one transaction with the end of its
    /// record, so that neither happens twice. The announcements that are due are handed back under way.
    ///
    /// # Errors
    /// When the database refuses; nothing is written then.
    pub fn tell_taken(
        &mut self,
        taken: &Taken,
        statements: &[Statement],
        announcements: &[Wish],
        now: Timestamp,
    ) -> Result<Vec<Row>, StoreError> {
        self.write(|transaction| {
            let sql = "UPDATE flagged SET told_at = ?2 WHERE message = ?1 AND taken = 1 AND told_at IS NULL";
            if transaction.prepare_cached(sql)?.execute((taken.message, millis(now)))? == 0 {
                return Ok(Vec::new());
            }
            for statement in statements {
                ledger::add_statement(transaction, statement, now)?;
            }
            held::enter_all(transaction, announcements, "", Some(taken.message), true, now)
        })
    }

    /// The folders of an account in which known mail lies or lay. One that shows everything comes last: it is the longest.
    ///
    /// # Errors
    /// When the database refuses.
    pub fn known_folders(&self, account: &str) -> Result<Vec<String>, StoreError> {
        let sql = format!(
            "SELECT mailbox FROM (SELECT DISTINCT account, mailbox FROM place WHERE account = ?1) AS place \
             ORDER BY {IN_VIEW}, mailbox"
        );
        let mut query = self.connection.prepare_cached(&sql)?;
        let folders = query.query_map([account], |row| row.get(0))?;
        Ok(folders.collect::<Result<_, _>>()?)
    }

    /// Changes whenever something new may bear on flags: an event, a statement, a flag that was taken off.
    ///
    /// # Errors
    /// When the database refuses.
    pub fn flag_mark(&self) -> Result<(i64, i64, i64), StoreError> {
        let sql = "SELECT coalesce((SELECT max(id) FROM event), 0), coalesce((SELECT max(id) FROM statement), 0), \
                   (SELECT count(*) FROM flagged WHERE taken = 1 AND told_at IS NULL)";
        let mut query = self.connection.prepare_cached(sql)?;
        Ok(query.query_row([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?)
    }
}

fn record(row: &SqlRow<'_>) -> rusqlite::Result<(String, Record)> {
    let wanted: bool = row.get(2)?;
    let own: Option<bool> = row.get(3)?;
    let taken: Option<bool> = row.get(4)?;
    let since: Option<i64> = row.get(5)?;
    let standing = match (wanted, taken.unwrap_or(false), own) {
        (true, true, _) => Standing::TakenOff(since.map(from_millis).unwrap_or_default()),
        (true, false, Some(false)) => Standing::Hers,
        (true, false, _) => Standing::Flagged,
        (false, ..) => Standing::Bare,
    };
    Ok((row.get(0)?, Record { opening: row.get(1)?, standing }))
}

/// A message and the account it lies in.
fn lies(transaction: &Transaction<'_>, mail: &MailKey) -> Result<Option<(i64, String)>, StoreError> {
    let sql = "SELECT message.id, coalesce(\
               (SELECT account FROM flagged WHERE flagged.message = message.id AND account IS NOT NULL), \
               (SELECT account FROM place WHERE place.message = message.id AND gone = 0 ORDER BY seen_first LIMIT 1)) \
               FROM message WHERE mail_key = ?1";
    let found: Option<(i64, Option<String>)> =
        transaction.prepare_cached(sql)?.query_row([mail.hex()], |row| Ok((row.get(0)?, row.get(1)?))).optional()?;
    Ok(found.and_then(|(message, account)| Some((message, account?))))
}

#[cfg(test)]
mod tests;
