//! Alert channels in trouble: refused, told to wait, cut off, led elsewhere, talked at without end; and never a secret in
//! what they say of it.

use super::channels::{alert, at, channel, secret, waits};
use super::support::embedded::Embedded;
use super::support::http::{Answer, Http, Reply};
use super::support::run::{restock, until};
use super::support::services::{self, Ntfy, PUSHOVER_TOKEN, PUSHOVER_USER, Pushover};
use super::support::smtp::{Setup, Smtp};
use jiff::Timestamp;
use modori::edge::Advice;
use modori::edge::out::{Channel, OutError};
use modori::plan::Alert;
use serde_json::json;
use std::time::Duration;

/// What must never be shown.
const SECRETS: [&str; 4] = ["tk_secret0token", "secret0user0key", "secret0signing0key", "hooks/secret0path"];

/// Every channel that speaks HTTP, as configured, with secrets in each place that takes one.
fn configured(server: &Http) -> Vec<(&'static str, String)> {
    let (token, user, key) = (secret(SECRETS[0]), secret(SECRETS[1]), secret(SECRETS[2]));
    let (at, hook) = (server.url(""), secret(&server.url(&format!("/{}", SECRETS[3]))));
    let id = format!("U{}", "0".repeat(32));
    [
        ("ntfy", format!("kind = \"ntfy\"\nserver = \"{at}\"\ntopic_from = {user}\ntoken = {token}\nack_topic = \"ack\"")),
        ("basic", format!("kind = \"ntfy\"\nserver = \"{at}\"\ntopic = \"t\"\nuser = \"me\"\npassword = {token}")),
        ("pushover", format!("kind = \"pushover\"\nserver = \"{at}\"\ntoken = {token}\nuser_from = {user}")),
        ("line", format!("kind = \"line\"\nserver = \"{at}\"\ntoken = {token}\nto = [\"{id}\"]")),
        (
            "webhook",
            format!(
                "kind = \"webhook\"\nurl_from = {hook}\ntoken = {token}\nsecret = {key}\nheaders_from = {{ X-Key = {user} }}"
            ),
        ),
        ("discord", format!("kind = \"webhook\"\nurl_from = {hook}\ntemplate = \"discord\"")),
    ]
    .map(|(name, text)| (name, format!("{text}\ntimeout = \"5s\"")))
    .into()
}

/// The same, ready for use.
fn all(server: &Http) -> Vec<(&'static str, Channel)> {
    configured(server).into_iter().map(|(name, text)| (name, channel("ja", &text))).collect()
}

async fn refused(channel: &Channel) -> OutError {
    channel.deliver(&alert(), "key").await.unwrap_err()
}

fn shows_nothing(name: &str, text: &str) {
    for secret in SECRETS {
        // in an answer dots and slashes are shown otherwise
        for form in [secret, secret.rsplit('/').next().unwrap()] {
            assert!(!text.contains(form), "{name} shows {form}: {text}");
        }
    }
}

#[tokio::test]
async fn a_service_that_asks_to_wait_is_waited_for() {
    let date = |seconds: i64| at(seconds).strftime("%a, %d %b %Y %H:%M:%S GMT").to_string();
    let later = |value: &str| Reply::json(429, &json!({"errors": ["slow down"]})).with("Retry-After", value);
    let telegram = json!({"ok": false, "error_code": 429, "parameters": {"retry_after": 35}});
    for (reply, least, most) in [
        (later("7"), 7, 7),
        (later(&date(90)), 60, 90),
        // counted by the service's own clock, which is an hour ahead
        (later(&date(3600 + 40)).with("Date", date(3600)), 40, 40),
        (later(&date(-90)), 0, 0),
        (later("1000000"), 3600, 3600),
        (Reply::json(429, &telegram), 35, 35),
        (Reply::json(429, &json!({"message": "rate limited", "retry_after": 1.3, "global": false})), 2, 2),
        (Reply::json(503, &json!({})).with("Retry-After", "20"), 20, 20),
    ] {
        let server = Http::start();
        for (name, channel) in all(&server) {
            server.answer(1, Answer::Reply(reply.clone()));
            let Advice::Again(Some(wait)) = refused(&channel).await.advice else { panic!("{name}: {reply:?}") };
            assert!((least..=most).contains(&wait.as_secs()), "{name}: {wait:?} for {reply:?}");
        }
    }
}

