//! Which characters are letters of Japanese, blanks, dashes, or nothing a reader can see.

/// A text for people: letters composed, nothing in it that cannot be seen.
pub(crate) fn visible(text: &str) -> String {
    use unicode_normalization::UnicodeNormalization;
    if text.chars().all(|c| matches!(c, ' '..='~') || is_plain(c)) {
        return text.to_owned();
    }
    text.chars().filter(|c| !is_invisible(*c)).nfc().collect()
}

/// Kana, kanji, and the marks that stand for a letter.
pub(super) fn is_japanese(c: char) -> bool {
    is_kana(c)
        || matches!(c, '\u{3005}'..='\u{3007}' | '\u{3400}'..='\u{4DBF}' | '\u{4E00}'..='\u{9FFF}'
            | '\u{F900}'..='\u{FAFF}' | '\u{20000}'..='\u{3FFFD}')
}

/// Kana and the prolonged sound mark.
pub(super) fn is_kana(c: char) -> bool {
    matches!(c, '\u{3041}'..='\u{3096}' | '\u{3099}'..='\u{309F}' | '\u{30A1}'..='\u{30FA}' | '\u{30FC}'..='\u{30FF}'
        | '\u{31F0}'..='\u{31FF}')
}

/// Characters whose form does not change: the common letters of Japanese text.
pub(super) fn is_plain(c: char) -> bool {
    matches!(c, '\u{3041}'..='\u{3096}' | '\u{30A1}'..='\u{30FB}' | '\u{4E00}'..='\u{9FFF}' | '、' | '。' | '「' | '」'
        | '【' | '】' | '■' | '々')
}

/// Dashes and strokes that people use for one another, and for the prolonged sound mark.
pub(super) fn is_dash(c: char) -> bool {
    matches!(
        c,
        '-' | 'ー' | '\u{2010}'
            ..='\u{2015}'
                | '\u{2043}'
                | '\u{2212}'
                | '\u{2500}'
                | '\u{2501}'
                | '\u{FE58}'
                | '\u{FE63}'
                | '\u{FF0D}'
                | '\u{FF70}'
    )
}

/// Blanks of one line, the tab aside.
pub(super) fn is_blank(c: char) -> bool {
    matches!(
        c,
        ' ' | '\u{0B}' | '\u{0C}' | '\u{A0}' | '\u{1680}' | '\u{2000}'
            ..='\u{200A}' | '\u{202F}' | '\u{205F}' | '\u{3000}'
    )
}

/// Characters that show nothing: zero width, direction marks, soft hyphens, variation selectors, controls.
pub(super) fn is_invisible(c: char) -> bool {
    match c {
        '\t' | '\n' | '\r' | '\u{0B}' | '\u{0C}' | '\u{85}' => false,
        '\0'..='\u{1F}' | '\u{7F}'..='\u{9F}' => true,
        c if c < '\u{AD}' => false,
        '\u{AD}' | '\u{34F}' | '\u{61C}' | '\u{115F}' | '\u{1160}' | '\u{17B4}' | '\u{17B5}' => true,
        '\u{180B}'..='\u{180F}' | '\u{200B}'..='\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2060}'..='\u{206F}' => true,
        '\u{3164}' | '\u{FE00}'..='\u{FE0F}' | '\u{FEFF}' | '\u{FFA0}' | '\u{FFF9}'..='\u{FFFB}' => true,
        '\u{1BCA0}'..='\u{1BCA3}' | '\u{E0000}'..='\u{E0FFF}' => true,
        _ => false,
    }
}

/// The number inside a circle, a filled circle or before a full stop (`①`, `❷`, `⒊`).
pub(super) fn circled(c: char) -> Option<u32> {
    let (first, base) = match c {
        '\u{2460}'..='\u{2473}' => ('\u{2460}', 1),
        '\u{2488}'..='\u{249B}' => ('\u{2488}', 1),
        '\u{24EA}' | '\u{24FF}' => return Some(0),
        '\u{24EB}'..='\u{24F4}' => ('\u{24EB}', 11),
        '\u{24F5}'..='\u{24FE}' => ('\u{24F5}', 1),
        '\u{2776}'..='\u{277F}' => ('\u{2776}', 1),
        '\u{2780}'..='\u{2789}' => ('\u{2780}', 1),
        '\u{278A}'..='\u{2793}' => ('\u{278A}', 1),
        '\u{3251}'..='\u{325F}' => ('\u{3251}', 21),
        '\u{32B1}'..='\u{32BF}' => ('\u{32B1}', 36),
        _ => return None,
    };
    Some(u32::from(c) - u32::from(first) + base)
}
