//! The pages of the documentation as text: their headings, links and fenced blocks, and the notes before these.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

pub fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// One page.
pub struct Page {
    /// From the project's root: `docs/rules.md`.
    pub path: String,
    pub text: String,
}

/// A fenced block.
#[derive(Clone, Debug)]
pub struct Fence {
    /// `docs/rules.md:12`, of the line that opens it.
    pub place: String,
    /// What stands behind the opening marks: `toml`, `sh`, …
    pub language: String,
    pub text: String,
    /// What the HTML comment just before it says.
    pub note: Option<String>,
}

impl Fence {
    /// What follows this word in the note before the block.
    pub fn says(&self, word: &str) -> Option<&str> {
        self.note.as_deref()?.strip_prefix(word)?.strip_prefix(':').map(str::trim)
    }
}

/// All pages that people read: the two at the root, the list of changes, and docs/.
pub fn pages() -> Vec<Page> {
    let mut paths: Vec<String> = ["README.md", "README.ja.md", "CHANGELOG.md"].map(str::to_owned).to_vec();
    for entry in std::fs::read_dir(root().join("docs")).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        if name.ends_with(".md") {
            paths.push(format!("docs/{name}"));
        }
    }
    paths.sort();
    paths.into_iter().map(|path| read(&path)).collect()
}

/// One page by its path from the root.
pub fn read(path: &str) -> Page {
    let text = std::fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"));
    Page { path: path.to_owned(), text }
}

/// How many backticks or tildes open or close a block on this line, and what follows them.
fn marks(line: &str) -> Option<(usize, char, &str)> {
    let line = line.trim_start();
    let mark = line.chars().next().filter(|first| matches!(first, '`' | '~'))?;
    let many = line.chars().take_while(|one| *one == mark).count();
    (many >= 3).then(|| (many, mark, line[many..].trim()))
}

impl Page {
    /// Each line outside of fenced blocks, with its number.
    pub fn prose(&self) -> Vec<(usize, &str)> {
        self.split().0
    }

    /// The fenced blocks.
    pub fn fences(&self) -> Vec<Fence> {
        self.split().1
    }

    fn split(&self) -> (Vec<(usize, &str)>, Vec<Fence>) {
        let (mut prose, mut fences) = (Vec::new(), Vec::new());
        let mut open: Option<(usize, char, usize, Fence)> = None;
        let mut before = "";
        for (index, line) in self.text.lines().enumerate() {
            let number = index + 1;
            match (&mut open, marks(line)) {
                (Some((many, mark, ..)), Some((closing, same, ""))) if closing >= *many && same == *mark => {
                    fences.extend(open.take().map(|(.., fence)| fence));
                    before = "";
                }
                (Some((_, _, indent, fence)), _) => {
                    let blanks = line.chars().take_while(|one| *one == ' ').count().min(*indent);
                    fence.text.push_str(&line[blanks..]);
                    fence.text.push('\n');
                }
                (None, Some((many, mark, language))) => {
                    let note = before.trim().strip_prefix("<!--").and_then(|rest| rest.strip_suffix("-->"));
                    let fence = Fence {
                        place: format!("{}:{number}", self.path),
                        language: language.to_owned(),
                        text: String::new(),
                        note: note.map(|note| note.trim().to_owned()),
                    };
                    open = Some((many, mark, line.len() - line.trim_start().len(), fence));
                }
                (None, None) => {
                    prose.push((number, line));
                    if !line.trim().is_empty() {
                        before = line;
                    }
                }
            }
        }
        assert!(open.is_none(), "{}: a block is never closed", self.path);
        (prose, fences)
    }

    /// The anchors that its headings make, as GitHub and mdBook make them, and those that are written as HTML.
    pub fn anchors(&self) -> Vec<String> {
        let mut seen: BTreeMap<String, usize> = BTreeMap::new();
        let mut anchors = Vec::new();
        for (_, line) in self.prose() {
            let level = line.chars().take_while(|one| *one == '#').count();
            if (1..=6).contains(&level) && line[level..].starts_with(' ') {
                let slug = slug(&line[level..]);
                let times = seen.entry(slug.clone()).or_default();
                anchors.push(if *times == 0 { slug } else { format!("{slug}-{times}") });
                *times += 1;
            }
            for attribute in ["<a id=\"", "<a name=\""] {
                let named = line.split(attribute).skip(1).filter_map(|rest| rest.split('"').next());
                anchors.extend(named.map(str::to_owned));
            }
        }
        anchors
    }

