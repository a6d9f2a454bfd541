//! One integration binary; files are named by the risk they cover.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, unreachable_pub)]

mod accuracy;
mod answer;
mod case;
mod corrections;
mod crash;
mod cut;
mod dependencies;
mod diff;
mod draft;
mod explain;
mod extremes;
mod fixtures;
mod flag;
mod flag_dovecot;
mod hostile;
mod imap_dovecot;
mod imports;
mod ledger;
mod life;
mod measure;
mod measure_life;
mod mutated;
mod quiet;
mod real;
mod release;
mod reload;
mod remind;
mod remind_killed;
mod restore;
mod same_wire;
mod schema;
mod shops;
mod status;
mod storm;
mod story;
#[allow(dead_code, reason = "each test file uses the part it needs")]
mod support;
mod watch;
