//! Which alert leaves when: channels in turn, quiet hours, a bound for an hour, what came while nothing ran. On a
//! simulated clock, and cut off after every single wake-up.

use super::support::cut::Cut;
use jiff::{SignedDuration, Timestamp};
use modori::demo::{AUTHSERV_ID, SHOPPER, Server};
use modori::edge::Advice;
use modori::edge::clock::Clock;
use modori::edge::config::Backlog;
use modori::edge::hand::Hand;
use modori::edge::imap::{ImapAccount, Pace};
use modori::edge::out::{Accepted, Channel, Deliver, Delivery, OutError};
use modori::edge::secret::Secret;
use modori::edge::store::{Course, Db, NOT_NEEDED, Row, State, Store};
use modori::engine::{Engine, Mailbox, Rules};
use modori::ledger::due::Settings;
use modori::plan::calm::Calm;
use modori::plan::hot::Hours;
use modori::plan::{Alert, Effect, Policy};
use modori::rules::RuleSet;
use modori::wording::{Language, Wording};
use secrecy::SecretString;
use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

/// How a channel behaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ways {
    Takes,
    Fails,
    /// Answers nothing; given up after so many seconds, as the real ones are.
    Hangs(u64),
}

/// A channel that behaves so, and writes down what it took when.
struct Wire {
    ways: Mutex<Ways>,
    clock: Clock,
    asked: Mutex<Vec<(Timestamp, String)>>,
    took: Mutex<Vec<(Timestamp, String, Alert)>>,
}

impl Deliver for Wire {
    fn deliver<'a>(&'a self, alert: &'a Alert, key: &'a str) -> Delivery<'a> {
        Box::pin(async move {
            self.asked.lock().unwrap().push((self.clock.now(), key.to_owned()));
            tokio::time::sleep(Duration::from_millis(1)).await;
            let ways = *self.ways.lock().unwrap();
            let failed = |advice| Err(OutError { what: "out of order".to_owned(), advice });
            match ways {
                Ways::Fails => failed(Advice::Again(None)),
                Ways::Hangs(seconds) => {
                    tokio::time::sleep(Duration::from_secs(seconds)).await;
                    failed(Advice::Unknown)
                }
                Ways::Takes => {
                    self.took.lock().unwrap().push((self.clock.now(), key.to_owned(), alert.clone()));
                    tokio::time::sleep(Duration::from_millis(1)).await;
                    Ok(Accepted::default())
                }
            }
        })
    }
}

/// What outlives the program.
struct World {
    server: Server,
    store: Store,
    clock: Clock,
    wires: BTreeMap<String, Arc<Wire>>,
    policy: Policy,
}

fn at(text: &str) -> Timestamp {
    format!("2026-{}:00+09:00", text.replace(' ', "T")).parse().unwrap()
}

fn rules() -> Rules {
    static RULES: OnceLock<Rules> = OnceLock::new();
    RULES.get_or_init(|| Rules::fixed(RuleSet::shipped())).clone()
}

impl World {
    fn new(start: &str, channels: &[(&str, Ways)], policy: Policy) -> Self {
        let clock = Clock::simulated(at(start));
        let server = Server::with(SHOPPER, "p", clock.clone(), '/', "");
        let store = Store::inline(Arc::new(Mutex::new(Db::in_memory().unwrap())));
        let wire = |ways| {
            let (asked, took) = Default::default();
            Arc::new(Wire { ways: Mutex::new(ways), clock: clock.clone(), asked, took })
        };
        let wires = channels.iter().map(|(name, ways)| ((*name).to_owned(), wire(*ways))).collect();
        let policy =
            Policy { stale_after_s: 900, give_up_after_s: 120, fallback_after_s: 20, language: Language::En, ..policy };
        Self { server, store, clock, wires, policy }
    }

    fn engine(&self) -> Engine {
        let account = ImapAccount {
            name: "a".to_owned(),
            dial: self.server.dial(),
            user: SHOPPER.to_owned(),
            credential: Secret::Given(SecretString::from("p")).into(),
            pace: Pace::default(),
            fetch_cap: 64 * 1024,
        };
        let channels = self.wires.iter().map(|(name, wire)| (name.clone(), Arc::clone(wire) as Channel)).collect();
        Engine {
            store: self.store.clone(),
            hand: Hand::new(self.store.clone(), self.clock.clone(), channels, [account.clone()])
                .saying(&Wording::default(), Language::En),
            clock: self.clock.clone(),
            rules: rules(),
            policy: self.policy.clone(),
            backlog: Backlog::Sort,
            own_addresses: BTreeSet::new(),
            mailboxes: vec![Mailbox { account, name: "INBOX".to_owned(), authserv_ids: vec![AUTHSERV_ID.to_owned()] }],
            ledger: Settings::default(),
            hot: Hours { announced: None, ..Hours::default() },
        }
    }

