//! `modori explain`: it agrees with the verdict on every sample mail, for people and for programs.

use jiff::Timestamp;
use modori::mail::{self, Reading};
use modori::rules::{self, Known, RuleSet};
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::Command;

fn samples() -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures");
    let kinds = std::fs::read_dir(root).unwrap().map(|kind| kind.unwrap().path()).filter(|kind| kind.is_dir());
    let files = kinds.flat_map(|kind| std::fs::read_dir(kind).unwrap().map(|file| file.unwrap().path()));
    files.filter(|file| file.extension().is_some_and(|extension| extension == "eml")).collect()
}

#[test]
fn every_rule_is_told_as_it_was_judged() {
    let rules = RuleSet::shipped();
    let mut decided = 0;
    for file in samples() {
        let bytes = std::fs::read(&file).unwrap();
        let reading = Reading {
            received: Timestamp::from_second(1_795_000_000).unwrap(),
            size: u32::try_from(bytes.len()).unwrap(),
            authserv_ids: &["mx.modori.example".to_owned()],
        };
        let mail = mail::read(&bytes, &reading);
        let facts = rules::read(&rules, &mail);
        let verdict = rules::judge(&rules, &mail, &facts, &Known::default());
        let told = rules::explain(&rules, &mail, &facts, &Known::default());
        let named = |rule: Option<&String>| rule.cloned().unwrap_or_default();
        assert_eq!(told.verdict, verdict, "{}", file.display());
        assert_eq!(told.rules.len(), rules.list().iter().filter(|rule| rule.enabled).count());
        let first = told.rules.iter().find(|rule| rule.decided);
        assert_eq!(named(first.map(|rule| &rule.name)), named(verdict.rule.as_ref()), "{}", file.display());
        assert_eq!(first.is_some(), told.aside.is_none() && told.rules.iter().any(|rule| rule.matched));
        if let Some(first) = first {
            decided += 1;
            assert!((first.score.unwrap_or_default() - verdict.score).abs() < 1e-9, "{}", file.display());
            // whatever matches and is of another category is a label, or was taken off as one of a dead order
            let others = told.rules.iter().filter(|rule| rule.matched && rule.category != verdict.category);
            for other in others.filter(|rule| rule.category != "other" && verdict.category != "other") {
                assert!(
                    verdict.labels.contains(&other.category) || other.category == "order",
                    "{}: {}",
                    file.display(),
                    other.name
                );
            }
        }
        for rule in &told.rules {
            assert_eq!(rule.matched, rule.failed.is_none(), "{}: {}", file.display(), rule.name);
            assert!((0.0..=1.0).contains(&rule.nearness), "{}: {}", rule.name, rule.nearness);
        }
    }
    assert!(decided > 200, "{decided} mails were decided by a rule");
}

fn modori(arguments: &[&str]) -> (String, String, Option<i32>) {
    let home = tempfile::tempdir().unwrap();
    let out = Command::new(env!("CARGO_BIN_EXE_modori"))
        .args(arguments)
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .env("HOME", home.path())
        .env("XDG_CONFIG_HOME", home.path())
        .output()
        .unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (text(out.stdout), text(out.stderr), out.status.code())
}

#[test]
fn people_see_the_words_that_decided() {
    let (out, _, code) = modori(&["explain", "fixtures/cancellation/u1-oos-english-ask.eml"]);
    assert_eq!(code, Some(0));
    for part in [
        "verdict  cancellation + needs-answer, pending",
        "✓ out of stock, the shop asks (cancellation, rank 50, rules/cancellation.toml:",
        "subject: about your order - one tea is «sold out», please choose",
        "body line 5: i'm very «sorry» to tell you",
        "Nearest misses",
        "order_number = 360411-20261112-0411907732",
        "line 8:   Rakuten order no.  «360411-20261112-0411907732»",
    ] {
        assert!(out.contains(part), "{part}\n{out}");
    }
    assert!(!out.contains('\x1b'), "no colours in a pipe");
    // the text of the mail is not printed as such: only lines that matter
    assert!(!out.contains("The estate has none left"), "{out}");
}

#[test]
fn programs_get_the_same() {
    let mail = "fixtures/suspect/fake-restock-false-host.eml";
    let (out, _, code) = modori(&["explain", "--format", "json", mail]);
    assert_eq!(code, Some(0));
    let told: Value = serde_json::from_str(&out).unwrap();
    assert_eq!(told["trust"]["level"], "suspect");
    assert_eq!(told["aside"], "suspect mail goes into quarantine");
    assert!(told["rules"].as_array().unwrap().iter().all(|rule| rule["decided"] == false));
    let (out, _, _) = modori(&["classify", "--format", "json", mail]);
    let classified: Value = serde_json::from_str(&out).unwrap();
    for key in ["category", "labels", "rule", "folder", "escalate", "message_id"] {
        assert_eq!(told[key], classified[key], "{key}");
    }
}

#[test]
fn one_rule_is_shown_whole_and_a_wrong_name_is_refused() {
    let mail = "fixtures/cancellation/u1-oos-english-ask.eml";
    let (out, _, _) = modori(&["explain", "--rule", "card refused", mail]);
    assert!(out.contains("✗ card refused") && !out.contains("Nearest misses"), "{out}");
    let (_, error, code) = modori(&["explain", "--rule", "no such rule", mail]);
    assert_eq!(code, Some(2));
    assert!(error.contains("no rule is named `no such rule`"), "{error}");
}
