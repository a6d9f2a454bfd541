//! One connection to the embedded server: reads commands, lets faults strike, answers what needs no mailbox selected.

use super::answer;
use super::fault::{Fault, GREETING, Gap};
use super::login::Entered;
use super::mailboxes::canonical;
use super::notify::Wanted;
use super::selected::View;
use super::server::Shared;
use super::syntax::{self, Args};
use crate::edge::imap::Wire;
use std::collections::BTreeSet;
use std::io;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

/// Longest line of a command, without its literals.
const MOST_LINE: usize = 64 * 1024;
/// Largest literal.
const MOST_LITERAL: usize = 64 * 1024 * 1024;
/// Longest command with its literals.
const MOST_COMMAND: usize = 2 * MOST_LITERAL;

/// How a command ended; the text follows the word.
pub(super) enum Answer {
    Ok(String),
    No(String),
    Bad(&'static str),
    /// OK, then the connection closes.
    Farewell,
}

pub(super) struct Session<'s, W> {
    pub(super) shared: &'s Shared,
    wire: W,
    /// Read and not yet understood.
    input: Vec<u8>,
    /// Nothing more is read: a fault cut the way in.
    deaf: bool,
    /// Written and not yet sent.
    pub(super) out: Vec<u8>,
    /// A fault wants to see the whole answer before any of it is sent.
    hold: bool,
    /// A fault: nothing is said any more.
    mute: bool,
    /// Becomes mute after the `+` of IDLE.
    muting: bool,
    /// Half of the messages of a command are passed by.
    pub(super) partly: bool,
    /// COPY is the first half of a MOVE whose second is not done.
    pub(super) halving: bool,
    /// So many messages had been moved half when the command was read.
    pub(super) halved_before: usize,
    pub(super) entered: Entered,
    /// The owner ends the session with BYE and this text.
    ending: Option<String>,
    /// UTF8=ACCEPT is on.
    pub(super) utf8: bool,
    pub(super) view: Option<View>,
    pub(super) wanted: Wanted,
}

/// Serves until the client leaves, an error, or a fault.
pub(super) async fn run<W: Wire>(shared: &Shared, wire: W) -> io::Result<()> {
    let mut session = Session {
        shared,
        wire,
        input: vec![],
        deaf: false,
        out: vec![],
        hold: false,
        mute: false,
        muting: false,
        partly: false,
        halving: false,
        halved_before: 0,
        entered: Entered::new(shared),
        ending: None,
        utf8: false,
        view: None,
        wanted: Wanted::Usual,
    };
    let fault = shared.state().faults.strike(GREETING);
    if !session.misbehave(fault.as_ref(), GREETING).await? {
        return Ok(());
    }
    let greeting = session.greeting();
    session.say(&greeting);
    session.flush().await?;
    let ended = session.serve().await;
    if let Some(text) = session.ending.take() {
        session.say(&format!("* BYE {text}"));
        session.flush().await?;
    }
    ended
}

pub(super) fn cut() -> io::Error {
    io::ErrorKind::ConnectionReset.into()
}

/// The size of the literal that a line announces at its end, and whether the client waits to be asked for it.
pub(super) fn literal(line: &[u8]) -> Option<(usize, bool)> {
    let inner = line.strip_suffix(b"}")?;
    let open = inner.iter().rposition(|byte| *byte == b'{')?;
    let digits = inner.get(open + 1..)?;
    let (digits, waits) = digits.strip_suffix(b"+").map_or((digits, true), |digits| (digits, false));
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    // a number too large to read is larger than any limit
    Some((std::str::from_utf8(digits).ok()?.parse().unwrap_or(usize::MAX), waits))
}

