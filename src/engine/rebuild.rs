//! The ledger from the mail that lies in a mailbox: read again, read-only, by the rules as they are now.
//!
//! One pass is enough: what a mail tells follows from that mail alone (facts, trust, the shopper's word), and cases from
//! all events together. What the ledger knows of an order may change how a mail is sorted, never what it tells.
//!
//! Only the ledger is filled. Which mails were seen where, and what was done with them, is not made up again: for the
//! hand these mails stay unknown.

use super::import::Imported;
use super::{Engine, EngineError, Mailbox};
use crate::edge::imap::{Fetch, Fetched, Folder, Session, UidSet};
use crate::edge::store::OldMail;
use crate::mailbox::{Arrival, Place};
use crate::plan::Policy;

/// Most messages of one fetch.
const WINDOW: usize = 100;
/// Most bytes of one fetch, unless a single message has more.
const WINDOW_BYTES: u64 = 8 * 1024 * 1024;

/// Which folders are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Folders<'a> {
    /// The watched mailbox, and every folder that rules file into.
    Sorted,
    /// Every folder that can be opened.
    All,
    /// Every folder of mail that was received and kept: drafts, spam and trash are left out. Where one folder shows all of
    /// it (Gmail's All Mail), that one alone.
    Kept,
    /// These.
    Named(&'a [String]),
}

/// What was read of one folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FolderRead {
    /// Its name.
    pub name: String,
    /// What came of it; `None` when the account has no such folder (yet).
    pub imported: Option<Imported>,
}

/// How far the reading of a folder is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// Messages done.
    pub done: usize,
    /// Messages in all.
    pub all: usize,
}

impl Engine {
    /// Reads the mail of an account again and takes in what it tells. Mail that is known is read anew: what it does not
    /// say any more does not count any more. Run again, it changes nothing; cut off, it is simply run again.
    ///
    /// # Errors
    /// A mailbox cannot be read, or the database refuses. What was taken in until then stays.
    pub async fn rebuild(
        &self,
        mailbox: &Mailbox,
        folders: Folders<'_>,
        mut progress: impl FnMut(Progress),
        mut read: impl FnMut(FolderRead),
    ) -> Result<(), EngineError> {
        // alerts are worded for nobody here
        let quiet =
            Self { policy: Policy { channels: Vec::new(), observe: true, ..self.policy.clone() }, ..self.clone() };
        let mut session = Session::open(&mailbox.account).await?;
        for name in quiet.names(&mut session, mailbox, folders).await? {
            let imported = quiet.rebuild_folder(&mut session, mailbox, &name, &mut progress).await?;
            read(FolderRead { name, imported });
        }
        session.logout().await;
        Ok(())
    }

    pub(super) async fn names(
        &self,
        session: &mut Session,
        mailbox: &Mailbox,
        folders: Folders<'_>,
    ) -> Result<Vec<String>, EngineError> {
        let wanted: Vec<String> = match folders {
            Folders::Named(names) => names.to_vec(),
            Folders::Sorted => {
                let rules = self.rules.of(&mailbox.account.name);
                let sorted = rules.folders().into_iter().map(str::to_owned);
                std::iter::once(mailbox.name.clone()).chain(sorted).collect()
            }
            Folders::All => {
                let listed = session.list().await?.into_iter().filter(|folder| !is_any(folder, CLOSED));
                std::iter::once(mailbox.name.clone()).chain(listed.map(|folder| folder.name)).collect()
            }
            Folders::Kept => {
                let mut listed = session.list_uses().await?;
                listed.retain(|folder| !is_any(folder, CLOSED));
                match listed.iter().find(|folder| is_any(folder, &["\\All"])) {
                    Some(all) => vec![all.name.clone()],
                    None => {
                        let kept =
                            listed.into_iter().filter(|folder| !is_any(folder, ASIDE) && !is_named(folder, ASIDE));
                        std::iter::once(mailbox.name.clone()).chain(kept.map(|folder| folder.name)).collect()
                    }
                }
            }
        };
        let mut names: Vec<String> = Vec::new();
        for name in wanted {
            // INBOX is one folder however it is written (RFC 3501, 5.1)
            let same = |known: &String| *known == name || ["INBOX"; 2] == [known, &name].map(|n| inbox(n));
            if !names.iter().any(same) {
                names.push(name);
            }
        }
        Ok(names)
    }

