//! Looks at the flags of open cases: one EXAMINE a folder and one FETCH for all places in it. Nothing is changed.

use super::Hand;
use super::filing::{LONGEST_NAP, Stopped};
use super::flagging::FLAGGED;
use crate::edge::imap::{Fetch, Fetched, ImapAccount, Session, UidSet};
use crate::edge::store::Watching;
use crate::mailbox::{LEAST_FETCH, MailKey, Place};
use crate::plan::look::{Looks, Next, Sighting, Watched};
use jiff::{SignedDuration, Timestamp};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// Enough of a message to know it by its key.
pub(super) const ENOUGH: Fetch = Fetch::First(LEAST_FETCH);
/// Messages of one fetch.
pub(super) const WINDOW: usize = 250;
/// After a look that failed the next one comes after so long at most: filings go first.
const AFTER_TROUBLE: Duration = Duration::from_secs(60);

/// Looks at all flags of the account when it is time; `false` when there was nothing to look at.
pub(super) async fn once(
    hand: &Hand,
    account: &ImapAccount,
    session: &mut Option<Session>,
    next: &mut Timestamp,
) -> Result<bool, Stopped> {
    let Some(looks) = hand.looks else { return Ok(false) };
    let now = hand.clock.now();
    // a clock that was set back does not put the next look off
    if now < *next && *next <= later(now, looks.every) {
        return Ok(false);
    }
    let name = account.name.clone();
    let all = hand.store.call(move |db| db.watched_flags(&name)).await?;
    if all.is_empty() {
        *next = later(now, looks.every);
        return Ok(false);
    }
    *next = later(now, looks.every.min(AFTER_TROUBLE));
    let session = match session {
        Some(session) => session,
        None => session.insert(Session::open(account).await?),
    };
    let mut folders: BTreeMap<String, Vec<Watching>> = BTreeMap::new();
    for one in all {
        folders.entry(one.watched.place.mailbox.clone()).or_default().push(one);
    }
    let mut lost = Vec::new();
    let mut first_misses = Vec::new();
    for (folder, flags) in folders {
        let seen = look(hand, session, &folder, flags, looks).await?;
        first_misses.extend(seen.kept.iter().filter_map(|(_, after)| after.missing_since));
        lost.extend(seen.lost);
        let now = hand.clock.now();
        // each folder at once: what was seen is not lost with the connection
        hand.store
            .call(move |db| {
                db.flags_taken(&seen.taken)?;
                db.keep_looks(&seen.kept, now)
            })
            .await?;
    }
    if !lost.is_empty() {
        look_for(hand, session, account, lost).await?;
    }
    let now = hand.clock.now();
    // the second look comes as soon as it may count
    let second = first_misses.into_iter().map(|first| later(first, looks.apart)).min();
    let usual = later(now, looks.every);
    *next = second.map_or(usual, |second| second.max(later(now, Duration::from_millis(10))).min(usual));
    Ok(true)
}

/// How long it is until the next look.
pub(super) fn in_how_long(hand: &Hand, next: Timestamp) -> Duration {
    if hand.looks.is_none() {
        return LONGEST_NAP;
    }
    let left = Duration::try_from(next.duration_since(hand.clock.now())).unwrap_or_default();
    left.clamp(Duration::from_millis(10), LONGEST_NAP)
}

/// What the look at one folder made of the records.
#[derive(Default)]
struct Looked {
    kept: Vec<(Watching, Watched)>,
    /// Taken off by the shopper; the first look without it was then.
    taken: Vec<(Watching, Timestamp)>,
    /// Their messages must be looked for.
    lost: Vec<(Watching, Watched)>,
}

