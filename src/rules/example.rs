//! The examples inside rule files, run through the same reading and judging as real mail.

use super::capture;
use super::compile::Sample;
use super::diagnostic::Desk;
use super::syntax::{At, Example, Knows};
use super::value::{fact, flag, get, known_keys, knows, list, tables, text, trust};
use super::{Condition, Known, KnownOrder, Report, RuleSet, RuleTrace, Tried, Verdict, explain, judge};
use crate::facts::Facts;
use crate::mail::{Mail, Reading, TrustLevel};
use base64::Engine as _;
use jiff::Timestamp;
use std::fmt::Write as _;
use toml::de::{DeTable, DeValue};

/// The authserv-id that vouches for the senders of examples.
const VOUCHER: &str = "examples.modori.invalid";
/// When an example that gives no date was sent: 24 Nov 2026, 10:00 in Tokyo.
const SENT: i64 = 1_795_482_000;

/// The keys of an example.
pub(super) const KEYS: &[&str] = &[
    "name", "from", "to", "subject", "body", "html", "date", "trust", "headers", "knows-order", "category", "labels",
    "without-labels", "rule", "escalate", "facts",
];

/// The `[[example]]` tables of a file or a rule.
pub(super) fn parse(desk: &mut Desk<'_>, table: &DeTable<'_>) -> Vec<Example> {
    let mut examples = Vec::new();
    for (table, span) in tables(desk, table, "example") {
        known_keys(desk, table, &[KEYS], "of an example");
        let word = |key: &str, desk: &mut Desk<'_>| get(table, key).and_then(|value| text(desk, value));
        let (Some(from), Some(subject)) = (word("from", desk), word("subject", desk)) else {
            desk.error(span, "an example wants `from` and `subject`", "add what is missing");
            continue;
        };
        let plain = |at: Option<At<String>>| at.map(|at| at.value);
        let date = word("date", desk);
        let level = word("trust", desk).and_then(|word| trust(desk, &word));
        examples.push(Example {
            span,
            name: plain(word("name", desk)),
            from: from.value,
            to: plain(word("to", desk)),
            subject: subject.value,
            body: plain(word("body", desk)),
            html: plain(word("html", desk)),
            date: date.and_then(|date| instant(desk, &date)),
            trust: level.unwrap_or(TrustLevel::Verified),
            headers: pairs(desk, table, "headers").into_iter().map(|(key, value)| (key.value, value)).collect(),
            knows: get(table, "knows-order").and_then(|value| knows(desk, value)),
            category: word("category", desk),
            labels: get(table, "labels").map(|value| list(desk, value)).unwrap_or_default(),
            absent: get(table, "without-labels").map(|value| list(desk, value)).unwrap_or_default(),
            rule: word("rule", desk),
            escalate: get(table, "escalate").and_then(|value| flag(desk, value)),
            facts: pairs(desk, table, "facts")
                .into_iter()
                .filter_map(|(key, value)| {
                    let name = shown_fact(desk, &key)?;
                    Some((At { value: name, span: key.span }, value))
                })
                .collect(),
        });
    }
    examples
}

fn instant(desk: &mut Desk<'_>, date: &At<String>) -> Option<Timestamp> {
    let instant = date.value.parse::<Timestamp>().ok();
    if instant.is_none() {
        desk.error(date.span.clone(), "not an instant", "write it as \"2026-11-24T10:03:00+09:00\"");
    }
    instant
}

/// A table of texts (numbers and switches are taken as text).
fn pairs(desk: &mut Desk<'_>, table: &DeTable<'_>, key: &str) -> Vec<(At<String>, String)> {
    let Some(value) = get(table, key) else { return Vec::new() };
    let Some(table) = value.get_ref().as_table() else {
        desk.error(value.span(), format!("`{key}` wants a table"), format!("write `{key} = {{ NAME = \"VALUE\" }}`"));
        return Vec::new();
    };
    let mut pairs = Vec::new();
    for (key, value) in table.iter() {
        let text = match value.get_ref() {
            DeValue::String(text) => text.to_string(),
            DeValue::Integer(int) => int.to_string(),
            DeValue::Boolean(flag) => flag.to_string(),
            DeValue::Datetime(at) => at.to_string(),
            _ => {
                desk.error(value.span(), "expected a text or a number", "put it between quotes");
                continue;
            }
        };
        pairs.push((At { value: key.get_ref().to_string(), span: key.span() }, text));
    }
    pairs
}

