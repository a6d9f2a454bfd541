//! What an order mail says that makes a cancellation for want of goods more likely: goods that lie at the maker, stock
//! that is shared with other shops, a long time until they are sent.
//!
//! A supposition is no excuse here: 欠品となる場合がございます is the very announcement. A denial is.

use super::frame::{Frame, frames};
use super::money;
use super::page::{Page, View};
use super::pattern::patterns;
use super::{Facts, Found, Stage};
use crate::text::clause;
use serde::{Deserialize, Serialize};
use std::ops::Range;

/// A sign that an order may be cancelled for want of goods.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Risk {
    /// The goods lie at the maker or are ordered from it.
    MakerStock,
    /// The stock is shared with other shops.
    SharedStock,
    /// They are sent in three business days (or five days) or later.
    LongLead,
}

/// From so many business days on …
const LONG_BUSINESS_DAYS: u16 = 3;
/// … or so many days a lead time is long.
const LONG_DAYS: u16 = 5;

patterns! {
    LEAD = r"(?x)
        (?P<high>[0-9]{1,3}|[一二三四五六七八九十]{1,3})\s?
        (?P<unit>営業日|日間|日|週間|[ヶケかカヵ個]月|(?:business|working)\sdays?|days?|weeks?)";
}

const SHARED: &[Frame] = &[
    (&["在庫", "ストック", "stock", "inventory"], &["共有", "共用", "共通", "併売", "shared", "share"], 26),
    (&["共有", "共用", "併売", "shared", "share"], &["在庫", "ストック", "stock", "inventory"], 10),
    (
        &["実店舗", "店頭", "他店", "他モール", "他サイト", "複数店舗", "複数のモール", "複数サイト"],
        &["併売", "同時に販売", "同時販売", "でも販売し", "でも同じ在庫", "でも販売中"],
        12,
    ),
];
const LINKED: &[Frame] =
    &[(&["他店", "モール", "サイト", "実店舗", "店頭"], &["在庫を連動", "在庫が連動", "在庫は連動", "在庫連動"], 8)];
const ELSEWHERE: &[Frame] = &[(
    &["実店舗", "店頭", "他店", "他モール", "他のモール", "他サイト", "他のサイト"],
    &["売れ", "売り切れ", "完売", "販売済"],
    10,
)];
const MAKER: &[Frame] = &[
    (
        &[
            "メーカー", "製造元", "仕入先", "仕入れ先", "問屋", "輸入元", "発売元", "販売元", "代理店", "発注先",
            "蔵元", "窯元", "出版社", "maker",
        ],
        &[
            "欠品", "在庫", "品切れ", "完売", "取り寄せ", "取寄", "とりよせ", "発注", "入荷次第", "入荷後", "入荷待",
            "生産終了", "廃番", "stock",
        ],
        6,
    ),
    (&["manufacturer", "supplier"], &["stock", "order", "backorder"], 16),
];
/// Goods that are fetched for the buyer. お取り寄せグルメ is a kind of goods and none of these.
const FETCHED: &[&str] = &["取り寄せ", "取寄せ", "取寄", "とりよせ", "取りよせ"];
const FETCHED_SO: &[&str] = &[
    "商品", "品", "対応", "扱い", "になり", "となり", "になる", "となる", "のため", "いたし", "しており", "して",
    "させ", "後", "中", "】", "]", ")", "です", "でお", "の商品", "のお品", "に", "でき次第", "完了", "次第", "分",
];
const GENRE: &[&str] = &[
    "グルメ", "スイーツ", "特集", "ランキング", "人気", "多数", "取り揃え", "取りそろえ", "も承", "はこちら",
    "こちらから", "ページ", "贈り物",
];
/// What is done with goods until they are there.
const SENT: &[&str] = &[
    "発送", "出荷", "お届け", "納品", "入荷", "お時間", "お手元", "取り寄せ", "取寄", "手配", "納期", "配送", "お渡し",
    "到着", "お送り", "ご用意", "準備", "製作", "制作", "生産", "製造", "ship", "deliver", "dispatch", "arriv",
    "lead time",
];
/// What else has a number of days.
const OTHER: &[&str] = &[
    "入金", "支払", "振込", "返信", "返答", "回答", "連絡", "返金", "返品", "返送", "交換", "申し出", "キャンセル",
    "ポイント", "クーポン", "返還", "保管", "保証", "取消", "問い合わせ", "レビュー", "有効", "お日持ち", "賞味",
    "期限", "遅れ", "遅く", "早く", "冷蔵", "冷凍", "休業", "定休", "営業時間", "reply", "refund", "return", "payment",
    "contact",
];

