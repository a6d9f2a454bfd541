//! Alerts that await their acknowledgement: entered with what is told, advanced with each repetition, ended by the first
//! acknowledgement, each in one transaction.

use super::outbox::{self, Row};
use super::settle::json;
use super::{Db, StoreError, from_millis, millis};
use crate::mailbox::{MailKey, Place};
use crate::plan::answer::{Again, Awaiting, By, SoFar, Went};
use crate::plan::opened::Reading;
use crate::plan::{Effect, Wish};
use jiff::{SignedDuration, Timestamp};
use rusqlite::{OptionalExtension, Row as SqlRow, Transaction};

/// Why a row is closed that is not needed any more.
pub const ANSWERED: &str = "acknowledged";

/// What became of an acknowledgement.
#[derive(Clone, Debug, PartialEq)]
pub enum Acknowledged {
    /// It is the first, and nothing is repeated any more.
    Now(Awaiting),
    /// There was one before.
    Before(Awaiting),
    /// The alert's time was up.
    Over(Awaiting),
    /// There is no such alert.
    Unknown,
}

/// An alert that a channel took and that nobody has acknowledged yet, or that was acknowledged and is to be withdrawn.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Took {
    /// The channel.
    pub channel: String,
    /// What names it in an acknowledgement.
    pub token: String,
    /// What the channel gave for it.
    pub receipt: Option<String>,
    /// When the channel took it.
    pub accepted: Timestamp,
}

/// An acknowledged alert whose channels were not told of that yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ToWithdraw {
    /// The name of what was told.
    pub told: String,
    /// By what it was acknowledged, as stored ([`By::word`]).
    pub by: String,
    /// What the channels took.
    pub rows: Vec<Took>,
}

/// The mail of an alert that awaits its acknowledgement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AwaitedMail {
    /// The name of what was told.
    pub told: String,
    /// What names it in an acknowledgement.
    pub token: String,
    /// Since when.
    pub since: Timestamp,
    /// What the mail is.
    pub key: MailKey,
    /// RFC822.SIZE in bytes.
    pub size: u32,
    /// What earlier looks found.
    pub reading: Reading,
}

/// An alert of [`Db::awaiting`] with where it stands.
#[derive(Clone, Debug, PartialEq)]
pub struct Waits {
    /// The alert.
    pub awaiting: Awaiting,
    /// The channels that took it, first telling or repetition.
    pub channels: Vec<String>,
}

const COLUMNS: &str = "told, token, message, alert, since, until, next_at, repeats";
/// The rows of an outbox that tell `?1`: its first telling, and its repetitions (between `#` and `$`).
const CHAIN: &str = "(told = ?1 OR (told > ?1 || '#' AND told < ?1 || '$'))";

/// Enters what a wish awaits, with the wish. A repetition bears the token of the first, and enters nothing.
pub(super) fn enter(
    transaction: &Transaction<'_>,
    wish: &Wish,
    message: Option<i64>,
    now: Timestamp,
) -> Result<(), StoreError> {
    let (Effect::Alert { alert, .. }, Some(turn)) = (&wish.effect, &wish.turn) else { return Ok(()) };
    let Some(awaits) = &alert.awaits else { return Ok(()) };
    let after = |seconds: u32| now.saturating_add(SignedDuration::from_secs(i64::from(seconds))).unwrap_or(now);
    let sql = "INSERT OR IGNORE INTO awaiting (told, token, message, alert, since, until, next_at) \
               VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)";
    transaction.prepare_cached(sql)?.execute((
        &turn.of,
        &awaits.token,
        message,
        json(alert, "alert")?,
        millis(now),
        millis(after(awaits.for_s)),
        millis(after(awaits.every_s)),
    ))?;
    Ok(())
}

/// A channel took it. With the first that does, the time for repetition begins: an alert that could not leave for an hour
/// is repeated as long as any other.
pub(super) fn taken(transaction: &Transaction<'_>, id: i64, accepted: Timestamp) -> Result<(), StoreError> {
    let sql = "UPDATE awaiting SET until = until + (?2 - since), next_at = next_at + (?2 - since) \
               WHERE told = (SELECT told FROM outbox WHERE id = ?1) AND ?2 > since AND acknowledged_at IS NULL \
               AND NOT EXISTS (SELECT 1 FROM outbox WHERE told = awaiting.told AND kind = 'alert' AND state = 'done' \
                               AND id <> ?1)";
    transaction.prepare_cached(sql)?.execute((id, millis(accepted)))?;
    Ok(())
}

