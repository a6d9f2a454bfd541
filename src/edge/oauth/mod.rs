//! Tokens instead of passwords: how access is granted (OAuth 2.0), kept and renewed.

mod ask;
mod device;
mod flight;
mod granted;
mod keep;
mod kept;
mod loopback;
mod pkce;
mod renew;
mod turn;

use super::clock::Clock;
use super::secret::{Secret, SecretError};
use crate::provider::Flow;
pub use device::Device;
pub use flight::landed;
pub use granted::{NotGranted, Why};
pub use kept::{Access, Kept, Refused};
pub use loopback::{Code, Loopback, Words};
use renew::Own;
use secrecy::{ExposeSecret, SecretString};
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

/// What a login shows.
#[derive(Clone, Debug)]
pub enum Credential {
    /// A password.
    Password(Secret),
    /// An access token (RFC 6750).
    Token(Tokens),
}

impl Credential {
    /// When the shopper last changed it, as far as that shows: a refusal of before says nothing of it then. A token that
    /// was merely renewed is not changed.
    #[must_use]
    pub fn changed_at(&self) -> Option<jiff::Timestamp> {
        match self {
            Self::Password(secret) => secret.changed_at(),
            Self::Token(tokens) => tokens.granted_at(),
        }
    }
}

impl From<Secret> for Credential {
    fn from(secret: Secret) -> Self {
        Self::Password(secret)
    }
}

/// What a client needs to ask for access.
#[derive(Clone, Debug)]
pub struct Grant {
    /// The account's name, for sentences.
    pub account: String,
    /// The address that is logged in with; proposed to the provider's page.
    pub user: String,
    /// As the provider registered it for the shopper.
    pub client_id: String,
    /// Where the provider gave one.
    pub client_secret: Option<Secret>,
    /// How the shopper agrees.
    pub flow: Flow,
    /// The page where she agrees.
    pub authorize_url: Option<String>,
    /// Where tokens are had.
    pub token_url: String,
    /// Where a code for another device is had.
    pub device_url: Option<String>,
    /// What is asked for.
    pub scopes: Vec<String>,
    /// What else the page wants to be told.
    pub parameters: BTreeMap<String, String>,
    /// The port of this machine that the browser comes back to; 0: any.
    pub redirect_port: u16,
    /// A further trusted certificate.
    pub ca_file: Option<PathBuf>,
}

/// Where tokens are kept.
#[derive(Clone)]
pub enum Keep {
    /// A file that only its owner can read.
    File(PathBuf),
    /// Programs of the shopper's: one prints what the other was given on its standard input.
    Commands {
        /// Prints it.
        load: Vec<String>,
        /// Takes it.
        save: Vec<String>,
    },
}

impl std::fmt::Debug for Keep {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::File(path) => write!(f, "Keep::File({path:?})"),
            // arguments may hold something that is nobody's business
            Self::Commands { load, save } => write!(f, "Keep::Commands({:?} …, {:?} …)", load.first(), save.first()),
        }
    }
}

/// Where access tokens come from.
#[derive(Clone, Debug)]
pub enum Source {
    /// Granted to modori, kept and renewed by it.
    Own {
        /// How they are had.
        grant: Box<Grant>,
        /// Where they lie.
        keep: Keep,
        /// Locked while they are renewed, so that no two programs renew at once.
        lock: PathBuf,
    },
    /// A program of the shopper's prints one that is good now.
    Program(Secret),
}

/// Why no token can be had. Never holds (a part of) a token.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{what}")]
pub struct TokenError {
    /// What happened and what to do.
    pub what: String,
    /// It passes by itself: the network, or the provider's server.
    pub passing: bool,
}

impl From<SecretError> for TokenError {
    fn from(error: SecretError) -> Self {
        Self { passing: error.passing, what: error.to_string() }
    }
}

/// The tokens of one account. Clones are the same.
#[derive(Clone, Debug)]
pub struct Tokens(Arc<Kind>);

#[derive(Debug)]
enum Kind {
    Own(Arc<Own>),
    Program(Secret),
}

impl Tokens {
    /// Tokens from there, by this clock.
    #[must_use]
    pub fn new(source: Source, clock: Clock) -> Self {
        Self(Arc::new(match source {
            Source::Own { grant, keep, lock } => Kind::Own(Arc::new(Own::new(*grant, keep, lock, clock))),
            Source::Program(secret) => Kind::Program(secret),
        }))
    }

    /// The files that they, and what they are had with, are read from.
    #[must_use]
    pub fn files(&self) -> Vec<PathBuf> {
        let (kept, secret) = match &*self.0 {
            Kind::Own(own) => {
                let kept = match &own.keep {
                    Keep::File(path) => Some(path.clone()),
                    Keep::Commands { .. } => None,
                };
                (kept, own.grant.client_secret.as_ref())
            }
            Kind::Program(secret) => (None, Some(secret)),
        };
        let secret = secret.and_then(|secret| match secret {
            Secret::File(path) => Some(path.clone()),
            _ => None,
        });
        kept.into_iter().chain(secret).collect()
    }

    /// A token that is good now, renewed when it is about to end.
    ///
    /// # Errors
    /// When none can be had.
    pub async fn access(&self) -> Result<SecretString, TokenError> {
        match &*self.0 {
            Kind::Own(own) => own.access(None).await,
            Kind::Program(secret) => Ok(secret.get().await?),
        }
    }

    /// A server refused this one: another that is good now, or `None` when there is no other. The server's word counts,
    /// whatever our clock says of the token's life.
    ///
    /// # Errors
    /// When none can be had.
    pub async fn instead_of(&self, refused: &SecretString) -> Result<Option<SecretString>, TokenError> {
        let next = match &*self.0 {
            Kind::Own(own) => own.access(Some(refused)).await?,
            Kind::Program(secret) => secret.get().await?,
        };
        Ok((next.expose_secret() != refused.expose_secret()).then_some(next))
    }

    /// When the shopper last granted access; of a program's token, when it was changed, as far as that shows.
    #[must_use]
    pub fn granted_at(&self) -> Option<jiff::Timestamp> {
        match &*self.0 {
            Kind::Own(own) => own.granted_at(),
            Kind::Program(secret) => secret.changed_at(),
        }
    }

    /// What was, or is to be, granted to modori; `None` when a program of the shopper's gives tokens.
    #[must_use]
    pub fn grant(&self) -> Option<&Grant> {
        match &*self.0 {
            Kind::Own(own) => Some(&own.grant),
            Kind::Program(_) => None,
        }
    }

    /// Where they are kept, in words.
    #[must_use]
    pub fn place(&self) -> String {
        match &*self.0 {
            Kind::Own(own) => own.keep.place(),
            Kind::Program(_) => "with a program of yours".to_owned(),
        }
    }

    /// Keeps what was just granted instead of whatever was kept.
    ///
    /// # Errors
    /// It cannot be kept.
    pub async fn keep(&self, kept: &Kept) -> Result<(), TokenError> {
        match &*self.0 {
            Kind::Own(own) => own.begin_with(kept).await,
            Kind::Program(_) => Ok(()),
        }
    }

    /// Forgets what is kept; `false` when nothing was.
    ///
    /// # Errors
    /// It cannot be forgotten.
    pub async fn forget(&self) -> Result<bool, TokenError> {
        match &*self.0 {
            Kind::Own(own) => own.end().await,
            Kind::Program(_) => Ok(false),
        }
    }
}
