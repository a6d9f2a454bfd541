//! Old mail of a mailbox into the ledger, read-only: EXAMINE and BODY.PEEK, nothing filed, alerted or marked.
//!
//! A folder is read by stretches, in the order of its UIDs. When all of a stretch has come and is taken in, that is
//! written down in the same transaction; a connection that is cut, or a program that is killed, costs one stretch.

use super::import::{How, Imported, Importer, Old};
use super::rebuild::{FolderRead, Folders, Progress, windows};
use super::{Engine, EngineError, Mailbox};
use crate::edge::Advice;
use crate::edge::files::Before;
use crate::edge::imap::{Fetch, Fetched, ImapError, Session, UidSet};
use crate::edge::store::{PastMailbox, Reached};
use jiff::Timestamp;
use std::collections::BTreeMap;
use std::time::Duration;

/// Windows of a stretch: within one the next window is asked for before the present one is read.
const STRETCH: usize = 8;
/// So many connections in a row that bring nothing are the end; the next run goes on.
const MOST_IN_VAIN: u32 = 10;

/// What is asked of an account's past.
#[derive(Clone, Copy, Debug)]
pub struct Past<'a> {
    /// Which folders.
    pub folders: Folders<'a>,
    /// Only mail that the server received from then on.
    pub since: Option<Timestamp>,
    /// See [`How::way`].
    pub way: Option<i64>,
}

/// What is told while a past is read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Heard {
    /// How far this folder is. What was read by an earlier run counts as done.
    Far(String, Progress),
    /// What came of this folder so far.
    Taken(String, Imported),
    /// A folder was read to its end.
    Read(FolderRead),
    /// The connection was lost; it is opened again after so long.
    Lost(String, Duration),
}

/// How far an account is.
#[derive(Default)]
struct Tally {
    /// What came of each folder, over all connections.
    folders: BTreeMap<String, Imported>,
    /// Folders that are through, or not there.
    through: Vec<String>,
    /// Something was taken in since the connection was opened.
    gained: bool,
}

impl Engine {
    /// Reads the past of an account. Run again, it goes on where it was.
    ///
    /// # Errors
    /// A mailbox cannot be read, or the database refuses. What was taken in until then stays.
    pub async fn read_past(
        &self,
        mailbox: &Mailbox,
        past: Past<'_>,
        mut hear: impl FnMut(Heard),
    ) -> Result<(), EngineError> {
        let (first, longest) = mailbox.account.pace.back_off;
        let (mut in_vain, mut wait) = (0_u32, first);
        let mut tally = Tally::default();
        loop {
            let error = match self.read_past_once(mailbox, past, &mut tally, &mut hear).await {
                Ok(()) => return Ok(()),
                Err(EngineError::Imap(error)) if may_come_back(&error) => error,
                Err(error) => return Err(error),
            };
            if std::mem::take(&mut tally.gained) {
                (in_vain, wait) = (0, first);
            }
            in_vain += 1;
            if in_vain >= MOST_IN_VAIN {
                return Err(error.into());
            }
            let waits = error.advice.at_least(wait, in_vain);
            hear(Heard::Lost(error.to_string(), waits));
            tokio::time::sleep(waits).await;
            wait = (wait * 2).min(longest);
        }
    }

    async fn read_past_once(
        &self,
        mailbox: &Mailbox,
        past: Past<'_>,
        tally: &mut Tally,
        hear: &mut impl FnMut(Heard),
    ) -> Result<(), EngineError> {
        let mut session = Session::open(&mailbox.account).await?;
        for name in self.names(&mut session, mailbox, past.folders).await? {
            if tally.through.contains(&name) {
                continue;
            }
            let there = self.read_past_of(&mut session, mailbox, &name, past, tally, hear).await?;
            tally.through.push(name.clone());
            let imported = there.then(|| tally.folders.get(&name).copied().unwrap_or_default());
            hear(Heard::Read(FolderRead { name, imported }));
        }
        session.logout().await;
        Ok(())
    }

    /// Reads one folder; `false` when there is none of this name.
    async fn read_past_of(
        &self,
        session: &mut Session,
        mailbox: &Mailbox,
        name: &str,
        past: Past<'_>,
        tally: &mut Tally,
        hear: &mut impl FnMut(Heard),
    ) -> Result<bool, EngineError> {
        let Some(opened) = session.examine_if_there(name).await? else { return Ok(false) };
        let account = mailbox.account.name.clone();
        let at = PastMailbox {
            account: account.clone(),
            mailbox: name.to_owned(),
            uid_validity: opened.uid_validity,
            next_uid: 1,
            since: past.since,
        };
        let (asked, way) = (at.clone(), past.way);
        let from = self.store.call(move |db| way.map_or(Ok(1), |way| db.past_mailbox(&asked, way))).await?;
        let wanted = |one: &Fetched| {
            let wanted = past.since.is_none_or(|since| one.received.is_none_or(|received| received >= since));
            wanted.then(|| Fetched { uid: one.uid, received: one.received, size: one.size, ..Fetched::default() })
        };
        let mut listed = session.survey(&UidSet::from(1), Fetch::Sizes, wanted).await?;
        let rest = listed.split_off(&from);
        let before = listed.len();
        let listed: Vec<Fetched> = rest.into_values().collect();
        let cap = mailbox.account.fetch_cap;
        let all = before + listed.len();
        let how = How {
            authserv_ids: mailbox.authserv_ids.clone(),
            own_addresses: self.own_addresses.clone(),
            keep_trusted: true,
            account,
            way,
            spam_and_trash: true,
        };
        let mut importer = Importer::new(&self.store, &self.clock, self.rules.of(&mailbox.account.name), how);
        let seen_first = Imported { known: before, ..Imported::default() };
        let earlier = *tally.folders.entry(name.to_owned()).or_insert(seen_first);
        let mut done = before;
        hear(Heard::Far(name.to_owned(), Progress { done, all }));
        for stretch in windows(&listed, cap).chunks(STRETCH) {
            let sets: Vec<UidSet> = stretch.iter().map(|window| UidSet::of(window.iter().map(|one| one.uid))).collect();
            let mut refused = None;
            let take = async |one: Fetched| {
                done += 1;
                let received = one.received.unwrap_or_else(|| self.clock.now());
                let old = Old { bytes: one.bytes, received, size: one.size, before: Before::default(), reached: None };
                let taken = importer.add(old).await;
                hear(Heard::Taken(name.to_owned(), earlier.and(importer.imported())));
                hear(Heard::Far(name.to_owned(), Progress { done, all }));
                refused = taken.err();
                refused.is_none()
            };
            let fetched = session.fetch_each(&sets, Fetch::First(cap), take).await;
            if let Some(error) = refused {
                return Err(error);
            }
            fetched?;
            // all that lay in the stretch has come; what did not is gone from the mailbox
            let last = stretch.iter().filter_map(|window| window.last()).map(|one| one.uid).max().unwrap_or_default();
            importer.reach(Reached::Mailbox(PastMailbox { next_uid: last.saturating_add(1), ..at.clone() })).await?;
            importer.take().await?;
            tally.gained = true;
            tally.folders.insert(name.to_owned(), earlier.and(importer.imported()));
        }
        Ok(true)
    }
}

/// Whether a new connection may go on.
fn may_come_back(error: &ImapError) -> bool {
    matches!(error.advice, Advice::Again(_) | Advice::LogInAgain | Advice::Unknown)
}
