//! Millions of bent inputs: no panic, no hang, no memory beyond a bound. `cargo bench --bench mutated -- INPUTS [FIRST]`

#![allow(clippy::unwrap_used, clippy::indexing_slicing, unreachable_pub, dead_code)]

#[path = "../tests/all/support/mutate.rs"]
mod mutate;
#[path = "../tests/all/support/probe.rs"]
mod probe;

use peak_alloc::PeakAlloc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

#[global_allocator]
static MEMORY: PeakAlloc = PeakAlloc;

/// The seed that is being run: what a hang or an abort is told with.
static RUNNING: AtomicU64 = AtomicU64::new(0);
/// Longest time of one input; far above what a slow machine needs.
const LONGEST: Duration = Duration::from_secs(10);
/// Memory beside the rule set: eight times the input and this.
const SPARE: usize = 4 << 20;

fn main() {
    let numbers: Vec<u64> = std::env::args().filter_map(|argument| argument.parse().ok()).collect();
    let (inputs, first) = (numbers.first().copied().unwrap_or(20_000), numbers.get(1).copied().unwrap_or(1 << 32));
    let samples = probe::Samples::load();
    std::thread::spawn(watch);
    std::panic::set_hook(Box::new(|panic| {
        eprintln!("seed {}: {panic}", RUNNING.load(Ordering::Relaxed));
        std::process::exit(1);
    }));
    // regexes and tables that are made once are nobody's memory
    (0..2_000).for_each(|seed| {
        probe::run(&samples, seed);
    });
    // a rule file is compiled together with all shipped rules: what those take is no one's input
    let before = MEMORY.current_usage();
    MEMORY.reset_peak_usage();
    std::hint::black_box(modori::rules::check(&[]));
    let shipped = MEMORY.peak_usage().saturating_sub(before);
    println!("the shipped rules alone take {} KiB to compile and try", shipped / 1024);
    let begun = Instant::now();
    let (mut most, mut slowest, mut over) = ((0, 0), (Duration::ZERO, 0), 0u64);
    let mut done = 0;
    // seven of eight rule files are left out, or nothing else would be run
    for seed in (first..).filter(|seed| !probe::is_rule_file(*seed) || seed.is_multiple_of(8)) {
        if done == inputs {
            break;
        }
        RUNNING.store(seed, Ordering::Relaxed);
        let before = MEMORY.current_usage();
        MEMORY.reset_peak_usage();
        let started = Instant::now();
        let length = probe::run(&samples, seed);
        let took = started.elapsed();
        let used = MEMORY.peak_usage().saturating_sub(before);
        let fixed = if probe::is_rule_file(seed) { shipped } else { 0 };
        if used > 8 * length + SPARE + fixed {
            over += 1;
            eprintln!("seed {seed}: {used} bytes of memory for {length} bytes of input");
        }
        most = most.max((used, seed));
        slowest = slowest.max((took, seed));
        done += 1;
        if done.is_multiple_of(500_000) {
            eprintln!("{done} inputs, {} s", begun.elapsed().as_secs());
        }
    }
    println!(
        "{inputs} inputs from seed {first} in {} s: no panic, no hang, {over} above the memory bound; most memory {} KiB (seed {}), slowest {} ms (seed {})",
        begun.elapsed().as_secs(),
        most.0 / 1024,
        most.1,
        slowest.0.as_millis(),
        slowest.1
    );
    if over > 0 {
        std::process::exit(1);
    }
}

/// Ends the run when one input takes too long.
fn watch() {
    let (mut last, mut since) = (u64::MAX, Instant::now());
    loop {
        std::thread::sleep(Duration::from_millis(500));
        let now = RUNNING.load(Ordering::Relaxed);
        if now != last {
            (last, since) = (now, Instant::now());
        } else if since.elapsed() > LONGEST {
            eprintln!("seed {now}: still running after {} s", LONGEST.as_secs());
            std::process::exit(1);
        }
    }
}
