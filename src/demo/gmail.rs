//! The embedded server with Gmail's meaning of folders: a message is one thing with labels, and mailboxes are views of
//! it. What of this is documented, and what is a guess, stands in docs/gmail.md.
//!
//! A message is in a view exactly when it bears the view's label, so labels are not kept apart: they are the mailboxes
//! that hold its number (X-GM-MSGID). All Mail holds every message but those of Trash and Spam, which are in no other view.

use super::answer;
use super::mailboxes::{Mailboxes, Refusal, Stored};
use std::collections::BTreeSet;

/// What the server offers after the login, of what Gmail is seen to offer (docs/gmail.md) and what is built here. There is
/// no NOTIFY.
pub(super) const CAPABILITIES: &[&str] = &[
    "IMAP4rev1", "SASL-IR", "AUTH=PLAIN", "UNSELECT", "IDLE", "NAMESPACE", "CHILDREN", "X-GM-EXT-1", "UIDPLUS", "MOVE",
    "LITERAL-", "SPECIAL-USE",
];

/// Attribute (RFC 6154), label, and the mailbox's name in English and in Japanese.
const SPECIAL: [(&str, &str, &str, &str); 7] = [
    (ALL, "", "[Gmail]/All Mail", "[Gmail]/すべてのメール"),
    ("\\Sent", "\\Sent", "[Gmail]/Sent Mail", "[Gmail]/送信済みメール"),
    ("\\Drafts", "\\Draft", "[Gmail]/Drafts", "[Gmail]/下書き"),
    (SPAM, "\\Spam", "[Gmail]/Spam", "[Gmail]/迷惑メール"),
    (TRASH, "\\Trash", "[Gmail]/Trash", "[Gmail]/ゴミ箱"),
    (STARRED, "\\Starred", "[Gmail]/Starred", "[Gmail]/スター付き"),
    ("\\Important", "\\Important", "[Gmail]/Important", "[Gmail]/重要"),
];
const ALL: &str = "\\All";
const SPAM: &str = "\\Junk";
const TRASH: &str = "\\Trash";
const STARRED: &str = "\\Flagged";

const DELETED: &str = "\\Deleted";

/// How the account is set up.
#[derive(Clone, Debug)]
pub(super) struct Gmail {
    last_id: u64,
    /// A message that is marked `\Deleted` leaves its view at once: Gmail's default.
    pub(super) auto_expunge: bool,
}

/// What a STORE of labels does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Change {
    Add,
    Remove,
    Set,
}

impl Mailboxes {
    /// INBOX and Gmail's own mailboxes, under their Japanese names or the English ones.
    pub(super) fn of_labels(japanese: bool) -> Self {
        let mut this = Self::new('/', "");
        for (attribute, _, english, own) in SPECIAL {
            let name = if japanese { own } else { english };
            let _ = this.create(name);
            if let Some(mailbox) = this.get_mut(name) {
                mailbox.attribute = Some(attribute.to_owned());
                mailbox.subscribed = true;
            }
        }
        this.gmail = Some(Gmail { last_id: 1_800_000_000_000_000_000, auto_expunge: true });
        this
    }

    /// The name of the mailbox with a special use.
    pub(super) fn special(&self, attribute: &str) -> String {
        let mut all = self.iter();
        all.find(|(_, mailbox)| mailbox.attribute.as_deref() == Some(attribute))
            .map(|(name, _)| name.clone())
            .unwrap_or_default()
    }

    /// The number of a message that comes.
    pub(super) fn next_id(&mut self) -> u64 {
        let Some(gmail) = &mut self.gmail else { return 0 };
        // numbers of 64 bits that do not fit into a signed one of JSON's 53: what is read as less is found out
        gmail.last_id += 0x1_0001;
        gmail.last_id
    }

    /// Its own mailboxes cannot be deleted, nor others be made beside them.
    pub(super) fn refuses(&self, name: &str) -> Option<Refusal> {
        let own = name == "[Gmail]" || name.starts_with("[Gmail]/");
        (self.gmail.is_some() && own).then_some("[CANNOT] Gmail's own")
    }

    fn uid_in(&self, name: &str, id: u64) -> Option<u32> {
        self.get(name)?.messages.iter().find(|message| message.gmail_id == id).map(|message| message.uid)
    }

    /// A message by its number, as one of its views has it.
    fn any(&self, id: u64) -> Option<Stored> {
        self.iter().flat_map(|(_, mailbox)| &mailbox.messages).find(|message| message.gmail_id == id).cloned()
    }

    fn views(&self, id: u64) -> Vec<String> {
        self.iter().map(|(name, _)| name).filter(|name| self.uid_in(name, id).is_some()).cloned().collect()
    }

    fn enter(&mut self, name: &str, message: &Stored) -> Option<u32> {
        if let Some(uid) = self.uid_in(name, message.gmail_id) {
            return Some(uid); // one message appears once in a view
        }
        let mut flags = message.flags.clone();
        flags.remove(DELETED);
        let mailbox = self.get_mut(name)?;
        let uid = mailbox.add(message.bytes.clone(), flags, message.received);
        if let Some(new) = mailbox.messages.last_mut() {
            new.gmail_id = message.gmail_id;
        }
        Some(uid)
    }

    fn leave(&mut self, name: &str, id: u64) {
        if let (Some(uid), Some(mailbox)) = (self.uid_in(name, id), self.get_mut(name)) {
            mailbox.remove(&BTreeSet::from([uid]));
        }
    }

