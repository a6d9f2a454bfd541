//! Why a mail was judged as it was: every rule, every condition, the words it saw, and why others did not count.
//!
//! Slow and thorough where [`super::judge()`] is quick; both ask the same functions, so they cannot disagree.

mod sight;

use super::compile::Compiled;
use super::judge;
use super::node::Node;
use super::scan::Page;
use super::weigh::holds;
use super::{Known, RuleSet, Verdict};
use crate::facts::Facts;
use crate::mail::Mail;
use serde::Serialize;

pub use sight::Sight;

/// What every rule made of one mail.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Explanation {
    /// The same as [`super::judge()`] gives.
    pub verdict: Verdict,
    /// Set when no rule was asked: our own mail, or a mail put into quarantine. The rules below say what would be.
    pub aside: Option<String>,
    /// Every rule in the order in which they win: the first that matches decides.
    pub rules: Vec<RuleTrace>,
    /// The rule that came nearest to matching without doing so, if one saw anything at all.
    pub nearest_miss: Option<String>,
}

/// What one rule made of the mail.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct RuleTrace {
    /// The rule's name.
    pub name: String,
    /// Its category.
    pub category: String,
    /// The file it was taken from.
    pub file: String,
    /// The line of its name in that file, counted from 1.
    pub line: usize,
    /// Higher wins.
    pub rank: i64,
    /// Whether it matches.
    pub matched: bool,
    /// Whether it decided.
    pub decided: bool,
    /// The sum of the weights that were reached; `None` for a rule without scored conditions.
    pub score: Option<f64>,
    /// The sum that is asked for; `None` for a rule without scored conditions.
    pub threshold: Option<f64>,
    /// Why it does not match: the first reason, in a few words.
    pub failed: Option<String>,
    /// How near it came, 0 to 1; 1 when it matches.
    pub nearness: f64,
    /// Its conditions: all of those without a weight must hold.
    pub conditions: Vec<Condition>,
}

/// One condition, with what it saw.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Condition {
    /// The condition as the rule file says it, short; `all of`, `any of`, `not`.
    pub condition: String,
    /// Whether it holds.
    pub holds: bool,
    /// What it adds to the score when it holds; `None` for a condition that must hold.
    pub weight: Option<f64>,
    /// What it saw, what did not count included.
    pub saw: Vec<Sight>,
    /// What is missing, where nothing was seen.
    pub missing: Option<String>,
    /// The conditions it is made of.
    pub of: Vec<Condition>,
    /// How near it came, 0 to 1.
    #[serde(skip)]
    near: f64,
}

/// What every rule of the set makes of a mail. The verdict is the one that [`super::judge()`] gives.
#[must_use]
pub fn explain(rules: &RuleSet, mail: &Mail, facts: &Facts, known: &Known) -> Explanation {
    let verdict = judge::judge(rules, mail, facts, known);
    let page = Page::new(mail, facts, &rules.wanted, &rules.words, &rules.exact);
    let tracer = Tracer { rules, page: &page, known };
    let mut traces: Vec<RuleTrace> = rules.rules.iter().map(|rule| tracer.rule(rule)).collect();
    let aside = judge::aside_reason(mail, known);
    if aside.is_none()
        && let Some(first) = traces.iter_mut().find(|trace| trace.matched)
    {
        first.decided = true;
    }
    let misses = traces.iter().filter(|trace| !trace.matched && trace.nearness > 0.0);
    let nearest_miss = misses.rev().max_by(|a, b| a.nearness.total_cmp(&b.nearness));
    let nearest_miss = nearest_miss.map(|trace| trace.name.clone());
    Explanation { verdict, aside, rules: traces, nearest_miss }
}

struct Tracer<'t, 'm> {
    rules: &'t RuleSet,
    page: &'t Page<'m>,
    known: &'t Known,
}

