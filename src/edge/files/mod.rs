//! Mail from files: `.eml`, mbox and Maildir, one message at a time.
//!
//! A file that cannot be read is told in a sentence and passed by; it never ends the reading of the others. Memory is
//! bounded by the cap of one message and the names of one folder.

mod beside;
mod mbox;
mod walk;
mod when;

pub use beside::Beside;

use super::Advice;
use jiff::Timestamp;
use mbox::Mbox;
use std::fs::File;
use std::io::{BufReader, Read};
use std::path::{Path, PathBuf};
use walk::{Kind, Source, Walk};

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
    /// The message, or its first part; escapes of an mbox are removed.
    pub bytes: Vec<u8>,
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
    Mails { walk: Walk::new(paths.into_iter().map(Into::into)), mbox: None, cap }
}

/// The messages of files, one after the other. See [`read`].
#[derive(Debug)]
pub struct Mails {
    walk: Walk,
    mbox: Option<Mbox>,
    cap: u32,
}

impl Iterator for Mails {
    type Item = Result<FileMail, FileError>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some(mbox) = &mut self.mbox {
                match mbox.next(self.cap) {
                    Some(Ok(mail)) => return Some(Ok(mail)),
                    Some(Err(error)) => {
                        self.mbox = None;
                        return Some(Err(error));
                    }
                    None => self.mbox = None,
                }
            }
            let source = match self.walk.next()? {
                Ok(source) => source,
                Err(error) => return Some(Err(error)),
            };
            match self.open(&source) {
                Ok(Some(mail)) => return Some(Ok(mail)),
                Ok(None) => {}
                Err(error) => return Some(Err(error)),
            }
        }
    }
}

impl Mails {
    /// The message of a file; an mbox is opened instead, its messages follow.
    fn open(&mut self, source: &Source) -> Result<Option<FileMail>, FileError> {
        let path = source.path.as_path();
        let read = |error: std::io::Error| FileError::io(path, &error);
        let file = File::open(path).map_err(read)?;
        let meta = file.metadata().map_err(read)?;
        let changed = meta.modified().ok().and_then(|time| Timestamp::try_from(time).ok()).unwrap_or_default();
        if source.kind != Kind::Maildir {
            if mbox::begins(path).map_err(read)? {
                self.mbox = Some(Mbox::new(path, BufReader::new(file), changed));
                return Ok(None);
            }
            if source.kind == Kind::Mbox {
                // programs keep an empty file for an empty folder
                let empty = meta.len() == 0;
                return if empty {
                    Ok(None)
                } else {
                    Err(FileError::new(path, "this is no mbox: no line `From …` at its start"))
                };
            }
            if source.kind == Kind::Guess {
                return Ok(None);
            }
        }
        let mut bytes = Vec::new();
        file.take(u64::from(self.cap)).read_to_end(&mut bytes).map_err(read)?;
        if bytes.is_empty() {
            return Err(FileError::new(path, "the file is empty"));
        }
        let told = if source.kind == Kind::Maildir { when::of_maildir_name(path) } else { None };
        Ok(Some(FileMail {
            label: path.display().to_string(),
            path: path.to_owned(),
            received: when::received(&bytes, told).unwrap_or(changed),
            size: u32::try_from(meta.len()).unwrap_or(u32::MAX).max(u32::try_from(bytes.len()).unwrap_or(u32::MAX)),
            bytes,
        }))
    }
}

#[cfg(test)]
mod tests;
