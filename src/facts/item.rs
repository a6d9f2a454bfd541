//! Items with name, code, price, quantity and link.
