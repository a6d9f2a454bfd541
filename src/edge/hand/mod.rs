//! The one hand that changes the world: lanes that work off the outbox.
