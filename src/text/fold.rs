//! The normal form: one function for mail and for patterns, and the way back to what was written.
//!
//! What becomes one: compatibility forms (NFKC), decomposed letters, case, half-width kana, dashes, waves, quotes,
//! yen signs. What goes: characters nobody sees, blanks between Japanese letters, blanks at line ends. What stays:
//! `\n` (a line end), and `\t` (between table cells), so that two cells never grow together. A run of other blanks
//! is one space. Circled numbers become `(1)`, so that `①500円` never reads as 1,500 yen.

use super::kind::{circled, is_blank, is_dash, is_invisible, is_japanese, is_kana, is_plain};
use super::spelling::respelt;
use std::ops::Range;
use unicode_normalization::{UnicodeNormalization, char::canonical_combining_class};

/// Rounds after which even the oddest text has settled.
const ROUNDS: usize = 6;

/// A text in normal form that remembers where each character came from.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Folded {
    text: String,
    /// For each byte of `text`, the byte of the original that its character began at; one more entry for the end.
    from: Vec<u32>,
}

impl Folded {
    /// The text in normal form. Line ends (`\n`) and tabs survive.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The range of the original text that a range of the normal form came from (bytes, on character boundaries).
    #[must_use]
    pub fn origin(&self, range: Range<usize>) -> Range<usize> {
        let end_of_all = self.from.last().copied().unwrap_or_default();
        let at = |i: usize| self.from.get(i).copied().unwrap_or(end_of_all);
        let start = at(range.start);
        if range.end <= range.start {
            return start as usize..start as usize;
        }
        // one letter as written may have become several (㌽): its end is where the next letter begins
        let last = at(range.end - 1);
        let mut end = range.end;
        while end < self.from.len() && at(end) == last {
            end += 1;
        }
        start as usize..at(end).max(start) as usize
    }

    /// The same text without the line ends that stand between two Japanese letters. Mailers break lines inside words;
    /// in this view 再入\n荷 reads 再入荷. A heading and the line under it grow together, so use it beside
    /// [`Folded::text`], not instead.
    #[must_use]
    pub fn joined(&self) -> Self {
        let mut out = Self { text: String::with_capacity(self.text.len()), from: Vec::with_capacity(self.from.len()) };
        let mut kept = 0;
        for (at, _) in self.text.match_indices('\n').filter(|(at, _)| self.is_inside(*at)) {
            out.text.push_str(self.text.get(kept..at).unwrap_or_default());
            out.from.extend_from_slice(self.from.get(kept..at).unwrap_or_default());
            kept = at + 1;
        }
        out.text.push_str(self.text.get(kept..).unwrap_or_default());
        out.from.extend_from_slice(self.from.get(kept..).unwrap_or_default());
        out
    }

    /// Whether the line end at a place was set inside a sentence.
    fn is_inside(&self, at: usize) -> bool {
        let (before, after) = self.text.split_at(at);
        let after = after.get(1..).unwrap_or_default();
        before.chars().next_back().is_some_and(is_japanese)
            && after.chars().next().is_some_and(is_japanese)
            && !is_heading(before)
            && !super::clause::ended(before.rsplit('\n').next().unwrap_or_default(), after)
    }

    /// The text and, for each of its bytes and for its end, the place in the original.
    pub(super) fn parts(&self) -> (&str, &[u32]) {
        (&self.text, &self.from)
    }

    /// A text with the places its bytes (and its end) came from.
    pub(super) fn of_parts(text: String, from: Vec<u32>) -> Self {
        debug_assert_eq!(text.len() + 1, from.len());
        Self { text, from }
    }

    fn put(&mut self, c: char, at: u32) {
        self.text.push(c);
        self.from.extend_from_slice([at; 4].get(..c.len_utf8()).unwrap_or_default());
    }
}

