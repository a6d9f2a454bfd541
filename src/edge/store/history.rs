//! What modori did, action by action, and how a filing is taken back or made anew.

use super::outbox::{self, State};
use super::settle::{add_place, json};
use super::{Db, StoreError, from_millis, millis};
use crate::mailbox::{MailKey, Place};
use crate::plan::{Effect, Wish};
use crate::rules::{Reason, Verdict, category};
use jiff::Timestamp;
use rusqlite::{OptionalExtension, Transaction};

/// One action: an alert or a filing, from the wish to its end.
#[derive(Clone, Debug, PartialEq)]
pub struct Action {
    /// Its number: what `modori undo` takes.
    pub id: i64,
    /// The wish's unique key; what stands before its first colons says what caused it.
    pub key: String,
    /// What was done.
    pub effect: Effect,
    /// How far it is.
    pub state: State,
    /// Channel of an alert; account of the others.
    pub lane: String,
    /// The folder a filing took the message from.
    pub origin: Option<String>,
    /// When it was done or given up; when it was wished for, if it is not at its end.
    pub at: Timestamp,
    /// Why it was not done.
    pub error: Option<String>,
    /// Where a letter was laid.
    pub place: Option<Place>,
    /// The message, its category, the rule that decided, and its Message-ID where that is kept.
    pub message: Option<Subject>,
}

/// The message an action is about.
#[derive(Clone, Debug, PartialEq)]
pub struct Subject {
    /// Its number.
    pub id: i64,
    /// What it is.
    pub key: MailKey,
    /// What modori takes it for now.
    pub category: String,
    /// The rule that decided.
    pub rule: Option<String>,
    /// Message-ID without angle brackets.
    pub message_id: Option<String>,
    /// The rule's conditions, each with the words it saw; not kept for `other`.
    pub reasons: Vec<Reason>,
}

/// Which actions are asked for; all of it together.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sought {
    /// Done (or given up, or wished for) from then on ...
    pub since: Option<Timestamp>,
    /// ... and until then.
    pub until: Option<Timestamp>,
    /// Older than this action.
    pub before: Option<i64>,
    /// Of a mail that this rule decided.
    pub rule: Option<String>,
    /// Of a mail that speaks of this order, or about the order itself.
    pub order: Option<String>,
    /// Into this folder, or out of it.
    pub folder: Option<String>,
    /// Of the mail with this Message-ID, or whose key begins so (six digits at least).
    pub mail: Option<String>,
    /// Filings that were carried out, and nothing else.
    pub filed: bool,
}

/// What is on record of a mail.
#[derive(Clone, Debug, PartialEq)]
pub struct Decided {
    /// Its number.
    pub message: i64,
    /// What it was judged.
    pub verdict: Verdict,
    /// A person moved it, in whatever account (two may be of one login): it stays where she put it.
    pub corrected: bool,
    /// The mailbox of the account that it came to before modori filed it.
    pub home: Option<String>,
}

/// A mail that is judged and filed anew.
#[derive(Clone, Debug)]
pub struct Redecided {
    /// Its number.
    pub message: i64,
    /// Where it was seen to lie.
    pub place: Place,
    /// What it is now.
    pub verdict: Verdict,
    /// The filing.
    pub wish: Wish,
}

impl Db {
    /// Actions, newest first.
    ///
    /// # Errors
    /// When the database refuses.
    pub fn history(&self, since: Option<Timestamp>, limit: u32) -> Result<Vec<Action>, StoreError> {
        self.history_of(&Sought { since, ..Sought::default() }, limit)
    }

    /// The actions that are asked for, newest first.
    ///
    /// # Errors
    /// When the database refuses.
    pub fn history_of(&self, sought: &Sought, limit: u32) -> Result<Vec<Action>, StoreError> {
        let condition = "coalesce(closed_at, wished_at) BETWEEN ?1 AND ?2 \
             AND (?3 IS NULL OR (coalesce(closed_at, wished_at), outbox.id) < \
                 (SELECT coalesce(closed_at, wished_at), id FROM outbox AS last WHERE last.id = ?3)) \
             AND (?4 IS NULL OR json_extract(verdict, '$.rule') = ?4) \
             AND (?5 IS NULL OR mail_key IN (SELECT mail_key FROM event WHERE order_number = ?5) \
                 OR json_extract(payload, '$.letter.order') = ?5 OR instr(wish_key, ':' || ?5 || ':') > 0) \
             AND (?6 IS NULL OR origin = ?6 OR laid.mailbox = ?6 OR json_extract(payload, '$.folder') = ?6) \
             AND (?7 IS NULL OR message_id = ?7 OR (length(?7) >= 6 AND substr(mail_key, 1, length(?7)) = ?7)) \
             AND (?8 = 0 OR (kind = 'file' AND state = 'done')) \
             ORDER BY coalesce(closed_at, wished_at) DESC, outbox.id DESC LIMIT ?9";
        let values = (
            sought.since.map_or(i64::MIN, millis),
            // the whole of the last second
            sought.until.map_or(i64::MAX, |until| millis(until).saturating_add(999)),
            sought.before,
            &sought.rule,
            &sought.order,
            &sought.folder,
            &sought.mail,
            sought.filed,
            limit,
        );
        self.actions(condition, values)
    }

