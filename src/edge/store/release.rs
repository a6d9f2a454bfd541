//! What the shopper let in: mails released from quarantine, and senders she vouches for.

use super::outbox::Row;
use super::settle::{add_events, json};
use super::view::IN_VIEW;
use super::{Db, StoreError, from_seconds, held, millis, seconds};
use crate::mail::trust::Word;
use crate::mailbox::{MailKey, Place};
use crate::plan::{KEPT_BACK, Step};
use crate::rules::{Verdict, category};
use jiff::Timestamp;
use rusqlite::OptionalExtension;

/// A mail in quarantine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Quarantined {
    /// Its number in the database.
    pub message: i64,
    /// What it is.
    pub key: MailKey,
    /// When the server took it in.
    pub received: Timestamp,
    /// RFC822.SIZE in bytes.
    pub size: u32,
    /// Where it lies as far as is known, the place seen last first; mailboxes that show everything come last.
    pub places: Vec<Place>,
}

/// What the database knows of a mail that is to be released.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Standing {
    /// Nothing.
    Unknown,
    /// It is in quarantine.
    Quarantined(Quarantined),
    /// It was released before.
    Released,
    /// It never was in quarantine.
    Never {
        /// What it is.
        category: String,
    },
}

/// A mail that leaves quarantine.
#[derive(Clone, Debug)]
pub struct Releasing {
    /// Which.
    pub mail: Quarantined,
    /// Where it was seen to lie just now; what is known of other places in the account is forgotten then.
    pub lies_at: Option<Place>,
    /// Its Message-ID.
    pub message_id: Option<String>,
    /// What it is.
    pub verdict: Verdict,
    /// What it tells the ledger, and what should happen.
    pub step: Step,
    /// An address to vouch for from now on.
    pub vouch_for: Option<String>,
}

const IN_QUARANTINE: &str = "EXISTS (SELECT 1 FROM json_each(verdict, '$.labels') WHERE value = 'quarantine')";

impl Db {
    /// What is known of a mail that is to be released.
    ///
    /// # Errors
    /// When the database refuses.
    pub fn standing(&self, key: &MailKey) -> Result<Standing, StoreError> {
        self.standing_where("mail_key = ?1", &key.hex())
    }

    /// The same by Message-ID, for mails whose id is kept (all but those in `other`).
    ///
    /// # Errors
    /// When the database refuses.
    pub fn standing_of_id(&self, message_id: &str) -> Result<Standing, StoreError> {
        self.standing_where("message_id = ?1", message_id)
    }

