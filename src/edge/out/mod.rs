//! Alert channels: plain transports (HTTP, SMTP, a process) and one file for each kind of channel on top.

mod address;
mod clear;
mod command;
mod desktop;
mod http;
pub mod letter;
mod line;
mod ntfy;
pub mod post;
mod probe;
mod process;
mod pushover;
mod smtp;
mod webhook;
mod when;

use super::Advice;
use super::clock::Clock;
use super::config::{self, ChannelKind, Login};
use super::tls;
use crate::plan::Alert;
use jiff::Timestamp;
use std::collections::BTreeMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

pub use probe::{Probe, Probing};

/// Why an alert could not be handed over.
#[derive(Debug, thiserror::Error)]
#[error("{what}")]
pub struct OutError {
    /// What happened, to what, and what can be done. Never holds a password, a token or a webhook address.
    pub what: String,
    /// What to do next.
    pub advice: Advice,
}

/// What a channel says of an alert it took.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Accepted {
    /// With this the channel can be asked whether the alert was acknowledged.
    pub receipt: Option<String>,
}

/// An alert that a channel took, and that nobody has acknowledged yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unanswered {
    /// What names it in an acknowledgement ([`crate::plan::Awaits`]).
    pub token: String,
    /// What the channel gave for it.
    pub receipt: Option<String>,
    /// When the channel took it.
    pub accepted: Timestamp,
}

/// A future of a delivery.
pub type Delivery<'a> = Pin<Box<dyn Future<Output = Result<Accepted, OutError>> + Send + 'a>>;

/// A future of the tokens that were acknowledged.
pub type Answers<'a> = Pin<Box<dyn Future<Output = Result<Vec<String>, OutError>> + Send + 'a>>;

/// Hands an alert over. `key` is the same for every attempt at the same alert (an idempotency key).
pub trait Deliver: Send + Sync {
    /// One attempt.
    fn deliver<'a>(&'a self, alert: &'a Alert, key: &'a str) -> Delivery<'a>;

    /// The Message-ID (without angle brackets) of the mail this channel will send for `key`, if it sends mail: recorded
    /// before sending, so that our own mail is known when it comes back.
    fn message_id(&self, key: &str) -> Option<String> {
        let _ = key;
        None
    }

    /// How often the channel may be asked whether alerts were acknowledged; `None`: it does not know.
    fn hears(&self) -> Option<Duration> {
        None
    }

    /// Which of these were acknowledged through this channel. Ones it does not know are left out.
    fn answers<'a>(&'a self, unanswered: &'a [Unanswered]) -> Answers<'a> {
        let _ = unanswered;
        Box::pin(async { Ok(Vec::new()) })
    }

    /// Whether the service itself repeats this alert until it is acknowledged: modori then does not.
    fn repeats(&self, alert: &Alert) -> bool {
        let _ = alert;
        false
    }

    /// An alert was acknowledged elsewhere: the channel need not repeat it any more.
    fn withdraw<'a>(&'a self, one: &'a Unanswered) -> Warming<'a> {
        let _ = one;
        Box::pin(async {})
    }

    /// Opens the connection that the next delivery will use, or uses it so that it stays open. Nothing is delivered;
    /// trouble shows when something is.
    fn warm(&self) -> Warming<'_> {
        Box::pin(async {})
    }

    /// Asks, as far as that can be done without delivering anything, whether an alert would be taken.
    fn probe(&self) -> Probing<'_> {
        Box::pin(async { Ok(Probe { said: "nothing to be asked".to_owned(), not_tried: "", date: None }) })
    }

    /// How often [`Deliver::warm`] is wanted while there is nothing to deliver; `None`: only ahead of a hot window.
    fn keep_warm(&self) -> Option<Duration> {
        None
    }
}

/// A future of a connection that is opened ahead.
pub type Warming<'a> = Pin<Box<dyn Future<Output = ()> + Send + 'a>>;

/// A configured channel.
pub type Channel = Arc<dyn Deliver>;

