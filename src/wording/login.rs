//! The values of the page that a browser shows at the end of `modori login`.

use super::{Language, Serde, Value, Wording};
use serde::Serialize;

/// How a login ended, as far as the browser knows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum LoginEnd {
    /// The shopper agreed.
    #[default]
    Agreed,
    /// She did not, or the provider refused.
    Refused,
    /// The page belongs to no login that waits.
    Foreign,
}

/// What the page says.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct LoginPage {
    /// How it ended.
    pub state: LoginEnd,
    /// The account's name.
    pub account: String,
}

impl Wording {
    /// The lines of the page: heading and text.
    #[must_use]
    pub fn login(&self, language: Language, page: &LoginPage) -> Vec<String> {
        self.words(language, "login", Value::from(Serde(page))).lines().map(str::to_owned).collect()
    }
}

/// Every page.
pub(super) fn pages() -> Vec<LoginPage> {
    let ends = [LoginEnd::Agreed, LoginEnd::Refused, LoginEnd::Foreign];
    ends.into_iter().map(|state| LoginPage { state, account: "home".to_owned() }).collect()
}
