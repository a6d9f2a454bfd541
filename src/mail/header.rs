//! Header fields: encoded words, raw 8-bit values, addresses, RFC 2231 names.

use super::Address;
use super::mime::hex;
use crate::text::{self, Doubt};
use std::borrow::Cow;

/// Bytes of one encoded word that are looked at; RFC 2047 allows 75.
const MAX_WORD: usize = 4096;

/// The text of a field.
#[derive(Debug, Default)]
pub(super) struct Words {
    pub(super) text: String,
    /// Characters were lost.
    pub(super) damaged: bool,
    /// A charset was guessed, or its label was wrong.
    pub(super) guessed: bool,
}

/// Decodes a field's value: unfolds it, and reads encoded words (RFC 2047) also where they should not stand.
pub(super) fn text(raw: &[u8]) -> Words {
    let flat = on_one_line(raw);
    let flat = flat.trim_ascii();
    let mut words = Words::default();
    // nearly every field: letters of ASCII, nothing encoded
    if flat.is_ascii() && !flat.contains(&0x1B) && !flat.contains(&0x0E) && find(flat, b"=?").is_none() {
        words.text.push_str(std::str::from_utf8(flat).unwrap_or_default());
        return words;
    }
    // bytes of encoded words under one label that follow one another are converted together: a character may be split
    let mut pending: Option<(String, Vec<u8>)> = None;
    let mut at = 0;
    let mut plain = 0;
    while let Some(offset) = find(flat.get(at..).unwrap_or_default(), b"=?") {
        let start = at + offset;
        let Some((label, bytes, length)) = word(flat.get(start..).unwrap_or_default()) else {
            at = start + 2;
            continue;
        };
        let between = flat.get(plain..start).unwrap_or_default();
        let glued = pending.is_some() && between.iter().all(|byte| matches!(byte, b' ' | b'\t'));
        if !glued {
            words.flush(&mut pending);
            words.push(between, None);
        }
        match &mut pending {
            Some((open, all)) if open.eq_ignore_ascii_case(&label) => all.extend(bytes),
            _ => {
                words.flush(&mut pending);
                pending = Some((label, bytes));
            }
        }
        at = start + length;
        plain = at;
    }
    words.flush(&mut pending);
    words.push(flat.get(plain..).unwrap_or_default(), None);
    words
}

/// A field's bytes without line ends.
fn on_one_line(raw: &[u8]) -> Cow<'_, [u8]> {
    let ends = |byte: &u8| matches!(byte, b'\r' | b'\n' | 0);
    let last = raw.iter().rposition(|byte| !ends(byte)).map_or(0, |last| last + 1);
    let raw = raw.get(..last).unwrap_or_default();
    if !raw.iter().any(ends) {
        return raw.into();
    }
    let mut flat = Vec::with_capacity(raw.len());
    for line in raw.split(ends) {
        flat.extend_from_slice(line);
    }
    flat.into()
}

impl Words {
    fn flush(&mut self, pending: &mut Option<(String, Vec<u8>)>) {
        if let Some((label, bytes)) = pending.take() {
            self.push(&bytes, Some(&label));
        }
    }

    fn push(&mut self, bytes: &[u8], label: Option<&str>) {
        if bytes.is_empty() {
            return;
        }
        let decoded = text::decode(bytes, label);
        self.damaged |= decoded.doubt == Doubt::Damaged;
        self.guessed |= matches!(decoded.doubt, Doubt::Guessed | Doubt::WrongLabel);
        // a line end smuggled into a word must not make a second header of it
        if decoded.text.contains(['\r', '\n']) {
            self.text.push_str(&decoded.text.replace(['\r', '\n'], " "));
        } else {
            self.text.push_str(&decoded.text);
        }
    }
}

fn find(bytes: &[u8], what: &[u8]) -> Option<usize> {
    let first = *what.first()?;
    let mut from = 0;
    loop {
        let at = from + bytes.get(from..)?.iter().position(|byte| *byte == first)?;
        if bytes.get(at..).is_some_and(|rest| rest.starts_with(what)) {
            return Some(at);
        }
        from = at + 1;
    }
}

