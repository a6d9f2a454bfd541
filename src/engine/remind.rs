//! Time as a cause: orders are looked at when something new is known of them and when their time has come.

use super::{Engine, EngineError};
use crate::edge::store::Telling;
use crate::plan;
use jiff::{SignedDuration, Timestamp};
use std::time::Duration;

/// Most orders of one transaction.
const ORDERS: u32 = 500;
/// Between two looks at the list of appointments: what another process wrote is found by then.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// So often it is written down that deadlines are looked at.
const BEAT_EVERY: SignedDuration = SignedDuration::from_mins(5);

impl Engine {
    /// Keeps appointments for ever.
    ///
    /// # Errors
    /// When the database refuses.
    pub(super) async fn follow_time(&self) -> Result<(), EngineError> {
        let mut beaten: Option<Timestamp> = None;
        // what passed while modori did not run is told by the first round, however many orders that takes
        let mut last = self.store.call(|db| db.pulse()).await?;
        loop {
            let now = self.clock.now();
            while self.remind(last, now).await? {}
            if beaten.is_none_or(|beaten| now.duration_since(beaten).abs() >= BEAT_EVERY) {
                self.store.call(move |db| db.beat(now)).await?;
                beaten = Some(now);
            }
            last = Some(now);
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }

    /// Looks at orders whose time has come; `true` when there may be more of them.
    async fn remind(&self, last: Option<Timestamp>, now: Timestamp) -> Result<bool, EngineError> {
        let (settings, policy) = (self.ledger.clone(), self.policy.clone());
        let kept = self
            .store
            .call(move |db| {
                if db.next_wake()?.is_none_or(|at| at > now) {
                    return Ok(None);
                }
                let tell = |cases: &_| Telling {
                    due: plan::on_time(cases, last, &settings, &policy, now),
                    besides: Vec::new(),
                };
                let together = |several: &[&plan::Due]| plan::on_time::together(several, &policy, now);
                db.keep_appointments(&settings, ORDERS, now, tell, together).map(Some)
            })
            .await?;
        let Some(kept) = kept else { return Ok(false) };
        self.hand.wake(kept.alerts);
        Ok(kept.orders > 0)
    }
}
