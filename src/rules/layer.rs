//! Rules in layers: the shipped ones, the shopper's over them, an account's own over both. And the short way to give an
//! account other folders: a table of the configuration, which stands over all files.

use super::compile::Sheet;
use super::diagnostic::{Desk, Diagnostic, Source, meant};
use super::syntax::{At, File};
use super::value;
use std::ops::Range;
use std::sync::Arc;
use unicode_normalization::UnicodeNormalization;

/// The name under which such a table gives the folder of forged mail.
pub const QUARANTINE: &str = "quarantine";

/// Files that stand over those of the layers before, and folders given by a table.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Layer {
    /// The rule files.
    pub files: Vec<Source>,
    /// Folders by category; they count more than what the files of this layer say of a category.
    pub folders: Option<Folders>,
}

impl Layer {
    /// Files alone.
    #[must_use]
    pub fn of_files(files: Vec<Source>) -> Self {
        Self { files, folders: None }
    }
}

/// Folders by category, as a table of another file gives them. Each keeps its place in that file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Folders {
    source: Arc<Source>,
    given: Vec<Given>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Given {
    category: (String, Range<usize>),
    folder: (String, Range<usize>),
}

impl Folders {
    /// A table that stands in this file; nothing is given yet.
    #[must_use]
    pub fn of(source: Source) -> Self {
        Self { source: Arc::new(source), given: Vec::new() }
    }

    /// Gives a category (or [`QUARANTINE`]) a folder; both with their bytes in the file.
    ///
    /// # Errors
    /// What is wrong with the folder's name, and what to write.
    pub fn give(
        &mut self,
        category: (String, Range<usize>),
        folder: (String, Range<usize>),
    ) -> Result<(), (&'static str, &'static str)> {
        if !value::is_folder_name(&folder.0) {
            return Err(value::NO_FOLDER_NAME);
        }
        // composed, as servers name theirs and as the rule files' own are
        let folder = (folder.0.nfc().collect(), folder.1);
        self.given.push(Given { category, folder });
        Ok(())
    }

    /// Whether nothing is given.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.given.is_empty()
    }

    /// One sheet for each folder that is given.
    pub(super) fn sheets(&self, layer: usize) -> impl Iterator<Item = Sheet> {
        let at = |(value, span): &(String, Range<usize>)| At { value: value.clone(), span: span.clone() };
        self.given.iter().map(move |given| {
            let file = if given.category.0 == QUARANTINE {
                File { quarantine_folder: Some(at(&given.folder)), ..File::default() }
            } else {
                File { category: Some(at(&given.category)), folder: Some(at(&given.folder)), ..File::default() }
            };
            Sheet::of_table(layer, Arc::clone(&self.source), file)
        })
    }
}

/// A category that only a table names: no mail would ever be of it.
pub(super) fn unknown_categories(sheets: &[Sheet], found: &mut Vec<Diagnostic>) {
    let names = |table: bool| {
        let of = sheets.iter().filter(move |sheet| sheet.of_table == table);
        of.filter_map(|sheet| sheet.file.category.as_ref().map(|name| (sheet, name)))
    };
    let known: Vec<&str> = names(false).map(|(_, name)| name.value.as_str()).chain([QUARANTINE]).collect();
    for (sheet, name) in names(true).filter(|(_, name)| !known.contains(&name.value.as_str())) {
        let mut all = known.clone();
        all.sort_unstable();
        all.dedup();
        let help = match meant(&name.value, &all) {
            Some(meant) => format!("did you mean `{meant}`?"),
            None => format!("there are {}", all.join(", ")),
        };
        let mut desk = Desk::new(&sheet.source);
        desk.error(name.span.clone(), format!("there is no category `{}`", name.value), help);
        found.append(&mut desk.found);
    }
}
