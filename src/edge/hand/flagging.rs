//! Flags of one account: set on the cancellation mail of an open case, and removed when it ends. Each is read back.

use super::filing::{MOST_ATTEMPTS, Stopped, WAITS};
use super::{Hand, look, next_attempt};
use crate::edge::Advice;
use crate::edge::imap::{Fetch, ImapAccount, ImapError, Session, UidSet};
use crate::edge::store::{Became, Flagged, Row};
use crate::mailbox::Place;
use crate::plan::Effect;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Most flags of one round, so that a filing never waits for long.
const BATCH: u32 = 20;
/// The flag, as every mail app shows it.
pub(super) const FLAGGED: &str = "\\Flagged";

/// Written down before the flag is set.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
struct Doing {
    /// The message bore the flag before: the shopper had set it.
    before: bool,
}

/// One round; `false` when there was nothing to do. What was cut off is done again: a flag is never set twice.
pub(super) async fn once(hand: &Hand, account: &ImapAccount, session: &mut Option<Session>) -> Result<bool, Stopped> {
    if hand.looks.is_none() {
        return Ok(false);
    }
    let (name, now) = (account.name.clone(), hand.clock.now());
    let rows = hand
        .store
        .call(move |db| {
            let mut rows: Vec<Row> = db.under_way("flag")?.into_iter().filter(|row| row.lane == name).collect();
            if rows.is_empty() {
                rows = db.workable("flag", Some(&name), BATCH, now)?;
            }
            Ok(rows)
        })
        .await?;
    if rows.is_empty() {
        return Ok(false);
    }
    let session = match session {
        Some(session) => session,
        None => session.insert(Session::open(account).await?),
    };
    for row in rows {
        match one(hand, account, session, &row).await {
            Err(Stopped::Imap(error)) if error.refused => put_off(hand, row, &error).await?,
            ended => {
                let became = ended?;
                let now = hand.clock.now();
                hand.store.call(move |db| db.flag_became(&row, &became, now)).await?;
            }
        }
    }
    Ok(true)
}

async fn one(hand: &Hand, account: &ImapAccount, session: &mut Session, row: &Row) -> Result<Became, Stopped> {
    let (Effect::Flag { set }, Some(message)) = (&row.effect, row.message) else {
        return Ok(Became::Left("it names no message"));
    };
    let name = account.name.clone();
    let Some(flagged) = hand.store.call(move |db| db.flag_of(message, &name)).await? else {
        return Ok(Became::Left("nothing is on record of it"));
    };
    match (*set, flagged.wanted) {
        (true, false) => return Ok(Became::Left("its case ended meanwhile")),
        (false, true) => return Ok(Became::Left("its case is open again")),
        (false, false) if flagged.own != Some(true) => return Ok(Became::Left("modori had not set it")),
        _ => {}
    }
    let Some((place, flag)) = find(hand, session, account, &flagged).await? else {
        return Ok(if *set { Became::Left("the mail was moved or removed by someone else") } else { Became::Removed });
    };
    // as long as it is selected the UIDVALIDITY stays: what was read there under its key is what is flagged
    if session.select(&place.mailbox).await?.uid_validity != place.uid_validity {
        return Ok(Became::Left("its folder was renumbered at that moment"));
    }
    let uids = UidSet::of([place.uid]);
    if !*set {
        if flag {
            session.remove_flags(&uids, &[FLAGGED]).await?;
        }
        return Ok(Became::Removed);
    }
    let noted: Option<Doing> = row.doing.clone().and_then(|doing| serde_json::from_value(doing).ok());
    let doing = noted.unwrap_or(Doing { before: flag && flagged.own != Some(true) });
    if let (None, Ok(value)) = (noted, serde_json::to_value(doing)) {
        let rows = [(row.id, value)];
        hand.store.call(move |db| db.begin_each(&rows)).await?;
    }
    if doing.before {
        return Ok(Became::Hers);
    }
    session.add_flags(&uids, &[FLAGGED]).await?;
    let read = session.fetch(&uids, Fetch::Flags).await?;
    Ok(match read.iter().find(|seen| seen.uid == place.uid) {
        Some(seen) if look::bears_flag(&seen.flags) => Became::Set(place),
        Some(_) => Became::Left("the server did not keep the flag"),
        None => Became::Left("the mail was moved or removed by someone else"),
    })
}

/// Where the message lies (it is read there, and its key is the one it must have), and whether it bears the flag.
async fn find(
    hand: &Hand,
    session: &mut Session,
    account: &ImapAccount,
    flagged: &Flagged,
) -> Result<Option<(Place, bool)>, Stopped> {
    if let Some(place) = &flagged.place {
        let opened = match session.select(&place.mailbox).await {
            Ok(opened) => Some(opened),
            // "not now" is an answer about now; anything else means that there is no such folder
            Err(error) if error.refused && !matches!(error.advice, Advice::Again(_)) => None,
            Err(error) => return Err(error.into()),
        };
        if opened.is_some_and(|opened| opened.uid_validity == place.uid_validity) {
            let read = session.fetch(&UidSet::of([place.uid]), look::ENOUGH).await?;
            let here = read.iter().find(|seen| seen.uid == place.uid && look::is(seen, &flagged.key));
            if let Some(seen) = here {
                return Ok(Some((place.clone(), look::bears_flag(&seen.flags))));
            }
        }
    }
    let wanted = BTreeMap::from([(flagged.key, flagged.size)]);
    Ok(look::seek(hand, session, &account.name, &wanted).await?.remove(&flagged.key))
}

/// A row that was refused: again later, or given up after too many attempts.
async fn put_off(hand: &Hand, row: Row, error: &ImapError) -> Result<(), Stopped> {
    tracing::warn!("a flag is not set or removed: {error}");
    let now = hand.clock.now();
    let (what, advice) = (error.what.clone(), error.advice);
    hand.store
        .call(move |db| {
            if advice == Advice::Never || row.attempts + 1 >= MOST_ATTEMPTS {
                return db.flag_became(&row, &Became::Left("the server refuses it"), now);
            }
            db.put_off(row.id, next_attempt(now, row.attempts + 1, WAITS.0, WAITS.1), &what)
        })
        .await?;
    Ok(())
}
