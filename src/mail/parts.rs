//! New, quoted and forwarded text told apart.

use super::{Inner, Part, PartKind, header, when};
use crate::text::fold;
use std::ops::Range;

/// What the rest of the mail says about its text.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Hints {
    /// Subject `Re:`, In-Reply-To, References.
    pub(super) reply: bool,
    /// Subject `Fwd:`, `FW:`, `転送:`.
    pub(super) forward: bool,
}

/// Lines of a header block that are read.
const MAX_BLOCK: usize = 40;

/// The parts of a text, in order and without gaps, and the inner mail if it is a forward. `cited` are stretches that
/// HTML marked as cited.
pub(super) fn split(text: &str, cited: &[Range<usize>], hints: Hints) -> (Vec<Part>, Option<Inner>) {
    let lines = lines(text);
    let mut kinds: Vec<PartKind> = Vec::with_capacity(lines.len());
    let mut inner = None;
    let first_text =
        lines.iter().position(|range| !text.get(range.clone()).unwrap_or_default().trim().is_empty()).unwrap_or(0);
    // what everything from here on is, unless a line says otherwise
    let mut tail = PartKind::New;
    let mut quoted_forward = false;
    let mut at = 0;
    while let Some(range) = lines.get(at) {
        let line = text.get(range.clone()).unwrap_or_default();
        let (marks, bare) = unquote(line);
        let fold_line = || fold(bare.trim()).text().to_owned();
        if tail == PartKind::New && worth_folding(bare) {
            let folded = fold_line();
            let first_words = at <= first_text;
            match marker(&folded) {
                Some(Marker::Forward) => {
                    let (found, _) = block(text, &lines, at + 1);
                    inner = Some(found.unwrap_or_default());
                    // some programs quote what they forward
                    let next = lines.get(at + 1..).unwrap_or_default().iter();
                    let next = next
                        .map(|range| text.get(range.clone()).unwrap_or_default())
                        .find(|line| !line.trim().is_empty());
                    quoted_forward = marks > 0 || next.is_some_and(|next| unquote(next).0 > 0);
                    tail = PartKind::Forwarded;
                }
                Some(Marker::Original) => {
                    let (found, _) = block(text, &lines, at + 1);
                    if hints.forward || (first_words && !hints.reply) {
                        inner = Some(found.unwrap_or_default());
                        tail = PartKind::Forwarded;
                    } else {
                        tail = PartKind::Quoted;
                    }
                }
                None => {
                    if let (Some(found), 3..) = block(text, &lines, at)
                        && found.from.as_ref().is_some_and(|from| !from.addr.is_empty())
                        && (found.date.is_some() || !found.subject.is_empty())
                    {
                        if hints.forward || (first_words && !hints.reply) {
                            inner = Some(found);
                            tail = PartKind::Forwarded;
                        } else {
                            tail = PartKind::Quoted;
                        }
                    } else if let Some(length) = attribution(text, &lines, at, &folded) {
                        let below = lines.get(at + length..).unwrap_or_default();
                        let next = below
                            .iter()
                            .map(|range| text.get(range.clone()).unwrap_or_default())
                            .find(|line| !line.trim().is_empty());
                        for _ in 0..length {
                            kinds.push(PartKind::Quoted);
                        }
                        at += length;
                        if next.is_some_and(|next| unquote(next).0 > 0) {
                            at = quoted_run(text, &lines, at, &mut kinds);
                        } else if !inside(cited, lines.get(at).map_or(text.len(), |range| range.start)) {
                            tail = PartKind::Quoted;
                        }
                        continue;
                    }
                }
            }
        }
        if marks > 0 && tail != PartKind::Quoted && !quoted_forward {
            let run = lines
                .get(at..)
                .unwrap_or_default()
                .iter()
                .take_while(|range| unquote(text.get((*range).clone()).unwrap_or_default()).0 > 0)
                .count();
            // a lone ">>" is an arrow in a shop's mail
            let kind = if hints.reply || run >= 2 && !arrows(text, lines.get(at..at + run).unwrap_or_default()) {
                PartKind::Quoted
            } else {
                tail
            };
            kinds.extend(std::iter::repeat_n(kind, run));
            at += run;
            continue;
        }
        let kind = if tail == PartKind::New && inside(cited, range.start) { PartKind::Quoted } else { tail };
        kinds.push(kind);
        at += 1;
    }
    (merge(&lines, &kinds, text.len()), inner)
}

