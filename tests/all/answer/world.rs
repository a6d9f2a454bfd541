//! A simulated shop, mailbox and phone: what is told when, and how the shopper answers.

use crate::support::run::restock;
use modori::demo::{SHOPPER, Server};
use modori::edge::Advice;
use modori::edge::clock::Clock;
use modori::edge::config::Backlog;
use modori::edge::hand::Hand;
use modori::edge::imap::{ImapAccount, Pace};
use modori::edge::out::{Accepted, Answers, Channel, Deliver, Delivery, OutError, Unanswered, Warming};
use modori::edge::secret::Secret;
use modori::edge::store::{Acknowledged, Db, Store};
use modori::engine::{Engine, Mailbox, Rules};
use modori::ledger::due::Settings;
use modori::plan::answer::{Repeat, TokenKey};
use modori::plan::{Alert, Looks, Policy};
use modori::rules::RuleSet;
use modori::wording::Language;
use secrecy::SecretString;
use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;
use std::sync::{Arc, Mutex};
use std::time::Duration;

pub const FOLDER: &str = "楽天/再入荷";
pub const SEEN: &str = "\\Seen";

/// A channel as a test writes it.
#[derive(Default)]
pub struct Phone {
    /// What was told: key, title, and the second of the story.
    pub told: Mutex<Vec<(String, String, i64)>>,
    /// The channel can be asked so often.
    pub hears: Option<Duration>,
    /// The service repeats by itself.
    pub itself: bool,
    /// What the shopper acknowledged here.
    pub answers: Mutex<Vec<String>>,
    /// When it was asked, and about how many.
    pub asked: Mutex<Vec<(i64, usize)>>,
    /// The answers fail so often.
    pub deaf: Mutex<u32>,
    /// Receipts that were withdrawn.
    pub withdrawn: Mutex<Vec<Option<String>>>,
    /// Nothing is taken before this second.
    pub down_until: Mutex<i64>,
    /// Repetitions are taken and never answered.
    pub hangs: Mutex<bool>,
    /// Repetitions that were handed over although an acknowledgement had been written down before.
    pub too_late: Mutex<Vec<String>>,
}

/// A channel in a world: it knows the time, and can look into the database.
struct Ringing {
    phone: Arc<Phone>,
    clock: Clock,
    start: jiff::Timestamp,
    store: Store,
}

impl Ringing {
    fn second(&self) -> i64 {
        self.clock.now().duration_since(self.start).as_secs()
    }
}

impl Deliver for Ringing {
    fn deliver<'a>(&'a self, alert: &'a Alert, key: &'a str) -> Delivery<'a> {
        Box::pin(async move {
            if self.second() < *self.phone.down_until.lock().unwrap() {
                return Err(OutError { what: "no network".to_owned(), advice: Advice::Again(None) });
            }
            if let Some(awaits) = alert.awaits.as_ref().filter(|_| key.contains('#')) {
                let (token, now) = (awaits.token.clone(), self.clock.now());
                let standing = self.store.call(move |db| db.would_acknowledge(&token, now)).await.unwrap();
                if matches!(standing, Acknowledged::Before(_)) {
                    self.phone.too_late.lock().unwrap().push(key.to_owned());
                }
            }
            if key.contains('#') && *self.phone.hangs.lock().unwrap() {
                std::future::pending::<()>().await;
            }
            tokio::time::sleep(Duration::from_millis(1)).await;
            self.phone.told.lock().unwrap().push((key.to_owned(), alert.title.clone(), self.second()));
            tokio::time::sleep(Duration::from_millis(1)).await;
            Ok(Accepted { receipt: Some(format!("r:{key}")) })
        })
    }

    fn hears(&self) -> Option<Duration> {
        self.phone.hears
    }

    fn repeats(&self, _alert: &Alert) -> bool {
        self.phone.itself
    }

    fn answers<'a>(&'a self, unanswered: &'a [Unanswered]) -> Answers<'a> {
        Box::pin(async move {
            tokio::time::sleep(Duration::from_millis(1)).await;
            self.phone.asked.lock().unwrap().push((self.second(), unanswered.len()));
            let mut deaf = self.phone.deaf.lock().unwrap();
            if *deaf > 0 {
                *deaf -= 1;
                return Err(OutError { what: "503".to_owned(), advice: Advice::Again(None) });
            }
            Ok(self.phone.answers.lock().unwrap().clone())
        })
    }

    fn withdraw<'a>(&'a self, one: &'a Unanswered) -> Warming<'a> {
        Box::pin(async move {
            tokio::time::sleep(Duration::from_millis(1)).await;
            self.phone.withdrawn.lock().unwrap().push(one.receipt.clone());
        })
    }
}

/// The world that outlives the program.
#[derive(Clone)]
pub struct World {
    pub server: Server,
    pub store: Store,
    pub clock: Clock,
    pub start: jiff::Timestamp,
    pub phones: BTreeMap<String, Arc<Phone>>,
    pub repeat: Repeat,
}

