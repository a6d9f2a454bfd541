//! Letters laid into folders of one account: drafts, and copies of what was sent. Before one is laid it is looked for by
//! its Message-ID, so that it lies there once, however often an attempt was cut off.

use super::filing::{MOST_ATTEMPTS, Stopped, WAITS};
use super::posting::{Use, folder_for, there};
use super::{Hand, judge, next_attempt};
use crate::edge::Advice;
use crate::edge::imap::{Folder, ImapAccount, ImapError, Session};
use crate::edge::out::letter::{By, write};
use crate::edge::store::{Row, State, StoreError, Way, letter_of};
use crate::letter::Letter;
use crate::mailbox::Place;
use crate::plan::{Effect, on_letter};
use crate::planted::{self, Bug};
use crate::wording::LetterKind;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// Most letters of one round, so that a filing never waits for long.
const BATCH: u32 = 10;
/// First and longest wait when the shopper must do something first: make room, mostly.
const ASKED: (Duration, Duration) = (Duration::from_secs(60), Duration::from_secs(6 * 3600));
/// A letter that was under way and is not found is laid after so long, when it was looked for once more: a server may
/// still be busy with what a cut connection had brought it.
const SETTLES_IN: SignedDuration = SignedDuration::from_secs(5);

/// After a connection that was not made.
const UNREACHED: SignedDuration = SignedDuration::from_secs(15);

/// The same after the server said OK and it is not found; after so many attempts it is given up.
const UNFOUND: SignedDuration = SignedDuration::from_secs(60);
const MOST_UNFOUND: u32 = 2;

/// Of a letter that nothing was begun on, as far as the database knows.
const AMONG_SENT: &str = "it lies among what was sent";
/// Of a draft that the shopper was quick with.
const SENT_FROM_THERE: &str = "it was laid into Drafts, and was sent from there";

/// Where a letter lies that is about to be sent, if it lies anywhere: the database may be an older one
/// that was brought back, and know nothing of how it was sent.
pub(super) enum Before {
    /// Among what was sent.
    Sent(Place),
    /// In Drafts: it is the shopper's.
    Drafted,
    /// Nowhere.
    Nowhere,
}

/// Looks for a letter that is about to be sent.
pub(super) async fn before_sending(
    hand: &Hand,
    account: &ImapAccount,
    row: &Row,
    letter: &Letter,
) -> Result<Before, ImapError> {
    let mut session = Session::open(account).await?;
    let folders = session.list_uses().await?;
    let posting = &hand.posting;
    let mut before = Before::Nowhere;
    for (wanted, configured) in [(Use::Sent, posting.sent.as_deref()), (Use::Drafts, posting.drafts.as_deref())] {
        let laying = Laying { row, letter, wanted, begun: None };
        if let Some(folder) = there(&folders, wanted, configured)
            && let Some(place) = seek(&mut session, &laying, &folder, 0).await?
        {
            before = if wanted == Use::Sent { Before::Sent(place) } else { Before::Drafted };
            break;
        }
    }
    session.logout().await;
    Ok(before)
}

/// A letter that is about to be sent lies among what was sent.
pub(super) async fn was_sent(hand: &Hand, row: &Row, place: Place) -> Result<(), StoreError> {
    tracing::info!(account = row.lane, folder = place.mailbox, "a letter is not sent: {AMONG_SENT}");
    let (id, now) = (row.id, hand.clock.now());
    hand.store.call(move |db| db.laid(id, Some(&place), Some(AMONG_SENT), now)).await
}

/// Written down before a letter is laid.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Doing {
    folder: String,
    uid_validity: u32,
    uid_next: u32,
}

/// A row, its letter, and where it goes.
struct Laying<'a> {
    row: &'a Row,
    letter: &'a Letter,
    wanted: Use,
    /// What an attempt before had written down.
    begun: Option<Doing>,
}

/// One round; `false` when there was nothing to do.
pub(super) async fn once(hand: &Hand, account: &ImapAccount, session: &mut Option<Session>) -> Result<bool, Stopped> {
    let (name, now) = (account.name.clone(), hand.clock.now());
    let rows = hand
        .store
        .call(move |db| {
            let mut rows = db.letters_under_way("draft", &name)?;
            rows.extend(db.letters_under_way("copy", &name)?);
            if rows.is_empty() {
                rows = db.workable("draft", Some(&name), BATCH, now)?;
                rows.extend(db.workable("copy", Some(&name), BATCH, now)?);
            }
            Ok(rows)
        })
        .await?;
    if rows.is_empty() {
        return Ok(false);
    }
    let session = match session {
        Some(session) => session,
        None => match Session::open(account).await {
            Ok(opened) => session.insert(opened),
            Err(error) => return Err(unreached(hand, &rows, error).await?),
        },
    };
    let folders = session.list_uses().await?;
    for row in rows {
        match one(hand, session, &folders, &row).await {
            Err(Stopped::Imap(error)) if error.refused => put_off(hand, &row, &error).await?,
            ended => ended?,
        }
    }
    Ok(true)
}

