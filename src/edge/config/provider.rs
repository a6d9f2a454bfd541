//! `provider` of an account, and what it fills in: host, port, security, and how often it may be asked.

use super::KnownBy;
use super::check::Check;
use super::syntax;
use crate::edge::imap::{Pace, Security};
use crate::provider::{self, Provider};
use crate::rules::diagnostic::meant;
use jiff::SignedDuration;
use std::time::Duration;
use toml::Spanned;

/// In a hot window between two polls of a server that nobody has guessed at.
const UNKNOWN: Duration = Duration::from_secs(1);
/// The same of a server on this machine.
const OWN: Duration = Duration::from_millis(10);

/// What to do about an address whose mail no IMAP server has.
const FORWARD: &str =
    "have its mail forwarded to an address that has one (docs/providers.md), or name `host` if you know it";

/// How an account's server is reached.
pub(super) struct Reached {
    pub(super) host: String,
    pub(super) port: u16,
    pub(super) security: Security,
}

/// How a server is asked unless the configuration says otherwise.
pub(super) fn pace(provider: Option<&Provider>, host: &str) -> Pace {
    let usual = Pace::default();
    let preset = provider.map(|provider| &provider.pace);
    let span = |text: Option<&String>| -> Option<Duration> {
        text.and_then(|text| Duration::try_from(text.parse::<SignedDuration>().ok()?).ok())
    };
    let host = host.trim_end_matches('.').to_ascii_lowercase();
    let own = host == "localhost"
        || host.trim_matches(['[', ']']).parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback());
    let floor = if own { OWN } else { UNKNOWN };
    Pace {
        hot_floor: span(preset.and_then(|pace| pace.hot_floor.as_ref())).unwrap_or(floor),
        probe_after: span(preset.and_then(|pace| pace.probe_after.as_ref())).unwrap_or(usual.probe_after),
        probe_answer: span(preset.and_then(|pace| pace.probe_answer.as_ref())).unwrap_or(usual.probe_answer),
        poll_every: span(preset.and_then(|pace| pace.poll_every.as_ref())).unwrap_or(usual.poll_every),
        ..usual
    }
}

