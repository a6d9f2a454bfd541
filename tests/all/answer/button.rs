//! The page with the button, asked over real HTTP: to look changes nothing, to press counts once, and what is not meant for
//! it gets nowhere.

use crate::support::embedded::Embedded;
use crate::support::http::Http;
use crate::support::run::{restock, until};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use modori::edge::clock::Clock;
use modori::edge::config::Web;
use modori::edge::store::Store;
use modori::edge::web::{InUse, Orders, Pages, serve};
use modori::plan::{Alert, Awaits, Effect, Turn, Wish};
use modori::wording::{Language, Wording};
use sha2::{Digest, Sha256};
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::time::Duration;

const TOKEN: &str = "0123456789abcdef0123456789abcdef";
const HOST: &str = "home.example.jp";

/// A port that is free now.
fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// What was answered.
struct Answer {
    status: u16,
    head: String,
    body: String,
}

impl Answer {
    fn header(&self, name: &str) -> &str {
        let line = self.head.lines().find(|line| line.to_ascii_lowercase().starts_with(&format!("{name}:")));
        line.and_then(|line| line.split_once(':')).map_or("", |(_, value)| value.trim())
    }
}

/// Sends bytes, reads to the end. A connection that is closed before all was sent or answered is no answer.
fn ask(port: u16, request: &[u8]) -> Option<Answer> {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
    let sent = stream.write_all(request);
    let mut bytes = Vec::new();
    let read = stream.read_to_end(&mut bytes);
    let text = String::from_utf8(bytes).unwrap();
    let (head, body) = text.split_once("\r\n\r\n").filter(|_| !text.is_empty() || (sent.is_ok() && read.is_ok()))?;
    let status = head.split_whitespace().nth(1).unwrap().parse().unwrap();
    Some(Answer { status, head: head.to_owned(), body: body.to_owned() })
}

fn request(port: u16, method: &str, path: &str, host: &str, body: &str) -> Answer {
    let length = body.len();
    let request = format!("{method} {path} HTTP/1.1\r\nHost: {host}\r\nContent-Length: {length}\r\n\r\n{body}");
    ask(port, request.as_bytes()).unwrap()
}

/// Served pages, with one alert that awaits its acknowledgement.
struct Served {
    port: u16,
    store: Store,
    clock: Clock,
    runtime: tokio::runtime::Runtime,
    _folder: tempfile::TempDir,
}

impl Served {
    fn start(title: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path()).unwrap();
        let clock = Clock::simulated(jiff::Timestamp::now());
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let port = free_port();
        let web = Web { listen: ([127, 0, 0, 1], port).into(), public_url: Some(format!("https://{HOST}")) };
        let pages = Pages {
            store: store.clone(),
            clock: clock.clone(),
            wording: Wording::default(),
            language: Language::En,
            orders: Orders::default(),
            behind: None,
            rules: InUse::default(),
        };
        runtime.spawn(async move { serve(&web, pages).await });
        let served = Self { port, store, clock, runtime, _folder: folder };
        served.wish(title);
        until("it listens", || TcpStream::connect(("127.0.0.1", port)).is_ok());
        served
    }

    fn wish(&self, title: &str) {
        let awaits = Awaits { token: TOKEN.to_owned(), every_s: 120, for_s: 600, page: None };
        let alert = Alert { title: title.to_owned(), awaits: Some(awaits), ..Alert::default() };
        let now = self.clock.now();
        let wish = Wish {
            key: "alert:m:phone".to_owned(),
            effect: Effect::Alert { channel: "phone".to_owned(), alert },
            due: now,
            until: None,
            dedupe: Vec::new(),
            after: Vec::new(),
            turn: Some(Turn { of: "alert:m".to_owned(), place: 0, most: None }),
        };
        self.runtime.block_on(self.store.call(move |db| db.wish(&[wish], false, now))).unwrap();
    }

    fn get(&self, path: &str) -> Answer {
        request(self.port, "GET", path, HOST, "")
    }

    fn post(&self, path: &str) -> Answer {
        request(self.port, "POST", path, HOST, "")
    }

    fn by(&self) -> Option<String> {
        self.runtime.block_on(self.store.call(|db| db.acknowledged_by())).unwrap().remove(0)
    }
}

fn page() -> String {
    format!("/ack/{TOKEN}")
}

