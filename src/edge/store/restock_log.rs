//! Restock mails, and what became of each.

use super::near::stored;
use super::outbox::State;
use super::{Db, StoreError, from_millis, from_seconds, is_no_loss, seconds};
use crate::ledger::{Event, EventKind};
use crate::mailbox::MailKey;
use crate::plan::{Alert, Effect, Quiet, Why};
use crate::review::{Fate, Restock, Told};
use crate::rules::category;
use jiff::Timestamp;
use rusqlite::Connection;

/// The end of a span in whole seconds: what is of the second that is not over yet lies before it.
pub(super) fn whole_seconds(until: Timestamp) -> i64 {
    seconds(until).saturating_add(i64::from(until.subsec_nanosecond() > 0))
}

/// A message as its row tells of it.
struct Mail {
    id: i64,
    key: String,
    received: i64,
    seen: i64,
    caught_up: bool,
    quiet: Option<String>,
}

const COLUMNS: &str = "message.id, mail_key, received_at, seen_at, caught_up, quiet";

impl Db {
    /// How many restock mails there are.
    ///
    /// # Errors
    /// When the database refuses.
    pub fn restock_count(&self) -> Result<u64, StoreError> {
        let sql = "SELECT count(*) FROM message WHERE category = ?1";
        let count: i64 = self.connection.prepare_cached(sql)?.query_row([category::RESTOCK], |row| row.get(0))?;
        Ok(u64::try_from(count).unwrap_or_default())
    }

    /// So many restock mails after so many others, newest first.
    ///
    /// # Errors
    /// When the database refuses, or holds a value that cannot be read.
    pub fn restocks(&self, skip: u32, limit: u32) -> Result<Vec<Restock>, StoreError> {
        let sql = format!(
            "SELECT {COLUMNS} FROM message WHERE category = ?1 ORDER BY received_at DESC, id DESC LIMIT ?2 OFFSET ?3"
        );
        self.restocks_of(&sql, (category::RESTOCK, limit, skip))
    }

    /// The restock mails that are of this span of time by their own dates, oldest first. A mail whose own date is not kept
    /// is of the time it was received.
    ///
    /// # Errors
    /// When the database refuses, or holds a value that cannot be read.
    pub fn restocks_between(&self, from: Timestamp, until: Timestamp) -> Result<Vec<Restock>, StoreError> {
        let sql = format!(
            "SELECT {COLUMNS}, coalesce((SELECT min(at) FROM event WHERE event.mail_key = message.mail_key \
             AND retired = 0), received_at) AS happened FROM message \
             WHERE category = ?1 AND happened >= ?2 AND happened < ?3 ORDER BY happened, id"
        );
        self.restocks_of(&sql, (category::RESTOCK, seconds(from), whole_seconds(until)))
    }

    fn restocks_of(&self, sql: &str, values: impl rusqlite::Params) -> Result<Vec<Restock>, StoreError> {
        let mut query = self.connection.prepare_cached(sql)?;
        let mails = query.query_map(values, |row| {
            Ok(Mail {
                id: row.get(0)?,
                key: row.get(1)?,
                received: row.get(2)?,
                seen: row.get(3)?,
                caught_up: row.get(4)?,
                quiet: row.get(5)?,
            })
        })?;
        let mails: Vec<Mail> = mails.collect::<Result<_, _>>()?;
        let mut all = Vec::new();
        for mail in mails {
            all.extend(restock(&self.connection, &mail)?);
        }
        Ok(all)
    }
}

/// What the outbox tells of a mail.
#[derive(Default)]
struct Course {
    alert: Option<Alert>,
    told: Vec<Told>,
    seen: Option<Timestamp>,
    /// Kept back, and whether it is still.
    held: Option<(Why, bool)>,
    /// When a channel took the alert that tells it together with others.
    together: Option<Timestamp>,
    under_way: bool,
    missed: bool,
    /// The name under which it is told.
    name: Option<String>,
}

fn restock(connection: &Connection, mail: &Mail) -> Result<Option<Restock>, StoreError> {
    let Some(key) = MailKey::from_hex(&mail.key) else { return Ok(None) };
    let event = event(connection, &mail.key)?;
    let course = course(connection, mail.id)?;
    let acknowledged = match &course.name {
        Some(name) => acknowledged(connection, name)?,
        None => None,
    };
    let fate = match (&course, mail.quiet.as_deref().and_then(Quiet::of)) {
        (Course { held: Some((why, true)), .. }, _) => Fate::KeptBack(*why),
        (Course { held: Some((why, false)), told, together, .. }, _) if !told.is_empty() || together.is_some() => {
            Fate::ToldLater(*why)
        }
        (course, _) if !course.told.is_empty() => Fate::Told,
        (Course { under_way: true, .. }, _) => Fate::UnderWay,
        (Course { missed: true, .. }, _) => Fate::Missed,
        (_, Some(quiet)) => Fate::Quiet(quiet),
        _ => Fate::Unknown,
    };
    let said = |name: &str| {
        let alert = course.alert.as_ref()?;
        alert.details.get(name)?.as_str().map(str::to_owned)
    };
    let goods = event.as_ref().map(|event| match &event.kind {
        EventKind::Restock { items } => items.clone(),
        _ => Vec::new(),
    });
    Ok(Some(Restock {
        mail: key,
        at: event.as_ref().map_or_else(|| from_seconds(mail.received), |event| event.at),
        received: from_seconds(mail.received),
        seen: course.seen.unwrap_or_else(|| from_seconds(mail.seen)),
        live: !mail.caught_up,
        goods: goods.unwrap_or_default(),
        shop_code: event.and_then(|event| event.shop_code).or_else(|| said("shop_code")),
        shop_name: said("shop_name"),
        title: course.alert.as_ref().map(|alert| alert.title.clone()),
        url: course.alert.as_ref().and_then(|alert| alert.url.clone()),
        // alone, it has an alert of its own
        together: course.together.filter(|_| course.told.is_empty()),
        told: course.told,
        fate,
        acknowledged: acknowledged.flatten(),
        awaited: acknowledged.is_some(),
    }))
}

