//! Sets of UIDs as the wire wants them.

use std::fmt::{self, Write as _};

/// The largest UID (RFC 3501, 2.3.1.1). `N:*` is not used: it names the newest message even if that is below N.
const LARGEST: u32 = u32::MAX;

/// A set of UIDs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UidSet(String);

impl UidSet {
    /// These UIDs, compressed to ranges.
    #[must_use]
    pub fn of(uids: impl IntoIterator<Item = u32>) -> Self {
        let mut uids: Vec<u32> = uids.into_iter().collect();
        uids.sort_unstable();
        uids.dedup();
        let mut text = String::new();
        let mut run: Option<(u32, u32)> = None;
        for uid in uids {
            run = match run {
                Some((first, last)) if uid == last.saturating_add(1) => Some((first, uid)),
                Some(done) => {
                    push(&mut text, done);
                    Some((uid, uid))
                }
                None => Some((uid, uid)),
            };
        }
        if let Some(done) = run {
            push(&mut text, done);
        }
        Self(text)
    }

    /// This UID and all above it.
    #[must_use]
    pub fn from(uid: u32) -> Self {
        Self::between(uid, LARGEST)
    }

    /// From one UID to another, both included.
    #[must_use]
    pub fn between(first: u32, last: u32) -> Self {
        Self(format!("{}:{}", first.max(1), last.max(1)))
    }

    /// Whether it holds none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

fn push(text: &mut String, (first, last): (u32, u32)) {
    if !text.is_empty() {
        text.push(',');
    }
    let _ = if first == last { write!(text, "{first}") } else { write!(text, "{first}:{last}") };
}

impl fmt::Display for UidSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// UIDs of a set as a server writes it in COPYUID, in the order written; `None` when it is not one, or larger than
/// anything we asked for.
pub(super) fn listed(text: &str) -> Option<Vec<u32>> {
    let mut uids = Vec::new();
    for piece in text.split(',') {
        let (first, last) = piece.split_once(':').unwrap_or((piece, piece));
        let (first, last): (u32, u32) = (first.parse().ok()?, last.parse().ok()?);
        if first.abs_diff(last) > 100_000 || uids.len() > 100_000 {
            return None;
        }
        uids.extend(first.min(last)..=first.max(last));
    }
    Some(uids)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sets_are_compressed_and_read_back() {
        for (uids, text) in [
            (vec![], ""),
            (vec![5], "5"),
            (vec![3, 1, 2, 2], "1:3"),
            (vec![1, 3, 4, 9, u32::MAX], "1,3:4,9,4294967295"),
        ] {
            assert_eq!(UidSet::of(uids).to_string(), text);
        }
        assert_eq!(UidSet::from(7).to_string(), "7:4294967295");
        assert_eq!(listed("4,1:3"), Some(vec![4, 1, 2, 3]));
        assert_eq!(listed("1:4294967295"), None);
        assert_eq!(listed("x"), None);
    }
}
