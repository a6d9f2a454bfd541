//! The embedded IMAP server and its sample deliveries.
//!
//! [`Server`] speaks IMAP4rev1 (RFC 3501) with IDLE, NOTIFY, MOVE, UIDPLUS, NAMESPACE, UNSELECT, LITERAL+ and, when told so,
//! UTF8=ACCEPT over TCP on loopback or through memory. It is what `modori demo` watches, and what the simulation tests make misbehave.

mod answer;
mod bell;
mod dress;
mod fault;
mod gmail;
mod login;
mod mailboxes;
mod notify;
mod samples;
mod selected;
mod server;
mod session;
mod story;
mod syntax;
mod utf8;

pub use fault::{Fault, GREETING, Gap};
pub use login::{Admission, Login, Mechanism, OAUTHBEARER_CHALLENGE, Offered, XOAUTH2_CHALLENGE};
pub use mailboxes::Stored;
pub use samples::{AUTHSERV_ID, SHOPPER};
pub use server::{CAPABILITIES, Server};
pub use story::{Sample, Story, StoryError};
#[cfg(test)]
mod tests;
