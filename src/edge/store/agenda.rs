//! Which orders must be looked at again, and when: a list that follows from events and statements.

use super::settle::json;
use super::{Db, Row, StoreError, from_seconds, outbox, seconds};
use crate::facts::OrderNumber;
use crate::ledger::agenda::wake_at;
use crate::ledger::due::{APOLOGY_DAYS, MOST_MATCH_DAYS, Settings};
use crate::ledger::{self, Case, Event, EventKind, Statement};
use crate::plan::on_time::{Due, TOGETHER};
use crate::plan::{Effect, Wish};
use jiff::{SignedDuration, Timestamp};
use rusqlite::types::ValueRef;
use rusqlite::{Connection, OptionalExtension, Transaction};
use std::collections::{BTreeMap, BTreeSet};

/// Days that the date of a mail may be off, on top of those that a setting gives.
const SPARE_DAYS: i64 = 2;

/// An order is new for so many days: it may be warned of.
const NEW_DAYS: i64 = 2;

/// Events and statements: what a fold takes.
pub type Told = (Vec<Event>, Vec<Statement>);

/// What came of keeping appointments.
#[derive(Debug, Default)]
pub struct Kept {
    /// How many orders were looked at.
    pub orders: usize,
    /// Alerts that are under way now: the caller sends them.
    pub alerts: Vec<Row>,
}

/// Something new is known: the order of this event, or the orders that a mail without a number may speak of, are
/// looked at as soon as may be.
pub(super) fn wake(transaction: &Transaction<'_>, event: &Event) -> Result<(), StoreError> {
    match &event.order {
        Some(order) => wake_order(transaction, order.as_str()),
        None => {
            // of a restock no order knows anything
            if !matches!(event.kind, EventKind::Points { .. } | EventKind::Coupon(_)) {
                return Ok(());
            }
            let (from, until) = span(event.at, i64::from(MOST_MATCH_DAYS) + SPARE_DAYS, SPARE_DAYS);
            let sql = "UPDATE agenda SET wake_at = 0 WHERE cancelled_at BETWEEN ?1 AND ?2";
            transaction.prepare_cached(sql)?.execute((from, until))?;
            wake_orders_of(transaction, &event.mail.hex())
        }
    }
}

/// Something new is known of the orders that the shopper gave this mail to: what one takes another cannot have.
pub(super) fn wake_orders_of(transaction: &Transaction<'_>, mail: &str) -> Result<(), StoreError> {
    let sql = "UPDATE agenda SET wake_at = 0 \
               WHERE order_number IN (SELECT order_number FROM statement WHERE mail_key = ?1)";
    transaction.prepare_cached(sql)?.execute([mail])?;
    Ok(())
}

/// Something new is known of this order.
pub(super) fn wake_order(transaction: &Transaction<'_>, order: &str) -> Result<(), StoreError> {
    let sql = "INSERT INTO agenda (order_number, wake_at) VALUES (?1, 0) \
               ON CONFLICT (order_number) DO UPDATE SET wake_at = 0";
    transaction.prepare_cached(sql)?.execute([order])?;
    Ok(())
}

/// From so many days before an instant until so many after it, in seconds.
fn span(at: Timestamp, before: i64, after: i64) -> (i64, i64) {
    let days = |days: i64| SignedDuration::from_hours(24 * days);
    let from = at.checked_sub(days(before)).unwrap_or(Timestamp::MIN);
    let until = at.checked_add(days(after)).unwrap_or(Timestamp::MAX);
    (seconds(from), seconds(until))
}

impl Db {
    /// When the next order must be looked at; in the past when one must be looked at now.
    ///
    /// # Errors
    /// When the database refuses.
    pub fn next_wake(&self) -> Result<Option<Timestamp>, StoreError> {
        let sql = "SELECT min(wake_at) FROM agenda WHERE wake_at IS NOT NULL";
        let at: Option<i64> = self.connection.prepare_cached(sql)?.query_row([], |row| row.get(0))?;
        Ok(at.map(from_seconds))
    }

