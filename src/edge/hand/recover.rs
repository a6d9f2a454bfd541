//! What a half-done filing means: looked up by content in both folders, then finished, begun again, or closed.

use super::filing::{COMMAND, Doing, Filing, Method, Stopped, close_filed, put_off};
use super::look::is_deleted;
use super::{Hand, renumbered};
use crate::edge::imap::{Fetch, Fetched, ImapError, Session, UidSet};
use crate::edge::store::{Row, State};
use crate::mailbox::{LEAST_FETCH, MailKey, Place};
use crate::planted::{self, Bug};
use std::collections::{BTreeMap, BTreeSet};

/// Looks at filings that were under way and settles what became of them.
pub(super) async fn filings(hand: &Hand, session: &mut Session, rows: Vec<Row>) -> Result<(), Stopped> {
    filings_after(hand, session, rows, None).await
}

/// As [`filings`]; those that did not happen were refused with `refusal`, or are tried again at once.
pub(super) async fn filings_after(
    hand: &Hand,
    session: &mut Session,
    rows: Vec<Row>,
    refusal: Option<&ImapError>,
) -> Result<(), Stopped> {
    // under way as far as the database knows now: the rows given may be older
    let ids: BTreeSet<i64> = rows.iter().map(|row| row.id).collect();
    let rows = hand
        .store
        .call(move |db| Ok(db.under_way("file")?.into_iter().filter(|row| ids.contains(&row.id)).collect::<Vec<Row>>()))
        .await?;
    let mut groups: BTreeMap<(String, String), Vec<(Filing, Doing)>> = BTreeMap::new();
    let mut unwritten = Vec::new();
    for row in rows {
        let id = row.id;
        match Filing::of(row) {
            Some((filing, doing)) => {
                groups.entry((doing.source.mailbox.clone(), doing.folder.clone())).or_default().push((filing, doing))
            }
            // without a record of what was begun nothing had been begun
            None => unwritten.push(id),
        }
    }
    let now = hand.clock.now();
    if !unwritten.is_empty() {
        hand.store.call(move |db| db.again(&unwritten, now, None)).await?;
    }
    for ((mailbox, folder), group) in groups {
        look(hand, session, &mailbox, &folder, group, refusal).await?;
    }
    Ok(())
}

async fn look(
    hand: &Hand,
    session: &mut Session,
    mailbox: &str,
    folder: &str,
    group: Vec<(Filing, Doing)>,
    refusal: Option<&ImapError>,
) -> Result<(), Stopped> {
    let at_target = copies(session, folder, &group).await?;
    let opened = session.select_anew(mailbox).await?;
    let uids: Vec<u32> = group.iter().map(|(filing, _)| filing.place.uid).collect();
    let mut at_source: BTreeMap<u32, bool> = BTreeMap::new();
    for some in uids.chunks(COMMAND) {
        for seen in session.fetch(&UidSet::of(some.iter().copied()), Fetch::Flags).await? {
            at_source.insert(seen.uid, is_deleted(&seen.flags));
        }
    }
    let moved = after_renumbering(hand, session, &group, opened.uid_validity).await?;
    let mut filed = Vec::new();
    let mut take: BTreeMap<u8, (Method, Vec<u32>)> = BTreeMap::new();
    let mut again = Vec::new();
    let mut gone = Vec::new();
    let mut found = Vec::new();
    for (filing, _) in group {
        let same = opened.uid_validity == filing.place.uid_validity;
        let source = match same {
            true => at_source.get(&filing.place.uid).map(|deleted| (filing.place.uid, *deleted)),
            false => moved.get(&filing.row.id).copied(),
        };
        let copy = at_target.get(&filing.key).filter(|_| !planted::is(Bug::CopyRepeated)).cloned();
        match (source, copy) {
            (Some((uid, deleted)), Some(target)) => {
                // also when it bears \Deleted already: our own last try may have ended between the flag and the expunge
                if !deleted || session.has("UIDPLUS") {
                    let method = if session.has("UIDPLUS") { Method::CopyExpunge } else { Method::CopyFlag };
                    take.entry(method as u8).or_insert((method, Vec::new())).1.push(uid);
                }
                filed.push((filing, target));
            }
            (None, Some(target)) => filed.push((filing, target)),
            (Some((uid, _)), None) => {
                if let (false, Some(message)) = (same, filing.row.message) {
                    found.push((message, Place { uid_validity: opened.uid_validity, uid, ..filing.place }));
                }
                again.push(filing.row);
            }
            (None, None) => gone.push(filing.row.id),
        }
    }
    for (method, uids) in take.into_values() {
        take_away(session, method, &uids).await?;
    }
    close_filed(hand, filed).await?;
    if !found.is_empty() {
        let (account, source) = (found.first().map(|(_, place)| place.account.clone()), mailbox.to_owned());
        hand.store
            .call(move |db| {
                // places under the old UIDVALIDITY are no longer places, also when the watching side does not know yet
                db.renumbered(&account.unwrap_or_default(), &source, opened.uid_validity)?;
                found.iter().try_for_each(|(message, place)| db.lies_at(*message, place))
            })
            .await?;
    }
    let now = hand.clock.now();
    if let (Some(refusal), false) = (refusal, again.is_empty()) {
        put_off(hand, again, refusal).await?;
    } else if !again.is_empty() {
        let ids: Vec<i64> = again.iter().map(|row| row.id).collect();
        hand.store.call(move |db| db.again(&ids, now, None)).await?;
    }
    if !gone.is_empty() {
        hand.store
            .call(move |db| {
                for id in gone {
                    db.close(id, State::Done, Some("it was moved or removed by someone else"), now)?;
                }
                Ok(())
            })
            .await?;
    }
    Ok(())
}

