//! The skeleton of a message: header fields and nested parts, as slices of its bytes.
//!
//! Own code instead of a library's tree, because a mail may end anywhere (capped fetch), may nest without end, and is
//! decoded by us anyway: one pass over the bytes a level, and every limit is a constant here.

use super::header::{self, Content};

/// Levels of multiparts inside multiparts (or of mails inside mails) that are opened.
pub(super) const MAX_DEPTH: usize = 16;
/// Parts of one mail that are looked at.
pub(super) const MAX_PARTS: usize = 300;
/// Header fields of one part that are looked at.
pub(super) const MAX_FIELDS: usize = 1000;
/// Bytes of one header field that are looked at.
pub(super) const MAX_FIELD: usize = 64 * 1024;

/// A header field as it lies in the message.
#[derive(Clone, Copy, Debug)]
pub(super) struct Field<'a> {
    pub(super) name: &'a str,
    /// Everything behind the colon, folding included.
    pub(super) raw: &'a [u8],
}

/// A part: its header and what follows, not yet decoded.
#[derive(Debug)]
pub(super) struct Node<'a> {
    pub(super) fields: Vec<Field<'a>>,
    pub(super) content: Content,
    pub(super) body: &'a [u8],
    /// Parts of a multipart.
    pub(super) children: Vec<Node<'a>>,
}

impl<'a> Node<'a> {
    /// The first field of that name.
    pub(super) fn field(&self, name: &str) -> Option<&'a [u8]> {
        self.fields.iter().find(|field| field.name.eq_ignore_ascii_case(name)).map(|field| field.raw)
    }

    pub(super) fn is_multipart(&self) -> bool {
        !self.children.is_empty()
    }
}

/// What was left out.
#[derive(Debug, Default)]
pub(super) struct Limits {
    pub(super) parts: usize,
    pub(super) too_deep: bool,
    pub(super) too_many: bool,
}

/// Opens a message or a part.
pub(super) fn open<'a>(bytes: &'a [u8], depth: usize, default: &str, limits: &mut Limits) -> Node<'a> {
    limits.parts += 1;
    let (fields, body) = split_header(bytes, limits);
    let mut node = Node { fields, content: Content::default(), body, children: Vec::new() };
    node.content = node.field("content-type").map(header::content).unwrap_or_default();
    if !node.content.value.contains('/') {
        node.content.value = default.to_owned();
    }
    if node.content.value.starts_with("multipart/") {
        let boundary = node.content.param("boundary").unwrap_or_default().trim_end().to_owned();
        let sections = sections(body, boundary.as_bytes());
        if depth >= MAX_DEPTH {
            limits.too_deep = true;
        } else {
            let default = if node.content.value == "multipart/digest" { "message/rfc822" } else { "text/plain" };
            for section in sections {
                if limits.parts >= MAX_PARTS {
                    limits.too_many = true;
                    break;
                }
                node.children.push(open(section, depth + 1, default, limits));
            }
        }
        if node.children.is_empty() {
            node.content.value = "text/plain".to_owned(); // no such boundary: a reader would see it all
        }
    }
    node
}

/// Lines with their line ends.
fn lines(bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
    bytes.split_inclusive(|byte| *byte == b'\n')
}

fn trim_end(line: &[u8]) -> &[u8] {
    line.trim_ascii_end()
}

