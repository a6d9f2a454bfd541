//! Frames: a thing and what becomes of it, close together in one sentence. Shops choose their own words; what they
//! speak of and what they say of it are two short lists each.

use super::page::View;
use std::ops::Range;

/// Things, verbs, and how many characters may stand between them.
pub(super) type Frame = (&'static [&'static str], &'static [&'static str], usize);

/// Places where a thing and its verb stand close together, in the order of the frames.
pub(super) fn frames(view: &View<'_>, frames: &[Frame]) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    for (things, verbs, within) in frames {
        let things = view.hits(things);
        if things.is_empty() {
            continue;
        }
        let verbs: Vec<&str> = verbs.iter().filter(|verb| view.has(verb)).copied().collect();
        for (at, thing) in things {
            if verbs.is_empty() {
                break;
            }
            let end = at + thing.len();
            let rest = view.rest(at, end);
            let near =
                rest.char_indices().nth(*within + 12).map_or(rest, |(cut, _)| rest.get(..cut).unwrap_or_default());
            let verb = verbs
                .iter()
                .filter_map(|verb| near.find(verb).map(|at| (at, verb.len())))
                .filter(|(at, _)| near.get(..*at).is_some_and(|between| between.chars().count() <= *within))
                .min();
            if let Some((between, length)) = verb {
                found.push(at..end + between + length);
            }
        }
    }
    found
}
