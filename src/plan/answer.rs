//! Alerts that are repeated until the shopper acknowledges them: which are, what names each in an acknowledgement, and
//! when it is told again.

use super::announce::Announcement;
use super::{Alert, Awaits, Policy, Wish};
use jiff::{SignedDuration, Timestamp};
use serde_json::Value;
use sha2::{Digest, Sha256};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

/// Bytes of a token: 128 bits, written as 32 hexadecimal digits.
const TOKEN: usize = 16;
/// The block of SHA-256 in bytes (RFC 2104).
const BLOCK: usize = 64;

/// Which alerts are repeated, and how.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Repeat {
    /// Seconds between two repetitions.
    pub every_s: u32,
    /// Seconds after which nothing is repeated.
    pub for_s: u32,
    /// Alerts about mail of these categories are.
    pub categories: Vec<String>,
    /// Only those about something that the shopper wants (`details.wanted`).
    pub wanted_only: bool,
    /// Opening the mail acknowledges.
    pub opened: bool,
    /// Address of the pages with a button, without a slash at its end; `None`: there are none.
    pub public_url: Option<String>,
    /// What tokens are made with. Without it nothing awaits anything: a token that can be guessed is none.
    pub key: Option<TokenKey>,
}

/// What tokens are made with: random, made once an installation, never shown.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub struct TokenKey(pub [u8; 32]);

impl fmt::Debug for TokenKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TokenKey")
    }
}

impl TokenKey {
    /// The token of an announcement: the same each time, so that a mail that is planned twice has one.
    #[must_use]
    pub fn token(&self, told: &str) -> String {
        let code = hmac_sha256(&self.0, told.as_bytes());
        code.iter().take(TOKEN).map(|byte| format!("{byte:02x}")).collect()
    }
}

/// RFC 2104 over SHA-256, for keys of a block at most.
fn hmac_sha256(key: &[u8], text: &[u8]) -> [u8; 32] {
    let mut block = [0_u8; BLOCK];
    for (to, from) in block.iter_mut().zip(key) {
        *to = *from;
    }
    let inner = Sha256::new().chain_update(block.map(|byte| byte ^ 0x36)).chain_update(text).finalize();
    Sha256::new().chain_update(block.map(|byte| byte ^ 0x5c)).chain_update(inner).finalize().into()
}

impl Repeat {
    /// How an alert is acknowledged, if it is one that awaits it: about one mail, of a category that is repeated, and
    /// not late.
    fn awaits(&self, told: &str, alert: &Alert, stale_after_s: i64, now: Timestamp) -> Option<Awaits> {
        let key = self.key?;
        let age = now.duration_since(alert.received?).as_secs();
        let late = stale_after_s > 0 && age > stale_after_s;
        let wanted = !self.wanted_only || alert.details.get("wanted") == Some(&Value::Bool(true));
        if late || !wanted || !self.categories.contains(&alert.category) {
            return None;
        }
        let token = key.token(told);
        let page = self.public_url.as_ref().map(|url| format!("{url}/ack/{token}"));
        Some(Awaits { token, every_s: self.every_s, for_s: self.for_s, page })
    }
}

impl Announcement {
    /// The same, and repeated until it is acknowledged if the policy says so.
    pub(super) fn awaiting(mut self, policy: &Policy, now: Timestamp) -> Self {
        let repeat = policy.repeat.as_ref();
        self.alert.awaits = repeat.and_then(|repeat| repeat.awaits(&self.key, &self.alert, policy.stale_after_s, now));
        self
    }
}

/// By what an alert was acknowledged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum By {
    /// The mail was opened.
    Opened,
    /// The mail was moved or removed by hand.
    Moved,
    /// Through the channel of this name.
    Channel(String),
    /// `modori ack`.
    Command,
    /// The button of its page.
    Button,
    /// The list of what waits, on the dashboard.
    Dashboard,
}

impl By {
    /// As it is stored and shown.
    #[must_use]
    pub fn word(&self) -> String {
        match self {
            Self::Opened => "opened".to_owned(),
            Self::Moved => "moved".to_owned(),
            Self::Channel(name) => format!("channel:{name}"),
            Self::Command => "command".to_owned(),
            Self::Button => "button".to_owned(),
            Self::Dashboard => "dashboard".to_owned(),
        }
    }
}

/// An alert that awaits its acknowledgement.
#[derive(Clone, Debug, PartialEq)]
pub struct Awaiting {
    /// The name of what was told.
    pub told: String,
    /// What names it in an acknowledgement.
    pub token: String,
    /// The message it is about.
    pub message: Option<i64>,
    /// What was said.
    pub alert: Alert,
    /// Since when.
    pub since: Timestamp,
    /// Nothing is repeated after.
    pub until: Timestamp,
    /// The next repetition.
    pub next_at: Timestamp,
    /// How often it was repeated.
    pub repeats: u32,
}

