//! Which orders must be looked at again, and when: a list that follows from events and statements.

use super::near::{SPARE_DAYS, Told, beside_new_orders, near, numbers, span};
use super::{Db, Row, StoreError, from_seconds, held, letter, outbox, seconds};
use crate::facts::{CouponRole, OrderNumber};
use crate::ledger::agenda::wake_at;
use crate::ledger::due::{MOST_MATCH_DAYS, Settings};
use crate::ledger::{Case, Event, EventKind};
use crate::plan::on_owner::Kept as KeptMails;
use crate::plan::on_time::{Due, TOGETHER};
use crate::plan::{Effect, Why, Wish};
use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension, Transaction};
use std::collections::{BTreeMap, BTreeSet};

/// Enters a letter; answers whether it was entered.
pub type Enter<'a> = dyn FnMut(&Wish) -> bool + 'a;

/// Orders that must be looked at again by then, although nothing in their case says so.
pub type Later = BTreeMap<OrderNumber, Timestamp>;

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
            if !may_belong(event) {
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

/// Whether a mail without a number may speak of a cancelled order: of a return, or of a coupon as an apology. Of a
/// restock, or of any other coupon, no order knows anything.
pub(super) fn may_belong(event: &Event) -> bool {
    match &event.kind {
        EventKind::Points { .. } => true,
        EventKind::Coupon(coupon) => coupon.role == CouponRole::Apology,
        _ => false,
    }
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
    /// beside them, and what `tell` answers to their cases, is entered, and when each is looked at again is written down.
    /// `tell` enters letters itself: what it says of a letter is so. All in one transaction: an order that another process adds meanwhile is not counted as looked at. Of more
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
        tell: impl FnOnce(
            &BTreeMap<OrderNumber, Case>,
            &BTreeMap<OrderNumber, KeptMails>,
            &mut Enter<'_>,
        ) -> (Vec<Due>, Later),
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
            let open = cases.iter().filter(|(_, case)| case.cancelled_at.is_some() && !case.ended);
            let kept_mails = letter::kept(transaction, open.map(|(order, _)| order.clone()).collect::<Vec<_>>(), now)?;
            let mut failed = None;
            let mut enter_letter = |wish: &Wish| {
                letter::enter(transaction, wish, now).unwrap_or_else(|error| {
                    failed.get_or_insert(error);
                    false
                })
            };
            let (told, later) = tell(&cases, &kept_mails, &mut enter_letter);
            if let Some(error) = failed {
                return Err(error);
            }
            let mut waiting: BTreeMap<&str, Timestamp> = BTreeMap::new();
            for missed in [true, false] {
                let due: Vec<&Due> = told.iter().filter(|due| due.missed == missed).collect();
                for (one, until) in enter_due(transaction, &due, missed, &together, &mut kept.alerts, now)? {
                    let first = waiting.entry(&one.reminder.order_number).or_insert(until);
                    *first = until.min(*first);
                }
            }
            for order in &woken {
                let case = cases.get(order);
                let wake = case.and_then(|case| wake_at(case, settings, now));
                let waits = waiting.get(order.as_str()).copied().into_iter().chain(later.get(order).copied());
                let wake = wake.into_iter().chain(waits).min();
                set_wake(transaction, order, wake, case.and_then(|case| case.cancelled_at))?;
            }
            Ok(kept)
        })
    }
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

/// Reminders that were not told before: each by itself, or several together. Those that must not ring now are not entered
/// but answered, with the time when they may: what they say, and whether they are still true, is asked again then.
pub(super) fn enter_due<'a>(
    transaction: &Transaction<'_>,
    due: &[&'a Due],
    missed: bool,
    together: &impl Fn(&[&Due]) -> Vec<Wish>,
    alerts: &mut Vec<Row>,
    now: Timestamp,
) -> Result<Vec<(&'a Due, Timestamp)>, StoreError> {
    let mut new = Vec::new();
    let mut waiting = Vec::new();
    for one in due {
        let known = match one.wishes.first() {
            Some(Wish { turn: Some(turn), .. }) => held::is_known(transaction, &turn.of)?,
            Some(_) => false,
            None => true,
        };
        // of what was missed nothing changes any more, and it is not asked for a second time
        match one.wishes.first().filter(|_| !missed).and_then(may_ring_at) {
            Some(until) if !known => waiting.push((*one, until)),
            None if !known => new.push(*one),
            _ => {}
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
        return Ok(waiting);
    }
    if new.is_empty() {
        return Ok(waiting);
    }
    enter(transaction, &together(&new), alerts, now)?;
    for one in new {
        close(transaction, one, "told together with others", now)?;
    }
    Ok(waiting)
}

/// The end of the quiet hours that keep this wish back.
fn may_ring_at(wish: &Wish) -> Option<Timestamp> {
    matches!(wish.effect, Effect::Held { why: Why::Quiet, .. }).then_some(wish.due)
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
    alerts.extend(held::enter_all(transaction, wishes, "", None, true, now)?);
    Ok(())
}

/// Orders whose time has come, the longest waiting first; of many those placed near each other together, because they
/// share neighbours, and the newest first, because they are warned of.
fn woken(connection: &Connection, limit: u32, now: Timestamp) -> Result<BTreeSet<OrderNumber>, StoreError> {
    let sql =
        "SELECT order_number FROM agenda WHERE wake_at <= ?1 ORDER BY wake_at, substr(order_number, 8) DESC LIMIT ?2";
    numbers(connection, sql, (seconds(now), limit))
}
