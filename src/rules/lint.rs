//! What a rule file says that it probably does not mean.

use super::compile::{LABELS, Sheet};
use super::diagnostic::{Desk, Diagnostic};
use super::syntax::{At, Cond, How, Rule, Test};
use super::{RuleSet, category};
use crate::text::fold;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

/// Looks at one rule.
pub(super) fn rule(desk: &mut Desk<'_>, rule: &Rule) {
    let name = &rule.name;
    let reach: f64 = rule.score.iter().map(|scored| scored.weight.max(0.0)).sum();
    match &rule.threshold {
        Some(threshold) if rule.score.is_empty() => {
            let help = "add `score = [ { weight = 2, subject = \"…\" } ]`, or leave the threshold out";
            desk.error(threshold.span.clone(), "a threshold without scored conditions", help);
        }
        Some(threshold) if threshold.value > reach => {
            let message = format!("this rule can never match: all its weights together give {reach}");
            desk.error(threshold.span.clone(), message, format!("write a threshold of at most {reach}"));
        }
        Some(threshold) if threshold.value <= 0.0 => {
            let help = "a threshold above 0 asks for at least one sign";
            desk.warn(threshold.span.clone(), "a score of 0 reaches this threshold", help);
        }
        None if !rule.score.is_empty() => {
            let help = format!("add `threshold = …`; all weights together give {reach}");
            desk.error(name.span.clone(), format!("the rule `{}` has scores but no threshold", name.value), help);
        }
        _ => {}
    }
    for scored in rule.score.iter().filter(|scored| scored.weight == 0.0 && scored.from.is_none()) {
        desk.warn(scored.span.clone(), "a weight of 0 changes nothing", "give it a weight or take it out");
    }
    for label in rule.labels.iter().flatten().filter(|label| !LABELS.contains(&label.as_str())) {
        let message = format!("`{label}` carries no meaning for modori");
        desk.warn(name.span.clone(), message, format!("labels with a meaning: {}", LABELS.join(", ")));
    }
    let own = rule.when.iter().filter(|given| given.from.is_none()).map(|given| &given.cond);
    let scored = rule.score.iter().filter(|scored| scored.from.is_none()).map(|scored| &scored.when);
    own.chain(scored).for_each(|cond| idle_words(desk, cond));
}

/// A word that always contains another word of the same list decides nothing.
fn idle_words(desk: &mut Desk<'_>, cond: &Cond) {
    match cond {
        Cond::All(conds) | Cond::Any(conds) => conds.iter().for_each(|cond| idle_words(desk, cond)),
        Cond::Not(cond) => idle_words(desk, cond),
        Cond::Test(Test { how: How::Any(words), exact: false, .. }) => {
            let folded: Vec<(String, &At<String>)> =
                words.iter().take(500).map(|word| (fold(&word.value).text().to_owned(), word)).collect();
            for (at, (long, word)) in folded.iter().enumerate() {
                let shorter = folded.iter().enumerate().find(|(other, (short, _))| {
                    *other != at && !short.is_empty() && long.contains(short.as_str()) && (long != short || *other < at)
                });
                if let Some((_, (short, by))) = shorter {
                    let message = format!("`{}` decides nothing here", word.value);
                    let help = if long == short {
                        format!("it is the same word as `{}` in the normal form", by.value)
                    } else {
                        format!("whatever contains it contains `{}`, which stands in the same list", by.value)
                    };
                    desk.warn(word.span.clone(), message, help);
                }
            }
        }
        _ => {}
    }
}

/// Looks at all rules together.
pub(super) fn all(sheets: &[Sheet], set: &RuleSet, chosen: &[(&Sheet, &Rule)]) -> Vec<Diagnostic> {
    let mut found = Vec::new();
    folders(sheets, set, &mut found);
    examples(sheets, &mut found);
    shadowed(chosen, &mut found);
    found
}

