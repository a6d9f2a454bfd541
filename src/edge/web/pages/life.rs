//! Proof of life: whether every mailbox is seen, and what waits.

use crate::edge::store::{Db, Health, Lane, Latency, Lived, StoreError, Watch};
use crate::edge::web::frame::{Here, Visit, span};
use crate::edge::web::{Behind, Pages};
use crate::plan::hot::{Sales, Used};
use crate::plan::seen::Seen;
use crate::plan::sight::Reach;
use crate::plan::summary;
use crate::wording::Labels;
use axum::Router;
use axum::response::Response;
use axum::routing::get;
use jiff::{SignedDuration, Timestamp};
use maud::{Markup, html};

pub(super) fn routes() -> Router<Pages> {
    Router::new().route("/life", get(show))
}

async fn show(visit: Visit) -> Response {
    let title = visit.labels.get(Here::Life.label()).to_owned();
    let Some(behind) = visit.pages.behind.clone() else { return visit.page(Here::Life, &title, &html! {}) };
    let now = visit.now;
    // a week of alerts, every half minute, of each open page: beside the mail, never in its way
    let read = visit.pages.store.look(move |db| Look::at(db, &behind, now)).await;
    match read {
        Ok(look) => visit.page(Here::Life, &title, &look.drawn(&visit)),
        Err(error) => visit.trouble(&error),
    }
}

/// All that is shown.
struct Look {
    /// A watch runs.
    runs: bool,
    watch: Option<Watch>,
    seen: Vec<Seen>,
    lanes: Vec<Lane>,
    channels: Vec<(String, Option<Health>)>,
    /// How many alerts are kept back, and when they are told.
    kept_back: (usize, Option<Timestamp>),
    /// Until when it is hot, when it is hot next, and how much of the day's hot time is left.
    hot: (Option<Timestamp>, Option<Timestamp>, SignedDuration),
    web_trouble: Option<String>,
    /// Alerts of the last week, and how many left within a second of being seen.
    told: (usize, usize),
}

/// So far back alerts are counted.
const LATELY: SignedDuration = SignedDuration::from_hours(7 * 24);

impl Look {
    fn at(db: &Db, behind: &Behind, now: Timestamp) -> Result<Self, StoreError> {
        let config = &behind.config;
        let watch = db.last_watch()?;
        let holder = (behind.holder)(&config.state).flatten();
        let runs = watch.as_ref().is_some_and(|watch| holder == Some(watch.pid));
        let lives = db.lives()?;
        let health = db.health()?;
        let kept = db.kept_back()?;
        let sales = Sales::of(&db.sales(now)?, &config.policy.wanted, now);
        let used: Used = db.hot_used(now)?;
        let left = used.left(&config.hot);
        let named = config.policy.channels.iter().chain(&config.policy.fallback);
        let of = |name: &String| health.iter().find(|(channel, _)| channel == name).map(|(_, health)| health.clone());
        let latencies = db.latencies_since(now.checked_sub(LATELY).ok())?;
        let quick = |one: &&Latency| one.accepted.duration_since(one.seen) <= SignedDuration::from_secs(1);
        Ok(Self {
            runs,
            watch,
            seen: config
                .accounts
                .iter()
                .map(|account| {
                    let is =
                        |lived: &&Lived| lived.life.account == account.name && lived.life.mailbox == account.mailbox;
                    let life = lives.iter().find(is).map(|lived| lived.life.clone());
                    let bound = account.pace.bound(life.as_ref().and_then(|life| life.means.as_deref()));
                    Seen::of(&account.name, &account.mailbox, life, bound, runs, now)
                })
                .collect(),
            lanes: db.lanes(now)?,
            channels: named.map(|name| (name.clone(), of(name))).collect(),
            kept_back: (kept.len(), summary::next(&kept, &config.policy)),
            hot: (config.hot.hot_until(&sales, now).filter(|_| !left.is_zero()), config.hot.next(&sales, now), left),
            web_trouble: db.web_trouble()?,
            told: (latencies.len(), latencies.iter().filter(quick).count()),
        })
    }

