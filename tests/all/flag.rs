//! The flag of a case: set while it is open, and a word of the shopper's only when she took it off in sight of modori.

use super::support::cut::Cut;
use super::support::run::cancellation;
use modori::demo::{Fault, SHOPPER, Server};
use modori::edge::clock::Clock;
use modori::edge::config::Backlog;
use modori::edge::hand::Hand;
use modori::edge::imap::{ImapAccount, Pace};
use modori::edge::out::{Accepted, Channel, Deliver, Delivery};
use modori::edge::secret::Secret;
use modori::edge::store::{Db, Row, State, Store};
use modori::engine::{Engine, Mailbox, Rules};
use modori::facts::OrderNumber;
use modori::ledger::due::Settings;
use modori::ledger::{By, Said, Statement};
use modori::plan::{Alert, Late, Looks, Policy};
use modori::rules::RuleSet;
use modori::wording::Language;
use secrecy::SecretString;
use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;
use std::sync::{Arc, Mutex};
use std::time::Duration;

const ORDER: &str = "399999-20261120-0123456789";
const FOLDER: &str = "楽天/キャンセル";
const FLAG: &str = "\\Flagged";
/// As often as by default in 15 minutes and 5: the rule is the same, the virtual hours are fewer.
const QUICK: Looks = Looks { every: Duration::from_secs(60), apart: Duration::from_secs(20) };

/// The shopper's phone: the key and title of each alert.
#[derive(Default)]
struct Phone(Mutex<Vec<(String, String)>>);

impl Deliver for Phone {
    fn deliver<'a>(&'a self, alert: &'a Alert, key: &'a str) -> Delivery<'a> {
        Box::pin(async move {
            tokio::time::sleep(Duration::from_millis(1)).await;
            self.0.lock().unwrap().push((key.to_owned(), format!("{}\n{}", alert.title, alert.body)));
            Ok(Accepted::default())
        })
    }
}

/// The world that outlives the program.
#[derive(Clone)]
struct World {
    server: Server,
    store: Store,
    clock: Clock,
    phone: Arc<Phone>,
    looks: Option<Looks>,
    observe: bool,
}

impl World {
    fn new() -> Self {
        let clock = Clock::simulated(jiff::Timestamp::now());
        Self {
            server: Server::with(SHOPPER, "p", clock.clone(), '/', ""),
            store: Store::inline(Arc::new(Mutex::new(Db::in_memory().unwrap()))),
            clock,
            phone: Arc::default(),
            looks: Some(QUICK),
            observe: false,
        }
    }

