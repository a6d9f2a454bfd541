//! Figures for docs/benchmarks.md, printed as its tables, not judged. Ignored in the everyday run:
//! `cargo test --release --test all measure -- --ignored --nocapture --test-threads 1`
//!
//! `MODORI_MEASURE_PROGRAM` measures another build of the program, `MODORI_MEASURE_MAILS=1000,10000,50000` sets the
//! backlogs, `MODORI_MEASURE_RTTS=0,20,100,300` the round trips in ms, `MODORI_MEASURE_DELIVERIES=50` how often each is
//! tried, `MODORI_MEASURE_QUIET_S=60` how long an idle watch is looked at.

mod alert;
mod backlog;
mod bare;
mod idle;
mod reconnect;
mod tap;

use super::support::dovecot::{PASSWORD, USER};
use modori::demo::Story;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

/// Sample mails, each with a Message-ID of its own.
fn mails(count: usize) -> Vec<Vec<u8>> {
    let story = Story::embedded();
    let samples: Vec<Vec<u8>> = story
        .backlog
        .iter()
        .chain(story.live.iter().map(|(_, sample)| sample))
        .map(|sample| sample.bytes.to_vec())
        .collect();
    (0..count)
        .map(|n| {
            let sample = &samples[n % samples.len()];
            let mut mail = format!("X-Number: {n}\r\nMessage-ID: <number{n}@example.jp>\r\n").into_bytes();
            // header lines are passed on as they are, but for the old Message-ID
            let mut header = true;
            for line in sample.split_inclusive(|b| *b == b'\n') {
                header &= line != b"\r\n" && line != b"\n";
                if !(header && line.to_ascii_lowercase().starts_with(b"message-id:")) {
                    mail.extend_from_slice(line);
                }
            }
            mail
        })
        .collect()
}

/// A configuration in `folder`, with whatever accounts; the password lies in the file `password` beside it.
fn config(folder: &Path, accounts: &str, rest: &str) -> std::path::PathBuf {
    use std::os::unix::fs::PermissionsExt;
    let secret = folder.join("password");
    std::fs::write(&secret, "").unwrap();
    std::fs::set_permissions(&secret, std::fs::Permissions::from_mode(0o600)).unwrap();
    std::fs::write(&secret, PASSWORD).unwrap();
    let file = folder.join("config.toml");
    std::fs::write(&file, format!("state = \"state\"\n{accounts}\n[filing]\nmode = \"move\"\n{rest}")).unwrap();
    file
}

/// One account of the user on a port of this machine, and whatever else it says.
fn account(port: u16, more: &str) -> String {
    account_of("a", USER, port, more)
}

fn account_of(name: &str, user: &str, port: u16, more: &str) -> String {
    format!(
        "[[account]]\nname = \"{name}\"\nhost = \"127.0.0.1\"\nport = {port}\nsecurity = \"plain\"\nuser = \"{user}\"\n\
         password = {{ file = \"password\" }}\n{more}\n"
    )
}

/// The program, started; its log goes to `log` beside the configuration. Killed when dropped.
struct Program {
    child: Child,
    log: std::path::PathBuf,
}

impl Program {
    fn start(config: &Path, arguments: &[&str]) -> Self {
        let log = config.with_file_name("log");
        let file = std::fs::OpenOptions::new().create(true).append(true).open(&log).unwrap();
        let program = std::env::var("MODORI_MEASURE_PROGRAM");
        let mut command = Command::new(program.as_deref().unwrap_or(env!("CARGO_BIN_EXE_modori")));
        command.args(arguments).arg("--config").arg(config).stdout(Stdio::null()).stderr(file);
        Self { child: command.spawn().unwrap(), log }
    }

    /// Waits until it watches so many mailboxes.
    fn watching(self, mailboxes: usize) -> Self {
        super::support::run::until("it watches", || {
            std::fs::read_to_string(&self.log).unwrap_or_default().matches("watching").count() >= mailboxes
        });
        self
    }

    /// A line of /proc/PID/status, in KiB or as a bare number.
    fn status(&self, key: &str) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap_or_default();
        let line = status.lines().find(|line| line.strip_prefix(key).is_some_and(|rest| rest.starts_with(':')));
        line.and_then(|line| line.split_whitespace().nth(1)?.parse().ok()).unwrap_or(0)
    }

    /// In MiB.
    fn memory(&self, key: &str) -> f64 {
        self.status(key) as f64 / 1024.0
    }

    /// Runs to its end; the greatest memory it was seen with, in MiB.
    fn finish(mut self) -> f64 {
        let mut peak = 0.0_f64;
        loop {
            peak = peak.max(self.memory("VmHWM"));
            if let Some(status) = self.child.try_wait().unwrap() {
                assert!(status.success(), "{}", std::fs::read_to_string(&self.log).unwrap_or_default());
                return peak;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn quantile(times: &mut [Duration], part: f64) -> f64 {
    times.sort();
    let last = times.len().saturating_sub(1);
    times.get(((last as f64) * part).round() as usize).map_or(f64::NAN, |time| time.as_secs_f64() * 1000.0)
}

/// `p50 / p95 / longest` in ms.
fn spread(times: &mut [Duration]) -> String {
    format!("{:.1} / {:.1} / {:.1}", quantile(times, 0.5), quantile(times, 0.95), quantile(times, 1.0))
}

fn setting(name: &str, usual: &str) -> Vec<u64> {
    let text = std::env::var(name).unwrap_or_else(|_| usual.to_owned());
    text.split(',').map(|number| number.trim().parse().unwrap()).collect()
}

fn one_setting(name: &str, usual: u64) -> u64 {
    setting(name, &usual.to_string())[0]
}
