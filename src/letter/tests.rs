//! Letters as they are written, and all that never reaches a header.
