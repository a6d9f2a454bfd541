//! May this letter leave? The gate answers with a ticket or with its reasons.

use serde::{Deserialize, Serialize};

/// The permission for one letter. Only the gate makes one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ticket {
    message_id: String,
}

impl Ticket {
    /// Whether it is the permission for the letter with this Message-ID.
    #[must_use]
    pub fn is_for(&self, message_id: &str) -> bool {
        self.message_id == message_id
    }

    /// A ticket that no gate gave, for tests of what happens to a letter that may leave.
    #[cfg(any(test, feature = "planted"))]
    #[must_use]
    pub fn planted(message_id: &str) -> Self {
        Self { message_id: message_id.to_owned() }
    }
}
