//! Time as a cause: orders are looked at when something new is known of them and when their time has come.

use super::{Engine, EngineError};
use crate::edge::store::{Enter, Told};
use crate::ledger;
use crate::plan;
use jiff::{SignedDuration, Timestamp};
use std::time::Duration;
use tokio::sync::watch::Receiver;

/// Most orders of one transaction.
const ORDERS: u32 = 500;
/// Between two looks at the list of appointments, however much is written.
const LOOK_AT_MOST_EVERY: Duration = Duration::from_secs(1);
/// Between two looks when nothing was written: a machine that slept, or whose clock was set, is noticed by then.
const LOOK_EVERY: Duration = Duration::from_secs(15);
/// So long the first look at the mailboxes is waited for.
const WAIT_FOR_MAIL: Duration = Duration::from_secs(60);
/// So often it is written down that deadlines are looked at.
const BEAT_EVERY: SignedDuration = SignedDuration::from_mins(5);

impl Engine {
    /// Keeps appointments for ever. It begins when every mailbox was looked through once, or soon after if one cannot
    /// be: a mail that came while nothing ran may say that nothing is outstanding any more.
    ///
    /// # Errors
    /// When the database refuses.
    pub(super) async fn follow_time(&self, mut unread: Receiver<usize>) -> Result<(), EngineError> {
        let _ = tokio::time::timeout(WAIT_FOR_MAIL, unread.wait_for(|left| *left == 0)).await;
        let mut beaten: Option<Timestamp> = None;
        // what passed while modori did not run is told by the first round, however many orders that takes
        let mut last = self.store.call(|db| db.pulse()).await?;
        let mut changes = self.store.changes();
        loop {
            changes.borrow_and_update();
            let now = self.clock.now();
            // a clock that was ahead had orders looked at too early, or held lapsed that are not
            if last.is_some_and(|last| last.duration_since(now) > BEAT_EVERY) {
                tracing::warn!("the clock was set back: every order is looked at again");
                self.store.call(|db| db.rebuild()).await?;
            }
            while self.remind(last, now).await? {}
            if beaten.is_none_or(|beaten| now.duration_since(beaten).abs() >= BEAT_EVERY) {
                self.remind_of_coupons(now).await?;
                self.store.call(move |db| db.beat(now)).await?;
                beaten = Some(now);
            }
            last = Some(now);
            tokio::time::sleep(LOOK_AT_MOST_EVERY).await;
            let next = self.store.call(|db| db.next_wake()).await?.filter(|_| self.policy.tells());
            let left = next.map(|next| Duration::try_from(next.duration_since(self.clock.now())).unwrap_or_default());
            let _ = tokio::time::timeout(left.unwrap_or(LOOK_EVERY).min(LOOK_EVERY), changes.changed()).await;
        }
    }

    /// Looks at orders whose time has come; `true` when there may be more of them.
    async fn remind(&self, last: Option<Timestamp>, now: Timestamp) -> Result<bool, EngineError> {
        let (settings, policy) = (self.ledger.clone(), self.policy.clone());
        let kept = self
            .store
            .call(move |db| {
                // without a channel nobody can be told: what is due waits for one
                if !policy.tells() || db.next_wake()?.is_none_or(|at| at > now) {
                    return Ok(None);
                }
                let warn = |(events, statements): &Told| {
                    let cases = ledger::cases(events, statements, &settings, now);
                    let shops = ledger::shops(events, &cases, &settings, now);
                    plan::warn(&cases, &shops, &settings, &policy, now)
                };
                let tell = |cases: &_, kept: &_, enter: &mut Enter<'_>| {
                    let mut letters = plan::on_owner::letters_due(cases, kept, &settings, &policy, now);
                    letters.wishes.retain(|wish| enter(wish));
                    let cases = plan::on_owner::with_letters(cases, kept, &letters.wishes);
                    (plan::on_time(&cases, last, &settings, &policy, now), letters.later)
                };
                let together = |several: &[&plan::Due]| plan::on_time::together(several, &policy, now);
                db.keep_appointments(&settings, ORDERS, now, warn, tell, together).map(Some)
            })
            .await?;
        let Some(kept) = kept else { return Ok(false) };
        self.hand.wake(kept.alerts);
        Ok(kept.orders > 0)
    }

    /// Coupons that belong to no order.
    async fn remind_of_coupons(&self, now: Timestamp) -> Result<(), EngineError> {
        let (settings, policy) = (self.ledger.clone(), self.policy.clone());
        let Some(longest) = settings.remind.coupon_hours.iter().max().copied() else { return Ok(()) };
        let until = now.checked_add(SignedDuration::from_hours(i64::from(longest))).unwrap_or(Timestamp::MAX);
        let alerts = self
            .store
            .call(move |db| {
                let mut owned = ledger::coupon::owned(&db.coupons_ending(now, until)?);
                // one that a mail links to an order is told with its order
                owned.retain(|one| one.order.is_none());
                let due = plan::on_time::on_coupons(&owned, &settings, &policy, now);
                if due.is_empty() {
                    return Ok(Vec::new());
                }
                db.remind(&due, |several| plan::on_time::together(several, &policy, now), now)
            })
            .await?;
        self.hand.wake(alerts);
        Ok(())
    }
}
