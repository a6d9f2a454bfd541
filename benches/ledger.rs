//! A ledger of 100,000 events: made anew, grown by one event, looked at by its appointments. `cargo bench --bench ledger`.

#![allow(clippy::expect_used, clippy::unwrap_used)] // a bench that cannot set up has nothing to say

use jiff::{SignedDuration, Timestamp};
use modori::edge::store::{Db, Enter, Later, OldMail, Settling};
use modori::facts::{Cancelled, Cause, Form, Item, OrderNumber, PointsReturn, Stage};
use modori::ledger::due::Settings;
use modori::ledger::{self, Event, EventKind, Terms};
use modori::letter::Replies;
use modori::mailbox::Place;
use modori::plan::{Policy, Step, on_time};
use modori::rules::Verdict;
use peak_alloc::PeakAlloc;
use std::collections::BTreeSet;
use std::time::{Duration, Instant};

#[global_allocator]
static MEMORY: PeakAlloc = PeakAlloc;

const EVENTS: usize = 100_000;

fn start() -> Timestamp {
    "2023-11-25T10:00:00+09:00".parse().expect("an instant")
}

/// Events of three years: of eight orders one is cancelled, and of those one in four gets a refund mail that names no
/// order.
fn events(count: usize) -> Vec<Event> {
    let mut events = Vec::with_capacity(count);
    let mut order = 0_i64;
    while events.len() < count {
        let at = start() + SignedDuration::from_mins(order * 65);
        let day = modori::calendar::civil(at).strftime("%Y%m%d").to_string();
        let number = OrderNumber::parse(&format!("3{:05}-{day}-{order:010}", order % 400)).expect("an order number");
        let shop = format!("shop-{}", order % 400);
        let terms = Terms {
            shop_code: Some(shop.clone()),
            shop_name: Some(format!("{shop} 楽天市場店")),
            ordered_at: Some(at),
            total_yen: Some(3960),
            payment_yen: Some(3260),
            points_used: Some(500),
            coupon_used_yen: Some(200),
            items: vec![Item {
                name: format!("帆布トート 大 {order}"), price_yen: Some(1980), ..Item::default()
            }],
            ..Terms::default()
        };
        let mut tell = |hours: i64, named: bool, kind: EventKind| {
            let n = events.len();
            events.push(Event {
                order: named.then(|| number.clone()),
                shop_code: Some(shop.clone()),
                excerpt: "ご注文ありがとうございます。商品の発送までしばらくお待ちください".to_owned(),
                sender: format!("{shop}@shop.rakuten.co.jp"),
                ..Event::of(&n.to_string(), at + SignedDuration::from_hours(hours), kind)
            });
        };
        tell(0, true, EventKind::Order { stage: Stage::Ordered, terms: terms.clone() });
        tell(2, true, EventKind::Order { stage: Stage::Accepted, terms: terms.clone() });
        if order % 8 == 0 {
            let cause = Some(Cause::Shop);
            tell(30, true, EventKind::Cancel { form: Cancelled::Claimed, cause, terms: terms.clone(), reply_by: None });
            tell(40, true, EventKind::Cancel { form: Cancelled::Confirmed, cause, terms, reply_by: None });
            let returned = PointsReturn { amount: Some(500), form: Form::Done };
            tell(60, order % 32 != 0, EventKind::Points { returned, limited: None, expires_at: None });
        } else {
            tell(30, true, EventKind::Order { stage: Stage::Shipped, terms: Terms::default() });
        }
        order += 1;
    }
    events.truncate(count);
    events
}

fn timed<T>(work: impl FnOnce() -> T) -> (T, Duration) {
    let begun = Instant::now();
    let answer = work();
    (answer, begun.elapsed())
}

fn show(what: &str, times: &mut [Duration]) {
    times.sort();
    let at = |share: usize| times.get(times.len() * share / 100).copied().unwrap_or_default();
    println!("{what}: p50 {:?}, p95 {:?}, longest {:?}", at(50), at(95), times.last().copied().unwrap_or_default());
}

