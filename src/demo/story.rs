//! What the demo delivers and when: a backlog that lies there at the start, and mails that come while one watches.

use super::server::Server;
use crate::edge::clock::Clock;
use jiff::Timestamp;
use jiff::tz::Offset;
use std::borrow::Cow;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Larger files are passed by.
const LARGEST: u64 = 32 * 1024 * 1024;
/// Deepest folder that is looked into.
const DEEPEST: u32 = 8;
/// When the first live mail comes, and how long all of them take.
const FIRST: Duration = Duration::from_secs(1);
const ALL: Duration = Duration::from_secs(11);

/// A mail of the story.
#[derive(Clone, Debug)]
pub struct Sample {
    /// Where it is from, for people.
    pub name: String,
    /// The message.
    pub bytes: Cow<'static, [u8]>,
}

/// Why there is nothing to tell.
#[derive(Debug, thiserror::Error)]
pub enum StoryError {
    /// The folder cannot be read.
    #[error("{}: {trouble}", folder.display())]
    Unreadable {
        /// Which.
        folder: PathBuf,
        /// Why.
        trouble: std::io::Error,
    },
    /// No file of the folder is a mail.
    #[error("{}: no file whose name ends in .eml; save mails there as .eml files first", .0.display())]
    Empty(PathBuf),
}

/// What is delivered, in order.
#[derive(Clone, Debug, Default)]
pub struct Story {
    /// Lies in INBOX at the start, oldest first.
    pub backlog: Vec<Sample>,
    /// Comes while one watches; the time counts from the start.
    pub live: Vec<(Duration, Sample)>,
    /// What was passed by, and why, for people.
    pub skipped: Vec<String>,
}

impl Story {
    /// A story of these mails: the live ones come one after the other within a dozen seconds.
    #[must_use]
    pub fn new(mut backlog: Vec<Sample>, live: Vec<Sample>) -> Self {
        // the stable order keeps mails without a date where they were given
        backlog.sort_by_key(|sample| date(&sample.bytes));
        let step = ALL.checked_div(u32::try_from(live.len()).unwrap_or(u32::MAX)).unwrap_or_default();
        let at = |n: u32| FIRST.saturating_add(step.saturating_mul(n));
        let live = (0..).zip(live).map(|(n, sample)| (at(n), sample)).collect();
        Self { backlog, live, skipped: vec![] }
    }

    /// Someone's own mails: every `.eml` file in the folder and below it is backlog, nothing comes later.
    ///
    /// # Errors
    /// The folder cannot be read, or holds no mail. A single file that cannot be read is passed by and named.
    pub fn of_folder(folder: &Path) -> Result<Self, StoryError> {
        let mut files = vec![];
        let mut skipped = vec![];
        let mut folders = vec![(folder.to_owned(), 0)];
        while let Some((next, depth)) = folders.pop() {
            let entries = match std::fs::read_dir(&next) {
                Ok(entries) => entries,
                Err(trouble) if depth == 0 => return Err(StoryError::Unreadable { folder: next, trouble }),
                Err(trouble) => {
                    skipped.push(format!("{}: {trouble}", next.display()));
                    continue;
                }
            };
            for entry in entries.flatten() {
                let (path, kind) = (entry.path(), entry.file_type());
                // a symbolic link to a folder is not followed: it may lead back here
                if kind.is_ok_and(|kind| kind.is_dir()) && depth < DEEPEST {
                    folders.push((path, depth + 1));
                } else if path.extension().is_some_and(|end| end.eq_ignore_ascii_case("eml")) {
                    files.push(path);
                }
            }
        }
        files.sort();
        let mut backlog = vec![];
        for path in files {
            let name = path.strip_prefix(folder).unwrap_or(&path).display().to_string();
            match std::fs::metadata(&path) {
                Ok(meta) if meta.len() > LARGEST => skipped.push(format!("{name}: larger than 32 MiB")),
                Ok(meta) if !meta.is_file() => skipped.push(format!("{name}: not a file")),
                _ => match std::fs::read(&path) {
                    Ok(bytes) => backlog.push(Sample { name, bytes: with_crlf(&bytes).into() }),
                    Err(trouble) => skipped.push(format!("{name}: {trouble}")),
                },
            }
        }
        if backlog.is_empty() {
            return Err(StoryError::Empty(folder.to_owned()));
        }
        Ok(Self { skipped, ..Self::new(backlog, vec![]) })
    }