/// What became of it on one channel, first telling or repetition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Went {
    /// The channel.
    pub channel: String,
    /// The channel's turn: 0 at once, 1, 2 … one after the other.
    pub place: u32,
    /// How far it is.
    pub so_far: SoFar,
}

/// How far a telling is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SoFar {
    /// It has still to leave, or is leaving.
    Open,
    /// The channel took it then.
    Accepted(Timestamp),
    /// It was given up, or is not needed.
    Closed,
}

/// Whether an alert is told again.
#[derive(Clone, Debug, PartialEq)]
pub enum Again {
    /// Not before then; `None`: not before something else happens.
    NotYet(Option<Timestamp>),
    /// Now. Without wishes nobody is to be told this time.
    Now {
        /// One a channel.
        wishes: Vec<Wish>,
        /// When the next one is due.
        next_at: Timestamp,
        /// How often it was repeated then.
        repeats: u32,
    },
    /// Never more: its time is up.
    Over,
}

/// The name of the `repeats`th repetition of what was told.
#[must_use]
pub fn name_of(told: &str, repeats: u32) -> String {
    format!("{told}#{}", repeats.saturating_add(1))
}

/// Whether an alert is told again, and by which channels: those it was told by, but none that repeats by itself, none
/// that still has to tell it, and none that modori has no more. `known`: the channels there are, and whether each
/// repeats this alert by itself. A repetition before the first has left is pointless: it is waited for, and then for as long as
/// lies between two.
#[must_use]
pub fn again(
    awaiting: &Awaiting,
    went: &[Went],
    known: &BTreeMap<String, bool>,
    policy: &Policy,
    now: Timestamp,
) -> Again {
    if awaiting.until <= now {
        return Again::Over;
    }
    if now < awaiting.next_at {
        return Again::NotYet(Some(awaiting.next_at));
    }
    let every = awaiting.alert.awaits.as_ref().map_or(0, |awaits| awaits.every_s).max(1);
    let later =
        |at: Timestamp| at.saturating_add(SignedDuration::from_secs(i64::from(every))).unwrap_or(Timestamp::MAX);
    let accepted = went.iter().filter_map(|one| match one.so_far {
        SoFar::Accepted(at) => Some(at),
        SoFar::Open | SoFar::Closed => None,
    });
    let Some(first) = accepted.min() else { return Again::NotYet(None) };
    // a clock that was set back does not put it off
    if now < later(first) && first <= now {
        return Again::NotYet(Some(later(first)));
    }
    let (first, then) = channels(went, known);
    let repeats = awaiting.repeats.saturating_add(1);
    let mut alert = awaiting.alert.clone();
    alert.title = policy.wording.again(policy.language, repeats.saturating_add(1), &alert.title);
    let announcement = Announcement::new(name_of(&awaiting.told, repeats), alert, Some(awaiting.until));
    let wishes = announcement.anyway_by(&first, &then, policy, now);
    let repeats = if wishes.is_empty() { awaiting.repeats } else { repeats };
    Again::Now { wishes, next_at: later(now), repeats }
}

/// The channels of a repetition: at once, and one after the other.
fn channels(went: &[Went], known: &BTreeMap<String, bool>) -> (Vec<String>, Vec<String>) {
    let has_to_tell = |channel: &str| went.iter().any(|one| one.channel == channel && one.so_far == SoFar::Open);
    let mut seen = BTreeSet::new();
    let mut places: Vec<(u32, &str)> = Vec::new();
    for one in went {
        if known.get(&one.channel) == Some(&false) && !has_to_tell(&one.channel) && seen.insert(&one.channel) {
            places.push((one.place, &one.channel));
        }
    }
    // what repeats it by itself took it: those behind it in the chain were not needed, and are not now
    let by_itself = went.iter().filter(|one| known.get(&one.channel) == Some(&true) && is_accepted(one));
    if let Some(by_itself) = by_itself.map(|one| one.place).min() {
        places.retain(|(place, channel)| {
            *place <= by_itself || went.iter().any(|one| one.channel == *channel && is_accepted(one))
        });
    }
    places.sort_by_key(|(place, _)| *place);
    let at_once = places.iter().filter(|(place, _)| *place == 0).count();
    // when nobody is left who is asked at once, the next in turn is
    let at_once = if at_once == 0 { places.len().min(1) } else { at_once };
    let mut names = places.into_iter().map(|(_, channel)| channel.to_owned());
    (names.by_ref().take(at_once).collect(), names.collect())
}

fn is_accepted(one: &Went) -> bool {
    matches!(one.so_far, SoFar::Accepted(_))
}

#[cfg(test)]
mod tests;
