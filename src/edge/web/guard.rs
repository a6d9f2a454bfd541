//! What every request must pass: how many, how long, how large, under which name; and what every answer bears.

use super::session;
use crate::edge::config;
use crate::edge::store::SecretDigest;
use axum::extract::connect_info::Connected;
use axum::extract::{ConnectInfo, Request, State};
use axum::http::header::{
    CACHE_CONTROL, CONNECTION, CONTENT_SECURITY_POLICY, HOST, REFERRER_POLICY, RETRY_AFTER, X_CONTENT_TYPE_OPTIONS,
};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use axum::serve::{IncomingStream, Listener};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::io;
use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, Sleep};

/// Connections at a time; further ones wait in the system's queue.
const CONNECTIONS: usize = 16;
/// A connection is one request, and lives so long at most, whatever it does.
const LIFE: Duration = Duration::from_secs(10);
/// Most bytes that are read from a connection: head and body.
const MOST_READ: usize = 16 * 1024;
/// Most bytes of a body.
pub(super) const MOST_BODY: usize = 1024;
/// Requests of one address a minute.
const MOST_OF_ONE: u32 = 30;
/// Requests of all together a minute.
const MOST_OF_ALL: u32 = 120;
/// Requests of one browser a minute in which the dashboard is open.
const MOST_OF_SESSION: u32 = 600;
/// Wrong links a minute that are told so.
const MOST_WRONG: u32 = 10;
/// Sessions that are remembered; beyond, all are learned anew.
const MOST_SESSIONS: usize = 64;
const MINUTE: Duration = Duration::from_secs(60);

/// The style of the page with the button, which is whole in itself.
pub(super) const STYLE: &str = "body{font-family:sans-serif;line-height:1.6;margin:2rem auto;max-width:30rem;padding:0 1rem}\
                                h1{font-size:1.2rem;overflow-wrap:anywhere}\
                                button{font-size:1.2rem;padding:1rem;width:100%}";

/// The address of who asks.
#[derive(Clone, Copy, Debug)]
pub(super) struct Peer(SocketAddr);

impl Connected<IncomingStream<'_, Guard>> for Peer {
    fn connect_info(stream: IncomingStream<'_, Guard>) -> Self {
        Self(*stream.remote_addr())
    }
}

/// A listener whose connections are few, short and small.
pub(super) struct Guard {
    listener: TcpListener,
    room: Arc<Semaphore>,
}

impl Guard {
    pub(super) fn new(listener: TcpListener) -> Self {
        Self { listener, room: Arc::new(Semaphore::new(CONNECTIONS)) }
    }
}

impl Listener for Guard {
    type Io = Bounded;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Bounded, SocketAddr) {
        loop {
            let Ok(permit) = Arc::clone(&self.room).acquire_owned().await else { return std::future::pending().await };
            match self.listener.accept().await {
                Ok((stream, peer)) => {
                    let end = Box::pin(tokio::time::sleep(LIFE));
                    return (Bounded { stream, end, left: MOST_READ, _permit: permit }, peer);
                }
                // too many open files, or a peer that was gone at once: a moment later it may work
                Err(_) => tokio::time::sleep(Duration::from_millis(200)).await,
            }
        }
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }
}

/// A connection that ends by itself.
pub(super) struct Bounded {
    stream: TcpStream,
    end: Pin<Box<Sleep>>,
    left: usize,
    _permit: OwnedSemaphorePermit,
}

impl Bounded {
    fn is_over(&mut self, context: &mut Context<'_>) -> bool {
        self.end.as_mut().poll(context).is_ready()
    }
}

impl AsyncRead for Bounded {
    fn poll_read(mut self: Pin<&mut Self>, context: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        if self.is_over(context) {
            return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
        }
        if self.left == 0 {
            return Poll::Ready(Err(io::ErrorKind::InvalidData.into()));
        }
        let most = self.left.min(into.remaining());
        let mut part = ReadBuf::new(into.initialize_unfilled_to(most));
        let read = Pin::new(&mut self.stream).poll_read(context, &mut part);
        let filled = part.filled().len();
        into.advance(filled);
        self.left = self.left.saturating_sub(filled);
        read
    }
}

