//! What a webhook sends: JSON made from a template. Every value that is printed is printed as JSON, so that nothing that
//! a mail says can end its string; what comes out must be JSON, and that is tried when the configuration is read.

use crate::plan::note::{Head, Note};
use crate::plan::sheet::sheet;
use crate::plan::{Alert, Awaits, Link};
use crate::rules::Priority;
use crate::text::{Unit, fit, lines, link_length};
use crate::wording::Buttons;
use jiff::Timestamp;
use minijinja::value::Serde;
use minijinja::{AutoEscape, Environment, ErrorKind, UndefinedBehavior, Value};
use serde_json::{Map, json};
use std::sync::Arc;

/// The shipped templates, as they lie under `rules/channels/`.
const SHIPPED: &[(&str, &str)] = &[
    ("discord", include_str!("../../../rules/channels/discord.json")),
    ("slack", include_str!("../../../rules/channels/slack.json")),
    ("telegram", include_str!("../../../rules/channels/telegram.json")),
    ("gotify", include_str!("../../../rules/channels/gotify.json")),
];

/// The names of the shipped templates.
pub const NAMES: [&str; 4] = ["discord", "slack", "telegram", "gotify"];

/// Longest text that a template gets ready-made, in characters: more than any service takes.
const TEXT: usize = 20_000;

/// The only template of an environment.
const ONLY: &str = "template";

/// A template that was tried. Cheap to clone.
#[derive(Clone)]
pub struct Template {
    templates: Arc<Environment<'static>>,
    values: Map<String, serde_json::Value>,
}

impl Template {
    /// The text of a shipped template.
    #[must_use]
    pub fn shipped(name: &str) -> Option<&'static str> {
        SHIPPED.iter().find(|(known, _)| *known == name).map(|(_, text)| *text)
    }

    /// Reads a template, and tries it with an alert that says as little as possible and with one that says everything.
    /// `values` are the shopper's own.
    ///
    /// # Errors
    /// What is wrong with it, and where.
    pub fn new(text: &str, values: Map<String, serde_json::Value>) -> Result<Self, String> {
        let mut templates = Environment::new();
        templates.set_undefined_behavior(UndefinedBehavior::Strict);
        templates.set_auto_escape_callback(|_| AutoEscape::None);
        // whatever is printed is printed as JSON; there is no way round it, `safe` included
        templates.set_formatter(|out, _, value| {
            let json = serde_json::to_string(value).map_err(|error| {
                minijinja::Error::new(ErrorKind::BadSerialization, "this cannot be written as JSON").with_source(error)
            })?;
            std::fmt::Write::write_str(out, &json).map_err(minijinja::Error::from)
        });
        templates.add_filter("tojson", |value: Value| value);
        templates.add_filter("fit", cut);
        templates.add_filter("slack", slack);
        templates.add_filter("discord", discord);
        templates.add_template_owned(ONLY.to_owned(), text.to_owned()).map_err(|error| explained(&error))?;
        let template = Self { templates: Arc::new(templates), values };
        let buttons = Buttons { seen: "Seen".to_owned(), open: "Open".to_owned() };
        for alert in [least(), everything()] {
            let now = alert.received.unwrap_or(Timestamp::UNIX_EPOCH);
            template.render(&alert, &buttons, "key", now)?;
        }
        Ok(template)
    }

    /// The JSON for an alert.
    ///
    /// # Errors
    /// What is wrong with the template.
    pub fn render(&self, alert: &Alert, buttons: &Buttons, key: &str, now: Timestamp) -> Result<String, String> {
        let mut values = sheet(alert, key, now);
        if let Some(all) = values.as_object_mut() {
            // what steers a screen is of use to nobody
            all.insert("title".to_owned(), json!(crate::text::one_line(&alert.title)));
            all.insert("body".to_owned(), json!(lines(&alert.body)));
            let note = Note::of(alert, buttons, now);
            all.insert("text".to_owned(), json!(note.text(Head::Apart, TEXT, Unit::Chars)));
            all.insert("words".to_owned(), json!({"seen": buttons.seen, "open": buttons.open}));
            all.insert("values".to_owned(), serde_json::Value::Object(self.values.clone()));
        }
        let template = self.templates.get_template(ONLY).map_err(|error| explained(&error))?;
        let text = template.render(Value::from(Serde(&values))).map_err(|error| explained(&error))?;
        let json: serde_json::Value = serde_json::from_str(&text).map_err(|error| {
            let line = text.lines().nth(error.line().saturating_sub(1)).unwrap_or_default().trim();
            let line: String = line.chars().take(80).collect();
            format!("what it makes is not JSON: {error}; that line is `{line}`")
        })?;
        Ok(json.to_string())
    }
}

/// `fit(4096)`, `fit(4096, "bytes")`, `fit(4096, "utf16")`.
fn cut(text: &str, limit: usize, unit: Option<&str>) -> Result<String, minijinja::Error> {
    let unit = match unit {
        None | Some("chars") => Unit::Chars,
        Some("bytes") => Unit::Bytes,
        Some("utf16") => Unit::Utf16,
        Some(other) => {
            let what = format!("fit counts \"chars\", \"bytes\" or \"utf16\", not \"{other}\"");
            return Err(minijinja::Error::new(ErrorKind::InvalidOperation, what));
        }
    };
    Ok(fit(text, limit, unit))
}

/// Text for Slack's mrkdwn: its three control characters as entities
/// (<https://docs.slack.dev/messaging/formatting-message-text#escaping>), so that no mail calls a whole channel.
fn slack(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

/// Text for Discord's Markdown: what would format, mention or hide a link is escaped. Addresses stay as they are.
fn discord(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        if rest.starts_with("https://") || rest.starts_with("http://") {
            let (link, behind) = rest.split_at(link_length(rest));
            out.push_str(link);
            rest = behind;
            continue;
        }
        if "\\`*_~|[]()<>#-:@".contains(c) {
            out.push('\\');
        }
        out.push(c);
        rest = rest.get(c.len_utf8()..).unwrap_or_default();
    }
    out
}

fn explained(error: &minijinja::Error) -> String {
    let what = match (error.kind(), error.detail()) {
        (ErrorKind::UndefinedError, None) => "it asks for a value that does not exist".to_owned(),
        (ErrorKind::UndefinedError, Some(detail)) => format!("it asks for a value that does not exist ({detail})"),
        (_, Some(detail)) => detail.to_owned(),
        (kind, None) => kind.to_string(),
    };
    match error.line() {
        Some(line) => format!("line {line}: {what}"),
        None => what,
    }
}

/// An alert that says as little as possible.
fn least() -> Alert {
    Alert { category: "rules".to_owned(), ..Alert::default() }
}

/// An alert that says everything, with what ends a careless string.
fn everything() -> Alert {
    let hard = "\"}]\\\n{{ title }} </script> \u{1f6d2} 再入荷";
    let link = |n: usize| Link { label: format!("{n} {hard}"), url: format!("https://a.example/{n}?q=%22") };
    Alert {
        priority: Priority::Urgent,
        category: "restock".to_owned(),
        title: hard.to_owned(),
        body: hard.to_owned(),
        url: Some("https://item.rakuten.co.jp/shop/item/".to_owned()),
        received: Some(Timestamp::UNIX_EPOCH),
        details: Map::from_iter([("shop".to_owned(), json!(hard))]),
        links: (0..8).map(link).collect(),
        awaits: Some(Awaits {
            token: "token".to_owned(),
            every_s: 60,
            for_s: 600,
            page: Some("https://me.example/a/token".to_owned()),
        }),
    }
}

#[cfg(test)]
mod tests;
