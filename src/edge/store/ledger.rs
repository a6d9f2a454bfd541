//! Events, statements, and what they say about the orders that a mail names.

use super::near::bodies;
use super::settle::{add_events, json};
use super::{Db, StoreError, agenda, letter, near, seconds};
use crate::facts::OrderNumber;
use crate::ledger::{Event, Said, Statement};
use crate::letter::Correspondence;
use crate::mail::TrustLevel;
use crate::mailbox::MailKey;
use crate::rules::{Known, KnownOrder};
use jiff::Timestamp;
use rusqlite::Transaction;
use std::collections::{BTreeMap, BTreeSet};

/// What an old mail tells.
#[derive(Clone, Debug)]
pub struct OldMail {
    /// Which mail.
    pub key: MailKey,
    /// Its events, by the rules as they are now.
    pub events: Vec<Event>,
    /// What is known from a reading that trusted the mail more stays: this one may lack the provider's word.
    pub keep_trusted: bool,
    /// What is kept of it for letters; `None` where only its events are at hand.
    pub mails: Option<Vec<Correspondence>>,
}

/// Events of a mail in the place of those known before.
pub(super) fn reread(transaction: &Transaction<'_>, mail: &OldMail) -> Result<usize, StoreError> {
    reread_as(transaction, mail, mail.events.iter().map(|event| event.trust).max())
}

/// The same, of a mail that is trusted so far, whether it tells something now or not.
pub(super) fn reread_as(
    transaction: &Transaction<'_>,
    mail: &OldMail,
    trust: Option<TrustLevel>,
) -> Result<usize, StoreError> {
    let mut known = Vec::new();
    {
        let mut query = transaction.prepare_cached("SELECT id, body FROM event WHERE mail_key = ?1 AND retired = 0")?;
        let mut rows = query.query([mail.key.hex()])?;
        while let Some(row) = rows.next()? {
            known.push((row.get::<_, i64>(0)?, near::stored::<Event>(row.get_ref(1)?, "event")?));
        }
    }
    let before = known.iter().map(|(_, event)| event.trust).max();
    if mail.keep_trusted && before > trust {
        return Ok(0);
    }
    if let Some(mails) = &mail.mails {
        letter::keep(transaction, &mail.key, mails)?;
    }
    // what lost its sentence is known all the same: reading the mail again does not bring it back
    let mut fresh: Vec<Event> = Vec::new();
    for event in &mail.events {
        if !fresh.contains(event) {
            fresh.push(event.clone());
        }
    }
    known.retain(|(_, event)| {
        let same = fresh.iter().position(|new| new.says_the_same(event));
        same.is_none_or(|at| {
            fresh.remove(at);
            false
        })
    });
    for (id, event) in &known {
        transaction.prepare_cached("UPDATE event SET retired = 1 WHERE id = ?1")?.execute([id])?;
        agenda::wake(transaction, event)?;
    }
    add_events(transaction, &fresh)
}

/// Appends a statement; the orders it bears on are looked at again.
pub(super) fn add_statement(
    transaction: &Transaction<'_>,
    statement: &Statement,
    said_at: Timestamp,
) -> Result<(), StoreError> {
    let order = statement.order.to_string();
    let mail = match statement.said {
        Said::Assign { mail, .. } | Said::Disown { mail } => Some(mail.hex()),
        _ => None,
    };
    let sql = "INSERT INTO statement (order_number, at, body, said_at, mail_key) VALUES (?1, ?2, ?3, ?4, ?5)";
    let body = json(statement, "statement")?;
    let values = (&order, seconds(statement.at), body, seconds(said_at), mail.as_deref());
    transaction.prepare_cached(sql)?.execute(values)?;
    if let Some(mail) = &mail {
        agenda::wake_orders_of(transaction, mail)?;
    }
    agenda::wake_order(transaction, &order)
}

