//! Where each fact was read: field, line, and the line itself with the words marked.

use super::{Confidence, Facts, Field, Span, sheet};
use crate::mail::{Mail, PartKind};
use crate::text;
use serde::Serialize;
use serde_json::Value;
use std::ops::Range;

/// Characters of a line that are shown on each side of the words.
const AROUND: usize = 60;

/// A fact and its place in the mail.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Place {
    /// The key, as `modori classify` prints it.
    pub key: String,
    /// The value, as `modori classify` prints it.
    pub value: Value,
    /// How sure the reading is; nothing acts on `low`.
    pub confidence: Confidence,
    /// Which text it was read in.
    pub field: Field,
    /// The line of the body, counted from 1; 0 elsewhere.
    pub line: usize,
    /// `new`, `quoted` or `forwarded`, in the body.
    pub part: Option<&'static str>,
    /// The line around the words, as written, cut to what fits a screen.
    pub text: String,
    /// The words: bytes of `text`.
    pub hit: Range<usize>,
}

/// Every fact of a mail with its place, in the order of the sheet.
#[must_use]
pub fn places(facts: &Facts, mail: &Mail) -> Vec<Place> {
    let mut spans: Vec<(String, Value, Confidence, Span)> = Vec::new();
    for found in &facts.order_numbers {
        spans.push(("order_number".into(), found.value.as_str().into(), found.confidence, found.span.clone()));
    }
    for found in &facts.items {
        spans.push(("items".into(), sheet::item(&found.value), found.confidence, found.span.clone()));
    }
    for found in &facts.points_by_order {
        spans.push(("points_by_order".into(), found.value.points.into(), found.confidence, found.span.clone()));
    }
    for (key, value, confidence, span) in sheet::entries(facts) {
        spans.push((key.to_owned(), value, confidence, span));
    }
    let place = |(key, value, confidence, span): (String, Value, Confidence, Span)| {
        let (text, hit) = shown(&span, mail);
        let body = span.field == Field::Body;
        let line = if body { line_of(&mail.body.raw, span.range.start) } else { 0 };
        let part = body.then(|| match mail.part_at(span.range.start) {
            PartKind::New => "new",
            PartKind::Quoted => "quoted",
            PartKind::Forwarded => "forwarded",
        });
        Place { key, value, confidence, field: span.field, line, part, text, hit }
    };
    spans.into_iter().map(place).collect()
}

fn line_of(raw: &str, at: usize) -> usize {
    raw.get(..at).map_or(0, |before| before.matches('\n').count() + 1)
}

/// The line around a place and where in it the words stand; nothing that cannot be seen is in it.
fn shown(span: &Span, mail: &Mail) -> (String, Range<usize>) {
    let raw = match span.field {
        Field::Subject => mail.subject.raw.as_str(),
        Field::Body => mail.body.raw.as_str(),
        Field::From | Field::Link => {
            let words = one_line(span.words(mail));
            return (words.clone(), 0..words.len());
        }
    };
    let words = span.words(mail);
    let (before, after) =
        (raw.get(..span.range.start).unwrap_or_default(), raw.get(span.range.end..).unwrap_or_default());
    let lead = before.rsplit('\n').next().unwrap_or_default();
    let lead = lead.char_indices().rev().nth(AROUND).map_or(lead, |(at, _)| lead.get(at..).unwrap_or_default());
    let tail = after.split('\n').next().unwrap_or_default();
    let tail = tail.char_indices().nth(AROUND).map_or(tail, |(at, _)| tail.get(..at).unwrap_or_default());
    let (lead, words, tail) = (one_line(lead), one_line(words), one_line(tail));
    let hit = lead.len()..lead.len() + words.len();
    (format!("{lead}{words}{tail}"), hit)
}

/// Without line ends, tabs and what cannot be seen; at most 200 characters.
fn one_line(words: &str) -> String {
    text::visible(words).chars().map(|c| if c.is_whitespace() { ' ' } else { c }).take(200).collect()
}

#[cfg(test)]
mod tests {
    use super::places;
    use crate::facts::find;
    use crate::facts::tests::mail_of;

    #[test]
    fn every_fact_stands_where_it_was_read() {
        let mail = mail_of("件名", "見本様\n\n受注番号：399999-20261120-0123456789\nポイント利用 -500(円)です\n");
        let facts = find(&mail);
        let all = places(&facts, &mail);
        let of = |key: &str| {
            all.iter().find(|place| place.key == key).map(|place| (place.line, &place.text[place.hit.clone()]))
        };
        assert_eq!(of("order_number"), Some((3, "399999-20261120-0123456789")));
        assert_eq!(of("points_used").map(|(line, _)| line), Some(4));
        let sheet = crate::facts::sheet::sheet(&facts);
        for place in &all {
            assert!(sheet.get(&place.key).is_some() || sheet["doubtful"].get(&place.key).is_some(), "{}", place.key);
        }
    }
}
