//! Coupons: granted, an apology, returned, refused, expiring, advertised.

use super::label::{Kind, Labelled};
use super::page::{Page, View};
use super::pattern::patterns;
use super::said::{is_rule_of_the_house, is_topic};
use super::{Confidence, Coupon, CouponRole, Facts, Field, Found, Span, date, money};
use crate::text::clause;
use std::ops::Range;

patterns! {
    CODE = r"[a-z0-9]{4}-[a-z0-9]{4}-[a-z0-9]{4}-[a-z0-9]{4}";
    PERCENT = r"([0-9]{1,2})\s?%\s?(?:off|オフ|引き|引|割引|クーポン|分)";
    MINIMUM_ENGLISH = r"minimum (?:purchase|order|spend)[^0-9\n]{0,20}([0-9]{1,3}(?:,[0-9]{3})+|[0-9]{2,7})";
    /// 4,000 yen or more
    MORE_ENGLISH = r"([0-9]{1,3}(?:,[0-9]{3})+|[0-9]{2,7})\s?(?:yen|jpy) or (?:more|over)";
    MINIMUM = r"([0-9]{1,3}(?:,[0-9]{3})+|[0-9]{2,7})\s?(?:円|\(円\))(?:\(税込\))?以上";
}

/// Words of coming back.
const BACK: &[&str] = &[
    "返還", "返却", "お戻し", "戻し", "戻せ", "もう一度ご利用", "戻り", "戻る", "戻ら", "復活", "再度ご利用",
    "再びご利用", "再利用", "再発行", "再度お使い", "出し直", "戻って", "戻っ", "お返し", "未使用の状態", "未使用に",
    "使える状態", "ご利用できる状態", "ご利用可能な状態", "ご利用いただける状態", "再びお使い", "またお使い",
    "またご利用", "また使え", "もう一度お使い", "もう一度ご利用", "改めてご利用", "can be used again", "use it again",
    "returned", "restored", "usable again",
];
/// Words of giving.
const GIVEN: &[&str] = &[
    "進呈", "プレゼント", "差しあげ", "差しあげ", "発行", "配布", "お贈り", "贈呈", "ご用意", "お送り",
    "ご利用ください", "お使いください", "獲得", "使える", "ご利用いただける", "お付け", "付与", "お届け", "届いて",
    "届きました", "gift", "use it", "enjoy",
];

/// Fills in the coupon of this mail.
pub(super) fn find(page: &Page<'_>, labels: &[Labelled], facts: &mut Facts) {
    if !page.has(&["クーポン", "coupon"]) && !page.mail.links.iter().any(|link| link.host == "coupon.rakuten.co.jp")
    {
        return;
    }
    let (url, url_place) = link(page);
    let code = code(page);
    let about = sentences(page);
    // small print about coupons in general does not make a new coupon one that is lost
    let told = role(page, facts).filter(|(.., confidence)| *confidence == Confidence::High || url.is_none());
    let back = told.as_ref().is_some_and(|(role, ..)| matches!(role, CouponRole::Returned | CouponRole::Refused));
    let amount = worth(page, &about, told.as_ref().map(|(_, span, _)| span).filter(|_| back), url.is_some());
    let given = about.iter().find(|(view, range)| GIVEN.iter().any(|word| view.slice(range.clone()).contains(word)));
    let has_worth = amount.0.is_some() || amount.1.is_some() || code.is_some();
    let given = given.filter(|_| has_worth);
    let offered = given.is_some() || has_worth && granted(page, facts) == CouponRole::Advert;
    let is_one = url.is_some() || told.is_some() || offered || code.is_some();
    if !is_one {
        return;
    }
    let (role, place, confidence) = match told {
        Some(told) => told,
        None => {
            let place = amount.2.clone().or(url_place).or_else(|| given.map(|(view, range)| view.span(range.clone())));
            let place = place.unwrap_or(Span { field: Field::Subject, range: 0..0 });
            (granted(page, facts), place, Confidence::High)
        }
    };
    let coupon = Coupon {
        role,
        amount_yen: amount.0,
        percent: amount.1,
        code,
        url,
        expires_at: expiry(page, labels, back, facts.points_return.is_some()),
        min_yen: labelled_minimum(page, labels).or_else(|| minimum(page, &about)),
    };
    facts.coupon = Some(Found { value: coupon, span: place, confidence });
}

