//! Orders that are looked at one by one look as they do when everything is folded, and what is told is told once.

use super::*;
use crate::edge::store::Enter;
use crate::edge::store::OldMail;
use crate::facts::{Cancelled, Cause, Coupon, CouponRole, Form, OrderNumber, PointsReturn, Stage};
use crate::ledger::due::Settings;
use crate::ledger::{self, By, Case, Event, EventKind, Said, Statement, Terms};
use crate::mailbox::MailKey;
use crate::plan::on_time::{on_time, together};
use crate::plan::{Due, Effect, Policy};
use jiff::SignedDuration;
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet};

fn number(n: u8) -> OrderNumber {
    OrderNumber::parse(&format!("3999{:02}-20261101-0123456789", n)).unwrap()
}

fn at(hours: i64) -> Timestamp {
    "2026-11-01T10:00:00+09:00".parse::<Timestamp>().unwrap() + SignedDuration::from_hours(hours)
}

fn event(n: usize, order: Option<u8>, shop: Option<u8>, hours: i64, kind: EventKind) -> Event {
    Event {
        order: order.map(number),
        shop_code: shop.map(|shop| format!("shop{shop}")),
        ..Event::of(&n.to_string(), at(hours), kind)
    }
}

fn any_kind() -> impl Strategy<Value = EventKind> {
    let terms = |points| Terms { points_used: Some(points), payment_yen: Some(1000), ..Terms::default() };
    let amount = prop_oneof![Just(100_u64), Just(200), Just(300)];
    prop_oneof![
        amount.clone().prop_map(move |points| EventKind::Order { stage: Stage::Ordered, terms: terms(points) }),
        Just(EventKind::Order { stage: Stage::Shipped, terms: Terms::default() }),
        Just(EventKind::Cancel {
            form: Cancelled::Confirmed,
            cause: Some(Cause::Shop),
            terms: Terms::default(),
            reply_by: None
        }),
        amount.prop_map(|points| EventKind::Points {
            returned: PointsReturn { amount: Some(points), form: Form::Done },
            limited: None,
            expires_at: None
        }),
        Just(EventKind::Coupon(Coupon {
            role: CouponRole::Apology,
            amount_yen: Some(500),
            percent: None,
            code: None,
            url: None,
            expires_at: Some(at(2000)),
            min_yen: None
        })),
    ]
}

fn any_event() -> impl Strategy<Value = (Option<u8>, Option<u8>, i64, EventKind)> {
    (proptest::option::weighted(0.7, 0_u8..6), proptest::option::of(0_u8..2), 0_i64..2400, any_kind())
}

fn none(_: &[&Due]) -> Vec<Wish> {
    Vec::new()
}

/// Every case as it is seen when its order is looked at by itself.
fn one_by_one(db: &mut Db, settings: &Settings, now: Timestamp) -> BTreeMap<OrderNumber, Case> {
    let mut seen = BTreeMap::new();
    loop {
        let mut cases = BTreeMap::new();
        let tell = |found: &BTreeMap<OrderNumber, Case>, _: &_, _: &mut Enter<'_>| {
            cases.clone_from(found);
            (Vec::new(), BTreeMap::new())
        };
        if db.keep_appointments(settings, 1, now, |_| Vec::new(), tell, none).unwrap().orders == 0 {
            return seen;
        }
        assert_eq!(cases.len(), 1);
        seen.extend(cases);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: 64, ..ProptestConfig::default() })]
    #[test]
    fn an_order_looked_at_by_itself_is_what_the_whole_ledger_says(
        told in proptest::collection::vec(any_event(), 0..24),
        said in proptest::collection::vec((0_u8..6, 0_i64..2400, 0_usize..24), 0..4),
        batch in 1_usize..6,
    ) {
        let settings = Settings::default();
        let now = at(2500);
        let events: Vec<Event> = told
            .into_iter()
            .enumerate()
            .map(|(n, (order, shop, hours, kind))| event(n, order, shop, hours, kind))
            .collect();
        let statements: Vec<Statement> = said
            .into_iter()
            .map(|(order, hours, mail)| Statement {
                order: number(order),
                said: Said::Assign { mail: MailKey::of(mail.to_string().as_bytes()), points: 100 },
                at: at(hours),
                by: By::Command,
            })
            .collect();
        let mut db = Db::in_memory().unwrap();
        for some in events.chunks(batch) {
            let mails: Vec<OldMail> = some
                .iter()
                .map(|event| OldMail { key: event.mail, events: vec![event.clone()], keep_trusted: true, mails: None })
                .collect();
            let told: Vec<OrderNumber> = some.iter().filter_map(|event| event.order.clone()).collect();
            db.import(&mails).unwrap();
            let seen = one_by_one(&mut db, &settings, now);
            prop_assert!(told.iter().all(|order| seen.contains_key(order)), "not looked at: {:?}", told);
        }
        for statement in &statements {
            db.say(statement, now).unwrap();
            prop_assert!(one_by_one(&mut db, &settings, now).contains_key(&statement.order));
        }
        // everything once more, at one go: the same database
        let before = (db.events().unwrap(), db.statements().unwrap());
        let again: Vec<OldMail> = events
            .iter()
            .rev()
            .map(|event| OldMail { key: event.mail, events: vec![event.clone()], keep_trusted: false, mails: None })
            .collect();
        prop_assert_eq!(db.import(&again).unwrap(), 0);
        prop_assert_eq!((db.events().unwrap(), db.statements().unwrap()), before);
        let all = ledger::cases(&events, &statements, &settings, now);
        prop_assert_eq!(db.rebuild().unwrap(), all.len());
        let mut each = BTreeMap::new();
        db.each_case(&settings, now, |case| drop(each.insert(case.order_number.clone(), case.clone()))).unwrap();
        prop_assert_eq!(&each, &all);
        prop_assert_eq!(one_by_one(&mut db, &settings, now), all);
    }
}

