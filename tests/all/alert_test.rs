//! `modori alert test`: through every channel, and what each answered.

use super::channels::secret;
use super::support::http::{Answer, Http, Reply};
use super::support::run::Home;
use super::support::services::{self, LINE_TOKEN, PUSHOVER_TOKEN, PUSHOVER_USER, Pushover};
use serde_json::Value;
use std::os::unix::fs::PermissionsExt;
use std::sync::{Condvar, Mutex};
use std::time::Duration;

const ACCOUNT: &str = "host = \"imap.example.jp\"\nuser = \"me@example.jp\"";

fn json(output: &[u8]) -> Value {
    serde_json::from_slice(output).unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(output)))
}

#[test]
fn every_channel_says_what_it_answered_and_no_secret_is_shown() {
    let (pushover, line, hook) = (Pushover::start(), services::line(), Http::start());
    let id = format!("U{}", "0".repeat(32));
    hook.answer(1, Answer::Echo);
    let home = Home::new(
        ACCOUNT,
        &format!(
            "[alerts]\nchannels = [\"phone\", \"hook\"]\n\
             [channel.phone]\nkind = \"pushover\"\nserver = \"{}\"\ntoken = {}\nuser_from = {}\n\
             [channel.talk]\nkind = \"line\"\nserver = \"{}\"\ntoken = {}\nto = [\"{id}\"]\n\
             [channel.hook]\nkind = \"webhook\"\nurl_from = {}\ntoken = {}\n",
            pushover.http.url(""),
            secret(PUSHOVER_TOKEN),
            secret(PUSHOVER_USER),
            line.url(""),
            secret(LINE_TOKEN),
            secret(&hook.url("/secret0hook0path")),
            secret("bearer0secret"),
        ),
    );
    // with everything in the log that can be
    let output = home.run_with(&["alert", "test", "--format", "json"], &[("MODORI_LOG", "trace".as_ref())]);
    assert_eq!(output.status.code(), Some(1), "one of them refused");
    let said = json(&output.stdout);
    let of = |name: &str| {
        let found = said["channels"].as_array().unwrap().iter().find(|channel| channel["channel"] == name);
        found.unwrap_or_else(|| panic!("{name}: {said}")).clone()
    };
    let (phone, talk, refused) = (of("phone"), of("talk"), of("hook"));
    assert!(
        phone["ok"] == true && phone["kind"] == "pushover" && phone["used"] == true && phone["ms"].is_u64(),
        "{phone}"
    );
    assert!(talk["ok"] == true && talk["used"] == false, "{talk}");
    assert!(refused["ok"] == false && refused["error"].as_str().unwrap().contains("answered 400"), "{refused}");
    assert!(refused["remedy"].as_str().is_some_and(|text| !text.is_empty()), "{refused}");

    // the words are the shopper's language, and say that it is a test
    let form = services::pairs(std::str::from_utf8(&pushover.http.requests()[0].body).unwrap());
    assert_eq!((form["title"].as_str(), form["priority"].as_str()), ("modori のテスト通知", "0"));
    assert!(form["message"].contains("テスト") && form["message"].contains("phone"), "{form:?}");
    assert_eq!(hook.requests()[0].json()["category"], "test");

    let text = home.run(&["alert", "test", "phone", "--urgent"]);
    let shown = String::from_utf8(text.stdout.clone()).unwrap();
    assert!(text.status.success() && shown.contains("channel phone (pushover): took it within"), "{shown}");
    let form = services::pairs(std::str::from_utf8(&pushover.http.requests()[1].body).unwrap());
    assert_eq!(form["priority"], "1");
    assert_eq!(line.requests().len(), 1, "only the channel that was named");

    for output in [&output, &text] {
        let all = [output.stdout.as_slice(), output.stderr.as_slice()].concat();
        let all = String::from_utf8_lossy(&all);
        for secret in [PUSHOVER_TOKEN, PUSHOVER_USER, LINE_TOKEN, "secret0hook0path", "bearer0secret"] {
            assert!(!all.contains(secret), "{secret} in\n{all}");
        }
    }
    // nothing is written down: the outbox knows nothing of it
    assert!(!home.state().join("modori.sqlite").exists());
}

#[test]
fn an_idle_channel_is_warned_of_and_an_unknown_one_refused() {
    let hook = Http::start();
    let url = hook.url("/x");
    let home = Home::new(ACCOUNT, &format!("[channel.hook]\nkind = \"webhook\"\nurl = \"{url}\"\n"));
    let shown = home.ok(&["alert", "test"]);
    assert!(shown.contains("channel hook: it is configured, and no alert goes through it"), "{shown}");
    let output = home.run(&["alert", "test", "hok"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&output.stderr).contains("did you mean `hook`?"));
    let none = Home::new(ACCOUNT, "").run(&["alert", "test"]);
    assert_eq!(none.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&none.stderr).contains("no channel is configured"));
}

#[test]
fn all_channels_are_tried_at_once() {
    // each request is answered only when the other has come, too
    static CAME: (Mutex<usize>, Condvar) = (Mutex::new(0), Condvar::new());
    let server = || {
        Http::serving(|_| {
            let mut came = CAME.0.lock().unwrap();
            *came += 1;
            CAME.1.notify_all();
            let (came, _) = CAME.1.wait_timeout_while(came, Duration::from_secs(30), |came| *came < 2).unwrap();
            Reply::text(if *came < 2 { 500 } else { 200 }, "")
        })
    };
    let (one, two) = (server(), server());
    let hook = |name: &str, at: &Http| {
        format!("[channel.{name}]\nkind = \"webhook\"\nurl = \"{}\"\ntimeout = \"40s\"\n", at.url("/x"))
    };
    let home = Home::new(ACCOUNT, &(hook("one", &one) + &hook("two", &two)));
    let said = json(home.ok(&["alert", "test", "--format", "json"]).as_bytes());
    assert!(said["channels"].as_array().unwrap().iter().all(|channel| channel["ok"] == true), "{said}");
}

#[test]
#[cfg(target_os = "linux")]
fn a_notice_on_the_screen_is_shown_by_the_systems_program() {
    let home = Home::new(ACCOUNT, "[channel.desk]\nkind = \"desktop\"\n");
    let programs = home.path().join("programs");
    std::fs::create_dir(&programs).unwrap();
    let written = home.path().join("written");
    let stand_in = programs.join("notify-send");
    let script =
        format!("#!/bin/sh\nfor argument in \"$@\"; do printf '%s\\0' \"$argument\"; done > '{}'\n", written.display());
    std::fs::write(&stand_in, script).unwrap();
    std::fs::set_permissions(&stand_in, std::fs::Permissions::from_mode(0o755)).unwrap();
    let path = [("PATH", programs.as_os_str())];
    let output = home.run_with(&["alert", "test", "--urgent"], &path);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
    let arguments = String::from_utf8(std::fs::read(&written).unwrap()).unwrap();
    let arguments: Vec<&str> = arguments.trim_end_matches('\0').split('\0').collect();
    assert_eq!(arguments[..4], ["--app-name=modori", "--category=email.arrived", "--urgency=critical", "--"]);
    assert_eq!(arguments[4], "modori のテスト通知");
    assert!(arguments.len() == 6 && arguments[5].contains("テスト"), "{arguments:?}");

    // without the program it is told what is missing
    std::fs::remove_file(&stand_in).unwrap();
    let output = home.run_with(&["alert", "test"], &path);
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&output.stdout).contains("cannot start notify-send"), "{output:?}");
}
