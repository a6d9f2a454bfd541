//! Filing where folders are labels (Gmail): a move that can be repeated without harm, and labels put on and taken off where
//! nothing can be moved out of a mailbox. Nothing here marks a message `\\Deleted` or expunges it.
//!
//! What a message bore before the first attempt is written down before anything is changed, and stays on record: recovery
//! finds the message by its X-GM-MSGID, and a filing that is taken back leaves on what was on before.

use super::Hand;
use super::filing::{COMMAND, Doing, Filing, Method, Move, Stopped, close_filed, put_off};
use crate::edge::Advice;
use crate::edge::imap::{Fetch, ImapError, Labelled, Session, UidSet};
use crate::edge::store::{Relabelled, Row, State};
use crate::mailbox::Place;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

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
    let undone: Vec<Option<serde_json::Value>> = hand
        .store
        .call(move |db| {
            let before = |id: Option<i64>| Ok(id.map(|id| db.doing_of(id)).transpose()?.flatten());
            undoes.into_iter().map(before).collect()
        })
        .await?;
    let labelled = look(session, filings.iter().map(|filing| filing.place.uid)).await?;
    let untold = untold(session, filings.iter().map(|filing| filing.place.uid), &labelled).await?;
    let (mut moved, mut relabelled, mut missing, mut unsaid) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    let mut filed_there: BTreeMap<String, Vec<Filing>> = BTreeMap::new();
    for (mut filing, undone) in filings.into_iter().zip(undone) {
        let Some(now) = labelled.get(&filing.place.uid) else {
            if untold.contains(&filing.place.uid) {
                unsaid.push(filing.row)
            } else {
                missing.push(filing)
            }
            continue;
        };
        let earlier = borne(filing.row.doing.as_ref()).filter(|earlier| earlier.id == now.id);
        let mut before = earlier.unwrap_or_else(|| Borne {
            id: now.id,
            label: session.bears(now, folder),
            inbox: mailbox == "INBOX" || session.bears(now, "INBOX"),
            change: Change::Nothing,
        });
        // the label of the folder it is taken back from was on it before: it stays on
        let stays = borne(undone.as_ref()).is_some_and(|undone| undone.label);
        before.change = match (view, stays) {
            (true, _) if mailbox == folder => Change::Nothing,
            (true, _) if before.inbox && folder != "INBOX" => Change::OnAndOutOfInbox,
            (true, _) => Change::On,
            (false, true) if !session.is_view(folder).await? => Change::On,
            (false, _) => Change::Nothing,
        };
        filing.borne = Some(before);
        let from = undone.filter(|_| view && !stays).and_then(|undone| serde_json::from_value::<Doing>(undone).ok());
        match from {
            // here it is only seen: it is moved out of the folder that it was filed into
            Some(doing) if doing.folder != mailbox => filed_there.entry(doing.folder).or_default().push(filing),
            _ if view || stays => relabelled.push(filing),
            _ => moved.push(filing),
        }
    }
    put_off(hand, unsaid, &says_nothing(mailbox)).await?;
    if !session.has("MOVE") && !moved.is_empty() {
        // not seen yet. What is marked \Deleted may be thrown away, as the account is set up
        let what = format!("a server with labels and without MOVE: nothing is moved out of {mailbox}");
        let refusal = ImapError { what, advice: Advice::Again(None), refused: true, tls: None, login: None };
        put_off(hand, moved.drain(..).map(|filing| filing.row).collect(), &refusal).await?;
    }
    close_missing(hand, session, folder, missing).await?;
    for (filed_into, filings) in filed_there {
        find_filed(hand, session, &filed_into, filings).await?;
    }
    let all = [(Method::Move, moved), (Method::Labels, relabelled)];
    Ok(all.into_iter().filter(|(_, filings)| !filings.is_empty()).collect())
}

