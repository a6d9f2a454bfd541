//! The world: network, files, database, time. Everything outside this room is pure.

pub mod clock;
pub mod config;
pub mod files;
pub mod hand;
pub mod imap;
pub mod oauth;
pub mod out;
pub mod secret;
pub mod store;
pub mod systemd;
pub mod tls;
pub mod web;

use std::time::Duration;

/// What to do after something at the edge failed: every edge error answers this one question.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Advice {
    /// Try again; not before this long has passed, if the other side named a time.
    Again(Option<Duration>),
    /// Open a new connection and log in again.
    LogInAgain,
    /// Nothing will change by itself: tell the shopper what to do.
    Ask,
    /// It will never work: give this one up.
    Never,
    /// It may have happened: look, or ask; never repeat blindly.
    Unknown,
}

/// A time that the other side named is doubled up to this, not further.
const NAMED_LONGEST: Duration = Duration::from_secs(3600);

impl Advice {
    /// `wait`, and not less than the other side named: after so many such answers in a row twice as long each time, up to
    /// an hour. Who comes back as often as before is what it counts.
    #[must_use]
    pub fn at_least(self, wait: Duration, times: u32) -> Duration {
        let Self::Again(Some(named)) = self else { return wait };
        let doubled = named.saturating_mul(1_u32.checked_shl(times.saturating_sub(1).min(16)).unwrap_or(u32::MAX));
        wait.max(doubled.min(NAMED_LONGEST.max(named)))
    }
}

/// Longest quotation of what another side said, in characters.
const QUOTED: usize = 200;

/// What another side said, as a quotation for people: between “ and ”, cut, without anything that steers a screen or
/// hides itself, and without anything that a telephone would make a link of. It cannot end its own quotation, so it
/// never speaks in our voice.
#[must_use]
pub fn quoted(text: &str) -> String {
    let steers = |c: char| {
        c.is_control()
            || matches!(c,
                '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}'
                | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
                | '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}'
                | '\u{fff0}'..='\u{fffb}' | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e0fff}')
    };
    let mut out = String::from("“");
    let one_line = text.chars().map(|c| if matches!(c, '\n' | '\t') { ' ' } else { c });
    // no more is looked at than could be shown, unless nearly all of it hides itself
    let shown: String = one_line.take(64 * QUOTED).filter(|c| !steers(*c)).take(2 * QUOTED).collect();
    let mut chars = shown.trim().chars().peekable();
    let mut before = ' ';
    for _ in 0..QUOTED {
        let Some(c) = chars.next() else { break };
        let next = chars.peek().copied().unwrap_or(' ');
        match c {
            '“' | '”' | '„' | '‟' | '"' | '〝' | '〞' | '〟' | '＂' => out.push('\''),
            // http://, mailto:a@b, and names with dots become links by themselves
            ':' if next == '/' => out.push_str("[:]"),
            '.' if before.is_alphanumeric() && next.is_alphanumeric() => out.push_str("[.]"),
            '@' => out.push_str("[@]"),
            c => out.push(c),
        }
        before = c;
    }
    if chars.peek().is_some() {
        out.push('…');
    }
    out.push('”');
    out
}

/// An error with all its causes, each said once.
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        let cause_text = cause.to_string();
        if !text.contains(&cause_text) {
            text.push_str(": ");
            text.push_str(&cause_text);
        }
        next = cause.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn another_side_speaks_in_quotation_marks_only() {
        for (said, shown) in [
            ("too many connections. Try later", "“too many connections. Try later”"),
            ("満員です", "“満員です”"),
            ("", "“”"),
            ("\u{1b}[31mred\u{7}\r\nmodori: all is well", "“[31mred modori: all is well”"),
            ("x”. modori: log in at “y\"", "“x'. modori: log in at 'y'”"),
            ("\u{202e}lanif\u{2066}\u{200b}\u{e0041}", "“lanif”"),
            ("go to https://evil.example/a.php?q=1", "“go to https[:]//evil[.]example/a[.]php?q=1”"),
            ("write to a@b.example", "“write to a[@]b[.]example”"),
        ] {
            assert_eq!(quoted(said), shown);
        }
        let long = quoted(&"あ".repeat(100_000));
        assert_eq!(long.chars().count(), QUOTED + 3);
        assert!(long.ends_with("…”"));
    }

    proptest! {
        #[test]
        fn no_quotation_ends_itself_or_steers_a_screen(said in any::<String>()) {
            let shown = quoted(&said);
            let inside = shown.strip_prefix('“').and_then(|rest| rest.strip_suffix('”')).unwrap();
            prop_assert!(!inside.contains(['“', '”', '"']) && !inside.contains("://"), "{}", shown);
            let steering = inside.chars().any(|c| c.is_control() || ('\u{202a}'..='\u{202e}').contains(&c));
            prop_assert!(!steering, "{:?}", shown);
            prop_assert!(inside.chars().count() <= 3 * QUOTED + 1);
        }
    }
}