/// The messages of a selected mailbox that was renumbered since their filing was begun: by row, the UID now and whether it
/// bears \Deleted. Where other messages with the same bytes lie there as well, one of them is it only if none is missing.
async fn after_renumbering(
    hand: &Hand,
    session: &mut Session,
    group: &[(Filing, Doing)],
    uid_validity: u32,
) -> Result<BTreeMap<i64, (u32, bool)>, Stopped> {
    let before = group.iter().filter(|(filing, _)| filing.place.uid_validity != uid_validity);
    let asked: Vec<(i64, i64, MailKey, Place)> = before
        .filter_map(|(filing, _)| Some((filing.row.id, filing.row.message?, filing.key, filing.place.clone())))
        .collect();
    if asked.is_empty() {
        return Ok(BTreeMap::new());
    }
    let known = hand
        .store
        .call(move |db| {
            let known = |(id, message, key, place): (i64, i64, MailKey, Place)| {
                db.seen_in(message, &place).map(|(places, size)| (id, key, places, size))
            };
            asked.into_iter().map(known).collect::<Result<Vec<_>, _>>()
        })
        .await?;
    let lie = renumbered::alike(session, &known.iter().map(|(_, key, _, size)| (*key, *size)).collect()).await?;
    let mut found = BTreeMap::new();
    for (id, key, places, _) in known {
        let here = lie.get(&key).map(Vec::as_slice).unwrap_or_default();
        if here.len() >= places as usize
            && let Some(one) = here.iter().find(|(_, deleted)| *deleted).or(here.first())
        {
            found.insert(id, *one);
        }
    }
    Ok(found)
}

/// Which of the messages lie in the target folder, among what came there since the move was begun.
async fn copies(
    session: &mut Session,
    folder: &str,
    group: &[(Filing, Doing)],
) -> Result<BTreeMap<MailKey, Place>, Stopped> {
    let Some((first, _)) = group.first() else { return Ok(BTreeMap::new()) };
    let wanted: BTreeSet<MailKey> = group.iter().map(|(filing, _)| filing.key).collect();
    // no such folder: then nothing lies in it
    let Some(opened) = session.examine_if_there(folder).await? else { return Ok(BTreeMap::new()) };
    // a target that was renumbered meanwhile is looked through from its beginning
    let from = group
        .iter()
        .map(|(_, doing)| if doing.target_uid_validity == opened.uid_validity { doing.target_uid_next } else { 1 })
        .min()
        .unwrap_or(1);
    let mut found = BTreeMap::new();
    // each is looked at as it comes: of a folder that is looked through whole, nothing is held
    let take = async |seen: Fetched| {
        let key = MailKey::of(&seen.bytes);
        if seen.uid >= from && wanted.contains(&key) {
            let place = Place {
                account: first.place.account.clone(),
                mailbox: folder.to_owned(),
                uid_validity: opened.uid_validity,
                uid: seen.uid,
            };
            found.entry(key).or_insert(place);
        }
        true
    };
    session.fetch_each(&[UidSet::from(from)], Fetch::First(LEAST_FETCH), take).await?;
    Ok(found)
}

/// The delete half of a move whose copy was seen: flagged, and expunged where the server can expunge just these.
pub(super) async fn take_away(session: &mut Session, method: Method, uids: &[u32]) -> Result<(), ImapError> {
    for some in uids.chunks(COMMAND) {
        let uids = UidSet::of(some.iter().copied());
        session.add_flags(&uids, &["\\Deleted"]).await?;
        if method == Method::CopyExpunge {
            session.uid_expunge(&uids).await?;
        }
    }
    Ok(())
}
