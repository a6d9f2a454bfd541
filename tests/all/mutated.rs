//! Mail, rule files and Authentication-Results bent out of shape are read to the end: no panic. The long run with its
//! bound on memory is `cargo bench --bench mutated`.

use crate::support::mutate::{Chance, bent};
use crate::support::probe;

/// Seeds that once found something: `(round of the long run's seed, what it was)`.
const ONCE_BAD: &[(u64, &str)] = &[];

#[test]
fn bent_input_is_read_to_the_end() {
    let samples = probe::Samples::load();
    for seed in ONCE_BAD.iter().map(|(seed, _)| *seed).chain(0..1_500) {
        probe::run(&samples, seed);
    }
}

#[test]
fn the_same_seed_bends_the_same_way_and_different_seeds_differ() {
    let seeds = vec![b"Subject: a\r\n\r\nbody".to_vec()];
    let one = |seed| bent(&seeds, &mut Chance::new(seed));
    assert_eq!(one(7), one(7));
    assert!((0..50).map(one).collect::<std::collections::BTreeSet<_>>().len() > 30);
}
