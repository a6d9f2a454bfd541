//! What an order mail reports about a living order.

use super::deed::deed;
use super::frame::{Frame, frames};
use super::page::Page;
use super::said::{first_of, from_shop, is_said, machine, said, said_loosely_any, short};
use super::{Facts, Found, Stage};
use std::ops::Range;

/// A shortage that was told before.
const TOLD_BEFORE: &[Frame] = &[(
    &["先日", "昨日", "先ほど", "さきほど", "先程", "前回", "先般", "一度"],
    &["欠品", "品切れ", "在庫切れ", "売り切れ", "完売", "在庫がな", "ご用意でき", "ご用意ができ", "手配でき"],
    16,
)];

/// 先日は欠品とご案内しましたが、ご用意できました: what was told before is taken back in the same sentence.
fn taken_back(page: &Page<'_>) -> Option<(usize, Range<usize>)> {
    let got = [
        "ご用意でき", "ご用意ができ", "ご用意が整", "手配でき", "手配がつ", "確保でき", "お届けでき", "入荷しま",
        "入荷いたしま", "見つかりま",
    ];
    page.prose().into_iter().enumerate().find_map(|(v, view)| {
        frames(view, TOLD_BEFORE).into_iter().find_map(|told| {
            let rest = told.end..view.sentence_at(told.start).end.max(told.end);
            let but = ["ましたが", "でしたが", "ていたが", "ところ"]
                .iter()
                .find_map(|but| view.slice(rest.clone()).find(but))?;
            let from = rest.start + but;
            let word = |word: &&str| view.slice(from..rest.end).find(word).map(|at| from + at..from + at + word.len());
            got.iter().filter_map(word).find(|at| is_said(view, at.start, at.end)).map(|at| (v, at))
        })
    })
}

/// She waits, as the shop repeats her words.
const AGREED: &[Frame] = &[
    (
        &["お待ちいただく", "お待ちいただける", "お待ちくださる", "お待ちになる", "お待ちになられる", "待ってくださる"],
        &["とのこと", "ということで", "ということ、", "との由", "とのご", "とのお", "との返", "旨"],
        1,
    ),
    (&["happy to wait", "willing to wait", "agreed to wait", "agreeing to wait"], &[".", "!", ",", "for", "and"], 24),
];

/// お待ちいただくということで承りました: the question is answered, and the order goes on.
fn agreed(page: &Page<'_>) -> Option<(usize, Range<usize>)> {
    page.prose().into_iter().enumerate().skip(1).find_map(|(v, view)| {
        let told = |range: &Range<usize>| {
            let rest = view.slice(range.end..view.sentence_at(range.start).end.max(range.end));
            let asks = ["でしょうか", "よろしい", "ますか", "になります", "となります", "になり、"];
            is_said(view, range.start, range.end) && !asks.iter().any(|word| rest.contains(word))
        };
        frames(view, AGREED).into_iter().find(told).map(|range| (v, range))
    })
}