impl Db {
    /// What tokens are made with: `fresh` if there was nothing yet.
    ///
    /// # Errors
    /// When the database refuses.
    pub fn token_key(&mut self, fresh: [u8; 32]) -> Result<[u8; 32], StoreError> {
        let read = "SELECT key FROM token_key WHERE id = 1";
        let known: Option<[u8; 32]> = self.connection.query_row(read, [], |row| row.get(0)).optional()?;
        if let Some(key) = known {
            return Ok(key);
        }
        self.connection.execute("INSERT OR IGNORE INTO token_key (id, key) VALUES (1, ?1)", [fresh])?;
        // another process may have been first
        Ok(self.connection.query_row(read, [], |row| row.get(0))?)
    }

    /// What awaits its acknowledgement now, the oldest first.
    ///
    /// # Errors
    /// When the database refuses.
    pub fn awaiting(&self, now: Timestamp) -> Result<Vec<Waits>, StoreError> {
        let sql =
            format!("SELECT {COLUMNS} FROM awaiting WHERE acknowledged_at IS NULL AND until > ?1 ORDER BY since, told");
        let all = rows(&self.connection, &sql, [millis(now)])?;
        all.into_iter()
            .map(|awaiting| {
                let went = went(&self.connection, &awaiting.told)?;
                let took = went.into_iter().filter(|one| matches!(one.so_far, SoFar::Accepted(_)));
                let mut channels: Vec<String> = took.map(|one| one.channel).collect();
                channels.sort();
                channels.dedup();
                Ok(Waits { awaiting, channels })
            })
            .collect()
    }

    /// By what each alert that ever awaited it was acknowledged ([`By::word`]), the oldest first.
    ///
    /// # Errors
    /// When the database refuses.
    pub fn acknowledged_by(&self) -> Result<Vec<Option<String>>, StoreError> {
        let mut query = self.connection.prepare_cached("SELECT acknowledged_by FROM awaiting ORDER BY since, told")?;
        Ok(query.query_map([], |row| row.get(0))?.collect::<Result<_, _>>()?)
    }

    /// Repeats what is due: each alert is entered in one transaction with its advance. Answers the repetitions, which are
    /// under way, and when the next one may be due.
    ///
    /// # Errors
    /// When the database refuses; none is entered then.
    pub fn repeat(
        &mut self,
        now: Timestamp,
        again: impl Fn(&Awaiting, &[Went]) -> Again,
    ) -> Result<(Vec<Row>, Option<Timestamp>), StoreError> {
        let next = "SELECT min(next_at) FROM awaiting WHERE acknowledged_at IS NULL AND until > ?1";
        let next_at = |db: &rusqlite::Connection| -> Result<Option<Timestamp>, StoreError> {
            let next: Option<i64> = db.prepare_cached(next)?.query_row([millis(now)], |row| row.get(0))?;
            Ok(next.map(from_millis))
        };
        // looked at before anything is written: the answer is nearly always that nothing is due
        let next = next_at(&self.connection)?;
        if next.is_none_or(|next| next > now) {
            return Ok((Vec::new(), next));
        }
        self.write(|transaction| {
            let sql = format!(
                "SELECT {COLUMNS} FROM awaiting WHERE acknowledged_at IS NULL AND until > ?1 AND next_at <= ?1 \
                 ORDER BY next_at, told"
            );
            let mut alerts = Vec::new();
            let mut soon: Option<Timestamp> = None;
            for one in rows(transaction, &sql, [millis(now)])? {
                let (wishes, next_at, repeats) = match again(&one, &went(transaction, &one.told)?) {
                    Again::Now { wishes, next_at, repeats } => (wishes, next_at, repeats),
                    Again::NotYet(at) => {
                        soon = soon.into_iter().chain(at).min();
                        continue;
                    }
                    Again::Over => continue,
                };
                for wish in &wishes {
                    let at_once = wish.due <= now;
                    let row = outbox::enter(transaction, wish, "", one.message, at_once, now)?;
                    alerts.extend(row.filter(|_| at_once));
                }
                let sql = "UPDATE awaiting SET next_at = ?2, repeats = ?3 WHERE told = ?1";
                transaction.prepare_cached(sql)?.execute((&one.told, millis(next_at), repeats))?;
            }
            let later = next_at(transaction)?.filter(|next| *next > now);
            Ok((alerts, soon.into_iter().chain(later).min()))
        })
    }

