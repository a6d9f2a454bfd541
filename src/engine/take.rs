//! Messages that arrived: read, judged, planned, settled, and their alerts sent on their way.

use super::{Engine, EngineError, Mailbox, pure};
use crate::edge::store::{Settled, Settling};
use crate::facts::{Facts, OrderNumber};
use crate::mail::trust::Word;
use crate::mail::{Mail, Reading, TrustLevel};
use crate::mailbox::{Arrival, MailKey};
use crate::plan::{Arrived, Step};
use crate::rules::{Known, RuleSet, Verdict, category};
use jiff::Timestamp;
use std::collections::BTreeMap;

/// A message that was read.
struct Read {
    arrival: Arrival,
    read: Result<(Mail, Facts), pure::Poison>,
}

impl Engine {
    /// Takes messages in: from their bytes to the settled transaction.
    pub(super) async fn take(
        &self,
        mailbox: &Mailbox,
        leave_before: Option<Timestamp>,
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
        self.settle(settlings, true).await?;
        Ok(())
    }

    /// From bytes to what is known and should happen. Nothing is written.
    pub(super) async fn think(&self, mailbox: &Mailbox, arrivals: Vec<Arrival>) -> Result<Vec<Settling>, EngineError> {
        // taken once: whatever is saved meanwhile, these mails are read and judged by one rule set
        let rules = self.rules.now();
        let mut reads: Vec<Read> = arrivals
            .into_iter()
            .map(|arrival| {
                let reading =
                    Reading { received: arrival.received, size: arrival.size, authserv_ids: &mailbox.authserv_ids };
                let read = pure::read(&rules, &arrival.bytes, &reading);
                Read { arrival, read }
            })
            .collect();
        self.take_her_word(&mut reads).await?;
        let asked: Vec<(Vec<OrderNumber>, Vec<String>)> = reads
            .iter()
            .map(|read| match &read.read {
                Ok((mail, facts)) => (
                    facts.order_numbers.iter().map(|found| found.value.clone()).collect(),
                    mail.message_id.iter().chain(&mail.references).cloned().collect(),
                ),
                Err(_) => (Vec::new(), Vec::new()),
            })
            .collect();
        let own = self.own_addresses.clone();
        let known: Vec<Known> =
            self.store.call(move |db| asked.iter().map(|(orders, ids)| db.known(orders, ids, &own)).collect()).await?;
        let now = self.clock.now();
        Ok(reads.into_iter().zip(known).map(|(read, known)| self.decide(&rules, read, &known, now)).collect())
    }

    /// Suspect mails that the shopper released, or whose sender she vouches for.
    async fn take_her_word(&self, reads: &mut [Read]) -> Result<(), EngineError> {
        let mails = || reads.iter().filter_map(|read| read.read.as_ref().ok());
        let suspect = mails().filter(|(mail, _)| mail.trust.level == TrustLevel::Suspect);
        let asked: Vec<(MailKey, String)> = suspect.map(|(mail, _)| (mail.key, mail.from.addr.clone())).collect();
        if asked.is_empty() {
            return Ok(());
        }
        let words: BTreeMap<MailKey, Word> = self
            .store
            .call(move |db| {
                let word = |(key, sender): &(MailKey, String)| Ok(db.word_for(key, sender)?.map(|word| (*key, word)));
                asked.iter().filter_map(|one| word(one).transpose()).collect()
            })
            .await?;
        for (mail, _) in reads.iter_mut().filter_map(|read| read.read.as_mut().ok()) {
            if let Some(word) = words.get(&mail.key) {
                mail.trust.accept(*word);
            }
        }
        Ok(())
    }

    fn decide(&self, rules: &RuleSet, read: Read, known: &Known, now: Timestamp) -> Settling {
        let Read { arrival, read } = read;
        let decided = read.and_then(|(mail, facts)| {
            let verdict = pure::judge(rules, &mail, &facts, known)?;
            let arrived = Arrived { place: &arrival.place, mail: &mail, facts: &facts, known, verdict: &verdict };
            let step = pure::on_mail(&arrived, &self.policy, now)?;
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

    /// Writes everything down in one transaction. With the hand, alerts leave at once and the lanes are woken.
    pub(super) async fn settle(&self, settlings: Vec<Settling>, hand: bool) -> Result<Vec<Settled>, EngineError> {
        let now = self.clock.now();
        let settled = self.store.call(move |db| db.settle(&settlings, hand, now)).await?;
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
