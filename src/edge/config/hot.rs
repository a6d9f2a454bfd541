//! `[hot]`: when mailboxes are asked far more often, and how often each provider may be asked.

use super::check::Check;
use super::syntax;
use crate::plan::hot::Hours;
use jiff::SignedDuration;
use std::time::Duration;

/// Shortest waits between two polls, by the end of the host's name. No provider publishes one: these are careful
/// guesses, and `pace.hot_floor` overrides them.
const FLOORS: &[(&str, u64)] = &[
    ("gmail.com", 2_000),
    ("googlemail.com", 2_000),
    ("outlook.com", 5_000),
    ("office365.com", 5_000),
    ("mail.me.com", 2_000),
    ("yahoo.co.jp", 5_000),
    ("docomo.ne.jp", 5_000),
    ("ezweb.ne.jp", 5_000),
    ("au.com", 5_000),
    ("softbank.jp", 5_000),
    ("softbank.ne.jp", 5_000),
    ("i.softbank.jp", 5_000),
    ("fastmail.com", 2_000),
];
/// Of a server that nobody has guessed at, in milliseconds.
const UNKNOWN: u64 = 1_000;
/// Of a server on this machine.
const OWN: u64 = 10;

/// The floor of a host.
pub(super) fn floor(host: &str) -> Duration {
    let host = host.trim_end_matches('.').to_ascii_lowercase();
    let own = host == "localhost"
        || host.trim_matches(['[', ']']).parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback());
    let ends = |name: &str| host == name || host.strip_suffix(name).is_some_and(|rest| rest.ends_with('.'));
    let known = FLOORS.iter().find(|(name, _)| ends(name)).map(|(_, ms)| *ms);
    Duration::from_millis(if own { OWN } else { known.unwrap_or(UNKNOWN) })
}

impl Check<'_> {
    pub(super) fn hot(&mut self, written: syntax::Hot) -> Hours {
        let usual = Hours::default();
        let mut windows = Vec::new();
        for window in &written.windows {
            match window.get_ref().parse() {
                Ok(window) => windows.push(window),
                Err(error) => self.wrong(
                    window.span(),
                    format!("`{}` is {error}", window.get_ref()),
                    "times are those of Tokyo; days may stand before: mon, mon-fri, or a date",
                ),
            }
        }
        let (before, after) = usual.announced.unwrap_or_default();
        let before = self.span(written.before.as_ref(), before);
        let after = self.span(written.after.as_ref(), after);
        Hours {
            windows,
            announced: written.announced.unwrap_or(true).then_some((before, after)),
            wanted: (before, after),
            most_a_day: self.span(written.most_a_day.as_ref(), usual.most_a_day),
            every: self.span(written.every.as_ref(), usual.every),
        }
    }

    fn span(&mut self, written: Option<&toml::Spanned<String>>, usual: SignedDuration) -> SignedDuration {
        let span = self.duration(written, usual.try_into().unwrap_or_default());
        SignedDuration::try_from(span).unwrap_or(usual)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_provider_has_its_floor_and_the_own_machine_nearly_none() {
        for (host, ms) in [
            ("imap.gmail.com", 2_000),
            ("IMAP.Gmail.com.", 2_000),
            ("notgmail.com", 1_000),
            ("imap.example.jp", 1_000),
            ("127.0.0.1", 10),
            ("[::1]", 10),
            ("localhost", 10),
        ] {
            assert_eq!(floor(host), Duration::from_millis(ms), "{host}");
        }
    }
}
