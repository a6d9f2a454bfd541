//! How modori is set up.

use super::Tongue;
use clap::{Args, ValueEnum};
use std::path::PathBuf;

/// `modori init`
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n\
  \x20 modori init                                   asks for everything, one question after the other\n\
  \x20 modori init --email hanako@gmail.com          asks for the rest\n\
  \x20 modori init --non-interactive --email hanako@example.jp --host imap.example.jp \\\n\
  \x20   --password-file ~/.config/modori/mail-password --channel ntfy\n\
  \x20 modori init --agree                           after a set-up that only observes: file mail from now on\n\n\
  Nothing is written before the last question was answered. A password is never an argument.\n\
  Exit code: 0 set up, 1 something failed (nothing was written), 2 usage, or there is a configuration already.")]
pub struct Init {
    /// Ask nothing: what has no safe default must be given as a flag, and all that is missing is told at once
    #[arg(long)]
    pub non_interactive: bool,
    /// Write over a configuration that is there; it is kept beside as config.toml.old
    #[arg(long)]
    pub force: bool,
    /// Change an existing configuration from observing to filing mail, and nothing else
    #[arg(long, conflicts_with_all = ["non_interactive", "force"])]
    pub agree: bool,
    /// Language of alerts and case words [default: by LANG]
    #[arg(long, value_enum)]
    pub language: Option<Tongue>,
    #[command(flatten)]
    /// The mailbox
    pub mailbox: InitMailbox,
    #[command(flatten)]
    /// What is done with mail
    pub sorting: InitSorting,
    #[command(flatten)]
    /// Alerts
    pub alerts: InitAlerts,
    /// Serve the pages on this machine (http://127.0.0.1:8580)
    #[arg(long, value_enum, value_name = "YES|NO")]
    pub web: Option<Answer>,
    /// Write a service of your own user: systemd (Linux) or launchd (macOS)
    #[arg(long, value_enum)]
    pub service: Option<Service>,
}

/// Yes or no.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Answer {
    /// Yes
    Yes,
    /// No
    No,
}

impl Answer {
    /// Whether it is yes.
    #[must_use]
    pub fn yes(self) -> bool {
        self == Self::Yes
    }
}

/// What starts modori by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Service {
    /// A systemd user unit
    Systemd,
    /// A launchd agent
    Launchd,
    /// Nothing
    None,
}

/// The mailbox of `modori init`.
#[derive(Debug, Args)]
#[command(next_help_heading = "Mailbox")]
pub struct InitMailbox {
    /// The mail address that shops know
    #[arg(long, value_name = "ADDRESS")]
    pub email: Option<String>,
    /// Whose mailbox it is, where the address does not tell: gmail, outlook, icloud, yahoo-japan …
    #[arg(long, value_name = "NAME")]
    pub provider: Option<String>,
    /// IMAP server, where no provider is known
    #[arg(long, value_name = "HOST")]
    pub host: Option<String>,
    /// Its port [default: 993, with starttls 143]
    #[arg(long, value_name = "PORT")]
    pub port: Option<u16>,
    /// tls, starttls, or plain (this machine only) [default: tls]
    #[arg(long, value_name = "KIND")]
    pub security: Option<String>,
    /// A further trusted certificate (PEM), for a server at home
    #[arg(long, value_name = "FILE")]
    pub ca_file: Option<PathBuf>,
    /// The one key that the server must show: sha256:…
    #[arg(long, value_name = "PIN", conflicts_with = "ca_file")]
    pub pin: Option<String>,
    /// Login name [default: the address, or what the provider wants]
    #[arg(long, value_name = "NAME")]
    pub user: Option<String>,
    /// Take the password from this file of yours (chmod 600) at each login
    #[arg(long, value_name = "FILE", group = "secret")]
    pub password_file: Option<PathBuf>,
    /// Take the password from a program's first line: 'secret-tool lookup service modori'
    #[arg(long, value_name = "COMMAND", group = "secret")]
    pub password_command: Option<String>,
    /// Take the password from this environment variable at each login
    #[arg(long, value_name = "NAME", group = "secret")]
    pub password_env: Option<String>,
    /// Take the password from a systemd credential of the service
    #[arg(long, value_name = "NAME", group = "secret")]
    pub password_credential: Option<String>,
    /// Read the password from standard input now, and keep it in a file that only you can read
    #[arg(long, group = "secret")]
    pub password_stdin: bool,
    /// Client id of your own OAuth 2.0 client (docs/oauth.md): access is granted in a browser
    #[arg(long, value_name = "ID", group = "secret")]
    pub oauth_client_id: Option<String>,
    /// File with that client's secret, where the provider gave one
    #[arg(long, value_name = "FILE", requires = "oauth_client_id")]
    pub oauth_client_secret_file: Option<PathBuf>,
    /// Take access tokens from a program's first line
    #[arg(long, value_name = "COMMAND", group = "secret")]
    pub token_command: Option<String>,
}

