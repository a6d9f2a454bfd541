//! Bugs that a test can plant, one at a time and on its own thread, to see that the tests would catch them.
//!
//! Only tests are built with the feature `planted`. Without it the switch is a constant and nothing of this is left in
//! the program.

/// A bug that can be planted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bug {
    /// The cursor moves before the mail is settled.
    CursorBeforeCommit,
    /// EXISTS that comes before the `+` of IDLE is forgotten.
    ExistsLost,
    /// A refused FETCH reads as "nothing there".
    NoReadAsEmpty,
    /// A half-done move is begun again without looking for the copy.
    CopyRepeated,
    /// An alert that was under way when the program died is not sent again.
    AlertNotRecovered,
    /// A letter that was being sent when the program died is sent again.
    LetterRepeated,
    /// A letter is laid without looking whether it lies there.
    LetterNotLookedFor,
}

/// Whether this bug is planted on this thread.
#[cfg(not(feature = "planted"))]
#[must_use]
pub const fn is(_bug: Bug) -> bool {
    false
}

#[cfg(feature = "planted")]
pub use switch::{is, plant};

#[cfg(feature = "planted")]
mod switch {
    use super::Bug;
    use std::cell::Cell;

    thread_local! {
        static PLANTED: Cell<Option<Bug>> = const { Cell::new(None) };
    }

    /// Whether this bug is planted on this thread.
    #[must_use]
    pub fn is(bug: Bug) -> bool {
        PLANTED.with(Cell::get) == Some(bug)
    }

    /// Plants a bug on this thread, or digs it out.
    pub fn plant(bug: Option<Bug>) {
        PLANTED.with(|planted| planted.set(bug));
    }
}