/// Brings a text into normal form. `fold(fold(x).text())` has the text of `fold(x)`.
#[must_use]
pub fn fold(text: &str) -> Folded {
    let mut folding = Folding::over(text);
    let mut odd = folding.run();
    let mut folded = folding.finish();
    // letters that meet only after something between them went may join once more
    for _ in 0..ROUNDS {
        if !odd {
            break;
        }
        let mut again = Folding::over(&folded.text);
        odd = again.run();
        let mut next = again.finish();
        if next.text == folded.text {
            break;
        }
        for at in &mut next.from {
            *at = folded.from.get(*at as usize).copied().unwrap_or_default();
        }
        folded = next;
    }
    respelt(folded)
}

/// [`fold`], then [`Folded::joined`].
#[must_use]
pub fn fold_joined(text: &str) -> Folded {
    fold(text).joined()
}

/// A blank that is written only when it is known what follows.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Blank {
    None,
    Space(u32),
    Tab(u32),
}

struct Folding<'a> {
    source: &'a str,
    out: Folded,
    last: Option<char>,
    blank: Blank,
    odd: bool,
}

impl<'a> Folding<'a> {
    fn over(source: &'a str) -> Self {
        let out = Folded { text: String::with_capacity(source.len()), from: Vec::with_capacity(source.len() + 1) };
        Self { source, out, last: None, blank: Blank::None, odd: false }
    }

    /// Folds all of it; true when another round may change something.
    fn run(&mut self) -> bool {
        let mut cluster = String::new();
        let mut at = 0;
        loop {
            at = self.settled(at);
            let mut chars = self.source.get(at..).unwrap_or_default().chars();
            let Some(c) = chars.next() else { break };
            let here = u32::try_from(at).unwrap_or(u32::MAX);
            let next = chars.clone().next();
            at += c.len_utf8();
            if next.is_none_or(|next| !joins(next)) {
                if c.is_ascii() {
                    if c == '\r' && next == Some('\n') {
                        continue;
                    }
                    self.put(c.to_ascii_lowercase(), here, at);
                    continue;
                }
                if is_plain(c) {
                    self.letter(c, here);
                    continue;
                }
                if matches!(c, '\u{FF01}'..='\u{FF5E}') {
                    let ascii = char::from_u32(u32::from(c) - 0xFEE0).unwrap_or(c);
                    self.put(ascii.to_ascii_lowercase(), here, at);
                    continue;
                }
                if is_invisible(c) {
                    self.odd |= next.is_some();
                    continue;
                }
            }
            cluster.clear();
            cluster.push(c);
            while let Some(next) = chars.next().filter(|next| joins(*next)) {
                self.odd = true;
                cluster.push(next);
                at += next.len_utf8();
            }
            self.cluster(&cluster, c, here, at);
        }
        self.odd
    }

    /// Takes over, all at once, what is in normal form already; answers where it ends.
    fn settled(&mut self, at: usize) -> usize {
        if self.blank != Blank::None {
            return at;
        }
        let rest = self.source.get(at..).unwrap_or_default();
        let mut end = 0;
        let mut last = 0;
        for c in rest.chars() {
            if !(matches!(c, '\n' | '!'..=',' | '.'..='@' | '['..='~') || is_plain(c)) {
                if joins(c) {
                    end = last; // the letter before it is not done
                }
                break;
            }
            last = end;
            end += c.len_utf8();
        }
        let stretch = rest.get(..end).unwrap_or_default();
        if let Some(c) = stretch.chars().next_back() {
            self.last = Some(c);
            self.out.text.push_str(stretch);
            let mut here = at;
            self.out.from.extend(stretch.bytes().enumerate().map(|(n, byte)| {
                if byte & 0xC0 != 0x80 {
                    here = at + n; // a character begins
                }
                u32::try_from(here).unwrap_or(u32::MAX)
            }));
        }
        at + end
    }