/// An encoded word at the start of `bytes`: its label, its bytes, its length.
fn word(bytes: &[u8]) -> Option<(String, Vec<u8>, usize)> {
    let rest = bytes.get(2..)?;
    let label_end = rest.iter().take(60).position(|byte| *byte == b'?')?;
    let label = std::str::from_utf8(rest.get(..label_end)?).ok()?.trim();
    if label.is_empty() || label.contains([' ', '=']) {
        return None;
    }
    let how = rest.get(label_end + 1)?.to_ascii_lowercase();
    if rest.get(label_end + 2) != Some(&b'?') {
        return None;
    }
    let data_at = label_end + 3;
    let data = rest.get(data_at..)?;
    // a word cut off by a limit ends with the value
    let near = data.get(..MAX_WORD).unwrap_or(data);
    let (length, tail) = find(near, b"?=").map_or((data.len(), 0), |end| (end, 2));
    if tail == 0 && (near.len() < data.len() || data.contains(&b' ')) {
        return None;
    }
    let data = data.get(..length)?;
    let decoded = match how {
        b'b' => base64(data),
        b'q' => q(data),
        _ => return None,
    };
    Some((label.to_owned(), decoded, 2 + data_at + length + tail))
}

fn q(data: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(data.len());
    let mut at = 0;
    while let Some(&byte) = data.get(at) {
        let coded = |n: usize| data.get(at + n).and_then(hex);
        match byte {
            b'=' => match (coded(1), coded(2)) {
                (Some(high), Some(low)) => {
                    out.push(high << 4 | low);
                    at += 2;
                }
                _ => out.push(byte),
            },
            b'_' => out.push(b' '),
            _ => out.push(byte),
        }
        at += 1;
    }
    out
}

/// The value of each letter of base64, in both of its alphabets; [`NO_LETTER`] for the rest.
#[allow(clippy::indexing_slicing)] // in a constant, where it would not compile
const SIX_BITS: [u8; 256] = {
    let mut values = [NO_LETTER; 256];
    let mut byte = 0_u8;
    while byte < 128 {
        values[byte as usize] = match byte {
            b'A'..=b'Z' => byte - b'A',
            b'a'..=b'z' => byte - b'a' + 26,
            b'0'..=b'9' => byte - b'0' + 52,
            b'+' | b'-' => 62,
            b'/' | b'_' => 63,
            _ => NO_LETTER,
        };
        byte += 1;
    }
    values
};
const NO_LETTER: u8 = 64;

/// Base64 that passes over foreign bytes; padding may be missing or stand in the middle.
pub(super) fn base64(data: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(data.len() / 4 * 3 + 3);
    let (mut bits, mut count) = (0_u32, 0_u32);
    for byte in data {
        let value = match SIX_BITS.get(usize::from(*byte)) {
            Some(value) if *value != NO_LETTER => *value,
            _ if *byte == b'=' => {
                tail(&mut out, bits, count);
                (bits, count) = (0, 0);
                continue;
            }
            _ => continue,
        };
        bits = bits << 6 | u32::from(value);
        count += 1;
        if count == 4 {
            let [_, a, b, c] = bits.to_be_bytes();
            out.extend([a, b, c]);
            (bits, count) = (0, 0);
        }
    }
    tail(&mut out, bits, count);
    out
}

fn tail(out: &mut Vec<u8>, bits: u32, count: u32) {
    let [_, a, b, _] = (bits << (6 * (4 - count.min(4)))).to_be_bytes();
    match count {
        2 => out.push(a),
        3 => out.extend([a, b]),
        _ => {}
    }
}

/// A value with its parameters: Content-Type, Content-Disposition.
#[derive(Clone, Debug, Default)]
pub(super) struct Content {
    /// Lower case.
    pub(super) value: String,
    params: Vec<(String, String)>,
}

impl Content {
    /// A parameter, decoded.
    pub(super) fn param(&self, name: &str) -> Option<&str> {
        self.params.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }
}

