//! A month as it is printed: the document shows the same, no name is a formula, nothing is unnamed.

use super::*;
use crate::facts::{Cancelled, Cause, Form, OrderNumber, PointsReturn, Stage};
use crate::ledger::due::Settings;
use crate::ledger::{By, Event, EventKind, Said, Statement, Terms};
use crate::plan::{Quiet, Why};
use crate::review::restock::tests::restock;
use crate::review::{Fate, Kept, Letters, Month, Reason, Restock, Sorted, Told};
use crate::wording::{Face, Language, Wording};
use jiff::Timestamp;
use std::collections::BTreeMap;

fn at(text: &str) -> Timestamp {
    format!("2026-{text}:00+09:00").parse().unwrap()
}

/// What happened to two orders of a shop, and what modori did meanwhile.
fn example() -> Review {
    let event = |order: &str, when: &str, kind: EventKind| {
        let name = format!("{order} {when}");
        Event {
            order: OrderNumber::parse(order),
            shop_code: Some("modori-zakka".into()),
            ..Event::of(&name, at(when), kind)
        }
    };
    let ordered = |points| EventKind::Order {
        stage: Stage::Ordered,
        terms: Terms {
            shop_code: Some("modori-zakka".into()),
            shop_name: Some("Modori Zakka".into()),
            points_used: points,
            coupon_used_yen: Some(200),
            ..Terms::default()
        },
    };
    let cancelled = || EventKind::Cancel {
        form: Cancelled::Confirmed,
        cause: Some(Cause::Shop),
        terms: Terms::default(),
        reply_by: None,
    };
    let back = EventKind::Points {
        returned: PointsReturn { amount: Some(1_200), form: Form::Done },
        limited: None,
        expires_at: None,
    };
    let (one, two, three) = ("399999-20261020-0000000001", "399999-20261103-0000000002", "399999-20261105-0000000003");
    let events = [
        event(one, "10-20T10:00", ordered(Some(1_200))),
        event(one, "10-28T10:00", cancelled()),
        event(one, "11-04T09:00", back),
        event(two, "11-03T10:00", ordered(Some(500))),
        event(two, "11-06T10:00", cancelled()),
        event(three, "11-05T10:00", ordered(None)),
        event(three, "11-07T10:00", cancelled()),
    ];
    let words = [Statement {
        order: OrderNumber::parse(one).unwrap(),
        said: Said::Confirm { points: None, expires: None, coupon_back: Some(true) },
        at: at("11-05T20:00"),
        by: By::Command,
    }];
    let named = |name: &str, restock: Restock| Restock { title: Some(name.into()), ..restock };
    let received = at("11-12T08:00");
    let late = Restock {
        received,
        at: received,
        seen: received,
        live: false,
        fate: Fate::ToldLater(Why::Late),
        told: vec![Told { channel: "phone".into(), left: received, accepted: at("11-12T10:05") }],
        ..named("=Kettle", restock(9, Some(1)))
    };
    let kept = Kept {
        restocks: vec![
            named("Pen stand", restock(0, Some(450))),
            named("Puzzle", restock(1, Some(900))),
            late,
            restock(2, None),
        ],
        mails: BTreeMap::from([
            ("order".to_owned(), Sorted { mails: 14, filed: 14 }),
            ("other".to_owned(), Sorted { mails: 203, filed: 0 }),
            ("restock".to_owned(), Sorted { mails: 4, filed: 4 }),
        ]),
        quiet: BTreeMap::from([
            (("coupon".to_owned(), Reason::Quiet(Quiet::Advert)), 31),
            (("restock".to_owned(), Reason::Quiet(Quiet::Muted)), 1),
            (("restock".to_owned(), Reason::Kept(Why::Late)), 1),
        ]),
        quarantined: 3,
        announced: 1,
        letters: Letters { drafted: 1, ..Letters::default() },
        undone: 2,
        corrected: 1,
        released: 0,
    };
    crate::review::review(
        Month::parse("2026-11").unwrap(),
        at("12-10T12:00"),
        &events,
        &words,
        &Settings::default(),
        kept,
    )
}

fn labels(language: Language) -> Labels {
    Wording::default().labels(language, Face::Report)
}

fn plain(text: &str) -> String {
    let shown = anstream::adapter::strip_str(text).to_string();
    shown.lines().map(str::trim_end).collect::<Vec<_>>().join("\n")
}

#[test]
fn the_document_shows_what_is_printed() {
    let printed = plain(&text(&example(), &labels(Language::En)));
    let document = include_str!("../../../../docs/report.md") /* docs/report.md */;
    let shown = document.split("```text\n").nth(1).and_then(|rest| rest.split("\n```").next()).unwrap_or_default();
    assert_eq!(printed.trim_end(), shown, "docs/report.md shows another text than is printed:\n{printed}");
}

#[test]
fn no_name_is_a_formula_and_nothing_is_unnamed() {
    for language in [Language::Ja, Language::En] {
        let (review, labels) = (example(), labels(language));
        let csv = csv(&review, &labels);
        assert!(csv.contains("late,1,goods,'=Kettle\r\n"), "{csv}");
        assert!(
            csv.starts_with("\u{feff}part,row,column,value\r\npoints")
                || csv.contains("\r\npoints,returned,points,1200\r\n"),
            "{csv}"
        );
        for part in parts(&review, &labels) {
            let words =
                std::iter::once(&part.title).chain(&part.notes).chain(part.columns.iter().map(|one| &one.title));
            let cells = part.rows.iter().flat_map(|row| &row.cells).filter_map(|cell| match cell {
                Cell::Word(_, shown) => Some(shown),
                _ => None,
            });
            for word in words.chain(cells) {
                let nameless = word.starts_with(&format!("{}.", part.key)) || word.starts_with("reason.");
                assert!(!nameless && !word.is_empty(), "{word}");
            }
            for row in &part.rows {
                assert_eq!(row.cells.len(), part.columns.len(), "{}", part.key);
            }
        }
    }
}

#[test]
fn a_figure_below_zero_stays_one() {
    let mut out = String::new();
    line(&mut out, ["points", "returned", "points", "-500"]);
    line(&mut out, ["x", "1", "name", "-1+2"]);
    assert_eq!(out, "points,returned,points,-500\r\nx,1,name,'-1+2\r\n");
}
