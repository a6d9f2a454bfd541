//! Names of folders: `楽天/再入荷` for people, and as each server writes it (prefix, delimiter, modified UTF-7 or UTF-8).
//!
//! A name for people has `/` between its levels on every server, no prefix, and composed letters (NFC). Most names go
//! there and back by rule alone. What a server writes otherwise (letters in pieces, an unusual spelling of modified
//! UTF-7, another namespace) is remembered by the name it was shown under, so that the same folder is meant again.

use super::utf7;
use std::collections::{BTreeMap, BTreeSet};
use unicode_normalization::UnicodeNormalization;

/// Stands for a `/` within a level where levels have something else between them.
const SLASH_WITHIN: &str = "∕";
/// Folders with an unusual spelling that are remembered.
const KNOWN: usize = 10_000;

/// How names are written on this server.
#[derive(Clone, Debug, Default)]
pub(super) struct Names {
    /// Prefix of the personal namespace, as people read it.
    prefix: String,
    delimiter: Option<char>,
    /// Names are written as they are (UTF8=ACCEPT is on), and not in modified UTF-7.
    utf8: bool,
    /// Folders that the server writes otherwise than the rule has it: their names, and what is on the wire.
    known: BTreeMap<String, String>,
}

/// A folder as a LIST shows it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Listed<'a> {
    /// As on the wire.
    pub(super) wire: &'a str,
    pub(super) delimiter: Option<char>,
}

impl Names {
    /// `prefix` as on the wire.
    pub(super) fn new(prefix: &str, delimiter: Option<char>, utf8: bool) -> Self {
        // nothing that could not stand in a line separates names
        let delimiter = delimiter.filter(|c| (' '..='~').contains(c));
        let mut prefix = if utf8 { prefix.to_owned() } else { utf7::decode(prefix) };
        if prefix.chars().any(unfit) {
            prefix.clear();
        }
        if let (true, Some(delimiter)) = (is_inbox(&prefix), delimiter) {
            prefix.push(delimiter); // said without its delimiter; nobody's folders are called INBOX楽天
        }
        Self { prefix, delimiter, utf8, known: BTreeMap::new() }
    }

    /// What stands before the names of the account's folders.
    pub(super) fn prefix(&self) -> &str {
        &self.prefix
    }

    /// What stands between the levels of a name.
    pub(super) fn delimiter(&self) -> Option<char> {
        self.delimiter
    }

    /// Whether names are written in UTF-8.
    pub(super) fn in_utf8(&self) -> bool {
        self.utf8
    }

    /// `楽天/再入荷` as this server writes it.
    pub(super) fn wire(&self, name: &str) -> String {
        self.known.get(name).cloned().unwrap_or_else(|| self.by_rule(name))
    }

    /// A name of this server as we write it.
    pub(super) fn plain(&self, wire: &str) -> String {
        self.shown(Listed { wire, delimiter: self.delimiter })
    }

    fn by_rule(&self, name: &str) -> String {
        let path = self.path(name);
        if self.utf8 { path } else { utf7::encode(&path) }
    }

    /// The whole name with the server's delimiter, as people read it.
    fn path(&self, name: &str) -> String {
        let name: String = name.nfc().map(|c| if unfit(c) { '_' } else { c }).collect();
        if is_inbox(&name) {
            return "INBOX".to_owned();
        }
        // a shopper may write a name as her mail program shows it, with the prefix
        let (typed, rest) = match self.without_prefix(&name).filter(|rest| !rest.is_empty()) {
            Some(rest) => (true, rest),
            None => (false, name.as_str()),
        };
        let mut levels: Vec<&str> = rest.split('/').collect();
        if let Some(first) = levels.first_mut()
            && !typed
            && is_inbox(first)
        {
            *first = "INBOX";
        }
        let path = match self.delimiter {
            Some('/') => levels.join("/"),
            // … and then its delimiters are meant as such
            Some(_) if typed && levels.len() == 1 => rest.to_owned(),
            // elsewhere one within a level would make two of it
            Some(delimiter) => {
                let other = if delimiter == '_' { "-" } else { "_" };
                let levels: Vec<String> = levels.iter().map(|level| level.replace(delimiter, other)).collect();
                levels.join(&delimiter.to_string())
            }
            None => levels.join("_"),
        };
        if !typed && path.starts_with(&self.prefix) { path } else { format!("{}{path}", self.prefix) }
    }

