//! Times that matter: reply by, pay by, the sale starts again.

use super::label::{Kind, Labelled};
use super::page::{Page, View};
use super::{Confidence, Facts, Found, date};
use crate::text::signs::Signs;
use jiff::{Timestamp, ToSpan};
use std::sync::LazyLock;

/// What a sale that begins (again) is called.
const SALE: &[&str] = &[
    "再販", "再販", "再入荷", "再入荷", "販売開始", "販売再開", "再発売", "再開", "発売", "販売", "スタート", "start",
    "受付開始", "入荷", "カート", "解禁", "available", "back in stock", "on sale",
];

/// What says that it begins again: the start of any sale is no re-sale.
const AGAIN: &[&str] = &[
    "再販", "再販", "再入荷", "再入荷", "再発売", "再開", "復活", "入荷", "再登場", "再販売", "再び", "ふたたび",
    "帰ってき", "帰ってまい", "カムバック", "キャンセル分", "追加販売", "先行販売", "追加生産", "増産", "リクエスト",
    "back in stock", "restock", "again", "お待たせ", "再生産", "完売", "々販", "追加分", "追加で", "作り足",
    "もっぺん", "もういっぺん", "アンコール", "復刻", "割り当て", "キャンセルが出", "瞬殺", "売り切れ",
];

/// Smaller signs of the same, worth something beside a time only.
const HINTS: &[&str] = &[
    "追加", "戻し", "戻り", "戻っ", "戻る", "なくなって", "なくなった", "無くなった", "切らし", "切れて", "欠けて",
    "最後の", "お断りし", "お止めし", "受付を締め切", "締め切らせ", "ご要望", "作り足", "仕上げて", "焼き上が",
    "数量限定", "個だけ", "点だけ", "台だけ", "本だけ", "着だけ", "枚だけ", "瞬殺", "買いそび", "買い逃", "back on",
    "is back", "are back", "comes back", "return", "no more", "頂戴しました", "確保でき", "届きました", "入りました",
];

/// What else has its day or its hour.
static ELSE: LazyLock<Signs> = LazyLock::new(|| {
    Signs::of(&[
        "クーポン", "coupon", "ポイント", "営業時間", "セール", "フェア", "開催", "福袋", "抽選", "配信", "締切",
        "エントリー", "お届け", "発送", "休業", "スーパーsale", "マラソン", "感謝祭", "ブラックフライデー", "期限",
        "有効",
    ])
});
static GONE_OR_BACK: LazyLock<Signs> = LazyLock::new(|| Signs::of(AGAIN.iter().chain(HINTS).chain(super::stock::GONE)));

/// Fills in reply-by, pay-by, the time of a re-sale, and the time of the order.
pub(super) fn find(page: &Page<'_>, labels: &[Labelled], facts: &mut Facts) {
    facts.ordered_at = ordered_at(page, labels);
    facts.pay_by = labelled(page, labels, Kind::PayBy).or_else(|| pay_by(page));
    facts.reply_by = labelled(page, labels, Kind::ReplyBy).or_else(|| reply_by(page));
    if facts.order_numbers.is_empty() {
        facts.resale_at = resale_at(page);
    }
}

fn labelled(page: &Page<'_>, labels: &[Labelled], kind: Kind) -> Option<Found<Timestamp>> {
    labels.iter().filter(|one| one.kind == kind).find_map(|one| {
        let stamp = date::stamps(page.body.slice(one.value.clone()), page.mail.base).into_iter().next()?;
        let range = one.value.start + stamp.range.start..one.value.start + stamp.range.end;
        Some(page.body.found(stamp.end(), range, stamp.confidence))
    })
}

fn ordered_at(page: &Page<'_>, labels: &[Labelled]) -> Option<Found<Timestamp>> {
    labels.iter().filter(|one| one.kind == Kind::OrderedAt && !of_a_header(page, one)).find_map(|one| {
        let text = page.body.slice(one.value.clone());
        let stamp = date::stamps(text, page.mail.base).into_iter().next()?;
        let range = one.value.start + stamp.range.start..one.value.start + stamp.range.end;
        // seconds are read here only: nobody else cares for them
        let seconds = seconds(text, stamp.range.end).unwrap_or(0);
        let at = stamp.start().checked_add(i64::from(seconds).seconds()).unwrap_or(stamp.start());
        Some(page.body.found(at, range, stamp.confidence))
    })
}

