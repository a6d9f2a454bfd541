//! What a channel is: each kind with its options, checked.

use super::Hidden;
use super::template::Template;
use crate::edge::imap::Security;
use crate::edge::secret::Secret;
use std::path::PathBuf;

/// What a channel is.
#[derive(Clone)]
pub enum ChannelKind {
    /// A program: argv, JSON on its standard input.
    Command {
        /// Program and arguments; no shell.
        argv: Vec<String>,
    },
    /// A notice on the screen of this machine.
    Desktop,
    /// A JSON POST.
    Webhook(Webhook),
    /// ntfy.
    Ntfy(Ntfy),
    /// Pushover.
    Pushover(Pushover),
    /// A message by a LINE Official Account.
    Line {
        /// Base URL.
        server: String,
        /// Channel access token.
        token: Secret,
        /// A user, group or room.
        to: String,
        /// A further trusted certificate.
        ca_file: Option<PathBuf>,
    },
    /// A mail.
    Smtp(Smtp),
}

/// A JSON POST.
#[derive(Clone)]
pub struct Webhook {
    /// Where to.
    pub url: Hidden,
    /// Bearer token.
    pub token: Option<Secret>,
    /// What is sent; `None`: the alert as `command` gets it.
    pub template: Option<Template>,
    /// Further headers.
    pub headers: Vec<(String, Hidden)>,
    /// With this the request is signed.
    pub secret: Option<Secret>,
    /// A further trusted certificate.
    pub ca_file: Option<PathBuf>,
}

/// A notification by ntfy.
#[derive(Clone)]
pub struct Ntfy {
    /// Base URL.
    pub server: String,
    /// Topic.
    pub topic: Hidden,
    /// Who publishes.
    pub login: Option<Login>,
    /// Address of a picture.
    pub icon: Option<String>,
    /// Tags; some become emoji.
    pub tags: Vec<String>,
    /// Where acknowledgements go.
    pub ack: Option<Ack>,
    /// A further trusted certificate.
    pub ca_file: Option<PathBuf>,
}

/// Who publishes.
#[derive(Clone)]
pub enum Login {
    /// An access token.
    Token(Secret),
    /// User and password.
    Password(String, Secret),
}

/// Where acknowledgements go.
#[derive(Clone)]
pub struct Ack {
    /// The topic.
    pub topic: Hidden,
    /// With this the phone may write there. It travels within the notification.
    pub token: Option<Secret>,
}

/// A notification by Pushover.
#[derive(Clone)]
pub struct Pushover {
    /// Base URL.
    pub server: String,
    /// The application's token.
    pub token: Secret,
    /// User or group key.
    pub user: Hidden,
    /// One device instead of all.
    pub device: Option<String>,
    /// Name of a sound.
    pub sound: Option<String>,
    /// A further trusted certificate.
    pub ca_file: Option<PathBuf>,
}

/// A mail.
#[derive(Clone)]
pub struct Smtp {
    /// Server.
    pub host: String,
    /// Port.
    pub port: u16,
    /// TLS, STARTTLS, or plain to loopback.
    pub security: Security,
    /// Login, if the server wants one.
    pub login: Option<(String, Secret)>,
    /// Sender.
    pub from: String,
    /// Recipients.
    pub to: Vec<String>,
    /// Short, as a carrier's phone wants it.
    pub short: bool,
    /// A further trusted certificate.
    pub ca_file: Option<PathBuf>,
}

impl ChannelKind {
    /// Its name in the configuration.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Command { .. } => "command",
            Self::Desktop => "desktop",
            Self::Webhook(_) => "webhook",
            Self::Ntfy(_) => "ntfy",
            Self::Pushover(_) => "pushover",
            Self::Line { .. } => "line",
            Self::Smtp(_) => "smtp",
        }
    }

    /// Whether what it tells arrives as a mail.
    #[must_use]
    pub fn is_mail(&self) -> bool {
        matches!(self, Self::Smtp(_))
    }

    /// Every secret it needs, with the name of its key.
    #[must_use]
    pub fn secrets(&self) -> Vec<(String, &Secret)> {
        let mut all: Vec<(&str, Option<&Secret>)> = Vec::new();
        match self {
            Self::Command { .. } | Self::Desktop => {}
            Self::Webhook(Webhook { url, token, headers, secret, .. }) => {
                let headers = headers.iter().map(|(name, value)| (name.as_str(), value.secret()));
                all.extend([("url", url.secret()), ("token", token.as_ref()), ("secret", secret.as_ref())]);
                all.extend(headers);
            }
            Self::Ntfy(Ntfy { topic, login, ack, .. }) => {
                all.push(("topic", topic.secret()));
                all.push(match login {
                    Some(Login::Token(token)) => ("token", Some(token)),
                    Some(Login::Password(_, password)) => ("password", Some(password)),
                    None => ("token", None),
                });
                if let Some(ack) = ack {
                    all.extend([("ack_topic", ack.topic.secret()), ("ack_token", ack.token.as_ref())]);
                }
            }
            Self::Pushover(Pushover { token, user, .. }) => {
                all.extend([("token", Some(token)), ("user", user.secret())]);
            }
            Self::Line { token, .. } => all.push(("token", Some(token))),
            Self::Smtp(Smtp { login, .. }) => all.extend(login.iter().map(|(_, secret)| ("password", Some(secret)))),
        }
        all.into_iter().filter_map(|(key, secret)| Some((key.to_owned(), secret?))).collect()
    }

    /// Something that opens the channel to whoever knows it is written in the configuration itself.
    #[must_use]
    pub fn is_written_plain(&self) -> bool {
        let plain = |hidden: &Hidden| hidden.secret().is_none();
        match self {
            Self::Command { .. } | Self::Desktop | Self::Line { .. } | Self::Smtp(_) => false,
            Self::Webhook(Webhook { url, headers, .. }) => plain(url) || headers.iter().any(|(_, value)| plain(value)),
            Self::Ntfy(Ntfy { topic, ack, .. }) => plain(topic) || ack.as_ref().is_some_and(|ack| plain(&ack.topic)),
            Self::Pushover(Pushover { user, .. }) => plain(user),
        }
    }
}

impl Hidden {
    /// Where it is kept, if it is not written in the file.
    #[must_use]
    pub fn secret(&self) -> Option<&Secret> {
        match self {
            Self::Plain(_) => None,
            Self::Elsewhere(secret) => Some(secret),
        }
    }
}
