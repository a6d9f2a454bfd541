//! The mailbox over IMAP4rev1: watch (read-only) and write (for the hand).
