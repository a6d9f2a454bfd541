//! `[alerts.repeat]`: which alerts are repeated until they are acknowledged.

use super::Web;
use super::check::Check;
use crate::plan::Repeat;
use crate::rules::category;
use serde::Deserialize;
use std::time::Duration;
use toml::Spanned;

/// Between two repetitions at least: a service that is rung more often shuts the door.
const LEAST_EVERY: Duration = Duration::from_secs(30);
/// Longest time of repetitions: nobody is there who looks at the phone.
const LONGEST: Duration = Duration::from_secs(3600);
/// What is used when nothing is written.
const USUAL: (Duration, Duration) = (Duration::from_secs(120), Duration::from_secs(600));

/// `[alerts.repeat]` as written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Written {
    every: Option<Spanned<String>>,
    #[serde(rename = "for")]
    long: Option<Spanned<String>>,
    categories: Option<Spanned<Vec<Spanned<String>>>>,
    wanted_only: Option<bool>,
    opened: Option<bool>,
}

impl Check<'_> {
    /// Which alerts are repeated; `web`: where their page is found.
    pub(super) fn repeat(&mut self, written: Option<Written>, web: Option<&Web>) -> Option<Repeat> {
        let written = written?;
        let every = self.duration(written.every.as_ref(), USUAL.0);
        let long = self.duration(written.long.as_ref(), USUAL.1.max(every.saturating_mul(2)));
        if let Some(span) = written.every.as_ref().filter(|_| every < LEAST_EVERY) {
            self.wrong(span.span(), "that often is a burden to the service", "\"30s\" is the least");
        }
        if let Some(span) = written.long.as_ref().or(written.every.as_ref()) {
            if long <= every {
                self.wrong(span.span(), "nothing would be repeated", "`for` must be longer than `every`");
            } else if long > LONGEST {
                self.wrong(span.span(), "that is too long", "\"1h\" is the longest");
            }
        }
        let categories: Vec<String> = match &written.categories {
            None => vec![category::RESTOCK.to_owned()],
            Some(list) => {
                if list.get_ref().is_empty() {
                    self.wrong(list.span(), "nothing would be repeated", "name a category, or take the table away");
                }
                for name in list.get_ref().iter().filter(|name| name.get_ref() == category::OTHER) {
                    self.wrong(name.span(), "nothing is told of mail in `other`", "name another category");
                }
                list.get_ref().iter().map(|name| name.get_ref().clone()).collect()
            }
        };
        let whole = |span: Duration| u32::try_from(span.as_secs()).unwrap_or(u32::MAX);
        Some(Repeat {
            every_s: whole(every),
            for_s: whole(long),
            categories,
            wanted_only: written.wanted_only.unwrap_or(false),
            opened: written.opened.unwrap_or(true),
            public_url: web.and_then(|web| web.public_url.clone()),
            key: None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Broken, Config};
    use std::path::Path;

    const SMALL: &str =
        "[[account]]\nhost = \"imap.example.jp\"\nuser = \"me@example.jp\"\npassword = { env = \"P\" }\n";

    fn parse(text: &str) -> Result<Config, Broken> {
        Config::parse(Path::new("/etc/modori/config.toml"), &format!("{SMALL}{text}"))
    }

    #[test]
    fn nothing_is_repeated_or_served_unless_it_is_written() {
        let config = parse("").unwrap();
        assert_eq!((config.policy.repeat, config.web), (None, None));
        let repeat = parse("[alerts.repeat]\n").unwrap().policy.repeat.unwrap();
        assert_eq!((repeat.every_s, repeat.for_s, repeat.opened, repeat.wanted_only), (120, 600, true, false));
        assert_eq!((repeat.categories, repeat.public_url, repeat.key), (vec!["restock".to_owned()], None, None));
    }

    #[test]
    fn what_is_written_is_read() {
        let text = "[alerts.repeat]\nevery = \"1m\"\nfor = \"5m\"\ncategories = [\"restock\", \"order\"]\nwanted_only = true\n\
                    opened = false\n[web]\nlisten = \"100.64.0.7:8580\"\npublic_url = \"http://100.64.0.7:8580/\"\n";
        let config = parse(text).unwrap();
        let repeat = config.policy.repeat.unwrap();
        assert_eq!((repeat.every_s, repeat.for_s, repeat.opened, repeat.wanted_only), (60, 300, false, true));
        assert_eq!(repeat.categories, ["restock", "order"]);
        assert_eq!(repeat.public_url.as_deref(), Some("http://100.64.0.7:8580"));
        assert_eq!(config.web.unwrap().listen.to_string(), "100.64.0.7:8580");
    }

    #[test]
    fn what_is_wrong_is_shown_where_it_is() {
        for (text, at, says) in [
            ("[alerts.repeat]\nevery = \"5s\"\n", "6:9", "burden"),
            ("[alerts.repeat]\nfor = \"1m\"\n", "6:7", "longer than `every`"),
            ("[alerts.repeat]\nfor = \"2h\"\n", "6:7", "\"1h\" is the longest"),
            ("[alerts.repeat]\nevery = \"40m\"\n", "6:9", "\"1h\" is the longest"),
            ("[alerts.repeat]\ncategories = []\n", "6:14", "nothing would be repeated"),
            ("[alerts.repeat]\ncategories = [\"other\"]\n", "6:15", "nothing is told"),
            ("[alerts.repeat]\nevry = \"2m\"\n", "6:1", "did you mean `every`"),
        ] {
            let broken = parse(text).err().unwrap_or_else(|| panic!("{text} was taken")).to_string();
            assert!(broken.contains(&format!("config.toml:{at}")) && broken.contains(says), "{text}\n{broken}");
        }
    }
}