/// The mailbox is not reached: letters wait, and whoever waits for them need not. That is no attempt of theirs. One that
/// was cut off is looked for all the same, and by then no server is busy with it any more.
async fn unreached(hand: &Hand, rows: &[Row], error: ImapError) -> Result<Stopped, StoreError> {
    let ids: Vec<i64> = rows.iter().map(|row| row.id).collect();
    let (due, what) = (hand.clock.now().saturating_add(UNREACHED).unwrap_or(Timestamp::MAX), error.what.clone());
    hand.store.call(move |db| db.again(&ids, due, Some(&what))).await?;
    Ok(Stopped::Imap(error))
}

async fn one(hand: &Hand, session: &mut Session, folders: &[Folder], row: &Row) -> Result<(), Stopped> {
    let posting = &hand.posting;
    let Some((letter, way)) = letter_of(&row.effect) else { return Ok(()) };
    let (wanted, configured) = match way {
        Way::Copy => (Use::Sent, posting.sent.as_deref()),
        Way::Draft | Way::Send => (Use::Drafts, posting.drafts.as_deref()),
    };
    let begun = row.doing.clone().and_then(|doing| serde_json::from_value(doing).ok());
    let laying = Laying { row, letter, wanted, begun };
    if way == Way::Copy && posting.copy.is_none() && session.has("X-GM-EXT-1") {
        let now = hand.clock.now();
        let id = row.id;
        return Ok(hand
            .store
            .call(move |db| db.laid(id, None, Some("the provider keeps a copy by itself"), now))
            .await?);
    }
    let folder = match &laying.begun {
        Some(begun) => begun.folder.clone(),
        None => folder_for(folders, wanted, configured),
    };
    let lies = look(hand, session, folders, &laying, &folder).await?;
    if let Some((place, why)) = lies {
        return found(hand, row, place, why).await;
    }
    if row.state == State::Doing {
        // cut off, and not there (yet)
        let (id, due) = (row.id, hand.clock.now().saturating_add(SETTLES_IN).unwrap_or(Timestamp::MAX));
        return Ok(hand.store.call(move |db| db.again(&[id], due, None)).await?);
    }
    let shut = match way {
        Way::Copy => hand.posting.policy.observe.then(|| judge::OBSERVES.to_owned()),
        Way::Draft | Way::Send => judge::drafting(hand, row, letter).await?,
    };
    if let Some(why) = shut {
        tracing::info!(account = row.lane, "a letter is not laid any more: {why}");
        let (id, now) = (row.id, hand.clock.now());
        let ended = hand.store.call(move |db| db.letter_ended(id, State::Dropped, Some(&why), &[], false, now));
        return Ok(ended.await.map(|_| ())?);
    }
    lay(hand, session, &laying, &folder).await
}

