//! Stand-ins for the services of alert channels: each looks at a request as its documentation describes it, and refuses
//! what the service would refuse, in the service's own words.

use super::http::{Http, Reply, Request};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};

/// The reason a request is not as documented, or nothing.
type Looked = Result<(), String>;

fn must(holds: bool, what: &str) -> Looked {
    if holds { Ok(()) } else { Err(what.to_owned()) }
}

fn only(value: &Value, known: &[&str]) -> Looked {
    let Some(map) = value.as_object() else { return Err("not an object".to_owned()) };
    map.keys().try_for_each(|key| must(known.contains(&key.as_str()), &format!("unknown key {key}")))
}

fn chars(value: &Value) -> usize {
    value.as_str().map_or(0, |text| text.chars().count())
}

fn utf16(value: &Value) -> usize {
    value.as_str().map_or(0, |text| text.encode_utf16().count())
}

fn is_link(value: &Value) -> bool {
    value.as_str().is_some_and(|link| link.starts_with("https://") || link.starts_with("http://127.0.0.1"))
}

fn body(request: &Request) -> Result<Value, String> {
    let kind = request.headers.get("content-type").map(String::as_str);
    must(kind == Some("application/json"), "content-type is not application/json")?;
    serde_json::from_slice(&request.body).map_err(|error| error.to_string())
}

/// `a=b&c=%20` as pairs.
pub fn pairs(text: &str) -> BTreeMap<String, String> {
    let decode = |part: &str| {
        let (mut bytes, mut rest) = (Vec::new(), part.as_bytes());
        while let Some((first, behind)) = rest.split_first() {
            rest = behind;
            match first {
                b'+' => bytes.push(b' '),
                b'%' => {
                    let (hex, behind) = rest.split_at(2);
                    bytes.push(u8::from_str_radix(std::str::from_utf8(hex).unwrap(), 16).unwrap());
                    rest = behind;
                }
                byte => bytes.push(*byte),
            }
        }
        String::from_utf8(bytes).unwrap()
    };
    let pair = |pair: &str| pair.split_once('=').map(|(name, value)| (decode(name), decode(value)));
    text.split('&').filter_map(pair).collect()
}

/// ntfy 2.28: <https://docs.ntfy.sh/publish/>, <https://docs.ntfy.sh/subscribe/api/>.
pub struct Ntfy {
    pub http: Http,
    /// What lies in the topics: topic, time, message.
    pub topics: Arc<Mutex<Vec<(String, i64, String)>>>,
}

impl Ntfy {
    /// `auth` is the value of Authorization that may publish and read; `phone` the one that may write to `ack` only.
    pub fn start(auth: Option<&str>, phone: Option<&str>) -> Self {
        let topics: Arc<Mutex<Vec<(String, i64, String)>>> = Arc::default();
        let (kept, auth, phone) = (Arc::clone(&topics), auth.map(str::to_owned), phone.map(str::to_owned));
        let http = Http::serving(move |request| {
            let given = request.headers.get("authorization");
            let (path, query) = request.path.split_once('?').unwrap_or((&request.path, ""));
            let full = auth.is_none() || given == auth.as_ref();
            let may_write = |topic: &str| full || topic == "ack" && (phone.is_none() || given == phone.as_ref());
            let forbidden = || Reply::json(403, &json!({"code": 40301, "http": 403, "error": "forbidden"}));
            match (request.method.as_str(), path.trim_start_matches('/')) {
                ("POST", "") => match Self::publish(request) {
                    _ if !full => forbidden(),
                    Ok(topic) => {
                        let message = request.json()["message"].as_str().unwrap_or_default().to_owned();
                        kept.lock().unwrap().push((topic, 1_800_000_000, message));
                        Reply::json(200, &json!({"id": "abc", "event": "message"}))
                    }
                    Err(error) => Reply::json(400, &json!({"code": 40000, "http": 400, "error": error})),
                },
                ("POST", topic) if !topic.contains('/') && may_write(topic) => {
                    let message = String::from_utf8_lossy(&request.body).into_owned();
                    kept.lock().unwrap().push((topic.to_owned(), 1_800_000_000, message));
                    Reply::json(200, &json!({"id": "abc", "event": "message"}))
                }
                ("GET", path) if full && path.ends_with("/json") => {
                    let query = pairs(query);
                    if query.get("poll").map(String::as_str) != Some("1") {
                        return Reply::json(400, &json!({"error": "this would never end"}));
                    }
                    let since: i64 = query["since"].parse().unwrap();
                    let topic = path.trim_end_matches("/json");
                    let all = kept.lock().unwrap();
                    let lies = all.iter().filter(|(of, time, _)| of == topic && *time >= since);
                    let line = |(of, time, message): &(String, i64, String)| {
                        json!({"id": "x", "time": time, "event": "message", "topic": of, "message": message})
                            .to_string()
                    };
                    let open = json!({"id": "o", "time": 1, "event": "open", "topic": topic}).to_string();
                    let lines: Vec<String> = [open].into_iter().chain(lies.map(line)).collect();
                    Reply::text(200, &(lines.join("\n") + "\n"))
                }
                _ => forbidden(),
            }
        });
        Self { http, topics }
    }