impl Tracer<'_, '_> {
    fn rule(&self, rule: &Compiled) -> RuleTrace {
        let mut conditions: Vec<Condition> = rule.when.iter().map(|node| self.node(node)).collect();
        let musts = conditions.len();
        conditions
            .extend(rule.score.iter().map(|(weight, node)| Condition { weight: Some(*weight), ..self.node(node) }));
        let (must, scored) = conditions.split_at(musts);
        let scores = !rule.score.is_empty();
        let score: f64 = scored.iter().filter(|one| one.holds).filter_map(|one| one.weight).sum();
        let reached = !scores || score >= rule.threshold;
        let matched = must.iter().all(|one| one.holds) && reached;
        let failed = must.iter().find(|one| !one.holds).map(why_not);
        let failed = failed.or_else(|| {
            (!reached).then(|| format!("the score is {score} of the {} that is asked for", rule.threshold))
        });
        let mut steps: Vec<f64> = must.iter().map(|one| one.near).collect();
        if scores && rule.threshold > 0.0 {
            steps.push((score / rule.threshold).clamp(0.0, 1.0));
        }
        let saw = conditions.iter().any(Condition::saw_anything);
        #[allow(clippy::cast_precision_loss)] // a handful of conditions
        let nearness = if matched {
            1.0
        } else if saw && !steps.is_empty() {
            steps.iter().sum::<f64>() / steps.len() as f64
        } else {
            0.0
        };
        let listed = self.rules.list().iter().find(|one| one.name == rule.name && one.enabled);
        RuleTrace {
            name: rule.name.clone(),
            category: self.rules.categories.get(rule.category).map(|one| one.name.clone()).unwrap_or_default(),
            file: listed.map(|one| one.file.clone()).unwrap_or_default(),
            line: listed.map_or(0, |one| one.line),
            rank: listed.map_or(0, |one| one.rank),
            matched,
            decided: false,
            score: scores.then_some(score),
            threshold: scores.then_some(rule.threshold),
            failed,
            nearness,
            conditions,
        }
    }

    fn node(&self, node: &Node) -> Condition {
        let holds = holds(node, self.page, self.known, &mut None);
        let yes = |yes: bool| if yes { 1.0 } else { 0.0 };
        let named = |condition: String| Condition { condition, holds, near: yes(holds), ..Condition::default() };
        #[allow(clippy::cast_precision_loss)] // a handful of conditions
        match node {
            Node::All(nodes) => {
                let of: Vec<Condition> = nodes.iter().map(|node| self.node(node)).collect();
                let near = of.iter().map(|one| one.near).sum::<f64>() / of.len().max(1) as f64;
                Condition { near: near.max(yes(holds)), of, ..named("all of".into()) }
            }
            Node::Any(nodes) => {
                let of: Vec<Condition> = nodes.iter().map(|node| self.node(node)).collect();
                let near = of.iter().map(|one| one.near).fold(0.0, f64::max);
                Condition { near, of, ..named("any of".into()) }
            }
            Node::Not(inner) => Condition { of: vec![self.node(inner)], ..named("not".into()) },
            Node::Check(check) => {
                let looked = sight::look(check, self.page, self.rules, holds);
                let near = if holds { 1.0 } else { looked.near };
                Condition { near, saw: looked.saw, missing: looked.missing, ..named(check.shown.clone()) }
            }
            Node::Trust(..)
            | Node::Vouched(..)
            | Node::Knows(..)
            | Node::Fact(..)
            | Node::Size { .. }
            | Node::ItemLinks { .. } => {
                let (condition, saw, missing) = sight::plain(node, self.page, self.known);
                Condition { saw, missing: missing.filter(|_| !holds), ..named(condition) }
            }
        }
    }
}

impl Condition {
    /// Whether it, or one that it is made of, saw words in the mail.
    fn saw_anything(&self) -> bool {
        !self.saw.is_empty() || self.of.iter().any(Self::saw_anything)
    }
}

/// Why a condition does not hold, in a few words.
fn why_not(condition: &Condition) -> String {
    match condition.condition.as_str() {
        "not" => {
            let seen = condition.of.first().and_then(first_sight);
            let inner = condition.of.first().map(|one| one.condition.clone()).unwrap_or_default();
            match seen {
                Some(sight) => format!("what must not be there is: {inner} ({})", sight.words()),
                None => format!("what must not be is: {inner}"),
            }
        }
        "all of" => condition.of.iter().find(|one| !one.holds).map(why_not).unwrap_or_default(),
        "any of" => {
            let best = condition.of.iter().max_by(|a, b| a.near.total_cmp(&b.near));
            let near = best.filter(|best| best.near > 0.0).map(|best| format!("; nearest: {}", why_not(best)));
            format!("none of {} alternatives holds{}", condition.of.len(), near.unwrap_or_default())
        }
        shown => {
            let uncounted = condition.saw.iter().find(|sight| sight.why_not.is_some());
            match (uncounted, &condition.missing) {
                (Some(sight), _) => {
                    format!("{shown}: {} {}", sight.words(), sight.why_not.as_deref().unwrap_or_default())
                }
                (None, Some(missing)) => format!("{shown}: {missing}"),
                (None, None) => shown.to_owned(),
            }
        }
    }
}

/// The first words that a condition saw, wherever in it.
fn first_sight(condition: &Condition) -> Option<&Sight> {
    let own = condition.saw.iter().find(|sight| sight.why_not.is_none());
    own.or_else(|| condition.of.iter().filter(|one| one.holds).find_map(first_sight))
}
