//! `password`, `access_token` or `[account.oauth]` of an account: what its login shows.

use super::check::Check;
use super::syntax;
use crate::edge::clock::Clock;
use crate::edge::oauth::{Credential, Source, Tokens};
use crate::provider::Provider;
use serde::Deserialize;
use toml::Spanned;

/// `[account.oauth]`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Written {
    pub(super) client_id: Spanned<String>,
}

impl Check<'_> {
    /// What the login of an account shows: exactly one of the three.
    pub(super) fn credential(
        &mut self,
        name: &str,
        account: &syntax::Account,
        _provider: Option<&Provider>,
    ) -> Option<Credential> {
        match (&account.password, &account.access_token, &account.oauth) {
            (Some(password), None, None) => Some(self.secret(password).into()),
            (None, Some(token), None) => {
                Some(Credential::Token(Tokens::new(Source::Program(self.secret(token)), Clock::system())))
            }
            (None, None, Some(oauth)) => {
                self.wrong(oauth.get_ref().client_id.span(), "no endpoints are known", "");
                None
            }
            (None, None, None) => {
                self.wrong(
                    account.user.span(),
                    format!("account `{name}` has no password"),
                    "add password = { command = [\"secret-tool\", \"lookup\", \"service\", \"modori\"] }, { env = \"NAME\" } or { file = \"PATH\" }",
                );
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
}
