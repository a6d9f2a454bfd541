//! What a look at the flag of a case's mail means: the record, what was seen, and what follows.

use crate::mailbox::Place;
use jiff::{SignedDuration, Timestamp};
use std::time::Duration;

/// A mail that is not found anywhere is looked for again after so many hours: looking through folders costs the server.
const SEEK_AGAIN: SignedDuration = SignedDuration::from_hours(24);

/// How often flags are looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Looks {
    /// Between two looks at the flags of open cases.
    pub every: Duration,
    /// A flag counts as taken off when two looks at least so far apart find it gone.
    pub apart: Duration,
}

impl Default for Looks {
    fn default() -> Self {
        Self { every: Duration::from_secs(15 * 60), apart: Duration::from_secs(5 * 60) }
    }
}

/// The record of a flag that modori set and a case still wants.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Watched {
    /// Where the message lies, as far as is known.
    pub place: Place,
    /// \Flagged was read at this place, under this UIDVALIDITY, after modori's own STORE. Only then can its absence
    /// mean anything.
    pub seen: bool,
    /// The first look at this place that found the flag gone, if it is gone.
    pub missing_since: Option<Timestamp>,
    /// When the message was last looked for in vain.
    pub sought_at: Option<Timestamp>,
}

/// What a look at the place found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sighting {
    /// The message, with the flag.
    Flagged,
    /// The message, without it.
    Bare,
    /// No such message there: it was moved or deleted (or is about to be), or the folder was renumbered or removed.
    Gone,
}

/// What follows from a look.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Next {
    /// The record as it is now.
    Keep(Watched),
    /// The message is to be looked for by its key; [`Watched::sought`] takes the answer.
    Seek(Watched),
    /// The shopper took the flag off; the first look without it was then.
    TakenOff(Timestamp),
}

impl Watched {
    /// What follows from a look `now`. The flag counts as taken off when two looks at least `apart` found the message
    /// where it was read flagged before, and without the flag. Nothing is ever concluded from a message that is gone.
    #[must_use]
    pub fn look(&self, sighting: Sighting, now: Timestamp, apart: Duration) -> Next {
        let same = Self { sought_at: None, ..self.clone() };
        match (sighting, self.missing_since) {
            (Sighting::Flagged, _) => Next::Keep(Self { seen: true, missing_since: None, ..same }),
            (Sighting::Bare, _) if !self.seen => Next::Keep(same),
            (Sighting::Bare, Some(first)) if is_past(first, apart, now) => Next::TakenOff(first),
            // a clock that was set back: the first look is begun again
            (Sighting::Bare, Some(first)) if first <= now => Next::Keep(same),
            (Sighting::Bare, _) => Next::Keep(Self { missing_since: Some(now), ..same }),
            (Sighting::Gone, _) => {
                let gone = Self { missing_since: None, ..self.clone() };
                let lately = |at: Timestamp| at <= now && now.duration_since(at) < SEEK_AGAIN;
                if self.sought_at.is_some_and(lately) { Next::Keep(gone) } else { Next::Seek(gone) }
            }
        }
    }

    /// The record after the message was looked for: at its new place the flag must be read before its absence counts.
    /// `found`: where it lies, and whether it bears the flag there.
    #[must_use]
    pub fn sought(&self, found: Option<(Place, bool)>, now: Timestamp) -> Self {
        match found {
            Some((place, flagged)) => Self { place, seen: flagged, missing_since: None, sought_at: None },
            None => Self { missing_since: None, sought_at: Some(now), ..self.clone() },
        }
    }
}

fn is_past(since: Timestamp, span: Duration, now: Timestamp) -> bool {
    Duration::try_from(now.duration_since(since)).is_ok_and(|passed| passed >= span)
}

#[cfg(test)]
mod tests {
    use super::*;

    const APART: Duration = Duration::from_secs(300);

    fn at(minute: i64) -> Timestamp {
        Timestamp::from_second(1_780_000_000 + minute * 60).unwrap()
    }

    fn place(mailbox: &str, uid_validity: u32) -> Place {
        Place { account: "a".into(), mailbox: mailbox.into(), uid_validity, uid: 7 }
    }

    fn fresh(seen: bool) -> Watched {
        Watched { place: place("楽天/キャンセル", 1), seen, missing_since: None, sought_at: None }
    }

