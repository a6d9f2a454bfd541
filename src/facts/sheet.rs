//! Facts as `modori classify` prints them: absent means "not stated in the mail", doubtful readings stand apart.

use super::{Confidence, Coupon, Facts, Found, Item, Span};
use crate::calendar::rfc3339;
use crate::mail::Mail;
use serde::Serialize;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

/// The `facts` object of `modori classify --format json`. Readings of low confidence are not under their key but in
/// `doubtful`, an object of the same form.
#[must_use]
pub fn sheet(facts: &Facts) -> Value {
    let mut sure = Map::new();
    let mut doubtful = Map::new();
    for (key, value, confidence, _) in entries(facts) {
        let into = if confidence == Confidence::High { &mut sure } else { &mut doubtful };
        into.insert(key.to_owned(), value);
    }
    let numbers = |confidence| {
        let numbers = facts.order_numbers.iter().filter(move |found| found.confidence == confidence);
        numbers.map(|found| json!(found.value.as_str())).collect::<Vec<Value>>()
    };
    for (into, mut numbers) in [(&mut sure, numbers(Confidence::High)), (&mut doubtful, numbers(Confidence::Low))] {
        if numbers.is_empty() {
            continue;
        }
        into.insert("order_number".to_owned(), numbers.remove(0));
        if !numbers.is_empty() {
            into.insert("other_order_numbers".to_owned(), Value::Array(numbers));
        }
    }
    let items: Vec<Value> =
        facts.items.iter().filter(|item| item.confidence == Confidence::High).map(|found| item(&found.value)).collect();
    if !items.is_empty() {
        sure.insert("items".to_owned(), Value::Array(items));
    }
    if !facts.points_by_order.is_empty() {
        let shares = facts.points_by_order.iter().map(|found| &found.value);
        let shares = shares.map(|share| (share.order.as_str().to_owned(), json!(share.points)));
        sure.insert("points_by_order".to_owned(), Value::Object(shares.collect()));
    }
    if !doubtful.is_empty() {
        sure.insert("doubtful".to_owned(), Value::Object(doubtful));
    }
    Value::Object(sure)
}

/// For each key of the sheet, the words it was read from, as written.
#[must_use]
pub fn words(facts: &Facts, mail: &Mail) -> BTreeMap<String, String> {
    let mut words = BTreeMap::new();
    let mut add = |key: &str, span: &super::Span| {
        words.insert(key.to_owned(), span.words(mail).split_whitespace().collect::<Vec<_>>().join(" "));
    };
    if let Some(found) = facts.order_numbers.first() {
        add("order_number", &found.span);
    }
    if let Some(found) = facts.items.first() {
        add("items", &found.span);
    }
    macro_rules! each {
        ($($key:ident),*) => { $(if let Some(found) = &facts.$key { add(stringify!($key), &found.span); })* };
    }
    each!(
        shop_code, shop_name, ordered_at, total_yen, payment_yen, points_used, coupon_used_yen, payment_method,
        cancelled, cause, points_return, limited_time_points, points_expire_at, coupon, reply_by, pay_by, resale_at,
        service, lead_days
    );
    if let Some(found) = facts.risks.first() {
        words.insert("risks".to_owned(), found.span.words(mail).split_whitespace().collect::<Vec<_>>().join(" "));
    }
    words
}

type Entry = (&'static str, Value, Confidence, Span);

/// Every fact but order numbers and items, with its place.
pub(super) fn entries(facts: &Facts) -> Vec<Entry> {
    let mut all = Vec::new();
    let mut add = |key, entry: Option<(Value, Confidence, Span)>| {
        all.extend(entry.map(|(value, confidence, span)| (key, value, confidence, span)));
    };
    let of_points = |(value, confidence, span)| (without_null(value), confidence, span);
    let of_coupon = |found: &Found<Coupon>| (coupon(&found.value), found.confidence, found.span.clone());
    add("shop_code", plain(&facts.shop_code));
    add("shop_name", plain(&facts.shop_name));
    add("ordered_at", instant(&facts.ordered_at));
    add("total_yen", plain(&facts.total_yen));
    add("payment_yen", plain(&facts.payment_yen));
    add("points_used", plain(&facts.points_used));
    add("coupon_used_yen", plain(&facts.coupon_used_yen));
    add("payment_method", plain(&facts.payment_method));
    add("cancelled", plain(&facts.cancelled));
    add("cause", plain(&facts.cause));
    add("points_return", plain(&facts.points_return).map(of_points));
    add("limited_time_points", plain(&facts.limited_time_points));
    add("points_expire_at", instant(&facts.points_expire_at));
    add("coupon", facts.coupon.as_ref().map(of_coupon));
    add("reply_by", instant(&facts.reply_by));
    add("pay_by", instant(&facts.pay_by));
    add("resale_at", instant(&facts.resale_at));
    add("stage", plain(&facts.stage));
    add("stock", plain(&facts.stock));
    add("service", plain(&facts.service));
    add("lead_days", plain(&facts.lead_days));
    let risks: Vec<_> = facts.risks.iter().map(|found| found.value).collect();
    let place = facts.risks.first().map(|found| (found.confidence, found.span.clone()));
    add("risks", place.and_then(|(sure, span)| Some((serde_json::to_value(risks).ok()?, sure, span))));
    all
}

fn plain<T: Serialize>(found: &Option<Found<T>>) -> Option<(Value, Confidence, Span)> {
    let found = found.as_ref()?;
    Some((serde_json::to_value(&found.value).ok()?, found.confidence, found.span.clone()))
}

fn instant(found: &Option<Found<jiff::Timestamp>>) -> Option<(Value, Confidence, Span)> {
    found.as_ref().map(|found| (json!(rfc3339(found.value)), found.confidence, found.span.clone()))
}

pub(super) fn item(item: &Item) -> Value {
    without_null(json!({
        "name": if item.name.is_empty() { None } else { Some(&item.name) },
        "code": item.code,
        "price_yen": item.price_yen,
        "quantity": item.quantity,
        "url": item.url,
    }))
}

fn coupon(coupon: &Coupon) -> Value {
    without_null(json!({
        "role": coupon.role,
        "amount_yen": coupon.amount_yen,
        "percent": coupon.percent,
        "code": coupon.code,
        "url": coupon.url,
        "expires_at": coupon.expires_at.map(rfc3339),
        "min_yen": coupon.min_yen,
    }))
}

fn without_null(value: Value) -> Value {
    match value {
        Value::Object(fields) => Value::Object(fields.into_iter().filter(|(_, value)| !value.is_null()).collect()),
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::find;
    use crate::facts::tests::mail_of;

    #[test]
    fn absent_is_absent_and_instants_are_tokyos() {
        let mail = mail_of(
            "件名",
            "[受注番号] 399999-20261120-0123456789\n[日時] 2026-11-20 20:01:33\nポイント利用 -500(円)\n",
        );
        let facts = find(&mail);
        assert_eq!(
            sheet(&facts),
            json!({
                "order_number": "399999-20261120-0123456789",
                "ordered_at": "2026-11-20T20:01:33+09:00",
                "points_used": 500,
            })
        );
        let words = words(&facts, &mail);
        assert_eq!(words.get("points_used").map(String::as_str), Some("-500(円)"));
        assert_eq!(words.get("order_number").map(String::as_str), Some("399999-20261120-0123456789"));
    }
}
