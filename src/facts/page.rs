//! A mail as the finders see it: its texts in normal form, line by line, with the way back to what was written.

use super::index::Index;
use super::pattern::Pattern;
use super::{Confidence, Field, Found, Span};
use crate::mail::{Mail, PartKind};
use crate::text::{Folded, clause};
use std::cell::OnceCell;
use std::ops::Range;

/// Lines longer than this are cut: no label and no table row is longer.
const LONGEST_LINE: usize = 4000;
/// A sentence or line is looked at so far (bytes) to each side of a word: a mail without line ends stays cheap.
const REACH: usize = 1000;
/// So many places of each list of words are looked at.
const MOST_HITS: usize = 2000;

/// One text of a mail in normal form.
pub(super) struct View<'a> {
    pub(super) field: Field,
    folded: &'a Folded,
    mail: &'a Mail,
    index: Index,
}

impl<'a> View<'a> {
    fn new(field: Field, folded: &'a Folded, mail: &'a Mail) -> Self {
        Self { field, folded, mail, index: Index::of(folded.text()) }
    }

    /// Whether a word stands in the text.
    pub(super) fn has(&self, word: &str) -> bool {
        !self.index.lacks(word)
            && match self.index.places(self.text(), word) {
                Some(mut places) => places.next(word).is_some(),
                None => self.text().contains(word),
            }
    }

    /// Whether one of these words stands in the text.
    pub(super) fn has_any(&self, words: &[&str]) -> bool {
        words.iter().any(|word| self.has(word))
    }

    /// The first place of a word.
    pub(super) fn first(&self, word: &str) -> Option<usize> {
        if self.index.lacks(word) { None } else { self.places(word).next() }
    }

    /// The places of a word, none inside the one before it.
    pub(super) fn places<'w>(&'w self, word: &'w str) -> impl Iterator<Item = usize> + use<'a, 'w> {
        let mut looked_up = self.index.places(self.text(), word);
        let searched = looked_up.is_none().then(|| self.text().match_indices(word));
        let mut searched = searched.into_iter().flatten();
        std::iter::from_fn(move || match &mut looked_up {
            Some(places) => places.next(word),
            None => searched.next().map(|(at, _)| at),
        })
    }

    /// The matches of a pattern, which is run only over a text that holds its words.
    pub(super) fn matches<'p>(&self, pattern: &'p Pattern) -> impl Iterator<Item = regex::Match<'a>> + use<'a, 'p> {
        let text = pattern.may_match(|word| self.has(word)).then_some(self.text());
        text.into_iter().flat_map(|text| pattern.find_iter(text))
    }

    /// The matches of a pattern with its groups.
    pub(super) fn captures<'p>(&self, pattern: &'p Pattern) -> impl Iterator<Item = regex::Captures<'a>> + use<'a, 'p> {
        let text = pattern.may_match(|word| self.has(word)).then_some(self.text());
        text.into_iter().flat_map(|text| pattern.captures_iter(text))
    }

    /// Words in the text, in order of their places, the longest at each place.
    pub(super) fn hits<'w>(&self, words: &[&'w str]) -> Vec<(usize, &'w str)> {
        let mut found: Vec<(usize, &'w str)> = Vec::new();
        for word in words.iter().filter(|word| !self.index.lacks(word)) {
            match self.index.places(self.text(), word) {
                Some(mut places) => {
                    while let Some(at) = places.next(word) {
                        found.push((at, *word));
                    }
                }
                None => found.extend(self.text().match_indices(*word).map(|(at, _)| (at, *word))),
            }
        }
        found.sort_by(|a, b| a.0.cmp(&b.0).then(b.1.len().cmp(&a.1.len())));
        found.dedup_by_key(|(at, _)| *at);
        found.truncate(MOST_HITS);
        found
    }

    pub(super) fn text(&self) -> &'a str {
        self.folded.text()
    }

    /// A part of the text; empty when the range does not fit.
    pub(super) fn slice(&self, range: Range<usize>) -> &'a str {
        self.text().get(range).unwrap_or_default()
    }

    /// What was written there.
    pub(super) fn written(&self, range: Range<usize>) -> &'a str {
        let range = self.folded.origin(range);
        let raw = match self.field {
            Field::Subject => self.mail.subject.raw.as_str(),
            _ => self.mail.body.raw.as_str(),
        };
        raw.get(range).unwrap_or_default()
    }

    /// Whether the text there was written (or passed on) by the sender, not quoted from an earlier mail.
    pub(super) fn counts(&self, at: usize) -> bool {
        self.field != Field::Body || self.mail.part_at(self.folded.origin(at..at + 1).start) != PartKind::Quoted
    }

    pub(super) fn span(&self, range: Range<usize>) -> Span {
        Span { field: self.field, range: self.folded.origin(range) }
    }

    pub(super) fn sure<T>(&self, value: T, range: Range<usize>) -> Found<T> {
        Found { value, span: self.span(range), confidence: Confidence::High }
    }

    pub(super) fn found<T>(&self, value: T, range: Range<usize>, confidence: Confidence) -> Found<T> {
        Found { value, span: self.span(range), confidence }
    }

    /// The line (between `\n`) that holds a place, at most [`REACH`] bytes to each side.
    pub(super) fn line_at(&self, at: usize) -> Range<usize> {
        self.stretch_at(at, |_, c| c == '\n')
    }

    /// The bytes around a place up to the next characters that end the stretch; they are asked for with what stands
    /// before them.
    fn stretch_at(&self, at: usize, ends: impl Fn(&str, char) -> bool) -> Range<usize> {
        self.stretch_start(at, &ends)..self.stretch_end(at, &ends)
    }

    fn stretch_start(&self, at: usize, ends: impl Fn(&str, char) -> bool) -> usize {
        let text = self.text();
        let floor = boundary(text, at.saturating_sub(REACH));
        let before = text.get(floor..at).unwrap_or_default();
        let end_before = |(n, c): &(usize, char)| ends(before.get(..*n).unwrap_or_default(), *c);
        before.char_indices().rev().find(end_before).map_or(floor, |(n, c)| floor + n + c.len_utf8())
    }

    fn stretch_end(&self, at: usize, ends: impl Fn(&str, char) -> bool) -> usize {
        let text = self.text();
        let floor = boundary(text, at.saturating_sub(REACH));
        let ceiling = boundary(text, at.saturating_add(REACH).min(text.len())).max(at);
        let after = text.get(at..ceiling).unwrap_or_default();
        let end_after = |(n, c): &(usize, char)| ends(text.get(floor..at + n).unwrap_or_default(), *c);
        after.char_indices().find(end_after).map_or(ceiling, |(n, _)| at + n)
    }

    /// The sentence that holds a place: between `。`, `!`, `?`, line ends and table cells. A line that ends in a comma
    /// goes on in the next one.
    pub(super) fn sentence_at(&self, at: usize) -> Range<usize> {
        self.stretch_at(at, ends_sentence)
    }

    /// Where the sentence ends that holds a place.
    pub(super) fn sentence_end(&self, at: usize) -> usize {
        self.stretch_end(at, ends_sentence)
    }

    /// The rest of the sentence that holds `at`, behind `from`.
    pub(super) fn rest(&self, at: usize, from: usize) -> &'a str {
        self.slice(from..self.sentence_end(at).max(from))
    }
}

