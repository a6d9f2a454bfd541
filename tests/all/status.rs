//! The real program tells how it is: to people, to programs that watch it, and to systemd.

use super::support::dovecot::{Dovecot, PASSWORD, Setup};
use super::support::embedded::Embedded;
use super::support::http::Http;
use super::support::run::{Home, Over, Running, until};
use super::support::stall::Stalling;
use modori::demo::Fault;
use serde_json::Value;
use std::net::TcpListener;
use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// What `modori status` says, and its exit code.
fn status(home: &Home) -> (Value, Option<i32>) {
    let output = home.run(&["status", "--format", "json"]);
    let text = String::from_utf8(output.stdout).unwrap();
    let errors = String::from_utf8_lossy(&output.stderr).into_owned();
    (serde_json::from_str(text.trim()).unwrap_or_else(|_| panic!("{text}{errors}")), output.status.code())
}

fn until_state(home: &Home, state: &str) -> Value {
    let mut last = Value::Null;
    until(&format!("status says {state}"), || {
        last = status(home).0;
        last["mailboxes"][0]["state"] == state
    });
    last
}

fn webhook(http: &Http) -> String {
    format!("[alerts]\nchannels = [\"w\"]\n[channel.w]\nkind = \"webhook\"\nurl = \"{}\"\n", http.url("/hook"))
}

#[test]
fn status_tells_what_is_seen_and_since_when_not() {
    let Some(mut dovecot) = Dovecot::start(&Setup::default()) else { return };
    let home = Home::on(&dovecot, Over::Tls, "");
    let (before, code) = status(&home);
    assert_eq!(
        (code, &before["watch"]["running"], &before["mailboxes"][0]["seen"]),
        (Some(1), &false.into(), &false.into())
    );

    let watch = home.start(&["watch"]);
    let told = until_state(&home, "watching");
    assert_eq!(told["watch"]["pid"], watch.id());
    let (told, code) = status(&home);
    let mailbox = &told["mailboxes"][0];
    assert_eq!((code, &told["well"], &mailbox["seen"]), (Some(0), &true.into(), &true.into()), "{told}");
    assert!(mailbox["means"].is_string() && mailbox["last_good_at"].is_string(), "{told}");
    assert_eq!((&mailbox["blind_bound_s"], &mailbox["blind_for_s"]), (&55.into(), &Value::Null));
    assert!(told["rules"]["in_use"].as_str().unwrap().contains("shipped rules"), "{told}");
    let shown = home.ok(&["status"]);
    assert!(
        shown.contains("a/INBOX") && shown.contains("yes, since") && shown.contains("55 s after a silent cut"),
        "{shown}"
    );

    dovecot.kill();
    let told = until_state(&home, "waiting");
    let mailbox = &told["mailboxes"][0];
    assert_eq!((&told["well"], &mailbox["seen"]), (&false.into(), &false.into()));
    assert!(
        mailbox["blind_for_s"].is_i64() && mailbox["trouble"].is_string() && mailbox["failures"].as_i64() > Some(0),
        "{told}"
    );
    let output = home.run(&["status"]);
    let shown = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.code() == Some(1) && shown.contains("NO, blind for"), "{shown}");

    dovecot.start_again();
    let told = until_state(&home, "watching");
    assert_eq!(told["mailboxes"][0]["failures"], 0);
    assert_eq!(watch.terminate(), Some(0), "{}", home.log());
    let (told, code) = status(&home);
    assert_eq!((code, &told["watch"]["running"]), (Some(1), &false.into()));
    assert!(String::from_utf8(home.run(&["status"]).stdout).unwrap().contains("no watch is running"));
}

#[test]
fn a_server_that_says_bye_is_watched_again() {
    let embedded = Embedded::start();
    let home = embedded.home("", "");
    let _watch = home.start(&["watch"]);
    until_state(&home, "watching");
    embedded.server.fault("IDLE", Fault::Bye);
    let before = embedded.server.connections().0;
    embedded.server.cut_all();
    // cut, opened again, sent away with BYE, opened once more
    until("two connections more", || embedded.server.connections().0 >= before + 2);
    let told = until_state(&home, "watching");
    assert!(told["mailboxes"][0]["trouble"].is_string(), "{told}");
    assert_eq!(embedded.server.struck().get("bye"), Some(&1));
}