    /// Lays the backlog into INBOX, each mail received when its Date says, but never in the future.
    pub fn lay(&self, server: &Server, now: Timestamp) {
        for sample in &self.backlog {
            let received = date(&sample.bytes).unwrap_or(now).min(now);
            server.deliver("INBOX", &sample.bytes, received);
        }
    }

    /// Delivers the live mails when their time comes, dated and received at that moment; calls `told` with each
    /// sample and its UID.
    pub async fn tell(&self, server: &Server, clock: &Clock, mut told: impl FnMut(&Sample, u32)) {
        let start = tokio::time::Instant::now();
        for (at, sample) in &self.live {
            tokio::time::sleep_until(start + *at).await;
            let now = clock.now();
            let uid = server.deliver("INBOX", &redated(&sample.bytes, now), now);
            told(sample, uid);
        }
    }
}

/// The header's lines with their line ends, continuation lines with their field; and the rest.
fn split(bytes: &[u8]) -> (Vec<&[u8]>, &[u8]) {
    let mut fields = vec![];
    let mut rest = bytes;
    loop {
        let mut end = 0;
        // a field ends at a line end that no white space follows
        loop {
            let tail = rest.get(end..).unwrap_or_default();
            end += tail.iter().position(|byte| *byte == b'\n').map_or(tail.len(), |at| at + 1);
            let folded = matches!(rest.get(end), Some(b' ' | b'\t')) && end > 0 && !tail.is_empty();
            if !folded {
                break;
            }
        }
        let (field, after) = rest.split_at_checked(end).unwrap_or((rest, &[]));
        if field.is_empty() || field == b"\r\n" || field == b"\n" {
            return (fields, rest);
        }
        fields.push(field);
        rest = after;
    }
}

fn is_date(field: &[u8]) -> bool {
    field.get(..5).is_some_and(|name| name.eq_ignore_ascii_case(b"date:"))
}

/// When the Date field says that the mail was written.
fn date(bytes: &[u8]) -> Option<Timestamp> {
    let (fields, _) = split(bytes);
    let field = fields.into_iter().find(|field| is_date(field))?;
    let text = String::from_utf8_lossy(field.get(5..)?).into_owned();
    // a comment such as (JST) behind the offset
    let text = text.split('(').next().unwrap_or_default().trim().to_owned();
    jiff::fmt::rfc2822::DateTimeParser::new().relaxed_weekday(true).parse_timestamp(text).ok()
}

/// The same mail written now: only its Date changes.
fn redated(bytes: &[u8], now: Timestamp) -> Vec<u8> {
    let local = now.to_zoned(Offset::constant(9).to_time_zone());
    let line = format!("Date: {}\r\n", local.strftime("%a, %d %b %Y %H:%M:%S %z"));
    let (fields, rest) = split(bytes);
    let mut out = vec![];
    let mut written = !fields.iter().any(|field| is_date(field));
    if written {
        out.extend_from_slice(line.as_bytes());
    }
    for field in fields {
        if !is_date(field) {
            out.extend_from_slice(field);
        } else if !std::mem::replace(&mut written, true) {
            out.extend_from_slice(line.as_bytes());
        }
    }
    out.extend_from_slice(rest);
    out
}

