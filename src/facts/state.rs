//! What became of the order: cancelled (by whom, how far), or alive.
//!
//! No single word decides: キャンセル stands in the small print of nearly every mail. A deed counts when its clause is
//! neither denied nor supposed; a question beats an apology, and a deed beats a question.

use super::cause::cause;
use super::frame::{Frame, frames};
use super::page::Page;
use super::pattern::patterns;
use super::said::{first_of, from_orders, from_shop, is_said, machine, said, said_loosely, short};
use super::stage::stage;
use super::{Cancelled, Confidence, Facts, Found, Stage};
use crate::mail::trust::is_rakuten;
use std::ops::Range;

patterns! {
    CHOICE = r"^\s*[・*>\-|]?\s*[(\[【<]?(?P<mark>[1-9]|[a-h]|[甲乙丙丁]|[アイウエオ]|[一二三四五])(?:[)\]】>:,、]|\.\s|\s)\s?\S";
    /// 注文を閉じる, 無かったことに: an order ends without the word.
    CLOSED = r"(?:ご?注文|オーダー|お取引|今回)[^。!?\n]{0,24}?(?:閉じさせ|閉じ(?:る処理)?(?:を)?いたしました|(?:無|な)かったことにさせ|(?:無|な)かったことといたし|なしとさせ|お流れとさせ|終了とさせ|無効と(?:し|いたし|させ))";
    ENGLISH = r"(?x)
        (?:has|have|had)\s(?:now\s|already\s)?been\scancell?ed | (?:was|were|is\snow|are\snow)\s(?:automatically\s)?cancell?ed
      | \bcancell?ed\s(?:your|the|this)\sorder | \bhad\sto\scancel | (?:have|we)\scancell?ed | must\scancel | cancellation\s(?:notice|complete|confirmed|of\syour)
      | order\scancell?ed\b | cancell?ed\sand\b";
}

/// Words for a cancellation.
pub(super) const CANCEL: &[&str] = &[
    "キャンセル",
    "取消",
    "取りやめ",
    "取下げ",
    "お取りさげ",
    "中止",
    "白紙",
    "破棄",
    "解約",
    "お断り",
    "辞退",
    "cancel",
];
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
    "しました",
    "させていただきました",
    "となりました",
    "になりました",
    "されました",
    "完了",
    "確定",
    "成立",
    "させていただきます",
    "させていただ",
    "させてもら",
    "させてくださ",
    "することとな",
    "するはこび",
    "する運び",
    "せざるを得",
    "お願いいたしたく",
    "扱いと",
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
];
/// What marks a received wish, not a deed.
pub(super) const RECEIVED: &[&str] = &[
    "ご依頼",
    "ご希望",
    "お申し出",
    "お申出",
    "お申込",
    "申請",
    "リクエスト",
    "ご要望",
    "ご連絡をいただ",
    "ご連絡いただ",
    "お問い合わせをいただ",
    "request",
];
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
    "お知らせいただけ",
    "お知らせ願",
    "お知らせくだ",
    "お伺いし",
    "伺いたく",
    "お伺いいたし",
    "どれか",
    "どちらか",
    "いずれを",
    "お申し付け",
    "いかがなさ",
    "いかがでしょう",
    "どうなさ",
    "どうされ",
    "ご判断",
    "ご連絡いただけ",
    "ご連絡願",
    "ご一報",
    "ご検討",
    "お待ちいただけ",
    "please reply",
    "let us know",
    "please choose",
    "please tell us",
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

