//! The delivery service an order is sent by: あす楽 or 最強配送, where the mail says so of this order.
//!
//! Shops advertise both under every mail. What counts is a line of the order itself (配送方法, an option, a line of its
//! own among the goods) or a sentence that says how this order is sent.

use super::Facts;
use super::label::{Kind, Labelled};
use super::page::Page;
use super::said::is_said;
use serde::{Deserialize, Serialize};
use std::ops::Range;

/// A delivery service of Rakuten Ichiba with rules of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Service {
    /// あす楽: late delivery has a claim window of its own, and the order cannot be cancelled by oneself.
    Asuraku,
    /// 最強配送, 最強翌日配送: likewise.
    Saikyo,
}

const NAMES: &[(&str, Service)] = &[
    ("あす楽", Service::Asuraku),
    ("最強翌日配送", Service::Saikyo),
    ("最強配送", Service::Saikyo),
    ("最強翌日便", Service::Saikyo),
];
/// Labels of an order's delivery, in normal form.
const LABELS: &[&str] = &[
    "配送方法", "お届け方法", "発送方法", "配送サービス", "配送種別", "配送区分", "配送オプション", "配送希望",
    "配送便", "配送", "お届け日時", "お届け希望日", "お届け指定", "配送指定", "お届け便", "お届け予定", "お届け",
    "発送区分", "オプション", "送付方法", "delivery", "shipping method",
];
/// What may follow the service's name where it stands alone.
const TAILS: &[&str] = &["対象", "対応", "商品", "品", "便", "配送", "サービス", "希望", "指定", "注文"];
const YES: &[&str] = &["対象", "利用", "希望", "あり", "有", "はい", "する", "○", "◯", "yes", "指定", "適用"];
/// A sentence about this order.
const THIS_ORDER: &[&str] = &[
    "本注文", "本ご注文", "このご注文", "今回", "このたび", "この度", "ご注文は", "お客様のご注文", "ご注文商品は",
    "ご注文の商品は", "上記商品は", "下記商品は", "本商品は", "your order", "this order",
];
const SENT: &[&str] = &[
    "お届け", "発送", "配送", "出荷", "お送り", "手配", "承り", "承って", "受付", "です", "となります", "になります",
    "ship", "sent", "deliver",
];
/// What makes a sentence speak of the service and not of this order.
const ADVERT: &[&str] = &[
    "はこちら", "こちらから", "ページ", "店舗", "ショップ", "当店は", "実施", "始め", "はじめ", "なら", "選べ", "選択",
    "ご利用", "ご希望", "お願いします", "時まで", "正午", "までのご注文", "特集", "マーク", "http", "全品", "続々",
];

/// Fills in the service.
pub(super) fn find(page: &Page<'_>, labels: &[Labelled], facts: &mut Facts) {
    if facts.stage.is_none() && facts.cancelled.is_none() {
        return; // no order to be sent
    }
    let view = &page.body;
    let names: Vec<&str> = NAMES.iter().map(|(name, _)| *name).collect();
    let block = block(labels);
    facts.service = view.hits(&names).into_iter().find_map(|(at, name)| {
        let service = NAMES.iter().find(|(known, _)| *known == name)?.1;
        let (range, line) = (at..at + name.len(), view.line_at(at));
        (view.counts(at) && !is_denied(page, &range, &line) && is_of_this_order(page, &range, &line, &block))
            .then(|| view.sure(service, range))
    });
}

/// From the first to the last line that tells of the order: what stands alone outside is a banner.
fn block(labels: &[Labelled]) -> Range<usize> {
    let places = || {
        let told = |one: &&Labelled| {
            matches!(
                one.kind,
                Kind::OrderNumber | Kind::OrderedAt | Kind::ItemName | Kind::Goods | Kind::Total | Kind::Payment
            )
        };
        labels.iter().filter(told).map(|one| one.label.start)
    };
    places().min().unwrap_or(0)..places().max().unwrap_or(0)
}

fn is_denied(page: &Page<'_>, name: &Range<usize>, line: &Range<usize>) -> bool {
    let after = page.body.slice(name.end..line.end);
    let bare = after.trim_start_matches(|c: char| c.is_whitespace() || "]】)」:=".contains(c));
    !is_said(&page.body, name.start, name.end)
        || ["なし", "無", "×", "✕", "no", "対象外", "不可", "以外", "ではな"].iter().any(|no| bare.starts_with(no))
}

fn is_of_this_order(page: &Page<'_>, name: &Range<usize>, line: &Range<usize>, block: &Range<usize>) -> bool {
    let view = &page.body;
    let (before, after) = (view.slice(line.start..name.start), view.slice(name.end..line.end));
    let whole = view.slice(line.clone());
    labelled(before, above(page, line.start))
        || answered(before, after)
        || (block.contains(&line.start) && stands_alone(before, after))
        || (told(view.slice(view.sentence_at(name.start)), after) && !ADVERT.iter().any(|word| whole.contains(word)))
}

