//! HTTP POST: one client for all channels, no redirects, small answers, errors without the address.

use super::OutError;
use crate::edge::tls::TlsTrouble;
use crate::edge::{Advice, quoted};
use reqwest::header::{HeaderMap, RETRY_AFTER};
use std::time::Duration;
use tokio_rustls::rustls::ClientConfig;

/// A client for one channel; keeps its connections warm.
#[derive(Clone)]
pub(super) struct Http {
    client: reqwest::Client,
    /// How often the connection is used while there is nothing to send.
    pub(super) keep_warm: Option<Duration>,
}

/// A connection that nothing used for so long is closed by us.
const IDLE: Duration = Duration::from_secs(300);

/// How much of an answer's body is read, in bytes.
const ANSWER: usize = 2048;

impl Http {
    /// A client that trusts what `tls` trusts.
    ///
    /// # Errors
    /// When the client cannot be built.
    pub(super) fn new(tls: ClientConfig, limit: Duration, keep_warm: Option<Duration>) -> Result<Self, OutError> {
        let client = reqwest::Client::builder()
            .tls_backend_preconfigured(tls)
            .redirect(reqwest::redirect::Policy::none()) // an address may be a secret: it is not carried elsewhere
            .no_proxy()
            .timeout(limit)
            .connect_timeout(limit.min(Duration::from_secs(10)))
            .tcp_keepalive(Duration::from_secs(60))
            .pool_idle_timeout(keep_warm.map_or(IDLE, |every| every.saturating_add(Duration::from_secs(60)).max(IDLE)))
            .user_agent(concat!("modori/", env!("CARGO_PKG_VERSION")))
            .build()
            .map_err(|error| OutError {
                what: format!("cannot prepare HTTP: {}", chain(&error.without_url())),
                advice: Advice::Ask,
            })?;
        Ok(Self { client, keep_warm })
    }

    /// Opens a connection to the host of `url`, or uses the one that is open: a request without content, without the
    /// path (which may be a secret, or may do something) and without the token.
    pub(super) async fn warm(&self, url: &str) {
        let Some((scheme, _)) = url.split_once("://") else { return };
        match self.client.head(format!("{scheme}://{}/", host_of(url))).send().await {
            Ok(answer) => tracing::debug!(status = answer.status().as_u16(), "the connection to a channel is open"),
            Err(error) => tracing::debug!("the connection to a channel is not open: {}", chain(&error.without_url())),
        }
    }

    /// One POST. `to` is how the target is called in an error (its host at most).
    ///
    /// # Errors
    /// Connection trouble, time, or an answer other than 2xx.
    pub(super) async fn post(
        &self,
        to: &str,
        url: &str,
        headers: HeaderMap,
        token: Option<&str>,
        body: Vec<u8>,
    ) -> Result<(), OutError> {
        let mut request = self.client.post(url).headers(headers).body(body);
        if let Some(token) = token {
            request = request.bearer_auth(token);
        }
        let mut answer = request.send().await.map_err(|error| {
            // after the request left, it may have been taken: the key makes a repeat harmless
            let advice = if error.is_connect() { Advice::Again(None) } else { Advice::Unknown };
            let advice = if error.is_builder() { Advice::Ask } else { advice };
            match TlsTrouble::within(&error, to) {
                Some(trouble) => OutError { what: trouble.to_string(), advice },
                None => OutError { what: format!("{to}: {}", chain(&error.without_url())), advice },
            }
        })?;
        let status = answer.status();
        if status.is_success() {
            return Ok(());
        }
        let after = answer.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok()?.trim().parse().ok());
        let after = after.map(|seconds: u64| Duration::from_secs(seconds.min(3600)));
        let mut said = Vec::new();
        while let Ok(Some(chunk)) = answer.chunk().await {
            said.extend_from_slice(chunk.get(..chunk.len().min(ANSWER - said.len())).unwrap_or_default());
            if said.len() >= ANSWER {
                break;
            }
        }
        let said = String::from_utf8_lossy(&said);
        let said = if said.trim().is_empty() { String::new() } else { format!(" and said {}", quoted(&said)) };
        let advice = match status.as_u16() {
            408 | 425 | 429 | 500..=599 => Advice::Again(after),
            401 | 403 | 404 | 410 => Advice::Ask,
            300..=399 => Advice::Ask,
            _ => Advice::Never,
        };
        Err(OutError { what: format!("{to} answered {status}{said}"), advice })
    }
}

/// The host of an address, for people.
pub(super) fn host_of(url: &str) -> String {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    authority.rsplit_once('@').map_or(authority, |(_, host)| host).to_owned()
}

fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        let cause_text = cause.to_string();
        if !text.contains(&cause_text) {
            text.push_str(": ");
            text.push_str(&cause_text);
        }
        next = cause.source();
    }
    text
}
