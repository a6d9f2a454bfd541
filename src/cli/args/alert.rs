//! `modori alert` on the command line.

use super::Format;
use clap::{Args, Subcommand};

/// `modori alert`
#[derive(Debug, Subcommand)]
pub enum Alert {
    /// Send a test alert through every channel at once, and say what each answered (exit code 1: one failed)
    Test(TestAlert),
}

/// `modori alert test`
#[derive(Debug, Args)]
pub struct TestAlert {
    /// Only these channels
    #[arg(value_name = "CHANNEL")]
    pub channels: Vec<String>,
    /// As urgent as a restock: it may ring at night
    #[arg(long)]
    pub urgent: bool,
    /// How to print
    #[arg(long, value_enum, default_value = "text")]
    pub format: Format,
}
