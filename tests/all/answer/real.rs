//! The real program on a real server.
