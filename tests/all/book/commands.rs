//! Every command of the documentation is one that the program knows, and those in blocks are run; what a block shows as their
//! output is what they print. No block is passed by in silence.

use super::page::{Fence, pages};
use super::world::{ORDER, World};
use clap::Parser;
use clap::error::ErrorKind;
use modori::cli::args::Arguments;

/// Pages whose blocks of one language are held against the program by another test, which must name the page.
const HELD: &[(&str, &str, &str)] = &[
    ("docs/alerts.md", "text", "tests/all/said.rs"),
    ("docs/recipes.md", "console", "tests/all/book/recipes.rs"),
    ("docs/replies.md", "text", "tests/all/letters.rs"),
];
/// Blocks that may say `not run`, and `as printed`: more are a sign that the documentation shows what nobody tries.
const NOT_RUN: usize = 16;
const AS_PRINTED: usize = 24;

/// The entry of a block whose page another test holds.
fn held(fence: &Fence) -> Option<&'static (&'static str, &'static str, &'static str)> {
    let page = fence.place.split(':').next()?;
    HELD.iter().find(|(path, language, _)| *path == page && *language == fence.language)
}

/// One command of a line: its words.
type Words = Vec<String>;

/// The commands in a line of shell: words in quotes are one, `#` begins a comment, operators part commands, and what is
/// redirected is left out. Enough for what documents show; what it does not know fails.
fn commands(line: &str) -> Vec<Words> {
    let (mut all, mut words, mut word): (Vec<Words>, Words, Option<String>) = (Vec::new(), Vec::new(), None);
    let mut letters = line.chars().peekable();
    let mut redirected = false;
    loop {
        let letter = letters.next();
        let ends =
            letter.is_none_or(|one| one.is_whitespace() || matches!(one, '|' | ';' | '&' | '>' | '<' | '(' | ')'));
        if ends && let Some(done) = word.take() {
            if redirected {
                redirected = false;
            } else {
                words.push(done);
            }
        }
        match letter {
            None => break,
            Some('#') if word.is_none() => break,
            Some(quote @ ('"' | '\'')) => {
                let into = word.get_or_insert_default();
                loop {
                    let inside = letters.next().unwrap_or_else(|| panic!("a quote is not closed: {line}"));
                    if inside == quote {
                        break;
                    }
                    into.push(inside);
                }
            }
            Some('>' | '<') => redirected = true,
            Some('|' | ';' | '&' | '(' | ')') => all.push(std::mem::take(&mut words)),
            Some('\\') => word.get_or_insert_default().extend(letters.next()),
            Some(blank) if blank.is_whitespace() => {}
            Some(other) => word.get_or_insert_default().push(other),
        }
    }
    all.push(words);
    all.retain(|words| !words.is_empty());
    all
}

/// What of a command is the program's: its own name, or cargo's way to start it.
fn of_modori(words: &[String]) -> Option<Vec<String>> {
    let words: Vec<&str> =
        words.iter().map(String::as_str).skip_while(|word| *word == "sudo" || word.contains('=')).collect();
    let rest = match words.as_slice() {
        ["modori" | "target/release/modori" | "./modori", rest @ ..] => rest,
        ["cargo", "run", "--release", "--", rest @ ..] => rest,
        _ => return None,
    };
    Some(rest.iter().map(|word| filled(word)).collect())
}

/// A word with what stands there for a number, a day or an order made one.
fn filled(word: &str) -> String {
    match word {
        "N" | "NUMBER" | "番号" => "1".to_owned(),
        "DAY" | "TIME" | "日付" => "2026-11-01".to_owned(),
        _ => word.replace("ORDER", ORDER).replace("注文番号", ORDER),
    }
}

/// What the program's own definition of its command line says against these words; `whole`: nothing may be missing.
fn refused(words: &[String], whole: bool) -> Option<String> {
    let error = Arguments::try_parse_from(std::iter::once("modori".to_owned()).chain(words.iter().cloned())).err()?;
    let fine = match error.kind() {
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => true,
        ErrorKind::MissingRequiredArgument
        | ErrorKind::MissingSubcommand
        | ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => !whole,
        _ => false,
    };
    (!fine).then(|| error.to_string())
}

