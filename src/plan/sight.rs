//! Whether each watched mailbox is seen, since when not, and what the shopper is told of it.
//!
//! A mailbox that is not seen looks exactly like one without mail. So blindness is told, in a way that does not depend
//! on mail, and seldom: a connection that comes and goes is told less and less often.

use super::announce::Announcement;
use super::calm::SIGHT;
use super::tell::{clean, clean_to};
use super::{Alert, Effect, Policy, Wish};
use crate::calendar::rfc3339;
use crate::mailbox::MailKey;
use crate::rules::Priority;
use crate::wording::{SightKind, SightWords, Unseen};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// Beyond its promised bound, so much later a sign of life is missed.
const GRACE: SignedDuration = SignedDuration::from_secs(30);
/// Longest trouble that is told, in characters: what to do stands at its end.
const TROUBLE: usize = 600;
/// Alerts so far back make the next one come later.
const REMEMBERED: SignedDuration = SignedDuration::from_hours(24);
/// An alert waits at most so long, however often there was one.
const LONGEST: SignedDuration = SignedDuration::from_hours(6);

/// When blindness is told, and where.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Blind {
    /// Blind for so long: told. `None`: never told.
    pub after: Option<SignedDuration>,
    /// The same while a hot window is open.
    pub after_hot: Option<SignedDuration>,
    /// Channels that do not depend on mail; the mail ones when there are no others.
    pub channels: Vec<String>,
    /// Asked one after the other when none of those took it; mail comes last.
    pub fallback: Vec<String>,
}

/// How a mailbox is reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach {
    /// Being connected to.
    Connecting,
    /// Opened; what came meanwhile is being read.
    CatchingUp,
    /// The server tells, or is asked, of anything new.
    Watching,
    /// Lost; tried again later.
    Waiting,
    /// The shopper must do something: a refused login.
    Refused,
}

impl Reach {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Connecting, Self::CatchingUp, Self::Watching, Self::Waiting, Self::Refused];

    /// As it is stored and shown.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Connecting => "connecting",
            Self::CatchingUp => "catching-up",
            Self::Watching => "watching",
            Self::Waiting => "waiting",
            Self::Refused => "refused",
        }
    }

    /// The stored word; a word that is not known is a mailbox that must be connected to.
    #[must_use]
    pub fn of(word: &str) -> Self {
        Self::ALL.into_iter().find(|reach| reach.word() == word).unwrap_or(Self::Connecting)
    }
}

/// What the shopper was told of a mailbox that is not seen.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Told {
    /// Alerts of this blindness that are still true, by their keys without the channel.
    #[serde(default)]
    pub alerts: Vec<String>,
    /// Blind since, as told.
    #[serde(default)]
    pub from: Option<Timestamp>,
    /// Seen again since; what was told is to be taken back.
    #[serde(default)]
    pub to: Option<Timestamp>,
    /// Which refusal was told.
    #[serde(default)]
    pub refusal: Option<String>,
    /// When alerts of blindness were entered, of the last day.
    #[serde(default)]
    pub at: Vec<Timestamp>,
}

/// What is known of the sight of one mailbox.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Life {
    /// Account.
    pub account: String,
    /// Mailbox.
    pub mailbox: String,
    /// How it is reached.
    pub reach: Reach,
    /// What tells of new mail (`notify`, `idle`, `poll`), as of the last time it was opened.
    pub means: Option<String>,
    /// It is reached like this since.
    pub since: Timestamp,
    /// The last instant at which the server had answered and would have told of anything new.
    pub good_at: Option<Timestamp>,
    /// Nothing that came since then was seen; `None`: it is seen.
    pub blind_since: Option<Timestamp>,
    /// The program runs, and the machine is awake, since: nobody is told of a blindness that was sleep.
    pub awake_since: Timestamp,
    /// Attempts that failed since mail was last looked for to the end.
    pub failures: u32,
    /// Not to be tried again before.
    pub not_before: Option<Timestamp>,
    /// The last trouble, for people.
    pub trouble: Option<String>,
    /// Changes with the settings of the login; holds nothing of the secret.
    pub login: String,
    /// What was told.
    pub told: Told,
}

