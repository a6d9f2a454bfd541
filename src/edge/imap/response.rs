//! What a server says: a framed response read into values. Tolerant of what it need not understand, and never fails
//! on it; what it should have understood is told as unreadable.

use jiff::Timestamp;

/// Lists may be nested so deep.
const DEEPEST: usize = 16;
/// Values of one response.
const VALUES: usize = 4096;
/// Literals of one response.
const LITERALS: usize = 64;
/// Bytes of a response that is no FETCH, literals included.
const SMALL: usize = 64 * 1024;

/// A value of the protocol's grammar.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Value {
    /// A bare word.
    Atom(Vec<u8>),
    /// Quoted or literal.
    Text(Vec<u8>),
    /// In parentheses.
    List(Vec<Value>),
    /// NIL
    Nil,
}

impl Value {
    /// The word or text; `None` for lists and NIL.
    pub(super) fn bytes(&self) -> Option<&[u8]> {
        match self {
            Self::Atom(bytes) | Self::Text(bytes) => Some(bytes),
            Self::List(_) | Self::Nil => None,
        }
    }

    pub(super) fn text(&self) -> Option<String> {
        self.bytes().map(|bytes| String::from_utf8_lossy(bytes).into_owned())
    }

    fn number(&self) -> Option<u32> {
        match self {
            Self::Atom(bytes) => std::str::from_utf8(bytes).ok()?.parse().ok(),
            _ => None,
        }
    }

    pub(super) fn list(&self) -> &[Value] {
        match self {
            Self::List(values) => values,
            _ => &[],
        }
    }
}

/// A response code: what stands in brackets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Code {
    /// Upper case.
    pub(super) name: String,
    /// What follows.
    pub(super) rest: Vec<Value>,
}

impl Code {
    pub(super) fn number(&self) -> Option<u32> {
        self.rest.first().and_then(Value::number)
    }
}

/// How a command (or the connection) fares.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Condition {
    Ok,
    No,
    Bad,
    Bye,
    PreAuth,
}

/// OK, NO, BAD, BYE or PREAUTH with code and text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Status {
    pub(super) condition: Condition,
    pub(super) code: Option<Code>,
    pub(super) text: String,
}

impl Status {
    /// It says that the open mailbox has another UIDVALIDITY than it had.
    pub(super) fn renumbers(&self, numbering: u32) -> bool {
        let code = self.code.as_ref().filter(|code| code.name == "UIDVALIDITY");
        self.condition == Condition::Ok && code.is_some_and(|code| code.number() != Some(numbering))
    }
}

/// What a FETCH response tells of a message.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Seen {
    pub(super) uid: Option<u32>,
    pub(super) flags: Option<Vec<String>>,
    pub(super) received: Option<Timestamp>,
    pub(super) size: Option<u32>,
    pub(super) body: Option<Vec<u8>>,
    /// What only Gmail tells. Apart, so that every other response stays small: a flood of them is bounded by their number.
    pub(super) gmail: Option<Box<Gmail>>,
}

/// What Gmail tells of a message (X-GM-EXT-1).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Gmail {
    /// X-GM-MSGID.
    pub(super) id: Option<u64>,
    /// X-GM-LABELS, as on the wire.
    pub(super) labels: Option<Vec<String>>,
}

/// One response.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Response {
    /// `+`
    Continue,
    /// The end of a command.
    Tagged { tag: String, status: Status },
    /// `* OK` and the like.
    Status(Status),
    /// `* n EXISTS`
    Exists(u32),
    /// `* n EXPUNGE`
    Expunge,
    /// `* n FETCH`
    Fetch(Seen),
    /// `* CAPABILITY`
    Capability(Vec<String>),
    /// `* ENABLED`: upper case.
    Enabled(Vec<String>),
    /// `* LIST`: attributes, delimiter, name as on the wire.
    List { attributes: Vec<String>, delimiter: Option<char>, name: String },
    /// `* STATUS`: items.
    MailboxStatus(Vec<(String, u32)>),
    /// `* NAMESPACE`: prefix and delimiter of the personal namespace.
    Namespace { prefix: String, delimiter: Option<char> },
    /// `* SEARCH`: what was found.
    Search(Vec<u32>),
    /// Something we need not understand.
    Other,
    /// Something we should have understood: a full look follows.
    Unreadable,
}

