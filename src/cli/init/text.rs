//! The text of `config.toml` and of the example among the shopper's own rules, from what was answered.

use super::answers::{ACCOUNT, Account, Answers, Channel, Login, Secret, Value};
use crate::wording::Language;
use std::fmt::Write as _;
use std::path::Path;

/// Where comments behind a value begin.
const COMMENT: usize = 38;

/// The folder of the shopper's own rules, beside the configuration.
pub(super) const RULES: &str = "rules";
/// The example in it.
pub(super) const EXAMPLE: &str = "my-restock.toml";
/// Where the pages are served.
pub(super) const LISTEN: &str = "127.0.0.1:8580";

/// An example of an own rule, all of it in comments.
pub(super) const OWN_RULES: &str = "\
# Your own rules. What stands here counts together with the rules that come with modori, and before them.
# Everything below is an example in comments: take the # away to use it, then run
#   modori rules check                 does it hold what it says? with file, line and column
#   modori sweep --dry-run             what would it do to your mail?
# A running watch takes a saved file at once. The language: docs/rules.md
#
# 自分のルールです。modori に付いているルールに加えて、それより先に使われます。
# 下の例の # を外して使い、modori rules check で確かめてください。保存すればすぐに効きます。

# category = \"restock\"

# A shop whose mail says it in its own words.
# [[rule]]
# name    = \"my favourite shop is back\"
# from    = \"favourite@shop.rakuten.co.jp\"
# subject = [\"お待たせしました\", \"ご用意できました\"]

# The same conditions as a rule that came with modori, and another folder.
# [[rule]]
# name    = \"re-sale announced\"
# inherit = \"re-sale announced\"
# folder  = \"楽天/再販\"

# A rule that came with modori, switched off.
# [[rule]]
# name    = \"re-sale announced\"
# enabled = false
";

/// A text as TOML writes it.
fn quoted(text: &str) -> String {
    toml::Value::String(text.to_owned()).to_string()
}

fn list(texts: &[String]) -> String {
    let all: Vec<String> = texts.iter().map(|text| quoted(text)).collect();
    format!("[{}]", all.join(", "))
}

fn shown(path: &Path) -> String {
    path.display().to_string()
}

/// A line, and what it means.
fn line(out: &mut String, value: &str, comment: &str) {
    let _ = if comment.is_empty() {
        writeln!(out, "{value}")
    } else {
        writeln!(out, "{value:<width$}# {comment}", width = COMMENT.max(value.chars().count() + 1))
    };
}

impl Secret {
    /// As it is written.
    pub(super) fn written(&self) -> String {
        match self {
            Self::Ours { file, .. } => format!("{{ file = {} }}", quoted(file)),
            Self::Command(argv) => format!("{{ command = {} }}", list(argv)),
            Self::Environment(name) => format!("{{ env = {} }}", quoted(name)),
            Self::File(path) => format!("{{ file = {} }}", quoted(&shown(path))),
            Self::Credential(name) => format!("{{ credential = {} }}", quoted(name)),
        }
    }
}

impl Answers {
    /// The text of `config.toml`.
    pub(super) fn config(&self) -> String {
        let mut out = String::from(
            "# modori's configuration, written by `modori init`. Change what you like, then run `modori doctor`.\n\
             # Every key is explained in docs/configuration.md.\n",
        );
        line(&mut out, "version = 1", "");
        let language = match self.language {
            Language::Ja => "language = \"ja\"",
            Language::En => "language = \"en\"",
        };
        line(&mut out, language, "of alerts and case words: \"ja\" or \"en\"");
        line(
            &mut out,
            &format!("rules = \"{RULES}\""),
            "your own rules, beside this file: they add to those of modori",
        );
        if let Some(state) = &self.state {
            line(&mut out, &format!("state = {}", quoted(&shown(state))), "the database");
        }
        out.push('\n');
        self.account.write(&mut out);
        match self.authserv_ids.as_slice() {
            [] => line(
                &mut out,
                "# authserv_ids = [\"mx.example.jp\"]",
                "whose word on forgeries counts: docs/configuration.md, Trust",
            ),
            ids => line(&mut out, &format!("authserv_ids = {}", list(ids)), "whose word on forgeries counts"),
        }
        self.account.write_oauth(&mut out);
        if !self.folders.is_empty() {
            out.push('\n');
            line(&mut out, "[account.folders]", "other folders than the rules name");
            for (category, folder) in &self.folders {
                line(&mut out, &format!("{} = {}", key(category), quoted(folder)), "");
            }
        }
        out.push_str("\n[filing]\n");
        match self.moves {
            true => line(&mut out, "mode = \"move\"", "\"observe\" moves nothing"),
            false => line(&mut out, "mode = \"observe\"", "moves nothing; `modori init --agree` makes it \"move\""),
        }
        out.push_str("\n[alerts]\n");
        match &self.channel {
            Some(channel) => {
                line(&mut out, &format!("channels = [{}]", quoted(channel.name)), "try it: modori alert test");
                channel.write(&mut out);
            }
            None => line(&mut out, "channels = []", "nobody is told: see docs/channels.md"),
        }
        out.push('\n');
        match self.web {
            true => {
                line(&mut out, "[web]", "the pages, on this machine alone");
                line(&mut out, &format!("listen = \"{LISTEN}\""), "");
            }
            false => {
                line(&mut out, "# [web]", "the pages, on this machine alone");
                line(&mut out, &format!("# listen = \"{LISTEN}\""), "");
            }
        }
        out
    }
}