/// What `modori init` agrees on about mail.
#[derive(Debug, Args)]
#[command(next_help_heading = "Sorting")]
pub struct InitSorting {
    /// Whose word on forgeries counts (repeatable)
    #[arg(long, value_name = "HOST", conflicts_with = "authserv")]
    pub authserv_id: Vec<String>,
    /// Take the host that the newest mails name for that (yes), or nobody (no)
    #[arg(long, value_enum, value_name = "YES|NO")]
    pub authserv: Option<Answer>,
    /// Another folder for a category: restock=買い物/再入荷 (repeatable)
    #[arg(long, value_name = "CATEGORY=FOLDER")]
    pub folder: Vec<String>,
    /// So many days back mail is looked at, to show what would be done; 0: not at all
    #[arg(long, value_name = "N", default_value_t = 90)]
    pub preview_days: u16,
    /// … and so many mails at the most, the newest
    #[arg(long, value_name = "N", default_value_t = 2_000)]
    pub preview_most: usize,
    /// Take what those mails tell of orders into the ledger
    #[arg(long, value_enum, value_name = "YES|NO")]
    pub ledger: Option<Answer>,
    /// observe: sort in the database only; move: file mail into its folders [default: observe]
    #[arg(long, value_enum)]
    pub mode: Option<Mode>,
}

/// What is done with mail.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Mode {
    /// Nothing is moved
    Observe,
    /// Mail is filed
    Move,
}

/// The alert channel of `modori init`.
#[derive(Debug, Args)]
#[command(next_help_heading = "Alerts")]
pub struct InitAlerts {
    /// How alerts reach you
    #[arg(long, value_enum)]
    pub channel: Option<Way>,
    /// ntfy: another server than https://ntfy.sh
    #[arg(long, value_name = "URL")]
    pub ntfy_server: Option<String>,
    /// ntfy: file with a topic of yours [default: a topic that nobody can guess is made]
    #[arg(long, value_name = "FILE")]
    pub ntfy_topic_file: Option<PathBuf>,
    /// Pushover: file with the application's token
    #[arg(long, value_name = "FILE")]
    pub pushover_token_file: Option<PathBuf>,
    /// Pushover: file with your user key
    #[arg(long, value_name = "FILE")]
    pub pushover_user_file: Option<PathBuf>,
    /// LINE: file with the channel access token
    #[arg(long, value_name = "FILE")]
    pub line_token_file: Option<PathBuf>,
    /// LINE: your user ID (U…)
    #[arg(long, value_name = "ID")]
    pub line_to: Option<String>,
    /// Discord, Slack, Telegram, webhook: file with the address
    #[arg(long, value_name = "FILE")]
    pub webhook_url_file: Option<PathBuf>,
    /// Telegram: id of the chat
    #[arg(long, value_name = "ID")]
    pub telegram_chat: Option<String>,
    /// Mail: server that sends [default: the provider's]
    #[arg(long, value_name = "HOST")]
    pub smtp_host: Option<String>,
    /// Mail: its port
    #[arg(long, value_name = "PORT")]
    pub smtp_port: Option<u16>,
    /// Mail: tls, starttls, or plain (this machine only)
    #[arg(long, value_name = "KIND")]
    pub smtp_security: Option<String>,
    /// Mail: login name there [default: that of the mailbox]
    #[arg(long, value_name = "NAME")]
    pub smtp_user: Option<String>,
    /// Mail: file with the password there [default: the mailbox's password]
    #[arg(long, value_name = "FILE")]
    pub smtp_password_file: Option<PathBuf>,
    /// Mail: where alerts go
    #[arg(long, value_name = "ADDRESS")]
    pub mail_to: Option<String>,
    /// Command: program and arguments, which gets the alert as JSON
    #[arg(long, value_name = "COMMAND")]
    pub alert_command: Option<String>,
    /// Send no test alert
    #[arg(long)]
    pub no_test_alert: bool,
}

/// How alerts reach somebody.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Way {
    /// ntfy
    Ntfy,
    /// Pushover
    Pushover,
    /// LINE
    Line,
    /// Discord
    Discord,
    /// Slack
    Slack,
    /// Telegram
    Telegram,
    /// A webhook of your own
    Webhook,
    /// Mail
    Mail,
    /// A program of yours
    Command,
    /// A notice on the screen of this machine
    Desktop,
    /// Not at all
    None,
}
