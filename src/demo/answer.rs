//! Writes what an IMAP server answers: message parts, flags, names, sets; and finds what SEARCH asks for.

use super::mailboxes::Stored;
use super::syntax::{Item, Key, Section};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::Offset;
use std::collections::BTreeSet;

/// The server's own zone: Japan, all year.
const ZONE: Offset = Offset::constant(9);

/// `(\Flagged \Seen)`.
pub(super) fn flags(flags: &BTreeSet<String>) -> String {
    format!("({})", flags.iter().map(String::as_str).collect::<Vec<_>>().join(" "))
}

pub(super) fn internal_date(at: Timestamp) -> String {
    ZONE.to_datetime(at).to_zoned(ZONE.to_time_zone()).map_or_else(
        |_| "01-Jan-1970 09:00:00 +0900".to_owned(),
        |local| local.strftime("%e-%b-%Y %H:%M:%S %z").to_string(),
    )
}

/// A string in quotes; what cannot stand in quotes is left out.
pub(super) fn quoted(text: &str) -> String {
    let inner: String = text.chars().filter(|c| !matches!(c, '\r' | '\n' | '\0')).collect();
    format!("\"{}\"", inner.replace('\\', "\\\\").replace('"', "\\\""))
}

/// Ascending numbers as a set: `1:3,7`.
pub(super) fn set(numbers: impl IntoIterator<Item = u32>) -> String {
    let mut ranges: Vec<(u32, u32)> = vec![];
    for number in numbers {
        match ranges.last_mut() {
            Some((_, last)) if last.checked_add(1) == Some(number) => *last = number,
            _ => ranges.push((number, number)),
        }
    }
    let one = |(a, b): &(u32, u32)| if a == b { a.to_string() } else { format!("{a}:{b}") };
    ranges.iter().map(one).collect::<Vec<_>>().join(",")
}

/// Where the header ends: after the empty line, or the whole message.
fn header_end(bytes: &[u8]) -> usize {
    let crlf = bytes.windows(4).position(|four| four == b"\r\n\r\n").map(|at| at + 4);
    let lf = bytes.windows(2).position(|two| two == b"\n\n").map(|at| at + 2);
    match (crlf, lf) {
        (Some(a), Some(b)) => a.min(b),
        (a, b) => a.or(b).unwrap_or(bytes.len()),
    }
}

/// The fields of a header with their continuation lines: name in lower case, raw bytes.
fn fields(header: &[u8]) -> Vec<(String, Vec<u8>)> {
    let mut fields: Vec<(String, Vec<u8>)> = vec![];
    for line in header.split_inclusive(|byte| *byte == b'\n') {
        let folded = matches!(line.first(), Some(b' ' | b'\t'));
        match fields.last_mut() {
            Some((_, last)) if folded => last.extend_from_slice(line),
            _ => {
                let name = line.split(|byte| *byte == b':').next().unwrap_or_default();
                fields.push((String::from_utf8_lossy(name).trim().to_ascii_lowercase(), line.to_vec()));
            }
        }
    }
    fields
}

fn section(bytes: &[u8], section: &Section) -> Vec<u8> {
    let (header, text) = bytes.split_at_checked(header_end(bytes)).unwrap_or((bytes, &[]));
    match section {
        Section::All => bytes.to_vec(),
        Section::Header => header.to_vec(),
        Section::Text => text.to_vec(),
        Section::Fields { names, but } => {
            let mut out: Vec<u8> = fields(header)
                .into_iter()
                .filter(|(name, _)| !name.is_empty() && names.contains(name) != *but)
                .flat_map(|(_, raw)| raw)
                .collect();
            out.extend_from_slice(b"\r\n");
            out
        }
    }
}

