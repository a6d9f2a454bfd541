//! Who may import whom, which rooms are pure, and how long a file may be: checked over the sources.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

const PURE: &[&str] = &[
    "text", "calendar", "chart", "mailbox", "mail", "facts", "rules", "ledger", "letter", "wording", "plan",
    "provider", "review",
];

/// What no pure room may mention. `as_of`-style values are how time comes in.
const FORBIDDEN_IN_PURE: &[&str] = &[
    "std::fs", "std::net", "std::env", "std::process", "std::thread", "std::io", "Timestamp::now", "Zoned::now",
    "Instant::now", "SystemTime", "tokio", "tokio_util", "tokio_rustls", "tracing", "rusqlite", "lettre", "reqwest",
    "imap_proto", "socket2", "futures_util", "indicatif", "anstream", "println!", "eprintln!",
];

/// Only the clock reads the time of day.
const CLOCKS: &[&str] = &["Timestamp::now", "Zoned::now", "SystemTime::now"];

const MOST_LINES: usize = 600;

/// Room → rooms it may name. `edge::x` stands for one room of the edge, `edge` for what lies in `edge/mod.rs`.
fn allowed(room: &str) -> Option<Vec<&'static str>> {
    let pure = || PURE.to_vec();
    let with = |more: &[&'static str]| {
        let mut all = pure();
        all.extend_from_slice(more);
        Some(all)
    };
    match room {
        "text" | "calendar" | "mailbox" | "provider" => Some(vec![]),
        // a picture is made of plain values; names in it are cleaned as all text for people is
        "chart" => Some(vec!["text"]),
        "mail" => Some(vec!["text", "mailbox"]),
        "facts" => Some(vec!["text", "mail", "calendar"]),
        "ledger" => Some(vec!["mailbox", "mail", "facts", "calendar"]),
        // dates and amounts that a shopper's own extractor reads are the calendar's
        "rules" => Some(vec!["text", "mail", "facts", "ledger", "calendar"]),
        // whom a letter may answer is told by the mail's headers; its templates are words with the filters of all words
        "letter" => Some(vec!["text", "mailbox", "mail", "facts", "ledger", "calendar", "wording"]),
        "wording" => Some(vec!["text", "mail", "facts", "ledger", "calendar", "rules"]),
        "plan" => Some(pure()),
        // looks back on what the ledger, the rules and the plans made of mails, in the words of the report
        "review" => Some(pure()),
        "edge::clock" | "edge::secret" | "edge::systemd" | "edge::tls" => Some(vec!["edge"]),
        // a configuration names accounts, words and deadlines: it uses the plain values of the rooms it configures
        "edge::config" => with(&["edge", "edge::clock", "edge::imap", "edge::oauth", "edge::secret", "edge::tls"]),
        // tokens are renewed by the clock; what is known of the provider says how access is granted
        "edge::oauth" => Some(vec!["provider", "edge", "edge::clock", "edge::secret", "edge::tls"]),
        // what is known of the provider says what a refused login means
        "edge::imap" | "edge::files" => Some(vec![
            "mailbox", "planted", "provider", "edge", "edge::clock", "edge::oauth", "edge::secret", "edge::tls",
        ]),
        // `Security` (TLS, STARTTLS, plain) is one word for both kinds of server; a channel is made from its configuration
        "edge::out" => {
            with(&["edge", "edge::clock", "edge::config", "edge::imap", "edge::oauth", "edge::secret", "edge::tls"])
        }
        // how far a file is read is kept in the database
        "edge::store" => with(&["edge", "edge::files"]),
        "edge::hand" => {
            with(&["planted", "edge", "edge::imap", "edge::files", "edge::out", "edge::store", "edge::clock"])
        }
        // settings are shown with where their secrets come from; sessions are random
        "edge::web" => {
            with(&["edge", "edge::store", "edge::clock", "edge::config", "edge::oauth", "edge::secret", "edge::tls"])
        }
        "edge" | "planted" => Some(vec![]),
        // everything but the two faces, which nobody imports
        "engine" => with(&[EDGE, &["planted"]].concat()),
        "demo" => with(&[EDGE, &["engine"]].concat()),
        "cli" | "main" => with(&[EDGE, &["engine", "demo", "cli"]].concat()),
        "lib" => Some(vec![]),
        _ => None,
    }
}

