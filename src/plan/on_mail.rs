//! A mail arrived.

use super::announce::Announcement;
use super::on_letter;
use super::same;
use super::tell::{clean, details, links, other_link, scene, sure, target};
use super::wanted::Want;
use super::{Alert, Effect, Late, Policy, Quiet, Same, Step, Wish};
use crate::facts::Facts;
use crate::ledger::{self, Case, Event};
use crate::letter::{self, Correspondence};
use crate::mail::Mail;
use crate::mailbox::Place;
use crate::rules::{Known, Priority, Verdict, category, label};
use crate::wording::{Scene, Template};
use jiff::Timestamp;

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
    /// The case of the order it is about, with what this mail says; of mails that speak of a cancellation or of returns.
    pub case: Option<&'a Case>,
}

/// What is now known, and what should happen: alerts first, then filing. Our own mail and suspect mail tell the ledger
/// nothing. Keys of wishes come from the mail's key, so the same mail never enters the same wish twice.
#[must_use]
pub fn on_mail(arrived: &Arrived<'_>, policy: &Policy, now: Timestamp) -> Step {
    let events = told(arrived.mail, arrived.facts, arrived.verdict);
    let (mut said, mut quiet) = match announcement(arrived, policy, now) {
        Ok(said) => (Some(said), None),
        Err(quiet) => (None, quiet),
    };
    if let Some(said) = said.as_mut().filter(|_| policy.observe) {
        said.scene.folder.clear(); // nothing is put anywhere, so nothing is said to lie there
    }
    let mut plan: Vec<Wish> = match &said {
        Some(said) if said.late => said.announcement(arrived, policy, now).late(policy, now),
        Some(said) => said.announcement(arrived, policy, now).awaiting(policy, now).wishes(policy, now),
        None => Vec::new(),
    };
    // there was something to say, and somebody to say it to
    if said.is_some() && plan.is_empty() && policy.tells() {
        quiet = Some(Quiet::Silenced);
    }
    // seconds count for a restock: its mail is moved only when the alert is out of the way
    let alerts = plan.iter().filter(|wish| matches!(wish.effect, Effect::Alert { .. }));
    let first = said.filter(|said| said.first).map(|_| alerts.map(|wish| wish.key.clone()).collect());
    plan.extend(filing(arrived, policy, first.unwrap_or_default(), now));
    let mails = kept(arrived.mail, arrived.facts, &events, &arrived.place.account, arrived.known);
    let signs = on_letter::signs(arrived.mail, arrived.known, now);
    plan.extend(on_letter::told(&signs, policy, now));
    Step { events, mails, plan, signs, quiet }
}

/// What a mail tells the ledger, whether it arrives now or is read again later. Our own mail and suspect mail tell
/// nothing.
#[must_use]
pub fn told(mail: &Mail, facts: &Facts, verdict: &Verdict) -> Vec<Event> {
    let aside = [label::OWN, label::QUARANTINE].iter().any(|label| verdict.labels.contains(*label));
    if aside { Vec::new() } else { ledger::events(mail, facts) }
}

/// What is kept of a mail for letters, however it is read. `account` is empty for a mail from a file.
#[must_use]
pub fn kept(mail: &Mail, facts: &Facts, events: &[Event], account: &str, known: &Known) -> Vec<Correspondence> {
    letter::correspondence::of(mail, facts, events, account, &known.own_addresses)
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
    /// What makes it one event with another mail (keys without channel).
    dedupe: Vec<Same>,
    /// Filing waits for it.
    first: bool,
    /// Noticed late: told with others that are.
    late: bool,
    /// What the shopper thinks of its goods.
    want: Want,
}

