//! The shopper's word as it is written down, whichever way she gives it: what she says of an order, that a letter shall
//! be written, that one was sent.

use super::ledger::add_statement;
use super::near::{bodies, near, stored};
use super::post::{self, Posted, Way};
use super::settle::json;
use super::{Db, State, StoreError, letter};
use crate::facts::OrderNumber;
use crate::ledger::due::Settings;
use crate::ledger::word::Mark;
use crate::ledger::{By, Case, Event, Question, Said, Statement};
use crate::letter::{Asked, Kind, Letter, Matter, Replies};
use crate::mailbox::{MailKey, Place};
use crate::plan::on_letter;
use crate::plan::on_owner::{self, Kept, Proposal};
use jiff::Timestamp;
use rusqlite::{Connection, Transaction};
use std::collections::{BTreeMap, BTreeSet};

const AFTER: &str = "SELECT id, body FROM statement WHERE order_number = ?1 AND id > ?2 ORDER BY id";
const LIES: &str = "SELECT mail_key, account, mailbox, uid_validity, uid FROM message \
     JOIN place ON place.message = message.id \
     WHERE gone = 0 AND mail_key IN (SELECT value FROM json_each(?1)) ORDER BY seen_first";
// the key's digits are lower case: `g` follows `f`
const NAMELESS: &str = "SELECT body FROM event WHERE mail_key >= ?1 AND mail_key < ?1 || 'g' \
     AND order_number IS NULL AND retired = 0 ORDER BY id";

/// Why a letter is at its end, by the shopper's word.
const SENT: &str = "sent, as you said";
const NOT_SENT: &str = "not sent, as you said";

/// What became of a word that was given on a form.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Noted {
    /// It is written down; the number of its last statement.
    Now(i64),
    /// The same form was sent before: nothing more is written; the number of its last statement.
    Before(i64),
    /// What the form showed is not so any more: nothing is written.
    Stale,
}

/// What became of the shopper's word on letters that a form showed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LettersSettled {
    /// It is written down.
    Now,
    /// All of them were settled like this before.
    Before,
    /// They are not what the form showed: nothing is written.
    Stale,
}

/// Why a letter is not written.
#[derive(Clone, Debug, PartialEq)]
pub enum Refused {
    /// Nothing is known of the order.
    Unknown,
    /// Another text would leave than the one that was shown.
    Changed,
    /// The gate is shut, or the template failed.
    Gate {
        /// What it would be.
        proposal: Box<Proposal>,
        /// The order's mails were read by a modori that kept no addresses.
        older: bool,
    },
}

/// A letter that is written down: the letter, and its wish's key. `None`: it was written before.
pub type Decided = Result<Option<(Letter, String)>, Refused>;

/// An order with everything that is said of it.
#[derive(Clone, Debug)]
pub struct Story {
    /// The order, and the orders that its questions name.
    pub cases: BTreeMap<OrderNumber, Case>,
    /// What the shopper said of it, with the numbers of her statements, oldest first.
    pub statements: Vec<(i64, Statement)>,
    /// What bears on a letter.
    pub kept: Kept,
    /// Its letters.
    pub letters: Vec<Posted>,
    /// Signs about them.
    pub signs: Vec<(String, String)>,
    /// Where its mails lie.
    pub places: BTreeMap<MailKey, Vec<Place>>,
    /// The mails without an order number that its questions are about.
    pub nameless: Vec<Event>,
    /// What a form about it bears.
    pub mark: Mark,
}

/// The number of the last statement.
pub(super) fn last(connection: &Connection) -> Result<i64, StoreError> {
    let sql = "SELECT coalesce(max(id), 0) FROM statement";
    Ok(connection.prepare_cached(sql)?.query_row([], |row| row.get(0))?)
}