/// The sentences (or lines) that speak of a coupon, and the ones right after them.
fn sentences<'p, 'a>(page: &'p Page<'a>) -> Vec<(&'p View<'a>, Range<usize>)> {
    let mut found: Vec<(&View<'_>, Range<usize>)> = Vec::new();
    for view in page.prose() {
        for (at, _) in view.hits(&["クーポン", "coupon", "値引き:", "値引きプラン", "割引:", "割引額"])
        {
            let range = view.sentence_at(at);
            let text = view.slice(range.clone());
            // the coupon that was used is part of the order's sums
            let used = [
                "クーポン利用", "クーポン割引", "利用クーポン", "ご利用クーポン", "クーポン値引", "ご利用の",
                "ご利用いただいた", "使用された",
            ]
            .iter()
            .any(|word| text.contains(word));
            let known = found.last().is_some_and(|(_, last)| *last == range);
            if view.counts(at) && !used && !known && found.len() < 40 {
                found.push((view, range));
            }
        }
    }
    found
}

fn link(page: &Page<'_>) -> (Option<String>, Option<Span>) {
    let found = page.mail.links.iter().enumerate().find(|(_, link)| {
        let lower = link.href.to_ascii_lowercase();
        link.host == "coupon.rakuten.co.jp" && lower.contains("/getcoupon") && lower.contains("getkey=")
    });
    match found {
        Some((n, link)) => (key_only(&link.href), Some(Span { field: Field::Link, range: n..n + 1 })),
        None => (None, None),
    }
}

/// `https://coupon.rakuten.co.jp/getCoupon?getkey=KEY` without anything else.
fn key_only(href: &str) -> Option<String> {
    let (_, query) = href.split_once('?')?;
    let key = query
        .split(['&', '#'])
        .find_map(|pair| pair.split_once('=').filter(|(name, _)| name.eq_ignore_ascii_case("getkey")))?
        .1;
    Some(format!("https://coupon.rakuten.co.jp/getCoupon?getkey={key}"))
}

fn code(page: &Page<'_>) -> Option<String> {
    let view = &page.body;
    view.matches(&CODE).find_map(|found| {
        let text = found.as_str();
        let before = view.text().get(..found.start()).unwrap_or_default();
        let after = view.text().get(found.end()..).unwrap_or_default();
        let alone = !before.ends_with(|c: char| c.is_ascii_alphanumeric() || "-=/".contains(c))
            && !after.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '-');
        // sixteen digits are a card number
        let lettered = text.bytes().any(|b| b.is_ascii_alphabetic());
        (alone && lettered && view.counts(found.start())).then(|| text.to_ascii_uppercase())
    })
}

type Worth = (Option<u64>, Option<u64>, Option<Span>);

