//! One mbox file: messages between `From ` lines, read as a stream.
//!
//! Content-Length is not used: it may be stale or forged, and would then hide the messages that follow. A `From ` line
//! parts messages when it bears a full date, as every writer puts one there.

use super::{FileError, FileMail, Mark, takeout, when};
use jiff::Timestamp;
use std::fs::File;
use std::io::{BufRead, BufReader, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

/// Bytes of a line that are looked at together.
const PIECE: u64 = 64 * 1024;

/// Whether a file begins like an mbox.
pub(super) fn begins(path: &Path) -> std::io::Result<bool> {
    let mut start = Vec::new();
    File::open(path)?.take(512).read_to_end(&mut start)?;
    let text = start.trim_ascii_start();
    // `From :` is an old way to write the header
    Ok(text.strip_prefix(b"From ").is_some_and(|rest| !rest.trim_ascii_start().starts_with(b":")))
}

/// An open mbox.
#[derive(Debug)]
pub(super) struct Mbox {
    path: PathBuf,
    file: BufReader<File>,
    changed: Timestamp,
    /// How far it is read: bytes, lines, and messages begun.
    at: Mark,
    /// The open message: its line, and what its `From ` line says of the time.
    open: Option<(u64, Option<Timestamp>)>,
}

impl Mbox {
    /// Reads on from a mark of this file: the place of a `From ` line, or its start.
    pub(super) fn new(path: &Path, mut file: BufReader<File>, changed: Timestamp, from: Mark) -> std::io::Result<Self> {
        file.seek(SeekFrom::Start(from.offset))?;
        Ok(Self { path: path.to_owned(), file, changed, at: from, open: None })
    }

    /// The next message, at most `cap` bytes of it.
    pub(super) fn next(&mut self, cap: u32) -> Option<Result<FileMail, FileError>> {
        let mut text = Text { bytes: Vec::new(), size: 0, cap: cap as usize };
        let mut blank: Vec<u8> = Vec::new();
        let mut at_start = true;
        loop {
            let mut piece = Vec::new();
            let read = self.file.by_ref().take(PIECE).read_until(b'\n', &mut piece);
            if let Err(error) = read {
                return Some(Err(FileError::io(&self.path, &error)));
            }
            let whole = piece.ends_with(b"\n");
            if piece.is_empty() {
                let end = self.at.to_the_end();
                let open = self.open.take()?;
                return Some(match self.is_as_it_was() {
                    Ok(true) => Ok(self.mail(open, text, end)),
                    // what a program is writing now may be half of its last message
                    Ok(false) => Err(FileError::new(
                        &self.path,
                        "it was written to while it was read: its last message is left out; import the file again when \
                         nothing writes to it",
                    )),
                    Err(error) => Err(FileError::io(&self.path, &error)),
                });
            }
            // should the file end here for this run, the next one begins with this line
            let before = self.at.clone();
            self.at.offset += piece.len() as u64;
            self.at.line += u64::from(at_start);
            let separator = at_start && piece.starts_with(b"From ");
            let date = if separator { when::of_from_line(&piece) } else { None };
            if separator && (date.is_some() || self.at.count == 0) {
                let begun = self.open.replace((self.at.line, date));
                if let Some(open) = begun {
                    // the empty line before it belongs to the separator
                    let mail = self.mail(open, text, before);
                    self.at.count += 1;
                    return Some(Ok(mail));
                }
                self.at.count += 1;
            } else if self.open.is_some() {
                text.push(&std::mem::take(&mut blank));
                if at_start && whole && piece.trim_ascii().is_empty() && piece.len() <= 2 {
                    blank = piece;
                } else {
                    text.push(if at_start { unescaped(&piece) } else { &piece });
                }
            }
            at_start = whole;
        }
    }

    /// Whether nobody wrote to the file since its reading began.
    fn is_as_it_was(&self) -> std::io::Result<bool> {
        Ok(Mark::of(&self.file.get_ref().metadata()?).is_of(&self.at))
    }

    fn mail(&self, (line, date): (u64, Option<Timestamp>), text: Text, mark: Mark) -> FileMail {
        let read = text.bytes.len();
        let (before, bytes) = takeout::parted(text.bytes);
        let size = text.size - (read - bytes.len()) as u64;
        FileMail {
            label: format!("{}, message {} (line {line})", self.path.display(), self.at.count),
            path: self.path.clone(),
            received: when::received(&bytes, date).unwrap_or(self.changed),
            size: u32::try_from(size).unwrap_or(u32::MAX),
            bytes,
            before,
            mark,
        }
    }
}

/// A message as it grows, no further than its cap.
struct Text {
    bytes: Vec<u8>,
    size: u64,
    cap: usize,
}

impl Text {
    fn push(&mut self, piece: &[u8]) {
        self.size = self.size.saturating_add(piece.len() as u64);
        let room = self.cap.saturating_sub(self.bytes.len());
        self.bytes.extend_from_slice(piece.get(..room.min(piece.len())).unwrap_or_default());
    }
}

/// `>From ` was `From ` before it was laid into the mbox, and `>>From ` was `>From `.
fn unescaped(line: &[u8]) -> &[u8] {
    let marks = line.iter().take_while(|b| **b == b'>').count();
    let escaped = marks > 0 && line.get(marks..).is_some_and(|rest| rest.starts_with(b"From "));
    if escaped { line.get(1..).unwrap_or_default() } else { line }
}
