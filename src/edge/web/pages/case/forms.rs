//! The forms on which the shopper says something of an order.

use super::view::{Assign, Told};
use crate::edge::web::pages::fields::{Fields, LONGEST_NOTE, Wrong};
use crate::edge::web::pages::waiting::{Form, hidden, one_tap};
use crate::edge::web::pages::words::{Words, line};
use crate::ledger::case::State;
use maud::{Markup, html};
use std::fmt::Display;

/// A form that was sent and is shown again: what was entered, and what is wrong with it.
#[derive(Clone, Debug, Default)]
pub(in crate::edge::web::pages) struct Entered {
    pub(in crate::edge::web::pages) fields: Fields,
    pub(in crate::edge::web::pages) wrong: Vec<Wrong>,
}

impl Entered {
    fn says(&self, what: &str) -> bool {
        self.fields.get("what") == what
    }
}

/// A field with its label, what was entered, and what is wrong with that.
struct Field<'a> {
    name: &'a str,
    label: &'a str,
    kind: &'a str,
    most: Option<usize>,
}

impl Field<'_> {
    fn draw(&self, entered: &Entered, again: bool, words: &Words<'_>) -> Markup {
        let name = self.name;
        let value = if again { entered.fields.get(name) } else { "" };
        let wrong = entered.wrong.iter().find(|wrong| again && wrong.field == name);
        let note = format!("{name}-wrong");
        html! {
            p .field {
                label for=(name) { (self.label) }
                input type=(self.kind) id=(name) name=(name) value=(value) autocomplete="off"
                    inputmode=[(self.kind == "text" && self.most.is_none()).then_some("numeric")]
                    maxlength=[self.most] aria-invalid=[wrong.map(|_| "true")]
                    aria-describedby=[wrong.map(|_| note.as_str())];
                @if let Some(wrong) = wrong { span .bad id=(note) { (said(wrong, words)) } }
            }
        }
    }
}

/// What is wrong, in words.
pub(super) fn said(wrong: &Wrong, words: &Words<'_>) -> String {
    let values: Vec<(&str, &dyn Display)> =
        wrong.values.iter().map(|(place, value)| (*place, value as &dyn Display)).collect();
    words.labels.with(wrong.label, &values)
}

/// Everything that can be said of an order.
pub(super) fn say(told: &Told<'_>, words: &Words<'_>, entered: &Entered, form: Form<'_>) -> Markup {
    let case = told.case;
    let action = format!("/case/{}/say", case.order_number);
    let tap = |what: &str, button: &str| one_tap(form, case, &told.mark, "case", &[("what", what)], words.get(button));
    let cancelled = case.cancelled != State::None;
    html! {
        h2 { (words.get("case.say")) }
        @if !entered.wrong.is_empty() { p .card.bad role="alert" { (words.get("case.wrong.form")) } }
        div .row {
            @if told.says.answered { (tap("answered", "case.answered")) }
            @if told.says.came { (tap("confirm", "waiting.came")) }
            @if cancelled { (tap("deny", "case.deny")) }
        }
        details open[entered.says("confirm")] {
            summary { (words.get("case.confirm-title")) }
            (form(&action, &confirm(told, words, entered), words.get("case.confirm")))
        }
        details open[entered.says("limited")] {
            summary { (words.get("case.limited-title")) }
            (form(&action, &limited(told, words, entered), words.get("case.limited-button")))
        }
        details open[entered.says("note")] {
            summary { (words.get("case.note-title")) }
            (form(&action, &note(told, words, entered), words.get("case.note")))
        }
        @if cancelled { div .row { (tap("lost", "case.lost")) (tap("lives", "case.lives")) } }
    }
}

