//! When a message from a file was received.

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::fmt::rfc2822::DateTimeParser;
use jiff::tz::Offset;
use std::path::Path;

/// Bytes of a header that are looked through.
const HEADER: usize = 64 * 1024;
static DATES: DateTimeParser = DateTimeParser::new().relaxed_weekday(true);

/// The topmost readable Received line, else what the file's format tells, else the Date.
pub(super) fn received(bytes: &[u8], told: Option<Timestamp>) -> Option<Timestamp> {
    let head = bytes.get(..HEADER.min(bytes.len())).unwrap_or_default();
    let mut fields: Vec<Vec<u8>> = Vec::new();
    for line in head.split(|b| *b == b'\n') {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        match line.first() {
            None => break,
            Some(b' ' | b'\t') => {
                if let Some(field) = fields.last_mut() {
                    field.push(b' ');
                    field.extend_from_slice(line.trim_ascii_start());
                }
            }
            Some(_) if named(line, b"received").is_some() || named(line, b"date").is_some() => {
                fields.push(line.to_vec())
            }
            // what is folded below a line of no interest must not be added to the one before
            Some(_) => fields.push(Vec::new()),
        }
    }
    let server = fields.iter().filter_map(|field| named(field, b"received")).find_map(|value| {
        let date = value.rsplit(|b| *b == b';').next().filter(|date| date.len() < value.len())?;
        mail_date(date)
    });
    server.or(told).or_else(|| fields.iter().filter_map(|field| named(field, b"date")).find_map(mail_date))
}

/// The value of a header line of this name.
fn named<'a>(line: &'a [u8], name: &[u8]) -> Option<&'a [u8]> {
    let (start, rest) = line.split_at_checked(name.len())?;
    if !start.eq_ignore_ascii_case(name) {
        return None;
    }
    rest.trim_ascii_start().strip_prefix(b":")
}

/// A date as RFC 5322 writes it; comments are passed over.
fn mail_date(bytes: &[u8]) -> Option<Timestamp> {
    let text = String::from_utf8_lossy(bytes);
    let text = text.split('(').next().unwrap_or_default().trim();
    DATES.parse_timestamp(text).ok()
}

/// `From a@b Thu Nov 23 10:00:00 2026`, with or without a zone; without one it is UTC (RFC 4155). `None` unless weekday,
/// month, day, time and year are there.
pub(super) fn of_from_line(line: &[u8]) -> Option<Timestamp> {
    const MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    const DAYS: [&str; 7] = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];
    let text = String::from_utf8_lossy(line.get(..line.len().min(1000))?).into_owned();
    let mut words = text.split_ascii_whitespace().skip_while(|word| !DAYS.contains(&word.trim_end_matches(',')));
    words.next()?;
    let (mut year, mut month, mut day, mut time, mut zone) = (None, None, None, None, 0);
    for word in words.take(8) {
        if let Some(at) = MONTHS.iter().position(|name| *name == word) {
            month = i8::try_from(at + 1).ok();
        } else if word.contains(':') {
            let mut parts = word.split(':').map(str::parse::<i8>);
            let (hour, minute) = (parts.next()?.ok()?, parts.next()?.ok()?);
            time = Some((hour, minute, parts.next().unwrap_or(Ok(0)).ok()?));
        } else if let Some(digits) = word.strip_prefix(['+', '-']) {
            let number: i32 = digits.parse().ok().filter(|_| digits.len() == 4)?;
            let seconds = number / 100 * 3600 + number % 100 * 60;
            zone = if word.starts_with('-') { -seconds } else { seconds };
        } else if word.len() == 4 {
            year = year.or(word.parse::<i16>().ok());
        } else if word.len() <= 2 {
            day = day.or(word.parse::<i8>().ok());
        }
    }
    let (hour, minute, second) = time?;
    let local = DateTime::new(year?, month?, day?, hour, minute, second.min(59), 0).ok()?;
    Offset::from_seconds(zone).ok()?.to_timestamp(local).ok()
}

/// The seconds that a Maildir's file name begins with (`1763892000.M1P2.host:2,S`).
pub(super) fn of_maildir_name(path: &Path) -> Option<Timestamp> {
    let seconds: i64 = path.file_name()?.to_str()?.split('.').next()?.parse().ok()?;
    // anything before 1990 is some other number
    Timestamp::from_second(seconds).ok().filter(|_| seconds > 631_152_000)
}
