//! Points coming back: done, promised or refused. What is earned, used or said in general is none of these.

use super::kinds;
use super::label::{Kind, Labelled};
use super::listed::{self, BACK};
use super::page::{Page, View};
use super::said::{is_answer, is_rule_of_the_house, is_topic};
use super::{Confidence, Facts, Field, Form, Found, PointsReturn, Stage, date, money};
use crate::text::clause;
use std::ops::Range;

/// That it has come back, behind 戻って.
const IS_BACK: &[&str] = &["いる", "いま", "おり", "ます"];
/// What makes it a deed that was done.
const DONE: &[&str] = &[
    "ました", "済み", "済です", "済デス", "マシタ", "済で", "完了", "しております", "されております", "has been",
    "have been", "were ", "was ", "いたしております", "終わって", "終わりま", "終えま", "戻ってます", "結果の",
];
/// What makes it a deed still to come, whatever form the verb has.
const LATER: &[&str] =
    &["予定", "後日", "翌日", "次第", "今後", "営業日", "までに", "以降", "数日", "まもなく", "will ", "within"];

/// What labels an order number.
const ORDER: &[&str] = &["注文番号", "受注番号", "order number", "order no"];

/// Fills in what is said about points coming back, and when points end.
pub(super) fn find(page: &Page<'_>, labels: &[Labelled], facts: &mut Facts) {
    if !page.has(&["ポイント", "point", "pt"]) {
        return;
    }
    let mut best: Option<(u8, Found<PointsReturn>, Range<usize>, usize)> = None;
    let mut done = false;
    let mut none_limited = false;
    // the subject of an answer is the shopper's own: ポイントが戻りません
    let answer = is_answer(page);
    for (v, view) in page.prose().into_iter().enumerate().skip(usize::from(answer)) {
        for (at, word) in view.hits(BACK) {
            let Some((found, sentence)) = statement(view, at, word) else { continue };
            done |= found.value.form == Form::Done && found.confidence == Confidence::High;
            let rank = rank(&found);
            if best.as_ref().is_none_or(|(known, ..)| rank > *known) {
                best = Some((rank, found, sentence, v));
            }
        }
    }
    if best.is_none()
        && let Some(found) = listed::booked(page, facts).or_else(|| listed::returned(page, labels, facts))
    {
        facts.points_return = Some(found);
    }
    if let Some((_, mut found, sentence, v)) = best {
        if found.value.amount.is_none() && found.confidence == Confidence::High && found.value.form != Form::Refused {
            found.value.amount = listed::amount(page, labels);
        }
        none_limited = of_both_kinds(page, &mut found, facts);
        // 返却:500ポイント names a number; whether it is done is said elsewhere
        if found.value.form == Form::Promised
            && (done || listed::is_dated(page))
            && listed::has(page, found.value.amount)
        {
            found.value.form = Form::Done;
        }
        let views = page.prose();
        if let Some(view) = views.get(v) {
            let text = view.slice(sentence.clone());
            if let Some(at) = text.find("期間限定") {
                let range = sentence.start + at..sentence.start + at + "期間限定".len();
                facts.limited_time_points = Some(view.found(true, range, found.confidence));
            }
        }
        facts.points_return = Some(found);
    }
    // the small print of an advertisement is about nobody's points
    let domain = page.mail.from.domain();
    let nobodys = domain.contains("magazine.") || domain.contains("event.") || domain.starts_with("mkrm.");
    if facts.order_numbers.is_empty()
        && nobodys
        && let Some(found) = &mut facts.points_return
    {
        found.confidence = Confidence::Low;
    }
    // no number, in a mail about an order that lives: small print
    let lives = facts.cancelled.is_none() && facts.stage.as_ref().is_some_and(|stage| stage.value != Stage::Agreed);
    if let Some(found) = &mut facts.points_return
        && lives
        && found.value.amount.is_none()
        && found.value.form != Form::Done
    {
        found.confidence = Confidence::Low;
    }
    facts.points_expire_at = expiry(page);
    let limited = page.body.has_any(&["期間限定", "limited-time"]);
    let on_line = page.lines.iter().filter(|_| limited).find_map(|line| {
        let text = page.body.slice(line.clone());
        let at = text.find("期間限定").or_else(|| text.find("limited-time"))?;
        let back = ["返還", "返却", "お返し", "お戻し", "戻し", "they are", "these are"]
            .iter()
            .any(|word| text.contains(word));
        (back && page.body.counts(line.start)).then(|| page.body.sure(true, line.start + at..line.start + at + 12))
    });
    // 返還ポイント数 640ポイント(うち期間限定ポイント140ポイント)
    let beside = labels.iter().filter(|one| one.kind == Kind::ReturnedPoints).find_map(|one| {
        let at = page.body.slice(one.value.clone()).find("期間限定")?;
        Some(page.body.sure(true, one.value.start + at..one.value.start + at + "期間限定".len()))
    });
    if facts.points_return.is_some() && facts.limited_time_points.is_none() {
        facts.limited_time_points = beside.or(on_line);
    }
    if facts.limited_time_points.is_none()
        && facts.points_return.is_some()
        && let Some(at) = page.joined.text().find("期間限定ポイント")
    {
        facts.limited_time_points = Some(page.joined.found(true, at..at + "期間限定ポイント".len(), Confidence::Low));
    }
    // 期間限定ポイント 0ポイント
    if none_limited {
        facts.limited_time_points = None;
    }
}

