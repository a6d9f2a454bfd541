//! Sends one letter by SMTP, step by step, so that it is known at which of them it failed: before the text was sent
//! nothing happened; after, only the server's answer says what did.

use super::OutError;
use super::address::Address as Hidden;
use super::clear::Clear;
use super::letter::Written;
use super::smtp::tls_to;
use crate::edge::config::Server;
use crate::edge::imap::refusal::{Heard, Whose};
use crate::edge::imap::{Security, sasl};
use crate::edge::oauth::{Credential, TokenError, Tokens};
use crate::edge::secret::Secret;
use crate::edge::tls::{Shown, TlsTrouble};
use crate::edge::{Advice, quoted};
use crate::provider;
use lettre::transport::smtp::authentication::{Credentials, DEFAULT_MECHANISMS, Mechanism};
use lettre::transport::smtp::client::AsyncSmtpConnection;
use lettre::transport::smtp::commands::{Data, Mail, Rcpt};
use lettre::transport::smtp::{Error, extension::ClientId};
use secrecy::{ExposeSecret, SecretString};
use std::future::Future;
use std::path::PathBuf;
use std::pin::Pin;
use std::time::Duration;
use tokio::net::TcpStream;

/// One attempt: `Ok` when the server took it. [`Advice::Unknown`]: it may have; every other advice: it did not.
pub type Carrying<'a> = Pin<Box<dyn Future<Output = Result<(), OutError>> + Send + 'a>>;

/// Carries letters to a mail server.
pub trait Carry: Send + Sync {
    /// One attempt.
    fn carry<'a>(&'a self, letter: &'a Written) -> Carrying<'a>;
}

/// Waits for a connection, and for an answer to a command (RFC 5321, 4.5.3.2: five minutes for most).
const CONNECT: Duration = Duration::from_secs(30);
const COMMAND: Duration = Duration::from_secs(300);
/// Good-bye; whether the server answers does not matter.
const QUIT: Duration = Duration::from_secs(5);

/// A login that was refused.
struct Refused {
    code: u16,
    text: String,
}

/// A mail server that takes letters.
pub struct Post {
    host: String,
    port: u16,
    security: Security,
    login: Option<(String, Credential)>,
    ca_file: Option<PathBuf>,
    /// The end of the text is answered within.
    limit: Duration,
}

impl Post {
    /// A server as configured.
    #[must_use]
    pub fn by(server: &Server) -> Self {
        Self {
            host: server.host.clone(),
            port: server.port,
            security: server.security,
            login: server.login.clone(),
            ca_file: server.ca_file.clone(),
            limit: server.timeout,
        }
    }

    /// A server with a user and a password at hand.
    pub(super) fn at(
        host: &str,
        port: u16,
        security: Security,
        login: Option<(String, String)>,
        ca_file: Option<PathBuf>,
        limit: Duration,
    ) -> Self {
        let given = |(user, password): (String, String)| {
            (user, Credential::Password(Secret::Given(SecretString::from(password))))
        };
        Self { host: host.to_owned(), port, security, login: login.map(given), ca_file, limit }
    }

    /// Connects, protects, says who we are, logs in and says good-bye: no letter is spoken of. Answers the certificate
    /// that was shown, if one was.
    ///
    /// # Errors
    /// The server cannot be reached or trusted, or refuses the login.
    pub async fn enter(&self) -> Result<Option<Shown>, OutError> {
        let mut connection = self.connect().await?;
        let shown = connection.peer_certificate().ok().and_then(|der| Shown::of(&[der.into()]));
        let _ = tokio::time::timeout(QUIT, connection.quit()).await;
        Ok(shown)
    }

    /// Connects and logs in.
    async fn connect(&self) -> Result<AsyncSmtpConnection, OutError> {
        let mut connection = self.reach().await?;
        let (user, password) = match &self.login {
            None => return Ok(connection),
            Some((user, Credential::Token(tokens))) => return self.with_token(connection, user, tokens).await,
            Some((user, Credential::Password(password))) => (user, Hidden::from(password).get().await?),
        };
        let credentials = Credentials::new(user.clone(), password);
        let login = self.step(connection.auth(DEFAULT_MECHANISMS, &credentials), COMMAND).await;
        // whatever it says, nothing changes by itself
        let answer = login.map_err(|error| match error.advice {
            Advice::Never => OutError { advice: Advice::Ask, ..error },
            _ => error,
        })?;
        match answer.has_code(235) {
            true => Ok(connection),
            false => Err(self.error(&format!("the login was answered with {}", answer.code()), Advice::Ask)),
        }
    }

