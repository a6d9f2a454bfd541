//! The program is cut off after every single wake-up, started again on the same database, and left to finish: each mail
//! lies in one right folder, each alert left at least once, the ledger is the one of an uncut run.

use super::support::cut::Cut;
use jiff::Timestamp;
use modori::demo::{AUTHSERV_ID, SHOPPER, Server, Story};
use modori::edge::Advice;
use modori::edge::clock::Clock;
use modori::edge::config::Backlog;
use modori::edge::hand::Hand;
use modori::edge::imap::{ImapAccount, Pace};
use modori::edge::out::{Accepted, Channel, Deliver, Delivery, OutError};
use modori::edge::secret::Secret;
use modori::edge::store::{Db, Row, State, Store};
use modori::engine::{Engine, Mailbox, Rules};
use modori::ledger::due::Settings;
use modori::plan::{Alert, Effect, Late, Looks, Policy};
use modori::rules::RuleSet;
use modori::wording::Language;
use secrecy::SecretString;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// Counts what it was handed, and gives the program chances to be cut before and after.
#[derive(Default)]
struct Counting {
    taken: Mutex<BTreeMap<String, usize>>,
    /// The first answer about each alert is lost: it was taken, and the program is not told.
    loses_answers: bool,
}

impl Deliver for Counting {
    fn deliver<'a>(&'a self, _alert: &'a Alert, key: &'a str) -> Delivery<'a> {
        Box::pin(async move {
            tokio::time::sleep(Duration::from_millis(1)).await;
            let times = {
                let mut taken = self.taken.lock().unwrap();
                let times = taken.entry(key.to_owned()).or_default();
                *times += 1;
                *times
            };
            tokio::time::sleep(Duration::from_millis(1)).await;
            if self.loses_answers && times == 1 {
                return Err(OutError { what: "no answer came".to_owned(), advice: Advice::Unknown });
            }
            Ok(Accepted::default())
        })
    }
}

/// The world that outlives the program: server, database, the shopper's phone.
struct World {
    server: Server,
    store: Store,
    clock: Clock,
    phone: Arc<Counting>,
    mails: usize,
}

/// What is true at the end.
#[derive(Debug, PartialEq)]
struct Truth {
    folders: BTreeMap<String, BTreeSet<String>>,
    events: BTreeSet<String>,
    alerts: BTreeSet<String>,
}

fn start() -> Timestamp {
    "2026-11-24T09:00:00+09:00".parse().unwrap()
}

impl World {
    fn new(withdrawn: &[&str], loses_answers: bool) -> Self {
        let clock = Clock::simulated(start());
        let server = Server::with(SHOPPER, "p", clock.clone(), '/', "");
        for capability in withdrawn {
            server.withdraw(capability);
        }
        let samples: Vec<_> = Story::embedded().live.into_iter().map(|(_, sample)| sample).collect();
        for sample in samples.iter().take(5) {
            server.deliver("INBOX", &sample.bytes, start());
        }
        let (later, mails) = (server.clone(), samples.len());
        tokio::spawn(async move {
            for sample in samples.iter().skip(5) {
                tokio::time::sleep(Duration::from_millis(700)).await;
                later.deliver("INBOX", &sample.bytes, start());
            }
        });
        let store = Store::inline(Arc::new(Mutex::new(Db::in_memory().unwrap())));
        Self { server, store, clock, phone: Arc::new(Counting { loses_answers, ..Counting::default() }), mails }
    }

    /// One life of the program: everything but the world is new.
    fn engine(&self) -> Engine {
        let account = ImapAccount {
            name: "a".to_owned(),
            dial: self.server.dial(),
            user: SHOPPER.to_owned(),
            credential: Secret::Given(SecretString::from("p")).into(),
            pace: Pace::default(),
            fetch_cap: 64 * 1024,
        };
        let channels = BTreeMap::from([("phone".to_owned(), Arc::clone(&self.phone) as Channel)]);
        Engine {
            store: self.store.clone(),
            hand: Hand::new(self.store.clone(), self.clock.clone(), channels, [account.clone()])
                .looking(Some(Looks::default())),
            clock: self.clock.clone(),
            rules: Rules::fixed(RuleSet::shipped()),
            policy: Policy {
                observe: false,
                channels: vec!["phone".to_owned()],
                stale_after_s: 7 * 24 * 3600,
                give_up_after_s: 3600,
                late: Late::Each,
                flags: Some(Looks::default()),
                blind: modori::plan::sight::Blind::default(),
                language: Language::En,
                ..Policy::default()
            },
            backlog: Backlog::Sort,
            own_addresses: BTreeSet::new(),
            ledger: Settings::default(),
            hot: modori::plan::hot::Hours::default(),
            mailboxes: vec![Mailbox { account, name: "INBOX".to_owned(), authserv_ids: vec![AUTHSERV_ID.to_owned()] }],
        }
    }

