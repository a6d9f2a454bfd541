//! A real Chromium, driven by the WebDriver protocol (W3C) through chromedriver.

use super::real::missing;
use super::run::until;
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde_json::{Value, json};
use std::io::{BufRead as _, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

/// How a page is looked at.
#[derive(Clone, Copy, Debug)]
pub struct Look {
    pub width: u32,
    pub height: u32,
    pub dark: bool,
    pub scripts: bool,
}

pub const PHONE: Look = Look { width: 390, height: 844, dark: false, scripts: true };
pub const DESKTOP: Look = Look { width: 1280, height: 900, dark: false, scripts: true };

/// A running chromedriver; stopped when dropped.
pub struct Browser {
    driver: Child,
    port: u16,
    profile: tempfile::TempDir,
}

impl Browser {
    /// Starts it, or says that it is missing. Where `MODORI_TEST_NEEDS` names chromium, missing is a failure.
    pub fn start() -> Option<Self> {
        let there = |names: &[&str]| {
            let paths = std::env::var_os("PATH").unwrap_or_default();
            names.iter().any(|name| std::env::split_paths(&paths).any(|folder| folder.join(name).is_file()))
        };
        if !there(&["chromedriver"]) || !there(&["chromium", "chromium-browser", "google-chrome"]) || axe().is_none() {
            missing("chromium", "Chromium with chromedriver and axe-core");
            return None;
        }
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let driver = Command::new("chromedriver")
            .arg(format!("--port={port}"))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let browser = Self { driver, port, profile: tempfile::tempdir().unwrap() };
        until("chromedriver answers", || {
            TcpStream::connect(("127.0.0.1", port)).is_ok() && browser.ask("GET", "/status", None)["ready"] == true
        });
        Some(browser)
    }

    /// A browser of its own, without anything kept.
    pub fn open(&self, look: Look) -> Tab<'_> {
        let mut options = json!({ "args": [
            "--headless=new", "--no-sandbox", "--disable-dev-shm-usage", "--hide-scrollbars", "--disable-gpu",
            "--no-first-run", "--disable-background-networking", "--lang=ja",
        ] });
        if !look.scripts {
            options["prefs"] = json!({ "profile.managed_default_content_settings.javascript": 2 });
        }
        if let Some(Value::Array(arguments)) = options.get_mut("args") {
            arguments.push(json!(format!("--crash-dumps-dir={}", self.profile.path().display())));
        }
        let wanted =
            json!({ "capabilities": { "alwaysMatch": { "browserName": "chrome", "goog:chromeOptions": options } } });
        let made = self.ask("POST", "/session", Some(&wanted));
        let tab = Tab { browser: self, session: made["sessionId"].as_str().unwrap().to_owned() };
        tab.devtools(
            "Emulation.setDeviceMetricsOverride",
            &json!({ "width": look.width, "height": look.height, "deviceScaleFactor": 1, "mobile": look.width < 600 }),
        );
        let scheme = if look.dark { "dark" } else { "light" };
        let features = json!({ "features": [{ "name": "prefers-color-scheme", "value": scheme }] });
        tab.devtools("Emulation.setEmulatedMedia", &features);
        tab
    }

    /// One command; what it answered.
    fn ask(&self, method: &str, path: &str, body: Option<&Value>) -> Value {
        self.tried(method, path, body).unwrap_or_else(|error| panic!("{method} {path}: {error}"))
    }

    /// One command; what it answered, or what the driver says is wrong with it.
    fn tried(&self, method: &str, path: &str, body: Option<&Value>) -> Result<Value, Value> {
        let body = body.map(ToString::to_string).unwrap_or_default();
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(120))).unwrap();
        let length = body.len();
        let head = format!(
            "{method} {path} HTTP/1.1\r\nHost: localhost:{}\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n\
             Connection: close\r\n\r\n",
            self.port
        );
        stream.write_all(head.as_bytes()).unwrap();
        stream.write_all(body.as_bytes()).unwrap();
        // the driver keeps its connections open, whatever it is asked: the answer ends where its length says
        let mut answer = BufReader::new(stream);
        let mut length = 0;
        loop {
            let mut line = String::new();
            assert!(answer.read_line(&mut line).unwrap() > 0, "{method} {path}: the driver went away");
            if let Some(number) = line.to_ascii_lowercase().strip_prefix("content-length:") {
                length = number.trim().parse().unwrap();
            }
            if line.trim().is_empty() {
                break;
            }
        }
        let mut body = vec![0; length];
        answer.read_exact(&mut body).unwrap();
        let mut answer: Value = serde_json::from_slice(&body).unwrap();
        let value = answer["value"].take();
        if value["error"].is_null() { Ok(value) } else { Err(value) }
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        let _ = self.driver.kill();
        let _ = self.driver.wait();
    }
}