    fn deliver(&self, id: &str, from: &str, subject: &str, body: &str) {
        let now = self.clock.now();
        let date = modori::calendar::civil(now).strftime("%a, %d %b %Y %H:%M:%S +0900");
        let mail = format!(
            "From: <{from}>\r\nTo: <{SHOPPER}>\r\nSubject: {subject}\r\nDate: {date}\r\nMessage-ID: <{id}@example.jp>\r\n\
             Authentication-Results: {AUTHSERV_ID}; dmarc=pass header.from={}\r\n\
             MIME-Version: 1.0\r\nContent-Type: text/plain; charset=UTF-8\r\n\r\n{body}\r\n",
            from.split('@').next_back().unwrap()
        );
        self.server.deliver("INBOX", mail.as_bytes(), now);
    }

    fn restock(&self, name: &str) {
        let body = format!(
            "ご登録いただいた商品が再入荷しました。\n商品名：{name}\n価格：1,980円\n\
             https://item.rakuten.co.jp/modori-zakka/{name}/\n"
        );
        self.deliver(name, "info@rakuten.co.jp", "再入荷のお知らせ", &body);
    }

    /// The program runs until this time.
    async fn run_until(&self, until: &str) {
        self.engine().watch(self.wait_until(until)).await.unwrap();
    }

    /// Nothing runs until this time.
    async fn wait_until(&self, until: &str) {
        let wait = at(until).duration_since(self.clock.now()).max(SignedDuration::ZERO);
        tokio::time::sleep(Duration::try_from(wait).unwrap()).await;
    }

    async fn rows(&self) -> Vec<Row> {
        self.store.call(|db| db.outbox()).await.unwrap()
    }

    /// What a channel took: time of day and title.
    fn took(&self, channel: &str) -> Vec<String> {
        let took = self.wires[channel].took.lock().unwrap();
        let clock = |at: Timestamp| modori::calendar::civil(at).strftime("%H:%M").to_string();
        took.iter().map(|(at, _, alert)| format!("{} {}", clock(*at), alert.title)).collect()
    }

    /// What a channel took last.
    fn last(&self, channel: &str) -> Alert {
        self.wires[channel].took.lock().unwrap().last().unwrap().2.clone()
    }

    /// How many mails lie in each folder.
    fn folders(&self) -> BTreeMap<String, usize> {
        let alive = |flags: &BTreeSet<String>| !flags.contains("\\Deleted");
        let all = self.server.mailboxes().into_iter();
        let counted = all.map(|(name, messages)| (name, messages.iter().filter(|one| alive(&one.flags)).count()));
        counted.filter(|(_, count)| *count > 0).collect()
    }

    /// Everything was seen and nothing is open.
    async fn at_rest(&self, mails: usize) {
        loop {
            tokio::time::sleep(Duration::from_millis(500)).await;
            let rest = self.store.call(move |db| {
                let seen: u32 = db.counts()?.iter().map(|(_, count)| *count).sum();
                Ok(seen as usize == mails && db.open_rows()? == 0)
            });
            if rest.await.unwrap() {
                return;
            }
        }
    }
}

fn by(channels: &[&str], fallback: &[&str]) -> Policy {
    let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
    Policy { channels: names(channels), fallback: names(fallback), ..Policy::default() }
}

fn simulated(story: impl Future<Output = ()>) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().unwrap();
    runtime.block_on(story);
}

const CHAIN: [(&str, Ways); 3] = [("first", Ways::Fails), ("second", Ways::Hangs(20)), ("third", Ways::Takes)];