const EDGE: &[&str] = &[
    "edge", "edge::clock", "edge::config", "edge::files", "edge::hand", "edge::imap", "edge::oauth", "edge::out",
    "edge::secret", "edge::store", "edge::systemd", "edge::tls", "edge::web",
];

fn sources() -> Vec<(PathBuf, String)> {
    fn walk(dir: &Path, into: &mut Vec<PathBuf>) {
        let mut entries: Vec<_> = std::fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path()).collect();
        entries.sort();
        for path in entries {
            if path.is_dir() {
                walk(&path, into);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                into.push(path);
            }
        }
    }
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut paths = vec![];
    walk(&root, &mut paths);
    assert!(paths.len() > 20, "the sources were not found");
    paths
        .into_iter()
        .map(|path| {
            let text = std::fs::read_to_string(&path).unwrap();
            (path.strip_prefix(&root).unwrap().to_owned(), text)
        })
        .collect()
}

/// The room a file belongs to: `src/mail/body.rs` → `mail`, `src/edge/imap/fetch.rs` → `edge::imap`.
fn room_of(path: &Path) -> String {
    let mut parts: Vec<String> = path.iter().map(|part| part.to_string_lossy().replace(".rs", "")).collect();
    if parts.last().is_some_and(|last| last == "mod") {
        parts.pop();
    }
    match parts.as_slice() {
        [edge, room, ..] if edge == "edge" => format!("edge::{room}"),
        [room, ..] => room.clone(),
        [] => String::new(),
    }
}

/// Is this whole file test code? By name: `tests.rs` beside the room, or a `tests` folder.
fn only_tests(path: &Path) -> bool {
    path.iter().any(|part| part == "tests.rs" || part == "tests")
}

/// The code alone: comments and the contents of string and character literals are blanked, line breaks stay.
fn code_of(text: &str) -> String {
    let chars: Vec<char> = text.chars().collect();
    let mut out = String::with_capacity(text.len());
    let at = |i: usize| chars.get(i).copied().unwrap_or('\0');
    let word = |c: char| c.is_alphanumeric() || c == '_';
    let mut i = 0;
    while i < chars.len() {
        let before = if i == 0 { ' ' } else { at(i - 1) };
        match (at(i), at(i + 1)) {
            ('/', '/') => {
                while i < chars.len() && at(i) != '\n' {
                    i += 1;
                }
            }
            ('/', '*') => {
                let mut depth = 0;
                loop {
                    match (at(i), at(i + 1)) {
                        ('/', '*') => (depth, i) = (depth + 1, i + 2),
                        ('*', '/') => (depth, i) = (depth - 1, i + 2),
                        (c, _) => {
                            if c == '\n' {
                                out.push('\n');
                            }
                            i += 1;
                        }
                    }
                    if depth == 0 || i >= chars.len() {
                        break;
                    }
                }
            }
            ('r', '"' | '#') if !word(before) || before == 'b' && !word(at(i.wrapping_sub(2))) => {
                let hashes = (i + 1..).take_while(|&j| at(j) == '#').count();
                if at(i + 1 + hashes) != '"' {
                    out.push('r'); // a raw identifier
                    i += 1;
                    continue;
                }
                i += 2 + hashes;
                while i < chars.len() && !(at(i) == '"' && (1..=hashes).all(|j| at(i + j) == '#')) {
                    if at(i) == '\n' {
                        out.push('\n');
                    }
                    i += 1;
                }
                i += 1 + hashes;
                out.push_str("\"\"");
            }
            ('"', _) => {
                i += 1;
                while i < chars.len() && at(i) != '"' {
                    if at(i) == '\n' {
                        out.push('\n');
                    }
                    i += if at(i) == '\\' && at(i + 1) != '\n' { 2 } else { 1 };
                }
                i += 1;
                out.push_str("\"\"");
            }
            // a character literal; a lifetime has no closing quote so near
            ('\'', '\\') => {
                i += 3;
                while i < chars.len() && at(i) != '\'' {
                    i += 1;
                }
                i += 1;
                out.push_str("' '");
            }
            ('\'', _) if at(i + 2) == '\'' => {
                i += 3;
                out.push_str("' '");
            }
            (c, _) => {
                out.push(c);
                i += 1;
            }
        }
    }
    out
}

