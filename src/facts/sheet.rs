//! Facts as the stable output format (design section 13).