/// Closes filings whose message is not in its mailbox any more: by an attempt of ours, if one was made and it lies in its
/// folder; else by someone else.
async fn close_missing(hand: &Hand, session: &mut Session, folder: &str, missing: Vec<Filing>) -> Result<(), Stopped> {
    let with_record = |mut filing: Filing| {
        filing.borne = borne(filing.row.doing.as_ref());
        filing
    };
    let (tried, mut gone): (Vec<Filing>, Vec<Filing>) =
        missing.into_iter().map(with_record).partition(|filing| filing.borne.is_some());
    let mut filed = Vec::new();
    if let Some(account) = tried.first().map(|filing| filing.place.account.clone()) {
        let lie = places(session, &account, folder, &tried, u32::MAX).await?;
        for filing in tried {
            match filing.borne.as_ref().and_then(|borne| lie.get(&borne.id)).cloned() {
                Some(place) => filed.push((filing, place)),
                None => gone.push(filing),
            }
        }
    }
    close_filed(hand, filed).await?;
    close_gone(hand, gone.into_iter().map(|filing| filing.row.id).collect()).await
}

/// Looks for messages in the folder they were filed into, of which only a view is known: there they lie from now on. Those
/// that do not bear its label any more were moved by someone else.
async fn find_filed(hand: &Hand, session: &mut Session, folder: &str, filings: Vec<Filing>) -> Result<(), Stopped> {
    let Some(account) = filings.first().map(|filing| filing.place.account.clone()) else { return Ok(()) };
    let lie = places(session, &account, folder, &filings, u32::MAX).await?;
    let (mut found, mut gone) = (Vec::new(), Vec::new());
    for filing in filings {
        match (filing.row.message, filing.borne.and_then(|borne| lie.get(&borne.id)).cloned()) {
            (Some(message), Some(place)) => found.push((filing.row.id, message, place)),
            _ => gone.push(filing.row.id),
        }
    }
    close_gone(hand, gone).await?;
    let (ids, now) = (found.iter().map(|(id, ..)| *id).collect::<Vec<i64>>(), hand.clock.now());
    hand.store
        .call(move |db| {
            for (_, message, place) in &found {
                db.renumbered(&place.account, &place.mailbox, place.uid_validity)?;
                db.lies_at(*message, place, None)?;
            }
            db.again(&ids, now, None)
        })
        .await?;
    Ok(())
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

/// Those of the messages without labels that are in the selected mailbox all the same, asked for in the plainest way: that a
/// server leaves out what they bear does not say that they are gone.
async fn untold(
    session: &mut Session,
    uids: impl Iterator<Item = u32>,
    labelled: &BTreeMap<u32, Labelled>,
) -> Result<BTreeSet<u32>, Stopped> {
    let uids: Vec<u32> = uids.filter(|uid| !labelled.contains_key(uid)).collect();
    let mut there = BTreeSet::new();
    for some in uids.chunks(COMMAND) {
        let seen = session.fetch(&UidSet::of(some.iter().copied()), Fetch::Flags).await?;
        there.extend(seen.into_iter().map(|one| one.uid));
    }
    Ok(there)
}

fn says_nothing(mailbox: &str) -> ImapError {
    let what = format!("the server does not say which labels messages of {mailbox} bear");
    ImapError { what, advice: Advice::Again(None), refused: true, tls: None, login: None }
}

/// The action that a filing takes back.
pub(super) fn undoes(key: &str) -> Option<i64> {
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
        let rows: Vec<Row> = one.filings.iter().map(|filing| filing.row.clone()).collect();
        match settle(hand, session, &folder, one.filings, refusal.as_ref()).await {
            Ok(labelled) => done.push((folder, labelled)),
            Err(stopped) => put_off_refused(hand, rows, stopped).await?,
        }
    }
    for (folder, labelled) in done {
        let rows: Vec<Row> = labelled.iter().map(|filing| filing.row.clone()).collect();
        if let Err(stopped) = close_labelled(hand, session, &folder, labelled).await {
            put_off_refused(hand, rows, stopped).await?;
        }
    }
    Ok(())
}

