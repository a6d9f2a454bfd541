//! What a connection does with the mailbox it selected, and how it learns what others did there.

use super::answer;
use super::fault::Gap;
use super::gmail::Change;
use super::mailboxes::Stored;
use super::notify::Wanted;
use super::server::State;
use super::session::{Answer, Session};
use super::syntax::{Args, Item, Set};
use crate::edge::imap::Wire;
use std::collections::BTreeSet;
use std::io;

/// What the client believes to be in the selected mailbox: its sequence numbers are positions in `lines`.
pub(super) struct View {
    name: String,
    uid_validity: u32,
    read_only: bool,
    /// UID, and the change its flags were last told of; ascending.
    lines: Vec<(u32, u64)>,
    next_uid: u32,
    /// The mailbox's counter at the last full look.
    changes: u64,
}

impl View {
    fn largest_uid(&self) -> u32 {
        self.lines.last().map_or(0, |(uid, _)| *uid)
    }

    /// The positions (from 1) and UIDs that a set names.
    fn pick(&self, set: &Set, uid: bool) -> Vec<(usize, u32)> {
        let largest = if uid { self.largest_uid() } else { number(self.lines.len()) };
        (1..)
            .zip(&self.lines)
            .filter(|(at, (this, _))| set.has(if uid { *this } else { number(*at) }, largest))
            .map(|(at, (this, _))| (at, *this))
            .collect()
    }

    fn told(&mut self, at: usize, change: u64) {
        if let Some((_, shown)) = at.checked_sub(1).and_then(|index| self.lines.get_mut(index)) {
            *shown = change;
        }
    }
}

fn number(count: usize) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}

