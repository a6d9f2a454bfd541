//! A channel that runs a program: the alert as JSON on its standard input.

use super::{Accepted, Deliver, Delivery, Probing, process};
use crate::edge::clock::Clock;
use crate::plan::Alert;
use crate::plan::sheet::sheet;
use std::time::Duration;

/// Runs a program for each alert.
pub(super) struct Command {
    pub(super) argv: Vec<String>,
    pub(super) limit: Duration,
    pub(super) clock: Clock,
}

impl Deliver for Command {
    fn deliver<'a>(&'a self, alert: &'a Alert, key: &'a str) -> Delivery<'a> {
        Box::pin(async move {
            let mut input = sheet(alert, key, self.clock.now()).to_string().into_bytes();
            input.push(b'\n');
            process::run(&self.argv, &input, self.limit).await?;
            Ok(Accepted::default())
        })
    }

    fn probe(&self) -> Probing<'_> {
        Box::pin(async { Command::probe(self) })
    }
}
