//! Alert channels as configured.

use super::check::Check;
use super::kind::{Ack, ChannelKind, Login, Ntfy, Pushover, Smtp, Webhook};
use super::template::{self, Template};
use super::{Channel, Hidden, syntax};
use crate::edge::imap::Security;
use crate::wording::{Language, Wording};
use std::collections::BTreeMap;
use std::ops::Range;
use std::path::PathBuf;
use std::time::Duration;
use toml::Spanned;

/// How often a connection to an HTTP service is used so that it stays open: many close it after five minutes or more.
const KEEP_WARM: Duration = Duration::from_secs(240);
/// Not more often.
const LEAST_KEEP_WARM: Duration = Duration::from_secs(30);

/// Most bytes of all tags of a notification together (ntfy 2.28).
const TAGS: usize = 512;

/// Headers that modori or HTTP itself writes.
const OURS: [&str; 9] = [
    "authorization", "connection", "content-length", "content-type", "host", "idempotency-key", "transfer-encoding",
    "x-modori-signature", "x-modori-timestamp",
];

/// What the carriers of Japan give their phones as mail addresses; below some of them lie further names.
const CARRIERS: [&str; 16] = [
    "au.com", "disney.ne.jp", "docomo.ne.jp", "emnet.ne.jp", "ezweb.ne.jp", "i.softbank.jp", "pdx.ne.jp",
    "rakumail.jp", "sky.tkc.ne.jp", "softbank.ne.jp", "uqmobile.jp", "vodafone.ne.jp", "willcom.com", "y-mobile.ne.jp",
    "ymobile.ne.jp", "ymobile1.ne.jp",
];

