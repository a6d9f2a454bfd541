//! The story of one order, as plain values: made from what the store knows, drawn elsewhere.

use crate::edge::store::{Posted, State as RowState, Story, Way};
use crate::edge::web::pages::waiting::{Ask, Says, ask, says};
use crate::facts::OrderNumber;
use crate::ledger::case::Conflict;
use crate::ledger::due::Settings;
use crate::ledger::giving::amount;
use crate::ledger::word::Mark;
use crate::ledger::{By, Case, Event, Question, Said, claim_of};
use crate::letter::silence::About;
use crate::letter::{self, Asked, Kind, Matter, Replies, Silence, form, mailto};
use crate::mail::TrustLevel;
use crate::mailbox::MailKey;
use crate::plan::gate;
use crate::plan::link::{click_target, order_page};
use crate::plan::on_owner::propose;
use jiff::Timestamp;
use std::collections::BTreeSet;

/// One order.
pub(in crate::edge::web::pages) struct Told<'a> {
    pub(super) case: &'a Case,
    pub(super) story: Vec<Moment<'a>>,
    pub(super) conflicts: &'a [Conflict],
    pub(super) deadlines: Vec<(&'static str, Timestamp, bool)>,
    /// So many of the points used were limited-time ones, as she said last.
    pub(super) limited: Option<(u64, Timestamp)>,
    pub(super) says: Says,
    pub(super) ask: Ask,
    /// Letters that could be written, or why not.
    pub(super) offers: Vec<Kind>,
    pub(super) letters: Vec<Fate<'a>>,
    pub(super) assigns: Vec<Assign<'a>>,
    /// Her own mail program, with the letter in it.
    pub(super) mailto: Option<String>,
    /// The shop's form.
    pub(super) form: String,
    /// The order in the purchase history.
    pub(super) page: Option<String>,
    /// Letters of which it is not known whether they were sent.
    pub(super) doubt: Vec<&'a Posted>,
    /// Drafts that wait to be sent.
    pub(super) drafted: Vec<&'a Posted>,
    pub(super) mark: String,
}

/// One line of the story.
pub(super) struct Moment<'a> {
    pub(super) at: Timestamp,
    pub(super) claim: &'static str,
    pub(super) who: Who<'a>,
    /// The sentence that says so, or what the shopper said.
    pub(super) words: Saying<'a>,
    /// Where the mail lies: account and folder.
    pub(super) lies: Vec<(&'a str, &'a str)>,
}

/// Who said it.
pub(super) enum Who<'a> {
    /// A mail.
    Mail { sender: &'a str, trust: TrustLevel },
    /// The shopper, and how.
    You(By),
}

/// In which words.
pub(super) enum Saying<'a> {
    Excerpt(&'a str),
    Statement(&'a Said),
}

/// What became of a letter.
pub(super) struct Fate<'a> {
    pub(super) letter: &'a Posted,
    /// The label that says so.
    pub(super) fate: &'static str,
    /// Signs about it.
    pub(super) signs: Vec<&'a str>,
}

/// A mail of which the shopper can say whose points it speaks of.
pub(super) struct Assign<'a> {
    pub(super) event: &'a Event,
    /// The orders it may speak of, with what each misses.
    pub(super) orders: Vec<(OrderNumber, Option<u64>)>,
    /// How many it speaks of.
    pub(super) points: Option<u64>,
    /// What a form about it bears.
    pub(super) mark: String,
}

/// What is shown before a letter is written.
pub(in crate::edge::web::pages) struct Preview {
    pub(super) kind: Kind,
    pub(super) from: Option<String>,
    pub(super) to: Option<String>,
    pub(super) subject: String,
    pub(super) body: String,
    /// Why it is not written.
    pub(super) reasons: Vec<Silence>,
    /// Why modori does not send it itself, though it drafts it.
    pub(super) warnings: Vec<Silence>,
    /// What a form that has it written bears: only this text leaves.
    pub(super) digest: String,
    /// The configuration lets it be sent.
    pub(super) sendable: bool,
    pub(super) mailto: Option<String>,
    /// The shop's form is still a way.
    pub(super) form: Option<String>,
    /// Why there is no text, from the template.
    pub(super) trouble: Option<String>,
}