    /// One look: minute, what it found, and where the message lies if it must be looked for.
    type Look = (i64, Sighting, Option<(&'static str, bool)>);

    /// Looks one after the other; the minute of the first look without the flag once it counts as taken off, and how
    /// often the message was looked for.
    fn run(seen: bool, looks: &[Look]) -> (Option<i64>, u32, Watched) {
        let mut watched = fresh(seen);
        let mut sought = 0;
        for (minute, sighting, elsewhere) in looks {
            match watched.look(*sighting, at(*minute), APART) {
                Next::Keep(next) => watched = next,
                Next::Seek(next) => {
                    sought += 1;
                    watched = next.sought(elsewhere.map(|(folder, flag)| (place(folder, 1), flag)), at(*minute));
                }
                Next::TakenOff(first) => {
                    return (Some(first.duration_since(at(0)).as_secs() / 60), sought, watched);
                }
            }
        }
        (None, sought, watched)
    }

    #[test]
    fn only_two_looks_apart_at_the_place_where_it_was_read_count() {
        use Sighting::{Bare, Flagged, Gone};
        let taken = |seen, looks: &[Look]| run(seen, looks).0;
        let cases: &[(&str, bool, &[Look], Option<i64>)] = &[
            ("never looked", true, &[], None),
            ("still there", true, &[(0, Flagged, None), (15, Flagged, None), (30, Flagged, None)], None),
            ("one look", true, &[(1, Bare, None)], None),
            ("two looks", true, &[(1, Bare, None), (6, Bare, None)], Some(1)),
            ("too close", true, &[(1, Bare, None), (5, Bare, None)], None),
            ("too close, then not", true, &[(1, Bare, None), (3, Bare, None), (6, Bare, None)], Some(1)),
            ("back between", true, &[(1, Bare, None), (6, Flagged, None), (11, Bare, None)], None),
            (
                "back, then off",
                true,
                &[(1, Bare, None), (6, Flagged, None), (11, Bare, None), (16, Bare, None)],
                Some(11),
            ),
            ("never read flagged", false, &[(1, Bare, None), (6, Bare, None), (60, Bare, None)], None),
            ("read, then off", false, &[(0, Flagged, None), (1, Bare, None), (6, Bare, None)], Some(1)),
            ("deleted", true, &[(1, Gone, None), (6, Gone, None), (60, Gone, None)], None),
            ("off, then deleted", true, &[(1, Bare, None), (6, Gone, None), (11, Gone, None)], None),
            ("gone between two looks", true, &[(1, Bare, None), (4, Gone, None), (7, Bare, None)], None),
            ("moved", true, &[(1, Gone, Some(("x", true))), (6, Flagged, None), (20, Flagged, None)], None),
            ("moved without its flag", true, &[(1, Gone, Some(("x", false))), (6, Bare, None), (20, Bare, None)], None),
            (
                "moved, and taken off there",
                true,
                &[(1, Gone, Some(("x", true))), (6, Bare, None), (20, Bare, None)],
                Some(6),
            ),
            (
                "moved bare, flagged by her, off",
                true,
                &[(1, Gone, Some(("x", false))), (6, Flagged, None), (20, Bare, None), (40, Bare, None)],
                Some(20),
            ),
            ("off, then moved bare", true, &[(1, Bare, None), (6, Gone, Some(("x", false))), (20, Bare, None)], None),
            ("the clock went back", true, &[(10, Bare, None), (1, Bare, None), (5, Bare, None)], None),
            (
                "the clock went back, then on",
                true,
                &[(10, Bare, None), (1, Bare, None), (5, Bare, None), (6, Bare, None)],
                Some(1),
            ),
        ];
        for (name, seen, looks, expect) in cases {
            assert_eq!(taken(*seen, looks), *expect, "{name}");
        }
    }

    #[test]
    fn a_vanished_message_is_looked_for_once_a_day() {
        use Sighting::{Bare, Gone};
        let day = 24 * 60;
        let (taken, sought, _) = run(true, &[(0, Gone, None), (15, Gone, None), (day - 1, Gone, None)]);
        assert_eq!((taken, sought), (None, 1));
        let (taken, sought, _) = run(true, &[(0, Gone, None), (day, Gone, None)]);
        assert_eq!((taken, sought), (None, 2));
        // it was there again in between
        let (_, sought, watched) = run(true, &[(0, Gone, None), (15, Bare, None), (30, Gone, None)]);
        assert_eq!((sought, watched.missing_since), (2, None));
    }

    #[test]
    fn whatever_is_seen_nothing_is_concluded_without_a_flag_read_at_that_place() {
        // every sequence of six looks, ten minutes apart: taken off needs Flagged, Bare, Bare at one place
        let kinds: [Look; 5] = [
            (0, Sighting::Flagged, None),
            (0, Sighting::Bare, None),
            (0, Sighting::Gone, None),
            (0, Sighting::Gone, Some(("x", false))),
            (0, Sighting::Gone, Some(("x", true))),
        ];
        let mut tried = 0;
        for number in 0..5_usize.pow(6) {
            let looks: Vec<Look> = (0..6_u32)
                .map(|n| {
                    let (_, sighting, elsewhere) = kinds[number / 5_usize.pow(n) % 5];
                    (i64::from(n) * 10, sighting, elsewhere)
                })
                .collect();
            // what the rule says, read off the sequence itself
            let mut read_here = false;
            let mut bare = 0;
            let mut expect = false;
            for (_, sighting, elsewhere) in &looks {
                match (sighting, elsewhere) {
                    (Sighting::Flagged, _) => (read_here, bare) = (true, 0),
                    (Sighting::Bare, _) => bare += u32::from(read_here),
                    // within a day of a vain search nobody looks again
                    (Sighting::Gone, Some((_, flagged))) => (read_here, bare) = (*flagged, 0),
                    (Sighting::Gone, None) => bare = 0,
                }
                if bare == 2 {
                    expect = true;
                    break;
                }
            }
            let vain_then_found = looks.windows(2).any(|pair| {
                pair[0].1 == Sighting::Gone && pair[0].2.is_none() && pair[1].1 == Sighting::Gone && pair[1].2.is_some()
            });
            if vain_then_found {
                continue;
            }
            tried += 1;
            assert_eq!(run(false, &looks).0.is_some(), expect, "{looks:?}");
        }
        assert!(tried > 5_000);
    }
}
