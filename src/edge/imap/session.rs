//! A connection for the hand and for sweeps: one command at a time, each with its whole answer.

use super::error::ImapError;
use super::names::Names;
use super::open;
use super::response::{Condition, Response, Seen};
use super::uids::{UidSet, listed, within};
use super::wire::{ANSWERS, Answer, Brought, Line, Piece, goes_quoted, quote};
use super::{ImapAccount, agree};
use jiff::Timestamp;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

/// Windows of a fetch that are asked for together: the one that is read, and the next.
const AHEAD: usize = 2;

/// A mailbox as it was when opened.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Mailbox {
    /// UIDVALIDITY.
    pub uid_validity: u32,
    /// UIDNEXT; 0 when the server does not tell.
    pub uid_next: u32,
    /// Messages in it.
    pub messages: u32,
}

/// What is asked of messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fetch {
    /// Flags only.
    Flags,
    /// Flags, date and size.
    Sizes,
    /// Flags, date, size, and the first so many bytes.
    First(u32),
    /// Flags, date, size, and everything.
    Whole,
}

/// A message as fetched.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Fetched {
    /// UID.
    pub uid: u32,
    /// Flags.
    pub flags: Vec<String>,
    /// INTERNALDATE.
    pub received: Option<Timestamp>,
    /// RFC822.SIZE in bytes.
    pub size: u32,
    /// The bytes that were asked for.
    pub bytes: Vec<u8>,
}

impl Fetched {
    /// Whether it bears `\Deleted`.
    #[must_use]
    pub fn is_deleted(&self) -> bool {
        self.flags.iter().any(|flag| flag.eq_ignore_ascii_case("\\Deleted"))
    }
}

/// Where copies lie, as the server says (COPYUID, RFC 4315).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Copied {
    /// UIDVALIDITY of the target.
    pub uid_validity: u32,
    pairs: BTreeMap<u32, u32>,
}

impl Copied {
    /// The UID at the target of the message that had this UID at the source.
    #[must_use]
    pub fn target_of(&self, source: u32) -> Option<u32> {
        self.pairs.get(&source).copied()
    }
}

/// A folder of the account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Folder {
    /// Its name, with `/` between levels.
    pub name: String,
    /// Attributes (`\Noselect`, `\Junk` …).
    pub attributes: Vec<String>,
}

/// A logged-in connection.
pub struct Session {
    pub(super) line: Line,
    pub(super) capabilities: BTreeSet<String>,
    pub(super) names: Names,
    /// Folders that are there: as on the wire, and the name that they were asked for by.
    pub(super) ready_folders: BTreeMap<String, String>,
    /// What is selected for writing now: its UIDVALIDITY cannot change while it is.
    selected: Option<(String, Mailbox)>,
    /// UIDVALIDITY of what is open, for reading or writing.
    numbering: u32,
    /// Mailboxes of which it was asked whether they show what is somewhere else, too.
    pub(super) views: BTreeMap<String, bool>,
    /// Folders that messages were moved into: where the next one will lie, at least.
    targets: BTreeMap<String, Mailbox>,
}

impl Session {
    /// Connects and logs in.
    ///
    /// # Errors
    /// The server cannot be reached or trusted, or refuses the login.
    pub async fn open(account: &ImapAccount) -> Result<Self, ImapError> {
        let opened = open::open(account).await?;
        Ok(Self {
            line: opened.line,
            capabilities: opened.capabilities,
            names: opened.names,
            ready_folders: BTreeMap::new(),
            selected: None,
            numbering: 0,
            views: BTreeMap::new(),
            targets: BTreeMap::new(),
        })
    }

    /// The certificates that the server showed; `None` without TLS.
    #[must_use]
    pub fn shown(&self) -> Option<&crate::edge::tls::Shown> {
        self.line.shown.as_ref()
    }

    /// Whether the server has a capability (upper case).
    #[must_use]
    pub fn has(&self, capability: &str) -> bool {
        self.capabilities.contains(capability)
    }

    /// Opens a mailbox read-only.
    ///
    /// # Errors
    /// The connection, or the server refuses.
    pub async fn examine(&mut self, mailbox: &str) -> Result<Mailbox, ImapError> {
        self.selected = None;
        let opened = select(&mut self.line, &mut self.names, EXAMINE, mailbox).await?;
        self.numbering = opened.uid_validity;
        Ok(opened)
    }

