//! Gmail's labels (X-GM-EXT-1): a message is one thing with labels, and mailboxes are views of it.
//!
//! What is documented is told at <https://developers.google.com/workspace/gmail/imap/imap-extensions>; what was only seen
//! by others, or is a guess, in docs/gmail.md.

use super::error::ImapError;
use super::names::Names;
use super::response::Response;
use super::session::Session;
use super::uids::{UidSet, within};
use super::utf7;
use super::wire::{Line, Piece};
use crate::edge::Advice;
use std::collections::BTreeMap;

/// What tells that a server has labels.
pub(super) const LABELS: &str = "X-GM-EXT-1";
/// Messages of one command: its line stays below the 8,192 bytes that servers take (RFC 7162, 4).
const COMMAND: usize = 500;
/// Mailboxes with these uses show messages that are somewhere else, too: nothing can be moved out of them.
const VIEWS: [&str; 5] = ["\\All", "\\Flagged", "\\Important", "\\Sent", "\\Drafts"];

/// What a message bears, as seen in the open mailbox: Gmail does not show that mailbox's own label.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Labelled {
    /// X-GM-MSGID: the same in every view.
    pub id: u64,
    labels: Vec<String>,
}

impl Session {
    /// Whether mailboxes are views of labels.
    #[must_use]
    pub fn has_labels(&self) -> bool {
        self.has(LABELS)
    }

    /// Whether a mailbox shows messages that are somewhere else, too (All Mail, Starred …); asked once.
    ///
    /// # Errors
    /// The connection, or the server does not show it: nothing is moved out of what it might be.
    pub async fn is_view(&mut self, mailbox: &str) -> Result<bool, ImapError> {
        if !self.has_labels() {
            return Ok(false);
        }
        if let Some(known) = self.views.get(mailbox) {
            return Ok(*known);
        }
        let Some(view) = is_view(&mut self.line, &self.names, mailbox).await? else {
            return Err(ImapError {
                what: format!("the server does not list {mailbox}, which it opens"),
                advice: Advice::Again(None),
                refused: true,
                tls: None,
                login: None,
            });
        };
        self.views.insert(mailbox.to_owned(), view);
        Ok(view)
    }

    /// The labels of messages of the open mailbox, by UID; those that are gone are missing.
    ///
    /// # Errors
    /// The connection, or the server refuses.
    pub async fn labelled(&mut self, uids: &[u32]) -> Result<BTreeMap<u32, Labelled>, ImapError> {
        let mut found = BTreeMap::new();
        for some in uids.chunks(COMMAND) {
            let uids = UidSet::of(some.iter().copied());
            let command = format!("UID FETCH {uids} (UID X-GM-MSGID X-GM-LABELS)");
            let answer = self.line.ok("reading labels", &[Piece::Plain(&command)]).await?;
            self.same_numbering(&answer)?;
            let asked = uids.runs();
            let one = |response| match response {
                Response::Fetch(seen) => {
                    let gmail = seen.gmail?;
                    Some((seen.uid?, Labelled { id: gmail.id?, labels: gmail.labels? }))
                }
                _ => None,
            };
            found.extend(answer.untagged.into_iter().filter_map(one).filter(|(uid, _)| within(&asked, *uid)));
        }
        Ok(found)
    }

    /// Whether a message bears the label of a folder, as far as it is shown. Labels are documented to be written in modified
    /// UTF-7; whether they still are where names are in UTF-8 is not, so that either is understood.
    #[must_use]
    pub fn bears(&self, labelled: &Labelled, folder: &str) -> bool {
        let wire = self.names.wire(folder);
        let plain = if self.names.in_utf8() { wire.clone() } else { utf7::decode(&wire) };
        labelled.labels.iter().any(|shown| match wire.as_str() {
            "INBOX" => shown.eq_ignore_ascii_case("\\Inbox"),
            _ => !shown.starts_with('\\') && (*shown == wire || *shown == plain || utf7::decode(shown) == plain),
        })
    }

    /// Where messages with these X-GM-MSGIDs lie in the open mailbox. Those from UID `from` on are listed, the others asked
    /// for one by one.
    ///
    /// # Errors
    /// The connection, or the server refuses.
    pub async fn with_ids(&mut self, ids: &[u64], from: u32) -> Result<BTreeMap<u64, u32>, ImapError> {
        let mut found = BTreeMap::new();
        let command = format!("UID FETCH {} (UID X-GM-MSGID)", UidSet::from(from.max(1)));
        let answer = self.line.ok("looking for messages", &[Piece::Plain(&command)]).await?;
        self.same_numbering(&answer)?;
        for response in answer.untagged {
            if let Response::Fetch(seen) = response
                && let (Some(uid), Some(id)) = (seen.uid, seen.gmail.and_then(|gmail| gmail.id))
                && ids.contains(&id)
            {
                found.insert(id, uid);
            }
        }
        for id in ids {
            if found.contains_key(id) {
                continue;
            }
            let command = format!("UID SEARCH X-GM-MSGID {id}");
            let answer = self.line.ok("looking for a message", &[Piece::Plain(&command)]).await?;
            self.same_numbering(&answer)?;
            for response in answer.untagged {
                if let Response::Search(uids) = response
                    && let Some(uid) = uids.first()
                {
                    found.insert(*id, *uid);
                }
            }
        }
        Ok(found)
    }

    /// Takes messages out of INBOX, in another view of them. This is the only label that can be taken off: what bears none
    /// but that of Trash is thrown away. A label is put on by [`Session::uid_copy`].
    ///
    /// # Errors
    /// The connection, or the server refuses.
    pub async fn out_of_inbox(&mut self, uids: &UidSet) -> Result<(), ImapError> {
        let command = format!("UID STORE {uids} -X-GM-LABELS (\\Inbox)");
        let answer = self.line.ok("taking messages out of INBOX", &[Piece::Plain(&command)]).await?;
        self.same_numbering(&answer)
    }
}

/// What LIST says of a mailbox: Gmail tells the special uses in every answer to it. `None` when the server does not show
/// it at all. It may show it in another spelling than it was asked for in; the only one that it shows is the one.
pub(super) async fn is_view(line: &mut Line, names: &Names, mailbox: &str) -> Result<Option<bool>, ImapError> {
    let wire = names.wire(mailbox);
    if wire == "INBOX" {
        return Ok(Some(false));
    }
    let what = format!("asking what {mailbox} is for");
    let answer = line.ok(&what, &[Piece::Plain("LIST \"\" "), Piece::Text(wire.as_bytes())]).await?;
    let shown: Vec<(&str, &[String])> = answer
        .untagged
        .iter()
        .filter_map(|response| match response {
            Response::List { attributes, name, .. } => Some((name.as_str(), attributes.as_slice())),
            _ => None,
        })
        .collect();
    let plain = names.plain(&wire);
    let found = (shown.iter().find(|(name, _)| *name == wire))
        .or_else(|| shown.iter().find(|(name, _)| names.plain(name) == plain))
        .or(if let [only] = shown.as_slice() { Some(only) } else { None });
    let is_view = |one: &String| VIEWS.iter().any(|view| view.eq_ignore_ascii_case(one));
    Ok(found.map(|(_, attributes)| attributes.iter().any(is_view)))
}
