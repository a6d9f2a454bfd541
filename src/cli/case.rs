//! `modori case ORDER`: the story of one order, with the mails that tell it.

use super::args::{Case, Format};
use super::seen::Seen;
use super::{Failure, render, say};
use crate::calendar::rfc3339;
use crate::ledger::{self, Said, Statement, claim_of};
use jiff::Timestamp;
use serde_json::{Value, json};
use std::path::Path;

/// One line of the story.
pub(super) struct Told {
    pub(super) at: Timestamp,
    /// A claim of a mail, or `said-…`.
    pub(super) claim: &'static str,
    /// `verified`, `unverified`; nothing for the shopper's own word.
    pub(super) trust: Option<String>,
    /// The sender's address; empty for the shopper's own word.
    pub(super) sender: String,
    /// The sentence that says so, or the shopper's words.
    pub(super) words: String,
    /// The accounts that the mail came to.
    pub(super) accounts: Vec<String>,
}

/// Prints the state of an order and everything that was said about it, oldest first.
pub(super) fn run(arguments: &Case, config: Option<&Path>, state: Option<&Path>) -> Result<(), Failure> {
    let order = say::order(&arguments.order)?;
    let seen = Seen::open(config, state, arguments.at)?;
    let Seen { statements, cases, now, language, wording, .. } = &seen;
    let Some(case) = cases.get(&order) else {
        return Err(Failure::new(format!("nothing is known of {order}; `modori import` reads old mail")));
    };
    let trust = |level| serde_json::to_value(level).ok().and_then(|level: Value| level.as_str().map(str::to_owned));
    let mut story: Vec<Told> = case
        .evidence
        .iter()
        .map(|one| Told {
            at: one.date,
            claim: one.claim,
            trust: trust(one.trust),
            sender: one.sender.clone(),
            words: one.excerpt.clone(),
            accounts: seen.accounts([one.mail]).into_iter().map(render::one_line).collect(),
        })
        .collect();
    story.extend(statements.iter().filter(|one| one.order == order && one.at <= *now).map(said));
    story.sort_by_key(|one| one.at);
    match arguments.format {
        Format::Json => {
            let mut sheet = ledger::sheet(case);
            let story: Vec<Value> = story
                .iter()
                .map(|one| {
                    json!({
                        "at": rfc3339(one.at), "claim": one.claim, "trust": one.trust, "sender": one.sender,
                        "words": one.words, "accounts": one.accounts,
                    })
                })
                .collect();
            if let Some(fields) = sheet.as_object_mut() {
                fields.insert("accounts".into(), seen.accounts_of(case).into_iter().collect());
                fields.insert("story".into(), Value::Array(story));
            }
            anstream::println!("{sheet}");
        }
        Format::Text => anstream::println!("{}", render::case(case, &story, wording, *language)),
    }
    Ok(())
}

/// The shopper's own word as a line of the story.
fn said(statement: &Statement) -> Told {
    let words = match &statement.said {
        Said::Confirm { points, expires, coupon_back } => {
            let points = points.map(|points| format!("{points} P"));
            let expires = expires.map(|at| format!("→ {}", render::at(at)));
            let coupon = coupon_back.map(|back| if back { "coupon: back" } else { "coupon: lost" }.to_owned());
            [points, expires, coupon].into_iter().flatten().collect::<Vec<_>>().join(", ")
        }
        Said::Deny | Said::Lost | Said::Lives | Said::Answered => String::new(),
        Said::Limited { points, expires } => format!("{points} P → {}", render::at(*expires)),
        Said::Note { text } => text.clone(),
        Said::Assign { mail, points } => format!("{points} P ({})", mail.short()),
        Said::Disown { mail } => mail.short(),
    };
    Told {
        at: statement.at,
        claim: claim_of(statement),
        trust: None,
        sender: String::new(),
        words,
        accounts: Vec::new(),
    }
}
