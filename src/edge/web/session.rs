//! Who may see the dashboard: a link that `modori dashboard` made is exchanged for a cookie by pressing a button, and
//! every request that writes must come from our own page and bear the session's own word.

use super::Pages;
use super::frame::{self, Around};
use super::guard::{self, Rules};
use crate::edge::config;
use crate::edge::store::{SESSION_LIVES, SecretDigest, Session};
use crate::edge::tls;
use crate::wording::{Face, Labels, Language};
use axum::body::{Body, to_bytes};
use axum::extract::rejection::QueryRejection;
use axum::extract::{Form, FromRequest, Query, Request, State};
use axum::http::header::{CONTENT_TYPE, COOKIE, LOCATION, ORIGIN, SET_COOKIE};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use axum::{Extension, Router};
use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use maud::html;
use serde::Deserialize;
use sha2::{Digest, Sha256};
use std::sync::Arc;

/// Most bytes of a form.
pub(super) const MOST_FORM: usize = 8 * 1024;
/// Every answer of the dashboard bears it: only what the program itself serves, and nobody may frame it.
const POLICY: &str = "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; connect-src 'self'; \
                      form-action 'self'; frame-ancestors 'none'; base-uri 'none'";

/// The names under which the dashboard is reached, and of its cookie.
pub(super) struct Door {
    rules: Arc<Rules>,
    /// `scheme://host[:port]` of our own pages.
    origins: Vec<String>,
    /// Without and with TLS in front: such a name can only be set by the host itself, over TLS (RFC 6265bis, 4.1.3.2).
    cookies: [String; 2],
}

impl Door {
    pub(super) fn new(web: &config::Web, rules: Arc<Rules>) -> Self {
        let mut origins: Vec<String> =
            guard::own_names(web.listen).into_iter().map(|name| format!("http://{name}")).collect();
        if let Some((scheme, rest)) = web.public_url.as_deref().and_then(|url| url.split_once("://")) {
            let host = rest.split('/').next().unwrap_or_default().to_ascii_lowercase();
            let usual = if scheme == "https" { ":443" } else { ":80" };
            origins.push(format!("{scheme}://{}", host.strip_suffix(usual).unwrap_or(&host)));
        }
        // cookies know no ports: two programs on one host keep apart by the name
        let name = format!("modori-{}", web.listen.port());
        Self { rules, origins, cookies: [name.clone(), format!("__Host-{name}")] }
    }

    /// The secret that a request bears.
    fn secret(&self, headers: &HeaderMap) -> Option<[u8; 32]> {
        self.cookies.iter().rev().find_map(|name| cookie(headers, name)).and_then(secret_of)
    }

    /// Whether a request that writes comes from a page of ours. A browser says so in every such request, and no page can
    /// make it say something else.
    fn is_ours(&self, headers: &HeaderMap) -> bool {
        let said = |name: &HeaderName| headers.get(name).map(|value| value.to_str().unwrap_or_default());
        let site = said(&HeaderName::from_static("sec-fetch-site"));
        let from = said(&ORIGIN);
        site.is_none_or(|site| site == "same-origin")
            && from.is_none_or(|from| self.origins.iter().any(|own| own.eq_ignore_ascii_case(from)))
            && (site.is_some() || from.is_some())
    }
}

/// The digest of the cookie of a request, whether it is a session's or not.
pub(super) fn digest_of(headers: &HeaderMap, port: u16) -> Option<SecretDigest> {
    let name = format!("modori-{port}");
    let text = cookie(headers, &format!("__Host-{name}")).or_else(|| cookie(headers, &name))?;
    secret_of(text).map(digest)
}

fn cookie<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let lines = headers.get_all(COOKIE).iter().filter_map(|line| line.to_str().ok());
    lines.flat_map(|line| line.split(';')).find_map(|pair| pair.trim().strip_prefix(name)?.strip_prefix('='))
}

fn secret_of(text: &str) -> Option<[u8; 32]> {
    BASE64_URL_SAFE_NO_PAD.decode(text).ok()?.try_into().ok()
}

fn digest(secret: [u8; 32]) -> SecretDigest {
    Sha256::digest(secret).into()
}

/// The digest under which a link is kept; `None` when the text is no token.
#[must_use]
pub fn link_digest(token: &str) -> Option<SecretDigest> {
    secret_of(token).map(digest)
}

/// The token of a link, from 32 bytes that nobody can guess.
#[must_use]
pub fn link_token(bytes: [u8; 32]) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(bytes)
}

/// A request that came in by a session.
#[derive(Clone)]
pub(super) struct Entered {
    secret: [u8; 32],
    session: Session,
}

impl Entered {
    /// The word that every form of the session bears.
    pub(super) fn word(&self) -> String {
        BASE64_URL_SAFE_NO_PAD.encode(self.tag())
    }

