//! Header fields: encoded words, raw 8-bit values, addresses, RFC 2231 names.
