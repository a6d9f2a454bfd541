//! Reminders leave at their time, each once, over stops and restarts; what passed while nothing ran is said first.

use super::support::cut::Cut;
use jiff::{SignedDuration, Timestamp};
use modori::demo::{AUTHSERV_ID, SHOPPER, Server};
use modori::edge::clock::Clock;
use modori::edge::config::Backlog;
use modori::edge::hand::{Hand, Posting};
use modori::edge::imap::{ImapAccount, Pace};
use modori::edge::out::{Accepted, Channel, Deliver, Delivery};
use modori::edge::secret::Secret;
use modori::edge::store::{Db, State, Store};
use modori::engine::{Engine, Mailbox, Rules};
use modori::facts::OrderNumber;
use modori::ledger::due::Settings;
use modori::ledger::{By, Said, Statement};
use modori::letter::{Replies, Sender};
use modori::plan::{Alert, Effect, Policy};
use modori::rules::RuleSet;
use modori::wording::Language;
use secrecy::SecretString;
use std::collections::BTreeSet;
use std::future::Future;
use std::sync::{Arc, Mutex};
use std::time::Duration;

const ORDER: &str = "399999-20261120-0123456789";

fn at(text: &str) -> Timestamp {
    format!("2026-{}:00+09:00", text.replace(' ', "T")).parse().unwrap()
}

/// A phone that writes down when which reminder came.
struct Phone {
    clock: Clock,
    heard: Mutex<Vec<(Timestamp, Alert)>>,
}

impl Deliver for Phone {
    fn deliver<'a>(&'a self, alert: &'a Alert, _key: &'a str) -> Delivery<'a> {
        Box::pin(async move {
            self.heard.lock().unwrap().push((self.clock.now(), alert.clone()));
            Ok(Accepted::default())
        })
    }
}

struct World {
    server: Server,
    store: Store,
    clock: Clock,
    phone: Arc<Phone>,
    ledger: Settings,
    channels: Vec<String>,
    replies: Replies,
}

impl World {
    fn new(start: &str, ledger: &str) -> Self {
        let clock = Clock::simulated(at(start));
        let server = Server::with(SHOPPER, "p", clock.clone(), '/', "");
        let store = Store::inline(Arc::new(Mutex::new(Db::in_memory().unwrap())));
        let phone = Arc::new(Phone { clock: clock.clone(), heard: Mutex::default() });
        Self {
            server,
            store,
            clock,
            phone,
            ledger: toml::from_str(ledger).unwrap(),
            channels: vec!["phone".to_owned()],
            replies: Replies::default(),
        }
    }

    fn deliver(&self, from: &str, subject: &str, body: &str) {
        let now = self.clock.now();
        let date = modori::calendar::civil(now).strftime("%a, %d %b %Y %H:%M:%S +0900");
        let mail = format!(
            "From: <{from}>\r\nTo: <{SHOPPER}>\r\nSubject: {subject}\r\nDate: {date}\r\n\
             Message-ID: <{}@example.jp>\r\nAuthentication-Results: {AUTHSERV_ID}; dmarc=pass header.from={}\r\n\
             MIME-Version: 1.0\r\nContent-Type: text/plain; charset=UTF-8\r\n\r\n{body}\r\n",
            now.as_millisecond(),
            from.split('@').next_back().unwrap()
        );
        self.server.deliver("INBOX", mail.as_bytes(), now);
    }

    async fn say(&self, said: Said) {
        let (now, order) = (self.clock.now(), OrderNumber::parse(ORDER).unwrap());
        let statement = Statement { order, said, at: now, by: By::Command };
        self.store.call(move |db| db.say(&statement, now)).await.unwrap();
    }

