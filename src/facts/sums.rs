//! The money of an order: total, shipping, coupon and points used, payment; checked against each other.

use super::label::{Kind, Labelled};
use super::money::{self, Amount};
use super::page::Page;
use super::pattern::{Pattern, patterns};
use super::{Confidence, Facts, Found};

patterns! {
    USED = r"(?x)
        (?:ご?利用|使用|お使い|使って|充て|充当|お支払)(?:いただいた|いただきました|頂いた|頂きました|くださった|された|になった|になられた|られた|れた|だった|でした|済み)?(?:分)?(?:の)?(?:楽天|期間限定)?ポイント(?:数)?
        (?:は|が|の|を|分|:|\(|\s){0,3}(?P<a>[0-9][0-9,]*)\s?(?:ポイント|pt|p|円)
      | (?P<b>[0-9][0-9,]*)\s?(?:ポイント|pt|p)(?:を|が|の|分を?)?(?:ご?利用|使用|お使い)
      | ポイントは?、?(?P<e>[0-9][0-9,]*)\s?(?:ポイント|pt|p)(?:だけ|のみ)(?:を|は)?(?:頂戴|充て|充当|いただ|使わせ)
      | ポイントは[^。、0-9\n]{0,8}(?P<f>[0-9][0-9,]*)(?:ポイント|pt|p)?(?:を)?(?:つかって|使って|充てて|充当して)(?:ある|あり|おり|い)
      | (?P<g>[0-9][0-9,]*)\s?(?:ポイント|pt|p)(?:は|を)[^。、0-9\n]{0,14}(?:充てて|充てさせ|充当し|充当させ)
      | (?P<d>[0-9][0-9,]*)\s?(?:points?|pts?)\s(?:that\s)?you\s(?:used|spent|paid)
      | (?:ご?利用|使用|お使い|使って)(?:いただいた|いただきました|頂いた|頂きました|くださった|された|になった|済み|分)?(?:の)?(?:期間限定ポイント)?\(?(?P<c>[0-9][0-9,]*)\s?(?:ポイント|pt)
    ";
    COUPON_USED = r"(?x)
        (?:ご?利用|使用|お使い|使)(?:われた|った|いただいた|いただきました|頂いた|頂きました|された|になった|済み)?(?:の)?(?P<a>[0-9][0-9,]*)\s?円(?:分|off|オフ|引き)?(?:の)?クーポン
      | (?:ご?利用|使用|お使い)(?:いただいた|いただきました|頂いた|頂きました|された|になった|済み)?(?:の)?クーポン\(?(?P<b>[0-9][0-9,]*)\s?円
      | クーポン\s?(?P<c>[0-9][0-9,]*)\s?円(?:分)?を(?:ご?利用|使用)
    ";
    /// ご請求額は1,700円となります: what is paid now.
    NOW = r"(?:お?支払|ご?請求)(?:金額|額|総額|合計)?(?:は|が)(?P<a>[0-9][0-9,]*)\s?円(?:です|でござい|となり|になり|とさせ|に変更|へ変更)|will\s(?:now\s|only\s)?be\scharged\s(?P<b>[0-9][0-9,]*)\s?yen";
    /// 4,280円から2,960円に変更: the second is what is paid now.
    CHANGED = r"(?:[0-9][0-9,]*)\s?円\s?(?:から|がら|→|を|だった(?:ところ|もの|の)?(?:を|が)?|でしたが)[、,]?\s?(?P<a>[0-9][0-9,]*)\s?円\s?(?:に|へ|となり|と|さ直)";
}

/// Fills in what the mail says of the order's money.
pub(super) fn find(page: &Page<'_>, labels: &[Labelled], facts: &mut Facts) {
    // a change names the old sums and the new ones: only the new ones count
    let text = page.body.text();
    let before = ["変更前", "訂正前", "修正前"].iter().filter_map(|word| page.body.first(word)).min();
    let after = |rest: &str| ["変更後", "訂正後", "修正後"].iter().filter_map(|word| rest.find(word)).min();
    let old = before.map(|old| match text.get(old..).and_then(after) {
        Some(new) => old..old + new,
        None => old..text.len(),
    });
    let current: Vec<&Labelled> =
        labels.iter().filter(|one| old.as_ref().is_none_or(|old| !old.contains(&one.label.start))).collect();
    let changes = columns(page);
    let amount = |kind: Kind| first_amount(page, &current, kind, changes);

    facts.payment_yen = amount(Kind::Payment);
    if facts.payment_yen.is_none() {
        facts.payment_yen = in_prose(page, &CHANGED).filter(|found| {
            let view = &page.joined;
            let at = view
                .text()
                .char_indices()
                .map(|(at, _)| at)
                .find(|at| view.span(*at..*at + 1).range.start >= found.span.range.start);
            let sentence = at.map(|at| view.slice(view.sentence_at(at))).unwrap_or_default();
            ["支払", "請求", "金額", "合計", "代金", "お代"].iter().any(|word| sentence.contains(word))
        });
    }
    if facts.payment_yen.is_none() {
        facts.payment_yen = in_prose(page, &NOW);
    }
    facts.shipping_yen = amount(Kind::Shipping).or_else(|| free(page, &current, Kind::Shipping));
    facts.points_used = amount(Kind::Points).or_else(|| none_used(page, &current, Kind::Points));
    facts.coupon_used_yen = amount(Kind::Coupon).or_else(|| none_used(page, &current, Kind::Coupon));
    if facts.points_used.is_none() {
        facts.points_used = in_prose(page, &USED);
    }
    if facts.coupon_used_yen.is_none() {
        facts.coupon_used_yen = in_prose(page, &COUPON_USED);
    }
    facts.payment_method = method(page, &current);

    let goods = amount(Kind::Goods);
    let fee = amount(Kind::Fee).map_or(0, |fee| fee.value);
    let shipping = facts.shipping_yen.as_ref().map(|shipping| shipping.value);
    let items: Option<u64> = goods.as_ref().map(|goods| goods.value).or_else(|| sum_of_items(facts));
    let off = facts.coupon_used_yen.as_ref().map_or(0, |coupon| coupon.value)
        + facts.points_used.as_ref().map_or(0, |points| points.value);
    if let Some(total) = amount(Kind::Total) {
        let before = items.map(|items| items + shipping.unwrap_or(0) + fee);
        let is_payment = off > 0 && before.is_some_and(|before| before == total.value + off && before != total.value);
        if facts.payment_yen.is_none() && (is_payment || off == 0 && before == Some(total.value)) {
            facts.payment_yen = Some(total.clone());
        }
        if !is_payment {
            facts.total_yen = Some(total);
        }
    }
    if facts.total_yen.is_none()
        && let Some(goods) = goods
        && shipping.is_some()
    {
        facts.total_yen = Some(Found { value: goods.value + shipping.unwrap_or(0) + fee, ..goods });
    }
    facts.total_yen = facts.total_yen.take().or_else(|| {
        // without a word of shipping, the goods are the total when the rest of the sum says so
        let (goods, payment) = (amount(Kind::Goods)?, facts.payment_yen.as_ref()?);
        (goods.value == payment.value + off).then_some(goods)
    });
    facts.sum_holds = match (items, &facts.payment_yen) {
        (Some(items), Some(payment)) if shipping.is_some() => {
            Some((items + shipping.unwrap_or(0) + fee).checked_sub(off) == Some(payment.value))
        }
        _ => None,
    };
}

fn sum_of_items(facts: &Facts) -> Option<u64> {
    let mut sum = 0_u64;
    for item in &facts.items {
        sum = sum.checked_add(item.value.price_yen?.checked_mul(item.value.quantity.unwrap_or(1))?)?;
    }
    (!facts.items.is_empty()).then_some(sum)
}

/// Where a table begins whose columns are the sums before and after a change.
pub(super) fn columns(page: &Page<'_>) -> Option<usize> {
    if !page.body.has("変更前") || !page.body.has("変更後") {
        return None;
    }
    page.lines.iter().find_map(|line| {
        let text = page.body.slice(line.clone());
        let (old, new) = (text.find("変更前")?, text.find("変更後")?);
        (old < new && !text.contains(|c: char| c.is_ascii_digit())).then_some(line.start)
    })
}

/// The first amount behind a label of this kind.
fn first_amount(page: &Page<'_>, labels: &[&Labelled], kind: Kind, changes: Option<usize>) -> Option<Found<u64>> {
    labels.iter().filter(|one| one.kind == kind).find_map(|one| {
        let mut value = one.value.clone();
        let changes = changes.is_some_and(|header| header < one.label.start);
        if changes {
            value.end = page.body.line_at(one.label.start).end.max(value.end);
        }
        let text = page.body.slice(value);
        let fits = |amount: &Amount| {
            let before = text.get(..amount.range.start).unwrap_or_default();
            let after = text.get(amount.range.end..).unwrap_or_default().trim_start();
            let points = ["ポイント", "pt", "p "].iter().any(|unit| after.starts_with(unit)) || after == "p";
            let points = points && kind != Kind::Points && !amount.marked;
            // 0円(3,000円以上の条件を満たさなくなるため)
            let condition = ["以上", "以下", "未満"].iter().any(|word| after.starts_with(word));
            // a sum without a yen sign in a mail without one: of points, of pieces
            let yen = amount.marked || kind == Kind::Points || page.has(&["円", "¥", "yen", "jpy"]);
            yen && !points && !condition && !amount.bound && before.chars().count() <= if changes { 48 } else { 24 }
        };
        // 4,720円 → 1,040円, or the columns 変更前 and 変更後: what holds now stands last
        if changes || text.contains('→') {
            let last = money::yen(text, true).into_iter().rfind(|amount| fits(amount) && !amount.doubtful);
            if let Some(last) = last {
                let range = one.value.start + last.range.start..one.value.start + last.range.end;
                return Some(page.body.sure(last.value, range));
            }
        }
        // 商品 1,870円+送料 250円-ポイント 400円=1,720円: what it comes to
        if kind == Kind::Payment
            && let Some(equals) = text.rfind('=')
            && let Some(sum) = money::yen(text, true).into_iter().find(|amount| amount.range.start > equals)
            && !sum.doubtful
        {
            let range = one.value.start + sum.range.start..one.value.start + sum.range.end;
            return Some(page.body.sure(sum.value, range));
        }
        let amount = if kind == Kind::Points {
            money::points(text)
                .into_iter()
                .chain(money::yen(text, true))
                .filter(fits)
                .min_by_key(|amount| amount.range.start)
        } else {
            money::yen(text, true).into_iter().find(fits)
        }?;
        // 500円OFF behind a coupon's label is what it is worth, not what was used
        let after = text.get(amount.range.end..).unwrap_or_default().trim_start();
        if kind == Kind::Coupon
            && ["off", "オフ", "引き", "割引", "クーポン"].iter().any(|word| after.starts_with(word))
        {
            let label = page.body.slice(one.label.clone());
            if !label.contains("利用") && !label.contains("used") {
                return None;
            }
        }
        if kind == Kind::Coupon && !amount.negative {
            let label = page.body.slice(one.label.clone());
            if label == "クーポン" || label == "coupon" {
                return None;
            }
        }
        let range = one.value.start + amount.range.start..one.value.start + amount.range.end;
        let confidence = if amount.doubtful { Confidence::Low } else { Confidence::High };
        Some(page.body.found(amount.value, range, confidence))
    })
}

/// `なし`, `0`: nothing was used. `あり` says nothing of how much.
fn none_used(page: &Page<'_>, labels: &[&Labelled], kind: Kind) -> Option<Found<u64>> {
    labels.iter().filter(|one| one.kind == kind).find_map(|one| {
        let text = page.body.slice(one.value.clone());
        let none = ["なし", "なし", "無", "none", "利用なし", "利用しない", "ご利用なし"].contains(&text.trim());
        none.then(|| page.body.sure(0, one.value.clone()))
    })
}

fn free(page: &Page<'_>, labels: &[&Labelled], kind: Kind) -> Option<Found<u64>> {
    labels.iter().filter(|one| one.kind == kind).find_map(|one| {
        let text = page.body.slice(one.value.clone());
        ["無料", "free", "込", "サービス"]
            .iter()
            .any(|word| text.starts_with(word))
            .then(|| page.body.sure(0, one.value.clone()))
    })
}

fn in_prose(page: &Page<'_>, pattern: &Pattern) -> Option<Found<u64>> {
    let view = &page.joined;
    view.captures(pattern).find_map(|captures| {
        let number = ["a", "b", "c", "d", "e", "f", "g"].iter().find_map(|name| captures.name(name))?;
        let sentence = view.sentence_at(number.start());
        let text = view.slice(sentence);
        // what can be used (up to …, from …) is not what was used; the next clause speaks of something else
        let text = text.get(text.find(number.as_str()).unwrap_or(0)..).unwrap_or_default();
        let text = text.split(['、', '。']).next().unwrap_or(text);
        let general =
            ["まで", "以上", "いただけます", "できます", "可能", "から"].iter().any(|word| text.contains(word));
        if general || !view.counts(number.start()) {
            return None;
        }
        let value = number.as_str().replace(',', "").parse().ok()?;
        Some(view.sure(value, number.range()))
    })
}

fn method(page: &Page<'_>, labels: &[&Labelled]) -> Option<Found<String>> {
    labels.iter().filter(|one| one.kind == Kind::PaymentMethod).find_map(|one| {
        let written = page.body.written(one.value.clone()).trim();
        let short = written.chars().count() <= 60 && !written.is_empty() && !written.ends_with('。');
        short.then(|| page.body.sure(written.to_owned(), one.value.clone()))
    })
}
