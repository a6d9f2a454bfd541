//! Access by OAuth 2.0 with the real program: granted by the stand-in, kept, renewed, shown to the embedded server.

mod browser;
mod code;
mod killed;
mod refused;
mod renewed;

use crate::support::dovecot::USER;
use crate::support::embedded::Embedded;
use crate::support::oauth::{Authority, Behaviour, Pair};
use crate::support::run::{Home, until};
use modori::demo::Admission;
use std::io::{Read, Write};
use std::path::PathBuf;
use std::process::{Child, ChildStdin, Output};
use std::sync::{Arc, Mutex};

/// A provider: its authorization server, a mail server that takes its tokens, and a shopper's home.
pub(super) struct World {
    pub(super) authority: Arc<Authority>,
    pub(super) mail: Embedded,
    pub(super) home: Home,
}

impl World {
    pub(super) fn new(flow: &str) -> Self {
        Self::behaving(flow, |_| ())
    }

    pub(super) fn behaving(flow: &str, change: impl FnOnce(&mut Behaviour)) -> Self {
        let authority = Arc::new(Authority::behaving(change));
        authority.behave(|behaviour| behaviour.user = USER.to_owned());
        let mail = Embedded::start();
        mail.server.offer("AUTH=XOAUTH2");
        let asked = Arc::clone(&authority);
        mail.server.admit(move |offered| match asked.show(&offered.secret) {
            Some(shown) if offered.mechanism.is_token() && shown.user == offered.user => Admission::In,
            _ => Admission::refused(offered.mechanism, "[AUTHENTICATIONFAILED] Invalid credentials"),
        });
        let home = mail.home("", "");
        let text = std::fs::read_to_string(&home.config).unwrap();
        let text = text.replace("password = { file = \"password\" }\n", "");
        let text = text.replace("[filing]", &format!("{}[filing]", authority.table(flow)));
        std::fs::write(&home.config, text).unwrap();
        Self { authority, mail, home }
    }

    /// Changes the configuration.
    pub(super) fn write(&self, from: &str, to: &str) {
        let text = std::fs::read_to_string(&self.home.config).unwrap();
        assert!(text.contains(from), "{text}");
        std::fs::write(&self.home.config, text.replace(from, to)).unwrap();
    }

    /// The file of tokens.
    pub(super) fn file(&self) -> PathBuf {
        self.home.state().join("tokens/a.json")
    }

    /// What is kept.
    pub(super) fn kept(&self) -> serde_json::Value {
        serde_json::from_slice(&std::fs::read(self.file()).unwrap()).unwrap()
    }

    /// Tokens lie there as after a login; the access token was asked for so many seconds ago and lives an hour.
    pub(super) fn granted(&self, ago: i64) -> Pair {
        let pair = self.authority.grant(USER);
        crate::support::oauth::keep(&self.authority, USER, &pair, &self.file());
        self.age(ago);
        pair
    }

    /// What is kept was asked for so many seconds ago.
    pub(super) fn age(&self, ago: i64) {
        let mut kept = self.kept();
        kept["asked_at"] = serde_json::json!(jiff::Timestamp::now() - jiff::SignedDuration::from_secs(ago));
        std::fs::write(self.file(), kept.to_string()).unwrap();
    }

    /// Nothing that is secret is in these texts.
    pub(super) fn nothing_secret(&self, texts: &[&str]) {
        for secret in self.authority.secrets() {
            for form in forms(&secret) {
                for text in texts {
                    assert!(!text.contains(&form), "{secret} as {form} in {text}");
                }
            }
        }
    }

    /// `modori doctor`, with all its words looked through for secrets; whether all is well, and its words.
    pub(super) fn doctor(&self) -> (bool, String) {
        let trace: &std::ffi::OsStr = "trace".as_ref();
        let output = self.home.run_with(&["doctor", "-vv"], &[("MODORI_LOG", trace)]);
        let text = text(&output);
        self.nothing_secret(&[&text]);
        (output.status.success(), text)
    }
}

