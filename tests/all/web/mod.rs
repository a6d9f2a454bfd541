//! The dashboard of a real run: who gets in, what others cannot do, what it looks like in a real browser.

mod chromium;
mod pictures;
mod wire;
mod world;