fn main() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut db = Db::open(folder.path()).expect("a database");
    let settings = Settings::default();
    let all = events(EVENTS);
    let now = all.last().expect("events").at;
    let mails: Vec<OldMail> = all
        .iter()
        .map(|event| OldMail { key: event.mail, events: vec![event.clone()], keep_trusted: true, mails: None })
        .collect();
    let (_, time) = timed(|| mails.chunks(200).for_each(|some| assert!(db.import(some).is_ok())));
    println!("{EVENTS} events imported in batches of 200: {time:?}");

    MEMORY.reset_peak_usage();
    let before = MEMORY.current_usage_as_mb();
    let (cases, time) = timed(|| {
        // as `modori ledger rebuild` does
        db.rebuild().expect("rebuilt");
        let mut cases = 0;
        db.each_case(&settings, now, |_| cases += 1).expect("cases");
        cases
    });
    println!(
        "ledger rebuild, {} orders: {time:?}, {:.0} MB at the most beside {before:.0} MB",
        cases,
        MEMORY.peak_usage_as_mb() - before
    );
    MEMORY.reset_peak_usage();
    let before = MEMORY.current_usage_as_mb();
    let ((), time) = timed(|| {
        let events = db.events().expect("events");
        drop(ledger::cases(&events, &[], &settings, now));
    });
    println!(
        "the same at one go, as `modori cases` does: {time:?}, {:.0} MB at the most",
        MEMORY.peak_usage_as_mb() - before
    );
    let ((), time) = timed(|| drop(ledger::cases(&all, &[], &settings, now)));
    println!("  of it folding alone: {time:?}");
    drop(mails);

    let policy = Policy::default();
    let keep = |db: &mut Db, limit: u32, now: Timestamp| {
        let tell = |cases: &_, _: &_, _: &mut Enter<'_>| (on_time(cases, None, &settings, &policy, now), Later::new());
        db.keep_appointments(&settings, limit, now, |_| Vec::new(), tell, |_| Vec::new()).expect("kept").orders
    };
    MEMORY.reset_peak_usage();
    let before = MEMORY.current_usage_as_mb();
    let ((), time) = timed(|| while keep(&mut db, 500, now) > 0 {});
    println!(
        "all orders looked at, 500 a transaction: {time:?}, {:.1} MB at the most",
        MEMORY.peak_usage_as_mb() - before
    );

    // what the dashboard shows first, and the page of one order
    let replies = Replies { drafts: true, ..Replies::default() };
    let mut waits = Vec::new();
    let mut open = 0;
    for _ in 0..10 {
        let (found, time) = timed(|| db.waiting(&settings, &replies, now).expect("what waits"));
        open = found.cases.values().filter(|case| !case.ended).count();
        waits.push(time);
    }
    show(&format!("what waits, {open} open orders, found anew"), &mut waits);
    let orders: BTreeSet<&OrderNumber> = all.iter().filter_map(|event| event.order.as_ref()).collect();
    let mut stories: Vec<Duration> = orders
        .iter()
        .rev()
        .step_by(50)
        .take(100)
        .map(|order| timed(|| assert!(db.story(order, &settings, now).expect("a story").is_some())).1)
        .collect();
    show("the story of one order", &mut stories);

    // one mail more, as it arrives: into memory (the work before a commit) and onto the disk
    let mut memory = Db::in_memory().expect("a database");
    let own: Vec<OldMail> = all
        .iter()
        .map(|event| OldMail { key: event.mail, events: vec![event.clone()], keep_trusted: true, mails: None })
        .collect();
    own.chunks(2000).for_each(|some| assert!(memory.import(some).is_ok()));
    memory.rebuild().expect("rebuilt");
    while keep(&mut memory, 500, now) > 0 {}
    let fresh = events(EVENTS + 1000);
    for (what, db) in [("in memory: the work before the commit", &mut memory), ("on disk: with its commit", &mut db)] {
        let (mut settle, mut look) = (Vec::new(), Vec::new());
        for (n, event) in fresh.iter().skip(EVENTS).enumerate() {
            let place = Place {
                account: "a".into(),
                mailbox: "INBOX".into(),
                uid_validity: 1,
                uid: u32::try_from(n).unwrap() + 1,
            };
            let settling = Settling {
                place,
                key: event.mail,
                received: event.at,
                size: 4000,
                message_id: Some(format!("{n}@example.jp")),
                verdict: Verdict { category: "order".into(), ..Verdict::default() },
                step: Step { events: vec![event.clone()], ..Step::default() },
                poison: None,
            };
            settle.push(timed(|| db.settle(&[settling], false, event.at).expect("settled")).1);
            look.push(timed(|| keep(db, 500, event.at)).1);
        }
        show(&format!("one new event, {what}"), &mut settle);
        show(&format!("  and its order looked at, {what}"), &mut look);
    }
}
