//! Which messages of a mailbox came lately.

use super::error::ImapError;
use super::response::{Condition, Response};
use super::session::{Fetch, Fetched, Session};
use super::uids::UidSet;
use super::wire::Piece;
use jiff::{Timestamp, civil::Date, tz::TimeZone};
use std::collections::BTreeSet;

impl Session {
    /// UIDs of the messages of the open mailbox that the server took in since then, ascending. The server's search is
    /// asked (RFC 3501, 6.4.4: SINCE knows days alone); one that does not search shows the date of every message.
    ///
    /// # Errors
    /// The connection, or the server refuses to show messages.
    pub async fn since(&mut self, since: Timestamp) -> Result<Vec<u32>, ImapError> {
        // the server counts days in a zone of its own: a day earlier holds all, whatever zone that is
        let day = TimeZone::UTC.to_datetime(since).date().yesterday().unwrap_or(Date::MIN);
        // from the first of them on: a list of all would be too long for one line
        let first = match self.search_since(day).await? {
            Some(found) => match found.first() {
                Some(first) => *first,
                None => return Ok(Vec::new()),
            },
            None => 1,
        };
        let wanted = |one: &Fetched| one.received.is_none_or(|received| received >= since).then_some(());
        Ok(self.survey(&UidSet::from(first), Fetch::Sizes, wanted).await?.into_keys().collect())
    }

    /// What the server's search finds; `None` when it does not search.
    async fn search_since(&mut self, day: Date) -> Result<Option<BTreeSet<u32>>, ImapError> {
        let command = format!("UID SEARCH SINCE {}", day.strftime("%-d-%b-%Y"));
        let answer = self.line.command(&[Piece::Plain(&command)]).await?;
        if answer.status.condition != Condition::Ok {
            return Ok(None);
        }
        let mut found: Option<BTreeSet<u32>> = None;
        for response in answer.untagged {
            if let Response::Search(numbers) = response {
                found.get_or_insert_default().extend(numbers);
            }
        }
        // an OK without the line that RFC 3501 wants is no answer
        Ok(found)
    }
}
