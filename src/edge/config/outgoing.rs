//! How letters leave: by which mail server, and into which folders they are laid.

use super::check::Check;
use super::{Channel, ChannelKind, Config, syntax};
use crate::edge::imap::Security;
use crate::edge::oauth::Credential;
use crate::provider::Provider;
use crate::rules::diagnostic::meant;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;
use toml::Spanned;

/// How letters leave.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Outgoing {
    /// The smtp channel whose server sends them, for accounts without a server of their own.
    pub by: Option<String>,
    /// Where drafts are laid; `None`: where the server says drafts lie.
    pub drafts_folder: Option<String>,
    /// Where copies of what was sent are laid; `None`: where the server says that they lie.
    pub sent_folder: Option<String>,
    /// Whether they are.
    pub copy_to_sent: Keep,
}

/// Whether a copy of a letter that was sent is laid into the folder of sent mail.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Keep {
    /// Unless the provider does it by itself (Gmail).
    #[default]
    Auto,
    /// Always.
    Yes,
    /// Never.
    No,
}

/// A mail server that sends.
#[derive(Clone)]
pub struct Server {
    /// Host.
    pub host: String,
    /// Port.
    pub port: u16,
    /// TLS, STARTTLS, or plain to loopback.
    pub security: Security,
    /// Login, if the server wants one.
    pub login: Option<(String, Credential)>,
    /// A further trusted certificate.
    pub ca_file: Option<PathBuf>,
    /// So long the server has to say whether it took a letter.
    pub timeout: Duration,
}

/// So long a server may take after the end of a mail (RFC 5321, 4.5.3.2.6).
const DATA_END: Duration = Duration::from_secs(600);

impl Config {
    /// The server that sends letters of an account; `None`: they are drafts.
    #[must_use]
    pub fn sends_by(&self, account: &str) -> Option<Server> {
        let own = self.accounts.iter().find(|one| one.name == account).and_then(|one| one.smtp.clone());
        own.or_else(|| match &self.channels.get(self.outgoing.by.as_deref()?)?.kind {
            ChannelKind::Smtp(smtp) => Some(Server {
                host: smtp.host.clone(),
                port: smtp.port,
                security: smtp.security,
                login: smtp.login.clone().map(|(user, password)| (user, password.into())),
                ca_file: smtp.ca_file.clone(),
                timeout: DATA_END,
            }),
            _ => None,
        })
    }
}

impl Check<'_> {
    /// `[replies]`, as far as it says how letters leave.
    pub(super) fn outgoing(&mut self, written: &syntax::Replies, channels: &BTreeMap<String, Channel>) -> Outgoing {
        if let Some(by) = &written.by {
            let mail: Vec<&str> =
                channels.iter().filter(|(_, channel)| channel.kind.is_mail()).map(|(name, _)| name.as_str()).collect();
            if !mail.contains(&by.get_ref().as_str()) {
                let help = match meant(by.get_ref(), &mail) {
                    Some(known) => format!("did you mean `{known}`?"),
                    None => "name a channel of kind \"smtp\", or give the account a table [account.smtp]".to_owned(),
                };
                self.wrong(by.span(), format!("there is no smtp channel `{}`", by.get_ref()), &help);
            }
        }
        let mut folder = |written: &Option<Spanned<String>>| written.as_ref().map(|written| self.mail_folder(written));
        let (drafts_folder, sent_folder) = (folder(&written.drafts_folder), folder(&written.sent_folder));
        let copy_to_sent = match written.copy_to_sent.as_ref().map(|keep| (keep.get_ref(), keep.span())) {
            None => Keep::Auto,
            Some((toml::Value::Boolean(true), _)) => Keep::Yes,
            Some((toml::Value::Boolean(false), _)) => Keep::No,
            Some((toml::Value::String(word), _)) if word == "auto" => Keep::Auto,
            Some((_, span)) => {
                self.wrong(span, "this is not known here", "one of \"auto\", true, false");
                Keep::Auto
            }
        };
        let by = written.by.as_ref().map(|by| by.get_ref().clone());
        Outgoing { by, drafts_folder, sent_folder, copy_to_sent }
    }

    /// `[account.smtp]`: host, port and security are the provider's, user and login the account's, unless others are given.
    pub(super) fn smtp(
        &mut self,
        account: &syntax::Account,
        provider: Option<&Provider>,
        user: &str,
        own: &Credential,
    ) -> Option<Server> {
        let written = account.smtp.as_ref()?;
        let preset = provider.and_then(|provider| provider.smtp.as_ref());
        let host = match (&written.host, preset) {
            (Some(host), _) => host.clone(),
            (None, Some(preset)) => Spanned::new(account.user.span(), preset.host.clone()),
            (None, None) => {
                let what = "[account.smtp] names no host, and none is known by the provider";
                self.wrong(account.user.span(), what, "add host = \"smtp.example.jp\" to [account.smtp]");
                return None;
            }
        };
        // what is known of the provider's own server says nothing of another one
        let preset = preset.filter(|preset| preset.host == *host.get_ref());
        let security = match (&written.security, preset.and_then(|preset| preset.security.as_deref())) {
            (None, Some("starttls")) => Security::StartTls,
            (security, _) => self.security(security.as_ref(), &host),
        };
        let usual = match security {
            Security::Tls => 465,
            Security::StartTls => 587,
            Security::Plain => 25,
        };
        let credential = written.password.as_ref().map_or_else(|| own.clone(), |password| self.secret(password).into());
        let user = written.user.as_ref().map_or_else(|| user.to_owned(), |own| own.get_ref().clone());
        Some(Server {
            port: written
                .port
                .as_ref()
                .map(|port| *port.get_ref())
                .or(preset.and_then(|one| one.port))
                .unwrap_or(usual),
            host: host.into_inner(),
            security,
            // an empty user: the server wants no login
            login: (!user.is_empty()).then_some((user, credential)),
            ca_file: written.ca_file.as_ref().map(|path| self.path(path.get_ref())),
            timeout: self.duration(written.timeout.as_ref(), DATA_END),
        })
    }
}