/// What came back (and what was used) when the mail lists points of both kinds; whether it says that none of them were
/// limited-time points.
fn of_both_kinds(page: &Page<'_>, found: &mut Found<PointsReturn>, facts: &mut Facts) -> bool {
    let Some(kinds) = kinds::find(page).filter(|_| found.value.form != Form::Refused) else { return false };
    let all = kinds.normal.saturating_add(kinds.limited);
    let part = |amount: u64| amount == kinds.normal || amount == kinds.limited;
    if found.value.amount.is_none_or(part) {
        found.value.amount = Some(all).filter(|all| *all > 0);
    }
    if let Some(used) = facts.points_used.as_mut().filter(|used| part(used.value)) {
        used.value = used.value.max(all);
    }
    if kinds.limited > 0 {
        facts.limited_time_points = Some(page.body.found(true, kinds.limited_at, found.confidence));
    }
    kinds.limited == 0
}

/// A statement about this order is worth more than one without a number; a deed more than a promise.
fn rank(found: &Found<PointsReturn>) -> u8 {
    let sure = if found.confidence == Confidence::High { 16 } else { 0 };
    let form = match found.value.form {
        Form::Done => 3,
        Form::Refused => 2,
        Form::Promised => 1,
    };
    sure + if found.value.amount.is_some() { 4 } else { 0 } + form
}

