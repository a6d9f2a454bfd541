//! A condition, compiled: words became numbers, regexes machines.

use super::RuleSet;
use super::diagnostic::Desk;
use super::pattern;
use super::scan::{Spot, Wanted, Words};
use super::syntax::{At, Cond, FactTest, How, Knows, On, Parts, Test, Want};
use crate::mail::TrustLevel;
use crate::text::fold;
use regex::Regex;

/// A word by its number; true when it is compared as written.
pub(super) type Word = (bool, u32);

/// How many rules share the most common of some words.
pub(super) type Cost<'c> = dyn Fn(&[Word]) -> Option<u32> + 'c;

/// A condition, compiled.
#[derive(Debug)]
pub(super) enum Node {
    All(Vec<Node>),
    Any(Vec<Node>),
    Not(Box<Node>),
    Check(Box<Check>),
    Trust(Vec<TrustLevel>),
    /// The shopper released the mail, or vouches for its sender.
    Vouched(bool),
    Knows(Knows),
    Fact(Vec<FactTest>),
    Size {
        over: bool,
        bytes: u64,
    },
    ItemLinks {
        over: bool,
        count: u64,
    },
}

/// A test of one text, compiled.
#[derive(Debug)]
pub(super) struct Check {
    pub(super) spots: Vec<Spot>,
    pub(super) probe: Probe,
    pub(super) part: Parts,
    pub(super) exact: bool,
    pub(super) negated: Want,
    pub(super) supposed: Want,
    pub(super) names: bool,
    pub(super) first_lines: Option<usize>,
    /// Addresses end where the word ends, hosts begin at a dot.
    pub(super) anchored: bool,
    /// The condition as the file says it, short.
    pub(super) shown: String,
}

/// What is looked for.
#[derive(Debug)]
pub(super) enum Probe {
    Any(Vec<u32>),
    AllOf(Vec<u32>),
    Near(Near),
    Regex { regex: Regex, needs: Option<Vec<u32>> },
    Present(bool),
}

/// One word of every group, close together.
#[derive(Debug)]
pub(super) struct Near {
    pub(super) groups: Vec<Vec<u32>>,
    /// Characters that may lie between.
    pub(super) within: usize,
    /// In this order and in one sentence.
    pub(super) phrase: bool,
}

impl Node {
    /// Words of which one was seen if this condition holds; `None` when it may hold without.
    pub(super) fn triggers(&self, cost: &Cost<'_>) -> Option<Vec<Word>> {
        let cheapest = |sets: Vec<Vec<Word>>| sets.into_iter().min_by_key(|words| cost(words));
        match self {
            Node::All(nodes) => cheapest(nodes.iter().filter_map(|node| node.triggers(cost)).collect()),
            Node::Any(nodes) => {
                let sets: Option<Vec<_>> = nodes.iter().map(|node| node.triggers(cost)).collect();
                sets.map(|sets| sets.concat())
            }
            Node::Check(check) => {
                let marked = |words: &[u32]| words.iter().map(|word| (check.exact, *word)).collect::<Vec<_>>();
                match &check.probe {
                    Probe::Any(words) => Some(marked(words)),
                    Probe::AllOf(words) => cheapest(words.iter().map(|word| vec![(check.exact, *word)]).collect()),
                    Probe::Near(near) => cheapest(near.groups.iter().map(|group| marked(group)).collect()),
                    Probe::Regex { needs, .. } => needs.as_ref().map(|words| marked(words)),
                    Probe::Present(_) => None,
                }
            }
            _ => None,
        }
    }

    /// Calls for every word of the condition.
    pub(super) fn each_word(&self, call: &mut dyn FnMut(Word)) {
        match self {
            Node::All(nodes) | Node::Any(nodes) => nodes.iter().for_each(|node| node.each_word(call)),
            Node::Not(node) => node.each_word(call),
            Node::Check(check) => {
                let mut each = |words: &[u32]| words.iter().for_each(|word| call((check.exact, *word)));
                match &check.probe {
                    Probe::Any(words) | Probe::AllOf(words) => each(words),
                    Probe::Near(near) => near.groups.iter().for_each(|group| each(group)),
                    Probe::Regex { needs, .. } => each(needs.as_deref().unwrap_or_default()),
                    Probe::Present(_) => {}
                }
            }
            _ => {}
        }
    }
}

/// Collects the words and texts that all conditions want.
#[derive(Debug, Default)]
pub(super) struct Builder {
    words: Words,
    exact: Words,
    wanted: Wanted,
}

impl Builder {
    /// Gives everything collected to the rule set.
    pub(super) fn hand_over(self, set: &mut RuleSet) {
        (set.words, set.exact, set.wanted) = self.done();
    }

    /// Words in normal form, words as written, texts.
    pub(super) fn done(self) -> (Words, Words, Wanted) {
        (self.words, self.exact, self.wanted)
    }

    /// Compiles a condition; `None` when something was wrong, which is then noted.
    pub(super) fn node(&mut self, desk: &mut Desk<'_>, cond: &Cond) -> Option<Node> {
        Some(match cond {
            Cond::All(conds) => Node::All(self.nodes(desk, conds)?),
            Cond::Any(conds) => Node::Any(self.nodes(desk, conds)?),
            Cond::Not(cond) => Node::Not(Box::new(self.node(desk, cond)?)),
            Cond::Test(test) => Node::Check(Box::new(self.check(desk, test)?)),
            Cond::Trust(levels) => Node::Trust(levels.clone()),
            Cond::Vouched(vouched) => Node::Vouched(*vouched),
            Cond::Knows(knows) => Node::Knows(*knows),
            Cond::Fact(facts) => Node::Fact(facts.clone()),
            Cond::Size { over, bytes } => Node::Size { over: *over, bytes: *bytes },
            Cond::ItemLinks { over, count } => Node::ItemLinks { over: *over, count: *count },
        })
    }

