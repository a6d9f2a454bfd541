//! Corrections: mails that modori knew and a person moved.

use super::settle::add_place;
use super::view::IN_VIEW;
use super::{Db, StoreError, from_seconds, seconds};
use crate::mailbox::{MailKey, Place};
use jiff::Timestamp;
use rusqlite::{OptionalExtension, Transaction};
use std::collections::BTreeSet;

/// A mail that a person moved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Correction {
    /// Its number in the database.
    pub message: i64,
    /// What it is.
    pub key: MailKey,
    /// Message-ID without angle brackets, if it has one.
    pub message_id: Option<String>,
    /// The folder modori had put or left it in.
    pub from: String,
    /// Where it lies now.
    pub to: Place,
    /// What modori took it for.
    pub category: String,
    /// It lay in quarantine.
    pub quarantined: bool,
    /// When the move was noticed.
    pub at: Timestamp,
    /// It left its old place, so it is a move and not a copy.
    pub sure: bool,
}

impl Db {
    /// Every correction, oldest first.
    ///
    /// # Errors
    /// When the database refuses.
    pub fn corrections(&self) -> Result<Vec<Correction>, StoreError> {
        let sql = "SELECT message, mail_key, correction.message_id, from_folder, account, to_folder, uid_validity, uid, \
                   correction.category, quarantined, at, sure FROM correction \
                   JOIN message ON message.id = correction.message ORDER BY at, message";
        let mut query = self.connection.prepare_cached(sql)?;
        let mut rows = query.query([])?;
        let mut found = Vec::new();
        while let Some(row) = rows.next()? {
            let key: String = row.get(1)?;
            let Some(key) = MailKey::from_hex(&key) else { continue };
            found.push(Correction {
                message: row.get(0)?,
                key,
                message_id: row.get(2)?,
                from: row.get(3)?,
                to: Place { account: row.get(4)?, mailbox: row.get(5)?, uid_validity: row.get(6)?, uid: row.get(7)? },
                category: row.get(8)?,
                quarantined: row.get(9)?,
                at: from_seconds(row.get(10)?),
                sure: row.get(11)?,
            });
        }
        Ok(found)
    }

    /// Whether a person moved this mail: it stays where she put it.
    ///
    /// # Errors
    /// When the database refuses.
    pub fn is_corrected(&self, key: &MailKey) -> Result<bool, StoreError> {
        let sql = "SELECT 1 FROM correction JOIN message ON message.id = correction.message WHERE mail_key = ?1";
        Ok(self.connection.prepare_cached(sql)?.exists([key.hex()])?)
    }

    /// Of messages seen in a folder (UID, size) those that are not known to lie there and may be known mail: their size
    /// is that of one.
    ///
    /// # Errors
    /// When the database refuses.
    pub fn perhaps_moved(
        &self,
        account: &str,
        mailbox: &str,
        uid_validity: u32,
        seen: &[(u32, u32)],
    ) -> Result<Vec<u32>, StoreError> {
        let sql = "SELECT 1 FROM place WHERE account = ?1 AND mailbox = ?2 AND uid_validity = ?3 AND uid = ?4";
        let mut query = self.connection.prepare_cached(sql)?;
        let mut unknown = Vec::new();
        for (uid, size) in seen {
            if !query.exists((account, mailbox, uid_validity, uid))? {
                unknown.push((*uid, *size));
            }
        }
        if unknown.is_empty() {
            return Ok(Vec::new());
        }
        // however many they are, the sizes of what is known are read once
        let asked: BTreeSet<u32> = unknown.iter().map(|(_, size)| *size).collect();
        let mut known = BTreeSet::new();
        let mut query = self.connection.prepare_cached("SELECT size FROM message")?;
        for size in query.query_map([], |row| row.get::<_, u32>(0))? {
            let size = size?;
            if asked.contains(&size) {
                known.insert(size);
            }
        }
        let found = unknown.into_iter().filter(|(_, size)| known.contains(size)).map(|(uid, _)| uid).collect();
        Ok(found)
    }

    /// A message was seen at a place; if it is known and modori did not put it there, a person did.
    ///
    /// # Errors
    /// When the database refuses.
    pub fn seen_at(
        &mut self,
        place: &Place,
        key: &MailKey,
        message_id: Option<&str>,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        self.write(|transaction| {
            let message: Option<i64> = transaction
                .prepare_cached("SELECT id FROM message WHERE mail_key = ?1")?
                .query_row([key.hex()], |row| row.get(0))
                .optional()?;
            let Some(message) = message else { return Ok(()) };
            if add_place(transaction, place, None, message)? {
                moved(transaction, message, place, message_id, now)?;
            }
            Ok(())
        })
    }

    /// Where the messages of corrections that are not sure may still lie: their places without the new one.
    ///
    /// # Errors
    /// When the database refuses.
    pub fn unsure(&self, account: &str) -> Result<Vec<(i64, Vec<Place>)>, StoreError> {
        let views = self.views(account)?;
        let corrections = self.corrections()?.into_iter().filter(|one| !one.sure && one.to.account == account);
        corrections
            .map(|one| {
                let mut places = self.places(one.message)?;
                places.retain(|place| *place != one.to && place.account == account && !views.contains(&place.mailbox));
                Ok((one.message, places))
            })
            .collect()
    }