/// A secret as it may stand in a text: itself, as in a form, and in Base64 wherever it begins in what was encoded.
fn forms(secret: &str) -> Vec<String> {
    use base64::prelude::{BASE64_STANDARD_NO_PAD, BASE64_URL_SAFE_NO_PAD, Engine as _};
    let mut url = reqwest::Url::parse("http://x/").unwrap();
    url.query_pairs_mut().append_key_only(secret);
    let mut forms = vec![secret.to_owned(), url.query().unwrap().to_owned()];
    for before in 0..3 {
        let text = format!("{}{secret}", "\0".repeat(before));
        // characters that hold a bit of what stands before or after are left out
        let (first, whole) = ([0, 2, 3][before], text.len() * 8 / 6);
        for base64 in [BASE64_STANDARD_NO_PAD.encode(&text), BASE64_URL_SAFE_NO_PAD.encode(&text)] {
            forms.push(base64[first..whole].to_owned());
        }
    }
    forms
}

#[test]
fn a_secret_is_found_however_it_is_written() {
    use base64::prelude::{BASE64_STANDARD, Engine as _};
    let secret = "1//ge+heim";
    let found = |text: &str| forms(secret).iter().any(|form| text.contains(form.as_str()));
    assert!(found("Bearer 1//ge+heim.") && found("token=1%2F%2Fge%2Bheim&x"));
    for around in ["", "a", "ab", "abc", "user=a\u{1}auth=Bearer "] {
        assert!(found(&BASE64_STANDARD.encode(format!("{around}{secret}{around}\u{1}\u{1}"))), "{around}");
    }
    assert!(!found(&BASE64_STANDARD.encode("something else that is long enough")));
}

pub(super) fn text(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

/// A program that is talked with.
pub(super) struct Talk {
    child: Child,
    stdin: Option<ChildStdin>,
    heard: Arc<Mutex<String>>,
    readers: Vec<std::thread::JoinHandle<()>>,
}

impl Talk {
    /// `modori login`, and what is said besides; it tells all it can.
    pub(super) fn login(world: &World, arguments: &[&str]) -> Self {
        let all: Vec<&str> = ["login", "-vv", "--no-browser"].iter().chain(arguments).copied().collect();
        Self::new(world.home.talk(&all))
    }

    pub(super) fn new(mut child: Child) -> Self {
        let heard = Arc::<Mutex<String>>::default();
        let streams: [Box<dyn Read + Send>; 2] =
            [Box::new(child.stdout.take().unwrap()), Box::new(child.stderr.take().unwrap())];
        let listen = |mut stream: Box<dyn Read + Send>| {
            let heard = Arc::clone(&heard);
            std::thread::spawn(move || {
                let mut bytes = [0; 4096];
                while let Ok(read @ 1..) = stream.read(&mut bytes) {
                    heard.lock().unwrap().push_str(&String::from_utf8_lossy(&bytes[..read]));
                }
            })
        };
        let readers = streams.map(listen).into();
        Self { stdin: child.stdin.take(), child, heard, readers }
    }

    pub(super) fn heard(&self) -> String {
        self.heard.lock().unwrap().clone()
    }

    pub(super) fn say(&mut self, line: &str) {
        writeln!(self.stdin.as_mut().unwrap(), "{line}").unwrap();
    }

    /// Waits until this was said.
    pub(super) fn until(&self, words: &str) {
        until(words, || self.heard().contains(words));
    }

    /// The address of the page to open.
    pub(super) fn page(&self) -> String {
        let line = || self.heard().lines().find(|line| line.starts_with("http://127.0.0.1")).map(str::to_owned);
        until("the address is shown", || line().is_some_and(|line| line.contains("code_challenge_method=S256")));
        line().unwrap()
    }

    /// The code to type.
    pub(super) fn code(&self) -> String {
        let line =
            || self.heard().lines().find_map(|line| line.trim().strip_prefix("WDJB-").map(|end| format!("WDJB-{end}")));
        until("the code is shown", || line().is_some());
        line().unwrap()
    }

    /// Its exit code and all it said.
    pub(super) fn end(mut self) -> (Option<i32>, String) {
        let status = self.child.wait().unwrap();
        self.readers.drain(..).for_each(|reader| reader.join().unwrap());
        (status.code(), self.heard())
    }
}

impl Drop for Talk {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
