//! HTTP requests of channels: one client each, no redirects, bounded answers, errors without the address.

use super::{OutError, when};
use crate::edge::clock::Clock;
use crate::edge::tls::TlsTrouble;
use crate::edge::{Advice, chain, quoted};
use jiff::Timestamp;
use reqwest::header::{DATE, HeaderMap, HeaderName, RETRY_AFTER};
use std::time::Duration;
use tokio_rustls::rustls::ClientConfig;

/// A client for one channel; keeps its connections warm.
#[derive(Clone)]
pub(super) struct Http {
    client: reqwest::Client,
    /// How often the connection is used while there is nothing to send.
    pub(super) keep_warm: Option<Duration>,
    clock: Clock,
}

/// A connection that nothing used for so long is closed by us.
const IDLE: Duration = Duration::from_secs(300);

/// How much of a refusal is read, in bytes.
const REFUSAL: usize = 2048;

/// Longest wait that a service may ask for.
const LONGEST_WAIT: Duration = Duration::from_secs(3600);

/// One request.
pub(super) struct Call<'a> {
    /// Where to; may be a secret.
    pub(super) url: &'a str,
    /// Headers besides those of `auth` and `body`.
    pub(super) headers: HeaderMap,
    /// Who asks.
    pub(super) auth: &'a Auth,
    /// What is sent.
    pub(super) body: Body,
    /// How much of a good answer is of interest, in bytes.
    pub(super) read: usize,
    /// What must never be shown, should the service repeat it. The parts of `auth` are hidden anyway.
    pub(super) hide: Vec<String>,
}

/// Who asks.
#[derive(Default)]
pub(super) enum Auth {
    #[default]
    Nobody,
    Bearer(String),
    Basic(String, String),
}

