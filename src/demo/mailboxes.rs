//! What the embedded server holds: mailboxes, their messages, and a counter of changes for those who look on.

use super::gmail::Gmail;
use jiff::Timestamp;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// A message as the server holds it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stored {
    /// Its UID.
    pub uid: u32,
    /// Its flags, e.g. `\Seen`.
    pub flags: BTreeSet<String>,
    /// INTERNALDATE.
    pub received: Timestamp,
    /// The message, byte for byte as it was delivered.
    pub bytes: Arc<[u8]>,
    /// X-GM-MSGID where mailboxes are views of labels; else 0.
    pub gmail_id: u64,
    /// The mailbox's change counter when the flags last changed.
    pub(super) changed: u64,
}

#[derive(Clone, Debug)]
pub(super) struct Mailbox {
    pub(super) uid_validity: u32,
    pub(super) next_uid: u32,
    /// Ascending by UID.
    pub(super) messages: Vec<Stored>,
    pub(super) subscribed: bool,
    /// A special-use attribute such as `\Drafts` (RFC 6154).
    pub(super) attribute: Option<String>,
    /// Grows with every change, so that a session sees at one glance whether it must look.
    pub(super) changes: u64,
}

impl Mailbox {
    fn new(uid_validity: u32) -> Self {
        Self { uid_validity, next_uid: 1, messages: vec![], subscribed: false, attribute: None, changes: 0 }
    }

    pub(super) fn add(&mut self, bytes: Arc<[u8]>, flags: BTreeSet<String>, received: Timestamp) -> u32 {
        let uid = self.next_uid;
        self.next_uid = self.next_uid.saturating_add(1);
        self.changes += 1;
        self.messages.push(Stored { uid, flags, received, bytes, gmail_id: 0, changed: self.changes });
        uid
    }

    pub(super) fn get(&self, uid: u32) -> Option<&Stored> {
        let at = self.messages.binary_search_by_key(&uid, |message| message.uid).ok()?;
        self.messages.get(at)
    }

    /// Changes the flags of one message; its flags after that and the counter, or nothing if it is not there.
    pub(super) fn reflag(
        &mut self,
        uid: u32,
        change: impl FnOnce(&mut BTreeSet<String>),
    ) -> Option<(BTreeSet<String>, u64)> {
        let at = self.messages.binary_search_by_key(&uid, |message| message.uid).ok()?;
        let message = self.messages.get_mut(at)?;
        let before = message.flags.clone();
        change(&mut message.flags);
        if message.flags != before {
            self.changes += 1;
            message.changed = self.changes;
        }
        Some((message.flags.clone(), message.changed))
    }

    /// Removes these; those that were there.
    pub(super) fn remove(&mut self, uids: &BTreeSet<u32>) -> Vec<Stored> {
        let (gone, kept): (Vec<_>, Vec<_>) =
            std::mem::take(&mut self.messages).into_iter().partition(|message| uids.contains(&message.uid));
        self.messages = kept;
        if !gone.is_empty() {
            self.changes += 1;
        }
        gone
    }
}

/// All mailboxes of the one user; INBOX is always there.
#[derive(Clone, Debug)]
pub(super) struct Mailboxes {
    boxes: BTreeMap<String, Mailbox>,
    last_validity: u32,
    pub(super) separator: char,
    pub(super) prefix: String,
    /// Mailboxes are views of labels.
    pub(super) gmail: Option<Gmail>,
}

/// Why a name cannot be used; the text goes into the answer.
pub(super) type Refusal = &'static str;

impl Mailboxes {
    pub(super) fn new(separator: char, prefix: &str) -> Self {
        let (boxes, prefix) = (BTreeMap::new(), prefix.to_owned());
        let mut this = Self { boxes, last_validity: 1_700_000_000, separator, prefix, gmail: None };
        let inbox = this.fresh();
        this.boxes.insert("INBOX".to_owned(), inbox);
        this
    }

    fn fresh(&mut self) -> Mailbox {
        self.last_validity = self.last_validity.saturating_add(1);
        Mailbox::new(self.last_validity)
    }

    pub(super) fn get(&self, name: &str) -> Option<&Mailbox> {
        self.boxes.get(canonical(name).as_str())
    }

