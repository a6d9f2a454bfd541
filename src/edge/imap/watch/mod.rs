//! Watches one mailbox, read-only, for ever, by the quickest means that its server offers; reconnects by itself.
//!
//! What is said and what is made of the answers is decided by a pure machine ([`talk`]); this file has the connection,
//! the listener and the waits between connections.

mod talk;
#[cfg(test)]
mod tests;
mod wait;

use super::error::ImapError;
use super::labels::{LABELS, is_view};
use super::open;
use super::refusal::Refusal;
use super::session::select;
use super::wire::Line;
use super::{Cues, Hot, ImapAccount, Means, Sight, Standing};
use crate::edge::Advice;
use crate::edge::clock::Clock;
use crate::edge::imap::response::Seen;
use crate::mailbox::{Arrival, Place};
use std::convert::Infallible;
use std::time::Duration;
use talk::{Next, Start, Talk, Told, Trouble};
use tokio::sync::{mpsc, oneshot};
use tokio::time::Instant;
use wait::{ASKED_LONGEST, Fared, STEADY, wait};

/// What a server offers and does not do is tried again after so long.
const TRY_AGAIN: Duration = Duration::from_secs(3600);

/// Once is an accident; a server whose connection ends so often in one hot window does not bear to be asked so much.
const MOST_CUTS: u32 = 2;

/// Why a connection ended.
enum Ended {
    /// Nobody listens any more.
    Unheard,
    /// The connection.
    Trouble(ImapError),
    /// It is opened again at once: without a means that the server offers and does not do, or because the machine slept.
    Anew,
}

impl From<ImapError> for Ended {
    fn from(error: ImapError) -> Self {
        Self::Trouble(error)
    }
}

/// Watches `mailbox` until nobody listens to `sights` any more. Reconnects by itself, with waits that grow and are
/// reset by a full look on a connection that lasts. `standing` is what an earlier life left behind.
pub async fn watch(
    account: &ImapAccount,
    mailbox: &str,
    clock: &Clock,
    standing: Standing,
    cues: Cues,
    sights: mpsc::Sender<Sight>,
) {
    let mut failures = standing.failures;
    let mut refused = standing.failures;
    let mut shaken = cues.shaken.clone();
    let mut watch =
        Watch { account, mailbox, clock, hot: cues.hot, sights: &sights, looked: false, cuts: 0, without: Vec::new() };
    if let Some(wait) = standing.not_before.and_then(|at| Duration::try_from(at.duration_since(clock.now())).ok()) {
        tokio::select! {
            biased;
            () = tokio::time::sleep(wait.min(ASKED_LONGEST)) => {}
            () = sights.closed() => return,
            // the wait was written down by a clock that was wrong
            () = changed(&mut shaken) => {}
        }
    }
    loop {
        watch.looked = false;
        watch.without.retain(|(_, since)| since.elapsed() < TRY_AGAIN);
        let begun = Instant::now();
        shaken.mark_unchanged();
        let ended = tokio::select! {
            // in a fixed order, so that a simulation repeats exactly
            biased;
            ended = watch.run() => ended,
            () = changed(&mut shaken) => Ended::Anew,
            // a quiet mailbox has nothing to tell, and so would not notice for hours that nobody listens
            () = sights.closed() => return,
        };
        let trouble = match ended {
            Ended::Unheard => return,
            Ended::Anew => continue,
            Ended::Trouble(trouble) => trouble,
        };
        if watch.looked && watch.hot.borrow().is_some() {
            watch.cuts = watch.cuts.saturating_add(1);
        }
        let fared = match (watch.looked, begun.elapsed() >= STEADY) {
            (false, _) => Fared::Blind,
            (true, false) => Fared::Looked,
            (true, true) => Fared::Steady,
        };
        if fared == Fared::Steady {
            failures = 0;
        }
        failures = failures.saturating_add(1);
        let asks = trouble.advice == Advice::Ask;
        // refused logins are counted by themselves: a network that was away for long does not make one of them worse. Nor
        // does "too many" in between make them better
        let counts = asks || matches!(trouble.advice, Advice::Again(Some(_)));
        refused = match (counts, trouble.login) {
            (true, _) => refused.saturating_add(1),
            (false, Some(Refusal::TooManyLogins)) => refused,
            (false, _) => 0,
        };
        let count = if counts { refused } else { failures };
        let wait = wait(&account.pace, &account.name, count, fared, trouble.advice);
        if sights.send(Sight::Lost { failures, trouble, wait }).await.is_err() {
            return;
        }
        tokio::select! {
            biased;
            () = tokio::time::sleep(wait) => {}
            () = sights.closed() => return,
            // after the machine slept what was in the way may be gone; a refused login is not
            () = changed(&mut shaken), if !counts => {}
        }
    }
}

struct Watch<'a> {
    account: &'a ImapAccount,
    mailbox: &'a str,
    clock: &'a Clock,
    hot: tokio::sync::watch::Receiver<Option<Hot>>,
    sights: &'a mpsc::Sender<Sight>,
    /// Mail was looked for to the end on this connection.
    looked: bool,
    /// How often the connection ended in the hot window that is open now.
    cuts: u32,
    /// Means that the server offers and refused, and when.
    without: Vec<(Means, Instant)>,
}

