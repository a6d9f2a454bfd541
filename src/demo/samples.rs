//! The demo's own mails, invented: a shopper's fortnight, and what comes in while she watches.

use super::story::{Sample, Story};

/// The authserv-id in their Authentication-Results, to be trusted by the demo's configuration.
pub const AUTHSERV_ID: &str = "mx.demo.example";

/// To whom they are addressed.
pub const SHOPPER: &str = "hanako@demo.example";

macro_rules! mails {
    ($($name:literal),* $(,)?) => {
        &[$(($name, include_bytes!(concat!("mails/", $name, ".eml")))),*]
    };
}

/// What lies in INBOX at the start.
const BACKLOG: &[(&str, &[u8])] = mails![
    "b01-order", "b02-order", "b03-order", "b04-order", "b05-order", "b06-out-of-stock", "b07-cancelled",
    "b08-cancelled-by-shop", "b09-shipped", "b10-card-refused", "b11-restock-registered", "b12-restock",
    "b13-points-earned", "b14-newsletter", "b15-forged", "b16-private",
];

/// What comes later, in this order.
const LIVE: &[(&str, &[u8])] = mails![
    "l01-restock", "l02-cancelled", "l03-points-back", "l04-resale", "l05-restock", "l06-coupon", "l07-shipped",
    "l08-newsletter",
];

impl Story {
    /// The story that is built in.
    #[must_use]
    pub fn embedded() -> Self {
        let samples = |mails: &[(&str, &'static [u8])]| {
            mails.iter().map(|(name, bytes)| Sample { name: (*name).to_owned(), bytes: (*bytes).into() }).collect()
        };
        Self::new(samples(BACKLOG), samples(LIVE))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn every_mail_stands_for_itself() {
        let mut ids = BTreeSet::new();
        for (name, bytes) in BACKLOG.iter().chain(LIVE) {
            let text = String::from_utf8_lossy(bytes);
            let field = |wanted: &str| {
                let line = text.lines().find(|line| line.starts_with(wanted));
                line.unwrap_or_else(|| panic!("{name}: no {wanted}")).to_owned()
            };
            assert!(ids.insert(field("Message-ID: ")), "{name}: its Message-ID is another's, too");
            assert!(field("Authentication-Results: ").contains(AUTHSERV_ID), "{name}");
            assert!(field("To: ").contains(SHOPPER), "{name}");
            let bare = bytes.iter().zip(bytes.iter().skip(1)).any(|(a, b)| *b == b'\n' && *a != b'\r');
            assert!(!bare, "{name}: a line ends in LF alone");
        }
        let story = Story::embedded();
        assert_eq!(story.backlog.len() + story.live.len(), ids.len());
        assert!(story.live.iter().all(|(at, _)| at.as_secs() < 13));
    }

    #[test]
    fn the_shipped_rules_sort_each_as_a_person_would() {
        let rules = crate::rules::RuleSet::shipped();
        let ids = [AUTHSERV_ID.to_owned()];
        let all: Vec<_> = BACKLOG.iter().chain(LIVE).collect();
        for (name, bytes) in &all {
            let size = u32::try_from(bytes.len()).unwrap();
            let received = jiff::Timestamp::UNIX_EPOCH;
            let mail = crate::mail::read(bytes, &crate::mail::Reading { received, size, authserv_ids: &ids });
            let facts = crate::rules::read(&rules, &mail);
            let verdict = crate::rules::judge(&rules, &mail, &facts, &crate::rules::Known::default());
            let expect = match name.split_once('-').map_or("", |(_, kind)| kind) {
                "order" | "shipped" | "card-refused" => "order",
                "out-of-stock" | "cancelled" | "cancelled-by-shop" => "cancellation",
                "restock" | "resale" => "restock",
                "points-back" => "point-refund",
                "coupon" => "coupon",
                "restock-registered" | "points-earned" | "newsletter" | "forged" | "private" => "other",
                kind => panic!("{name}: what is {kind}?"),
            };
            assert_eq!(verdict.category.to_string(), expect, "{name}: {verdict:?}");
            assert_eq!(verdict.labels.contains("quarantine"), *name == "b15-forged", "{name}");
        }
    }
}
