//! Orders with all that bears on them: their own events and statements, the mails without a number that may speak of
//! them, and the other orders that those mails may speak of as well.

use super::agenda::may_belong;
use super::settle::json;
use super::{Db, StoreError, from_seconds, seconds};
use crate::facts::OrderNumber;
use crate::ledger::due::{APOLOGY_DAYS, MOST_MATCH_DAYS, Settings};
use crate::ledger::{self, Case, Event, Statement};
use jiff::{SignedDuration, Timestamp};
use rusqlite::Connection;
use rusqlite::types::ValueRef;
use std::collections::{BTreeMap, BTreeSet};

/// Days that the date of a mail may be off, on top of those that a setting gives.
pub(super) const SPARE_DAYS: i64 = 2;
/// What an alert says of a case is told without the returns and apologies that name no order and that nobody gave to one,
/// when there are more than so many of them, or when more than so many orders are asked for each: of what so many share
/// nothing can be said of one, and nobody waits for it. Four months of a shopper hold a few. What she said herself counts
/// always.
const MOST_BESIDE: usize = 100;
/// An order is new for so many days: it may be warned of.
const NEW_DAYS: i64 = 2;

// Each of these is asked for every mail or every minute: none reads a whole table (held by a test).
// (all: to leave doubles out SQLite would walk through the table in its order)
const LATELY_CANCELLED: &str = "SELECT order_number FROM agenda WHERE cancelled_at >= ?1 \
     UNION ALL SELECT order_number FROM agenda WHERE wake_at <= ?3 AND substr(order_number, 8) >= ?2";
const SINCE_DAY: &str = "SELECT order_number FROM agenda WHERE substr(order_number, 8) >= ?1";
const OF_SHOP: &str = "SELECT order_number FROM agenda WHERE order_number BETWEEN ?1 AND ?2";
// left to itself SQLite takes the index of orders, and reads every mail that names none. What no order knows anything of
// (`may_belong`; restocks, mostly) is left out here already: it does not count. What cannot be read is told by its reader
const LOOSE_BETWEEN: &str = "SELECT body FROM event INDEXED BY event_without_order \
     WHERE order_number IS NULL AND retired = 0 AND at BETWEEN ?1 AND ?2 \
     AND CASE WHEN json_valid(body) THEN json_extract(body, '$.kind.what') = 'points' \
         OR json_extract(body, '$.kind.role') = 'apology' ELSE 1 END LIMIT ?3";
const LOOSE_GIVEN: &str = "SELECT body FROM event WHERE +order_number IS NULL AND retired = 0 AND mail_key IN \
     (SELECT mail_key FROM statement WHERE mail_key IS NOT NULL \
      AND order_number IN (SELECT value FROM json_each(?1)))";
const GIVEN_TO: &str = "SELECT order_number FROM statement WHERE mail_key IN (SELECT value FROM json_each(?1))";
const TOLD_OF_BETWEEN: &str = "SELECT DISTINCT order_number FROM event \
     WHERE cancels = 1 AND retired = 0 AND at BETWEEN ?1 AND ?2 \
     UNION SELECT order_number FROM statement WHERE at BETWEEN ?1 AND ?2 LIMIT ?3";
const EVENTS_OF: &str =
    "SELECT body FROM event WHERE retired = 0 AND order_number IN (SELECT value FROM json_each(?1))";
const STATEMENTS_OF: &str = "SELECT body FROM statement WHERE order_number IN (SELECT value FROM json_each(?1))";

/// Events and statements: what a fold takes.
pub type Told = (Vec<Event>, Vec<Statement>);

impl Db {
    /// The cases of all orders that are or may be cancelled and did not lapse: those known to be, and those that were
    /// not looked at yet.
    ///
    /// # Errors
    /// When the database refuses, or holds a value that cannot be read.
    pub fn lately_cancelled(
        &self,
        settings: &Settings,
        now: Timestamp,
    ) -> Result<BTreeMap<OrderNumber, Case>, StoreError> {
        let days = i64::from(settings.protection_days) + i64::from(settings.lapse_days) + 1;
        let (from, _) = span(now, days, 0);
        // an order is not cancelled before its day
        let parameters = (from, day_of(from_seconds(from)), seconds(now));
        let orders = numbers(&self.connection, LATELY_CANCELLED, parameters)?;
        let mut cases = near(&self.connection, &orders, settings, now)?;
        cases.retain(|order, _| orders.contains(order));
        Ok(cases)
    }

