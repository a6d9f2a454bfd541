//! The words of a mail that tell it from others: said in it, rare in the examples of other categories, nobody's name.

use crate::facts::Facts;
use crate::mail::{Mail, PartKind};
use crate::rules::RuleSet;
use crate::rules::mask::Mask;
use crate::text::{Folded, clause, fold};
use std::ops::Range;

/// Words of the subject and of the body that are taken.
const FROM_SUBJECT: usize = 2;
const FROM_BODY: usize = 3;
/// Characters of a telling word: shorter ones stand everywhere, longer ones change.
const SHORTEST: usize = 4;
const LONGEST: usize = 14;
/// Lines of the body that are looked at.
const MOST_LINES: usize = 60;

/// What every mail says.
const COURTESY: &[&str] = &[
    "ありがと", "よろしく", "お願い", "お世話", "いつも", "ご利用", "申し訳", "平素", "ご了承", "お問い合わせ", "配信",
    "株式会社", "営業時間", "担当", "こんにちは", "thank you", "regards", "sincerely", "dear ", "hello", "送信専用",
    "ございます", "楽天市場", "copyright",
];

/// Telling words, the best first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Telling {
    pub(super) subject: Vec<String>,
    pub(super) body: Vec<String>,
}

impl Telling {
    pub(super) fn is_empty(&self) -> bool {
        self.subject.is_empty() && self.body.is_empty()
    }
}

/// The telling words of a mail that shall be of a category.
pub(super) fn telling(rules: &RuleSet, mail: &Mail, facts: &Facts, mask: &Mask, category: &str) -> Telling {
    let texts: Vec<(bool, String)> = rules
        .examples
        .iter()
        .map(|sample| {
            let body = sample.example.body.as_deref().unwrap_or_default();
            let own = sample.example.category.as_ref().map(|at| &at.value).or(sample.category.as_ref());
            let same = own.is_some_and(|own| own == category);
            (same, fold(&format!("{}\n{body}", sample.example.subject)).text().to_owned())
        })
        .collect();
    let mut names: Vec<String> = facts.items.iter().map(|item| fold(&item.value.name).text().to_owned()).collect();
    names.extend(facts.shop_name.iter().map(|found| fold(&found.value).text().to_owned()));
    names.push(fold(&mail.from.name).text().to_owned());
    names.retain(|name| name.chars().count() >= 2);
    let judge = Judge { texts, names, mask };
    let subject = judge.best(&mail.subject.folded, FROM_SUBJECT, |_| true, &[]);
    let lines = mail.body.folded.text().match_indices('\n').nth(MOST_LINES).map_or(usize::MAX, |(at, _)| at);
    let said = |range: &Range<usize>| {
        let origin = mail.body.folded.origin(range.clone());
        range.start < lines && mail.part_at(origin.start) != PartKind::Quoted
    };
    let body = judge.best(&mail.body.folded, FROM_BODY, said, &subject);
    Telling { subject, body }
}

struct Judge<'j> {
    /// Every example in normal form; true when it is of the wished category.
    texts: Vec<(bool, String)>,
    names: Vec<String>,
    mask: &'j Mask,
}

