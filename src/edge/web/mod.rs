//! Pages for the phone, where the configuration names an address for them: nothing listens otherwise. Each page is whole
//! in itself, and runs no script.

mod ack;
mod feed;
mod frame;
mod guard;
mod pages;

use super::clock::Clock;
use super::config;
use super::store::{Store, StoreError};
use crate::ledger::due::Settings;
use crate::wording::{Language, Wording};
use axum::Router;
use guard::{Guard, Peer};
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;

/// Between two attempts to listen on an address that another program has.
const AGAIN: Duration = Duration::from_secs(30);

/// What pages are made from.
#[derive(Clone)]
pub struct Pages {
    /// The database.
    pub store: Store,
    /// The time.
    pub clock: Clock,
    /// The words.
    pub wording: Wording,
    /// Their language.
    pub language: Language,
    /// The clocks of the ledger.
    pub ledger: Settings,
    /// What the calendar tells, and whether it is served.
    pub calendar: config::Calendar,
}

/// Serves the pages for ever. An address that cannot be listened on is no reason to stop the watch: that is written
/// down, shown by `modori status`, and tried again.
///
/// # Errors
/// When the database refuses.
pub async fn serve(web: &config::Web, pages: Pages) -> Result<Infallible, StoreError> {
    let mut said = false;
    loop {
        let trouble = match TcpListener::bind(web.listen).await {
            Ok(listener) => {
                pages.store.call(|db| db.web_is(None)).await?;
                tracing::info!("the page with the button is served on {}", web.listen);
                let service = router(web, pages.clone()).into_make_service_with_connect_info::<Peer>();
                match axum::serve(Guard::new(listener), service).await {
                    Ok(()) => "it ended".to_owned(),
                    Err(error) => error.to_string(),
                }
            }
            Err(error) => error.to_string(),
        };
        let what = format!("cannot listen on {}: {trouble}", web.listen);
        if !said {
            tracing::error!(
                "{what}; alerts can be acknowledged in other ways; if another program has the port, name another one under [web]"
            );
        }
        said = true;
        pages.store.call(move |db| db.web_is(Some(&what))).await?;
        tokio::time::sleep(AGAIN).await;
    }
}

/// The address of the calendar feed.
#[must_use]
pub fn feed_url(web: &config::Web, secret: &[u8; 32]) -> String {
    format!("{}{}", web.public_url, feed::path(secret))
}

/// All there is to be asked for.
fn router(web: &config::Web, pages: Pages) -> Router {
    let guard = Arc::new(guard::Rules::new(web));
    let feed = feed::routes(web, pages.clone());
    let pages = ack::routes(pages.clone())
        .merge(pages::routes().with_state(pages))
        .layer(axum::middleware::from_fn_with_state(guard, guard::check));
    // counted by itself: a calendar app that asks too often takes nobody's turn at a button. What is nowhere to be found
    // is answered by the router that is merged last
    feed.merge(pages)
}
