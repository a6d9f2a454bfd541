//! Old mail into the ledger: read, its events kept; nothing is filed, nothing alerted.
//!
//! Mails are taken in by batches. What a batch tells, and how far its file or folder is read with it, is one transaction:
//! a run that was cut off anywhere goes on where it was, and the ledger is the same in the end.

use super::take::spread;
use super::{EngineError, pure};
use crate::edge::clock::Clock;
use crate::edge::files::Before;
use crate::edge::store::{OldMail, Reached, Store};
use crate::facts::Facts;
use crate::ledger::Event;
use crate::letter::Correspondence;
use crate::mail::{Mail, Reading, TrustLevel};
use crate::mailbox::MailKey;
use crate::plan;
use crate::rules::{Known, RuleSet};
use jiff::Timestamp;
use std::collections::BTreeSet;
use std::sync::Arc;

/// A batch, which is read together and is one transaction, ends with the mail that brings it to so many ...
const BATCH: usize = 128;
/// ... or to so many bytes.
const BATCH_BYTES: usize = 512 * 1024;
/// So many marks of files that gave no new mail are written together.
const MARKS: usize = 500;
/// Gmail's label for what it took for spam, in a Takeout of an English and of a Japanese account (a guess: as its pages
/// call it).
const SPAM: &[&str] = &["spam", "迷惑メール"];
/// ... and for what was thrown away.
const TRASH: &[&str] = &["trash", "bin", "ゴミ箱"];

/// A mail from a file or a folder.
pub struct Old {
    /// Its bytes.
    pub bytes: Vec<u8>,
    /// When it was received, as far as its source tells.
    pub received: Timestamp,
    /// Its whole size in bytes.
    pub size: u32,
    /// What the program that wrote its file put before it.
    pub before: Before,
    /// How far its file is read with it.
    pub reached: Option<Reached>,
}

/// How old mail is read.
#[derive(Clone, Debug)]
pub struct How {
    /// Whose Authentication-Results count.
    pub authserv_ids: Vec<String>,
    /// The shopper's own addresses, lower case: what she and modori wrote tells nothing.
    pub own_addresses: BTreeSet<String>,
    /// What is known from a reading that trusted a mail more stays: files may lack the provider's word.
    pub keep_trusted: bool,
    /// Whose mailbox the mail was read from; empty for a file.
    pub account: String,
    /// A number for all that bears on what a mail tells: a mail that was read in this very way is passed over. `None`
    /// reads every mail, and keeps no marks.
    pub way: Option<i64>,
    /// Mail with Gmail's labels for spam and trash is read, too.
    pub spam_and_trash: bool,
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
    /// Mails that were read before, here or elsewhere.
    pub known: usize,
    /// Mails left out as spam.
    pub spam: usize,
    /// Mails left out as thrown away.
    pub trash: usize,
}

impl Imported {
    /// Every mail that was seen.
    #[must_use]
    pub fn seen(&self) -> usize {
        self.mails + self.known + self.spam + self.trash
    }

    /// Both together.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        Self {
            mails: self.mails + other.mails,
            telling: self.telling + other.telling,
            new_events: self.new_events + other.new_events,
            poison: self.poison + other.poison,
            known: self.known + other.known,
            spam: self.spam + other.spam,
            trash: self.trash + other.trash,
        }
    }
}

/// Collects the events of old mails and writes them in batches. The order of the mails does not matter: events follow
/// from each mail alone, and cases from all events.
pub struct Importer<'a> {
    store: &'a Store,
    clock: Clock,
    rules: Arc<RuleSet>,
    how: How,
    waiting: Vec<Old>,
    bytes: usize,
    marks: Vec<Reached>,
    imported: Imported,
}

/// What one mail tells, if it could be understood.
type Said = Result<(Mail, Vec<Event>, Vec<Correspondence>), pure::Poison>;

impl<'a> Importer<'a> {
    /// Imports into `store`, with the extractors of `rules`.
    #[must_use]
    pub fn new(store: &'a Store, clock: &Clock, rules: Arc<RuleSet>, how: How) -> Self {
        let (waiting, marks) = (Vec::new(), Vec::new());
        Self { store, clock: clock.clone(), rules, how, waiting, bytes: 0, marks, imported: Imported::default() }
    }

    /// What came of it so far; what waits for its batch is not in it.
    #[must_use]
    pub fn imported(&self) -> Imported {
        self.imported
    }