#[test]
fn a_refund_that_came_long_after_its_order_was_cancelled_still_leaves_the_others_to_their_orders() {
    let settings = Settings::default();
    let now = at(2500);
    let cancel = || EventKind::Cancel {
        form: Cancelled::Confirmed,
        cause: Some(Cause::Shop),
        terms: Terms::default(),
        reply_by: None,
    };
    let back = || EventKind::Points {
        returned: PointsReturn { amount: Some(100), form: Form::Done },
        limited: None,
        expires_at: None,
    };
    let used = Terms { points_used: Some(100), payment_yen: Some(1000), ..Terms::default() };
    let events = [
        event(0, Some(1), None, 0, EventKind::Order { stage: Stage::Ordered, terms: used }),
        event(1, Some(1), None, 14, cancel()),
        event(2, Some(0), None, 14, cancel()),
        event(3, None, None, 0, back()),
        // later than any refund of an order cancelled then is looked for
        event(4, None, None, 783, back()),
    ];
    let given = Statement {
        order: number(1),
        said: Said::Assign { mail: MailKey::of(b"4"), points: 100 },
        at: at(800),
        by: By::Command,
    };
    let mut db = Db::in_memory().unwrap();
    db.import(&events.map(|event| OldMail { key: event.mail, events: vec![event], keep_trusted: true, mails: None }))
        .unwrap();
    db.say(&given, now).unwrap();
    let all = ledger::cases(&db.events().unwrap(), &[given], &settings, now);
    assert_eq!(all[&number(0)].evidence.len(), 2, "the first refund is asked about with the order that is still open");
    assert_eq!(one_by_one(&mut db, &settings, now), all);
}

fn cancelled(n: usize, order: u8) -> [Event; 2] {
    let terms = Terms { points_used: Some(500), payment_yen: Some(1000), ..Terms::default() };
    let cancel = EventKind::Cancel {
        form: Cancelled::Confirmed,
        cause: Some(Cause::Shop),
        terms: Terms::default(),
        reply_by: None,
    };
    [
        event(2 * n, Some(order), Some(order), 0, EventKind::Order { stage: Stage::Ordered, terms }),
        event(2 * n + 1, Some(order), Some(order), 24, cancel),
    ]
}

fn remind(db: &mut Db, now: Timestamp) -> Vec<String> {
    remind_by(db, &["a", "b"], now)
}

fn remind_by(db: &mut Db, channels: &[&str], now: Timestamp) -> Vec<String> {
    let channels = channels.iter().map(|name| (*name).to_owned()).collect();
    remind_with(db, &Policy { channels, ..Policy::default() }, now)
}

fn remind_with(db: &mut Db, policy: &Policy, now: Timestamp) -> Vec<String> {
    let settings = Settings::default();
    let last = db.pulse().unwrap();
    let tell = |cases: &BTreeMap<OrderNumber, Case>, _: &_, _: &mut Enter<'_>| {
        (on_time(cases, last, &settings, policy, now), BTreeMap::new())
    };
    let kept = db
        .keep_appointments(&settings, 100, now, |_| Vec::new(), tell, |several| together(several, policy, now))
        .unwrap();
    db.beat(now).unwrap();
    kept.alerts.into_iter().map(|row| row.key).collect()
}

