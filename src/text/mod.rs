//! Characters: from bytes in any Japanese charset to one normal form that mail and patterns share.

pub mod charset;
pub mod fold;

pub use fold::{Folded, fold};
