//! The mailbox lane of one account: messages moved into their folders, in batches, each exactly once; then flags.

use super::labels::{self, Borne};
use super::removal::{self, Source, Stage};
use super::renumbered::{self, Astray};
use super::{Hand, draft, flagging, look, next_attempt, opened, promise, recover};
use crate::edge::Advice;
use crate::edge::imap::{Copied, ImapAccount, ImapError, Session, UidSet};
use crate::edge::store::{Row, State, StoreError};
use crate::mailbox::{MailKey, Place};
use crate::plan::Effect;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

/// Most messages of one round: written down together before, and closed together after.
const BATCH: u32 = 2000;
/// Most messages of one command: its line stays below the 8,192 bytes that servers take (RFC 7162, 4).
pub(super) const COMMAND: usize = 500;
/// First and longest wait after a refusal or a lost connection.
pub(super) const WAITS: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(300));
/// First and longest wait when the shopper must do something first.
const ASKED: (Duration, Duration) = (Duration::from_secs(60), Duration::from_secs(6 * 3600));
/// A filing that was refused so often is given up; the message stays where it is.
pub(super) const MOST_ATTEMPTS: u32 = 8;
/// A connection without work is closed after so long.
const KEPT_WARM: Duration = Duration::from_secs(60);

/// Longest sleep of a lane that nothing wakes: a machine that slept does not count the time.
pub(super) const LONGEST_NAP: Duration = Duration::from_secs(30);

/// How a message is moved.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Method {
    /// UID MOVE (RFC 6851).
    Move,
    /// COPY, then \Deleted and UID EXPUNGE of just these (RFC 4315).
    CopyExpunge,
    /// COPY, then \Deleted; nothing is expunged.
    CopyFlag,
    /// Labels put on and taken off, where nothing can be moved out of the mailbox (Gmail's All Mail).
    Labels,
}

/// What recovery needs to know about a filing that was cut off: written before the command leaves.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Doing {
    pub(super) method: Method,
    pub(super) source: Place,
    pub(super) key: MailKey,
    pub(super) folder: String,
    pub(super) target_uid_validity: u32,
    pub(super) target_uid_next: u32,
    /// How far the delete half is.
    #[serde(default)]
    pub(super) stage: Stage,
    /// So many others with the same bytes bore \Deleted when the delete half was begun.
    #[serde(default)]
    pub(super) others_marked: u32,
    /// So many of them had the source's date of receipt.
    #[serde(default)]
    pub(super) alike_marked: u32,
    /// And so did the source: someone else had marked it.
    #[serde(default)]
    pub(super) marked_before: bool,
    /// Where folders are labels: what the message bore before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) borne: Option<Borne>,
}

impl Doing {
    /// Of a filing that begins.
    fn of(method: Method, target: &Place, filing: &Filing) -> Self {
        Self {
            method,
            source: filing.place.clone(),
            key: filing.key,
            folder: target.mailbox.clone(),
            target_uid_validity: target.uid_validity,
            target_uid_next: target.uid,
            stage: Stage::default(),
            others_marked: 0,
            alike_marked: 0,
            marked_before: false,
            borne: filing.borne.clone(),
        }
    }
}

/// A row and what it moves.
#[derive(Clone, Debug)]
pub(super) struct Filing {
    pub(super) row: Row,
    pub(super) place: Place,
    pub(super) key: MailKey,
    /// Where folders are labels: what the message bore before.
    pub(super) borne: Option<Borne>,
}

/// Why a piece of work on the mailbox ended early.
pub(super) enum Stopped {
    /// The database refused: the program cannot go on.
    Store(StoreError),
    /// The mailbox's server.
    Imap(ImapError),
}

