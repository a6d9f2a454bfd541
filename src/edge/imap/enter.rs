//! From a greeted connection to a logged-in one: shows what the account has. A token that is refused is renewed once, and
//! shown once more; what comes then is the shopper's to see.

use super::error::ImapError;
use super::open::{Ready, connect};
use super::refusal::{Heard, Refusal, Whose};
use super::response::{Condition, Status};
use super::sasl::{self, Outcome, Refused, Shown, Who};
use super::wire::{Answer, Line};
use super::{Dial, ImapAccount};
use crate::edge::oauth::{Credential, TokenError, Tokens};
use crate::edge::{Advice, quoted};
use crate::provider::{self, Provider};
use secrecy::SecretString;

/// Logs in.
pub(super) async fn enter(account: &ImapAccount, mut ready: Ready) -> Result<(Ready, Answer), ImapError> {
    sasl::way(&account.name, &ready.can, matches!(account.credential, Credential::Token(_)))?;
    let tokens = match &account.credential {
        Credential::Token(tokens) => tokens,
        Credential::Password(password) => {
            let name = account.name.as_str();
            let password = password.get().await.map_err(|error| ImapError::no_secret(name, error))?;
            return match log_in(account, &mut ready, Shown::Password(&password)).await? {
                Outcome::In(answer) => Ok((ready, answer)),
                Outcome::Refused(refused) => Err(refusal(account, &refused, false)),
            };
        }
    };
    let token = tokens.access().await.map_err(|error| no_token(account, &error))?;
    let refused = match log_in(account, &mut ready, Shown::Token(&token)).await? {
        Outcome::In(answer) => return Ok((ready, answer)),
        Outcome::Refused(refused) => refused,
    };
    let Some(next) = another(account, tokens, &token, &refused).await? else {
        return Err(refusal(account, &refused, false));
    };
    tracing::info!("account `{}`: the token was refused; a renewed one is shown", account.name);
    let outcome = match attempt(account, &mut ready, Shown::Token(&next)).await {
        // a server may end the connection after a refusal, and say why: that was about the token before, and the renewed
        // one was not looked at yet
        Err(error) if error.advice == Advice::LogInAgain => {
            ready = connect(account).await?;
            log_in(account, &mut ready, Shown::Token(&next)).await?
        }
        other => other?,
    };
    match outcome {
        Outcome::In(answer) => Ok((ready, answer)),
        Outcome::Refused(refused) => Err(refusal(account, &refused, true)),
    }
}

async fn another(
    account: &ImapAccount,
    tokens: &Tokens,
    refused: &SecretString,
    said: &Refused,
) -> Result<Option<SecretString>, ImapError> {
    if !heard(account, said).another_may_do() {
        return Ok(None);
    }
    tokens.instead_of(refused).await.map_err(|error| no_token(account, &error))
}

/// One attempt. A BYE in the middle of it, before any answer, is an answer when it tells what is wrong: who knocks again
/// at once after "wrong password" is locked out.
async fn log_in(account: &ImapAccount, ready: &mut Ready, shown: Shown<'_>) -> Result<Outcome, ImapError> {
    match attempt(account, ready, shown).await {
        Err(error) => match told(account, &mut ready.line) {
            Some(refused) => Ok(Outcome::Refused(refused)),
            None => Err(error),
        },
        outcome => outcome,
    }
}

/// The same, whatever a BYE says.
async fn attempt(account: &ImapAccount, ready: &mut Ready, shown: Shown<'_>) -> Result<Outcome, ImapError> {
    let server = match &account.dial {
        Dial::Tcp { host, port, .. } => Some((host.trim_start_matches('[').trim_end_matches(']'), *port)),
        Dial::Memory(_) => None,
    };
    let who = Who { account: &account.name, user: &account.user, server };
    sasl::log_in(&mut ready.line, &ready.can, who, shown).await
}

fn told(account: &ImapAccount, line: &mut Line) -> Option<Refused> {
    let refused = Refused { status: line.bye.take()?, challenge: None };
    let means = heard(account, &refused).meaning();
    (!matches!(means, Refusal::Unclear | Refusal::Temporary)).then_some(refused)
}

fn known(account: &ImapAccount) -> Option<&'static Provider> {
    match &account.dial {
        Dial::Tcp { host, .. } => provider::of_host(host),
        Dial::Memory(_) => None,
    }
}

fn heard<'a>(account: &ImapAccount, refused: &'a Refused) -> Heard<'a> {
    Heard {
        code: refused.status.code.as_ref().map_or("", |code| code.name.as_str()),
        text: &refused.status.text,
        challenge: refused.challenge.as_deref(),
        token: matches!(account.credential, Credential::Token(_)),
        provider: known(account),
    }
}

/// The server refused the login. `renewed`: with a token that had just been renewed, too.
pub(super) fn refusal(account: &ImapAccount, refused: &Refused, renewed: bool) -> ImapError {
    let heard = heard(account, refused);
    let (means, user) = (heard.meaning(), &account.user);
    let program = matches!(&account.credential, Credential::Token(tokens) if tokens.grant().is_none());
    let whose = Whose { account: &account.name, user, program, renewed, over: "IMAP", provider: heard.provider };
    let remedy = means.remedy(&whose);
    let ImapError { what, .. } =
        ImapError::refusal(&account.name, &format!("the login of {user}"), &refused.status, Some(&remedy));
    // the server's word, but nothing that a login may not do again at once
    ImapError { what, advice: heard.advice(), refused: false, tls: None, login: Some(means) }
}

/// There is no token to show. The network passes; all else is the shopper's, and mostly not the provider's word: a file
/// that cannot be read, a program that fails. What it is stands in the sentence.
fn no_token(account: &ImapAccount, error: &TokenError) -> ImapError {
    let what = format!("no token: {}", error.what);
    match error.passing {
        true => ImapError { advice: Advice::Again(None), ..ImapError::ask(&account.name, what) },
        false => ImapError::ask(&account.name, what),
    }
}

/// Outlook lets some in and then refuses every command: a refused login all the same, and one that may pass
/// (<https://github.com/simonrob/email-oauth2-proxy/issues/74>, <https://github.com/jlawyerorg/j-lawyer-org/issues/2235>).
pub(super) fn in_name_only(account: &ImapAccount, status: &Status) -> Option<ImapError> {
    let refuses = status.condition != Condition::Ok;
    if !refuses || !status.text.to_ascii_lowercase().contains("authenticated but not connected") {
        return None;
    }
    let refused = Refused { status: status.clone(), challenge: None };
    tracing::debug!("account `{}`: logged in, and told {}", account.name, quoted(&refused.status.text));
    Some(refusal(account, &refused, false))
}