    /// Letters that belong together, after NFKC; what NFKC would make ambiguous is guarded first.
    fn cluster(&mut self, cluster: &str, first: char, here: u32, end: usize) {
        if cluster.chars().nth(1).is_none() {
            if let Some(number) = circled(first) {
                for c in format!("({number})").chars() {
                    self.put(c, here, end);
                }
                return;
            }
            // 🅰 is a choice, not a letter of the word behind it
            if let Some(letter) =
                u32::from(first).checked_sub(0x1F170).filter(|n| *n < 26).and_then(|n| u8::try_from(n).ok())
            {
                for c in ['(', char::from(b'a' + letter), ')'] {
                    self.put(c, here, end);
                }
                return;
            }
            match first {
                '\u{2502}' | '\u{2503}' | '\u{2551}' => return self.put('\t', here, end),
                'ー' | '゛' | '゜' => return self.put(first, here, end),
                '′' | '‘' | '’' | 'ʼ' | '‛' => return self.put('\'', here, end),
                '″' | '“' | '”' | '〝' | '〞' | '〟' | '‟' => return self.put('"', here, end),
                '\u{301C}' | '\u{223C}' | '\u{3030}' | '\u{2DC}' | '\u{2053}' => return self.put('~', here, end),
                '·' | '‧' | '∙' | '⋅' => return self.put('・', here, end),
                '\u{2028}' | '\u{2029}' | '\u{85}' => return self.put('\n', here, end),
                // a raised or lowered digit is not one of the number before it
                '²' | '³' | '¹' | '\u{2070}'..='\u{2079}' | '\u{2080}'..='\u{2089}' => self.put('^', here, end),
                '¼'..='¾' | '\u{2150}'..='\u{215F}' | '\u{2189}' => {
                    self.odd = true;
                    self.put('(', here, end);
                    for c in cluster.nfkc() {
                        self.put(if c == '\u{2044}' { '/' } else { c }, here, end);
                    }
                    return self.put(')', here, end);
                }
                _ => {}
            }
        }
        // one letter that becomes a word: a stroke before it now stands before kana
        self.odd |= matches!(first, '\u{3200}'..='\u{33FF}' | '\u{1F200}'..='\u{1F2FF}');
        for c in cluster.nfkc() {
            if c != first && canonical_combining_class(c) != 0 {
                self.odd = true;
            }
            if c.is_ascii() || is_plain(c) {
                self.put(c.to_ascii_lowercase(), here, end);
                continue;
            }
            for low in c.to_lowercase() {
                self.odd |= low != c;
                self.put(low, here, end);
            }
        }
    }

    /// One character after NFKC; `end` is where the source goes on.
    fn put(&mut self, c: char, here: u32, end: usize) {
        match c {
            '\n' | '\r' => {
                self.blank = Blank::None;
                self.push('\n', here);
            }
            '\t' => self.blank = Blank::Tab(here),
            c if is_blank(c) => {
                if self.blank == Blank::None {
                    self.blank = Blank::Space(here);
                }
            }
            c if is_invisible(c) => self.odd = true,
            c if is_dash(c) => {
                let dash = self.dash(c, end);
                self.letter(dash, here);
            }
            '\u{301C}' | '\u{223C}' => self.letter('~', here),
            c => self.letter(c, here),
        }
    }

    /// Between kana every stroke is the prolonged sound mark; after a letter or digit of ASCII, or before a digit, the
    /// prolonged sound mark is a dash. At the start of a text it stays, because a pattern may begin with it.
    fn dash(&mut self, c: char, end: usize) -> char {
        let before = if self.blank == Blank::None { self.last } else { Some(' ') };
        let rest = self.source.get(end..).unwrap_or_default();
        let next = rest.chars().find(|next| !is_invisible(*next));
        let kana_before = before.is_some_and(is_kana);
        let kana_next = next.is_some_and(|next| {
            (is_kana(next) && next != 'ー') || matches!(next, '\u{FF66}'..='\u{FF6F}' | '\u{FF71}'..='\u{FF9D}')
        });
        if kana_before && (c == 'ー' || kana_next) {
            return 'ー';
        }
        if c != 'ー' {
            return '-';
        }
        let digit_next = next.is_some_and(|next| matches!(next, '0'..='9' | '０'..='９'));
        match before {
            Some(before) if before.is_ascii_alphanumeric() || before == '-' || digit_next => '-',
            _ => 'ー',
        }
    }

