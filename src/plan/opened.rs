//! What a look at the mail of an alert that awaits its acknowledgement means: \Seen, or gone from its place.

use super::answer::By;
use crate::mailbox::Place;
use jiff::{SignedDuration, Timestamp};

/// A mail that was not found anywhere is looked for again after so long: looking through folders costs the server.
const SEEK_AGAIN: SignedDuration = SignedDuration::from_secs(60);

/// What is known of the mail from earlier looks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reading {
    /// Where it lies, as far as is known.
    pub place: Option<Place>,
    /// It was read at this very place, under this UIDVALIDITY.
    pub read: bool,
    /// It was read without \Seen, here or where it lay before modori itself moved it. Only then can \Seen mean that
    /// somebody opened it: many mails are marked on arrival, by a rule or another program.
    pub unseen: bool,
    /// When it was last looked for in vain.
    pub sought_at: Option<Timestamp>,
}

/// What a look at the place found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sighting {
    /// The mail, without \Seen.
    Unseen,
    /// The mail, with it.
    Seen,
    /// The mail, marked for removal.
    Deleted,
    /// The folder as it was, without the mail.
    Missing,
    /// The folder is not there or was numbered anew, or no place is known: nothing is known of the mail.
    Nowhere,
}

/// What follows from a look.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Found {
    /// Nothing yet; this is known now.
    Keep(Reading),
    /// The mail is to be looked for by its key; [`Reading::sought`] takes the answer.
    Seek(Reading),
    /// The shopper has seen it.
    Answered(By),
}

impl Reading {
    /// What follows from a look `now`.
    #[must_use]
    pub fn look(&self, sighting: Sighting, now: Timestamp) -> Found {
        let here = Self { read: true, sought_at: None, ..self.clone() };
        match sighting {
            Sighting::Unseen => Found::Keep(Self { unseen: true, ..here }),
            Sighting::Seen if self.unseen => Found::Answered(By::Opened),
            Sighting::Seen => Found::Keep(here),
            // by another's hand: modori's own filing is over before anybody looks, and its target is another place
            Sighting::Deleted if self.read => Found::Answered(By::Moved),
            Sighting::Deleted | Sighting::Missing | Sighting::Nowhere => {
                let lately = |at: Timestamp| at <= now && now.duration_since(at) < SEEK_AGAIN;
                if self.sought_at.is_some_and(lately) { Found::Keep(self.clone()) } else { Found::Seek(self.clone()) }
            }
        }
    }

