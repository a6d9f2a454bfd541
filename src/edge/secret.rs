//! Secrets: from a command, the environment or a file; never printed.

/// Where a secret comes from. Asked each time it is needed, so that a changed password needs no restart.
#[derive(Clone)]
pub enum Secret {
    /// The first line of a command's output (argv, no shell).
    Command(Vec<String>),
    /// An environment variable.
    Environment(String),
    /// A file that only its owner can read (mode 0600 or stricter).
    File(std::path::PathBuf),
    /// Given in memory by the demo or a test.
    Given(secrecy::SecretString),
}
