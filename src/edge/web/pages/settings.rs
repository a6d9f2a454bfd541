//! The settings, as they were read from the file. Of a secret only where it comes from is shown.

use crate::edge::config::{Account, Channel, ChannelKind, Config, Hidden, Origin, Smtp};
use crate::edge::oauth::Credential;
use crate::edge::secret::Secret;
use crate::edge::store::Session;
use crate::edge::web::Pages;
use crate::edge::web::frame::{Here, Visit, span};
use axum::Router;
use axum::response::Response;
use axum::routing::get;
use maud::{Markup, html};
use std::path::Path;

pub(super) fn routes() -> Router<Pages> {
    Router::new().route("/settings", get(show))
}

async fn show(visit: Visit) -> Response {
    let title = visit.labels.get(Here::Settings.label()).to_owned();
    let Some(behind) = visit.pages.behind.clone() else { return visit.page(Here::Settings, &title, &html! {}) };
    let now = visit.now;
    let sessions = match visit.pages.store.call(move |db| db.all_sessions(now)).await {
        Ok(sessions) => sessions,
        Err(error) => return visit.trouble(&error),
    };
    let config = &behind.config;
    let body = html! {
        (file(config.origin.as_ref(), &visit))
        (part(&visit, "accounts", &html! { div.cards { @for one in &config.accounts { (account(one, &visit)) } } }))
        (part(&visit, "sorting", &sorting(config, &visit)))
        (part(&visit, "alerts", &alerts(config, &visit)))
        (part(&visit, "channels", &channels(config, &visit)))
        (part(&visit, "letters", &letters(config, &visit)))
        (part(&visit, "kept", &kept(config, &visit)))
        (part(&visit, "access", &access(config, &sessions, &visit)))
    };
    visit.page(Here::Settings, &title, &body)
}

fn part(visit: &Visit, name: &str, inside: &Markup) -> Markup {
    html! {
        section aria-labelledby=(name) {
            h2 id=(name) { (visit.labels.get(&format!("settings.{name}"))) }
            (inside)
        }
    }
}

/// A row of a list: what, and how it is set.
fn row(visit: &Visit, name: &str, value: &Markup) -> Markup {
    html! { dt { (visit.labels.get(&format!("settings.{name}"))) } dd { (value) } }
}

fn words(visit: &Visit, name: &str) -> Markup {
    html! { (visit.labels.get(&format!("settings.{name}"))) }
}

fn yes(visit: &Visit, is: bool) -> Markup {
    words(visit, if is { "yes" } else { "no" })
}

fn list(visit: &Visit, all: &[String]) -> Markup {
    if all.is_empty() {
        words(visit, "none")
    } else {
        html! { (visit.text(&all.join(", "))) }
    }
}

fn path(visit: &Visit, path: Option<&Path>) -> Markup {
    match path {
        Some(path) => html! { code { (visit.text(&path.display().to_string())) } },
        None => words(visit, "shipped"),
    }
}

/// Which file, and whether it is still the one that runs.
fn file(origin: Option<&Origin>, visit: &Visit) -> Markup {
    let Some(origin) = origin else { return html! {} };
    let changed = match origin.is_in_use() {
        Some(true) => None,
        Some(false) => Some("changed"),
        None => Some("unreadable"),
    };
    html! {
        @if let Some(changed) = changed { p.warn { strong { (words(visit, changed)) } } }
        dl.card {
            (row(visit, "file", &path(visit, Some(&origin.file))))
            @if let Some(at) = origin.changed_at { (row(visit, "as-of", &visit.at(at))) }
        }
    }
}