impl Watch<'_> {
    async fn run(&mut self) -> Ended {
        match self.try_run().await {
            Ok(never) => match never {},
            Err(ended) => ended,
        }
    }

    async fn try_run(&mut self) -> Result<Infallible, Ended> {
        let opened = open::open(self.account).await?;
        let mut names = opened.names;
        let offers = |capability: &str, means| {
            opened.capabilities.contains(capability) && !self.without.iter().any(|(one, _)| *one == means)
        };
        // what NOTIFY tells arrives while the server is let wait (IDLE)
        let means = match (offers("IDLE", Means::Idle), offers("NOTIFY", Means::Notify)) {
            (true, true) => Means::Notify,
            (true, false) => Means::Idle,
            (false, _) => Means::Poll,
        };
        let mut line = opened.line;
        let mailbox = select(&mut line, &mut names, "EXAMINE ", self.mailbox).await.map_err(passing)?;
        let labels = opened.capabilities.contains(LABELS);
        // what the server does not show is watched all the same, as a mailbox like any other
        let view = labels && is_view(&mut line, &names, self.mailbox).await.map_err(passing)?.unwrap_or(false);
        let (reply, start) = oneshot::channel();
        let (uid_validity, uid_next) = (mailbox.uid_validity, mailbox.uid_next);
        self.tell(Sight::Opened { means, uid_validity, uid_next, view, reply }).await?;
        let next = start.await.map_err(|_| Ended::Unheard)?;
        let start = Start { next, server_next: uid_next, exists: mailbox.messages, uid_validity };
        let mut talk = Talk::new(means, &self.account.pace, self.account.fetch_cap, start, Instant::now());
        loop {
            let hot = *self.hot.borrow_and_update();
            if hot.is_none() {
                self.cuts = 0;
            }
            let hot = hot.filter(|_| self.cuts < MOST_CUTS);
            match talk.next(Instant::now(), hot).map_err(|trouble| self.ended(&line, trouble))? {
                Next::Say(bytes) => {
                    line.begin();
                    line.write(bytes.as_bytes()).await?;
                }
                Next::Wait(limit) => tokio::select! {
                    biased;
                    response = line.response_or_silence(limit) => {
                        let Some(response) = response? else { continue };
                        let told = talk.hear(response, Instant::now()).map_err(|trouble| self.ended(&line, trouble))?;
                        if !told.is_empty() {
                            for told in told {
                                self.pass_on(uid_validity, told).await?;
                            }
                            talk.go_on(Instant::now());
                        }
                        self.looked = talk.has_looked();
                    }
                    () = changed(&mut self.hot) => {}
                },
            }
        }
    }

    fn ended(&mut self, line: &Line, trouble: Trouble) -> Ended {
        match trouble {
            Trouble::Lost(what) => line.lost(what).into(),
            Trouble::Refused(doing, status) => {
                passing(ImapError::refusal(&self.account.name, doing, &status, None)).into()
            }
            Trouble::Without(means) => {
                tracing::warn!(account = self.account.name, "the server offers and refuses {}", means.word());
                self.without.push((means, Instant::now()));
                Ended::Anew
            }
        }
    }

    async fn pass_on(&self, uid_validity: u32, told: Told) -> Result<(), Ended> {
        self.tell(match told {
            Told::Mail(uid, seen) => Sight::Mail(self.arrival(self.place(uid_validity, uid), seen)),
            Told::Unfetched(uid) => {
                let why = "it is listed, but its text does not come".to_owned();
                Sight::Unfetched { place: self.place(uid_validity, uid), why }
            }
            Told::Read(next_uid) => Sight::Looked { uid_validity, next_uid, whole: false },
            Told::Looked(next_uid) => Sight::Looked { uid_validity, next_uid, whole: true },
            Told::Alive => Sight::Alive,
        })
        .await
    }

    fn arrival(&self, place: Place, seen: Seen) -> Arrival {
        let bytes = seen.body.unwrap_or_default();
        Arrival {
            place,
            received: seen.received.unwrap_or_else(|| self.clock.now()),
            size: seen.size.unwrap_or_else(|| u32::try_from(bytes.len()).unwrap_or(u32::MAX)),
            bytes,
        }
    }

    fn place(&self, uid_validity: u32, uid: u32) -> Place {
        Place { account: self.account.name.clone(), mailbox: self.mailbox.to_owned(), uid_validity, uid }
    }

    async fn tell(&self, sight: Sight) -> Result<(), Ended> {
        self.sights.send(sight).await.map_err(|_| Ended::Unheard)
    }
}

/// After the login a refusal is the server's trouble and passes: the long waits that keep an account from being locked
/// would only keep us blind.
fn passing(error: ImapError) -> ImapError {
    let passes = error.refused && error.advice == Advice::Ask;
    ImapError { advice: if passes { Advice::Again(None) } else { error.advice }, ..error }
}

/// Waits for a change; for ever when nobody can make one any more.
async fn changed<T>(cue: &mut tokio::sync::watch::Receiver<T>) {
    if cue.changed().await.is_err() {
        std::future::pending::<()>().await;
    }
}
