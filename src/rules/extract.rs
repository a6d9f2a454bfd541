//! Extractors: regexes of a rule file whose named captures become facts, over what modori reads by itself.
//!
//! They are tried before any rule, on subject, body and links in normal form. Without an extractor nothing is done at all; with
//! some, one pass finds the words without which none of their regexes can match.

use super::capture::{self, Capture};
use super::compile::Sheet;
use super::diagnostic::{Desk, Diagnostic, meant};
use super::example;
use super::node::{Builder, Check, Node, Probe};
use super::parse;
use super::scan::{Hay, Page, Spot, Wanted, Words};
use super::syntax::{At, Cond, Extract, FACTS, How, On, Test, Want};
use super::value::{Value, flag, get, known_keys, text, words};
use super::weigh::{counts, holds};
use super::{Known, RuleSet};
use crate::facts::{CouponRole, Facts, Field, Form, Span};
use crate::mail::Mail;
use std::ops::Range;
use toml::de::DeTable;

/// The keys of an extractor beside its conditions.
pub(super) const KEYS: &[&str] = &["name", "enabled", "text", "links", "form", "role", "example"];
/// The keys of `text` written as a table.
pub(super) const TEXT_KEYS: &[&str] = &["regex", "in", "first-lines"];
/// Matches of one regex in one text that are looked at.
const MAX_MATCHES: usize = 200;

/// All extractors that count, in the order in which they are tried.
#[derive(Debug, Default)]
pub(super) struct Extractors {
    list: Vec<Extractor>,
    words: Words,
    exact: Words,
    wanted: Wanted,
    pub(super) listed: Vec<ListedExtractor>,
}

#[derive(Debug)]
struct Extractor {
    name: String,
    when: Vec<Node>,
    patterns: Vec<Check>,
    form: Option<Form>,
    role: Option<CouponRole>,
}

/// One extractor as `modori rules list` shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListedExtractor {
    /// Its name.
    pub name: String,
    /// The facts it captures.
    pub keys: Vec<&'static str>,
    /// The file it was taken from.
    pub file: String,
    /// The line of its name in that file, counted from 1.
    pub line: usize,
    /// The file whose extractor of the same name it stands in for.
    pub replaces: Option<String>,
    /// False for one that was switched off.
    pub enabled: bool,
}

/// What an extractor saw in a mail.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Extraction {
    /// The extractor's name.
    pub extractor: String,
    /// The fact captured.
    pub key: &'static str,
    /// The words captured, as written.
    pub saw: String,
    /// Their place.
    pub span: Span,
    /// The value; `None` when the words cannot be read as this fact.
    pub value: Option<String>,
}

// ---- reading the file ---------------------------------------------------------------------------------------------

/// One `[[extract]]`.
pub(super) fn parse(desk: &mut Desk<'_>, table: &DeTable<'_>, span: Range<usize>) -> Option<Extract> {
    known_keys(desk, table, &[KEYS, parse::COND_KEYS], "of an extractor");
    let Some(name) = get(table, "name") else {
        desk.error(span, "an extractor without a name", "add `name = \"…\"`");
        return None;
    };
    let name = text(desk, name)?;
    let enabled = get(table, "enabled").and_then(|value| flag(desk, value)).unwrap_or(true);
    let mut regexes = Vec::new();
    for (key, on) in [("text", On::Text), ("links", On::Link)] {
        regexes.extend(get(table, key).map(|value| patterns(desk, value, on)).unwrap_or_default());
    }
    if enabled && get(table, "text").is_none() && get(table, "links").is_none() {
        let help = "add `text = 'ポイント:(?<points_return>[0-9,]+)'`; to switch one off write `enabled = false`";
        desk.error(name.span.clone(), format!("the extractor `{}` has no regex", name.value), help);
    }
    let when = parse::conditions(desk, table, 0, &["text"]);
    if let Some(span) = get(table, "knows-order").map(toml::Spanned::span) {
        desk.error(span, "an extractor cannot ask the ledger", "it runs before anything is looked up; leave this out");
    }
    Some(Extract {
        name,
        enabled,
        when,
        patterns: regexes,
        form: companion(desk, table, "form", "points_return"),
        role: companion(desk, table, "role", "coupon"),
        examples: example::parse(desk, table),
    })
}

