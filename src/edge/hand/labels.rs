//! Filing where folders are labels (Gmail): a move that can be repeated without harm, and labels put on and taken off where
//! nothing can be moved out of a mailbox. Nothing here marks a message `\\Deleted` or expunges it.
//!
//! What a message bore before the first attempt is written down before anything is changed, and stays on record: recovery
//! finds the message by its X-GM-MSGID, and a filing that is taken back leaves on what was on before.

use super::Hand;
use super::filing::{Doing, Filing, Method, Move, Stopped, close_filed, put_off};
use crate::edge::Advice;
use crate::edge::imap::{ImapError, Labelled, Session, UidSet};
use crate::edge::store::{Relabelled, State};
use crate::mailbox::Place;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Why a row is closed without anything done.
const GONE: &str = "it was moved or removed by someone else";

/// What a message bore before the first attempt to file it, and what is to be changed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Borne {
    /// X-GM-MSGID.
    pub(super) id: u64,
    /// The label of the target folder was on it already.
    pub(super) label: bool,
    /// It was in INBOX.
    pub(super) inbox: bool,
    /// What is changed, with [`Method::Labels`].
    #[serde(default)]
    pub(super) change: Change,
}

/// What is changed of the labels of a message. No other label can be taken off, and none is a throwing away.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Change {
    /// Nothing: it is moved, or it is as it should be.
    #[default]
    Nothing,
    /// The label of the target folder is put on.
    On,
    /// It is put on, and the message leaves INBOX.
    OnAndOutOfInbox,
}

/// What was written down of an attempt, with the labels of before.
fn borne(doing: Option<&serde_json::Value>) -> Option<Borne> {
    serde_json::from_value(doing?.get("borne")?.clone()).ok()
}

/// Before the first command: how each message of the selected mailbox is filed, and what it bears. Those that are not there
/// are closed.
pub(super) async fn look_before(
    hand: &Hand,
    session: &mut Session,
    (mailbox, folder): (&str, &str),
    filings: Vec<Filing>,
) -> Result<Vec<(Method, Vec<Filing>)>, Stopped> {
    let view = session.is_view(mailbox).await?;
    let undoes: Vec<Option<i64>> = filings.iter().map(|filing| undoes(&filing.row.key)).collect();
    let undone: Vec<Option<Borne>> = hand
        .store
        .call(move |db| {
            let before = |id: Option<i64>| Ok(id.map(|id| db.doing_of(id)).transpose()?.flatten());
            undoes.into_iter().map(before).map(|doing| doing.map(|doing| borne(doing.as_ref()))).collect()
        })
        .await?;
    let labelled = look(session, filings.iter().map(|filing| filing.place.uid)).await?;
    let (mut moved, mut relabelled, mut gone) = (Vec::new(), Vec::new(), Vec::new());
    for (mut filing, undone) in filings.into_iter().zip(undone) {
        let Some(now) = labelled.get(&filing.place.uid) else {
            gone.push(filing.row.id);
            continue;
        };
        let earlier = borne(filing.row.doing.as_ref()).filter(|earlier| earlier.id == now.id);
        let mut borne = earlier.unwrap_or_else(|| Borne {
            id: now.id,
            label: session.bears(now, folder),
            inbox: mailbox == "INBOX" || session.bears(now, "INBOX"),
            change: Change::Nothing,
        });
        // the label of the folder it is taken back from was on it before: it stays on
        let stays = undone.is_some_and(|undone| undone.label);
        borne.change = match (view, stays) {
            (true, _) if borne.inbox => Change::OnAndOutOfInbox,
            (true, _) => Change::On,
            (false, true) if !session.is_view(folder).await? => Change::On,
            (false, _) => Change::Nothing,
        };
        filing.borne = Some(borne);
        if view || stays { relabelled.push(filing) } else { moved.push(filing) }
    }
    close_gone(hand, gone).await?;
    if !session.has("MOVE") && !moved.is_empty() {
        // not seen yet. What is marked \Deleted may be thrown away, as the account is set up
        let what = format!("a server with labels and without MOVE: nothing is moved out of {mailbox}");
        let refusal = ImapError { what, advice: Advice::Again(None), refused: true, tls: None, login: None };
        put_off(hand, moved.drain(..).map(|filing| filing.row).collect(), &refusal).await?;
    }
    let all = [(Method::Move, moved), (Method::Labels, relabelled)];
    Ok(all.into_iter().filter(|(_, filings)| !filings.is_empty()).collect())
}

