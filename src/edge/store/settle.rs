//! One transaction a message (or a batch): what arrived, what it claims, what should happen.

use super::outbox::{self, Row};
use super::view::IN_VIEW;
use super::{Db, StoreError, agenda, correction, held, letter, millis, seconds};
use crate::ledger::{Event, EventKind};
use crate::mailbox::{MailKey, Place};
use crate::plan::{Effect, Quiet, Same, Step, Use, Wish};
use crate::rules::{Verdict, category};
use jiff::Timestamp;
use rusqlite::{OptionalExtension, Transaction};

/// A message with everything that was found out and decided about it.
#[derive(Clone, Debug)]
pub struct Settling {
    /// Where it lies.
    pub place: Place,
    /// What it is.
    pub key: MailKey,
    /// When the server took it in.
    pub received: Timestamp,
    /// RFC822.SIZE in bytes.
    pub size: u32,
    /// Message-ID.
    pub message_id: Option<String>,
    /// What it is.
    pub verdict: Verdict,
    /// What is known and should happen.
    pub step: Step,
    /// The step that failed on it.
    pub poison: Option<&'static str>,
}

/// What became of it.
#[derive(Clone, Debug, PartialEq)]
pub enum Settled {
    /// It was new. The alerts that are due at once are under way already (`doing`): the caller sends them.
    New {
        /// Alerts to send now.
        alerts: Vec<Row>,
    },
    /// This place was settled before. Filings that were not wished for then (in observe mode) are wished for now.
    KnownPlace,
    /// A message that is known, at another place: it is left where it is, unless that is another account.
    NewPlace,
}

/// Who settles.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum By {
    /// The process that holds the hand: it sends due alerts at once.
    Hand,
    /// Another one: it leaves all effects to the hand.
    Other,
}

/// When a message came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Came {
    /// While its mailbox was watched.
    Live,
    /// Before that.
    Before,
}

impl Db {
    /// Settles messages in one transaction. With `hand`, due alerts are handed back under way.
    ///
    /// # Errors
    /// When the database refuses; nothing is settled then.
    pub fn settle(&mut self, batch: &[Settling], hand: bool, now: Timestamp) -> Result<Vec<Settled>, StoreError> {
        let by = if hand { By::Hand } else { By::Other };
        self.write(|transaction| batch.iter().map(|one| settle_one(transaction, one, by, Came::Live, now)).collect())
    }

    /// The same for messages that had come before their mailbox was watched (again): how long their alerts take is no
    /// measure of the watch.
    ///
    /// # Errors
    /// When the database refuses; nothing is settled then.
    pub fn catch_up(&mut self, batch: &[Settling], hand: bool, now: Timestamp) -> Result<Vec<Settled>, StoreError> {
        let by = if hand { By::Hand } else { By::Other };
        self.write(|transaction| batch.iter().map(|one| settle_one(transaction, one, by, Came::Before, now)).collect())
    }

    /// Enters wishes that no mail is the cause of. With `hand`, alerts that are due are handed back under way. A wish
    /// whose key is known is not entered again.
    ///
    /// # Errors
    /// When the database refuses; none is entered then.
    pub fn wish(&mut self, wishes: &[Wish], hand: bool, now: Timestamp) -> Result<Vec<Row>, StoreError> {
        self.write(|transaction| held::enter_all(transaction, wishes, "", None, hand, now))
    }

    /// The key of the message that was seen at a place.
    ///
    /// # Errors
    /// When the database refuses.
    pub fn key_at(&self, place: &Place) -> Result<Option<MailKey>, StoreError> {
        let sql = "SELECT mail_key FROM place JOIN message ON message.id = place.message \
                   WHERE account = ?1 AND mailbox = ?2 AND uid_validity = ?3 AND uid = ?4";
        let mut query = self.connection.prepare_cached(sql)?;
        let key: Option<String> = query
            .query_row((&place.account, &place.mailbox, place.uid_validity, place.uid), |row| row.get(0))
            .optional()?;
        Ok(key.as_deref().and_then(MailKey::from_hex))
    }

    /// Whether a message is known.
    ///
    /// # Errors
    /// When the database refuses.
    pub fn knows(&self, key: &MailKey) -> Result<bool, StoreError> {
        let mut query = self.connection.prepare_cached("SELECT 1 FROM message WHERE mail_key = ?1")?;
        Ok(query.exists([key.hex()])?)
    }

    /// How many messages each category has.
    ///
    /// # Errors
    /// When the database refuses.
    pub fn counts(&self) -> Result<Vec<(String, u32)>, StoreError> {
        let sql = "SELECT category, count(*) FROM message GROUP BY category ORDER BY category";
        let mut query = self.connection.prepare_cached(sql)?;
        let rows = query.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?;
        Ok(rows.collect::<Result<_, _>>()?)
    }
}

