//! A mail arrived.

use super::announce::Announcement;
use super::on_letter;
use super::tell::{clean, details, other_link, scene, sure, target};
use super::{Alert, Effect, Late, Policy, Step, Wish};
use crate::facts::Facts;
use crate::ledger::{self, Event};
use crate::mail::Mail;
use crate::mailbox::Place;
use crate::rules::{Known, Priority, Verdict, category, label};
use crate::wording::{Scene, Template};
use jiff::Timestamp;

/// Two restock mails about one item within this many seconds of receipt are one restock.
const SAME_ITEM_S: i64 = 15 * 60;
/// Two mails with one Message-ID within this many seconds are one mail.
const SAME_ID_S: i64 = 24 * 3600;
/// What is new in quarantine is announced at most once in this many seconds.
const QUARANTINE_S: i64 = 3600;
/// Suspect mail older than this (seconds) is not new.
const SUSPECT_IS_OLD_S: i64 = 24 * 3600;

/// The mail and all that was found out about it.
#[derive(Clone, Copy, Debug)]
pub struct Arrived<'a> {
    /// Where it lies.
    pub place: &'a Place,
    /// The mail.
    pub mail: &'a Mail,
    /// What it says.
    pub facts: &'a Facts,
    /// What the ledger knows.
    pub known: &'a Known,
    /// What it is.
    pub verdict: &'a Verdict,
}

/// What is now known, and what should happen: alerts first, then filing. Our own mail and suspect mail tell the ledger
/// nothing. Keys of wishes come from the mail's key, so the same mail never enters the same wish twice.
#[must_use]
pub fn on_mail(arrived: &Arrived<'_>, policy: &Policy, now: Timestamp) -> Step {
    let events = told(arrived.mail, arrived.facts, arrived.verdict);
    let mut said = announcement(arrived, policy, now);
    if let Some(said) = said.as_mut().filter(|_| policy.observe) {
        said.scene.folder.clear(); // nothing is put anywhere, so nothing is said to lie there
    }
    let mut plan: Vec<Wish> = match &said {
        Some(said) => said.announcement(arrived, policy, now).wishes(policy, now),
        None => Vec::new(),
    };
    // seconds count for a restock: its mail is moved only when the alert is out of the way
    let first = said.filter(|said| said.first).map(|_| plan.iter().map(|wish| wish.key.clone()).collect());
    plan.extend(filing(arrived, policy, first.unwrap_or_default(), now));
    let signs = on_letter::signs(arrived.mail, arrived.known, now);
    plan.extend(on_letter::told(&signs, policy, now));
    Step { events, plan, signs }
}

/// What a mail tells the ledger, whether it arrives now or is read again later. Our own mail and suspect mail tell
/// nothing.
#[must_use]
pub fn told(mail: &Mail, facts: &Facts, verdict: &Verdict) -> Vec<Event> {
    let aside = [label::OWN, label::QUARANTINE].iter().any(|label| verdict.labels.contains(*label));
    if aside { Vec::new() } else { ledger::events(mail, facts) }
}

fn filing(arrived: &Arrived<'_>, policy: &Policy, after: Vec<String>, now: Timestamp) -> Option<Wish> {
    let folder = arrived.verdict.folder.clone()?;
    if policy.observe || folder.is_empty() || folder == arrived.place.mailbox {
        return None;
    }
    let key = format!("file:{}", arrived.mail.key);
    Some(Wish { key, effect: Effect::File { folder }, due: now, until: None, dedupe: Vec::new(), after, turn: None })
}

/// What is to be said about a mail, the same on every channel.
struct Said {
    template: Template,
    priority: Priority,
    scene: Scene,
    url: Option<String>,
    /// Instead of the mail's own key: announcements with this key are one.
    key: Option<String>,
    /// Keys (without channel) and seconds within which they are one event.
    dedupe: Vec<(String, i64)>,
    /// Filing waits for it.
    first: bool,
}

impl Said {
    fn announcement(&self, arrived: &Arrived<'_>, policy: &Policy, now: Timestamp) -> Announcement {
        let (title, body) = policy.wording.alert(policy.language, self.template, &self.scene);
        let about_this_mail = !matches!(self.template, Template::Late | Template::Quarantine);
        let alert = Alert {
            priority: self.priority,
            category: arrived.verdict.category.clone(),
            title,
            body,
            url: self.url.clone(),
            received: about_this_mail.then_some(arrived.mail.received),
            details: if about_this_mail { details(arrived) } else { serde_json::Map::new() },
            ..Alert::default()
        };
        Announcement {
            key: self.key.clone().unwrap_or_else(|| format!("alert:{}", arrived.mail.key)),
            alert,
            until: policy.gives_up_at(now),
            dedupe: self.dedupe.clone(),
        }
    }
}

