//! A watch over the demo's mails that serves its dashboard, and a client that talks with it byte by byte.

use crate::support::embedded::Embedded;
use crate::support::http::Http;
use crate::support::run::{Home, Running, until};
use jiff::Timestamp;
use modori::demo::{AUTHSERV_ID, Story};
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::time::Duration;

/// The name under which the pages are reached from elsewhere.
pub const AWAY: &str = "home.example.jp";

/// A run.
pub struct Run {
    pub home: Home,
    pub port: u16,
    _embedded: Embedded,
    pub watch: Option<Running>,
    _phone: Http,
}

impl Run {
    /// Watches the demo's mails until all is done.
    pub fn start(more: &[Vec<u8>]) -> Self {
        let embedded = Embedded::start();
        let story = Story::embedded();
        story.lay(&embedded.server, Timestamp::now());
        let phone = Http::start();
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let rest = format!(
            "backlog = \"sort\"\n[alerts]\nchannels = [\"phone\"]\n[web]\nlisten = \"127.0.0.1:{port}\"\n\
             public_url = \"https://{AWAY}/modori\"\n[channel.phone]\nkind = \"webhook\"\nurl = \"{}\"\n",
            phone.url("/hook/secret-path")
        );
        let home = embedded.home("language = \"ja\"", &rest);
        let text = std::fs::read_to_string(&home.config).unwrap().replace("mx.example.jp", AUTHSERV_ID);
        std::fs::write(&home.config, text).unwrap();
        let watch = home.watch(1);
        for (_, sample) in &story.live {
            embedded.deliver("INBOX", &sample.bytes);
        }
        for mail in more {
            embedded.deliver("INBOX", mail);
        }
        let run = Self { home, port, _embedded: embedded, watch: Some(watch), _phone: phone };
        let all = story.backlog.len() + story.live.len() + more.len();
        let db = || modori::edge::store::Db::open_to_read(&run.home.state()).unwrap();
        until("every mail was seen and nothing is left to do", || {
            let seen: u32 = db().counts().unwrap().iter().map(|(_, number)| *number).sum();
            seen as usize >= all && db().open_rows().unwrap() == 0
        });
        run
    }

    pub fn address(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// What `modori dashboard` prints: the token of its link.
    pub fn token(&self) -> String {
        let said = self.home.ok(&["dashboard"]);
        let (_, rest) = said.split_once("/login?token=").unwrap();
        rest.lines().next().unwrap().trim().to_owned()
    }

    /// Signs in, in clear on this machine.
    pub fn client(&self) -> Client {
        let mut client = Client { port: self.port, cookie: String::new(), word: String::new() };
        let answer = client.send("POST", "/login", &[("Origin", &self.address())], &format!("token={}", self.token()));
        assert_eq!(answer.status, 303, "{}", answer.body);
        client.cookie = answer.header("set-cookie").split(';').next().unwrap().to_owned();
        let page = client.get("/");
        let (_, rest) = page.body.split_once("name=\"csrf\" value=\"").unwrap();
        client.word = rest.split('"').next().unwrap().to_owned();
        client
    }

    pub fn restart(&mut self) {
        let watch = self.watch.take().unwrap();
        assert_eq!(watch.terminate(), Some(0));
        let served = || self.home.log().matches("the dashboard is served").count();
        let before = served();
        self.watch = Some(self.home.start(&["watch"]));
        until("it is served again", || served() > before);
    }
}

/// What was answered.
pub struct Answer {
    pub status: u16,
    pub head: String,
    pub body: String,
}

impl Answer {
    pub fn header(&self, name: &str) -> &str {
        let line = self.head.lines().find(|line| line.to_ascii_lowercase().starts_with(&format!("{name}:")));
        line.and_then(|line| line.split_once(':')).map_or("", |(_, value)| value.trim())
    }
}

/// Sends bytes, reads to the end.
pub fn ask(port: u16, request: &[u8]) -> Option<Answer> {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
    let _ = stream.write_all(request);
    let mut bytes = Vec::new();
    let _ = stream.read_to_end(&mut bytes);
    let text = String::from_utf8_lossy(&bytes).into_owned();
    let (head, body) = text.split_once("\r\n\r\n")?;
    let status = head.split_whitespace().nth(1)?.parse().ok()?;
    Some(Answer { status, head: head.to_owned(), body: body.to_owned() })
}

/// A browser that says what it is told to say.
#[derive(Clone)]
pub struct Client {
    pub port: u16,
    pub cookie: String,
    pub word: String,
}

impl Client {
    pub fn send(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> Answer {
        let mut head = format!("{method} {path} HTTP/1.1\r\nContent-Length: {}\r\n", body.len());
        if !headers.iter().any(|(name, _)| *name == "Host") {
            head.push_str(&format!("Host: 127.0.0.1:{}\r\n", self.port));
        }
        if method == "POST" && !headers.iter().any(|(name, _)| *name == "Content-Type") {
            head.push_str("Content-Type: application/x-www-form-urlencoded\r\n");
        }
        if !self.cookie.is_empty() {
            head.push_str(&format!("Cookie: other=1; {}\r\n", self.cookie));
        }
        for (name, value) in headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        ask(self.port, format!("{head}\r\n{body}").as_bytes()).unwrap()
    }

    pub fn get(&self, path: &str) -> Answer {
        self.send("GET", path, &[], "")
    }

    /// Chooses a language: the smallest thing that writes.
    pub fn speak(&self, headers: &[(&str, &str)], word: &str) -> Answer {
        self.send("POST", "/language", headers, &format!("csrf={word}&language=en&back=%2Flife"))
    }

    pub fn origin(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }
}