/// A fixed companion of a captured value, and its place.
fn companion<T: serde::de::DeserializeOwned>(
    desk: &mut Desk<'_>,
    table: &DeTable<'_>,
    key: &str,
    of: &str,
) -> Option<At<T>> {
    let word = get(table, key).and_then(|value| text(desk, value))?;
    let value = capture::companion(&word);
    if value.is_none() {
        let known = FACTS.iter().find(|(fact, _)| *fact == of).map_or(&[][..], |(_, values)| *values);
        let help = match meant(&word.value, known) {
            Some(meant) => format!("did you mean \"{meant}\"?"),
            None => format!("one of: {}", known.join(", ")),
        };
        desk.error(word.span.clone(), format!("`{}` is no {key}", word.value), help);
    }
    value.map(|value| At { value, span: word.span })
}

/// A regex, a list of them, or a table that also says where to look.
fn patterns(desk: &mut Desk<'_>, value: Value<'_, '_>, on: On) -> Vec<Test> {
    // a sentence that is denied or supposed still holds its number; the regex says what is meant
    let mut test = Test { negated: Want::Either, supposed: Want::Either, names: true, ..parse::plain(on) };
    let mut regexes = value;
    if let Some(table) = value.get_ref().as_table().filter(|_| test.on == On::Text) {
        known_keys(desk, table, &[TEXT_KEYS], "of an extractor's text");
        parse::place(desk, table, &mut test);
        let Some(inner) = get(table, "regex") else {
            desk.error(value.span(), "no regex to look for", "write `text = { regex = '…', in = \"new\" }`");
            return Vec::new();
        };
        regexes = inner;
    }
    let list = match regexes.get_ref().as_str() {
        // one regex may be longer than a word
        Some(_) => text(desk, regexes).into_iter().collect(),
        None => words(desk, regexes),
    };
    list.into_iter().map(|regex| Test { how: How::Regex(regex), ..test.clone() }).collect()
}

// ---- compiling ----------------------------------------------------------------------------------------------------

/// The extractors of all files: later layers stand over earlier ones, by name.
pub(super) fn compile(sheets: &[Sheet], found: &mut Vec<Diagnostic>) -> Extractors {
    let mut chosen: Vec<(&Sheet, &Extract, Option<String>)> = Vec::new();
    for sheet in sheets {
        for extract in &sheet.file.extracts {
            let known = chosen.iter_mut().find(|(_, known, _)| known.name.value == extract.name.value);
            match known {
                None => chosen.push((sheet, extract, None)),
                Some(slot) if slot.0.layer == sheet.layer => {
                    let mut desk = Desk::new(&sheet.source);
                    let message = format!("a second extractor named `{}`", extract.name.value);
                    let help = format!("the first stands in {}; rename one of them", slot.0.source.name);
                    desk.error(extract.name.span.clone(), message, help);
                    found.append(&mut desk.found);
                }
                Some(slot) => *slot = (sheet, extract, Some(slot.0.source.name.clone())),
            }
        }
    }
    // the first value of a fact counts: the shopper's extractors come before the shipped ones
    chosen.sort_by_key(|(sheet, ..)| std::cmp::Reverse(sheet.layer));
    let mut builder = Builder::default();
    let mut extractors = Extractors::default();
    for (sheet, extract, replaces) in chosen {
        let mut desk = Desk::new(&sheet.source);
        let mut keys = Vec::new();
        if extract.enabled {
            let when = extract.when.iter().filter_map(|cond: &Cond| builder.node(&mut desk, cond)).collect();
            let patterns: Vec<Check> =
                extract.patterns.iter().filter_map(|test| pattern(&mut builder, &mut desk, test, &mut keys)).collect();
            lint(&mut desk, extract, &keys);
            extractors.list.push(Extractor {
                name: extract.name.value.clone(),
                when,
                patterns,
                form: extract.form.as_ref().map(|form| form.value),
                role: extract.role.as_ref().map(|role| role.value),
            });
        }
        extractors.listed.push(ListedExtractor {
            name: extract.name.value.clone(),
            keys,
            file: sheet.source.name.clone(),
            line: sheet.line(extract.name.span.start),
            replaces,
            enabled: extract.enabled,
        });
        found.append(&mut desk.found);
    }
    (extractors.words, extractors.exact, extractors.wanted) = builder.done();
    let fits = extractors.words.finish() && extractors.exact.finish();
    if let (false, Some(sheet)) = (fits, sheets.last()) {
        let mut desk = Desk::new(&sheet.source);
        desk.error(0..0, "all extractors together look for too many words", "at most a million");
        found.append(&mut desk.found);
    }
    extractors
}

