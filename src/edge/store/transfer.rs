//! The ledger out of one database and into another, as [lines](super::lines). A file is taken in as a whole or not at
//! all.

use super::ledger::{add_statement, reread};
use super::lines::{Counts, Export, Head, Letter, Line, Released, Stated, TransferError, VERSION, Vouched, line};
use super::near::stored;
use super::settle::json;
use super::{Db, OldMail, StoreError, from_seconds, seconds};
use crate::ledger::{Event, Statement};
use crate::mailbox::MailKey;
use jiff::Timestamp;
use rusqlite::{OptionalExtension, Transaction};
use std::collections::BTreeSet;
use std::io::Write;

/// What was new in an export.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TakenOver {
    /// Events in it.
    pub events: u32,
    /// Of those, new to the ledger.
    pub new_events: usize,
    /// Mails that this ledger has read itself and otherwise: its own reading stands.
    pub read_otherwise: usize,
    /// Statements in it.
    pub statements: u32,
    /// Of those, new to the ledger.
    pub new_statements: usize,
    /// Senders that are vouched for now and were not.
    pub new_vouched: usize,
    /// Mails that count as released now and did not.
    pub new_released: usize,
}

impl Db {
    /// Writes out the ledger as of one moment: what mails claim as it is stored (what counts no more is left out), what
    /// the shopper said, whom she vouches for, what she released, and which letters are our own.
    ///
    /// # Errors
    /// When the database refuses, or the output.
    pub fn export(&self, to: &mut impl Write, now: Timestamp) -> Result<(), TransferError> {
        // what others write meanwhile is not seen: the head is true of what follows it
        let view = self.connection.unchecked_transaction()?;
        let sql = "SELECT (SELECT count(*) FROM event WHERE retired = 0), (SELECT count(*) FROM statement), \
                   (SELECT count(*) FROM vouched), (SELECT count(*) FROM released), (SELECT count(*) FROM letter_sent)";
        let counts = view.query_row(sql, [], |row| {
            Ok(Counts {
                events: row.get(0)?,
                statements: row.get(1)?,
                vouched: row.get(2)?,
                released: row.get(3)?,
                letters: row.get(4)?,
            })
        })?;
        line(to, &Line::ModoriLedger(Head { version: VERSION, exported_at: now, counts }))?;
        let mut query = view.prepare("SELECT body FROM event WHERE retired = 0 ORDER BY id")?;
        let mut rows = query.query([])?;
        while let Some(row) = rows.next()? {
            // an export that could not be read again would be none
            stored::<Event>(row.get_ref(0)?, "event")?;
            let body = row.get_ref(0)?.as_str().map_err(rusqlite::Error::from)?;
            // as it is stored, letter by letter
            writeln!(to, "{{\"event\":{body}}}").map_err(TransferError::Write)?;
        }
        let mut query = view.prepare("SELECT body, said_at FROM statement ORDER BY id")?;
        let mut rows = query.query([])?;
        while let Some(row) = rows.next()? {
            let statement = stored(row.get_ref(0)?, "statement")?;
            line(to, &Line::Statement(Stated { statement, said_at: from_seconds(row.get(1)?) }))?;
        }
        for (address, at) in self.vouched()? {
            line(to, &Line::Vouched(Vouched { address, at }))?;
        }
        let sql = "SELECT mail_key, at, received_at, size, verdict, message_id FROM released \
                   JOIN message ON message.id = released.message ORDER BY message.id";
        let mut query = view.prepare(sql)?;
        let mut rows = query.query([])?;
        while let Some(row) = rows.next()? {
            let (key, verdict): (String, String) = (row.get(0)?, row.get(4)?);
            let verdict =
                serde_json::from_str(&verdict).map_err(|error| StoreError::Value { what: "verdict", error })?;
            // a key that cannot be read cannot be in there: the table's own rows are made from keys
            let Some(mail) = MailKey::from_hex(&key) else { continue };
            let (at, received) = (from_seconds(row.get(1)?), from_seconds(row.get(2)?));
            let (size, message_id) = (row.get(3)?, row.get(5)?);
            line(to, &Line::Released(Box::new(Released { mail, at, received, size, message_id, verdict })))?;
        }
        let mut query = view.prepare("SELECT message_id, at FROM letter_sent ORDER BY at, message_id")?;
        let mut rows = query.query([])?;
        while let Some(row) = rows.next()? {
            line(to, &Line::Letter(Letter { id: row.get(0)?, at: from_seconds(row.get(1)?) }))?;
        }
        to.flush().map_err(TransferError::Write)
    }

