//! What a shop offers instead of goods that it does not have.

use super::page::Page;
use super::said::is_said;
use super::{Confidence, Facts};

/// What goods are called that come instead.
const INSTEAD: &[&str] = &[
    "代替品", "代替の", "代替商品", "代わりの商品", "代わりのお品", "代わりの品", "かわりの品", "代わりとして",
    "代わりに", "後継品", "後継機", "同等品", "類似品", "substitute", "alternative", "replacement", "instead",
];
/// Where these words are about something else: ポイントの代わりに, a reply instead of …
const ELSE: &[&str] = &["ポイントの代わり", "クーポンの代わり", "返信の代わり", "お詫びの代わり", "お礼の代わり"];
/// A longer sentence is no offer but a page.
const LONGEST: usize = 240;

/// Fills in the sentence that offers other goods, of mails about a cancellation.
pub(super) fn find(page: &Page<'_>, facts: &mut Facts) {
    if facts.cancelled.is_none() {
        return;
    }
    let view = &page.joined;
    let hit = view.hits(INSTEAD).into_iter().find_map(|(at, word)| {
        let sentence = view.sentence_at(at);
        let text = view.slice(sentence.clone());
        let offered = is_said(view, at, at + word.len()) && !ELSE.iter().any(|other| text.contains(other));
        let plain = text.len() <= LONGEST * 3 && !text.contains("://") && !text.contains("www.");
        (offered && plain && view.counts(at)).then_some(sentence)
    });
    if let Some(sentence) = hit {
        let written = view.written(sentence.clone()).split_whitespace().collect::<Vec<_>>().join(" ");
        facts.alternative = Some(view.found(written, sentence, Confidence::High));
    }
}

#[cfg(test)]
mod tests {
    use crate::facts::{find, tests};

    #[test]
    fn an_offer_of_other_goods_is_the_sentence_that_makes_it() {
        let asked = "受注番号: 399999-20261120-0123456789\n在庫切れのため、ご用意できません。\n";
        let rest = "\n1. キャンセル\n2. 入荷までお待ちいただく\nいずれかをお選びのうえ、ご返信ください。";
        for (sentence, expect) in [
            (
                "代替品として「モドリのカップ」をご用意できます。",
                Some("代替品として「モドリのカップ」をご用意できます"),
            ),
            ("後継品のＭＤ-200をお送りすることもできます。", Some("後継品のＭＤ-200をお送りすることもできます")),
            ("代替品はございません。", None),
            ("代替品はこちら https://evil.example/pay からどうぞ。", None),
            ("ポイントの代わりにクーポンをお送りします。", None),
            ("よろしくお願いいたします。", None),
        ] {
            let mail = tests::mail_of("在庫切れのお詫び", &format!("{asked}{sentence}{rest}"));
            let facts = find(&tests::from(mail, "Shop", "modori-zakka@shop.rakuten.co.jp"));
            assert!(facts.cancelled.is_some(), "{sentence}");
            assert_eq!(facts.alternative.map(|found| found.value).as_deref(), expect, "{sentence}");
        }
        let alive = tests::mail_of("発送のお知らせ", "代替品を発送いたしました。");
        assert_eq!(find(&alive).alternative, None, "no cancellation");
    }
}