    fn letter(&mut self, c: char, here: u32) {
        match self.blank {
            Blank::None => {}
            _ if self.last == Some('\n') => {}
            Blank::Space(_) if self.last.is_some_and(is_japanese) && is_japanese(c) => {}
            Blank::Space(at) => self.out.put(' ', at),
            Blank::Tab(at) => self.out.put('\t', at),
        }
        self.blank = Blank::None;
        self.push(c, here);
    }

    fn push(&mut self, c: char, here: u32) {
        self.out.put(c, here);
        self.last = Some(c);
    }

    fn finish(mut self) -> Folded {
        match self.blank {
            Blank::Space(at) if self.last != Some('\n') => self.out.put(' ', at),
            Blank::Tab(at) if self.last != Some('\n') => self.out.put('\t', at),
            _ => {}
        }
        self.out.from.push(u32::try_from(self.source.len()).unwrap_or(u32::MAX));
        self.out
    }
}

/// Whether the last line of a text is a heading or a greeting: short, behind a mark, or a topic. Nobody breaks so short a line.
fn is_heading(text: &str) -> bool {
    let line = text.rsplit('\n').next().unwrap_or_default().trim_start();
    let marked = line.starts_with(['■', '◆', '●', '▼', '★', '☆', '◇', '□', '▽', '○', '◎', '【', '[', '<', '#', '◼']);
    let topic = ["について", "のお知らせ", "のご案内", "の件"].iter().any(|end| line.ends_with(end));
    let greets = ["様", "さん", "さま", "様へ", "さんへ", "殿"].iter().any(|end| line.ends_with(end));
    (marked || topic) && line.chars().nth(24).is_none() || greets && line.chars().nth(14).is_none()
}

