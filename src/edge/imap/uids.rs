//! Sets of UIDs as the wire wants them.

use std::fmt::{self, Write as _};

/// The largest UID (RFC 3501, 2.3.1.1). `N:*` is not used: it names the newest message even if that is below N.
const LARGEST: u32 = u32::MAX;

/// UIDs of one COPYUID.
const MOST: usize = 100_000;

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

    /// The first and last of each run, ascending where the set was made from single UIDs.
    pub(super) fn runs(&self) -> Vec<(u32, u32)> {
        let run = |piece: &str| {
            let (first, last) = piece.split_once(':').unwrap_or((piece, piece));
            let (first, last): (u32, u32) = (first.parse().ok()?, last.parse().ok()?);
            Some((first.min(last), first.max(last)))
        };
        self.0.split(',').filter_map(run).collect()
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

/// Whether a run of [`UidSet::runs`] holds this UID.
pub(super) fn within(runs: &[(u32, u32)], uid: u32) -> bool {
    let after = runs.partition_point(|(first, _)| *first <= uid);
    after.checked_sub(1).and_then(|at| runs.get(at)).is_some_and(|(_, last)| uid <= *last)
}

/// UIDs of a set as a server writes it in COPYUID, in the order written; `None` when it is not one, holds 0, or is
/// larger than anything we ask for.
pub(super) fn listed(text: &str) -> Option<Vec<u32>> {
    let mut uids = Vec::new();
    for piece in text.split(',') {
        let (first, last) = piece.split_once(':').unwrap_or((piece, piece));
        let (first, last): (u32, u32) = (first.parse().ok()?, last.parse().ok()?);
        if first.min(last) == 0 || uids.len() + first.abs_diff(last) as usize >= MOST {
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
        assert_eq!((listed("0"), listed("0:3"), listed("4294967296"), listed("")), (None, None, None, None));
        assert_eq!(listed("1:90000,90001:180000"), None, "the whole counts");
        let runs = UidSet::of([1, 2, 3, 9, u32::MAX]).runs();
        assert_eq!(runs, [(1, 3), (9, 9), (u32::MAX, u32::MAX)]);
        let held: Vec<u32> = [0, 1, 3, 4, 8, 9, 10, u32::MAX].into_iter().filter(|uid| within(&runs, *uid)).collect();
        assert_eq!(held, [1, 3, 9, u32::MAX]);
    }
}
