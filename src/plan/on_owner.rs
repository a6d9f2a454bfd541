//! The shopper decided that a letter shall be written, or its time came.

use super::gate::{By, Request, Ticket, gate};
use super::{Effect, Policy, Wish};
use crate::facts::OrderNumber;
use crate::ledger::Case;
use crate::ledger::case::Inquiry;
use crate::ledger::due::Settings;
use crate::letter::{self, Asked, Correspondence, Kind, Letter, Matter, Memory, Replies, Silence, Unwritten};
use crate::wording::WordingError;
use jiff::{SignedDuration, Timestamp};
use std::borrow::Cow;
use std::collections::BTreeMap;

/// So long is tried to send a letter.
const SENDS_FOR: SignedDuration = SignedDuration::from_hours(24);

/// A letter as it would be written, and whether it may be.
#[derive(Clone, Debug, PartialEq)]
pub struct Proposal {
    /// The letter; without it nobody could be written to, or its template failed.
    pub letter: Option<Letter>,
    /// Subject and text, whoever they may go to.
    pub text: Result<(String, String), WordingError>,
    /// The gate's answer.
    pub answer: Result<Ticket, Vec<Silence>>,
}

/// What a letter would be, and the gate's answer. Nothing follows from it.
#[must_use]
pub fn propose(kind: Kind, by: By, matter: &Matter<'_>, asked: &Asked, replies: &Replies) -> Proposal {
    match letter::write(kind, matter, asked, replies) {
        Ok(letter) => {
            let text = Ok((letter.subject.clone(), letter.body.clone()));
            let answer = gate(&Request { kind, by, letter: Some(&letter) }, matter, replies);
            Proposal { letter: Some(letter), text, answer }
        }
        Err(Unwritten::Template(error)) => Proposal {
            letter: None,
            text: Err(error),
            answer: gate(&Request { kind, by, letter: None }, matter, replies),
        },
        Err(Unwritten::Silent(_)) => {
            let answered = letter::address::choose(kind, matter.case, matter.mails, replies.oldest_days, matter.now);
            let text = letter::text(kind, matter, answered.ok(), asked, replies);
            Proposal { letter: None, text, answer: gate(&Request { kind, by, letter: None }, matter, replies) }
        }
    }
}

/// What the shopper's decision for a letter makes happen: it is laid into Drafts, or, should she wish so and her
/// configuration allow it for this kind, sent.
///
/// # Errors
/// The proposal, should the gate be shut, or the letter not have been written.
pub fn on_owner(
    kind: Kind,
    matter: &Matter<'_>,
    asked: &Asked,
    send: bool,
    replies: &Replies,
) -> Result<(Letter, Wish), Box<Proposal>> {
    let send = send && replies.send.contains(&kind);
    let by = if send { By::OwnerSends } else { By::Owner };
    let proposal = propose(kind, by, matter, asked, replies);
    match (proposal.letter.clone(), proposal.answer.clone()) {
        (Some(letter), Ok(ticket)) => {
            let wish = wish(&letter, ticket, send, matter.now);
            Ok((letter, wish))
        }
        _ => Err(Box::new(proposal)),
    }
}

/// What is kept of an order's mails, and of the letters about it.
pub type Kept = (Vec<Correspondence>, Memory);

/// Letters whose time has come.
#[derive(Debug, Default)]
pub struct LettersDue {
    /// Those that are written now.
    pub wishes: Vec<Wish>,
    /// Orders whose letter waits only because as many were written today as may be, and until when.
    pub later: BTreeMap<OrderNumber, Timestamp>,
}

/// Letters whose time has come: the shop of each case is asked, once. What a template cannot say is not written; the
/// shopper is reminded all the same, and sees why with `modori inquiry ORDER --preview`.
#[must_use]
pub fn letters_due(
    cases: &BTreeMap<OrderNumber, Case>,
    kept: &BTreeMap<OrderNumber, Kept>,
    settings: &Settings,
    policy: &Policy,
    now: Timestamp,
) -> LettersDue {
    let replies = &policy.replies;
    let mut due = LettersDue::default();
    if !replies.drafts || policy.observe {
        return due;
    }
    for (order, case) in cases.iter().filter(|(_, case)| case.may_ask_shop) {
        let Some((mails, memory)) = kept.get(order) else { continue };
        // those of this very moment count, too
        let more = u32::try_from(due.wishes.len()).unwrap_or(u32::MAX);
        let memory = Memory { today: memory.today.saturating_add(more), ..memory.clone() };
        let matter = Matter { case, mails, memory: &memory, settings, now };
        let proposal = propose(Kind::AskShop, By::Time, &matter, &Asked::default(), replies);
        match (proposal.letter, proposal.answer) {
            (Some(letter), Ok(ticket)) => {
                // unless she has looked, nobody knows that it did not come back: such a letter is hers to send
                let send = replies.send.contains(&Kind::AskShop) && case.answered_at.is_some();
                due.wishes.push(wish(&letter, ticket, send, now));
            }
            (_, Err(reasons)) if reasons == [Silence::DailyCap] => {
                due.later.insert(order.clone(), settings.asks_next_day(now));
            }
            _ => {}
        }
    }
    due
}

/// The cases as they are once these letters are decided: a reminder tells of the draft that comes with it.
#[must_use]
pub fn with_letters<'a>(
    cases: &'a BTreeMap<OrderNumber, Case>,
    kept: &BTreeMap<OrderNumber, Kept>,
    letters: &[Wish],
) -> Cow<'a, BTreeMap<OrderNumber, Case>> {
    let mut cases = Cow::Borrowed(cases);
    let before = kept.iter().map(|(order, (_, memory))| (order, memory.inquiry()));
    let now = letters.iter().filter_map(|wish| match &wish.effect {
        Effect::Draft { letter } => Some((&letter.order, Inquiry::Drafted)),
        Effect::Send { letter, .. } => Some((&letter.order, Inquiry::Sending)),
        _ => None,
    });
    for (order, inquiry) in before.chain(now).filter(|(_, inquiry)| *inquiry != Inquiry::None) {
        if let Some(case) = cases.to_mut().get_mut(order) {
            case.inquiry = inquiry;
        }
    }
    cases
}

fn wish(letter: &Letter, ticket: Ticket, send: bool, now: Timestamp) -> Wish {
    let key = format!("letter:{}:{}", letter.order, letter.step);
    let letter = Box::new(letter.clone());
    // what cannot be sent within a day is not news any more: it is laid into Drafts instead
    let until = send.then(|| now.saturating_add(SENDS_FOR).unwrap_or(Timestamp::MAX));
    let effect = if send { Effect::Send { letter, ticket } } else { Effect::Draft { letter } };
    Wish { key, effect, due: now, until, dedupe: Vec::new(), after: Vec::new(), turn: None }
}
