//! What is wrong with a rule file, shown as a compiler would: file, line, column, the line itself and what to do.

use annotate_snippets::{AnnotationKind, Level, Renderer, Snippet};
use std::fmt;
use std::ops::Range;
use std::sync::Arc;

/// A rule file: its name as shown to people, and its text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    /// The path or another name that tells a person which file is meant.
    pub name: String,
    /// The whole file.
    pub text: String,
}

impl Source {
    /// A rule file.
    #[must_use]
    pub fn new(name: impl Into<String>, text: impl Into<String>) -> Self {
        Self { name: name.into(), text: text.into() }
    }
}

/// Whether the rules can be used in spite of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// Probably not what was meant; the rules work.
    Warning,
    /// The rules cannot be used.
    Error,
}

/// One thing that is wrong, with its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    /// Error or warning.
    pub severity: Severity,
    /// The file, as named by its [`Source`].
    pub file: String,
    /// Line, counted from 1.
    pub line: usize,
    /// Column in characters, counted from 1.
    pub column: usize,
    /// What is wrong: lower case, no full stop.
    pub message: String,
    /// What to do about it; empty when the message says it.
    pub help: String,
    label: String,
    span: Range<usize>,
    text: Arc<str>,
}

impl Diagnostic {
    /// The text a person reads, with the source line underneath; with ANSI colours when `colour`.
    #[must_use]
    pub fn render(&self, colour: bool) -> String {
        let level = match self.severity {
            Severity::Error => Level::ERROR,
            Severity::Warning => Level::WARNING,
        };
        let mark = AnnotationKind::Primary.span(self.span.clone());
        let mark = if self.label.is_empty() { mark } else { mark.label(self.label.as_str()) };
        let snippet = Snippet::source(self.text.as_ref()).path(self.file.as_str()).annotation(mark);
        let mut group = level.primary_title(self.message.as_str()).element(snippet);
        if !self.help.is_empty() {
            group = group.element(Level::HELP.message(self.help.as_str()));
        }
        let renderer = if colour { Renderer::styled() } else { Renderer::plain() };
        renderer.render(&[group])
    }
}

impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.render(false))
    }
}

/// A file being read, and what was found wrong in it so far.
#[derive(Debug)]
pub(crate) struct Desk<'s> {
    source: &'s Source,
    /// The text, shared by everything found; taken only when there is something to find fault with.
    text: Option<Arc<str>>,
    /// Everything found so far.
    pub(crate) found: Vec<Diagnostic>,
}

impl<'s> Desk<'s> {
    pub(crate) fn new(source: &'s Source) -> Self {
        Self { source, text: None, found: Vec::new() }
    }

    /// The file.
    pub(crate) fn source(&self) -> &'s Source {
        self.source
    }

    /// The file's text.
    pub(super) fn text(&self) -> &'s str {
        &self.source.text
    }

    pub(crate) fn error(&mut self, span: Range<usize>, message: impl Into<String>, help: impl Into<String>) {
        self.say(Severity::Error, span, message.into(), String::new(), help.into());
    }

    pub(super) fn warn(&mut self, span: Range<usize>, message: impl Into<String>, help: impl Into<String>) {
        self.say(Severity::Warning, span, message.into(), String::new(), help.into());
    }

    pub(super) fn say(&mut self, severity: Severity, span: Range<usize>, message: String, label: String, help: String) {
        let text = Arc::clone(self.text.get_or_insert_with(|| Arc::from(self.source.text.as_str())));
        let span = inside(&text, span);
        let before = text.get(..span.start).unwrap_or_default();
        let line = before.matches('\n').count() + 1;
        let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
        let file = self.source.name.clone();
        self.found.push(Diagnostic { severity, file, line, column, message, help, label, span, text });
    }
}

/// The nearest range that lies in the text and on character boundaries.
fn inside(text: &str, span: Range<usize>) -> Range<usize> {
    let settle = |mut at: usize| {
        at = at.min(text.len());
        while !text.is_char_boundary(at) {
            at -= 1;
        }
        at
    };
    let start = settle(span.start);
    start..settle(span.end).max(start)
}

/// The known word that was probably meant.
pub(crate) fn meant<'k>(word: &str, known: &[&'k str]) -> Option<&'k str> {
    let word = word.to_lowercase().replace('_', "-");
    known
        .iter()
        .map(|known| (distance(&word, known), *known))
        .filter(|(distance, known)| *distance <= known.chars().count().div_ceil(3).max(1))
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, known)| known)
}

/// How many letters must be added, dropped, changed or swapped with their neighbour to make one word of the other.
fn distance(from: &str, to: &str) -> usize {
    let to: Vec<char> = to.chars().collect();
    let mut before_last: Vec<usize> = Vec::new();
    let mut last: Vec<usize> = (0..=to.len()).collect();
    let mut previous = None;
    for (i, letter) in from.chars().enumerate() {
        let mut row = vec![i + 1];
        for (j, other) in to.iter().enumerate() {
            let at = |row: &[usize], j: usize| row.get(j).copied().unwrap_or(usize::MAX / 2);
            let change = at(&last, j) + usize::from(letter != *other);
            let mut best = change.min(at(&last, j + 1) + 1).min(at(&row, j) + 1);
            let swapped = j > 0 && previous == Some(*other) && to.get(j - 1) == Some(&letter);
            if swapped {
                best = best.min(at(&before_last, j - 1) + 1);
            }
            row.push(best);
        }
        before_last = std::mem::replace(&mut last, row);
        previous = Some(letter);
    }
    last.last().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_word_meant_is_near() {
        let known = ["subject", "body", "from", "list-id", "all-of"];
        for (word, expect) in [
            ("subjcet", Some("subject")),
            ("Subject", Some("subject")),
            ("list_id", Some("list-id")),
            ("bdoy", Some("body")),
            ("form", Some("from")),
            ("weather", None),
            ("", None),
        ] {
            assert_eq!(meant(word, &known), expect, "{word}");
        }
    }

    #[test]
    fn a_diagnostic_shows_its_line() {
        let source = Source::new("rules/mine.toml", "category = \"再入荷\"\nsubjcet = 1\n");
        let mut desk = Desk::new(&source);
        let at = source.text.find("subjcet").unwrap();
        desk.error(at..at + 7, "unknown key `subjcet`", "did you mean `subject`?");
        let text = desk.found[0].render(false);
        for piece in ["error: unknown key `subjcet`", "rules/mine.toml:2:1", "subjcet = 1", "^^^^^^^", "did you mean"] {
            assert!(text.contains(piece), "{text}");
        }
        desk.error(4000..9000, "beyond", "");
        assert!(!desk.found[1].render(true).is_empty());
    }
}
