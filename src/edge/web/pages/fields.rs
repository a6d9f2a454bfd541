//! What a form says: its fields, each with its bounds, and what is wrong with them in the words of a label.

use crate::calendar::{civil, instant, last_second_of};
use crate::edge::store::State;
use crate::ledger::word::Mark;
use crate::ledger::{Case, Said};
use crate::wording::yen;
use jiff::{Timestamp, ToSpan};
use std::collections::BTreeMap;

/// Most fields of a form: one that has more says nothing. A mail without a number may speak of many orders.
const MOST_FIELDS: usize = 256;
/// Most characters of a note.
pub(super) const LONGEST_NOTE: usize = 500;
/// Most points anything may be about, when it is not known how many were used.
const MOST_POINTS: u64 = 10_000_000;
/// Points and coupons end within so many years.
const YEARS: i64 = 5;

/// The fields of a form, the first of each name.
#[derive(Clone, Debug, Default)]
pub(super) struct Fields(BTreeMap<String, String>);

/// What is wrong with a field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Wrong {
    /// Which.
    pub(super) field: String,
    /// The label that says so, and its values.
    pub(super) label: &'static str,
    /// Its values.
    pub(super) values: Vec<(&'static str, String)>,
}

impl Wrong {
    pub(super) fn of(field: &str, label: &'static str) -> Self {
        Self { field: field.to_owned(), label, values: Vec::new() }
    }

    pub(super) fn with(mut self, place: &'static str, value: String) -> Self {
        self.values.push((place, value));
        self
    }
}

impl Fields {
    /// The fields of a form; `None` when they are more than any form has: what is left out would be taken as not said.
    pub(super) fn of(pairs: Vec<(String, String)>) -> Option<Self> {
        if pairs.len() > MOST_FIELDS {
            return None;
        }
        let mut all = BTreeMap::new();
        for (name, value) in pairs {
            all.entry(name).or_insert(value);
        }
        Some(Self(all))
    }

    /// The names of all fields.
    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }

    /// A field as it was written; empty when it is not there.
    pub(super) fn get(&self, name: &str) -> &str {
        self.0.get(name).map_or("", String::as_str)
    }

    /// What the form showed; one that shows nothing is stale.
    pub(super) fn mark(&self) -> Option<Mark> {
        Mark::parse(self.get("mark"))
    }

    /// The letters that the form showed, each with its state then.
    pub(super) fn letters(&self) -> Option<Vec<(i64, State)>> {
        let one = |text: &str| {
            let (id, state) = text.split_once('.')?;
            let state = [State::Done, State::Unknown].into_iter().find(|one| one.word() == state)?;
            Some((id.parse().ok()?, state))
        };
        self.get("letters").split_whitespace().map(one).collect()
    }

    /// The form stood in the list of what waits.
    pub(super) fn stood_in_list(&self) -> bool {
        self.get("from") == "waiting"
    }

    /// A number of points: of any width, with or without commas; `None` when nothing is written.
    pub(super) fn points(&self, name: &str, most: u64) -> Result<Option<u64>, Wrong> {
        let folded = crate::text::fold(self.get(name).trim());
        let text = folded.text().replace(',', "");
        if text.is_empty() {
            return Ok(None);
        }
        let number = text.parse::<u64>().ok().filter(|number| *number <= most);
        number.map(Some).ok_or_else(|| Wrong::of(name, "case.wrong.points").with("most", yen(most)))
    }

    /// A day, meant is its last second; `None` when nothing is written.
    pub(super) fn day(&self, name: &str, case: &Case, now: Timestamp) -> Result<Option<Timestamp>, Wrong> {
        let folded = crate::text::fold(self.get(name).trim());
        let text = folded.text().replace('/', "-");
        if text.is_empty() {
            return Ok(None);
        }
        let Some(at) = last_second_of(&text) else { return Err(Wrong::of(name, "case.wrong.date")) };
        let from = case.order_number.date();
        let until = civil(now).date().saturating_add(YEARS.years());
        if at < instant(from.at(0, 0, 0, 0)) || civil(at).date() > until {
            let wrong = Wrong::of(name, "case.wrong.date-range");
            return Err(wrong.with("from", from.to_string()).with("until", until.to_string()));
        }
        Ok(Some(at))
    }

    /// Free words in one line.
    pub(super) fn text(&self, name: &str, most: usize, empty: &'static str) -> Result<String, Wrong> {
        let text = crate::text::one_line(self.get(name));
        if text.is_empty() {
            return Err(Wrong::of(name, empty));
        }
        if text.chars().count() > most {
            return Err(Wrong::of(name, "case.wrong.text-long").with("most", most.to_string()));
        }
        Ok(text)
    }

    /// What the shopper says of a case with this form, the same as commands of that name would say; `None` when it is no
    /// such form.
    ///
    /// # Errors
    /// What is wrong with its fields.
    pub(super) fn said(&self, case: &Case, now: Timestamp) -> Result<Option<Vec<Said>>, Vec<Wrong>> {
        let most = case.points.used.unwrap_or(MOST_POINTS);
        let whole = |name: &str, given: Result<Option<u64>, Wrong>| {
            given.and_then(|given| given.ok_or_else(|| Wrong::of(name, "case.wrong.points-empty")))
        };
        let said = match self.get("what") {
            "confirm" => {
                let (points, expires) = (self.points("points", most), self.day("expires", case, now));
                let coupon_back = match self.get("coupon") {
                    "back" => Some(true),
                    "lost" => Some(false),
                    _ => None,
                };
                let (points, expires) = both(points, expires)?;
                // a form that has a field for points and leaves it empty means all that were expected; a word about the
                // coupon alone would leave them outstanding
                if self.0.contains_key("points") && points.is_none() && expires.is_none() && coupon_back.is_some() {
                    let all = Said::Confirm { points: None, expires: None, coupon_back: None };
                    return Ok(Some(vec![Said::Confirm { points, expires, coupon_back }, all]));
                }
                Said::Confirm { points, expires, coupon_back }
            }
            "deny" => Said::Deny,
            "lost" => Said::Lost,
            "lives" => Said::Lives,
            "answered" => Said::Answered,
            "limited" => {
                let expires = self.day("limited-expires", case, now);
                let expires =
                    expires.and_then(|given| given.ok_or_else(|| Wrong::of("limited-expires", "case.wrong.date")));
                let (points, expires) = both(whole("limited-points", self.points("limited-points", most)), expires)?;
                Said::Limited { points, expires }
            }
            "note" => Said::Note {
                text: self.text("text", LONGEST_NOTE, "case.wrong.text-empty").map_err(|wrong| vec![wrong])?,
            },
            _ => return Ok(None),
        };
        Ok(Some(vec![said]))
    }
}

/// Both, or all that is wrong.
fn both<A, B>(one: Result<A, Wrong>, other: Result<B, Wrong>) -> Result<(A, B), Vec<Wrong>> {
    match (one, other) {
        (Ok(one), Ok(other)) => Ok((one, other)),
        (one, other) => Err(one.err().into_iter().chain(other.err()).collect()),
    }
}
