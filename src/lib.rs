//! modori