/// Reads a value with parameters: RFC 2045, RFC 2231 continuations and charsets, and encoded words all the same.
pub(super) fn content(raw: &[u8]) -> Content {
    let mut flat = on_one_line(raw);
    if !flat.is_ascii() || flat.contains(&0x1B) {
        flat = text::decode(&flat, None).text.into_bytes().into();
    }
    let mut pieces = split(&flat, b';').into_iter();
    let value = String::from_utf8_lossy(pieces.next().unwrap_or_default()).trim().to_ascii_lowercase();
    let value = value.split([' ', '(']).next().unwrap_or_default().to_owned();
    let mut params: Vec<(String, String)> = Vec::new();
    // name, section, percent-encoded, value
    let mut sections: Vec<(String, u32, bool, Vec<u8>)> = Vec::new();
    for piece in pieces.take(64) {
        let Some(equals) = piece.iter().position(|byte| *byte == b'=') else { continue };
        let name = String::from_utf8_lossy(piece.get(..equals).unwrap_or_default()).trim().to_ascii_lowercase();
        let value = unquote(piece.get(equals + 1..).unwrap_or_default().trim_ascii());
        match name.split_once('*') {
            None => {
                if !params.iter().any(|(known, _)| *known == name) {
                    params.push((name, self::text(&value).text));
                }
            }
            Some((base, rest)) => {
                let coded = rest.is_empty() || rest.ends_with('*');
                let section = rest.trim_end_matches('*').parse().unwrap_or(0);
                sections.push((base.to_owned(), section, coded, value));
            }
        }
    }
    sections.sort_by(|a, b| (a.0.as_str(), a.1).cmp(&(b.0.as_str(), b.1)));
    for all in sections.chunk_by(|a, b| a.0 == b.0) {
        let mut bytes = Vec::new();
        let mut label = None;
        for (i, (_, _, coded, value)) in all.iter().enumerate() {
            let mut value = value.as_slice();
            if i == 0 && *coded {
                let mut quotes = value.splitn(3, |byte| *byte == b'\'');
                if let (Some(charset), Some(_), Some(rest)) = (quotes.next(), quotes.next(), quotes.next()) {
                    label = Some(String::from_utf8_lossy(charset).into_owned());
                    value = rest;
                }
            }
            if *coded { bytes.extend(percent(value)) } else { bytes.extend(value) }
        }
        if let Some((name, ..)) = all.first() {
            let value = text::decode(&bytes, label.as_deref().filter(|label| !label.is_empty())).text;
            params.retain(|(known, _)| known != name);
            params.push((name.clone(), value));
        }
    }
    Content { value, params }
}

fn percent(value: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(value.len());
    let mut at = 0;
    while let Some(&byte) = value.get(at) {
        match (byte, value.get(at + 1).and_then(hex), value.get(at + 2).and_then(hex)) {
            (b'%', Some(high), Some(low)) => {
                out.push(high << 4 | low);
                at += 3;
            }
            _ => {
                out.push(byte);
                at += 1;
            }
        }
    }
    out
}

/// Splits outside of quoted strings.
fn split(bytes: &[u8], by: u8) -> Vec<&[u8]> {
    let (mut quoted, mut escaped) = (false, false);
    bytes
        .split(|byte| {
            if escaped {
                escaped = false;
            } else if *byte == b'\\' && quoted {
                escaped = true;
            } else if *byte == b'"' {
                quoted = !quoted;
            }
            *byte == by && !quoted
        })
        .collect()
}

fn unquote(value: &[u8]) -> Vec<u8> {
    let Some(inner) = value.strip_prefix(b"\"") else {
        return value.split(|byte| *byte == b' ').next().unwrap_or_default().to_vec();
    };
    let mut out = Vec::with_capacity(inner.len());
    let mut escaped = false;
    for byte in inner {
        match byte {
            _ if escaped => {
                out.push(*byte);
                escaped = false;
            }
            b'\\' => escaped = true,
            b'"' => break,
            _ => out.push(*byte),
        }
    }
    out
}

