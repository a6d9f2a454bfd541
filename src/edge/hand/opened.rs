//! Looks whether the mails of alerts that await their acknowledgement were opened: one EXAMINE a folder and one FETCH of
//! flags for all of them in it. Nothing is changed, and nothing is looked at while nothing awaits.

use super::filing::{LONGEST_NAP, Stopped};
use super::{Hand, look};
use crate::edge::imap::{Fetch, ImapAccount, Session, UidSet};
use crate::edge::store::AwaitedMail;
use crate::mailbox::{MailKey, Place};
use crate::plan::answer::By;
use crate::plan::opened::{Found, Reading, Sighting};
use jiff::{SignedDuration, Timestamp};
use std::collections::BTreeMap;
use std::sync::PoisonError;
use std::time::Duration;

/// Between two looks while the alert is young.
const EVERY: SignedDuration = SignedDuration::from_secs(15);
/// So long it is young.
const YOUNG: SignedDuration = SignedDuration::from_mins(10);
/// Between two looks afterwards.
const LATER: SignedDuration = SignedDuration::from_secs(60);

/// By account: when each mail was looked at last, and when the next look is due.
pub(super) type Rounds = BTreeMap<String, Round>;

/// The looks of one account.
#[derive(Default)]
pub(super) struct Round {
    looked: BTreeMap<String, Timestamp>,
    next: Option<Timestamp>,
}

/// Looks at the mails of the account when it is time; `false` when there was nothing to look at.
pub(super) async fn once(hand: &Hand, account: &ImapAccount, session: &mut Option<Session>) -> Result<bool, Stopped> {
    if !hand.opened {
        return Ok(false);
    }
    let (name, now) = (account.name.clone(), hand.clock.now());
    let mails = hand.store.call(move |db| db.awaited_mails(&name, now)).await?;
    if !is_time(hand, &account.name, &mails, now) {
        return Ok(false);
    }
    let session = match session {
        Some(session) => session,
        None => session.insert(Session::open(account).await?),
    };
    let mut folders: BTreeMap<Option<String>, Vec<AwaitedMail>> = BTreeMap::new();
    for mail in mails {
        folders.entry(mail.reading.place.as_ref().map(|place| place.mailbox.clone())).or_default().push(mail);
    }
    let mut seen = Vec::new();
    for (folder, mails) in folders {
        let sightings = match folder {
            Some(folder) => look_into(session, &folder, &mails).await?,
            None => vec![Sighting::Nowhere; mails.len()],
        };
        seen.extend(mails.into_iter().zip(sightings));
    }
    let now = hand.clock.now();
    let mut ends = Vec::new();
    let mut lost = Vec::new();
    for (mail, sighting) in seen {
        match mail.reading.look(sighting, now) {
            Found::Seek(before) => lost.push((mail, sighting, before)),
            found => ends.push((mail, found)),
        }
    }
    if !lost.is_empty() {
        let wanted: BTreeMap<MailKey, u32> = lost.iter().map(|(mail, ..)| (mail.key, mail.size)).collect();
        let found = look::seek(hand, session, &account.name, &wanted).await?;
        for (mail, sighting, before) in lost {
            let place = found.get(&mail.key).map(|(place, _): &(Place, bool)| place.clone());
            ends.push((mail, before.sought(sighting, place, now)));
        }
    }
    keep(hand, ends, now).await?;
    looked(hand, &account.name, now);
    Ok(true)
}

/// How long it is until the next look.
pub(super) fn in_how_long(hand: &Hand, account: &ImapAccount) -> Duration {
    let rounds = hand.desk.opened.lock().unwrap_or_else(PoisonError::into_inner);
    let Some(next) = rounds.get(&account.name).and_then(|round| round.next) else { return LONGEST_NAP };
    let left = Duration::try_from(next.duration_since(hand.clock.now())).unwrap_or_default();
    left.clamp(Duration::from_millis(10), LONGEST_NAP)
}

