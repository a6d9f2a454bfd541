//! `provider` of an account, and what it fills in: host, port, security.

use super::check::Check;
use super::syntax;
use crate::edge::imap::Security;
use crate::provider::{self, Provider};
use crate::rules::diagnostic::meant;
use toml::Spanned;

/// How an account's server is reached.
pub(super) struct Reached {
    pub(super) host: String,
    pub(super) port: u16,
    pub(super) security: Security,
}

impl Check<'_> {
    /// The provider that is named, or else whose host or address this is.
    pub(super) fn provider(&mut self, account: &syntax::Account) -> Option<&'static Provider> {
        if let Some(written) = &account.provider {
            let names: Vec<&str> = provider::all().iter().map(|one| one.name.as_str()).collect();
            let found = provider::named(written.get_ref());
            if found.is_none() {
                let help = match meant(written.get_ref(), &names) {
                    Some(known) => format!("did you mean `{known}`?"),
                    None => format!("known are {}; for any other leave it out and name `host`", names.join(", ")),
                };
                self.wrong(written.span(), format!("no provider `{}` is known", written.get_ref()), &help);
            }
            return found;
        }
        match &account.host {
            Some(host) => provider::of_host(host.get_ref()),
            None => provider::of_address(account.user.get_ref()),
        }
    }

    /// Host, port and security: as written, else the provider's.
    pub(super) fn reached(&mut self, account: &syntax::Account, provider: Option<&Provider>) -> Option<Reached> {
        let preset = provider.and_then(|provider| provider.imap.as_ref());
        let host = match (&account.host, preset) {
            (Some(host), _) => host.clone(),
            (None, Some(preset)) => Spanned::new(account.user.span(), preset.host.clone()),
            (None, None) => {
                let what = "neither a host nor a provider is named, and none is known by the address";
                self.wrong(account.user.span(), what, "add host = \"imap.example.jp\", or provider = \"gmail\"");
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
}
