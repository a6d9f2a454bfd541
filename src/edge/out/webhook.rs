//! A channel that POSTs JSON: the alert as `command` gets it, or what a template makes of it. The key is sent as
//! `Idempotency-Key`; with a secret the request is signed.

use super::address::Address;
use super::http::{Auth, Body, Call, Http};
use super::{Accepted, Deliver, Delivery, OutError, Probing, Warming, digest};
use crate::edge::Advice;
use crate::edge::clock::Clock;
use crate::edge::config::template::Template;
use crate::plan::Alert;
use crate::plan::sheet::sheet;
use crate::wording::Buttons;
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use ring::hmac;
use std::time::Duration;

/// POSTs JSON.
pub(super) struct Webhook {
    pub(super) http: Http,
    pub(super) url: Address,
    pub(super) token: Option<Address>,
    pub(super) template: Option<Template>,
    pub(super) headers: Vec<(String, Address)>,
    pub(super) secret: Option<Address>,
    pub(super) buttons: Buttons,
    pub(super) clock: Clock,
}

impl Deliver for Webhook {
    fn deliver<'a>(&'a self, alert: &'a Alert, key: &'a str) -> Delivery<'a> {
        Box::pin(async move {
            let now = self.clock.now();
            let url = self.url.get().await?;
            let mut hide = vec![url.clone(), secret_part(&url).to_owned()];
            let auth = match &self.token {
                Some(token) => Auth::Bearer(token.get().await?),
                None => Auth::Nobody,
            };
            let body = match &self.template {
                None => sheet(alert, key, now).to_string(),
                Some(template) => template.render(alert, &self.buttons, key, now).map_err(|error| OutError {
                    what: format!("the template cannot be used for this alert: {error}"),
                    advice: Advice::Never,
                })?,
            };
            let mut headers = HeaderMap::new();
            // a key ends with the channel's name, which may be Japanese: a header is ASCII
            let plain = if key.is_ascii() { key.to_owned() } else { digest(key, 64) };
            if let Ok(key) = HeaderValue::from_str(&plain) {
                headers.insert("idempotency-key", key);
            }
            for (name, value) in &self.headers {
                let value = value.get().await?;
                let header = (HeaderName::from_bytes(name.as_bytes()), HeaderValue::from_str(&value));
                let (Ok(name), Ok(mut written)) = header else {
                    let what = format!("the value of the header `{name}` holds what a header cannot hold");
                    return Err(OutError { what, advice: Advice::Ask });
                };
                written.set_sensitive(true);
                headers.insert(name, written);
                hide.push(value);
            }
            if let Some(secret) = &self.secret {
                let secret = secret.get().await?;
                let at = now.as_second().to_string();
                let signature = signature(&secret, &at, &body);
                for (name, value) in [("x-modori-timestamp", at), ("x-modori-signature", signature)] {
                    if let Ok(value) = HeaderValue::from_str(&value) {
                        headers.insert(name, value);
                    }
                }
                hide.push(secret);
            }
            let body = Body::Json(body.into_bytes());
            self.http.must(Call { url: &url, headers, auth: &auth, body, read: 0, hide }).await?;
            Ok(Accepted::default())
        })
    }

    fn warm(&self) -> Warming<'_> {
        Box::pin(async {
            if let Ok(url) = self.url.get().await {
                self.http.warm(&url).await;
            }
        })
    }

    fn keep_warm(&self) -> Option<Duration> {
        self.http.keep_warm
    }

    fn probe(&self) -> Probing<'_> {
        Box::pin(Webhook::probe(self))
    }
}

/// What comes after the host: of a webhook's address that is the secret.
pub(super) fn secret_part(url: &str) -> &str {
    let rest = url.split_once("://").map_or("", |(_, rest)| rest);
    let path = rest.split_once('/').map_or("", |(_, path)| path);
    // a path of a few letters is no secret, and would be struck out of words
    if path.len() < 8 { "" } else { path }
}

/// `sha256=` and the HMAC-SHA256 (RFC 2104) of time, a dot, and the body, in hexadecimal.
fn signature(secret: &str, at: &str, body: &str) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes());
    let mut context = hmac::Context::with_key(&key);
    for part in [at, ".", body] {
        context.update(part.as_bytes());
    }
    let hex: String = context.sign().as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
    format!("sha256={hex}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_signature_is_hmac_sha256() {
        // RFC 4231, test case 2: the dot that is signed between time and body happens to stand nowhere in the vector, so the
        // vector is signed with the same calls
        let key = hmac::Key::new(hmac::HMAC_SHA256, b"Jefe");
        let tag = hmac::sign(&key, b"what do ya want for nothing?");
        let hex: String = tag.as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(hex, "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
        let whole = hmac::sign(&key, b"1796122800.{\"a\":1}");
        let hex: String = whole.as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(signature("Jefe", "1796122800", "{\"a\":1}"), format!("sha256={hex}"));
    }

    #[test]
    fn the_secret_part_of_an_address_is_known() {
        for (url, expect) in [
            ("https://hooks.slack.com/services/T0/B0/xyz", "services/T0/B0/xyz"),
            ("https://a.example/x", ""),
            ("https://a.example", ""),
        ] {
            assert_eq!(secret_part(url), expect);
        }
    }
}
