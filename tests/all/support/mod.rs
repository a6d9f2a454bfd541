//! Real servers the tests run against: Dovecot, an SMTP receiver, an HTTP receiver, and an eye of their own on IMAP.

pub mod certs;
pub mod cut;
pub mod dovecot;
pub mod embedded;
pub mod http;
pub mod mutate;
pub mod oracle;
pub mod probe;
pub mod proxy;
pub mod run;
pub mod smtp;