    /// One action by its number.
    ///
    /// # Errors
    /// When the database refuses.
    pub fn action(&self, id: i64) -> Result<Option<Action>, StoreError> {
        Ok(self.actions("outbox.id = ?1", [id])?.pop())
    }

    fn actions(&self, condition: &str, values: impl rusqlite::Params) -> Result<Vec<Action>, StoreError> {
        let sql = format!(
            "SELECT outbox.id, wish_key, payload, lane, state, origin, coalesce(closed_at, wished_at), last_error, \
             message.id, mail_key, category, json_extract(verdict, '$.rule'), message_id, \
             laid.account, laid.mailbox, laid.uid_validity, laid.uid, json_extract(verdict, '$.reasons') FROM outbox \
             LEFT JOIN message ON message.id = outbox.message LEFT JOIN laid ON laid.outbox = outbox.id WHERE {condition}"
        );
        let mut query = self.connection.prepare(&sql)?;
        let mut rows = query.query(values)?;
        let mut actions = Vec::new();
        while let Some(row) = rows.next()? {
            let payload: String = row.get(2)?;
            let effect = serde_json::from_str(&payload).map_err(|error| StoreError::Value { what: "effect", error })?;
            let state: String = row.get(4)?;
            let key: Option<String> = row.get(9)?;
            let message = match (row.get::<_, Option<i64>>(8)?, key.as_deref().and_then(MailKey::from_hex)) {
                (Some(id), Some(key)) => {
                    let reasons: Option<String> = row.get(17)?;
                    // a damaged reason keeps nobody from seeing what was done
                    let reasons = reasons.and_then(|text| serde_json::from_str(&text).ok()).unwrap_or_default();
                    let (category, rule, message_id) = (row.get(10)?, row.get(11)?, row.get(12)?);
                    Some(Subject { id, key, category, rule, message_id, reasons })
                }
                _ => None,
            };
            let account: Option<String> = row.get(13)?;
            let place = match account {
                Some(account) => {
                    Some(Place { account, mailbox: row.get(14)?, uid_validity: row.get(15)?, uid: row.get(16)? })
                }
                None => None,
            };
            actions.push(Action {
                id: row.get(0)?,
                key: row.get(1)?,
                effect,
                state: State::of(&state),
                lane: row.get(3)?,
                origin: row.get(5)?,
                at: from_millis(row.get(6)?),
                error: row.get(7)?,
                place,
                message,
            });
        }
        Ok(actions)
    }