#[test]
fn to_look_changes_nothing_and_to_press_counts_once() {
    let served = Served::start("Mug <b>1,980円</b>");
    for _ in 0..3 {
        let shown = served.get(&page());
        assert_eq!(shown.status, 200);
        assert!(shown.body.contains("<h1>Mug &lt;b&gt;1,980円&lt;/b&gt;</h1>"), "{}", shown.body);
        assert!(shown.body.contains("<form method=\"post\">") && !shown.body.contains("<script"), "{}", shown.body);
    }
    assert_eq!(request(served.port, "HEAD", &page(), HOST, "").body, "");
    assert_eq!(served.by(), None, "a previewer acknowledged it");

    let shown = served.get(&page());
    assert_eq!(shown.header("cache-control"), "no-store");
    assert_eq!(shown.header("referrer-policy"), "no-referrer");
    assert_eq!(shown.header("x-content-type-options"), "nosniff");
    assert_eq!(shown.header("content-type"), "text/html; charset=utf-8");
    let style = shown.body.split_once("<style>").unwrap().1.split_once("</style>").unwrap().0;
    let hash = BASE64_STANDARD.encode(Sha256::digest(style));
    let policy = shown.header("content-security-policy");
    assert!(policy.contains("default-src 'none'") && policy.contains("form-action 'self'"), "{policy}");
    assert!(policy.contains(&format!("style-src 'sha256-{hash}'")), "{policy}");

    let pressed = served.post(&page());
    assert!(pressed.status == 200 && pressed.body.contains("Noted"), "{}", pressed.body);
    assert_eq!(served.by().as_deref(), Some("button"));
    for again in [served.post(&page()), served.get(&page())] {
        assert!(again.status == 200 && again.body.contains("acknowledged already"), "{}", again.body);
        assert!(!again.body.contains("<form"), "{}", again.body);
    }
}

#[test]
fn an_alert_whose_time_is_up_says_so() {
    let served = Served::start("Mug");
    served.clock.set_on(jiff::SignedDuration::from_mins(11));
    for answer in [served.get(&page()), served.post(&page())] {
        assert!(answer.status == 200 && answer.body.contains("time of this alert is up"), "{}", answer.body);
        assert!(!answer.body.contains("<form"));
    }
    assert_eq!(served.by(), None);
}

#[test]
fn an_unknown_token_is_one_like_another() {
    let served = Served::start("Mug");
    let long = format!("/ack/{}", "a".repeat(5000));
    let close = format!("/ack/{}e", &TOKEN[..31]);
    let paths = [close.as_str(), "/ack/x", long.as_str(), "/ack/%00%27%22", "/ack/%E5%86%8D"];
    let mut answers: Vec<Answer> = paths.iter().map(|path| served.get(path)).collect();
    answers.extend(paths.iter().map(|path| served.post(path)));
    for answer in &answers {
        assert_eq!((answer.status, &answer.body), (404, &answers[0].body));
        assert!(answer.body.contains("No such alert"), "{}", answer.body);
    }
    for path in ["/ack", "/ack/", "/ack/x/y", "/ack/../ack", "/favicon.ico"] {
        let answer = served.get(path);
        assert!(answer.status == 404 && answer.header("content-security-policy").contains("'none'"), "{path}");
    }
    for method in ["PUT", "DELETE", "OPTIONS", "PATCH"] {
        assert_eq!(request(served.port, method, &page(), HOST, "").status, 405, "{method}");
    }
    assert_eq!(served.by(), None);
}

#[test]
fn it_answers_under_its_own_name_alone() {
    let served = Served::start("Mug");
    let listen = format!("127.0.0.1:{}", served.port);
    for (host, status) in [
        (HOST, 200),
        ("HOME.example.jp:443", 200),
        (listen.as_str(), 200),
        ("evil.example", 421),
        ("home.example.jp.evil.example", 421),
        ("127.0.0.1", 421),
        ("", 421),
    ] {
        assert_eq!(request(served.port, "GET", &page(), host, "").status, status, "{host}");
    }
    assert_eq!(request(served.port, "POST", &page(), "evil.example", "").status, 421);
    let without = ask(served.port, format!("POST {} HTTP/1.0\r\n\r\n", page()).as_bytes());
    assert_eq!(without.map(|answer| answer.status), Some(421));
    assert_eq!(served.by(), None);
}

