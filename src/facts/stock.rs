//! Whether goods are to be had again: back now, announced, only watched for, or not planned.
//!
//! Shops say it in any words, so this looks for meanings: something of the shop (goods, stock, a counter, a sale) and
//! a verb of coming back, in one sentence that is neither denied nor supposed.

use super::frame::{Frame, frames};
use super::page::{Page, View};
use super::said::{is_answer, is_said};
use super::{Confidence, Facts, Found};
use serde::{Deserialize, Serialize};
use std::ops::Range;

/// What a mail says of goods that were gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Stock {
    /// They can be bought again.
    Back,
    /// They will be sold again, at a time that may be named.
    Announced,
    /// A wish to be told was taken down (or ended): nothing has come back yet.
    Watched,
    /// They do not come back, or nobody knows.
    Unplanned,
}

/// Words that mean it by themselves.
const AGAIN: &[&str] = &[
    "再入荷", "再々入荷", "再度入荷", "再販", "々販", "追加分", "作り足", "もっぺん", "もういっぺん", "再発売",
    "再登場", "再販売", "販売再開", "在庫復活", "緊急入荷", "追加入荷", "追加販売", "受注再開", "予約再開",
    "カムバック", "お待たせしました", "お待たせいたしました", "キャンセル分", "back in stock", "restock",
    "available again", "available to buy again", "back on sale", "on sale again", "back in our shop",
];
/// First word, then verb, with at most so many characters between them.
const FRAMES: &[Frame] = &[
    (
        &["在庫", "ストック"],
        &[
            "戻", "復活", "入りま", "入って", "追加", "補充", "回復", "できました", "確保でき", "届きま",
            "がございます", "があります", "整いま",
        ],
        10,
    ),
    (
        &["販売", "ご注文", "注文", "受付", "カート", "お申込", "ご予約", "予約", "購入"],
        &[
            "再開", "を開始", "が開始", "始まりま", "始めま", "スタート", "を開け", "開きま", "オープン",
            "できるように", "可能にな", "可能とな", "いただけるように",
        ],
        8,
    ),
    (
        &["購入", "お買い求め", "お求め", "買え", "注文", "お買い物"],
        &["ようになりま", "ようになって", "可能になりま", "可能となりま", "できる状態", "いただけま", "できます"],
        12,
    ),
    (
        &["入荷", "入庫"],
        &[
            "しました", "いたしました", "しまして", "いたしまして", "となりました", "になりました", "されました",
            "がありました", "がございました", "した", "しております", "しています", "です", "でき", "のお知らせ",
            "のご案内", "のご連絡",
        ],
        6,
    ),
    (
        &["再び", "ふたたび", "もう一度", "また", "改めて", "久しぶり", "久々"],
        &[
            "並び", "並べ", "販売", "お目見え", "登場", "入荷", "店頭", "お求め", "ご用意でき", "戻って", "お届けでき",
            "買え", "仕入れ",
        ],
        16,
    ),
    (
        &["店頭", "棚", "売り場", "売場", "ショップ", "当店", "お店", "ページ", "ラインナップ"],
        &[
            "戻りま", "戻ってき", "戻ってま", "戻しま", "戻してお", "に復活", "に並び", "に並ん", "帰ってき",
            "帰ってま", "に出ま", "に出して",
        ],
        12,
    ),
    (
        &["帰って", "戻って", "かえって"],
        &["きました", "まいりました", "きます", "まいります", "きてくれ", "参りました"],
        2,
    ),
    (
        &[
            "点", "個", "枚", "本", "着", "台", "セット", "商品", "お品", "品物", "の品", "メーカー", "工房", "窯元",
            "蔵元", "職人",
        ],
        &[
            "が届きま", "届きまし", "入ってきま", "入ってまいりま", "が入りま", "入りまし", "仕上がりま",
            "焼き上がりま", "届いて",
        ],
        14,
    ),
    (
        &["前回", "先日", "先週", "先月", "昨年", "以前"],
        &["完売", "消え", "売り切れ", "瞬殺", "買いそび", "買い逃"],
        12,
    ),
    (
        &["追加", "再度", "もう一度", "あらたに", "新たに"],
        &["割り当て", "割当", "分のご案内", "生産", "製造", "仕込", "入荷", "販売", "受注"],
        14,
    ),
    (&["サイズ", "お色", "在庫", "商品", "品"], &["がそろい", "が揃い", "がそろって", "が揃って"], 4),
    (&["back", "again", "return"], &["in stock", "available", "on sale", "in our shop"], 12),
];
/// That goods were gone, and somebody waited.
pub(super) const GONE: &[&str] = &[
    "品切れ", "売り切れ", "完売", "切らし", "欠番", "旅立", "待たせ", "お待ちいただ", "お待ちかね", "お待ちくださ",
    "待っていて", "もうないの", "もう無いの", "入りませんか", "買えんかった", "買えなかった", "早々", "ご好評につき",
    "受付を終了して", "ご要望", "リクエスト", "もう一回", "もう一度", "再び", "ふたたび", "また", "sold out",
    "would be available", "asked when", "here again", "ran out", "back again",
];
/// That one can buy: now, or from a time on.
const SOLD: &[&str] = &[
    "販売中", "販売して", "販売をはじめ", "販売を始め", "販売をふたたび", "販売を再び", "販売いたします", "販売します",
    "お求めいただけ", "ご購入いただけ", "購入できます", "買えます", "カゴに入", "かごに入", "カートに入", "カートに戻",
    "カートに出", "注文できます", "ご注文を承", "お出しいたし", "お出しします", "出します", "並べます", "並びます",
    "発売", "order them", "order it", "order now", "arrived", "着荷", "届きまし", "入りました", "入ったよ", "入ったで",
    "入荷したよ", "焼き上が", "焼けた", "仕上が", "整いま", "確保して", "確保しま", "受注を開始", "受付開始", "を再開",
];

