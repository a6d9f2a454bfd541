//! Tokens as they are kept: what is known of a grant, as JSON.

use super::Grant;
use jiff::{SignedDuration, Timestamp};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};

/// A token lives a day at most before another is asked for, whatever its server promises.
const LONGEST: SignedDuration = SignedDuration::from_hours(24);
/// What is taken for the life of a token whose server does not tell it.
const UNTOLD: SignedDuration = SignedDuration::from_hours(1);
/// A token is renewed so long before it ends; one that lives shorter than twice that, at half its life.
const AHEAD: SignedDuration = SignedDuration::from_mins(5);
/// A clock may be set back by so much without a token being taken for one of the future.
const DRIFT: SignedDuration = SignedDuration::from_mins(1);

/// The version of the kept JSON.
const VERSION: u32 = 1;

/// What is kept of a grant.
#[derive(Clone, Debug)]
pub struct Kept {
    /// Whose mail it opens.
    pub user: String,
    /// Which client it was given to.
    pub client_id: String,
    /// Where it is renewed. Never shown to another host.
    pub token_url: String,
    /// When the shopper agreed, by our clock.
    pub granted_at: Timestamp,
    /// What was granted.
    pub scopes: Vec<String>,
    /// Renews it.
    pub refresh: Option<SecretString>,
    /// The last access token.
    pub access: Option<Access>,
    /// The provider's last word, if it was a refusal that does not pass by itself.
    pub refused: Option<Refused>,
}

/// An access token.
#[derive(Clone, Debug)]
pub struct Access {
    /// The token.
    pub token: SecretString,
    /// When it was asked for, by our clock: its life is counted from then, which is never too late.
    pub asked_at: Timestamp,
    /// How long it lives, if its server told.
    pub lives: Option<SignedDuration>,
}

impl Access {
    /// Whether it need not be renewed yet.
    #[must_use]
    pub fn is_fresh(&self, now: Timestamp) -> bool {
        let lives = self.lives.unwrap_or(UNTOLD).min(LONGEST);
        // what was asked for in the future was asked for by another clock: nothing is known of its age
        let age = now.duration_since(self.asked_at);
        age > -DRIFT && age < lives - AHEAD.min(lives / 2)
    }

    /// Whether its server may still take it.
    #[must_use]
    pub fn may_be_good(&self, now: Timestamp) -> bool {
        let age = now.duration_since(self.asked_at);
        age > -DRIFT && self.lives.is_none_or(|lives| age < lives)
    }
}

/// A refusal that does not pass by itself: the provider is not asked again until something changed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refused {
    /// When.
    pub at: Timestamp,
    /// A digest of what was shown then: the client and its settings.
    pub shown: String,
    /// What is to be said of it.
    pub what: String,
}

/// As it is written.
#[derive(Serialize, Deserialize)]
struct Written {
    version: u32,
    user: String,
    client_id: String,
    token_url: String,
    granted_at: Timestamp,
    #[serde(default)]
    scopes: Vec<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    refresh_token: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    access_token: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    asked_at: Option<Timestamp>,
    /// Seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    expires_in: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    refused: Option<Refused>,
}

impl Kept {
    /// As JSON, one line.
    #[must_use]
    pub fn json(&self) -> SecretString {
        let secret = |token: &SecretString| token.expose_secret().to_owned();
        let written = Written {
            version: VERSION,
            user: self.user.clone(),
            client_id: self.client_id.clone(),
            token_url: self.token_url.clone(),
            granted_at: self.granted_at,
            scopes: self.scopes.clone(),
            refresh_token: self.refresh.as_ref().map(secret),
            access_token: self.access.as_ref().map(|access| secret(&access.token)),
            asked_at: self.access.as_ref().map(|access| access.asked_at),
            expires_in: self.access.as_ref().and_then(|access| access.lives).map(|lives| lives.as_secs()),
            refused: self.refused.clone(),
        };
        // strings, numbers and times only: there is nothing that cannot be written
        SecretString::from(serde_json::to_string(&written).unwrap_or_default())
    }

    /// Reads what [`Kept::json`] wrote.
    ///
    /// # Errors
    /// Where it is no such thing; nothing of it is repeated.
    pub fn read(text: &str) -> Result<Self, String> {
        // serde's own words may hold a value: only the place is told
        let at =
            |error: serde_json::Error| format!("it is not modori's (line {}, column {})", error.line(), error.column());
        let written: Written = serde_json::from_str(text).map_err(at)?;
        if written.version != VERSION {
            return Err(format!("it is of version {}, which this modori does not know", written.version));
        }
        let access = written.access_token.map(|token| Access {
            token: SecretString::from(token),
            asked_at: written.asked_at.unwrap_or(Timestamp::MIN),
            lives: written.expires_in.map(SignedDuration::from_secs),
        });
        Ok(Self {
            user: written.user,
            client_id: written.client_id,
            token_url: written.token_url,
            granted_at: written.granted_at,
            scopes: written.scopes,
            refresh: written.refresh_token.map(SecretString::from),
            access,
            refused: written.refused,
        })
    }

