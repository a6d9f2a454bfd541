//! The story of one order with its evidence, and what may be said of it.

use crate::edge::web::Pages;
use crate::edge::web::frame::{Here, Visit};
use axum::Router;
use axum::response::Response;
use axum::routing::get;
use maud::html;

pub(super) fn routes() -> Router<Pages> {
    Router::new().route("/case/{order}", get(show))
}

async fn show(visit: Visit) -> Response {
    let title = visit.labels.get(Here::Waiting.label()).to_owned();
    visit.page(Here::Waiting, &title, &html! {})
}
