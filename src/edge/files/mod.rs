//! Mail from files: Maildir, mbox and .eml.