/// Reads one whole response (its final CRLF taken off).
pub(super) fn read(frame: &[u8]) -> Response {
    let mut reader = Reader { rest: frame, values: VALUES };
    if frame.starts_with(b"+") {
        return Response::Continue;
    }
    let Some(tag) = reader.word() else { return Response::Unreadable };
    if tag != b"*" {
        return match reader.status() {
            Some(status) => Response::Tagged { tag: String::from_utf8_lossy(tag).into_owned(), status },
            None => Response::Unreadable,
        };
    }
    untagged(&mut reader).unwrap_or(Response::Unreadable)
}

fn untagged(reader: &mut Reader<'_>) -> Option<Response> {
    let mut ahead = Reader { rest: reader.rest, values: VALUES };
    let first = String::from_utf8_lossy(ahead.word()?).to_ascii_uppercase();
    if let Ok(number) = first.parse::<u32>() {
        let what = String::from_utf8_lossy(ahead.word()?).to_ascii_uppercase();
        return match what.as_str() {
            "EXISTS" => Some(Response::Exists(number)),
            "EXPUNGE" => Some(Response::Expunge),
            "FETCH" => seen(&ahead.value(0)?).map(Response::Fetch),
            _ => Some(Response::Other),
        };
    }
    match first.as_str() {
        "OK" | "NO" | "BAD" | "BYE" | "PREAUTH" => reader.status().map(Response::Status),
        "CAPABILITY" => Some(Response::Capability(words(ahead.rest))),
        "ENABLED" => Some(Response::Enabled(words(ahead.rest))),
        "LIST" => {
            let attributes = ahead.value(0)?.list().iter().filter_map(Value::text).collect();
            let delimiter = delimiter(&ahead.value(0)?);
            ahead.skip_spaces();
            let bare = ahead.rest;
            let name = match ahead.value(0)? {
                // a folder may be called so
                Value::Nil => String::from_utf8_lossy(bare.get(..3)?).into_owned(),
                name => name.text()?,
            };
            Some(Response::List { attributes, delimiter, name })
        }
        "STATUS" => {
            ahead.value(0)?; // the mailbox: only one STATUS is asked at a time
            let items = ahead.value(0)?;
            let pairs = items.list().chunks(2).filter_map(|pair| match pair {
                [name, number] => Some((name.text()?.to_ascii_uppercase(), number.number()?)),
                _ => None,
            });
            Some(Response::MailboxStatus(pairs.collect()))
        }
        "SEARCH" => {
            let numbers = String::from_utf8_lossy(ahead.rest);
            numbers.split_ascii_whitespace().map(|n| n.parse().ok()).collect::<Option<_>>().map(Response::Search)
        }
        "NAMESPACE" => {
            let personal = ahead.value(0)?;
            let first = personal.list().first().map(Value::list).unwrap_or_default();
            Some(Response::Namespace {
                prefix: first.first().and_then(Value::text).unwrap_or_default(),
                delimiter: first.get(1).and_then(delimiter),
            })
        }
        _ => Some(Response::Other),
    }
}

fn delimiter(value: &Value) -> Option<char> {
    value.text().and_then(|text| text.chars().next())
}

fn words(bytes: &[u8]) -> Vec<String> {
    String::from_utf8_lossy(bytes).split_ascii_whitespace().map(str::to_ascii_uppercase).collect()
}

fn seen(value: &Value) -> Option<Seen> {
    let Value::List(items) = value else { return None };
    let mut seen = Seen::default();
    let mut items = items.iter();
    while let (Some(name), Some(value)) = (items.next(), items.next()) {
        let name = name.text()?.to_ascii_uppercase();
        match name.as_str() {
            "UID" => seen.uid = Some(value.number()?),
            // anything but a list says nothing about flags
            "FLAGS" => {
                if let Value::List(flags) = &value {
                    seen.flags = Some(flags.iter().filter_map(Value::text).collect());
                }
            }
            "X-GM-MSGID" => seen.gmail.get_or_insert_default().id = value.text().and_then(|text| text.parse().ok()),
            "X-GM-LABELS" => {
                if let Value::List(labels) = &value {
                    seen.gmail.get_or_insert_default().labels = Some(labels.iter().filter_map(Value::text).collect());
                }
            }
            "RFC822.SIZE" => seen.size = value.number(),
            "INTERNALDATE" => seen.received = value.text().and_then(|text| internal_date(&text)),
            _ if name.starts_with("BODY[") || name == "RFC822" => seen.body = value.bytes().map(<[u8]>::to_vec),
            _ => {}
        }
    }
    // a text of no bytes is the text of a message of no bytes, else it did not come
    if seen.body.as_ref().is_some_and(Vec::is_empty) && seen.size != Some(0) {
        seen.body = None;
    }
    Some(seen)
}

