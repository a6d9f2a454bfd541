//! `modori release`: takes back in what was quarantined wrongly, and keeps the senders the shopper vouches for.

use super::args::{Format, Release};
use super::{Failure, mails, setup, sweep};
use crate::edge::hand::{HandLock, LockError};
use crate::engine::release::{Released, Which};
use serde_json::json;
use std::path::Path;

/// Releases a mail, lists the vouched senders, or forgets one.
pub(super) fn run(arguments: &Release, config: Option<&Path>, state: Option<&Path>) -> Result<(), Failure> {
    if arguments.list || arguments.forget.is_some() {
        return senders(arguments, config, state);
    }
    let which = which(arguments.mail.as_deref().unwrap_or_default())?;
    let config = setup::config(config, state)?;
    let store = setup::store(&config.state)?;
    let engine = setup::engine(&config, &store)?;
    let hand = match HandLock::take(&config.state) {
        Ok(lock) => Some(lock),
        // a running watch has it: it does what follows
        Err(LockError::Held { .. }) => None,
        Err(error) => return Err(Failure::new(error.to_string())),
    };
    let runtime = setup::runtime()?;
    let began = engine.clock.now();
    runtime.block_on(async {
        if hand.is_some() {
            engine.hand.recover().await.map_err(|error| Failure::new(error.to_string()))?;
        }
        let released = engine
            .release(which, arguments.always_sender, hand.is_some())
            .await
            .map_err(|error| Failure::new(error.to_string()))?;
        match arguments.format {
            Format::Json => anstream::println!("{}", sheet(&released)),
            Format::Text => tell(&released),
        }
        let worked = async {
            match &hand {
                Some(_) => engine.hand.work_until_idle().await.map_err(|error| Failure::new(error.to_string()))?,
                None => sweep::wait_for_the_other(&engine).await?,
            }
            sweep::left_over(&engine, began).await
        };
        tokio::select! {
            ended = worked => ended?,
            () = super::watch::stopped() => {
                return Err(Failure::new("stopped; what was begun is finished at the next start"));
            }
        }
        Ok(())
    })
}

/// A file if there is one of this name, else a Message-ID.
fn which(mail: &str) -> Result<Which, Failure> {
    let path = Path::new(mail);
    if mail == "-" || path.exists() {
        let paths = [path.to_path_buf()];
        let mut all = mails::all(&paths);
        let first = all.next().ok_or_else(|| Failure::new(format!("{mail} holds no mail")))?;
        let first = first.map_err(|unread| Failure::new(unread.what))?;
        if all.next().is_some() {
            return Err(Failure::broken(format!("{mail} holds more than one mail; name one .eml file")));
        }
        return Ok(Which::Bytes(first.bytes));
    }
    let id = mail.trim().trim_start_matches('<').trim_end_matches('>').trim();
    if id.contains('@') && !id.contains(char::is_whitespace) {
        return Ok(Which::Id(id.to_owned()));
    }
    Err(Failure::broken(format!("`{mail}` is neither a file nor a Message-ID (which looks like <name@example.jp>)")))
}

fn tell(released: &Released) {
    let verdict = &released.verdict;
    anstream::println!("{}: released as {}, counted as unverified", released.sender, verdict.category);
    anstream::println!("  was suspect: {}", released.reasons.join("; "));
    match &released.folder {
        Some(folder) => anstream::println!("  goes into {folder}"),
        None => anstream::println!("  it stays where it is"),
    }
    if released.events > 0 {
        let events = super::render::count(released.events, "event");
        anstream::println!("  the ledger has {events} of it, as claimed; `modori cases` shows them");
    }
    if let Some(age) = released.late_restock_s {
        anstream::println!("  no restock alert: the mail is {} old", old(age));
    }
    if released.vouched && released.vouching_helps {
        anstream::println!("  mail from {} is let in from now on", released.sender);
    } else if released.vouched {
        anstream::println!(
            "  {} is vouched for, but more than its name speaks against this mail: the like of it stays in quarantine",
            released.sender
        );
    }
}

fn old(seconds: i64) -> String {
    let (minutes, hours, days) = (seconds / 60, seconds / 3600, seconds / 86_400);
    let (number, unit) = match (days, hours) {
        (1.., _) => (days, "day"),
        (0, 1..) => (hours, "hour"),
        _ => (minutes, "minute"),
    };
    super::render::count(usize::try_from(number).unwrap_or_default(), unit)
}

fn sheet(released: &Released) -> serde_json::Value {
    json!({
        "sender": released.sender,
        "category": released.verdict.category,
        "labels": released.verdict.labels,
        "rule": released.verdict.rule,
        "folder": released.folder,
        "trust": "unverified",
        "was_suspect": released.reasons,
        "events": released.events,
        "alerts": released.alerts,
        "late_restock_s": released.late_restock_s,
        "vouched": released.vouched,
    })
}

fn senders(arguments: &Release, config: Option<&Path>, state: Option<&Path>) -> Result<(), Failure> {
    let failed = |error: crate::edge::store::StoreError| Failure::new(error.to_string());
    let (folder, _) = setup::state(state, config)?;
    let mut db = setup::db(&folder)?;
    if let Some(address) = &arguments.forget {
        if !db.forget(address).map_err(failed)? {
            return Err(Failure::new(format!("{address} is not vouched for; `modori release --list` shows who is")));
        }
        anstream::println!("{address}: forgotten; what was released stays released");
        return Ok(());
    }
    let vouched = db.vouched().map_err(failed)?;
    if arguments.format == Format::Text && vouched.is_empty() {
        anstream::println!("nobody is vouched for");
    }
    for (address, since) in vouched {
        match arguments.format {
            Format::Json => {
                anstream::println!("{}", json!({ "address": address, "since": crate::calendar::rfc3339(since) }));
            }
            Format::Text => {
                anstream::println!("{address}  since {}", crate::calendar::civil(since).strftime("%Y-%m-%d"));
            }
        }
    }
    Ok(())
}
