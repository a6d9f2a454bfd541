//! Draws an explanation: the verdict, the trust, each rule as a tree, the facts with their lines.

use super::explain::Told;
use crate::facts::Field;
use crate::facts::places::Place;
use crate::rules::{Condition, RuleTrace, Sight};
use crate::text::visible;
use anstyle::{AnsiColor, Style};
use std::fmt::Write as _;

const BOLD: Style = Style::new().bold();
const DIM: Style = Style::new().dimmed();
const YES: Style = AnsiColor::Green.on_default();
const NO: Style = AnsiColor::Red.on_default();
const HIT: Style = AnsiColor::Yellow.on_default().bold();

/// Rules that did not match and are shown unless all are asked for.
const MISSES: usize = 2;

/// One mail. `all` shows every rule with every condition; `only` nothing but the rules of these names, whole.
pub(super) fn draw(file: &str, told: &Told, all: bool, only: &[String]) -> String {
    let mut out = String::new();
    let _ = writeln!(out, "{BOLD}{file}{BOLD:#}");
    head(&mut out, told);
    let rules = &told.explanation.rules;
    if !only.is_empty() {
        let _ = writeln!(out);
        rules.iter().filter(|rule| only.contains(&rule.name)).for_each(|trace| rule(&mut out, trace, true));
        return out;
    }
    let (matched, missed): (Vec<_>, Vec<_>) = rules.iter().partition(|rule| rule.matched);
    let would = told.explanation.aside.is_some();
    section(&mut out, if would { "Rules that would match" } else { "Rules that match" });
    if matched.is_empty() {
        let _ = writeln!(out, "  none");
    }
    matched.iter().for_each(|trace| rule(&mut out, trace, all));
    section(&mut out, if all { "Rules that do not match" } else { "Nearest misses" });
    let mut near: Vec<&RuleTrace> = missed.into_iter().filter(|rule| all || rule.nearness > 0.0).collect();
    if !all {
        // what kept a mail out of `other` is seldom what is asked
        let nearness = |rule: &RuleTrace| if rule.category == "other" { rule.nearness / 4.0 } else { rule.nearness };
        near.sort_by(|a, b| nearness(b).total_cmp(&nearness(a)).then(b.rank.cmp(&a.rank)));
        near.truncate(MISSES);
    }
    if near.is_empty() {
        let _ = writeln!(out, "  none came near");
    }
    near.iter().for_each(|trace| rule(&mut out, trace, all));
    facts(&mut out, told);
    out
}

fn section(out: &mut String, title: &str) {
    let _ = writeln!(out, "\n{BOLD}{title}{BOLD:#}");
}

fn head(out: &mut String, told: &Told) {
    let mail = &told.mail;
    let verdict = &told.explanation.verdict;
    let name = if mail.from.name.is_empty() { String::new() } else { format!("{} ", clean(&mail.from.name)) };
    let _ = writeln!(out, "  from     {name}<{}>", clean(&mail.from.addr));
    let _ = writeln!(out, "  subject  {}", clean(&mail.subject.raw));
    let labels: Vec<&str> = verdict.labels.iter().map(String::as_str).collect();
    let plus = if labels.is_empty() { String::new() } else { format!(" + {}", labels.join(", ")) };
    let alert = if verdict.escalate { ", alert at once" } else { "" };
    let _ = writeln!(out, "  verdict  {BOLD}{}{BOLD:#}{plus}{alert}", verdict.category);
    if let Some(folder) = &verdict.folder {
        let _ = writeln!(out, "  folder   {}", clean(folder));
    }
    match (&told.explanation.aside, &verdict.rule) {
        (Some(aside), _) => {
            let _ = writeln!(out, "  because  {aside}; no rule was asked");
        }
        (None, Some(rule)) => {
            let _ = writeln!(out, "  because  the rule `{}` is the first that matches", clean(rule));
        }
        (None, None) => {
            let _ = writeln!(out, "  because  no rule matches");
        }
    }
    let level = format!("{:?}", mail.trust.level).to_lowercase();
    let _ = writeln!(out, "  trust    {level}");
    for reason in &mail.trust.reasons {
        let _ = writeln!(out, "           {DIM}{}{DIM:#}", clean(reason));
    }
    for note in &mail.notes {
        let _ = writeln!(out, "  note     {DIM}{}{DIM:#}", clean(&note.text));
    }
}

