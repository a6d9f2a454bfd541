//! Messages that arrived: read, judged, planned, settled, and their alerts sent on their way.

use super::{Engine, EngineError, Mailbox, pure};
use crate::edge::clock::Clock;
use crate::edge::store::{Db, Settled, Settling, StoreError};
use crate::facts::{Facts, OrderNumber};
use crate::ledger::due::Settings;
use crate::ledger::{Case, Event};
use crate::mail::trust::Word;
use crate::mail::{Mail, Reading, TrustLevel};
use crate::mailbox::{Arrival, MailKey};
use crate::plan::{Arrived, Policy, Step};
use crate::rules::{Known, RuleSet, Verdict, category};
use jiff::Timestamp;
use std::collections::BTreeSet;
use std::sync::Arc;

/// A message that was read.
pub(super) struct Read {
    arrival: Arrival,
    read: Result<(Mail, Facts), pure::Poison>,
}

impl Read {
    /// When it came, its sender and its subject, for people; `None` when it could not be read.
    pub(super) fn headline(&self) -> Option<(Timestamp, &str, &str)> {
        let (mail, _) = self.read.as_ref().ok()?;
        let sender = if mail.from.name.trim().is_empty() { &mail.from.addr } else { &mail.from.name };
        Some((self.arrival.received, sender, &mail.subject.raw))
    }
}

/// What the database is asked about a message.
struct Asked {
    orders: Vec<OrderNumber>,
    ids: Vec<String>,
    /// Key and sender of a suspect mail: the shopper may have released it, or vouch for its sender.
    suspect: Option<(MailKey, String)>,
    /// It says something of a cancellation or of what comes back: what is told of it depends on the case of its order. A
    /// restock is told at once, and asks for nothing more.
    of_a_case: bool,
    /// What it says of orders.
    events: Vec<Event>,
}

impl Asked {
    fn of(read: &Read) -> Self {
        let Ok((mail, facts)) = &read.read else {
            return Self { orders: Vec::new(), ids: Vec::new(), suspect: None, of_a_case: false, events: Vec::new() };
        };
        let told = mail.trust.level != TrustLevel::Suspect && facts.order().is_some();
        let suspect = mail.trust.level == TrustLevel::Suspect;
        Self {
            orders: facts.order_numbers.iter().map(|found| found.value.clone()).collect(),
            ids: mail.message_id.iter().chain(&mail.references).chain(&mail.returned).cloned().collect(),
            suspect: suspect.then(|| (mail.key, mail.from.addr.clone())),
            of_a_case: told && of_a_case(facts),
            // what fails on it here fails on it again when it is planned, and is reported there
            events: if told { pure::events(mail, facts).unwrap_or_default() } else { Vec::new() },
        }
    }
}

/// Whether a mail speaks of a cancellation or of what comes back.
pub(super) fn of_a_case(facts: &Facts) -> bool {
    facts.cancelled.is_some() || facts.points_return.is_some() || facts.coupon.is_some()
}

/// What the database knows that bears on a mail.
struct Answer {
    word: Option<Word>,
    known: Known,
    case: Option<Case>,
}

impl Answer {
    /// `before`: what mails say that are taken in together with this one, up to it.
    fn of(
        db: &Db,
        asked: &Asked,
        own: &BTreeSet<String>,
        before: &[Event],
        settings: &Settings,
        now: Timestamp,
    ) -> Result<Self, StoreError> {
        let word = match &asked.suspect {
            Some((key, sender)) => db.word_for(key, sender)?,
            None => None,
        };
        let case = match asked.orders.first().filter(|_| asked.of_a_case) {
            Some(order) => {
                let bears = before.iter().filter(|event| event.order.as_ref() == Some(order));
                let bears: Vec<Event> = bears.cloned().collect();
                match pure::case(|| db.case_with(order, &bears, settings, now)) {
                    Ok(case) => case?,
                    // it is told without what is expected back
                    Err(poison) => {
                        tracing::error!("{order}: {poison}; please report it");
                        None
                    }
                }
            }
            None => None,
        };
        Ok(Self { word, known: db.known(&asked.orders, &asked.ids, own)?, case })
    }
}

/// Reads messages: the pure half of the work, on all cores when there are many.
pub(super) async fn read(clock: &Clock, rules: &Arc<RuleSet>, mailbox: &Mailbox, arrivals: Vec<Arrival>) -> Vec<Read> {
    let rules = Arc::clone(rules);
    let authserv_ids = mailbox.authserv_ids.clone();
    spread(clock, arrivals, move |arrival: Arrival| {
        let reading = Reading { received: arrival.received, size: arrival.size, authserv_ids: &authserv_ids };
        let read = pure::read(&rules, &arrival.bytes, &reading);
        Read { arrival, read }
    })
    .await
}

