//! An alert as a program reads it: the JSON that `command` and `webhook` channels get, and the values of their templates.

use super::Alert;
use crate::calendar;
use jiff::Timestamp;
use serde_json::{Value, json};

/// Version of the format.
const VERSION: u32 = 1;

/// The alert as JSON. `key` is the same for every attempt at the same alert; `age_s` is the mail's age in seconds when
/// this attempt was made.
#[must_use]
pub fn sheet(alert: &Alert, key: &str, now: Timestamp) -> Value {
    let awaits = alert.awaits.as_ref().map(|awaits| json!({"token": awaits.token, "page": awaits.page}));
    json!({
        "version": VERSION,
        "key": key,
        "priority": alert.priority,
        "category": alert.category,
        "title": alert.title,
        "body": alert.body,
        "url": alert.url,
        "links": alert.links,
        "awaits": awaits,
        "received": alert.received.map(calendar::rfc3339),
        "age_s": age_s(alert, now),
        "details": alert.details,
    })
}

/// The mail's age in whole seconds, if it is known.
#[must_use]
pub fn age_s(alert: &Alert, now: Timestamp) -> Option<i64> {
    alert.received.map(|received| now.duration_since(received).as_secs().max(0))
}
