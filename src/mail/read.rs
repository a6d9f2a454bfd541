//! From bytes to [`Mail`]: puts together what the other files of this room find.

use super::body::{self, Draft};
use super::mime::{self, Field, Limits, Node};
use super::parts::{self, Hints};
use super::trust::{self, Evidence};
use super::{Address, Header, Inner, Link, Mail, Part, PartKind, Reading, Text, header, hops, links, when};
use crate::mailbox::MailKey;
use jiff::{SignedDuration, Timestamp};
use sha2::{Digest, Sha256};
use std::borrow::Cow;

/// A message whose lines end in carriage returns alone, as old programs wrote them, with line feeds instead.
fn with_line_feeds(bytes: &[u8]) -> Cow<'_, [u8]> {
    if bytes.contains(&b'\n') || !bytes.contains(&b'\r') {
        return Cow::Borrowed(bytes);
    }
    Cow::Owned(bytes.iter().map(|byte| if *byte == b'\r' { b'\n' } else { *byte }).collect())
}

/// Reads a message. Never fails and never panics: what could not be understood is a [`Note`](super::Note).
#[must_use]
pub fn read(bytes: &[u8], reading: &Reading<'_>) -> Mail {
    let mut limits = Limits::default();
    let mut draft = Draft::default();
    let ended = with_line_feeds(bytes);
    let root = mime::open(&ended, 0, "text/plain", &mut limits);
    body::gather(&root, 0, &mut limits, &mut draft);

    let headers = headers(&root);
    let value = |name: &str| {
        headers.iter().find(|header| header.name.eq_ignore_ascii_case(name)).map(|header| header.value.as_str())
    };
    let all = |name: &str| -> Vec<Address> {
        let fields = root.fields.iter().filter(|field| field.name.eq_ignore_ascii_case(name));
        fields.flat_map(|field| header::addresses(field.raw)).take(500).collect()
    };
    let from_fields = root.fields.iter().filter(|field| field.name.eq_ignore_ascii_case("from")).count();
    let senders = all("from");
    if senders.len() > 1 || from_fields > 1 {
        draft.note("two-from", "more than one sender is named in From");
    }
    if senders.is_empty() {
        draft.note("no-from", "no sender could be read");
    }
    let subject_words = root.field("subject").map(header::text).unwrap_or_default();
    if subject_words.damaged {
        draft.note("damaged-subject", "some characters of the subject could not be read");
    } else if subject_words.guessed {
        draft.note("subject-charset-guessed", "the subject's charset is not named, or wrongly");
    }
    let subject = Text::new(subject_words.text);
    let references = references(&root);
    let hints = hints(subject.folded.text(), !references.is_empty());

    let (raw, parts, mut links, inner) = assemble(&mut draft, hints);
    bare_links(&raw, &mut links);
    let known: std::collections::HashSet<&str> = links.iter().map(|link| link.href.as_str()).collect();
    let aside: Vec<Link> = draft.aside.drain(..).filter(|link| !known.contains(link.href.as_str())).collect();
    links.extend(aside);
    links.truncate(links::MAX_LINKS);
    let inner = draft.inner.take().or(inner);
    let body = Text::new(raw);

    let date_text = value("date").unwrap_or_default();
    let date = when::read(date_text);
    if date.is_none() {
        draft.note("no-date", "the Date field is missing or could not be read");
    }
    let base = base(date, reading.received, inner.as_ref());
    if date.is_some_and(|date| too_far(date, reading.received)) {
        draft.note("date-differs", "the Date field and the time of receipt differ by more than a day");
    }
    if limits.too_deep {
        draft.note("too-deep", "the mail is nested very deeply and was not followed to its end");
    }
    if limits.too_many {
        draft.note("too-many-parts", "the mail has very many parts or fields, and only the first were read");
    }
    if (bytes.len() as u64) < u64::from(reading.size) {
        draft.note("truncated", "only the first part of the message was fetched");
    }

    let reply_to = all("reply-to");
    let trust = trust::judge(&Evidence {
        from: &senders,
        from_fields,
        reply_to: &reply_to,
        subject: subject.folded.text(),
        body: body.folded.text(),
        links: &links,
        results: &results(&root, reading.authserv_ids),
        authserv_ids: reading.authserv_ids,
        date_zone: zone(date_text),
        attachments: draft.attachments.len(),
        forward: inner.is_some(),
    });
    let message_id = root.field("message-id").and_then(|raw| header::ids(raw).into_iter().next());
    let from = senders.into_iter().next().unwrap_or_default();
    let second_identity = second_identity(&from, message_id.as_deref(), date, body.folded.text());
    let return_path = return_path(&root);
    let returned = returned(std::mem::take(&mut draft.returned), return_path.as_deref(), &from, &body.raw);
    let mut to = all("to");
    to.extend(all("cc"));
    Mail {
        key: MailKey::of(bytes),
        message_id,
        references,
        returned,
        return_path,
        to,
        reply_to,
        subject,
        date,
        received: reading.received,
        base,
        body,
        parts,
        hidden: draft.hidden,
        links,
        attachments: draft.attachments,
        inner,
        trust,
        notes: draft.notes,
        size: reading.size,
        second_identity,
        from,
        headers,
    }
}

