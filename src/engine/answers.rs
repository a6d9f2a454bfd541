//! Alerts that await their acknowledgement: told again when it is time, and the channels asked whether it came.

use super::{Engine, EngineError};
use crate::edge::config::Config;
use crate::edge::hand::HandLock;
use crate::edge::web::{self, Behind, Carry, Orders, Pages};
use crate::plan::answer;
use crate::plan::calendar_file::Wishes;
use futures_util::future::try_join;
use std::sync::Arc;
use std::time::Duration;

/// Between two looks at what awaits, however much is written.
const LOOK_AT_MOST_EVERY: Duration = Duration::from_millis(500);
/// Between two looks when nothing was written: a machine that slept, or whose clock was set, is noticed by then.
const LOOK_EVERY: Duration = Duration::from_secs(15);

impl Engine {
    /// Repeats alerts until they are acknowledged, for ever.
    ///
    /// # Errors
    /// When the database refuses.
    pub(super) async fn follow_answers(&self) -> Result<(), EngineError> {
        if self.policy.repeat.is_none() {
            return std::future::pending().await;
        }
        let hear = async { self.hand.hear().await.map(|never| match never {}).map_err(EngineError::from) };
        try_join(self.repeat(), hear).await.map(|((), ())| ())
    }

    /// Serves the dashboard and the page with the button where the configuration names an address, for ever.
    ///
    /// # Errors
    /// When the database refuses.
    pub(super) async fn serve_pages(&self, config: Option<&Arc<Config>>) -> Result<(), EngineError> {
        let Some((config, web)) = config.and_then(|config| Some((config, config.web.as_ref()?))) else {
            return std::future::pending().await;
        };
        match web::serve(web, self.pages(config)).await? {}
    }

    /// What pages are made from.
    #[must_use]
    pub fn pages(&self, config: &Arc<Config>) -> Pages {
        Pages {
            store: self.store.clone(),
            clock: self.clock.clone(),
            wording: self.policy.wording.clone(),
            language: self.policy.language,
            orders: self.orders(),
            behind: Some(Behind { config: Arc::clone(config), holder: HandLock::holder }),
            rules: {
                let (rules, only_wanted) = (self.rules.clone(), self.policy.only_wanted);
                self.rules.in_use().wishing(move || Wishes { wanted: rules.wishes().now(), only_wanted })
            },
        }
    }

    /// What pages of orders are made from. What is written down there is carried out at once: the lanes are woken, who
    /// follows the changes of the database hears of it by itself.
    fn orders(&self) -> Orders {
        let hand = self.hand.clone();
        let carry = Carry::by(move || {
            hand.wake(Vec::new());
            true
        });
        Orders::new(self.ledger.clone(), self.policy.replies.clone())
            .carried_out(carry)
            .copying(self.hand.keeps_copies())
    }

    async fn repeat(&self) -> Result<(), EngineError> {
        let mut changes = self.store.changes();
        loop {
            changes.borrow_and_update();
            let now = self.clock.now();
            let (hand, policy) = (self.hand.clone(), self.policy.clone());
            let looked = self.store.call(move |db| {
                // an attempt that failed after the acknowledgement
                let closed = db.close_answered(false, now)?;
                let (alerts, next) = db.repeat(now, |awaiting, went| {
                    answer::again(awaiting, went, &hand.repeating(&awaiting.alert), &policy, now)
                })?;
                Ok((closed, alerts, next))
            });
            let (closed, alerts, next) = looked.await?;
            if closed > 0 || !alerts.is_empty() {
                self.hand.wake(alerts);
            }
            let left = next.map(|next| Duration::try_from(next.duration_since(self.clock.now())).unwrap_or_default());
            let wait = left.unwrap_or(LOOK_EVERY).clamp(LOOK_AT_MOST_EVERY, LOOK_EVERY);
            tokio::time::sleep(LOOK_AT_MOST_EVERY).await;
            let _ = tokio::time::timeout(wait - LOOK_AT_MOST_EVERY, changes.changed()).await;
        }
    }
}
