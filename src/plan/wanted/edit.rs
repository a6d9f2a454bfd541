//! Changes `wanted.toml` as a person would: a table more at its end, or just the lines of one table less. Comments and order
//! stay, and what comes out is read again before it counts.

use super::{Entry, List, Source, Wanted};
use std::ops::Range;

/// Which entry is meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Which {
    /// The so-manieth of its list, from 1.
    Number(usize),
    /// The one with this page.
    Page(String),
}

/// What came of adding.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Added {
    /// The file's new text.
    Text(String),
    /// The same entry stands there already.
    There,
}

/// Why the file was not changed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotEdited {
    /// The file as it is cannot be read.
    #[error("{0}")]
    Broken(String),
    /// There is no such entry.
    #[error("there is no such entry; `--list` shows all of them with their numbers")]
    NoSuch,
    /// It is written in a way that is not changed by machine.
    #[error("the entry is written in a way that modori does not change (line {line}); please edit the file by hand")]
    ByHand {
        /// Where.
        line: usize,
    },
}

/// The text with an entry more, at its end.
///
/// # Errors
/// When the text cannot be read, or could not be read any more.
pub fn add(text: &str, list: List, entry: &Entry) -> Result<Added, NotEdited> {
    let before = read(text)?;
    if before.of_list(list).iter().any(|known| same(known, entry)) {
        return Ok(Added::There);
    }
    let line_end = if text.contains("\r\n") { "\r\n" } else { "\n" };
    let mut out = text.to_owned();
    if !out.is_empty() && !out.ends_with('\n') {
        out.push_str(line_end);
    }
    if !out.trim().is_empty() {
        out.push_str(line_end);
    }
    out.push_str(&table(list, entry).replace('\n', line_end));
    let after = read(&out)?;
    let last = after.of_list(list).last().is_some_and(|last| same(last, entry));
    if last && others_stay(&before, &after, list, None) {
        Ok(Added::Text(out))
    } else {
        Err(NotEdited::ByHand { line: 1 })
    }
}

/// The text without an entry, and the entry.
///
/// # Errors
/// When the text cannot be read, there is no such entry, or it is no table of its own.
pub fn remove(text: &str, list: List, which: &Which) -> Result<(String, Entry), NotEdited> {
    let before = read(text)?;
    let entries = before.of_list(list);
    let at = match which {
        Which::Number(number) => number.checked_sub(1).filter(|at| *at < entries.len()),
        Which::Page(page) => {
            entries.iter().position(|entry| entry.url.as_deref().map(super::key) == Some(super::key(page)))
        }
    };
    let entry = at.and_then(|at| entries.get(at)).ok_or(NotEdited::NoSuch)?;
    let lines = lines_of(text, &entry.span);
    let by_hand =
        || NotEdited::ByHand { line: text.get(..entry.span.start).unwrap_or_default().matches('\n').count() + 1 };
    let own = text.get(lines.clone()).is_some_and(|own| own.trim_start().starts_with("[["));
    let mut out = text.to_owned();
    out.replace_range(lines, "");
    match read(&out) {
        Ok(after) if own && others_stay(&before, &after, list, at) => Ok((out, entry.clone())),
        _ => Err(by_hand()),
    }
}

fn read(text: &str) -> Result<Wanted, NotEdited> {
    Wanted::parse(&Source::new("wanted.toml", text))
        .map_err(|found| NotEdited::Broken(found.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n\n")))
}

/// Whole lines, line breaks included.
fn lines_of(text: &str, span: &Range<usize>) -> Range<usize> {
    let start = text.get(..span.start).and_then(|before| before.rfind('\n')).map_or(0, |at| at + 1);
    let end = text.get(span.end..).and_then(|after| after.find('\n')).map_or(text.len(), |at| span.end + at + 1);
    start..end
}

/// All but the place in the file.
fn same(one: &Entry, other: &Entry) -> bool {
    Entry { span: 0..0, ..one.clone() } == Entry { span: 0..0, ..other.clone() }
}

/// Whether every entry but the changed one is what it was.
fn others_stay(before: &Wanted, after: &Wanted, list: List, without: Option<usize>) -> bool {
    let other = match list {
        List::Wanted => List::Muted,
        List::Muted => List::Wanted,
    };
    let equal = |one: &[&Entry], two: &[&Entry]| one.len() == two.len() && one.iter().zip(two).all(|(a, b)| same(a, b));
    let all = |of: &[Entry]| -> Vec<Entry> { of.to_vec() };
    let (kept, now) = (all(before.of_list(list)), all(after.of_list(list)));
    let kept: Vec<&Entry> =
        kept.iter().enumerate().filter(|(at, _)| Some(*at) != without).map(|(_, one)| one).collect();
    // an entry that was added stands last
    let now: Vec<&Entry> = now.iter().take(kept.len().max(now.len() - usize::from(without.is_none()))).collect();
    let (mine, theirs) =
        (before.of_list(other).iter().collect::<Vec<_>>(), after.of_list(other).iter().collect::<Vec<_>>());
    equal(&kept, &now) && equal(&mine, &theirs)
}

/// An entry as it is written.
fn table(list: List, entry: &Entry) -> String {
    let mut out = format!("[[{}]]\n", list.name());
    let mut line = |key: &str, value: Option<String>| {
        if let Some(value) = value {
            out.push_str(&format!("{key} = {value}\n"));
        }
    };
    let quoted = |text: &Option<String>| text.as_ref().map(|text| toml::Value::String(text.clone()).to_string());
    line("name", quoted(&entry.name));
    line("model", quoted(&entry.model));
    line("url", quoted(&entry.url));
    line("shop", quoted(&entry.shop));
    line("max_price", entry.max_price.map(|yen| yen.to_string()));
    line("until", entry.until.map(|day| day.to_string()));
    line("from", entry.from.map(|at| format!("\"{}\"", crate::calendar::civil(at).strftime("%Y-%m-%d %H:%M"))));
    line("note", quoted(&entry.note));
    out
}
