//! Access by a browser on this machine: it goes to the provider's page and comes back to a port of this machine
//! (RFC 6749, 4.1, with PKCE, RFC 7636, as RFC 8252 tells programs like this one).

use super::ask::{self, Form};
use super::granted::{self, NotGranted, Why};
use super::kept::Kept;
use super::turn::{self, Asked, Turn};
use super::{Grant, pkce};
use crate::edge::clock::Clock;
use secrecy::{ExposeSecret, SecretString};
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

/// Requests that are looked at at once; a browser opens a few connections ahead.
const AT_ONCE: usize = 16;
/// So long a connection may take, whatever it does.
const LIFE: Duration = Duration::from_secs(10);
/// Longest head of a request, in bytes.
const LONGEST: u64 = 16 * 1024;

/// What the pages say that the browser shows at the end: heading, then text, a line each.
#[derive(Clone, Debug, Default)]
pub struct Words {
    /// The language of the pages (`ja`).
    pub language: &'static str,
    /// She agreed.
    pub agreed: Vec<String>,
    /// She did not, or the provider refused.
    pub refused: Vec<String>,
    /// The request belongs to no login that waits.
    pub foreign: Vec<String>,
}

/// A login that waits for a browser.
pub struct Loopback {
    listener: TcpListener,
    port: u16,
    url: String,
    redirect_uri: String,
    state: SecretString,
    verifier: SecretString,
    words: Arc<Words>,
    /// Requests that are looked at: kept here, so that who waits for something else meanwhile loses none.
    visits: JoinSet<Option<Turn>>,
    /// Requests that did not belong to it.
    foreign: usize,
}

/// The code that is changed into tokens.
#[derive(Debug)]
pub struct Code(SecretString);

impl Loopback {
    /// Listens on a port of this machine.
    ///
    /// # Errors
    /// The port is taken, or the configuration names no page.
    pub async fn open(grant: &Grant, words: Words) -> Result<Self, NotGranted> {
        let failed = |what: String| NotGranted::new(Why::Other, what);
        let page = grant.authorize_url.as_deref().unwrap_or_default();
        let mut page = reqwest::Url::parse(page)
            .map_err(|_| failed("no page is known where you could agree: write authorize_url".to_owned()))?;
        let addresses = [
            SocketAddr::from((Ipv4Addr::LOCALHOST, grant.redirect_port)),
            (Ipv6Addr::LOCALHOST, grant.redirect_port).into(),
        ];
        let listener = TcpListener::bind(&addresses[..]).await.map_err(|error| {
            let port = grant.redirect_port;
            failed(format!(
                "cannot listen on port {port} of this machine: {error}; name another redirect_port, or none"
            ))
        })?;
        let address = listener.local_addr().map_err(|error| failed(error.to_string()))?;
        let redirect_uri = format!("http://{address}/");
        let random = || pkce::random().map_err(|error| failed(error.to_string()));
        let (state, verifier) = (random()?, random()?);
        // what the configuration tells beside stands first, so that it takes the place of nothing
        let mut pairs: Vec<(&str, &str)> =
            grant.parameters.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        let (scope, challenge) = (grant.scopes.join(" "), pkce::challenge(&verifier));
        if !grant.parameters.contains_key("login_hint") && grant.user.contains('@') {
            pairs.push(("login_hint", &grant.user));
        }
        pairs.extend([
            ("response_type", "code"),
            ("client_id", grant.client_id.as_str()),
            ("redirect_uri", redirect_uri.as_str()),
            ("scope", scope.as_str()),
            ("state", state.expose_secret()),
            ("code_challenge", challenge.as_str()),
            ("code_challenge_method", "S256"),
        ]);
        page.query_pairs_mut().extend_pairs(pairs);
        let url = page.into();
        Ok(Self {
            listener,
            port: address.port(),
            url,
            redirect_uri,
            state,
            verifier,
            words: Arc::new(words),
            visits: JoinSet::new(),
            foreign: 0,
        })
    }

    /// The page to open in a browser.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// How many requests came that did not belong to this login.
    #[must_use]
    pub fn foreign(&self) -> usize {
        self.foreign
    }