/// Files saved on Unix end their lines in LF alone; a mailbox holds CRLF.
fn with_crlf(bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(bytes.len());
    let mut last = 0;
    for byte in bytes {
        if *byte == b'\n' && last != b'\r' {
            out.push(b'\r');
        }
        out.push(*byte);
        last = *byte;
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample(text: &'static str) -> Sample {
        Sample { name: text.chars().take(8).collect(), bytes: text.as_bytes().into() }
    }

    #[test]
    fn only_the_date_changes() {
        let now = "2026-11-23T09:00:00.5Z".parse().unwrap();
        let new = "Date: Mon, 23 Nov 2026 18:00:00 +0900\r\n";
        for (before, after) in [
            (
                "A: 1\r\nDate: x\r\n y\r\nB: 2\r\n z\r\n\r\nDate: body\r\n",
                format!("A: 1\r\n{new}B: 2\r\n z\r\n\r\nDate: body\r\n"),
            ),
            ("A: 1\r\ndate: x\r\nDATE: y\r\n\r\n", format!("A: 1\r\n{new}\r\n")),
            ("A: 1\r\n\r\nbody", format!("{new}A: 1\r\n\r\nbody")),
            ("", new.to_owned()),
            ("no line end", format!("{new}no line end")),
        ] {
            assert_eq!(String::from_utf8(redated(before.as_bytes(), now)).unwrap(), after, "{before:?}");
        }
    }

    #[test]
    fn dates_are_read() {
        for (text, expect) in [
            ("Date: Fri, 20 Nov 2026 10:02:03 +0900\r\n\r\n", Some("2026-11-20T01:02:03Z")),
            ("Date: 20 Nov 2026 10:02:03 +0900 (JST)\r\n\r\n", Some("2026-11-20T01:02:03Z")),
            ("DATE:\r\n Mon, 20 Nov 2026 10:02:03 +0900\r\n\r\n", Some("2026-11-20T01:02:03Z")),
            ("Date: soon\r\n\r\n", None),
            ("\r\nDate: Fri, 20 Nov 2026 10:02:03 +0900\r\n", None),
        ] {
            assert_eq!(date(text.as_bytes()), expect.map(|at| at.parse().unwrap()), "{text}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn the_backlog_lies_there_and_the_rest_comes_in_time() {
        let story = Story::new(
            vec![
                sample("Date: Fri, 20 Nov 2026 10:00:00 +0900\r\n\r\nlater"),
                sample("Date: Thu, 19 Nov 2026 10:00:00 +0900\r\n\r\nearlier"),
                sample("Date: Thu, 19 Nov 2099 10:00:00 +0900\r\n\r\nfuture"),
            ],
            vec![sample("A: 1\r\n\r\n"), sample("A: 2\r\n\r\n")],
        );
        let base: Timestamp = "2026-11-23T09:00:00Z".parse().unwrap();
        let clock = Clock::simulated(base);
        let server = Server::with("u", "p", clock.clone(), '/', "");
        story.lay(&server, base);
        let mut told = vec![];
        story.tell(&server, &clock, |sample, uid| told.push((sample.name.clone(), uid))).await;
        let stored = server.mailboxes().remove("INBOX").unwrap();
        let received: Vec<String> = stored.iter().map(|one| one.received.to_string()).collect();
        assert_eq!(
            received,
            [
                "2026-11-19T01:00:00Z", "2026-11-20T01:00:00Z", "2026-11-23T09:00:00Z", "2026-11-23T09:00:01Z",
                "2026-11-23T09:00:06.5Z",
            ]
        );
        assert!(String::from_utf8_lossy(&stored[4].bytes).contains("Date: Mon, 23 Nov 2026 18:00:06 +0900\r\n"));
        assert_eq!(told.len(), 2);
    }

    #[test]
    fn a_folder_of_mails_is_read() {
        let dir = tempfile::tempdir().unwrap();
        assert!(matches!(Story::of_folder(dir.path()), Err(StoryError::Empty(_))));
        assert!(matches!(Story::of_folder(&dir.path().join("none")), Err(StoryError::Unreadable { .. })));
        std::fs::create_dir_all(dir.path().join("below/more.eml")).unwrap();
        std::fs::write(dir.path().join("b.eml"), "Subject: b\n\nline\r\n").unwrap();
        std::fs::write(dir.path().join("below/a.EML"), "Subject: a\n\n").unwrap();
        std::fs::write(dir.path().join("note.txt"), "no").unwrap();
        let story = Story::of_folder(dir.path()).unwrap();
        let names: Vec<&str> = story.backlog.iter().map(|sample| sample.name.as_str()).collect();
        assert_eq!(names, ["b.eml", "below/a.EML"]);
        assert_eq!(&*story.backlog[0].bytes, b"Subject: b\r\n\r\nline\r\n");
        assert!(story.live.is_empty() && story.skipped.is_empty());
    }
}