    fn tag(&self) -> ring::hmac::Tag {
        ring::hmac::sign(&self.key(), WORD_OF)
    }

    fn key(&self) -> ring::hmac::Key {
        ring::hmac::Key::new(ring::hmac::HMAC_SHA256, &self.secret)
    }

    /// Whether this is its word; takes as long for every wrong one.
    fn is_word(&self, said: &str) -> bool {
        let Ok(said) = BASE64_URL_SAFE_NO_PAD.decode(said) else { return false };
        ring::hmac::verify(&self.key(), WORD_OF, &said).is_ok()
    }

    /// The language that was chosen, else the usual one.
    pub(super) fn language(&self, usual: Language) -> Language {
        match self.session.language.as_deref() {
            Some("ja") => Language::Ja,
            Some("en") => Language::En,
            _ => usual,
        }
    }
}

const WORD_OF: &[u8] = b"modori: forms of this session";

/// What only pages of the dashboard answer to: every other request ends here.
pub(super) async fn enter(
    State((pages, door)): State<(Pages, Arc<Door>)>,
    mut request: Request,
    next: Next,
) -> Response {
    let root = frame::root(request.uri().path());
    let mut answer = match entered(&pages, &door, &mut request).await {
        Ok(()) => next.run(request).await,
        Err(refused) => refused,
    };
    let headers = answer.headers_mut();
    // behind a proxy our first folder may not be the host's: ways within are told from where the browser is
    if let Some(to) = headers.get(LOCATION).and_then(|to| to.to_str().ok()).and_then(|to| frame::within(to, &root))
        && let Ok(to) = HeaderValue::from_str(&to)
    {
        headers.insert(LOCATION, to);
    }
    for (name, value) in [
        ("content-security-policy", POLICY),
        ("referrer-policy", "same-origin"),
        ("cross-origin-opener-policy", "same-origin"),
        ("cross-origin-resource-policy", "same-origin"),
        ("vary", "Cookie"),
    ] {
        headers.insert(HeaderName::from_static(name), HeaderValue::from_static(value));
    }
    answer
}

/// Looks at who asks, and whether a request that writes is meant.
async fn entered(pages: &Pages, door: &Arc<Door>, request: &mut Request) -> Result<(), Response> {
    let around = Around::of(pages, request);
    let writes = !matches!(*request.method(), Method::GET | Method::HEAD);
    if writes && !door.is_ours(request.headers()) {
        return Err(around.refused(StatusCode::FORBIDDEN, "door.elsewhere"));
    }
    // a link is worth a session by itself, whatever this browser had before: its page and its form know no other word
    let secret = door.secret(request.headers()).filter(|_| request.uri().path() != LOGIN);
    let session = match secret {
        None => None,
        Some(secret) => {
            let (key, now) = (digest(secret), pages.clock.now());
            let found = pages.store.call(move |db| db.session(&key, now)).await;
            let found = found.map_err(|error| around.trouble(&error))?;
            door.rules.is_session(key, found.is_some());
            found.map(|session| Entered { secret, session })
        }
    };
    if let Some(entered) = session {
        if writes {
            let said = word_in(request).await.map_err(|status| around.refused(status, "door.form"))?;
            if !said.is_some_and(|said| entered.is_word(&said)) {
                return Err(around.refused(StatusCode::FORBIDDEN, "door.form"));
            }
        }
        request.extensions_mut().insert(entered);
    } else if request.uri().path() != LOGIN {
        return Err(around.door());
    }
    request.extensions_mut().insert(Arc::clone(door));
    Ok(())
}

#[derive(Deserialize)]
struct Word {
    csrf: String,
}

/// The word in a form, which stays where it is for whoever reads the form next.
async fn word_in(request: &mut Request) -> Result<Option<String>, StatusCode> {
    let body = std::mem::take(request.body_mut());
    let bytes = to_bytes(body, MOST_FORM).await.map_err(|_| StatusCode::PAYLOAD_TOO_LARGE)?;
    let mut copy = Request::new(Body::from(bytes.clone()));
    *copy.method_mut() = Method::POST;
    if let Some(kind) = request.headers().get(CONTENT_TYPE) {
        copy.headers_mut().insert(CONTENT_TYPE, kind.clone());
    }
    *request.body_mut() = Body::from(bytes);
    Ok(Form::<Word>::from_request(copy, &()).await.ok().map(|Form(word)| word.csrf))
}

pub(super) const LOGIN: &str = "/login";

pub(super) fn routes() -> Router<Pages> {
    Router::new()
        .route(LOGIN, get(ask).post(open))
        .route("/logout", post(leave))
        .route("/logout-all", post(leave_all))
        .route("/language", post(speak))
}

#[derive(Deserialize)]
struct Token {
    #[serde(default)]
    token: String,
}