impl Db {
    /// The accounts in which mails were ever seen, by the mail. A mail that was read from a file is in none.
    ///
    /// # Errors
    /// When the database refuses.
    pub fn accounts_of_mails(&self) -> Result<BTreeMap<MailKey, BTreeSet<String>>, StoreError> {
        let sql = "SELECT DISTINCT mail_key, account FROM message JOIN place ON place.message = message.id \
                   WHERE mail_key IN (SELECT mail_key FROM event)";
        let mut query = self.connection.prepare_cached(sql)?;
        let mut all: BTreeMap<MailKey, BTreeSet<String>> = BTreeMap::new();
        for row in query.query_map([], |row| Ok((row.get::<_, String>(0)?, row.get(1)?)))? {
            let (key, account) = row?;
            if let Some(key) = MailKey::from_hex(&key) {
                all.entry(key).or_default().insert(account);
            }
        }
        Ok(all)
    }

    /// All events, in the order they were written.
    ///
    /// # Errors
    /// When the database refuses, or holds an event that cannot be read.
    pub fn events(&self) -> Result<Vec<Event>, StoreError> {
        bodies(&self.connection, "SELECT body FROM event WHERE retired = 0 ORDER BY id", [], "event")
    }

    /// All statements, in the order they were written.
    ///
    /// # Errors
    /// When the database refuses, or holds a statement that cannot be read.
    pub fn statements(&self) -> Result<Vec<Statement>, StoreError> {
        bodies(&self.connection, "SELECT body FROM statement ORDER BY id", [], "statement")
    }

    /// How many events count, and how many statements there are.
    ///
    /// # Errors
    /// When the database refuses.
    pub fn ledger_counts(&self) -> Result<(usize, usize), StoreError> {
        let sql = "SELECT (SELECT count(*) FROM event WHERE retired = 0), (SELECT count(*) FROM statement)";
        let (events, statements): (u32, u32) =
            self.connection.query_row(sql, [], |row| Ok((row.get(0)?, row.get(1)?)))?;
        Ok((events as usize, statements as usize))
    }

    /// Writes down what the shopper says.
    ///
    /// # Errors
    /// When the database refuses.
    pub fn say(&mut self, statement: &Statement, now: Timestamp) -> Result<(), StoreError> {
        self.write(|transaction| add_statement(transaction, statement, now))
    }

    /// Takes in what old mails tell, in one transaction; answers how many events are new. A mail that is known is read
    /// anew: what it said before and does not say now is kept, but counts no more.
    ///
    /// # Errors
    /// When the database refuses; none is added then.
    pub fn import(&mut self, mails: &[OldMail]) -> Result<usize, StoreError> {
        self.write(|transaction| {
            let mut added = 0;
            for mail in mails {
                added += reread(transaction, mail)?;
            }
            Ok(added)
        })
    }

    /// What is known that bears on a mail: its orders, and whether it is (or answers) a letter of ours.
    ///
    /// # Errors
    /// When the database refuses.
    pub fn known(
        &self,
        orders: &[OrderNumber],
        message_ids: &[String],
        own_addresses: &BTreeSet<String>,
    ) -> Result<Known, StoreError> {
        let mut known = Known { own_addresses: own_addresses.clone(), ..Known::default() };
        for order in orders {
            // the index answers this, however many mails an order has
            let sql = "SELECT max(cancels) FROM event WHERE order_number = ?1 AND retired = 0";
            let mut query = self.connection.prepare_cached(sql)?;
            let cancelled: Option<bool> = query.query_row([order.to_string()], |row| row.get(0))?;
            if let Some(cancelled) = cancelled {
                known.orders.insert(order.clone(), KnownOrder { cancelled });
            }
        }
        let mut query = self.connection.prepare_cached("SELECT 1 FROM letter_sent WHERE message_id = ?1")?;
        for id in message_ids {
            if query.exists([id])? {
                known.own_letter = true;
                known.letters.extend(self.order_of_letter(id)?.map(|order| (id.clone(), order)));
            }
        }
        Ok(known)
    }
}
