//! The flag of a case: which cancellation mails bear \Flagged now and which no longer, and what a flag that the shopper
//! took off says.

use super::announce::Announcement;
use super::link::order_page;
use super::tell::clean;
use super::{Alert, Effect, Policy, Wish};
use crate::facts::OrderNumber;
use crate::ledger::case::{CouponState, State};
use crate::ledger::due::owes_points;
use crate::ledger::{By, Case, Said, Statement};
use crate::mailbox::MailKey;
use crate::rules::{Priority, category};
use crate::wording::ByFlag;
use jiff::Timestamp;
use serde_json::{Map, Value};
use std::collections::{BTreeMap, BTreeSet};

/// The mails that can stand for a case.
const CANCELS: [&str; 4] = ["cancel-confirmed", "cancel-claimed", "cancel-partial", "cancel-pending"];

/// What is on record of the flag of a mail whose message modori knows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Record {
    /// How often it was flagged for a case that opened.
    pub opening: u32,
    /// How it stands with that.
    pub standing: Standing,
}

/// How it stands with a flag.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Standing {
    /// No case wants it: it was never set, or modori removed it again.
    #[default]
    Bare,
    /// A case wants it: it is being set, or was set by modori.
    Flagged,
    /// The shopper had flagged the mail before modori came to it. Her flag is hers.
    Hers,
    /// The shopper took it off; the first look without it was then.
    TakenOff(Timestamp),
}

/// A flag that is to be set or removed.
#[derive(Clone, Debug, PartialEq)]
pub struct Flagging {
    /// Which mail.
    pub mail: MailKey,
    /// The opening it belongs to.
    pub opening: u32,
    /// Whether a case wants it.
    pub set: bool,
    /// What is to be done in the mailbox; nothing, if the flag is the shopper's own.
    pub wish: Option<Wish>,
}

/// The mails of open cases that may bear a flag: what must be known of them is asked for before [`flag`].
#[must_use]
pub fn candidates(cases: &BTreeMap<OrderNumber, Case>) -> BTreeSet<MailKey> {
    cases.values().filter(|case| wants_flag(case)).flat_map(cancels).map(|(_, mail)| mail).collect()
}

/// Which mails are to be flagged now, and which flags of modori's are to be removed. `known`: the record of every mail
/// whose message modori knows, of the candidates and of all that bear a flag. Each opening of a case sets the flag once.
#[must_use]
pub fn flag(
    cases: &BTreeMap<OrderNumber, Case>,
    known: &BTreeMap<MailKey, Record>,
    policy: &Policy,
    now: Timestamp,
) -> Vec<Flagging> {
    if policy.looks().is_none() {
        return Vec::new();
    }
    // of two orders that one mail cancels the later word counts
    let mut wanted: BTreeMap<MailKey, Option<Timestamp>> = BTreeMap::new();
    for case in cases.values().filter(|case| wants_flag(case)) {
        let mails = cancels(case).filter(|(_, mail)| known.contains_key(mail));
        if let Some((_, mail)) = mails.max() {
            let answered = wanted.entry(mail).or_default();
            *answered = (*answered).max(case.answered_at);
        }
    }
    let step = |(mail, record): (&MailKey, &Record)| {
        let again = record.opening.saturating_add(1);
        match (wanted.get(mail), record.standing) {
            (Some(_), Standing::Bare) => Some(set(*mail, again, now)),
            // she said something else since: it is open again
            (Some(answered), Standing::TakenOff(at)) if *answered > Some(at) => Some(set(*mail, again, now)),
            (None, Standing::Flagged) => Some(remove(*mail, record.opening, now)),
            (None, Standing::Hers) => Some(Flagging { mail: *mail, opening: record.opening, set: false, wish: None }),
            _ => None,
        }
    };
    known.iter().filter_map(step).collect()
}

/// Open, and not said to be settled by the flag itself: one that was taken off does not come back by itself.
fn wants_flag(case: &Case) -> bool {
    !case.ended && case.cancelled != State::None && case.answered_by != Some(By::Flag)
}

