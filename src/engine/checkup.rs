//! Looks an account over, from the name of its server to the folders that rules file into. Changes nothing there.

mod certificate;
pub mod channels;
mod provider;

use super::Mailbox;
use crate::edge::Advice;
use crate::edge::clock::Clock;
use crate::edge::config;
use crate::edge::imap::refusal::Refusal;
use crate::edge::imap::{Dial, ImapError, Means, Session};
use crate::edge::oauth::Credential;
use std::time::Duration;

pub use provider::{budget, newest};

/// Resolving a name, and connecting to one address.
const PATIENCE: Duration = Duration::from_secs(10);

/// How a check came out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Grade {
    /// As it should be.
    Fine,
    /// It works, and could be better.
    Warning,
    /// It does not work.
    Failure,
}

impl Grade {
    /// As it is shown.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Fine => "ok",
            Self::Warning => "warning",
            Self::Failure => "failure",
        }
    }
}

/// One thing that was looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Check {
    /// What it is about: `account home: login`.
    pub about: String,
    /// How it came out.
    pub grade: Grade,
    /// What was found.
    pub said: String,
    /// What to do about it; empty when nothing is to be done.
    pub remedy: String,
}

impl Check {
    /// As it should be.
    #[must_use]
    pub fn fine(about: impl Into<String>, said: impl Into<String>) -> Self {
        Self { about: about.into(), grade: Grade::Fine, said: said.into(), remedy: String::new() }
    }

    /// It works, and could be better.
    #[must_use]
    pub fn warning(about: impl Into<String>, said: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { about: about.into(), grade: Grade::Warning, said: said.into(), remedy: remedy.into() }
    }

    /// It does not work.
    #[must_use]
    pub fn failure(about: impl Into<String>, said: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { about: about.into(), grade: Grade::Failure, said: said.into(), remedy: remedy.into() }
    }
}

/// What tells of new mail on a server with these capabilities.
#[must_use]
pub fn means(has: impl Fn(&str) -> bool) -> Means {
    match (has("IDLE"), has("NOTIFY")) {
        (true, true) => Means::Notify,
        (true, false) => Means::Idle,
        (false, _) => Means::Poll,
    }
}

/// What an account is looked over for.
#[derive(Clone, Copy)]
pub struct Asked<'a> {
    /// As configured.
    pub account: &'a config::Account,
    /// The folders that rules name.
    pub folders: &'a [&'a str],
    /// Where drafts and copies of sent letters are laid, if the configuration names it, and whether they are.
    pub drafts: Option<Option<&'a str>>,
    /// The same of copies of letters that were sent.
    pub sent: Option<Option<&'a str>>,
}

/// Looks an account over. `true` with the checks: the login worked.
pub async fn account(mailbox: &Mailbox, asked: Asked<'_>) -> (Vec<Check>, bool) {
    let about = |what: &str| format!("account {}: {what}", mailbox.account.name);
    let mut checks = provider::before(asked.account, &about);
    if let Dial::Tcp { host, port, .. } = &mailbox.account.dial {
        let (found, go_on) = reach(host, *port, &about).await;
        checks.extend(found);
        if !go_on {
            return (checks, false);
        }
    }
    let mut session = match Session::open(&mailbox.account).await {
        Ok(session) => session,
        Err(error) => {
            let remedy = match error.login {
                Some(Refusal::TooManyLogins | Refusal::InNameOnly | Refusal::Temporary) => {
                    "wait, and try again".to_owned()
                }
                Some(Refusal::TokenExpired | Refusal::ScopeMissing) => match &mailbox.account.credential {
                    Credential::Token(tokens) if tokens.grant().is_none() => {
                        "see to the program behind `access_token`, then run modori doctor again".to_owned()
                    }
                    _ => format!("modori login {}: a watch that waits tries at once then", mailbox.account.name),
                },
                Some(_) => provider::refused(asked.account).unwrap_or_else(|| {
                    "mend user or password, then run modori doctor again: a watch that waits tries at once then"
                        .to_owned()
                }),
                None => unanswered(&error).to_owned(),
            };
            checks.push(Check::failure(about("login"), error.what, remedy));
            return (checks, false);
        }
    };
    if let Some(shown) = session.shown() {
        let pinned = asked.account.pin.is_some();
        checks.push(certificate::check(about("certificate"), shown, pinned, Clock::system().now()));
    }
    checks.push(Check::fine(about("login"), format!("as {}", mailbox.account.user)));
    let in_it = within(&mut session, mailbox, asked, &about).await;
    match in_it {
        Ok(found) => checks.extend(found),
        Err(error) => checks.push(Check::failure(about("connection"), error.what, "try again")),
    }
    session.logout().await;
    (checks, true)
}

/// What a connection that is logged in shows: how new mail is told and filed, folders, whether somebody vouches for mail.
///
/// # Errors
/// The connection.
pub async fn logged_in(session: &mut Session, mailbox: &Mailbox, asked: Asked<'_>) -> Result<Vec<Check>, ImapError> {
    let about = |what: &str| format!("account {}: {what}", mailbox.account.name);
    within(session, mailbox, asked, &about).await
}

/// What to do when there was no answer to a login: none was sent.
fn unanswered(error: &ImapError) -> &'static str {
    if error.tls.is_some() {
        return "see what the sentence says of the certificate or of TLS; a server of your own: `pin` or `ca_file` \
                (docs/configuration.md)";
    }
    if error.lacks_secret() {
        return "mend the place that `password` names, its file, variable or program; then run modori doctor again";
    }
    match error.advice {
        Advice::Ask => "see what the sentence says; the server's own pages tell host, port and security",
        _ => "try again; if it stays so, the server's own pages tell host, port and security",
    }
}