    /// A message gets the label of a view; its UID there. Trash and Spam take all others off, and every other takes these.
    pub(super) fn put(&mut self, message: &Stored, name: &str) -> Option<u32> {
        self.get(name)?;
        let id = message.gmail_id;
        let (all, trash, spam) = (self.special(ALL), self.special(TRASH), self.special(SPAM));
        if name == trash || name == spam {
            for other in self.views(id).iter().filter(|other| *other != name) {
                self.leave(other, id);
            }
            return self.enter(name, message);
        }
        self.leave(&trash, id);
        self.leave(&spam, id);
        self.enter(&all, message);
        let uid = self.enter(name, message);
        if name == self.special(STARRED) {
            self.star(id, true);
        }
        uid
    }

    /// A message leaves a view, which is what expunging it there means: its label is taken off; out of All Mail it goes to
    /// Trash; out of Trash and Spam it is gone for ever.
    pub(super) fn drop_from(&mut self, name: &str, id: u64) {
        let Some(message) = self.any(id) else { return };
        if name == self.special(ALL) {
            self.put(&message, &self.special(TRASH));
            return;
        }
        self.leave(name, id);
        if name == self.special(STARRED) {
            self.star(id, false);
        }
    }

    fn star(&mut self, id: u64, on: bool) {
        for view in self.views(id) {
            let Some(uid) = self.uid_in(&view, id) else { continue };
            if let Some(mailbox) = self.get_mut(&view) {
                mailbox.reflag(uid, |flags| {
                    if on {
                        flags.insert(STARRED.to_owned());
                    } else {
                        flags.remove(STARRED);
                    }
                });
            }
        }
    }

    /// Flags were changed in a view: they are the message's in all of them, but `\Deleted`, which is about the view.
    pub(super) fn share_flags(&mut self, name: &str, uid: u32) {
        let Some(message) = self.get(name).and_then(|mailbox| mailbox.get(uid)).cloned() else { return };
        let id = message.gmail_id;
        for view in self.views(id).iter().filter(|view| *view != name) {
            let Some(uid) = self.uid_in(view, id) else { continue };
            if let Some(mailbox) = self.get_mut(view) {
                mailbox.reflag(uid, |flags| {
                    let deleted = flags.contains(DELETED);
                    *flags = message.flags.iter().filter(|flag| *flag != DELETED).cloned().collect();
                    flags.extend(deleted.then(|| DELETED.to_owned()));
                });
            }
        }
        let starred = self.special(STARRED);
        match (message.flags.contains(STARRED), self.uid_in(&starred, id).is_some()) {
            (true, false) if self.uid_in(&self.special(ALL), id).is_some() => drop(self.enter(&starred, &message)),
            (false, true) => self.leave(&starred, id),
            _ => {}
        }
        if message.flags.contains(DELETED) && self.gmail.as_ref().is_some_and(|gmail| gmail.auto_expunge) {
            self.drop_from(name, id);
        }
    }

    /// X-GM-LABELS as seen in a view, which does not show its own label.
    pub(super) fn labels(&self, view: &str, id: u64) -> String {
        let shown = self.views(id).into_iter().filter(|name| name != view).filter_map(|name| self.label_of(&name));
        let written = shown.map(|label| {
            let atom =
                !label.is_empty() && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"&-+,".contains(&byte));
            if atom { label } else { answer::quoted(&label) }
        });
        format!("({})", written.collect::<Vec<_>>().join(" "))
    }

    /// The label of a view as on the wire; `None` for All Mail.
    fn label_of(&self, name: &str) -> Option<String> {
        if name == "INBOX" {
            return Some("\\Inbox".to_owned());
        }
        let attribute = self.get(name)?.attribute.as_deref();
        match SPECIAL.iter().find(|(special, ..)| attribute == Some(*special)) {
            Some((_, "", ..)) => None,
            Some((_, label, ..)) => Some((*label).to_owned()),
            None => Some(answer::to_wire(name)),
        }
    }

    /// The view of a label on the wire.
    fn view_of(&self, label: &str) -> Option<String> {
        if label.eq_ignore_ascii_case("\\Inbox") {
            return Some("INBOX".to_owned());
        }
        if label.starts_with('\\') {
            let known = SPECIAL.iter().find(|(_, known, ..)| known.eq_ignore_ascii_case(label));
            return known.map(|(attribute, ..)| self.special(attribute));
        }
        answer::from_wire(label)
    }

    /// Whether a message bears a label (as on the wire).
    pub(super) fn bears(&self, id: u64, label: &str) -> bool {
        self.view_of(label).is_some_and(|view| self.uid_in(&view, id).is_some())
    }

    /// STORE X-GM-LABELS of one message of a view; `None`: a label that cannot be. Labels that are missing are made; that
    /// of the view itself cannot be taken off here.
    pub(super) fn relabel(&mut self, view: &str, uid: u32, change: Change, labels: &[String]) -> Option<()> {
        let named = labels.iter().map(|label| self.view_of(label)).collect::<Option<Vec<String>>>()?;
        let Some(message) = self.get(view).and_then(|mailbox| mailbox.get(uid)).cloned() else { return Some(()) };
        let id = message.gmail_id;
        let off: Vec<String> = match change {
            Change::Add => Vec::new(),
            Change::Remove => named.clone(),
            Change::Set => self.views(id).into_iter().filter(|name| !named.contains(name)).collect(),
        };
        let all = self.special(ALL);
        for name in off.iter().filter(|name| *name != view && **name != all) {
            self.drop_from(name, id);
        }
        for name in named.iter().filter(|_| change != Change::Remove) {
            if self.get(name).is_none() {
                self.create(name).ok()?;
            }
            self.put(&message, name)?;
        }
        Some(())
    }
}