fn settle_one(
    transaction: &Transaction<'_>,
    one: &Settling,
    by: By,
    came: Came,
    now: Timestamp,
) -> Result<Settled, StoreError> {
    let hex = one.key.hex();
    let known: Option<i64> = transaction
        .prepare_cached("SELECT id FROM message WHERE mail_key = ?1")?
        .query_row([&hex], |row| row.get(0))
        .optional()?;
    if let Some(message) = known {
        if add_place(transaction, &one.place, Some(one.received), message)? {
            correction::moved(transaction, message, &one.place, one.message_id.as_deref(), now)?;
            if is_copy(transaction, message, &one.place.account)? {
                file(transaction, one, message, now)?;
            }
            return Ok(Settled::NewPlace);
        }
        let there: bool = transaction
            .prepare_cached(
                "SELECT gone = 0 AND NOT EXISTS (SELECT 1 FROM correction WHERE correction.message = place.message) \
                 AND NOT EXISTS (SELECT 1 FROM outbox WHERE outbox.message = place.message AND wish_key LIKE 'undo:%') \
                 FROM place WHERE account = ?1 AND mailbox = ?2 AND uid_validity = ?3 AND uid = ?4",
            )?
            .query_row((&one.place.account, &one.place.mailbox, one.place.uid_validity, one.place.uid), |row| {
                row.get(0)
            })?;
        if there {
            file(transaction, one, message, now)?;
        }
        return Ok(Settled::KnownPlace);
    }
    let private = one.verdict.category == category::OTHER;
    let mut verdict = one.verdict.clone();
    if private {
        verdict.reasons.clear();
    }
    let mut plan = Vec::new();
    for wish in &one.step.plan {
        if !alerted_already(transaction, wish, &hex, one.received)? {
            plan.push(wish);
        }
    }
    // all that was to be said of it was said of another mail
    let tells = |wish: &Wish| matches!(wish.effect, Effect::Alert { .. } | Effect::Held { .. });
    let said_before = one.step.plan.iter().any(tells) && !plan.iter().any(|wish| tells(wish));
    let quiet = if said_before { Some(Quiet::Same) } else { one.step.quiet };
    transaction
        .prepare_cached(
            "INSERT INTO message (mail_key, received_at, seen_at, size, category, verdict, message_id, poison, caught_up, \
             quiet) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
        )?
        .execute((
            &hex,
            seconds(one.received),
            seconds(now),
            one.size,
            &one.verdict.category,
            json(&verdict, "verdict")?,
            one.message_id.as_deref().filter(|_| !private),
            one.poison,
            came == Came::Before,
            quiet.map(Quiet::word),
        ))?;
    let message = transaction.last_insert_rowid();
    if !add_place(transaction, &one.place, Some(one.received), message)? {
        lost_its_place(transaction, &one.place, message)?;
    }
    add_events(transaction, &one.step.events)?;
    if !one.step.mails.is_empty() {
        letter::keep(transaction, &one.key, &one.step.mails)?;
    }
    super::post::add_signs(transaction, &one.step.signs, one.key)?;
    let hand = by == By::Hand;
    let alerts = held::enter_all(transaction, plan.iter().copied(), &one.place.account, Some(message), hand, now)?;
    for wish in plan {
        remember_alert(transaction, wish, &hex, one.received)?;
    }
    Ok(Settled::New { alerts })
}

/// Whether a message that is known lies in an account for the first time: its very copy came to another one before, and
/// no person moved either.
fn is_copy(transaction: &Transaction<'_>, message: i64, account: &str) -> Result<bool, StoreError> {
    let sql = "SELECT (SELECT count(*) FROM place WHERE message = ?1 AND account = ?2) = 1 \
               AND NOT EXISTS (SELECT 1 FROM correction WHERE message = ?1) \
               AND NOT EXISTS (SELECT 1 FROM outbox WHERE message = ?1 AND wish_key LIKE 'undo:%')";
    Ok(transaction.prepare_cached(sql)?.query_row((message, account), |row| row.get(0))?)
}

/// Wishes for the filing of a known message in the account of this place: under a name of its own where another account
/// had the message first.
fn file(transaction: &Transaction<'_>, one: &Settling, message: i64, now: Timestamp) -> Result<(), StoreError> {
    let account = &one.place.account;
    let home: Option<String> = transaction
        .prepare_cached("SELECT account FROM place WHERE message = ?1 ORDER BY seen_first LIMIT 1")?
        .query_row([message], |row| row.get(0))
        .optional()?;
    let at_home = home.as_ref().is_none_or(|home| home == account);
    // INBOX and All Mail of one Gmail, as two accounts: it is no copy, and filed once
    let sql = format!("SELECT 1 FROM place WHERE message = ?1 AND {IN_VIEW}");
    if !at_home && transaction.prepare_cached(&sql)?.exists([message])? {
        return Ok(());
    }
    for wish in one.step.plan.iter().filter(|wish| matches!(wish.effect, Effect::File { .. })) {
        let mut wish = wish.clone();
        if !at_home {
            wish.key = format!("{}@{account}", wish.key);
        }
        outbox::enter(transaction, &wish, account, Some(message), false, now)?;
    }
    Ok(())
}

