//! Characters: from bytes in any Japanese charset to one normal form that mail and patterns share.

pub mod charset;
pub(crate) mod clause;
mod fit;
pub mod fold;
mod jis;
mod kind;
mod markup;
pub(crate) mod needs;
pub mod shell;
pub(crate) mod signs;
mod spelling;

pub use charset::{Decoded, Doubt, decode};
pub use fit::{Unit, fit, lines, link_length, one_line};
pub use fold::{Folded, fold, fold_joined};
pub(crate) use kind::visible;
pub use markup::markup;