/// A wish to be told, and what is done with it.
const WATCH: &[Frame] = &[
    (
        &["入荷", "再販", "在庫", "販売再開", "お知らせメール", "通知"],
        &[
            "登録を受付", "登録を承", "登録が完了", "登録完了", "登録受付", "登録ありがと", "登録いただきありがと",
            "登録いただき、ありがと", "登録をありがと", "設定が完了", "設定を承", "設定を受付", "申込を受付",
            "申込を承", "リクエストを受付", "リクエストを承", "リクエスト受付", "希望を承", "希望を受付",
            "受付しました", "受付ました", "受付いたし", "受付完了", "承りました", "を解除", "解除しました",
            "解除いたし", "解除完了", "停止しました", "停止いたし", "有効期限", "期限切れ", "期限が切れ", "期間が終了",
            "期間が満了",
        ],
        26,
    ),
    (
        &["入荷", "再販", "在庫", "販売"],
        &[
            "ましたらお知らせ", "ましたらメール", "ましたらご連絡", "ましたら、お知らせ", "ましたら、メール",
            "ましたら改めて", "次第お知らせ", "次第ご連絡", "次第メール", "次第、お知らせ", "次第、メール",
            "次第、ご連絡", "際にお知らせ", "際に、メール", "際にメール", "ときにお知らせ", "ときにメール",
            "時にお知らせ", "時にメール", "たらお知らせ", "たらメール", "たらご連絡",
        ],
        12,
    ),
    (
        &["登録", "お知らせメール", "入荷通知", "登録期間"],
        &["を終了", "終了いたし", "終了しました", "満了", "期限切れ", "が切れ"],
        10,
    ),
    // 再入荷リクエストありがとうございます; 再入荷(リクエストありがとうございました) thanks for one that is granted
    (
        &["入荷", "入荷の", "再販", "再販の", "通知", "通知の", "お知らせ", "お知らせの", "メール", "メールの"],
        &["リクエストありがと"],
        0,
    ),
    (&["notify you", "let you know", "alert you", "email you"], &["when", "once", "as soon as"], 12),
];
/// Nothing is planned, or nobody knows.
const NONE: &[Frame] = &[(
    &["入荷", "再販", "販売", "生産", "在庫", "次回", "取扱い", "お取り扱い", "取り扱い", "取扱"],
    &[
        "未定", "予定はござ", "予定はあ", "予定がござ", "予定がない", "予定はない", "予定は立", "予定が立", "目処",
        "めど", "目途", "見込みはない", "見込みがない", "見込みはござ", "見込みがござ", "終了", "終売", "廃番", "難し",
        "困難", "できかね", "見合わせ", "あきらめ", "断念", "ございませんでした", "ありませんでした", "やめること",
    ],
    16,
)];

/// Fills in what is said of the stock.
pub(super) fn find(page: &Page<'_>, facts: &mut Facts) {
    if !facts.order_numbers.is_empty() {
        return; // goods of an order are another matter
    }
    let watched = watched(page);
    let none = none(page).filter(|_| facts.resale_at.is_none());
    let back = back(page, facts.resale_at.is_some());
    let found = |(v, range): (usize, Range<usize>), value: Stock| {
        page.prose().get(v).map(|view| view.found(value, range, Confidence::High))
    };
    // a receipt speaks of what will be; a notice may end with "the registration was taken off"
    let receipt = watched.filter(|(v, range)| {
        let lead = *v == 0 || head(&page.joined, range.start) <= 4;
        lead && back.as_ref().is_none_or(|(w, back)| *v == 0 && *w > 0 || (*v == *w && range.start <= back.end))
    });
    facts.stock = if let Some(place) = receipt {
        found(place, Stock::Watched)
    } else if let Some(place) = back {
        let value = if facts.resale_at.is_some() { Stock::Announced } else { Stock::Back };
        found(place, value)
    } else if let Some(place) = none {
        found(place, Stock::Unplanned)
    } else {
        let value = if facts.resale_at.is_some() { Stock::Announced } else { Stock::Back };
        returned(page).and_then(|place| found(place, value)).or_else(|| {
            // an hour was named at which something that was gone is sold
            let at = facts.resale_at.as_ref().filter(|at| at.confidence == Confidence::High)?;
            Some(Found { value: Stock::Announced, span: at.span.clone(), confidence: Confidence::High })
        })
    };
}