impl Check<'_> {
    /// The provider that is named, or else whose host or address this is; and how it was found.
    pub(super) fn provider(&mut self, account: &syntax::Account) -> Option<(&'static Provider, KnownBy)> {
        if let Some(written) = &account.provider {
            let names: Vec<&str> = provider::all().iter().map(|one| one.name.as_str()).collect();
            let found = provider::named(written.get_ref());
            if found.is_none() {
                let help = match begun(written.get_ref()).or_else(|| meant(written.get_ref(), &names)) {
                    Some(known) => format!("did you mean `{known}`?"),
                    None => format!("known are {}; for any other leave it out and name `host`", names.join(", ")),
                };
                self.wrong(written.span(), format!("no provider `{}` is known", written.get_ref()), &help);
            }
            return found.map(|found| (found, KnownBy::Name));
        }
        match &account.host {
            Some(host) => provider::of_host(host.get_ref()).map(|found| (found, KnownBy::Host)),
            None => provider::of_address(account.user.get_ref()).map(|found| (found, KnownBy::Address)),
        }
    }

    /// Host, port and security: as written, else the provider's.
    pub(super) fn reached(&mut self, account: &syntax::Account, provider: Option<&Provider>) -> Option<Reached> {
        let preset = provider.and_then(|provider| provider.imap.as_ref());
        let host = match (&account.host, preset) {
            (host, Some(preset))
                if host.as_ref().is_none_or(|host| *host.get_ref() == preset.host)
                    && self.other_kind(account, provider) =>
            {
                return None;
            }
            (Some(host), _) => host.clone(),
            (None, Some(preset)) => Spanned::new(account.user.span(), preset.host.clone()),
            (None, None) => {
                self.no_host(account, provider);
                return None;
            }
        };
        // what is known of the provider's own server says nothing of another one
        let preset = preset.filter(|preset| preset.host == *host.get_ref());
        let security = match (&account.security, preset.and_then(|preset| preset.security.as_deref())) {
            (None, Some("starttls")) => Security::StartTls,
            (written, _) => self.security(written.as_ref(), &host),
        };
        let usual = if security == Security::Tls { 993 } else { 143 };
        let port = account.port.as_ref().map(|port| *port.get_ref());
        let port = port.or(preset.and_then(|preset| preset.port)).unwrap_or(usual);
        Some(Reached { host: host.into_inner(), port, security })
    }

    /// Whether the address is of a kind that the provider's server has no mail of; with a complaint.
    fn other_kind(&mut self, account: &syntax::Account, provider: Option<&Provider>) -> bool {
        let user = account.user.get_ref();
        let Some(without) = provider::without_imap(user) else { return false };
        if provider.is_none_or(|provider| provider.name != without.name) {
            return false;
        }
        let what = format!("no IMAP server is known for {user}; {} has one", without.label);
        self.wrong(account.user.span(), what, FORWARD);
        true
    }

    fn no_host(&mut self, account: &syntax::Account, provider: Option<&Provider>) {
        let user = account.user.get_ref();
        if let (Some(named), Some(provider)) = (&account.provider, provider) {
            let what = format!("`{}` is a server of your own, and its host is not named", provider.name);
            self.wrong(named.span(), what, "add host = \"imap.example.jp\"");
        } else if let Some(provider) = provider::without_imap(user) {
            let what = format!("no IMAP server is known for {user}; {} has one", provider.label);
            self.wrong(account.user.span(), what, FORWARD);
        } else if account.provider.is_none() {
            let what = "neither a host nor a provider is named, and none is known by the address";
            let help = match user.contains('@') {
                true => "add host = \"imap.example.jp\", or provider = \"gmail\"",
                // some login names are no addresses, and tell nothing of whose they are
                false => {
                    "a login name that is no address does not tell whose it is: add provider = \"yahoo-japan\", \"docomo\", \
                     \"au\" or \"icloud\" (docs/providers.md), or host = \"imap.example.jp\""
                }
            };
            self.wrong(account.user.span(), what, help);
        }
    }
}

/// The provider whose name, or one of whose addresses, begins with this word: `yahoo`, `hotmail`.
fn begun(word: &str) -> Option<&'static str> {
    let word = word.to_ascii_lowercase();
    let begins = |text: &String| {
        text.strip_prefix(word.as_str()).is_some_and(|rest| rest.is_empty() || rest.starts_with(['-', '.']))
    };
    let is = |one: &&Provider| begins(&one.name) || one.domains.iter().any(begins);
    provider::all().iter().find(is).map(|one| one.name.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_provider_has_its_floor_and_the_own_machine_nearly_none() {
        for (host, ms) in [
            ("imap.gmail.com", 2_000),
            ("IMAP.Gmail.com.", 2_000),
            ("outlook.office365.com", 5_000),
            ("imap.mail.yahoo.co.jp", 5_000),
            ("notgmail.com", 1_000),
            ("imap.example.jp", 1_000),
            ("127.0.0.1", 10),
            ("[::1]", 10),
            ("localhost", 10),
        ] {
            assert_eq!(pace(provider::of_host(host), host).hot_floor, Duration::from_millis(ms), "{host}");
        }
        // named, it is asked as carefully wherever it is reached
        assert_eq!(pace(provider::named("gmail"), "127.0.0.1").hot_floor, Duration::from_secs(2));
    }

    #[test]
    fn every_duration_of_a_file_is_one() {
        for provider in provider::all() {
            let pace = &provider.pace;
            for text in [&pace.hot_floor, &pace.probe_after, &pace.probe_answer, &pace.poll_every].into_iter().flatten()
            {
                let span = text.parse::<SignedDuration>().unwrap();
                assert!(span.is_positive(), "{}: {text}", provider.name);
            }
        }
    }
}
