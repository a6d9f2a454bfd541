//! docs/privacy.md lists every table and column of the database, and what it says is not kept is not there.

use super::page::read;
use super::world::World;
use crate::support::dovecot::PASSWORD;
use std::collections::BTreeMap;

const PAGE: &str = "docs/privacy.md";

/// Tables and their columns, as the page lists them.
fn listed() -> BTreeMap<String, Vec<String>> {
    let mut tables = BTreeMap::new();
    let page = read(PAGE);
    let lines = page.prose();
    let part = lines.iter().skip_while(|(_, line)| *line != "## What is stored").skip(1);
    for (_, line) in part.take_while(|(_, line)| !line.starts_with("## ")) {
        let cells: Vec<&str> = line.trim().trim_matches('|').split('|').map(str::trim).collect();
        let [table, _, _, columns] = cells.as_slice() else { continue };
        let Some(table) = table.strip_prefix('`').and_then(|rest| rest.strip_suffix('`')) else { continue };
        let columns = columns.split(',').map(|one| one.trim().trim_matches('`').to_owned());
        assert!(tables.insert(table.to_owned(), columns.collect()).is_none(), "{PAGE}: {table} stands there twice");
    }
    tables
}

/// Tables and their columns, as the program makes them.
fn made(world: &World) -> BTreeMap<String, Vec<String>> {
    let db = rusqlite::Connection::open(world.path(".local/state/modori/modori.sqlite")).unwrap();
    let mut names =
        db.prepare("SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'").unwrap();
    let names: Vec<String> = names.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect();
    let columns = |table: &str| {
        let mut columns = db.prepare("SELECT name FROM pragma_table_info(?1) ORDER BY cid").unwrap();
        columns.query_map([table], |row| row.get(0)).unwrap().map(Result::unwrap).collect::<Vec<String>>()
    };
    names.into_iter().map(|name| (name.clone(), columns(&name))).collect()
}

#[test]
fn every_table_and_column_is_told_of() {
    let world = World::with_mailbox();
    world.ok(PAGE, "modori cases");
    let (listed, made) = (listed(), made(&world));
    assert!(made.len() > 20);
    for (table, columns) in &made {
        assert_eq!(listed.get(table), Some(columns), "{PAGE}: the row of `{table}`");
    }
    assert_eq!(listed.keys().collect::<Vec<_>>(), made.keys().collect::<Vec<_>>(), "{PAGE} lists what is no table");
}

/// Everything in the state folder, as bytes.
fn state(world: &World) -> Vec<u8> {
    let mut bytes = Vec::new();
    for entry in std::fs::read_dir(world.path(".local/state/modori")).unwrap() {
        let path = entry.unwrap().path();
        if path.is_file() {
            bytes.extend(std::fs::read(path).unwrap());
        }
    }
    bytes
}

#[test]
fn of_mail_that_is_none_of_its_business_no_word_is_kept_nor_a_password() {
    let world = World::with_mailbox();
    let mail = crate::support::run::mail("family", "taro@family.example", "Saturday at the lake", "Bring the umbrella");
    world.deliver(&mail);
    world.ok(PAGE, "modori sweep");
    let kept = state(&world);
    let holds = |words: &str| kept.windows(words.len()).any(|window| window == words.as_bytes());
    // what is kept of the others shows that this looks at the right bytes
    assert!(holds(super::world::ORDER) && holds("modori-zakka@shop.rakuten.co.jp"));
    for words in ["taro@family.example", "family@example.jp", "Saturday", "umbrella", PASSWORD] {
        assert!(!holds(words), "`{words}` is kept");
    }
}