/// A server that will not let us look at what we did keeps nothing else of the account waiting: those of the rows that are
/// still under way are tried again later, by what they bore before.
async fn put_off_refused(hand: &Hand, rows: Vec<Row>, stopped: Stopped) -> Result<(), Stopped> {
    let refusal = match stopped {
        Stopped::Imap(error) if error.refused => error,
        stopped => return Err(stopped),
    };
    let ids: BTreeSet<i64> = rows.iter().map(|row| row.id).collect();
    let rows = hand
        .store
        .call(move |db| Ok(db.under_way("file")?.into_iter().filter(|row| ids.contains(&row.id)).collect::<Vec<Row>>()))
        .await?;
    Ok(put_off(hand, rows, &refusal).await?)
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
    let untold = untold(session, filings.iter().map(|filing| filing.place.uid), &labelled).await?;
    let (mut done, mut gone, mut again) = (Vec::new(), Vec::new(), Vec::new());
    for filing in filings {
        let Some(borne) = &filing.borne else {
            again.push(filing.row);
            continue;
        };
        match labelled.get(&filing.place.uid) {
            Some(now) if now.id == borne.id && is_done(session, folder, now, borne) => done.push(filing),
            Some(now) if now.id == borne.id => again.push(filing.row),
            None if untold.contains(&filing.place.uid) => again.push(filing.row),
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
    places: (&str, &str),
    group: Vec<(Filing, Doing)>,
    refusal: Option<&ImapError>,
) -> Result<(), Stopped> {
    let rows: Vec<Row> = group.iter().map(|(filing, _)| filing.row.clone()).collect();
    match look_after(hand, session, places, group, refusal).await {
        Err(stopped) => put_off_refused(hand, rows, stopped).await,
        Ok(()) => Ok(()),
    }
}

async fn look_after(
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
    let mut unsaid = Vec::new();
    let mut note = |filing: &Filing, uid: u32| {
        if let (Some(message), false) = (filing.row.message, opened.uid_validity == filing.place.uid_validity) {
            let place = Place { uid_validity: opened.uid_validity, uid, ..filing.place.clone() };
            found.push((message, place));
        }
    };
    for (filing, here) in by_label {
        match (here, &filing.borne) {
            (Here::Bears(uid, now), Some(borne)) => {
                note(&filing, uid);
                if is_done(session, folder, &now, borne) { done.push(filing) } else { again.push(filing.row) }
            }
            (Here::Untold, _) => unsaid.push(filing.row),
            _ => gone.push(filing.row.id),
        }
    }
    for (filing, here) in moved {
        let target = filing.borne.as_ref().and_then(|borne| at_target.get(&borne.id));
        match (here, target) {
            // here a move is no copy: made again, it finds the label on, and takes the other one off
            (Here::Bears(uid, _), _) => {
                note(&filing, uid);
                again.push(filing.row);
            }
            (Here::Untold, _) => unsaid.push(filing.row),
            (Here::Not, Some(target)) => filed.push((filing, target.clone())),
            (Here::Not, None) => gone.push(filing.row.id),
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
    put_off(hand, unsaid, &says_nothing(mailbox)).await?;
    match refusal {
        Some(refusal) if !again.is_empty() => put_off(hand, again, refusal).await?,
        _ => {
            let (ids, now) = (again.iter().map(|row| row.id).collect::<Vec<i64>>(), hand.clock.now());
            hand.store.call(move |db| db.again(&ids, now, None)).await?;
        }
    }
    close_labelled(hand, session, folder, done).await
}

/// Where a message is in the selected mailbox now.
enum Here {
    /// Under this number, and what it bears.
    Bears(u32, Labelled),
    /// There, and the server does not say what it bears.
    Untold,
    Not,
}

/// Under its number; in a mailbox that was renumbered since, by its X-GM-MSGID. A message that came back under another number
/// was brought back by someone else.
async fn at_source(
    session: &mut Session,
    uid_validity: u32,
    filings: Vec<Filing>,
) -> Result<Vec<(Filing, Here)>, Stopped> {
    let same = |filing: &Filing| filing.place.uid_validity == uid_validity;
    let lost: Vec<u64> =
        filings.iter().filter(|filing| !same(filing)).filter_map(|filing| Some(filing.borne.as_ref()?.id)).collect();
    let moved = if lost.is_empty() { BTreeMap::new() } else { session.with_ids(&lost, 1).await? };
    let uid = |filing: &Filing| match same(filing) {
        true => Some(filing.place.uid),
        false => moved.get(&filing.borne.as_ref()?.id).copied(),
    };
    let labelled = look(session, filings.iter().filter_map(uid)).await?;
    let untold = untold(session, filings.iter().filter_map(uid), &labelled).await?;
    let here = |filing: Filing| {
        let here = match uid(&filing) {
            Some(uid) => match labelled.get(&uid) {
                Some(now) if filing.borne.as_ref().is_some_and(|borne| borne.id == now.id) => {
                    Here::Bears(uid, now.clone())
                }
                None if untold.contains(&uid) => Here::Untold,
                _ => Here::Not,
            },
            None => Here::Not,
        };
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