async fn look(
    hand: &Hand,
    session: &mut Session,
    folder: &str,
    flags: Vec<Watching>,
    looks: Looks,
) -> Result<Looked, Stopped> {
    let uid_validity = match session.examine(folder).await {
        Ok(opened) => Some(opened.uid_validity),
        // the folder was removed or renamed
        Err(error) if error.refused => None,
        Err(error) => return Err(error.into()),
    };
    let here = flags.iter().map(|one| &one.watched.place).filter(|place| Some(place.uid_validity) == uid_validity);
    let uids = UidSet::of(here.map(|place| place.uid));
    let read = if uid_validity.is_some() { session.fetch(&uids, Fetch::Flags).await? } else { Vec::new() };
    let now = hand.clock.now();
    let mut looked = Looked::default();
    for one in flags {
        let place = &one.watched.place;
        let there = read.iter().find(|seen| seen.uid == place.uid && Some(place.uid_validity) == uid_validity);
        let sighting = match there {
            Some(seen) if seen.is_deleted() => Sighting::Gone,
            Some(seen) if bears_flag(&seen.flags) => Sighting::Flagged,
            Some(_) => Sighting::Bare,
            None => Sighting::Gone,
        };
        match one.watched.look(sighting, now, looks.apart) {
            Next::Keep(after) => looked.kept.push((one, after)),
            Next::Seek(after) => {
                // a first look without the flag is forgotten, whatever becomes of the search
                looked.kept.push((one.clone(), after.clone()));
                looked.lost.push((one, after));
            }
            Next::TakenOff(since) => {
                tracing::info!(%place, "the flag was taken off");
                looked.taken.push((one, since));
            }
        }
    }
    Ok(looked)
}

/// Looks for messages that are gone from their places, and writes down where they are now.
async fn look_for(
    hand: &Hand,
    session: &mut Session,
    account: &ImapAccount,
    lost: Vec<(Watching, Watched)>,
) -> Result<(), Stopped> {
    let wanted: BTreeMap<MailKey, u32> = lost.iter().map(|(one, _)| (one.key, one.size)).collect();
    let found = seek(hand, session, &account.name, &wanted).await?;
    let now = hand.clock.now();
    let mut kept = Vec::new();
    for (one, after) in lost {
        let place = &one.watched.place;
        let found = found.get(&one.key).cloned();
        match &found {
            Some((now_at, _)) => tracing::debug!(%place, %now_at, "the mail of an open case was moved"),
            None => tracing::debug!(%place, "the mail of an open case is gone; nothing is concluded"),
        }
        let after = after.sought(found, now);
        kept.push((one, after));
    }
    hand.store.call(move |db| db.keep_looks(&kept, now)).await?;
    Ok(())
}

/// Looks for messages (with their sizes) by what they are, in every folder of the account that modori knows; where each
/// lies, and whether it bears the flag there.
pub(super) async fn seek(
    hand: &Hand,
    session: &mut Session,
    account: &str,
    wanted: &BTreeMap<MailKey, u32>,
) -> Result<BTreeMap<MailKey, (Place, bool)>, Stopped> {
    let name = account.to_owned();
    let mut found = BTreeMap::new();
    for folder in hand.store.call(move |db| db.known_folders(&name)).await? {
        let opened = match session.examine(&folder).await {
            Ok(opened) => opened,
            Err(error) if error.refused => continue,
            Err(error) => return Err(error.into()),
        };
        if opened.messages == 0 {
            continue;
        }
        let sizes: BTreeSet<u32> =
            wanted.iter().filter(|(key, _)| !found.contains_key(*key)).map(|(_, size)| *size).collect();
        // the size tells a message from nearly all others
        let listed = session.fetch(&UidSet::from(1), Fetch::Sizes).await?;
        let alike = listed.iter().filter(|seen| sizes.contains(&seen.size) && !seen.is_deleted());
        let alike: Vec<u32> = alike.map(|seen| seen.uid).collect();
        for window in alike.chunks(WINDOW) {
            for seen in session.fetch(&UidSet::of(window.iter().copied()), ENOUGH).await? {
                let key = MailKey::of(&seen.bytes);
                if seen.is_deleted() || !wanted.contains_key(&key) {
                    continue;
                }
                let place = Place {
                    account: account.to_owned(),
                    mailbox: folder.clone(),
                    uid_validity: opened.uid_validity,
                    uid: seen.uid,
                };
                found.entry(key).or_insert((place, bears_flag(&seen.flags)));
            }
        }
        if found.len() == wanted.len() {
            break;
        }
    }
    Ok(found)
}

/// Whether this is the message with that key, and not about to be removed.
pub(super) fn is(seen: &Fetched, key: &MailKey) -> bool {
    !seen.is_deleted() && MailKey::of(&seen.bytes) == *key
}

pub(super) fn bears_flag(flags: &[String]) -> bool {
    flags.iter().any(|flag| flag.eq_ignore_ascii_case(FLAGGED))
}

fn later(at: Timestamp, span: Duration) -> Timestamp {
    let span = SignedDuration::try_from(span).unwrap_or(SignedDuration::MAX);
    at.checked_add(span).unwrap_or(Timestamp::MAX)
}