    /// One life of the program.
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
        let policy = Policy {
            observe: self.observe,
            channels: vec!["phone".to_owned()],
            stale_after_s: 7 * 24 * 3600,
            give_up_after_s: 3600,
            late: Late::Each,
            flags: self.looks,
            blind: modori::plan::sight::Blind::default(),
            language: Language::En,
            ..Policy::default()
        };
        Engine {
            store: self.store.clone(),
            hand: Hand::new(self.store.clone(), self.clock.clone(), channels, [account.clone()])
                .looking(policy.looks()),
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

    fn deliver(&self, name: &str) -> u32 {
        self.server.deliver("INBOX", &cancellation(name, ORDER), self.clock.now())
    }

    /// The cancellation mail is delivered, filed and flagged; its UID there.
    async fn flagged(&self) -> u32 {
        self.deliver("cancelled");
        self.until("it is flagged", || self.where_flagged().is_some()).await;
        let (folder, uid) = self.where_flagged().unwrap();
        assert_eq!(folder, FOLDER, "flagged before it was filed");
        minutes(1).await; // and read back
        uid
    }

    async fn until(&self, what: &str, mut is: impl FnMut() -> bool) {
        for _ in 0..1000 {
            if is() {
                return;
            }
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
        panic!("waited in vain: {what}; {:?}", self.server.commands());
    }

    fn where_flagged(&self) -> Option<(String, u32)> {
        let boxes = self.server.mailboxes().into_iter();
        let mut all = boxes.flat_map(|(name, all)| all.into_iter().map(move |one| (name.clone(), one)));
        all.find(|(_, one)| one.flags.contains(FLAG)).map(|(name, one)| (name, one.uid))
    }

    async fn statements(&self) -> Vec<Statement> {
        self.store.call(|db| db.statements()).await.unwrap()
    }

    async fn says(&self, said: Said) {
        let now = self.clock.now();
        let statement = Statement { order: OrderNumber::parse(ORDER).unwrap(), said, at: now, by: By::Command };
        self.store.call(move |db| db.say(&statement, now)).await.unwrap();
    }

    fn told(&self) -> Vec<String> {
        let phone = self.phone.0.lock().unwrap();
        phone.iter().filter(|(key, _)| key.starts_with("by-flag:")).map(|(_, text)| text.clone()).collect()
    }

    async fn flag_rows(&self) -> Vec<Row> {
        let rows = self.store.call(|db| db.outbox()).await.unwrap();
        rows.into_iter().filter(|row| row.key.starts_with("flag:")).collect()
    }

    async fn confirmed_by_flag(&self) -> usize {
        let all = self.statements().await;
        all.iter().filter(|one| one.by == By::Flag).count()
    }

    /// Many looks later nothing was concluded, and nothing said.
    async fn nothing_follows(&self) {
        looks(8).await;
        assert_eq!((self.confirmed_by_flag().await, self.told()), (0, Vec::new()));
    }

    fn reads_as_unseen(&self) {
        let unseen = self.server.mailboxes().values().flatten().all(|one| !one.flags.contains("\\Seen"));
        assert!(unseen, "a mail was marked as read");
        let written = self.server.commands();
        let bad = |one: &&String| one.contains("STORE") && !one.contains(FLAG) && !one.contains("\\Deleted");
        assert_eq!(written.iter().find(bad), None);
    }
}

/// Time for so many looks.
async fn looks(number: u32) {
    tokio::time::sleep(QUICK.every * number + Duration::from_secs(5)).await;
}

async fn minutes(minutes: u64) {
    tokio::time::sleep(Duration::from_secs(minutes * 60)).await;
}

/// The program runs while the shopper does something.
fn story<F: Future<Output = ()>>(tell: impl FnOnce(World) -> F) {
    lived(|_| {}, tell);
}

fn lived<F: Future<Output = ()>>(prepare: impl FnOnce(&mut World), tell: impl FnOnce(World) -> F) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().unwrap();
    runtime.block_on(async {
        let mut world = World::new();
        prepare(&mut world);
        let engine = world.engine();
        tokio::select! {
            ended = engine.watch(std::future::pending()) => panic!("it ended: {ended:?}"),
            () = tell(world.clone()) => {}
        }
        world.reads_as_unseen();
    });
}

#[test]
fn a_flag_that_is_taken_off_confirms_once_and_a_denial_brings_it_back() {
    let usual = |world: &mut World| world.looks = Some(Looks::default());
    lived(usual, |world| async move {
        let uid = world.flagged().await;
        world.server.flag(FOLDER, uid, FLAG, false);
        minutes(16).await;
        assert_eq!(world.confirmed_by_flag().await, 0, "one look is not enough");
        minutes(6).await;
        let said = world.statements().await;
        assert_eq!(said.len(), 1);
        assert_eq!((said[0].by, said[0].order.as_str()), (By::Flag, ORDER));
        assert_eq!(said[0].said, Said::Confirm { points: None, expires: None, coupon_back: None });
        let told = world.told();
        assert_eq!(told.len(), 1);
        assert!(told[0].contains(&format!("modori deny {ORDER}")), "{told:?}");
        minutes(60).await;
        assert_eq!((world.confirmed_by_flag().await, world.told().len()), (1, 1));
        assert_eq!(world.where_flagged(), None, "it stays off");

        world.says(Said::Deny).await;
        minutes(1).await;
        assert_eq!(world.where_flagged(), Some((FOLDER.to_owned(), uid)));
        // and her word by command takes it away again
        world.says(Said::Lost).await;
        minutes(1).await;
        assert_eq!(world.where_flagged(), None);
        minutes(40).await;
        assert_eq!((world.confirmed_by_flag().await, world.told().len()), (1, 1));
        let keys: Vec<String> =
            world.flag_rows().await.iter().map(|row| row.key.replace(char::is_numeric, "")).collect();
        assert_eq!(keys.len(), 3, "{keys:?}");
        assert!(world.flag_rows().await.iter().all(|row| row.state == State::Done));
    });
}

#[test]
fn a_flag_that_is_back_before_the_second_look_says_nothing() {
    story(|world| async move {
        let uid = world.flagged().await;
        for _ in 0..4 {
            world.server.flag(FOLDER, uid, FLAG, false);
            let examined = || world.server.commands().iter().filter(|one| one.contains("EXAMINE")).count();
            let before = examined();
            world.until("a look", || examined() > before).await;
            world.server.flag(FOLDER, uid, FLAG, true);
            looks(2).await;
        }
        world.nothing_follows().await;
    });
}

#[test]
fn a_mail_that_is_moved_says_nothing_until_it_was_seen_flagged_there() {
    story(|world| async move {
        let uid = world.flagged().await;
        world.server.create("Archive", None);
        world.server.relocate(FOLDER, uid, "Archive");
        world.nothing_follows().await;
    });
    story(|world| async move {
        // into a folder that modori knows, without the flag
        let uid = world.flagged().await;
        world.server.flag(FOLDER, uid, FLAG, false);
        let uid = world.server.relocate(FOLDER, uid, "INBOX").unwrap();
        world.nothing_follows().await;
        // there she flags it, modori reads that, and she takes it off
        let inbox = world.server.mailboxes().remove("INBOX").unwrap();
        assert_eq!(inbox.len(), 1, "left where she put it");
        assert_eq!(inbox[0].uid, uid);
        world.server.flag("INBOX", uid, FLAG, true);
        looks(1).await;
        world.server.flag("INBOX", uid, FLAG, false);
        looks(2).await;
        assert_eq!((world.confirmed_by_flag().await, world.told().len()), (1, 1));
    });
}

#[test]
fn a_renumbered_folder_says_nothing_until_the_flag_was_read_again() {
    story(|world| async move {
        let uid = world.flagged().await;
        world.server.flag(FOLDER, uid, FLAG, false);
        world.server.renumber(FOLDER);
        world.nothing_follows().await;
        let uid = world.server.mailboxes()[FOLDER][0].uid;
        world.server.flag(FOLDER, uid, FLAG, true);
        looks(1).await;
        world.server.renumber(FOLDER);
        looks(1).await; // read again under its new number
        let uid = world.server.mailboxes()[FOLDER][0].uid;
        world.server.flag(FOLDER, uid, FLAG, false);
        looks(2).await;
        assert_eq!((world.confirmed_by_flag().await, world.told().len()), (1, 1));
    });
}

#[test]
fn a_mail_that_is_deleted_says_nothing() {
    story(|world| async move {
        let uid = world.flagged().await;
        world.server.flag(FOLDER, uid, "\\Deleted", true);
        world.server.flag(FOLDER, uid, FLAG, false);
        world.nothing_follows().await;
        world.server.expunge(FOLDER, uid);
        world.nothing_follows().await;
        // a vanished mail is not looked for at every look
        let seeks = world.server.commands().iter().filter(|one| one.contains("RFC822.SIZE)")).count();
        assert!(seeks <= 6, "{seeks} times folders were looked through");
    });
}

#[test]
fn a_flag_of_her_own_is_hers() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().unwrap();
    runtime.block_on(async {
        let world = World::new();
        // it was flagged before modori came
        let uid = world.deliver("cancelled");
        world.server.flag("INBOX", uid, FLAG, true);
        let engine = world.engine();
        let tell = async {
            looks(2).await;
            let (folder, uid) = world.where_flagged().unwrap();
            assert_eq!(folder, FOLDER);
            let rows = world.flag_rows().await;
            assert_eq!((rows.len(), rows[0].state), (1, State::Done));
            assert!(!world.server.commands().iter().any(|one| one.contains("STORE")));
            // neither does taking it off say anything, nor does modori take it off
            world.server.flag(FOLDER, uid, FLAG, false);
            world.nothing_follows().await;
            world.server.flag(FOLDER, uid, FLAG, true);
            world.says(Said::Lost).await;
            world.nothing_follows().await;
            assert_eq!(world.where_flagged(), Some((FOLDER.to_owned(), uid)));
        };
        tokio::select! {
            ended = engine.watch(std::future::pending()) => panic!("it ended: {ended:?}"),
            () = tell => {}
        }
        world.reads_as_unseen();
    });
}

