//! A server that says what a test wrote down, over TCP (with TLS from a byte of its choice) or through memory, and
//! keeps every byte that it gets.

use base64::Engine as _;
use modori::edge::imap::{Dial, ImapAccount, Pace, Security, Wire};
use modori::edge::secret::Secret;
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadBuf, duplex};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::{ClientConfig, ServerConfig};

pub const USER: &str = "shopper@example.jp";
pub const PASSWORD: &str = "geheim-4711";

/// One step of the server's side.
#[derive(Clone, Debug)]
pub enum Step {
    /// Waits until these words came; `TAG` in what follows is the tag of their line.
    Hears(&'static str),
    /// Says something.
    Says(Vec<u8>),
    /// Says it again and again, until nobody listens.
    Forever(Vec<u8>),
    /// Says it again and again, one byte after so long.
    Drips(Vec<u8>, Duration),
    /// Speaks TLS from here on.
    Tls,
    /// Says nothing any more, and stays.
    Silent,
}
pub use Step::{Drips, Forever, Hears, Silent, Tls};

pub fn says(words: impl AsRef<[u8]>) -> Step {
    Step::Says(words.as_ref().to_vec())
}

/// What came to the server.
#[derive(Clone, Default)]
pub struct Heard {
    /// Every byte as it came over the wire: what anyone between could read.
    pub wire: Arc<Mutex<Vec<u8>>>,
    /// The same with TLS taken off.
    pub plain: Arc<Mutex<Vec<u8>>>,
    pub connections: Arc<AtomicUsize>,
}

impl Heard {
    pub fn wire(&self) -> Vec<u8> {
        self.wire.lock().unwrap().clone()
    }

    pub fn plain(&self) -> Vec<u8> {
        self.plain.lock().unwrap().clone()
    }
}

/// The form in which the password stands in these bytes: as it is (quoted and literal alike), or in base64.
pub fn secret_in(bytes: &[u8]) -> Option<String> {
    let holds = |words: &[u8]| bytes.windows(words.len()).any(|window| window == words);
    if holds(PASSWORD.as_bytes()) {
        return Some("as it is".to_owned());
    }
    // base64 depends on what stands before: all three alignments, without the characters that share bits with others
    for before in 0..3 {
        let padded = [vec![0; before], PASSWORD.as_bytes().to_vec()].concat();
        let whole = padded.len() / 3 * 4;
        let text = base64::engine::general_purpose::STANDARD.encode(&padded);
        let first = if before == 0 { 0 } else { 4 };
        if holds(&text.as_bytes()[first..whole]) {
            return Some(format!("in base64, {before} bytes on"));
        }
    }
    None
}

/// Keeps what is read.
struct Eye {
    inner: Box<dyn Wire>,
    seen: Arc<Mutex<Vec<u8>>>,
}

impl AsyncRead for Eye {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<std::io::Result<()>> {
        let before = buf.filled().len();
        let polled = Pin::new(&mut self.inner).poll_read(cx, buf);
        self.seen.lock().unwrap().extend_from_slice(&buf.filled()[before..]);
        polled
    }
}

impl AsyncWrite for Eye {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<std::io::Result<usize>> {
        Pin::new(&mut self.inner).poll_write(cx, bytes)
    }
    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(cx)
    }
    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(cx)
    }
}

fn with_tag(words: &[u8], tag: &str) -> Vec<u8> {
    let mut out = Vec::new();
    let mut rest = words;
    while let Some(at) = rest.windows(3).position(|window| window == b"TAG") {
        out.extend_from_slice(&rest[..at]);
        out.extend_from_slice(tag.as_bytes());
        rest = &rest[at + 3..];
    }
    out.extend_from_slice(rest);
    out
}