    /// Shows a token; one that is refused is renewed once and shown once more, on a new connection. Nothing of a letter was
    /// said yet.
    async fn with_token(
        &self,
        mut connection: AsyncSmtpConnection,
        user: &str,
        tokens: &Tokens,
    ) -> Result<AsyncSmtpConnection, OutError> {
        let none = |error: TokenError| {
            let advice = if error.passing { Advice::Again(None) } else { Advice::Ask };
            self.error(&format!("no token: {}", error.what), advice)
        };
        if !connection.server_info().supports_auth_mechanism(Mechanism::Xoauth2) {
            return Err(self.error("the server offers no login with a token (XOAUTH2)", Advice::Ask));
        }
        let token = tokens.access().await.map_err(none)?;
        let refused = match self.show(&mut connection, user, &token).await? {
            None => return Ok(connection),
            Some(refused) => refused,
        };
        let next = match self.meaning(&refused).another_may_do() {
            true => tokens.instead_of(&token).await.map_err(none)?,
            false => None,
        };
        let _ = tokio::time::timeout(QUIT, connection.abort()).await;
        let Some(next) = next else { return Err(self.refused(user, tokens, &refused, false)) };
        let mut connection = self.reach().await?;
        match self.show(&mut connection, user, &next).await? {
            None => Ok(connection),
            Some(refused) => Err(self.refused(user, tokens, &refused, true)),
        }
    }

    /// One attempt; answers what was said when it was refused. An error challenge (334) is answered with an empty line, as
    /// Google and Microsoft want it: only then comes the refusal itself.
    async fn show(
        &self,
        connection: &mut AsyncSmtpConnection,
        user: &str,
        token: &SecretString,
    ) -> Result<Option<Refused>, OutError> {
        let text = sasl::xoauth2(user, token).map_err(|what| self.error(what, Advice::Ask))?;
        let attempt = async {
            let line = format!("AUTH XOAUTH2 {}\r\n", text.expose_secret());
            let answer = connection.command(line).await?;
            match answer.has_code(334) {
                true => Ok::<_, Error>((true, connection.command("\r\n").await?)),
                false => Ok((false, answer)),
            }
        };
        match tokio::time::timeout(COMMAND.min(self.limit), attempt).await {
            // nothing else lets in (RFC 4954, 6); and who challenged the token has refused it
            Ok(Ok((false, answer))) if answer.has_code(235) => Ok(None),
            Ok(Ok((_, answer))) => {
                let text = answer.message().collect::<Vec<_>>().join(" ");
                Ok(Some(Refused { code: answer.code().into(), text }))
            }
            Ok(Err(error)) => match error.status().map(u16::from) {
                Some(code) => Ok(Some(Refused { code, text: error.to_string() })),
                None => Err(self.failed(&error)),
            },
            Err(_) => Err(self.error("the server does not answer", Advice::Again(None))),
        }
    }

