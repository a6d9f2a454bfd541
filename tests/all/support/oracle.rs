//! The tests' own eye on a mailbox: a raw, blocking IMAP client that shares no code with the program.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::time::Duration;

/// A message as the server holds it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    pub uid: u32,
    pub flags: Vec<String>,
    /// Without the angle brackets; empty if it has none.
    pub message_id: String,
}

/// Folder name in UTF-8 → its messages in UID order.
pub type Mailboxes = BTreeMap<String, Vec<Seen>>;

/// One answer: the text of a response, with the literals it carried in order.
#[derive(Clone, Debug)]
pub struct Line {
    pub text: String,
    pub literals: Vec<Vec<u8>>,
}

/// A logged-in connection over plain TCP.
pub struct Oracle {
    stream: BufReader<TcpStream>,
    tag: u32,
}

impl Oracle {
    pub fn login(port: u16, user: &str, password: &str) -> std::io::Result<Self> {
        let stream = TcpStream::connect(("127.0.0.1", port))?;
        stream.set_read_timeout(Some(Duration::from_secs(30)))?;
        stream.set_nodelay(true)?;
        let mut this = Self { stream: BufReader::new(stream), tag: 0 };
        let greeting = this.line()?;
        if !greeting.text.starts_with("* OK") {
            return Err(std::io::Error::other(greeting.text));
        }
        this.command(&format!("LOGIN \"{user}\" \"{password}\""))?;
        Ok(this)
    }

    /// A response: one line and the literals inside it.
    pub fn line(&mut self) -> std::io::Result<Line> {
        let mut line = Line { text: String::new(), literals: vec![] };
        loop {
            let mut bytes = vec![];
            if self.stream.read_until(b'\n', &mut bytes)? == 0 {
                return Err(std::io::ErrorKind::UnexpectedEof.into());
            }
            let part = String::from_utf8_lossy(&bytes).trim_end_matches(['\r', '\n']).to_owned();
            let size = part.strip_suffix('}').and_then(|head| head.rsplit_once('{')).and_then(|(_, n)| n.parse().ok());
            line.text.push_str(&part);
            let Some(size) = size else { return Ok(line) };
            let mut literal = vec![0; size];
            self.stream.read_exact(&mut literal)?;
            line.literals.push(literal);
        }
    }

    /// Sends a command; its untagged answers once the tag said OK, else the refusal as an error.
    pub fn command(&mut self, command: &str) -> std::io::Result<Vec<Line>> {
        self.send(command)?;
        self.finish()
    }

    fn send(&mut self, command: &str) -> std::io::Result<()> {
        self.tag += 1;
        write!(self.stream.get_mut(), "o{} {command}\r\n", self.tag)
    }

    fn send_bytes(&mut self, command: &[u8]) -> std::io::Result<()> {
        self.tag += 1;
        let line = [format!("o{} ", self.tag).as_bytes(), command, b"\r\n"].concat();
        self.stream.get_mut().write_all(&line)
    }

    fn finish(&mut self) -> std::io::Result<Vec<Line>> {
        let tag = format!("o{} ", self.tag);
        let mut lines = vec![];
        loop {
            let line = self.line()?;
            match line.text.strip_prefix(&tag) {
                Some(status) if status.starts_with("OK") => return Ok(lines),
                Some(status) => return Err(std::io::Error::other(status.to_owned())),
                None => lines.push(line),
            }
        }
    }

    /// Stores a message with APPEND.
    pub fn append(&mut self, mailbox: &str, message: &[u8]) -> std::io::Result<()> {
        self.append_with(mailbox, "", message)
    }

    /// Stores many messages with one command (RFC 3502), without waiting for the server in between (RFC 7888).
    pub fn append_all(&mut self, mailbox: &str, messages: &[Vec<u8>]) -> std::io::Result<()> {
        let mut command = format!("APPEND \"{}\"", encode(mailbox)).into_bytes();
        for message in messages {
            command.extend_from_slice(format!(" {{{}+}}\r\n", message.len()).as_bytes());
            command.extend_from_slice(message);
        }
        self.send_bytes(&command)?;
        self.finish().map(drop)
    }

    /// Stores a message as one that was received then.
    pub fn append_at(&mut self, mailbox: &str, received: jiff::Timestamp, message: &[u8]) -> std::io::Result<()> {
        let date = received.strftime("\"%d-%b-%Y %H:%M:%S +0000\" ").to_string();
        self.append_with(mailbox, &date, message)
    }

    fn append_with(&mut self, mailbox: &str, date: &str, message: &[u8]) -> std::io::Result<()> {
        self.send(&format!("APPEND \"{}\" {date}{{{}}}", quoted(mailbox), message.len()))?;
        let go = self.line()?;
        if !go.text.starts_with('+') {
            return Err(std::io::Error::other(go.text));
        }
        self.stream.get_mut().write_all(message)?;
        self.stream.get_mut().write_all(b"\r\n")?;
        self.finish().map(drop)
    }

    /// Names of all folders, UTF-8.
    pub fn folders(&mut self) -> std::io::Result<Vec<String>> {
        self.names("LIST")
    }

    /// Those that the user subscribed to.
    pub fn subscribed(&mut self) -> std::io::Result<Vec<String>> {
        self.names("LSUB")
    }

