//! The text of a message: which part, transfer encoding, charset.
