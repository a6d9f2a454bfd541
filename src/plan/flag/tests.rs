//! Which mails bear a flag, over the life of a case, and what one that was taken off says.

use super::*;
use crate::facts::{Cancelled, Cause};
use crate::ledger::due::Settings;
use crate::ledger::{Event, EventKind, Terms, cases};
use crate::mail::TrustLevel::{self, Unverified, Verified};
use crate::plan::Looks;
use crate::wording::Language;

const A: &str = "399999-20261120-0000000001";
const B: &str = "399999-20261120-0000000002";

fn at(day: &str) -> Timestamp {
    format!("2026-{day}:00+09:00").replacen(' ', "T", 1).parse().unwrap()
}

fn number(order: &str) -> OrderNumber {
    OrderNumber::parse(order).unwrap()
}

fn key(mail: &str) -> MailKey {
    MailKey::of(mail.as_bytes())
}

fn event(order: &str, mail: &str, when: &str, trust: TrustLevel, kind: EventKind) -> Event {
    Event { order: Some(number(order)), trust, ..Event::of(mail, at(when), kind) }
}

fn ordered(order: &str, points: u64) -> Event {
    let terms = Terms {
        shop_name: Some("モドリ雑貨店".into()),
        points_used: Some(points),
        coupon_used_yen: Some(200),
        ..Terms::default()
    };
    event(
        order,
        &format!("order {order}"),
        "11-20 10:00",
        Verified,
        EventKind::Order { stage: crate::facts::Stage::Ordered, terms },
    )
}

fn cancel(order: &str, mail: &str, when: &str, trust: TrustLevel, form: Cancelled) -> Event {
    let kind = EventKind::Cancel { form, cause: Some(Cause::Shop), terms: Terms::default(), reply_by: None };
    event(order, mail, when, trust, kind)
}

fn says(order: &str, said: Said, when: &str, by: By) -> Statement {
    Statement { order: number(order), said, at: at(when), by }
}

fn came_back() -> Said {
    Said::Confirm { points: None, expires: None, coupon_back: None }
}

fn policy() -> Policy {
    Policy {
        channels: vec!["phone".into(), "desk".into()],
        give_up_after_s: 7200,
        flags: Some(Looks::default()),
        ..Policy::default()
    }
}

/// The ledger and what is on record of flags; each step of the shopper or modori changes one of them.
#[derive(Default)]
struct World {
    events: Vec<Event>,
    statements: Vec<Statement>,
    known: BTreeMap<MailKey, Record>,
}

impl World {
    fn cases(&self, now: &str) -> BTreeMap<OrderNumber, Case> {
        cases(&self.events, &self.statements, &Settings::default(), at(now))
    }

    /// Plans, books what is planned as done, and answers the keys of the wishes: who, on or off, the opening.
    fn plan(&mut self, now: &str) -> Vec<String> {
        let planned = flag(&self.cases(now), &self.known, &policy(), at(now));
        for one in &planned {
            let standing = if one.set { Standing::Flagged } else { Standing::Bare };
            self.known.insert(one.mail, Record { opening: one.opening, standing });
        }
        assert_eq!(flag(&self.cases(now), &self.known, &policy(), at(now)), [], "planned twice");
        let names = ["shop", "rakuten", "pending", "both"];
        let short = |one: &Flagging| {
            let name = names.iter().find(|name| key(name) == one.mail).unwrap();
            let set = if one.set { "on" } else { "off" };
            if let Some(wish) = &one.wish {
                assert_eq!(wish.effect, Effect::Flag { set: one.set });
                assert_eq!(wish.key, format!("flag:{set}:{}:{}", one.mail, one.opening));
            }
            format!("{name} {set} {}", one.opening)
        };
        let mut all: Vec<String> = planned.iter().map(short).collect();
        all.sort();
        all
    }

    fn knows(&mut self, mails: &[&str]) {
        self.known.extend(mails.iter().map(|mail| (key(mail), Record::default())));
    }

    fn taken_off(&mut self, mail: &str, when: &str) {
        self.known.get_mut(&key(mail)).unwrap().standing = Standing::TakenOff(at(when));
    }
}

fn cancelled() -> World {
    let events = vec![ordered(A, 500), cancel(A, "shop", "11-24 10:00", Unverified, Cancelled::Claimed)];
    World { events, ..World::default() }
}