fn bare(text: &str) -> &str {
    text.trim_matches(|c: char| {
        c.is_whitespace() || "[](){}<>【】〔〕《》「」『』■□◆◇●○◎▼▽★☆※*・#=|>-_:→＼／".contains(c)
    })
}

/// The nearest line above that is not empty.
fn above<'a>(page: &'a Page<'_>, start: usize) -> &'a str {
    page.body.slice(0..start).rsplit('\n').map(str::trim).find(|line| !line.is_empty()).unwrap_or_default()
}

/// `[配送方法] 宅配便(あす楽)`, or the label in the line above.
fn labelled(before: &str, above: &str) -> bool {
    let own = bare(before);
    let on_line = LABELS.iter().any(|label| {
        own.strip_prefix(label).is_some_and(|rest| {
            let parted = rest.is_empty() || rest.starts_with([':', ']', '】', '\t', ' ', '=', ')', '/']);
            parted && rest.chars().count() <= 24 && !rest.contains(['。', '、', '※'])
        })
    });
    on_line || (own.is_empty() && LABELS.contains(&bare(above)))
}

/// `あす楽:利用する`
fn answered(before: &str, after: &str) -> bool {
    let rest = TAILS.iter().fold(after, |rest, tail| rest.strip_prefix(tail).unwrap_or(rest));
    let value = bare(rest);
    bare(before).is_empty()
        && rest.trim_start().starts_with([':', ']', '】', '='])
        && value.chars().count() <= 8
        && YES.iter().any(|yes| value.starts_with(yes))
}

/// `※あす楽対象商品`, and nothing else on the line.
fn stands_alone(before: &str, after: &str) -> bool {
    let rest = TAILS.iter().fold(bare(after), |rest, tail| rest.strip_prefix(tail).unwrap_or(rest));
    bare(before).is_empty() && matches!(bare(rest), "" | "商品" | "です")
}

/// あす楽にて発送いたします; 本ご注文はあす楽対象です.
fn told(sentence: &str, after: &str) -> bool {
    let rest = TAILS.iter().fold(after, |rest, tail| rest.strip_prefix(tail).unwrap_or(rest));
    let by = ["で", "にて", "として", "による", "での"].iter().any(|word| rest.starts_with(word));
    let sent = SENT.iter().any(|word| rest.contains(word));
    let this = THIS_ORDER.iter().any(|word| sentence.contains(word));
    let done = ["ます", "ました", "です", "予定"].iter().any(|end| rest.contains(end));
    sent && done && (this || by)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::tests::mail_of;

    fn read(lines: &str) -> Option<Service> {
        let body = format!(
            "ご注文ありがとうございます。\n[受注番号] 399999-20261120-0123456789\n[商品]\nケトル\n\
             価格 3,000(円) x 1(個)\n{lines}\n支払い金額 3,000(円)\n\n当店はあす楽対応店です。\n\
             12時までのご注文はあす楽で翌日お届けします!\n★最強配送★\n"
        );
        crate::facts::find(&mail_of("注文内容ご確認", &body)).service.map(|found| found.value)
    }

    #[test]
    fn the_order_says_how_it_is_sent() {
        let (asuraku, saikyo) = (Some(Service::Asuraku), Some(Service::Saikyo));
        for (lines, expect) in [
            ("[配送方法] あす楽", asuraku),
            ("[配送方法] 宅配便（あす楽）", asuraku),
            ("■お届け方法：最強翌日配送", saikyo),
            ("配送方法\nあす楽", asuraku),
            ("※あす楽対象商品", asuraku),
            ("あす楽：利用する", asuraku),
            ("本ご注文は最強配送の対象です。", saikyo),
            ("あす楽にて発送いたします。", asuraku),
            ("ご注文いただいた商品は、あす楽配送にて本日出荷いたします。", asuraku),
            ("お届け指定：あす楽", asuraku),
            ("", None),
            ("[配送方法] 宅配便", None),
            ("[配送方法] 宅配便（あす楽対象外）", None),
            ("あす楽：なし", None),
            ("このご注文はあす楽の対象ではございません。", None),
            ("あす楽でお届けできませんでした。", None),
            ("あす楽をご希望の場合は、12時までにご注文ください。", None),
            ("【あす楽】やかん", None),
            ("[備考] あす楽でお願いします", None),
            ("あす楽対象商品はこちら", None),
            ("あす楽対象商品は、翌日お届けします。", None),
            ("あす楽対象エリア外のため、通常配送となります。", None),
        ] {
            assert_eq!(read(lines), expect, "{lines}");
        }
    }
}
