//! Filings taken back: each message goes where it came from, if it still lies where modori put it.

use super::{Engine, EngineError, Mailbox};
use crate::edge::imap::{Fetch, Session, UidSet};
use crate::edge::store::{Action, Db, State, StoreError};
use crate::mailbox::{LEAST_FETCH, MailKey, Place};
use crate::plan::{Effect, Wish};
use std::collections::BTreeMap;

/// Messages of one fetch.
const WINDOW: usize = 250;
/// Actions of one transaction.
const BATCH: usize = 200;

/// What became of one action that was to be taken back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Undone {
    /// Its message goes back into this folder.
    Goes(String),
    /// It is left as it is, and why.
    Not(String),
}

/// Messages that go back already, by number and account, and the folder each goes to.
type Going = BTreeMap<(i64, String), String>;

/// A message: its number, the UIDVALIDITY it is known under, what it is.
type Lost = (i64, u32, MailKey);

impl Engine {
    /// Takes actions back, newest first. Twice is harmless; cut off, it is simply run again. Of a message that was filed
    /// more than once the newest filing goes back, the one before it when that is done.
    ///
    /// # Errors
    /// A mailbox cannot be read, or the database refuses. What was entered until then is done.
    pub async fn undo(&self, actions: &[Action], hand: bool) -> Result<Vec<(Action, Undone)>, EngineError> {
        self.undo_or_show(actions, true, hand).await
    }

    /// What [`Engine::undo`] would do.
    ///
    /// # Errors
    /// A mailbox cannot be read, or the database refuses.
    pub async fn would_undo(&self, actions: &[Action]) -> Result<Vec<(Action, Undone)>, EngineError> {
        self.undo_or_show(actions, false, false).await
    }

    async fn undo_or_show(
        &self,
        actions: &[Action],
        enter: bool,
        hand: bool,
    ) -> Result<Vec<(Action, Undone)>, EngineError> {
        // what is only shown changes nothing that is on record
        if enter {
            self.find_renumbered(actions).await?;
        }
        let mut all = Vec::new();
        let mut going = Going::new();
        for batch in actions.chunks(BATCH) {
            let undone = self.undo_batch(batch.to_vec(), enter, &mut going).await?;
            all.extend(batch.iter().cloned().zip(undone));
        }
        if hand {
            self.hand.wake(Vec::new());
        }
        Ok(all)
    }

    /// Those of these actions come to those that go already.
    async fn undo_batch(
        &self,
        actions: Vec<Action>,
        enter: bool,
        going: &mut Going,
    ) -> Result<Vec<Undone>, EngineError> {
        let now = self.clock.now();
        let mut gone = std::mem::take(going);
        let undone = self.store.call(move |db| {
            let mut all = Vec::new();
            let mut back = Vec::new();
            for action in &actions {
                let message = action.message.as_ref();
                let one = message.map(|message| (message.id, action.lane.clone()));
                let goes_to = one.as_ref().and_then(|one| gone.get(one));
                // what is only shown is shown to its end: this one's turn comes when the later one is done
                let mut undone = undone(db, action, goes_to.filter(|_| !enter))?;
                if matches!(undone, Undone::Goes(_)) && goes_to.is_some() && enter {
                    undone = Undone::Not("a later filing of it goes back first".to_owned());
                }
                let (under_way, before) = db.undos_of(action.id)?;
                if let Undone::Goes(origin) = &undone {
                    gone.extend(one.map(|one| (one, origin.clone())));
                }
                // what is on its way back already, as when an undo was cut off, is carried to its end
                if let Undone::Goes(origin) = &undone
                    && !under_way
                {
                    // one that the server refused, or that was itself taken back, is no reason against another
                    let again = if before == 0 { String::new() } else { format!(":{before}") };
                    let mail = message.map_or(String::new(), |one| one.key.hex());
                    let key = format!("undo:{}:{mail}{again}", action.id);
                    let effect = Effect::File { folder: origin.clone() };
                    let wish = Wish { key, effect, due: now, until: None, dedupe: vec![], after: vec![], turn: None };
                    back.push((all.len(), action.clone(), wish));
                }
                all.push(undone);
            }
            if enter {
                let (at, back): (Vec<usize>, Vec<_>) =
                    back.into_iter().map(|(at, action, wish)| (at, (action, wish))).unzip();
                for (at, entered) in at.into_iter().zip(db.take_back(&back, now)?) {
                    if let Some(one) = all.get_mut(at).filter(|_| !entered) {
                        *one = Undone::Not("it was taken back before".to_owned());
                    }
                }
            }
            Ok((all, gone))
        });
        let (undone, gone) = undone.await?;
        *going = gone;
        Ok(undone)
    }