/// A cancellation that was carried out, or is being carried out: its sentence.
pub(super) fn deed(page: &Page<'_>) -> Option<(usize, Range<usize>)> {
    for (v, view) in page.prose().into_iter().enumerate() {
        let text = view.text();
        for (at, word) in view.hits(CANCEL) {
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
            // (受注番号…はお取消し済みです): a remark on what was told before
            let remark = view.slice(sentence.clone()).trim_start().starts_with('(') && whole.contains("済");
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
            // キャンセルのご注文, キャンセルいただきましたご注文: an order is named by its cancellation, nothing is done now
            let head = after.split(['、', ',']).next().unwrap_or(after);
            let attribute =
                ["注文", "オーダー", "分の", "商品の"].iter().filter_map(|noun| head.find(noun)).min().is_some_and(
                    |noun| {
                        let between = head.get(..noun).unwrap_or_default().trim_end_matches('ご');
                        between.chars().count() <= 14
                            && ["の", "た", "済み", "分の", ""].iter().any(|end| between.ends_with(end))
                            && !between.contains('は')
                            && !between.contains('を')
                    },
                );
            // キャンセルとなりました399999-…につきまして: named by its number
            let number = head
                .find(|c: char| c.is_ascii_digit())
                .filter(|at| head.get(*at..).is_some_and(|rest| rest.get(6..7) == Some("-")));
            let attribute = attribute
                || number
                    .and_then(|at| head.get(..at))
                    .is_some_and(|between| between.ends_with(['た', 'の']) && between.chars().count() <= 14);
            // the verb belongs to the word when it stands near
            let near = after.char_indices().nth(36).map_or(after, |(end, _)| after.get(..end).unwrap_or_default());
            let beside = ["しに伴", "に伴", "につき", "に関", "後", "前", "時", "の際", "期限", "規約", "条件"]
                .iter()
                .any(|word| after.starts_with(word));
            let policy = [
                "手数料",
                "ご遠慮",
                "お控え",
                "お受け",
                "承ります",
                "であれば",
                "可能",
                "応じ",
                "できます",
                "いただけます",
            ]
            .iter()
            .any(|word| near.contains(word));
            let after = near;
            let question = question || beside || policy || (attribute && !whole.contains("キャンセルのお知らせ"));
            // 「キャンセルいたします」 after a condition is caught as supposed; alone it is the shop's decision
            // English: what was cancelled is a deed; what can, may or could be is policy, and "your cancelled order" a name
            let english = word.is_ascii();
            let deed_in_english = english && ENGLISH.is_match(whole);
            let done = if english { deed_in_english } else { DEED.iter().any(|deed| after.contains(deed)) };
            if done && !question && !wish && !service && !remark {
                return Some((v, sentence));
            }
        }
    }
    let view = &page.joined;
    CLOSED.find_iter(view.text()).find_map(|hit| {
        let said = view.counts(hit.start()) && !crate::text::clause::is_supposed(view.text(), hit.start(), hit.end());
        said.then(|| (1, view.sentence_at(hit.start())))
    })
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
    // choices that wait for an answer, one of them to cancel: nothing is done yet, whatever the shop will do
    if !lives
        && !finished(page)
        && let Some(place) = choices(page).or_else(|| alternatives(page))
    {
        return found(place, Cancelled::Pending, Confidence::High);
    }
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
        let future = ["いたします", "させていただきます", "させていただきたく", "させていただければ"]
            .iter()
            .any(|word| sentence.contains(word));
        if asks.is_some() && future && shortage.is_some() {
            return found(place, Cancelled::Pending, Confidence::High);
        }
        let wish = RECEIVED.iter().any(|word| sentence.contains(word));
        let taken_on = sentence.contains("承りました")
            || sentence.contains("受付")
            || (wish && TAKEN.iter().any(|word| sentence.contains(word)));
        if taken_on && !finished(page) {
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
        for (at, _) in view.hits(&["キャンセル"]) {
            let sentence = view.sentence_at(at);
            let text = view.slice(sentence.clone());
            let wish = RECEIVED.iter().any(|word| text.contains(word));
            let taken_on = ["承り", "受付", "確認いたし", "いただきました"].iter().any(|word| text.contains(word));
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
        if shortage.is_some() || page.has(&["返還", "お詫び", "取消"]) {
            let value = if by_rakuten { Cancelled::Confirmed } else { Cancelled::Claimed };
            return Some(page.subject.found(value, at, confidence));
        }
    }
    None
}

/// What a choice to cancel is called.
const DROP: &[&str] = &[
    "キャンセル",
    "取消",
    "取りやめ",
    "取下げ",
    "やめ",
    "返金",
    "なかったこと",
    "無かったこと",
    "見送",
    "cancel",
    "refund",
];

/// Lines that offer choices — (1) (2), a b c, 甲 乙 — of which one is to cancel: the place of the first.
fn choices(page: &Page<'_>) -> Option<(usize, Range<usize>)> {
    let view = &page.body;
    let mut run: Vec<(char, Range<usize>)> = Vec::new();
    let mut far = 0;
    for line in &page.lines {
        let text = view.slice(line.clone());
        if text.trim().is_empty() {
            continue;
        }
        match CHOICE.captures(text).and_then(|found| found.name("mark")?.as_str().chars().next()) {
            Some(mark) => {
                let follows = run.last().is_some_and(|(last, _)| {
                    const ROWS: [&str; 5] = ["123456789", "abcdefgh", "甲乙丙丁", "アイウエオ", "一二三四五"];
                    ROWS.iter().any(|row| row.contains(&format!("{last}{mark}")))
                });
                if !follows {
                    run.clear();
                }
                if view.counts(line.start) {
                    run.push((mark, line.clone()));
                }
                far = 0;
            }
            None => far += 1,
        }
        if far > 2 {
            if run.len() >= 2
                && let Some(place) = dropping(page, &run)
            {
                return Some(place);
            }
            run.clear();
        }
    }
    if run.len() >= 2 { dropping(page, &run) } else { None }
}

fn dropping(page: &Page<'_>, run: &[(char, Range<usize>)]) -> Option<(usize, Range<usize>)> {
    let drops = run.iter().any(|(_, line)| DROP.iter().any(|word| page.body.slice(line.clone()).contains(word)));
    let asked = page.has(&[
        "返事",
        "返信",
        "返答",
        "回答",
        "お答え",
        "お知らせ",
        "お選び",
        "ご連絡",
        "番号",
        "しましょう",
        "ますか",
        "でしょうか",
        "希望",
        "reply",
        "tell us",
        "let us know",
        "choose",
        "prefer",
    ]);
    let (_, first) = run.first()?;
    // the places of body and joined text differ: the joined one is found by its words
    let words = page.body.slice(first.clone());
    let at = page.joined.text().find(words)?;
    (drops && asked).then_some((1, at..at + words.len()))
}

/// お待ちいただくか、お取りやめになさるか、…お返事を: the choice in one sentence.
fn alternatives(page: &Page<'_>) -> Option<(usize, Range<usize>)> {
    let view = &page.joined;
    view.hits(DROP).into_iter().find_map(|(at, _)| {
        let sentence = view.sentence_at(at);
        let text = view.slice(sentence.clone());
        let either = text.matches("か、").count() >= 2
            || text.contains("か、それとも")
            || text.contains("または") && text.contains('か');
        let asked = ["返事", "返信", "お知らせ", "ご連絡", "お聞かせ", "お選び", "でしょうか", "お答え"]
            .iter()
            .any(|word| text.contains(word));
        (either && asked && view.counts(at) && !text.contains("場合")).then_some((1, sentence))
    })
}

/// What is done with a wish that came in.
const TAKEN: &[&str] = &[
    "承り",
    "受付",
    "お受けしました",
    "お受けいたしました",
    "受け取り",
    "確認いたしました",
    "確認しました",
    "拝見",
    "拝受",
    "頂戴",
    "いただきました",
    "received",
];
/// A cancellation that was carried out, in so many words.
const FINISHED: &[Frame] = &[
    (
        CANCEL,
        &[
            "しました",
            "いたしました",
            "させていただきました",
            "完了",
            "済み",
            "済です",
            "確定",
            "が成立",
            "となりました",
            "になりました",
            "されました",
            "処理をいたしました",
            "処理いたしました",
            "処理しました",
            "手続きをいたしました",
            "手続きいたしました",
            "has been",
            "have been",
        ],
        8,
    ),
    (
        &["処理", "手続", "手配"],
        &[
            "完了いたしました",
            "完了しました",
            "完了しております",
            "が完了",
            "を完了",
            "済みです",
            "終えました",
            "終わりました",
        ],
        6,
    ),
    (&["has been", "have been", "was", "were"], &["cancelled", "canceled"], 3),
];

/// Whether a cancellation was carried out, not only wished for.
fn finished(page: &Page<'_>) -> bool {
    page.prose().into_iter().any(|view| {
        frames(view, FINISHED).into_iter().any(|range| {
            let words = view.slice(range.clone());
            let wish = RECEIVED.iter().any(|wish| words.contains(wish))
                || ["受付", "承り"].iter().any(|word| words.contains(word));
            !wish && is_said(view, range.start, range.end)
        })
    })
}

/// The order's sums were changed: said as a deed, or in the subject. 注文内容の変更や… in the small print is neither.
fn changed(page: &Page<'_>) -> Option<(usize, Range<usize>)> {
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
        &["残り", "その他の", "ほかの商品", "他の商品", "以外の", "それ以外", "在庫のある", "他の品"],
        &["発送", "お送り", "お届け", "出荷", "手配いたし", "ご用意でき", "お送りいた"],
        20,
    ),
    (&["remaining items", "other items", "rest of your order", "the rest"], &["ship", "sent", "deliver"], 24),
];

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
        "partially cancel",
        "part of your order",
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
