//! Figures for docs/benchmarks.md, printed, not judged. Ignored in the everyday run:
//! `cargo test --release --test all measure -- --ignored --nocapture --test-threads 1`

use super::support::dovecot::{Dovecot, PASSWORD, Setup, USER};
use super::support::http::Http;
use jiff::Timestamp;
use modori::demo::{SHOPPER, Server, Story};
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

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

fn config(folder: &Path, server: &str, rest: &str) -> std::path::PathBuf {
    let secret = folder.join("password");
    std::fs::write(&secret, "").unwrap();
    let mut permissions = std::fs::metadata(&secret).unwrap().permissions();
    std::os::unix::fs::PermissionsExt::set_mode(&mut permissions, 0o600);
    std::fs::set_permissions(&secret, permissions).unwrap();
    std::fs::write(&secret, PASSWORD).unwrap();
    let file = folder.join("config.toml");
    let text = format!(
        "state = \"state\"\n[[account]]\nname = \"a\"\n{server}\npassword = {{ file = \"password\" }}\n[filing]\nmode = \"move\"\n{rest}"
    );
    std::fs::write(&file, text).unwrap();
    file
}

fn modori(config: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_modori"));
    command.args(arguments).arg("--config").arg(config).stdout(Stdio::null()).stderr(Stdio::null());
    command
}

fn memory(child: &Child, key: &str) -> String {
    let status = std::fs::read_to_string(format!("/proc/{}/status", child.id())).unwrap_or_default();
    let line = status.lines().find(|line| line.starts_with(key)).unwrap_or("unknown");
    line.split_whitespace().skip(1).collect::<Vec<_>>().join(" ")
}

fn quantile(times: &mut [Duration], part: f64) -> Duration {
    times.sort();
    let last = times.len().saturating_sub(1);
    times[((last as f64) * part).round() as usize]
}

fn report(name: &str, times: &mut [Duration]) {
    let ms = |time: Duration| time.as_secs_f64() * 1000.0;
    let mut line = format!("{name}: n {}", times.len());
    for part in [0.5, 0.95, 1.0] {
        let _ = write!(line, ", p{:.0} {:.2} ms", part * 100.0, ms(quantile(times, part)));
    }
    println!("{line}");
}

#[test]
#[ignore = "a measurement of several minutes"]
fn sweep_of_10000_mails_on_dovecot() {
    let Some(dovecot) = Dovecot::start(&Setup::default()) else { return };
    let count = std::env::var("MODORI_MEASURE_MAILS").ok().and_then(|count| count.parse().ok()).unwrap_or(10_000);
    let mails = mails(count);
    let bytes: usize = mails.iter().map(Vec::len).sum();
    let lay = Instant::now();
    let mut oracle = dovecot.oracle();
    for mail in &mails {
        oracle.append("INBOX", mail).unwrap();
    }
    println!("laid {} mails ({} KiB) in {:.1} s", mails.len(), bytes / 1024, lay.elapsed().as_secs_f64());

    let folder = tempfile::tempdir().unwrap();
    let server = format!("host = \"127.0.0.1\"\nport = {}\nsecurity = \"plain\"\nuser = \"{USER}\"", dovecot.imap);
    let config = config(folder.path(), &server, "");
    let dry = Instant::now();
    assert!(modori(&config, &["sweep", "--dry-run"]).status().unwrap().success());
    println!("dry run: {:.2} s", dry.elapsed().as_secs_f64());

    let begun = Instant::now();
    let mut child = modori(&config, &["sweep"]).spawn().unwrap();
    let mut peak = String::new();
    let ended = loop {
        if let Some(status) = child.try_wait().unwrap() {
            break status;
        }
        peak = memory(&child, "VmHWM");
        std::thread::sleep(Duration::from_millis(50));
    };
    let swept = begun.elapsed();
    assert!(ended.success());
    let folders: BTreeMap<String, usize> =
        dovecot.mailboxes().into_iter().map(|(name, messages)| (name, messages.len())).collect();
    assert_eq!(folders.values().sum::<usize>(), mails.len());
    println!("sweep: {:.2} s, peak memory {peak}, {folders:?}", swept.as_secs_f64());

    // the same moves by a bare client: everything read in windows, moved in batches, nothing judged, nothing stored
    let Some(second) = Dovecot::start(&Setup::default()) else { return };
    let mut bare = second.oracle();
    for mail in &mails {
        bare.append("INBOX", mail).unwrap();
    }
    let moved: usize = folders.iter().filter(|(name, _)| *name != "INBOX").map(|(_, count)| count).sum();
    let begun = Instant::now();
    bare.command("SELECT INBOX").unwrap();
    bare.command("CREATE Target").unwrap();
    for window in (1..=mails.len()).collect::<Vec<_>>().chunks(100) {
        let (first, last) = (window[0], window[window.len() - 1]);
        bare.command(&format!("UID FETCH {first}:{last} (UID FLAGS INTERNALDATE RFC822.SIZE BODY.PEEK[]<0.262144>)"))
            .unwrap();
    }
    for window in (1..=moved).collect::<Vec<_>>().chunks(250) {
        let (first, last) = (window[0], window[window.len() - 1]);
        bare.command(&format!("UID MOVE {first}:{last} Target")).unwrap();
    }
    let bare = begun.elapsed();
    println!(
        "a bare client that reads {} and moves {moved}: {:.2} s; modori takes {:.2} times as long",
        mails.len(),
        bare.as_secs_f64(),
        swept.as_secs_f64() / bare.as_secs_f64()
    );
}

