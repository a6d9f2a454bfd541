//! `[calendar]`: the calendar file that a watch keeps, and the feed.

use super::check::Check;
use serde::Deserialize;
use std::path::PathBuf;
use toml::Spanned;

/// As it is written.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Written {
    file: Option<Spanned<String>>,
    feed: Option<Spanned<bool>>,
    details: Option<bool>,
}

/// The calendar.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Calendar {
    /// The file that a watch keeps; `None`: none.
    pub file: Option<PathBuf>,
    /// The pages serve it, too.
    pub feed: bool,
    /// Order numbers, shops, goods and sums stand in it.
    pub details: bool,
}

impl Default for Calendar {
    fn default() -> Self {
        Self { file: None, feed: false, details: true }
    }
}

impl Check<'_> {
    /// The calendar. A feed needs pages.
    pub(super) fn calendar(&mut self, written: &Written, pages: bool) -> Calendar {
        let file = written.file.as_ref().and_then(|file| {
            let path = self.path(file.get_ref());
            let whole = !file.get_ref().trim().is_empty() && path.file_name().is_some() && !path.is_dir();
            if !whole {
                self.wrong(file.span(), "this names no file", "write it like \"/home/hanako/modori.ics\"");
            }
            whole.then_some(path)
        });
        let feed = written.feed.as_ref().is_some_and(|feed| *feed.get_ref());
        if let Some(feed) = written.feed.as_ref().filter(|feed| *feed.get_ref() && !pages) {
            let help = "write [web]; with public_url = \"https://…\" under it other devices find the feed, too";
            self.wrong(feed.span(), "a feed is served by the pages, and there are none", help);
        }
        Calendar { file, feed, details: written.details.unwrap_or(true) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::edge::config::Config;
    use std::path::Path;

    fn read(text: &str) -> Result<Calendar, String> {
        let text = format!("state = \"/s\"\n{text}");
        Config::parse(Path::new("/c/config.toml"), &text)
            .map(|config| config.calendar)
            .map_err(|error| error.to_string())
    }

    #[test]
    fn a_file_a_feed_and_how_much_they_tell() {
        assert_eq!(read("").unwrap(), Calendar::default());
        let web = "[web]\nlisten = \"127.0.0.1:8580\"\npublic_url = \"https://home.example.jp\"\n";
        let whole = read(&format!("{web}[calendar]\nfile = \"m.ics\"\nfeed = true\ndetails = false\n")).unwrap();
        assert_eq!(whole, Calendar { file: Some("/c/m.ics".into()), feed: true, details: false });
        for (text, said) in [
            ("[calendar]\nfeed = true\n", "served by the pages"),
            ("[calendar]\nfile = \"\"\n", "names no file"),
            ("[calendar]\nfile = \"/\"\n", "names no file"),
            ("[calendar]\nfiel = \"x\"\n", "did you mean `file`"),
        ] {
            let error = read(text).unwrap_err();
            assert!(error.contains(said), "{error}");
        }
    }
}
