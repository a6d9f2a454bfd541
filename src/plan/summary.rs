//! What was kept back is told: together, in one alert; what is still fresh and stands alone, as itself.

use super::announce::Announcement;
use super::calm::{SIGHT, is_wanted};
use super::tell::clean;
use super::{Alert, Policy, Why, Wish};
use crate::mailbox::MailKey;
use crate::rules::{Priority, category};
use crate::wording::{Line, Summary};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Map, Value};
use std::collections::BTreeSet;

/// Most lines of a summary.
const LINES: usize = 8;
/// The first of some late ones waits at most so long for others.
const LONGEST_GATHER: SignedDuration = SignedDuration::from_mins(5);
/// What is above the bound of an hour is told together so much later.
pub const MANY_WAIT: SignedDuration = SignedDuration::from_mins(5);

/// Something that is kept back.
#[derive(Clone, Debug, PartialEq)]
pub struct Kept {
    /// Its row.
    pub id: i64,
    /// The name of what is told.
    pub of: String,
    /// What would have been said.
    pub alert: Alert,
    /// Why it is kept back.
    pub why: Why,
    /// The channels that tell it, where they are not those of the configuration.
    pub by: Vec<String>,
    /// Until then.
    pub due: Timestamp,
    /// Since then.
    pub since: Timestamp,
    /// Pointless after.
    pub until: Option<Timestamp>,
}

/// Something to tell of what is kept back.
#[derive(Clone, Debug, PartialEq)]
pub struct Telling {
    /// How it is told.
    pub wishes: Vec<Wish>,
    /// The rows that are told with it.
    pub rows: Vec<i64>,
    /// The one row is told as itself, with the message it is about.
    pub as_itself: bool,
}

/// What is to be told now of all that is kept back.
#[must_use]
pub fn on_held(kept: &[Kept], policy: &Policy, now: Timestamp) -> Vec<Telling> {
    if !policy.tells() {
        return Vec::new();
    }
    // what has come in quiet hours is told in the morning, except what may ring at any time
    let may_ring = |one: &&Kept| policy.calm.quiet_until(&one.alert, now).is_none();
    // kept back by a clock that was ahead: these are no quiet hours
    let awake = |one: &Kept| one.why == Why::Quiet && policy.calm.quiet_end(now).is_none();
    let come = kept.iter().filter(|one| has_come(one, kept, now) || awake(one));
    let come: Vec<&Kept> = come.filter(may_ring).collect();
    // that a mailbox is not seen is never a line among others: it is taken back when it is true no more
    let (sight, rest): (Vec<&Kept>, Vec<&Kept>) = come.into_iter().partition(|one| one.alert.category == SIGHT);
    let mut telling: Vec<Telling> = sight.into_iter().map(|one| itself(one, policy, now)).collect();
    let together = match rest.as_slice() {
        [] => None,
        [one] if one.why == Why::Quiet && is_fresh(one, policy, now) => Some(itself(one, policy, now)),
        several => Some(together(several, policy, now)),
    };
    telling.extend(together);
    telling.extend(beginning(kept, policy, now));
    telling
}

/// The same when nothing more will come that could be told with it: what waits for company is told now.
#[must_use]
pub fn on_last(kept: &[Kept], policy: &Policy, now: Timestamp) -> Vec<Telling> {
    let alone = |one: &Kept| match one.why {
        Why::Late | Why::Many => Kept { due: one.due.min(now), since: Timestamp::MIN, ..one.clone() },
        Why::Quiet => one.clone(),
    };
    on_held(&kept.iter().map(alone).collect::<Vec<_>>(), policy, now)
}

/// When there is something to tell next, if nothing is added; `None`: nothing is kept back, or nobody can be told.
#[must_use]
pub fn next(kept: &[Kept], policy: &Policy) -> Option<Timestamp> {
    if !policy.tells() {
        return None;
    }
    let comes = |one: &Kept| match one.why {
        Why::Late => one.due.max(gathered(kept)),
        Why::Quiet | Why::Many => one.due,
    };
    kept.iter().map(comes).min()
}

fn has_come(one: &Kept, all: &[Kept], now: Timestamp) -> bool {
    one.due <= now && (one.why != Why::Late || gathered(all) <= now)
}

/// When the late ones have come together: when no more come, or the first has waited long enough.
fn gathered(all: &[Kept]) -> Timestamp {
    let late = || all.iter().filter(|one| one.why == Why::Late);
    let last = late().map(|one| one.due).max().unwrap_or(Timestamp::MIN);
    let first = late().map(|one| one.since).min().unwrap_or(Timestamp::MIN);
    last.min(first.saturating_add(LONGEST_GATHER).unwrap_or(Timestamp::MAX))
}

/// Whether it is worth an alert of its own. A restock that is old is not.
fn is_fresh(one: &Kept, policy: &Policy, now: Timestamp) -> bool {
    let age = one.alert.received.map_or(0, |received| now.duration_since(received).as_secs());
    one.alert.category != category::RESTOCK || policy.stale_after_s == 0 || age <= policy.stale_after_s
}

