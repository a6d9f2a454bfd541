//! A world for letters: the embedded server with the shopper's folders, a mail server that counts, and the program on top.

use jiff::Timestamp;
use modori::demo::{AUTHSERV_ID, SHOPPER, Server};
use modori::edge::Advice;
use modori::edge::clock::Clock;
use modori::edge::config::Backlog;
use modori::edge::hand::{Hand, Posting};
use modori::edge::imap::{ImapAccount, Pace};
use modori::edge::out::letter::Written;
use modori::edge::out::post::{Carry, Carrying};
use modori::edge::out::{Accepted, Channel, Deliver, Delivery, OutError};
use modori::edge::secret::Secret;
use modori::edge::store::{Db, Disk, Row, Store};
use modori::engine::{Engine, Mailbox, Rules};
use modori::facts::OrderNumber;
use modori::ledger::due::Settings;
use modori::letter::{Letter, Replies};
use modori::plan::{Alert, Effect, Policy, Ticket, Wish};
use modori::rules::RuleSet;
use modori::wording::Language;
use secrecy::SecretString;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::{Arc, Mutex};
use std::time::Duration;

pub const ORDER: &str = "399999-20261120-0123456789";

pub fn start() -> Timestamp {
    "2026-11-24T09:00:00+09:00".parse().unwrap()
}

/// A letter that answers a mail of the shop.
pub fn letter(name: &str) -> Letter {
    Letter {
        step: name.to_owned(),
        order: OrderNumber::parse(ORDER).unwrap(),
        account: "a".to_owned(),
        from: format!("山田 花子 <{SHOPPER}>"),
        to: "modori-zakka@shop.rakuten.co.jp".to_owned(),
        subject: "Re: ご注文キャンセルのお知らせ".to_owned(),
        body: "モドリ雑貨店 ご担当者様\n\nポイントの返還についてお伺いします。\n".to_owned(),
        in_reply_to: Some("cancel.1@shop.rakuten.co.jp".to_owned()),
        references: vec!["order.1@shop.rakuten.co.jp".to_owned(), "cancel.1@shop.rakuten.co.jp".to_owned()],
        message_id: format!("modori.{name}@example.jp"),
        answers: true,
    }
}

pub fn wish(key: &str, effect: Effect) -> Wish {
    Wish { key: key.to_owned(), effect, due: start(), until: None, dedupe: vec![], after: vec![], turn: None }
}

pub fn draft(name: &str) -> Wish {
    wish(&format!("draft:{name}"), Effect::Draft { letter: Box::new(letter(name)) })
}

pub fn send(name: &str) -> Wish {
    let letter = letter(name);
    let ticket = Ticket::planted(&letter.message_id);
    wish(&format!("send:{name}"), Effect::Send { letter: Box::new(letter), ticket })
}

/// The mail server: keeps what it takes, and answers as it is told.
#[derive(Default)]
pub struct Shop {
    pub taken: Mutex<Vec<Vec<u8>>>,
    /// The next answers; then it takes everything. [`Advice::Unknown`] is a letter that is taken and whose answer is lost.
    pub answers: Mutex<VecDeque<Advice>>,
    pub tried: Mutex<usize>,
}

impl Carry for Shop {
    fn carry<'a>(&'a self, letter: &'a Written) -> Carrying<'a> {
        Box::pin(async move {
            *self.tried.lock().unwrap() += 1;
            tokio::time::sleep(Duration::from_millis(1)).await;
            let answer = self.answers.lock().unwrap().pop_front();
            if matches!(answer, None | Some(Advice::Unknown)) {
                self.taken.lock().unwrap().push(letter.bytes.clone());
            }
            tokio::time::sleep(Duration::from_millis(1)).await;
            match answer {
                None => Ok(()),
                Some(advice) => Err(OutError { what: "mx.example.jp:25: said “no such shop”".to_owned(), advice }),
            }
        })
    }
}

/// The shopper's phone.
#[derive(Default)]
pub struct Phone(pub Mutex<BTreeMap<String, usize>>);

impl Deliver for Phone {
    fn deliver<'a>(&'a self, _alert: &'a Alert, key: &'a str) -> Delivery<'a> {
        Box::pin(async move {
            tokio::time::sleep(Duration::from_millis(1)).await;
            *self.0.lock().unwrap().entry(key.to_owned()).or_default() += 1;
            Ok(Accepted::default())
        })
    }
}

/// What outlives the program.
pub struct World {
    pub server: Server,
    pub store: Store,
    pub clock: Clock,
    pub phone: Arc<Phone>,
    pub shop: Arc<Shop>,
    /// Nobody carries letters.
    pub mute: bool,
    /// What the configuration says of letters.
    pub replies: Replies,
    /// Nothing is to be changed.
    pub observe: bool,
}

