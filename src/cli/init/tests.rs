//! The text of what is written, exactly; and that modori's own loader takes it, whatever was answered.

use super::answers::{Account, Channel, Login, Secret, Value};
use super::text::OWN_RULES;
use super::*;
use crate::cli::args::{Arguments, Command};
use crate::rules::{self, Source};
use clap::Parser as _;
use secrecy::SecretString;
use std::path::PathBuf;

fn ours(file: &str, text: &str) -> Secret {
    Secret::Ours { file: file.to_owned(), text: SecretString::from(text) }
}

fn gmail() -> Answers {
    Answers {
        language: Language::Ja,
        state: None,
        account: Account {
            address: "hanako@gmail.com".to_owned(),
            provider: None,
            host: None,
            port: None,
            security: None,
            ca_file: None,
            pin: None,
            user: "hanako@gmail.com".to_owned(),
            login: Login::Password(ours("mail-password", "abcdefghijklmnop")),
        },
        authserv_ids: vec!["mx.google.com".to_owned()],
        folders: BTreeMap::new(),
        moves: false,
        channel: Some(Channel {
            name: "phone",
            kind: "ntfy",
            keys: vec![("topic_from", Value::Secret(ours("ntfy-topic", "modori-00")))],
        }),
        web: false,
    }
}

fn home() -> Home {
    Home { file: "/h/modori/config.toml".into(), folder: "/h/modori".into(), named: false, state: None }
}

#[test]
fn the_usual_configuration_reads_like_this() {
    assert_eq!(
        gmail().config(),
        r#"# modori's configuration, written by `modori init`. Change what you like, then run `modori doctor`.
# Every key is explained in docs/configuration.md.
version = 1
language = "ja"                       # of alerts and case words: "ja" or "en"
rules = "rules"                       # your own rules, beside this file: they add to those of modori

[[account]]
name = "home"                         # part of what is stored: better not changed
user = "hanako@gmail.com"             # host and port follow from the address
password = { file = "mail-password" } # a file that only you can read
authserv_ids = ["mx.google.com"]      # whose word on forgeries counts

[filing]
mode = "observe"                      # moves nothing; `modori init --agree` makes it "move"

[alerts]
channels = ["phone"]                  # try it: modori alert test

[channel.phone]
kind = "ntfy"                         # docs/channels.md#ntfy
topic_from = { file = "ntfy-topic" }

# [web]                               # the pages, on this machine alone
# listen = "127.0.0.1:8580"
"#
    );
    let config = home().config(&gmail()).unwrap();
    assert!(config.policy.observe);
    assert_eq!(config.accounts[0].host, "imap.gmail.com");
    assert_eq!(config.rules, Some(PathBuf::from("/h/modori/rules")));
    assert_eq!(config.idle_channels(), Vec::<&str>::new());
}

#[test]
fn a_server_of_ones_own_with_everything_else_reads_like_this() {
    let answers = Answers {
        language: Language::En,
        state: Some("/h/state".into()),
        account: Account {
            address: "hanako@example.jp".to_owned(),
            host: Some("mail.example.jp".to_owned()),
            port: Some(1143),
            security: Some("starttls".to_owned()),
            ca_file: Some("/h/ca \"1\".pem".into()),
            user: "hanako".to_owned(),
            login: Login::Password(Secret::Command(vec!["pass".to_owned(), "my mail".to_owned()])),
            ..gmail().account
        },
        authserv_ids: Vec::new(),
        folders: BTreeMap::from([("restock".to_owned(), "買い物/再入荷".to_owned())]),
        moves: true,
        channel: None,
        web: true,
    };
    assert_eq!(
        answers.config(),
        r#"# modori's configuration, written by `modori init`. Change what you like, then run `modori doctor`.
# Every key is explained in docs/configuration.md.
version = 1
language = "en"                       # of alerts and case words: "ja" or "en"
rules = "rules"                       # your own rules, beside this file: they add to those of modori
state = "/h/state"                    # the database

[[account]]
name = "home"                         # part of what is stored: better not changed
host = "mail.example.jp"
port = 1143
security = "starttls"
ca_file = '/h/ca "1".pem'             # a further trusted certificate
user = "hanako"
own_addresses = ["hanako@example.jp"] # what you wrote yourself starts nothing
password = { command = ["pass", "my mail"] } # its first line
# authserv_ids = ["mx.example.jp"]    # whose word on forgeries counts: docs/configuration.md, Trust

[account.folders]                     # other folders than the rules name
restock = "買い物/再入荷"

[filing]
mode = "move"                         # "observe" moves nothing

[alerts]
channels = []                         # nobody is told: see docs/channels.md

[web]                                 # the pages, on this machine alone
listen = "127.0.0.1:8580"
"#
    );
    let config = home().config(&answers).unwrap();
    assert!(!config.policy.observe && config.web.is_some());
    assert_eq!(config.state, PathBuf::from("/h/state"));
    assert_eq!(config.accounts[0].own_addresses, ["hanako@example.jp"]);
    assert_eq!(config.accounts[0].ca_file, Some(PathBuf::from("/h/ca \"1\".pem")));
}