    /// Whether it was granted for what the configuration says now; else what is another.
    ///
    /// # Errors
    /// What is another, in words.
    pub fn is_for(&self, grant: &Grant) -> Result<(), String> {
        if self.user != grant.user {
            return Err(format!("access was granted for {}, and the configuration says {}", self.user, grant.user));
        }
        if self.client_id != grant.client_id {
            return Err("access was granted to another client_id than the configuration says".to_owned());
        }
        let (kept, now) = (host(&self.token_url), host(&grant.token_url));
        if kept != now {
            return Err(format!("access was granted by {kept}, and the configuration says {now}"));
        }
        Ok(())
    }
}

/// Scheme, host and port of an address, for people and to compare.
pub(super) fn host(url: &str) -> String {
    reqwest::Url::parse(url).map_or_else(|_| url.to_owned(), |url| url.origin().ascii_serialization())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_780_000_000 + second).unwrap()
    }

    fn access(lives: Option<i64>) -> Access {
        Access { token: SecretString::from("t"), asked_at: at(0), lives: lives.map(SignedDuration::from_secs) }
    }

    #[test]
    fn a_token_is_renewed_before_it_ends_and_by_a_clock_that_can_be_trusted() {
        for (lives, now, fresh, may_be_good) in [
            (Some(3600), 0, true, true),
            (Some(3600), 3299, true, true),
            (Some(3600), 3300, false, true),
            (Some(3600), 3599, false, true),
            (Some(3600), 3600, false, false),
            // short ones live half their life, none is renewed at every look
            (Some(60), 29, true, true),
            (Some(60), 30, false, true),
            (Some(0), 0, false, false),
            (Some(-5), 0, false, false),
            // not told
            (None, 3299, true, true),
            (None, 3300, false, true),
            (None, 900_000, false, true),
            // absurdly long
            (Some(i64::MAX), 86_000, true, true),
            (Some(i64::MAX), 86_400, false, true),
            // the clock was set back: a little, and much
            (Some(3600), -59, true, true),
            (Some(3600), -61, false, false),
            (None, -86_400, false, false),
        ] {
            let access = access(lives);
            assert_eq!(access.is_fresh(at(now)), fresh, "{lives:?} after {now} s");
            assert_eq!(access.may_be_good(at(now)), may_be_good, "{lives:?} after {now} s");
        }
    }

    fn kept() -> Kept {
        Kept {
            user: "a@example.jp".to_owned(),
            client_id: "client".to_owned(),
            token_url: "https://id.example.jp/token".to_owned(),
            granted_at: at(-100),
            scopes: vec!["mail".to_owned()],
            refresh: Some(SecretString::from("refresh-secret")),
            access: Some(Access { token: SecretString::from("access-secret"), ..access(Some(3600)) }),
            refused: Some(Refused { at: at(5), shown: "0123".to_owned(), what: "no".to_owned() }),
        }
    }

    #[test]
    fn what_is_written_is_read_again_and_debug_hides_it() {
        let kept = kept();
        let read = Kept::read(kept.json().expose_secret()).unwrap();
        assert_eq!(read.json().expose_secret(), kept.json().expose_secret());
        let shown = format!("{kept:?}");
        assert!(!shown.contains("access-secret") && !shown.contains("refresh-secret"), "{shown}");
    }

    #[test]
    fn what_cannot_be_read_is_not_repeated() {
        for text in ["", "{", "{\"version\":1,\"user\":7,\"refresh_token\":\"geheim\"}", "\"geheim\"", "[\"geheim\"]"] {
            let said = Kept::read(text).unwrap_err();
            assert!(said.contains("line") && !said.contains("geheim"), "{said}");
        }
        let later = kept().json().expose_secret().replace("\"version\":1", "\"version\":2");
        assert!(Kept::read(&later).unwrap_err().contains("version 2"));
    }

    proptest! {
        #[test]
        fn any_text_is_read_without_a_panic(text in any::<String>()) {
            let _ = Kept::read(&text);
        }

        #[test]
        fn no_life_and_no_clock_overflows(lives in any::<Option<i64>>(), now in -377_705_023_201_i64..=253_402_207_200) {
            let access = access(lives);
            let now = Timestamp::from_second(now).unwrap();
            if access.is_fresh(now) {
                prop_assert!(access.may_be_good(now));
            }
        }
    }
}
