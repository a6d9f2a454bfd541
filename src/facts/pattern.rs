//! Patterns over text in normal form, compiled once.

use crate::text::needs::Needs;
use regex::Regex;
use std::ops::Deref;

/// A regex, and what a text must hold before it is worth a search.
pub(super) struct Pattern {
    regex: Regex,
    needs: Needs,
}

impl Pattern {
    /// Compiles a pattern that is part of this program.
    #[allow(clippy::expect_used)] // patterns are constants; a test compiles every one of them
    pub(super) fn new(text: &str) -> Self {
        Self { regex: Regex::new(text).expect("a pattern of this program"), needs: Needs::of(text) }
    }

    /// Whether a text that `holds` these words may match; `false` is certain.
    pub(super) fn may_match(&self, holds: impl Fn(&str) -> bool) -> bool {
        self.needs.met(&holds)
    }
}

impl Deref for Pattern {
    type Target = Regex;

    fn deref(&self) -> &Regex {
        &self.regex
    }
}

/// Names patterns that are compiled when first used.
macro_rules! patterns {
    ($($(#[$doc:meta])* $name:ident = $text:expr;)*) => {
        $($(#[$doc])* static $name: std::sync::LazyLock<$crate::facts::pattern::Pattern> =
            std::sync::LazyLock::new(|| $crate::facts::pattern::Pattern::new($text));)*

        #[cfg(test)]
        #[test]
        fn patterns_compile() {
            $(assert!(!$name.as_str().is_empty());)*
        }
    };
}
pub(super) use patterns;