    /// Where its links and pictures lead, with the line and the words that are shown.
    pub fn links(&self) -> Vec<(usize, String, String)> {
        let link = regex::Regex::new(r"\[((?:[^\[\]`]|`[^`]*`|\[[^\]]*\])*)\]\(([^()\s]+(?:\([^()\s]*\)[^()\s]*)?)\)")
            .unwrap();
        let mut links = Vec::new();
        for (number, line) in self.prose() {
            for found in link.captures_iter(line) {
                links.push((number, found[2].to_owned(), found[1].to_owned()));
            }
        }
        links
    }

    /// What stands between single backticks in its prose, with the line.
    pub fn inline(&self) -> Vec<(usize, String)> {
        let mut code = Vec::new();
        for (number, line) in self.prose() {
            code.extend(line.split('`').skip(1).step_by(2).map(|piece| (number, piece.to_owned())));
        }
        code
    }
}

/// A heading's anchor.
fn slug(heading: &str) -> String {
    // a link in a heading counts by its words
    let link = regex::Regex::new(r"\[([^\]]*)\]\([^)]*\)").unwrap();
    let heading = link.replace_all(heading.trim(), "$1");
    let kept = heading.chars().filter(|one| one.is_alphanumeric() || matches!(one, ' ' | '-' | '_'));
    kept.flat_map(char::to_lowercase).map(|one| if one == ' ' { '-' } else { one }).collect()
}

/// Where a link of a page leads: the file from the project's root, and the anchor.
pub fn target(page: &str, link: &str) -> (String, Option<String>) {
    let (path, anchor) = match link.split_once('#') {
        Some((path, anchor)) => (path, Some(anchor.to_owned())),
        None => (link, None),
    };
    if path.is_empty() {
        return (page.to_owned(), anchor);
    }
    let folder = Path::new(page).parent().unwrap_or_else(|| Path::new(""));
    let mut parts: Vec<String> = Vec::new();
    for part in folder.join(path).components() {
        match part.as_os_str().to_str().unwrap() {
            ".." => assert!(parts.pop().is_some(), "{page}: {link} leads out of the project"),
            "." => {}
            part => parts.push(part.to_owned()),
        }
    }
    (parts.join("/"), anchor)
}

#[test]
fn blocks_notes_and_anchors_are_found() {
    let page = Page {
        path: "docs/x.md".to_owned(),
        text: "# A b, `c`: d!\n\n<!-- not run: because -->\n\n```sh\nmodori watch\n```\n\n- x\n  ```toml\n  a = 1\n  ```\n## A b c d\n\
               ````text\n```\n````\nsee [`x`](#y) and [z](../README.md) `one` `two`\n"
            .to_owned(),
    };
    let fences = page.fences();
    assert_eq!(fences.iter().map(|one| one.text.as_str()).collect::<Vec<_>>(), ["modori watch\n", "a = 1\n", "```\n"]);
    assert_eq!(fences[0].says("not run"), Some("because"));
    assert_eq!((fences[0].place.as_str(), fences[1].note.as_deref()), ("docs/x.md:5", None));
    assert_eq!(page.anchors(), ["a-b-c-d", "a-b-c-d-1"]);
    let links: Vec<_> = page.links().into_iter().map(|(_, target, words)| (target, words)).collect();
    assert_eq!(links, [("#y", "`x`"), ("../README.md", "z")].map(|(a, b)| (a.to_owned(), b.to_owned())));
    assert_eq!(page.inline().into_iter().map(|(_, code)| code).collect::<Vec<_>>(), ["c", "x", "one", "two"]);
    assert_eq!(target("docs/x.md", "../README.md#a"), ("README.md".to_owned(), Some("a".to_owned())));
    assert_eq!(target("docs/x.md", "y.md"), ("docs/y.md".to_owned(), None));
}
