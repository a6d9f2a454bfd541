//! One thing to tell, and the channels that tell it: at once by those that are named first, and by the others, one after
//! the other, should none of those before take it. Or it is kept back.

use super::calm::{Decision, is_wanted};
use super::{Alert, Effect, Policy, Same, Turn, Why, Wish};
use jiff::{SignedDuration, Timestamp};

/// Ends the key of what is kept back. The channels' own keys end in their names.
pub const KEPT_BACK: &str = "::held";

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

    /// A wish for every channel of the policy; or one that keeps it back; or none, if its category is not told.
    pub(super) fn wishes(&self, policy: &Policy, now: Timestamp) -> Vec<Wish> {
        self.by(&policy.channels, &policy.fallback, policy, now)
    }

    /// The same for these channels: `first` all at once, `then` one after the other.
    pub(super) fn by(&self, first: &[String], then: &[String], policy: &Policy, now: Timestamp) -> Vec<Wish> {
        let said = self.with_its_priority(policy);
        match policy.calm.decide(&said.alert, now) {
            Decision::Tell { most } => said.chain(first, then, most, policy, now),
            Decision::Hold { why, until } => said.held(why, until, first, then).into_iter().collect(),
            Decision::Silent => Vec::new(),
        }
    }

    /// A wish for every channel of the policy, whatever the hour and however many there were: for what was told once
    /// already, and is told again.
    pub(super) fn anyway(&self, policy: &Policy, now: Timestamp) -> Vec<Wish> {
        self.anyway_by(&policy.channels, &policy.fallback, policy, now)
    }

    /// The same for these channels.
    pub(super) fn anyway_by(&self, first: &[String], then: &[String], policy: &Policy, now: Timestamp) -> Vec<Wish> {
        self.with_its_priority(policy).chain(first, then, None, policy, now)
    }

    /// It is noticed late: kept back, to be told with others that are late.
    pub(super) fn late(&self, policy: &Policy, now: Timestamp) -> Vec<Wish> {
        let said = self.with_its_priority(policy);
        if policy.calm.decide(&said.alert, now) == Decision::Silent {
            return Vec::new();
        }
        let until = policy.calm.late_until(&said.alert, now);
        said.held(Why::Late, until, &policy.channels, &policy.fallback).into_iter().collect()
    }

    fn with_its_priority(&self, policy: &Policy) -> Self {
        let mut said = self.clone();
        // what the shopper waits for is as urgent as it was, whatever she thinks of its category
        if !is_wanted(&said.alert) {
            said.alert.priority = policy.calm.priority_of(&said.alert.category, said.alert.priority);
        }
        said
    }

    fn chain(
        &self,
        first: &[String],
        then: &[String],
        most: Option<u32>,
        policy: &Policy,
        now: Timestamp,
    ) -> Vec<Wish> {
        let at_once = first.iter().map(|channel| (channel, 0));
        let later = (1_u32..).zip(then.iter().filter(|channel| !first.contains(channel)));
        let all = at_once.chain(later.map(|(place, channel)| (channel, place)));
        // with nobody before it, the first of the others waits for nobody
        let ahead = u32::from(first.is_empty());
        let wish = |(channel, place): (&String, u32)| {
            let waits = i64::from(place.saturating_sub(ahead));
            let wait = SignedDuration::from_secs(policy.fallback_after_s.saturating_mul(waits));
            Wish {
                key: format!("{}:{channel}", self.key),
                effect: Effect::Alert { channel: channel.to_owned(), alert: self.alert.clone() },
                due: now.saturating_add(wait).unwrap_or(Timestamp::MAX),
                until: self.until,
                dedupe: self.dedupe_by(channel).collect(),
                after: Vec::new(),
                turn: Some(Turn { of: self.key.clone(), place, most }),
            }
        };
        all.map(wish).collect()
    }

    /// Kept back; none when there is no channel by which it could be told.
    fn held(&self, why: Why, due: Timestamp, first: &[String], then: &[String]) -> Option<Wish> {
        let channels = || first.iter().chain(then);
        channels().next()?;
        Some(Wish {
            key: format!("{}{KEPT_BACK}", self.key),
            effect: Effect::Held { alert: self.alert.clone(), why, by: Vec::new() },
            due,
            until: self.until,
            dedupe: channels().flat_map(|channel| self.dedupe_by(channel)).collect(),
            after: Vec::new(),
            turn: Some(Turn { of: self.key.clone(), place: 0, most: None }),
        })
    }

    fn dedupe_by<'a>(&'a self, channel: &'a str) -> impl Iterator<Item = Same> + 'a {
        self.dedupe.iter().map(move |same| Same { key: format!("{channel}:{}", same.key), ..same.clone() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::calm::Calm;
    use crate::rules::Priority;
    use std::collections::BTreeMap;

    fn now() -> Timestamp {
        "2026-11-27T00:30:00+09:00".parse().unwrap()
    }

    fn policy(channels: &[&str], fallback: &[&str]) -> Policy {
        let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        Policy { channels: names(channels), fallback: names(fallback), fallback_after_s: 20, ..Policy::default() }
    }

    fn said() -> Announcement {
        let alert = Alert { category: "restock".into(), priority: Priority::Urgent, ..Alert::default() };
        Announcement { dedupe: vec![Same::new("item", 900)], ..Announcement::new("alert:m", alert, None) }
    }

    fn turns(wishes: &[Wish]) -> Vec<(String, u32, i64)> {
        let turn = |wish: &Wish| wish.turn.as_ref().map_or(99, |turn| turn.place);
        wishes.iter().map(|wish| (wish.key.clone(), turn(wish), wish.due.duration_since(now()).as_secs())).collect()
    }

    #[test]
    fn channels_are_asked_at_once_and_the_others_in_turn() {
        let by = |channels: &[&str], fallback: &[&str]| turns(&said().wishes(&policy(channels, fallback), now()));
        let row = |channel: &str, place, after| (format!("alert:m:{channel}"), place, after);
        assert_eq!(
            by(&["a", "b"], &["c", "a", "d"]),
            [row("a", 0, 0), row("b", 0, 0), row("c", 1, 20), row("d", 2, 40)]
        );
        assert_eq!(by(&[], &["c", "d"]), [row("c", 1, 0), row("d", 2, 20)], "nobody to wait for");
        assert_eq!(by(&[], &[]), []);
    }

    #[test]
    fn what_is_kept_back_is_the_same_event_on_every_channel() {
        let calm = Calm { quiet: vec!["23:00-07:00".parse().unwrap()], ..Calm::default() };
        let policy = Policy { calm, ..policy(&["a"], &["b"]) };
        let held = said().wishes(&policy, now());
        assert_eq!(turns(&held), [("alert:m::held".to_owned(), 0, 6 * 3600 + 1800)]);
        assert_eq!(held[0].dedupe, [Same::new("a:item", 900), Same::new("b:item", 900)]);
        assert!(matches!(&held[0].effect, Effect::Held { why: Why::Quiet, .. }));
        assert_eq!(said().anyway(&policy, now()).len(), 2, "told already, it is told again");
        assert_eq!(said().wishes(&Policy { channels: vec![], fallback: vec![], ..policy }, now()), []);
    }

    #[test]
    fn a_category_that_is_not_told_makes_no_wish() {
        let priority = BTreeMap::from([("restock".to_owned(), Priority::Silent)]);
        let policy = Policy { calm: Calm { priority, ..Calm::default() }, ..policy(&["a"], &[]) };
        assert_eq!(said().wishes(&policy, now()), []);
        assert_eq!(said().late(&policy, now()), []);
    }
}
