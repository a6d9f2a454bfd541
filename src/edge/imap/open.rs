//! From an account to a logged-in connection: dial, protect, greet, log in, ask what the server can.

use super::agree;
use super::enter;
use super::error::{ImapError, referral};
use super::names::Names;
use super::resolve;
use super::response::{Code, Condition, Response, Value};
use super::wire::{Line, Piece};
use super::{Dial, ImapAccount, Security, Wire};
use crate::edge::tls::{Reason, Shown, TlsTrouble};
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::ClientConfig;
use tokio_rustls::rustls::pki_types::ServerName;

/// Words of a server's capabilities.
const CAPABILITIES: usize = 1000;

/// A logged-in connection.
pub(super) struct Opened {
    pub(super) line: Line,
    /// Upper case.
    pub(super) capabilities: BTreeSet<String>,
    /// How names of folders are written.
    pub(super) names: Names,
}

/// A greeted connection, and what the server says it can before the login.
pub(super) struct Ready {
    pub(super) line: Line,
    /// Upper case.
    pub(super) can: BTreeSet<String>,
}

/// Dials, protects, greets.
pub(super) async fn connect(account: &ImapAccount) -> Result<Ready, ImapError> {
    let name = account.name.as_str();
    let line = |stream| Line::new(stream, name, account.pace.clone(), account.fetch_cap);
    let (mut line, greeted) = match &account.dial {
        Dial::Memory(dial) => {
            let stream = dial().map_err(|error| ImapError::lost(name, format_args!("cannot connect: {error}")))?;
            (line(stream), false)
        }
        Dial::Tcp { host, port, security, tls } => {
            let limit = account.pace.command.min(Duration::from_secs(30));
            let tcp = tokio::time::timeout(limit, dial(name, host, *port, *security, limit))
                .await
                .map_err(|_| ImapError::lost(name, format_args!("{host}:{port} does not answer")))??;
            match security {
                Security::Plain => (line(Box::new(tcp)), false),
                Security::Tls => {
                    let (stream, shown) = protect(name, host, tls, Box::new(tcp), limit).await?;
                    let mut line = line(stream);
                    line.shown = shown;
                    (line, false)
                }
                Security::StartTls => {
                    let mut clear = line(Box::new(tcp));
                    greeting(name, &mut clear).await?;
                    clear.ok("STARTTLS (encryption)", &[Piece::Plain("STARTTLS")]).await?;
                    let (stream, shown) = protect(name, host, tls, clear.into_stream()?, limit).await?;
                    let mut line = line(stream);
                    line.shown = shown;
                    (line, true)
                }
            }
        }
    };
    let told = if greeted { None } else { greeting(name, &mut line).await? };
    // what was said before STARTTLS does not count: asked again
    let can = match told {
        Some(words) => words,
        None => capabilities(&mut line).await?,
    };
    line.literal_plus = can.contains("LITERAL+") || can.contains("LITERAL-");
    Ok(Ready { line, can })
}

/// Dials and logs in.
pub(super) async fn open(account: &ImapAccount) -> Result<Opened, ImapError> {
    let name = account.name.as_str();
    let (Ready { mut line, .. }, answer) = enter::enter(account, connect(account).await?).await?;
    if let Some(elsewhere) = referral(&answer.status) {
        tracing::warn!("account `{name}`: the login is good{elsewhere}");
    }
    let can = match answer.status.code.as_ref().and_then(told_capabilities) {
        Some(words) => words,
        None => capabilities(&mut line).await?,
    };
    if can.len() > CAPABILITIES {
        return Err(line.lost("the server names capabilities without end"));
    }
    let names = agree::on_names(account, &mut line, &can).await?;
    Ok(Opened { line, capabilities: can, names })
}

/// The capabilities that the greeting tells, if it does.
async fn greeting(name: &str, line: &mut Line) -> Result<Option<BTreeSet<String>>, ImapError> {
    let limit = line.pace.command;
    let Some(response) = line.response_or_silence(limit).await? else {
        // a server that expects TLS from the first byte is as silent
        let what = format!("the server was silent for {} s (is the port right, and TLS or STARTTLS?)", limit.as_secs());
        return Err(line.lost(what));
    };
    match response {
        Response::Status(status) if status.condition == Condition::Ok => {
            Ok(status.code.as_ref().and_then(told_capabilities))
        }
        // we said nothing yet that could tell who we are: whose mail would it be? Before TLS it is an old trick to
        // keep a client from encrypting
        Response::Status(status) if status.condition == Condition::PreAuth => Err(ImapError::ask(
            name,
            "the server says that we are logged in before we said who we are (PREAUTH): not believed, and no password \
             was sent. Someone may be in between, or the server is set up for something else",
        )),
        _ => Err(ImapError::ask(name, "this is not an IMAP server (is the port right, and TLS or STARTTLS?)")),
    }
}

