//! What is known of mail providers: where their servers are, how one logs in, what they do otherwise than others.
//!
//! One file each under `providers/`. Every value is a proposal: what the configuration says itself wins. Each is told
//! with its grade (documented, seen by others, a guess) and its source; a test holds that none goes without.

use serde::Deserialize;
use std::collections::BTreeMap;
use std::fmt;
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
    /// Ends of addresses of the same company whose mail cannot be read by IMAP, as far as is known.
    #[serde(default)]
    pub without_imap: Vec<String>,
    /// IMAP hosts by which it is known, and all below them, lower case.
    #[serde(default)]
    pub hosts: Vec<String>,
    /// How one logs in, the recommended way first.
    #[serde(default)]
    pub login: Vec<LoginKind>,
    /// What the login name is.
    pub user: Option<UserName>,
    /// A login name as an example.
    #[serde(default)]
    pub user_example: String,
    /// What its Authentication-Results may be called: a proposal, which counts after the shopper agreed.
    #[serde(default)]
    pub authserv_ids: Vec<String>,
    /// Most connections at a time.
    pub connections: Option<u32>,
    /// Of what modori can use, what its server offers after the login.
    #[serde(default)]
    pub capabilities: Vec<String>,
    /// Where mail is read; none for a server of the shopper's own.
    pub imap: Option<Server>,
    /// Where mail is sent.
    pub smtp: Option<Server>,
    /// Where access is granted.
    pub oauth: Option<OAuth>,
    /// What its folders are called.
    #[serde(default)]
    pub folders: Folders,
    /// How often it may be asked.
    #[serde(default)]
    pub pace: Pace,
    /// What is usually behind a login that is refused, and what to do.
    #[serde(default)]
    pub refused: String,
    /// What the values above rest on, and what else is known, in the order it is read.
    #[serde(default)]
    pub told: Vec<Told>,
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

impl fmt::Display for LoginKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Password => "the password of the account",
            Self::AppPassword => "a password made for one program",
            Self::Oauth => "a token (OAuth2)",
        })
    }
}

/// What the login name is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum UserName {
    /// The whole address.
    Address,
    /// What stands before the `@`.
    Local,
    /// A name of its own, told on one of the provider's pages.
    Own,
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
    /// The page where she takes it back.
    pub manage: Option<String>,
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

/// What its folders are called, levels with `/`. What the server says counts; these are for people to read.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Folders {
    /// What stands before the names of all but INBOX.
    pub prefix: Option<String>,
    /// What stands between levels on the wire.
    pub delimiter: Option<char>,
    /// Drafts.
    pub drafts: Option<String>,
    /// Sent mail.
    pub sent: Option<String>,
    /// Unwanted mail.
    pub junk: Option<String>,
    /// The folder in which all mail lies once more.
    pub all: Option<String>,
}

impl Folders {
    fn any(&self) -> bool {
        let named = [&self.prefix, &self.drafts, &self.sent, &self.junk, &self.all];
        named.iter().any(|name| name.is_some()) || self.delimiter.is_some()
    }
}

/// Durations as in the configuration (`45s`).
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Pace {
    /// Between two polls in a hot window.
    pub hot_floor: Option<String>,
    /// After the server last proved that nothing is unseen it is probed.
    pub probe_after: Option<String>,
    /// The probe's answer.
    pub probe_answer: Option<String>,
    /// Between polls where the server has no IDLE.
    pub poll_every: Option<String>,
}

/// Something that is known, and how well.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Told {
    /// The values that rest on it, or what kind of remark it is.
    pub about: Vec<Subject>,
    /// What is known, as one or two sentences.
    pub text: String,
    /// How well.
    pub grade: Grade,
    /// Where it stands; none for a guess.
    pub source: Option<String>,
}

/// How well something is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Grade {
    /// On a public page of the provider.
    Documented,
    /// Reported by others who use it.
    Seen,
    /// Neither.
    Guess,
}

impl fmt::Display for Grade {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Documented => "documented",
            Self::Seen => "seen",
            Self::Guess => "guess",
        })
    }
}

/// What something is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Subject {
    /// A step on the way to a password or token, in order.
    Setup,
    /// `domains` and `without_imap`.
    Domains,
    /// `imap` and `hosts`.
    Imap,
    /// `smtp`.
    Smtp,
    /// `login`.
    Login,
    /// `user`.
    User,
    /// `oauth`.
    Oauth,
    /// `authserv_ids`.
    Authserv,
    /// `connections`.
    Connections,
    /// `capabilities`.
    Capabilities,
    /// `folders`.
    Folders,
    /// `pace`.
    Pace,
    /// What else a shopper should know.
    Quirk,
}

impl Provider {
    /// The subjects of the values that the file gives.
    #[must_use]
    pub fn subjects(&self) -> Vec<Subject> {
        let Pace { hot_floor, probe_after, probe_answer, poll_every } = &self.pace;
        let paced = [hot_floor, probe_after, probe_answer, poll_every].iter().any(|value| value.is_some());
        let given = [
            (Subject::Domains, !self.domains.is_empty() || !self.without_imap.is_empty()),
            (Subject::Imap, self.imap.is_some()),
            (Subject::Smtp, self.smtp.is_some()),
            (Subject::Login, !self.login.is_empty()),
            (Subject::User, self.user.is_some()),
            (Subject::Oauth, self.oauth.is_some()),
            (Subject::Authserv, !self.authserv_ids.is_empty()),
            (Subject::Connections, self.connections.is_some()),
            (Subject::Capabilities, !self.capabilities.is_empty()),
            (Subject::Folders, self.folders.any()),
            (Subject::Pace, paced),
        ];
        given.iter().filter(|(_, given)| *given).map(|(subject, _)| *subject).collect()
    }