/// `日時: …` between 差出人 and 件名: the date of a mail that was forwarded.
fn of_a_header(page: &Page<'_>, one: &Labelled) -> bool {
    if page.body.slice(one.label.clone()) != "日時" {
        return false;
    }
    let Some(n) = page.lines.iter().position(|line| line.contains(&one.label.start)) else { return false };
    let beside = page.lines.get(n.saturating_sub(3)..(n + 4).min(page.lines.len())).unwrap_or_default();
    beside.iter().any(|line| {
        let text = page.body.slice(line.clone()).trim_start_matches(['>', ' ', '*']);
        ["差出人", "件名", "宛先", "from:", "to:", "subject:"].iter().any(|head| text.starts_with(head))
    })
}

/// The seconds of `20:01:33`, which the date finder took along without keeping them.
fn seconds(text: &str, end: usize) -> Option<u8> {
    let mut parts = text.get(..end)?.rsplitn(3, ':');
    let seconds = parts.next()?;
    let (minutes, hours) = (parts.next()?, parts.next()?);
    let plain = |part: &str| part.len() == 2 && part.bytes().all(|b| b.is_ascii_digit());
    (plain(seconds) && plain(minutes) && hours.ends_with(|c: char| c.is_ascii_digit())).then(|| seconds.parse().ok())?
}

/// A date with `まで` in a sentence that asks for an answer.
fn reply_by(page: &Page<'_>) -> Option<Found<Timestamp>> {
    let asks = [
        "ご返信", "ご返答", "ご回答", "お返事", "ご連絡", "お知らせください", "返信", "回答", "返事", "お聞かせ",
        "お待ち", "ご意向", "reply", "respond", "let us know", "tell us", "your answer", "お答え", "お選び", "番号を",
        "お申し付け",
    ];
    before_end(
        page,
        &asks,
        &["お支払", "ご入金", "お振込", "クーポン", "有効期限", "キャンペーン", "エントリー", "営業"],
    )
}

fn pay_by(page: &Page<'_>) -> Option<Found<Timestamp>> {
    let asks = ["お支払", "ご入金", "お振込", "支払", "payment", "pay by", "お手続き", "変更手続き", "ご変更"];
    let found = before_end(page, &asks, &["クーポン", "ポイント", "有効期限", "キャンペーン", "ご返信", "お届け"])?;
    page.has(&["お支払", "ご入金", "お振込", "支払", "payment"]).then_some(found)
}

fn before_end(page: &Page<'_>, asks: &[&str], not: &[&str]) -> Option<Found<Timestamp>> {
    let view = &page.joined;
    let sentences = view.hits(asks).into_iter().map(|(at, _)| (at, view.sentence_at(at)));
    // ご都合をお聞かせ願えますか。11月20日の夕方5時まででお願いします。
    let next = sentences.clone().filter_map(|(_, asked)| {
        let rest = view.slice(asked.end..view.line_at(asked.start).end);
        let at = asked.end + rest.find(|c: char| !matches!(c, '。' | '!' | '?' | ' '))?;
        view.slice(view.sentence_at(at)).contains("まで").then(|| (at, view.sentence_at(at)))
    });
    for (at, sentence) in sentences.clone().chain(next) {
        let words = view.slice(sentence.clone());
        if !view.counts(at) || not.iter().any(|word| words.contains(word)) {
            continue;
        }
        let ends = |stamp: &date::Stamp| {
            let after = words.get(stamp.range.end..).unwrap_or_default();
            let before = words.get(..stamp.range.start).unwrap_or_default().trim_end().trim_end_matches(',');
            let weekday = ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"];
            let before = weekday.iter().find_map(|day| before.strip_suffix(day)).unwrap_or(before).trim_end();
            stamp.until
                || after.trim_start_matches([' ', ')', 'の', 'お', '昼']).starts_with(['ま', '迄'])
                || after.trim_start().starts_with("いっぱい")
                || before.ends_with(" by")
                || before == "by"
                || before.ends_with("until")
                || before.ends_with("before")
        };
        let asked = [
            "うれし", "嬉し", "助か", "幸い", "ほし", "could you", "ください", "ください", "お願い", "いただけ",
            "いただけ", "ます", "please", "must", "need", "ませ",
        ]
        .iter()
        .any(|word| words.contains(word));
        if let Some(stamp) = date::stamps(words, page.mail.base).into_iter().find(ends)
            && asked
        {
            let range = sentence.start + stamp.range.start..sentence.start + stamp.range.end;
            // 3日以内に counts from this mail, unless it counts from the day the goods come
            let within = words.get(stamp.range.clone()).is_some_and(|said| said.ends_with("日以内"));
            let general =
                ["場合", "とき", "時は", "際", "到着", "お届け後", "受け取り後", "受取後", "お受取", "発送後"]
                    .iter()
                    .any(|word| words.contains(word));
            let confidence = if within && !general { Confidence::High } else { stamp.confidence };
            return Some(view.found(stamp.end(), range, confidence));
        }
    }
    None
}

