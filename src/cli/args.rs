//! What can be written on the command line.

mod ack;
mod alert;
mod dashboard;
mod init;
mod install;
mod ledger;
mod letters;
mod login;
mod month;
mod orders;
mod past;
mod wanted;

pub use ack::Ack;
pub use alert::{Alert, TestAlert};
pub use dashboard::Dashboard;
pub use init::{Answer, Init, InitAlerts, InitMailbox, InitSorting, Mode, Service, Way};
pub use install::{Completions, Man};
pub use ledger::{Backup, Expire, ExportLedger, ImportLedger, Ledger, Rebuild, Transfer};
pub use letters::{Choice, Inquiry, Reply, Writing};
pub use login::{Login, Logout};
pub use month::{MonthForm, MonthReport};
pub use orders::{About, Assign, Case, CaseState, Cases, Confirm, CouponFate, Coupons, Letter, Limited, Note, Shops};
pub use past::{Calendar, History, Import, Undo};
pub use wanted::Wish;

use clap::{Args, Parser, Subcommand, ValueEnum};
use jiff::Timestamp;
use std::path::PathBuf;

/// Watches your mailbox for Rakuten Ichiba mail: sorts it, alerts on restock at once, and follows cancelled orders
/// until points and coupons came back.
#[derive(Debug, Parser)]
#[command(name = "modori", version, max_term_width = 100)]
pub struct Arguments {
    /// Configuration file [default: ~/.config/modori/config.toml]
    #[arg(long, global = true, value_name = "FILE", env = "MODORI_CONFIG")]
    pub config: Option<PathBuf>,
    /// Folder of the database and the lock (overrides the configuration)
    #[arg(long, global = true, value_name = "DIR", env = "MODORI_STATE")]
    pub state: Option<PathBuf>,
    /// How what happens is written on standard error: for people, or one JSON object a line for programs
    #[arg(long, global = true, value_enum, default_value = "text", env = "MODORI_LOG_FORMAT", hide_env_values = true)]
    pub log_format: Format,
    /// Tell more on standard error (-v what happens, -vv details); never a password or a mail's text
    #[arg(short, long, global = true, action = clap::ArgAction::Count)]
    pub verbose: u8,
    /// What to do
    #[command(subcommand)]
    pub command: Command,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Show it all on an embedded server: no account, no network
    Demo(Demo),
    /// Set modori up: mailbox, folders, alerts; shows what it would do before anything is done
    Init(Box<Init>),
    /// Watch the configured mailboxes until stopped
    Watch,
    /// Show whether every mailbox is seen, and what waits (exit code 1: blind, or no watch runs)
    Status(Status),
    /// Look over configuration and servers, and say what to mend; changes nothing on a server
    Doctor(Doctor),
    /// Let a provider grant modori access to your mailbox (OAuth 2.0), for an account with [account.oauth]
    Login(Login),
    /// Forget the access that was granted
    Logout(Logout),
    /// Try the alert channels
    #[command(subcommand)]
    Alert(Alert),
    /// Show what the records tell: how long alerts took, what came of a month
    #[command(subcommand)]
    Report(Report),
    /// Open the dashboard in a browser
    Dashboard(Dashboard),
    /// Say that you have seen alerts: they are repeated no more; without a name, list them
    Ack(Ack),
    /// Sort what already lies in the mailboxes
    Sweep(Sweep),
    /// Say what mails are and what they say; touches nothing
    Classify(Classify),
    /// Show why a mail is sorted as it is: every rule, every condition, the words it saw
    Explain(Explain),
    /// Check or list the rules
    #[command(subcommand)]
    Rules(Rules),
    /// Take back in what was put into quarantine wrongly
    Release(Release),
    /// Show mails that you moved by hand, and how to make a rule of each
    Corrections(Corrections),
    /// Show what modori did: every filing, alert and flag, newest first
    History(History),
    /// Take filings back: each mail goes where it came from
    Undo(Undo),
    /// Read old mail into the ledger (.eml, mbox, Maildir, or a mailbox); files nothing, alerts nothing
    Import(Import),
    /// Write what waits, with its days and times, as a calendar file
    Calendar(Calendar),
    /// Keep the ledger safe: write it out, take it in, copy it, make it anew
    #[command(subcommand)]
    Ledger(Ledger),
    /// Show what waits for you, soonest first: orders that owe points or a coupon, answers, payments
    Cases(Cases),
    /// Show the story of one order, with the mails that tell it
    Case(Case),
    /// Show the coupons that mails gave you, the soonest to end first
    Coupons(Coupons),
    /// Show how reliable shops were, and when their goods come back in stock
    Shops(Shops),
    /// Say that points (and a coupon) of an order came back
    Confirm(Confirm),
    /// Say that the points of an order did not come back (yet); takes a `confirm` back
    Deny(About),
    /// Say that you give the points of an order up: the case ends
    Lost(About),
    /// Say that an order lives after all, whatever mails said of a cancellation
    Lives(About),
    /// Say how many of the points used for an order were limited-time points (期間限定ポイント)
    Limited(Limited),
    /// Add a note to an order
    Note(Note),
    /// Say whose points a mail without an order number speaks of
    Assign(Assign),
    /// Wait for goods: their restock is told before all others, and announced sales are watched closely
    Want(Wish),
    /// Do not hear of goods: their restock is filed and never alerted
    Mute(Wish),
    /// Write to the shop (or for Rakuten's form) about points or a coupon that are not back; into your Drafts folder
    Inquiry(Inquiry),
    /// Answer a shop's out-of-stock question, or thank it; into your Drafts folder
    Reply(Reply),
    /// Show the letters about an order, and say whether one was sent of which that is not known
    Letter(Letter),
    /// Print what a shell completes the command line by (docs/operations.md tells where it goes)
    Completions(Completions),
    /// Print the manual page, or write those of all commands
    Man(Man),
}

