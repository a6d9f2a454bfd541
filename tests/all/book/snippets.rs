//! Every TOML block of the documentation is taken by the program itself: configurations by its loader, rules by its check.

use super::page::{Fence, pages};
use super::world::{World, stand_in_secrets};
use std::fmt::Write as _;

/// What a TOML block is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Config,
    Rules,
    /// Conditions of a rule, without the rule.
    Conditions,
    /// `wanted.toml`
    Wanted,
    /// What is expected of a mail of one's own, beside it.
    Expected,
    /// Another program's or page's: the note before it says whose.
    Other,
}

const CONFIG: &[&str] = &[
    "version", "language", "account", "filing", "alerts", "web", "sight", "channel", "hot", "search", "ledger",
    "replies", "state", "wording", "letters", "wanted", "keep", "calendar", "log",
];
const RULES: &[&str] = &["category", "rule", "extract", "example", "quarantine-folder", "rank", "priority"];
const EXPECTED: &[&str] = &["received", "unsure"];

/// Sorts a block by the keys at its top.
pub fn kind(table: &toml::Table) -> Kind {
    let has = |keys: &[&str]| table.keys().any(|key| keys.contains(&key.as_str()));
    let tables = |key: &str| table.get(key).is_some_and(toml::Value::is_array);
    if tables("wanted") || tables("muted") {
        Kind::Wanted
    } else if has(EXPECTED) {
        Kind::Expected
    } else if has(RULES) {
        Kind::Rules
    } else if has(CONFIG) || table.get("rules").is_some_and(toml::Value::is_str) {
        Kind::Config
    } else if table.is_empty() {
        Kind::Other
    } else {
        Kind::Conditions
    }
}

/// The TOML files in a block: itself, or, where one key stands there in several forms, each line.
pub fn pieces(block: &str) -> Vec<String> {
    match toml::from_str::<toml::Table>(block) {
        Ok(_) => vec![block.to_owned()],
        Err(_) => block.lines().filter(|line| !line.trim().is_empty()).map(str::to_owned).collect(),
    }
}

/// A piece of a configuration made whole: with an account, and with the channels that it names and does not describe.
fn whole(piece: &str, table: &toml::Table) -> String {
    let mut text = piece.to_owned();
    let described = |name: &str| table.get("channel").and_then(|all| all.get(name)).is_some();
    let mut named: Vec<&str> = Vec::new();
    if let Some(alerts) = table.get("alerts") {
        for key in ["channels", "fallback"] {
            named.extend(
                alerts.get(key).and_then(toml::Value::as_array).into_iter().flatten().filter_map(toml::Value::as_str),
            );
        }
    }
    for name in named.into_iter().filter(|name| !described(name)) {
        let _ = write!(text, "\n[channel.{name}]\nkind = \"desktop\"\n");
    }
    if !table.contains_key("account") {
        text.push_str("\n[[account]]\nhost = \"127.0.0.1\"\nsecurity = \"plain\"\nuser = \"shopper\"\npassword = { file = \"x\" }\n");
    }
    text
}

/// Everything that is TOML, with the place it stands at.
pub fn blocks() -> Vec<Fence> {
    pages().iter().flat_map(super::page::Page::fences).filter(|fence| fence.language == "toml").collect()
}

#[test]
fn every_toml_block_is_taken_by_the_program() {
    let (mut configs, mut rules, mut wrong) = (0, 0, Vec::new());
    for fence in blocks() {
        if fence.says("not run").is_some() {
            continue; // counted among the others: see commands.rs
        }
        for piece in pieces(&fence.text) {
            let table: toml::Table = toml::from_str(&piece).unwrap_or_else(|error| panic!("{}: {error}", fence.place));
            let world = World::without_server();
            match kind(&table) {
                Kind::Config => {
                    configs += 1;
                    let text = whole(&piece, &table);
                    stand_in_secrets(&world, &table);
                    world.write(".config/modori/config.toml", &text);
                    let said = world.run("modori cases --state state");
                    wrong.extend((said.code != Some(0)).then(|| format!("{}\n{}", fence.place, said.all())));
                }
                Kind::Rules => {
                    rules += 1;
                    let bare = table.contains_key("category")
                        || !(table.contains_key("rule") || table.contains_key("example"));
                    let head = if bare { "" } else { "category = \"restock\"\n" };
                    world.write("rules/shown.toml", &format!("{head}{piece}"));
                    let said = world.run("modori rules check rules");
                    wrong.extend((said.code != Some(0)).then(|| format!("{}\n{}", fence.place, said.all())));
                }
                Kind::Conditions => {
                    world.write(
                        "rules/shown.toml",
                        &format!("category = \"restock\"\n[[rule]]\nname = \"shown\"\n{piece}"),
                    );
                    world.ok(&fence.place, "modori rules check rules");
                }
                Kind::Wanted => {
                    world.write(".config/modori/wanted.toml", &piece);
                    let list = world.ok(&fence.place, "modori want --list");
                    assert!(!list.contains("nothing is wanted"), "{}: {list}", fence.place);
                }
                Kind::Expected => {
                    world.write("mails/mail.toml", &piece);
                    world.write("mails/mail.eml", "From: <a@example.jp>\r\nSubject: x\r\n\r\nx\r\n");
                    // it is nothing of the kind, so what is looked at here is that each key is known
                    let said = world.run("modori rules test mails");
                    assert_eq!(said.code, Some(1), "{}: {}", fence.place, said.all());
                }
                Kind::Other => panic!("{}: nobody knows what this block is", fence.place),
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(configs > 30 && rules > 7, "only {configs} configurations and {rules} rule files were found");
}