    fn drawn(&self, visit: &Visit) -> Markup {
        let labels = &visit.labels;
        html! {
            div data-refresh="30" {
                (self.verdict(visit))
                section aria-labelledby="mailboxes" {
                    h2 #mailboxes { (labels.get("life.mailboxes")) }
                    div.cards { @for seen in &self.seen { (self.mailbox(seen, visit)) } }
                }
                section aria-labelledby="alerts" {
                    h2 #alerts { (labels.get("life.alerts")) }
                    (self.alerts(visit))
                }
                section aria-labelledby="lanes" {
                    h2 #lanes { (labels.get("life.lanes")) }
                    (self.lanes(visit))
                }
                section aria-labelledby="run" {
                    h2 #run { (labels.get("life.run")) }
                    (self.run(visit))
                }
            }
        }
    }

    fn well(&self) -> bool {
        self.runs && !self.seen.is_empty() && self.seen.iter().all(|seen| seen.well)
    }

    fn verdict(&self, visit: &Visit) -> Markup {
        let labels = &visit.labels;
        let (class, words) = match (self.well(), self.runs) {
            (true, _) => ("fine", "life.well"),
            (false, true) => ("bad", "life.blind"),
            (false, false) => ("bad", "life.not-running"),
        };
        html! { p class=(class) { strong { (labels.get(words)) } } }
    }

    fn mailbox(&self, seen: &Seen, visit: &Visit) -> Markup {
        let labels = &visit.labels;
        let life = seen.life.as_ref();
        let reach = life.map_or("life.reach.never", |life| match life.reach {
            Reach::Connecting => "life.reach.connecting",
            Reach::CatchingUp => "life.reach.catching-up",
            Reach::Watching => "life.reach.watching",
            Reach::Waiting => "life.reach.waiting",
            Reach::Refused => "life.reach.refused",
        });
        let (class, word) = if seen.well { ("fine", "life.seen") } else { ("bad", "life.unseen") };
        let means = life.and_then(|life| life.means.as_deref()).map(|means| match means {
            "notify" => labels.get("life.means.notify"),
            "idle" => labels.get("life.means.idle"),
            _ => labels.get("life.means.poll"),
        });
        html! {
            article class={ "card " (class) } {
                div.row {
                    h3 { (seen.account) " / " (seen.mailbox) }
                    span class=(class) { (labels.get(word)) }
                }
                dl {
                    dt { (labels.get("life.good-at")) }
                    dd {
                        @match life.and_then(|life| life.good_at) {
                            Some(at) => { (visit.ago(at)) }
                            None => { (labels.get("life.never")) }
                        }
                    }
                    dt { (labels.get("life.how")) }
                    dd { (labels.get(reach)) @if let Some(means) = means { " · " (means) } }
                    dt { (labels.get("life.bound")) }
                    dd { (span(labels, i64::try_from(seen.bound_s).unwrap_or(i64::MAX))) }
                    @if let Some(blind) = seen.blind_s(self.runs, visit.now) {
                        dt { (labels.get("life.blind-for")) }
                        dd { (span(labels, blind)) }
                    }
                    @if let Some(life) = life.filter(|life| life.failures > 0) {
                        dt { (labels.get("life.failures")) }
                        dd { (life.failures) }
                    }
                    @if let Some(next) = life.and_then(|life| life.not_before).filter(|next| *next > visit.now) {
                        dt { (labels.get("life.next-try")) }
                        dd { (visit.at(next)) }
                    }
                    @if let Some(trouble) = life.and_then(|life| life.trouble.as_deref()).filter(|_| !seen.well) {
                        dt { (labels.get("life.trouble")) }
                        dd { (visit.text(trouble)) }
                    }
                }
            }
        }
    }

    fn alerts(&self, visit: &Visit) -> Markup {
        let labels = &visit.labels;
        let (all, quick) = self.told;
        html! {
            @if self.channels.is_empty() { p.warn { (labels.get("life.no-channel")) } }
            @else {
                div.table tabindex="0" role="group" aria-labelledby="alerts" {
                    table {
                        thead { tr {
                            th scope="col" { (labels.get("life.channel")) }
                            th scope="col" { (labels.get("life.state")) }
                            th scope="col" { (labels.get("life.since")) }
                            th scope="col" { (labels.get("life.trouble")) }
                        } }
                        tbody { @for (name, health) in &self.channels { (channel(name, health.as_ref(), visit)) } }
                    }
                }
            }
            p.quiet {
                (labels.with("life.told", &[("all", &all), ("quick", &quick)]))
                @if let (number @ 1.., told) = self.kept_back {
                    " " (labels.with("life.kept-back", &[("number", &number)]))
                    @if let Some(told) = told { " " (visit.at(told)) }
                }
            }
        }
    }

