//! Requests to a provider's endpoints: a form is sent, JSON comes back (RFC 6749, 3.2, 5.1 and 5.2). No redirect is
//! followed, no answer read without end, nothing secret said.

use super::kept::host;
use super::{Grant, TokenError};
use crate::edge::clock::Clock;
use crate::edge::tls::{self, TlsTrouble};
use crate::edge::{chain, quoted};
use jiff::{SignedDuration, Timestamp};
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Map, Value};
use std::net::IpAddr;
use std::time::Duration;

/// Longest answer, in bytes.
const LONGEST: usize = 64 * 1024;
/// Longest token, in bytes.
const LONGEST_TOKEN: usize = 16 * 1024;
/// So long a provider has for its answer.
const PATIENCE: Duration = Duration::from_secs(30);
/// So long a connection may take.
const CONNECTING: Duration = Duration::from_secs(10);
/// Longest wait that a provider may ask for.
const LONGEST_WAIT: Duration = Duration::from_secs(3600);
/// Who answers, and not as a provider does, is not asked again before: an address may be wrong, or a network in between.
const STRANGE: Duration = Duration::from_secs(3600);

/// What is sent: names and values.
pub(super) type Form = Vec<(&'static str, SecretString)>;

/// Why there is no good answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Refusal {
    /// The error code of RFC 6749, 5.2 (or RFC 8628, 3.5), if there is one.
    pub(super) code: Option<String>,
    /// For people: who answered what. Nothing secret.
    pub(super) what: String,
    /// It passes by itself.
    pub(super) passing: bool,
    /// Not to be asked again before so much time has passed.
    pub(super) after: Option<Duration>,
}

impl Refusal {
    pub(super) fn is(&self, code: &str) -> bool {
        self.code.as_deref() == Some(code)
    }

    fn passing(what: String) -> Self {
        Self { code: None, what, passing: true, after: None }
    }

    fn lasting(what: String) -> Self {
        Self { code: None, what, passing: false, after: None }
    }
}

impl From<TokenError> for Refusal {
    fn from(error: TokenError) -> Self {
        Self { code: None, what: error.what, passing: error.passing, after: None }
    }
}

/// Tokens as they were given (RFC 6749, 5.1).
#[derive(Clone, Debug)]
pub(super) struct Given {
    pub(super) access: SecretString,
    pub(super) asked_at: Timestamp,
    pub(super) lives: Option<SignedDuration>,
    /// Only when there is another one than before.
    pub(super) refresh: Option<SecretString>,
    /// What was granted, if it is told; else what was asked for.
    pub(super) scopes: Option<Vec<String>>,
}

/// Asks the token endpoint; the client says who it is in the form (RFC 6749, 2.3.1).
pub(super) async fn tokens(grant: &Grant, clock: &Clock, form: Form) -> Result<Given, Refusal> {
    let secret = client_secret(grant).await?;
    tokens_with(grant, clock, secret, form).await
}

/// The client's secret, where it has one.
pub(super) async fn client_secret(grant: &Grant) -> Result<Option<SecretString>, TokenError> {
    let Some(secret) = &grant.client_secret else { return Ok(None) };
    let failed = |error| TokenError { what: format!("no client_secret: {error}"), passing: false };
    secret.get().await.map(Some).map_err(failed)
}

/// The same with the client's secret in hand.
pub(super) async fn tokens_with(
    grant: &Grant,
    clock: &Clock,
    secret: Option<SecretString>,
    mut form: Form,
) -> Result<Given, Refusal> {
    form.push(("client_id", SecretString::from(grant.client_id.clone())));
    form.extend(secret.map(|secret| ("client_secret", secret)));
    let asked_at = clock.now();
    let answer = post(grant, &grant.token_url, &form).await?;
    given(&answer, asked_at).map_err(|why| Refusal::passing(format!("{} {why}", host(&grant.token_url))))
}

