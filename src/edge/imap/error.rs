//! What went wrong with a mailbox, as a sentence for people, and what to do next.

use super::refusal::Refusal;
use super::response::Status;
use crate::edge::tls::TlsTrouble;
use crate::edge::{Advice, quoted};

/// How it begins when a secret cannot be had.
const NO_SECRET: &str = "no password: ";

/// What went wrong with a mailbox.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{what}")]
pub struct ImapError {
    /// What happened, to which account and folder, and what can be done. Never holds a password.
    pub what: String,
    /// What to do next.
    pub advice: Advice,
    /// The server answered the command with a tagged NO or BAD; the connection is still good.
    pub refused: bool,
    /// What is wrong with the server's TLS, when it is that.
    pub tls: Option<Box<TlsTrouble>>,
    /// What a refused login means, when it is that.
    pub login: Option<Refusal>,
}

impl ImapError {
    /// The connection is lost or cannot be opened.
    pub(super) fn lost(account: &str, what: impl std::fmt::Display) -> Self {
        Self {
            what: format!("account `{account}`: {what}"),
            advice: Advice::LogInAgain,
            refused: false,
            tls: None,
            login: None,
        }
    }

    /// The shopper must do something.
    pub(super) fn ask(account: &str, what: impl std::fmt::Display) -> Self {
        Self {
            what: format!("account `{account}`: {what}"),
            advice: Advice::Ask,
            refused: false,
            tls: None,
            login: None,
        }
    }

    /// The server refused a command. `doing` is what was wanted, in words; `remedy` what to do, where that is known.
    pub(super) fn refusal(account: &str, doing: &str, status: &Status, remedy: Option<&str>) -> Self {
        let code = status.code.as_ref().map_or("", |code| code.name.as_str());
        let (hint, advice) = match code {
            "AUTHENTICATIONFAILED" | "AUTHORIZATIONFAILED" | "EXPIRED" | "PRIVACYREQUIRED" => {
                ("; check user and password (some providers want an app password)", Advice::Ask)
            }
            "UNAVAILABLE" | "INUSE" | "LIMIT" | "SERVERBUG" => ("", Advice::Again(None)),
            "OVERQUOTA" => ("; the mailbox is full: make room", Advice::Ask),
            "TOOBIG" => ("; it is larger than the server takes", Advice::Never),
            // someone removed the folder meanwhile: it is made again the next time
            "TRYCREATE" => ("", Advice::Again(None)),
            "NOPERM" | "CANNOT" => ("; the server does not allow it", Advice::Ask),
            _ => ("", Advice::Ask),
        };
        let said =
            if status.text.is_empty() { "gave no reason".to_owned() } else { format!("said {}", quoted(&status.text)) };
        let elsewhere = referral(status).unwrap_or_default();
        let hint = remedy.map_or_else(|| hint.to_owned(), |remedy| format!("; {remedy}"));
        Self {
            what: format!("account `{account}`: {doing} was refused, the server {said}{hint}{elsewhere}"),
            advice,
            refused: true,
            tls: None,
            login: None,
        }
    }

    /// The secret that is to be shown cannot be had.
    pub(super) fn no_secret(account: &str, error: impl std::fmt::Display) -> Self {
        Self::ask(account, format_args!("{NO_SECRET}{error}"))
    }

    /// Whether the secret that was to be shown could not be had.
    #[must_use]
    pub fn lacks_secret(&self) -> bool {
        self.advice == Advice::Ask && self.what.contains(&format!("`: {NO_SECRET}"))
    }

    /// The server's TLS is not accepted.
    pub(super) fn tls(account: &str, trouble: TlsTrouble) -> Self {
        Self { tls: Some(Box::new(trouble.clone())), ..Self::ask(account, trouble) }
    }
}

/// That the server refers to another one (RFC 2221, RFC 2193), in words. Never followed: the password is for the
/// server that the shopper named.
pub(super) fn referral(status: &Status) -> Option<String> {
    let code = status.code.as_ref().filter(|code| code.name == "REFERRAL")?;
    let to = code.rest.iter().filter_map(super::response::Value::text).collect::<Vec<_>>().join(" ");
    Some(format!(
        "; it refers to another server, {}, which is not followed: ask your provider, and change `host` if that is right",
        quoted(&to)
    ))
}