impl From<StoreError> for Stopped {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl From<ImapError> for Stopped {
    fn from(error: ImapError) -> Self {
        Self::Imap(error)
    }
}

/// Works for ever on the filings of one account.
pub(super) async fn lane(hand: &Hand, account: &ImapAccount) -> Result<(), StoreError> {
    let mut session: Option<Session> = None;
    let mut troubles = 0_u32;
    let mut idle_since = tokio::time::Instant::now();
    let mut next_look = hand.clock.now();
    let name = format!("filing in {}", account.name);
    loop {
        let woken = hand.desk.filings.notified();
        tokio::pin!(woken);
        woken.as_mut().enable();
        hand.promise(&name, promise::FILINGS);
        let worked = round(hand, account, &mut session, &mut next_look).await;
        match worked {
            Ok(true) => {
                troubles = 0;
                idle_since = tokio::time::Instant::now();
                hand.desk.booked.notify_one(); // what was refused is due again some time
                continue;
            }
            Ok(false) => {}
            Err(Stopped::Store(error)) => return Err(error),
            Err(Stopped::Imap(error)) => {
                session = None;
                troubles = troubles.saturating_add(1);
                let (first, longest) = if error.advice == Advice::Ask { ASKED } else { WAITS };
                tracing::warn!(account = account.name, "filing waits: {error}");
                let wait = first.saturating_mul(1 << troubles.saturating_sub(1).min(12)).min(longest);
                let wait = error.advice.at_least(wait, troubles);
                hand.promise(&name, wait + promise::FILINGS);
                tokio::time::sleep(wait).await;
                continue;
            }
        }
        if idle_since.elapsed() >= KEPT_WARM
            && let Some(session) = session.take()
        {
            session.logout().await;
        }
        let look = look::in_how_long(hand, next_look).min(opened::in_how_long(hand, account));
        let nap = match session {
            Some(_) => KEPT_WARM.saturating_sub(idle_since.elapsed()).min(look),
            // nothing can be done before it is let go, which wakes us, however long ago a look was due
            None if hand.is_held(&account.name) => LONGEST_NAP,
            None => look,
        };
        tokio::select! {
            biased;
            () = &mut woken => {}
            () = tokio::time::sleep(nap) => {}
        }
    }
}

/// What comes first: filings, then looks at mails that may have been opened, then flags, then looks at flags. `false` when there was nothing to do.
async fn round(
    hand: &Hand,
    account: &ImapAccount,
    session: &mut Option<Session>,
    next_look: &mut Timestamp,
) -> Result<bool, Stopped> {
    // the watch of the same account was refused or cut off, and waits: so do we
    if session.is_none() && hand.is_held(&account.name) {
        return Ok(false);
    }
    Ok(once(hand, account, session).await?
        || opened::once(hand, account, session).await?
        || flagging::once(hand, account, session).await?
        || draft::once(hand, account, session).await?
        || look::once(hand, account, session, next_look).await?)
}

/// One round: what was cut off is looked at first, then what is ready is moved. `false` when there was nothing to do.
async fn once(hand: &Hand, account: &ImapAccount, session: &mut Option<Session>) -> Result<bool, Stopped> {
    let name = account.name.clone();
    let now = hand.clock.now();
    let (cut_off, ready) = hand
        .store
        .call(move |db| {
            let cut_off: Vec<Row> = db.under_way("file")?.into_iter().filter(|row| row.lane == name).collect();
            let ready = if cut_off.is_empty() { db.workable("file", Some(&name), BATCH, now)? } else { Vec::new() };
            Ok((cut_off, ready))
        })
        .await?;
    if cut_off.is_empty() && ready.is_empty() {
        return Ok(false);
    }
    let session = match session {
        Some(session) => session,
        None => session.insert(Session::open(account).await?),
    };
    if !cut_off.is_empty() {
        recover::filings(hand, session, cut_off).await?;
        return Ok(true);
    }
    let mut moves = Vec::new();
    let (groups, astray) = groups(hand, ready).await?;
    renumbered::look_for(hand, session, astray).await?;
    for ((mailbox, folder), filings) in groups {
        match prepare(hand, session, &mailbox, &folder, filings).await {
            Ok((target, by_method)) => {
                for (method, filings) in by_method {
                    let batches = filings.chunks(COMMAND).map(<[Filing]>::to_vec);
                    moves.extend(batches.map(|filings| Move {
                        mailbox: mailbox.clone(),
                        method,
                        target: target.clone(),
                        filings,
                    }));
                }
            }
            Err(refused) => refused?,
        }
    }
    begin(hand, &moves).await?;
    let mut filed = Vec::new();
    let mut rest = Ok(());
    let mut moves: VecDeque<Move> = moves.into();
    while let Some(first) = moves.pop_front() {
        // all moves out of one mailbox leave in one write
        let mut together = vec![first];
        while let Some(next) = moves.pop_front_if(|next| {
            together.first().is_some_and(|first| next.mailbox == first.mailbox && next.method == first.method)
        }) {
            together.push(next);
        }
        rest = carry_out(hand, session, together, &mut filed).await;
        if rest.is_err() {
            break;
        }
    }
    // what is known to have happened is written down, also when the connection broke afterwards
    close_filed(hand, filed).await?;
    rest?;
    Ok(true)
}

/// Messages of one mailbox that go to one folder.
pub(super) struct Move {
    mailbox: String,
    method: Method,
    /// The folder, and its UIDNEXT from before.
    pub(super) target: Place,
    pub(super) filings: Vec<Filing>,
}

/// Filings by source mailbox and target folder.
type Groups = BTreeMap<(String, String), Vec<Filing>>;

/// Rows in groups, and those whose message lies at no known place. Rows whose message lies where it should are closed.
async fn groups(hand: &Hand, rows: Vec<Row>) -> Result<(Groups, Vec<Astray>), StoreError> {
    let now = hand.clock.now();
    hand.store
        .call(move |db| {
            let mut groups = Groups::new();
            let mut astray = Vec::new();
            for row in rows {
                let Effect::File { folder } = &row.effect else { continue };
                let folder = folder.clone();
                let found = match row.message {
                    Some(message) => db.whereabouts_in(message, &row.lane)?,
                    None => None,
                };
                let last = |message| db.last_place(message, &row.lane, &folder);
                match found {
                    None => match row.message.map(last).transpose()?.flatten() {
                        Some((last, key, size)) => astray.push(Astray { row, key, size, last }),
                        None => db.close(row.id, State::Done, Some("it was moved or removed by someone else"), now)?,
                    },
                    // what is taken back into a view is seen there all the while
                    Some((place, _))
                        if place.mailbox == folder
                            && (labels::undoes(&row.key).is_none() || !db.views(&row.lane)?.contains(&folder)) =>
                    {
                        db.close(row.id, State::Done, None, now)?;
                    }
                    Some((place, key)) => {
                        groups.entry((place.mailbox.clone(), folder)).or_default().push(Filing {
                            row,
                            place,
                            key,
                            borne: None,
                        });
                    }
                }
            }
            Ok((groups, astray))
        })
        .await
}

/// Moves of one mailbox, by one method.
async fn carry_out(
    hand: &Hand,
    session: &mut Session,
    moves: Vec<Move>,
    filed: &mut Vec<(Filing, Place)>,
) -> Result<(), Stopped> {
    let Some(Move { mailbox, method, .. }) = moves.first() else { return Ok(()) };
    let method = *method;
    let opened = session.select(mailbox).await?;
    if moves.iter().flat_map(|one| &one.filings).any(|filing| filing.place.uid_validity != opened.uid_validity) {
        // renumbered since it was prepared, when another was opened in between: these UIDs mean other messages now
        let rows = moves.into_iter().flat_map(|one| one.filings).map(|filing| filing.row).collect();
        return recover::filings(hand, session, rows).await;
    }
    if method == Method::Labels {
        return labels::carry_out(hand, session, moves).await;
    }
    let uids = |one: &Move| UidSet::of(one.filings.iter().map(|filing| filing.place.uid));
    let answers = if method == Method::Move {
        let orders: Vec<(UidSet, String)> = moves.iter().map(|one| (uids(one), one.target.mailbox.clone())).collect();
        session.move_all(&orders).await.into_iter().map(Some).collect()
    } else {
        moves.iter().map(|_| None).collect::<Vec<_>>()
    };
    let mut unsure = Vec::new();
    let mut refused = Vec::new();
    let mut broken = None;
    for (one, answer) in moves.into_iter().zip(answers) {
        if broken.is_some() && answer.is_none() {
            break;
        }
        let answer = match answer {
            Some(answer) => answer,
            None => session.uid_copy(&uids(&one), &one.target.mailbox).await,
        };
        let Move { target, filings, .. } = one;
        match answer {
            Ok(copied) => {
                let (sure, rest) = by_copy_uid(copied.as_ref(), &target, filings);
                if method != Method::Move && !sure.is_empty() {
                    let source = |(filing, _): &(Filing, Place)| Source {
                        row: filing.row.id,
                        message: filing.row.message,
                        doing: Doing::of(method, &target, filing),
                        others_marked: None,
                    };
                    removal::take_away(hand, session, method, sure.iter().map(source).collect()).await?;
                }
                filed.extend(sure);
                let rest: Vec<Row> = rest.into_iter().map(|filing| filing.row).collect();
                unsure.extend((!rest.is_empty()).then_some((target, rest)));
            }
            // a tagged NO: the server says that it did nothing (RFC 3501, 6.4.7; RFC 6851, 3.3), but "some of it"
            // happens: what lies where is looked at before anything is tried again
            Err(error) if error.refused => {
                refused.push((filings.into_iter().map(|filing| filing.row).collect::<Vec<_>>(), error));
            }
            // what the server said before is written down; the rest is under way and is looked at later
            Err(error) => broken = Some(error),
        }
    }
    if let Some(error) = broken {
        return Err(error.into());
    }
    for (rows, error) in refused {
        recover::filings_after(hand, session, rows, Some(&error)).await?;
    }
    for (target, rows) in unsure {
        // what still lies where it lay is not moved again at once: a server that says OK and moves nothing would keep
        // us busy for ever
        let nothing = ImapError {
            what: format!(
                "account `{}`: the server says that it moved to {}, but the messages lie where they lay",
                target.account, target.mailbox
            ),
            advice: Advice::Again(None),
            refused: true,
            tls: None,
            login: None,
        };
        recover::filings_after(hand, session, rows, Some(&nothing)).await?;
    }
    Ok(())
}

/// Those whose new place the server named, and those that must be looked for.
fn by_copy_uid(copied: Option<&Copied>, target: &Place, filings: Vec<Filing>) -> (Vec<(Filing, Place)>, Vec<Filing>) {
    let Some(copied) = copied else { return (Vec::new(), filings) };
    let mut sure = Vec::new();
    let mut unsure = Vec::new();
    for filing in filings {
        match copied.target_of(filing.place.uid) {
            Some(uid) => {
                let place = Place { uid_validity: copied.uid_validity, uid, ..target.clone() };
                sure.push((filing, place));
            }
            None => unsure.push(filing),
        }
    }
    (sure, unsure)
}

pub(super) async fn close_filed(hand: &Hand, filed: Vec<(Filing, Place)>) -> Result<(), StoreError> {
    if filed.is_empty() {
        return Ok(());
    }
    tracing::info!(count = filed.len(), folder = filed.first().map(|(_, place)| place.mailbox.as_str()), "filed");
    let now = hand.clock.now();
    hand.store
        .call(move |db| {
            let filed: Vec<(i64, Place, Option<Place>)> =
                filed.into_iter().map(|(filing, target)| (filing.row.id, filing.place, Some(target))).collect();
            db.filed(&filed, now)
        })
        .await
}

type Prepared = (Place, Vec<(Method, Vec<Filing>)>);

/// Source selected, target there, and both as they were recorded. A refusal is booked on the rows and ends the group.
async fn prepare(
    hand: &Hand,
    session: &mut Session,
    mailbox: &str,
    folder: &str,
    filings: Vec<Filing>,
) -> Result<Prepared, Result<(), Stopped>> {
    let ready = async {
        let mut opened = session.select(mailbox).await?;
        let renumbered = filings.iter().any(|filing| filing.place.uid_validity != opened.uid_validity);
        // what came after it was opened may be unknown to it still: there a MOVE finds nothing, and says OK
        let newer = opened.uid_next != 0 && filings.iter().any(|filing| filing.place.uid >= opened.uid_next);
        if renumbered || newer {
            // the watching side knows more: what was opened a while ago is asked anew
            opened = session.select_anew(mailbox).await?;
        }
        let target = session.target(folder).await?;
        Ok::<_, ImapError>((opened, target))
    };
    let (opened, into) = match ready.await {
        Ok(ready) => ready,
        Err(error) if error.refused => {
            let rows: Vec<Row> = filings.into_iter().map(|filing| filing.row).collect();
            return Err(put_off(hand, rows, &error).await.map_err(Stopped::from));
        }
        Err(error) => return Err(Err(error.into())),
    };
    let account = filings.first().map(|filing| filing.place.account.clone()).unwrap_or_default();
    let (current, renumbered): (Vec<Filing>, Vec<Filing>) =
        filings.into_iter().partition(|filing| filing.place.uid_validity == opened.uid_validity);
    if !renumbered.is_empty() {
        // nothing is touched here: in the next round they lie at no known place, and are looked for
        let (account, mailbox) = (account.clone(), mailbox.to_owned());
        let due = hand.clock.now();
        let ids: Vec<i64> = renumbered.iter().map(|filing| filing.row.id).collect();
        let renumbered = hand.store.call(move |db| {
            db.renumbered(&account, &mailbox, opened.uid_validity)?;
            db.again(&ids, due, Some("the mailbox was renumbered; the message is looked for"))
        });
        if let Err(error) = renumbered.await {
            return Err(Err(error.into()));
        }
    }
    let method = if session.has("MOVE") {
        Method::Move
    } else if session.has("UIDPLUS") {
        Method::CopyExpunge
    } else {
        Method::CopyFlag
    };
    let target = Place { account, mailbox: folder.to_owned(), uid_validity: into.uid_validity, uid: into.uid_next };
    if !session.has_labels() {
        return Ok((target, vec![(method, current)]));
    }
    let rows: Vec<Row> = current.iter().map(|filing| filing.row.clone()).collect();
    match labels::look_before(hand, session, (mailbox, folder), current).await {
        Ok(by_method) => Ok((target, by_method)),
        Err(Stopped::Imap(error)) if error.refused => Err(put_off(hand, rows, &error).await.map_err(Stopped::from)),
        Err(stopped) => Err(Err(stopped)),
    }
}

/// Written down before the first command leaves.
async fn begin(hand: &Hand, moves: &[Move]) -> Result<(), StoreError> {
    let doings: Vec<(i64, serde_json::Value)> = moves
        .iter()
        .flat_map(|one| {
            one.filings.iter().map(move |filing| (filing.row.id, Doing::of(one.method, &one.target, filing)))
        })
        .filter_map(|(id, doing)| Some((id, serde_json::to_value(doing).ok()?)))
        .collect();
    if doings.is_empty() {
        return Ok(());
    }
    hand.store.call(move |db| db.begin_each(&doings)).await
}

/// Rows that were refused: again later, or given up after too many attempts. The messages stay where they are.
pub(super) async fn put_off(hand: &Hand, rows: Vec<Row>, error: &ImapError) -> Result<(), StoreError> {
    tracing::warn!("not filed, the message stays where it is: {error}");
    let now = hand.clock.now();
    let (what, advice) = (error.what.clone(), error.advice);
    hand.store
        .call(move |db| {
            for row in rows {
                if advice == Advice::Never || row.attempts + 1 >= MOST_ATTEMPTS {
                    db.close(row.id, State::Failed, Some(&what), now)?;
                } else {
                    let (first, longest) = if advice == Advice::Ask { ASKED } else { WAITS };
                    db.put_off(row.id, next_attempt(now, row.attempts + 1, first, longest), &what)?;
                }
            }
            Ok(())
        })
        .await
}

impl Filing {
    pub(super) fn of(row: Row) -> Option<(Self, Doing)> {
        let doing: Doing = serde_json::from_value(row.doing.clone()?).ok()?;
        let (place, borne) = (doing.source.clone(), doing.borne.clone());
        Some((Self { row, place, key: doing.key, borne }, doing))
    }
}
