//! The one source of "now": the system's clock, or a simulated one that follows tokio's (pausable) time.

use jiff::{SignedDuration, Timestamp};
use tokio::time::Instant;

/// Tells the time. Passed in everywhere; nothing else reads a clock.
#[derive(Clone, Debug)]
pub struct Clock(Kind);

#[derive(Clone, Debug)]
enum Kind {
    System,
    Simulated { base: Timestamp, start: Instant },
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
        Self(Kind::Simulated { base, start: Instant::now() })
    }

    /// The time now.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        match self.0 {
            Kind::System => Timestamp::now(),
            Kind::Simulated { base, start } => {
                let passed = SignedDuration::try_from(start.elapsed()).unwrap_or(SignedDuration::MAX);
                base.checked_add(passed).unwrap_or(Timestamp::MAX)
            }
        }
    }
}
