//! An HTTP/1.1 receiver on loopback that keeps every request and can refuse, ask to wait, hang, or cut.

use std::collections::{BTreeMap, VecDeque};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, Instant};

/// A request as it came.
#[derive(Clone, Debug)]
pub struct Request {
    pub method: String,
    pub path: String,
    /// Names in lower case.
    pub headers: BTreeMap<String, String>,
    pub body: Vec<u8>,
    /// What it was answered with; 0 if it was cut or left hanging.
    pub answered: u16,
    /// How many requests came before it on the same connection.
    pub earlier_on_connection: usize,
}

impl Request {
    /// The body as JSON.
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap()
    }
}

/// An answer as a service gives it.
#[derive(Clone, Debug)]
pub struct Reply {
    pub status: u16,
    pub headers: Vec<(&'static str, String)>,
    pub body: String,
}

impl Reply {
    pub fn json(status: u16, body: &serde_json::Value) -> Self {
        Self { status, headers: vec![("Content-Type", "application/json".to_owned())], body: body.to_string() }
    }

    pub fn text(status: u16, body: &str) -> Self {
        Self { status, headers: vec![("Content-Type", "text/plain".to_owned())], body: body.to_owned() }
    }

    pub fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }
}

/// What to do with one request instead of 200.
#[derive(Clone, Debug)]
pub enum Answer {
    /// This, whatever was asked.
    Reply(Reply),
    /// This status, and a body without an end.
    Endless(u16),
    /// 400, with all of the request in it: headers and body.
    Echo,
    /// This status.
    Status(u16),
    /// 429 with Retry-After in seconds.
    Later(u32),
    /// A redirect.
    Redirect(String),
    /// Read the request, answer nothing, keep the connection open.
    Hang,
    /// Read the request, close the connection.
    Cut,
}

#[derive(Default)]
struct Shared {
    requests: Mutex<Vec<Request>>,
    arrived: Condvar,
    answers: Mutex<VecDeque<Answer>>,
    warmed: AtomicUsize,
    stop: AtomicBool,
    service: Option<Service>,
}

/// What a service does with a request.
type Service = Box<dyn Fn(&Request) -> Answer + Send + Sync>;

/// A running receiver.
pub struct Http {
    pub port: u16,
    shared: Arc<Shared>,
}

impl Http {
    pub fn start() -> Self {
        Self::begin(Shared::default())
    }

    /// A stand-in for a service: what it says, unless told otherwise by [`Http::answer`].
    pub fn serving(service: impl Fn(&Request) -> Reply + Send + Sync + 'static) -> Self {
        Self::answering(move |request| Answer::Reply(service(request)))
    }

    /// The same for one that may also stay silent, cut, or never come to an end.
    pub fn answering(service: impl Fn(&Request) -> Answer + Send + Sync + 'static) -> Self {
        Self::begin(Shared { service: Some(Box::new(service)), ..Shared::default() })
    }

    fn begin(shared: Shared) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let shared = Arc::new(shared);
        let for_thread = Arc::clone(&shared);
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                if for_thread.stop.load(Ordering::SeqCst) {
                    return;
                }
                let Ok(stream) = stream else { continue };
                let shared = Arc::clone(&for_thread);
                // a client that goes away is not the receiver's failure
                std::thread::spawn(move || drop(serve(&stream, &shared)));
            }
        });
        Self { port, shared }
    }

    /// `http://127.0.0.1:PORT` + path.
    pub fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.port)
    }

    /// The next `times` requests are answered so; after that 200 again.
    pub fn answer(&self, times: usize, answer: Answer) {
        self.shared.answers.lock().unwrap().extend(std::iter::repeat_n(answer, times));
    }

    /// What came so far, refused requests included.
    pub fn requests(&self) -> Vec<Request> {
        self.shared.requests.lock().unwrap().clone()
    }

    /// How many requests without content came, by which a connection is kept open.
    pub fn warmed(&self) -> usize {
        self.shared.warmed.load(Ordering::SeqCst)
    }

    /// Waits until at least `count` requests came; what there is when the time is up.
    pub fn wait(&self, count: usize, at_most: Duration) -> Vec<Request> {
        let end = Instant::now() + at_most;
        let mut requests = self.shared.requests.lock().unwrap();
        while requests.len() < count {
            let Some(left) = end.checked_duration_since(Instant::now()) else { break };
            requests = self.shared.arrived.wait_timeout(requests, left).unwrap().0;
        }
        requests.clone()
    }
}

impl Drop for Http {
    fn drop(&mut self) {
        self.shared.stop.store(true, Ordering::SeqCst);
        drop(TcpStream::connect(("127.0.0.1", self.port)));
    }
}