/// A place, and what is to be said about it.
type Lies = (Place, Option<&'static str>);

/// Where the letter lies already. Of one that an attempt was begun on, it may be that the shopper has sent or deleted it.
async fn look(
    hand: &Hand,
    session: &mut Session,
    folders: &[Folder],
    laying: &Laying<'_>,
    folder: &str,
) -> Result<Option<Lies>, Stopped> {
    if planted::is(Bug::LetterNotLookedFor) {
        return Ok(None);
    }
    let from = laying.begun.as_ref().map_or(0, |begun| begun.uid_next);
    if let Some(place) = seek(session, laying, folder, from).await? {
        return Ok(Some((place, None)));
    }
    if laying.wanted != Use::Drafts {
        return Ok(None);
    }
    let begun = laying.row.attempts > 0;
    // of one that was not begun on, too: a database that was brought back knows less than the mailbox
    let sent = if begun { SENT_FROM_THERE } else { AMONG_SENT };
    let moved = [
        (Use::Sent, hand.posting.sent.as_deref(), sent, true),
        (Use::Trash, None, "it was laid into Drafts, and was deleted there", begun),
    ];
    for (wanted, configured, why, looked) in moved {
        if looked
            && let Some(folder) = there(folders, wanted, configured)
            && let Some(place) = seek(session, laying, &folder, 0).await?
        {
            return Ok(Some((place, Some(why))));
        }
    }
    Ok(None)
}

async fn seek(session: &mut Session, laying: &Laying<'_>, folder: &str, from: u32) -> Result<Option<Place>, ImapError> {
    let found = session.with_message_id(folder, &laying.letter.message_id, from).await?;
    Ok(found.and_then(|(opened, uids)| {
        uids.first().map(|uid| Place {
            account: laying.letter.account.clone(),
            mailbox: folder.to_owned(),
            uid_validity: opened.uid_validity,
            uid: *uid,
        })
    }))
}

async fn lay(hand: &Hand, session: &mut Session, laying: &Laying<'_>, folder: &str) -> Result<(), Stopped> {
    let (row, letter) = (laying.row, laying.letter);
    let now = hand.clock.now();
    let (by, at, flags) = match &row.effect {
        Effect::Copy { sent, by, .. } => (By::from(*by), *sent, &["\\Seen"][..]),
        _ => (By::Her, now, &["\\Draft", "\\Seen"][..]),
    };
    let written = match write(letter, by, at) {
        Ok(written) => written,
        Err(error) => return Ok(give_up(hand, row, &error.what).await?),
    };
    session.ensure_folder(folder).await?;
    let opened = session.examine(folder).await?;
    let doing = Doing { folder: folder.to_owned(), uid_validity: opened.uid_validity, uid_next: opened.uid_next };
    let doing = serde_json::to_value(doing).unwrap_or_default();
    let (id, message_id) = (row.id, letter.message_id.clone());
    hand.store.call(move |db| db.begin_letter(id, &message_id, &doing, now)).await?;
    let laid = session.append(folder, flags, Some(at), &written.bytes).await?;
    let place = match laid {
        Some(laid) => Some(Place {
            account: letter.account.clone(),
            mailbox: folder.to_owned(),
            uid_validity: laid.uid_validity,
            uid: laid.uid,
        }),
        // the server took it and does not say where
        None => seek(session, laying, folder, opened.uid_next).await?,
    };
    let Some(place) = place else {
        // it says OK, and nothing is there: looked for once more before anything is done again, and not for ever, for it
        // may hide what it has
        let why = format!("the server says that it laid the letter into {folder}, but it is not found there");
        if row.attempts >= MOST_UNFOUND {
            return Ok(give_up(hand, row, &why).await?);
        }
        let due = hand.clock.now().saturating_add(UNFOUND).unwrap_or(Timestamp::MAX);
        return Ok(hand.store.call(move |db| db.again(&[id], due, Some(&why))).await?);
    };
    found(hand, row, place, None).await
}

async fn found(hand: &Hand, row: &Row, place: Place, why: Option<&'static str>) -> Result<(), Stopped> {
    tracing::info!(account = row.lane, folder = place.mailbox, "a letter lies there");
    let (id, now) = (row.id, hand.clock.now());
    let sent = why.filter(|why| [AMONG_SENT, SENT_FROM_THERE].contains(why));
    let laid = hand.store.call(move |db| {
        db.laid(id, Some(&place), why, now)?;
        if let Some(why) = sent {
            db.draft_was_sent(id, why, now)?;
        }
        Ok(())
    });
    Ok(laid.await?)
}

/// A letter that was refused: again later, or given up after too many attempts.
async fn put_off(hand: &Hand, row: &Row, error: &ImapError) -> Result<(), StoreError> {
    tracing::warn!("a letter is not laid: {error}");
    if error.advice == Advice::Never || row.attempts + 1 >= MOST_ATTEMPTS {
        return give_up(hand, row, &error.what).await;
    }
    let (first, longest) = if error.advice == Advice::Ask { ASKED } else { WAITS };
    let due = next_attempt(hand.clock.now(), row.attempts + 1, first, longest);
    let (id, what) = (row.id, error.what.clone());
    hand.store.call(move |db| db.put_off(id, due, &what)).await
}

/// It will never lie there: the shopper is told, once. That a copy of what was sent is missing is only shown.
pub(super) async fn give_up(hand: &Hand, row: &Row, why: &str) -> Result<(), StoreError> {
    let (id, now) = (row.id, hand.clock.now());
    let alerts = match &row.effect {
        Effect::Draft { letter } | Effect::Send { letter, .. } => {
            on_letter::tell(row.id, letter, LetterKind::Undrafted, why, &hand.posting.policy, now)
        }
        _ => Vec::new(),
    };
    let why = why.to_owned();
    let alerts = hand.store.call(move |db| db.letter_ended(id, State::Failed, Some(&why), &alerts, true, now)).await?;
    hand.wake(alerts);
    Ok(())
}
