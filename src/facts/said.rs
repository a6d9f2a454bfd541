//! What a mail really says: words in clauses that are neither denied nor supposed, by whom, and of what is not to be had.

use super::frame::{Frame, frames};
use super::page::{Page, View};
use crate::text::clause;
use std::ops::Range;

/// What says that goods are not to be had.
const OUT_OF_STOCK: &[&str] = &[
    "欠品", "在庫切れ", "在庫切れ", "品切れ", "売り切れ", "売り切れ", "完売", "手配ができ", "手配でき", "ご用意ができ",
    "ご用意でき", "ご準備ができ", "ご準備でき", "廃番", "終売", "在庫がな", "在庫が無", "在庫もござい", "在庫はござい",
    "在庫がござい", "在庫を確保でき", "在庫確保ができ", "在庫が確保でき", "入荷できな", "入荷の見込みが",
    "入荷が見込め", "バックオーダー", "生産終了", "メーカー終了", "在庫ない", "在庫なし", "在庫不足", "在庫の差異",
    "在庫数の誤", "out of stock", "out-of-stock", "sold out", "unavailable", "no longer available",
];

/// A shortage in other words: what runs out, and that it did. The verbs say it by themselves; denials are looked for
/// with [`clause::is_negated`].
const GONE: &[Frame] = &[
    (
        &[
            "在庫", "商品", "品物", "お品", "最後の", "現品", "品が", "ものが", "ほうが", "のほう", "分が", "品物が",
            "供給", "替え", "代え",
        ],
        &[
            "なくなって", "なくなり", "終わっちゃ", "終わってしま", "割れてし", "割れてしも", "あらへん", "おまへん",
            "停止", "ストップ", "無く", "無い", "お譲りし", "無くなって", "無うなって", "なうなって", "切らして",
            "切れて", "切れと", "尽きて", "底をつ", "売れて", "売れてしま", "出てしま", "入れ違い", "不足して",
            "不足が", "足りな", "合いませ", "合わな", "合わず", "ずれ", "ズレ", "差異", "誤差", "相違",
        ],
        14,
    ),
    (
        &[
            "次回", "生産", "入荷", "再生産", "納品", "仕入れ", "出荷時期", "入荷時期", "水揚げ", "収穫", "割り当て",
            "割当",
        ],
        &[
            "来春", "来年", "来月", "年明け", "来夏", "来秋", "数か月", "未定", "目処", "めど", "目途", "見込みが立",
            "見込めな", "見込みがな", "終了", "中止", "停止", "大幅に遅れ", "見送", "がなく", "がござい", "がありませ",
            "できませ",
        ],
        14,
    ),
    (
        &[
            "貫入", "ムラ", "ひび", "カビ", "傷", "キズ", "破損", "不良", "汚れ", "シミ", "割れ", "欠け", "不具合",
            "検品",
        ],
        &[
            "見つか", "判明", "発覚", "発見", "確認され", "ございました", "ありました", "となりました", "となり",
            "があり",
        ],
        14,
    ),
    (
        &["ご用意", "ご準備", "手配", "お届け", "ご提供", "調達", "入手", "確保", "納品", "お渡し", "製造"],
        &["難し", "むずかし", "困難", "叶わな", "叶いませ", "かなわな", "かないませ", "及びませ"],
        4,
    ),
    (&["しか"], &["残って", "残り", "在庫が", "ご用意", "ございませ", "ありませ", "お送りでき", "ない", "なく"], 8),
    (
        &["音が", "音も", "電源が", "電源も", "灯りが", "明かりが", "映像が", "画面が", "動作が"],
        &[
            "出なく", "出ず", "出ませ", "入らなく", "入らず", "入りませ", "点かなく", "点かず", "つかなく", "映らなく",
            "しなく",
        ],
        8,
    ),
    (
        &["入れ違い", "行き違い", "店頭", "店で", "店舗で", "他店", "他のお客様", "別のお客様"],
        &["売れ", "販売済", "ご購入", "完売", "なくな"],
        14,
    ),
    (
        &["went", "ran", "run", "no longer", "could not", "unable to", "cannot", "turned out", "have no"],
        &[
            "damaged", "defective", "broken", "other one", "more of", "out of stock", "out", "in stock", "available",
            "source", "supply", "obtain",
        ],
        16,
    ),
];
/// What cannot be done for want of goods, when its clause is denied.
const UNABLE: &[&str] = &[
    "お送りでき", "お届けでき", "お渡しでき", "発送でき", "出荷でき", "調達でき", "確保でき", "入手でき", "手に入",
    "お届けすることができ", "お送りすることができ", "ご用意することができ", "ご準備することができ",
    "手配することができ", "ご用意することがかな", "ご用意がかな", "お届けすることがかな", "お渡しすることができ",
    "ご提供でき", "お品がござい", "品がござい", "商品がござい", "代わりの品もござい",
];

