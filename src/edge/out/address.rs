//! An address or token that may itself be a secret, fetched when it is needed and then kept in memory.

use super::OutError;
use crate::edge::Advice;
use crate::edge::config::Hidden;
use crate::edge::secret::Secret;
use secrecy::ExposeSecret;

/// Written in the configuration, or kept elsewhere.
pub(super) enum Address {
    Plain(String),
    Elsewhere(Secret),
}

impl From<&Hidden> for Address {
    fn from(hidden: &Hidden) -> Self {
        match hidden {
            Hidden::Plain(plain) => Self::Plain(plain.clone()),
            Hidden::Elsewhere(secret) => Self::Elsewhere(secret.clone()),
        }
    }
}

impl From<&Secret> for Address {
    fn from(secret: &Secret) -> Self {
        Self::Elsewhere(secret.clone())
    }
}

impl Address {
    /// The text itself.
    pub(super) async fn get(&self) -> Result<String, OutError> {
        match self {
            Self::Plain(plain) => Ok(plain.clone()),
            Self::Elsewhere(secret) => secret
                .get()
                .await
                .map(|secret| secret.expose_secret().to_owned())
                .map_err(|error| OutError { what: error.to_string(), advice: Advice::Again(None) }),
        }
    }
}
