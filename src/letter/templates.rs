//! The templates of letters: shipped under `rules/letters/{ja,en}/`, each replaced by the shopper's own of that name.

use super::words::samples;
use super::{Kind, Words, clean};
use crate::wording::{Language, WordingError, blank, explained, is_at};
use minijinja::value::Serde;
use minijinja::{Environment, ErrorKind, Value};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Name (language and file) and text.
const TEXTS: &[(&str, &str)] = &[
    ("ja/answer-cancel.txt", include_str!("../../rules/letters/ja/answer-cancel.txt")),
    ("ja/answer-wait.txt", include_str!("../../rules/letters/ja/answer-wait.txt")),
    ("ja/answer-alternative.txt", include_str!("../../rules/letters/ja/answer-alternative.txt")),
    ("ja/ask-shop.txt", include_str!("../../rules/letters/ja/ask-shop.txt")),
    ("ja/ask-shop-again.txt", include_str!("../../rules/letters/ja/ask-shop-again.txt")),
    ("ja/ask-rakuten.txt", include_str!("../../rules/letters/ja/ask-rakuten.txt")),
    ("ja/thanks.txt", include_str!("../../rules/letters/ja/thanks.txt")),
    ("en/answer-cancel.txt", include_str!("../../rules/letters/en/answer-cancel.txt")),
    ("en/answer-wait.txt", include_str!("../../rules/letters/en/answer-wait.txt")),
    ("en/answer-alternative.txt", include_str!("../../rules/letters/en/answer-alternative.txt")),
    ("en/ask-shop.txt", include_str!("../../rules/letters/en/ask-shop.txt")),
    ("en/ask-shop-again.txt", include_str!("../../rules/letters/en/ask-shop-again.txt")),
    ("en/ask-rakuten.txt", include_str!("../../rules/letters/en/ask-rakuten.txt")),
    ("en/thanks.txt", include_str!("../../rules/letters/en/thanks.txt")),
];

/// Most characters of a subject.
const SUBJECT: usize = 120;
/// Most characters of a text: a template that loops makes no letter.
const TEXT: usize = 8000;

/// All templates, ready for use. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Letters {
    templates: Arc<Environment<'static>>,
    /// Which of them are the shopper's own, and the file's name.
    own: Arc<BTreeMap<String, String>>,
}

impl Default for Letters {
    fn default() -> Self {
        Self { templates: Arc::new(shipped()), own: Arc::default() }
    }
}

impl Letters {
    /// The shipped templates with the shopper's own on top. `files`: path and text; only the last two parts of the path
    /// count (`ja/ask-shop.txt`).
    ///
    /// # Errors
    /// Every file that is no letter of modori's, cannot be read as a template, asks for a value that is not there, or
    /// says nothing.
    pub fn with_own<P: AsRef<str>, T: AsRef<str>>(files: &[(P, T)]) -> Result<Self, Vec<WordingError>> {
        let mut templates = shipped();
        let mut own = BTreeMap::new();
        let mut errors = Vec::new();
        for (path, text) in files {
            let path = path.as_ref();
            let Some((name, _)) = TEXTS.iter().find(|(name, _)| is_at(path, name)) else {
                let known: Vec<&str> = TEXTS.iter().map(|(name, _)| *name).collect();
                let what = format!("modori writes no such letter; it reads {}", known.join(", "));
                errors.push(WordingError { file: path.to_owned(), line: None, what });
                continue;
            };
            let added = templates.add_template_owned(*name, text.as_ref().to_owned());
            if let Err(error) = added.and_then(|()| attempt(&templates, name)) {
                errors.push(explained(path, &error));
            }
            own.insert((*name).to_owned(), path.to_owned());
        }
        if errors.is_empty() { Ok(Self { templates: Arc::new(templates), own: Arc::new(own) }) } else { Err(errors) }
    }

