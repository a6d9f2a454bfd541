//! May this letter leave? The gate answers with a ticket or with its reasons.

use crate::facts::Cause;
use crate::ledger::case::{CouponState, State};
use crate::ledger::due::owes_points;
use crate::letter::address::{Relay, choose, code_of, is_municipal, questions};
use crate::letter::silence::About;
use crate::letter::{Kind, Letter, Matter, Outcome, Replies, Silence, Written, is_bare_address, message_id, step};
use crate::mail::TrustLevel;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// The permission for one letter. Only the gate makes one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ticket {
    message_id: String,
    /// Who wanted the letter; one of before this was written down counts as decided by its time.
    #[serde(default)]
    by: By,
    /// No gate gave it, and none is asked again.
    #[cfg(any(test, feature = "planted"))]
    #[serde(default)]
    planted: bool,
}

impl Ticket {
    fn of(letter: &Letter, by: By) -> Self {
        Self {
            message_id: letter.message_id.clone(),
            by,
            #[cfg(any(test, feature = "planted"))]
            planted: false,
        }
    }

    /// Whether it is the permission for the letter with this Message-ID.
    #[must_use]
    pub fn is_for(&self, message_id: &str) -> bool {
        self.message_id == message_id
    }

    /// Who wanted the letter that may leave.
    #[must_use]
    pub fn by(&self) -> By {
        self.by
    }

    /// Whether it is one for tests.
    #[cfg(any(test, feature = "planted"))]
    #[must_use]
    pub fn is_planted(&self) -> bool {
        self.planted
    }

    /// Never: only tests plant tickets.
    #[cfg(not(any(test, feature = "planted")))]
    #[must_use]
    pub fn is_planted(&self) -> bool {
        false
    }

    /// A ticket that no gate gave, for tests of what happens to a letter that may leave.
    #[cfg(any(test, feature = "planted"))]
    #[must_use]
    pub fn planted(message_id: &str) -> Self {
        Self { message_id: message_id.to_owned(), by: By::Time, planted: true }
    }
}

/// Who wants a letter.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum By {
    /// Its time came; nobody has looked.
    #[default]
    Time,
    /// The shopper asks for a draft of it, which she reads and sends herself.
    Owner,
    /// The shopper asks for it to be sent at once.
    OwnerSends,
}

/// A letter that wants to leave.
#[derive(Clone, Copy, Debug)]
pub struct Request<'a> {
    /// What it is for.
    pub kind: Kind,
    /// Who wants it.
    pub by: By,
    /// The letter itself, if it could be written.
    pub letter: Option<&'a Letter>,
}

/// May it leave?
///
/// # Errors
/// Every reason why not.
pub fn gate(request: &Request<'_>, matter: &Matter<'_>, replies: &Replies) -> Result<Ticket, Vec<Silence>> {
    let reasons = reasons(request.kind, request.by, matter, replies);
    if !reasons.is_empty() {
        return Err(reasons);
    }
    let mail = choose(request.kind, matter.case, matter.mails, replies.oldest_days, matter.now)?;
    let Some(letter) = request.letter else { return Err(vec![Silence::NoSender]) };
    // not taken on trust: the one recipient is that of the mail, whoever wrote the letter
    let domain = sender_of(letter).rsplit_once('@').map_or("", |(_, domain)| domain);
    let same = letter.to == mail.sender
        && is_bare_address(&letter.to)
        && letter.order == matter.case.order_number
        && letter.step == step(request.kind, matter)
        && letter.message_id == message_id(&letter.order, &letter.step, domain);
    if same { Ok(Ticket::of(letter, request.by)) } else { Err(vec![Silence::OtherShop]) }
}

/// `name <a@b>` → `a@b`.
fn sender_of(letter: &Letter) -> &str {
    letter.from.rsplit_once('<').map_or(letter.from.as_str(), |(_, rest)| rest.trim_end_matches('>'))
}

/// Whether the shop may be asked now, by letter or, where there is no way for one, by its form.
#[must_use]
pub fn may_ask_shop(matter: &Matter<'_>, replies: &Replies) -> bool {
    // that a machine answered keeps modori from writing by itself, not the shopper from asking
    let forbids =
        |silence: &Silence| matches!(silence.about(), About::Order | About::Memory) && *silence != Silence::Loop;
    matter.case.may_ask_shop && !reasons(Kind::AskShop, By::Time, matter, replies).iter().any(forbids)
}

/// What the shopper is told of a draft although it may be laid: what keeps modori from sending it.
#[must_use]
pub fn warnings(kind: Kind, matter: &Matter<'_>, replies: &Replies) -> Vec<Silence> {
    let mut found = reasons(kind, By::OwnerSends, matter, replies);
    let shut = reasons(kind, By::Owner, matter, replies);
    found.retain(|silence| !shut.contains(silence));
    found
}

