//! Servers that lie: about numbers, places, messages, folders, and about what they did.
