//! A channel to ntfy: published as JSON, so that Japanese titles need no header encoding
//! (<https://docs.ntfy.sh/publish/#publish-as-json>).

use super::address::Address;
use super::http::{Http, host_of};
use super::{Accepted, Deliver, Delivery, OutError, Warming, fit, sheet};
use crate::edge::Advice;
use crate::edge::clock::Clock;
use crate::plan::Alert;
use crate::rules::Priority;
use reqwest::header::HeaderMap;
use serde_json::json;
use std::time::Duration;

/// ntfy turns longer messages into attachments (its documented limit is 4,096 bytes; room is left for the frame).
const MESSAGE: usize = 3900;
/// Longest title, in bytes.
const TITLE: usize = 250;

/// Publishes to one topic.
pub(super) struct Ntfy {
    pub(super) http: Http,
    pub(super) server: String,
    pub(super) topic: Address,
    pub(super) token: Option<Address>,
    pub(super) clock: Clock,
}

impl Deliver for Ntfy {
    fn deliver<'a>(&'a self, alert: &'a Alert, key: &'a str) -> Delivery<'a> {
        Box::pin(async move {
            let topic = self.topic.get().await?;
            if topic.is_empty() || !topic.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-') {
                let what = "an ntfy topic holds letters, digits, - and _ only".to_owned();
                return Err(OutError { what, advice: Advice::Ask });
            }
            let token = match &self.token {
                Some(token) => Some(token.get().await?),
                None => None,
            };
            let mut message = fit(&alert.body, MESSAGE).to_owned();
            if let Some(age) = sheet::age_s(alert, self.clock.now()) {
                message.push_str(&format!("\n⏱ {age} s"));
            }
            let mut body = json!({
                "topic": topic,
                "title": fit(&alert.title, TITLE),
                "message": message,
                "priority": priority(alert.priority),
                // ntfy replaces a notification of the same sequence id: a repeated attempt is not a second one
                "sequence_id": sequence(key),
            });
            if let (Some(url), Some(body)) = (&alert.url, body.as_object_mut()) {
                body.insert("click".to_owned(), json!(url));
            }
            let body = body.to_string().into_bytes();
            self.http.post(&host_of(&self.server), &self.server, HeaderMap::new(), token.as_deref(), body).await?;
            Ok(Accepted::default())
        })
    }

    fn warm(&self) -> Warming<'_> {
        Box::pin(self.http.warm(&self.server))
    }

    fn keep_warm(&self) -> Option<Duration> {
        self.http.keep_warm
    }
}

fn priority(priority: Priority) -> u8 {
    match priority {
        Priority::Urgent => 5,
        Priority::High => 4,
        Priority::Normal => 3,
        Priority::Silent => 1,
    }
}

/// A name of 32 letters for a key of any shape.
fn sequence(key: &str) -> String {
    crate::mailbox::MailKey::of(key.as_bytes()).hex().chars().take(32).collect()
}
