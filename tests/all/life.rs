//! A mailbox that is not seen is told in time, once, and taken back; waits survive restarts; nobody's account is locked.
//! The whole program under a paused clock.

use jiff::{SignedDuration, Timestamp};
use modori::demo::{Fault, SHOPPER, Server};
use modori::edge::Advice;
use modori::edge::clock::Clock;
use modori::edge::config::Backlog;
use modori::edge::hand::Hand;
use modori::edge::imap::{Dial, ImapAccount, Pace};
use modori::edge::out::{Accepted, Channel, Deliver, Delivery, OutError};
use modori::edge::secret::Secret;
use modori::edge::store::{Db, State, Store};
use modori::engine::{Engine, Mailbox, Rules, Surroundings};
use modori::plan::sight::{Blind, Life, Reach};
use modori::plan::{Alert, Policy};
use modori::rules::RuleSet;
use modori::wording::Language;
use secrecy::SecretString;
use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// A phone that writes down what came when; while `dead` nothing comes through.
struct Phone {
    clock: Clock,
    dead: AtomicBool,
    heard: Mutex<Vec<(Timestamp, Alert)>>,
}

impl Deliver for Phone {
    fn deliver<'a>(&'a self, alert: &'a Alert, _key: &'a str) -> Delivery<'a> {
        Box::pin(async move {
            if self.dead.load(Ordering::Relaxed) {
                return Err(OutError { what: "no network".to_owned(), advice: Advice::Again(None) });
            }
            self.heard.lock().unwrap().push((self.clock.now(), alert.clone()));
            Ok(Accepted::default())
        })
    }
}

struct World {
    server: Server,
    store: Store,
    clock: Clock,
    begin: Timestamp,
    phone: Arc<Phone>,
    /// When a connection was tried, in seconds from the beginning.
    tried: Arc<Mutex<Vec<i64>>>,
    password: &'static str,
    settings_at: Option<Timestamp>,
    pace: Pace,
    rules: Rules,
}

impl World {
    fn new() -> Self {
        let begin: Timestamp = "2026-11-24T09:00:00+09:00".parse().unwrap();
        let clock = Clock::simulated(begin);
        let phone = Phone { clock: clock.clone(), dead: AtomicBool::new(false), heard: Mutex::default() };
        Self {
            server: Server::with(SHOPPER, "right", clock.clone(), '/', ""),
            store: Store::inline(Arc::new(Mutex::new(Db::in_memory().unwrap()))),
            begin,
            phone: Arc::new(phone),
            clock,
            tried: Arc::default(),
            password: "right",
            settings_at: None,
            pace: Pace::default(),
            rules: Rules::fixed(RuleSet::shipped()),
        }
    }

    fn engine(&self) -> Engine {
        let (dial, tried, clock, begin) = (self.server.dial(), Arc::clone(&self.tried), self.clock.clone(), self.begin);
        let Dial::Memory(connect) = dial else { panic!("not through memory") };
        let dial = Dial::Memory(Arc::new(move || {
            tried.lock().unwrap().push(clock.now().duration_since(begin).as_secs());
            connect()
        }));
        let account = ImapAccount {
            name: "a".to_owned(),
            dial,
            user: SHOPPER.to_owned(),
            credential: Secret::Given(SecretString::from(self.password)).into(),
            pace: self.pace.clone(),
            fetch_cap: 64 * 1024,
        };
        let channels = BTreeMap::from([("phone".to_owned(), Arc::clone(&self.phone) as Channel)]);
        let blind = Blind {
            after: Some(SignedDuration::from_mins(5)),
            after_hot: Some(SignedDuration::from_mins(1)),
            channels: vec!["phone".to_owned()],
            fallback: Vec::new(),
        };
        Engine {
            store: self.store.clone(),
            hand: Hand::new(self.store.clone(), self.clock.clone(), channels, [account.clone()]),
            clock: self.clock.clone(),
            rules: self.rules.clone(),
            policy: Policy {
                channels: vec!["phone".to_owned()],
                stale_after_s: 0,
                give_up_after_s: 7200,
                blind,
                language: Language::En,
                ..Policy::default()
            },
            backlog: Backlog::Sort,
            own_addresses: BTreeSet::new(),
            mailboxes: vec![Mailbox { account, name: "INBOX".to_owned(), authserv_ids: vec![] }],
            ledger: modori::ledger::due::Settings::default(),
            hot: modori::plan::hot::Hours::default(),
        }
    }