#[test]
fn the_best_vouched_for_cancellation_mail_of_an_open_case_bears_the_flag() {
    let mut world = cancelled();
    assert_eq!(world.plan("11-24 11:00"), [""; 0], "its message is not known");
    assert_eq!(candidates(&world.cases("11-24 11:00")), [key("shop")].into());
    world.knows(&["shop"]);
    assert_eq!(world.plan("11-24 11:00"), ["shop on 1"]);
    // Rakuten's own notice, older and better vouched for, becomes known: the flag goes over to it
    world.events.push(cancel(A, "rakuten", "11-24 09:00", Verified, Cancelled::Confirmed));
    assert_eq!(world.plan("11-24 12:00"), [""; 0], "known to the ledger, but not in a mailbox");
    world.knows(&["rakuten"]);
    assert_eq!(world.plan("11-24 12:00"), ["rakuten on 1", "shop off 1"]);
}

#[test]
fn a_case_that_ends_loses_the_flag_and_one_that_is_denied_gets_it_again() {
    let mut world = cancelled();
    world.knows(&["shop"]);
    assert_eq!(world.plan("11-24 11:00"), ["shop on 1"]);
    let all = Said::Confirm { points: None, expires: None, coupon_back: Some(true) };
    world.statements.push(says(A, came_back(), "11-25 10:00", By::Command));
    world.statements.push(says(A, all, "11-25 10:00", By::Command));
    assert_eq!(world.plan("11-25 11:00"), ["shop off 1"]);
    world.statements.push(says(A, Said::Deny, "11-25 12:00", By::Command));
    assert_eq!(world.plan("11-25 12:30"), ["shop on 2"]);
    world.statements.push(says(A, Said::Lost, "11-25 13:00", By::Command));
    assert_eq!(world.plan("11-25 13:30"), ["shop off 2"]);
    // a case also ends with time
    world.statements.push(says(A, Said::Deny, "11-25 14:00", By::Command));
    assert_eq!(world.plan("11-25 14:30"), ["shop on 3"]);
    let lapsed = "2027-04-30T10:00:00+09:00".parse().unwrap();
    let cases = cases(&world.events, &world.statements, &Settings::default(), lapsed);
    let off = flag(&cases, &world.known, &policy(), lapsed);
    assert_eq!(off.iter().map(|one| (one.set, one.opening)).collect::<Vec<_>>(), [(false, 3)]);
}

#[test]
fn a_flag_that_was_taken_off_stays_off_until_she_says_otherwise() {
    let mut world = cancelled();
    world.knows(&["shop"]);
    assert_eq!(world.plan("11-24 11:00"), ["shop on 1"]);
    world.taken_off("shop", "11-25 10:00");
    let said = taken_off(&world.cases("11-25 10:06"), &key("shop"), at("11-25 10:00"));
    assert_eq!(said, [says(A, came_back(), "11-25 10:00", By::Flag)]);
    world.statements.extend(said);
    // the coupon keeps the case open, the flag stays off
    assert!(!world.cases("11-25 10:07")[&number(A)].ended);
    assert_eq!(world.plan("11-25 10:07"), [""; 0]);
    // a further mail about it does not bring the flag back either
    world.events.push(cancel(A, "rakuten", "11-26 09:00", Verified, Cancelled::Confirmed));
    world.knows(&["rakuten"]);
    assert_eq!(world.plan("11-26 10:00"), [""; 0]);
    world.statements.push(says(A, Said::Deny, "11-26 11:00", By::Command));
    assert_eq!(world.plan("11-26 12:00"), ["rakuten on 1"]);
}

#[test]
fn the_same_mail_is_flagged_again_after_a_denial() {
    let mut world = cancelled();
    world.knows(&["shop"]);
    world.plan("11-24 11:00");
    world.taken_off("shop", "11-25 10:00");
    world.statements.push(says(A, came_back(), "11-25 10:00", By::Flag));
    world.statements.push(says(A, Said::Deny, "11-25 11:00", By::Command));
    assert_eq!(world.plan("11-25 12:00"), ["shop on 2"]);
    // she was told, and takes it off once more
    world.taken_off("shop", "11-26 10:00");
    let said = taken_off(&world.cases("11-26 10:06"), &key("shop"), at("11-26 10:00"));
    assert_eq!(said.len(), 1);
}

