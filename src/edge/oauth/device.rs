//! Access by a browser anywhere: the shopper types a code at the provider's page, and meanwhile it is asked now and then
//! whether she did (RFC 8628).

use super::Grant;
use super::ask::{self, Form, Refusal};
use super::granted::{self, NotGranted, Why};
use super::kept::{Kept, host};
use crate::edge::clock::Clock;
use secrecy::SecretString;
use serde_json::{Map, Value};
use std::time::Duration;
use tokio::time::Instant;

/// Between two questions, when the provider does not tell (RFC 8628, 3.2), and by what it grows when it is too short
/// (3.5).
const INTERVAL: Duration = Duration::from_secs(5);
/// Longest time between two questions, unless the provider wants a longer one.
const LONGEST_INTERVAL: Duration = Duration::from_secs(60);
/// How long a code is good, when the provider does not tell, and at most.
const LIFE: Duration = Duration::from_secs(900);
const LONGEST_LIFE: Duration = Duration::from_secs(3600);
/// Longest code that a person can be asked to type.
const LONGEST_CODE: usize = 64;

/// A code that waits for the shopper.
#[derive(Debug)]
pub struct Device {
    /// What she types.
    pub user_code: String,
    /// Where she types it.
    pub page: String,
    /// The same with the code in it, if the provider tells.
    pub whole: Option<String>,
    /// How long it is good.
    pub lives: Duration,
    code: SecretString,
    interval: Duration,
    asked_at: Instant,
}

impl Device {
    /// Asks for a code.
    ///
    /// # Errors
    /// The provider gives none.
    pub async fn ask(grant: &Grant) -> Result<Self, NotGranted> {
        let Some(url) = &grant.device_url else {
            return Err(NotGranted::new(Why::Other, "where codes are given is not known: write device_url"));
        };
        let mut form: Form = vec![
            ("client_id", SecretString::from(grant.client_id.clone())),
            ("scope", SecretString::from(grant.scopes.join(" "))),
        ];
        if let Some(secret) = &grant.client_secret {
            let secret = secret.get().await;
            let secret = secret.map_err(|error| NotGranted::new(Why::Other, format!("no client_secret: {error}")))?;
            form.push(("client_secret", secret));
        }
        let asked_at = Instant::now();
        let answer = ask::post(grant, url, &form).await?;
        read(&answer, asked_at).map_err(|why| NotGranted::new(Why::Other, format!("{} {why}", host(url))))
    }

    /// Asks until the shopper decided; `None` when she did not within `patience`. A question that was asked by then is
    /// waited for: its answer may be the tokens.
    ///
    /// # Errors
    /// She denied it, the code ended, or the provider refuses.
    pub async fn granted(&self, grant: &Grant, clock: &Clock, patience: Duration) -> Result<Option<Kept>, NotGranted> {
        let mut interval = self.interval;
        let begun = Instant::now();
        loop {
            let left = patience.saturating_sub(begun.elapsed());
            if left <= interval && Instant::now() + left < self.asked_at + self.lives {
                tokio::time::sleep(left).await;
                return Ok(None);
            }
            if self.asked_at.elapsed() + interval >= self.lives {
                tokio::time::sleep_until(self.asked_at + self.lives).await;
                return Err(NotGranted::of_code(
                    "expired_token",
                    &format!("it was good for {} min", self.lives.as_secs() / 60),
                ));
            }
            tokio::time::sleep(interval).await;
            let form: Form = vec![
                ("grant_type", SecretString::from("urn:ietf:params:oauth:grant-type:device_code")),
                ("device_code", self.code.clone()),
            ];
            match ask::tokens(grant, clock, form).await {
                Ok(given) => return Ok(Some(granted::kept(grant, given, clock))),
                Err(refusal) => interval = next(interval, refusal)?,
            }
        }
    }
}

/// How long to wait before the next question, if there is to be one.
fn next(interval: Duration, refusal: Refusal) -> Result<Duration, NotGranted> {
    if refusal.is("authorization_pending") {
        return Ok(interval);
    }
    if refusal.is("slow_down") {
        return Ok(interval + INTERVAL);
    }
    if refusal.passing {
        // RFC 8628, 3.5: a server that does not answer is asked more and more seldom
        tracing::warn!("{}; asked again", refusal.what);
        return Ok((interval * 2).max(refusal.after.unwrap_or_default()).min(LONGEST_INTERVAL).max(interval));
    }
    Err(refusal.into())
}

