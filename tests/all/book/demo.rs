//! What README.md shows of `modori demo` is what it prints.

use super::page::read;
use super::world::World;

/// The lines of a run without what differs from run to run: numbers, the ends of tables' lines, and the order, for alerts
/// leave as they come.
fn lasting(printed: &str) -> Vec<String> {
    let number = regex::Regex::new(r"[0-9]+").unwrap();
    let day = regex::Regex::new(
        r"\b(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun) |\b(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)\b",
    )
    .unwrap();
    let mut lines: Vec<String> = Vec::new();
    for line in printed.lines().map(str::trim_end) {
        let rule = line.chars().all(|one| matches!(one, '─' | '═')) && !line.is_empty();
        if rule || line.is_empty() {
            continue;
        }
        let words: Vec<&str> = line.split_whitespace().collect();
        lines.push(number.replace_all(&day.replace_all(&words.join(" "), ""), "0").into_owned());
    }
    lines.sort();
    lines
}

#[test]
fn the_demo_prints_what_is_shown_of_it() {
    let shown =
        read("README.md").fences().into_iter().find(|fence| fence.says("held by") == Some("tests/all/book/demo.rs"));
    let world = World::without_server();
    let printed = world.ok("README.md", "modori demo --language en");
    assert_eq!(lasting(&shown.unwrap().text), lasting(&printed), "{printed}");
}

#[test]
fn the_demo_speaks_japanese() {
    let printed = World::without_server().ok("README.ja.md", "modori demo");
    assert!(printed.contains("🔔") && printed.contains("再入荷しました"), "{printed}");
}