    /// The program runs until this time.
    async fn run_until(&self, until: &str) {
        self.engine().watch(self.wait_until(until)).await.unwrap();
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
        let channels = self.channels.iter().map(|name| (name.clone(), Arc::clone(&self.phone) as Channel)).collect();
        let policy = Policy {
            channels: self.channels.clone(),
            stale_after_s: 900,
            give_up_after_s: 3600,
            language: Language::En,
            replies: self.replies.clone(),
            ..Policy::default()
        };
        let posting = Posting { policy: policy.clone(), ledger: self.ledger.clone(), ..Posting::default() };
        Engine {
            store: self.store.clone(),
            hand: Hand::new(self.store.clone(), self.clock.clone(), channels, [account.clone()]).posting(posting),
            clock: self.clock.clone(),
            rules: Rules::fixed(RuleSet::shipped()),
            policy,
            backlog: Backlog::Sort,
            own_addresses: BTreeSet::new(),
            mailboxes: vec![Mailbox { account, name: "INBOX".to_owned(), authserv_ids: vec![AUTHSERV_ID.to_owned()] }],
            ledger: self.ledger.clone(),
            hot: modori::plan::hot::Hours::default(),
        }
    }

    /// Nothing runs until this time.
    async fn wait_until(&self, until: &str) {
        let wait = at(until).duration_since(self.clock.now()).max(SignedDuration::ZERO);
        tokio::time::sleep(Duration::try_from(wait).unwrap()).await;
    }

    /// Reminders as they came: minute and title.
    fn reminders(&self) -> Vec<String> {
        let heard = self.phone.heard.lock().unwrap();
        let reminders = heard.iter().filter(|(_, alert)| alert.category == "reminder");
        let minute = |at: Timestamp| modori::calendar::civil(at).strftime("%m-%d %H:%M").to_string();
        reminders.map(|(at, alert)| format!("{} {}", minute(*at), alert.title)).collect()
    }
}

fn simulated(story: impl Future<Output = ()>) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().unwrap();
    runtime.block_on(story);
}

const ORDERED: &str = "楽天市場内のショップ「モドリ雑貨店」へのご注文です。\n[受注番号] 399999-20261120-0123456789\n\
[日時] 2026-11-20 20:01:33\n[商品]\n帆布トート(mz-1)\n価格 1,980(円) x 2(個) = 3,960(円)\nポイント利用 -500(円)\n\
支払い金額 3,460(円)\n";
const CANCELLED: &str = "モドリ雑貨店でのご注文がキャンセルされました。\n[注文番号] 399999-20261120-0123456789\n\
欠品のためショップによりキャンセルされました。\n";

#[test]
fn reminders_leave_once_at_their_time_over_restarts() {
    simulated(async {
        // the clocks as of one long day, so that the simulated seconds are few
        let clocks = "look_after_days = 0\nask_shop_after_business_days = 0\nask_rakuten_after_business_days = 1";
        let world = World::new("11-24 09:00", clocks);
        world.deliver("order@rakuten.co.jp", "【楽天市場】注文内容ご確認（自動配信メール）", ORDERED);
        world.deliver("order-cancel@order-rp.rms.rakuten.co.jp", "【楽天市場】ご注文キャンセルのお知らせ", CANCELLED);
        world.run_until("11-24 09:30").await;
        assert_eq!(world.reminders(), Vec::<String>::new());
        // stopped over 10:00: said at the next start, and only then
        world.wait_until("11-24 10:40").await;
        world.run_until("11-24 10:45").await;
        world.run_until("11-24 10:50").await;
        let look = "11-24 10:40 Look at your point history: modori-zakka";
        let heard = world.reminders();
        assert!(
            heard.len() == 1 && heard[0].starts_with("11-24 10:40 Look at your point history"),
            "{look}: {heard:?}"
        );
        // running: to the minute
        world.wait_until("11-24 17:55").await;
        world.run_until("11-24 18:05").await;
        world.run_until("11-24 18:10").await;
        let heard = world.reminders();
        assert!(heard.len() == 2 && heard[1].starts_with("11-24 18:00 Time to ask the shop"), "{heard:?}");
        let case = world.store.call(|db| db.next_wake()).await.unwrap();
        assert_eq!(case, Some(at("11-25 18:00")));
        // what the shopper says from another process ends it
        world.say(Said::Confirm { points: None, expires: Some(at("11-24 21:30")), coupon_back: None }).await;
        world.run_until("11-24 18:40").await;
        let heard = world.reminders();
        assert!(heard.len() == 3 && heard[2].starts_with("11-24 18:30 Points that came back end soon"), "{heard:?}");
        world.wait_until("11-24 21:00").await;
        world.run_until("11-24 21:35").await;
        assert_eq!(world.reminders().len(), 3, "the deadline passed while modori ran and had said so");
    });
}

