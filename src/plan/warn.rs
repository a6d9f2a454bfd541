//! Orders that should be looked at while something can still be done: the same goods ordered at two shops, and a new
//! order at a shop that often cancels.
//!
//! Words that announce a shortage (メーカー取り寄せ, 在庫共有) are no alert of their own; they are told with these.

use super::announce::Announcement;
use super::tell::clean;
use super::{Alert, Policy, Wish};
use crate::calendar::rfc3339;
use crate::facts::{OrderNumber, Stage};
use crate::ledger::case::State;
use crate::ledger::due::Settings;
use crate::ledger::{self, Case, Shop, Twice, shop};
use crate::rules::Priority;
use crate::wording::{Warning, WarningKind};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// An order is new for so long.
const NEW: SignedDuration = SignedDuration::from_hours(24);

/// The warnings that are due at `now`, each with the same key whenever it is asked for: the outbox takes it once. For
/// every channel one wish a pair of orders, and one a new order at a shop with a bad record. The priority is high while
/// the order can still be cancelled by oneself, else normal.
///
/// Warnings are about what is recent: a pair whose newer order is older than `twice_days`, or an order older than a day,
/// is no news. Old mail that is imported therefore warns of nothing that is over.
#[must_use]
pub fn warn(
    cases: &BTreeMap<OrderNumber, Case>,
    shops: &BTreeMap<String, Shop>,
    settings: &Settings,
    policy: &Policy,
    now: Timestamp,
) -> Vec<Wish> {
    let codes = shop::codes(cases);
    let name = |case: &Case| -> String {
        let named = case.shop_name.as_deref().or_else(|| shops.get(&shop::key_of(case, &codes)).map(Shop::called));
        named.map(clean).unwrap_or_default()
    };
    let mut plan = Vec::new();
    for pair in &ledger::twice(cases, settings) {
        let (Some(older), Some(newer)) = (cases.get(&pair.older), cases.get(&pair.newer)) else { continue };
        let warning = Warning {
            kind: WarningKind::Twice,
            older_order: pair.older.to_string(),
            older_shop: name(older),
            older_item: clean(&pair.older_item),
            ..about(newer, name(newer), &pair.newer_item, pair.cancel_until, policy, now)
        };
        let verified = older.is_vouched_for() && newer.is_vouched_for();
        let warning = Warning { perhaps: !pair.sure, verified, ..warning };
        plan.extend(wishes(
            &warning,
            &format!("warn:twice:{}:{}", pair.older, pair.newer),
            twice_details(pair),
            policy,
            now,
        ));
    }
    for case in cases.values().filter(|case| is_new(case, now)) {
        let Some(record) = shops.get(&shop::key_of(case, &codes)).filter(|shop| shop.bad_record) else { continue };
        let item = case.items.first().map_or("", |item| item.name.as_str());
        let until = ledger::free_cancel(case, settings);
        let warning = Warning {
            kind: WarningKind::Record,
            orders: record.orders,
            cancels: record.cancels,
            percent: record.cancel_percent(),
            days_back: record.days_back_median,
            ..about(case, name(case), item, until, policy, now)
        };
        let details = [
            ("warning", Value::from("record")),
            ("order_number", case.order_number.as_str().into()),
            ("shop_code", record.code.clone().into()),
            ("orders", record.orders.into()),
            ("cancels", record.cancels.into()),
            ("cancel_until", until.map(rfc3339).into()),
        ];
        plan.extend(wishes(&warning, &format!("warn:record:{}", case.order_number), object(details), policy, now));
    }
    plan
}

/// What both warnings say of an order.
fn about(
    case: &Case,
    shop: String,
    item: &str,
    cancel_until: Option<Timestamp>,
    policy: &Policy,
    now: Timestamp,
) -> Warning {
    let word = |risk: &crate::facts::Risk| policy.wording.risk(policy.language, *risk, case.lead_days);
    Warning {
        order_number: case.order_number.to_string(),
        shop,
        item_name: clean(item),
        cancel_until: cancel_until.filter(|until| *until > now),
        signs: case.risks.iter().map(word).collect(),
        verified: case.is_vouched_for(),
        ..Warning::default()
    }
}

fn is_within(at: Timestamp, span: SignedDuration, now: Timestamp) -> bool {
    let age = now.duration_since(at);
    !age.is_negative() && age <= span
}

/// Placed within the last day, and still to come.
fn is_new(case: &Case, now: Timestamp) -> bool {
    let open = matches!(case.cancelled, State::None) && case.stage.is_some_and(|stage| stage != Stage::Shipped);
    open && case.ordered_at.is_some_and(|at| is_within(at, NEW, now))
}