    fn publish(request: &Request) -> Result<String, String> {
        let value: Value = serde_json::from_slice(&request.body).map_err(|error| error.to_string())?;
        only(
            &value,
            &["topic", "message", "title", "tags", "priority", "actions", "click", "icon", "markdown", "sequence_id"],
        )?;
        let topic = value["topic"].as_str().unwrap_or_default();
        let plain = |text: &str, most: usize| {
            !text.is_empty()
                && text.len() <= most
                && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"_-".contains(&b))
        };
        must(plain(topic, 64), "topic")?;
        must(
            value["message"].as_str().is_some_and(|text| text.len() <= 4096),
            "message: it would become an attachment",
        )?;
        must(value["title"].as_str().is_some_and(|text| text.len() <= 1024), "title")?;
        must(value["priority"].as_u64().is_some_and(|number| (1..=5).contains(&number)), "priority")?;
        must(value["sequence_id"].as_str().is_none_or(|id| plain(id, 64)), "sequence_id")?;
        must(value["click"].is_null() || is_link(&value["click"]), "click")?;
        must(value["icon"].is_null() || is_link(&value["icon"]), "icon")?;
        let tags = value["tags"].as_array().cloned().unwrap_or_default();
        must(tags.iter().all(Value::is_string), "tags")?;
        let actions = value["actions"].as_array().cloned().unwrap_or_default();
        must(actions.len() <= 3, "at most three actions")?;
        for action in &actions {
            must(chars(&action["label"]) > 0, "label")?;
            must(is_link(&action["url"]), "url of an action")?;
            match action["action"].as_str() {
                Some("view") => only(action, &["action", "label", "url", "clear"])?,
                Some("http") => only(action, &["action", "label", "url", "clear", "method", "headers", "body"])?,
                other => return Err(format!("action {other:?}")),
            }
        }
        Ok(topic.to_owned())
    }
}

/// Pushover: <https://pushover.net/api>, <https://pushover.net/api/receipts>.
pub struct Pushover {
    pub http: Http,
    pub acknowledged: Arc<Mutex<BTreeSet<String>>>,
}

pub const PUSHOVER_TOKEN: &str = "azGDORePK8gMaC0QOYAMyEEuzJnyUi";
pub const PUSHOVER_USER: &str = "uQiRzpo4DXghDmr9QzzfQu27cmVRsG";

impl Pushover {
    pub fn start() -> Self {
        let acknowledged: Arc<Mutex<BTreeSet<String>>> = Arc::default();
        let kept = Arc::clone(&acknowledged);
        let http = Http::serving(move |request| {
            let (path, query) = request.path.split_once('?').unwrap_or((&request.path, ""));
            let invalid = |key: &str, error: &str| {
                Reply::json(400, &json!({key: "invalid", "errors": [error], "status": 0, "request": "r"}))
            };
            let form = pairs(&String::from_utf8_lossy(&request.body));
            let form_typed =
                request.headers.get("content-type").is_some_and(|kind| kind == "application/x-www-form-urlencoded");
            if request.method == "POST" && !form_typed {
                return invalid("message", "cannot be blank");
            }
            let token =
                if request.method == "GET" { pairs(query).get("token").cloned() } else { form.get("token").cloned() };
            if token.as_deref() != Some(PUSHOVER_TOKEN) {
                return invalid("token", "application token is invalid");
            }
            if path == "/1/messages.json" && request.method == "POST" {
                if form.get("user").map(String::as_str) != Some(PUSHOVER_USER) {
                    return invalid("user", "user identifier is not a valid user, group, or subscribed user key");
                }
                return match Self::message(&form) {
                    Err(error) => invalid("message", &error),
                    Ok(()) if form["priority"] == "2" => Reply::json(
                        200,
                        &json!({"receipt": "rLqVuqTRh62UzxtmqiaLzQmVcPgiCy", "status": 1, "request": "r"}),
                    ),
                    Ok(()) => Reply::json(200, &json!({"status": 1, "request": "r"})),
                };
            }
            let Some(rest) = path.strip_prefix("/1/receipts/").and_then(|rest| rest.strip_suffix(".json")) else {
                return Reply::text(404, "");
            };
            match (request.method.as_str(), rest.split_once('/')) {
                ("GET", None) if rest == "unknown" => {
                    Reply::json(404, &json!({"receipt": "not found", "errors": ["receipt not found"], "status": 0}))
                }
                ("GET", None) => {
                    let seen = i32::from(kept.lock().unwrap().contains(rest));
                    Reply::json(200, &json!({"status": 1, "acknowledged": seen, "acknowledged_at": 0, "expired": 0}))
                }
                ("POST", Some((_, "cancel")) | Some(("cancel_by_tag", _))) => Reply::json(200, &json!({"status": 1})),
                _ => Reply::text(404, ""),
            }
        });
        Self { http, acknowledged }
    }

