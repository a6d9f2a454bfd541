//! Restocks: each with what became of it, how fast alerts were, and the hours at which goods come back.

use super::figures::{Pager, bar, when, wide};
use super::said::{self, AddressQuery};
use super::words::line;
use crate::chart::{self, Bar, Panel, Picture};
use crate::edge::store::StoreError;
use crate::edge::web::Pages;
use crate::edge::web::frame::{Here, Visit};
use crate::ledger::Shop;
use crate::review::latency::{FIRST, Measured, STEPS, Stage, Times, long};
use crate::review::{Fate, Restock};
use crate::wording::{Labels, yen};
use axum::Router;
use axum::extract::Query;
use axum::response::Response;
use axum::routing::get;
use maud::{Markup, PreEscaped, html};

/// Restocks on a page.
const EACH: u32 = 50;
/// Shops whose hours are shown.
const SHOPS: usize = 12;

pub(super) fn routes() -> Router<Pages> {
    Router::new().route("/restock", get(show))
}

/// What the page shows.
pub(super) struct View {
    pub(super) pager: Pager,
    pub(super) log: Vec<Restock>,
    pub(super) measured: Measured,
    /// Shops with a restock, most restocks first.
    pub(super) shops: Vec<Shop>,
    /// Restocks by the hour, of all shops.
    pub(super) hours: [u32; 24],
}

async fn show(visit: Visit, query: AddressQuery) -> Response {
    let query = query.map(|Query(all)| all).unwrap_or_default();
    let shops = match visit.pages.orders.shops(&visit.pages.store, visit.now).await {
        Ok(shops) => shops.to_vec(),
        Err(error) => return said::broken(&error),
    };
    let found: Result<View, StoreError> = visit
        .pages
        .store
        .look(move |db| {
            let pager = Pager::of(&query, db.restock_count()?, EACH);
            Ok(View::of(pager, db.restocks(pager.skip(), EACH)?, Measured::of(&db.latencies()?, None), shops))
        })
        .await;
    match found {
        Ok(view) => visit.page(Here::Restock, visit.labels.get("restock.title"), &page(&view, &visit.labels)),
        Err(error) => said::broken(&error),
    }
}

impl View {
    pub(super) fn of(pager: Pager, log: Vec<Restock>, measured: Measured, mut shops: Vec<Shop>) -> Self {
        let mut hours = [0_u32; 24];
        for shop in &shops {
            for (sum, count) in hours.iter_mut().zip(shop.restock_hours) {
                *sum = sum.saturating_add(count);
            }
        }
        let many = |shop: &Shop| shop.restock_hours.iter().fold(0_u32, |sum, count| sum.saturating_add(*count));
        shops.retain(|shop| many(shop) > 0);
        shops.sort_by_key(|shop| (std::cmp::Reverse(many(shop)), shop.code.clone()));
        Self { pager, log, measured, shops, hours }
    }
}

/// The whole page below its heading.
pub(super) fn page(view: &View, labels: &Labels) -> Markup {
    html! {
        (log(view, labels))
        (speed(&view.measured, labels))
        (hours(view, labels))
    }
}

fn log(view: &View, labels: &Labels) -> Markup {
    let title = labels.get("restock.log");
    let heads = ["received", "goods", "shop", "became", "took", "channel", "seen"];
    html! {
        section {
            h2 { (title) }
            @if view.log.is_empty() {
                p { (labels.get("restock.none")) }
            } @else {
                (wide(title, &html! {
                    table {
                        thead { tr { @for head in heads { th scope="col" { (labels.get(&format!("restock.{head}"))) } } } }
                        tbody { @for one in &view.log { (row(one, labels)) } }
                    }
                }))
                (view.pager.ways(labels, "/restock?"))
            }
            p.quiet { (labels.get("restock.zone")) }
        }
    }
}