/// Lines that are typed, joined where they go on, each with the output that is shown below it.
pub fn typed(fence: &Fence) -> Vec<(String, Vec<String>)> {
    let mut typed: Vec<(String, Vec<String>)> = Vec::new();
    let mut goes_on = false;
    for line in fence.text.lines() {
        let is_command = if fence.language == "console" { line.strip_prefix("$ ") } else { Some(line) };
        match (is_command, typed.last_mut()) {
            (_, Some((command, _))) if goes_on => {
                command.push(' ');
                command.push_str(line.trim().trim_end_matches('\\'));
            }
            (Some(command), _) if !command.trim().is_empty() && !command.trim_start().starts_with('#') => {
                typed.push((command.trim_end().trim_end_matches('\\').to_owned(), Vec::new()));
            }
            (Some(_), _) => {}
            (None, Some((_, output))) => output.push(line.to_owned()),
            (None, None) => panic!("{}: output stands before the first command", fence.place),
        }
        goes_on = line.trim_end().ends_with('\\');
    }
    typed
}

#[test]
fn every_block_is_of_a_kind_that_is_looked_at() {
    let (mut not_run, mut as_printed, mut unknown) = (Vec::new(), Vec::new(), Vec::new());
    for fence in pages().iter().flat_map(super::page::Page::fences) {
        let page = fence.place.split(':').next().unwrap();
        if let Some((path, _, test)) = held(&fence) {
            let text = std::fs::read_to_string(super::page::root().join(test)).unwrap();
            assert!(text.contains(path), "{test} does not look at {path} any more");
            continue;
        }
        let reason = |word: &str| fence.says(word).map(|why| assert!(why.chars().count() > 8, "{}: why?", fence.place));
        if reason("not run").is_some() {
            not_run.push(fence.place);
            continue;
        }
        match fence.language.as_str() {
            "toml" | "sh" => {}
            "console" => as_printed.extend(reason("output differs").map(|()| fence.place)),
            // what was printed on a machine that the tests do not have, or is compared by the test that is named
            "text" if reason("as printed").is_some() => as_printed.push(fence.place),
            "text" if reason("held by").is_some() => {
                let test = fence.says("held by").unwrap();
                let text = std::fs::read_to_string(super::page::root().join(test))
                    .unwrap_or_else(|why| panic!("{test}: {why}"));
                assert!(text.contains(page), "{}: {test} does not name {page}", fence.place);
            }
            other => unknown.push(format!("{}: {other}", fence.place)),
        }
    }
    assert!(
        unknown.is_empty(),
        "nobody looks at these blocks: make them sh, console or toml, or say before them <!-- not run: why -->, \
         <!-- as printed: where --> or <!-- held by: tests/all/…rs -->:\n{}",
        unknown.join("\n")
    );
    assert!(not_run.len() <= NOT_RUN, "{} blocks are not run:\n{}", not_run.len(), not_run.join("\n"));
    assert!(
        as_printed.len() <= AS_PRINTED,
        "{} outputs are not compared:\n{}",
        as_printed.len(),
        as_printed.join("\n")
    );
}

