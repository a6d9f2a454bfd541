//! Wires causes to steps, steps to the store, and the store to the hand.