impl Life {
    /// A mailbox that was never watched.
    #[must_use]
    pub fn new(account: &str, mailbox: &str, login: &str, now: Timestamp) -> Self {
        Self {
            account: account.to_owned(),
            mailbox: mailbox.to_owned(),
            reach: Reach::Connecting,
            means: None,
            since: now,
            good_at: None,
            blind_since: Some(now),
            awake_since: now,
            failures: 0,
            not_before: None,
            trouble: None,
            login: login.to_owned(),
            told: Told::default(),
        }
    }

    /// The program starts: `self` is what an earlier life wrote down at `kept_at`. A pause that is shorter than the time
    /// after which blindness is told does not begin the count anew; else a program that is restarted again and again
    /// would never tell.
    ///
    /// Waits survive, unless the login's settings are others, or a person started the program (`by_hand`): then it is
    /// tried at once.
    #[must_use]
    pub fn resumed(self, login: &str, by_hand: bool, kept_at: Timestamp, blind: &Blind, now: Timestamp) -> Self {
        let pause = now.duration_since(kept_at);
        let short = !pause.is_negative() && blind.after.is_some_and(|after| pause < after);
        let going_on = short.then_some(self.blind_since).flatten().filter(|since| *since <= now);
        let at_once = by_hand || self.login != login;
        let held = self.not_before.filter(|at| !at_once && *at > now);
        let reach = match self.reach {
            Reach::Refused if held.is_some() => Reach::Refused,
            _ if held.is_some() => Reach::Waiting,
            _ => Reach::Connecting,
        };
        Self {
            reach,
            since: if reach == self.reach { self.since } else { now },
            good_at: self.good_at.map(|at| at.min(now)),
            // told before: it is the same blindness until something is seen
            blind_since: self.told.from.filter(|_| !self.told.alerts.is_empty()).or(going_on).or(Some(now)),
            awake_since: if going_on.is_some() { self.awake_since.min(now) } else { now },
            failures: if self.login == login { self.failures } else { 0 },
            not_before: held,
            login: login.to_owned(),
            told: Told { to: None, ..self.told },
            ..self
        }
    }

    fn reached(&mut self, reach: Reach, now: Timestamp) {
        if self.reach != reach {
            (self.reach, self.since) = (reach, now);
        }
    }

    /// It was opened.
    pub fn opened(&mut self, means: &str, now: Timestamp) {
        self.means = Some(means.to_owned());
        self.not_before = None;
        self.reached(Reach::CatchingUp, now);
    }

    /// Everything there is was looked at.
    pub fn looked(&mut self, now: Timestamp) {
        (self.failures, self.not_before) = (0, None);
        self.seen(now);
    }

    /// The server answered, and would have told of anything new.
    pub fn seen(&mut self, now: Timestamp) {
        self.reached(Reach::Watching, now);
        self.good_at = Some(now);
        self.told.refusal = None;
        if self.blind_since.take().is_some() && !self.told.alerts.is_empty() {
            self.told.to = Some(now);
        }
    }

    /// The connection is lost, or could not be made; it is tried again after `wait`. `asks`: only the shopper can mend it.
    pub fn lost(&mut self, failures: u32, trouble: &str, asks: bool, wait: SignedDuration, now: Timestamp) {
        self.reached(if asks { Reach::Refused } else { Reach::Waiting }, now);
        self.failures = failures;
        self.not_before = Some(now.saturating_add(wait).unwrap_or(Timestamp::MAX));
        self.trouble = Some(clean_to(trouble, TROUBLE));
        self.blinded(now);
    }

    fn blinded(&mut self, now: Timestamp) {
        if self.blind_since.is_none() {
            self.blind_since = Some(self.good_at.unwrap_or(now).min(now));
        }
        self.told.to = None;
    }

    /// Watching, but without a sign of life for longer than `bound` allows: it counts as blind. `true` if it was not
    /// known before.
    pub fn overdue(&mut self, bound: SignedDuration, now: Timestamp) -> bool {
        let Some(good_at) = self.good_at.filter(|_| self.blind_since.is_none()) else { return false };
        let late = now.duration_since(good_at.max(self.awake_since)) > bound.saturating_add(GRACE);
        if late {
            self.trouble = Some("no sign of life from the watching connection".to_owned());
            self.blinded(now);
        }
        late
    }

