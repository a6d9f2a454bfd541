//! One spelling for words that Japanese writes in several ways: 頂き and いただき, 取り消し and 取消し, 御注文 and ご注文.
//!
//! Who writes a rule or a finder writes a word once; shops write it as their clerk learnt it. Part of the normal form,
//! so mail and patterns meet in it.

use super::fold::Folded;
use aho_corasick::{AhoCorasick, AhoCorasickKind, MatchKind};
use std::sync::LazyLock;

/// Written so → read so. No right side holds a left side, so one round settles.
const FAMILIES: &[(&str, &str)] = &[
    ("致し", "いたし"),
    ("致す", "いたす"),
    ("致さ", "いたさ"),
    ("致せ", "いたせ"),
    ("頂き", "いただき"),
    ("頂い", "いただい"),
    ("頂け", "いただけ"),
    ("頂く", "いただく"),
    ("頂こ", "いただこ"),
    ("頂ま", "いただきま"),
    ("戴き", "いただき"),
    ("戴い", "いただい"),
    ("戴け", "いただけ"),
    ("戴く", "いただく"),
    ("下さ", "くださ"),
    ("御座", "ござ"),
    ("御注文", "ご注文"),
    ("御連絡", "ご連絡"),
    ("御返信", "ご返信"),
    ("御返事", "お返事"),
    ("ご返事", "お返事"),
    ("御返答", "ご返答"),
    ("御回答", "ご回答"),
    ("御利用", "ご利用"),
    ("御購入", "ご購入"),
    ("御案内", "ご案内"),
    ("御確認", "ご確認"),
    ("御希望", "ご希望"),
    ("御返金", "ご返金"),
    ("御返還", "ご返還"),
    ("御迷惑", "ご迷惑"),
    ("御了承", "ご了承"),
    ("御用意", "ご用意"),
    ("御準備", "ご準備"),
    ("御登録", "ご登録"),
    ("御依頼", "ご依頼"),
    ("御要望", "ご要望"),
    ("御不便", "ご不便"),
    ("御都合", "ご都合"),
    ("御予約", "ご予約"),
    ("御入金", "ご入金"),
    ("御来店", "ご来店"),
    ("御意向", "ご意向"),
    ("御客様", "お客様"),
    ("お客さま", "お客様"),
    ("おきゃくさま", "お客様"),
    ("御詫", "お詫"),
    ("おわび", "お詫び"),
    ("御支払", "お支払"),
    ("御届", "お届"),
    ("御礼", "お礼"),
    ("御待", "お待"),
    ("御知らせ", "お知らせ"),
    ("お報せ", "お知らせ"),
    ("おしらせ", "お知らせ"),
    ("御手数", "お手数"),
    ("御買", "お買"),
    ("御問", "お問"),
    ("御振込", "お振込"),
    ("御品", "お品"),
    ("御申", "お申"),
    ("出来ま", "できま"),
    ("出来な", "できな"),
    ("出来ず", "できず"),
    ("出来る", "できる"),
    ("出来兼", "できか"),
    ("出来か", "できか"),
    ("出来次第", "でき次第"),
    ("出来ました", "できました"),
    ("兼ねま", "かねま"),
    ("無い", "ない"),
    ("無く", "なく"),
    ("無かっ", "なかっ"),
    ("無し", "なし"),
    ("有りま", "ありま"),
    ("有りません", "ありません"),
    ("有難う", "ありがとう"),
    ("有り難う", "ありがとう"),
    ("申訳", "申し訳"),
    ("申しわけ", "申し訳"),
    ("もうしわけ", "申し訳"),
    ("もうしわげ", "申し訳"),
    ("取り消", "取消"),
    ("とりけ", "取消"),
    ("取り止め", "取りやめ"),
    ("取止め", "取りやめ"),
    ("とりやめ", "取りやめ"),
    ("取り下げ", "取下げ"),
    ("取りさげ", "取下げ"),
    ("問合せ", "問い合わせ"),
    ("問合わせ", "問い合わせ"),
    ("問い合せ", "問い合わせ"),
    ("といあわせ", "問い合わせ"),
    ("売切れ", "売り切れ"),
    ("売りきれ", "売り切れ"),
    ("品ぎれ", "品切れ"),
    ("在庫ぎれ", "在庫切れ"),
    ("申し込み", "申込"),
    ("申込み", "申込"),
    ("申しこみ", "申込"),
    ("振り込み", "振込"),
    ("振込み", "振込"),
    ("受け付け", "受付"),
    ("受付け", "受付"),
    ("うけつけ", "受付"),
    ("支払い", "支払"),
    ("おもどし", "お戻し"),
    ("もどりま", "戻りま"),
    ("もどしま", "戻しま"),
    ("とどきま", "届きま"),
    ("あずかり", "預かり"),
    ("ヶ月", "か月"),
    ("ヵ月", "か月"),
    ("カ月", "か月"),
    ("箇月", "か月"),
    ("の為", "のため"),
    ("た為", "たため"),
    ("迄", "まで"),
    ("しだい", "次第"),
    ("元どおり", "元通り"),
    ("もとどおり", "元通り"),
    ("宜し", "よろし"),
    ("何卒", "なにとぞ"),
    ("既に", "すでに"),
    ("只今", "ただいま"),
    ("ただ今", "ただいま"),
    ("唯今", "ただいま"),
    ("漸く", "ようやく"),
    ("尚、", "なお、"),
    ("但し", "ただし"),
    ("及び", "および"),
    ("ならびに", "および"),
    ("並びに", "および"),
    ("暫く", "しばらく"),
    ("直ちに", "ただちに"),
    ("早速", "さっそく"),
    ("沢山", "たくさん"),
    ("一旦", "いったん"),
    ("一たん", "いったん"),
    ("差し上げ", "差しあげ"),
    ("差上げ", "差しあげ"),
    ("さしあげ", "差しあげ"),
    ("キャンセルー", "キャンセル"),
    ("キャンセㇽ", "キャンセル"),
    ("キヤンセル", "キャンセル"),
];

