//! What is kept back: told when its time has come, all of it in one alert.

use super::{Engine, EngineError};
use crate::plan::summary;
use std::time::Duration;

/// Between two looks, however much is written.
const LOOK_AT_MOST_EVERY: Duration = Duration::from_secs(1);
/// Between two looks while something is kept back: a machine that slept, or whose clock was set, is noticed by then.
const LOOK_EVERY: Duration = Duration::from_secs(30);

impl Engine {
    /// Tells what a sweep kept back: nothing more will come that could be told with it.
    ///
    /// # Errors
    /// When the database refuses.
    pub async fn tell_what_a_sweep_kept_back(&self) -> Result<(), EngineError> {
        let (now, policy) = (self.clock.now(), self.policy.clone());
        let tell = move |kept: &[summary::Kept]| summary::on_last(kept, &policy, now);
        let (_, alerts) = self.store.call(move |db| db.tell_kept_back(now, tell)).await?;
        self.hand.wake(alerts);
        Ok(())
    }

    /// Tells for ever what was kept back.
    ///
    /// # Errors
    /// When the database refuses.
    pub(super) async fn tell_kept_back(&self) -> Result<(), EngineError> {
        let mut changes = self.store.changes();
        loop {
            changes.borrow_and_update();
            let now = self.clock.now();
            let policy = self.policy.clone();
            let tell = move |kept: &[summary::Kept]| summary::on_held(kept, &policy, now);
            let (kept, alerts) = self.store.call(move |db| db.tell_kept_back(now, tell)).await?;
            if !alerts.is_empty() {
                tracing::info!(alerts = alerts.len(), left = kept.len(), "what was kept back is told");
                self.hand.wake(alerts);
            }
            // what has come and is not told waits for something else: quiet hours, a channel
            let next = summary::next(&kept, &self.policy).filter(|next| *next > now);
            let left = next.map(|next| Duration::try_from(next.duration_since(now)).unwrap_or_default());
            tokio::time::sleep(LOOK_AT_MOST_EVERY).await;
            if kept.is_empty() {
                // nothing comes by itself
                let _ = changes.changed().await;
                continue;
            }
            let left = left.unwrap_or(LOOK_EVERY).min(LOOK_EVERY).saturating_sub(LOOK_AT_MOST_EVERY);
            let _ = tokio::time::timeout(left, changes.changed()).await;
        }
    }
}