    /// The program runs while this happens.
    async fn while_running<T>(&self, story: impl Future<Output = T>) -> T {
        let mut told = None;
        let stop = async { told = Some(story.await) };
        let around = Surroundings { settings_at: self.settings_at, ..Surroundings::default() };
        self.engine().watch_in(around, stop).await.unwrap();
        told.unwrap()
    }

    async fn life(&self) -> Life {
        self.store.call(|db| db.lives()).await.unwrap().remove(0).life
    }

    /// What the phone heard of sight: seconds from the beginning, and title.
    fn heard(&self) -> Vec<(i64, String)> {
        let heard = self.phone.heard.lock().unwrap();
        let sights = heard.iter().filter(|(_, alert)| alert.category == "sight");
        sights.map(|(at, alert)| (at.duration_since(self.begin).as_secs(), alert.title.clone())).collect()
    }

    fn tries(&self) -> usize {
        self.tried.lock().unwrap().len()
    }

    fn mail(&self, n: u32) {
        let mail = format!(
            "From: <info@rakuten.co.jp>\r\nSubject: Restock\r\nMessage-ID: <m{n}@example.jp>\r\n\r\n商品名：マグ{n}\r\n"
        );
        self.server.deliver("INBOX", mail.as_bytes(), self.clock.now());
    }
}

async fn pass(seconds: u64) {
    tokio::time::sleep(Duration::from_secs(seconds)).await;
}

fn simulated(story: impl Future<Output = ()>) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().unwrap();
    runtime.block_on(story);
}

const BLIND: &str = "No sight of your mail for 5 minutes";
const BACK: &str = "Your mail is seen again";

#[test]
fn blindness_is_told_after_five_minutes_and_taken_back() {
    simulated(async {
        let world = World::new();
        world
            .while_running(async {
                pass(600).await;
                let good = world.life().await;
                assert_eq!((good.reach, good.blind_since), (Reach::Watching, None));
                world.server.set_down(true);
                pass(250).await;
                let life = world.life().await;
                assert_eq!(life.reach, Reach::Waiting);
                let since = life.blind_since.unwrap().duration_since(world.begin).as_secs();
                assert!((540..=600).contains(&since), "counted from the last proof of life: {since}");
                assert_eq!(world.heard(), []);
                world.mail(1);
                world.mail(2);
                pass(60).await;
                let heard = world.heard();
                assert_eq!(heard.len(), 1, "{heard:?}");
                let (at, title) = &heard[0];
                assert!((since + 300..=since + 302).contains(at), "told at {at}, blind since {since}");
                assert_eq!(title, BLIND);
                pass(3600).await;
                assert_eq!(world.heard().len(), 1, "once");
                world.server.set_down(false);
                pass(310).await;
                let heard = world.heard();
                assert_eq!((heard.len(), heard[1].1.as_str()), (2, BACK), "{heard:?}");
                let body =
                    world.phone.heard.lock().unwrap().iter().find(|one| one.1.title == BACK).unwrap().1.body.clone();
                assert!(body.contains("2 mails came meanwhile"), "{body}");
                let life = world.life().await;
                assert_eq!((life.reach, life.failures, life.blind_since), (Reach::Watching, 0, None));
                assert!(life.told.alerts.is_empty());
            })
            .await;
    });
}

