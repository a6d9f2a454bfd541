//! Alert channels as configured.

use super::check::Check;
use super::{Channel, ChannelKind, Hidden, syntax};
use crate::edge::imap::Security;
use std::collections::BTreeMap;
use std::ops::Range;
use std::time::Duration;
use toml::Spanned;

/// How often a connection to an HTTP service is used so that it stays open: many close it after five minutes or more.
const KEEP_WARM: Duration = Duration::from_secs(240);
/// Not more often.
const LEAST_KEEP_WARM: Duration = Duration::from_secs(30);

impl Check<'_> {
    pub(super) fn channels(
        &mut self,
        written: &BTreeMap<Spanned<String>, Spanned<syntax::Channel>>,
    ) -> BTreeMap<String, Channel> {
        let mut channels = BTreeMap::new();
        for (name, spanned) in written {
            let channel = spanned.get_ref();
            let timeout = self.duration(channel.timeout.as_ref(), Duration::from_secs(20));
            if let Some(kind) = self.channel(name, channel) {
                let keep_warm = self.keep_warm(&kind, channel.keep_warm.as_ref());
                channels.insert(name.get_ref().clone(), Channel { kind, timeout, keep_warm });
            }
        }
        channels
    }

    /// HTTP services take a request without content every few minutes from anybody; a mail server would see a login.
    fn keep_warm(&mut self, kind: &ChannelKind, written: Option<&Spanned<String>>) -> Option<Duration> {
        let usual = match kind {
            ChannelKind::Webhook { .. } | ChannelKind::Ntfy { .. } => Some(KEEP_WARM),
            ChannelKind::Smtp { .. } | ChannelKind::Command { .. } => None,
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
            "webhook" => &["url", "url_from", "token", "ca_file", "keep_warm"],
            "ntfy" => &["server", "topic", "topic_from", "token", "ca_file", "keep_warm"],
            "smtp" => &["host", "port", "security", "user", "password", "from", "to", "ca_file", "keep_warm"],
            _ => {
                self.wrong(
                    written.kind.span(),
                    format!("there is no kind of channel called `{kind}`"),
                    "one of \"command\", \"webhook\", \"ntfy\", \"smtp\"",
                );
                return None;
            }
        };
        for (key, span) in written.present() {
            if !keys.contains(&key) {
                self.wrong(span, format!("a {kind} channel has no `{key}`"), &format!("it knows {}", keys.join(", ")));
            }
        }
        let ca_file = written.ca_file.as_ref().map(|path| self.path(path.get_ref()));
        let token = written.token.as_ref().map(|token| self.secret(token));
        match kind {
            "command" => {
                let argv = self.needed(name, "argv", written.argv.as_ref())?;
                if argv.first().is_none_or(String::is_empty) {
                    let span = written.argv.as_ref().map_or(name.span(), Spanned::span);
                    self.wrong(span, "argv needs at least a program", "argv = [\"notify-send\", \"modori\"]");
                }
                Some(ChannelKind::Command { argv })
            }
            "webhook" => {
                let url = self.hidden(name, "url", written.url.as_ref(), written.url_from.as_ref())?;
                if let (Hidden::Plain(url), Some(spanned)) = (&url, &written.url) {
                    self.url(url, spanned.span());
                }
                Some(ChannelKind::Webhook { url, token, ca_file })
            }
            "ntfy" => {
                let server = written.server.as_ref().map_or_else(
                    || "https://ntfy.sh".to_owned(),
                    |server| server.get_ref().trim_end_matches('/').to_owned(),
                );
                if let Some(spanned) = &written.server {
                    self.url(&server, spanned.span());
                }
                let topic = self.hidden(name, "topic", written.topic.as_ref(), written.topic_from.as_ref())?;
                Some(ChannelKind::Ntfy { server, topic, token, ca_file })
            }
            _ => {
                let host = written.host.clone();
                let Some(host) = host else {
                    self.wrong(name.span(), "this smtp channel has no `host`", "add host = \"smtp.example.jp\"");
                    return None;
                };
                let security = self.security(written.security.as_ref(), &host);
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
                let to = written.to.iter().map(|address| address.get_ref().clone()).collect();
                Some(ChannelKind::Smtp { host: host.into_inner(), port, security, login, from, to, ca_file })
            }
        }
    }
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
        add("password", self.password.as_ref().map(Spanned::span));
        add("from", self.from.as_ref().map(Spanned::span));
        add("to", self.to.first().map(Spanned::span));
        add("ca_file", self.ca_file.as_ref().map(Spanned::span));
        add("keep_warm", self.keep_warm.as_ref().map(Spanned::span));
        keys
    }
}