/// The number of lines that say something above a place.
fn head(view: &View<'_>, at: usize) -> usize {
    view.slice(0..at).split('\n').filter(|line| !line.trim().is_empty()).count()
}

/// Something was gone and can be bought: each said in its own sentence.
fn returned(page: &Page<'_>) -> Option<(usize, Range<usize>)> {
    let gone = page.prose().into_iter().any(|view| view.hits(GONE).into_iter().any(|(at, _)| view.counts(at)));
    let gone = gone || answers(page);
    let shop = page.mail.links.iter().any(|link| crate::mail::trust::is_rakuten(&link.host));
    if !gone || !shop {
        return None;
    }
    page.prose().into_iter().enumerate().find_map(|(v, view)| {
        let said = view.hits(SOLD).into_iter().map(|(at, word)| at..at + word.len());
        said.into_iter()
            .find(|range| is_said(view, range.start, range.end) && !asks(view, range) && !is_over(view, range))
            .map(|range| (v, range))
    })
}

/// 次回の発売を…, 昨日入りましたが、売り切れました: nothing is there now.
fn is_over(view: &View<'_>, range: &Range<usize>) -> bool {
    let sentence = view.sentence_at(range.start);
    let before = view.slice(sentence.start..range.start);
    let after = view.slice(range.end..sentence.end.max(range.end));
    ["次回の", "次回", "次の"].iter().any(|word| before.ends_with(word))
        || ["売り切れま", "完売しま", "完売いたしま", "完売とな", "なくなりま", "終了しま", "終了いたしま"]
            .iter()
            .any(|word| after.contains(word))
}

/// Whether it answers a question about goods that were gone: the words of its subject, or of the mail it quotes.
fn answers(page: &Page<'_>) -> bool {
    let asked = ["在庫", "入荷", "再販", "欠品", "品切れ", "売り切れ", "完売", "買えます", "in stock", "sold out"];
    is_answer(page) && page.has(&asked)
}

fn back(page: &Page<'_>, timed: bool) -> Option<(usize, Range<usize>)> {
    page.prose().into_iter().enumerate().find_map(|(v, view)| {
        let plain = view.hits(AGAIN).into_iter().map(|(at, word)| at..at + word.len());
        let framed = frames(view, FRAMES);
        let mut places: Vec<Range<usize>> =
            plain.chain(framed).filter(|range| counts(page, view, range, timed)).collect();
        places.sort_by_key(|range| range.start);
        places.into_iter().next().map(|range| (v, range))
    })
}

/// Whether a sentence says that something is back: it is no denial, no condition, no question, no name of goods.
fn counts(page: &Page<'_>, view: &View<'_>, range: &Range<usize>, timed: bool) -> bool {
    let sentence = view.sentence_at(range.start);
    let after = view.slice(range.end..sentence.end.max(range.end));
    let asks = asks(view, range);
    // 再入荷お知らせメール, 再入荷リクエスト, 入荷通知に登録: the name of a service
    let service = [
        "お知らせメール", "お知らせサービス", "リクエスト", "通知", "アラート", "のお知らせに登録", "お知らせに登録",
        "お知らせの登録", "お知らせ登録", "希望", "待ち", "の予定", "の日時", "日時", "の日程", "予定は", "時期",
        "について", "に関する", "のご要望", "のお問い合わせ", "ご案内メール",
    ]
    .iter()
    .any(|word| after.starts_with(word));
    let item = page.mail.links.iter().any(|link| {
        view.field == super::Field::Body
            && link.place.as_ref().is_some_and(|place| {
                let origin = view.span(range.clone()).range;
                place.start <= origin.start && origin.end <= place.end
            })
    });
    // one of many priced lines of a newsletter: ● 綿麻クロス 2,200円 ※再入荷
    let priced = |line: &str| line.contains('円') || line.contains('¥');
    let remark = view.field == super::Field::Body && priced(view.slice(view.line_at(range.start)));
    let item = item || remark && page.lines.iter().filter(|line| priced(page.body.slice((*line).clone()))).count() >= 4;
    let planned =
        ["予定", "見込", "めざし", "目指し", "近日", "後日", "決定"].iter().any(|word| after.contains(word)) && !timed;
    let given_up = [
        "あきらめ", "断念", "難し", "困難", "見合わせ", "できません", "やめること", "とお伝えした", "とお知らせした",
        "とご案内した", "は完売しま", "売り切れました",
    ]
    .iter()
    .any(|word| after.contains(word));
    let planned = planned || given_up;
    let before = view.slice(sentence.start..range.end);
    let fresh = ["新商品", "新作", "新着", "新入荷", "new arrival"].iter().any(|word| before.contains(word));
    // キャンセル分のポイント, キャンセル分の代金: what comes back is not goods
    let paid = ["返還", "返却", "返金", "払い戻", "払戻", "還付"];
    let money = view.slice(sentence.clone());
    let money = paid.iter().any(|word| money.contains(word));
    // 領収書は購入履歴から発行できます: what can be had is a paper
    let papers = ["履歴", "領収", "明細", "証明", "納品書", "インボイス", "レシート", "伝票"];
    let named = view.slice(range.clone());
    let paper = papers.iter().any(|word| named.contains(word));
    !asks && !service && !item && !fresh && !planned && !money && !paper && is_said(view, range.start, range.end)
}