/// What is sent.
pub(super) enum Body {
    /// A GET.
    Nothing,
    Json(Vec<u8>),
    Form(Vec<(&'static str, String)>),
}

/// An answer, whatever it says.
pub(super) struct Answer {
    /// Who answered: its host.
    to: String,
    pub(super) status: u16,
    /// As much of it as was to be read.
    pub(super) body: Vec<u8>,
    /// All of it was read.
    pub(super) whole: bool,
    /// How long the service asks to wait.
    after: Option<Duration>,
    /// When it answered, by its own clock.
    pub(super) date: Option<Timestamp>,
    hide: Vec<String>,
}

impl Http {
    /// A client that trusts what `tls` trusts.
    ///
    /// # Errors
    /// When the client cannot be built.
    pub(super) fn new(
        tls: ClientConfig,
        limit: Duration,
        keep_warm: Option<Duration>,
        clock: Clock,
    ) -> Result<Self, OutError> {
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
        Ok(Self { client, keep_warm, clock })
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

    /// As [`Http::warm`], and tells when the host answered, by its own clock. Any answer is one.
    ///
    /// # Errors
    /// Connection trouble or time.
    pub(super) async fn reach(&self, url: &str) -> Result<Option<Timestamp>, OutError> {
        let scheme = url.split_once("://").map_or("https", |(scheme, _)| scheme);
        let to = host_of(url);
        let answer = self.client.head(format!("{scheme}://{to}/")).send().await;
        answer.map(|answer| date(answer.headers())).map_err(|error| match TlsTrouble::within(&error, &to) {
            Some(trouble) => OutError { what: trouble.to_string(), advice: Advice::Ask },
            None => OutError { what: format!("{to}: {}", chain(&error.without_url())), advice: Advice::Again(None) },
        })
    }

    /// One request that must be answered with 2xx.
    ///
    /// # Errors
    /// Connection trouble, time, or another answer.
    pub(super) async fn must(&self, call: Call<'_>) -> Result<Answer, OutError> {
        let answer = self.call(call).await?;
        if answer.good() { Ok(answer) } else { Err(answer.refused()) }
    }

    /// One request; the answer may be a refusal.
    ///
    /// # Errors
    /// Connection trouble or time.
    pub(super) async fn call(&self, call: Call<'_>) -> Result<Answer, OutError> {
        let to = host_of(call.url);
        let mut hide = call.hide;
        let request = match call.body {
            Body::Nothing => self.client.get(call.url),
            Body::Json(body) => self.client.post(call.url).header("content-type", "application/json").body(body),
            Body::Form(pairs) => self.client.post(call.url).form(&pairs),
        };
        let request = match call.auth {
            Auth::Nobody => request,
            Auth::Bearer(token) => {
                hide.push(token.clone());
                request.bearer_auth(token)
            }
            Auth::Basic(user, password) => {
                use base64::Engine as _;
                hide.push(base64::engine::general_purpose::STANDARD.encode(format!("{user}:{password}")));
                hide.push(password.clone());
                request.basic_auth(user, Some(password))
            }
        };
        let mut answer = request.headers(call.headers).send().await.map_err(|error| {
            // after the request left, it may have been taken: the key makes a repeat harmless
            let advice = if error.is_connect() { Advice::Again(None) } else { Advice::Unknown };
            let advice = if error.is_builder() { Advice::Ask } else { advice };
            match TlsTrouble::within(&error, &to) {
                Some(trouble) => OutError { what: trouble.to_string(), advice },
                None => OutError { what: format!("{to}: {}", chain(&error.without_url())), advice },
            }
        })?;
        let status = answer.status();
        let most = if status.is_success() { call.read } else { REFUSAL };
        let (mut body, mut whole) = (Vec::new(), false);
        while body.len() < most {
            match answer.chunk().await {
                Ok(Some(chunk)) => {
                    body.extend_from_slice(chunk.get(..chunk.len().min(most - body.len())).unwrap_or_default());
                }
                Ok(None) => {
                    whole = true;
                    break;
                }
                // what was said before counts, too: the status did arrive
                Err(_) => break,
            }
        }
        let after = wait(answer.headers(), &body, self.clock.now()).map(|after| after.min(LONGEST_WAIT));
        let date = date(answer.headers());
        Ok(Answer { to, status: status.as_u16(), body, whole, after, date, hide })
    }
}

/// `Date` (RFC 9110, 6.6.1).
fn date(headers: &HeaderMap) -> Option<Timestamp> {
    headers.get(DATE).and_then(|value| value.to_str().ok()).and_then(when::http_date)
}

/// How long the service asks to wait: by header, or (Telegram, Discord) in the JSON of its answer.
fn wait(headers: &HeaderMap, body: &[u8], now: Timestamp) -> Option<Duration> {
    let text = |name: HeaderName| headers.get(name).and_then(|value| value.to_str().ok());
    // a service counts by its own clock
    let theirs = date(headers).unwrap_or(now);
    if let Some(after) = text(RETRY_AFTER).and_then(|value| when::retry_after(value, theirs)) {
        return Some(after);
    }
    let said: serde_json::Value = serde_json::from_slice(body).ok()?;
    let seconds = said.pointer("/parameters/retry_after").or_else(|| said.get("retry_after"))?.as_f64()?;
    Duration::try_from_secs_f64(seconds.ceil()).ok()
}

impl Answer {
    pub(super) fn good(&self) -> bool {
        (200..300).contains(&self.status)
    }

    /// What the service said, if it is JSON.
    pub(super) fn json(&self) -> Option<serde_json::Value> {
        serde_json::from_slice(&self.body).ok()
    }

    /// What a refusal usually means.
    pub(super) fn refused(&self) -> OutError {
        let advice = match self.status {
            408 | 425 | 429 | 500..=599 => Advice::Again(self.after),
            401 | 403 | 404 | 410 => Advice::Ask,
            300..=399 => Advice::Ask,
            _ => Advice::Never,
        };
        self.refused_with(advice)
    }

    /// A refusal with what is known of its meaning.
    pub(super) fn refused_with(&self, advice: Advice) -> OutError {
        OutError { what: self.refused_because(&String::from_utf8_lossy(&self.body)), advice }
    }

    /// What happened, with what the service said, for people. A service may repeat what it was sent: secrets are struck
    /// out.
    pub(super) fn refused_because(&self, said: &str) -> String {
        let mut said = said.to_owned();
        for secret in self.hide.iter().filter(|secret| !secret.is_empty()) {
            said = said.replace(secret.as_str(), "***");
        }
        let said = if said.trim().is_empty() { String::new() } else { format!(" and said {}", quoted(&said)) };
        let status = reqwest::StatusCode::from_u16(self.status).map_or(self.status.to_string(), |s| s.to_string());
        format!("{} answered {status}{said}", self.to)
    }
}

/// The host of an address, for people.
pub(super) fn host_of(url: &str) -> String {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    authority.rsplit_once('@').map_or(authority, |(_, host)| host).to_owned()
}
