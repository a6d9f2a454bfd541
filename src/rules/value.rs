//! The values of a rule file: words, numbers, sizes, switches; each said plainly when it is of the wrong kind.

use super::Priority;
use super::diagnostic::{Desk, Severity, meant};
use super::syntax::{At, FACTS, FactTest, Knows, Want};
use crate::mail::TrustLevel;
use std::ops::Range;
use toml::Spanned;
use toml::de::{DeString, DeTable, DeValue};
use unicode_normalization::UnicodeNormalization;

/// A word of a rule may have so many characters.
const MAX_WORD: usize = 300;

pub(super) type Value<'t, 'i> = &'t Spanned<DeValue<'i>>;

pub(super) fn get<'t, 'i>(table: &'t DeTable<'i>, key: &str) -> Option<Value<'t, 'i>> {
    table.get(key)
}

/// Reports every key that is in none of the lists.
pub(super) fn known_keys(desk: &mut Desk<'_>, table: &DeTable<'_>, known: &[&[&str]], of: &str) {
    let known: Vec<&str> = known.concat();
    for key in table.keys() {
        let word = key.get_ref().as_ref();
        if known.contains(&word) {
            continue;
        }
        let help = match meant(word, &known) {
            Some(meant) => format!("did you mean `{meant}`?"),
            None => format!("the keys {of} are: {}", known.join(", ")),
        };
        desk.say(Severity::Error, key.span(), format!("unknown key `{word}`"), String::new(), help);
    }
}

fn wrong_type(desk: &mut Desk<'_>, value: Value<'_, '_>, wanted: &str, help: &str) {
    let message = format!("expected {wanted}, found {}", kind(value.get_ref()));
    desk.error(value.span(), message, help);
}

