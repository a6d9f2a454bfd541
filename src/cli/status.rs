//! `modori status`: whether every mailbox is seen, how far the lanes are, whether a watch runs. Reads the database only.
//!
//! Exit code: 0 when a watch runs and has fresh proof of life of every mailbox, 1 when it is blind or does not run.

use super::args::{Format, Status};
use super::{Failure, render, setup};
use crate::calendar::rfc3339;
use crate::edge::config::{Account, Web};
use crate::edge::hand::HandLock;
use crate::edge::store::{Db, Health, Lane, Lived, StoreError, Watch};
use crate::plan::hot::{Sales, Used};
use crate::plan::seen::Seen;
use crate::plan::{Policy, summary};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use std::path::Path;

/// All that is shown.
pub(super) struct Shown {
    pub(super) now: Timestamp,
    /// The process of the watch that runs.
    pub(super) pid: Option<u32>,
    /// Another command has the hand.
    pub(super) busy: bool,
    pub(super) watch: Option<Watch>,
    pub(super) mailboxes: Vec<Seen>,
    pub(super) lanes: Vec<Lane>,
    /// Orders with a letter of which it is not known whether it was sent.
    pub(super) doubtful: Vec<String>,
    /// How each channel fares that alerts are told by.
    pub(super) channels: Vec<(String, Option<Health>)>,
    /// How many alerts are kept back, and when they are told.
    pub(super) kept_back: (usize, Option<Timestamp>),
    /// Until when it is hot, when it is hot next, and how much of the day's hot time is left.
    pub(super) hot: (Option<Timestamp>, Option<Timestamp>, SignedDuration),
    /// Where the page with the button is served, and why it cannot be.
    pub(super) web: Option<(Web, Option<String>)>,
    pub(super) database: String,
}

/// Prints it.
pub(super) fn run(arguments: &Status, config: Option<&Path>, state: Option<&Path>) -> Result<bool, Failure> {
    let config = setup::config(config, state)?;
    let now = crate::edge::clock::Clock::system().now();
    let failed = |error: StoreError| Failure::new(error.to_string());
    let db = match Db::open_to_read(&config.state) {
        Ok(db) => Some(db),
        Err(StoreError::Missing { .. }) => None,
        Err(error) => return Err(failed(error)),
    };
    let (lives, watch, lanes) = match &db {
        Some(db) => (db.lives().map_err(failed)?, db.last_watch().map_err(failed)?, db.lanes(now).map_err(failed)?),
        None => (Vec::new(), None, Vec::new()),
    };
    let unknown = db.as_ref().map(Db::unknown_letters).transpose().map_err(failed)?.unwrap_or_default();
    let (health, kept) = match &db {
        Some(db) => (db.health().map_err(failed)?, db.kept_back().map_err(failed)?),
        None => (Vec::new(), Vec::new()),
    };
    let (sales, used) = match &db {
        Some(db) => (db.sales(now).map_err(failed)?, db.hot_used(now).map_err(failed)?),
        None => (Vec::new(), Used::none(now)),
    };
    // a list that cannot be read is told by the watch; what is asked here is whether it sees
    let wanted = setup::wanted(&config.wanted).map(|(_, wanted)| wanted).unwrap_or_default();
    let sales = Sales::of(&sales, &wanted, now);
    let web_trouble = match &db {
        Some(db) => db.web_trouble().map_err(failed)?,
        None => None,
    };
    let left = used.left(&config.hot);
    let until = config.hot.hot_until(&sales, now).filter(|_| !left.is_zero());
    let holder = HandLock::holder(&config.state);
    let pid = watch.as_ref().map(|watch| watch.pid).filter(|pid| holder == Some(Some(*pid)));
    let shown = Shown {
        now,
        pid,
        busy: holder.is_some() && pid.is_none(),
        mailboxes: config.accounts.iter().map(|account| seen(account, &lives, pid.is_some(), now)).collect(),
        watch,
        lanes,
        doubtful: unknown.iter().map(|one| one.letter.order.to_string()).collect(),
        channels: channels(&config.policy, health),
        kept_back: (kept.len(), summary::next(&kept, &config.policy)),
        hot: (until, config.hot.next(&sales, now), left),
        web: config.web.clone().map(|web| (web, web_trouble)),
        database: config.state.join("modori.sqlite").display().to_string(),
    };
    match arguments.format {
        Format::Text => anstream::println!("{}", render::status(&shown)),
        Format::Json => anstream::println!("{}", sheet(&shown)),
    }
    Ok(shown.well())
}