impl World {
    pub fn new() -> Self {
        let start = jiff::Timestamp::from_second(jiff::Timestamp::now().as_second()).unwrap();
        let clock = Clock::simulated(start);
        let repeat = Repeat {
            every_s: 120,
            for_s: 600,
            categories: vec!["restock".to_owned()],
            opened: true,
            key: Some(TokenKey([7; 32])),
            ..Repeat::default()
        };
        Self {
            server: Server::with(SHOPPER, "p", clock.clone(), '/', ""),
            store: Store::inline(Arc::new(Mutex::new(Db::in_memory().unwrap()))),
            clock,
            start,
            phones: BTreeMap::from([("phone".to_owned(), Arc::default())]),
            repeat,
        }
    }

    /// One life of the program.
    pub fn engine(&self) -> Engine {
        let account = ImapAccount {
            name: "a".to_owned(),
            dial: self.server.dial(),
            user: SHOPPER.to_owned(),
            credential: Secret::Given(SecretString::from("p")).into(),
            pace: Pace::default(),
            fetch_cap: 64 * 1024,
        };
        let ringing = |phone: &Arc<Phone>| Ringing {
            phone: Arc::clone(phone),
            clock: self.clock.clone(),
            start: self.start,
            store: self.store.clone(),
        };
        let channels: BTreeMap<String, Channel> =
            self.phones.iter().map(|(name, phone)| (name.clone(), Arc::new(ringing(phone)) as Channel)).collect();
        let policy = Policy {
            channels: self.phones.keys().cloned().collect(),
            stale_after_s: 900,
            give_up_after_s: 3600,
            flags: Some(Looks::default()),
            repeat: Some(self.repeat.clone()),
            language: Language::En,
            ..Policy::default()
        };
        Engine {
            store: self.store.clone(),
            hand: Hand::new(self.store.clone(), self.clock.clone(), channels, [account.clone()])
                .looking(policy.looks())
                .opening(self.repeat.opened),
            clock: self.clock.clone(),
            rules: Rules::fixed(RuleSet::shipped()),
            policy,
            backlog: Backlog::Sort,
            own_addresses: BTreeSet::new(),
            mailboxes: vec![Mailbox { account, name: "INBOX".to_owned(), authserv_ids: Vec::new() }],
            ledger: Settings::default(),
            hot: modori::plan::hot::Hours::default(),
        }
    }

    pub fn phone(&self) -> &Phone {
        &self.phones["phone"]
    }

    pub fn deliver(&self, name: &str) -> u32 {
        self.server.deliver("INBOX", &restock(name), self.clock.now())
    }

    /// The mail is delivered, told and filed; its UID in the folder.
    pub async fn told(&self) -> u32 {
        self.deliver("mug");
        self.until("it is filed", || self.server.mailboxes().get(FOLDER).is_some_and(|all| !all.is_empty())).await;
        self.server.mailboxes()[FOLDER][0].uid
    }

    pub async fn until(&self, what: &str, mut is: impl FnMut() -> bool) {
        for _ in 0..20_000 {
            if is() {
                return;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        panic!("waited in vain: {what}; {:?}", self.server.commands());
    }

    /// Until this second of the story.
    pub async fn at(&self, second: i64) {
        let passed = self.clock.now().duration_since(self.start).as_secs();
        tokio::time::sleep(Duration::from_secs(u64::try_from(second - passed).unwrap())).await;
    }

    /// At which seconds the phone told it, first telling included.
    pub fn seconds(&self) -> Vec<i64> {
        self.phone().told.lock().unwrap().iter().map(|(_, _, second)| *second).collect()
    }

    /// By what the one alert was acknowledged, if it was.
    pub async fn by(&self) -> Option<String> {
        let withdrawn = self.store.call(|db| db.acknowledged_by()).await.unwrap();
        assert!(withdrawn.len() <= 1);
        withdrawn.into_iter().next().flatten()
    }

    /// The token of the one alert.
    pub async fn token(&self) -> String {
        let now = self.clock.now();
        let all = self.store.call(move |db| db.awaiting(now)).await.unwrap();
        assert_eq!(all.len(), 1);
        all[0].awaiting.token.clone()
    }

    pub fn examined(&self) -> usize {
        self.server.commands().iter().filter(|one| one.contains("EXAMINE") && !one.contains("INBOX")).count()
    }
}

/// The program runs while the shopper does something.
pub fn story<F: Future<Output = ()>>(tell: impl FnOnce(World) -> F) {
    lived(|_| {}, tell);
}

pub fn lived<F: Future<Output = ()>>(prepare: impl FnOnce(&mut World), tell: impl FnOnce(World) -> F) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().unwrap();
    runtime.block_on(async {
        let mut world = World::new();
        prepare(&mut world);
        let engine = world.engine();
        tokio::select! {
            biased;
            ended = engine.watch(std::future::pending()) => panic!("it ended: {ended:?}"),
            () = tell(world.clone()) => {}
        }
        let written = world.server.commands();
        let bad = |one: &&String| one.contains("STORE") && !one.contains("\\Deleted");
        assert_eq!(written.iter().find(bad), None, "looking changes nothing");
        assert!(world.phone().too_late.lock().unwrap().is_empty());
    });
}