/// `17-Jul-1996 02:44:25 -0700`, the day perhaps with a leading space (RFC 3501, `date-time`).
pub(super) fn internal_date(text: &str) -> Option<Timestamp> {
    jiff::fmt::strtime::parse("%d-%b-%Y %H:%M:%S %z", text.trim()).ok()?.to_timestamp().ok()
}

/// Walks over one response.
struct Reader<'a> {
    rest: &'a [u8],
    /// So many more values are read.
    values: usize,
}

impl<'a> Reader<'a> {
    fn skip_spaces(&mut self) {
        while let [b' ', rest @ ..] = self.rest {
            self.rest = rest;
        }
    }

    fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.rest.split_at_checked(count)?;
        self.rest = rest;
        Some(taken)
    }

    /// The bytes up to the next space.
    fn word(&mut self) -> Option<&'a [u8]> {
        self.skip_spaces();
        let end = self.rest.iter().position(|b| *b == b' ').unwrap_or(self.rest.len());
        self.take(end).filter(|word| !word.is_empty())
    }

    fn status(&mut self) -> Option<Status> {
        let condition = match String::from_utf8_lossy(self.word()?).to_ascii_uppercase().as_str() {
            "OK" => Condition::Ok,
            "NO" => Condition::No,
            "BAD" => Condition::Bad,
            "BYE" => Condition::Bye,
            "PREAUTH" => Condition::PreAuth,
            _ => return None,
        };
        self.skip_spaces();
        let mut code = None;
        if self.rest.first() == Some(&b'[') {
            // a code that cannot be read is passed over; the text is kept
            let end = self.rest.iter().position(|b| *b == b']').unwrap_or(self.rest.len());
            let inside = self.take(end).and_then(|inside| inside.get(1..)).unwrap_or_default();
            self.take(1);
            let mut reader = Reader { rest: inside, values: VALUES };
            if let Some(name) = reader.word() {
                let mut rest = Vec::new();
                while let Some(value) = reader.value(0) {
                    rest.push(value);
                }
                code = Some(Code { name: String::from_utf8_lossy(name).to_ascii_uppercase(), rest });
            }
        }
        let text = String::from_utf8_lossy(self.rest).trim().to_owned();
        Some(Status { condition, code, text })
    }

    fn value(&mut self, depth: usize) -> Option<Value> {
        self.skip_spaces();
        self.values = self.values.checked_sub(1)?;
        match *self.rest.first()? {
            b'(' => {
                self.take(1)?;
                let mut values = Vec::new();
                loop {
                    self.skip_spaces();
                    if self.rest.first() == Some(&b')') {
                        self.take(1)?;
                        return Some(Value::List(values));
                    }
                    if depth >= DEEPEST {
                        return None;
                    }
                    values.push(self.value(depth + 1)?);
                }
            }
            b'"' => self.quoted(),
            b'{' => self.literal(),
            b'~' if self.rest.get(1) == Some(&b'{') => {
                self.take(1)?;
                self.literal()
            }
            b')' => None,
            _ => self.atom(),
        }
    }

    fn quoted(&mut self) -> Option<Value> {
        self.take(1)?;
        let mut text = Vec::new();
        loop {
            match self.take(1)? {
                b"\"" => return Some(Value::Text(text)),
                b"\\" => text.extend_from_slice(self.take(1)?),
                other => text.extend_from_slice(other),
            }
        }
    }

    fn literal(&mut self) -> Option<Value> {
        let end = self.rest.iter().position(|b| *b == b'}')?;
        let digits = self.take(end)?.get(1..)?;
        let size: usize = std::str::from_utf8(digits).ok()?.trim_end_matches('+').parse().ok()?;
        self.take(1)?;
        if self.take(2)? != b"\r\n" {
            return None;
        }
        self.take(size).map(|bytes| Value::Text(bytes.to_vec()))
    }

    /// A bare word; brackets belong to it (`BODY[HEADER.FIELDS (A B)]<0>`).
    fn atom(&mut self) -> Option<Value> {
        let mut inside = false;
        let end = self.rest.iter().position(|b| match b {
            b'[' => {
                inside = true;
                false
            }
            b']' => {
                inside = false;
                false
            }
            b' ' | b'(' | b')' => !inside,
            _ => false,
        });
        let word = self.take(end.unwrap_or(self.rest.len()))?;
        if word.is_empty() {
            return None;
        }
        if word.eq_ignore_ascii_case(b"NIL") {
            return Some(Value::Nil);
        }
        Some(Value::Atom(word.to_vec()))
    }
}