/// `modori demo`
#[derive(Debug, Args)]
pub struct Demo {
    /// Keep watching until Ctrl-C; other mail programs may connect, too
    #[arg(long)]
    pub stay: bool,
    /// Sort these mails (.eml files) instead of the samples
    #[arg(long, value_name = "DIR")]
    pub mails: Option<PathBuf>,
    /// Language of alerts and case words
    #[arg(long, value_enum, default_value = "ja")]
    pub language: Tongue,
}

/// A language.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum Tongue {
    /// 日本語
    Ja,
    /// English
    En,
}

/// `modori sweep`
#[derive(Debug, Args)]
pub struct Sweep {
    /// Print the plan and counts, change nothing
    #[arg(long)]
    pub dry_run: bool,
    /// Only this account
    #[arg(long, value_name = "NAME")]
    pub account: Option<String>,
    /// How to print
    #[arg(long, value_enum, default_value = "text")]
    pub format: Format,
}

/// `modori status`
#[derive(Debug, Args)]
pub struct Status {
    /// How to print
    #[arg(long, value_enum, default_value = "text")]
    pub format: Format,
}

/// `modori doctor`
#[derive(Debug, Args)]
pub struct Doctor {
    /// How to print
    #[arg(long, value_enum, default_value = "text")]
    pub format: Format,
}

/// `modori report`
#[derive(Debug, Subcommand)]
pub enum Report {
    /// How long alerts took, in their stages and by channel
    Latency(Latency),
    /// What came of a month: points and coupons, restocks, shops, what was kept quiet
    Month(MonthReport),
}

/// `modori report latency`
#[derive(Debug, Args)]
pub struct Latency {
    /// Only alerts since this day or instant: 2026-11-24, 2026-11-24T10:00:00+09:00
    #[arg(long, value_name = "DATE")]
    pub since: Option<String>,
    /// How to print
    #[arg(long, value_enum, default_value = "table")]
    pub format: ReportFormat,
    /// Also draw it into this file
    #[arg(long, value_name = "FILE")]
    pub svg: Option<PathBuf>,
}

/// How to print a report.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ReportFormat {
    /// For people
    Table,
    /// For programs
    Json,
    /// For spreadsheets
    Csv,
}

/// How to print.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For people
    Text,
    /// For programs
    Json,
}