static FINDER: LazyLock<Option<AhoCorasick>> = LazyLock::new(|| {
    // a table of this program: if it could not be built, a test says so, and mail is read without it
    AhoCorasick::builder()
        .match_kind(MatchKind::LeftmostLongest)
        .kind(Some(AhoCorasickKind::DFA))
        .build(FAMILIES.iter().map(|(written, _)| *written))
        .ok()
});

/// The same text in one spelling; each new letter remembers where the words it stands for began.
pub(super) fn respelt(folded: Folded) -> Folded {
    let Some(finder) = FINDER.as_ref() else { return folded };
    let (text, from) = folded.parts();
    if text.is_ascii() {
        return folded;
    }
    let mut found = finder.find_iter(text).peekable();
    if found.peek().is_none() {
        return folded;
    }
    let (mut new, mut origins) = (String::with_capacity(text.len()), Vec::with_capacity(from.len()));
    let mut at = 0;
    for hit in found {
        let Some((_, read)) = FAMILIES.get(hit.pattern().as_usize()) else { continue };
        new.push_str(text.get(at..hit.start()).unwrap_or_default());
        origins.extend_from_slice(from.get(at..hit.start()).unwrap_or_default());
        spread(text, from, hit.range(), read, &mut origins);
        new.push_str(read);
        at = hit.end();
    }
    new.push_str(text.get(at..).unwrap_or_default());
    origins.extend_from_slice(from.get(at..).unwrap_or_default());
    Folded::of_parts(new, origins)
}

/// Letters that both spellings begin or end with keep their places; those between stand for all that was between.
fn spread(text: &str, from: &[u32], written: std::ops::Range<usize>, read: &str, origins: &mut Vec<u32>) {
    let old = text.get(written.clone()).unwrap_or_default();
    let head: usize = old.chars().zip(read.chars()).take_while(|(a, b)| a == b).map(|(a, _)| a.len_utf8()).sum();
    let rest = old.len().min(read.len()) - head;
    let mut tail = 0;
    for (a, b) in old.chars().rev().zip(read.chars().rev()) {
        if a != b || tail + a.len_utf8() > rest {
            break;
        }
        tail += a.len_utf8();
    }
    let at = |offset: usize| from.get(written.start + offset).copied().unwrap_or_default();
    origins.extend((0..head).map(at));
    origins.extend(std::iter::repeat_n(at(head), read.len() - head - tail));
    origins.extend((old.len() - tail..old.len()).map(at));
}

#[cfg(test)]
mod tests {
    use super::super::fold;
    use super::*;

    #[test]
    fn one_spelling() {
        for (written, read) in [
            ("ご注文を取り消し致しました。", "ご注文を取消しいたしました。"),
            ("御注文頂き有難う御座います", "ご注文いただきありがとうございます"),
            ("お問合せ下さい", "お問い合わせください"),
            ("お支払い期限迄に", "お支払期限までに"),
            ("ｷｬﾝｾﾙ出来ません", "キャンセルできません"),
            ("売切れの為、お届け出来兼ねます", "売り切れのため、お届けできかねます"),
        ] {
            assert_eq!(fold(written).text(), read);
            assert_eq!(fold(read).text(), read, "not settled");
        }
    }

    #[test]
    fn every_spelling_settles_and_comes_from_somewhere() {
        assert!(FINDER.is_some());
        for (written, read) in FAMILIES {
            let text = format!("あ{written}。");
            let folded = fold(&text);
            assert_eq!(folded.text(), fold(&format!("あ{read}。")).text(), "{written}");
            assert_eq!(fold(folded.text()).text(), folded.text(), "{written} is not settled");
            let whole = folded.origin(0..folded.text().len());
            assert_eq!(whole, 0..text.len(), "{written}");
        }
    }

    #[test]
    fn the_way_back_leads_to_the_words_as_written() {
        let written = "商品をお届け致しました";
        let folded = fold(written);
        let at = folded.text().find("いたし").unwrap();
        assert_eq!(&written[folded.origin(at..at + "いたし".len())], "致し");
        let at = folded.text().find("ました").unwrap();
        assert_eq!(&written[folded.origin(at..at + "ました".len())], "ました");
    }
}