#[test]
fn a_half_open_connection_is_found_out_and_told() {
    let Some(dovecot) = Dovecot::start(&Setup::default()) else { return };
    let proxy = Stalling::to(dovecot.imap);
    let http = Http::start();
    let account = format!(
        "host = \"127.0.0.1\"\nport = {}\nsecurity = \"plain\"\nuser = \"{}\"\n\
         pace = {{ probe_after = \"1s\", probe_answer = \"1s\", command = \"3s\", back_off_first = \"100ms\", back_off_longest = \"500ms\" }}",
        proxy.port,
        super::support::dovecot::USER
    );
    let home = Home::new(&account, &format!("[sight]\nblind_after = \"4s\"\n{}", webhook(&http)));
    let _watch = home.start(&["watch"]);
    until_state(&home, "watching");
    proxy.stall();
    until_state(&home, "waiting");
    let about = |kind: &str| {
        let requests = http.requests();
        requests.iter().map(super::support::http::Request::json).filter(|one| one["details"]["sight"] == kind).count()
    };
    until("that it is blind is told", || about("blind") == 1);
    proxy.go_on();
    until_state(&home, "watching");
    until("that it sees again is told", || about("back") == 1);
    assert_eq!(about("blind"), 1);
}

#[test]
fn a_refused_login_waits_over_a_restart_and_doctor_ends_the_wait() {
    let embedded = Embedded::start();
    let home = embedded.home("", "");
    let secret = home.path().join("password");
    std::fs::write(&secret, "wrong").unwrap();
    let logins = || embedded.server.commands().iter().filter(|command| is_login(command)).count();
    let watch = home.start(&["watch"]);
    let told = until_state(&home, "refused");
    let (shown, code) = status(&home);
    assert_eq!(code, Some(1));
    assert!(shown["mailboxes"][0]["not_before"].is_string(), "{told}");
    assert_eq!(logins(), 1);
    watch.kill();
    // started again, as a service manager does: it waits
    let watch = home.start(&["watch"]);
    until("the second watch runs", || status(&home).0["watch"]["pid"] == watch.id());
    assert_eq!((logins(), &status(&home).0["mailboxes"][0]["state"]), (1, &"refused".into()));

    let output = home.run(&["doctor"]);
    let shown = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(1), "{shown}");
    assert!(shown.contains("failure  account a: login: account `a`: "), "{shown}");
    assert_eq!(logins(), 2, "doctor tries, the watch still waits");
    // mended in place: doctor finds that it works, and the watch tries at once
    std::fs::write(&secret, PASSWORD).unwrap();
    let shown = home.ok(&["doctor"]);
    assert!(shown.contains("ok       account a: login: as "), "{shown}");
    until_state(&home, "watching");
    assert_eq!(logins(), 4);
}

fn is_login(command: &str) -> bool {
    command.starts_with("LOGIN") || command.starts_with("AUTHENTICATE")
}

#[test]
fn doctor_names_the_means_and_what_to_mend_and_changes_nothing() {
    let grades = |home: &Home| -> Vec<(String, String, String)> {
        let output = home.run(&["doctor", "--format", "json"]);
        let sheet: Value = serde_json::from_str(String::from_utf8(output.stdout).unwrap().trim()).unwrap();
        let text = |one: &Value, key: &str| one[key].as_str().unwrap().to_owned();
        let checks = sheet["checks"].as_array().unwrap();
        checks.iter().map(|one| (text(one, "about"), text(one, "grade"), text(one, "said"))).collect()
    };
    let said = |checks: &[(String, String, String)], about: &str| {
        let found: Vec<String> =
            checks.iter().filter(|one| one.0 == about).map(|one| format!("{}: {}", one.1, one.2)).collect();
        found.join("; ")
    };
    let Some(dovecot) = Dovecot::start(&Setup::default()) else { return };
    let before = dovecot.mailboxes();
    let smtp = "[alerts]\nchannels = [\"m\"]\n[channel.m]\nkind = \"smtp\"\nhost = \"127.0.0.1\"\nport = 1\nsecurity = \"plain\"\n\
                from = \"a@example.jp\"\nto = [\"a@example.jp\"]\n";
    let home = Home::on(&dovecot, Over::Tls, smtp);
    let checks = grades(&home);
    assert!(said(&checks, "account a: filing").starts_with("ok: by MOVE"), "{checks:?}");
    assert!(said(&checks, "account a: new mail").starts_with("ok: told by "), "{checks:?}");
    assert!(said(&checks, "account a: mailbox").starts_with("ok: INBOX opens; messages in it: 0"), "{checks:?}");
    assert!(said(&checks, "channel m").contains("a mailbox that is watched"), "{checks:?}");
    assert!(said(&checks, "sight").starts_with("warning: "), "{checks:?}");
    assert_eq!(dovecot.mailboxes(), before, "nothing was made");
    assert!(!home.state().exists(), "nor here");

    let Some(bare) = Dovecot::start(&Setup::without(&["MOVE", "UIDPLUS", "IDLE", "NOTIFY"])) else { return };
    let home = Home::on(&bare, Over::StartTls, "");
    let checks = grades(&home);
    assert!(said(&checks, "account a: filing").starts_with("warning: by COPY and a \\Deleted flag"), "{checks:?}");
    assert!(said(&checks, "account a: new mail").starts_with("warning: asked for every 30 s"), "{checks:?}");

    // a port where nobody listens, and a certificate that nobody vouches for
    let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let home = Home::new(&format!("host = \"127.0.0.1\"\nport = {closed}\nuser = \"u\""), "");
    assert!(said(&grades(&home), "account a: reached").starts_with("failure: 127.0.0.1 cannot be connected to"));
    let home = Home::new(&format!("host = \"localhost\"\nport = {}\nuser = \"u\"", dovecot.imaps), "");
    let checks = grades(&home);
    assert!(said(&checks, "account a: login").starts_with("failure: "), "{checks:?}");
}