    fn message(form: &BTreeMap<String, String>) -> Looked {
        let known = [
            "token", "user", "message", "title", "device", "priority", "sound", "timestamp", "url", "url_title",
            "retry", "expire", "tags",
        ];
        form.keys().try_for_each(|key| must(known.contains(&key.as_str()), &format!("unknown parameter {key}")))?;
        let length = |key: &str| form.get(key).map_or(0, |text| text.chars().count());
        must((1..=1024).contains(&length("message")), "message cannot be blank, and has 1024 characters at most")?;
        must(length("title") <= 250 && length("url") <= 512 && length("url_title") <= 100, "too long")?;
        let number = |key: &str| form.get(key).and_then(|text| text.parse::<i64>().ok());
        must(number("priority").is_some_and(|priority| (-2..=2).contains(&priority)), "priority")?;
        must(form.get("timestamp").is_none_or(|text| text.parse::<i64>().is_ok()), "timestamp")?;
        let emergency = number("priority") == Some(2);
        must(emergency == form.contains_key("retry") && emergency == form.contains_key("expire"), "retry and expire")?;
        must(number("retry").is_none_or(|retry| retry >= 30), "retry must be at least 30 seconds")?;
        must(number("expire").is_none_or(|expire| expire <= 10_800), "expire must be at most 10800 seconds")
    }
}

pub const LINE_TOKEN: &str = "line-channel-access-token/with+signs=";

/// LINE Messaging API: <https://developers.line.biz/en/reference/messaging-api/#send-push-message>.
pub fn line() -> Http {
    let keys: Mutex<BTreeSet<String>> = Mutex::default();
    Http::serving(move |request| {
        if request.method != "POST" || request.path != "/v2/bot/message/push" {
            return Reply::json(404, &json!({"message": "Not found"}));
        }
        if request.headers.get("authorization") != Some(&format!("Bearer {LINE_TOKEN}")) {
            return Reply::json(
                401,
                &json!({"message": "Authentication failed. Confirm that the access token in the authorization header is valid."}),
            );
        }
        let looked = || {
            let uuid = "^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$";
            let key = request.headers.get("x-line-retry-key").ok_or("no retry key")?;
            must(regex::Regex::new(uuid).unwrap().is_match(key), "Invalid retry key")?;
            let value = body(request)?;
            only(&value, &["to", "messages", "notificationDisabled", "customAggregationUnits"])?;
            must(
                value["to"].as_str().is_some_and(|to| to.len() == 33),
                "The property, 'to', in the request body is invalid",
            )?;
            must(value["notificationDisabled"].is_boolean(), "notificationDisabled")?;
            let messages = value["messages"].as_array().ok_or("messages")?;
            must((1..=5).contains(&messages.len()), "Size must be between 1 and 5")?;
            for message in messages {
                only(message, &["type", "text"])?;
                must(message["type"] == "text", "type")?;
                must((1..=5000).contains(&utf16(&message["text"])), "Length must be between 0 and 5000")?;
            }
            Ok::<_, String>(key.clone())
        };
        match looked() {
            Err(error) => Reply::json(400, &json!({"message": error})),
            Ok(key) if !keys.lock().unwrap().insert(key.clone()) => {
                Reply::json(409, &json!({"message": "The retry key is already accepted"}))
                    .with("x-line-accepted-request-id", "123e4567-e89b-12d3-a456-426655440000")
            }
            Ok(_) => Reply::json(200, &json!({"sentMessages": [{"id": "461230966842064897", "quoteToken": "q"}]}))
                .with("x-line-request-id", "123e4567-e89b-12d3-a456-426655440001"),
        }
    })
}

pub const HOOK: &str = "T00000000/B00000000/abcdefghijklmnopqrstuvwx";

