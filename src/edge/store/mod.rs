//! One SQLite file: cursors, events, statements and the outbox.
