//! How a channel fares, and when it is left alone: a service that takes nothing is not asked for every alert anew.
//!
//! After some failures in a row the channel is shut for a while that grows with each time; then one alert tries it, and
//! the others wait for the outcome. What waits is told by the channels whose turn is next.

use crate::edge::Advice;
use crate::edge::store::Health;
use crate::mailbox::MailKey;
use jiff::{SignedDuration, Timestamp};
use std::time::Duration;

/// So many failures in a row shut a channel.
const SHUTS_AFTER: u32 = 4;
/// The first time it is shut so long, then twice as long each time.
const FIRST: Duration = Duration::from_secs(15);
/// Never longer, unless the service itself names a time.
const LONGEST: Duration = Duration::from_secs(300);
/// While an attempt tries a channel that was shut, the others wait so long at most for its outcome.
const TRIED: Duration = Duration::from_secs(30);

/// What may be done with alerts of a channel now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Gate {
    /// Each may leave.
    Open,
    /// One may try whether it works again.
    Ajar,
    /// All wait until then.
    Shut(Timestamp),
}

/// How a channel fares, as the lane knows it.
#[derive(Clone, Debug, Default)]
pub(super) struct Pulse {
    pub(super) health: Health,
    /// An attempt tries whether it works again.
    trying: bool,
}

impl Pulse {
    /// As an earlier life wrote it down. What was shut is tried at once: the shopper may have mended it meanwhile.
    pub(super) fn resumed(health: Health) -> Self {
        Self { health: Health { shut_until: None, ..health }, trying: false }
    }

    /// Whether it has failed as often as shuts it.
    fn fails(&self) -> bool {
        self.health.shut > 0
    }

    pub(super) fn gate(&self, now: Timestamp) -> Gate {
        match self.health.shut_until {
            Some(until) if until > now => Gate::Shut(until),
            _ if !self.fails() => Gate::Open,
            _ if self.trying => Gate::Shut(later(now, TRIED)),
            _ => Gate::Ajar,
        }
    }

    /// An attempt may begin: with a gate that is ajar, it is the one that tries.
    pub(super) fn begin(&mut self, now: Timestamp) -> Result<(), Timestamp> {
        match self.gate(now) {
            Gate::Open => Ok(()),
            Gate::Ajar => {
                self.trying = true;
                Ok(())
            }
            Gate::Shut(until) => Err(until),
        }
    }

    /// An attempt succeeded. `true`: that is news.
    pub(super) fn succeeded(&mut self, now: Timestamp) -> bool {
        self.trying = false;
        let news = self.health.failures > 0 || self.health.shut > 0 || self.health.well_since.is_none();
        if news {
            let since = self.health.well_since.filter(|_| self.health.failing_since.is_none()).unwrap_or(now);
            self.health = Health { well_since: Some(since), ..Health::default() };
        }
        news
    }

    /// An attempt failed. `true`: that is news. What an alert's own content made impossible says nothing about the
    /// channel.
    pub(super) fn failed(&mut self, name: &str, advice: Advice, what: &str, now: Timestamp) -> bool {
        let tried = std::mem::take(&mut self.trying);
        if advice == Advice::Never {
            return false;
        }
        let health = &mut self.health;
        health.failures = health.failures.saturating_add(1);
        health.failing_since.get_or_insert(now);
        health.well_since = None;
        health.trouble = Some(what.to_owned());
        let named = match advice {
            Advice::Again(Some(wait)) => Some(later(now, wait)),
            _ => None,
        };
        // those that were under way together fail together: only one that tried shuts it for longer
        let shuts = if health.shut == 0 { health.failures >= SHUTS_AFTER } else { tried };
        if shuts {
            health.shut = health.shut.saturating_add(1);
            let wait = jittered(name, health.shut, FIRST, LONGEST);
            health.shut_until = Some(later(now, wait));
        }
        if let Some(named) = named {
            // the service itself says when it wants to be asked again
            health.shut = health.shut.max(1);
            health.shut_until = Some(health.shut_until.map_or(named, |until| until.max(named)));
        }
        true
    }
}

