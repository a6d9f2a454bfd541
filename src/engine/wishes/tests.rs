//! The list of wanted goods, saved, half-saved, broken and mended while it is followed.

use super::*;
use crate::edge::clock::Clock;
use crate::edge::config::Backlog;
use crate::edge::hand::Hand;
use crate::edge::store::{Db, Store};
use crate::engine::Rules;
use crate::plan::{Alert, Effect};
use crate::rules::RuleSet;
use jiff::Timestamp;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;

struct Desk {
    folder: tempfile::TempDir,
    engine: Engine,
}

fn desk() -> Desk {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("wanted.toml");
    let store = Store::inline(Arc::new(Mutex::new(Db::in_memory().unwrap())));
    let clock = Clock::simulated(Timestamp::from_second(1_780_000_000).unwrap());
    let engine = Engine {
        hand: Hand::new(store.clone(), clock.clone(), BTreeMap::new(), []),
        store,
        clock,
        rules: Rules::fixed(RuleSet::shipped()).with_wanted(file, None, Wanted::default()),
        policy: Policy { channels: vec!["phone".to_owned()], ..Policy::default() },
        backlog: Backlog::Leave,
        own_addresses: BTreeSet::new(),
        mailboxes: Vec::new(),
        ledger: crate::ledger::due::Settings::default(),
        hot: crate::plan::hot::Hours::default(),
    };
    Desk { folder, engine }
}

impl Desk {
    fn save(&self, text: &str) {
        std::fs::write(self.folder.path().join("wanted.toml"), text).unwrap();
    }

    fn wants(&self) -> Vec<String> {
        self.engine.policy().wanted.wanted.iter().map(crate::plan::wanted::Entry::title).collect()
    }

    async fn alerts(&self) -> Vec<Alert> {
        let rows = self.engine.store.call(|db| db.outbox()).await.unwrap();
        let alert = |effect| match effect {
            Effect::Alert { alert, .. } => alert,
            other => panic!("nothing but alerts: {other:?}"),
        };
        rows.into_iter().map(|row| alert(row.effect)).collect()
    }

    async fn follow(&self, story: impl Future<Output = ()>) {
        tokio::select! {
            biased;
            ended = self.engine.follow_wishes() => panic!("ended: {ended:?}"),
            () = story => {}
        }
    }
}

async fn seconds(seconds: u64) {
    tokio::time::sleep(Duration::from_secs(seconds)).await;
}

#[tokio::test(start_paused = true)]
async fn what_is_saved_counts_and_what_is_broken_is_told_once() {
    let desk = desk();
    let story = async {
        seconds(3).await;
        assert_eq!(desk.wants(), Vec::<String>::new());
        desk.save("[[wanted]]\nname = \"ケトル\"\n");
        seconds(3).await;
        assert_eq!(desk.wants(), ["ケトル"]);
        assert_eq!(desk.alerts().await.len(), 0);
        for _ in 0..2 {
            desk.save("[[wanted]]\nnmae = \"ケトル 急須\"\n");
            seconds(6).await;
        }
        assert_eq!(desk.wants(), ["ケトル"], "the list from before counts");
        let told = desk.alerts().await;
        assert_eq!(told.len(), 1);
        assert!(told[0].title.contains("ほしい商品") && told[0].body.contains("wanted.toml 2行目"), "{told:?}");
        desk.save("[[wanted]]\nname = \"急須\"\n");
        seconds(3).await;
        assert_eq!(desk.wants(), ["急須"]);
        // gone is not the same as empty: a disk may be missing
        std::fs::remove_file(desk.folder.path().join("wanted.toml")).unwrap();
        seconds(6).await;
        assert_eq!((desk.wants(), desk.alerts().await.len()), (vec!["急須".to_owned()], 2));
        desk.save("");
        seconds(3).await;
        assert_eq!(desk.wants(), Vec::<String>::new());
    };
    desk.follow(story).await;
}
