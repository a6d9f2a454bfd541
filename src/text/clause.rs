//! The clause around a word: is it denied, is it only supposed? Japanese says so at the end, English before.

use super::signs::Signs;
use std::sync::LazyLock;

/// How many characters after a word its clause is read (domain document, section 10).
const REACH: usize = 60;
/// How many characters before a word the mark of its heading may stand.
const NEAR: usize = 240;

/// What denies the clause it ends.
const DENIALS: &[&str] = &[
    "ません", "ない", "なかった", "されず", "できず", "できず", "不可", "対象外", "未定", "不要", "かねま", "かねる",
    "見送", "できなく",
];
/// Where a clause ends although the sentence goes on.
const BREAKS: &[&str] = &[
    "ますが", "ですが", "したが", "ませんが", "だが、", "ため", "ので", "けれど", "し、", "て、", "から、", "ほか、",
    "ました、", "ます、", "です、", "でした、",
];
/// What makes a sentence speak of what would be.
const SUPPOSITIONS: &[&str] = &[
    "場合", "万一", "万が一", "された際", "なった際", "した際は", "の際は", "でしたら", "ましたら", "なければ",
    "ますと", "過ぎると", "時は", "ときは", "際には", "ことがござ", "ことがあり", "こともござ", "こともあり",
    "可能性が", "その際、", "その際に", "その際は", "その場合", "であれば", "かもしれ", "ならば", MAYBE, IF, IN_CASE,
];
/// もし, unless it is もしくは or a part of another word.
const MAYBE: &str = "もし";
/// At the beginning, or behind a blank.
const IF: &str = "if ";
const IN_CASE: &str = "in case ";

static DENIED: LazyLock<Signs> = LazyLock::new(|| Signs::of(DENIALS));
static BROKEN: LazyLock<Signs> = LazyLock::new(|| Signs::of(BREAKS));
static SUPPOSED: LazyLock<Signs> = LazyLock::new(|| Signs::of(SUPPOSITIONS));

/// Whether a character is a kana or a kanji (also the prolonged-sound mark).
pub(crate) fn is_letter(c: char) -> bool {
    matches!(c, '\u{3041}'..='\u{3096}' | '\u{30a1}'..='\u{30fa}' | 'ー' | '々' | '〆' | '\u{3400}'..='\u{9fff}' | '\u{f900}'..='\u{faff}')
}

fn is_hiragana(c: char) -> bool {
    matches!(c, '\u{3041}'..='\u{3096}')
}

/// Whether a line that ends so goes on in the next one: with a comma that closes no greeting.
pub(crate) fn goes_past(line: &str) -> bool {
    line.ends_with(['、', '，']) && !line.ends_with("様、") && !line.ends_with("さん、")
}

/// Whether a line that ends like `before` goes on in the next one, `after`.
pub(crate) fn wrapped(before: &str, after: &str) -> bool {
    let length = before.chars().count();
    let (Some(last), Some(first)) = (before.chars().next_back(), after.chars().next()) else { return false };
    is_letter(last) && is_letter(first) && !ended(before, after) && (length >= 28 || (length >= 12 && goes_on(after)))
}

/// Whether a line begins like the second half of a word or clause; お and ご begin new ones.
fn goes_on(line: &str) -> bool {
    line.starts_with(is_hiragana) && !line.starts_with(['お', 'ご'])
}

/// Whether a line ends like a sentence without its full stop.
pub(super) fn ended(line: &str, next: &str) -> bool {
    let done = ["ました", "ます", "です", "ません", "でした", "ください", "ください"];
    done.iter().any(|end| line.ends_with(end)) && !next.starts_with(['が', 'の', 'と', 'か', 'よ', 'け', 'し', 'ら'])
}

/// Whether the clause of the words at `start..end` denies them. `text` is in normal form.
pub(crate) fn is_negated(text: &str, start: usize, end: usize) -> bool {
    let before = text.get(..start).unwrap_or_default();
    if before.ends_with(['未', '非']) {
        return true;
    }
    let words = text.get(start..end).unwrap_or_default();
    let after = text.get(end..).unwrap_or_default();
    denied(clause(after))
        || (words.contains(|c: char| c.is_ascii_alphabetic()) && denied_in_english(before, first_chars(after, 240)))
}

/// Whether the words at `start..end` stand in a sentence about what would happen, not what did.
pub(crate) fn is_supposed(text: &str, start: usize, end: usize) -> bool {
    let before = text.get(..start).unwrap_or_default();
    let after = text.get(end..).unwrap_or_default();
    let from = since(last_chars(before, 80));
    let to = sentence(after);
    let said = supposes;
    let words = text.get(start..end).unwrap_or_default();
    // 入荷しました|ら, 入荷しました|か, 入荷|次第, 入荷|時に
    let going_on = (words.ends_with(['た', 'す']) && after.starts_with(['ら', 'か']))
        || ["次第", "時に", "時は", "した際", "され次第", "し次第"].iter().any(|sign| after.starts_with(sign));
    let going_on = going_on || is_heading(before, after);
    going_on || said(from) || said(to)
}