fn statement(view: &View<'_>, at: usize, word: &str) -> Option<(Found<PointsReturn>, Range<usize>)> {
    let end = at + word.len();
    let sentence = view.sentence_at(at);
    let text = view.slice(sentence.clone());
    let names_points = |text: &str| ["ポイント", "point", "pt"].iter().any(|word| text.contains(word)) || has_p(text);
    let other = ["クーポン", "商品", "代金", "返金", "現金", "品物", "coupon", "料金", "カード"];
    // …ポイントにつきまして確認いたしました。このような場合はお手元へ戻せません: the topic was named before
    let above = if names_points(text) { None } else { Some(before_in(view, sentence.start)) };
    let carried = above.is_some_and(|above| names_points(above) && !other.iter().any(|word| text.contains(word)));
    if !view.counts(at) || !names_points(text) && !carried {
        return None;
    }
    // 返品のご返却, ポイント還元, クーポンの返還: what comes back is something else
    let before = view.slice(sentence.start..at);
    let topic = ["ポイント", "point", "pt", "クーポン", "商品", "代金", "現金", "返金", "品物", "coupon"]
        .iter()
        .filter_map(|word| before.rfind(word).map(|at| (at, *word)))
        .max_by_key(|(at, _)| *at)
        .map(|(_, word)| word);
    let about_points = match topic {
        Some("ポイント" | "point" | "pt") => true,
        // クーポンとポイントは, ポイント・クーポンは: both
        Some("クーポン" | "coupon") => ["ポイント", "point"].iter().any(|word| {
            before.contains(&format!("{word}・"))
                || before.contains(&format!("{word}と"))
                || before.contains(&format!("{word}および"))
                || before.contains(&format!("{word}および"))
                || before.contains(&format!("{word}や"))
                || before.contains("points and")
        }),
        Some(_) => false,
        None if carried || has_p(before) => true,
        // 返還ポイント
        None => {
            view.slice(end..sentence.end).starts_with("ポイント")
                || view.slice(end..sentence.end).starts_with("されるポイント")
        }
    };
    // ポイントでの返還: points are the means, money is what comes back
    let means = before.ends_with("ポイントでの") || before.ends_with("ポイントで");
    if !about_points
        || means
        || ["キャンペーン", "ポイントバック", "還元", "%", "最大", "倍"].iter().any(|word| before.contains(word))
    {
        return None;
    }
    let whole = view.text();
    let negated = clause::is_negated(whole, at, end);
    // 期限が過ぎている場合でも…戻ります: in any case
    let supposed = clause::is_supposed(whole, at, end) && !text.contains("場合でも");
    // 完売していた色が|戻ってきました, キャンセルを|元に戻す: something else is meant
    if carried && before.trim_end_matches("元に").ends_with(['が', 'を']) {
        return None;
    }
    // 戻ってない件: what was asked
    let asked = negated
        && ["ない件", "ないとの", "ないという", "ないの件", "ませんとの", "ない旨", "ないこと"]
            .iter()
            .any(|word| view.slice(end..sentence.end).chars().take(12).collect::<String>().contains(word));
    // 返還のお手続きをしてください: what the reader is to do
    let asked = asked || clause_of(view.slice(end..sentence.end)).contains("ください");
    let question = asked || text.contains("でしょうか") || view.slice(sentence.end..sentence.end + 1) == "?";
    let house = is_rule_of_the_house(text) && money::points(text).is_empty();
    if question
        || house
        || (supposed && !negated)
        || (view.field == Field::Subject && is_topic(view.slice(end..sentence.end)))
    {
        return None;
    }
    let after = view.slice(end..sentence.end);
    let clause_after = after.split(['、', ',']).next().unwrap_or(after);
    // 返還ポイント数 640ポイント: a label; it names a number, no deed
    let bare = after.starts_with("ポイント")
        && !DONE.iter().chain(LATER).any(|word| clause_after.contains(word))
        && !["され", "いたし", "します", "予定"].iter().any(|word| clause_after.contains(word));
    if bare {
        return None;
    }
    let leading = before.rsplit(['、', ',']).next().unwrap_or(before);
    let later = |words: &str| LATER.iter().any(|word| words.contains(word));
    // お手元に戻っている: it has come back
    let is_back = word.ends_with("って") && IS_BACK.iter().any(|end| after.starts_with(end));
    let form = if negated {
        Form::Refused
    } else if (is_back
        || DONE.iter().any(|word| clause_after.contains(word) || (word.is_ascii() && before.contains(word))))
        && !later(clause_after)
        && (if word.is_ascii() { !is_to_come(before) } else { !later(leading) })
        && !["するよう", "されるよう", "していただくよう", "予定"].iter().any(|word| clause_after.contains(word))
        && !before.ends_with("自動的に")
    {
        Form::Done
    } else {
        Form::Promised
    };
    // a rule about what has lapsed, not a word about this order
    let general = [
        "場合", "過ぎた", "過ぎま", "過ぎてい", "失効した", "期限切れの", "期限切れポイント", "期限の切れた",
        "期限が切れた", "一般", "なお、",
    ]
    .iter()
    .any(|word| text.contains(word))
        || supposed;
    // このような場合は: this very one
    let general = general && !["このような場合", "この場合", "今回の場合"].iter().any(|word| text.contains(word));
    let confidence = if general
        && form == Form::Refused
        && money::points(text).is_empty()
        && !["今回", "当該", "該当の", "あらためて"].iter().any(|word| text.contains(word))
    {
        Confidence::Low
    } else {
        Confidence::High
    };
    let amount = amount_near(text, at - sentence.start).or_else(|| {
        // 当該ポイントを…: the points that were named above
        let named = ["当該", "該当", "こちらの", "上記", "このポイント"].iter().any(|word| text.contains(word));
        let above = above.filter(|_| carried).or_else(|| named.then(|| before_in(view, sentence.start)))?;
        amount_near(above, above.len())
    });
    let range = sentence.start..sentence.end;
    let from = trim_start(view, &range);
    Some((view.found(PointsReturn { amount, form }, from..range.end, confidence), range))
}

