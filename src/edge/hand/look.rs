//! Looks at the flags of open cases: one EXAMINE a folder and one FETCH for all places in it. Nothing is changed.

use super::Hand;
use super::filing::Stopped;
use super::flagging::FLAGGED;
use crate::edge::imap::{Fetch, Fetched, ImapAccount, Session, UidSet};
use crate::edge::store::Watching;
use crate::mailbox::{LEAST_FETCH, MailKey, Place};
use crate::plan::look::{Looks, Next, Sighting, Watched};
use jiff::{SignedDuration, Timestamp};
use std::collections::BTreeMap;
use std::time::Duration;

/// Enough of a message to know it by its key.
pub(super) const ENOUGH: Fetch = Fetch::First(LEAST_FETCH);
/// Messages of one fetch.
const WINDOW: usize = 250;
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
    let mut first_misses = Vec::new();
    for (folder, flags) in folders {
        let kept = look(hand, session, &account.name, &folder, flags, looks).await?;
        first_misses.extend(kept.iter().filter_map(|(_, after)| after.missing_since));
        let now = hand.clock.now();
        hand.store.call(move |db| db.keep_looks(&kept, now)).await?;
    }
    let now = hand.clock.now();
    // the second look comes as soon as it may count
    let second = first_misses.into_iter().map(|first| later(first, looks.apart)).min();
    let usual = later(now, looks.every);
    *next = second.map_or(usual, |second| second.max(later(now, Duration::from_millis(10))).min(usual));
    Ok(true)
}

/// Looks at the flags of one folder; the records as they are now. What was taken off is written down at once.
async fn look(
    hand: &Hand,
    session: &mut Session,
    account: &str,
    folder: &str,
    flags: Vec<Watching>,
    looks: Looks,
) -> Result<Vec<(Watching, Watched)>, Stopped> {
    let uid_validity = match session.examine(folder).await {
        Ok(opened) => Some(opened.uid_validity),
        // the folder was removed or renamed
        Err(error) if error.refused => None,
        Err(error) => return Err(error.into()),
    };
    let here = flags.iter().map(|one| &one.watched.place).filter(|place| Some(place.uid_validity) == uid_validity);
    let uids = UidSet::of(here.map(|place| place.uid));
    let read = if uid_validity.is_some() { session.fetch(&uids, Fetch::Flags).await? } else { Vec::new() };
    // what was seen, was seen before it is written down
    let now = hand.clock.now();
    let mut kept = Vec::new();
    let mut taken = Vec::new();
    for one in flags {
        let place = &one.watched.place;
        let there = read.iter().find(|seen| seen.uid == place.uid && Some(place.uid_validity) == uid_validity);
        let sighting = match there {
            Some(seen) if is_deleted(&seen.flags) => Sighting::Gone,
            Some(seen) if bears_flag(&seen.flags) => Sighting::Flagged,
            Some(_) => Sighting::Bare,
            None => Sighting::Gone,
        };
        match one.watched.look(sighting, now, looks.apart) {
            Next::Keep(after) => kept.push((one, after)),
            Next::Seek(after) => {
                let found = seek(hand, session, account, &one.key, one.size).await?;
                match &found {
                    Some((place, _)) => tracing::debug!("the mail of an open case was moved: {place}"),
                    None => tracing::debug!("the mail of an open case is gone from {folder}; nothing is concluded"),
                }
                kept.push((one, after.sought(found, now)));
            }
            Next::TakenOff(since) => {
                tracing::info!(%place, "the flag was taken off");
                taken.push((one, since));
            }
        }
    }
    if !taken.is_empty() {
        hand.store.call(move |db| db.flags_taken(&taken)).await?;
    }
    Ok(kept)
}

/// Looks for a message by what it is, in every folder of the account that modori knows; where it lies, and whether it
/// bears the flag there.
pub(super) async fn seek(
    hand: &Hand,
    session: &mut Session,
    account: &str,
    key: &MailKey,
    size: u32,
) -> Result<Option<(Place, bool)>, Stopped> {
    let name = account.to_owned();
    for folder in hand.store.call(move |db| db.known_folders(&name)).await? {
        let opened = match session.examine(&folder).await {
            Ok(opened) => opened,
            Err(error) if error.refused => continue,
            Err(error) => return Err(error.into()),
        };
        // its size tells it from nearly all others
        let listed = session.fetch(&UidSet::from(1), Fetch::Sizes).await?;
        let alike: Vec<u32> =
            listed.iter().filter(|seen| seen.size == size && !is_deleted(&seen.flags)).map(|seen| seen.uid).collect();
        for window in alike.chunks(WINDOW) {
            for seen in session.fetch(&UidSet::of(window.iter().copied()), ENOUGH).await? {
                if is(&seen, key) {
                    let place = Place {
                        account: account.to_owned(),
                        mailbox: folder,
                        uid_validity: opened.uid_validity,
                        uid: seen.uid,
                    };
                    return Ok(Some((place, bears_flag(&seen.flags))));
                }
            }
        }
    }
    Ok(None)
}

/// Whether this is the message with that key, and not about to be removed.
pub(super) fn is(seen: &Fetched, key: &MailKey) -> bool {
    !is_deleted(&seen.flags) && MailKey::of(&seen.bytes) == *key
}

pub(super) fn bears_flag(flags: &[String]) -> bool {
    flags.iter().any(|flag| flag.eq_ignore_ascii_case(FLAGGED))
}

fn is_deleted(flags: &[String]) -> bool {
    flags.iter().any(|flag| flag.eq_ignore_ascii_case("\\Deleted"))
}

fn later(at: Timestamp, span: Duration) -> Timestamp {
    let span = SignedDuration::try_from(span).unwrap_or(SignedDuration::MAX);
    at.checked_add(span).unwrap_or(Timestamp::MAX)
}
