//! Numbers, yen and points as shops write them (domain document 9.2), over text in normal form.

use super::pattern::patterns;
use std::ops::Range;

patterns! {
    /// A number, perhaps with 万; yen signs before or after it.
    YEN = r"(?x)
        (?P<minus>[-▲△]\s?)?
        (?:(?P<sign>[¥\\]|jpy)\s?)?
        (?P<number>[0-9]{1,3}(?:,[0-9]{3})+|[0-9]{1,9})
        (?:\.(?P<fraction>[0-9]{1,3}))?
        (?P<man>万)?
        (?P<rest>[0-9],[0-9]{3}|[0-9]{1,4})?
        (?P<sen>千)?
        \s?(?P<unit>\(円\)|円|えん|yen|jpy)?
    ";
    POINTS = r"(?x)
        (?P<minus>-\s?)?
        (?P<number>[0-9]{1,3}(?:,[0-9]{3})+|[0-9]{1,9})
        (?:\.(?P<fraction>[0-9]))?
        (?P<man>万)?
        \s?(?:\(?ポイント\)?|points?|pts?|p)
    ";
    KANJI = "[一二三四五六七八九十百千][一二三四五六七八九十百千万]{0,6}円";
    KANJI_POINTS = r"(?:(?P<points>[一二三四五六七八九十百千][一二三四五六七八九十百千万]{0,6})ポイント|ポイント\s?(?P<dots>[一二三四五六七八九十百千][一二三四五六七八九十百千万]{0,6})点)";
}

/// A number read in a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Amount {
    pub(super) value: u64,
    pub(super) range: Range<usize>,
    /// Written as a typo, or an upper bound: not trusted.
    pub(super) doubtful: bool,
    /// `最大1,000円`, `~1,000円`: not the value itself.
    pub(super) bound: bool,
    /// With a minus before it.
    pub(super) negative: bool,
    /// With a yen sign.
    pub(super) marked: bool,
}

/// Yen amounts of a text. `bare` takes numbers without a yen sign, too (behind a label).
pub(super) fn yen(text: &str, bare: bool) -> Vec<Amount> {
    let mut amounts = Vec::new();
    // most lines hold no number: no pattern needs to run over them
    let mark = || ["円", "¥", "えん", "\\", "yen", "jpy"].iter().any(|mark| text.contains(mark));
    if !text.bytes().any(|b| b.is_ascii_digit()) && !text.contains('円') || !bare && !mark() {
        return amounts;
    }
    for captures in YEN.captures_iter(text) {
        let Some(all) = captures.get(0) else { continue };
        let has = |name| captures.name(name).is_some();
        let marked = has("sign") || has("unit");
        let Some(amount) = read(&captures) else { continue };
        if (!marked && !bare) || glued(text, &all.range()) {
            continue;
        }
        let before = text.get(..all.start()).unwrap_or_default().trim_end();
        let after = text.get(all.end()..).unwrap_or_default();
        // a rate or a count, not an amount
        if !marked
            && ["%", "個", "点", "倍", "件", "本", "枚", "月", "日", "/", ":", "時"]
                .iter()
                .any(|sign| after.starts_with(sign))
        {
            continue;
        }
        let bound = ["最大", "最高", "up to", "~", "上限"].iter().any(|sign| before.ends_with(sign));
        amounts.push(Amount { range: all.range(), bound, negative: has("minus"), marked, ..amount });
    }
    for found in KANJI.find_iter(text) {
        let digits = found.as_str().trim_end_matches('円');
        if let Some(value) = kanji(digits) {
            let range = found.range();
            amounts.push(Amount { value, range, doubtful: false, bound: false, negative: false, marked: true });
        }
    }
    amounts.sort_by_key(|amount| amount.range.start);
    amounts
}