fn inside(cited: &[Range<usize>], at: usize) -> bool {
    cited.iter().take(200).any(|range| range.contains(&at))
}

fn lines(text: &str) -> Vec<Range<usize>> {
    let mut at = 0;
    text.split_inclusive('\n')
        .map(|line| {
            at += line.len();
            at - line.len()..at
        })
        .collect()
}

fn merge(lines: &[Range<usize>], kinds: &[PartKind], end: usize) -> Vec<Part> {
    let mut parts: Vec<Part> = Vec::new();
    for (range, kind) in lines.iter().zip(kinds) {
        match parts.last_mut() {
            Some(last) if last.kind == *kind => last.range.end = range.end,
            _ => parts.push(Part { kind: *kind, range: range.clone() }),
        }
    }
    if let Some(last) = parts.last_mut() {
        last.range.end = end;
    }
    parts
}

/// How many quote marks a line begins with, and the line without them.
fn unquote(line: &str) -> (usize, &str) {
    let mut rest = line.trim_start_matches([' ', '\t', '\u{3000}']);
    let mut marks = 0;
    while let Some(inner) = rest.strip_prefix('>') {
        marks += 1;
        rest = inner.trim_start_matches(' ');
    }
    (marks, rest)
}

/// Lines whose marks point at something (`>> 詳しくは`), each written tight or double.
fn arrows(text: &str, lines: &[Range<usize>]) -> bool {
    lines.iter().all(|range| {
        let line = text.get(range.clone()).unwrap_or_default().trim_start();
        line.starts_with(">>") && !line.starts_with(">> >") && !line.starts_with(">>>")
    })
}

fn quoted_run(text: &str, lines: &[Range<usize>], mut at: usize, kinds: &mut Vec<PartKind>) -> usize {
    while let Some(range) = lines.get(at) {
        let line = text.get(range.clone()).unwrap_or_default();
        let next_is_quoted =
            || lines.get(at + 1).and_then(|range| text.get(range.clone())).is_some_and(|next| unquote(next).0 > 0);
        if unquote(line).0 == 0 && !(line.trim().is_empty() && next_is_quoted()) {
            break;
        }
        kinds.push(PartKind::Quoted);
        at += 1;
    }
    at
}

/// Cheap test before a line is folded: markers hold a colon, a dash run or a word for forwarding.
fn worth_folding(line: &str) -> bool {
    line.len() < 600
        && (line.contains([':', '：', '﹕'])
            || line.contains("--")
            || line.contains("転送")
            || line.contains("__")
            || line.contains("orward")
            || line.starts_with("On "))
}

enum Marker {
    Forward,
    Original,
}

fn marker(folded: &str) -> Option<Marker> {
    let strokes = |c: char| matches!(c, '-' | '=' | '_' | '*' | ' ' | 'ー' | '~' | '─');
    let core = folded.trim_matches(strokes);
    let ruled = folded.starts_with(['-', '=', '_', '*', 'ー']);
    let forward = [
        "forwarded message", "forwarded mail", "転送されたメッセージ", "転送メッセージ", "転送メール",
        "転送されたメール", "転送されたメールここから", "ここから転送", "original message follows",
    ];
    if core == "begin forwarded message:"
        || core == "転送されたメッセージ:"
        || core == "転送されたメール:"
        || core == "転送メール:"
        || core == "転送します:"
    {
        return Some(Marker::Forward);
    }
    if ruled
        && (forward.contains(&core) || core.starts_with("forwarded by ") || core.starts_with("forwarded message from"))
    {
        return Some(Marker::Forward);
    }
    let original = [
        "original message", "元のメッセージ", "original appointment", "元のメール", "オリジナルメッセージ",
        "original mail",
    ];
    (ruled && original.contains(&core)).then_some(Marker::Original)
}