fn confirm(told: &Told<'_>, words: &Words<'_>, entered: &Entered) -> Markup {
    let again = entered.says("confirm");
    let points = Field { name: "points", label: words.get("case.points-label"), kind: "text", most: None };
    let expires = Field { name: "expires", label: words.get("case.expires-label"), kind: "date", most: None };
    let chosen = if again { entered.fields.get("coupon") } else { "" };
    html! {
        (hidden(&[("mark", &told.mark), ("from", "case"), ("what", "confirm")]))
        (points.draw(entered, again, words))
        (expires.draw(entered, again, words))
        p .field {
            label for="coupon" { (words.get("case.coupon-label")) }
            select id="coupon" name="coupon" {
                @for (value, label) in [("", "case.coupon-untouched"), ("back", "case.coupon-back"), ("lost", "case.coupon-lost")] {
                    option value=(value) selected[chosen == value] { (words.get(label)) }
                }
            }
        }
    }
}

fn limited(told: &Told<'_>, words: &Words<'_>, entered: &Entered) -> Markup {
    let again = entered.says("limited");
    let points =
        Field { name: "limited-points", label: words.get("case.limited-points-label"), kind: "text", most: None };
    let expires =
        Field { name: "limited-expires", label: words.get("case.limited-expires-label"), kind: "date", most: None };
    html! {
        (hidden(&[("mark", &told.mark), ("from", "case"), ("what", "limited")]))
        (points.draw(entered, again, words))
        (expires.draw(entered, again, words))
    }
}

fn note(told: &Told<'_>, words: &Words<'_>, entered: &Entered) -> Markup {
    let text = Field { name: "text", label: words.get("case.note-label"), kind: "text", most: Some(LONGEST_NOTE) };
    html! {
        (hidden(&[("mark", &told.mark), ("from", "case"), ("what", "note")]))
        (text.draw(entered, entered.says("note"), words))
    }
}

/// Whose points a mail without an order number speaks of: a number for each order it may speak of.
pub(super) fn assign(
    one: &Assign<'_>,
    told: &Told<'_>,
    words: &Words<'_>,
    entered: &Entered,
    form: Form<'_>,
) -> Markup {
    let mail = one.event.mail.hex();
    let here = &told.case.order_number;
    let again = entered.fields.get("mail") == mail;
    let action = format!("/case/{here}/assign");
    let heading = [("sender", &line(&one.event.sender) as &dyn Display), ("when", &words.at(one.event.at))];
    let alone = one.orders.len() == 1;
    let wrong = entered.wrong.iter().find(|wrong| again && wrong.field == "assign");
    let fields = html! {
        (hidden(&[("mark", &one.mark), ("mail", &mail)]))
        @for (order, missing) in &one.orders {
            @let name = format!("of-{order}");
            // two mails may ask about the same orders
            @let id = format!("of-{}-{order}", one.event.mail.short());
            @let note = format!("{id}-wrong");
            @let wrong = entered.wrong.iter().find(|wrong| again && wrong.field == name);
            @let usual = if alone { one.points.or(*missing) } else { *missing };
            p .field {
                label for=(id) { (words.with("case.assign-label", "order", order)) }
                input type="text" inputmode="numeric" id=(id) name=(name) autocomplete="off"
                    aria-invalid=[wrong.map(|_| "true")] aria-describedby=[wrong.map(|_| note.as_str())]
                    value=(if again { entered.fields.get(&name).to_owned() } else { usual.map(|points| points.to_string()).unwrap_or_default() });
                @if let Some(wrong) = wrong { span .bad id=(note) { (said(wrong, words)) } }
            }
        }
        @if let Some(wrong) = wrong { p .bad { (said(wrong, words)) } }
    };
    let disown = hidden(&[("mark", &one.mark), ("mail", &mail), ("not", here.as_str())]);
    html! {
        h3 { (words.get("case.assign-title")) }
        p .quiet {
            (words.labels.with("case.assign-mail", &heading))
            @if let Some(points) = one.points { " " (words.points(points)) }
            @if !one.event.excerpt.is_empty() { " " q { (line(&one.event.excerpt)) } }
        }
        div .row {
            (form(&action, &fields, words.get("case.assign")))
            (form(&action, &disown, words.get("case.disown")))
        }
    }
}
