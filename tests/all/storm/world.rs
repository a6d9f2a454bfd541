//! What outlives the program: the mailbox and its history, the database on its disk, the phone, the clock.

use super::mails::{letters, start};
use super::phone::Phone;
use super::schedule::Schedule;
use super::wire::Meddling;
use modori::demo::{AUTHSERV_ID, SHOPPER, Server};
use modori::edge::clock::Clock;
use modori::edge::config::Backlog;
use modori::edge::hand::Hand;
use modori::edge::imap::{ImapAccount, Pace};
use modori::edge::out::Channel;
use modori::edge::secret::Secret;
use modori::edge::store::{Db, Disk, Store};
use modori::engine::{Engine, Mailbox, Rules};
use modori::ledger::due::Settings;
use modori::plan::hot::Hours;
use modori::plan::{Late, Looks, Policy};
use modori::rules::RuleSet;
use modori::wording::Language;
use secrecy::SecretString;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

pub const ACCOUNT: &str = "a";
/// A folder of the shopper's own, into which other clients move things.
pub const KEEP: &str = "Keep";

/// A message that was delivered, and what others did with it. The server shares the bytes of all its copies, so that
/// two deliveries of the same bytes are told apart.
#[derive(Clone, Debug)]
pub struct Message {
    pub letter: usize,
    pub bytes: Arc<[u8]>,
    /// Where it was delivered, and when, in seconds.
    pub home: String,
    pub received: i64,
    /// Another client expunged it, or the folder in which it lay.
    pub removed: bool,
    /// Another client moved it here, last.
    pub put: Option<String>,
    /// Another client moved or removed it while it lay at two places: between our COPY and its end.
    pub split: bool,
    /// So often another client did that to a half of ours: those it took away before, and its own copies, are none.
    pub halves: usize,
    /// The server says that one of our moves overtook another of it, and was done half.
    pub overtaken: bool,
    /// And that a move of it was done half.
    pub halved: bool,
    /// The new date that INBOX gave to all was known as this one's before: it came in that second, or lay there when INBOX
    /// was renumbered in the middle of an answer.
    pub newly_dated: bool,
    /// Another client made so many copies.
    pub copies: usize,
    /// Flags that others ever set.
    pub set: BTreeSet<String>,
    /// Flags that others set while it lay at one place, and did not take off. A `\Deleted` on a source that we had marked
    /// before is none: where its copy went meanwhile, our mark is taken back, and theirs looks like it.
    pub kept: BTreeSet<String>,
}

#[derive(Clone)]
pub struct World {
    pub server: Server,
    pub db: Arc<Mutex<Db>>,
    pub disk: Disk,
    pub clock: Clock,
    pub phone: Arc<Phone>,
    pub messages: Arc<Mutex<Vec<Message>>>,
    pub trace: Arc<Mutex<Vec<String>>>,
    pub redates: bool,
    flags: bool,
    meddled: bool,
    store: Store,
}

pub fn rules() -> Rules {
    static RULES: OnceLock<Rules> = OnceLock::new();
    RULES.get_or_init(|| Rules::fixed(RuleSet::shipped())).clone()
}

impl World {
    /// `meddled`: between program and server sits a bug.
    pub fn new(schedule: &Schedule, meddled: bool) -> Self {
        let clock = Clock::simulated(start());
        let server = Server::with(SHOPPER, "p", clock.clone(), '/', "");
        for capability in &schedule.withdrawn {
            server.withdraw(capability);
        }
        let mut db = Db::in_memory().unwrap();
        let disk = Disk::default();
        disk.hold(&mut db).unwrap();
        let db = Arc::new(Mutex::new(db));
        let store = Store::simulated(Arc::clone(&db), disk.clone());
        let (phone, messages, trace) = Default::default();
        let Schedule { redates, flags, .. } = *schedule;
        Self { server, db, disk, clock, phone, messages, trace, redates, flags, meddled, store }
    }

    /// One life of the program: everything but the world is new.
    pub fn engine(&self) -> Engine {
        let dial = self.server.dial();
        let account = ImapAccount {
            name: ACCOUNT.to_owned(),
            dial: if self.meddled { Meddling::dial(dial) } else { dial },
            user: SHOPPER.to_owned(),
            credential: Secret::Given(SecretString::from("p")).into(),
            pace: Pace {
                command: Duration::from_secs(10),
                probe_after: Duration::from_secs(15),
                probe_answer: Duration::from_secs(5),
                poll_every: Duration::from_secs(5),
                back_off: (Duration::from_secs(1), Duration::from_secs(30)),
                ..Pace::default()
            },
            fetch_cap: 32 * 1024,
        };
        let channels = BTreeMap::from([("phone".to_owned(), Arc::clone(&self.phone) as Channel)]);
        let looks = self.flags.then(Looks::default);
        Engine {
            store: self.store.clone(),
            hand: Hand::new(self.store.clone(), self.clock.clone(), channels, [account.clone()]).looking(looks),
            clock: self.clock.clone(),
            rules: rules(),
            policy: Policy {
                observe: false,
                channels: vec!["phone".to_owned()],
                stale_after_s: 7 * 24 * 3600,
                // the storms are about losing, not about what comes too late
                give_up_after_s: 30 * 24 * 3600,
                late: Late::Each,
                flags: looks,
                language: Language::En,
                ..Policy::default()
            },
            backlog: Backlog::Sort,
            own_addresses: BTreeSet::new(),
            ledger: Settings::default(),
            hot: Hours { announced: None, ..Hours::default() },
            mailboxes: vec![Mailbox { account, name: "INBOX".to_owned(), authserv_ids: vec![AUTHSERV_ID.to_owned()] }],
        }
    }

    pub fn note(&self, what: impl std::fmt::Display) {
        let passed = self.clock.now().duration_since(start()).as_millis();
        self.trace.lock().unwrap().push(format!("{passed:>8} ms  {what}"));
    }

    pub fn deliver(&self, letter: usize, home: &str, flags: &[&str]) {
        let received = self.clock.now();
        let uid = self.server.deliver(home, &letters()[letter].bytes, received);
        for flag in flags {
            self.server.flag(home, uid, flag, true);
        }
        let lies = self.server.mailboxes();
        let bytes = Arc::clone(&lies[home].last().unwrap().bytes);
        let flags: BTreeSet<String> = flags.iter().map(|flag| (*flag).to_owned()).collect();
        self.messages.lock().unwrap().push(Message {
            letter,
            bytes,
            home: home.to_owned(),
            received: received.as_second(),
            removed: false,
            put: None,
            split: false,
            halves: 0,
            overtaken: false,
            halved: false,
            newly_dated: false,
            copies: 0,
            kept: flags.clone(),
            set: flags,
        });
    }

    /// Where a message lies: folder, UID, flags.
    pub fn places(&self, bytes: &Arc<[u8]>) -> Vec<(String, u32, BTreeSet<String>)> {
        let mut found = vec![];
        for (folder, messages) in self.server.mailboxes() {
            let here = messages.into_iter().filter(|message| Arc::ptr_eq(&message.bytes, bytes));
            found.extend(here.map(|message| (folder.clone(), message.uid, message.flags)));
        }
        found
    }
}
