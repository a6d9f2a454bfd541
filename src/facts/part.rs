//! A part of an order falls away, and the rest lives on.

use super::asked::ASKS;
use super::frame::{Frame, frames};
use super::page::Page;
use super::pattern::patterns;
use super::said::{is_said, said, said_loosely, short};
use std::ops::Range;

patterns! {
    /// ご注文から外させて, こちらを除いてお送り: something is taken out, the rest is sent.
    TAKEN_OUT = r"(?x)
        (?:ご?注文(?:内容)?|お届けの品|お送りする(?:もの|品物?))(?:から|より)(?:は)?[^。!?\n]{0,6}(?:外|除|はず|のぞ|省|削|お?取消|キャンセル)
      | (?:を|は)(?:除い|除き|のぞい|抜い|省い)[^。!?\n]{0,16}(?:お送り|発送|お届け|出荷|お渡し)
      | (?:[^た]だけ|のみ)の(?:お届け|発送|お送り|出荷|ご用意)(?:と|に)(?:させ|いたしま|なりま|なって)";
    /// The same in English. By itself: a word boundary would make the search of Japanese text slow.
    DROPPED = r"(?:removed|taken\s(?:off|out\sof)|dropped)\s(?:from\s)?(?:your|the|this)\sorder\b";
    /// 茶碗のみ本日発送いたします: what is sent, where something else is not to be had.
    ONLY = r"(?:代|代金|分)(?:の)?[^。!?\n]{0,12}(?:を|分)(?:差し?引|お引き)[^。!?\n]{0,20}(?:支払|請求|お代)|(?:[^た]だけ|のみ)(?:を)?[^る先。!?\n]{0,6}(?:お送りいたします|お送りします|発送いたします|発送します|お届けいたします|お届けします|送っから|送らせて|お送りさせて)";
    /// 2個のうち1個をキャンセル: some of them.
    SOME = r"[0-9]{1,3}\s?[個点枚本着足冊台箱袋組品](?:のうち|の内|中の?|うち)、?\s?(?:下記の|次の)?[0-9]{1,3}\s?[個点枚本着足冊台箱袋組品](?:だけ|のみ|分)?(?:を|は|が|につ)[^。!?\n]{0,24}?(?:キャンセル|取消|欠品|お送りでき|ご用意でき)";
    /// 椎茸の分は取消まして: the share of one of the goods.
    SHARE = r"(?:の分|のぶん|[ァ-ヶー一-龠]分)(?:だけ|のみ)?(?:は|を|につきましては|については)?[、,]?\s?(?:ご注文から|こちらで|いったん|一旦)?(?:キャンセル|取消|取りやめ|取下げ|お取消|外さ|除か|除い)";
}

/// Words that make 分 mean all of it: ご注文分はキャンセル.
const ALL: &[&str] =
    &["注文", "今回", "全部", "全て", "すべて", "全品", "全", "購入", "日", "件", "付与", "進呈", "獲得"];

/// Something is taken out of the order, in prose.
fn taken_out(page: &Page<'_>) -> Option<(usize, Range<usize>)> {
    let view = &page.joined;
    if let Some(hit) = page.subject.matches(&SOME).next().filter(|hit| is_said(&page.subject, hit.start(), hit.end())) {
        return Some((0, hit.range()));
    }
    let mut out: Vec<Range<usize>> =
        view.matches(&TAKEN_OUT).chain(view.matches(&DROPPED)).map(|hit| hit.range()).collect();
    out.sort_by_key(|range| range.start);
    let short = short(page).is_some();
    let only = view.matches(&ONLY).map(|hit| hit.range()).filter(|_| short);
    let share = view.matches(&SHARE).map(|hit| hit.range()).filter(|range| {
        let words = view.slice(range.start..range.end);
        let kept = words.find('分').map_or(range.start, |at| range.start + at);
        let before = view.slice(view.sentence_at(range.start).start..kept);
        !ALL.iter().any(|word| before.trim_end_matches('の').ends_with(word))
    });
    let fits = |range: &Range<usize>| {
        let rest = view.slice(range.end..view.sentence_at(range.start).end.max(range.end));
        let asks = ["でしょうか", "ますか", "ませんか", "しましょう", "可能", "できます", "なさ"];
        is_said(view, range.start, range.end) && !asks.iter().any(|word| rest.contains(word))
    };
    out.into_iter().chain(share).chain(only).find(fits).map(|range| (1, range))
}

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

/// What is to become of the rest is asked, not told.
fn asked(page: &Page<'_>) -> Option<(usize, Range<usize>)> {
    ASKS.iter().find_map(|word| said_loosely(page, word))
}

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
    let out = taken_out(page).filter(|_| asked(page).is_none());
    let cancels = page.has(&["キャンセル", "取消", "取下げ", "cancel"]) || short(page).is_some() || out.is_some();
    let place = said(page, &words).or_else(|| changed(page)).or_else(framed).or(out)?;
    // 全部: 一部商品の在庫切れのため、ご注文全体をキャンセル
    let all = page.has(&["ご注文全体を", "ご注文をすべて", "全てキャンセル", "すべてキャンセル", "entire order"]);
    (cancels && !all).then_some(place)
}