/// Stands in for systemd.
struct Manager {
    socket: UnixDatagram,
    path: PathBuf,
}

impl Manager {
    fn new(folder: &Path) -> Self {
        let path = folder.join("notify");
        let socket = UnixDatagram::bind(&path).unwrap();
        socket.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
        Self { socket, path }
    }

    fn start(&self, home: &Home, watchdog: Duration) -> Running {
        let usec = watchdog.as_micros().to_string();
        home.start_with(&["watch"], &[("NOTIFY_SOCKET", self.path.as_os_str()), ("WATCHDOG_USEC", usec.as_ref())])
    }

    fn next(&self) -> String {
        let mut bytes = [0; 2048];
        let size = self.socket.recv(&mut bytes).expect("nothing was told");
        String::from_utf8(bytes[..size].to_vec()).unwrap()
    }

    /// What is told until this is.
    fn until(&self, is: impl Fn(&str) -> bool) -> Vec<String> {
        let mut told = Vec::new();
        while !told.last().is_some_and(|word: &String| is(word)) {
            told.push(self.next());
        }
        told
    }
}

#[test]
fn systemd_hears_when_it_is_ready_how_it_is_and_that_every_lane_goes_round() {
    let embedded = Embedded::start();
    let home = embedded.home("", "");
    let manager = Manager::new(home.path());
    let watch = manager.start(&home, Duration::from_secs(1));
    let told = manager.until(|word| word == "READY=1");
    assert_eq!(told.iter().filter(|word| *word == "READY=1").count(), 1);
    let (said, _) = status(&home);
    assert!(said["mailboxes"][0]["last_good_at"].is_string(), "ready came before the mailbox was read: {said}");
    manager.until(|word| word.starts_with("STATUS=watching 1 of 1, last proof of life "));
    manager.until(|word| word == "WATCHDOG=1");
    manager.until(|word| word == "WATCHDOG=1");

    // another process holds the database: the store's thread cannot write
    let held = rusqlite::Connection::open(home.state().join("modori.sqlite")).unwrap();
    held.execute_batch("BEGIN EXCLUSIVE").unwrap();
    manager.until(|word| word == "STATUS=stuck: the database");
    // from here on nothing is fed: whatever is told until the database is free again holds no sign of life
    let mut fed = false;
    manager.socket.set_read_timeout(Some(Duration::from_millis(1500))).unwrap();
    let mut bytes = [0; 2048];
    while let Ok(size) = manager.socket.recv(&mut bytes) {
        fed |= bytes.starts_with(b"WATCHDOG=1") && size == 10;
    }
    assert!(!fed, "fed while the database does not answer");
    held.execute_batch("ROLLBACK").unwrap();
    manager.socket.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
    manager.until(|word| word == "WATCHDOG=1");
    manager.until(|word| word.starts_with("STATUS=watching 1 of 1"));

    // trouble is told, and is no reason to be restarted
    embedded.server.set_down(true);
    manager.until(|word| word.starts_with("STATUS=watching 0 of 1; a/INBOX blind since "));
    manager.until(|word| word == "WATCHDOG=1");
    assert_eq!(watch.terminate(), Some(0), "{}", home.log());
    manager.until(|word| word == "STOPPING=1");
}

#[test]
fn a_service_is_ready_also_when_its_mailbox_cannot_be_reached() {
    let embedded = Embedded::start();
    embedded.server.set_down(true);
    let home = embedded.home("", "");
    let manager = Manager::new(home.path());
    let _watch = manager.start(&home, Duration::from_secs(30));
    manager.until(|word| word == "READY=1");
    until_state(&home, "waiting");
}
