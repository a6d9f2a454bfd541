//! Invented mails of many shops beside what a person reads in them: the whole way from bytes to verdict.
//!
//! `fixtures/KIND/NAME.eml` has a `NAME.toml` with the expected category, labels, trust, alert, facts and words.
//! All differences are printed at once. `UPDATE=1` writes the results over the expectations, to be read as a diff;
//! keys under `open` are known to be read wrongly: they are reported and do not fail.

use modori::facts::{self, sheet};
use modori::mail::{self, Reading};
use modori::rules::{self, Known, RuleSet};
use serde::Deserialize;
use serde_json::{Map, Value};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

/// Kinds of mails, and how few of each are too few.
const KINDS: [&str; 8] = ["restock", "cancellation", "point-refund", "coupon", "order", "other", "suspect", "broken"];
const FEWEST_OF_A_KIND: usize = 5;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Expected {
    received: String,
    #[serde(default)]
    authserv_ids: Vec<String>,
    category: String,
    #[serde(default)]
    labels: BTreeSet<String>,
    trust: String,
    #[serde(default)]
    escalate: bool,
    /// Keys (`category`, `facts.total_yen`, `words.items`) that are known to come out wrong.
    #[serde(default)]
    open: BTreeSet<String>,
    #[serde(default)]
    facts: Map<String, Value>,
    #[serde(default)]
    words: BTreeMap<String, String>,
}

/// What came out.
struct Came {
    category: String,
    labels: BTreeSet<String>,
    trust: String,
    escalate: bool,
    facts: Map<String, Value>,
    doubtful: Value,
    words: BTreeMap<String, String>,
    why: String,
}

fn came(rules: &RuleSet, bytes: &[u8], expected: &Expected) -> Came {
    let reading = Reading {
        received: expected.received.parse().expect("`received` is an RFC 3339 instant"),
        size: u32::try_from(bytes.len()).expect("fixtures are small"),
        authserv_ids: &expected.authserv_ids,
    };
    let mail = mail::read(bytes, &reading);
    let found = facts::find(&mail);
    let verdict = rules::judge(rules, &mail, &found, &Known::default());
    let Value::Object(mut facts) = sheet::sheet(&found) else { panic!("the sheet is an object") };
    let doubtful = facts.remove("doubtful").unwrap_or(Value::Null);
    facts.remove("stage");
    Came {
        category: verdict.category.clone(),
        labels: verdict.labels.clone(),
        trust: serde_json::to_value(mail.trust.level).unwrap().as_str().unwrap().to_owned(),
        escalate: verdict.escalate,
        facts,
        doubtful,
        words: sheet::words(&found, &mail),
        why: verdict
            .reasons
            .iter()
            .map(|reason| format!("{} «{}»", reason.condition, reason.saw))
            .collect::<Vec<_>>()
            .join("; "),
    }
}

/// Key and both readings of everything that came out otherwise.
fn differences(expected: &Expected, came: &Came) -> Vec<(String, String)> {
    let mut all = Vec::new();
    let mut differ = |key: &str, wanted: String, got: String| {
        if wanted != got {
            all.push((key.to_owned(), format!("expected {wanted}\n        came     {got}")));
        }
    };
    differ("category", expected.category.clone(), came.category.clone());
    differ("labels", format!("{:?}", expected.labels), format!("{:?}", came.labels));
    differ("trust", expected.trust.clone(), came.trust.clone());
    differ("escalate", expected.escalate.to_string(), came.escalate.to_string());
    let keys: BTreeSet<&String> = expected.facts.keys().chain(came.facts.keys()).collect();
    for key in keys {
        let show = |value: Option<&Value>| value.map_or("nothing".to_owned(), Value::to_string);
        let mut got = show(came.facts.get(key));
        if let (None, Some(doubtful)) = (came.facts.get(key), came.doubtful.get(key)) {
            let _ = write!(got, " (doubtful: {doubtful})");
        }
        differ(&format!("facts.{key}"), show(expected.facts.get(key)), got);
    }
    for (key, wanted) in &expected.words {
        let got = came.words.get(key).map_or("", String::as_str);
        if !got.contains(wanted.as_str()) {
            differ(&format!("words.{key}"), format!("«{wanted}»"), format!("«{got}»"));
        }
    }
    if all.iter().any(|(key, _)| key == "category") {
        all.push(("why".to_owned(), came.why.clone()));
    }
    all
}