#[test]
fn a_deadline_that_passed_while_nothing_ran_is_said_first_thing() {
    simulated(async {
        let world = World::new("11-24 09:00", "look_after_days = 0");
        world.deliver("order@rakuten.co.jp", "【楽天市場】注文内容ご確認（自動配信メール）", ORDERED);
        world.deliver("order-cancel@order-rp.rms.rakuten.co.jp", "【楽天市場】ご注文キャンセルのお知らせ", CANCELLED);
        world.deliver(
            "modori-zakka@shop.rakuten.co.jp",
            "【要返信】在庫切れのお詫び",
            "受注番号：399999-20261119-0123456780\n品切れのため下記よりお選びください。\n①キャンセル ②入荷待ち\n\
             11月24日(火)12:00までにご返信ください。\n",
        );
        world.run_until("11-24 09:10").await;
        world.wait_until("11-24 13:00").await;
        world.run_until("11-24 13:05").await;
        let heard = world.reminders();
        assert_eq!(heard.len(), 2, "{heard:?}");
        assert_eq!(heard[0], "11-24 13:00 A deadline passed while modori was not running");
        assert!(heard[1].starts_with("11-24 13:00 Look at your point history"), "{heard:?}");
        world.run_until("11-24 13:10").await;
        assert_eq!(world.reminders().len(), 2);
        let rows = world.store.call(|db| db.outbox()).await.unwrap();
        let missed = rows.iter().find(|row| row.key.contains(":missed:") && !row.key.contains('+')).unwrap();
        assert_eq!((missed.state, missed.last_error.as_deref()), (State::Dropped, Some("told together with others")));
    });
}

#[test]
fn what_came_while_nothing_ran_is_read_before_anything_is_reminded_of() {
    simulated(async {
        let world = World::new("11-24 09:00", "look_after_days = 0\nask_shop_after_business_days = 0");
        world.deliver("order@rakuten.co.jp", "【楽天市場】注文内容ご確認（自動配信メール）", ORDERED);
        world.deliver("order-cancel@order-rp.rms.rakuten.co.jp", "【楽天市場】ご注文キャンセルのお知らせ", CANCELLED);
        world.run_until("11-24 09:10").await;
        world.wait_until("11-24 12:00").await;
        world.deliver(
            "info@point.rakuten.co.jp",
            "ポイント返還のお知らせ",
            "キャンセルされたご注文にご利用の500ポイントを返還いたしました。\n注文番号 399999-20261120-0123456789\n",
        );
        world.wait_until("11-24 19:00").await;
        world.run_until("11-24 19:10").await;
        assert_eq!(world.reminders(), Vec::<String>::new());

        // the alert of a mail names its deadline: no reminder repeats it in the same minute
        world.deliver(
            "order-confirm@order-rp.rms.rakuten.co.jp",
            "お支払い手続きのご案内",
            "[注文番号]  399999-20261124-0123456791\n[お支払い金額]    3,260円\nお支払い受付番号 ：000000-0000000\n\
             お支払い期限 ：2026/11/25\n期限までにお支払いが確認できない場合、ご注文は自動的にキャンセルとなります。\n",
        );
        world.run_until("11-24 19:20").await;
        assert_eq!(world.reminders(), Vec::<String>::new());
        world.wait_until("11-24 23:58").await;
        world.run_until("11-25 00:02").await;
        let heard = world.reminders();
        assert!(heard.len() == 1 && heard[0].starts_with("11-24 23:59 A payment is due"), "{heard:?}");
    });
}

