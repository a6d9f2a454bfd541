//! How long alerts took, in their stages and by channel.
//!
//! Only alerts about a mail that came while its mailbox was watched are measured; the others are counted beside them.

use jiff::Timestamp;
use std::collections::BTreeMap;

/// The row of whichever channel was the first to take each alert.
pub const FIRST: &str = "(first)";

/// How long one alert took.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Latency {
    /// First line of the alert.
    pub title: String,
    /// The name of what is told, the same on every channel.
    pub told: Option<String>,
    /// Channel.
    pub channel: String,
    /// When the server took the mail in (whole seconds on most servers).
    pub received: Option<Timestamp>,
    /// When modori had seen it, and had written down that it is to be told.
    pub seen: Timestamp,
    /// When the attempt that succeeded began.
    pub left: Timestamp,
    /// When the channel had accepted it.
    pub accepted: Timestamp,
    /// What it measures.
    pub way: Course,
    /// The channel's turn: 0, or which of the channels that are asked when none before took it.
    pub turn: u32,
    /// How many attempts it took.
    pub attempts: u32,
}

/// What an alert's time measures.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Course {
    /// Its mail came while its mailbox was watched: this is how fast modori is.
    Live,
    /// Its mail had come before its mailbox was watched (again), or was swept up.
    CaughtUp,
    /// It was kept back on purpose.
    KeptBack,
    /// It is about no mail: a reminder, a summary.
    NoMail,
}

impl Course {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Live, Self::CaughtUp, Self::KeptBack, Self::NoMail];

    /// As it is shown.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Live => "live",
            Self::CaughtUp => "caught-up",
            Self::KeptBack => "kept-back",
            Self::NoMail => "no-mail",
        }
    }
}

/// A stage of an alert's way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Stage {
    /// From the server's date to modori's having written down what it saw.
    Seen,
    /// From there to the first byte of the attempt that succeeded.
    Sent,
    /// From there to the channel's word that it took it.
    Accepted,
    /// From being seen to being taken: what modori and the channel take together.
    Told,
    /// From the server's date to being taken.
    Whole,
}

impl Stage {
    /// All of them, in the order of an alert's way.
    pub const ALL: [Self; 5] = [Self::Seen, Self::Sent, Self::Accepted, Self::Told, Self::Whole];

    /// As people read it.
    #[must_use]
    pub fn words(self) -> &'static str {
        match self {
            Self::Seen => "server's date → seen",
            Self::Sent => "seen → sent",
            Self::Accepted => "sent → accepted",
            Self::Told => "seen → accepted",
            Self::Whole => "server's date → accepted",
        }
    }

    /// As programs read it.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Seen => "received-seen",
            Self::Sent => "seen-sent",
            Self::Accepted => "sent-accepted",
            Self::Told => "seen-accepted",
            Self::Whole => "received-accepted",
        }
    }

    /// It begins with the server's date, which has whole seconds: what is measured is up to a second more than it was.
    #[must_use]
    pub fn is_coarse(self) -> bool {
        matches!(self, Self::Seen | Self::Whole)
    }

    /// Milliseconds.
    #[must_use]
    pub fn of(self, took: &Latency) -> Option<i64> {
        let ms =
            |from: Timestamp, to: Timestamp| i64::try_from(to.duration_since(from).as_millis()).unwrap_or(i64::MAX);
        Some(match self {
            Self::Seen => ms(took.received?, took.seen),
            Self::Sent => ms(took.seen, took.left),
            Self::Accepted => ms(took.left, took.accepted),
            Self::Told => ms(took.seen, took.accepted),
            Self::Whole => ms(took.received?, took.accepted),
        })
    }
}

/// Some times, sorted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Times(Vec<i64>);

impl Times {
    /// These, in milliseconds.
    #[must_use]
    pub fn of(mut ms: Vec<i64>) -> Self {
        ms.sort_unstable();
        Self(ms)
    }

    /// How many.
    #[must_use]
    pub fn count(&self) -> usize {
        self.0.len()
    }

    /// The shortest first.
    #[must_use]
    pub fn all(&self) -> &[i64] {
        &self.0
    }

    /// So many of a hundred took no longer (nearest rank): a time that really was measured.
    #[must_use]
    pub fn percent(&self, percent: usize) -> Option<i64> {
        let rank = (self.0.len() * percent).div_ceil(100).max(1);
        self.0.get(rank - 1).copied()
    }

    /// The longest.
    #[must_use]
    pub fn longest(&self) -> Option<i64> {
        self.0.last().copied()
    }
}

