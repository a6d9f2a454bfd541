//! Laying a message into a mailbox, and finding one there by its Message-ID.

use super::error::ImapError;
use super::response::{Condition, Response};
use super::session::{Fetch, Mailbox, Session};
use super::uids::UidSet;
use super::wire::Piece;
use crate::edge::Advice;
use jiff::Timestamp;
use std::collections::BTreeSet;

/// Where a message was laid, as the server says (APPENDUID, RFC 4315).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Laid {
    /// UIDVALIDITY of the mailbox.
    pub uid_validity: u32,
    /// UID.
    pub uid: u32,
}

/// So many of the latest messages are looked at themselves, whatever a search says: some servers' indexes lag behind.
const LATEST: u32 = 30;
/// Where there is no search: so many.
const WITHOUT_SEARCH: u32 = 500;
/// Bytes of a message in which its Message-ID is looked for: of our own it stands in the first kilobyte.
const HEADER: u32 = 8 * 1024;
/// Most messages that a search may name; they are read one after the other.
const HITS: usize = 200;

impl Session {
    /// Lays a message into a mailbox. Where it lies is told when the server tells it.
    ///
    /// # Errors
    /// The connection, or the server refuses: it is too large, the mailbox is full, or not there.
    pub async fn append(
        &mut self,
        mailbox: &str,
        flags: &[&str],
        received: Option<Timestamp>,
        bytes: &[u8],
    ) -> Result<Option<Laid>, ImapError> {
        let doing = format!("laying a message into {mailbox}");
        if let Some(most) = self.append_limit()
            && bytes.len() as u64 > most
        {
            return Err(self.too_large(&doing, most));
        }
        let wire = self.names.wire(mailbox);
        let date = received.map(|at| format!("\"{}\" ", at.strftime("%d-%b-%Y %H:%M:%S +0000"))).unwrap_or_default();
        let middle = format!(" ({}) {date}", flags.join(" "));
        // where UTF-8 is agreed on, a header with such bytes is sent as UTF-8 or not at all (RFC 6855, section 4); our own
        // letters have none
        let message = match self.line.utf8 && !header(bytes).is_ascii() {
            true => [Piece::Plain("UTF8 ("), Piece::Literal8(bytes), Piece::Plain(")")],
            false => [Piece::Plain(""), Piece::Literal(bytes), Piece::Plain("")],
        };
        let place = [Piece::Plain("APPEND "), Piece::Text(wire.as_bytes()), Piece::Plain(&middle)];
        let pieces: Vec<Piece<'_>> = place.into_iter().chain(message).collect();
        // a refusal may come before the message was sent, too
        let answered = self.line.command(&pieces).await;
        let refused = match &answered {
            Ok(answer) => answer.status.condition != Condition::Ok,
            Err(error) => error.refused,
        };
        if refused {
            // it may be gone: it is looked for again the next time
            self.ready_folders.remove(&wire);
        }
        let answer =
            answered.map_err(|error| ImapError { what: error.what.replacen("a command", &doing, 1), ..error })?;
        self.line.must_be_ok(&doing, &answer.status)?;
        let code = answer.status.code.as_ref().filter(|code| code.name == "APPENDUID");
        let place = code.and_then(|code| Some((code.number()?, code.rest.get(1)?.text()?.parse().ok()?)));
        Ok(place
            .filter(|(validity, uid)| *validity > 0 && *uid > 0)
            .map(|(uid_validity, uid)| Laid { uid_validity, uid }))
    }

    /// The most bytes of a message that the server takes, if it says so for all mailboxes (APPENDLIMIT, RFC 7889).
    fn append_limit(&self) -> Option<u64> {
        self.capabilities.iter().find_map(|word| word.strip_prefix("APPENDLIMIT=")?.parse().ok())
    }

    fn too_large(&self, doing: &str, most: u64) -> ImapError {
        let error = self.line.lost(format_args!("{doing}: the server takes {most} bytes at most"));
        ImapError { advice: Advice::Never, refused: true, ..error }
    }