/// Whether anything was said, since a form was made, of the orders that it speaks of; and the number of this form's last
/// statement, if that is all that was said.
fn said_since(
    connection: &Connection,
    order: &OrderNumber,
    mark: &Mark,
    words: &[(OrderNumber, Said)],
    by: By,
) -> Result<(bool, Option<i64>), StoreError> {
    let mut concerned: BTreeSet<&OrderNumber> = words.iter().map(|(order, _)| order).collect();
    concerned.insert(order);
    let (mut latest, mut ours) = (None, true);
    for order in concerned {
        let mut query = connection.prepare_cached(AFTER)?;
        let mut rows = query.query((order.as_str(), mark.statement))?;
        let mut said: Vec<Statement> = Vec::new();
        while let Some(row) = rows.next()? {
            latest = latest.max(Some(row.get::<_, i64>(0)?));
            said.push(stored(row.get_ref(1)?, "statement")?);
        }
        let of_form = words.iter().filter(|(about, _)| about == order).map(|(_, said)| said);
        ours &= said.iter().all(|one| one.by == by) && said.iter().map(|one| &one.said).eq(of_form);
    }
    Ok((latest.is_some(), latest.filter(|_| ours)))
}

/// Writes the words of a form down, once: unless they were, or the form `fits` no more.
fn once(
    transaction: &Transaction<'_>,
    order: &OrderNumber,
    mark: &Mark,
    words: &[(OrderNumber, Said)],
    by: By,
    now: Timestamp,
    fits: impl FnOnce() -> Result<bool, StoreError>,
) -> Result<Noted, StoreError> {
    let (since, ours) = said_since(transaction, order, mark, words, by)?;
    if let Some(id) = ours {
        return Ok(Noted::Before(id));
    }
    if since || !fits()? {
        return Ok(Noted::Stale);
    }
    for (order, said) in words {
        let statement = Statement { order: order.clone(), said: said.clone(), at: now, by };
        add_statement(transaction, &statement, now)?;
    }
    Ok(Noted::Now(last(transaction)?))
}

/// How a letter stands to the shopper's word on it.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Standing {
    /// It waits for her word.
    Open,
    /// Her word was given.
    Settled,
    /// It is something else.
    Other,
}

fn standing(
    connection: &Connection,
    letters: &[Posted],
    (id, shown): (i64, State),
    sent: bool,
) -> Result<Standing, StoreError> {
    let Some(one) = letters.iter().find(|one| one.id == id) else { return Ok(Standing::Other) };
    let said = one.error.as_deref() == Some(if sent { SENT } else { NOT_SENT });
    Ok(match (one.way, shown, one.state) {
        (Way::Send, State::Unknown, State::Unknown) => Standing::Open,
        (Way::Send, State::Unknown, State::Done | State::Dropped) if said => Standing::Settled,
        (Way::Draft, State::Done, State::Done) if sent => {
            if post::draft_waits(connection, id)? {
                Standing::Open
            } else {
                Standing::Settled
            }
        }
        _ => Standing::Other,
    })
}

/// The shopper's word on one letter, whose sending is in doubt or whose draft waits.
fn settle(
    transaction: &Transaction<'_>,
    one: &Posted,
    sent: bool,
    copied: bool,
    now: Timestamp,
) -> Result<bool, StoreError> {
    if one.way == Way::Draft {
        return post::draft_sent(transaction, one.id, SENT, now);
    }
    // the copy bears the time of the attempt that was in doubt
    let copy = || on_letter::sent(one.id, &one.letter, one.begun.unwrap_or(now), one.by);
    let (state, why, wish) = match sent {
        true => (State::Done, SENT, copied.then(copy)),
        false => (State::Dropped, NOT_SENT, Some(on_letter::drafted(one.id, &one.letter, now))),
    };
    let wishes: Vec<_> = wish.into_iter().collect();
    post::end(transaction, one.id, state, Some(why), &wishes, false, now).map(|_| true)
}

impl Db {
    /// An order and all that is said of it; `None` when nothing is known of it.
    ///
    /// # Errors
    /// When the database refuses, or holds a value that cannot be read.
    pub fn story(&self, order: &OrderNumber, settings: &Settings, now: Timestamp) -> Result<Option<Story>, StoreError> {
        let connection = &self.connection;
        // all of one moment, whoever writes meanwhile
        let _moment = connection.unchecked_transaction()?;
        let (case, kept) = letter::about(connection, order, settings, now)?;
        let Some(case) = case else { return Ok(None) };
        let mut named: BTreeSet<OrderNumber> = BTreeSet::new();
        let mut mails: BTreeSet<String> = BTreeSet::new();
        for question in &case.questions {
            match question {
                Question::WhichOrder { orders, mail, .. } | Question::Together { orders, mail, .. } => {
                    named.extend(orders.iter().cloned());
                    mails.insert(mail.clone());
                }
                Question::ReturnClaimed { mail: Some(mail), .. } => drop(mails.insert(mail.clone())),
                _ => {}
            }
        }
        let mut nameless = Vec::new();
        for mail in mails {
            nameless.extend(bodies::<Event>(connection, NAMELESS, [mail], "event")?);
        }
        let mark = Mark::of(Some(&case), last(connection)?);
        let evidence = case.evidence.iter().map(|one| one.mail).chain(nameless.iter().map(|event| event.mail));
        let places = self.places_of(evidence.collect())?;
        let mut cases = match named.is_subset(&BTreeSet::from([order.clone()])) {
            true => BTreeMap::new(),
            false => near(connection, &named, settings, now)?,
        };
        cases.insert(order.clone(), case);
        Ok(Some(Story {
            cases,
            statements: self.statements_of_order(order)?,
            kept,
            letters: self.letters(order)?,
            signs: self.letter_signs(order)?,
            places,
            nameless,
            mark,
        }))
    }