impl AsyncWrite for Bounded {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        if self.is_over(context) {
            return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
        }
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

/// Which names are answered to, and how often.
pub(super) struct Rules {
    hosts: Vec<String>,
    port: u16,
    security: String,
    counted: Mutex<Counted>,
}

/// The requests of this minute.
struct Counted {
    since: Instant,
    all: u32,
    of: BTreeMap<IpAddr, u32>,
    wrong: u32,
    /// Sessions that were good when they were last looked at, and what they asked.
    sessions: BTreeMap<SecretDigest, u32>,
}

impl Counted {
    /// Nothing yet; sessions stay known.
    fn anew(sessions: BTreeMap<SecretDigest, u32>) -> Self {
        let sessions = sessions.into_keys().map(|session| (session, 0)).collect();
        Self { since: Instant::now(), all: 0, of: BTreeMap::new(), wrong: 0, sessions }
    }
}

impl Rules {
    pub(super) fn new(web: &config::Web) -> Self {
        let digest = BASE64_STANDARD.encode(Sha256::digest(STYLE));
        Self {
            hosts: hosts(web),
            port: web.listen.port(),
            security: format!(
                "default-src 'none'; style-src 'sha256-{digest}'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
            ),
            counted: Mutex::new(Counted::anew(BTreeMap::new())),
        }
    }

    fn counted(&self) -> MutexGuard<'_, Counted> {
        let mut counted = self.counted.lock().unwrap_or_else(PoisonError::into_inner);
        if counted.since.elapsed() >= MINUTE {
            let sessions = std::mem::take(&mut counted.sessions);
            *counted = Counted::anew(sessions);
        }
        counted
    }

    /// Remembers whether a session is a good one. What good ones ask is counted by itself: nobody outside can keep them
    /// out by asking much.
    pub(super) fn is_session(&self, session: SecretDigest, good: bool) {
        let mut counted = self.counted();
        if !good {
            counted.sessions.remove(&session);
        } else if counted.sessions.len() < MOST_SESSIONS || counted.sessions.contains_key(&session) {
            counted.sessions.entry(session).or_default();
        } else {
            counted.sessions = BTreeMap::from([(session, 1)]);
        }
    }

    /// Counts a wrong link: whether it is one of the few of this minute that are told so.
    pub(super) fn may_fail(&self) -> bool {
        let mut counted = self.counted();
        counted.wrong = counted.wrong.saturating_add(1);
        counted.wrong <= MOST_WRONG
    }

    /// Whether one more request of a session is answered this minute; `None`: it is not known to be one.
    fn may_session(&self, session: &SecretDigest) -> Option<bool> {
        let mut counted = self.counted();
        let asked = counted.sessions.get_mut(session)?;
        *asked = asked.saturating_add(1);
        Some(*asked <= MOST_OF_SESSION)
    }

    /// Whether one more request is answered this minute.
    fn may_ask(&self, peer: IpAddr, path: &str, headers: &HeaderMap) -> bool {
        // how one signs in takes nobody's turn and waits for none: whoever has a right link gets in, however much is
        // asked by others. Its wrong ones are counted by themselves
        if path == session::LOGIN {
            return true;
        }
        let session = session::digest_of(headers, self.port);
        session.and_then(|session| self.may_session(&session)).unwrap_or_else(|| self.may(peer))
    }

    /// Whether one more request from outside is answered this minute. Behind a proxy on the same machine everybody comes from there:
    /// then only what all together ask is counted.
    fn may(&self, peer: IpAddr) -> bool {
        let mut counted = self.counted();
        if counted.all >= MOST_OF_ALL {
            return false;
        }
        if !peer.to_canonical().is_loopback() {
            let one = counted.of.entry(who(peer)).or_default();
            if *one >= MOST_OF_ONE {
                return false;
            }
            *one += 1;
        }
        counted.all += 1;
        true
    }
}

/// Addresses of one customer: all of a /64 are the same (RFC 6177).
fn who(peer: IpAddr) -> IpAddr {
    match peer.to_canonical() {
        IpAddr::V6(address) => {
            let [a, b, c, d, ..] = address.segments();
            IpAddr::V6(Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0))
        }
        IpAddr::V4(address) => IpAddr::V4(address),
    }
}

/// How the address that is listened on is written; a browser leaves the usual port of http away.
pub(super) fn own_names(listen: SocketAddr) -> Vec<String> {
    let mut names = vec![listen.to_string()];
    if listen.ip().is_loopback() {
        names.push(format!("localhost:{}", listen.port()));
    }
    if listen.port() == 80 {
        let bare: Vec<String> = names.iter().filter_map(|name| name.strip_suffix(":80")).map(str::to_owned).collect();
        names.extend(bare);
    }
    names
}

/// The names under which the pages are reached: that of `public_url`, and the address that is listened on. A page of
/// another site whose name was pointed here (DNS rebinding) asks under its own name.
fn hosts(web: &config::Web) -> Vec<String> {
    let mut hosts = own_names(web.listen);
    if let Some(url) = &web.public_url {
        let (url, usual) = match url.strip_prefix("https://") {
            Some(rest) => (rest, ":443"),
            None => (url.trim_start_matches("http://"), ":80"),
        };
        let public = url.split('/').next().unwrap_or_default().to_ascii_lowercase();
        let bare = public.trim_end_matches(usual).to_owned();
        hosts.extend([format!("{bare}{usual}"), bare, public]);
    }
    hosts
}

