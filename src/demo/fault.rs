//! How the embedded server can misbehave, on request of a test: what, at which command, how often.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

/// Stands for the greeting where a command is named: [`Fault::Bye`], [`Fault::Hang`], [`Fault::Delay`] and
/// [`Fault::Cut`] strike it.
pub const GREETING: &str = "GREETING";

/// One kind of misbehaviour.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Closes the connection before the command is carried out.
    Cut,
    /// Carries the command out, then closes the connection instead of answering.
    LoseAnswer,
    /// Does nothing and answers OK.
    OnlySayOk,
    /// Does nothing and answers NO with this text, e.g. `[OVERQUOTA] full`.
    Refuse(String),
    /// Does nothing and answers BAD with this text.
    Bad(&'static str),
    /// Carries COPY, MOVE or STORE out for the first half of the messages (of one: for none) and answers OK.
    Partly,
    /// Carries out the copying half of MOVE and answers NO (RFC 6851, 3.3, allows it to end half-way).
    CopyOnly,
    /// Waits (tokio's time) before the command is carried out.
    Delay(Duration),
    /// Sends every untagged answer twice.
    Double,
    /// Sends BYE and closes.
    Bye,
    /// Never answers; the connection stays open.
    Hang,
    /// Keeps news of what others did for itself until the next command.
    Withhold,
    /// Carries the command out and never says a word again, the connection stays open; with IDLE after its `+`.
    Mute,
}

/// A moment of a command at which something can happen in the mailboxes, told to the client at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Gap {
    /// The command was read and is not carried out yet. For IDLE: before its `+`.
    Before,
    /// IDLE has said its `+`.
    AfterPlus,
    /// DONE was read, IDLE's OK was not said yet.
    AtDone,
    /// After the first message of a FETCH.
    Within,
    /// The command was carried out and is not answered yet.
    After,
}

/// What happens at a gap.
pub(super) type Deed = Box<dyn FnOnce() + Send>;

impl Fault {
    fn name(&self) -> &'static str {
        match self {
            Self::Cut => "cut",
            Self::LoseAnswer => "answer lost",
            Self::OnlySayOk => "nothing done",
            Self::Refuse(_) => "refused",
            Self::Bad(_) => "called bad",
            Self::Partly => "half done",
            Self::CopyOnly => "moved half-way",
            Self::Delay(_) => "delayed",
            Self::Double => "doubled",
            Self::Bye => "bye",
            Self::Hang => "hung",
            Self::Withhold => "news withheld",
            Self::Mute => "fell silent",
        }
    }
}

/// What is still to go wrong, and how often what did.
#[derive(Default)]
pub(super) struct Faults {
    /// Command (without UID, upper case; `*` is any), fault, whether it stays.
    waiting: Vec<(String, Fault, bool)>,
    /// So many bytes still pass; the connection that writes (or reads) one more is cut.
    pub(super) written_left: Option<u64>,
    pub(super) read_left: Option<u64>,
    struck: BTreeMap<&'static str, u64>,
    /// The same by command.
    struck_at: BTreeMap<(&'static str, String), u64>,
    gaps: Vec<(String, Gap, Deed)>,
    /// Messages of which [`Fault::CopyOnly`] made a copy, in order.
    halved: Vec<Arc<[u8]>>,
    overtaken: Vec<Arc<[u8]>>,
    /// Messages that a command marked with \Deleted.
    marked: Vec<Arc<[u8]>>,
}

impl Faults {
    pub(super) fn add(&mut self, command: &str, fault: Fault, stays: bool) {
        let command = command.to_ascii_uppercase();
        self.waiting.push((command.strip_prefix("UID ").unwrap_or(&command).to_owned(), fault, stays));
    }

    /// How many messages a MOVE did only half.
    pub(super) fn halved(&self) -> usize {
        self.halved.len()
    }

    /// A MOVE makes copies of these and leaves their sources.
    pub(super) fn halve(&mut self, bytes: impl Iterator<Item = Arc<[u8]>>) {
        self.halved.extend(bytes);
    }

    /// A MOVE that was read when `halved` was so much is carried out now.
    pub(super) fn moved(&mut self, bytes: impl Iterator<Item = Arc<[u8]>>, halved: usize) {
        let since = self.halved.get(halved..).unwrap_or_default();
        self.overtaken.extend(bytes.filter(|bytes| since.iter().any(|one| Arc::ptr_eq(one, bytes))));
    }

    pub(super) fn halves(&self) -> Vec<Arc<[u8]>> {
        self.halved.clone()
    }

    pub(super) fn overtaken(&self) -> Vec<Arc<[u8]>> {
        self.overtaken.clone()
    }

    pub(super) fn mark(&mut self, bytes: Arc<[u8]>) {
        self.marked.push(bytes);
    }

    pub(super) fn marked(&self) -> Vec<Arc<[u8]>> {
        self.marked.clone()
    }

    pub(super) fn lie_in_wait(&mut self, command: &str, gap: Gap, deed: Deed) {
        self.gaps.push((command.to_owned(), gap, deed));
    }

    /// What waits for this moment, the oldest first.
    pub(super) fn at_gap(&mut self, command: &str, gap: Gap) -> Option<Deed> {
        let at = self.gaps.iter().position(|(which, when, _)| which == command && *when == gap)?;
        Some(self.gaps.remove(at).2)
    }

    pub(super) fn clear(&mut self) {
        self.waiting.clear();
        self.gaps.clear();
        (self.written_left, self.read_left) = (None, None);
    }

    /// The fault that strikes this command, the oldest first.
    pub(super) fn strike(&mut self, command: &str) -> Option<Fault> {
        let any = command != GREETING;
        let at = self.waiting.iter().position(|(which, ..)| (any && which == "*") || which == command)?;
        let (_, fault, stays) = self.waiting.get(at)?.clone();
        if !stays {
            self.waiting.remove(at);
        }
        self.count(fault.name());
        *self.struck_at.entry((fault.name(), command.to_owned())).or_default() += 1;
        Some(fault)
    }

    pub(super) fn count(&mut self, name: &'static str) {
        *self.struck.entry(name).or_default() += 1;
    }

    pub(super) fn struck(&self) -> BTreeMap<&'static str, u64> {
        self.struck.clone()
    }

    pub(super) fn struck_at(&self) -> BTreeMap<(&'static str, String), u64> {
        self.struck_at.clone()
    }

    /// Of `wanted` bytes, how many may still pass; fewer than wanted means that the connection is cut after them.
    pub(super) fn pass(&mut self, wanted: usize, out: bool) -> usize {
        let left = if out { &mut self.written_left } else { &mut self.read_left };
        let Some(budget) = left else { return wanted };
        let may = usize::try_from(*budget).unwrap_or(usize::MAX);
        if wanted <= may {
            *budget -= wanted as u64;
            return wanted;
        }
        *left = None;
        self.count(if out { "cut while writing" } else { "cut while reading" });
        may
    }
}
