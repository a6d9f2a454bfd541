//! Watches one mailbox, read-only, for ever: IDLE, left with the fetch in the same write; reconnects by itself.

use super::error::ImapError;
use super::open;
use super::response::{Condition, Response, Seen};
use super::session::{Names, select};
use super::uids::UidSet;
use super::wire::Line;
use super::{Cues, ImapAccount, Means, Pace, Sight, Standing};
use crate::edge::Advice;
use crate::edge::clock::Clock;
use crate::mailbox::{Arrival, LEAST_FETCH, MailKey, Place};
use crate::planted::{self, Bug};
use std::collections::BTreeSet;
use std::time::Duration;
use tokio::sync::{mpsc, oneshot};
use tokio::time::Instant;

/// UIDs of one fetch while catching up: the cursor moves after each.
const WINDOW: u32 = 500;
/// A UID may lie so far above what was expected.
const FURTHEST: u32 = 10_000_000;
/// First wait after a refusal that only the shopper can mend (a refused login): providers lock accounts.
const ASKED: Duration = Duration::from_secs(60);
/// Longest wait after such refusals.
const ASKED_LONGEST: Duration = Duration::from_secs(3600);

/// Why a watch ended.
enum Ended {
    /// Nobody listens any more.
    Unheard,
    /// The connection.
    Trouble(ImapError),
}

impl From<ImapError> for Ended {
    fn from(error: ImapError) -> Self {
        Self::Trouble(error)
    }
}

/// After the mailbox was opened a refusal is the server's trouble and passes: the long waits that keep an account from
/// being locked would only keep us blind.
fn passing(ended: Ended) -> Ended {
    match ended {
        Ended::Trouble(error) if error.refused && error.advice == Advice::Ask => {
            Ended::Trouble(ImapError { advice: Advice::Again(None), ..error })
        }
        ended => ended,
    }
}

/// Watches `mailbox` until nobody listens to `sights` any more. Reconnects by itself, with waits that grow and are
/// reset by a full look.
pub async fn watch(
    account: &ImapAccount,
    mailbox: &str,
    clock: &Clock,
    standing: Standing,
    _cues: Cues,
    sights: mpsc::Sender<Sight>,
) {
    let mut failures = standing.failures;
    if let Some(wait) = standing.not_before.and_then(|at| Duration::try_from(at.duration_since(clock.now())).ok()) {
        tokio::select! {
            biased;
            () = tokio::time::sleep(wait.min(ASKED_LONGEST)) => {}
            () = sights.closed() => return,
        }
    }
    loop {
        let mut watch = Watch { account, mailbox, clock, sights: &sights, looked: false };
        let ended = tokio::select! {
            // in a fixed order, so that a simulation repeats exactly
            biased;
            ended = watch.run() => ended,
            // a quiet mailbox has nothing to tell, and so would not notice for hours that nobody listens
            () = sights.closed() => return,
        };
        if watch.looked {
            failures = 0;
        }
        let Ended::Trouble(trouble) = ended else { return };
        failures = failures.saturating_add(1);
        let wait = wait(&account.pace, &account.name, failures, trouble.advice);
        if sights.send(Sight::Lost { failures, trouble, wait }).await.is_err() {
            return;
        }
        tokio::select! {
            biased;
            () = tokio::time::sleep(wait) => {}
            () = sights.closed() => return,
        }
    }
}

/// Doubling waits, each cut by up to a half so that many clients do not come back together. What it is cut by follows
/// from the account and the count: no randomness of our own, and a simulation repeats exactly.
fn wait(pace: &Pace, name: &str, failures: u32, advice: Advice) -> Duration {
    let (first, longest) = match advice {
        Advice::Ask => (ASKED, ASKED_LONGEST),
        _ => pace.back_off,
    };
    let whole = first.saturating_mul(1_u32.checked_shl(failures.saturating_sub(1).min(16)).unwrap_or(u32::MAX));
    let key = MailKey::of(format!("{name} {failures}").as_bytes());
    let cut = f64::from(key.bytes().first().copied().unwrap_or_default()) / 512.0;
    let wait = whole.min(longest).mul_f64(1.0 - cut);
    match advice {
        Advice::Again(Some(after)) => wait.max(after),
        _ => wait,
    }
}

struct Watch<'a> {
    account: &'a ImapAccount,
    mailbox: &'a str,
    clock: &'a Clock,
    sights: &'a mpsc::Sender<Sight>,
    looked: bool,
}

/// Where a look stands.
struct Cursor {
    uid_validity: u32,
    next: u32,
    /// The server's UIDNEXT when the mailbox was opened; 0 when it did not tell.
    server_next: u32,
}

