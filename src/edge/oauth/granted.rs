//! What came of asking the shopper for access: tokens to be kept, or why there are none.

use super::ask::{Given, Refusal};
use super::kept::{Access, Kept};
use super::{Grant, TokenError};
use crate::edge::clock::Clock;

/// Why access was not granted.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{what}")]
pub struct NotGranted {
    /// What it is.
    pub why: Why,
    /// What happened and what to do. Nothing secret.
    pub what: String,
}

/// What kind of reason it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Why {
    /// The shopper said no.
    Denied,
    /// The code is too old.
    Expired,
    /// The provider does not know the client, or not for this way.
    Client,
    /// The provider does not know the address that the browser is to come back to.
    Redirect,
    /// What is asked for is not granted.
    Scope,
    /// The provider cannot be reached, or has trouble.
    Network,
    /// Anything else.
    Other,
}

impl NotGranted {
    pub(super) fn new(why: Why, what: impl Into<String>) -> Self {
        Self { why, what: what.into() }
    }

    /// By the code of an error, from whichever endpoint (RFC 6749, 4.1.2.1 and 5.2; RFC 8628, 3.5).
    pub(super) fn of_code(code: &str, said: &str) -> Self {
        let (why, what) = match code {
            // the second is Microsoft's
            "access_denied" | "authorization_declined" => {
                (Why::Denied, format!("access was denied ({said}); nothing was changed"))
            }
            "expired_token" | "code_expired" => {
                (Why::Expired, format!("the code was not used in time ({said}): run modori login again"))
            }
            "invalid_client" | "unauthorized_client" | "deleted_client" => {
                let check = "check client_id and client_secret against the provider's page, and that the client is of the \
                             kind that docs/oauth.md tells (a desktop app; for codes: public client flows allowed)";
                (Why::Client, format!("the provider does not take this client ({said}): {check}"))
            }
            "redirect_uri_mismatch" => (
                Why::Redirect,
                format!(
                    "the provider does not let the browser come back to this machine ({said}): the client must be a \
                     desktop app (or have http://127.0.0.1 as its redirect address)"
                ),
            ),
            "invalid_scope" => {
                (Why::Scope, format!("the provider does not grant what is asked for ({said}): check `scopes`"))
            }
            "invalid_grant" => {
                (Why::Other, format!("the provider does not take the code any more ({said}): run modori login again"))
            }
            "server_error" | "temporarily_unavailable" => {
                (Why::Network, format!("the provider has trouble ({said}): try again later"))
            }
            _ => (Why::Other, format!("access was not granted ({said})")),
        };
        Self::new(why, what)
    }
}

impl From<Refusal> for NotGranted {
    fn from(refusal: Refusal) -> Self {
        match &refusal.code {
            _ if refusal.passing => Self::new(Why::Network, format!("{}: try again later", refusal.what)),
            Some(code) => Self::of_code(code, &refusal.what),
            None => Self::new(Why::Other, refusal.what),
        }
    }
}

impl From<TokenError> for NotGranted {
    fn from(error: TokenError) -> Self {
        Self::new(Why::Other, error.what)
    }
}

/// Tokens that were just granted, as they are kept.
pub(super) fn kept(grant: &Grant, given: Given, clock: &Clock) -> Kept {
    Kept {
        user: grant.user.clone(),
        client_id: grant.client_id.clone(),
        token_url: grant.token_url.clone(),
        granted_at: clock.now(),
        // RFC 6749, 5.1: not told when it is what was asked for
        scopes: given.scopes.unwrap_or_else(|| grant.scopes.clone()),
        refresh: given.refresh,
        access: Some(Access { token: given.access, asked_at: given.asked_at, lives: given.lives }),
        refused: None,
    }
}