fn import(db: &mut Db, n: usize, order: u8) {
    let mails: Vec<OldMail> = cancelled(n, order)
        .into_iter()
        .map(|event| OldMail { key: event.mail, events: vec![event], keep_trusted: true, mails: None })
        .collect();
    db.import(&mails).unwrap();
}

#[test]
fn reminders_are_entered_once_and_many_are_told_together() {
    let mut db = Db::in_memory().unwrap();
    import(&mut db, 0, 0);
    assert_eq!(remind(&mut db, at(30)), Vec::<String>::new());
    assert_eq!(db.next_wake().unwrap(), Some(at(48))); // 10:00 of the day after
    let first = remind(&mut db, at(48));
    let order = number(0);
    assert_eq!(first, [format!("remind:{order}:look:a"), format!("remind:{order}:look:b")]);
    assert!(remind(&mut db, at(49)).is_empty());
    // the same mail once more wakes the order and tells nothing again
    db.say(
        &Statement { order: order.clone(), said: Said::Note { text: "x".into() }, at: at(49), by: By::Command },
        at(49),
    )
    .unwrap();
    assert_eq!(db.next_wake().unwrap(), Some(Timestamp::UNIX_EPOCH));
    assert!(remind(&mut db, at(50)).is_empty());
    // five more come to be known at once: one alert a channel, and none of them again
    for n in 1..6 {
        import(&mut db, usize::from(n), n);
    }
    let many = remind(&mut db, at(51));
    assert_eq!(many.len(), 2, "{many:?}");
    assert!(many.iter().all(|key| key.contains("+5:")), "{many:?}");
    assert!(remind(&mut db, at(52)).is_empty());
    // what was told together is told of its next stage as any other: the evening of the third business day
    let next = remind(&mut db, at(128));
    assert!(next.len() == 2 && next.iter().all(|key| key.contains("ask-shop") && key.contains("+6:")), "{next:?}");
    let rows = db.outbox().unwrap();
    assert_eq!(rows.iter().filter(|row| row.state == State::Dropped).count(), 22);
}

#[test]
fn a_reminder_waits_for_the_end_of_the_quiet_hours_and_says_what_is_true_then() {
    let calm = crate::plan::calm::Calm { quiet: vec!["09:00-12:00".parse().unwrap()], ..Default::default() };
    let quiet = Policy { channels: vec!["a".to_owned()], calm, ..Policy::default() };
    for (settled, leave) in [(false, 1), (true, 0)] {
        let mut db = Db::in_memory().unwrap();
        import(&mut db, 0, 0);
        // a second later, too, when a case may look different
        for second in 0..2 {
            let now = at(48) + SignedDuration::from_secs(second);
            assert_eq!(remind_with(&mut db, &quiet, now), Vec::<String>::new());
        }
        assert_eq!(db.outbox().unwrap(), [], "nothing is written that could be wrong in the end");
        assert_eq!(db.next_wake().unwrap(), Some(at(50)));
        let said = match settled {
            true => Said::Confirm { points: None, expires: None, coupon_back: None },
            false => Said::Note { text: "x".into() },
        };
        db.say(&Statement { order: number(0), said, at: at(49), by: By::Command }, at(49)).unwrap();
        assert_eq!(remind_with(&mut db, &quiet, at(49)), Vec::<String>::new());
        let told = remind_with(&mut db, &quiet, at(50));
        assert_eq!(told.iter().filter(|key| key.contains(":look:")).count(), leave, "{told:?}");
    }
}

fn lanes(db: &Db) -> Vec<(String, State)> {
    db.outbox().unwrap().into_iter().map(|row| (row.lane, row.state)).collect()
}

fn configured(db: &mut Db, channels: &[&str]) -> usize {
    let channels: Vec<String> = channels.iter().map(|name| (*name).to_owned()).collect();
    db.give_up_alerts_except(&channels, at(49)).unwrap()
}

#[test]
fn a_channel_that_is_renamed_or_added_repeats_no_reminder() {
    let mut db = Db::in_memory().unwrap();
    import(&mut db, 0, 0);
    assert_eq!(remind_by(&mut db, &["a"], at(48)).len(), 1);
    let row = db.outbox().unwrap().remove(0);
    db.alerted(&row, None, at(48), at(48)).unwrap();
    let note = Said::Note { text: "x".into() };
    for channels in [&["phone"][..], &["phone", "a"], &["b", "phone"]] {
        assert_eq!(configured(&mut db, channels), 0);
        db.say(&Statement { order: number(0), said: note.clone(), at: at(49), by: By::Command }, at(49)).unwrap();
        assert_eq!(remind_by(&mut db, channels, at(50)), Vec::<String>::new());
    }
    // the next stage is another reminder, and comes by the channels of then
    assert_eq!(remind_by(&mut db, &["phone"], at(300)), [format!("remind:{}:ask-rakuten:phone", number(0))]);
}