#[tokio::test]
async fn each_refusal_has_its_advice() {
    let server = Http::start();
    for (name, channel) in all(&server) {
        for (status, expect) in [
            (500, Advice::Again(None)),
            (429, Advice::Again(None)),
            (401, Advice::Ask),
            (403, Advice::Ask),
            (404, Advice::Ask),
            (413, Advice::Never),
            (301, Advice::Ask),
        ] {
            server.answer(1, Answer::Status(status));
            let error = refused(&channel).await;
            let pushover_waits = name == "pushover" && status == 500;
            let expect = if pushover_waits { Advice::Again(Some(Duration::from_secs(5))) } else { expect };
            assert_eq!(error.advice, expect, "{name} {status}: {error}");
            assert!(error.what.contains(&format!("127.0.0.1:{} answered {status}", server.port)), "{error}");
        }
    }
}

#[tokio::test]
async fn a_request_whose_answer_is_lost_may_have_been_taken() {
    let server = Http::start();
    for (name, channel) in all(&server) {
        server.answer(1, Answer::Cut);
        let error = refused(&channel).await;
        assert_eq!(error.advice, Advice::Unknown, "{name}: {error}");
        shows_nothing(name, &error.what);
    }
    // nobody is there
    let gone = Http::start();
    let channels = all(&gone);
    drop(gone);
    for (name, channel) in channels {
        let error = refused(&channel).await;
        // the listener may take one more connection while it goes away
        assert!(matches!(error.advice, Advice::Again(None) | Advice::Unknown), "{name}: {error}");
        shows_nothing(name, &error.what);
    }
}

#[tokio::test]
async fn nobody_is_led_elsewhere() {
    let (server, elsewhere) = (Http::start(), Http::start());
    for (name, channel) in all(&server) {
        server.answer(1, Answer::Redirect(elsewhere.url("/stolen")));
        assert_eq!(refused(&channel).await.advice, Advice::Ask, "{name}");
    }
    assert!(elsewhere.requests().is_empty());
}

#[tokio::test]
async fn an_answer_without_an_end_is_not_read_to_its_end() {
    let server = Http::start();
    for (name, channel) in all(&server) {
        server.answer(1, Answer::Endless(400));
        let error = refused(&channel).await;
        assert!(error.what.len() < 2000, "{name}: {error}");
        server.answer(1, Answer::Endless(200));
        channel.deliver(&alert(), "key").await.unwrap_or_else(|error| panic!("{name}: {error}"));
        if channel.hears().is_some() {
            server.answer(1, Answer::Endless(200));
            let heard = channel.answers(&[waits("tokenOfThisAlert", Some("receipt"))]).await;
            assert_eq!(heard.unwrap_or_else(|error| panic!("{name}: {error}")), [""; 0], "{name}");
        }
    }
}

#[tokio::test]
async fn a_service_that_repeats_what_it_was_sent_brings_no_secret_to_light() {
    let server = Http::start();
    for (name, channel) in all(&server) {
        server.answer(1, Answer::Echo);
        let error = refused(&channel).await;
        assert!(error.what.contains("answered 400"), "{name}: {error}");
        shows_nothing(name, &error.what);
        for status in [400, 401, 500] {
            let everything = json!({"errors": SECRETS, "message": SECRETS, "token": "invalid"});
            server.answer(1, Answer::Reply(Reply::json(status, &everything)));
            let error = refused(&channel).await;
            // a channel knows its own secrets; those of the others are no secrets to it
            let own: &[&str] = match name {
                "ntfy" | "pushover" => &SECRETS[..2],
                "basic" | "line" => &SECRETS[..1],
                "webhook" => &SECRETS[..],
                _ => &SECRETS[3..],
            };
            assert!(own.iter().all(|secret| !error.what.contains(*secret)), "{name}: {error}");
        }
    }
}

