//! Secrets: from a command, the environment or a file; never printed.
