//! The one source of "now": the system's clock, or a simulated one that follows tokio's (pausable) time.

use jiff::{SignedDuration, Timestamp};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use tokio::time::Instant;

/// Tells the time. Passed in everywhere; nothing else reads a clock.
#[derive(Clone, Debug)]
pub struct Clock(Kind);

#[derive(Clone, Debug)]
enum Kind {
    System,
    Simulated { base: Timestamp, start: Instant, ahead: Arc<AtomicI64> },
}

impl Clock {
    /// The system's clock.
    #[must_use]
    pub fn system() -> Self {
        Self(Kind::System)
    }

    /// A clock that shows `base` now and runs with tokio's time.
    #[must_use]
    pub fn simulated(base: Timestamp) -> Self {
        Self(Kind::Simulated { base, start: Instant::now(), ahead: Arc::default() })
    }

    /// Sets a simulated clock ahead or back, as a suspended machine or a time server does: what waits (tokio's time)
    /// notices nothing. The system's clock stays as it is.
    pub fn jump(&self, by: SignedDuration) {
        if let Kind::Simulated { ahead, .. } = &self.0 {
            ahead.fetch_add(i64::try_from(by.as_millis()).unwrap_or_default(), Ordering::Relaxed);
        }
    }

    /// The time now.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        match &self.0 {
            Kind::System => Timestamp::now(),
            Kind::Simulated { base, start, ahead } => {
                let passed = SignedDuration::try_from(start.elapsed()).unwrap_or(SignedDuration::MAX);
                let passed = passed.saturating_add(SignedDuration::from_millis(ahead.load(Ordering::Relaxed)));
                base.checked_add(passed).unwrap_or(Timestamp::MAX)
            }
        }
    }
}
