//! The text of a message: which part, transfer encoding, charset.

use super::mime::{self, Field, Limits, Node};
use super::{Address, Attachment, Inner, Link, Note, PartKind, header, html, links, when};
use crate::text::{self, Doubt};
use std::ops::Range;

/// Bytes of text of one mail that are kept.
const MAX_TEXT: usize = 4 * 1024 * 1024;
/// Attachments of one mail that are listed.
const MAX_ATTACHMENTS: usize = 200;

/// Everything the parts of a mail yield.
#[derive(Debug, Default)]
pub(super) struct Draft {
    pub(super) pieces: Vec<Piece>,
    pub(super) hidden: String,
    /// Links of HTML parts that were not chosen: they count, but have no place in the text.
    pub(super) aside: Vec<Link>,
    pub(super) attachments: Vec<Attachment>,
    pub(super) inner: Option<Inner>,
    pub(super) notes: Vec<Note>,
    /// Message-IDs of mails that a report gives back.
    pub(super) returned: Vec<String>,
}

/// The text of one part.
#[derive(Debug, Default)]
pub(super) struct Piece {
    pub(super) text: String,
    pub(super) links: Vec<Link>,
    pub(super) cited: Vec<Range<usize>>,
    /// What all of it is, when the structure says so.
    pub(super) whole: Option<PartKind>,
}

impl Draft {
    pub(super) fn note(&mut self, code: &str, text: &str) {
        if !self.notes.iter().any(|note| note.code == code) {
            self.notes.push(Note { code: code.to_owned(), text: text.to_owned() });
        }
    }

    fn doubt(&mut self, doubt: Doubt) {
        match doubt {
            Doubt::None => {}
            Doubt::Guessed => self.note("charset-guessed", "the charset is not named and was guessed from the bytes"),
            Doubt::WrongLabel => self.note("charset-mislabelled", "the text is in another charset than its label says"),
            Doubt::Damaged => self.note("damaged-text", "some characters of the text could not be read"),
        }
    }

    /// Letters of the text, addresses aside.
    fn weight(&self) -> usize {
        self.pieces
            .iter()
            .map(|piece| {
                let letters = |text: &str| text.chars().filter(|c| c.is_alphanumeric()).count();
                let urls = links::bare(&piece.text);
                let in_urls: usize = urls.into_iter().filter_map(|range| piece.text.get(range)).map(letters).sum();
                letters(&piece.text).saturating_sub(in_urls)
            })
            .sum()
    }

    fn take_rest(&mut self, other: Self) {
        let room = MAX_ATTACHMENTS.saturating_sub(self.attachments.len());
        self.attachments.extend(other.attachments.into_iter().take(room));
        self.inner = self.inner.take().or(other.inner);
        for note in other.notes {
            self.note(&note.code, &note.text);
        }
    }
}

/// Reads a part and all in it.
pub(super) fn gather(node: &Node<'_>, depth: usize, limits: &mut Limits, draft: &mut Draft) {
    let media = node.content.value.as_str();
    if node.is_multipart() {
        match media {
            "multipart/alternative" => alternative(node, depth, limits, draft),
            "multipart/related" => {
                let mut children = node.children.iter();
                if let Some(root) = children.next() {
                    gather(root, depth + 1, limits, draft);
                }
                for child in children {
                    attach(child, draft);
                }
            }
            "multipart/report" => {
                for (i, child) in node.children.iter().enumerate() {
                    if i == 0 {
                        gather(child, depth + 1, limits, draft);
                    } else {
                        give_back(child, depth, limits, draft);
                        attach(child, draft);
                    }
                }
            }
            _ => {
                for child in &node.children {
                    gather(child, depth + 1, limits, draft);
                }
            }
        }
        return;
    }
    let disposition = node.field("content-disposition").map(header::content).unwrap_or_default();
    let named = disposition.param("filename").or_else(|| node.content.param("name")).is_some();
    let attached = disposition.value == "attachment" || (named && !draft.pieces.is_empty());
    match media {
        "text/plain" | "text/html" if !attached => leaf(node, draft),
        "message/rfc822" | "message/global" => nested(node, depth, limits, draft),
        _ => attach(node, draft),
    }
}

