//! An SMTP receiver on loopback that speaks the real protocol (RFC 5321), keeps what it got, and can refuse.

use super::certs::Certs;
use base64::Engine as _;
use std::collections::VecDeque;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, Instant};
use tokio_rustls::rustls;

/// A message that was accepted with 250.
#[derive(Clone, Debug)]
pub struct Received {
    pub from: String,
    pub to: Vec<String>,
    /// The message with its dots unstuffed, lines ending in CRLF.
    pub data: Vec<u8>,
    pub tls: bool,
    /// Who logged in, if anyone.
    pub user: Option<String>,
}

/// How the receiver is to be.
#[derive(Clone, Debug, Default)]
pub struct Setup {
    /// Offers STARTTLS, and takes mail only after it.
    pub starttls: bool,
    /// Speaks TLS from the first byte.
    pub tls: bool,
    /// Demands this user and password (AUTH PLAIN or LOGIN).
    pub login: Option<(String, String)>,
    /// Demands a token of these (AUTH XOAUTH2), which may change.
    pub tokens: Option<Arc<Mutex<Vec<String>>>>,
}

/// A login by token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenLogin {
    pub user: String,
    pub token: String,
    /// What the client answered to the error challenge, if it was refused.
    pub answer: Option<String>,
}

#[derive(Default)]
struct Shared {
    mails: Mutex<Vec<Received>>,
    arrived: Condvar,
    /// Answers to the next ends of DATA, before mail is accepted again.
    refusals: Mutex<VecDeque<String>>,
    /// Cuts the connection instead of the next answers to DATA; true = after having kept the mail.
    cuts: Mutex<VecDeque<bool>>,
    token_logins: Mutex<Vec<TokenLogin>>,
    stop: AtomicBool,
}

/// A running receiver.
pub struct Smtp {
    pub port: u16,
    /// PEM of the authority to trust, for STARTTLS and TLS.
    pub ca: String,
    shared: Arc<Shared>,
}

impl Smtp {
    pub fn start(setup: Setup) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let certs = Certs::new();
        let tls = certs.server_config();
        let shared = Arc::new(Shared::default());
        let for_thread = Arc::clone(&shared);
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                if for_thread.stop.load(Ordering::SeqCst) {
                    return;
                }
                let Ok(stream) = stream else { continue };
                let (shared, setup, tls) = (Arc::clone(&for_thread), setup.clone(), Arc::clone(&tls));
                // a client that goes away is not the receiver's failure
                std::thread::spawn(move || drop(serve(stream, &shared, &setup, &tls)));
            }
        });
        Self { port, ca: certs.ca, shared }
    }

    /// The next `times` messages are answered with this line, e.g. `451 4.7.1 later`, instead of being taken.
    pub fn refuse(&self, times: usize, answer: &str) {
        self.shared.refusals.lock().unwrap().extend(std::iter::repeat_n(answer.to_owned(), times));
    }

    /// The next message's answer is lost with the connection; `kept` says whether the message was taken before.
    pub fn cut(&self, kept: bool) {
        self.shared.cuts.lock().unwrap().push_back(kept);
    }

    /// The logins by token so far.
    pub fn token_logins(&self) -> Vec<TokenLogin> {
        self.shared.token_logins.lock().unwrap().clone()
    }

    /// What was accepted so far.
    pub fn mails(&self) -> Vec<Received> {
        self.shared.mails.lock().unwrap().clone()
    }

    /// Waits until at least `count` were accepted; what there is when the time is up.
    pub fn wait(&self, count: usize, at_most: Duration) -> Vec<Received> {
        let end = Instant::now() + at_most;
        let mut mails = self.shared.mails.lock().unwrap();
        while mails.len() < count {
            let Some(left) = end.checked_duration_since(Instant::now()) else { break };
            mails = self.shared.arrived.wait_timeout(mails, left).unwrap().0;
        }
        mails.clone()
    }
}

impl Drop for Smtp {
    fn drop(&mut self) {
        self.shared.stop.store(true, Ordering::SeqCst);
        drop(TcpStream::connect(("127.0.0.1", self.port)));
    }
}

trait Stream: Read + Write + Send {}
impl<T: Read + Write + Send> Stream for T {}

fn secure(stream: impl Stream + 'static, tls: &Arc<rustls::ServerConfig>) -> std::io::Result<Box<dyn Stream>> {
    let session = rustls::ServerConnection::new(Arc::clone(tls)).map_err(std::io::Error::other)?;
    Ok(Box::new(rustls::StreamOwned::new(session, stream)))
}

