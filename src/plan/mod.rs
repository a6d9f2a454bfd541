//! What should happen now: each cause (a mail arrived, a time came, the shopper decided) is answered by a pure step.

mod announce;
pub mod answer;
pub mod calendar_file;
pub mod calm;
pub mod flag;
pub mod gate;
pub mod hot;
pub mod link;
pub mod look;
pub mod note;
pub mod on_backtest;
pub mod on_letter;
pub mod on_mail;
pub mod on_owner;
pub mod on_rules;
pub mod on_time;
pub mod opened;
mod quiet;
mod same;
pub mod search;
pub mod seen;
pub mod sheet;
pub mod sight;
pub mod still;
pub mod summary;
mod tell;
pub mod wanted;
pub mod warn;

use crate::ledger::Event;
use crate::letter::{Correspondence, Letter, Replies};
use crate::rules::Priority;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

pub use announce::KEPT_BACK;
pub use answer::Repeat;
pub use gate::{Ticket, gate};
pub use look::Looks;
pub use on_backtest::{Old, Way, on_backtest};
pub use on_letter::{Sign, SignKind};
pub use on_mail::{Arrived, kept, on_mail, told};
pub use on_owner::on_owner;
pub use on_rules::on_rules;
pub use on_time::{Due, on_time};
pub use quiet::Quiet;
pub use tell::LATE_S;
pub use warn::warn;

/// What the shopper's configuration says about acting.
#[derive(Clone, Debug, Default)]
pub struct Policy {
    /// Plan and report only; nothing is filed.
    pub observe: bool,
    /// Names of the channels an alert goes to, all at once.
    pub channels: Vec<String>,
    /// Names of the channels that are asked one after the other when none before took the alert.
    pub fallback: Vec<String>,
    /// So long (seconds) those before have for it.
    pub fallback_after_s: i64,
    /// A restock received longer ago than this (seconds) is summarised instead of alerted.
    pub stale_after_s: i64,
    /// An alert that could not leave for this long (seconds) is dropped and shown as missed.
    pub give_up_after_s: i64,
    /// What becomes of restocks older than that.
    pub late: Late,
    /// The cancellation mail of an open case bears \Flagged, and this is how it is looked after; `None`: nothing is
    /// flagged, and nothing is looked at.
    pub flags: Option<Looks>,
    /// Which alerts are repeated until they are acknowledged; `None`: none.
    pub repeat: Option<Repeat>,
    /// When it is told that a mailbox is not seen.
    pub blind: sight::Blind,
    /// What is told at once, later, or not at all.
    pub calm: calm::Calm,
    /// `ja` or `en`.
    pub language: crate::wording::Language,
    /// The words of alerts.
    pub wording: crate::wording::Wording,
    /// Where goods are looked for.
    pub search: search::Shops,
    /// What the shopper waits for, and what she does not want to hear of.
    pub wanted: std::sync::Arc<wanted::Wanted>,
    /// Only restocks of wanted goods are alerted.
    pub only_wanted: bool,
    /// Which letters may be written, and how.
    pub replies: Replies,
}

impl Policy {
    /// How flags are looked after; `None` when none are set.
    #[must_use]
    pub fn looks(&self) -> Option<Looks> {
        self.flags.filter(|_| !self.observe)
    }

    /// Whether there is a channel by which anything can be told.
    #[must_use]
    pub fn tells(&self) -> bool {
        !self.channels.is_empty() || !self.fallback.is_empty()
    }

    /// When an alert that could not leave is dropped; `None`: never.
    #[must_use]
    pub fn gives_up_at(&self, now: Timestamp) -> Option<Timestamp> {
        let after = SignedDuration::from_secs(self.give_up_after_s);
        (self.give_up_after_s > 0).then(|| now.saturating_add(after).unwrap_or(Timestamp::MAX))
    }
}

/// What becomes of a restock that is noticed late.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Late {
    /// One alert names them.
    #[default]
    Summary,
    /// Each is alerted, and says how late it is.
    Each,
}

/// One thing to do in the world.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "effect", rename_all = "kebab-case")]
pub enum Effect {
    /// Tell the shopper through one channel.
    Alert {
        /// The channel's name in the configuration.
        channel: String,
        /// What to say.
        alert: Alert,
    },
    /// Move the message into a folder.
    File {
        /// Target folder, UTF-8 as in the configuration.
        folder: String,
    },
    /// Set or remove \Flagged on the message.
    Flag {
        /// `true` sets it.
        set: bool,
    },
    /// Something to tell that is kept back, and told together with others when it is due.
    Held {
        /// What would have been said.
        alert: Alert,
        /// Why it is kept back.
        why: Why,
        /// The channels that tell it, where they are not those of the configuration.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        by: Vec<String>,
    },
    /// Lay a letter into the Drafts folder.
    Draft {
        /// The letter.
        letter: Box<Letter>,
    },
    /// Send a letter, and lay a copy into the folder of sent mail.
    Send {
        /// The letter.
        letter: Box<Letter>,
        /// The permission.
        ticket: Ticket,
    },
    /// Lay a copy of a letter that was sent into the folder of sent mail.
    Copy {
        /// The letter.
        letter: Box<Letter>,
        /// When it was sent.
        sent: Timestamp,
        /// Who wanted it: the copy says the same of itself.
        #[serde(default)]
        by: gate::By,
    },
}

