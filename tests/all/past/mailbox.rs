//! `modori import --mailbox`.