    /// The machine slept, or its clock was set: what is counted is counted from now.
    pub fn shaken(&mut self, now: Timestamp) {
        self.awake_since = now;
        self.since = self.since.min(now);
        self.good_at = self.good_at.map(|at| at.min(now));
        self.blind_since = self.blind_since.map(|at| at.min(now));
    }

    /// When this blindness is to be told; `None`: it is seen, was told, or nothing is told.
    #[must_use]
    pub fn told_at(&self, blind: &Blind, hot: bool, now: Timestamp) -> Option<Timestamp> {
        let since = self.blind_since.filter(|_| self.told.alerts.is_empty())?.max(self.awake_since);
        let after = if hot { blind.after_hot.or(blind.after) } else { blind.after }?;
        // 5, 10, 20 minutes … : an outage that is short and comes again is told once, a long one always
        let before = self.told.at.iter().filter(|at| now.duration_since(**at) < REMEMBERED).count();
        let doubled = after.saturating_mul(1 << before.min(16));
        since.saturating_add(doubled.min(LONGEST.max(after))).ok()
    }
}

/// What is to be told now of mailboxes that are not seen; what was told is written into `lives`.
#[must_use]
pub fn on_blind(lives: &mut [Life], policy: &Policy, hot: bool, now: Timestamp) -> Vec<Wish> {
    let blind = &policy.blind;
    if (blind.channels.is_empty() && blind.fallback.is_empty()) || blind.after.is_none() {
        return Vec::new();
    }
    let mut plan = Vec::new();
    for life in lives.iter_mut().filter(|life| life.reach == Reach::Refused) {
        // servers number their refusals: the digits do not make another reason of it
        let reason = life.trouble.clone().unwrap_or_default();
        let bare: String = reason.chars().filter(|c| !c.is_ascii_digit()).collect();
        let refusal = MailKey::of(bare.as_bytes()).hex().chars().take(16).collect::<String>();
        if life.told.refusal.as_ref() == Some(&refusal) {
            continue;
        }
        let since = life.blind_since.unwrap_or(now);
        let stem = format!("refused:{}:{}:{refusal}:", life.account, since.as_millisecond());
        plan.extend(alert(SightKind::Refused, &[&*life], since, None, &stem, policy, now));
        life.told.refusal = Some(refusal);
        told(life, &stem, since);
    }
    let due = |life: &Life| life.told_at(blind, hot, now).is_some_and(|at| at <= now);
    if let Some(first) = lives.iter().find(|life| due(life)) {
        let stem = format!(
            "blind:{}:{}:",
            first.account,
            first.blind_since.unwrap_or(now).max(first.awake_since).as_millisecond()
        );
        // one alert for all that went dark together
        let half = blind.after.map_or(SignedDuration::ZERO, |after| after / 2);
        let along = |life: &Life| {
            let since = life.blind_since.filter(|_| life.told.alerts.is_empty());
            since.is_some_and(|since| now.duration_since(since.max(life.awake_since)) >= half)
        };
        let all: Vec<&Life> = lives.iter().filter(|life| due(life) || along(life)).collect();
        let since = all.iter().filter_map(|life| life.blind_since).min().unwrap_or(now);
        plan.extend(alert(SightKind::Blind, &all, since, None, &stem, policy, now));
        for life in lives.iter_mut().filter(|life| due(life) || along(life)).collect::<Vec<_>>() {
            let from = life.blind_since.unwrap_or(now);
            life.told.at.retain(|at| now.duration_since(*at) < REMEMBERED);
            life.told.at.push(now);
            told(life, &stem, from);
        }
    }
    plan
}

fn told(life: &mut Life, stem: &str, from: Timestamp) {
    life.told.alerts.push(stem.to_owned());
    life.told.from = Some(life.told.from.map_or(from, |before| before.min(from)));
    life.told.to = None;
}

/// An alert that is true no more: every mailbox it spoke of is seen again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Over {
    /// Its key without the channel.
    pub stem: String,
    /// Which mailboxes.
    pub mailboxes: Vec<(String, String)>,
    /// Blind from.
    pub from: Timestamp,
    /// To.
    pub to: Timestamp,
}