    /// The alert of a token is acknowledged. The first acknowledgement ends its repetitions, and what was to follow on
    /// other channels; its first telling goes on where it has not left yet.
    ///
    /// # Errors
    /// When the database refuses.
    pub fn acknowledge(&mut self, token: &str, by: &By, now: Timestamp) -> Result<Acknowledged, StoreError> {
        self.write(|transaction| {
            let standing = standing(transaction, token, now)?;
            let Acknowledged::Now(awaiting) = &standing else { return Ok(standing) };
            let sql = "UPDATE awaiting SET acknowledged_at = ?2, acknowledged_by = ?3 WHERE told = ?1";
            transaction.prepare_cached(sql)?.execute((&awaiting.told, millis(now), by.word()))?;
            close(transaction, &awaiting.told, "'ready'", now)?;
            Ok(standing)
        })
    }

    /// What an acknowledgement would come to now; nothing is changed.
    ///
    /// # Errors
    /// When the database refuses.
    pub fn would_acknowledge(&self, token: &str, now: Timestamp) -> Result<Acknowledged, StoreError> {
        standing(&self.connection, token, now)
    }

    /// Closes the repetitions of acknowledged alerts that would be told after all: one whose attempt failed is ready
    /// again. With `under_way` those, too, that a life of modori left under way; no other attempt is under way then.
    /// Answers how many.
    ///
    /// # Errors
    /// When the database refuses.
    pub fn close_answered(&mut self, under_way: bool, now: Timestamp) -> Result<usize, StoreError> {
        let sql = "SELECT told FROM awaiting WHERE acknowledged_at IS NOT NULL AND until > ?1";
        let answered: Vec<String> = {
            let mut query = self.connection.prepare_cached(sql)?;
            let all = query.query_map([millis(now)], |row| row.get(0))?;
            all.collect::<Result<_, _>>()?
        };
        let states = if under_way { "'ready', 'doing'" } else { "'ready'" };
        let open = format!("SELECT 1 FROM outbox WHERE {} AND state IN ({states})", needless());
        let mut closed = 0;
        for told in answered {
            // looked at before anything is written
            if self.connection.prepare_cached(&open)?.exists([&told])? {
                closed += self.write(|transaction| close(transaction, &told, states, now))?;
            }
        }
        Ok(closed)
    }

    /// What a channel took of the alerts that await their acknowledgement now: one a receipt, and one an alert without.
    ///
    /// # Errors
    /// When the database refuses.
    pub fn unanswered(&self, channel: &str, now: Timestamp) -> Result<Vec<Took>, StoreError> {
        let sql = format!("SELECT {COLUMNS} FROM awaiting WHERE acknowledged_at IS NULL AND until > ?1 ORDER BY since");
        let mut all: Vec<Took> = Vec::new();
        for awaiting in rows(&self.connection, &sql, [millis(now)])? {
            all.extend(told(&self.connection, &awaiting)?.into_iter().filter(|one| one.channel == channel));
        }
        Ok(all)
    }

    /// Acknowledged alerts whose channels were not told of that yet, and of which nothing is under way any more.
    ///
    /// # Errors
    /// When the database refuses.
    pub fn to_withdraw(&self) -> Result<Vec<ToWithdraw>, StoreError> {
        let sql = format!(
            "SELECT {COLUMNS}, acknowledged_by FROM awaiting \
             WHERE acknowledged_at IS NOT NULL AND withdrawn_at IS NULL ORDER BY acknowledged_at, told"
        );
        let mut query = self.connection.prepare_cached(&sql)?;
        let mut found = query.query([])?;
        let mut all = Vec::new();
        while let Some(row) = found.next()? {
            let awaiting = read(row)?;
            let under_way = format!("SELECT 1 FROM outbox WHERE {CHAIN} AND state = 'doing'");
            if self.connection.prepare_cached(&under_way)?.exists([&awaiting.told])? {
                continue;
            }
            let by: Option<String> = row.get(8)?;
            let rows = told(&self.connection, &awaiting)?;
            all.push(ToWithdraw { told: awaiting.told, by: by.unwrap_or_default(), rows });
        }
        Ok(all)
    }

    /// The channels were told that an alert was acknowledged.
    ///
    /// # Errors
    /// When the database refuses.
    pub fn withdrawn(&mut self, told: &str, now: Timestamp) -> Result<(), StoreError> {
        let sql = "UPDATE awaiting SET withdrawn_at = ?2 WHERE told = ?1";
        self.connection.prepare_cached(sql)?.execute((told, millis(now)))?;
        Ok(())
    }

