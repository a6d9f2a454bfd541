//! The embedded IMAP server and its sample deliveries.
