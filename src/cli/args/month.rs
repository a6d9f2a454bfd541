//! What can be asked of a month.

use super::{Tongue, instant};
use clap::{Args, ValueEnum};
use jiff::Timestamp;

/// `modori report month`
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n\
  \x20 modori report month                              this month until now\n\
  \x20 modori report month --last                       the month before\n\
  \x20 modori report month 2026-10 --format html > 10.html\n\
  \x20 modori report month --format csv > month.csv     for a spreadsheet\n\n\
A month begins and ends by the clock of Tokyo. How each figure is counted: docs/report.md.")]
pub struct MonthReport {
    /// Which month: 2026-10 [default: this one, until now]
    #[arg(value_name = "YYYY-MM")]
    pub month: Option<String>,
    /// The month before this one
    #[arg(long, conflicts_with = "month")]
    pub last: bool,
    /// How to print
    #[arg(long, value_enum, default_value = "text")]
    pub format: MonthForm,
    /// In this language instead of the configuration's
    #[arg(long, value_enum)]
    pub language: Option<Tongue>,
    /// As it stood at this time instead of now
    #[arg(long, value_name = "INSTANT", value_parser = instant)]
    pub at: Option<Timestamp>,
}

/// How a month is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum MonthForm {
    /// For a terminal
    Text,
    /// One file for a browser or for paper
    Html,
    /// For spreadsheets
    Csv,
    /// For programs
    Json,
}
