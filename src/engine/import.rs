//! Old mail into the ledger: read, its events kept; nothing is filed, nothing alerted.

use super::pure;
use crate::edge::store::{OldMail, Store, StoreError};
use crate::ledger;
use crate::mail::{Reading, TrustLevel};
use crate::rules::RuleSet;
use jiff::Timestamp;

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
    authserv_ids: &'a [String],
    waiting: Vec<OldMail>,
    imported: Imported,
}

impl<'a> Importer<'a> {
    /// Imports into `store`, with the extractors of `rules`; Authentication-Results count from `authserv_ids`.
    #[must_use]
    pub fn new(store: &'a Store, rules: &'a RuleSet, authserv_ids: &'a [String]) -> Self {
        Self { store, rules, authserv_ids, waiting: Vec::new(), imported: Imported::default() }
    }

    /// Reads one mail.
    ///
    /// # Errors
    /// When the database refuses.
    pub async fn add(&mut self, old: &Old<'_>) -> Result<(), StoreError> {
        self.imported.mails += 1;
        let reading = Reading { received: old.received, size: old.size, authserv_ids: self.authserv_ids };
        match pure::read(self.rules, old.bytes, &reading) {
            Ok((mut mail, facts)) => {
                if mail.trust.level == TrustLevel::Suspect {
                    let (key, sender) = (mail.key, mail.from.addr.clone());
                    if let Some(word) = self.store.call(move |db| db.word_for(&key, &sender)).await? {
                        mail.trust.accept(word);
                    }
                }
                let events = ledger::events(&mail, &facts);
                self.imported.telling += usize::from(!events.is_empty());
                self.waiting.push(OldMail { key: mail.key, events, keep_trusted: true });
            }
            Err(_) => self.imported.poison += 1,
        }
        if self.waiting.len() >= BATCH {
            self.write().await?;
        }
        Ok(())
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
