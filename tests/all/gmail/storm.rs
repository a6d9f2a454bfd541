//! Random trouble on Gmail: each seed is one run, drawn from it and nothing else, and repeats command for command.

use super::world::{ALL, EACH, KEEP, RESTOCK, STARRED, Watched, World, in_time};
use modori::demo::{Fault, Server};
use std::time::Duration;

/// In every run of the tests; `GMAIL_STORMS` asks for more.
const SEEDS: u64 = 50;

/// Numbers from a seed (xorshift64*, Vigna 2016).
struct Chance(u64);

impl Chance {
    fn below(&mut self, n: u64) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) % n
    }

    fn one_of<'a, T>(&mut self, all: &'a [T]) -> &'a T {
        &all[usize::try_from(self.below(all.len() as u64)).unwrap()]
    }
}

fn trouble(server: &Server, chance: &mut Chance) {
    let command =
        *chance.one_of(&["MOVE", "COPY", "STORE", "FETCH", "SEARCH", "SELECT", "EXAMINE", "LIST", "IDLE", "*"]);
    let fault = match chance.below(12) {
        0 => Fault::Cut,
        1..=3 => Fault::LoseAnswer,
        4 => Fault::Refuse("[UNAVAILABLE] not now".to_owned()),
        5 => Fault::Double,
        6 => Fault::Withhold,
        7 => Fault::Bye,
        8 => Fault::Hang,
        9 => Fault::Mute,
        10 => Fault::Delay(Duration::from_secs(1 + chance.below(100))),
        // these lie about what they did, and only about that
        _ => {
            let fault = chance.one_of(&[Fault::OnlySayOk, Fault::Partly, Fault::CopyOnly]).clone();
            let command = *chance.one_of(&["MOVE", "COPY", "STORE"]);
            return server.fault(if fault == Fault::CopyOnly { "MOVE" } else { command }, fault);
        }
    };
    server.fault(command, fault);
}

/// What another program, the network or the server does.
fn happen(server: &Server, chance: &mut Chance) {
    let all = &server.mailboxes()[ALL];
    let any = |chance: &mut Chance| (!all.is_empty()).then(|| chance.one_of(all).uid);
    match chance.below(20) {
        0..=9 => trouble(server, chance),
        10..=11 => server.cut_all(),
        12 => server.cut_after_writing(chance.below(4000)),
        13 => server.cut_after_reading(chance.below(1000)),
        14 => server.renumber(["INBOX", ALL, RESTOCK, "楽天/注文"][usize::try_from(chance.below(4)).unwrap()]),
        15..=16 => {
            if let Some(uid) = any(chance) {
                server.copy(ALL, uid, KEEP);
            }
        }
        17..=18 => {
            let on = chance.below(2) == 0;
            if let Some(uid) = any(chance) {
                server.flag(ALL, uid, if chance.below(2) == 0 { "\\Seen" } else { "\\Answered" }, on);
            }
        }
        _ => {
            server.set_down(true);
        }
    }
}

/// One run; every command the server got, and how many faults struck.
fn storm(seed: u64) -> (Vec<String>, u64) {
    in_time(async {
        let mut chance = Chance(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
        let watched: Watched = *chance.one_of(&EACH);
        let world = World::with_story(watched);
        let mut lives = 0;
        let mut taken_back = false;
        for round in 0..2 {
            let waits: Vec<u64> = (0..8 + chance.below(12)).map(|_| chance.below(1500)).collect();
            let (server, mut sky) = (world.server.clone(), Chance(chance.below(u64::MAX) | 1));
            let weather = async move {
                for wait in waits {
                    tokio::time::sleep(Duration::from_millis(wait)).await;
                    server.set_down(false);
                    happen(&server, &mut sky);
                }
            };
            let living = async {
                loop {
                    world.live_for(usize::try_from(20 + chance.below(400)).unwrap()).await;
                    lives += 1;
                    tokio::time::sleep(Duration::from_millis(chance.below(4000))).await;
                }
            };
            tokio::select! {
                biased;
                () = weather => {}
                () = living => {}
            }
            lives += 1;
            world.server.set_down(false);
            world.server.clear_faults();
            world.live().await;
            world.assert_nothing_is_thrown_away();
            if round == 0 {
                let truth = world.truth().await;
                assert!(world.told_most() <= 1 + lives, "seed {seed}");
                let mut filed = truth;
                filed.views.remove(KEEP);
                super::assert_is_filed(&filed);
                taken_back = world.undo().await == 7;
            }
        }
        assert!(taken_back, "seed {seed}");
        for sample in super::samples() {
            let mut views = world.views_of(&sample.bytes);
            views.retain(|view| view != STARRED && view != KEEP);
            let mut expected = vec![ALL.to_owned(), "INBOX".to_owned()];
            expected.extend(sample.name.contains("-restock").then(|| RESTOCK.to_owned()));
            assert_eq!(views, expected.into_iter().collect(), "seed {seed} {watched:?} {}", sample.name);
        }
        (world.server.commands(), world.server.struck().values().sum())
    })
}

#[test]
fn no_storm_on_gmail_loses_doubles_or_throws_away() {
    if let Some(seed) = std::env::var("GMAIL_SEED").ok().and_then(|seed| seed.parse().ok()) {
        let (commands, _) = storm(seed);
        commands.iter().for_each(|command| println!("{command}"));
        return;
    }
    let seeds = std::env::var("GMAIL_STORMS").ok().and_then(|seeds| seeds.parse().ok()).unwrap_or(SEEDS);
    let mut struck = 0;
    for seed in 0..seeds {
        let run = std::panic::catch_unwind(|| storm(seed));
        let Ok((_, faults)) = run else {
            panic!("GMAIL_SEED={seed} cargo test --test all no_storm_on_gmail -- --nocapture")
        };
        struck += faults;
    }
    println!("{seeds} storms on Gmail, {struck} faults struck");
    assert!(struck > 3 * seeds, "{struck}");
}

#[test]
fn a_storm_on_gmail_repeats_exactly() {
    assert_eq!(storm(3).0, storm(3).0);
}