/// As many as this are worked on where they are: handing them to other threads would take longer.
const FEW: usize = 8;

/// Does a pure piece of work on each of many values, on all cores, and answers in their order. A few values are worked
/// on at once: the single new mail waits for no other thread.
pub(super) async fn spread<A, B>(clock: &Clock, values: Vec<A>, work: impl Fn(A) -> B + Send + Sync + 'static) -> Vec<B>
where
    A: Send + 'static,
    B: Send + 'static,
{
    if values.len() <= FEW {
        return values.into_iter().map(work).collect();
    }
    if clock.is_simulated() {
        // other threads end in no certain order, and a simulation repeats exactly. Who would wait for them lets others
        // go on meanwhile
        tokio::task::yield_now().await;
        return values.into_iter().map(work).collect();
    }
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let share = values.len().div_ceil(cores).max(FEW);
    let work = Arc::new(work);
    let mut values = values.into_iter();
    let mut shares = Vec::new();
    loop {
        let share: Vec<A> = values.by_ref().take(share).collect();
        if share.is_empty() {
            break;
        }
        let work = Arc::clone(&work);
        shares.push(tokio::task::spawn_blocking(move || share.into_iter().map(|one| work(one)).collect::<Vec<B>>()));
    }
    let mut done = Vec::new();
    for share in shares {
        match share.await {
            Ok(share) => done.extend(share),
            Err(error) => match error.try_into_panic() {
                // the pure steps are guarded: this is a fault of ours, and is no more hidden than on this thread
                Ok(panic) => std::panic::resume_unwind(panic),
                // the runtime is ending, and this future with it
                Err(_) => std::future::pending().await,
            },
        }
    }
    done
}

fn decide(rules: &RuleSet, policy: &Policy, read: Read, answer: &Answer, now: Timestamp) -> Settling {
    let Read { arrival, read } = read;
    let decided = read.and_then(|(mail, facts)| {
        let (known, case) = (&answer.known, answer.case.as_ref());
        let verdict = pure::judge(rules, &mail, &facts, known)?;
        let arrived = Arrived { place: &arrival.place, mail: &mail, facts: &facts, known, verdict: &verdict, case };
        let step = pure::on_mail(&arrived, policy, now)?;
        Ok((mail.message_id, verdict, step))
    });
    let key = arrival.key();
    let (message_id, verdict, step, poison) = match decided {
        Ok((message_id, verdict, step)) => {
            tracing::debug!(place = %arrival.place, category = verdict.category, rule = verdict.rule, "judged");
            (message_id, verdict, step, None)
        }
        Err(poison) => {
            tracing::error!("{}: {poison}; please report it", arrival.place);
            let verdict = Verdict { category: category::OTHER.to_owned(), ..Verdict::default() };
            (None, verdict, Step::default(), Some(poison.step))
        }
    };
    Settling {
        place: arrival.place,
        key,
        received: arrival.received,
        size: arrival.size,
        message_id,
        verdict,
        step,
        poison,
    }
}

impl Engine {
    /// Takes messages in: from their bytes to the settled transaction. `live`: they came while the mailbox was watched.
    pub(super) async fn take(
        &self,
        mailbox: &Mailbox,
        leave_before: Option<Timestamp>,
        live: bool,
        arrivals: Vec<Arrival>,
    ) -> Result<(), EngineError> {
        let arrivals = match leave_before {
            Some(before) => self.without_backlog(arrivals, before).await?,
            None => arrivals,
        };
        if arrivals.is_empty() {
            return Ok(());
        }
        let settlings = self.think(mailbox, arrivals).await?;
        self.settle(settlings, true, live).await?;
        Ok(())
    }

    /// From bytes to what is known and should happen. Nothing is written.
    pub(super) async fn think(&self, mailbox: &Mailbox, arrivals: Vec<Arrival>) -> Result<Vec<Settling>, EngineError> {
        // taken once: whatever is saved meanwhile, these mails are read and judged by one rule set
        let rules = self.rules.of(&mailbox.account.name);
        let reads = read(&self.clock, &rules, mailbox, arrivals).await;
        self.conclude(&rules, reads).await
    }

    /// From what was read to what should happen, with what the ledger knows: one question for all of them.
    pub(super) async fn conclude(
        &self,
        rules: &Arc<RuleSet>,
        mut reads: Vec<Read>,
    ) -> Result<Vec<Settling>, EngineError> {
        let mut asked: Vec<Asked> = reads.iter().map(Asked::of).collect();
        if !self.policy.tells() {
            // what is expected back stands in alerts alone, and there will be none
            asked.iter_mut().for_each(|one| one.of_a_case = false);
        }
        let (own, settings, now) = (self.own_addresses.clone(), self.ledger.clone(), self.clock.now());
        let of_cases = asked.iter().any(|one| one.of_a_case);
        let told: Vec<Answer> = self
            .store
            .call(move |db| {
                let mut before: Vec<Event> = Vec::new();
                let mut one = |asked: &Asked| {
                    if of_cases {
                        before.extend_from_slice(&asked.events);
                    }
                    Answer::of(db, asked, &own, &before, &settings, now)
                };
                asked.iter().map(&mut one).collect()
            })
            .await?;
        for (read, answer) in reads.iter_mut().zip(&told) {
            if let (Ok((mail, _)), Some(word)) = (&mut read.read, &answer.word) {
                mail.trust.accept(*word);
            }
        }
        let now = self.clock.now();
        let (rules, policy) = (Arc::clone(rules), self.policy());
        let pairs = reads.into_iter().zip(told).collect();
        Ok(spread(&self.clock, pairs, move |(read, answer): (Read, Answer)| {
            decide(&rules, &policy, read, &answer, now)
        })
        .await)
    }

    /// Writes everything down in one transaction. With the hand, alerts leave at once and the lanes are woken.
    pub(super) async fn settle(
        &self,
        settlings: Vec<Settling>,
        hand: bool,
        live: bool,
    ) -> Result<Vec<Settled>, EngineError> {
        let now = self.clock.now();
        let settled = self
            .store
            .call(move |db| if live { db.settle(&settlings, hand, now) } else { db.catch_up(&settlings, hand, now) })
            .await?;
        if hand {
            let alerts = settled
                .iter()
                .flat_map(|one| match one {
                    Settled::New { alerts } => alerts.clone(),
                    Settled::KnownPlace | Settled::NewPlace => Vec::new(),
                })
                .collect();
            self.hand.wake(alerts);
        }
        Ok(settled)
    }

    /// Without unknown mail that was received before modori first opened the mailbox.
    async fn without_backlog(&self, arrivals: Vec<Arrival>, before: Timestamp) -> Result<Vec<Arrival>, EngineError> {
        let old = arrivals.iter().filter(|arrival| arrival.received < before).map(Arrival::key).collect::<Vec<_>>();
        let known = self
            .store
            .call(move |db| {
                let mut known = std::collections::BTreeSet::new();
                for key in old {
                    if db.knows(&key)? {
                        known.insert(key);
                    }
                }
                Ok(known)
            })
            .await?;
        Ok(arrivals.into_iter().filter(|one| one.received >= before || known.contains(&one.key())).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What the database is asked about sample mail of a kind.
    fn asked(kind: &str) -> Vec<(String, Asked)> {
        let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures").join(kind);
        let rules = RuleSet::shipped();
        let files = std::fs::read_dir(folder).unwrap().map(|file| file.unwrap().path());
        let mails = files.filter(|file| file.extension().is_some_and(|end| end == "eml"));
        mails
            .map(|file| {
                let bytes = std::fs::read(&file).unwrap();
                let place =
                    crate::mailbox::Place { account: "a".into(), mailbox: "INBOX".into(), uid_validity: 1, uid: 1 };
                let received = Timestamp::from_second(1_795_500_000).unwrap();
                let size = u32::try_from(bytes.len()).unwrap();
                let reading = Reading { received, size, authserv_ids: &["mx.example.jp".to_owned()] };
                let read = pure::read(&rules, &bytes, &reading);
                let read = Read { arrival: Arrival { place, received, size, bytes }, read };
                (file.display().to_string(), Asked::of(&read))
            })
            .collect()
    }

    #[test]
    fn a_restock_asks_the_database_for_no_case() {
        let restocks = asked("restock");
        assert!(restocks.len() > 20);
        for (file, asked) in restocks {
            assert!(!asked.of_a_case && asked.events.is_empty(), "{file}");
        }
        assert!(asked("cancellation").iter().filter(|(_, asked)| asked.of_a_case).count() > 20);
    }
}