/// Compiles a regex and notes the facts it captures.
fn pattern(builder: &mut Builder, desk: &mut Desk<'_>, test: &Test, keys: &mut Vec<&'static str>) -> Option<Check> {
    let How::Regex(at) = &test.how else { return None };
    let check = builder.check(desk, test)?;
    let Probe::Regex { regex, .. } = &check.probe else { return None };
    let names: Vec<&str> = regex.capture_names().flatten().collect();
    if names.is_empty() {
        let help = "name what is captured, as in `(?<points_return>[0-9,]+)`";
        desk.error(at.span.clone(), "this regex captures nothing by name", help);
        return None;
    }
    for name in names {
        match capture::key(name) {
            Some(key) if keys.contains(&key) => {}
            Some(key) => keys.push(key),
            None => {
                let known: Vec<&str> = capture::KEYS.iter().map(|(key, _)| *key).collect();
                let help = match capture::near(name) {
                    Some(meant) => format!("did you mean `{meant}`?"),
                    None => format!("captures are named after facts: {}", known.join(", ")),
                };
                desk.error(place_of(desk.text(), &at.span, name), format!("`{name}` is no fact"), help);
            }
        }
    }
    Some(check)
}

/// Where a capture's name stands in the file.
fn place_of(file: &str, span: &Range<usize>, name: &str) -> Range<usize> {
    let written = file.get(span.clone()).unwrap_or_default();
    match written.find(&format!("<{name}>")) {
        Some(at) => span.start + at + 1..span.start + at + 1 + name.len(),
        None => span.clone(),
    }
}

fn lint(desk: &mut Desk<'_>, extract: &Extract, keys: &[&str]) {
    let returns = keys.contains(&"points_return");
    match &extract.form {
        Some(form) if !returns => {
            let help = "add the capture `(?<points_return>…)`, or leave `form` out";
            desk.warn(form.span.clone(), "`form` says nothing without a capture `points_return`", help);
        }
        None if returns => {
            let help = "add `form = \"done\"` (they came back), \"promised\" or \"refused\"";
            let message = "without `form`, points that modori itself does not see returned count as promised";
            desk.warn(extract.name.span.clone(), message, help);
        }
        _ => {}
    }
    if let Some(role) = extract.role.as_ref().filter(|_| !keys.iter().any(|key| key.starts_with("coupon_"))) {
        let help = "add a capture such as `(?<coupon_yen>…)`, or leave `role` out";
        desk.warn(role.span.clone(), "`role` says nothing without a capture of a coupon", help);
    }
}

// ---- running ------------------------------------------------------------------------------------------------------

/// What a mail says: [`crate::facts::find`], then the extractors of the rules over it.
#[must_use]
pub fn read(rules: &RuleSet, mail: &Mail) -> Facts {
    extract(rules, mail, crate::facts::find(mail))
}

