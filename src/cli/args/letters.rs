//! Letters: what can be asked for.

use super::{Format, instant};
use clap::{Args, ValueEnum};
use jiff::Timestamp;

/// How a letter is written.
#[derive(Debug, Args)]
pub struct Writing {
    /// Order number, as the mails write it: 399999-20261120-0123456789
    #[arg(value_name = "ORDER")]
    pub order: String,
    /// Show the letter and what speaks against it; write nothing
    #[arg(long)]
    pub preview: bool,
    /// Send it instead of laying it into Drafts; needs `[replies.send]` for this letter
    #[arg(long, conflicts_with = "preview")]
    pub send: bool,
    /// How to print
    #[arg(long, value_enum, default_value = "text")]
    pub format: Format,
    /// As of this time, in Tokyo: 2026-11-24 (its first second), 2026-11-24T10:00, or with an offset
    #[arg(long, value_name = "INSTANT", value_parser = instant, requires = "preview")]
    pub at: Option<Timestamp>,
}

/// `modori inquiry`
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n\
  \x20 modori inquiry 399999-20261120-0123456789 --preview    the letter, and whether it may leave\n\
  \x20 modori inquiry 399999-20261120-0123456789              into your Drafts folder\n\
  \x20 modori inquiry 399999-20261120-0123456789 --again      once more, some business days later\n\
  \x20 modori inquiry 399999-20261120-0123456789 --rakuten    a text for Rakuten's inquiry form")]
pub struct Inquiry {
    /// Which order, how
    #[command(flatten)]
    pub writing: Writing,
    /// The shop was asked before: ask once more
    #[arg(long)]
    pub again: bool,
    /// Ask Rakuten: print a text with all that happened, to paste into its inquiry form
    #[arg(long, conflicts_with_all = ["again", "send"])]
    pub rakuten: bool,
}

/// `modori reply`
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n\
  \x20 modori reply 399999-20261120-0123456789 --choose cancel\n\
  \x20 modori reply 399999-20261120-0123456789 --choose alternative --wish ブラック --preview\n\
  \x20 modori reply 399999-20261120-0123456789 --done         you answered; no more reminders\n\
  \x20 modori reply 399999-20261120-0123456789 --thanks")]
pub struct Reply {
    /// Which order, how
    #[command(flatten)]
    pub writing: Writing,
    /// Your answer
    #[arg(long, value_enum, required_unless_present_any = ["thanks", "done"])]
    pub choose: Option<Choice>,
    /// What you would like instead, in your words
    #[arg(long, value_name = "TEXT", requires = "choose")]
    pub wish: Option<String>,
    /// Thank the shop
    #[arg(long, conflicts_with = "choose")]
    pub thanks: bool,
    /// Say that you answered the shop: the reminders end until it asks again
    #[arg(long, conflicts_with_all = ["choose", "thanks", "preview", "send"])]
    pub done: bool,
}

/// An answer to an out-of-stock question.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Choice {
    /// Cancel the order
    Cancel,
    /// Wait until the goods are back
    Wait,
    /// Take what the shop offers instead
    Alternative,
}
