//! Short texts of what is read on a screen or in a file: pages, reports, the calendar. One TOML file a language and face,
//! `rules/wording/{ja,en}/FACE.toml`; a shopper's own file of that name replaces single entries.
//!
//! An entry may hold places for values, `{name}`; an own entry may hold no others than the shipped one.

use super::{Language, WordingError, is_at};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Display;
use std::sync::{Arc, LazyLock};

/// What labels belong to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Face {
    /// The pages in the browser.
    Dashboard,
    /// The review of a month.
    Report,
    /// The calendar file and feed.
    Calendar,
}

impl Face {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Dashboard, Self::Report, Self::Calendar];

    /// Its file's name without `.toml`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Dashboard => "dashboard",
            Self::Report => "report",
            Self::Calendar => "calendar",
        }
    }

    fn shipped(self, language: Language) -> &'static str {
        match (self, language) {
            (Self::Dashboard, Language::Ja) => include_str!("../../rules/wording/ja/dashboard.toml"),
            (Self::Dashboard, Language::En) => include_str!("../../rules/wording/en/dashboard.toml"),
            (Self::Report, Language::Ja) => include_str!("../../rules/wording/ja/report.toml"),
            (Self::Report, Language::En) => include_str!("../../rules/wording/en/report.toml"),
            (Self::Calendar, Language::Ja) => include_str!("../../rules/wording/ja/calendar.toml"),
            (Self::Calendar, Language::En) => include_str!("../../rules/wording/en/calendar.toml"),
        }
    }
}

/// The labels of a face in a language. Cheap to clone.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Labels(Arc<BTreeMap<String, String>>);

impl Labels {
    /// An entry, named as in the file: `waiting.title`. One that is not there shows its name, so that it is seen; of
    /// those that pages name a test over the sources finds it first.
    #[must_use]
    pub fn get<'a>(&'a self, name: &'a str) -> &'a str {
        self.0.get(name).map_or(name, String::as_str)
    }

    /// An entry with its places filled.
    #[must_use]
    pub fn with(&self, name: &str, values: &[(&str, &dyn Display)]) -> String {
        let mut rest = self.get(name);
        let mut text = String::with_capacity(rest.len());
        // one pass: a value that looks like a place is not filled again
        while let Some((before, after)) = rest.split_once('{') {
            text.push_str(before);
            let value = after.split_once('}').and_then(|(place, after)| {
                values.iter().find(|(name, _)| *name == place).map(|(_, value)| (value, after))
            });
            match value {
                Some((value, after)) => {
                    text.push_str(&value.to_string());
                    rest = after;
                }
                None => {
                    text.push('{');
                    rest = after;
                }
            }
        }
        text.push_str(rest);
        text
    }
}

/// The labels of every face in both languages.
pub(super) type All = BTreeMap<(Language, Face), Labels>;

/// As shipped; read once.
pub(super) fn shipped() -> Arc<All> {
    static SHIPPED: LazyLock<Arc<All>> = LazyLock::new(|| {
        let mut all = All::new();
        for face in Face::ALL {
            for language in [Language::Ja, Language::En] {
                // a broken file shows the names of its entries; a test finds it first
                let entries = entries(face.shipped(language)).unwrap_or_default();
                all.insert((language, face), Labels(Arc::new(entries)));
            }
        }
        Arc::new(all)
    });
    Arc::clone(&SHIPPED)
}

/// Puts a shopper's own file on top; `None` when it is not one of labels.
pub(super) fn put(all: &mut All, path: &str, text: &str) -> Option<Result<(), WordingError>> {
    let (language, face) = [Language::Ja, Language::En]
        .into_iter()
        .flat_map(|language| Face::ALL.map(|face| (language, face)))
        .find(|(language, face)| is_at(path, &format!("{}/{}.toml", language.folder(), face.name())))?;
    Some(merged(all, language, face, text).map_err(|(line, what)| WordingError { file: path.to_owned(), line, what }))
}