    /// The case of an order as it will be when these events are written down: for an alert, which leaves at once. However
    /// many orders are cancelled at the same time, that takes no longer; what names no order and was given to none is left
    /// out when very many share it.
    ///
    /// # Errors
    /// When the database refuses, or holds a value that cannot be read.
    pub fn case_with(
        &self,
        order: &OrderNumber,
        events: &[Event],
        settings: &Settings,
        now: Timestamp,
    ) -> Result<Option<Case>, StoreError> {
        let orders = BTreeSet::from([order.clone()]);
        Ok(near_with(&self.connection, &orders, events, Some(MOST_BESIDE), settings, now)?.remove(order))
    }
}

/// Of the orders that are looked at now those of the last days, with what warnings about them need: every order of the
/// last weeks, and all orders of their shops. Nothing if there is no such order.
pub(super) fn beside_new_orders(
    connection: &Connection,
    woken: &BTreeSet<OrderNumber>,
    settings: &Settings,
    now: Timestamp,
) -> Result<Option<Told>, StoreError> {
    let since = |days: i64| day_of(from_seconds(span(now, days, 0).0));
    let first = since(NEW_DAYS);
    let new: Vec<&OrderNumber> =
        woken.iter().filter(|order| order.as_str().get(7..15).is_some_and(|day| day >= first.as_str())).collect();
    if new.is_empty() {
        return Ok(None);
    }
    let weeks = i64::from(settings.twice_days) + NEW_DAYS;
    let mut beside = numbers(connection, SINCE_DAY, [since(weeks)])?;
    for shop in new.iter().map(|order| order.shop_id()).collect::<BTreeSet<_>>() {
        // the number of an order begins with that of its shop
        beside.extend(numbers(connection, OF_SHOP, (format!("{shop}-"), format!("{shop}-~")))?);
    }
    beside.extend(new.into_iter().cloned());
    Ok(Some((events_of(connection, &beside)?, statements_of(connection, &beside)?)))
}

/// `20261120`, in Tokyo, as order numbers write it.
fn day_of(at: Timestamp) -> String {
    crate::calendar::civil(at).strftime("%Y%m%d").to_string()
}

/// From so many days before an instant until so many after it, in seconds.
pub(super) fn span(at: Timestamp, before: i64, after: i64) -> (i64, i64) {
    let days = |days: i64| SignedDuration::from_hours(24 * days);
    let from = at.checked_sub(days(before)).unwrap_or(Timestamp::MIN);
    let until = at.checked_add(days(after)).unwrap_or(Timestamp::MAX);
    (seconds(from), seconds(until))
}

pub(super) fn numbers(
    connection: &Connection,
    sql: &str,
    parameters: impl rusqlite::Params,
) -> Result<BTreeSet<OrderNumber>, StoreError> {
    let mut query = connection.prepare_cached(sql)?;
    let rows = query.query_map(parameters, |row| row.get::<_, String>(0))?;
    let mut found = BTreeSet::new();
    for number in rows {
        found.extend(OrderNumber::parse(&number?));
    }
    Ok(found)
}

/// The cases of these orders, as a fold over everything would give them: their own events and statements, the mails
/// without a number that may speak of them, and every other order that those mails may speak of as well.
pub(super) fn near(
    connection: &Connection,
    orders: &BTreeSet<OrderNumber>,
    settings: &Settings,
    now: Timestamp,
) -> Result<BTreeMap<OrderNumber, Case>, StoreError> {
    near_with(connection, orders, &[], None, settings, now)
}

/// The same, with events that are not written down yet. Beside more than `most` mails without a number, or more than
/// `most` orders that they may speak of, those mails are left out, except what the shopper gave to these orders.
fn near_with(
    connection: &Connection,
    orders: &BTreeSet<OrderNumber>,
    more: &[Event],
    most: Option<usize>,
    settings: &Settings,
    now: Timestamp,
) -> Result<BTreeMap<OrderNumber, Case>, StoreError> {
    Ok(gathered(connection, orders, more, most, settings, now)?.1)
}

