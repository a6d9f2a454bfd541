//! What waits, as values and drawn.

use super::draw::page;
use super::view::{Ask, Urgency, Waiting, urgency, view};
use crate::calendar::instant;
use crate::edge::store::{Db, Found, OldMail};
use crate::edge::web::pages::words::Words;
use crate::facts::{Cancelled, Cause, Form as PointsForm, Item, OrderNumber, PointsReturn, Stage};
use crate::ledger::due::Settings;
use crate::ledger::{By, Event, EventKind, NextStep, Question, Said, Statement, Terms};
use crate::letter::{Kind, Replies, Silence};
use crate::wording::{Face, Language, Wording};
use jiff::Timestamp;
use jiff::civil::date;
use maud::{Markup, html};

pub(in crate::edge::web::pages) fn tokyo(month: i8, day: i8, hour: i8) -> Timestamp {
    instant(date(2026, month, day).at(hour, 0, 0, 0))
}

/// The `n`th order, placed on a day of November.
pub(in crate::edge::web::pages) fn number(n: u32, day: i8) -> OrderNumber {
    OrderNumber::parse(&format!("39{:04}-202611{day:02}-{n:010}", n % 10_000)).unwrap()
}

pub(in crate::edge::web::pages) fn event(
    order: Option<&OrderNumber>,
    at: Timestamp,
    kind: EventKind,
    excerpt: &str,
) -> Event {
    let name = format!("{order:?} {at} {kind:?} {excerpt}");
    Event {
        order: order.cloned(),
        shop_code: Some("modori-zakka".to_owned()),
        excerpt: excerpt.to_owned(),
        sender: "order@shop.rakuten.co.jp".to_owned(),
        ..Event::of(&name, at, kind)
    }
}

pub(in crate::edge::web::pages) fn terms(points: u64, item: &str) -> Terms {
    Terms {
        shop_code: Some("modori-zakka".to_owned()),
        shop_name: Some("モドリ雑貨店".to_owned()),
        payment_yen: Some(3260),
        points_used: Some(points),
        coupon_used_yen: Some(200),
        items: vec![Item { name: item.to_owned(), ..Item::default() }],
        ..Terms::default()
    }
}

/// An order and its cancellation by the shop.
pub(in crate::edge::web::pages) fn cancelled(
    order: &OrderNumber,
    at: Timestamp,
    points: u64,
    item: &str,
) -> Vec<Event> {
    let terms = terms(points, item);
    let ordered = EventKind::Order { stage: Stage::Ordered, terms: terms.clone() };
    let cancel = EventKind::Cancel { form: Cancelled::Confirmed, cause: Some(Cause::Shop), terms, reply_by: None };
    let placed = instant(order.date().at(9, 0, 0, 0));
    vec![event(Some(order), placed, ordered, "ご注文内容"), event(Some(order), at, cancel, "キャンセルとなりました")]
}

pub(in crate::edge::web::pages) fn store(events: &[Event]) -> Db {
    let mut db = Db::in_memory().unwrap();
    for event in events {
        let mail = OldMail { key: event.mail, events: vec![event.clone()], keep_trusted: true, mails: None };
        db.import(&[mail]).unwrap();
    }
    db
}

pub(in crate::edge::web::pages) fn say(db: &mut Db, order: &OrderNumber, said: Said, at: Timestamp) {
    db.say(&Statement { order: order.clone(), said, at, by: By::Command }, at).unwrap();
}

pub(in crate::edge::web::pages) fn form(action: &str, fields: &Markup, button: &str) -> Markup {
    html! { form method="post" action=(action) { (fields) button type="submit" { (button) } } }
}

fn found(db: &Db, now: Timestamp) -> Found {
    db.waiting(&Settings::default(), &Replies::default(), now).unwrap()
}

fn seen(found: &Found, now: Timestamp) -> Waiting<'_> {
    view(found, &[], &[], &[], &Settings::default(), &Replies::default(), now)
}

fn drawn(waiting: &Waiting<'_>, language: Language, now: Timestamp) -> String {
    let wording = Wording::default();
    let labels = wording.labels(language, Face::Dashboard);
    let words = Words { labels: &labels, wording: &wording, language, now };
    page(waiting, &words, &form).into_string()
}