/// The earliest time at which something is on sale again; ends and coupon dates are not meant.
fn resale_at(page: &Page<'_>) -> Option<Found<Timestamp>> {
    let mut best: Option<Found<Timestamp>> = None;
    // lines as they were written: a heading and a coupon's terms must not grow together
    for view in [&page.subject, &page.body] {
        let mut from = 0;
        let mut day = None;
        let same_days = view.text().contains("同日");
        for line in view.text().split('\n') {
            let start = from;
            from += line.len() + 1;
            if !date::may_name_a_day(line) && !line.contains("同日") {
                continue;
            }
            let head = line.trim_start_matches(['>', ' ', '*']);
            let header = ["日時:", "日時 :", "送信日時", "日付:", "date:", "sent:", "on "]
                .iter()
                .any(|word| head.starts_with(word))
                && line.contains("20");
            let other = || ELSE.stand_in(line);
            let skipped =
                header || (other() && !line.contains("再販") && !line.contains("再入荷")) || !view.counts(start);
            if skipped && !same_days {
                continue;
            }
            // 同日 is the day named in a line above
            let stamps = match day.filter(|_| line.contains("同日")) {
                Some(day) => date::stamps(&line.replace("同日", "本日"), day),
                None => date::stamps(line, page.mail.base),
            };
            if same_days {
                day = stamps.first().map(date::Stamp::start).or(day);
            }
            // that it is sold again must be said, and near
            if skipped || stamps.is_empty() || (!same_days && !again_near(page, view, start)) {
                continue;
            }
            // one thing is told of, and a time from which on: it is the time of its sale
            // a campaign lasts for days; a sale of goods begins, and ends when they are gone
            let ends = stamps.iter().skip(1).next_back().map(date::Stamp::end);
            let starts = stamps.first().map(date::Stamp::start);
            if let (Some(start), Some(end)) = (starts, ends)
                && line.contains("期間")
                && ["クーポン", "coupon", "セール", "sale", "祭", "off", "マラソン"]
                    .iter()
                    .any(|word| page.subject.text().contains(word))
                && end.duration_since(start).as_hours() > 48
            {
                continue;
            }
            let market = page.mail.links.iter().any(|link| crate::mail::trust::is_rakuten(&link.host));
            let few = page.mail.links.iter().filter(|link| super::item::item_url(&link.href).is_some()).count() < 4;
            let few = few && market;
            let about = SALE.iter().any(|word| line.contains(word)) || near_sale(view, start) || few;
            for stamp in stamps {
                let begins = stamp.from || !stamp.until;
                let recent = page.mail.base.checked_sub(1.hours()).unwrap_or(page.mail.base);
                if stamp.time.is_none()
                    || stamp.until
                    || !begins
                    || !about
                    || stamp.start() < recent
                    || stamp.confidence == Confidence::Low
                {
                    continue;
                }
                let found =
                    view.found(stamp.start(), start + stamp.range.start..start + stamp.range.end, Confidence::High);
                if best.as_ref().is_none_or(|known| found.value < known.value) {
                    best = Some(found);
                }
            }
        }
    }
    best
}