#[derive(Clone, Copy, PartialEq)]
enum Key {
    From,
    Date,
    Subject,
    Other,
}

/// A line `From: …` of a header block, in the languages mail programs use here.
fn field(line: &str) -> Option<(Key, &str)> {
    let bare = unquote(line).1.trim().trim_start_matches('*');
    let (name, value) = bare.split_once([':', '：']).or_else(|| bare.split_once('\t'))?;
    if name.len() > 40 {
        return None;
    }
    let name = fold(name.trim().trim_matches('*')).text().to_owned();
    let key = match name.as_str() {
        "from" | "差出人" | "送信者" | "送信元" => Key::From,
        "date" | "sent" | "日付" | "日時" | "送信日時" | "送信日" | "受信日時" => Key::Date,
        "subject" | "件名" | "題名" => Key::Subject,
        "to" | "cc" | "bcc" | "宛先" | "reply-to" | "返信先" | "importance" | "重要度" | "添付ファイル"
        | "attachments" => Key::Other,
        _ => return None,
    };
    Some((key, value.trim_start_matches('*').trim()))
}

/// The header block that begins at a line (blank lines before it allowed), and how many of its fields were found.
fn block(text: &str, lines: &[Range<usize>], from: usize) -> (Option<Inner>, usize) {
    let mut inner = Inner::default();
    let mut count = 0;
    let mut last = None;
    for range in lines.get(from..).unwrap_or_default().iter().take(MAX_BLOCK) {
        let line = text.get(range.clone()).unwrap_or_default();
        if unquote(line).1.trim().is_empty() {
            if count > 0 {
                break;
            }
            continue;
        }
        match field(line) {
            Some((key, value)) => {
                count += 1;
                last = Some(key);
                match key {
                    Key::From if inner.from.is_none() => {
                        inner.from = header::addresses(value.as_bytes()).into_iter().next()
                    }
                    Key::Date if inner.date.is_none() => inner.date = when::read(value),
                    Key::Subject if inner.subject.is_empty() => inner.subject = header::text(value.as_bytes()).text,
                    _ => {}
                }
            }
            // a long subject or list of receivers goes on in the next line
            None if count > 0 && line.starts_with([' ', '\t']) => {
                if last == Some(Key::Subject) {
                    inner.subject.push_str(line.trim());
                }
            }
            None => break,
        }
    }
    (if count > 0 { Some(inner) } else { None }, count)
}

/// The number of lines of "On … wrote:" or its Japanese forms that begin here.
fn attribution(text: &str, lines: &[Range<usize>], at: usize, folded: &str) -> Option<usize> {
    let ends = |line: &str| {
        line.ends_with("wrote:")
            || line.ends_with("writes:")
            || line.ends_with("書きました:")
            || line.ends_with("書かれました:")
            || line.ends_with("のメール:")
            || line.ends_with("のメッセージ:")
            || line.ends_with("さんは書いた:")
    };
    let dated = folded.contains("20") && folded.bytes().filter(u8::is_ascii_digit).count() >= 6;
    if ends(folded) {
        return Some(1);
    }
    // Gmail in Japanese: "2026年11月24日(火) 10:03 名前 <address>:"
    if dated && folded.ends_with(">:") && folded.contains('@') {
        return Some(1);
    }
    if folded.starts_with("on ") || dated {
        let next = lines.get(at + 1).and_then(|range| text.get(range.clone()))?;
        let next = fold(unquote(next).1.trim()).text().to_owned();
        if next.len() < 300 && (ends(&next) || (next.ends_with(">:") && next.contains('@'))) {
            return Some(2);
        }
    }
    None
}