/// Point amounts of a text.
pub(super) fn points(text: &str) -> Vec<Amount> {
    let mut amounts = points_in_kanji(text);
    if !text.bytes().any(|b| b.is_ascii_digit()) {
        return amounts;
    }
    for captures in POINTS.captures_iter(text) {
        let Some(all) = captures.get(0) else { continue };
        let Some(amount) = read(&captures) else { continue };
        let after = text.get(all.end()..).unwrap_or_default();
        // 10pc, 500page; 3ポイント目; 5ポイント倍
        let word_goes_on = all.as_str().ends_with(|c: char| c.is_ascii_alphabetic())
            && after.starts_with(|c: char| c.is_ascii_alphanumeric());
        if word_goes_on || glued(text, &all.range()) || after.starts_with(['倍', '目']) {
            continue;
        }
        let before = text.get(..all.start()).unwrap_or_default().trim_end();
        let bound = ["最大", "最高", "up to", "~", "上限"].iter().any(|sign| before.ends_with(sign));
        let negative = captures.name("minus").is_some();
        amounts.push(Amount { range: all.range(), bound, negative, marked: true, ..amount });
    }
    amounts.sort_by_key(|amount| amount.range.start);
    amounts
}

/// 五百ポイント; ポイント一千八百点 (点 alone counts goods).
fn points_in_kanji(text: &str) -> Vec<Amount> {
    if !KANJI_POINTS.may_match(|word| text.contains(word)) {
        return Vec::new();
    }
    let amount = |captures: regex::Captures<'_>| {
        let number = captures.name("points").or_else(|| captures.name("dots"))?;
        let value = kanji(number.as_str())?;
        Some(Amount { value, range: number.range(), doubtful: false, bound: false, negative: false, marked: true })
    };
    KANJI_POINTS.captures_iter(text).filter_map(amount).collect()
}

fn read(captures: &regex::Captures<'_>) -> Option<Amount> {
    let text = |name| captures.name(name).map(|found| found.as_str());
    let number: u64 = text("number")?.replace(',', "").parse().ok()?;
    let man = captures.name("man").is_some();
    let rest = captures.name("rest").and_then(|rest| rest.as_str().replace(',', "").parse::<u64>().ok());
    let mut doubtful = false;
    let value = match (text("fraction"), man) {
        (None, false) => number,
        (None, true) => {
            let rest = rest.unwrap_or(0);
            let rest = if captures.name("sen").is_some() { rest.saturating_mul(1000) } else { rest };
            number.saturating_mul(10_000).saturating_add(rest)
        }
        // 1.5万円
        (Some(fraction), true) => {
            let scale = 10_u64.pow(u32::try_from(fraction.len()).ok()?);
            let tenths: u64 = fraction.parse().ok()?;
            number.saturating_mul(10_000).saturating_add(tenths.saturating_mul(10_000) / scale)
        }
        // 1.980円: a full stop where a comma was meant
        (Some(fraction), false) if fraction.len() == 3 => {
            doubtful = true;
            number.saturating_mul(1000).saturating_add(fraction.parse().ok()?)
        }
        (Some(_), false) => return None,
    };
    // a group of digits after the number without 万 is another number
    if !man && (rest.is_some() || captures.name("sen").is_some()) {
        return None;
    }
    Some(Amount { value, range: 0..0, doubtful, bound: false, negative: false, marked: false })
}

/// Part of a longer number or word: an order number, a phone number, a postcode, a model name.
fn glued(text: &str, range: &Range<usize>) -> bool {
    let whole = text.get(range.clone()).unwrap_or_default();
    let before = text.get(..range.start).unwrap_or_default();
    let after = text.get(range.end..).unwrap_or_default();
    let ends_in_digit = whole.ends_with(|c: char| c.is_ascii_digit());
    let starts_with_digit = whole.starts_with(|c: char| c.is_ascii_digit());
    let last = before.chars().next_back();
    let joined_before = match last {
        Some('-') if starts_with_digit || whole.starts_with('-') => {
            before.chars().rev().nth(1).is_some_and(|c| c.is_ascii_alphanumeric())
        }
        Some(c) => c.is_ascii_alphanumeric() && !whole.starts_with(['¥', '\\', '▲', '△', '-']) || c == '〒' || c == '.',
        None => false,
    };
    let dashed_before = whole.starts_with('-') && last.is_some_and(|c| c.is_ascii_alphanumeric());
    let joined_after = ends_in_digit
        && (after.starts_with(|c: char| c.is_ascii_alphanumeric())
            || (after.starts_with(['-', '.'])
                && after.get(1..2).is_some_and(|c| c.starts_with(|c: char| c.is_ascii_digit())))
            || after.starts_with(','));
    joined_before || dashed_before || joined_after
}

