//! The story of one order with its evidence, and what may be said of it.

mod draw;
mod forms;
#[cfg(test)]
mod tests;
mod view;

pub(super) use draw::noted;
pub(super) use forms::Entered;
pub(super) use view::{fate_of, shown_with};

use super::fields::Fields;
use super::said::{self, AddressQuery, Asking, broken, words};
use crate::edge::store::Story;
use crate::edge::web::Pages;
use crate::edge::web::frame::{Here, Visit};
use crate::facts::OrderNumber;
use crate::letter::Kind;
use axum::Router;
use axum::extract::{Path, Query};
use axum::http::StatusCode;
use axum::response::Response;
use axum::routing::{get, post};
use maud::{Markup, html};

pub(super) fn routes() -> Router<Pages> {
    Router::new()
        .route("/case/{order}", get(show))
        .route("/case/{order}/letter/{kind}", get(look))
        .route("/case/{order}/say", post(said::say))
        .route("/case/{order}/assign", post(said::assign))
        .route("/case/{order}/letter", post(said::letter))
        .route("/case/{order}/sent", post(said::sent))
}

async fn show(visit: Visit, Path(order): Path<String>, query: AddressQuery) -> Response {
    let Some(order) = OrderNumber::parse(&order) else { return no_number(&visit) };
    let query = query.map(|Query(all)| all).unwrap_or_default();
    let story = match known(&visit, &order).await {
        Ok(story) => story,
        Err(response) => return response,
    };
    let message = said::message(&visit, &query, Some(&story)).await;
    page(&visit, &order, &story, &message, &Entered::default(), StatusCode::OK)
}

/// The whole page of an order.
pub(super) fn page(
    visit: &Visit,
    order: &OrderNumber,
    story: &Story,
    message: &Markup,
    entered: &Entered,
    status: StatusCode,
) -> Response {
    let orders = &visit.pages.orders;
    let Some(told) = view::view(story, order, &orders.settings, &orders.replies, visit.now) else {
        return missing(visit, message);
    };
    let body = draw::page(&told, &words(visit), entered, &|action, fields, button| visit.form(action, fields, button));
    let title = visit.labels.with("case.title", &[("order", order)]);
    visit.page_with(status, Here::Waiting, &title, &html! { (message) (body) })
}

/// A letter before it is written.
async fn look(visit: Visit, Path((order, kind)): Path<(String, String)>, query: AddressQuery) -> Response {
    let Some(order) = OrderNumber::parse(&order) else { return no_number(&visit) };
    let Some(kind) = Kind::ALL.into_iter().find(|one| one.name() == kind) else {
        return missing(&visit, &html! {});
    };
    let query = query.map(|Query(all)| all).unwrap_or_default();
    let Some(fields) = Fields::of(query.into_iter().collect()) else { return said::too_many(&visit) };
    letter(&visit, &Asking { order, kind, fields }, &html! {}, StatusCode::OK).await
}

/// The page that shows a whole letter.
pub(super) async fn letter(visit: &Visit, asking: &Asking, message: &Markup, status: StatusCode) -> Response {
    let Asking { order, kind, fields } = asking;
    let story = match known(visit, order).await {
        Ok(story) => story,
        Err(response) => return response,
    };
    let orders = &visit.pages.orders;
    let wish = said::wish(*kind, fields);
    let asked = wish.clone().unwrap_or_default();
    let shown = view::preview(*kind, &story, order, &asked, &orders.settings, &orders.replies, visit.now);
    let Some(shown) = shown else { return missing(visit, message) };
    let form = |action: &str, fields: &Markup, button: &str| visit.form(action, fields, button);
    let body = draw::preview(order, &shown, &wish, fields, &words(visit), &form);
    let title = visit.labels.get(draw::kind_label(*kind)).to_owned();
    visit.page_with(status, Here::Waiting, &title, &html! { (message) (body) })
}

/// The story of an order; a page that says so when there is none.
pub(super) async fn known(visit: &Visit, order: &OrderNumber) -> Result<Story, Response> {
    let (about, settings, now) = (order.clone(), visit.pages.orders.settings.clone(), visit.now);
    match visit.pages.store.look(move |db| db.story(&about, &settings, now)).await {
        Ok(Some(story)) => Ok(story),
        Ok(None) => Err(missing(visit, &html! {})),
        Err(error) => Err(broken(&error)),
    }
}

fn missing(visit: &Visit, message: &Markup) -> Response {
    not_there(visit, &html! { (message) p { (visit.labels.get("case.missing")) } })
}

/// What was asked for is no order number at all.
pub(super) fn no_number(visit: &Visit) -> Response {
    not_there(visit, &html! { p { (visit.labels.get("case.no-number")) } })
}

fn not_there(visit: &Visit, body: &Markup) -> Response {
    let back = html! { p { a href="/" { (visit.labels.get("case.back")) } } };
    let title = visit.labels.get("case.missing-title").to_owned();
    visit.page_with(StatusCode::NOT_FOUND, Here::Waiting, &title, &html! { (body) (back) })
}
