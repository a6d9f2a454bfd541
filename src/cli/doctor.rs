//! `modori doctor`: looks over this machine, the configuration, the rules, the database, servers, channels, and the
//! watch, and says what to mend. Changes nothing on a server, sends nothing, and works beside a watch that runs.
//!
//! Exit code: 0 when nothing fails, 1 when something does, 2 when the configuration or the rules cannot be used (what can
//! be looked at without them is looked at all the same). docs/doctor.md lists what is looked at.

mod machine;
mod running;
mod words;

use super::args::{Doctor, Format};
use super::{Failure, render, setup};
use crate::edge::clock::Clock;
use crate::edge::config::{self, ChannelKind, Config, Web};
use crate::edge::hand::HandLock;
use crate::edge::secret::Secret;
use crate::edge::store::{Db, Health};
use crate::engine::Mailbox;
use crate::engine::checkup::{self, Asked, Check, Grade, channels};
use serde_json::{Value, json};
use std::path::Path;
use words::Judging;

/// Looks everything over.
pub(super) fn run(arguments: &Doctor, named: Option<&Path>, state: Option<&Path>) -> Result<bool, Failure> {
    let file = named.map(Path::to_path_buf).or_else(config::default_file);
    let mut checks = Vec::new();
    let usable = match setup::config(named, state) {
        Ok(config) => whole(&config, file.as_deref(), &mut checks)?,
        Err(failure) => {
            let remedy = "mend it: what hangs on it is not looked at. `modori init` writes a new one";
            checks.push(Check::failure("configuration", failure.what.trim_end(), remedy));
            let state = state.map(Path::to_path_buf).or_else(|| file.as_deref().and_then(config::state_of));
            on_this_machine(file.as_deref(), None, state.as_deref(), &mut checks);
            false
        }
    };
    match arguments.format {
        Format::Text => anstream::println!("{}", render::checks(&checks)),
        Format::Json => anstream::println!("{}", sheet(&checks)),
    }
    if !usable {
        return Err(Failure::broken("the configuration or the rules cannot be used as they are: see above"));
    }
    Ok(checks.iter().all(|check| check.grade != Grade::Failure))
}

/// State folder, file modes, database, disk.
fn on_this_machine(file: Option<&Path>, config: Option<&Config>, state: Option<&Path>, checks: &mut Vec<Check>) {
    let Some(state) = state else { return };
    checks.push(machine::folder(state));
    checks.extend(machine::modes(file, config, state));
    checks.extend(machine::database(state));
    checks.extend(machine::room(state));
}

/// Everything; `false`: the rules cannot be used.
fn whole(config: &Config, file: Option<&Path>, checks: &mut Vec<Check>) -> Result<bool, Failure> {
    let clock = Clock::system();
    let own = config.accounts.iter().filter(|account| !account.own.is_none()).count();
    let others = match own {
        0 => String::new(),
        number => format!(", {} with rules or folders of its own", render::count(number, "account")),
    };
    let said = format!("{}{others}", render::count(config.accounts.len(), "account"));
    checks.push(Check::fine("configuration", said));
    if config.accounts.is_empty() {
        checks.push(Check::failure("configuration", "no account: nothing is watched", "add an [[account]]"));
    }
    let judging = words::rules(config, checks)?;
    checks.extend(words::texts(config));
    on_this_machine(file, Some(config), Some(&config.state), checks);
    checks.extend(running::checks(config, setup::changed_at(file), clock.now()));
    checks.extend(alerts(config));
    checks.extend(letters(config));
    checks.extend(config.web.as_ref().map(|web| page(web, &config.state)));
    checks.extend(checkup::budget(&config.accounts, !config.policy.replies.send.is_empty()));
    setup::runtime()?.block_on(away(config, &judging, &clock, checks));
    Ok(!judging.broken)
}

