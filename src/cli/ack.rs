//! `modori ack`: lists the alerts that are repeated until they are acknowledged, and acknowledges them. A running watch
//! notices within a second.

use super::args::{Ack, Format};
use super::{Failure, render, setup};
use crate::calendar::rfc3339;
use crate::edge::clock::Clock;
use crate::edge::store::{Acknowledged, Db, StoreError, Waits};
use crate::plan::answer::By;
use jiff::Timestamp;
use serde_json::{Value, json};
use std::path::Path;

/// Characters of a mail's key that are shown as the name of its alert.
const SHOWN: usize = 8;
/// A name that is shorter is too easily another's.
const SHORTEST: usize = 4;

/// Lists, or acknowledges.
pub(super) fn run(arguments: &Ack, config: Option<&Path>, state: Option<&Path>) -> Result<(), Failure> {
    let failed = |error: StoreError| Failure::new(error.to_string());
    let (folder, _) = setup::state(state, config)?;
    let now = Clock::system().now();
    if arguments.alerts.is_empty() && !arguments.all {
        let waiting = match Db::open_to_read(&folder) {
            Ok(db) => db.awaiting(now).map_err(failed)?,
            Err(StoreError::Missing { .. }) => Vec::new(),
            Err(error) => return Err(failed(error)),
        };
        list(&waiting, arguments.format, now);
        return Ok(());
    }
    let mut db = setup::db(&folder)?;
    let waiting = db.awaiting(now).map_err(failed)?;
    let chosen: Vec<&Waits> = if arguments.all {
        waiting.iter().collect()
    } else {
        arguments.alerts.iter().map(|name| one(&waiting, name)).collect::<Result<_, _>>()?
    };
    if chosen.is_empty() && arguments.format == Format::Text {
        anstream::println!("nothing awaits that you acknowledge it");
    }
    for one in chosen {
        let became = db.acknowledge(&one.awaiting.token, &By::Command, now).map_err(failed)?;
        let by_now = matches!(became, Acknowledged::Now(_));
        match arguments.format {
            Format::Json => anstream::println!("{}", sheet(one, by_now.then_some(now))),
            Format::Text if by_now => {
                anstream::println!("{}: acknowledged, it is not repeated any more", title(one));
            }
            Format::Text => anstream::println!("{}: it was over already", title(one)),
        }
    }
    Ok(())
}

/// The one alert whose name begins so.
fn one<'a>(waiting: &'a [Waits], name: &str) -> Result<&'a Waits, Failure> {
    let begins = |one: &&Waits| {
        let told = &one.awaiting.told;
        told == name || (name.len() >= SHORTEST && whole_name(told).starts_with(name))
    };
    let mut found = waiting.iter().filter(begins);
    match (found.next(), found.next()) {
        (Some(one), None) => Ok(one),
        (Some(_), Some(_)) => Err(Failure::broken(format!("`{name}` names more than one alert; write more of it"))),
        (None, _) => Err(Failure::new(format!(
            "no alert `{name}` awaits that you acknowledge it; `modori ack` lists those that do"
        ))),
    }
}

/// What is told, without what kind of thing it is: for an alert about a mail, the mail's key.
fn whole_name(told: &str) -> &str {
    told.rsplit_once(':').map_or(told, |(_, name)| name)
}

fn name(waits: &Waits) -> &str {
    let whole = whole_name(&waits.awaiting.told);
    whole.get(..SHOWN).unwrap_or(whole)
}

fn title(waits: &Waits) -> String {
    render::one_line(&waits.awaiting.alert.title)
}

fn list(waiting: &[Waits], format: Format, now: Timestamp) {
    match format {
        Format::Json => waiting.iter().for_each(|one| anstream::println!("{}", sheet(one, None))),
        Format::Text if waiting.is_empty() => anstream::println!("nothing awaits that you acknowledge it"),
        Format::Text => anstream::println!("{}", render::awaiting(waiting, name, now)),
    }
}

fn sheet(waits: &Waits, acknowledged_at: Option<Timestamp>) -> Value {
    let awaiting = &waits.awaiting;
    json!({
        "alert": whole_name(&awaiting.told),
        "title": awaiting.alert.title,
        "category": awaiting.alert.category,
        "told_by": waits.channels,
        "since": rfc3339(awaiting.since),
        "until": rfc3339(awaiting.until),
        "repeats": awaiting.repeats,
        "next_at": rfc3339(awaiting.next_at),
        "acknowledged_at": acknowledged_at.map(rfc3339),
    })
}
