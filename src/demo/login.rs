//! Logins to the embedded server: what a client offers, what the server's owner lets in, and what a refusal looks like.

use super::bell::Ear;
use super::server::{Server, Shared};
use super::session::{Answer, Session, cut};
use super::syntax::Args;
use crate::edge::imap::Wire;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use std::fmt;
use std::io;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

/// The challenge of a refused XOAUTH2, as Google documents it:
/// <https://developers.google.com/workspace/gmail/imap/xoauth2-protocol>.
pub const XOAUTH2_CHALLENGE: &str = r#"{"status":"400","schemes":"Bearer","scope":"https://mail.google.com/"}"#;
/// The challenge of a refused OAUTHBEARER (RFC 7628, 3.2.2).
pub const OAUTHBEARER_CHALLENGE: &str = r#"{"status":"invalid_token","scope":"https://mail.google.com/"}"#;
/// What a refusal says unless told otherwise.
const WRONG: &str = "[AUTHENTICATIONFAILED] wrong user or password";
/// What a client must answer to the challenge of a refused OAUTHBEARER (RFC 7628, 3.2.3): a single ^A, in base64.
const GIVING_IN: &str = "AQ==";
/// How many logins, and how many sins of clients, are remembered for the tests.
const KEPT: usize = 20_000;

/// How a client logs in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mechanism {
    /// The command LOGIN.
    Login,
    /// AUTHENTICATE PLAIN (RFC 4616).
    Plain,
    /// AUTHENTICATE XOAUTH2 (Google's and Microsoft's).
    XOAuth2,
    /// AUTHENTICATE OAUTHBEARER (RFC 7628).
    OAuthBearer,
}

impl Mechanism {
    /// With which capability it is offered; LOGIN always is, unless LOGINDISABLED is.
    fn named(word: &str) -> Option<Self> {
        match word {
            "PLAIN" => Some(Self::Plain),
            "XOAUTH2" => Some(Self::XOAuth2),
            "OAUTHBEARER" => Some(Self::OAuthBearer),
            _ => None,
        }
    }

    /// What is shown is a token, not a password.
    #[must_use]
    pub fn is_token(self) -> bool {
        matches!(self, Self::XOAuth2 | Self::OAuthBearer)
    }
}

/// What a client offered.
#[derive(Clone, PartialEq, Eq)]
pub struct Offered {
    /// How.
    pub mechanism: Mechanism,
    /// Who it says it is.
    pub user: String,
    /// Password or access token.
    pub secret: String,
    /// It came with the command (SASL-IR, RFC 4959), not after a `+`. LOGIN always does.
    pub at_once: bool,
    /// Which server it thinks it speaks to (OAUTHBEARER only).
    pub host: Option<String>,
    /// At which port (OAUTHBEARER only).
    pub port: Option<u16>,
}

impl fmt::Debug for Offered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{:?} as {:?} (at once: {}) to {:?}:{:?}",
            self.mechanism, self.user, self.at_once, self.host, self.port
        )
    }
}

/// What the server's owner says to an offer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Admission {
    /// Come in.
    In,
    /// Come in for so long (tokio's time); then the session ends with BYE and this text.
    For(Duration, String),
    /// Stay out.
    No {
        /// What follows the NO, response code included.
        text: String,
        /// Before it, of a token: the error challenge (JSON, not yet base64). `None`: NO at once.
        challenge: Option<String>,
    },
    /// BYE with this text instead of an answer.
    Bye(String),
}

impl Admission {
    /// NO with this text and no challenge.
    #[must_use]
    pub fn no(text: &str) -> Self {
        Self::No { text: text.to_owned(), challenge: None }
    }

    /// NO with this text, after the challenge that is documented for this mechanism (none for passwords).
    #[must_use]
    pub fn refused(mechanism: Mechanism, text: &str) -> Self {
        let challenge = match mechanism {
            Mechanism::XOAuth2 => Some(XOAUTH2_CHALLENGE.to_owned()),
            Mechanism::OAuthBearer => Some(OAUTHBEARER_CHALLENGE.to_owned()),
            Mechanism::Login | Mechanism::Plain => None,
        };
        Self::No { text: text.to_owned(), challenge }
    }
}

/// A login as the server remembers it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Login {
    /// What was offered.
    pub offered: Offered,
    /// It was let in.
    pub admitted: bool,
}

/// Who is let in.
pub(super) type Policy = Arc<dyn Fn(&Offered) -> Admission + Send + Sync>;

/// What the server knows of logins.
#[derive(Default)]
pub(super) struct Logins {
    /// `None`: one user with one password.
    policy: Option<Policy>,
    all: Vec<Login>,
    sins: Vec<String>,
    /// Sessions that are to end: of whom (a secret; `None`: everyone), and with which text.
    farewells: Vec<(Option<String>, String)>,
}

impl Logins {
    fn sin(&mut self, what: &str) {
        if self.sins.len() < KEPT {
            self.sins.push(what.to_owned());
        }
    }
}

