//! The mails that a command line names: files, folders, or standard input.

use super::Failure;
use crate::edge::clock::Clock;
use crate::edge::files::{self, Before, FileMail, Mark};
use std::io::{Read, Write};
use std::path::{Path, PathBuf};

/// Most bytes kept of one mail.
pub(super) const CAP: u32 = 4 * 1024 * 1024;

/// A file that gave no mail.
pub(super) struct Unread {
    pub(super) file: String,
    pub(super) what: String,
}

/// Prints something of each mail below `paths`. A mail that cannot be read, or that `tell` fails on, is told by
/// `failed` (with its file and why) and does not stop the others.
///
/// # Errors
/// When there was such a mail: the exit code is 1 then.
pub(super) fn each<T>(
    paths: &[PathBuf],
    mut tell: impl FnMut(&FileMail) -> Result<T, String>,
    shown: impl Fn(&str, T) -> String,
    failed: impl Fn(&str, &str) -> String,
) -> Result<(), Failure> {
    let mut out = anstream::stdout().lock();
    let mut wrong = 0_usize;
    for found in all(paths) {
        let (file, told) = match found {
            Ok(found) => {
                let told = tell(&found);
                (found.label, told)
            }
            Err(unread) => (unread.file, Err(unread.what)),
        };
        wrong += usize::from(told.is_err());
        let text = match told {
            Ok(told) => shown(&file, told),
            Err(why) => failed(&file, &why),
        };
        if write!(out, "{text}").is_err() {
            return Ok(()); // the reader of our output went away
        }
    }
    if wrong > 0 {
        return Err(Failure::new(format!("{wrong} could not be read; see their `error`")));
    }
    Ok(())
}

/// The mails below `paths`, one after the other; `-` is one mail on standard input.
pub(super) fn all(paths: &[PathBuf]) -> impl Iterator<Item = Result<FileMail, Unread>> {
    paths.iter().flat_map(|path| -> Box<dyn Iterator<Item = Result<FileMail, Unread>>> {
        if path == Path::new("-") {
            return Box::new(std::iter::once(standard_input()));
        }
        let named = path.display().to_string();
        let unread = move |error: files::FileError| Unread { file: named.clone(), what: error.what };
        Box::new(files::read([path.clone()], CAP).map(move |found| found.map_err(&unread)))
    })
}

pub(super) fn standard_input() -> Result<FileMail, Unread> {
    let mut bytes = Vec::new();
    std::io::stdin()
        .lock()
        .take(u64::from(CAP))
        .read_to_end(&mut bytes)
        .map_err(|error| Unread { file: "-".to_owned(), what: format!("standard input: {error}") })?;
    let size = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
    let received =
        crate::mail::read(&bytes, &crate::mail::Reading { received: Clock::system().now(), size, authserv_ids: &[] });
    // standard input has no time of its own: the mail's date stands in
    let received = received.date.unwrap_or(received.received);
    Ok(FileMail {
        label: "-".to_owned(),
        path: PathBuf::from("-"),
        received,
        size,
        bytes,
        before: Before::default(),
        mark: Mark::default(),
    })
}