fn itself(one: &Kept, policy: &Policy, now: Timestamp) -> Telling {
    let until = later(one.until, policy.gives_up_at(now));
    let said = Announcement::new(&*one.of, one.alert.clone(), until);
    let wishes = if !one.by.is_empty() {
        said.anyway_by(&one.by, &[], policy, now)
    } else if one.alert.category == SIGHT {
        said.anyway_by(&policy.blind.channels, &policy.blind.fallback, policy, now)
    } else {
        said.anyway(policy, now)
    };
    Telling { wishes, rows: vec![one.id], as_itself: true }
}

/// The later of two ends; `None` is none.
fn later(one: Option<Timestamp>, other: Option<Timestamp>) -> Option<Timestamp> {
    Some(one?.max(other?))
}

fn together(several: &[&Kept], policy: &Policy, now: Timestamp) -> Telling {
    let mut all = several.to_vec();
    let weight = |one: &Kept| (is_wanted(&one.alert), urgency(one, policy, now), one.alert.received, one.id);
    all.sort_by_key(|one| std::cmp::Reverse(weight(one)));
    let lines: Vec<Line> = all.iter().take(LINES).map(|one| line(&one.alert)).collect();
    let folder = |one: &&Kept| one.alert.details.get("folder")?.as_str().map(str::to_owned);
    let folders: BTreeSet<String> = all.iter().filter(|_| !policy.observe).filter_map(folder).collect();
    let because = |why: Why| all.iter().any(|one| one.why == why);
    let summary = Summary {
        count: all.len(),
        more: all.len().saturating_sub(lines.len()),
        lines,
        folders: folders.into_iter().collect(),
        quiet: because(Why::Quiet),
        many: because(Why::Many),
        late: because(Why::Late),
        restocks: all.iter().all(|one| one.alert.category == category::RESTOCK),
        ..Summary::default()
    };
    let mut names: Vec<&str> = all.iter().map(|one| one.of.as_str()).collect();
    names.sort_unstable();
    let mut alert = words(&summary, policy);
    alert.priority = all.iter().map(|one| urgency(one, policy, now)).max().unwrap_or(Priority::Normal);
    if all.iter().any(|one| is_wanted(&one.alert)) {
        alert.details.insert(super::calm::WANTED.to_owned(), true.into());
    }
    if all.iter().any(|one| one.of.starts_with("remind:")) {
        alert.details.insert("reminders".to_owned(), true.into());
    }
    let mut rows: Vec<i64> = all.iter().map(|one| one.id).collect();
    rows.sort_unstable();
    // the same ones are never told twice, whatever their rows are called
    let mark: String = MailKey::of(names.join("\n").as_bytes()).hex().chars().take(16).collect();
    let key = format!("summary:{}:{mark}", rows.first().copied().unwrap_or_default());
    let until = all.iter().fold(policy.gives_up_at(now), |until, one| later(one.until, until));
    let wishes = Announcement::new(key, alert, until).anyway(policy, now);
    Telling { wishes, rows, as_itself: false }
}

/// The first one above the bound of an hour says so at once: nothing is kept back in silence.
fn beginning(kept: &[Kept], policy: &Policy, now: Timestamp) -> Option<Telling> {
    let first = kept.iter().filter(|one| one.why == Why::Many && one.due > now).min_by_key(|one| one.id)?;
    let summary =
        Summary { begins: true, most: policy.calm.most_an_hour, until: Some(first.due), ..Summary::default() };
    let alert = words(&summary, policy);
    if policy.calm.quiet_until(&first.alert, now).is_some() {
        return None;
    }
    let said = Announcement::new(format!("more:{}", first.of), alert, Some(first.due));
    Some(Telling { wishes: said.anyway(policy, now), rows: Vec::new(), as_itself: false })
}

fn words(summary: &Summary, policy: &Policy) -> Alert {
    let (title, body) = policy.wording.summary(policy.language, summary);
    let details = Map::from_iter([("kept_back".to_owned(), Value::from(summary.count))]);
    Alert { priority: Priority::Normal, category: "summary".to_owned(), title, body, details, ..Alert::default() }
}

/// What it is worth now: a restock that is old is worth no sound; and what was kept back is not urgent any more.
fn urgency(one: &Kept, policy: &Policy, now: Timestamp) -> Priority {
    let fresh = is_fresh(one, policy, now) && one.why != Why::Late;
    if fresh { one.alert.priority.clamp(Priority::Normal, Priority::High) } else { Priority::Normal }
}

fn line(alert: &Alert) -> Line {
    let text = |key: &str| alert.details.get(key).and_then(Value::as_str).map(clean);
    let shop = text("shop_name").or_else(|| text("shop_code")).unwrap_or_default();
    Line { title: clean(&alert.title), shop, received: alert.received }
}

#[cfg(test)]
mod tests;
