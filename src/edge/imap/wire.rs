//! One connection: framed responses in, commands out, a deadline on everything. An empty answer is not an answer until
//! its tag said OK.

use super::error::{ImapError, referral};
use super::response::{self, Condition, Framed, Response, Seen, Status};
use super::{Pace, Wire};
use crate::edge::quoted;
use crate::edge::tls::Shown;
use crate::planted::{self, Bug};
use std::fmt::Write as _;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::Instant;

/// Longest line of a response, in bytes; the lines around its literals count together.
const LINE: usize = 64 * 1024;
/// Room for a response beside the body that was asked for.
const ROOM: usize = 64 * 1024;
/// Bytes that the untagged answers to one command may hold together.
pub(super) const ANSWERS: usize = 96 * 1024 * 1024;
/// Responses after one command.
const RESPONSES: u32 = 500_000;
/// Bytes that a server may say after one command beside the bodies of messages.
const TALK: u64 = 64 * 1024 * 1024;
/// A whole command may be waited for so many times `Pace::command` …
const WHOLE: u32 = 5;
/// … and a second more for so many bytes of messages, or of anything else: slow lines end, drips do not hold us.
const SLOWEST_BODY: u64 = 1024;
const SLOWEST_TALK: u64 = 16 * 1024;
/// `[ALERT]`s of one connection that are written into the log.
const ALERTS: u8 = 5;

