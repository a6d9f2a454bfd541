//! What can be written after `modori completions` and `modori man`.

use clap::Args;
use clap_complete::Shell;
use std::path::PathBuf;

/// `modori completions`
#[derive(Debug, Args)]
pub struct Completions {
    /// For which shell
    #[arg(value_enum)]
    pub shell: Shell,
}

/// `modori man`
#[derive(Debug, Args)]
pub struct Man {
    /// Write a page for each command into this folder (made when missing), instead of the main page to standard output
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
}