/// The code without items under `#[cfg(test)]`: from the attribute to the end of the next braced item or `;`.
fn without_tests(code: &str) -> String {
    let mut out = String::new();
    let mut rest = code;
    while let Some(start) = rest.find("#[cfg(test)]") {
        out.push_str(&rest[..start]);
        let item = &rest[start + "#[cfg(test)]".len()..];
        let mut depth = 0;
        let mut end = item.len();
        for (i, c) in item.char_indices() {
            match c {
                '{' => depth += 1,
                '}' if depth == 1 => {
                    end = i + 1;
                    break;
                }
                '}' => depth -= 1,
                ';' if depth == 0 => {
                    end = i + 1;
                    break;
                }
                _ => {}
            }
        }
        rest = &item[end..];
    }
    out.push_str(rest);
    out
}

/// Every path that begins at the crate's root, flattened: `use crate::{a::B, edge::{c, d}}` → a, edge::c, edge::d.
/// `super::` chains are resolved against the file's own module.
fn imports(path: &Path, code: &str) -> Vec<(usize, String)> {
    let mut module: Vec<String> = path.iter().map(|part| part.to_string_lossy().replace(".rs", "")).collect();
    let is_mod = module.last().is_some_and(|last| last == "mod");
    if is_mod || matches!(module.last().map(String::as_str), Some("lib" | "main")) {
        module.pop();
    }
    let in_binary = path == Path::new("main.rs");
    let mut found = vec![];
    let boundary =
        |start: usize| code[..start].chars().next_back().is_none_or(|c| !(c.is_alphanumeric() || c == '_' || c == ':'));
    for root in ["crate::", "super::", "modori::"] {
        if root == "modori::" && !in_binary {
            continue;
        }
        for (start, _) in code.match_indices(root) {
            if !boundary(start) {
                continue;
            }
            let line = code[..start].matches('\n').count() + 1;
            let mut prefix: Vec<String> = vec![];
            let mut tail = &code[start..];
            if root == "super::" {
                prefix.clone_from(&module);
                while let Some(up) = tail.strip_prefix("super::") {
                    prefix.pop();
                    tail = up;
                }
            } else {
                tail = &tail[root.len()..];
            }
            let mut leaves = vec![];
            tree(tail, &prefix, &mut leaves);
            found.extend(leaves.into_iter().map(|leaf| (line, leaf.join("::"))));
        }
    }
    found
}

/// Reads one use-tree at the start of `text`; returns how many bytes it took.
fn tree(text: &str, prefix: &[String], leaves: &mut Vec<Vec<String>>) -> usize {
    let mut here = prefix.to_vec();
    let mut at = 0;
    loop {
        at += text[at..].len() - text[at..].trim_start().len();
        let rest = &text[at..];
        if let Some(inner) = rest.strip_prefix('{') {
            let mut used = 0;
            loop {
                used += inner[used..].len() - inner[used..].trim_start().len();
                if inner[used..].starts_with('}') || inner[used..].is_empty() {
                    return at + 1 + used + 1;
                }
                let step = tree(&inner[used..], &here, leaves);
                used += step;
                // past `as name` and the comma
                let more = inner[used..].find([',', '}']).unwrap_or(inner.len() - used);
                used += more;
                if inner[used..].starts_with(',') {
                    used += 1;
                } else if step == 0 && more == 0 && !inner[used..].starts_with('}') {
                    return at + used;
                }
            }
        }
        let word = rest.find(|c: char| !(c.is_alphanumeric() || c == '_')).unwrap_or(rest.len());
        if word == 0 {
            leaves.push(here);
            return at + usize::from(rest.starts_with('*'));
        }
        if &rest[..word] != "self" {
            here.push(rest[..word].to_owned());
        }
        at += word;
        if !text[at..].starts_with("::") {
            leaves.push(here);
            return at;
        }
        at += 2;
    }
}

/// The room a path leads to, or nothing if it is an item of the crate's root or of its own room.
fn target(path: &str) -> Option<String> {
    let mut parts = path.split("::");
    let first = parts.next()?;
    if first == "edge" {
        return Some(match parts.next() {
            Some(next) if EDGE.contains(&format!("edge::{next}").as_str()) => format!("edge::{next}"),
            _ => "edge".to_owned(),
        });
    }
    allowed(first).is_some().then(|| first.to_owned())
}

