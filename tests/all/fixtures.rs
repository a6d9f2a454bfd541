//! Every sample mail under `fixtures/` yields what the file beside it says. `UPDATE=1` rewrites those files from the
//! results; a reader of the difference decides. Keys under `open` are known to be read wrongly: what stands there is
//! what a reader expects, a difference is printed and does not fail.

use jiff::Timestamp;
use modori::facts::sheet;
use modori::mail::{self, Reading};
use modori::rules::{self, Known, RuleSet};
use serde_json::{Map, Value};
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

/// The kinds of mail, one folder each.
const KINDS: &[&str] = &["broken", "cancellation", "coupon", "order", "other", "point-refund", "restock", "suspect"];
/// Facts whose words are held, too: those that cost points when they are misread.
const WORDS: &[&str] = &[
    "order_number", "points_used", "coupon_used_yen", "points_return", "cancelled", "reply_by", "pay_by", "resale_at",
];

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures")
}

fn fixtures() -> Vec<(String, PathBuf)> {
    let mut found = Vec::new();
    for kind in KINDS {
        let files = std::fs::read_dir(folder().join(kind)).unwrap_or_else(|error| panic!("fixtures/{kind}: {error}"));
        for file in files.map(Result::unwrap).map(|file| file.path()) {
            if file.extension().is_some_and(|extension| extension == "eml") {
                found.push(((*kind).to_owned(), file));
            }
        }
    }
    found.sort();
    found
}

/// What is given beside the mail, not read from it.
pub fn given(expected: &toml::Table) -> (Timestamp, Vec<String>) {
    let received = expected.get("received").and_then(toml::Value::as_str).expect("received");
    let ids = expected.get("authserv_ids").and_then(toml::Value::as_array).cloned().unwrap_or_default();
    let ids = ids.iter().filter_map(toml::Value::as_str).map(str::to_owned).collect();
    (received.parse().expect("received is an instant"), ids)
}

/// Keys such as `facts.total_yen` that are known to come out otherwise.
fn open(expected: &toml::Table) -> Vec<String> {
    let keys = expected.get("open").and_then(toml::Value::as_array).cloned().unwrap_or_default();
    keys.iter().filter_map(toml::Value::as_str).map(str::to_owned).collect()
}

pub fn result(bytes: &[u8], received: Timestamp, authserv_ids: &[String], rules: &RuleSet) -> Map<String, Value> {
    let size = u32::try_from(bytes.len()).unwrap();
    let mail = mail::read(bytes, &Reading { received, size, authserv_ids });
    let facts = rules::read(rules, &mail);
    let verdict = rules::judge(rules, &mail, &facts, &Known::default());
    let mut words: BTreeMap<String, String> = sheet::words(&facts, &mail);
    words.retain(|key, _| WORDS.contains(&key.as_str()));
    let mut result = Map::new();
    result.insert("category".into(), verdict.category.into());
    result.insert("labels".into(), verdict.labels.into_iter().collect());
    result.insert("trust".into(), serde_json::to_value(mail.trust.level).unwrap());
    result.insert("escalate".into(), verdict.escalate.into());
    result.insert("facts".into(), sheet::sheet(&facts));
    result.insert("words".into(), serde_json::to_value(words).unwrap());
    result
}

/// The differences between what should come out and what does, one line each.
fn differences(path: &str, expected: &Value, got: &Value, lines: &mut String) {
    match (expected, got) {
        (Value::Object(expected), Value::Object(got)) => {
            let keys: std::collections::BTreeSet<&String> = expected.keys().chain(got.keys()).collect();
            for key in keys {
                let none = Value::Null;
                let (a, b) = (expected.get(key).unwrap_or(&none), got.get(key).unwrap_or(&none));
                differences(&format!("{path}.{key}"), a, b, lines);
            }
        }
        (expected, got) if expected != got => {
            let _ = writeln!(lines, "  {}: expected {expected}, got {got}", path.trim_start_matches('.'));
        }
        _ => {}
    }
}

