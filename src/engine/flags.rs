//! The flags of open cases: which are to be set or removed, and what a flag that was taken off says.

use super::{Engine, EngineError};
use crate::edge::store::Taken;
use crate::facts::OrderNumber;
use crate::ledger::{Case, Statement};
use crate::plan::{Wish, flag};
use jiff::{SignedDuration, Timestamp};
use std::collections::BTreeMap;
use std::time::Duration;
use tokio::time::Instant;

/// After something was written it is looked after so long whether it bears on flags: much is written together.
const LOOK_AFTER: Duration = Duration::from_secs(2);
/// Between two looks lies so many times what the last one took.
const REST: u32 = 20;
/// Between two looks when nothing was written.
const LOOK_EVERY: Duration = Duration::from_secs(300);
/// Cases also end by themselves, with time.
const AT_LEAST_EVERY: SignedDuration = SignedDuration::from_hours(1);

impl Engine {
    /// Plans flags whenever something new is known of orders, for ever.
    pub(super) async fn keep_flags(&self) -> Result<(), EngineError> {
        if self.policy.looks().is_none() {
            return std::future::pending().await;
        }
        let mut planned: Option<((i64, i64, i64), Timestamp)> = None;
        let mut changes = self.store.changes();
        loop {
            changes.borrow_and_update();
            let now = self.clock.now();
            let mark = self.store.call(|db| db.flag_mark()).await?;
            let fresh =
                planned.is_some_and(|(of, at)| of == mark && at <= now && now.duration_since(at) < AT_LEAST_EVERY);
            let begun = Instant::now();
            if !fresh {
                self.plan_flags().await?;
                planned = Some((mark, now));
            }
            // where thousands of orders wait, looking at them takes long, and others want the database meanwhile
            let rest = LOOK_AFTER.max(begun.elapsed().saturating_mul(REST)).min(LOOK_EVERY);
            let _ = tokio::time::timeout(LOOK_EVERY, changes.changed()).await;
            tokio::time::sleep(rest).await;
        }
    }

    /// Tells the ledger of flags that were taken off, each with its announcement, and then enters which flags are to be
    /// set or removed, by the cases as they are now. Called again it changes nothing. The caller holds the hand's lock.
    ///
    /// # Errors
    /// When the database refuses.
    pub async fn plan_flags(&self) -> Result<(), EngineError> {
        if self.policy.looks().is_none() {
            return Ok(());
        }
        let (mut cases, taken) = self.cases_and_taken().await?;
        if !taken.is_empty() {
            for one in taken {
                self.tell_taken(&cases, one).await?;
                // what one flag said may have answered the next
                cases = self.cases_and_taken().await?.0;
            }
        }
        let now = self.clock.now();
        let candidates = flag::candidates(&cases);
        let accounts: Vec<String> = self.mailboxes.iter().map(|mailbox| mailbox.account.name.clone()).collect();
        let known = self.store.call(move |db| db.flag_records(&candidates, &accounts)).await?;
        let flaggings = flag::flag(&cases, &known, &self.policy, now);
        if flaggings.is_empty() {
            return Ok(());
        }
        let entered = self.store.call(move |db| db.wish_flags(&flaggings, now)).await?;
        if entered > 0 {
            self.hand.wake(Vec::new());
        }
        Ok(())
    }

    async fn tell_taken(&self, cases: &BTreeMap<OrderNumber, Case>, taken: Taken) -> Result<(), EngineError> {
        let now = self.clock.now();
        let statements = flag::taken_off(cases, &taken.key, taken.since);
        let announced = |statement: &Statement| {
            let case = cases.get(&statement.order);
            case.map_or(Vec::new(), |case| flag::announce(statement, case, &self.policy, now))
        };
        let announcements: Vec<Wish> = statements.iter().flat_map(announced).collect();
        for statement in &statements {
            tracing::info!(order = %statement.order, "confirmed, by flag");
        }
        let alerts = self.store.call(move |db| db.tell_taken(&taken, &statements, &announcements, now)).await?;
        self.hand.wake(alerts);
        Ok(())
    }

    async fn cases_and_taken(&self) -> Result<(BTreeMap<OrderNumber, Case>, Vec<Taken>), EngineError> {
        let (settings, now) = (self.ledger.clone(), self.clock.now());
        self.store
            .call(move |db| Ok((db.lately_cancelled(&settings, now)?, db.taken_flags()?)))
            .await
            .map_err(EngineError::from)
    }
}
