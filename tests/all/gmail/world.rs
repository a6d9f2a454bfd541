//! Gmail as its owner sees it, the program before it, and what must be true at the end.

use crate::support::cut::Cut;
use jiff::Timestamp;
use modori::demo::{AUTHSERV_ID, SHOPPER, Sample, Server, Story};
use modori::edge::clock::Clock;
use modori::edge::config::Backlog;
use modori::edge::hand::Hand;
use modori::edge::imap::{ImapAccount, Pace};
use modori::edge::out::{Accepted, Channel, Deliver, Delivery};
use modori::edge::secret::Secret;
use modori::edge::store::{Db, State, Store};
use modori::engine::undo::Undone;
use modori::engine::{Engine, Mailbox, Rules};
use modori::ledger::due::Settings;
use modori::plan::{Alert, Effect, Late, Looks, Policy};
use modori::rules::RuleSet;
use modori::wording::Language;
use secrecy::SecretString;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};
use std::time::Duration;

pub const ALL: &str = "[Gmail]/すべてのメール";
pub const TRASH: &str = "[Gmail]/ゴミ箱";
pub const STARRED: &str = "[Gmail]/スター付き";
pub const RESTOCK: &str = "楽天/再入荷";
/// A label of the shopper's own.
pub const KEEP: &str = "とっておく & keep";

/// What is watched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Watched {
    Inbox,
    All,
    /// Both, in one account.
    Both,
    /// Both, as two accounts.
    Accounts,
}

pub const EACH: [Watched; 4] = [Watched::Inbox, Watched::All, Watched::Both, Watched::Accounts];

/// Counts what it was handed.
#[derive(Default)]
pub struct Phone(Mutex<BTreeMap<String, usize>>);

impl Deliver for Phone {
    fn deliver<'a>(&'a self, _alert: &'a Alert, key: &'a str) -> Delivery<'a> {
        Box::pin(async move {
            tokio::time::sleep(Duration::from_millis(1)).await;
            *self.0.lock().unwrap().entry(key.to_owned()).or_default() += 1;
            tokio::time::sleep(Duration::from_millis(1)).await;
            Ok(Accepted::default())
        })
    }
}

/// The world that outlives the program.
pub struct World {
    pub server: Server,
    pub store: Store,
    pub clock: Clock,
    phone: Arc<Phone>,
    pub mails: usize,
    watched: Watched,
}

/// What is true at the end.
#[derive(Debug, PartialEq)]
pub struct Truth {
    /// Which mails lie in which views.
    pub views: BTreeMap<String, BTreeSet<String>>,
    pub events: BTreeSet<String>,
    pub alerts: BTreeSet<String>,
}

pub fn start() -> Timestamp {
    "2026-11-24T09:00:00+09:00".parse().unwrap()
}

/// The mails that come in the story.
pub fn samples() -> Vec<Sample> {
    Story::embedded().live.into_iter().map(|(_, sample)| sample).collect()
}

pub fn id(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    let line = text.lines().find(|line| line.to_ascii_lowercase().starts_with("message-id:"));
    line.unwrap_or_else(|| panic!("a mail without Message-ID")).to_owned()
}

/// Delivers a mail into INBOX. A filter of the shopper's labels what is told of new stock, in the same step.
pub fn deliver(server: &Server, sample: &Sample) {
    if sample.name.contains("restock") {
        server.deliver(RESTOCK, &sample.bytes, start());
        let uid = server.mailboxes()[RESTOCK].iter().find(|one| *one.bytes == *sample.bytes).unwrap().uid;
        server.copy(RESTOCK, uid, "INBOX");
    } else {
        server.deliver("INBOX", &sample.bytes, start());
    }
}

impl World {
    /// With no mail yet.
    pub fn empty(watched: Watched) -> Self {
        let clock = Clock::simulated(start());
        let server = Server::gmail(SHOPPER, "p", clock.clone(), true);
        server.create(KEEP, None);
        server.create(RESTOCK, None);
        let store = Store::inline(Arc::new(Mutex::new(Db::in_memory().unwrap())));
        Self { server, store, clock, phone: Arc::default(), mails: 0, watched }
    }

    /// With the story: three mails lie there, the others come.
    pub fn with_story(watched: Watched) -> Self {
        let mut world = Self::empty(watched);
        let samples = samples();
        world.mails = samples.len();
        samples.iter().take(3).for_each(|sample| deliver(&world.server, sample));
        let server = world.server.clone();
        tokio::spawn(async move {
            for sample in samples.iter().skip(3) {
                tokio::time::sleep(Duration::from_millis(700)).await;
                deliver(&server, sample);
            }
        });
        world
    }