    /// Waits until the browser came back, for ever. Dropped and asked again, it goes on from there.
    ///
    /// # Errors
    /// The shopper or the provider said no.
    pub async fn came(&mut self) -> Result<Code, NotGranted> {
        loop {
            tokio::select! {
                biased;
                Some(visit) = self.visits.join_next() => match visit {
                    Ok(Some(Turn::Code(code))) => return Ok(Code(code)),
                    Ok(Some(Turn::Refused(refused))) => return Err(refused),
                    Ok(Some(Turn::Foreign(_))) => self.foreign += 1,
                    Ok(None) | Err(_) => {}
                },
                came = self.listener.accept(), if self.visits.len() < AT_ONCE => {
                    // a connection that failed before it was ours is nobody's trouble
                    let Ok((stream, _)) = came else { continue };
                    let (state, words, port) = (self.state.clone(), Arc::clone(&self.words), self.port);
                    self.visits.spawn(async move {
                        tokio::time::timeout(LIFE, visit(stream, port, &state, &words)).await.ok().flatten()
                    });
                }
            }
        }
    }

    /// The code in an address that the shopper pasted.
    ///
    /// # Errors
    /// There is none in it, or the provider said no ([`Why::Other`]: she may paste again).
    pub fn pasted(&self, line: &str) -> Result<Code, NotGranted> {
        turn::pasted(line, self.state.expose_secret()).map(Code)
    }

    /// Changes the code into tokens (RFC 6749, 4.1.3).
    ///
    /// # Errors
    /// The provider refuses.
    pub async fn redeem(self, grant: &Grant, code: Code, clock: &Clock) -> Result<Kept, NotGranted> {
        let form: Form = vec![
            ("grant_type", SecretString::from("authorization_code")),
            ("code", code.0),
            ("redirect_uri", SecretString::from(self.redirect_uri)),
            ("code_verifier", self.verifier),
        ];
        Ok(granted::kept(grant, ask::tokens(grant, clock, form).await?, clock))
    }
}

/// One connection: one request, one answer.
async fn visit(mut stream: TcpStream, port: u16, state: &SecretString, words: &Words) -> Option<Turn> {
    let mut head = Vec::new();
    let mut reader = (&mut stream).take(LONGEST);
    while !head.windows(4).any(|four| four == b"\r\n\r\n") {
        // one that was opened ahead and closed, or is too long
        if reader.read_buf(&mut head).await.ok()? == 0 {
            return None;
        }
    }
    let (status, page, turn) = match turn::asked(&head, port) {
        Asked::Back(query) => match turn::read(query, state.expose_secret()) {
            turn @ Turn::Code(_) => (200, &words.agreed, Some(turn)),
            turn @ Turn::Refused(_) => (200, &words.refused, Some(turn)),
            turn @ Turn::Foreign(_) => (400, &words.foreign, Some(turn)),
        },
        Asked::Other(status) => (status, &words.foreign, None),
    };
    let answer = answer(status, words.language, page);
    // the code counts, whether or not the browser waited for its page
    let _ = stream.write_all(answer.as_bytes()).await;
    let _ = stream.shutdown().await;
    turn
}

fn answer(status: u16, language: &str, lines: &[String]) -> String {
    let mut body = String::new();
    for (n, line) in lines.iter().filter(|line| !line.trim().is_empty()).enumerate() {
        let tag = if n == 0 { "h1" } else { "p" };
        body.push_str(&format!("<{tag}>{}</{tag}>", escaped(line)));
    }
    let page = format!(
        "<!doctype html>\n<html lang=\"{}\"><head><meta charset=\"utf-8\"><title>modori</title></head><body>{body}</body></html>\n",
        escaped(language)
    );
    let reason = match status {
        200 => "OK",
        404 => "Not Found",
        405 => "Method Not Allowed",
        _ => "Bad Request",
    };
    format!(
        "HTTP/1.1 {status} {reason}\r\nContent-Type: text/html; charset=utf-8\r\nContent-Length: {}\r\nConnection: close\r\n\
         Cache-Control: no-store\r\nContent-Security-Policy: default-src 'none'\r\nX-Content-Type-Options: nosniff\r\n\
         Referrer-Policy: no-referrer\r\n\r\n{page}",
        page.len()
    )
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
