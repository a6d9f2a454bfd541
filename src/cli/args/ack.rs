//! What can be said of alerts.

use super::Format;
use clap::Args;

/// `modori ack`
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n\
  \x20 modori ack                  what awaits that you say you have seen it\n\
  \x20 modori ack 3fa91c02         this one (the first characters of its name are enough)\n\
  \x20 modori ack --all            all of them")]
pub struct Ack {
    /// Names of alerts, as `modori ack` lists them; none: list them
    #[arg(value_name = "ALERT")]
    pub alerts: Vec<String>,
    /// All that await it
    #[arg(long, conflicts_with = "alerts")]
    pub all: bool,
    /// How to print
    #[arg(long, value_enum, default_value = "text")]
    pub format: Format,
}