/// What the bytes at hand hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Framed {
    /// A whole response of so many bytes, its final CRLF included.
    Whole(usize),
    /// The line that begins at this byte has not ended.
    Line(usize),
    /// A literal goes on to this byte.
    Literal(usize),
}

/// The first response in `bytes`, as far as it is there.
///
/// # Errors
/// When it is larger than allowed, or cannot be framed.
pub(super) fn frame(bytes: &[u8], longest_line: usize, largest: usize) -> Result<Framed, &'static str> {
    let mut at = 0;
    // all lines of one response together, so that many short ones around literals are no way to send an endless one
    let mut lines = 0_usize;
    let mut literals = 0;
    loop {
        let rest = bytes.get(at..).unwrap_or_default();
        let end_of_line = rest.iter().take(longest_line.saturating_add(1)).position(|b| *b == b'\n');
        lines = lines.saturating_add(end_of_line.unwrap_or(rest.len()));
        if lines > longest_line {
            return Err("sent an endless line");
        }
        let Some(line) = end_of_line else { return Ok(Framed::Line(at)) };
        let text = rest.get(..line).unwrap_or_default();
        let end = at + line + 1;
        let Some(text) = text.strip_suffix(b"\r") else {
            // a lone LF ends a line for us, too; literals need CRLF
            return Ok(Framed::Whole(end));
        };
        let Some(size) = announced(text) else { return Ok(Framed::Whole(end)) };
        let size = size.ok_or("announced a literal without a readable size")?;
        let largest = if is_fetch(bytes) { largest } else { largest.min(SMALL) };
        if size > largest || end.saturating_add(size) > largest.saturating_add(longest_line) {
            return Err("announced more bytes than were asked for");
        }
        literals += 1;
        if literals > LITERALS {
            return Err("sent literals without end");
        }
        at = end + size;
        if bytes.len() < at {
            return Ok(Framed::Literal(at));
        }
    }
}

/// `* n FETCH`: the only response that may be large.
fn is_fetch(bytes: &[u8]) -> bool {
    let mut words = bytes.split(|b| *b == b' ').filter(|word| !word.is_empty());
    words.next() == Some(b"*")
        && words.next().is_some_and(|number| number.len() <= 10 && number.iter().all(u8::is_ascii_digit))
        && words.next().is_some_and(|what| what.eq_ignore_ascii_case(b"FETCH"))
}