/// What messages of the selected mailbox bear. Those that are missing are asked for once more: what is not there then counts
/// as moved by someone else.
async fn look(session: &mut Session, uids: impl Iterator<Item = u32>) -> Result<BTreeMap<u32, Labelled>, Stopped> {
    let mut uids: Vec<u32> = uids.collect();
    let mut labelled = session.labelled(&uids).await?;
    uids.retain(|uid| !labelled.contains_key(uid));
    labelled.extend(session.labelled(&uids).await?);
    Ok(labelled)
}

/// The action that a filing takes back.
fn undoes(key: &str) -> Option<i64> {
    key.strip_prefix("undo:")?.split(':').next()?.parse().ok()
}

/// Puts labels on and takes labels off, in the selected mailbox, looks what came of it, and only then opens others.
pub(super) async fn carry_out(hand: &Hand, session: &mut Session, moves: Vec<Move>) -> Result<(), Stopped> {
    let mut changed = Vec::new();
    for one in moves {
        let refusal = change(session, &one.target.mailbox, &one.filings).await?;
        changed.push((one, refusal));
    }
    let mut done = Vec::new();
    for (one, refusal) in changed {
        let folder = one.target.mailbox;
        let labelled = settle(hand, session, &folder, one.filings, refusal.as_ref()).await?;
        done.push((folder, labelled));
    }
    for (folder, labelled) in done {
        close_labelled(hand, session, &folder, labelled).await?;
    }
    Ok(())
}

/// The commands themselves; what was refused is looked at afterwards. A label is put on by copying into its folder, whose name
/// has one spelling; written as a label it might have another (docs/gmail.md).
async fn change(session: &mut Session, folder: &str, filings: &[Filing]) -> Result<Option<ImapError>, Stopped> {
    let of = |wanted: fn(Change) -> bool| {
        let changed = filings.iter().filter(|one| one.borne.as_ref().is_some_and(|borne| wanted(borne.change)));
        UidSet::of(changed.map(|filing| filing.place.uid))
    };
    let (on, off) = (of(|change| change != Change::Nothing), of(|change| change == Change::OnAndOutOfInbox));
    // put on before anything is taken off: at no time is it nowhere but in All Mail
    if !on.is_empty() {
        match session.uid_copy(&on, folder).await {
            Ok(_) => {}
            Err(error) if error.refused => return Ok(Some(error)),
            Err(error) => return Err(error.into()),
        }
    }
    if !off.is_empty() {
        match session.out_of_inbox(&off).await {
            Ok(()) => {}
            Err(error) if error.refused => return Ok(Some(error)),
            Err(error) => return Err(error.into()),
        }
    }
    Ok(None)
}

/// Looks at messages of the selected mailbox whose labels were to be changed; those whose labels are as they should be.
async fn settle(
    hand: &Hand,
    session: &mut Session,
    folder: &str,
    filings: Vec<Filing>,
    refusal: Option<&ImapError>,
) -> Result<Vec<Filing>, Stopped> {
    let labelled = look(session, filings.iter().map(|filing| filing.place.uid)).await?;
    let (mut done, mut gone, mut again) = (Vec::new(), Vec::new(), Vec::new());
    for filing in filings {
        let Some(borne) = &filing.borne else {
            again.push(filing.row);
            continue;
        };
        match labelled.get(&filing.place.uid) {
            Some(now) if now.id == borne.id && is_done(session, folder, now, borne) => done.push(filing),
            Some(now) if now.id == borne.id => again.push(filing.row),
            Some(_) | None => gone.push(filing.row.id),
        }
    }
    close_gone(hand, gone).await?;
    if !again.is_empty() {
        let nothing = ImapError {
            what: format!("the server says that it labelled messages for {folder}, but they bear other labels"),
            advice: Advice::Again(None),
            refused: true,
            tls: None,
            login: None,
        };
        put_off(hand, again, refusal.unwrap_or(&nothing)).await?;
    }
    Ok(done)
}

