//! `modori report`: what the records tell. Reads the database only. Of a month: [`super::month`].
//!
//! `latency`: how long alerts took, in their stages and by channel. Only alerts about a mail that came while its mailbox
//! was watched are measured; the others are counted beside them.

use super::args::{Latency, Report, ReportFormat};
use super::{Failure, diff, render, setup};
use crate::calendar::rfc3339;
use crate::edge::store::{Db, StoreError};
use crate::review::latency::{Course, Measured, Stage, Times};
use serde_json::{Value, json};
use std::path::Path;

/// Prints a report.
pub(super) fn run(report: &Report, config: Option<&Path>, state: Option<&Path>) -> Result<(), Failure> {
    match report {
        Report::Latency(latency) => self::latency(latency, config, state),
        Report::Month(month) => super::month::run(month, config, state),
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
    use crate::review::latency::{FIRST, Latency as Took};
    use jiff::Timestamp;

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