fn written(expected: &toml::Table, got: &Map<String, Value>) -> String {
    let mut table = toml::Table::new();
    for (key, value) in got {
        let empty = value.as_object().is_some_and(Map::is_empty);
        if !empty {
            table.insert(key.clone(), toml::Value::try_from(value).expect("a value of TOML"));
        }
    }
    let mut text = String::new();
    // what is known to come out wrong stays as a reader expects it
    for key in open(expected) {
        let Some((table_name, key)) = key.split_once('.') else { continue };
        let wanted = expected.get(table_name).and_then(|table| table.get(key)).cloned();
        if let Some(facts) = table.get_mut(table_name).and_then(toml::Value::as_table_mut) {
            facts.remove(key);
            facts.extend(wanted.map(|wanted| (key.to_owned(), wanted)));
        }
    }
    for key in ["received", "authserv_ids", "open"] {
        if let Some(value) = expected.get(key) {
            let _ = writeln!(text, "{key} = {value}");
        }
    }
    text + &toml::to_string(&table).expect("TOML")
}

#[test]
fn every_sample_mail_yields_what_is_written_beside_it() {
    let rules = RuleSet::shipped();
    let update = std::env::var_os("UPDATE").is_some();
    let mut wrong = String::new();
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    for (kind, file) in fixtures() {
        *counts.entry(kind.clone()).or_default() += 1;
        let name = format!("fixtures/{kind}/{}", file.file_name().unwrap_or_default().to_string_lossy());
        let beside = file.with_extension("toml");
        let text = std::fs::read_to_string(&beside).unwrap_or_else(|error| panic!("{}: {error}", beside.display()));
        let expected: toml::Table = text.parse().unwrap_or_else(|error| panic!("{}: {error}", beside.display()));
        let (received, ids) = given(&expected);
        let got = result(&std::fs::read(&file).unwrap(), received, &ids, &rules);
        if update {
            std::fs::write(&beside, written(&expected, &got)).unwrap();
            continue;
        }
        let open = open(&expected);
        let mut expected = serde_json::to_value(&expected).unwrap();
        if let Some(fields) = expected.as_object_mut() {
            fields.remove("received");
            fields.remove("authserv_ids");
            fields.remove("open");
            for key in ["facts", "words"] {
                fields.entry(key).or_insert_with(|| Value::Object(Map::new()));
            }
        }
        let mut lines = String::new();
        differences("", &expected, &Value::Object(got), &mut lines);
        let (known, lines): (Vec<&str>, Vec<&str>) = lines.lines().partition(|line| {
            open.iter().any(|key| {
                line.trim_start().strip_prefix(key.as_str()).is_some_and(|rest| rest.starts_with([':', '.']))
            })
        });
        known.iter().for_each(|line| println!("{name} open:{line}"));
        let lines: String = lines.iter().map(|line| format!("{line}\n")).collect();
        if !lines.is_empty() {
            let _ = write!(wrong, "{name}\n{lines}");
        }
    }
    println!("{counts:?}");
    assert!(counts.values().sum::<usize>() >= 80 && counts.values().all(|count| *count >= 5), "{counts:?}");
    assert!(wrong.is_empty(), "\n{wrong}");
}

/// Every trap that is known of has samples, and they are samples of what is written there.
#[test]
fn every_trap_has_its_samples() {
    let text = std::fs::read_to_string(folder().join("traps.toml")).unwrap();
    let traps: toml::Table = text.parse().unwrap();
    let mut missing = Vec::new();
    for n in 1..=52 {
        let trap = traps.get(&format!("T{n:02}")).unwrap_or_else(|| panic!("T{n:02} is not told"));
        let list = |key: &str| -> Vec<String> {
            let list = trap.get(key).and_then(toml::Value::as_array).cloned().unwrap_or_default();
            list.iter().filter_map(toml::Value::as_str).map(str::to_owned).collect()
        };
        let (mails, tests) = (list("mails"), list("tests"));
        assert!(!mails.is_empty() || !tests.is_empty(), "T{n:02} has no sample");
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        missing.extend(mails.into_iter().filter(|mail| !folder().join(format!("{mail}.eml")).exists()));
        missing.extend(tests.into_iter().filter(|test| !root.join(test).exists()));
    }
    assert_eq!(traps.len(), 52);
    assert!(missing.is_empty(), "{missing:?}");
    let forged = fixtures().iter().filter(|(kind, _)| kind == "suspect").count();
    assert!(forged >= 25, "{forged} forgeries");
}
