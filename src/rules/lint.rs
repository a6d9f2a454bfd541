//! What a rule file says that it probably does not mean.
