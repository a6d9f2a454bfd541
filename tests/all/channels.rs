//! Every alert channel against a stand-in for its service, which looks at each request as the service documents it.

use super::support::http::{Http, Request};
use super::support::services::{
    self, GOTIFY_KEY, HOOK, LINE_TOKEN, Ntfy, PUSHOVER_TOKEN, PUSHOVER_USER, Pushover, TELEGRAM_TOKEN,
};
use super::support::smtp::{Setup, Smtp};
use jiff::Timestamp;
use modori::edge::Advice;
use modori::edge::clock::Clock;
use modori::edge::config::Config;
use modori::edge::out::{Accepted, Channel, Unanswered, channels};
use modori::plan::{Alert, Awaits, Link};
use modori::rules::Priority;
use serde_json::json;
use std::path::Path;

/// The time of these tests.
pub(super) const NOW: i64 = 1_796_122_800;

pub(super) fn at(seconds: i64) -> Timestamp {
    Timestamp::from_second(NOW + seconds).unwrap()
}

/// A secret as the configuration names it.
pub(super) fn secret(text: &str) -> String {
    format!("{{ command = [\"printf\", \"%s\", \"{text}\"] }}")
}

/// A channel as configured.
pub(super) fn channel(language: &str, text: &str) -> Channel {
    let text = format!("language = \"{language}\"\nstate = \"/x\"\n[channel.x]\n{text}\n");
    let config = Config::parse(Path::new("/nowhere/config.toml"), &text).unwrap_or_else(|broken| panic!("{broken}"));
    channels(&config.channels, &Clock::simulated(at(0))).unwrap().remove("x").unwrap()
}

/// A restock with all that an alert may say.
pub(super) fn alert() -> Alert {
    let link =
        |n: u32| Link { label: format!("店{n}で探す"), url: format!("https://shop{n}.example/?q=%E3%83%9E&n={n}") };
    Alert {
        priority: Priority::Urgent,
        category: "restock".into(),
        title: "モドリのマグ 1,980円".into(),
        body: "モドリ雑貨店\n残りわずか <b>@everyone</b> & \"引用\"".into(),
        url: Some("https://item.rakuten.co.jp/modori/mug/".into()),
        received: Some(at(-12)),
        links: (1..=4).map(link).collect(),
        awaits: Some(Awaits { token: "tokenOfThisAlert".into(), every_s: 10, for_s: 20_000, page: None }),
        ..Alert::default()
    }
}

/// Alerts that are hard to carry: empty, long, full of what disturbs.
pub(super) fn hard() -> Vec<Alert> {
    let noise = "\u{0}\u{7}\u{1b}[2J\r\n\u{202e}\"}]\\ <!channel> &amp; {{ title }} 𠮟👨‍👩‍👧";
    let long = format!("{noise}長い文。\n").repeat(2000);
    let link = Link { label: long.clone(), url: format!("https://a.example/?{}", "x=%E3%81%82&".repeat(30)) };
    let endless = format!("https://item.rakuten.co.jp/{}", "x".repeat(5000));
    vec![
        Alert { priority: Priority::Normal, awaits: None, ..Alert::default() },
        Alert { title: long.clone(), body: long.clone(), links: vec![link; 12], ..alert() },
        Alert { title: noise.into(), body: noise.into(), url: Some(endless), ..alert() },
    ]
}

pub(super) fn waits(token: &str, receipt: Option<&str>) -> Unanswered {
    Unanswered { token: token.into(), receipt: receipt.map(str::to_owned), accepted: at(0) }
}

fn last(http: &Http) -> Request {
    http.requests().pop().unwrap()
}

/// Delivers what must be taken.
async fn taken(channel: &Channel, alert: &Alert) -> Accepted {
    channel.deliver(alert, "restock:1:x").await.unwrap_or_else(|error| panic!("{error}"))
}