/// Another message is known under this number: the server numbered its mail anew in the middle of an answer. The message
/// lies somewhere in the mailbox, under a numbering that is not known yet (0 is no UIDVALIDITY, RFC 3501, 9), and is
/// looked for by what it is when it is to be filed.
fn lost_its_place(transaction: &Transaction<'_>, place: &Place, message: i64) -> Result<(), StoreError> {
    let somewhere = Place { uid_validity: 0, ..place.clone() };
    if add_place(transaction, &somewhere, None, message)? {
        transaction.prepare_cached("UPDATE place SET gone = 1 WHERE message = ?1")?.execute([message])?;
    }
    Ok(())
}

/// `true` when the place was not known. `received`: the date of receipt of what lies there, where it was seen.
pub(super) fn add_place(
    transaction: &Transaction<'_>,
    place: &Place,
    received: Option<Timestamp>,
    message: i64,
) -> Result<bool, StoreError> {
    let sql = "INSERT OR IGNORE INTO place (account, mailbox, uid_validity, uid, message, seen_first, received_at) \
               VALUES (?1, ?2, ?3, ?4, ?5, (SELECT count(*) FROM place WHERE message = ?5), ?6)";
    let mut insert = transaction.prepare_cached(sql)?;
    let received = received.map(seconds);
    Ok(insert.execute((&place.account, &place.mailbox, place.uid_validity, place.uid, message, received))? == 1)
}

/// Appends events; the same claim of the same mail is kept once. Their orders are looked at again.
pub(super) fn add_events(transaction: &Transaction<'_>, events: &[Event]) -> Result<usize, StoreError> {
    let sql = "INSERT INTO event (order_number, mail_key, at, body, cancels, coupon_ends_at) \
               VALUES (?1, ?2, ?3, ?4, ?5, ?6) ON CONFLICT (mail_key, body) DO UPDATE SET retired = 0 WHERE retired = 1";
    let mut insert = transaction.prepare_cached(sql)?;
    let mut added = 0;
    for event in events {
        let order = event.order.as_ref().map(ToString::to_string);
        let cancels =
            event.order.as_ref().is_some_and(|order| crate::ledger::is_cancelled(order, std::slice::from_ref(event)));
        let coupon_ends_at = match &event.kind {
            EventKind::Coupon(coupon) => coupon.expires_at.map(seconds),
            _ => None,
        };
        let values = (order, event.mail.hex(), seconds(event.at), json(event, "event")?, cancels, coupon_ends_at);
        let new = insert.execute(values)?;
        if new > 0 {
            agenda::wake(transaction, event)?;
        }
        added += new;
    }
    Ok(added)
}

/// Whether an alert for the same event, from another mail, left (or will leave) lately.
fn alerted_already(
    transaction: &Transaction<'_>,
    wish: &Wish,
    mail: &str,
    received: Timestamp,
) -> Result<bool, StoreError> {
    let sql = "SELECT 1 FROM alerted WHERE dedupe_key = ?1 AND until > ?2 AND mail_key <> ?3";
    let mut query = transaction.prepare_cached(sql)?;
    for Same { key, .. } in wish.dedupe.iter().filter(|same| same.usage != Use::Leaves) {
        if query.exists((key, millis(received), mail))? {
            return Ok(true);
        }
    }
    Ok(false)
}

fn remember_alert(
    transaction: &Transaction<'_>,
    wish: &Wish,
    mail: &str,
    received: Timestamp,
) -> Result<(), StoreError> {
    let sql = "INSERT INTO alerted (dedupe_key, until, mail_key) VALUES (?1, ?2, ?3) \
               ON CONFLICT (dedupe_key) DO UPDATE SET until = excluded.until, mail_key = excluded.mail_key \
               WHERE excluded.until > until";
    let mut insert = transaction.prepare_cached(sql)?;
    for Same { key, within_s, .. } in wish.dedupe.iter().filter(|same| same.usage != Use::Asks) {
        insert.execute((key, millis(received).saturating_add(within_s.saturating_mul(1000)), mail))?;
    }
    Ok(())
}

pub(super) fn json<T: serde::Serialize>(value: &T, what: &'static str) -> Result<String, StoreError> {
    serde_json::to_string(value).map_err(|error| StoreError::Value { what, error })
}
