//! The configuration file as it is written: every value that can be wrong keeps its place in the file.

use serde::Deserialize;
use std::collections::BTreeMap;
use toml::Spanned;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct File {
    pub(super) version: Option<Spanned<u32>>,
    pub(super) language: Option<Spanned<String>>,
    pub(super) rules: Option<String>,
    pub(super) wording: Option<String>,
    pub(super) state: Option<String>,
    #[serde(default)]
    pub(super) account: Vec<Spanned<Account>>,
    #[serde(default)]
    pub(super) filing: Filing,
    #[serde(default)]
    pub(super) alerts: Alerts,
    #[serde(default)]
    pub(super) replies: Replies,
    #[serde(default)]
    pub(super) sight: Sight,
    #[serde(default)]
    pub(super) channel: BTreeMap<Spanned<String>, Spanned<Channel>>,
    pub(super) ledger: Option<crate::ledger::due::Settings>,
    #[serde(default)]
    pub(super) hot: Hot,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Account {
    pub(super) name: Option<Spanned<String>>,
    pub(super) host: Spanned<String>,
    pub(super) port: Option<Spanned<u16>>,
    pub(super) security: Option<Spanned<String>>,
    pub(super) user: Spanned<String>,
    pub(super) password: Option<Spanned<Secret>>,
    pub(super) mailbox: Option<Spanned<String>>,
    #[serde(default)]
    pub(super) authserv_ids: Vec<String>,
    #[serde(default)]
    pub(super) own_addresses: Vec<Spanned<String>>,
    pub(super) ca_file: Option<Spanned<String>>,
    pub(super) pin: Option<Spanned<String>>,
    pub(super) fetch_kib: Option<Spanned<u32>>,
    #[serde(default)]
    pub(super) pace: Pace,
    pub(super) smtp: Option<Smtp>,
}

/// The server that sends an account's letters.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Smtp {
    pub(super) host: Spanned<String>,
    pub(super) port: Option<Spanned<u16>>,
    pub(super) security: Option<Spanned<String>>,
    pub(super) user: Option<Spanned<String>>,
    pub(super) password: Option<Spanned<Secret>>,
    pub(super) ca_file: Option<Spanned<String>>,
    pub(super) timeout: Option<Spanned<String>>,
}

/// Letters to shops.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Replies {
    pub(super) by: Option<Spanned<String>>,
    pub(super) drafts_folder: Option<Spanned<String>>,
    pub(super) sent_folder: Option<Spanned<String>>,
    pub(super) copy_to_sent: Option<Spanned<toml::Value>>,
}

/// Durations as text (`45s`, `10m`).
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Pace {
    pub(super) command: Option<Spanned<String>>,
    pub(super) probe_after: Option<Spanned<String>>,
    pub(super) probe_answer: Option<Spanned<String>>,
    pub(super) poll_every: Option<Spanned<String>>,
    pub(super) hot_floor: Option<Spanned<String>>,
    pub(super) back_off_first: Option<Spanned<String>>,
    pub(super) back_off_longest: Option<Spanned<String>>,
}

/// Times in which mailboxes are asked far more often.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Hot {
    #[serde(default)]
    pub(super) windows: Vec<Spanned<String>>,
    pub(super) announced: Option<bool>,
    pub(super) before: Option<Spanned<String>>,
    pub(super) after: Option<Spanned<String>>,
    pub(super) most_a_day: Option<Spanned<String>>,
    pub(super) every: Option<Spanned<String>>,
}

/// A secret: one of the three.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Secret {
    pub(super) command: Option<Vec<String>>,
    pub(super) env: Option<String>,
    pub(super) file: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Filing {
    pub(super) mode: Option<Spanned<String>>,
    pub(super) backlog: Option<Spanned<String>>,
    pub(super) flag_cases: Option<bool>,
    pub(super) flag_look_every: Option<Spanned<String>>,
    pub(super) flag_apart: Option<Spanned<String>>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Alerts {
    #[serde(default)]
    pub(super) channels: Vec<Spanned<String>>,
    pub(super) stale_after: Option<Spanned<String>>,
    pub(super) give_up_after: Option<Spanned<String>>,
    pub(super) late: Option<Spanned<String>>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Sight {
    pub(super) alert: Option<bool>,
    pub(super) blind_after: Option<Spanned<String>>,
    pub(super) blind_after_hot: Option<Spanned<String>>,
}

/// All keys that any kind of channel knows; which belong to which is checked afterwards, so that a mistake can be
/// pointed at.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Channel {
    pub(super) kind: Spanned<String>,
    pub(super) argv: Option<Spanned<Vec<String>>>,
    pub(super) url: Option<Spanned<String>>,
    pub(super) url_from: Option<Spanned<Secret>>,
    pub(super) server: Option<Spanned<String>>,
    pub(super) topic: Option<Spanned<String>>,
    pub(super) topic_from: Option<Spanned<Secret>>,
    pub(super) token: Option<Spanned<Secret>>,
    pub(super) host: Option<Spanned<String>>,
    pub(super) port: Option<Spanned<u16>>,
    pub(super) security: Option<Spanned<String>>,
    pub(super) user: Option<Spanned<String>>,
    pub(super) password: Option<Spanned<Secret>>,
    pub(super) from: Option<Spanned<String>>,
    #[serde(default)]
    pub(super) to: Vec<Spanned<String>>,
    pub(super) ca_file: Option<Spanned<String>>,
    pub(super) keep_warm: Option<Spanned<String>>,
    pub(super) timeout: Option<Spanned<String>>,
}