/// What is asked of others: secrets of their programs, mail servers, channels.
async fn away(config: &Config, judging: &Judging, clock: &Clock, checks: &mut Vec<Check>) {
    for (about, secret) in secrets(config) {
        if let Err(error) = secret.get().await {
            let remedy = "without it nothing can be sent or read there";
            checks.push(Check::failure(about, error.to_string(), remedy));
        }
    }
    let (found, clocks) = channels::channels(config, clock).await;
    checks.extend(found);
    checks.push(channels::clock(&clocks));
    checks.extend(channels::posts(config, clock).await);
    for account in &config.accounts {
        let mailbox = match Mailbox::of(account) {
            Ok(mailbox) => mailbox,
            Err(error) => {
                let about = format!("account {}: TLS", account.name);
                checks.push(Check::failure(about, error.to_string(), "check `ca_file`"));
                continue;
            }
        };
        let folders = judging.folders(&account.name);
        let writes = config.policy.replies.drafts;
        let outgoing = &config.outgoing;
        let asked = Asked {
            account,
            folders: &folders,
            drafts: writes.then_some(outgoing.drafts_folder.as_deref()),
            sent: (!config.policy.replies.send.is_empty()).then_some(outgoing.sent_folder.as_deref()),
        };
        let (found, logged_in) = checkup::account(&mailbox, asked).await;
        checks.extend(found);
        if logged_in {
            again(&config.state, &account.name);
        }
    }
}

/// For programs: a check is named by `check`, and `account` or `channel` where it is about one.
fn sheet(checks: &[Check]) -> Value {
    let one = |check: &Check| {
        let (of, name) = named(&check.about);
        let mut sheet = json!({
            "check": name,
            "about": check.about,
            "grade": check.grade.word(),
            "said": check.said,
            "remedy": check.remedy,
        });
        if let (Some((key, value)), Some(sheet)) = (of, sheet.as_object_mut()) {
            sheet.insert(key.to_owned(), value.into());
        }
        sheet
    };
    let of = |grade: Grade| checks.iter().filter(|check| check.grade == grade).count();
    json!({
        "version": 1,
        "failures": of(Grade::Failure),
        "warnings": of(Grade::Warning),
        "checks": checks.iter().map(one).collect::<Vec<_>>(),
    })
}

