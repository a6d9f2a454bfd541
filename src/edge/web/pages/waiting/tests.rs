//! What waits, as values and drawn.
