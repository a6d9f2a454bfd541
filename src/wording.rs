//! What people read, in Japanese and English: templates in files that a shopper can edit.
//!
//! The shipped files lie under `rules/wording/{ja,en}/`; a file of the same name in the shopper's own folder wins. A
//! value a template asks for and nobody gave is an error, found when the templates are loaded: each is tried with an
//! empty and a full example.

mod answer;
mod by_flag;
mod labels;
mod letter;
mod link;
mod login;
mod reminder;
mod scene;
mod shipped;
mod sight;
mod summary;

use crate::calendar::{civil, rfc3339};
use crate::facts::{Cause, Risk};
use crate::ledger::case::State;
use crate::ledger::{CLAIMS, NextStep, Question};
use jiff::Timestamp;
use minijinja::value::Serde;
use minijinja::{Environment, ErrorKind, UndefinedBehavior, Value, context};
use serde::{Deserialize, Serialize};
use std::sync::{Arc, LazyLock};

pub use answer::{Page, PageState};
pub use by_flag::ByFlag;
pub use labels::{Face, Labels};
pub use letter::{LetterKind, LetterWords};
pub use link::LinkTo;
pub use login::{LoginEnd, LoginPage};
pub use reminder::{Reminder, Waiting};
pub use scene::{Back, Offer, Scene, Unusable, Warning, WarningKind};
pub use sight::{SightKind, SightWords, Unseen};
pub use summary::{Line, Summary};

/// The language of what people read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Language {
    /// 日本語
    #[default]
    Ja,
    /// English
    En,
}

impl Language {
    /// The name of its folder.
    #[must_use]
    pub fn folder(self) -> &'static str {
        match self {
            Self::Ja => "ja",
            Self::En => "en",
        }
    }
}

/// An alert's template.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Template {
    /// Goods are back.
    Restock,
    /// An order was cancelled, or the shop asks.
    Cancellation,
    /// A living order wants something by a deadline.
    Order,
    /// Any other category.
    Notice,
    /// Suspect mail.
    Quarantine,
}

impl Template {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Restock, Self::Cancellation, Self::Order, Self::Notice, Self::Quarantine];

    /// Its file's name without `.txt`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Restock => "restock",
            Self::Cancellation => "cancellation",
            Self::Order => "order",
            Self::Notice => "notice",
            Self::Quarantine => "quarantine",
        }
    }
}

/// What buttons and links of alerts are called.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Buttons {
    /// Says that the alert was seen, and need not be repeated.
    pub seen: String,
    /// Opens the item's page.
    pub open: String,
}

/// A template that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{file}{}: {what}", line.map(|line| format!(", line {line}")).unwrap_or_default())]
pub struct WordingError {
    /// The file, as it was named.
    pub file: String,
    /// The line, counted from 1.
    pub line: Option<usize>,
    /// What is wrong and what to do.
    pub what: String,
}

/// All templates, ready for use. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Wording {
    templates: Arc<Environment<'static>>,
    labels: Arc<labels::All>,
}

impl Default for Wording {
    fn default() -> Self {
        static SHIPPED: LazyLock<Arc<Environment<'static>>> = LazyLock::new(|| Arc::new(shipped()));
        Self { templates: Arc::clone(&SHIPPED), labels: labels::shipped() }
    }
}

impl Wording {
    /// The shipped words with the shopper's own files on top. `files`: path and text; only the last two parts of the
    /// path count (`ja/restock.txt`).
    ///
    /// # Errors
    /// Every file that is no template of modori's, cannot be read as a template, or asks for a value that is not there.
    pub fn with_own<P: AsRef<str>, T: AsRef<str>>(files: &[(P, T)]) -> Result<Self, Vec<WordingError>> {
        let mut templates = shipped();
        let mut labels = labels::All::clone(&labels::shipped());
        let mut errors = Vec::new();
        for (path, text) in files {
            let path = path.as_ref();
            if let Some(put) = labels::put(&mut labels, path, text.as_ref()) {
                errors.extend(put.err());
                continue;
            }
            let Some((name, _)) = shipped::TEXTS.iter().find(|(name, _)| is_at(path, name)) else {
                let known: Vec<&str> = shipped::TEXTS.iter().map(|(name, _)| *name).collect();
                let what = format!("modori has no such words; it reads {}", known.join(", "));
                errors.push(WordingError { file: path.to_owned(), line: None, what });
                continue;
            };
            let tried =
                templates.add_template_owned(*name, text.as_ref().to_owned()).and_then(|()| attempt(&templates, name));
            if let Err(error) = tried {
                errors.push(explained(path, &error));
            }
        }
        if errors.is_empty() {
            Ok(Self { templates: Arc::new(templates), labels: Arc::new(labels) })
        } else {
            Err(errors)
        }
    }