/// To look at a link uses nothing up: messengers and mail programs fetch every link they see.
async fn ask(State(pages): State<Pages>, query: Result<Query<Token>, QueryRejection>, request: Request) -> Response {
    let token = query.map_or_else(|_| String::new(), |Query(query)| query.token);
    let around = Around::of(&pages, &request);
    if link_digest(&token).is_none() {
        return around.door();
    }
    let labels = around.labels();
    around.bare(
        StatusCode::OK,
        labels.get("door.title"),
        &html! {
            p { (labels.get("door.ready")) }
            form method="post" action=(LOGIN) {
                input type="hidden" name="token" value=(token);
                button type="submit" { (labels.get("door.open")) }
            }
        },
    )
}

/// Exchanges a link for a session. Only wrong ones count: nobody outside can keep out who has a right one.
async fn open(
    State(pages): State<Pages>,
    Extension(door): Extension<Arc<Door>>,
    headers: HeaderMap,
    Form(Token { token }): Form<Token>,
) -> Response {
    let around = Around::at(&pages, LOGIN);
    let wrong = || {
        if door.rules.may_fail() {
            around.refused(StatusCode::FORBIDDEN, "door.used")
        } else {
            around.refused(StatusCode::TOO_MANY_REQUESTS, "door.often")
        }
    };
    let Some(link) = link_digest(&token) else { return wrong() };
    let secret = match tls::random() {
        Ok(secret) => secret,
        Err(error) => return around.trouble(&error),
    };
    let (key, now) = (digest(secret), pages.clock.now());
    match pages.store.call(move |db| db.use_link(&link, &key, now)).await {
        Err(error) => around.trouble(&error),
        Ok(false) => wrong(),
        Ok(true) => {
            door.rules.is_session(key, true);
            tracing::info!("the dashboard was opened in a browser");
            let secure = headers.get(ORIGIN).is_some_and(|from| from.as_bytes().starts_with(b"https://"));
            let cookie = set_cookie(&door, secure, &BASE64_URL_SAFE_NO_PAD.encode(secret), SESSION_LIVES.as_secs());
            ([(SET_COOKIE, cookie)], Redirect::to("/")).into_response()
        }
    }
}

fn set_cookie(door: &Door, secure: bool, value: &str, seconds: i64) -> String {
    let [plain, host] = &door.cookies;
    let (name, secure) = if secure { (host, "; Secure") } else { (plain, "") };
    format!("{name}={value}; Path=/; Max-Age={seconds}; HttpOnly; SameSite=Strict{secure}")
}

/// Takes both cookies back.
fn without_cookie(door: &Door, mut answer: Response) -> Response {
    for secure in [false, true] {
        if let Ok(value) = HeaderValue::from_str(&set_cookie(door, secure, "", 0)) {
            answer.headers_mut().append(SET_COOKIE, value);
        }
    }
    answer
}

/// Ends the session of this browser.
async fn leave(
    State(pages): State<Pages>,
    Extension(entered): Extension<Entered>,
    Extension(door): Extension<Arc<Door>>,
) -> Response {
    let key = digest(entered.secret);
    let ended = pages.store.call(move |db| db.end_session(&key)).await;
    door.rules.is_session(key, false);
    left(&pages, &door, ended)
}

/// Ends all sessions.
async fn leave_all(State(pages): State<Pages>, Extension(door): Extension<Arc<Door>>) -> Response {
    let now = pages.clock.now();
    let ended = pages.store.call(move |db| db.end_all_sessions(now)).await;
    left(&pages, &door, ended.map(drop))
}

fn left(pages: &Pages, door: &Door, ended: Result<(), crate::edge::store::StoreError>) -> Response {
    let around = Around::at(pages, "/logout");
    match ended {
        Err(error) => around.trouble(&error),
        Ok(()) => without_cookie(door, around.refused(StatusCode::OK, "door.left")),
    }
}

#[derive(Deserialize)]
struct Speak {
    language: String,
    #[serde(default)]
    back: String,
}

/// Chooses the language of this browser.
async fn speak(
    State(pages): State<Pages>,
    Extension(entered): Extension<Entered>,
    Form(Speak { language, back }): Form<Speak>,
) -> Response {
    let around = Around::at(&pages, "/language");
    let language = if language == "en" { "en" } else { "ja" };
    let key = digest(entered.secret);
    match pages.store.call(move |db| db.session_speaks(&key, language)).await {
        Err(error) => around.trouble(&error),
        Ok(()) => Redirect::to(if is_own_way(&back) { &back } else { "/" }).into_response(),
    }
}

/// A way within the dashboard, and nothing that a browser could take for another site's.
fn is_own_way(back: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || "/-._~?=&%+".contains(c);
    back.starts_with('/') && !back.starts_with("//") && back.len() < 512 && back.chars().all(plain)
}

/// The labels of the pages for whoever has not entered.
pub(super) fn outside(pages: &Pages) -> Labels {
    pages.wording.labels(pages.language, Face::Dashboard)
}