#[test]
fn imports_point_one_way() {
    let mut wrong = vec![];
    let mut seen: BTreeMap<String, usize> = BTreeMap::new();
    for (path, text) in sources() {
        if only_tests(&path) {
            continue;
        }
        let room = room_of(&path);
        let Some(may) = allowed(&room) else {
            wrong.push(format!("{}: room `{room}` is not in the table; say who may import whom", path.display()));
            continue;
        };
        for (line, import) in imports(&path, &without_tests(&code_of(&text))) {
            let Some(to) = target(&import) else { continue };
            *seen.entry(format!("{room} -> {to}")).or_default() += 1;
            if to != room && !may.contains(&to.as_str()) {
                wrong.push(format!("{}:{line}: {room} must not import {to} ({import})", path.display()));
            }
        }
    }
    assert!(seen.len() > 10, "too few imports were recognised: {seen:?}");
    assert!(wrong.is_empty(), "\n{}\n", wrong.join("\n"));
}

#[test]
fn pure_rooms_do_no_io_and_know_no_clock() {
    let mut wrong = vec![];
    for (path, text) in sources() {
        if only_tests(&path) {
            continue;
        }
        let room = room_of(&path);
        let code = without_tests(&code_of(&text));
        for (number, line) in code.lines().enumerate() {
            let mut report = |word: &str, why: &str| {
                let hit = line.match_indices(word).any(|(start, _)| {
                    let before = line[..start].chars().next_back();
                    let after = line[start + word.len()..].chars().next();
                    let part = |c: Option<char>| c.is_some_and(|c| c.is_alphanumeric() || c == '_');
                    !(part(before) || word.ends_with(char::is_alphanumeric) && part(after))
                });
                if hit {
                    wrong.push(format!("{}:{}: {word}: {why}", path.display(), number + 1));
                }
            };
            if PURE.contains(&room.as_str()) {
                for word in FORBIDDEN_IN_PURE {
                    report(word, "not in a pure room");
                }
            } else if room != "edge::clock" {
                for word in CLOCKS {
                    report(word, "only edge::clock reads the time of day");
                }
            }
        }
    }
    assert!(wrong.is_empty(), "\n{}\n", wrong.join("\n"));
}

#[test]
fn files_are_short_and_say_what_they_are_for() {
    let mut wrong = vec![];
    let tests = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests");
    let mut all = sources();
    let mut folders = vec![tests];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let text = std::fs::read_to_string(&path).unwrap();
                all.push((path, text));
            }
        }
    }
    for (path, text) in all {
        if !text.starts_with("//! ") {
            wrong.push(format!("{}: begins without a //! line that says its one purpose", path.display()));
        }
        let lines = text.lines().count();
        if lines > MOST_LINES {
            wrong.push(format!("{}: {lines} lines, more than {MOST_LINES}: this is two rooms", path.display()));
        }
    }
    assert!(wrong.is_empty(), "\n{}\n", wrong.join("\n"));
}

#[test]
fn the_reader_of_sources_sees_code_and_only_code() {
    let check = |text: &str, expect: &[&str]| {
        let code = without_tests(&code_of(text));
        let found: Vec<String> =
            imports(Path::new("mail/body.rs"), &code).into_iter().map(|(_, import)| import).collect();
        assert_eq!(found, expect, "{text}");
    };
    check("use crate::text::fold;", &["text::fold"]);
    check(
        "use crate::{facts, ledger::{self, Case as C}, edge::{imap::*, Advice}};",
        &["facts", "ledger", "ledger::Case", "edge::imap", "edge::Advice"],
    );
    check("fn f() { crate::plan::gate::may() }", &["plan::gate::may"]);
    check("use super::header::{a, b};", &["mail::header::a", "mail::header::b"]);
    check("use super::super::plan;", &["plan"]);
    check("// use crate::plan;\n/* use crate::plan; */ /// see [`crate::plan`]\n", &[]);
    check(
        "let s = \"crate::plan \\\" crate::plan\"; let r = r#\"crate::plan\"#; let c = '\"'; crate::text::x()",
        &["text::x"],
    );
    check("#[cfg(test)]\nmod tests { use crate::plan; fn f() {} }\nuse crate::text;", &["text"]);
    check("fn f<'a>(x: &'a str) -> &'a str { crate::text::f(x) }", &["text::f"]);
}
