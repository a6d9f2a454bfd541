//! Plain transports for alerts.