/// Puts what the extractors read over facts that were found. Values that cannot be read as their fact change nothing.
#[must_use]
pub fn extract(rules: &RuleSet, mail: &Mail, mut facts: Facts) -> Facts {
    let captures = run(&rules.extractors, mail, &facts);
    if !captures.is_empty() {
        let values = captures.into_iter().filter_map(|(_, _, capture)| capture).collect();
        capture::put(&mut facts, values);
    }
    facts
}

/// Everything the extractors captured in a mail, in the order in which it counts. `found` is what modori read by itself.
#[must_use]
pub fn extractions(rules: &RuleSet, mail: &Mail, found: &Facts) -> Vec<Extraction> {
    let captures = run(&rules.extractors, mail, found);
    let told = |(extractor, (key, span), capture): Raw<'_>| Extraction {
        extractor: extractor.to_owned(),
        key,
        saw: span.words(mail).trim().to_owned(),
        span,
        value: capture.map(|capture| capture.value.show()),
    };
    captures.into_iter().map(told).collect()
}

/// An extractor's name, what it captured and where, and the capture when it could be read.
type Raw<'r> = (&'r str, (&'static str, Span), Option<Capture>);

fn run<'r>(extractors: &'r Extractors, mail: &Mail, facts: &Facts) -> Vec<Raw<'r>> {
    let mut captures = Vec::new();
    if extractors.list.is_empty() {
        return captures;
    }
    let page = Page::new(mail, facts, &extractors.wanted, &extractors.words, &extractors.exact);
    let known = Known::default();
    let mut round = 0;
    for extractor in &extractors.list {
        // the regexes' words decide for nearly every mail: they are looked at first
        let woken = extractor.patterns.iter().any(|check| hays(check, &page).next().is_some());
        if !woken || !extractor.when.iter().all(|node| holds(node, &page, &known, &mut None)) {
            continue;
        }
        for check in &extractor.patterns {
            let Probe::Regex { regex, .. } = &check.probe else { continue };
            for (at, hay) in hays(check, &page) {
                for found in regex.captures_iter(&hay.text).take(MAX_MATCHES) {
                    let Some(whole) = found.get(0).map(|all| all.range()) else { continue };
                    if !counts(check, &page, at, &whole) {
                        continue;
                    }
                    round += 1;
                    for name in regex.capture_names().flatten() {
                        let (Some(key), Some(one)) = (capture::key(name), found.name(name)) else { continue };
                        let span = span(&page, at, hay, one.range());
                        let value = capture::read(key, one.as_str(), hay.written(one.range()), mail.base);
                        let capture = value.map(|value| Capture {
                            key,
                            round,
                            span: span.clone(),
                            whole: self::span(&page, at, hay, whole.clone()),
                            value,
                            form: extractor.form,
                            role: extractor.role,
                        });
                        captures.push((extractor.name.as_str(), (key, span), capture));
                    }
                }
            }
        }
    }
    captures
}

/// The texts in which a regex can match.
fn hays<'p, 'm>(check: &'p Check, page: &'p Page<'m>) -> impl Iterator<Item = (usize, &'p Hay<'m>)> {
    let hays = page.hays.iter().enumerate().filter(|(_, hay)| check.spots.contains(&hay.spot));
    hays.filter(|(at, _)| {
        let Probe::Regex { needs: Some(needs), .. } = &check.probe else { return true };
        needs.iter().any(|word| page.hits(*word, false).iter().any(|hit| hit.hay as usize == *at))
    })
}

fn span(page: &Page<'_>, at: usize, hay: &Hay<'_>, range: Range<usize>) -> Span {
    match hay.spot {
        Spot::Body => Span { field: Field::Body, range: hay.origin(range) },
        Spot::Link => {
            // the texts of links stand in the order of the links
            let before = page.hays.iter().take(at).filter(|hay| hay.spot == Spot::Link).count();
            Span { field: Field::Link, range: before..before + 1 }
        }
        _ => Span { field: Field::Subject, range: hay.origin(range) },
    }
}
