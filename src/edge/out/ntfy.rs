//! A channel to ntfy: published as JSON, so that Japanese titles need no header encoding
//! (<https://docs.ntfy.sh/publish/#publish-as-json>); acknowledged through a second topic.

use super::address::Address;
use super::http::{Auth, Body, Call, Http};
use super::{Accepted, Answers, Deliver, Delivery, OutError, Probing, Unanswered, Warming, digest};
use crate::edge::Advice;
use crate::edge::clock::Clock;
use crate::plan::note::{Head, Note};
use crate::plan::{Alert, Awaits};
use crate::rules::Priority;
use crate::text::{Unit, fit, one_line};
use crate::wording::Buttons;
use reqwest::header::HeaderMap;
use serde_json::{Value, json};
use std::time::Duration;

/// ntfy turns longer messages into attachments (its documented limit is 4,096 bytes; room is left for the frame).
const MESSAGE: usize = 3900;
/// Longest title, in bytes (ntfy 2.28 takes 1,024; a telephone shows far less).
const TITLE: usize = 250;
/// Most buttons of a notification (<https://docs.ntfy.sh/publish/#action-buttons>).
const BUTTONS: usize = 3;
/// Longest name of a button, in characters.
const LABEL: usize = 40;

/// How often the second topic is asked. ntfy.sh grants a request every 5 s.
const LISTENS_EVERY: Duration = Duration::from_secs(15);
/// The server's clock may be behind ours by so many seconds.
const CLOCKS_APART: i64 = 60;
/// How much of what lies in the second topic is read, in bytes.
const HEARD: usize = 512 * 1024;
/// Longest message that could be an acknowledgement, as JSON, in bytes.
const LINE: usize = 16 * 1024;

/// Publishes to one topic.
pub(super) struct Ntfy {
    pub(super) http: Http,
    pub(super) server: String,
    pub(super) topic: Address,
    /// User (none: a token), and password or token.
    pub(super) login: Option<(Option<String>, Address)>,
    pub(super) icon: Option<String>,
    pub(super) tags: Vec<String>,
    /// The topic of acknowledgements, and the token that the phone needs to write there.
    pub(super) ack: Option<(Address, Option<Address>)>,
    pub(super) buttons: Buttons,
    pub(super) clock: Clock,
}

impl Ntfy {
    pub(super) async fn auth(&self) -> Result<Auth, OutError> {
        Ok(match &self.login {
            None => Auth::Nobody,
            Some((None, token)) => Auth::Bearer(token.get().await?),
            Some((Some(user), password)) => Auth::Basic(user.clone(), password.get().await?),
        })
    }

    /// The button that acknowledges. Whoever reads the topic sees everything in it, so it never holds what this channel
    /// itself logs in with.
    async fn ack_button(&self, awaits: &Awaits, auth: &Auth, alerts: &str) -> Result<Option<Value>, OutError> {
        let label = fit(&self.buttons.seen, LABEL, Unit::Chars);
        let Some((to, token)) = &self.ack else {
            let view = |page: &String| json!({"action": "view", "label": label, "url": page, "clear": true});
            return Ok(awaits.page.as_ref().map(view));
        };
        let to = topic(to).await?;
        if to == alerts {
            let what = "the topic of acknowledgements is the topic of alerts: each would ring as an alert";
            return Err(OutError { what: what.to_owned(), advice: Advice::Ask });
        }
        let url = format!("{}/{to}", self.server);
        let mut button = json!({
            "action": "http",
            "label": label,
            "url": url,
            "method": "POST",
            "body": awaits.token,
            "clear": true,
        });
        if let Some(token) = token {
            let token = token.get().await?;
            let own = match auth {
                Auth::Nobody => false,
                Auth::Bearer(own) | Auth::Basic(_, own) => *own == token,
            };
            if own {
                let what = "`ack_token` is what the channel itself logs in with, and would travel in every notification; \
                            make a token of a user who may only write to the topic of acknowledgements";
                return Err(OutError { what: what.to_owned(), advice: Advice::Ask });
            }
            if let Some(button) = button.as_object_mut() {
                button.insert("headers".to_owned(), json!({"Authorization": format!("Bearer {token}")}));
            }
        }
        Ok(Some(button))
    }
}