#[test]
fn the_next_channel_is_asked_when_one_fails_and_when_one_hangs() {
    simulated(async {
        let world = World::new("11-24 10:00", &CHAIN, by(&["first"], &["second", "third"]));
        world.restock("mug");
        world.run_until("11-24 10:05").await;
        let asked = |name: &str| {
            let asked = world.wires[name].asked.lock().unwrap();
            asked.iter().map(|(when, _)| when.duration_since(at("11-24 10:00")).as_secs()).collect::<Vec<_>>()
        };
        let (first, second, third) = (asked("first"), asked("second"), asked("third"));
        assert!(first[0] <= 1 && second[0] <= 1, "a failure is not waited out: {first:?} {second:?}");
        assert_eq!(third.len(), 1);
        assert!((18..=23).contains(&third[0]), "one that hangs has its 20 seconds: {third:?}");
        assert_eq!(world.took("third").len(), 1);
        assert_eq!(world.folders(), BTreeMap::from([("楽天/再入荷".to_owned(), 1)]));
        // filed when the third had taken it, not when the first was given up
        let rows = world.rows().await;
        let closed = |end: &str| rows.iter().find(|row| row.key.ends_with(end)).unwrap().clone();
        assert_eq!(closed(":first").last_error.as_deref(), Some(NOT_NEEDED), "{rows:?}");
        assert_eq!(closed(":second").state, State::Dropped);
        assert_eq!(closed(":second").last_error.as_deref(), Some(NOT_NEEDED));
        let history = world.store.call(|db| db.history(None, 50)).await.unwrap();
        let filed = history.iter().find(|action| matches!(action.effect, Effect::File { .. })).unwrap();
        let told = history.iter().find(|action| action.key.ends_with(":third")).unwrap();
        assert!(filed.at.duration_since(told.at) <= SignedDuration::from_secs(1), "{} {}", filed.at, told.at);
        // it left more than nothing late, and less than a minute: it says nothing of being late
        let took = world.wires["third"].took.lock().unwrap();
        assert!(!took[0].2.body.contains("late"), "{}", took[0].2.body);
    });
}

/// A life that is cut off after so many wake-ups, and one that finishes; how many wake-ups the first had.
async fn chain_cut(wake_ups: usize) -> (usize, usize) {
    let channels = [("first", Ways::Fails), ("second", Ways::Hangs(4)), ("third", Ways::Takes)];
    let mut world = World::new("11-24 10:00", &channels, by(&["first"], &["second", "third"]));
    // shorter than in life, so that the wake-ups are not mostly those of waiting
    (world.policy.fallback_after_s, world.policy.give_up_after_s) = (3, 12);
    world.restock("mug");
    let used = Arc::new(Mutex::new(0));
    {
        let engine = world.engine();
        let life = async { engine.watch(world.at_rest(1)).await.unwrap() };
        Cut { inner: Box::pin(life), left: wake_ups, used: Arc::clone(&used) }.await;
    }
    let engine = world.engine();
    let finished = tokio::time::timeout(Duration::from_secs(24 * 3600), engine.watch(world.at_rest(1))).await;
    finished.expect("the second life does not come to rest").unwrap();
    assert_eq!(world.folders(), BTreeMap::from([("楽天/再入荷".to_owned(), 1)]), "cut after {wake_ups}");
    for row in world.rows().await {
        let is = (row.state, row.last_error.as_deref());
        let right = match (&row.effect, row.lane.as_str()) {
            (Effect::Alert { .. }, "third") | (Effect::File { .. }, _) => row.state == State::Done,
            _ => is == (State::Dropped, Some(NOT_NEEDED)),
        };
        assert!(right, "cut after {wake_ups}: {row:?}");
    }
    let told = world.took("third").len();
    let used = *used.lock().unwrap();
    (told, used)
}

#[test]
fn a_chain_tells_at_least_once_and_files_once_wherever_the_program_is_cut() {
    let (mut wake_ups, mut all, mut twice) = (0, usize::MAX, 0);
    while wake_ups < all {
        simulated(async {
            let (told, used) = chain_cut(wake_ups).await;
            assert!((1..=2).contains(&told), "told {told} times, cut after {wake_ups}");
            twice += usize::from(told == 2);
            if used < wake_ups {
                all = used;
            }
        });
        wake_ups += 1;
    }
    // only a cut between the channel's answer and its being written down makes it ring again
    assert!(all > 60 && twice <= 4, "{twice} of {all}");
    println!("cut after each of {all} wake-ups; {twice} rang twice");
}

#[test]
fn a_channel_that_is_broken_is_left_alone_and_the_others_tell_at_once() {
    simulated(async {
        let channels = [("phone", Ways::Fails), ("mail", Ways::Takes)];
        let world = World::new("11-24 10:00", &channels, by(&["phone"], &["mail"]));
        for minute in 0..10 {
            world.restock(&format!("cup-{minute}"));
            world.run_until(&format!("11-24 10:{:02}", minute + 1)).await;
        }
        assert_eq!(world.took("mail").len(), 10);
        let (name, health) = world.store.call(|db| Ok(db.health()?.pop().unwrap())).await.unwrap();
        assert!(name == "phone" && health.failing_since.is_some() && health.shut > 1, "{health:?}");
        // mended: the next alert after the wait goes through, and nothing more is shown
        *world.wires["phone"].ways.lock().unwrap() = Ways::Takes;
        world.wait_until("11-24 10:20").await;
        world.restock("late-cup");
        world.run_until("11-24 10:25").await;
        assert!(world.took("phone").iter().any(|line| line.contains("late-cup")), "{:?}", world.took("phone"));
        assert_eq!(world.took("mail").len(), 10, "not needed any more");
        let (_, health) = world.store.call(|db| Ok(db.health()?.pop().unwrap())).await.unwrap();
        assert!(health.failing_since.is_none() && health.well_since.is_some(), "{health:?}");
    });
}

