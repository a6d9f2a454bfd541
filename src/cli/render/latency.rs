//! Draws how long alerts took: a table, bars for the terminal, and a picture.

use super::{DIM, count, one_line, table};
use crate::cli::report::{FIRST, Measured, Stage, Times};
use crate::edge::store::Course;
use std::fmt::Write as _;

/// Upper ends of the bars, in milliseconds, and their names. A last bar holds what took longer.
const STEPS: [(i64, &str); 10] = [
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

/// How many fall into each step.
fn steps(times: &Times) -> Vec<(&'static str, usize)> {
    let mut below = i64::MIN;
    let mut all = Vec::new();
    for (upper, name) in STEPS {
        all.push((name, times.all().iter().filter(|ms| **ms > below && **ms <= upper).count()));
        below = upper;
    }
    all.push((LONGER, times.all().iter().filter(|ms| **ms > below).count()));
    all
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

/// A length of time in few characters.
fn long(ms: i64) -> String {
    match ms {
        ..1_000 => format!("{ms} ms"),
        1_000..60_000 => format!("{}.{} s", ms / 1_000, ms % 1_000 / 100),
        60_000..7_200_000 => format!("{} min", ms / 60_000),
        _ => format!("{} h", ms / 3_600_000),
    }
}

/// Heights and widths of the picture, in its own units.
const BAR: usize = 46;
const PANEL: usize = 150;
const LEFT: usize = 16;

/// A picture that stands alone: one panel of bars a channel, from seen to accepted. Nothing in it is fetched from
/// elsewhere, and it takes the colour of the text around it.
pub(in crate::cli) fn svg(measured: &Measured) -> String {
    let panels: Vec<(&str, &Times)> = told(measured).collect();
    let width = LEFT * 2 + BAR * (STEPS.len() + 1);
    let height = (PANEL * panels.len()).max(60) + 40;
    let mut out = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" role=\"img\" \
         font-family=\"sans-serif\" font-size=\"11\" fill=\"currentColor\">\n\
         <title>modori: from seeing a mail to the channel's word that it took the alert</title>\n"
    );
    if panels.is_empty() {
        let _ =
            writeln!(out, "<text x=\"{LEFT}\" y=\"30\">no alert about a mail that came while modori watched</text>");
    }
    for (n, (channel, times)) in panels.iter().enumerate() {
        let (top, base) = (n * PANEL, n * PANEL + 118);
        let figures = [(50, "p50"), (95, "p95")]
            .map(|(percent, name)| format!("{name} {}", times.percent(percent).map(long).unwrap_or_default()));
        let _ = writeln!(out, "<text x=\"{LEFT}\" y=\"{}\" font-weight=\"bold\">{}</text>", top + 18, escaped(channel));
        let longest = times.longest().map(long).unwrap_or_default();
        let _ = writeln!(
            out,
            "<text x=\"{}\" y=\"{}\" text-anchor=\"end\">{}, {}, longest {longest}</text>",
            width - LEFT,
            top + 18,
            count(times.count(), "alert"),
            figures.join(", ")
        );
        let steps = steps(times);
        let most = steps.iter().map(|(_, count)| *count).max().unwrap_or(0).max(1);
        for (at, (name, number)) in steps.iter().enumerate() {
            let x = LEFT + at * BAR;
            let tall = (number * 70 / most).max(usize::from(*number > 0));
            let _ = writeln!(
                out,
                "<rect x=\"{}\" y=\"{}\" width=\"{}\" height=\"{tall}\" opacity=\"0.7\"/>",
                x + 3,
                base - tall,
                BAR - 6
            );
            if *number > 0 {
                let _ = writeln!(
                    out,
                    "<text x=\"{}\" y=\"{}\" text-anchor=\"middle\">{number}</text>",
                    x + BAR / 2,
                    base - tall - 4
                );
            }
            let up_to = if *name == LONGER { "" } else { "≤ " };
            let _ = writeln!(
                out,
                "<text x=\"{}\" y=\"{}\" text-anchor=\"middle\">{up_to}{name}</text>",
                x + BAR / 2,
                base + 14
            );
        }
    }
    let _ = writeln!(
        out,
        "<text x=\"{LEFT}\" y=\"{}\">Alerts about mail that came while modori watched; both ends by modori's own clock.</text>\n</svg>",
        height - 14
    );
    out
}

fn escaped(text: &str) -> String {
    one_line(text).replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_cannot_write_into_the_picture() {
        assert_eq!(escaped("<script>\"&\n"), "&lt;script&gt;&quot;&amp;");
    }

    #[test]
    fn lengths_of_time_are_short() {
        for (ms, shown) in [(-3, "-3 ms"), (999, "999 ms"), (1_250, "1.2 s"), (90_000, "1 min"), (9_000_000, "2 h")] {
            assert_eq!(long(ms), shown);
        }
    }
}
