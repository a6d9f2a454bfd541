//! The recipes of docs/recipes.md, each run as its reader would: the file is saved, the check passes, the first mail comes out as
//! the page shows, and not without the recipe; the second is left alone.

use super::commands::{shows, typed};
use super::page::{Fence, read};
use super::snippets::{Kind, kind};
use super::world::{World, stand_in_secrets};
use serde_json::Value;

const PAGE: &str = "docs/recipes.md";
const CONFIG: &str = "rules = \"rules\"\n[[account]]\nhost = \"127.0.0.1\"\nsecurity = \"plain\"\nuser = \"shopper\"\n\
                      password = { file = \"x\" }\nauthserv_ids = [\"mx.example.jp\"]\n";

/// A recipe: its title, and its blocks.
fn recipes() -> Vec<(String, Vec<Fence>)> {
    let page = read(PAGE);
    let parts = page.text.split("\n## ").skip(1);
    parts
        .map(|part| {
            let title = part.lines().next().unwrap().to_owned();
            let one = super::page::Page { path: format!("{PAGE}, {title}"), text: part.to_owned() };
            (title, one.fences())
        })
        .collect()
}

/// An example of a rule file as a mail that arrives, judged by the reader's provider as the example says.
fn mail(example: &toml::Value, attached: bool) -> String {
    let text = |key: &str| example.get(key).and_then(toml::Value::as_str);
    let from = text("from").unwrap();
    let host = from.rsplit('@').next().unwrap().trim_end_matches('>');
    let mut mail = String::new();
    if text("trust").is_none_or(|trust| trust == "verified") {
        mail.push_str(&format!(
            "Authentication-Results: mx.example.jp; dkim=pass header.d={host}; spf=pass smtp.mailfrom={host}; dmarc=pass header.from={host}\n"
        ));
    }
    mail.push_str(&format!("From: {from}\nTo: <hanako@example.jp>\nSubject: {}\n", text("subject").unwrap()));
    mail.push_str("Date: Tue, 24 Nov 2026 10:00:00 +0900\nMessage-ID: <shown@example.jp>\nMIME-Version: 1.0\n");
    for (name, value) in example.get("headers").and_then(toml::Value::as_table).into_iter().flatten() {
        mail.push_str(&format!("{name}: {}\n", value.as_str().unwrap()));
    }
    let body = format!(
        "Content-Type: text/plain; charset=UTF-8\nContent-Transfer-Encoding: 8bit\n\n{}\n",
        text("body").unwrap_or_default()
    );
    if attached {
        mail.push_str(&format!(
            "Content-Type: multipart/mixed; boundary=b\n\n--b\n{body}--b\nContent-Type: application/pdf\n\
             Content-Disposition: attachment; filename=receipt.pdf\nContent-Transfer-Encoding: base64\n\nJVBERg==\n--b--\n"
        ));
    } else {
        mail.push_str(&body);
    }
    mail.replace('\n', "\r\n")
}

/// The examples of a rule file: those of its rules and extractors first.
fn examples(table: &toml::Table) -> Vec<toml::Value> {
    let list =
        |table: &toml::Table, key: &str| table.get(key).and_then(toml::Value::as_array).cloned().unwrap_or_default();
    let mut all = Vec::new();
    for part in ["rule", "extract"].iter().flat_map(|key| list(table, key)) {
        all.extend(list(part.as_table().unwrap(), "example"));
    }
    all.extend(list(table, "example"));
    all
}

/// What is said of a mail, but for the name of its file.
fn classified(world: &World, place: &str, line: &str) -> Value {
    let mut said: Value = serde_json::from_str(&world.ok(place, line)).unwrap();
    said.as_object_mut().unwrap().remove("file");
    said
}

#[test]
fn every_recipe_does_what_it_says() {
    let recipes = recipes();
    assert_eq!(recipes.len(), 20);
    for (number, (title, fences)) in recipes.iter().enumerate() {
        assert!(title.starts_with(&format!("{}. ", number + 1)), "{title}");
        let world = World::without_server();
        world.write(".config/modori/config.toml", CONFIG);
        let mut file = None;
        for fence in fences.iter().filter(|fence| fence.language == "toml") {
            let table: toml::Table = toml::from_str(&fence.text).unwrap();
            if kind(&table) == Kind::Config {
                world.write(".config/modori/config.toml", &fence.text);
                stand_in_secrets(&world, &table);
            } else {
                assert!(file.replace((fence.text.clone(), table)).is_none(), "{title}: one rule file a recipe");
            }
        }
        let (text, table) = file.unwrap();
        let examples = examples(&table);
        assert_eq!(examples.len(), 2, "{title}: the mail, and one that is left alone");
        let attached = text.contains("\nattachment");
        world.write("mail.eml", &mail(&examples[0], attached));
        world.write("other.eml", &mail(&examples[1], false));
        let console = fences.iter().find(|fence| fence.language == "console").unwrap();
        let account = if console.text.contains("--account phone") { " --account phone" } else { "" };
        let line = format!("modori classify --format json{account} mail.eml");
        let without = if account.is_empty() {
            classified(&world, title, &line)
        } else {
            classified(&world, title, "modori classify --format json mail.eml")
        };

        world.write(".config/modori/rules/mine.toml", &text);
        for (line, output) in typed(console) {
            let said = world.run(&format!("exec 2>&1; {line}"));
            assert_eq!(said.code, Some(0), "{title}: {line}\n{}", said.all());
            if let Err(why) = shows(&said.out, &output) {
                panic!("{title}: {line}: {why}but\n{}", said.out);
            }
        }
        let asks_the_ledger = text.contains("\nknows-order");
        let with = classified(&world, title, &line);
        if asks_the_ledger {
            assert!(!console.text.contains("explain"), "{title}: explain asks no ledger");
        } else {
            assert_ne!(with, without, "{title}: the mail comes out the same without it");
            let other = classified(&world, title, "modori classify --format json other.eml");
            let wanted = examples[1].get("category").or_else(|| table.get("category")).and_then(toml::Value::as_str);
            assert_eq!(other["category"].as_str(), wanted, "{title}");
            for rule in table.get("rule").and_then(toml::Value::as_array).into_iter().flatten() {
                let name = rule["name"].as_str().unwrap();
                let decides = rule.get("enabled").is_none() && with["rule"].as_str() == Some(name);
                assert!(decides || rule.get("enabled").is_some(), "{title}: {with}");
                assert_ne!(other["rule"].as_str(), Some(name), "{title}: the other mail is caught, too");
            }
        }
    }
}
