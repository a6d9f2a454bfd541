//! The delete half of a move whose copy was seen. Each step is written down before its command leaves: when the mailbox
//! is renumbered meanwhile, what was written tells which of several messages with the same bytes is the source, and
//! whether it is there at all.

use super::Hand;
use super::filing::{COMMAND, Doing, Method, Stopped};
use super::look::is_deleted;
use crate::edge::imap::{Fetch, Session, UidSet};
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
    pub(super) others_marked: Option<u32>,
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
    let others: BTreeMap<usize, Vec<u32>> = hand
        .store
        .call(move |db| {
            let mut others = BTreeMap::new();
            for (at, message, place) in asked {
                let (mut uids, _) = db.seen_in(message, &place)?;
                uids.retain(|uid| *uid != place.uid);
                others.insert(at, uids);
            }
            Ok(others)
        })
        .await?;
    let all: BTreeSet<u32> =
        others.values().flatten().copied().chain(sources.iter().map(|one| one.doing.source.uid)).collect();
    let mut marked = BTreeSet::new();
    for window in all.into_iter().collect::<Vec<_>>().chunks(COMMAND) {
        let seen = session.fetch(&UidSet::of(window.iter().copied()), Fetch::Flags).await?;
        marked.extend(seen.into_iter().filter(|seen| is_deleted(&seen.flags)).map(|seen| seen.uid));
    }
    for (at, one) in (0..).zip(sources) {
        let here = others.get(&at).map(Vec::as_slice).unwrap_or_default();
        let count = here.iter().filter(|uid| marked.contains(uid)).count();
        one.doing.others_marked = one.others_marked.unwrap_or(u32::try_from(count).unwrap_or(u32::MAX));
        if one.doing.stage == Stage::Copying {
            one.doing.marked_before = marked.contains(&one.doing.source.uid);
        }
    }
    Ok(())
}

/// Which of the messages with its bytes is the source, in a mailbox that was renumbered since its filing was begun: `here`
/// are their UIDs now and whether they bear \Deleted, `known` says how many there were, `copied` that its copy was seen.
///
/// Nobody but us removes one of several for the copy: so as long as we cannot have, one is one too many, and which of them
/// goes makes no difference. Once it may be expunged, only a mark that nobody had set before tells that it is there.
pub(super) fn source_among(here: &[(u32, bool)], known: usize, copied: bool, doing: &Doing) -> Option<(u32, bool)> {
    let bare = here.iter().find(|(_, deleted)| !deleted);
    let mut marked = here.iter().filter(|(_, deleted)| *deleted);
    let first_marked = marked.clone().next();
    let ours_is_marked = marked.by_ref().count() > doing.others_marked as usize;
    let removed_by_copying = doing.method == Method::Move;
    let found = match doing.stage {
        // one is missing: it was moved, by us or by someone else
        Stage::Copying if here.len() < known && (removed_by_copying || !copied) => None,
        Stage::Copying => bare.or(first_marked),
        Stage::Marking if !ours_is_marked => bare,
        Stage::Expunging if !ours_is_marked => None,
        Stage::Marking | Stage::Expunging => first_marked,
    };
    found.copied()
}