    /// The short texts of a face.
    #[must_use]
    pub fn labels(&self, language: Language, face: Face) -> Labels {
        self.labels.get(&(language, face)).cloned().unwrap_or_default()
    }

    /// Title and text of an alert.
    #[must_use]
    pub fn alert(&self, language: Language, template: Template, scene: &Scene) -> (String, String) {
        split(&self.words(language, template.name(), Value::from(Serde(scene))))
    }

    /// Title and text of the alert that the shopper's rule files cannot be used.
    #[must_use]
    pub fn unusable(&self, language: Language, unusable: &Unusable) -> (String, String) {
        split(&self.words(language, "rules", Value::from(Serde(unusable))))
    }

    /// Title and text of the alert that mailboxes are not seen, or are again.
    #[must_use]
    pub fn sight(&self, language: Language, words: &SightWords) -> (String, String) {
        split(&self.words(language, "sight", Value::from(Serde(words))))
    }

    /// Title and text of the alert that something became of a letter.
    #[must_use]
    pub fn letter(&self, language: Language, words: &LetterWords) -> (String, String) {
        split(&self.words(language, "letter", Value::from(Serde(words))))
    }

    /// Title and text of a reminder.
    #[must_use]
    pub fn reminder(&self, language: Language, reminder: &Reminder) -> (String, String) {
        split(&self.words(language, "reminder", Value::from(Serde(reminder))))
    }

    /// Title and text of several reminders at once.
    #[must_use]
    pub fn waiting(&self, language: Language, waiting: &Waiting) -> (String, String) {
        split(&self.words(language, "waiting", Value::from(Serde(waiting))))
    }

    /// Title and text of what was kept back, told together; or the word that alerts are kept back now.
    #[must_use]
    pub fn summary(&self, language: Language, summary: &Summary) -> (String, String) {
        split(&self.words(language, "summary", Value::from(Serde(summary))))
    }

    /// The line that says how late an alert leaves.
    #[must_use]
    pub fn late(&self, language: Language, received: Timestamp, minutes: i64) -> String {
        self.words(language, "late", context! { received => rfc3339(received), minutes => minutes })
    }

    /// Title and text of the alert about an order that should be looked at.
    #[must_use]
    pub fn warning(&self, language: Language, warning: &Warning) -> (String, String) {
        split(&self.words(language, "warning", Value::from(Serde(warning))))
    }

    /// What makes a cancellation for want of goods more likely.
    #[must_use]
    pub fn risk(&self, language: Language, risk: Risk, days: Option<u16>) -> String {
        self.words(language, "risk", context! { risk => Serde(risk), days => days })
    }

    /// Title and text of the alert that a flag was taken off, and what was taken from it.
    #[must_use]
    pub fn by_flag(&self, language: Language, by_flag: &ByFlag) -> (String, String) {
        split(&self.words(language, "by-flag", Value::from(Serde(by_flag))))
    }

    /// What buttons and links of alerts are called.
    #[must_use]
    pub fn buttons(&self, language: Language) -> Buttons {
        let one = |button: &str| self.words(language, "button", context! { button => button });
        Buttons { seen: one("seen"), open: one("open") }
    }

    /// Title and text of an alert that only tries a channel.
    #[must_use]
    pub fn test(&self, language: Language, channel: &str) -> (String, String) {
        split(&self.words(language, "test", context! { channel => channel }))
    }

    /// What a link is called.
    #[must_use]
    pub fn link(&self, language: Language, to: &LinkTo) -> String {
        self.words(language, "link", Value::from(Serde(to)))
    }

    /// What to do next.
    #[must_use]
    pub fn step(&self, language: Language, step: NextStep) -> String {
        self.words(language, "step", context! { step => Serde(step) })
    }

    /// What the shopper must decide.
    #[must_use]
    pub fn question(&self, language: Language, question: &Question) -> String {
        self.words(language, "question", Value::from(Serde(question)))
    }

    /// How far a cancellation is.
    #[must_use]
    pub fn state(&self, language: Language, state: State) -> String {
        self.words(language, "state", context! { state => Serde(state) })
    }

    /// What a mail claimed of an order, or the shopper said (`said-confirm` …).
    #[must_use]
    pub fn claim(&self, language: Language, claim: &str) -> String {
        self.words(language, "claim", context! { claim => claim })
    }

    /// Who caused a cancellation.
    #[must_use]
    pub fn cause(&self, language: Language, cause: Cause) -> String {
        self.words(language, "cause", context! { cause => Serde(cause) })
    }