/// What the mail tells the ledger: of goods that are back, else the first of what it tells.
fn event(connection: &Connection, mail: &str) -> Result<Option<Event>, StoreError> {
    let sql = "SELECT body FROM event WHERE mail_key = ?1 AND retired = 0 ORDER BY id";
    let mut query = connection.prepare_cached(sql)?;
    let mut rows = query.query([mail])?;
    let mut first = None;
    while let Some(row) = rows.next()? {
        let event: Event = stored(row.get_ref(0)?, "event")?;
        if matches!(event.kind, EventKind::Restock { .. }) {
            return Ok(Some(event));
        }
        first.get_or_insert(event);
    }
    Ok(first)
}

fn course(connection: &Connection, message: i64) -> Result<Course, StoreError> {
    // repetitions are no tellings of their own
    let sql = "SELECT payload, state, lane, told, last_error, left_at, accepted_at, seen_at, closed_at FROM outbox \
               LEFT JOIN latency ON latency.outbox = outbox.id \
               WHERE message = ?1 AND kind IN ('alert', 'held') AND (told IS NULL OR instr(told, '#') = 0) \
               ORDER BY accepted_at IS NULL, accepted_at, outbox.id";
    let mut query = connection.prepare_cached(sql)?;
    let mut rows = query.query([message])?;
    let mut course = Course::default();
    while let Some(row) = rows.next()? {
        let effect: Effect = stored(row.get_ref(0)?, "effect")?;
        let state = State::of(&row.get::<_, String>(1)?);
        course.name = course.name.or(row.get(3)?);
        match effect {
            Effect::Held { alert, why, .. } => {
                course.held = Some((why, matches!(state, State::Ready | State::Doing)));
                match (state, row.get::<_, Option<i64>>(8)?) {
                    (State::Done, Some(closed)) => summary(connection, closed, &mut course)?,
                    (State::Dropped | State::Failed | State::Unknown, _) => {
                        let why: Option<String> = row.get(4)?;
                        course.missed |= !why.as_deref().is_some_and(is_no_loss);
                    }
                    _ => {}
                }
                course.alert.get_or_insert(alert);
            }
            Effect::Alert { alert, .. } => {
                course.alert.get_or_insert(alert);
                if let (State::Done, Some(left), Some(accepted)) = (state, row.get(5)?, row.get(6)?) {
                    let channel = row.get(2)?;
                    course.told.push(Told { channel, left: from_millis(left), accepted: from_millis(accepted) });
                    course.seen = course.seen.or(row.get::<_, Option<i64>>(7)?.map(from_millis));
                }
                course.under_way |= matches!(state, State::Ready | State::Doing);
                let why: Option<String> = row.get(4)?;
                course.missed |= matches!(state, State::Dropped | State::Failed | State::Unknown)
                    && !why.as_deref().is_some_and(is_no_loss);
            }
            _ => {}
        }
    }
    Ok(course)
}

/// What became of the alert that told together what was kept back until then: it was written down as these rows were
/// closed, in one transaction.
fn summary(connection: &Connection, closed: i64, course: &mut Course) -> Result<(), StoreError> {
    let sql = "SELECT state, last_error, accepted_at FROM outbox LEFT JOIN latency ON latency.outbox = outbox.id \
               WHERE wish_key >= 'summary:' AND wish_key < 'summary;' AND kind = 'alert' AND wished_at = ?1 \
               AND (told IS NULL OR instr(told, '#') = 0)";
    let mut query = connection.prepare_cached(sql)?;
    let mut rows = query.query([closed])?;
    while let Some(row) = rows.next()? {
        let state = State::of(&row.get::<_, String>(0)?);
        if let (State::Done, Some(accepted)) = (state, row.get::<_, Option<i64>>(2)?) {
            let accepted = from_millis(accepted);
            course.together = Some(course.together.map_or(accepted, |first| first.min(accepted)));
        }
        course.under_way |= matches!(state, State::Ready | State::Doing);
        let why: Option<String> = row.get(1)?;
        course.missed |=
            matches!(state, State::Dropped | State::Failed | State::Unknown) && !why.as_deref().is_some_and(is_no_loss);
    }
    Ok(())
}

/// Whether the shopper is asked to say that she has seen it, and when she did.
fn acknowledged(connection: &Connection, told: &str) -> Result<Option<Option<Timestamp>>, StoreError> {
    let mut query = connection.prepare_cached("SELECT acknowledged_at FROM awaiting WHERE told = ?1")?;
    let mut rows = query.query([told])?;
    Ok(match rows.next()? {
        Some(row) => Some(row.get::<_, Option<i64>>(0)?.map(from_millis)),
        None => None,
    })
}
