//! What every page of the dashboard has around it: heading, ways to the other pages, style; and who visits.

use super::Pages;
use super::guard::STYLE;
use crate::wording::{Face, Labels, Language};
use axum::extract::FromRequestParts;
use axum::http::StatusCode;
use axum::http::request::Parts;
use axum::response::{Html, IntoResponse, Response};
use jiff::Timestamp;
use maud::{DOCTYPE, Markup, html};

/// The pages that a heading leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Here {
    /// What waits for the shopper, and the cases.
    Waiting,
    /// Restocks.
    Restock,
    /// Shops.
    Shops,
    /// Rules.
    Rules,
    /// Proof of life.
    Life,
    /// Settings.
    Settings,
}

impl Here {
    pub(super) const ALL: [Self; 6] =
        [Self::Waiting, Self::Restock, Self::Shops, Self::Rules, Self::Life, Self::Settings];

    /// Its path.
    pub(super) fn path(self) -> &'static str {
        match self {
            Self::Waiting => "/",
            Self::Restock => "/restock",
            Self::Shops => "/shops",
            Self::Rules => "/rules",
            Self::Life => "/life",
            Self::Settings => "/settings",
        }
    }

    /// Its label.
    pub(super) fn label(self) -> &'static str {
        match self {
            Self::Waiting => "nav.waiting",
            Self::Restock => "nav.restock",
            Self::Shops => "nav.shops",
            Self::Rules => "nav.rules",
            Self::Life => "nav.life",
            Self::Settings => "nav.settings",
        }
    }
}

/// A request of somebody who may see everything: to have one is to have passed the login.
#[allow(dead_code)]
pub(super) struct Visit {
    /// What pages are made from.
    pub(super) pages: Pages,
    /// Their short texts.
    pub(super) labels: Labels,
    /// Their language.
    pub(super) language: Language,
    /// Now.
    pub(super) now: Timestamp,
}

impl FromRequestParts<Pages> for Visit {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, pages: &Pages) -> Result<Self, Response> {
        if !may_see(parts) {
            return Err(StatusCode::NOT_FOUND.into_response());
        }
        let language = pages.language;
        let labels = pages.wording.labels(language, Face::Dashboard);
        Ok(Self { labels, language, now: pages.clock.now(), pages: pages.clone() })
    }
}

/// Whether the request bears a session. There are none yet: nobody sees anything.
fn may_see(_parts: &Parts) -> bool {
    false
}

#[allow(dead_code)]
impl Visit {
    /// A whole page.
    pub(super) fn page(&self, here: Here, title: &str, body: &Markup) -> Response {
        let page = html! {
            (DOCTYPE)
            html lang=(self.language.folder()) {
                head {
                    meta charset="utf-8";
                    meta name="viewport" content="width=device-width, initial-scale=1";
                    meta name="robots" content="noindex";
                    title { (title) " - " (self.labels.get("title")) }
                    style { (maud::PreEscaped(STYLE)) }
                }
                body {
                    nav {
                        @for one in Here::ALL {
                            a href=(one.path()) aria-current=[(one == here).then_some("page")] { (self.labels.get(one.label())) }
                        }
                    }
                    main { h1 { (title) } (body) }
                }
            }
        };
        Html(page.into_string()).into_response()
    }

    /// A form that writes: with the visit's own word that no other site knows.
    pub(super) fn form(&self, action: &str, fields: &Markup, button: &str) -> Markup {
        html! { form method="post" action=(action) { (fields) button type="submit" { (button) } } }
    }
}
