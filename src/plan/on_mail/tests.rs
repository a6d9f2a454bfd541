//! Mails and what follows from them.

use super::*;
use crate::facts::{Cancelled, Confidence, Field, Found, Item, OrderNumber, Span, Stage};
use crate::mail::{Address, Link, Part, PartKind, Reading, Text, TrustLevel};
use crate::plan::Use;
use std::collections::BTreeSet;

const NOW: &str = "2026-11-24T10:00:00+09:00";
const PAGE: &str = "https://item.rakuten.co.jp/modori-zakka/mz-0001/";

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn found<T>(value: T) -> Found<T> {
    let span = Span { field: Field::Body, range: 0..2 };
    Found { value, span, confidence: Confidence::High }
}

/// A mail with everything that is known about it.
struct Told {
    place: Place,
    mail: Mail,
    facts: Facts,
    known: Known,
    verdict: Verdict,
    case: Option<Case>,
}

impl Told {
    fn new(category: &str, folder: Option<&str>, priority: Priority) -> Self {
        let text = "ok: 本文";
        let reading = Reading { received: at("2026-11-24T09:59:50+09:00"), size: 0, authserv_ids: &[] };
        let mut mail = crate::mail::read(text.as_bytes(), &reading);
        mail.from = Address { name: String::new(), addr: "modori-zakka@shop.rakuten.co.jp".into() };
        mail.subject = Text::new("お知らせ");
        mail.body = Text::new(text);
        mail.parts = vec![Part { kind: PartKind::New, range: 0..text.len() }];
        mail.links = Vec::new();
        mail.message_id = Some("id@shop".into());
        mail.trust.level = TrustLevel::Verified;
        let verdict = Verdict {
            category: category.into(),
            folder: folder.map(Into::into),
            priority,
            escalate: category == category::RESTOCK,
            ..Verdict::default()
        };
        let place = Place { account: "a".into(), mailbox: "INBOX".into(), uid_validity: 1, uid: 7 };
        Self { place, mail, facts: Facts::default(), known: Known::default(), verdict, case: None }
    }

    fn restock() -> Self {
        let mut told = Self::new(category::RESTOCK, Some("楽天/再入荷"), Priority::Urgent);
        told.facts.items = vec![found(Item {
            name: "モドリの\u{202e}マグ\n".into(),
            price_yen: Some(1980),
            url: Some(PAGE.into()),
            ..Item::default()
        })];
        told
    }

    fn suspect() -> Self {
        let mut told = Self::new(category::OTHER, Some("楽天/要確認"), Priority::Silent);
        told.verdict.labels = BTreeSet::from([label::QUARANTINE.to_owned()]);
        told.mail.trust.level = TrustLevel::Suspect;
        told.mail.trust.reasons = vec!["link to https://evil.example/x".into()];
        told.mail.subject = Text::new("秘密の件名");
        told
    }

    fn step(&self, policy: &Policy) -> Step {
        let Self { place, mail, facts, known, verdict, .. } = self;
        on_mail(&Arrived { place, mail, facts, known, verdict, case: self.case.as_ref() }, policy, at(NOW))
    }
}

fn policy() -> Policy {
    Policy {
        channels: vec!["phone".into(), "desk".into()],
        stale_after_s: 900,
        give_up_after_s: 7200,
        ..Policy::default()
    }
}

fn alert(wish: &Wish) -> &Alert {
    match &wish.effect {
        Effect::Alert { alert, .. } => alert,
        _ => panic!("{} is no alert", wish.key),
    }
}

/// What makes an alert one event with others.
fn names_of(wish: &Wish) -> Vec<String> {
    let usage = |usage| match usage {
        Use::Both => "both",
        Use::Asks => "asks",
        Use::Leaves => "leaves",
    };
    wish.dedupe.iter().map(|same| format!("{} {} {}", usage(same.usage), same.within_s, same.key)).collect()
}

/// What each wish is, and by which channel it is told.
fn keys(step: &Step) -> Vec<String> {
    let ends = |key: &str| -> Option<String> {
        let (what, rest) = key.split_once(':')?;
        Some(rest.rsplit_once(':').map_or(what.to_owned(), |(_, channel)| format!("{what}:{channel}")))
    };
    step.plan.iter().filter_map(|wish| ends(&wish.key)).collect()
}

