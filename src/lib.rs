//! modori (戻り): watches a shopper's mailbox for Rakuten Ichiba mail.
//!
//! # The map of the house
//!
//! A message travels through eight hops and never back:
//! [`edge`] (IMAP, files) → [`mail::read`] → [`rules::read()`] ([`facts::find`] and the rules' extractors) → store (what is
//! known) → [`rules::judge()`] → [`plan::on_mail()`] → store (settle: one transaction) → hand (the world changes).
//!
//! Five sentences: everything outside the edge is pure · three causes, one loop · know, then do · one hand changes
//! the world · never delete, never guess, never send twice.

pub mod calendar;
pub mod chart;
pub mod cli;
pub mod demo;
pub mod edge;
pub mod engine;
pub mod facts;
pub mod ledger;
pub mod letter;
pub mod mail;
pub mod mailbox;
pub mod plan;
pub mod planted;
pub mod provider;
pub mod review;
pub mod rules;
pub mod text;
pub mod wording;
