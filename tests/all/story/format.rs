//! How a story is written down: `story.toml`, read strictly. A key that is not known is an error with its name.

use jiff::Timestamp;
use jiff::civil::{Date, DateTime};
use modori::calendar::{end_of_day, instant};
use modori::facts::OrderNumber;
use modori::ledger::due::Settings;
use modori::ledger::{self, By, CLAIMS, Said, Statement};
use modori::mailbox::MailKey;
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// A story, ready to be run.
pub struct Story {
    pub name: String,
    pub settings: Settings,
    pub authserv_ids: Vec<String>,
    pub mails: Vec<Sent>,
    pub words: Vec<Statement>,
    pub steps: Vec<Step>,
}

/// A mail of the story.
pub struct Sent {
    pub bytes: Vec<u8>,
    pub received: Timestamp,
    pub times: usize,
}

/// An instant, and what a reader expects then.
pub struct Step {
    pub at: Timestamp,
    /// What modori cannot do yet: the step must fail.
    pub awaits: Option<String>,
    /// How many orders the ledger speaks of.
    pub cases: Option<usize>,
    pub expected: Vec<Expected>,
}

/// One value of one order.
pub struct Expected {
    pub order: OrderNumber,
    pub key: String,
    pub value: toml::Value,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    title: String,
    #[serde(rename = "source")]
    _source: Option<String>,
    order: Option<String>,
    #[serde(default)]
    orders: BTreeMap<String, String>,
    #[serde(default)]
    settings: Settings,
    authserv_ids: Vec<String>,
    #[serde(default)]
    mail: Vec<Mail>,
    #[serde(default)]
    say: Vec<Word>,
    #[serde(default)]
    then: Vec<toml::Table>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Mail {
    file: String,
    received: String,
    #[serde(default = "once")]
    times: usize,
}

fn once() -> usize {
    1
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Word {
    at: String,
    says: String,
    order: Option<String>,
    points: Option<u64>,
    expires: Option<String>,
    coupon: Option<String>,
    text: Option<String>,
    mail: Option<String>,
}

/// The keys beside those of `modori cases --format json`.
const OWN_KEYS: &[&str] = &["known", "open", "next", "next_at", "questions", "conflicts", "assumed", "claims", "notes"];

/// Every key a step may name.
fn keys() -> BTreeSet<String> {
    let order = OrderNumber::parse("399999-20261120-0123456789").expect("an order number");
    let said = Said::Confirm { points: None, expires: None, coupon_back: None };
    let statement = Statement { order, said, at: Timestamp::UNIX_EPOCH, by: By::Command };
    let cases = ledger::cases(&[], &[statement], &Settings::default(), Timestamp::UNIX_EPOCH);
    let mut keys: BTreeSet<String> = OWN_KEYS.iter().map(|key| (*key).to_owned()).collect();
    for case in cases.values() {
        keys.extend(super::leaves(&ledger::sheet(case)).into_keys());
    }
    for told_otherwise in ["evidence", "order_number"] {
        keys.remove(told_otherwise);
    }
    keys
}

/// `2026-11-25 10:00` in Tokyo.
fn time(text: &str) -> Result<Timestamp, String> {
    let civil: Result<DateTime, _> = text.parse();
    match civil {
        Ok(civil) if text.len() == "2026-11-25 10:00".len() => Ok(instant(civil)),
        _ => Err(format!("`{text}` is not a time; write it as 2026-11-25 10:00")),
    }
}

/// A time, or the end of a day.
fn end(text: &str) -> Result<Timestamp, String> {
    let day: Result<Date, _> = text.parse();
    match day {
        Ok(day) if text.len() == "2026-11-25".len() => Ok(end_of_day(day)),
        _ => time(text),
    }
}

/// Reads a story from its folder.
pub fn open(folder: &Path) -> Result<Story, Vec<String>> {
    let file = folder.join("story.toml");
    let text = std::fs::read_to_string(&file).map_err(|error| vec![format!("{}: {error}", file.display())])?;
    parse(folder, &text)
}

/// Reads a story whose words are given and whose mails lie in a folder. All errors at once.
pub fn parse(folder: &Path, text: &str) -> Result<Story, Vec<String>> {
    let name = folder.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let written: Written =
        toml::from_str(text).map_err(|error| vec![format!("story {name}: {}", error.to_string().trim())])?;
    let mut reader = Reader { written: &written, folder, errors: Vec::new() };
    let story = reader.story(name.clone());
    let unused: Vec<String> = reader.unused();
    let errors: Vec<String> =
        reader.errors.into_iter().chain(unused).map(|error| format!("story {name}: {error}")).collect();
    if errors.is_empty() { Ok(story) } else { Err(errors) }
}

struct Reader<'a> {
    written: &'a Written,
    folder: &'a Path,
    errors: Vec<String>,
}

impl Reader<'_> {
    fn or<T>(&mut self, place: &str, value: Result<T, String>) -> Option<T> {
        value.map_err(|error| self.errors.push(format!("{place}: {error}"))).ok()
    }

