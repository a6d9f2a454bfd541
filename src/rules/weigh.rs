//! Whether a condition holds for a mail, and what it saw.

use super::node::{Check, Near, Node, Probe};
use super::scan::{Hay, Page, Spot};
use super::syntax::{FactTest, Knows, Parts, Want};
use super::{Known, Reason};
use crate::facts::{Confidence, Facts, Found, Risk};
use crate::mail::PartKind;
use crate::text::clause;
use serde::Serialize;
use std::ops::Range;

/// Hits of one word or regex that are looked at before a condition gives up: a mail of nothing but denied words must
/// not cost more than another.
const MAX_MATCHES: usize = 1000;
/// A word of a rule is not longer than this (300 characters).
const MAX_WORD_BYTES: usize = 1200;
/// Characters of a reason.
const MAX_SAW: usize = 80;

/// What a condition saw: which condition, which words.
pub(super) type Saw = (String, String);

/// Whether a condition holds; what it saw is added to `saw` when that is asked for.
pub(super) fn holds(node: &Node, page: &Page<'_>, known: &Known, saw: &mut Option<Vec<Saw>>) -> bool {
    match node {
        Node::All(nodes) => nodes.iter().all(|node| holds(node, page, known, saw)),
        Node::Any(nodes) => nodes.iter().any(|node| holds(node, page, known, saw)),
        Node::Not(node) => !holds(node, page, known, &mut None),
        Node::Check(check) => checks(check, page, saw),
        Node::Trust(levels) => {
            let level = page.mail.trust.level;
            note(levels.contains(&level), saw, || ("trust".into(), format!("{level:?}").to_lowercase()))
        }
        Node::Vouched(wanted) => {
            let vouched = page.mail.trust.word.is_some();
            note(vouched == *wanted, saw, || ("vouched".into(), page.mail.from.addr.clone()))
        }
        Node::Knows(knows) => {
            let order = match knows {
                Knows::Order(false) => return known.orders.is_empty(),
                Knows::Order(true) => known.orders.keys().next(),
                Knows::Cancelled => known.orders.iter().find(|(_, order)| order.cancelled).map(|(order, _)| order),
            };
            let word = order.map(ToString::to_string);
            note(word.is_some(), saw, || ("knows-order".into(), word.unwrap_or_default()))
        }
        Node::Fact(tests) => tests.iter().any(|test| {
            let words = fact(page, test);
            let name = || test.value.map_or(test.key.to_owned(), |value| format!("{}:{value}", test.key));
            note(words.is_some(), saw, || (format!("fact {}", name()), words.unwrap_or_default()))
        }),
        Node::Size { over, bytes } => {
            let size = u64::from(page.mail.size);
            let name = if *over { "size-over" } else { "size-under" };
            note(if *over { size > *bytes } else { size < *bytes }, saw, || (name.into(), format!("{size} bytes")))
        }
        Node::ItemLinks { over, count } => {
            let links = page.item_links;
            let name = if *over { "item-links-over" } else { "item-links-under" };
            note(if *over { links > *count } else { links < *count }, saw, || (name.into(), format!("{links} items")))
        }
    }
}

/// Reasons as a verdict shows them.
pub(super) fn reasons(saw: Vec<Saw>, weight: f64) -> Vec<Reason> {
    // the weight belongs to the condition as a whole, so only its first sight carries it
    let mut weight = Some(weight);
    let cut = |text: String| match text.char_indices().nth(MAX_SAW) {
        Some((at, _)) => format!("{}…", text.get(..at).unwrap_or_default()),
        None => text,
    };
    saw.into_iter()
        .map(|(condition, saw)| Reason { condition, saw: cut(saw), weight: weight.take().unwrap_or_default() })
        .collect()
}

fn note(held: bool, saw: &mut Option<Vec<Saw>>, words: impl FnOnce() -> Saw) -> bool {
    if held && let Some(saw) = saw {
        saw.push(words());
    }
    held
}

