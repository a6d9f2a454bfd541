//! Bytes to characters: labels, lying labels, and mail that names none.
//!
//! Limits, known and kept: characters that only JIS X 0213 has, UTF-7.

use encoding_rs::{EUC_JP, Encoding, SHIFT_JIS, UTF_8, UTF_16BE, UTF_16LE, WINDOWS_1252};

/// How sure the decoding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Doubt {
    /// The label fits, or the bytes leave no choice.
    None,
    /// No label, or one that says nothing; taken from the bytes.
    Guessed,
    /// The label names another charset than the bytes are in.
    WrongLabel,
    /// Some bytes are in no charset; they became U+FFFD.
    Damaged,
}

/// Decoded text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decoded {
    /// The text.
    pub text: String,
    /// The charset it was read in.
    pub charset: &'static str,
    /// How sure that is.
    pub doubt: Doubt,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Family {
    Jis,
    Sjis,
    Euc,
    Utf8,
    /// Labels that senders put on anything: ASCII, Latin-1.
    Weak,
    Other(&'static Encoding),
}

/// Decodes bytes; the label is a hint that is checked. Never fails. A character cut off at the end is left out.
#[must_use]
pub fn decode(bytes: &[u8], label: Option<&str>) -> Decoded {
    let family = label.map(family);
    if let Some(rest) = bytes.strip_prefix(b"\xEF\xBB\xBF")
        && let Some(text) = utf8(rest)
    {
        return Decoded { text: text.to_owned(), charset: "UTF-8", doubt: Doubt::None };
    }
    if !matches!(family, Some(Family::Other(_))) {
        for (bom, encoding) in [(b"\xFF\xFE", UTF_16LE), (b"\xFE\xFF", UTF_16BE)] {
            if let Some(rest) = bytes.strip_prefix(bom) {
                return found(encoding, rest, Doubt::Guessed);
            }
        }
    }
    let escapes = super::jis::has_escapes(bytes);
    let seven_bit = bytes.is_ascii();
    if escapes && (seven_bit || family.is_none_or(|family| matches!(family, Family::Jis | Family::Weak))) {
        let doubt = match family {
            Some(Family::Jis) => Doubt::None,
            Some(Family::Weak) | None => Doubt::Guessed,
            Some(_) => Doubt::WrongLabel,
        };
        return settled(super::jis::decode(bytes), "ISO-2022-JP", doubt);
    }
    let utf16 = matches!(family, Some(Family::Other(encoding)) if encoding == UTF_16LE || encoding == UTF_16BE);
    if seven_bit && !utf16 && !bytes.contains(&0x0E) {
        let text = String::from_utf8_lossy(bytes).into_owned();
        return Decoded { text, charset: "US-ASCII", doubt: Doubt::None };
    }
    match family {
        Some(Family::Utf8) => match utf8(bytes) {
            Some(text) => Decoded { text: text.to_owned(), charset: "UTF-8", doubt: Doubt::None },
            None if mostly_utf8(bytes) => found(UTF_8, bytes, Doubt::None),
            None => guess(bytes, Doubt::WrongLabel, UTF_8),
        },
        Some(Family::Sjis) => labelled(bytes, SHIFT_JIS),
        Some(Family::Euc) => labelled(bytes, EUC_JP),
        Some(Family::Jis) if bytes.contains(&0x0E) => settled(super::jis::decode(bytes), "ISO-2022-JP", Doubt::None),
        Some(Family::Jis) => guess(bytes, Doubt::WrongLabel, SHIFT_JIS),
        Some(Family::Other(encoding)) => labelled(bytes, encoding),
        Some(Family::Weak) => guess(bytes, Doubt::WrongLabel, WINDOWS_1252),
        None => guess(bytes, Doubt::Guessed, UTF_8),
    }
}

fn family(label: &str) -> Family {
    let label = label.split('*').next().unwrap_or_default().trim().trim_matches(['"', '\'']);
    let plain: String = label.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_lowercase()).collect();
    let has = |part: &str| plain.contains(part);
    if has("2022jp") || has("cp5022") || has("windows5022") || plain == "jis" || plain == "xjis" {
        return Family::Jis;
    }
    if has("eucjp") || has("51932") || has("ujis") || has("eucjis") {
        return Family::Euc;
    }
    if has("shiftjis") || has("sjis") || has("932") || has("windows31j") || has("mskanji") || has("943") {
        return Family::Sjis;
    }
    if has("utf8") {
        return Family::Utf8;
    }
    let weak = ["", "usascii", "ascii", "iso88591", "latin1", "windows1252", "cp1252", "8bit", "7bit", "binary"];
    if weak.contains(&plain.as_str()) || has("unknown") {
        return Family::Weak;
    }
    match Encoding::for_label_no_replacement(label.as_bytes()) {
        Some(encoding) if encoding == WINDOWS_1252 => Family::Weak,
        Some(encoding) => Family::Other(encoding),
        None => Family::Weak,
    }
}