/// Every reason against a letter of this kind, in the order of [`Silence::ALL`], each once.
#[must_use]
pub fn reasons(kind: Kind, by: By, matter: &Matter<'_>, replies: &Replies) -> Vec<Silence> {
    let mut found = BTreeSet::new();
    let mail = choose(kind, matter.case, matter.mails, replies.oldest_days, matter.now);
    found.extend(mail.err().unwrap_or_default());
    found.extend(of_order(kind, by, matter));
    found.extend(of_memory(kind, by, matter, replies));
    if matter.memory.today >= replies.a_day {
        found.insert(Silence::DailyCap);
    }
    if !replies.drafts {
        found.insert(Silence::Off);
    }
    Silence::ALL.into_iter().filter(|silence| found.contains(silence)).collect()
}

fn of_order(kind: Kind, by: By, matter: &Matter<'_>) -> Vec<Silence> {
    let case = matter.case;
    let mut found = Vec::new();
    let mut say = |holds: bool, silence: Silence| {
        if holds {
            found.push(silence);
        }
    };
    let codes = [case.shop_code.as_deref(), code_of(case, matter.mails)];
    let senders = matter.mails.iter().filter_map(|mail| Relay::of(&mail.sender)).map(|relay| relay.code);
    say(codes.into_iter().flatten().chain(senders).any(is_municipal), Silence::Municipal);
    say(case.cancelled == State::Conflict, Silence::Conflict);
    // thanks come when all is over
    say(case.ended && kind != Kind::Thanks, Silence::Ended);
    if kind.is_answer() {
        say(case.cancelled != State::Pending, Silence::NoQuestion);
    }
    let cancelled = matches!(case.cancelled, State::Claimed | State::Confirmed | State::Partial | State::Conflict);
    say((kind.is_inquiry() || kind == Kind::AskRakuten) && !cancelled, Silence::NotCancelled);
    if kind.is_inquiry() {
        let proof = |claim: &str| matches!(claim, "cancel-confirmed" | "cancel-claimed" | "cancel-partial");
        let proven = case.evidence.iter().any(|one| one.trust == TrustLevel::Verified && proof(one.claim));
        say(cancelled && !proven, Silence::NotProven);
        let owed = owes_points(case) || case.coupon.state == CouponState::Check;
        // what the buyer cancelled herself, or did not pay for, is Rakuten's to give back
        let shop_can = !matches!(case.cause, Some(Cause::Buyer | Cause::Payment));
        say(cancelled && !(owed && shop_can), Silence::NothingOwed);
        let come = case.due.ask_shop_at.is_some_and(|at| at <= matter.now) && case.may_ask_shop;
        say(by == By::Time && !come, Silence::TooEarly);
    }
    found
}

fn of_memory(kind: Kind, by: By, matter: &Matter<'_>, replies: &Replies) -> Vec<Silence> {
    let Matter { memory, settings, now, .. } = *matter;
    let mut found = Vec::new();
    if already_written(kind, matter) {
        found.push(Silence::AlreadyWritten);
    }
    if kind == Kind::AskShopAgain {
        // what lies in Drafts may never have been sent: the second letter would claim what is not so
        let asked = |one: &&Written| !matches!(one.outcome, Outcome::Failed | Outcome::Drafting | Outcome::Drafted);
        match memory.of(Kind::AskShop).filter(asked) {
            None => found.push(Silence::NotAskedBefore),
            Some(before) => {
                let day = crate::calendar::civil(before.at).date();
                let again = settings.calendar.add_business_days(day, replies.again_after_business_days);
                if crate::calendar::civil(now).date() < again {
                    found.push(Silence::TooEarly);
                }
            }
        }
    }
    if memory.written.iter().any(|one| one.outcome == Outcome::Unknown) {
        found.push(Silence::UnknownOutcome);
    }
    // two machines could write to each other for ever; a draft that she reads before she sends it ends that
    if by != By::Owner && memory.written.iter().any(|one| one.looped) {
        found.push(Silence::Loop);
    }
    found
}

/// One letter a case and step; a question has one answer, whichever it was. A question that the shop asks after an answer
/// is another. What could not be written counts not.
fn already_written(kind: Kind, matter: &Matter<'_>) -> bool {
    let memory = matter.memory;
    if !kind.is_answer() {
        return memory.of(kind).is_some_and(|one| one.outcome != Outcome::Failed);
    }
    let Some(last) = memory.answers().map(|answer| answer.at).max() else { return false };
    // counted, too: a shop's clock that is ahead makes no second question of the first
    let asked = questions(matter.case, matter.mails);
    let is_another = asked.first().is_some_and(|question| question.at > last) && asked.len() > memory.answers().count();
    !is_another
}

#[cfg(test)]
mod tests;