/// How mails of files are judged, and how that is printed.
#[derive(Debug, Args)]
pub struct Judging {
    /// How to print
    #[arg(long, value_enum, default_value = "text")]
    pub format: Format,
    /// Trust Authentication-Results of this host (repeatable)
    #[arg(long, value_name = "HOST")]
    pub authserv_id: Vec<String>,
    /// Folder of your own rule files (overrides the configuration)
    #[arg(long, value_name = "DIR")]
    pub rules: Option<PathBuf>,
    /// As mail of this account: by its own rules and folders, and the hosts whose word it takes
    #[arg(long, value_name = "NAME")]
    pub account: Option<String>,
}

/// `modori classify`
#[derive(Debug, Args)]
pub struct Classify {
    /// Mails: .eml files, mbox files, Maildirs, folders of .eml files; `-` reads one mail from standard input
    #[arg(required = true, value_name = "PATH")]
    pub paths: Vec<PathBuf>,
    #[command(flatten)]
    /// How they are judged, and how that is printed
    pub judging: Judging,
}

/// `modori explain`
#[derive(Debug, Args)]
pub struct Explain {
    /// Mails: .eml files, mbox files, Maildirs, folders of .eml files; `-` reads one mail from standard input
    #[arg(required = true, value_name = "MAIL")]
    pub paths: Vec<PathBuf>,
    /// Show every rule with every condition, not only what matched and what came near
    #[arg(long)]
    pub all: bool,
    /// Show only the rule of this name, whole (repeatable)
    #[arg(long, value_name = "NAME")]
    pub rule: Vec<String>,
    #[command(flatten)]
    /// How they are judged, and how that is printed
    pub judging: Judging,
}

/// `modori rules`
#[derive(Debug, Subcommand)]
pub enum Rules {
    /// Read all rules, run their examples, report what is wrong with file, line and column
    Check(RulesFrom),
    /// List the rules and which file each comes from
    List(RulesFrom),
    /// Run the examples, and mails of your own with what you expect of them beside them
    Test(TestRules),
    /// Show what the rules, as they are now, would change on old mail
    Diff(DiffRules),
    /// Make a rule from a mail: commented, with that mail as its example, personal data masked
    New(NewRule),
    /// Print the JSON Schema of rule files or of config.toml, so that an editor completes and checks them
    Schema(Schema),
}

/// Where rules come from.
#[derive(Debug, Args)]
pub struct RulesFrom {
    /// Folder of your own rule files (overrides the configuration)
    #[arg(value_name = "DIR")]
    pub folder: Option<PathBuf>,
    /// Only the rules of this account; without it those that all share, then each account's own
    #[arg(long, value_name = "NAME", conflicts_with = "folder")]
    pub account: Option<String>,
}

/// `modori rules test`
#[derive(Debug, Args)]
pub struct TestRules {
    /// Mails: .eml files with NAME.toml beside them, or folders named after categories
    #[arg(value_name = "PATH")]
    pub paths: Vec<PathBuf>,
    #[command(flatten)]
    /// How they are judged, and how that is printed
    pub judging: Judging,
}

/// `modori rules diff`
#[derive(Debug, Args)]
pub struct DiffRules {
    /// Mail received from this day on (2026-11-01)
    #[arg(long, value_name = "DAY")]
    pub since: String,
    /// … and until this day
    #[arg(long, value_name = "DAY")]
    pub until: Option<String>,
    /// Only this account; with --from: judged by its rules
    #[arg(long, value_name = "NAME")]
    pub account: Option<String>,
    /// Old mail from files instead of the mailbox: .eml files, mbox files, Maildirs, folders
    #[arg(long, value_name = "PATH", num_args = 1..)]
    pub from: Vec<PathBuf>,
    /// For mail that modori has not sorted: compare with the rules of this folder instead of the shipped ones
    #[arg(long, value_name = "DIR")]
    pub against: Option<PathBuf>,
    /// Folder of your own rule files (with --from; overrides the configuration)
    #[arg(long, value_name = "DIR")]
    pub rules: Option<PathBuf>,
    /// File the mail anew as the rules say
    #[arg(long)]
    pub apply: bool,
    /// Do not ask before moving
    #[arg(long, requires = "apply")]
    pub yes: bool,
    /// How to print
    #[arg(long, value_enum, default_value = "text")]
    pub format: Format,
}

