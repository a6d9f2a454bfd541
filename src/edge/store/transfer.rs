//! The ledger as lines of JSON: out of one database and into another.
//!
//! One line holds one thing, so a file can be made and read piece by piece and looked at with ordinary tools. The order
//! of the lines does not matter. One line is the head: it bears the version and says how many lines of each kind there
//! are, so a file that was cut off is noticed. A file is taken in as a whole or not at all.

use super::ledger::{add_statement, reread};
use super::near::stored;
use super::settle::json;
use super::{Db, OldMail, StoreError, from_seconds, seconds};
use crate::ledger::{Event, Statement};
use crate::mail::TrustLevel;
use crate::mailbox::MailKey;
use crate::rules::Verdict;
use jiff::Timestamp;
use rusqlite::{OptionalExtension, Transaction};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead, Read, Write};

/// The version of the lines. They may gain keys without becoming another version.
const VERSION: u32 = 1;
/// The longest line that is read, in bytes: a thousand times what an event needs.
const LONGEST: u64 = 4 * 1024 * 1024;

/// Why the ledger could not be written out or taken in.
#[derive(Debug, thiserror::Error)]
pub enum TransferError {
    /// The database.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The output cannot be written.
    #[error("cannot be written: {0}")]
    Write(std::io::Error),
    /// The input cannot be read.
    #[error("cannot be read: {0}")]
    Read(std::io::Error),
    /// A line is not what it should be.
    #[error("line {line}: {why}; nothing was taken in")]
    Line {
        /// Which, from 1.
        line: usize,
        /// What is wrong with it.
        why: String,
    },
    /// The file was written by a newer modori.
    #[error(
        "line {line}: it was written by a newer modori (version {found}, this one knows {VERSION}); nothing was taken in"
    )]
    Newer {
        /// Where it says so.
        line: usize,
        /// Its version.
        found: u32,
    },
    /// The file as a whole is not what it should be.
    #[error("{0}; nothing was taken in")]
    Whole(String),
}

impl From<rusqlite::Error> for TransferError {
    fn from(error: rusqlite::Error) -> Self {
        Self::Store(error.into())
    }
}

/// How many lines of each kind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
struct Counts {
    events: u32,
    statements: u32,
    vouched: u32,
    released: u32,
    letters: u32,
}

impl Counts {
    /// Two exports in one file are the sum of both.
    fn add(&mut self, other: Self) {
        self.events = self.events.saturating_add(other.events);
        self.statements = self.statements.saturating_add(other.statements);
        self.vouched = self.vouched.saturating_add(other.vouched);
        self.released = self.released.saturating_add(other.released);
        self.letters = self.letters.saturating_add(other.letters);
    }
}

/// What the head says.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Head {
    version: u32,
    exported_at: Timestamp,
    #[serde(flatten)]
    counts: Counts,
}

/// A statement, and when it was written down.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Stated {
    #[serde(flatten)]
    statement: Statement,
    said_at: Timestamp,
}

/// A sender the shopper vouches for.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Vouched {
    address: String,
    at: Timestamp,
}

/// A mail the shopper released from quarantine, with what is on record of it.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Released {
    mail: MailKey,
    at: Timestamp,
    received: Timestamp,
    size: u32,
    #[serde(default)]
    message_id: Option<String>,
    verdict: Verdict,
}

/// The Message-ID of a mail of our own: what it says is no news, whoever sends it back.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Letter {
    id: String,
    at: Timestamp,
}

/// One line. An event's is not written from here: what is stored of it is copied letter by letter.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Line {
    ModoriLedger(Head),
    Event(Box<Event>),
    Statement(Stated),
    Vouched(Vouched),
    Released(Box<Released>),
    Letter(Letter),
}

/// An export that was read and found whole.
#[derive(Clone, Debug, Default)]
pub struct Export {
    counts: Counts,
    mails: BTreeMap<MailKey, Vec<Event>>,
    statements: Vec<Stated>,
    vouched: Vec<Vouched>,
    released: Vec<Released>,
    letters: Vec<Letter>,
}

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

