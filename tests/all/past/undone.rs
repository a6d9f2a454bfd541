//! `modori undo`.
