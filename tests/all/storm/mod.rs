//! Storms: the program against a server, a disk, a phone and a clock that go wrong by a seeded schedule, and an oracle
//! that checks at the end that nothing was lost and nothing doubled. A seed is one storm and repeats exactly:
//! `SEED=123 cargo test --test all storm -- --nocapture` runs just that one and prints all that happened.

mod mails;
mod oracle;
mod phone;
mod run;
mod schedule;
mod weather;
mod wire;
mod world;

use modori::planted::Bug;
use run::{Planted, Storm, run};
use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use weather::Struck;

/// Storms in every run of the tests.
const STORMS: u64 = 2000;
/// The first seed of the long run, unless `FROM` names another.
const FROM: u64 = 1_000_000;
/// A long run tells after so many storms how it goes.
const TELL_EVERY: u64 = 5000;
/// Each kind of fault strikes at least so often in them.
const LEAST: u64 = 50;

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok().map(|text| text.parse().unwrap_or_else(|_| panic!("{name}={text} is not a number")))
}

fn seed() -> Option<u64> {
    number("SEED")
}

/// Runs storms on all cores; `each` sees every one and says whether to go on.
fn rage(seeds: std::ops::Range<u64>, planted: Option<Planted>, each: impl Fn(Storm) -> bool + Sync) {
    let next = AtomicU64::new(seeds.start);
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= seeds.end {
                        return;
                    }
                    let storm = std::panic::catch_unwind(|| run(seed, planted));
                    let storm = storm.unwrap_or_else(|_| panic!("the program panicked: {}", again(seed)));
                    if !each(storm) {
                        next.store(seeds.end, Ordering::Relaxed);
                    }
                }
            });
        }
    });
}

fn again(seed: u64) -> String {
    format!("SEED={seed} cargo test --test all storm -- --nocapture")
}

#[derive(Default)]
struct Total {
    storms: u64,
    struck: Struck,
    wrong: Vec<String>,
    lives: usize,
    mails: usize,
    hours: f64,
    wake_ups: usize,
    given_up: usize,
}

impl Total {
    fn add(&mut self, storm: Storm) {
        self.storms += 1;
        for (what, count) in storm.struck {
            *self.struck.entry(what).or_default() += count;
        }
        if !storm.wrong.is_empty() {
            let wrong = format!("{}\n    {}", again(storm.seed), storm.wrong.join("\n    "));
            println!("{wrong}");
            self.wrong.push(wrong);
        }
        if self.storms.is_multiple_of(TELL_EVERY) {
            println!("{} storms, {} went wrong", self.storms, self.wrong.len());
        }
        self.lives += storm.lives;
        self.mails += storm.mails;
        self.hours += storm.seconds as f64 / 3600.0;
        self.wake_ups += storm.wake_ups;
        self.given_up += storm.given_up.len();
    }

    fn print(&self) {
        println!(
            "{} storms, {} mails, {} lives of the program, {:.0} hours, {} wake-ups, {} filings given up",
            self.storms, self.mails, self.lives, self.hours, self.wake_ups, self.given_up
        );
        for (what, count) in &self.struck {
            println!("{count:>9}  {what}");
        }
    }
}

fn storms(from: u64, count: u64) -> Total {
    let total = Mutex::new(Total::default());
    rage(from..from + count, None, |storm| {
        let mut total = total.lock().unwrap();
        total.add(storm);
        total.wrong.len() < 20
    });
    let total = total.into_inner().unwrap();
    total.print();
    assert!(total.wrong.is_empty(), "{} storms went wrong:\n{}", total.wrong.len(), total.wrong.join("\n"));
    total
}

#[test]
fn no_storm_loses_or_doubles_anything() {
    if let Some(seed) = seed() {
        let storm = run(seed, None);
        println!("{:#?}", storm.schedule);
        storm.trace.iter().for_each(|line| println!("{line}"));
        assert!(storm.wrong.is_empty(), "seed {seed}: {:#?}", storm.wrong);
        return;
    }
    let total = storms(0, number("STORMS").unwrap_or(STORMS));
    if total.storms >= STORMS {
        let rare: Vec<_> = total.struck.iter().filter(|(_, count)| **count < LEAST).collect();
        assert!(rare.is_empty(), "these struck too rarely: {rare:?}");
    }
}

#[test]
#[ignore = "long: a hundred thousand storms, run by scripts/test-long"]
fn a_hundred_thousand_storms() {
    storms(number("FROM").unwrap_or(FROM), number("STORMS").unwrap_or(100_000));
}

#[test]
fn a_seed_repeats_exactly() {
    for seed in [3, 7, 11, 19, 42, 1234] {
        let (one, other) = (run(seed, None), run(seed, None));
        assert!(one.trace.len() > 20, "seed {seed} has no story");
        let differs = one.trace.iter().zip(&other.trace).position(|(a, b)| a != b);
        assert_eq!(differs.map(|at| (&one.trace[at], &other.trace[at])), None, "seed {seed}");
        assert_eq!(one.trace.len(), other.trace.len(), "seed {seed}");
        assert_eq!(one.struck, other.struck, "seed {seed}");
    }
}

#[test]
fn every_planted_bug_is_caught() {
    if seed().is_some() {
        return;
    }
    let bugs = [
        Planted::Bug(Bug::CursorBeforeCommit),
        Planted::Bug(Bug::ExistsLost),
        Planted::Bug(Bug::NoReadAsEmpty),
        Planted::Bug(Bug::CopyRepeated),
        Planted::Bug(Bug::AlertNotRecovered),
        Planted::UnscopedExpunge,
    ];
    for bug in bugs {
        let caught: Mutex<BTreeMap<u64, Vec<String>>> = Mutex::default();
        rage(0..STORMS, Some(bug), |storm| {
            let fine = storm.wrong.is_empty();
            if !fine {
                caught.lock().unwrap().insert(storm.seed, storm.wrong);
            }
            fine
        });
        let caught = caught.into_inner().unwrap();
        let (seed, wrong) = caught.first_key_value().unwrap_or_else(|| panic!("{bug:?} was not caught"));
        println!("{bug:?}: caught by seed {seed}: {}", wrong.join("; "));
    }
}