#[test]
fn the_log_of_a_run_shows_no_secret_of_a_channel() {
    let (embedded, server) = (Embedded::start(), Http::start());
    // each channel is refused once, with all that it sent; then it is taken
    let channels = configured(&server);
    server.answer(channels.len(), Answer::Echo);
    let tables: String = channels.iter().map(|(name, text)| format!("[channel.{name}]\n{text}\n")).collect();
    let names: Vec<&str> = channels.iter().map(|(name, _)| *name).collect();
    let home = embedded.home("", &format!("backlog = \"sort\"\n[alerts]\nchannels = {names:?}\n{tables}"));
    embedded.deliver("INBOX", &restock("mug"));
    let watch = home.start_with(&["watch"], &[("MODORI_LOG", "trace".as_ref())]);
    until("every channel was refused", || home.log().matches("answered 400").count() >= channels.len());
    let status = home.run(&["status"]);
    assert_eq!(watch.terminate(), Some(0));
    shows_nothing("the log", &home.log());
    shows_nothing("status", &String::from_utf8_lossy(&status.stdout));
}

#[tokio::test]
async fn two_attempts_with_one_key_are_the_same_request() {
    let server = Http::start();
    // without a mail's age nothing depends on the time; a signature does
    let alert = Alert { received: None, ..alert() };
    for (name, channel) in all(&server) {
        let before = server.requests().len();
        server.answer(1, Answer::Status(503));
        channel.deliver(&alert, "one").await.unwrap_err();
        channel.deliver(&alert, "one").await.unwrap();
        channel.deliver(&alert, "two").await.unwrap();
        let parts: Vec<_> = server.requests()[before..]
            .iter()
            .map(|request| {
                let mut headers = request.headers.clone();
                headers.retain(|name, _| !name.starts_with("x-modori-"));
                (request.method.clone(), request.path.clone(), headers, request.body.clone())
            })
            .collect();
        assert_eq!(parts[0], parts[1], "{name}");
        // Pushover knows no keys: two alerts with the same words are told apart by nothing
        assert_eq!(parts[1] == parts[2], name == "pushover", "{name}");
    }
}

#[tokio::test]
async fn a_wrong_login_is_told_in_the_words_of_the_service() {
    let pushover = Pushover::start();
    let line = services::line();
    let (telegram, gotify, slack, discord) =
        (services::telegram(), services::gotify(), services::slack(), services::discord());
    let ntfy = Ntfy::start(Some("Bearer right"), None);
    let wrong = secret("wrong0wrong");
    let line_id = format!("U{}", "0".repeat(32));
    let hook = |server: &Http, path: &str, more: &str| {
        format!("kind = \"webhook\"\nurl_from = {}\n{more}", secret(&server.url(path)))
    };
    for (text, says) in [
        (
            format!(
                "kind = \"pushover\"\nserver = \"{}\"\ntoken = {wrong}\nuser = \"{PUSHOVER_USER}\"",
                pushover.http.url("")
            ),
            "400 Bad Request and said “application token is invalid”",
        ),
        (
            format!(
                "kind = \"pushover\"\nserver = \"{}\"\ntoken = {}\nuser = \"wrong\"",
                pushover.http.url(""),
                secret(PUSHOVER_TOKEN)
            ),
            "user identifier is not a valid user",
        ),
        (
            format!("kind = \"line\"\nserver = \"{}\"\ntoken = {wrong}\nto = [\"{line_id}\"]", line.url("")),
            "Authentication failed",
        ),
        (format!("kind = \"ntfy\"\nserver = \"{}\"\ntopic = \"t\"\ntoken = {wrong}", ntfy.http.url("")), "forbidden"),
        (
            hook(&telegram, "/botwrong/sendMessage", "template = \"telegram\"\nvalues = { chat_id = 1 }"),
            "401 Unauthorized and said",
        ),
        (
            hook(&gotify, "/message", &format!("template = \"gotify\"\nheaders_from = {{ X-Gotify-Key = {wrong} }}")),
            "valid access token",
        ),
        (hook(&slack, "/services/wrong", "template = \"slack\""), "no_service"),
        (hook(&discord, "/api/webhooks/wrong", "template = \"discord\""), "Unknown Webhook"),
    ] {
        let error = refused(&channel("ja", &text)).await;
        assert_eq!(error.advice, Advice::Ask, "{text}: {error}");
        assert!(error.what.contains(says), "{error}\nshould say {says}");
        assert!(!error.what.contains("wrong0wrong"), "{error}");
    }
}