/// The alerts that are to be taken back.
#[must_use]
pub fn over(lives: &[Life]) -> Vec<Over> {
    let mut all: Vec<Over> = Vec::new();
    for life in lives {
        for stem in &life.told.alerts {
            let (from, Some(to)) = (life.told.from.unwrap_or(life.since), life.told.to) else { continue };
            let place = (life.account.clone(), life.mailbox.clone());
            match all.iter_mut().find(|one| one.stem == *stem) {
                Some(one) => {
                    one.mailboxes.push(place);
                    (one.from, one.to) = (one.from.min(from), one.to.max(to));
                }
                None => all.push(Over { stem: stem.clone(), mailboxes: vec![place], from, to }),
            }
        }
    }
    let still = |stem: &String| lives.iter().any(|life| life.told.to.is_none() && life.told.alerts.contains(stem));
    all.retain(|one| !still(&one.stem));
    all
}

/// An alert was taken back: the mailboxes forget it.
pub fn forget(lives: &mut [Life], stem: &str) {
    for life in lives {
        life.told.alerts.retain(|told| told != stem);
        if life.told.alerts.is_empty() {
            (life.told.from, life.told.to) = (None, None);
        }
    }
}

/// The quiet word that mailboxes are seen again, through the channels by which the alert had left; `mails` came
/// meanwhile.
#[must_use]
pub fn on_return(over: &Over, channels: &[String], mails: u32, policy: &Policy, now: Timestamp) -> Vec<Wish> {
    let unseen = |(account, mailbox): &(String, String)| Unseen {
        account: clean(account),
        mailbox: clean(mailbox),
        trouble: String::new(),
    };
    let words = SightWords {
        kind: SightKind::Back,
        mailboxes: over.mailboxes.iter().map(unseen).collect(),
        from: Some(over.from),
        to: Some(over.to),
        minutes: minutes(over.from, over.to),
        mails: Some(mails),
    };
    let until = policy.gives_up_at(now);
    let back = said(&words, Priority::Normal, &format!("back:{}", over.stem), until, policy);
    let mut wishes = back.by(channels, &[], policy, now);
    for wish in &mut wishes {
        // in the morning, too, only where the alert had left
        if let Effect::Held { by, .. } = &mut wish.effect {
            *by = channels.to_vec();
        }
    }
    wishes
}

fn alert(
    kind: SightKind,
    lives: &[&Life],
    from: Timestamp,
    until: Option<Timestamp>,
    stem: &str,
    policy: &Policy,
    now: Timestamp,
) -> Vec<Wish> {
    let unseen = |life: &&Life| Unseen {
        account: clean(&life.account),
        mailbox: clean(&life.mailbox),
        trouble: life.trouble.as_deref().map(|trouble| clean_to(trouble, TROUBLE)).unwrap_or_default(),
    };
    let words = SightWords {
        kind,
        mailboxes: lives.iter().map(unseen).collect(),
        from: Some(from),
        to: None,
        minutes: minutes(from, now),
        mails: None,
    };
    let blind = &policy.blind;
    said(&words, Priority::High, stem, until, policy).by(&blind.channels, &blind.fallback, policy, now)
}

fn said(words: &SightWords, priority: Priority, stem: &str, until: Option<Timestamp>, policy: &Policy) -> Announcement {
    let (title, body) = policy.wording.sight(policy.language, words);
    let names = |one: &Unseen| Value::from(format!("{}/{}", one.account, one.mailbox));
    let details: Map<String, Value> = [
        ("sight", Some(Value::from(words.kind.word()))),
        ("mailboxes", Some(Value::Array(words.mailboxes.iter().map(names).collect()))),
        ("blind_from", words.from.map(|at| rfc3339(at).into())),
        ("blind_to", words.to.map(|at| rfc3339(at).into())),
        ("mails", words.mails.map(Value::from)),
    ]
    .into_iter()
    .filter_map(|(key, value)| Some((key.to_owned(), value?)))
    .collect();
    let alert = Alert { priority, category: SIGHT.to_owned(), title, body, details, ..Alert::default() };
    Announcement::new(stem.trim_end_matches(':'), alert, until)
}

fn minutes(from: Timestamp, to: Timestamp) -> i64 {
    to.duration_since(from).as_mins().max(0)
}

#[cfg(test)]
mod tests;
