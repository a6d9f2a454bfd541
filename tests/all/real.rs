//! The promises, on real servers: Dovecot, Cyrus and Courier behind a wire that breaks all the time, while modori is
//! killed again and again and another client is at work in the same mailbox. None lost, none doubled, none marked as read.

use super::support::courier::Courier;
use super::support::cyrus::{self, Cyrus};
use super::support::dovecot::{self, Dovecot};
use super::support::http::Http;
use super::support::oracle::{Mailboxes, Oracle, encode};
use super::support::proxy::{Dice, Proxy};
use super::support::real::Real;
use super::support::run::{Home, Running, cancellation, mail, restock, until};
use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

/// How often modori is killed in a drill.
const KILLS: usize = 6;
/// How often its wire is struck at least.
const STRUCK: usize = 20;
const SAVED: &str = "Saved";

/// What must become of a mail.
#[derive(Clone, Debug, PartialEq, Eq)]
enum End {
    /// It lies there.
    In(&'static str),
    /// Another client removed it.
    Gone,
}

struct Told {
    name: String,
    bytes: Vec<u8>,
    folder: &'static str,
}

/// The n-th mail: all kinds in turn, some large, some with bytes that are no UTF-8.
fn told(n: usize) -> Told {
    let name = format!("real{n}");
    let (mut bytes, folder) = match n % 5 {
        0 => (restock(&name), "楽天/再入荷"),
        1 => (cancellation(&name, &format!("399999-20261120-{n:010}")), "楽天/キャンセル"),
        2 => {
            let body = "500円OFFクーポンを進呈いたします。\nhttps://coupon.rakuten.co.jp/getCoupon?getkey=ABCDEF\n";
            (mail(&name, "shop@shop.rakuten.co.jp", "【500円OFFクーポン】プレゼント", body), "楽天/クーポン")
        }
        3 => {
            let body = format!("ご注文ありがとうございます。\nご注文番号：399999-20261121-{n:010}\n");
            (mail(&name, "shop@shop.rakuten.co.jp", "ご注文を承りました", &body), "楽天/注文")
        }
        _ => (mail(&name, "friend@example.org", "やあ", "元気？\n"), "INBOX"),
    };
    if n % 7 == 3 {
        let line = "この下は長い案内です。どうぞよろしくお願いいたします。\r\n";
        bytes.extend(std::iter::repeat_n(line.as_bytes(), 1200).flatten());
    }
    if n % 6 == 4 {
        // Shift_JIS under a label that says UTF-8
        bytes.extend(b"\x8d\xc4\x93\xfc\x89\xd7\r\n");
    }
    Told { name, bytes, folder }
}

/// One drill on one server.
struct Drill<'a> {
    real: &'a dyn Real,
    proxy: Proxy,
    http: Http,
    home: Home,
    ends: BTreeMap<String, End>,
    restocks: BTreeSet<String>,
    kills: usize,
}

fn id(name: &str) -> String {
    format!("{name}@example.jp")
}

/// The UID of a mail in a folder.
fn uid(oracle: &mut Oracle, folder: &str, name: &str) -> Option<u32> {
    oracle.folder(folder).ok()?.into_iter().find(|seen| seen.message_id == id(name)).map(|seen| seen.uid)
}

impl<'a> Drill<'a> {
    /// A mailbox with old mail in it, and foreign messages that bear \Deleted.
    fn prepare(real: &'a dyn Real, seed: u64) -> Self {
        let proxy = Proxy::faulty(real.imap(), seed);
        proxy.calm();
        let http = Http::start();
        let rest = format!(
            "[alerts]\nchannels = [\"w\"]\nmost_an_hour = 0\n[channel.w]\nkind = \"webhook\"\nurl = \"{}\"\n",
            http.url("/")
        );
        let home = Home::through(proxy.port, &rest);
        let mut ends = BTreeMap::new();
        real.deliver_all(&[&restock("old"), &restock("foreign-inbox")]);
        let mut oracle = real.oracle();
        for folder in [SAVED, "楽天", "楽天/再入荷"] {
            let made = oracle.command(&format!("CREATE \"{}\"", encode(&real.written(folder))));
            assert!(made.is_ok() || folder == "楽天", "{folder}: {made:?}");
        }
        let target = real.written("楽天/再入荷");
        oracle.append(&target, &mail("foreign-target", "friend@example.org", "x", "y\n")).unwrap();
        for (folder, plain, name) in
            [("INBOX".to_owned(), "INBOX", "foreign-inbox"), (target, "楽天/再入荷", "foreign-target")]
        {
            let uid = uid(&mut oracle, &folder, name).unwrap();
            oracle.command(&format!("SELECT \"{}\"", encode(&folder))).unwrap();
            oracle.command(&format!("UID STORE {uid} +FLAGS (\\Deleted)")).unwrap();
            ends.insert(name.to_owned(), End::In(plain));
        }
        ends.insert("old".to_owned(), End::In("INBOX"));
        Self { real, proxy, http, home, ends, restocks: BTreeSet::new(), kills: 0 }
    }