    fn statements_of_order(&self, order: &OrderNumber) -> Result<Vec<(i64, Statement)>, StoreError> {
        let sql = "SELECT id, body FROM statement WHERE order_number = ?1 ORDER BY at, id";
        let mut query = self.connection.prepare_cached(sql)?;
        let mut rows = query.query([order.as_str()])?;
        let mut found = Vec::new();
        while let Some(row) = rows.next()? {
            found.push((row.get(0)?, stored(row.get_ref(1)?, "statement")?));
        }
        Ok(found)
    }

    /// The places at which mails lie now, as far as is known.
    ///
    /// # Errors
    /// When the database refuses.
    pub fn places_of(&self, mails: BTreeSet<MailKey>) -> Result<BTreeMap<MailKey, Vec<Place>>, StoreError> {
        let keys: Vec<String> = mails.iter().map(MailKey::hex).collect();
        let mut query = self.connection.prepare_cached(LIES)?;
        let mut rows = query.query([json(&keys, "list of mails")?])?;
        let mut all: BTreeMap<MailKey, Vec<Place>> = BTreeMap::new();
        while let Some(row) = rows.next()? {
            let Some(key) = MailKey::from_hex(&row.get::<_, String>(0)?) else { continue };
            let place =
                Place { account: row.get(1)?, mailbox: row.get(2)?, uid_validity: row.get(3)?, uid: row.get(4)? };
            all.entry(key).or_default().push(place);
        }
        Ok(all)
    }

    /// A statement by its number.
    ///
    /// # Errors
    /// When the database refuses, or holds a statement that cannot be read.
    pub fn statement(&self, id: i64) -> Result<Option<Statement>, StoreError> {
        Ok(bodies(&self.connection, "SELECT body FROM statement WHERE id = ?1", [id], "statement")?.pop())
    }

    /// Writes down what the shopper says on a form about `order` that bears a mark, once: a form that is sent twice says
    /// nothing twice, and one that shows what is not so any more says nothing.
    ///
    /// # Errors
    /// When the database refuses; nothing is written then.
    pub fn say_once(
        &mut self,
        order: &OrderNumber,
        mark: &Mark,
        words: &[(OrderNumber, Said)],
        by: By,
        settings: &Settings,
        now: Timestamp,
    ) -> Result<Noted, StoreError> {
        self.write(|transaction| {
            once(transaction, order, mark, words, by, now, || {
                let case = near(transaction, &BTreeSet::from([order.clone()]), settings, now)?.remove(order);
                Ok(mark.fits(case.as_ref()))
            })
        })
    }

    /// The same, of whose the points of a mail are: `mark` is one of all `shown` orders and the mail
    /// ([`Mark::of_mail`]), and none of them changed.
    ///
    /// # Errors
    /// When the database refuses; nothing is written then.
    #[allow(clippy::too_many_arguments)]
    pub fn assign_once(
        &mut self,
        order: &OrderNumber,
        shown: &BTreeSet<OrderNumber>,
        mail: &MailKey,
        mark: &Mark,
        words: &[(OrderNumber, Said)],
        by: By,
        settings: &Settings,
        now: Timestamp,
    ) -> Result<Noted, StoreError> {
        self.write(|transaction| {
            once(transaction, order, mark, words, by, now, || {
                let mut shown = shown.clone();
                shown.insert(order.clone());
                let cases = near(transaction, &shown, settings, now)?;
                let events = bodies::<Event>(transaction, NAMELESS, [mail.hex()], "event")?;
                Ok(mark.fits_mail(shown.iter().map(|order| (order, cases.get(order))), &events))
            })
        })
    }

