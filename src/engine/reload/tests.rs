//! Rules that are saved, half-saved, broken and mended while they are followed.

use super::*;
use crate::edge::clock::Clock;
use crate::edge::config::Backlog;
use crate::edge::hand::Hand;
use crate::edge::store::{Db, Store};
use crate::engine::{Own, Rules};
use crate::plan::{Alert, Effect, Policy};
use jiff::Timestamp;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};

struct Desk {
    folder: tempfile::TempDir,
    engine: Engine,
}

const EXAMPLE: &str = "[[example]]\nfrom = \"a@shop.rakuten.co.jp\"\nsubject = \"てすと\"\n";

fn file(folder: &str) -> String {
    format!("category = \"mine\"\nfolder = \"{folder}\"\n[[rule]]\nname = \"my rule\"\nsubject = \"てすと\"\n{EXAMPLE}")
}

fn desk() -> Desk {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().to_path_buf();
    std::fs::write(path.join("mine.toml"), file("A")).unwrap();
    let own = sources(&path).unwrap();
    let rules = RuleSet::load(&own).unwrap();
    let store = Store::inline(Arc::new(Mutex::new(Db::in_memory().unwrap())));
    let clock = Clock::simulated(Timestamp::from_second(1_780_000_000).unwrap());
    let engine = Engine {
        hand: Hand::new(store.clone(), clock.clone(), BTreeMap::new(), []),
        store,
        clock,
        rules: Rules::of_folder(path, own, rules),
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
    fn save(&self, name: &str, text: &str) {
        std::fs::write(self.folder.path().join(name), text).unwrap();
    }

    /// Follows the folder while a story is told.
    async fn follow(&self, story: impl Future<Output = ()>) {
        tokio::select! {
            biased;
            ended = self.engine.follow_rules() => panic!("ended: {ended:?}"),
            () = story => {}
        }
    }

    fn uses(&self, folder: &str) -> bool {
        self.engine.rules.shared().folders().contains(&folder)
    }

    async fn alerts(&self) -> Vec<Alert> {
        let rows = self.engine.store.call(|db| db.outbox()).await.unwrap();
        let alert = |effect| match effect {
            Effect::Alert { alert, .. } => alert,
            other => panic!("nothing but alerts: {other:?}"),
        };
        rows.into_iter().map(|row| alert(row.effect)).collect()
    }
}

async fn seconds(seconds: f64) {
    tokio::time::sleep(Duration::from_secs_f64(seconds)).await;
}

#[tokio::test(start_paused = true)]
async fn what_is_saved_is_used() {
    let desk = desk();
    let story = async {
        seconds(3.0).await;
        assert!(desk.uses("A"));
        desk.save("mine.toml", &file("B"));
        seconds(3.0).await;
        assert!(desk.uses("B") && !desk.uses("A"));
        // as editors do: a file beside it, then renamed over it
        desk.save(".mine.toml.swp", &file("no"));
        desk.save("mine.toml~", &file("C"));
        seconds(3.0).await;
        assert!(desk.uses("B"));
        std::fs::rename(desk.folder.path().join("mine.toml~"), desk.folder.path().join("mine.toml")).unwrap();
        seconds(3.0).await;
        assert!(desk.uses("C") && !desk.uses("no"));
        std::fs::remove_file(desk.folder.path().join("mine.toml")).unwrap();
        seconds(3.0).await;
        assert!(!desk.uses("C"), "a rule file that was removed is no longer used");
        assert_eq!(desk.alerts().await, []);
    };
    desk.follow(story).await;
}

#[tokio::test(start_paused = true)]
async fn what_is_broken_is_told_once_and_the_old_rules_stay() {
    let desk = desk();
    let broken = file("B").replace("subject =", "subjcet =");
    let story = async {
        desk.save("mine.toml", &broken);
        seconds(10.0).await;
        assert!(desk.uses("A") && !desk.uses("B"));
        let alerts = desk.alerts().await;
        assert_eq!(alerts.len(), 1);
        assert_eq!(alerts[0].details["file"], "mine.toml");
        assert_eq!((&alerts[0].details["line"], &alerts[0].details["column"]), (&5.into(), &1.into()));
        assert!(alerts[0].body.contains("subjcet"), "{}", alerts[0].body);
        // saved again as it was, and another file beside it
        desk.save("mine.toml", &broken);
        desk.save("other.toml", "# nothing yet\n");
        seconds(10.0).await;
        assert_eq!(desk.alerts().await.len(), 1, "the same fault is told once");
        desk.save("mine.toml", &format!("{broken}\nand = more\n"));
        seconds(10.0).await;
        assert_eq!(desk.alerts().await.len(), 2, "another fault is another alert");
        desk.save("mine.toml", &file("B"));
        seconds(10.0).await;
        assert!(desk.uses("B"));
        desk.save("mine.toml", &broken);
        seconds(10.0).await;
        assert!(desk.uses("B"));
        assert_eq!(desk.alerts().await.len(), 2);
    };
    desk.follow(story).await;
}

#[tokio::test(start_paused = true)]
async fn an_example_that_fails_keeps_the_rules_out() {
    let desk = desk();
    let story = async {
        desk.save("mine.toml", &file("B").replace("subject = \"てすと\"\n[[", "subject = \"べつ\"\n[["));
        seconds(10.0).await;
        assert!(desk.uses("A") && !desk.uses("B"));
        assert_eq!(desk.alerts().await.len(), 1);
    };
    desk.follow(story).await;
}

#[tokio::test(start_paused = true)]
async fn what_is_half_written_raises_no_alarm_and_is_not_used() {
    let desk = desk();
    let whole = file("B");
    let story = async {
        seconds(0.9).await;
        desk.save("mine.toml", ""); // a file without rules is a good one, but not what is being saved
        seconds(0.2).await;
        desk.save("mine.toml", &whole[..60]);
        seconds(0.3).await;
        assert!(desk.uses("A"));
        seconds(1.5).await;
        desk.save("mine.toml", &whole);
        seconds(5.0).await;
        assert!(desk.uses("B"));
        assert_eq!(desk.alerts().await, []);
    };
    desk.follow(story).await;
}

#[tokio::test(start_paused = true)]
async fn a_folder_that_cannot_be_read_changes_nothing() {
    let desk = desk();
    let story = async {
        std::fs::write(desk.folder.path().join("mine.toml"), b"# \xff\n").unwrap();
        seconds(5.0).await;
        let first = desk.alerts().await;
        assert_eq!(first.len(), 1);
        assert!(first[0].body.contains("mine.toml is not UTF-8"), "{}", first[0].body);
        let home = desk.folder.path().display().to_string();
        assert!(!first[0].body.contains(&home), "an alert needs no home directory: {}", first[0].body);
        std::fs::remove_dir_all(desk.folder.path()).unwrap();
        seconds(5.0).await;
        assert!(desk.uses("A"));
        assert_eq!(desk.alerts().await.len(), 2);
        std::fs::create_dir(desk.folder.path()).unwrap();
        desk.save("mine.toml", &file("B"));
        seconds(5.0).await;
        assert!(desk.uses("B"));
    };
    desk.follow(story).await;
}

#[tokio::test(start_paused = true)]
async fn what_was_saved_between_the_reading_and_the_first_look_is_seen() {
    let desk = desk();
    desk.save("mine.toml", &file("B"));
    let story = async {
        seconds(3.0).await;
        assert!(desk.uses("B"));
    };
    desk.follow(story).await;
}

/// An account of her own rules beside the shared ones.
struct Two {
    desk: Desk,
    own: tempfile::TempDir,
}

fn two() -> Two {
    let mut desk = desk();
    let own = tempfile::tempdir().unwrap();
    let path = own.path().to_path_buf();
    std::fs::write(path.join("phone.toml"), "category = \"mine\"\nfolder = \"P\"\n").unwrap();
    let files = sources(&path).unwrap();
    let own_rules = Own { files: Some((path, files)), folders: None };
    desk.engine.rules = desk.engine.rules.clone().with_account("phone", own_rules).unwrap();
    Two { desk, own }
}

impl Two {
    fn save(&self, text: &str) {
        std::fs::write(self.own.path().join("phone.toml"), text).unwrap();
    }

    /// Where mail of the category goes: of all, and of the account.
    fn folders(&self) -> (Option<String>, Option<String>) {
        let of = |rules: Arc<RuleSet>| rules.folders_by_category().get("mine").map(|folder| (*folder).to_owned());
        (of(self.desk.engine.rules.of("pc")), of(self.desk.engine.rules.of("phone")))
    }
}

fn both(all: &str, account: &str) -> (Option<String>, Option<String>) {
    (Some(all.to_owned()), Some(account.to_owned()))
}

#[tokio::test(start_paused = true)]
async fn an_account_follows_its_own_folder_and_the_one_that_all_share() {
    let two = two();
    let story = async {
        seconds(3.0).await;
        assert_eq!(two.folders(), both("A", "P"));
        two.save("category = \"mine\"\nfolder = \"Q\"\n");
        seconds(3.0).await;
        assert_eq!(two.folders(), both("A", "Q"));
        two.desk.save("mine.toml", &file("B"));
        seconds(3.0).await;
        assert_eq!(two.folders(), both("B", "Q"));
        std::fs::remove_file(two.own.path().join("phone.toml")).unwrap();
        seconds(3.0).await;
        assert_eq!(two.folders(), both("B", "B"), "what all share counts for it, too");
        assert_eq!(two.desk.alerts().await, []);
    };
    two.desk.follow(story).await;
}

#[tokio::test(start_paused = true)]
async fn what_is_broken_of_one_account_is_told_with_its_name_and_bears_on_no_other() {
    let two = two();
    let broken = "category = \"mine\"\nfolder = \"Q\"\n[[rule]]\nname = \"x\"\nsubjcet = \"y\"\n";
    let trouble = || async { two.desk.engine.store.call(|db| db.last_watch()).await.unwrap().unwrap().rules_trouble };
    two.desk.engine.resume(None, false).await.unwrap();
    let story = async {
        two.save(broken);
        seconds(10.0).await;
        assert_eq!(two.folders(), both("A", "P"));
        let alerts = two.desk.alerts().await;
        assert_eq!(alerts.len(), 1);
        assert_eq!(
            (&alerts[0].details["account"], &alerts[0].details["file"]),
            (&"phone".into(), &"phone.toml".into())
        );
        assert!(alerts[0].body.contains("phone") && alerts[0].body.contains("subjcet"), "{}", alerts[0].body);
        // what all share is used at once, and what is wrong elsewhere stays written down
        two.desk.save("mine.toml", &file("B"));
        seconds(10.0).await;
        assert_eq!(two.folders(), both("B", "P"));
        assert!(trouble().await.unwrap().starts_with("account phone: "), "{:?}", trouble().await);
        two.save("category = \"mine\"\nfolder = \"Q\"\n");
        seconds(10.0).await;
        assert_eq!(two.folders(), both("B", "Q"));
        assert_eq!(trouble().await, None);
        assert_eq!(two.desk.alerts().await.len(), 1);
    };
    two.desk.follow(story).await;
}

#[tokio::test(start_paused = true)]
async fn what_is_broken_of_what_all_share_is_told_once_and_names_no_account() {
    let two = two();
    let story = async {
        two.desk.save("mine.toml", &file("B").replace("subject =", "subjcet ="));
        seconds(10.0).await;
        assert_eq!(two.folders(), both("A", "P"));
        let alerts = two.desk.alerts().await;
        assert_eq!(alerts.len(), 1);
        assert_eq!(alerts[0].details["account"], serde_json::Value::Null);
        two.desk.save("mine.toml", &file("C"));
        seconds(10.0).await;
        assert_eq!(two.folders(), both("C", "P"));
        assert_eq!(two.desk.alerts().await.len(), 1);
    };
    two.desk.follow(story).await;
}

#[test]
fn accounts_without_rules_of_their_own_share_one_rule_set_and_so_do_those_with_the_same() {
    let two = two();
    let rules = &two.desk.engine.rules;
    assert!(Arc::ptr_eq(&rules.of("a"), &rules.of("b")) && Arc::ptr_eq(&rules.of("a"), &rules.shared()));
    assert!(!Arc::ptr_eq(&rules.of("phone"), &rules.shared()));
    let path = two.own.path().to_path_buf();
    let files = sources(&path).unwrap();
    let same = rules.clone().with_account("tablet", Own { files: Some((path, files)), folders: None }).unwrap();
    assert!(Arc::ptr_eq(&same.of("tablet"), &same.of("phone")));
}