impl Check<'_> {
    pub(super) fn channels(
        &mut self,
        written: &BTreeMap<Spanned<String>, Spanned<syntax::Channel>>,
        language: Language,
    ) -> BTreeMap<String, Channel> {
        let buttons = Wording::default().buttons(language);
        let mut channels = BTreeMap::new();
        for (name, spanned) in written {
            let channel = spanned.get_ref();
            let timeout = self.duration(channel.timeout.as_ref(), Duration::from_secs(20));
            if let Some(kind) = self.channel(name, channel) {
                let keep_warm = self.keep_warm(&kind, channel.keep_warm.as_ref());
                let buttons = buttons.clone();
                channels.insert(name.get_ref().clone(), Channel { kind, timeout, keep_warm, buttons });
            }
        }
        channels
    }

    /// HTTP services take a request without content every few minutes from anybody; a mail server would see a login.
    fn keep_warm(&mut self, kind: &ChannelKind, written: Option<&Spanned<String>>) -> Option<Duration> {
        let usual = match kind {
            ChannelKind::Webhook(_) | ChannelKind::Ntfy(_) | ChannelKind::Pushover(_) | ChannelKind::Line { .. } => {
                Some(KEEP_WARM)
            }
            ChannelKind::Smtp(_) | ChannelKind::Command { .. } | ChannelKind::Desktop => None,
        };
        let Some(written) = written else { return usual };
        if written.get_ref() == "off" {
            return None;
        }
        let every = self.duration(Some(written), KEEP_WARM);
        if every < LEAST_KEEP_WARM {
            self.wrong(
                written.span(),
                "that often is a burden to the service",
                "\"30s\" is the least; \"off\" opens the connection when it is needed",
            );
        }
        Some(every)
    }

    fn channel(&mut self, name: &Spanned<String>, written: &syntax::Channel) -> Option<ChannelKind> {
        let kind = written.kind.get_ref().as_str();
        let keys: &[&str] = match kind {
            "command" => &["argv"],
            "desktop" => &[],
            "webhook" => &[
                "url", "url_from", "token", "template", "template_file", "values", "headers", "headers_from", "secret",
                "ca_file", "keep_warm",
            ],
            "ntfy" => &[
                "server", "topic", "topic_from", "token", "user", "password", "icon", "tags", "ack_topic",
                "ack_topic_from", "ack_token", "ca_file", "keep_warm",
            ],
            "pushover" => &["token", "user", "user_from", "device", "sound", "server", "ca_file", "keep_warm"],
            "line" => &["token", "to", "server", "ca_file", "keep_warm"],
            "smtp" => &["host", "port", "security", "user", "password", "from", "to", "short", "ca_file", "keep_warm"],
            _ => {
                self.wrong(
                    written.kind.span(),
                    format!("there is no kind of channel called `{kind}`"),
                    "one of \"command\", \"desktop\", \"webhook\", \"ntfy\", \"pushover\", \"line\", \"smtp\"",
                );
                return None;
            }
        };
        for (key, span) in written.present() {
            if !keys.contains(&key) {
                let help = match keys {
                    [] => "it needs nothing but its kind".to_owned(),
                    keys => format!("it knows {}", keys.join(", ")),
                };
                self.wrong(span, format!("a {kind} channel has no `{key}`"), &help);
            }
        }
        let ca_file = written.ca_file.as_ref().map(|path| self.path(path.get_ref()));
        match kind {
            "command" => {
                let argv = self.needed(name, "argv", written.argv.as_ref())?;
                if argv.first().is_none_or(String::is_empty) {
                    let span = written.argv.as_ref().map_or(name.span(), Spanned::span);
                    self.wrong(span, "argv needs at least a program", "argv = [\"/usr/local/bin/ring\", \"loud\"]");
                }
                Some(ChannelKind::Command { argv })
            }
            "desktop" => Some(ChannelKind::Desktop),
            "webhook" => self.webhook(name, written, ca_file),
            "ntfy" => self.ntfy(name, written, ca_file),
            "pushover" => self.pushover(name, written, ca_file),
            "line" => self.line(name, written, ca_file),
            _ => self.smtp(name, written, ca_file),
        }
    }

    fn webhook(
        &mut self,
        name: &Spanned<String>,
        written: &syntax::Channel,
        ca_file: Option<PathBuf>,
    ) -> Option<ChannelKind> {
        let url = self.hidden(name, "url", written.url.as_ref(), written.url_from.as_ref());
        if let (Some(Hidden::Plain(url)), Some(spanned)) = (&url, &written.url) {
            self.url(url, spanned.span());
        }
        let template = self.template(name, written);
        let plain = written.headers.iter().map(|(name, value)| (name, Hidden::Plain(value.get_ref().clone())));
        let mut headers: Vec<(&Spanned<String>, Hidden)> = plain.collect();
        for (name, value) in &written.headers {
            if value.get_ref().chars().any(|c| !matches!(c, ' '..='~')) {
                let help = "letters, digits and signs of ASCII, without a line end";
                self.wrong(value.span(), format!("the header `{}` cannot hold this", name.get_ref()), help);
            }
        }
        for (name, secret) in &written.headers_from {
            let secret = self.secret(secret);
            headers.push((name, Hidden::Elsewhere(secret)));
        }
        for (name, _) in &headers {
            self.header_name(name);
        }
        let headers = headers.into_iter().map(|(name, value)| (name.get_ref().clone(), value)).collect();
        let token = written.token.as_ref().map(|token| self.secret(token));
        let secret = written.secret.as_ref().map(|secret| self.secret(secret));
        Some(ChannelKind::Webhook(Webhook { url: url?, token, template: template?, headers, secret, ca_file }))
    }

    fn header_name(&mut self, name: &Spanned<String>) {
        let text = name.get_ref();
        let odd = |c: char| !(c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c));
        if text.is_empty() || text.contains(odd) {
            self.wrong(name.span(), format!("`{text}` is not the name of a header"), "");
        } else if OURS.contains(&text.to_ascii_lowercase().as_str()) {
            let help = "token = … writes Authorization, secret = … signs; leave the others out";
            self.wrong(name.span(), format!("the header `{text}` is written by modori itself"), help);
        }
    }

    /// The template that is named, tried. The outer `None`: it cannot be used.
    #[allow(clippy::option_option, reason = "no template is something else than a broken one")]
    fn template(&mut self, name: &Spanned<String>, written: &syntax::Channel) -> Option<Option<Template>> {
        let (span, text) = match (&written.template, &written.template_file) {
            (Some(named), Some(_)) => {
                self.wrong(named.span(), "both `template` and `template_file` are given", "keep one of them");
                return None;
            }
            (Some(named), None) if named.get_ref() == "modori" => (named.span(), None),
            (Some(named), None) => {
                let Some(text) = Template::shipped(named.get_ref()) else {
                    let message = format!("there is no template `{}`", named.get_ref());
                    let names = template::NAMES.map(|name| format!("\"{name}\"")).join(", ");
                    let help = format!("one of \"modori\", {names}; template_file = \"PATH\" for your own");
                    self.wrong(named.span(), message, &help);
                    return None;
                };
                (named.span(), Some(text.to_owned()))
            }
            (None, Some(file)) => {
                let path = self.path(file.get_ref());
                match std::fs::read_to_string(&path) {
                    Ok(text) => (file.span(), Some(text)),
                    Err(error) => {
                        let message = format!("cannot read the template {}: {error}", path.display());
                        self.wrong(file.span(), message, "check the path, and that the file is UTF-8");
                        return None;
                    }
                }
            }
            (None, None) => (name.span(), None),
        };
        let Some(text) = text else {
            if let Some((key, _)) = written.values.first_key_value() {
                let help = "add template = \"…\" or template_file = \"PATH\"";
                self.wrong(key.span(), "values are for a template, and there is none", help);
            }
            return Some(None);
        };
        let values = written
            .values
            .iter()
            .filter_map(|(name, value)| serde_json::to_value(value).ok().map(|value| (name.get_ref().clone(), value)));
        match Template::new(&text, values.collect()) {
            Ok(template) => Some(Some(template)),
            Err(what) => {
                let help = "docs/channels.md lists what a template gets; values = { … } gives it values of your own";
                self.wrong(span, format!("the template cannot be used: {what}"), help);
                None
            }
        }
    }

    fn ntfy(
        &mut self,
        name: &Spanned<String>,
        written: &syntax::Channel,
        ca_file: Option<PathBuf>,
    ) -> Option<ChannelKind> {
        let server = self.server(written, "https://ntfy.sh");
        let topic = self.hidden(name, "topic", written.topic.as_ref(), written.topic_from.as_ref());
        let login = match (&written.token, &written.user, &written.password) {
            (Some(token), None, None) => Some(Login::Token(self.secret(token))),
            (None, Some(user), Some(password)) => Some(Login::Password(user.get_ref().clone(), self.secret(password))),
            (None, None, None) => None,
            _ => {
                let help = "give token = SECRET, or user = \"…\" and password = SECRET, or nothing";
                self.wrong(name.span(), "an ntfy channel logs in by a token, or by user and password", help);
                None
            }
        };
        let ack = match (&written.ack_topic, &written.ack_topic_from) {
            (None, None) => None,
            (plain, secret) => self.hidden(name, "ack_topic", plain.as_ref(), secret.as_ref()),
        };
        if let (Some(Hidden::Plain(topic)), Some(Hidden::Plain(ack)), Some(written)) =
            (&topic, &ack, &written.ack_topic)
            && topic == ack
        {
            let help = "give it a topic of its own: every acknowledgement would ring as an alert";
            self.wrong(written.span(), "acknowledgements would go to the topic of the alerts", help);
        }
        if let (None, Some(token)) = (&ack, &written.ack_token) {
            self.wrong(token.span(), "`ack_token` is for an `ack_topic`, and there is none", "add ack_topic = \"…\"");
        }
        let ack = ack.map(|topic| Ack { topic, token: written.ack_token.as_ref().map(|token| self.secret(token)) });
        if let Some(icon) = &written.icon {
            self.url(icon.get_ref(), icon.span());
        }
        let tags: Vec<String> = written.tags.iter().map(|tag| tag.get_ref().clone()).collect();
        if let Some(first) = written.tags.first()
            && (tags.join(",").len() > TAGS || tags.iter().any(|tag| tag.contains(',') || tag.trim().is_empty()))
        {
            self.wrong(first.span(), "these tags are not taken", "no commas, and 512 bytes together at most");
        }
        let icon = written.icon.as_ref().map(|icon| icon.get_ref().clone());
        Some(ChannelKind::Ntfy(Ntfy { server, topic: topic?, login, icon, tags, ack, ca_file }))
    }

    fn pushover(
        &mut self,
        name: &Spanned<String>,
        written: &syntax::Channel,
        ca_file: Option<PathBuf>,
    ) -> Option<ChannelKind> {
        let server = self.server(written, "https://api.pushover.net");
        let user = self.hidden(name, "user", written.user.as_ref(), written.user_from.as_ref());
        let token = self.token(name, written, "the token of your application at pushover.net");
        let plain = |text: &Option<Spanned<String>>| text.as_ref().map(|text| text.get_ref().clone());
        let (device, sound) = (plain(&written.device), plain(&written.sound));
        Some(ChannelKind::Pushover(Pushover { server, token: token?, user: user?, device, sound, ca_file }))
    }

    fn line(
        &mut self,
        name: &Spanned<String>,
        written: &syntax::Channel,
        ca_file: Option<PathBuf>,
    ) -> Option<ChannelKind> {
        let server = self.server(written, "https://api.line.me");
        let token = self.token(name, written, "the channel access token of your LINE Official Account");
        let [to] = written.to.as_slice() else {
            let span = written.to.first().map_or(name.span(), Spanned::span);
            let help = "to = [\"U…\"], your user ID: Basic settings of the channel in the LINE Developers Console";
            self.wrong(span, "a line channel tells one user, group or room", help);
            return None;
        };
        let id = to.get_ref();
        let hex = |c: char| c.is_ascii_digit() || ('a'..='f').contains(&c);
        if id.len() != 33 || !id.starts_with(['U', 'C', 'R']) || !id.chars().skip(1).all(hex) {
            let help =
                "U (user), C (group) or R (room) and 32 digits or letters a to f: not the name that friends search for";
            self.wrong(to.span(), "this is not an ID of LINE", help);
        }
        Some(ChannelKind::Line { server, token: token?, to: id.clone(), ca_file })
    }

    fn smtp(
        &mut self,
        name: &Spanned<String>,
        written: &syntax::Channel,
        ca_file: Option<PathBuf>,
    ) -> Option<ChannelKind> {
        let Some(host) = &written.host else {
            self.wrong(name.span(), "this smtp channel has no `host`", "add host = \"smtp.example.jp\"");
            return None;
        };
        let security = self.security(written.security.as_ref(), host);
        let port = written.port.as_ref().map_or(
            match security {
                Security::Tls => 465,
                Security::StartTls => 587,
                Security::Plain => 25,
            },
            |port| *port.get_ref(),
        );
        let from = self.needed(name, "from", written.from.as_ref())?;
        if written.to.is_empty() {
            self.wrong(name.span(), "this smtp channel has no `to`", "add to = [\"me@example.jp\"]");
        }
        for address in written.to.iter().chain(&written.from) {
            if !address.get_ref().contains('@') {
                self.wrong(address.span(), format!("`{}` is not a mail address", address.get_ref()), "");
            }
        }
        let login = match (&written.user, &written.password) {
            (Some(user), Some(password)) => Some((user.get_ref().clone(), self.secret(password))),
            (None, None) => None,
            _ => {
                self.wrong(name.span(), "user and password go together", "give both, or neither");
                None
            }
        };
        let to: Vec<String> = written.to.iter().map(|address| address.get_ref().clone()).collect();
        let short = written.short.as_ref().map_or_else(|| to.iter().all(|to| of_carrier(to)), |short| *short.get_ref());
        let host = host.get_ref().clone();
        Some(ChannelKind::Smtp(Smtp { host, port, security, login, from, to, short, ca_file }))
    }

    fn server(&mut self, written: &syntax::Channel, usual: &str) -> String {
        let Some(server) = &written.server else { return usual.to_owned() };
        let address = server.get_ref().trim_end_matches('/').to_owned();
        self.url(&address, server.span());
        address
    }

    fn token(
        &mut self,
        name: &Spanned<String>,
        written: &syntax::Channel,
        what: &str,
    ) -> Option<crate::edge::secret::Secret> {
        if written.token.is_none() {
            let help = format!("add token = {{ file = \"PATH\" }}: {what}");
            self.wrong(name.span(), format!("channel `{}` has no `token`", name.get_ref()), &help);
        }
        written.token.as_ref().map(|token| self.secret(token))
    }
}

