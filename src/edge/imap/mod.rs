//! The mailbox over IMAP4rev1: watch (read-only) and write (for the hand).
//!
//! Our own small client: what a server says is framed and bounded before it is read, and what cannot be read never
//! takes the connection down with it.

mod agree;
mod append;
mod enter;
mod error;
mod folder;
mod labels;
mod names;
mod open;
mod recent;
pub mod refusal;
mod resolve;
mod response;
pub(in crate::edge) mod sasl;
mod session;
mod uids;
pub mod utf7;
mod watch;
mod weight;
mod wire;

pub use append::Laid;
pub use error::ImapError;
pub use labels::Labelled;
pub use session::{Copied, Fetch, Fetched, Folder, Mailbox, Session};
pub use uids::UidSet;
pub use watch::watch;

use crate::edge::oauth::Credential;
use crate::mailbox::{Arrival, MailKey, Place};
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};

/// A byte stream to a server: TCP, TLS, or a pipe in memory.
pub trait Wire: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Wire for T {}

/// How the connection is protected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Security {
    /// TLS from the first byte.
    Tls,
    /// STARTTLS, required.
    StartTls,
    /// Clear text; only to loopback.
    Plain,
}

impl Security {
    /// Its name in the configuration.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Tls => "tls",
            Self::StartTls => "starttls",
            Self::Plain => "plain",
        }
    }
}

/// How to reach a server.
#[derive(Clone)]
pub enum Dial {
    /// Over TCP.
    Tcp {
        /// Host name or address.
        host: String,
        /// Port.
        port: u16,
        /// How it is protected.
        security: Security,
        /// Trusted certificates and provider.
        tls: Arc<tokio_rustls::rustls::ClientConfig>,
    },
    /// Through memory, for the demo's and the tests' servers. Counts as loopback.
    Memory(Arc<dyn Fn() -> std::io::Result<Box<dyn Wire>> + Send + Sync>),
}

/// How long is waited for what.
#[derive(Clone, Debug)]
pub struct Pace {
    /// One command, from its first byte to its tag.
    pub command: Duration,
    /// After the server last proved that nothing is unseen it is probed: DONE, NOOP and a look in one write.
    pub probe_after: Duration,
    /// The probe's answer.
    pub probe_answer: Duration,
    /// Between polls where the server has no IDLE.
    pub poll_every: Duration,
    /// In a hot window there lies at least so much between polls.
    pub hot_floor: Duration,
    /// First and longest wait before connecting again.
    pub back_off: (Duration, Duration),
}

impl Pace {
    /// The longest time for which a silent loss stays unnoticed, as it follows from the settings: how often the server
    /// is asked, and how long its answer may take. `means`: what tells of new mail, as [`Means::word`] says it.
    #[must_use]
    pub fn bound(&self, means: Option<&str>) -> Duration {
        if means == Some(Means::Poll.word()) {
            self.poll_every + self.command
        } else {
            self.probe_after + self.probe_answer
        }
    }
}

impl Default for Pace {
    fn default() -> Self {
        Self {
            command: Duration::from_secs(60),
            probe_after: Duration::from_secs(45),
            probe_answer: Duration::from_secs(10),
            poll_every: Duration::from_secs(30),
            hot_floor: Duration::from_millis(10),
            back_off: (Duration::from_secs(1), Duration::from_secs(300)),
        }
    }
}

/// An account to connect to.
#[derive(Clone)]
pub struct ImapAccount {
    /// Its name in the configuration.
    pub name: String,
    /// How to reach the server.
    pub dial: Dial,
    /// Login name.
    pub user: String,
    /// What the login shows.
    pub credential: Credential,
    /// How long is waited for what.
    pub pace: Pace,
    /// Most bytes fetched of one message (at least [`crate::mailbox::LEAST_FETCH`]).
    pub fetch_cap: u32,
}

impl ImapAccount {
    /// Changes when the shopper changed how the login is made: a refusal of before says nothing of it. Made of what lies
    /// open in the configuration and of when it was changed; nothing in it helps to guess a password.
    #[must_use]
    pub fn login_mark(&self, settings_at: Option<jiff::Timestamp>) -> String {
        let server = match &self.dial {
            Dial::Tcp { host, port, security, .. } => format!("{host}:{port} {security:?}"),
            Dial::Memory(_) => "memory".to_owned(),
        };
        let changed = |at: Option<jiff::Timestamp>| at.map_or(0, jiff::Timestamp::as_millisecond);
        let whole =
            format!("{server}\n{}\n{}\n{}", self.user, changed(settings_at), changed(self.credential.changed_at()));
        MailKey::of(whole.as_bytes()).hex().chars().take(16).collect()
    }
}

/// What tells a watch of new mail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Means {
    /// NOTIFY (RFC 5465): the message arrives inside the event.
    Notify,
    /// IDLE (RFC 2177): the event says that there is something, one round trip brings it.
    Idle,
    /// Asking again and again.
    Poll,
}

impl Means {
    /// As it is stored and shown.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Notify => "notify",
            Self::Idle => "idle",
            Self::Poll => "poll",
        }
    }
}

/// A hot window: the mailbox is polled faster than its server would tell by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hot {
    /// Between two polls.
    pub every: Duration,
}

/// What a running watch is told from outside.
#[derive(Clone, Debug)]
pub struct Cues {
    /// A hot window is open.
    pub hot: tokio::sync::watch::Receiver<Option<Hot>>,
    /// Changes when no connection can be trusted any more: the machine slept.
    pub shaken: tokio::sync::watch::Receiver<u64>,
}

impl Cues {
    /// Never a hot window, never shaken.
    #[must_use]
    pub fn none() -> Self {
        Self {
            hot: tokio::sync::watch::Sender::new(None).subscribe(),
            shaken: tokio::sync::watch::Sender::new(0).subscribe(),
        }
    }
}

/// What an earlier life knew about reaching the server: waits survive a restart.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Standing {
    /// Attempts that failed since a connection last held for a while.
    pub failures: u32,
    /// Not to be tried again before.
    pub not_before: Option<jiff::Timestamp>,
}

/// What a watch reports.
#[derive(Debug)]
pub enum Sight {
    /// The mailbox was opened. The answer says from which UID on it is looked at.
    Opened {
        /// What will tell of new mail.
        means: Means,
        /// UIDVALIDITY.
        uid_validity: u32,
        /// UIDNEXT; 0 when the server does not tell.
        uid_next: u32,
        /// It shows messages that are somewhere else, too (Gmail's All Mail).
        view: bool,
        /// The first UID to look at.
        reply: tokio::sync::oneshot::Sender<u32>,
    },
    /// A message.
    Mail(Arrival),
    /// A message that is listed, but that the server does not hand over.
    Unfetched {
        /// Where it lies.
        place: Place,
        /// Why, for people.
        why: String,
    },
    /// Everything below `next_uid` was told: only this moves the stored cursor.
    Looked {
        /// UIDVALIDITY.
        uid_validity: u32,
        /// The next UID to look at.
        next_uid: u32,
        /// To the end of the mailbox, and not only to the end of a part of a long backlog.
        whole: bool,
    },
    /// The server answered, and would have told of anything new: a proof of life.
    Alive,
    /// The connection is lost; it is tried again after the wait.
    Lost {
        /// How many attempts failed since a connection last held for a while, this one included.
        failures: u32,
        /// Why.
        trouble: ImapError,
        /// How long is waited.
        wait: Duration,
    },
}

#[cfg(test)]
mod tests;
