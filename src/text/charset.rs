//! Bytes to characters: labels, lying labels, and mail that names none.