/// Kanji numerals: 二十 → 20, 一万五千 → 15000.
pub(super) fn kanji(text: &str) -> Option<u64> {
    let (mut whole, mut section, mut digit) = (0_u64, 0_u64, None);
    for c in text.chars() {
        let unit = match c {
            '一' | '二' | '三' | '四' | '五' | '六' | '七' | '八' | '九' => {
                let value = "一二三四五六七八九".chars().position(|d| d == c)?;
                digit = Some(u64::try_from(value).ok()? + 1);
                continue;
            }
            '〇' => {
                digit = Some(0);
                continue;
            }
            '十' => 10,
            '百' => 100,
            '千' => 1000,
            '万' => {
                whole = whole.saturating_add((section + digit.take().unwrap_or(0)).max(1).saturating_mul(10_000));
                section = 0;
                continue;
            }
            _ => return None,
        };
        section = section.saturating_add(digit.take().unwrap_or(1) * unit);
    }
    Some(whole.saturating_add(section).saturating_add(digit.unwrap_or(0)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::fold;

    fn first_yen(text: &str) -> Option<(u64, bool)> {
        yen(fold(text).text(), false).first().map(|amount| (amount.value, amount.negative))
    }

    #[test]
    fn yen_in_every_notation() {
        for (text, expect) in [
            ("1,980(円)", Some((1980, false))),
            ("１，９８０円", Some((1980, false))),
            ("￥1,980", Some((1980, false))),
            ("¥1,980-", Some((1980, false))),
            ("1980円(税込)", Some((1980, false))),
            ("クーポン利用 -200(円)", Some((200, true))),
            ("－500円", Some((500, true))),
            ("▲500円", Some((500, true))),
            ("1万2,000円", Some((12_000, false))),
            ("1万2千円", Some((12_000, false))),
            ("1.5万円", Some((15_000, false))),
            ("一万円", Some((10_000, false))),
            ("①500円OFF", Some((500, false))),
            ("JPY 500 yen", Some((500, false))),
            ("399999-20261120-0123456789", None),
            ("03-0000-0000", None),
            ("型番AB500円柱", None),
            ("10%OFF", None),
            ("1980", None),
        ] {
            assert_eq!(first_yen(text), expect, "{text}");
        }
        assert!(yen("1.980円", false)[0].doubtful);
        assert!(yen("最大1,000円off", false)[0].bound);
        assert!(yen("~1,000円", false)[0].bound);
    }

    #[test]
    fn points_in_every_notation() {
        for (text, expect) in [
            ("500ポイント", Some(500)),
            ("500pt", Some(500)),
            ("500P", Some(500)),
            ("５００ﾎﾟｲﾝﾄ", Some(500)),
            ("500㌽", Some(500)),
            ("1,500 points", Some(1500)),
            ("1万ポイント", Some(10_000)),
            ("ポイント10倍", None),
            ("500page", None),
            ("A500P", None),
        ] {
            assert_eq!(points(fold(text).text()).first().map(|amount| amount.value), expect, "{text}");
        }
    }

    #[test]
    fn kanji_numerals() {
        for (text, value) in [("二十", 20), ("十一", 11), ("三十", 30), ("一万五千", 15_000), ("八", 8), ("百", 100)]
        {
            assert_eq!(kanji(text), Some(value), "{text}");
        }
    }
}
