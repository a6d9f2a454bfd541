//! `password`, `access_token` or `[account.oauth]` of an account: what its login shows.

use super::SECRET_FORMS;
use super::check::Check;
use super::syntax;
use crate::edge::clock::Clock;
use crate::edge::oauth::{Credential, Grant, Keep, Source, Tokens};
use crate::provider::{Flow, LoginKind, Provider};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::path::PathBuf;
use toml::Spanned;

/// `[account.oauth]`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Written {
    pub(super) client_id: Spanned<String>,
    pub(super) client_secret: Option<Spanned<syntax::Secret>>,
    pub(super) flow: Option<Spanned<String>>,
    pub(super) authorize_url: Option<Spanned<String>>,
    pub(super) token_url: Option<Spanned<String>>,
    pub(super) device_url: Option<Spanned<String>>,
    pub(super) scopes: Option<Spanned<Vec<String>>>,
    #[serde(default)]
    pub(super) parameters: BTreeMap<Spanned<String>, String>,
    pub(super) redirect_port: Option<Spanned<u16>>,
    pub(super) tokens: Option<Spanned<String>>,
    pub(super) load: Option<Spanned<Vec<String>>>,
    pub(super) save: Option<Spanned<Vec<String>>>,
    pub(super) ca_file: Option<Spanned<String>>,
}

/// What modori says to the page itself.
const OWN_PARAMETERS: &[&str] = &[
    "client_id", "client_secret", "redirect_uri", "response_type", "scope", "state", "code_challenge",
    "code_challenge_method",
];

