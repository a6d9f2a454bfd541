//! The world: network, files, database, time. Everything outside this room is pure.

pub mod clock;
pub mod config;
pub mod files;
pub mod hand;
pub mod imap;
pub mod out;
pub mod secret;
pub mod store;
pub mod tls;
