//! A channel that sends a mail by SMTP. The Message-ID follows from the key, so that a repeat is the same mail.

use super::address::Address as Hidden;
use super::{Accepted, Deliver, Delivery, OutError, Probing, Warming, digest};
use crate::edge::clock::Clock;
use crate::edge::imap::Security;
use crate::edge::tls::TlsTrouble;
use crate::edge::{Advice, quoted};
use crate::plan::Alert;
use crate::plan::note::{Head, Note};
use crate::rules::Priority;
use crate::text::{Unit, fit};
use crate::wording::Buttons;
use lettre::address::Envelope;
use lettre::message::header::{ContentType, HeaderName, HeaderValue};
use lettre::message::{Mailbox, Mailboxes, MessageBuilder, header};
use lettre::transport::smtp::PoolConfig;
use lettre::transport::smtp::authentication::Credentials;
use lettre::transport::smtp::client::{Certificate, Tls, TlsParameters};
use lettre::{Address, AsyncSmtpTransport, AsyncTransport, Message, Tokio1Executor};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};
use tokio::sync::OnceCell;

/// Longest subject, in bytes.
const SUBJECT: usize = 300;
/// Longest text, in characters.
const TEXT: usize = 20_000;
/// Longest subject on a carrier's phone, in characters.
const SHORT_SUBJECT: usize = 50;
/// Longest text there: what old phones show of a mail without asking for the rest.
const SHORT_TEXT: usize = 450;

/// Sends mail through one server.
pub(super) struct Smtp {
    pub(super) host: String,
    pub(super) port: u16,
    pub(super) security: Security,
    pub(super) login: Option<(String, Hidden)>,
    pub(super) from: Mailbox,
    pub(super) to: Vec<Mailbox>,
    pub(super) short: bool,
    pub(super) ca_file: Option<PathBuf>,
    pub(super) limit: Duration,
    pub(super) keep_warm: Option<Duration>,
    pub(super) buttons: Buttons,
    pub(super) clock: Clock,
    /// Made for the first mail and kept: the trusted certificates are read once, and a connection that is still open is
    /// used again.
    pub(super) transport: OnceCell<AsyncSmtpTransport<Tokio1Executor>>,
}

/// A connection that nothing used for so long is closed by us: servers close theirs after five minutes (RFC 5321,
/// 4.5.3.2.7).
const IDLE: Duration = Duration::from_secs(120);

/// Reads `a@b` or `Name <a@b>`. Old carrier addresses that RFC 5322 forbids (two dots in a row, a dot before the `@`)
/// exist and are quoted.
///
/// # Errors
/// When it is not a mail address.
pub(super) fn mailbox(text: &str) -> Result<Mailbox, OutError> {
    let (name, address) = match text.rsplit_once('<') {
        Some((name, rest)) => (name.trim().trim_matches('"'), rest.trim_end().trim_end_matches('>')),
        None => ("", text),
    };
    let address = address.trim();
    let wrong = || OutError { what: format!("`{text}` is not a mail address"), advice: Advice::Ask };
    let parsed = address.parse::<Address>().or_else(|_| {
        let (local, domain) = address.rsplit_once('@').ok_or_else(wrong)?;
        let odd = |c: char| !(c.is_ascii_alphanumeric() || ".!#$%&'*+-/=?^_`{|}~".contains(c));
        if local.is_empty() || local.contains(odd) {
            return Err(wrong());
        }
        format!("probe@{domain}").parse::<Address>().map_err(|_| wrong())?;
        Ok(Address::new_dangerous(format!("\"{local}\""), domain))
    })?;
    let name = (!name.is_empty()).then(|| name.to_owned());
    Ok(Mailbox::new(name, parsed))
}

/// TLS to a mail server, with a further trusted certificate for one at home.
///
/// # Errors
/// When the certificate cannot be read.
pub(super) fn tls_to(host: &str, ca_file: Option<&Path>) -> Result<TlsParameters, OutError> {
    let asks = |what: String| OutError { what, advice: Advice::Ask };
    let mut builder = TlsParameters::builder(host.to_owned());
    if let Some(path) = ca_file {
        let pem = std::fs::read(path).map_err(|error| asks(format!("{}: {error}", path.display())))?;
        let certificate = Certificate::from_pem(&pem)
            .map_err(|error| asks(format!("{} holds no certificate: {error}", path.display())))?;
        builder = builder.add_root_certificate(certificate);
    }
    builder.build().map_err(|error| asks(format!("cannot prepare TLS: {error}")))
}

impl Smtp {
    fn id(&self, key: &str) -> String {
        format!("modori.{}@{}", digest(key, 32), self.from.email.domain())
    }

