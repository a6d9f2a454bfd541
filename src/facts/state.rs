//! What became of the order: cancelled (by whom, how far), and what an order mail reports.
//!
//! No single word decides: キャンセル stands in the small print of nearly every mail. A deed counts when its clause is
//! neither denied nor supposed; a question beats an apology, and a deed beats a question.

use super::page::{Page, View, hits};
use super::{Cancelled, Cause, Confidence, Facts, Found, Stage};
use crate::mail::trust::is_rakuten;
use crate::text::clause;
use std::ops::Range;

/// Words for a cancellation.
const CANCEL: &[&str] = &["キャンセル", "取消", "取り消", "取りやめ", "中止", "cancel"];
/// Compounds that are policy, or another thing altogether.
const NOT_CANCEL: &[&str] = &[
    "キャンセル待ち",
    "キャンセル分",
    "キャンセル不可",
    "キャンセル料",
    "キャンセルポリシー",
    "キャンセル規定",
    "キャンセル品",
    "キャンセル・返品",
    "キャンセル・変更",
    "キャンセルや返品",
    "キャンセルや変更",
    "キャンセルについては",
    "キャンセルにつきましては",
    "キャンセル枠",
    "キャンセル方法",
    "キャンセルボタン",
    "cancellation policy",
    "ノイズキャンセル",
    "noise cancel",
    "noise-cancel",
];
/// What makes it a deed: behind the word, in the same sentence.
const DEED: &[&str] = &[
    "いたしました",
    "致しました",
    "しました",
    "させていただきました",
    "させて頂きました",
    "となりました",
    "になりました",
    "されました",
    "完了",
    "確定",
    "成立",
    "させていただきます",
    "させて頂きます",
    "とさせていただ",
    "処理済",
    "済みです",
    "なりましたので",
    "の手続きを行いました",
    "行いました",
    "承りました",
    "承認されました",
    "いたしております",
    "のお知らせ",
    "いたします",
    "致します",
    "has been",
    "have been",
    "was cancel",
    "were cancel",
    "been cancel",
    "cancelled your",
    "canceled your",
];
/// What marks a received wish, not a deed.
const RECEIVED: &[&str] = &["ご依頼", "ご希望", "お申し出", "お申出", "申請", "リクエスト", "ご要望", "request"];
/// What asks the shopper.
const ASKS: &[&str] = &[
    "いずれか",
    "お選び",
    "ご希望を",
    "ご希望の",
    "ご返信",
    "ご返答",
    "お返事",
    "ご回答",
    "ご意向",
    "ご連絡ください",
    "ご連絡をお願い",
    "お知らせください",
    "お聞かせ",
    "ご指示",
    "いかがいたしましょう",
    "よろしいでしょうか",
    "宜しいでしょうか",
    "ご検討",
    "お待ちいただけ",
    "please reply",
    "let us know",
    "please choose",
    "please tell us",
];
/// What says that goods are not to be had.
const OUT_OF_STOCK: &[&str] = &[
    "欠品",
    "在庫切れ",
    "在庫ぎれ",
    "品切れ",
    "売り切れ",
    "売切れ",
    "完売",
    "手配ができ",
    "手配でき",
    "ご用意ができ",
    "ご用意でき",
    "ご準備ができ",
    "ご準備でき",
    "廃番",
    "終売",
    "在庫がな",
    "在庫が無",
    "在庫がござい",
    "在庫を確保でき",
    "在庫確保ができ",
    "在庫が確保でき",
    "入荷できな",
    "入荷の見込みが",
    "入荷が見込め",
    "生産終了",
    "メーカー終了",
    "在庫なし",
    "在庫不足",
    "在庫の差異",
    "在庫数の誤",
    "out of stock",
    "out-of-stock",
    "sold out",
    "unavailable",
    "no longer available",
];