    /// What a channel gave back for an alert it took.
    ///
    /// # Errors
    /// When the database refuses.
    pub fn keep_receipt(&mut self, row: i64, receipt: &str) -> Result<(), StoreError> {
        let sql = "INSERT OR REPLACE INTO receipt (outbox, receipt) VALUES (?1, ?2)";
        self.connection.prepare_cached(sql)?.execute((row, receipt))?;
        Ok(())
    }

    /// The mails of the alerts that await their acknowledgement now, as far as they lie in an account. One that modori
    /// is just moving is left out.
    ///
    /// # Errors
    /// When the database refuses.
    pub fn awaited_mails(&self, account: &str, now: Timestamp) -> Result<Vec<AwaitedMail>, StoreError> {
        let sql = "SELECT told, token, since, mail_key, size, account, mailbox, uid_validity, uid, read, unseen, sought_at, \
                   message.id FROM awaiting JOIN message ON message.id = awaiting.message \
                   WHERE acknowledged_at IS NULL AND until > ?1 AND NOT EXISTS \
                   (SELECT 1 FROM outbox WHERE outbox.message = message.id AND kind = 'file' AND state = 'doing') \
                   ORDER BY since, told";
        let mut query = self.connection.prepare_cached(sql)?;
        let mut rows = query.query([millis(now)])?;
        let mut all = Vec::new();
        while let Some(row) = rows.next()? {
            let key: String = row.get(3)?;
            let Some(key) = MailKey::from_hex(&key) else { continue };
            let read_at = match row.get::<_, Option<String>>(5)? {
                Some(account) => {
                    Some(Place { account, mailbox: row.get(6)?, uid_validity: row.get(7)?, uid: row.get(8)? })
                }
                None => None,
            };
            // where modori itself put it meanwhile comes before where it was read
            let place = match &read_at {
                Some(place) if !self.is_gone(place)? => read_at.clone(),
                Some(place) => {
                    let lies = self.whereabouts_in(row.get(12)?, &place.account)?.map(|(place, _)| place);
                    lies.or_else(|| read_at.clone())
                }
                None => self.whereabouts(row.get(12)?)?.map(|(place, _)| place),
            };
            if place.as_ref().is_none_or(|place| place.account != account) {
                continue;
            }
            let same = place == read_at;
            all.push(AwaitedMail {
                told: row.get(0)?,
                token: row.get(1)?,
                since: from_millis(row.get(2)?),
                key,
                size: row.get(4)?,
                reading: Reading {
                    place,
                    read: same && row.get(9)?,
                    unseen: row.get(10)?,
                    sought_at: row.get::<_, Option<i64>>(11)?.map(from_millis),
                },
            });
        }
        Ok(all)
    }

    /// What looks found, by the name of what was told.
    ///
    /// # Errors
    /// When the database refuses.
    pub fn keep_readings(&mut self, all: &[(String, Reading)]) -> Result<(), StoreError> {
        self.write(|transaction| {
            let sql = "UPDATE awaiting SET account = ?2, mailbox = ?3, uid_validity = ?4, uid = ?5, read = ?6, unseen = ?7, \
                       sought_at = ?8 WHERE told = ?1";
            let mut update = transaction.prepare_cached(sql)?;
            for (told, reading) in all {
                let place = reading.place.as_ref();
                update.execute((
                    told,
                    place.map(|place| &place.account),
                    place.map(|place| &place.mailbox),
                    place.map(|place| place.uid_validity),
                    place.map(|place| place.uid),
                    reading.read,
                    reading.unseen,
                    reading.sought_at.map(millis),
                ))?;
            }
            Ok(())
        })
    }

    /// Why the page with the button cannot be reached; `None`: it can, or is not to be.
    ///
    /// # Errors
    /// When the database refuses.
    pub fn web_is(&mut self, trouble: Option<&str>) -> Result<(), StoreError> {
        let sql = "UPDATE watch SET web_trouble = ?1 WHERE web_trouble IS NOT ?1";
        self.connection.prepare_cached(sql)?.execute([trouble])?;
        Ok(())
    }

    /// Why the page with the button cannot be reached, as far as the last watch said.
    ///
    /// # Errors
    /// When the database refuses.
    pub fn web_trouble(&self) -> Result<Option<String>, StoreError> {
        let sql = "SELECT web_trouble FROM watch WHERE id = 1";
        let found: Option<Option<String>> =
            self.connection.prepare_cached(sql)?.query_row([], |row| row.get(0)).optional()?;
        Ok(found.flatten())
    }
}

