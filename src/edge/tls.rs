//! TLS: one client configuration (ring, the platform's trust store), handed over explicitly.