impl Deliver for Ntfy {
    fn deliver<'a>(&'a self, alert: &'a Alert, key: &'a str) -> Delivery<'a> {
        Box::pin(async move {
            let topic = topic(&self.topic).await?;
            let auth = self.auth().await?;
            let note = Note::of(alert, &self.buttons, self.clock.now());
            let mut actions = Vec::new();
            if let Some(awaits) = &alert.awaits {
                actions.extend(self.ack_button(awaits, &auth, &topic).await?);
            }
            let view = |link: &crate::plan::Link| {
                let label = fit(&one_line(&link.label), LABEL, Unit::Chars);
                json!({"action": "view", "label": label, "url": link.url})
            };
            let room = BUTTONS.saturating_sub(actions.len());
            actions.extend(alert.links.iter().take(room).map(view));
            let mut body = json!({
                "topic": topic,
                "title": fit(&note.title, TITLE, Unit::Bytes),
                "message": note.text(Head::Apart, MESSAGE, Unit::Bytes),
                "priority": priority(alert.priority),
                // ntfy replaces a notification of the same sequence id: a repeated attempt is not a second one
                "sequence_id": digest(key, 32),
            });
            if let Some(body) = body.as_object_mut() {
                let mut add = |name: &str, value: Option<Value>| {
                    if let Some(value) = value {
                        body.insert(name.to_owned(), value);
                    }
                };
                add("click", alert.url.as_ref().map(|url| json!(url)));
                add("actions", (!actions.is_empty()).then(|| json!(actions)));
                add("icon", self.icon.as_ref().map(|icon| json!(icon)));
                add("tags", (!self.tags.is_empty()).then(|| json!(self.tags)));
            }
            let body = Body::Json(body.to_string().into_bytes());
            let hide = vec![topic];
            let call = Call { url: &self.server, headers: HeaderMap::new(), auth: &auth, body, read: 0, hide };
            self.http.must(call).await?;
            Ok(Accepted::default())
        })
    }

    fn hears(&self) -> Option<Duration> {
        self.ack.as_ref().map(|_| LISTENS_EVERY)
    }

    fn answers<'a>(&'a self, unanswered: &'a [Unanswered]) -> Answers<'a> {
        Box::pin(async move {
            let Some((to, _)) = &self.ack else { return Ok(Vec::new()) };
            let Some(since) = unanswered.iter().map(|one| one.accepted.as_second()).min() else {
                return Ok(Vec::new());
            };
            let topic = topic(to).await?;
            let since = since.saturating_sub(CLOCKS_APART).max(0);
            let url = format!("{}/{topic}/json?poll=1&since={since}", self.server);
            let auth = self.auth().await?;
            let hide = vec![topic];
            let call =
                Call { url: &url, headers: HeaderMap::new(), auth: &auth, body: Body::Nothing, read: HEARD, hide };
            let answer = self.http.must(call).await?;
            if !answer.whole {
                tracing::debug!("the topic of acknowledgements holds more than is read");
            }
            Ok(heard(&answer.body, unanswered))
        })
    }

    fn warm(&self) -> Warming<'_> {
        Box::pin(self.http.warm(&self.server))
    }

    fn keep_warm(&self) -> Option<Duration> {
        self.http.keep_warm
    }

    fn probe(&self) -> Probing<'_> {
        Box::pin(Ntfy::probe(self))
    }
}

/// Which of the tokens that are waited for stand in messages of the topic, one JSON object a line
/// (<https://docs.ntfy.sh/subscribe/api/#json-message-format>). Anybody may write there: anything else is passed over.
fn heard(lines: &[u8], unanswered: &[Unanswered]) -> Vec<String> {
    let mut tokens = Vec::new();
    for line in lines.split(|byte| *byte == b'\n').filter(|line| !line.is_empty() && line.len() <= LINE) {
        let Ok(message) = serde_json::from_slice::<Value>(line) else { continue };
        if message.get("event").and_then(Value::as_str) != Some("message") {
            continue;
        }
        let said = message.get("message").and_then(Value::as_str).unwrap_or_default().trim();
        let asked = unanswered.iter().any(|one| !one.token.is_empty() && one.token == said);
        if asked && !tokens.iter().any(|token| token == said) {
            tokens.push(said.to_owned());
        }
    }
    tokens
}

/// A topic, which becomes part of an address.
async fn topic(at: &Address) -> Result<String, OutError> {
    let topic = at.get().await?;
    let fine = |b: u8| b.is_ascii_alphanumeric() || b == b'_' || b == b'-';
    if topic.is_empty() || topic.len() > 64 || !topic.bytes().all(fine) {
        let what = "an ntfy topic holds letters, digits, - and _ only, 64 at most".to_owned();
        return Err(OutError { what, advice: Advice::Ask });
    }
    Ok(topic)
}

fn priority(priority: Priority) -> u8 {
    match priority {
        Priority::Urgent => 5,
        Priority::High => 4,
        Priority::Normal => 3,
        Priority::Silent => 1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::Timestamp;
    use proptest::prelude::*;

    fn waits(token: &str) -> Unanswered {
        Unanswered { token: token.to_owned(), receipt: None, accepted: Timestamp::UNIX_EPOCH }
    }

    #[test]
    fn only_tokens_that_were_asked_for_are_heard() {
        let lines = b"{\"id\":\"a\",\"time\":1,\"event\":\"open\",\"topic\":\"t\"}\n\
            {\"event\":\"message\",\"message\":\"one\\n\"}\r\n\
            {\"event\":\"message\",\"message\":\"one\"}\n\
            {\"event\":\"message\",\"message\":\"\"}\n\
            {\"event\":\"keepalive\",\"message\":\"two\"}\n\
            not json\n[1]\n\xff\n\
            {\"event\":\"message\",\"message\":7}\n\
            {\"event\":\"message\",\"message\":\"stranger\"}\n\
            {\"event\":\"message\",\"message\":\"three\"";
        assert_eq!(heard(lines, &[waits("one"), waits("two"), waits("three"), waits("")]), ["one"]);
    }

    proptest! {
        #[test]
        fn anything_may_lie_in_the_topic(lines in any::<Vec<u8>>()) {
            prop_assert!(heard(&lines, &[waits("token")]).is_empty());
        }
    }
}
