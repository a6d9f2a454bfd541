//! What was answered in `modori init`, as plain values: what is written follows from these alone.

use crate::wording::Language;
use secrecy::SecretString;
use std::collections::BTreeMap;
use std::path::PathBuf;

/// All answers.
#[derive(Clone, Debug)]
pub(super) struct Answers {
    /// Of alerts and case words.
    pub(super) language: Language,
    /// Where state lies, if not at the usual place.
    pub(super) state: Option<PathBuf>,
    /// The mailbox.
    pub(super) account: Account,
    /// Whose word on forgeries counts.
    pub(super) authserv_ids: Vec<String>,
    /// Folders that are called otherwise, by category.
    pub(super) folders: BTreeMap<String, String>,
    /// Mail is filed; else only observed.
    pub(super) moves: bool,
    /// How alerts reach the shopper.
    pub(super) channel: Option<Channel>,
    /// The pages are served on this machine.
    pub(super) web: bool,
}

/// The mailbox.
#[derive(Clone, Debug)]
pub(super) struct Account {
    /// The address that shops know.
    pub(super) address: String,
    /// Name of the provider, where the address does not tell it.
    pub(super) provider: Option<String>,
    /// Host, where it is not the provider's.
    pub(super) host: Option<String>,
    /// Port, where it is not the usual one.
    pub(super) port: Option<u16>,
    /// `tls`, `starttls`, `plain`; the usual one unless told.
    pub(super) security: Option<String>,
    /// A further trusted certificate.
    pub(super) ca_file: Option<PathBuf>,
    /// The one key that the server must show.
    pub(super) pin: Option<String>,
    /// Login name.
    pub(super) user: String,
    /// What the login shows.
    pub(super) login: Login,
}

/// Name of the account in the configuration.
pub(super) const ACCOUNT: &str = "home";

/// What a login shows.
#[derive(Clone, Debug)]
pub(super) enum Login {
    /// A password.
    Password(Secret),
    /// A token that is granted to modori.
    Oauth {
        /// Of the shopper's own client.
        client_id: String,
        /// Where the provider gave one.
        client_secret: Option<Secret>,
    },
    /// A token that a program prints.
    Program(Vec<String>),
}

/// Where a secret is kept.
#[derive(Clone, Debug)]
pub(super) enum Secret {
    /// In a file beside the configuration that modori makes; and what is to stand in it.
    Ours {
        /// Its name.
        file: String,
        /// What stands in it.
        text: SecretString,
    },
    /// The first line of a program's output.
    Command(Vec<String>),
    /// An environment variable.
    Environment(String),
    /// A file of the shopper's.
    File(PathBuf),
    /// What systemd hands to its service.
    Credential(String),
}

/// An alert channel.
#[derive(Clone, Debug)]
pub(super) struct Channel {
    /// Its name in the configuration.
    pub(super) name: &'static str,
    /// What kind it is.
    pub(super) kind: &'static str,
    /// Its keys, in order.
    pub(super) keys: Vec<(&'static str, Value)>,
}

/// The value of a key.
#[derive(Clone, Debug)]
pub(super) enum Value {
    /// A text.
    Text(String),
    /// A number.
    Number(u16),
    /// Texts.
    List(Vec<String>),
    /// A table with one text.
    Entry(&'static str, String),
    /// A secret.
    Secret(Secret),
}

impl Answers {
    /// Every secret that is kept in a file of ours: its name, and what stands in it.
    pub(super) fn kept(&self) -> Vec<(&str, &SecretString)> {
        let login = match &self.account.login {
            Login::Password(secret) => Some(secret),
            Login::Oauth { client_secret, .. } => client_secret.as_ref(),
            Login::Program(_) => None,
        };
        let keys = self.channel.iter().flat_map(|channel| &channel.keys);
        let channel = keys.filter_map(|(_, value)| match value {
            Value::Secret(secret) => Some(secret),
            _ => None,
        });
        let mut all: Vec<(&str, &SecretString)> = Vec::new();
        for secret in login.into_iter().chain(channel) {
            // mail may be sent with the mailbox's own password
            if let Secret::Ours { file, text } = secret
                && !all.iter().any(|(known, _)| known == file)
            {
                all.push((file, text));
            }
        }
        all
    }
}
