//! Yen and other numbers in Japanese text.
