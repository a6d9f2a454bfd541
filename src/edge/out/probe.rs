//! Asks a channel whether it would take an alert, as far as its service has a way to be asked: nothing is delivered, and
//! what was not tried is said.

use super::command::Command;
use super::desktop::Desktop;
use super::http::{Answer, Auth, Body, Call, Http, host_of};
use super::line::Line;
use super::ntfy::Ntfy;
use super::pushover::Pushover;
use super::smtp::Smtp;
use super::webhook::Webhook;
use super::{OutError, post};
use crate::edge::Advice;
use jiff::Timestamp;
use reqwest::header::HeaderMap;
use serde_json::Value;
use std::future::Future;
use std::path::{Path, PathBuf};
use std::pin::Pin;

/// How much of an answer is read, in bytes.
const READ: usize = 16 * 1024;

/// What a channel said when it was asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Probe {
    /// What is known now, for people.
    pub said: String,
    /// What is not known all the same; empty when nothing is left to try but an alert.
    pub not_tried: &'static str,
    /// The service's clock, where it shows it (`Date`, RFC 9110, 6.6.1).
    pub date: Option<Timestamp>,
}

/// A future of what a channel says.
pub type Probing<'a> = Pin<Box<dyn Future<Output = Result<Probe, OutError>> + Send + 'a>>;

fn wrong(what: String) -> OutError {
    OutError { what, advice: Advice::Ask }
}

/// A request that only asks.
async fn ask(http: &Http, url: &str, auth: &Auth, body: Body, hide: Vec<String>) -> Result<Answer, OutError> {
    http.call(Call { url, headers: HeaderMap::new(), auth, body, read: READ, hide }).await
}

/// It answers; whether it lets in is not known.
async fn reached(http: &Http, url: &str, not_tried: &'static str) -> Result<Probe, OutError> {
    let date = http.reach(url).await?;
    Ok(Probe { said: format!("{} answers", host_of(url)), not_tried, date })
}

impl Ntfy {
    /// With a login the account is asked for (`/v1/account`, which the app of ntfy uses; seen in its source, not
    /// documented: a server that does not know it leaves the question open).
    pub(super) async fn probe(&self) -> Result<Probe, OutError> {
        let auth = self.auth().await?;
        if matches!(auth, Auth::Nobody) {
            return reached(&self.http, &self.server, "whether the topic may be written to").await;
        }
        let url = format!("{}/v1/account", self.server);
        let answer = ask(&self.http, &url, &auth, Body::Nothing, Vec::new()).await?;
        let date = answer.date;
        let host = host_of(&self.server);
        match answer.status {
            200..=299 => {
                let said = format!("{host} takes the login");
                Ok(Probe { said, not_tried: "whether the topic may be written to", date })
            }
            401 => Err(answer.refused()),
            500..=599 => Err(answer.refused()),
            _ => {
                let said = format!("{host} answers");
                Ok(Probe { said, not_tried: "the login, and whether the topic may be written to", date })
            }
        }
    }
}

impl Pushover {
    /// `users/validate.json` (<https://pushover.net/api#verification>): token, user and device, without a message.
    pub(super) async fn probe(&self) -> Result<Probe, OutError> {
        let (token, user) = (self.token.get().await?, self.user.get().await?);
        let url = format!("{}/1/users/validate.json", self.server);
        let mut form = vec![("token", token.clone()), ("user", user.clone())];
        form.extend(self.device.iter().map(|device| ("device", device.clone())));
        let answer = ask(&self.http, &url, &Auth::Nobody, Body::Form(form), vec![token, user]).await?;
        let good = answer.json().is_some_and(|said| said.get("status").and_then(Value::as_i64) == Some(1));
        if !answer.good() || !good {
            return Err(answer.refused_with(Advice::Ask));
        }
        let said = format!("{} takes token and user", host_of(&self.server));
        Ok(Probe { said, not_tried: "", date: answer.date })
    }
}

impl Line {
    /// The bot asks who it is (<https://developers.line.biz/en/reference/messaging-api/#get-bot-info>).
    pub(super) async fn probe(&self) -> Result<Probe, OutError> {
        let auth = Auth::Bearer(self.token.get().await?);
        let url = format!("{}/v2/bot/info", self.server);
        let answer = ask(&self.http, &url, &auth, Body::Nothing, Vec::new()).await?;
        if !answer.good() {
            return Err(answer.refused());
        }
        let said = format!("{} takes the token", host_of(&self.server));
        Ok(Probe {
            said,
            not_tried: "whether `to` may be written to, and what is left of the month's messages",
            date: answer.date,
        })
    }
}

