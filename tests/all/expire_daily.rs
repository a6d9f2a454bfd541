//! A watch lets go of words by itself, once a day at four in the morning, and alerts go on meanwhile.

use jiff::Timestamp;
use modori::demo::{SHOPPER, Server};
use modori::edge::clock::Clock;
use modori::edge::config::Backlog;
use modori::edge::config::Config;
use modori::edge::hand::Hand;
use modori::edge::imap::{ImapAccount, Pace};
use modori::edge::secret::Secret;
use modori::edge::store::{BEFORE_UPGRADE, Db, OldMail, Store};
use modori::engine::{Engine, Mailbox, Rules, Surroundings};
use modori::ledger::due::Settings;
use modori::ledger::{Event, Keep};
use modori::plan::Policy;
use modori::rules::RuleSet;
use secrecy::SecretString;
use serde_json::json;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};
use std::time::Duration;

const CANARY: &str = "鳥籠のカナリア";

/// A mail about no order, of this instant.
fn restock(n: u32, at: Timestamp) -> OldMail {
    let body = json!({
        "order": null, "kind": {"what": "restock", "items": []}, "at": at, "mail": format!("{n:064x}"),
        "second_identity": n.to_string(), "trust": "verified", "excerpt": CANARY,
    });
    let event: Event = serde_json::from_value(body).unwrap();
    OldMail { key: event.mail, events: vec![event], keep_trusted: false, mails: None }
}

fn engine(server: &Server, store: &Store, clock: &Clock) -> Engine {
    let account = ImapAccount {
        name: "a".to_owned(),
        dial: server.dial(),
        user: SHOPPER.to_owned(),
        credential: Secret::Given(SecretString::from("p")).into(),
        pace: Pace::default(),
        fetch_cap: 64 * 1024,
    };
    Engine {
        store: store.clone(),
        hand: Hand::new(store.clone(), clock.clone(), BTreeMap::new(), [account.clone()]),
        clock: clock.clone(),
        rules: Rules::fixed(RuleSet::shipped()),
        policy: Policy::default(),
        backlog: Backlog::Sort,
        own_addresses: BTreeSet::new(),
        mailboxes: vec![Mailbox { account, name: "INBOX".to_owned(), authserv_ids: Vec::new() }],
        ledger: Settings::default(),
        hot: modori::plan::hot::Hours::default(),
    }
}

#[tokio::test(start_paused = true)]
async fn a_watch_lets_go_after_its_start_and_then_at_four_in_the_morning() {
    let folder = tempfile::tempdir().unwrap();
    // noon in Tokyo
    let start: Timestamp = "2026-11-26T03:00:00Z".parse().unwrap();
    let clock = Clock::simulated(start);
    let server = Server::with(SHOPPER, "p", clock.clone(), '/', "");
    let db = Arc::new(Mutex::new(Db::open(folder.path()).unwrap()));
    let store = Store::inline(Arc::clone(&db));
    // 30 days after nobody can do anything about it any more: one is past that, one will be tonight
    let old = |hours: i64| start - jiff::SignedDuration::from_hours(24 * 150 + hours);
    db.lock().unwrap().import(&[restock(1, old(1)), restock(2, old(-6))]).unwrap();
    let copy = folder.path().join(BEFORE_UPGRADE);
    std::fs::write(&copy, CANARY).unwrap();
    let engine = engine(&server, &store, &clock);
    let config = Config::parse(&folder.path().join("config.toml"), "state = \"state\"\n").unwrap();
    let around = Surroundings { config: Some(Arc::new(config)), ..Surroundings::default() };
    let hours = |hours: f64| Duration::from_secs_f64(hours * 3600.0);
    let expired = || {
        let db = db.lock().unwrap();
        db.events().unwrap().iter().map(Event::is_expired).collect::<Vec<_>>()
    };
    let look = async {
        tokio::time::sleep(hours(0.1)).await;
        assert_eq!(expired(), [false, false], "what came is sorted first");
        tokio::time::sleep(hours(0.1)).await;
        assert_eq!(expired(), [true, false]);
        // 03:50 in Tokyo
        tokio::time::sleep(hours(15.6)).await;
        assert_eq!(expired(), [true, false]);
        tokio::time::sleep(hours(0.3)).await;
        assert_eq!(expired(), [true, true]);
    };
    engine.watch_in(around, look).await.unwrap();
    let bytes = |name: &str| std::fs::read(folder.path().join(name)).unwrap_or_default();
    for name in ["modori.sqlite", "modori.sqlite-wal"] {
        assert!(!bytes(name).windows(CANARY.len()).any(|window| window == CANARY.as_bytes()), "{name}");
    }
    assert!(copy.exists(), "made today, by this machine's clock");
    let later = Timestamp::now() + jiff::SignedDuration::from_hours(24 * 31);
    db.lock().unwrap().forget_copy(Keep::default(), later);
    assert!(!copy.exists(), "the copy of before an upgrade is kept no longer than words are");
}