/// Fills in risks and the longest lead time.
pub(super) fn find(page: &Page<'_>, facts: &mut Facts) {
    let lives = facts.stage.as_ref().is_some_and(|stage| stage.value != Stage::Shipped);
    if !lives || facts.cancelled.is_some() {
        return;
    }
    let view = &page.joined;
    let maker = maker(view).map(|range| view.sure(Risk::MakerStock, range));
    let shared = framed(view, SHARED)
        .or_else(|| framed(view, LINKED))
        .or_else(|| sold_elsewhere(view))
        .map(|range| view.sure(Risk::SharedStock, range));
    let lead = lead(view);
    let long =
        lead.as_ref().filter(|(found, business)| found.value >= if *business { LONG_BUSINESS_DAYS } else { LONG_DAYS });
    let long =
        long.map(|(found, _)| Found { value: Risk::LongLead, span: found.span.clone(), confidence: found.confidence });
    facts.risks = [maker, shared, long].into_iter().flatten().collect();
    facts.lead_days = lead.map(|(found, _)| found);
}

/// A frame that is neither denied nor a thing of the past.
fn framed(view: &View<'_>, of: &[Frame]) -> Option<Range<usize>> {
    frames(view, of).into_iter().find(|range| stands(view, range))
}

fn stands(view: &View<'_>, range: &Range<usize>) -> bool {
    let after = view.slice(range.end..view.sentence_at(range.start).end.max(range.end));
    let before = view.slice(view.sentence_at(range.start).start..range.start);
    let past = ["していましたが", "しておりましたが", "でしたが"].iter().any(|sign| after.starts_with(sign));
    let without = ["せず", "なし", "ではなく", "でなく", "を除いて"].iter().any(|sign| after.starts_with(sign));
    // what is shared there are data of the buyer
    let others = ["お客様情報", "個人情報"].iter().any(|word| before.contains(word));
    view.counts(range.start)
        && !past
        && !without
        && !others
        && (!clause::is_negated(view.text(), range.start, range.end) || may_be_gone(view, range))
}

/// メーカーに在庫がない|場合は…: a denial that is the announcement.
fn may_be_gone(view: &View<'_>, range: &Range<usize>) -> bool {
    let after = view.slice(range.end..view.sentence_at(range.start).end.max(range.end));
    let gone = ["がな", "もな", "のな"].iter().any(|sign| after.starts_with(sign));
    view.slice(range.clone()).ends_with("在庫") && gone && clause::is_supposed(view.text(), range.start, range.end)
}

/// 実店舗で先に売れてしまうことがございます: said of what may be, or it is a boast.
fn sold_elsewhere(view: &View<'_>) -> Option<Range<usize>> {
    let may = |range: &Range<usize>| clause::is_supposed(view.text(), range.start, range.end);
    frames(view, ELSEWHERE).into_iter().find(|range| stands(view, range) && may(range))
}

fn maker(view: &View<'_>) -> Option<Range<usize>> {
    framed(view, MAKER).or_else(|| {
        view.hits(FETCHED).into_iter().map(|(at, word)| at..at + word.len()).find(|range| {
            let sentence = view.slice(view.sentence_at(range.start));
            let after = view.slice(range.end..view.sentence_at(range.start).end.max(range.end));
            let near: String = after.chars().take(8).collect();
            // お取り寄せ商品の場合は…: a rule for other goods
            let ruled = ["場合", "際", "時は"].iter().any(|sign| near.contains(sign));
            stands(view, range)
                && !ruled
                && FETCHED_SO.iter().any(|sign| after.starts_with(sign))
                && !GENRE.iter().any(|word| sentence.contains(word))
        })
    })
}

/// The longest time until the goods are sent or there, and whether it is counted in business days.
fn lead(view: &View<'_>) -> Option<(Found<u16>, bool)> {
    let text = view.text();
    let mut longest: Option<(Found<u16>, bool)> = None;
    for found in view.captures(&LEAD).take(200) {
        let (Some(whole), Some(high), Some(unit)) = (found.get(0), found.name("high"), found.name("unit")) else {
            continue;
        };
        let range = whole.range();
        let Some((days, business)) = days(high.as_str(), unit.as_str()) else { continue };
        if !view.counts(range.start)
            || !is_span(text, &range, unit.as_str())
            || !is_until_sent(view, &range)
            || clause::is_negated(text, range.start, range.end)
        {
            continue;
        }
        if longest.as_ref().is_none_or(|(known, _)| known.value < days) {
            longest = Some((view.sure(days, range), business));
        }
    }
    longest
}