    /// As [`Session::examine`]; `None` when there is no such mailbox. That it is refused is not enough to conclude that.
    ///
    /// # Errors
    /// The connection, or the server refuses to open a mailbox that is there.
    pub async fn examine_if_there(&mut self, mailbox: &str) -> Result<Option<Mailbox>, ImapError> {
        let error = match self.examine(mailbox).await {
            Ok(opened) => return Ok(Some(opened)),
            Err(error) if error.refused => error,
            Err(error) => return Err(error),
        };
        let wire = self.names.wire(mailbox);
        let pieces = [Piece::Plain("LIST \"\" "), Piece::Text(wire.as_bytes())];
        let listed = self.line.ok(&format!("looking for the folder {mailbox}"), &pieces).await?;
        if self.is_listed(&listed, &wire) { Err(error) } else { Ok(None) }
    }

    /// Opens a mailbox for writing, unless it is open already.
    ///
    /// # Errors
    /// The connection, or the server refuses.
    pub async fn select(&mut self, mailbox: &str) -> Result<Mailbox, ImapError> {
        if let Some((name, opened)) = &self.selected
            && name == mailbox
        {
            return Ok(*opened);
        }
        self.select_anew(mailbox).await
    }

    /// As [`Session::select`], and what it is now, also if it is open already: its UIDVALIDITY may have changed meanwhile.
    ///
    /// # Errors
    /// The connection, or the server refuses.
    pub async fn select_anew(&mut self, mailbox: &str) -> Result<Mailbox, ImapError> {
        self.selected = None;
        let opened = select(&mut self.line, &mut self.names, SELECT, mailbox).await?;
        self.selected = Some((mailbox.to_owned(), opened));
        self.numbering = opened.uid_validity;
        Ok(opened)
    }

    /// UIDs mean nothing any more when the server numbers anew what is open.
    pub(super) fn same_numbering(&self, answer: &Answer) -> Result<(), ImapError> {
        let anew = answer.untagged.iter().any(|response| match response {
            Response::Status(status) => status.renumbers(self.numbering),
            _ => false,
        });
        if anew { Err(self.line.lost("the mailbox is being renumbered")) } else { Ok(()) }
    }

    /// A mailbox as it is now, without opening it.
    ///
    /// # Errors
    /// The connection, or the server refuses.
    pub async fn status(&mut self, mailbox: &str) -> Result<Mailbox, ImapError> {
        let wire = self.names.wire(mailbox);
        let pieces = [Piece::Plain("STATUS "), Piece::Text(wire.as_bytes()), Piece::Plain(STATUS_ITEMS)];
        let answer = self.line.command(&pieces).await?;
        if answer.status.condition != Condition::Ok {
            // someone may have removed the folder meanwhile: it is looked for again the next time
            self.ready_folders.remove(&wire);
        }
        self.line.must_be_ok(&format!("looking at the folder {mailbox}"), &answer.status)?;
        Ok(status_of(&answer))
    }

    /// Fetches messages of the open mailbox; those that are gone are missing from the answer.
    ///
    /// # Errors
    /// The connection, or the server refuses.
    pub async fn fetch(&mut self, uids: &UidSet, what: Fetch) -> Result<Vec<Fetched>, ImapError> {
        let mut found: BTreeMap<u32, Fetched> = BTreeMap::new();
        let mut held = 0_usize;
        let fetching = self.fetch_each(std::slice::from_ref(uids), what, async |one: Fetched| {
            held = held.saturating_add(one.bytes.len());
            let room = held <= ANSWERS;
            found.insert(one.uid, one);
            room
        });
        if !fetching.await? {
            return Err(self.line.lost("the server says more than was asked for"));
        }
        Ok(found.into_values().collect())
    }

    /// What is wanted of each message of the open mailbox, by UID: of a large mailbox nothing else is held. A message that
    /// is named twice counts as it was named last.
    ///
    /// # Errors
    /// The connection, or the server refuses.
    pub async fn survey<T>(
        &mut self,
        uids: &UidSet,
        what: Fetch,
        mut wanted: impl FnMut(&Fetched) -> Option<T>,
    ) -> Result<BTreeMap<u32, T>, ImapError> {
        let mut listed = BTreeMap::new();
        let take = async |one: Fetched| {
            match wanted(&one) {
                Some(value) => listed.insert(one.uid, value),
                None => listed.remove(&one.uid),
            };
            true
        };
        self.fetch_each(std::slice::from_ref(uids), what, take).await?;
        Ok(listed)
    }