/// An address at which a webhook of a known service can be asked for without using it.
fn asks(url: &str) -> Option<(String, &'static str)> {
    let host = host_of(url);
    let bare = url.split(['?', '#']).next().unwrap_or_default();
    let (scheme, rest) = bare.split_once("://")?;
    let path = rest.get(rest.find('/')?..)?;
    let name = host.split(':').next().unwrap_or_default();
    // a stand-in on this machine, too
    let is = |names: &[&str]| names.contains(&name) || matches!(name, "127.0.0.1" | "localhost");
    // <https://discord.com/developers/docs/resources/webhook#get-webhook-with-token>
    if is(&["discord.com", "discordapp.com"]) && path.starts_with("/api/webhooks/") {
        return Some((bare.to_owned(), "the webhook is there"));
    }
    // <https://core.telegram.org/bots/api#getme>
    if is(&["api.telegram.org"])
        && let Some(bot) = path.strip_prefix("/bot").and_then(|rest| rest.split('/').next())
    {
        return Some((format!("{scheme}://{host}/bot{bot}/getMe"), "the bot's token is taken"));
    }
    None
}

impl Webhook {
    pub(super) async fn probe(&self) -> Result<Probe, OutError> {
        let url = self.url.get().await?;
        let Some((address, good)) = asks(&url) else {
            return reached(&self.http, &url, "the address itself and what it wants to be shown: only an alert tells")
                .await;
        };
        let hide = vec![url.clone(), super::webhook::secret_part(&url).to_owned(), address.clone()];
        let answer = ask(&self.http, &address, &Auth::Nobody, Body::Nothing, hide).await?;
        match answer.status {
            200..=299 => Ok(Probe {
                said: format!("{}: {good}", host_of(&url)),
                not_tried: "whether what is sent is to its taste",
                date: answer.date,
            }),
            _ => Err(answer.refused()),
        }
    }
}

impl Smtp {
    /// Connects, protects, logs in, and says good-bye.
    pub(super) async fn probe(&self) -> Result<Probe, OutError> {
        let login = match &self.login {
            Some((user, password)) => Some((user.clone(), password.get().await?)),
            None => None,
        };
        let had = login.is_some();
        let entered = post::Post::at(&self.host, self.port, self.security, login, self.ca_file.clone(), self.limit);
        entered.enter().await?;
        let taken = if had { "takes the login" } else { "answers, no login is configured" };
        let said = format!("{}:{} {taken}", self.host, self.port);
        Ok(Probe { said, not_tried: "whether it takes a mail for these recipients", date: None })
    }
}

impl Command {
    /// The program is looked for, and not started.
    pub(super) fn probe(&self) -> Result<Probe, OutError> {
        let program = self.argv.first().map(String::as_str).unwrap_or_default();
        let said = format!("{} can be started", found(program)?.display());
        Ok(Probe { said, not_tried: "what it does: it was not started", date: None })
    }
}

impl Desktop {
    /// The program that shows notices is looked for, and not started.
    pub(super) fn probe(&self) -> Result<Probe, OutError> {
        let program = if cfg!(target_os = "macos") { "osascript" } else { "notify-send" };
        let said = format!("{} can be started", found(program)?.display());
        Ok(Probe { said, not_tried: "whether a notice shows: the session of the watch must have a screen", date: None })
    }
}

/// Where a program lies, by PATH as a start would look for it.
fn found(program: &str) -> Result<PathBuf, OutError> {
    let candidates: Vec<PathBuf> = if program.contains('/') {
        vec![PathBuf::from(program)]
    } else {
        let path = std::env::var_os("PATH").unwrap_or_default();
        std::env::split_paths(&path).map(|folder| folder.join(program)).collect()
    };
    let there: Vec<&PathBuf> = candidates.iter().filter(|file| file.is_file()).collect();
    match there.iter().find(|file| may_run(file)) {
        Some(file) => Ok((**file).clone()),
        None if there.is_empty() => Err(wrong(format!("there is no program {program}"))),
        None => Err(wrong(format!("{program} is there, and may not be run (chmod +x)"))),
    }
}

#[cfg(unix)]
fn may_run(file: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt;
    std::fs::metadata(file).is_ok_and(|about| about.permissions().mode() & 0o111 != 0)
}

#[cfg(not(unix))]
fn may_run(_: &Path) -> bool {
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_services_that_are_known_are_asked_at_the_address_itself() {
        for (url, expect) in [
            ("https://discord.com/api/webhooks/1/t0ken?wait=true", Some("https://discord.com/api/webhooks/1/t0ken")),
            ("https://api.telegram.org/bot1:x/sendMessage", Some("https://api.telegram.org/bot1:x/getMe")),
            ("https://hooks.slack.com/services/T0/B0/x", None),
            ("https://example.com/api/webhooks/1/t0ken", None),
            ("https://discord.com.example/api/webhooks/1/t", None),
            ("https://example.com", None),
        ] {
            assert_eq!(asks(url).map(|(url, _)| url).as_deref(), expect, "{url}");
        }
    }

    #[cfg(unix)]
    #[test]
    fn programs_are_found_as_a_start_would() {
        assert!(found("sh").unwrap().is_absolute());
        assert!(found("no-such-program-anywhere").unwrap_err().what.contains("there is no program"));
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("p");
        std::fs::write(&file, "").unwrap();
        assert!(found(file.to_str().unwrap()).unwrap_err().what.contains("may not be run"));
    }
}
