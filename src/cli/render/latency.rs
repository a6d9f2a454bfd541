//! Draws how long alerts took: a table, bars for the terminal, and a picture.

use super::{DIM, count, one_line, table};
use crate::chart::{self, Bar, Panel, Picture};
use crate::review::latency::{Course, FIRST, Measured, STEPS, Stage, Times, long};
use std::fmt::Write as _;

const LONGER: &str = "longer";
/// The longest bar, in characters.
const WIDTH: usize = 40;

/// Everything for a terminal.
pub(in crate::cli) fn text(measured: &Measured) -> String {
    let mut out = String::new();
    if measured.live.is_empty() {
        let _ = writeln!(out, "no alert about a mail that came while modori watched");
    } else {
        let mut table = table(&["channel", "stage", "alerts", "p50", "p95", "longest"]);
        for ((channel, stage), times) in &measured.live {
            let up_to = if stage.is_coarse() { "≤ " } else { "" };
            let shown = |ms: Option<i64>| ms.map_or_else(|| "-".to_owned(), |ms| format!("{up_to}{}", long(ms)));
            let name = if *stage == Stage::Seen { one_line(channel) } else { String::new() };
            table.add_row([
                name,
                stage.words().to_owned(),
                times.count().to_string(),
                shown(times.percent(50)),
                shown(times.percent(95)),
                shown(times.longest()),
            ]);
        }
        let _ = writeln!(out, "{table}");
        for (channel, times) in told(measured) {
            let _ = writeln!(out, "\n{}: seen to accepted", one_line(channel));
            out.push_str(&bars(times));
        }
        let _ = writeln!(
            out,
            "\n{DIM}≤: the server's date has whole seconds, so what begins with it took up to a second less than is shown.{DIM:#}"
        );
        if measured.live.keys().any(|(channel, _)| channel == FIRST) {
            let _ = writeln!(out, "{DIM}{FIRST}: by whichever channel took each alert first.{DIM:#}");
        }
    }
    for (way, times) in &measured.others {
        let what = match way {
            Course::Live => continue,
            Course::CaughtUp => "about mail that had come before (caught up with, or swept)",
            Course::KeptBack => "kept back on purpose (quiet hours, too many, late)",
            Course::NoMail => "about no mail (reminders, summaries)",
        };
        let longest = times.longest().map(long).unwrap_or_default();
        let _ = writeln!(out, "not measured: {} {what}; the longest from seen to accepted: {longest}", times.count());
    }
    if let Some(latest) = measured.latest {
        let _ = writeln!(out, "of mail that was caught up with, the oldest had lain there for {}", long(latest));
    }
    out.trim_end().to_owned()
}

fn told(measured: &Measured) -> impl Iterator<Item = (&str, &Times)> {
    let told = measured.live.iter().filter(|((_, stage), _)| *stage == Stage::Told);
    told.map(|((channel, _), times)| (channel.as_str(), times))
}

/// The steps with their names, and how many times fall into each.
fn steps(times: &Times) -> Vec<(&'static str, usize)> {
    STEPS.iter().map(|(_, name)| *name).chain([LONGER]).zip(times.steps()).collect()
}

fn bars(times: &Times) -> String {
    let steps = steps(times);
    let most = steps.iter().map(|(_, count)| *count).max().unwrap_or(0).max(1);
    let shown = |(_, number): &&(&str, usize)| *number > 0;
    let first = steps.iter().position(|step| shown(&step)).unwrap_or(0);
    let last = steps.iter().rposition(|step| shown(&step)).unwrap_or(0);
    let mut out = String::new();
    for (name, count) in steps.iter().take(last + 1).skip(first) {
        // a single one is seen, too
        let bar = "█".repeat((count * WIDTH / most).max(usize::from(*count > 0)));
        let up_to = if *name == LONGER { "" } else { "≤ " };
        let _ = writeln!(out, "  {:>9} {bar} {count}", format!("{up_to}{name}"));
    }
    out
}

/// A picture that stands alone: one panel of bars a channel, from seen to accepted. Nothing in it is fetched from
/// elsewhere, and it takes the colour of the text around it.
pub(in crate::cli) fn svg(measured: &Measured) -> String {
    let panel = |(channel, times): (&str, &Times)| {
        let shown = |ms: Option<i64>| ms.map(long).unwrap_or_default();
        let bars = steps(times).into_iter().map(|(name, number)| {
            let up_to = if name == LONGER { "" } else { "≤ " };
            Bar::new(format!("{up_to}{name}"), u64::try_from(number).unwrap_or(u64::MAX))
        });
        Panel {
            title: one_line(channel),
            note: format!(
                "{}, p50 {}, p95 {}, longest {}",
                count(times.count(), "alert"),
                shown(times.percent(50)),
                shown(times.percent(95)),
                shown(times.longest())
            ),
            bars: bars.collect(),
        }
    };
    chart::picture(&Picture {
        id: "latency".to_owned(),
        title: "modori: from seeing a mail to the channel's word that it took the alert".to_owned(),
        about: "One panel a channel; bars count the alerts that took no longer than each step.".to_owned(),
        nothing: "no alert about a mail that came while modori watched".to_owned(),
        foot: "Alerts about mail that came while modori watched; both ends by modori's own clock.".to_owned(),
        panels: told(measured).map(panel).collect(),
    })
}