/// Whether a mail to this address arrives on a phone as the carrier's own mail.
fn of_carrier(address: &str) -> bool {
    let domain = super::bare_address(address).rsplit_once('@').map_or("", |(_, domain)| domain).to_ascii_lowercase();
    CARRIERS
        .iter()
        .any(|carrier| domain.strip_suffix(carrier).is_some_and(|above| above.is_empty() || above.ends_with('.')))
}

impl syntax::Channel {
    /// The keys that are there, besides `kind` and `timeout`.
    fn present(&self) -> Vec<(&'static str, Range<usize>)> {
        let mut keys = Vec::new();
        let mut add = |key, span: Option<Range<usize>>| keys.extend(span.map(|span| (key, span)));
        add("argv", self.argv.as_ref().map(Spanned::span));
        add("url", self.url.as_ref().map(Spanned::span));
        add("url_from", self.url_from.as_ref().map(Spanned::span));
        add("server", self.server.as_ref().map(Spanned::span));
        add("topic", self.topic.as_ref().map(Spanned::span));
        add("topic_from", self.topic_from.as_ref().map(Spanned::span));
        add("token", self.token.as_ref().map(Spanned::span));
        add("host", self.host.as_ref().map(Spanned::span));
        add("port", self.port.as_ref().map(Spanned::span));
        add("security", self.security.as_ref().map(Spanned::span));
        add("user", self.user.as_ref().map(Spanned::span));
        add("user_from", self.user_from.as_ref().map(Spanned::span));
        add("password", self.password.as_ref().map(Spanned::span));
        add("from", self.from.as_ref().map(Spanned::span));
        add("to", self.to.first().map(Spanned::span));
        add("short", self.short.as_ref().map(Spanned::span));
        add("icon", self.icon.as_ref().map(Spanned::span));
        add("tags", self.tags.first().map(Spanned::span));
        add("ack_topic", self.ack_topic.as_ref().map(Spanned::span));
        add("ack_topic_from", self.ack_topic_from.as_ref().map(Spanned::span));
        add("ack_token", self.ack_token.as_ref().map(Spanned::span));
        add("device", self.device.as_ref().map(Spanned::span));
        add("sound", self.sound.as_ref().map(Spanned::span));
        add("template", self.template.as_ref().map(Spanned::span));
        add("template_file", self.template_file.as_ref().map(Spanned::span));
        add("values", self.values.keys().next().map(Spanned::span));
        add("headers", self.headers.keys().next().map(Spanned::span));
        add("headers_from", self.headers_from.keys().next().map(Spanned::span));
        add("secret", self.secret.as_ref().map(Spanned::span));
        add("ca_file", self.ca_file.as_ref().map(Spanned::span));
        add("keep_warm", self.keep_warm.as_ref().map(Spanned::span));
        keys
    }
}

#[cfg(test)]
mod tests;