impl Said {
    fn announcement(&self, arrived: &Arrived<'_>, policy: &Policy, now: Timestamp) -> Announcement {
        let (title, body) = policy.wording.alert(policy.language, self.template, &self.scene);
        let about_this_mail = self.template != Template::Quarantine;
        let alert = Alert {
            priority: self.priority,
            category: arrived.verdict.category.clone(),
            title,
            body,
            url: self.url.clone(),
            received: about_this_mail.then_some(arrived.mail.received),
            details: if about_this_mail { details(arrived, &self.want) } else { serde_json::Map::new() },
            links: if about_this_mail { links(arrived, &self.want, policy) } else { Vec::new() },
            ..Alert::default()
        };
        Announcement {
            key: format!("alert:{}", arrived.mail.key),
            alert,
            until: policy.gives_up_at(now),
            dedupe: self.dedupe.clone(),
        }
    }
}

/// What is to be said, or why nothing is; `None`: there was nothing to say.
fn announcement(arrived: &Arrived<'_>, policy: &Policy, now: Timestamp) -> Result<Said, Option<Quiet>> {
    let verdict = arrived.verdict;
    let age = now.duration_since(arrived.mail.received).as_secs();
    let stale = policy.stale_after_s > 0 && age > policy.stale_after_s;
    if verdict.labels.contains(label::OWN) {
        return Err(None);
    }
    if verdict.labels.contains(label::QUARANTINE) {
        return if age <= SUSPECT_IS_OLD_S { Ok(quarantine(arrived)) } else { Err(Some(Quiet::Old)) };
    }
    if verdict.escalate {
        let late = stale && policy.late == Late::Summary;
        let want = policy.wanted.of(arrived.facts, target(arrived, &Want::Neither).as_deref(), now);
        return match want {
            // it is filed, and stands in the history
            Want::Muted => Err(Some(Quiet::Muted)),
            Want::Neither if policy.only_wanted => Err(Some(Quiet::NotWanted)),
            want => Ok(Said { late, ..restock(arrived, want, now) }),
        };
    }
    let priority = policy.calm.priority_of(&verdict.category, verdict.priority);
    if priority == Priority::Silent {
        return Err(silent(verdict));
    }
    if stale && is_over(arrived.facts, now) {
        return Err(Some(Quiet::Old));
    }
    let template = match verdict.category.as_str() {
        category::CANCELLATION => Template::Cancellation,
        category::ORDER => Template::Order,
        _ => Template::Notice,
    };
    let scene = scene(arrived, &Want::Neither, now);
    let dedupe = match template {
        Template::Cancellation => same::cancellation(arrived, &scene.alternative),
        _ => same::mail(arrived.mail),
    };
    let url = target(arrived, &Want::Neither);
    Ok(Said { template, priority, scene, url, dedupe, first: false, late: false, want: Want::Neither })
}

/// Why a mail is silent that is no restock to be told at once. Of mail that is none of modori's there was nothing to say.
fn silent(verdict: &Verdict) -> Option<Quiet> {
    match verdict.priority {
        _ if verdict.labels.contains(label::ADVERT) => Some(Quiet::Advert),
        _ if verdict.category == category::OTHER => None,
        Priority::Silent => Some(Quiet::Usual),
        _ => Some(Quiet::Silenced),
    }
}

/// Whether every deadline the mail names has passed, and it names one.
fn is_over(facts: &Facts, now: Timestamp) -> bool {
    let ends = [sure(&facts.reply_by), sure(&facts.pay_by)];
    ends.iter().flatten().max().is_some_and(|end| *end < now)
}

fn restock(arrived: &Arrived<'_>, want: Want, now: Timestamp) -> Said {
    let url = target(arrived, &want);
    let mut scene = scene(arrived, &want, now);
    if url.is_none() {
        scene.other_link = other_link(arrived);
    }
    let dedupe = same::restock(arrived, url.as_deref());
    Said { template: Template::Restock, priority: Priority::Urgent, scene, url, dedupe, first: true, late: false, want }
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
        dedupe: vec![Same::new("quarantine", QUARANTINE_S)],
        first: false,
        late: false,
        want: Want::Neither,
    }
}

#[cfg(test)]
mod tests;
