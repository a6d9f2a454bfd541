//! A text cut to a length where a reader would cut it, in the unit in which the reader's service counts.

use unicode_normalization::char::is_combining_mark;

/// In what a service counts the length of a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// Bytes of UTF-8.
    Bytes,
    /// Characters (code points).
    Chars,
    /// UTF-16 code units: what is beyond the basic plane counts twice.
    Utf16,
}

impl Unit {
    /// The length of a text.
    #[must_use]
    pub fn length(self, text: &str) -> usize {
        match self {
            Self::Bytes => text.len(),
            Self::Chars => text.chars().count(),
            Self::Utf16 => text.encode_utf16().count(),
        }
    }

    fn of(self, c: char) -> usize {
        match self {
            Self::Bytes => c.len_utf8(),
            Self::Chars => 1,
            Self::Utf16 => c.len_utf16(),
        }
    }
}

/// What stands for what was cut off.
const MORE: char = '…';

/// A text of at most `limit` units. A longer one ends with `…`, after the end of a line if one lies in the second half of
/// what fits, else of a sentence, else at a blank, else where it must. What belongs together stays together: the parts of
/// one letter as it is seen, a link, a character that is written as an entity (`&amp;`) or with a backslash.
///
/// ```
/// use modori::text::{Unit, fit};
/// assert_eq!(fit("モドリのマグが再入荷しました。お早めに。", 16, Unit::Chars), "モドリのマグが再入荷しました。…");
/// assert_eq!(fit("残り https://item.rakuten.co.jp/a/b/", 20, Unit::Chars), "残り…");
/// ```
#[must_use]
pub fn fit(text: &str, limit: usize, unit: Unit) -> String {
    let more = unit.of(MORE);
    // as far as a cut text may go, and whether it must be cut at all
    let (mut length, mut end, mut whole) = (0, 0, true);
    for (at, c) in text.char_indices() {
        length += unit.of(c);
        if length.saturating_add(more) <= limit {
            end = at + c.len_utf8();
        }
        if length > limit {
            whole = false;
            break;
        }
    }
    if whole {
        return text.to_owned();
    }
    if more > limit {
        return String::new();
    }
    let end = at_a_boundary(text, end);
    let kept = text.get(..end).unwrap_or_default();
    let next = text.get(end..).and_then(|rest| rest.chars().next());
    let mut kept = kept.get(..good_end(kept, next)).unwrap_or_default().trim_end();
    // the end of a sentence or a line may be the first half of a letter: a mark or a joiner stands right there
    loop {
        let shorter = kept.get(..at_a_boundary(text, kept.len())).unwrap_or_default().trim_end();
        if shorter.len() == kept.len() {
            break;
        }
        kept = shorter;
    }
    let mut out = String::with_capacity(kept.len() + MORE.len_utf8());
    out.push_str(kept);
    out.push(MORE);
    out
}

/// The last place at or before `end` where nothing that belongs together is cut.
fn at_a_boundary(text: &str, end: usize) -> usize {
    let mut end = end;
    loop {
        let before = end;
        for (from, to) in bound_together(text, end) {
            if from < end && end < to {
                end = from;
            }
        }
        while end > 0 && !between_letters(text, end) {
            end = text.get(..end).and_then(|kept| kept.char_indices().next_back()).map_or(0, |(at, _)| at);
        }
        if end == before {
            return end;
        }
    }
}

/// Where within `kept` a reader would stop; `next` is what follows it.
fn good_end(kept: &str, next: Option<char>) -> usize {
    let half = kept.len() / 2;
    let behind = |at: usize, c: char| at + c.len_utf8();
    if next.is_none_or(|next| next == '\n') {
        return kept.len();
    }
    if let Some(line) = kept.rfind('\n').filter(|at| *at >= half) {
        return line;
    }
    let mut following = next;
    for (at, c) in kept.char_indices().rev().take_while(|(at, _)| *at >= half) {
        let ends = match c {
            '。' | '！' | '？' | '．' => true,
            '.' | '!' | '?' => following.is_none_or(char::is_whitespace),
            _ => false,
        };
        // a closing quotation mark belongs to the sentence before it
        if ends && !following.is_some_and(|next| matches!(next, '」' | '』' | '）' | '。' | '！' | '？')) {
            return behind(at, c);
        }
        following = Some(c);
    }
    if next.is_some_and(char::is_whitespace) {
        return kept.len();
    }
    kept.rfind(char::is_whitespace).filter(|at| *at >= kept.len() / 4 * 3).unwrap_or(kept.len())
}

