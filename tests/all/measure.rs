//! Figures for docs/benchmarks.md, printed as its tables, not judged. Ignored in the everyday run:
//! `cargo test --profile long --test all measure -- --ignored --nocapture --test-threads 1`
//!
//! `MODORI_MEASURE_PROGRAM` measures another build of the program, `MODORI_MEASURE_MAILS=1000,10000,50000` sets the
//! backlogs, `MODORI_MEASURE_RTTS=0,20,100,300` the round trips in ms, `MODORI_MEASURE_DELIVERIES=50` how often each is
//! tried, `MODORI_MEASURE_QUIET_S=60` how long an idle watch is looked at.

mod alert;
mod backlog;
mod bare;
mod idle;
mod import;
mod reconnect;
mod tap;

use super::support::dovecot::{PASSWORD, USER};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use modori::demo::Story;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

/// Days between two rounds of the samples: fifty thousand mails are those of ten years.
const APART: usize = 35;

/// Sample mails, each with a Message-ID of its own, and with orders and days of their own each time they come round, the
/// newest last: nobody has one order with thousands of mails, or thousands of orders in a week.
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
            let round = n / samples.len();
            let before = count.div_ceil(samples.len()) - 1 - round;
            let sample = &with_orders_of(round, before * APART, &samples[n % samples.len()]);
            let mut mail = format!("X-Number: {n}\r\nMessage-ID: <number{n}@example.jp>\r\n").into_bytes();
            // header lines are passed on as they are, but for the old Message-ID
            let mut header = true;
            for line in sample.split_inclusive(|b| *b == b'\n') {
                header &= line != b"\r\n" && line != b"\n";
                let name = if header { line.to_ascii_lowercase() } else { Vec::new() };
                if name.starts_with(b"date:") {
                    mail.extend_from_slice(earlier(before * APART, line).as_bytes());
                } else if !name.starts_with(b"message-id:") {
                    mail.extend_from_slice(line);
                }
            }
            mail
        })
        .collect()
}

/// A `Date` line so many days earlier; as it is where it bears no date.
fn earlier(days: usize, line: &[u8]) -> String {
    let line = String::from_utf8_lossy(line).into_owned();
    let date = line.split_once(':').and_then(|(_, date)| jiff::fmt::rfc2822::parse(date.trim()).ok());
    let moved = date.and_then(|date| date.checked_sub(jiff::Span::new().days(days as i64)).ok());
    match moved.and_then(|date| jiff::fmt::rfc2822::to_string(&date).ok()) {
        Some(date) => format!("Date: {date}\r\n"),
        None => line,
    }
}

/// The mail with its order numbers counted up, and their days so many earlier.
fn with_orders_of(round: usize, days: usize, mail: &[u8]) -> Vec<u8> {
    let head = mail.windows(4).position(|four| four == b"\r\n\r\n").map_or(mail.len(), |at| at + 4);
    let (header, body) = mail.split_at(head);
    let lines = |bytes: &[u8]| String::from_utf8_lossy(bytes).to_ascii_lowercase();
    if !lines(header).contains("content-transfer-encoding: base64") {
        return [header, &count_up(round, days, body)].concat();
    }
    let text: Vec<u8> = body.iter().copied().filter(|byte| !byte.is_ascii_whitespace()).collect();
    let Ok(plain) = STANDARD.decode(text) else { return mail.to_vec() };
    let text = STANDARD.encode(count_up(round, days, &plain));
    let mut mail = header.to_vec();
    for line in text.as_bytes().chunks(76) {
        mail.extend_from_slice(line);
        mail.extend_from_slice(b"\r\n");
    }
    mail
}

/// Every `999999-99999999-9999999999` with another end, and another day.
fn count_up(round: usize, days: usize, text: &[u8]) -> Vec<u8> {
    let mut text = text.to_vec();
    let is_order = |text: &[u8]| {
        (0..).zip(text).all(|(at, byte)| if at == 6 || at == 15 { *byte == b'-' } else { byte.is_ascii_digit() })
    };
    for at in 0..text.len().saturating_sub(25) {
        if is_order(&text[at..at + 26]) {
            let end: usize = String::from_utf8_lossy(&text[at + 16..at + 26]).parse().unwrap();
            let end = (end + round * 1_000_003) % 10_000_000_000;
            text[at + 16..at + 26].copy_from_slice(format!("{end:010}").as_bytes());
            let day = jiff::civil::Date::strptime("%Y%m%d", &text[at + 7..at + 15]);
            if let Ok(day) = day.and_then(|day| day.checked_sub(jiff::Span::new().days(days as i64))) {
                text[at + 7..at + 15].copy_from_slice(day.strftime("%Y%m%d").to_string().as_bytes());
            }
        }
    }
    text
}

#[test]
fn sample_mails_that_come_round_again_are_about_other_orders() {
    let samples = Story::embedded();
    let count = samples.backlog.len() + samples.live.len();
    let mails = mails(2 * count);
    let order = |mail: &[u8]| {
        let reading = modori::mail::Reading { received: jiff::Timestamp::UNIX_EPOCH, size: 0, authserv_ids: &[] };
        let text = modori::mail::read(mail, &reading).body.raw;
        let at = text.find("388888-2026")?;
        Some(text[at..at + 26].to_owned())
    };
    let orders = |mails: &[Vec<u8>]| mails.iter().filter_map(|mail| order(mail)).collect::<Vec<_>>();
    let (first, again) = (orders(&mails[..count]), orders(&mails[count..]));
    assert!(first.len() >= 3 && first.iter().all(|order| *order == "388888-20261008-0234567890"), "{first:?}");
    assert_eq!(again.len(), first.len());
    assert!(again.iter().all(|order| *order == "388888-20261112-0235567893"), "{again:?}");
    let days = |mails: &[Vec<u8>]| {
        let day = |mail: &[u8]| {
            let reading = modori::mail::Reading { received: jiff::Timestamp::UNIX_EPOCH, size: 0, authserv_ids: &[] };
            Some(modori::mail::read(mail, &reading).date?.as_second() / 86_400)
        };
        mails.iter().filter_map(|mail| day(mail)).collect::<Vec<_>>()
    };
    let (first, again) = (days(&mails[..count]), days(&mails[count..]));
    assert!(first.len() > count / 2 && first.len() == again.len());
    assert!(first.iter().zip(&again).all(|(first, again)| again - first == APART as i64), "{first:?} {again:?}");
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
