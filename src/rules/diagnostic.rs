//! What is wrong with a rule file, shown as a compiler would.
