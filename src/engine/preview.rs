//! What the rules would do with the mail that came lately, and which cases it tells of: for somebody who has not agreed
//! to anything yet. Read-only: nothing is filed, alerted or flagged, and what was learnt is handed over as values.

use super::{Engine, EngineError, Mailbox, take};
use crate::edge::imap::{Fetch, Session, UidSet};
use crate::edge::store::OldMail;
use crate::ledger::{self, Case, case::State};
use crate::mailbox::{Arrival, Place};
use crate::rules::category;
use jiff::Timestamp;
use std::collections::BTreeMap;

/// Messages of one fetch.
const WINDOW: usize = 50;
/// Mails of each kind that are shown.
const EXAMPLES: usize = 3;

/// Which mails are looked at.
#[derive(Clone, Copy, Debug)]
pub struct Lately {
    /// Those that came since then …
    pub since: Timestamp,
    /// … and of these the newest so many.
    pub most: usize,
}

/// What was found.
#[derive(Clone, Debug, Default)]
pub struct Preview {
    /// Mails that were looked at.
    pub looked: usize,
    /// Mails of that time that were not, because there were more than asked for.
    pub older: usize,
    /// Mails by category, and where they would go.
    pub sorted: BTreeMap<(String, Option<String>), Sorted>,
    /// Mails on which a step failed.
    pub poison: usize,
    /// The cases that wait for something, the soonest first.
    pub cases: Vec<Case>,
    /// What the mails tell, for the ledger: nothing of it is kept yet.
    pub told: Vec<OldMail>,
}

/// Mails of one kind.
#[derive(Clone, Debug, Default)]
pub struct Sorted {
    /// How many.
    pub mails: usize,
    /// The newest of them, the oldest first; none of mail that is left alone.
    pub examples: Vec<Example>,
}

/// A mail as it is shown. Its words are a stranger's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Example {
    /// When it came.
    pub received: Timestamp,
    /// Name or address of the sender.
    pub sender: String,
    /// Subject.
    pub subject: String,
}

impl Engine {
    /// Looks at the mail that came lately, read-only. The engine's store is a scratch one, in memory: what a mail says of
    /// an order bears on how later ones are judged. `progress` gets how many are done, and how many there are.
    ///
    /// # Errors
    /// The mailbox cannot be read.
    pub async fn preview(
        &self,
        mailbox: &Mailbox,
        lately: Lately,
        mut progress: impl FnMut(usize, usize),
    ) -> Result<Preview, EngineError> {
        let mut session = Session::open(&mailbox.account).await?;
        let opened = session.examine(&mailbox.name).await?;
        let mut preview = Preview::default();
        let uids = if opened.messages == 0 { Vec::new() } else { session.since(lately.since).await? };
        preview.older = uids.len().saturating_sub(lately.most);
        let uids = uids.get(preview.older..).unwrap_or_default();
        progress(0, uids.len());
        for window in uids.chunks(WINDOW) {
            let asked = UidSet::of(window.iter().copied());
            let fetched = session.fetch(&asked, Fetch::First(mailbox.account.fetch_cap)).await?;
            let arrivals = fetched.into_iter().map(|one| Arrival {
                place: Place {
                    account: mailbox.account.name.clone(),
                    mailbox: mailbox.name.clone(),
                    uid_validity: opened.uid_validity,
                    uid: one.uid,
                },
                received: one.received.unwrap_or_else(|| self.clock.now()),
                size: one.size,
                bytes: one.bytes,
            });
            self.look_at(mailbox, arrivals.collect(), &mut preview).await?;
            progress(preview.looked, uids.len());
        }
        session.logout().await;
        preview.cases = self.cases_of_now().await?;
        Ok(preview)
    }

    /// The same way as live, up to the plan, of which nothing is done.
    async fn look_at(
        &self,
        mailbox: &Mailbox,
        arrivals: Vec<Arrival>,
        preview: &mut Preview,
    ) -> Result<(), EngineError> {
        let rules = self.rules.of(&mailbox.account.name);
        let reads = take::read(&self.clock, &rules, mailbox, arrivals).await;
        let headlines: Vec<Option<Example>> = reads
            .iter()
            .map(|read| {
                let (received, sender, subject) = read.headline()?;
                Some(Example { received, sender: sender.to_owned(), subject: subject.to_owned() })
            })
            .collect();
        let settlings = self.conclude(&rules, reads).await?;
        let mut told = Vec::new();
        for (one, example) in settlings.into_iter().zip(headlines) {
            preview.looked += 1;
            if one.poison.is_some() {
                preview.poison += 1;
                continue;
            }
            let left_alone = one.verdict.category == category::OTHER && one.verdict.folder.is_none();
            let sorted = preview.sorted.entry((one.verdict.category, one.verdict.folder)).or_default();
            sorted.mails += 1;
            // what is not modori's business is counted and no more
            if let Some(example) = example.filter(|_| !left_alone) {
                sorted.examples.push(example);
                if sorted.examples.len() > EXAMPLES {
                    sorted.examples.remove(0);
                }
            }
            let (events, mails) = (one.step.events, one.step.mails);
            if !events.is_empty() || !mails.is_empty() {
                // it may go into a ledger that knows better: this reading may lack the provider's word
                told.push(OldMail { key: one.key, events, keep_trusted: true, mails: Some(mails) });
            }
        }
        let scratch = told.clone();
        self.store.call(move |db| db.import(&scratch)).await?;
        preview.told.extend(told);
        Ok(())
    }

    /// The cases that wait for something, as `modori cases` shows them.
    async fn cases_of_now(&self) -> Result<Vec<Case>, EngineError> {
        let (events, statements) = self.store.call(|db| Ok((db.events()?, db.statements()?))).await?;
        let cases = ledger::cases(&events, &statements, &self.ledger, self.clock.now());
        let waits = |case: &Case| (!case.ended && case.cancelled != State::None) || case.upcoming().is_some();
        let mut cases: Vec<Case> = cases.into_values().filter(waits).collect();
        cases.sort_by_cached_key(|case| {
            let upcoming = case.upcoming();
            (upcoming.is_none(), upcoming.map(|(step, at)| (at, step)), case.order_number.clone())
        });
        Ok(cases)
    }
}
