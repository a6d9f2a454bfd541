//! `[hot]`: when mailboxes are asked far more often.

use super::check::Check;
use super::syntax;
use crate::plan::hot::Hours;
use jiff::SignedDuration;

impl Check<'_> {
    pub(super) fn hot(&mut self, written: syntax::Hot) -> Hours {
        let usual = Hours::default();
        let mut windows = Vec::new();
        for window in &written.windows {
            match window.get_ref().parse() {
                Ok(window) => windows.push(window),
                Err(error) => self.wrong(
                    window.span(),
                    format!("`{}` is {error}", window.get_ref()),
                    "times are those of Tokyo; days may stand before: mon, mon-fri, or a date",
                ),
            }
        }
        let (before, after) = usual.announced.unwrap_or_default();
        let before = self.span(written.before.as_ref(), before);
        let after = self.span(written.after.as_ref(), after);
        Hours {
            windows,
            announced: written.announced.unwrap_or(true).then_some((before, after)),
            wanted: (before, after),
            most_a_day: self.span(written.most_a_day.as_ref(), usual.most_a_day),
            every: self.span(written.every.as_ref(), usual.every),
        }
    }

    fn span(&mut self, written: Option<&toml::Spanned<String>>, usual: SignedDuration) -> SignedDuration {
        let span = self.duration(written, usual.try_into().unwrap_or_default());
        SignedDuration::try_from(span).unwrap_or(usual)
    }
}
