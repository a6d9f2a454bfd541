//! The shopper's configuration: one TOML file, checked as a whole before anything is touched.

mod account_rules;
mod alerts;
mod calendar;
mod channel;
mod check;
pub mod folder;
mod hot;
mod keep;
mod kind;
mod mail_folder;
mod mistakes;
mod oauth;
mod outgoing;
mod provider;
mod repeat;
mod replies;
mod search;
mod syntax;
pub mod template;
pub mod web;

use crate::edge::imap::{Pace, Security};
use crate::edge::oauth::Credential;
use crate::edge::secret::Secret;
use crate::edge::tls::Pin;
use crate::ledger::Keep as KeepWords;
use crate::ledger::due::Settings;
use crate::plan::Policy;
use crate::plan::hot::Hours;
use crate::wording::Buttons;
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

pub use account_rules::OwnRules;
pub use calendar::Calendar;
pub use check::Broken;
pub use kind::{Ack, ChannelKind, Login, Ntfy, Pushover, Smtp, Webhook};
pub use outgoing::{Keep, Outgoing, Server};

/// The JSON Schema (draft 7) of the configuration, for editors.
pub const SCHEMA: &str = include_str!("../../../schema/config.schema.json");

/// The configuration file, read and checked.
#[derive(Clone)]
pub struct Config {
    /// The file it was read from; `None`: it was not read from a file.
    pub origin: Option<Origin>,
    /// Folder of the shopper's own rule files, if there is one.
    pub rules: Option<PathBuf>,
    /// Folder of the shopper's own wording, if there is one.
    pub wording: Option<PathBuf>,
    /// The file of goods that are waited for; it need not be there.
    pub wanted: PathBuf,
    /// Folder of the shopper's own letters, if there is one.
    pub letters: Option<PathBuf>,
    /// Where the database and the lock lie.
    pub state: PathBuf,
    /// Mailboxes to watch.
    pub accounts: Vec<Account>,
    /// What may be done, and how.
    pub policy: Policy,
    /// What happens to mail that lies in a mailbox that is opened for the first time.
    pub backlog: Backlog,
    /// Alert channels by name.
    pub channels: BTreeMap<String, Channel>,
    /// Where pages are served; `None`: nothing listens.
    pub web: Option<Web>,
    /// How letters leave.
    pub outgoing: Outgoing,
    /// Clocks of the ledger.
    pub ledger: Settings,
    /// When mailboxes are asked far more often.
    pub hot: Hours,
    /// How long words of mails are kept.
    pub keep: KeepWords,
    /// The calendar file and feed.
    pub calendar: Calendar,
}

/// The file that a configuration was read from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin {
    /// Where it lies.
    pub file: PathBuf,
    /// When it was last changed, as it was read.
    pub changed_at: Option<jiff::Timestamp>,
    /// SHA-256 of what was read.
    digest: [u8; 32],
}

impl Origin {
    /// Whether the file holds now what was read; `None`: it cannot be read.
    #[must_use]
    pub fn is_in_use(&self) -> Option<bool> {
        std::fs::read(&self.file).ok().map(|bytes| Sha256::digest(bytes).as_slice() == self.digest)
    }
}

/// Where pages are served.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Web {
    /// The address that is listened on.
    pub listen: std::net::SocketAddr,
    /// How other devices reach it, without a slash at the end; `None`: they do not.
    pub public_url: Option<String>,
}

/// What happens to mail that lies in a mailbox that is opened for the first time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Backlog {
    /// It stays where it is until `sweep`.
    #[default]
    Leave,
    /// It is sorted like new mail.
    Sort,
}

/// One mailbox to watch.
#[derive(Clone)]
pub struct Account {
    /// Its name; part of every stored place.
    pub name: String,
    /// Server.
    pub host: String,
    /// Port.
    pub port: u16,
    /// TLS, STARTTLS, or plain to loopback.
    pub security: Security,
    /// Login name.
    pub user: String,
    /// What the login shows.
    pub credential: Credential,
    /// The provider, if it is a known one ([`crate::provider::named`]).
    pub provider: Option<&'static str>,
    /// How it was found; `None` without one.
    pub known_by: Option<KnownBy>,
    /// Which mailbox is watched.
    pub mailbox: String,
    /// Authserv-ids whose Authentication-Results count.
    pub authserv_ids: Vec<String>,
    /// The shopper's own addresses, lower case (the login name is one if it is an address).
    pub own_addresses: Vec<String>,
    /// The address letters are written from, if one is named.
    pub from: Option<String>,
    /// A further trusted certificate (PEM), for a server at home.
    pub ca_file: Option<PathBuf>,
    /// The one key the server must show, whoever signed it.
    pub pin: Option<Pin>,
    /// Most bytes fetched of one message.
    pub fetch_cap: u32,
    /// How long is waited for what.
    pub pace: Pace,
    /// The server that sends its letters.
    pub smtp: Option<Server>,
    /// Rules and folders of its own.
    pub own: OwnRules,
}

