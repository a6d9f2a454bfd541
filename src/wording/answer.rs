//! The values of a repetition's title and of the page with a button.

use super::{Language, Serde, Value, Wording};
use serde::Serialize;

/// A repetition.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub(super) struct Again {
    /// The first repetition is the second telling: 2.
    number: u32,
    /// The title of what is told again.
    title: String,
}

/// How far the alert of a page is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum PageState {
    /// It awaits its acknowledgement.
    #[default]
    Open,
    /// It was acknowledged just now, by the button of this page.
    Done,
    /// It was acknowledged before.
    Answered,
    /// It is repeated no more.
    Over,
    /// There is no such alert.
    Unknown,
}

/// What a page says.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Page {
    /// How far the alert is.
    pub state: PageState,
    /// The alert's title; empty where there is no such alert.
    pub title: String,
}

impl Wording {
    /// The title of a repetition.
    #[must_use]
    pub fn again(&self, language: Language, number: u32, title: &str) -> String {
        let again = Again { number, title: title.to_owned() };
        let text = self.words(language, "again", Value::from(Serde(&again)));
        text.lines().next().unwrap_or_default().to_owned()
    }

    /// The lines of a page: heading and text; of an open alert the last one stands on the button.
    #[must_use]
    pub fn page(&self, language: Language, page: &Page) -> Vec<String> {
        self.words(language, "ack", Value::from(Serde(page))).lines().map(str::to_owned).collect()
    }
}

/// An example without anything that may be missing, and a full one.
pub(super) fn agains() -> [Again; 2] {
    [Again { number: 2, title: String::new() }, Again { number: 3, title: "モドリのマグ 1,980円".into() }]
}

/// Every page.
pub(super) fn pages() -> Vec<Page> {
    let states = [PageState::Open, PageState::Done, PageState::Answered, PageState::Over, PageState::Unknown];
    let page = |state, title: &str| Page { state, title: title.to_owned() };
    states.into_iter().flat_map(|state| [page(state, ""), page(state, "モドリのマグ 1,980円")]).collect()
}