#[test]
fn many_alerts_do_not_hammer_a_channel_that_is_down() {
    simulated(async {
        let world = World::new("11-24 10:00", &[("phone", Ways::Fails)], by(&["phone"], &[]));
        for n in 0..15 {
            world.restock(&format!("cup-{n}"));
        }
        world.run_until("11-24 10:02").await;
        let asked = world.wires["phone"].asked.lock().unwrap().len();
        // each by itself would have tried seven times
        assert!((4..=20).contains(&asked), "{asked} attempts");
        let rows = world.rows().await;
        assert!(rows.iter().filter(|row| row.key.starts_with("file:")).count() == 15);
    });
}

fn night() -> Policy {
    let calm = Calm { quiet: vec!["23:00-07:00".parse().unwrap()], ..Calm::default() };
    Policy { calm, ..by(&["phone"], &["mail"]) }
}

#[test]
fn quiet_hours_hold_until_the_morning_and_let_a_deadline_pass() {
    simulated(async {
        let channels = [("phone", Ways::Takes), ("mail", Ways::Takes)];
        let world = World::new("11-26 22:55", &channels, night());
        world.restock("before");
        world.run_until("11-26 23:05").await;
        assert_eq!(world.took("phone"), ["22:55 before ¥1,980"]);
        world.restock("night-one");
        world.run_until("11-27 00:30").await;
        world.restock("night-two");
        // a second copy of what is kept back is the same event
        world.restock("night-two");
        world.run_until("11-27 02:00").await;
        let question = "受注番号：399999-20261119-0123456780\n品切れのため下記よりお選びください。\n①キャンセル ②入荷待ち\n\
                        11月27日(金)05:00までにご返信ください。\n";
        world.deliver("ask", "modori-zakka@shop.rakuten.co.jp", "【要返信】在庫切れのお詫び", question);
        world.run_until("11-27 06:50").await;
        let heard = world.took("phone");
        assert!(heard.len() >= 2 && heard[1].starts_with("02:00"), "the deadline is before the morning: {heard:?}");
        assert!(!heard.iter().any(|line| line.contains("night")), "{heard:?}");
        assert_eq!(world.folders()["楽天/再入荷"], 3, "filed at once, whatever rings when");
        let before = heard.len();
        world.run_until("11-27 07:10").await;
        let heard = world.took("phone");
        assert_eq!(heard[before..], ["07:00 2 restocks were kept back"]);
        world.run_until("11-27 07:30").await;
        assert_eq!(world.took("phone").len(), before + 1, "once");
        assert_eq!(world.took("mail"), Vec::<String>::new());
        let body = world.last("phone").body;
        assert!(body.contains("night-one") && body.contains("night-two") && body.contains("楽天/再入荷"), "{body}");
        let ways = world.store.call(|db| db.latencies()).await.unwrap();
        assert_eq!(ways.iter().filter(|took| took.way == Course::NoMail).count(), 1, "the summary: {ways:?}");
    });
}

#[test]
fn one_that_is_fresh_in_the_morning_is_told_as_itself() {
    simulated(async {
        let channels = [("phone", Ways::Takes), ("mail", Ways::Takes)];
        let world = World::new("11-27 06:52", &channels, night());
        world.restock("dawn");
        world.run_until("11-27 06:55").await;
        // the program does not run at seven
        world.wait_until("11-27 07:03").await;
        world.run_until("11-27 07:05").await;
        assert_eq!(world.took("phone"), ["07:03 dawn ¥1,980"]);
        let alert = world.last("phone");
        let late = "\n⏱ This alert is 11 min late (received Nov 27, 06:52)";
        assert!(alert.body.contains(late) && alert.url.is_some(), "{alert:?}");
        let latencies = world.store.call(|db| db.latencies()).await.unwrap();
        assert_eq!(latencies.iter().map(|took| took.way).collect::<Vec<_>>(), [Course::KeptBack]);
    });
}