    /// When modori last looked at its deadlines.
    ///
    /// # Errors
    /// When the database refuses.
    pub fn pulse(&self) -> Result<Option<Timestamp>, StoreError> {
        let sql = "SELECT at FROM pulse WHERE id = 1";
        let at: Option<i64> = self.connection.prepare_cached(sql)?.query_row([], |row| row.get(0)).optional()?;
        Ok(at.map(from_seconds))
    }

    /// modori looked at its deadlines now.
    ///
    /// # Errors
    /// When the database refuses.
    pub fn beat(&mut self, now: Timestamp) -> Result<(), StoreError> {
        let sql = "INSERT INTO pulse (id, at) VALUES (1, ?1) ON CONFLICT (id) DO UPDATE SET at = excluded.at";
        self.connection.prepare_cached(sql)?.execute([seconds(now)])?;
        Ok(())
    }

    /// Looks at orders whose time has come, at most `limit` of them: what `warn` answers to new orders and what stands
    /// beside them, and what `tell` answers to their cases, is entered, and when each is looked at again is written
    /// down. All in one transaction: an order that another process adds meanwhile is not counted as looked at. Of more
    /// than a few new reminders `together` says it shorter; they count as told.
    ///
    /// # Errors
    /// When the database refuses; nothing is changed then.
    pub fn keep_appointments(
        &mut self,
        settings: &Settings,
        limit: u32,
        now: Timestamp,
        warn: impl FnOnce(&Told) -> Vec<Wish>,
        tell: impl FnOnce(&BTreeMap<OrderNumber, Case>) -> Vec<Due>,
        together: impl Fn(&[&Due]) -> Vec<Wish>,
    ) -> Result<Kept, StoreError> {
        self.write(|transaction| {
            let woken = woken(transaction, limit, now)?;
            if woken.is_empty() {
                return Ok(Kept::default());
            }
            let mut kept = Kept { orders: woken.len(), alerts: Vec::new() };
            if let Some(told) = beside_new_orders(transaction, &woken, settings, now)? {
                enter(transaction, &warn(&told), &mut kept.alerts, now)?;
            }
            let mut cases = near(transaction, &woken, settings, now)?;
            cases.retain(|order, _| woken.contains(order));
            let told = tell(&cases);
            for missed in [true, false] {
                let due: Vec<&Due> = told.iter().filter(|due| due.missed == missed).collect();
                enter_due(transaction, &due, missed, &together, &mut kept.alerts, now)?;
            }
            for order in &woken {
                let case = cases.get(order);
                let wake = case.and_then(|case| wake_at(case, settings, now));
                set_wake(transaction, order, wake, case.and_then(|case| case.cancelled_at))?;
            }
            Ok(kept)
        })
    }
}

impl Db {
    /// What is known of orders that can still be open, and of the mails without a number since then: all that bears on
    /// what lapses no more.
    ///
    /// # Errors
    /// When the database refuses, or holds a value that cannot be read.
    pub fn recent(&self, settings: &Settings, now: Timestamp) -> Result<Told, StoreError> {
        let days = i64::from(settings.protection_days) + i64::from(settings.lapse_days) + 1;
        let (from, _) = span(now, days, 0);
        let day = day_of(from_seconds(from));
        let events = "SELECT body FROM event WHERE retired = 0 AND (substr(order_number, 8, 8) >= ?1 \
                      OR (order_number IS NULL AND at >= ?2))";
        let statements = "SELECT body FROM statement WHERE substr(order_number, 8, 8) >= ?1";
        Ok((
            bodies(&self.connection, events, (&day, from), "event")?,
            bodies(&self.connection, statements, [&day], "statement")?,
        ))
    }
}

/// Of the orders that are looked at now those of the last days, with what warnings about them need: every order of the
/// last weeks, and all orders of their shops. Nothing if there is no such order.
fn beside_new_orders(
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
    let sql = "SELECT order_number FROM agenda WHERE substr(order_number, 8, 8) >= ?1";
    let weeks = i64::from(settings.twice_days) + NEW_DAYS;
    let mut beside = numbers(connection, sql, [since(weeks)])?;
    for shop in new.iter().map(|order| order.shop_id()).collect::<BTreeSet<_>>() {
        // the number of an order begins with that of its shop
        let sql = "SELECT order_number FROM agenda WHERE order_number BETWEEN ?1 AND ?2";
        beside.extend(numbers(connection, sql, (format!("{shop}-"), format!("{shop}-~")))?);
    }
    beside.extend(new.into_iter().cloned());
    Ok(Some((events_of(connection, &beside)?, statements_of(connection, &beside)?)))
}

