//! A regex of a rule: its literals in normal form, its limits, and the words without which it cannot match.

use crate::text::fold;
use regex::{Regex, RegexBuilder};
use regex_syntax::ast::{self, Ast, ClassSet, ClassSetItem};
use regex_syntax::hir::{Class, Hir, HirKind};
use std::ops::Range;

/// Characters a pattern may have.
const MAX_PATTERN: usize = 2000;
/// Bytes a compiled pattern may take.
const SIZE_LIMIT: usize = 1 << 20;
/// More required words than this are as good as none.
const MAX_NEEDS: usize = 64;

/// A compiled regex.
#[derive(Debug)]
pub(super) struct Pattern {
    pub(super) regex: Regex,
    /// One of these words is in every text that matches; `None` when no such words are known.
    pub(super) needs: Option<Vec<String>>,
}

/// What was odd about a pattern that works.
pub(super) type Remarks = Vec<(String, String)>;

/// Compiles a pattern; its literals are brought into normal form unless it is `exact`. Errors and remarks are a
/// message and a help line.
pub(super) fn compile(pattern: &str, exact: bool) -> Result<(Pattern, Remarks), (String, String)> {
    if pattern.chars().count() > MAX_PATTERN {
        return Err((
            format!("a regex longer than {MAX_PATTERN} characters"),
            "split it into several conditions".into(),
        ));
    }
    let tree = parse(pattern)?;
    let mut remarks = Vec::new();
    if boundary_beside_japanese(&tree) {
        let help = "between Japanese letters there is no word boundary; leave it out, or write `(?-u:\\b)`";
        remarks.push(("`\\b` next to a Japanese letter".into(), help.into()));
    }
    let folded = if exact { pattern.to_owned() } else { fold_literals(pattern, &tree) };
    let hir = regex_syntax::ParserBuilder::new().nest_limit(50).build().parse(&folded).map_err(explain)?;
    if !exact && never(&hir) {
        let message = "this regex can never match: texts are compared in lower case and half-width letters and digits";
        return Err((message.into(), "write it that way, or add `exact = true` to compare as written".into()));
    }
    let regex =
        RegexBuilder::new(&folded).size_limit(SIZE_LIMIT).dfa_size_limit(SIZE_LIMIT).nest_limit(50).build().map_err(
            |error| match error {
                regex::Error::CompiledTooBig(_) => (
                    "this regex becomes too large".into(),
                    "use smaller repetitions, or `near` instead of `.{0,40}`".into(),
                ),
                other => (format!("bad regex: {}", last_line(&other.to_string())), String::new()),
            },
        )?;
    let needs = needs(&hir).filter(|words| words.len() <= MAX_NEEDS && words.iter().all(|word| !word.is_empty()));
    Ok((Pattern { regex, needs }, remarks))
}

fn parse(pattern: &str) -> Result<Ast, (String, String)> {
    ast::parse::ParserBuilder::new()
        .nest_limit(50)
        .build()
        .parse(pattern)
        .map_err(|error| explain(regex_syntax::Error::Parse(error)))
}

fn explain(error: regex_syntax::Error) -> (String, String) {
    let (kind, at) = match &error {
        regex_syntax::Error::Parse(error) => (error.kind().to_string(), error.span().start.column),
        regex_syntax::Error::Translate(error) => (error.kind().to_string(), error.span().start.column),
        other => (other.to_string(), 0),
    };
    let help = format!("look at character {at} of the pattern; in TOML write a regex between 'single quotes'");
    (format!("bad regex: {}", last_line(&kind)), help)
}

fn last_line(text: &str) -> &str {
    text.lines().last().unwrap_or_default().trim_start_matches("error: ")
}

// ---- normal form --------------------------------------------------------------------------------------------------

/// The pattern with every literal in normal form, so that a pattern with full-width or capital letters matches.
fn fold_literals(pattern: &str, tree: &Ast) -> String {
    let mut changes = Vec::new();
    gather(tree, &mut changes);
    changes.sort_by_key(|(range, _): &(Range<usize>, String)| range.start);
    let mut out = String::with_capacity(pattern.len());
    let mut at = 0;
    for (range, new) in changes {
        if range.start < at {
            continue;
        }
        out.push_str(pattern.get(at..range.start).unwrap_or_default());
        out.push_str(&new);
        at = range.end;
    }
    out.push_str(pattern.get(at..).unwrap_or_default());
    out
}

fn gather(tree: &Ast, changes: &mut Vec<(Range<usize>, String)>) {
    match tree {
        Ast::Literal(literal) => run(&[literal], changes),
        Ast::ClassBracketed(class) => class_set(&class.kind, changes),
        Ast::Repetition(repetition) => gather(&repetition.ast, changes),
        Ast::Group(group) => gather(&group.ast, changes),
        Ast::Alternation(alternation) => alternation.asts.iter().for_each(|tree| gather(tree, changes)),
        Ast::Concat(concat) => {
            let mut literals = Vec::new();
            for tree in &concat.asts {
                if let Ast::Literal(literal) = tree {
                    literals.push(literal.as_ref());
                    continue;
                }
                run(&std::mem::take(&mut literals), changes);
                gather(tree, changes);
            }
            run(&literals, changes);
        }
        _ => {}
    }
}