/// `* 3 FETCH (UID 7 BODY[]<0> {5}` … `labels` is what X-GM-LABELS shows.
pub(super) fn fetch(number: usize, message: &Stored, labels: &str, items: &[Item], out: &mut Vec<u8>) {
    out.extend_from_slice(format!("* {number} FETCH (").as_bytes());
    for (index, item) in items.iter().enumerate() {
        if index > 0 {
            out.push(b' ');
        }
        match item {
            Item::Uid => out.extend_from_slice(format!("UID {}", message.uid).as_bytes()),
            Item::Flags => out.extend_from_slice(format!("FLAGS {}", flags(&message.flags)).as_bytes()),
            Item::InternalDate => {
                out.extend_from_slice(format!("INTERNALDATE \"{}\"", internal_date(message.received)).as_bytes());
            }
            Item::Size => out.extend_from_slice(format!("RFC822.SIZE {}", message.bytes.len()).as_bytes()),
            Item::GmailId(name) => out.extend_from_slice(format!("{name} {}", message.gmail_id).as_bytes()),
            Item::GmailLabels => out.extend_from_slice(format!("X-GM-LABELS {labels}").as_bytes()),
            Item::Part { label, section: which, partial, .. } => {
                let whole = section(&message.bytes, which);
                let part = match *partial {
                    None => whole.as_slice(),
                    Some((from, count)) => {
                        let rest = whole.get(from as usize..).unwrap_or_default();
                        rest.get(..count as usize).unwrap_or(rest)
                    }
                };
                out.extend_from_slice(format!("{label} {{{}}}\r\n", part.len()).as_bytes());
                out.extend_from_slice(part);
            }
        }
    }
    out.extend_from_slice(b")\r\n");
}

/// Does a message answer a SEARCH? `number` is its sequence number, `largest` the highest number and UID; `bears` tells
/// whether it has a label.
pub(super) fn matches(
    key: &Key,
    number: u32,
    message: &Stored,
    largest: (u32, u32),
    bears: &dyn Fn(&str) -> bool,
) -> bool {
    let day = || -> Date { ZONE.to_datetime(message.received).date() };
    let size = || message.bytes.len() as u64;
    let inner = |key: &Key| matches(key, number, message, largest, bears);
    match key {
        Key::All => true,
        Key::Sequence(set) => set.has(number, largest.0),
        Key::Uid(set) => set.has(message.uid, largest.1),
        Key::Flag(flag, wanted) => message.flags.contains(flag) == *wanted,
        Key::Header(name, text) => {
            let header = message.bytes.get(..header_end(&message.bytes)).unwrap_or_default();
            fields(header).iter().any(|(field, raw)| {
                let raw = String::from_utf8_lossy(raw).to_lowercase();
                field == name && raw.split_once(':').is_some_and(|(_, value)| value.contains(text.as_str()))
            })
        }
        Key::Text(text) => String::from_utf8_lossy(&message.bytes).to_lowercase().contains(text.as_str()),
        Key::Since(date) => day() >= *date,
        Key::Before(date) => day() < *date,
        Key::On(date) => day() == *date,
        Key::Larger(than) => size() > *than,
        Key::Smaller(than) => size() < *than,
        Key::GmailId(id) => message.gmail_id == *id,
        Key::GmailLabel(label) => bears(label),
        Key::Not(key) => !inner(key),
        Key::Or(one, other) => inner(one) || inner(other),
        Key::And(keys) => keys.iter().all(inner),
    }
}

/// Does a mailbox name answer a LIST pattern? `*` is anything, `%` anything but the separator.
pub(super) fn listed(name: &str, pattern: &str, separator: char) -> bool {
    let name: Vec<char> = name.chars().collect();
    // which lengths of the name the pattern read so far can stand for
    let mut reach = vec![false; name.len() + 1];
    if let Some(start) = reach.first_mut() {
        *start = true;
    }
    for wanted in pattern.chars() {
        let mut next = vec![false; name.len() + 1];
        let mut open = false;
        for (at, slot) in next.iter_mut().enumerate() {
            let before = at.checked_sub(1).and_then(|before| name.get(before)).copied();
            let here = reach.get(at).copied().unwrap_or_default();
            *slot = match wanted {
                '*' | '%' => {
                    open = here || (open && (wanted == '*' || before != Some(separator)));
                    open
                }
                _ => before == Some(wanted) && at.checked_sub(1).and_then(|b| reach.get(b)).copied() == Some(true),
            };
        }
        reach = next;
    }
    reach.last().copied().unwrap_or_default()
}

