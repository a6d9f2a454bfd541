//! Proof of life of each watched mailbox, the watch that runs, and how far the lanes of the outbox are.

use super::settle::json;
use super::{Db, Row, StoreError, from_millis, held, millis, seconds};
use crate::plan::Wish;
use crate::plan::sight::{Life, Reach};
use jiff::Timestamp;
use rusqlite::OptionalExtension;

/// What an earlier life, or a running watch, wrote down of a mailbox.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lived {
    /// What is known of its sight.
    pub life: Life,
    /// When that was written.
    pub kept_at: Timestamp,
}

/// The watch that runs, or ran last.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Watch {
    /// Its process.
    pub pid: u32,
    /// Its version of modori.
    pub version: String,
    /// Since when.
    pub began_at: Timestamp,
    /// Which rules are in use.
    pub rules: String,
    /// Since when.
    pub rules_at: Timestamp,
    /// Why those saved last are not in use.
    pub rules_trouble: Option<String>,
}

/// What became of an alert that is true no more.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TakenBack {
    /// An attempt is under way: it is not known yet.
    pub under_way: bool,
    /// Channels by which it left.
    pub left: Vec<String>,
}

/// A lane of the outbox that has open rows, or that gave up some in the last day.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lane {
    /// `alert`, `file`, `flag`.
    pub kind: String,
    /// Channel, or account.
    pub name: String,
    /// Rows that are not at their end.
    pub open: u32,
    /// Since when the oldest of them waits.
    pub oldest: Option<Timestamp>,
    /// When the next of them is tried.
    pub next: Option<Timestamp>,
    /// Why the last attempt failed, if the last one did.
    pub trouble: Option<String>,
    /// Rows that were given up within a day.
    pub given_up: u32,
}