/// Fills in cancellation, cause and stage.
pub(super) fn find(page: &Page<'_>, facts: &mut Facts) {
    let order_like = !facts.order_numbers.is_empty()
        || !facts.reservations.is_empty()
        || from_shop(page)
        || from_orders(page)
        || page.has(&["受注番号", "注文番号", "ご注文"]);
    let stage = stage(page, facts);
    let lives =
        matches!(stage.as_ref().map(|stage| stage.value), Some(Stage::FoundAfterAll | Stage::Delayed | Stage::Split));
    if order_like {
        facts.cancelled = cancelled(page, facts, lives);
    }
    if let Some(cancelled) = &facts.cancelled {
        facts.cause = cause(page, cancelled.value);
    }
    let dead = matches!(
        facts.cancelled.as_ref().map(|found| found.value),
        Some(Cancelled::Confirmed | Cancelled::Claimed | Cancelled::Pending | Cancelled::Requested)
    );
    if order_like && !dead {
        facts.stage = stage;
    }
}

fn from_shop(page: &Page<'_>) -> bool {
    let inner = page.mail.inner.as_ref().and_then(|inner| inner.from.as_ref());
    [Some(&page.mail.from), inner].into_iter().flatten().any(|from| from.domain() == "shop.rakuten.co.jp")
}

/// Rakuten's own machines: `order@`, `order-cancel@`, `order-confirm@`.
fn from_orders(page: &Page<'_>) -> bool {
    machine(page).is_some()
}

fn machine<'a>(page: &'a Page<'_>) -> Option<&'a str> {
    let inner = page.mail.inner.as_ref().and_then(|inner| inner.from.as_ref());
    [Some(&page.mail.from), inner].into_iter().flatten().find_map(|from| {
        let (local, domain) = from.addr.rsplit_once('@')?;
        let own = domain == "rakuten.co.jp" || domain.ends_with(".rms.rakuten.co.jp");
        (own && local.starts_with("order")).then_some(local)
    })
}

/// A place that counts, in a clause that is neither denied nor supposed.
fn is_said(view: &View<'_>, at: usize, end: usize) -> bool {
    view.counts(at) && !clause::is_negated(view.text(), at, end) && !clause::is_supposed(view.text(), at, end)
}

/// The first of these words that is really said.
fn said(page: &Page<'_>, words: &[&str]) -> Option<(usize, Range<usize>)> {
    for (v, view) in page.prose().into_iter().enumerate() {
        for (at, word) in hits(view.text(), words) {
            let end = at + word.len();
            if is_said(view, at, end) {
                return Some((v, at..end));
            }
        }
    }
    None
}

/// `true` when one of these words stands in the text as something that is (a shortage is mostly said with a denial:
/// ご用意ができません), but not as a mere possibility.
fn short(page: &Page<'_>) -> Option<(usize, Range<usize>)> {
    for (v, view) in page.prose().into_iter().enumerate() {
        for (at, word) in hits(view.text(), OUT_OF_STOCK) {
            let end = at + word.len();
            let able = [
                "ご用意",
                "ご準備",
                "手配",
                "在庫が",
                "在庫を",
                "在庫確保",
                "入荷できな",
                "入荷の見込み",
                "入荷が見込",
            ]
            .iter()
            .any(|stem| word.starts_with(stem));
            let denied = clause::is_negated(view.text(), at, end) || word.ends_with('な') || word.ends_with("無");
            let supposed = clause::is_supposed(view.text(), at, end);
            if view.counts(at) && !supposed && (denied == able || !able && !denied) {
                return Some((v, at..end));
            }
        }
    }
    None
}

fn deed(page: &Page<'_>) -> Option<(usize, Range<usize>)> {
    for (v, view) in page.prose().into_iter().enumerate() {
        let text = view.text();
        for (at, word) in hits(text, CANCEL) {
            let end = at + word.len();
            let rest = text.get(at..).unwrap_or_default();
            let before = text.get(..at).unwrap_or_default();
            let compound = NOT_CANCEL.iter().any(|not| {
                rest.starts_with(not) || (not.ends_with(word) && before.ends_with(not.trim_end_matches(word)))
            });
            if compound || !is_said(view, at, end) {
                continue;
            }
            let sentence = view.sentence_at(at);
            let after = view.slice(end..sentence.end);
            let whole = view.slice(sentence.clone());
            let service = ["配信", "登録", "予約受付", "メルマガ", "subscription", "会員"]
                .iter()
                .any(|word| whole.contains(word) && !whole.contains("注文"));
            // キャンセル…ませんか, …でしょうか: a question
            let question = whole.contains("でしょうか") || whole.contains("ませんか");
            // ご希望の場合は is supposed; キャンセルをご希望 is a wish
            let wish = [
                "をご希望",
                "を希望",
                "をご検討",
                "のご希望",
                "の可否",
                "できます",
                "可能",
                "いただけます",
                "手続きをお願い",
                "される",
            ]
            .iter()
            .any(|word| {
                after.starts_with(word) || after.trim_start_matches(['の', 'を', 'が', 'は']).starts_with(word)
            });
            // 「キャンセルいたします」 after a condition is caught as supposed; alone it is the shop's decision
            let done = DEED.iter().any(|deed| after.contains(deed) || (deed.is_ascii() && whole.contains(deed)));
            if done && !question && !wish && !service {
                return Some((v, sentence));
            }
        }
    }
    None
}

