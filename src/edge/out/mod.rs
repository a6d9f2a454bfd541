//! Alert channels: plain transports (HTTP, SMTP, a process) and one file for each kind of channel on top.

use super::Advice;
use crate::plan::Alert;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

/// Why an alert could not be handed over.
#[derive(Debug, thiserror::Error)]
#[error("{what}")]
pub struct OutError {
    /// What happened, to what, and what can be done. Never holds a password, a token or a webhook address.
    pub what: String,
    /// What to do next.
    pub advice: Advice,
}

/// A future of a delivery.
pub type Delivery<'a> = Pin<Box<dyn Future<Output = Result<(), OutError>> + Send + 'a>>;

/// Hands an alert over. `key` is the same for every attempt at the same alert (an idempotency key).
pub trait Deliver: Send + Sync {
    /// One attempt.
    fn deliver<'a>(&'a self, alert: &'a Alert, key: &'a str) -> Delivery<'a>;
}

/// A configured channel.
pub type Channel = Arc<dyn Deliver>;