/// A folder that two categories share: the mailbox can no longer tell them apart.
fn folders(sheets: &[Sheet], set: &RuleSet, found: &mut Vec<Diagnostic>) {
    let mut owners: BTreeMap<&str, &str> = BTreeMap::new();
    for category in &set.categories {
        let Some(folder) = category.folder.as_deref() else { continue };
        let shared = owners.get(folder).copied().or_else(|| {
            let quarantine = set.quarantine_folder.as_deref() == Some(folder);
            quarantine.then_some("quarantine")
        });
        owners.entry(folder).or_insert(&category.name);
        let Some(other) = shared else { continue };
        let named = |sheet: &&Sheet| {
            let file = &sheet.file;
            file.category.as_ref().is_some_and(|name| name.value == category.name)
                && file.folder.as_ref().is_some_and(|name| name.value == folder)
        };
        if let Some((sheet, at)) = sheets.iter().rev().find(named).and_then(|s| Some((s, s.file.folder.as_ref()?))) {
            let message = format!("`{folder}` is also the folder of `{other}`");
            warn(sheet, at.span.clone(), &message, "give each category a folder of its own", found);
        }
    }
}

/// A category without an example: nobody would notice when it stops working.
fn examples(sheets: &[Sheet], found: &mut Vec<Diagnostic>) {
    let mut shown: BTreeSet<&str> = BTreeSet::from([category::OTHER]);
    for sheet in sheets {
        let some = !sheet.file.examples.is_empty() || sheet.file.rules.iter().any(|rule| !rule.examples.is_empty());
        shown.extend(sheet.file.category.as_ref().filter(|_| some).map(|name| name.value.as_str()));
    }
    for sheet in sheets {
        let Some(name) = &sheet.file.category else { continue };
        if !sheet.file.rules.is_empty() && shown.insert(&name.value) {
            let message = format!("the category `{}` has no example", name.value);
            warn(sheet, name.span.clone(), &message, "add an `[[example]]` with `from`, `subject` and `body`", found);
        }
    }
}

/// A rule with the same conditions as one that stands before it never decides.
fn shadowed(chosen: &[(&Sheet, &Rule)], found: &mut Vec<Diagnostic>) {
    let mut seen: BTreeMap<String, (&Sheet, &Rule)> = BTreeMap::new();
    for (sheet, rule) in chosen.iter().filter(|(_, rule)| rule.enabled) {
        let Some((first_sheet, first)) = seen.get(&fingerprint(rule)).copied() else {
            seen.insert(fingerprint(rule), (sheet, rule));
            continue;
        };
        let same_home = first_sheet.file.category.as_ref().map(|name| &name.value)
            == sheet.file.category.as_ref().map(|name| &name.value);
        let message = if same_home {
            format!("`{}` asks for the same as `{}`, so one of them never decides", rule.name.value, first.name.value)
        } else {
            format!("`{}` asks for the same as `{}` of another category", rule.name.value, first.name.value)
        };
        let help = "take one of them out, or give them different conditions";
        warn(sheet, rule.name.span.clone(), &message, help, found);
    }
}

/// The conditions of a rule without their places.
fn fingerprint(rule: &Rule) -> String {
    let scored: Vec<_> = rule.score.iter().map(|scored| (scored.weight, &scored.when)).collect();
    let when: Vec<_> = rule.when.iter().map(|given| &given.cond).collect();
    let text = format!("{when:?}{:?}{:?}", scored, rule.threshold.as_ref().map(|at| at.value));
    // the places in the file are no part of what a rule asks for
    let mut out = String::with_capacity(text.len());
    let mut rest = text.as_str();
    while let Some((before, after)) = rest.split_once(", span: ") {
        out.push_str(before);
        rest = after.trim_start_matches(|c: char| c.is_ascii_digit() || c == '.');
    }
    out.push_str(rest);
    out
}

fn warn(sheet: &Sheet, span: Range<usize>, message: &str, help: &str, found: &mut Vec<Diagnostic>) {
    let mut desk = Desk::new(&sheet.source);
    desk.warn(span, message, help);
    found.append(&mut desk.found);
}
