//! The files that mail is read from, and how far each has been read.

use super::mbox::{self, Mbox};
use super::walk::{Kind, Source, Walk};
use super::{FileError, FileMail, takeout, when};
use jiff::Timestamp;
use std::fs::{File, Metadata};
use std::io::{BufReader, Read};
use std::path::{Path, PathBuf};

/// A file as it was, and how far it has been read: where the next message begins. Only good for a file of the same size
/// that was not changed since.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Mark {
    /// Its size in bytes.
    pub size: u64,
    /// When it was last changed, in nanoseconds since 1970.
    pub changed_ns: i64,
    /// Where reading goes on, in bytes.
    pub offset: u64,
    /// Lines before that.
    pub line: u64,
    /// Messages of an mbox before that.
    pub count: u64,
    /// Nothing is left to read.
    pub whole: bool,
}

impl Mark {
    pub(super) fn of(meta: &Metadata) -> Self {
        let changed = changed(meta).as_nanosecond();
        Self { size: meta.len(), changed_ns: i64::try_from(changed).unwrap_or_default(), ..Self::default() }
    }

    /// The same file, read to its end.
    #[must_use]
    pub fn to_the_end(&self) -> Self {
        Self { offset: self.size, whole: true, ..self.clone() }
    }

    /// Whether what was read of `self` is still so in the file as it is now.
    #[must_use]
    pub fn is_of(&self, now: &Self) -> bool {
        self.size == now.size && self.changed_ns == now.changed_ns
    }
}

fn changed(meta: &Metadata) -> Timestamp {
    meta.modified().ok().and_then(|time| Timestamp::try_from(time).ok()).unwrap_or_default()
}

/// A file that may hold mail.
#[derive(Clone, Debug)]
pub struct Listed {
    source: Source,
    /// As it is now; nothing is read yet.
    pub mark: Mark,
}

/// The files below `paths`, in the order given and by name within a folder.
pub fn listed<P: Into<PathBuf>>(paths: impl IntoIterator<Item = P>) -> AllListed {
    AllListed(Walk::new(paths.into_iter().map(Into::into)))
}

/// How many files that may hold mail lie below `paths`, and how many bytes these have.
pub fn total<P: Into<PathBuf>>(paths: impl IntoIterator<Item = P>) -> (u64, u64) {
    let found = listed(paths).flatten();
    found.fold((0, 0), |(files, bytes), one| (files + 1, bytes.saturating_add(one.mark.size)))
}

/// See [`listed`].
#[derive(Debug)]
pub struct AllListed(Walk);

impl Iterator for AllListed {
    type Item = Result<Listed, FileError>;

    fn next(&mut self) -> Option<Self::Item> {
        let source = match self.0.next()? {
            Ok(source) => source,
            Err(error) => return Some(Err(error)),
        };
        let meta = std::fs::metadata(&source.path);
        Some(match meta {
            Ok(meta) => Ok(Listed { mark: Mark::of(&meta), source }),
            Err(error) => Err(FileError::io(&source.path, &error)),
        })
    }
}

impl Listed {
    /// The file, as it was named.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.source.path
    }

    /// Opens it; an mbox is gone on with at `from`, which must be a mark of this very file.
    ///
    /// # Errors
    /// It cannot be read, or holds no mail.
    pub fn open(&self, from: Option<&Mark>, cap: u32) -> Result<FileMails, FileError> {
        let (path, kind) = (self.source.path.as_path(), self.source.kind);
        let read = |error: std::io::Error| FileError::io(path, &error);
        let file = File::open(path).map_err(read)?;
        let meta = file.metadata().map_err(read)?;
        let mark = Mark::of(&meta);
        if let Some(what) = archive(path, kind).map_err(read)? {
            return Err(FileError::new(path, what));
        }
        if kind != Kind::Maildir {
            if mbox::begins(path).map_err(read)? {
                let from = from.filter(|from| from.is_of(&mark)).cloned().unwrap_or(mark);
                let mbox = Mbox::new(path, BufReader::new(file), changed(&meta), from).map_err(read)?;
                return Ok(FileMails(Inner::Mbox(Box::new(mbox), cap)));
            }
            if kind == Kind::Mbox {
                // programs keep an empty file for an empty folder
                let empty = meta.len() == 0;
                return if empty {
                    Ok(FileMails(Inner::One(None)))
                } else {
                    Err(FileError::new(path, "this is no mbox: no line `From …` at its start"))
                };
            }
            if kind == Kind::Guess {
                return Ok(FileMails(Inner::One(None)));
            }
        }
        let mut bytes = Vec::new();
        file.take(u64::from(cap)).read_to_end(&mut bytes).map_err(read)?;
        if bytes.is_empty() {
            return Err(FileError::new(path, "the file is empty"));
        }
        let told = if kind == Kind::Maildir { when::of_maildir_name(path) } else { None };
        let read = bytes.len();
        let (before, bytes) = takeout::parted(bytes);
        let put_before = read - bytes.len();
        let size = usize::try_from(meta.len()).unwrap_or(usize::MAX).max(read) - put_before;
        Ok(FileMails(Inner::One(Some(Box::new(FileMail {
            label: path.display().to_string(),
            path: path.to_owned(),
            received: when::received(&bytes, told).unwrap_or_else(|| changed(&meta)),
            size: u32::try_from(size).unwrap_or(u32::MAX),
            bytes,
            before,
            mark: mark.to_the_end(),
        })))))
    }
}

/// What to say of a packed file: it would have to be unpacked as a whole to be read twice.
fn archive(path: &Path, kind: Kind) -> std::io::Result<Option<&'static str>> {
    if kind == Kind::Maildir {
        return Ok(None);
    }
    let mut start = [0; 4];
    let read = File::open(path)?.take(4).read(&mut start)?;
    let start = start.get(..read).unwrap_or_default();
    Ok(if start.starts_with(b"PK\x03\x04") || start.starts_with(b"PK\x05\x06") {
        Some("this is a zip archive: unpack it (`unzip FILE`), and import the folder that comes of it")
    } else if start.starts_with(b"\x1f\x8b") {
        Some(
            "this is packed with gzip: unpack it (`tar xzf FILE`, or `gunzip FILE` if it is one packed mbox), and import \
             what comes of it",
        )
    } else {
        None
    })
}

/// The messages of one file, one after the other.
#[derive(Debug)]
pub struct FileMails(Inner);

#[derive(Debug)]
enum Inner {
    One(Option<Box<FileMail>>),
    Mbox(Box<Mbox>, u32),
}

impl Iterator for FileMails {
    type Item = Result<FileMail, FileError>;

    fn next(&mut self) -> Option<Self::Item> {
        match &mut self.0 {
            Inner::One(mail) => mail.take().map(|mail| Ok(*mail)),
            Inner::Mbox(mbox, cap) => {
                let found = mbox.next(*cap);
                if matches!(found, Some(Err(_)) | None) {
                    self.0 = Inner::One(None);
                }
                found
            }
        }
    }
}