/// What stands in a folder of the mails that should lie there.
async fn look_into(session: &mut Session, folder: &str, mails: &[AwaitedMail]) -> Result<Vec<Sighting>, Stopped> {
    let uid_validity = match session.examine(folder).await {
        Ok(opened) => Some(opened.uid_validity),
        // the folder was removed or renamed
        Err(error) if error.refused => None,
        Err(error) => return Err(error.into()),
    };
    let here =
        |reading: &Reading| reading.place.as_ref().filter(|place| Some(place.uid_validity) == uid_validity).cloned();
    let uids = UidSet::of(mails.iter().filter_map(|mail| here(&mail.reading)).map(|place| place.uid));
    let read = if uid_validity.is_some() { session.fetch(&uids, Fetch::Flags).await? } else { Vec::new() };
    let sighting = |mail: &AwaitedMail| {
        let Some(place) = here(&mail.reading) else { return Sighting::Nowhere };
        match read.iter().find(|seen| seen.uid == place.uid) {
            None => Sighting::Missing,
            Some(seen) if seen.is_deleted() => Sighting::Deleted,
            Some(seen) if seen.flags.iter().any(|flag| flag.eq_ignore_ascii_case("\\Seen")) => Sighting::Seen,
            Some(_) => Sighting::Unseen,
        }
    };
    Ok(mails.iter().map(sighting).collect())
}

/// Writes down what was found. The first acknowledgement frees what waited for the alert.
async fn keep(hand: &Hand, ends: Vec<(AwaitedMail, Found)>, now: Timestamp) -> Result<(), Stopped> {
    let mut kept = Vec::new();
    let mut answered: Vec<(String, By)> = Vec::new();
    for (mail, found) in ends {
        match found {
            Found::Keep(reading) if reading != mail.reading => kept.push((mail.told, reading)),
            Found::Keep(_) | Found::Seek(_) => {}
            Found::Answered(by) => {
                tracing::info!(by = by.word(), "an alert was acknowledged");
                answered.push((mail.token, by));
            }
        }
    }
    if kept.is_empty() && answered.is_empty() {
        return Ok(());
    }
    let any = !answered.is_empty();
    hand.store
        .call(move |db| {
            db.keep_readings(&kept)?;
            for (token, by) in &answered {
                db.acknowledge(token, by, now)?;
            }
            Ok(())
        })
        .await?;
    if any {
        hand.wake(Vec::new());
    }
    Ok(())
}

/// Whether a look is due. Mails that await nothing any more are forgotten.
fn is_time(hand: &Hand, account: &str, mails: &[AwaitedMail], now: Timestamp) -> bool {
    let mut rounds = hand.desk.opened.lock().unwrap_or_else(PoisonError::into_inner);
    let round = rounds.entry(account.to_owned()).or_default();
    let due: Vec<Timestamp> = mails
        .iter()
        .map(|mail| match round.looked.get(&mail.told) {
            // a clock that was set back does not put the look off
            Some(at) if *at <= now => after(*at, if now.duration_since(mail.since) <= YOUNG { EVERY } else { LATER }),
            _ => now,
        })
        .collect();
    round.looked = mails.iter().filter_map(|mail| round.looked.remove_entry(&mail.told)).collect();
    round.next = due.into_iter().min();
    let is_time = round.next.is_some_and(|next| next <= now);
    if is_time {
        // all are looked at together
        round.looked = mails.iter().map(|mail| (mail.told.clone(), now)).collect();
    }
    is_time
}

/// The look is over: the next one is reckoned from here.
fn looked(hand: &Hand, account: &str, now: Timestamp) {
    let mut rounds = hand.desk.opened.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(round) = rounds.get_mut(account) {
        round.looked.values_mut().for_each(|at| *at = now);
        round.next = (!round.looked.is_empty()).then(|| after(now, EVERY));
    }
}

fn after(at: Timestamp, span: SignedDuration) -> Timestamp {
    at.saturating_add(span).unwrap_or(Timestamp::MAX)
}