fn announcement(arrived: &Arrived<'_>, policy: &Policy, now: Timestamp) -> Option<Said> {
    let verdict = arrived.verdict;
    let age = now.duration_since(arrived.mail.received).as_secs();
    let stale = policy.stale_after_s > 0 && age > policy.stale_after_s;
    if verdict.labels.contains(label::OWN) {
        return None;
    }
    if verdict.labels.contains(label::QUARANTINE) {
        return (age <= SUSPECT_IS_OLD_S).then(|| quarantine(arrived));
    }
    if verdict.escalate {
        return Some(if stale && policy.late == Late::Summary { late(arrived, now) } else { restock(arrived, now) });
    }
    if verdict.priority == Priority::Silent || (stale && is_over(arrived.facts, now)) {
        return None;
    }
    let template = match verdict.category.as_str() {
        category::CANCELLATION => Template::Cancellation,
        category::ORDER => Template::Order,
        _ => Template::Notice,
    };
    let scene = scene(arrived, now);
    let priority = verdict.priority;
    Some(Said { template, priority, scene, url: target(arrived), key: None, dedupe: Vec::new(), first: false })
}

/// Whether every deadline the mail names has passed, and it names one.
fn is_over(facts: &Facts, now: Timestamp) -> bool {
    let ends = [sure(&facts.reply_by), sure(&facts.pay_by)];
    ends.iter().flatten().max().is_some_and(|end| *end < now)
}

fn restock(arrived: &Arrived<'_>, now: Timestamp) -> Said {
    let url = target(arrived);
    let mut scene = scene(arrived, now);
    if url.is_none() {
        scene.other_link = other_link(arrived);
    }
    let dedupe = same_item(arrived, url.as_deref())
        .map(|key| (key, SAME_ITEM_S))
        .into_iter()
        .chain(arrived.mail.message_id.iter().map(|id| (format!("restock:id:{id}"), SAME_ID_S)))
        .collect();
    Said { template: Template::Restock, priority: Priority::Urgent, scene, url, key: None, dedupe, first: true }
}

/// What makes two restocks one: the items' pages, else shop and names. A mail about more items is not the same as one
/// about fewer, so that none is missed.
fn same_item(arrived: &Arrived<'_>, url: Option<&str>) -> Option<String> {
    let facts = arrived.facts;
    let pages = facts.items.iter().filter_map(|item| item.value.url.as_deref().and_then(super::link::item_page));
    let mut pages: Vec<String> = pages.collect();
    if pages.len() < facts.items.len() {
        pages.clear();
    }
    if pages.is_empty() && facts.items.is_empty() {
        pages.extend(url.and_then(super::link::item_page));
    }
    if !pages.is_empty() {
        pages.sort();
        pages.dedup();
        return Some(format!("restock:item:{}", pages.join(" ")));
    }
    let mut names: Vec<String> = facts.items.iter().map(|item| clean(&item.value.name)).collect();
    names.retain(|name| !name.is_empty());
    if names.is_empty() {
        return None;
    }
    names.sort();
    let shop = facts.shop_code.as_ref().or(facts.shop_name.as_ref()).map_or("", |found| found.value.as_str());
    Some(format!("restock:name:{}:{}", clean(shop), names.join(" ")))
}

/// One for all restocks noticed late within the hour. It speaks of the first and names the folder of the others.
fn late(arrived: &Arrived<'_>, now: Timestamp) -> Said {
    Said {
        template: Template::Late,
        priority: Priority::Normal,
        scene: scene(arrived, now),
        url: None,
        key: Some(format!("summary:restock:{}", now.as_second().div_euclid(3600))),
        dedupe: Vec::new(),
        first: false,
    }
}

/// Sender and reason, and nothing else of the mail.
fn quarantine(arrived: &Arrived<'_>) -> Said {
    let mail = arrived.mail;
    let reason = mail.trust.reasons.first().map(|reason| clean(reason)).unwrap_or_default();
    Said {
        template: Template::Quarantine,
        priority: Priority::Normal,
        scene: Scene {
            category: arrived.verdict.category.clone(),
            sender: clean(&mail.from.addr),
            reason: reason.replace("https://", "").replace("http://", ""),
            received: mail.received,
            folder: arrived.verdict.folder.clone().unwrap_or_default(),
            ..Scene::default()
        },
        url: None,
        key: None,
        dedupe: vec![("quarantine".to_owned(), QUARANTINE_S)],
        first: false,
    }
}

#[cfg(test)]
mod tests;