    /// What follows when the mail was looked for: where it lies now, if it was found. Gone from a place at which it was
    /// read, while the folder is the same, it was moved or removed by hand: whoever does that has seen it. A folder
    /// that was numbered anew or removed says nothing, and neither does a place at which it was never read.
    #[must_use]
    pub fn sought(&self, sighting: Sighting, found: Option<Place>, now: Timestamp) -> Found {
        if sighting == Sighting::Missing && self.read && found != self.place {
            return Found::Answered(By::Moved);
        }
        match found {
            // whoever put it there may have marked it: it must be read unseen there
            Some(place) if Some(&place) != self.place.as_ref() => {
                Found::Keep(Self { place: Some(place), read: false, unseen: false, sought_at: None })
            }
            _ => Found::Keep(Self { sought_at: Some(now), ..self.clone() }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_780_000_000 + second).unwrap()
    }

    fn place(mailbox: &str) -> Place {
        Place { account: "a".into(), mailbox: mailbox.into(), uid_validity: 1, uid: 7 }
    }

    fn fresh(mailbox: &str) -> Reading {
        Reading { place: Some(place(mailbox)), read: false, unseen: false, sought_at: None }
    }

    /// One look: second, what it found, and where the mail lies if it must be looked for.
    type Look = (i64, Sighting, Option<&'static str>);

    /// By what it was acknowledged, after how many looks, and how often the mail was looked for.
    fn run(looks: &[Look]) -> (Option<By>, usize, usize) {
        let mut reading = fresh("INBOX");
        let mut sought = 0;
        for (n, (second, sighting, elsewhere)) in looks.iter().enumerate() {
            let found = match reading.look(*sighting, at(*second)) {
                Found::Seek(before) => {
                    sought += 1;
                    before.sought(*sighting, elsewhere.map(place), at(*second))
                }
                found => found,
            };
            match found {
                Found::Keep(next) => reading = next,
                Found::Answered(by) => return (Some(by), n + 1, sought),
                Found::Seek(_) => panic!("looked for twice at once"),
            }
        }
        (None, looks.len(), sought)
    }

    #[test]
    fn seen_counts_only_after_unseen_and_gone_only_after_it_was_read_there() {
        use Sighting::{Deleted, Missing, Nowhere, Seen, Unseen};
        let cases: &[(&str, &[Look], Option<By>)] = &[
            ("never looked", &[], None),
            ("unread", &[(0, Unseen, None), (15, Unseen, None)], None),
            ("opened", &[(0, Unseen, None), (15, Seen, None)], Some(By::Opened)),
            ("marked on arrival", &[(0, Seen, None), (15, Seen, None), (600, Seen, None)], None),
            (
                "marked, unmarked by her, opened",
                &[(0, Seen, None), (15, Unseen, None), (30, Seen, None)],
                Some(By::Opened),
            ),
            ("moved by hand", &[(0, Unseen, None), (15, Missing, Some("Archive"))], Some(By::Moved)),
            ("removed by hand", &[(0, Unseen, None), (15, Missing, None)], Some(By::Moved)),
            ("marked for removal", &[(0, Unseen, None), (15, Deleted, None)], Some(By::Moved)),
            ("removed, marked on arrival", &[(0, Seen, None), (15, Missing, None)], Some(By::Moved)),
            ("never read, and gone", &[(0, Missing, None), (15, Missing, None), (90, Missing, None)], None),
            ("never read, and marked for removal", &[(0, Deleted, None), (15, Deleted, None)], None),
            ("never read, found elsewhere", &[(0, Missing, Some("x")), (15, Unseen, None)], None),
            ("found elsewhere, seen there", &[(0, Missing, Some("x")), (15, Seen, None)], None),
            (
                "found elsewhere, opened there",
                &[(0, Missing, Some("x")), (15, Unseen, None), (30, Seen, None)],
                Some(By::Opened),
            ),
            ("numbered anew", &[(0, Unseen, None), (15, Nowhere, None), (90, Nowhere, None)], None),
            ("numbered anew, seen there", &[(0, Unseen, None), (15, Nowhere, Some("x")), (30, Seen, None)], None),
            (
                "numbered anew, opened",
                &[(0, Unseen, None), (15, Nowhere, Some("x")), (30, Unseen, None), (45, Seen, None)],
                Some(By::Opened),
            ),
            ("a folder that answered wrongly", &[(0, Unseen, None), (15, Missing, Some("INBOX"))], None),
        ];
        for (name, looks, expect) in cases {
            assert_eq!(run(looks).0, *expect, "{name}");
        }
    }

    #[test]
    fn a_vanished_mail_is_looked_for_once_a_minute() {
        let looks: Vec<Look> = (0..9).map(|n| (n * 15, Sighting::Missing, None)).collect();
        assert_eq!(run(&looks), (None, 9, 3), "at 0, 60 and 120 seconds");
    }

    #[test]
    fn whatever_is_seen_nothing_is_concluded_from_a_mail_that_was_never_read_before() {
        let kinds: [Look; 7] = [
            (0, Sighting::Unseen, None),
            (0, Sighting::Seen, None),
            (0, Sighting::Deleted, None),
            (0, Sighting::Missing, None),
            (0, Sighting::Missing, Some("x")),
            (0, Sighting::Nowhere, None),
            (0, Sighting::Nowhere, Some("x")),
        ];
        for number in 0..7_usize.pow(4) {
            let looks: Vec<Look> = (0..4_u32)
                .map(|n| {
                    let (_, sighting, elsewhere) = kinds[number / 7_usize.pow(n) % 7];
                    (i64::from(n) * 60, sighting, elsewhere)
                })
                .collect();
            let (answered, after, _) = run(&looks);
            let before = &looks[..after.saturating_sub(1)];
            let read = |kinds: &[Sighting]| before.iter().any(|(_, sighting, _)| kinds.contains(sighting));
            match answered {
                Some(By::Opened) => assert!(read(&[Sighting::Unseen]), "{looks:?}"),
                Some(By::Moved) => assert!(read(&[Sighting::Unseen, Sighting::Seen]), "{looks:?}"),
                _ => {}
            }
        }
    }
}
