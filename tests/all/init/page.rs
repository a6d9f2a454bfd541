//! The walk that docs/init.md shows is what is printed, but for what differs each time.

use super::super::support::dovecot::PASSWORD;
use super::super::support::terminal::Terminal;
use super::{ADDRESS, Person, words};
use regex::Regex;
use std::path::Path;

const PAGE: &str = "docs/init.md";

/// What a terminal shows in the end: without what moves its cursor, and of a line that was written over the last text.
fn settled(text: &str) -> String {
    let moves = Regex::new("\u{1b}\\[[0-9;?]*[A-Za-z]").unwrap();
    let text = moves.replace_all(text, "");
    // not `lines`: a return that stands before the line's end is what takes a progress bar away
    let lines = text.split('\n').map(|line| line.rsplit('\r').next().unwrap_or_default().trim_end());
    lines.collect::<Vec<_>>().join("\n")
}

/// What differs each time, always the same.
fn alike(text: &str, person: &Person) -> String {
    let text = text
        .replace(&person.home().display().to_string(), "/home/hanako")
        .replace(&format!("http://127.0.0.1:{}", person.phone.port), "https://ntfy.example.jp");
    let mut text = text;
    for (pattern, with) in [
        (r"modori-[0-9a-f]{24}", "modori-4f1c9a0be27d5836a1c4e9f0"),
        (r"\d{4}-\d\d-\d\d \d\d:\d\d", "2026-11-26 12:34"),
        (r"within \d+ ms", "within 38 ms"),
        (r"Done in \d+ s", "Done in 4 s"),
        (r"[─═]{9,}", "─────"),
        (r"(?m) +$", ""),
    ] {
        text = Regex::new(pattern).unwrap().replace_all(&text, with).into_owned();
    }
    text
}

#[test]
fn the_walk_of_the_page_is_what_is_printed() {
    let Some(person) = Person::new() else { return };
    let servers = person.servers();
    let mut talk = Terminal::start(person.home(), &words(&["init"], &servers));
    for (question, answer) in super::given_up::WAY {
        talk.answer(question, answer);
    }
    let (code, shown) = talk.end();
    assert_eq!(code, Some(0), "{shown}");
    assert!(!shown.contains(PASSWORD));
    let printed = alike(&settled(&shown), &person);
    let page = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(PAGE)).unwrap();
    let walk = page.split("<!-- held by: tests/all/init/page.rs -->\n\n```text\n").nth(1).expect("a walk");
    let walk = walk.split("\n```\n").next().unwrap();
    let (_, walk) = walk.split_once('\n').expect("the command stands above it");
    assert_eq!(alike(walk, &person).trim(), printed.trim(), "the page and what is printed\n{printed}\n{ADDRESS}");
}