/// An order from its story; `None` when its own case is missing.
pub(in crate::edge::web::pages) fn view<'a>(
    story: &'a Story,
    order: &OrderNumber,
    settings: &Settings,
    replies: &Replies,
    now: Timestamp,
) -> Option<Told<'a>> {
    let case = story.cases.get(order)?;
    let lies = |mail: &MailKey| {
        let places = story.places.get(mail).into_iter().flatten();
        places.map(|place| (place.account.as_str(), place.mailbox.as_str())).collect()
    };
    let mut moments: Vec<Moment<'a>> = case
        .evidence
        .iter()
        .map(|one| Moment {
            at: one.date,
            claim: one.claim,
            who: Who::Mail { sender: &one.sender, trust: one.trust },
            words: Saying::Excerpt(&one.excerpt),
            lies: lies(&one.mail),
        })
        .collect();
    let said = story.statements.iter().filter(|(_, one)| one.at <= now);
    moments.extend(said.map(|(_, one)| Moment {
        at: one.at,
        claim: claim_of(one),
        who: Who::You(one.by),
        words: Saying::Statement(&one.said),
        lies: match &one.said {
            Said::Assign { mail, .. } | Said::Disown { mail } => lies(mail),
            _ => Vec::new(),
        },
    }));
    moments.sort_by_key(|one| one.at);
    let letters: Vec<Fate<'a>> = story.letters.iter().map(|one| fate(one, story)).collect();
    let of_fate = |fate| letters.iter().filter(|one| one.fate == fate).map(|one| one.letter).collect();
    let (mails, memory) = &story.kept;
    let matter = Matter { case, mails, memory, settings, now };
    let asking = propose(Kind::AskShop, gate::By::Owner, &matter, &Asked::default(), replies);
    let link = asking.letter.as_ref().filter(|_| only_the_way(asking.answer.as_ref().err())).map(mailto);
    let limited = story.statements.iter().rev().find_map(|(_, one)| match one.said {
        Said::Limited { points, expires } => Some((points, expires)),
        _ => None,
    });
    Some(Told {
        case,
        story: moments,
        conflicts: &case.conflicts,
        deadlines: deadlines(case),
        limited,
        says: says(case),
        ask: ask(case, &story.kept, settings, replies, now),
        offers: Kind::ALL.into_iter().filter(|kind| is_offered(*kind, case)).collect(),
        doubt: of_fate("case.fate.send-unknown"),
        drafted: of_fate("case.fate.draft-done"),
        letters,
        assigns: case.questions.iter().flat_map(|question| assigns(question, case, story)).collect(),
        mailto: link,
        form: form(order),
        page: click_target(&order_page(order)),
        mark: story.mark.to_string(),
    })
}

/// Letters that anybody would think of writing now; whether one may leave is told when it is looked at.
fn is_offered(kind: Kind, case: &Case) -> bool {
    use crate::ledger::case::State;
    let cancelled = matches!(case.cancelled, State::Claimed | State::Confirmed | State::Partial | State::Conflict);
    match kind {
        _ if kind.is_answer() => case.cancelled == State::Pending && !case.ended,
        Kind::Thanks => cancelled && case.points.returned.is_some_and(|points| points > 0),
        _ => cancelled && !case.ended,
    }
}

/// Nothing speaks against asking, only against a letter.
fn only_the_way(reasons: Option<&Vec<Silence>>) -> bool {
    let way = |reason: &Silence| !matches!(reason.about(), About::Order | About::Memory);
    reasons.is_none_or(|reasons| reasons.iter().all(way))
}

/// The deadlines there are, the soonest first, and whether nobody stated them.
fn deadlines(case: &Case) -> Vec<(&'static str, Timestamp, bool)> {
    let due = &case.due;
    let all = [
        ("look_at", due.look_at),
        ("ask_shop_at", due.ask_shop_at),
        ("ask_rakuten_at", due.ask_rakuten_at),
        ("coupon_check_at", due.coupon_check_at),
        ("coupon_until", due.coupon_until),
        ("reply_by", due.reply_by),
        ("pay_by", due.pay_by),
        ("spend_by", due.spend_by),
        ("late_claim_until", due.late_claim_until),
        ("protection_until", due.protection_until),
    ];
    let there = all.into_iter().filter_map(|(key, at)| at.map(|at| (key, at, case.assumed.contains(&key))));
    let mut there: Vec<_> = there.collect();
    there.sort_by_key(|(_, at, _)| *at);
    there
}

fn fate<'a>(letter: &'a Posted, story: &'a Story) -> Fate<'a> {
    let sent_by_her = letter.way == Way::Draft && letter.error.as_deref() == Some("sent, as you said");
    let signs = story.signs.iter().filter(|(id, _)| *id == letter.letter.message_id && letter.way != Way::Copy);
    Fate {
        letter,
        fate: if sent_by_her { "case.fate.draft-sent" } else { fate_of(letter.way, letter.state) },
        signs: signs.map(|(_, sign)| sign.as_str()).collect(),
    }
}

