//! Where a set-up is written to, and the configuration that would be there, without writing anything.

use super::super::Failure;
use super::answers::Answers;
use super::ask::shell;
use crate::edge::config::{self, Channel, ChannelKind, Config, Hidden, Login, Ntfy, Pushover, Smtp, Webhook};
use crate::edge::oauth::Credential;
use crate::edge::secret::Secret;
use secrecy::SecretString;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Where a set-up is written to.
#[derive(Clone, Debug)]
pub(super) struct Home {
    /// The configuration.
    pub(super) file: PathBuf,
    /// The folder that it and all beside it lie in.
    pub(super) folder: PathBuf,
    /// It is not at the usual place: commands must name it.
    pub(super) named: bool,
    /// The state folder, if one is named.
    pub(super) state: Option<PathBuf>,
}

impl Home {
    /// The place that is named, or the usual one.
    pub(super) fn of(named: Option<&Path>, state: Option<&Path>) -> Result<Self, Failure> {
        let usual = config::default_file();
        let file = named.map(Path::to_path_buf).or_else(|| usual.clone());
        let Some(file) = file else {
            return Err(Failure::broken("HOME is not set: name the configuration to be written with --config FILE"));
        };
        let whole = |path: &Path| {
            std::path::absolute(path)
                .map_err(|error| Failure::broken(format!("cannot tell where {} is: {error}", path.display())))
        };
        let file = whole(&file)?;
        let folder = file.parent().map(Path::to_path_buf).unwrap_or_default();
        let named = usual.as_ref() != Some(&file);
        Ok(Self { folder, named, state: state.map(whole).transpose()?, file })
    }

    /// A command as it is typed for this configuration.
    pub(super) fn command(&self, words: &str) -> String {
        if self.named {
            format!("modori {words} --config {}", shell(&self.file.display().to_string()))
        } else {
            format!("modori {words}")
        }
    }

    /// The configuration that these answers give, read by its own loader. Secrets that are still to be written are handed
    /// over in memory.
    pub(super) fn config(&self, answers: &Answers) -> Result<Config, Failure> {
        let mut config = Config::parse(&self.file, &answers.config())
            .map_err(|broken| Failure::broken(format!("{broken}\n(this is what would be written; nothing was)")))?;
        let held: BTreeMap<PathBuf, SecretString> =
            answers.kept().into_iter().map(|(file, text)| (self.folder.join(file), text.clone())).collect();
        let given = |secret: &mut Secret| {
            if let Secret::File(path) = secret
                && let Some(text) = held.get(path)
            {
                *secret = Secret::Given(text.clone());
            }
        };
        for account in &mut config.accounts {
            if let Credential::Password(secret) = &mut account.credential {
                given(secret);
            }
        }
        for channel in config.channels.values_mut() {
            secrets(channel).into_iter().for_each(given);
        }
        Ok(config)
    }
}

/// Every secret of a channel that `modori init` can set up.
fn secrets(channel: &mut Channel) -> Vec<&mut Secret> {
    fn hidden(hidden: &mut Hidden) -> Option<&mut Secret> {
        match hidden {
            Hidden::Plain(_) => None,
            Hidden::Elsewhere(secret) => Some(secret),
        }
    }
    match &mut channel.kind {
        ChannelKind::Command { .. } | ChannelKind::Desktop => Vec::new(),
        ChannelKind::Webhook(Webhook { url, .. }) => hidden(url).into_iter().collect(),
        ChannelKind::Ntfy(Ntfy { topic, login, .. }) => {
            let login = match login {
                Some(Login::Token(secret) | Login::Password(_, secret)) => Some(secret),
                None => None,
            };
            hidden(topic).into_iter().chain(login).collect()
        }
        ChannelKind::Pushover(Pushover { token, user, .. }) => std::iter::once(token).chain(hidden(user)).collect(),
        ChannelKind::Line { token, .. } => vec![token],
        ChannelKind::Smtp(Smtp { login, .. }) => login.iter_mut().map(|(_, secret)| secret).collect(),
    }
}
