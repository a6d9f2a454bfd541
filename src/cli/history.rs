//! `modori history` and `modori undo`: what modori did, and taking filings back.

use super::args::{Format, History, Undo};
use super::{Failure, render, setup, sweep};
use crate::calendar;
use crate::edge::hand::{HandLock, LockError};
use crate::edge::store::{Action, Sought, StoreError, is_no_loss};
use crate::engine::undo::Undone;
use crate::plan::Effect;
use serde_json::{Value, json};
use std::path::Path;

/// Most actions that one `undo` takes back.
const MOST: u32 = 100_000;

/// Lists actions, newest first.
pub(super) fn run(arguments: &History, config: Option<&Path>, state: Option<&Path>) -> Result<(), Failure> {
    let (folder, _) = setup::state(state, config)?;
    let failed = |error: StoreError| Failure::new(error.to_string());
    let db = setup::db(&folder)?;
    if let Some(before) = arguments.before
        && db.action(before).map_err(failed)?.is_none()
    {
        return Err(Failure::new(format!("there is no action #{before}")));
    }
    let bare = |id: &String| id.trim().trim_start_matches('<').trim_end_matches('>').to_owned();
    let sought = Sought {
        since: arguments.since,
        until: arguments.until,
        before: arguments.before,
        rule: arguments.rule.clone(),
        order: arguments.order.clone(),
        folder: arguments.folder.clone(),
        mail: arguments.mail.as_ref().map(bare),
        filed: false,
    };
    // one more than is shown: whether there is a next page
    let limit = if arguments.mail.is_some() { MOST } else { arguments.limit };
    let mut actions = db.history_of(&sought, limit.saturating_add(1)).map_err(failed)?;
    let shown = usize::try_from(limit).unwrap_or(usize::MAX);
    let more = actions.len() > shown;
    actions.truncate(shown);
    match arguments.format {
        Format::Json => actions.iter().for_each(|action| anstream::println!("{}", sheet(action))),
        Format::Text if actions.is_empty() => anstream::println!("nothing was done"),
        Format::Text => {
            anstream::println!("{}", render::history(&actions, arguments.why));
            if let Some(last) = actions.last().filter(|_| more) {
                anstream::println!("older ones: add --before {}", last.id);
            }
        }
    }
    Ok(())
}

/// Takes filings back.
pub(super) fn undo(arguments: &Undo, config: Option<&Path>, state: Option<&Path>) -> Result<(), Failure> {
    let config = setup::config(config, state)?;
    let store = setup::store(&config.state)?;
    let engine = setup::engine(&config, &store)?;
    if engine.policy.observe && !arguments.dry_run {
        return Err(Failure::new("observing only: write mode = \"move\" under [filing] to move mail"));
    }
    let failed = |error: String| Failure::new(error);
    let hand = match HandLock::take(&config.state) {
        Ok(lock) => Some(lock),
        // a running watch has it: it does what follows
        Err(LockError::Held { .. }) => None,
        Err(error) => return Err(Failure::new(error.to_string())),
    };
    let runtime = setup::runtime()?;
    let began = engine.clock.now();
    runtime.block_on(async {
        let (ids, batch) = (arguments.ids.clone(), arguments.batch.clone());
        let sought = Sought {
            since: arguments.since,
            until: arguments.until,
            rule: arguments.rule.clone(),
            filed: true,
            ..Sought::default()
        };
        let actions: Vec<Action> = store
            .call(move |db| {
                if !ids.is_empty() {
                    let found: Vec<Option<Action>> = ids.iter().map(|id| db.action(*id)).collect::<Result<_, _>>()?;
                    return Ok(found.into_iter().flatten().collect());
                }
                let mut all = db.history_of(&sought, MOST)?;
                all.retain(|action| {
                    let of_batch = batch.as_ref().is_none_or(|batch| cause(action) == *batch);
                    // what was taken back is not taken back again by a span
                    of_batch && (batch.is_some() || cause(action) != "undo")
                });
                Ok(all)
            })
            .await
            .map_err(|error| failed(error.to_string()))?;
        if actions.is_empty() {
            return Err(Failure::new(
                "there is nothing of that kind to take back; `modori history` shows what was done",
            ));
        }
        if arguments.dry_run {
            let would = engine.would_undo(&actions).await.map_err(|error| failed(error.to_string()))?;
            let goes = told(&would, arguments.format, "would go back");
            let left = would.len() - goes;
            if arguments.format == Format::Text {
                anstream::println!("{} would go back, {left} left; nothing was changed", render::count(goes, "mail"));
            }
            return Ok(());
        }
        if hand.is_some() {
            engine.hand.recover().await.map_err(|error| failed(error.to_string()))?;
        }
        // a mail that was filed twice goes back twice: what came before is looked at again when the last is done
        let mut rest = actions;
        let mut any = false;
        loop {
            let undone = engine.undo(&rest, hand.is_some()).await.map_err(|error| failed(error.to_string()))?;
            let (goes, left): (Vec<_>, Vec<_>) =
                undone.into_iter().partition(|(_, undone)| matches!(undone, Undone::Goes(_)));
            any |= told(&goes, arguments.format, "back") > 0;
            if goes.is_empty() {
                told(&left, arguments.format, "back");
                break;
            }
            match hand {
                Some(_) => engine.hand.work_until_idle().await.map_err(|error| failed(error.to_string()))?,
                None => sweep::wait_for_the_other(&engine).await?,
            }
            if left.is_empty() {
                break;
            }
            rest = left.into_iter().map(|(action, _)| action).collect();
        }
        sweep::left_over(&engine, began).await?;
        if !any {
            return Err(Failure::new("nothing was taken back"));
        }
        Ok(())
    })
}

