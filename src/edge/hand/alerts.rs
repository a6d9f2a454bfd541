//! The alert lane of one channel: each alert until its channel has accepted it or its time is up.

use super::health::{Gate, Pulse, jittered, later};
use super::{Hand, promise};
use crate::edge::Advice;
use crate::edge::out::Channel;
use crate::edge::store::{Row, State, StoreError};
use crate::plan::{Alert, Effect};
use futures_util::stream::{FuturesUnordered, StreamExt};
use jiff::Timestamp;
use std::time::Duration;

/// Attempts of one channel that may be under way together: one that hangs does not hold the next.
const TOGETHER: usize = 4;
/// First wait between two attempts.
const FIRST: Duration = Duration::from_secs(1);
/// Longest wait between two attempts.
const LONGEST: Duration = Duration::from_secs(120);
/// First wait when the shopper must do something first (a refused login): no hammering.
const ASKED: Duration = Duration::from_secs(60);
/// An alert that leaves so long (seconds) after its mail came says how late it is.
const LATE_S: i64 = 60;

/// Works for ever on the alerts of one channel.
pub(super) async fn lane(hand: &Hand, name: &str) -> Result<(), StoreError> {
    let Some(channel) = hand.channels.get(name) else { return Ok(()) };
    let mut attempts = FuturesUnordered::new();
    let mut look = true;
    let mut taking = None;
    loop {
        hand.promise(&format!("alerts by {name}"), promise::ALERTS);
        // registered before looking: a wake between the look and the wait is not lost
        let woken = hand.desk.alerts.notified();
        tokio::pin!(woken);
        woken.as_mut().enable();
        for row in hand.urgent(name) {
            attempts.push(attempt(hand, channel, row));
        }
        let room = TOGETHER.saturating_sub(attempts.len());
        if look && room > 0 && taking.is_none() {
            look = false;
            taking = Some(Box::pin(take_ready(hand, name, room)));
        }
        let taken = async {
            match taking.as_mut() {
                Some(taking) => taking.await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            // what is under way first: nothing, not even a look at the database, comes before its first byte
            biased;
            Some(ended) = attempts.next(), if !attempts.is_empty() => {
                ended?;
                look = true;
            }
            () = &mut woken => look = true,
            rows = taken => {
                taking = None;
                attempts.extend(rows?.into_iter().map(|row| attempt(hand, channel, row)));
            }
            // comes round to keep its promise, also when nothing wakes it
            () = tokio::time::sleep(promise::ALERTS / 2) => look = true,
        }
    }
}

/// Ready rows of the channel, marked as under way. Those of a channel that is left alone wait; those whose time is up are
/// dropped.
async fn take_ready(hand: &Hand, name: &str, room: usize) -> Result<Vec<Row>, StoreError> {
    let lane = name.to_owned();
    let now = hand.clock.now();
    let (gate, trouble) = hand.pulse(name, |pulse| (pulse.gate(now), pulse.health.trouble.clone()));
    let limit = match gate {
        Gate::Open => u32::try_from(room).unwrap_or(u32::MAX),
        Gate::Ajar => 1,
        Gate::Shut(_) => 0,
    };
    let (rows, woke) = hand
        .store
        .call(move |db| {
            let dropped = db.drop_what_is_over(&lane, now)?;
            if dropped > 0 {
                tracing::warn!(channel = lane, dropped, "alerts are given up: their time is up");
            }
            let mut woke = dropped > 0;
            if let Gate::Shut(until) = gate {
                woke |= db.hold_off(&lane, &[], until, &trouble.unwrap_or_default(), now)?;
            }
            let rows = if limit == 0 { Vec::new() } else { db.workable("alert", Some(&lane), limit, now)? };
            if !rows.is_empty() {
                let ids: Vec<i64> = rows.iter().map(|row| row.id).collect();
                db.begin(&ids, None)?;
            }
            let begun = rows.into_iter().map(|row| Row { attempts: row.attempts + 1, state: State::Doing, ..row });
            Ok((begun.collect(), woke))
        })
        .await?;
    if woke {
        hand.wake_lanes();
    }
    Ok(rows)
}

async fn attempt(hand: &Hand, channel: &Channel, row: Row) -> Result<(), StoreError> {
    let Effect::Alert { alert, .. } = row.effect.clone() else { return Ok(()) };
    let left = hand.clock.now();
    if row.until.is_some_and(|until| until < left) {
        tracing::warn!(channel = row.lane, attempts = row.attempts, "an alert is given up: its time is up");
        let end = hand.clock.now();
        hand.store.call(move |db| db.is_over(row.id, end)).await?;
        hand.wake_lanes();
        return Ok(());
    }
    if let Err(until) = hand.pulse(&row.lane, |pulse| pulse.begin(left)) {
        let trouble = hand.pulse(&row.lane, |pulse| pulse.health.trouble.clone()).unwrap_or_default();
        hand.store.call(move |db| db.hold_off(&row.lane, &[row.id], until, &trouble, left)).await?;
        hand.wake_lanes();
        hand.desk.booked.notify_one();
        return Ok(());
    }
    if let Some(id) = channel.message_id(&row.key) {
        hand.store.call(move |db| db.will_send(&id, left)).await?;
    }
    // a repetition says which one it is, and is late on purpose
    let alert = if row.key.contains('#') { alert } else { hand.as_late_as_it_is(alert, left) };
    match channel.deliver(&alert, &row.key).await {
        Ok(taken) => accepted(hand, row, &alert, left, taken.receipt).await?,
        Err(error) => {
            let now = hand.clock.now();
            tracing::warn!(channel = row.lane, attempt = row.attempts, "an alert did not leave: {}", error.what);
            let what = error.what;
            let news = hand.pulse(&row.lane, |pulse| pulse.failed(&row.lane, error.advice, &what, now));
            let health = news.then(|| hand.pulse(&row.lane, |pulse| pulse.health.clone()));
            let due = after(error.advice, &row.key, row.attempts, now);
            let next = hand
                .store
                .call(move |db| {
                    if let Some(health) = health {
                        db.keep_health(&row.lane, &health)?;
                    }
                    db.did_not_leave(row.id, due, &what, now)
                })
                .await?;
            if next {
                // another channel's turn came
                hand.desk.alerts.notify_waiters();
            }
        }
    }
    hand.desk.filings.notify_waiters();
    hand.desk.booked.notify_one(); // another attempt may be due soon
    Ok(())
}

async fn accepted(
    hand: &Hand,
    row: Row,
    alert: &Alert,
    left: Timestamp,
    receipt: Option<String>,
) -> Result<(), StoreError> {
    let accepted = hand.clock.now();
    let received = alert.received;
    let ms = accepted.duration_since(row.wished_at).as_millis();
    tracing::info!(channel = row.lane, ms, "alert accepted");
    let name = row.lane.clone();
    hand.store
        .call(move |db| {
            // first: cut off in between, the alert is handed over once more, and its new receipt is kept
            if let Some(receipt) = receipt {
                db.keep_receipt(row.id, &receipt)?;
            }
            db.alerted(&row, received, left, accepted)
        })
        .await?;
    let news = hand.pulse(&name, |pulse| pulse.succeeded(accepted).then(|| pulse.health.clone()));
    if let Some(health) = news {
        hand.store
            .call(move |db| {
                db.keep_health(&name, &health)?;
                db.hold_no_longer(&name, accepted)
            })
            .await?;
        hand.desk.alerts.notify_waiters();
    }
    Ok(())
}

/// When an alert is tried again; `None` when it never will work.
fn after(advice: Advice, key: &str, attempts: u32, now: Timestamp) -> Option<Timestamp> {
    let wait = |first, longest| later(now, jittered(key, attempts, first, longest));
    match advice {
        Advice::Never => None,
        Advice::Ask => Some(wait(ASKED, ASKED * 10)),
        Advice::Again(Some(named)) => Some(later(now, named).max(wait(FIRST, LONGEST))),
        // "it may have happened": the key is the same, so a channel can drop the repeat; a lost restock cannot be had back
        Advice::Again(None) | Advice::LogInAgain | Advice::Unknown => Some(wait(FIRST, LONGEST)),
    }
}

impl Hand {
    /// How a channel fares.
    fn pulse<T>(&self, channel: &str, of: impl FnOnce(&mut Pulse) -> T) -> T {
        let mut all = self.desk.pulses.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        of(all.entry(channel.to_owned()).or_default())
    }

    /// An alert that leaves late says so, in its second line: behind what is wanted, and before anything is cut.
    pub(super) fn as_late_as_it_is(&self, mut alert: Alert, now: Timestamp) -> Alert {
        if let Some(received) = alert.received {
            let age = now.duration_since(received).as_secs();
            if age >= LATE_S {
                let (wording, language) = &self.words;
                let (first, rest) = alert.body.split_once('\n').unwrap_or((&alert.body, ""));
                let lines = [first, &wording.late(*language, received, age / 60), rest];
                let lines: Vec<&str> = lines.into_iter().filter(|line| !line.is_empty()).collect();
                alert.body = lines.join("\n");
            }
        }
        alert
    }
}