fn cancelled(page: &Page<'_>, facts: &Facts, lives: bool) -> Option<Found<Cancelled>> {
    let views = page.prose();
    let found = |(v, range): (usize, Range<usize>), value: Cancelled, confidence: Confidence| {
        views.get(v).map(|view| view.found(value, range, confidence))
    };
    let machine = machine(page);
    let by_rakuten = machine.is_some()
        || (is_rakuten(page.mail.from.domain())
            && !from_shop(page)
            && !page.mail.from.domain().starts_with("emagazine"));
    let done = deed(page);

    // the machine that sends nothing but cancellations
    if machine == Some("order-cancel") {
        let place = done.clone().or_else(|| first_of(page, CANCEL)).unwrap_or((0, 0..page.subject.text().len()));
        return found(place, Cancelled::Confirmed, Confidence::High);
    }
    // order confirmations, payment instructions: キャンセル is small print there
    if matches!(machine, Some("order" | "order-confirm")) {
        let subject_says = page.subject.text().contains("キャンセル");
        return done.filter(|_| subject_says).and_then(|place| found(place, Cancelled::Confirmed, Confidence::High));
    }
    let part = partial(page);
    let asks = ASKS.iter().find_map(|word| said_loosely(page, word));
    let shortage = short(page);
    if let Some(place) = done {
        if let Some(part) = part {
            return found(part, Cancelled::Partial, Confidence::High);
        }
        if lives {
            return None;
        }
        let (v, range) = place.clone();
        let sentence = views.get(v).map(|view| view.slice(range)).unwrap_or_default();
        let future = ["いたします", "致します", "させていただきます", "させて頂きます"]
            .iter()
            .any(|word| sentence.contains(word));
        if asks.is_some() && future && shortage.is_some() {
            return found(place, Cancelled::Pending, Confidence::High);
        }
        let wish = RECEIVED.iter().any(|word| sentence.contains(word));
        let finished = [
            "完了",
            "キャンセルいたしました",
            "キャンセル致しました",
            "キャンセルしました",
            "確定",
            "処理をいたしました",
            "手続きをいたしました",
        ]
        .iter()
        .any(|word| page.has(&[word]));
        let taken_on = [
            "承りました",
            "受け付けました",
            "受付いたしました",
            "受付ました",
            "確認いたしました",
            "頂戴",
            "いただきました",
        ]
        .iter()
        .any(|word| sentence.contains(word));
        if (wish || sentence.contains("承りました") || sentence.contains("受け付け")) && taken_on && !finished
        {
            return found(place, Cancelled::Requested, Confidence::High);
        }
        let value = if by_rakuten { Cancelled::Confirmed } else { Cancelled::Claimed };
        return found(place, value, Confidence::High);
    }
    if let Some(part) = part {
        return found(part, Cancelled::Partial, Confidence::High);
    }
    if lives {
        return None;
    }
    // キャンセルのご依頼を受け付けました without the word's own deed
    for view in [&page.subject, &page.joined] {
        for (at, _) in hits(view.text(), &["キャンセル"]) {
            let sentence = view.sentence_at(at);
            let text = view.slice(sentence.clone());
            let wish = RECEIVED.iter().any(|word| text.contains(word));
            let taken_on =
                ["承り", "受け付け", "受付", "確認いたし", "いただきました"].iter().any(|word| text.contains(word));
            if wish && taken_on && is_said(view, at, at + "キャンセル".len()) {
                return Some(view.sure(Cancelled::Requested, sentence));
            }
        }
    }
    if let (Some(place), Some(asked)) = (shortage.clone(), asks) {
        let _ = asked;
        return found(place, Cancelled::Pending, Confidence::High);
    }
    // a subject about the cancellation, and goods that are not to be had
    let subject = page.subject.text();
    let about = [
        "キャンセルのお知らせ",
        "キャンセルについて",
        "キャンセルのご連絡",
        "キャンセル完了",
        "キャンセルのご案内",
        "キャンセル手続き",
        "キャンセルのお詫び",
        "によるキャンセル",
    ]
    .iter()
    .find_map(|word| subject.find(word).map(|at| at..at + word.len()));
    if let Some(at) = about
        && !subject.trim_start().starts_with("re:")
    {
        let confidence =
            if shortage.is_some() || !facts.order_numbers.is_empty() { Confidence::High } else { Confidence::Low };
        if shortage.is_some() || page.has(&["返還", "お詫び", "取り消"]) {
            let value = if by_rakuten { Cancelled::Confirmed } else { Cancelled::Claimed };
            return Some(page.subject.found(value, at, confidence));
        }
    }
    None
}

