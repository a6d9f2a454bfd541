//! What went wrong with a mailbox, as a sentence for people, and what to do next.

use super::response::Status;
use crate::edge::Advice;

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
}

impl ImapError {
    /// The connection is lost or cannot be opened.
    pub(super) fn lost(account: &str, what: impl std::fmt::Display) -> Self {
        Self { what: format!("account `{account}`: {what}"), advice: Advice::LogInAgain, refused: false }
    }

    /// The shopper must do something.
    pub(super) fn ask(account: &str, what: impl std::fmt::Display) -> Self {
        Self { what: format!("account `{account}`: {what}"), advice: Advice::Ask, refused: false }
    }

    /// The server refused a command. `doing` is what was wanted, in words.
    pub(super) fn refusal(account: &str, doing: &str, status: &Status) -> Self {
        let code = status.code.as_ref().map_or("", |code| code.name.as_str());
        let (hint, advice) = match code {
            "AUTHENTICATIONFAILED" | "AUTHORIZATIONFAILED" | "EXPIRED" | "PRIVACYREQUIRED" => {
                ("; check user and password (some providers want an app password)", Advice::Ask)
            }
            "UNAVAILABLE" | "INUSE" | "LIMIT" | "SERVERBUG" => ("", Advice::Again(None)),
            "OVERQUOTA" => ("; the mailbox is full: make room", Advice::Ask),
            "NOPERM" | "CANNOT" => ("; the server does not allow it", Advice::Ask),
            _ => ("", Advice::Ask),
        };
        let said = printable(&status.text);
        let said = if said.is_empty() { "gave no reason".to_owned() } else { format!("said: {said}") };
        Self {
            what: format!("account `{account}`: {doing} was refused, the server {said}{hint}"),
            advice,
            refused: true,
        }
    }
}

/// A server's words, cut and without control characters.
pub(super) fn printable(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(200).collect()
}