/// No label's name is shown in the place of a label, and no place of one stays unfilled.
pub(in crate::edge::web::pages) fn is_whole(page: &str) {
    for name in ["waiting.", "case.", "nav."] {
        assert!(!page.contains(name), "a label is missing: {page}");
    }
    assert!(!page.contains('{') && !page.contains('}'), "a place is unfilled: {page}");
    assert!(!page.contains("style=") && !page.contains("onclick") && !page.contains("<script"), "{page}");
}

#[test]
fn what_comes_first_stands_first_and_sums_are_of_open_orders() {
    let now = tokyo(11, 26, 12);
    let (early, later, back, lost) = (number(1, 10), number(2, 20), number(3, 15), number(4, 16));
    let mut events = cancelled(&later, tokyo(11, 25, 15), 500, "帆布トート");
    events.extend(cancelled(&early, tokyo(11, 12, 15), 1200, "マグ"));
    events.extend(cancelled(&back, tokyo(11, 16, 15), 300, "皿"));
    let promise = PointsReturn { amount: Some(400), form: PointsForm::Promised };
    let promised = EventKind::Points { returned: promise, limited: None, expires_at: None };
    events.push(event(Some(&early), tokyo(11, 13, 9), promised, "400ポイントを返還します"));
    events.extend(cancelled(&lost, tokyo(11, 17, 15), 50, "箸"));
    let mut db = store(&events);
    let until = Some(tokyo(11, 27, 23));
    say(&mut db, &back, Said::Confirm { points: Some(300), expires: until, coupon_back: Some(true) }, tokyo(11, 20, 9));
    say(&mut db, &lost, Said::Lost, tokyo(11, 21, 9));
    let found = found(&db, now);
    let waiting = seen(&found, now);
    let orders: Vec<_> = waiting.rows.iter().map(|row| row.case.order_number.clone()).collect();
    // what came back is to be spent by the evening of the 27th
    assert_eq!(orders, [early, later, back.clone()]);
    assert_eq!(waiting.spend.iter().map(|(case, _)| &case.order_number).collect::<Vec<_>>(), [&back]);
    assert_eq!((waiting.totals.outstanding, waiting.totals.unknown), (1700, 0));
    assert_eq!((waiting.totals.promised, waiting.totals.returned), (400, 300));
    let ended: Vec<_> = waiting.ended.iter().map(|one| (one.case.order_number.clone(), one.by_her)).collect();
    assert_eq!(ended, [(lost, true)]);
    assert!(waiting.rows[..2].iter().all(|row| row.says.came && row.says.coupon && !row.says.answered));
    assert!(!waiting.rows[2].says.came && !waiting.rows[2].says.coupon);
    // letters are off here: the gate says why not
    let Ask::Not(reasons) = &waiting.rows[0].ask else { panic!("{:?}", waiting.rows[0].ask) };
    assert!(reasons.contains(&Silence::Off), "{reasons:?}");
}

#[test]
fn what_came_back_before_the_month_began_is_not_of_this_month() {
    let order = number(1, 10);
    let mut db = store(&cancelled(&order, tokyo(11, 12, 15), 1200, "マグ"));
    let confirm = |points| Said::Confirm { points: Some(points), expires: None, coupon_back: None };
    say(&mut db, &order, confirm(400), tokyo(11, 20, 9));
    say(&mut db, &order, confirm(1000), tokyo(12, 2, 9));
    assert_eq!(found(&db, tokyo(11, 30, 23)).returned, 1000, "both are known on the day the ledger is asked");
    assert_eq!(found(&db, tokyo(12, 3, 9)).returned, 600);
}

#[test]
fn what_waits_is_what_the_whole_ledger_says() {
    let now = tokyo(11, 26, 12);
    let mut events = Vec::new();
    for n in 0..40 {
        let order = number(n, i8::try_from(n % 25).unwrap() + 1);
        events.extend(cancelled(&order, tokyo(11, 26, 1), u64::from(n) * 10, "品"));
        let returned = PointsReturn { amount: Some(u64::from(n) * 10), form: PointsForm::Done };
        let back = EventKind::Points { returned, limited: None, expires_at: None };
        // some refunds name no order
        events.extend((n % 3 == 0).then(|| event((n % 2 == 0).then_some(&order), tokyo(11, 26, 8), back, "返還")));
    }
    let db = store(&events);
    let settings = Settings::default();
    let all = crate::ledger::cases(&db.events().unwrap(), &db.statements().unwrap(), &settings, now);
    let found = found(&db, now);
    assert_eq!(found.cases.len(), all.len());
    for (order, case) in &all {
        let mut one = found.cases[order].clone();
        // the gate's word is not the ledger's
        one.may_ask_shop = case.may_ask_shop;
        assert_eq!(&one, case);
    }
}

