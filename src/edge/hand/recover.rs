//! What a half-done filing means: looked up by content in both folders, then finished, begun again, or closed.

use super::filing::{COMMAND, Doing, Filing, Method, Stopped, close_filed, put_off};
use super::removal::{Marked, Source, Stage, date_of, source_among, take_away};
use super::renumbered::Alike;
use super::{Hand, labels, renumbered};
use crate::edge::imap::{Fetch, Fetched, ImapError, Session, UidSet};
use crate::edge::store::{Row, SeenAt, State};
use crate::mailbox::{LEAST_FETCH, MailKey, Place};
use crate::planted::{self, Bug};
use jiff::Timestamp;
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
        let (labelled, group): (Vec<_>, Vec<_>) = group.into_iter().partition(|(_, doing)| doing.borne.is_some());
        if !labelled.is_empty() {
            labels::recover(hand, session, (&mailbox, &folder), labelled, refusal).await?;
        }
        if group.is_empty() {
            continue;
        }
        if session.has_labels() {
            // begun before what they bore was written down. A move can be repeated here without harm, which nothing that
            // marks or expunges is
            let rows: Vec<Row> = group.into_iter().map(|(filing, _)| filing.row).collect();
            let ids: Vec<i64> = rows.iter().map(|row| row.id).collect();
            match refusal {
                Some(refusal) => put_off(hand, rows, refusal).await?,
                None => hand.store.call(move |db| db.again(&ids, now, None)).await?,
            }
            continue;
        }
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
    let mut at_target = copies(session, folder, &group).await?;
    let opened = session.select_anew(mailbox).await?;
    let uids: Vec<u32> = group.iter().map(|(filing, _)| filing.place.uid).collect();
    let mut at_source: BTreeMap<u32, bool> = BTreeMap::new();
    for some in uids.chunks(COMMAND) {
        for seen in session.fetch(&UidSet::of(some.iter().copied()), Fetch::Flags).await? {
            at_source.insert(seen.uid, seen.is_deleted());
        }
    }
    let moved = after_renumbering(hand, session, &group, opened.uid_validity, &at_target).await?;
    if group.iter().any(|(filing, _)| moved.contains_key(&filing.row.id) && at_target.contains_key(&filing.key)) {
        // what lies here may be the copy itself, which another client moved back after it was seen: only a copy that is
        // still there now is another message than what lies here
        at_target = copies(session, folder, &group).await?;
        if session.select_anew(mailbox).await?.uid_validity != opened.uid_validity {
            return Ok(()); // renumbered once more: all of them are still under way, and are looked at again
        }
    }
    let theirs = of_twins(hand, session, &group, opened.uid_validity, &at_source, &at_target).await?;
    let method = if session.has("UIDPLUS") { Method::CopyExpunge } else { Method::CopyFlag };
    let mut filed = Vec::new();
    let mut take = Vec::new();
    let mut unmark = Vec::new();
    let mut again = Vec::new();
    let mut gone = Vec::new();
    let mut found = Vec::new();
    for (filing, doing) in group {
        let same = opened.uid_validity == filing.place.uid_validity;
        let source = match same {
            true => at_source
                .get(&filing.place.uid)
                .map(|deleted| (Alike { uid: filing.place.uid, deleted: *deleted, received: None }, None)),
            false => moved.get(&filing.row.id).map(|(source, others_marked)| (*source, Some(*others_marked))),
        };
        let copies = at_target.get(&filing.key).map(Vec::as_slice).unwrap_or_default();
        let ours = copies.iter().find(|copy| !theirs.contains(&copy.place.uid));
        let copy = ours.filter(|_| !planted::is(Bug::CopyRepeated)).map(|copy| copy.place.clone());
        match (source, copy) {
            (Some((Alike { uid, deleted, .. }, others_marked)), Some(target)) => {
                // also when it bears \Deleted already: our own last try may have ended between the flag and the expunge
                if !deleted || method == Method::CopyExpunge {
                    let source = Place { uid_validity: opened.uid_validity, uid, ..filing.place.clone() };
                    let doing = Doing { source, ..doing };
                    take.push(Source { row: filing.row.id, message: filing.row.message, doing, others_marked });
                }
                filed.push((filing, target));
            }
            (None, Some(target)) => filed.push((filing, target)),
            (Some((Alike { uid, deleted, received }, _)), None) => {
                // someone took the copy away: another will be made, and must not bear the mark of what was to go
                if deleted && doing.stage > Stage::Copying && !doing.marked_before {
                    unmark.push(uid);
                }
                if let (false, Some(message)) = (same, filing.row.message) {
                    found.push((message, Place { uid_validity: opened.uid_validity, uid, ..filing.place }, received));
                }
                again.push(filing.row);
            }
            (None, None) => gone.push(filing.row.id),
        }
    }
    take_away(hand, session, method, take).await?;
    for some in unmark.chunks(COMMAND) {
        session.remove_flags(&UidSet::of(some.iter().copied()), &["\\Deleted"]).await?;
    }
    close_filed(hand, filed).await?;
    if !found.is_empty() {
        let (account, source) = (found.first().map(|(_, place, _)| place.account.clone()), mailbox.to_owned());
        hand.store
            .call(move |db| {
                // places under the old UIDVALIDITY are no longer places, also when the watching side does not know yet
                db.renumbered(&account.unwrap_or_default(), &source, opened.uid_validity)?;
                found.iter().try_for_each(|(message, place, received)| db.lies_at(*message, place, *received))
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

/// A source in a mailbox that was renumbered, and how many others with the same bytes bear \Deleted.
type Renumbered = (Alike, Marked);

/// The messages of a selected mailbox that was renumbered since their filing was begun, by row.
async fn after_renumbering(
    hand: &Hand,
    session: &mut Session,
    group: &[(Filing, Doing)],
    uid_validity: u32,
    at_target: &BTreeMap<MailKey, Vec<Copy>>,
) -> Result<BTreeMap<i64, Renumbered>, Stopped> {
    let before = group.iter().filter(|(filing, _)| filing.place.uid_validity != uid_validity);
    let asked: Vec<(i64, i64, Doing)> =
        before.filter_map(|(filing, doing)| Some((filing.row.id, filing.row.message?, doing.clone()))).collect();
    if asked.is_empty() {
        return Ok(BTreeMap::new());
    }
    let known = hand
        .store
        .call(move |db| {
            let known = |(id, message, doing): (i64, i64, Doing)| {
                db.seen_in(message, &doing.source).map(|(seen, size)| (id, doing, seen, size))
            };
            asked.into_iter().map(known).collect::<Result<Vec<_>, _>>()
        })
        .await?;
    let wanted = known.iter().map(|(_, doing, _, size)| (doing.key, *size)).collect();
    let lie = renumbered::alike(session, &wanted).await?;
    let mut found = BTreeMap::new();
    for (id, doing, seen, _) in known {
        let here = lie.get(&doing.key).map(Vec::as_slice).unwrap_or_default();
        if let Some(source) = source_among(here, &seen, at_target.contains_key(&doing.key), &doing) {
            let others = here.iter().filter(|other| other.uid != source.uid);
            let others = others.map(|other| (other.deleted, other.received));
            found.insert(id, (source, Marked::among(others, source.received)));
        }
    }
    Ok(found)
}

/// Copies, by their UID, that are of others with the same bytes: another client filed a twin where this one belongs, too. A
/// MOVE or COPY keeps the date of receipt (RFC 9051, 6.4.7), so a copy with the date of a twin that is gone, and not with the
/// source's, is that twin's. Where the source lies still; nothing is said of a mailbox that was renumbered.
async fn of_twins(
    hand: &Hand,
    session: &mut Session,
    group: &[(Filing, Doing)],
    uid_validity: u32,
    at_source: &BTreeMap<u32, bool>,
    at_target: &BTreeMap<MailKey, Vec<Copy>>,
) -> Result<BTreeSet<u32>, Stopped> {
    let lies = |filing: &Filing| filing.place.uid_validity == uid_validity && at_source.contains_key(&filing.place.uid);
    let found = group.iter().filter(|(filing, _)| lies(filing) && at_target.contains_key(&filing.key));
    let asked: Vec<(i64, Place, MailKey)> =
        found.filter_map(|(filing, _)| Some((filing.row.message?, filing.place.clone(), filing.key))).collect();
    if asked.is_empty() {
        return Ok(BTreeSet::new());
    }
    let known: Vec<(u32, MailKey, Vec<SeenAt>)> = hand
        .store
        .call(move |db| {
            let seen = |(message, place, key): (i64, Place, MailKey)| {
                db.seen_in(message, &place).map(|(seen, _)| (place.uid, key, seen))
            };
            asked.into_iter().map(seen).collect()
        })
        .await?;
    // the twins whose date is that of a copy, and another than the source's: by copy
    let mut twins: Vec<(u32, BTreeSet<u32>)> = Vec::new();
    for (source, key, seen) in &known {
        let Some(own) = date_of(seen, *source) else { continue };
        for copy in at_target.get(key).into_iter().flatten() {
            let Some(received) = copy.received.filter(|received| *received != own) else { continue };
            let of_date = seen.iter().filter(|(uid, date)| uid != source && *date == Some(received));
            twins.push((copy.place.uid, of_date.map(|(uid, _)| *uid).collect()));
        }
    }
    let all: BTreeSet<u32> = twins.iter().flat_map(|(_, twins)| twins).copied().collect();
    let mut there = BTreeSet::new();
    for some in all.into_iter().collect::<Vec<u32>>().chunks(COMMAND) {
        there.extend(session.fetch(&UidSet::of(some.iter().copied()), Fetch::Flags).await?.iter().map(|one| one.uid));
    }
    // each that is gone accounts for one copy
    let mut gone_for: BTreeSet<u32> = BTreeSet::new();
    let mut theirs = BTreeSet::new();
    for (copy, twins) in twins {
        if let Some(gone) = twins.difference(&there).find(|uid| !gone_for.contains(uid)) {
            gone_for.insert(*gone);
            theirs.insert(copy);
        }
    }
    Ok(theirs)
}

/// A message in the target folder with the bytes of one that was to be filed there.
struct Copy {
    place: Place,
    received: Option<Timestamp>,
}

/// Which of the messages lie in the target folder, among what came there since the move was begun.
async fn copies(
    session: &mut Session,
    folder: &str,
    group: &[(Filing, Doing)],
) -> Result<BTreeMap<MailKey, Vec<Copy>>, Stopped> {
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
    let mut found: BTreeMap<MailKey, Vec<Copy>> = BTreeMap::new();
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
            found.entry(key).or_default().push(Copy { place, received: seen.received });
        }
        true
    };
    session.fetch_each(&[UidSet::from(from)], Fetch::First(LEAST_FETCH), take).await?;
    Ok(found)
}