    /// Another client's doing: mail of a friend is removed, or moved elsewhere, where it lies.
    fn other_client(&mut self, name: &str, from: &str, gone: bool) {
        let mut oracle = self.real.oracle();
        let folder = self.real.written(from);
        let mut place = None;
        until("the other client sees the mail", || {
            place = uid(&mut oracle, &folder, name);
            place.is_some()
        });
        let uid = place.unwrap();
        oracle.command(&format!("SELECT \"{}\"", encode(&folder))).unwrap();
        if !gone {
            oracle.command(&format!("UID COPY {uid} \"{}\"", encode(&self.real.written(SAVED)))).unwrap();
        }
        oracle.command(&format!("UID STORE {uid} +FLAGS.SILENT (\\Deleted)")).unwrap();
        oracle.command(&format!("UID EXPUNGE {uid}")).unwrap();
        self.ends.insert(name.to_owned(), if gone { End::Gone } else { End::In(SAVED) });
    }

    fn run(&mut self, count: usize, seed: u64) {
        let mut dice = Dice(seed);
        let mut running = self.home.watch(1);
        self.proxy.strike_on();
        self.proxy.cut_all();
        let mut n = 0;
        while n < count {
            let batch: Vec<Told> = (n..count.min(n + 1 + dice.below(4) as usize)).map(told).collect();
            n += batch.len();
            self.real.deliver_all(&batch.iter().map(|told| &told.bytes[..]).collect::<Vec<_>>());
            for told in &batch {
                self.ends.insert(told.name.clone(), End::In(told.folder));
                if told.folder == "楽天/再入荷" {
                    self.restocks.insert(told.name.clone());
                }
            }
            std::thread::sleep(Duration::from_millis(dice.below(150)));
            // spread over the whole drill
            if self.kills < KILLS.max(count / 20) * n / count {
                running.kill();
                self.kills += 1;
                running = self.home.start(&["watch"]);
                std::thread::sleep(Duration::from_millis(dice.below(100)));
            }
            if dice.below(3) > 0 {
                self.proxy.cut_all();
            }
            for told in batch.iter().filter(|told| told.folder == "INBOX") {
                match dice.below(4) {
                    0 => self.other_client(&told.name, "INBOX", true),
                    1 => self.other_client(&told.name, "INBOX", false),
                    _ => {}
                }
            }
        }
        // however fast the server and slow the machine were: a drill is no drill without faults
        until("the wire was struck often enough", || {
            self.proxy.cut_all();
            self.struck() >= STRUCK
        });
        self.proxy.calm();
        self.rest(running);
    }

    /// What lies wrong now: nothing, once modori has done what there is to do.
    fn wrong(&self, mailboxes: &Mailboxes) -> Vec<String> {
        let mut lies: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
        for (folder, messages) in mailboxes {
            for seen in messages {
                // what is left \Deleted by us on a server without UIDPLUS counts as gone; foreign mail does not
                let deleted = seen.flags.iter().any(|flag| flag == "\\Deleted");
                if !deleted || seen.message_id.starts_with("foreign-") {
                    lies.entry(seen.message_id.as_str()).or_default().push(folder);
                }
            }
        }
        let mut wrong = vec![];
        for (name, end) in &self.ends {
            let found = lies.remove(id(name).as_str()).unwrap_or_default();
            let right = match end {
                End::In(folder) => found == [self.real.written(folder)],
                End::Gone => found.is_empty(),
            };
            if !right {
                wrong.push(format!("{name} must be {end:?} and lies in {found:?}"));
            }
        }
        wrong.extend(lies.into_iter().map(|(id, found)| format!("{id} is nobody's and lies in {found:?}")));
        wrong
    }

    /// The addresses of the alerts that were taken, each with its keys.
    fn alerted(&self) -> BTreeMap<String, Vec<String>> {
        let mut alerted: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for request in self.http.requests() {
            let url = request.json()["url"].as_str().unwrap_or_default().to_owned();
            alerted.entry(url).or_default().push(request.headers.get("idempotency-key").cloned().unwrap_or_default());
        }
        alerted
    }