/// A fact that an example shows: what a rule may ask for, and what an extractor may capture.
fn shown_fact(desk: &mut Desk<'_>, key: &At<String>) -> Option<&'static str> {
    match capture::key(&key.value) {
        Some(name) => Some(name),
        None => fact(desk, key).map(|test| test.key),
    }
}

/// Runs every example of a rule set.
pub(super) fn run(rules: &RuleSet, report: &mut Report) {
    for sample in &rules.examples {
        let mail = mail(&sample.example);
        let facts = super::read(rules, &mail);
        let known = known(&sample.example, &facts);
        let verdict = judge(rules, &mail, &facts, &known);
        let problem = compare(sample, &facts, &verdict);
        let name = sample.example.name.clone().unwrap_or_else(|| sample.example.subject.clone());
        let before = sample.source.text.get(..sample.example.span.start).unwrap_or_default();
        if let Some(problem) = &problem {
            let mut desk = Desk::new(&sample.source);
            let all = explain(rules, &mail, &facts, &known);
            let mut lines: Vec<String> = all.rules.iter().filter(|rule| rule.matched).map(saw).collect();
            if lines.is_empty() {
                lines.push("no rule matches".to_owned());
            }
            // the rule that should have decided, or the one that came nearest
            let wanted = sample.example.rule.as_ref().map(|rule| rule.value.clone()).or(sample.rule.clone());
            let wanted = wanted.or(all.nearest_miss.clone());
            let missed = all.rules.iter().find(|rule| !rule.matched && Some(&rule.name) == wanted.as_ref());
            lines.extend(missed.and_then(|rule| Some(format!("`{}` fails: {}", rule.name, rule.failed.as_ref()?))));
            let help = format!("rules that match: {}", lines.join("; then "));
            if sample.overruled {
                // a shopper may well want it otherwise
                let message = format!("your rules change what comes out of the shipped example `{name}`: {problem}");
                desk.warn(sample.example.span.clone(), message, help);
            } else {
                desk.error(sample.example.span.clone(), format!("the example `{name}` fails: {problem}"), help);
            }
            report.diagnostics.append(&mut desk.found);
        }
        report.examples.push(Tried {
            name,
            file: sample.source.name.clone(),
            line: before.matches('\n').count() + 1,
            problem,
        });
    }
}

/// A rule that matches, and the words it saw.
fn saw(rule: &RuleTrace) -> String {
    let mut words = Vec::new();
    let mut open: Vec<&Condition> = rule.conditions.iter().filter(|one| one.holds).collect();
    while let Some(condition) = open.pop() {
        let sights = condition.saw.iter().filter(|sight| sight.why_not.is_none());
        words.extend(sights.map(|sight| format!("{} → {}", condition.condition, sight.words())));
        open.extend(condition.of.iter().filter(|one| one.holds && condition.condition != "not"));
    }
    words.truncate(6);
    format!("`{}` ({}): {}", rule.name, rule.category, words.join(" · "))
}

fn compare(sample: &Sample, facts: &Facts, verdict: &Verdict) -> Option<String> {
    let example = &sample.example;
    let category = example.category.as_ref().map(|category| &category.value).or(sample.category.as_ref());
    if let Some(category) = category.filter(|category| **category != verdict.category) {
        return Some(format!("expected `{category}`, judged `{}`", verdict.category));
    }
    if let Some(label) = example.labels.iter().find(|label| !verdict.labels.contains(&label.value)) {
        let labels: Vec<&str> = verdict.labels.iter().map(String::as_str).collect();
        return Some(format!("the label `{}` is missing (there are: {})", label.value, labels.join(", ")));
    }
    if let Some(label) = example.absent.iter().find(|label| verdict.labels.contains(&label.value)) {
        return Some(format!("the label `{}` should not be there", label.value));
    }
    let rule = example.rule.as_ref().map(|rule| &rule.value).or(sample.rule.as_ref());
    if let Some(rule) = rule.filter(|rule| verdict.rule.as_ref() != Some(*rule)) {
        let decided = verdict.rule.as_deref().unwrap_or("no rule");
        return Some(format!("expected the rule `{rule}`, `{decided}` decided"));
    }
    if let Some(escalate) = example.escalate.filter(|escalate| *escalate != verdict.escalate) {
        return Some(format!("expected escalate = {escalate}"));
    }
    for (test, expected) in &example.facts {
        let name = test.value;
        let read = match (name, expected.parse::<u64>()) {
            // what is said of points has two sides
            ("points_return", Ok(_)) => {
                facts.points_return.as_ref().and_then(|found| found.value.amount?.to_string().into())
            }
            _ => read(facts, name),
        };
        let instant = |text: &str| text.parse::<Timestamp>().ok();
        let same =
            |read: &String| read == expected || instant(read).is_some_and(|read| Some(read) == instant(expected));
        if !read.as_ref().is_some_and(same) {
            let read = read.map_or("nothing".to_owned(), |read| format!("`{read}`"));
            return Some(format!("expected {name} = `{expected}`, read {read}"));
        }
    }
    None
}

/// A fact as text.
fn read(facts: &Facts, key: &str) -> Option<String> {
    let json = |value: serde_json::Result<serde_json::Value>| {
        value.ok().map(|value| value.as_str().map_or_else(|| value.to_string(), str::to_owned))
    };
    macro_rules! value {
        ($found:expr) => {
            $found.as_ref().and_then(|found| json(serde_json::to_value(&found.value)))
        };
    }
    let coupon = facts.coupon.as_ref().map(|found| &found.value);
    let item = facts.items.first().map(|found| &found.value);
    let number = |number: Option<u64>| number.map(|number| number.to_string());
    match key {
        "order_number" => facts.order().map(ToString::to_string),
        "reservation" => facts.reservations.first().map(|found| found.value.clone()),
        "shop_code" => value!(facts.shop_code),
        "shop_name" => value!(facts.shop_name),
        "items" | "item_name" => item.map(|item| item.name.clone()),
        "item_price_yen" => number(item?.price_yen),
        "item_url" => item?.url.clone(),
        "ordered_at" => value!(facts.ordered_at),
        "total_yen" => value!(facts.total_yen),
        "payment_yen" => value!(facts.payment_yen),
        "shipping_yen" => value!(facts.shipping_yen),
        "points_used" => value!(facts.points_used),
        "coupon_used_yen" => value!(facts.coupon_used_yen),
        "payment_method" => value!(facts.payment_method),
        "stage" => value!(facts.stage),
        "stock" => value!(facts.stock),
        "cancelled" => value!(facts.cancelled),
        "cause" => value!(facts.cause),
        "points_return" => facts.points_return.as_ref().and_then(|found| json(serde_json::to_value(found.value.form))),
        "limited_time_points" => value!(facts.limited_time_points),
        "points_expire_at" => value!(facts.points_expire_at),
        "coupon" => facts.coupon.as_ref().and_then(|found| json(serde_json::to_value(found.value.role))),
        "coupon_yen" => number(coupon?.amount_yen),
        "coupon_percent" => number(coupon?.percent),
        "coupon_min_yen" => number(coupon?.min_yen),
        "coupon_code" => coupon?.code.clone(),
        "coupon_url" => coupon?.url.clone(),
        "coupon_expires_at" => coupon?.expires_at.map(crate::calendar::rfc3339),
        "reply_by" => value!(facts.reply_by),
        "pay_by" => value!(facts.pay_by),
        "resale_at" => value!(facts.resale_at),
        "service" => value!(facts.service),
        "risks" => {
            let names = facts.risks.iter().filter_map(|found| json(serde_json::to_value(found.value)));
            Some(names.collect::<Vec<_>>().join(", ")).filter(|names| !names.is_empty())
        }
        "lead_days" => value!(facts.lead_days),
        _ => None,
    }
}

/// What the ledger is said to know.
fn known(example: &Example, facts: &Facts) -> Known {
    let mut known = Known::default();
    let cancelled = match example.knows {
        Some(Knows::Order(true)) => false,
        Some(Knows::Cancelled) => true,
        _ => return known,
    };
    for number in &facts.order_numbers {
        known.orders.insert(number.value.clone(), KnownOrder { cancelled });
    }
    known
}

/// The mini-mail, read as a message.
fn mail(example: &Example) -> Mail {
    let sent = example.date.or_else(|| Timestamp::from_second(SENT).ok()).unwrap_or_default();
    let bytes = message(example, sent);
    let size = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
    let vouchers = [VOUCHER.to_owned()];
    crate::mail::read(&bytes, &Reading { received: sent, size, authserv_ids: &vouchers })
}

/// The mini-mail as an RFC 5322 message.
fn message(example: &Example, sent: Timestamp) -> Vec<u8> {
    let mut text = String::new();
    let domain = example.from.rsplit('@').next().unwrap_or_default().trim_end_matches(['>', ' ']);
    let result = match example.trust {
        TrustLevel::Verified => Some("pass"),
        TrustLevel::Suspect => Some("fail"),
        TrustLevel::Unverified => None,
    };
    let mut header = |name: &str, value: &str| {
        let _ = write!(text, "{name}: {value}\r\n");
    };
    if let Some(result) = result {
        header("Authentication-Results", &format!("{VOUCHER}; dmarc={result} header.from={domain}"));
    }
    header("From", &address(&example.from));
    header("To", &address(example.to.as_deref().unwrap_or("見本 花子 <hanako@example.jp>")));
    header("Subject", &encoded(&example.subject));
    let zoned = sent.to_zoned(jiff::tz::TimeZone::fixed(jiff::tz::offset(9)));
    header("Date", &zoned.strftime("%a, %d %b %Y %H:%M:%S %z").to_string());
    header("Message-ID", &format!("<{}@{domain}>", sent.as_second()));
    for (name, value) in &example.headers {
        if !name.is_empty() && name.chars().all(|c| c.is_ascii_graphic() && c != ':') {
            header(name, &encoded(value));
        }
    }
    header("MIME-Version", "1.0");
    let plain = example.body.as_deref();
    let part = |kind: &str, body: &str| {
        let lines = body.replace("\r\n", "\n").replace('\n', "\r\n");
        format!("Content-Type: text/{kind}; charset=UTF-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n{lines}\r\n")
    };
    let body = match (plain, example.html.as_deref()) {
        (Some(plain), Some(html)) => {
            let (plain, html) = (part("plain", plain), part("html", html));
            format!(
                "Content-Type: multipart/alternative; boundary=\"=_modori\"\r\n\r\n--=_modori\r\n{plain}--=_modori\r\n\
                 {html}--=_modori--\r\n"
            )
        }
        (None, Some(html)) => part("html", html),
        (plain, None) => part("plain", plain.unwrap_or_default()),
    };
    text.push_str(&body);
    text.into_bytes()
}

/// `name <local@domain>` with the name encoded.
fn address(text: &str) -> String {
    let text = text.replace(['\r', '\n'], " ");
    match text.rsplit_once('<') {
        Some((name, rest)) if !name.trim().is_empty() => format!("{} <{rest}", encoded(name.trim())),
        _ => text,
    }
}

/// A header value as encoded words (RFC 2047), none of them cut inside a character.
fn encoded(text: &str) -> String {
    let text = text.replace(['\r', '\n'], " ");
    if text.is_ascii() {
        return text;
    }
    let mut words = Vec::new();
    let mut word = String::new();
    for c in text.chars() {
        if word.len() + c.len_utf8() > 42 {
            words.push(std::mem::take(&mut word));
        }
        word.push(c);
    }
    words.push(word);
    let encode = |word: &String| format!("=?UTF-8?B?{}?=", base64::prelude::BASE64_STANDARD.encode(word));
    words.iter().map(encode).collect::<Vec<_>>().join("\r\n ")
}
