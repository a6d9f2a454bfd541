//! `modori report`: what the records tell. Reads the database only.
//!
//! `latency`: how long alerts took, in their stages and by channel. Only alerts about a mail that came while its mailbox
//! was watched are measured; the others are counted beside them.

use super::args::{Latency, Report, ReportFormat};
use super::{Failure, diff, render, setup};
use crate::calendar::rfc3339;
use crate::edge::store::{Course, Db, Latency as Took, StoreError};
use jiff::Timestamp;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::path::Path;

/// The row of whichever channel was the first to take each alert.
pub(super) const FIRST: &str = "(first)";

/// Prints a report.
pub(super) fn run(report: &Report, config: Option<&Path>, state: Option<&Path>) -> Result<(), Failure> {
    match report {
        Report::Latency(latency) => self::latency(latency, config, state),
    }
}

fn latency(arguments: &Latency, config: Option<&Path>, state: Option<&Path>) -> Result<(), Failure> {
    let since = arguments.since.as_deref().map(|since| diff::instant(since, false)).transpose()?;
    let (folder, _) = setup::state(state, config)?;
    let failed = |error: StoreError| Failure::new(error.to_string());
    let all = match Db::open_to_read(&folder) {
        Ok(db) => db.latencies_since(since).map_err(failed)?,
        Err(StoreError::Missing { .. }) => Vec::new(),
        Err(error) => return Err(failed(error)),
    };
    let measured = Measured::of(&all, since);
    if let Some(file) = &arguments.svg {
        let drawn = render::latency::svg(&measured);
        std::fs::write(file, drawn)
            .map_err(|error| Failure::new(format!("cannot write {}: {error}", file.display())))?;
    }
    match arguments.format {
        ReportFormat::Table => anstream::println!("{}", render::latency::text(&measured)),
        ReportFormat::Json => anstream::println!("{}", sheet(&measured)),
        ReportFormat::Csv => anstream::print!("{}", csv(&measured)),
    }
    Ok(())
}