/// The channels that tell, in their order.
fn channels(policy: &Policy, health: Vec<(String, Health)>) -> Vec<(String, Option<Health>)> {
    let named = policy.channels.iter().chain(&policy.fallback);
    let of = |name: &String| health.iter().find(|(channel, _)| channel == name).map(|(_, health)| health.clone());
    named.map(|name| (name.clone(), of(name))).collect()
}

pub(super) fn seen(account: &Account, lives: &[Lived], runs: bool, now: Timestamp) -> Seen {
    let lived = lives.iter().find(|one| one.life.account == account.name && one.life.mailbox == account.mailbox);
    let life = lived.map(|lived| lived.life.clone());
    let bound = account.pace.bound(life.as_ref().and_then(|life| life.means.as_deref()));
    Seen::of(&account.name, &account.mailbox, life, bound, runs, now)
}

impl Shown {
    /// A watch runs and sees everything.
    pub(super) fn well(&self) -> bool {
        self.pid.is_some() && !self.mailboxes.is_empty() && self.mailboxes.iter().all(|mailbox| mailbox.well)
    }
}

fn sheet(shown: &Shown) -> Value {
    let at = |at: Option<Timestamp>| at.map(rfc3339);
    let mailbox = |seen: &Seen| {
        let life = seen.life.as_ref();
        json!({
            "account": seen.account,
            "mailbox": seen.mailbox,
            "seen": seen.well,
            "state": life.map(|life| life.reach.word()),
            "since": at(life.map(|life| life.since)),
            "means": life.and_then(|life| life.means.clone()),
            "last_good_at": at(life.and_then(|life| life.good_at)),
            "blind_for_s": seen.blind_s(shown.pid.is_some(), shown.now),
            "blind_bound_s": seen.bound_s,
            "failures": life.map(|life| life.failures),
            "not_before": at(life.and_then(|life| life.not_before)),
            "trouble": life.and_then(|life| life.trouble.clone()),
        })
    };
    let lane = |lane: &Lane| {
        json!({
            "kind": lane.kind,
            "name": lane.name,
            "open": lane.open,
            "oldest": at(lane.oldest),
            "next_attempt": at(lane.next),
            "trouble": lane.trouble,
            "given_up_in_a_day": lane.given_up,
        })
    };
    let channel = |(name, health): &(String, Option<Health>)| {
        let health = health.as_ref();
        json!({
            "name": name,
            "state": health.map(|health| if health.failing_since.is_some() { "failing" } else { "ok" }),
            "since": at(health.and_then(|health| health.failing_since.or(health.well_since))),
            "failures": health.map(|health| health.failures),
            "left_alone_until": at(health.and_then(|health| health.shut_until).filter(|until| *until > shown.now)),
            "trouble": health.and_then(|health| health.trouble.clone()),
        })
    };
    json!({
        "version": 1,
        "at": rfc3339(shown.now),
        "well": shown.well(),
        "hot": { "until": at(shown.hot.0), "next": at(shown.hot.1), "left_today_s": shown.hot.2.as_secs() },
        "watch": {
            "running": shown.pid.is_some(),
            "pid": shown.pid,
            "modori": shown.watch.as_ref().map(|watch| watch.version.clone()),
            "since": at(shown.watch.as_ref().map(|watch| watch.began_at)),
            "another_command_is_at_work": shown.busy,
        },
        "mailboxes": shown.mailboxes.iter().map(mailbox).collect::<Vec<_>>(),
        "lanes": shown.lanes.iter().map(lane).collect::<Vec<_>>(),
        "letters_in_doubt": shown.doubtful,
        "channels": shown.channels.iter().map(channel).collect::<Vec<_>>(),
        "kept_back": { "alerts": shown.kept_back.0, "told_at": at(shown.kept_back.1) },
        "rules": {
            "in_use": shown.watch.as_ref().map(|watch| watch.rules.clone()),
            "since": at(shown.watch.as_ref().map(|watch| watch.rules_at)),
            "trouble": shown.watch.as_ref().and_then(|watch| watch.rules_trouble.clone()),
        },
        "web": shown.web.as_ref().map(|(web, trouble)| json!({
            "listen": web.listen.to_string(),
            "public_url": web.public_url,
            "trouble": trouble,
        })),
        "database": shown.database,
    })
}