    /// Takes one mail, and its batch when that is full.
    ///
    /// # Errors
    /// When the database refuses.
    pub async fn add(&mut self, old: Old) -> Result<(), EngineError> {
        self.bytes = self.bytes.saturating_add(old.bytes.len());
        self.waiting.push(old);
        if self.waiting.len() >= BATCH || self.bytes >= BATCH_BYTES {
            self.take().await?;
        }
        Ok(())
    }

    /// Says how far a file or folder is read with the mails that were added.
    ///
    /// # Errors
    /// When the database refuses.
    pub async fn reach(&mut self, reached: Reached) -> Result<(), EngineError> {
        self.marks.push(reached);
        if self.marks.len() >= MARKS { self.take().await } else { Ok(()) }
    }

    /// Writes what is left.
    ///
    /// # Errors
    /// When the database refuses.
    pub async fn finish(&mut self) -> Result<Imported, EngineError> {
        self.take().await?;
        Ok(self.imported)
    }

    /// Takes in what waits, in one transaction.
    ///
    /// # Errors
    /// When the database refuses; then it waits no more, and is read again by the next run.
    pub async fn take(&mut self) -> Result<(), EngineError> {
        self.bytes = 0;
        let waiting = std::mem::take(&mut self.waiting);
        let mut marks = std::mem::take(&mut self.marks);
        if waiting.is_empty() && marks.is_empty() {
            return Ok(());
        }
        let mut now = Imported::default();
        let mut wanted = Vec::new();
        let mut reached: Vec<Reached> = Vec::new();
        for mut old in waiting {
            if let Some(one) = old.reached.take() {
                // of one file the last mark counts
                reached.retain(|known| !same_file(known, &one));
                reached.push(one);
            }
            match left_out(&old, &self.how) {
                Some(LeftOut::Spam) => now.spam += 1,
                Some(LeftOut::Trash) => now.trash += 1,
                None => wanted.push((MailKey::of(&old.bytes), old)),
            }
        }
        // what was said of a file as a whole comes after its mails
        reached.append(&mut marks);
        let wanted = self.without_known(wanted, &mut now).await?;
        let said = self.said(wanted).await?;
        now.mails = said.len();
        let (mut mails, mut read) = (Vec::new(), Vec::new());
        for one in said {
            match one {
                Ok((mail, events, kept)) => {
                    now.telling += usize::from(!events.is_empty());
                    // the shopper may release it yet: then it is read again
                    if mail.trust.level != TrustLevel::Suspect {
                        read.push(mail.key);
                    }
                    let keep_trusted = self.how.keep_trusted;
                    let old = OldMail { key: mail.key, events, keep_trusted, mails: Some(kept) };
                    mails.push((old, mail.trust.level));
                }
                Err(_) => now.poison += 1,
            }
        }
        now.new_events = match self.how.way {
            Some(way) => self.store.call(move |db| db.take_past(&mails, &read, way, &reached)).await?,
            None => {
                let mails: Vec<OldMail> = mails.into_iter().map(|(mail, _)| mail).collect();
                self.store.call(move |db| db.import(&mails)).await?
            }
        };
        self.imported = self.imported.and(now);
        Ok(())
    }

    async fn without_known(
        &self,
        mails: Vec<(MailKey, Old)>,
        now: &mut Imported,
    ) -> Result<Vec<(MailKey, Old)>, EngineError> {
        let Some(way) = self.how.way else { return Ok(mails) };
        let keys: Vec<MailKey> = mails.iter().map(|(key, _)| *key).collect();
        let mut known = self.store.call(move |db| db.past_mails(&keys, way)).await?;
        let all = mails.len();
        let fresh: Vec<_> = mails.into_iter().filter(|(key, _)| known.insert(*key)).collect();
        now.known += all - fresh.len();
        Ok(fresh)
    }