fn row(one: &Restock, labels: &Labels) -> Markup {
    let called = one.called().map_or_else(|| labels.get("restock.unnamed").to_owned(), line);
    let price =
        one.price_yen().map(|price| format!("¥{}", yen(price))).filter(|price| !called.contains(price.as_str()));
    let channels: Vec<String> = one.told.iter().map(|told| line(&told.channel)).collect();
    html! {
        tr class=[one.is_late().then_some("late")] {
            td { (when(one.received)) }
            th scope="row" {
                @match one.page() {
                    Some(page) => a href=(page) rel="noreferrer" { (called) },
                    None => (called),
                }
                @if let Some(price) = price { " " (price) }
            }
            td {
                (one.shop().map(line).unwrap_or_default())
                @if let (Some(_), Some(code)) = (&one.shop_name, &one.shop_code) { br; span.quiet { (line(code)) } }
            }
            td { (fate(one, labels)) }
            td { (took(one, labels)) }
            td { (channels.join(", ")) }
            td {
                @match (one.awaited, one.acknowledged) {
                    (_, Some(at)) => span.fine { (labels.get("restock.acknowledged")) " " (when(at)) },
                    (true, None) => span.due { (labels.get("restock.awaited")) },
                    (false, None) => "-",
                }
            }
        }
    }
}

/// What became of it, and whether it was watched for.
fn fate(one: &Restock, labels: &Labels) -> Markup {
    let of = |part: &str, word: &str| labels.get(&format!("restock.{part}.{word}")).to_owned();
    let (class, words) = match one.fate {
        Fate::Told => ("fine", of("fate", "told")),
        Fate::ToldLater(why) => ("due", format!("{} ({})", of("fate", "told-later"), of("why", why.word()))),
        Fate::KeptBack(why) => ("due", format!("{} ({})", of("fate", "kept-back"), of("why", why.word()))),
        Fate::UnderWay => ("due", of("fate", "under-way")),
        Fate::Missed => ("bad", of("fate", "missed")),
        Fate::Quiet(why) => ("", format!("{} ({})", of("fate", "quiet"), of("silent", why.word()))),
        Fate::Unknown => ("", of("fate", "unknown")),
    };
    html! {
        span class=[(!class.is_empty()).then_some(class)] { (words) }
        br;
        span.quiet { (labels.get(if one.live { "restock.live" } else { "restock.caught-up" })) }
    }
}

/// How long it took: as a whole, and in its stages.
fn took(one: &Restock, labels: &Labels) -> Markup {
    let Some(whole) = one.whole_ms() else { return html! { "-" } };
    let ms = |from: jiff::Timestamp, to: jiff::Timestamp| {
        long(i64::try_from(to.duration_since(from).as_millis()).unwrap_or(i64::MAX))
    };
    let mut stages = vec![("seen", ms(one.received, one.seen))];
    match one.told.first() {
        Some(first) => {
            stages.extend([("sent", ms(one.seen, first.left)), ("accepted", ms(first.left, first.accepted))]);
        }
        None => stages.extend(one.together.map(|together| ("together", ms(one.seen, together)))),
    }
    html! {
        "≤ " (long(whole))
        @if one.is_late() { " " strong.late { (labels.get("restock.late")) } }
        br;
        span.quiet {
            @for (n, (name, took)) in stages.iter().enumerate() {
                @if n > 0 { ", " }
                (labels.get(&format!("restock.stage.{name}"))) " " (took)
            }
        }
    }
}

fn speed(measured: &Measured, labels: &Labels) -> Markup {
    let title = labels.get("restock.speed");
    let name = |channel: &str| {
        if channel == FIRST { labels.get("restock.first").to_owned() } else { line(channel) }
    };
    let told = measured.live.iter().filter(|((_, stage), _)| *stage == Stage::Told);
    let panels = told.map(|((channel, _), times)| Panel {
        title: name(channel),
        note: labels.with("restock.alerts", &[("number", &times.count())]),
        bars: steps(times),
    });
    let picture = Picture {
        id: "latency".to_owned(),
        title: labels.get("restock.picture").to_owned(),
        about: labels.get("restock.about").to_owned(),
        nothing: labels.get("restock.unmeasured").to_owned(),
        foot: String::new(),
        panels: panels.collect(),
    };
    let shown = |stage: Stage, ms: Option<i64>| {
        ms.map_or_else(|| "-".to_owned(), |ms| format!("{}{}", if stage.is_coarse() { "≤ " } else { "" }, long(ms)))
    };
    html! {
        section {
            h2 { (title) }
            @if measured.live.is_empty() {
                p { (labels.get("restock.unmeasured")) }
            } @else {
                (wide(&picture.title, &html! { (PreEscaped(chart::picture(&picture))) }))
                (wide(title, &html! {
                    table {
                        thead {
                            tr {
                                th scope="col" { (labels.get("restock.channel")) }
                                th scope="col" { (labels.get("restock.way")) }
                                @for head in ["number", "p50", "p95", "longest"] {
                                    th.number scope="col" { (labels.get(&format!("restock.{head}"))) }
                                }
                            }
                        }
                        tbody {
                            @for ((channel, stage), times) in &measured.live {
                                tr {
                                    th scope="row" { (name(channel)) }
                                    td { (labels.get(&format!("restock.way-{}", stage.word()))) }
                                    td.number { (times.count()) }
                                    td.number { (shown(*stage, times.percent(50))) }
                                    td.number { (shown(*stage, times.percent(95))) }
                                    td.number { (shown(*stage, times.longest())) }
                                }
                            }
                        }
                    }
                }))
                p.quiet { (labels.get("restock.coarse")) }
            }
            @for (way, times) in &measured.others {
                p.quiet {
                    (labels.with(
                        &format!("restock.other-{}", way.word()),
                        &[("number", &times.count()), ("longest", &times.longest().map(long).unwrap_or_default())],
                    ))
                }
            }
        }
    }
}

