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
    pub(super) wanted: Option<String>,
    pub(super) letters: Option<String>,
    pub(super) state: Option<String>,
    #[serde(default)]
    pub(super) account: Vec<Spanned<Account>>,
    #[serde(default)]
    pub(super) filing: Filing,
    #[serde(default)]
    pub(super) alerts: Alerts,
    #[serde(default)]
    pub(super) sight: Sight,
    #[serde(default)]
    pub(super) channel: BTreeMap<Spanned<String>, Spanned<Channel>>,
    pub(super) ledger: Option<crate::ledger::due::Settings>,
    #[serde(default)]
    pub(super) hot: Hot,
    pub(super) web: Option<super::web::Written>,
    #[serde(default)]
    pub(super) keep: super::keep::Written,
    #[serde(default)]
    pub(super) search: BTreeMap<Spanned<String>, Spanned<toml::Value>>,
    #[serde(default)]
    pub(super) replies: Replies,
    #[serde(default)]
    pub(super) calendar: super::calendar::Written,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Account {
    pub(super) name: Option<Spanned<String>>,
    pub(super) provider: Option<Spanned<String>>,
    pub(super) host: Option<Spanned<String>>,
    pub(super) port: Option<Spanned<u16>>,
    pub(super) security: Option<Spanned<String>>,
    pub(super) user: Spanned<String>,
    pub(super) password: Option<Spanned<Secret>>,
    pub(super) access_token: Option<Spanned<Secret>>,
    pub(super) oauth: Option<Spanned<super::oauth::Written>>,
    pub(super) mailbox: Option<Spanned<String>>,
    #[serde(default)]
    pub(super) authserv_ids: Vec<String>,
    #[serde(default)]
    pub(super) own_addresses: Vec<Spanned<String>>,
    pub(super) from: Option<Spanned<String>>,
    pub(super) ca_file: Option<Spanned<String>>,
    pub(super) pin: Option<Spanned<String>>,
    pub(super) fetch_kib: Option<Spanned<u32>>,
    #[serde(default)]
    pub(super) pace: Pace,
    pub(super) smtp: Option<Smtp>,
    pub(super) rules: Option<String>,
    /// By category.
    #[serde(default)]
    pub(super) folders: BTreeMap<Spanned<String>, Spanned<String>>,
}

/// The server that sends an account's letters.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Smtp {
    pub(super) host: Option<Spanned<String>>,
    pub(super) port: Option<Spanned<u16>>,
    pub(super) security: Option<Spanned<String>>,
    pub(super) user: Option<Spanned<String>>,
    pub(super) password: Option<Spanned<Secret>>,
    pub(super) ca_file: Option<Spanned<String>>,
    pub(super) timeout: Option<Spanned<String>>,
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

/// Letters to shops.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Replies {
    pub(super) drafts: Option<bool>,
    pub(super) name: Option<Spanned<String>>,
    pub(super) language: Option<Spanned<String>>,
    pub(super) a_day: Option<Spanned<u32>>,
    pub(super) oldest_days: Option<Spanned<u16>>,
    pub(super) answer_business_days: Option<Spanned<u16>>,
    pub(super) again_after_business_days: Option<Spanned<u16>>,
    #[serde(default)]
    pub(super) send: BTreeMap<Spanned<String>, bool>,
    pub(super) by: Option<Spanned<String>>,
    pub(super) drafts_folder: Option<Spanned<String>>,
    pub(super) sent_folder: Option<Spanned<String>>,
    pub(super) copy_to_sent: Option<Spanned<toml::Value>>,
}

/// A secret: one of the four.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Secret {
    pub(super) command: Option<Vec<String>>,
    pub(super) env: Option<String>,
    pub(super) file: Option<String>,
    pub(super) credential: Option<String>,
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
    #[serde(default)]
    pub(super) fallback: Vec<Spanned<String>>,
    pub(super) fallback_after: Option<Spanned<String>>,
    pub(super) stale_after: Option<Spanned<String>>,
    pub(super) give_up_after: Option<Spanned<String>>,
    pub(super) late: Option<Spanned<String>>,
    pub(super) most_an_hour: Option<Spanned<u32>>,
    /// By category.
    #[serde(default)]
    pub(super) priority: BTreeMap<Spanned<String>, Spanned<String>>,
    #[serde(default)]
    pub(super) quiet: Quiet,
    pub(super) repeat: Option<super::repeat::Written>,
    pub(super) only_wanted: Option<bool>,
}

/// Hours in which nothing rings.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Quiet {
    #[serde(default)]
    pub(super) hours: Vec<Spanned<String>>,
    pub(super) except: Option<Vec<Spanned<String>>>,
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
    pub(super) user_from: Option<Spanned<Secret>>,
    pub(super) password: Option<Spanned<Secret>>,
    pub(super) from: Option<Spanned<String>>,
    #[serde(default)]
    pub(super) to: Vec<Spanned<String>>,
    pub(super) short: Option<Spanned<bool>>,
    pub(super) icon: Option<Spanned<String>>,
    #[serde(default)]
    pub(super) tags: Vec<Spanned<String>>,
    pub(super) ack_topic: Option<Spanned<String>>,
    pub(super) ack_topic_from: Option<Spanned<Secret>>,
    pub(super) ack_token: Option<Spanned<Secret>>,
    pub(super) device: Option<Spanned<String>>,
    pub(super) sound: Option<Spanned<String>>,
    pub(super) template: Option<Spanned<String>>,
    pub(super) template_file: Option<Spanned<String>>,
    #[serde(default)]
    pub(super) values: BTreeMap<Spanned<String>, toml::Value>,
    #[serde(default)]
    pub(super) headers: BTreeMap<Spanned<String>, Spanned<String>>,
    #[serde(default)]
    pub(super) headers_from: BTreeMap<Spanned<String>, Spanned<Secret>>,
    pub(super) secret: Option<Spanned<Secret>>,
    pub(super) ca_file: Option<Spanned<String>>,
    pub(super) keep_warm: Option<Spanned<String>>,
    pub(super) timeout: Option<Spanned<String>>,
}
