//! The dashboard, and the page on which an alert is acknowledged: served where the configuration names an address for
//! them; nothing listens otherwise.

mod ack;
mod assets;
mod feed;
mod frame;
mod guard;
mod in_use;
mod orders;
mod pages;
mod session;

use super::clock::Clock;
use super::config;
use super::store::{Store, StoreError};
use crate::wording::{Language, Wording};
use axum::Router;
use axum::extract::DefaultBodyLimit;
use guard::{Guard, Peer};
pub use in_use::{InUse, RulesOf};
pub use orders::{Carry, Orders};
use std::convert::Infallible;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;

pub use session::{link_digest, link_token};

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
    /// What pages of orders need beside.
    pub orders: Orders,
    /// The program behind them; `None`: there is none.
    pub behind: Option<Behind>,
    /// The rules that sort mail.
    pub rules: InUse,
}

/// The program that serves pages.
#[derive(Clone)]
pub struct Behind {
    /// As it runs.
    pub config: Arc<config::Config>,
    /// Which process has the hand of a state folder now, as far as it says.
    pub holder: fn(&Path) -> Option<Option<u32>>,
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
                tracing::info!("the dashboard is served on {}", web.listen);
                match serve_on(listener, web, pages.clone()).await {
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

/// Serves the pages to whoever connects to this listener, until it breaks.
///
/// # Errors
/// When it breaks.
pub async fn serve_on(listener: TcpListener, web: &config::Web, pages: Pages) -> std::io::Result<()> {
    let service = router(web, pages).into_make_service_with_connect_info::<Peer>();
    axum::serve(Guard::new(listener), service).await
}

/// The address of the calendar feed.
#[must_use]
pub fn feed_url(web: &config::Web, secret: &[u8; 32]) -> String {
    // without a public address a calendar app on this machine may have it
    let base = web.public_url.clone().unwrap_or_else(|| format!("http://{}", web.listen));
    format!("{base}{}", feed::path(secret))
}

/// All there is to be asked for.
fn router(web: &config::Web, pages: Pages) -> Router {
    let rules = Arc::new(guard::Rules::new(web));
    let feed = feed::routes(web, pages.clone());
    let door = Arc::new(session::Door::new(web, Arc::clone(&rules)));
    let dashboard = pages::routes()
        .merge(session::routes())
        .with_state(pages.clone())
        .layer(DefaultBodyLimit::max(session::MOST_FORM))
        .layer(axum::middleware::from_fn_with_state((pages.clone(), door), session::enter));
    let pages = ack::routes(pages)
        .merge(dashboard)
        .merge(assets::routes())
        .layer(axum::middleware::from_fn_with_state(rules, guard::check));
    // counted by itself: a calendar app that asks too often takes nobody's turn at a button. What is nowhere to be found
    // is answered by the router that is merged last
    feed.merge(pages)
}
