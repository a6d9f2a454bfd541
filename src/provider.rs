//! What is known of mail providers: where their servers are, how one logs in, what they do otherwise than others.
//!
//! One file each under `providers/`. Every value is a proposal: what the configuration says itself wins.

use serde::Deserialize;
use std::collections::BTreeMap;
use std::sync::LazyLock;

/// A provider as its file tells it.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Provider {
    /// Its name in the configuration: the file's.
    #[serde(skip)]
    pub name: String,
    /// As it calls itself.
    pub label: String,
    /// Ends of the addresses it gives, lower case.
    #[serde(default)]
    pub domains: Vec<String>,
    /// IMAP hosts by which it is known, lower case.
    #[serde(default)]
    pub hosts: Vec<String>,
    /// How one logs in, the recommended way first.
    #[serde(default)]
    pub login: Vec<LoginKind>,
    /// What its Authentication-Results may be called: a proposal, which counts after the shopper agreed.
    #[serde(default)]
    pub authserv_ids: Vec<String>,
    /// Most connections at a time.
    pub connections: Option<u32>,
    /// Where mail is read.
    pub imap: Option<Server>,
    /// Where mail is sent.
    pub smtp: Option<Server>,
    /// Where access is granted.
    pub oauth: Option<OAuth>,
    /// How often it may be asked.
    #[serde(default)]
    pub pace: Pace,
}

/// A server.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Server {
    /// Its name.
    pub host: String,
    /// Its port; the usual one unless told.
    pub port: Option<u16>,
    /// `tls` (unless told) or `starttls`.
    pub security: Option<String>,
}

/// How one logs in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LoginKind {
    /// The password of the account itself.
    Password,
    /// A password made for this one program.
    AppPassword,
    /// A token, OAuth 2.0 (RFC 6749).
    Oauth,
}

/// Where access is granted (RFC 6749).
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OAuth {
    /// The recommended way.
    pub flow: Flow,
    /// The page where the shopper agrees.
    pub authorize: Option<String>,
    /// Where tokens are had.
    pub token: String,
    /// Where a code for another device is had (RFC 8628).
    pub device: Option<String>,
    /// What is asked for.
    pub scopes: Vec<String>,
    /// What else the page wants to be told.
    #[serde(default)]
    pub parameters: BTreeMap<String, String>,
}

/// How the shopper agrees.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Flow {
    /// In a browser on this machine, which comes back to an address of this machine (RFC 8252, with PKCE, RFC 7636).
    Loopback,
    /// In a browser anywhere, by typing a code (RFC 8628).
    Device,
}

/// Durations as in the configuration (`45s`).
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Pace {
    /// Between two polls in a hot window.
    pub hot_floor: Option<String>,
}

/// The files, by name.
const FILES: &[(&str, &str)] = &[("gmail", include_str!("../providers/gmail.toml"))];

/// All of them, by name. A file that does not pass is left out; a test holds that none is.
pub fn all() -> &'static [Provider] {
    static ALL: LazyLock<Vec<Provider>> = LazyLock::new(|| {
        let read = |(name, text): &(&str, &str)| {
            let provider: Provider = toml::from_str(text).ok()?;
            Some(Provider { name: (*name).to_owned(), ..provider })
        };
        FILES.iter().filter_map(read).collect()
    });
    &ALL
}

/// The provider of this name.
#[must_use]
pub fn named(name: &str) -> Option<&'static Provider> {
    all().iter().find(|provider| provider.name == name)
}

/// The provider that gave this address, by what stands behind the `@`.
#[must_use]
pub fn of_address(address: &str) -> Option<&'static Provider> {
    let domain = address.rsplit_once('@')?.1.to_ascii_lowercase();
    all().iter().find(|provider| provider.domains.contains(&domain))
}

/// The provider whose IMAP server this is.
#[must_use]
pub fn of_host(host: &str) -> Option<&'static Provider> {
    let host = host.trim_end_matches('.').to_ascii_lowercase();
    all().iter().find(|provider| provider.hosts.contains(&host))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_file_is_read_and_found_by_name_address_and_host() {
        assert_eq!(all().len(), FILES.len());
        for provider in all() {
            assert_eq!(named(&provider.name).map(|found| &found.label), Some(&provider.label));
            for domain in &provider.domains {
                assert_eq!(of_address(&format!("a@{domain}")).map(|found| &found.name), Some(&provider.name));
            }
            for host in &provider.hosts {
                assert_eq!(of_host(host).map(|found| &found.name), Some(&provider.name));
            }
        }
        assert!(of_address("a@notgmail.com").is_none() && of_address("gmail.com").is_none());
    }
}