/// Tells what becomes of each action; answers how many go back.
fn told(undone: &[(Action, Undone)], format: Format, back: &str) -> usize {
    let mut goes = 0_usize;
    for (action, undone) in undone {
        goes += usize::from(matches!(undone, Undone::Goes(_)));
        let id = action.message.as_ref().and_then(|message| message.message_id.as_deref());
        let about = render::one_line(id.unwrap_or("a mail"));
        match (format, undone) {
            (Format::Json, Undone::Goes(to)) => {
                anstream::println!("{}", json!({ "id": action.id, "message_id": id, "goes": true, "to": to }));
            }
            (Format::Json, Undone::Not(why)) => {
                anstream::println!("{}", json!({ "id": action.id, "message_id": id, "goes": false, "why": why }));
            }
            (Format::Text, Undone::Goes(to)) => anstream::println!("#{} {about}: {back} to {to}", action.id),
            (Format::Text, Undone::Not(why)) => anstream::println!("#{} {about}: left as it is; {why}", action.id),
        }
    }
    goes
}

/// What caused an action: a mail that arrived, a release, a back-test by its name, an undo.
pub(super) fn cause(action: &Action) -> &str {
    match action.key.split(':').next().unwrap_or_default() {
        "file" | "alert" => "mail",
        other => other,
    }
}

/// Who wanted it, where the record tells.
fn by(action: &Action) -> Option<&'static str> {
    match cause(action) {
        // a letter may be the shopper's or come of a deadline
        "letter" => None,
        "mail" | "remind" | "warn" | "summary" | "flag" | "by-flag" | "life" => Some("modori"),
        _ if matches!(action.effect, Effect::File { .. }) => Some("you"),
        _ => None,
    }
}

fn sheet(action: &Action) -> Value {
    let (what, to) = match &action.effect {
        Effect::File { folder } => ("file", folder.clone()),
        Effect::Alert { channel, .. } => ("alert", channel.clone()),
        Effect::Held { .. } => ("held", String::new()),
        Effect::Draft { letter } => ("draft", letter.to.clone()),
        Effect::Send { letter, .. } => ("send", letter.to.clone()),
        Effect::Copy { letter, .. } => ("copy", letter.to.clone()),
        Effect::Flag { set: true } => ("flag", "on".to_owned()),
        Effect::Flag { set: false } => ("flag", "off".to_owned()),
    };
    let message = action.message.as_ref();
    json!({
        "id": action.id, "at": calendar::rfc3339(action.at), "what": what, "from": action.origin, "to": to,
        "account": if matches!(what, "alert" | "held") { None } else { Some(&action.lane) }, "state": action.state.word(),
        "not_needed": action.error.as_deref().is_some_and(is_no_loss),
        "cause": cause(action), "mail": message.map(|message| message.key.hex()),
        "message_id": message.and_then(|message| message.message_id.clone()),
        "category": message.map(|message| message.category.clone()),
        "rule": message.and_then(|message| message.rule.clone()), "by": by(action),
        "reasons": message.map(|message| &message.reasons), "error": action.error,
        "folder": action.place.as_ref().map(|place| place.mailbox.clone()), "uid": action.place.as_ref().map(|place| place.uid),
    })
}