#[test]
fn a_later_word_outranks_the_flag_and_a_case_that_owes_nothing_gets_none() {
    let mut world = cancelled();
    world.knows(&["shop"]);
    world.plan("11-24 11:00");
    world.taken_off("shop", "11-25 10:00");
    // between the two looks she denied
    world.statements.push(says(A, Said::Deny, "11-25 10:03", By::Command));
    assert_eq!(taken_off(&world.cases("11-25 10:06"), &key("shop"), at("11-25 10:00")), []);
    assert_eq!(world.plan("11-25 10:06"), ["shop on 2"], "her word counts, so it is open and flagged");

    // the shop still asks: nothing can have come back
    let events = vec![ordered(A, 500), cancel(A, "pending", "11-24 10:00", Unverified, Cancelled::Pending)];
    let mut world = World { events, ..World::default() };
    world.knows(&["pending"]);
    assert_eq!(world.plan("11-24 11:00"), ["pending on 1"]);
    world.taken_off("pending", "11-24 12:00");
    assert_eq!(taken_off(&world.cases("11-24 12:06"), &key("pending"), at("11-24 12:00")), []);
    assert_eq!(world.plan("11-24 12:06"), [""; 0], "it is not forced upon her");
    // then the order is cancelled: another mail, another flag
    world.events.push(cancel(A, "shop", "11-24 13:00", Unverified, Cancelled::Claimed));
    world.knows(&["shop"]);
    assert_eq!(world.plan("11-24 14:00"), ["shop on 1"]);
}

#[test]
fn one_mail_may_cancel_two_orders() {
    let mut world = World { events: vec![ordered(A, 500), ordered(B, 300)], ..World::default() };
    world.events.push(cancel(A, "both", "11-24 10:00", Verified, Cancelled::Confirmed));
    world.events.push(cancel(B, "both", "11-24 10:00", Verified, Cancelled::Confirmed));
    world.knows(&["both"]);
    assert_eq!(world.plan("11-24 11:00"), ["both on 1"]);
    world.statements.push(says(A, Said::Lost, "11-24 12:00", By::Command));
    assert_eq!(world.plan("11-24 12:30"), [""; 0], "the other order still wants it");
    let said = taken_off(&world.cases("11-24 13:06"), &key("both"), at("11-24 13:00"));
    assert_eq!(said, [says(B, came_back(), "11-24 13:00", By::Flag)], "only the open one");
}

#[test]
fn her_own_flag_is_left_alone_and_nothing_is_flagged_while_observing() {
    let mut world = cancelled();
    world.knows(&["shop"]);
    world.plan("11-24 11:00");
    world.known.insert(key("shop"), Record { opening: 1, standing: Standing::Hers });
    assert_eq!(world.plan("11-24 12:00"), [""; 0]);
    world.statements.push(says(A, Said::Lost, "11-25 10:00", By::Command));
    let (cases, now) = (world.cases("11-25 11:00"), at("11-25 11:00"));
    let planned = flag(&cases, &world.known, &policy(), now);
    assert_eq!(planned.iter().map(|one| (one.set, one.wish.is_none())).collect::<Vec<_>>(), [(false, true)]);

    let mut world = cancelled();
    world.knows(&["shop"]);
    let cases = world.cases("11-24 11:00");
    for policy in [Policy { observe: true, ..policy() }, Policy { flags: None, ..policy() }] {
        assert_eq!(flag(&cases, &world.known, &policy, at("11-24 11:00")), []);
    }
}

#[test]
fn the_announcement_names_the_order_what_was_assumed_and_the_way_back() {
    let world = cancelled();
    let case = &world.cases("11-25 10:06")[&number(A)];
    let statement = says(A, came_back(), "11-25 10:00", By::Flag);
    let said = |language| {
        let policy = Policy { language, ..policy() };
        let wishes = announce(&statement, case, &policy, at("11-25 10:06"));
        let keys: Vec<&str> = wishes.iter().map(|wish| wish.key.as_str()).collect();
        let second = at("11-25 10:00").as_millisecond();
        assert_eq!(keys, [format!("by-flag:{A}:{second}:phone"), format!("by-flag:{A}:{second}:desk")]);
        let Effect::Alert { alert, .. } = wishes[0].effect.clone() else { panic!("no alert") };
        assert_eq!(alert.details["undo"], format!("modori deny {A}"));
        assert!(alert.url.unwrap().contains(A));
        format!("{}\n{}", alert.title, alert.body)
    };
    let english = said(Language::En);
    for piece in [A, "500 points", "モドリ雑貨店", "¥200", &format!("modori deny {A}")] {
        assert!(english.contains(piece), "{english}");
    }
    let japanese = said(Language::Ja);
    for piece in [A, "500ポイント", "200円", &format!("違うときは: modori deny {A}")] {
        assert!(japanese.contains(piece), "{japanese}");
    }
}
