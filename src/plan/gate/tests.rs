//! When the gate opens, and every reason why it stays shut.