    fn story(&mut self, name: String) -> Story {
        let written = self.written;
        if written.title.trim().is_empty() || written.title.contains('\n') {
            self.errors.push("the title is one sentence on one line".into());
        }
        for (name, number) in &written.orders {
            if self.number(name).is_err() || name == number {
                self.errors.push(format!("orders.{name}: `{number}` is not an order number"));
            }
        }
        let mut mails = Vec::new();
        for mail in &written.mail {
            let bytes = std::fs::read(self.folder.join(&mail.file)).map_err(|error| error.to_string());
            let bytes = self.or(&mail.file, bytes);
            let received = self.or(&mail.file, time(&mail.received));
            if let (Some(bytes), Some(received)) = (bytes, received) {
                mails.push(Sent { bytes, received, times: mail.times });
            }
        }
        let words = (1..).zip(&written.say).filter_map(|(n, word)| {
            let place = format!("say {n}");
            let word = self.word(word);
            self.or(&place, word)
        });
        let words = words.collect();
        let keys = keys();
        let steps: Vec<Step> =
            (1..).zip(&written.then).filter_map(|(n, table)| self.step(&format!("then {n}"), table, &keys)).collect();
        if steps.is_empty() {
            self.errors.push("nothing is expected; write a [[then]]".into());
        }
        Story {
            name,
            settings: written.settings.clone(),
            authserv_ids: written.authserv_ids.clone(),
            mails,
            words,
            steps,
        }
    }

    /// An order by its number or by the name the story gives it.
    fn number(&self, text: &str) -> Result<OrderNumber, String> {
        let number = self.written.orders.get(text).map_or(text, String::as_str);
        OrderNumber::parse(number).ok_or_else(|| format!("`{text}` is no order of this story"))
    }

    /// The order that is meant when none is named.
    fn the_order(&self) -> Result<OrderNumber, String> {
        let order = self.written.order.as_deref();
        order.map_or_else(
            || Err("which order? name one, or give the story an `order`".into()),
            |order| self.number(order),
        )
    }

