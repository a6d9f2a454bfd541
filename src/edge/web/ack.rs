//! The page on which an alert is acknowledged. To look at it changes nothing: mail programs and messengers fetch every
//! link they see. Its address holds the token, which nobody can guess; nothing of it is logged.

use super::Pages;
use super::guard::{MOST_BODY, STYLE};
use crate::edge::store::Acknowledged;
use crate::plan::answer::By;
use crate::text;
use crate::wording::{Language, Page, PageState};
use axum::Router;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, Path, State};
use axum::http::StatusCode;
use axum::response::{Html, IntoResponse, Response};
use axum::routing::get;
use std::fmt::Write as _;

/// Longest token that is looked up as it is; all longer ones are one unknown token.
const LONGEST: usize = 64;

pub(super) fn routes(pages: Pages) -> Router {
    Router::new()
        .route("/ack/{token}", get(show).post(acknowledge))
        .layer(DefaultBodyLimit::max(MOST_BODY))
        .with_state(pages)
}

async fn show(State(pages): State<Pages>, Path(token): Path<String>) -> Response {
    let now = pages.clock.now();
    let token = known_size(token);
    let found = pages.store.call(move |db| db.would_acknowledge(&token, now)).await;
    answer(&pages, found, PageState::Open)
}

/// The body is read for its size alone.
async fn acknowledge(State(pages): State<Pages>, Path(token): Path<String>, _: Bytes) -> Response {
    let now = pages.clock.now();
    let token = known_size(token);
    let found = pages.store.call(move |db| db.acknowledge(&token, &By::Button, now)).await;
    if matches!(found, Ok(Acknowledged::Now(_))) {
        tracing::info!(by = By::Button.word(), "an alert was acknowledged");
    }
    answer(&pages, found, PageState::Done)
}

/// What is no token is looked up all the same: an answer takes as long for every address.
fn known_size(token: String) -> String {
    if token.len() > LONGEST { String::new() } else { token }
}

fn answer<E: std::fmt::Display>(pages: &Pages, found: Result<Acknowledged, E>, now: PageState) -> Response {
    let (status, state, title) = match found {
        Ok(Acknowledged::Now(awaiting)) => (StatusCode::OK, now, awaiting.alert.title),
        Ok(Acknowledged::Before(awaiting)) => (StatusCode::OK, PageState::Answered, awaiting.alert.title),
        Ok(Acknowledged::Over(awaiting)) => (StatusCode::OK, PageState::Over, awaiting.alert.title),
        Ok(Acknowledged::Unknown) => (StatusCode::NOT_FOUND, PageState::Unknown, String::new()),
        Err(error) => {
            tracing::error!("a page cannot be shown: {error}");
            return (StatusCode::INTERNAL_SERVER_ERROR, "modori cannot answer now; try again\n").into_response();
        }
    };
    let lines = pages.wording.page(pages.language, &Page { state, title });
    (status, Html(page(pages.language, &lines, state == PageState::Open))).into_response()
}

/// Heading, text, and of an open alert the last line on the button.
fn page(language: Language, lines: &[String], open: bool) -> String {
    let mut lines: Vec<&str> = lines.iter().map(String::as_str).collect();
    let button = if open { lines.pop() } else { None };
    let mut body = String::new();
    for (n, line) in lines.into_iter().enumerate() {
        let _ = if n == 0 {
            write!(body, "<h1>{}</h1>", text::markup(line))
        } else {
            write!(body, "<p>{}</p>", text::markup(line))
        };
    }
    if let Some(button) = button {
        let _ = write!(body, "<form method=\"post\"><button type=\"submit\">{}</button></form>", text::markup(button));
    }
    format!(
        "<!doctype html>\n<html lang=\"{}\"><head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"><meta name=\"robots\" content=\"noindex\">\
         <title>modori</title><style>{STYLE}</style></head><body>{body}</body></html>\n",
        language.folder()
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_title_cannot_write_the_page() {
        let lines = [
            "<script>alert(1)</script> & \"\u{202e}\u{200f}\u{61c}\u{feff}x'".to_owned(),
            "text".to_owned(),
            "press".to_owned(),
        ];
        let shown = page(Language::En, &lines, true);
        assert!(
            shown.contains("<h1>&lt;script&gt;alert(1)&lt;/script&gt; &amp; &quot;x&#39;</h1><p>text</p>"),
            "{shown}"
        );
        assert!(shown.contains("<form method=\"post\"><button type=\"submit\">press</button></form>"), "{shown}");
        assert!(!shown.contains("<script"));
        let closed = page(Language::Ja, &lines, false);
        assert!(closed.contains("<p>press</p>") && !closed.contains("<form") && closed.contains("lang=\"ja\""));
    }
}