/// Days as they are counted there, and whether business days are counted. Weeks have seven, months thirty.
fn days(number: &str, unit: &str) -> Option<(u16, bool)> {
    let number: u64 = number.parse().ok().or_else(|| money::kanji(number))?;
    let each = match unit {
        _ if unit.starts_with("週") || unit.starts_with("week") => 7,
        _ if unit.ends_with('月') => 30,
        _ => 1,
    };
    let days = u16::try_from(number.saturating_mul(each)).ok().filter(|days| (1..=400).contains(days))?;
    Some((days, unit.starts_with("営業") || unit.starts_with("business") || unit.starts_with("working")))
}

/// A length of time, not a day of a month: 8日頃 may be either, and is not one.
fn is_span(text: &str, range: &Range<usize>, unit: &str) -> bool {
    let before = text.get(..range.start).unwrap_or_default().trim_end();
    let after = text.get(range.end..).unwrap_or_default().trim_start();
    if before.ends_with(['月', '/', '.', '翌']) || before.ends_with(|c: char| c.is_ascii_digit()) {
        return false;
    }
    let about = ["約", "およそ", "おおよそ", "最長", "最大"].iter().any(|word| before.ends_with(word));
    let long = [
        "程", "ほど", "前後", "以内", "くらい", "ぐらい", "かかり", "かかる", "を要", "お時間", "のお時間", "いただ",
        "後に", "後を", "後の", "程度", "を目安", "を見込",
    ]
    .iter()
    .any(|word| after.starts_with(word));
    unit != "日" || about || long
}

