//! What happened to the order: stage, cancellation, cause.
