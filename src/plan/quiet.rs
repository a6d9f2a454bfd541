//! Why nothing is told of a mail.

/// A reason for silence. What is kept back and told later has reasons of its own ([`super::Why`]).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Quiet {
    /// It is advertising.
    Advert,
    /// Goods that the shopper does not want to hear of.
    Muted,
    /// Only wanted goods are told, and these are none.
    NotWanted,
    /// The shopper's configuration makes its category silent.
    Silenced,
    /// Mail of its kind is sorted, and not told.
    Usual,
    /// It came so late that nothing could be done about it any more.
    Old,
    /// The same was told of another mail.
    Same,
}

impl Quiet {
    /// All of them.
    pub const ALL: [Self; 7] =
        [Self::Advert, Self::Muted, Self::NotWanted, Self::Silenced, Self::Usual, Self::Old, Self::Same];

    /// As it is stored, and as programs read it.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Advert => "advert",
            Self::Muted => "muted",
            Self::NotWanted => "not-wanted",
            Self::Silenced => "silenced",
            Self::Usual => "usual",
            Self::Old => "old",
            Self::Same => "same",
        }
    }

    /// What is stored under a word; `None` for one that is not known.
    #[must_use]
    pub fn of(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|one| one.word() == word)
    }
}