fn first_of(page: &Page<'_>, words: &[&str]) -> Option<(usize, Range<usize>)> {
    page.prose().into_iter().enumerate().find_map(|(v, view)| {
        hits(view.text(), words).into_iter().find(|(at, _)| view.counts(*at)).map(|(at, _)| (v, view.sentence_at(at)))
    })
}

/// A question is a question even where its clause is polite or conditional.
fn said_loosely(page: &Page<'_>, word: &str) -> Option<(usize, Range<usize>)> {
    page.prose().into_iter().enumerate().find_map(|(v, view)| {
        let (at, end) =
            view.text().match_indices(word).map(|(at, word)| (at, at + word.len())).find(|(at, _)| view.counts(*at))?;
        let sentence = view.slice(view.sentence_at(at));
        // ご不明な点はご連絡ください, ご返信いただいてもお答えできません
        let courtesy =
            ["ご不明", "お問い合わせ", "お問合せ", "お気軽", "送信専用", "お答えでき", "対応でき", "不備", "ご質問"]
                .iter()
                .any(|word| sentence.contains(word))
                || clause::is_negated(view.text(), at, end);
        (!courtesy).then_some((v, at..end))
    })
}

/// Some of the items, or the order's sums, changed while the order lives.
fn partial(page: &Page<'_>) -> Option<(usize, Range<usize>)> {
    let words = [
        "一部キャンセル",
        "一部商品の",
        "一部の商品",
        "一部欠品",
        "一部商品欠品",
        "一部商品が",
        "商品のみキャンセル",
        "のみキャンセル",
        "1点のみ",
        "1点をキャンセル",
        "ご注文内容変更",
        "ご注文内容の変更",
        "注文内容を変更",
        "金額変更",
        "金額の変更",
        "変更後",
        "partially cancel",
        "part of your order",
    ];
    let place = said(page, &words)?;
    let cancels =
        page.has(&["キャンセル", "欠品", "取消", "取り消", "品切れ", "在庫切れ", "cancel", "out of stock", "完売"]);
    // 全部: 一部商品の在庫切れのため、ご注文全体をキャンセル
    let all = page.has(&["ご注文全体を", "ご注文をすべて", "全てキャンセル", "すべてキャンセル", "entire order"]);
    (cancels && !all).then_some(place)
}

