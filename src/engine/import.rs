//! Old mail into the ledger: read, its events kept; nothing is filed, nothing alerted.

use super::pure;
use crate::edge::store::{OldMail, Store, StoreError};
use crate::ledger::Event;
use crate::letter::Correspondence;
use crate::mail::{Mail, Reading, TrustLevel};
use crate::plan;
use crate::rules::RuleSet;
use jiff::Timestamp;
use std::collections::BTreeSet;

/// Mails of one transaction.
const BATCH: usize = 200;

/// A mail from a file.
pub struct Old<'a> {
    /// Its bytes.
    pub bytes: &'a [u8],
    /// When it was received, as far as the file tells.
    pub received: Timestamp,
    /// Its whole size in bytes.
    pub size: u32,
}

/// How old mail is read.
#[derive(Clone, Copy, Debug)]
pub struct How<'a> {
    /// Whose Authentication-Results count.
    pub authserv_ids: &'a [String],
    /// The shopper's own addresses, lower case: what she and modori wrote tells nothing.
    pub own_addresses: &'a BTreeSet<String>,
    /// What is known from a reading that trusted a mail more stays: files may lack the provider's word.
    pub keep_trusted: bool,
}

/// What an import did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Imported {
    /// Mails read.
    pub mails: usize,
    /// Mails that told something of an order.
    pub telling: usize,
    /// Events that the ledger did not have.
    pub new_events: usize,
    /// Mails on which a step failed.
    pub poison: usize,
}

/// Collects the events of old mails and writes them in batches. The order of the mails does not matter: events follow
/// from each mail alone, and cases from all events.
pub struct Importer<'a> {
    store: &'a Store,
    rules: &'a RuleSet,
    how: How<'a>,
    waiting: Vec<OldMail>,
    imported: Imported,
}

impl<'a> Importer<'a> {
    /// Imports into `store`, with the extractors of `rules`.
    #[must_use]
    pub fn new(store: &'a Store, rules: &'a RuleSet, how: How<'a>) -> Self {
        Self { store, rules, how, waiting: Vec::new(), imported: Imported::default() }
    }

    /// Reads one mail.
    ///
    /// # Errors
    /// When the database refuses.
    pub async fn add(&mut self, old: &Old<'_>) -> Result<(), StoreError> {
        self.imported.mails += 1;
        let reading = Reading { received: old.received, size: old.size, authserv_ids: self.how.authserv_ids };
        match self.told(old.bytes, &reading).await? {
            Ok((mail, events, mails)) => {
                self.imported.telling += usize::from(!events.is_empty());
                let keep_trusted = self.how.keep_trusted;
                self.waiting.push(OldMail { key: mail.key, events, keep_trusted, mails: Some(mails) });
            }
            Err(_) => self.imported.poison += 1,
        }
        if self.waiting.len() >= BATCH {
            self.write().await?;
        }
        Ok(())
    }

    /// What one mail tells, as it would had it arrived by itself.
    async fn told(
        &self,
        bytes: &[u8],
        reading: &Reading<'_>,
    ) -> Result<Result<(Mail, Vec<Event>, Vec<Correspondence>), pure::Poison>, StoreError> {
        let (mut mail, facts) = match pure::read(self.rules, bytes, reading) {
            Ok(read) => read,
            Err(poison) => return Ok(Err(poison)),
        };
        if mail.trust.level == TrustLevel::Suspect {
            let (key, sender) = (mail.key, mail.from.addr.clone());
            if let Some(word) = self.store.call(move |db| db.word_for(&key, &sender)).await? {
                mail.trust.accept(word);
            }
        }
        let orders: Vec<_> = facts.order_numbers.iter().map(|found| found.value.clone()).collect();
        let ids: Vec<String> = mail.message_id.iter().chain(&mail.references).chain(&mail.returned).cloned().collect();
        let own = self.how.own_addresses.clone();
        let known = self.store.call(move |db| db.known(&orders, &ids, &own)).await?;
        Ok(pure::judge(self.rules, &mail, &facts, &known).map(|verdict| {
            let events = plan::told(&mail, &facts, &verdict);
            let mails = plan::kept(&mail, &facts, &events, "", &known);
            (mail, events, mails)
        }))
    }

    /// Writes what is left.
    ///
    /// # Errors
    /// When the database refuses.
    pub async fn finish(mut self) -> Result<Imported, StoreError> {
        self.write().await?;
        Ok(self.imported)
    }

    async fn write(&mut self) -> Result<(), StoreError> {
        let mails = std::mem::take(&mut self.waiting);
        self.imported.new_events += self.store.call(move |db| db.import(&mails)).await?;
        Ok(())
    }
}
