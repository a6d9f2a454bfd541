//! Points used, returned, promised, refused, and when they end.