/// The size of the literal that a line announces at its end: `None` when it announces none, `Some(None)` when its size
/// cannot be read.
fn announced(line: &[u8]) -> Option<Option<usize>> {
    let line = line.strip_suffix(b"}")?;
    let open = line.iter().rposition(|b| *b == b'{')?;
    let digits = line.get(open + 1..)?;
    let digits = digits.strip_suffix(b"+").unwrap_or(digits);
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return None; // text that happens to end in a brace
    }
    Some(std::str::from_utf8(digits).ok().and_then(|digits| digits.parse().ok()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn of(line: &[u8]) -> Response {
        read(line)
    }

    #[test]
    fn what_servers_say_is_read() {
        assert_eq!(of(b"* 12 EXISTS"), Response::Exists(12));
        assert_eq!(of(b"* 3 EXPUNGE"), Response::Expunge);
        assert_eq!(of(b"+ idling"), Response::Continue);
        assert_eq!(of(b"+"), Response::Continue);
        let Response::Fetch(seen) =
            of(b"* 1 FETCH (UID 7 FLAGS (\\Seen $X) INTERNALDATE \" 3-Jul-2026 10:00:00 +0900\" RFC822.SIZE 5 BODY[]<0> {5}\r\na b)c)")
        else {
            panic!("no fetch")
        };
        assert_eq!(seen.uid, Some(7));
        assert_eq!(seen.flags.as_deref(), Some(&["\\Seen".to_owned(), "$X".to_owned()][..]));
        assert_eq!(seen.received, Some("2026-07-03T01:00:00Z".parse().unwrap()));
        assert_eq!(seen.body.as_deref(), Some(&b"a b)c"[..]));
        let Response::Tagged { tag, status } = of(b"A1 OK [COPYUID 38505 304,319:320 3956:3958] Done") else {
            panic!("not tagged")
        };
        assert_eq!((tag.as_str(), status.condition, status.text.as_str()), ("A1", Condition::Ok, "Done"));
        let code = status.code.unwrap();
        assert_eq!((code.name.as_str(), code.number(), code.rest.len()), ("COPYUID", Some(38505), 3));
        assert_eq!(
            of(b"* LIST (\\HasNoChildren) \".\" \"INBOX.&U,BTFw-\""),
            Response::List {
                attributes: vec!["\\HasNoChildren".into()],
                delimiter: Some('.'),
                name: "INBOX.&U,BTFw-".into()
            }
        );
        assert_eq!(
            of(b"* STATUS {5}\r\nINBOX (UIDNEXT 4 X-GUID abc UIDVALIDITY 9)"),
            Response::MailboxStatus(vec![("UIDNEXT".into(), 4), ("UIDVALIDITY".into(), 9)])
        );
        assert_eq!(
            of(b"* NAMESPACE ((\"INBOX.\" \".\")) NIL NIL"),
            Response::Namespace { prefix: "INBOX.".into(), delimiter: Some('.') }
        );
        assert_eq!(of(b"* SEARCH 2 84 882"), Response::Search(vec![2, 84, 882]));
        assert_eq!((of(b"* SEARCH"), of(b"* SEARCH 1 x")), (Response::Search(vec![]), Response::Unreadable));
        assert!(matches!(of(b"* ESEARCH (TAG \"A\") UID ALL 1"), Response::Other));
        assert!(matches!(of(b"* ID NIL"), Response::Other));
    }

    #[test]
    fn odd_things_are_survived() {
        for line in [
            &b""[..],
            b"*",
            b"* ",
            b"* 1",
            b"* 99999999999 EXISTS",
            b"* -1 EXISTS",
            b"* 1 FETCH",
            b"* 1 FETCH (UID",
            b"* 1 FETCH (UID -3)",
            b"* 1 FETCH (BODY[] {9}\r\nabc)",
            b"* 1 FETCH NIL",
            b"* OK [",
            b"* LIST NIL NIL NIL",
            b"A1",
            b"A1 WHAT",
            b"\xff\xfe",
        ] {
            of(line);
        }
        let deep = [b"* 1 FETCH ".to_vec(), vec![b'('; 5000]].concat();
        assert_eq!(of(&deep), Response::Unreadable);
    }

    #[test]
    fn responses_are_framed_whole() {
        let check = |bytes: &[u8]| frame(bytes, 100, 50);
        assert_eq!(check(b"* OK hi"), Ok(Framed::Line(0)));
        assert_eq!(check(b"* OK hi\r\n* 1"), Ok(Framed::Whole(9)));
        assert_eq!(check(b"* x {3}\r\nab"), Ok(Framed::Literal(12)));
        assert_eq!(check(b"* x {3}\r\nabc"), Ok(Framed::Line(12)));
        assert_eq!(check(b"* x {3}\r\na\r\n)\r\n"), Ok(Framed::Whole(15)));
        assert_eq!(check(b"* OK {not a literal}\r\n"), Ok(Framed::Whole(22)));
        assert_eq!(check(&b"x {0}\r\n".repeat(20)), Err("sent an endless line"));
        assert_eq!(frame(&b"x {0}\r\n".repeat(80), 1000, 50), Err("sent literals without end"));
        let large = frame(b"* 1 FETCH (BODY[] {99999}\r\n", 100, 1 << 20);
        assert_eq!(large, Ok(Framed::Literal(27 + 99999)));
        assert!(frame(b"* LIST () \"/\" {99999}\r\n", 100, 1 << 20).is_err(), "only mail is large");
        assert!(check(b"* x {4000000000}\r\n").is_err());
        assert!(check(b"* x {99999999999999999999999}\r\n").is_err());
        assert!(check(&[b'a'; 101]).is_err());
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_without_a_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            read(&bytes);
            let _ = frame(&bytes, 64, 64);
        }
    }
}