/// The answer of RFC 8628, 3.2.
fn read(answer: &Map<String, Value>, asked_at: Instant) -> Result<Device, String> {
    let text = |name: &str| answer.get(name).and_then(Value::as_str).filter(|text| !text.is_empty());
    let seconds = |name: &str, usual: Duration, longest: Duration| {
        // a number, which some write as text
        let told = match answer.get(name) {
            Some(Value::String(text)) => text.trim().parse().ok(),
            Some(value) => value.as_u64(),
            None => None,
        };
        told.map(Duration::from_secs).unwrap_or(usual).clamp(Duration::from_secs(1), longest)
    };
    // an address that is shown and opened: read, so that nothing else is in it
    let page = |name: &str| {
        let url = reqwest::Url::parse(text(name)?).ok()?;
        ask::is_safe(&url).then(|| url.to_string())
    };
    let user_code = text("user_code").ok_or("gave no code to type")?;
    let fits = user_code.chars().count() <= LONGEST_CODE;
    if !fits || !user_code.chars().all(|c| c.is_alphanumeric() || matches!(c, '-' | ' ' | '_' | '.')) {
        return Err("gave a code that nobody can type".to_owned());
    }
    Ok(Device {
        user_code: user_code.to_owned(),
        // the second name is Google's, older than the RFC
        page: page("verification_uri").or_else(|| page("verification_url")).ok_or("named no page for the code")?,
        whole: page("verification_uri_complete"),
        lives: seconds("expires_in", LIFE, LONGEST_LIFE),
        code: SecretString::from(text("device_code").ok_or("gave no device_code")?),
        interval: seconds("interval", INTERVAL, LONGEST_LIFE),
        asked_at,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    fn device(answer: Value) -> Result<Device, String> {
        let Value::Object(answer) = answer else { panic!() };
        read(&answer, Instant::now())
    }

    #[test]
    fn answers_are_read_as_providers_write_them() {
        let found = device(
            json!({"device_code": "d", "user_code": "WDJB-MJHT", "verification_uri": "https://id.example.jp/c"}),
        );
        let found = found.unwrap();
        assert_eq!((found.interval, found.lives, found.whole), (INTERVAL, LIFE, None));
        let other = json!({"device_code": "d", "user_code": "W", "verification_url": "https://id.example.jp/c", "interval": 0,
                           "expires_in": 1_000_000, "verification_uri_complete": "https://id.example.jp/c?W"});
        let found = device(other).unwrap();
        assert_eq!((found.interval, found.lives), (Duration::from_secs(1), LONGEST_LIFE));
        assert_eq!(found.whole.as_deref(), Some("https://id.example.jp/c?W"));
        let slow = json!({"device_code": "d", "user_code": "W", "verification_uri": "https://id.example.jp/c",
                          "interval": "120", "expires_in": "600"});
        let found = device(slow).unwrap();
        assert_eq!((found.interval, found.lives), (Duration::from_secs(120), Duration::from_secs(600)));
        for bad in [
            json!({}),
            json!({"device_code": "d", "user_code": "W"}),
            json!({"device_code": "d", "user_code": "W", "verification_uri": "http://id.example.jp/"}),
            json!({"device_code": "d", "user_code": "W", "verification_uri": "javascript:alert(1)"}),
            json!({"device_code": "d", "user_code": "\u{1b}[2J", "verification_uri": "https://id.example.jp/"}),
            json!({"device_code": "d", "user_code": "W".repeat(65), "verification_uri": "https://id.example.jp/"}),
            json!({"user_code": "W", "verification_uri": "https://id.example.jp/"}),
        ] {
            assert!(device(bad.clone()).is_err(), "{bad}");
        }
    }

    #[test]
    fn the_pace_is_the_rfcs() {
        let said = |code: Option<&str>, passing: bool, after: Option<u64>| {
            let after = after.map(Duration::from_secs);
            let refusal = Refusal { code: code.map(str::to_owned), what: "x".to_owned(), passing, after };
            next(Duration::from_secs(5), refusal)
        };
        let seconds = Duration::from_secs;
        assert_eq!(said(Some("authorization_pending"), false, None), Ok(seconds(5)));
        assert_eq!(said(Some("slow_down"), true, None), Ok(seconds(10)));
        assert_eq!(said(None, true, None), Ok(seconds(10)));
        assert_eq!(said(None, true, Some(40)), Ok(seconds(40)));
        assert_eq!(said(None, true, Some(4000)), Ok(LONGEST_INTERVAL));
        for (code, why) in [
            ("access_denied", Why::Denied),
            ("authorization_declined", Why::Denied),
            ("expired_token", Why::Expired),
            ("invalid_client", Why::Client),
            ("invalid_scope", Why::Scope),
            ("whatever", Why::Other),
        ] {
            assert_eq!(said(Some(code), false, None).unwrap_err().why, why);
        }
    }

    proptest! {
        #[test]
        fn any_answer_is_read_without_a_panic(code in any::<String>(), page in any::<String>(), lives in any::<i64>()) {
            let answer = json!({"device_code": "d", "user_code": code, "verification_uri": page, "expires_in": lives});
            if let Ok(device) = device(answer) {
                prop_assert!(device.page.starts_with("http") && !device.page.contains(char::is_control));
                prop_assert!(!device.user_code.contains(char::is_control));
            }
        }
    }
}