#[tokio::test]
async fn ntfy_gets_a_notification_with_its_buttons() {
    let server = Ntfy::start(Some("Bearer tk_main"), Some("Bearer tk_phone"));
    let channel = channel(
        "ja",
        &format!(
            "kind = \"ntfy\"\nserver = \"{}\"\ntopic = \"alerts\"\ntoken = {}\nicon = \"https://a.example/i.png\"\n\
             tags = [\"shopping\"]\nack_topic = \"ack\"\nack_token = {}",
            server.http.url(""),
            secret("tk_main"),
            secret("tk_phone")
        ),
    );
    assert_eq!(taken(&channel, &alert()).await, Accepted::default());
    let body = last(&server.http).json();
    let view = |n: u32| json!({"action": "view", "label": format!("店{n}で探す"), "url": format!("https://shop{n}.example/?q=%E3%83%9E&n={n}")});
    let expect = json!({
        "topic": "alerts",
        "title": "モドリのマグ 1,980円",
        "message": body["message"],
        "priority": 5,
        "click": "https://item.rakuten.co.jp/modori/mug/",
        "icon": "https://a.example/i.png",
        "tags": ["shopping"],
        "sequence_id": body["sequence_id"],
        "actions": [
            {
                "action": "http", "label": "見ました", "url": server.http.url("/ack"), "method": "POST",
                "headers": {"Authorization": "Bearer tk_phone"}, "body": "tokenOfThisAlert", "clear": true,
            },
            view(1),
            view(2),
        ],
    });
    assert_eq!(body, expect);
    let message = body["message"].as_str().unwrap();
    assert!(
        message.starts_with("モドリ雑貨店\n残りわずか <b>@everyone</b> & \"引用\"\n店1で探す: https://"),
        "{message}"
    );
    assert!(message.ends_with("⏱ 12 s"), "{message}");
    assert!(!body.to_string().contains("tk_main"), "the channel's own token stays here");
    assert_eq!(press(&body["actions"][0], "tokenOfThisAlert"), "HTTP/1.1 200");
    assert_eq!(channel.answers(&[waits("tokenOfThisAlert", None)]).await.unwrap(), ["tokenOfThisAlert"]);
    for alert in hard() {
        taken(&channel, &alert).await;
    }
}

#[tokio::test]
async fn ntfy_hears_the_button_of_an_alert() {
    let server = Ntfy::start(Some("Basic bWU6cMOkc3M="), None);
    let channel = channel(
        "en",
        &format!(
            "kind = \"ntfy\"\nserver = \"{}\"\ntopic = \"alerts\"\nuser = \"me\"\npassword = {}\nack_topic_from = {}",
            server.http.url("/"),
            secret("päss"),
            secret("ack")
        ),
    );
    taken(&channel, &alert()).await;
    let button = last(&server.http).json()["actions"][0].clone();
    assert_eq!((button["label"].as_str(), button.get("headers")), (Some("Seen"), None));
    let asked = [waits("other", None), waits("tokenOfThisAlert", None)];
    assert_eq!(channel.answers(&asked).await.unwrap(), [""; 0]);
    assert!(channel.hears().is_some());

    // what the phone does when it is pressed
    for text in ["hello", "tokenOfThisAler", button["body"].as_str().unwrap()] {
        assert_eq!(press(&button, text), "HTTP/1.1 200");
    }
    assert_eq!(channel.answers(&asked).await.unwrap(), ["tokenOfThisAlert"]);
    let asked_for = last(&server.http);
    assert_eq!((asked_for.method.as_str(), asked_for.path), ("GET", format!("/ack/json?poll=1&since={}", NOW - 60)));
    // nothing is asked when nobody waits
    let before = server.http.requests().len();
    assert_eq!(channel.answers(&[]).await.unwrap(), [""; 0]);
    assert_eq!(server.http.requests().len(), before);
}

/// Does what a phone does when a button is pressed; the beginning of the answer.
fn press(button: &serde_json::Value, body: &str) -> String {
    use std::io::{Read, Write};
    let (method, url) = (button["method"].as_str().unwrap(), button["url"].as_str().unwrap());
    let (host, path) = url.strip_prefix("http://").unwrap().split_once('/').unwrap();
    let mut stream = std::net::TcpStream::connect(host).unwrap();
    let headers = button["headers"].as_object().cloned().unwrap_or_default();
    let headers: String =
        headers.iter().map(|(name, value)| format!("{name}: {}\r\n", value.as_str().unwrap())).collect();
    let length = body.len();
    write!(stream, "{method} /{path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n{headers}Content-Length: {length}\r\n\r\n{body}")
        .unwrap();
    let mut answer = [0; 12];
    stream.read_exact(&mut answer).unwrap();
    String::from_utf8(answer.to_vec()).unwrap()
}

#[tokio::test]
async fn ntfy_without_a_second_topic_shows_the_page() {
    let server = Ntfy::start(None, None);
    let channel = channel("en", &format!("kind = \"ntfy\"\nserver = \"{}\"\ntopic = \"alerts\"", server.http.url("")));
    assert_eq!(channel.hears(), None);
    taken(&channel, &alert()).await;
    assert_eq!(last(&server.http).json()["actions"].as_array().unwrap().len(), 3, "links only");
    let mut alert = alert();
    alert.awaits.as_mut().unwrap().page = Some("https://me.example/a/x".into());
    taken(&channel, &alert).await;
    let body = last(&server.http).json();
    let button = json!({"action": "view", "label": "Seen", "url": "https://me.example/a/x", "clear": true});
    assert_eq!(body["actions"][0], button);
}