    fn message(&self, alert: &Alert, key: &str) -> Result<Message, OutError> {
        let now = self.clock.now();
        let note = Note::of(alert, &self.buttons, now);
        // header values take no line ends: the title of a note is one line
        let (subject, body) = if self.short {
            // the title is the subject: on a small screen it is not said twice
            (fit(&note.title, SHORT_SUBJECT, Unit::Chars), note.text(Head::Link, SHORT_TEXT, Unit::Chars))
        } else {
            (fit(&note.title, SUBJECT, Unit::Bytes), note.text(Head::LinkTitle, TEXT, Unit::Chars))
        };
        let date = SystemTime::UNIX_EPOCH + Duration::from_secs(u64::try_from(now.as_second()).unwrap_or_default());
        let to: Mailboxes = self.to.iter().cloned().collect();
        // said apart: lettre does not read back from the header an address that has to be quoted
        let recipients = self.to.iter().map(|to| to.email.clone()).collect();
        let envelope = Envelope::new(Some(self.from.email.clone()), recipients)
            .map_err(|error| OutError { what: error.to_string(), advice: Advice::Ask })?;
        let mut builder: MessageBuilder = Message::builder()
            .envelope(envelope)
            .from(self.from.clone())
            .mailbox(header::To::from(to))
            .date(date)
            .message_id(Some(format!("<{}>", self.id(key))))
            .subject(subject)
            .header(ContentType::TEXT_PLAIN);
        let mut raw = |name: &'static str, value: &str| {
            let name = HeaderName::new_from_ascii_str(name);
            builder = std::mem::take(&mut builder).raw_header(HeaderValue::new(name, value.to_owned()));
        };
        raw("Auto-Submitted", "auto-generated");
        raw("X-Auto-Response-Suppress", "All");
        if alert.priority == Priority::Urgent {
            raw("X-Priority", "1");
        }
        builder.body(body).map_err(|error| OutError { what: error.to_string(), advice: Advice::Never })
    }

    async fn transport(&self) -> Result<AsyncSmtpTransport<Tokio1Executor>, OutError> {
        let parameters = || tls_to(&self.host, self.ca_file.as_deref());
        let tls = match self.security {
            Security::Tls => Tls::Wrapper(parameters()?),
            Security::StartTls => Tls::Required(parameters()?),
            Security::Plain => Tls::None,
        };
        let mut builder = AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous(self.host.clone())
            .port(self.port)
            .tls(tls)
            .timeout(Some(self.limit))
            .pool_config(PoolConfig::new().min_idle(0).max_size(4).idle_timeout(IDLE));
        if let Some((user, password)) = &self.login {
            builder = builder.credentials(Credentials::new(user.clone(), password.get().await?));
        }
        Ok(builder.build())
    }
}

impl Deliver for Smtp {
    fn deliver<'a>(&'a self, alert: &'a Alert, key: &'a str) -> Delivery<'a> {
        Box::pin(async move {
            let message = self.message(alert, key)?;
            let transport = self.transport.get_or_try_init(|| self.transport()).await?;
            match tokio::time::timeout(self.limit, transport.send(message)).await {
                Ok(Ok(_)) => Ok(Accepted::default()),
                Ok(Err(error)) => Err(self.failed(&error)),
                Err(_) => Err(OutError {
                    what: format!("{} took longer than {} s", self.host, self.limit.as_secs()),
                    advice: Advice::Unknown,
                }),
            }
        })
    }

    fn message_id(&self, key: &str) -> Option<String> {
        Some(self.id(key))
    }

    fn warm(&self) -> Warming<'_> {
        Box::pin(async {
            if let Ok(transport) = self.transport.get_or_try_init(|| self.transport()).await {
                // connects and logs in; the connection goes back to those that wait for a mail
                let _ = tokio::time::timeout(self.limit, transport.test_connection()).await;
            }
        })
    }

    fn keep_warm(&self) -> Option<Duration> {
        self.keep_warm
    }

    fn probe(&self) -> Probing<'_> {
        Box::pin(Smtp::probe(self))
    }
}

impl Smtp {
    fn failed(&self, error: &lettre::transport::smtp::Error) -> OutError {
        let code = error.status().map(u16::from);
        let advice = if error.is_permanent() {
            match code {
                Some(530 | 534 | 535 | 538) => Advice::Ask, // the login was refused
                _ => Advice::Never,
            }
        } else if error.is_transient() {
            Advice::Again(None)
        } else if error.is_response() || error.is_timeout() {
            Advice::Unknown // cut after DATA: it may have been taken
        } else {
            Advice::Again(None)
        };
        let what = match TlsTrouble::within(error, &self.host) {
            Some(trouble) => trouble.to_string(),
            // what the server said stands in it
            None if code.is_some() || error.is_response() => {
                format!("{}:{} said {}", self.host, self.port, quoted(&error.to_string()))
            }
            None => format!("{}:{}: {error}", self.host, self.port),
        };
        OutError { what, advice }
    }
}