    async fn rebuild_folder(
        &self,
        session: &mut Session,
        mailbox: &Mailbox,
        folder: &str,
        progress: &mut impl FnMut(Progress),
    ) -> Result<Option<Imported>, EngineError> {
        let opened = match session.examine(folder).await {
            Ok(opened) => opened,
            Err(error) if error.refused => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        // mail that is marked as deleted is read, too: what it said was said
        let listed = session.fetch(&UidSet::from(1), Fetch::Sizes).await?;
        let all = listed.len();
        let cap = mailbox.account.fetch_cap;
        let mut imported = Imported::default();
        progress(Progress { done: 0, all });
        for window in windows(&listed, cap) {
            let uids = UidSet::of(window.iter().map(|one| one.uid));
            let fetched = session.fetch(&uids, Fetch::First(cap)).await?;
            let arrivals = fetched
                .into_iter()
                .map(|one| Arrival {
                    place: Place {
                        account: mailbox.account.name.clone(),
                        mailbox: folder.to_owned(),
                        uid_validity: opened.uid_validity,
                        uid: one.uid,
                    },
                    received: one.received.unwrap_or_else(|| self.clock.now()),
                    size: one.size,
                    bytes: one.bytes,
                })
                .collect();
            self.take_again(mailbox, arrivals, &mut imported).await?;
            progress(Progress { done: imported.mails, all });
        }
        Ok(Some(imported))
    }

    /// The same way as live, up to what a mail tells; the rest of the plan is dropped.
    async fn take_again(
        &self,
        mailbox: &Mailbox,
        arrivals: Vec<Arrival>,
        imported: &mut Imported,
    ) -> Result<(), EngineError> {
        let settlings = self.think(mailbox, arrivals).await?;
        imported.mails += settlings.len();
        imported.poison += settlings.iter().filter(|one| one.poison.is_some()).count();
        imported.telling += settlings.iter().filter(|one| !one.step.events.is_empty()).count();
        let mails: Vec<OldMail> = settlings
            .into_iter()
            // what could not be understood says nothing new: what is known of it stays
            .filter(|one| one.poison.is_none())
            .map(|one| OldMail {
                key: one.key,
                events: one.step.events,
                keep_trusted: false,
                mails: Some(one.step.mails),
            })
            .collect();
        imported.new_events += self.store.call(move |db| db.import(&mails)).await?;
        Ok(())
    }
}

/// Folders that cannot be opened (RFC 9051, 7.3.1).
const CLOSED: &[&str] = &["\\Noselect", "\\NonExistent"];
/// Folders of what was not received, or not kept (RFC 6154).
const ASIDE: &[&str] = &["\\Drafts", "\\Junk", "\\Trash"];

fn is_any(folder: &Folder, wanted: &[&str]) -> bool {
    folder.attributes.iter().any(|one| wanted.iter().any(|wanted| one.eq_ignore_ascii_case(wanted)))
}

/// A server that does not say what a folder is for: by the names that mail programs give.
fn is_named(folder: &Folder, wanted: &[&str]) -> bool {
    let name = folder.name.rsplit(['/', '.']).next().unwrap_or_default();
    let names = ["Spam", "Deleted Items", "Deleted Messages", "Junk E-mail", "迷惑メール", "ゴミ箱", "下書き"];
    let mut all = wanted.iter().map(|one| one.trim_start_matches('\\')).chain(names);
    all.any(|one| one.eq_ignore_ascii_case(name))
}

fn inbox(name: &str) -> &str {
    if name.eq_ignore_ascii_case("INBOX") { "INBOX" } else { name }
}

/// Messages in runs that are fetched at once: bounded in number and in bytes.
pub(super) fn windows(listed: &[Fetched], cap: u32) -> Vec<&[Fetched]> {
    let mut windows = Vec::new();
    let mut rest = listed;
    while !rest.is_empty() {
        let mut bytes = 0_u64;
        let fits = rest.iter().take(WINDOW).take_while(|one| {
            bytes = bytes.saturating_add(u64::from(one.size.min(cap)));
            bytes <= WINDOW_BYTES
        });
        let (window, left) = rest.split_at(fits.count().max(1).min(rest.len()));
        windows.push(window);
        rest = left;
    }
    windows
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fetch_is_bounded_in_messages_and_in_bytes_and_leaves_none_out() {
        let check = |sizes: &[u32], cap: u32, expect: &[usize]| {
            let listed: Vec<Fetched> =
                (1..).zip(sizes).map(|(uid, size)| Fetched { uid, size: *size, ..Fetched::default() }).collect();
            let runs = windows(&listed, cap);
            assert_eq!(runs.iter().map(|run| run.len()).collect::<Vec<_>>(), expect);
            let uids: Vec<u32> = runs.concat().iter().map(|one| one.uid).collect();
            assert_eq!(uids, listed.iter().map(|one| one.uid).collect::<Vec<_>>());
        };
        const MIB: u32 = 1024 * 1024;
        check(&[], MIB, &[]);
        check(&[10; 250], MIB, &[100, 100, 50]);
        check(&[3 * MIB; 5], 4 * MIB, &[2, 2, 1]);
        check(&[900 * MIB; 20], MIB, &[8, 8, 4]);
        // one message larger than all that fits comes alone
        check(&[1, 100 * MIB, 1], 200 * MIB, &[1, 1, 1]);
    }
}
