//! The alert lane of one channel: each alert until its channel has accepted it or its time is up.

use super::{Hand, next_attempt, promise};
use crate::edge::Advice;
use crate::edge::out::Channel;
use crate::edge::store::{Row, State, StoreError};
use crate::plan::{Alert, Effect};
use futures_util::stream::{FuturesUnordered, StreamExt};
use jiff::{SignedDuration, Timestamp};
use std::time::Duration;

/// Attempts of one channel that may be under way together: one that hangs does not hold the next.
const TOGETHER: usize = 4;
/// First wait between two attempts.
const FIRST: Duration = Duration::from_secs(1);
/// Longest wait between two attempts.
const LONGEST: Duration = Duration::from_secs(120);
/// First wait when the shopper must do something first (a refused login): no hammering.
const ASKED: Duration = Duration::from_secs(60);

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
            () = tokio::time::sleep(promise::ALERTS / 2) => {}
        }
    }
}

/// Ready rows of the channel, marked as under way.
async fn take_ready(hand: &Hand, name: &str, room: usize) -> Result<Vec<Row>, StoreError> {
    let name = name.to_owned();
    let now = hand.clock.now();
    let limit = u32::try_from(room).unwrap_or(u32::MAX);
    hand.store
        .call(move |db| {
            let rows = db.workable("alert", Some(&name), limit, now)?;
            if !rows.is_empty() {
                let ids: Vec<i64> = rows.iter().map(|row| row.id).collect();
                db.begin(&ids, None)?;
            }
            Ok(rows.into_iter().map(|row| Row { attempts: row.attempts + 1, state: State::Doing, ..row }).collect())
        })
        .await
}

async fn attempt(hand: &Hand, channel: &Channel, row: Row) -> Result<(), StoreError> {
    let Effect::Alert { alert, .. } = row.effect.clone() else { return Ok(()) };
    let left = hand.clock.now();
    if row.until.is_some_and(|until| until < left) {
        tracing::warn!(channel = row.lane, attempts = row.attempts, "an alert is given up: its time is up");
        let end = hand.clock.now();
        hand.store.call(move |db| db.close(row.id, State::Dropped, Some("its time was up"), end)).await?;
        hand.desk.filings.notify_waiters();
        return Ok(());
    }
    if let Some(id) = channel.message_id(&row.key) {
        hand.store.call(move |db| db.will_send(&id, left)).await?;
    }
    match channel.deliver(&alert, &row.key).await {
        Ok(taken) => accepted(hand, row, &alert, left, taken.receipt).await?,
        Err(error) => {
            let now = hand.clock.now();
            tracing::warn!(channel = row.lane, attempt = row.attempts, "an alert did not leave: {}", error.what);
            let what = error.what;
            match after(error.advice, row.attempts, now) {
                Some(due) => hand.store.call(move |db| db.again(&[row.id], due, Some(&what))).await?,
                None => hand.store.call(move |db| db.close(row.id, State::Failed, Some(&what), now)).await?,
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
    hand.store
        .call(move |db| {
            // first: cut off in between, the alert is handed over once more, and its new receipt is kept
            if let Some(receipt) = receipt {
                db.keep_receipt(row.id, &receipt)?;
            }
            db.alerted(&row, received, left, accepted)
        })
        .await
}

/// When an alert is tried again; `None` when it never will work.
fn after(advice: Advice, attempts: u32, now: Timestamp) -> Option<Timestamp> {
    match advice {
        Advice::Never => None,
        Advice::Ask => Some(next_attempt(now, attempts, ASKED, ASKED * 10)),
        Advice::Again(Some(wait)) => {
            let wait = SignedDuration::try_from(wait).unwrap_or(SignedDuration::from_secs(60));
            Some(now.checked_add(wait).unwrap_or(now).max(next_attempt(now, attempts, FIRST, LONGEST)))
        }
        // "it may have happened": the key is the same, so a channel can drop the repeat; a lost restock cannot be had back
        Advice::Again(None) | Advice::LogInAgain | Advice::Unknown => Some(next_attempt(now, attempts, FIRST, LONGEST)),
    }
}
