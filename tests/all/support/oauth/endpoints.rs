//! What the stand-in's endpoints say to a request.

use super::super::http::{Answer, Reply, Request};
use super::super::services::pairs;
use super::issued::{Code, Device, Renewed};
use super::{CLIENT, Consent, INTROSPECTOR, Rotation, Seen, Shared, State, Trouble};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use ring::digest;
use serde_json::json;
use std::collections::BTreeMap;

type Form = BTreeMap<String, String>;

/// A refusal: status, error code, what is wrong in words (only when the request itself is at fault).
struct Refusal(u16, &'static str, Option<String>);

fn refuse<T>(status: u16, code: &'static str, wrong: impl Into<String>) -> Result<T, Refusal> {
    Err(Refusal(status, code, Some(wrong.into())))
}

/// Nobody did anything wrong.
fn not_now<T>(code: &'static str) -> Result<T, Refusal> {
    Err(Refusal(400, code, None))
}

/// Answers one request.
pub(super) fn answer(shared: &Shared, request: &Request) -> Answer {
    let (path, query) = request.path.split_once('?').unwrap_or((&request.path, ""));
    let body = String::from_utf8_lossy(&request.body).into_owned();
    match path {
        "/authorize" => authorize(&mut shared.lock(), path, query),
        "/token" | "/device" => {
            let (trouble, delays) = {
                let mut state = shared.lock();
                state.at_once.0 += 1;
                state.at_once.1 = state.at_once.1.max(state.at_once.0);
                (state.behaviour.trouble.clone(), state.behaviour.delays)
            };
            std::thread::sleep(delays.0);
            let answered = match &trouble {
                Some(Trouble::Before(answer)) => {
                    let seen = Seen { path: path.to_owned(), form: pairs(&body), error: None, wrong: None };
                    shared.lock().seen.push(seen);
                    answer.clone()
                }
                _ => {
                    let mut state = shared.lock();
                    let result = form(request, &body).and_then(|form| {
                        client(&state, request, &form)?;
                        if path == "/token" { token(&mut state, &form) } else { device(&mut state, request, &form) }
                    });
                    let reply = finish(&mut state, path, pairs(&body), result);
                    if let Some(Trouble::After(answer)) = trouble { answer } else { Answer::Reply(reply) }
                }
            };
            std::thread::sleep(delays.1);
            shared.lock().at_once.0 -= 1;
            answered
        }
        "/introspect" => introspect(shared, request, query, &body),
        _ => Answer::Status(404),
    }
}

fn finish(state: &mut State, path: &str, form: Form, result: Result<serde_json::Value, Refusal>) -> Reply {
    let (status, value, error, wrong) = match result {
        Ok(value) => (200, value, None, None),
        Err(Refusal(status, code, wrong)) => {
            let about = wrong.clone().unwrap_or_else(|| "not now".to_owned());
            (status, json!({"error": code, "error_description": about}), Some(code.to_owned()), wrong)
        }
    };
    state.seen.push(Seen { path: path.to_owned(), form, error, wrong });
    let reply = Reply::json(status, &value).with("Cache-Control", "no-store");
    if status == 401 { reply.with("WWW-Authenticate", "Basic realm=\"token\"") } else { reply }
}

/// The body as RFC 6749, 3.2, wants it: POST, a form, no parameter twice, nothing secret in the address.
fn form(request: &Request, body: &str) -> Result<Form, Refusal> {
    if request.method != "POST" {
        return refuse(405, "invalid_request", "not POST");
    }
    if request.path.contains('?') {
        return refuse(400, "invalid_request", "parameters in the address");
    }
    let kind = request.headers.get("content-type").map_or("", String::as_str);
    if kind.split(';').next() != Some("application/x-www-form-urlencoded") {
        return refuse(400, "invalid_request", format!("the body is {kind}"));
    }
    once(body)?;
    Ok(pairs(body))
}

fn once(text: &str) -> Result<(), Refusal> {
    let mut names: Vec<&str> = text.split('&').filter_map(|pair| pair.split('=').next()).collect();
    names.sort_unstable();
    match names.windows(2).find(|two| two[0] == two[1]) {
        Some(two) => refuse(400, "invalid_request", format!("{} is there twice", two[0])),
        None => Ok(()),
    }
}

/// Who asks (RFC 6749, 2.3.1 and 3.2.1).
fn client(state: &State, request: &Request, form: &Form) -> Result<(), Refusal> {
    let basic = request.headers.get("authorization").and_then(|value| value.strip_prefix("Basic "));
    let basic = basic.and_then(|value| String::from_utf8(STANDARD.decode(value).ok()?).ok());
    let by_header = basic.as_deref().and_then(|value| value.split_once(':'));
    let (id, secret) = match by_header {
        Some(_) if form.contains_key("client_secret") => {
            return refuse(400, "invalid_request", "the client authenticates in two ways");
        }
        Some((id, secret)) => (Some(id.to_owned()), Some(secret.to_owned())),
        None => (form.get("client_id").cloned(), form.get("client_secret").cloned()),
    };
    if id.as_deref() != Some(CLIENT) {
        return refuse(401, "invalid_client", format!("client {id:?} is not registered"));
    }
    match &state.behaviour.client_secret {
        Some(known) if secret.as_ref() != Some(known) => refuse(401, "invalid_client", "the client's secret is wrong"),
        _ => Ok(()),
    }
}

fn scopes(state: &State, asked: Option<&String>) -> Result<Vec<String>, Refusal> {
    let asked: Vec<String> = asked.map_or("", String::as_str).split_whitespace().map(str::to_owned).collect();
    if asked.is_empty() {
        return refuse(400, "invalid_scope", "no scope");
    }
    match asked.iter().find(|scope| !state.behaviour.scopes.contains(scope)) {
        Some(unknown) => refuse(400, "invalid_scope", format!("scope {unknown} is not known")),
        None => Ok(asked),
    }
}

/// RFC 8252, 7.3: loopback by address, any port, any path; without TLS.
fn loopback(uri: &str) -> bool {
    let rest = uri.strip_prefix("http://127.0.0.1:").or_else(|| uri.strip_prefix("http://[::1]:"));
    let Some(rest) = rest else { return false };
    let (port, path) = rest.split_once('/').unwrap_or((rest, ""));
    port.parse::<u16>().is_ok_and(|port| port > 0) && !path.contains('#')
}

fn authorize(state: &mut State, path: &str, query: &str) -> Answer {
    let form = pairs(query);
    let get = |name: &str| form.get(name).map_or("", String::as_str);
    let mut seen = Seen { path: path.to_owned(), form: form.clone(), error: None, wrong: None };
    // RFC 6749, 4.1.2.1: nobody is sent to an address that is not the client's
    let page = if get("client_id") != CLIENT {
        Some("this client is not registered")
    } else if !loopback(get("redirect_uri")) {
        Some("redirect_uri_mismatch")
    } else {
        None
    };
    if let Some(said) = page {
        seen.error = Some(said.to_owned());
        seen.wrong = Some(said.to_owned());
        state.seen.push(seen);
        return Answer::Reply(Reply::text(400, said));
    }
    let checked = (|| {
        once(query)?;
        if get("response_type") != "code" {
            return refuse(302, "unsupported_response_type", "response_type is not code");
        }
        let challenge = get("code_challenge");
        let as_s256 = challenge.len() == 43 && URL_SAFE_NO_PAD.decode(challenge).is_ok();
        if get("code_challenge_method") != "S256" || !as_s256 {
            return refuse(302, "invalid_request", "no code challenge by S256");
        }
        if get("state").len() < 16 {
            return refuse(302, "invalid_request", "no state worth its name");
        }
        let asked = scopes(state, form.get("scope"))?;
        if state.behaviour.consent == Consent::Deny {
            return Err(Refusal(302, "access_denied", None));
        }
        Ok(asked)
    })();
    let back = |more: String| {
        let uri = get("redirect_uri");
        let joint = if uri.contains('?') { '&' } else { '?' };
        let echoed = if get("state").is_empty() { String::new() } else { format!("&state={}", quote(get("state"))) };
        Answer::Redirect(format!("{uri}{joint}{more}{echoed}"))
    };
    match checked {
        Ok(asked) => {
            let code = state.issued.fresh("code");
            let scopes = state.behaviour.granted.clone().unwrap_or(asked);
            let (redirect_uri, challenge) = (get("redirect_uri").to_owned(), get("code_challenge").to_owned());
            let (user, expires) = (state.behaviour.user.clone(), state.now() + 60);
            let made = Code { redirect_uri, challenge, scopes, user, expires, grant: None };
            state.issued.codes.insert(code.clone(), made);
            state.seen.push(seen);
            back(format!("code={}", quote(&code)))
        }
        Err(Refusal(_, error, wrong)) => {
            seen.error = Some(error.to_owned());
            seen.wrong = wrong;
            state.seen.push(seen);
            back(format!("error={error}&error_description={}", quote("the shopper or the request")))
        }
    }
}

fn quote(text: &str) -> String {
    let keep = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    text.bytes().map(|byte| if keep(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") }).collect()
}

fn token(state: &mut State, form: &Form) -> Result<serde_json::Value, Refusal> {
    match form.get("grant_type").map(String::as_str) {
        Some("authorization_code") => by_code(state, form),
        Some("refresh_token") => by_refresh(state, form),
        Some("urn:ietf:params:oauth:grant-type:device_code") => by_device(state, form),
        other => refuse(400, "unsupported_grant_type", format!("grant_type {other:?}")),
    }
}

fn by_code(state: &mut State, form: &Form) -> Result<serde_json::Value, Refusal> {
    let now = state.now();
    let given = form.get("code").cloned().unwrap_or_default();
    let Some(code) = state.issued.codes.get_mut(&given) else {
        return refuse(400, "invalid_grant", "no such code");
    };
    if let Some(grant) = code.grant {
        // RFC 6749, 4.1.2: whoever shows it a second time may have stolen it
        state.issued.end_grant(grant);
        return refuse(400, "invalid_grant", "the code was used before");
    }
    if code.expires <= now {
        return Err(Refusal(400, "invalid_grant", None));
    }
    if form.get("redirect_uri") != Some(&code.redirect_uri) {
        return refuse(400, "invalid_grant", "another redirect_uri than before");
    }
    let verifier = form.get("code_verifier").map_or("", String::as_str);
    let unreserved = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    if !(43..=128).contains(&verifier.len()) || !verifier.bytes().all(unreserved) {
        return refuse(400, "invalid_request", "no code_verifier as in RFC 7636, 4.1");
    }
    if URL_SAFE_NO_PAD.encode(digest::digest(&digest::SHA256, verifier.as_bytes())) != code.challenge {
        return refuse(400, "invalid_grant", "the code_verifier is another");
    }
    let (user, scopes) = (code.user.clone(), code.scopes.clone());
    let grant = state.issued.grant(&user, &scopes);
    if let Some(code) = state.issued.codes.get_mut(&given) {
        code.grant = Some(grant);
    }
    Ok(granted(state, grant, &scopes, None))
}

fn by_refresh(state: &mut State, form: &Form) -> Result<serde_json::Value, Refusal> {
    let given = form.get("refresh_token").cloned().unwrap_or_default();
    let (grant, mut scopes) = match state.issued.renew(&given) {
        Renewed::Good(grant, scopes) => (grant, scopes),
        Renewed::Dead(grant) => {
            if state.behaviour.reuse_ends_all {
                state.issued.end_grant(grant);
            }
            return Err(Refusal(400, "invalid_grant", None));
        }
        Renewed::Unknown => return refuse(400, "invalid_grant", "no such refresh token"),
    };
    if let Some(asked) = form.get("scope") {
        let asked: Vec<String> = asked.split_whitespace().map(str::to_owned).collect();
        if let Some(more) = asked.iter().find(|scope| !scopes.contains(scope)) {
            return refuse(400, "invalid_scope", format!("{more} was not granted"));
        }
        scopes = asked;
    }
    Ok(granted(state, grant, &scopes, Some(&given)))
}

fn by_device(state: &mut State, form: &Form) -> Result<serde_json::Value, Refusal> {
    let (now, slower) = (state.now(), state.behaviour.slow_downs > 0);
    let given = form.get("device_code").cloned().unwrap_or_default();
    let Some(device) = state.issued.devices.get_mut(&given).filter(|device| !device.used) else {
        return refuse(400, "invalid_grant", "no such device code");
    };
    if device.expires <= now {
        return not_now("expired_token");
    }
    let last = device.polled.replace(std::time::Instant::now());
    // a second is not counted to the last millisecond
    let apart = std::time::Duration::from_millis(u64::try_from(device.interval * 1000 - 50).unwrap_or(0));
    if last.is_some_and(|last| last.elapsed() < apart) {
        device.interval += 5;
        return refuse(400, "slow_down", "polled too soon");
    }
    if slower {
        device.interval += 5;
        state.behaviour.slow_downs -= 1;
        return not_now("slow_down");
    }
    match device.decided.clone() {
        None => not_now("authorization_pending"),
        Some(None) => not_now("access_denied"),
        Some(Some(user)) => {
            device.used = true;
            let scopes = device.scopes.clone();
            let grant = state.issued.grant(&user, &scopes);
            Ok(granted(state, grant, &scopes, None))
        }
    }
}

/// An answer with tokens (RFC 6749, 5.1). `old` is the refresh token that was shown.
fn granted(state: &mut State, grant: usize, scopes: &[String], old: Option<&str>) -> serde_json::Value {
    let expires = state.now() + state.behaviour.lifetime;
    let with_refresh = match old {
        None => state.behaviour.refreshes,
        Some(_) => state.behaviour.rotation != Rotation::Never,
    };
    let (access, refresh) = state.issued.pair(grant, scopes, expires, with_refresh);
    if let (Some(old), Some(new)) = (old, &refresh) {
        state.issued.follows(new, old);
        state.issued.end_before(old);
        if state.behaviour.rotation == Rotation::Strict {
            state.issued.end(old);
        }
    }
    let mut answer = json!({"access_token": access, "token_type": "Bearer"});
    if let Some(seconds) = state.behaviour.expires_in {
        answer["expires_in"] = json!(seconds);
    }
    if let Some(refresh) = refresh {
        answer["refresh_token"] = json!(refresh);
    }
    if state.behaviour.tells_scopes || state.behaviour.granted.is_some() {
        answer["scope"] = json!(scopes.join(" "));
    }
    answer
}

/// RFC 8628, 3.1 and 3.2.
fn device(state: &mut State, request: &Request, form: &Form) -> Result<serde_json::Value, Refusal> {
    let asked = scopes(state, form.get("scope"))?;
    let device_code = state.issued.fresh("device");
    let user_code = format!("WDJB-{:04}", state.issued.devices.len() + 1);
    let behaviour = &state.behaviour;
    let made = Device {
        user_code: user_code.clone(),
        scopes: behaviour.granted.clone().unwrap_or(asked),
        expires: state.now() + behaviour.device_lifetime,
        decided: None,
        interval: behaviour.interval.unwrap_or(5),
        polled: None,
        used: false,
    };
    let host = request.headers.get("host").map_or("", String::as_str);
    let mut answer = json!({
        "device_code": device_code,
        "user_code": user_code,
        "verification_uri": format!("http://{host}/code"),
        "verification_uri_complete": format!("http://{host}/code?user_code={user_code}"),
        "expires_in": behaviour.device_lifetime,
    });
    if let Some(interval) = behaviour.interval {
        answer["interval"] = json!(interval);
    }
    state.issued.devices.insert(device_code, made);
    Ok(answer)
}

/// RFC 7662: POST with the token in the body. Dovecot can also show it as a bearer (`introspection_mode = auth`) or at the
/// end of the address (`get`); both are taken.
fn introspect(shared: &Shared, request: &Request, query: &str, body: &str) -> Answer {
    let (user, password) = INTROSPECTOR;
    let given = request.headers.get("authorization").map_or("", String::as_str);
    let token = match (given.strip_prefix("Bearer "), request.method.as_str()) {
        (Some(token), _) => token.to_owned(),
        (None, _) if given != format!("Basic {}", STANDARD.encode(format!("{user}:{password}"))) => {
            let wrong = Some("the introspecting server did not authenticate".to_owned());
            let seen = Seen { path: "/introspect".to_owned(), form: Form::new(), error: None, wrong };
            shared.lock().seen.push(seen);
            return Answer::Reply(Reply::json(401, &json!({"error": "invalid_client"})));
        }
        (None, "POST") => pairs(body).get("token").cloned().unwrap_or_default(),
        (None, _) => pairs(query).get("token").cloned().unwrap_or_else(|| query.to_owned()),
    };
    let shown = shared.show(&token);
    let error = shown.is_none().then(|| "inactive".to_owned());
    let seen =
        Seen { path: "/introspect".to_owned(), form: Form::from([("token".to_owned(), token)]), error, wrong: None };
    shared.lock().seen.push(seen);
    let answer = match shown {
        None => json!({"active": false}),
        Some(shown) => json!({
            "active": true,
            "username": shown.user,
            "sub": shown.user,
            "client_id": CLIENT,
            "token_type": "Bearer",
            "scope": shown.scopes.join(" "),
            "exp": shown.expires,
        }),
    };
    Answer::Reply(Reply::json(200, &answer))
}
