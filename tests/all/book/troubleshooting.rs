//! Every message of docs/troubleshooting.md is one that the program says: brought about as the comment before it tells, or, where
//! that takes another server than the embedded one, found in the sources.

use super::page::{read, root};
use super::world::World;
use std::path::Path;

const PAGE: &str = "docs/troubleshooting.md";

/// A message of the page: what brings it about, and its fixed parts.
struct Entry {
    place: String,
    how: String,
    parts: Vec<String>,
}

fn entries() -> Vec<Entry> {
    let (mut entries, mut how) = (Vec::new(), None);
    for (line, text) in read(PAGE).prose() {
        if let Some(note) = text.strip_prefix("<!-- ").and_then(|rest| rest.strip_suffix(" -->")) {
            how = Some(note.to_owned());
        } else if let Some(heading) = text.strip_prefix("### ") {
            let how = how.take().unwrap_or_else(|| panic!("{PAGE}:{line}: how does this come about?"));
            let message = heading.trim().trim_matches('`').trim();
            let parts = message.split('…').map(|part| part.trim().to_owned()).filter(|part| !part.is_empty());
            entries.push(Entry { place: format!("{PAGE}:{line}"), how, parts: parts.collect() });
        }
    }
    entries
}

/// Whether a file below this folder holds these words.
fn in_sources(folder: &Path, words: &str) -> bool {
    std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).any(|path| {
        if path.is_dir() {
            in_sources(&path, words)
        } else {
            std::fs::read_to_string(&path).is_ok_and(|text| text.contains(words))
        }
    })
}

#[test]
fn every_message_is_one_that_the_program_says() {
    let (entries, mut wrong, mut made) = (entries(), Vec::new(), 0);
    for entry in &entries {
        let said = if let Some(line) = entry.how.strip_prefix("comes from: ") {
            made += 1;
            let world = World::with_mailbox();
            world.ok(&entry.place, "modori import MAIL");
            world.run(&format!("exec 2>&1; {line}")).out
        } else if let Some(folder) = entry.how.strip_prefix("found in: ") {
            let fits = entry.parts.iter().all(|part| in_sources(&root().join(folder), part));
            wrong.extend((!fits).then(|| format!("{}: not in {folder}", entry.place)));
            continue;
        } else {
            panic!("{}: {}", entry.place, entry.how);
        };
        let mut rest = said.as_str();
        for part in &entry.parts {
            match rest.find(part.as_str()) {
                Some(at) => rest = &rest[at + part.len()..],
                None => wrong.push(format!("{}: `{part}` is not said, but\n{said}", entry.place)),
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(made > 25, "only {made} messages are brought about");
}