/// Of several forms of one text the one a reader would see: the plain one, unless it is empty or only says that the
/// mail is HTML.
fn alternative(node: &Node<'_>, depth: usize, limits: &mut Limits, draft: &mut Draft) {
    let mut plain: Option<Draft> = None;
    let mut rich: Option<Draft> = None;
    for child in &node.children {
        let mut one = Draft::default();
        gather(child, depth + 1, limits, &mut one);
        let is_plain = child.content.value == "text/plain";
        let slot = if is_plain { &mut plain } else { &mut rich };
        match slot {
            // the last form is the richest (RFC 2046, 5.1.4), but one without text is none
            Some(known) if one.pieces.iter().all(|piece| piece.text.trim().is_empty()) => known.take_rest(one),
            _ => {
                if let Some(before) = slot.replace(one)
                    && let Some(now) = slot
                {
                    now.take_rest(before);
                }
            }
        }
    }
    let (chosen, other) = match (plain, rich) {
        (Some(plain), Some(rich)) => {
            let (letters, rich_letters) = (plain.weight(), rich.weight());
            let hint = letters < 200
                && rich_letters > letters
                && plain.pieces.iter().any(|piece| text::fold(&piece.text).text().contains("html"));
            if rich_letters > 0 && (letters * 3 < rich_letters || hint) {
                (rich, Some(plain))
            } else {
                (plain, Some(rich))
            }
        }
        (Some(one), None) | (None, Some(one)) => (one, None),
        (None, None) => return,
    };
    let mut chosen = chosen;
    draft.pieces.append(&mut chosen.pieces);
    draft.hidden.push_str(&chosen.hidden);
    draft.aside.append(&mut chosen.aside);
    draft.take_rest(chosen);
    if let Some(mut other) = other {
        for piece in &mut other.pieces {
            draft.aside.extend(piece.links.drain(..).map(|link| Link { place: None, ..link }));
        }
        draft.hidden.push_str(&other.hidden);
        other.notes.clear();
        draft.take_rest(other);
    }
}

/// Decoded size; base64 is counted, not decoded, since attachments are large and never read.
fn size_of(node: &Node<'_>) -> usize {
    let encoding = node.field("content-transfer-encoding").map(|raw| header::text(raw).text).unwrap_or_default();
    if encoding.trim().eq_ignore_ascii_case("base64") {
        return node.body.iter().filter(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/')).count() * 3
            / 4;
    }
    bytes_of(node).len()
}

fn bytes_of<'a>(node: &Node<'a>) -> std::borrow::Cow<'a, [u8]> {
    let encoding = node.field("content-transfer-encoding").map(|raw| header::text(raw).text).unwrap_or_default();
    let encoding =
        encoding.split([' ', ';', '(']).find(|word| !word.is_empty()).unwrap_or_default().to_ascii_lowercase();
    mime::transfer_decoded(node.body, &encoding)
}

fn leaf(node: &Node<'_>, draft: &mut Draft) {
    let bytes = bytes_of(node);
    let mut rich = node.content.value == "text/html";
    let label = node.content.param("charset").map(str::to_owned);
    let label = label.or_else(|| if rich { charset_of_html(&bytes) } else { None });
    let decoded = text::decode(&bytes, label.as_deref());
    draft.doubt(decoded.doubt);
    let mut text = decoded.text;
    if text.len() > MAX_TEXT {
        let mut end = MAX_TEXT;
        while !text.is_char_boundary(end) {
            end -= 1;
        }
        text.truncate(end);
        draft.note("truncated", "the text is very long and only its first part was read");
    }
    if !rich {
        let start: String = text.trim_start().chars().take(15).collect::<String>().to_ascii_lowercase();
        rich = start.starts_with("<!doctype html") || start.starts_with("<html");
    }
    if !rich {
        if text.contains('\r') {
            text = text.replace("\r\n", "\n").replace('\r', "\n");
        }
        if node.content.param("format").is_some_and(|format| format.eq_ignore_ascii_case("flowed")) {
            let delete = node.content.param("delsp").is_some_and(|word| word.eq_ignore_ascii_case("yes"));
            text = flowed(&text, delete);
        }
        draft.pieces.push(Piece { text, ..Piece::default() });
        return;
    }
    // a tokenizer of others' making reads hostile text here: should it ever panic, the mail is still filed
    let Ok(page) = std::panic::catch_unwind(|| html::render(&text)) else {
        draft.note("unreadable-html", "the HTML of this mail could not be read");
        return;
    };
    if page.too_deep {
        draft.note("too-deep", "the HTML is nested very deeply and was not followed to its end");
    }
    if page.truncated {
        draft.note("truncated", "the text is very long and only its first part was read");
    }
    draft.hidden.push_str(&page.hidden);
    draft.pieces.push(Piece { text: page.text, links: page.links, cited: page.cited, whole: None });
}

