//! How the embedded server can misbehave, on request of a test: what, at which command, how often.

use std::collections::BTreeMap;
use std::time::Duration;

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
    /// Waits (tokio's time) before the command is carried out.
    Delay(Duration),
    /// Sends every untagged answer twice.
    Double,
    /// Sends BYE and closes.
    Bye,
    /// Never answers; the connection stays open.
    Hang,
}

impl Fault {
    fn name(&self) -> &'static str {
        match self {
            Self::Cut => "cut",
            Self::LoseAnswer => "answer lost",
            Self::OnlySayOk => "nothing done",
            Self::Refuse(_) => "refused",
            Self::Delay(_) => "delayed",
            Self::Double => "doubled",
            Self::Bye => "bye",
            Self::Hang => "hung",
        }
    }
}

/// What is still to go wrong, and how often what did.
#[derive(Debug, Default)]
pub(super) struct Faults {
    /// Command (without UID, upper case; `*` is any), fault, whether it stays.
    waiting: Vec<(String, Fault, bool)>,
    /// So many bytes still pass; the connection that writes (or reads) one more is cut.
    pub(super) written_left: Option<u64>,
    pub(super) read_left: Option<u64>,
    struck: BTreeMap<&'static str, u64>,
}

impl Faults {
    pub(super) fn add(&mut self, command: &str, fault: Fault, stays: bool) {
        let command = command.to_ascii_uppercase();
        self.waiting.push((command.strip_prefix("UID ").unwrap_or(&command).to_owned(), fault, stays));
    }

    pub(super) fn clear(&mut self) {
        self.waiting.clear();
        (self.written_left, self.read_left) = (None, None);
    }

    /// The fault that strikes this command, the oldest first.
    pub(super) fn strike(&mut self, command: &str) -> Option<Fault> {
        let at = self.waiting.iter().position(|(which, ..)| which == "*" || which == command)?;
        let (_, fault, stays) = self.waiting.get(at)?.clone();
        if !stays {
            self.waiting.remove(at);
        }
        self.count(fault.name());
        Some(fault)
    }

    pub(super) fn count(&mut self, name: &'static str) {
        *self.struck.entry(name).or_default() += 1;
    }

    pub(super) fn struck(&self) -> BTreeMap<&'static str, u64> {
        self.struck.clone()
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
