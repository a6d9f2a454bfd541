//! An urgent alert is told again until the shopper has seen it: by opening the mail, through a channel, by command or button;
//! never more often than planned, never after she said so, never again after a restart.

mod button;
mod by_channel;
mod by_opening;
mod cut;
mod real;
mod services;
mod world;