/// Whether words between two others make what follows a mere supposition: ポイントは|取消の場合、|返還.
pub(crate) fn supposes(words: &str) -> bool {
    SUPPOSED.all(words).any(|(sign, start, end)| {
        let before = words.get(..start).unwrap_or_default();
        let after = words.get(end..).unwrap_or_default();
        match SUPPOSITIONS.get(sign).copied().unwrap_or_default() {
            MAYBE => !after.starts_with("くは") && !after.starts_with('も') && !before.ends_with('か'),
            IF | IN_CASE => before.is_empty() || before.ends_with(' '),
            _ => true,
        }
    })
}

/// Whether a word is the topic of a line such as `■在庫切れについて`: a heading states nothing.
fn is_heading(before: &str, after: &str) -> bool {
    // as far as a sentence goes: a mail without line ends stays cheap
    let mut near = before.len().saturating_sub(4 * NEAR);
    while !before.is_char_boundary(near) {
        near += 1;
    }
    let Some((_, line)) = before.get(near..).unwrap_or_default().rsplit_once('\n') else { return false };
    let marked = line
        .trim_start()
        .starts_with(['■', '◆', '●', '▼', '★', '☆', '◇', '□', '▽', '○', '◎', '*', '•', '・', '※', '<', '[', '【', '#']);
    let topic = ["について", "に関して", "に関する", "・返品", "・交換", "・変更", "ポリシー", "の場合", "方法"];
    let rest = || first_chars(after, NEAR).split('\n').next().unwrap_or_default();
    marked
        && line.chars().count() < NEAR
        && rest().chars().count() <= 24
        && topic.iter().any(|sign| rest().contains(sign))
}

/// The rest of a clause, at most [`REACH`] characters.
fn clause(after: &str) -> &str {
    let sentence = sentence(after);
    let end = BROKEN.first_end(sentence).unwrap_or(sentence.len());
    sentence.get(..end).unwrap_or_default()
}

/// The beginning of the sentence that a text breaks off in.
fn since(before: &str) -> &str {
    let end = |(at, c): &(usize, char)| {
        ends_sentence(*c) && !(*c == '\n' && goes_past(before.get(..*at).unwrap_or_default()))
    };
    let from = before.char_indices().rev().find(end).map_or(0, |(at, c)| at + c.len_utf8());
    before.get(from..).unwrap_or_default()
}

/// The rest of a sentence, at most [`REACH`] characters.
fn sentence(after: &str) -> &str {
    let mut end = 0;
    for (count, (at, c)) in after.char_indices().enumerate() {
        let wraps = c == '\n' && {
            let (before, rest) = after.split_at(at);
            let rest = rest.get(1..).unwrap_or_default();
            goes_past(before) || goes_on(rest) && !ended(before, rest)
        };
        if count == REACH || (ends_sentence(c) && !wraps) {
            break;
        }
        end = at + c.len_utf8();
    }
    after.get(..end).unwrap_or_default()
}

fn ends_sentence(c: char) -> bool {
    matches!(c, '。' | '!' | '?' | '\n' | '\t')
}

fn first_chars(text: &str, count: usize) -> &str {
    text.char_indices().nth(count).map_or(text, |(end, _)| text.get(..end).unwrap_or_default())
}

fn last_chars(text: &str, count: usize) -> &str {
    let from = text.char_indices().rev().take(count).last().map_or(text.len(), |(at, _)| at);
    text.get(from..).unwrap_or_default()
}

/// Whether a stretch of text denies something.
pub(crate) fn denied(clause: &str) -> bool {
    DENIED.all(clause).any(|(sign, start, end)| {
        let before = clause.get(..start).unwrap_or_default();
        let after = clause.get(end..).unwrap_or_default();
        match DENIALS.get(sign).copied().unwrap_or_default() {
            "ません" => {
                let courtesy = [
                    "すみ", "訳あり", "訳有り", "訳ござい", "訳ござい", "わけあり", "わけ有り", "わけござい",
                    "わけござい", "かもしれ", "かも知れ", "違いあり",
                ];
                let asks = ["か", "よう", "でしょう"];
                !courtesy.iter().any(|word| before.ends_with(word)) && !asks.iter().any(|word| after.starts_with(word))
            }
            "ない" => {
                let others = ["少", "危", "もったい", "違い", "かもしれ", "かも知れ", "とんでも", "しか"];
                let warns = ["よう", "うち", "様に", "か?"];
                !others.iter().any(|word| before.ends_with(word)) && !warns.iter().any(|word| after.starts_with(word))
            }
            _ => true,
        }
    })
}