#[test]
#[ignore = "a measurement"]
fn exists_to_alert() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let server = Server::new(SHOPPER, PASSWORD);
    let (address, _serving) = runtime.block_on(server.listen(([127, 0, 0, 1], 0).into())).unwrap();
    let http = Http::start();
    let folder = tempfile::tempdir().unwrap();
    let account =
        format!("host = \"127.0.0.1\"\nport = {}\nsecurity = \"plain\"\nuser = \"{SHOPPER}\"", address.port());
    let rest = format!("[alerts]\nchannels = [\"w\"]\n[channel.w]\nkind = \"webhook\"\nurl = \"{}\"\n", http.url("/"));
    let config = config(folder.path(), &account, &rest);
    let mut child = modori(&config, &["watch"]).spawn().unwrap();
    let restock = |n: usize| {
        format!(
            "From: <info@rakuten.co.jp>\r\nTo: <{SHOPPER}>\r\nSubject: Restock\r\nDate: {}\r\nMessage-ID: <r{n}@example.jp>\r\n\
             Content-Type: text/plain; charset=UTF-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n\
             ご登録の商品が再入荷しました。\r\n商品名：マグカップ{n}\r\n価格：1,980円\r\n\
             https://item.rakuten.co.jp/modori-zakka/mz-{n}/\r\n",
            Timestamp::now().strftime("%a, %d %b %Y %H:%M:%S +0000")
        )
        .into_bytes()
    };
    // waits until it idles: the first one is not counted
    std::thread::sleep(Duration::from_secs(2));
    let mut times = Vec::new();
    for n in 0..201 {
        let begun = Instant::now();
        server.deliver("INBOX", &restock(n), Timestamp::now());
        while http.requests().len() <= n && begun.elapsed() < Duration::from_secs(10) {
            std::thread::sleep(Duration::from_micros(100));
        }
        assert!(http.requests().len() > n, "no alert for mail {n}");
        if n > 0 {
            times.push(begun.elapsed());
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    report(
        "EXISTS on the wire → alert taken by the webhook, embedded server, loopback, one commit in between",
        &mut times,
    );
    println!("memory of the watch: resident {}, peak {}", memory(&child, "VmRSS"), memory(&child, "VmHWM"));
    child.kill().unwrap();
    child.wait().unwrap();
}

#[test]
#[ignore = "a measurement"]
fn delivery_to_alert_on_dovecot() {
    let Some(dovecot) = Dovecot::start(&Setup::default()) else { return };
    let http = Http::start();
    let folder = tempfile::tempdir().unwrap();
    let account = format!("host = \"127.0.0.1\"\nport = {}\nsecurity = \"plain\"\nuser = \"{USER}\"", dovecot.imap);
    let rest = format!("[alerts]\nchannels = [\"w\"]\n[channel.w]\nkind = \"webhook\"\nurl = \"{}\"\n", http.url("/"));
    let config = config(folder.path(), &account, &rest);
    let mut child = modori(&config, &["watch"]).spawn().unwrap();
    std::thread::sleep(Duration::from_secs(3));
    println!("memory of an idle watch: resident {}", memory(&child, "VmRSS"));
    let mut times = Vec::new();
    for n in 0..31 {
        let mail = format!(
            "From: <info@rakuten.co.jp>\r\nTo: <{USER}@example.jp>\r\nSubject: Restock\r\nDate: {}\r\nMessage-ID: <d{n}@example.jp>\r\n\
             Content-Type: text/plain; charset=UTF-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n\
             ご登録の商品が再入荷しました。\r\n商品名：マグカップ{n}\r\nhttps://item.rakuten.co.jp/modori-zakka/mz-{n}/\r\n",
            Timestamp::now().strftime("%a, %d %b %Y %H:%M:%S +0000")
        );
        let begun = Instant::now();
        dovecot.deliver(mail.as_bytes());
        while http.requests().len() <= n && begun.elapsed() < Duration::from_secs(20) {
            std::thread::sleep(Duration::from_millis(1));
        }
        assert!(http.requests().len() > n, "no alert for mail {n}");
        if n > 0 {
            times.push(begun.elapsed());
        }
    }
    report("LMTP delivery begun → alert taken by the webhook, Dovecot, IDLE alone", &mut times);
    child.kill().unwrap();
    child.wait().unwrap();
}
