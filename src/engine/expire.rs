//! Lets go of words that are kept no longer: once a day, at an hour when least happens, a piece at a time, so that an alert
//! never waits for it.

use super::{Engine, EngineError};
use crate::calendar;
use crate::edge::store::{Carry, Expired, Piece, StoreError};
use crate::ledger::Keep;
use jiff::Timestamp;
use jiff::civil::Time;
use std::time::Duration;

/// Tokyo time: no sale begins then, and no shop writes.
const HOUR: i8 = 4;
/// After a start the first look waits so long: what came meanwhile is sorted first.
const FIRST: Duration = Duration::from_secs(600);
/// Between two pieces.
const BREATH: Duration = Duration::from_millis(200);
/// A file up to this size is written anew afterwards, in bytes: an alert waits for it, for a moment, on days when something
/// went. A larger one is left to `modori ledger expire`.
const ANEW: u64 = 32 * 1024 * 1024;

impl Engine {
    /// Lets go of what is kept no longer, once a day for ever.
    pub(super) async fn let_go(&self, keep: Option<Keep>) -> Result<(), EngineError> {
        let Some(keep) = keep else { return std::future::pending().await };
        tokio::time::sleep(FIRST).await;
        loop {
            // nothing hangs on it: what could not be done today is done tomorrow
            match self.expire(keep).await {
                Ok(expired) if expired.is_none() => {}
                Ok(expired) => tracing::info!(
                    excerpts = expired.excerpts,
                    reasons = expired.reasons,
                    letters = expired.letters,
                    alerts = expired.alerts,
                    "words that are kept no longer are gone"
                ),
                Err(error) => tracing::warn!("words are kept longer than they should: {error}"),
            }
            tokio::time::sleep(until_next(self.clock.now())).await;
        }
    }

    /// Everything once. Called again it changes nothing.
    ///
    /// # Errors
    /// When the database refuses; what was done before stays done.
    pub async fn expire(&self, keep: Keep) -> Result<Expired, StoreError> {
        let mut all = Expired::default();
        let mut next = Some(Piece::default());
        while let Some(piece) = next {
            let (settings, now) = (self.ledger.clone(), self.clock.now());
            let (found, after) = self.store.call(move |db| db.expire(&piece, keep, &settings, Carry::Out, now)).await?;
            all = all.and(found);
            next = after;
            tokio::time::sleep(BREATH).await;
        }
        let now = self.clock.now();
        self.store
            .call(move |db| {
                db.forget_copy(keep, now);
                // also what an earlier run could not bring to its end
                if db.owes_tidying()? {
                    let anew = db.size()? <= ANEW;
                    db.tidy(anew)?;
                }
                Ok(())
            })
            .await?;
        Ok(all)
    }
}

/// How long it is until the next time that is the hour.
fn until_next(now: Timestamp) -> Duration {
    let civil = calendar::civil(now);
    let today = calendar::instant(civil.date().to_datetime(Time::constant(HOUR, 0, 0, 0)));
    let tomorrow = civil.date().tomorrow().map(|day| calendar::instant(day.to_datetime(Time::constant(HOUR, 0, 0, 0))));
    let next = if today > now { today } else { tomorrow.unwrap_or(now) };
    Duration::try_from(next.duration_since(now)).unwrap_or_default().max(Duration::from_secs(60))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hour_comes_once_a_day() {
        for (now, hours) in [("2026-11-25T18:59:00Z", 0), ("2026-11-25T19:00:00Z", 24), ("2026-11-26T03:00:00Z", 16)] {
            let wait = until_next(now.parse().unwrap());
            assert_eq!(wait.as_secs() / 3600, hours, "{now}");
            assert!(wait >= Duration::from_secs(60));
        }
    }
}