#[test]
fn every_command_is_one_that_the_program_knows() {
    let (mut wrong, mut seen) = (Vec::new(), 0);
    for page in pages() {
        for fence in page.fences().iter().filter(|fence| matches!(fence.language.as_str(), "sh" | "console")) {
            for (line, _) in typed(fence) {
                for words in commands(&line).iter().filter_map(|words| of_modori(words)) {
                    seen += 1;
                    wrong.extend(refused(&words, true).map(|why| format!("{}: {line}: {why}", fence.place)));
                }
            }
        }
        for (number, code) in page.inline() {
            if !code.starts_with("modori ") {
                continue;
            }
            for words in commands(&code).iter().filter_map(|words| of_modori(words)) {
                seen += 1;
                // an ellipsis stands for a value, or for whatever may follow
                let short: Vec<String> = words.iter().filter(|word| *word != "…").cloned().collect();
                if let (Some(why), Some(_)) = (refused(&words, false), refused(&short, false)) {
                    wrong.push(format!("{}:{number}: `{code}`: {why}", page.path));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(seen > 150, "only {seen} commands were found");
}

/// Whether what was printed holds these lines one after the other: `…` stands for anything in a line, and alone for any lines.
pub fn shows(printed: &str, lines: &[String]) -> Result<(), String> {
    let printed: Vec<&str> = printed.lines().map(str::trim_end).collect();
    let (mut at, mut skips) = (0, true);
    for line in lines.iter().map(|line| line.trim_end()) {
        if line.trim() == "…" {
            skips = true;
            continue;
        }
        let pattern: Vec<String> = line.split('…').map(regex::escape).collect();
        let pattern = regex::Regex::new(&format!("^{}$", pattern.join(".*"))).unwrap();
        let found = printed[at..].iter().position(|one| pattern.is_match(one));
        match found {
            Some(0) => at += 1,
            Some(later) if skips => at += later + 1,
            _ => return Err(format!("it does not print\n{line}\n")),
        }
        skips = false;
    }
    Ok(())
}

/// What is wrong with a line that was typed in this world.
fn tried(world: &World, fence: &Fence, line: &str, output: &[String]) -> Option<String> {
    let line = line.replace("ORDER", ORDER).replace("cargo run --release -- ", "modori ");
    let parts = commands(&line);
    let words: Vec<&str> = parts.first().map(|words| words.iter().map(String::as_str).collect()).unwrap_or_default();
    let codes: &[i32] = match words.as_slice() {
        // the suite itself
        [script, ..] if script.starts_with("scripts/") => {
            return (!super::page::root().join(script).exists())
                .then(|| format!("{}: there is no {script}", fence.place));
        }
        // run in demo.rs
        ["modori", "demo", ..] => return None,
        ["modori", "watch", ..] => {
            world.starts(&fence.place, &line, "watching");
            return None;
        }
        ["modori", "dashboard"] => {
            world.starts(&fence.place, &line, "This link opens the dashboard once");
            return None;
        }
        // what they answer tells whether all is well, and nothing watches here
        ["modori", "status" | "doctor", ..] => &[0, 1],
        _ if output.iter().any(|line| line.starts_with("error")) => &[2],
        _ => &[0],
    };
    let said = world.run(&line);
    if !said.code.is_some_and(|code| codes.contains(&code)) {
        return Some(format!("{}: {line}: {:?}\n{}", fence.place, said.code, said.all()));
    }
    let shown = if fence.says("output differs").is_some() { Ok(()) } else { shows(&said.all(), output) };
    shown.err().map(|why| format!("{}: {line}: {why}but\n{}", fence.place, said.all()))
}

#[test]
fn every_block_of_commands_runs() {
    let (mut run, mut wrong) = (0, Vec::new());
    for page in pages() {
        let fences = page.fences();
        let fences = fences.iter().filter(|one| matches!(one.language.as_str(), "sh" | "console"));
        let fences: Vec<&Fence> = fences.filter(|one| one.says("not run").is_none() && held(one).is_none()).collect();
        if fences.is_empty() {
            continue;
        }
        let world = World::with_mailbox();
        world.ok(&page.path, "modori sweep");
        for fence in fences {
            for (line, output) in typed(fence) {
                run += 1;
                wrong.extend(tried(&world, fence, &line, &output));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
    assert!(run > 40, "only {run} commands were run");
}

#[test]
fn lines_are_taken_apart_as_a_shell_would() {
    let of = |line: &str| commands(line).into_iter().map(|words| words.join("|")).collect::<Vec<_>>();
    assert_eq!(of("modori want 'a b' --until x   # why"), ["modori|want|a b|--until|x"]);
    assert_eq!(of("modori rules schema > ~/x && a | b"), ["modori|rules|schema", "a", "b"]);
    assert!(refused(&["sweep".into(), "--dry-rnu".into()], false).is_some());
    assert!(refused(&["confirm".into()], false).is_none() && refused(&["confirm".into()], true).is_some());
    let lines = |text: &str| text.lines().map(str::to_owned).collect::<Vec<_>>();
    assert!(shows("a 1\nb\nc\nd", &lines("a …\nb\n…\nd")).is_ok());
    assert!(shows("a\nb\nc", &lines("a\nc")).is_err());
}
