//! What a watching connection says next, and what it makes of what it hears: a pure machine. Time comes in as a value,
//! bytes and sights go out as values, so that every order of events can be tried without a server.
//!
//! Whatever is announced while a fetch is under way asks for another look: Dovecot carries a fetch out on what the mailbox
//! held before the `NOOP` in front of it, and announces what is new only afterwards.

use crate::edge::imap::response::{Condition, Response, Seen, Status};
use crate::edge::imap::uids::UidSet;
use crate::edge::imap::{Hot, Means, Pace};
use crate::mailbox::LEAST_FETCH;
use crate::planted::{self, Bug};
use std::collections::{BTreeSet, VecDeque};
use std::time::Duration;
use tokio::time::Instant;

/// UIDs of one fetch while catching up: the stored cursor moves after each.
const WINDOW: u32 = 250;
/// Largest window where UIDs are sparse.
const WIDEST: u32 = 1_000_000;
/// Fetches under way together while catching up: the server reads the next window while the present one is judged.
const TOGETHER: usize = 2;
/// A UID may lie so far above what was expected.
const FURTHEST: u32 = 10_000_000;
/// More messages than this in one answer are not believed.
const MOST_TOLD: usize = 2_000_000;
/// After an EXISTS under NOTIFY the message itself must come within this time, else it is fetched.
const OWED: Duration = Duration::from_millis(200);
/// Messages whose text did not come are asked for so many together.
const MOST_AGAIN: usize = 500;
/// After so many looks in a row that the server called for and that found nothing …
const MOST_BARREN: u32 = 3;
/// … the next one waits so long: a habit of the server is no news.
const BARREN: Duration = Duration::from_secs(1);
/// A server that breaks NOTIFY off so often is not asked for it any more.
const MOST_OVERFLOWS: u32 = 5;
/// The same sign of life is told at most so often.
const ALIVE: Duration = Duration::from_secs(1);

/// What is to be done now.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Next {
    /// These bytes leave, in one write.
    Say(String),
    /// Something is waited for, so long; then it is asked again what is next.
    Wait(Duration),
}

/// What the listener is told.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Told {
    /// A message.
    Mail(u32, Seen),
    /// A message is listed, but its text does not come.
    Unfetched(u32),
    /// Everything below this UID was told, and more is to come.
    Read(u32),
    /// Everything below this UID was told, and that is all there is.
    Looked(u32),
    /// Nothing is new, and the server would have said so.
    Alive,
}