#[test]
fn access_by_token_has_a_table_of_its_own() {
    let account = Account {
        address: "hanako@outlook.jp".to_owned(),
        user: "hanako@outlook.jp".to_owned(),
        login: Login::Oauth { client_id: "00-11".to_owned(), client_secret: Some(ours("oauth-client", "s")) },
        ..gmail().account
    };
    let folders = BTreeMap::from([("restock".to_owned(), "a".to_owned())]);
    let answers = Answers { account, folders, ..gmail() };
    let config = home().config(&answers).unwrap();
    let Some(grant) = (match &config.accounts[0].credential {
        crate::edge::oauth::Credential::Token(tokens) => tokens.grant(),
        crate::edge::oauth::Credential::Password(_) => None,
    }) else {
        panic!("{}", answers.config())
    };
    assert_eq!(grant.client_id, "00-11");
    assert_eq!(config.accounts[0].authserv_ids, ["mx.google.com"], "{}", answers.config());
    assert!(!config.accounts[0].own.is_none(), "{}", answers.config());
}

#[test]
fn every_kind_of_channel_passes_the_loader_and_its_secrets_are_at_hand_before_they_are_written() {
    let secret = |file: &str| Value::Secret(ours(file, "geheim"));
    let text = |text: &str| Value::Text(text.to_owned());
    let list = |text: &str| Value::List(vec![text.to_owned()]);
    for (kind, keys) in [
        ("ntfy", vec![("server", text("https://ntfy.example.jp")), ("topic_from", secret("t"))]),
        ("pushover", vec![("token", secret("t")), ("user_from", secret("u"))]),
        ("line", vec![("token", secret("t")), ("to", list("U4af4980629d4dc9b4a5f7b8a2c6d8e0f"))]),
        ("webhook", vec![("url_from", secret("t")), ("template", text("discord"))]),
        (
            "webhook",
            vec![
                ("url_from", secret("t")),
                ("template", text("telegram")),
                ("values", Value::Entry("chat_id", "1".into())),
            ],
        ),
        (
            "smtp",
            vec![
                ("host", text("smtp.example.jp")),
                ("port", Value::Number(587)),
                ("security", text("starttls")),
                ("user", text("h")),
                ("password", secret("mail-password")),
                ("from", text("modori <h@example.jp>")),
                ("to", list("h@docomo.ne.jp")),
            ],
        ),
        ("command", vec![("argv", list("ring"))]),
        ("desktop", vec![]),
    ] {
        let answers = Answers { channel: Some(Channel { name: "phone", kind, keys }), ..gmail() };
        let config = home().config(&answers).unwrap_or_else(|failure| panic!("{kind}: {}", failure.what));
        for (key, secret) in config.channels["phone"].kind.secrets() {
            assert!(matches!(secret, crate::edge::secret::Secret::Given(_)), "{kind}: {key}");
        }
    }
    // the mailbox's own password is written once
    let kept = |answers: &Answers| answers.kept().iter().map(|(file, _)| (*file).to_owned()).collect::<Vec<_>>();
    let keys = vec![("password", secret("mail-password"))];
    let answers = Answers { channel: Some(Channel { name: "mail", kind: "smtp", keys }), ..gmail() };
    assert_eq!(kept(&answers), ["mail-password"]);
    assert_eq!(kept(&gmail()), ["mail-password", "ntfy-topic"]);
    assert!(!format!("{answers:?}").contains("geheim"), "a secret is not printed");
}

