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
        for (at, thing) in view.hits(things) {
            let end = at + thing.len();
            let rest = view.slice(end..view.sentence_at(at).end.max(end));
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