#[test]
fn a_restock_is_alerted_on_every_channel_and_filed_after() {
    let told = Told::restock();
    let step = told.step(&policy());
    let key = told.mail.key;
    let names: Vec<&str> = step.plan.iter().map(|wish| wish.key.as_str()).collect();
    let alerts = [format!("alert:{key}:phone"), format!("alert:{key}:desk")];
    assert_eq!(names, [alerts[0].as_str(), alerts[1].as_str(), format!("file:{key}").as_str()]);
    assert_eq!(step.plan[2].after, alerts);
    assert_eq!(step.plan[2].effect, Effect::File { folder: "楽天/再入荷".into() });

    let first = &step.plan[0];
    assert_eq!(first.until, Some(at("2026-11-24T12:00:00+09:00")));
    assert_eq!(
        names_of(first),
        [
            format!("both 900 phone:restock:item:{PAGE}"),
            "asks 900 phone:restock:name:modori-zakka:モドリのマグ".into(),
            "leaves 900 phone:restock:paged:modori-zakka:モドリのマグ".into(),
            "both 86400 phone:restock:id:id@shop".into(),
        ]
    );
    let alert = alert(first);
    assert_eq!((alert.priority, alert.title.as_str()), (Priority::Urgent, "モドリのマグ 1,980円"));
    assert_eq!(alert.url.as_deref(), Some(PAGE));
    assert_eq!(alert.received, Some(told.mail.received));
    assert_eq!(alert.details["item_url"], PAGE);
}

#[test]
fn nothing_is_moved_while_observing_or_where_it_lies_already() {
    let told = Told::restock();
    assert_eq!(
        keys(&told.step(&Policy { observe: true, ..policy() })),
        ["alert:phone", "alert:desk"].map(String::from)
    );
    let mut there = Told::restock();
    there.place.mailbox = "楽天/再入荷".into();
    assert_eq!(there.step(&policy()).plan.len(), 2);
    let silent = Policy { channels: Vec::new(), ..policy() };
    let step = told.step(&silent);
    assert_eq!((step.plan.len(), step.plan[0].after.len()), (1, 0));
    assert_eq!(Told::new(category::OTHER, None, Priority::Silent).step(&policy()), Step::default());
}

#[test]
fn only_the_items_own_page_can_be_tapped() {
    let check = |stated: Option<&str>, links: &[&str], expect: Option<&str>| {
        let mut told = Told::restock();
        told.facts.items[0].value.url = stated.map(Into::into);
        told.mail.links = links
            .iter()
            .map(|href| Link {
                href: (*href).into(),
                host: href.split('/').nth(2).unwrap_or_default().into(),
                text: String::new(),
                place: None,
            })
            .collect();
        let step = told.step(&policy());
        let alert = alert(&step.plan[0]);
        assert_eq!(alert.url.as_deref(), expect, "{stated:?} {links:?}");
        assert!(!alert.body.contains("evil"), "{}", alert.body);
    };
    let evil = "https://item.rakuten.co.jp.evil.example/a/b/";
    check(Some(PAGE), &[evil], Some(PAGE));
    check(
        None,
        &[evil, "https://www.rakuten.co.jp/x/", "https://item.rakuten.co.jp/a/b/?k=1"],
        Some("https://item.rakuten.co.jp/a/b/"),
    );
    check(Some(evil), &[], None);
    check(None, &[], None);
    check(None, &["https://coupon.rakuten.co.jp/getCoupon?getkey=X&a=://item."], None);
    check(None, &["https://item.rakuten.co.jp/a/c/0000000001/"], Some("https://item.rakuten.co.jp/a/c/0000000001/"));
}

#[test]
fn what_makes_two_restocks_one() {
    let key = |told: &Told| names_of(&told.step(&policy()).plan[0]).first().cloned();
    let mut named = Told::restock();
    named.mail.message_id = None;
    named.facts.items[0].value.url = None;
    named.facts.shop_code = Some(found("modori-zakka".into()));
    assert_eq!(key(&named).as_deref(), Some("both 900 phone:restock:name:modori-zakka:モドリのマグ"));
    named.facts.items.clear();
    assert_eq!(key(&named), None);
    // two items are another event than one of them
    let mut two = Told::restock();
    let other = Item { url: Some("https://item.rakuten.co.jp/modori-zakka/mz-0002/".into()), ..Item::default() };
    two.facts.items.push(found(other));
    assert_ne!(key(&two), key(&Told::restock()));
}