/// The word nearest behind the number, else before it, says what takes so long.
fn is_until_sent(view: &View<'_>, range: &Range<usize>) -> bool {
    let sentence = view.sentence_at(range.start);
    let line = view.line_at(range.start);
    let from = sentence.start.min(range.start).max(line.start);
    // a cell of a table belongs to the one before it: 納期 | 3~7営業日
    let from = if view.slice(line.start..range.start).contains('\t') { line.start } else { from };
    let before = view.slice(from..range.start);
    let after: String = view.slice(range.end..sentence.end.max(range.end)).chars().take(30).collect();
    let after = after.split(". ").next().unwrap_or_default().to_owned();
    let first = |words: &[&str]| words.iter().filter_map(|word| after.find(word)).min();
    let last = |words: &[&str]| words.iter().filter_map(|word| before.rfind(word)).max();
    // 発送後2~3日でお届け: on its way already; 到着後7日以内: there
    let tail: String = before.chars().rev().take(16).collect::<Vec<_>>().into_iter().rev().collect();
    let on_its_way = [
        "発送後", "出荷後", "発送から", "出荷から", "到着後", "お届け後", "到着から", "受取後", "投稿後", "レビュー後",
        "返送後", "返却後", "お受け取り後",
    ]
    .iter()
    .any(|word| tail.contains(word));
    if on_its_way {
        return false;
    }
    // ご入金の確認後3営業日: what comes first is not what takes so long
    let done = |at: usize| {
        let rest = before.get(at..).unwrap_or_default();
        ["後", "次第", "より", "から"].iter().any(|word| rest.contains(word))
    };
    let other_before = last(OTHER).filter(|at| !done(*at));
    match (first(SENT), first(OTHER)) {
        // お時間をいただきます says of nothing that it is sent
        (Some(sent), other) => {
            other.is_none_or(|other| sent < other)
                && (!after.get(sent..).is_some_and(|rest| rest.starts_with("お時間") || rest.starts_with("お手元"))
                    || other_before.is_none_or(|other| last(SENT).is_some_and(|sent| other < sent)))
        }
        (None, Some(_)) => false,
        (None, None) => last(SENT).is_some_and(|sent| other_before.is_none_or(|other| other < sent)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::tests::mail_of;

    fn read(lines: &str) -> (Vec<Risk>, Option<u16>) {
        let body = format!(
            "ご注文ありがとうございます。\n[受注番号] 399999-20261120-0123456789\n[商品]\nケトル\n\
             価格 3,000(円) x 1(個)\n支払い金額 3,000(円)\n\n{lines}\n"
        );
        let facts = crate::facts::find(&mail_of("注文内容ご確認", &body));
        assert!(facts.stage.is_some(), "{lines}");
        (facts.risks.iter().map(|found| found.value).collect(), facts.lead_days.map(|found| found.value))
    }

    #[test]
    fn a_risk_is_announced_in_any_words() {
        for (lines, expect) in [
            ("メーカー欠品時を除く", vec![Risk::MakerStock]),
            ("※メーカーにて在庫切れの場合はご連絡いたします。", vec![Risk::MakerStock]),
            ("こちらはメーカー取り寄せとなります。", vec![Risk::MakerStock]),
            ("【お取寄せ】ケトル 赤", vec![Risk::MakerStock]),
            ("お取り寄せ商品のため、お時間をいただきます。", vec![Risk::MakerStock]),
            ("商品はメーカー在庫でございます。", vec![Risk::MakerStock]),
            ("他店舗と在庫を共有しているため、まれに欠品となる場合がございます。", vec![Risk::SharedStock]),
            ("実店舗との在庫共有商品です", vec![Risk::SharedStock]),
            ("実店舗でも販売しておりますので、売り切れの際はご容赦ください。", vec![Risk::SharedStock]),
            ("複数のモールで共有している在庫です", vec![Risk::SharedStock]),
            ("our stock is shared with other shops.", vec![Risk::SharedStock]),
            ("メーカー様に在庫がない場合は、キャンセルとさせていただくことがございます。", vec![Risk::MakerStock]),
            ("※こちらの商品は取り寄せのため日数がかかります。", vec![Risk::MakerStock]),
            ("実店舗で先に売れてしまうことがあります。", vec![Risk::SharedStock]),
            ("自社サイトと在庫を連動しております。", vec![Risk::SharedStock]),
            ("在庫連動システムにより常に最新の在庫を表示しています。", vec![]),
            ("発売元で品切れの場合、お待ちいただくことがあります。", vec![Risk::MakerStock]),
            ("他店では完売の人気商品です。", vec![]),
            ("在庫は他店と共有しておりません。", vec![]),
            ("以前は実店舗と在庫を共有しておりましたが、現在は専用の在庫です。", vec![]),
            ("お取り寄せではなく、当店の倉庫から発送します。", vec![]),
            ("メーカー希望小売価格 5,000円", vec![]),
            ("メーカー保証1年", vec![]),
            ("メーカー欠品はございません。", vec![]),
            ("人気のお取り寄せグルメはこちら", vec![]),
            ("お取り寄せ商品の場合、返品はお受けしておりません。", vec![]),
            ("配送状況は運送会社と共有しております。", vec![]),
        ] {
            assert_eq!(read(lines).0, expect, "{lines}");
        }
    }

    #[test]
    fn the_longest_time_until_goods_are_sent_is_read() {
        for (lines, days, long) in [
            ("3～7営業日以内に発送いたします。", Some(7), true),
            ("通常３－５営業日で出荷", Some(5), true),
            ("発送の目安：5営業日から10営業日", Some(10), true),
            ("納期\t7~10営業日", Some(10), true),
            ("ご入金確認後、三営業日ほどで発送いたします", Some(3), true),
            ("お届けまで1〜2週間ほどお時間をいただきます。", Some(14), true),
            ("入荷まで約10日", Some(10), true),
            ("ships within 3 to 5 business days.", Some(5), true),
            ("発送が3日ほど遅れます。", None, false),
            ("2営業日以内に発送します。", Some(2), false),
            ("2～3日ほどで発送いたします", Some(3), false),
            ("商品のお届けは1週間から10日後を予定しております。", Some(10), true),
            ("レビュー投稿後5営業日以内にお送りします。", None, false),
            ("7営業日以内にご入金ください。", None, false),
            ("商品到着後7日以内にご連絡ください。", None, false),
            ("発送後2〜3営業日でお届けします。", None, false),
            ("ご入金確認後、5営業日ほどお時間をいただきます。", Some(5), true),
            ("返金まで5営業日ほどお時間をいただきます。", None, false),
            ("12月8日頃の発送です。", None, false),
            ("お問い合わせには3営業日以内にお返事します。", None, false),
        ] {
            let (risks, read) = read(lines);
            assert_eq!(read, days, "{lines}");
            assert_eq!(risks.contains(&Risk::LongLead), long, "{lines}");
        }
    }

    #[test]
    fn what_is_quoted_or_no_order_tells_nothing() {
        let newsletter = mail_of("お得な情報", "お取り寄せ商品です。3〜7営業日で発送します。");
        let facts = crate::facts::find(&newsletter);
        assert_eq!((facts.risks.len(), facts.lead_days), (0, None));
    }
}