/// Makes every configured channel ready for use.
///
/// # Errors
/// The first channel that cannot work, with its name.
pub fn channels(
    configured: &BTreeMap<String, config::Channel>,
    clock: &Clock,
) -> Result<BTreeMap<String, Channel>, OutError> {
    let ready = |(name, channel): (&String, &config::Channel)| {
        let channel = one(channel, clock)
            .map_err(|error| OutError { what: format!("channel `{name}`: {}", error.what), advice: error.advice })?;
        Ok((name.clone(), channel))
    };
    configured.iter().map(ready).collect()
}

fn one(channel: &config::Channel, clock: &Clock) -> Result<Channel, OutError> {
    let (limit, keep_warm) = (channel.timeout, channel.keep_warm);
    let (clock, buttons) = (clock.clone(), channel.buttons.clone());
    let client = |ca_file: Option<&std::path::Path>| {
        let tls =
            tls::client_config(ca_file).map_err(|error| OutError { what: error.to_string(), advice: Advice::Ask })?;
        http::Http::new(tls, limit, keep_warm, clock.clone())
    };
    Ok(match &channel.kind {
        ChannelKind::Command { argv } => Arc::new(command::Command { argv: argv.clone(), limit, clock }),
        ChannelKind::Desktop => Arc::new(desktop::Desktop { limit, clock, buttons }),
        ChannelKind::Webhook(webhook) => {
            let header = |(name, value): &(String, config::Hidden)| (name.clone(), value.into());
            Arc::new(webhook::Webhook {
                http: client(webhook.ca_file.as_deref())?,
                url: (&webhook.url).into(),
                token: webhook.token.as_ref().map(Into::into),
                template: webhook.template.clone(),
                headers: webhook.headers.iter().map(header).collect(),
                secret: webhook.secret.as_ref().map(Into::into),
                buttons,
                clock,
            })
        }
        ChannelKind::Ntfy(ntfy) => Arc::new(ntfy::Ntfy {
            http: client(ntfy.ca_file.as_deref())?,
            server: ntfy.server.clone(),
            topic: (&ntfy.topic).into(),
            login: ntfy.login.as_ref().map(|login| match login {
                Login::Token(token) => (None, token.into()),
                Login::Password(user, password) => (Some(user.clone()), password.into()),
            }),
            icon: ntfy.icon.clone(),
            tags: ntfy.tags.clone(),
            ack: ntfy.ack.as_ref().map(|ack| ((&ack.topic).into(), ack.token.as_ref().map(Into::into))),
            buttons,
            clock,
        }),
        ChannelKind::Pushover(pushover) => Arc::new(pushover::Pushover {
            http: client(pushover.ca_file.as_deref())?,
            server: pushover.server.clone(),
            token: (&pushover.token).into(),
            user: (&pushover.user).into(),
            device: pushover.device.clone(),
            sound: pushover.sound.clone(),
            buttons,
            clock,
        }),
        ChannelKind::Line { server, token, to, ca_file } => Arc::new(line::Line {
            http: client(ca_file.as_deref())?,
            server: server.clone(),
            token: token.into(),
            to: to.clone(),
            buttons,
            clock,
        }),
        ChannelKind::Smtp(smtp) => Arc::new(smtp::Smtp {
            host: smtp.host.clone(),
            port: smtp.port,
            security: smtp.security,
            login: smtp.login.as_ref().map(|(user, password)| (user.clone(), password.into())),
            from: smtp::mailbox(&smtp.from)?,
            to: smtp.to.iter().map(|to| smtp::mailbox(to)).collect::<Result<_, _>>()?,
            short: smtp.short,
            ca_file: smtp.ca_file.clone(),
            limit,
            keep_warm,
            buttons,
            clock,
            transport: tokio::sync::OnceCell::new(),
        }),
    })
}

/// A name of so many letters (64 at most) for a key of any shape.
fn digest(key: &str, letters: usize) -> String {
    crate::mailbox::MailKey::of(key.as_bytes()).hex().chars().take(letters).collect()
}
