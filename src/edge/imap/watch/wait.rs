//! How long is waited before a lost connection is opened again.

use crate::edge::Advice;
use crate::edge::imap::Pace;
use crate::mailbox::MailKey;
use std::time::Duration;

/// First wait after a refusal that only the shopper can mend (a refused login): providers lock accounts.
const ASKED: Duration = Duration::from_secs(60);
/// Longest wait after such refusals.
pub(super) const ASKED_LONGEST: Duration = Duration::from_secs(3600);
/// Longest wait while mail is looked for to the end each time: we are not blind, the server only sends us away.
const FLAPPING: Duration = Duration::from_secs(15);
/// A connection that held so long was a good one: its end is an accident, and is not waited out.
pub(super) const STEADY: Duration = Duration::from_secs(60);

/// How the connection that ended had fared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fared {
    /// Mail was never looked for to the end.
    Blind,
    /// It was, but the connection did not last.
    Looked,
    /// It was, and the connection lasted.
    Steady,
}

/// Doubling waits, each cut by up to a half so that many clients do not come back together. What it is cut by follows
/// from the account and the count: no randomness of our own, and a simulation repeats exactly.
pub(super) fn wait(pace: &Pace, name: &str, failures: u32, fared: Fared, advice: Advice) -> Duration {
    let (first, longest) = match (advice, fared) {
        (Advice::Ask, _) => (ASKED, ASKED_LONGEST),
        (_, Fared::Steady) => (pace.back_off.0 / 4, pace.back_off.0),
        (_, Fared::Looked) => (pace.back_off.0 / 4, pace.back_off.1.min(FLAPPING)),
        (_, Fared::Blind) => pace.back_off,
    };
    let whole = first.saturating_mul(1_u32.checked_shl(failures.saturating_sub(1).min(16)).unwrap_or(u32::MAX));
    let key = MailKey::of(format!("{name} {failures}").as_bytes());
    let cut = f64::from(key.bytes().first().copied().unwrap_or_default()) / 512.0;
    let wait = whole.min(longest).mul_f64(1.0 - cut);
    advice.at_least(wait, failures)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_that_counts_attempts_is_left_alone_for_longer_each_time() {
        let pace = Pace::default();
        let quarter = Advice::Again(Some(Duration::from_secs(900)));
        let waits: Vec<u64> = (1..6).map(|n| wait(&pace, "a", n, Fared::Blind, quarter).as_secs()).collect();
        assert_eq!(waits, [900, 1800, 3600, 3600, 3600]);
        let named = |named, times| Advice::Again(Some(Duration::from_secs(named))).at_least(Duration::ZERO, times);
        assert_eq!(named(7200, 9).as_secs(), 7200, "what the server named is kept");
        assert_eq!(named(60, u32::MAX), ASKED_LONGEST);
    }

    #[test]
    fn waits_grow_and_a_refused_login_waits_longer() {
        let pace = Pace::default();
        let at = |failures, fared, advice| wait(&pace, "a", failures, fared, advice).as_secs_f64();
        assert!((0.5..=1.0).contains(&at(1, Fared::Blind, Advice::LogInAgain)));
        assert!((150.0..=300.0).contains(&at(40, Fared::Blind, Advice::LogInAgain)));
        assert!((30.0..=60.0).contains(&at(1, Fared::Blind, Advice::Ask)));
        assert!((1800.0..=3600.0).contains(&at(20, Fared::Blind, Advice::Ask)));
        assert!((0.125..=0.25).contains(&at(1, Fared::Steady, Advice::LogInAgain)), "an accident is not waited out");
        assert!((0.125..=0.25).contains(&at(1, Fared::Looked, Advice::LogInAgain)));
        assert!((7.5..=15.0).contains(&at(40, Fared::Looked, Advice::LogInAgain)), "flapping does not make blind");
    }
}
