//! What the program is compared with: a client on a raw socket that does the least there is to do, and judges nothing.

use super::super::support::dovecot::{PASSWORD, USER};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;

/// A logged-in connection.
pub(super) struct Bare {
    stream: BufReader<TcpStream>,
    tag: u32,
}

impl Bare {
    pub(super) fn login(port: u16) -> Self {
        let stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
        stream.set_nodelay(true).unwrap();
        let mut this = Self { stream: BufReader::with_capacity(64 * 1024, stream), tag: 0 };
        this.line().unwrap();
        this.command(&format!("LOGIN {USER} {PASSWORD}"));
        this
    }

    /// A response: its line, and the literals in it one after the other.
    fn line(&mut self) -> Option<(String, Vec<u8>)> {
        let (mut text, mut literals) = (String::new(), Vec::new());
        loop {
            let mut bytes = Vec::new();
            if self.stream.read_until(b'\n', &mut bytes).unwrap_or(0) == 0 {
                return None;
            }
            let part = String::from_utf8_lossy(&bytes);
            let part = part.trim_end_matches(['\r', '\n']);
            text.push_str(part);
            let size: Option<usize> =
                part.strip_suffix('}').and_then(|head| head.rsplit_once('{')).and_then(|(_, n)| n.parse().ok());
            let Some(size) = size else { return Some((text, literals)) };
            let before = literals.len();
            literals.resize(before + size, 0);
            self.stream.read_exact(&mut literals[before..]).ok()?;
        }
    }

    fn send(&mut self, command: &str) {
        self.tag += 1;
        write!(self.stream.get_mut(), "b{} {command}\r\n", self.tag).unwrap();
    }

    fn finish(&mut self, tag: u32) {
        let tag = format!("b{tag} ");
        while let Some((line, _)) = self.line() {
            if let Some(status) = line.strip_prefix(&tag) {
                assert!(status.starts_with("OK"), "{status}");
                return;
            }
        }
        panic!("the server went away");
    }

    pub(super) fn command(&mut self, command: &str) {
        self.send(command);
        self.finish(self.tag);
    }

    /// Reads everything, one window asked for ahead, and moves the first so many.
    pub(super) fn sort(&mut self, mails: usize, moved: usize, cap: u32) {
        self.command("SELECT INBOX");
        self.command("CREATE Target");
        let windows =
            |all: usize, size: usize| (0..all.div_ceil(size)).map(move |n| (n * size + 1, ((n + 1) * size).min(all)));
        let mut waiting = std::collections::VecDeque::new();
        for (first, last) in windows(mails, 250) {
            self.send(&format!("UID FETCH {first}:{last} (UID FLAGS INTERNALDATE RFC822.SIZE BODY.PEEK[]<0.{cap}>)"));
            waiting.push_back(self.tag);
            if waiting.len() > 1 {
                let tag = waiting.pop_front().unwrap();
                self.finish(tag);
            }
        }
        for (first, last) in windows(moved, 500) {
            self.send(&format!("UID MOVE {first}:{last} Target"));
            waiting.push_back(self.tag);
        }
        for tag in waiting {
            self.finish(tag);
        }
    }

    /// Waits in IDLE; EXISTS → DONE and UID FETCH in one write → POST, over a connection that is open. Until the
    /// connection is lost.
    pub(super) fn alert(mut self, webhook: u16) {
        self.command("EXAMINE INBOX");
        let mut hook = BufReader::new(TcpStream::connect(("127.0.0.1", webhook)).unwrap());
        hook.get_ref().set_nodelay(true).unwrap();
        let mut next = 1_u32;
        loop {
            self.send("IDLE");
            let idle = self.tag;
            loop {
                let Some((line, _)) = self.line() else { return };
                if line.ends_with(" EXISTS") {
                    break;
                }
            }
            self.tag += 1;
            let (tag, fetch) = (format!("b{} ", self.tag), format!("b{idle} "));
            let out = format!("DONE\r\n{tag}UID FETCH {next}:4294967295 (UID BODY.PEEK[])\r\n");
            if self.stream.get_mut().write_all(out.as_bytes()).is_err() {
                return;
            }
            loop {
                let Some((line, body)) = self.line() else { return };
                if line.starts_with(&tag) {
                    break;
                }
                if line.starts_with(&fetch) || body.is_empty() {
                    continue;
                }
                let uid = line.split("UID ").nth(1).and_then(|rest| rest.split([' ', ')']).next()?.parse().ok());
                next = next.max(uid.unwrap_or(0) + 1);
                let head = format!("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: {}\r\n\r\n", body.len());
                if hook.get_mut().write_all(&[head.as_bytes(), &body].concat()).is_err() {
                    return;
                }
                answered(&mut hook);
            }
        }
    }
}

fn answered(hook: &mut BufReader<TcpStream>) {
    let mut length = 0;
    loop {
        let mut line = String::new();
        if hook.read_line(&mut line).unwrap_or(0) == 0 {
            return;
        }
        if let Some(size) = line.to_ascii_lowercase().strip_prefix("content-length:") {
            length = size.trim().parse().unwrap();
        }
        if line == "\r\n" {
            break;
        }
    }
    let mut body = vec![0; length];
    let _ = hook.read_exact(&mut body);
}