    /// Subject and text of a letter.
    ///
    /// # Errors
    /// When the template asks for a value that is not there, or says nothing: no letter is made then.
    pub fn say(&self, language: Language, kind: Kind, words: &Words) -> Result<(String, String), WordingError> {
        let name = format!("{}/{}.txt", language.folder(), kind.name());
        let shown = self.own.get(&name).map_or_else(|| format!("rules/letters/{name}"), Clone::clone);
        render(&self.templates, &name, words).map_err(|error| explained(&shown, &error))
    }
}

fn shipped() -> Environment<'static> {
    let mut templates = blank();
    for (name, text) in TEXTS {
        // a broken one is left out here; a test tries each
        let _ = templates.add_template(name, text);
    }
    templates
}

/// The first line that says something is the subject, the rest the text.
fn render(templates: &Environment<'_>, name: &str, words: &Words) -> Result<(String, String), minijinja::Error> {
    let text = templates.get_template(name)?.render(Value::from(Serde(words)))?;
    let (subject, body) = text.trim_start().split_once('\n').unwrap_or((text.trim(), ""));
    let (subject, body) = (clean::line(subject, SUBJECT), clean::text(body));
    let wrong = |what: &str| Err(minijinja::Error::new(ErrorKind::InvalidOperation, what.to_owned()));
    if subject.is_empty() || body.trim().is_empty() {
        return wrong("a letter has a subject on its first line and a text below");
    }
    if body.chars().count() > TEXT {
        return wrong("the text is longer than 8000 characters");
    }
    Ok((subject, body))
}

/// Tries a template with an empty and a full case.
fn attempt(templates: &Environment<'_>, name: &str) -> Result<(), minijinja::Error> {
    samples().iter().try_for_each(|words| render(templates, name, words).map(|_| ()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_shipped_letter_says_something_for_everything() {
        let templates = shipped();
        for (name, _) in TEXTS {
            attempt(&templates, name).unwrap_or_else(|error| panic!("{name}: {error:?}"));
        }
        for kind in Kind::ALL {
            for language in [Language::Ja, Language::En] {
                assert!(TEXTS.iter().any(|(name, _)| *name == format!("{}/{}.txt", language.folder(), kind.name())));
            }
        }
        assert_eq!(TEXTS.len(), 2 * Kind::ALL.len());
    }

    #[test]
    fn letters_to_a_shop_are_short_and_end_with_the_name() {
        let words = &samples()[1];
        for kind in Kind::ALL.into_iter().filter(|kind| *kind != Kind::AskRakuten) {
            for language in [Language::Ja, Language::En] {
                let (_, body) = Letters::default().say(language, kind, words).unwrap();
                let lines = body.lines().filter(|line| !line.is_empty()).count();
                assert!(lines <= 12, "{}: {lines} lines\n{body}", kind.name());
                assert!(body.contains(&words.order_number), "{}", kind.name());
                assert_eq!(body.lines().last(), Some(words.name.as_str()), "{}", kind.name());
            }
        }
    }

    #[test]
    fn own_letters_win_and_mistakes_name_their_place() {
        let own =
            Letters::with_own(&[("/home/u/letters/ja/thanks.txt", "ありがとう\n{{ shop }} 様\n\n\n\nおわり")]).unwrap();
        let (subject, body) = own.say(Language::Ja, Kind::Thanks, &samples()[1]).unwrap();
        assert_eq!((subject.as_str(), body.as_str()), ("ありがとう", "モドリ雑貨店 様\n\nおわり\n"));
        let wrong = |path: &str, text: &str| {
            let errors = Letters::with_own(&[(path, text)]).unwrap_err();
            errors.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
        };
        assert_eq!(
            wrong("ja/thanks.txt", "a\nb\n{{ shpo }}"),
            "ja/thanks.txt, line 3: it asks for a value that does not exist"
        );
        assert!(wrong("ja/thank.txt", "a\nb").starts_with("ja/thank.txt: modori writes no such letter"));
        assert!(wrong("ja/thanks.txt", "only a subject").contains("a subject on its first line"));
        assert!(wrong("ja/thanks.txt", "a\n{% if name %}b{% endif %}").contains("a subject on its first line"));
    }
}
