//! `modori history` and `modori undo`: what modori did, and taking filings back.

use super::args::{Format, History, Undo};
use super::{Failure, diff, render, setup, sweep};
use crate::calendar;
use crate::edge::hand::{HandLock, LockError};
use crate::edge::store::{Action, Db, State, is_no_loss};
use crate::engine::undo::Undone;
use crate::plan::Effect;
use serde_json::{Value, json};
use std::path::Path;

/// Most actions that one `undo` takes back.
const MOST: u32 = 100_000;

/// Lists actions, newest first.
pub(super) fn run(arguments: &History, config: Option<&Path>, state: Option<&Path>) -> Result<(), Failure> {
    let since = arguments.since.as_deref().map(|since| diff::instant(since, false)).transpose()?;
    let (folder, _) = setup::state(state, config)?;
    let db = Db::open(&folder).map_err(|error| Failure::new(error.to_string()))?;
    let limit = if arguments.mail.is_some() { MOST } else { arguments.limit };
    let mut actions = db.history(since, limit).map_err(|error| Failure::new(error.to_string()))?;
    if let Some(mail) = &arguments.mail {
        let id = mail.trim().trim_start_matches('<').trim_end_matches('>');
        actions.retain(|action| {
            action.message.as_ref().is_some_and(|message| {
                message.message_id.as_deref() == Some(id) || message.key.hex().starts_with(id) && id.len() >= 6
            })
        });
    }
    match arguments.format {
        Format::Json => actions.iter().for_each(|action| anstream::println!("{}", sheet(action))),
        Format::Text if actions.is_empty() => anstream::println!("nothing was done"),
        Format::Text => anstream::println!("{}", render::history(&actions)),
    }
    Ok(())
}

/// Takes filings back.
pub(super) fn undo(arguments: &Undo, config: Option<&Path>, state: Option<&Path>) -> Result<(), Failure> {
    let config = setup::config(config, state)?;
    let store = setup::store(&config.state)?;
    let engine = setup::engine(&config, &store)?;
    if engine.policy.observe {
        return Err(Failure::new("observing only: write mode = \"move\" under [filing] to move mail"));
    }
    let failed = |error: String| Failure::new(error);
    let hand = match HandLock::take(&config.state) {
        Ok(lock) => Some(lock),
        // a running watch has it: it does what follows
        Err(LockError::Held { .. }) => None,
        Err(error) => return Err(Failure::new(error.to_string())),
    };
    let since = arguments.since.as_deref().map(|since| diff::instant(since, false)).transpose()?;
    let runtime = setup::runtime()?;
    runtime.block_on(async {
        let (ids, batch, rule) = (arguments.ids.clone(), arguments.batch.clone(), arguments.rule.clone());
        let actions: Vec<Action> = store
            .call(move |db| {
                if !ids.is_empty() {
                    let found: Vec<Option<Action>> = ids.iter().map(|id| db.action(*id)).collect::<Result<_, _>>()?;
                    return Ok(found.into_iter().flatten().collect());
                }
                let mut all = db.history(since, MOST)?;
                all.retain(|action| {
                    let filed = matches!(action.effect, Effect::File { .. }) && action.state == State::Done;
                    let of_batch = batch.as_ref().is_none_or(|batch| cause(action) == *batch);
                    let decided = action.message.as_ref().and_then(|message| message.rule.as_deref());
                    let of_rule = rule.as_deref().is_none_or(|rule| decided == Some(rule));
                    // what was taken back is not taken back again by a span
                    filed && of_batch && of_rule && (batch.is_some() || cause(action) != "undo")
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
        if hand.is_some() {
            engine.hand.recover().await.map_err(|error| failed(error.to_string()))?;
        }
        let undone = engine.undo(&actions, hand.is_some()).await.map_err(|error| failed(error.to_string()))?;
        let mut goes = 0_usize;
        for (action, undone) in &undone {
            let about = action.message.as_ref().and_then(|message| message.message_id.as_deref()).unwrap_or("a mail");
            match undone {
                Undone::Goes(folder) => {
                    goes += 1;
                    anstream::println!("#{} {about}: back to {folder}", action.id);
                }
                Undone::Not(why) => anstream::println!("#{} {about}: left as it is; {why}", action.id),
            }
        }
        match hand {
            Some(_) => engine.hand.work_until_idle().await.map_err(|error| failed(error.to_string()))?,
            None => sweep::wait_for_the_other(&engine).await?,
        }
        sweep::left_over(&engine).await?;
        if goes == 0 {
            return Err(Failure::new("nothing was taken back"));
        }
        Ok(())
    })
}

/// What caused an action: a mail that arrived, a release, a back-test by its name, an undo.
pub(super) fn cause(action: &Action) -> &str {
    match action.key.split(':').next().unwrap_or_default() {
        "file" | "alert" => "mail",
        other => other,
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
        "rule": message.and_then(|message| message.rule.clone()), "error": action.error,
        "folder": action.place.as_ref().map(|place| place.mailbox.clone()), "uid": action.place.as_ref().map(|place| place.uid),
    })
}