/// Whether a line begins a point of a list: with a mark, or with a label.
fn is_item(line: &str) -> bool {
    let line = line.trim_start();
    let label = line.split_once(':').is_some_and(|(label, _)| label.len() <= 24 && label.split(' ').count() <= 3);
    line.starts_with(['・', '*', '•', '-', '■', '●', '◆', '○', '□', '>', '#']) || label
}

fn denied_in_english(before: &str, after: &str) -> bool {
    let ends = |c: char| matches!(c, '.' | '!' | '?' | ';' | '。');
    let from = last_chars(before, REACH).rsplit(ends).next().unwrap_or_default();
    // ・Payment: not captured / ・Points: will be |returned: each line of a list says its own
    let from = from.rsplit_once('\n').filter(|(_, line)| is_item(line)).map_or(from, |(_, line)| line);
    // it will not ship, and your points have been |returned
    let from = [", and ", ", but ", ", so "].iter().fold(from, |rest, joint| rest.rsplit(joint).next().unwrap_or(rest));
    let to = after.split(ends).next().unwrap_or_default();
    let to = to.char_indices().nth(25).map_or(to, |(at, _)| to.get(..at).unwrap_or_default());
    let said = |words: &str| {
        if !words.contains(|c: char| c.is_ascii_alphabetic()) {
            return false;
        }
        let padded = format!(" {} ", words.replace('\n', " ").replace('\u{2019}', "'"));
        [" not ", "n't ", " cannot ", " never ", " no longer ", " unable ", " without "]
            .iter()
            .any(|sign| padded.contains(sign))
    };
    said(from) || said(to)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str, word: &str) -> (usize, usize) {
        let start = text.find(word).unwrap_or_else(|| panic!("{word} in {text}"));
        (start, start + word.len())
    }

    #[test]
    fn a_clause_is_denied_at_its_end() {
        for (text, word, expect) in [
            ("期間限定ポイントは返還されません。", "返還", true),
            ("ポイントの返還は対象外です", "返還", true),
            ("再入荷は未定です。", "再入荷", true),
            ("再入荷の予定はございません", "再入荷", true),
            ("再入荷しました。数に限りがございません", "再入荷", false),
            ("再入荷いたしましたが、次回の予定はございません。", "再入荷", false),
            ("キャンセル不可", "キャンセル", true),
            ("キャンセルはお受けいたしかねます。", "キャンセル", true),
            ("申し訳ございませんが、ご注文をキャンセルいたしました", "キャンセル", false),
            ("キャンセルとなり申し訳ございません。", "キャンセル", false),
            ("在庫切れとなり、誠に申し訳ありません", "在庫切れ", false),
            ("再入荷しました。お見逃しのないよう", "再入荷", false),
            ("売り切れるかもしれません", "売り切れ", false),
            ("ご用意できないためキャンセルしました", "ご用意", true),
            ("ご用意できないためキャンセルしました", "キャンセル", false),
            ("ポイントは返還し、クーポンは返還されません", "ポイントは返還", false),
            ("キャンセルしました\nご返信は必要ありません", "キャンセル", false),
            ("ポイントは返還\nされません", "返還", true),
            ("未入荷です", "入荷", true),
            ("your order has not been cancelled.", "cancelled", true),
            ("your order has been cancelled. do not reply", "cancelled", false),
            ("your points cannot be returned", "returned", true),
            ("it will not ship, and your points have been returned", "returned", false),
        ] {
            let (start, end) = at(text, word);
            assert_eq!(is_negated(text, start, end), expect, "{word} in {text}");
        }
    }

    #[test]
    fn a_sentence_may_only_suppose() {
        for (text, word, expect) in [
            ("キャンセルされた場合、ポイントは返還されます。", "返還", true),
            ("キャンセルされた場合、ポイントは返還されます。", "キャンセル", true),
            ("キャンセルいたしました。ご不明な点がある場合はご連絡ください", "キャンセル", false),
            ("万一在庫切れの際はご連絡します", "在庫切れ", true),
            ("メールもしくは電話でキャンセルしました", "キャンセル", false),
            ("if you cancel, points are returned", "points", true),
            ("商品が再入荷しましたらお知らせします", "再入荷しました", true),
            ("入荷次第発送いたします", "入荷", true),
            ("ご返信がなければキャンセルとさせていただきます", "キャンセル", true),
        ] {
            let (start, end) = at(text, word);
            assert_eq!(is_supposed(text, start, end), expect, "{word} in {text}");
        }
    }

    #[test]
    fn a_wrapped_line_goes_on() {
        for (before, after, expect) in [
            ("このたびはご注文いただきました商品が欠品のため、ご注文をキャンセ", "ルいたしました", true),
            ("ご注文のキャンセルについて", "見本 花子 様", false),
            ("期間限定ポイントは返還の対象", "となりません", true),
            ("返還いたしました。", "ありがとう", false),
            ("", "あ", false),
        ] {
            assert_eq!(wrapped(before, after), expect, "{before} / {after}");
        }
    }
}