    fn standing_where(&self, condition: &str, value: &str) -> Result<Standing, StoreError> {
        let sql = format!(
            "SELECT id, category, {IN_QUARANTINE}, EXISTS (SELECT 1 FROM released WHERE message = id) \
             FROM message WHERE {condition} ORDER BY id DESC LIMIT 1"
        );
        let found: Option<(i64, String, bool, bool)> = self
            .connection
            .prepare_cached(&sql)?
            .query_row([value], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?)))
            .optional()?;
        Ok(match found {
            None => Standing::Unknown,
            Some((_, _, _, true)) => Standing::Released,
            Some((id, _, true, _)) => {
                self.quarantined_where("message.id = ?1", [id])?.pop().map_or(Standing::Unknown, Standing::Quarantined)
            }
            Some((_, category, ..)) => Standing::Never { category },
        })
    }

    /// Every mail in quarantine, newest first.
    ///
    /// # Errors
    /// When the database refuses.
    pub fn quarantined(&self) -> Result<Vec<Quarantined>, StoreError> {
        let condition = format!("{IN_QUARANTINE} AND NOT EXISTS (SELECT 1 FROM released WHERE message = message.id)");
        self.quarantined_where(&condition, [])
    }

    fn quarantined_where(
        &self,
        condition: &str,
        values: impl rusqlite::Params,
    ) -> Result<Vec<Quarantined>, StoreError> {
        let sql = format!(
            "SELECT id, mail_key, received_at, size FROM message WHERE {condition} ORDER BY received_at DESC, id DESC"
        );
        let mut query = self.connection.prepare_cached(&sql)?;
        let mut rows = query.query(values)?;
        let mut found = Vec::new();
        while let Some(row) = rows.next()? {
            let key: String = row.get(1)?;
            let Some(key) = MailKey::from_hex(&key) else { continue };
            let message = row.get(0)?;
            found.push(Quarantined {
                message,
                key,
                received: from_seconds(row.get(2)?),
                size: row.get(3)?,
                places: self.places(message)?,
            });
        }
        Ok(found)
    }

    /// Where a message lies as far as is known, the place seen last first; mailboxes that show what lies somewhere else,
    /// too, come last.
    ///
    /// # Errors
    /// When the database refuses.
    pub fn places(&self, message: i64) -> Result<Vec<Place>, StoreError> {
        let sql = format!(
            "SELECT account, mailbox, uid_validity, uid FROM place WHERE message = ?1 AND gone = 0 \
             ORDER BY {IN_VIEW}, seen_first DESC"
        );
        let mut query = self.connection.prepare_cached(&sql)?;
        let rows = query.query_map([message], |row| {
            Ok(Place { account: row.get(0)?, mailbox: row.get(1)?, uid_validity: row.get(2)?, uid: row.get(3)? })
        })?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// Takes a mail back in, in one transaction. A filing into quarantine that has not begun is dropped. With `hand`,
    /// alerts that are due are handed back under way. `None` when somebody else released it meanwhile.
    ///
    /// # Errors
    /// When the database refuses; nothing is changed then.
    pub fn release(&mut self, one: &Releasing, hand: bool, now: Timestamp) -> Result<Option<Vec<Row>>, StoreError> {
        let message = one.mail.message;
        let mut verdict = one.verdict.clone();
        let private = verdict.category == category::OTHER;
        if private {
            verdict.reasons.clear();
        }
        self.write(|transaction| {
            let new = transaction
                .prepare_cached("INSERT OR IGNORE INTO released (message, at) VALUES (?1, ?2)")?
                .execute((message, seconds(now)))?;
            if new == 0 {
                return Ok(None);
            }
            transaction
                .prepare_cached("UPDATE message SET category = ?2, verdict = ?3, message_id = ?4 WHERE id = ?1")?
                .execute((
                    message,
                    &verdict.category,
                    json(&verdict, "verdict")?,
                    one.message_id.as_deref().filter(|_| !private),
                ))?;
            if let Some(place) = &one.lies_at {
                // of another account's copy nothing was seen; and what shows everything says nothing of other places
                transaction
                    .prepare_cached(&format!(
                        "UPDATE place SET gone = (mailbox, uid_validity, uid) <> (?3, ?4, ?5) \
                         WHERE message = ?1 AND account = ?2 AND NOT {IN_VIEW} \
                         AND NOT EXISTS (SELECT 1 FROM shows_all WHERE account = ?2 AND mailbox = ?3)"
                    ))?
                    .execute((message, &place.account, &place.mailbox, place.uid_validity, place.uid))?;
            }
            transaction
                .prepare_cached(
                    "UPDATE outbox SET state = 'dropped', last_error = 'it was released from quarantine', closed_at = ?2 \
                     WHERE message = ?1 AND kind = 'file' AND state = 'ready'",
                )?
                .execute((message, millis(now)))?;
            // that it lies in quarantine is no news in the morning
            transaction
                .prepare_cached(
                    "UPDATE outbox SET state = 'dropped', last_error = 'it was released from quarantine', closed_at = ?2 \
                     WHERE wish_key = ?1 AND kind = 'held' AND state = 'ready'",
                )?
                .execute((format!("alert:{}{KEPT_BACK}", one.mail.key), millis(now)))?;
            // she has said herself where it belongs
            transaction.prepare_cached("DELETE FROM correction WHERE message = ?1")?.execute([message])?;
            add_events(transaction, &one.step.events)?;
            Self::look_through_past_again(transaction)?;
            super::letter::keep(transaction, &one.mail.key, &one.step.mails)?;
            if let Some(address) = &one.vouch_for {
                vouch(transaction, address, now)?;
            }
            let account = one.lies_at.as_ref().or(one.mail.places.first()).map(|place| place.account.clone());
            let account = account.as_deref().unwrap_or_default();
            let alerts = held::enter_all(transaction, &one.step.plan, account, Some(message), hand, now)?;
            Ok(Some(alerts))
        })
    }

    /// What the shopper said that bears on a suspect mail.
    ///
    /// # Errors
    /// When the database refuses.
    pub fn word_for(&self, key: &MailKey, sender: &str) -> Result<Option<Word>, StoreError> {
        let sql = "SELECT 1 FROM released JOIN message ON message.id = released.message WHERE mail_key = ?1";
        if self.connection.prepare_cached(sql)?.exists([key.hex()])? {
            return Ok(Some(Word::ThisMail));
        }
        let vouched = self.connection.prepare_cached("SELECT 1 FROM vouched WHERE address = ?1")?.exists([sender])?;
        Ok(vouched.then_some(Word::ItsSender))
    }

    /// The addresses the shopper vouches for, and since when.
    ///
    /// # Errors
    /// When the database refuses.
    pub fn vouched(&self) -> Result<Vec<(String, Timestamp)>, StoreError> {
        let mut query = self.connection.prepare_cached("SELECT address, at FROM vouched ORDER BY address")?;
        let rows = query.query_map([], |row| Ok((row.get(0)?, from_seconds(row.get(1)?))))?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// Vouches for an address.
    ///
    /// # Errors
    /// When the database refuses.
    pub fn vouch(&mut self, address: &str, now: Timestamp) -> Result<(), StoreError> {
        self.write(|transaction| vouch(transaction, address, now))
    }

    /// No longer vouches for an address; `false` when it was not vouched for.
    ///
    /// # Errors
    /// When the database refuses.
    pub fn forget(&mut self, address: &str) -> Result<bool, StoreError> {
        let sql = "DELETE FROM vouched WHERE address = ?1";
        Ok(self.connection.prepare_cached(sql)?.execute([address.trim().to_lowercase()])? > 0)
    }
}

fn vouch(transaction: &rusqlite::Transaction<'_>, address: &str, now: Timestamp) -> Result<(), StoreError> {
    let new = transaction
        .prepare_cached("INSERT OR IGNORE INTO vouched (address, at) VALUES (?1, ?2)")?
        .execute((address.trim().to_lowercase(), seconds(now)))?;
    if new > 0 { Db::look_through_past_again(transaction) } else { Ok(()) }
}
