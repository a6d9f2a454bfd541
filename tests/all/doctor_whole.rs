//! `modori doctor` over a whole set-up: what is well, what is not, with its remedy; it tells, and sends nothing.

use super::support::dovecot::{Dovecot, Setup};
use super::support::embedded::Embedded;
use super::support::http::{Http, Reply};
use super::support::run::{Home, Over, until};
use super::support::smtp::{self, Smtp};
use serde_json::{Value, json};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

/// What doctor says.
struct Said {
    code: Option<i32>,
    sheet: Value,
}

impl Said {
    fn by(home: &Home) -> Self {
        let output = home.run(&["doctor", "--format", "json"]);
        let text = String::from_utf8(output.stdout).unwrap();
        let sheet = serde_json::from_str(text.trim())
            .unwrap_or_else(|_| panic!("{text}{}", String::from_utf8_lossy(&output.stderr)));
        Self { code: output.status.code(), sheet }
    }

    /// Everything that is said about something: `grade: what → remedy`.
    fn about(&self, about: &str) -> Vec<String> {
        let word = |one: &Value, key: &str| one[key].as_str().unwrap().to_owned();
        let all = self.sheet["checks"].as_array().unwrap().iter();
        let of = all.filter(|one| one["about"] == about);
        of.map(|one| format!("{}: {} → {}", word(one, "grade"), word(one, "said"), word(one, "remedy"))).collect()
    }

    #[track_caller]
    fn has(&self, about: &str, begins: &str, holds: &str) {
        let found = self.about(about);
        let fits = |one: &String| one.starts_with(begins) && one.contains(holds);
        assert!(found.iter().any(fits), "{about}: {found:?}, not {begins} … {holds}\n{:#}", self.sheet);
    }
}

fn executable(path: &Path, text: &str) {
    std::fs::write(path, text).unwrap();
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o755)).unwrap();
}

/// An HTTP date this many seconds from now.
fn date(ahead: i64) -> String {
    let at = jiff::Timestamp::now() + jiff::SignedDuration::from_secs(ahead);
    at.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string()
}

fn secret(text: &str) -> String {
    format!("{{ command = [\"printf\", \"%s\", \"{text}\"] }}")
}

/// All services that can be asked, each with its own way; the clock of each is `ahead` seconds from ours.
fn services(good: bool, ahead: i64) -> Http {
    Http::serving(move |request| {
        let bearer = request.headers.get("authorization").map(String::as_str);
        let reply = match (request.method.as_str(), request.path.as_str()) {
            ("GET", "/v1/account") if bearer == Some("Bearer tk_1") && good => {
                Reply::json(200, &json!({"username": "h"}))
            }
            ("GET", "/v1/account") => Reply::json(401, &json!({"error": "unauthorized tk_1"})),
            ("POST", "/1/users/validate.json") if good => Reply::json(200, &json!({"status": 1})),
            ("POST", "/1/users/validate.json") => {
                Reply::json(400, &json!({"status": 0, "user": "invalid", "errors": ["user key is invalid"]}))
            }
            ("GET", "/v2/bot/info") if bearer == Some("Bearer line_1") && good => {
                Reply::json(200, &json!({"userId": "U"}))
            }
            ("GET", "/v2/bot/info") => Reply::json(401, &json!({"message": "Authentication failed"})),
            ("GET", "/bot1:t0ken/getMe") if good => Reply::json(200, &json!({"ok": true})),
            ("GET", "/bot1:t0ken/getMe") => Reply::json(401, &json!({"ok": false, "description": "Unauthorized"})),
            other => Reply::text(404, &format!("{other:?}")),
        };
        reply.with("Date", date(ahead))
    })
}

fn channels(http: &Http, command: &str) -> String {
    let server = http.url("");
    format!(
        "[alerts]\nchannels = [\"ntfy\", \"push\", \"line\", \"bot\", \"hook\", \"own\"]\n\
         [channel.ntfy]\nkind = \"ntfy\"\nserver = \"{server}\"\ntopic = \"t\"\ntoken = {}\n\
         [channel.push]\nkind = \"pushover\"\nserver = \"{server}\"\ntoken = {}\nuser_from = {}\n\
         [channel.line]\nkind = \"line\"\nserver = \"{server}\"\ntoken = {}\nto = [\"U{}\"]\n\
         [channel.bot]\nkind = \"webhook\"\nurl_from = {}\n\
         [channel.hook]\nkind = \"webhook\"\nurl = \"{server}/hook\"\n\
         [channel.own]\nkind = \"command\"\nargv = [\"{command}\"]\n",
        secret("tk_1"),
        secret("azGDORePK8gMaC0QOYAMyEEuzJnyUi"),
        secret("uQiRzpo4DXghDmr9QzzfQu27cmVRsG"),
        secret("line_1"),
        "0".repeat(32),
        secret(&format!("{server}/bot1:t0ken/sendMessage")),
    )
}

