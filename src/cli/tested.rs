//! `modori rules test`: the examples of the rules, and mails of the shopper's own with what they expect beside them.

use super::args::{Format, TestRules};
use super::{Failure, mails, render, setup};
use crate::edge::files::FileMail;
use crate::engine::pure;
use crate::facts::sheet;
use crate::mail::Reading;
use crate::rules::{self, Known};
use jiff::Timestamp;
use serde_json::{Value, json};
use std::path::Path;

/// Keys of an expectation that are compared as they stand.
const PLAIN: &[&str] = &["category", "trust", "escalate", "rule", "folder"];
/// Keys that say how the mail is read, or speak to people.
const OTHER: &[&str] = &["received", "authserv_ids", "labels", "facts", "open", "unsure", "note", "words"];

/// One mail that was tried.
pub(super) struct Tested {
    pub(super) file: String,
    pub(super) category: String,
    pub(super) rule: Option<String>,
    /// What came out otherwise, one line each.
    pub(super) wrong: Vec<String>,
    /// Whether anything was expected of it.
    pub(super) expected: bool,
}

/// Runs the examples, then the mails. The exit code is 1 when anything came out otherwise.
pub(super) fn run(arguments: &TestRules, config: Option<&Path>) -> Result<(), Failure> {
    let folder = setup::rules_folder(arguments.judging.rules.as_deref(), config)?;
    let named = setup::config_if_any(config)?;
    let account = arguments.judging.account.as_deref();
    let account = account.map(|name| setup::account(named.as_ref(), name)).transpose()?;
    let report = rules::check_layers(&setup::layers(folder.as_deref(), account)?);
    let setup =
        setup::quiet(config, folder.as_deref(), &arguments.judging.authserv_id, arguments.judging.account.as_deref())?;
    let mut tested = Vec::new();
    let mut unread = Vec::new();
    for found in mails::all(&arguments.paths) {
        match found {
            Ok(found) => match one(&setup, &found) {
                Ok(one) => tested.push(one),
                Err(why) => unread.push(format!("{}: {why}", found.label)),
            },
            Err(failed) => unread.push(format!("{}: {}", failed.file, failed.what)),
        }
    }
    let wrong = tested.iter().filter(|one| !one.wrong.is_empty()).count();
    let (passed, failed) = (report.passed(), report.failed());
    match arguments.judging.format {
        Format::Json => {
            let mails: Vec<Value> = tested.iter().map(Tested::json).collect();
            let examples: Vec<Value> = report
                .examples
                .iter()
                .map(|one| json!({ "name": one.name, "file": one.file, "line": one.line, "problem": one.problem }))
                .collect();
            anstream::println!("{}", json!({ "examples": examples, "mails": mails, "unread": unread }));
        }
        Format::Text => {
            for one in report.examples.iter().filter(|one| one.problem.is_some()) {
                let problem = one.problem.as_deref().unwrap_or_default();
                anstream::println!("{}:{}: the example `{}` fails: {problem}", one.file, one.line, one.name);
            }
            if wrong > 0 {
                anstream::println!("{}", render::tested(&tested));
            }
            unread.iter().for_each(|line| anstream::println!("{line}"));
            let asked = tested.iter().filter(|one| one.expected).count();
            anstream::println!(
                "{passed} of {} as expected; {} of {} as expected",
                render::count(passed + failed, "example"),
                asked - wrong,
                render::count(asked, "mail")
            );
            if asked < tested.len() {
                let rest = render::count(tested.len() - asked, "mail");
                anstream::println!(
                    "{rest} had no expectation: put NAME.toml beside NAME.eml, or the mail into a folder named after its category"
                );
            }
        }
    }
    if failed + wrong + unread.len() > 0 {
        return Err(Failure::new(format!("{} came out otherwise", failed + wrong + unread.len())));
    }
    Ok(())
}