#[test]
fn a_reminder_whose_channel_is_gone_before_it_left_leaves_by_another() {
    let mut db = Db::in_memory().unwrap();
    import(&mut db, 0, 0);
    assert_eq!(remind_by(&mut db, &["a", "b"], at(48)).len(), 2);
    // one is left: that one has it
    assert_eq!(configured(&mut db, &["b"]), 1);
    assert_eq!(lanes(&db), [("a".to_owned(), State::Failed), ("b".to_owned(), State::Doing)]);
    // none is left: it waits
    assert_eq!(configured(&mut db, &[]), 0);
    assert_eq!(db.open_rows().unwrap(), 1);
    // others are there: one of them says it, once
    assert_eq!(configured(&mut db, &["c", "d"]), 0);
    assert_eq!(lanes(&db), [("a".to_owned(), State::Failed), ("c".to_owned(), State::Ready)]);
    let row = db.workable("alert", Some("c"), 9, at(49)).unwrap().remove(0);
    assert!(matches!(row.effect, Effect::Alert { channel, .. } if channel == "c"));
    assert_eq!(configured(&mut db, &["c", "d"]), 0);

    // what was told together as well
    for n in 1..6 {
        import(&mut db, usize::from(n), n);
    }
    assert_eq!(remind_by(&mut db, &["c", "d"], at(50)).len(), 2);
    assert_eq!(configured(&mut db, &["e", "f"]), 1);
    let open: Vec<Row> = db.workable("alert", None, 9, at(51)).unwrap();
    assert_eq!(open.iter().map(|row| row.lane.as_str()).collect::<Vec<_>>(), ["e", "e"]);
}

#[test]
fn an_order_that_another_process_adds_meanwhile_is_warned_of() {
    let folder = tempfile::tempdir().unwrap();
    let mut db = Db::open(folder.path()).unwrap();
    let now = "2026-11-01T20:00:00+09:00".parse::<Timestamp>().unwrap();
    let mut other = Db::open(folder.path()).unwrap();
    let orders = 40_u8;
    let adding = std::thread::spawn(move || {
        for n in 0..orders {
            import(&mut other, usize::from(n), n);
        }
    });
    let (mut warned, mut looked_at) = (BTreeSet::new(), BTreeSet::new());
    while looked_at.len() < usize::from(orders) {
        let warn = |told: &(Vec<Event>, Vec<Statement>)| {
            warned.extend(told.0.iter().filter_map(|event| event.order.clone()));
            Vec::new()
        };
        let tell = |cases: &BTreeMap<OrderNumber, Case>, _: &_, _: &mut Enter<'_>| {
            looked_at.extend(cases.keys().cloned());
            (Vec::new(), BTreeMap::new())
        };
        db.keep_appointments(&Settings::default(), 500, now, warn, tell, none).unwrap();
        assert!(looked_at.is_subset(&warned), "{:?}", looked_at.difference(&warned));
    }
    adding.join().unwrap();
}

#[test]
fn what_she_says_while_appointments_are_kept_is_never_overlooked() {
    let folder = tempfile::tempdir().unwrap();
    let mut db = Db::open(folder.path()).unwrap();
    for n in 0..6 {
        import(&mut db, usize::from(n), n);
    }
    let mut other = Db::open(folder.path()).unwrap();
    let saying = std::thread::spawn(move || {
        for n in 0_u8..60 {
            let said = Said::Confirm { points: Some(u64::from(n)), expires: None, coupon_back: None };
            let statement = Statement { order: number(n % 6), said, at: at(50 + i64::from(n)), by: By::Command };
            other.say(&statement, at(200)).unwrap();
        }
    });
    let (settings, now) = (Settings::default(), at(200));
    let mut seen: BTreeMap<OrderNumber, Case> = BTreeMap::new();
    let mut rounds = 0;
    loop {
        // asked before the round: what is said after that is the next round's
        let all_is_said = saying.is_finished();
        let tell = |cases: &BTreeMap<OrderNumber, Case>, _: &_, _: &mut Enter<'_>| {
            seen.extend(cases.clone());
            (Vec::new(), BTreeMap::new())
        };
        let kept = db.keep_appointments(&settings, 2, now, |_| Vec::new(), tell, none).unwrap();
        rounds += 1;
        if all_is_said && kept.orders == 0 {
            break;
        }
    }
    saying.join().unwrap();
    assert_eq!(seen, ledger::cases(&db.events().unwrap(), &db.statements().unwrap(), &settings, now));
    assert!(rounds > 3);
}
