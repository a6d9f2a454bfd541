//! The words without which a regex cannot match: a regex is run only over texts that hold them.

use regex_syntax::hir::{Hir, HirKind};

/// What a text must hold, or no match is in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Needs {
    /// Nothing that is known.
    Nothing,
    /// This word.
    Word(String),
    /// Each of these.
    All(Vec<Needs>),
    /// One of these.
    Any(Vec<Needs>),
}

impl Needs {
    /// What a pattern needs; nothing of a pattern that cannot be read.
    pub(crate) fn of(pattern: &str) -> Self {
        regex_syntax::parse(pattern).map_or(Self::Nothing, |hir| needs(&hir))
    }

    /// Whether a text that `holds` these words may match.
    pub(crate) fn met(&self, holds: &impl Fn(&str) -> bool) -> bool {
        match self {
            Self::Nothing => true,
            Self::Word(word) => holds(word),
            Self::All(all) => all.iter().all(|one| one.met(holds)),
            Self::Any(any) => any.iter().any(|one| one.met(holds)),
        }
    }
}

fn needs(hir: &Hir) -> Needs {
    match hir.kind() {
        HirKind::Literal(literal) => {
            std::str::from_utf8(&literal.0).map_or(Needs::Nothing, |word| Needs::Word(word.to_owned()))
        }
        HirKind::Repetition(repetition) if repetition.min > 0 => needs(&repetition.sub),
        HirKind::Capture(capture) => needs(&capture.sub),
        HirKind::Concat(parts) => {
            let mut all: Vec<Needs> = parts.iter().map(needs).filter(|one| *one != Needs::Nothing).collect();
            match all.len() {
                0 => Needs::Nothing,
                1 => all.remove(0),
                _ => Needs::All(all),
            }
        }
        HirKind::Alternation(parts) => {
            let any: Vec<Needs> = parts.iter().map(needs).collect();
            if any.contains(&Needs::Nothing) { Needs::Nothing } else { Needs::Any(any) }
        }
        _ => Needs::Nothing,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_without_its_words_is_not_searched() {
        let pattern = r"(?x) (?:ご?注文|オーダー)[^。]{0,9}(?P<end>閉じ|解除し?) | [0-9]+\sof\syour\sorder";
        let regex = regex::Regex::new(pattern).unwrap();
        let needs = Needs::of(pattern);
        for (text, expect) in [
            ("ご注文を閉じました", true),
            ("オーダーを解除しました", true),
            ("ご注文を承りました", false),
            ("登録を解除しました", false),
            ("2 of your order", true),
            ("order", false),
            ("", false),
        ] {
            assert_eq!(regex.is_match(text), expect, "{text}");
            assert_eq!(needs.met(&|word| text.contains(word)), expect, "{text}");
        }
        for open in ["a?", "[0-9]+", "a|[0-9]", "", "(", "(?:ab)*"] {
            assert_eq!(Needs::of(open), Needs::Nothing, "{open}");
        }
    }
}
