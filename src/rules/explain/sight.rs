//! The words one condition saw: in which text, in which line, and why some of them do not count.

use crate::mail::PartKind;
use crate::rules::node::{Check, Near, Node, Probe};
use crate::rules::scan::{Page, Spot};
use crate::rules::syntax::{FactTest, Knows};
use crate::rules::weigh::{self, Refusal, Saw};
use crate::rules::{Known, RuleSet};
use serde::Serialize;
use std::ops::Range;

/// Sights of one condition that are kept.
const MOST: usize = 4;
/// Characters shown on each side of the words.
const AROUND: usize = 40;

/// Words that a condition saw.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Sight {
    /// Which text: `subject`, `body`, `from`, `link`…
    pub place: &'static str,
    /// The line of that text as it was written, counted from 1; 0 where there are no lines.
    pub line: usize,
    /// The text around the words in the form that was compared (normal form, unless the condition asks for `exact`).
    pub text: String,
    /// The words themselves: bytes of `text`.
    pub hit: Range<usize>,
    /// Why the words do not count; `None` when they do.
    pub why_not: Option<String>,
}

impl Sight {
    /// The words that were seen.
    #[must_use]
    pub fn words(&self) -> &str {
        self.text.get(self.hit.clone()).unwrap_or_default()
    }
}

/// What a test of a text saw.
#[derive(Debug, Default)]
pub(super) struct Looked {
    pub(super) saw: Vec<Sight>,
    pub(super) missing: Option<String>,
    /// How near it came, 0 to 1, when it does not hold.
    pub(super) near: f64,
}

/// Everything that a test of a text saw.
pub(super) fn look(check: &Check, page: &Page<'_>, rules: &RuleSet, holds: bool) -> Looked {
    let words = if check.exact { &rules.exact } else { &rules.words };
    match &check.probe {
        Probe::Present(_) => {
            let there = page.hays.iter().position(|hay| check.spots.contains(&hay.spot));
            let saw = there.and_then(|at| sight(check, page, at, &(0..page.hays.get(at)?.text.len()), None));
            let missing = if saw.is_some() { "it is there" } else { "it is missing" };
            let missing = (!holds).then(|| missing.to_owned());
            Looked { saw: saw.into_iter().collect(), missing, near: 0.0 }
        }
        Probe::Any(list) => {
            if let Some((at, range)) = list.iter().find_map(|word| weigh::hit(check, page, *word)).filter(|_| holds) {
                return Looked { saw: sight(check, page, at, &range, None).into_iter().collect(), ..Looked::default() };
            }
            uncounted(check, page, list)
        }
        Probe::AllOf(list) => {
            let (mut looked, mut seen) = (Looked::default(), 0_u32);
            let mut absent = Vec::new();
            for word in list {
                match weigh::hit(check, page, *word) {
                    Some((at, range)) => {
                        seen += 1;
                        looked.saw.extend(sight(check, page, at, &range, None));
                    }
                    None => {
                        looked.saw.extend(uncounted(check, page, &[*word]).saw.into_iter().take(1));
                        absent.push(words.word(*word));
                    }
                }
            }
            looked.near = f64::from(seen) / f64::from(u32::try_from(list.len().max(1)).unwrap_or(u32::MAX));
            looked.missing = (!absent.is_empty()).then(|| format!("missing: {}", absent.join(", ")));
            looked
        }
        Probe::Near(near) => {
            if let Some((at, range)) = weigh::near(check, page, near).filter(|_| holds) {
                return Looked { saw: sight(check, page, at, &range, None).into_iter().collect(), ..Looked::default() };
            }
            apart(check, page, near)
        }
        Probe::Regex { regex, .. } => {
            if let Some((at, range)) = weigh::matched(check, page, regex, None).filter(|_| holds) {
                return Looked { saw: sight(check, page, at, &range, None).into_iter().collect(), ..Looked::default() };
            }
            let mut looked = Looked { missing: Some("no match".to_owned()), ..Looked::default() };
            for (at, hay) in page.hays.iter().enumerate().filter(|(_, hay)| check.spots.contains(&hay.spot)) {
                for found in regex.find_iter(weigh::text_of(check, hay)).take(MOST) {
                    let why = weigh::refusal(check, page, at, &found.range());
                    looked.saw.extend(sight(check, page, at, &found.range(), why));
                }
            }
            looked.saw.truncate(MOST);
            looked.near = if looked.saw.is_empty() { 0.0 } else { 0.6 };
            looked
        }
    }
}