fn checks(check: &Check, page: &Page<'_>, saw: &mut Option<Vec<Saw>>) -> bool {
    let found: Option<Vec<(usize, Range<usize>)>> = match &check.probe {
        Probe::Present(present) => {
            let there = page.hays.iter().find(|hay| check.spots.contains(&hay.spot));
            let words = || there.map(|hay| hay.raw.trim().to_owned()).unwrap_or_default();
            return note(there.is_some() == *present, saw, || (check.shown.clone(), words()));
        }
        Probe::Any(words) => words.iter().find_map(|word| hit(check, page, *word)).map(|hit| vec![hit]),
        Probe::AllOf(words) => words.iter().map(|word| hit(check, page, *word)).collect(),
        Probe::Near(words) => near(check, page, words).map(|hit| vec![hit]),
        Probe::Regex { regex, needs } => matched(check, page, regex, needs.as_deref()).map(|hit| vec![hit]),
    };
    let Some(found) = found else { return false };
    if let Some(saw) = saw {
        for (hay, range) in found {
            let Some(hay) = page.hays.get(hay) else { continue };
            let words = if check.exact { hay.raw.get(range).unwrap_or_default() } else { hay.written(range) };
            let words = if matches!(hay.spot, Spot::From | Spot::To | Spot::FromDomain | Spot::LinkHost) {
                hay.raw.trim().replace('\n', " ")
            } else {
                words.to_owned()
            };
            saw.push((check.shown.clone(), words));
        }
    }
    true
}

pub(super) fn hit(check: &Check, page: &Page<'_>, word: u32) -> Option<(usize, Range<usize>)> {
    page.hits(word, check.exact)
        .iter()
        .take(MAX_MATCHES)
        .map(|hit| (hit.hay as usize, hit.start..hit.end))
        .find(|(hay, range)| counts(check, page, *hay, range))
}

pub(super) fn near(check: &Check, page: &Page<'_>, near: &Near) -> Option<(usize, Range<usize>)> {
    if near.groups.iter().any(|group| group.iter().all(|word| page.hits(*word, check.exact).is_empty())) {
        return None;
    }
    let spans = |group: &[u32]| -> Vec<(usize, Range<usize>)> {
        let hits = group.iter().flat_map(|word| page.hits(*word, check.exact));
        let mut spans: Vec<_> = hits.map(|hit| (hit.hay as usize, hit.start..hit.end)).collect();
        spans.sort_unstable_by_key(|(hay, range)| (*hay, range.start, range.end));
        spans
    };
    let (first, rest) = near.groups.split_first()?;
    let rest: Vec<_> = rest.iter().map(|group| spans(group)).collect();
    spans(first).into_iter().take(MAX_MATCHES).find_map(|(hay, anchor)| {
        let text = text_of(check, page.hays.get(hay)?);
        let mut whole = anchor.clone();
        for others in &rest {
            // a phrase goes on from its last word; otherwise every word is near the first
            let anchor = if near.phrase { &whole } else { &anchor };
            let gap = |other: &Range<usize>| {
                let between = if other.start >= anchor.end {
                    text.get(anchor.end..other.start)
                } else if near.phrase {
                    None
                } else if other.end <= anchor.start {
                    text.get(other.end..anchor.start)
                } else {
                    Some("")
                }?;
                let fits = between.len() <= near.within * 4
                    && if near.phrase { is_phrase(check, between) } else { !between.contains("\n\n") };
                fits.then(|| between.chars().count()).filter(|chars| *chars <= near.within)
            };
            let from = (hay, anchor.start.saturating_sub(near.within * 4 + MAX_WORD_BYTES));
            let to = (hay, anchor.end + near.within * 4);
            let first = others.partition_point(|(hay, range)| (*hay, range.start) < from);
            let close = others.iter().skip(first).take_while(|(hay, range)| (*hay, range.start) <= to);
            let gaps = close.take(MAX_MATCHES).filter_map(|(_, range)| Some((gap(range)?, range)));
            let (_, other) = gaps.min_by_key(|(gap, _)| *gap)?;
            whole = whole.start.min(other.start)..whole.end.max(other.end);
        }
        counts(check, page, hay, &whole).then_some((hay, whole))
    })
}

