//! Rules, how often each decided, which fell silent, and what no rule saw.

use super::figures::{Pager, when, wide};
use super::said::{self, AddressQuery};
use super::words::line;
use crate::edge::store::{Correction, Hits, Quarantined, SILENT_DAYS, StoreError, Unmatched};
use crate::edge::web::frame::{Here, Visit};
use crate::edge::web::{Pages, RulesOf};
use crate::plan::calm::priority_word;
use crate::rules::{Listed, Priority, RuleSet};
use crate::text::shell::quoted;
use crate::wording::{Labels, Language, Wording};
use axum::Router;
use axum::extract::Query;
use axum::response::Response;
use axum::routing::get;
use maud::{Markup, html};
use std::collections::BTreeMap;

/// Rules on a page.
const EACH: u32 = 50;
/// Rules that fell silent, mails in quarantine, corrections, mails without a rule: so many of each are named.
const NAMED: usize = 10;

pub(super) fn routes() -> Router<Pages> {
    Router::new().route("/rules", get(show))
}

/// One rule as it is in use.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Used {
    pub(super) rule: Listed,
    /// The account in which it is otherwise than what all share.
    pub(super) account: Option<String>,
    pub(super) folder: Option<String>,
    pub(super) priority: Priority,
}

/// What the page shows.
pub(super) struct View {
    pub(super) used: Vec<Used>,
    pub(super) hits: BTreeMap<String, Hits>,
    pub(super) unmatched: (usize, Vec<Unmatched>),
    pub(super) quarantined: Vec<Quarantined>,
    pub(super) corrections: Vec<Corrected>,
}

/// A mail that was moved by hand, and what may be typed to have it right the next time.
pub(super) struct Corrected {
    pub(super) correction: Correction,
    pub(super) command: String,
}

async fn show(visit: Visit, query: AddressQuery) -> Response {
    let query = query.map(|Query(all)| all).unwrap_or_default();
    let (stacks, now) = (visit.pages.rules.now(), visit.now);
    let used = used(&stacks);
    let shared = stacks.into_iter().next().map(|one| one.rules);
    let found: Result<View, StoreError> = visit
        .pages
        .store
        .look(move |db| {
            let mut corrections = db.corrections()?;
            corrections.reverse();
            Ok(View {
                used,
                hits: db.rule_hits(now)?,
                unmatched: db.unmatched(now, NAMED)?,
                quarantined: db.quarantined()?,
                corrections: corrections.into_iter().map(|one| corrected(one, shared.as_deref())).collect(),
            })
        })
        .await;
    match found {
        Ok(view) => {
            let pager = Pager::of(&query, u64::try_from(view.used.len()).unwrap_or(u64::MAX), EACH);
            let words = Words { labels: &visit.labels, wording: &visit.pages.wording, language: visit.language };
            visit.page(Here::Rules, visit.labels.get("rules.title"), &page(&view, pager, &words))
        }
        Err(error) => said::broken(&error),
    }
}

/// The rules of all: those that accounts share, then of each account what is otherwise there.
pub(super) fn used(stacks: &[RulesOf]) -> Vec<Used> {
    let of = |rules: &RuleSet, rule: &Listed, account: Option<&String>| {
        let (folder, priority) = rules.acts(rule);
        Used { rule: rule.clone(), account: account.cloned(), folder: folder.map(str::to_owned), priority }
    };
    let Some((shared, others)) = stacks.split_first() else { return Vec::new() };
    let mut all: Vec<Used> = shared.rules.list().iter().map(|rule| of(&shared.rules, rule, None)).collect();
    let before = all.len();
    for other in others {
        for rule in other.rules.list() {
            let one = of(&other.rules, rule, other.account.as_ref());
            let same = |known: &&Used| {
                known.rule == one.rule && (&known.folder, known.priority) == (&one.folder, one.priority)
            };
            if !all.iter().take(before).any(|known| same(&known)) {
                all.push(one);
            }
        }
    }
    all
}

/// The command that makes a rule of a correction. A mail without an identity is found by `modori corrections`.
fn corrected(correction: Correction, rules: Option<&RuleSet>) -> Corrected {
    let id = correction.message_id.as_ref().map(|id| quoted(&format!("<{id}>")));
    let category = rules.and_then(|rules| rules.category_of(&correction.to.mailbox));
    let command = match (id, category) {
        (Some(id), _) if correction.quarantined => format!("modori release {id}"),
        (Some(id), Some(category)) => format!("modori rules new {id} --category {category}"),
        _ => "modori corrections".to_owned(),
    };
    Corrected { correction, command }
}

/// What a page says things with.
pub(super) struct Words<'a> {
    pub(super) labels: &'a Labels,
    pub(super) wording: &'a Wording,
    pub(super) language: Language,
}

/// The whole page below its heading.
pub(super) fn page(view: &View, pager: Pager, words: &Words<'_>) -> Markup {
    html! {
        (silent(view, words.labels))
        (unmatched(view, words))
        (table(view, pager, words.labels))
        (quarantined(view, words.labels))
        (corrections(view, words.labels))
    }
}

