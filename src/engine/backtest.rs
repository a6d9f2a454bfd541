//! Old mail judged again by edited rules: what would come out otherwise. Reads only; nothing is marked as seen.

use super::{Engine, EngineError, Mailbox, pure};
use crate::edge::imap::{Fetch, Fetched, ImapError, Session, UidSet};
use crate::edge::store::{Decided, Redecided};
use crate::mail::{self, Reading};
use crate::mailbox::{Arrival, MailKey, Place};
use crate::plan::on_backtest::differs;
use crate::plan::{Effect, Old, Way, Wish, on_backtest};
use crate::rules::{Known, RuleSet, Verdict};
use jiff::Timestamp;
use std::collections::BTreeMap;

/// Messages of one fetch.
const WINDOW: usize = 100;

/// Which mail is looked at: received in this span.
#[derive(Clone, Copy, Debug)]
pub struct Span {
    /// From.
    pub since: Timestamp,
    /// To; now when not given.
    pub until: Option<Timestamp>,
}

/// A mail that edited rules judge otherwise.
#[derive(Clone, Debug)]
pub struct Change {
    /// Where it lies.
    pub place: Place,
    /// Its number in the database, if it is known.
    pub message: Option<i64>,
    /// What it is.
    pub key: MailKey,
    /// The sender, for people.
    pub from: String,
    /// The subject, for people.
    pub subject: String,
    /// When the server took it in.
    pub received: Timestamp,
    /// What was decided; for mail that modori does not know, what the rules to compare with say.
    pub before: Verdict,
    /// What the rules say now.
    pub after: Verdict,
    /// What applying would do.
    pub way: Way,
}

/// How many mails were looked at, and how many of them come out as before.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Looked {
    /// Looked at.
    pub seen: usize,
    /// As before.
    pub same: usize,
    /// Could not be understood at all.
    pub poison: usize,
}

/// One mail, judged twice.
struct Judged {
    from: String,
    subject: String,
    before: Option<Verdict>,
    after: Verdict,
}

impl Engine {
    /// Judges the mail of a mailbox's account again: what lies in the watched mailbox and in every folder that rules
    /// file into. `against` judges mail that modori does not know. `found` is called for each mail that comes out
    /// otherwise, `progress` with mails done and in all.
    ///
    /// # Errors
    /// A mailbox cannot be read, or the database refuses.
    pub async fn backtest(
        &self,
        mailbox: &Mailbox,
        span: Span,
        against: &RuleSet,
        mut found: impl FnMut(Change),
        mut progress: impl FnMut(usize, usize),
    ) -> Result<Looked, EngineError> {
        let rules = self.rules.of(&mailbox.account.name);
        let mut folders: Vec<String> = vec![mailbox.name.clone()];
        for folder in rules.folders().into_iter().chain(against.folders()) {
            if !folders.iter().any(|known| known == folder) {
                folders.push(folder.to_owned());
            }
        }
        let mut session = Session::open(&mailbox.account).await?;
        let mut looked = Looked::default();
        for folder in folders {
            let opened = match session.examine(&folder).await {
                Ok(opened) => opened,
                // a folder that no mail went into yet
                Err(error) if error.refused => continue,
                Err(error) => return Err(error.into()),
            };
            let uids = received_in(&mut session, span).await?;
            let all = looked.seen + uids.len();
            for window in uids.chunks(WINDOW) {
                let fetched =
                    session.fetch(&UidSet::of(window.iter().copied()), Fetch::First(mailbox.account.fetch_cap)).await?;
                let place = |uid| Place {
                    account: mailbox.account.name.clone(),
                    mailbox: folder.clone(),
                    uid_validity: opened.uid_validity,
                    uid,
                };
                let arrivals: Vec<Arrival> = fetched
                    .into_iter()
                    .map(|one| Arrival {
                        place: place(one.uid),
                        received: one.received.unwrap_or_else(|| self.clock.now()),
                        size: one.size,
                        bytes: one.bytes,
                    })
                    .collect();
                self.compare(mailbox, arrivals, against, &mut looked, &mut found).await?;
                progress(looked.seen, all);
            }
        }
        session.logout().await;
        Ok(looked)
    }