    fn rest(&mut self, running: Running) {
        let begun = Instant::now();
        loop {
            let wrong = self.wrong(&self.real.mailboxes());
            let history = self.home.ok(&["history", "--format", "json"]);
            let open: Vec<&str> = history.lines().filter(|line| !line.contains("\"state\":\"done\"")).collect();
            if wrong.is_empty() && open.is_empty() {
                break;
            }
            assert!(begun.elapsed() < Duration::from_secs(90), "{wrong:#?}\n{open:#?}\n{}", self.home.log());
            std::thread::sleep(Duration::from_millis(100));
        }
        assert_eq!(running.terminate(), Some(0), "{}", self.home.log());
        let mailboxes = self.real.mailboxes();
        assert_eq!(self.wrong(&mailboxes), Vec::<String>::new());
        for (folder, messages) in &mailboxes {
            for seen in messages {
                let has = |flag: &str| seen.flags.iter().any(|one| one == flag);
                assert!(!has("\\Seen"), "{} in {folder} was marked as read", seen.message_id);
                let foreign = seen.message_id.starts_with("foreign-");
                assert!(!foreign || has("\\Deleted"), "the flag of {} was taken off", seen.message_id);
            }
        }
        let alerted = self.alerted();
        let mut doubled = 0;
        for name in &self.restocks {
            let keys = alerted.get(&format!("https://item.rakuten.co.jp/modori-zakka/{name}/"));
            let keys = keys.unwrap_or_else(|| panic!("{name} was not alerted\n{}", self.home.log()));
            doubled += keys.len() - 1;
            assert_eq!(keys.iter().collect::<BTreeSet<_>>().len(), 1, "{name}: each alert has one key");
        }
        for old in ["old", "foreign-inbox"] {
            let url = format!("https://item.rakuten.co.jp/modori-zakka/{old}/");
            assert!(!alerted.contains_key(&url), "{old} lay there before and was alerted");
        }
        println!(
            "{}: {} delivered, {} restocks ({doubled} alerts doubled, by the same key), {} connections, struck {:?}, killed {} times",
            self.real.name(),
            self.ends.len() - 3,
            self.restocks.len(),
            self.proxy.connections(),
            self.proxy.struck(),
            self.kills,
        );
        assert!(self.kills >= KILLS && self.struck() >= STRUCK, "the drill was none");
    }

    fn struck(&self) -> usize {
        self.proxy.struck().values().sum()
    }
}

fn drill(real: &dyn Real, count: usize, seed: u64) {
    let mut drill = Drill::prepare(real, seed);
    println!("{}: seed {seed}", real.name());
    drill.run(count, seed);
}

fn on_dovecot(setup: &dovecot::Setup, count: usize, seed: u64) {
    if let Some(real) = Dovecot::start(setup) {
        drill(&real, count, seed);
    }
}

fn on_cyrus(unix_hierarchy: bool, alt_namespace: bool, count: usize, seed: u64) {
    if let Some(real) = Cyrus::start(cyrus::Setup { unix_hierarchy, alt_namespace }) {
        drill(&real, count, seed);
    }
}

fn on_courier(enhanced_idle: bool, count: usize, seed: u64) {
    if let Some(real) = Courier::start(enhanced_idle) {
        drill(&real, count, seed);
    }
}

const EVERYDAY: usize = 50;

#[test]
fn dovecot_as_it_is() {
    on_dovecot(&dovecot::Setup::default(), EVERYDAY, 1);
}

#[test]
fn dovecot_with_maildir_and_without_move() {
    let setup =
        dovecot::Setup { maildir: true, prefix: "INBOX.", separator: '.', ..dovecot::Setup::without(&["MOVE"]) };
    on_dovecot(&setup, EVERYDAY, 2);
}

#[test]
fn dovecot_without_move_and_uidplus() {
    on_dovecot(&dovecot::Setup::without(&["MOVE", "UIDPLUS"]), EVERYDAY, 3);
}

#[test]
fn cyrus_with_dots_below_inbox() {
    on_cyrus(false, false, EVERYDAY, 4);
}

#[test]
fn cyrus_with_slashes_beside_inbox() {
    on_cyrus(true, true, EVERYDAY, 5);
}

#[test]
fn courier_that_looks() {
    on_courier(false, EVERYDAY, 6);
}

#[test]
fn courier_that_is_told() {
    on_courier(true, EVERYDAY, 7);
}

/// How many mails a long drill delivers: `REAL=2000` for more.
fn many() -> usize {
    std::env::var("REAL").ok().and_then(|count| count.parse().ok()).unwrap_or(500)
}

/// Each long drill has other faults each time; the seed is printed, and `REAL_SEED=` takes it again.
fn any_seed() -> u64 {
    let now = || std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_millis();
    std::env::var("REAL_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or_else(|| now() as u64)
}

#[test]
#[ignore = "minutes: scripts/test-long"]
fn long_dovecot() {
    let maildir = |setup: dovecot::Setup| dovecot::Setup { maildir: true, prefix: "INBOX.", separator: '.', ..setup };
    on_dovecot(&dovecot::Setup::default(), many(), any_seed());
    on_dovecot(&maildir(dovecot::Setup::without(&["MOVE"])), many(), any_seed());
    on_dovecot(&dovecot::Setup::without(&["MOVE", "UIDPLUS"]), many(), any_seed());
}

#[test]
#[ignore = "minutes: scripts/test-long"]
fn long_cyrus() {
    for (unix_hierarchy, alt_namespace) in [(false, false), (true, true), (true, false), (false, true)] {
        on_cyrus(unix_hierarchy, alt_namespace, many(), any_seed());
    }
}

#[test]
#[ignore = "minutes: scripts/test-long"]
fn long_courier() {
    on_courier(false, many(), any_seed());
    on_courier(true, many(), any_seed());
}
