//! The values of the words about what became of a letter, and examples of them.

use serde::Serialize;

/// What is said.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum LetterKind {
    /// It may have been sent, or not: the shopper is asked.
    Unknown,
    /// It was not sent, and lies in Drafts instead.
    Drafted,
    /// It could not be laid into Drafts.
    Undrafted,
    /// It came back.
    Bounced,
}

impl LetterKind {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Unknown, Self::Drafted, Self::Undrafted, Self::Bounced];

    /// As programs know it.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::Drafted => "drafted",
            Self::Undrafted => "undrafted",
            Self::Bounced => "bounced",
        }
    }
}

/// A letter, and what became of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct LetterWords {
    /// What is said.
    pub kind: LetterKind,
    /// The order it is about.
    pub order_number: String,
    /// The shop's address; empty when it is not known any more.
    pub to: String,
    /// Its subject; may be empty.
    pub subject: String,
    /// Why (English, as in the log); may be empty.
    pub why: String,
}

/// What templates are tried with.
pub(super) fn examples() -> Vec<LetterWords> {
    let one = |kind, full: bool| LetterWords {
        kind,
        order_number: "399999-20261120-0123456789".to_owned(),
        to: if full { "modori-zakka@shop.rakuten.co.jp".to_owned() } else { String::new() },
        subject: if full { "Re: ご注文キャンセルのお知らせ".to_owned() } else { String::new() },
        why: if full { "smtp.example.jp:465 said “550 no such user”".to_owned() } else { String::new() },
    };
    LetterKind::ALL.into_iter().flat_map(|kind| [one(kind, true), one(kind, false)]).collect()
}
