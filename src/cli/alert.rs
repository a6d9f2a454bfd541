//! `modori alert test`: a test alert through every channel, past the outbox, and what each answered. Exit code: 0 when all
//! took it, 1 when one did not.

use super::args::{Alert as Arguments, Format, TestAlert};
use super::{Failure, doctor, render, setup};
use crate::edge::Advice;
use crate::edge::clock::Clock;
use crate::edge::config::{Channel, Config};
use crate::edge::out::{self, OutError};
use crate::engine::checkup::Check;
use crate::plan::Alert;
use crate::rules::Priority;
use crate::rules::diagnostic::meant;
use crate::wording::Wording;
use futures_util::future::join_all;
use serde_json::json;
use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

/// What one channel answered.
struct Tried<'a> {
    name: &'a str,
    kind: &'static str,
    took: Duration,
    answer: Result<(), OutError>,
    /// No alert goes through it.
    idle: bool,
}

/// Does what is asked.
pub(super) fn run(arguments: &Arguments, config: Option<&Path>, state: Option<&Path>) -> Result<bool, Failure> {
    let Arguments::Test(arguments) = arguments;
    let config = setup::config(config, state)?;
    let wording = setup::wording(config.wording.as_deref())?;
    let channels = chosen(&config, &arguments.channels)?;
    let clock = Clock::system();
    let runtime = setup::runtime()?;
    let all = channels.into_iter().map(|(name, channel)| tried(&config, &wording, arguments, name, channel, &clock));
    let all = runtime.block_on(join_all(all));
    match arguments.format {
        Format::Text => anstream::println!("{}", text(&all)),
        Format::Json => anstream::println!("{}", sheet(&all)),
    }
    Ok(all.iter().all(|tried| tried.answer.is_ok()))
}

/// The channels that are named, or all of them.
fn chosen<'a>(config: &'a Config, named: &[String]) -> Result<Vec<(&'a str, &'a Channel)>, Failure> {
    if config.channels.is_empty() {
        return Err(Failure::broken("no channel is configured: add a [channel.NAME], see docs/channels.md"));
    }
    let known: Vec<&str> = config.channels.keys().map(String::as_str).collect();
    if let Some(name) = named.iter().find(|name| !config.channels.contains_key(*name)) {
        let help = meant(name, &known)
            .map_or_else(|| format!("there are {}", known.join(", ")), |known| format!("did you mean `{known}`?"));
        return Err(Failure::broken(format!("there is no channel `{name}`: {help}")));
    }
    let wanted = |name: &str| named.is_empty() || named.iter().any(|wanted| wanted == name);
    let all = config.channels.iter().map(|(name, channel)| (name.as_str(), channel));
    Ok(all.filter(|(name, _)| wanted(name)).collect())
}

/// Sends a test alert through one channel: how long it took, or what it answered and what to do.
pub(super) async fn one(config: &Config, wording: &Wording, name: &str) -> Result<Duration, String> {
    let Some(channel) = config.channels.get(name) else { return Err(format!("there is no channel `{name}`")) };
    let arguments = TestAlert { channels: Vec::new(), urgent: false, format: Format::Text };
    let Tried { took, answer, .. } = tried(config, wording, &arguments, name, channel, &Clock::system()).await;
    answer.map(|()| took).map_err(|error| format!("{}; {}", error.what, remedy(error.advice)))
}

async fn tried<'a>(
    config: &Config,
    wording: &Wording,
    arguments: &TestAlert,
    name: &'a str,
    channel: &Channel,
    clock: &Clock,
) -> Tried<'a> {
    let language = config.policy.language;
    let (title, body) = wording.test(language, name);
    let priority = if arguments.urgent { Priority::Urgent } else { Priority::Normal };
    let alert = Alert { priority, category: "test".to_owned(), title, body, ..Alert::default() };
    let now = clock.now();
    // a key of its own each time: a service that knows keys would drop a second test
    let key = format!("test:{}:{name}", now.as_microsecond());
    let one = Channel { buttons: wording.buttons(language), ..channel.clone() };
    let one = BTreeMap::from([(name.to_owned(), one)]);
    let answer = match out::channels(&one, clock) {
        Ok(ready) => match ready.get(name) {
            Some(ready) => ready.deliver(&alert, &key).await.map(drop),
            None => Ok(()),
        },
        Err(error) => Err(error),
    };
    let took = Duration::try_from(clock.now().duration_since(now)).unwrap_or_default();
    let idle = config.idle_channels().contains(&name);
    Tried { name, kind: channel.kind.name(), took, answer, idle }
}

/// What can be done about a failure.
fn remedy(advice: Advice) -> String {
    match advice {
        Advice::Ask => "check its settings (address, token, password, program) against docs/channels.md".to_owned(),
        Advice::Never => {
            "it will not take this, however often it is sent: docs/channels.md tells its limits".to_owned()
        }
        Advice::Unknown => "it may have arrived all the same: look at the phone".to_owned(),
        Advice::Again(Some(after)) if !after.is_zero() => {
            format!("try again in {} s; a real alert is repeated by itself", after.as_secs())
        }
        Advice::Again(_) | Advice::LogInAgain => "try again; a real alert is repeated by itself".to_owned(),
    }
}

fn text(all: &[Tried<'_>]) -> String {
    let mut checks = Vec::new();
    for Tried { name, kind, took, answer, idle } in all {
        let about = format!("channel {name} ({kind})");
        checks.push(match answer {
            Ok(()) => Check::fine(about.as_str(), format!("took it within {} ms", took.as_millis())),
            Err(error) => Check::failure(about.as_str(), error.what.as_str(), remedy(error.advice)),
        });
        if *idle {
            checks.push(doctor::idle(name));
        }
    }
    render::checks(&checks)
}

fn sheet(all: &[Tried<'_>]) -> serde_json::Value {
    let one = |tried: &Tried<'_>| {
        let error = tried.answer.as_ref().err();
        json!({
            "channel": tried.name,
            "kind": tried.kind,
            "ok": error.is_none(),
            "ms": u64::try_from(tried.took.as_millis()).unwrap_or(u64::MAX),
            "error": error.map(|error| &error.what),
            "remedy": error.map(|error| remedy(error.advice)),
            "used": !tried.idle,
        })
    };
    json!({"version": 1, "channels": all.iter().map(one).collect::<Vec<_>>()})
}
