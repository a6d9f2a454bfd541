//! The mails that a command line names: files, folders, or standard input.

use crate::edge::clock::Clock;
use crate::edge::files::{self, FileMail};
use std::io::Read;
use std::path::{Path, PathBuf};

/// Most bytes kept of one mail.
pub(super) const CAP: u32 = 4 * 1024 * 1024;

/// A file that gave no mail.
pub(super) struct Unread {
    pub(super) file: String,
    pub(super) what: String,
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

fn standard_input() -> Result<FileMail, Unread> {
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
    Ok(FileMail { label: "-".to_owned(), path: PathBuf::from("-"), received, size, bytes })
}