    async fn compare(
        &self,
        mailbox: &Mailbox,
        arrivals: Vec<Arrival>,
        against: &RuleSet,
        looked: &mut Looked,
        found: &mut impl FnMut(Change),
    ) -> Result<(), EngineError> {
        let keys: Vec<MailKey> = arrivals.iter().map(Arrival::key).collect();
        let (asked, account) = (keys.clone(), mailbox.account.name.clone());
        let records: Vec<Option<Decided>> =
            self.store.call(move |db| asked.iter().map(|key| db.decided(key, &account)).collect()).await?;
        let mut read: BTreeMap<MailKey, Judged> = BTreeMap::new();
        for (arrival, record) in arrivals.iter().zip(&records) {
            let reading =
                Reading { received: arrival.received, size: arrival.size, authserv_ids: &mailbox.authserv_ids };
            let mail = mail::read(&arrival.bytes, &reading);
            let before = match record {
                Some(record) => Some(record.verdict.clone()),
                None => self.judged(against, arrival, &reading).await?,
            };
            let named = if mail.from.name.is_empty() { mail.from.addr.clone() } else { mail.from.name.clone() };
            let judged = Judged { from: named, subject: mail.subject.raw.clone(), before, after: Verdict::default() };
            read.insert(arrival.key(), judged);
        }
        // the same way as live: her word for suspect mail, what the ledger knows, the rules as they are now
        for settling in self.think(mailbox, arrivals).await? {
            looked.seen += 1;
            let record = keys
                .iter()
                .position(|key| *key == settling.key)
                .and_then(|at| records.get(at))
                .and_then(Option::as_ref);
            let Some(judged) = read.get_mut(&settling.key) else { continue };
            judged.after = settling.verdict;
            let Some(before) = judged.before.clone().filter(|_| settling.poison.is_none()) else {
                looked.poison += 1;
                continue;
            };
            if !differs(&before, &judged.after) {
                looked.same += 1;
                continue;
            }
            let old = Old {
                lies_in: &settling.place.mailbox,
                home: record.and_then(|record| record.home.as_deref()),
                known: record.is_some(),
                corrected: record.is_some_and(|record| record.corrected),
            };
            let way = on_backtest(&old, &before, &judged.after);
            found(Change {
                message: record.map(|record| record.message),
                key: settling.key,
                from: judged.from.clone(),
                subject: judged.subject.clone(),
                received: settling.received,
                before,
                after: judged.after.clone(),
                way,
                place: settling.place,
            });
        }
        Ok(())
    }

    /// What other rules say of a mail that is not known.
    async fn judged(
        &self,
        rules: &RuleSet,
        arrival: &Arrival,
        reading: &Reading<'_>,
    ) -> Result<Option<Verdict>, EngineError> {
        let Ok((mail, facts)) = pure::read(rules, &arrival.bytes, reading) else { return Ok(None) };
        let orders: Vec<_> = facts.order_numbers.iter().map(|found| found.value.clone()).collect();
        let ids: Vec<String> = mail.message_id.iter().chain(&mail.references).chain(&mail.returned).cloned().collect();
        let own = self.own_addresses.clone();
        let known: Known = self.store.call(move |db| db.known(&orders, &ids, &own)).await?;
        Ok(pure::judge(rules, &mail, &facts, &known).ok())
    }

    /// Files the mails of some changes as the edited rules say, through the outbox; no alert leaves. Answers how many
    /// filings were entered, all under the name `batch`.
    ///
    /// # Errors
    /// The database refuses; nothing is changed then.
    pub async fn apply(&self, changes: &[Change], batch: &str, hand: bool) -> Result<usize, EngineError> {
        let now = self.clock.now();
        let redecided: Vec<Redecided> = changes
            .iter()
            .filter_map(|change| {
                let Way::To(folder) = &change.way else { return None };
                // the very same mail may lie in several accounts
                let key = format!("{batch}:{}@{}", change.key, change.place.account);
                let effect = Effect::File { folder: folder.clone() };
                let wish = Wish { key, effect, due: now, until: None, dedupe: vec![], after: vec![], turn: None };
                Some(Redecided {
                    message: change.message?,
                    place: change.place.clone(),
                    verdict: change.after.clone(),
                    wish,
                })
            })
            .collect();
        let entered = self.store.call(move |db| db.redecide(&redecided, now)).await?;
        if hand {
            self.hand.wake(Vec::new());
        }
        Ok(entered)
    }
}

/// The UIDs of the selected mailbox whose messages were received in a span and are not deleted.
async fn received_in(session: &mut Session, span: Span) -> Result<Vec<u32>, ImapError> {
    let inside = |received: Option<Timestamp>| {
        received.is_none_or(|received| received >= span.since && span.until.is_none_or(|until| received <= until))
    };
    let wanted = |one: &Fetched| (inside(one.received) && !one.is_deleted()).then_some(());
    Ok(session.survey(&UidSet::from(1), Fetch::Sizes, wanted).await?.into_keys().collect())
}
