//! How alerts reach the shopper: one channel, set up and tried.

use super::super::Failure;
use super::super::args::{InitAlerts, Way};
use super::account::{absolute, provider};
use super::answers::{Account, Channel, Login, Secret, Value};
use super::ask::Ask;
use super::home::Home;
use super::words::words;
use super::write::free;
use crate::edge::tls;
use clap::ValueEnum as _;
use secrecy::SecretString;
use std::path::PathBuf;

/// Bytes of a topic that nobody can guess.
const TOPIC: usize = 12;

/// What is asked for on the way to a channel.
struct Desk<'a, 'b> {
    ask: &'a mut Ask<'b>,
    home: &'a Home,
}

impl Desk<'_, '_> {
    /// A secret: from the file that a flag names, else asked for and kept in a file of ours.
    async fn secret(&mut self, flag: Option<&PathBuf>, question: &str, file: &str) -> Result<Secret, Failure> {
        if let Some(path) = flag {
            return Ok(Secret::File(absolute(path)?));
        }
        let text = self.ask.hidden(question).await?;
        Ok(Secret::Ours { file: free(&self.home.folder, file), text })
    }

    /// A text: from a flag, else asked for.
    async fn text(
        &mut self,
        name: &'static str,
        flag: Option<&String>,
        question: &str,
        usual: Option<&str>,
    ) -> Result<String, Failure> {
        match (flag, usual) {
            (Some(text), _) => Ok(text.clone()),
            (None, Some(usual)) if !self.ask.talks() => Ok(usual.to_owned()),
            (None, usual) => {
                let text = self.ask.line(question, usual).await?;
                self.ask.gave(name, &text);
                Ok(text)
            }
        }
    }
}

/// Asks how alerts reach the shopper. `None`: not at all.
pub(super) async fn channel(
    ask: &mut Ask<'_>,
    flags: &InitAlerts,
    way: Option<Way>,
    account: &Account,
    home: &Home,
) -> Result<Option<Channel>, Failure> {
    let way = match way {
        Some(way) => way,
        None => {
            let words = [
                ("ntfy", "a free app for the phone, without an account (ntfy.sh)"),
                ("pushover", "an app for the phone, paid once; can ring until you have seen it"),
                ("line", "LINE, by an Official Account of your own"),
                ("discord", "a channel in Discord"),
                ("slack", "a channel in Slack"),
                ("telegram", "a bot in Telegram"),
                ("webhook", "JSON to an address of yours"),
                ("mail", "a mail, also to a carrier's address; slower than the others"),
                ("command", "a program of yours"),
                ("desktop", "a notice on the screen of this machine"),
                ("none", "not at all"),
            ];
            let word = ask.word("How shall alerts reach you? (docs/channels.md)", &words, "ntfy").await?;
            ask.gave("--channel", word);
            Way::from_str(word, true).map_err(Failure::broken)?
        }
    };
    let mut desk = Desk { ask, home };
    Ok(Some(match way {
        Way::None => return Ok(None),
        Way::Ntfy => ntfy(&mut desk, flags).await?,
        Way::Pushover => {
            anstream::println!(
                "The user key is on the first page of pushover.net after the login; Create an Application there."
            );
            let token = desk.secret(flags.pushover_token_file.as_ref(), "Token of the application", "pushover-token");
            let token = token.await?;
            let user = desk.secret(flags.pushover_user_file.as_ref(), "User key", "pushover-user").await?;
            let keys = vec![("token", Value::Secret(token)), ("user_from", Value::Secret(user))];
            Channel { name: "phone", kind: "pushover", keys }
        }
        Way::Line => {
            anstream::println!("docs/channels.md#line tells how to get both in the LINE Developers Console.");
            let token = desk.secret(flags.line_token_file.as_ref(), "Channel access token", "line-token").await?;
            let to = desk.text("--line-to", flags.line_to.as_ref(), "Your user ID (U…, no name)", None).await?;
            let keys = vec![("token", Value::Secret(token)), ("to", Value::List(vec![to]))];
            Channel { name: "phone", kind: "line", keys }
        }
        Way::Discord | Way::Slack | Way::Telegram | Way::Webhook => webhook(&mut desk, flags, way).await?,
        Way::Mail => mail(&mut desk, flags, account).await?,
        Way::Command => loop {
            let question = "The program and its arguments; it gets the alert as JSON";
            let text = desk.text("--alert-command", flags.alert_command.as_ref(), question, None).await?;
            match words(&text) {
                Some(argv) => {
                    break Channel { name: "program", kind: "command", keys: vec![("argv", Value::List(argv))] };
                }
                None if desk.ask.talks() && flags.alert_command.is_none() => {
                    anstream::println!("A quotation mark is left open in that.");
                }
                None => return Err(Failure::broken("--alert-command: no program, or a quotation mark is left open")),
            }
        },
        Way::Desktop => Channel { name: "desk", kind: "desktop", keys: Vec::new() },
    }))
}

