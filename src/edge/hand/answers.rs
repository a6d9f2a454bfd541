//! Channels that can say whether an alert was acknowledged are asked while one awaits that, and those that need not
//! repeat it any more are told.

use super::Hand;
use crate::edge::Advice;
use crate::edge::out::{Channel, Unanswered};
use crate::edge::store::{StoreError, Took};
use crate::plan::answer::By;
use futures_util::future::{try_join, try_join_all};
use std::convert::Infallible;
use std::time::Duration;

/// Between two looks at what awaits, however much is written.
const LOOK_AT_MOST_EVERY: Duration = Duration::from_secs(1);
/// Between two looks when nothing was written.
const LOOK_EVERY: Duration = Duration::from_secs(60);
/// One question, or one word that an alert was acknowledged, may take so long.
const LONGEST_CALL: Duration = Duration::from_secs(60);
/// Longest wait after a channel did not answer.
const LONGEST_WAIT: Duration = Duration::from_secs(300);

impl Hand {
    /// Hears of acknowledgements for ever.
    ///
    /// # Errors
    /// When the database refuses. A channel that does not answer is asked again.
    pub async fn hear(&self) -> Result<Infallible, StoreError> {
        let asking = try_join_all(self.channels.iter().map(|(name, channel)| self.ask(name, channel)));
        try_join(asking, self.withdraw()).await.map(|(_, never)| never)
    }

    /// Asks one channel, as often as it may be asked while something awaits, and not at all otherwise.
    async fn ask(&self, name: &str, channel: &Channel) -> Result<Infallible, StoreError> {
        let Some(every) = channel.hears() else { return std::future::pending().await };
        let mut changes = self.store.changes();
        let mut troubles = 0_u32;
        loop {
            changes.borrow_and_update();
            let (of, now) = (name.to_owned(), self.clock.now());
            let took = self.store.call(move |db| db.unanswered(&of, now)).await?;
            if took.is_empty() {
                let _ = tokio::time::timeout(LOOK_EVERY, changes.changed()).await;
                tokio::time::sleep(LOOK_AT_MOST_EVERY).await;
                continue;
            }
            let unanswered: Vec<Unanswered> = took.into_iter().map(unanswered).collect();
            let answers = tokio::time::timeout(LONGEST_CALL, channel.answers(&unanswered)).await;
            let wait = match answers {
                Ok(Ok(tokens)) => {
                    troubles = 0;
                    self.heard(name, &unanswered, tokens).await?;
                    every
                }
                failed => {
                    troubles = troubles.saturating_add(1);
                    let (what, asked) = match failed {
                        Ok(Err(error)) => (error.what, asked_to_wait(error.advice)),
                        _ => ("no answer came".to_owned(), None),
                    };
                    // said once: the next questions are about the same trouble
                    if troubles == 1 {
                        tracing::warn!(channel = name, "it is not known whether alerts were acknowledged: {what}");
                    }
                    let doubled = every.saturating_mul(1_u32.checked_shl(troubles.min(16)).unwrap_or(u32::MAX));
                    doubled.min(LONGEST_WAIT.max(every)).max(asked.unwrap_or_default())
                }
            };
            tokio::time::sleep(wait).await;
        }
    }

    /// Takes what a channel says, of the alerts it was asked about alone.
    async fn heard(&self, name: &str, asked: &[Unanswered], mut tokens: Vec<String>) -> Result<(), StoreError> {
        tokens.retain(|token| asked.iter().any(|one| one.token == *token));
        tokens.sort();
        tokens.dedup();
        if tokens.is_empty() {
            return Ok(());
        }
        tracing::info!(channel = name, count = tokens.len(), "acknowledged");
        let (by, now) = (By::Channel(name.to_owned()), self.clock.now());
        self.store
            .call(move |db| {
                for token in &tokens {
                    db.acknowledge(token, &by, now)?;
                }
                Ok(())
            })
            .await?;
        self.wake(Vec::new());
        Ok(())
    }

    /// Tells the channels of each alert that it was acknowledged, but not the one that said so. That it was done is
    /// written down afterwards: cut off in between, it is done again.
    async fn withdraw(&self) -> Result<Infallible, StoreError> {
        let mut changes = self.store.changes();
        loop {
            changes.borrow_and_update();
            for one in self.store.call(|db| db.to_withdraw()).await? {
                for took in one.rows {
                    let Some(channel) = self.channels.get(&took.channel) else { continue };
                    if one.by != By::Channel(took.channel.clone()).word() {
                        let one = unanswered(took);
                        // trouble shows nowhere: the service stops by itself when its time is up
                        let _ = tokio::time::timeout(LONGEST_CALL, channel.withdraw(&one)).await;
                    }
                }
                let now = self.clock.now();
                self.store.call(move |db| db.withdrawn(&one.told, now)).await?;
            }
            let _ = tokio::time::timeout(LOOK_EVERY, changes.changed()).await;
            tokio::time::sleep(LOOK_AT_MOST_EVERY).await;
        }
    }
}

fn unanswered(took: Took) -> Unanswered {
    Unanswered { token: took.token, receipt: took.receipt, accepted: took.accepted }
}

/// How long the other side asked to be left alone.
fn asked_to_wait(advice: Advice) -> Option<Duration> {
    match advice {
        Advice::Again(wait) => wait,
        // the shopper must do something first, or it never works: no hammering
        Advice::Ask | Advice::Never => Some(LONGEST_WAIT),
        Advice::LogInAgain | Advice::Unknown => None,
    }
}