    /// Fetches messages of the open mailbox, window by window, and hands each over as it comes. The next window is
    /// asked for before the present one is read, so that the server is never idle; the server is read from no faster
    /// than `take` takes. `false` when `take` wanted no more: the connection is of no use then.
    ///
    /// # Errors
    /// The connection, or the server refuses.
    pub async fn fetch_each(
        &mut self,
        windows: &[UidSet],
        what: Fetch,
        mut take: impl AsyncFnMut(Fetched) -> bool,
    ) -> Result<bool, ImapError> {
        let items = match what {
            Fetch::Flags => "(UID FLAGS)".to_owned(),
            Fetch::Sizes => "(UID FLAGS INTERNALDATE RFC822.SIZE)".to_owned(),
            Fetch::First(cap) => format!("(UID FLAGS INTERNALDATE RFC822.SIZE BODY.PEEK[]<0.{cap}>)"),
            Fetch::Whole => "(UID FLAGS INTERNALDATE RFC822.SIZE BODY.PEEK[])".to_owned(),
        };
        let mut asked: VecDeque<(String, Vec<(u32, u32)>)> = VecDeque::new();
        let mut windows = windows.iter().filter(|uids| !uids.is_empty());
        loop {
            let mut out = String::new();
            while asked.len() < AHEAD {
                let Some(uids) = windows.next() else { break };
                let tag = self.line.next_tag();
                out.push_str(&format!("{tag} UID FETCH {uids} {items}\r\n"));
                asked.push_back((tag, uids.runs()));
            }
            if asked.is_empty() {
                return Ok(true);
            }
            if !out.is_empty() {
                self.line.write(out.as_bytes()).await?;
            }
            while !asked.is_empty() {
                let tags = asked.iter().map(|(tag, _)| tag.as_str());
                let seen = match self.line.next_fetched(tags, "reading messages", self.numbering).await? {
                    Brought::Message(seen) => seen,
                    Brought::End(ended) => {
                        asked.retain(|(tag, _)| *tag != ended);
                        break;
                    }
                };
                let wanted = |uid: &u32| asked.iter().any(|(_, runs)| within(runs, *uid));
                let Some(uid) = seen.uid.filter(wanted) else { continue };
                // unasked flag news about the same message come apart from its body
                let asked_for = match what {
                    // news about something else must not read as "no flags"
                    Fetch::Flags => seen.flags.is_some(),
                    Fetch::Sizes => seen.size.is_some(),
                    Fetch::First(_) | Fetch::Whole => seen.body.is_some(),
                };
                if !asked_for {
                    continue;
                }
                let mut one = fetched(uid, seen);
                if let Fetch::First(cap) = what {
                    one.bytes.truncate(cap as usize); // some servers do not know parts, and send everything
                }
                if !take(one).await {
                    return Ok(false);
                }
            }
        }
    }

    /// Where the next message of a folder will lie, at least: asked of the server once, and then followed by what it
    /// says of each move. The folder is made when it is missing.
    ///
    /// # Errors
    /// The connection, or the server refuses.
    pub async fn target(&mut self, folder: &str) -> Result<Mailbox, ImapError> {
        if let Some(known) = self.targets.get(folder) {
            return Ok(*known);
        }
        self.ensure_folder(folder).await?;
        let found = self.status(folder).await?;
        self.targets.insert(folder.to_owned(), found);
        Ok(found)
    }

    /// Moves messages of the selected mailbox, to several folders in one write. One answer for each, in their order;
    /// after a connection broke, the rest have its error.
    pub async fn move_all(&mut self, moves: &[(UidSet, String)]) -> Vec<Result<Option<Copied>, ImapError>> {
        let wires: Vec<String> = moves.iter().map(|(_, folder)| self.names.wire(folder)).collect();
        let mut answers = Vec::new();
        if wires.iter().any(|wire| !goes_quoted(wire.as_bytes(), self.line.utf8)) {
            // a name that must be asked leave for: one after the other
            for (uids, folder) in moves {
                answers.push(self.uid_move(uids, folder).await);
            }
            return answers;
        }
        let mut out = Vec::new();
        let mut tags = Vec::new();
        for ((uids, _), wire) in moves.iter().zip(&wires) {
            let tag = self.line.next_tag();
            out.extend_from_slice(format!("{tag} UID MOVE {uids} ").as_bytes());
            quote(&mut out, wire.as_bytes());
            out.extend_from_slice(b"\r\n");
            tags.push(tag);
        }
        let mut broken = self.line.write(&out).await.err();
        for (tag, (uids, folder)) in tags.iter().zip(moves) {
            let answer = match &broken {
                Some(error) => Err(error.clone()),
                None => match self.line.finish(tag, Vec::new()).await {
                    Ok(answer) => self.transferred("moving", uids, folder, &answer),
                    Err(error) => Err(broken.insert(error).clone()),
                },
            };
            answers.push(answer);
        }
        answers
    }