#[test]
fn a_whole_set_up_that_is_well_is_told_line_by_line_and_nothing_is_sent() {
    let Some(dovecot) = Dovecot::start(&Setup::default()) else { return };
    let http = services(true, 0);
    let login = Some(("post".to_owned(), "p0st".to_owned()));
    let mail = Smtp::start(smtp::Setup { starttls: true, login, ..smtp::Setup::default() });
    let programs = tempfile::tempdir().unwrap();
    let (program, ran) = (programs.path().join("tell"), programs.path().join("ran"));
    executable(&program, &format!("#!/bin/sh\ntouch {}\n", ran.display()));
    let home = Home::on(&dovecot, Over::Tls, &channels(&http, &program.display().to_string()));
    let ca = home.path().join("smtp-ca.pem");
    std::fs::write(&ca, &mail.ca).unwrap();
    let text = std::fs::read_to_string(&home.config).unwrap();
    let smtp = format!(
        "[account.smtp]\nhost = \"localhost\"\nport = {}\nsecurity = \"starttls\"\nuser = \"post\"\npassword = {}\n\
         ca_file = \"smtp-ca.pem\"\n[filing]",
        mail.port,
        secret("p0st")
    );
    std::fs::write(&home.config, text.replace("[filing]", &smtp)).unwrap();
    std::fs::set_permissions(&home.config, std::fs::Permissions::from_mode(0o600)).unwrap();

    let said = Said::by(&home);
    assert_eq!(said.code, Some(0), "{:#}", said.sheet);
    assert_eq!((&said.sheet["version"], &said.sheet["failures"]), (&json!(1), &json!(0)));
    said.has("configuration", "ok: 1 account", "");
    said.has("rules", "ok: ", "passed");
    said.has("database", "ok: ", "made at the first start");
    said.has("file modes", "ok: 2 files only yours", "");
    said.has("watch", "ok: not started yet", "");
    said.has("clock", "ok: within 30 s", "channel");
    said.has("channel ntfy: reached", "ok: ntfy: ", "takes the login; not tried: whether the topic");
    said.has("channel push: reached", "ok: pushover: ", "takes token and user");
    said.has("channel line: reached", "ok: line: ", "takes the token; not tried: ");
    said.has("channel bot: reached", "ok: webhook: ", "the bot's token is taken");
    said.has("channel hook: reached", "ok: webhook: ", "answers; not tried: ");
    said.has("channel own: reached", "ok: command: ", "it was not started");
    said.has("account a: certificate", "ok: ", "good for ");
    said.has("account a: sending", "ok: localhost:", "lets in, as post; not tried: ");
    said.has("account a: sending, certificate", "ok: ", "modori test authority");
    said.has("account a: login", "ok: as ", "");
    said.has(
        "account a: special folders",
        "warning: no folder is marked or called as the one for drafts",
        "drafts_folder",
    );
    let named = said.sheet["checks"].as_array().unwrap().iter();
    let login = named.clone().find(|one| one["check"] == "login").unwrap();
    assert_eq!((&login["account"], &login["about"]), (&json!("a"), &json!("account a: login")));
    assert!(named.clone().any(|one| one["check"] == "reached" && one["channel"] == "hook"));
    // every line of the text is one of these
    let text = home.ok(&["doctor"]);
    assert!(text.contains("account a: login") && text.contains("channel hook: reached"), "{text}");

    assert!(mail.mails().is_empty() && !ran.exists(), "something was sent");
    let asked: Vec<String> = http.requests().iter().map(|one| format!("{} {}", one.method, one.path)).collect();
    let allowed = ["GET /v1/account", "POST /1/users/validate.json", "GET /v2/bot/info", "GET /bot1:t0ken/getMe"];
    assert!(asked.iter().all(|one| allowed.contains(&one.as_str())), "{asked:?}");
    assert!(!home.state().exists(), "doctor made something");
}