impl Db {
    /// What is known of every mailbox that was ever watched.
    ///
    /// # Errors
    /// When the database refuses.
    pub fn lives(&self) -> Result<Vec<Lived>, StoreError> {
        let sql = "SELECT account, mailbox, reach, means, since, good_at, blind_since, awake_since, failures, not_before, \
                   trouble, login, told, kept_at FROM life ORDER BY account, mailbox";
        let mut query = self.connection.prepare_cached(sql)?;
        let at = |value: Option<i64>| value.map(from_millis);
        let rows = query.query_map([], |row| {
            let life = Life {
                account: row.get(0)?,
                mailbox: row.get(1)?,
                reach: Reach::of(&row.get::<_, String>(2)?),
                means: row.get(3)?,
                since: from_millis(row.get(4)?),
                good_at: at(row.get(5)?),
                blind_since: at(row.get(6)?),
                awake_since: from_millis(row.get(7)?),
                failures: row.get(8)?,
                not_before: at(row.get(9)?),
                trouble: row.get(10)?,
                login: row.get(11)?,
                // what cannot be read is as good as not told: at worst it is told once more
                told: serde_json::from_str(&row.get::<_, String>(12)?).unwrap_or_default(),
            };
            Ok(Lived { life, kept_at: from_millis(row.get(13)?) })
        })?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// Writes down what is known of some mailboxes and enters what is told of them: one transaction. Answers the alerts,
    /// which are under way already.
    ///
    /// # Errors
    /// When the database refuses.
    pub fn keep_lives(&mut self, lives: &[Life], wishes: &[Wish], now: Timestamp) -> Result<Vec<Row>, StoreError> {
        self.write(|transaction| {
            let sql = "INSERT INTO life (account, mailbox, reach, means, since, good_at, blind_since, awake_since, failures, \
                       not_before, trouble, login, told, kept_at) \
                       VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14) \
                       ON CONFLICT (account, mailbox) DO UPDATE SET reach = excluded.reach, means = excluded.means, \
                       since = excluded.since, good_at = excluded.good_at, blind_since = excluded.blind_since, \
                       awake_since = excluded.awake_since, failures = excluded.failures, \
                       not_before = excluded.not_before, trouble = excluded.trouble, login = excluded.login, \
                       told = excluded.told, kept_at = excluded.kept_at";
            let mut keep = transaction.prepare_cached(sql)?;
            for life in lives {
                keep.execute((
                    &life.account,
                    &life.mailbox,
                    life.reach.word(),
                    &life.means,
                    millis(life.since),
                    life.good_at.map(millis),
                    life.blind_since.map(millis),
                    millis(life.awake_since),
                    life.failures,
                    life.not_before.map(millis),
                    &life.trouble,
                    &life.login,
                    json(&life.told, "what was told")?,
                    millis(now),
                ))?;
            }
            held::enter_all(transaction, wishes, "", None, true, now)
        })
    }

    /// Rows of mailboxes that are no longer watched.
    ///
    /// # Errors
    /// When the database refuses.
    pub fn forget_lives_except(&mut self, watched: &[(String, String)]) -> Result<(), StoreError> {
        let known = json(&watched, "list of mailboxes")?;
        let sql = "DELETE FROM life WHERE json_array(account, mailbox) NOT IN \
                   (SELECT json_array(value ->> 0, value ->> 1) FROM json_each(?1))";
        self.connection.prepare_cached(sql)?.execute([known])?;
        Ok(())
    }

    /// An alert is true no more: what did not leave yet is dropped.
    ///
    /// # Errors
    /// When the database refuses.
    pub fn no_longer_true(&mut self, stem: &str, now: Timestamp) -> Result<TakenBack, StoreError> {
        self.write(|transaction| {
            let sql = "UPDATE outbox SET state = 'dropped', closed_at = ?2, last_error = 'it is true no more' \
                       WHERE wish_key > ?1 AND wish_key < ?1 || char(1114111) AND state = 'ready'";
            transaction.prepare_cached(sql)?.execute((stem, millis(now)))?;
            let sql = "SELECT lane, state FROM outbox WHERE wish_key > ?1 AND wish_key < ?1 || char(1114111) \
                       AND kind = 'alert' AND state IN ('doing', 'done') ORDER BY id";
            let mut taken = TakenBack::default();
            let mut query = transaction.prepare_cached(sql)?;
            let rows = query.query_map([stem], |row| Ok((row.get::<_, String>(0)?, row.get::<_, String>(1)?)))?;
            for row in rows {
                let (lane, state) = row?;
                if state == "done" { taken.left.push(lane) } else { taken.under_way = true }
            }
            Ok(taken)
        })
    }

    /// How many mails came into some mailboxes in a span and were seen after it.
    ///
    /// # Errors
    /// When the database refuses.
    pub fn mails_between(
        &self,
        mailboxes: &[(String, String)],
        from: Timestamp,
        to: Timestamp,
    ) -> Result<u32, StoreError> {
        let known = json(&mailboxes, "list of mailboxes")?;
        let sql = "SELECT count(DISTINCT message.id) FROM message JOIN place ON place.message = message.id \
                   WHERE message.received_at BETWEEN ?2 AND ?3 AND message.seen_at >= ?2 \
                   AND json_array(account, mailbox) IN \
                   (SELECT json_array(value ->> 0, value ->> 1) FROM json_each(?1))";
        let mut query = self.connection.prepare_cached(sql)?;
        Ok(query.query_row((known, seconds(from), seconds(to)), |row| row.get(0))?)
    }

    /// A watch begins.
    ///
    /// # Errors
    /// When the database refuses.
    pub fn watch_began(&mut self, watch: &Watch) -> Result<(), StoreError> {
        let sql = "INSERT OR REPLACE INTO watch (id, pid, version, began_at, rules, rules_at, rules_trouble) \
                   VALUES (1, ?1, ?2, ?3, ?4, ?5, ?6)";
        self.connection.prepare_cached(sql)?.execute((
            watch.pid,
            &watch.version,
            millis(watch.began_at),
            &watch.rules,
            millis(watch.rules_at),
            &watch.rules_trouble,
        ))?;
        Ok(())
    }

    /// Rules were saved while modori watches: either they are in use now, or there is trouble with them.
    ///
    /// # Errors
    /// When the database refuses.
    pub fn rules_saved(&mut self, rules: Result<&str, &str>, now: Timestamp) -> Result<(), StoreError> {
        match rules {
            Ok(rules) => {
                let sql = "UPDATE watch SET rules = ?1, rules_at = ?2, rules_trouble = NULL";
                self.connection.prepare_cached(sql)?.execute((rules, millis(now)))?;
            }
            Err(trouble) => {
                self.connection.prepare_cached("UPDATE watch SET rules_trouble = ?1")?.execute([trouble])?;
            }
        }
        Ok(())
    }

    /// The watch that runs, or ran last.
    ///
    /// # Errors
    /// When the database refuses.
    pub fn last_watch(&self) -> Result<Option<Watch>, StoreError> {
        let sql = "SELECT pid, version, began_at, rules, rules_at, rules_trouble FROM watch WHERE id = 1";
        let watch = self.connection.prepare_cached(sql)?.query_row([], |row| {
            Ok(Watch {
                pid: row.get(0)?,
                version: row.get(1)?,
                began_at: from_millis(row.get(2)?),
                rules: row.get(3)?,
                rules_at: from_millis(row.get(4)?),
                rules_trouble: row.get(5)?,
            })
        });
        Ok(watch.optional()?)
    }

    /// The login of an account was found to work: a watch that waits for the shopper tries at once.
    ///
    /// # Errors
    /// When the database refuses.
    pub fn ask_again(&mut self, account: &str) -> Result<(), StoreError> {
        let sql = "UPDATE life SET ask_again = 1 WHERE account = ?1 AND reach = 'refused'";
        self.connection.prepare_cached(sql)?.execute([account])?;
        Ok(())
    }

    /// The accounts whose login was found to work since this was asked last.
    ///
    /// # Errors
    /// When the database refuses.
    pub fn asked_again(&mut self) -> Result<Vec<String>, StoreError> {
        // looked at before anything is written: it is asked often, and the answer is nearly always no
        if !self.connection.prepare_cached("SELECT 1 FROM life WHERE ask_again = 1")?.exists([])? {
            return Ok(Vec::new());
        }
        let sql = "UPDATE life SET ask_again = 0 WHERE ask_again = 1 RETURNING account";
        let mut query = self.connection.prepare_cached(sql)?;
        Ok(query.query_map([], |row| row.get(0))?.collect::<Result<_, _>>()?)
    }

    /// Whether the database takes writes now: the lock is taken and given back, nothing is written.
    ///
    /// # Errors
    /// When the database refuses.
    pub fn takes_writes(&mut self) -> Result<(), StoreError> {
        let sql = rusqlite::TransactionBehavior::Immediate;
        Ok(self.connection.transaction_with_behavior(sql)?.rollback()?)
    }

    /// The lanes that have something to tell, by kind and name.
    ///
    /// # Errors
    /// When the database refuses.
    pub fn lanes(&self, now: Timestamp) -> Result<Vec<Lane>, StoreError> {
        let day_ago = millis(now) - 24 * 3600 * 1000;
        let sql = "SELECT kind, lane, count(*) FILTER (WHERE state IN ('ready', 'doing')), \
                   min(wished_at) FILTER (WHERE state IN ('ready', 'doing')), \
                   min(due) FILTER (WHERE state = 'ready'), \
                   (SELECT last_error FROM outbox AS one WHERE one.kind = outbox.kind AND one.lane = outbox.lane \
                    AND one.state IN ('ready', 'doing') AND one.last_error IS NOT NULL ORDER BY one.id DESC LIMIT 1), \
                   count(*) FILTER (WHERE state IN ('failed', 'unknown')) \
                   FROM outbox WHERE state IN ('ready', 'doing') OR (state IN ('failed', 'unknown') AND closed_at >= ?1) \
                   GROUP BY kind, lane ORDER BY kind, lane";
        let mut query = self.connection.prepare_cached(sql)?;
        let lanes = query.query_map([day_ago], |row| {
            Ok(Lane {
                kind: row.get(0)?,
                name: row.get(1)?,
                open: row.get(2)?,
                oldest: row.get::<_, Option<i64>>(3)?.map(from_millis),
                next: row.get::<_, Option<i64>>(4)?.map(from_millis),
                trouble: row.get(5)?,
                given_up: row.get(6)?,
            })
        })?;
        Ok(lanes.collect::<Result<_, _>>()?)
    }
}
