//! Opens and ends hot windows: every watch is told, and the day's hot time is counted.

use super::{Engine, EngineError};
use crate::edge::imap::Hot;
use crate::plan::hot::{Resale, Sales};
use jiff::{SignedDuration, Timestamp};
use std::time::Duration;
use tokio::sync::watch::Sender;

/// Between two looks for announced sales.
const LOOK_EVERY: SignedDuration = SignedDuration::from_secs(30);
/// Between two looks at the clock while it is hot.
const STEP: Duration = Duration::from_secs(1);
/// What was used is written down so often while it is hot.
const KEEP_EVERY: SignedDuration = SignedDuration::from_secs(60);

impl Engine {
    /// Tells watches for ever when it is hot.
    ///
    /// # Errors
    /// When the database refuses.
    pub(super) async fn keep_hot(&self, hot: &Sender<Option<Hot>>) -> Result<(), EngineError> {
        let every = Duration::try_from(self.hot.every).unwrap_or(Duration::from_secs(1));
        let begun = self.clock.now();
        let mut used = self.store.call(move |db| db.hot_used(begun)).await?;
        let mut kept = begun;
        let mut announced: Vec<Resale> = Vec::new();
        let mut asked: Option<Timestamp> = None;
        let mut last: Option<Timestamp> = None;
        loop {
            let now = self.clock.now();
            if let Some(last) = last {
                // a machine that slept meanwhile did not ask anybody
                used = used.and(now.duration_since(last).min(SignedDuration::from_secs(5)), now);
            }
            let wanted = self.rules.wishes().now();
            let counts = self.hot.announced.is_some() || !wanted.wanted.is_empty();
            if counts && asked.is_none_or(|asked| now.duration_since(asked).abs() >= LOOK_EVERY) {
                announced = self.store.call(move |db| db.sales(now)).await?;
                asked = Some(now);
            }
            let sales = Sales::of(&announced, &wanted, now);
            let until = self.hot.hot_until(&sales, now).filter(|_| !used.left(&self.hot).is_zero());
            let changed = hot.send_if_modified(|told| {
                let now = until.map(|_| Hot { every });
                std::mem::replace(told, now) != now
            });
            if changed && until.is_some() {
                self.hand.expect_alerts();
            }
            if changed {
                match until {
                    Some(until) => {
                        tracing::info!(until = %crate::calendar::rfc3339(until), "hot: mailboxes are asked all the time")
                    }
                    None => tracing::info!(used_s = used.time.as_secs(), "no longer hot"),
                }
            }
            if (changed && until.is_none()) || (until.is_some() && now.duration_since(kept) >= KEEP_EVERY) {
                self.store.call(move |db| db.keep_hot_used(used)).await?;
                kept = now;
            }
            last = until.map(|_| now);
            let next = match until {
                Some(until) => until,
                None => self.hot.next(&sales, now).unwrap_or(Timestamp::MAX),
            };
            let most = if until.is_some() { STEP } else { Duration::try_from(LOOK_EVERY).unwrap_or(STEP) };
            let wait = Duration::try_from(next.duration_since(now)).unwrap_or_default();
            tokio::time::sleep(wait.clamp(Duration::from_millis(10), most)).await;
        }
    }
}
