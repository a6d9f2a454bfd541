//! Bent conversations: whatever a server says, nothing panics, nothing waits for ever.
