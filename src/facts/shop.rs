//! Which shop: code and name.