/// Plays the steps over one connection; ends when they are done or the client is gone.
async fn play(stream: Box<dyn Wire>, steps: Vec<Step>, tls: Option<Arc<ServerConfig>>, heard: Heard) -> Option<()> {
    let eye = Eye { inner: stream, seen: Arc::clone(&heard.wire) };
    let mut stream: Box<dyn Wire> = Box::new(eye);
    let mut waiting = Vec::new();
    let mut tag = String::new();
    for step in steps {
        match step {
            Hears(words) => loop {
                if let Some(at) = waiting.windows(words.len()).position(|window| window == words.as_bytes()) {
                    let start = waiting[..at].iter().rposition(|b| *b == b'\n').map_or(0, |at| at + 1);
                    let line = String::from_utf8_lossy(&waiting[start..at]).into_owned();
                    tag = line.split(' ').next().unwrap_or_default().to_owned();
                    waiting.drain(..at + words.len());
                    break;
                }
                let mut bytes = [0; 4096];
                let read = stream.read(&mut bytes).await.ok().filter(|read| *read > 0)?;
                waiting.extend_from_slice(&bytes[..read]);
                heard.plain.lock().unwrap().extend_from_slice(&bytes[..read]);
            },
            Step::Says(words) => {
                stream.write_all(&with_tag(&words, &tag)).await.ok()?;
                stream.flush().await.ok()?;
            }
            Forever(words) => {
                let many = with_tag(&words, &tag).repeat((16 * 1024 / words.len()).max(1));
                loop {
                    stream.write_all(&many).await.ok()?;
                }
            }
            Drips(words, apart) => {
                for byte in with_tag(&words, &tag).iter().cycle() {
                    stream.write_all(&[*byte]).await.ok()?;
                    stream.flush().await.ok()?;
                    tokio::time::sleep(apart).await;
                }
            }
            Tls => {
                waiting.clear();
                let acceptor = TlsAcceptor::from(tls.clone().expect("a script with TLS has a certificate"));
                stream = Box::new(acceptor.accept(stream).await.ok()?);
            }
            Silent => {
                // what comes meanwhile is heard, too
                let mut bytes = [0; 4096];
                loop {
                    let read = stream.read(&mut bytes).await.ok().filter(|read| *read > 0)?;
                    heard.plain.lock().unwrap().extend_from_slice(&bytes[..read]);
                }
            }
        }
    }
    let _ = stream.shutdown().await;
    Some(())
}

fn account(dial: Dial, pace: Pace) -> ImapAccount {
    ImapAccount {
        name: "a".into(),
        dial,
        user: USER.into(),
        credential: Secret::Given(PASSWORD.into()).into(),
        pace,
        fetch_cap: 64 * 1024,
    }
}

/// A server in memory: every connection is the same conversation.
pub fn in_memory(steps: Vec<Step>) -> (ImapAccount, Heard) {
    let heard = Heard::default();
    let kept = heard.clone();
    let dial = move || {
        let (ours, theirs) = duplex(1 << 16);
        kept.connections.fetch_add(1, Ordering::SeqCst);
        let (steps, heard) = (steps.clone(), kept.clone());
        tokio::spawn(async move { play(Box::new(theirs), steps, None, heard).await });
        Ok(Box::new(ours) as Box<dyn Wire>)
    };
    (account(Dial::Memory(Arc::new(dial)), Pace::default()), heard)
}

/// A server on loopback: every connection is the same conversation. It lives as long as the test's runtime.
pub async fn on_loopback(
    security: Security,
    host: &str,
    steps: Vec<Step>,
    server: Option<Arc<ServerConfig>>,
    client: ClientConfig,
    pace: Pace,
) -> (ImapAccount, Heard) {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let heard = Heard::default();
    let kept = heard.clone();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            kept.connections.fetch_add(1, Ordering::SeqCst);
            tokio::spawn(play(Box::new(stream), steps.clone(), server.clone(), kept.clone()));
        }
    });
    let dial = Dial::Tcp { host: host.to_owned(), port, security, tls: Arc::new(client) };
    (account(dial, pace), heard)
}

/// A good greeting in clear text, and a login under whatever protection there is by then.
pub const GREETING: &str = "* OK [CAPABILITY IMAP4rev1 STARTTLS AUTH=PLAIN SASL-IR] hi\r\n";

/// From the greeting to a login that works.
pub fn logged_in() -> Vec<Step> {
    vec![
        says("* OK [CAPABILITY IMAP4rev1 AUTH=PLAIN SASL-IR IDLE MOVE UIDPLUS] hi\r\n"),
        Hears("AUTHENTICATE PLAIN"),
        says("TAG OK [CAPABILITY IMAP4rev1 IDLE MOVE UIDPLUS] in\r\n"),
        Hears("LIST \"\" \"\""),
        says("* LIST (\\Noselect) \"/\" \"\"\r\nTAG OK done\r\n"),
    ]
}

/// As [`logged_in`], with a mailbox open.
pub fn opened(command: &'static str) -> Vec<Step> {
    let mut steps = logged_in();
    steps.push(Hears(command));
    steps.push(says("* 1 EXISTS\r\n* OK [UIDVALIDITY 7] x\r\n* OK [UIDNEXT 5] x\r\nTAG OK [READ-WRITE] done\r\n"));
    steps
}