    /// Writes down a letter that the shopper decided on, if the gate lets it leave at this very moment.
    ///
    /// # Errors
    /// When the database refuses; nothing is written then.
    #[allow(clippy::too_many_arguments)]
    pub fn ask_letter(
        &mut self,
        kind: Kind,
        order: &OrderNumber,
        asked: &Asked,
        send: bool,
        replies: &Replies,
        settings: &Settings,
        now: Timestamp,
    ) -> Result<Decided, StoreError> {
        self.ask_letter_shown(kind, order, asked, send, None, replies, settings, now)
    }

    /// The same, of a letter that was shown: only the one with this digest ([`letter_digest`]) is written.
    ///
    /// # Errors
    /// When the database refuses; nothing is written then.
    ///
    /// [`letter_digest`]: crate::letter::digest
    #[allow(clippy::too_many_arguments)]
    pub fn ask_letter_shown(
        &mut self,
        kind: Kind,
        order: &OrderNumber,
        asked: &Asked,
        send: bool,
        shown: Option<&str>,
        replies: &Replies,
        settings: &Settings,
        now: Timestamp,
    ) -> Result<Decided, StoreError> {
        self.write_letter(order, settings, now, |case, (mails, memory)| {
            let Some(case) = case else { return Err(Refused::Unknown) };
            let matter = Matter { case, mails, memory, settings, now };
            let (letter, wish) = on_owner::on_owner(kind, &matter, asked, send, replies)
                // what helps when mails were read before letters were thought of is another thing
                .map_err(|proposal| Refused::Gate { proposal, older: mails.is_empty() && !case.evidence.is_empty() })?;
            if shown.is_some_and(|shown| shown != crate::letter::digest(&letter)) {
                return Err(Refused::Changed);
            }
            Ok(((letter, wish.key.clone()), wish))
        })
    }

    /// The shopper says whether letters about an order were sent: those of which it is not known; if she says that one
    /// was and there is none, the drafts. What is not sent is laid into Drafts; of what is sent a copy is kept if
    /// `copied`. Answers the letters that this is news of.
    ///
    /// # Errors
    /// When the database refuses.
    pub fn letter_was_sent(
        &mut self,
        order: &OrderNumber,
        sent: bool,
        copied: bool,
        now: Timestamp,
    ) -> Result<Vec<Posted>, StoreError> {
        self.write(|transaction| {
            let letters = post::letters(transaction, order)?;
            let (unknown, others): (Vec<Posted>, Vec<Posted>) =
                letters.into_iter().partition(|one| one.way == Way::Send && one.state == State::Unknown);
            let drafts = sent && unknown.is_empty();
            let concerned = match drafts {
                true => others.into_iter().filter(|one| one.way == Way::Draft && one.state == State::Done).collect(),
                false => unknown,
            };
            let mut news = Vec::new();
            for one in concerned {
                if settle(transaction, &one, sent, copied, now)? {
                    news.push(one);
                }
            }
            Ok(news)
        })
    }

    /// The same of exactly those letters that a form showed, each with its state then: one whose sending was in doubt, or
    /// a draft that waited. If one of them is something else now, nothing is written.
    ///
    /// # Errors
    /// When the database refuses; nothing is written then.
    pub fn settle_letters(
        &mut self,
        order: &OrderNumber,
        shown: &[(i64, State)],
        sent: bool,
        copied: bool,
        now: Timestamp,
    ) -> Result<LettersSettled, StoreError> {
        self.write(|transaction| {
            let letters = post::letters(transaction, order)?;
            let mut open = Vec::new();
            for one in shown {
                match standing(transaction, &letters, *one, sent)? {
                    Standing::Open => open.extend(letters.iter().find(|posted| posted.id == one.0)),
                    Standing::Settled => {}
                    Standing::Other => return Ok(LettersSettled::Stale),
                }
            }
            for one in &open {
                settle(transaction, one, sent, copied, now)?;
            }
            Ok(match (shown.is_empty(), open.is_empty()) {
                (true, _) => LettersSettled::Stale,
                (_, true) => LettersSettled::Before,
                _ => LettersSettled::Now,
            })
        })
    }
}
