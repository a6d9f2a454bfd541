//! Which files hold mail: paths and folders become a sequence of sources.

use super::FileError;
use std::collections::VecDeque;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};

/// Folders may be nested so deep.
const DEEPEST: usize = 32;

/// What a file is taken for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// One message, or an mbox if it begins like one.
    Eml,
    /// An mbox.
    Mbox,
    /// One message of a Maildir.
    Maildir,
    /// An mbox if it begins like one, else none of ours.
    Guess,
    /// A packed file: told, and passed by.
    Archive,
}

/// A file to read.
#[derive(Clone, Debug)]
pub(super) struct Source {
    pub(super) path: PathBuf,
    pub(super) kind: Kind,
}

#[derive(Debug)]
enum Step {
    /// Named by the shopper.
    Given(PathBuf),
    /// A folder, and how deep it lies.
    Folder(PathBuf, usize),
    /// `cur` or `new` of a Maildir.
    Messages(PathBuf),
    File(Source),
}

/// Walks over files and folders.
#[derive(Debug)]
pub(super) struct Walk(VecDeque<Step>);

impl Walk {
    pub(super) fn new(paths: impl Iterator<Item = PathBuf>) -> Self {
        Self(paths.map(Step::Given).collect())
    }

    pub(super) fn next(&mut self) -> Option<Result<Source, FileError>> {
        loop {
            let steps = match self.0.pop_front()? {
                Step::File(source) => return Some(Ok(source)),
                Step::Given(path) => given(path).map(|step| vec![step]),
                Step::Folder(path, depth) => folder(&path, depth),
                Step::Messages(path) => messages(&path),
            };
            match steps {
                Ok(steps) => steps.into_iter().rev().for_each(|step| self.0.push_front(step)),
                Err(error) => return Some(Err(error)),
            }
        }
    }
}

fn given(path: PathBuf) -> Result<Step, FileError> {
    let meta = std::fs::metadata(&path).map_err(|error| FileError::io(&path, &error))?;
    if meta.is_dir() {
        return Ok(Step::Folder(path, 0));
    }
    if !meta.is_file() {
        // a pipe or a device could be waited on for ever
        return Err(FileError::new(&path, "this is neither a file nor a folder"));
    }
    let kind = match by_name(&path) {
        Kind::Guess => Kind::Eml,
        kind => kind,
    };
    Ok(Step::File(Source { path, kind }))
}

fn by_name(path: &Path) -> Kind {
    let ends = |name: &str| path.extension().is_some_and(|end| end.eq_ignore_ascii_case(name));
    if ends("eml") {
        Kind::Eml
    } else if ends("mbox") || ends("mbx") {
        Kind::Mbox
    } else if ["zip", "tgz", "gz"].into_iter().any(ends) {
        Kind::Archive
    } else {
        Kind::Guess
    }
}

/// What lies in a folder, by name.
fn entries(path: &Path) -> Result<Vec<PathBuf>, FileError> {
    let listing = std::fs::read_dir(path).map_err(|error| FileError::io(path, &error))?;
    let mut all = Vec::new();
    for entry in listing {
        all.push(entry.map_err(|error| FileError::io(path, &error))?.path());
    }
    all.sort();
    Ok(all)
}

fn hidden(path: &Path) -> bool {
    path.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b"."))
}

fn folder(path: &Path, depth: usize) -> Result<Vec<Step>, FileError> {
    if depth > DEEPEST {
        return Err(FileError::new(path, "folders are nested too deep here"));
    }
    let maildir = path.join("cur").is_dir() && path.join("new").is_dir();
    let mut steps = Vec::new();
    for entry in entries(path)? {
        // a link to a folder could lead in a circle
        let link = entry.is_symlink();
        if entry.is_dir() {
            let name = entry.file_name().unwrap_or_else(|| OsStr::new(""));
            if maildir && (name == "cur" || name == "new") {
                steps.push(Step::Messages(entry));
                continue;
            }
            // below a Maildir, `.Name` is a folder of mail
            let passed_by = if maildir { name == "tmp" } else { hidden(&entry) };
            if !link && !passed_by {
                steps.push(Step::Folder(entry, depth + 1));
            }
        } else if entry.is_file() && !hidden(&entry) && !maildir {
            let kind = by_name(&entry);
            if kind != Kind::Guess || entry.extension().is_none() {
                steps.push(Step::File(Source { path: entry, kind }));
            }
        }
    }
    Ok(steps)
}

fn messages(path: &Path) -> Result<Vec<Step>, FileError> {
    let all = entries(path)?.into_iter().filter(|entry| !hidden(entry) && entry.is_file());
    Ok(all.map(|path| Step::File(Source { path, kind: Kind::Maildir })).collect())
}
