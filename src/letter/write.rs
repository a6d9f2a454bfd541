//! A case and a template → a letter.

use super::address::{choose, is_of_order_machine, questions};
use super::correspondence::thread;
use super::words::Moment;
use super::{Correspondence, Kind, Letter, Memory, Replies, Sender, Silence, Words, clean};
use crate::calendar::civil;
use crate::facts::{Cause, OrderNumber};
use crate::ledger::case::{CouponState, State};
use crate::ledger::due::Settings;
use crate::ledger::{CLAIMS, Case};
use crate::mail::TrustLevel;
use crate::wording::{Wording, WordingError};
use jiff::Timestamp;
use sha2::{Digest, Sha256};

/// Most characters of names that mails give.
const NAME: usize = 50;
/// Most lines of what happened.
const MOMENTS: usize = 40;

/// What a letter is about: an order with all that bears on it.
#[derive(Clone, Copy, Debug)]
pub struct Matter<'a> {
    /// The order.
    pub case: &'a Case,
    /// What is kept of its mails.
    pub mails: &'a [Correspondence],
    /// What was written before.
    pub memory: &'a Memory,
    /// The clocks.
    pub settings: &'a Settings,
    /// The time.
    pub now: Timestamp,
}

/// Most characters of a wish that a letter says.
pub const LONGEST_WISH: usize = 100;

/// What a letter is asked for with.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Asked {
    /// What she wishes instead, in the shopper's words.
    pub wish: String,
}

/// Why there is no letter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unwritten {
    /// Nobody to write to, or nobody to write as.
    Silent(Vec<Silence>),
    /// Its template.
    Template(WordingError),
}

/// Writes a letter. Whether it may leave is the gate's to say.
///
/// # Errors
/// There is nobody to write to or as, or the template cannot say it.
pub fn write(kind: Kind, matter: &Matter<'_>, asked: &Asked, replies: &Replies) -> Result<Letter, Unwritten> {
    let Matter { case, mails, now, .. } = *matter;
    let mail = choose(kind, case, mails, replies.oldest_days, now).map_err(Unwritten::Silent)?;
    let nobody = || Unwritten::Silent(vec![Silence::NoSender]);
    let (sender, from) = sender(mails, mail, replies).ok_or_else(nobody)?;
    let domain = from.rsplit_once('@').map_or("", |(_, domain)| domain);
    let (subject, body) = text(kind, matter, Some(mail), asked, replies).map_err(Unwritten::Template)?;
    // what a machine sent by itself gives an address, and no thread
    let answered = mail.silence.iter().all(|silence| silence.about() != super::silence::About::Answering);
    let in_reply_to = mail.message_id.clone().filter(|_| answered);
    let mut references = if answered { mail.references.clone() } else { Vec::new() };
    references.retain(|id| Some(id) != in_reply_to.as_ref());
    references.extend(in_reply_to.clone());
    let references = thread(references);
    let name = clean::name(&replies.name);
    let step = step(kind, matter);
    let message_id = message_id(&case.order_number, &step, domain);
    Ok(Letter {
        step,
        order: case.order_number.clone(),
        account: sender.account.clone(),
        from: if name.is_empty() { from.to_owned() } else { format!("{name} <{from}>") },
        to: mail.sender.clone(),
        subject,
        body,
        in_reply_to,
        references,
        message_id,
        answers: kind.is_answer(),
    })
}

/// Which step of its case a letter is. The answer to a question that the shop asked after an earlier answer is a step of
/// its own.
#[must_use]
pub fn step(kind: Kind, matter: &Matter<'_>) -> String {
    let latest = questions(matter.case, matter.mails).into_iter().next().filter(|_| kind.is_answer());
    match latest.filter(|asked| matter.memory.answers().any(|answer| answer.at < asked.at)) {
        Some(asked) => format!("{}:{}", kind.name(), asked.mail.hex().get(..8).unwrap_or_default()),
        None => kind.name().to_owned(),
    }
}

/// The Message-ID of a letter: of order and step, the same whenever it is made again. `domain` is the sender's.
#[must_use]
pub fn message_id(order: &OrderNumber, step: &str, domain: &str) -> String {
    let mut hash = Sha256::new();
    for part in ["modori letter", order.as_str(), step] {
        hash.update(part.as_bytes());
        hash.update([0]);
    }
    let digits = |byte: &u8| [byte >> 4, byte & 15].map(|digit| char::from_digit(u32::from(digit), 16).unwrap_or('0'));
    let hex: String = hash.finalize().iter().take(16).flat_map(digits).collect();
    format!("modori.{hex}@{domain}")
}