/// A window.
pub struct Tab<'a> {
    browser: &'a Browser,
    session: String,
}

impl Tab<'_> {
    fn ask(&self, method: &str, path: &str, body: Option<&Value>) -> Value {
        self.browser.ask(method, &format!("/session/{}{path}", self.session), body)
    }

    fn devtools(&self, command: &str, parameters: &Value) -> Value {
        self.ask("POST", "/goog/cdp/execute", Some(&json!({ "cmd": command, "params": parameters })))
    }

    pub fn go(&self, address: &str) {
        self.ask("POST", "/url", Some(&json!({ "url": address })));
    }

    pub fn address(&self) -> String {
        self.ask("GET", "/url", None).as_str().unwrap().to_owned()
    }

    pub fn title(&self) -> String {
        self.ask("GET", "/title", None).as_str().unwrap().to_owned()
    }

    /// The page as it stands.
    pub fn source(&self) -> String {
        self.ask("GET", "/source", None).as_str().unwrap().to_owned()
    }

    fn all(&self, selector: &str) -> Vec<String> {
        let found = self.ask("POST", "/elements", Some(&json!({ "using": "css selector", "value": selector })));
        let found = found.as_array().unwrap().iter();
        found.map(|one| one.as_object().unwrap().values().next().unwrap().as_str().unwrap().to_owned()).collect()
    }

    pub fn has(&self, selector: &str) -> bool {
        !self.all(selector).is_empty()
    }

    fn one(&self, selector: &str) -> String {
        // a page that is being replaced has nothing for a moment
        for _ in 0..100 {
            if let Some(one) = self.all(selector).into_iter().next() {
                return one;
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        panic!("no {selector} on {}: {}", self.address(), self.source())
    }

    /// What stands there; nothing while the page is being replaced.
    pub fn text(&self, selector: &str) -> String {
        let Some(one) = self.all(selector).into_iter().next() else { return String::new() };
        match self.browser.tried("GET", &format!("/session/{}/element/{one}/text", self.session), None) {
            Ok(text) => text.as_str().unwrap().to_owned(),
            Err(error) if error["error"] == "stale element reference" => String::new(),
            Err(error) => panic!("{selector}: {error}"),
        }
    }

    pub fn click(&self, selector: &str) {
        let one = self.one(selector);
        self.ask("POST", &format!("/element/{one}/click"), Some(&json!({})));
    }

    pub fn write(&self, selector: &str, text: &str) {
        let one = self.one(selector);
        self.ask("POST", &format!("/element/{one}/value"), Some(&json!({ "text": text })));
    }

    /// Presses keys as a person does, wherever the focus is.
    pub fn press(&self, keys: &[&str]) {
        let strokes: Vec<Value> = keys
            .iter()
            .flat_map(|key| [json!({ "type": "keyDown", "value": key }), json!({ "type": "keyUp", "value": key })])
            .collect();
        self.ask(
            "POST",
            "/actions",
            Some(&json!({ "actions": [{ "type": "key", "id": "keys", "actions": strokes }] })),
        );
    }

    /// Runs a script beside the page's policy.
    pub fn run(&self, script: &str) -> Value {
        self.ask("POST", "/execute/sync", Some(&json!({ "script": script, "args": [] })))
    }

    /// What axe-core finds wrong with the page: the rule, and the first elements.
    pub fn violations(&self) -> Vec<String> {
        self.run(&std::fs::read_to_string(axe().unwrap()).unwrap());
        let script = "const done = arguments[arguments.length - 1]; \
                      axe.run(document, { resultTypes: ['violations'] }).then( \
                      (found) => done(found.violations.map((one) => one.id + ': ' + one.nodes.slice(0, 3).map((node) => node.html).join(' | '))), \
                      (error) => done([String(error)]));";
        let found = self.ask("POST", "/execute/async", Some(&json!({ "script": script, "args": [] })));
        found.as_array().unwrap().iter().map(|one| one.as_str().unwrap().to_owned()).collect()
    }

    /// A picture of what is seen, as PNG.
    pub fn picture(&self, file: &Path) {
        let picture = self.ask("GET", "/screenshot", None);
        std::fs::write(file, BASE64_STANDARD.decode(picture.as_str().unwrap()).unwrap()).unwrap();
    }
}

impl Drop for Tab<'_> {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            self.ask("DELETE", "", None);
        }
    }
}

/// axe-core as `scripts/servers` fetched it.
fn axe() -> Option<PathBuf> {
    let usual = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/servers");
    let folder = std::env::var_os("MODORI_TEST_SERVERS").map_or(usual, PathBuf::from);
    Some(folder.join("axe/package/axe.min.js")).filter(|file| file.is_file())
}
