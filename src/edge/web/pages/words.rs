//! Instants, amounts and steps in the words of a page, and text of mails in one harmless line.

use crate::calendar::{civil, rfc3339};
use crate::ledger::{Case, Question};
use crate::letter::Silence;
use crate::wording::{Labels, Language, Wording, yen};
use jiff::Timestamp;
use jiff::civil::DateTime;
use maud::{Markup, html};

/// Most characters of a text from a mail that is shown in one line.
const LONGEST: usize = 160;

/// What a page says things with.
pub(super) struct Words<'a> {
    pub(super) labels: &'a Labels,
    pub(super) wording: &'a Wording,
    pub(super) language: Language,
    pub(super) now: Timestamp,
}

/// Text of a mail in one line: without what steers a screen, and not too long.
pub(super) fn line(text: &str) -> String {
    let line = crate::text::one_line(text);
    match line.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}…", line.get(..end).unwrap_or_default()),
        None => line,
    }
}

impl Words<'_> {
    /// A label.
    pub(super) fn get<'a>(&'a self, name: &'a str) -> &'a str {
        self.labels.get(name)
    }

    /// A label with one value.
    pub(super) fn with(&self, name: &str, place: &str, value: &dyn std::fmt::Display) -> String {
        self.labels.with(name, &[(place, value)])
    }

    /// `500ポイント`.
    pub(super) fn points(&self, points: u64) -> String {
        self.with("waiting.points", "points", &yen(points))
    }

    /// `3,260円`.
    pub(super) fn yen(&self, amount: u64) -> String {
        self.with("waiting.yen", "yen", &yen(amount))
    }

    fn nth(&self, name: &str, at: usize) -> String {
        self.get(name).split_whitespace().nth(at).unwrap_or("?").to_owned()
    }

    fn day(&self, at: DateTime, year: bool) -> String {
        let ordinal = |value: i8| usize::try_from(value).unwrap_or_default();
        let month = self.nth("waiting.when.months", ordinal(at.month()).saturating_sub(1));
        let weekday = self.nth("waiting.when.weekdays", ordinal(at.weekday().to_monday_zero_offset()));
        let values: [(&str, &dyn std::fmt::Display); 4] =
            [("year", &at.year()), ("month", &month), ("day", &at.day()), ("weekday", &weekday)];
        self.labels.with(if year { "waiting.when.dated" } else { "waiting.when.date" }, &values)
    }

    /// A day: `11月28日(土)`; of another year with the year.
    pub(super) fn date(&self, at: Timestamp) -> String {
        let (at, now) = (civil(at), civil(self.now));
        self.day(at, at.year() != now.year())
    }

    /// A day and a time: `11月28日(土) 10:00`.
    pub(super) fn at(&self, at: Timestamp) -> String {
        let time = civil(at).strftime("%H:%M").to_string();
        self.labels.with("waiting.when.at", &[("date", &self.date(at)), ("time", &time)])
    }

    /// How many days away: `明日`, `3日後`.
    pub(super) fn days(&self, at: Timestamp) -> String {
        let days = civil(at).date().since(civil(self.now).date()).map_or(0, |span| span.get_days());
        match days {
            0 => self.get("waiting.when.today").to_owned(),
            1 => self.get("waiting.when.tomorrow").to_owned(),
            -1 => self.get("waiting.when.yesterday").to_owned(),
            2.. => self.with("waiting.when.in-days", "days", &days),
            _ => self.with("waiting.when.days-ago", "days", &-days),
        }
    }

    /// An instant as an element.
    pub(super) fn time(&self, at: Timestamp) -> Markup {
        html! { time datetime=(rfc3339(at)) { (self.at(at)) } }
    }

    /// The same, with how many days away it is.
    pub(super) fn soon(&self, at: Timestamp) -> Markup {
        let text = self.labels.with("waiting.when.relative", &[("relative", &self.days(at)), ("at", &self.at(at))]);
        html! { time datetime=(rfc3339(at)) { (text) } }
    }

    /// A text with an instant in it: the place `{when}` of a label.
    pub(super) fn around(&self, name: &str, when: &Markup) -> Markup {
        let label = self.get(name);
        let (before, after) = label.split_once("{when}").unwrap_or((label, ""));
        html! { (before) (when) (after) }
    }

    /// Shop, in one line.
    pub(super) fn shop(&self, case: &Case) -> String {
        case.shop().map_or_else(|| self.get("waiting.no-shop").to_owned(), line)
    }

    /// What was ordered, in one line; empty when no mail lists it.
    pub(super) fn goods(&self, case: &Case) -> String {
        match case.items.as_slice() {
            [] => String::new(),
            [one] => line(&one.name),
            [first, rest @ ..] => {
                let values: [(&str, &dyn std::fmt::Display); 2] =
                    [("item", &line(&first.name)), ("count", &rest.len())];
                self.labels.with("waiting.items-more", &values)
            }
        }
    }

    /// A question, without the commands that answer it elsewhere: here there are buttons.
    pub(super) fn question(&self, question: &Question) -> String {
        let some = |points: &Option<u64>| points.map_or_else(|| self.points_unnamed(), |points| self.points(points));
        let orders = |orders: &[crate::facts::OrderNumber]| {
            orders.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
        };
        match question {
            Question::Conflict => self.get("case.question.conflict").to_owned(),
            Question::Unpaid => self.get("case.question.unpaid").to_owned(),
            Question::ReturnClaimed { points, .. } => {
                self.with("case.question.return-claimed", "points", &some(points))
            }
            Question::WhichOrder { points, orders: fitting, .. } => {
                let values: [(&str, &dyn std::fmt::Display); 2] =
                    [("points", &some(points)), ("orders", &orders(fitting))];
                self.labels.with("case.question.which-order", &values)
            }
            Question::Together { points, orders: several, .. } => {
                let values: [(&str, &dyn std::fmt::Display); 2] =
                    [("points", &self.points(*points)), ("orders", &orders(several))];
                self.labels.with("case.question.together", &values)
            }
            Question::ReturnTwice { points } => {
                self.with("case.question.return-twice", "points", &self.points(*points))
            }
            other => self.wording.question(self.language, other),
        }
    }

    fn points_unnamed(&self) -> String {
        self.get("case.question.points").to_owned()
    }

    /// Why a letter is not written.
    pub(super) fn silence(&self, silence: Silence) -> String {
        self.get(&format!("case.silence.{}", silence.word())).to_owned()
    }
}