fn split_header<'a>(bytes: &'a [u8], limits: &mut Limits) -> (Vec<Field<'a>>, &'a [u8]) {
    let mut fields: Vec<Field<'a>> = Vec::new();
    let mut open: Option<(&'a str, usize)> = None;
    let mut at = 0;
    let close = |open: &mut Option<(&'a str, usize)>, fields: &mut Vec<Field<'a>>, end: usize| {
        if let Some((name, start)) = open.take()
            && fields.len() < MAX_FIELDS
        {
            fields.push(Field { name, raw: bytes.get(start..end.min(start + MAX_FIELD)).unwrap_or_default() });
        }
    };
    for line in lines(bytes) {
        let start = at;
        at += line.len();
        if trim_end(line).is_empty() && !line.starts_with(b" ") && !line.starts_with(b"\t") {
            close(&mut open, &mut fields, start);
            limits.too_many |= fields.len() >= MAX_FIELDS;
            return (fields, bytes.get(at..).unwrap_or_default());
        }
        let folded = line.first().is_some_and(|byte| matches!(byte, b' ' | b'\t'));
        match name_of(line) {
            Some((name, length)) if !folded => {
                close(&mut open, &mut fields, start);
                open = Some((name, start + length));
            }
            // the line an mbox puts before a message, also behind escapes
            _ if fields.is_empty() && open.is_none() && line.trim_start_with_quotes().starts_with(b"From ") => {}
            // no field and nothing to continue: this text has no header
            _ if open.is_none() => return (fields, bytes.get(start..).unwrap_or_default()),
            _ => {}
        }
    }
    close(&mut open, &mut fields, bytes.len());
    (fields, &[])
}

trait Quotes {
    fn trim_start_with_quotes(&self) -> &[u8];
}

impl Quotes for [u8] {
    fn trim_start_with_quotes(&self) -> &[u8] {
        let quotes = self.iter().take_while(|byte| **byte == b'>').count();
        self.get(quotes..).unwrap_or_default()
    }
}

/// The field name a line begins with, and where its value begins.
fn name_of(line: &[u8]) -> Option<(&str, usize)> {
    let colon = line.iter().take(200).position(|byte| *byte == b':')?;
    let name = line.get(..colon)?.trim_ascii_end();
    if name.is_empty() || !name.iter().all(u8::is_ascii_graphic) {
        return None;
    }
    Some((std::str::from_utf8(name).ok()?, colon + 1))
}

/// The parts of a multipart body; a part without an end goes to the end.
fn sections<'a>(body: &'a [u8], boundary: &[u8]) -> Vec<&'a [u8]> {
    let mut sections = Vec::new();
    if boundary.is_empty() {
        return sections;
    }
    let mut start = None;
    let mut at = 0;
    for line in lines(body) {
        let here = at;
        at += line.len();
        let Some(rest) = line.strip_prefix(b"--").and_then(|rest| rest.strip_prefix(boundary)) else { continue };
        let last = match trim_end(rest) {
            b"" => false,
            rest if rest.starts_with(b"--") => true,
            _ => continue,
        };
        if let Some(start) = start.take() {
            let part: &[u8] = body.get(start..here).unwrap_or_default();
            let part = part.strip_suffix(b"\n").unwrap_or(part);
            sections.push(part.strip_suffix(b"\r").unwrap_or(part));
        }
        if last {
            return sections;
        }
        start = Some(at);
    }
    if let Some(rest) = start.and_then(|start| body.get(start..)) {
        sections.push(rest);
    }
    sections.truncate(MAX_PARTS + 1);
    sections
}

/// Undoes a transfer encoding, forgiving what a mailer or a cut did to it.
pub(super) fn transfer_decoded<'a>(body: &'a [u8], encoding: &str) -> std::borrow::Cow<'a, [u8]> {
    match encoding {
        "base64" => header::base64(body).into(),
        "quoted-printable" => quoted_printable(body).into(),
        _ => body.into(),
    }
}

fn quoted_printable(body: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(body.len());
    for line in lines(body) {
        let text = trim_end(line);
        let end = line.get(text.len()..).unwrap_or_default();
        let soft = text.last() == Some(&b'=');
        let text = if soft { text.get(..text.len() - 1).unwrap_or_default() } else { text };
        let mut at = 0;
        while let Some(&byte) = text.get(at) {
            let coded = |n: usize| text.get(at + n).and_then(hex);
            if byte == b'=' {
                if let (Some(high), Some(low)) = (coded(1), coded(2)) {
                    out.push(high << 4 | low);
                    at += 3;
                    continue;
                }
                if at + 3 > text.len() && end.is_empty() {
                    break; // a code cut in two at the end of a capped fetch
                }
            }
            out.push(byte);
            at += 1;
        }
        if !soft {
            // blanks at a line's end are the transport's
            out.extend(end.iter().filter(|byte| matches!(byte, b'\r' | b'\n')));
        }
    }
    out
}

pub(super) fn hex(byte: &u8) -> Option<u8> {
    char::from(*byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok())
}