fn is_done(session: &Session, folder: &str, now: &Labelled, borne: &Borne) -> bool {
    match borne.change {
        Change::Nothing => true,
        Change::On => session.bears(now, folder),
        Change::OnAndOutOfInbox => session.bears(now, folder) && !session.bears(now, "INBOX"),
    }
}

/// Closes filings whose labels are as they should be; where they lie under their new label is written down, too.
async fn close_labelled(hand: &Hand, session: &mut Session, folder: &str, done: Vec<Filing>) -> Result<(), Stopped> {
    let Some(first) = done.first() else { return Ok(()) };
    let account = first.place.account.clone();
    let lie = places(session, &account, folder, &done, u32::MAX).await?;
    tracing::info!(count = done.len(), folder, "filed by label");
    let now = hand.clock.now();
    let rows = done.into_iter().filter_map(|filing| {
        let borne = filing.borne?;
        Some(Relabelled {
            id: filing.row.id,
            origin: if borne.inbox { "INBOX".to_owned() } else { filing.place.mailbox },
            target: lie.get(&borne.id).cloned(),
            out_of_inbox: borne.change == Change::OnAndOutOfInbox,
        })
    });
    let rows: Vec<Relabelled> = rows.collect();
    Ok(hand.store.call(move |db| db.relabelled(&rows, now)).await?)
}

/// Where messages lie in a folder, by X-GM-MSGID; it is opened read-only. What came from UID `from` on is listed.
async fn places(
    session: &mut Session,
    account: &str,
    folder: &str,
    filings: &[Filing],
    from: u32,
) -> Result<BTreeMap<u64, Place>, Stopped> {
    let ids: Vec<u64> = filings.iter().filter_map(|filing| Some(filing.borne.as_ref()?.id)).collect();
    // no such folder: then nothing lies in it
    let Some(opened) = session.examine_if_there(folder).await? else { return Ok(BTreeMap::new()) };
    let from = if from == u32::MAX {
        opened.uid_next.saturating_sub(u32::try_from(ids.len()).unwrap_or(u32::MAX))
    } else {
        from
    };
    let found = session.with_ids(&ids, from).await?;
    let place =
        |uid| Place { account: account.to_owned(), mailbox: folder.to_owned(), uid_validity: opened.uid_validity, uid };
    Ok(found.into_iter().map(|(id, uid)| (id, place(uid))).collect())
}