/// Addresses of From, To and their like. A display name is only ever a name: what looks like an address in it stays
/// there.
pub(super) fn addresses(raw: &[u8]) -> Vec<Address> {
    // raw kanji may hold bytes that mean something here, so characters come first and encoded words last
    let flat = on_one_line(raw);
    let flat = text::decode(&flat, None).text;
    let mut all = Vec::new();
    let (mut name, mut addr, mut comment) = (String::new(), None::<String>, String::new());
    let mut chars = flat.char_indices().peekable();
    while let Some((at, c)) = chars.next() {
        match c {
            '=' if flat.get(at..).is_some_and(|rest| rest.starts_with("=?"))
                && let Some((.., length)) = word(flat.get(at..).unwrap_or_default().as_bytes()) =>
            {
                name.push_str(flat.get(at..at + length).unwrap_or_default());
                while chars.next_if(|(i, _)| *i < at + length).is_some() {}
            }
            '"' => {
                while let Some((_, c)) = chars.next() {
                    match c {
                        '"' => break,
                        '\\' => name.extend(chars.next().map(|(_, c)| c)),
                        c => name.push(c),
                    }
                }
            }
            '(' => {
                let mut depth = 1;
                for (_, c) in chars.by_ref() {
                    match c {
                        '(' => depth += 1,
                        ')' => depth -= 1,
                        _ => {}
                    }
                    if depth == 0 {
                        break;
                    }
                    comment.push(c);
                }
            }
            '<' => {
                let inside: String = std::iter::from_fn(|| chars.next_if(|(_, c)| *c != '>').map(|(_, c)| c)).collect();
                chars.next();
                // the last of several angle brackets is the address
                addr = Some(inside);
            }
            ',' | ';' => finish(&mut all, &mut name, &mut addr, &mut comment),
            // the name of a group ends here; an address never holds a bare colon
            ':' if addr.is_none() && !name.contains('@') => name.clear(),
            c => name.push(c),
        }
        if all.len() >= 200 {
            break;
        }
    }
    finish(&mut all, &mut name, &mut addr, &mut comment);
    all
}

fn finish(all: &mut Vec<Address>, name: &mut String, addr: &mut Option<String>, comment: &mut String) {
    let (name, addr, comment) = (std::mem::take(name), addr.take(), std::mem::take(comment));
    let clean = |text: &str| self::text(text.as_bytes()).text.split_whitespace().collect::<Vec<_>>().join(" ");
    let address = match addr {
        Some(addr) => Address { name: clean(&name), addr: mailbox(&addr) },
        None if name.contains('@') => {
            // no angle brackets: the word with the @ is the address
            let addr = name.split_whitespace().rfind(|word| word.contains('@')).unwrap_or_default();
            let rest = name.replacen(addr, "", 1);
            let shown = if rest.trim().is_empty() { clean(&comment) } else { clean(&rest) };
            Address { name: shown, addr: mailbox(addr) }
        }
        None => Address { name: clean(&name), addr: String::new() },
    };
    if !address.name.is_empty() || !address.addr.is_empty() {
        all.push(address);
    }
}

/// `local@domain` in lower case; a route (`@a,@b:x@y`) and blanks left out; empty when it is none.
fn mailbox(addr: &str) -> String {
    let addr = addr.trim().trim_start_matches("mailto:");
    let addr = addr.rsplit_once(':').map_or(addr, |(_, addr)| addr);
    let addr: String = addr.chars().filter(|c| !c.is_whitespace()).collect::<String>().to_lowercase();
    match addr.rsplit_once('@') {
        Some((local, domain)) if !local.is_empty() && !domain.is_empty() => {
            format!("{}@{}", local.trim_matches('"'), domain.trim_end_matches('.'))
        }
        _ => String::new(),
    }
}

/// Most Message-IDs of one field that are kept.
const IDS: usize = 100;

/// Ids in angle brackets, without them; blanks inside are dropped.
pub(super) fn ids(raw: &[u8]) -> Vec<String> {
    let value = self::text(raw).text;
    let mut ids: Vec<String> = value
        .split('<')
        .skip(1)
        .filter_map(|piece| piece.split_once('>').map(|(id, _)| id))
        .map(|id| id.split_whitespace().collect::<String>())
        .filter(|id| !id.is_empty())
        .collect();
    // of a thread its beginning, and what is answered, which stands last
    if ids.len() > IDS {
        ids.drain(1..ids.len() - (IDS - 1));
    }
    if ids.is_empty() && !value.contains('<') {
        ids.extend(value.split_whitespace().filter(|id| id.contains('@')).take(IDS).map(str::to_owned));
    }
    ids
}