impl Check<'_> {
    /// What the login of an account shows: exactly one of the three.
    pub(super) fn credential(
        &mut self,
        name: &str,
        account: &syntax::Account,
        provider: Option<&Provider>,
    ) -> Option<Credential> {
        match (&account.password, &account.access_token, &account.oauth) {
            (Some(password), None, None) => Some(self.secret(password).into()),
            (None, Some(token), None) => {
                Some(Credential::Token(Tokens::new(Source::Program(self.secret(token)), Clock::system())))
            }
            (None, None, Some(oauth)) => {
                let source = self.own_tokens(name, account.user.get_ref(), oauth.get_ref(), provider)?;
                Some(Credential::Token(Tokens::new(source, Clock::system())))
            }
            (None, None, None) => {
                let takes = provider.map_or(&[][..], |provider| &provider.login);
                let (what, help) = if takes.first() == Some(&LoginKind::Oauth) {
                    ("has no [account.oauth]", "this provider wants a token: see docs/oauth.md".to_owned())
                } else {
                    ("has no password", format!("add password = {SECRET_FORMS}"))
                };
                self.wrong(account.user.span(), format!("account `{name}` {what}"), &help);
                None
            }
            _ => {
                self.wrong(
                    account.user.span(),
                    format!("account `{name}` has more than one of `password`, `access_token` and [account.oauth]"),
                    "keep one of them",
                );
                None
            }
        }
    }

    fn own_tokens(&mut self, name: &str, user: &str, written: &Written, provider: Option<&Provider>) -> Option<Source> {
        let known = provider.and_then(|provider| provider.oauth.as_ref());
        let client_id = written.client_id.get_ref().trim().to_owned();
        if client_id.is_empty() {
            let help = "the provider gives it when you register a client: see docs/oauth.md";
            self.wrong(written.client_id.span(), "there is no client_id", help);
        }
        let mut address = |written: Option<&Spanned<String>>, known: Option<&String>| match written {
            Some(written) => {
                self.url(written.get_ref(), written.span());
                if reqwest_like(written.get_ref()) { Some(written.get_ref().clone()) } else { None }
            }
            None => known.cloned(),
        };
        let authorize_url = address(written.authorize_url.as_ref(), known.and_then(|known| known.authorize.as_ref()));
        let token_url = address(written.token_url.as_ref(), known.map(|known| &known.token));
        let device_url = address(written.device_url.as_ref(), known.and_then(|known| known.device.as_ref()));
        let flow = match &written.flow {
            Some(flow) => self.one_of(flow, [("loopback", Flow::Loopback), ("device", Flow::Device)]),
            None => match known {
                Some(known) => known.flow,
                None if authorize_url.is_none() && device_url.is_some() => Flow::Device,
                None => Flow::Loopback,
            },
        };
        let at = written.flow.as_ref().map_or(written.client_id.span(), Spanned::span);
        let of = provider.map_or_else(|| "this provider".to_owned(), |provider| provider.label.clone());
        if token_url.is_none() && written.token_url.is_none() {
            let help = "add token_url = \"https://…\", as the provider's pages tell it";
            self.wrong(at.clone(), format!("where {of} gives tokens is not known"), help);
        }
        match flow {
            Flow::Loopback if authorize_url.is_none() && written.authorize_url.is_none() => {
                let help = "add authorize_url = \"https://…\", as the provider's pages tell it";
                self.wrong(at, format!("the page of {of} where you agree is not known"), help);
            }
            Flow::Device if device_url.is_none() && written.device_url.is_none() => {
                let what = format!("where {of} gives codes for another device is not known");
                let help = "add device_url = \"https://…\" if there is one, or write flow = \"loopback\"";
                self.wrong(at, what, help);
            }
            _ => {}
        }
        let scopes = self.scopes(written, known.map(|known| &known.scopes));
        for parameter in written.parameters.keys() {
            if OWN_PARAMETERS.contains(&parameter.get_ref().as_str()) {
                let what = format!("`{}` is told to the page by modori itself", parameter.get_ref());
                self.wrong(parameter.span(), what, "take it out");
            }
        }
        let mut parameters = known.map(|known| known.parameters.clone()).unwrap_or_default();
        let own = written.parameters.iter().map(|(name, value)| (name.get_ref().clone(), value.clone()));
        parameters.extend(own);
        // one that is empty takes out what would be told by itself
        parameters.retain(|_, value| !value.is_empty());
        let keep = self.keep(name, written)?;
        let lock = match &keep {
            Keep::File(path) => with_end(path, "lock"),
            Keep::Commands { .. } => self.token_file(name, "lock"),
        };
        let grant = Grant {
            account: name.to_owned(),
            user: user.to_owned(),
            client_id,
            client_secret: written.client_secret.as_ref().map(|secret| self.secret(secret)),
            flow,
            authorize_url,
            token_url: token_url?,
            device_url,
            scopes,
            parameters,
            redirect_port: written.redirect_port.as_ref().map_or(0, |port| *port.get_ref()),
            ca_file: written.ca_file.as_ref().map(|path| self.path(path.get_ref())),
        };
        Some(Source::Own { grant: Box::new(grant), keep, lock })
    }

    fn scopes(&mut self, written: &Written, known: Option<&Vec<String>>) -> Vec<String> {
        let Some(written_scopes) = &written.scopes else {
            if known.is_none() {
                let help = "add scopes = [\"…\"], as the provider's pages tell them";
                self.wrong(written.client_id.span(), "what is to be asked for is not known", help);
            }
            return known.cloned().unwrap_or_default();
        };
        let scopes = written_scopes.get_ref();
        // RFC 6749, 3.3
        let is_scope = |scope: &String| {
            !scope.is_empty() && scope.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'"' && byte != b'\\')
        };
        if scopes.is_empty() || !scopes.iter().all(is_scope) {
            let help = "write each as a text of its own, without blanks: [\"https://mail.google.com/\"]";
            self.wrong(written_scopes.span(), "these are no scopes", help);
        }
        scopes.clone()
    }

    fn keep(&mut self, name: &str, written: &Written) -> Option<Keep> {
        match (&written.tokens, &written.load, &written.save) {
            (None, None, None) => Some(Keep::File(self.token_file(name, "json"))),
            (Some(tokens), None, None) => {
                let path = self.path(tokens.get_ref());
                if path.file_name().is_none() || tokens.get_ref().ends_with('/') {
                    self.wrong(tokens.span(), "this is no file", "name the file, not its folder");
                }
                Some(Keep::File(path))
            }
            (None, Some(load), Some(save)) => {
                for argv in [load, save] {
                    if argv.get_ref().first().is_none_or(|program| program.trim().is_empty()) {
                        self.wrong(argv.span(), "no program is named", "write [\"PROGRAM\", \"ARG\"]");
                    }
                }
                Some(Keep::Commands { load: load.get_ref().clone(), save: save.get_ref().clone() })
            }
            (Some(tokens), _, _) => {
                let what = "tokens are kept in a file, or by `load` and `save`, not both";
                self.wrong(tokens.span(), what, "keep one of the two");
                None
            }
            (None, Some(one), None) | (None, None, Some(one)) => {
                let what = "`load` and `save` go together: one prints what the other was given";
                self.wrong(one.span(), what, "add the other, or take it out: then tokens are kept in a file");
                None
            }
        }
    }

    /// `STATE/tokens/NAME.END`.
    fn token_file(&self, name: &str, end: &str) -> PathBuf {
        let folder = self.state.clone().unwrap_or_default().join("tokens");
        folder.join(format!("{}.{end}", file_name(name)))
    }
}

/// A name of an account as a name of a file: what a file system could take otherwise is written as `%2F`.
fn file_name(name: &str) -> String {
    let plain = |c: char| c.is_alphanumeric() || matches!(c, '-' | '_' | '.' | '@' | '+');
    let mut out = String::new();
    for (at, c) in name.char_indices() {
        if plain(c) && !(at == 0 && c == '.') {
            out.push(c);
        } else {
            let mut bytes = [0; 4];
            out.extend(c.encode_utf8(&mut bytes).bytes().map(|byte| format!("%{byte:02X}")));
        }
    }
    out
}

/// The file beside with another end.
fn with_end(path: &std::path::Path, end: &str) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(".");
    name.push(end);
    path.with_file_name(name)
}

/// Whether it is the beginning of an address at all: what is wrong with it was told already.
fn reqwest_like(url: &str) -> bool {
    url.starts_with("https://") || url.starts_with("http://")
}

#[cfg(test)]
mod tests;