fn cause(page: &Page<'_>, cancelled: Cancelled) -> Option<Found<Cause>> {
    let views = page.prose();
    let found = |(v, range): (usize, Range<usize>), value| views.get(v).map(|view| view.sure(value, range));
    if cancelled == Cancelled::Requested {
        let place = first_of(page, RECEIVED).or_else(|| first_of(page, CANCEL))?;
        return found(place, Cause::Buyer);
    }
    let buyer = [
        "お客様のご都合",
        "お客様都合",
        "お客様ご都合",
        "お客様からの",
        "お客様のご希望",
        "お客様のご要望",
        "お客さまのご",
        "お客様より",
        "ご購入者様のご",
        "ご依頼により",
        "ご依頼いただ",
        "ご依頼を",
        "ご希望により",
        "ご希望いただ",
        "お申し出",
        "お申出",
        "ご要望により",
        "購入履歴からキャンセル",
        "ご自身",
        "as you requested",
        "at your request",
        "requested by you",
        "your request",
    ];
    let payment = [
        "未入金",
        "ご入金が確認",
        "ご入金の確認が",
        "入金が確認でき",
        "入金が確認出来",
        "ご入金がな",
        "お支払い期限まで",
        "お支払期限まで",
        "支払期限を過ぎ",
        "支払い期限を過ぎ",
        "期限までにお支払",
        "期限内にお支払",
        "期限までにご入金",
        "期限内にご入金",
        "お支払いが確認",
        "お支払いの確認が",
        "カードの承認",
        "カード決済が",
        "カードがご利用",
        "カードのご利用が",
        "決済が完了",
        "決済エラー",
        "決済不可",
        "与信",
        "payment was not",
        "card was declined",
        "unpaid",
    ];
    if let Some(place) = short(page) {
        return found(place, Cause::Shop);
    }
    for (words, value) in [(&buyer[..], Cause::Buyer), (&payment[..], Cause::Payment)] {
        for (v, view) in views.iter().enumerate() {
            for (at, word) in hits(view.text(), words) {
                let end = at + word.len();
                let general = clause::is_supposed(view.text(), at, end) && value != Cause::Payment;
                if view.counts(at) && !general {
                    return found((v, at..end), value);
                }
            }
        }
    }
    let shop = [
        "当店の都合",
        "当店都合",
        "店舗都合",
        "弊社都合",
        "ショップ都合",
        "店舗の都合",
        "発送遅延",
        "発送が遅",
        "システムの不具合",
        "価格の誤",
        "誤表記",
        "出荷でき",
        "発送でき",
        "販売を中止",
        "販売中止",
        "破損",
    ];
    shop.iter().find_map(|word| said_loosely(page, word)).and_then(|place| found(place, Cause::Shop))
}