/// Why the connection ends.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Trouble {
    /// It cannot be gone on with.
    Lost(String),
    /// A command was refused; what was wanted, in words.
    Refused(&'static str, Status),
    /// The server does not do what it offers: again without it.
    Without(Means),
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum What {
    Idle,
    Notify,
    Noop,
    /// From a UID on to the end, or to a last one.
    Fetch(Option<u32>),
    /// Messages whose text did not come.
    Again(BTreeSet<u32>),
}

/// A command under way.
#[derive(Debug)]
struct Sent {
    tag: String,
    what: What,
    /// When its turn came, or when it last showed progress.
    since: Instant,
    limit: Duration,
    /// Messages that it brought.
    brought: u32,
    /// The server said something since its turn came.
    heard: bool,
    /// How it ended, if its answer came before that of an earlier one: Dovecot works on several at once.
    ended: Option<Status>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Idle {
    Not,
    Asked,
    On,
    Leaving,
}

/// The machine.
#[derive(Debug)]
pub(super) struct Talk {
    means: Means,
    pace: Pace,
    cap: u32,
    /// The next UID to look at.
    next: u32,
    /// The next UID that no window asked for yet.
    ahead: u32,
    window: u32,
    /// The server's UIDNEXT as far as known; 0: it does not tell.
    server_next: u32,
    /// UIDs from `next` on that were told.
    told: BTreeSet<u32>,
    /// Listed, but without their text: to be asked for once more.
    bodiless: BTreeSet<u32>,
    uid_validity: u32,
    /// Messages in the mailbox, as the server counts.
    exists: u32,
    /// Messages that were announced under NOTIFY and did not come yet.
    owed: u32,
    owed_since: Option<Instant>,
    /// There may be something new.
    more: bool,
    /// Something among the answers to a fetch could not be read.
    unread: bool,
    /// The look under way was asked for by what the server said, and how many such looks in a row found nothing.
    called: bool,
    barren: u32,
    /// NOTIFY was broken off by the server so often.
    overflows: u32,
    /// What is missing is asked for one by one: asked for together it was refused.
    singly: bool,
    /// NOTIFY must be set (again).
    unset: bool,
    idle: Idle,
    sent: VecDeque<Sent>,
    tag: u32,
    /// The last `Looked` that was told.
    looked: Option<u32>,
    /// When the server last proved that nothing is unseen.
    proven: Instant,
    alive: Option<Instant>,
}

/// Where a watch begins.
#[derive(Clone, Copy, Debug)]
pub(super) struct Start {
    /// The first UID to look at.
    pub(super) next: u32,
    /// The server's UIDNEXT; 0 when it did not tell.
    pub(super) server_next: u32,
    /// Messages in the mailbox.
    pub(super) exists: u32,
    /// UIDVALIDITY.
    pub(super) uid_validity: u32,
}

impl Talk {
    pub(super) fn new(means: Means, pace: &Pace, fetch_cap: u32, start: Start, now: Instant) -> Self {
        let next = start.next.max(1);
        Self {
            means,
            pace: pace.clone(),
            cap: fetch_cap.max(LEAST_FETCH),
            next,
            ahead: next,
            window: WINDOW,
            server_next: start.server_next,
            told: BTreeSet::new(),
            bodiless: BTreeSet::new(),
            uid_validity: start.uid_validity,
            exists: start.exists,
            owed: 0,
            owed_since: None,
            more: true,
            unread: false,
            called: false,
            barren: 0,
            overflows: 0,
            singly: false,
            unset: means == Means::Notify,
            idle: Idle::Not,
            sent: VecDeque::new(),
            tag: 0,
            looked: None,
            proven: now,
            alive: None,
        }
    }

    /// What is to be done at this moment.
    pub(super) fn next(&mut self, now: Instant, hot: Option<Hot>) -> Result<Next, Trouble> {
        let waiting_for_answers = match self.idle {
            Idle::On => false,
            Idle::Asked | Idle::Leaving => true,
            Idle::Not => !self.sent.is_empty(),
        };
        if waiting_for_answers && let Some(left) = self.left(now)? {
            if self.idle == Idle::Not && self.may_ask_ahead() {
                return Ok(Next::Say(self.ask_ahead(now)));
            }
            return Ok(Next::Wait(left));
        }
        if self.idle == Idle::Not && self.looked.is_none() && self.windows_left() {
            return Ok(Next::Say(self.ask_ahead(now)));
        }
        let owed_until = self.owed_since.map(|since| since + OWED);
        if self.more || self.unset || !self.bodiless.is_empty() || owed_until.is_some_and(|until| until <= now) {
            let called = self.looked.is_some() && self.more;
            let quiet_until = self.proven + BARREN;
            if called && self.barren >= MOST_BARREN && now < quiet_until {
                return Ok(Next::Wait(quiet_until.duration_since(now)));
            }
            self.called = called;
            return Ok(Next::Say(self.look(false, self.pace.probe_answer, now)));
        }
        let every = hot
            .map(|hot| hot.every.max(self.pace.hot_floor))
            .or((self.means == Means::Poll).then_some(self.pace.poll_every));
        let (due, limit) = match every {
            Some(every) => {
                (self.proven + every, if hot.is_some() { self.pace.probe_answer } else { self.pace.command })
            }
            None => (self.proven + self.pace.probe_after, self.pace.probe_answer),
        };
        if due <= now {
            self.called = false;
            return Ok(Next::Say(self.look(true, limit, now)));
        }
        if every.is_none() && self.idle == Idle::Not {
            return Ok(Next::Say(self.begin_idle(now)));
        }
        let until = owed_until.map_or(due, |owed| owed.min(due));
        Ok(Next::Wait(until.saturating_duration_since(now)))
    }

    /// How long the answer that is due may still take; an error when its time is up.
    fn left(&self, now: Instant) -> Result<Option<Duration>, Trouble> {
        let Some(first) = self.sent.front() else { return Ok(None) };
        let left = (first.since + first.limit).saturating_duration_since(now);
        if !left.is_zero() {
            return Ok(Some(left));
        }
        let what = match (self.idle, &first.what) {
            (Idle::Asked, What::Idle) => "the server does not begin to wait (IDLE)".to_owned(),
            _ if first.heard => "the server answers, but comes to no end".to_owned(),
            _ if first.limit == self.pace.probe_answer => "the server no longer answers".to_owned(),
            _ => format!("the server was silent for {} s", first.limit.as_secs()),
        };
        Err(Trouble::Lost(what))
    }

    // ---- what is said ----

    fn windows_left(&self) -> bool {
        self.server_next > self.ahead.saturating_add(self.window)
    }

    fn may_ask_ahead(&self) -> bool {
        let only_windows = self.sent.iter().all(|sent| matches!(sent.what, What::Fetch(Some(_))));
        self.looked.is_none() && only_windows && self.sent.len() < TOGETHER && self.windows_left()
    }

    /// The next window of what lies there.
    fn ask_ahead(&mut self, now: Instant) -> String {
        let mut out = String::new();
        let last = self.ahead.saturating_add(self.window - 1);
        self.fetch(&mut out, &UidSet::between(self.ahead, last), What::Fetch(Some(last)), now);
        self.ahead = last.saturating_add(1);
        out
    }

    /// Everything from the cursor on, and what is missing below it; IDLE is left in the same write.
    fn look(&mut self, noop: bool, limit: Duration, now: Instant) -> String {
        let mut out = String::new();
        if self.idle == Idle::On {
            out.push_str("DONE\r\n");
            self.idle = Idle::Leaving;
            if let Some(idle) = self.sent.front_mut() {
                (idle.since, idle.limit, idle.heard) = (now, limit, false);
            }
        }
        if self.unset {
            let events = format!("MessageNew ({}) MessageExpunge", self.items());
            self.say(&mut out, &format!("NOTIFY SET (selected ({events}))"), What::Notify, limit, now);
        }
        if noop {
            self.say(&mut out, "NOOP", What::Noop, limit, now);
        }
        if !self.bodiless.is_empty() {
            let most = if self.singly { 1 } else { MOST_AGAIN };
            let missing: BTreeSet<u32> = self.bodiless.iter().copied().take(most).collect();
            self.fetch(&mut out, &UidSet::of(missing.iter().copied()), What::Again(missing), now);
        }
        self.fetch(&mut out, &UidSet::from(self.next), What::Fetch(None), now);
        // whatever was announced until now is in the fetch
        (self.more, self.unset, self.owed, self.owed_since) = (false, false, 0, None);
        out
    }

    fn begin_idle(&mut self, now: Instant) -> String {
        let mut out = String::new();
        self.say(&mut out, "IDLE", What::Idle, self.pace.probe_answer, now);
        self.idle = Idle::Asked;
        out
    }

    fn items(&self) -> String {
        format!("UID INTERNALDATE RFC822.SIZE BODY.PEEK[]<0.{}>", self.cap)
    }

    fn fetch(&mut self, out: &mut String, uids: &UidSet, what: What, now: Instant) {
        let command = format!("UID FETCH {uids} ({})", self.items());
        self.say(out, &command, what, self.pace.command, now);
    }

    fn say(&mut self, out: &mut String, command: &str, what: What, limit: Duration, now: Instant) {
        self.tag = self.tag.wrapping_add(1);
        let tag = format!("w{}", self.tag);
        out.push_str(&format!("{tag} {command}\r\n"));
        self.sent.push_back(Sent { tag, what, since: now, limit, brought: 0, heard: false, ended: None });
    }

    // ---- what is heard ----

    /// What follows from a response.
    pub(super) fn hear(&mut self, response: Response, now: Instant) -> Result<Vec<Told>, Trouble> {
        if let Some(first) = self.sent.front_mut() {
            first.heard = true;
        }
        match response {
            Response::Continue => {
                if self.idle == Idle::Asked {
                    self.idle = Idle::On;
                    self.more &= !planted::is(Bug::ExistsLost);
                }
                Ok(Vec::new())
            }
            Response::Tagged { tag, status } => self.ended(&tag, status, now),
            Response::Fetch(seen) => {
                let mut told: Vec<Told> = self.brought(seen, now)?.into_iter().collect();
                told.extend(self.event_complete(now));
                Ok(told)
            }
            Response::Exists(count) => {
                self.announced(count, now);
                Ok(Vec::new())
            }
            Response::Expunge => {
                self.exists = self.exists.saturating_sub(1);
                Ok(Vec::new())
            }
            Response::Unreadable => {
                // of which message? what is missing must not count as gone
                self.unread |= self.is_fetching();
                self.more = true;
                Ok(Vec::new())
            }
            Response::Status(Status { condition, code: Some(code), .. }) => {
                match code.name.as_str() {
                    // it says that it stopped telling (RFC 5465, 5.8)
                    "NOTIFICATIONOVERFLOW" if self.means == Means::Notify => {
                        self.overflows += 1;
                        if self.overflows >= MOST_OVERFLOWS {
                            return Err(Trouble::Without(Means::Notify));
                        }
                        (self.more, self.unset) = (true, true);
                    }
                    "UIDVALIDITY" if condition == Condition::Ok && code.number() != Some(self.uid_validity) => {
                        return Err(Trouble::Lost("the mailbox is being renumbered".to_owned()));
                    }
                    _ => {}
                }
                Ok(Vec::new())
            }
            _ => Ok(Vec::new()),
        }
    }

    fn announced(&mut self, count: u32, now: Instant) {
        let fetching = self.is_fetching();
        if self.means == Means::Notify && !fetching && count > self.exists {
            self.owed = self.owed.saturating_add(count - self.exists);
            self.owed_since = Some(now);
        } else {
            // a count that did not grow is news, too: one may have gone and one come
            self.more = true;
        }
        self.exists = count;
    }

    fn brought(&mut self, mut seen: Seen, now: Instant) -> Result<Option<Told>, Trouble> {
        let Some(uid) = seen.uid.filter(|uid| *uid > 0) else { return Ok(None) };
        if uid < self.next && !self.bodiless.contains(&uid) {
            return Ok(None);
        }
        let fetching = self.is_fetching();
        if seen.body.is_none() {
            // flag news about other messages carry no size: they are not answers to a fetch
            if (seen.size.is_some() || seen.received.is_some()) && fetching && !self.told.contains(&uid) {
                self.bodiless.insert(uid);
            }
            if self.told.len() + self.bodiless.len() > MOST_TOLD {
                return Err(Trouble::Lost("the server lists more messages than can be".to_owned()));
            }
            return Ok(None);
        }
        if self.told.len() > MOST_TOLD {
            return Err(Trouble::Lost("the server lists more messages than can be".to_owned()));
        }
        let missing = self.bodiless.remove(&uid);
        if !missing && !self.told.insert(uid) {
            return Ok(None);
        }
        (self.called, self.barren) = (false, 0);
        // only what is new is progress: the same again and again holds nobody
        if let Some(first) = self.sent.front_mut() {
            first.since = now;
            first.brought = first.brought.saturating_add(1);
        }
        if let Some(body) = &mut seen.body {
            body.truncate(self.cap as usize);
        }
        if !fetching {
            match self.owed.checked_sub(1) {
                Some(owed) => (self.owed, self.owed_since) = (owed, (owed > 0).then_some(now)),
                // one that was not announced: what else was not?
                None => self.more = true,
            }
        }
        Ok(Some(Told::Mail(uid, seen)))
    }

    /// After an event under NOTIFY: whether everything that was announced has come, and so the cursor moves.
    fn event_complete(&mut self, now: Instant) -> Option<Told> {
        let idling = self.idle == Idle::On && self.sent.len() == 1;
        if !idling || self.told.is_empty() || self.owed > 0 || self.more || !self.bodiless.is_empty() {
            return None;
        }
        self.reached(None);
        self.settled(true, now)
    }

    fn ended(&mut self, tag: &str, status: Status, now: Instant) -> Result<Vec<Told>, Trouble> {
        let Some(sent) = self.sent.iter_mut().find(|sent| sent.tag == tag && sent.ended.is_none()) else {
            return Err(Trouble::Lost("the server answered a command that was not sent".to_owned()));
        };
        sent.ended = Some(status);
        // in the order in which they were sent: a later window must not carry the cursor past an earlier one
        let mut told = Vec::new();
        while let Some(status) = self.sent.front_mut().and_then(|first| first.ended.take()) {
            let Some(done) = self.sent.pop_front() else { break };
            if let Some(first) = self.sent.front_mut() {
                first.since = now;
            }
            told.extend(self.done(done, status, now)?);
        }
        Ok(told)
    }

    fn done(&mut self, done: Sent, status: Status, now: Instant) -> Result<Vec<Told>, Trouble> {
        let ok = status.condition == Condition::Ok;
        match done.what {
            What::Idle => {
                let was = std::mem::replace(&mut self.idle, Idle::Not);
                match (ok, was) {
                    (true, Idle::Leaving) => {}
                    (true, Idle::Asked) => return Err(Trouble::Without(Means::Idle)),
                    // ended by the server: who knows what it did not say
                    (true, _) => self.more = true,
                    (false, Idle::Asked) if !passing(&status) => return Err(Trouble::Without(Means::Idle)),
                    (false, _) => return Err(Trouble::Refused("waiting for mail (IDLE)", status)),
                }
                Ok(Vec::new())
            }
            What::Notify if !ok && !passing(&status) => Err(Trouble::Without(Means::Notify)),
            What::Notify if !ok => Err(Trouble::Refused("asking to be told of new mail (NOTIFY)", status)),
            What::Noop if !ok => Err(Trouble::Refused("a sign of life (NOOP)", status)),
            What::Fetch(_) if !ok => Err(Trouble::Refused("reading new mail", status)),
            What::Fetch(_) | What::Again(_) if self.unread => {
                Err(Trouble::Lost("the server answered with something that cannot be read".to_owned()))
            }
            What::Notify | What::Noop => Ok(Vec::new()),
            What::Again(missing) => {
                if !ok && passing(&status) {
                    return Err(Trouble::Refused("reading new mail", status));
                }
                if !ok && missing.len() > 1 {
                    self.singly = true;
                    return Ok(Vec::new());
                }
                let still: Vec<u32> = missing.into_iter().filter(|uid| self.bodiless.remove(uid)).collect();
                Ok(still.into_iter().map(Told::Unfetched).collect())
            }
            What::Fetch(last) => {
                if last.is_some() && done.brought < self.window / 4 {
                    self.window = self.window.saturating_mul(2).min(WIDEST);
                } else {
                    self.window = WINDOW;
                }
                self.reached(last);
                Ok(if self.bodiless.is_empty() {
                    self.settled(last.is_none(), now).into_iter().collect()
                } else {
                    Vec::new()
                })
            }
        }
    }

    /// The cursor moves behind what was told, or behind the window.
    fn reached(&mut self, last: Option<u32>) {
        // a UID far beyond anything plausible does not carry the cursor past mail that is to come
        let plausible = self.next.max(self.server_next).saturating_add(FURTHEST);
        let behind = match last {
            Some(last) => Some(last),
            None => {
                let last = |uids: &BTreeSet<u32>| uids.range(..plausible).next_back().copied();
                last(&self.told).max(last(&self.bodiless))
            }
        };
        self.next = behind.map_or(self.next, |uid| self.next.max(uid.saturating_add(1)));
        self.ahead = self.ahead.max(self.next);
        self.server_next = self.server_next.max(self.next);
        self.told = self.told.split_off(&self.next);
    }

    /// Everything below the cursor was told. `whole`: to the end, not only to the end of a window.
    fn settled(&mut self, whole: bool, now: Instant) -> Option<Told> {
        if !whole {
            return Some(Told::Read(self.next));
        }
        self.proven = now;
        self.barren = if std::mem::take(&mut self.called) { self.barren.saturating_add(1) } else { 0 };
        if self.looked != Some(self.next) {
            self.looked = Some(self.next);
            self.alive = Some(now);
            return Some(Told::Looked(self.next));
        }
        if self.alive.is_some_and(|told| now.duration_since(told) < ALIVE) {
            return None;
        }
        self.alive = Some(now);
        Some(Told::Alive)
    }

    fn is_fetching(&self) -> bool {
        self.sent.iter().any(|sent| matches!(sent.what, What::Fetch(_) | What::Again(_)))
    }

    /// The listener has taken what it was told: our own time does not count as the server's silence.
    pub(super) fn go_on(&mut self, now: Instant) {
        if let Some(first) = self.sent.front_mut() {
            first.since = first.since.max(now);
        }
    }

    /// Mail was looked for to the end at least once.
    pub(super) fn has_looked(&self) -> bool {
        self.looked.is_some()
    }
}

/// A refusal that passes by itself (RFC 5530).
fn passing(status: &Status) -> bool {
    let code = status.code.as_ref().map(|code| code.name.as_str());
    matches!(code, Some("UNAVAILABLE" | "INUSE" | "SERVERBUG" | "LIMIT"))
}