fn steps(times: &Times) -> Vec<Bar> {
    let names = STEPS.iter().map(|(_, name)| format!("≤ {name}")).chain(["> 1 min".to_owned()]);
    names.zip(times.steps()).map(|(name, count)| Bar::new(name, u64::try_from(count).unwrap_or(u64::MAX))).collect()
}

fn hours(view: &View, labels: &Labels) -> Markup {
    let title = labels.get("restock.hours");
    let bars = (0..).zip(view.hours).map(|(hour, count): (u32, u32)| Bar::new(format!("{hour:02}"), u64::from(count)));
    let picture = Picture {
        id: "hours".to_owned(),
        title: title.to_owned(),
        about: labels.get("restock.hours-about").to_owned(),
        panels: vec![Panel {
            title: labels.get("restock.all-shops").to_owned(),
            note: String::new(),
            bars: bars.collect(),
        }],
        ..Picture::default()
    };
    let most = view.shops.first().map(|shop| sum(&shop.restock_hours)).unwrap_or_default();
    html! {
        @if !view.shops.is_empty() {
            section {
                h2 { (title) }
                (wide(title, &html! { (PreEscaped(chart::picture(&picture))) }))
                (wide(labels.get("restock.by-shop"), &html! {
                    table {
                        thead {
                            tr {
                                @for head in ["shop", "restocks", "hours-short", "hot"] {
                                    th scope="col" { (labels.get(&format!("restock.{head}"))) }
                                }
                            }
                        }
                        tbody {
                            @for (n, shop) in view.shops.iter().take(SHOPS).enumerate() {
                                @let number = sum(&shop.restock_hours);
                                tr {
                                    th scope="row" { (line(shop.called())) }
                                    td { (number) " " (bar(&format!("many-{n}"), number, most, &number.to_string())) }
                                    td { (PreEscaped(chart::hours(&format!("hours-{n}"), &shop.restock_hours, &by_hour(&shop.restock_hours)))) }
                                    td { (hot(&shop.hot_hours)) }
                                }
                            }
                        }
                    }
                }))
                @if view.shops.len() > SHOPS { p { a href="/shops?sort=restocks" { (labels.get("restock.more-shops")) } } }
            }
        }
    }
}

fn sum(hours: &[u32; 24]) -> u64 {
    hours.iter().map(|count| u64::from(*count)).sum()
}

/// The hours in which there was any, in words.
pub(super) fn by_hour(hours: &[u32; 24]) -> String {
    let some = (0..).zip(hours).filter(|(_, count)| **count > 0);
    some.map(|(hour, count): (u32, &u32)| format!("{hour:02}:00 {count}")).collect::<Vec<_>>().join(", ")
}

/// `20:00-21:00`, as `modori shops` says it.
pub(super) fn hot(hours: &[usize]) -> String {
    let shown: Vec<String> = hours.iter().map(|hour| format!("{hour:02}:00-{:02}:00", (hour + 1) % 24)).collect();
    if shown.is_empty() { "-".to_owned() } else { shown.join(", ") }
}

#[cfg(test)]
mod tests;