    /// How well what is told about a subject is known: as well as the weakest of it.
    #[must_use]
    pub fn grade(&self, subject: Subject) -> Option<Grade> {
        let weight = |grade: &Grade| match grade {
            Grade::Documented => 0,
            Grade::Seen => 1,
            Grade::Guess => 2,
        };
        self.about(subject).map(|told| told.grade).max_by_key(weight)
    }

    /// What is told about a subject.
    pub fn about(&self, subject: Subject) -> impl Iterator<Item = &Told> {
        self.told.iter().filter(move |told| told.about.contains(&subject))
    }

    /// Whether a login of this kind is known to be taken.
    #[must_use]
    pub fn takes(&self, kinds: &[LoginKind]) -> bool {
        self.login.is_empty() || self.login.iter().any(|kind| kinds.contains(kind))
    }
}

/// The files, by name.
const FILES: &[(&str, &str)] = &[
    ("gmail", include_str!("../providers/gmail.toml")),
    ("outlook", include_str!("../providers/outlook.toml")),
    ("icloud", include_str!("../providers/icloud.toml")),
    ("yahoo-japan", include_str!("../providers/yahoo-japan.toml")),
    ("docomo", include_str!("../providers/docomo.toml")),
    ("au", include_str!("../providers/au.toml")),
    ("softbank", include_str!("../providers/softbank.toml")),
    ("fastmail", include_str!("../providers/fastmail.toml")),
    ("dovecot", include_str!("../providers/dovecot.toml")),
    ("cyrus", include_str!("../providers/cyrus.toml")),
    ("courier", include_str!("../providers/courier.toml")),
];

/// All of them, in the order in which they are shown. A file that does not pass is left out; a test holds that none is.
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
    let domain = domain(address)?;
    all().iter().find(|provider| provider.domains.contains(&domain))
}

/// The provider whose addresses of this kind have no IMAP.
#[must_use]
pub fn without_imap(address: &str) -> Option<&'static Provider> {
    let domain = domain(address)?;
    all().iter().find(|provider| provider.without_imap.contains(&domain))
}

/// What stands behind the `@`, lower case.
fn domain(address: &str) -> Option<String> {
    Some(address.rsplit_once('@')?.1.to_ascii_lowercase())
}

/// The provider whose IMAP server this is.
#[must_use]
pub fn of_host(host: &str) -> Option<&'static Provider> {
    let host = host.trim_end_matches('.').to_ascii_lowercase();
    let below =
        |name: &String| host.strip_suffix(name.as_str()).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'));
    all().iter().find(|provider| provider.hosts.iter().any(below))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn every_file_is_read_and_found_by_name_address_and_host() {
        for (name, text) in FILES {
            let read: Result<Provider, _> = toml::from_str(text);
            assert!(read.is_ok(), "{name}: {}", read.err().unwrap());
        }
        let files = std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/providers")).unwrap().count();
        assert_eq!((all().len(), files), (FILES.len(), FILES.len()), "a file that nobody reads");
        for provider in all() {
            assert_eq!(named(&provider.name).map(|found| &found.label), Some(&provider.label));
            for domain in &provider.domains {
                assert_eq!(of_address(&format!("a@{domain}")).map(|found| &found.name), Some(&provider.name));
            }
            for host in &provider.hosts {
                assert_eq!(of_host(host).map(|found| &found.name), Some(&provider.name));
                assert_eq!(
                    of_host(&format!("x.{host}.").to_uppercase()).map(|found| &found.name),
                    Some(&provider.name)
                );
                assert!(of_host(&format!("not{host}")).is_none());
            }
            let imap = provider.imap.as_ref().map(|server| server.host.as_str());
            assert_eq!(imap.and_then(of_host).map(|found| &found.name), imap.map(|_| &provider.name), "its own host");
        }
        assert!(of_address("a@notgmail.com").is_none() && of_address("gmail.com").is_none());
        assert_eq!(without_imap("a@softbank.ne.jp").map(|found| found.name.as_str()), Some("softbank"));
        assert!(of_address("a@softbank.ne.jp").is_none());
    }

    #[test]
    fn no_value_goes_without_its_grade_and_no_grade_without_its_source() {
        for provider in all() {
            let name = &provider.name;
            for subject in provider.subjects() {
                assert!(provider.about(subject).next().is_some(), "{name}: what does {subject:?} rest on?");
            }
            let given: BTreeSet<Subject> = provider.subjects().into_iter().collect();
            for told in &provider.told {
                let source = told.source.as_deref();
                assert_eq!(source.is_none(), told.grade == Grade::Guess, "{name}: {}", told.text);
                let place = |s: &str| s.starts_with("https://") || s == "docs/servers.md";
                assert!(source.is_none_or(place), "{name}: {source:?}");
                assert!(!told.about.is_empty() && told.text.ends_with('.'), "{name}: {}", told.text);
                for subject in told.about.iter().filter(|s| !matches!(s, Subject::Setup | Subject::Quirk)) {
                    assert!(given.contains(subject), "{name}: {subject:?} is told about, and no value is given");
                }
            }
            // doctor says that something is missing only when somebody saw it there
            assert_ne!(provider.grade(Subject::Capabilities), Some(Grade::Guess), "{name}");
            if provider.imap.is_some() {
                assert!(provider.about(Subject::Setup).next().is_some(), "{name}: how does one get in?");
                assert!(!provider.user_example.is_empty() && !provider.refused.is_empty(), "{name}");
                assert!(!provider.login.is_empty() && provider.user.is_some(), "{name}");
            }
            assert_eq!(provider.login.contains(&LoginKind::Oauth), provider.oauth.is_some(), "{name}");
            for id in provider.capabilities.iter() {
                assert_eq!(*id, id.to_ascii_uppercase(), "{name}");
            }
        }
    }
}