#[test]
fn what_is_refused_or_missing_fails_with_its_remedy_and_shows_no_secret() {
    let embedded = Embedded::start();
    let http = services(false, 400);
    let login = Some(("post".to_owned(), "another".to_owned()));
    let mail = Smtp::start(smtp::Setup { login, ..smtp::Setup::default() });
    let home = embedded.home("", &channels(&http, "/no/such/program"));
    let text = std::fs::read_to_string(&home.config).unwrap();
    let smtp = format!(
        "[account.smtp]\nhost = \"127.0.0.1\"\nport = {}\nsecurity = \"plain\"\nuser = \"post\"\npassword = {}\n[filing]",
        mail.port,
        secret("p0st")
    );
    std::fs::write(&home.config, text.replace("[filing]", &smtp)).unwrap();
    let said = Said::by(&home);
    assert_eq!(said.code, Some(1), "{:#}", said.sheet);
    said.has("channel ntfy: reached", "failure: ntfy: ", "401");
    said.has("channel push: reached", "failure: pushover: ", "user key is invalid");
    said.has("channel line: reached", "failure: line: ", "Authentication failed");
    said.has("channel bot: reached", "failure: webhook: ", "Unauthorized");
    said.has("channel own: reached", "failure: command: there is no program /no/such/program", "whole path");
    said.has("account a: sending", "failure: 127.0.0.1:", "[account.smtp]");
    said.has("account a: login", "ok: ", "");
    let all = said.sheet.to_string();
    for secret in ["tk_1", "line_1", "p0st", "azGDORePK8", "uQiRzpo4DX", "t0ken"] {
        assert!(!all.contains(secret), "{secret}: {all}");
    }
    // nobody is there at all
    drop(http);
    drop(embedded);
    let said = Said::by(&home);
    assert_eq!(said.code, Some(1));
    said.has("channel hook: reached", "failure: webhook: 127.0.0.1", "modori alert test");
    said.has("clock", "ok: not compared", "");
    said.has("account a: reached", "failure: ", "firewall");
}

#[test]
fn a_clock_that_is_a_little_off_is_warned_of() {
    let embedded = Embedded::start();
    let http = services(true, -90);
    let hook = format!("[alerts]\nchannels = [\"h\"]\n[channel.h]\nkind = \"webhook\"\nurl = \"{}\"\n", http.url("/x"));
    let home = embedded.home("", &hook);
    // HEAD is answered by the receiver itself, without our Date: ask for one that is
    let text = std::fs::read_to_string(&home.config).unwrap();
    let asked = text.replace(&http.url("/x"), &http.url("/bot1:t0ken/sendMessage"));
    std::fs::write(&home.config, asked).unwrap();
    let said = Said::by(&home);
    said.has("clock", "warning: ", "s ahead of that of channel h");
    let far = services(true, 400);
    let asked = text.replace(&http.url("/x"), &far.url("/bot1:t0ken/sendMessage"));
    std::fs::write(&home.config, asked).unwrap();
    let said = Said::by(&home);
    assert_eq!(said.code, Some(1));
    said.has("clock", "failure: 6 min behind that of channel h", "timedatectl");
    // a mail from the future: somebody's clock is wrong
    let future = jiff::Timestamp::now() + jiff::SignedDuration::from_hours(3);
    embedded.server.deliver("INBOX", b"Subject: x\r\n\r\nx\r\n", future);
    let said = Said::by(&home);
    said.has("account a: clock", "warning: the newest mail was taken in 2 h from now", "timedatectl");
}

#[test]
fn a_broken_configuration_and_broken_rules_leave_the_rest_looked_at() {
    let embedded = Embedded::start();
    let home = embedded.home("rules = \"rules\"", "");
    home.ok(&["doctor"]);
    drop(rusqlite_database(&home));
    let good = std::fs::read_to_string(&home.config).unwrap();
    std::fs::write(&home.config, format!("{good}\n[alerts]\nchanels = []\n")).unwrap();
    let said = Said::by(&home);
    assert_eq!(said.code, Some(2));
    said.has("configuration", "failure: ", "did you mean `channels`?");
    said.has("database", "ok: sound (schema ", "");
    said.has("state", "ok: ", "only yours");
    // not even TOML: the state folder is told on the command line
    std::fs::write(&home.config, "state = \"state\n").unwrap();
    let state = home.state().display().to_string();
    let output = home.run(&["doctor", "--format", "json", "--state", &state]);
    assert_eq!(output.status.code(), Some(2));
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.contains("\"failure\"") && text.contains("sound (schema "), "{text}");
    // no file at all
    std::fs::remove_file(&home.config).unwrap();
    let output = home.run(&["doctor", "--state", &state]);
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8(output.stdout).unwrap().contains("cannot read the configuration"));

    std::fs::write(&home.config, good).unwrap();
    let rules = home.path().join("rules");
    std::fs::create_dir(&rules).unwrap();
    std::fs::write(rules.join("mine.toml"), "category = \"restock\"\n[[rul]]\n").unwrap();
    let said = Said::by(&home);
    assert_eq!(said.code, Some(2), "{:#}", said.sheet);
    said.has("rules", "failure: ", "mine.toml:2:");
    said.has("rules", "failure: ", "modori rules check");
    said.has("account a: login", "ok: ", "");
    said.has("account a: folders", "ok: ", "");
}

