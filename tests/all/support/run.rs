//! The real program with a configuration of its own: started, stopped, killed.

use super::dovecot::{Dovecot, PASSWORD, USER};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

/// A folder with configuration and state.
pub struct Home {
    folder: tempfile::TempDir,
    pub config: PathBuf,
}

/// How a Dovecot is reached.
#[derive(Clone, Copy)]
pub enum Over {
    Tls,
    StartTls,
    Plain,
}

impl Home {
    /// A configuration with this `[[account]]` and whatever follows.
    pub fn new(account: &str, rest: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let secret = folder.path().join("password");
        std::fs::write(&secret, "").unwrap();
        std::fs::set_permissions(&secret, std::fs::Permissions::from_mode(0o600)).unwrap();
        std::fs::write(&secret, PASSWORD).unwrap();
        let config = folder.path().join("config.toml");
        let text = format!(
            "state = \"state\"\n[[account]]\nname = \"a\"\n{account}\npassword = {{ file = \"password\" }}\n\
             authserv_ids = [\"mx.example.jp\"]\n[filing]\nmode = \"move\"\n{rest}"
        );
        std::fs::write(&config, text).unwrap();
        Self { folder, config }
    }

    /// For the mailbox of a Dovecot.
    pub fn on(dovecot: &Dovecot, over: Over, rest: &str) -> Self {
        let (port, security) = match over {
            Over::Tls => (dovecot.imaps, "tls"),
            Over::StartTls => (dovecot.imap, "starttls"),
            Over::Plain => (dovecot.imap, "plain"),
        };
        let ca = match over {
            Over::Plain => String::new(),
            _ => format!("ca_file = \"{}\"\n", dovecot.ca_file.display()),
        };
        let account = format!(
            "host = \"localhost\"\nport = {port}\nsecurity = \"{security}\"\nuser = \"{USER}\"\n{ca}pace.back_off_first = \"100ms\""
        );
        Self::new(&account, rest)
    }

    /// For a mailbox that is reached in clear through this port, over a wire that breaks: nothing waits long.
    pub fn through(port: u16, rest: &str) -> Self {
        let account = format!(
            "host = \"127.0.0.1\"\nport = {port}\nsecurity = \"plain\"\nuser = \"{USER}\"\n\
             pace.back_off_first = \"20ms\"\npace.back_off_longest = \"200ms\"\npace.command = \"5s\"\n\
             pace.probe_after = \"2s\"\npace.probe_answer = \"2s\""
        );
        Self::new(&account, rest)
    }

    pub fn state(&self) -> PathBuf {
        self.folder.path().join("state")
    }

    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_modori"));
        command.args(arguments).arg("--config").arg(&self.config).env_remove("MODORI_STATE").stdin(Stdio::null());
        command
    }

    /// Runs a command to its end.
    pub fn run(&self, arguments: &[&str]) -> Output {
        self.command(arguments).output().unwrap()
    }

    /// The same with further environment variables.
    pub fn run_with(&self, arguments: &[&str], environment: &[(&str, &std::ffi::OsStr)]) -> Output {
        self.command(arguments).envs(environment.iter().copied()).output().unwrap()
    }

    /// Runs a command that must succeed; its standard output.
    pub fn ok(&self, arguments: &[&str]) -> String {
        let output = self.run(arguments);
        let errors = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "{arguments:?}: {errors}");
        String::from_utf8(output.stdout).unwrap()
    }

    /// Starts a command that is talked with: all three of its streams are the caller's.
    pub fn talk(&self, arguments: &[&str]) -> Child {
        let mut command = self.command(arguments);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
    }

    /// Starts a command; its log goes to `log` in the folder.
    pub fn start(&self, arguments: &[&str]) -> Running {
        self.start_with(arguments, &[])
    }

    /// The same with more in its environment.
    pub fn start_with(&self, arguments: &[&str], environment: &[(&str, &std::ffi::OsStr)]) -> Running {
        let log = std::fs::OpenOptions::new().create(true).append(true).open(self.log_file()).unwrap();
        let child = self
            .command(arguments)
            .envs(environment.iter().copied())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .unwrap();
        Running { child }
    }

    fn log_file(&self) -> PathBuf {
        self.folder.path().join("log")
    }

    pub fn log(&self) -> String {
        std::fs::read_to_string(self.log_file()).unwrap_or_default()
    }

    /// Starts `watch` and waits until it watches for the `times`th time.
    pub fn watch(&self, times: usize) -> Running {
        let running = self.start(&["watch"]);
        until("watch says that it watches", || self.log().matches("watching").count() >= times);
        running
    }
}

/// A started program; killed when dropped.
pub struct Running {
    child: Child,
}

impl Running {
    /// SIGKILL.
    pub fn kill(mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// SIGTERM; the exit code.
    pub fn terminate(mut self) -> Option<i32> {
        let pid = self.child.id().to_string();
        assert!(Command::new("kill").args(["-TERM", &pid]).status().unwrap().success());
        self.child.wait().unwrap().code()
    }

    /// Whether it has ended by itself, and how.
    pub fn ended(&mut self) -> Option<bool> {
        self.child.try_wait().unwrap().map(|status| status.success())
    }

    pub fn id(&self) -> u32 {
        self.child.id()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Waits for something that must come, with a bound that only a fault reaches.
pub fn until(what: &str, mut is: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !is() {
        assert!(begun.elapsed() < Duration::from_secs(60), "waited in vain: {what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// A restock mail about an item of its own, received now.
pub fn restock(name: &str) -> Vec<u8> {
    mail(
        name,
        "info@rakuten.co.jp",
        "再入荷のお知らせ",
        &format!(
            "ご登録いただいた商品が再入荷しました。\n商品名：{name}\n価格：1,980円\nhttps://item.rakuten.co.jp/modori-zakka/{name}/\n"
        ),
    )
}

/// A cancellation of this order by its shop.
pub fn cancellation(name: &str, order: &str) -> Vec<u8> {
    mail(
        name,
        "modori-zakka@shop.rakuten.co.jp",
        "ご注文キャンセルのお知らせ",
        &format!(
            "受注番号：{order}\n欠品のため、ご注文をキャンセルいたしました。ご利用ポイント500ポイントは返還されます。\n"
        ),
    )
}

/// A plain mail; its Message-ID is `<NAME@example.jp>`.
pub fn mail(name: &str, from: &str, subject: &str, body: &str) -> Vec<u8> {
    let date = jiff::Timestamp::now().strftime("%a, %d %b %Y %H:%M:%S +0000");
    format!(
        "From: <{from}>\r\nTo: <{USER}@example.jp>\r\nSubject: {subject}\r\nDate: {date}\r\nMessage-ID: <{name}@example.jp>\r\n\
         MIME-Version: 1.0\r\nContent-Type: text/plain; charset=UTF-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n{}",
        body.replace('\n', "\r\n")
    )
    .into_bytes()
}