/// `20261120`, in Tokyo, as order numbers write it.
fn day_of(at: Timestamp) -> String {
    crate::calendar::civil(at).strftime("%Y%m%d").to_string()
}

fn set_wake(
    transaction: &Transaction<'_>,
    order: &OrderNumber,
    wake: Option<Timestamp>,
    cancelled: Option<Timestamp>,
) -> Result<(), StoreError> {
    let sql = "INSERT INTO agenda (order_number, wake_at, cancelled_at) VALUES (?1, ?2, ?3) \
               ON CONFLICT (order_number) DO UPDATE SET wake_at = excluded.wake_at, cancelled_at = excluded.cancelled_at";
    transaction.prepare_cached(sql)?.execute((order.as_str(), wake.map(seconds), cancelled.map(seconds)))?;
    Ok(())
}

/// Reminders that were not told before: each by itself, or several together.
fn enter_due(
    transaction: &Transaction<'_>,
    due: &[&Due],
    missed: bool,
    together: &impl Fn(&[&Due]) -> Vec<Wish>,
    alerts: &mut Vec<Row>,
    now: Timestamp,
) -> Result<(), StoreError> {
    let mut new = Vec::new();
    for one in due {
        let known = match one.wishes.first() {
            Some(wish) => is_told(transaction, wish)?,
            None => true,
        };
        if !known {
            new.push(*one);
        }
    }
    if !missed {
        let (mut said, mut rest) = (Vec::new(), Vec::new());
        for one in new {
            let with_its_mail = said_with_its_mail(transaction, one, now)?;
            if with_its_mail { said.push(one) } else { rest.push(one) }
        }
        for one in said {
            close(transaction, one, "its mail was alerted just now", now)?;
        }
        new = rest;
    }
    // a deadline that passed is never told with the words of one that is near
    if new.len() <= TOGETHER && !missed {
        for one in new {
            enter(transaction, &one.wishes, alerts, now)?;
        }
        return Ok(());
    }
    if new.is_empty() {
        return Ok(());
    }
    enter(transaction, &together(&new), alerts, now)?;
    for one in new {
        close(transaction, one, "told together with others", now)?;
    }
    Ok(())
}

/// Whether this reminder was told, on whichever channel: one that was renamed or added does not say it again.
fn is_told(transaction: &Transaction<'_>, wish: &Wish) -> Result<bool, StoreError> {
    let Effect::Alert { channel, .. } = &wish.effect else { return Ok(false) };
    let sql = "SELECT 1 FROM outbox WHERE wish_key > ?1 AND wish_key < ?1 || char(1114111)";
    Ok(transaction.prepare_cached(sql)?.exists([outbox::stem(&wish.key, channel)])?)
}

/// A reminder that needs not be sent any more.
fn close(transaction: &Transaction<'_>, one: &Due, why: &str, now: Timestamp) -> Result<(), StoreError> {
    for wish in &one.wishes {
        if let Some(row) = outbox::enter(transaction, wish, "", None, false, now)? {
            let sql = "UPDATE outbox SET state = 'dropped', last_error = ?3, closed_at = ?2 WHERE id = ?1";
            transaction.prepare_cached(sql)?.execute((row.id, super::millis(now), why))?;
        }
    }
    Ok(())
}

/// Whether the mail that asks for this answer or payment was alerted within the hour: it named the deadline.
fn said_with_its_mail(transaction: &Transaction<'_>, one: &Due, now: Timestamp) -> Result<bool, StoreError> {
    if !matches!(one.reminder.step.as_str(), "reply" | "pay") {
        return Ok(false);
    }
    // among the latest rows: an hour has not many
    let sql = "SELECT 1 FROM outbox WHERE id > (SELECT max(id) - 1000 FROM outbox) AND kind = 'alert' \
               AND wish_key LIKE 'alert:%' AND wished_at > ?2 \
               AND json_extract(payload, '$.alert.details.order_number') = ?1";
    let hour = super::millis(now).saturating_sub(3_600_000);
    Ok(transaction.prepare_cached(sql)?.exists((&one.reminder.order_number, hour))?)
}