pub(super) fn from_shop(page: &Page<'_>) -> bool {
    let inner = page.mail.inner.as_ref().and_then(|inner| inner.from.as_ref());
    [Some(&page.mail.from), inner].into_iter().flatten().any(|from| from.domain() == "shop.rakuten.co.jp")
}

/// Services of the same group with orders, bookings and points of their own (domain document, T19 to T24).
pub(super) fn other_service(page: &Page<'_>) -> bool {
    let domain = page.mail.from.domain();
    [
        "travel.rakuten.co.jp", "books.rakuten.co.jp", "pay.rakuten.co.jp", "checkout.rakuten.co.jp",
        "mobile.rakuten.co.jp", "kobo.rakuten.co.jp", "rakuten-card.co.jp", "rakuten-bank.co.jp", "rakuten-sec.co.jp",
        "fril.jp",
    ]
    .iter()
    .any(|service| domain.strip_suffix(service).is_some_and(|rest| rest.is_empty() || rest.ends_with('.')))
}

/// Whether what follows makes the words before it a topic: ポイントのご返還について, クーポン再発行の件.
pub(super) fn is_topic(after: &str) -> bool {
    let head: String = after.chars().take(12).collect();
    ["について", "につきまして", "の件", "に関して", "に関する", "のお問い合わせ", "の可否"]
        .iter()
        .any(|sign| head.starts_with(sign))
}

/// Whether a sentence tells what happens whenever an order is cancelled, not what happened to this one.
pub(super) fn is_rule_of_the_house(sentence: &str) -> bool {
    [
        "キャンセル時", "取消時", "キャンセルの際", "取消の際", "キャンセルとなった場合", "キャンセルされた場合",
        "その際に", "その際は", "その場合",
    ]
    .iter()
    .any(|word| sentence.contains(word))
}

/// Whether it answers another mail by its subject, which is the words of whoever asked.
pub(super) fn is_answer(page: &Page<'_>) -> bool {
    let subject = page.subject.text().trim_start();
    ["re:", "re :", "回答:", "返信:"].iter().any(|mark| subject.starts_with(mark))
}

/// Rakuten's own machines: `order@`, `order-cancel@`, `order-confirm@`.
pub(super) fn from_orders(page: &Page<'_>) -> bool {
    machine(page).is_some()
}

pub(super) fn machine<'a>(page: &'a Page<'_>) -> Option<&'a str> {
    let inner = page.mail.inner.as_ref().and_then(|inner| inner.from.as_ref());
    [Some(&page.mail.from), inner].into_iter().flatten().find_map(|from| {
        let (local, domain) = from.addr.rsplit_once('@')?;
        let own = domain == "rakuten.co.jp" || domain.ends_with(".rms.rakuten.co.jp");
        (own && local.starts_with("order")).then_some(local)
    })
}

/// A place that counts, in a clause that is neither denied nor supposed.
pub(super) fn is_said(view: &View<'_>, at: usize, end: usize) -> bool {
    view.counts(at) && !clause::is_negated(view.text(), at, end) && !clause::is_supposed(view.text(), at, end)
}