fn serve(stream: TcpStream, shared: &Shared, setup: &Setup, tls: &Arc<rustls::ServerConfig>) -> std::io::Result<()> {
    stream.set_read_timeout(Some(Duration::from_secs(60)))?;
    stream.set_nodelay(true)?;
    let stream: Box<dyn Stream> = if setup.tls { secure(stream, tls)? } else { Box::new(stream) };
    let mut io = BufReader::new(stream);
    let mut secured = setup.tls;
    let mut user = None;
    let mut from = String::new();
    let mut to: Vec<String> = vec![];
    say(&mut io, "220 mx.example.test ESMTP")?;
    loop {
        let Some(line) = read_line(&mut io)? else { return Ok(()) };
        let upper = line.to_ascii_uppercase();
        let may = (secured || !setup.starttls) && (user.is_some() || (setup.login.is_none() && setup.tokens.is_none()));
        if upper.starts_with("EHLO") {
            let mut answer = "250-mx.example.test\r\n250-8BITMIME\r\n250-SMTPUTF8\r\n".to_owned();
            if setup.starttls && !secured {
                answer.push_str("250-STARTTLS\r\n");
            } else if setup.login.is_some() {
                answer.push_str("250-AUTH PLAIN LOGIN\r\n");
            } else if setup.tokens.is_some() {
                answer.push_str("250-AUTH LOGIN XOAUTH2\r\n");
            }
            say(&mut io, &(answer + "250 SIZE 10485760"))?;
        } else if upper.starts_with("HELO") {
            say(&mut io, "250 mx.example.test")?;
        } else if upper == "STARTTLS" && setup.starttls && !secured {
            say(&mut io, "220 go on")?;
            // what was sent before the handshake is dropped with the buffer
            io = BufReader::new(secure(io.into_inner(), tls)?);
            (secured, from, to) = (true, String::new(), vec![]);
        } else if upper.starts_with("AUTH PLAIN") {
            let initial = match line.get("AUTH PLAIN ".len()..).filter(|rest| !rest.is_empty()) {
                Some(initial) => initial.to_owned(),
                None => challenge(&mut io, "")?,
            };
            let parts = decode(&initial);
            let mut parts = parts.split('\0').skip(1);
            user = log_in(&mut io, setup, parts.next().unwrap_or_default(), parts.next().unwrap_or_default())?;
        } else if upper.starts_with("AUTH LOGIN") {
            let name = decode(&challenge(&mut io, "VXNlcm5hbWU6")?);
            let password = decode(&challenge(&mut io, "UGFzc3dvcmQ6")?);
            user = log_in(&mut io, setup, &name, &password)?;
        } else if upper.starts_with("AUTH XOAUTH2") {
            user = log_in_by_token(&mut io, shared, setup, line.get("AUTH XOAUTH2 ".len()..).unwrap_or_default())?;
        } else if upper.starts_with("MAIL FROM:") {
            if may {
                from = address(&line);
                to.clear();
                say(&mut io, "250 2.1.0 OK")?;
            } else {
                say(&mut io, "530 5.7.0 secure the connection and log in first")?;
            }
        } else if upper.starts_with("RCPT TO:") && may {
            to.push(address(&line));
            say(&mut io, "250 2.1.5 OK")?;
        } else if upper == "DATA" && may && !to.is_empty() {
            say(&mut io, "354 end with a dot")?;
            let Some(data) = read_data(&mut io)? else { return Ok(()) };
            let mail = Received {
                from: std::mem::take(&mut from),
                to: std::mem::take(&mut to),
                data,
                tls: secured,
                user: user.clone(),
            };
            let refusal = shared.refusals.lock().unwrap().pop_front();
            let cut = if refusal.is_none() { shared.cuts.lock().unwrap().pop_front() } else { None };
            if let Some(refusal) = refusal {
                say(&mut io, &refusal)?;
                continue;
            }
            if cut != Some(false) {
                shared.mails.lock().unwrap().push(mail);
                shared.arrived.notify_all();
            }
            if cut.is_some() {
                return Ok(());
            }
            say(&mut io, "250 2.0.0 taken")?;
        } else if upper == "RSET" || upper.starts_with("NOOP") {
            to.clear();
            say(&mut io, "250 OK")?;
        } else if upper == "QUIT" {
            return say(&mut io, "221 bye");
        } else {
            say(&mut io, "503 5.5.1 not now")?;
        }
    }
}

type Io = BufReader<Box<dyn Stream>>;

fn say(io: &mut Io, line: &str) -> std::io::Result<()> {
    io.get_mut().write_all(format!("{line}\r\n").as_bytes())?;
    io.get_mut().flush()
}

fn read_line(io: &mut Io) -> std::io::Result<Option<String>> {
    let mut line = vec![];
    if io.read_until(b'\n', &mut line)? == 0 {
        return Ok(None);
    }
    Ok(Some(String::from_utf8_lossy(&line).trim_end().to_owned()))
}