#[test]
fn the_example_among_the_own_rules_passes_as_it_is_and_with_its_rules_in_use() {
    let check = |text: &str| rules::check(&[Source::new("rules/my-restock.toml".to_owned(), text)]);
    let report = check(OWN_RULES);
    assert!(report.is_fine() && report.diagnostics.is_empty(), "{:?}", report.diagnostics);
    // what is TOML among the comments, used: each of the three by itself, since two have one name
    let uncommented: Vec<&str> = OWN_RULES.lines().filter_map(|line| line.strip_prefix("# ")).collect();
    let begin = |from: usize| uncommented.iter().skip(from).position(|line| *line == "[[rule]]").map(|at| at + from);
    let mut from = 0;
    let mut tried = 0;
    while let Some(at) = begin(from) {
        let keys = uncommented.iter().skip(at + 1).take_while(|line| line.contains(" = ") || line.contains("  = "));
        let text: Vec<&str> = ["category = \"restock\"", "[[rule]]"].into_iter().chain(keys.copied()).collect();
        let report = check(&text.join("\n"));
        assert!(report.is_fine(), "{text:?}: {:?}", report.diagnostics);
        (from, tried) = (at + 1, tried + 1);
    }
    assert_eq!(tried, 3);
}

#[test]
fn what_is_missing_is_told_at_once_and_nothing_else_is_asked_for() {
    let of = |words: &str| {
        let words = format!("modori init --non-interactive {words}");
        let Command::Init(flags) = Arguments::parse_from(words.split_whitespace()).command else { panic!() };
        let first = |flag: &str| flag.split([' ', ',', ':']).next().unwrap().to_owned();
        missing(&flags).into_iter().map(first).collect::<Vec<_>>()
    };
    assert_eq!(of(""), ["--email", "--password-file", "--channel"]);
    assert_eq!(of("--email h@example.jp --password-env P --channel none"), ["--host"]);
    assert_eq!(of("--email h@example.jp --host i --password-env P --channel none"), Vec::<String>::new());
    assert_eq!(of("--email h@gmail.com --password-stdin --channel ntfy"), Vec::<String>::new());
    assert_eq!(of("--email h@gmail.com --token-command t --channel mail"), ["--mail-to", "--smtp-password-file"]);
    assert_eq!(
        of("--email h@gmail.com --oauth-client-id c --channel telegram"),
        ["--webhook-url-file", "--telegram-chat"]
    );
    assert_eq!(
        of("--email h@gmail.com --password-stdin --channel pushover"),
        ["--pushover-token-file", "--pushover-user-file"]
    );
}

#[test]
fn a_password_that_only_a_shell_has_goes_into_a_file_wherever_it_is_used() {
    let variable = || Secret::Environment("P".to_owned());
    let keys = vec![("password", Value::Secret(variable()))];
    let account = Account { login: Login::Password(variable()), ..gmail().account };
    let mut answers = Answers { account, channel: Some(Channel { name: "mail", kind: "smtp", keys }), ..gmail() };
    secret::in_file(&mut answers, "Q", "mail-password", &SecretString::from("geheim"));
    assert!(answers.config().matches("env = \"P\"").count() == 2, "another variable");
    secret::in_file(&mut answers, "P", "mail-password", &SecretString::from("geheim"));
    assert_eq!(answers.config().matches("{ file = \"mail-password\" }").count(), 2, "{}", answers.config());
    assert_eq!(answers.kept().len(), 1);
}
