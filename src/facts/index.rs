//! Where the short stretches of letters of a text stand: a finder asks for hundreds of words, and each is looked up
//! instead of searched for. One pass fills the index, whatever the number of words.

/// Bytes of a stretch: two kana or kanji, or six letters.
const LENGTH: usize = 6;
/// Fewest and most heads of an index.
const FEWEST_HEADS: usize = 1 << 10;
const MOST_HEADS: usize = 1 << 14;
/// Of a longer text the places are not kept: they would take four times its memory. Its words are searched for.
const LONGEST: usize = 1 << 17;

/// The places of a text, those with the same stretch of letters (or, rarely, another) chained in order.
pub(super) struct Index {
    /// For each hash, the first place and one; 0 when there is none.
    heads: Vec<u32>,
    /// For each place, the next of its chain and one; 0 at the end. Empty when the places are not kept.
    next: Vec<u32>,
}

impl Index {
    /// All stretches of a text that begin at a character.
    pub(super) fn of(text: &str) -> Self {
        let bytes = text.as_bytes();
        let mut heads = vec![0_u32; bytes.len().next_power_of_two().clamp(FEWEST_HEADS, MOST_HEADS)];
        let places = (bytes.len() + 1).saturating_sub(LENGTH);
        let mut next = vec![0_u32; if bytes.len() <= LONGEST { places } else { 0 }];
        let mask = heads.len() - 1;
        for at in (0..places).rev().filter(|at| text.is_char_boundary(*at)) {
            let slot = bytes.get(at..).and_then(hash).and_then(|hash| heads.get_mut(hash & mask));
            if let (Some(head), Ok(place)) = (slot, u32::try_from(at + 1)) {
                let after = std::mem::replace(head, place);
                if let Some(link) = next.get_mut(at) {
                    *link = after;
                }
            }
        }
        Self { heads, next }
    }

    /// Whether a word is certainly not in the text.
    pub(super) fn lacks(&self, word: &str) -> bool {
        hash(word.as_bytes()).is_some_and(|hash| self.heads.get(hash & (self.heads.len() - 1)) == Some(&0))
    }

    /// The places of a word in the text this was made of, in order, none inside the one before it. `None` when they
    /// must be searched for: the word is too short, or the text too long.
    pub(super) fn places<'t>(&self, text: &'t str, word: &str) -> Option<Places<'_, 't>> {
        let hash = hash(word.as_bytes()).filter(|_| !self.next.is_empty())?;
        let head = self.heads.get(hash & (self.heads.len() - 1)).copied().unwrap_or_default();
        Some(Places { next: &self.next, text: text.as_bytes(), at: head, free: 0 })
    }
}

/// Walks the places of one chain.
pub(super) struct Places<'i, 't> {
    next: &'i [u32],
    text: &'t [u8],
    at: u32,
    free: usize,
}

impl Places<'_, '_> {
    /// The next place of the word that the walk was begun for.
    pub(super) fn next(&mut self, word: &str) -> Option<usize> {
        while self.at > 0 {
            let at = self.at as usize - 1;
            self.at = self.next.get(at).copied().unwrap_or_default();
            if at >= self.free && self.text.get(at..).is_some_and(|rest| rest.starts_with(word.as_bytes())) {
                self.free = at + word.len();
                return Some(at);
            }
        }
        None
    }
}

/// A number of the first stretch of letters; `None` when there are too few.
#[inline]
fn hash(bytes: &[u8]) -> Option<usize> {
    let (head, rest) = bytes.split_first_chunk::<4>()?;
    let tail = rest.first_chunk::<2>()?;
    let number = u64::from(u32::from_le_bytes(*head)) << 16 | u64::from(u16::from_le_bytes(*tail));
    // Fibonacci hashing: the upper bits of a product with 2^64 divided by the golden ratio
    usize::try_from(number.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 40).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_places_as_by_searching() {
        let text =
            "ご注文のキャンセルが完了しました。500ポイントは返還されます\nyour order has been cancelled 返還返還返還返";
        let index = Index::of(text);
        let all = |word: &str| {
            let mut places = index.places(text, word)?;
            Some(std::iter::from_fn(|| places.next(word)).collect::<Vec<_>>())
        };
        let searched = |word: &str| text.match_indices(word).map(|(at, _)| at).collect::<Vec<_>>();
        for (start, _) in text.char_indices() {
            for (end, _) in text.char_indices().filter(|(end, _)| *end > start) {
                let word = &text[start..end];
                assert_eq!(all(word), (word.len() >= LENGTH).then(|| searched(word)), "{word}");
            }
        }
        for word in ["再入荷", "在庫切れ", "クーポン", "発送しました", "out of stock", "received", "返返還"]
        {
            assert_eq!(all(word), Some(searched(word)), "{word}");
        }
        assert_eq!(all("返還返還返").map(|places| places.len()), Some(1));
    }

    #[test]
    fn places_of_a_long_text_are_searched_for() {
        let long = "キャンセル".repeat(LONGEST / 15 + 1);
        for (text, word, lacks) in [(long.as_str(), "ャンセル", false), (&long, "返還", true), ("返", "返還", true)]
        {
            let index = Index::of(text);
            assert!(index.places(text, word).is_none());
            assert_eq!(index.lacks(word), lacks, "{word}");
        }
    }
}
