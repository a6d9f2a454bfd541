//! How far a long reading is: a bar on a terminal, elsewhere a plain line now and then.

use indicatif::{ProgressBar, ProgressStyle};
use std::io::IsTerminal as _;
use std::time::{Duration, Instant};

/// Between two plain lines lie so many mails and a tenth of the whole ...
const MAILS: usize = 1000;
/// ... or so much time.
const TIME: Duration = Duration::from_secs(30);

/// See the module.
pub(super) struct Progress {
    bar: ProgressBar,
    plain: bool,
    unit: &'static str,
    all: u64,
    /// What was done before this run: it says nothing about the rate.
    passed: u64,
    begun: Instant,
    line: Line,
}

/// The last plain line.
struct Line {
    at: Instant,
    tenth: u64,
    mails: usize,
}

impl Progress {
    /// Of so many of this unit.
    pub(super) fn new(unit: &'static str, all: u64) -> Self {
        let template = match unit {
            "bytes" => "{bar:30} {percent}%  {bytes}/{total_bytes}  {msg}",
            _ => "{bar:30} {percent}%  {pos}/{len}  {msg}",
        };
        let bar = ProgressBar::new(all);
        bar.set_style(ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar()));
        let begun = Instant::now();
        let plain = !std::io::stderr().is_terminal();
        Self { bar, plain, unit, all, passed: 0, begun, line: Line { at: begun, tenth: 0, mails: 0 } }
    }

    /// So much is done, and so many mails were seen.
    pub(super) fn at(&mut self, done: u64, mails: usize) {
        self.bar.set_position(done);
        if self.plain {
            let tenth = done.saturating_mul(10) / self.all.max(1);
            let far = tenth > self.line.tenth && mails.saturating_sub(self.line.mails) >= MAILS;
            if far || self.line.at.elapsed() >= TIME {
                self.line = Line { at: Instant::now(), tenth, mails };
                let percent = done.saturating_mul(100) / self.all.max(1);
                anstream::eprintln!("{percent} %: {}", self.words(done, mails));
            }
        } else {
            self.bar.set_message(self.words(done, mails));
        }
    }

    /// So much was done by an earlier run.
    pub(super) fn pass(&mut self, done: u64) {
        self.passed = self.passed.saturating_add(done.saturating_sub(self.bar.position()));
        self.bar.set_position(done);
    }

    /// How many there are in all is known by now.
    pub(super) fn of(&mut self, all: u64) {
        self.all = all;
        self.bar.set_length(all);
    }

    /// Another folder begins.
    pub(super) fn anew(&mut self) {
        self.bar.set_position(0);
        (self.passed, self.begun) = (0, Instant::now());
        self.line = Line { at: self.begun, tenth: 0, mails: 0 };
    }

    /// Says something beside the bar.
    pub(super) fn beside(&self, say: impl FnOnce()) {
        self.bar.suspend(say);
    }

    /// Takes the bar away.
    pub(super) fn done(&self) {
        self.bar.finish_and_clear();
    }

    fn words(&self, done: u64, mails: usize) -> String {
        let ran = self.begun.elapsed().as_secs_f64().max(0.001);
        #[allow(clippy::cast_precision_loss)] // a rate for people
        let (mails_s, work, left) =
            (mails as f64 / ran, done.saturating_sub(self.passed) as f64, self.all.saturating_sub(done) as f64);
        let of = if self.unit == "bytes" { "" } else { " in this folder" };
        let left = if work > 0.0 { span(ran * left / work) } else { "?".to_owned() };
        format!("{mails} mails{of}, {mails_s:.0}/s, {left} left")
    }
}

fn span(seconds: f64) -> String {
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // a guess for people
    let seconds = seconds.clamp(0.0, 359_999.0).ceil() as u64;
    match seconds {
        0..60 => format!("{seconds} s"),
        60..3600 => format!("{} min {} s", seconds / 60, seconds % 60),
        _ => format!("{} h {} min", seconds / 3600, seconds % 3600 / 60),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_time_left_is_told_as_people_do() {
        for (seconds, told) in [(0.0, "0 s"), (59.2, "1 min 0 s"), (61.0, "1 min 1 s"), (7260.0, "2 h 1 min")] {
            assert_eq!(span(seconds), told);
        }
    }
}