/// One request and its answer, which is a JSON object.
pub(super) async fn post(grant: &Grant, url: &str, form: &Form) -> Result<Map<String, Value>, Refusal> {
    let to = host(url);
    let parsed = reqwest::Url::parse(url).map_err(|_| Refusal::lasting(format!("`{url}` is not an address")))?;
    if !is_safe(&parsed) {
        return Err(Refusal::lasting(format!("{to} would be asked in clear text: it must be https")));
    }
    let tls = tls::client_config(grant.ca_file.as_deref()).map_err(|error| Refusal::lasting(error.to_string()))?;
    let client = reqwest::Client::builder()
        .tls_backend_preconfigured(tls)
        .redirect(reqwest::redirect::Policy::none()) // what is sent is for this one server
        .no_proxy()
        .timeout(PATIENCE)
        .connect_timeout(CONNECTING)
        .user_agent(concat!("modori/", env!("CARGO_PKG_VERSION")))
        .build()
        .map_err(|error| Refusal::lasting(format!("cannot prepare HTTP: {}", error.without_url())))?;
    let pairs: Vec<(&str, &str)> = form.iter().map(|(name, value)| (*name, value.expose_secret())).collect();
    let sent = client.post(parsed).header("accept", "application/json").form(&pairs).send().await;
    let mut answer = sent.map_err(|error| match TlsTrouble::within(&error, &to) {
        // a certificate does not come right by itself, but a network that puts its own page in between does end
        Some(trouble) => Refusal::passing(trouble.to_string()),
        None => Refusal::passing(format!("{to} cannot be asked: {}", chain(&error.without_url()))),
    })?;
    let status = answer.status().as_u16();
    let after = answer.headers().get("retry-after").and_then(|value| value.to_str().ok()?.trim().parse().ok());
    let after = after.map(|seconds| Duration::from_secs(seconds).min(LONGEST_WAIT));
    let mut body = Vec::new();
    loop {
        match answer.chunk().await {
            Ok(Some(chunk)) if body.len() + chunk.len() > LONGEST => {
                return Err(Refusal::passing(format!("{to} answered without end")));
            }
            Ok(Some(chunk)) => body.extend_from_slice(&chunk),
            Ok(None) => break,
            Err(error) => {
                return Err(Refusal::passing(format!("{to} broke off: {}", chain(&error.without_url()))));
            }
        }
    }
    read(&to, status, after, &body, form)
}

/// What an answer says.
fn read(
    to: &str,
    status: u16,
    after: Option<Duration>,
    body: &[u8],
    form: &Form,
) -> Result<Map<String, Value>, Refusal> {
    let object = match serde_json::from_slice(body) {
        Ok(Value::Object(object)) => Some(object),
        _ => None,
    };
    let code = object.as_ref().and_then(|object| object.get("error")?.as_str()).map(str::to_owned);
    match (status, object) {
        (200..=299, Some(object)) if code.is_none() => return Ok(object),
        (200..=299, None) => {
            let what = format!("{to} answered something else than JSON (does a network want a login first?)");
            return Err(Refusal::passing(what));
        }
        (300..=399, _) => {
            let what = format!("{to} refers elsewhere (status {status}), which is not followed: check the address");
            return Err(Refusal { after: after.or(Some(STRANGE)), ..Refusal::lasting(what) });
        }
        (_, Some(object)) => {
            if let Some(code) = code {
                let said = object.get("error_description").and_then(Value::as_str).unwrap_or_default();
                let said = if said.is_empty() { code.clone() } else { format!("{code}: {said}") };
                let what = format!("{to} said {}", quoted(&struck(&said, form)));
                let passing = status >= 500 || matches!(status, 408 | 425 | 429) || passes(&code);
                return Err(Refusal { code: Some(code), what, passing, after });
            }
        }
        _ => {}
    }
    let passing = status >= 500 || matches!(status, 408 | 425 | 429);
    let (hint, after) = if passing { ("", after) } else { (": check the address", after.or(Some(STRANGE))) };
    Err(Refusal { code: None, what: format!("{to} answered with status {status}{hint}"), passing, after })
}

/// Codes that speak of a server's state, not of ours.
fn passes(code: &str) -> bool {
    // the last is Google's (https://developers.google.com/identity/protocols/oauth2/limited-input-device)
    matches!(code, "temporarily_unavailable" | "server_error" | "slow_down" | "rate_limit_exceeded")
}