/// The label that says how far a letter is.
pub(in crate::edge::web::pages) fn fate_of(way: Way, state: RowState) -> &'static str {
    match (way, state) {
        (Way::Draft, RowState::Done) => "case.fate.draft-done",
        (Way::Draft, RowState::Ready | RowState::Doing) => "case.fate.draft-open",
        (Way::Draft, _) => "case.fate.draft-failed",
        (Way::Send, RowState::Done) => "case.fate.send-done",
        (Way::Send, RowState::Ready | RowState::Doing) => "case.fate.send-open",
        (Way::Send, RowState::Unknown) => "case.fate.send-unknown",
        (Way::Send, _) => "case.fate.send-dropped",
        (Way::Copy, RowState::Done) => "case.fate.copy-done",
        (Way::Copy, _) => "case.fate.copy-open",
    }
}

/// The mails that a question is about, and the orders they may speak of.
fn assigns<'a>(question: &Question, case: &Case, story: &'a Story) -> Vec<Assign<'a>> {
    let (mail, orders) = match question {
        Question::WhichOrder { orders, mail, .. } | Question::Together { orders, mail, .. } => (mail, orders.clone()),
        Question::ReturnClaimed { mail: Some(mail), .. } => (mail, vec![case.order_number.clone()]),
        _ => return Vec::new(),
    };
    let missing = |order: &OrderNumber| story.cases.get(order).and_then(|case| case.points.outstanding);
    let about = story.nameless.iter().filter(|event| event.mail.hex().starts_with(mail.as_str()));
    let about = about.filter(|event| matches!(event.kind, crate::ledger::EventKind::Points { .. }));
    about
        .map(|event| Assign {
            event,
            orders: orders.iter().map(|order| (order.clone(), missing(order))).collect(),
            points: amount(event),
            mark: mark_of(event, &shown_with(story, &case.order_number, &event.mail), story).to_string(),
        })
        .collect()
}

/// The orders that are shown with a mail: those that the questions about it name, and the one whose page it is.
pub(in crate::edge::web::pages) fn shown_with(
    story: &Story,
    order: &OrderNumber,
    mail: &MailKey,
) -> BTreeSet<OrderNumber> {
    let mut all = BTreeSet::from([order.clone()]);
    for question in story.cases.get(order).into_iter().flat_map(|case| &case.questions) {
        if let Question::WhichOrder { orders, mail: short, .. } | Question::Together { orders, mail: short, .. } =
            question
            && mail.hex().starts_with(short.as_str())
        {
            all.extend(orders.iter().cloned());
        }
    }
    all
}

fn mark_of(event: &Event, shown: &BTreeSet<OrderNumber>, story: &Story) -> Mark {
    let events: Vec<Event> = story.nameless.iter().filter(|one| one.mail == event.mail).cloned().collect();
    Mark::of_mail(shown.iter().map(|order| (order, story.cases.get(order))), &events, story.mark.statement)
}

/// A letter as it would be written, and whether it may be.
pub(in crate::edge::web::pages) fn preview(
    kind: Kind,
    story: &Story,
    order: &OrderNumber,
    asked: &Asked,
    settings: &Settings,
    replies: &Replies,
    now: Timestamp,
) -> Option<Preview> {
    let case = story.cases.get(order)?;
    let (mails, memory) = &story.kept;
    let matter = Matter { case, mails, memory, settings, now };
    let proposal = propose(kind, gate::By::Owner, &matter, asked, replies);
    let mut reasons = proposal.answer.err().unwrap_or_default();
    let way = only_the_way(Some(&reasons));
    if kind == Kind::AskRakuten {
        // there is no letter that could be kept back: of the order alone there is something to be said
        reasons.retain(|reason| reason.about() == About::Order);
    }
    let (subject, body) = proposal.text.clone().unwrap_or_default();
    let warnings = gate::warnings(kind, &matter, replies);
    Some(Preview {
        kind,
        from: proposal.letter.as_ref().map(|letter| letter.from.clone()),
        to: proposal.letter.as_ref().map(|letter| letter.to.clone()),
        digest: proposal.letter.as_ref().map(letter::digest).unwrap_or_default(),
        subject,
        body,
        // Rakuten has no address
        sendable: kind != Kind::AskRakuten && replies.send.contains(&kind) && warnings.is_empty() && reasons.is_empty(),
        warnings: if replies.send.contains(&kind) { warnings } else { Vec::new() },
        mailto: proposal.letter.as_ref().filter(|_| way && !reasons.is_empty()).map(mailto),
        form: (way && kind.is_inquiry()).then(|| form(order)),
        trouble: proposal.text.err().map(|error| error.to_string()),
        reasons,
    })
}