/// Whether words with this between them belong to one statement.
fn is_phrase(check: &Check, between: &str) -> bool {
    let denied = clause::denied(between);
    let fits = match check.negated {
        Want::No => !denied,
        Want::Yes | Want::Either => true,
    };
    let fits = fits && (check.supposed != Want::No || !clause::supposes(between));
    fits && !between.contains(['。', '!', '?', '\n'])
}

pub(super) fn matched(
    check: &Check,
    page: &Page<'_>,
    regex: &regex::Regex,
    needs: Option<&[u32]>,
) -> Option<(usize, Range<usize>)> {
    let needed = |hay: usize| {
        needs.is_none_or(|words| {
            words.iter().any(|word| page.hits(*word, check.exact).iter().any(|hit| hit.hay as usize == hay))
        })
    };
    let hays = page.hays.iter().enumerate().filter(|(_, hay)| check.spots.contains(&hay.spot));
    hays.filter(|(at, _)| needed(*at)).find_map(|(at, hay)| {
        let matches = regex.find_iter(text_of(check, hay)).take(MAX_MATCHES);
        matches.map(|found| (at, found.range())).find(|(at, range)| counts(check, page, *at, range))
    })
}

pub(super) fn text_of<'h>(check: &Check, hay: &'h Hay<'_>) -> &'h str {
    if check.exact { hay.raw.as_ref() } else { hay.text.as_ref() }
}

/// Whether words at this place count for this test.
pub(super) fn counts(check: &Check, page: &Page<'_>, at: usize, range: &Range<usize>) -> bool {
    refusal(check, page, at, range).is_none()
}

/// Why words at a place do not count for a test.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    /// The test looks into other texts.
    Elsewhere,
    /// A part of a longer address, domain or host.
    NotWhole,
    /// This part of the body is not looked at.
    Part(PartKind),
    /// Below the first lines.
    Below(usize),
    /// Inside the name of goods or of the shop.
    Name,
    /// The clause is denied, and that was not asked for.
    Denied,
    /// The clause is not denied, as was asked for.
    NotDenied,
    /// Only supposed, and that was not asked for.
    Supposed,
    /// Not only supposed, as was asked for.
    NotSupposed,
}

/// Why words at this place do not count for this test; `None` when they do.
pub(super) fn refusal(check: &Check, page: &Page<'_>, at: usize, range: &Range<usize>) -> Option<Refusal> {
    let Some(hay) = page.hays.get(at).filter(|hay| check.spots.contains(&hay.spot)) else {
        return Some(Refusal::Elsewhere);
    };
    let text = text_of(check, hay);
    if check.anchored && !anchored(hay.spot, text, range) {
        return Some(Refusal::NotWhole);
    }
    let written = if check.exact { range.clone() } else { hay.origin(range.clone()) };
    if hay.spot == Spot::Body {
        let part = page.part_at(written.start);
        let wanted = match check.part {
            Parts::NewAndForwarded => part != PartKind::Quoted,
            Parts::New => part == PartKind::New,
            Parts::Quoted => part == PartKind::Quoted,
            Parts::Forwarded => part == PartKind::Forwarded,
            Parts::Any => true,
        };
        if !wanted {
            return Some(Refusal::Part(part));
        }
        if let Some(lines) = check.first_lines.filter(|lines| range.start >= page.head_ends(text, *lines)) {
            return Some(Refusal::Below(lines));
        }
    }
    if !check.names && page.is_name(hay.spot, &written) {
        return Some(Refusal::Name);
    }
    let is = |want: Want, is: fn(&str, usize, usize) -> bool| match want {
        Want::Either => None,
        Want::Yes => (!is(text, range.start, range.end)).then_some(true),
        Want::No => is(text, range.start, range.end).then_some(false),
    };
    if let Some(asked) = is(check.negated, clause::is_negated) {
        return Some(if asked { Refusal::NotDenied } else { Refusal::Denied });
    }
    let asked = is(check.supposed, clause::is_supposed)?;
    Some(if asked { Refusal::NotSupposed } else { Refusal::Supposed })
}

