//! Style sheet, script and icon of the dashboard: in the program, each under a name that changes with what it holds, so
//! that a browser may keep it.

use axum::Router;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::routing::get;
use sha2::{Digest, Sha256};
use std::fmt::Write as _;
use std::sync::LazyLock;

const STYLE: &str = include_str!("style.css");
const SCRIPT: &str = include_str!("enhance.js");
pub(super) const ICON: &str = include_str!("icon.svg");

/// Where they are found.
pub(super) static STYLE_PATH: LazyLock<String> = LazyLock::new(|| path("style", STYLE, "css"));
pub(super) static SCRIPT_PATH: LazyLock<String> = LazyLock::new(|| path("enhance", SCRIPT, "js"));
pub(super) static ICON_PATH: LazyLock<String> = LazyLock::new(|| path("icon", ICON, "svg"));

/// A year: what lies under such a name never changes.
const FOR_EVER: &str = "public, max-age=31536000, immutable";

fn path(name: &str, text: &str, ending: &str) -> String {
    let mut path = format!("/{name}-");
    for byte in Sha256::digest(text).iter().take(8) {
        let _ = write!(path, "{byte:02x}");
    }
    format!("{path}.{ending}")
}

pub(super) fn routes() -> Router {
    let one = |text: &'static str, kind: &'static str| {
        get(move || async move { ([(CONTENT_TYPE, kind), (CACHE_CONTROL, FOR_EVER)], text) })
    };
    Router::new()
        .route(&STYLE_PATH, one(STYLE, "text/css; charset=utf-8"))
        .route(&SCRIPT_PATH, one(SCRIPT, "text/javascript; charset=utf-8"))
        .route(&ICON_PATH, one(ICON, "image/svg+xml"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_follow_what_they_hold() {
        assert_ne!(path("a", "x", "css"), path("a", "y", "css"));
        assert!(STYLE_PATH.starts_with("/style-") && STYLE_PATH.len() == "/style-.css".len() + 16);
    }

    #[test]
    fn nothing_is_fetched_from_elsewhere() {
        for text in [STYLE, SCRIPT, ICON] {
            let outside = text
                .match_indices("//")
                .filter(|(at, _)| text[..*at].ends_with("http:") || text[..*at].ends_with("https:"));
            assert_eq!(outside.count(), text.matches("http://www.w3.org/2000/svg").count());
            assert!(!text.contains("@import") && !text.contains("eval(") && !text.contains("innerHTML"));
        }
    }
}
