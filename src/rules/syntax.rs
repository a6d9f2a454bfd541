//! A rule file as written: every value with its place in the file.