/// Valid UTF-8, a sequence cut off at the end left out.
fn utf8(bytes: &[u8]) -> Option<&str> {
    match std::str::from_utf8(bytes) {
        Ok(text) => Some(text),
        Err(error) if error.error_len().is_none() => {
            std::str::from_utf8(bytes.get(..error.valid_up_to()).unwrap_or_default()).ok()
        }
        Err(_) => None,
    }
}

/// UTF-8 with a few broken places, rather than another charset.
fn mostly_utf8(bytes: &[u8]) -> bool {
    let (mut good, mut bad) = (0_usize, 0_usize);
    for chunk in bytes.utf8_chunks() {
        good += chunk.valid().chars().filter(|c| *c >= '\u{800}').count();
        bad += chunk.invalid().len();
    }
    good > 0 && good >= bad * 2
}

/// Characters of three bytes or more in valid UTF-8: three of them are no accident.
fn surely_utf8(bytes: &[u8]) -> bool {
    utf8(bytes).is_some_and(|text| text.chars().filter(|c| *c >= '\u{800}').nth(2).is_some())
}

fn labelled(bytes: &[u8], encoding: &'static Encoding) -> Decoded {
    if encoding != UTF_16LE && encoding != UTF_16BE && surely_utf8(bytes) {
        return found(UTF_8, bytes, Doubt::WrongLabel);
    }
    let (text, damaged) = run(encoding, bytes);
    if !damaged {
        return Decoded { text, charset: encoding.name(), doubt: Doubt::None };
    }
    let other = guess(bytes, Doubt::WrongLabel, encoding);
    let bad = |text: &str| text.matches('\u{FFFD}').count();
    // a few broken places do not make another charset
    if other.doubt != Doubt::Damaged && score(&other.text) > score(&text) + 5 * bad(&text) as i64 {
        return other;
    }
    Decoded { text, charset: encoding.name(), doubt: Doubt::Damaged }
}

/// The charset that fits the bytes best, or `last` when none does.
fn guess(bytes: &[u8], doubt: Doubt, last: &'static Encoding) -> Decoded {
    if utf8(bytes).is_some() {
        return found(UTF_8, bytes, doubt);
    }
    // two accented letters of Latin-1 may happen to be a kanji of Shift_JIS
    let least = if last == WINDOWS_1252 { 6 } else { 0 };
    let best = [SHIFT_JIS, EUC_JP]
        .into_iter()
        .map(|encoding| {
            let (text, damaged) = run(encoding, bytes);
            (score(&text), damaged, encoding, text)
        })
        .filter(|(score, damaged, ..)| *score >= least && !(*damaged && (last == WINDOWS_1252 || *score == 0)))
        .max_by(|a, b| a.0.cmp(&b.0).then(b.1.cmp(&a.1)));
    match best {
        Some((_, damaged, encoding, text)) if !(mostly_utf8(bytes) && damaged) => settled(text, encoding.name(), doubt),
        _ if mostly_utf8(bytes) => found(UTF_8, bytes, doubt),
        _ => found(last, bytes, doubt),
    }
}

/// How much a text looks like Japanese.
fn score(text: &str) -> i64 {
    text.chars()
        .map(|c| match c {
            '\u{3041}'..='\u{3096}' => 3,
            '\u{30A1}'..='\u{30FC}' | '、' | '。' | '「' | '」' | '【' | '】' | '　' => 2,
            '\u{4E00}'..='\u{9FFF}' | '\u{FF01}'..='\u{FF5E}' => 1,
            '\u{FFFD}' => -8,
            '\u{E000}'..='\u{F8FF}' | '\u{80}'..='\u{9F}' => -5,
            _ => 0,
        })
        .sum()
}

fn found(encoding: &'static Encoding, bytes: &[u8], doubt: Doubt) -> Decoded {
    settled(run(encoding, bytes).0, encoding.name(), doubt)
}

fn settled(text: String, charset: &'static str, doubt: Doubt) -> Decoded {
    let doubt = if text.contains('\u{FFFD}') { Doubt::Damaged } else { doubt };
    Decoded { text, charset, doubt }
}

/// Decodes with a stream that is never told of its end, so that a character cut in two leaves nothing behind.
pub(super) fn run(encoding: &'static Encoding, bytes: &[u8]) -> (String, bool) {
    let mut decoder = encoding.new_decoder_without_bom_handling();
    let room = decoder.max_utf8_buffer_length(bytes.len()).unwrap_or(bytes.len());
    let mut text = String::with_capacity(room);
    let (_, _, damaged) = decoder.decode_to_string(bytes, &mut text, false);
    (text, damaged)
}

#[cfg(test)]
mod tests;