/// Doubling waits from `first`, each cut by up to a half, so that many alerts do not come back together. What it is cut
/// by follows from the name and the count: no randomness of our own, and a simulation repeats exactly.
pub(super) fn jittered(name: &str, times: u32, first: Duration, longest: Duration) -> Duration {
    let whole = first.saturating_mul(1_u32.checked_shl(times.saturating_sub(1).min(20)).unwrap_or(u32::MAX));
    let key = MailKey::of(format!("{name} {times}").as_bytes());
    let cut = f64::from(key.bytes().first().copied().unwrap_or_default()) / 512.0;
    whole.min(longest).mul_f64(1.0 - cut)
}

/// So much later.
pub(super) fn later(now: Timestamp, wait: Duration) -> Timestamp {
    let wait = SignedDuration::try_from(wait).unwrap_or(SignedDuration::from_secs(300));
    now.checked_add(wait).unwrap_or(Timestamp::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_second(1_780_000_000 + seconds).unwrap()
    }

    fn fail(pulse: &mut Pulse, second: i64) {
        assert!(pulse.failed("phone", Advice::Again(None), "no answer", at(second)));
    }

    #[test]
    fn failures_in_a_row_shut_it_and_one_attempt_at_a_time_tries_it() {
        let mut pulse = Pulse::default();
        assert!(pulse.succeeded(at(0)), "the first success is news");
        assert!(!pulse.succeeded(at(1)), "the next is none");
        for second in 2..5 {
            fail(&mut pulse, second);
            assert_eq!(pulse.gate(at(second)), Gate::Open);
        }
        assert!(!pulse.failed("phone", Advice::Never, "too odd", at(5)), "one alert's own fault");
        assert_eq!(pulse.gate(at(5)), Gate::Open);
        fail(&mut pulse, 5);
        let Gate::Shut(until) = pulse.gate(at(5)) else { panic!("open") };
        assert!((7..=15).contains(&until.duration_since(at(5)).as_secs()), "{until}");
        assert_eq!(pulse.begin(at(6)), Err(until));
        // attempts that were under way fail, too: that shuts it no longer
        fail(&mut pulse, 6);
        assert_eq!(pulse.gate(at(6)), Gate::Shut(until));
        // then one tries, and the others wait for it
        assert_eq!(pulse.begin(until), Ok(()));
        assert!(pulse.begin(until).is_err());
        fail(&mut pulse, 30);
        let Gate::Shut(second) = pulse.gate(at(30)) else { panic!("open") };
        assert!(second.duration_since(at(30)).as_secs() >= 15, "{second}");
        assert_eq!((pulse.health.failures, pulse.health.failing_since), (6, Some(at(2))));
        assert_eq!(pulse.begin(second), Ok(()));
        assert!(pulse.succeeded(at(90)));
        assert_eq!(pulse.health, Health { well_since: Some(at(90)), ..Health::default() });
        assert_eq!(pulse.gate(at(90)), Gate::Open);
    }

    #[test]
    fn it_is_never_left_alone_for_longer_than_five_minutes_unless_it_says_so() {
        let mut pulse = Pulse::default();
        let mut now = 0;
        for _ in 0..60 {
            let _ = pulse.begin(at(now));
            fail(&mut pulse, now);
            if let Gate::Shut(until) = pulse.gate(at(now)) {
                let wait = until.duration_since(at(now)).as_secs();
                assert!(wait <= 300, "{wait}");
                now += wait + 1;
            }
        }
        let mut pulse = Pulse::default();
        assert!(pulse.failed("phone", Advice::Again(Some(Duration::from_secs(1200))), "busy", at(0)));
        assert_eq!(pulse.gate(at(1)), Gate::Shut(at(1200)), "at once, and as long as it says");
        let again = Pulse::resumed(pulse.health);
        assert!(matches!(again.gate(at(1)), Gate::Ajar), "after a start it is tried");
    }

    #[test]
    fn waits_grow_and_differ_and_repeat_exactly() {
        let wait =
            |name: &str, times| jittered(name, times, Duration::from_secs(1), Duration::from_secs(120)).as_secs_f64();
        for times in 1..=7 {
            let whole = f64::from(1_u32 << (times - 1));
            assert!((whole / 2.0..=whole).contains(&wait("alert:a:phone", times)), "{times}");
        }
        assert!((60.0..=120.0).contains(&wait("alert:a:phone", 40)));
        let together: std::collections::BTreeSet<u64> =
            (0..50).map(|n| wait(&format!("alert:{n}"), 1).to_bits()).collect();
        assert!(together.len() > 30, "{}", together.len());
        assert_eq!(wait("x", 3).to_bits(), wait("x", 3).to_bits());
    }
}
