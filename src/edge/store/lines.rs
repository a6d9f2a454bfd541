//! The lines of an export: one thing a line, and what a file of them must be to be taken in.
//!
//! One line holds one thing, so a file can be made and read piece by piece and looked at with ordinary tools. The order
//! of the lines does not matter. One line is the head: it bears the version and says how many lines of each kind there
//! are, so a file that was cut off is noticed.

use super::StoreError;
use super::settle::json;
use crate::ledger::{Event, Statement};
use crate::mail::TrustLevel;
use crate::mailbox::MailKey;
use crate::rules::Verdict;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::io::{BufRead, Read, Write};

/// The version of the lines. They may gain keys without becoming another version.
pub(super) const VERSION: u32 = 1;
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
pub(super) struct Counts {
    pub(super) events: u32,
    pub(super) statements: u32,
    pub(super) vouched: u32,
    pub(super) released: u32,
    pub(super) letters: u32,
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
pub(super) struct Head {
    pub(super) version: u32,
    pub(super) exported_at: Timestamp,
    #[serde(flatten)]
    pub(super) counts: Counts,
}

/// A statement, and when it was written down.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Stated {
    #[serde(flatten)]
    pub(super) statement: Statement,
    pub(super) said_at: Timestamp,
}

/// A sender the shopper vouches for.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Vouched {
    pub(super) address: String,
    pub(super) at: Timestamp,
}

/// A mail the shopper released from quarantine, with what is on record of it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Released {
    pub(super) mail: MailKey,
    pub(super) at: Timestamp,
    pub(super) received: Timestamp,
    pub(super) size: u32,
    #[serde(default)]
    pub(super) message_id: Option<String>,
    pub(super) verdict: Verdict,
}

/// The Message-ID of a mail of our own: what it says is no news, whoever sends it back.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Letter {
    pub(super) id: String,
    pub(super) at: Timestamp,
}

/// One line. An event's is not written from here: what is stored of it is copied letter by letter.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Line {
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
    pub(super) counts: Counts,
    pub(super) mails: BTreeMap<MailKey, Vec<Event>>,
    pub(super) statements: Vec<Stated>,
    pub(super) vouched: Vec<Vouched>,
    pub(super) released: Vec<Released>,
    pub(super) letters: Vec<Letter>,
}

/// Writes one.
pub(super) fn line(to: &mut impl Write, line: &Line) -> Result<(), TransferError> {
    writeln!(to, "{}", json(line, "line")?).map_err(TransferError::Write)
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