/// The rows of an acknowledged alert that nobody needs: repetitions, and channels whose turn had not come.
fn needless() -> String {
    "kind = 'alert' AND ((told = ?1 AND turn > 0) OR (told > ?1 || '#' AND told < ?1 || '$'))".to_owned()
}

fn close(transaction: &Transaction<'_>, told: &str, states: &str, now: Timestamp) -> Result<usize, StoreError> {
    let sql = format!(
        "UPDATE outbox SET state = 'dropped', doing = NULL, closed_at = ?2, last_error = ?3 \
         WHERE {} AND state IN ({states})",
        needless()
    );
    Ok(transaction.prepare_cached(&sql)?.execute((told, millis(now), ANSWERED))?)
}

fn standing(db: &rusqlite::Connection, token: &str, now: Timestamp) -> Result<Acknowledged, StoreError> {
    let sql = format!("SELECT {COLUMNS}, acknowledged_at IS NOT NULL FROM awaiting WHERE token = ?1");
    let mut query = db.prepare_cached(&sql)?;
    let mut found = query.query([token])?;
    let Some(row) = found.next()? else { return Ok(Acknowledged::Unknown) };
    let awaiting = read(row)?;
    let answered: bool = row.get(8)?;
    Ok(match answered {
        true => Acknowledged::Before(awaiting),
        false if awaiting.until <= now => Acknowledged::Over(awaiting),
        false => Acknowledged::Now(awaiting),
    })
}

fn rows(db: &rusqlite::Connection, sql: &str, of: impl rusqlite::Params) -> Result<Vec<Awaiting>, StoreError> {
    let mut query = db.prepare_cached(sql)?;
    let mut found = query.query(of)?;
    let mut all = Vec::new();
    while let Some(row) = found.next()? {
        all.push(read(row)?);
    }
    Ok(all)
}

fn read(row: &SqlRow<'_>) -> Result<Awaiting, StoreError> {
    let alert: String = row.get(3)?;
    Ok(Awaiting {
        told: row.get(0)?,
        token: row.get(1)?,
        message: row.get(2)?,
        alert: serde_json::from_str(&alert).map_err(|error| StoreError::Value { what: "alert", error })?,
        since: from_millis(row.get(4)?),
        until: from_millis(row.get(5)?),
        next_at: from_millis(row.get(6)?),
        repeats: row.get(7)?,
    })
}

/// What became of an alert on each channel.
fn went(db: &rusqlite::Connection, told: &str) -> Result<Vec<Went>, StoreError> {
    let sql = format!("SELECT lane, turn, state, closed_at FROM outbox WHERE {CHAIN} AND kind = 'alert' ORDER BY id");
    let mut query = db.prepare_cached(&sql)?;
    let found = query.query_map([told], |row| {
        let (state, closed_at): (String, Option<i64>) = (row.get(2)?, row.get(3)?);
        let so_far = match (state.as_str(), closed_at) {
            ("done", Some(at)) => SoFar::Accepted(from_millis(at)),
            ("ready" | "doing", _) => SoFar::Open,
            _ => SoFar::Closed,
        };
        Ok(Went { channel: row.get(0)?, place: row.get(1)?, so_far })
    })?;
    Ok(found.collect::<Result<_, _>>()?)
}

/// What channels took of an alert: one a receipt, and one a channel that gave none.
fn told(db: &rusqlite::Connection, awaiting: &Awaiting) -> Result<Vec<Took>, StoreError> {
    let sql = format!(
        "SELECT lane, receipt, closed_at FROM outbox LEFT JOIN receipt ON receipt.outbox = outbox.id \
         WHERE {CHAIN} AND kind = 'alert' AND state = 'done' AND closed_at IS NOT NULL ORDER BY closed_at, id"
    );
    let mut query = db.prepare_cached(&sql)?;
    let found = query.query_map([&awaiting.told], |row| {
        Ok(Took {
            channel: row.get(0)?,
            token: awaiting.token.clone(),
            receipt: row.get(1)?,
            accepted: from_millis(row.get(2)?),
        })
    })?;
    let mut all: Vec<Took> = Vec::new();
    for one in found {
        let one = one?;
        if one.receipt.is_some() || !all.iter().any(|other| other.channel == one.channel && other.receipt.is_none()) {
            all.push(one);
        }
    }
    Ok(all)
}
