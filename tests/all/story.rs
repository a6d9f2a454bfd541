//! Stories under `fixtures/story/`: mails as they come, the shopper's words, and what the ledger must say at several
//! instants. In whatever order mails come and however often, it must say the same.

pub mod format;

use self::format::{Expected, Step, Story};
use jiff::Timestamp;
use modori::facts::OrderNumber;
use modori::ledger::{self, Case, Event, Statement};
use modori::mail::{self, Reading};
use modori::rules::{self, Known, RuleSet, label};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/story")
}

pub fn folders() -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder()).expect("fixtures/story").map(|entry| entry.unwrap().path());
    let mut folders: Vec<PathBuf> = entries.filter(|path| path.is_dir()).collect();
    folders.sort();
    folders
}

type Cases = BTreeMap<OrderNumber, Case>;

/// What one mail tells the ledger, as in life: suspect mail is put aside and tells nothing.
fn told(story: &Story, sent: &format::Sent, rules: &RuleSet) -> Vec<Event> {
    let size = u32::try_from(sent.bytes.len()).unwrap();
    let reading = Reading { received: sent.received, size, authserv_ids: &story.authserv_ids };
    let mail = mail::read(&sent.bytes, &reading);
    let facts = rules::read(rules, &mail);
    let verdict = rules::judge(rules, &mail, &facts, &Known::default());
    if verdict.labels.contains(label::QUARANTINE) { Vec::new() } else { ledger::events(&mail, &facts) }
}

/// What the ledger says at a step, for mails that came in the order `arranged` gives them.
fn cases(story: &Story, step: &Step, told: &[(usize, Vec<Event>)], arranged: &[usize]) -> Cases {
    let known = arranged.iter().map(|n| (&story.mails[*n], &told[*n])).filter(|(sent, _)| sent.received <= step.at);
    let events: Vec<Event> =
        known.flat_map(|(_, (times, events))| (0..*times).flat_map(move |_| events.clone())).collect();
    let words: Vec<Statement> = story.words.iter().filter(|word| word.at <= step.at).cloned().collect();
    ledger::cases(&events, &words, &story.settings, step.at)
}

/// Other orders of arrival, each with its name: numbers of mails.
fn arrangements(count: usize) -> Vec<(&'static str, Vec<usize>)> {
    let mut shuffled: Vec<usize> = (0..count).collect();
    let mut seed = 0x9E37_79B9_u64;
    for n in (1..count).rev() {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        shuffled.swap(n, usize::try_from(seed >> 33).unwrap() % (n + 1));
    }
    let doubled = (0..count).chain((0..count).rev()).collect();
    vec![
        ("in reversed order", (0..count).rev().collect()),
        ("in shuffled order", shuffled),
        ("with every mail doubled", doubled),
    ]
}

/// Dotted keys of a table and their values.
fn flat(table: &toml::Table) -> Vec<(String, toml::Value)> {
    let inner = |(key, value): (&String, &toml::Value)| match value {
        toml::Value::Table(table) => {
            flat(table).into_iter().map(|(rest, value)| (format!("{key}.{rest}"), value)).collect()
        }
        value => vec![(key.clone(), value.clone())],
    };
    table.iter().flat_map(inner).collect()
}

/// Dotted keys of a case as JSON and their values.
fn leaves(sheet: &Value) -> BTreeMap<String, Value> {
    let mut leaves = BTreeMap::new();
    for (key, value) in sheet.as_object().into_iter().flatten() {
        match value {
            Value::Object(_) => {
                leaves.extend(self::leaves(value).into_iter().map(|(rest, value)| (format!("{key}.{rest}"), value)));
            }
            value => {
                leaves.insert(key.clone(), value.clone());
            }
        }
    }
    leaves
}

/// A case in the words of a story: times to the minute, questions and claims by their name, what is not known as
/// `unknown`, a time that does not apply as `none`.
fn words(case: &Case) -> BTreeMap<String, Value> {
    let at = |at: Timestamp| Value::from(modori::calendar::rfc3339(at));
    let tags = |list: &Value, tag: &str| list.as_array().into_iter().flatten().map(|one| one[tag].clone()).collect();
    let mut values = leaves(&ledger::sheet(case));
    values.insert("claims".into(), tags(&values["evidence"], "claim"));
    values.insert("questions".into(), tags(&values["questions"], "question"));
    values.insert("conflicts".into(), tags(values.get("conflicts").unwrap_or(&Value::Null), "about"));
    values.entry("assumed".into()).or_insert_with(|| json!([]));
    values.insert("notes".into(), json!(case.notes));
    values.insert("known".into(), true.into());
    values.insert("open".into(), (!case.ended).into());
    let next = case.next();
    values.insert("next".into(), next.map_or("nothing".into(), |(step, _)| json!(step)));
    values.insert("next_at".into(), next.map_or(Value::Null, |(_, when)| at(when)));
    for (key, value) in &mut values {
        match value {
            Value::Null => *value = if key.starts_with("due.") || key == "next_at" { "none" } else { "unknown" }.into(),
            Value::String(text) if text.ends_with(":59+09:00") || text.ends_with(":00+09:00") => {
                *value = text.replace('T', " ").chars().take("2026-11-25 10:00".len()).collect::<String>().into();
            }
            _ => {}
        }
    }
    values
}