    /// One life of the program: everything but the world is new.
    pub fn engine(&self) -> Engine {
        let account = |name: &str| ImapAccount {
            name: name.to_owned(),
            dial: self.server.dial(),
            user: SHOPPER.to_owned(),
            credential: Secret::Given(SecretString::from("p")).into(),
            pace: Pace::default(),
            fetch_cap: 64 * 1024,
        };
        let mailbox = |account: &ImapAccount, name: &str| Mailbox {
            account: account.clone(),
            name: name.to_owned(),
            authserv_ids: vec![AUTHSERV_ID.to_owned()],
        };
        let (a, b) = (account("a"), account("b"));
        let mailboxes = match self.watched {
            Watched::Inbox => vec![mailbox(&a, "INBOX")],
            Watched::All => vec![mailbox(&a, ALL)],
            Watched::Both => vec![mailbox(&a, "INBOX"), mailbox(&a, ALL)],
            Watched::Accounts => vec![mailbox(&a, "INBOX"), mailbox(&b, ALL)],
        };
        let accounts = if self.watched == Watched::Accounts { vec![a, b] } else { vec![a] };
        let channels = BTreeMap::from([("phone".to_owned(), Arc::clone(&self.phone) as Channel)]);
        Engine {
            store: self.store.clone(),
            hand: Hand::new(self.store.clone(), self.clock.clone(), channels, accounts).looking(Some(Looks::default())),
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
            mailboxes,
        }
    }

    /// All mails were seen and nothing is left to do, now and a while later.
    pub async fn at_rest(&self) {
        let mut quiet = 0;
        while quiet < 12 {
            tokio::time::sleep(Duration::from_millis(100)).await;
            let mails = self.mails;
            let rest = self.store.call(move |db| {
                let seen: u32 = db.counts()?.iter().map(|(_, count)| *count).sum();
                Ok(seen as usize == mails && db.open_rows()? == 0)
            });
            quiet = if rest.await.unwrap() { quiet + 1 } else { 0 };
        }
    }

    /// A life that ends at rest.
    pub async fn live(&self) {
        let engine = self.engine();
        let lived = tokio::time::timeout(Duration::from_secs(24 * 3600), engine.watch(self.at_rest())).await;
        lived.expect("it does not come to rest").unwrap();
    }

    /// A life that ends after so many wake-ups; how many it had.
    pub async fn live_for(&self, wake_ups: usize) -> usize {
        let used = Arc::new(Mutex::new(0));
        {
            let engine = self.engine();
            let life = async { engine.watch(self.at_rest()).await.unwrap() };
            Cut { inner: Box::pin(life), left: wake_ups, used: Arc::clone(&used) }.await;
        }
        let used = *used.lock().unwrap();
        used
    }

    /// Takes every filing back, and lets nothing happen yet; how many.
    pub async fn undo(&self) -> usize {
        let actions = self.store.call(|db| db.history(None, 1000)).await.unwrap();
        let filings = |one: &modori::edge::store::Action| {
            matches!(one.effect, Effect::File { .. }) && !one.key.starts_with("undo:")
        };
        let actions: Vec<_> = actions.into_iter().filter(filings).collect();
        let undone = self.engine().undo(&actions, false).await.unwrap();
        let goes = |(_, undone): &&(_, Undone)| *undone == Undone::Goes("INBOX".to_owned());
        assert_eq!(undone.iter().filter(goes).count(), actions.len(), "{undone:?}");
        actions.len()
    }

    /// The views of each mail, by its Message-ID.
    pub fn views_of(&self, bytes: &[u8]) -> BTreeSet<String> {
        let all = self.server.mailboxes().into_iter();
        all.filter(|(_, all)| all.iter().any(|one| *one.bytes == *bytes)).map(|(name, _)| name).collect()
    }

    /// How often the phone took what it took most often.
    pub fn told_most(&self) -> usize {
        self.phone.0.lock().unwrap().values().copied().max().unwrap_or(0)
    }

    /// Nothing was thrown away or marked, whatever else happened.
    pub fn assert_nothing_is_thrown_away(&self) {
        let mailboxes = self.server.mailboxes();
        assert_eq!(mailboxes[ALL].len(), self.mails, "All Mail holds every mail");
        assert!(mailboxes[TRASH].is_empty(), "something was thrown away");
        for command in self.server.commands() {
            let upper = command.to_ascii_uppercase();
            assert!(!upper.contains("EXPUNGE") && !upper.contains("DELETED") && upper != "CLOSE", "{command}");
        }
    }

    /// What is true, and that nobody is said to have moved anything.
    pub async fn truth(&self) -> Truth {
        self.assert_nothing_is_thrown_away();
        let mut views: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for (name, messages) in self.server.mailboxes() {
            for message in messages {
                assert!(views.entry(name.clone()).or_default().insert(id(&message.bytes)), "twice in {name}");
            }
        }
        // a star follows its case, and may come and go
        views.remove(STARRED);
        let (events, rows) = self.store.call(|db| Ok((db.events()?, db.outbox()?))).await.unwrap();
        for row in rows.iter().filter(|row| matches!(row.effect, Effect::File { .. })) {
            let moved = row.last_error.as_deref().is_some_and(|why| why.contains("someone else"));
            assert!(row.state == State::Done && !moved, "{row:?}");
        }
        let corrections = self.store.call(|db| db.corrections()).await.unwrap();
        assert!(corrections.is_empty(), "{corrections:?}");
        let events = events.iter().map(|event| serde_json::to_string(event).unwrap()).collect();
        let alerts = self.phone.0.lock().unwrap().keys().cloned().collect();
        Truth { views, events, alerts }
    }
}

/// A world of its own, on a clock that is paused.
pub fn in_time<T>(work: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().unwrap();
    runtime.block_on(work)
}
