//! `[keep]`: how long words of mails are kept.

use super::check::Check;
use crate::ledger::Keep;
use serde::Deserialize;
use toml::Spanned;

/// A hundred years: for ever, as far as this program is concerned.
const MOST_DAYS: u16 = 36_500;

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Written {
    excerpt_days: Option<Spanned<u16>>,
    history_days: Option<Spanned<u16>>,
}

impl Check<'_> {
    pub(super) fn keep_words(&mut self, written: &Written) -> Keep {
        let usual = Keep::default();
        Keep {
            excerpt_days: self.kept_for(written.excerpt_days.as_ref(), usual.excerpt_days),
            history_days: self.kept_for(written.history_days.as_ref(), usual.history_days),
        }
    }

    fn kept_for(&mut self, written: Option<&Spanned<u16>>, usual: u16) -> u16 {
        let Some(days) = written else { return usual };
        if *days.get_ref() > MOST_DAYS {
            self.wrong(days.span(), "this is longer than a hundred years", "36500 days keep everything for ever");
        }
        *days.get_ref()
    }
}
