//! One thing to tell, and the channels that tell it: at once by those that are named first, and by the others, one after
//! the other, should none of those before take it.

use super::{Alert, Effect, Policy, Same, Turn, Wish};
use jiff::{SignedDuration, Timestamp};

/// One thing to tell, the same on every channel.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Announcement {
    /// Its name: the same thing is never told twice. The wishes' keys are this, a colon, and the channel.
    pub(super) key: String,
    /// What is said.
    pub(super) alert: Alert,
    /// Pointless after.
    pub(super) until: Option<Timestamp>,
    /// What makes it the same event as another announcement: keys without channel.
    pub(super) dedupe: Vec<Same>,
}

impl Announcement {
    /// Something without a mail of its own to be taken for the same.
    pub(super) fn new(key: impl Into<String>, alert: Alert, until: Option<Timestamp>) -> Self {
        Self { key: key.into(), alert, until, dedupe: Vec::new() }
    }

    /// A wish for every channel of the policy.
    pub(super) fn wishes(&self, policy: &Policy, now: Timestamp) -> Vec<Wish> {
        self.by(&policy.channels, &policy.fallback, policy, now)
    }

    /// A wish for each of these channels: `first` all at once, `then` one after the other.
    pub(super) fn by(&self, first: &[String], then: &[String], policy: &Policy, now: Timestamp) -> Vec<Wish> {
        let at_once = first.iter().map(|channel| (channel, 0));
        let later = (1_u32..).zip(then.iter().filter(|channel| !first.contains(channel)));
        let all = at_once.chain(later.map(|(place, channel)| (channel, place)));
        all.map(|(channel, place)| self.wish(channel, place, policy, now)).collect()
    }

    fn wish(&self, channel: &str, place: u32, policy: &Policy, now: Timestamp) -> Wish {
        let wait = SignedDuration::from_secs(policy.fallback_after_s.saturating_mul(i64::from(place)));
        Wish {
            key: format!("{}:{channel}", self.key),
            effect: Effect::Alert { channel: channel.to_owned(), alert: self.alert.clone() },
            due: now.saturating_add(wait).unwrap_or(Timestamp::MAX),
            until: self.until,
            dedupe: self
                .dedupe
                .iter()
                .map(|same| Same { key: format!("{channel}:{}", same.key), ..same.clone() })
                .collect(),
            after: Vec::new(),
            turn: Some(Turn { of: self.key.clone(), place }),
        }
    }
}