fn one(setup: &setup::Quiet, found: &FileMail) -> Result<Tested, String> {
    let expected = expectation(setup, found)?;
    let received = match expected.get("received").and_then(Value::as_str) {
        Some(text) => text.parse::<Timestamp>().map_err(|_| format!("`received = \"{text}\"` is no instant"))?,
        None => found.received,
    };
    let mut ids = setup.authserv_ids.clone();
    let more = expected.get("authserv_ids").and_then(Value::as_array).into_iter().flatten();
    ids.extend(more.filter_map(Value::as_str).map(str::to_owned));
    let reading = Reading { received, size: found.size, authserv_ids: &ids };
    let (mail, facts) = pure::read(&setup.rules, &found.bytes, &reading).map_err(|poison| poison.to_string())?;
    let known = Known { own_addresses: setup.own_addresses.clone(), ..Known::default() };
    let verdict = pure::judge(&setup.rules, &mail, &facts, &known).map_err(|poison| poison.to_string())?;
    let got = json!({
        "category": verdict.category,
        "labels": verdict.labels,
        "trust": mail.trust.level,
        "escalate": verdict.escalate,
        "rule": verdict.rule,
        "folder": verdict.folder,
        "facts": sheet::sheet(&facts),
    });
    let wrong = differences(&expected, &got)?;
    Ok(Tested {
        file: found.label.clone(),
        category: verdict.category,
        rule: verdict.rule,
        wrong,
        expected: expected.as_object().is_some_and(|keys| !keys.is_empty()),
    })
}

/// What is expected of a mail: the TOML file beside it, else the category that its folder is named after.
fn expectation(setup: &setup::Quiet, found: &FileMail) -> Result<Value, String> {
    let beside = found.path.with_extension("toml");
    if found.path.extension().is_some_and(|end| end == "eml")
        && let Ok(text) = std::fs::read_to_string(&beside)
    {
        let table: toml::Table =
            text.parse().map_err(|error: toml::de::Error| format!("{}: {}", beside.display(), error.message()))?;
        for key in table.keys() {
            if !PLAIN.contains(&key.as_str()) && !OTHER.contains(&key.as_str()) {
                let all =
                    [PLAIN, &["labels", "facts", "received", "authserv_ids", "unsure", "note"]].concat().join(", ");
                return Err(format!("{}: `{key}` is no key of an expectation ({all})", beside.display()));
            }
        }
        return serde_json::to_value(&table).map_err(|error| error.to_string());
    }
    let folders = found.path.parent().into_iter().flat_map(Path::ancestors);
    let named = folders.filter_map(|folder| folder.file_name()?.to_str()).find(|name| {
        // a Maildir's mails lie one level deeper
        setup.rules.categories().any(|category| category == *name)
    });
    Ok(named.map_or_else(|| json!({}), |category| json!({ "category": category })))
}

/// What came out otherwise; facts that are not expected do not count, those that are `unsure` or `open` neither.
fn differences(expected: &Value, got: &Value) -> Result<Vec<String>, String> {
    let list = |key: &str| -> Vec<&str> {
        let keys = expected.get(key).and_then(Value::as_array).into_iter().flatten();
        keys.filter_map(Value::as_str).collect()
    };
    let skipped = [list("open"), list("unsure")].concat();
    let skip = |key: &str| skipped.iter().any(|one| *one == key || key.starts_with(&format!("{one}.")));
    let mut wrong = Vec::new();
    let mut differ = |key: &str, wanted: &Value, came: &Value| {
        if wanted != came && !skip(key) {
            wrong.push(format!("{key}: expected {wanted}, got {came}"));
        }
    };
    for key in PLAIN {
        if let Some(wanted) = expected.get(key) {
            differ(key, wanted, got.get(key).unwrap_or(&Value::Null));
        }
    }
    if let Some(wanted) = expected.get("labels") {
        let mut sorted: Vec<String> =
            serde_json::from_value(wanted.clone()).map_err(|_| "`labels` is a list of words".to_owned())?;
        sorted.sort_unstable();
        differ("labels", &json!(sorted), got.get("labels").unwrap_or(&Value::Null));
    }
    let empty = serde_json::Map::new();
    let facts = expected.get("facts").and_then(Value::as_object).unwrap_or(&empty);
    for (key, wanted) in facts {
        let came = got.get("facts").and_then(|facts| facts.get(key)).unwrap_or(&Value::Null);
        match (wanted, came) {
            (Value::Object(wanted), Value::Object(came)) => {
                for (field, wanted) in wanted {
                    differ(&format!("facts.{key}.{field}"), wanted, came.get(field).unwrap_or(&Value::Null));
                }
            }
            _ => differ(&format!("facts.{key}"), wanted, came),
        }
    }
    Ok(wrong)
}

impl Tested {
    fn json(&self) -> Value {
        json!({
            "file": self.file, "category": self.category, "rule": self.rule, "expected": self.expected, "wrong": self.wrong,
        })
    }
}