impl Judge<'_> {
    /// The best words of a text, no two of one clause, none that says the same as one of `known`.
    fn best(&self, text: &Folded, most: usize, fits: impl Fn(&Range<usize>) -> bool, known: &[String]) -> Vec<String> {
        let mut ranked: Vec<(i64, usize, Range<usize>, &str)> = Vec::new();
        for (n, clause) in clauses(text.text()).into_iter().enumerate().take(400) {
            for range in windows(text.text(), &clause) {
                let words = text.text().get(range.clone()).unwrap_or_default();
                if !fits(&range) || !self.may(text.text(), &range, words) {
                    continue;
                }
                ranked.push((self.worth(words, range.end == clause.end), n, range, words));
            }
        }
        ranked.sort_by(|a, b| b.0.cmp(&a.0).then(a.1.cmp(&b.1)).then(a.2.start.cmp(&b.2.start)));
        let mut taken: Vec<(usize, String)> = Vec::new();
        for (worth, clause, _, words) in ranked {
            let again =
                taken.iter().any(|(of, word)| *of == clause || word.contains(words) || words.contains(word.as_str()));
            let known = known.iter().any(|word| word.contains(words) || words.contains(word.as_str()));
            if worth > 0 && !again && !known {
                taken.push((clause, words.to_owned()));
            }
            if taken.len() >= most {
                break;
            }
        }
        taken.into_iter().map(|(_, words)| words).collect()
    }

    /// Whether words may stand in a rule: said, not denied, nobody's name, without numbers.
    fn may(&self, text: &str, range: &Range<usize>, words: &str) -> bool {
        let plain = !words.chars().any(|c| c.is_numeric() || c == '@' || c == '/');
        let named = self.names.iter().any(|name| name.contains(words) || words.contains(name.as_str()));
        plain
            && !named
            && !COURTESY.iter().any(|word| words.contains(word))
            && self.mask.over(words) == words
            && !clause::supposes(words)
            && !clause::is_negated(text, range.start, range.end)
            && !clause::is_supposed(text, range.start, range.end)
    }

    fn worth(&self, words: &str, ends: bool) -> i64 {
        let length = words.chars().count();
        let count = |same: bool| self.texts.iter().filter(|(of, text)| *of == same && text.contains(words)).count();
        let (same, other) = (count(true).min(3), count(false).min(5));
        let length = i64::try_from(length.min(10)).unwrap_or(0);
        let known = i64::try_from(same).unwrap_or(0) * 4 - i64::try_from(other).unwrap_or(0) * 3;
        // a clause says at its end what happened
        length + known + if ends { 2 } else { 0 }
    }
}

/// Stretches between punctuation.
fn clauses(text: &str) -> Vec<Range<usize>> {
    const ENDS: &str = "。、!?,;:「」『』【】()[]<>〔〕《》■□◆◇●○★☆♪※…・|\\~\n\t\"'=*#_";
    let mut found = Vec::new();
    let mut start = 0;
    for (at, c) in text.char_indices() {
        let point = c == '.' && text.get(at + 1..).is_some_and(|rest| rest.starts_with([' ', '\n']) || rest.is_empty());
        if ENDS.contains(c) || point {
            found.push(start..at);
            start = at + c.len_utf8();
        }
    }
    found.push(start..text.len());
    let trimmed = |range: Range<usize>| {
        let slice = text.get(range.clone()).unwrap_or_default();
        let lead = slice.len() - slice.trim_start().len();
        range.start + lead..range.start + slice.trim_end().len().max(lead)
    };
    found.into_iter().map(trimmed).filter(|range| range.len() >= SHORTEST).collect()
}

/// Every stretch of a clause that begins and ends where a word may: behind a particle, at a blank.
fn windows(text: &str, clause: &Range<usize>) -> Vec<Range<usize>> {
    let slice = text.get(clause.clone()).unwrap_or_default();
    let mut bounds = vec![0];
    let mut last: Option<char> = None;
    for (at, c) in slice.char_indices() {
        let kana = |c: char| matches!(c, 'ぁ'..='ん');
        let begins = last.is_some_and(|last| kana(last) && !kana(c) && c != 'ー' || last == ' ');
        if begins {
            bounds.push(at);
        }
        last = Some(c);
    }
    bounds.push(slice.len());
    let mut found = Vec::new();
    for (n, from) in bounds.iter().enumerate() {
        for to in bounds.iter().skip(n + 1) {
            let words = slice.get(*from..*to).unwrap_or_default().trim_end();
            let count = words.chars().count();
            let longest = if words.is_ascii() { LONGEST * 2 } else { LONGEST };
            if count > longest {
                break;
            }
            if count >= SHORTEST {
                found.push(clause.start + from..clause.start + from + words.len());
            }
        }
    }
    found
}