/// From the name to an open connection.
async fn reach(host: &str, port: u16, about: &impl Fn(&str) -> String) -> (Vec<Check>, bool) {
    let mut checks = Vec::new();
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    let resolved = tokio::time::timeout(PATIENCE, tokio::net::lookup_host((bare, port))).await;
    let addresses: Vec<std::net::SocketAddr> = match resolved {
        Ok(Ok(addresses)) => addresses.collect(),
        Ok(Err(error)) => {
            let remedy = "check `host` and this machine's network";
            checks.push(Check::failure(about("name"), format!("{host} is not found: {error}"), remedy));
            return (checks, false);
        }
        Err(_) => {
            let said = format!("no answer about {host} within {} s", PATIENCE.as_secs());
            checks.push(Check::failure(about("name"), said, "check this machine's network and its name server"));
            return (checks, false);
        }
    };
    let mut troubles = Vec::new();
    let mut reached = Vec::new();
    for address in &addresses {
        match tokio::time::timeout(PATIENCE, tokio::net::TcpStream::connect(address)).await {
            Ok(Ok(_)) => reached.push(address.to_string()),
            Ok(Err(error)) => troubles.push(format!("{address}: {error}")),
            Err(_) => troubles.push(format!("{address}: no answer within {} s", PATIENCE.as_secs())),
        }
    }
    let go_on = !reached.is_empty();
    checks.push(match (go_on, troubles.is_empty()) {
        (true, true) => Check::fine(about("reached"), format!("{host} at {}", reached.join(", "))),
        (true, false) => {
            let said = format!("{host} at {}; not at {}", reached.join(", "), troubles.join(", "));
            Check::warning(
                about("reached"),
                said,
                "connecting may take longer than it must; usually IPv6 is half set up",
            )
        }
        (false, _) => {
            let said = format!("{host} cannot be connected to: {}", troubles.join(", "));
            Check::failure(about("reached"), said, "check `port` and `security`, and whether a firewall stands between")
        }
    });
    (checks, go_on)
}

/// What a logged-in connection shows.
async fn within(
    session: &mut Session,
    mailbox: &Mailbox,
    asked: Asked<'_>,
    about: &impl Fn(&str) -> String,
) -> Result<Vec<Check>, ImapError> {
    let folders = asked.folders;
    let pace = &mailbox.account.pace;
    let mut checks = Vec::new();
    let means = means(|capability| session.has(capability));
    let told = about("new mail");
    checks.push(match means {
        Means::Notify => Check::fine(told, "told by NOTIFY: the message comes with the event"),
        Means::Idle => Check::fine(told, "told by IDLE: one round trip after the event"),
        Means::Poll => {
            let said = format!("asked for every {} s: the server has no IDLE", pace.poll_every.as_secs());
            Check::warning(told, said, "pace.poll_every says how often; hot windows ask more often while one is open")
        }
    });
    let filing = about("filing");
    checks.push(match (session.has("MOVE"), session.has("UIDPLUS")) {
        (true, _) => Check::fine(filing, "by MOVE"),
        (false, true) => Check::fine(filing, "by COPY and UID EXPUNGE of the copied messages (no MOVE)"),
        (false, false) => Check::warning(
            filing,
            "by COPY and a \\Deleted flag: without MOVE and UIDPLUS nothing is expunged, so the original stays, marked",
            "have your mail program expunge the mailbox now and then",
        ),
    });
    let (prefix, delimiter) = session.namespace();
    let between = delimiter.map_or_else(|| "no levels".to_owned(), |delimiter| format!("`{delimiter}` between levels"));
    let before = if prefix.is_empty() { "no prefix".to_owned() } else { format!("prefix `{prefix}`") };
    let letters = if session.names_in_utf8() { ", names in UTF-8" } else { "" };
    checks.push(Check::fine(about("folders"), format!("{before}, {between}{letters}")));
    checks.extend(provider::offered(asked.account, session, about));
    match session.examine(&mailbox.name).await {
        Ok(opened) => {
            let said = format!("{} opens; messages in it: {}", mailbox.name, opened.messages);
            checks.push(Check::fine(about("mailbox"), said));
            checks.extend(provider::vouched(asked.account, session, opened, about).await?);
            if let Some(newest) = provider::newest_received(session, opened).await? {
                let ahead = newest.duration_since(Clock::system().now());
                checks.extend(channels::from_the_future(about("clock"), ahead));
            }
        }
        Err(error) if error.refused => {
            let remedy = "check `mailbox`; it is written as your mail program shows it, levels with /";
            checks.push(Check::failure(about("mailbox"), error.what, remedy));
        }
        Err(error) => return Err(error),
    }
    let listed = session.list().await?;
    for (one, other) in session.run_together(folders) {
        let said =
            format!("{one} and {other} would be one folder on this server: mail for the second stays where it is");
        checks.push(Check::failure(about("folders"), said, "give one of the categories another folder in your rules"));
    }
    let marked = session.list_uses().await?;
    checks.extend(provider::marked(asked, session, &marked, about));
    let mut missing = Vec::new();
    for folder in folders {
        let name = session.listed_as(folder);
        match listed.iter().find(|one| one.name == name) {
            Some(one) if one.attributes.iter().any(|what| what.eq_ignore_ascii_case("\\Noselect")) => {
                let said = format!("{folder} is there, but cannot hold messages");
                checks.push(Check::failure(about("folders"), said, "give the category another folder in your rules"));
            }
            Some(_) => {}
            None => missing.push(*folder),
        }
    }
    if missing.is_empty() {
        checks.push(Check::fine(about("folders"), format!("all {} that rules name are there", folders.len())));
    } else {
        let said = format!("made when first needed: {}", missing.join(", "));
        checks.push(Check::fine(about("folders"), said));
    }
    Ok(checks)
}
