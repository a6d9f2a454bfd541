//! `modori letter`: the letters about an order, and the shopper's word on one of which it is not known whether it was sent.

use super::args::{Format, Letter};
use super::{Failure, render, setup};
use crate::calendar;
use crate::edge::clock::Clock;
use crate::edge::config::Keep;
use crate::edge::hand::HandLock;
use crate::edge::store::{Posted, State, StoreError, Way};
use crate::facts::OrderNumber;
use serde_json::json;
use std::path::Path;

/// Shows them, or takes the shopper's word.
pub(super) fn run(arguments: &Letter, config: Option<&Path>, state: Option<&Path>) -> Result<(), Failure> {
    let order = OrderNumber::parse(arguments.order.trim())
        .ok_or_else(|| Failure::broken(format!("`{}` is not an order number", arguments.order)))?;
    if arguments.sent || arguments.not_sent {
        return settle(&order, arguments.sent, config, state);
    }
    let (folder, _) = setup::state(state, config)?;
    let db = setup::db(&folder)?;
    let (letters, signs) = (db.letters(&order).map_err(failed)?, db.letter_signs(&order).map_err(failed)?);
    match arguments.format {
        Format::Json => letters.iter().for_each(|one| anstream::println!("{}", sheet(one, &signs))),
        Format::Text if letters.is_empty() => anstream::println!("no letter was written about {order}"),
        Format::Text => anstream::println!("{}", render::letters(&letters, &signs)),
    }
    Ok(())
}

fn failed(error: StoreError) -> Failure {
    Failure::new(error.to_string())
}

/// She says whether it was sent.
fn settle(order: &OrderNumber, sent: bool, config: Option<&Path>, state: Option<&Path>) -> Result<(), Failure> {
    let config = setup::config(config, state)?;
    let store = setup::store(&config.state)?;
    let copied = config.outgoing.copy_to_sent != Keep::No;
    let now = Clock::system().now();
    let about = order.clone();
    let runtime = setup::runtime()?;
    runtime.block_on(async {
        let settled = store.call(move |db| db.letter_was_sent(&about, sent, copied, now)).await.map_err(failed)?;
        if settled.is_empty() {
            return Err(Failure::new(format!(
                "no letter about {order} is in doubt, and no draft waits to be sent; `modori letter {order}` shows what became of them"
            )));
        }
        if sent {
            for one in &settled {
                anstream::println!("the letter to {} counts as sent", render::one_line(&one.letter.to));
            }
        }
        // a running watch does what follows; else it is done now
        if let Ok(_lock) = HandLock::take(&config.state) {
            let engine = setup::engine(&config, &store)?;
            engine.hand.recover().await.map_err(failed)?;
            tokio::select! {
                ended = engine.hand.work_until_idle() => ended.map_err(failed)?,
                () = super::watch::stopped() => {
                    return Err(Failure::new("stopped; what was begun is finished at the next start"));
                }
            }
        }
        if sent {
            return Ok(());
        }
        let about = order.clone();
        let letters = store.call(move |db| db.letters(&about)).await.map_err(failed)?;
        for one in &settled {
            let same = |other: &&Posted| other.way == Way::Draft && other.letter.message_id == one.letter.message_id;
            let draft = letters.iter().rfind(same);
            let (state, why) = draft.map_or((State::Ready, None), |draft| (draft.state, draft.error.as_deref()));
            let why = why.unwrap_or("the server refused it");
            let what = match state {
                State::Done => "lies in Drafts".to_owned(),
                State::Failed | State::Dropped => format!("is not laid into Drafts: {why}"),
                _ => "is laid into Drafts as soon as the mailbox is reached".to_owned(),
            };
            anstream::println!("the letter to {} {what}", render::one_line(&one.letter.to));
        }
        Ok(())
    })
}

fn sheet(one: &Posted, signs: &[(String, String)]) -> serde_json::Value {
    let signs: Vec<&str> =
        signs.iter().filter(|(id, _)| *id == one.letter.message_id).map(|(_, sign)| sign.as_str()).collect();
    let place = one.place.as_ref();
    json!({
        "id": one.id, "step": one.letter.step, "what": one.way.word(), "state": one.state.word(),
        "at": calendar::rfc3339(one.at), "account": one.letter.account, "to": one.letter.to,
        "subject": one.letter.subject, "message_id": one.letter.message_id,
        "folder": place.map(|place| place.mailbox.clone()), "uid": place.map(|place| place.uid),
        "error": one.error, "signs": signs,
    })
}
