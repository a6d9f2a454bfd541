//! UTF8=ACCEPT on the embedded server (RFC 6855): `ENABLE`, and names as they are instead of in modified UTF-7.
//!
//! It is offered when told so ([`super::Server::offer`] `ENABLE` and `UTF8=ACCEPT`). The server is strict, so that a
//! slip of the client shows: bytes of UTF-8 stand outside of literals only once it is on, SEARCH names no charset then,
//! a message with such bytes in its header comes as `UTF8 (~{n}`, and a new name is composed (NFC).

use super::answer;
use super::session::{Answer, Session};
use super::syntax::Args;
use crate::edge::imap::Wire;
use unicode_normalization::is_nfc;

/// The words that offer it.
const OFFER: [&str; 2] = ["UTF8=ACCEPT", "UTF8=ONLY"];

impl<W: Wire> Session<'_, W> {
    pub(super) fn enable(&mut self, mut args: Args<'_>) -> Option<Answer> {
        let mut asked = vec![];
        while args.end().is_none() {
            args.space()?;
            asked.push(args.word()?.to_ascii_uppercase());
        }
        if asked.is_empty() {
            return None;
        }
        if self.view.is_some() {
            return Some(Answer::Bad("ENABLE comes before the first mailbox"));
        }
        let offered = OFFER.iter().any(|word| self.shared.state().can(word));
        let now = offered && asked.iter().any(|word| word == "UTF8=ACCEPT");
        self.utf8 |= now;
        self.say(if now { "* ENABLED UTF8=ACCEPT" } else { "* ENABLED" });
        Some(Answer::Ok("done".to_owned()))
    }

    /// How names go out now. (Not to be asked while the state is held.)
    pub(super) fn writes(&self) -> fn(&str) -> String {
        if self.utf8 && !self.shared.state().utf7_still { str::to_owned } else { answer::to_wire }
    }

    /// A name as it came in; `None` is BAD.
    pub(super) fn name_in(&self, name: &str) -> Option<String> {
        if !self.utf8 {
            return answer::from_wire(name);
        }
        // one that never learned it takes what it does not understand for a name
        let old = self.shared.state().utf7_still.then(|| answer::from_wire(name)).flatten();
        Some(old.unwrap_or_else(|| name.to_owned()))
    }

    /// Whether the command may be written so.
    pub(super) fn well_written(&self, command: &[u8]) -> bool {
        let mut rest = command;
        loop {
            let end = rest.windows(2).position(|two| two == b"\r\n");
            let (line, after) = rest.split_at_checked(end.unwrap_or(rest.len())).unwrap_or((rest, &[]));
            let fine = if self.utf8 { std::str::from_utf8(line).is_ok() } else { line.is_ascii() };
            let literal = super::session::literal(line).map(|(size, _)| size);
            if !fine {
                return false;
            }
            // CR LF and the literal
            let Some(next) = literal.and_then(|size| after.get(size.checked_add(2)?..)) else { return true };
            rest = next;
        }
    }

    /// Whether a new mailbox may be called so (RFC 5198, section 3).
    pub(super) fn may_be_called(&self, name: &str) -> bool {
        !self.utf8 || is_nfc(name)
    }

    /// The message of an APPEND; `Err` is the refusal.
    pub(super) fn message(&self, args: &mut Args<'_>) -> Option<Result<Vec<u8>, &'static str>> {
        if self.utf8 && args.eat("UTF8 (~").is_some() {
            let bytes = args.literal()?;
            args.eat(")")?;
            return Some(Ok(bytes));
        }
        let bytes = args.literal()?;
        let end = bytes.windows(4).position(|four| four == b"\r\n\r\n").unwrap_or(bytes.len());
        let header = bytes.get(..end).unwrap_or_default();
        let offers = OFFER.iter().any(|word| self.shared.state().can(word));
        Some(if offers && !header.is_ascii() {
            Err("[CANNOT] UTF-8 in the header comes as UTF8 (~{n})")
        } else {
            Ok(bytes)
        })
    }
}