fn account(account: &Account, visit: &Visit) -> Markup {
    let login = match &account.credential {
        Credential::Password(secret) => html! { (words(visit, "password")) " " (comes_from(secret, visit)) },
        Credential::Token(tokens) => html! { (words(visit, "token")) " " (visit.text(&tokens.place())) },
    };
    html! {
        article.card {
            h3 { (visit.text(&account.name)) }
            dl {
                (row(visit, "server", &html! { (visit.text(&account.host)) ":" (account.port) " · " (account.security.word()) }))
                (row(visit, "user", &html! { (visit.text(&account.user)) }))
                (row(visit, "login", &login))
                @if let Some(provider) = account.provider { (row(visit, "provider", &html! { (provider) })) }
                (row(visit, "mailbox", &html! { (visit.text(&account.mailbox)) }))
                (row(visit, "authserv", &list(visit, &account.authserv_ids)))
                @if let Some(smtp) = &account.smtp {
                    (row(visit, "smtp", &html! { (visit.text(&smtp.host)) ":" (smtp.port) }))
                }
                @if let Some(rules) = &account.own.rules { (row(visit, "own-rules", &path(visit, Some(rules)))) }
                @if account.own.folders.is_some() { (row(visit, "own-folders", &yes(visit, true))) }
            }
        }
    }
}

fn sorting(config: &Config, visit: &Visit) -> Markup {
    let own = config.rules.as_deref().map(rule_files).unwrap_or_default();
    html! {
        dl.card {
            (row(visit, "mode", &words(visit, if config.policy.observe { "observe" } else { "move" })))
            (row(visit, "flags", &yes(visit, config.policy.flags.is_some())))
            (row(visit, "rules", &path(visit, config.rules.as_deref())))
            @if !own.is_empty() { (row(visit, "rule-files", &list(visit, &own))) }
            (row(visit, "wording", &path(visit, config.wording.as_deref())))
            (row(visit, "wanted", &path(visit, Some(&config.wanted))))
            (row(visit, "only-wanted", &yes(visit, config.policy.only_wanted)))
        }
    }
}

/// Names of the shopper's own rule files, as they lie there now.
fn rule_files(folder: &Path) -> Vec<String> {
    let Ok(entries) = std::fs::read_dir(folder) else { return Vec::new() };
    let mut names: Vec<String> = entries
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| path.extension().is_some_and(|ending| ending == "toml"))
        .filter_map(|path| Some(path.file_name()?.to_string_lossy().into_owned()))
        .collect();
    names.sort();
    names
}

fn alerts(config: &Config, visit: &Visit) -> Markup {
    let policy = &config.policy;
    let quiet: Vec<String> = policy.calm.quiet.iter().map(ToString::to_string).collect();
    let hot: Vec<String> = config.hot.windows.iter().map(ToString::to_string).collect();
    let seconds = |seconds: i64| html! { (span(&visit.labels, seconds)) };
    html! {
        dl.card {
            (row(visit, "told-by", &list(visit, &policy.channels)))
            (row(visit, "else-by", &list(visit, &policy.fallback)))
            (row(visit, "quiet", &list(visit, &quiet)))
            @if policy.calm.most_an_hour > 0 { (row(visit, "most-an-hour", &html! { (policy.calm.most_an_hour) })) }
            (row(visit, "repeat", &match &policy.repeat {
                None => words(visit, "no"),
                Some(repeat) => html! {
                    (visit.labels.with("settings.repeat-every", &[
                        ("every", &span(&visit.labels, i64::from(repeat.every_s))),
                        ("long", &span(&visit.labels, i64::from(repeat.for_s))),
                    ]))
                },
            }))
            (row(visit, "stale", &seconds(policy.stale_after_s)))
            (row(visit, "blind", &match policy.blind.after {
                None => words(visit, "no"),
                Some(after) => seconds(after.as_secs()),
            }))
            (row(visit, "hot", &list(visit, &hot)))
        }
    }
}

