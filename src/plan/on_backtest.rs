//! Old mail was judged again by edited rules: what may be done about each.

use crate::rules::{Verdict, label};

/// What is known of an old mail beside its two verdicts.
#[derive(Clone, Copy, Debug)]
pub struct Old<'a> {
    /// The folder it lies in.
    pub lies_in: &'a str,
    /// The mailbox it came to before modori filed it.
    pub home: Option<&'a str>,
    /// modori has a record of it.
    pub known: bool,
    /// A person moved it.
    pub corrected: bool,
}

/// What applying the edited rules does with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Way {
    /// It is filed into this folder.
    To(String),
    /// It is left where it is, and why.
    Stays(&'static str),
}

/// Whether two verdicts differ in what the shopper would notice: the category, or where the mail goes.
#[must_use]
pub fn differs(before: &Verdict, after: &Verdict) -> bool {
    before.category != after.category || before.folder != after.folder
}

/// What may be done about a mail whose verdict changed. Old mail is never alerted; what a person moved, what is suspect
/// and what modori never sorted is left alone.
#[must_use]
pub fn on_backtest(old: &Old<'_>, before: &Verdict, after: &Verdict) -> Way {
    let suspect = |verdict: &Verdict| verdict.labels.contains(label::QUARANTINE);
    if !old.known {
        return Way::Stays("modori has not sorted it yet: `modori sweep` does");
    }
    if old.corrected {
        return Way::Stays("you moved it there yourself");
    }
    if suspect(before) || suspect(after) {
        return Way::Stays("it is suspect: no rule moves it (`modori release` does)");
    }
    if after.labels.contains(label::OWN) {
        return Way::Stays("it is your own");
    }
    match after.folder.as_deref().filter(|folder| !folder.is_empty()).or(old.home) {
        None => Way::Stays("its category has no folder"),
        Some(folder) if folder == old.lies_in => Way::Stays("it lies there already"),
        Some(folder) => Way::To(folder.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    fn verdict(category: &str, folder: Option<&str>, labels: &[&str]) -> Verdict {
        let labels: BTreeSet<String> = labels.iter().map(|label| (*label).to_owned()).collect();
        Verdict { category: category.into(), folder: folder.map(Into::into), labels, ..Verdict::default() }
    }

    #[test]
    fn what_edited_rules_may_do_with_old_mail() {
        let order = verdict("order", Some("注文"), &[]);
        let coupon = verdict("coupon", Some("クーポン"), &[]);
        let other = verdict("other", None, &[]);
        let suspect = verdict("other", Some("要確認"), &["quarantine"]);
        let at = |lies_in| Old { lies_in, home: Some("INBOX"), known: true, corrected: false };
        let to = |folder: &str| Way::To(folder.to_owned());
        assert_eq!(on_backtest(&at("注文"), &order, &coupon), to("クーポン"));
        assert_eq!(
            on_backtest(&at("注文"), &order, &other),
            to("INBOX"),
            "what is nothing goes back where it came from"
        );
        assert_eq!(on_backtest(&at("INBOX"), &other, &order), to("注文"));
        for (old, before, after) in [
            (at("クーポン"), &order, &coupon),
            (at("INBOX"), &order, &other),
            (at("要確認"), &suspect, &order),
            (at("注文"), &order, &suspect),
            (Old { known: false, ..at("INBOX") }, &other, &order),
            (Old { corrected: true, ..at("注文") }, &order, &coupon),
            (Old { home: None, ..at("注文") }, &order, &other),
        ] {
            assert!(matches!(on_backtest(&old, before, after), Way::Stays(_)), "{old:?}");
        }
        assert!(differs(&order, &coupon) && differs(&order, &verdict("order", Some("別"), &[])));
        assert!(!differs(&order, &verdict("order", Some("注文"), &["pending"])));
    }
}