#[test]
fn a_restock_noticed_late_is_summarised() {
    let mut told = Told::restock();
    told.mail.received = at("2026-11-24T09:00:00+09:00");
    let step = told.step(&policy());
    let held = &step.plan[0];
    assert_eq!((held.key.as_str(), step.plan.len()), (format!("alert:{}::held", told.mail.key).as_str(), 2));
    let Effect::Held { alert: kept, why, .. } = &held.effect else { panic!("not kept back") };
    assert_eq!((kept.title.as_str(), *why), ("モドリのマグ 1,980円", crate::plan::Why::Late));
    assert_eq!(held.due, at("2026-11-24T10:01:00+09:00"));
    assert_eq!(step.plan[1].after, Vec::<String>::new(), "it is filed at once");
    // a second copy of it, in time, is the same event
    assert!(held.dedupe.contains(&Same::new(format!("phone:restock:item:{PAGE}"), 900)));

    let each = told.step(&Policy { late: Late::Each, ..policy() });
    let alert = alert(&each.plan[0]);
    assert_eq!(alert.priority, Priority::Urgent);
}

#[test]
fn suspect_mail_is_announced_without_its_words_and_tells_the_ledger_nothing() {
    let mut told = Told::suspect();
    told.facts.cancelled = Some(found(Cancelled::Confirmed));
    let step = told.step(&policy());
    assert_eq!(step.events, []);
    assert_eq!(names_of(&step.plan[0]), ["both 3600 phone:quarantine"]);
    let alert = alert(&step.plan[0]);
    assert_eq!((alert.priority, alert.url.as_ref(), alert.details.len()), (Priority::Normal, None, 0));
    let said = format!("{}{}", alert.title, alert.body);
    assert!(
        said.contains("modori-zakka@shop.rakuten.co.jp") && !said.contains("秘密") && !said.contains("://"),
        "{said}"
    );
    assert_eq!(step.plan[2].effect, Effect::File { folder: "楽天/要確認".into() });
}

#[test]
fn our_own_mail_is_left_alone() {
    let mut told = Told::new(category::OTHER, None, Priority::Silent);
    told.verdict.labels = BTreeSet::from([label::OWN.to_owned()]);
    told.facts.cancelled = Some(found(Cancelled::Confirmed));
    assert_eq!(told.step(&policy()), Step::default());
}

#[test]
fn deadlines_are_alerted_and_the_rest_is_silent() {
    let order = OrderNumber::parse("399999-20261120-0123456789").unwrap();
    let mut told = Told::new(category::CANCELLATION, Some("楽天/キャンセル"), Priority::High);
    told.facts.order_numbers = vec![found(order)];
    told.facts.cancelled = Some(found(Cancelled::Pending));
    told.facts.reply_by = Some(found(at("2026-11-25T17:00:00+09:00")));
    let step = told.step(&policy());
    let said = alert(&step.plan[0]);
    assert_eq!(said.priority, Priority::High);
    assert!(said.body.contains("返信期限 11/25(水) 17:00"), "{}", said.body);
    assert!(said.url.as_deref().unwrap().starts_with("https://order.my.rakuten.co.jp/?page=myorder"));
    assert_eq!(step.events.len(), 1);
    assert_eq!(step.plan[2].after, Vec::<String>::new());

    // long over when it is noticed
    told.mail.received = at("2026-11-20T10:00:00+09:00");
    told.facts.reply_by = Some(found(at("2026-11-21T17:00:00+09:00")));
    assert_eq!(keys(&told.step(&policy())), ["file"].map(String::from));

    let mut card = Told::new(category::ORDER, Some("楽天/注文"), Priority::High);
    card.facts.stage = Some(found(Stage::CardRefused));
    let step = card.step(&policy());
    assert_eq!(alert(&step.plan[0]).url, None);
    assert!(alert(&step.plan[0]).title.contains("カード"));

    let quiet = Told::new(category::COUPON, Some("楽天/クーポン"), Priority::Silent);
    assert_eq!(keys(&quiet.step(&policy())), ["file"].map(String::from));
    let mut unsure = Told::restock();
    unsure.verdict.escalate = false;
    unsure.verdict.priority = Priority::Silent;
    assert_eq!(keys(&unsure.step(&policy())), ["file"].map(String::from));
}
