//! The page with the button, asked over real HTTP.
