//! Messages whose mailbox got a new UIDVALIDITY while they were to be filed: found again by what they are. The watching
//! side finds them too, but may be a while behind.

use super::Hand;
use super::filing::Stopped;
use super::look::WINDOW;
use crate::edge::imap::{Fetch, Session, UidSet};
use crate::edge::store::{Row, State};
use crate::mailbox::{LEAST_FETCH, MailKey, Place};
use jiff::Timestamp;
use std::collections::{BTreeMap, BTreeSet};

/// A filing whose message lies at no known place, with the last that was known.
pub(super) struct Astray {
    pub(super) row: Row,
    pub(super) key: MailKey,
    pub(super) size: u32,
    pub(super) last: Place,
}

/// Looks for them: those that are found are filed from there, the others were moved or removed by someone else.
pub(super) async fn look_for(hand: &Hand, session: &mut Session, astray: Vec<Astray>) -> Result<(), Stopped> {
    let mut by_mailbox: BTreeMap<String, Vec<Astray>> = BTreeMap::new();
    for one in astray {
        by_mailbox.entry(one.last.mailbox.clone()).or_default().push(one);
    }
    for (mailbox, group) in by_mailbox {
        // asked anew: a connection that selected it before knows only the old UIDVALIDITY
        let uid_validity = session.examine_if_there(&mailbox).await?.map(|opened| opened.uid_validity);
        let moved = |one: &Astray| uid_validity.is_some_and(|now| now != one.last.uid_validity);
        let wanted: BTreeMap<MailKey, u32> =
            group.iter().filter(|one| moved(one)).map(|one| (one.key, one.size)).collect();
        let lie = alike(session, &wanted).await?;
        let now = hand.clock.now();
        let mut again = Vec::new();
        let mut gone = Vec::new();
        for one in group {
            let found = lie.get(&one.key).and_then(|all| all.first()).copied();
            match (found, one.row.message, uid_validity) {
                (Some(found), Some(message), Some(uid_validity)) => {
                    let place = Place { uid_validity, uid: found.uid, ..one.last };
                    again.push((one.row.id, message, place, found.received));
                }
                _ => gone.push(one.row.id),
            }
        }
        hand.store
            .call(move |db| {
                for (id, message, place, received) in again {
                    db.lies_at(message, &place, received)?;
                    db.again(&[id], now, None)?;
                }
                for id in gone {
                    db.close(id, State::Done, Some("it was moved or removed by someone else"), now)?;
                }
                Ok(())
            })
            .await?;
    }
    Ok(())
}

/// A message with wanted bytes in a mailbox that was renumbered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Alike {
    pub(super) uid: u32,
    /// It bears \Deleted.
    pub(super) deleted: bool,
    /// INTERNALDATE.
    pub(super) received: Option<Timestamp>,
}

/// Where messages lie in the open mailbox, by their keys (with their sizes).
pub(super) async fn alike(
    session: &mut Session,
    wanted: &BTreeMap<MailKey, u32>,
) -> Result<BTreeMap<MailKey, Vec<Alike>>, Stopped> {
    let mut found: BTreeMap<MailKey, Vec<Alike>> = BTreeMap::new();
    if wanted.is_empty() {
        return Ok(found);
    }
    // the size tells a message from nearly all others
    let sizes: BTreeSet<u32> = wanted.values().copied().collect();
    let listed = session.fetch(&UidSet::from(1), Fetch::Sizes).await?;
    let uids: Vec<u32> = listed.iter().filter(|seen| sizes.contains(&seen.size)).map(|seen| seen.uid).collect();
    for window in uids.chunks(WINDOW) {
        for seen in session.fetch(&UidSet::of(window.iter().copied()), Fetch::First(LEAST_FETCH)).await? {
            let key = MailKey::of(&seen.bytes);
            if wanted.contains_key(&key) {
                let alike = Alike { uid: seen.uid, deleted: seen.is_deleted(), received: seen.received };
                found.entry(key).or_default().push(alike);
            }
        }
    }
    Ok(found)
}
