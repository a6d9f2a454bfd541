//! The calendar as a feed. Its address holds a secret that nobody can guess: a calendar app has no session. What is no
//! secret of ours is answered like any page that is not there.

use super::guard::{self, Rules};
use super::{Pages, config};
use crate::plan::calendar_file;
use crate::wording::Face;
use axum::Router;
use axum::extract::{Path, State};
use axum::http::header::{CONTENT_TYPE, ETAG, IF_NONE_MATCH};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use sha2::{Digest, Sha256};
use std::sync::Arc;

/// Its path, with the secret.
pub(super) fn path(secret: &[u8; 32]) -> String {
    format!("/calendar/{}.ics", BASE64_URL_SAFE_NO_PAD.encode(secret))
}

/// The feed, where it is configured, guarded and counted by itself.
pub(super) fn routes(web: &config::Web, pages: Pages) -> Router {
    let Some(calendar) = pages.behind.as_ref().map(|behind| &behind.config.calendar).filter(|calendar| calendar.feed)
    else {
        return Router::new();
    };
    let details = calendar.details;
    let guard = Arc::new(Rules::new(web));
    Router::new()
        .route("/calendar/{name}", get(show))
        .with_state((pages, details))
        .layer(axum::middleware::from_fn_with_state(guard, guard::check))
}

async fn show(State((pages, details)): State<(Pages, bool)>, Path(name): Path<String>, headers: HeaderMap) -> Response {
    let secret = match pages.store.call(|db| db.feed_secret()).await {
        Ok(secret) => secret,
        Err(error) => return cannot(&error),
    };
    if !is_ours(&name, secret.as_ref()) {
        return StatusCode::NOT_FOUND.into_response();
    }
    let entries = match pages.store.calendar(&pages.orders.settings, &pages.rules.wishes(), pages.clock.now()).await {
        Ok(entries) => entries,
        Err(error) => return cannot(&error),
    };
    let labels = pages.wording.labels(pages.language, Face::Calendar);
    let text = calendar_file::write(&entries, &labels, pages.language, details);
    let digest = Sha256::digest(&text);
    let tag = format!("\"{}\"", BASE64_URL_SAFE_NO_PAD.encode(digest));
    let known = headers.get(IF_NONE_MATCH).and_then(|known| known.to_str().ok());
    if known.is_some_and(|known| known.split(',').any(|one| one.trim().trim_start_matches("W/") == tag)) {
        return (StatusCode::NOT_MODIFIED, [(ETAG, tag)]).into_response();
    }
    ([(CONTENT_TYPE, "text/calendar; charset=utf-8".to_owned()), (ETAG, tag)], text).into_response()
}

fn cannot(error: &impl std::fmt::Display) -> Response {
    tracing::error!("the calendar cannot be shown: {error}");
    (StatusCode::INTERNAL_SERVER_ERROR, "modori cannot answer now; try again\n").into_response()
}

/// Compared by their digests: how long it takes tells nothing of the secret. Without one the same is done.
fn is_ours(name: &str, secret: Option<&[u8; 32]>) -> bool {
    let wanted = path(secret.unwrap_or(&[0; 32]));
    let wanted = wanted.rsplit('/').next().unwrap_or_default();
    let (asked, wanted) = (Sha256::digest(name), Sha256::digest(wanted));
    let apart = asked.iter().zip(wanted.iter()).fold(0, |apart, (one, other)| apart | (one ^ other));
    apart == 0 && secret.is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_secret_itself_opens_it() {
        let secret = [7; 32];
        let own = path(&secret);
        let name = own.strip_prefix("/calendar/").unwrap();
        assert!(is_ours(name, Some(&secret)));
        for other in ["", ".ics", name.trim_end_matches(".ics"), &name.to_lowercase(), &format!("{name}x")] {
            assert!(!is_ours(other, Some(&secret)), "{other}");
        }
        assert!(!is_ours(name, Some(&[8; 32])));
        let none = path(&[0; 32]);
        assert!(!is_ours(none.strip_prefix("/calendar/").unwrap(), None), "there is no secret");
    }
}