/// What a coupon is worth: said where it comes back, beside the word, or as `500円OFF` anywhere near a coupon to fetch.
fn worth(page: &Page<'_>, about: &[(&View<'_>, Range<usize>)], back: Option<&Span>, fetched: bool) -> Worth {
    if let Some(span) = back {
        // ご利用いただいた200円クーポンにつきまして、…お戻し: what was used is what comes back
        let views = page.prose();
        let of = |view: &&View<'_>| view.field == span.field && !view.text().is_empty();
        let in_sentence = |view: &View<'_>, sentence: Range<usize>| {
            let text = view.slice(sentence.clone());
            let near = |range: &Range<usize>| {
                let after = text.get(range.end..).unwrap_or_default().trim_start();
                let before = text.get(..range.start).unwrap_or_default();
                !after.starts_with("以上")
                    && (is_off(before, after) || after.starts_with([')', '分', 'の']) || before.ends_with('('))
            };
            let found = worths(text).into_iter().find(|(range, ..)| near(range))?;
            let place = sentence.start + found.0.start..sentence.start + found.0.end;
            Some((found.1, found.2, Some(view.span(place))))
        };
        let told = views.into_iter().filter(of).find_map(|view| in_sentence(view, span_in(view, span)?));
        // the subject may say it, and the body of which coupon
        let elsewhere = || {
            let view = &page.joined;
            view.hits(&["クーポン", "coupon"]).into_iter().filter(|(at, _)| view.counts(*at)).take(20).find_map(
                |(at, _)| {
                    let sentence = view.sentence_at(at);
                    let used = ["利用", "使", "used"].iter().any(|word| view.slice(sentence.clone()).contains(word));
                    if used { in_sentence(view, sentence) } else { None }
                },
            )
        };
        if let Some(found) = told.or_else(elsewhere) {
            return found;
        }
    }
    // 値引き額: 700円, 割引 500円
    for line in &page.lines {
        let text = page.body.slice(line.clone());
        let head = text.trim_start_matches(|c: char| !c.is_alphanumeric());
        let label = ["値引き額", "値引額", "割引額", "値引き", "値引", "割引", "おねびき", "discount"]
            .iter()
            .any(|word| head.starts_with(word));
        if !label || !page.body.counts(line.start) {
            continue;
        }
        if let Some((at, yen, percent)) = worths(text).into_iter().next() {
            let place = line.start + at.start..line.start + at.end;
            return (yen, percent, Some(page.body.span(place)));
        }
    }
    let plain = |text: &str, range: &Range<usize>| {
        let after = text.get(range.end..).unwrap_or_default().trim_start();
        let before = text.get(..range.start).unwrap_or_default();
        !after.starts_with("以上") && !after.starts_with("(税込)以上") && is_off(before, after)
    };
    for (view, range) in about {
        let text = view.slice(range.clone());
        if let Some((at, yen, percent)) = worths(text).into_iter().find(|(range, ..)| plain(text, range)) {
            let place = range.start + at.start..range.start + at.end;
            return (yen, percent, Some(view.span(place)));
        }
    }
    if !fetched && about.is_empty() {
        return Worth::default();
    }
    // a row of a table, a line of terms: 200円OFF
    for line in &page.lines {
        let text = page.body.slice(line.clone());
        let goods = text.contains("http") || ["送料", "ポイント", "倍", "価格"].iter().any(|word| text.contains(word));
        let off = |range: &Range<usize>| {
            let after = text.get(range.end..).unwrap_or_default().trim_start();
            let before = text.get(..range.start).unwrap_or_default();
            ["off", "オフ", "引き", "引", "割引"].iter().any(|word| after.starts_with(word))
                || before.contains("割引")
                || before.contains("値引")
                || before.contains("discount")
        };
        if goods || !page.body.counts(line.start) {
            continue;
        }
        if let Some((at, yen, percent)) = worths(text).into_iter().find(|(range, ..)| off(range)) {
            let place = line.start + at.start..line.start + at.end;
            return (yen, percent, Some(page.body.span(place)));
        }
    }
    Worth::default()
}

/// The sentence of a view that begins where a span begins.
fn span_in(view: &View<'_>, span: &Span) -> Option<Range<usize>> {
    let at = view
        .text()
        .char_indices()
        .map(|(at, _)| at)
        .find(|at| view.span(*at..*at + 1).range.start >= span.range.start)?;
    Some(view.sentence_at(at))
}

/// Whether an amount between these words is what a coupon takes off.
fn is_off(before: &str, after: &str) -> bool {
    ["off", "オフ", "引", "お値引", "お引き", "値引", "割引", "クーポン", "分", "の", "coupon"]
        .iter()
        .any(|word| after.starts_with(word))
        || before.contains("値引")
        || before.contains("割引")
        || before.ends_with("クーポン")
        || before.ends_with("クーポン:")
        || before.ends_with('(')
}

