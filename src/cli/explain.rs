//! `modori explain`: why a mail was sorted as it was. Touches nothing.

use super::args::{Explain, Format};
use super::{Failure, mails, setup, trace};
use crate::edge::files::FileMail;
use crate::engine::pure;
use crate::facts::places::{self, Place};
use crate::mail::{Mail, Reading};
use crate::rules::{self, Explanation, Extraction, Known};
use serde_json::{Value, json};
use std::path::Path;

/// Prints one explanation a mail. A mail that cannot be read does not stop the others; the exit code is 1 then.
pub(super) fn run(arguments: &Explain, config: Option<&Path>) -> Result<(), Failure> {
    let setup = setup::quiet(
        config,
        arguments.judging.rules.as_deref(),
        &arguments.judging.authserv_id,
        arguments.judging.account.as_deref(),
    )?;
    for name in &arguments.rule {
        if !setup.rules.list().iter().any(|rule| rule.name == *name) {
            return Err(Failure::broken(format!("no rule is named `{name}`; `modori rules list` shows all names")));
        }
    }
    let json = arguments.judging.format == Format::Json;
    mails::each(
        &arguments.paths,
        |found| one(&setup, found),
        |file, told| {
            if json {
                format!("{}\n", told.json(file, arguments))
            } else {
                trace::draw(file, &told, arguments.all, &arguments.rule)
            }
        },
        |file, error| {
            if json {
                format!("{}\n", json!({ "file": file, "error": error }))
            } else {
                format!("{file}\n  error: {error}\n")
            }
        },
    )
}

/// Everything that is told of one mail.
pub(super) struct Told {
    pub(super) mail: Mail,
    pub(super) explanation: Explanation,
    pub(super) facts: Vec<Place>,
    pub(super) extractions: Vec<Extraction>,
}

fn one(setup: &setup::Quiet, found: &FileMail) -> Result<Told, String> {
    let reading = Reading { received: found.received, size: found.size, authserv_ids: &setup.authserv_ids };
    let (mail, facts) = pure::read(&setup.rules, &found.bytes, &reading).map_err(|poison| poison.to_string())?;
    let known = Known { own_addresses: setup.own_addresses.clone(), ..Known::default() };
    let explanation = pure::explain(&setup.rules, &mail, &facts, &known).map_err(|poison| poison.to_string())?;
    let extractions = rules::extractions(&setup.rules, &mail, &facts);
    Ok(Told { facts: places::places(&facts, &mail), explanation, extractions, mail })
}

impl Told {
    fn json(&self, file: &str, arguments: &Explain) -> Value {
        let verdict = &self.explanation.verdict;
        let only = &arguments.rule;
        let rules: Vec<_> =
            self.explanation.rules.iter().filter(|rule| only.is_empty() || only.contains(&rule.name)).collect();
        let notes: Vec<&str> = self.mail.notes.iter().map(|note| note.text.as_str()).collect();
        let extractions: Vec<Value> = self.extractions.iter().map(extraction).collect();
        json!({
            "file": file,
            "message_id": self.mail.message_id,
            "from": self.mail.from.addr,
            "category": verdict.category,
            "labels": verdict.labels,
            "rule": verdict.rule,
            "folder": verdict.folder,
            "escalate": verdict.escalate,
            "trust": { "level": self.mail.trust.level, "reasons": self.mail.trust.reasons },
            "aside": self.explanation.aside,
            "nearest_miss": self.explanation.nearest_miss,
            "rules": rules,
            "facts": self.facts,
            "extractions": extractions,
            "notes": notes,
            "error": Value::Null,
        })
    }
}

fn extraction(one: &Extraction) -> Value {
    json!({ "extractor": one.extractor, "key": one.key, "saw": one.saw, "value": one.value })
}
