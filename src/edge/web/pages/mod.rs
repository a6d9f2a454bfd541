//! The pages of the dashboard, one file each.

mod case;
mod fields;
mod figures;
mod life;
mod restock;
mod rules;
mod said;
mod settings;
mod shops;
mod waiting;
mod words;

use super::Pages;
use axum::Router;

/// All of them.
pub(super) fn routes() -> Router<Pages> {
    Router::new()
        .merge(waiting::routes())
        .merge(case::routes())
        .merge(restock::routes())
        .merge(shops::routes())
        .merge(rules::routes())
        .merge(life::routes())
        .merge(settings::routes())
}