/// The first of these words that is really said.
pub(super) fn said(page: &Page<'_>, words: &[&str]) -> Option<(usize, Range<usize>)> {
    for (v, view) in page.prose().into_iter().enumerate() {
        for (at, word) in view.hits(words) {
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
pub(super) fn short(page: &Page<'_>) -> Option<(usize, Range<usize>)> {
    page.known.short.get_or_init(|| find_short(page)).clone()
}

fn find_short(page: &Page<'_>) -> Option<(usize, Range<usize>)> {
    for (v, view) in page.prose().into_iter().enumerate() {
        for (at, word) in view.hits(OUT_OF_STOCK) {
            let end = at + word.len();
            let able = [
                "ご用意", "ご準備", "手配", "在庫が", "在庫もござい", "在庫はござい", "在庫を", "在庫確保",
                "入荷できな", "入荷の見込み", "入荷が見込",
            ]
            .iter()
            .any(|stem| word.starts_with(stem));
            let denied = cannot(view, at, end) || word.ends_with('な') || word.ends_with("無");
            let supposed = is_supposed(view, at, end);
            // 欠品により手配ができず denies the arranging, 欠品ではございません the shortage
            let after = view.slice(end..view.sentence_at(at).end.max(end));
            let rest: String = after.chars().take(12).collect();
            // 完売していたあの商品が帰ってきました: it is back
            let was = ["していた", "しておりました", "ていた", "だった", "でした", "の商品", "の品"];
            let back = was.iter().any(|word| after.starts_with(word))
                && ["帰ってき", "再入荷", "復活", "再販", "再登場", "戻ってき"].iter().any(|word| after.contains(word));
            if back {
                continue;
            }
            let itself =
                denied && ["ありません", "ございません", "ない", "なく", "not "].iter().any(|no| rest.contains(no));
            if view.counts(at) && !supposed && if able { denied } else { !itself } {
                return Some((v, at..end));
            }
        }
    }
    for (v, view) in page.prose().into_iter().enumerate() {
        let gone = frames(view, GONE).into_iter().find(|range| {
            let (start, end) = (range.start, range.end);
            let moreover = clause::is_negated(view.text(), start, end) && view.slice(range.clone()).is_ascii();
            view.counts(start) && !clause::is_supposed(view.text(), start, end) && !moreover
        });
        let unable = || {
            view.hits(UNABLE).into_iter().map(|(at, word)| at..at + word.len()).find(|range| {
                let (start, end) = (range.start, range.end);
                view.counts(start) && cannot(view, start, end) && !clause::is_supposed(view.text(), start, end)
            })
        };
        if let Some(range) = gone.or_else(unable) {
            return Some((v, range));
        }
    }
    None
}

/// Whether a shortage is only supposed. 在庫がなく、似たものでしたら…: what is told first is so, whatever is offered then.
fn is_supposed(view: &View<'_>, at: usize, end: usize) -> bool {
    if !clause::is_supposed(view.text(), at, end) {
        return false;
    }
    let sentence = view.sentence_at(at);
    let rest = view.slice(end..sentence.end.max(end));
    let told = |clause: &str| {
        ["なく", "なり", "ため", "ので", "おり", "おらず", "ましたが", "ですが", "いて", "まして"]
            .iter()
            .any(|end| clause.ends_with(end))
    };
    let clause = rest.split(['、', ',']).next().filter(|clause| clause.len() < rest.len()).unwrap_or_default();
    let word = view.slice(at..end + clause.len());
    !told(word) || clause::supposes(view.slice(sentence.start..end + clause.len()))
}

/// Whether words are denied, their own でき included: お届けすることができ|なくなりました.
fn cannot(view: &View<'_>, start: usize, end: usize) -> bool {
    let words = view.slice(start..end);
    let stem = words.strip_suffix("でき").map_or(end, |stem| start + stem.len());
    clause::is_negated(view.text(), start, end) || clause::is_negated(view.text(), start, stem)
}

pub(super) fn first_of(page: &Page<'_>, words: &[&str]) -> Option<(usize, Range<usize>)> {
    page.prose().into_iter().enumerate().find_map(|(v, view)| {
        view.hits(words).into_iter().find(|(at, _)| view.counts(*at)).map(|(at, _)| (v, view.sentence_at(at)))
    })
}

/// 当店をお|選びいただきありがとうございます: thanks for what was done, no question.
fn is_thanked(after: &str) -> bool {
    let near: String = after.chars().take(16).collect();
    after.starts_with("いただき") && ["ありがと", "感謝", "お礼"].iter().any(|thanks| near.contains(thanks))
}

/// A question is a question even where its clause is polite or conditional.
pub(super) fn said_loosely(page: &Page<'_>, word: &str) -> Option<(usize, Range<usize>)> {
    page.prose().into_iter().enumerate().find_map(|(v, view)| {
        view.first(word)?;
        let (at, end) = view.places(word).map(|at| (at, at + word.len())).find(|(at, _)| view.counts(*at))?;
        let sentence = view.slice(view.sentence_at(at));
        // ご不明な点はご連絡ください, ご返信いただいてもお答えできません
        let courtesy = [
            "ご不明", "お問い合わせ", "お問い合わせ", "お気軽", "送信専用", "お答えでき", "対応でき", "不備", "画面",
            "ご質問", "もし", "万一", "万が一",
        ]
        .iter()
        .any(|word| sentence.contains(word))
            || clause::is_negated(view.text(), at, end)
            || is_thanked(view.slice(end..view.sentence_at(at).end.max(end)));
        (!courtesy).then_some((v, at..end))
    })
}

pub(super) fn said_loosely_any(page: &Page<'_>, word: &str) -> Option<(usize, Range<usize>)> {
    page.prose().into_iter().enumerate().find_map(|(v, view)| {
        view.first(word)?;
        let at = view.places(word).find(|at| view.counts(*at))?;
        (!clause::is_supposed(view.text(), at, at + word.len())).then_some((v, at..at + word.len()))
    })
}