/// Whether a reader sees the end of one letter here: no mark, joiner or tone follows or joins (the common cases of UAX 29).
fn between_letters(text: &str, at: usize) -> bool {
    let before = text.get(..at).unwrap_or_default();
    let last = before.chars().next_back();
    let next = text.get(at..).and_then(|rest| rest.chars().next());
    let (Some(last), Some(next)) = (last, next) else { return true };
    let joins = |c: char| {
        is_combining_mark(c)
            || matches!(c, '\u{200d}' | '\u{fe00}'..='\u{fe0f}' | '\u{1f3fb}'..='\u{1f3ff}' | '\u{e0020}'..='\u{e007f}'
                | '\u{e0100}'..='\u{e01ef}' | '\u{ff9e}' | '\u{ff9f}')
    };
    let is_half_flag = |c: char| matches!(c, '\u{1f1e6}'..='\u{1f1ff}');
    if joins(next) || last == '\u{200d}' || (last == '\r' && next == '\n') {
        return false;
    }
    // a flag is two of these
    let halves = before.chars().rev().take_while(|c| is_half_flag(*c)).count();
    !(is_half_flag(next) && halves % 2 == 1)
}

/// Links and escaped characters that begin before `end`: where each begins and ends.
fn bound_together(text: &str, end: usize) -> Vec<(usize, usize)> {
    let mut spans = Vec::new();
    for scheme in ["https://", "http://"] {
        for (from, _) in text.match_indices(scheme).take_while(|(from, _)| *from < end) {
            spans.push((from, from + link_length(text.get(from..).unwrap_or_default())));
        }
    }
    // the longest entity that is made here is `&quot;`
    for (from, _) in text.match_indices('&').take_while(|(from, _)| *from < end).filter(|(from, _)| end - from < 8) {
        let rest = text.get(from + 1..).unwrap_or_default();
        let letters = rest.bytes().take(6).take_while(u8::is_ascii_alphanumeric).count();
        if letters > 0 && rest.as_bytes().get(letters) == Some(&b';') {
            spans.push((from, from + letters + 2));
        }
    }
    if text.get(..end).is_some_and(|kept| kept.bytes().rev().take_while(|b| *b == b'\\').count() % 2 == 1) {
        spans.push((end - 1, end + 1));
    }
    spans
}

/// How many bytes of a text that begins with a link belong to it.
#[must_use]
pub fn link_length(text: &str) -> usize {
    text.bytes().take_while(|b| b.is_ascii_graphic() && !matches!(b, b'<' | b'>' | b'"')).count()
}

/// A text of several lines without what steers a screen: control characters but line ends, and what turns the direction
/// of writing. A tab becomes a blank.
#[must_use]
pub fn lines(text: &str) -> String {
    let shown = |c: char| match c {
        '\t' => Some(' '),
        '\n' => Some('\n'),
        '\u{2028}' | '\u{2029}' | '\u{85}' => Some('\n'),
        c if steers(c) => None,
        c => Some(c),
    };
    text.replace("\r\n", "\n").replace('\r', "\n").chars().filter_map(shown).collect()
}

/// The same in one line.
#[must_use]
pub fn one_line(text: &str) -> String {
    lines(text).split_whitespace().collect::<Vec<_>>().join(" ")
}

