//! What can be written after `modori ledger`.

use super::{Format, instant};
use clap::{Args, Subcommand, ValueEnum};
use jiff::Timestamp;
use std::path::PathBuf;

/// `modori ledger`
#[derive(Debug, Subcommand)]
pub enum Ledger {
    /// Write the ledger out: as lines of JSON (all of it, for `import`) or as a CSV table (one row an order)
    Export(ExportLedger),
    /// Take in what `export --format json` wrote: what is there already is not added again
    Import(ImportLedger),
    /// Copy the whole database into one file, while a watch may run
    ///
    /// The copy is made in one moment, looked over, and only then put into its place, readable for you alone. To bring
    /// it back: stop the watch, remove `modori.sqlite`, `modori.sqlite-wal` and `modori.sqlite-shm` from the state
    /// folder, and put the copy there as `modori.sqlite`.
    Backup(Backup),
    /// Work out anew what follows from events and statements; with --mailbox or --from read the mail again first
    ///
    /// Files nothing, alerts nothing, marks nothing as read. It may be run as often as you like, also beside a watch.
    Rebuild(Rebuild),
    /// Let go of words that are kept no longer ([keep]), and write the database anew without them
    ///
    /// A running watch does the same once a day by itself. What the words proved stays: cases, sums, dates.
    Expire(Expire),
}

/// `modori ledger expire`
#[derive(Debug, Args)]
pub struct Expire {
    /// Only say how much would go
    #[arg(long)]
    pub dry_run: bool,
    /// How to print
    #[arg(long, value_enum, default_value = "text")]
    pub format: Format,
}

/// `modori ledger export`
#[derive(Debug, Args)]
pub struct ExportLedger {
    /// How to write it
    #[arg(long, value_enum, default_value = "json")]
    pub format: Transfer,
    /// Into this file instead of standard output
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
    /// Write over the file if it exists
    #[arg(long, requires = "out")]
    pub force: bool,
    /// As seen at this time (CSV only: JSON holds everything, whenever it is looked at)
    #[arg(long, value_name = "INSTANT", value_parser = instant)]
    pub at: Option<Timestamp>,
}

/// How a ledger is written out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Transfer {
    /// One thing a line: events, statements and what else brings the ledger back
    Json,
    /// A table for a spreadsheet: one row an order
    Csv,
}

/// `modori ledger import`
#[derive(Debug, Args)]
pub struct ImportLedger {
    /// The export; `-` reads standard input
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
}

/// `modori ledger backup`
#[derive(Debug, Args)]
pub struct Backup {
    /// Where the copy goes
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
    /// Write over the file if it exists
    #[arg(long)]
    pub force: bool,
}

/// `modori ledger rebuild`
#[derive(Debug, Args)]
pub struct Rebuild {
    /// Read the mail again over IMAP, read-only: the watched mailbox and the folders that rules file into
    #[arg(long)]
    pub mailbox: bool,
    /// Only this account; with --from: as its mail
    #[arg(long, value_name = "NAME")]
    pub account: Option<String>,
    /// Only this folder (repeatable)
    #[arg(long, value_name = "NAME", requires = "mailbox", conflicts_with = "all_folders")]
    pub folder: Vec<String>,
    /// Every folder of the account
    #[arg(long, requires = "mailbox")]
    pub all_folders: bool,
    /// Read these mails again: .eml files, mbox files, Maildirs, folders of .eml files
    #[arg(long, value_name = "PATH", num_args = 1..)]
    pub from: Vec<PathBuf>,
    /// With --from: trust Authentication-Results of this host (repeatable)
    #[arg(long, value_name = "HOST", requires = "from")]
    pub authserv_id: Vec<String>,
}