impl Export {
    /// Reads an export.
    ///
    /// # Errors
    /// It cannot be read, a line is broken, it is not whole, or it was written by a newer modori.
    pub fn read(mut from: impl BufRead) -> Result<Self, TransferError> {
        let mut export = Self::default();
        let mut promised: Option<Counts> = None;
        let mut broken = None;
        let mut bytes = Vec::new();
        for line in 1_usize.. {
            bytes.clear();
            let read = Read::take(&mut from, LONGEST).read_until(b'\n', &mut bytes).map_err(TransferError::Read)?;
            if read == 0 {
                break;
            }
            if bytes.last() != Some(&b'\n') && u64::try_from(read).is_ok_and(|read| read >= LONGEST) {
                return Err(TransferError::Line { line, why: format!("it is longer than {LONGEST} bytes") });
            }
            let text = bytes.trim_ascii();
            if text.is_empty() {
                continue;
            }
            // a newer file may hold lines that mean nothing here: that it is newer is the better answer
            if let Some(found) = version_of(text).filter(|found| *found > VERSION) {
                return Err(TransferError::Newer { line, found });
            }
            match serde_json::from_slice(text) {
                Ok(Line::ModoriLedger(head)) => promised.get_or_insert_default().add(head.counts),
                Ok(Line::Event(event)) if event.trust == TrustLevel::Suspect => {
                    broken = broken.or(Some((line, "suspect mail tells nothing".to_owned())));
                }
                Ok(told) => export.add(told),
                Err(error) => broken = broken.or(Some((line, reason(&error)))),
            }
        }
        if let Some((line, why)) = broken {
            return Err(TransferError::Line { line, why });
        }
        match promised {
            None => Err(TransferError::Whole("this is no export of modori's ledger (it has no head)".to_owned())),
            Some(promised) if promised != export.counts => {
                let (has, should) = (export.counts, promised);
                Err(TransferError::Whole(format!(
                    "it is not whole: it holds {} events and {} statements and should hold {} and {}",
                    has.events, has.statements, should.events, should.statements
                )))
            }
            Some(_) => Ok(export),
        }
    }

    fn add(&mut self, line: Line) {
        match line {
            Line::ModoriLedger(_) => {}
            Line::Event(event) => {
                self.counts.events += 1;
                let events = self.mails.entry(event.mail).or_default();
                if !events.contains(&event) {
                    events.push(*event);
                }
            }
            Line::Statement(stated) => {
                self.counts.statements += 1;
                self.statements.push(stated);
            }
            Line::Vouched(vouched) => {
                self.counts.vouched += 1;
                self.vouched.push(vouched);
            }
            Line::Released(released) => {
                self.counts.released += 1;
                self.released.push(*released);
            }
            Line::Letter(letter) => {
                self.counts.letters += 1;
                self.letters.push(letter);
            }
        }
    }
}

/// The version a head names, whatever else stands in it.
fn version_of(text: &[u8]) -> Option<u32> {
    #[derive(Deserialize)]
    struct Head {
        version: u32,
    }
    #[derive(Deserialize)]
    struct AnyHead {
        #[serde(rename = "modori-ledger")]
        head: Head,
    }
    // so that not every line is read twice: what a head is shows at its beginning
    let is_head = text.windows(13).take(16).any(|window| window == b"modori-ledger");
    is_head.then(|| serde_json::from_slice::<AnyHead>(text).ok().map(|any| any.head.version)).flatten()
}

/// A line is all that was parsed, so its number in the message would always be 1.
fn reason(error: &serde_json::Error) -> String {
    let text = error.to_string();
    let place = format!(" at line {} column {}", error.line(), error.column());
    format!("{} (column {})", text.strip_suffix(&place).unwrap_or(&text), error.column())
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
                    Some(own) if events.iter().all(|event| own.contains(event)) => continue,
                    Some(own) => {
                        let trust = |events: &[Event]| events.iter().map(|event| event.trust).max();
                        if own.is_empty() || trust(events) <= trust(&own) {
                            taken.read_otherwise += 1;
                            continue;
                        }
                    }
                }
                let mail = OldMail { key: *key, events: events.clone(), keep_trusted: true };
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
            for letter in &export.letters {
                let sql = "INSERT OR IGNORE INTO letter_sent (message_id, at) VALUES (?1, ?2)";
                transaction.prepare_cached(sql)?.execute((&letter.id, seconds(letter.at)))?;
            }
            Ok(taken)
        })
    }
}

fn line(to: &mut impl Write, line: &Line) -> Result<(), TransferError> {
    writeln!(to, "{}", json(line, "line")?).map_err(TransferError::Write)
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
