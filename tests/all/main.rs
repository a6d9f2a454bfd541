//! One integration binary; files are named by the risk they cover.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod dependencies;
mod imports;