/// It has been cancelled and your points will be |returned: the last auxiliary counts.
fn is_to_come(before: &str) -> bool {
    let last = |words: &[&str]| words.iter().filter_map(|word| before.rfind(word)).max();
    last(&["will ", "shall ", "'ll ", "going to ", "to be "]) > last(&["has been", "have been", "were ", "was "])
}

fn clause_of(after: &str) -> &str {
    after.split(['、', ',']).next().unwrap_or(after)
}

/// `380P`: points by their letter.
fn has_p(text: &str) -> bool {
    text.match_indices('p').any(|(at, _)| {
        let before = text.get(..at).is_some_and(|text| text.trim_end().ends_with(|c: char| c.is_ascii_digit()));
        before && !text.get(at + 1..).is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_alphanumeric()))
    })
}

/// What is said right before a sentence: the two sentences above it, of the same mail.
fn before_in<'v>(view: &'v View<'_>, start: usize) -> &'v str {
    let mut from = start;
    for _ in 0..3 {
        let above = view.text().get(..from).unwrap_or_default();
        let end = above.trim_end_matches(|c: char| c.is_whitespace() || "。!?".contains(c)).len();
        let Some(last) = above.get(..end).and_then(|text| text.char_indices().next_back()) else { break };
        let sentence = view.sentence_at(last.0);
        if sentence.start >= from || !view.counts(sentence.start) {
            break;
        }
        from = sentence.start;
    }
    view.slice(from..start)
}

fn trim_start(view: &View<'_>, range: &Range<usize>) -> usize {
    let text = view.slice(range.clone());
    range.start + text.len() - text.trim_start_matches(|c: char| c.is_whitespace() || "■・※●◆*".contains(c)).len()
}

/// The number of points nearest to the verb; a balance is not one.
fn amount_near(text: &str, verb: usize) -> Option<u64> {
    let amounts = money::points(text);
    let fits = |amount: &&money::Amount| {
        let before = text.get(..amount.range.start).unwrap_or_default();
        // 875ポイント(うち期間限定375ポイント): a part of the whole
        let kind = before.trim_end_matches("ポイント").trim_end_matches("期間限定").trim_end_matches("通常");
        let kind = kind.trim_end_matches([' ', '、', ',', ':']);
        let part = ["うち", "(内"].iter().any(|word| kind.ends_with(word));
        !amount.bound
            && !part
            && !["残高", "保有", "獲得", "合計保有"]
                .iter()
                .any(|word| before.ends_with(word) || before.ends_with(&format!("{word}:")))
    };
    let nearest = amounts.iter().filter(fits).min_by_key(|amount| amount.range.start.abs_diff(verb));
    if let Some(nearest) = nearest {
        return Some(nearest.value);
    }
    // ポイント(500円分), ポイント:500
    let after_word = text.find("ポイント").map(|at| at + "ポイント".len())?;
    let rest = text.get(after_word..)?;
    let bare = rest.strip_prefix(['(', ':', ' ']).or_else(|| rest.strip_prefix("数:"))?;
    let digits: String = bare.chars().take_while(|c| c.is_ascii_digit() || *c == ',').filter(|c| *c != ',').collect();
    digits.parse().ok()
}

/// When points end: a date in a sentence or line about points and their end.
fn expiry(page: &Page<'_>) -> Option<Found<jiff::Timestamp>> {
    let view = &page.joined;
    let text = view.text();
    let ends = [
        "失効", "期限", "expire", "valid until", "使える期間", "利用期間", "利用可能期間", "まで利用", "までご利用",
        "までお使い",
    ];
    // 有効期限(11月22日)が過ぎていました: what ended is not what came back
    let over = |line: &str| {
        ["過ぎて", "過ぎた", "切れて", "を迎えた", "失効した"].iter().any(|word| line.contains(word))
            && !line.contains("新しい")
    };
    if !view.has_any(&ends) {
        return None;
    }
    let mut from = 0;
    for line in text.split('\n') {
        let range = from..from + line.len();
        from = range.end + 1;
        let ends = ends.iter().any(|word| line.contains(word));
        let about = line.contains("ポイント") || line.contains("point");
        if !ends
            || !(about || before_is_about_points(text, range.start))
            || over(line)
            || line.contains("クーポン")
            || line.contains("coupon")
            || !view.counts(range.start)
        {
            continue;
        }
        if let Some(stamp) = date::stamps(line, page.mail.base).into_iter().next_back() {
            let place = range.start + stamp.range.start..range.start + stamp.range.end;
            return Some(view.found(stamp.end(), place, stamp.confidence));
        }
    }
    None
}