#[test]
fn sight_that_returns_in_time_is_not_told_and_what_could_not_leave_is_dropped() {
    simulated(async {
        let mut world = World::new();
        world.pace.back_off.1 = Duration::from_secs(1);
        world
            .while_running(async {
                pass(600).await;
                world.server.set_down(true);
                pass(1).await;
                let since = world.life().await.blind_since.unwrap();
                let left = since + SignedDuration::from_secs(298) - world.clock.now();
                tokio::time::sleep(Duration::try_from(left).unwrap()).await;
                world.server.set_down(false);
                pass(600).await;
                assert_eq!(world.heard(), [], "seen again after 4:59");
                // the whole network is gone: the alert cannot leave either
                world.server.set_down(true);
                world.phone.dead.store(true, Ordering::Relaxed);
                pass(1800).await;
                let open = world.store.call(|db| db.outbox()).await.unwrap();
                let alert = open.iter().find(|row| row.key.starts_with("blind:a:")).expect("no alert was entered");
                assert_eq!(alert.state, State::Ready);
                let id = alert.id;
                world.server.set_down(false);
                pass(310).await;
                assert_eq!(world.life().await.reach, Reach::Watching);
                let rows = world.store.call(|db| db.outbox()).await.unwrap();
                assert_eq!(rows.iter().find(|row| row.id == id).unwrap().state, State::Dropped);
                world.phone.dead.store(false, Ordering::Relaxed);
                pass(3600).await;
                assert_eq!(world.heard(), [], "neither the alert nor a word that it is over");
            })
            .await;
    });
}

#[test]
fn blind_from_the_start_counts_from_the_start() {
    simulated(async {
        let world = World::new();
        world.server.set_down(true);
        world
            .while_running(async {
                pass(299).await;
                assert_eq!(world.heard(), []);
                pass(4).await;
                assert_eq!(world.heard().len(), 1);
            })
            .await;
    });
}

#[test]
fn an_hour_without_network_is_few_attempts_and_a_restart_does_not_begin_them_anew() {
    simulated(async {
        let world = World::new();
        world
            .while_running(async {
                pass(60).await;
                world.server.set_down(true);
                let before = world.tries();
                pass(3600).await;
                let tries = world.tries() - before;
                // 1, 2, 4 … 256 seconds, then every 150 to 300
                assert!((15..=33).contains(&tries), "{tries} attempts in an hour");
            })
            .await;
        let (tries, life) = (world.tries(), world.life().await);
        let until = life.not_before.unwrap();
        assert!(life.failures > 9 && until > world.clock.now(), "{life:?}");
        // started again and again, as a service manager does
        let mut starts = 0;
        while world.clock.now() < until - SignedDuration::from_secs(12) {
            world.while_running(pass(1)).await;
            starts += 1;
        }
        assert!(starts > 3, "{starts}");
        assert_eq!(world.tries(), tries, "nothing is tried before its time");
        world.while_running(pass(20)).await;
        assert_eq!(world.tries(), tries + 1);
        assert!(world.life().await.failures > life.failures);
        // and the count ends with a full look
        world.server.set_down(false);
        world.while_running(pass(310)).await;
        assert_eq!((world.life().await.failures, world.life().await.not_before), (0, None));
    });
}

#[test]
fn a_refused_login_is_told_at_once_and_restarts_do_not_lock_the_account() {
    simulated(async {
        let mut world = World::new();
        world.password = "wrong";
        world.while_running(pass(20)).await;
        assert_eq!(world.life().await.reach, Reach::Refused);
        let heard = world.heard();
        assert_eq!((heard.len(), heard[0].1.as_str()), (1, "Your mailbox refuses the login"));
        assert!(heard[0].0 < 5);
        // six hours of restarts, one a minute
        for _ in 0..6 * 60 {
            world.while_running(pass(60)).await;
        }
        let tries = world.tries();
        assert!((8..=20).contains(&tries), "{tries} attempts in six hours");
        assert_eq!(world.heard().len(), 1, "told once");
        // the settings are others: tried at once
        world.password = "right";
        world.settings_at = Some(world.clock.now());
        world.while_running(pass(20)).await;
        assert_eq!((world.life().await.reach, world.tries()), (Reach::Watching, tries + 1));
        let heard = world.heard();
        assert_eq!((heard.len(), heard[1].1.as_str()), (2, BACK));
    });
}