fn stage(page: &Page<'_>, facts: &Facts) -> Option<Found<Stage>> {
    let views = page.prose();
    let found = |(v, range): (usize, Range<usize>), value| views.get(v).map(|view| view.sure(value, range));
    let subject = |words: &[&str]| {
        let text = page.subject.text();
        words.iter().find_map(|word| text.find(word).map(|at| (0, at..at + word.len())))
    };
    if machine(page) == Some("order") || subject(&["注文内容ご確認"]).is_some() {
        let place = subject(&["注文内容ご確認", "注文"]).or_else(|| first_of(page, &["受注番号", "注文番号"]));
        if !facts.order_numbers.is_empty() || !facts.reservations.is_empty() {
            return place.and_then(|place| found(place, Stage::Ordered));
        }
    }
    let found_again = [
        "在庫が見つかり",
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
    ];
    if let Some(place) = said(page, &found_again)
        && !page.subject.text().contains("再入荷のお知らせ")
    {
        return found(place, Stage::FoundAfterAll);
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
        "お支払い方法の変更",
        "お支払方法の変更",
        "支払い方法を変更",
        "お支払い方法をご変更",
        "card was declined",
        "card was refused",
    ];
    if let Some(place) = refused.iter().find_map(|word| said_loosely_any(page, word))
        && page.has(&["カード", "決済", "card"])
        && page.has(&[
            "でき",
            "エラー",
            "いただけ",
            "なれません",
            "取れ",
            "とれ",
            "得られ",
            "declined",
            "refused",
            "not be",
        ])
    {
        return found(place, Stage::CardRefused);
    }
    let paid = [
        "ご入金を確認",
        "ご入金の確認が",
        "ご入金の確認を",
        "ご入金確認",
        "入金を確認",
        "入金確認のお知らせ",
        "お支払いを確認",
        "お支払いの確認が",
        "お支払いが完了",
        "payment received",
        "received your payment",
    ];
    if let Some(place) = said(page, &paid) {
        return found(place, Stage::Paid);
    }
    let due = [
        "お支払い手続きのご案内",
        "お支払い手続き",
        "お支払いのお願い",
        "お支払い期限",
        "お支払期限",
        "お振込先",
        "お支払い受付番号",
        "払込票番号",
        "ご入金のお願い",
        "お振込みをお願い",
        "payment due",
    ];
    let shipped = [
        "発送いたしました",
        "発送致しました",
        "発送しました",
        "発送が完了",
        "発送完了",
        "発送のお知らせ",
        "発送のご連絡",
        "発送案内",
        "発送のご案内",
        "出荷いたしました",
        "出荷しました",
        "出荷のお知らせ",
        "出荷完了",
        "発送手続きが完了",
        "お届けに上がり",
        "発送させていただきました",
        "発送させて頂きました",
        "has been shipped",
        "have shipped",
        "has shipped",
        "shipped",
    ];
    let delayed = [
        "発送遅延",
        "発送が遅",
        "お届けが遅",
        "お届け遅",
        "納期遅",
        "入荷が遅",
        "出荷が遅",
        "発送予定日の変更",
        "発送予定が変更",
        "お時間をいただいて",
        "お時間を頂いて",
        "お時間をいただきます",
        "お待ちいただいて",
        "入荷次第発送",
        "入荷後発送",
        "入荷次第、発送",
        "shipping delay",
        "delayed",
    ];
    let split = [
        "分割発送",
        "分納",
        "別々に発送",
        "別々の発送",
        "2個口",
        "複数の倉庫",
        "別の倉庫",
        "二つの倉庫",
        "2回に分け",
        "二回に分け",
        "分けてお届け",
        "分けて発送",
        "別便",
        "separate parcels",
        "separately",
    ];
    if let Some(place) = subject(&["発送遅延", "お届け遅延", "遅延"]).or_else(|| said(page, &delayed))
        && deed(page).is_none()
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
    if let Some(place) = said(page, &due).or_else(|| first_of(page, &due).filter(|_| !facts.order_numbers.is_empty())) {
        return found(place, Stage::PaymentDue);
    }
    let accepted = [
        "ご注文ありがとう",
        "ご注文いただきありがとう",
        "ご注文いただき、ありがとう",
        "ご注文頂きありがとう",
        "ご注文を承",
        "ご注文承諾",
        "ご注文確認",
        "ご注文の確認",
        "ご注文を確認",
        "受注確認",
        "ご注文を受け付け",
        "ご購入ありがとう",
        "お買い上げ",
        "お買上げ",
        "thank you for your order",
        "order confirmation",
        "ご注文確定",
    ];
    subject(&accepted)
        .or_else(|| said(page, &accepted))
        .filter(|_| from_shop(page) || !facts.order_numbers.is_empty())
        .and_then(|place| found(place, Stage::Accepted))
}

fn said_loosely_any(page: &Page<'_>, word: &str) -> Option<(usize, Range<usize>)> {
    page.prose().into_iter().enumerate().find_map(|(v, view)| {
        let (at, word) = view.text().match_indices(word).find(|(at, _)| view.counts(*at))?;
        (!clause::is_supposed(view.text(), at, at + word.len())).then_some((v, at..at + word.len()))
    })
}

#[cfg(test)]
mod tests {
    use crate::facts::tests::{from, mail_of};
    use crate::facts::{Cancelled, Cause, Stage, find};

    const ORDER: &str = "受注番号：399999-20261120-0123456789\n";

    fn shop(subject: &str, body: &str) -> (Option<Cancelled>, Option<Cause>, Option<Stage>) {
        let mail = from(mail_of(subject, &format!("{ORDER}{body}")), "モドリ雑貨店", "modori-zakka@shop.rakuten.co.jp");
        let facts = find(&mail);
        (facts.cancelled.map(|c| c.value), facts.cause.map(|c| c.value), facts.stage.map(|s| s.value))
    }