#[test]
fn a_deadline_is_over_a_second_later_and_a_look_on_another_day() {
    let now = tokyo(11, 26, 12);
    let cases = [
        (NextStep::Look, tokyo(11, 26, 10), Urgency::Due),
        (NextStep::Look, tokyo(11, 25, 10), Urgency::Late),
        (NextStep::AskShop, tokyo(11, 26, 18), Urgency::Due),
        (NextStep::AskShop, tokyo(11, 27, 18), Urgency::Later),
        (NextStep::Reply, tokyo(11, 26, 11), Urgency::Late),
        (NextStep::Pay, tokyo(11, 26, 23), Urgency::Due),
        (NextStep::Spend, tokyo(12, 1, 0), Urgency::Later),
    ];
    for (step, at, expect) in cases {
        assert_eq!(urgency(step, at, now), expect, "{step:?} {at}");
    }
}

#[test]
fn every_page_is_whole_in_both_languages_and_words_of_mails_cannot_write_it() {
    let now = tokyo(11, 26, 12);
    let order = number(1, 10);
    let evil = "<script>alert(1)</script>\" onmouseover=\"x\u{202e}\u{7}";
    let mut events = cancelled(&order, tokyo(11, 12, 15), 1200, evil);
    for event in &mut events {
        if let EventKind::Order { terms, .. } | EventKind::Cancel { terms, .. } = &mut event.kind {
            terms.shop_name = Some(evil.to_owned());
        }
    }
    let mut db = store(&events);
    let back = number(2, 11);
    for event in cancelled(&back, tokyo(11, 16, 15), 300, "皿") {
        db.import(&[OldMail { key: event.mail, events: vec![event], keep_trusted: true, mails: None }]).unwrap();
    }
    let until = Some(tokyo(11, 28, 10));
    say(&mut db, &back, Said::Confirm { points: None, expires: until, coupon_back: Some(true) }, tokyo(11, 20, 9));
    let found = found(&db, now);
    let waiting = seen(&found, now);
    for (language, said) in [
        (Language::Ja, ["11月28日(土) 10:00（2日後）", "未返還 1,200ポイント", "クーポンを確認"]),
        (Language::En, ["Sat Nov 28, 10:00 (in 2 days)", "1,200 points outstanding", "look at the coupon"]),
    ] {
        let page = drawn(&waiting, language, now);
        is_whole(&page);
        for said in said {
            assert!(page.contains(said), "{said}: {page}");
        }
        assert!(!page.contains("<script") && !page.contains("onmouseover=\"x") && !page.contains('\u{202e}'), "{page}");
        assert!(page.contains("&lt;script&gt;"), "{page}");
        assert_eq!(
            page.matches("JST").count() + page.matches("日本時間").count() + page.matches("Japan Standard").count(),
            1
        );
    }
}

#[test]
fn an_empty_page_is_pleasant() {
    let now = tokyo(11, 26, 12);
    let found = found(&Db::in_memory().unwrap(), now);
    let waiting = seen(&found, now);
    assert!(waiting.is_empty());
    assert!(drawn(&waiting, Language::En, now).contains("Nothing waits for you"));
    assert!(!drawn(&waiting, Language::Ja, now).contains("<h2>"));
}