    fn lanes(&self, visit: &Visit) -> Markup {
        let labels = &visit.labels;
        if self.lanes.is_empty() {
            return html! { p { (labels.get("life.no-lanes")) } };
        }
        html! {
            div.table tabindex="0" role="group" aria-labelledby="lanes" {
                table {
                    thead { tr {
                        th scope="col" { (labels.get("life.lane")) }
                        th.number scope="col" { (labels.get("life.open")) }
                        th scope="col" { (labels.get("life.oldest")) }
                        th scope="col" { (labels.get("life.next-try")) }
                        th.number scope="col" { (labels.get("life.given-up")) }
                        th scope="col" { (labels.get("life.trouble")) }
                    } }
                    tbody {
                        @for lane in &self.lanes {
                            tr class=[(lane.given_up > 0).then_some("warn")] {
                                th scope="row" { (kind(labels, &lane.kind)) " " (lane.name) }
                                td.number { (lane.open) }
                                td { @if let Some(oldest) = lane.oldest { (visit.ago(oldest)) } }
                                td { @if let Some(next) = lane.next { (visit.at(next)) } }
                                td.number { (lane.given_up) }
                                td { @if let Some(trouble) = &lane.trouble { (visit.text(trouble)) } }
                            }
                        }
                    }
                }
            }
        }
    }

    fn run(&self, visit: &Visit) -> Markup {
        let labels = &visit.labels;
        html! {
            dl.card {
                @if let Some(watch) = &self.watch {
                    dt { (labels.get(if self.runs { "life.running" } else { "life.last-run" })) }
                    dd { (visit.at(watch.began_at)) " · modori " (watch.version) " · " (labels.with("life.process", &[("pid", &watch.pid)])) }
                    dt { (labels.get("life.rules")) }
                    dd { (watch.rules) " · " (visit.at(watch.rules_at)) }
                    @if let Some(trouble) = &watch.rules_trouble {
                        dt { (labels.get("life.rules-trouble")) }
                        dd { pre { (visit.text(trouble)) } }
                    }
                }
                dt { (labels.get("life.hot")) }
                dd {
                    @match self.hot {
                        (Some(until), ..) => { strong.due { (labels.get("life.hot-now")) } " – " (visit.at(until)) }
                        (None, Some(next), _) => { (labels.get("life.hot-next")) " " (visit.at(next)) }
                        (None, None, _) => { (labels.get("life.hot-none")) }
                    }
                    span.quiet { " " (labels.with("life.hot-left", &[("span", &span(labels, self.hot.2.as_secs()))])) }
                }
                @if let Some(trouble) = &self.web_trouble {
                    dt { (labels.get("life.web")) }
                    dd { (visit.text(trouble)) }
                }
            }
        }
    }
}

fn channel(name: &str, health: Option<&Health>, visit: &Visit) -> Markup {
    let labels = &visit.labels;
    let failing = health.and_then(|health| health.failing_since);
    let well = health.and_then(|health| health.well_since);
    let (class, word) = match (failing, well) {
        (Some(_), _) => ("bad", "life.failing"),
        (None, Some(_)) => ("fine", "life.ok"),
        (None, None) => ("quiet", "life.unused"),
    };
    html! {
        tr {
            th scope="row" { (name) }
            td { span class=(class) { (labels.get(word)) } }
            td { @if let Some(since) = failing.or(well) { (visit.at(since)) } }
            td {
                @if let Some(health) = health.filter(|_| failing.is_some()) {
                    @if let Some(trouble) = &health.trouble { (visit.text(trouble)) }
                    @if let Some(until) = health.shut_until.filter(|until| *until > visit.now) {
                        " " (labels.get("life.left-alone")) " " (visit.at(until))
                    }
                }
            }
        }
    }
}

fn kind<'a>(labels: &'a Labels, kind: &str) -> &'a str {
    match kind {
        "alert" => labels.get("life.kind.alert"),
        "file" => labels.get("life.kind.file"),
        "flag" => labels.get("life.kind.flag"),
        "draft" => labels.get("life.kind.draft"),
        "send" => labels.get("life.kind.send"),
        _ => labels.get("life.kind.other"),
    }
}
