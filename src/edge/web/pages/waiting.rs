//! What waits for the shopper, the soonest first, and what she says of it with one tap.

mod draw;
#[cfg(test)]
pub(super) mod tests;
mod view;

pub(super) use draw::{Form, draft, hidden, inquiry, one_tap, shown, why_not};
pub(super) use view::{Ask, Says, ask, says};

use super::fields::Fields;
use super::said::{self, AddressQuery};
use crate::edge::store::{Acknowledged, StoreError};
use crate::edge::web::Pages;
use crate::edge::web::frame::{Here, Visit};
use crate::ledger::coupon::owned;
use crate::plan::answer::By;
use axum::Router;
use axum::extract::{Form as Body, Query};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use jiff::SignedDuration;
use maud::{Markup, html};

/// Coupons that end within so many days are listed.
const SOON_DAYS: i64 = 30;

pub(super) fn routes() -> Router<Pages> {
    Router::new().route("/", get(show)).route("/seen", post(seen))
}

async fn show(visit: Visit, query: AddressQuery) -> Response {
    let query = query.map(|Query(all)| all).unwrap_or_default();
    let message = said::message(&visit, &query, None).await;
    page(&visit, &message).await
}

/// The whole page, with a message above it.
pub(super) async fn page(visit: &Visit, message: &Markup) -> Response {
    match body(visit).await {
        Ok(body) => {
            let title = visit.labels.get(Here::Waiting.label()).to_owned();
            visit.page(Here::Waiting, &title, &html! { (message) (body) })
        }
        Err(error) => said::broken(&error),
    }
}

async fn body(visit: &Visit) -> Result<Markup, StoreError> {
    let (orders, now) = (&visit.pages.orders, visit.now);
    let found = orders.found(&visit.pages.store, now).await?;
    let soon = now.saturating_add(SignedDuration::from_hours(24 * SOON_DAYS)).unwrap_or(now);
    let beside = visit
        .pages
        .store
        .look(move |db| Ok((db.awaiting(now)?, db.unknown_letters()?, owned(&db.coupons_ending(now, soon)?))));
    let (alerts, letters, coupons) = beside.await?;
    let view = view::view(&found, &alerts, &letters, &coupons, &orders.settings, &orders.replies, now);
    Ok(draw::page(&view, &said::words(visit), &|action, fields, button| visit.form(action, fields, button)))
}

/// An alert is acknowledged.
async fn seen(visit: Visit, Body(fields): Body<Vec<(String, String)>>) -> Response {
    let Some(fields) = Fields::of(fields) else { return said::too_many(&visit) };
    let (token, now) = (fields.get("token").to_owned(), visit.now);
    let by = By::Dashboard;
    match visit.pages.store.call(move |db| db.acknowledge(&token, &by, now)).await {
        Ok(Acknowledged::Now(_)) => {
            // repetitions that are about to leave need not
            let _ = visit.pages.orders.carry.tell();
            visit.go("/?seen=now")
        }
        Ok(Acknowledged::Before(_) | Acknowledged::Over(_)) => visit.go("/?seen=over"),
        Ok(Acknowledged::Unknown) => StatusCode::NOT_FOUND.into_response(),
        Err(error) => said::broken(&error),
    }
}