impl<W: Wire> Session<'_, W> {
    async fn serve(&mut self) -> io::Result<()> {
        while let Some(command) = self.read_command().await? {
            if !self.command(&command).await? {
                break;
            }
        }
        Ok(())
    }

    pub(super) fn say(&mut self, line: &str) {
        self.out.extend_from_slice(line.as_bytes());
        self.out.extend_from_slice(b"\r\n");
    }

    pub(super) async fn flush(&mut self) -> io::Result<()> {
        let out = std::mem::take(&mut self.out);
        if out.is_empty() || self.mute {
            return Ok(());
        }
        let may = self.shared.state().faults.pass(out.len(), true);
        self.wire.write_all(out.get(..may).unwrap_or(&out)).await?;
        self.wire.flush().await?;
        if may < out.len() { Err(cut()) } else { Ok(()) }
    }

    /// Sends what has gathered, unless a fault wants the answer whole.
    pub(super) async fn flush_some(&mut self) -> io::Result<()> {
        if self.out.len() > 64 * 1024 && !self.hold { self.flush().await } else { Ok(()) }
    }

    /// Reads once; 0 is the end. May be dropped while it waits.
    async fn fill(&mut self) -> io::Result<usize> {
        if self.deaf {
            return Ok(0);
        }
        let before = self.input.len();
        let count = tokio::select! {
            biased;
            text = self.entered.over(self.shared) => {
                // to who reads it looks as though the client had left
                self.deaf = true;
                self.ending = Some(text);
                return Ok(0);
            }
            count = self.wire.read_buf(&mut self.input) => count?,
        };
        let may = self.shared.state().faults.pass(count, false);
        if may < count {
            self.deaf = true;
            self.input.truncate(before + may);
        }
        Ok(may)
    }

    fn buffered_line(&mut self) -> io::Result<Option<Vec<u8>>> {
        let Some(end) = self.input.iter().position(|byte| *byte == b'\n') else {
            return if self.input.len() > MOST_LINE { Err(cut()) } else { Ok(None) };
        };
        let mut line: Vec<u8> = self.input.drain(..=end).collect();
        line.pop();
        if line.last() == Some(&b'\r') {
            line.pop();
        }
        if line.len() > MOST_LINE { Err(cut()) } else { Ok(Some(line)) }
    }

    pub(super) async fn line(&mut self) -> io::Result<Option<Vec<u8>>> {
        loop {
            if let Some(line) = self.buffered_line()? {
                return Ok(Some(line));
            }
            if self.fill().await? == 0 {
                return Ok(None);
            }
        }
    }

    async fn read_command(&mut self) -> io::Result<Option<Vec<u8>>> {
        let mut command = vec![];
        loop {
            let Some(line) = self.line().await? else { return Ok(None) };
            let announced = literal(&line);
            command.extend_from_slice(&line);
            let Some((size, waits)) = announced else { return Ok(Some(command)) };
            if size > MOST_LITERAL || command.len().saturating_add(size) > MOST_COMMAND {
                self.say("* BYE literal too large");
                self.flush().await?;
                return Ok(None);
            }
            if waits {
                self.say("+ go on");
                self.flush().await?;
            }
            while self.input.len() < size {
                if self.fill().await? == 0 {
                    return Ok(None);
                }
            }
            command.extend_from_slice(b"\r\n");
            command.extend(self.input.drain(..size));
        }
    }

    /// Carries one command out; false when the connection is to end.
    async fn command(&mut self, command: &[u8]) -> io::Result<bool> {
        let mut args = Args::new(command);
        let Some((tag, name, uid)) = syntax::head(&mut args) else {
            self.say("* BAD this is not a command");
            self.flush().await?;
            return Ok(true);
        };
        if !self.well_written(command) {
            self.say(&format!("{tag} BAD bytes that may not stand outside of a literal"));
            self.flush().await?;
            return Ok(true);
        }
        let fault = {
            let mut state = self.shared.state();
            let secret = matches!(name.as_str(), "LOGIN" | "AUTHENTICATE");
            let shown = command.split(|byte| matches!(byte, b'\r')).next().unwrap_or_default();
            let shown = String::from_utf8_lossy(shown.get(tag.len() + 1..).unwrap_or_default()).into_owned();
            state.remember(if secret { &name } else { &shown });
            self.halved_before = state.faults.halved();
            state.faults.strike(&name)
        };
        if !self.misbehave(fault.as_ref(), &name).await? {
            return Ok(false);
        }
        // before the `+` of IDLE what happens is told at once
        if self.gap(&name, Gap::Before) && name == "IDLE" {
            self.sync(true);
        }
        // a UID of a mailbox that was renumbered meanwhile means another message
        let by_uid = matches!(name.as_str(), "FETCH" | "STORE" | "COPY" | "MOVE" | "SEARCH" | "EXPUNGE");
        if by_uid && !self.stands() {
            self.say("* BYE the mailbox is not what it was");
            self.flush().await?;
            return Ok(false);
        }
        self.hold = matches!(fault, Some(Fault::LoseAnswer | Fault::Double));
        self.muting = fault == Some(Fault::Mute);
        self.partly = fault == Some(Fault::Partly);
        let done = match &fault {
            Some(Fault::Refuse(text)) => Answer::No(text.clone()),
            Some(Fault::Bad(text)) => Answer::Bad(text),
            Some(Fault::OnlySayOk) => Answer::Ok("done".to_owned()),
            Some(Fault::CopyOnly) => {
                self.halving = true;
                self.execute("COPY", uid, args).await?;
                self.halving = false;
                Answer::No("[UNAVAILABLE] only half of it was done".to_owned())
            }
            _ => self.execute(&name, uid, args).await?,
        };
        (self.hold, self.partly) = (false, false);
        self.mute |= self.muting;
        self.gap(&name, Gap::After);
        if fault == Some(Fault::LoseAnswer) {
            return Ok(false);
        }
        // RFC 3501, 7.4.1: no EXPUNGE while sequence numbers are in use
        let may_expunge = !matches!(name.as_str(), "FETCH" | "STORE" | "SEARCH");
        if fault != Some(Fault::Withhold) && !self.sync(may_expunge) {
            self.say("* BYE the mailbox is not what it was");
            self.flush().await?;
            return Ok(false);
        }
        if fault == Some(Fault::Double) {
            self.out.extend_from_within(..);
        }
        let (line, stay) = match done {
            Answer::Ok(text) => (format!("{tag} OK {text}"), true),
            Answer::No(text) => (format!("{tag} NO {text}"), true),
            Answer::Bad(text) => (format!("{tag} BAD {text}"), true),
            Answer::Farewell => {
                self.say("* BYE until then");
                (format!("{tag} OK logged out"), false)
            }
        };
        self.say(&line);
        self.flush().await?;
        Ok(stay)
    }

    /// Faults that strike before a command is carried out; false when the connection is to end.
    async fn misbehave(&mut self, fault: Option<&Fault>, command: &str) -> io::Result<bool> {
        match fault {
            Some(Fault::Cut) => return Ok(false),
            Some(Fault::Bye) => {
                self.say("* BYE going down");
                self.flush().await?;
                return Ok(false);
            }
            Some(Fault::Hang) => {
                while self.fill().await? > 0 {
                    self.input.clear();
                }
                return Ok(false);
            }
            // a COPY (or an APPEND) that is carried out long after its client has gone cannot be told from one that never will be: no
            // client can be right with such a server
            Some(Fault::Delay(time)) if matches!(command, "COPY" | "APPEND") => {
                tokio::select! {
                    biased;
                    count = self.fill() => return Ok(count? > 0),
                    () = tokio::time::sleep(*time) => {}
                }
            }
            Some(Fault::Delay(time)) => tokio::time::sleep(*time).await,
            _ => {}
        }
        Ok(true)
    }

    /// Lets happen what waits for this point of a command; true when something did.
    pub(super) fn gap(&mut self, command: &str, gap: Gap) -> bool {
        let deed = self.shared.state().faults.at_gap(command, gap);
        deed.map(|deed| deed()).is_some()
    }

    async fn execute(&mut self, name: &str, uid: bool, args: Args<'_>) -> io::Result<Answer> {
        let bad = Answer::Bad("arguments not understood");
        let in_order = match name {
            "CAPABILITY" | "NOOP" | "LOGOUT" => true,
            "LOGIN" | "AUTHENTICATE" => !self.entered.done,
            "FETCH" | "STORE" | "COPY" | "MOVE" | "SEARCH" | "EXPUNGE" | "CHECK" | "CLOSE" | "UNSELECT" => {
                self.view.is_some()
            }
            _ => self.entered.done,
        };
        let can = |capability: &str| self.shared.state().can(capability);
        let known = match name {
            "IDLE" | "NOTIFY" | "NAMESPACE" | "MOVE" | "UNSELECT" | "ENABLE" => can(name),
            "EXPUNGE" if uid => can("UIDPLUS"),
            _ => true,
        };
        if !known {
            return Ok(Answer::Bad("unknown command"));
        }
        if !in_order {
            return Ok(Answer::Bad("not in this state"));
        }
        let answer = match name {
            "CAPABILITY" => {
                let capability = self.capability();
                self.say(&format!("* CAPABILITY {capability}"));
                Some(Answer::Ok("these".to_owned()))
            }
            "NOOP" | "CHECK" => Some(Answer::Ok("done".to_owned())),
            "LOGOUT" => Some(Answer::Farewell),
            "LOGIN" => return Ok(self.login(args).await?.unwrap_or(bad)),
            "AUTHENTICATE" => return Ok(self.authenticate(args).await?.unwrap_or(bad)),
            "IDLE" => return self.idle().await,
            "NAMESPACE" => {
                let (prefix, separator) = self.namespace();
                self.say(&format!("* NAMESPACE (({} {separator})) NIL NIL", answer::quoted(&prefix)));
                Some(Answer::Ok("done".to_owned()))
            }
            "NOTIFY" => self.notify(args),
            "ENABLE" => self.enable(args),
            "LIST" | "LSUB" => self.list(args, name),
            "STATUS" => self.status(args),
            "CREATE" | "DELETE" | "SUBSCRIBE" | "UNSUBSCRIBE" => self.change_folder(args, name),
            "APPEND" => self.append(args),
            "SELECT" | "EXAMINE" => self.select(args, name == "EXAMINE"),
            "FETCH" => return Ok(self.fetch(args, uid).await?.unwrap_or(bad)),
            "STORE" => self.store(args, uid),
            "COPY" | "MOVE" => self.copy(args, uid, name == "MOVE"),
            "SEARCH" => self.search(args, uid),
            "EXPUNGE" => self.expunge(args, uid),
            "CLOSE" | "UNSELECT" => self.close(name == "CLOSE"),
            _ => Some(Answer::Bad("unknown command")),
        };
        Ok(answer.unwrap_or(bad))
    }

    /// The prefix, and what stands between levels, in quotes.
    fn namespace(&self) -> (String, String) {
        let state = self.shared.state();
        let (prefix, separator) = (state.boxes.prefix.clone(), state.boxes.separator);
        drop(state);
        (self.writes()(&prefix), answer::quoted(&separator.to_string()))
    }

    async fn idle(&mut self) -> io::Result<Answer> {
        // from here on no change is missed: it is either in the first look or rings
        let mut changed = self.shared.changed.ear();
        self.say("+ idling");
        self.flush().await?;
        self.mute |= self.muting;
        self.gap("IDLE", Gap::AfterPlus);
        loop {
            if !self.sync(true) {
                return Ok(Answer::No("the mailbox is not what it was".to_owned()));
            }
            self.flush().await?;
            if let Some(line) = self.buffered_line()? {
                let done = line.eq_ignore_ascii_case(b"DONE");
                if self.gap("IDLE", Gap::AtDone) {
                    self.sync(true);
                }
                return Ok(if done { Answer::Ok("idle ended".to_owned()) } else { Answer::Bad("DONE was due") });
            }
            tokio::select! {
                biased;
                count = self.fill() => if count? == 0 { return Err(cut()) },
                () = changed.rung() => {}
            }
        }
    }

    fn list(&mut self, mut args: Args<'_>, name: &str) -> Option<Answer> {
        args.space()?;
        let reference = args.text()?;
        args.space()?;
        let pattern = args.pattern()?;
        if self.shared.state().can("SPECIAL-USE") {
            args.eat(" RETURN (SPECIAL-USE)"); // it is shown in any case
        }
        args.end()?;
        let ((_, between), write) = (self.namespace(), self.writes());
        if pattern.is_empty() {
            self.say(&format!("* {name} (\\Noselect) {between} \"\""));
            return Some(Answer::Ok("done".to_owned()));
        }
        let pattern = canonical(&format!("{reference}{pattern}"));
        let lines: Vec<String> = {
            let state = self.shared.state();
            let separator = state.boxes.separator;
            let mut names: BTreeSet<&str> = BTreeSet::new();
            for (path, mailbox) in state.boxes.iter() {
                if name == "LSUB" && !mailbox.subscribed {
                    continue;
                }
                names.insert(path);
                // levels above that nobody created are shown, but cannot be selected
                names.extend(path.match_indices(separator).filter_map(|(end, _)| path.get(..end)));
            }
            let shown = names.iter().filter(|path| answer::listed(&write(path), &pattern, separator));
            shown
                .map(|path| {
                    let below = format!("{path}{separator}");
                    let children = names.iter().any(|other| other.starts_with(&below));
                    let mut attributes = if children { "\\HasChildren" } else { "\\HasNoChildren" }.to_owned();
                    match state.boxes.get(path) {
                        None => attributes.push_str(" \\Noselect"),
                        Some(mailbox) => {
                            if let Some(special) = &mailbox.attribute {
                                attributes.push(' ');
                                attributes.push_str(special);
                            }
                        }
                    }
                    let wire = answer::quoted(&write(path));
                    format!("* {name} ({attributes}) {between} {wire}")
                })
                .collect()
        };
        for line in lines {
            self.say(&line);
        }
        Some(Answer::Ok("done".to_owned()))
    }

    /// A mailbox name as it stands in a command; outer `None` is BAD.
    pub(super) fn mailbox(&self, args: &mut Args<'_>) -> Option<String> {
        args.space()?;
        self.name_in(&args.text()?).map(|name| canonical(&name))
    }

    fn status(&mut self, mut args: Args<'_>) -> Option<Answer> {
        let name = self.mailbox(&mut args)?;
        args.eat(" (")?;
        let mut items = vec![];
        loop {
            items.push(args.atom()?.to_ascii_uppercase());
            if args.eat(")").is_some() {
                break;
            }
            args.space()?;
        }
        args.end()?;
        let write = self.writes();
        let line = {
            let state = self.shared.state();
            let Some(mailbox) = state.boxes.get(&name) else {
                return Some(Answer::No("[NONEXISTENT] no such mailbox".to_owned()));
            };
            let unseen = mailbox.messages.iter().filter(|message| !message.flags.contains("\\Seen")).count();
            let mut values = vec![];
            for item in items {
                let value = match item.as_str() {
                    "MESSAGES" => mailbox.messages.len().to_string(),
                    "RECENT" => "0".to_owned(),
                    "UIDNEXT" => mailbox.next_uid.to_string(),
                    "UIDVALIDITY" => mailbox.uid_validity.to_string(),
                    "UNSEEN" => unseen.to_string(),
                    _ => return None,
                };
                values.push(format!("{item} {value}"));
            }
            format!("* STATUS {} ({})", answer::quoted(&write(&name)), values.join(" "))
        };
        self.say(&line);
        Some(Answer::Ok("done".to_owned()))
    }

    fn change_folder(&mut self, mut args: Args<'_>, name: &str) -> Option<Answer> {
        let mailbox = self.mailbox(&mut args)?;
        args.end()?;
        if name == "CREATE" && !self.may_be_called(&mailbox) {
            return Some(Answer::No("[CANNOT] not composed (NFC)".to_owned()));
        }
        let mut state = self.shared.state();
        let done = match name {
            "CREATE" => state.boxes.create(&mailbox),
            "DELETE" => state.boxes.delete(&mailbox),
            _ => match state.boxes.get_mut(&mailbox) {
                Some(mailbox) => {
                    mailbox.subscribed = name == "SUBSCRIBE";
                    Ok(())
                }
                None => Err("[NONEXISTENT] no such mailbox"),
            },
        };
        drop(state);
        self.shared.ring();
        Some(done.map_or_else(|refusal| Answer::No(refusal.to_owned()), |()| Answer::Ok("done".to_owned())))
    }

    fn append(&mut self, mut args: Args<'_>) -> Option<Answer> {
        let name = self.mailbox(&mut args)?;
        args.space()?;
        let mut flags = BTreeSet::new();
        if args.peek() == Some(b'(') {
            flags = args.flags()?;
            args.space()?;
        }
        let mut received = self.shared.clock.now();
        if let Some(date) = args.date_time() {
            received = date;
            args.space()?;
        }
        let bytes = self.message(&mut args)?;
        args.end()?;
        let bytes = match bytes {
            Ok(bytes) => bytes,
            Err(refusal) => return Some(Answer::No(refusal.to_owned())),
        };
        let code = {
            let mut state = self.shared.state();
            let uidplus = state.can("UIDPLUS");
            let Some((validity, uid)) = state.boxes.lay(&name, bytes.into(), flags, received) else {
                return Some(Answer::No("[TRYCREATE] no such mailbox".to_owned()));
            };
            if uidplus { format!("[APPENDUID {validity} {uid}] ") } else { String::new() }
        };
        self.shared.ring();
        Some(Answer::Ok(format!("{code}appended")))
    }
}
