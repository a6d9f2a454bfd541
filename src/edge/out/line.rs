//! A channel to LINE: a push message of a LINE Official Account
//! (<https://developers.line.biz/en/reference/messaging-api/#send-push-message>).

use super::address::Address;
use super::http::{Auth, Body, Call, Http};
use super::{Accepted, Deliver, Delivery, OutError, Probing, Warming};
use crate::edge::Advice;
use crate::edge::clock::Clock;
use crate::plan::Alert;
use crate::plan::note::{Head, Note};
use crate::rules::Priority;
use crate::text::Unit;
use crate::wording::Buttons;
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use serde_json::json;
use sha2::{Digest, Sha256};
use std::time::Duration;

/// Longest text of a message, in UTF-16 code units
/// (<https://developers.line.biz/en/docs/messaging-api/text-character-count/>).
const TEXT: usize = 5000;

/// Pushes to one user, group or room.
pub(super) struct Line {
    pub(super) http: Http,
    pub(super) server: String,
    pub(super) token: Address,
    pub(super) to: String,
    pub(super) buttons: Buttons,
    pub(super) clock: Clock,
}

impl Deliver for Line {
    fn deliver<'a>(&'a self, alert: &'a Alert, key: &'a str) -> Delivery<'a> {
        Box::pin(async move {
            let auth = Auth::Bearer(self.token.get().await?);
            let note = Note::of(alert, &self.buttons, self.clock.now());
            let text = note.text(Head::TitleLink, TEXT, Unit::Utf16);
            // a message without text is refused
            let text = if text.is_empty() { "modori".to_owned() } else { text };
            let body = json!({
                "to": self.to,
                "messages": [{"type": "text", "text": text}],
                "notificationDisabled": alert.priority == Priority::Silent,
            });
            let mut headers = HeaderMap::new();
            let retry = HeaderValue::from_str(&retry_key(key))
                .map_err(|error| OutError { what: error.to_string(), advice: Advice::Never })?;
            headers.insert(HeaderName::from_static("x-line-retry-key"), retry);
            let url = format!("{}/v2/bot/message/push", self.server);
            let body = Body::Json(body.to_string().into_bytes());
            let call = Call { url: &url, headers, auth: &auth, body, read: 0, hide: vec![self.to.clone()] };
            let answer = self.http.call(call).await?;
            match answer.status {
                // 409: this key was accepted before, by an attempt whose answer was lost
                200..=299 | 409 => Ok(Accepted::default()),
                // a receiver that does not exist is the only thing here that LINE finds fault with
                400 => Err(answer.refused_with(Advice::Ask)),
                _ => Err(answer.refused()),
            }
        })
    }

    fn warm(&self) -> Warming<'_> {
        Box::pin(self.http.warm(&self.server))
    }

    fn keep_warm(&self) -> Option<Duration> {
        self.http.keep_warm
    }

    fn probe(&self) -> Probing<'_> {
        Box::pin(Line::probe(self))
    }
}

/// The key as a UUID (version 8 of RFC 9562: made as its maker likes), as LINE asks for it: the same for every attempt.
fn retry_key(key: &str) -> String {
    let mut bytes: Vec<u8> = Sha256::digest(key.as_bytes()).iter().copied().take(16).collect();
    for (at, byte) in bytes.iter_mut().enumerate() {
        match at {
            6 => *byte = (*byte & 0x0f) | 0x80,
            8 => *byte = (*byte & 0x3f) | 0x80,
            _ => {}
        }
    }
    let mut out = String::with_capacity(36);
    for (at, byte) in bytes.iter().enumerate() {
        if matches!(at, 4 | 6 | 8 | 10) {
            out.push('-');
        }
        out.push_str(&format!("{byte:02x}"));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_always_the_same_uuid() {
        let one = retry_key("alert:1:line");
        assert_eq!(one, retry_key("alert:1:line"));
        assert_ne!(one, retry_key("alert:2:line"));
        let form = regex::Regex::new("^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$").unwrap();
        for n in 0..200 {
            let uuid = retry_key(&format!("key {n}"));
            assert!(form.is_match(&uuid), "{uuid}");
        }
    }
}