/// Whether a character may melt into the one before it.
fn joins(c: char) -> bool {
    match c {
        c if c < '\u{300}' => false,
        '\u{3030}'..='\u{3098}' | '\u{309B}'..='\u{A66E}' | '\u{FF01}'..='\u{FF9D}' => false,
        '\u{3099}' | '\u{309A}' | '\u{FF9E}' | '\u{FF9F}' | '\u{1161}'..='\u{11FF}' => true,
        c => canonical_combining_class(c) != 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[track_caller]
    fn check(input: &str, expect: &str) {
        assert_eq!(fold(input).text(), expect, "{input:?}");
        assert_eq!(fold(expect).text(), expect, "not settled: {input:?}");
    }

    #[test]
    fn widths_case_and_marks() {
        check("ＡＢＣ　ｘｙｚ", "abc xyz");
        check("ｷｬﾝｾﾙ ﾎﾟｲﾝﾄ ｶﾞｷﾞ", "キャンセルポイントガギ");
        check("か\u{3099}は\u{309A}", "がぱ");
        check("キャンセル", "キャンセル");
        check("㈱モドリ ㌽ №1 ℡", "(株)モドリポイント no1 tel");
        check("Ｃａｆe\u{301}", "café");
        check("葛\u{E0100}飾 神\u{FE00}", "葛飾神");
        check("１，９８０円", "1,980円");
        check("㍻㋿", "平成令和");
    }

    #[test]
    fn circled_numbers_never_become_part_of_a_number() {
        check("①500円OFF", "(1)500円off");
        check("②③", "(2)(3)");
        check("❶❷⑩㉑㊿⓪", "(1)(2)(10)(21)(50)(0)");
        check("⒈500円", "(1)500円");
        check("500² 1½", "500^2 1(1/2)");
    }

    #[test]
    fn dashes_waves_quotes_and_yen() {
        check("コーヒー コ－ヒーだ コ—ヒー", "コーヒーコーヒーだコーヒー");
        check("ポイント-500", "ポイント-500");
        check("ポイント利用 －500(円)", "ポイント利用 -500(円)");
        check("−500 ‐500 ‑500 –500 ー500", "-500 -500 -500 -500 -500");
        check("399999ー20261120−0123456789", "399999-20261120-0123456789");
        check("１０時〜２０時 10～20 10~20", "10時~20時 10~20 10~20");
        check("￥1,980 ¥1,980", "¥1,980 ¥1,980");
        check("“a” ’b’", "\"a\" 'b'");
        check("ー", "ー");
        check("ﾕｰｻﾞｰ", "ユーザー");
    }

    #[test]
    fn blanks_and_what_nobody_sees() {
        check("再 入　荷\u{200B}の\u{AD}お知らせ", "再入荷のお知らせ");
        check("a  b\u{A0}\u{3000}c", "a b c");
        check("行末  \r\n  次\r三", "行末\n次\n三");
        check("商品名\tマグカップ \t 5", "商品名\tマグカップ\t5");
        check("\u{202E}楽\u{2066}天\u{FEFF}", "楽天");
        check("残り 3 点", "残り 3 点");
        check("", "");
        check(" ", " ");
    }

    #[test]
    fn the_way_back() {
        let text = "ご利用ﾎﾟｲﾝﾄは㌽ 再 入\u{200B}荷①";
        let folded = fold(text);
        for (word, written) in [("ポイントは", "ﾎﾟｲﾝﾄは"), ("再入荷", "再 入\u{200B}荷"), ("(1)", "①"), ("1", "①")]
        {
            let at = folded.text().find(word).unwrap();
            assert_eq!(&text[folded.origin(at..at + word.len())], written);
        }
        let at = folded.text().rfind("ポイ").unwrap();
        assert_eq!(text[folded.origin(at..at + "ポイ".len())].trim(), "㌽");
        assert_eq!(folded.origin(0..folded.text().len()), 0..text.len());
        assert_eq!(folded.origin(9999..99999), text.len()..text.len());
    }

    #[test]
    fn lines_broken_inside_words_join() {
        let text = "ご注文の商品が再入\n荷しました。\n■商品\nabc\n500円";
        let joined = fold_joined(text);
        assert_eq!(joined.text(), "ご注文の商品が再入荷しました。\n■商品\nabc\n500円");
        let at = joined.text().find("再入荷").unwrap();
        assert_eq!(&text[joined.origin(at..at + 9)], "再入\n荷");
    }

    fn letters() -> impl Strategy<Value = String> {
        let odd = prop::sample::select(vec![
            "ー", "-", "－", "ｰ", "ﾞ", "\u{3099}", "か", "ｶ", "ハ", "\u{200B}", " ", "　", "\t", "\n", "\r", "①", "½",
            "²", "a", "Ａ", "7", "\u{301}", "゛", "¨", "㌽", "…", "İ", "ß", "ﾟ", "\u{1161}", "\u{1100}", "\u{FE0F}",
            "～", "〜", "\u{FFA0}", "\u{345}", "ᾳ", "K", "漢", "。",
        ]);
        prop::collection::vec(
            prop_oneof![4 => odd.prop_map(str::to_owned), 1 => any::<char>().prop_map(String::from)],
            0..24,
        )
        .prop_map(|parts| parts.concat())
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, cases: 2000, ..ProptestConfig::default() })]

        #[test]
        fn settled_after_one_call(text in letters()) {
            let once = fold(&text);
            let twice = fold(once.text());
            prop_assert_eq!(twice.text(), once.text());
        }

        #[test]
        fn origins_are_on_character_boundaries(text in letters()) {
            for folded in [fold(&text), fold_joined(&text)] {
                let mut before = 0;
                for at in 0..=folded.text().len() {
                    for end in [at, at + 1, folded.text().len()] {
                        let range = folded.origin(at..end);
                        prop_assert!(text.get(range.clone()).is_some(), "{:?}", range);
                        prop_assert!(range.start >= before);
                        before = range.start;
                    }
                }
            }
        }
    }
}
