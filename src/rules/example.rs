//! The examples inside rule files, run.