impl World {
    pub fn new(separator: char, prefix: &str) -> Self {
        let clock = Clock::simulated(start());
        let server = Server::with(SHOPPER, "p", clock.clone(), separator, prefix);
        let store = Store::inline(Arc::new(Mutex::new(Db::in_memory().unwrap())));
        let replies = Replies { drafts: true, ..Replies::default() };
        let (phone, shop) = (Arc::default(), Arc::default());
        Self { server, store, clock, phone, shop, mute: false, replies, observe: false }
    }

    /// With the folders of a usual mailbox.
    pub fn usual() -> Self {
        let world = Self::new('/', "");
        for (name, attribute) in [("Entwürfe", "\\Drafts"), ("Gesendet", "\\Sent"), ("Papierkorb", "\\Trash")] {
            world.server.create(name, Some(attribute));
        }
        world
    }

    /// The same on a database that gives way after each piece of work: there the program can be cut, too.
    pub fn giving_way() -> Self {
        let db = Arc::new(Mutex::new(Db::in_memory().unwrap()));
        Self { store: Store::simulated(db, Disk::default()), ..Self::usual() }
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
        let channels = BTreeMap::from([("phone".to_owned(), Arc::clone(&self.phone) as Channel)]);
        let policy = Policy { channels: vec!["phone".to_owned()], language: Language::En, ..Policy::default() };
        let policy = Policy { replies: self.replies.clone(), observe: self.observe, ..policy };
        let carrier = Arc::clone(&self.shop) as Arc<dyn Carry>;
        let carriers = if self.mute { BTreeMap::new() } else { BTreeMap::from([("a".to_owned(), carrier)]) };
        let posting = Posting { carriers, policy: policy.clone(), ..Posting::default() };
        Engine {
            store: self.store.clone(),
            hand: Hand::new(self.store.clone(), self.clock.clone(), channels, [account.clone()]).posting(posting),
            clock: self.clock.clone(),
            rules: Rules::fixed(RuleSet::shipped()),
            policy,
            backlog: Backlog::Sort,
            own_addresses: BTreeSet::from([SHOPPER.to_owned()]),
            ledger: Settings::default(),
            hot: modori::plan::hot::Hours::default(),
            mailboxes: vec![Mailbox { account, name: "INBOX".to_owned(), authserv_ids: vec![AUTHSERV_ID.to_owned()] }],
        }
    }

    pub async fn wished(&self, wishes: Vec<Wish>) {
        let now = self.clock.now();
        self.store.call(move |db| db.wish(&wishes, false, now)).await.unwrap();
    }

    pub async fn at_rest(&self) {
        loop {
            tokio::time::sleep(Duration::from_secs(1)).await;
            if self.store.call(|db| db.open_rows()).await.unwrap() == 0 {
                return;
            }
        }
    }

    /// Lets the program live until nothing is open.
    pub async fn live(&self) {
        let engine = self.engine();
        let life = tokio::time::timeout(Duration::from_secs(90 * 24 * 3600), engine.watch(self.at_rest()));
        life.await.expect("it does not come to rest").unwrap();
    }

    /// Lets it live for so long.
    pub async fn live_for(&self, time: Duration) {
        self.engine().watch(tokio::time::sleep(time)).await.unwrap();
    }

    pub async fn rows(&self) -> Vec<Row> {
        self.store.call(|db| db.outbox()).await.unwrap()
    }

    /// The row of a key.
    pub async fn row(&self, key: &str) -> Row {
        self.rows().await.into_iter().find(|row| row.key == key).unwrap_or_else(|| panic!("no row {key}"))
    }

    /// How many messages with a letter's Message-ID lie in a folder.
    pub fn lie(&self, folder: &str, name: &str) -> usize {
        let id = format!("<modori.{name}@example.jp>");
        let all = self.server.mailboxes();
        let found =
            all.get(folder).into_iter().flatten().filter(|one| field(&one.bytes, "Message-ID") == Some(id.clone()));
        found.count()
    }

    /// Alerts that reached the phone, and how often.
    pub fn alerts(&self) -> BTreeMap<String, usize> {
        self.phone.0.lock().unwrap().clone()
    }
}

/// A header field of a message, unfolded.
pub fn field(bytes: &[u8], name: &str) -> Option<String> {
    let text = String::from_utf8_lossy(bytes);
    let header = text.split("\r\n\r\n").next().unwrap().replace("\r\n ", " ");
    let line = header.split("\r\n").find(|line| line.to_lowercase().starts_with(&format!("{}:", name.to_lowercase())));
    line.map(|line| line.split_once(':').unwrap().1.trim().to_owned())
}

/// Runs on a clock that goes by itself.
pub fn simulated<T>(test: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().unwrap();
    runtime.block_on(test)
}
