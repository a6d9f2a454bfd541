//! What every page of the dashboard has around it: heading, ways to the other pages, style; and who visits.

use super::Pages;
use super::assets::{ICON, ICON_PATH, SCRIPT_PATH, STYLE_PATH};
use super::session::{self, Entered};
use crate::calendar;
use crate::text;
use crate::wording::{Face, Labels, Language};
use axum::extract::{FromRequestParts, Request};
use axum::http::StatusCode;
use axum::http::request::Parts;
use axum::response::{Html, IntoResponse, Redirect, Response};
use jiff::Timestamp;
use maud::{DOCTYPE, Markup, PreEscaped, html};

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

/// A request of somebody who may see everything: to have one is to have passed the login; if it writes, it came from one
/// of our own forms.
pub(super) struct Visit {
    /// What pages are made from.
    pub(super) pages: Pages,
    /// Their short texts.
    pub(super) labels: Labels,
    /// Their language.
    pub(super) language: Language,
    /// Now.
    pub(super) now: Timestamp,
    /// The session's own word, in every form.
    word: String,
    /// The way from here to the first page.
    root: String,
    /// Path and query of this page; where a form was sent to can only be written to: then the page that has the form.
    here: String,
}

impl FromRequestParts<Pages> for Visit {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, pages: &Pages) -> Result<Self, Response> {
        let path = parts.uri.path();
        let Some(entered) = parts.extensions.get::<Entered>() else { return Err(Around::at(pages, path).door()) };
        let language = entered.language(pages.language);
        Ok(Self {
            labels: pages.wording.labels(language, Face::Dashboard),
            language,
            now: pages.clock.now(),
            pages: pages.clone(),
            word: entered.word(),
            root: root(path),
            here: if parts.method.is_safe() {
                parts.uri.path_and_query().map_or_else(|| path.to_owned(), |all| all.as_str().to_owned())
            } else {
                page_of(path)
            },
        })
    }
}

impl Visit {
    /// A whole page. Ways within the dashboard are written from its first page on (`/restock`): they are changed to
    /// lead there from wherever the browser found this one.
    pub(super) fn page(&self, here: Here, title: &str, body: &Markup) -> Response {
        self.page_with(StatusCode::OK, here, title, body)
    }

    /// A whole page with a status of its own, such as that of something that is not there.
    pub(super) fn page_with(&self, status: StatusCode, here: Here, title: &str, body: &Markup) -> Response {
        let labels = &self.labels;
        let inside = html! {
            a.skip href="#main" { (labels.get("frame.skip")) }
            header.top {
                div {
                    a.brand href="/" { (PreEscaped(ICON.replace("<svg ", "<svg aria-hidden=\"true\" "))) (labels.get("title")) }
                    nav aria-label=(labels.get("frame.pages")) {
                        ul {
                            @for one in Here::ALL {
                                li { a href=(one.path()) aria-current=[(one == here).then_some("page")] { (labels.get(one.label())) } }
                            }
                        }
                    }
                }
            }
            main #main tabindex="-1" { h1 { (title) } (body) }
            div #said .visually-hidden role="status" {}
            footer.foot {
                p { "modori " (env!("CARGO_PKG_VERSION")) }
                div.row {
                    (self.language_form())
                    form method="post" action="/logout" { (self.word()) button type="submit" { (labels.get("frame.sign_out")) } }
                }
            }
        };
        let title = format!("{title} - {}", labels.get("title"));
        (status, document(self.language, &self.root, &title, &inside)).into_response()
    }

    /// A form that writes: with the session's own word, which no other site knows.
    pub(super) fn form(&self, action: &str, fields: &Markup, button: &str) -> Markup {
        html! {
            form method="post" action=(action) data-enhance { (self.word()) (fields) button type="submit" { (button) } }
        }
    }

    /// The field that every form must have: a form without it is refused.
    pub(super) fn word(&self) -> Markup {
        html! { input type="hidden" name="csrf" value=(self.word); }
    }

    /// What answers a form that was taken: the browser goes to a page of the dashboard (`/case/…`).
    pub(super) fn go(&self, path: &str) -> Response {
        Redirect::to(path).into_response()
    }

