//! Several accounts in one process: rules and folders of each its own, one ledger, and nobody's trouble another's.

mod isolation;
mod one_case;
mod own_rules;
mod real;

use jiff::Timestamp;
use modori::demo::Server;
use modori::edge::clock::Clock;
use modori::edge::config::Backlog;
use modori::edge::hand::Hand;
use modori::edge::imap::{ImapAccount, Pace};
use modori::edge::out::{Accepted, Channel, Deliver, Delivery};
use modori::edge::secret::Secret;
use modori::edge::store::{Db, Store};
use modori::engine::{Engine, Mailbox, Rules, Surroundings};
use modori::ledger::due::Settings;
use modori::letter::{Replies, Sender};
use modori::plan::hot::Hours;
use modori::plan::{Alert, Late, Looks, Policy};
use modori::rules::RuleSet;
use modori::wording::Language;
use secrecy::SecretString;
use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;
use std::sync::{Arc, Mutex};
use std::time::Duration;

pub fn at(text: &str) -> Timestamp {
    format!("{}:00+09:00", text.replace(' ', "T")).parse().unwrap()
}

/// A phone that writes down what came when, and takes a millisecond to say so.
pub struct Phone {
    clock: Clock,
    pub heard: Mutex<Vec<(Timestamp, Alert)>>,
}

impl Deliver for Phone {
    fn deliver<'a>(&'a self, alert: &'a Alert, _key: &'a str) -> Delivery<'a> {
        Box::pin(async move {
            self.heard.lock().unwrap().push((self.clock.now(), alert.clone()));
            tokio::time::sleep(Duration::from_millis(1)).await;
            Ok(Accepted::default())
        })
    }
}

/// An account: its server, and how it is reached.
#[derive(Clone)]
pub struct Mine {
    pub name: &'static str,
    pub address: &'static str,
    pub server: Server,
    pub password: Secret,
}

/// What outlives the program.
pub struct World {
    pub clock: Clock,
    pub db: Arc<Mutex<Db>>,
    pub accounts: Vec<Mine>,
    pub phone: Arc<Phone>,
    pub rules: Rules,
    pub settings: Settings,
}

impl World {
    /// Accounts by name and address, each on a server of its own.
    pub fn new(begin: Timestamp, accounts: &[(&'static str, &'static str)]) -> Self {
        let clock = Clock::simulated(begin);
        let mine = |(name, address): &(&'static str, &'static str)| {
            let server = Server::with(address, "right", clock.clone(), '/', "");
            server.create("下書き", Some("\\Drafts"));
            Mine { name, address, server, password: Secret::Given(SecretString::from("right")) }
        };
        Self {
            accounts: accounts.iter().map(mine).collect(),
            db: Arc::new(Mutex::new(Db::in_memory().unwrap())),
            phone: Arc::new(Phone { clock: clock.clone(), heard: Mutex::default() }),
            rules: Rules::fixed(RuleSet::shipped()),
            settings: Settings::default(),
            clock,
        }
    }

    pub fn server(&self, name: &str) -> &Server {
        &self.accounts.iter().find(|one| one.name == name).unwrap().server
    }

    pub fn store(&self) -> Store {
        Store::inline(Arc::clone(&self.db))
    }

    pub fn policy(&self) -> Policy {
        let sender = |one: &Mine| Sender {
            account: one.name.to_owned(),
            address: one.address.to_owned(),
            fixed: false,
            own: vec![one.address.to_owned()],
        };
        let senders = self.accounts.iter().map(sender).collect();
        Policy {
            observe: false,
            channels: vec!["phone".to_owned()],
            stale_after_s: 90 * 24 * 3600,
            give_up_after_s: 24 * 3600,
            late: Late::Each,
            flags: Some(Looks::default()),
            language: Language::En,
            replies: Replies { drafts: true, senders, ..Replies::default() },
            ..Policy::default()
        }
    }

    /// One life of the program: everything but the world is new.
    pub fn engine(&self) -> Engine {
        let imap = |one: &Mine| ImapAccount {
            name: one.name.to_owned(),
            dial: one.server.dial(),
            user: one.address.to_owned(),
            credential: one.password.clone().into(),
            pace: Pace::default(),
            fetch_cap: 64 * 1024,
        };
        let accounts: Vec<ImapAccount> = self.accounts.iter().map(imap).collect();
        let channels = BTreeMap::from([("phone".to_owned(), Arc::clone(&self.phone) as Channel)]);
        let store = self.store();
        let policy = self.policy();
        let mailbox = |account: ImapAccount| Mailbox {
            // each provider vouches for its own mail, and for no other's
            authserv_ids: vec![format!("mx.{}", account.user.rsplit_once('@').unwrap().1)],
            account,
            name: "INBOX".to_owned(),
        };
        let posting = modori::edge::hand::Posting {
            policy: policy.clone(),
            ledger: self.settings.clone(),
            ..modori::edge::hand::Posting::default()
        };
        Engine {
            hand: Hand::new(store.clone(), self.clock.clone(), channels, accounts.clone())
                .looking(policy.flags)
                .posting(posting),
            store,
            clock: self.clock.clone(),
            rules: self.rules.clone(),
            policy,
            backlog: Backlog::Sort,
            own_addresses: self.accounts.iter().map(|one| one.address.to_owned()).collect::<BTreeSet<_>>(),
            mailboxes: accounts.into_iter().map(mailbox).collect(),
            ledger: self.settings.clone(),
            hot: Hours { announced: None, ..Hours::default() },
        }
    }

    /// The program runs while this happens.
    pub async fn while_running<T>(&self, story: impl Future<Output = T>) -> T {
        let mut told = None;
        let stop = async { told = Some(story.await) };
        self.engine().watch_in(Surroundings::default(), stop).await.unwrap();
        told.unwrap()
    }

    /// What the phone heard: milliseconds from `since`, category and title.
    pub fn heard(&self, since: Timestamp) -> Vec<(i64, String, String)> {
        let heard = self.phone.heard.lock().unwrap();
        let line = |(at, alert): &(Timestamp, Alert)| {
            let ms = i64::try_from(at.duration_since(since).as_millis()).unwrap();
            (ms, alert.category.clone(), alert.title.clone())
        };
        heard.iter().map(line).collect()
    }

    /// How many messages lie in a folder of an account, if there is such a folder.
    pub fn lie(&self, account: &str, folder: &str) -> usize {
        self.server(account).mailboxes().get(folder).map_or(0, Vec::len)
    }

    /// Waits until so many lie there.
    pub async fn until_it_lies(&self, account: &str, folder: &str, number: usize) {
        while self.lie(account, folder) < number {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }
}

pub async fn pass(seconds: u64) {
    tokio::time::sleep(Duration::from_secs(seconds)).await;
}

pub fn simulated<T>(story: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().unwrap();
    runtime.block_on(story)
}

/// A restock mail that its provider vouches for.
pub fn restock(address: &str, n: u32) -> Vec<u8> {
    let host = address.rsplit_once('@').unwrap().1;
    let lines = [
        format!(
            "Authentication-Results: mx.{host}; dkim=pass header.d=rakuten.co.jp; dmarc=pass header.from=rakuten.co.jp"
        ),
        "From: <info@rakuten.co.jp>".to_owned(),
        format!("To: <{address}>"),
        format!("Subject: Restock {n}"),
        format!("Message-ID: <restock.{n}.{address}>"),
        String::new(),
        format!("ご登録の商品が再入荷しました。\r\n商品名：マグ{n}\r\nhttps://item.rakuten.co.jp/uminoya/mug-{n}/"),
        String::new(),
    ];
    lines.join("\r\n").into_bytes()
}