#[test]
fn of_forty_five_restocks_within_an_hour_twenty_ring_and_the_rest_is_one_list() {
    simulated(async {
        let calm = Calm { most_an_hour: 20, ..Calm::default() };
        let policy = Policy { calm, ..by(&["phone"], &[]) };
        let world = World::new("11-24 12:00", &[("phone", Ways::Takes)], policy);
        for n in 0..45 {
            world.restock(&format!("cup-{n:02}"));
        }
        world.run_until("11-24 12:03").await;
        let heard = world.took("phone");
        assert_eq!(heard.iter().filter(|line| line.contains("cup-")).count(), 20, "{heard:?}");
        assert_eq!(heard.iter().filter(|line| line.ends_with("More alerts are kept back")).count(), 1, "{heard:?}");
        assert_eq!(heard.len(), 21);
        world.run_until("11-24 12:10").await;
        let heard = world.took("phone");
        assert_eq!(heard[21..], ["12:05 25 restocks were kept back"]);
        let body = world.last("phone").body;
        assert!(body.contains("and 17 more"), "{body}");
        assert_eq!(world.folders(), BTreeMap::from([("楽天/再入荷".to_owned(), 45)]));
        // an hour later the next one rings again
        world.wait_until("11-24 13:06").await;
        world.restock("later");
        world.run_until("11-24 13:07").await;
        assert_eq!(world.took("phone").len(), 23);
    });
}

/// Twelve restocks came while nothing ran; a life is cut off after so many wake-ups, the next one finishes. How often
/// the summary rang, and how many wake-ups the first life had.
async fn catch_up_cut(wake_ups: usize) -> (usize, usize) {
    let calm = Calm { gather_s: 5, ..Calm::default() };
    let world = World::new("11-24 12:00", &[("phone", Ways::Takes)], Policy { calm, ..by(&["phone"], &[]) });
    for n in 0..12 {
        world.restock(&format!("cup-{n:02}"));
    }
    world.wait_until("11-24 14:00").await;
    let used = Arc::new(Mutex::new(0));
    {
        let engine = world.engine();
        let life = async { engine.watch(world.at_rest(12)).await.unwrap() };
        Cut { inner: Box::pin(life), left: wake_ups, used: Arc::clone(&used) }.await;
    }
    let engine = world.engine();
    let finished = tokio::time::timeout(Duration::from_secs(24 * 3600), engine.watch(world.at_rest(12))).await;
    finished.expect("the second life does not come to rest").unwrap();
    let took = world.wires["phone"].took.lock().unwrap();
    let keys: BTreeSet<&String> = took.iter().map(|(_, key, _)| key).collect();
    let told: usize = took
        .iter()
        .map(|(_, key, alert)| (key, alert.details["kept_back"].as_u64().unwrap()))
        .collect::<BTreeMap<_, _>>()
        .values()
        .map(|count| usize::try_from(*count).unwrap())
        .sum();
    assert_eq!(told, 12, "each restock is in a summary once, cut after {wake_ups}: {keys:?}");
    assert_eq!(keys.len(), 1, "one summary, cut after {wake_ups}: {keys:?}");
    assert_eq!(world.folders(), BTreeMap::from([("楽天/再入荷".to_owned(), 12)]));
    let used = *used.lock().unwrap();
    (took.len(), used)
}

#[test]
fn what_came_while_nothing_ran_is_one_summary_wherever_the_program_is_cut() {
    let (mut wake_ups, mut all, mut twice) = (0, usize::MAX, 0);
    while wake_ups < all {
        simulated(async {
            let (rang, used) = catch_up_cut(wake_ups).await;
            assert!((1..=2).contains(&rang), "{rang} times, cut after {wake_ups}");
            twice += usize::from(rang == 2);
            if used < wake_ups {
                all = used;
            }
        });
        wake_ups += 1;
    }
    assert!(all > 25 && twice <= 4, "{twice} of {all}");
    println!("cut after each of {all} wake-ups; {twice} rang twice");
}

#[test]
fn what_is_kept_back_waits_for_a_channel() {
    simulated(async {
        let mut world = World::new("11-27 06:30", &[("phone", Ways::Takes)], night());
        world.policy.fallback = vec![];
        world.restock("dawn");
        world.run_until("11-27 06:40").await;
        world.policy.channels = vec![];
        world.run_until("11-27 07:30").await;
        assert_eq!(world.store.call(|db| Ok(db.kept_back()?.len())).await.unwrap(), 1);
        world.policy.channels = vec!["phone".to_owned()];
        world.run_until("11-27 07:40").await;
        assert_eq!(world.took("phone"), ["07:30 A restock was kept back"]);
    });
}
