//! What a named capture of an extractor means: the fact it carries, how its words are read, where the value goes.

use super::diagnostic::meant;
use super::syntax::At;
use crate::calendar::rfc3339;
use crate::facts::{Cancelled, Confidence, Coupon, CouponRole, Facts, Form, Found, Item, PointsReturn, Span, typed};
use jiff::Timestamp;
use std::collections::BTreeSet;

/// The names of captures, as `modori classify` prints the facts, and how each is read.
pub(super) const KEYS: &[(&str, Kind)] = &[
    ("order_number", Kind::Order),
    ("shop_name", Kind::Name),
    ("shop_code", Kind::Code),
    ("ordered_at", Kind::Start),
    ("total_yen", Kind::Yen),
    ("payment_yen", Kind::Yen),
    ("shipping_yen", Kind::Yen),
    ("points_used", Kind::Points),
    ("coupon_used_yen", Kind::Yen),
    ("payment_method", Kind::Name),
    ("points_return", Kind::Points),
    ("limited_time_points", Kind::Flag),
    ("points_expire_at", Kind::End),
    ("coupon_yen", Kind::Yen),
    ("coupon_percent", Kind::Percent),
    ("coupon_code", Kind::CouponCode),
    ("coupon_url", Kind::CouponUrl),
    ("coupon_expires_at", Kind::End),
    ("coupon_min_yen", Kind::Yen),
    ("reply_by", Kind::End),
    ("pay_by", Kind::End),
    ("resale_at", Kind::Start),
    ("item_name", Kind::Name),
    ("item_price_yen", Kind::Yen),
    ("item_url", Kind::ItemUrl),
];

/// How the words of a capture are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Order,
    Name,
    Code,
    Yen,
    Points,
    Percent,
    Flag,
    /// A day means its beginning.
    Start,
    /// A day means its last second.
    End,
    CouponCode,
    CouponUrl,
    ItemUrl,
}

/// Longest name, in characters.
const MAX_NAME: usize = 200;
/// Most items and order numbers taken from one mail.
const MAX_MANY: usize = 50;

/// A value that was read.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Value {
    Number(u64),
    Instant(Timestamp, Confidence),
    Text(String),
    Order(crate::facts::OrderNumber),
    Flag(bool),
}

impl Value {
    /// As `modori classify` prints it.
    pub(super) fn show(&self) -> String {
        match self {
            Value::Number(number) => number.to_string(),
            Value::Instant(at, _) => rfc3339(*at),
            Value::Text(text) => text.clone(),
            Value::Order(number) => number.to_string(),
            Value::Flag(flag) => flag.to_string(),
        }
    }
}

/// The name as it stands in [`KEYS`].
pub(super) fn key(name: &str) -> Option<&'static str> {
    KEYS.iter().find(|(key, _)| *key == name).map(|(key, _)| *key)
}

/// The name that was probably meant.
pub(super) fn near(name: &str) -> Option<&'static str> {
    let dashed: Vec<String> = KEYS.iter().map(|(key, _)| key.replace('_', "-")).collect();
    let known: Vec<&str> = dashed.iter().map(String::as_str).collect();
    meant(name, &known).and_then(|meant| key(&meant.replace('-', "_")))
}

/// Reads what a capture holds, from its words in normal form and as written.
pub(super) fn read(key: &str, normal: &str, written: &str, base: Timestamp) -> Option<Value> {
    let (_, kind) = KEYS.iter().find(|(known, _)| *known == key)?;
    let instant = |(at, confidence)| Value::Instant(at, confidence);
    match kind {
        Kind::Order => typed::order_number(normal).map(Value::Order),
        Kind::Yen => typed::yen(normal).map(Value::Number),
        Kind::Points => typed::points(normal).map(Value::Number),
        Kind::Percent => typed::percent(normal).map(Value::Number),
        Kind::Start => typed::start(normal, base).map(instant),
        Kind::End => typed::end(normal, base).map(instant),
        Kind::Name => name(written).map(Value::Text),
        Kind::Code => {
            let plain = |text: &&str| text.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_".contains(&b));
            Some(normal.trim()).filter(|text| !text.is_empty() && text.len() <= 60).filter(plain).map(text)
        }
        Kind::CouponCode => {
            let plain = |text: &&str| text.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_".contains(&b));
            // as written when that is plain ASCII: a shop's own code may tell capitals from small letters
            let spelt = if written.is_ascii() { written.to_owned() } else { normal.to_ascii_uppercase() };
            Some(spelt.trim()).filter(|code| (3..=40).contains(&code.len())).filter(plain).map(text)
        }
        Kind::CouponUrl => {
            let url = written.trim();
            let host = url.strip_prefix("https://").and_then(|rest| rest.split(['/', '?', '#']).next())?;
            let host = host.to_ascii_lowercase();
            let ours = host == "rakuten.co.jp" || host.ends_with(".rakuten.co.jp");
            (ours && url.bytes().all(|b| b.is_ascii_graphic())).then(|| text(url))
        }
        Kind::ItemUrl => typed::item_url(written).map(Value::Text),
        // a number of such points, or just a word that says that they are meant
        Kind::Flag => match typed::points(normal) {
            Some(number) => Some(Value::Flag(number > 0)),
            None => Some(Value::Flag(true)).filter(|_| !normal.trim().is_empty()),
        },
    }
}