/// A stage of an alert's way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Stage {
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
    pub(super) const ALL: [Self; 5] = [Self::Seen, Self::Sent, Self::Accepted, Self::Told, Self::Whole];

    pub(super) fn words(self) -> &'static str {
        match self {
            Self::Seen => "server's date → seen",
            Self::Sent => "seen → sent",
            Self::Accepted => "sent → accepted",
            Self::Told => "seen → accepted",
            Self::Whole => "server's date → accepted",
        }
    }

    fn word(self) -> &'static str {
        match self {
            Self::Seen => "received-seen",
            Self::Sent => "seen-sent",
            Self::Accepted => "sent-accepted",
            Self::Told => "seen-accepted",
            Self::Whole => "received-accepted",
        }
    }

    /// It begins with the server's date, which has whole seconds: what is measured is up to a second more than it was.
    pub(super) fn is_coarse(self) -> bool {
        matches!(self, Self::Seen | Self::Whole)
    }

    /// Milliseconds.
    fn of(self, took: &Took) -> Option<i64> {
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
pub(super) struct Times(Vec<i64>);

impl Times {
    fn of(mut ms: Vec<i64>) -> Self {
        ms.sort_unstable();
        Self(ms)
    }

    pub(super) fn count(&self) -> usize {
        self.0.len()
    }

    pub(super) fn all(&self) -> &[i64] {
        &self.0
    }

    /// So many of a hundred took no longer (nearest rank): a time that really was measured.
    pub(super) fn percent(&self, percent: usize) -> Option<i64> {
        let rank = (self.0.len() * percent).div_ceil(100).max(1);
        self.0.get(rank - 1).copied()
    }

    pub(super) fn longest(&self) -> Option<i64> {
        self.0.last().copied()
    }
}

/// What was measured.
pub(super) struct Measured {
    pub(super) since: Option<Timestamp>,
    /// By channel and stage.
    pub(super) live: BTreeMap<(String, Stage), Times>,
    /// From being seen to being taken, of alerts that are no measure of the watch.
    pub(super) others: BTreeMap<Course, Times>,
    /// The longest time between the server's date and being seen, of those that were caught up with.
    pub(super) latest: Option<i64>,
}

impl Measured {
    pub(super) fn of(all: &[Took], since: Option<Timestamp>) -> Self {
        let mut live: BTreeMap<(String, Stage), Vec<i64>> = BTreeMap::new();
        let mut first: BTreeMap<&str, &Took> = BTreeMap::new();
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

fn sheet(measured: &Measured) -> Value {
    let row = |((channel, stage), times): (&(String, Stage), &Times)| {
        json!({
            "channel": channel,
            "stage": stage.word(),
            "count": times.count(),
            "p50_ms": times.percent(50),
            "p95_ms": times.percent(95),
            "longest_ms": times.longest(),
            "begins_with_whole_seconds": stage.is_coarse(),
        })
    };
    let other = |(way, times): (&Course, &Times)| {
        json!({
            "what": way.word(),
            "count": times.count(),
            "seen_accepted_p50_ms": times.percent(50),
            "seen_accepted_longest_ms": times.longest(),
        })
    };
    json!({
        "version": 1,
        "since": measured.since.map(rfc3339),
        "live": measured.live.iter().map(row).collect::<Vec<_>>(),
        "not_measured": measured.others.iter().map(other).collect::<Vec<_>>(),
        "caught_up_longest_received_seen_ms": measured.latest,
    })
}

fn csv(measured: &Measured) -> String {
    let mut out = String::from("channel,stage,count,p50_ms,p95_ms,longest_ms\r\n");
    let number = |ms: Option<i64>| ms.map(|ms| ms.to_string()).unwrap_or_default();
    for ((channel, stage), times) in &measured.live {
        let cells = [
            super::spreadsheet::cell(channel),
            stage.word().to_owned(),
            times.count().to_string(),
            number(times.percent(50)),
            number(times.percent(95)),
            number(times.longest()),
        ];
        out.push_str(&cells.join(","));
        out.push_str("\r\n");
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(ms: i64) -> Timestamp {
        Timestamp::from_millisecond(1_780_000_000_000 + ms).unwrap()
    }

    fn took(told: &str, channel: &str, way: Course, seen: i64, left: i64, accepted: i64) -> Took {
        Took {
            title: "x".into(),
            told: Some(told.into()),
            channel: channel.into(),
            received: (way != Course::NoMail).then(|| at(0)),
            seen: at(seen),
            left: at(left),
            accepted: at(accepted),
            way,
            turn: 0,
            attempts: 1,
        }
    }

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
    fn only_what_came_while_it_was_watched_is_measured() {
        let all = [
            took("a", "phone", Course::Live, 400, 402, 450),
            took("a", "mail", Course::Live, 400, 401, 1400),
            took("b", "mail", Course::Live, 700, 720, 730),
            took("c", "phone", Course::CaughtUp, 3_600_000, 3_600_001, 3_600_002),
            took("d", "phone", Course::NoMail, 0, 1, 9),
        ];
        let measured = Measured::of(&all, None);
        let times = |channel: &str, stage| measured.live[&(channel.to_owned(), stage)].all().to_vec();
        assert_eq!(times("phone", Stage::Told), [50]);
        assert_eq!(times("mail", Stage::Whole), [730, 1400]);
        assert_eq!(times(FIRST, Stage::Told), [30, 50], "the first that took each");
        assert_eq!(times("mail", Stage::Sent), [1, 20]);
        assert_eq!((measured.others.len(), measured.latest), (2, Some(3_600_000)));
        assert!(csv(&measured).contains("phone,seen-accepted,1,50,50,50\r\n"));
        assert_eq!(sheet(&measured)["not_measured"][0]["what"], "caught-up");
        let shown = render::latency::text(&measured);
        assert!(shown.contains("whole seconds") && shown.contains("caught up with"), "{shown}");
        let svg = render::latency::svg(&measured);
        assert!(svg.starts_with("<svg ") && svg.contains(">phone</text>") && !svg.contains("href"), "{svg}");
    }
}
