//! The documentation is a book that does not lie: its pages hang together, and what they show is run.

mod commands;
mod demo;
mod layout;
pub mod page;
mod privacy;
mod recipes;
pub mod snippets;
mod troubleshooting;
mod world;