    fn names(&mut self, command: &str) -> std::io::Result<Vec<String>> {
        let mut names = vec![];
        for line in self.command(&format!("{command} \"\" \"*\""))? {
            let listed = line.text.starts_with(&format!("* {command} "));
            if !listed || line.text.to_ascii_lowercase().contains("\\noselect") {
                continue;
            }
            let name = match line.literals.first() {
                Some(literal) => String::from_utf8_lossy(literal).into_owned(),
                None => last_string(&line.text),
            };
            names.push(decode(&name));
        }
        names.sort();
        Ok(names)
    }

    /// What lies in one folder.
    pub fn folder(&mut self, name: &str) -> std::io::Result<Vec<Seen>> {
        self.command(&format!("EXAMINE \"{}\"", quoted(name)))?;
        let mut seen = vec![];
        for line in self.command("UID FETCH 1:* (UID FLAGS BODY.PEEK[HEADER.FIELDS (MESSAGE-ID)])")? {
            // flag news that another client caused come unasked, without a body and mostly without a UID
            if !line.text.contains(" FETCH (") || !line.text.contains("BODY[") {
                continue;
            }
            let uid = after(&line.text, "UID ").chars().take_while(char::is_ascii_digit).collect::<String>();
            let flags = after(&line.text, "FLAGS (").split(')').next().unwrap_or_default();
            let head = line.literals.first().map(|bytes| String::from_utf8_lossy(bytes).into_owned());
            let message_id = head.as_deref().and_then(|head| head.split_once('<')?.1.split_once('>'));
            seen.push(Seen {
                uid: uid.parse().map_err(std::io::Error::other)?,
                flags: flags.split_whitespace().map(str::to_owned).collect(),
                message_id: message_id.map_or_else(String::new, |(id, _)| id.to_owned()),
            });
        }
        seen.sort_by_key(|message| message.uid);
        seen.dedup_by_key(|message| message.uid);
        Ok(seen)
    }

    /// Everything that lies anywhere.
    pub fn all(&mut self) -> std::io::Result<Mailboxes> {
        let mut all = Mailboxes::new();
        for name in self.folders()? {
            let seen = self.folder(&name)?;
            all.insert(name, seen);
        }
        Ok(all)
    }
}

/// Message-ID → the folders it lies in (once for each copy): what "nothing lost, nothing doubled" is checked with.
pub fn by_message_id(mailboxes: &Mailboxes) -> BTreeMap<String, Vec<String>> {
    let mut by_id: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (folder, messages) in mailboxes {
        for message in messages {
            by_id.entry(message.message_id.clone()).or_default().push(folder.clone());
        }
    }
    by_id
}

fn after<'a>(text: &'a str, mark: &str) -> &'a str {
    text.find(mark).map_or("", |start| &text[start + mark.len()..])
}

fn last_string(text: &str) -> String {
    match text.strip_suffix('"') {
        Some(quoted) => {
            let start = quoted.rfind(" \"").map_or(0, |start| start + 2);
            quoted[start..].replace("\\\"", "\"").replace("\\\\", "\\")
        }
        None => text.rsplit(' ').next().unwrap_or_default().to_owned(),
    }
}

/// A name as it stands between quotes.
fn quoted(name: &str) -> String {
    encode(name).replace('\\', "\\\\").replace('"', "\\\"")
}

/// Modified UTF-7 (RFC 3501, 5.1.3).
pub fn encode(name: &str) -> String {
    let mut out = String::new();
    let mut run: Vec<u8> = vec![];
    let flush = |run: &mut Vec<u8>, out: &mut String| {
        if !run.is_empty() {
            out.push('&');
            out.push_str(&STANDARD_NO_PAD.encode(&*run).replace('/', ","));
            out.push('-');
            run.clear();
        }
    };
    for c in name.chars() {
        if matches!(c, ' '..='~') {
            flush(&mut run, &mut out);
            out.push(c);
            if c == '&' {
                out.push('-');
            }
        } else {
            run.extend(c.encode_utf16(&mut [0; 2]).iter().flat_map(|unit| unit.to_be_bytes()));
        }
    }
    flush(&mut run, &mut out);
    out
}

/// The way back; what cannot be read stays as it is.
pub fn decode(name: &str) -> String {
    let mut out = String::new();
    let mut rest = name;
    while let Some((plain, shifted)) = rest.split_once('&') {
        out.push_str(plain);
        let Some((code, more)) = shifted.split_once('-') else { return name.to_owned() };
        rest = more;
        if code.is_empty() {
            out.push('&');
            continue;
        }
        let Ok(bytes) = STANDARD_NO_PAD.decode(code.replace(',', "/")) else { return name.to_owned() };
        let units: Vec<u16> = bytes.chunks_exact(2).map(|pair| u16::from_be_bytes([pair[0], pair[1]])).collect();
        out.push_str(&String::from_utf16_lossy(&units));
    }
    out + rest
}

#[test]
fn folder_names_go_over_the_wire_and_back() {
    for (name, wire) in [("INBOX", "INBOX"), ("a&b", "a&-b"), ("楽天/再入荷", "&aX1ZKQ-/&UY1RZYN3-")] {
        assert_eq!(encode(name), wire);
        assert_eq!(decode(wire), name);
    }
}