    fn word(&self, word: &Word) -> Result<Statement, String> {
        let order = word.order.as_deref().map_or_else(|| self.the_order(), |order| self.number(order))?;
        let given = [
            ("points", word.points.is_some()),
            ("expires", word.expires.is_some()),
            ("coupon", word.coupon.is_some()),
            ("text", word.text.is_some()),
            ("mail", word.mail.is_some()),
        ];
        let allow = |allowed: &[&str]| match given.iter().find(|(key, given)| *given && !allowed.contains(key)) {
            Some((key, _)) => Err(format!("`{key}` means nothing to `{}`", word.says)),
            None => Ok(()),
        };
        let missing = |key: &str| format!("`{}` needs `{key}`", word.says);
        let expires = word.expires.as_deref().map(end).transpose()?;
        let mail = || -> Result<MailKey, String> {
            let file = word.mail.as_deref().ok_or_else(|| missing("mail"))?;
            let bytes = std::fs::read(self.folder.join(file)).map_err(|error| format!("{file}: {error}"))?;
            Ok(MailKey::of(&bytes))
        };
        let said = match word.says.as_str() {
            "confirm" => {
                allow(&["points", "expires", "coupon"])?;
                let coupon_back = match word.coupon.as_deref() {
                    None => None,
                    Some("back") => Some(true),
                    Some("lost") => Some(false),
                    Some(other) => return Err(format!("a coupon is `back` or `lost`, not `{other}`")),
                };
                Said::Confirm { points: word.points, expires, coupon_back }
            }
            "deny" => allow(&[]).map(|()| Said::Deny)?,
            "lost" => allow(&[]).map(|()| Said::Lost)?,
            "lives" => allow(&[]).map(|()| Said::Lives)?,
            "limited" => {
                allow(&["points", "expires"])?;
                let points = word.points.ok_or_else(|| missing("points"))?;
                Said::Limited { points, expires: expires.ok_or_else(|| missing("expires"))? }
            }
            "answered" => allow(&[]).map(|()| Said::Answered)?,
            "note" => {
                allow(&["text"])?;
                Said::Note { text: word.text.clone().ok_or_else(|| missing("text"))? }
            }
            "assign" => {
                allow(&["mail", "points"])?;
                Said::Assign { mail: mail()?, points: word.points.ok_or_else(|| missing("points"))? }
            }
            "disown" => allow(&["mail"]).and_then(|()| mail()).map(|mail| Said::Disown { mail })?,
            other => return Err(format!("nobody says `{other}`")),
        };
        Ok(Statement { order, said, at: time(&word.at)?, by: By::Command })
    }

    fn step(&mut self, place: &str, table: &toml::Table, keys: &BTreeSet<String>) -> Option<Step> {
        let mut expected = Vec::new();
        let (mut at, mut awaits, mut cases) = (Err("`at` is missing".to_owned()), None, None);
        let mut direct = toml::Table::new();
        for (key, value) in table {
            match (key.as_str(), value) {
                ("at", toml::Value::String(text)) => at = time(text),
                ("awaits", toml::Value::String(text)) => awaits = Some(text.clone()),
                ("cases", toml::Value::Integer(count)) => {
                    cases = self.or(place, usize::try_from(*count).map_err(|_| "`cases` is a count".to_owned()));
                }
                (key, toml::Value::Table(values)) if self.number(key).is_ok() => {
                    let order = self.number(key).ok()?;
                    self.values(place, &order, values, keys, &mut expected);
                }
                (key, value) => {
                    direct.insert(key.to_owned(), value.clone());
                }
            }
        }
        if !direct.is_empty()
            && let Some(order) = self.or(place, self.the_order())
        {
            self.values(place, &order, &direct, keys, &mut expected);
        }
        if expected.is_empty() && cases.is_none() {
            self.errors.push(format!("{place}: nothing is expected"));
        }
        Some(Step { at: self.or(place, at)?, awaits, cases, expected })
    }

    fn values(
        &mut self,
        place: &str,
        order: &OrderNumber,
        values: &toml::Table,
        keys: &BTreeSet<String>,
        into: &mut Vec<Expected>,
    ) {
        for (key, value) in super::flat(values) {
            if !keys.contains(&key) {
                let keys: Vec<&str> = keys.iter().map(String::as_str).collect();
                self.errors.push(format!("{place}: `{key}` is not a value of a case; these are: {}", keys.join(", ")));
            }
            if key == "claims" {
                for claim in value.as_array().into_iter().flatten() {
                    if !claim.as_str().is_some_and(|claim| CLAIMS.contains(&claim)) {
                        self.errors.push(format!("{place}: no mail claims {claim}"));
                    }
                }
            }
            into.push(Expected { order: order.clone(), key, value });
        }
    }

    /// Mails that lie in the folder and that the story does not name.
    fn unused(&self) -> Vec<String> {
        let named: BTreeSet<&str> = self.written.mail.iter().map(|mail| mail.file.as_str()).collect();
        let files = std::fs::read_dir(self.folder).into_iter().flatten().filter_map(Result::ok);
        let names = files.map(|file| file.file_name().to_string_lossy().into_owned());
        let unused = names.filter(|name| name != "story.toml" && !named.contains(name.as_str()));
        unused.map(|name| format!("{name} lies beside it and is not part of it")).collect()
    }
}
