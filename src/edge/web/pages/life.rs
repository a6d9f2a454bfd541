//! Proof of life: whether every mailbox is seen, and what waits.

use crate::edge::web::Pages;
use crate::edge::web::frame::{Here, Visit};
use axum::Router;
use axum::response::Response;
use axum::routing::get;
use maud::html;

pub(super) fn routes() -> Router<Pages> {
    Router::new().route("/life", get(show))
}

async fn show(visit: Visit) -> Response {
    let title = visit.labels.get(Here::Life.label()).to_owned();
    visit.page(Here::Life, &title, &html! {})
}
