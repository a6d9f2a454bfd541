//! What is kept of an order's mails so that one can be answered later: addresses and ids, nothing of the text.

use super::{Silence, clean, silence};
use crate::facts::{Facts, OrderNumber};
use crate::ledger::Event;
use crate::mail::trust::is_rakuten;
use crate::mail::{Mail, TrustLevel};
use crate::mailbox::MailKey;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// Most characters of a subject that are kept.
const SUBJECT: usize = 160;
/// Most ids of a thread that are kept (a header line has its limits).
const THREAD: usize = 20;

/// A thread that is not too long: of a longer one its first id and its last ones. What is answered stands last.
pub(super) fn thread(mut ids: Vec<String>) -> Vec<String> {
    if ids.len() > THREAD {
        ids.drain(1..=ids.len() - THREAD);
    }
    ids
}

/// A mail about one order, from a shop or from Rakuten.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Correspondence {
    /// The order it is about.
    pub order: OrderNumber,
    /// Which mail.
    pub mail: MailKey,
    /// The account it came to; empty when it was read from a file.
    pub account: String,
    /// The mail's own date.
    pub at: Timestamp,
    /// The sender's bare address, lower case.
    pub sender: String,
    /// The shop it names, by its code.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shop_code: Option<String>,
    /// Which of the shopper's own addresses it came to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<String>,
    /// Its subject, one harmless line.
    pub subject: String,
    /// Its Message-ID, without angle brackets.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message_id: Option<String>,
    /// The thread before it, oldest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub references: Vec<String>,
    /// How far it can be trusted.
    pub trust: TrustLevel,
    /// Why it must not be answered, as found when it was read.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub silence: Vec<Silence>,
}

/// What is kept of a mail: a row for every order that it tells the ledger something of. Nothing of mail that is not
/// Rakuten's or a shop's at Rakuten, and nothing of a forward: who wrote that is not who forwards it. `account` is empty
/// for a mail from a file; `own` are the shopper's addresses, lower case.
#[must_use]
pub fn of(mail: &Mail, facts: &Facts, events: &[Event], account: &str, own: &BTreeSet<String>) -> Vec<Correspondence> {
    if mail.inner.is_some() || !is_rakuten(mail.from.domain()) || mail.trust.level == TrustLevel::Suspect {
        return Vec::new();
    }
    let orders: BTreeSet<&OrderNumber> = events.iter().filter_map(|event| event.order.as_ref()).collect();
    let at = events.first().map_or(mail.base, |event| event.at);
    let ids = thread(mail.references.iter().filter_map(|id| clean::id(id)).collect());
    let row = |order: &OrderNumber| Correspondence {
        order: order.clone(),
        mail: mail.key,
        account: account.to_owned(),
        at,
        sender: mail.from.addr.clone(),
        shop_code: facts.shop_code.as_ref().map(|found| clean::line(&found.value, 60)),
        to: mail.to.iter().find(|to| own.contains(&to.addr)).map(|to| to.addr.clone()),
        subject: clean::line(&mail.subject.raw, SUBJECT),
        message_id: mail.message_id.as_deref().and_then(clean::id),
        references: ids.clone(),
        trust: mail.trust.level,
        silence: silence::of_mail(mail, own),
    };
    orders.into_iter().map(row).collect()
}