fn text(text: &str) -> Value {
    Value::Text(text.to_owned())
}

/// A name on one line; where a mail program broke a Japanese word its parts grow together again.
fn name(written: &str) -> Option<String> {
    let mut name = String::new();
    for word in written.split_whitespace() {
        let ascii = |c: Option<char>| c.is_some_and(|c| c.is_ascii());
        let broken = written.contains('\n') && !ascii(name.chars().next_back()) && !ascii(word.chars().next());
        if !name.is_empty() && !broken {
            name.push(' ');
        }
        name.push_str(word);
    }
    (!name.is_empty() && name.chars().count() <= MAX_NAME).then_some(name)
}

/// One capture of an extractor.
#[derive(Clone, Debug)]
pub(super) struct Capture {
    pub(super) key: &'static str,
    /// Which match of the extractor's patterns: captures of one match belong together.
    pub(super) round: usize,
    /// The capture's own place, as written.
    pub(super) span: Span,
    /// The place of the whole match.
    pub(super) whole: Span,
    pub(super) value: Value,
    pub(super) form: Option<Form>,
    pub(super) role: Option<CouponRole>,
}

/// Puts values into the facts, the first of each key; they stand over what was read there before.
pub(super) fn put(facts: &mut Facts, captures: Vec<Capture>) {
    let mut done = BTreeSet::new();
    let mut numbers = Vec::new();
    let mut items: Vec<Capture> = Vec::new();
    for capture in captures {
        match capture.key {
            "order_number" => numbers.push(capture),
            "item_name" | "item_price_yen" | "item_url" => items.push(capture),
            key if done.contains(key) => {}
            key => {
                if single(facts, &capture) {
                    done.insert(key);
                }
            }
        }
    }
    if !numbers.is_empty() || done.contains("points_return") {
        facts.points_by_order.clear(); // read beside other numbers
    }
    order_numbers(facts, numbers);
    put_items(facts, &items);
    let sums = ["total_yen", "payment_yen", "shipping_yen", "points_used", "coupon_used_yen"];
    if sums.iter().any(|key| done.contains(key)) || !items.is_empty() {
        facts.sum_holds = None; // it was reckoned with other parts
    }
}

/// Whether the value was taken.
fn single(facts: &mut Facts, capture: &Capture) -> bool {
    let gone = facts.cancelled.as_ref().map(|found| found.value);
    match (capture.key, &capture.value) {
        ("shop_name", Value::Text(text)) => over(&mut facts.shop_name, capture, text.clone()),
        ("shop_code", Value::Text(text)) => over(&mut facts.shop_code, capture, text.clone()),
        ("payment_method", Value::Text(text)) => over(&mut facts.payment_method, capture, text.clone()),
        ("total_yen", Value::Number(yen)) => over(&mut facts.total_yen, capture, *yen),
        ("payment_yen", Value::Number(yen)) => over(&mut facts.payment_yen, capture, *yen),
        ("shipping_yen", Value::Number(yen)) => over(&mut facts.shipping_yen, capture, *yen),
        ("points_used", Value::Number(points)) => over(&mut facts.points_used, capture, *points),
        ("coupon_used_yen", Value::Number(yen)) => over(&mut facts.coupon_used_yen, capture, *yen),
        ("limited_time_points", Value::Flag(flag)) => over(&mut facts.limited_time_points, capture, *flag),
        ("ordered_at", Value::Instant(at, sure)) => instant(&mut facts.ordered_at, capture, *at, *sure),
        ("points_expire_at", Value::Instant(at, sure)) => instant(&mut facts.points_expire_at, capture, *at, *sure),
        ("reply_by", Value::Instant(at, sure)) => instant(&mut facts.reply_by, capture, *at, *sure),
        ("resale_at", Value::Instant(at, sure)) => instant(&mut facts.resale_at, capture, *at, *sure),
        // a deadline that has passed with the order
        ("pay_by", Value::Instant(..)) if matches!(gone, Some(Cancelled::Confirmed | Cancelled::Claimed)) => false,
        ("pay_by", Value::Instant(at, sure)) => instant(&mut facts.pay_by, capture, *at, *sure),
        // 返還ポイント 0: nothing comes back
        ("points_return", Value::Number(0)) => false,
        ("points_return", Value::Number(amount)) => {
            let told = facts.points_return.as_ref().filter(|found| found.confidence == Confidence::High);
            // nothing is owed for longer than a promise that was kept unnoticed: a promise is the careful reading
            let form = capture.form.or(told.map(|found| found.value.form)).unwrap_or(Form::Promised);
            let value = PointsReturn { amount: Some(*amount), form };
            facts.points_return = Some(Found { value, span: capture.whole.clone(), confidence: Confidence::High });
            true
        }
        _ => coupon(facts, capture),
    }
}