/// Lets a request through, or not.
pub(super) async fn check(
    State(rules): State<Arc<Rules>>,
    ConnectInfo(Peer(peer)): ConnectInfo<Peer>,
    request: Request,
    next: Next,
) -> Response {
    let host = request.headers().get(HOST).and_then(|host| host.to_str().ok()).map(str::to_ascii_lowercase);
    let known = host.is_some_and(|host| rules.hosts.contains(&host));
    // what asks under another name is turned away uncounted: it takes nobody's turn
    let mut answer = if !known {
        (StatusCode::MISDIRECTED_REQUEST, "nothing is served under this name\n").into_response()
    } else if !rules.may_ask(peer.ip(), request.uri().path(), request.headers()) {
        (StatusCode::TOO_MANY_REQUESTS, [(RETRY_AFTER, "60")], "too many requests; try again in a minute\n")
            .into_response()
    } else {
        next.run(request).await
    };
    let headers = answer.headers_mut();
    headers.insert(CONNECTION, HeaderValue::from_static("close"));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    // what a page says itself of these stays
    headers.entry(CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    headers.entry(REFERRER_POLICY).or_insert(HeaderValue::from_static("no-referrer"));
    if let Ok(security) = HeaderValue::from_str(&rules.security) {
        headers.entry(CONTENT_SECURITY_POLICY).or_insert(security);
    }
    answer
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rules(listen: &str, public_url: &str) -> Rules {
        Rules::new(&config::Web { listen: listen.parse().unwrap(), public_url: Some(public_url.to_owned()) })
    }

    #[test]
    fn it_answers_to_its_own_names_alone() {
        let own = rules("127.0.0.1:8580", "https://Home.example.jp/modori").hosts;
        for (host, is) in [
            ("home.example.jp", true),
            ("home.example.jp:443", true),
            ("127.0.0.1:8580", true),
            ("localhost:8580", true),
            ("home.example.jp:80", false),
            ("127.0.0.1", false),
            ("evil.example", false),
            ("home.example.jp.evil.example", false),
        ] {
            assert_eq!(own.iter().any(|one| one == host), is, "{host}");
        }
        let vpn = rules("100.64.0.7:8580", "http://[fd00::7]:8580").hosts;
        assert!(vpn.contains(&"[fd00::7]:8580".to_owned()) && !vpn.contains(&"localhost:8580".to_owned()), "{vpn:?}");
    }

    #[test]
    fn a_browser_leaves_the_usual_port_away() {
        let names = |listen: &str| own_names(listen.parse().unwrap());
        assert_eq!(names("127.0.0.1:80"), ["127.0.0.1:80", "localhost:80", "127.0.0.1", "localhost"]);
        assert_eq!(names("[fd00::7]:80"), ["[fd00::7]:80", "[fd00::7]"]);
        assert_eq!(names("127.0.0.1:8580"), ["127.0.0.1:8580", "localhost:8580"]);
        let web = config::Web { listen: "127.0.0.1:80".parse().unwrap(), public_url: None };
        assert!(hosts(&web).contains(&"127.0.0.1".to_owned()));
    }

    #[tokio::test(start_paused = true)]
    async fn so_many_requests_a_minute_and_no_more() {
        let rules = rules("127.0.0.1:8580", "https://home.example.jp");
        let peer = |n: u16| IpAddr::V6(Ipv6Addr::new(0x2001, 0xdb8, 0, n, 1, 2, 3, 4));
        let taken = (0..40).filter(|_| rules.may(peer(1))).count();
        assert_eq!(taken, 30);
        assert!(!rules.may("2001:db8:0:1:ffff::9".parse().unwrap()), "the same customer");
        assert!(rules.may(peer(2)));
        let taken = (3..1000).filter(|n| rules.may(peer(*n))).count();
        assert_eq!(taken, 120 - 31, "all together");
        tokio::time::advance(MINUTE).await;
        assert!(rules.may(peer(1)));
        assert_eq!(rules.counted.lock().unwrap().of.len(), 1, "what was counted is forgotten");
        // behind a proxy on this machine all are one address
        tokio::time::advance(MINUTE).await;
        let proxy = ["127.0.0.1", "::1", "::ffff:127.0.0.1"].map(|peer| peer.parse::<IpAddr>().unwrap());
        let taken = (0..300).zip(proxy.iter().cycle()).filter(|(_, peer)| rules.may(**peer)).count();
        assert_eq!(taken, 120, "all together");
    }
}