/// The expectations as the results have them; the comment at the head stays, and so does the choice of words.
fn rewritten(old: &str, expected: &Expected, came: &Came) -> String {
    let mut text: String =
        old.lines().take_while(|line| line.starts_with('#')).map(|line| format!("{line}\n")).collect();
    line(&mut text, "received", expected.received.clone().into());
    if !expected.authserv_ids.is_empty() {
        line(&mut text, "authserv_ids", expected.authserv_ids.clone().into());
    }
    line(&mut text, "category", came.category.clone().into());
    line(&mut text, "labels", came.labels.iter().cloned().collect());
    line(&mut text, "trust", came.trust.clone().into());
    line(&mut text, "escalate", came.escalate.into());
    text.push_str("\n[facts]\n");
    for (key, value) in &came.facts {
        line(&mut text, key, value.clone());
    }
    if !expected.words.is_empty() {
        text.push_str("\n[words]\n");
    }
    for key in expected.words.keys() {
        line(&mut text, key, came.words.get(key).cloned().unwrap_or_default().into());
    }
    text
}

fn line(text: &mut String, key: &str, value: Value) {
    let value = toml::Value::try_from(value).expect("JSON without null is TOML");
    writeln!(text, "{key} = {value}").expect("a string takes what is written to it");
}

fn mails(root: &Path) -> Vec<(String, PathBuf)> {
    let mut all = Vec::new();
    for kind in KINDS {
        let Ok(folder) = std::fs::read_dir(root.join(kind)) else { continue };
        for file in folder {
            let path = file.unwrap().path();
            if path.extension().is_some_and(|ending| ending == "eml") {
                all.push((kind.to_owned(), path));
            }
        }
    }
    all.sort();
    all
}

#[test]
fn invented_mails_are_read_as_a_person_reads_them() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures");
    let rules = RuleSet::shipped();
    let update = std::env::var_os("UPDATE").is_some();
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    let (mut wrong, mut open) = (String::new(), String::new());
    for (kind, path) in mails(&root) {
        *counts.entry(kind).or_default() += 1;
        let name = path.strip_prefix(&root).unwrap().display().to_string();
        let beside = path.with_extension("toml");
        let text = std::fs::read_to_string(&beside).unwrap_or_else(|error| panic!("{}: {error}", beside.display()));
        let expected: Expected = toml::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", beside.display()));
        let came = came(&rules, &std::fs::read(&path).unwrap(), &expected);
        if update {
            std::fs::write(&beside, rewritten(&text, &expected, &came)).unwrap();
            continue;
        }
        let found = differences(&expected, &came);
        for key in expected.open.iter().filter(|key| !found.iter().any(|(other, _)| other == *key)) {
            let _ = writeln!(open, "    {name} {key}: comes out right now; take it off `open`");
        }
        for (key, difference) in found {
            let is_open = expected.open.contains(&key) || key == "why" && expected.open.contains("category");
            let _ = writeln!(if is_open { &mut open } else { &mut wrong }, "    {name} {key}:\n        {difference}");
        }
    }
    println!("mails: {counts:?}\nopen:\n{open}");
    assert!(wrong.is_empty(), "read otherwise than expected:\n{wrong}");
    for (kind, count) in &counts {
        assert!(*count >= FEWEST_OF_A_KIND, "only {count} mails in fixtures/{kind}");
    }
}
