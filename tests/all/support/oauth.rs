//! A stand-in for a provider's authorization server (RFC 6749 with PKCE of RFC 7636, RFC 8252, RFC 8628, RFC 7662): what a
//! request does wrong is answered as the RFCs say, and kept for the test to look at.

pub mod browser;
mod endpoints;
mod issued;
pub mod tls;

use super::http::{Answer, Http};
use issued::Issued;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

pub use browser::Page;

/// The registered client.
pub const CLIENT: &str = "modori-test-client";
/// Its secret, where it has one.
pub const CLIENT_SECRET: &str = "client-secret-that-nobody-prints";
/// What may be asked for.
pub const READ: &str = "https://mail.example.jp/imap";
pub const SEND: &str = "https://mail.example.jp/smtp";
pub const OFFLINE: &str = "offline_access";
/// Who may introspect, as HTTP Basic.
pub const INTROSPECTOR: (&str, &str) = ("dovecot", "introspection-secret");

/// What happens to a refresh token that was used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rotation {
    /// It stays, and no other is given.
    Never,
    /// Another is given; the old one lives until the new one, or its access token, was used.
    Lenient,
    /// Another is given, and the old one is dead at once.
    Strict,
}

/// What the shopper does with the page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Consent {
    Agree,
    Deny,
}

/// What goes wrong at the endpoints that programs ask (token, device), until it is taken back.
#[derive(Clone, Debug)]
pub enum Trouble {
    /// The request is answered so and not looked at.
    Before(Answer),
    /// It is worked on, and the answer is lost: this comes instead.
    After(Answer),
}

/// How the server behaves. A test changes it as it likes, while the server runs.
#[derive(Clone, Debug)]
pub struct Behaviour {
    pub client_secret: Option<String>,
    /// Who agrees in the browser.
    pub user: String,
    pub consent: Consent,
    /// What may be asked for; else `invalid_scope`.
    pub scopes: Vec<String>,
    /// What is granted of it, when that is less (RFC 6749, 3.3).
    pub granted: Option<Vec<String>>,
    /// Whether the answer names the scopes when they are those that were asked for.
    pub tells_scopes: bool,
    pub rotation: Rotation,
    /// A dead refresh token that is shown again ends all that came of the same grant (RFC 9700, 4.14.2).
    pub reuse_ends_all: bool,
    /// How long an access token really lives, in seconds by the server's clock.
    pub lifetime: i64,
    /// What is told of it; `None`: nothing is.
    pub expires_in: Option<i64>,
    /// Whether a refresh token is given at all.
    pub refreshes: bool,
    /// Seconds between two polls of the device flow, told as `interval`; `None`: not told, 5 is meant.
    pub interval: Option<i64>,
    /// So many of the next polls are told to slow down.
    pub slow_downs: usize,
    /// Seconds a device code lives.
    pub device_lifetime: i64,
    pub trouble: Option<Trouble>,
    /// How long a request waits before it is worked on, and its answer afterwards.
    pub delays: (Duration, Duration),
    /// Seconds by which the server's clock is ahead.
    pub ahead: i64,
}

impl Default for Behaviour {
    fn default() -> Self {
        Self {
            client_secret: None,
            user: "shopper@example.jp".to_owned(),
            consent: Consent::Agree,
            scopes: [READ, SEND, OFFLINE].map(str::to_owned).to_vec(),
            granted: None,
            tells_scopes: true,
            rotation: Rotation::Never,
            reuse_ends_all: false,
            lifetime: 3600,
            expires_in: Some(3600),
            refreshes: true,
            interval: Some(1),
            slow_downs: 0,
            device_lifetime: 900,
            trouble: None,
            delays: (Duration::ZERO, Duration::ZERO),
            ahead: 0,
        }
    }
}

/// A request that came, with what the server thought of it.
#[derive(Clone, Debug)]
pub struct Seen {
    /// `/authorize`, `/token`, `/device`, `/introspect`.
    pub path: String,
    /// The parameters of the query or of the body.
    pub form: BTreeMap<String, String>,
    /// The error code it was answered with.
    pub error: Option<String>,
    /// What is wrong with it, in words, if the request itself was.
    pub wrong: Option<String>,
}

/// A pair of tokens.
#[derive(Clone, Debug)]
pub struct Pair {
    pub access: String,
    pub refresh: String,
}

/// Called when an access token is shown for the first time.
type FirstUse = Box<dyn FnMut(&str) + Send>;

#[derive(Default)]
struct State {
    behaviour: Behaviour,
    issued: Issued,
    seen: Vec<Seen>,
    /// Token requests that are being worked on now, and the most that were at once.
    at_once: (usize, usize),
}

impl State {
    fn now(&self) -> i64 {
        jiff::Timestamp::now().as_second() + self.behaviour.ahead
    }
}

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    first_use: Mutex<Option<FirstUse>>,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    /// Somebody shows an access token: whose it is and what it may, if it is good.
    fn show(&self, token: &str) -> Option<Shown> {
        let mut state = self.lock();
        let (now, lenient) = (state.now(), state.behaviour.rotation == Rotation::Lenient);
        let (shown, first) = state.issued.show(token, now, lenient)?;
        drop(state);
        if first && let Some(told) = &mut *self.first_use.lock().unwrap() {
            told(token);
        }
        Some(shown)
    }
}

/// Whose an access token is, and what it may.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shown {
    pub user: String,
    pub scopes: Vec<String>,
    /// Seconds since 1970, by the server's clock.
    pub expires: i64,
}

/// A running authorization server.
pub struct Authority {
    pub http: Http,
    shared: Arc<Shared>,
}

impl Authority {
    pub fn start() -> Self {
        Self::behaving(|_| ())
    }

