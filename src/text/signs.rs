//! A list of words that are looked for all at once, in one pass over a text.

use aho_corasick::{AhoCorasick, AhoCorasickKind};

/// A list of words of this program.
pub(crate) struct Signs(Option<AhoCorasick>);

impl Signs {
    /// Takes a list; its tests say whether it could be taken.
    pub(crate) fn of<'w>(words: impl IntoIterator<Item = &'w &'w str>) -> Self {
        let finder = AhoCorasick::builder().kind(Some(AhoCorasickKind::DFA)).build(words.into_iter().copied()).ok();
        debug_assert!(finder.is_some());
        Self(finder)
    }

    /// Whether one of the words stands in a text.
    pub(crate) fn stand_in(&self, text: &str) -> bool {
        self.0.as_ref().is_some_and(|finder| finder.is_match(text))
    }

    /// Where the word ends that ends first.
    pub(crate) fn first_end(&self, text: &str) -> Option<usize> {
        self.0.as_ref()?.find(text).map(|found| found.end())
    }

    /// Every place of every word: the word's number in the list, where it begins, where it ends.
    pub(crate) fn all(&self, text: &str) -> impl Iterator<Item = (usize, usize, usize)> {
        let all = self.0.as_ref().map(|finder| finder.find_overlapping_iter(text));
        all.into_iter().flatten().map(|found| (found.pattern().as_usize(), found.start(), found.end()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_found_all_at_once() {
        let words = ["ません", "ない", "せんか", "not"];
        let signs = Signs::of(&words);
        let text = "できませんか、do not";
        assert!(signs.stand_in(text) && !signs.stand_in("できます"));
        assert_eq!(signs.first_end(text), text.find("ません").map(|at| at + "ません".len()));
        let all: Vec<_> = signs.all(text).map(|(number, start, end)| (words[number], &text[start..end])).collect();
        assert_eq!(all, [("ません", "ません"), ("せんか", "せんか"), ("not", "not")]);
    }
}