/// Filings that were under way: looked up by X-GM-MSGID, then closed, or made again from the beginning. A message that bears
/// the target's label and has left its mailbox was filed, also when the label had been on it before.
pub(super) async fn recover(
    hand: &Hand,
    session: &mut Session,
    (mailbox, folder): (&str, &str),
    group: Vec<(Filing, Doing)>,
    refusal: Option<&ImapError>,
) -> Result<(), Stopped> {
    let (by_label, moved): (Vec<_>, Vec<_>) = group.into_iter().partition(|(_, doing)| doing.method == Method::Labels);
    let filings = |group: Vec<(Filing, Doing)>| group.into_iter().map(|(filing, _)| filing).collect::<Vec<Filing>>();
    let from = moved.iter().map(|(_, doing)| doing.target_uid_next).min().unwrap_or(u32::MAX);
    let (by_label, moved) = (filings(by_label), filings(moved));
    let account = by_label.iter().chain(&moved).map(|filing| filing.place.account.clone()).next().unwrap_or_default();
    let at_target = match moved.is_empty() {
        true => BTreeMap::new(),
        false => places(session, &account, folder, &moved, from).await?,
    };
    let opened = session.select_anew(mailbox).await?;
    let (by_label, moved) = (
        at_source(session, opened.uid_validity, by_label).await?,
        at_source(session, opened.uid_validity, moved).await?,
    );
    let mut found = Vec::new();
    let (mut done, mut filed, mut again, mut gone) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    let mut note = |filing: &Filing, uid: u32| {
        if let (Some(message), false) = (filing.row.message, opened.uid_validity == filing.place.uid_validity) {
            let place = Place { uid_validity: opened.uid_validity, uid, ..filing.place.clone() };
            found.push((message, place));
        }
    };
    for (filing, here) in by_label {
        match (here, &filing.borne) {
            (Some((uid, now)), Some(borne)) => {
                note(&filing, uid);
                if is_done(session, folder, &now, borne) { done.push(filing) } else { again.push(filing.row) }
            }
            _ => gone.push(filing.row.id),
        }
    }
    for (filing, here) in moved {
        let target = filing.borne.as_ref().and_then(|borne| at_target.get(&borne.id));
        match (here, target) {
            // here a move is no copy: made again, it finds the label on, and takes the other one off
            (Some((uid, _)), _) => {
                note(&filing, uid);
                again.push(filing.row);
            }
            (None, Some(target)) => filed.push((filing, target.clone())),
            (None, None) => gone.push(filing.row.id),
        }
    }
    if !found.is_empty() {
        let (account, source) = (account, mailbox.to_owned());
        hand.store
            .call(move |db| {
                db.renumbered(&account, &source, opened.uid_validity)?;
                found.iter().try_for_each(|(message, place)| db.lies_at(*message, place, None))
            })
            .await?;
    }
    close_filed(hand, filed).await?;
    close_gone(hand, gone).await?;
    match refusal {
        Some(refusal) if !again.is_empty() => put_off(hand, again, refusal).await?,
        _ => {
            let (ids, now) = (again.iter().map(|row| row.id).collect::<Vec<i64>>(), hand.clock.now());
            hand.store.call(move |db| db.again(&ids, now, None)).await?;
        }
    }
    close_labelled(hand, session, folder, done).await
}

/// A filing and where its message is in the selected mailbox now.
type Here = (Filing, Option<(u32, Labelled)>);

/// Under its number; in a mailbox that was renumbered since, by its X-GM-MSGID. A message that came back under another number
/// was brought back by someone else.
async fn at_source(session: &mut Session, uid_validity: u32, filings: Vec<Filing>) -> Result<Vec<Here>, Stopped> {
    let same = |filing: &Filing| filing.place.uid_validity == uid_validity;
    let lost: Vec<u64> =
        filings.iter().filter(|filing| !same(filing)).filter_map(|filing| Some(filing.borne.as_ref()?.id)).collect();
    let moved = if lost.is_empty() { BTreeMap::new() } else { session.with_ids(&lost, 1).await? };
    let uid = |filing: &Filing| match same(filing) {
        true => Some(filing.place.uid),
        false => moved.get(&filing.borne.as_ref()?.id).copied(),
    };
    let labelled = look(session, filings.iter().filter_map(uid)).await?;
    let here = |filing: Filing| {
        let here = uid(&filing).and_then(|uid| Some((uid, labelled.get(&uid)?.clone())));
        let here = here.filter(|(_, now)| filing.borne.as_ref().is_some_and(|borne| borne.id == now.id));
        (filing, here)
    };
    Ok(filings.into_iter().map(here).collect())
}

async fn close_gone(hand: &Hand, gone: Vec<i64>) -> Result<(), Stopped> {
    if gone.is_empty() {
        return Ok(());
    }
    let now = hand.clock.now();
    hand.store.call(move |db| gone.iter().try_for_each(|id| db.close(*id, State::Done, Some(GONE), now))).await?;
    Ok(())
}
