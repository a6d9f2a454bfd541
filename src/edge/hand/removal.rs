//! The delete half of a move whose copy was seen. Each step is written down before its command leaves: when the mailbox
//! is renumbered meanwhile, what was written tells which of several messages with the same bytes is the source, and
//! whether it is there at all.

use super::Hand;
use super::filing::{COMMAND, Doing, Method, Stopped};
use super::renumbered::Alike;
use crate::edge::imap::{Fetch, Fetched, Session, UidSet};
use crate::edge::store::SeenAt;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// How far the removal of a source is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Stage {
    /// Not begun: no mark on it is ours.
    #[default]
    Copying,
    /// It may be marked; it was not expunged.
    Marking,
    /// It was marked, and may be expunged.
    Expunging,
}

/// A message of the selected mailbox that is to be removed there.
pub(super) struct Source {
    /// Its row.
    pub(super) row: i64,
    /// The message's number.
    pub(super) message: Option<i64>,
    /// What is known of its filing; `source` is where it lies now.
    pub(super) doing: Doing,
    /// How many others with the same bytes bear \Deleted here; `None`: to be looked at.
    pub(super) others_marked: Option<Marked>,
}

/// How many others with the same bytes bear \Deleted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Marked {
    pub(super) all: u32,
    /// Those with the same date of receipt as the source, or of which it is not known.
    pub(super) alike: u32,
}

impl Marked {
    /// Of others of which it is known whether they bear the mark, and when they were received.
    pub(super) fn among(others: impl Iterator<Item = (bool, Option<Timestamp>)>, source: Option<Timestamp>) -> Self {
        let mut marked = Self::default();
        for (deleted, received) in others {
            marked.all += u32::from(deleted);
            marked.alike += u32::from(deleted && may_be(received, source));
        }
        marked
    }
}

/// Whether two dates of receipt do not tell two messages apart.
fn may_be(received: Option<Timestamp>, source: Option<Timestamp>) -> bool {
    received.is_none() || source.is_none() || received == source
}

/// Flags them, and expunges them where the server can expunge just these.
pub(super) async fn take_away(
    hand: &Hand,
    session: &mut Session,
    method: Method,
    mut sources: Vec<Source>,
) -> Result<(), Stopped> {
    for some in sources.chunks_mut(COMMAND) {
        let uids = UidSet::of(some.iter().map(|one| one.doing.source.uid));
        look_before(hand, session, some).await?;
        note(hand, some, Stage::Marking).await?;
        session.add_flags(&uids, &["\\Deleted"]).await?;
        if method == Method::CopyExpunge {
            note(hand, some, Stage::Expunging).await?;
            session.uid_expunge(&uids).await?;
        }
    }
    Ok(())
}

/// Writes down what comes next.
async fn note(hand: &Hand, sources: &mut [Source], stage: Stage) -> Result<(), Stopped> {
    let mut rows = Vec::new();
    for one in sources {
        // what was sent on a connection that is gone may still be carried out
        one.doing.stage = one.doing.stage.max(stage);
        rows.extend(serde_json::to_value(&one.doing).ok().map(|doing| (one.row, doing)));
    }
    Ok(hand.store.call(move |db| db.note_each(&rows)).await?)
}