/// The line above speaks of points: `期間限定ポイント 500ポイント` / `有効期限:…`.
fn before_is_about_points(text: &str, at: usize) -> bool {
    let above = text.get(..at.saturating_sub(1)).unwrap_or_default();
    for line in above.rsplit('\n').take(4).filter(|line| !line.trim().is_empty()) {
        if line.contains("クーポン") || line.contains("coupon") {
            return false;
        }
        if ["ポイント", "points", "期限付p", "通常p"].iter().any(|word| line.contains(word)) {
            return true;
        }
        // 返還日 11/26
        if ["返還日", "返却日", "お戻し日", "処理日", "反映日"].iter().any(|label| line.contains(label))
        {
            continue;
        }
        // [注文番号] 399999-… stands between a sentence and what belongs to it
        if !ORDER.iter().any(|label| line.contains(label)) {
            return false;
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use crate::facts::tests::mail_of;
    use crate::facts::{Confidence, Form, find};

    fn said(body: &str) -> Option<(Form, Option<u64>)> {
        let found = find(&mail_of("件名", body)).points_return?;
        (found.confidence == Confidence::High).then_some((found.value.form, found.value.amount))
    }

    #[test]
    fn returns_promises_and_refusals() {
        for (body, expect) in [
            ("ご利用の期間限定ポイント500ポイントを返還いたしました。", Some((Form::Done, Some(500)))),
            ("ご利用いただいたポイント(500ポイント)は返還されました", Some((Form::Done, Some(500)))),
            ("ご利用ポイント500ポイントはキャンセル処理後に返還されます。", Some((Form::Promised, Some(500)))),
            ("ポイントは後日お戻しいたします。", Some((Form::Promised, None))),
            ("300ptは2~3営業日後に返還予定です", Some((Form::Promised, Some(300)))),
            ("期間限定ポイント500ポイントは返還されません。", Some((Form::Refused, Some(500)))),
            ("今回ご利用のポイントは返還の対象外です。", Some((Form::Refused, None))),
            ("Your 500 points have been returned to your account.", Some((Form::Done, Some(500)))),
            ("it has been cancelled and any points used will be restored.", Some((Form::Promised, None))),
            ("it will not ship, and your 500 points have been returned.", Some((Form::Done, Some(500)))),
            ("キャンセルされた場合、ポイントは返還されます。", None),
            (
                "注文番号：399999-20261110-0000000001\n返還日：2026年11月18日\n返還ポイント：500ポイント",
                Some((Form::Done, Some(500))),
            ),
            (
                "注文番号：399999-20261110-0000000001\n返還予定日：2027年11月30日\n返還ポイント：500ポイント",
                Some((Form::Promised, Some(500))),
            ),
            ("500ポイントを進呈いたしました", None),
            ("今回のお買い物で20ポイント獲得予定", None),
            ("ポイント10倍キャンペーン", None),
            ("ポイント利用 -500(円)", None),
            ("商品のご返却をお願いします。ポイントが貯まります", None),
            ("代金は返金いたしました。", None),
            ("ポイントが最大50%戻ってくるキャンペーン", None),
        ] {
            assert_eq!(said(body), expect, "{body}");
        }
        let quoted = find(&mail_of("Re: 件名", "ありがとうございました。\n> 500ポイントを返還いたしました\n"));
        assert_eq!(quoted.points_return, None);
    }

    #[test]
    fn when_points_end() {
        let end = |body: &str| {
            let facts = find(&mail_of("件名", body));
            facts.points_expire_at.map(|found| crate::calendar::rfc3339(found.value))
        };
        let year_end = Some("2026-12-31T23:59:59+09:00".to_owned());
        assert_eq!(end("期間限定ポイント 500ポイント\n有効期限:2026年12月31日まで"), year_end);
        let number = "[注文番号] 399999-20261120-0123456789";
        assert_eq!(end(&format!("500ポイントを返還いたしました。\n{number}\n有効期限：2026年12月31日")), year_end);
        assert_eq!(end(&format!("500円クーポン\n{number}\n有効期限：2026年12月31日")), None);
        assert_eq!(end("500ポイントを返還いたしました。\n■商品：ギフト券\n有効期限：2026年12月31日"), None);
    }
}