fn challenge(io: &mut Io, text: &str) -> std::io::Result<String> {
    say(io, &format!("334 {text}"))?;
    Ok(read_line(io)?.unwrap_or_default())
}

fn decode(text: &str) -> String {
    let bytes = base64::engine::general_purpose::STANDARD.decode(text).unwrap_or_default();
    String::from_utf8_lossy(&bytes).into_owned()
}

fn log_in(io: &mut Io, setup: &Setup, name: &str, password: &str) -> std::io::Result<Option<String>> {
    let ok = setup.login.as_ref().is_some_and(|(user, secret)| user == name && secret == password);
    say(io, if ok { "235 2.7.0 welcome" } else { "535 5.7.8 wrong user or password" })?;
    Ok(ok.then(|| name.to_owned()))
}

/// As Google documents it: a token that is not good is answered with a challenge, and only an empty line ends that.
fn log_in_by_token(io: &mut Io, shared: &Shared, setup: &Setup, initial: &str) -> std::io::Result<Option<String>> {
    let text = decode(initial);
    let read = text.strip_suffix("\u{1}\u{1}").and_then(|text| text.split_once("\u{1}auth=Bearer "));
    let Some((user, token)) = read.and_then(|(user, token)| Some((user.strip_prefix("user=")?, token))) else {
        say(io, "501 5.5.4 not as it should be")?;
        return Ok(None);
    };
    let good = setup.tokens.as_ref().is_some_and(|good| good.lock().unwrap().iter().any(|one| one == token));
    let mut login = TokenLogin { user: user.to_owned(), token: token.to_owned(), answer: None };
    if !good {
        let json = r#"{"status":"400","schemes":"Bearer","scope":"https://mail.google.com/"}"#;
        login.answer = Some(challenge(io, &base64::engine::general_purpose::STANDARD.encode(json))?);
    }
    shared.token_logins.lock().unwrap().push(login);
    say(io, if good { "235 2.7.0 Accepted" } else { "535 5.7.8 Username and Password not accepted. gsmtp" })?;
    Ok(good.then(|| user.to_owned()))
}

fn address(line: &str) -> String {
    line.split_once('<').and_then(|(_, rest)| rest.split_once('>')).map_or("", |(address, _)| address).to_owned()
}

fn read_data(io: &mut Io) -> std::io::Result<Option<Vec<u8>>> {
    let mut data = vec![];
    loop {
        let mut line = vec![];
        if io.read_until(b'\n', &mut line)? == 0 {
            return Ok(None);
        }
        if line == b".\r\n" {
            return Ok(Some(data));
        }
        data.extend_from_slice(line.strip_prefix(b".").unwrap_or(&line));
    }
}

#[test]
fn the_smtp_receiver_takes_refuses_and_cuts() {
    use lettre::transport::smtp::authentication::Credentials;
    use lettre::transport::smtp::client::{Certificate, Tls, TlsParameters};
    use lettre::{Message, SmtpTransport, Transport};
    let server = Smtp::start(Setup {
        starttls: true,
        login: Some(("shopper".to_owned(), "secret".to_owned())),
        ..Setup::default()
    });
    let tls = TlsParameters::builder("localhost".to_owned())
        .add_root_certificate(Certificate::from_pem(server.ca.as_bytes()).unwrap())
        .build_rustls()
        .unwrap();
    let client = |password: &str| {
        SmtpTransport::builder_dangerous("localhost")
            .port(server.port)
            .tls(Tls::Required(tls.clone()))
            .credentials(Credentials::new("shopper".to_owned(), password.to_owned()))
            .build()
    };
    let mail = Message::builder()
        .from("modori <a@example.test>".parse().unwrap())
        .to("b@example.test".parse().unwrap())
        .subject("再入荷")
        .body(".begins with a dot\r\n本文\r\n".to_owned())
        .unwrap();
    server.refuse(1, "451 4.7.1 come back later");
    let transport = client("secret");
    assert!(transport.send(&mail).unwrap_err().is_transient());
    transport.send(&mail).unwrap();
    server.cut(true);
    assert!(transport.send(&mail).is_err());
    assert!(client("wrong").send(&mail).unwrap_err().is_permanent());
    let mails = server.wait(2, Duration::from_secs(10));
    assert_eq!(mails.len(), 2);
    assert_eq!(
        (mails[0].from.as_str(), mails[0].to.as_slice()),
        ("a@example.test", &["b@example.test".to_owned()][..])
    );
    assert!(mails[0].tls && mails[0].user.as_deref() == Some("shopper"));
    assert!(mails[0].data.windows(8).any(|bytes| bytes == b"Subject:"));
}