/// A piece of a command.
pub(super) enum Piece<'a> {
    /// Sent as it is.
    Plain(&'a str),
    /// A string: quoted where possible, else as a literal.
    Text(&'a [u8]),
    /// Bytes as a literal.
    Literal(&'a [u8]),
    /// Bytes as a literal8 (RFC 4466).
    Literal8(&'a [u8]),
}

/// A connection to a server.
pub(super) struct Line {
    stream: Box<dyn Wire>,
    account: String,
    buffer: Vec<u8>,
    start: usize,
    tag: u32,
    largest: usize,
    since: Since,
    alerts: u8,
    /// What the last `+` said.
    asked: Vec<u8>,
    /// The server's word at the end of the connection.
    pub(super) bye: Option<Status>,
    pub(super) pace: Pace,
    /// LITERAL+ or LITERAL-: short literals need no permission.
    pub(super) literal_plus: bool,
    /// UTF8=ACCEPT is on: UTF-8 may stand in quotes.
    pub(super) utf8: bool,
    /// The certificates that the server showed.
    pub(super) shown: Option<Shown>,
}

/// What came since the last command was sent.
#[derive(Default)]
struct Since {
    /// How long was waited for it: our own time does not count.
    waited: Duration,
    responses: u32,
    /// Bytes of responses with a message's body.
    bodies: u64,
    /// Bytes of everything else.
    talk: u64,
}

impl Since {
    /// How long the rest of the command is waited for.
    fn left(&self, command: Duration) -> Duration {
        let seconds = self.bodies / SLOWEST_BODY + self.talk / SLOWEST_TALK;
        (command.saturating_mul(WHOLE) + Duration::from_secs(seconds)).saturating_sub(self.waited)
    }
}

/// What a fetch brings.
pub(super) enum Brought {
    /// A message.
    Message(Seen),
    /// The fetch with this tag ended with OK.
    End(String),
}

/// What a server says in a conversation.
pub(super) enum Turn {
    /// It wants more, and said this with its `+`.
    More(Vec<u8>),
    /// It is over.
    Over(Status),
}

/// The end of a command with all that was said before it.
pub(super) struct Answer {
    pub(super) status: Status,
    pub(super) untagged: Vec<Response>,
}

impl Line {
    pub(super) fn new(stream: Box<dyn Wire>, account: &str, pace: Pace, fetch_cap: u32) -> Self {
        Self {
            stream,
            account: account.to_owned(),
            buffer: Vec::new(),
            start: 0,
            tag: 0,
            largest: (fetch_cap as usize).saturating_add(ROOM),
            since: Since::default(),
            alerts: 0,
            asked: Vec::new(),
            bye: None,
            pace,
            literal_plus: false,
            utf8: false,
            shown: None,
        }
    }

    /// The stream, for TLS to be laid over it. Refused when bytes lie there already: they would count as encrypted.
    pub(super) fn into_stream(self) -> Result<Box<dyn Wire>, ImapError> {
        if self.buffer.len() > self.start {
            return Err(ImapError::ask(
                &self.account,
                "the server sent clear text after STARTTLS: someone may be listening",
            ));
        }
        Ok(self.stream)
    }

    pub(super) fn lost(&self, what: impl std::fmt::Display) -> ImapError {
        ImapError::lost(&self.account, what)
    }

    /// The next response, within `limit` and within what is left for the whole command. May be dropped and called
    /// again: nothing is lost.
    pub(super) async fn response(&mut self, limit: Duration) -> Result<Response, ImapError> {
        let left = self.since.left(self.pace.command);
        let began = Instant::now();
        let endless = |line: &Self| {
            let waited = line.since.waited.as_secs();
            line.lost(format_args!("the server answers, but comes to no end (waited {waited} s)"))
        };
        if left.is_zero() {
            return Err(endless(self));
        }
        let response = tokio::time::timeout(limit.min(left), self.next()).await;
        self.since.waited += began.elapsed();
        match response {
            Ok(response) => response,
            Err(_) if left < limit => Err(endless(self)),
            Err(_) => Err(self.lost(format_args!("the server was silent for {} s", limit.as_secs()))),
        }
    }

    /// The next response, `None` when none came within `limit`.
    pub(super) async fn response_or_silence(&mut self, limit: Duration) -> Result<Option<Response>, ImapError> {
        tokio::time::timeout(limit, self.next()).await.map_or(Ok(None), |response| response.map(Some))
    }

    async fn next(&mut self) -> Result<Response, ImapError> {
        // of a line that has not ended: so far there is no LF, and it is not looked for again
        let mut searched = 0;
        // of a literal: where it ends
        let mut needed = 0;
        loop {
            let waiting = self.buffer.get(self.start..).unwrap_or_default();
            let fresh = waiting.get(searched..).unwrap_or_default();
            if waiting.len() >= needed && (searched == 0 || waiting.len() > LINE || fresh.contains(&b'\n')) {
                match response::frame(waiting, LINE, self.largest) {
                    Ok(Framed::Whole(end)) => return self.whole(end),
                    Ok(Framed::Line(_)) => searched = waiting.len(),
                    Ok(Framed::Literal(end)) => (searched, needed) = (0, end),
                    Err(what) => return Err(self.lost(format_args!("the server {what}"))),
                }
            }
            if self.start > 0 {
                self.buffer.drain(..self.start);
                self.start = 0;
            }
            if self.buffer.capacity() - self.buffer.len() < 16 * 1024 {
                self.buffer.reserve(32 * 1024);
            }
            match self.stream.read_buf(&mut self.buffer).await {
                Ok(0) => return Err(self.lost("the server closed the connection")),
                Ok(_) => {}
                Err(error) => return Err(self.lost(format_args!("the connection broke: {error}"))),
            }
            // a large body came and went: an idle connection does not keep its room
            if self.buffer.len() < 4096 && self.buffer.capacity() > 128 * 1024 {
                self.buffer.shrink_to(32 * 1024);
            }
        }
    }

    /// Takes a whole response of `end` bytes off the buffer.
    fn whole(&mut self, end: usize) -> Result<Response, ImapError> {
        let whole = self.buffer.get(self.start..self.start + end).unwrap_or_default();
        let text = whole.strip_suffix(b"\n").unwrap_or(whole);
        let text = text.strip_suffix(b"\r").unwrap_or(text);
        let response = response::read(text);
        if response == Response::Continue {
            self.asked = text.get(1..).unwrap_or_default().trim_ascii().to_vec();
        }
        self.start += end;
        let since = &mut self.since;
        since.responses = since.responses.saturating_add(1);
        match &response {
            Response::Fetch(seen) if seen.body.is_some() => since.bodies = since.bodies.saturating_add(end as u64),
            _ => since.talk = since.talk.saturating_add(end as u64),
        }
        if since.responses > RESPONSES || since.talk > TALK {
            return Err(self.lost("the server says more than was asked for"));
        }
        if let Response::Status(status) | Response::Tagged { status, .. } = &response {
            if status.code.as_ref().is_some_and(|code| code.name == "ALERT") && self.alerts < ALERTS {
                self.alerts += 1;
                tracing::warn!("account `{}`: the server says {}", self.account, quoted(&status.text));
            }
            if status.condition == Condition::Bye {
                let elsewhere = referral(status).unwrap_or_default();
                let said = quoted(&status.text);
                self.bye = Some(status.clone());
                return Err(self.lost(format_args!("the server ended the connection: {said}{elsewhere}")));
            }
        }
        Ok(response)
    }

    /// What comes from now on answers something new.
    pub(super) fn begin(&mut self) {
        self.since = Since::default();
    }

    pub(super) fn next_tag(&mut self) -> String {
        self.tag = self.tag.wrapping_add(1);
        self.begin();
        format!("m{}", self.tag)
    }

    /// Writes bytes as they are, in one go.
    pub(super) async fn write(&mut self, bytes: &[u8]) -> Result<(), ImapError> {
        let sent = async {
            self.stream.write_all(bytes).await?;
            self.stream.flush().await
        };
        match tokio::time::timeout(self.pace.command, sent).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(error)) => Err(self.lost(format_args!("the connection broke: {error}"))),
            Err(_) => Err(self.lost("the server takes nothing")),
        }
    }

    /// Sends a command; answers its tag. Continuations for literals are waited for; untagged answers that come
    /// meanwhile go to `untagged`.
    pub(super) async fn send(
        &mut self,
        pieces: &[Piece<'_>],
        untagged: &mut Vec<Response>,
    ) -> Result<String, ImapError> {
        let tag = self.next_tag();
        let mut out = format!("{tag} ").into_bytes();
        for piece in pieces {
            match piece {
                Piece::Plain(text) => out.extend_from_slice(text.as_bytes()),
                Piece::Text(text) => {
                    if goes_quoted(text, self.utf8) {
                        quote(&mut out, text);
                    } else {
                        self.literal(&mut out, text, &tag, untagged).await?;
                    }
                }
                Piece::Literal(bytes) => self.literal(&mut out, bytes, &tag, untagged).await?,
                Piece::Literal8(bytes) => {
                    out.push(b'~');
                    self.literal(&mut out, bytes, &tag, untagged).await?;
                }
            }
        }
        out.extend_from_slice(b"\r\n");
        self.write(&out).await?;
        Ok(tag)
    }

    async fn literal(
        &mut self,
        out: &mut Vec<u8>,
        bytes: &[u8],
        tag: &str,
        untagged: &mut Vec<Response>,
    ) -> Result<(), ImapError> {
        let mut size = String::new();
        let at_once = self.literal_plus && bytes.len() <= 4096;
        let _ = write!(size, "{{{}{}}}\r\n", bytes.len(), if at_once { "+" } else { "" });
        out.extend_from_slice(size.as_bytes());
        if !at_once {
            self.write(out).await?;
            out.clear();
            loop {
                match self.response(self.pace.command).await? {
                    Response::Continue => break,
                    Response::Tagged { tag: other, status } if other == tag => {
                        return Err(ImapError::refusal(&self.account, "a command", &status, None));
                    }
                    Response::Tagged { .. } => return Err(self.lost("the server answered a command that was not sent")),
                    // nothing was asked yet: what is said now is news, and only so much of it is kept
                    other if untagged.len() < 1000 => untagged.push(other),
                    _ => {}
                }
            }
        }
        out.extend_from_slice(bytes);
        Ok(())
    }

    /// Sends a command and waits for its end.
    pub(super) async fn command(&mut self, pieces: &[Piece<'_>]) -> Result<Answer, ImapError> {
        let mut untagged = Vec::new();
        let tag = self.send(pieces, &mut untagged).await?;
        self.finish(&tag, untagged).await
    }

    /// Waits for the end of a command.
    pub(super) async fn finish(&mut self, tag: &str, mut untagged: Vec<Response>) -> Result<Answer, ImapError> {
        let mut held = 0_usize;
        loop {
            match self.response(self.pace.command).await? {
                Response::Tagged { tag: other, status } if other == tag => return Ok(Answer { status, untagged }),
                Response::Tagged { .. } => return Err(self.lost("the server answered a command that was not sent")),
                Response::Continue => return Err(self.lost("the server asks for more than there is to say")),
                Response::Unreadable | Response::Other | Response::Expunge => {}
                response => {
                    held = held.saturating_add(response.weight());
                    if held > ANSWERS {
                        return Err(self.lost("the server says more than was asked for"));
                    }
                    untagged.push(response);
                }
            }
        }
    }

    /// Waits for the ends of two commands that were sent together; what was said before them goes to `untagged`.
    pub(super) async fn finish_both(
        &mut self,
        tags: &[String; 2],
        untagged: &mut Vec<Response>,
    ) -> Result<[Status; 2], ImapError> {
        let [first, second] = tags;
        let (mut one, mut other) = (None, None);
        let mut held = 0_usize;
        loop {
            match self.response(self.pace.command).await? {
                Response::Tagged { tag, status } if tag == *first && one.is_none() => one = Some(status),
                Response::Tagged { tag, status } if tag == *second && other.is_none() => other = Some(status),
                Response::Tagged { .. } => return Err(self.lost("the server answered a command that was not sent")),
                Response::Continue => return Err(self.lost("the server asks for more than there is to say")),
                Response::Unreadable | Response::Other | Response::Expunge => {}
                response => {
                    held = held.saturating_add(response.weight());
                    if held > ANSWERS {
                        return Err(self.lost("the server says more than was asked for"));
                    }
                    untagged.push(response);
                }
            }
            if let (Some(one), Some(other)) = (&one, &other) {
                return Ok([one.clone(), other.clone()]);
            }
        }
    }

    /// What the server says next to a command that is a conversation. What is untagged goes to `untagged`.
    pub(super) async fn turn(&mut self, tag: &str, untagged: &mut Vec<Response>) -> Result<Turn, ImapError> {
        loop {
            match self.response(self.pace.command).await? {
                Response::Continue => return Ok(Turn::More(std::mem::take(&mut self.asked))),
                Response::Tagged { tag: other, status } if other == tag => return Ok(Turn::Over(status)),
                Response::Tagged { .. } => return Err(self.lost("the server answered a command that was not sent")),
                // only so much of what was not asked is kept
                other if untagged.len() < 1000 => untagged.push(other),
                _ => {}
            }
        }
    }

    /// What the fetches under way (their tags) of a mailbox with this UIDVALIDITY bring next: a message, or the tag of one
    /// that ended with OK. A server may work on several at once (Dovecot does).
    pub(super) async fn next_fetched<'t>(
        &mut self,
        tags: impl Iterator<Item = &'t str> + Clone,
        doing: &str,
        numbering: u32,
    ) -> Result<Brought, ImapError> {
        loop {
            match self.response(self.pace.command).await? {
                Response::Tagged { tag, status } => {
                    if !tags.clone().any(|one| one == tag) {
                        return Err(self.lost("the server answered a command that was not sent"));
                    }
                    if !planted::is(Bug::NoReadAsEmpty) {
                        self.must_be_ok(doing, &status)?;
                    }
                    return Ok(Brought::End(tag));
                }
                Response::Fetch(seen) => return Ok(Brought::Message(seen)),
                Response::Continue => return Err(self.lost("the server asks for more than there is to say")),
                // what is missing would count as gone
                Response::Unreadable => {
                    return Err(self.lost("the server answered with something that cannot be read"));
                }
                Response::Status(status) if status.renumbers(numbering) => {
                    return Err(self.lost("the mailbox is being renumbered"));
                }
                _ => {}
            }
        }
    }

    /// Sends a command and waits for its OK. `doing` is what is wanted, in words for people.
    pub(super) async fn ok(&mut self, doing: &str, pieces: &[Piece<'_>]) -> Result<Answer, ImapError> {
        let answer = self.command(pieces).await?;
        self.must_be_ok(doing, &answer.status)?;
        Ok(answer)
    }

    pub(super) fn must_be_ok(&self, doing: &str, status: &Status) -> Result<(), ImapError> {
        if status.condition == Condition::Ok {
            return Ok(());
        }
        Err(ImapError::refusal(&self.account, doing, status, None))
    }
}

/// Whether a string can be written in quotes (`utf8`: UTF-8, too); else it must be a literal.
pub(super) fn goes_quoted(text: &[u8], utf8: bool) -> bool {
    let fits = |b: &u8| (0x20..0x7f).contains(b) || (utf8 && *b >= 0x80);
    text.len() < 1000 && text.iter().all(fits) && std::str::from_utf8(text).is_ok()
}

/// Writes a string in quotes.
pub(super) fn quote(out: &mut Vec<u8>, text: &[u8]) {
    out.push(b'"');
    for b in text {
        if matches!(b, b'"' | b'\\') {
            out.push(b'\\');
        }
        out.push(*b);
    }
    out.push(b'"');
}
