//! `modori init` against a real Dovecot, at a real terminal and without one: what is asked, shown and written; and that
//! nothing is left when it is given up.

mod given_up;
mod look;
mod page;
mod terminal;
mod unasked;

use super::support::dovecot::{Dovecot, Setup};
use super::support::http::{Http, Reply};
use super::support::run::{cancellation, restock};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

pub const ADDRESS: &str = "shopper@example.test";

/// A mail that the shopper's provider vouches for.
pub fn vouched(mail: Vec<u8>) -> Vec<u8> {
    let word = b"Authentication-Results: mx.example.jp; dkim=pass header.d=rakuten.co.jp; spf=pass \
        smtp.mailfrom=info@rakuten.co.jp; dmarc=pass header.from=rakuten.co.jp\r\n";
    [word.to_vec(), mail].concat()
}

/// Somebody who has no configuration yet, a mailbox with some mail, and a phone.
pub struct Person {
    pub folder: tempfile::TempDir,
    pub dovecot: Dovecot,
    pub phone: Http,
}

impl Person {
    /// With three mails: two restocks and a cancelled order that owes 500 points. `None`: no Dovecot here.
    pub fn new() -> Option<Self> {
        let dovecot = Dovecot::start(&Setup::default())?;
        dovecot.deliver_all(&[
            vouched(restock("kettle")),
            vouched(cancellation("cancelled", "388888-20261112-0234567890")),
            vouched(restock("pan")),
        ]);
        let phone = Http::serving(|_| Reply::json(200, &serde_json::json!({"id": "1"})));
        Some(Self { folder: tempfile::tempdir().unwrap(), dovecot, phone })
    }

    pub fn home(&self) -> &Path {
        self.folder.path()
    }

    pub fn config(&self) -> PathBuf {
        self.home().join(".config/modori/config.toml")
    }

    /// Where the server is, and the phone, as flags.
    pub fn servers(&self) -> Vec<String> {
        let words = format!(
            "--host localhost --port {} --ca-file {} --ntfy-server http://127.0.0.1:{} --service none",
            self.dovecot.imaps,
            self.dovecot.ca_file.display(),
            self.phone.port
        );
        words.split(' ').map(str::to_owned).collect()
    }

    /// A command of modori, run without a terminal.
    pub fn command(&self, words: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_modori"));
        for name in ["XDG_CONFIG_HOME", "XDG_STATE_HOME", "MODORI_CONFIG", "MODORI_STATE", "LC_ALL", "LC_MESSAGES"] {
            command.env_remove(name);
        }
        command.args(words).env("HOME", self.home()).env("LANG", "en_US.UTF-8").stdin(Stdio::null());
        command
    }

    pub fn run(&self, words: &[&str]) -> Output {
        self.command(words).output().unwrap()
    }

    /// Everything that lies in the person's home.
    pub fn tree(&self) -> Vec<String> {
        let mut all = Vec::new();
        walk(self.home(), self.home(), &mut all);
        all.sort();
        all
    }
}

fn walk(root: &Path, folder: &Path, all: &mut Vec<String>) {
    for one in std::fs::read_dir(folder).unwrap() {
        let path = one.unwrap().path();
        all.push(path.strip_prefix(root).unwrap().display().to_string());
        if path.is_dir() {
            walk(root, &path, all);
        }
    }
}

pub fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// `init` with these words and those of the servers.
pub fn words<'a>(first: &[&'a str], servers: &'a [String]) -> Vec<&'a str> {
    first.iter().copied().chain(servers.iter().map(String::as_str)).collect()
}