/// A key, quoted where it must be.
fn key(name: &str) -> String {
    let bare = !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_'));
    if bare { name.to_owned() } else { quoted(name) }
}

impl Account {
    fn write(&self, out: &mut String) {
        line(out, "[[account]]", "");
        line(out, &format!("name = \"{ACCOUNT}\""), "part of what is stored: better not changed");
        let mut add = |key: &str, value: String, comment: &str| line(out, &format!("{key} = {value}"), comment);
        if let Some(provider) = &self.provider {
            add("provider", quoted(provider), &format!("host and port are known: docs/providers.md#{provider}"));
        }
        if let Some(host) = &self.host {
            add("host", quoted(host), "");
        }
        if let Some(port) = self.port {
            add("port", port.to_string(), "");
        }
        if let Some(security) = &self.security {
            add("security", quoted(security), "");
        }
        if let Some(ca_file) = &self.ca_file {
            add("ca_file", quoted(&shown(ca_file)), "a further trusted certificate");
        }
        if let Some(pin) = &self.pin {
            add("pin", quoted(pin), "the one key that the server must show");
        }
        let known = self.provider.is_none() && self.host.is_none();
        add("user", quoted(&self.user), if known { "host and port follow from the address" } else { "" });
        if self.user != self.address {
            add("own_addresses", list(std::slice::from_ref(&self.address)), "what you wrote yourself starts nothing");
        }
        match &self.login {
            Login::Password(secret) => add(
                "password",
                secret.written(),
                match secret {
                    Secret::Ours { .. } | Secret::File(_) => "a file that only you can read",
                    Secret::Command(_) => "its first line",
                    Secret::Environment(_) => "an environment variable",
                    Secret::Credential(_) => "the unit needs a LoadCredential=: docs/operations.md",
                },
            ),
            Login::Program(argv) => {
                add("access_token", format!("{{ command = {} }}", list(argv)), "a token that is good now");
            }
            Login::Oauth { .. } => {}
        }
    }

    fn write_oauth(&self, out: &mut String) {
        let Login::Oauth { client_id, client_secret } = &self.login else { return };
        out.push('\n');
        line(out, "[account.oauth]", &format!("access is granted by `modori login {ACCOUNT}`: docs/oauth.md"));
        line(out, &format!("client_id = {}", quoted(client_id)), "");
        if let Some(secret) = client_secret {
            line(out, &format!("client_secret = {}", secret.written()), "");
        }
    }
}

impl Channel {
    fn write(&self, out: &mut String) {
        let _ = write!(out, "\n[channel.{}]\n", self.name);
        line(out, &format!("kind = \"{}\"", self.kind), &format!("docs/channels.md#{}", self.kind));
        for (key, value) in &self.keys {
            let value = match value {
                Value::Text(text) => quoted(text),
                Value::Number(number) => number.to_string(),
                Value::List(texts) => list(texts),
                Value::Entry(name, text) => format!("{{ {name} = {} }}", quoted(text)),
                Value::Secret(secret) => secret.written(),
            };
            line(out, &format!("{key} = {value}"), "");
        }
    }
}