#[test]
fn what_waits_to_be_filed_does_not_double_the_attempts() {
    simulated(async {
        let world = World::new();
        world
            .while_running(async {
                pass(60).await;
                // read and judged, then the server is gone before it is filed
                world.server.fault_always("MOVE", Fault::Cut);
                world.mail(1);
                pass(5).await;
                world.server.set_down(true);
                world.server.clear_faults();
                pass(1).await;
                let before = world.tries();
                pass(3600).await;
                let tries = world.tries() - before;
                assert!(tries <= 33, "{tries} attempts of two connections in an hour");
            })
            .await;
    });
}

#[test]
fn the_proof_of_life_is_kept_and_costs_one_write_in_a_while() {
    simulated(async {
        let world = World::new();
        world
            .while_running(async {
                pass(3600).await;
                let life = world.life().await;
                let age = world.clock.now().duration_since(life.good_at.unwrap()).as_secs();
                assert!(age <= 55 + 15, "{age}");
                assert_eq!((life.means.is_some(), life.trouble), (true, None));
            })
            .await;
    });
}

#[test]
fn sleep_is_not_told_as_blindness() {
    simulated(async {
        let world = World::new();
        world
            .while_running(async {
                pass(600).await;
                // the machine sleeps for eight hours, and its connections die meanwhile
                world.clock.set_on(SignedDuration::from_hours(8));
                world.server.cut_all();
                pass(60).await;
                assert_eq!(world.heard(), []);
                assert_eq!(world.life().await.reach, Reach::Watching);
                // a clock that is set back stops nothing
                world.clock.set_on(SignedDuration::from_hours(-8));
                pass(60).await;
                world.server.set_down(true);
                pass(400).await;
                assert_eq!(world.heard().len(), 1);
            })
            .await;
    });
}

/// A silent cut: the server answers nothing any more, and closes nothing.
#[test]
fn a_half_open_connection_is_given_up_within_its_bound() {
    simulated(async {
        let world = World::new();
        world
            .while_running(async {
                pass(600).await;
                world.server.fault_always("*", Fault::Hang);
                pass(60).await;
                let life = world.life().await;
                assert_eq!(life.reach, Reach::Waiting, "{life:?}");
                world.server.clear_faults();
                pass(120).await;
                assert_eq!(world.life().await.reach, Reach::Watching);
            })
            .await;
    });
}

#[test]
fn a_connection_from_before_sleep_is_made_anew_at_once() {
    simulated(async {
        let world = World::new();
        world
            .while_running(async {
                pass(600).await;
                let before = world.tries();
                world.clock.set_on(SignedDuration::from_hours(8));
                pass(5).await;
                assert!(world.tries() > before, "within 5 s after waking up");
                assert_eq!(world.life().await.reach, Reach::Watching);
                assert_eq!(world.life().await.failures, 0);
            })
            .await;
    });
}

/// How long after waking up the mailbox was opened anew and read.
pub fn seconds_from_waking_up_to_sight() -> f64 {
    let mut seconds = 0.0;
    simulated(async {
        let world = World::new();
        world
            .while_running(async {
                pass(601).await;
                world.clock.set_on(SignedDuration::from_hours(8));
                let (woke, tries) = (tokio::time::Instant::now(), world.tries());
                while world.tries() == tries || world.life().await.reach != Reach::Watching {
                    tokio::time::sleep(Duration::from_millis(100)).await;
                }
                seconds = woke.elapsed().as_secs_f64();
            })
            .await;
    });
    seconds
}