fn merged(all: &mut All, language: Language, face: Face, text: &str) -> Result<(), (Option<usize>, String)> {
    let own = entries(text).map_err(|error| {
        let line = error.span().map(|span| text.get(..span.start).unwrap_or(text).matches('\n').count() + 1);
        (line, error.message().to_owned())
    })?;
    let labels = all.entry((language, face)).or_default();
    let mut entries = BTreeMap::clone(&labels.0);
    for (name, text) in own {
        let Some(shipped) = entries.get(&name) else {
            return Err((None, format!("there is no entry `{name}`; the shipped file names all there are")));
        };
        let known = places(shipped);
        if let Some(place) = places(&text).into_iter().find(|place| !known.contains(place)) {
            let known: Vec<String> = known.into_iter().map(|place| format!("{{{place}}}")).collect();
            let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
            return Err((None, format!("`{name}` holds {{{place}}}, which is not filled; places there are: {known}")));
        }
        entries.insert(name, text);
    }
    *labels = Labels(Arc::new(entries));
    Ok(())
}

/// The entries of a file by their dotted names.
fn entries(text: &str) -> Result<BTreeMap<String, String>, toml::de::Error> {
    let table: toml::Table = toml::from_str(text)?;
    let mut found = BTreeMap::new();
    gather("", &table, &mut found);
    Ok(found)
}

fn gather(before: &str, table: &toml::Table, into: &mut BTreeMap<String, String>) {
    for (name, value) in table {
        let name = if before.is_empty() { name.clone() } else { format!("{before}.{name}") };
        match value {
            toml::Value::Table(table) => gather(&name, table, into),
            toml::Value::String(text) => {
                into.insert(name, text.clone());
            }
            other => {
                into.insert(name, other.to_string());
            }
        }
    }
}

/// The places of an entry.
fn places(text: &str) -> BTreeSet<&str> {
    text.split('{').skip(1).filter_map(|after| after.split_once('}').map(|(place, _)| place)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wording::Wording;

    #[test]
    fn both_languages_say_the_same_things() {
        for face in Face::ALL {
            let read = |language| entries(face.shipped(language)).unwrap_or_else(|error| panic!("{face:?}: {error}"));
            let (ja, en) = (read(Language::Ja), read(Language::En));
            assert_eq!(ja.keys().collect::<Vec<_>>(), en.keys().collect::<Vec<_>>(), "{face:?}");
            for (name, text) in &ja {
                assert_eq!(places(text), places(&en[name]), "{face:?}: {name}");
                assert!(!text.trim().is_empty() && !en[name].trim().is_empty(), "{face:?}: {name}");
            }
        }
    }

    #[test]
    fn own_entries_replace_shipped_ones_and_mistakes_are_told() {
        let own = |text: &str| Wording::with_own(&[("wording/ja/dashboard.toml", text)]);
        let words = own("title = \"うちの戻り\"\n").unwrap();
        assert_eq!(words.labels(Language::Ja, Face::Dashboard).get("title"), "うちの戻り");
        assert_eq!(Wording::default().labels(Language::En, Face::Dashboard).get("title"), "modori");
        for (text, said) in
            [("title = \"{shop}\"\n", "not filled"), ("titel = \"x\"\n", "no entry `titel`"), ("title = \n", "line 1")]
        {
            let error = own(text).unwrap_err();
            assert!(error[0].to_string().contains(said), "{error:?}");
        }
    }

    #[test]
    fn a_value_is_never_read_as_a_place() {
        let labels = Labels(Arc::new(BTreeMap::from([("x".to_owned(), "{a} of {b}, {c}".to_owned())])));
        assert_eq!(labels.with("x", &[("a", &"{b}"), ("b", &7)]), "{b} of 7, {c}");
        assert_eq!(labels.get("no.such"), "no.such");
    }
}
