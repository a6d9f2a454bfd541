//! The story of an order, as values and drawn.
