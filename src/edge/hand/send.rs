//! The lane of one account's letters that are sent: each at most once. Of a letter that may have left it is never said
//! that it did not, and it is never sent again: the shopper is asked.

use super::draft::{self, Before};
use super::filing::LONGEST_NAP;
use super::judge::{self, Verdict};
use super::{Hand, next_attempt};
use crate::edge::Advice;
use crate::edge::imap::ImapAccount;
use crate::edge::out::OutError;
use crate::edge::out::letter::write;
use crate::edge::store::{Row, State, StoreError};
use crate::letter::Letter;
use crate::plan::{Effect, Wish, on_letter};
use crate::planted::{self, Bug};
use crate::wording::LetterKind;
use jiff::{SignedDuration, Timestamp};
use std::time::Duration;

/// First and longest wait after an attempt that sent nothing.
const WAITS: (Duration, Duration) = (Duration::from_secs(30), Duration::from_secs(3600));
/// After so many attempts that sent nothing it becomes a draft; after so many where the shopper must do something.
const MOST_ATTEMPTS: u32 = 8;
const MOST_ASKED: u32 = 3;
/// The mailbox is asked again after so long whether a letter lies among what was sent.
const ASKED_AGAIN: SignedDuration = SignedDuration::from_secs(15);
/// First and longest wait before the mailbox is logged in to again for a letter, when the shopper must do something first:
/// providers lock accounts.
const ASKED: (Duration, Duration) = (Duration::from_secs(60), Duration::from_secs(3600));
/// So many letters are looked at for one that may be worked on.
const LOOKED_AT: u32 = 50;
/// A lane has come round after so long: connecting, every command and the end of the text each have a limit.
const ROUND: Duration = Duration::from_secs(60 * 60);
/// Why it is not known whether a letter was sent.
const CUT_OFF: &str = "modori ended while the letter was being sent";

/// How long no letter of the account logs in to its mailbox, after logins that were refused.
#[derive(Debug, Default)]
struct Rest {
    refused: u32,
    until: Option<Timestamp>,
}

impl Rest {
    /// The mailbox could not be asked. A network that is away is asked again soon, as before.
    fn after(&mut self, advice: Advice, now: Timestamp) {
        let wait = match advice {
            Advice::Ask | Advice::Again(Some(_)) => {
                self.refused = self.refused.saturating_add(1);
                let wait = if advice == Advice::Ask { ASKED.0 } else { Duration::ZERO };
                let doubled = wait.saturating_mul(1 << self.refused.saturating_sub(1).min(12)).min(ASKED.1);
                advice.at_least(doubled, self.refused)
            }
            _ => {
                *self = Self::default();
                return;
            }
        };
        let wait = SignedDuration::try_from(wait).unwrap_or(SignedDuration::MAX);
        self.until = Some(now.saturating_add(wait).unwrap_or(Timestamp::MAX));
    }

    fn rests(&self, now: Timestamp) -> bool {
        self.until.is_some_and(|until| now < until)
    }
}

/// Works for ever on the letters of one account.
pub(super) async fn lane(hand: &Hand, account: &str) -> Result<(), StoreError> {
    let name = format!("letters of {account}");
    cut_off(hand, Some(account)).await?;
    let mut rest = Rest::default();
    loop {
        let woken = hand.desk.filings.notified();
        tokio::pin!(woken);
        woken.as_mut().enable();
        hand.promise(&name, ROUND);
        let (lane, now) = (account.to_owned(), hand.clock.now());
        // a letter is looked for in the mailbox before it leaves: while its watch is not connected, it waits with it
        let held = hand.is_held(account);
        let rows = hand.store.call(move |db| db.workable("send", Some(&lane), LOOKED_AT, now)).await?;
        if held {
            // when it is let go, its login was found to work
            rest = Rest::default();
        }
        let rests = rest.rests(now);
        // one whose time has passed becomes a draft, for which nobody logs in here
        let may = |row: &Row| !held && (!rests || row.until.is_some_and(|until| until <= now));
        if let Some(row) = rows.into_iter().find(may) {
            one(hand, &row, &mut rest).await?;
            hand.desk.booked.notify_one();
            continue;
        }
        tokio::select! {
            biased;
            () = &mut woken => {}
            () = tokio::time::sleep(LONGEST_NAP) => {}
        }
    }
}