    async fn at_rest(&self) {
        loop {
            tokio::time::sleep(Duration::from_millis(100)).await;
            let mails = self.mails;
            let rest = self.store.call(move |db| {
                let seen: u32 = db.counts()?.iter().map(|(_, count)| *count).sum();
                Ok(seen as usize == mails && db.open_rows()? == 0)
            });
            if rest.await.unwrap() {
                return;
            }
        }
    }

    async fn truth(&self) -> Truth {
        let id = |bytes: &[u8]| {
            let text = String::from_utf8_lossy(bytes);
            let line = text.lines().find(|line| line.to_ascii_lowercase().starts_with("message-id:"));
            line.unwrap_or_else(|| panic!("a mail without Message-ID")).to_owned()
        };
        let mut folders: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for (name, messages) in self.server.mailboxes() {
            for message in messages.iter().filter(|one| !one.flags.iter().any(|flag| flag == "\\Deleted")) {
                let new = folders.entry(name.clone()).or_default().insert(id(&message.bytes));
                assert!(new, "a mail lies twice in {name}");
            }
        }
        let all: usize = folders.values().map(BTreeSet::len).sum();
        assert_eq!(all, self.mails, "lost or doubled: {folders:?}");
        let (events, rows) = self.store.call(|db| Ok((db.events()?, db.outbox()?))).await.unwrap();
        // a flag whose case ended before it was set is not set
        let ended = |row: &Row| row.state == State::Done || matches!(row.effect, Effect::Flag { .. });
        assert!(rows.iter().all(ended), "{rows:?}");
        let events = events.iter().map(|event| serde_json::to_string(event).unwrap()).collect();
        let alerts = self.phone.taken.lock().unwrap().keys().cloned().collect();
        Truth { folders, events, alerts }
    }
}

/// A run that is cut after `wake_ups`, then a life that finishes; the truth, and how many wake-ups the first life had.
fn run(wake_ups: usize, withdrawn: &[&str], loses_answers: bool) -> (Truth, usize, usize) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().unwrap();
    runtime.block_on(async {
        let world = World::new(withdrawn, loses_answers);
        let used = Arc::new(Mutex::new(0));
        {
            let engine = world.engine();
            let life = async { engine.watch(world.at_rest()).await.unwrap() };
            Cut { inner: Box::pin(life), left: wake_ups, used: Arc::clone(&used) }.await;
        }
        let engine = world.engine();
        let finished = tokio::time::timeout(Duration::from_secs(24 * 3600), engine.watch(world.at_rest())).await;
        finished.expect("the second life does not come to rest").unwrap();
        let most = world.phone.taken.lock().unwrap().values().copied().max().unwrap_or(0);
        let used = *used.lock().unwrap();
        (world.truth().await, used, most)
    })
}

fn every_cut(withdrawn: &[&str], loses_answers: bool) {
    let (uncut, all, most) = run(usize::MAX, withdrawn, loses_answers);
    // once; and once more where the channel took it and the answer was lost
    let once = 1 + usize::from(loses_answers);
    assert_eq!(most, once, "uncut, every alert leaves once");
    assert!(uncut.alerts.len() >= 3 && uncut.folders.len() >= 4, "the story is too thin: {uncut:?}");
    assert!(all > 50, "the story has only {all} wake-ups");
    for wake_ups in 0..all {
        let (truth, _, most) = run(wake_ups, withdrawn, loses_answers);
        assert_eq!(truth, uncut, "cut after {wake_ups} of {all} wake-ups");
        assert!(most <= once + 1, "an alert left {most} times, cut after {wake_ups}");
    }
    println!("cut after each of {all} wake-ups (without {withdrawn:?})");
}

#[test]
fn nothing_is_lost_or_doubled_wherever_the_program_is_cut() {
    every_cut(&[], false);
}

#[test]
fn nothing_is_lost_or_doubled_without_notify() {
    every_cut(&["NOTIFY"], false);
}

#[test]
fn nothing_is_lost_or_doubled_without_idle() {
    every_cut(&["IDLE"], false);
}

#[test]
fn nothing_is_lost_or_doubled_without_move() {
    every_cut(&["MOVE"], false);
}

#[test]
fn nothing_is_lost_or_doubled_without_move_and_uidplus() {
    every_cut(&["MOVE", "UIDPLUS"], false);
}

#[test]
fn nothing_is_lost_or_doubled_when_the_phone_loses_its_answers() {
    every_cut(&[], true);
}