impl Server {
    /// From now on this decides who is let in, by whatever mechanism; the server's one password counts no more. Which
    /// mechanisms there are is a matter of capabilities: `AUTH=PLAIN`, `AUTH=XOAUTH2`, `AUTH=OAUTHBEARER`,
    /// `LOGINDISABLED`, `SASL-IR`.
    pub fn admit(&self, policy: impl Fn(&Offered) -> Admission + Send + Sync + 'static) {
        self.0.state().logins.policy = Some(Arc::new(policy));
    }

    /// The logins that were tried, oldest first.
    #[must_use]
    pub fn logins(&self) -> Vec<Login> {
        self.0.state().logins.all.clone()
    }

    /// What clients did at logins that they must not.
    #[must_use]
    pub fn sins(&self) -> Vec<String> {
        self.0.state().logins.sins.clone()
    }

    /// Ends every session with BYE and this text, between two commands or in the middle of IDLE.
    pub fn end_all(&self, text: &str) {
        self.0.state().logins.farewells.push((None, text.to_owned()));
        self.0.farewell.ring();
    }

    /// The same for the sessions that logged in with this secret: a token that ended.
    pub fn end_of(&self, secret: &str, text: &str) {
        self.0.state().logins.farewells.push((Some(secret.to_owned()), text.to_owned()));
        self.0.farewell.ring();
    }
}

/// What one session knows of its login.
pub(super) struct Entered {
    pub(super) done: bool,
    secret: Option<String>,
    /// When it must leave, and with which text.
    until: Option<(Instant, String)>,
    /// So many farewells were looked at.
    heard: usize,
    farewell: Ear,
}

impl Entered {
    pub(super) fn new(shared: &Shared) -> Self {
        Self {
            done: false,
            secret: None,
            until: None,
            heard: shared.state().logins.farewells.len(),
            farewell: shared.farewell.ear(),
        }
    }

    /// Answers with the text of BYE when the session is to end. May be dropped and asked again.
    pub(super) async fn over(&mut self, shared: &Shared) -> String {
        loop {
            {
                let state = shared.state();
                let fresh = state.logins.farewells.get(self.heard..).unwrap_or_default();
                if let Some((_, text)) = fresh.iter().find(|(whose, _)| whose.is_none() || *whose == self.secret) {
                    return text.clone();
                }
                self.heard = state.logins.farewells.len();
            }
            let end = async {
                match &self.until {
                    Some((at, text)) => {
                        tokio::time::sleep_until(*at).await;
                        text.clone()
                    }
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                biased;
                text = end => return text,
                () = self.farewell.rung() => {}
            }
        }
    }
}

/// The parts of a token's message: key-value pairs, each ended by ^A, the whole by another one.
fn pairs(text: &str) -> Option<Vec<(&str, &str)>> {
    text.strip_suffix("\u{1}\u{1}")?.split('\u{1}').map(|pair| pair.split_once('=')).collect()
}

fn bearer(value: &str) -> Option<String> {
    let (scheme, token) = value.split_once(' ')?;
    (scheme.eq_ignore_ascii_case("Bearer") && !token.is_empty()).then(|| token.to_owned())
}

/// What a decoded response says; `None`: it is not made as it must be.
fn offered(mechanism: Mechanism, text: &str, at_once: bool) -> Option<Offered> {
    let offer = |user: &str, secret: String, host: Option<&str>, port: Option<u16>| Offered {
        mechanism,
        user: user.to_owned(),
        secret,
        at_once,
        host: host.map(str::to_owned),
        port,
    };
    match mechanism {
        Mechanism::Login => None,
        // authorisation identity, user, password (RFC 4616)
        Mechanism::Plain => {
            let mut parts = text.split('\0').skip(1);
            Some(offer(parts.next()?, parts.next()?.to_owned(), None, None)).filter(|_| parts.next().is_none())
        }
        Mechanism::XOAuth2 => match pairs(text)?.as_slice() {
            [("user", user), ("auth", auth)] => Some(offer(user, bearer(auth)?, None, None)),
            _ => None,
        },
        // a GS2 header (RFC 5801): no channel binding, the authorisation identity with `,` and `=` written in hex
        Mechanism::OAuthBearer => {
            let (header, rest) = text.split_once('\u{1}')?;
            let user = header.strip_prefix("n,a=")?.strip_suffix(',')?;
            if user.contains(',') || user.replace("=2C", "").replace("=3D", "").contains('=') {
                return None;
            }
            let user = user.replace("=2C", ",").replace("=3D", "=");
            let pairs = pairs(rest)?;
            let value = |key: &str| pairs.iter().find(|(one, _)| *one == key).map(|(_, value)| *value);
            let port = match value("port") {
                Some(port) => Some(port.parse().ok()?),
                None => None,
            };
            Some(offer(&user, bearer(value("auth")?)?, value("host"), port))
        }
    }
}

impl<W: Wire> Session<'_, W> {
    fn sin(&self, what: &str) {
        self.shared.state().logins.sin(what);
    }