/// Letters that were being sent when the program ended: nobody knows.
pub(super) async fn cut_off(hand: &Hand, account: Option<&str>) -> Result<(), StoreError> {
    let account = account.map(str::to_owned);
    let rows = hand.store.call(move |db| db.under_way("send")).await?;
    for row in rows.iter().filter(|row| account.as_ref().is_none_or(|account| *account == row.lane)) {
        if let Effect::Send { letter, .. } = &row.effect {
            if planted::is(Bug::LetterRepeated) {
                let (id, now) = (row.id, hand.clock.now());
                hand.store.call(move |db| db.again(&[id], now, None)).await?;
                continue;
            }
            unknown(hand, row, letter, CUT_OFF).await?;
        }
    }
    Ok(())
}

async fn one(hand: &Hand, row: &Row, rest: &mut Rest) -> Result<(), StoreError> {
    let Effect::Send { letter, ticket } = &row.effect else { return Ok(()) };
    let now = hand.clock.now();
    if !ticket.is_for(&letter.message_id) {
        return end(hand, row, State::Failed, "its permission is for another letter", Vec::new()).await;
    }
    match judge::sending(hand, letter, ticket).await? {
        Verdict::Leaves => {}
        Verdict::Hers(why) => return draft(hand, row, letter, State::Dropped, why).await,
        Verdict::Shut(why) => {
            tracing::info!(account = row.lane, "a letter is not sent any more: {why}");
            return end(hand, row, State::Dropped, &why, Vec::new()).await;
        }
    }
    if row.until.is_some_and(|until| until <= now) {
        return draft(hand, row, letter, State::Dropped, "its time passed before it could be sent").await;
    }
    let Some(carrier) = hand.posting.carriers.get(&row.lane) else {
        let why = "no mail server sends for this account: name one under [account.smtp], or with `by` under [replies]";
        return draft(hand, row, letter, State::Failed, why).await;
    };
    if let Some(account) = hand.accounts.get(&row.lane) {
        match before(hand, account, row, letter, rest).await? {
            Some(Before::Nowhere) => {}
            Some(Before::Sent(place)) => return draft::was_sent(hand, row, place).await,
            Some(Before::Drafted) => {
                return draft(hand, row, letter, State::Dropped, "it lies in Drafts already").await;
            }
            None => return Ok(()),
        }
    }
    let written = match write(letter, ticket.by().into(), now) {
        Ok(written) => written,
        Err(error) => {
            let alerts = on_letter::tell(row.id, letter, LetterKind::Undrafted, &error.what, &hand.posting.policy, now);
            return end(hand, row, State::Failed, &error.what, alerts).await;
        }
    };
    let (id, message_id) = (row.id, letter.message_id.clone());
    let doing = serde_json::json!({ "begun": now });
    hand.store.call(move |db| db.begin_letter(id, &message_id, &doing, now)).await?;
    match carrier.carry(&written).await {
        Ok(()) => {
            tracing::info!(account = row.lane, "a letter was sent");
            let copy = hand.posting.copy != Some(false);
            let copy = copy.then(|| on_letter::sent(row.id, letter, now, ticket.by()));
            end(hand, row, State::Done, "", copy.into_iter().collect()).await
        }
        Err(error) => failed(hand, row, letter, &error).await,
    }
}

/// Where the letter lies already. `None`: the mailbox cannot be asked, and the letter waits.
async fn before(
    hand: &Hand,
    account: &ImapAccount,
    row: &Row,
    letter: &Letter,
    rest: &mut Rest,
) -> Result<Option<Before>, StoreError> {
    let why = match draft::before_sending(hand, account, row, letter).await {
        Ok(before) => {
            *rest = Rest::default();
            return Ok(Some(before));
        }
        Err(error) => {
            // only the login: a command that is refused locks nobody out
            rest.after(if error.refused { Advice::Again(None) } else { error.advice }, hand.clock.now());
            error.what
        }
    };
    tracing::warn!(account = row.lane, "a letter waits until it can be looked for among what was sent: {why}");
    let due = hand.clock.now().saturating_add(ASKED_AGAIN).unwrap_or(Timestamp::MAX);
    let due = row.until.map_or(due, |until| due.min(until));
    let id = row.id;
    hand.store.call(move |db| db.again(&[id], due, Some(&why))).await?;
    Ok(None)
}