fn kind(value: &DeValue<'_>) -> &'static str {
    match value {
        DeValue::String(_) => "a text",
        DeValue::Integer(_) | DeValue::Float(_) => "a number",
        DeValue::Boolean(_) => "true or false",
        DeValue::Datetime(_) => "a date",
        DeValue::Array(_) => "a list",
        DeValue::Table(_) => "a table",
    }
}

pub(super) fn text(desk: &mut Desk<'_>, value: Value<'_, '_>) -> Option<At<String>> {
    match value.get_ref() {
        DeValue::String(text) => Some(At { value: DeString::to_string(text), span: value.span() }),
        _ => {
            wrong_type(desk, value, "a text", "put it between quotes");
            None
        }
    }
}

/// A word or a list of words, none of them empty.
pub(super) fn words(desk: &mut Desk<'_>, value: Value<'_, '_>) -> Vec<At<String>> {
    let items: Vec<Value<'_, '_>> = match value.get_ref() {
        DeValue::Array(items) => items.iter().collect(),
        DeValue::String(_) => vec![value],
        _ => {
            wrong_type(desk, value, "a text or a list of texts", "write \"再入荷\" or [\"再入荷\", \"再販\"]");
            return Vec::new();
        }
    };
    if items.is_empty() {
        desk.error(value.span(), "an empty list matches nothing", "name at least one word");
    }
    let mut list = Vec::new();
    for item in items {
        let Some(word) = text(desk, item) else { continue };
        if word.value.trim().is_empty() {
            desk.error(word.span, "an empty word would match every mail", "name a word");
        } else if word.value.chars().count() > MAX_WORD {
            desk.error(word.span, format!("a word longer than {MAX_WORD} characters"), "shorten it");
        } else {
            list.push(word);
        }
    }
    list
}

/// As [`words`], but the list may be empty.
pub(super) fn list(desk: &mut Desk<'_>, value: Value<'_, '_>) -> Vec<At<String>> {
    let empty = value.get_ref().as_array().is_some_and(|list| list.is_empty());
    if empty { Vec::new() } else { words(desk, value) }
}

pub(super) fn flag(desk: &mut Desk<'_>, value: Value<'_, '_>) -> Option<bool> {
    let flag = value.get_ref().as_bool();
    if flag.is_none() {
        wrong_type(desk, value, "true or false", "without quotes");
    }
    flag
}

pub(super) fn want(desk: &mut Desk<'_>, value: Value<'_, '_>) -> Option<Want> {
    match value.get_ref() {
        DeValue::Boolean(true) => Some(Want::Yes),
        DeValue::Boolean(false) => Some(Want::No),
        DeValue::String(word) if word == "any" => Some(Want::Either),
        _ => {
            wrong_type(desk, value, "true, false or \"any\"", "\"any\" counts a hit in either kind of clause");
            None
        }
    }
}

pub(super) fn whole(desk: &mut Desk<'_>, value: Value<'_, '_>) -> Option<i64> {
    let found = match value.get_ref() {
        DeValue::Integer(int) => i64::from_str_radix(int.as_str(), int.radix()).ok(),
        _ => None,
    };
    if found.is_none() {
        wrong_type(desk, value, "a whole number", "without quotes");
    }
    found
}

pub(super) fn number(desk: &mut Desk<'_>, value: Value<'_, '_>) -> Option<At<f64>> {
    let found = match value.get_ref() {
        DeValue::Integer(int) => i32::from_str_radix(int.as_str(), int.radix()).ok().map(f64::from),
        DeValue::Float(float) => float.as_str().parse::<f64>().ok().filter(|float| float.is_finite()),
        _ => None,
    };
    if found.is_none() {
        wrong_type(desk, value, "a number", "without quotes, as in `2` or `-1.5`");
    }
    found.map(|number| At { value: number, span: value.span() })
}

/// Bytes, as a number or with KB or MB.
pub(super) fn size(desk: &mut Desk<'_>, value: Value<'_, '_>) -> Option<u64> {
    if let Some(word) = value.get_ref().as_str() {
        let word = word.trim().to_ascii_uppercase();
        let (digits, unit) = word.split_at(word.find(|c: char| !c.is_ascii_digit()).unwrap_or(word.len()));
        let factor = match unit.trim() {
            "" | "B" => Some(1),
            "K" | "KB" | "KIB" => Some(1 << 10),
            "M" | "MB" | "MIB" => Some(1 << 20),
            _ => None,
        };
        let bytes = digits.parse::<u64>().ok().zip(factor).and_then(|(number, factor)| number.checked_mul(factor));
        if bytes.is_none() {
            desk.error(value.span(), "not a size", "write for example \"500 KB\" or \"2 MB\"");
        }
        return bytes;
    }
    whole(desk, value).and_then(|bytes| u64::try_from(bytes).ok())
}

pub(super) fn priority(desk: &mut Desk<'_>, value: Value<'_, '_>) -> Option<Priority> {
    let word = text(desk, value)?;
    match word.value.as_str() {
        "silent" => Some(Priority::Silent),
        "normal" => Some(Priority::Normal),
        "high" => Some(Priority::High),
        "urgent" => Some(Priority::Urgent),
        other => {
            let known = ["silent", "normal", "high", "urgent"];
            let help = match meant(other, &known) {
                Some(meant) => format!("did you mean \"{meant}\"?"),
                None => "write \"silent\", \"normal\", \"high\" or \"urgent\"".to_owned(),
            };
            desk.error(word.span, format!("`{other}` is no priority"), help);
            None
        }
    }
}

pub(super) fn folder(desk: &mut Desk<'_>, value: Value<'_, '_>) -> Option<At<String>> {
    let folder = text(desk, value)?;
    if !is_folder_name(&folder.value) {
        desk.error(folder.span, NO_FOLDER_NAME.0, NO_FOLDER_NAME.1);
        return None;
    }
    // composed, as servers name theirs: an editor on a Mac may have written が in two pieces
    Some(At { value: folder.value.nfc().collect(), span: folder.span })
}

/// What is said of a name that no folder can have, and the remedy.
pub(super) const NO_FOLDER_NAME: (&str, &str) =
    ("not a folder name", "write levels with a slash between them, as in \"楽天/再入荷\"");

/// Whether a folder can have this name.
pub(super) fn is_folder_name(name: &str) -> bool {
    let parts_fine = name.split('/').all(|part| !part.trim().is_empty());
    parts_fine && !name.chars().any(char::is_control) && name.len() <= 255
}

pub(super) fn category_name(desk: &mut Desk<'_>, name: &At<String>) {
    let fine = !name.value.is_empty() && !name.value.chars().any(|c| c.is_whitespace() || c.is_control() || c == '/');
    if !fine {
        desk.error(name.span.clone(), "not a category name", "one word, as in \"restock\"");
    }
}

pub(super) fn trust(desk: &mut Desk<'_>, word: &At<String>) -> Option<TrustLevel> {
    match word.value.as_str() {
        "verified" => Some(TrustLevel::Verified),
        "unverified" => Some(TrustLevel::Unverified),
        "suspect" => Some(TrustLevel::Suspect),
        other => {
            let message = format!("`{other}` is no trust level");
            desk.error(word.span.clone(), message, "write \"verified\", \"unverified\" or \"suspect\"");
            None
        }
    }
}

pub(super) fn knows(desk: &mut Desk<'_>, value: Value<'_, '_>) -> Option<Knows> {
    match value.get_ref() {
        DeValue::Boolean(known) => Some(Knows::Order(*known)),
        DeValue::String(word) if word == "cancelled" => Some(Knows::Cancelled),
        _ => {
            wrong_type(desk, value, "true, false or \"cancelled\"", "\"cancelled\": a known order that was cancelled");
            None
        }
    }
}

/// A fact's name, with `:value` when the value matters.
pub(super) fn fact(desk: &mut Desk<'_>, word: &At<String>) -> Option<FactTest> {
    let (key, value) = match word.value.split_once(':') {
        Some((key, value)) => (key, Some(value)),
        None => (word.value.as_str(), None),
    };
    let written = key.replace('-', "_");
    let Some((key, values)) = FACTS.iter().find(|(known, _)| *known == written) else {
        let names: Vec<&str> = FACTS.iter().map(|(known, _)| *known).collect();
        let help = match meant(key, &names) {
            Some(meant) => format!("did you mean `{meant}`?"),
            None => format!("known facts: {}", names.join(", ")),
        };
        desk.error(word.span.clone(), format!("unknown fact `{key}`"), help);
        return None;
    };
    let Some(value) = value else { return Some(FactTest { key, value: None }) };
    let Some(value) = values.iter().find(|known| **known == value) else {
        let help =
            if values.is_empty() { format!("ask for `{key}` alone") } else { format!("one of: {}", values.join(", ")) };
        desk.error(word.span.clone(), format!("`{key}` has no value `{value}`"), help);
        return None;
    };
    Some(FactTest { key, value: Some(value) })
}

/// The tables of `[[key]]` or of a list of inline tables.
pub(super) fn tables<'t, 'i>(
    desk: &mut Desk<'_>,
    table: &'t DeTable<'i>,
    key: &str,
) -> Vec<(&'t DeTable<'i>, Range<usize>)> {
    get(table, key).map(|value| table_list(desk, value)).unwrap_or_default()
}

/// A table or a list of tables.
pub(super) fn table_list<'t, 'i>(desk: &mut Desk<'_>, value: Value<'t, 'i>) -> Vec<(&'t DeTable<'i>, Range<usize>)> {
    let help = "write a table `{ subject = \"…\" }` or a list of them";
    match value.get_ref() {
        DeValue::Table(table) => vec![(table, value.span())],
        DeValue::Array(items) => items
            .iter()
            .filter_map(|item| {
                let table = item.get_ref().as_table();
                if table.is_none() {
                    wrong_type(desk, item, "a table", help);
                }
                table.map(|table| (table, item.span()))
            })
            .collect(),
        _ => {
            wrong_type(desk, value, "a table or a list of tables", help);
            Vec::new()
        }
    }
}