    fn judge(&self, offer: &Offered) -> Admission {
        // it may ask or change the server: not under the lock
        let policy = self.shared.state().logins.policy.clone();
        match policy {
            Some(policy) => policy(offer),
            None if !offer.mechanism.is_token()
                && offer.user == self.shared.user
                && offer.secret == self.shared.password =>
            {
                Admission::In
            }
            None => Admission::refused(offer.mechanism, WRONG),
        }
    }

    /// The whole of a login once it is known what is offered.
    async fn enter(&mut self, offer: Offered) -> io::Result<Answer> {
        let admission = self.judge(&offer);
        let admitted = matches!(admission, Admission::In | Admission::For(..));
        {
            let mut state = self.shared.state();
            if state.logins.all.len() < KEPT {
                state.logins.all.push(Login { offered: offer.clone(), admitted });
            }
        }
        if let Admission::For(time, text) = &admission {
            self.entered.until = Some((Instant::now() + *time, text.clone()));
        }
        match admission {
            Admission::In | Admission::For(..) => {
                self.entered.done = true;
                self.entered.secret = Some(offer.secret);
                Ok(Answer::Ok(self.welcome()))
            }
            Admission::No { text, challenge } => {
                if let Some(challenge) = challenge.filter(|_| offer.mechanism.is_token()) {
                    self.challenge(&offer, &challenge).await?;
                }
                Ok(Answer::No(text))
            }
            Admission::Bye(text) => {
                self.say(&format!("* BYE {text}"));
                self.flush().await?;
                Err(cut())
            }
        }
    }

    /// Says what is wrong with the token, and looks at how the client takes it.
    async fn challenge(&mut self, offer: &Offered, challenge: &str) -> io::Result<()> {
        self.say(&format!("+ {}", STANDARD.encode(challenge)));
        self.flush().await?;
        let Some(line) = self.line().await? else { return Err(cut()) };
        let line = String::from_utf8_lossy(&line).into_owned();
        let due = if offer.mechanism == Mechanism::OAuthBearer { GIVING_IN } else { "" };
        if line == due {
            return Ok(());
        }
        let plain = STANDARD.decode(line.trim()).map(|plain| String::from_utf8_lossy(&plain).into_owned());
        let shows = plain.is_ok_and(|plain| plain.contains(&offer.secret)) || line.contains(&offer.secret);
        self.sin(if shows {
            "the token came again as the answer to the challenge"
        } else {
            "the challenge was not answered as it must be"
        });
        Ok(())
    }

    pub(super) async fn login(&mut self, mut args: Args<'_>) -> io::Result<Option<Answer>> {
        let mut read = || {
            args.space()?;
            let user = args.text()?;
            args.space()?;
            let secret = args.text()?;
            args.end()?;
            Some((user, secret))
        };
        let Some((user, secret)) = read() else { return Ok(None) };
        if self.shared.state().can_before("LOGINDISABLED") {
            self.sin("LOGIN came though it is disabled");
            return Ok(Some(Answer::No("[PRIVACYREQUIRED] LOGIN is disabled".to_owned())));
        }
        let mechanism = Mechanism::Login;
        self.enter(Offered { mechanism, user, secret, at_once: true, host: None, port: None }).await.map(Some)
    }

    pub(super) async fn authenticate(&mut self, mut args: Args<'_>) -> io::Result<Option<Answer>> {
        let word = args.space().and_then(|()| args.atom()).unwrap_or_default().to_ascii_uppercase();
        let mechanism = Mechanism::named(&word).filter(|_| self.shared.state().can_before(&format!("AUTH={word}")));
        let Some(mechanism) = mechanism else {
            self.sin("a mechanism was named that is not offered");
            return Ok(Some(Answer::No("[CANNOT] this mechanism is not known".to_owned())));
        };
        let initial = args.space().and_then(|()| args.word()).map(str::to_owned);
        let at_once = initial.is_some();
        if at_once && !self.shared.state().can_before("SASL-IR") {
            self.sin("a response came with the command though SASL-IR is not offered");
            return Ok(None);
        }
        let response = match initial {
            Some(initial) => initial,
            None => {
                self.say("+ ");
                self.flush().await?;
                let Some(line) = self.line().await? else { return Err(cut()) };
                String::from_utf8_lossy(&line).into_owned()
            }
        };
        if response == "*" {
            return Ok(Some(Answer::Bad("given up")));
        }
        let read = STANDARD.decode(response.trim()).ok().and_then(|plain| String::from_utf8(plain).ok());
        match read.and_then(|text| offered(mechanism, &text, at_once)) {
            Some(offer) => self.enter(offer).await.map(Some),
            None => {
                self.sin("a response was not made as its mechanism wants it");
                Ok(None)
            }
        }
    }
}
