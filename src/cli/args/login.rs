//! How access to a mailbox is granted and forgotten.

use clap::Args;
use jiff::SignedDuration;
use std::time::Duration;

/// `modori login`
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n\
  \x20 modori login                the only account with [account.oauth]\n\
  \x20 modori login home           this one\n\
  \x20 modori login --paste        no browser on this machine: paste the address where yours ended\n\n\
  Exit code: 0 access was granted and the login works, 1 it was not or does not, 2 configuration or usage.")]
pub struct Login {
    /// Name of the account
    #[arg(value_name = "ACCOUNT")]
    pub account: Option<String>,
    /// Open no browser; the address is shown anyway
    #[arg(long)]
    pub no_browser: bool,
    /// Read the address where a browser elsewhere ended from standard input, also when that is no terminal
    #[arg(long)]
    pub paste: bool,
    /// How long to wait for you: 90s, 10m
    #[arg(long, value_name = "TIME", default_value = "10m", value_parser = span)]
    pub timeout: Duration,
}

/// `modori logout`
#[derive(Debug, Args)]
pub struct Logout {
    /// Name of the account
    #[arg(value_name = "ACCOUNT")]
    pub account: Option<String>,
}

fn span(text: &str) -> Result<Duration, String> {
    let span = text.parse::<SignedDuration>().ok().and_then(|span| Duration::try_from(span).ok());
    // longer than any code lives, and no instant overflows
    let most = Duration::from_secs(24 * 3600);
    span.filter(|span| !span.is_zero() && *span <= most)
        .ok_or_else(|| "write it like 90s or 10m, a day at most".to_owned())
}