#[test]
fn the_same_goods_ordered_at_two_shops_are_told_within_seconds() {
    simulated(async {
        let world = World::new("11-24 09:00", "");
        let order = |shop: &str, number: &str| {
            format!(
                "楽天市場内のショップ「{shop}」へのご注文です。\n[受注番号] {number}\n[日時] 2026-11-24 09:00:10\n[商品]\n\
                 炊飯器 極め炊き NP-TZ300-W(np-1)\n価格 29,800(円) x 1(個) = 29,800(円)\n支払い金額 29,800(円)\n"
            )
        };
        let subject = "【楽天市場】注文内容ご確認（自動配信メール）";
        world.deliver("order@rakuten.co.jp", subject, &order("みほん家電", "388888-20261124-0123456789"));
        world.run_until("11-24 09:05").await;
        world.deliver("order@rakuten.co.jp", subject, &order("うみのや電器", "377777-20261124-0123456789"));
        world.run_until("11-24 09:06").await;
        world.run_until("11-24 09:07").await;
        let heard = world.phone.heard.lock().unwrap();
        let warned: Vec<_> = heard.iter().filter(|(_, alert)| alert.details.contains_key("warning")).collect();
        let [(when, alert)] = warned.as_slice() else { panic!("{heard:?}") };
        assert!(when.duration_since(at("11-24 09:05")).as_secs() <= 10, "{when}");
        assert!(alert.body.contains("388888-20261124-0123456789"), "{}", alert.body);
    });
}

#[test]
fn a_coupon_of_no_order_is_not_forgotten() {
    simulated(async {
        let world = World::new("11-24 09:00", "");
        let thanks = "レビューのご投稿ありがとうございました。お礼のクーポンをお送りします。\n・値引き: 300円OFF\n\
                      ・有効期限: 2026年11月25日 12:00 まで\n\
                      https://coupon.rakuten.co.jp/getCoupon?getkey=QUFBQS1CQkJC\n";
        world.deliver(
            "modori-zakka@shop.rakuten.co.jp",
            "【モドリ雑貨店】レビュー投稿ありがとうございます！クーポン",
            thanks,
        );
        world.run_until("11-24 11:30").await;
        // known since 09:00 with 27 hours left: three days before is past, a day before is to come
        assert_eq!(world.reminders(), Vec::<String>::new());
        world.run_until("11-24 12:10").await;
        world.run_until("11-24 12:20").await;
        let heard = world.reminders();
        assert!(heard.len() == 1 && heard[0].contains("A coupon ends soon: modori-zakka"), "{heard:?}");
        let heard = world.phone.heard.lock().unwrap();
        let (_, alert) = heard.iter().find(|(_, alert)| alert.category == "reminder").unwrap();
        assert_eq!(alert.url.as_deref(), Some("https://coupon.rakuten.co.jp/myCoupon"));
        assert!(alert.body.contains("¥300") && !alert.body.contains("Order"), "{}", alert.body);
    });
}

/// A life of the program that is dropped after so many wake-ups, around the time of a reminder, and then another one.
/// How often the reminder came, and how many wake-ups the first life had.
async fn cut_around_a_reminder(wake_ups: usize) -> (usize, usize) {
    let world = World::new("11-24 09:59", "look_after_days = 0");
    world.deliver("order@rakuten.co.jp", "【楽天市場】注文内容ご確認（自動配信メール）", ORDERED);
    world.deliver("order-cancel@order-rp.rms.rakuten.co.jp", "【楽天市場】ご注文キャンセルのお知らせ", CANCELLED);
    let used = Arc::new(Mutex::new(0));
    {
        let engine = world.engine();
        let life = async { engine.watch(world.wait_until("11-24 10:01")).await.unwrap() };
        Cut { inner: Box::pin(life), left: wake_ups, used: Arc::clone(&used) }.await;
    }
    world.run_until("11-24 10:03").await;
    let looks = world.reminders().iter().filter(|line| line.contains("Look at your point history")).count();
    let used = *used.lock().unwrap();
    (looks, used)
}