/// As whom the shopper writes: from the account and address that got the order's mail (domain document 2.3: the relay
/// may not know another one).
fn sender<'a>(
    mails: &'a [Correspondence],
    answered: &'a Correspondence,
    replies: &'a Replies,
) -> Option<(&'a Sender, &'a str)> {
    let of_mail = |mail: &'a Correspondence| {
        let to = mail.to.as_deref();
        let owns = |one: &&Sender| to.is_some_and(|to| one.own.iter().any(|own| own == to));
        let by_account = replies.senders.iter().find(|one| one.account == mail.account);
        // a mail that another account forwards here came to that account's address
        let by_address = || replies.senders.iter().find(owns);
        let sender = by_account.filter(owns).or_else(by_address).or(by_account)?;
        let got = to.filter(|to| !sender.fixed && sender.own.iter().any(|own| own == to));
        Some((sender, got.unwrap_or(&sender.address)))
    };
    // Rakuten's own mail about the order is sent to the address the order was placed with
    let vouched = |one: &&Correspondence| one.trust == TrustLevel::Verified && is_of_order_machine(&one.sender);
    let mut by_rakuten: Vec<&Correspondence> = mails.iter().filter(vouched).collect();
    // one that came to two accounts: the first in the configuration
    let place = |one: &Correspondence| replies.senders.iter().position(|sender| sender.account == one.account);
    by_rakuten.sort_by_key(|one| (one.to.is_none(), one.at, place(one).unwrap_or(usize::MAX), one.mail));
    let found = by_rakuten.into_iter().chain([answered]).find_map(of_mail);
    let only = || match replies.senders.as_slice() {
        // read from files: the only account there is
        [one] => Some((one, one.address.as_str())),
        _ => None,
    };
    found.or_else(only).filter(|(_, address)| clean::is_own_address(address))
}

/// Subject and text alone: for a form, or to be looked at when there is nobody to write to.
///
/// # Errors
/// The template cannot say it.
pub fn text(
    kind: Kind,
    matter: &Matter<'_>,
    answered: Option<&Correspondence>,
    asked: &Asked,
    replies: &Replies,
) -> Result<(String, String), WordingError> {
    replies.letters.say(replies.language, kind, &words(matter, answered, asked, replies))
}

fn words(matter: &Matter<'_>, answered: Option<&Correspondence>, asked: &Asked, replies: &Replies) -> Words {
    let Matter { case, memory, settings, now, .. } = *matter;
    let some = |number: Option<u64>| number.filter(|number| *number > 0);
    let by = settings.calendar.add_business_days(civil(now).date(), replies.answer_business_days);
    let sent = |one: &&super::Written| one.outcome == super::Outcome::Sent;
    let before = memory.of(Kind::AskShop).filter(sent).map(|one| one.at);
    Words {
        order_number: case.order_number.to_string(),
        shop: case.shop().map(|shop| clean::line(shop, NAME)).unwrap_or_default(),
        name: clean::name(&replies.name),
        ordered_at: case.ordered_at,
        item: case.items.first().map(|item| clean::line(&item.name, NAME)).unwrap_or_default(),
        more_items: case.items.len().saturating_sub(1),
        cancelled_at: case.cancelled_at,
        partial: case.cancelled == State::Partial,
        shop_cause: case.cause == Some(Cause::Shop),
        points_used: some(case.points.used),
        points_outstanding: some(case.points.outstanding),
        points_returned: some(case.points.returned),
        points_unknown: case.points.outstanding.is_none(),
        coupon_used_yen: some(case.coupon.used_yen),
        coupon_missing: case.coupon.state == CouponState::Check,
        looked_at: case.answered_at,
        asked_at: before,
        answer_by: Some(crate::calendar::end_of_day(by)),
        reply_subject: reply_subject(answered, &case.order_number),
        wish: clean::line(&asked.wish, LONGEST_WISH),
        timeline: timeline(case, memory, replies),
    }
}

/// `Re: ` and the subject, once.
fn reply_subject(answered: Option<&Correspondence>, order: &OrderNumber) -> String {
    let subject = answered.map(|mail| mail.subject.as_str()).unwrap_or_default();
    let mut bare = subject.trim();
    while let Some(start) = bare.get(..3).filter(|start| start.eq_ignore_ascii_case("re:")) {
        bare = bare.strip_prefix(start).unwrap_or_default().trim_start();
    }
    if bare.is_empty() { format!("Re: {order}") } else { format!("Re: {}", clean::line(bare, 110)) }
}

/// What verified mails claimed and what the shopper wrote, oldest first.
fn timeline(case: &Case, memory: &Memory, replies: &Replies) -> Vec<Moment> {
    let wording = Wording::default();
    let mut moments: Vec<Moment> = case
        .evidence
        .iter()
        .filter(|proof| CLAIMS.contains(&proof.claim) && proof.trust == TrustLevel::Verified)
        .map(|proof| Moment { at: proof.date, what: wording.claim(replies.language, proof.claim) })
        .collect();
    moments.extend(memory.written.iter().filter(|one| one.outcome == super::Outcome::Sent).map(|one| {
        let what = match replies.language {
            crate::wording::Language::Ja => "ショップへ連絡",
            crate::wording::Language::En => "I wrote to the shop",
        };
        Moment { at: one.at, what: what.to_owned() }
    }));
    moments.sort_by_key(|one| one.at);
    moments.dedup();
    let last = moments.len().saturating_sub(MOMENTS);
    moments.split_off(last)
}

/// What was shown of a letter before it was written, in a few digits: from whom, to whom, subject, text.
#[must_use]
pub fn digest(letter: &Letter) -> String {
    let mut hash = Sha256::new();
    for part in [&letter.from, &letter.to, &letter.subject, &letter.body] {
        hash.update(part.len().to_be_bytes());
        hash.update(part);
    }
    hash.finalize().iter().take(16).map(|byte| format!("{byte:02x}")).collect()
}
