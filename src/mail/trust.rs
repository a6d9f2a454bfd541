//! Is the sender who the mail says? Three answers, each with its reasons.

use serde::{Deserialize, Serialize};

/// Whether the sender is who the mail says (design section 11).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TrustLevel {
    /// Claims to be Rakuten's and shows signs of forgery.
    Suspect,
    /// No usable proof either way.
    #[default]
    Unverified,
    /// The shopper's own provider vouches for an aligned sender.
    Verified,
}

/// A trust level and why.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Trust {
    /// The answer.
    pub level: TrustLevel,
    /// One short sentence each.
    pub reasons: Vec<String>,
}

/// Whether a host or mail domain is Rakuten's own: `rakuten.co.jp`, `rakuten.com`, `rakuten.ne.jp` or a name below
/// them, compared by dot-anchored suffix (domain document 2.1).
#[must_use]
pub fn is_rakuten(domain: &str) -> bool {
    let domain = domain.trim_end_matches('.').to_ascii_lowercase();
    ["rakuten.co.jp", "rakuten.com", "rakuten.ne.jp"]
        .iter()
        .any(|suffix| domain == *suffix || domain.strip_suffix(suffix).is_some_and(|head| head.ends_with('.')))
}
