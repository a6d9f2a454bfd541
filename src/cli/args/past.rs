//! What can be written after `modori import`, `modori history`, `modori undo` and `modori calendar`.

use super::{Format, instant, last_instant};
use clap::Args;
use jiff::Timestamp;
use std::path::PathBuf;

/// `modori import`
#[derive(Debug, Args)]
#[command(group = clap::ArgGroup::new("source").required(true).multiple(true))]
pub struct Import {
    /// Mails: .eml files, mbox files (Gmail's Takeout, too), Maildirs, folders of these, in any order
    #[arg(value_name = "PATH", group = "source")]
    pub paths: Vec<PathBuf>,
    /// Read this folder of a mailbox over IMAP, read-only (repeatable)
    #[arg(long, value_name = "NAME", group = "source", conflicts_with = "paths")]
    pub mailbox: Vec<String>,
    /// Read every folder over IMAP but drafts, spam and trash
    #[arg(long, group = "source", conflicts_with_all = ["paths", "mailbox"])]
    pub all_mailboxes: bool,
    /// With --mailbox: only mail that the server received from then on (2026-11-01)
    #[arg(long, value_name = "DATE", conflicts_with = "paths", value_parser = instant)]
    pub since: Option<Timestamp>,
    /// Trust Authentication-Results of this host (repeatable)
    #[arg(long, value_name = "HOST", conflicts_with_all = ["mailbox", "all_mailboxes"])]
    pub authserv_id: Vec<String>,
    /// As mail of this account: by its own rules, and the hosts whose word it takes; with --mailbox: only this account
    #[arg(long, value_name = "NAME")]
    pub account: Option<String>,
    /// Read everything, also what was read before
    #[arg(long)]
    pub again: bool,
    /// Read also what a Takeout shows as spam or trash
    #[arg(long, conflicts_with_all = ["mailbox", "all_mailboxes"])]
    pub spam_and_trash: bool,
    /// How to print the summary
    #[arg(long, value_enum, default_value = "text")]
    pub format: Format,
}

/// `modori history`
#[derive(Debug, Args)]
pub struct History {
    /// From then on (2026-11-01, or 2026-11-01T10:00:00+09:00)
    #[arg(long, value_name = "TIME", value_parser = instant)]
    pub since: Option<Timestamp>,
    /// Until then; a day counts to its end
    #[arg(long, value_name = "TIME", value_parser = last_instant)]
    pub until: Option<Timestamp>,
    /// At most so many
    #[arg(long, value_name = "N", default_value_t = 50)]
    pub limit: u32,
    /// Only those older than this action: the next page
    #[arg(long, value_name = "NUMBER", value_parser = number)]
    pub before: Option<i64>,
    /// Only of this mail: its Message-ID, or how its key begins
    #[arg(long, value_name = "MAIL")]
    pub mail: Option<String>,
    /// Only what this rule decided
    #[arg(long, value_name = "NAME")]
    pub rule: Option<String>,
    /// Only what concerns this order
    #[arg(long, value_name = "ORDER")]
    pub order: Option<String>,
    /// Only what went into this folder, or out of it
    #[arg(long, value_name = "NAME")]
    pub folder: Option<String>,
    /// Show the conditions of the rule that decided, and the words they saw
    #[arg(long)]
    pub why: bool,
    /// How to print
    #[arg(long, value_enum, default_value = "text")]
    pub format: Format,
}

/// `modori undo`
#[derive(Debug, Args)]
#[command(group = clap::ArgGroup::new("which").required(true).multiple(true))]
pub struct Undo {
    /// Numbers of actions, as `modori history` shows them (7, or '#7')
    #[arg(value_name = "NUMBER", group = "which", value_parser = number)]
    pub ids: Vec<i64>,
    /// Everything that one `rules diff --apply` moved
    #[arg(long, value_name = "NAME", group = "which", conflicts_with = "ids")]
    pub batch: Option<String>,
    /// Everything that was filed since (2026-11-01, or 2026-11-01T10:00:00+09:00)
    #[arg(long, value_name = "TIME", group = "which", conflicts_with = "ids", value_parser = instant)]
    pub since: Option<Timestamp>,
    /// ... and until then; a day counts to its end
    #[arg(long, value_name = "TIME", group = "which", conflicts_with = "ids", value_parser = last_instant)]
    pub until: Option<Timestamp>,
    /// Everything that this rule decided
    #[arg(long, value_name = "NAME", group = "which", conflicts_with = "ids")]
    pub rule: Option<String>,
    /// Show what would go back, change nothing
    #[arg(long)]
    pub dry_run: bool,
    /// How to print
    #[arg(long, value_enum, default_value = "text")]
    pub format: Format,
}

/// `modori calendar`
#[derive(Debug, Args)]
pub struct Calendar {
    /// Into this file, which is only written when something changed, instead of standard output
    #[arg(long, value_name = "FILE", conflicts_with_all = ["url", "new_url"])]
    pub out: Option<PathBuf>,
    /// Print the address of the feed ([calendar] feed = true)
    #[arg(long, conflicts_with = "new_url")]
    pub url: bool,
    /// Give the feed another address, and print it: the old one is good no more
    #[arg(long)]
    pub new_url: bool,
    /// Leave order numbers, shops and goods out
    #[arg(long)]
    pub no_details: bool,
    /// As seen at this time
    #[arg(long, value_name = "INSTANT", value_parser = instant)]
    pub at: Option<Timestamp>,
}

/// The number of an action, with or without its `#`.
fn number(text: &str) -> Result<i64, String> {
    let digits = text.trim().trim_start_matches('#');
    digits.parse().map_err(|_| "write the number that `modori history` shows, like 7 or '#7'".to_owned())
}