/// The words of a `[CAPABILITY …]`; `None` for another code, or when there are none.
fn told_capabilities(code: &Code) -> Option<BTreeSet<String>> {
    let words: BTreeSet<String> =
        code.rest.iter().filter_map(Value::text).map(|word| word.to_ascii_uppercase()).collect();
    (code.name == "CAPABILITY" && !words.is_empty()).then_some(words)
}

async fn capabilities(line: &mut Line) -> Result<BTreeSet<String>, ImapError> {
    let answer = line.ok("CAPABILITY", &[Piece::Plain("CAPABILITY")]).await?;
    let mut all = BTreeSet::new();
    for response in answer.untagged {
        if let Response::Capability(words) = response {
            all.extend(words);
        }
    }
    if all.len() > CAPABILITIES {
        return Err(line.lost("the server names capabilities without end"));
    }
    Ok(all)
}

async fn dial(name: &str, host: &str, port: u16, security: Security, limit: Duration) -> Result<TcpStream, ImapError> {
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    let addresses = resolve::addresses(bare, port)
        .await
        .map_err(|error| ImapError::lost(name, format_args!("cannot find {host}: {error} (is the network up?)")))?;
    let mut last = None;
    // an address whose packets vanish (a broken IPv6, mostly) does not keep the next from being tried
    let share = (limit / u32::try_from(addresses.len()).unwrap_or(u32::MAX).max(1)).min(Duration::from_secs(10));
    for address in addresses {
        if security == Security::Plain && !address.ip().is_loopback() {
            let what =
                format!("`plain` would send the password to {address} in clear text; use \"tls\" or \"starttls\"");
            return Err(ImapError::ask(name, what));
        }
        match tokio::time::timeout(share, TcpStream::connect(address)).await {
            Ok(Ok(tcp)) => {
                keep_alive(&tcp);
                return Ok(tcp);
            }
            Ok(Err(error)) => last = Some(error.to_string()),
            Err(_) => last = Some(format!("{address} does not answer")),
        }
    }
    let why = last.unwrap_or_else(|| "it has no address".to_owned());
    Err(ImapError::lost(name, format_args!("cannot connect to {host}:{port}: {why}")))
}

/// A peer that vanished without a word is noticed by the system, too; not everywhere, so failures do not matter.
fn keep_alive(tcp: &TcpStream) {
    let _ = tcp.set_nodelay(true);
    let socket = socket2::SockRef::from(tcp);
    let every = Duration::from_secs(30);
    let _ = socket.set_tcp_keepalive(&socket2::TcpKeepalive::new().with_time(every).with_interval(every));
    #[cfg(target_os = "linux")]
    let _ = socket.set_tcp_user_timeout(Some(Duration::from_secs(60)));
}

async fn protect(
    name: &str,
    host: &str,
    tls: &Arc<ClientConfig>,
    stream: Box<dyn Wire>,
    limit: Duration,
) -> Result<(Box<dyn Wire>, Option<Shown>), ImapError> {
    let bare = host.trim_start_matches('[').trim_end_matches(']').to_owned();
    let server = ServerName::try_from(bare)
        .map_err(|_| ImapError::ask(name, format_args!("`{host}` is neither a host name nor an address")))?;
    let connect = TlsConnector::from(Arc::clone(tls)).connect(server, stream);
    match tokio::time::timeout(limit, connect).await {
        Ok(Ok(stream)) => {
            let shown = stream.get_ref().1.peer_certificates().and_then(Shown::of);
            Ok((Box::new(stream), shown))
        }
        Ok(Err(error)) => Err(match TlsTrouble::within(&error, host) {
            // a server that is busy or starting ends handshakes, too
            Some(trouble) if matches!(trouble.reason, Reason::NoAgreement(_)) => ImapError::lost(name, trouble),
            Some(trouble) => ImapError::tls(name, trouble),
            None => ImapError::lost(name, format_args!("TLS with {host}: {error}")),
        }),
        Err(_) => Err(ImapError::lost(name, format_args!("TLS with {host} does not come about"))),
    }
}
