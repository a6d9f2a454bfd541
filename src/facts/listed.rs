//! Points that come back as a list says it: labels with a number and a day, and hardly a sentence.

use super::label::{Kind, Labelled};
use super::page::Page;
use super::said::from_shop;
use super::{Facts, Form, Found, PointsReturn, date, money};
use crate::text::clause;

/// Words of coming back.
pub(super) const BACK: &[&str] = &[
    "返還", "返却", "返戻", "お戻し", "戻し", "戻す", "戻せ", "再度お付け", "改めてお付け", "付け直", "戻り", "戻る",
    "戻って", "戻ら", "戻され", "復元", "復活", "再付与", "お返し", "返され", "払い戻", "returned", "refunded",
    "restored", "credited back", "返りま", "元通り", "元に戻", "再付与", "補てん", "補填", "be returned", "given back",
    "give back", "put back", "re-credited", "return your points", "返ってま", "返ってき",
];

/// A notice that is nothing but a list: 返還日:2026年11月18日, 返還ポイント:500ポイント.
pub(super) fn returned(page: &Page<'_>, labels: &[Labelled], facts: &Facts) -> Option<Found<PointsReturn>> {
    let label = labels.iter().find(|one| one.kind == Kind::ReturnedPoints)?;
    let total = amount(page, labels).filter(|_| !facts.order_numbers.is_empty())?;
    let named = page.body.slice(label.label.clone());
    let planned = || {
        page.lines.iter().any(|line| {
            let text = page.body.slice(line.clone());
            text.contains("予定") && BACK.iter().any(|word| text.contains(word)) && page.body.counts(line.start)
        })
    };
    let form = if !BACK.iter().any(|word| named.contains(word)) {
        return None;
    } else if is_dated(page) {
        Form::Done
    } else if planned() {
        Form::Promised
    } else {
        return None;
    };
    Some(page.body.sure(PointsReturn { amount: Some(total), form }, label.value.clone()))
}

/// Points booked back without a word of coming back: the order failed, and points were added.
pub(super) fn booked(page: &Page<'_>, facts: &Facts) -> Option<Found<PointsReturn>> {
    let failed = page.has(&["不成立", "キャンセル", "取消", "お取り下げ", "cancel"]);
    if facts.order_numbers.is_empty() || !failed || from_shop(page) {
        return None;
    }
    let done = page.prose().into_iter().any(|view| {
        view.hits(&["加算", "調整", "付与"]).into_iter().any(|(at, word)| {
            let sentence = view.sentence_at(at);
            let text = view.slice(sentence);
            let after = view.slice(at + word.len()..view.sentence_at(at).end);
            text.contains("ポイント")
                && ["ました", "完了", "済"].iter().any(|deed| after.contains(deed))
                && view.counts(at)
                && !clause::is_negated(view.text(), at, at + word.len())
                && !clause::is_supposed(view.text(), at, at + word.len())
        })
    });
    // 期間限定ポイント ＋2,100
    let (place, amount) = page.lines.iter().find_map(|line| {
        let text = page.body.slice(line.clone());
        let at = text.find("ポイント")?;
        let rest = text.get(at + "ポイント".len()..)?;
        let digits = rest.trim_start_matches(|c: char| c.is_whitespace() || ":|│".contains(c)).strip_prefix('+')?;
        let number: String = digits.chars().take_while(|c| c.is_ascii_digit() || *c == ',').collect();
        Some((line.clone(), number.replace(',', "").parse().ok()?))
    })?;
    done.then(|| page.body.sure(PointsReturn { amount: Some(amount), form: Form::Done }, place))
}

/// Whether the amount stands behind a label: 返却:500ポイント, お戻し数 640.
pub(super) fn has(page: &Page<'_>, amount: Option<u64>) -> bool {
    page.lines.iter().any(|line| {
        let text = page.body.slice(line.clone()).trim_start_matches(|c: char| !c.is_alphanumeric());
        let head: String = text.chars().take_while(|c| !":\t|".contains(*c) && !c.is_ascii_digit()).collect();
        let label = head.chars().count() <= 10 && BACK.iter().any(|word| head.contains(word));
        label && money::points(text).iter().any(|found| Some(found.value) == amount)
    })
}

/// 返還日:2026年11月6日: a day is named on which they came back, and it is not yet to come.
pub(super) fn is_dated(page: &Page<'_>) -> bool {
    let names = ["返還日", "返却日", "お戻し日", "戻し日", "返戻日", "反映日", "date returned"];
    page.lines.iter().any(|line| {
        let text = page.body.slice(line.clone()).trim_start_matches(|c: char| !c.is_alphanumeric());
        let named = names.iter().any(|name| text.starts_with(name)) && !text.contains("予定") && !text.contains('頃');
        let by = page.mail.base.checked_add(jiff::SignedDuration::from_hours(24)).unwrap_or(page.mail.base);
        named
            && page.body.counts(line.start)
            && date::stamps(text, page.mail.base).iter().any(|stamp| stamp.start() < by)
    })
}

/// The number behind a label for points that come back.
pub(super) fn amount(page: &Page<'_>, labels: &[Labelled]) -> Option<u64> {
    let wanted = labels.iter().find(|one| one.kind == Kind::ReturnedPoints)?;
    let text = page.body.slice(wanted.value.clone());
    money::points(text)
        .into_iter()
        .chain(money::yen(text, true))
        .find(|amount| !amount.bound)
        .map(|amount| amount.value)
}
