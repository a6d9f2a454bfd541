//! What is linked in: every licence acceptable, nothing that brings a second TLS stack or runtime.

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

const LICENCES: &[&str] = &[
    "0BSD", "Apache-2.0", "Apache-2.0 WITH LLVM-exception", "BSD-2-Clause", "BSD-3-Clause", "BSL-1.0", "CC0-1.0",
    "CDLA-Permissive-2.0", "ISC", "MIT", "MIT-0", "MPL-2.0", "Unicode-3.0", "Unicode-DFS-2016", "Unlicense", "WTFPL",
    "Zlib", "blessing",
];

/// Crate names, `*` at the end for a family, and why.
const BANNED: &[(&str, &str)] = &[
    ("openssl*", "TLS is rustls with ring alone"),
    ("native-tls", "TLS is rustls with ring alone"),
    ("tokio-native-tls", "TLS is rustls with ring alone"),
    ("aws-lc*", "TLS is rustls with ring alone"),
    ("async-std", "one runtime: tokio"),
    ("async-io", "one runtime: tokio"),
    ("smol", "one runtime: tokio"),
    ("actix*", "one runtime: tokio"),
    ("anyhow", "errors are enums that answer what to do next"),
    ("eyre", "errors are enums that answer what to do next"),
    ("fancy-regex", "regexes run on a stranger's text: linear time only"),
    ("pcre2", "regexes run on a stranger's text: linear time only"),
    ("utf7-imap", "panics on a broken folder name"),
];

/// May this SPDX expression be satisfied with the licences of the list? AND binds tighter than OR; `/` is an old OR.
fn acceptable(expression: &str) -> bool {
    let text = expression.replace('/', " OR ").replace('(', " ( ").replace(')', " ) ");
    let words: Vec<&str> = text.split_whitespace().collect();
    let mut at = 0;
    let ok = any(&words, &mut at);
    ok && at == words.len()
}

fn any(words: &[&str], at: &mut usize) -> bool {
    let mut ok = all(words, at);
    while words.get(*at) == Some(&"OR") {
        *at += 1;
        ok |= all(words, at);
    }
    ok
}

fn all(words: &[&str], at: &mut usize) -> bool {
    let mut ok = one(words, at);
    while words.get(*at) == Some(&"AND") {
        *at += 1;
        ok &= one(words, at);
    }
    ok
}

fn one(words: &[&str], at: &mut usize) -> bool {
    let Some(&word) = words.get(*at) else { return false };
    *at += 1;
    if word == "(" {
        let ok = any(words, at);
        let closed = words.get(*at) == Some(&")");
        *at += 1;
        return ok && closed;
    }
    let mut licence = word.to_owned();
    if words.get(*at) == Some(&"WITH") {
        licence = format!("{word} WITH {}", words.get(*at + 1).unwrap_or(&""));
        *at += 2;
    }
    LICENCES.contains(&licence.as_str())
}

fn metadata() -> serde_json::Value {
    let run = |offline: bool| {
        let mut command = Command::new(env!("CARGO"));
        command.args(["metadata", "--format-version", "1", "--locked"]).current_dir(env!("CARGO_MANIFEST_DIR"));
        if offline {
            command.arg("--offline");
        }
        command.output().unwrap()
    };
    // crates of other platforms are in the lock file but perhaps not on this disk: then ask once more with the network
    let mut output = run(true);
    if !output.status.success() {
        output = run(false);
    }
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

#[test]
fn every_dependency_is_welcome() {
    let metadata = metadata();
    let packages = metadata["packages"].as_array().unwrap();
    assert!(packages.len() > 50, "cargo metadata listed only {} packages", packages.len());
    let mut wrong = BTreeSet::new();
    for package in packages {
        let name = package["name"].as_str().unwrap();
        match package["license"].as_str() {
            Some(licence) if acceptable(licence) => {}
            Some(licence) => drop(wrong.insert(format!("{name}: licence {licence} is not in the list"))),
            None => drop(wrong.insert(format!("{name}: states no licence"))),
        }
        for (banned, why) in BANNED {
            let hit = banned.strip_suffix('*').map_or(name == *banned, |family| name.starts_with(family));
            // openssl-probe only finds the system's certificate files
            if hit && name != "openssl-probe" {
                wrong.insert(format!("{name}: {why}"));
            }
        }
    }
    assert!(wrong.is_empty(), "\n{}\n", wrong.into_iter().collect::<Vec<_>>().join("\n"));
}

#[test]
fn the_crates_that_must_agree_are_there_once() {
    let metadata = metadata();
    let mut versions: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for package in metadata["packages"].as_array().unwrap() {
        versions.entry(package["name"].as_str().unwrap()).or_default().insert(package["version"].as_str().unwrap());
    }
    for name in ["rustls", "ring", "tokio", "libsqlite3-sys", "regex-automata", "jiff", "mail-parser"] {
        let found = versions.get(name).cloned().unwrap_or_default();
        assert_eq!(found.len(), 1, "{name} {found:?}");
    }
}

#[test]
fn licence_expressions_are_read_as_they_are_written() {
    for (expression, expect) in [
        ("MIT", true),
        ("MIT OR Apache-2.0", true),
        ("MIT/Apache-2.0", true),
        ("GPL-3.0-only", false),
        ("GPL-3.0-only OR MIT", true),
        ("GPL-3.0-only AND MIT", false),
        ("(MIT OR Apache-2.0) AND Unicode-3.0", true),
        ("Apache-2.0 AND (MIT OR GPL-2.0-only)", true),
        ("Apache-2.0 WITH LLVM-exception OR GPL-2.0-only", true),
        ("GPL-2.0-only WITH Classpath-exception-2.0", false),
        ("(MIT", false),
        ("", false),
    ] {
        assert_eq!(acceptable(expression), expect, "{expression}");
    }
}