    /// Finds messages by what they are where a server renumbered the folder they lie in (RFC 9051, 2.3.1.1).
    async fn find_renumbered(&self, actions: &[Action]) -> Result<(), EngineError> {
        let of = |action: &Action| Some((action.message.as_ref()?.id, action.lane.clone()));
        let all: Vec<(i64, String)> = actions.iter().filter_map(of).collect();
        let places: Vec<(i64, Option<(Place, MailKey)>)> = self
            .store
            .call(move |db| all.into_iter().map(|(id, account)| Ok((id, db.whereabouts_in(id, &account)?))).collect())
            .await?;
        let mut folders: BTreeMap<(String, String), Vec<Lost>> = BTreeMap::new();
        for (id, lies) in places {
            if let Some((place, key)) = lies {
                folders.entry((place.account, place.mailbox)).or_default().push((id, place.uid_validity, key));
            }
        }
        for ((account, folder), messages) in folders {
            let Some(mailbox) = self.mailboxes.iter().find(|mailbox| mailbox.account.name == account) else { continue };
            match self.look_again(mailbox, &folder, &messages).await {
                // what lies in another account is taken back all the same; here the hand looks when it can
                Err(EngineError::Imap(error)) => tracing::warn!("{error}"),
                looked => looked?,
            }
        }
        Ok(())
    }

    async fn look_again(&self, mailbox: &Mailbox, folder: &str, messages: &[Lost]) -> Result<(), EngineError> {
        let mut session = Session::open(&mailbox.account).await?;
        let opened = match session.examine(folder).await {
            Ok(opened) => opened,
            Err(error) if error.refused => return Ok(()),
            Err(error) => return Err(error.into()),
        };
        let lost: Vec<&Lost> = messages.iter().filter(|(_, validity, _)| *validity != opened.uid_validity).collect();
        let mut found = Vec::new();
        if !lost.is_empty() {
            let uids: Vec<u32> =
                session.survey(&UidSet::from(1), Fetch::Flags, |_| Some(())).await?.into_keys().collect();
            for window in uids.chunks(WINDOW) {
                for seen in session.fetch(&UidSet::of(window.iter().copied()), Fetch::First(LEAST_FETCH)).await? {
                    let key = MailKey::of(&seen.bytes);
                    let place = Place {
                        account: mailbox.account.name.clone(),
                        mailbox: folder.to_owned(),
                        uid_validity: opened.uid_validity,
                        uid: seen.uid,
                    };
                    found.extend(lost.iter().filter(|(_, _, own)| *own == key).map(|(id, ..)| (*id, place.clone())));
                }
            }
        }
        session.logout().await;
        let missing: Vec<i64> =
            lost.iter().map(|(id, ..)| *id).filter(|id| !found.iter().any(|(there, _)| there == id)).collect();
        let (account, folder) = (mailbox.account.name.clone(), folder.to_owned());
        self.store
            .call(move |db| {
                db.found_again(&found)?;
                db.not_found_again(&account, &folder, opened.uid_validity, &missing)
            })
            .await?;
        Ok(())
    }
}

/// What would become of an action, as far as is known here; `lies`: the folder in which its message will lie then, if
/// that is not where it lies now.
fn undone(db: &Db, action: &Action, lies: Option<&String>) -> Result<Undone, StoreError> {
    let not = |why: &str| Ok(Undone::Not(why.to_owned()));
    let folder = match &action.effect {
        Effect::File { folder } => folder,
        Effect::Alert { .. } => return not("an alert that left cannot be taken back"),
        Effect::Held { .. } => return not("nothing happened: it was kept back, to be told with others"),
        Effect::Draft { .. } => return not("a draft is yours: delete it in your mail app"),
        Effect::Send { .. } => return not("a letter that left cannot be taken back"),
        Effect::Copy { .. } => return not("the copy of a letter is yours: delete it in your mail app"),
        Effect::Flag { .. } => return not("a flag follows its case; `modori deny` opens a case again"),
    };
    match action.state {
        State::Done => {}
        State::Ready | State::Doing => return not("it is not done yet"),
        State::Dropped | State::Failed | State::Unknown => return not("it was never done"),
    }
    let (Some(message), Some(origin)) = (&action.message, &action.origin) else {
        return not("modori did not move it, or before it kept a record of where from");
    };
    if let Some(lies) = lies {
        let there = lies == folder;
        return Ok(if there {
            Undone::Goes(origin.clone())
        } else {
            Undone::Not(format!("it lies in {lies} by then"))
        });
    }
    let by_label =
        db.doing_of(action.id)?.is_some_and(|doing| !doing.get("borne").is_none_or(serde_json::Value::is_null));
    match db.whereabouts_in(message.id, &action.lane)? {
        Some((place, _)) if place.mailbox == *folder => {}
        // it is seen where everything is seen: the hand looks whether it bears its folder's label still
        Some((place, _)) if by_label && db.views(&action.lane)?.contains(&place.mailbox) => {}
        Some((place, _)) => return Ok(Undone::Not(format!("it lies in {} by now", place.mailbox))),
        None => return not("it was moved or removed by someone else"),
    }
    Ok(Undone::Goes(origin.clone()))
}