    /// UIDs of messages of a mailbox, which is opened read-only, whose Message-ID is exactly this one (without angle
    /// brackets); and the mailbox as it was opened. The latest messages, and those from UID `from` on, are looked at
    /// themselves; of the others those that the server's search finds. `None`: there is no such mailbox.
    ///
    /// # Errors
    /// The connection, or the server refuses to show messages.
    pub async fn with_message_id(
        &mut self,
        mailbox: &str,
        id: &str,
        from: u32,
    ) -> Result<Option<(Mailbox, Vec<u32>)>, ImapError> {
        let Some(opened) = self.examine_if_there(mailbox).await? else { return Ok(None) };
        if opened.messages == 0 {
            return Ok(Some((opened, Vec::new())));
        }
        let hits = self.search_message_id(id).await?;
        let own = if hits.is_some() { LATEST } else { WITHOUT_SEARCH };
        let latest = opened.uid_next.saturating_sub(own).max(1);
        let first =
            if from > 0 { latest.min(from.max(opened.uid_next.saturating_sub(WITHOUT_SEARCH))) } else { latest };
        let latest = self.fetch(&UidSet::from(first), Fetch::First(HEADER)).await?;
        let mut found: BTreeSet<u32> =
            latest.iter().filter(|seen| is_id(&seen.bytes, id)).map(|seen| seen.uid).collect();
        let older: BTreeSet<u32> = hits.unwrap_or_default().into_iter().filter(|uid| *uid < first).take(HITS).collect();
        if !older.is_empty() {
            let read = self.fetch(&UidSet::of(older), Fetch::First(HEADER)).await?;
            found.extend(read.iter().filter(|seen| is_id(&seen.bytes, id)).map(|seen| seen.uid));
        }
        Ok(Some((opened, found.into_iter().collect())))
    }

    /// What the server's search finds: substrings, too. `None` when it does not search.
    async fn search_message_id(&mut self, id: &str) -> Result<Option<Vec<u32>>, ImapError> {
        let pieces = [Piece::Plain("UID SEARCH HEADER Message-ID "), Piece::Text(id.as_bytes())];
        let answer = self.line.command(&pieces).await?;
        if answer.status.condition != Condition::Ok {
            return Ok(None);
        }
        let mut found: Option<Vec<u32>> = None;
        for response in answer.untagged {
            if let Response::Search(numbers) = response {
                found.get_or_insert_default().extend(numbers);
            }
        }
        // an OK without the line that RFC 3501 wants is no answer
        Ok(found)
    }
}

/// A message's header.
fn header(message: &[u8]) -> &[u8] {
    let end = message.windows(4).position(|four| four == b"\r\n\r\n").unwrap_or(message.len());
    message.get(..end).unwrap_or_default()
}

/// Whether a message's Message-ID is this one.
fn is_id(message: &[u8], id: &str) -> bool {
    let text = String::from_utf8_lossy(message);
    let header = text.split("\r\n\r\n").next().unwrap_or_default().replace("\r\n ", " ").replace("\r\n\t", " ");
    header.lines().any(|line| {
        let (name, value) = line.split_once(':').unwrap_or_default();
        let value = value.trim();
        let bare = value.strip_prefix('<').and_then(|value| value.strip_suffix('>')).unwrap_or(value);
        name.trim().eq_ignore_ascii_case("message-id") && bare == id
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_known_by_its_whole_id() {
        let mail = |id: &str| format!("Subject: a\r\n{id}\r\nReferences: <r@x>\r\n\r\nMessage-ID: <b@x>\r\n");
        assert!(is_id(mail("Message-ID: <a@x>").as_bytes(), "a@x"));
        assert!(is_id(mail("message-id:\r\n <a@x>").as_bytes(), "a@x"));
        for other in ["Message-ID: <aa@x>", "Message-ID: <a@x.jp>", "X-Message-ID: <a@x>", "In-Reply-To: <a@x>"] {
            assert!(!is_id(mail(other).as_bytes(), "a@x"), "{other}");
        }
        assert!(!is_id(mail("Message-ID: <a@x>").as_bytes(), "r@x"), "another header");
        assert!(!is_id(mail("Message-ID: <a@x>").as_bytes(), "b@x"), "the text");
    }
}