    /// What a look at the old places showed: those that are gone, and whether the message still lies at another one, so
    /// that what was found is a copy.
    ///
    /// # Errors
    /// When the database refuses.
    pub fn looked_at(&mut self, message: i64, account: &str, gone: &[Place], copy: bool) -> Result<(), StoreError> {
        self.write(|transaction| {
            let sql =
                "UPDATE place SET gone = 1 WHERE account = ?1 AND mailbox = ?2 AND uid_validity = ?3 AND uid = ?4";
            for place in gone {
                transaction
                    .prepare_cached(sql)?
                    .execute((&place.account, &place.mailbox, place.uid_validity, place.uid))?;
            }
            let sql = if copy {
                "DELETE FROM correction WHERE message = ?1 AND account = ?2 AND sure = 0"
            } else {
                "UPDATE correction SET sure = 1 WHERE message = ?1 AND account = ?2"
            };
            transaction.prepare_cached(sql)?.execute((message, account))?;
            Ok(())
        })
    }

    /// From which UID a folder is still to be looked through.
    ///
    /// # Errors
    /// When the database refuses.
    pub fn look_from(&self, account: &str, mailbox: &str, uid_validity: u32) -> Result<u32, StoreError> {
        let sql = "SELECT next_uid FROM folder_look WHERE account = ?1 AND mailbox = ?2 AND uid_validity = ?3";
        let mut query = self.connection.prepare_cached(sql)?;
        Ok(query.query_row((account, mailbox, uid_validity), |row| row.get(0)).optional()?.unwrap_or(1))
    }

    /// A folder was looked through up to this UID.
    ///
    /// # Errors
    /// When the database refuses.
    pub fn looked_to(
        &mut self,
        account: &str,
        mailbox: &str,
        uid_validity: u32,
        next_uid: u32,
    ) -> Result<(), StoreError> {
        let sql =
            "INSERT OR REPLACE INTO folder_look (account, mailbox, uid_validity, next_uid) VALUES (?1, ?2, ?3, ?4)";
        self.connection.prepare_cached(sql)?.execute((account, mailbox, uid_validity, next_uid))?;
        Ok(())
    }
}

/// A known message was seen at a new place. Unless modori is moving it there itself, a person moved it: written down.
/// Back where modori had it, there is nothing to correct any more.
pub(super) fn moved(
    transaction: &Transaction<'_>,
    message: i64,
    place: &Place,
    message_id: Option<&str>,
    now: Timestamp,
) -> Result<(), StoreError> {
    // a mailbox that shows what lies somewhere else, too: nobody moved it there, or out of it
    let in_view: bool = transaction
        .prepare_cached("SELECT EXISTS (SELECT 1 FROM shows_all WHERE account = ?1 AND mailbox = ?2)")?
        .query_row((&place.account, &place.mailbox), |row| row.get(0))?;
    if in_view {
        return Ok(());
    }
    let by_us: bool = transaction
        .prepare_cached(
            "SELECT EXISTS (SELECT 1 FROM outbox WHERE message = ?1 AND kind = 'file' AND state = 'doing' \
             AND json_extract(payload, '$.folder') = ?2 AND lane = ?3)",
        )?
        .query_row((message, &place.mailbox, &place.account), |row| row.get(0))?;
    let before: Option<String> = transaction
        .prepare_cached(&format!(
            "SELECT coalesce((SELECT from_folder FROM correction WHERE message = ?1 AND account = ?2), \
             (SELECT mailbox FROM place WHERE message = ?1 AND gone = 0 AND account = ?2 AND NOT {IN_VIEW} \
              AND NOT (mailbox = ?3 AND uid_validity = ?4 AND uid = ?5) ORDER BY seen_first DESC LIMIT 1))"
        ))?
        .query_row((message, &place.account, &place.mailbox, place.uid_validity, place.uid), |row| row.get(0))?;
    let Some(before) = before.filter(|_| !by_us) else { return Ok(()) };
    if before == place.mailbox {
        let sql = "DELETE FROM correction WHERE message = ?1 AND account = ?2";
        transaction.prepare_cached(sql)?.execute((message, &place.account))?;
        return Ok(());
    }
    transaction
        .prepare_cached(
            "INSERT INTO correction (message, account, from_folder, to_folder, uid_validity, uid, category, quarantined, \
             message_id, at, sure) \
             SELECT id, ?2, ?3, ?4, ?5, ?6, category, \
             EXISTS (SELECT 1 FROM json_each(verdict, '$.labels') WHERE value = 'quarantine'), \
             coalesce(?7, message_id), ?8, 0 FROM message WHERE id = ?1 \
             ON CONFLICT (message, account) DO UPDATE SET to_folder = excluded.to_folder, \
             uid_validity = excluded.uid_validity, uid = excluded.uid, at = excluded.at, sure = 0, \
             message_id = coalesce(excluded.message_id, message_id)",
        )?
        .execute((
            message,
            &place.account,
            before,
            &place.mailbox,
            place.uid_validity,
            place.uid,
            message_id,
            seconds(now),
        ))?;
    Ok(())
}