#[test]
fn nothing_is_flagged_or_looked_at_while_observing_or_when_switched_off() {
    let quiet = |world: World| async move {
        world.deliver("cancelled");
        looks(2).await;
        assert_eq!((world.where_flagged(), world.flag_rows().await.len()), (None, 0));
    };
    lived(|world| world.observe = true, quiet);
    lived(|world| world.looks = None, quiet);
}

#[test]
fn what_is_taken_off_while_flags_are_switched_off_says_nothing() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().unwrap();
    runtime.block_on(async {
        for observe in [false, true] {
            let mut world = World::new();
            let engine = world.engine();
            let uid = tokio::select! {
                ended = engine.watch(std::future::pending()) => panic!("it ended: {ended:?}"),
                uid = world.flagged() => uid,
            };
            // she wants none of it any more, and takes away what is left of it
            (world.looks, world.observe) = if observe { (Some(QUICK), true) } else { (None, false) };
            world.engine().watch(looks(2)).await.unwrap();
            world.server.flag(FOLDER, uid, FLAG, false);
            world.engine().watch(looks(4)).await.unwrap();
            (world.looks, world.observe) = (Some(QUICK), false);
            let engine = world.engine();
            tokio::select! {
                ended = engine.watch(std::future::pending()) => panic!("it ended: {ended:?}"),
                () = world.nothing_follows() => {}
            }
            // what she sets and takes off again says it, as ever
            world.server.flag(FOLDER, uid, FLAG, true);
            world.engine().watch(looks(2)).await.unwrap();
            world.server.flag(FOLDER, uid, FLAG, false);
            world.engine().watch(looks(4)).await.unwrap();
            assert_eq!(world.confirmed_by_flag().await, 1);
        }
    });
}