#[tokio::test]
async fn ntfy_never_puts_its_own_token_into_a_notification() {
    let server = Ntfy::start(None, None);
    let at = server.http.url("");
    let same = secret("tk_main");
    let channel = channel(
        "ja",
        &format!(
            "kind = \"ntfy\"\nserver = \"{at}\"\ntopic = \"t\"\ntoken = {same}\nack_topic = \"ack\"\nack_token = {same}"
        ),
    );
    let error = channel.deliver(&alert(), "k").await.unwrap_err();
    assert!(error.advice == Advice::Ask && error.what.contains("may only write"), "{error}");
    // nor do acknowledgements ring as alerts
    let both = secret("same");
    let text = format!("kind = \"ntfy\"\nserver = \"{at}\"\ntopic_from = {both}\nack_topic_from = {both}");
    let error = self::channel("ja", &text).deliver(&alert(), "k").await.unwrap_err();
    assert!(error.advice == Advice::Ask && error.what.contains("ring as an alert"), "{error}");
    assert!(server.http.requests().is_empty());
}

fn pushover(server: &Pushover, more: &str) -> Channel {
    let (token, user) = (secret(PUSHOVER_TOKEN), secret(PUSHOVER_USER));
    channel(
        "ja",
        &format!(
            "kind = \"pushover\"\nserver = \"{}\"\ntoken = {token}\nuser_from = {user}\n{more}",
            server.http.url("")
        ),
    )
}

#[tokio::test]
async fn pushover_gets_an_emergency_and_gives_a_receipt() {
    let server = Pushover::start();
    let channel = pushover(&server, "device = \"phone\"\nsound = \"siren\"");
    let accepted = taken(&channel, &alert()).await;
    let receipt = accepted.receipt.unwrap();
    let request = last(&server.http);
    assert_eq!((request.method.as_str(), request.path.as_str()), ("POST", "/1/messages.json"));
    let form = services::pairs(std::str::from_utf8(&request.body).unwrap());
    for (key, expect) in [
        ("title", "モドリのマグ 1,980円"),
        ("url", "https://item.rakuten.co.jp/modori/mug/"),
        ("url_title", "商品ページを開く"),
        ("device", "phone"),
        ("sound", "siren"),
        ("priority", "2"),
        ("retry", "30"),
        ("expire", "10800"),
        ("tags", "tokenOfThisAlert"),
        ("timestamp", &(NOW - 12).to_string()),
    ] {
        assert_eq!(form.get(key).map(String::as_str), Some(expect), "{key}");
    }
    assert!(form["message"].ends_with("⏱ 12 s") && !form.contains_key("html"), "{form:?}");

    let asked = [waits("other", None), waits("tokenOfThisAlert", Some(&receipt)), waits("gone", Some("unknown"))];
    assert_eq!(channel.answers(&asked).await.unwrap(), [""; 0]);
    server.acknowledged.lock().unwrap().insert(receipt.clone());
    assert_eq!(channel.answers(&asked).await.unwrap(), ["tokenOfThisAlert"]);
    assert!(channel.hears().is_some_and(|every| every.as_secs() >= 5));

    channel.withdraw(&asked[1]).await;
    let paths: Vec<String> = server.http.requests().iter().rev().take(2).map(|request| request.path.clone()).collect();
    assert_eq!(
        paths,
        ["/1/receipts/cancel_by_tag/tokenOfThisAlert.json".to_owned(), format!("/1/receipts/{receipt}/cancel.json")]
    );
}

#[tokio::test]
async fn pushover_rings_as_loud_as_the_alert_is() {
    let server = Pushover::start();
    let channel = pushover(&server, "");
    for (priority, awaits, expect) in [
        (Priority::Urgent, false, "1"),
        (Priority::High, true, "0"),
        (Priority::Normal, false, "0"),
        (Priority::Silent, false, "-1"),
    ] {
        let alert = Alert { priority, awaits: alert().awaits.filter(|_| awaits), ..alert() };
        assert_eq!(taken(&channel, &alert).await, Accepted::default());
        let form = services::pairs(std::str::from_utf8(&last(&server.http).body).unwrap());
        assert_eq!(form["priority"], expect, "{priority:?}");
    }
    for alert in hard() {
        taken(&channel, &alert).await;
    }
}