/// Amounts in yen and in percent, in order.
fn worths(text: &str) -> Vec<(Range<usize>, Option<u64>, Option<u64>)> {
    let mut worths: Vec<(Range<usize>, Option<u64>, Option<u64>)> = money::yen(text, false)
        .into_iter()
        .filter(|amount| !amount.bound && !amount.doubtful)
        .map(|amount| (amount.range, Some(amount.value), None))
        .collect();
    let percents = text.contains('%').then(|| PERCENT.captures_iter(text));
    worths.extend(percents.into_iter().flatten().filter_map(|found| {
        let bound = ["最大", "最高"].iter().any(|word| {
            text.get(..found.get(0).map_or(0, |all| all.start())).is_some_and(|before| before.ends_with(word))
        });
        let value = found.get(1)?.as_str().parse().ok().filter(|percent| *percent > 0 && !bound)?;
        // the amount ends before what follows it: 10%|OFF
        let number = found.get(1)?.range();
        Some((number.start..number.end + 1, None, Some(value)))
    }));
    worths.sort_by_key(|(range, ..)| range.start);
    worths
}

/// 最低購入金額 5,000円
fn labelled_minimum(page: &Page<'_>, labels: &[Labelled]) -> Option<u64> {
    let of = |one: &Labelled| money::yen(page.body.slice(one.value.clone()), true).into_iter().next();
    let one = labels.iter().filter(|one| one.kind == Kind::Minimum).find_map(of)?;
    (!one.bound && !one.doubtful && one.value > 0).then_some(one.value)
}

fn minimum(page: &Page<'_>, about: &[(&View<'_>, Range<usize>)]) -> Option<u64> {
    let in_text = |text: &str| {
        MINIMUM
            .captures(text)
            .and_then(|found| found.get(1))
            .and_then(|number| number.as_str().replace(',', "").parse().ok())
    };
    about
        .iter()
        .find_map(|(view, range)| in_text(view.slice(range.clone())))
        .or_else(|| {
            // ・ご利用条件: 3,000円以上のお買い物
            let text = page.body.text();
            page.lines.iter().find_map(|line| {
                let line = text.get(line.clone()).unwrap_or_default();
                let terms = ["利用条件", "ご利用", "条件", "対象金額", "最低", "つかえる", "使える"]
                    .iter()
                    .any(|word| line.contains(word));
                let shipping = line.contains("送料");
                if terms && !shipping { in_text(line) } else { None }
            })
        })
        .or_else(|| {
            let found =
                page.body.captures(&MINIMUM_ENGLISH).next().or_else(|| page.body.captures(&MORE_ENGLISH).next())?;
            found.get(1)?.as_str().replace(',', "").parse().ok()
        })
        .or_else(|| {
            // ・1,000円以上で使えます, 5,000円以上のご注文が対象: a line that says nothing else
            page.lines.iter().find_map(|line| {
                let text = page.body.slice(line.clone());
                let buys = ["お会計", "お買い物", "ご注文", "お買い上げ", "対象", "使え", "ご利用", "お選び", "適用"]
                    .iter()
                    .any(|word| text.contains(word));
                let other = ["送料", "off", "引", "無料", "ポイント"].iter().any(|word| text.contains(word));
                if buys && !other && page.body.counts(line.start) { in_text(text) } else { None }
            })
        })
        .or_else(|| {
            // the sentence right behind the one that names the coupon
            about.iter().find_map(|(view, range)| {
                let rest = view.text().get(range.end..)?;
                let skip = rest.len() - rest.trim_start_matches(['。', '!', '\n', ' ', '♪', '☆', '★']).len();
                let next = view.slice(view.sentence_at((range.end + skip).min(view.text().len())));
                if next.contains("送料") { None } else { in_text(next) }
            })
        })
        .or_else(|| {
            // the row of the table that says what it is worth
            let rows = page.lines.iter().map(|line| page.body.slice(line.clone()));
            rows.filter(|row| !row.contains("送料") && ["off", "引"].iter().any(|word| row.contains(word)))
                .find_map(in_text)
        })
}