/// A server may repeat what it was sent: that is struck out, also as it stood in the form.
fn struck(said: &str, form: &Form) -> String {
    let mut said = said.to_owned();
    for (name, value) in form {
        if matches!(*name, "grant_type" | "client_id" | "scope" | "redirect_uri") {
            continue;
        }
        let value = value.expose_secret();
        let encoded = encoded(value);
        for secret in [value, encoded.as_str()] {
            if !secret.is_empty() {
                said = said.replace(secret, "***");
            }
        }
    }
    said
}

/// As it stands in a form.
fn encoded(value: &str) -> String {
    let mut url = match reqwest::Url::parse("http://x/") {
        Ok(url) => url,
        Err(_) => return String::new(),
    };
    url.query_pairs_mut().append_key_only(value);
    url.query().unwrap_or_default().to_owned()
}

/// The tokens of an answer.
fn given(answer: &Map<String, Value>, asked_at: Timestamp) -> Result<Given, String> {
    let token = |name: &str| match answer.get(name) {
        None | Some(Value::Null) => Ok(None),
        // RFC 6749, appendix A.12: visible characters; what is sent in a login must not hold anything else
        Some(Value::String(text))
            if !text.is_empty()
                && text.len() <= LONGEST_TOKEN
                && text.bytes().all(|byte| (0x20..=0x7e).contains(&byte)) =>
        {
            Ok(Some(SecretString::from(text.as_str())))
        }
        Some(_) => Err(format!("gave a {name} that cannot be one")),
    };
    let access = token("access_token")?.ok_or("gave no access_token")?;
    if let Some(kind) = answer.get("token_type")
        && !kind.as_str().is_some_and(|kind| kind.eq_ignore_ascii_case("bearer"))
    {
        return Err("gave a token of another type than Bearer, which no mail server takes".to_owned());
    }
    // a number, which some write as text
    let lives = match answer.get("expires_in") {
        Some(Value::String(text)) => text.trim().parse().ok(),
        Some(Value::Number(number)) => number.as_i64().or_else(|| number.as_f64().map(whole)),
        _ => None,
    };
    let scopes = answer.get("scope").and_then(Value::as_str);
    let scopes = scopes.map(|scopes| scopes.split_whitespace().map(str::to_owned).collect::<Vec<_>>());
    Ok(Given {
        access,
        asked_at,
        lives: lives.map(SignedDuration::from_secs),
        refresh: token("refresh_token")?,
        scopes: scopes.filter(|scopes| !scopes.is_empty()),
    })
}

#[allow(clippy::cast_possible_truncation, reason = "a cast of a float ends at the bounds of the number")]
fn whole(seconds: f64) -> i64 {
    seconds as i64
}