async fn failed(hand: &Hand, row: &Row, letter: &Letter, error: &OutError) -> Result<(), StoreError> {
    tracing::warn!("a letter was not sent, or it is not known: {error}");
    let most = match error.advice {
        Advice::Unknown => return unknown(hand, row, letter, &error.what).await,
        Advice::Never => return draft(hand, row, letter, State::Failed, &error.what).await,
        Advice::Ask => MOST_ASKED,
        Advice::Again(_) | Advice::LogInAgain => MOST_ATTEMPTS,
    };
    let attempts = row.attempts + 1;
    if attempts >= most {
        return draft(hand, row, letter, State::Failed, &error.what).await;
    }
    let now = hand.clock.now();
    let named =
        SignedDuration::try_from(error.advice.at_least(Duration::ZERO, attempts)).unwrap_or(SignedDuration::MAX);
    let due = next_attempt(now, attempts, WAITS.0, WAITS.1).max(now.saturating_add(named).unwrap_or(Timestamp::MAX));
    // when its time passes before the next attempt, it is a draft then, and not later
    let due = row.until.map_or(due, |until| due.min(until));
    let (id, what) = (row.id, error.what.clone());
    hand.store.call(move |db| db.again(&[id], due, Some(&what))).await
}

/// It may have been sent. It stays so until the shopper says what is true.
async fn unknown(hand: &Hand, row: &Row, letter: &Letter, why: &str) -> Result<(), StoreError> {
    let alerts = on_letter::tell(row.id, letter, LetterKind::Unknown, why, &hand.posting.policy, hand.clock.now());
    end(hand, row, State::Unknown, why, alerts).await
}

/// It was not sent: it lies in Drafts instead, and the shopper is told why.
async fn draft(hand: &Hand, row: &Row, letter: &Letter, state: State, why: &str) -> Result<(), StoreError> {
    let now = hand.clock.now();
    let mut wishes = vec![on_letter::drafted(row.id, letter, now)];
    wishes.extend(on_letter::tell(row.id, letter, LetterKind::Drafted, why, &hand.posting.policy, now));
    end(hand, row, state, why, wishes).await
}

async fn end(hand: &Hand, row: &Row, state: State, why: &str, wishes: Vec<Wish>) -> Result<(), StoreError> {
    let (id, now) = (row.id, hand.clock.now());
    let why = (!why.is_empty()).then(|| why.to_owned());
    let alerts = hand.store.call(move |db| db.letter_ended(id, state, why.as_deref(), &wishes, true, now)).await?;
    hand.wake(alerts);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_letter_that_waits_does_not_log_in_again_and_again() {
        let mut now = Timestamp::UNIX_EPOCH;
        let mut rest = Rest::default();
        let mut waits = |advice, times: usize| -> Vec<i64> {
            (0..times)
                .map(|_| {
                    rest.after(advice, now);
                    let until = rest.until.unwrap_or(now);
                    let wait = until.duration_since(now).as_secs();
                    assert!(wait == 0 || rest.rests(now) && !rest.rests(until));
                    now = until;
                    wait
                })
                .collect()
        };
        assert_eq!(waits(Advice::Ask, 8), [60, 120, 240, 480, 960, 1920, 3600, 3600]);
        assert_eq!(waits(Advice::LogInAgain, 1), [0]);
        assert_eq!(waits(Advice::Again(Some(Duration::from_secs(900))), 4), [900, 1800, 3600, 3600]);
        assert_eq!(waits(Advice::Again(None), 1), [0]);
        assert_eq!(waits(Advice::Ask, 1), [60]);
    }
}