#[tokio::test]
async fn a_secret_that_is_not_there_sends_nothing() {
    let server = Http::start();
    let text = format!("kind = \"webhook\"\nurl = \"{}\"\nsecret = {{ file = \"/no/such/file\" }}", server.url("/x"));
    let error = refused(&channel("ja", &text)).await;
    assert!(error.what.contains("/no/such/file"), "{error}");
    let text = format!(
        "kind = \"webhook\"\nurl = \"{}\"\nheaders_from = {{ X-Key = {{ command = [\"printf\", \"a\\u0001b\"] }} }}",
        server.url("/x")
    );
    let error = refused(&channel("ja", &text)).await;
    assert!(error.advice == Advice::Ask && error.what.contains("X-Key") && !error.what.contains('\u{1}'), "{error}");
    assert!(server.requests().is_empty(), "an unsigned request is worse than none");
}

#[tokio::test]
async fn receipts_of_which_nothing_is_heard_are_an_error() {
    let server = Http::start();
    let asked = [waits("a", Some("receiptA")), waits("b", Some("receiptB"))];
    for (name, channel) in all(&server).into_iter().filter(|(name, _)| matches!(*name, "ntfy" | "pushover")) {
        server.answer(1, Answer::Status(500));
        let error = channel.answers(&asked).await.unwrap_err();
        assert!(matches!(error.advice, Advice::Again(_)), "{name}: {error}");
        shows_nothing(name, &error.what);
        server.answer(2, Answer::Reply(Reply::text(200, "no JSON at all")));
        assert_eq!(channel.answers(&asked).await.unwrap(), [""; 0], "{name}");
        // what was heard before the trouble counts
        if name == "pushover" {
            server.answer(1, Answer::Reply(Reply::json(200, &json!({"status": 1, "acknowledged": 1}))));
            server.answer(1, Answer::Status(500));
            assert_eq!(channel.answers(&asked).await.unwrap(), ["a"]);
        }
    }
}

#[tokio::test]
async fn a_mail_server_that_refuses_the_login_is_told_of_without_the_password() {
    let login = Some(("shopper".to_owned(), "right".to_owned()));
    let server = Smtp::start(Setup { tls: true, login, ..Setup::default() });
    let folder = tempfile::tempdir().unwrap();
    let ca = folder.path().join("ca.pem");
    std::fs::write(&ca, &server.ca).unwrap();
    let text = |password: &str| {
        format!(
            "kind = \"smtp\"\nhost = \"localhost\"\nport = {}\nuser = \"shopper\"\npassword = {}\nca_file = \"{}\"\n\
             from = \"a@example.jp\"\nto = [\"me@example.jp\"]",
            server.port,
            secret(password),
            ca.display()
        )
    };
    let error = refused(&channel("ja", &text("wrong0wrong"))).await;
    assert!(error.advice == Advice::Ask && error.what.contains("535"), "{error}");
    assert!(!error.what.contains("wrong0wrong"), "{error}");
    let right = channel("ja", &text("right"));
    for (answer, expect) in [("451 4.7.1 later", Advice::Again(None)), ("554 5.7.1 no", Advice::Never)] {
        server.refuse(1, answer);
        assert_eq!(refused(&right).await.advice, expect, "{answer}");
    }
    server.cut(true);
    refused(&right).await;
    right.deliver(&alert(), "key").await.unwrap();
    let ids: Vec<String> = server.mails().iter().map(|mail| id_of(&mail.data)).collect();
    assert_eq!(ids.len(), 2, "one whose answer was lost, and its repeat");
    assert!(ids[0] == ids[1] && Some(&ids[0]) == right.message_id("key").as_ref(), "{ids:?}");
}

fn id_of(mail: &[u8]) -> String {
    mail_parser::MessageParser::default().parse(mail).unwrap().message_id().unwrap().to_owned()
}

#[test]
fn the_clock_of_these_tests_is_a_day_in_2026() {
    assert_eq!(at(0), "2026-12-01T11:00:00Z".parse::<Timestamp>().unwrap());
}
