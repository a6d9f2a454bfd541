//! The review of a month for a terminal, for a spreadsheet and for programs.

use super::{BOLD, DIM, table};
use crate::calendar::rfc3339;
use crate::cli::spreadsheet::cell;
use crate::review::Review;
use crate::review::sheet::{Cell, Part, heading, parts};
use crate::wording::Labels;
use comfy_table::CellAlignment;
use serde_json::{Map, Value, json};
use std::fmt::Write as _;

/// Everything for a terminal.
pub(in crate::cli) fn text(review: &Review, labels: &Labels) -> String {
    let (title, covers) = heading(review, labels);
    let mut out = format!("{BOLD}{title}{BOLD:#}\n{covers}\n");
    for part in parts(review, labels) {
        let _ = writeln!(out, "\n{BOLD}{}{BOLD:#}", part.title);
        if part.rows.is_empty() {
            let _ = writeln!(out, "{}", labels.get("none"));
        } else {
            let header: Vec<&str> = part.columns.iter().map(|column| column.title.as_str()).collect();
            let mut table = table(&header);
            for row in &part.rows {
                table.add_row(row.cells.iter().map(|cell| {
                    let side = if cell.is_figure() { CellAlignment::Right } else { CellAlignment::Left };
                    comfy_table::Cell::new(cell.shown(labels)).set_alignment(side)
                }));
            }
            let _ = writeln!(out, "{table}");
        }
        for note in &part.notes {
            let _ = writeln!(out, "{DIM}{note}{DIM:#}");
        }
    }
    out
}

/// A figure a line: part, row, column, figure. Lengths of time are in milliseconds. With a byte order mark, without which
/// Excel takes Japanese for something else.
pub(in crate::cli) fn csv(review: &Review, labels: &Labels) -> String {
    let mut out = String::from("\u{feff}part,row,column,value\r\n");
    for part in parts(review, labels) {
        for (n, row) in part.rows.iter().enumerate() {
            let name = row.key.map_or_else(|| (n + 1).to_string(), str::to_owned);
            for (column, cell) in part.columns.iter().zip(&row.cells).skip(usize::from(row.key.is_some())) {
                line(&mut out, [part.key, &name, column.key, &plain(cell)]);
            }
        }
    }
    out
}

fn line(out: &mut String, cells: [&str; 4]) {
    // a figure below zero is a figure; only words could be formulas
    let safe = |text: &str| if text.parse::<i64>().is_ok() { text.to_owned() } else { cell(text) };
    out.push_str(&cells.map(safe).join(","));
    out.push_str("\r\n");
}

/// As a spreadsheet reads it.
fn plain(cell: &Cell) -> String {
    match cell {
        Cell::Text(text) => text.clone(),
        Cell::Word(word, _) => (*word).to_owned(),
        Cell::At(at) => super::at(*at),
        Cell::Number(number) | Cell::Ms(number) => number.to_string(),
        Cell::Unknown => "unknown".to_owned(),
        Cell::Nothing => String::new(),
    }
}

/// Everything for programs. The names of parts, rows and columns are stable.
pub(in crate::cli) fn sheet(review: &Review, labels: &Labels) -> Value {
    let parts: Map<String, Value> =
        parts(review, labels).iter().map(|part| (part.key.to_owned(), of_part(part))).collect();
    json!({
        "version": 1,
        "month": review.month.to_string(),
        "from": rfc3339(review.month.begins()),
        "until": rfc3339(review.until),
        "is_over": review.is_over,
        "parts": parts,
    })
}

/// Rows with names become an object, others a list.
fn of_part(part: &Part) -> Value {
    let fields = |cells: &[Cell], skip: usize| -> Map<String, Value> {
        let named = part.columns.iter().zip(cells).skip(skip);
        named.map(|(column, cell)| (column.key.to_owned(), value(cell))).collect()
    };
    let named: Option<Map<String, Value>> =
        part.rows.iter().map(|row| Some((row.key?.to_owned(), Value::Object(fields(&row.cells, 1))))).collect();
    match named.filter(|named| !named.is_empty()) {
        Some(named) => Value::Object(named),
        None => part.rows.iter().map(|row| Value::Object(fields(&row.cells, 0))).collect(),
    }
}

fn value(cell: &Cell) -> Value {
    match cell {
        Cell::Text(text) => json!(text),
        Cell::Word(word, _) => json!(word),
        Cell::At(at) => json!(rfc3339(*at)),
        Cell::Number(number) | Cell::Ms(number) => json!(number),
        Cell::Unknown => json!("unknown"),
        Cell::Nothing => Value::Null,
    }
}

#[cfg(test)]
mod tests;