/// Whether a coupon's return is promised or depends on something: the shopper has to look all the same.
fn is_yet_to_come(before: &str, after: &str) -> bool {
    let later = ["後日", "翌日", "予定", "営業日", "数日", "までに", "以降", "次第", "今後"];
    let depends = ["条件", "範囲", "期限内", "期間内", "であれば"];
    let leading = before.rsplit(['、', ',']).next().unwrap_or(before);
    let done = ["ました", "完了", "済", "have been", "has been"].iter().any(|word| after.contains(word));
    let future = ["いたします", "致します", "します", "されます", "させていただきます", "予定"];
    !done
        && (later.iter().chain(&depends).any(|word| leading.contains(word) || after.contains(word))
            || future.iter().any(|word| after.trim_start().starts_with(word)))
}

/// A role that is said in words: came back, will not come back, ends soon.
fn role(page: &Page<'_>, facts: &Facts) -> Option<(CouponRole, Span, Confidence)> {
    for view in page.prose() {
        let whole = view.text();
        for (at, word) in view.hits(BACK) {
            let end = at + word.len();
            let sentence = view.sentence_at(at);
            let text = view.slice(sentence.clone());
            if !text.contains("クーポン") && !text.contains("coupon") || !view.counts(at) {
                continue;
            }
            let before = view.slice(sentence.start..at);
            let last = |word: &str| before.rfind(word);
            // ポイントは返還し、クーポンは…: the nearest topic is meant
            let points_nearer = last("ポイント") > last("クーポン").or(last("coupon"));
            let both = before.contains("ポイント・クーポン")
                || before.contains("クーポン・ポイント")
                || before.contains("クーポンとポイント")
                || before.contains("ポイントとクーポン")
                || before.contains("ポイントおよびクーポン")
                || before.contains("クーポンおよびポイント")
                || before.contains("クーポンやポイント")
                || before.contains("ポイントやクーポン");
            if points_nearer && !both {
                continue;
            }
            // 返却されない場合があります: may be, in the small print
            let may = ["場合があ", "場合がござ", "ことがあ", "ことがござ"].iter().any(|word| text.contains(word));
            if may || is_rule_of_the_house(text) && facts.cancelled.is_none() {
                continue;
            }
            let negated = clause::is_negated(whole, at, end);
            let supposed = clause::is_supposed(whole, at, end);
            let rest = view.slice(end..sentence.end);
            let asked = ["か?", "か。", "ますか", "でしょうか", "ませんか"].iter().any(|word| rest.contains(word))
                || rest.trim_end().ends_with('か');
            // 再利用の可否はご確認ください
            let topic = rest.starts_with("の可否") || view.field == Field::Subject && (asked || is_topic(rest));
            if supposed && !negated || topic {
                continue;
            }
            let role = if negated { CouponRole::Refused } else { CouponRole::Returned };
            if !negated && is_yet_to_come(before, rest) {
                continue;
            }
            let named =
                ["お問い合わせの", "当該", "該当の", "ご利用いただいた", "お使いになった", "お使いいただいた", "今回"];
            let this = !facts.order_numbers.is_empty() && named.iter().any(|word| text.contains(word));
            let general = supposed && negated && facts.cancelled.is_none() && !this;
            let confidence = if general { Confidence::Low } else { Confidence::High };
            return Some((role, view.span(sentence), confidence));
        }
        for (at, _) in view.hits(&["期限", "終了", "失効", "使えなく", "expir", "ends "]) {
            let sentence = view.sentence_at(at);
            let text = view.slice(sentence.clone());
            let soon =
                ["近づ", "まもなく", "間もなく", "迫", "もうすぐ", "間近", "切れ", "本日", "明日", "終了間際", "soon"]
                    .iter()
                    .any(|word| text.contains(word));
            let about = text.contains("クーポン") || text.contains("coupon");
            // お持ちのクーポンは…終了いたします: what one holds ends
            let held = ["お持ちの", "保有", "獲得済", "獲得した", "獲得され", "取得済", "未使用"]
                .iter()
                .any(|word| text.contains(word))
                && facts.order_numbers.is_empty();
            let soon = soon || held;
            if about && soon && view.counts(at) && !text.contains("期限切れの場合") {
                return Some((CouponRole::Expiring, view.span(sentence), Confidence::High));
            }
        }
    }
    None
}

