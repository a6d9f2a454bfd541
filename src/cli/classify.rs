//! `modori classify`: what mails are and what they say. Touches nothing.

use super::args::{Classify, Format};
use super::{Failure, mails, render, setup};
use crate::edge::files::FileMail;
use crate::engine::pure;
use crate::facts::sheet;
use crate::mail::Reading;
use crate::rules::{Known, Verdict};
use serde_json::{Value, json};
use std::io::Write;
use std::path::Path;

/// Prints one object (or one block) a mail. A mail that cannot be read is reported in its own object and does not stop
/// the others; the exit code is 1 then.
pub(super) fn run(arguments: &Classify, config: Option<&Path>) -> Result<(), Failure> {
    let setup = setup::quiet(config, arguments.rules.as_deref(), &arguments.authserv_id)?;
    let mut out = anstream::stdout().lock();
    let mut failed = 0_usize;
    for found in mails::all(&arguments.paths) {
        let (file, sheet) = match found {
            Ok(found) => {
                let sheet = one(&setup, &found);
                (found.label, sheet)
            }
            Err(unread) => (unread.file, Err(unread.what)),
        };
        failed += usize::from(sheet.is_err());
        let written = match (arguments.format, sheet) {
            (Format::Json, Ok(sheet)) => writeln!(out, "{}", sheet.json(&file)),
            (Format::Json, Err(error)) => writeln!(out, "{}", unread(&file, &error)),
            (Format::Text, Ok(sheet)) => write!(out, "{}", render::classified(&file, &sheet)),
            (Format::Text, Err(error)) => writeln!(out, "{file}\n  error: {error}"),
        };
        if written.is_err() {
            return Ok(()); // the reader of our output went away
        }
    }
    if failed > 0 {
        return Err(Failure::new(format!("{failed} could not be read; see their `error`")));
    }
    Ok(())
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
