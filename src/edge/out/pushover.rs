//! A channel to Pushover (<https://pushover.net/api>): urgent alerts that wait for an answer are emergencies, which
//! Pushover itself repeats until they are acknowledged on the phone (<https://pushover.net/api/receipts>).

use super::address::Address;
use super::http::{Answer, Auth, Body, Call, Http};
use super::{Accepted, Answers, Deliver, Delivery, OutError, Probing, Unanswered, Warming};
use crate::edge::Advice;
use crate::edge::clock::Clock;
use crate::plan::note::{Head, Note};
use crate::plan::{Alert, Awaits};
use crate::rules::Priority;
use crate::text::{Unit, fit};
use crate::wording::Buttons;
use reqwest::header::HeaderMap;
use serde_json::Value;
use std::time::Duration;

/// Limits, in characters (<https://pushover.net/api#limits>).
const MESSAGE: usize = 1024;
const TITLE: usize = 250;
const URL: usize = 512;
const URL_TITLE: usize = 100;

/// Pushover repeats an emergency at most this often, and at most this long (seconds).
const LEAST_RETRY: u32 = 30;
const LONGEST_EXPIRE: u32 = 10_800;

/// How often receipts are asked for; more than every 5 s is not welcome.
const LISTENS_EVERY: Duration = Duration::from_secs(10);
/// Most receipts that are asked for at once.
const RECEIPTS: usize = 20;
/// After trouble at their side nothing is repeated sooner (<https://pushover.net/api#friendly>).
const AFTER_TROUBLE: Duration = Duration::from_secs(5);
/// How much of an answer is read, in bytes.
const READ: usize = 16 * 1024;

/// Notifies one user or group.
pub(super) struct Pushover {
    pub(super) http: Http,
    pub(super) server: String,
    pub(super) token: Address,
    pub(super) user: Address,
    pub(super) device: Option<String>,
    pub(super) sound: Option<String>,
    pub(super) buttons: Buttons,
    pub(super) clock: Clock,
}

impl Pushover {
    fn form(&self, alert: &Alert, token: &str, user: &str) -> Vec<(&'static str, String)> {
        let mut note = Note::of(alert, &self.buttons, self.clock.now());
        let url = note.url.take().filter(|url| url.chars().count() <= URL);
        let message = note.text(Head::Apart, MESSAGE, Unit::Chars);
        // a message without text is refused
        let message = [message, note.title.clone(), "modori".to_owned()].into_iter().find(|text| !text.is_empty());
        let mut form = vec![
            ("token", token.to_owned()),
            ("user", user.to_owned()),
            ("title", fit(&note.title, TITLE, Unit::Chars)),
            ("message", fit(&message.unwrap_or_default(), MESSAGE, Unit::Chars)),
        ];
        if let Some(url) = url {
            form.push(("url", url));
            form.push(("url_title", fit(&self.buttons.open, URL_TITLE, Unit::Chars)));
        }
        form.extend(self.device.iter().map(|device| ("device", device.clone())));
        form.extend(self.sound.iter().map(|sound| ("sound", sound.clone())));
        form.extend(alert.received.map(|received| ("timestamp", received.as_second().to_string())));
        match (alert.priority, &alert.awaits) {
            (Priority::Urgent, Some(awaits)) => {
                let (retry, expire) = repeats(awaits);
                form.push(("priority", "2".to_owned()));
                form.push(("retry", retry.to_string()));
                form.push(("expire", expire.to_string()));
                form.extend(taggable(&awaits.token).map(|tag| ("tags", tag.to_owned())));
            }
            (Priority::Urgent, None) => form.push(("priority", "1".to_owned())),
            // 1 would pass over the quiet hours that are set in the app: that is for what cannot wait
            (Priority::High | Priority::Normal, _) => form.push(("priority", "0".to_owned())),
            (Priority::Silent, _) => form.push(("priority", "-1".to_owned())),
        }
        form
    }

    async fn cancel(&self, path: &str, token: &str) {
        let url = format!("{}/1/receipts/{path}.json", self.server);
        let (auth, body) = (Auth::Nobody, Body::Form(vec![("token", token.to_owned())]));
        let hide = vec![token.to_owned()];
        let call = Call { url: &url, headers: HeaderMap::new(), auth: &auth, body, read: 0, hide };
        if let Err(error) = self.http.must(call).await {
            // it ends by itself when its time is up
            tracing::info!("an emergency is not taken back: {}", error.what);
        }
    }

    /// Whether the emergency of this receipt was acknowledged; `None` when Pushover does not know the receipt.
    async fn acknowledged(&self, receipt: &str, token: &str) -> Result<Option<bool>, OutError> {
        let url = format!("{}/1/receipts/{receipt}.json?token={token}", self.server);
        let (auth, body, hide) = (Auth::Nobody, Body::Nothing, vec![token.to_owned()]);
        let call = Call { url: &url, headers: HeaderMap::new(), auth: &auth, body, read: READ, hide };
        let answer = self.http.call(call).await?;
        if answer.status == 404 {
            return Ok(None);
        }
        if !answer.good() {
            return Err(refused(&answer));
        }
        Ok(answer.json().map(|said| said.get("acknowledged").and_then(Value::as_i64) == Some(1)))
    }
}