/// Words that are there and do not count.
fn uncounted(check: &Check, page: &Page<'_>, words: &[u32]) -> Looked {
    let mut looked = Looked { missing: Some("not found".to_owned()), ..Looked::default() };
    for word in words {
        for hit in page.hits(*word, check.exact) {
            let range = hit.start..hit.end;
            match weigh::refusal(check, page, hit.hay as usize, &range) {
                Some(Refusal::Elsewhere) | None => {}
                why => looked.saw.extend(sight(check, page, hit.hay as usize, &range, why)),
            }
            if looked.saw.len() >= MOST {
                break;
            }
        }
        if looked.saw.len() >= MOST {
            break;
        }
    }
    looked.near = if looked.saw.is_empty() { 0.0 } else { 0.6 };
    looked
}

/// Words of groups that do not stand together.
fn apart(check: &Check, page: &Page<'_>, near: &Near) -> Looked {
    let mut looked = Looked::default();
    let mut present = 0_u32;
    let mut empty = Vec::new();
    let mut firsts: Vec<(usize, Range<usize>)> = Vec::new();
    for (n, group) in near.groups.iter().enumerate() {
        let hit = group
            .iter()
            .flat_map(|word| page.hits(*word, check.exact))
            .map(|hit| (hit.hay as usize, hit.start..hit.end))
            .find(|(at, range)| weigh::refusal(check, page, *at, range) != Some(Refusal::Elsewhere));
        match hit {
            Some(hit) => {
                present += 1;
                firsts.push(hit);
            }
            None => empty.push(n + 1),
        }
    }
    let groups = u32::try_from(near.groups.len().max(1)).unwrap_or(u32::MAX);
    looked.near = 0.8 * f64::from(present) / f64::from(groups);
    for (at, range) in &firsts {
        let why = if empty.is_empty() { weigh::refusal(check, page, *at, range) } else { None };
        let mut one = sight(check, page, *at, range, why);
        if let Some(one) = &mut one
            && one.why_not.is_none()
        {
            let apart = if empty.is_empty() {
                format!("stands farther than {} characters from the others, or in another sentence", near.within)
            } else {
                let lists: Vec<String> = empty.iter().map(usize::to_string).collect();
                format!("stands alone: no word of list {} is there", lists.join(", "))
            };
            one.why_not = Some(apart);
        }
        looked.saw.extend(one);
    }
    looked.saw.truncate(MOST);
    looked.missing = Some(if present == 0 { "not found" } else { "not together" }.to_owned());
    looked
}

/// A sight: the line around the words, at most so many characters of it.
fn sight(check: &Check, page: &Page<'_>, at: usize, range: &Range<usize>, why: Option<Refusal>) -> Option<Sight> {
    let hay = page.hays.get(at)?;
    let text = weigh::text_of(check, hay);
    let before = text.get(..range.start)?;
    let after = text.get(range.end..)?;
    let start = before.rfind('\n').map_or(0, |at| at + 1);
    let end = range.end + after.find('\n').unwrap_or(after.len());
    let lead = before.get(start..)?;
    let from = lead.char_indices().rev().nth(AROUND).map_or(start, |(at, _)| start + at);
    let tail = text.get(range.end..end)?;
    let to = range.end + tail.char_indices().nth(AROUND).map_or(tail.len(), |(at, _)| at);
    let origin = if check.exact { range.start } else { hay.origin(range.clone()).start };
    let line = match hay.spot {
        Spot::Body => hay.raw.get(..origin).map_or(0, |raw| raw.matches('\n').count() + 1),
        _ => 0,
    };
    Some(Sight {
        place: place(hay.spot),
        line,
        text: text.get(from..to)?.to_owned(),
        hit: range.start - from..range.end - from,
        why_not: why.map(told),
    })
}