    /// The words of a template; of the shipped one should the shopper's own fail after all. Never empty: an alert
    /// without words is better than none.
    fn words(&self, language: Language, name: &str, values: Value) -> String {
        let name = format!("{}/{name}.txt", language.folder());
        let own = render(&self.templates, &name, &values);
        let text = own.or_else(|_| render(&Self::default().templates, &name, &values));
        text.ok().filter(|text| !text.is_empty()).unwrap_or_else(|| format!("modori ({name})"))
    }
}

/// The first line, and the rest.
fn split(text: &str) -> (String, String) {
    let mut lines = text.lines();
    let title = lines.next().unwrap_or_default().to_owned();
    (title, lines.collect::<Vec<_>>().join("\n"))
}

/// Strict, with the filters that words know, and without any template. Letters are words, too.
pub(crate) fn blank() -> Environment<'static> {
    let mut templates = Environment::new();
    templates.set_undefined_behavior(UndefinedBehavior::Strict);
    templates.set_auto_escape_callback(|_| minijinja::AutoEscape::None);
    templates.add_filter("yen", yen);
    templates.add_filter("clock", clock);
    templates.add_filter("weekday", weekday);
    templates
}

/// The shipped templates. They are tried by a test.
fn shipped() -> Environment<'static> {
    let mut templates = blank();
    for (name, text) in shipped::TEXTS {
        // a broken one is left out here; `words` then says so instead of nothing
        let _ = templates.add_template(name, text);
    }
    templates
}

