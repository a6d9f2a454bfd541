//! Which short stretches of letters a text holds: most words that a finder asks for are not there, and this says so
//! without reading the text again. One pass fills it, whatever the number of words.

/// Bytes of a stretch: two kana or kanji, or six letters.
const LENGTH: usize = 6;
/// Bits of the set, a power of two.
const BITS: usize = 1 << 15;

/// A set of the stretches of a text. It may hold more than was put in, never less.
pub(super) struct Grams {
    bits: Box<[u64]>,
}

impl Grams {
    /// All stretches of a text that begin at a character.
    pub(super) fn of(text: &str) -> Self {
        let mut grams = Self { bits: vec![0; BITS / 64].into_boxed_slice() };
        let bytes = text.as_bytes();
        for (at, window) in bytes.windows(LENGTH).enumerate() {
            if text.is_char_boundary(at) {
                let (word, bit) = slot(window);
                if let Some(bits) = grams.bits.get_mut(word) {
                    *bits |= bit;
                }
            }
        }
        grams
    }

    /// Whether a word may stand in the text; `false` is certain.
    pub(super) fn may_hold(&self, word: &str) -> bool {
        let bytes = word.as_bytes();
        let Some(first) = bytes.get(..LENGTH) else { return true };
        let holds = |window: &[u8]| {
            let (word, bit) = slot(window);
            self.bits.get(word).is_some_and(|bits| bits & bit != 0)
        };
        let last = bytes.len() - LENGTH;
        holds(first) && (last == 0 || !word.is_char_boundary(last) || bytes.get(last..).is_some_and(holds))
    }
}

fn slot(window: &[u8]) -> (usize, u64) {
    let number = window.iter().fold(0u64, |number, byte| number << 8 | u64::from(*byte));
    // Fibonacci hashing: the upper bits of a product with 2^64 divided by the golden ratio
    let hash = number.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 40;
    let bit = usize::try_from(hash).unwrap_or_default() % BITS;
    (bit / 64, 1 << (bit % 64))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_stands_in_the_text_is_never_denied() {
        let text = "ご注文のキャンセルが完了しました。500ポイントは返還されます\nyour order has been cancelled";
        let grams = Grams::of(text);
        for (start, _) in text.char_indices() {
            for (end, _) in text.char_indices().filter(|(end, _)| *end > start) {
                assert!(grams.may_hold(&text[start..end]), "{}", &text[start..end]);
            }
        }
        let absent = ["再入荷", "在庫切れ", "クーポン", "発送しました", "out of stock", "received"];
        assert!(absent.iter().filter(|word| grams.may_hold(word)).count() < 2);
    }
}