async fn ntfy(desk: &mut Desk<'_, '_>, flags: &InitAlerts) -> Result<Channel, Failure> {
    let mut keys = Vec::new();
    if let Some(server) = &flags.ntfy_server {
        keys.push(("server", Value::Text(server.clone())));
    }
    let topic = match &flags.ntfy_topic_file {
        Some(path) => Secret::File(absolute(path)?),
        None => {
            let topic = topic()?;
            let server = flags.ntfy_server.as_deref().unwrap_or("https://ntfy.sh").trim_end_matches('/');
            anstream::println!(
                "Your topic, which nobody can guess and you show to nobody:\n\n  {topic}\n\nSubscribe to it in the ntfy \
                 app (+, then the topic{}), or open this page in a browser:\n\n  {server}/{topic}\n",
                if flags.ntfy_server.is_some() { ", and your server" } else { "" }
            );
            Secret::Ours { file: free(&desk.home.folder, "ntfy-topic"), text: SecretString::from(topic) }
        }
    };
    keys.push(("topic_from", Value::Secret(topic)));
    Ok(Channel { name: "phone", kind: "ntfy", keys })
}

/// `modori-` and what nobody can guess: 96 bits.
fn topic() -> Result<String, Failure> {
    let random = tls::random().map_err(|error| Failure::new(error.to_string()))?;
    let hex: String = random.iter().take(TOPIC).map(|byte| format!("{byte:02x}")).collect();
    Ok(format!("modori-{hex}"))
}

async fn webhook(desk: &mut Desk<'_, '_>, flags: &InitAlerts, way: Way) -> Result<Channel, Failure> {
    let (name, template, file, hint) = match way {
        Way::Discord => (
            "discord",
            Some("discord"),
            "discord-url",
            "Channel settings, Integrations, Webhooks, New Webhook, Copy Webhook URL; ?wait=true behind it.",
        ),
        Way::Slack => (
            "slack",
            Some("slack"),
            "slack-url",
            "api.slack.com/apps, Create New App, Incoming Webhooks, Add New Webhook to Workspace.",
        ),
        Way::Telegram => (
            "telegram",
            Some("telegram"),
            "telegram-url",
            "@BotFather gives a token: https://api.telegram.org/botTOKEN/sendMessage is the address.",
        ),
        _ => ("hook", None, "webhook-url", "It gets a POST of JSON: docs/configuration.md#channelname."),
    };
    anstream::println!("{hint}");
    let url = desk.secret(flags.webhook_url_file.as_ref(), "Address of the webhook", file).await?;
    let mut keys = vec![("url_from", Value::Secret(url))];
    keys.extend(template.map(|template| ("template", Value::Text(template.to_owned()))));
    if way == Way::Telegram {
        let question = "Id of the chat (…/botTOKEN/getUpdates shows it after you wrote to the bot)";
        let chat = desk.text("--telegram-chat", flags.telegram_chat.as_ref(), question, None).await?;
        keys.push(("values", Value::Entry("chat_id", chat)));
    }
    Ok(Channel { name, kind: "webhook", keys })
}

async fn mail(desk: &mut Desk<'_, '_>, flags: &InitAlerts, account: &Account) -> Result<Channel, Failure> {
    let question = "Address that alerts go to (another than the one that is watched)";
    let to = desk.text("--mail-to", flags.mail_to.as_ref(), question, None).await?;
    let preset = provider(account).and_then(|provider| provider.smtp.as_ref());
    let host =
        desk.text("--smtp-host", flags.smtp_host.as_ref(), "Server that sends", preset.map(|one| one.host.as_str()));
    let host = host.await?;
    let preset = preset.filter(|preset| preset.host == host);
    let user = flags.smtp_user.clone().unwrap_or_else(|| account.user.clone());
    let mut keys = vec![("host", Value::Text(host))];
    keys.extend(flags.smtp_port.or(preset.and_then(|one| one.port)).map(|port| ("port", Value::Number(port))));
    let security = flags.smtp_security.clone().or_else(|| preset.and_then(|one| one.security.clone()));
    keys.extend(security.map(|security| ("security", Value::Text(security))));
    let password = match (&flags.smtp_password_file, &account.login) {
        (Some(path), _) => Secret::File(absolute(path)?),
        // the provider takes the same one for sending
        (None, Login::Password(secret)) if flags.smtp_user.is_none() => secret.clone(),
        _ => desk.secret(None, "Password for sending", "smtp-password").await?,
    };
    keys.push(("user", Value::Text(user)));
    keys.push(("password", Value::Secret(password)));
    keys.push(("from", Value::Text(format!("modori <{}>", account.address))));
    keys.push(("to", Value::List(vec![to])));
    Ok(Channel { name: "mail", kind: "smtp", keys })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_topic_comes_twice_and_ntfy_takes_it() {
        let (one, other) = (topic().unwrap(), topic().unwrap());
        assert_ne!(one, other);
        assert_eq!(one.len(), "modori-".len() + 2 * TOPIC);
        assert!(one.chars().all(|c| c.is_ascii_alphanumeric() || c == '-'), "{one}");
    }
}
