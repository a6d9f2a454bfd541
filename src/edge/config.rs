//! Every fact that one configuration file says, checked before anything is built.
