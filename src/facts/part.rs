//! A part of an order falls away, and the rest lives on.

use super::frame::{Frame, frames};
use super::page::Page;
use super::said::{is_said, said, short};
use std::ops::Range;

/// The order's sums were changed: said as a deed, or in the subject. 注文内容の変更や… in the small print is neither.
fn changed(page: &Page<'_>) -> Option<(usize, Range<usize>)> {
    // a table of the sums before and after
    if let Some(at) = super::sums::columns(page).filter(|_| short(page).is_some()) {
        let header = page.joined.text().find("変更前").filter(|_| page.body.counts(at));
        if let Some(at) = header {
            return Some((1, at..at + "変更前".len()));
        }
    }
    let words =
        ["ご注文内容変更", "ご注文内容の変更", "注文内容を変更", "金額変更", "金額の変更", "金額を変更", "変更後"];
    page.prose().into_iter().enumerate().find_map(|(v, view)| {
        view.hits(&words).into_iter().find_map(|(at, word)| {
            let end = at + word.len();
            let after = view.slice(end..view.sentence_at(at).end);
            // 変更後のお届け予定 is no sum
            let line = view.slice(view.line_at(at));
            let sum = ["円", "金額", "合計", "¥"].iter().any(|sign| line.contains(sign))
                || page.has(&["変更前"]) && page.has(&["変更後"]) && line.contains('\t');
            let told = v == 0
                || word == "変更後" && sum
                || ["いたしました", "しました", "となりました", "させていただ", "させて頂", "のお知らせ", "のご連絡"]
                    .iter()
                    .any(|deed| after.contains(deed));
            (told && is_said(view, at, end)).then_some((v, at..end))
        })
    })
}

/// One thing falls away, the rest is sent.
const PART: &[Frame] = &[
    (
        &["のみ", "点だけ", "1点を", "一点を", "1点につき", "分のみ", "商品のうち", "点のうち"],
        &["キャンセル", "取消", "お取消", "取下げ", "除外", "お取り下げ"],
        12,
    ),
    (
        &["枚分", "点分", "個分", "本分", "着分", "足分", "袋分", "箱分", "台分", "冊分", "セット分"],
        &["キャンセル", "取消", "取下げ", "減ら"],
        6,
    ),
    (
        &["残り", "その他の", "ほかの商品", "他の商品", "以外の", "それ以外", "在庫のある", "他の品"],
        &["発送", "お送り", "お届け", "出荷", "手配いたし", "ご用意でき", "お送りいた"],
        20,
    ),
    (&["remaining items", "other items", "rest of your order", "the rest"], &["ship", "sent", "deliver"], 24),
];

/// Some of the items, or the order's sums, changed while the order lives.
pub(super) fn partial(page: &Page<'_>) -> Option<(usize, Range<usize>)> {
    let words = [
        "一部キャンセル", "一部商品の", "一部の商品", "一部欠品", "一部商品欠品", "一部商品が", "商品のみキャンセル",
        "のみキャンセル", "1点のみ", "1点をキャンセル", "partially cancel", "part of your order",
    ];
    let framed = || {
        page.prose().into_iter().enumerate().find_map(|(v, view)| {
            frames(view, PART).into_iter().find(|range| is_said(view, range.start, range.end)).map(|range| (v, range))
        })
    };
    let place = said(page, &words).or_else(|| changed(page)).or_else(framed)?;
    let cancels = page.has(&["キャンセル", "取消", "取下げ", "cancel"]) || short(page).is_some();
    // 全部: 一部商品の在庫切れのため、ご注文全体をキャンセル
    let all = page.has(&["ご注文全体を", "ご注文をすべて", "全てキャンセル", "すべてキャンセル", "entire order"]);
    (cancels && !all).then_some(place)
}
