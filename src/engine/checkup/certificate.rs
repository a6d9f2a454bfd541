//! How long a server's certificates are still good.

use super::Check;
use crate::calendar;
use crate::edge::tls::Shown;
use jiff::{SignedDuration, Timestamp};

/// Days before its end from which a certificate is warned of: who renews by a machine has done so by then (Let's Encrypt
/// certificates are renewed 30 days before their end, <https://letsencrypt.org/docs/integration-guide/>).
const WARN_DAYS: i64 = 14;

/// What the certificates say. `pinned`: one key is trusted, whatever stands beside it.
pub(super) fn check(about: String, shown: &Shown, pinned: bool, now: Timestamp) -> Check {
    let issuer = match (&shown.issuer, shown.self_signed) {
        (_, true) => "signed by itself".to_owned(),
        (Some(issuer), false) => format!("signed by {}", crate::edge::quoted(issuer)),
        (None, false) => "signed by a nameless issuer".to_owned(),
    };
    let trust = if pinned { ", trusted by `pin`" } else { "" };
    let number = match shown.number {
        1 => "one certificate".to_owned(),
        number => format!("{number} certificates"),
    };
    let Some(end) = shown.first_end else {
        return Check::fine(about, format!("{number}, {issuer}{trust}; no end can be read"));
    };
    let day = calendar::civil(end).strftime("%Y-%m-%d %H:%M");
    let left = end.duration_since(now);
    let which = if shown.until == Some(end) { "" } else { " (one of those that vouch for it)" };
    if left <= SignedDuration::ZERO {
        let said = format!("the certificate{which} was good until {day}; {issuer}{trust}");
        let remedy = "whoever runs the server must renew it";
        // with a pin the dates keep nobody out; without, a connection that came about has another way to trust
        return match pinned || !which.is_empty() {
            true => Check::warning(about, said, remedy),
            false => Check::failure(about, said, remedy),
        };
    }
    let days = left.as_hours() / 24;
    let unit = if days == 1 { "day" } else { "days" };
    let said = format!("{number}, {issuer}{trust}; good for {days} more {unit} (until {day}){which}");
    if days < WARN_DAYS {
        return Check::warning(about, said, "it should have been renewed by now: tell whoever runs the server");
    }
    Check::fine(about, said)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::checkup::Grade;

    #[test]
    fn the_last_two_weeks_are_warned_of_and_the_end_fails() {
        let now: Timestamp = "2026-11-26T00:00:00Z".parse().unwrap();
        let at = |hours: i64| now.checked_add(SignedDuration::from_hours(hours)).unwrap();
        let shown = |hours: i64| Shown {
            issuer: Some("Example CA".into()),
            self_signed: false,
            until: Some(at(hours)),
            first_end: Some(at(hours)),
            number: 2,
        };
        for (hours, pinned, grade) in [
            (24 * 60, false, Grade::Fine),
            (24 * 14, false, Grade::Fine),
            (24 * 14 - 1, false, Grade::Warning),
            (1, false, Grade::Warning),
            (0, false, Grade::Failure),
            (-24, false, Grade::Failure),
            (-24, true, Grade::Warning),
        ] {
            let check = check("x".into(), &shown(hours), pinned, now);
            assert_eq!(check.grade, grade, "{hours} {pinned}: {}", check.said);
            assert!(check.said.contains("Example CA"), "{}", check.said);
            assert_eq!(check.remedy.is_empty(), grade == Grade::Fine);
        }
        let last = check("x".into(), &shown(24), false, now).said;
        assert!(last.contains("good for 1 more day (until"), "{last}");
        // an old root that is sent along keeps nobody out
        let old = Shown { first_end: Some(at(-1)), ..shown(24 * 60) };
        assert_eq!(check("x".into(), &old, false, now).grade, Grade::Warning);
    }
}