fn channels(config: &Config, visit: &Visit) -> Markup {
    if config.channels.is_empty() {
        return html! { p.warn { (words(visit, "no-channels")) } };
    }
    html! {
        div.table tabindex="0" role="group" aria-labelledby="channels" {
            table {
                thead { tr {
                    th scope="col" { (words(visit, "name")) }
                    th scope="col" { (words(visit, "kind")) }
                    th scope="col" { (words(visit, "to")) }
                    th scope="col" { (words(visit, "secrets")) }
                } }
                tbody {
                    @for (name, channel) in &config.channels {
                        tr {
                            th scope="row" { (visit.text(name)) }
                            td { (channel.kind.name()) }
                            td { (to(channel, visit)) }
                            td {
                                @for (key, secret) in channel.kind.secrets() {
                                    div { (visit.text(&key)) ": " (comes_from(secret, visit)) }
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}

/// Where a channel leads: of an address that may itself be a secret only the host.
fn to(channel: &Channel, visit: &Visit) -> Markup {
    match &channel.kind {
        ChannelKind::Command { argv } => html! { code { (visit.text(argv.first().map_or("", String::as_str))) } },
        ChannelKind::Desktop => words(visit, "here"),
        ChannelKind::Webhook(webhook) => match &webhook.url {
            Hidden::Plain(url) => html! { (visit.text(host(url))) },
            Hidden::Elsewhere(secret) => comes_from(secret, visit),
        },
        ChannelKind::Ntfy(ntfy) => html! { (visit.text(host(&ntfy.server))) },
        ChannelKind::Pushover(pushover) => html! { (visit.text(host(&pushover.server))) },
        ChannelKind::Line { server, .. } => html! { (visit.text(host(server))) },
        ChannelKind::Smtp(Smtp { host, port, to, .. }) => {
            html! { (visit.text(&to.join(", "))) " · " (visit.text(host)) ":" (port) }
        }
    }
}

/// The host of an address, without a user and what follows.
fn host(url: &str) -> &str {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let place = rest.split(['/', '?', '#']).next().unwrap_or_default();
    place.rsplit_once('@').map_or(place, |(_, host)| host)
}

fn letters(config: &Config, visit: &Visit) -> Markup {
    let replies = &config.policy.replies;
    html! {
        dl.card {
            (row(visit, "drafts", &yes(visit, replies.drafts)))
            (row(visit, "a-day", &html! { (replies.a_day) }))
            (row(visit, "templates", &path(visit, config.letters.as_deref())))
        }
    }
}

fn kept(config: &Config, visit: &Visit) -> Markup {
    let days = |days: u16| html! { (visit.labels.with("frame.days", &[("number", &days)])) };
    html! {
        dl.card {
            (row(visit, "database", &path(visit, Some(&config.state.join("modori.sqlite")))))
            (row(visit, "excerpts", &days(config.keep.excerpt_days)))
            (row(visit, "history", &days(config.keep.history_days)))
        }
    }
}

fn access(config: &Config, sessions: &[Session], visit: &Visit) -> Markup {
    html! {
        div.card {
            dl {
                @if let Some(web) = &config.web {
                    (row(visit, "listen", &html! { code { (web.listen) } }))
                    @if let Some(url) = &web.public_url { (row(visit, "public-url", &html! { (visit.text(url)) })) }
                }
                (row(visit, "browsers", &html! {
                    ul.plain { @for session in sessions { li { (words(visit, "since")) " " (visit.at(session.began_at)) } } }
                }))
            }
            (visit.form("/logout-all", &html! {}, visit.labels.get("settings.sign-out-all")))
        }
    }
}

fn comes_from(secret: &Secret, visit: &Visit) -> Markup {
    match secret {
        // what follows the program may itself be a secret
        Secret::Command(argv) => {
            html! { (words(visit, "by-command")) " " code { (visit.text(argv.first().map_or("", String::as_str))) } }
        }
        Secret::Environment(name) => html! { (words(visit, "by-environment")) " " code { (visit.text(name)) } },
        Secret::File(file) => {
            html! { (words(visit, "by-file")) " " code { (visit.text(&file.display().to_string())) } }
        }
        Secret::Credential(name) => html! { (words(visit, "by-credential")) " " code { (visit.text(name)) } },
        Secret::Given(_) => html! {},
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_an_address_only_the_host_is_shown() {
        for (url, shown) in [
            ("https://hooks.example.jp/services/T0/B0/secret", "hooks.example.jp"),
            ("https://user:secret@ntfy.example.jp:8443?token=secret", "ntfy.example.jp:8443"),
            ("https://a@b@c.example.jp", "c.example.jp"),
            ("nonsense", "nonsense"),
        ] {
            assert_eq!(host(url), shown);
        }
    }
}