impl Deliver for Pushover {
    fn deliver<'a>(&'a self, alert: &'a Alert, key: &'a str) -> Delivery<'a> {
        Box::pin(async move {
            let _ = key; // Pushover knows no keys: a repeat after a lost answer rings a second time
            let (token, user) = (self.token.get().await?, self.user.get().await?);
            let url = format!("{}/1/messages.json", self.server);
            let (auth, body) = (Auth::Nobody, Body::Form(self.form(alert, &token, &user)));
            let hide = vec![token, user];
            let call = Call { url: &url, headers: HeaderMap::new(), auth: &auth, body, read: READ, hide };
            let answer = self.http.call(call).await?;
            if !answer.good() {
                return Err(refused(&answer));
            }
            let Some(said) = answer.json() else { return Ok(Accepted::default()) };
            if said.get("status").and_then(Value::as_i64).is_some_and(|status| status != 1) {
                return Err(refused(&answer));
            }
            let receipt = said.get("receipt").and_then(Value::as_str).and_then(taggable);
            Ok(Accepted { receipt: receipt.map(str::to_owned) })
        })
    }

    /// Emergencies, and no others.
    fn repeats(&self, alert: &Alert) -> bool {
        alert.priority == Priority::Urgent && alert.awaits.is_some()
    }

    fn hears(&self) -> Option<Duration> {
        Some(LISTENS_EVERY)
    }

    fn answers<'a>(&'a self, unanswered: &'a [Unanswered]) -> Answers<'a> {
        Box::pin(async move {
            let receipts = unanswered.iter().filter_map(|one| Some((one, one.receipt.as_deref().and_then(taggable)?)));
            let receipts: Vec<_> = receipts.take(RECEIPTS).collect();
            if receipts.is_empty() {
                return Ok(Vec::new());
            }
            let token = self.token.get().await?;
            taggable(&token).ok_or_else(odd_token)?;
            let mut heard = Vec::new();
            for (one, receipt) in receipts {
                match self.acknowledged(receipt, &token).await {
                    Ok(Some(true)) => heard.push(one.token.clone()),
                    Ok(_) => {}
                    // what was heard before counts
                    Err(error) if heard.is_empty() => return Err(error),
                    Err(_) => break,
                }
            }
            Ok(heard)
        })
    }

    fn withdraw<'a>(&'a self, one: &'a Unanswered) -> Warming<'a> {
        Box::pin(async move {
            let Ok(token) = self.token.get().await else { return };
            if let Some(receipt) = one.receipt.as_deref().and_then(taggable) {
                self.cancel(&format!("{receipt}/cancel"), &token).await;
            }
            // an attempt whose answer was lost left no receipt: its tag finds it
            if let Some(tag) = taggable(&one.token) {
                self.cancel(&format!("cancel_by_tag/{tag}"), &token).await;
            }
        })
    }

    fn warm(&self) -> Warming<'_> {
        Box::pin(self.http.warm(&self.server))
    }

    fn keep_warm(&self) -> Option<Duration> {
        self.http.keep_warm
    }

    fn probe(&self) -> Probing<'_> {
        Box::pin(Pushover::probe(self))
    }
}

/// Seconds between two repetitions, and until the last, as Pushover permits them.
fn repeats(awaits: &Awaits) -> (u32, u32) {
    let expire = awaits.for_s.clamp(LEAST_RETRY, LONGEST_EXPIRE);
    (awaits.every_s.clamp(LEAST_RETRY, expire), expire)
}

/// Letters and digits only: what may stand in an address and in a tag.
fn taggable(text: &str) -> Option<&str> {
    let fine = |b: u8| b.is_ascii_alphanumeric() || b == b'_' || b == b'-';
    Some(text).filter(|text| !text.is_empty() && text.len() <= 128 && text.bytes().all(fine))
}

fn odd_token() -> OutError {
    OutError { what: "a Pushover token holds letters and digits only".to_owned(), advice: Advice::Ask }
}

/// A refusal says which parameter is invalid, and lists its errors; it is not to be repeated as it is.
fn refused(answer: &Answer) -> OutError {
    if answer.status >= 500 {
        let mut error = answer.refused();
        if let Advice::Again(after) = error.advice {
            error.advice = Advice::Again(Some(after.unwrap_or_default().max(AFTER_TROUBLE)));
        }
        return error;
    }
    let said = answer.json().unwrap_or_default();
    let invalid = |key: &str| said.get(key).and_then(Value::as_str) == Some("invalid");
    let mut error = match answer.status {
        429 => answer.refused(),
        _ if invalid("token") || invalid("user") || invalid("device") => answer.refused_with(Advice::Ask),
        200..=299 => answer.refused_with(Advice::Never),
        _ => answer.refused(),
    };
    let errors = said.get("errors").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str);
    let errors: Vec<&str> = errors.take(5).collect();
    if !errors.is_empty() {
        error.what = answer.refused_because(&errors.join("; "));
    }
    error
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn repetitions_stay_within_what_pushover_permits() {
        let awaits = |every_s, for_s| Awaits { token: String::new(), every_s, for_s, page: None };
        for (every, all, expect) in [
            (60, 1800, (60, 1800)),
            (5, 1800, (30, 1800)),
            (60, 100_000, (60, 10_800)),
            (600, 60, (60, 60)),
            (0, 0, (30, 30)),
        ] {
            assert_eq!(repeats(&awaits(every, all)), expect, "{every} {all}");
        }
    }

    #[test]
    fn only_plain_names_become_part_of_an_address() {
        assert_eq!(taggable("aZ09_-"), Some("aZ09_-"));
        for odd in ["", "a/b", "a?b", "あ", "a b", "../x"] {
            assert_eq!(taggable(odd), None, "{odd}");
        }
    }
}