    /// One that behaves otherwise than usual.
    pub fn behaving(change: impl FnOnce(&mut Behaviour)) -> Self {
        let shared = Arc::<Shared>::default();
        change(&mut shared.lock().behaviour);
        let for_service = Arc::clone(&shared);
        Self { http: Http::answering(move |request| endpoints::answer(&for_service, request)), shared }
    }

    /// Changes how it behaves from now on.
    pub fn behave(&self, change: impl FnOnce(&mut Behaviour)) {
        change(&mut self.shared.lock().behaviour);
    }

    /// The table `[account.oauth]` of a client that is registered here; more lines of the account's may not follow it.
    pub fn table(&self, flow: &str) -> String {
        format!(
            "[account.oauth]\nclient_id = \"{CLIENT}\"\nflow = \"{flow}\"\nauthorize_url = \"{}\"\ntoken_url = \"{}\"\n\
             device_url = \"{}\"\nscopes = [\"{READ}\", \"{SEND}\", \"{OFFLINE}\"]\n",
            self.http.url("/authorize"),
            self.http.url("/token"),
            self.http.url("/device")
        )
    }

    /// Where tokens are looked into by Dovecot, with the name and password it needs for that.
    pub fn introspection_url(&self) -> String {
        let (user, password) = INTROSPECTOR;
        format!("http://{user}:{password}@127.0.0.1:{}/introspect", self.http.port)
    }

    /// All that came to an endpoint.
    pub fn seen(&self, path: &str) -> Vec<Seen> {
        self.shared.lock().seen.iter().filter(|seen| seen.path == path).cloned().collect()
    }

    /// How many requests of this grant type came (`authorization_code`, `refresh_token`, …), good or not.
    pub fn asked(&self, grant_type: &str) -> usize {
        let of_type = |seen: &Seen| seen.form.get("grant_type").is_some_and(|kind| kind.ends_with(grant_type));
        self.seen("/token").iter().filter(|seen| of_type(seen)).count()
    }

    /// What was wrong with requests so far, in words: a program that keeps to the RFCs leaves it empty.
    pub fn wrong(&self) -> Vec<String> {
        self.shared.lock().seen.iter().filter_map(|seen| seen.wrong.clone()).collect()
    }

    /// No token request is being worked on now.
    pub fn is_idle(&self) -> bool {
        self.shared.lock().at_once.0 == 0
    }

    /// The most token requests that were worked on at once.
    pub fn most_at_once(&self) -> usize {
        self.shared.lock().at_once.1
    }

    /// Tokens for this user, granted without a browser; all scopes.
    pub fn grant(&self, user: &str) -> Pair {
        let scopes = self.shared.lock().behaviour.scopes.clone();
        self.grant_only(user, &scopes)
    }

    /// The same with these scopes only.
    pub fn grant_only(&self, user: &str, scopes: &[String]) -> Pair {
        let mut state = self.shared.lock();
        let expires = state.now() + state.behaviour.lifetime;
        let grant = state.issued.grant(user, scopes);
        let (access, refresh) = state.issued.pair(grant, scopes, expires, true);
        Pair { access, refresh: refresh.unwrap_or_default() }
    }

    /// Every access token that is out ends now.
    pub fn expire(&self) {
        self.shared.lock().issued.expire();
    }

    /// The shopper takes back what she granted: all tokens are dead.
    pub fn take_back(&self) {
        self.shared.lock().issued.take_back();
    }

    /// Somebody shows an access token, as a mail server does that looks into it: whose it is and what it may, if it is
    /// good.
    pub fn show(&self, token: &str) -> Option<Shown> {
        self.shared.show(token)
    }

    /// Called with each access token when it is shown for the first time.
    pub fn on_first_use(&self, told: impl FnMut(&str) + Send + 'static) {
        *self.shared.first_use.lock().unwrap() = Some(Box::new(told));
    }

    /// Whether this refresh token would be taken now.
    pub fn lives(&self, refresh: &str) -> bool {
        self.shared.lock().issued.lives(refresh)
    }

    /// Everything secret that was ever given out, and the client's secret: none of it may be seen anywhere.
    pub fn secrets(&self) -> Vec<String> {
        let state = self.shared.lock();
        let mut all = state.issued.secrets();
        all.push(CLIENT_SECRET.to_owned());
        all
    }

    /// User codes of the device flow that wait for the shopper.
    pub fn waiting(&self) -> Vec<String> {
        self.shared.lock().issued.waiting()
    }

    /// The shopper typed the code at the page, and agreed or not.
    pub fn decide(&self, user_code: &str, consent: Consent) {
        let mut state = self.shared.lock();
        let user = state.behaviour.user.clone();
        assert!(state.issued.decide(user_code, (consent == Consent::Agree).then_some(user)), "no code {user_code}");
    }

    /// What a browser does with the address of the page, up to the last page that it shows: the shopper logs in there
    /// and does what `Behaviour::consent` says.
    pub fn browse(&self, url: &str) -> Page {
        browser::follow(url)
    }
}

/// Writes tokens as modori keeps them, granted for `user` by this server just now; the access token is good for
/// an hour by the reader's clock.
pub fn keep(authority: &Authority, user: &str, pair: &Pair, path: &std::path::Path) {
    use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
    let now = jiff::Timestamp::now();
    let kept = serde_json::json!({
        "version": 1, "user": user, "client_id": CLIENT, "token_url": authority.http.url("/token"), "granted_at": now,
        "scopes": [READ, SEND], "refresh_token": pair.refresh, "access_token": pair.access, "asked_at": now,
        "expires_in": 3600,
    });
    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(path.parent().unwrap()).unwrap();
    let _ = std::fs::remove_file(path);
    let file = std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path).unwrap();
    serde_json::to_writer(file, &kept).unwrap();
}