/// A coupon without a told role: an apology, an advertisement, a grant.
fn granted(page: &Page<'_>, facts: &Facts) -> CouponRole {
    let domain = page.mail.from.domain();
    let magazine = domain.starts_with("emagazine.")
        || domain.contains("magazine.")
        || domain.contains("event.")
        || domain.starts_with("mkrm.");
    if magazine || page.mail.header("List-Unsubscribe").next().is_some() && facts.order_numbers.is_empty() {
        return CouponRole::Advert;
    }
    if page.has(&["お詫び", "お詫び", "お詫", "ご迷惑", "apolog"]) {
        return CouponRole::Apology;
    }
    CouponRole::Granted
}

fn expiry(page: &Page<'_>, labels: &[Labelled], back: bool, points_too: bool) -> Option<jiff::Timestamp> {
    let of_text = |text: &str| {
        let stamps = date::stamps(text, page.mail.base);
        stamps
            .into_iter()
            .rfind(|stamp| stamp.confidence == Confidence::High || stamp.time.is_some())
            .map(|stamp| stamp.end())
    };
    let labelled = labels.iter().filter(|one| one.kind == Kind::Expiry).find_map(|one| {
        let line = page.body.slice(page.body.line_at(one.label.start));
        let about_points = line.contains("ポイント") && !line.contains("クーポン");
        if about_points { None } else { of_text(page.body.slice(one.value.clone())) }
    });
    labelled
        .or_else(|| {
            let view = &page.joined;
            view.hits(&["クーポン", "coupon"]).into_iter().take(20).find_map(|(at, _)| {
                let line = view.slice(view.line_at(at));
                let ends = ["期限", "まで", "いっぱい", "終了", "失効", "expire", "valid", "until"]
                    .iter()
                    .any(|word| line.contains(word));
                if ends && view.counts(at) && !(back && line.contains("ポイント")) { of_text(line) } else { None }
            })
        })
        .or_else(|| if back && points_too { None } else { following(page).find_map(of_text) })
}

/// Lines that end something, among the few right after one that names a coupon.
fn following<'p>(page: &'p Page<'_>) -> impl Iterator<Item = &'p str> {
    /// What else ends on a day.
    const OTHER: &[&str] =
        &["支払", "返信", "回答", "連絡", "発送", "届け", "ポイント", "営業", "販売", "開催", "セール"];
    let view = &page.body;
    let lines = page.lines.iter().map(move |line| view.slice(line.clone()));
    let named = page.lines.iter().position(|line| {
        let text = view.slice(line.clone());
        ["クーポン", "coupon", "円オフ", "円off", "%オフ", "%off"].iter().any(|word| text.contains(word))
            && view.counts(line.start)
    });
    lines.skip(named.map_or(usize::MAX, |at| at + 1)).take(6).filter(|line| {
        ["期限", "期間", "まで", "まで", "expire", "valid", "until"].iter().any(|word| line.contains(word))
            && !OTHER.iter().any(|word| line.contains(word))
    })
}

#[cfg(test)]
mod tests {
    use crate::facts::tests::mail_of;
    use crate::facts::{Coupon, CouponRole, find};

    fn coupon(body: &str) -> Option<Coupon> {
        find(&mail_of("件名", body)).coupon.map(|found| found.value)
    }

