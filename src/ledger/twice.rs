//! The same goods ordered at two shops while both orders are open: one of them is likely to be too many.

use super::case::{Case, State};
use super::due::Settings;
use crate::calendar::instant;
use crate::facts::{self, Item, OrderNumber, Stage};
use jiff::{SignedDuration, Timestamp};
use serde::Serialize;
use std::collections::BTreeMap;

/// A name without a model number says enough from so many characters on; a shorter one (マグカップ) is a kind of goods.
const TELLING: usize = 8;
/// Shorter ones are not compared at all.
const SHORTEST: usize = 4;
/// Names of goods with one model number share so much (percent of the shorter one's pairs of characters).
const ALIKE: usize = 30;
/// Goods of one kind that are compared with each other; more orders of one thing are no mistake.
const MOST: usize = 50;

/// Two open orders for the same goods.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Twice {
    /// The order that came first.
    pub older: OrderNumber,
    /// The order that came second.
    pub newer: OrderNumber,
    /// The goods as the older order names them.
    pub older_item: String,
    /// The goods as the newer order names them.
    pub newer_item: String,
    /// `false`: perhaps. Another colour or size is named, or the names say too little.
    pub sure: bool,
    /// When the newer order was placed, as far as it is known.
    pub newer_at: Timestamp,
    /// Until then the newer order can be cancelled by oneself, in the purchase history. `None` where that is not
    /// offered (あす楽, 最強配送, reservations, subscriptions) or the time of the order is not known.
    pub cancel_until: Option<Timestamp>,
}

/// One item of an open order.
struct Wanted<'a> {
    case: &'a Case,
    at: Timestamp,
    item: &'a Item,
    key: String,
    model: Option<String>,
}

/// Pairs of open orders (neither cancelled nor shipped) at two different shops for the same goods, placed
/// within `twice_days` of each other, the newer one within `twice_days` of the instant the cases are seen at (what is
/// open for longer has arrived without a mail, or never will); the newest pair last. One line a pair: the surest item.
#[must_use]
pub fn twice(cases: &BTreeMap<OrderNumber, Case>, settings: &Settings) -> Vec<Twice> {
    let mut alike: BTreeMap<String, Vec<Wanted<'_>>> = BTreeMap::new();
    let within = SignedDuration::from_hours(24 * i64::from(settings.twice_days));
    for case in cases.values().filter(|case| is_open(case) && age(case).is_some_and(|age| age <= within * 2)) {
        for item in &case.items {
            let (key, model) = (facts::item_key(&item.name), facts::model(&item.name, item.code.as_deref()));
            let one = |key: &str, model: &Option<String>| Wanted {
                case,
                at: placed(case),
                item,
                key: key.to_owned(),
                model: model.clone(),
            };
            if let Some(model) = &model {
                alike.entry(format!("model {}", stem(model))).or_default().push(one(&key, &Some(model.clone())));
            }
            if key.chars().count() >= SHORTEST {
                alike.entry(format!("name {key}")).or_default().push(one(&key, &model));
            }
        }
    }
    let mut pairs: BTreeMap<(OrderNumber, OrderNumber), Twice> = BTreeMap::new();
    for group in alike.values_mut() {
        group.sort_by_key(|wanted| (wanted.at, wanted.case.order_number.clone()));
        group.drain(..group.len().saturating_sub(MOST)); // the newest count
        for (n, newer) in group.iter().enumerate() {
            for older in group.iter().take(n) {
                let far = newer.at.duration_since(older.at) > within || age(newer.case).is_none_or(|age| age > within);
                if far || !two_shops(older.case, newer.case) {
                    continue;
                }
                let Some(sure) = same(older, newer) else { continue };
                let key = (older.case.order_number.clone(), newer.case.order_number.clone());
                let pair = Twice {
                    older: key.0.clone(),
                    newer: key.1.clone(),
                    older_item: older.item.name.clone(),
                    newer_item: newer.item.name.clone(),
                    sure,
                    newer_at: newer.at,
                    cancel_until: free_cancel(newer.case, settings),
                };
                match pairs.get(&key) {
                    Some(known) if known.sure >= pair.sure => {}
                    _ => _ = pairs.insert(key, pair),
                }
            }
        }
    }
    let mut pairs: Vec<Twice> = pairs.into_values().collect();
    pairs.sort_by(|one, other| {
        (one.newer_at, &one.newer, &one.older).cmp(&(other.newer_at, &other.newer, &other.older))
    });
    pairs
}