    fn nodes(&mut self, desk: &mut Desk<'_>, conds: &[Cond]) -> Option<Vec<Node>> {
        let nodes: Vec<_> = conds.iter().map(|cond| self.node(desk, cond)).collect();
        nodes.into_iter().collect()
    }

    /// Compiles a test of one text.
    pub(super) fn check(&mut self, desk: &mut Desk<'_>, test: &Test) -> Option<Check> {
        let spots = self.spots(&test.on);
        let host = matches!(test.on, On::FromDomain | On::LinkHost);
        let address = matches!(test.on, On::From | On::To);
        let mut anchored = host;
        let mut take = |list: &[At<String>], desk: &mut Desk<'_>| -> Option<Vec<u32>> {
            let mut numbers = Vec::new();
            for word in list {
                let normal = match () {
                    () if test.exact => word.value.clone(),
                    () if host => word.value.trim_start_matches(['.', '@']).to_ascii_lowercase(),
                    () => fold(&word.value).text().to_owned(),
                };
                if normal.trim().is_empty() {
                    let message = format!("nothing of `{}` is left in the normal form", word.value);
                    desk.error(word.span.clone(), message, "name letters or digits");
                    return None;
                }
                anchored |= address && normal.contains('@');
                numbers.push(if test.exact { self.exact.take(normal) } else { self.words.take(normal) });
            }
            Some(numbers)
        };
        let (probe, what) = match &test.how {
            How::Any(list) => (Probe::Any(take(list, desk)?), format!("contains {}", listed(list, " / "))),
            How::AllOf(list) => (Probe::AllOf(take(list, desk)?), format!("contains all of {}", listed(list, " + "))),
            How::Near { groups, within, phrase } => {
                let numbers: Option<Vec<_>> = groups.iter().map(|group| take(group, desk)).collect();
                let shown: Vec<_> = groups.iter().map(|group| listed(group, " / ")).collect();
                let (within, phrase) = (*within, *phrase);
                let kind = if phrase { "says" } else { "has" };
                (
                    Probe::Near(Near { groups: numbers?, within, phrase }),
                    format!("{kind} within {within}: {}", shown.join(" + ")),
                )
            }
            How::Regex(pattern) => {
                let compiled = pattern::compile(&pattern.value, test.exact);
                let (compiled, remarks) = match compiled {
                    Ok(compiled) => compiled,
                    Err((message, help)) => {
                        desk.error(pattern.span.clone(), message, help);
                        return None;
                    }
                };
                for (message, help) in remarks {
                    desk.warn(pattern.span.clone(), message, help);
                }
                let words = if test.exact { &mut self.exact } else { &mut self.words };
                let needs = compiled.needs.map(|needs| needs.into_iter().map(|word| words.take(word)).collect());
                (Probe::Regex { regex: compiled.regex, needs }, format!("matches {}", pattern.value))
            }
            How::Present(present) => {
                (Probe::Present(*present), if *present { "is there".into() } else { "is missing".into() })
            }
        };
        Some(Check {
            spots,
            probe,
            part: test.part,
            exact: test.exact,
            negated: test.negated,
            supposed: test.supposed,
            names: test.names,
            first_lines: test.first_lines,
            anchored,
            shown: short(&format!("{} {what}{}", name(&test.on), modifiers(test))),
        })
    }

    fn spots(&mut self, on: &On) -> Vec<Spot> {
        let spots = match on {
            On::From => vec![Spot::From],
            On::FromDomain => vec![Spot::FromDomain],
            On::To => vec![Spot::To],
            On::Subject => vec![Spot::Subject],
            On::Body => vec![Spot::Body],
            On::Text => vec![Spot::Subject, Spot::Body],
            On::Link => vec![Spot::Link],
            On::LinkHost => vec![Spot::LinkHost],
            On::LinkText => vec![Spot::LinkText],
            On::Attachment => vec![Spot::Attachment],
            On::Header(name) => {
                let headers = &mut self.wanted.headers;
                let at = headers.iter().position(|known| known == name).unwrap_or_else(|| {
                    headers.push(name.clone());
                    headers.len() - 1
                });
                vec![Spot::Header(u16::try_from(at).unwrap_or(u16::MAX))]
            }
        };
        self.wanted.spots.extend(&spots);
        spots
    }
}

fn name(on: &On) -> &str {
    match on {
        On::From => "from",
        On::FromDomain => "from-domain",
        On::To => "to",
        On::Subject => "subject",
        On::Body => "body",
        On::Text => "text",
        On::Link => "link",
        On::LinkHost => "link-host",
        On::LinkText => "link-text",
        On::Attachment => "attachment",
        On::Header(name) => name,
    }
}

fn modifiers(test: &Test) -> &'static str {
    if test.negated == Want::Yes {
        return ", denied";
    }
    if test.supposed == Want::Yes { ", only supposed" } else { "" }
}

fn listed(words: &[At<String>], between: &str) -> String {
    let words: Vec<&str> = words.iter().map(|word| word.value.as_str()).collect();
    words.join(between)
}

/// At most 80 characters.
fn short(text: &str) -> String {
    match text.char_indices().nth(80) {
        Some((at, _)) => format!("{}…", text.get(..at).unwrap_or_default()),
        None => text.to_owned(),
    }
}
