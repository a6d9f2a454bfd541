//! How reliable shops were: orders, cancellations of their own making, days until points came back, restocks.

use super::figures::{Pager, bar, wide};
use super::restock::{by_hour, hot};
use super::said::{self, AddressQuery};
use super::words::line;
use crate::chart;
use crate::edge::web::Pages;
use crate::edge::web::frame::{Here, Visit};
use crate::ledger::Shop;
use crate::wording::Labels;
use axum::Router;
use axum::extract::Query;
use axum::response::Response;
use axum::routing::get;
use maud::{Markup, PreEscaped, html};
use std::cmp::Reverse;

/// Shops on a page.
const EACH: u32 = 50;

pub(super) fn routes() -> Router<Pages> {
    Router::new().route("/shops", get(show))
}

/// By what shops are sorted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Order {
    /// The worst first, as `modori shops` lists them.
    #[default]
    Worst,
    Name,
    Orders,
    Cancels,
    Days,
    Apologies,
    Restocks,
}

impl Order {
    const ALL: [Self; 7] =
        [Self::Worst, Self::Name, Self::Orders, Self::Cancels, Self::Days, Self::Apologies, Self::Restocks];

    fn word(self) -> &'static str {
        match self {
            Self::Worst => "worst",
            Self::Name => "name",
            Self::Orders => "orders",
            Self::Cancels => "cancels",
            Self::Days => "days",
            Self::Apologies => "apologies",
            Self::Restocks => "restocks",
        }
    }

    /// As an address names it; the usual one for any other word.
    pub(super) fn of(word: Option<&String>) -> Self {
        Self::ALL.into_iter().find(|one| word.is_some_and(|word| word == one.word())).unwrap_or_default()
    }

    pub(super) fn sort(self, shops: &mut [Shop]) {
        shops.sort_by(|one, other| one.code.cmp(&other.code));
        match self {
            Self::Worst => shops.sort_by_key(|shop| {
                Reverse((shop.bad_record, shop.cancel_percent(), shop.cancels, shop.cancels_claimed, shop.orders))
            }),
            Self::Name => shops.sort_by_cached_key(|shop| shop.called().to_owned()),
            Self::Orders => shops.sort_by_key(|shop| Reverse(shop.orders)),
            Self::Cancels => shops.sort_by_key(|shop| Reverse((shop.cancels, shop.cancel_percent()))),
            Self::Days => shops.sort_by_key(|shop| Reverse((shop.days_back_median, shop.days_back_worst))),
            Self::Apologies => shops.sort_by_key(|shop| Reverse(shop.apologies)),
            Self::Restocks => shops.sort_by_key(restocks_first),
        }
    }
}

fn restocks_first(shop: &Shop) -> Reverse<u64> {
    Reverse(restocks(shop))
}

async fn show(visit: Visit, query: AddressQuery) -> Response {
    let query = query.map(|Query(all)| all).unwrap_or_default();
    match visit.pages.orders.shops(&visit.pages.store, visit.now).await {
        Ok(shops) => {
            let mut shops = shops.to_vec();
            let order = Order::of(query.get("sort"));
            order.sort(&mut shops);
            let pager = Pager::of(&query, u64::try_from(shops.len()).unwrap_or(u64::MAX), EACH);
            visit.page(Here::Shops, visit.labels.get("shops.title"), &page(&shops, order, pager, &visit.labels))
        }
        Err(error) => said::broken(&error),
    }
}

/// The whole page below its heading; `shops` are sorted.
pub(super) fn page(shops: &[Shop], order: Order, pager: Pager, labels: &Labels) -> Markup {
    let title = labels.get("shops.title");
    let most_orders = shops.iter().map(|shop| u64::from(shop.orders)).max().unwrap_or_default();
    let most_days =
        shops.iter().filter_map(|shop| shop.days_back_median).max().and_then(|days| u64::try_from(days).ok());
    let shown = pager.part(shops);
    html! {
        p { (labels.get("shops.how")) }
        @if shops.is_empty() {
            p { (labels.get("shops.none")) }
        } @else {
            nav aria-label=(labels.get("shops.sort")) {
                p.row {
                    span.quiet { (labels.get("shops.sort")) }
                    @for one in Order::ALL {
                        a href=(format!("/shops?sort={}", one.word())) aria-current=[(one == order).then_some("true")] {
                            (labels.get(&format!("shops.by-{}", one.word())))
                        }
                    }
                }
            }
            (wide(title, &html! {
                table {
                    thead {
                        tr {
                            th scope="col" { (labels.get("shops.shop")) }
                            @for head in ["orders", "cancels", "claimed", "asked", "days", "apologies", "restocks", "hours"] {
                                th scope="col" { (labels.get(&format!("shops.{head}"))) }
                            }
                        }
                    }
                    tbody {
                        @for (n, shop) in shown.iter().enumerate() { (row(n, shop, most_orders, most_days, labels)) }
                    }
                }
            }))
            (pager.ways(labels, &format!("/shops?sort={}&", order.word())))
        }
    }
}

fn row(n: usize, shop: &Shop, most_orders: u64, most_days: Option<u64>, labels: &Labels) -> Markup {
    let (orders, percent) = (u64::from(shop.orders), u64::from(shop.cancel_percent()));
    let days = shop.days_back_median.and_then(|days| u64::try_from(days).ok());
    let restocks = restocks(shop);
    html! {
        tr class=[shop.bad_record.then_some("warn")] {
            th scope="row" {
                (line(shop.called()))
                @if shop.name.is_some() { br; span.quiet { (line(&shop.code)) } }
                @if shop.bad_record {
                    br;
                    strong.warn {
                        (labels.with("shops.careful", &[("cancels", &shop.cancels), ("orders", &shop.orders)]))
                    }
                }
            }
            td { (orders) " " (bar(&format!("orders-{n}"), orders, most_orders, &orders.to_string())) }
            td {
                @if shop.cancels == 0 { "-" } @else {
                    (shop.cancels) " (" (percent) "%) "
                    (bar(&format!("cancels-{n}"), percent, 100, &format!("{percent}%")))
                }
            }
            td { (some(u64::from(shop.cancels_claimed))) }
            td { (some(u64::from(shop.asked))) }
            td {
                @match (days, shop.days_back_worst) {
                    (Some(days), worst) => {
                        (days)
                        @if let Some(worst) = worst.filter(|worst| u64::try_from(*worst).ok() != Some(days)) { " (" (worst) ")" }
                        " " (bar(&format!("days-{n}"), days, most_days.unwrap_or(days), &days.to_string()))
                    },
                    _ => "-",
                }
            }
            td { (some(u64::from(shop.apologies))) }
            td { (some(restocks)) }
            td {
                @if restocks > 0 {
                    (PreEscaped(chart::hours(&format!("hours-{n}"), &shop.restock_hours, &by_hour(&shop.restock_hours))))
                    br;
                }
                (hot(&shop.hot_hours))
            }
        }
    }
}

fn some(number: u64) -> String {
    if number == 0 { "-".to_owned() } else { number.to_string() }
}

fn restocks(shop: &Shop) -> u64 {
    shop.restock_hours.iter().map(|count| u64::from(*count)).sum()
}

#[cfg(test)]
mod tests;
