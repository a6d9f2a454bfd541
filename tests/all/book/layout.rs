//! The book holds together: every page is in its contents once, and every link, also those in the program's own words, leads
//! somewhere.

use super::page::{pages, read, root, target};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

#[test]
fn every_page_is_in_the_contents_exactly_once() {
    let contents = read("docs/SUMMARY.md");
    let mut times: BTreeMap<String, usize> = BTreeMap::new();
    for (_, link, words) in contents.links() {
        assert!(!words.trim().is_empty(), "{link} has no title");
        *times.entry(target("docs/SUMMARY.md", &link).0).or_default() += 1;
    }
    for page in pages().iter().filter(|page| page.path.starts_with("docs/") && page.path != "docs/SUMMARY.md") {
        assert_eq!(times.remove(&page.path), Some(1), "{} must be in docs/SUMMARY.md once", page.path);
    }
    assert!(times.is_empty(), "docs/SUMMARY.md names what is no page: {times:?}");
}

/// What mdBook reads: where the pages are, and a list of links under headings and nothing else.
#[test]
fn mdbook_understands_the_contents() {
    let settings: toml::Table =
        toml::from_str(&std::fs::read_to_string(root().join("docs/book.toml")).unwrap()).unwrap();
    assert_eq!(settings["book"]["src"].as_str(), Some("."));
    let line =
        regex::Regex::new(r"^(?:# .+|(?: {2})*- \[[^\]]+\]\([a-z.-]+\.md\)|\[[^\]]+\]\([a-z.-]+\.md\)|)$").unwrap();
    for (number, text) in read("docs/SUMMARY.md").prose() {
        assert!(line.is_match(text), "docs/SUMMARY.md:{number}: {text}");
    }
}

/// The anchors of every page, by path.
fn anchors() -> BTreeMap<String, BTreeSet<String>> {
    pages().into_iter().map(|page| (page.path.clone(), page.anchors().into_iter().collect())).collect()
}

#[test]
fn every_link_between_pages_leads_somewhere() {
    let (anchors, mut followed, mut dead) = (anchors(), 0, Vec::new());
    for page in pages() {
        for (line, link, _) in page.links() {
            if link.contains("://") || link.starts_with("mailto:") {
                continue;
            }
            followed += 1;
            let (path, anchor) = target(&page.path, &link);
            if !root().join(&path).exists() {
                dead.push(format!("{}:{line}: {link}: there is no {path}", page.path));
            } else if let Some(anchor) = anchor
                && !anchors.get(&path).is_some_and(|all| all.contains(&anchor))
            {
                dead.push(format!("{}:{line}: {link}: {path} has no heading for it", page.path));
            }
        }
    }
    assert!(dead.is_empty(), "{}", dead.join("\n"));
    assert!(followed > 100, "only {followed} links were found");
}

#[test]
fn every_picture_says_what_it_shows() {
    let picture = regex::Regex::new(r"!\[([^\]]*)\]\(([^)]+)\)").unwrap();
    for page in pages() {
        for (line, text) in page.prose() {
            for found in picture.captures_iter(text) {
                assert!(
                    found[1].chars().count() > 10,
                    "{}:{line}: {} needs words for those who do not see it",
                    page.path,
                    &found[2]
                );
            }
        }
    }
}

/// Every file that is written for people or for the program, but not what a build makes.
fn files(folder: &Path, found: &mut Vec<std::path::PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files(&path, found);
        } else {
            found.push(path);
        }
    }
}

#[test]
fn pages_that_the_program_and_its_files_name_are_there() {
    let named = regex::Regex::new(r"\bdocs/([a-z0-9.-]+?\.(?:md|toml|svg|png))\b(?:#([a-z0-9_-]+))?").unwrap();
    let (anchors, mut seen, mut all, mut dead) = (anchors(), 0, Vec::new(), Vec::new());
    for folder in ["src", "rules", "providers", "dist", "schema", "scripts", "fixtures", "benches", "tests"] {
        files(&root().join(folder), &mut all);
    }
    for file in all.iter().filter(|file| !file.ends_with("tests/all/book/page.rs")) {
        let Ok(text) = std::fs::read_to_string(file) else { continue };
        for found in named.captures_iter(&text) {
            seen += 1;
            let page = format!("docs/{}", &found[1]);
            let fits = root().join(&page).exists()
                && found
                    .get(2)
                    .is_none_or(|anchor| anchors.get(&page).is_some_and(|all| all.contains(anchor.as_str())));
            if !fits {
                dead.push(format!("{}: {}", file.display(), &found[0]));
            }
        }
    }
    assert!(dead.is_empty(), "{}", dead.join("\n"));
    assert!(seen > 40, "only {seen} were found");
}
