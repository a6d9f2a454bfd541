//! Rules that begin with another rule: what they do not say themselves is taken from it.

use super::compile::Sheet;
use super::diagnostic::{Desk, Diagnostic, meant};
use super::syntax::{At, Given, Rule, Scored};
use std::borrow::Cow;
use std::collections::BTreeSet;
use std::sync::Arc;

/// Conditions that are added to the inherited ones of the same key: both only narrow a rule down.
const ADDED: &[&str] = &["all", "not"];

/// The rule as it works: itself, then what it inherits, and from what that one inherits. Also the rank it inherits.
pub(super) fn resolve<'p>(
    sheets: &'p [Sheet],
    sheet: &'p Sheet,
    rule: &'p Rule,
    found: &mut Vec<Diagnostic>,
) -> (Cow<'p, Rule>, Option<i64>) {
    let mut whole = Cow::Borrowed(rule);
    let mut rank = None;
    let mut broken = false;
    let mut seen: Vec<&Rule> = vec![rule];
    let (mut home, mut last) = (sheet, rule);
    while let Some(name) = &last.inherit {
        let mut desk = Desk::new(&home.source);
        let parent = parent(sheets, home, last, name);
        match parent {
            None => {
                let names: Vec<&str> = rules(sheets).map(|(_, rule)| rule.name.value.as_str()).collect();
                let help = match meant(&name.value, &names) {
                    Some(meant) => format!("did you mean `{meant}`?"),
                    None => "`modori rules list` shows all names".to_owned(),
                };
                let message = format!("there is no rule `{}` to inherit from", name.value);
                desk.error(name.span.clone(), message, help);
            }
            Some((_, parent)) if seen.iter().any(|seen| std::ptr::eq(*seen, parent)) => {
                let help = "one of them has to stand on its own";
                desk.error(name.span.clone(), "these rules inherit from each other", help);
            }
            Some(_) => {}
        }
        broken |= !desk.found.is_empty();
        found.append(&mut desk.found);
        let Some((from, parent)) = parent.filter(|_| !broken) else { break };
        absorb(whole.to_mut(), from, parent);
        rank = rank.or(parent.rank).or(from.file.rank);
        seen.push(parent);
        (home, last) = (from, parent);
    }
    if rule.inherit.is_some() && rule.enabled && whole.when.is_empty() && whole.score.is_empty() && !broken {
        let mut desk = Desk::new(&sheet.source);
        let message = format!("the rule `{}` has no condition", rule.name.value);
        desk.error(rule.name.span.clone(), message, "neither has the rule it inherits from; add one");
        found.append(&mut desk.found);
    }
    (whole, rank)
}

fn rules(sheets: &[Sheet]) -> impl Iterator<Item = (&Sheet, &Rule)> {
    sheets.iter().flat_map(|sheet| sheet.file.rules.iter().map(move |rule| (sheet, rule)))
}

/// The rule of this name that counts. Under its own name a rule finds the one that it takes the place of; a rule that
/// was only switched off still lends what it said before.
fn parent<'p>(sheets: &'p [Sheet], home: &Sheet, rule: &Rule, name: &At<String>) -> Option<(&'p Sheet, &'p Rule)> {
    let says = |rule: &Rule| !rule.when.is_empty() || !rule.score.is_empty() || rule.inherit.is_some();
    let own = rule.name.value == name.value;
    rules(sheets)
        .filter(|(_, other)| other.name.value == name.value && !std::ptr::eq(*other, rule))
        .filter(|(sheet, _)| !own || sheet.layer < home.layer)
        .max_by_key(|(sheet, other)| (says(other), sheet.layer))
}

/// Takes what a rule does not say itself.
fn absorb(rule: &mut Rule, from: &Sheet, parent: &Rule) {
    let said: BTreeSet<String> = rule.when.iter().map(|given| given.key.clone()).collect();
    let source = || Some(Arc::clone(&from.source));
    let kept = parent.when.iter().filter(|given| ADDED.contains(&given.key.as_str()) || !said.contains(&given.key));
    rule.when.extend(kept.map(|given| Given { from: source(), ..given.clone() }));
    if rule.score.is_empty() {
        rule.score = parent.score.iter().map(|scored| Scored { from: source(), ..scored.clone() }).collect();
    }
    if let (None, Some(threshold)) = (&rule.threshold, &parent.threshold) {
        // its place is in another file: what is said about it is said about this rule
        rule.threshold = Some(At { value: threshold.value, span: rule.name.span.clone() });
    }
    rule.labels = rule.labels.take().or_else(|| parent.labels.clone());
    rule.folder = rule.folder.take().or_else(|| parent.folder.clone());
    rule.priority = rule.priority.or(parent.priority);
}