/// Whether something near a line says that goods were gone or come back; new goods are no re-sale.
fn again_near(page: &Page<'_>, view: &View<'_>, at: usize) -> bool {
    let said = |text: &str| GONE_OR_BACK.stand_in(text);
    let fresh = |text: &str| {
        ["新商品", "新作", "新発売", "新色", "初売り", "デビュー", "new arrival", "new release"]
            .iter()
            .any(|word| text.contains(word))
    };
    let line = view.line_at(at);
    let before = view.slice(0..line.start);
    let above: Vec<&str> = before.rsplit('\n').take(16).filter(|line| !line.trim().is_empty()).take(7).collect();
    let after = view.slice(line.end..view.text().len());
    let below: Vec<&str> = after.split('\n').take(10).filter(|line| !line.trim().is_empty()).take(4).collect();
    let own = view.slice(line);
    let subject = page.subject.text();
    let near = || above.iter().chain(&below).any(|line| said(line));
    let is_new = fresh(own) || fresh(subject) || above.iter().take(2).any(|line| fresh(line));
    let clear = AGAIN.iter().any(|word| own.contains(word) || subject.contains(word));
    (said(own) || said(subject) || near()) && (!is_new || clear)
}

/// One of the two lines above speaks of a sale: `再販決定！` / `12月4日(金)20:00~`.
fn near_sale(view: &View<'_>, at: usize) -> bool {
    let before = view.text().get(..at).unwrap_or_default();
    before.rsplit('\n').take(6).filter(|line| !line.trim().is_empty()).take(2).any(|line| {
        ["再販", "再入荷", "販売開始", "販売再開", "再発売", "再開", "日時", "スタート", "並べる", "販売日", "発売日"]
            .iter()
            .any(|word| line.contains(word))
    })
}

#[cfg(test)]
mod tests {
    use crate::calendar::rfc3339;
    use crate::facts::find;
    use crate::facts::tests::mail_of;

    #[test]
    fn times_that_matter() {
        // the test's mail is of Mon 30 Nov 2026 18:05 JST
        for (body, reply, pay, resale) in [
            ("12月2日（水）１７：００までにご返信をお願いいたします。", Some("2026-12-02T17:00:00+09:00"), None, None),
            ("回答期限：12/3(木)", Some("2026-12-03T23:59:59+09:00"), None, None),
            ("お支払い期限 ：2026/12/04", None, Some("2026-12-04T23:59:59+09:00"), None),
            ("12月7日までにお支払いをお願いいたします。", None, Some("2026-12-07T23:59:59+09:00"), None),
            (
                "再販決定！\n12/1(火)20:00〜なくなり次第終了\nクーポン有効期限 12/2(水)1:59",
                None,
                None,
                Some("2026-12-01T20:00:00+09:00"),
            ),
            ("【明日20時】から再販いたします", None, None, Some("2026-12-01T20:00:00+09:00")),
            (
                "本日20時より再入荷分を販売開始！ 会員限定は 本日19:30 先行販売",
                None,
                None,
                Some("2026-11-30T19:30:00+09:00"),
            ),
            ("一般販売 12/1(火)20:00〜\n会員様は同日19:30から先行販売", None, None, Some("2026-12-01T19:30:00+09:00")),
            ("営業時間 平日10:00~17:00", None, None, None),
            ("12月10日発送予定です", None, None, None),
        ] {
            let facts = find(&mail_of("件名", body));
            let text = |found: Option<super::Found<jiff::Timestamp>>| found.map(|found| rfc3339(found.value));
            let got = (text(facts.reply_by), text(facts.pay_by), text(facts.resale_at));
            let expect = (reply.map(str::to_owned), pay.map(str::to_owned), resale.map(str::to_owned));
            assert_eq!(got, expect, "{body}");
        }
    }
}