/// Which of them, and how many others with the same bytes, bear \Deleted before ours does.
async fn look_before(hand: &Hand, session: &mut Session, sources: &mut [Source]) -> Result<(), Stopped> {
    let asked: Vec<_> = (0..)
        .zip(&*sources)
        .filter(|(_, one)| one.others_marked.is_none())
        .filter_map(|(at, one)| Some((at, one.message?, one.doing.source.clone())))
        .collect();
    let known: BTreeMap<usize, Vec<SeenAt>> = hand
        .store
        .call(move |db| asked.iter().map(|(at, message, place)| Ok((*at, db.seen_in(*message, place)?.0))).collect())
        .await?;
    let others = known.values().flatten().map(|(uid, _)| *uid);
    let all: BTreeSet<u32> = others.chain(sources.iter().map(|one| one.doing.source.uid)).collect();
    let mut marked = BTreeSet::new();
    for window in all.into_iter().collect::<Vec<_>>().chunks(COMMAND) {
        let seen = session.fetch(&UidSet::of(window.iter().copied()), Fetch::Flags).await?;
        marked.extend(seen.into_iter().filter(Fetched::is_deleted).map(|seen| seen.uid));
    }
    for (at, one) in (0..).zip(sources) {
        let here = known.get(&at).map(Vec::as_slice).unwrap_or_default();
        let source = one.doing.source.uid;
        let others = here.iter().filter(|(uid, _)| *uid != source);
        let others = others.map(|(uid, received)| (marked.contains(uid), *received));
        let marked_now = one.others_marked.unwrap_or_else(|| Marked::among(others, date_of(here, source)));
        (one.doing.others_marked, one.doing.alike_marked) = (marked_now.all, marked_now.alike);
        if one.doing.stage == Stage::Copying {
            one.doing.marked_before = marked.contains(&one.doing.source.uid);
        }
    }
    Ok(())
}

/// The date of receipt of the message that was seen under this UID.
pub(super) fn date_of(seen: &[SeenAt], uid: u32) -> Option<Timestamp> {
    seen.iter().find(|(other, _)| *other == uid).and_then(|(_, received)| *received)
}

/// Which of the messages with its bytes is the source, in a mailbox that was renumbered since its filing was begun: what
/// lies `here` now, what was `known` to lie there before, and whether its copy was seen.
///
/// Dates of receipt tell deliveries of the same bytes apart where the server kept them: where one of those here has a date
/// that was known before. Where none has, the server gives new dates with new numbers, or all that was known is gone. And
/// where none has the source's, and more here have another's than had it before, that date may be the new one that all of
/// them got: it was read in an answer that the renumbering fell into, or one of them came in that very second.
///
/// A MOVE that was carried out whole leaves no source. Where its copy was seen and dates tell nothing, what lies here may
/// as well have come since: it stays, rather one too many than one too few.
///
/// Nobody but us removes one of several for the copy: so as long as we cannot have, one is one too many, and which of them
/// goes makes no difference. Once it may be expunged, only a mark that nobody had set before tells that it is there.
pub(super) fn source_among(here: &[Alike], known: &[SeenAt], copied: bool, doing: &Doing) -> Option<Alike> {
    let date = date_of(known, doing.source.uid);
    let had = |date: Option<Timestamp>| known.iter().filter(|(_, received)| *received == date).count();
    let have = |date: Option<Timestamp>| here.iter().filter(|one| one.received == date).count();
    let dates_kept = here.iter().any(|one| one.received.is_some() && had(one.received) > 0);
    let new_for_all = here.iter().all(|one| !may_be(one.received, date))
        && here.iter().any(|one| (1..have(one.received)).contains(&had(one.received)));
    let by_date = date.filter(|_| dates_kept && !new_for_all);
    if by_date.is_none() && copied && doing.method == Method::Move && doing.stage == Stage::Copying {
        return None;
    }
    let here: Vec<&Alike> = here.iter().filter(|one| may_be(one.received, by_date)).collect();
    let known = known.iter().filter(|(_, received)| may_be(*received, by_date)).count();
    let others_marked = if by_date.is_some() { doing.alike_marked } else { doing.others_marked };
    let bare = here.iter().find(|one| !one.deleted);
    let marked = here.iter().filter(|one| one.deleted).count();
    let first_marked = here.iter().find(|one| one.deleted);
    let ours_is_marked = marked > others_marked as usize;
    let removed_by_copying = doing.method == Method::Move;
    let found = match doing.stage {
        // one is missing: it was moved, by us or by someone else
        Stage::Copying if here.len() < known && (removed_by_copying || !copied) => None,
        Stage::Copying => bare.or(first_marked),
        Stage::Marking if !ours_is_marked => bare,
        Stage::Expunging if !ours_is_marked => None,
        Stage::Marking | Stage::Expunging => first_marked,
    };
    found.map(|one| **one)
}
