//! Mail from files: `.eml`, mbox and Maildir, one message at a time.
//!
//! A file that cannot be read is told in a sentence and passed by; it never ends the reading of the others. Memory is
//! bounded by the cap of one message and the names of one folder.

mod beside;
mod listed;
mod mbox;
mod takeout;
mod walk;
mod when;

pub use beside::{Beside, keep};
pub use listed::{FileMails, Listed, Mark, listed, total};
pub use takeout::Before;

use super::Advice;
use jiff::Timestamp;
use std::path::{Path, PathBuf};

/// A message from a file.
#[derive(Clone, PartialEq, Eq)]
pub struct FileMail {
    /// Where it lies, for people: the path; of an mbox also which message, and its line.
    pub label: String,
    /// The file.
    pub path: PathBuf,
    /// When it was received: its topmost readable Received line, else what the mbox or the Maildir says, else its Date,
    /// else the time of the file.
    pub received: Timestamp,
    /// Its size in bytes; more than `bytes.len()` when it was cut at the cap.
    pub size: u32,
    /// The message, or its first part; escapes of an mbox are removed, and what Gmail's Takeout put before it.
    pub bytes: Vec<u8>,
    /// What the program that wrote the file put before it.
    pub before: Before,
    /// How far its file is read with it.
    pub mark: Mark,
}

impl std::fmt::Debug for FileMail {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // a body never reaches a log
        write!(f, "FileMail({}, {} bytes, received {})", self.label, self.size, self.received)
    }
}

/// Why a file gave no mail.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{what}")]
pub struct FileError {
    /// What happened, to which file, and what can be done.
    pub what: String,
    /// What to do next.
    pub advice: Advice,
}

impl FileError {
    fn new(path: &Path, what: impl std::fmt::Display) -> Self {
        Self { what: format!("{}: {what}", path.display()), advice: Advice::Ask }
    }

    fn io(path: &Path, error: &std::io::Error) -> Self {
        let what = match error.kind() {
            std::io::ErrorKind::NotFound => "there is no such file or folder".to_owned(),
            std::io::ErrorKind::PermissionDenied => "you may not read it (check its permissions)".to_owned(),
            _ => format!("cannot be read: {error}"),
        };
        Self::new(path, what)
    }
}

/// The messages below `paths`, in the order given and by name within a folder. Each path is an `.eml` file, an mbox, a
/// Maildir, or a folder of these; of a message at most `cap` bytes are kept.
pub fn read<P: Into<PathBuf>>(paths: impl IntoIterator<Item = P>, cap: u32) -> Mails {
    Mails { files: listed(paths), open: None, cap }
}

/// The messages of files, one after the other. See [`read`].
#[derive(Debug)]
pub struct Mails {
    files: listed::AllListed,
    open: Option<FileMails>,
    cap: u32,
}

impl Iterator for Mails {
    type Item = Result<FileMail, FileError>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some(open) = &mut self.open {
                match open.next() {
                    Some(found) => return Some(found),
                    None => self.open = None,
                }
            }
            match self.files.next()?.and_then(|file| file.open(None, self.cap)) {
                Ok(mails) => self.open = Some(mails),
                Err(error) => return Some(Err(error)),
            }
        }
    }
}

#[cfg(test)]
mod tests;
