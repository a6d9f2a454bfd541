//! New, quoted and forwarded text told apart.