/// The cancellation mails of a case, each with its weight: the best vouched for, then the latest.
fn cancels(case: &Case) -> impl Iterator<Item = ((crate::mail::TrustLevel, Timestamp), MailKey)> + '_ {
    let cancels = case.evidence.iter().filter(|evidence| CANCELS.contains(&evidence.claim));
    cancels.map(|evidence| ((evidence.trust, evidence.date), evidence.mail))
}

fn set(mail: MailKey, opening: u32, now: Timestamp) -> Flagging {
    // the mail is filed first, so that it is flagged where it stays
    let wish = wish(format!("flag:on:{mail}:{opening}"), true, format!("file:{mail}"), now);
    Flagging { mail, opening, set: true, wish: Some(wish) }
}

fn remove(mail: MailKey, opening: u32, now: Timestamp) -> Flagging {
    let wish = wish(format!("flag:off:{mail}:{opening}"), false, format!("flag:on:{mail}:{opening}"), now);
    Flagging { mail, opening, set: false, wish: Some(wish) }
}

fn wish(key: String, set: bool, after: String, now: Timestamp) -> Wish {
    Wish {
        key,
        effect: Effect::Flag { set },
        due: now,
        until: None,
        dedupe: Vec::new(),
        after: vec![after],
        turn: None,
    }
}

/// What a flag says that was taken off a mail `since` then: points of the cases that the mail cancels came back, as far
/// as they are owed and the shopper has not said something else since. A case that owes no points (the shop still asks;
/// only a coupon is open) gets no word: there is nothing that could have come back.
#[must_use]
pub fn taken_off(cases: &BTreeMap<OrderNumber, Case>, mail: &MailKey, since: Timestamp) -> Vec<Statement> {
    let spoken_of = |case: &&Case| cancels(case).any(|(_, one)| one == *mail);
    let open = cases
        .values()
        .filter(spoken_of)
        .filter(|case| !case.ended && owes_points(case) && case.answered_at.is_none_or(|answered| answered < since));
    let said = Said::Confirm { points: None, expires: None, coupon_back: None };
    open.map(|case| Statement { order: case.order_number.clone(), said: said.clone(), at: since, by: By::Flag })
        .collect()
}

/// Tells the shopper, once on every channel, what was taken from a flag, and how it is undone. `case`: as it was before.
#[must_use]
pub fn announce(statement: &Statement, case: &Case, policy: &Policy, now: Timestamp) -> Vec<Wish> {
    let order = &statement.order;
    let shop = case.shop().map(clean).unwrap_or_default();
    let by_flag = ByFlag {
        order_number: order.to_string(),
        shop,
        points: case.points.expected_back.filter(|points| *points > 0),
        coupon_yen: case.coupon.used_yen.filter(|_| case.coupon.state == CouponState::Check),
    };
    let (title, body) = policy.wording.by_flag(policy.language, &by_flag);
    let text = |text: &Option<String>| text.as_deref().map_or(Value::Null, |text| clean(text).into());
    let details: Map<String, Value> = [
        ("order_number", Value::from(order.as_str())),
        ("shop_code", text(&case.shop_code)),
        ("shop_name", text(&case.shop_name)),
        ("points", by_flag.points.map_or(Value::Null, Value::from)),
        ("undo", format!("modori deny {order}").into()),
    ]
    .into_iter()
    .map(|(key, value)| (key.to_owned(), value))
    .collect();
    let alert = Alert {
        priority: Priority::Normal,
        category: category::CANCELLATION.to_owned(),
        title,
        body,
        url: Some(order_page(order)),
        received: None,
        details,
        ..Alert::default()
    };
    let key = format!("by-flag:{order}:{}", statement.at.as_millisecond());
    Announcement::new(key, alert, policy.gives_up_at(now)).wishes(policy, now)
}

#[cfg(test)]
mod tests;