fn ends_sentence(before: &str, c: char) -> bool {
    match c {
        '。' | '!' | '?' | '\t' => true,
        '\n' => !clause::goes_past(before),
        _ => false,
    }
}

/// The nearest character boundary at or before a place.
fn boundary(text: &str, mut at: usize) -> usize {
    at = at.min(text.len());
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    at
}

/// A mail as the finders see it.
pub(super) struct Page<'a> {
    pub(super) mail: &'a Mail,
    pub(super) subject: View<'a>,
    pub(super) body: View<'a>,
    /// The body without the line ends that mailers set inside words.
    pub(super) joined: View<'a>,
    /// The lines of the body.
    pub(super) lines: Vec<Range<usize>>,
    /// What several finders ask for, found once.
    pub(super) known: Known,
}

/// A place in one of the texts of [`Page::prose`].
pub(super) type Place = (usize, Range<usize>);

/// What was found already: see the functions of the same names.
#[derive(Default)]
pub(super) struct Known {
    pub(super) short: OnceCell<Option<Place>>,
    pub(super) deed: OnceCell<Option<Place>>,
    pub(super) finished: OnceCell<bool>,
}

impl<'a> Page<'a> {
    pub(super) fn of(mail: &'a Mail, joined: &'a Folded) -> Self {
        let body = View::new(Field::Body, &mail.body.folded, mail);
        let text = body.text();
        let mut lines = Vec::new();
        let mut start = 0;
        for line in text.split('\n') {
            let mut end = start + line.len().min(LONGEST_LINE);
            while !text.is_char_boundary(end) {
                end -= 1;
            }
            lines.push(start..end);
            start += line.len() + 1;
        }
        Self {
            mail,
            subject: View::new(Field::Subject, &mail.subject.folded, mail),
            body,
            joined: View::new(Field::Body, joined, mail),
            lines,
            known: Known::default(),
        }
    }

    /// Subject and body, the body with broken lines mended.
    pub(super) fn prose(&self) -> [&View<'a>; 2] {
        [&self.subject, &self.joined]
    }

    /// Whether subject or body hold one of these words.
    pub(super) fn has(&self, words: &[&str]) -> bool {
        self.prose().iter().any(|view| view.has_any(words))
    }
}