    /// Moves messages of the selected mailbox. The place of each copy is told when the server tells it.
    ///
    /// # Errors
    /// The connection, or the server refuses.
    pub async fn uid_move(&mut self, uids: &UidSet, target: &str) -> Result<Option<Copied>, ImapError> {
        self.transfer("UID MOVE", "moving", uids, target).await
    }

    /// Copies messages of the selected mailbox.
    ///
    /// # Errors
    /// The connection, or the server refuses.
    pub async fn uid_copy(&mut self, uids: &UidSet, target: &str) -> Result<Option<Copied>, ImapError> {
        self.transfer("UID COPY", "copying", uids, target).await
    }

    async fn transfer(
        &mut self,
        command: &str,
        doing: &str,
        uids: &UidSet,
        target: &str,
    ) -> Result<Option<Copied>, ImapError> {
        let wire = self.names.wire(target);
        let command = format!("{command} {uids} ");
        let answer = self.line.command(&[Piece::Plain(&command), Piece::Text(wire.as_bytes())]).await?;
        self.transferred(doing, uids, target, &answer)
    }

    /// What the answer to a move or copy says, and what follows from it for the folder.
    fn transferred(
        &mut self,
        doing: &str,
        uids: &UidSet,
        target: &str,
        answer: &Answer,
    ) -> Result<Option<Copied>, ImapError> {
        if answer.status.code.as_ref().is_some_and(|code| code.name == "TRYCREATE") {
            // someone removed the folder meanwhile: it is made again the next time
            self.ready_folders.remove(&self.names.wire(target));
        }
        let known = self.targets.remove(target);
        self.line.must_be_ok(&format!("{doing} to {target}"), &answer.status)?;
        self.same_numbering(answer)?;
        let copied = copy_uid(answer, uids);
        if let (Some(known), Some(copied)) = (known, &copied)
            && known.uid_validity == copied.uid_validity
        {
            let next = copied.pairs.values().max().map_or(0, |last| last.saturating_add(1));
            self.targets.insert(target.to_owned(), Mailbox { uid_next: known.uid_next.max(next), ..known });
        }
        Ok(copied)
    }

    /// Adds flags to messages of the selected mailbox.
    ///
    /// # Errors
    /// The connection, or the server refuses.
    pub async fn add_flags(&mut self, uids: &UidSet, flags: &[&str]) -> Result<(), ImapError> {
        let command = format!("UID STORE {uids} +FLAGS.SILENT ({})", flags.join(" "));
        let answer = self.line.ok("setting flags", &[Piece::Plain(&command)]).await?;
        self.same_numbering(&answer)
    }

    /// Takes flags off messages of the selected mailbox.
    ///
    /// # Errors
    /// The connection, or the server refuses.
    pub async fn remove_flags(&mut self, uids: &UidSet, flags: &[&str]) -> Result<(), ImapError> {
        let command = format!("UID STORE {uids} -FLAGS.SILENT ({})", flags.join(" "));
        let answer = self.line.ok("taking flags off", &[Piece::Plain(&command)]).await?;
        self.same_numbering(&answer)
    }

    /// Removes just these messages, which bear \Deleted (UIDPLUS, RFC 4315).
    ///
    /// # Errors
    /// The connection, or the server refuses.
    pub async fn uid_expunge(&mut self, uids: &UidSet) -> Result<(), ImapError> {
        let command = format!("UID EXPUNGE {uids}");
        let answer = self.line.ok("removing what was copied", &[Piece::Plain(&command)]).await?;
        self.same_numbering(&answer)
    }

    /// Says good-bye; whether the server answers does not matter.
    pub async fn logout(mut self) {
        self.line.pace.command = self.line.pace.command.min(Duration::from_secs(2));
        let _ = self.line.command(&[Piece::Plain("LOGOUT")]).await;
    }
}

fn fetched(uid: u32, seen: Seen) -> Fetched {
    let bytes = seen.body.unwrap_or_default();
    Fetched {
        uid,
        flags: seen.flags.unwrap_or_default(),
        received: seen.received,
        size: seen.size.unwrap_or_else(|| u32::try_from(bytes.len()).unwrap_or(u32::MAX)),
        bytes,
    }
}