/// `modori rules new`
#[derive(Debug, Args)]
pub struct NewRule {
    /// The mail: an .eml file, `-`, or the Message-ID of a mail that you moved by hand
    #[arg(value_name = "MAIL")]
    pub mail: String,
    /// The category that such mail shall have
    #[arg(long, value_name = "CATEGORY")]
    pub category: String,
    /// The rule's name (made from sender and subject)
    #[arg(long, value_name = "NAME")]
    pub name: Option<String>,
    /// Where mail of a new category is filed
    #[arg(long, value_name = "MAILBOX")]
    pub folder: Option<String>,
    /// Print the rule instead of writing it into the rules folder
    #[arg(long)]
    pub stdout: bool,
    /// Folder of your own rule files (overrides the configuration)
    #[arg(long, value_name = "DIR")]
    pub rules: Option<PathBuf>,
    /// Write it into the rule folder of this account, for its mail alone
    #[arg(long, value_name = "NAME", conflicts_with = "rules")]
    pub account: Option<String>,
    /// Trust Authentication-Results of this host (repeatable)
    #[arg(long, value_name = "HOST")]
    pub authserv_id: Vec<String>,
}

/// `modori rules schema`
#[derive(Debug, Args)]
pub struct Schema {
    /// Of which file
    #[arg(value_enum, default_value = "rules")]
    pub of: SchemaOf,
}

/// A file that has a schema.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum SchemaOf {
    /// A rule file
    Rules,
    /// config.toml
    Config,
}

/// `modori release`
#[derive(Debug, Args)]
pub struct Release {
    /// The mail: an .eml file, or its Message-ID
    #[arg(value_name = "MAIL", required_unless_present_any = ["list", "forget"])]
    pub mail: Option<String>,
    /// Let this sender in from now on, unless anything but its name or host speaks against a mail
    #[arg(long, requires = "mail")]
    pub always_sender: bool,
    /// Show the senders you vouch for
    #[arg(long, conflicts_with_all = ["mail", "forget"])]
    pub list: bool,
    /// No longer vouch for a sender
    #[arg(long, value_name = "ADDRESS", conflicts_with = "mail")]
    pub forget: Option<String>,
    /// How to print
    #[arg(long, value_enum, default_value = "text")]
    pub format: Format,
}

/// `modori corrections`
#[derive(Debug, Args)]
pub struct Corrections {
    /// Ask no server: show what is known already
    #[arg(long, conflicts_with = "export")]
    pub no_look: bool,
    /// Save the mails into this folder, as .eml files
    #[arg(long, value_name = "DIR")]
    pub export: Option<PathBuf>,
    /// How to print
    #[arg(long, value_enum, default_value = "text")]
    pub format: Format,
}

/// An instant: RFC 3339, or a day, or a day and a time, in Tokyo.
fn instant(text: &str) -> Result<Timestamp, String> {
    crate::calendar::first_second_of(text).ok_or_else(how_to_write)
}

/// As [`instant`], but a bare day means its last second.
fn last_instant(text: &str) -> Result<Timestamp, String> {
    crate::calendar::last_second_of(text).ok_or_else(how_to_write)
}

fn how_to_write() -> String {
    "write it like 2026-07-03, 2026-07-03T10:00 (Tokyo) or 2026-07-03T10:00:00+09:00".to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_well_formed() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn instants_are_tokyo_time_unless_they_say_otherwise() {
        for (text, first, last) in [
            ("2026-07-03", "2026-07-02T15:00:00Z", "2026-07-03T14:59:59Z"),
            ("2026-07-03T10:00", "2026-07-03T01:00:00Z", "2026-07-03T01:00:00Z"),
            ("2026-07-03 10:00", "2026-07-03T01:00:00Z", "2026-07-03T01:00:00Z"),
            ("2026-07-03T10:00:00Z", "2026-07-03T10:00:00Z", "2026-07-03T10:00:00Z"),
            ("2026-07-03T10:00:00+09:00", "2026-07-03T01:00:00Z", "2026-07-03T01:00:00Z"),
        ] {
            assert_eq!(instant(text).unwrap().to_string(), first, "{text}");
            assert_eq!(last_instant(text).unwrap().to_string(), last, "{text}");
        }
        assert!(instant("soon").is_err());
    }
}