fn is_open(case: &Case) -> bool {
    matches!(case.cancelled, State::None | State::Pending) && case.stage.is_some() && case.stage != Some(Stage::Shipped)
}

/// How long ago the order was placed; `None` for one that is yet to come.
fn age(case: &Case) -> Option<SignedDuration> {
    let age = case.seen_at.duration_since(placed(case));
    (!age.is_negative()).then_some(age)
}

/// When the order was placed: as its mail says, else the beginning of the day that its number names.
fn placed(case: &Case) -> Timestamp {
    case.ordered_at.unwrap_or_else(|| instant(case.order_number.date().at(0, 0, 0, 0)))
}

/// The number's first part is the shop's.
fn two_shops(one: &Case, other: &Case) -> bool {
    let same_code = one.shop_code.is_some() && one.shop_code == other.shop_code;
    one.order_number.shop_id() != other.order_number.shop_id() && !same_code
}

/// The same goods: surely, or perhaps.
fn same(one: &Wanted<'_>, other: &Wanted<'_>) -> Option<bool> {
    if !facts::same_kind(&one.item.name, &other.item.name) {
        return None; // a case for it is not it
    }
    let (mine, theirs) = (facts::options(&one.item.name), facts::options(&other.item.name));
    let another = !mine.is_empty() && !theirs.is_empty() && mine != theirs;
    match (&one.model, &other.model) {
        (Some(model), Some(its)) if stem(model) == stem(its) => {
            let alike = one.key == other.key || facts::likeness(&one.key, &other.key) >= ALIKE;
            alike.then_some(model == its && !another)
        }
        // the names agree, and two model numbers do not: goods of one series
        (Some(model), Some(its)) if model != its => None,
        _ if one.key == other.key => Some(one.key.chars().count() >= TELLING && !another),
        _ => None,
    }
}

/// The model without what stands for its colour: NP-TZ300-W, NP-TZ300-H.
fn stem(model: &str) -> &str {
    match model.rsplit_once('-') {
        Some((stem, colour))
            if colour.len() <= 2
                && colour.bytes().all(|b| b.is_ascii_alphabetic())
                && stem.bytes().any(|b| b.is_ascii_digit()) =>
        {
            stem
        }
        _ => model,
    }
}