    #[test]
    fn what_is_promised_or_depends_is_not_back() {
        for body in [
            "ご利用のクーポンは後日お戻しいたします。",
            "クーポンにつきましては、数日のうちに返還されます。",
            "クーポンは、ご利用条件の範囲で再度お使いいただけます。",
        ] {
            assert!(coupon(body).is_none_or(|coupon| coupon.role != CouponRole::Returned), "{body}");
        }
        for body in ["クーポンは再度ご利用いただけます。", "クーポンは、後日ご案内のとおりお戻しいたしました。"]
        {
            assert_eq!(coupon(body).unwrap().role, CouponRole::Returned, "{body}");
        }
    }

    #[test]
    fn roles_and_worth() {
        for (body, role, yen, percent) in [
            ("お詫びとして次回使える500円OFFクーポンを進呈いたします。", CouponRole::Apology, Some(500), None),
            ("レビューのお礼に300円OFFクーポンをプレゼント", CouponRole::Granted, Some(300), None),
            ("10%OFFクーポンをプレゼントします", CouponRole::Granted, None, Some(10)),
            ("ご利用のクーポンは再度ご利用いただけるようお戻しいたしました。", CouponRole::Returned, None, None),
            ("なお、ご利用のクーポンは返還されません。", CouponRole::Refused, None, None),
            ("お持ちの200円OFFクーポンの有効期限が近づいています", CouponRole::Expiring, Some(200), None),
            ("お持ちの100円OFFクーポンの有効期限は明日23:59です", CouponRole::Expiring, Some(100), None),
        ] {
            let coupon = coupon(body).unwrap_or_else(|| panic!("{body}: none"));
            assert_eq!((coupon.role, coupon.amount_yen, coupon.percent), (role, yen, percent), "{body}");
        }
    }

    #[test]
    fn a_question_in_the_subject_is_no_answer() {
        let mail =
            mail_of("Re: クーポンは戻りますか", "ご利用期間が終わっているため、500円クーポンはお戻しできません。\n");
        assert_eq!(find(&mail).coupon.map(|found| found.value.role), Some(CouponRole::Refused));
    }

    #[test]
    fn small_print_does_not_take_a_new_coupon_away() {
        let url = "https://coupon.rakuten.co.jp/getCoupon?getkey=QUJDRA--";
        let found = coupon(&format!(
            "次回使える10%OFFクーポンをプレゼント\n{url}\n※キャンセルとなった場合、クーポンは返還されないことがあります。\n"
        ));
        assert_eq!(found.map(|coupon| coupon.role), Some(CouponRole::Granted));
    }

    #[test]
    fn its_end_stands_in_a_line_below() {
        let found = coupon(
            "500円OFFクーポンをお贈りいたします。\n3,000円以上のお買い上げで、2026年12月31日(木)23:59までお使いいただけます。\n",
        );
        let ends = found.and_then(|coupon| coupon.expires_at).map(crate::calendar::rfc3339);
        assert_eq!(ends.as_deref(), Some("2026-12-31T23:59:59+09:00"));
        let delivery = coupon("500円OFFクーポンをお贈りいたします。\nお品物は12月10日までにお届けします。\n");
        assert_eq!(delivery.and_then(|coupon| coupon.expires_at), None);
    }

    #[test]
    fn no_coupon() {
        for body in [
            "クーポン利用 -200(円)",
            "[クーポン利用] あり",
            "他のクーポンとの併用不可",
            "キャンセルの場合、クーポンは返還されます",
        ] {
            assert_eq!(coupon(body), None, "{body}");
        }
    }

    #[test]
    fn terms() {
        let found = coupon(
            "クーポンをプレゼント\n・値引き: 500円\n・有効期限: 2026年9月30日 まで\n・ご利用条件: 3,000円以上\nhttps://coupon.rakuten.co.jp/getCoupon?getkey=ABCD-&rt=1\n",
        )
        .unwrap();
        assert_eq!((found.amount_yen, found.min_yen), (Some(500), Some(3000)));
        assert_eq!(found.url.as_deref(), Some("https://coupon.rakuten.co.jp/getCoupon?getkey=ABCD-"));
        assert_eq!(found.expires_at.map(crate::calendar::rfc3339).as_deref(), Some("2026-09-30T23:59:59+09:00"));
    }
}