/// Whether the sentence goes on to ask.
fn asks(view: &View<'_>, range: &Range<usize>) -> bool {
    let sentence = view.sentence_at(range.start);
    let after = view.slice(range.start..sentence.end.max(range.start));
    ["でしょうか", "ますか", "ですか", "ませんか"].iter().any(|word| after.contains(word))
        || after.trim_end().ends_with('か')
}

fn watched(page: &Page<'_>) -> Option<(usize, Range<usize>)> {
    page.prose().into_iter().enumerate().find_map(|(v, view)| {
        frames(view, WATCH)
            .into_iter()
            .filter(|range| {
                view.counts(range.start)
                    && !view.slice(range.end..range.end + 15).starts_with("くださ")
                    && !view.slice(range.end..range.end + 15).starts_with("いただ")
            })
            .min_by_key(|range| range.start)
            .map(|range| (v, range))
    })
}

fn none(page: &Page<'_>) -> Option<(usize, Range<usize>)> {
    page.prose().into_iter().enumerate().find_map(|(v, view)| {
        frames(view, NONE)
            .into_iter()
            .find(|range| view.counts(range.start) && !asks(view, range))
            .map(|range| (v, range))
    })
}

impl Found<Stock> {
    /// Whether goods are said to be back or announced.
    #[must_use]
    pub fn is_good_news(&self) -> bool {
        matches!(self.value, Stock::Back | Stock::Announced)
    }
}

#[cfg(test)]
mod tests {
    use super::Stock::{Announced, Back, Unplanned, Watched};
    use crate::facts::find;
    use crate::facts::tests::mail_of;

    #[test]
    fn what_is_said_of_goods_that_were_gone() {
        for (body, expect) in [
            ("ご登録の商品が再入荷しました。", Some(Back)),
            ("入荷連絡をご希望の商品の販売が始まりました。", Some(Back)),
            ("お探しの土鍋、ふたたび店頭に並びました。", Some(Back)),
            ("本日午前に10点届きまして、ただいまカートを開けました。", Some(Back)),
            ("長らく品切れだった急須が窯元から届きました。", Some(Back)),
            ("あの人気商品が帰ってきました！", Some(Back)),
            ("お気に入りの商品がまた買えるようになりました", Some(Back)),
            ("ご注文の受付を再開いたしました。", Some(Back)),
            ("The mug on your wish list is available again.", Some(Back)),
            ("明日20時より再販いたします。", Some(Announced)),
            ("12月1日(火)12:00より、再び販売いたします。", Some(Announced)),
            ("再入荷お知らせメールの登録を受け付けました。\n再入荷しましたらお知らせいたします。", Some(Watched)),
            ("竹かご 中 が入荷したときにメールでお知らせします。", Some(Watched)),
            ("再入荷は未定でございます。", Some(Unplanned)),
            ("職人の引退により今後の入荷予定は立っておりません。", Some(Unplanned)),
            ("キャンセル分をカートに戻しました。", Some(Back)),
            ("キャンセル分のご利用ポイント、合わせて300ポイントを返還いたしました。", None),
            ("キャンセル分の代金は明日ご返金いたします。", None),
            ("領収書は購入履歴から発行できます。", None),
            ("注文明細は購入履歴よりご確認いただけます。", None),
            ("再入荷の予定はありますか？", None),
            ("再入荷いたしましたらご連絡ください。", None),
            ("本日発送いたしました。", None),
        ] {
            let found = find(&mail_of("件名", body)).stock.map(|found| found.value);
            assert_eq!(found, expect, "{body}");
        }
    }
}