#[tokio::test]
async fn line_pushes_once_however_often_it_is_tried() {
    let server = services::line();
    let id = format!("U{}", "4af4980629".repeat(4).get(..32).unwrap());
    let channel = channel(
        "ja",
        &format!("kind = \"line\"\nserver = \"{}\"\ntoken = {}\nto = [\"{id}\"]", server.url(""), secret(LINE_TOKEN)),
    );
    taken(&channel, &alert()).await;
    let body = last(&server).json();
    assert_eq!((&body["to"], &body["notificationDisabled"]), (&json!(id), &json!(false)));
    let text = body["messages"][0]["text"].as_str().unwrap();
    assert!(text.starts_with("モドリのマグ 1,980円\nhttps://item.rakuten.co.jp/modori/mug/\nモドリ雑貨店\n"), "{text}");
    // the same key again: LINE says 409, and nothing is sent twice
    taken(&channel, &alert()).await;
    let requests = server.requests();
    assert_eq!(requests.iter().map(|request| request.answered).collect::<Vec<_>>(), [200, 409]);
    assert_eq!(requests[0].headers["x-line-retry-key"], requests[1].headers["x-line-retry-key"]);
    for (n, alert) in hard().iter().enumerate() {
        channel.deliver(alert, &format!("hard {n}")).await.unwrap();
        assert_eq!(last(&server).answered, 200);
    }
    let silent = Alert { priority: Priority::Silent, ..alert() };
    channel.deliver(&silent, "silent").await.unwrap();
    assert_eq!(last(&server).json()["notificationDisabled"], true);
}

#[tokio::test]
async fn every_template_is_taken_by_its_service() {
    let key = secret(GOTIFY_KEY);
    for (server, path, more) in [
        (services::discord(), format!("/api/webhooks/{HOOK}?wait=true"), "template = \"discord\"".to_owned()),
        (services::slack(), format!("/services/{HOOK}"), "template = \"slack\"".to_owned()),
        (
            services::telegram(),
            format!("/bot{TELEGRAM_TOKEN}/sendMessage"),
            "template = \"telegram\"\nvalues = { chat_id = -100123 }".to_owned(),
        ),
        (
            services::gotify(),
            "/message".to_owned(),
            format!("template = \"gotify\"\nheaders_from = {{ X-Gotify-Key = {key} }}"),
        ),
    ] {
        let text = format!("kind = \"webhook\"\nurl_from = {}\n{more}", secret(&server.url(&path)));
        for language in ["ja", "en"] {
            let channel = channel(language, &text);
            let mut paged = alert();
            paged.awaits.as_mut().unwrap().page = Some("https://me.example/a/x".into());
            for alert in hard().into_iter().chain([alert(), paged]) {
                taken(&channel, &alert).await;
                assert_eq!(last(&server).headers["idempotency-key"], "restock:1:x");
            }
        }
    }
}

