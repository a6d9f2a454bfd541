//! What pages of figures share: instants, words of mails, bars, pages of a long list.

use crate::calendar::{civil, rfc3339};
use crate::chart;
use crate::wording::Labels;
use jiff::Timestamp;
use maud::{Markup, PreEscaped, html};
use std::collections::BTreeMap;

/// Lists are not longer than this many pages.
const MOST_PAGES: u32 = 100_000;

/// Day and time in Tokyo.
pub(super) fn when(at: Timestamp) -> Markup {
    html! { time datetime=(rfc3339(at)) { (civil(at).strftime("%Y-%m-%d %H:%M").to_string()) } }
}

/// A small bar; what it says stands beside it in words.
pub(super) fn bar(id: &str, value: u64, most: u64, says: &str) -> Markup {
    html! { (PreEscaped(chart::line(id, value, most, says))) }
}

/// A part of a list that is shown at a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Pager {
    /// Which, from 1.
    pub(super) page: u32,
    /// How many there are, at least one.
    pub(super) pages: u32,
    each: u32,
}

impl Pager {
    /// The page that an address asks for; one that is not there is the nearest that is.
    pub(super) fn of(query: &BTreeMap<String, String>, all: u64, each: u32) -> Self {
        let pages = u32::try_from(all.div_ceil(u64::from(each.max(1)))).unwrap_or(MOST_PAGES).clamp(1, MOST_PAGES);
        let page = query.get("page").and_then(|page| page.parse().ok()).unwrap_or(1_u32).clamp(1, pages);
        Self { page, pages, each }
    }

    /// How many come before it.
    pub(super) fn skip(self) -> u32 {
        (self.page - 1).saturating_mul(self.each)
    }

    /// Of a list that is at hand, what is shown.
    pub(super) fn part<T>(self, all: &[T]) -> &[T] {
        let from = usize::try_from(self.skip()).unwrap_or(usize::MAX).min(all.len());
        let until = from.saturating_add(usize::try_from(self.each).unwrap_or(usize::MAX)).min(all.len());
        all.get(from..until).unwrap_or_default()
    }

    /// Ways to the pages before and after; nothing where there is one page. `way` leads here, without the page, and ends
    /// where `page=` may follow.
    pub(super) fn ways(self, labels: &Labels, way: &str) -> Markup {
        let to = |page: u32| format!("{way}page={page}");
        html! {
            @if self.pages > 1 {
                nav.row aria-label=(labels.get("figures.pages")) {
                    @if self.page > 1 { a href=(to(self.page - 1)) rel="prev" { (labels.get("figures.before")) } }
                    span.quiet { (labels.with("figures.page", &[("page", &self.page), ("pages", &self.pages)])) }
                    @if self.page < self.pages { a href=(to(self.page + 1)) rel="next" { (labels.get("figures.after")) } }
                }
            }
        }
    }
}

/// A box that scrolls by itself where it is too wide, by keys, too.
pub(super) fn wide(name: &str, inside: &Markup) -> Markup {
    html! { div.table tabindex="0" role="region" aria-label=(name) { (inside) } }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_that_is_not_there_is_the_nearest_that_is() {
        let asked = |page: &str| BTreeMap::from([("page".to_owned(), page.to_owned())]);
        for (page, all, is, skip) in [
            ("1", 0, (1, 1), 0),
            ("9", 0, (1, 1), 0),
            ("2", 51, (2, 2), 50),
            ("99", 51, (2, 2), 50),
            ("0", 51, (1, 2), 0),
            ("-1", 51, (1, 2), 0),
            ("x", 51, (1, 2), 0),
            ("4294967295", u64::MAX, (100_000, 100_000), 4_999_950),
        ] {
            let pager = Pager::of(&asked(page), all, 50);
            assert_eq!(((pager.page, pager.pages), pager.skip()), (is, skip), "{page} of {all}");
        }
        let pager = Pager::of(&asked("2"), 5, 2);
        assert_eq!(pager.part(&[1, 2, 3, 4, 5]), [3, 4]);
        assert_eq!(pager.part(&[1]), [0; 0]);
    }
}
