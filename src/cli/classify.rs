//! `modori classify`: what mails are and what they say. Touches nothing.

use super::args::{Classify, Format};
use super::{Failure, mails, render, setup};
use crate::edge::files::FileMail;
use crate::engine::pure;
use crate::facts::sheet;
use crate::mail::Reading;
use crate::rules::{Known, Verdict};
use serde_json::{Value, json};
use std::path::Path;

/// Prints one object (or one block) a mail. A mail that cannot be read is reported in its own object and does not stop
/// the others; the exit code is 1 then.
pub(super) fn run(arguments: &Classify, config: Option<&Path>) -> Result<(), Failure> {
    let setup = setup::quiet(
        config,
        arguments.judging.rules.as_deref(),
        &arguments.judging.authserv_id,
        arguments.judging.account.as_deref(),
    )?;
    let json = arguments.judging.format == Format::Json;
    mails::each(
        &arguments.paths,
        |found| one(&setup, found),
        |file, sheet| if json { format!("{}\n", sheet.json(file)) } else { render::classified(file, &sheet) },
        |file, error| if json { format!("{}\n", unread(file, error)) } else { format!("{file}\n  error: {error}\n") },
    )
}

/// What is printed of one mail.
pub(super) struct Sheet {
    message_id: Option<String>,
    pub(super) verdict: Verdict,
    pub(super) trust: String,
    pub(super) facts: Value,
    pub(super) notes: Vec<String>,
}

fn one(setup: &setup::Quiet, found: &FileMail) -> Result<Sheet, String> {
    let reading = Reading { received: found.received, size: found.size, authserv_ids: &setup.authserv_ids };
    let (mail, facts) = pure::read(&setup.rules, &found.bytes, &reading).map_err(|poison| poison.to_string())?;
    let known = Known { own_addresses: setup.own_addresses.clone(), ..Known::default() };
    let verdict = pure::judge(&setup.rules, &mail, &facts, &known).map_err(|poison| poison.to_string())?;
    let trust = serde_json::to_value(mail.trust.level).ok().and_then(|level| level.as_str().map(str::to_owned));
    Ok(Sheet {
        message_id: mail.message_id.clone(),
        verdict,
        trust: trust.unwrap_or_default(),
        facts: sheet::sheet(&facts),
        notes: mail.trust.reasons.iter().cloned().chain(mail.notes.iter().map(|note| note.text.clone())).collect(),
    })
}

impl Sheet {
    fn json(&self, file: &str) -> Value {
        json!({
            "file": file,
            "message_id": self.message_id,
            "category": self.verdict.category,
            "labels": self.verdict.labels,
            "rule": self.verdict.rule,
            "folder": self.verdict.folder,
            "trust": self.trust,
            "escalate": self.verdict.escalate,
            "facts": self.facts,
            "error": Value::Null,
        })
    }
}

fn unread(file: &str, error: &str) -> Value {
    json!({
        "file": file, "message_id": null, "category": null, "labels": [], "rule": null, "folder": null,
        "trust": null, "escalate": false, "facts": {}, "error": error,
    })
}
