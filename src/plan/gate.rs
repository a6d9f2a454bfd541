//! May this letter leave? The gate answers with a ticket or with its reasons.

use serde::{Deserialize, Serialize};

/// The permission for one letter. Only the gate makes one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ticket {
    message_id: String,
}