/// HMAC (RFC 2104) by its definition, independent of the program's.
fn hmac_sha256(key: &[u8], message: &[u8]) -> String {
    use sha2::{Digest, Sha256};
    assert!(key.len() <= 64);
    let padded = |with: u8| -> Vec<u8> { (0..64).map(|n| key.get(n).copied().unwrap_or(0) ^ with).collect() };
    let inner = Sha256::new_with_prefix(padded(0x36)).chain_update(message).finalize();
    let outer = Sha256::new_with_prefix(padded(0x5c)).chain_update(inner).finalize();
    outer.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[tokio::test]
async fn a_signed_request_can_be_verified() {
    // RFC 4231, test cases 1 and 2
    assert_eq!(
        hmac_sha256(&[0x0b; 20], b"Hi There"),
        "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"
    );
    assert_eq!(
        hmac_sha256(b"Jefe", b"what do ya want for nothing?"),
        "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
    );
    let server = Http::start();
    let text = format!(
        "kind = \"webhook\"\nurl = \"{}\"\nsecret = {}\ntoken = {}\nheaders = {{ X-From = \"modori\" }}",
        server.url("/hook"),
        secret("It's a Secret to Everybody"),
        secret("bearer-token")
    );
    taken(&channel("ja", &text), &alert()).await;
    let request = last(&server);
    let time = &request.headers["x-modori-timestamp"];
    let sent: i64 = time.parse().unwrap();
    assert!((NOW..NOW + 60).contains(&sent), "{time}");
    let signed = [time.as_bytes(), b".", &request.body].concat();
    let expect = format!("sha256={}", hmac_sha256(b"It's a Secret to Everybody", &signed));
    assert_eq!(request.headers["x-modori-signature"], expect);
    assert_eq!(
        (request.headers["authorization"].as_str(), request.headers["x-from"].as_str()),
        ("Bearer bearer-token", "modori")
    );
}

#[tokio::test]
async fn without_a_template_a_webhook_gets_the_alert_as_it_is() {
    let server = Http::start();
    let channel = channel("ja", &format!("kind = \"webhook\"\nurl = \"{}\"", server.url("/hook")));
    taken(&channel, &alert()).await;
    let body = last(&server).json();
    assert_eq!((&body["version"], &body["key"], &body["age_s"]), (&json!(1), &json!("restock:1:x"), &json!(12)));
    assert_eq!((&body["title"], &body["links"][0]["label"]), (&json!("モドリのマグ 1,980円"), &json!("店1で探す")));
    assert_eq!(body["awaits"], json!({"token": "tokenOfThisAlert", "page": null}));
    // a channel may have a Japanese name, a header may not
    for _ in 0..2 {
        channel.deliver(&alert(), "restock:1:居間").await.unwrap();
    }
    let keys: Vec<String> =
        server.requests().iter().map(|request| request.headers["idempotency-key"].clone()).collect();
    assert!(keys[0] == "restock:1:x" && keys[1].len() == 64 && keys[1] == keys[2], "{keys:?}");
}

#[tokio::test]
async fn a_template_of_her_own_is_used() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("own.json");
    std::fs::write(&file, "{ \"say\": {{ title | fit(6) }}, \"shop\": {{ values.shop }}, \"age\": {{ age_s }} }")
        .unwrap();
    let server = Http::start();
    let text = format!(
        "kind = \"webhook\"\nurl = \"{}\"\ntemplate_file = \"{}\"\nvalues = {{ shop = \"モドリ\" }}",
        server.url("/hook"),
        file.display()
    );
    taken(&channel("ja", &text), &alert()).await;
    assert_eq!(last(&server).json(), json!({"say": "モドリのマ…", "shop": "モドリ", "age": 12}));
}

/// Subject and text of a mail, as a reader sees them.
fn seen(mail: &[u8]) -> (String, String) {
    let parsed = mail_parser::MessageParser::default().parse(mail).unwrap();
    (parsed.subject().unwrap_or_default().to_owned(), parsed.body_text(0).unwrap().into_owned())
}

#[tokio::test]
async fn a_mail_to_a_carrier_is_short_and_begins_with_the_link() {
    let server = Smtp::start(Setup::default());
    let smtp = |to: &str| {
        let text = format!(
            "kind = \"smtp\"\nhost = \"127.0.0.1\"\nsecurity = \"plain\"\nport = {}\nfrom = \"modori <a@example.jp>\"\nto = [\"{to}\"]",
            server.port
        );
        channel("ja", &text)
    };
    let carrier = smtp("me..x.@docomo.ne.jp");
    for alert in hard().iter().chain([&alert()]) {
        taken(&carrier, alert).await;
        let mail = server.mails().pop().unwrap();
        assert_eq!(mail.to, ["\"me..x.\"@docomo.ne.jp"]);
        let (subject, text) = seen(&mail.data);
        let text = text.replace("\r\n", "\n");
        assert!(subject.chars().count() <= 50 && text.trim_end().chars().count() <= 450, "{subject}\n{text}");
        let raw = String::from_utf8_lossy(&mail.data).into_owned();
        for header in ["Auto-Submitted: auto-generated", "X-Auto-Response-Suppress: All", "Content-Type: text/plain"] {
            assert!(raw.contains(header), "{raw}");
        }
        assert!(!raw.contains("multipart"), "{raw}");
    }
    let (subject, text) = seen(&server.mails().pop().unwrap().data);
    assert_eq!(subject, "モドリのマグ 1,980円");
    assert!(text.starts_with("https://item.rakuten.co.jp/modori/mug/\r\nモドリ雑貨店\r\n"), "{text:?}");

    taken(&smtp("me@example.jp"), &alert()).await;
    let (_, text) = seen(&server.mails().pop().unwrap().data);
    assert!(text.starts_with("https://item.rakuten.co.jp/modori/mug/\r\nモドリのマグ 1,980円\r\n"), "{text:?}");
    assert!(text.contains("店4で探す: https://shop4.example/?q=%E3%83%9E&n=4\r\n"), "{text:?}");
}