/// The home's database, made by the program.
fn rusqlite_database(home: &Home) -> rusqlite::Connection {
    home.ok(&["cases"]);
    rusqlite::Connection::open(home.state().join("modori.sqlite")).unwrap()
}

#[test]
fn database_modes_and_outbox_are_looked_at() {
    let embedded = Embedded::start();
    let home = embedded.home("", "");
    let db = rusqlite_database(&home);
    let mode = |name: &str| std::fs::metadata(home.state().join(name)).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode(""), mode("modori.sqlite")), (0o700, 0o600), "made for its owner only");
    let now = jiff::Timestamp::now().as_millisecond();
    let hour = 3_600_000;
    let insert = |key: &str, kind: &str, state: &str, closed: Option<i64>| {
        let sql = "INSERT INTO outbox (wish_key, kind, lane, payload, state, due, wished_at, closed_at, last_error) \
                   VALUES (?1, ?2, 'phone', '{\"effect\":\"file\",\"folder\":\"x\"}', ?3, ?4, ?4, ?5, 'no answer\u{1b}[2J')";
        db.execute(sql, (key, kind, state, now - hour, closed)).unwrap();
    };
    insert("one", "alert", "ready", None);
    insert("two", "alert", "failed", Some(now - hour));
    std::fs::set_permissions(&home.config, std::fs::Permissions::from_mode(0o666)).unwrap();
    std::fs::set_permissions(home.path().join("password"), std::fs::Permissions::from_mode(0o640)).unwrap();
    std::fs::set_permissions(home.state().join("modori.sqlite"), std::fs::Permissions::from_mode(0o644)).unwrap();
    let said = Said::by(&home);
    assert_eq!(said.code, Some(1));
    said.has("watch", "warning: none runs", "modori watch");
    said.has("outbox alert phone", "warning: 1 waits since ", "no answer");
    said.has("outbox alert phone", "warning: 1 given up", "modori history");
    said.has("file modes", "failure: others can write to ", "chmod 600");
    said.has("file modes", "failure: others can read the secret ", "password");
    said.has("file modes", "warning: only its folder keeps others out of ", "modori.sqlite");
    assert!(!said.sheet.to_string().contains("\\u001b"), "a terminal is not steered");
    std::fs::set_permissions(home.state(), std::fs::Permissions::from_mode(0o755)).unwrap();
    let said = Said::by(&home);
    said.has("state", "warning: others can look into ", "chmod 700");
    said.has("file modes", "warning: others can open ", "modori.sqlite");

    db.pragma_update(None, "user_version", 9999).unwrap();
    let said = Said::by(&home);
    said.has("database", "failure: ", "written by a newer modori (schema 9999");
    db.pragma_update(None, "user_version", 1).unwrap();
    let said = Said::by(&home);
    said.has("database", "warning: ", "has schema 1, this modori uses ");
    drop(db);
    std::fs::write(home.state().join("modori.sqlite"), b"SQLite is something else\n".repeat(400)).unwrap();
    let said = Said::by(&home);
    assert_eq!(said.code, Some(1));
    said.has("database", "failure: ", "put a backup in its place");
}

#[test]
fn doctor_works_beside_a_running_watch() {
    let embedded = Embedded::start();
    let home = embedded.home("", "");
    let watch = home.start(&["watch"]);
    until("the mailbox is seen", || home.run(&["status"]).status.code() == Some(0));
    let said = Said::by(&home);
    assert_eq!(said.code, Some(0), "{:#}", said.sheet);
    said.has("watch", "ok: runs since ", &format!("process {}", watch.id()));
    said.has("account a: proof of life", "ok: seen, last proved ", "");
    said.has("database", "ok: sound", "");
    said.has("outbox", "ok: ", "");
    // the watch read its configuration before this
    let later = std::time::SystemTime::now() + std::time::Duration::from_secs(1);
    std::fs::File::options().append(true).open(&home.config).unwrap().set_modified(later).unwrap();
    let said = Said::by(&home);
    assert_eq!(said.code, Some(0), "{:#}", said.sheet);
    said.has("watch", "warning: the configuration was changed at ", "start the watch again");
    assert_eq!(watch.terminate(), Some(0));
    let said = Said::by(&home);
    assert!(!said.sheet.to_string().contains("the configuration was changed"), "{:#}", said.sheet);
    said.has("watch", "warning: none runs; the last began ", "");
    said.has("account a: proof of life", "ok: last proved ", "by a watch that has ended");
}