    /// What each mail tells, as it would had it arrived by itself: read on all cores, the database asked once.
    async fn said(&self, mails: Vec<(MailKey, Old)>) -> Result<Vec<Said>, EngineError> {
        if mails.is_empty() {
            return Ok(Vec::new());
        }
        let (rules, ids) = (Arc::clone(&self.rules), self.how.authserv_ids.clone());
        let mut read: Vec<Result<(Mail, Facts), pure::Poison>> = spread(&self.clock, mails, move |(_, old)| {
            let reading = Reading { received: old.received, size: old.size, authserv_ids: &ids };
            pure::read(&rules, &old.bytes, &reading)
        })
        .await;
        let asked: Vec<_> = read
            .iter()
            .map(|read| {
                let Ok((mail, facts)) = read else { return (None, Vec::new(), Vec::new()) };
                let suspect = mail.trust.level == TrustLevel::Suspect;
                let orders: Vec<_> = facts.order_numbers.iter().map(|found| found.value.clone()).collect();
                let ids: Vec<String> =
                    mail.message_id.iter().chain(&mail.references).chain(&mail.returned).cloned().collect();
                (suspect.then(|| (mail.key, mail.from.addr.clone())), orders, ids)
            })
            .collect();
        let own = self.how.own_addresses.clone();
        let answers = self
            .store
            .call(move |db| {
                let mut answers = Vec::new();
                for (suspect, orders, ids) in &asked {
                    let word = match suspect {
                        Some((key, sender)) => db.word_for(key, sender)?,
                        None => None,
                    };
                    answers.push((word, db.known(orders, ids, &own)?));
                }
                Ok(answers)
            })
            .await?;
        for (read, (word, _)) in read.iter_mut().zip(&answers) {
            if let (Ok((mail, _)), Some(word)) = (read, word) {
                mail.trust.accept(*word);
            }
        }
        let (rules, account) = (Arc::clone(&self.rules), self.how.account.clone());
        let pairs = read.into_iter().zip(answers).collect();
        Ok(spread(&self.clock, pairs, move |(read, (_, known)): (Result<(Mail, Facts), _>, (_, Known))| {
            let (mail, facts) = read?;
            let verdict = pure::judge(&rules, &mail, &facts, &known)?;
            let events = plan::told(&mail, &facts, &verdict);
            let kept = plan::kept(&mail, &facts, &events, &account, &known);
            Ok((mail, events, kept))
        })
        .await)
    }
}

fn same_file(one: &Reached, other: &Reached) -> bool {
    matches!((one, other), (Reached::File(a, _), Reached::File(b, _)) if a == b)
}

enum LeftOut {
    Spam,
    Trash,
}

/// What Gmail had put aside says nothing of the shopper's orders, or is what she threw away; so is what Thunderbird
/// shows no more.
fn left_out(old: &Old, how: &How) -> Option<LeftOut> {
    if how.spam_and_trash {
        return None;
    }
    if old.before.deleted {
        return Some(LeftOut::Trash);
    }
    let labels = old.before.gmail_labels.as_ref()?;
    let labels = crate::mail::field_text(labels);
    let mut quoted = false;
    let mut labels = labels.split(|c| {
        quoted ^= c == '"';
        c == ',' && !quoted
    });
    let labels: Vec<String> = labels.by_ref().map(|label| label.trim().trim_matches('"').to_lowercase()).collect();
    let bears = |wanted: &[&str]| labels.iter().any(|label| wanted.contains(&label.as_str()));
    if bears(SPAM) {
        Some(LeftOut::Spam)
    } else if bears(TRASH) {
        Some(LeftOut::Trash)
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spam_and_trash_of_a_takeout_are_left_out_unless_asked_for() {
        let how = |spam_and_trash| How {
            authserv_ids: Vec::new(),
            own_addresses: BTreeSet::new(),
            keep_trusted: true,
            account: String::new(),
            way: None,
            spam_and_trash,
        };
        for (labels, left) in [
            ("Inbox,Opened", ""),
            ("Spam,Unread", "spam"),
            ("=?UTF-8?B?6L+35oOR44Oh44O844Or?=,=?UTF-8?B?5pyq6Kqt?=", "spam"),
            ("Opened, Trash", "trash"),
            ("=?UTF-8?B?44K044Of566x?=", "trash"),
            ("No spam here,\"Trash, old\"", ""),
            ("", ""),
        ] {
            let old = |labels: Option<&str>| Old {
                bytes: Vec::new(),
                received: Timestamp::UNIX_EPOCH,
                size: 0,
                before: Before { gmail_labels: labels.map(|labels| labels.as_bytes().to_vec()), deleted: false },
                reached: None,
            };
            let found = match left_out(&old(Some(labels)), &how(false)) {
                Some(LeftOut::Spam) => "spam",
                Some(LeftOut::Trash) => "trash",
                None => "",
            };
            assert_eq!(found, left, "{labels}");
            assert!(left_out(&old(Some(labels)), &how(true)).is_none() && left_out(&old(None), &how(false)).is_none());
            let deleted = Old { before: Before { deleted: true, ..Before::default() }, ..old(None) };
            assert!(matches!(left_out(&deleted, &how(false)), Some(LeftOut::Trash)));
            assert!(left_out(&deleted, &how(true)).is_none());
        }
    }
}