fn headers(root: &Node<'_>) -> Vec<Header> {
    let decoded = |raw: &[u8]| header::text(raw).text;
    root.fields.iter().map(|field| Header { name: field.name.to_owned(), value: decoded(field.raw) }).collect()
}

/// The thread before it, oldest first (RFC 5322, 3.6.4): what it answers stands last in References, and is added where
/// it does not.
fn references(root: &Node<'_>) -> Vec<String> {
    let mut all: Vec<String> = Vec::new();
    for name in ["references", "in-reply-to"] {
        for id in root.field(name).map(header::ids).unwrap_or_default() {
            if !all.contains(&id) {
                all.push(id);
            }
        }
    }
    all
}

/// Which mails it gives back. Old servers send no report: the header of the mail stands in the text of theirs.
fn returned(mut ids: Vec<String>, return_path: Option<&str>, from: &Address, text: &str) -> Vec<String> {
    let local = from.addr.split('@').next().unwrap_or_default();
    if return_path == Some("") || matches!(local, "mailer-daemon" | "postmaster") {
        let named = |line: &&str| line.get(..11).is_some_and(|name| name.eq_ignore_ascii_case("message-id:"));
        let lines = text.lines().map(|line| line.trim_start_matches(['>', ' ', '\t'])).filter(named);
        ids.extend(lines.take(20).flat_map(|line| header::ids(line.get(11..).unwrap_or_default().as_bytes())));
    }
    ids.truncate(20);
    ids
}

fn hints(subject: &str, answers: bool) -> Hints {
    let mut rest = subject.trim_start();
    // a list's tag may stand before it: [list] Re:
    if let Some((_, after)) = rest.strip_prefix('[').and_then(|rest| rest.split_once("] ")) {
        rest = after.trim_start();
    }
    let forward = ["fwd:", "fw:", "転送:", "tr:", "[fwd:", "(fwd)"].iter().any(|mark| rest.starts_with(mark));
    let reply = ["re:", "re[", "re^", "返信:"].iter().any(|mark| rest.starts_with(mark));
    Hints { reply: !forward && (reply || answers), forward }
}

/// One text of all pieces, its parts, and the links with their places in it.
fn assemble(draft: &mut Draft, hints: Hints) -> (String, Vec<Part>, Vec<Link>, Option<Inner>) {
    let mut raw = String::with_capacity(draft.pieces.iter().map(|piece| piece.text.len() + 1).sum());
    let mut parts: Vec<Part> = Vec::new();
    let mut links = Vec::new();
    let mut inner = None;
    for piece in draft.pieces.drain(..) {
        if piece.text.is_empty() {
            continue;
        }
        if !raw.is_empty() && !raw.ends_with('\n') {
            raw.push('\n');
            if let Some(last) = parts.last_mut() {
                last.range.end = raw.len();
            }
        }
        let start = raw.len();
        let found = match piece.whole {
            Some(kind) => vec![Part { kind, range: 0..piece.text.len() }],
            None => {
                let (parts, found) = parts::split(&piece.text, &piece.cited, hints);
                inner = inner.or(found);
                parts
            }
        };
        for part in found {
            let range = part.range.start + start..part.range.end + start;
            match parts.last_mut() {
                Some(last) if last.kind == part.kind => last.range.end = range.end,
                _ => parts.push(Part { kind: part.kind, range }),
            }
        }
        links.extend(
            piece
                .links
                .into_iter()
                .map(|link| Link { place: link.place.map(|place| place.start + start..place.end + start), ..link }),
        );
        raw.push_str(&piece.text);
    }
    if parts.is_empty() && !raw.is_empty() {
        parts.push(Part { kind: PartKind::New, range: 0..raw.len() });
    }
    (raw, parts, links, inner)
}

