//! How often modori is right about mail it was not written for: `MAILS=FOLDER cargo test --profile long --test all accuracy
//! -- --ignored --nocapture` scores a folder of `NAME.eml` beside `NAME.toml`; without MAILS, the kept sets of strangers'
//! mails. docs/accuracy.md keeps the figures.

use crate::fixtures::{given, result};
use modori::rules::RuleSet;
use serde_json::{Map, Value};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

const CATEGORIES: &[&str] = &["restock", "cancellation", "point-refund", "coupon", "order", "other"];

/// Hits, false alarms and misses of one category.
#[derive(Default)]
struct Count {
    right: u32,
    wrongly: u32,
    missed: u32,
}

impl Count {
    fn f1(&self) -> f64 {
        let all = 2 * self.right + self.wrongly + self.missed;
        if all == 0 { 1.0 } else { f64::from(2 * self.right) / f64::from(all) }
    }
}

/// What became of one fact over all mails.
#[derive(Default)]
struct Fact {
    right: u32,
    wrong: u32,
    missing: u32,
    /// Reported although the reader expects none.
    extra: u32,
}

#[test]
#[ignore = "scores a folder of mails, for people"]
fn accuracy() {
    let files = |folder: &Path| -> Vec<PathBuf> {
        let all = std::fs::read_dir(folder).unwrap().map(|file| file.unwrap().path());
        all.filter(|path| path.extension().is_some_and(|extension| extension == "eml")).collect()
    };
    // without a folder: the sets of strangers' mails that are kept as samples
    let mut mails: Vec<PathBuf> = match std::env::var_os("MAILS") {
        Some(folder) => files(Path::new(&folder)),
        None => {
            let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures");
            let kinds = std::fs::read_dir(root).unwrap().map(|kind| kind.unwrap().path()).filter(|kind| kind.is_dir());
            let of_a_set = |path: &PathBuf| {
                let name = path.file_name().unwrap_or_default().to_string_lossy();
                name.starts_with('u') && name.as_bytes().get(1).is_some_and(u8::is_ascii_digit)
            };
            kinds.flat_map(|kind| files(&kind)).filter(of_a_set).collect()
        }
    };
    assert!(!mails.is_empty(), "no mails");
    mails.sort();
    let rules = RuleSet::shipped();
    let mut counts: BTreeMap<String, Count> =
        CATEGORIES.iter().map(|name| ((*name).into(), Count::default())).collect();
    let mut facts: BTreeMap<String, Fact> = BTreeMap::new();
    let (mut trust, mut labels, mut missed, mut forged, mut alarms) = (0, 0, 0, 0, 0);
    for path in &mails {
        let expected: toml::Table = std::fs::read_to_string(path.with_extension("toml"))
            .unwrap()
            .parse()
            .unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        let (received, ids) = given(&expected);
        let got = result(&std::fs::read(path).unwrap(), received, &ids, &rules);
        let wanted = serde_json::to_value(&expected).unwrap();
        let unsure: Vec<&str> = wanted["unsure"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
        let name = path.file_name().unwrap().to_string_lossy();
        let tell = |what: &str, wanted: &Value, got: &Value| println!("{name}: {what}: expected {wanted}, got {got}");
        let (is, should) = (got["category"].as_str().unwrap(), wanted["category"].as_str().unwrap());
        if unsure.contains(&"category") {
        } else if is == should {
            counts.get_mut(should).unwrap().right += 1;
        } else {
            counts.get_mut(should).unwrap().missed += 1;
            counts.entry(is.to_owned()).or_default().wrongly += 1;
            tell("category", &wanted["category"], &got["category"]);
        }
        if unsure.contains(&"trust") || got["trust"] == wanted["trust"] {
            trust += 1;
        } else {
            tell("trust", &wanted["trust"], &got["trust"]);
        }
        if unsure.contains(&"labels") || as_set(&got["labels"]) == as_set(&wanted["labels"]) {
            labels += 1;
        } else {
            tell("labels", &wanted["labels"], &got["labels"]);
        }
        let suspect = wanted["trust"] == "suspect";
        let told = got["escalate"].as_bool().unwrap();
        let should_tell =
            if unsure.contains(&"escalate") { told } else { wanted["escalate"].as_bool().unwrap_or(false) };
        match (should_tell, told) {
            (true, false) => missed += 1,
            (false, true) if suspect => forged += 1,
            (false, true) => alarms += 1,
            _ => {}
        }
        if should_tell != told {
            tell("escalate", &wanted["escalate"], &got["escalate"]);
        }
        if suspect {
            continue;
        }
        let empty = Value::Object(Map::new());
        let (wanted, got) = (flat(wanted.get("facts").unwrap_or(&empty)), flat(&got["facts"]));
        for key in wanted.keys().chain(got.keys()).collect::<BTreeSet<_>>() {
            let plain = key.split('.').next().unwrap().trim_end_matches(|c: char| c.is_ascii_digit());
            if unsure.iter().any(|unsure| format!("facts.{key}").starts_with(unsure))
                || plain == "stage"
                || plain == "stock"
            {
                continue;
            }
            let slot = facts.entry(key.chars().filter(|c| !c.is_ascii_digit()).collect()).or_default();
            match (wanted.get(key), got.get(key)) {
                (Some(a), Some(b)) if same(a, b) => slot.right += 1,
                (Some(_), Some(_)) => slot.wrong += 1,
                (Some(_), None) => slot.missing += 1,
                _ => slot.extra += 1,
            }
            if wanted.get(key).is_none_or(|a| got.get(key).is_none_or(|b| !same(a, b))) {
                let of = |table: &BTreeMap<String, Value>| table.get(key).cloned().unwrap_or_default();
                tell(key, &of(&wanted), &of(&got));
            }
        }
    }
    println!("\n{:<14} {:>5} {:>8} {:>7} {:>6}", "category", "right", "wrongly", "missed", "F1");
    for (name, count) in &counts {
        println!("{name:<14} {:>5} {:>8} {:>7} {:>6.3}", count.right, count.wrongly, count.missed, count.f1());
    }
    let macro_f1 = counts.values().map(Count::f1).sum::<f64>() / counts.len() as f64;
    println!("macro F1 {macro_f1:.3} over {} mails; trust right {trust}, labels right {labels}", mails.len());
    println!("alerts missed {missed}, alerts for what is no restock {alarms}, forged mail alerted {forged}\n");
    println!("{:<28} {:>5} {:>5} {:>7} {:>5}", "fact", "right", "wrong", "missing", "extra");
    for (name, fact) in &facts {
        println!("{name:<28} {:>5} {:>5} {:>7} {:>5}", fact.right, fact.wrong, fact.missing, fact.extra);
    }
}

fn as_set(list: &Value) -> BTreeSet<&str> {
    list.as_array().into_iter().flatten().filter_map(Value::as_str).collect()
}

/// Facts by their path: `coupon.amount_yen`, `items.0.name`.
fn flat(facts: &Value) -> BTreeMap<String, Value> {
    fn into(path: String, value: &Value, out: &mut BTreeMap<String, Value>) {
        let join = |key: &str| if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") };
        match value {
            Value::Object(map) => map.iter().for_each(|(key, value)| into(join(key), value, out)),
            Value::Array(list) => list.iter().enumerate().for_each(|(n, value)| into(join(&n.to_string()), value, out)),
            other => drop(out.insert(path, other.clone())),
        }
    }
    let mut out = BTreeMap::new();
    into(String::new(), facts, &mut out);
    out
}

/// Equal, but for widths and blanks of a name.
fn same(a: &Value, b: &Value) -> bool {
    let plain = |value: &Value| value.as_str().map(|text| modori::text::fold(text).text().replace(' ', ""));
    a == b || plain(a).is_some() && plain(a) == plain(b)
}