/// Enters wishes; alerts that are due are handed back under way.
fn enter(
    transaction: &Transaction<'_>,
    wishes: &[Wish],
    alerts: &mut Vec<Row>,
    now: Timestamp,
) -> Result<(), StoreError> {
    for wish in wishes {
        let at_once = matches!(wish.effect, Effect::Alert { .. }) && wish.due <= now;
        let row = outbox::enter(transaction, wish, "", None, at_once, now)?;
        alerts.extend(row.filter(|_| at_once));
    }
    Ok(())
}

/// Orders whose time has come, the longest waiting first; of many those of one time together, because they share
/// neighbours.
fn woken(connection: &Connection, limit: u32, now: Timestamp) -> Result<BTreeSet<OrderNumber>, StoreError> {
    let sql = "SELECT order_number FROM agenda WHERE wake_at <= ?1 ORDER BY wake_at, substr(order_number, 8) LIMIT ?2";
    numbers(connection, sql, (seconds(now), limit))
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
    let mut events = events_of(connection, orders)?;
    let mut statements = statements_of(connection, orders)?;
    let own = ledger::cases(&events, &statements, settings, now);
    let days = i64::from(settings.match_days.clamp(APOLOGY_DAYS, MOST_MATCH_DAYS)) + SPARE_DAYS;
    let cancelled = own.values().filter_map(|case| case.cancelled_at);
    // a mail comes after the cancellation it speaks of, or a day before it
    let windows: Vec<(i64, i64)> = merged(cancelled.map(|at| span(at, SPARE_DAYS, days)).collect());
    let mut loose = Vec::new();
    for (from, until) in windows {
        let sql = "SELECT body FROM event WHERE order_number IS NULL AND retired = 0 AND at BETWEEN ?1 AND ?2";
        loose.extend(bodies::<Event>(connection, sql, (from, until), "event")?);
    }
    // what the shopper gave to these orders, wherever it lies, and to which others she gave of the same mails
    let given = "SELECT mail_key FROM statement WHERE mail_key IS NOT NULL \
                 AND order_number IN (SELECT value FROM json_each(?1))";
    let sql = format!("SELECT body FROM event WHERE order_number IS NULL AND retired = 0 AND mail_key IN ({given})");
    let asked = json(orders, "list of orders")?;
    loose.extend(bodies::<Event>(connection, &sql, [&asked], "event")?);
    // restocks speak of no order
    loose.retain(|event| !matches!(event.kind, EventKind::Restock { .. }));
    if loose.is_empty() {
        return Ok(own);
    }
    // a mail that is some order's already asks nobody else
    let mails: BTreeSet<String> = loose.iter().map(|event| event.mail.hex()).collect();
    let sql = "SELECT order_number FROM statement WHERE mail_key IN (SELECT value FROM json_each(?1))";
    let mut others = numbers(connection, sql, [json(&mails, "list of mails")?])?;
    for (from, until) in merged(loose.iter().map(|event| span(event.at, days, SPARE_DAYS)).collect()) {
        let sql = "SELECT DISTINCT order_number FROM event WHERE cancels = 1 AND retired = 0 AND at BETWEEN ?1 AND ?2 \
                   UNION SELECT order_number FROM statement WHERE at BETWEEN ?1 AND ?2";
        others.extend(numbers(connection, sql, (from, until))?);
    }
    let others: BTreeSet<OrderNumber> = others.difference(orders).cloned().collect();
    events.extend(events_of(connection, &others)?);
    events.extend(loose);
    statements.extend(statements_of(connection, &others)?);
    Ok(ledger::cases(&events, &statements, settings, now))
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
    let sql = "SELECT body FROM event WHERE retired = 0 AND order_number IN (SELECT value FROM json_each(?1))";
    bodies(connection, sql, [json(&orders, "list of orders")?], "event")
}

fn statements_of(connection: &Connection, orders: &BTreeSet<OrderNumber>) -> Result<Vec<Statement>, StoreError> {
    let sql = "SELECT body FROM statement WHERE order_number IN (SELECT value FROM json_each(?1))";
    bodies(connection, sql, [json(&orders, "list of orders")?], "statement")
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
