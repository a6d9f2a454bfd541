//! The values of the words about mailboxes that are not seen, and examples of them.

use super::scene::maybe;
use jiff::Timestamp;
use serde::Serialize;

/// What is said.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum SightKind {
    /// Not seen for some time.
    #[default]
    Blind,
    /// The shopper must do something: a refused login.
    Refused,
    /// Seen again.
    Back,
}

impl SightKind {
    /// As templates and programs know it.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Blind => "blind",
            Self::Refused => "refused",
            Self::Back => "back",
        }
    }
}

/// A mailbox that is (or was) not seen.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Unseen {
    /// Account.
    pub account: String,
    /// Mailbox.
    pub mailbox: String,
    /// Why (English, as in the log); may be empty.
    pub trouble: String,
}

/// Mailboxes that are not seen, or are again.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct SightWords {
    /// What is said.
    pub kind: SightKind,
    /// Of which mailboxes; at least one.
    pub mailboxes: Vec<Unseen>,
    /// Blind since.
    #[serde(serialize_with = "maybe")]
    pub from: Option<Timestamp>,
    /// Until; `none` while it lasts.
    #[serde(serialize_with = "maybe")]
    pub to: Option<Timestamp>,
    /// How long, in whole minutes.
    pub minutes: i64,
    /// Mails that came meanwhile, once they were read.
    pub mails: Option<u32>,
}

/// Each kind without anything that may be missing, and full.
pub(super) fn examples() -> Vec<SightWords> {
    let at = |second| Timestamp::from_second(second).ok();
    let unseen = |account: &str| Unseen {
        account: account.into(),
        mailbox: "INBOX".into(),
        trouble: "account `a`: the server no longer answers".into(),
    };
    let full = |kind| SightWords {
        kind,
        mailboxes: vec![unseen("a"), unseen("b")],
        from: at(1_796_117_112),
        to: at(1_796_122_800),
        minutes: 94,
        mails: Some(3),
    };
    let bare = |kind| SightWords { kind, ..SightWords::default() };
    [SightKind::Blind, SightKind::Refused, SightKind::Back]
        .into_iter()
        .flat_map(|kind| [bare(kind), full(kind)])
        .collect()
}