fn place(spot: Spot) -> &'static str {
    match spot {
        Spot::From => "from",
        Spot::FromDomain => "from-domain",
        Spot::To => "to",
        Spot::Subject => "subject",
        Spot::Body => "body",
        Spot::Link => "link",
        Spot::LinkHost => "link-host",
        Spot::LinkText => "link-text",
        Spot::Attachment => "attachment",
        Spot::Header(_) => "header",
    }
}

fn told(why: Refusal) -> String {
    match why {
        Refusal::Elsewhere => "stands in another text".into(),
        Refusal::NotWhole => "is only a part of an address or host".into(),
        Refusal::Part(PartKind::Quoted) => "stands in quoted text".into(),
        Refusal::Part(PartKind::Forwarded) => "stands in forwarded text".into(),
        Refusal::Part(PartKind::New) => "stands in new text".into(),
        Refusal::Below(lines) => format!("stands below the first {lines} lines"),
        Refusal::Name => "is part of the name of goods or of the shop".into(),
        Refusal::Denied => "is denied by its clause".into(),
        Refusal::NotDenied => "is not denied, which was asked for".into(),
        Refusal::Supposed => "is only supposed (if, when, in case)".into(),
        Refusal::NotSupposed => "is not only supposed, which was asked for".into(),
    }
}

/// A condition on anything but a text: how it is written, what it saw, what it lacks.
pub(super) fn plain(node: &Node, page: &Page<'_>, known: &Known) -> (String, Vec<Sight>, Option<String>) {
    let mut saw: Option<Vec<Saw>> = Some(Vec::new());
    weigh::holds(node, page, known, &mut saw);
    let seen = |place: &'static str| -> Vec<Sight> {
        let list = saw.iter().flatten().take(MOST);
        list.map(|(_, words)| {
            let text: String = words.chars().take(AROUND * 3).collect();
            Sight { place, line: 0, hit: 0..text.len(), text, why_not: None }
        })
        .collect()
    };
    match node {
        Node::Trust(levels) => {
            let names: Vec<String> = levels.iter().map(|level| format!("{level:?}").to_lowercase()).collect();
            let is = format!("{:?}", page.mail.trust.level).to_lowercase();
            (format!("trust is {}", names.join(" or ")), seen("trust"), Some(format!("it is {is}")))
        }
        Node::Vouched(wanted) => {
            let is = if *wanted { "you did not let this mail or its sender in" } else { "you let it in" };
            (format!("vouched = {wanted}"), seen("from"), Some(is.into()))
        }
        Node::Knows(knows) => {
            let what = match knows {
                Knows::Order(true) => "the ledger knows an order that the mail names",
                Knows::Order(false) => "the ledger knows no order that the mail names",
                Knows::Cancelled => "the ledger knows a cancelled order that the mail names",
            };
            (what.into(), seen("ledger"), Some("it does not".into()))
        }
        Node::Fact(tests) => {
            let name =
                |test: &FactTest| test.value.map_or(test.key.to_owned(), |value| format!("{}:{value}", test.key));
            let names: Vec<String> = tests.iter().map(name).collect();
            (format!("fact {}", names.join(" / ")), seen("fact"), Some("the mail does not say so for certain".into()))
        }
        Node::Size { over, bytes } => {
            let word = if *over { "over" } else { "under" };
            (format!("size {word} {bytes} bytes"), seen("size"), Some(format!("it has {} bytes", page.mail.size)))
        }
        Node::ItemLinks { over, count } => {
            let word = if *over { "more than" } else { "fewer than" };
            let missing = format!("it links to {}", page.item_links);
            (format!("links to {word} {count} items"), seen("links"), Some(missing))
        }
        Node::All(_) | Node::Any(_) | Node::Not(_) | Node::Check(_) => (String::new(), Vec::new(), None),
    }
}