/// Literals that stand side by side are folded together: two half-width characters may be one letter.
fn run(literals: &[&ast::Literal], changes: &mut Vec<(Range<usize>, String)>) {
    let (Some(first), Some(last)) = (literals.first(), literals.last()) else { return };
    let written: String = literals.iter().map(|literal| literal.c).collect();
    if written.chars().all(|c| !c.is_ascii_uppercase() && c.is_ascii()) {
        return;
    }
    let folded = fold(&written).text().to_owned();
    if folded != written && !folded.is_empty() {
        changes.push((first.span.start.offset..last.span.end.offset, regex_syntax::escape(&folded)));
    }
}

fn class_set(set: &ClassSet, changes: &mut Vec<(Range<usize>, String)>) {
    match set {
        ClassSet::Item(item) => class_item(item, changes),
        ClassSet::BinaryOp(op) => {
            class_set(&op.lhs, changes);
            class_set(&op.rhs, changes);
        }
    }
}

fn class_item(item: &ClassSetItem, changes: &mut Vec<(Range<usize>, String)>) {
    match item {
        ClassSetItem::Literal(literal) => {
            if let Some(folded) = one(literal.c).filter(|folded| *folded != literal.c) {
                let range = literal.span.start.offset..literal.span.end.offset;
                changes.push((range, regex_syntax::escape(&folded.to_string())));
            }
        }
        ClassSetItem::Range(range) => {
            let ends = one(range.start.c).zip(one(range.end.c));
            if let Some((start, end)) = ends.filter(|(start, end)| start <= end) {
                let new = |c: char| regex_syntax::escape(&c.to_string());
                changes.push((range.span.start.offset..range.span.end.offset, format!("{}-{}", new(start), new(end))));
            }
        }
        ClassSetItem::Bracketed(class) => class_set(&class.kind, changes),
        ClassSetItem::Union(union) => union.items.iter().for_each(|item| class_item(item, changes)),
        _ => {}
    }
}

/// The one character that a character becomes, if it becomes one.
fn one(c: char) -> Option<char> {
    if c.is_ascii() {
        return Some(c.to_ascii_lowercase());
    }
    let folded = fold(&c.to_string()).text().to_owned();
    let mut chars = folded.chars();
    chars.next().filter(|_| chars.next().is_none())
}

// ---- what a pattern needs -----------------------------------------------------------------------------------------

/// Whether no text in normal form can match.
fn never(hir: &Hir) -> bool {
    match hir.kind() {
        HirKind::Class(Class::Unicode(class)) => {
            let count: u64 = class.iter().map(|range| u64::from(range.end()) - u64::from(range.start()) + 1).sum();
            let lost = |c: char| one(c) != Some(c);
            count <= 4096 && class.iter().all(|range| (range.start()..=range.end()).all(lost))
        }
        HirKind::Class(Class::Bytes(class)) => class.iter().next().is_none(),
        HirKind::Repetition(repetition) => repetition.min > 0 && never(&repetition.sub),
        HirKind::Capture(capture) => never(&capture.sub),
        HirKind::Concat(hirs) => hirs.iter().any(never),
        HirKind::Alternation(hirs) => hirs.iter().all(never),
        _ => false,
    }
}

/// Words of which one is in every match.
fn needs(hir: &Hir) -> Option<Vec<String>> {
    match hir.kind() {
        HirKind::Literal(literal) => Some(vec![String::from_utf8(literal.0.to_vec()).ok()?]),
        HirKind::Class(Class::Unicode(class)) => {
            let few: Vec<char> = class.iter().flat_map(|range| range.start()..=range.end()).take(9).collect();
            (few.len() < 9).then(|| few.into_iter().map(String::from).collect())
        }
        HirKind::Repetition(repetition) if repetition.min > 0 => needs(&repetition.sub),
        HirKind::Capture(capture) => needs(&capture.sub),
        HirKind::Concat(hirs) => {
            let shortest = |words: &Vec<String>| words.iter().map(String::len).min().unwrap_or_default();
            hirs.iter().filter_map(needs).max_by_key(|words| (shortest(words), usize::MAX - words.len()))
        }
        HirKind::Alternation(hirs) => {
            let mut all = Vec::new();
            for hir in hirs {
                all.extend(needs(hir)?);
                if all.len() > MAX_NEEDS {
                    return None;
                }
            }
            Some(all)
        }
        _ => None,
    }
}

/// Whether a Unicode `\b` stands beside a kana or kanji.
fn boundary_beside_japanese(tree: &Ast) -> bool {
    match tree {
        Ast::Concat(concat) => {
            let japanese =
                |tree: &Ast| matches!(tree, Ast::Literal(literal) if crate::text::clause::is_letter(literal.c));
            let boundary = |tree: &Ast| matches!(tree, Ast::Assertion(assertion) if assertion.kind == ast::AssertionKind::WordBoundary);
            let beside = |pair: &[Ast]| match pair {
                [a, b] => (boundary(a) && japanese(b)) || (japanese(a) && boundary(b)),
                _ => false,
            };
            concat.asts.windows(2).any(beside) || concat.asts.iter().any(boundary_beside_japanese)
        }
        Ast::Alternation(alternation) => alternation.asts.iter().any(boundary_beside_japanese),
        Ast::Group(group) => boundary_beside_japanese(&group.ast),
        Ast::Repetition(repetition) => boundary_beside_japanese(&repetition.ast),
        _ => false,
    }
}
