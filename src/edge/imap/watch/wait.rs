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
    match advice {
        Advice::Again(Some(after)) => wait.max(after),
        _ => wait,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
