//! The review of a month as one file for a browser or for paper: no script, nothing from elsewhere.

use crate::calendar::rfc3339;
use crate::chart::{self, Bar, Panel, Picture};
use crate::review::Review;
use crate::review::latency::STEPS;
use crate::review::sheet::{Cell, Part, heading, parts};
use crate::wording::{Labels, Language};
use maud::{DOCTYPE, Markup, PreEscaped, html};

const STYLE: &str = "\
:root{color-scheme:light dark}\
body{font-family:system-ui,sans-serif;line-height:1.5;margin:1.5rem auto;max-width:60rem;padding:0 1rem}\
h1{font-size:1.5rem;margin-bottom:0}h2{font-size:1.1rem;margin:2rem 0 .4rem}\
.covers{margin-top:0}.note{font-size:.9rem;opacity:.85;margin:.3rem 0}\
.wide{overflow-x:auto}table{border-collapse:collapse}\
th,td{border-bottom:1px solid currentColor;padding:.25rem .8rem .25rem 0;text-align:left;vertical-align:top;overflow-wrap:anywhere}\
td.figure,th.figure{text-align:right;white-space:nowrap;font-variant-numeric:tabular-nums}\
.chart{max-width:100%;height:auto}\
@media print{body{margin:0;max-width:none;font-size:10pt}h2,table,svg{break-inside:avoid}h2{break-after:avoid}.wide{overflow:visible}}\
@page{margin:15mm}";

/// The whole file.
pub(in crate::cli) fn page(review: &Review, labels: &Labels, language: Language) -> String {
    let (title, covers) = heading(review, labels);
    let parts = parts(review, labels);
    let page = html! {
        (DOCTYPE)
        html lang=(language.folder()) {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="robots" content="noindex";
                title { (title) }
                style { (PreEscaped(STYLE)) }
            }
            body {
                main {
                    h1 { (title) }
                    p class="covers" { (covers) }
                    @for part in &parts { (section(part, review, labels)) }
                }
            }
        }
    };
    page.into_string()
}

fn section(part: &Part, review: &Review, labels: &Labels) -> Markup {
    let picture = match part.key {
        "points" => points(review, labels),
        "speed" => speed(review, labels),
        _ => None,
    };
    html! {
        section aria-labelledby=(part.key) {
            h2 id=(part.key) { (part.title) }
            @if part.rows.is_empty() {
                p { (labels.get("none")) }
            } @else {
                @if let Some(picture) = picture { (PreEscaped(picture)) }
                div class="wide" { (table(part, labels)) }
            }
            @for note in &part.notes { p class="note" { (note) } }
        }
    }
}

fn table(part: &Part, labels: &Labels) -> Markup {
    let is_figure = |at: usize| part.rows.iter().any(|row| row.cells.get(at).is_some_and(Cell::is_figure));
    html! {
        table {
            thead {
                tr {
                    @for (n, column) in part.columns.iter().enumerate() {
                        th scope="col" class=[is_figure(n).then_some("figure")] { (column.title) }
                    }
                }
            }
            tbody {
                @for row in &part.rows {
                    tr {
                        @for (n, cell) in row.cells.iter().enumerate() {
                            @if n == 0 {
                                th scope="row" { (shown(cell, labels)) }
                            } @else {
                                td class=[is_figure(n).then_some("figure")] { (shown(cell, labels)) }
                            }
                        }
                    }
                }
            }
        }
    }
}

fn shown(cell: &Cell, labels: &Labels) -> Markup {
    match cell {
        Cell::At(at) => html! { time datetime=(rfc3339(*at)) { (cell.shown(labels)) } },
        Cell::Number(number) | Cell::Ms(number) => html! { data value=(number) { (cell.shown(labels)) } },
        _ => html! { (cell.shown(labels)) },
    }
}

/// What came back, what was lost, what is open: as far as it is more than nothing.
fn points(review: &Review, labels: &Labels) -> Option<String> {
    let flow = review.book.points;
    let all = [("returned", flow.returned), ("lost", flow.lost), ("after", flow.after)];
    let bars: Vec<Bar> = all
        .into_iter()
        .map(|(name, points)| Bar {
            name: labels.get(&format!("points.{name}")).to_owned(),
            value: u64::try_from(points).unwrap_or_default(),
            stands_out: name == "lost",
        })
        .collect();
    drawn("points", bars, labels)
}

/// Restocks that were watched for, by how long they took.
fn speed(review: &Review, labels: &Labels) -> Option<String> {
    let names = STEPS.iter().map(|(_, name)| format!("≤ {name}")).chain(["> 1 min".to_owned()]);
    let counts = review.restocks.speed.live.steps();
    let bars = names.zip(counts).map(|(name, count)| Bar::new(name, u64::try_from(count).unwrap_or(u64::MAX)));
    drawn("speed", bars.collect(), labels)
}

fn drawn(part: &str, bars: Vec<Bar>, labels: &Labels) -> Option<String> {
    if bars.iter().all(|bar| bar.value == 0) {
        return None;
    }
    let title = labels.get(&format!("{part}.title")).to_owned();
    let about = bars.iter().map(|bar| format!("{}: {}", bar.name, bar.value)).collect::<Vec<_>>().join(", ");
    let panel = Panel { title: title.clone(), note: String::new(), bars };
    Some(chart::picture(&Picture {
        id: format!("chart-{part}"),
        title,
        about,
        panels: vec![panel],
        ..Picture::default()
    }))
}
