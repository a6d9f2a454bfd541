//! How the dashboard is opened.

use clap::Args;

/// `modori dashboard`
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n\
  \x20 modori dashboard                  print a link that opens it once, within ten minutes\n\
  \x20 modori dashboard --open           and open it in this machine's browser\n\
  \x20 modori dashboard --sign-out-all   end it in every browser\n\n\
  A running watch serves it if the configuration has a table [web]; else this command does, until Ctrl-C.")]
pub struct Dashboard {
    /// Open the link in a browser
    #[arg(long)]
    pub open: bool,
    /// End the dashboard in every browser where it is open, and forget links that were not used
    #[arg(long, conflicts_with = "open")]
    pub sign_out_all: bool,
}