/// What was measured.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Measured {
    /// Only what was wished for since then.
    pub since: Option<Timestamp>,
    /// By channel and stage.
    pub live: BTreeMap<(String, Stage), Times>,
    /// From being seen to being taken, of alerts that are no measure of the watch.
    pub others: BTreeMap<Course, Times>,
    /// The longest time between the server's date and being seen, of those that were caught up with.
    pub latest: Option<i64>,
}

impl Measured {
    /// Sorts what alerts took by channel and stage.
    #[must_use]
    pub fn of(all: &[Latency], since: Option<Timestamp>) -> Self {
        let mut live: BTreeMap<(String, Stage), Vec<i64>> = BTreeMap::new();
        let mut first: BTreeMap<&str, &Latency> = BTreeMap::new();
        for took in all.iter().filter(|took| took.way == Course::Live) {
            for stage in Stage::ALL {
                live.entry((took.channel.clone(), stage)).or_default().extend(stage.of(took));
            }
            let Some(told) = took.told.as_deref() else { continue };
            let before = first.entry(told).or_insert(took);
            if took.accepted < before.accepted {
                *before = took;
            }
        }
        let channels = live.keys().map(|(channel, _)| channel).collect::<std::collections::BTreeSet<_>>().len();
        if channels > 1 {
            for stage in Stage::ALL {
                let times = first.values().filter_map(|took| stage.of(took)).collect();
                live.insert((FIRST.to_owned(), stage), times);
            }
        }
        let of_way = |way: Course| all.iter().filter(move |took| took.way == way);
        let others = Course::ALL.into_iter().filter(|way| *way != Course::Live);
        let others = others.map(|way| (way, Times::of(of_way(way).filter_map(|took| Stage::Told.of(took)).collect())));
        Self {
            since,
            live: live.into_iter().map(|(at, ms)| (at, Times::of(ms))).collect(),
            others: others.filter(|(_, times)| times.count() > 0).collect(),
            latest: of_way(Course::CaughtUp).filter_map(|took| Stage::Seen.of(took)).max(),
        }
    }
}

/// Upper ends of the steps in which times are drawn, in milliseconds, and their names. A last step holds what took longer.
pub const STEPS: [(i64, &str); 10] = [
    (1, "1 ms"),
    (3, "3 ms"),
    (10, "10 ms"),
    (30, "30 ms"),
    (100, "100 ms"),
    (300, "300 ms"),
    (1_000, "1 s"),
    (3_000, "3 s"),
    (10_000, "10 s"),
    (60_000, "1 min"),
];

impl Times {
    /// How many fall into each of [`STEPS`], and last how many took longer.
    #[must_use]
    pub fn steps(&self) -> Vec<usize> {
        let mut counts = vec![0; STEPS.len() + 1];
        for ms in &self.0 {
            let at = STEPS.iter().position(|(upper, _)| ms <= upper).unwrap_or(STEPS.len());
            if let Some(count) = counts.get_mut(at) {
                *count += 1;
            }
        }
        counts
    }
}

/// A length of time in few characters: `12 ms`, `1.2 s`, `5 min`, `3 h`.
#[must_use]
pub fn long(ms: i64) -> String {
    match ms {
        ..1_000 => format!("{ms} ms"),
        1_000..60_000 => format!("{}.{} s", ms / 1_000, ms % 1_000 / 100),
        60_000..7_200_000 => format!("{} min", ms / 60_000),
        _ => format!("{} h", ms / 3_600_000),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_times_that_were_measured() {
        let times = |ms: &[i64]| Times::of(ms.to_vec());
        let of = |times: &Times| (times.percent(50), times.percent(95), times.longest());
        assert_eq!(of(&times(&[])), (None, None, None));
        assert_eq!(of(&times(&[7])), (Some(7), Some(7), Some(7)));
        assert_eq!(of(&times(&[30, 10, 20])), (Some(20), Some(30), Some(30)));
        let hundred: Vec<i64> = (1..=100).collect();
        assert_eq!(of(&times(&hundred)), (Some(50), Some(95), Some(100)));
    }

    #[test]
    fn every_time_falls_into_one_step() {
        let times = Times::of(vec![i64::MIN, -5, 0, 1, 2, 10, 11, 60_000, 60_001, i64::MAX]);
        assert_eq!(times.steps(), [4, 1, 1, 1, 0, 0, 0, 0, 0, 1, 2]);
        assert_eq!(times.steps().iter().sum::<usize>(), times.count());
        assert_eq!(Times::of(vec![]).steps(), [0; 11]);
    }

    #[test]
    fn lengths_of_time_are_short() {
        for (ms, shown) in [(-3, "-3 ms"), (999, "999 ms"), (1_250, "1.2 s"), (90_000, "1 min"), (9_000_000, "2 h")] {
            assert_eq!(long(ms), shown);
        }
    }
}