    /// An instant, by the clock of Tokyo.
    pub(super) fn at(&self, at: Timestamp) -> Markup {
        let here = calendar::civil(at);
        let shown = if here.date() == calendar::civil(self.now).date() {
            here.strftime("%H:%M").to_string()
        } else {
            here.strftime("%Y-%m-%d %H:%M").to_string()
        };
        html! { time datetime=(calendar::rfc3339(at)) { (shown) } }
    }

    /// How long ago an instant was.
    pub(super) fn ago(&self, at: Timestamp) -> Markup {
        let since = self.now.duration_since(at).as_secs().max(0);
        html! { time datetime=(calendar::rfc3339(at)) { (self.labels.with("frame.ago", &[("span", &span(&self.labels, since))])) } }
    }

    /// A text of others as it may be shown: without what steers a screen; maud escapes the rest.
    #[allow(clippy::unused_self)] // it is said of this visit's page
    pub(super) fn text(&self, text: &str) -> String {
        shown(text)
    }

    /// What is answered when the database refuses.
    pub(super) fn trouble(&self, error: &dyn std::fmt::Display) -> Response {
        Around { labels: self.labels.clone(), language: self.language, root: self.root.clone() }.trouble(error)
    }

    fn language_form(&self) -> Markup {
        let (word, name) = match self.language {
            Language::Ja => ("en", "English"),
            Language::En => ("ja", "日本語"),
        };
        html! {
            form method="post" action="/language" {
                (self.word())
                input type="hidden" name="back" value=(self.here);
                button type="submit" name="language" value=(word) lang=(word) { (name) }
            }
        }
    }
}

/// A text of others without control and direction characters; line breaks stay.
pub(super) fn shown(text: &str) -> String {
    text::lines(text)
}

/// A span of time, in whole units of the largest two that it has.
pub(super) fn span(labels: &Labels, seconds: i64) -> String {
    let (days, hours) = (seconds / 86_400, seconds / 3600 % 24);
    let (minutes, rest) = (seconds / 60 % 60, seconds % 60);
    let parts = [("frame.days", days), ("frame.hours", hours), ("frame.minutes", minutes), ("frame.seconds", rest)];
    let first = parts.iter().position(|(_, number)| *number > 0).unwrap_or(3);
    let said = parts.iter().skip(first).take(2).filter(|(label, number)| *number > 0 || *label == "frame.seconds");
    let said: Vec<String> = said.map(|(label, number)| labels.with(label, &[("number", number)])).collect();
    said.join(" ")
}

/// What is shown to somebody who has not entered.
pub(super) struct Around {
    labels: Labels,
    language: Language,
    root: String,
}

impl Around {
    pub(super) fn of(pages: &Pages, request: &Request) -> Self {
        Self::at(pages, request.uri().path())
    }

    pub(super) fn at(pages: &Pages, path: &str) -> Self {
        Self { labels: session::outside(pages), language: pages.language, root: root(path) }
    }

    pub(super) fn labels(&self) -> &Labels {
        &self.labels
    }

    /// A page without ways to others.
    pub(super) fn bare(&self, status: StatusCode, title: &str, body: &Markup) -> Response {
        let inside = html! {
            main #main { div.card.door { h1 { (title) } (body) } }
        };
        let title = format!("{title} - {}", self.labels.get("title"));
        (status, document(self.language, &self.root, &title, &inside)).into_response()
    }

    /// A request that was not taken, and why.
    pub(super) fn refused(&self, status: StatusCode, why: &str) -> Response {
        let again = html! {
            p { (self.labels.get(why)) }
            p { a href="/" { (self.labels.get("door.back")) } }
        };
        self.bare(status, self.labels.get("door.title"), &again)
    }

    /// How one gets in. A link in a mail or a message is opened without the cookie (`SameSite=Strict`): from here one
    /// goes on with it.
    pub(super) fn door(&self) -> Response {
        let how = html! {
            p data-door { (self.labels.get("door.how")) }
            pre { code { "modori dashboard" } }
            p.quiet { (self.labels.get("door.signed_in")) " " a href="" { (self.labels.get("door.on")) } }
        };
        self.bare(StatusCode::FORBIDDEN, self.labels.get("door.title"), &how)
    }

