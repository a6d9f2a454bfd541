//! What waits for the shopper, in one look: every order that anything may still come of, and what the cases alone do not
//! tell.

use super::near::{gathered, since};
use super::{Db, StoreError, letter, word};
use crate::calendar::{civil, days_after, instant};
use crate::facts::{Form, OrderNumber};
use crate::ledger::agenda::wake_at;
use crate::ledger::due::Settings;
use crate::ledger::{self, Case, Event, EventKind, Statement};
use crate::letter::Matter;
use crate::letter::Replies;
use crate::plan::gate::may_ask_shop;
use crate::plan::on_owner::Kept;
use jiff::Timestamp;
use std::collections::BTreeMap;

/// Which state of the database something was made from: another process' writes and this one's own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Version {
    elsewhere: i64,
    here: u64,
}

/// What was found.
#[derive(Clone, Debug, Default)]
pub struct Found {
    /// Every order of the time that can still matter, with the gate's word on asking its shop.
    pub cases: BTreeMap<OrderNumber, Case>,
    /// What bears on a letter about those that are open and cancelled.
    pub kept: BTreeMap<OrderNumber, Kept>,
    /// When an order was last spoken of, by a mail or the shopper.
    pub last: BTreeMap<OrderNumber, Timestamp>,
    /// Points that mails promise and that are not back yet.
    pub promised: u64,
    /// Points that came back since the month began, by the day of the mail or the shopper's word.
    pub returned: u64,
    /// The number of the last statement.
    pub statement: i64,
    /// Until then the same would be found, should nobody write.
    pub until: Timestamp,
}

impl Db {
    /// Which state the database is in.
    ///
    /// # Errors
    /// When the database refuses.
    pub fn version(&self) -> Result<Version, StoreError> {
        Ok(Version { elsewhere: self.data_version()?, here: self.rows_written() })
    }

    /// What waits. Orders that lapsed are left out without being read.
    ///
    /// # Errors
    /// When the database refuses, or holds a value that cannot be read.
    pub fn waiting(&self, settings: &Settings, replies: &Replies, now: Timestamp) -> Result<Found, StoreError> {
        let connection = &self.connection;
        // all of one moment, whoever writes meanwhile
        let _moment = connection.unchecked_transaction()?;
        let orders = since(connection, settings, now)?;
        let ((events, statements), mut cases) = gathered(connection, &orders, &[], None, settings, now)?;
        let returned = returned_since(month(now), &events, &statements, &cases, settings);
        cases.retain(|order, _| orders.contains(order));
        let promised = promised(&events, &cases);
        let mut last: BTreeMap<OrderNumber, Timestamp> = BTreeMap::new();
        let of_mails = events.iter().filter_map(|event| event.order.as_ref().map(|order| (order, event.at)));
        for (order, at) in of_mails.chain(statements.iter().map(|one| (&one.order, one.at))) {
            let known = last.entry(order.clone()).or_insert(at);
            *known = at.max(*known);
        }
        let asks = |case: &&Case| !case.ended && case.cancelled != ledger::case::State::None;
        let open: Vec<OrderNumber> = cases.values().filter(asks).map(|case| case.order_number.clone()).collect();
        let kept = letter::kept(connection, open, now)?;
        for (order, (mails, memory)) in &kept {
            if let Some(case) = cases.get_mut(order) {
                let matter = Matter { case, mails, memory, settings, now };
                let may = may_ask_shop(&matter, replies);
                (case.may_ask_shop, case.inquiry) = (may, memory.inquiry());
            }
        }
        // as many letters a day as may be: the count begins anew at midnight
        let tomorrow = instant(days_after(civil(now).date(), 1).at(0, 0, 0, 0));
        let until = cases.values().filter_map(|case| wake_at(case, settings, now)).fold(tomorrow, Timestamp::min);
        Ok(Found { cases, kept, last, promised, returned, statement: word::last(connection)?, until })
    }
}

/// The first second of the month, in Tokyo.
fn month(now: Timestamp) -> Timestamp {
    instant(civil(now).date().first_of_month().at(0, 0, 0, 0))
}

/// What came back since then is what the ledger knows now and did not know of then: what two mails tell counts once, as
/// everywhere.
fn returned_since(
    from: Timestamp,
    events: &[Event],
    statements: &[Statement],
    now: &BTreeMap<OrderNumber, Case>,
    settings: &Settings,
) -> u64 {
    let events: Vec<Event> = events.iter().filter(|event| event.at < from).cloned().collect();
    let statements: Vec<Statement> = statements.iter().filter(|one| one.at < from).cloned().collect();
    let then = ledger::cases(&events, &statements, settings, from);
    let of = |case: &Case| case.points.returned.unwrap_or(0);
    now.values().map(|case| of(case).saturating_sub(then.get(&case.order_number).map_or(0, of))).sum()
}

/// Of each order what its latest promise speaks of, and no more than it misses.
fn promised(events: &[Event], cases: &BTreeMap<OrderNumber, Case>) -> u64 {
    let mut latest: BTreeMap<&OrderNumber, (Timestamp, Option<u64>)> = BTreeMap::new();
    for event in events {
        let EventKind::Points { returned, .. } = &event.kind else { continue };
        let Some(order) = event.order.as_ref().filter(|_| returned.form == Form::Promised) else { continue };
        let known = latest.entry(order).or_insert((event.at, returned.amount));
        *known = (*known).max((event.at, returned.amount));
    }
    let of = |(order, (_, amount)): (&&OrderNumber, &(Timestamp, Option<u64>))| {
        let missing = cases.get(*order).filter(|case| !case.ended)?.points.outstanding?;
        Some(amount.unwrap_or(missing).min(missing))
    };
    latest.iter().filter_map(of).sum()
}