#[test]
fn what_is_too_large_gets_nowhere() {
    let served = Served::start("Mug");
    let large = request(served.port, "POST", &page(), HOST, &"x".repeat(1025));
    assert_eq!(large.status, 413);
    // says that it is small, or nothing of its size
    let chunks = format!(
        "POST {} HTTP/1.1\r\nHost: {HOST}\r\nTransfer-Encoding: chunked\r\n\r\n800\r\n{}\r\n0\r\n\r\n",
        page(),
        "x".repeat(0x800)
    );
    assert_eq!(ask(served.port, chunks.as_bytes()).map(|answer| answer.status), Some(413));
    let head = format!("POST {} HTTP/1.1\r\nHost: {HOST}\r\nX: {}\r\n\r\n", page(), "x".repeat(64 * 1024));
    assert!(ask(served.port, head.as_bytes()).is_none_or(|answer| answer.status >= 400));
    let headers = format!("POST {} HTTP/1.1\r\nHost: {HOST}\r\n{}\r\n", page(), "X: y\r\n".repeat(200));
    assert!(ask(served.port, headers.as_bytes()).is_none_or(|answer| answer.status >= 400));
    for nonsense in ["\0\0\0\0\r\n\r\n", "GET\r\n\r\n", "GET / HTTP/9\r\n\r\n", "\u{16}\u{3}\u{1}"] {
        assert!(ask(served.port, nonsense.as_bytes()).is_none_or(|answer| answer.status >= 400), "{nonsense:?}");
    }
    assert_eq!(served.by(), None);
    assert_eq!(request(served.port, "POST", &page(), HOST, &"x".repeat(1024)).status, 200);
    assert_eq!(served.by().as_deref(), Some("button"));
}

#[test]
fn whoever_asks_too_often_waits() {
    let served = Served::start("Mug");
    // who asks under another name takes nobody's turn
    for _ in 0..125 {
        assert_eq!(request(served.port, "GET", "/ack/guess", "evil.example", "").status, 421);
    }
    // this machine, and with it a proxy on it, is bound by what all together may ask
    let answers: Vec<Answer> = (0..125).map(|_| served.get("/ack/guess")).collect();
    let refused = answers.iter().filter(|answer| answer.status == 429).count();
    assert!((1..=5).contains(&refused), "{refused} of 125 were refused");
    assert!(answers.iter().filter(|one| one.status == 429).all(|one| one.header("retry-after") == "60"));
}

#[test]
fn silent_connections_keep_nobody_out_for_long() {
    let served = Served::start("Mug");
    let silent: Vec<TcpStream> = (0..40)
        .map(|n| {
            let mut stream = TcpStream::connect(("127.0.0.1", served.port)).unwrap();
            // some begin a request and do not end it
            if n % 2 == 0 {
                stream.write_all(b"GET /ack/x HTTP/1.1\r\nHost: ").unwrap();
            }
            stream
        })
        .collect();
    // they are more than are taken at a time: this one waits until their time is up
    assert_eq!(served.post(&page()).status, 200);
    assert_eq!(served.by().as_deref(), Some("button"));
    drop(silent);
}

#[test]
fn an_address_that_is_taken_stops_no_watch_and_is_told() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let listen = taken.local_addr().unwrap();
    let http = Http::start();
    let embedded = Embedded::start();
    let rest = format!(
        "[alerts]\nchannels = [\"w\"]\n[alerts.repeat]\n[web]\nlisten = \"{listen}\"\npublic_url = \"https://{HOST}\"\n\
         [channel.w]\nkind = \"webhook\"\nurl = \"{}\"\n",
        http.url("/hook")
    );
    let home = embedded.home("", &rest);
    let _watch = home.watch(1);
    embedded.deliver("INBOX", &restock("mug"));
    until("it is told all the same", || http.requests().iter().any(|one| one.answered == 200));
    let status = || -> serde_json::Value {
        let output = home.run(&["status", "--format", "json"]);
        serde_json::from_slice(&output.stdout).unwrap()
    };
    until("status tells why", || status()["web"]["trouble"].is_string());
    assert_eq!(status()["web"]["listen"], listen.to_string());
    assert!(home.log().contains("cannot listen on"), "{}", home.log());
    let doctor = home.run(&["doctor"]);
    let said = String::from_utf8(doctor.stdout).unwrap();
    assert!(doctor.status.code() == Some(1) && said.contains("failure  dashboard"), "{said}");
}