/// Whether a word with `@` is a whole address or a whole domain, and a host is this host or one below it.
fn anchored(spot: Spot, text: &str, range: &Range<usize>) -> bool {
    let before = text.get(..range.start).unwrap_or_default();
    let after = text.get(range.end..).unwrap_or_default();
    let word = text.get(range.clone()).unwrap_or_default();
    match spot {
        Spot::FromDomain | Spot::LinkHost => after.is_empty() && (before.is_empty() || before.ends_with('.')),
        Spot::From | Spot::To => {
            (after.is_empty() || after.starts_with('\n'))
                && (word.starts_with('@') || before.is_empty() || before.ends_with('\n'))
        }
        _ => true,
    }
}

// ---- facts --------------------------------------------------------------------------------------------------------

/// The words a fact was read from, when it is there, sure, and has the value asked for.
fn fact(page: &Page<'_>, test: &FactTest) -> Option<String> {
    let facts: &Facts = page.facts;
    let sure = |confidence: Confidence| confidence == Confidence::High;
    macro_rules! read {
        ($found:expr) => {
            $found.as_ref().filter(|found| sure(found.confidence)).map(|found| (None, words(page, found)))
        };
        ($found:expr, $value:expr) => {
            $found.as_ref().filter(|found| sure(found.confidence)).map(|found| {
                let value: String = $value(&found.value);
                (Some(value), words(page, found))
            })
        };
    }
    let (value, words): (Option<String>, String) = match test.key {
        "order_number" => {
            let first = facts.order_numbers.iter().find(|found| sure(found.confidence));
            read!(first)
        }
        "reservation" => read!(facts.reservations.first()),
        "shop_code" => read!(facts.shop_code),
        "shop_name" => read!(facts.shop_name),
        "items" => read!(facts.items.first()),
        "ordered_at" => read!(facts.ordered_at),
        "total_yen" => read!(facts.total_yen),
        "payment_yen" => read!(facts.payment_yen),
        "points_used" => read!(facts.points_used),
        "coupon_used_yen" => read!(facts.coupon_used_yen),
        "payment_method" => read!(facts.payment_method),
        "stage" => read!(facts.stage, name),
        "stock" => read!(facts.stock, name),
        "cancelled" => read!(facts.cancelled, name),
        "cause" => read!(facts.cause, name),
        "points_return" => read!(facts.points_return, |value: &crate::facts::PointsReturn| name(&value.form)),
        "limited_time_points" => read!(facts.limited_time_points),
        "points_expire_at" => read!(facts.points_expire_at),
        "coupon" => read!(facts.coupon, |value: &crate::facts::Coupon| name(&value.role)),
        "reply_by" => read!(facts.reply_by),
        "pay_by" => read!(facts.pay_by),
        "resale_at" => read!(facts.resale_at),
        "service" => read!(facts.service, name),
        "risks" => {
            let wanted = |found: &&Found<Risk>| test.value.as_ref().is_none_or(|value| *value == name(&found.value));
            read!(facts.risks.iter().find(wanted), name)
        }
        "lead_days" => read!(facts.lead_days),
        _ => None,
    }?;
    (test.value.is_none() || test.value == value.as_deref()).then_some(words)
}

fn words<T>(page: &Page<'_>, found: &Found<T>) -> String {
    found.span.words(page.mail).trim().to_owned()
}

/// The name of a value, as it is written in JSON.
fn name<T: Serialize>(value: &T) -> String {
    serde_json::to_value(value).ok().and_then(|value| value.as_str().map(str::to_owned)).unwrap_or_default()
}
