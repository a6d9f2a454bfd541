//! A channel that POSTs the alert as JSON, with the key as `Idempotency-Key`.

use super::address::Address;
use super::http::{Http, host_of};
use super::{Accepted, Deliver, Delivery, Warming, sheet};
use crate::edge::clock::Clock;
use crate::plan::Alert;
use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderValue};
use std::time::Duration;

/// POSTs JSON.
pub(super) struct Webhook {
    pub(super) http: Http,
    pub(super) url: Address,
    pub(super) token: Option<Address>,
    pub(super) clock: Clock,
}

impl Deliver for Webhook {
    fn deliver<'a>(&'a self, alert: &'a Alert, key: &'a str) -> Delivery<'a> {
        Box::pin(async move {
            let url = self.url.get().await?;
            let token = match &self.token {
                Some(token) => Some(token.get().await?),
                None => None,
            };
            let mut headers = HeaderMap::new();
            headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
            if let Ok(key) = HeaderValue::from_str(key) {
                headers.insert("idempotency-key", key);
            }
            let body = sheet::sheet(alert, key, self.clock.now()).to_string().into_bytes();
            self.http.post(&host_of(&url), &url, headers, token.as_deref(), body).await?;
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
}