/// COPYUID from the tagged answer (COPY) or from an untagged OK before it (MOVE, RFC 6851, 4.3). What speaks of messages
/// that were not asked for, or puts two into one place, is not believed: then the copies are looked for.
fn copy_uid(answer: &Answer, asked: &UidSet) -> Option<Copied> {
    let asked = asked.runs();
    let codes = answer.untagged.iter().filter_map(|response| match response {
        Response::Status(status) => status.code.as_ref(),
        _ => None,
    });
    let mut copied: Option<Copied> = None;
    for code in codes.chain(answer.status.code.as_ref()).filter(|code| code.name == "COPYUID") {
        let [_, sources, targets] = code.rest.as_slice() else { continue };
        let (Some(uid_validity), Some(sources), Some(targets)) = (code.number(), sources.text(), targets.text()) else {
            continue;
        };
        let (Some(sources), Some(targets)) = (listed(&sources), listed(&targets)) else { continue };
        if sources.len() != targets.len() || copied.as_ref().is_some_and(|one| one.uid_validity != uid_validity) {
            continue;
        }
        let places: BTreeSet<u32> = targets.iter().copied().collect();
        if places.len() != targets.len() || uid_validity == 0 || !sources.iter().all(|uid| within(&asked, *uid)) {
            continue;
        }
        copied
            .get_or_insert_with(|| Copied { uid_validity, pairs: BTreeMap::new() })
            .pairs
            .extend(sources.into_iter().zip(targets));
    }
    copied
}

const STATUS_ITEMS: &str = " (MESSAGES UIDNEXT UIDVALIDITY)";

fn status_of(answer: &Answer) -> Mailbox {
    let mut found = Mailbox::default();
    for response in &answer.untagged {
        let Response::MailboxStatus(items) = response else { continue };
        for (name, number) in items {
            match name.as_str() {
                "MESSAGES" => found.messages = *number,
                "UIDNEXT" => found.uid_next = *number,
                "UIDVALIDITY" => found.uid_validity = *number,
                _ => {}
            }
        }
    }
    found
}

const EXAMINE: &str = "EXAMINE ";
const SELECT: &str = "SELECT ";

/// [`EXAMINE`] or SELECT. A server that says no UIDNEXT is opened for writing in any case. One that refuses may have the
/// mailbox under another spelling.
pub(super) async fn select(
    line: &mut Line,
    names: &mut Names,
    command: &str,
    mailbox: &str,
) -> Result<Mailbox, ImapError> {
    let mut wire = names.wire(mailbox);
    let doing = format!("opening the folder {mailbox}");
    let mut answer = line.command(&[Piece::Plain(command), Piece::Text(wire.as_bytes())]).await?;
    if answer.status.condition == Condition::No && agree::on_spelling(line, names, mailbox).await? {
        let other = names.wire(mailbox);
        if other != wire {
            wire = other;
            answer = line.command(&[Piece::Plain(command), Piece::Text(wire.as_bytes())]).await?;
        }
    }
    line.must_be_ok(&doing, &answer.status)?;
    let mut found = Mailbox::default();
    for response in answer.untagged {
        match response {
            Response::Exists(messages) => found.messages = messages,
            Response::Status(status) => match status.code.as_ref().map(|code| (code.name.as_str(), code.number())) {
                Some(("UIDVALIDITY", Some(number))) => found.uid_validity = number,
                Some(("UIDNEXT", Some(number))) => found.uid_next = number,
                _ => {}
            },
            _ => {}
        }
    }
    if found.uid_validity == 0 {
        return Err(
            line.lost(format_args!("the server gives {mailbox} no UIDVALIDITY: its messages cannot be told apart"))
        );
    }
    if found.uid_next > 0 {
        return Ok(found);
    }
    if command != SELECT {
        // Courier. What it numbers in a mailbox that is opened read-only is not written down: the next mail may take
        // the number of one that was shown already. Opened for writing, every number it shows stays; nothing else
        // follows from it but that \Recent is gone.
        return Box::pin(select(line, names, SELECT, mailbox)).await;
    }
    // Courier tells UIDNEXT only when it is asked for; without it, old mail and new could not be told apart for sure.
    // A server that will not tell it at all is no failure.
    let pieces = [Piece::Plain("STATUS "), Piece::Text(wire.as_bytes()), Piece::Plain(STATUS_ITEMS)];
    let told = status_of(&line.command(&pieces).await?);
    if told.uid_validity == found.uid_validity {
        found.uid_next = told.uid_next;
    }
    Ok(found)
}