fn rule(out: &mut String, trace: &RuleTrace, whole: bool) {
    let place = format!("{}, rank {}, {}:{}", trace.category, trace.rank, trace.file, trace.line);
    let decided = if trace.decided { ", decided" } else { "" };
    let _ =
        writeln!(out, "  {} {BOLD}{}{BOLD:#} {DIM}({place}){DIM:#}{decided}", mark(trace.matched), clean(&trace.name));
    if let (Some(score), Some(threshold)) = (trace.score, trace.threshold) {
        let _ = writeln!(out, "    score {score} of {threshold}");
    }
    if let Some(failed) = &trace.failed {
        let _ = writeln!(out, "    {DIM}fails:{DIM:#} {}", clean(failed));
    }
    let mut hidden = 0;
    for condition in &trace.conditions {
        if whole || speaks(condition) {
            branch(out, condition, 2, whole);
        } else {
            hidden += 1;
        }
    }
    if hidden > 0 {
        let _ = writeln!(out, "    {DIM}and {hidden} more that saw nothing (--all shows them){DIM:#}");
    }
}

/// Whether a condition has something to show: it holds, or words were there that do not count.
fn speaks(condition: &Condition) -> bool {
    condition.holds && condition.condition != "not" || !condition.saw.is_empty() || condition.of.iter().any(speaks_of)
}

fn speaks_of(condition: &Condition) -> bool {
    !condition.saw.is_empty() || condition.of.iter().any(speaks_of)
}

fn branch(out: &mut String, condition: &Condition, depth: usize, whole: bool) {
    let indent = "  ".repeat(depth);
    let weight = condition.weight.map_or(String::new(), |weight| format!("{weight:+} "));
    let missing = condition.missing.as_ref().filter(|_| !condition.holds && condition.saw.is_empty());
    let missing = missing.map_or(String::new(), |missing| format!(" {DIM}{}{DIM:#}", clean(missing)));
    let _ = writeln!(out, "{indent}{} {weight}{}{missing}", mark(condition.holds), clean(&condition.condition));
    for sight in &condition.saw {
        let line = if sight.line > 0 { format!(" line {}", sight.line) } else { String::new() };
        let why = sight.why_not.as_ref().map_or(String::new(), |why| format!("  {NO}{why}{NO:#}"));
        let _ = writeln!(out, "{indent}    {DIM}{}{line}:{DIM:#} {}{why}", sight.place, marked(sight));
    }
    let mut hidden = 0;
    for inner in &condition.of {
        if whole || speaks(inner) || condition.of.len() == 1 {
            branch(out, inner, depth + 1, whole);
        } else {
            hidden += 1;
        }
    }
    if hidden > 0 {
        let _ = writeln!(out, "{indent}  {DIM}and {hidden} more that saw nothing{DIM:#}");
    }
}

fn mark(yes: bool) -> String {
    if yes { format!("{YES}✓{YES:#}") } else { format!("{NO}✗{NO:#}") }
}

fn marked(sight: &Sight) -> String {
    stressed(&sight.text, &sight.hit)
}

/// A line with the words in it marked: «so», and in colour.
fn stressed(text: &str, hit: &std::ops::Range<usize>) -> String {
    let before = text.get(..hit.start).unwrap_or_default();
    let words = text.get(hit.clone()).unwrap_or_default();
    let after = text.get(hit.end..).unwrap_or_default();
    format!("{}«{HIT}{}{HIT:#}»{}", clean(before), clean(words), clean(after))
}

fn facts(out: &mut String, told: &Told) {
    section(out, "Facts");
    if told.facts.is_empty() {
        let _ = writeln!(out, "  none");
    }
    for place in &told.facts {
        let value = place.value.as_str().map_or_else(|| place.value.to_string(), str::to_owned);
        let doubt = if place.confidence == crate::facts::Confidence::Low { " (doubtful)" } else { "" };
        let _ = writeln!(out, "  {BOLD}{}{BOLD:#} = {}{doubt}", place.key, clean(&value));
        let _ = writeln!(out, "    {DIM}{}:{DIM:#} {}", stands(place), stressed(&place.text, &place.hit));
    }
    for one in &told.extractions {
        let value = one.value.as_deref().unwrap_or("cannot be read");
        let _ = writeln!(
            out,
            "  {DIM}the extractor `{}` read {} from «{}»: {}{DIM:#}",
            clean(&one.extractor),
            one.key,
            clean(&one.saw),
            clean(value)
        );
    }
}

fn stands(place: &Place) -> String {
    match place.field {
        Field::From => "sender".into(),
        Field::Subject => "subject".into(),
        Field::Link => "link".into(),
        Field::Body => {
            let part = place.part.filter(|part| *part != "new").map_or(String::new(), |part| format!(", {part}"));
            format!("line {}{part}", place.line)
        }
    }
}

/// What a terminal may be given: one line, without control characters.
fn clean(text: &str) -> String {
    visible(text).chars().map(|c| if c.is_whitespace() || c.is_control() { ' ' } else { c }).collect()
}
