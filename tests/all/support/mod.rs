//! Real servers the tests run against: Dovecot, Cyrus, Courier, Exim, an SMTP receiver, an HTTP receiver, and an eye of their own on IMAP.

pub mod browser;
pub mod certs;
pub mod courier;
pub mod cut;
pub mod cyrus;
pub mod dovecot;
pub mod embedded;
pub mod exim;
pub mod http;
pub mod letters;
pub mod mutate;
pub mod oauth;
pub mod oracle;
pub mod persona;
pub mod probe;
pub mod proxy;
pub mod real;
pub mod run;
pub mod services;
pub mod smtp;
pub mod stall;
pub mod terminal;
