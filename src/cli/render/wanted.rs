//! Draws the list of goods that are wanted, or not to be heard of.

use super::{at, one_line, table};
use crate::plan::wanted::{Entry, List};
use std::path::Path;

/// The entries with their numbers.
pub(in crate::cli) fn wanted(list: List, entries: &[Entry], file: &Path) -> String {
    if entries.is_empty() {
        return format!("nothing is {} ({})", list.name(), file.display());
    }
    let mut table = table(&["", "goods", "at most", "until", "sale", "note"]);
    for (number, entry) in entries.iter().enumerate() {
        table.add_row([
            (number + 1).to_string(),
            one_line(&entry.title()),
            entry.max_price.map(|yen| format!("¥{yen}")).unwrap_or_default(),
            entry.until.map(|day| day.to_string()).unwrap_or_default(),
            entry.from.map(at).unwrap_or_default(),
            entry.note.as_deref().map(one_line).unwrap_or_default(),
        ]);
    }
    table.to_string()
}