#[test]
fn no_question_names_a_command_on_a_page() {
    let wording = Wording::default();
    let orders = vec![number(1, 10), number(2, 11)];
    let mail = "0123456789".to_owned();
    let questions = [
        Question::Conflict,
        Question::OrderUnseen,
        Question::Unpaid,
        Question::PartialUnknown,
        Question::ReturnClaimed { points: None, mail: None },
        Question::ReturnClaimed { points: Some(500), mail: Some(mail.clone()) },
        Question::WhichOrder { points: Some(500), orders: orders.clone(), mail: mail.clone() },
        Question::Together { points: 800, orders, mail },
        Question::ReturnTwice { points: 500 },
        Question::MoreThanUsed { said: 700, used: 500 },
        Question::ReturnRefused { points: None },
        Question::PromiseDiffers { promised: 300, expected: 500 },
        Question::UsedDiffers { ordered: 500, cancelled: 300 },
        Question::TotalsDiffer { one: 1, other: 2 },
        Question::CauseDiffers,
        Question::LimitedExpired { points: 300 },
        Question::CouponClaimed,
        Question::CouponRefused,
    ];
    for language in [Language::Ja, Language::En] {
        let labels = wording.labels(language, Face::Dashboard);
        let words = Words { labels: &labels, wording: &wording, language, now: tokyo(11, 26, 12) };
        for question in &questions {
            let text = words.question(question);
            is_whole(&text);
            assert!(!text.contains("modori ") && !text.contains("confirm") && !text.contains("--"), "{text}");
        }
        for silence in Silence::ALL {
            is_whole(&words.silence(silence));
        }
    }
}

#[test]
fn days_are_said_as_people_say_them() {
    let wording = Wording::default();
    let now = tokyo(11, 26, 12);
    let cases = [
        (tokyo(11, 26, 0), "今日", "today"),
        (tokyo(11, 27, 23), "明日", "tomorrow"),
        (tokyo(11, 29, 0), "3日後", "in 3 days"),
        (tokyo(11, 25, 23), "昨日", "yesterday"),
        (tokyo(10, 26, 0), "31日前", "31 days ago"),
        (instant(date(2027, 1, 3).at(9, 5, 0, 0)), "38日後", "in 38 days"),
    ];
    for (at, ja, en) in cases {
        for (language, expect) in [(Language::Ja, ja), (Language::En, en)] {
            let labels = wording.labels(language, Face::Dashboard);
            let words = Words { labels: &labels, wording: &wording, language, now };
            assert_eq!(words.days(at), expect, "{at}");
        }
    }
    let said = |language, at| {
        let labels = wording.labels(language, Face::Dashboard);
        Words { labels: &labels, wording: &wording, language, now }.at(at)
    };
    let new_year = instant(date(2027, 1, 3).at(9, 5, 0, 0));
    assert_eq!(said(Language::Ja, new_year), "2027年1月3日(日) 09:05");
    assert_eq!(said(Language::En, new_year), "Sun Jan 3 2027, 09:05");
    assert_eq!(said(Language::Ja, tokyo(11, 28, 10)), "11月28日(土) 10:00");
    assert_eq!(said(Language::En, tokyo(11, 28, 10)), "Sat Nov 28, 10:00");
}

#[test]
fn a_shop_that_was_asked_is_asked_again_and_a_draft_is_sent_first() {
    use crate::letter::{Memory, Outcome, Written};
    let now = tokyo(11, 26, 12);
    let order = number(1, 10);
    let db = store(&cancelled(&order, tokyo(11, 12, 15), 1200, "マグ"));
    let found = found(&db, now);
    let with = |outcome| {
        let written = Written {
            step: Kind::AskShop.name().to_owned(),
            message_id: "m@example.jp".to_owned(),
            at: tokyo(11, 17, 18),
            outcome,
            looped: false,
        };
        let kept = (Vec::new(), Memory { written: vec![written], today: 0 });
        super::ask(&found.cases[&order], &kept, &Settings::default(), &Replies::default(), now)
    };
    assert_eq!(with(Outcome::Drafted), Ask::Needless);
    let Ask::Not(reasons) = with(Outcome::Unknown) else { panic!() };
    assert!(reasons.contains(&Silence::UnknownOutcome), "{reasons:?}");
    let Ask::Not(reasons) = with(Outcome::Sent) else { panic!() };
    assert!(!reasons.contains(&Silence::AlreadyWritten), "{reasons:?}");
    let Ask::Not(reasons) = with(Outcome::Failed) else { panic!() };
    assert!(!reasons.contains(&Silence::NotAskedBefore), "{reasons:?}");
}
