//! How long words of mails are kept, and what is left of them afterwards.

use super::event::Event;

/// How long words are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Keep {
    /// Sentences of mails, and texts of letters: so many days after their case ended.
    pub excerpt_days: u16,
    /// Words of alerts, and why a mail was sorted as it was: so many days after that.
    pub history_days: u16,
}

impl Default for Keep {
    fn default() -> Self {
        Self { excerpt_days: 30, history_days: 365 }
    }
}

/// What stands in the place of words that are no longer kept.
pub const EXPIRED: char = '…';

impl Event {
    /// The sentence that proves it is no longer kept.
    #[must_use]
    pub fn is_expired(&self) -> bool {
        !self.excerpt.is_empty() && self.excerpt.chars().all(|c| c == EXPIRED)
    }

    /// The same without its sentence. `nth` (from 1) keeps two events apart that a mail told in different words: they
    /// still count as two.
    #[must_use]
    pub fn expired(mut self, nth: usize) -> Self {
        self.excerpt = std::iter::repeat_n(EXPIRED, nth.max(1)).collect();
        self
    }

    /// Whether both say the same, whichever of the two lost its sentence.
    #[must_use]
    pub fn says_the_same(&self, other: &Self) -> bool {
        if self == other {
            return true;
        }
        (self.is_expired() || other.is_expired()) && {
            let bare = |event: &Self| Self { excerpt: String::new(), ..event.clone() };
            bare(self) == bare(other)
        }
    }
}