#[test]
fn a_reminder_is_never_forgotten_wherever_the_program_is_cut() {
    let mut twice = 0;
    let mut all = usize::MAX;
    let mut wake_ups = 0;
    while wake_ups < all {
        simulated(async {
            let (looks, used) = cut_around_a_reminder(wake_ups).await;
            assert!((1..=2).contains(&looks), "{looks} times, cut after {wake_ups}");
            twice += usize::from(looks == 2);
            if used < wake_ups {
                all = used;
            }
        });
        wake_ups += 1;
    }
    // only a cut between the phone's answer and its being written down can make it ring again
    assert!(all > 100 && twice <= 3, "{twice} of {all}");
    println!("cut after each of {all} wake-ups; {twice} rang twice");
}

#[test]
fn a_clock_that_was_years_ahead_or_behind_for_a_while_costs_no_reminder() {
    simulated(async {
        for wrong in ["2036-03-01T09:00:00+09:00", "2027-06-01T09:00:00+09:00", "1970-01-01T00:00:10Z"] {
            let mut world = World::new("11-24 09:00", "look_after_days = 0");
            world.deliver("order@rakuten.co.jp", "【楽天市場】注文内容ご確認（自動配信メール）", ORDERED);
            world.deliver(
                "order-cancel@order-rp.rms.rakuten.co.jp",
                "【楽天市場】ご注文キャンセルのお知らせ",
                CANCELLED,
            );
            world.run_until("11-24 09:10").await;
            // a machine without a battery for its clock
            let right = world.clock.clone();
            world.clock = Clock::simulated(wrong.parse().unwrap());
            let waited = tokio::time::sleep(Duration::from_secs(600));
            world.engine().watch(waited).await.unwrap();
            world.clock = right;
            world.run_until("11-24 10:05").await;
            let heard = world.reminders();
            let looks = heard.iter().filter(|line| line.contains("10:00 Look at your point history"));
            assert_eq!(looks.count(), 1, "{wrong}: {heard:?}");
        }
    });
}

#[test]
fn without_a_channel_what_is_due_waits_for_one() {
    simulated(async {
        let mut world = World::new("11-24 09:00", "look_after_days = 0");
        world.deliver("order@rakuten.co.jp", "【楽天市場】注文内容ご確認（自動配信メール）", ORDERED);
        world.deliver("order-cancel@order-rp.rms.rakuten.co.jp", "【楽天市場】ご注文キャンセルのお知らせ", CANCELLED);
        world.channels = Vec::new();
        world.run_until("11-24 10:30").await;
        world.channels = vec!["phone".to_owned()];
        world.run_until("11-24 10:40").await;
        let heard = world.reminders();
        assert!(heard.len() == 1 && heard[0].starts_with("11-24 10:30 Look at your point history"), "{heard:?}");
    });
}