/// What differs from what a step states, one line each.
fn differences(step: &Step, cases: &Cases) -> Vec<String> {
    let mut lines = Vec::new();
    if step.cases.is_some_and(|count| count != cases.len()) {
        let orders: Vec<&str> = cases.keys().map(OrderNumber::as_str).collect();
        let count = step.cases.unwrap_or_default();
        lines.push(format!("cases: expected {count}, got {}: {}", cases.len(), orders.join(", ")));
    }
    let sheets: BTreeMap<&OrderNumber, BTreeMap<String, Value>> =
        cases.iter().map(|(order, case)| (order, words(case))).collect();
    for Expected { order, key, value } in &step.expected {
        let wanted = serde_json::to_value(value).unwrap();
        let got = match sheets.get(order) {
            Some(sheet) => sheet[key].clone(),
            None if key == "known" => false.into(),
            None => "nothing, because no case is known".into(),
        };
        if wanted != got {
            lines.push(format!("{order}  {key}: expected {wanted}, got {got}"));
        }
    }
    lines
}

/// All that is wrong with a story, one line each; empty when it is told right.
fn run(story: &Story, rules: &RuleSet) -> Vec<String> {
    let told: Vec<(usize, Vec<Event>)> =
        story.mails.iter().map(|sent| (sent.times, told(story, sent, rules))).collect();
    let as_it_came: Vec<usize> = (0..told.len()).collect();
    let mut lines = Vec::new();
    for (n, step) in (1..).zip(&story.steps) {
        let place =
            format!("story {}, then {n} ({})", story.name, modori::calendar::civil(step.at).strftime("%F %H:%M"));
        let plain = cases(story, step, &told, &as_it_came);
        let mut wrong = differences(step, &plain);
        if let Some(awaits) = &step.awaits {
            if wrong.is_empty() {
                lines.push(format!("{place}: it is told right now; take the mark away: awaits = {awaits:?}"));
            } else {
                println!("{place} awaits: {awaits}\n  {}", wrong.join("\n  "));
            }
            wrong.clear();
        }
        for (how, arranged) in arrangements(told.len()) {
            let other = cases(story, step, &told, &arranged);
            if other != plain {
                let orders = plain.keys().chain(other.keys()).filter(|order| plain.get(*order) != other.get(*order));
                let orders: BTreeSet<&str> = orders.map(OrderNumber::as_str).collect();
                wrong.push(format!("{}: another result {how}", orders.into_iter().collect::<Vec<_>>().join(", ")));
            }
        }
        if !wrong.is_empty() {
            lines.push(format!("{place}\n  {}", wrong.join("\n  ")));
        }
    }
    lines
}

#[test]
fn every_story_is_told_as_it_is_written() {
    let rules = RuleSet::shipped();
    let only = std::env::var("STORY").ok();
    let mut wrong = Vec::new();
    let mut count = 0;
    for folder in folders() {
        let name = folder.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if only.as_ref().is_some_and(|only| *only != name) {
            continue;
        }
        count += 1;
        match format::open(&folder) {
            Ok(story) => wrong.extend(run(&story, &rules)),
            Err(errors) => wrong.extend(errors),
        }
    }
    assert!(wrong.is_empty(), "\n{}\n", wrong.join("\n"));
    match only {
        Some(name) => assert_eq!(count, 1, "there is no story {name}"),
        None => assert!(count >= 45, "{count} stories"),
    }
}

/// The six digits that an order number begins with: its shop.
fn shop(order: &OrderNumber) -> &str {
    &order.as_str()[..6]
}