#[test]
fn a_server_that_refuses_loses_answers_or_hangs_up_gets_the_flag_in_the_end() {
    for fault in [
        Fault::Cut,
        Fault::LoseAnswer,
        Fault::OnlySayOk,
        Fault::Refuse("[UNAVAILABLE] later".to_owned()),
        Fault::Bye,
        Fault::Double,
    ] {
        story(|world| async move {
            world.server.fault("STORE", fault.clone());
            world.deliver("cancelled");
            looks(2).await;
            assert_eq!(world.server.struck().values().sum::<u64>(), 1);
            // OK to a flag that was not set is found out by reading it back; it is not tried for ever
            let expect = fault != Fault::OnlySayOk;
            assert_eq!(world.where_flagged().is_some(), expect, "{fault:?}");
            world.nothing_follows().await;
            if let Some((folder, uid)) = world.where_flagged() {
                world.server.flag(&folder, uid, FLAG, false);
                looks(2).await;
                assert_eq!((world.confirmed_by_flag().await, world.told().len()), (1, 1), "{fault:?}");
            }
        });
    }
}

#[test]
fn looks_that_cannot_be_made_say_nothing() {
    story(|world| async move {
        let uid = world.flagged().await;
        world.server.flag(FOLDER, uid, FLAG, false);
        for fault in [Fault::OnlySayOk, Fault::Refuse("[NOPERM] no".to_owned()), Fault::Cut, Fault::Bye] {
            world.server.fault_always("FETCH", fault);
            world.nothing_follows().await;
            world.server.clear_faults();
        }
        world.server.set_down(true);
        world.nothing_follows().await;
        world.server.set_down(false);
        looks(6).await;
        assert_eq!((world.confirmed_by_flag().await, world.told().len()), (1, 1), "it sees again");
    });
}