#[test]
fn the_letter_to_the_shop_is_decided_with_its_reminder_once_over_restarts() {
    simulated(async {
        let clocks = "look_after_days = 0\nask_shop_after_business_days = 0\nask_rakuten_after_business_days = 1";
        let mut world = World::new("11-24 09:00", clocks);
        let own = vec![SHOPPER.to_lowercase()];
        let sender = Sender { account: "a".into(), address: "hanako@example.jp".into(), fixed: false, own };
        world.replies = Replies { drafts: true, senders: vec![sender], ..Replies::default() };
        world.deliver("order@rakuten.co.jp", "【楽天市場】注文内容ご確認（自動配信メール）", ORDERED);
        let shop = "modori-zakka_2@shop.rakuten.co.jp";
        let words =
            format!("受注番号：{ORDER}\n欠品のため、ご注文をキャンセルいたしました。ポイントは返還されます。\n");
        world.wait_until("11-24 09:10").await;
        world.deliver(shop, "ご注文キャンセルのお知らせ", &words);
        let letters = || async {
            let rows = world.store.call(|db| db.outbox()).await.unwrap();
            let letters = rows.into_iter().filter_map(|row| match row.effect {
                Effect::Draft { letter } => Some((row.key, row.wished_at, letter)),
                _ => None,
            });
            letters.collect::<Vec<_>>()
        };
        world.run_until("11-24 09:20").await;
        world.wait_until("11-24 17:55").await;
        world.run_until("11-24 17:59").await;
        assert!(letters().await.is_empty(), "it is not yet time");
        world.run_until("11-24 18:05").await;
        world.run_until("11-24 18:10").await;
        world.wait_until("11-25 17:58").await;
        world.run_until("11-25 18:05").await;
        let found = letters().await;
        assert_eq!(found.len(), 1, "{found:?}");
        let (key, wished, letter) = &found[0];
        assert_eq!(key, &format!("letter:{ORDER}:ask-shop"));
        assert_eq!(letter.to, shop);
        let rows = world.store.call(|db| db.outbox()).await.unwrap();
        let reminder = rows.iter().find(|row| row.key.starts_with(&format!("remind:{ORDER}:ask-shop"))).unwrap();
        assert_eq!(*wished, reminder.wished_at, "in one transaction");
        let heard = world.phone.heard.lock().unwrap();
        let told = heard.iter().find(|(_, alert)| alert.title.starts_with("Time to ask the shop")).unwrap();
        assert!(told.1.body.contains("A letter to the shop is laid into your Drafts"), "{}", told.1.body);
    });
}

/// How often the letter was decided, and how often its reminder rang, when the program was cut after so many wake-ups.
async fn cut_around_a_letter(wake_ups: usize) -> (usize, usize, usize) {
    let mut world = World::new("11-24 17:50", "ask_shop_after_business_days = 0");
    let own = vec![SHOPPER.to_lowercase()];
    let sender = Sender { account: "a".into(), address: "hanako@example.jp".into(), fixed: false, own };
    world.replies = Replies { drafts: true, senders: vec![sender], ..Replies::default() };
    world.deliver("order@rakuten.co.jp", "【楽天市場】注文内容ご確認（自動配信メール）", ORDERED);
    world.wait_until("11-24 17:59").await;
    let words = format!("受注番号：{ORDER}\n欠品のため、ご注文をキャンセルいたしました。ポイントは返還されます。\n");
    world.deliver("modori-zakka_2@shop.rakuten.co.jp", "ご注文キャンセルのお知らせ", &words);
    let used = Arc::new(Mutex::new(0));
    {
        let engine = world.engine();
        let life = async { engine.watch(world.wait_until("11-24 18:01")).await.unwrap() };
        Cut { inner: Box::pin(life), left: wake_ups, used: Arc::clone(&used) }.await;
    }
    world.run_until("11-24 18:03").await;
    let rows = world.store.call(|db| db.outbox()).await.unwrap();
    let letters = rows.iter().filter(|row| matches!(row.effect, Effect::Draft { .. })).count();
    let rang = world.reminders().iter().filter(|line| line.contains("Time to ask the shop")).count();
    let used = *used.lock().unwrap();
    (letters, rang, used)
}

#[test]
fn a_letter_is_decided_once_wherever_the_program_is_cut() {
    let (mut all, mut wake_ups) = (usize::MAX, 0);
    while wake_ups < all {
        simulated(async {
            let (letters, rang, used) = cut_around_a_letter(wake_ups).await;
            assert_eq!(letters, 1, "cut after {wake_ups}");
            assert!((1..=2).contains(&rang), "{rang} times, cut after {wake_ups}");
            if used < wake_ups {
                all = used;
            }
        });
        wake_ups += 3;
    }
    assert!(all > 50, "{all}");
}
