//! Patterns over text in normal form, compiled once.

use regex::Regex;

/// Compiles a pattern that is part of this program.
#[allow(clippy::expect_used)] // patterns are constants; a test compiles every one of them
pub(super) fn pattern(text: &str) -> Regex {
    Regex::new(text).expect("a pattern of this program")
}

/// Names patterns that are compiled when first used.
macro_rules! patterns {
    ($($(#[$doc:meta])* $name:ident = $text:expr;)*) => {
        $($(#[$doc])* static $name: std::sync::LazyLock<regex::Regex> =
            std::sync::LazyLock::new(|| $crate::facts::pattern::pattern($text));)*

        #[cfg(test)]
        #[test]
        fn patterns_compile() {
            $(assert!(!$name.as_str().is_empty());)*
        }
    };
}
pub(super) use patterns;