/// What is true in the end: what was said, which alerts left, which flags were wished for.
type Truth = (Vec<(Said, By)>, BTreeSet<String>, Vec<String>);

/// The shopper takes the flag off whenever she sees it, until modori has understood. The program is cut after so many
/// wake-ups; a second life goes on. `wire`: the connection is cut after so many bytes of the server.
/// Answers what is true in the end, and the wake-ups of the first life.
fn run(wake_ups: usize, wire: Option<u64>) -> (Truth, usize) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().unwrap();
    runtime.block_on(async {
        let mut world = World::new();
        world.looks = Some(Looks { every: Duration::from_secs(7), apart: Duration::from_secs(3) });
        world.deliver("cancelled");
        if let Some(bytes) = wire {
            world.server.cut_after_writing(bytes);
        }
        let shopper = world.clone();
        tokio::spawn(async move {
            loop {
                tokio::time::sleep(Duration::from_millis(4500)).await;
                if let Some((folder, uid)) = shopper.where_flagged() {
                    shopper.server.flag(&folder, uid, FLAG, false);
                }
            }
        });
        let rest = || async {
            loop {
                tokio::time::sleep(Duration::from_secs(1)).await;
                let told = world.confirmed_by_flag().await > 0 && !world.told().is_empty();
                if told && world.store.call(|db| db.open_rows()).await.unwrap() == 0 {
                    return;
                }
            }
        };
        let used = Arc::new(Mutex::new(0));
        {
            let engine = world.engine();
            let life = async { engine.watch(rest()).await.unwrap() };
            Cut { inner: Box::pin(life), left: wake_ups, used: Arc::clone(&used) }.await;
        }
        let engine = world.engine();
        let finished = tokio::time::timeout(Duration::from_secs(3600), engine.watch(rest())).await;
        finished.expect("the second life does not come to rest").unwrap();
        world.reads_as_unseen();
        assert_eq!(world.where_flagged(), None, "cut after {wake_ups}");
        let said = world.statements().await.into_iter().map(|one| (one.said, one.by)).collect();
        let by_flag = |key: &str| key.split(':').take(3).collect::<Vec<_>>().join(":");
        let alerts = world.phone.0.lock().unwrap().iter().map(|(key, _)| by_flag(key)).collect();
        let mut flags: Vec<String> = world.flag_rows().await.into_iter().map(|row| row.key).collect();
        flags.sort();
        let used = *used.lock().unwrap();
        ((said, alerts, flags.into_iter().map(|key| by_flag(&key)).collect()), used)
    })
}

#[test]
fn wherever_the_program_is_cut_the_flag_confirms_once() {
    let (uncut, all) = run(usize::MAX, None);
    assert_eq!((uncut.0.len(), uncut.2.len()), (1, 1), "{uncut:?}");
    assert_eq!(uncut.1.iter().filter(|key| key.starts_with("by-flag:")).count(), 1, "{uncut:?}");
    assert!(all > 40, "the story has only {all} wake-ups");
    for wake_ups in 0..all {
        let (truth, _) = run(wake_ups, None);
        assert_eq!(shape(&truth), shape(&uncut), "cut after {wake_ups} of {all} wake-ups: {truth:?}");
    }
    println!("cut after each of {all} wake-ups");
}

/// The mail's key holds the date of the test run, so alerts and flags are counted.
fn shape(truth: &Truth) -> (Vec<(Said, By)>, usize, usize) {
    (truth.0.clone(), truth.1.len(), truth.2.len())
}

#[test]
fn wherever_the_wire_is_cut_the_flag_confirms_once() {
    let (uncut, _) = run(usize::MAX, None);
    for bytes in (0..9000).step_by(83) {
        let (truth, _) = run(usize::MAX, Some(bytes));
        assert_eq!(shape(&truth), shape(&uncut), "cut after {bytes} bytes: {truth:?}");
    }
}