/// Why an alert is kept back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Why {
    /// It is quiet hours.
    Quiet,
    /// There were too many alerts within the hour.
    Many,
    /// It was noticed late.
    Late,
}

impl Why {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Quiet, Self::Many, Self::Late];

    /// As it is stored, and as programs read it.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Quiet => "quiet",
            Self::Many => "many",
            Self::Late => "late",
        }
    }
}

/// A row's place in the chain of channels that tell the same.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Turn {
    /// The name of what is told, the same on every channel.
    pub of: String,
    /// 0: at once. 1, 2 …: in this order, when none before took it.
    pub place: u32,
    /// It is kept back instead if so many others were told within the hour; `None`: it is told in any case.
    pub most: Option<u32>,
}

/// What an alert says. Channels cut it to their limits.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Alert {
    /// How urgent.
    pub priority: Priority,
    /// The mail's category.
    pub category: String,
    /// First line: item and price.
    pub title: String,
    /// The rest, several lines.
    pub body: String,
    /// The click target; only ever a checked link on an allowed host.
    pub url: Option<String>,
    /// When the server took the mail in.
    pub received: Option<Timestamp>,
    /// Order number, item URL, shop and the like, for programs (`command`, `webhook`).
    pub details: serde_json::Map<String, serde_json::Value>,
    /// Further links, the most useful first: where to check, where else to look for the goods.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub links: Vec<Link>,
    /// It is repeated until the shopper says that she has seen it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub awaits: Option<Awaits>,
}

/// A link with its name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Link {
    /// What it leads to, a few words in the shopper's language.
    pub label: String,
    /// Where: https, made by modori or on an allowed host.
    pub url: String,
}

/// How an alert is acknowledged.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Awaits {
    /// What names it in an acknowledgement: letters and digits that nobody can guess.
    pub token: String,
    /// Seconds between two repetitions.
    pub every_s: u32,
    /// Seconds after which nothing is repeated.
    pub for_s: u32,
    /// A page with a button, where modori can be reached from the phone (`public_url`).
    pub page: Option<String>,
}

/// A name of the event that an alert is about. Two alerts are about one event if the later one asks for a name that the
/// earlier one left, within so many seconds of receipt.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Same {
    /// The name.
    pub key: String,
    /// Seconds from the receipt of the earlier mail to that of the later one.
    pub within_s: i64,
    /// Who asks for it, and who leaves it.
    pub usage: Use,
}

/// What an alert does with a name. A mail that says less than another one asks for names that it does not leave.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Use {
    /// It asks for it and leaves it.
    #[default]
    Both,
    /// It only asks for it.
    Asks,
    /// It only leaves it.
    Leaves,
}

impl Same {
    /// A name that is asked for and left.
    #[must_use]
    pub fn new(key: impl Into<String>, within_s: i64) -> Self {
        Self { key: key.into(), within_s, usage: Use::Both }
    }

    /// The same with another use.
    #[must_use]
    pub fn only(self, usage: Use) -> Self {
        Self { usage, ..self }
    }
}

/// An effect on its way into the outbox.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Wish {
    /// Unique: the same wish is never entered twice.
    pub key: String,
    /// What to do.
    pub effect: Effect,
    /// Not before.
    pub due: Timestamp,
    /// Pointless after.
    pub until: Option<Timestamp>,
    /// What makes it the same event as an alert about another mail: then the later one is not sent. Keys name their
    /// channel.
    pub dedupe: Vec<Same>,
    /// Keys of wishes that come first: this one waits until each of them is closed (done, dropped, failed), or was
    /// never entered because it was a duplicate.
    #[serde(default)]
    pub after: Vec<String>,
    /// Its place among the channels that tell the same; none for what is not told.
    #[serde(default)]
    pub turn: Option<Turn>,
}

/// The answer to a cause: what is now known, and what should happen.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Step {
    /// For the ledger.
    pub events: Vec<Event>,
    /// What is kept of the mail for letters: a row for each order it tells something of.
    pub mails: Vec<Correspondence>,
    /// For the outbox, in order.
    pub plan: Vec<Wish>,
    /// What became of letters.
    pub signs: Vec<Sign>,
    /// Why nothing is told of the mail, where nothing is.
    pub quiet: Option<Quiet>,
}