fn twice_details(pair: &Twice) -> Map<String, Value> {
    object([
        ("warning", Value::from("twice")),
        ("order_number", pair.newer.as_str().into()),
        ("older_order_number", pair.older.as_str().into()),
        ("sure", pair.sure.into()),
        ("cancel_until", pair.cancel_until.map(rfc3339).into()),
    ])
}

fn object<const N: usize>(fields: [(&str, Value); N]) -> Map<String, Value> {
    fields.into_iter().map(|(key, value)| (key.to_owned(), value)).collect()
}

fn wishes(warning: &Warning, key: &str, details: Map<String, Value>, policy: &Policy, now: Timestamp) -> Vec<Wish> {
    let (title, body) = policy.wording.warning(policy.language, warning);
    let alert = Alert {
        priority: if warning.cancel_until.is_some() { Priority::High } else { Priority::Normal },
        category: "order".to_owned(),
        title,
        body,
        url: None,
        received: None,
        details,
        ..Alert::default()
    };
    Announcement::new(key, alert, policy.gives_up_at(now)).wishes(policy, now)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::{Cancelled, Cause, Item, Risk, Service};
    use crate::ledger::{Event, EventKind, Terms};
    use crate::mail::TrustLevel;
    use crate::plan::Effect;
    use crate::wording::Language;

    const OLD: &str = "399999-20261120-0123456789";
    const NEW_ORDER: &str = "388888-20261121-0123456789";

    fn at(text: &str) -> Timestamp {
        format!("2026-11-{text}:00+09:00").parse().unwrap()
    }

    fn event(order: &str, when: &str, kind: EventKind) -> Event {
        let name = format!("{order} {when} {kind:?}");
        Event { order: OrderNumber::parse(order), ..Event::of(&name, at(when), kind) }
    }

    fn ordered(order: &str, when: &str, change: impl Fn(&mut Terms)) -> Event {
        let mut terms = Terms {
            ordered_at: Some(at(when)),
            shop_name: Some(if order == NEW_ORDER { "うみのや" } else { "モドリ雑貨店" }.to_owned()),
            items: vec![Item { name: "真鍮のペン立て 丸型".to_owned(), ..Item::default() }],
            ..Terms::default()
        };
        change(&mut terms);
        event(order, when, EventKind::Order { stage: Stage::Ordered, terms })
    }

    fn pair() -> Vec<Event> {
        vec![ordered(OLD, "20T20:00", |_| ()), ordered(NEW_ORDER, "21T20:10", |_| ())]
    }

    fn warned(events: &[Event], now: &str, language: Language) -> Vec<(String, Alert)> {
        let settings = Settings::default();
        let policy = Policy { channels: vec!["phone".to_owned()], language, ..Policy::default() };
        let cases = ledger::cases(events, &[], &settings, at(now));
        let shops = ledger::shops(events, &cases, &settings, at(now));
        let plan = warn(&cases, &shops, &settings, &policy, at(now));
        let alert = |wish: Wish| match wish.effect {
            Effect::Alert { alert, .. } => (wish.key, alert),
            other => panic!("{other:?}"),
        };
        plan.into_iter().map(alert).collect()
    }

    #[test]
    fn goods_ordered_twice_are_told_at_once_and_once() {
        let first = warned(&pair(), "21T20:11", Language::Ja);
        assert_eq!(first.len(), 1);
        let (key, alert) = &first[0];
        assert_eq!(key, &format!("warn:twice:{OLD}:{NEW_ORDER}:phone"));
        assert_eq!(alert.priority, Priority::High);
        assert_eq!(alert.title, "同じ商品を2つのショップで注文しています: 真鍮のペン立て 丸型");
        assert_eq!(
            alert.body,
            format!(
                "先の注文 モドリ雑貨店 {OLD}\n後の注文 うみのや {NEW_ORDER}\n\
                 後の注文は、11/21 20:40 ごろまでなら購入履歴からキャンセルできる見込みです"
            )
        );
        assert_eq!(alert.details["cancel_until"], "2026-11-21T20:40:00+09:00");
        // later the same key, so that the outbox does not take it again
        let later = warned(&pair(), "21T21:00", Language::En);
        let (same, alert) = &later[0];
        assert_eq!((same, alert.priority), (key, Priority::Normal));
        assert_eq!(alert.title, "Ordered twice, at two shops: 真鍮のペン立て 丸型");
        assert!(alert.body.ends_with("If one is too many, ask the shop soon, before it is sent"), "{}", alert.body);
    }

    #[test]
    fn what_is_over_is_no_warning() {
        assert!(warned(&pair(), "21T20:00", Language::Ja).is_empty()); // as seen before the second order
        let settings = Settings::default();
        let policy = Policy { channels: vec!["phone".to_owned()], ..Policy::default() };
        let long_after = "2026-12-20T00:00:00+09:00".parse().unwrap();
        let cases = ledger::cases(&pair(), &[], &settings, long_after);
        assert!(warn(&cases, &BTreeMap::new(), &settings, &policy, long_after).is_empty());
        let mut shipped = pair();
        shipped.push(event(OLD, "21T09:00", EventKind::Order { stage: Stage::Shipped, terms: Terms::default() }));
        assert!(warned(&shipped, "21T20:11", Language::Ja).is_empty());
    }

    #[test]
    fn another_colour_is_a_perhaps_and_asuraku_cannot_be_cancelled() {
        let named = |name: &'static str, service| {
            move |terms: &mut Terms| {
                terms.items[0].name = name.to_owned();
                terms.service = service;
            }
        };
        let events = [
            ordered(OLD, "20T20:00", named("真鍮のペン立て 丸型 ゴールド", None)),
            ordered(NEW_ORDER, "21T20:10", named("真鍮のペン立て 丸型 シルバー", Some(Service::Asuraku))),
        ];
        let (_, alert) = warned(&events, "21T20:11", Language::Ja).remove(0);
        assert_eq!(alert.priority, Priority::Normal);
        assert!(alert.title.starts_with("同じ商品を2つのショップで注文しているかもしれません"), "{}", alert.title);
        assert!(alert.body.contains("「真鍮のペン立て 丸型 ゴールド」"), "{}", alert.body);
        assert!(!alert.body.contains("購入履歴"), "{}", alert.body);
    }

    #[test]
    fn mails_that_nobody_vouches_for_are_called_so() {
        let mut events = pair();
        events[1].trust = TrustLevel::Unverified;
        let (_, alert) = warned(&events, "21T20:11", Language::Ja).remove(0);
        assert!(alert.body.ends_with("差出人を確認できていない注文メールがあります"), "{}", alert.body);
    }

    #[test]
    fn a_new_order_at_a_shop_that_often_cancels() {
        let old = |n: u32| format!("388888-20261101-{n:010}");
        let mut events = Vec::new();
        for n in 0..4 {
            events.push(ordered(&old(n), "01T10:00", |terms| terms.items.clear()));
        }
        for n in 0..2 {
            let kind = EventKind::Cancel {
                form: Cancelled::Confirmed,
                cause: Some(Cause::Shop),
                terms: Terms::default(),
                reply_by: None,
            };
            events.push(event(&old(n), "02T10:00", kind));
        }
        events.push(ordered(NEW_ORDER, "21T20:10", |terms| {
            terms.risks = vec![Risk::SharedStock, Risk::LongLead];
            terms.lead_days = Some(7);
        }));
        let told = warned(&events, "21T20:11", Language::Ja);
        assert_eq!(told.len(), 1);
        assert_eq!(told[0].0, format!("warn:record:{NEW_ORDER}:phone"));
        assert_eq!(told[0].1.priority, Priority::High);
        assert_eq!(super::super::calm::deadline(&told[0].1, at("21T20:11")), Some(at("21T20:40")));
        assert_eq!(told[0].1.title, "ショップ都合のキャンセルが多いショップへの注文です: うみのや");
        for part in
            ["真鍮のペン立て 丸型", NEW_ORDER, "注文5件のうち2件（40%）", "他店と在庫を共有、発送・お届けまで最長7日"]
        {
            assert!(told[0].1.body.contains(part), "{part}\n{}", told[0].1.body);
        }
        let english = warned(&events, "21T21:11", Language::En).remove(0).1;
        assert_eq!(english.priority, Priority::Normal);
        assert!(
            english.body.contains("It cancelled 2 of your 5 orders for reasons of its own (40%)"),
            "{}",
            english.body
        );
        // a day later it is new no more; risks alone are no alert
        assert!(warned(&events, "22T20:30", Language::Ja).is_empty());
        let risky = [ordered(NEW_ORDER, "21T20:10", |terms| terms.risks = vec![Risk::MakerStock])];
        assert!(warned(&risky, "21T20:11", Language::Ja).is_empty());
    }
}
