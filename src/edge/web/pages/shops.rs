//! How reliable shops were.

use crate::edge::web::Pages;
use crate::edge::web::frame::{Here, Visit};
use axum::Router;
use axum::response::Response;
use axum::routing::get;
use maud::html;

pub(super) fn routes() -> Router<Pages> {
    Router::new().route("/shops", get(show))
}

async fn show(visit: Visit) -> Response {
    let title = visit.labels.get(Here::Shops.label()).to_owned();
    visit.page(Here::Shops, &title, &html! {})
}