    /// Takes in an export, in one transaction. What the ledger has already is not added again. A mail that this ledger
    /// has read itself keeps its own reading, unless the export's is better vouched for.
    ///
    /// # Errors
    /// When the database refuses; nothing is taken in then.
    pub fn take_over(&mut self, export: &Export, now: Timestamp) -> Result<TakenOver, StoreError> {
        self.write(|transaction| {
            let mut taken = TakenOver {
                events: export.counts.events,
                statements: export.counts.statements,
                ..TakenOver::default()
            };
            for (key, events) in &export.mails {
                match reading_of(transaction, key)? {
                    None => {}
                    Some(own) if events.iter().all(|event| own.iter().any(|own| own.says_the_same(event))) => continue,
                    Some(own) => {
                        let trust = |events: &[Event]| events.iter().map(|event| event.trust).max();
                        if own.is_empty() || trust(events) <= trust(&own) {
                            taken.read_otherwise += 1;
                            continue;
                        }
                    }
                }
                let mail = OldMail { key: *key, events: events.clone(), keep_trusted: true, mails: None };
                taken.new_events += reread(transaction, &mail)?;
            }
            taken.new_statements = state(transaction, &export.statements)?;
            for vouched in &export.vouched {
                let sql = "INSERT OR IGNORE INTO vouched (address, at) VALUES (?1, ?2)";
                let address = vouched.address.trim().to_lowercase();
                taken.new_vouched += transaction.prepare_cached(sql)?.execute((address, seconds(vouched.at)))?;
            }
            for released in &export.released {
                taken.new_released += release(transaction, released, now)?;
            }
            if taken.new_vouched + taken.new_released > 0 {
                Self::look_through_past_again(transaction)?;
            }
            for letter in &export.letters {
                let sql = "INSERT OR IGNORE INTO letter_sent (message_id, at) VALUES (?1, ?2)";
                transaction.prepare_cached(sql)?.execute((&letter.id, seconds(letter.at)))?;
            }
            Ok(taken)
        })
    }
}

/// What this ledger has of a mail and counts; `None` when it never read it.
fn reading_of(transaction: &Transaction<'_>, key: &MailKey) -> Result<Option<Vec<Event>>, StoreError> {
    let mut query = transaction.prepare_cached("SELECT body, retired FROM event WHERE mail_key = ?1")?;
    let mut rows = query.query([key.hex()])?;
    let mut found = None;
    while let Some(row) = rows.next()? {
        let events: &mut Vec<Event> = found.get_or_insert_default();
        if row.get::<_, bool>(1)? {
            continue;
        }
        events.push(stored(row.get_ref(0)?, "event")?);
    }
    Ok(found)
}

/// Statements that are not known: the same words about the same order at the same instant are one.
fn state(transaction: &Transaction<'_>, all: &[Stated]) -> Result<usize, StoreError> {
    let mut known = BTreeSet::new();
    {
        let mut query = transaction.prepare_cached("SELECT body FROM statement")?;
        let mut rows = query.query([])?;
        while let Some(row) = rows.next()? {
            // read and written again: what an older program wrote in other words is the same statement
            let statement: Statement = stored(row.get_ref(0)?, "statement")?;
            known.insert(json(&statement, "statement")?);
        }
    }
    let mut new = 0;
    for stated in all {
        let body = json(&stated.statement, "statement")?;
        if !known.insert(body.clone()) {
            continue;
        }
        add_statement(transaction, &stated.statement, stated.said_at)?;
        new += 1;
    }
    Ok(new)
}

/// A released mail becomes a known one, so that the shopper's word on it is found when it is read again.
fn release(transaction: &Transaction<'_>, one: &Released, now: Timestamp) -> Result<usize, StoreError> {
    let find = "SELECT id FROM message WHERE mail_key = ?1";
    let known: Option<i64> =
        transaction.prepare_cached(find)?.query_row([one.mail.hex()], |row| row.get(0)).optional()?;
    let message = match known {
        Some(message) => message,
        None => {
            let sql = "INSERT INTO message (mail_key, received_at, seen_at, size, category, verdict, message_id) \
                       VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)";
            let verdict = json(&one.verdict, "verdict")?;
            transaction.prepare_cached(sql)?.execute((
                one.mail.hex(),
                seconds(one.received),
                seconds(now),
                one.size,
                &one.verdict.category,
                verdict,
                &one.message_id,
            ))?;
            transaction.last_insert_rowid()
        }
    };
    let sql = "INSERT OR IGNORE INTO released (message, at) VALUES (?1, ?2)";
    Ok(transaction.prepare_cached(sql)?.execute((message, seconds(one.at)))?)
}
