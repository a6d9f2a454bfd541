//! Links: hosts, and whether the text a reader sees names another host than the target.