/// The same, with all that bears on these orders.
pub(super) fn gathered(
    connection: &Connection,
    orders: &BTreeSet<OrderNumber>,
    more: &[Event],
    most: Option<usize>,
    settings: &Settings,
    now: Timestamp,
) -> Result<(Told, BTreeMap<OrderNumber, Case>), StoreError> {
    let mut events = events_of(connection, orders)?;
    events.extend_from_slice(more);
    let mut statements = statements_of(connection, orders)?;
    let own = ledger::cases(&events, &statements, settings, now);
    let days = i64::from(settings.match_days.clamp(APOLOGY_DAYS, MOST_MATCH_DAYS)) + SPARE_DAYS;
    let cancelled = own.values().filter_map(|case| case.cancelled_at);
    // a mail comes after the cancellation it speaks of, or a day before it
    let windows: Vec<(i64, i64)> = merged(cancelled.map(|at| span(at, SPARE_DAYS, days)).collect());
    // one more than may be, to see that there are more
    let limit = most.and_then(|most| i64::try_from(most).ok()).map_or(-1, |most| most.saturating_add(1));
    let too_many = |found: usize| most.is_some_and(|most| found > most);
    // what the shopper gave to these orders, wherever it lies, and to which others she gave of the same mails
    let mut given = bodies::<Event>(connection, LOOSE_GIVEN, [json(orders, "list of orders")?], "event")?;
    given.retain(may_belong);
    let given_mails: BTreeSet<String> = given.iter().map(|event| event.mail.hex()).collect();
    let mut loose = Vec::new();
    for (from, until) in windows {
        loose.extend(bodies::<Event>(connection, LOOSE_BETWEEN, (from, until, limit), "event")?);
    }
    loose.retain(|event| may_belong(event) && !given_mails.contains(&event.mail.hex()));
    if too_many(loose.len()) {
        loose.clear();
    }
    let mut others = BTreeSet::new();
    for (from, until) in merged(loose.iter().chain(&given).map(|event| span(event.at, days, SPARE_DAYS)).collect()) {
        others.extend(numbers(connection, TOLD_OF_BETWEEN, (from, until, limit))?);
    }
    if too_many(others.len()) {
        loose.clear();
        others.clear();
    }
    loose.extend(given);
    if loose.is_empty() {
        return Ok(((events, statements), own));
    }
    // a mail that is some order's already asks nobody else
    let mails: BTreeSet<String> = loose.iter().map(|event| event.mail.hex()).collect();
    others.extend(numbers(connection, GIVEN_TO, [json(&mails, "list of mails")?])?);
    others = others.difference(orders).cloned().collect();
    // what the shopper gave to those others, too: an order that was paid back long after still asks for every refund
    // before, as long as that is not known. And whom else she gave of it, because no mail gives more than it speaks of
    let theirs = bodies::<Event>(connection, LOOSE_GIVEN, [json(&others, "list of orders")?], "event")?;
    let theirs: Vec<Event> = theirs.into_iter().filter(|event| may_belong(event) && !loose.contains(event)).collect();
    if !theirs.is_empty() {
        let mails: BTreeSet<String> = theirs.iter().map(|event| event.mail.hex()).collect();
        let sharing = numbers(connection, GIVEN_TO, [json(&mails, "list of mails")?])?;
        others.extend(sharing.difference(orders).cloned());
        events.extend(theirs);
    }
    events.extend(events_of(connection, &others)?);
    events.extend(loose);
    statements.extend(statements_of(connection, &others)?);
    let cases = ledger::cases(&events, &statements, settings, now);
    Ok(((events, statements), cases))
}

/// Orders that were placed since a day and of which anything is known: of older ones nothing waits any more.
pub(super) fn since(
    connection: &Connection,
    settings: &Settings,
    now: Timestamp,
) -> Result<BTreeSet<OrderNumber>, StoreError> {
    let days = i64::from(settings.protection_days) + i64::from(settings.lapse_days) + 1;
    numbers(connection, SINCE_DAY, [day_of(from_seconds(span(now, days, 0).0))])
}

/// Spans that touch become one.
fn merged(mut spans: Vec<(i64, i64)>) -> Vec<(i64, i64)> {
    spans.sort_unstable();
    let mut merged: Vec<(i64, i64)> = Vec::new();
    for (from, until) in spans {
        match merged.last_mut() {
            Some((_, end)) if *end >= from => *end = until.max(*end),
            _ => merged.push((from, until)),
        }
    }
    merged
}

fn events_of(connection: &Connection, orders: &BTreeSet<OrderNumber>) -> Result<Vec<Event>, StoreError> {
    bodies(connection, EVENTS_OF, [json(&orders, "list of orders")?], "event")
}

fn statements_of(connection: &Connection, orders: &BTreeSet<OrderNumber>) -> Result<Vec<Statement>, StoreError> {
    bodies(connection, STATEMENTS_OF, [json(&orders, "list of orders")?], "statement")
}

/// Values that are stored as JSON.
pub(super) fn bodies<T: serde::de::DeserializeOwned>(
    connection: &Connection,
    sql: &str,
    parameters: impl rusqlite::Params,
    what: &'static str,
) -> Result<Vec<T>, StoreError> {
    let mut query = connection.prepare_cached(sql)?;
    let mut rows = query.query(parameters)?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        found.push(stored(row.get_ref(0)?, what)?);
    }
    Ok(found)
}