/// Where a secret may come from, as it is written.
const SECRET_FORMS: &str = "{ command = [\"secret-tool\", \"lookup\", \"service\", \"modori\"] }, { env = \"NAME\" }, { file = \"PATH\" } or { credential = \"NAME\" }";

/// How an account's provider was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KnownBy {
    /// The configuration names it.
    Name,
    /// By the host.
    Host,
    /// By the address that is logged in with.
    Address,
}

/// An address that may itself be a secret.
#[derive(Clone)]
pub enum Hidden {
    /// Written in the file.
    Plain(String),
    /// Kept elsewhere.
    Elsewhere(Secret),
}

/// One alert channel.
#[derive(Clone)]
pub struct Channel {
    /// What it is.
    pub kind: ChannelKind,
    /// One attempt's limit.
    pub timeout: Duration,
    /// How often the connection to the service is used while there is nothing to tell, so that it is open when there
    /// is; `None`: it is opened for an alert, or ahead of a hot window.
    pub keep_warm: Option<Duration>,
    /// What its buttons and links are called.
    pub buttons: Buttons,
}

impl Config {
    /// Reads and checks a configuration. `file` is where the text came from: paths in it are relative to its folder.
    ///
    /// # Errors
    /// All that is wrong with it, each with its place.
    pub fn parse(file: &Path, text: &str) -> Result<Self, Broken> {
        check::parse(file, text, None)
    }

    /// Reads and checks the configuration file.
    ///
    /// # Errors
    /// When it cannot be read, or what is wrong with it.
    pub fn load(file: &Path) -> Result<Self, Broken> {
        Self::load_with(file, None)
    }

    /// The same; `state` wins over the state folder that the file names.
    ///
    /// # Errors
    /// When it cannot be read, or what is wrong with it.
    pub fn load_with(file: &Path, state: Option<&Path>) -> Result<Self, Broken> {
        let bytes = std::fs::read(file).map_err(|error| Broken::unreadable(file, &error))?;
        let digest = Sha256::digest(&bytes).into();
        let changed = std::fs::metadata(file).and_then(|about| about.modified()).ok();
        let changed_at = changed.and_then(|changed| jiff::Timestamp::try_from(changed).ok());
        let text = String::from_utf8(bytes).map_err(|error| Broken::not_utf8(file, &error))?;
        let mut config = check::parse(file, &text, state)?;
        config.origin = Some(Origin { file: file.to_path_buf(), changed_at, digest });
        Ok(config)
    }

    /// Every address that is the shopper's own, lower case.
    #[must_use]
    pub fn own_addresses(&self) -> std::collections::BTreeSet<String> {
        let mut own: std::collections::BTreeSet<String> =
            self.accounts.iter().flat_map(|account| account.own_addresses.iter().cloned()).collect();
        for channel in self.channels.values() {
            if let ChannelKind::Smtp(Smtp { from, .. }) = &channel.kind {
                own.insert(bare_address(from).to_lowercase());
            }
        }
        own
    }

    /// Channels that are configured, and that no alert goes through.
    #[must_use]
    pub fn idle_channels(&self) -> Vec<&str> {
        let used = |name: &&String| {
            let policy = &self.policy;
            [&policy.channels, &policy.fallback, &policy.blind.channels].iter().any(|named| named.contains(*name))
        };
        self.channels.keys().filter(|name| !used(name)).map(String::as_str).collect()
    }
}

/// `name <a@b>` → `a@b`.
fn bare_address(text: &str) -> &str {
    text.rsplit_once('<').map_or(text, |(_, rest)| rest.trim_end().trim_end_matches('>')).trim()
}

/// The file that is read when none is named: `$XDG_CONFIG_HOME/modori/config.toml`, else `~/.config/modori/config.toml`.
#[must_use]
pub fn default_file() -> Option<PathBuf> {
    home_folder("XDG_CONFIG_HOME", ".config").map(|folder| folder.join("config.toml"))
}

/// Where state lies when no place is named: `$XDG_STATE_HOME/modori`, else `~/.local/state/modori`.
#[must_use]
pub fn default_state() -> Option<PathBuf> {
    home_folder("XDG_STATE_HOME", ".local/state")
}

/// The state folder that a configuration names, however much else is wrong with it; else the usual one.
#[must_use]
pub fn state_of(file: &Path) -> Option<PathBuf> {
    let text = std::fs::read_to_string(file).unwrap_or_default();
    let table: toml::Table = text.parse().unwrap_or_default();
    let named = table.get("state").and_then(toml::Value::as_str);
    let folder = file.parent().unwrap_or(Path::new(""));
    named.map(|state| check::path_in(folder, state)).or_else(default_state)
}

fn home_folder(variable: &str, below_home: &str) -> Option<PathBuf> {
    let named = std::env::var_os(variable).map(PathBuf::from).filter(|path| path.is_absolute());
    named
        .or_else(|| std::env::var_os("HOME").map(|home| PathBuf::from(home).join(below_home)))
        .map(|folder| folder.join("modori"))
}

#[cfg(test)]
mod tests;