fn serve(stream: &TcpStream, shared: &Shared) -> std::io::Result<()> {
    stream.set_read_timeout(Some(Duration::from_secs(60)))?;
    stream.set_nodelay(true)?;
    let mut reader = BufReader::new(stream.try_clone()?);
    let mut writer = stream;
    for earlier in 0.. {
        let Some(mut request) = read(&mut reader, &mut writer)? else { return Ok(()) };
        if request.method == "HEAD" {
            // a connection that is opened ahead or kept open: counted, and no request that anybody waits for
            shared.warmed.fetch_add(1, Ordering::SeqCst);
            write!(writer, "HTTP/1.1 200 Answer\r\nContent-Length: 0\r\n\r\n")?;
            continue;
        }
        request.earlier_on_connection = earlier;
        let told = shared.answers.lock().unwrap().pop_front();
        let of_service = |service: &Service| service(&request);
        let answer = told.or_else(|| shared.service.as_ref().map(of_service)).unwrap_or(Answer::Status(200));
        let (status, more) = match &answer {
            Answer::Reply(reply) => {
                let lines = reply.headers.iter().map(|(name, value)| format!("{name}: {value}\r\n"));
                (reply.status, lines.collect())
            }
            Answer::Endless(status) => (*status, String::new()),
            Answer::Echo => (400, String::new()),
            Answer::Status(status) => (*status, String::new()),
            Answer::Later(seconds) => (429, format!("Retry-After: {seconds}\r\n")),
            Answer::Redirect(to) => (302, format!("Location: {to}\r\n")),
            Answer::Hang | Answer::Cut => (0, String::new()),
        };
        request.answered = status;
        let echo = format!("{:?} {}", request.headers, String::from_utf8_lossy(&request.body));
        let close = request.headers.get("connection").is_some_and(|value| value.eq_ignore_ascii_case("close"));
        shared.requests.lock().unwrap().push(request);
        shared.arrived.notify_all();
        match answer {
            Answer::Cut => return Ok(()),
            // until the client gives up and closes
            Answer::Hang => return reader.read_to_end(&mut vec![]).map(drop),
            Answer::Endless(status) => {
                write!(writer, "HTTP/1.1 {status} Answer\r\nContent-Type: application/json\r\n\r\n")?;
                // until the client has had enough of it
                loop {
                    writer.write_all(&[b' '; 4096])?;
                }
            }
            Answer::Reply(reply) => {
                let (length, body) = (reply.body.len(), reply.body);
                write!(writer, "HTTP/1.1 {status} Answer\r\n{more}Content-Length: {length}\r\n\r\n{body}")?;
            }
            Answer::Echo => {
                let length = echo.len();
                write!(writer, "HTTP/1.1 {status} Answer\r\nContent-Length: {length}\r\n\r\n{echo}")?;
            }
            _ => {
                let body = "{\"ok\":true}";
                let length = body.len();
                write!(
                    writer,
                    "HTTP/1.1 {status} Answer\r\n{more}Content-Type: application/json\r\nContent-Length: {length}\r\n\r\n{body}"
                )?;
            }
        }
        if close {
            return Ok(());
        }
    }
    Ok(())
}

fn read(reader: &mut BufReader<TcpStream>, writer: &mut &TcpStream) -> std::io::Result<Option<Request>> {
    let mut line = String::new();
    if reader.read_line(&mut line)? == 0 {
        return Ok(None);
    }
    let mut words = line.split_whitespace();
    let (method, path) = (words.next().unwrap_or_default().to_owned(), words.next().unwrap_or_default().to_owned());
    let mut headers = BTreeMap::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line)?;
        let Some((name, value)) = line.trim_end().split_once(':') else { break };
        headers.insert(name.to_ascii_lowercase(), value.trim().to_owned());
    }
    if headers.get("expect").is_some_and(|value| value.eq_ignore_ascii_case("100-continue")) {
        writer.write_all(b"HTTP/1.1 100 Continue\r\n\r\n")?;
    }
    let mut body = vec![];
    if headers.get("transfer-encoding").is_some_and(|value| value.eq_ignore_ascii_case("chunked")) {
        loop {
            let mut size = String::new();
            reader.read_line(&mut size)?;
            let size = usize::from_str_radix(size.trim(), 16).map_err(std::io::Error::other)?;
            let mut chunk = vec![0; size + 2];
            reader.read_exact(&mut chunk)?;
            body.extend_from_slice(&chunk[..size]);
            if size == 0 {
                break;
            }
        }
    } else if let Some(length) = headers.get("content-length").and_then(|length| length.parse().ok()) {
        body = vec![0; length];
        reader.read_exact(&mut body)?;
    }
    Ok(Some(Request { method, path, headers, body, answered: 0, earlier_on_connection: 0 }))
}

#[test]
fn the_http_receiver_keeps_requests_and_answers_as_told() {
    let server = Http::start();
    server.answer(1, Answer::Later(7));
    let post = |body: &str| {
        let mut stream = TcpStream::connect(("127.0.0.1", server.port)).unwrap();
        let length = body.len();
        write!(stream, "POST /hook HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n{body}")
            .unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    };
    let first = post("{\"n\":1}");
    assert!(first.starts_with("HTTP/1.1 429") && first.contains("Retry-After: 7"), "{first}");
    assert!(post("{\"n\":2}").starts_with("HTTP/1.1 200"));
    server.answer(1, Answer::Cut);
    assert_eq!(post("{\"n\":3}"), "");
    let requests = server.wait(3, Duration::from_secs(10));
    assert_eq!(requests.iter().map(|request| request.answered).collect::<Vec<_>>(), [429, 200, 0]);
    assert_eq!((requests[1].path.as_str(), &requests[1].json()["n"]), ("/hook", &serde_json::json!(2)));
}