    fn meaning<'a>(&self, refused: &'a Refused) -> Heard<'a> {
        // RFC 4954, 6; the codes of IMAP that say the same
        let code = match refused.code {
            454 => "UNAVAILABLE",
            535 => "AUTHENTICATIONFAILED",
            _ => "",
        };
        Heard { code, text: &refused.text, challenge: None, token: true, provider: provider::of_host(&self.host) }
    }

    fn refused(&self, user: &str, tokens: &Tokens, refused: &Refused, renewed: bool) -> OutError {
        let heard = self.meaning(refused);
        let whose = Whose {
            account: tokens.grant().map_or("", |grant| grant.account.as_str()),
            user,
            program: tokens.grant().is_none(),
            renewed,
            over: "SMTP",
            provider: heard.provider,
        };
        let remedy = heard.meaning().remedy(&whose);
        let advice = match (refused.code, heard.advice()) {
            (400..500, Advice::Ask) => Advice::Again(None),
            (_, advice) => advice,
        };
        let said = quoted(&refused.text);
        self.error(&format!("the login of {user} was refused, the server said {said}; {remedy}"), advice)
    }

    /// Connects and secures the connection.
    async fn reach(&self) -> Result<AsyncSmtpConnection, OutError> {
        let name = ClientId::default();
        let at = (self.host.as_str(), self.port);
        let tls = match self.security {
            Security::Plain => None,
            Security::Tls | Security::StartTls => Some(tls_to(&self.host, self.ca_file.as_deref())?),
        };
        let first = tls.clone().filter(|_| self.security == Security::Tls);
        let mut connection = if self.security == Security::StartTls {
            let clear = match tokio::time::timeout(CONNECT.min(self.limit), TcpStream::connect(at)).await {
                Ok(Ok(tcp)) => Clear::new(tcp),
                Ok(Err(error)) => return Err(self.error(&format!("cannot connect: {error}"), Advice::Again(None))),
                Err(_) => return Err(self.error("the server does not answer", Advice::Again(None))),
            };
            self.step(AsyncSmtpConnection::connect_with_transport(Box::new(clear), &name), COMMAND).await?
        } else {
            let connecting = AsyncSmtpConnection::connect_tokio1(at, Some(CONNECT), &name, first, None);
            self.step(connecting, COMMAND).await?
        };
        if self.security == Security::StartTls
            && let Some(tls) = tls
        {
            if !connection.can_starttls() {
                return Err(self.error("the server offers no STARTTLS", Advice::Ask));
            }
            self.step(connection.starttls(tls, &name), COMMAND).await?;
        }
        Ok(connection)
    }

    async fn send(&self, letter: &Written) -> Result<(), OutError> {
        let mut connection = self.connect().await.map_err(|error| match error.advice {
            // a server that wants nothing of us wants nothing of this letter in particular
            Advice::Never => OutError { advice: Advice::Ask, ..error },
            _ => error,
        })?;
        let sent = self.hand_over(&mut connection, letter).await;
        if sent.is_ok() {
            let _ = tokio::time::timeout(QUIT, connection.quit()).await;
        } else {
            let _ = tokio::time::timeout(QUIT, connection.abort()).await;
        }
        sent
    }

    async fn hand_over(&self, connection: &mut AsyncSmtpConnection, letter: &Written) -> Result<(), OutError> {
        let from = letter.envelope.from().cloned();
        self.step(connection.command(Mail::new(from, Vec::new())), COMMAND).await?;
        for to in letter.envelope.to() {
            self.step(connection.command(Rcpt::new(to.clone(), Vec::new())), COMMAND).await?;
        }
        let answer = self.step(connection.command(Data), COMMAND).await?;
        if !answer.has_code(354) {
            let what = format!("the server answered DATA with {}, and the letter was not sent", answer.code());
            return Err(self.error(&what, Advice::Again(None)));
        }
        // the library ends the last line itself
        let text = letter.bytes.strip_suffix(b"\r\n").unwrap_or(&letter.bytes);
        match tokio::time::timeout(self.limit, connection.message(text)).await {
            Ok(Ok(answer)) if answer.has_code(250) => Ok(()),
            Ok(Ok(answer)) => {
                let what =
                    format!("the server answered the letter with {}: whether it took it is not known", answer.code());
                Err(self.error(&what, Advice::Unknown))
            }
            // an answer with a number is an answer: it was not taken
            Ok(Err(error)) if error.is_permanent() || error.is_transient() => Err(self.failed(&error)),
            Ok(Err(error)) => Err(self.error(
                &format!("the connection was lost before the server said whether it took the letter ({error})"),
                Advice::Unknown,
            )),
            Err(_) => Err(self.error(
                &format!("the server did not say within {} s whether it took the letter", self.limit.as_secs()),
                Advice::Unknown,
            )),
        }
    }

    /// A step before the text: when it fails, nothing was sent.
    async fn step<T>(&self, step: impl Future<Output = Result<T, Error>>, limit: Duration) -> Result<T, OutError> {
        match tokio::time::timeout(limit.min(self.limit), step).await {
            Ok(done) => done.map_err(|error| self.failed(&error)),
            Err(_) => Err(self.error("the server does not answer", Advice::Again(None))),
        }
    }

    fn failed(&self, error: &Error) -> OutError {
        let said = || format!("said {}", quoted(&error.to_string()));
        match TlsTrouble::within(error, &self.host) {
            Some(trouble) => OutError { what: trouble.to_string(), advice: Advice::Ask },
            None if error.is_permanent() => self.error(&said(), Advice::Never),
            None if error.is_transient() => self.error(&said(), Advice::Again(None)),
            None if error.is_client() => self.error(&error.to_string(), Advice::Ask),
            None => self.error(&error.to_string(), Advice::Again(None)),
        }
    }

    fn error(&self, what: &str, advice: Advice) -> OutError {
        OutError { what: format!("{}:{}: {what}", self.host, self.port), advice }
    }
}