    /// What is on record of a mail in an account; `None` when it is not known.
    ///
    /// # Errors
    /// When the database refuses.
    pub fn decided(&self, key: &MailKey, account: &str) -> Result<Option<Decided>, StoreError> {
        let sql = "SELECT id, verdict, EXISTS (SELECT 1 FROM correction WHERE correction.message = message.id) \
                   FROM message WHERE mail_key = ?1";
        let mut query = self.connection.prepare_cached(sql)?;
        let found: Option<(i64, String, bool)> =
            query.query_row([key.hex()], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?))).optional()?;
        let Some((message, verdict, corrected)) = found else { return Ok(None) };
        let home = self.home(message, account)?;
        let verdict = serde_json::from_str(&verdict).map_err(|error| StoreError::Value { what: "verdict", error })?;
        Ok(Some(Decided { message, verdict, corrected, home }))
    }

    /// Judges and files mails anew, in one transaction; answers how many. One that was moved meanwhile is left out.
    ///
    /// # Errors
    /// When the database refuses; nothing is changed then.
    pub fn redecide(&mut self, all: &[Redecided], now: Timestamp) -> Result<usize, StoreError> {
        self.write(|transaction| {
            let mut done = 0;
            for one in all {
                let there = "SELECT EXISTS (SELECT 1 FROM place WHERE account = ?2 AND mailbox = ?3 AND uid_validity = ?4 AND uid = ?5 \
                             AND message = ?1 AND gone = 0) \
                             AND NOT EXISTS (SELECT 1 FROM correction WHERE message = ?1) \
                             AND NOT EXISTS (SELECT 1 FROM outbox WHERE message = ?1 AND kind = 'file' AND lane = ?2 AND state IN ('ready', 'doing'))";
                let there: bool = transaction.prepare_cached(there)?.query_row(
                    (one.message, &one.place.account, &one.place.mailbox, one.place.uid_validity, one.place.uid),
                    |row| row.get(0),
                )?;
                if !there {
                    continue;
                }
                let row = outbox::enter(transaction, &one.wish, &one.place.account, Some(one.message), false, now)?;
                let Some(row) = row else { continue };
                transaction
                    .prepare_cached("INSERT INTO redecided (outbox, category, verdict) SELECT ?1, category, verdict FROM message WHERE id = ?2")?
                    .execute((row.id, one.message))?;
                judged(transaction, one.message, &one.verdict)?;
                done += 1;
            }
            Ok(done)
        })
    }

    /// Takes filings back, all in one transaction: each message goes to its wish's folder, and what a back-test had made
    /// of it is as before. `false` for one of which that was asked before.
    ///
    /// # Errors
    /// When the database refuses; nothing is changed then.
    pub fn take_back(&mut self, all: &[(Action, Wish)], now: Timestamp) -> Result<Vec<bool>, StoreError> {
        self.write(|transaction| all.iter().map(|(action, wish)| taken_back(transaction, action, wish, now)).collect())
    }

    /// The filings that took an action back: whether one is under way, and how many are at their end, whatever that was.
    ///
    /// # Errors
    /// When the database refuses.
    pub fn undos_of(&self, action: i64) -> Result<(bool, u32), StoreError> {
        // a range of keys: `;` comes after `:`
        let sql = "SELECT coalesce(max(state IN ('ready', 'doing')), 0), count(*) FROM outbox \
                   WHERE wish_key >= 'undo:' || ?1 || ':' AND wish_key < 'undo:' || ?1 || ';'";
        Ok(self.connection.prepare_cached(sql)?.query_row([action], |row| Ok((row.get(0)?, row.get(1)?)))?)
    }

    /// A mailbox was renumbered to this UIDVALIDITY, and these messages do not lie in it any more.
    ///
    /// # Errors
    /// When the database refuses.
    pub fn not_found_again(
        &mut self,
        account: &str,
        mailbox: &str,
        uid_validity: u32,
        messages: &[i64],
    ) -> Result<(), StoreError> {
        self.write(|transaction| {
            let sql =
                "UPDATE place SET gone = 1 WHERE message = ?1 AND account = ?2 AND mailbox = ?3 AND uid_validity <> ?4";
            let mut update = transaction.prepare_cached(sql)?;
            for message in messages {
                update.execute((message, account, mailbox, uid_validity))?;
            }
            Ok(())
        })
    }

    /// A mailbox was renumbered, and a message was found in it under its new number.
    ///
    /// # Errors
    /// When the database refuses.
    pub fn found_again(&mut self, found: &[(i64, Place)]) -> Result<(), StoreError> {
        self.write(|transaction| {
            for (message, place) in found {
                transaction
                    .prepare_cached(
                        "UPDATE place SET gone = 1 WHERE message = ?1 AND account = ?2 AND mailbox = ?3 AND uid_validity <> ?4",
                    )?
                    .execute((message, &place.account, &place.mailbox, place.uid_validity))?;
                add_place(transaction, place, None, *message)?;
            }
            Ok(())
        })
    }
}

fn taken_back(transaction: &Transaction<'_>, action: &Action, wish: &Wish, now: Timestamp) -> Result<bool, StoreError> {
    let message = action.message.as_ref().map(|message| message.id);
    if outbox::enter(transaction, wish, &action.lane, message, false, now)?.is_none() {
        return Ok(false);
    }
    let sql = "UPDATE message SET category = redecided.category, verdict = redecided.verdict \
               FROM redecided WHERE redecided.outbox = ?1 AND message.id = ?2";
    transaction.prepare_cached(sql)?.execute((action.id, message))?;
    Ok(true)
}

fn judged(transaction: &Transaction<'_>, message: i64, verdict: &Verdict) -> Result<(), StoreError> {
    let mut verdict = verdict.clone();
    let private = verdict.category == category::OTHER;
    if private {
        verdict.reasons.clear();
    }
    transaction.prepare_cached("UPDATE message SET category = ?2, verdict = ?3 WHERE id = ?1")?.execute((
        message,
        &verdict.category,
        json(&verdict, "verdict")?,
    ))?;
    Ok(())
}