/// Discord: <https://discord.com/developers/docs/resources/webhook#execute-webhook>.
pub fn discord() -> Http {
    Http::serving(|request| {
        if request.path != format!("/api/webhooks/{HOOK}?wait=true") {
            return Reply::json(404, &json!({"message": "Unknown Webhook", "code": 10015}));
        }
        let looked = || {
            let value = body(request)?;
            only(&value, &["content", "embeds", "allowed_mentions", "username", "avatar_url", "tts"])?;
            must((1..=2000).contains(&utf16(&value["content"])), "Must be 2000 or fewer in length.")?;
            must(value["allowed_mentions"] == json!({"parse": []}), "a mail may call somebody")?;
            let embeds = value["embeds"].as_array().ok_or("embeds")?;
            must(embeds.len() <= 10, "Must be 10 or fewer in length.")?;
            let mut all = 0;
            for embed in embeds {
                only(embed, &["title", "url", "description"])?;
                let (title, description) = (utf16(&embed["title"]), utf16(&embed["description"]));
                must(title + description > 0, "Embed cannot be empty")?;
                must(title <= 256 && description <= 4096, "too long")?;
                must(embed["url"].is_null() || is_link(&embed["url"]), "Not a well formed URL.")?;
                all += title + description;
            }
            must(all <= 6000, "Embed size exceeds maximum size of 6000")
        };
        match looked() {
            Ok(()) => Reply::json(200, &json!({"id": "1"})),
            Err(error) => Reply::json(400, &json!({"message": "Invalid Form Body", "code": 50035, "errors": error})),
        }
    })
}

/// Slack: <https://docs.slack.dev/messaging/sending-messages-using-incoming-webhooks>.
pub fn slack() -> Http {
    Http::serving(|request| {
        if request.path != format!("/services/{HOOK}") {
            return Reply::text(404, "no_service");
        }
        let looked = || {
            let value = body(request)?;
            only(&value, &["text", "blocks"])?;
            must(chars(&value["text"]) > 0, "no_text")?;
            let blocks = value["blocks"].as_array().ok_or("invalid_blocks")?;
            must((1..=50).contains(&blocks.len()), "invalid_blocks")?;
            for block in blocks {
                only(block, &["type", "text"])?;
                must(block["type"] == "section" && block["text"]["type"] == "mrkdwn", "invalid_blocks")?;
                only(&block["text"], &["type", "text", "verbatim"])?;
                must((1..=3000).contains(&chars(&block["text"]["text"])), "invalid_blocks")?;
            }
            Ok::<_, String>(())
        };
        match looked() {
            Ok(()) => Reply::text(200, "ok"),
            Err(error) => Reply::text(400, &error),
        }
    })
}

pub const TELEGRAM_TOKEN: &str = "110201543:AAHdqTcvCH1vGWJxfSeofSAs0K5PALDsaw";

/// Telegram: <https://core.telegram.org/bots/api#sendmessage>.
pub fn telegram() -> Http {
    Http::serving(|request| {
        let no =
            |code: u16, what: &str| Reply::json(code, &json!({"ok": false, "error_code": code, "description": what}));
        if request.path != format!("/bot{TELEGRAM_TOKEN}/sendMessage") {
            return no(401, "Unauthorized");
        }
        let looked = || {
            let value = body(request)?;
            only(&value, &["chat_id", "text", "disable_notification", "link_preview_options", "reply_markup"])?;
            must(value["chat_id"].is_string() || value["chat_id"].is_i64(), "Bad Request: chat not found")?;
            must((1..=4096).contains(&utf16(&value["text"])), "Bad Request: message is too long")?;
            must(value["disable_notification"].is_boolean(), "disable_notification")?;
            let rows = value["reply_markup"]["inline_keyboard"].as_array().ok_or("inline_keyboard")?;
            for button in rows.iter().flat_map(|row| row.as_array().unwrap()) {
                only(button, &["text", "url"])?;
                must(chars(&button["text"]) > 0 && is_link(&button["url"]), "Bad Request: BUTTON_URL_INVALID")?;
            }
            Ok::<_, String>(())
        };
        match looked() {
            Ok(()) => Reply::json(200, &json!({"ok": true, "result": {"message_id": 1}})),
            Err(error) => no(400, &error),
        }
    })
}

pub const GOTIFY_KEY: &str = "AwErTyUiOpAsDfG";

/// Gotify: <https://gotify.net/api-docs#/message/createMessage>.
pub fn gotify() -> Http {
    Http::serving(|request| {
        let no = |code: u16, what: &str| {
            Reply::json(code, &json!({"error": "Error", "errorCode": code, "errorDescription": what}))
        };
        if request.path != "/message" || request.method != "POST" {
            return no(404, "page not found");
        }
        if request.headers.get("x-gotify-key").map(String::as_str) != Some(GOTIFY_KEY) {
            return no(401, "you need to provide a valid access token or user credentials to access this api");
        }
        let looked = || {
            let value = body(request)?;
            only(&value, &["title", "message", "priority", "extras"])?;
            must(chars(&value["message"]) > 0, "Field 'message' is required")?;
            must(value["priority"].as_u64().is_some_and(|number| number <= 10), "priority")?;
            let click = value.pointer("/extras/client::notification/click/url");
            must(click.is_none_or(is_link), "click")
        };
        match looked() {
            Ok(()) => Reply::json(200, &json!({"id": 1, "appid": 1})),
            Err(error) => no(400, &error),
        }
    })
}