/// Adds the URLs that stand in the text and are not the text of a link already.
fn bare_links(raw: &str, links: &mut Vec<Link>) {
    let mut taken: Vec<(usize, usize)> =
        links.iter().filter_map(|link| link.place.as_ref().map(|place| (place.start, place.end))).collect();
    taken.sort_unstable();
    for range in links::bare(raw) {
        let before = taken.partition_point(|(start, _)| *start <= range.start);
        let covered = before.checked_sub(1).and_then(|i| taken.get(i)).is_some_and(|(_, end)| *end > range.start);
        if covered {
            continue;
        }
        let url = raw.get(range.clone()).unwrap_or_default().to_owned();
        links.push(Link { host: links::host(&url), href: url.clone(), text: url, place: Some(range) });
    }
    links.sort_by_key(|link| link.place.as_ref().map_or(usize::MAX, |place| place.start));
}

fn too_far(date: Timestamp, received: Timestamp) -> bool {
    date.duration_since(received).abs() > SignedDuration::from_hours(24)
}

fn base(date: Option<Timestamp>, received: Timestamp, inner: Option<&Inner>) -> Timestamp {
    // an inner mail cannot be younger than the mail that holds it
    let day = SignedDuration::from_hours(24);
    if let Some(inner) = inner.and_then(|inner| inner.date).filter(|inner| inner.duration_since(received) <= day) {
        return inner;
    }
    date.filter(|date| !too_far(*date, received)).unwrap_or(received)
}

/// The name under which somebody wrote the topmost Authentication-Results of a message (RFC 8601, 2.5): perhaps the
/// shopper's provider, perhaps whoever sent the mail. A thing to look at, never to trust by itself.
#[must_use]
pub fn topmost_authserv_id(bytes: &[u8]) -> Option<String> {
    let ended = with_line_feeds(bytes);
    let root = mime::open(&ended, 0, "text/plain", &mut Limits::default());
    super::vouch::id(results(&root, &[]).first()?)
}

/// The topmost Authentication-Results field and those directly below it, unfolded but not decoded: an encoded word in a
/// forger's address must not become a result. None when they were in the mail before one of `authserv_ids` took it in.
fn results(root: &Node<'_>, authserv_ids: &[String]) -> Vec<String> {
    let is = |field: &&Field<'_>| field.name.eq_ignore_ascii_case("authentication-results");
    let topmost = root.fields.iter().position(|field| is(&field)).unwrap_or(root.fields.len());
    let (above, below) = root.fields.split_at(topmost);
    if hops::below_arrival(above.iter(), authserv_ids) {
        return Vec::new();
    }
    let fields = below.iter().take_while(is);
    fields.map(|field| String::from_utf8_lossy(field.raw).replace(['\r', '\n'], "")).collect()
}

fn return_path(root: &Node<'_>) -> Option<String> {
    let value = header::text(root.field("return-path")?).text;
    let inside = value.trim().trim_start_matches('<').split('>').next().unwrap_or_default();
    Some(inside.trim().to_lowercase())
}

/// The `+0900` of a Date field.
fn zone(date: &str) -> Option<&str> {
    date.split_whitespace().find(|word| {
        word.len() == 5 && word.starts_with(['+', '-']) && word.bytes().skip(1).all(|byte| byte.is_ascii_digit())
    })
}

fn second_identity(from: &Address, message_id: Option<&str>, date: Option<Timestamp>, body: &str) -> String {
    let mut hash = Sha256::new();
    for field in [from.addr.as_str(), message_id.unwrap_or_default()] {
        hash.update(field.as_bytes());
        hash.update([0]);
    }
    hash.update(date.map_or(i64::MIN, Timestamp::as_second).to_be_bytes());
    // copies differ in how their transport broke and padded lines
    for word in body.split_whitespace() {
        hash.update(word.as_bytes());
    }
    let digits = |byte: &u8| [byte >> 4, byte & 15].map(|digit| char::from_digit(u32::from(digit), 16).unwrap_or('0'));
    hash.finalize().iter().flat_map(digits).collect()
}

#[cfg(test)]
mod tests;
