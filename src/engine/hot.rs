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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::edge::clock::Clock;
    use crate::edge::config::Backlog;
    use crate::edge::hand::Hand;
    use crate::edge::store::{Db, OldMail, Store};
    use crate::engine::Rules;
    use crate::facts::Item;
    use crate::ledger::{Event, EventKind};
    use crate::mailbox::MailKey;
    use crate::plan::Policy;
    use crate::plan::hot::Hours;
    use crate::plan::wanted::Wanted;
    use crate::rules::{RuleSet, Source};
    use std::collections::{BTreeMap, BTreeSet};
    use std::sync::{Arc, Mutex};

    fn at(text: &str) -> Timestamp {
        format!("2026-11-28T{text}+09:00").parse().unwrap()
    }

    /// A mail announces a kettle at 20:00 and a teapot at 20:30; announced sales alone do not count.
    async fn hot_at(list: &str, looks: &[&str]) -> Vec<bool> {
        let clock = Clock::simulated(at("19:55:00"));
        let store = Store::inline(Arc::new(Mutex::new(Db::in_memory().unwrap())));
        let sale = |from: &str, name: &str| {
            let key = MailKey::of(name.as_bytes());
            let items = vec![Item { name: name.into(), ..Item::default() }];
            let event = Event {
                shop_code: Some("uminoya".into()),
                ..Event::of(name, at("12:00:00"), EventKind::Resale { from: at(from), items })
            };
            OldMail { key, events: vec![event], keep_trusted: false, mails: None }
        };
        let mails = vec![sale("20:00:00", "琺瑯ケトル"), sale("20:30:00", "急須")];
        store.call(move |db| db.import(&mails)).await.unwrap();
        let wanted = Wanted::parse(&Source::new("wanted.toml", list)).unwrap();
        let engine = Engine {
            hand: Hand::new(store.clone(), clock.clone(), BTreeMap::new(), []),
            store,
            clock,
            rules: Rules::fixed(RuleSet::shipped()).with_wanted("nowhere".into(), None, wanted),
            policy: Policy::default(),
            backlog: Backlog::Leave,
            own_addresses: BTreeSet::new(),
            mailboxes: Vec::new(),
            ledger: crate::ledger::due::Settings::default(),
            hot: Hours { announced: None, ..Hours::default() },
        };
        let hot = tokio::sync::watch::Sender::new(None);
        let mut seen = Vec::new();
        let story = async {
            for look in looks {
                let wait = at(look).duration_since(engine.clock.now());
                tokio::time::sleep(Duration::try_from(wait).unwrap()).await;
                seen.push(hot.borrow().is_some());
            }
        };
        tokio::select! {
            biased;
            ended = engine.keep_hot(&hot) => panic!("ended: {ended:?}"),
            () = story => {}
        }
        seen
    }

    #[tokio::test(start_paused = true)]
    async fn a_sale_of_wanted_goods_opens_the_window_even_when_others_do_not() {
        let looks = ["19:59:30", "19:59:45", "20:04:30", "20:06:00", "20:30:01", "20:40:01"];
        assert_eq!(hot_at("", &looks).await, [false; 6]);
        let kettle = "[[wanted]]\nname = \"ケトル\"\n";
        assert_eq!(hot_at(kettle, &looks).await, [false, true, true, false, false, false]);
        let written_down = "[[wanted]]\nname = \"皿\"\nfrom = \"2026-11-28 20:40\"\n";
        assert_eq!(hot_at(written_down, &looks).await, [false, false, false, false, false, true]);
    }
}