/// `1980` → `1,980`.
pub(crate) fn yen(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// An instant in Tokyo by a strftime pattern.
fn clock(at: &str, pattern: &str) -> Result<String, minijinja::Error> {
    let wrong = |what: String| minijinja::Error::new(ErrorKind::InvalidOperation, what);
    let at: Timestamp = at.parse().map_err(|_| wrong(format!("`{at}` is not an instant")))?;
    jiff::fmt::strtime::format(pattern, civil(at)).map_err(|error| wrong(format!("clock(\"{pattern}\"): {error}")))
}

/// 0 for Monday to 6 for Sunday, in Tokyo.
fn weekday(at: &str) -> Result<i8, minijinja::Error> {
    let wrong = |_| minijinja::Error::new(ErrorKind::InvalidOperation, format!("`{at}` is not an instant"));
    let at: Timestamp = at.parse().map_err(wrong)?;
    Ok(civil(at).weekday().to_monday_zero_offset())
}

/// Rendered, without empty lines and without blanks at the ends of lines.
fn render(templates: &Environment<'_>, name: &str, values: &Value) -> Result<String, minijinja::Error> {
    let text = templates.get_template(name)?.render(values)?;
    Ok(text.lines().map(str::trim).filter(|line| !line.is_empty()).collect::<Vec<_>>().join("\n"))
}

/// Tries a template with everything it may be given.
fn attempt(templates: &Environment<'_>, name: &str) -> Result<(), minijinja::Error> {
    let word = name.rsplit('/').next().unwrap_or_default().trim_end_matches(".txt");
    let samples: Vec<Value> = match word {
        "step" => scene::STEPS.iter().map(|step| context! { step => Serde(step) }).collect(),
        "state" => scene::STATES.iter().map(|state| context! { state => Serde(state) }).collect(),
        "cause" => scene::CAUSES.iter().map(|cause| context! { cause => Serde(cause) }).collect(),
        "claim" => CLAIMS.iter().map(|claim| context! { claim => *claim }).collect(),
        "button" => ["seen", "open"].iter().map(|button| context! { button => *button }).collect(),
        "test" => vec![context! { channel => "phone" }],
        "risk" => scene::RISKS.iter().map(|(risk, days)| context! { risk => Serde(risk), days => days }).collect(),
        "warning" => scene::warnings().iter().map(|sample| Value::from(Serde(sample))).collect(),
        "by-flag" => by_flag::examples().iter().map(|sample| Value::from(Serde(sample))).collect(),
        "sight" => sight::examples().iter().map(|sample| Value::from(Serde(sample))).collect(),
        "again" => answer::agains().iter().map(|sample| Value::from(Serde(sample))).collect(),
        "ack" => answer::pages().iter().map(|sample| Value::from(Serde(sample))).collect(),
        "login" => login::pages().iter().map(|sample| Value::from(Serde(sample))).collect(),
        "letter" => letter::examples().iter().map(|sample| Value::from(Serde(sample))).collect(),
        "rules" => scene::unusable().iter().map(|sample| Value::from(Serde(sample))).collect(),
        "reminder" => reminder::reminders().iter().map(|sample| Value::from(Serde(sample))).collect(),
        "summary" => summary::examples().iter().map(|sample| Value::from(Serde(sample))).collect(),
        "late" => vec![
            context! { received => rfc3339(Timestamp::UNIX_EPOCH), minutes => 1 },
            context! { received => rfc3339(Timestamp::UNIX_EPOCH), minutes => 9000 },
        ],
        "waiting" => reminder::waiting().iter().map(|sample| Value::from(Serde(sample))).collect(),
        "question" => scene::questions().iter().map(|sample| Value::from(Serde(sample))).collect(),
        "link" => link::examples().iter().map(|sample| Value::from(Serde(sample))).collect(),
        _ => Scene::examples().iter().map(|sample| Value::from(Serde(sample))).collect(),
    };
    for values in &samples {
        if render(templates, name, values)?.is_empty() {
            let what = format!("it says nothing for {values}");
            return Err(minijinja::Error::new(ErrorKind::InvalidOperation, what));
        }
    }
    Ok(())
}

pub(crate) fn is_at(path: &str, name: &str) -> bool {
    let mut path = path.rsplit(['/', '\\']);
    let mut name = name.rsplit('/');
    path.next() == name.next() && path.next() == name.next()
}

pub(crate) fn explained(path: &str, error: &minijinja::Error) -> WordingError {
    let what = match (error.kind(), error.detail()) {
        (ErrorKind::UndefinedError, _) => "it asks for a value that does not exist".to_owned(),
        (_, Some(detail)) => detail.to_owned(),
        (kind, None) => kind.to_string(),
    };
    WordingError { file: path.to_owned(), line: error.line(), what }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_shipped_template_says_something_for_everything() {
        let templates = shipped();
        for (name, _) in shipped::TEXTS {
            attempt(&templates, name).unwrap_or_else(|error| panic!("{name}: {error:?}"));
        }
        for template in Template::ALL {
            for language in [Language::Ja, Language::En] {
                let (title, _) = Wording::default().alert(language, template, &Scene::full());
                assert!(!title.starts_with("modori ("), "{template:?}");
            }
        }
    }

    #[test]
    fn an_alert_begins_with_item_and_price() {
        let wording = Wording::default();
        let (title, body) = wording.alert(Language::Ja, Template::Restock, &Scene::full());
        assert_eq!(title, "★ モドリのマグ 1,980円 ほか2点");
        assert_eq!(body.lines().next(), Some("12/1 20:00 から再販 / モドリ雑貨店"));
        let (title, body) = wording.alert(Language::En, Template::Restock, &Scene::default());
        assert_eq!((title.as_str(), body.lines().next()), ("Restock", Some("Back in stock")));
    }

    #[test]
    fn own_words_win_and_mistakes_name_their_place() {
        let own = Wording::with_own(&[("/home/u/wording/ja/restock.txt", "{{ item_name }} きた\n\n  急げ  ")]).unwrap();
        let (title, body) = own.alert(Language::Ja, Template::Restock, &Scene::full());
        assert_eq!((title.as_str(), body.as_str()), ("モドリのマグ きた", "急げ"));
        let shipped = own.alert(Language::En, Template::Restock, &Scene::full());
        assert_eq!(shipped, Wording::default().alert(Language::En, Template::Restock, &Scene::full()));

        let wrong = |path: &str, text: &str| {
            let errors = Wording::with_own(&[(path, text)]).unwrap_err();
            errors.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
        };
        assert_eq!(
            wrong("ja/restock.txt", "a\n{{ itme_name }}"),
            "ja/restock.txt, line 2: it asks for a value that does not exist"
        );
        assert!(wrong("ja/restock.txt", "a\n{% if x %}").starts_with("ja/restock.txt, line 2: "));
        assert!(wrong("ja/restok.txt", "a").starts_with("ja/restok.txt: modori has no such words"));
        assert!(wrong("en/step.txt", "{# nothing #}").starts_with("en/step.txt: it says nothing for"));
        assert!(wrong("en/late.txt", "{{ received | clock('%') }}").starts_with("en/late.txt, line 1: "));
    }

    #[test]
    fn cases_have_words() {
        let wording = Wording::default();
        let question = Question::ReturnClaimed { points: Some(1500), mail: None };
        assert!(wording.question(Language::En, &question).contains("1,500 points"));
        assert_eq!(wording.step(Language::En, NextStep::AskShop), "ask the shop");
        assert_eq!(wording.state(Language::En, State::Confirmed), "cancelled");
        assert_eq!(wording.cause(Language::En, Cause::Shop), "the shop");
    }

    #[test]
    fn numbers_are_grouped() {
        for (number, expect) in [(0, "0"), (999, "999"), (1000, "1,000"), (1_234_567, "1,234,567")] {
            assert_eq!(yen(number), expect);
        }
    }
}
