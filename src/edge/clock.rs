//! The one source of "now": the system's clock, or a simulated one that follows tokio's (pausable) time.

use jiff::{SignedDuration, Timestamp};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;
use tokio::time::Instant;

/// A difference between wall clock and running time that is no drift: the machine slept, or its clock was set.
const JUMP: SignedDuration = SignedDuration::from_secs(20);

/// Tells the time. Passed in everywhere; nothing else reads a clock.
#[derive(Clone, Debug)]
pub struct Clock(Kind);

#[derive(Clone, Debug)]
enum Kind {
    System,
    Simulated {
        base: Timestamp,
        start: Instant,
        /// How far it was set, in milliseconds; clones of one clock are set together.
        set: Arc<AtomicI64>,
    },
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
        Self(Kind::Simulated { base, start: Instant::now(), set: Arc::default() })
    }

    /// The time now.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        match &self.0 {
            Kind::System => Timestamp::now(),
            Kind::Simulated { base, start, set } => {
                let passed = SignedDuration::try_from(start.elapsed()).unwrap_or(SignedDuration::MAX);
                let passed = passed.saturating_add(SignedDuration::from_millis(set.load(Ordering::Relaxed)));
                base.checked_add(passed).unwrap_or(Timestamp::MAX)
            }
        }
    }

    /// Whether it follows tokio's time instead of the system's.
    #[must_use]
    pub fn is_simulated(&self) -> bool {
        matches!(self.0, Kind::Simulated { .. })
    }

    /// Sets a simulated clock (and its clones) on by `by`, which may be negative, while no time runs: what a sleeping
    /// machine looks like. The system's clock is not set.
    pub fn set_on(&self, by: SignedDuration) {
        if let Kind::Simulated { set, .. } = &self.0 {
            set.fetch_add(i64::try_from(by.as_millis()).unwrap_or(i64::MAX), Ordering::Relaxed);
        }
    }
}

/// Notices that the machine slept or that its clock was set: the wall clock went on otherwise than the time that the
/// program ran. (A monotonic clock stands still while the machine sleeps, on Linux and macOS.)
#[derive(Clone, Copy, Debug, Default)]
pub struct Pulse {
    last: Option<(Timestamp, Duration)>,
}

impl Pulse {
    /// Looks at both clocks. The answer is by how much they went apart since the last look, if that is more than drift.
    pub fn look(&mut self, wall: Timestamp, ran: Duration) -> Option<SignedDuration> {
        let (last_wall, last_ran) = self.last.replace((wall, ran))?;
        let ran = SignedDuration::try_from(ran.saturating_sub(last_ran)).unwrap_or(SignedDuration::MAX);
        let apart = wall.duration_since(last_wall).saturating_sub(ran);
        (apart.abs() > JUMP).then_some(apart)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sleep_and_a_set_clock_are_noticed_and_drift_is_not() {
        let at = |second: i64| Timestamp::from_second(1_780_000_000 + second).unwrap();
        let ran = Duration::from_secs;
        let mut pulse = Pulse::default();
        assert_eq!(pulse.look(at(0), ran(5)), None, "the first look compares nothing");
        assert_eq!(pulse.look(at(2), ran(7)), None);
        // busy for a minute: both clocks ran
        assert_eq!(pulse.look(at(62), ran(67)), None);
        // the clock is corrected a little, back and forth
        assert_eq!(pulse.look(at(82), ran(69)), None);
        assert_eq!(pulse.look(at(66), ran(71)), None);
        // an hour of sleep
        assert_eq!(pulse.look(at(3668), ran(73)), Some(SignedDuration::from_secs(3600)));
        assert_eq!(pulse.look(at(3670), ran(75)), None, "once");
        // set back
        assert_eq!(pulse.look(at(70), ran(77)), Some(SignedDuration::from_secs(-3602)));
        // exactly the bound is drift
        assert_eq!(pulse.look(at(92), ran(79)), None);
        assert_eq!(pulse.look(at(115), ran(81)), Some(SignedDuration::from_secs(21)));
    }

    #[tokio::test(start_paused = true)]
    async fn a_simulated_clock_can_be_set_while_no_time_runs() {
        let base = Timestamp::from_second(1_780_000_000).unwrap();
        let clock = Clock::simulated(base);
        let other = clock.clone();
        tokio::time::advance(Duration::from_secs(2)).await;
        clock.set_on(SignedDuration::from_hours(1));
        assert_eq!(other.now().duration_since(base), SignedDuration::from_secs(3602));
    }
}
