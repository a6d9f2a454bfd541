//! Letters: what modori would write to a shop, as values. Inbound is always mail, outbound always letter.
//!
//! Recipient and subject come from what the ledger keeps of the shop's mails ([`Correspondence`]), never from the words
//! of a mail that arrives now. A template that asks for a value nobody gave makes no letter.

pub mod address;
mod clean;
pub mod correspondence;
mod link;
pub mod memory;
pub mod silence;
mod templates;
#[cfg(test)]
pub(crate) mod tests;
mod words;
mod write;

use crate::facts::OrderNumber;
use crate::wording::Language;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

pub use clean::{is_bare_address, is_own_address, name as clean_name};
pub use correspondence::Correspondence;
pub use link::{form, mailto};
pub use memory::{Memory, Outcome, Written};
pub use silence::Silence;
pub use templates::Letters;
pub use words::Words;
pub use write::{Asked, LONGEST_WISH, Matter, Unwritten, digest, message_id, step, text, write};

/// A letter, ready to be laid into Drafts or to be sent. Its bytes are made at the edge.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Letter {
    /// Which step of its case it is: `ask-shop`, `answer-cancel` …; one letter a case and step.
    pub step: String,
    /// The order it is about.
    pub order: OrderNumber,
    /// The account it is written from.
    pub account: String,
    /// The sender: the shopper's address, with her name if she gave one.
    pub from: String,
    /// The one recipient, a bare address.
    pub to: String,
    /// Subject, one line.
    pub subject: String,
    /// Text, lines ended by a line feed.
    pub body: String,
    /// The Message-ID (without angle brackets) of the mail it answers.
    pub in_reply_to: Option<String>,
    /// The thread's Message-IDs (without angle brackets), oldest first.
    pub references: Vec<String>,
    /// Its own Message-ID (without angle brackets), the same whenever it is made again.
    pub message_id: String,
    /// It answers a mail; `false`: nobody asked for it.
    pub answers: bool,
}

/// What a letter is for. Each has a template, and is written once a case.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// The answer to an out-of-stock question: cancel.
    AnswerCancel,
    /// The same: wait for the goods.
    AnswerWait,
    /// The same: take what is offered instead.
    AnswerAlternative,
    /// Points or a coupon are not back: the shop is asked.
    AskShop,
    /// The same once more.
    AskShopAgain,
    /// Rakuten is asked. It has no address: a text for its inquiry form.
    AskRakuten,
    /// It came back: thanks.
    Thanks,
}

impl Kind {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::AnswerCancel,
        Self::AnswerWait,
        Self::AnswerAlternative,
        Self::AskShop,
        Self::AskShopAgain,
        Self::AskRakuten,
        Self::Thanks,
    ];

    /// Its name: of its template, of its step, in the configuration.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::AnswerCancel => "answer-cancel",
            Self::AnswerWait => "answer-wait",
            Self::AnswerAlternative => "answer-alternative",
            Self::AskShop => "ask-shop",
            Self::AskShopAgain => "ask-shop-again",
            Self::AskRakuten => "ask-rakuten",
            Self::Thanks => "thanks",
        }
    }

    /// What a step is for: the name alone, or of an answer to a later question `answer-cancel:` and that mail's mark.
    #[must_use]
    pub fn of_step(step: &str) -> Option<Self> {
        let name = step.split_once(':').map_or(step, |(name, _)| name);
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }

    /// It answers the shop's question.
    #[must_use]
    pub fn is_answer(self) -> bool {
        matches!(self, Self::AnswerCancel | Self::AnswerWait | Self::AnswerAlternative)
    }

    /// It asks for something nobody wrote about.
    #[must_use]
    pub fn is_inquiry(self) -> bool {
        matches!(self, Self::AskShop | Self::AskShopAgain)
    }
}

/// What the shopper's configuration says about letters.
#[derive(Clone, Debug)]
pub struct Replies {
    /// Letters may be laid into Drafts.
    pub drafts: bool,
    /// Letters that are sent instead.
    pub send: BTreeSet<Kind>,
    /// Most letters a day, all together.
    pub a_day: u32,
    /// Mail older than so many days is not answered, and gives no address.
    pub oldest_days: u16,
    /// So many business days lie between an inquiry and the next.
    pub again_after_business_days: u16,
    /// So many business days the shop is given to answer.
    pub answer_business_days: u16,
    /// In which language shops are written to.
    pub language: Language,
    /// The shopper's name; empty: none.
    pub name: String,
    /// From which addresses letters are written.
    pub senders: Vec<Sender>,
    /// The templates.
    pub letters: Letters,
}

impl Default for Replies {
    fn default() -> Self {
        Self {
            drafts: false,
            send: BTreeSet::new(),
            a_day: 5,
            oldest_days: 60,
            again_after_business_days: 3,
            answer_business_days: 3,
            language: Language::Ja,
            name: String::new(),
            senders: Vec::new(),
            letters: Letters::default(),
        }
    }
}

/// An account letters are written from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sender {
    /// The account's name.
    pub account: String,
    /// The address that is written when the order's mail does not tell which of the shopper's it came to.
    pub address: String,
    /// It is always that one.
    pub fixed: bool,
    /// The account's own addresses, lower case.
    pub own: Vec<String>,
}
