//! The account's folders: what they are called, listing them, and making one that is missing.

use super::agree;
use super::error::ImapError;
use super::names::Listed;
use super::response::{Condition, Response};
use super::session::{Folder, Session};
use super::wire::{Answer, Piece};
use crate::edge::Advice;

impl Session {
    /// What stands before the names of the account's folders, and what between their levels.
    #[must_use]
    pub fn namespace(&self) -> (&str, Option<char>) {
        (self.names.prefix(), self.names.delimiter())
    }

    /// Whether names of folders go out in UTF-8 (UTF8=ACCEPT, RFC 6855), and not in modified UTF-7.
    #[must_use]
    pub fn names_in_utf8(&self) -> bool {
        self.names.in_utf8()
    }

    /// The name that [`Session::list`] shows a folder under: a shopper may have written its prefix, or its letters in
    /// pieces, and the server has no dot in names.
    #[must_use]
    pub fn listed_as(&self, folder: &str) -> String {
        self.names.plain(&self.names.wire(folder))
    }

    /// Those of these folders that would be one on this server, because it cannot write the name of one of them.
    #[must_use]
    pub fn run_together<'a>(&self, folders: &[&'a str]) -> Vec<(&'a str, &'a str)> {
        let pairs = folders.iter().enumerate().flat_map(|(at, one)| {
            folders.iter().skip(at + 1).filter(|other| self.names.run_together(one, other)).map(|other| (*one, *other))
        });
        pairs.collect()
    }

    /// Makes and subscribes a folder when it is missing.
    ///
    /// # Errors
    /// The connection, or the server refuses to make it.
    pub async fn ensure_folder(&mut self, folder: &str) -> Result<(), ImapError> {
        let wire = self.names.wire(folder);
        if let Some(other) = self.ready_folders.get(&wire) {
            return if self.names.run_together(folder, other) { Err(self.one_for_two(folder, other)) } else { Ok(()) };
        }
        let listed = self.line.command(&[Piece::Plain("LIST \"\" "), Piece::Text(wire.as_bytes())]).await?;
        if !self.is_listed(&listed, &wire) && !agree::on_spelling(&mut self.line, &mut self.names, folder).await? {
            if self.breaks_lists(folder) {
                return Err(self.not_to_be_made(folder));
            }
            let wire = self.names.wire(folder);
            let made = self.line.command(&[Piece::Plain("CREATE "), Piece::Text(wire.as_bytes())]).await?;
            let exists = made.status.code.as_ref().is_some_and(|code| code.name == "ALREADYEXISTS");
            if !exists {
                self.line.must_be_ok(&format!("making the folder {folder}"), &made.status)?;
            }
            // an unsubscribed folder works, it is only not shown by some programs: no reason to stop
            self.line.command(&[Piece::Plain("SUBSCRIBE "), Piece::Text(wire.as_bytes())]).await?;
        }
        self.ready_folders.insert(self.names.wire(folder), folder.to_owned());
        Ok(())
    }

    /// Courier takes a name beyond the basic plane (an emoji) in UTF-8, and from then on ends the connection of every
    /// program that lists folders in modified UTF-7, as most do. It is the one known server with UTF8=ACCEPT that has no
    /// MOVE.
    fn breaks_lists(&self, folder: &str) -> bool {
        self.names.in_utf8() && !self.has("MOVE") && folder.chars().any(|c| c > '\u{FFFF}')
    }

    fn not_to_be_made(&self, folder: &str) -> ImapError {
        let error = self.line.lost(format_args!(
            "the folder {folder} is not made: this server would break for other mail programs over a name with emoji in \
             it; call it otherwise in your rules"
        ));
        ImapError { advice: Advice::Ask, refused: true, ..error }
    }

    /// Mail for two folders must not end up in one: nobody could tell them apart again.
    fn one_for_two(&self, folder: &str, other: &str) -> ImapError {
        let why = match self.names.delimiter() {
            Some(delimiter) => format!("it has no `{delimiter}` within a name"),
            None => "it has no levels".to_owned(),
        };
        let error = self.line.lost(format_args!(
            "{folder} and {other} would be one folder on this server ({why}): call one of them otherwise in your rules"
        ));
        ImapError { advice: Advice::Ask, refused: true, ..error }
    }

    /// All folders.
    ///
    /// # Errors
    /// The connection, or the server refuses.
    pub async fn list(&mut self) -> Result<Vec<Folder>, ImapError> {
        let answer = self.line.ok("listing the folders", &[Piece::Plain("LIST \"\" \"*\"")]).await?;
        Ok(self.folders(answer))
    }

    /// The folders that a LIST shows.
    pub(super) fn folders(&mut self, answer: Answer) -> Vec<Folder> {
        let listed: Vec<Listed<'_>> = agree::all(&answer);
        let names = self.names.learn(&listed);
        let attributes = answer.untagged.into_iter().filter_map(|response| match response {
            Response::List { attributes, .. } => Some(attributes),
            _ => None,
        });
        names.into_iter().zip(attributes).map(|(name, attributes)| Folder { name, attributes }).collect()
    }

    /// Whether LIST shows a mailbox of this name that can be opened.
    pub(super) fn is_listed(&self, listed: &Answer, wire: &str) -> bool {
        let name = self.names.plain(wire);
        agree::open(listed).iter().any(|one| one.wire == wire || self.names.plain(one.wire) == name)
    }

    /// All folders, with what each is for where the server says so (`\Drafts`, `\Sent` …, RFC 6154).
    ///
    /// # Errors
    /// The connection, or the server refuses.
    pub async fn list_uses(&mut self) -> Result<Vec<Folder>, ImapError> {
        if self.has("SPECIAL-USE") {
            let pieces = [Piece::Plain("LIST \"\" \"*\" RETURN (SPECIAL-USE)")];
            let answer = self.line.command(&pieces).await?;
            // a server that offers the attributes need not know this form of LIST (LIST-EXTENDED)
            if answer.status.condition == Condition::Ok {
                return Ok(self.folders(answer));
            }
        }
        self.list().await
    }
}