/// What was heard beside the answers to our commands.
#[derive(Default)]
struct Heard {
    /// There may be something new: look again.
    more: bool,
    /// UIDs that are there but whose bytes did not come.
    bodiless: BTreeSet<u32>,
}

impl Watch<'_> {
    async fn run(&mut self) -> Ended {
        match self.try_run().await {
            Ok(never) => match never {},
            Err(ended) => ended,
        }
    }

    async fn try_run(&mut self) -> Result<std::convert::Infallible, Ended> {
        let opened = open::open(self.account).await?;
        let names = Names::of(&opened);
        let can_idle = opened.capabilities.contains("IDLE");
        let mut line = opened.line;
        let mailbox = select(&mut line, &names, "EXAMINE ", self.mailbox).await?;
        let (reply, start) = oneshot::channel();
        let means = if can_idle { Means::Idle } else { Means::Poll };
        let sight = Sight::Opened { means, uid_validity: mailbox.uid_validity, uid_next: mailbox.uid_next, reply };
        self.tell(sight).await?;
        let next = start.await.map_err(|_| Ended::Unheard)?.max(1);
        let mut cursor = Cursor { uid_validity: mailbox.uid_validity, next, server_next: mailbox.uid_next };
        self.catch_up(&mut line, &mut cursor).await.map_err(passing)?;
        loop {
            if can_idle {
                self.idle(&mut line, &mut cursor).await.map_err(passing)?;
            } else {
                tokio::time::sleep(self.account.pace.poll_every).await;
                self.look(&mut line, &mut cursor, "NOOP").await.map_err(passing)?;
            }
        }
    }

    async fn tell(&self, sight: Sight) -> Result<(), Ended> {
        self.sights.send(sight).await.map_err(|_| Ended::Unheard)
    }

    /// Looks from the cursor to the end; long stretches in windows.
    async fn catch_up(&mut self, line: &mut Line, cursor: &mut Cursor) -> Result<(), Ended> {
        while cursor.server_next > cursor.next.saturating_add(WINDOW) {
            let last = cursor.next.saturating_add(WINDOW - 1);
            let tag = line.next_tag();
            line.write(self.fetch_command(&tag, &UidSet::between(cursor.next, last)).as_bytes()).await?;
            let mut heard = Heard::default();
            self.read_fetch(line, cursor, &tag, &mut heard).await?;
            self.retry_bodiless(line, cursor, heard.bodiless).await?;
            cursor.next = cursor.next.max(last.saturating_add(1));
            self.tell(Sight::Looked { uid_validity: cursor.uid_validity, next_uid: cursor.next }).await?;
        }
        self.look(line, cursor, "").await
    }

    fn fetch_command(&self, tag: &str, uids: &UidSet) -> String {
        let cap = self.account.fetch_cap.max(LEAST_FETCH);
        format!("{tag} UID FETCH {uids} (UID INTERNALDATE RFC822.SIZE BODY.PEEK[]<0.{cap}>)\r\n")
    }

    /// Looks at everything from the cursor on, `before` sent in the same write; again as long as there may be more.
    async fn look(&mut self, line: &mut Line, cursor: &mut Cursor, before: &str) -> Result<(), Ended> {
        let mut before = before;
        loop {
            let mut out = String::new();
            let first = (!before.is_empty()).then(|| line.next_tag());
            if let Some(tag) = &first {
                out.push_str(&format!("{tag} {before}\r\n"));
            }
            let tag = line.next_tag();
            out.push_str(&self.fetch_command(&tag, &UidSet::from(cursor.next)));
            line.write(out.as_bytes()).await?;
            let mut heard = Heard::default();
            if let Some(tag) = first {
                self.wait_for(line, cursor, &tag, before, &mut heard).await?;
                heard.more = false; // what was new then is in the fetch that follows
            }
            self.read_fetch(line, cursor, &tag, &mut heard).await?;
            self.looked(line, cursor, &mut heard).await?;
            if !heard.more {
                return Ok(());
            }
            before = "";
        }
    }

    async fn looked(&mut self, line: &mut Line, cursor: &mut Cursor, heard: &mut Heard) -> Result<(), Ended> {
        self.retry_bodiless(line, cursor, std::mem::take(&mut heard.bodiless)).await?;
        self.looked = true;
        self.tell(Sight::Looked { uid_validity: cursor.uid_validity, next_uid: cursor.next }).await
    }

    /// Waits in IDLE until there may be something new, then looks.
    async fn idle(&mut self, line: &mut Line, cursor: &mut Cursor) -> Result<(), Ended> {
        let pace = &self.account.pace;
        let mut tag = line.next_tag();
        line.write(format!("{tag} IDLE\r\n").as_bytes()).await?;
        let mut heard = Heard::default();
        let mut waiting = false;
        // the first continuation is owed within the time of a command, later silence is normal until the probe
        let mut quiet_since = Instant::now();
        loop {
            let limit = if waiting { pace.probe_after } else { pace.command };
            let left = limit.saturating_sub(quiet_since.elapsed());
            match line.response_or_silence(left).await? {
                Some(Response::Continue) => {
                    waiting = true;
                    heard.more &= !planted::is(Bug::ExistsLost);
                    quiet_since = Instant::now();
                }
                Some(Response::Tagged { tag: ended, status }) if ended == tag => {
                    line.must_be_ok("waiting for mail (IDLE)", &status)?;
                    // ended by the server: look, and begin again
                    return self.look(line, cursor, "").await;
                }
                Some(Response::Tagged { .. }) => {
                    return Err(line.lost("the server answered a command that was not sent").into());
                }
                Some(response) => {
                    quiet_since = Instant::now();
                    self.hear(line, cursor, response, &mut heard)?;
                }
                None if !waiting => return Err(line.lost("the server does not begin to wait (IDLE)").into()),
                None => {
                    // so long without a byte: is anyone there? DONE, NOOP and IDLE in one write
                    let noop = line.next_tag();
                    let next = line.next_tag();
                    line.write(format!("DONE\r\n{noop} NOOP\r\n{next} IDLE\r\n").as_bytes()).await?;
                    self.answer_to_probe(line, cursor, &tag, &noop, &mut heard).await?;
                    self.tell(Sight::Alive).await?;
                    tag = next;
                    quiet_since = Instant::now();
                }
            }
            if heard.more && waiting {
                return self.leave_idle(line, cursor, &tag).await;
            }
        }
    }

    /// DONE and the fetch in one write: one round trip from EXISTS to the message.
    async fn leave_idle(&mut self, line: &mut Line, cursor: &mut Cursor, idle: &str) -> Result<(), Ended> {
        let tag = line.next_tag();
        let out = format!("DONE\r\n{}", self.fetch_command(&tag, &UidSet::from(cursor.next)));
        line.write(out.as_bytes()).await?;
        let mut heard = Heard::default();
        self.wait_for(line, cursor, idle, "waiting for mail (IDLE)", &mut heard).await?;
        heard.more = false; // told before the fetch began: the fetch sees it
        self.read_fetch(line, cursor, &tag, &mut heard).await?;
        self.looked(line, cursor, &mut heard).await?;
        if heard.more { self.look(line, cursor, "").await } else { Ok(()) }
    }

    async fn answer_to_probe(
        &mut self,
        line: &mut Line,
        cursor: &mut Cursor,
        idle: &str,
        noop: &str,
        heard: &mut Heard,
    ) -> Result<(), Ended> {
        let until = Instant::now() + self.account.pace.probe_answer;
        let mut open: BTreeSet<&str> = BTreeSet::from([idle, noop]);
        loop {
            let left = until.saturating_duration_since(Instant::now());
            match line.response_or_silence(left).await? {
                None => return Err(line.lost("the server no longer answers").into()),
                Some(Response::Tagged { tag, status }) => {
                    if !open.remove(tag.as_str()) {
                        return Err(line.lost("the server answered a command that was not sent").into());
                    }
                    line.must_be_ok("a sign of life (NOOP)", &status)?;
                }
                Some(Response::Continue) if open.is_empty() => return Ok(()),
                Some(Response::Continue) => {}
                Some(response) => self.hear(line, cursor, response, heard)?,
            }
        }
    }

    /// Waits for the end of a command whose own answers do not matter.
    async fn wait_for(
        &mut self,
        line: &mut Line,
        cursor: &mut Cursor,
        tag: &str,
        doing: &str,
        heard: &mut Heard,
    ) -> Result<(), Ended> {
        loop {
            match line.response(line.pace.command).await? {
                Response::Tagged { tag: ended, status } if ended == tag => {
                    return line.must_be_ok(doing, &status).map_err(Ended::from);
                }
                Response::Tagged { .. } => {
                    return Err(line.lost("the server answered a command that was not sent").into());
                }
                response => self.hear(line, cursor, response, heard)?,
            }
        }
    }

    /// Reads the answers to a fetch as they come, until its tag says OK.
    async fn read_fetch(
        &mut self,
        line: &mut Line,
        cursor: &mut Cursor,
        tag: &str,
        heard: &mut Heard,
    ) -> Result<(), Ended> {
        // below this UID nothing was asked for; `next` itself moves while answers come, in whatever order
        let asked = cursor.next;
        let mut next = cursor.next;
        let mut told = BTreeSet::new();
        loop {
            match line.response(line.pace.command).await? {
                Response::Tagged { tag: ended, status } if ended == tag => {
                    line.must_be_ok("reading new mail", &status)?;
                    heard.bodiless.retain(|uid| !told.contains(uid));
                    cursor.next = next;
                    return Ok(());
                }
                Response::Tagged { .. } => {
                    return Err(line.lost("the server answered a command that was not sent").into());
                }
                Response::Fetch(seen) => {
                    let Some(uid) = seen.uid.filter(|uid| *uid >= asked && *uid > 0) else { continue };
                    // flag news about other messages carry no size: they are not answers to this fetch
                    if seen.body.is_some() || seen.size.is_some() {
                        // a UID far beyond anything plausible does not carry the cursor past mail that is to come
                        let plausible = asked.max(cursor.server_next).saturating_add(FURTHEST);
                        if uid < plausible {
                            next = next.max(uid.saturating_add(1));
                        }
                    }
                    if seen.body.is_some() {
                        if told.insert(uid) {
                            self.arrived(cursor, uid, seen).await?;
                        }
                    } else if seen.size.is_some() {
                        heard.bodiless.insert(uid);
                    }
                }
                response => self.hear(line, cursor, response, heard)?,
            }
        }
    }

    async fn arrived(&mut self, cursor: &Cursor, uid: u32, seen: Seen) -> Result<(), Ended> {
        let bytes = seen.body.unwrap_or_default();
        let arrival = Arrival {
            place: self.place(cursor, uid),
            received: seen.received.unwrap_or_else(|| self.clock.now()),
            size: seen.size.unwrap_or_else(|| u32::try_from(bytes.len()).unwrap_or(u32::MAX)),
            bytes,
        };
        self.tell(Sight::Mail(arrival)).await
    }

    fn place(&self, cursor: &Cursor, uid: u32) -> Place {
        Place {
            account: self.account.name.clone(),
            mailbox: self.mailbox.to_owned(),
            uid_validity: cursor.uid_validity,
            uid,
        }
    }

    /// Messages that were listed without their bytes are asked for once more, one by one.
    async fn retry_bodiless(&mut self, line: &mut Line, cursor: &mut Cursor, uids: BTreeSet<u32>) -> Result<(), Ended> {
        for uid in uids {
            let tag = line.next_tag();
            line.write(self.fetch_command(&tag, &UidSet::of([uid])).as_bytes()).await?;
            let mut body = None;
            let mut heard = Heard::default();
            loop {
                match line.response(line.pace.command).await? {
                    Response::Tagged { tag: ended, .. } if ended == tag => break,
                    Response::Fetch(seen) if seen.uid == Some(uid) && seen.body.is_some() => body = Some(seen),
                    response => self.hear(line, cursor, response, &mut heard)?,
                }
            }
            match body {
                Some(seen) => self.arrived(cursor, uid, seen).await?,
                None => {
                    let why = "it is listed, but its text does not come".to_owned();
                    self.tell(Sight::Unfetched { place: self.place(cursor, uid), why }).await?;
                }
            }
        }
        Ok(())
    }

    /// What is said beside answers.
    fn hear(&self, line: &Line, cursor: &Cursor, response: Response, heard: &mut Heard) -> Result<(), Ended> {
        match response {
            // a count that did not grow is news, too: one may have gone and one come
            Response::Exists(_) | Response::Unreadable => heard.more = true,
            Response::Status(status) => {
                let renumbered = status
                    .code
                    .as_ref()
                    .is_some_and(|code| code.name == "UIDVALIDITY" && code.number() != Some(cursor.uid_validity));
                if renumbered && status.condition == Condition::Ok {
                    return Err(line.lost("the mailbox is being renumbered").into());
                }
            }
            _ => {}
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_and_a_refused_login_waits_longer() {
        let pace = Pace::default();
        let at = |failures, advice| wait(&pace, "a", failures, advice).as_secs_f64();
        assert!((0.5..=1.0).contains(&at(1, Advice::LogInAgain)));
        assert!((150.0..=300.0).contains(&at(40, Advice::LogInAgain)));
        assert!((30.0..=60.0).contains(&at(1, Advice::Ask)));
        assert!((1800.0..=3600.0).contains(&at(20, Advice::Ask)));
    }
}
