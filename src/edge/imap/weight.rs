//! About how much memory a response takes: what is held of a flood of them is bounded by it.

use super::response::{Response, Status};

impl Response {
    /// About the bytes it takes in memory.
    pub(super) fn weight(&self) -> usize {
        let words = |words: &[String]| words.iter().map(|word| word.len() + 48).sum::<usize>();
        let status = |status: &Status| {
            let rest = status.code.iter().flat_map(|code| &code.rest);
            status.text.len() + rest.map(|value| value.bytes().map_or(0, <[u8]>::len) + 64).sum::<usize>()
        };
        let own = match self {
            Self::Tagged { status: told, .. } | Self::Status(told) => status(told),
            Self::Fetch(seen) => {
                let labels = seen.gmail.iter().filter_map(|gmail| gmail.labels.as_ref());
                let listed = seen.flags.iter().chain(labels).map(|all| words(all)).sum::<usize>();
                seen.body.as_ref().map_or(0, Vec::len) + listed
            }
            Self::Capability(all) | Self::Enabled(all) => words(all),
            Self::List { attributes, name, .. } => words(attributes) + name.len(),
            Self::MailboxStatus(items) => items.iter().map(|(name, _)| name.len() + 64).sum(),
            Self::Namespace { prefix, .. } => prefix.len(),
            Self::Search(found) => found.len() * 4,
            Self::Continue | Self::Exists(_) | Self::Expunge | Self::Other | Self::Unreadable => 0,
        };
        own.saturating_add(size_of::<Self>())
    }
}

// most are small: what is held of a flood of counts is bounded by how large one is
const _: () = assert!(size_of::<Response>() <= 128);