/// Until when an order can be cancelled by oneself.
#[must_use]
pub fn free_cancel(case: &Case, settings: &Settings) -> Option<Timestamp> {
    let excluded = ["予約", "定期", "頒布会"];
    let offered =
        case.service.is_none() && !case.items.iter().any(|item| excluded.iter().any(|word| item.name.contains(word)));
    let minutes = SignedDuration::from_mins(i64::from(settings.free_cancel_minutes));
    case.ordered_at.filter(|_| offered).and_then(|at| at.checked_add(minutes).ok())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::{Cancelled, Service};
    use crate::ledger::event::{Event, EventKind, Terms};

    const OLD: &str = "399999-20261120-0123456789";
    const NEW: &str = "388888-20261121-0123456789";

    fn at(text: &str) -> Timestamp {
        format!("2026-11-{text}:00+09:00").parse().unwrap()
    }

    fn event(order: &str, when: &str, kind: EventKind) -> Event {
        let name = format!("{order} {when} {kind:?}");
        Event { order: OrderNumber::parse(order), ..Event::of(&name, at(when), kind) }
    }

    fn ordered(order: &str, when: &str, name: &str, service: Option<Service>) -> Event {
        let items = vec![Item { name: name.to_owned(), ..Item::default() }];
        let terms = Terms { ordered_at: Some(at(when)), items, service, ..Terms::default() };
        event(order, when, EventKind::Order { stage: Stage::Ordered, terms })
    }

    fn found(events: &[Event]) -> Vec<Twice> {
        let settings = Settings::default();
        let cases = crate::ledger::cases(events, &[], &settings, at("21T21:00"));
        twice(&cases, &settings)
    }

    fn pair(older: &str, newer: &str) -> Option<bool> {
        let found = found(&[ordered(OLD, "20T20:00", older, None), ordered(NEW, "21T20:10", newer, None)]);
        assert!(found.len() < 2);
        found.first().map(|twice| twice.sure)
    }

    #[test]
    fn the_same_goods_under_two_names() {
        for (older, newer, expect) in [
            ("【再販】真鍮のペン立て 丸型", "真鍮のペン立て　丸型 送料無料", Some(true)),
            ("ソニー WH-1000XM5 ヘッドホン", "ワイヤレスヘッドホン WH-1000XM5 ソニー ポイント10倍", Some(true)),
            ("パナソニック 食洗機 NP-TZ300-W", "食洗機 NP-TZ300-H パナソニック", Some(false)),
            ("ソニー WH-1000XM5 ヘッドホン ブラック", "ソニー WH-1000XM5 ヘッドホン シルバー", Some(false)),
            ("帆布のトートバッグ 大 ネイビー", "帆布のトートバッグ 小 ネイビー", Some(false)),
            ("マグカップ", "マグカップ", Some(false)), // a kind of goods: perhaps
            ("皿", "皿", None),
            ("ソニー WH-1000XM5 ヘッドホン", "WH-1000XM5 用 イヤーパッド", None),
            ("ソニー WH-1000XM5 ヘッドホン", "ソニー WH-1000XM5 ヘッドホン ケース", None),
            ("ソニー ヘッドホン WH-1000XM5", "ソニー ヘッドホン WH-1000XM4", None),
            ("木製パズル 1000ピース", "木製パズル 2000ピース", None),
            ("真鍮のペン立て 丸型", "真鍮のペン立て 角型", None),
        ] {
            assert_eq!(pair(older, newer), expect, "{older} / {newer}");
            assert_eq!(pair(newer, older), expect, "{newer} / {older}");
        }
    }

    #[test]
    fn both_orders_are_open_and_near() {
        let name = "真鍮のペン立て 丸型";
        let two = [ordered(OLD, "20T20:00", name, None), ordered(NEW, "21T20:10", name, None)];
        assert_eq!(found(&two).len(), 1);
        let with = |kind| {
            let mut events = two.to_vec();
            events.push(event(OLD, "21T12:00", kind));
            found(&events).len()
        };
        assert_eq!(with(EventKind::Order { stage: Stage::Shipped, terms: Terms::default() }), 0);
        assert_eq!(with(EventKind::Order { stage: Stage::Accepted, terms: Terms::default() }), 1);
        let cancel = |form| EventKind::Cancel { form, cause: None, terms: Terms::default(), reply_by: None };
        assert_eq!(with(cancel(Cancelled::Confirmed)), 0);
        assert_eq!(with(cancel(Cancelled::Claimed)), 0);
        assert_eq!(with(cancel(Cancelled::Requested)), 0);
        assert_eq!(with(cancel(Cancelled::Pending)), 1); // the shop asks: the second order may be the answer
        let early = [ordered("399999-20261101-0123456789", "01T20:00", name, None), two[1].clone()];
        assert_eq!(found(&early).len(), 0);
        // seen long after: nothing can be done any more
        let settings = Settings::default();
        let late = crate::ledger::cases(&two, &[], &settings, "2026-12-20T00:00:00+09:00".parse().unwrap());
        assert_eq!(twice(&late, &settings), []);
        // twice at one shop is two orders
        let same_shop = [two[0].clone(), ordered("399999-20261121-0123456789", "21T20:10", name, None)];
        assert_eq!(found(&same_shop).len(), 0);
    }

    #[test]
    fn the_newer_order_can_be_cancelled_for_a_while() {
        let until = |name: &str, service| {
            let older = ordered(OLD, "20T20:00", name, None);
            found(&[older, ordered(NEW, "21T20:10", name, service)]).remove(0).cancel_until
        };
        assert_eq!(until("真鍮のペン立て 丸型", None), Some(at("21T20:40")));
        assert_eq!(until("真鍮のペン立て 丸型", Some(Service::Asuraku)), None);
        assert_eq!(until("真鍮のペン立て 丸型", Some(Service::Saikyo)), None);
        assert_eq!(until("【予約】真鍮のペン立て 丸型", None), None);
    }
}