    /// What follows the prefix, if there is one and the name has it. INBOX counts however it is written.
    fn without_prefix<'a>(&self, name: &'a str) -> Option<&'a str> {
        if self.prefix.is_empty() {
            return None;
        }
        let (head, rest) = name.split_at_checked(self.prefix.len())?;
        let first = self.delimiter.and_then(|delimiter| self.prefix.split(delimiter).next()).unwrap_or_default();
        let same = head == self.prefix || (is_inbox(first) && head.eq_ignore_ascii_case(&self.prefix));
        same.then_some(rest)
    }

    /// A folder's name for people: the one that leads back to it, where there is one.
    fn shown(&self, listed: Listed<'_>) -> String {
        let whole = if self.utf8 { listed.wire.to_owned() } else { utf7::decode(listed.wire) };
        if is_inbox(&whole) {
            return "INBOX".to_owned();
        }
        let plain = |path: &str| -> String {
            let path = match listed.delimiter.or(self.delimiter) {
                Some('/') => path.to_owned(),
                Some(delimiter) => path.replace('/', SLASH_WITHIN).replace(delimiter, "/"),
                None => path.replace('/', SLASH_WITHIN),
            };
            path.nfc().collect()
        };
        let composed: String = whole.nfc().collect();
        let short = self.without_prefix(&whole).filter(|rest| !rest.is_empty()).map(plain);
        // `INBOX.INBOX` below the prefix `INBOX.` is not INBOX
        let short = short.filter(|name| !is_inbox(name));
        let long = plain(&whole);
        if short.as_ref().is_none_or(|name| self.path(name) != composed) && self.path(&long) == composed {
            return long;
        }
        short.unwrap_or(long)
    }

    /// The names of folders that a LIST showed, in its order. Two never have the same one, as far as the server's own
    /// spelling can keep them apart; those that the rule does not lead back to are remembered.
    pub(super) fn learn(&mut self, listed: &[Listed<'_>]) -> Vec<String> {
        let names: Vec<String> = listed.iter().map(|one| self.shown(*one)).collect();
        let regular = |(one, name): &(&Listed<'_>, &String)| is_inbox(one.wire) || self.by_rule(name) == one.wire;
        let mut taken: BTreeSet<String> =
            listed.iter().zip(&names).filter(regular).map(|(_, name)| name.clone()).collect();
        let mut given = Vec::new();
        for (one, name) in listed.iter().zip(names) {
            if is_inbox(one.wire) || self.by_rule(&name) == one.wire {
                given.push(name);
                continue;
            }
            let name = if !taken.contains(&name) {
                name
            } else if self.utf8 {
                one.wire.to_owned()
            } else {
                utf7::decode(one.wire)
            };
            if taken.insert(name.clone()) && (self.known.len() < KNOWN || self.known.contains_key(&name)) {
                self.known.insert(name.clone(), one.wire.to_owned());
            }
            given.push(name);
        }
        given
    }

    /// Looks among folders that a LIST showed for one that is called so, however the server spells it; it is meant by
    /// this name from now on. `true` when there is one.
    pub(super) fn recognise(&mut self, name: &str, listed: &[Listed<'_>]) -> bool {
        let wanted: String = name.nfc().collect();
        let rule = self.by_rule(name);
        let found = listed
            .iter()
            .find(|one| one.wire == rule)
            .or_else(|| listed.iter().find(|one| self.shown(**one) == wanted))
            .map(|one| one.wire.to_owned());
        if let Some(wire) = found {
            if wire == rule {
                self.known.remove(name);
            } else {
                self.known.insert(name.to_owned(), wire);
            }
            return true;
        }
        // A server that took UTF8=ACCEPT and goes on in modified UTF-7. Where a single name is written in UTF-8, `&AOQ-`
        // is a name like any other.
        if self.utf8 && listed.iter().all(|one| one.wire.is_ascii()) {
            let old = Self { utf8: false, known: BTreeMap::new(), ..self.clone() };
            let wire = old.by_rule(name);
            if wire != rule && listed.iter().any(|one| one.wire == wire) {
                *self = old;
                return true;
            }
        }
        false
    }

    /// Forgets how a folder is spelled: it may be gone.
    pub(super) fn forget(&mut self, name: &str) {
        self.known.remove(name);
    }

    /// Whether this server could spell the name in another way than the rule has it.
    pub(super) fn has_spellings(name: &str) -> bool {
        !name.is_ascii() || name.contains('&')
    }

    /// Whether two names would be one folder here, because this server cannot write one of them as it is. (That one has
    /// the prefix and the other has not, or that one is in another Unicode form, is no reason: they mean the same.)
    pub(super) fn run_together(&self, one: &str, other: &str) -> bool {
        let differ = || one.nfc().ne(other.nfc());
        (self.loses(one) || self.loses(other)) && differ() && self.wire(one) == self.wire(other)
    }

    /// Whether something in a name cannot be written here.
    fn loses(&self, name: &str) -> bool {
        let (typed, rest) = match self.without_prefix(name) {
            Some(rest) => (!rest.contains('/'), rest),
            None => (false, name),
        };
        let apart = match self.delimiter {
            Some('/') => false,
            Some(delimiter) => !typed && rest.contains(delimiter),
            None => rest.contains('/'),
        };
        apart || rest.chars().any(unfit)
    }
}

/// No control character goes out, however it came into a name (RFC 6855, section 3).
fn unfit(c: char) -> bool {
    c.is_control() || matches!(c, '\u{2028}' | '\u{2029}')
}

/// INBOX is one folder however it is written (RFC 3501, 5.1).
fn is_inbox(name: &str) -> bool {
    name.eq_ignore_ascii_case("INBOX")
}

#[cfg(test)]
mod tests;