/// Rules that matched before and do not now: a shop may have changed its mails.
fn silent(view: &View, labels: &Labels) -> Markup {
    let switched_off = |name: &str| view.used.iter().any(|one| one.rule.name == name && !one.rule.enabled);
    let known = |name: &str| view.used.iter().any(|one| one.rule.name == name);
    let mut all: Vec<(&String, &Hits)> =
        view.hits.iter().filter(|(name, hits)| hits.fell_silent() && known(name) && !switched_off(name)).collect();
    // those whose senders write still are the likelier ones
    all.sort_by_key(|(name, hits)| (hits.still_write.is_empty(), std::cmp::Reverse(hits.last), *name));
    html! {
        @if !all.is_empty() {
            section.card.due {
                h2 { (labels.with("rules.silent", &[("days", &SILENT_DAYS)])) }
                p { (labels.get("rules.silent-how")) }
                ul {
                    @for (name, hits) in all.iter().take(NAMED) {
                        li {
                            code { (line(name)) } " "
                            @if let Some(last) = hits.last { (labels.get("rules.last")) " " (when(last)) }
                            @if !hits.still_write.is_empty() {
                                " " strong.warn { (labels.get("rules.still-writes")) } " "
                                span.quiet { (hits.still_write.iter().take(3).map(|one| line(one)).collect::<Vec<_>>().join(", ")) }
                            }
                        }
                    }
                }
                (more(all.len(), labels))
            }
        }
    }
}

fn more(all: usize, labels: &Labels) -> Markup {
    html! {
        @if all > NAMED { p.quiet { (labels.with("rules.more", &[("number", &(all - NAMED))])) } }
    }
}

fn unmatched(view: &View, words: &Words<'_>) -> Markup {
    let (number, newest) = &view.unmatched;
    let labels = words.labels;
    html! {
        @if *number > 0 {
            section.card {
                h2 { (labels.with("rules.unmatched", &[("number", number), ("days", &SILENT_DAYS)])) }
                p { (labels.get("rules.unmatched-how")) }
                ul {
                    @for one in newest {
                        li {
                            (when(one.received)) " " (line(&one.sender)) " "
                            (words.wording.claim(words.language, one.claim))
                            @if let Some(order) = &one.order { " " a href=(format!("/case/{order}")) { (order) } }
                        }
                    }
                }
                (more(*number, labels))
            }
        }
    }
}

fn table(view: &View, pager: Pager, labels: &Labels) -> Markup {
    let title = labels.get("rules.list");
    let heads = ["category", "rule", "file", "folder", "priority", "hits", "lately", "in-sight", "last"];
    html! {
        section {
            h2 { (title) }
            (wide(title, &html! {
                table {
                    thead { tr { @for head in heads { th scope="col" { (labels.get(&format!("rules.{head}"))) } } } }
                    tbody { @for one in pager.part(&view.used) { (row(one, view.hits.get(&one.rule.name), labels)) } }
                }
            }))
            (pager.ways(labels, "/rules?"))
        }
    }
}

fn row(one: &Used, hits: Option<&Hits>, labels: &Labels) -> Markup {
    let rule = &one.rule;
    let silent = rule.enabled && hits.is_some_and(Hits::fell_silent);
    html! {
        tr class=[silent.then_some("due")] {
            td { (line(&rule.category)) }
            th scope="row" {
                code { (line(&rule.name)) }
                @if let Some(account) = &one.account { br; span.quiet { (labels.with("rules.account", &[("account", &line(account))])) } }
                @if !rule.enabled { br; span.due { (labels.get("rules.off")) } }
                @else if let Some(name) = &rule.inherits { br; span.quiet { (labels.with("rules.inherits", &[("rule", &line(name))])) } }
                @else if let Some(file) = &rule.replaces { br; span.quiet { (labels.with("rules.replaces", &[("file", &line(file))])) } }
            }
            td { (line(&rule.file)) ":" (rule.line) br; span.quiet { (labels.with("rules.rank", &[("rank", &rule.rank)])) } }
            td { (one.folder.as_deref().map_or_else(|| labels.get("rules.stays").to_owned(), line)) }
            td { (labels.get(&format!("rules.priority-{}", priority_word(one.priority)))) }
            td.number { (hits.map(|hits| hits.all).unwrap_or_default()) }
            td.number { (hits.map(|hits| hits.lately).unwrap_or_default()) }
            td.number { (hits.map(|hits| hits.in_sight).unwrap_or_default()) }
            td {
                @match hits.and_then(|hits| hits.last) {
                    Some(last) => (when(last)),
                    None => (labels.get("rules.never")),
                }
                @if silent { br; span.due { (labels.with("rules.is-silent", &[("days", &SILENT_DAYS)])) } }
            }
        }
    }
}

fn quarantined(view: &View, labels: &Labels) -> Markup {
    html! {
        section {
            h2 { (labels.get("rules.quarantine")) }
            @if view.quarantined.is_empty() {
                p { (labels.get("rules.quarantine-none")) }
            } @else {
                p { (labels.with("rules.quarantine-many", &[("number", &view.quarantined.len())])) }
                ul {
                    @for one in view.quarantined.iter().take(NAMED) {
                        li {
                            (when(one.received)) " "
                            @if let Some(place) = one.places.first() { (line(&place.account)) ": " (line(&place.mailbox)) }
                        }
                    }
                }
                (more(view.quarantined.len(), labels))
                p.quiet { (labels.get("rules.quarantine-how")) " " code { "modori release MAIL" } }
            }
        }
    }
}

fn corrections(view: &View, labels: &Labels) -> Markup {
    html! {
        section {
            h2 { (labels.get("rules.corrections")) }
            @if view.corrections.is_empty() {
                p { (labels.get("rules.corrections-none")) }
            } @else {
                p { (labels.get("rules.corrections-how")) }
                ul {
                    @for one in view.corrections.iter().take(NAMED) {
                        li {
                            (when(one.correction.at)) " "
                            (labels.with("rules.moved", &[
                                ("from", &line(&one.correction.from)),
                                ("to", &line(&one.correction.to.mailbox)),
                                ("category", &line(&one.correction.category)),
                            ]))
                            br; code { (crate::text::one_line(&one.command)) }
                        }
                    }
                }
                (more(view.corrections.len(), labels))
            }
        }
    }
}

#[cfg(test)]
mod tests;
