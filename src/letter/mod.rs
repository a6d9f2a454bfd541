//! Letters: what modori would write to a shop, as values. Inbound is always mail, outbound always letter.

use crate::facts::OrderNumber;
use serde::{Deserialize, Serialize};

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
