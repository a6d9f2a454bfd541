//! The ledger as a command shows it: every order as seen at one time, and the words for it.

use super::{Failure, setup};
use crate::edge::clock::Clock;
use crate::edge::store::Db;
use crate::facts::OrderNumber;
use crate::ledger::due::Settings;
use crate::ledger::{self, Case, Event, Statement};
use crate::letter::{Matter, Replies};
use crate::mailbox::MailKey;
use crate::plan::gate::may_ask_shop;
use crate::wording::{Language, Wording};
use jiff::Timestamp;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// All that is known, seen at one time.
pub(super) struct Seen {
    pub(super) events: Vec<Event>,
    pub(super) statements: Vec<Statement>,
    pub(super) settings: Settings,
    pub(super) cases: BTreeMap<OrderNumber, Case>,
    /// The time it is seen at.
    pub(super) now: Timestamp,
    pub(super) language: Language,
    pub(super) wording: Wording,
    /// In which accounts mails were seen.
    accounts: BTreeMap<MailKey, BTreeSet<String>>,
}

impl Seen {
    /// Opens the ledger and looks at it `at` a time, or now.
    pub(super) fn open(config: Option<&Path>, state: Option<&Path>, at: Option<Timestamp>) -> Result<Self, Failure> {
        let (folder, config) = setup::state(state, config)?;
        let failed = |error: crate::edge::store::StoreError| Failure::new(error.to_string());
        let db = setup::db(&folder)?;
        let settings = config.as_ref().map(|config| config.ledger.clone()).unwrap_or_default();
        let language = config.as_ref().map_or(Language::Ja, |config| config.policy.language);
        let wording = setup::wording(config.as_ref().and_then(|config| config.wording.as_deref()))?;
        let (events, statements) = (db.events().map_err(failed)?, db.statements().map_err(failed)?);
        let now = at.unwrap_or_else(|| Clock::system().now());
        let mut cases = ledger::cases(&events, &statements, &settings, now);
        let replies = setup::replies(config.as_ref())?;
        asked(&db, &mut cases, &replies, &settings, now).map_err(failed)?;
        let accounts = db.accounts_of_mails().map_err(failed)?;
        Ok(Self { events, statements, settings, cases, now, language, wording, accounts })
    }

    /// The accounts that some mails came to.
    pub(super) fn accounts(&self, mails: impl IntoIterator<Item = MailKey>) -> BTreeSet<&str> {
        let all = mails.into_iter().filter_map(|mail| self.accounts.get(&mail)).flatten();
        all.map(String::as_str).collect()
    }

    /// The accounts that the mails of a case came to.
    pub(super) fn accounts_of(&self, case: &Case) -> BTreeSet<&str> {
        self.accounts(case.evidence.iter().map(|one| one.mail))
    }
}

/// How far the inquiry of each case is, and the gate's word on whether the shop may be asked.
fn asked(
    db: &Db,
    cases: &mut BTreeMap<OrderNumber, Case>,
    replies: &Replies,
    settings: &Settings,
    now: Timestamp,
) -> Result<(), crate::edge::store::StoreError> {
    let written = db.orders_with_letters()?;
    let concerned = cases.iter().filter(|(order, case)| case.may_ask_shop || written.contains(order));
    let concerned: Vec<OrderNumber> = concerned.map(|(order, _)| order.clone()).collect();
    for (order, (mails, memory)) in db.kept_for_letters(concerned, now)? {
        if let Some(case) = cases.get_mut(&order) {
            let matter = Matter { case, mails: &mails, memory: &memory, settings, now };
            let may = may_ask_shop(&matter, replies);
            (case.may_ask_shop, case.inquiry) = (may, memory.inquiry());
        }
    }
    Ok(())
}