    pub(super) fn get_mut(&mut self, name: &str) -> Option<&mut Mailbox> {
        self.boxes.get_mut(canonical(name).as_str())
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (&String, &Mailbox)> {
        self.boxes.iter()
    }

    pub(super) fn create(&mut self, name: &str) -> Result<(), Refusal> {
        let name = canonical(name.trim_end_matches(self.separator));
        if self.boxes.contains_key(&name) {
            return Err("[ALREADYEXISTS] mailbox exists");
        }
        let empty_level = name.split(self.separator).any(str::is_empty);
        if name.is_empty() || empty_level || name.len() > 1000 || name.chars().any(char::is_control) {
            return Err("[CANNOT] not a name for a mailbox");
        }
        if !self.prefix.is_empty() && !name.starts_with(&self.prefix) {
            return Err("[CANNOT] outside the namespace");
        }
        if let Some(refusal) = self.refuses(&name) {
            return Err(refusal);
        }
        let mailbox = self.fresh();
        self.boxes.insert(name, mailbox);
        Ok(())
    }

    pub(super) fn delete(&mut self, name: &str) -> Result<(), Refusal> {
        let name = canonical(name);
        if name == "INBOX" {
            return Err("[CANNOT] INBOX stays");
        }
        if let Some(refusal) = self.refuses(&name) {
            return Err(refusal);
        }
        self.boxes.remove(&name).map(drop).ok_or("[NONEXISTENT] no such mailbox")
    }

    /// A new UIDVALIDITY: every message gets another UID, order is kept.
    pub(super) fn renumber(&mut self, name: &str) {
        let Mailbox { uid_validity, .. } = self.fresh();
        let Some(mailbox) = self.get_mut(name) else { return };
        mailbox.uid_validity = uid_validity;
        mailbox.changes += 1;
        for (uid, message) in (1..).zip(&mut mailbox.messages) {
            message.uid = uid;
        }
        mailbox.next_uid = u32::try_from(mailbox.messages.len()).unwrap_or(u32::MAX - 1) + 1;
    }

    /// Lays a message into a mailbox; UIDVALIDITY and UID there.
    pub(super) fn lay(
        &mut self,
        name: &str,
        bytes: Arc<[u8]>,
        flags: BTreeSet<String>,
        received: Timestamp,
    ) -> Option<(u32, u32)> {
        let name = canonical(name);
        let uid_validity = self.get(&name)?.uid_validity;
        if self.gmail.is_none() {
            return Some((uid_validity, self.get_mut(&name)?.add(bytes, flags, received)));
        }
        let message = Stored { uid: 0, flags, received, bytes, gmail_id: self.next_id(), changed: 0 };
        Some((uid_validity, self.put(&message, &name)?))
    }

    /// Changes the flags of one message, as [`Mailbox::reflag`].
    pub(super) fn reflag(
        &mut self,
        name: &str,
        uid: u32,
        change: impl FnOnce(&mut BTreeSet<String>),
    ) -> Option<(BTreeSet<String>, u64)> {
        let mut changed = self.get_mut(name)?.reflag(uid, change)?;
        if self.gmail.is_some() {
            let name = canonical(name);
            self.share_flags(&name, uid);
            let message = self.get(&name)?.get(uid)?;
            changed = (message.flags.clone(), message.changed);
        }
        Some(changed)
    }

    /// Removes these; those that were there.
    pub(super) fn remove(&mut self, name: &str, uids: &BTreeSet<u32>) -> Vec<Stored> {
        let name = canonical(name);
        if self.gmail.is_none() {
            return self.get_mut(&name).map(|mailbox| mailbox.remove(uids)).unwrap_or_default();
        }
        let here = self.get(&name).map(|mailbox| mailbox.messages.as_slice()).unwrap_or_default();
        let gone: Vec<Stored> = here.iter().filter(|message| uids.contains(&message.uid)).cloned().collect();
        for message in &gone {
            self.drop_from(&name, message.gmail_id);
        }
        gone
    }

    /// Copies messages; source and target UIDs in order. Nothing is copied if the target is missing.
    pub(super) fn copy(&mut self, from: &str, uids: &BTreeSet<u32>, to: &str) -> Option<(u32, Vec<(u32, u32)>)> {
        let source = self.get(from)?;
        let copies: Vec<Stored> = uids.iter().filter_map(|uid| source.get(*uid).cloned()).collect();
        let to = canonical(to);
        if self.gmail.is_some() {
            let uid_validity = self.get(&to)?.uid_validity;
            let pairs = copies.iter().filter_map(|copy| Some((copy.uid, self.put(copy, &to)?))).collect();
            return Some((uid_validity, pairs));
        }
        let target = self.get_mut(&to)?;
        let pairs =
            copies.into_iter().map(|copy| (copy.uid, target.add(copy.bytes, copy.flags, copy.received))).collect();
        Some((target.uid_validity, pairs))
    }
}

/// INBOX is INBOX however it is written (RFC 3501, 5.1).
pub(super) fn canonical(name: &str) -> String {
    if name.eq_ignore_ascii_case("INBOX") { "INBOX".to_owned() } else { name.to_owned() }
}