/// Lines that end in a blank go on in the next one (RFC 3676).
fn flowed(text: &str, delete: bool) -> String {
    let mut out = String::with_capacity(text.len());
    for line in text.split_inclusive('\n') {
        let body = line.trim_end_matches('\n');
        let body = body.strip_prefix(' ').unwrap_or(body);
        if line.ends_with('\n') && body.ends_with(' ') && body != "-- " && !body.starts_with('>') {
            out.push_str(if delete { body.strip_suffix(' ').unwrap_or(body) } else { body });
        } else {
            out.push_str(body);
            if line.ends_with('\n') {
                out.push('\n');
            }
        }
    }
    out
}

/// The charset a `<meta>` element names.
fn charset_of_html(bytes: &[u8]) -> Option<String> {
    let head = String::from_utf8_lossy(bytes.get(..bytes.len().min(2048))?).to_ascii_lowercase();
    let at = head.find("charset=")?;
    let label: String = head
        .get(at + 8..)?
        .trim_start_matches(['"', '\''])
        .chars()
        .take_while(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_'))
        .collect();
    (!label.is_empty()).then_some(label)
}

fn attach(node: &Node<'_>, draft: &mut Draft) {
    for child in &node.children {
        attach(child, draft);
    }
    if node.is_multipart() || draft.attachments.len() >= MAX_ATTACHMENTS {
        return;
    }
    let disposition = node.field("content-disposition").map(header::content).unwrap_or_default();
    let name = disposition.param("filename").or_else(|| node.content.param("name")).unwrap_or_default();
    draft.attachments.push(Attachment {
        name: name.chars().filter(|c| !c.is_control()).collect(),
        media_type: node.content.value.clone(),
        size: size_of(node),
    });
}

/// The mail that a report gives back, whole or as its header (RFC 6522, 3): which one it is.
fn give_back(node: &Node<'_>, depth: usize, limits: &mut Limits, draft: &mut Draft) {
    let kinds = ["message/rfc822", "message/global", "text/rfc822-headers", "message/global-headers"];
    if depth >= mime::MAX_DEPTH || !kinds.contains(&node.content.value.as_str()) {
        return;
    }
    let bytes = bytes_of(node);
    let mail = mime::open(&bytes, depth + 1, "text/plain", limits);
    draft.returned.extend(mail.field("message-id").map(header::ids).unwrap_or_default().into_iter().take(1));
}

/// A mail inside the mail: a forward as attachment.
fn nested(node: &Node<'_>, depth: usize, limits: &mut Limits, draft: &mut Draft) {
    if depth >= mime::MAX_DEPTH || limits.parts >= mime::MAX_PARTS {
        limits.too_deep |= depth >= mime::MAX_DEPTH;
        limits.too_many |= limits.parts >= mime::MAX_PARTS;
        return attach(node, draft);
    }
    let bytes = bytes_of(node);
    let mail = mime::open(&bytes, depth + 1, "text/plain", limits);
    if mail.fields.is_empty() {
        return attach(node, draft);
    }
    let mut one = Draft::default();
    gather(&mail, depth + 1, limits, &mut one);
    let text_of = |name: &str| mail.field(name).map(|raw| header::text(raw).text).unwrap_or_default();
    let inner = Inner {
        from: first_address(&mail.fields),
        subject: text_of("subject"),
        date: mail.field("date").and_then(|raw| when::read(&header::text(raw).text)),
    };
    let head = format!("From: {}\nDate: {}\nSubject: {}\n", text_of("from"), text_of("date"), inner.subject);
    draft.pieces.push(Piece { text: head, whole: Some(PartKind::Forwarded), ..Piece::default() });
    for piece in &mut one.pieces {
        piece.whole = Some(PartKind::Forwarded);
    }
    draft.pieces.append(&mut one.pieces);
    draft.hidden.push_str(&one.hidden);
    draft.aside.append(&mut one.aside);
    // the outermost forward is the one meant
    one.inner = None;
    draft.inner.get_or_insert(inner);
    draft.take_rest(one);
}

fn first_address(fields: &[Field<'_>]) -> Option<Address> {
    let field = fields.iter().find(|field| field.name.eq_ignore_ascii_case("from"))?;
    header::addresses(field.raw).into_iter().next()
}