fn steers(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{200e}' | '\u{200f}' | '\u{61c}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}'
            | '\u{feff}' | '\u{fff9}'..='\u{fffb}')
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_text_is_cut_where_a_reader_would() {
        for (text, limit, unit, expect) in [
            ("short", 5, Unit::Bytes, "short"),
            ("", 0, Unit::Bytes, ""),
            ("longer", 5, Unit::Chars, "long…"),
            ("longer", 5, Unit::Bytes, "lo…"),
            ("longer", 2, Unit::Bytes, ""),
            ("first line\nsecond line", 16, Unit::Chars, "first line…"),
            ("first line\nsecond line", 11, Unit::Chars, "first line…"),
            ("一つ。二つ。三つ目は長い", 10, Unit::Chars, "一つ。二つ。…"),
            ("「はい。」と言った。そして", 7, Unit::Chars, "「はい。」と…"),
            ("It is 3.5 cm. Yes it is.", 18, Unit::Chars, "It is 3.5 cm.…"),
            ("a few words in a row", 13, Unit::Chars, "a few words…"),
            ("see https://a.example/b?c=d now", 20, Unit::Chars, "see…"),
            ("see https://a.example/b?c=d now", 28, Unit::Chars, "see https://a.example/b?c=d…"),
            ("https://a.example/bbbbbbbbbbbb", 20, Unit::Chars, "…"),
            // か + combining voiced mark is one letter
            ("あいか\u{3099}えお", 4, Unit::Chars, "あい…"),
            // a family, a flag, a thumb with a tone
            ("ab👨‍👩‍👧cd", 5, Unit::Chars, "ab…"),
            ("a🇯🇵b", 3, Unit::Chars, "a…"),
            ("a👍🏽bc", 3, Unit::Chars, "a…"),
            // one in four bytes and two UTF-16 units
            ("𠮟𠮟𠮟𠮟", 5, Unit::Utf16, "𠮟𠮟…"),
            ("a &amp; b", 5, Unit::Chars, "a…"),
            ("ab\\*cd", 4, Unit::Chars, "ab…"),
        ] {
            assert_eq!(fit(text, limit, unit), expect, "{text:?} {limit} {unit:?}");
        }
    }

    #[test]
    fn nothing_steers_a_screen() {
        assert_eq!(lines("a\tb\r\nc\u{1b}[31m\u{202e}d\u{0}\re\u{2028}f"), "a b\nc[31md\ne\nf");
        assert_eq!(one_line("a\u{7}\n  b\u{3000}c"), "a b c");
    }

    /// Text with what is hard to cut.
    fn hard() -> impl Strategy<Value = String> {
        let piece = prop_oneof![
            Just("https://item.rakuten.co.jp/shop/item-1/?a=b&c=d".to_owned()),
            Just("http://a.example".to_owned()),
            Just("か\u{3099}".to_owned()),
            Just("👨‍👩‍👧‍👦".to_owned()),
            Just("🇯🇵🇫🇷".to_owned()),
            Just("&lt;".to_owned()),
            Just("\\*".to_owned()),
            Just("。".to_owned()),
            Just("\n".to_owned()),
            Just("。\n\nそして".to_owned()),
            "[a-z .]{0,12}",
            any::<String>(),
        ];
        proptest::collection::vec(piece, 0..12).prop_map(|pieces| pieces.concat())
    }

    fn links(text: &str) -> Vec<&str> {
        let mut found: Vec<(usize, &str)> = ["https://", "http://"]
            .iter()
            .flat_map(|scheme| text.match_indices(scheme))
            .map(|(at, _)| (at, &text[at..at + link_length(&text[at..])]))
            .collect();
        found.sort();
        found.into_iter().map(|(_, link)| link).collect()
    }

    #[test]
    fn a_sentence_does_not_end_within_a_letter() {
        // a vowel sign right behind the full stop, a joiner before a line's end
        let text = format!("{}。\u{acb}{}", "あ".repeat(20), "い".repeat(20));
        assert_eq!(fit(&text, 26, Unit::Chars), format!("{}…", "あ".repeat(20)));
        let text = format!("{}\u{200d}\n{}", "あ".repeat(20), "い".repeat(20));
        assert_eq!(fit(&text, 26, Unit::Chars), format!("{}…", "あ".repeat(19)));
    }

    proptest! {
        #[test]
        fn what_is_cut_fits_and_is_the_beginning(text in hard(), limit in 0_usize..120, which in 0_usize..3) {
            let unit = [Unit::Bytes, Unit::Chars, Unit::Utf16][which];
            let cut = fit(&text, limit, unit);
            prop_assert!(unit.length(&cut) <= limit);
            if unit.length(&text) <= limit {
                prop_assert_eq!(&cut, &text);
            } else if let Some(kept) = cut.strip_suffix(MORE) {
                prop_assert!(text.starts_with(kept));
                prop_assert!(between_letters(&text, kept.len()), "{:?} {:?}", text, kept);
                // every link that is left is one of the text's, whole
                let of_text = links(&text);
                for link in links(kept) {
                    prop_assert!(of_text.contains(&link), "{:?} in {:?}", link, text);
                }
            } else {
                prop_assert_eq!(cut, "");
            }
        }

        #[test]
        fn lines_hold_nothing_that_steers(text in any::<String>()) {
            let shown = lines(&text);
            prop_assert!(shown.chars().all(|c| c == '\n' || !steers(c)));
            prop_assert_eq!(lines(&shown), shown.clone());
            prop_assert!(!one_line(&text).contains('\n'));
        }
    }
}