/// Everything that all other shops' orders go through at the same time changes nothing.
#[test]
fn a_story_is_the_same_among_all_others() {
    let rules = RuleSet::shipped();
    let stories: Vec<Story> = folders().iter().map(|folder| format::open(folder).unwrap()).collect();
    let told: Vec<Vec<Event>> =
        stories.iter().map(|story| story.mails.iter().flat_map(|sent| told(story, sent, &rules)).collect()).collect();
    let everything: Vec<&Event> = told.iter().flatten().filter(|event| event.order.is_some()).collect();
    for (story, own) in stories.iter().zip(&told) {
        let own_shops: BTreeSet<&str> = own.iter().filter_map(|event| event.order.as_ref()).map(shop).collect();
        let foreign = |order: &OrderNumber| !own_shops.contains(shop(order));
        let others = everything.iter().filter(|event| event.order.as_ref().is_some_and(foreign));
        let among: Vec<Event> = own.iter().chain(others.copied()).cloned().collect();
        let words = stories.iter().flat_map(|other| other.words.iter().filter(|word| foreign(&word.order)));
        let words: Vec<Statement> = words.chain(&story.words).cloned().collect();
        let at = story.steps.iter().map(|step| step.at).max().unwrap();
        let alone = ledger::cases(own, &story.words, &story.settings, at);
        let mut all = ledger::cases(&among, &words, &story.settings, at);
        all.retain(|order, _| alone.contains_key(order));
        assert_eq!(all, alone, "{}", story.name);
    }
}

/// A story with one of its words changed.
fn changed(name: &str, from: &str, to: &str) -> Result<Vec<String>, Vec<String>> {
    let folder = folder().join(name);
    let text = std::fs::read_to_string(folder.join("story.toml")).unwrap();
    assert!(text.contains(from), "{name} does not say {from}");
    Ok(run(&format::parse(&folder, &text.replacen(from, to, 1))?, &RuleSet::shipped()))
}

const SAMPLE: &str = "cancelled-by-the-shop";

#[test]
fn a_story_that_is_told_otherwise_is_noticed() {
    let wrong = changed(SAMPLE, "points.used = 500", "points.used = 501").unwrap();
    assert_eq!(wrong.len(), 1, "{wrong:?}");
    assert!(wrong[0].contains(SAMPLE) && wrong[0].contains("points.used: expected 501, got 500"), "{wrong:?}");
    let wrong = changed(SAMPLE, "next = \"look\"", "next = \"look\"\nawaits = \"nothing\"").unwrap();
    assert!(wrong.len() == 1 && wrong[0].contains("take the mark away"), "{wrong:?}");
    let wrong = changed(SAMPLE, "cases = 1", "cases = 2").unwrap();
    assert!(wrong.len() == 1 && wrong[0].contains("cases: expected 2, got 1"), "{wrong:?}");
}

#[test]
fn every_value_that_a_story_states_is_compared() {
    let rules = RuleSet::shipped();
    let mut compared = 0;
    for folder in folders() {
        let mut story = format::open(&folder).unwrap();
        let told: Vec<(usize, Vec<Event>)> =
            story.mails.iter().map(|sent| (sent.times, told(&story, sent, &rules))).collect();
        let as_it_came: Vec<usize> = (0..told.len()).collect();
        let steps = std::mem::take(&mut story.steps);
        for mut step in steps.into_iter().filter(|step| step.awaits.is_none()) {
            let cases = cases(&story, &step, &told, &as_it_came);
            for value in 0..step.expected.len() {
                let other = toml::Value::String("something else".into());
                let right = std::mem::replace(&mut step.expected[value].value, other);
                let wrong = differences(&step, &cases);
                let key = &step.expected[value].key;
                assert!(wrong.len() == 1 && wrong[0].contains(&format!("{key}: expected ")), "{key}: {wrong:?}");
                step.expected[value].value = right;
                compared += 1;
            }
        }
    }
    assert!(compared > 300, "{compared}");
}

#[test]
fn a_slip_of_the_pen_is_an_error() {
    for (from, to, told) in [
        ("points.used", "points.usde", "`points.usde` is not a value of a case"),
        ("coupon.state", "cuopon.state", "`cuopon.state` is not a value of a case"),
        ("received", "recieved", "recieved"),
        ("says = \"confirm\"", "says = \"confrim\"", "nobody says `confrim`"),
        ("says = \"confirm\"", "says = \"deny\"\npoints = 5", "`points` means nothing to `deny`"),
        ("says = \"confirm\"", "says = \"confirm\"\nexpired = \"2026-12-01\"", "expired"),
        ("at = \"2026-11-", "at = \"2026-13-", "is not a time"),
        ("\"ordered\"", "\"orderd\"", "no mail claims \"orderd\""),
        ("file = \"01-", "file = \"99-", "lies beside it"),
        ("title", "titel", "titel"),
    ] {
        let errors = changed(SAMPLE, from, to).unwrap_err();
        assert!(errors.iter().any(|error| error.contains(SAMPLE) && error.contains(told)), "{to}: {errors:?}");
    }
}
