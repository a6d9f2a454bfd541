//! What people read, in Japanese and English: templates in files that a shopper can edit.

use serde::{Deserialize, Serialize};

/// The language of what people read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Language {
    /// 日本語
    #[default]
    Ja,
    /// English
    En,
}

/// The words people read.
#[derive(Clone, Debug, Default)]
pub struct Wording {}