/// Over TLS, or to this machine.
pub(super) fn is_safe(url: &reqwest::Url) -> bool {
    let loopback = url.host_str().is_some_and(|host| {
        let bare = host.trim_start_matches('[').trim_end_matches(']');
        bare.eq_ignore_ascii_case("localhost") || bare.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
    });
    url.scheme() == "https" || (url.scheme() == "http" && loopback)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn form() -> Form {
        vec![
            ("grant_type", SecretString::from("refresh_token")),
            ("refresh_token", SecretString::from("1//0geheim+x")),
            ("client_secret", SecretString::from("noch geheimer")),
        ]
    }

    fn said(status: u16, body: &str) -> Refusal {
        read("id.example.jp", status, None, body.as_bytes(), &form()).unwrap_err()
    }

    #[test]
    fn refusals_are_told_apart() {
        for (status, body, passing, code, what) in [
            (400, r#"{"error":"invalid_grant"}"#, false, Some("invalid_grant"), "“invalid_grant”"),
            (
                401,
                r#"{"error":"invalid_client","error_description":"no"}"#,
                false,
                Some("invalid_client"),
                "invalid_client: no",
            ),
            (400, r#"{"error":"temporarily_unavailable"}"#, true, Some("temporarily_unavailable"), ""),
            (403, r#"{"error":"rate_limit_exceeded"}"#, true, Some("rate_limit_exceeded"), ""),
            (503, r#"{"error":"invalid_grant"}"#, true, Some("invalid_grant"), ""),
            // GitHub's way: an error with status 200
            (200, r#"{"error":"bad_verification_code"}"#, false, Some("bad_verification_code"), ""),
            (200, "<html>", true, None, "something else than JSON"),
            (200, "[]", true, None, "something else than JSON"),
            (302, "", false, None, "not followed"),
            (404, "<html>", false, None, "check the address"),
            (429, "", true, None, "status 429"),
            (500, "{}", true, None, "status 500"),
            (400, r#"{"error":{"code":400}}"#, false, None, "status 400"),
        ] {
            let refusal = said(status, body);
            assert_eq!((refusal.passing, refusal.code.as_deref()), (passing, code), "{status} {body}");
            // what is nobody's word is not asked for again at once, and not for good
            assert_eq!(refusal.after, (!passing && code.is_none()).then_some(STRANGE), "{status} {body}");
            assert!(refusal.what.contains(what), "{}", refusal.what);
        }
    }

    #[test]
    fn what_was_sent_is_not_repeated() {
        for echo in ["1//0geheim+x", "refresh_token=1%2F%2F0geheim%2Bx&x", "noch geheimer", "noch+geheimer"] {
            let body = serde_json::json!({"error": "invalid_request", "error_description": echo}).to_string();
            let refusal = said(400, &body);
            assert!(!refusal.what.contains("geheim"), "{}", refusal.what);
        }
    }

    #[test]
    fn tokens_are_read_as_providers_write_them() {
        let at = Timestamp::UNIX_EPOCH;
        let read = |body: &str| given(&serde_json::from_str(body).unwrap(), at);
        let lives = |expires: &str| {
            read(&format!(r#"{{"access_token":"a","token_type":"bearer","expires_in":{expires}}}"#)).unwrap().lives
        };
        for (written, seconds) in [
            ("3599", Some(3599)),
            ("\"3599\"", Some(3599)),
            ("3599.5", Some(3599)),
            ("-1", Some(-1)),
            ("null", None),
            ("\"soon\"", None),
            ("1e300", Some(i64::MAX)),
            ("{}", None),
        ] {
            assert_eq!(lives(written), seconds.map(SignedDuration::from_secs), "{written}");
        }
        let all = read(r#"{"access_token":"a","refresh_token":"r","scope":" x  y "}"#).unwrap();
        assert_eq!(all.scopes, Some(vec!["x".to_owned(), "y".to_owned()]));
        assert!(all.refresh.is_some());
        for bad in [
            "{}",
            r#"{"access_token":""}"#,
            r#"{"access_token":7}"#,
            r#"{"access_token":"geheim\r\nA1 LOGOUT"}"#,
            r#"{"access_token":"geheim\u0001"}"#,
            r#"{"access_token":"geheim","refresh_token":["x"]}"#,
            r#"{"access_token":"geheim","token_type":"mac"}"#,
        ] {
            let why = read(bad).unwrap_err();
            assert!(!why.contains("geheim"), "{why}");
        }
    }

    #[test]
    fn only_this_machine_is_asked_in_clear() {
        for (url, safe) in [
            ("https://id.example.jp/token", true),
            ("http://127.0.0.1:8080/token", true),
            ("http://[::1]/token", true),
            ("http://localhost/token", true),
            ("http://id.example.jp/token", false),
            ("http://127.0.0.1.example.jp/", false),
            ("ftp://127.0.0.1/", false),
        ] {
            assert_eq!(is_safe(&reqwest::Url::parse(url).unwrap()), safe, "{url}");
        }
    }

    proptest! {
        #[test]
        fn any_answer_is_read_without_a_panic(status in 100_u16..1000, body in proptest::collection::vec(any::<u8>(), 0..200)) {
            if let Ok(object) = read("x", status, None, &body, &form()) {
                let _ = given(&object, Timestamp::UNIX_EPOCH);
            }
        }

        #[test]
        fn any_object_is_read_without_a_panic(
            token in any::<String>(), kind in any::<Option<String>>(), lives in any::<f64>(), scope in any::<String>()
        ) {
            let value = serde_json::json!({"access_token": token, "token_type": kind, "expires_in": lives, "scope": scope});
            if let Value::Object(object) = value && let Ok(given) = given(&object, Timestamp::UNIX_EPOCH) {
                prop_assert!(given.access.expose_secret().bytes().all(|byte| !byte.is_ascii_control()));
            }
        }
    }
}