/// A value that is stored as JSON.
pub(super) fn stored<T: serde::de::DeserializeOwned>(body: ValueRef<'_>, what: &'static str) -> Result<T, StoreError> {
    // as bytes: what is no text is as damaged as what is no JSON
    serde_json::from_slice(body.as_bytes().unwrap_or_default()).map_err(|error| StoreError::Value { what, error })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::edge::store::OldMail;
    use crate::edge::store::rebuild::ONE_DAY_AFTER_ANOTHER;
    use serde_json::{Value, json};

    const ORDER: &str = "399999-20261120-0123456789";

    fn mail(n: u32, order: Option<&str>, kind: Value) -> OldMail {
        let body = json!({
            "order": order, "kind": kind, "at": "2026-11-22T01:00:00Z", "mail": format!("{n:064x}"),
            "second_identity": n.to_string(), "trust": "verified", "excerpt": format!("{n}"),
        });
        let event: Event = serde_json::from_value(body).unwrap();
        OldMail { key: event.mail, events: vec![event], keep_trusted: false, mails: None }
    }

    fn points(yen: u32) -> Value {
        json!({"what": "points", "returned": {"amount": yen, "form": "done"}, "limited": null, "expires_at": null})
    }

    /// What an alert knows of the order's case, beside these mails without a number; and what the whole ledger knows.
    fn alert_and_ledger(loose: impl Iterator<Item = OldMail>, given: Option<u32>) -> (Option<Case>, Option<Case>) {
        let mut db = Db::in_memory().unwrap();
        let cancelled = json!({"what": "cancel", "form": "confirmed", "cause": "shop", "shop_code": null, "shop_name": null,
            "ordered_at": null, "total_yen": 3000, "payment_yen": 2500, "points_used": 500, "coupon_used_yen": null,
            "items": [], "reply_by": null});
        db.import(&[mail(1, Some(ORDER), cancelled)]).unwrap();
        db.import(&loose.collect::<Vec<_>>()).unwrap();
        let now = "2026-11-26T01:00:00Z".parse().unwrap();
        let order = OrderNumber::parse(ORDER).unwrap();
        if let Some(n) = given {
            let said = json!({"order": ORDER, "said": {"says": "assign", "mail": format!("{n:064x}"), "points": 500}, "at": now});
            db.say(&serde_json::from_value(said).unwrap(), now).unwrap();
        }
        let settings = Settings::default();
        let whole = near(&db.connection, &BTreeSet::from([order.clone()]), &settings, now).unwrap().remove(&order);
        (db.case_with(&order, &[], &settings, now).unwrap(), whole)
    }

    #[test]
    fn restocks_do_not_count_among_what_may_belong_to_an_order() {
        let restock = || json!({"what": "restock", "items": []});
        let many = (10..200).map(|n| mail(n, None, restock())).chain([mail(2, None, points(500))]);
        let (alert, ledger) = alert_and_ledger(many, None);
        assert_eq!(alert, ledger);
        let without = alert_and_ledger(std::iter::empty(), None).0;
        assert_ne!(alert, without, "the return is known");
    }

    #[test]
    fn what_the_shopper_gave_to_an_order_counts_beside_however_many_mails() {
        let many = || (10..200).map(|n| mail(n, None, points(n)));
        let (alert, _) = alert_and_ledger(many().chain([mail(2, None, points(500))]), Some(2));
        let (alone, _) = alert_and_ledger([mail(2, None, points(500))].into_iter(), Some(2));
        assert_eq!(alert, alone, "and the others are left out");
        assert_ne!(alert, alert_and_ledger(many(), None).0);
    }

    #[test]
    fn no_question_that_is_asked_all_the_time_reads_a_whole_table() {
        let db = Db::in_memory().unwrap();
        for sql in [
            LATELY_CANCELLED, SINCE_DAY, OF_SHOP, LOOSE_BETWEEN, LOOSE_GIVEN, GIVEN_TO, TOLD_OF_BETWEEN, EVENTS_OF,
            STATEMENTS_OF, ONE_DAY_AFTER_ANOTHER,
        ] {
            let mut query = db.connection.prepare(&format!("EXPLAIN QUERY PLAN {sql}")).unwrap();
            for n in 1..=query.parameter_count() {
                query.raw_bind_parameter(n, 1).unwrap();
            }
            let mut rows = query.raw_query();
            while let Some(row) = rows.next().unwrap() {
                let step: String = row.get("detail").unwrap();
                let whole = step.starts_with("SCAN") && !step.contains("json_each");
                assert!(!whole, "{sql}: {step}");
                // of the mails that name no order there may be any number
                let every_loose = sql.contains("order_number IS NULL") && step.contains("event_of_order");
                assert!(!every_loose, "{sql}: {step}");
            }
        }
    }
}