    /// The database refused, or something like it.
    pub(super) fn trouble(&self, error: &dyn std::fmt::Display) -> Response {
        tracing::error!("a page cannot be shown: {error}");
        self.refused(StatusCode::INTERNAL_SERVER_ERROR, "door.trouble")
    }
}

fn document(language: Language, root: &str, title: &str, inside: &Markup) -> Html<String> {
    let page = html! {
        (DOCTYPE)
        html lang=(language.folder()) {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="robots" content="noindex";
                meta name="color-scheme" content="light dark";
                title { (title) }
                link rel="icon" href=(*ICON_PATH) type="image/svg+xml";
                link rel="stylesheet" href=(*STYLE_PATH);
                script src=(*SCRIPT_PATH) defer {}
            }
            body { (inside) }
        }
    };
    Html(from_here(&page.into_string(), root))
}

/// The page that has the form which is sent to a path: that of the order, else the first.
fn page_of(path: &str) -> String {
    let order = path.strip_prefix("/case/").and_then(|rest| rest.split('/').next()).filter(|order| !order.is_empty());
    order.map_or_else(|| "/".to_owned(), |order| format!("/case/{order}"))
}

/// The way from a page to the first one: `./`, `../` for `/case/1`.
pub(super) fn root(path: &str) -> String {
    match path.matches('/').count().saturating_sub(1) {
        0 => "./".to_owned(),
        deep => "../".repeat(deep),
    }
}

/// A way within the dashboard, from where the browser is; `None` when it leads elsewhere.
pub(super) fn within(way: &str, root: &str) -> Option<String> {
    let rest = way.strip_prefix('/').filter(|rest| !rest.starts_with('/'))?;
    Some(format!("{root}{rest}"))
}

/// All ways of a page that begin at the first one. No text can look like an attribute: its quotes are escaped.
fn from_here(page: &str, root: &str) -> String {
    let mut out = String::with_capacity(page.len() + 64);
    let mut rest = page;
    // one pass: a page of hundreds of orders has thousands of ways
    while let Some(at) = rest.find("=\"/") {
        let (before, after) = rest.split_at(at + 3);
        let name = rest.get(..at).unwrap_or_default();
        let leads = [" href", " action", " src", " formaction"].iter().any(|known| name.ends_with(known));
        if leads && !after.starts_with('/') {
            out.push_str(before.strip_suffix('/').unwrap_or(before));
            out.push_str(root);
        } else {
            out.push_str(before);
        }
        rest = after;
    }
    out.push_str(rest);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ways_lead_home_from_every_depth() {
        for (path, way) in [("/", "./"), ("/restock", "./"), ("/case/1", "../"), ("/case/1/say", "../../"), ("", "./")]
        {
            assert_eq!(root(path), way, "{path}");
        }
        assert_eq!(within("/shops?x=1", "../").as_deref(), Some("../shops?x=1"));
        assert_eq!(within("//evil.example/", "../"), None);
        assert_eq!(within("https://evil.example/", "../"), None);
    }

    #[test]
    fn a_form_belongs_to_a_page_that_can_be_looked_at() {
        for (path, page) in [
            ("/case/1-2-3/say", "/case/1-2-3"),
            ("/case/1-2-3/letter", "/case/1-2-3"),
            ("/case/", "/"),
            ("/seen", "/"),
            ("/", "/"),
        ] {
            assert_eq!(page_of(path), page, "{path}");
        }
    }

    #[test]
    fn what_steers_a_screen_is_taken_out_as_everywhere() {
        assert_eq!(shown("a\u{feff}b\u{fff9}c\u{202e}d\r\ne\tf"), "abcd\ne f");
    }

    #[test]
    fn only_attributes_are_changed_and_only_ways_within() {
        let mail = "<a href=\"/x\"> href=\"/y";
        let page = html! {
            a href="/case/1" { (mail) }
            form action="/say" {}
            a href="https://item.rakuten.co.jp/a/b/" {}
            a href="//item.rakuten.co.jp/" {}
            a href="#main" {}
        };
        let page = from_here(&page.into_string(), "../");
        assert!(page.contains("<a href=\"../case/1\">&lt;a href=&quot;/x&quot;&gt; href=&quot;/y</a>"), "{page}");
        assert!(
            page.contains("action=\"../say\"") && page.contains("\"https://item.") && page.contains("\"//item."),
            "{page}"
        );
    }
}