impl<W: Wire> Session<'_, W> {
    /// Whether the selected mailbox, if there is one, is still the one that was selected.
    pub(super) fn stands(&self) -> bool {
        let Some(view) = &self.view else { return true };
        let state = self.shared.state();
        state.boxes.get(&view.name).is_some_and(|mailbox| mailbox.uid_validity == view.uid_validity)
    }

    /// Tells the client what changed since it was last told. False when its mailbox is gone or renumbered.
    pub(super) fn sync(&mut self, may_expunge: bool) -> bool {
        let Some(view) = &mut self.view else { return true };
        let state = self.shared.state();
        let Some(mailbox) = state.boxes.get(&view.name).filter(|mailbox| mailbox.uid_validity == view.uid_validity)
        else {
            return false;
        };
        if mailbox.changes == view.changes {
            return true;
        }
        if self.wanted == Wanted::Nothing {
            return true;
        }
        let mut told: Vec<u8> = vec![];
        let mut line = |text: String| {
            told.extend_from_slice(text.as_bytes());
            told.extend_from_slice(b"\r\n");
        };
        let mut waiting = false;
        let gone: Vec<usize> =
            (1..).zip(&view.lines).filter(|(_, (uid, _))| mailbox.get(*uid).is_none()).map(|(at, _)| at).collect();
        if may_expunge {
            // from the end, so that no number shifts before it is used
            gone.iter().rev().for_each(|at| line(format!("* {at} EXPUNGE")));
            view.lines.retain(|(uid, _)| mailbox.get(*uid).is_some());
        } else {
            waiting = !gone.is_empty();
        }
        for (at, (uid, shown)) in (1..).zip(&mut view.lines) {
            if let Some(message) = mailbox.get(*uid)
                && message.changed > *shown
            {
                *shown = message.changed;
                let at: usize = at;
                line(format!("* {at} FETCH (FLAGS {})", answer::flags(&message.flags)));
            }
        }
        let before = view.lines.len();
        let new: Vec<_> = mailbox.messages.iter().filter(|message| message.uid >= view.next_uid).collect();
        view.lines.extend(new.iter().map(|message| (message.uid, message.changed)));
        view.next_uid = mailbox.next_uid;
        if view.lines.len() > before {
            line(format!("* {} EXISTS", view.lines.len()));
            line("* 0 RECENT".to_owned());
        }
        if let Wanted::New(items) = &self.wanted
            && !items.is_empty()
        {
            (before + 1..).zip(new).for_each(|(at, message)| answer::fetch(at, message, "()", items, &mut told));
        }
        // what could not be said yet must be looked for again
        if !waiting {
            view.changes = mailbox.changes;
        }
        drop(state);
        self.out.extend_from_slice(&told);
        true
    }

    pub(super) fn select(&mut self, mut args: Args<'_>, read_only: bool) -> Option<Answer> {
        let name = self.mailbox(&mut args)?;
        args.end()?;
        // a failed SELECT leaves nothing selected (RFC 3501, 6.3.1)
        self.view = None;
        let view = {
            let state = self.shared.state();
            let Some(mailbox) = state.boxes.get(&name) else {
                return Some(Answer::No("[NONEXISTENT] no such mailbox".to_owned()));
            };
            View {
                name,
                uid_validity: mailbox.uid_validity,
                read_only,
                lines: mailbox.messages.iter().map(|message| (message.uid, message.changed)).collect(),
                next_uid: mailbox.next_uid,
                changes: mailbox.changes,
            }
        };
        self.say("* FLAGS (\\Answered \\Flagged \\Deleted \\Seen \\Draft)");
        let permanent = if read_only { "" } else { "\\Answered \\Flagged \\Deleted \\Seen \\Draft \\*" };
        self.say(&format!("* OK [PERMANENTFLAGS ({permanent})] flags that stay"));
        self.say(&format!("* {} EXISTS", view.lines.len()));
        self.say("* 0 RECENT");
        self.say(&format!("* OK [UIDVALIDITY {}] UIDs valid", view.uid_validity));
        self.say(&format!("* OK [UIDNEXT {}] predicted next UID", view.next_uid));
        self.view = Some(view);
        let mode = if read_only { "READ-ONLY" } else { "READ-WRITE" };
        Some(Answer::Ok(format!("[{mode}] selected")))
    }

    /// The set of a command, as positions and UIDs.
    fn chosen(&self, args: &mut Args<'_>, uid: bool) -> Option<Vec<(usize, u32)>> {
        args.space()?;
        let set = args.set()?;
        let mut chosen = self.view.as_ref()?.pick(&set, uid);
        if self.partly {
            chosen.truncate(chosen.len() / 2);
        }
        Some(chosen)
    }

    fn writable(&self) -> bool {
        self.view.as_ref().is_some_and(|view| !view.read_only)
    }

    pub(super) async fn fetch(&mut self, mut args: Args<'_>, uid: bool) -> io::Result<Option<Answer>> {
        let Some(chosen) = self.chosen(&mut args, uid) else { return Ok(None) };
        let Some(mut items) = args.space().and_then(|()| args.fetch_items()) else { return Ok(None) };
        if args.end().is_none() {
            return Ok(None);
        }
        if uid && !items.contains(&Item::Uid) {
            items.insert(0, Item::Uid);
        }
        let reads = items.iter().any(|item| matches!(item, Item::Part { peek: false, .. })) && self.writable();
        for (at, uid) in chosen {
            self.fetch_one(at, uid, &items, reads);
            if self.gap("FETCH", Gap::Within) {
                self.sync(false); // a mailbox that is gone is found at the end of the command
            }
            self.flush_some().await?;
        }
        Ok(Some(Answer::Ok("fetched".to_owned())))
    }

    /// A message that others expunged meanwhile is passed by.
    fn fetch_one(&mut self, at: usize, uid: u32, items: &[Item], reads: bool) {
        let Some(view) = &mut self.view else { return };
        let mut state = self.shared.state();
        let mut with_flags = None;
        let unseen = |message: &Stored| !message.flags.contains("\\Seen");
        if reads && state.boxes.get(&view.name).and_then(|mailbox| mailbox.get(uid)).is_some_and(unseen) {
            state.boxes.reflag(&view.name, uid, |flags| {
                flags.insert("\\Seen".to_owned());
            });
            with_flags = Some([items, &[Item::Flags]].concat());
        }
        let Some(message) = state.boxes.get(&view.name).and_then(|mailbox| mailbox.get(uid)) else { return };
        let items = with_flags.as_deref().unwrap_or(items);
        if items.contains(&Item::Flags) {
            view.told(at, message.changed);
        }
        let labels = match items.contains(&Item::GmailLabels) {
            true => state.boxes.labels(&view.name, message.gmail_id),
            false => String::new(),
        };
        answer::fetch(at, message, &labels, items, &mut self.out);
        let seen = with_flags.is_some();
        drop(state);
        if seen {
            self.shared.ring();
        }
    }

    pub(super) fn store(&mut self, mut args: Args<'_>, uid: bool) -> Option<Answer> {
        let chosen = self.chosen(&mut args, uid)?;
        args.space()?;
        let (add, remove) = (args.eat("+").is_some(), args.eat("-").is_some());
        if args.eat("X-GM-LABELS").is_some() {
            let change = match (add, remove) {
                (true, _) => Change::Add,
                (_, true) => Change::Remove,
                _ => Change::Set,
            };
            return self.relabel(args, &chosen, change, uid);
        }
        args.eat("FLAGS")?;
        let silent = args.eat(".SILENT").is_some();
        args.space()?;
        let given = args.flags()?;
        args.end()?;
        if !self.writable() {
            return Some(Answer::No("[READ-ONLY] selected with EXAMINE".to_owned()));
        }
        let view = self.view.as_mut()?;
        let mut lines = vec![];
        let mut state = self.shared.state();
        for (at, this) in chosen {
            let changed = state.boxes.reflag(&view.name, this, |flags| match (add, remove) {
                (true, _) => flags.extend(given.iter().cloned()),
                (_, true) => flags.retain(|flag| !given.contains(flag)),
                _ => *flags = given.clone(),
            });
            let Some((flags, change)) = changed else { continue };
            view.told(at, change);
            if add && given.contains("\\Deleted") {
                let marked = state.boxes.get(&view.name).and_then(|mailbox| mailbox.get(this));
                if let Some(bytes) = marked.map(|message| message.bytes.clone()) {
                    state.faults.mark(bytes);
                }
            }
            if !silent {
                let uid = if uid { format!("UID {this} ") } else { String::new() };
                lines.push(format!("* {at} FETCH ({uid}FLAGS {})", answer::flags(&flags)));
            }
        }
        drop(state);
        for line in lines {
            self.say(&line);
        }
        self.shared.ring();
        Some(Answer::Ok("stored".to_owned()))
    }

    /// The rest of a STORE of labels.
    fn relabel(&mut self, mut args: Args<'_>, chosen: &[(usize, u32)], change: Change, uid: bool) -> Option<Answer> {
        let silent = args.eat(".SILENT").is_some();
        args.space()?;
        let labels = args.labels()?;
        args.end()?;
        if !self.shared.state().can("X-GM-EXT-1") {
            return None;
        }
        if !self.writable() {
            return Some(Answer::No("[READ-ONLY] selected with EXAMINE".to_owned()));
        }
        let name = self.view.as_ref()?.name.clone();
        let mut state = self.shared.state();
        let mut lines = vec![];
        let mut refused = false;
        for (at, this) in chosen {
            refused |= state.boxes.relabel(&name, *this, change, &labels).is_none();
            if let Some(message) = state.boxes.get(&name).and_then(|mailbox| mailbox.get(*this)) {
                let uid = if uid { format!("UID {this} ") } else { String::new() };
                lines.push(format!("* {at} FETCH ({uid}X-GM-LABELS {})", state.boxes.labels(&name, message.gmail_id)));
            }
        }
        drop(state);
        if !silent {
            lines.iter().for_each(|line| self.say(line));
        }
        self.shared.ring();
        Some(if refused { Answer::No("not a label".to_owned()) } else { Answer::Ok("stored".to_owned()) })
    }

    pub(super) fn copy(&mut self, mut args: Args<'_>, uid: bool, remove: bool) -> Option<Answer> {
        let chosen: BTreeSet<u32> = self.chosen(&mut args, uid)?.into_iter().map(|(_, uid)| uid).collect();
        let target = self.mailbox(&mut args)?;
        args.end()?;
        if remove && !self.writable() {
            return Some(Answer::No("[READ-ONLY] selected with EXAMINE".to_owned()));
        }
        let source = self.view.as_ref()?.name.clone();
        let mut state = self.shared.state();
        let Some((validity, pairs)) = state.boxes.copy(&source, &chosen, &target) else {
            return Some(Answer::No("[TRYCREATE] no such mailbox".to_owned()));
        };
        if remove {
            let moved = pairs.iter().map(|(old, _)| *old).collect();
            let moved = state.boxes.remove(&source, &moved);
            state.faults.moved(moved.into_iter().map(|message| message.bytes), self.halved_before);
        } else if self.halving {
            let copied: Vec<_> =
                pairs.iter().filter_map(|(old, _)| Some(state.boxes.get(&source)?.get(*old)?.bytes.clone())).collect();
            state.faults.halve(copied.into_iter());
        }
        let code = copy_uid(&state, validity, &pairs);
        // Gmail tells it at the end, as RFC 4315 has it, also of a move
        let at_the_end = !remove || state.boxes.gmail.is_some();
        drop(state);
        self.shared.ring();
        if at_the_end {
            return Some(Answer::Ok(format!("{code}{}", if remove { "moved" } else { "copied" })));
        }
        // RFC 6851, 4.3: with MOVE it comes before the EXPUNGEs, untagged
        if !code.is_empty() {
            self.say(&format!("* OK {code}moved"));
        }
        Some(Answer::Ok("moved".to_owned()))
    }

    pub(super) fn search(&mut self, mut args: Args<'_>, uid: bool) -> Option<Answer> {
        args.space()?;
        // RFC 6855, section 3
        if self.utf8 && args.eat("CHARSET").is_some() {
            return None;
        }
        let key = args.search()?;
        let view = self.view.as_ref()?;
        let largest = (number(view.lines.len()), view.largest_uid());
        let mut line = "* SEARCH".to_owned();
        {
            let state = self.shared.state();
            let mailbox = state.boxes.get(&view.name)?;
            for (at, (this, _)) in (1..).zip(&view.lines) {
                let Some(message) = mailbox.get(*this) else { continue };
                if answer::matches(&key, at, message, largest, &|label| state.boxes.bears(message.gmail_id, label)) {
                    line.push_str(&format!(" {}", if uid { *this } else { at }));
                }
            }
        }
        self.say(&line);
        Some(Answer::Ok("searched".to_owned()))
    }

    pub(super) fn expunge(&mut self, mut args: Args<'_>, uid: bool) -> Option<Answer> {
        let only: Option<BTreeSet<u32>> = match uid {
            true => Some(self.chosen(&mut args, true)?.into_iter().map(|(_, uid)| uid).collect()),
            false => None,
        };
        args.end()?;
        if !self.writable() {
            return Some(Answer::No("[READ-ONLY] selected with EXAMINE".to_owned()));
        }
        self.remove_deleted(only.as_ref());
        Some(Answer::Ok("expunged".to_owned()))
    }

    fn remove_deleted(&mut self, only: Option<&BTreeSet<u32>>) {
        let Some(view) = &self.view else { return };
        let mut state = self.shared.state();
        if let Some(mailbox) = state.boxes.get(&view.name) {
            let deleted = mailbox.messages.iter().filter(|message| message.flags.contains("\\Deleted"));
            let uids = deleted.map(|message| message.uid).filter(|uid| only.is_none_or(|only| only.contains(uid)));
            let uids = uids.collect();
            state.boxes.remove(&view.name, &uids);
        }
        drop(state);
        self.shared.ring();
    }

    pub(super) fn close(&mut self, expunge: bool) -> Option<Answer> {
        if expunge && self.writable() {
            self.remove_deleted(None);
        }
        self.view = None;
        Some(Answer::Ok("closed".to_owned()))
    }
}

/// `[COPYUID …] ` where UIDPLUS is offered and something was copied.
fn copy_uid(state: &State, validity: u32, pairs: &[(u32, u32)]) -> String {
    if !state.can("UIDPLUS") || pairs.is_empty() {
        return String::new();
    }
    let old = answer::set(pairs.iter().map(|(old, _)| *old));
    let new = answer::set(pairs.iter().map(|(_, new)| *new));
    format!("[COPYUID {validity} {old} {new}] ")
}