/// A name on the wire: modified UTF-7 (RFC 3501, 5.1.3). The server has its own, so that a mistake in the client's
/// cannot hide in its own mirror.
pub(super) fn to_wire(name: &str) -> String {
    let mut out = String::new();
    let mut run: Vec<u8> = vec![];
    let flush = |run: &mut Vec<u8>, out: &mut String| {
        if !run.is_empty() {
            out.push_str(&format!("&{}-", STANDARD_NO_PAD.encode(&*run).replace('/', ",")));
            run.clear();
        }
    };
    for c in name.chars() {
        if matches!(c, ' '..='~') {
            flush(&mut run, &mut out);
            out.push(c);
            if c == '&' {
                out.push('-');
            }
        } else {
            run.extend(c.encode_utf16(&mut [0; 2]).iter().flat_map(|unit| unit.to_be_bytes()));
        }
    }
    flush(&mut run, &mut out);
    out
}

/// The way back; only what [`to_wire`] would have written.
pub(super) fn from_wire(wire: &str) -> Option<String> {
    let mut out = String::new();
    let mut rest = wire;
    while let Some((plain, shifted)) = rest.split_once('&') {
        let (code, more) = shifted.split_once('-')?;
        out.push_str(plain);
        rest = more;
        if code.is_empty() {
            out.push('&');
            continue;
        }
        let bytes = STANDARD_NO_PAD.decode(code.replace(',', "/")).ok()?;
        let units = bytes.chunks(2).map(|pair| Some(u16::from_be_bytes(<[u8; 2]>::try_from(pair).ok()?)));
        out.push_str(&String::from_utf16(&units.collect::<Option<Vec<_>>>()?).ok()?);
    }
    out.push_str(rest);
    (to_wire(&out) == wire).then_some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_go_over_the_wire_and_back() {
        for (name, wire) in
            [("INBOX", "INBOX"), ("a&b", "a&-b"), ("楽天/再入荷", "&aX1ZKQ-/&UY1RZYN3-"), ("😀", "&2D3eAA-")]
        {
            assert_eq!(to_wire(name), wire);
            assert_eq!(from_wire(wire).as_deref(), Some(name));
        }
        for broken in ["&A-", "&", "&AGE-", "&2D0-", "再入荷", "&a!!-"] {
            assert_eq!(from_wire(broken), None, "{broken}");
        }
    }

    #[test]
    fn patterns_list_names() {
        for (name, pattern, expect) in [
            ("INBOX", "*", true),
            ("a/b", "*", true),
            ("a/b", "%", false),
            ("a/b", "a/%", true),
            ("a/b/c", "a/%", false),
            ("a/b/c", "a*c", true),
            ("a", "", false),
            ("", "*", true),
            ("ab", "a", false),
            ("a/b", "%/%", true),
        ] {
            assert_eq!(listed(name, pattern, '/'), expect, "{name} {pattern}");
        }
    }

    #[test]
    fn sets_are_written_short() {
        for (numbers, expect) in [(vec![], ""), (vec![3], "3"), (vec![1, 2, 3, 7, 9, 10], "1:3,7,9:10")] {
            assert_eq!(set(numbers), expect);
        }
    }

    #[test]
    fn parts_of_a_message_are_cut_out() {
        let mail = b"Subject: a\r\n b\r\nMessage-ID: <1>\r\n\r\nbody";
        for (which, expect) in [
            (Section::All, &mail[..]),
            (Section::Header, b"Subject: a\r\n b\r\nMessage-ID: <1>\r\n\r\n"),
            (Section::Text, b"body"),
            (Section::Fields { names: vec!["subject".to_owned()], but: false }, b"Subject: a\r\n b\r\n\r\n"),
        ] {
            assert_eq!(section(mail, &which), expect, "{which:?}");
        }
        assert_eq!(section(b"no header", &Section::Text), b"");
    }
}