impl Carry for Post {
    fn carry<'a>(&'a self, letter: &'a Written) -> Carrying<'a> {
        Box::pin(self.send(letter))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::edge::clock::Clock;
    use crate::edge::oauth::Source;
    use crate::edge::secret::Secret;
    use lettre::Address;
    use lettre::address::Envelope;
    use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
    use tokio::net::TcpListener;

    const EHLO: &str = "250-x\r\n250 AUTH XOAUTH2\r\n";

    /// A server that greets, and answers each command with the next of these; then it is silent until the client goes.
    /// Answers what came of a letter, and the commands.
    async fn met(answers: &'static [&'static str], security: Security) -> (Result<(), OutError>, Vec<String>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let server = tokio::spawn(async move {
            let mut stream = BufReader::new(listener.accept().await.unwrap().0);
            let mut heard = Vec::new();
            stream.write_all(b"220 x\r\n").await.unwrap();
            let mut answers = answers.iter();
            let mut line = Vec::new();
            let mut text = false;
            while stream.read_until(b'\n', &mut line).await.is_ok_and(|read| read > 0) {
                let said = String::from_utf8_lossy(&std::mem::take(&mut line)).trim_end().to_owned();
                if text && said != "." {
                    continue;
                }
                heard.push(said);
                let Some(answer) = answers.next() else { break };
                text = answer.starts_with("354");
                stream.write_all(answer.as_bytes()).await.unwrap();
            }
            heard
        });
        let token = Tokens::new(Source::Program(Secret::Given("t".into())), Clock::system());
        let post = Post {
            host: "127.0.0.1".to_owned(),
            port,
            security,
            login: Some(("a@example.jp".to_owned(), Credential::Token(token))),
            ca_file: None,
            limit: Duration::from_secs(30),
        };
        let address = |text: &str| text.parse::<Address>().unwrap();
        let envelope = Envelope::new(Some(address("a@example.jp")), vec![address("shop@example.jp")]).unwrap();
        let done = post.send(&Written { bytes: b"Subject: x\r\n\r\nbody\r\n".to_vec(), envelope }).await;
        (done, server.await.unwrap())
    }

    #[tokio::test]
    async fn only_the_answers_that_mean_it_are_taken_for_it() {
        let (done, heard) = met(
            &[EHLO, "235 in\r\n", "250 ok\r\n", "250 ok\r\n", "354 go\r\n", "250 taken\r\n", "221 bye\r\n"],
            Security::Plain,
        )
        .await;
        assert!(done.is_ok() && heard.iter().any(|line| line == "."), "{done:?} {heard:?}");
        for (answers, advice, says) in [
            // in, but with another number; and after the challenge, whatever is said
            (&[EHLO, "250 in\r\n"][..], Advice::Ask, "was refused"),
            (&[EHLO, "334 e30=\r\n", "235 in\r\n"], Advice::Ask, "was refused"),
            (&[EHLO, "334 e30=\r\n", "334 e30=\r\n"], Advice::Ask, "was refused"),
            (
                &[
                    EHLO,
                    "535 5.7.139 Authentication unsuccessful, SmtpClientAuthentication is disabled for the Tenant.\r\n",
                ],
                Advice::Ask,
                "sending by SMTP is switched off",
            ),
            (&[EHLO, "454 4.7.0 Temporary authentication failure\r\n"], Advice::Again(None), "passes by itself"),
            (&[EHLO, "235 in\r\n", "250 ok\r\n", "250 ok\r\n", "250 go\r\n"], Advice::Again(None), "not sent"),
            (
                &[EHLO, "235 in\r\n", "250 ok\r\n", "250 ok\r\n", "354 go\r\n", "354 more\r\n"],
                Advice::Unknown,
                "not known",
            ),
        ] {
            let (done, heard) = met(answers, Security::Plain).await;
            let error = done.unwrap_err();
            assert!(error.advice == advice && error.what.contains(says), "{error} should say {says}");
            assert_eq!(heard.iter().filter(|line| line.starts_with("AUTH")).count(), 1, "{heard:?}");
        }
    }

    #[tokio::test]
    async fn what_is_said_in_clear_beside_the_answer_to_starttls_does_not_count() {
        const INJECTED: &str =
            "220 go\r\n250-x\r\n250 AUTH XOAUTH2\r\n235 in\r\n250 ok\r\n250 ok\r\n354 go\r\n250 taken\r\n";
        let (done, heard) = met(&["250-x\r\n250 STARTTLS\r\n", INJECTED], Security::StartTls).await;
        assert!(done.is_err(), "{heard:?}");
        assert!(!heard.iter().any(|line| line.contains("AUTH") || line.contains("MAIL")), "{heard:?}");
    }
}