    #[test]
    fn what_shops_say_of_cancellations() {
        use Cancelled::{Claimed, Partial, Pending, Requested};
        for (subject, body, cancelled, cause) in [
            (
                "【モドリ雑貨店】ご注文キャンセルについて",
                "商品が欠品のため、ご注文をキャンセルさせていただきました。",
                Some(Claimed),
                Some(Cause::Shop),
            ),
            (
                "ご注文キャンセルのお知らせ",
                "在庫切れのためキャンセルとさせていただきます。誠に申し訳ございません。",
                Some(Claimed),
                Some(Cause::Shop),
            ),
            (
                "キャンセル手続き完了のお知らせ",
                "お客様のご依頼によりキャンセル処理が完了いたしました。",
                Some(Claimed),
                Some(Cause::Buyer),
            ),
            (
                "ご注文のキャンセルについて",
                "お支払い期限までにご入金が確認できなかったため、キャンセルいたしました。",
                Some(Claimed),
                Some(Cause::Payment),
            ),
            (
                "在庫切れのお詫び",
                "在庫切れとなりました。①キャンセル ②次回入荷を待つ いずれかをお選びのうえご返信ください。ご返信がない場合はキャンセルとさせていただきます。",
                Some(Pending),
                Some(Cause::Shop),
            ),
            (
                "【要返信】商品の件",
                "ご用意ができない状況です。キャンセルさせていただいてよろしいでしょうか。",
                Some(Pending),
                Some(Cause::Shop),
            ),
            (
                "キャンセルのご依頼について",
                "キャンセルのご依頼を承りました。手続きが済みましたら改めてご連絡します。",
                Some(Requested),
                Some(Cause::Buyer),
            ),
            (
                "【モドリ雑貨店】ご注文内容変更のお知らせ",
                "1点が欠品のためキャンセルし、金額を変更いたしました。\n変更前 支払い金額 3,260(円)\n変更後 支払い金額 1,480(円)",
                Some(Partial),
                Some(Cause::Shop),
            ),
            ("商品発送のご連絡", "商品を発送いたしました。キャンセルはお受けできません。", None, None),
            ("発送遅延について", "在庫切れのため、7~10日ほどで発送予定です。お待ちくださいませ。", None, None),
            (
                "ご注文ありがとうございます",
                "■キャンセル・返品について\nキャンセルされる場合はご連絡ください。",
                None,
                None,
            ),
            (
                "Order cancelled",
                "We are sorry, the item is out of stock. Your order has been cancelled.",
                Some(Claimed),
                Some(Cause::Shop),
            ),
        ] {
            let (got, why, _) = shop(subject, body);
            assert_eq!((got, why), (cancelled, cause), "{subject}: {body}");
        }
    }

    #[test]
    fn rakutens_own_notice_confirms() {
        let body =
            "モドリ雑貨店でのご注文がキャンセルされましたのでお知らせします。\n[注文番号] 399999-20261120-0123456789";
        let mail =
            from(mail_of("ご注文キャンセルのお知らせ", body), "楽天市場", "order-cancel@order-rp.rms.rakuten.co.jp");
        assert_eq!(find(&mail).cancelled.map(|c| c.value), Some(Cancelled::Confirmed));
        let body = "[注文番号] 399999-20261120-0123456789\nお支払い期限 ：2026/12/04\n期限を過ぎると自動的にキャンセルとなります。";
        let mail =
            from(mail_of("お支払い手続きのご案内", body), "楽天市場", "order-confirm@order-rp.rms.rakuten.co.jp");
        let facts = find(&mail);
        assert_eq!((facts.cancelled, facts.stage.map(|s| s.value)), (None, Some(Stage::PaymentDue)));
    }

    #[test]
    fn what_order_mails_report() {
        for (subject, body, stage) in [
            ("商品発送のご連絡", "本日商品を発送いたしました。", Stage::Shipped),
            ("発送遅延について", "入荷が遅れております。", Stage::Delayed),
            ("商品について", "2つの倉庫より別々に発送いたします。", Stage::Split),
            ("ご入金確認のお知らせ", "ご入金を確認いたしました。", Stage::Paid),
            ("【重要】お支払い方法の変更のお願い", "クレジットカードの承認が取れませんでした。", Stage::CardRefused),
            ("ご注文ありがとうございます！", "ご注文を承りました。", Stage::Accepted),
            (
                "在庫の件",
                "先日は在庫切れとご案内しましたが、在庫を確保できましたので発送の準備を進めます。",
                Stage::FoundAfterAll,
            ),
        ] {
            let (cancelled, _, got) = shop(subject, body);
            assert_eq!((cancelled, got), (None, Some(stage)), "{subject}");
        }
    }
}