/// `account home: login` → the account, and `login`; `channel phone` → the channel, and `channel`.
fn named(about: &str) -> (Option<(&'static str, &str)>, &str) {
    for key in ["account", "channel"] {
        let Some(rest) = about.strip_prefix(key).and_then(|rest| rest.strip_prefix(' ')) else { continue };
        return match rest.rsplit_once(": ") {
            Some((name, check)) => (Some((key, name)), check),
            None => (Some((key, rest)), key),
        };
    }
    (None, about)
}

/// The login works: a watch that waits for the shopper need not wait any longer. Without a database none waits, and one of
/// another schema is left alone: an older watch may be at work with it.
pub(super) fn again(state: &Path, account: &str) {
    if state.join("modori.sqlite").exists()
        && let Err(error) = Db::open_as_it_is(state).and_then(|mut db| db.ask_again(account))
    {
        tracing::warn!("a running watch is not told that the login works: {error}");
    }
}

/// Whether the page with the button can be served: its address is free, or the watch that runs has it.
fn page(web: &Web, state: &Path) -> Check {
    let about = "dashboard";
    let error = match std::net::TcpListener::bind(web.listen) {
        Ok(_) => return Check::fine(about, format!("{} can be listened on", web.listen)),
        Err(error) => error,
    };
    let trouble = Db::open_to_read(state).and_then(|db| db.web_trouble()).ok().flatten();
    let busy = error.kind() == std::io::ErrorKind::AddrInUse;
    if busy && trouble.is_none() && HandLock::holder(state).is_some() {
        return Check::fine(about, format!("served on {} by the watch that runs", web.listen));
    }
    let remedy = if busy {
        "another program has this port: name another one under [web], and in your reverse proxy"
    } else {
        "name an address of this machine under [web]"
    };
    Check::failure(about, format!("{} cannot be listened on: {error}", web.listen), remedy)
}

/// Every secret that the configuration names, except those of the accounts: their login shows it.
fn secrets(config: &Config) -> Vec<(String, &Secret)> {
    let mut all = Vec::new();
    for (name, channel) in &config.channels {
        let found = channel.kind.secrets().into_iter();
        all.extend(found.map(|(what, secret)| (format!("channel {name}: {what}"), secret)));
    }
    all
}

/// A channel that does nothing.
pub(super) fn idle(name: &str) -> Check {
    let said = "it is configured, and no alert goes through it";
    Check::warning(format!("channel {name}"), said, "name it under [alerts], or take it out")
}

/// Whether letters leave as the configuration says.
fn letters(config: &Config) -> Vec<Check> {
    let replies = &config.policy.replies;
    let mut checks = Vec::new();
    if !replies.send.is_empty() {
        let without = config.accounts.iter().filter(|account| config.sends_by(&account.name).is_none());
        checks.extend(without.map(|account| {
            let said = format!("[replies.send] lets letters be sent, and {} has no server that sends", account.name);
            let remedy = "add [account.smtp] to it, or name an smtp channel with by = \"NAME\" under [replies]; until then they are drafts";
            Check::warning("letters", said, remedy)
        }));
    }
    if replies.drafts && !config.policy.tells() {
        let said = "no channel: reminders wait for one, and the letters that come with them";
        checks.push(Check::warning("letters", said, "`modori inquiry ORDER` drafts one without"));
    }
    checks
}

/// Whether alerts arrive, also when mail does not.
fn alerts(config: &Config) -> Vec<Check> {
    let named: Vec<&String> = config.policy.channels.iter().chain(&config.policy.fallback).collect();
    if named.is_empty() {
        let said = "no channel: a restock is sorted, and nobody is told";
        return vec![Check::warning("alerts", said, "add a [channel.NAME] and name it under [alerts]")];
    }
    let mut checks = Vec::new();
    let own = config.own_addresses();
    for (name, channel) in config.channels.iter().filter(|(name, _)| named.contains(name)) {
        let ChannelKind::Smtp(smtp) = &channel.kind else { continue };
        if let Some(address) = smtp.to.iter().find(|address| own.contains(&address.to_lowercase())) {
            let said = format!("its alerts go to {address}, a mailbox that is watched");
            let remedy = "they start nothing there, but a channel that is not mail is faster and rings";
            checks.push(Check::warning(format!("channel {name}"), said, remedy));
        }
    }
    checks.extend(config.idle_channels().into_iter().map(idle));
    let blind = &config.policy.blind;
    let by_mail = |name: &&String| config.channels.get(*name).is_some_and(|channel| channel.kind.is_mail());
    checks.extend(fare(config, &named));
    let blind_by: Vec<&String> = blind.channels.iter().chain(&blind.fallback).collect();
    checks.push(if blind.after.is_none() {
        Check::warning(
            "sight",
            "nobody is told when a mailbox is not seen",
            "write alert = true under [sight], or look at modori status",
        )
    } else if blind_by.iter().all(by_mail) {
        let said = "that a mailbox is not seen is told by mail: perhaps into just that mailbox";
        Check::warning("sight", said, "add a channel that is not mail (ntfy, webhook, command) under [alerts]")
    } else {
        Check::fine("sight", format!("that a mailbox is not seen is told by {}", join(&blind_by)))
    });
    checks
}

/// How the channels fared when they were last used.
fn fare(config: &Config, named: &[&String]) -> Vec<Check> {
    let Ok(db) = Db::open_to_read(&config.state) else { return Vec::new() };
    let Ok(all) = db.health() else { return Vec::new() };
    let failing = all.into_iter().filter(|(name, health)| named.contains(&name) && health.failing_since.is_some());
    let check = |(name, health): (String, Health)| {
        let since = health.failing_since.map(render::at).unwrap_or_default();
        let trouble = health.trouble.unwrap_or_default();
        let said = format!("nothing left by it since {since}: {trouble}");
        Check::warning(format!("channel {name}"), said, "mend it; it is tried again with the next alert")
    };
    failing.map(check).collect()
}

fn join(names: &[&String]) -> String {
    names.iter().map(|name| name.as_str()).collect::<Vec<_>>().join(", ")
}