pub(super) fn stage(page: &Page<'_>, facts: &Facts) -> Option<Found<Stage>> {
    let views = page.prose();
    let found = |(v, range): (usize, Range<usize>), value| views.get(v).map(|view| view.sure(value, range));
    let subject =
        |words: &[&str]| words.iter().find_map(|word| page.subject.first(word).map(|at| (0, at..at + word.len())));
    if machine(page) == Some("order") || subject(&["注文内容ご確認"]).is_some() {
        let place = subject(&["注文内容ご確認", "注文"]).or_else(|| first_of(page, &["受注番号", "注文番号"]));
        if !facts.order_numbers.is_empty() || !facts.reservations.is_empty() {
            return place.and_then(|place| found(place, Stage::Ordered));
        }
    }
    let found_again = [
        "在庫が見つかり",
        "残っておりました",
        "残っていました",
        "このまま有効",
        "手配が叶い",
        "手配がかない",
        "出てまいりました",
        "出てきました",
        "在庫を確保でき",
        "在庫が確保でき",
        "確保することができ",
        "商品が見つかり",
        "ご用意できることになり",
        "ご用意できること",
        "ご用意が可能となり",
        "手配ができました",
        "在庫の確認がとれ",
        "入荷いたしましたので",
        "キャンセルは不要",
        "キャンセルのお手続きは一切不要",
        "キャンセルのお手続きは不要",
        "キャンセルの必要はござい",
        "キャンセルの必要はなく",
    ];
    if let Some(place) = said(page, &found_again).or_else(|| taken_back(page))
        && (!facts.order_numbers.is_empty() || page.has(&["ご注文"]))
        && !page.subject.text().contains("再入荷")
    {
        return found(place, Stage::FoundAfterAll);
    }
    if let Some(place) = agreed(page).filter(|_| !facts.order_numbers.is_empty() || from_shop(page)) {
        return found(place, Stage::Agreed);
    }
    let refused = [
        "カードがご利用いただけ",
        "カードの承認が",
        "カードがご利用でき",
        "ご利用になれません",
        "承認がとれ",
        "承認が取れ",
        "承認が得られ",
        "カード会社の承認",
        "オーソリ",
        "カード決済ができ",
        "カード決済が完了でき",
        "クレジットカード決済ができ",
        "お支払方法の変更",
        "お支払方法の変更",
        "支払方法を変更",
        "お支払方法をご変更",
        "card was declined",
        "card was refused",
    ];
    if let Some(place) = refused.iter().find_map(|word| said_loosely_any(page, word))
        && page.has(&["カード", "決済", "card"])
        && page.has(&[
            "でき", "エラー", "いただけ", "なれません", "取れ", "とれ", "得られ", "declined", "refused", "not be",
        ])
    {
        return found(place, Stage::CardRefused);
    }
    let paid = [
        "ご入金を確認", "ご入金の確認が", "ご入金の確認を", "ご入金確認", "入金を確認", "入金確認のお知らせ",
        "お支払を確認", "お支払の確認が", "お支払が完了", "payment received", "received your payment",
    ];
    if let Some(place) = said(page, &paid) {
        return found(place, Stage::Paid);
    }
    let due = [
        "お支払手続きのご案内", "お支払手続き", "お支払のお願い", "お支払期限", "お支払期限", "お振込先",
        "お支払受付番号", "払込票番号", "ご入金のお願い", "お振込をお願い", "payment due",
    ];
    let shipped = [
        "発送いたしました", "発送いたしました", "発送しました", "発送が完了", "発送完了", "発送のお知らせ",
        "発送のご連絡", "発送案内", "発送のご案内", "出荷いたしました", "出荷しました", "出荷のお知らせ", "出荷完了",
        "発送手続きが完了", "お届けに上がり", "発送させていただきました", "発送させていただきました",
        "配達の方にお渡し", "運送会社にお渡し", "運送会社に引き渡", "配送業者に引き渡", "配送業者にお渡し",
        "に出荷させて", "お荷物を引き渡", "has been shipped", "have shipped", "has shipped", "shipped",
    ];
    let delayed = [
        "発送遅延", "発送が遅", "お届けが遅", "お届け遅", "納期遅", "入荷が遅", "出荷が遅", "発送予定日の変更",
        "発送予定が変更", "お時間をいただいて", "お時間をいただいて", "お時間をいただきます", "お待ちいただいて",
        "入荷次第発送", "入荷後発送", "入荷次第、発送", "お届け日の変更", "お届け予定日の変更", "お届け日変更",
        "お届け予定の変更", "発送日の変更", "納期の変更", "変更後のお届け", "shipping delay", "delayed",
    ];
    let split = [
        "分割発送", "分納", "別々に発送", "別々の発送", "2個口", "複数の倉庫", "別の倉庫", "二つの倉庫", "2回に分け",
        "二回に分け", "分けてお届け", "分けて発送", "別便", "箱に分けて", "分けてお送り", "別々のお届け",
        "separate parcels", "separately",
    ];
    if let Some(place) = subject(&["発送遅延", "お届け遅延", "遅延"]).or_else(|| said(page, &delayed))
        && deed(page).is_none()
        && (!facts.order_numbers.is_empty() || page.has(&["ご注文", "発送", "お届け", "出荷", "order"]))
        && (short(page).is_some() || said(page, &shipped).is_none())
    {
        return found(place, Stage::Delayed);
    }
    if let Some(place) = said(page, &split) {
        return found(place, Stage::Split);
    }
    if let Some(place) = subject(&shipped).or_else(|| said(page, &shipped)) {
        return found(place, Stage::Shipped);
    }
    if let Some(place) = said(page, &due)
        .or_else(|| first_of(page, &due).filter(|_| !facts.order_numbers.is_empty()))
        // お振込先 of a refund is the shopper's own account
        .filter(|_| !page.subject.text().contains("返金"))
    {
        return found(place, Stage::PaymentDue);
    }
    let accepted = [
        "ご注文ありがとう",
        "ご注文いただきありがとう",
        "ご注文いただき、ありがとう",
        "ご注文いただきありがとう",
        "ご注文を承",
        "ご注文承諾",
        "ご注文確認",
        "ご注文の確認",
        "ご注文を確認",
        "受注確認",
        "ご注文を受付",
        "ご購入ありがとう",
        "お買い上げいただ",
        "お買い上げ頂",
        "お買い上げありがと",
        "お買い上げ誠に",
        "お買い上げくださ",
        "お買上げいただ",
        "お買上げ頂",
        "お買上げありがと",
        "thank you for your order",
        "order confirmation",
        "ご注文確定",
        "ご予約を承",
        "お申込ありがとう",
        "お申込ありがとう",
        "ご予約ありがとう",
    ];
    subject(&accepted)
        .or_else(|| said(page, &accepted))
        .filter(|_| from_shop(page) || !facts.order_numbers.is_empty())
        .and_then(|place| found(place, Stage::Accepted))
}