fn over<T>(slot: &mut Option<Found<T>>, capture: &Capture, value: T) -> bool {
    *slot = Some(Found { value, span: capture.span.clone(), confidence: Confidence::High });
    true
}

/// A doubtful date (its weekday is another) stands over nothing that is sure.
fn instant(slot: &mut Option<Found<Timestamp>>, capture: &Capture, value: Timestamp, confidence: Confidence) -> bool {
    let weaker = slot.as_ref().is_none_or(|found| found.confidence == Confidence::Low);
    let taken = confidence == Confidence::High || weaker;
    if taken {
        *slot = Some(Found { value, span: capture.span.clone(), confidence });
    }
    taken
}

fn coupon(facts: &mut Facts, capture: &Capture) -> bool {
    let mut coupon = match &facts.coupon {
        Some(found) => found.value.clone(),
        None => Coupon {
            role: CouponRole::Granted,
            amount_yen: None,
            percent: None,
            code: None,
            url: None,
            expires_at: None,
            min_yen: None,
        },
    };
    coupon.role = capture.role.unwrap_or(coupon.role);
    match (capture.key, &capture.value) {
        ("coupon_yen", Value::Number(yen)) => (coupon.amount_yen, coupon.percent) = (Some(*yen), None),
        ("coupon_percent", Value::Number(percent)) => (coupon.percent, coupon.amount_yen) = (Some(*percent), None),
        ("coupon_min_yen", Value::Number(yen)) => coupon.min_yen = Some(*yen),
        ("coupon_code", Value::Text(code)) => coupon.code = Some(code.clone()),
        ("coupon_url", Value::Text(url)) => coupon.url = Some(url.clone()),
        ("coupon_expires_at", Value::Instant(at, confidence)) => {
            if *confidence == Confidence::Low && coupon.expires_at.is_some() {
                return false;
            }
            coupon.expires_at = Some(*at);
        }
        _ => return false,
    }
    facts.coupon = Some(Found { value: coupon, span: capture.whole.clone(), confidence: Confidence::High });
    true
}

/// The numbers captured come first, in the order of their places.
fn order_numbers(facts: &mut Facts, captures: Vec<Capture>) {
    let mut first: Vec<Found<crate::facts::OrderNumber>> = Vec::new();
    for capture in captures.into_iter().take(MAX_MANY) {
        if let Value::Order(number) = capture.value
            && !first.iter().any(|known| known.value == number)
        {
            first.push(Found { value: number, span: capture.span, confidence: Confidence::High });
        }
    }
    let rest = std::mem::take(&mut facts.order_numbers);
    for found in rest {
        if !first.iter().any(|known| known.value == found.value) {
            first.push(found);
        }
    }
    facts.order_numbers = first;
}

/// Items with a name replace the list that was read (what was known of an item of that name stays); a price or a page
/// without a name belongs to the only item.
fn put_items(facts: &mut Facts, captures: &[Capture]) {
    let mut named: Vec<Found<Item>> = Vec::new();
    for capture in captures.iter().filter(|capture| capture.key == "item_name") {
        let Value::Text(name) = &capture.value else { continue };
        if named.len() >= MAX_MANY || named.iter().any(|known| known.span == capture.span) {
            continue;
        }
        let known = facts.items.iter().find(|found| found.value.name == *name).map(|found| found.value.clone());
        let mut item = known.unwrap_or_default();
        item.name = name.clone();
        captures.iter().filter(|other| other.round == capture.round).for_each(|other| amend(&mut item, other));
        named.push(Found { value: item, span: capture.span.clone(), confidence: Confidence::High });
    }
    if !named.is_empty() {
        facts.items = named;
        return;
    }
    let Some(first) = captures.first() else { return };
    let mut firsts: Vec<&Capture> = Vec::new();
    for capture in captures {
        if !firsts.iter().any(|known| known.key == capture.key) {
            firsts.push(capture);
        }
    }
    if facts.items.is_empty() && firsts.iter().any(|capture| capture.key == "item_url") {
        let span = first.span.clone();
        facts.items.push(Found { value: Item::default(), span, confidence: Confidence::High });
    }
    if let [only] = facts.items.as_mut_slice() {
        firsts.into_iter().for_each(|capture| amend(&mut only.value, capture));
        only.confidence = Confidence::High;
    }
}

fn amend(item: &mut Item, capture: &Capture) {
    match (capture.key, &capture.value) {
        ("item_price_yen", Value::Number(yen)) => item.price_yen = Some(*yen),
        ("item_url", Value::Text(url)) => item.url = Some(url.clone()),
        _ => {}
    }
}

/// The values that `form` and `role` may have, taken from the facts they become.
pub(super) fn companion<T: serde::de::DeserializeOwned>(word: &At<String>) -> Option<T> {
    serde_json::from_value(serde_json::Value::String(word.value.clone())).ok()
}
