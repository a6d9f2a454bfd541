//! `[replies]`: which letters may be written, and as whom.

use super::check::Check;
use super::{Account, syntax};
use crate::letter::{Kind, Replies, Sender, clean_name, is_own_address};
use crate::rules::diagnostic::meant;
use crate::wording::Language;
use std::collections::BTreeSet;
use toml::Spanned;

/// The longest time between two letters, or the oldest mail, in days.
const MOST_DAYS: u16 = 365;
/// Most letters a day that can be asked for: more would be no correspondence.
const MOST_A_DAY: u32 = 50;

impl Check<'_> {
    /// What may be written. While modori only observes nothing is, whatever stands here.
    pub(super) fn replies(&mut self, written: &syntax::Replies, observe: bool, accounts: &[Account]) -> Replies {
        let usual = Replies::default();
        let language = written
            .language
            .as_ref()
            .map_or(Language::Ja, |language| self.one_of(language, [("ja", Language::Ja), ("en", Language::En)]));
        let name = written.name.as_ref().map(|name| name.get_ref().trim().to_owned()).unwrap_or_default();
        if let Some(spanned) = written.name.as_ref().filter(|_| clean_name(&name) != name) {
            let help = "a name of at most 60 characters on one line, without ( ) < > [ ] : ; @ \\ , . \"";
            self.wrong(spanned.span(), "this name cannot stand before an address", help);
        }
        let a_day = written.a_day.as_ref().map_or(usual.a_day, |most| *most.get_ref());
        if let Some(most) = written.a_day.as_ref().filter(|most| !(1..=MOST_A_DAY).contains(most.get_ref())) {
            let help = "drafts = false writes none";
            self.wrong(most.span(), format!("a_day must lie between 1 and {MOST_A_DAY}"), help);
        }
        let send = self.sent(written);
        let drafts = !observe && written.drafts.unwrap_or(true);
        Replies {
            drafts,
            send: if observe { BTreeSet::new() } else { send },
            a_day,
            oldest_days: self.days("oldest_days", written.oldest_days.as_ref(), usual.oldest_days),
            again_after_business_days: self.days(
                "again_after_business_days",
                written.again_after_business_days.as_ref(),
                usual.again_after_business_days,
            ),
            answer_business_days: self.days(
                "answer_business_days",
                written.answer_business_days.as_ref(),
                usual.answer_business_days,
            ),
            language,
            name,
            senders: accounts.iter().filter_map(sender).collect(),
            ..usual
        }
    }

    /// The letters that are sent and not only drafted: each by its own word.
    fn sent(&mut self, written: &syntax::Replies) -> BTreeSet<Kind> {
        let may: Vec<Kind> = Kind::ALL.into_iter().filter(|kind| *kind != Kind::AskRakuten).collect();
        let names: Vec<&str> = may.iter().map(|kind| kind.name()).collect();
        let mut send = BTreeSet::new();
        for (name, yes) in &written.send {
            match may.iter().find(|kind| kind.name() == name.get_ref()) {
                Some(kind) if *yes => {
                    send.insert(*kind);
                }
                Some(_) => {}
                None => {
                    let help = meant(name.get_ref(), &names).map_or_else(
                        || format!("one of {}", names.join(", ")),
                        |known| format!("did you mean `{known}`?"),
                    );
                    self.wrong(
                        name.span(),
                        format!("there is no letter `{}` that could be sent", name.get_ref()),
                        &help,
                    );
                }
            }
        }
        send
    }

    fn days(&mut self, key: &str, written: Option<&Spanned<u16>>, usual: u16) -> u16 {
        let Some(written) = written else { return usual };
        if !(1..=MOST_DAYS).contains(written.get_ref()) {
            self.wrong(written.span(), format!("{key} must lie between 1 and {MOST_DAYS}"), "");
        }
        *written.get_ref()
    }

    /// The address letters are written from, if the account names one.
    pub(super) fn from(&mut self, account: &syntax::Account) -> Option<String> {
        let written = account.from.as_ref()?;
        let address = written.get_ref().trim().to_owned();
        if is_own_address(&address) {
            return Some(address);
        }
        let help = "the address alone: from = \"hanako@example.jp\"; the name is `name` in [replies]";
        self.wrong(written.span(), format!("`{}` is not a plain mail address", written.get_ref()), help);
        None
    }
}

/// As whom an account writes: its `from`, else its login name, else the first of its own addresses.
fn sender(account: &Account) -> Option<Sender> {
    let all = account.from.iter().chain([&account.user]).chain(&account.own_addresses);
    let address = all.into_iter().find(|address| is_own_address(address))?.clone();
    Some(Sender {
        account: account.name.clone(),
        address,
        fixed: account.from.is_some(),
        own: account.own_addresses.clone(),
    })
}
