//! The risk: a server, or someone between, that wants the password in clear text, our memory, our time, or our trust.

mod certificates;
mod endless;
mod lies;
mod server;
mod starttls;
mod transcripts;
