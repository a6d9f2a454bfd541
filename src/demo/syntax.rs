//! Reads IMAP commands (RFC 3501, section 9): forgiving where it costs nothing, never panicking, `None` = BAD.

use jiff::Timestamp;
use jiff::civil::Date;
use std::collections::BTreeSet;

/// How deep a SEARCH may nest.
const MOST_NESTED: u32 = 20;

/// What is left of a command: one line, literals in place as `{n}` CRLF and n bytes.
#[derive(Clone, Copy)]
pub(super) struct Args<'a>(&'a [u8]);

/// A sequence set; `None` is `*`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Set(Vec<(Option<u32>, Option<u32>)>);

impl Set {
    /// Is `n` in the set, when `*` stands for `largest`?
    pub(super) fn has(&self, n: u32, largest: u32) -> bool {
        self.0.iter().any(|(a, b)| {
            let (a, b) = (a.unwrap_or(largest), b.unwrap_or(largest));
            (a.min(b)..=a.max(b)).contains(&n)
        })
    }
}

/// Which part of a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Section {
    All,
    Header,
    Text,
    /// Only (or all but) these fields, names in lower case.
    Fields {
        names: Vec<String>,
        but: bool,
    },
}

/// One thing to fetch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Item {
    Uid,
    Flags,
    InternalDate,
    Size,
    /// X-GM-MSGID, and X-GM-THRID: each message is a thread of its own.
    GmailId(&'static str),
    GmailLabels,
    Part {
        /// As it is repeated in the answer.
        label: String,
        section: Section,
        /// From which byte, at most how many.
        partial: Option<(u32, u32)>,
        /// Leaves \Seen alone.
        peek: bool,
    },
}

/// What to look for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Key {
    All,
    Sequence(Set),
    Uid(Set),
    Flag(String, bool),
    /// Field name in lower case, text in lower case.
    Header(String, String),
    Text(String),
    Since(Date),
    Before(Date),
    On(Date),
    Larger(u64),
    Smaller(u64),
    GmailId(u64),
    GmailLabel(String),
    Not(Box<Key>),
    Or(Box<Key>, Box<Key>),
    And(Vec<Key>),
}

impl<'a> Args<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    /// The next byte, not taken.
    pub(super) fn peek(&self) -> Option<u8> {
        self.0.first().copied()
    }

    fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let (head, tail) = self.0.split_at_checked(count)?;
        self.0 = tail;
        Some(head)
    }

    fn run(&mut self, may: impl Fn(u8) -> bool) -> Option<&'a str> {
        let count = self.0.iter().take_while(|byte| may(**byte)).count();
        if count == 0 {
            return None;
        }
        std::str::from_utf8(self.take(count)?).ok()
    }

    pub(super) fn eat(&mut self, token: &str) -> Option<()> {
        let head = self.0.get(..token.len())?;
        head.eq_ignore_ascii_case(token.as_bytes()).then(|| self.take(token.len()))?.map(drop)
    }

    pub(super) fn space(&mut self) -> Option<()> {
        self.eat(" ")
    }

    pub(super) fn end(&self) -> Option<()> {
        self.0.is_empty().then_some(())
    }

    /// An atom: the command's tag and name, a flag's keyword, a fetch item.
    pub(super) fn atom(&mut self) -> Option<&'a str> {
        self.run(|byte| byte > b' ' && byte < 0x7f && !b"(){%*\"\\]".contains(&byte))
    }

    /// The bytes up to the next space or the end; for AUTHENTICATE's base64.
    pub(super) fn word(&mut self) -> Option<&'a str> {
        self.run(|byte| byte > b' ' && byte < 0x7f)
    }

    pub(super) fn number(&mut self) -> Option<u32> {
        self.run(|byte| byte.is_ascii_digit())?.parse().ok()
    }

    /// A quoted string, a literal or an atom.
    pub(super) fn astring(&mut self) -> Option<Vec<u8>> {
        match self.peek()? {
            b'"' => self.quoted(),
            b'{' => self.literal(),
            // `]` may stand in an astring but not in an atom
            _ => self
                .run(|byte| byte > b' ' && byte < 0x7f && !b"(){%*\"\\".contains(&byte))
                .map(|atom| atom.as_bytes().to_vec()),
        }
    }

    /// The same as text.
    pub(super) fn text(&mut self) -> Option<String> {
        String::from_utf8(self.astring()?).ok()
    }

    /// A name with LIST's wildcards.
    pub(super) fn pattern(&mut self) -> Option<String> {
        match self.peek()? {
            b'"' | b'{' => self.text(),
            _ => self.run(|byte| byte > b' ' && byte < 0x7f && !b"(){\"\\".contains(&byte)).map(str::to_owned),
        }
    }

    fn quoted(&mut self) -> Option<Vec<u8>> {
        self.eat("\"")?;
        let mut out = vec![];
        loop {
            match *self.take(1)?.first()? {
                b'"' => return Some(out),
                b'\\' => out.push(*self.take(1)?.first()?),
                b'\r' | b'\n' => return None,
                byte => out.push(byte),
            }
        }
    }

    pub(super) fn literal(&mut self) -> Option<Vec<u8>> {
        self.eat("{")?;
        let size = self.number()?;
        let _ = self.eat("+");
        self.eat("}\r\n")?;
        self.take(usize::try_from(size).ok()?).map(<[u8]>::to_vec)
    }

    pub(super) fn set(&mut self) -> Option<Set> {
        let mut ranges = vec![];
        loop {
            let one = self.set_number()?;
            let other = if self.eat(":").is_some() { self.set_number()? } else { one };
            ranges.push((one, other));
            if self.eat(",").is_none() {
                return Some(Set(ranges));
            }
        }
    }

    fn set_number(&mut self) -> Option<Option<u32>> {
        if self.eat("*").is_some() {
            return Some(None);
        }
        self.number().filter(|n| *n > 0).map(Some)
    }

    /// `(\Seen \Flagged $Label)` or the same without parentheses.
    pub(super) fn flags(&mut self) -> Option<BTreeSet<String>> {
        let list = self.eat("(").is_some();
        let mut flags = BTreeSet::new();
        while !(list && self.eat(")").is_some()) {
            if !list && self.end().is_some() {
                break;
            }
            let system = self.eat("\\").is_some();
            let name = self.atom()?;
            flags.insert(if system { system_flag(name)? } else { name.to_owned() });
            let _ = self.space();
        }
        Some(flags)
    }

    /// A label: `\Inbox`, or an astring.
    fn label(&mut self) -> Option<String> {
        if self.eat("\\").is_some() {
            return self.atom().map(|name| format!("\\{name}"));
        }
        self.text()
    }

    /// `(\Inbox "Muy Importante")`, or one label.
    pub(super) fn labels(&mut self) -> Option<Vec<String>> {
        if self.eat("(").is_none() {
            return Some(vec![self.label()?]);
        }
        let mut labels = vec![];
        while self.eat(")").is_none() {
            labels.push(self.label()?);
            let _ = self.space();
        }
        Some(labels)
    }

    /// `"01-Nov-2026 10:00:00 +0900"`.
    pub(super) fn date_time(&mut self) -> Option<Timestamp> {
        let text = String::from_utf8(self.quoted()?).ok()?;
        let parsed = jiff::fmt::strtime::parse("%d-%b-%Y %H:%M:%S %z", text.trim_start()).ok()?;
        parsed.to_timestamp().ok()
    }

    fn date(&mut self) -> Option<Date> {
        let text = self.text()?;
        jiff::fmt::strtime::parse("%d-%b-%Y", &text).ok()?.to_date().ok()
    }

    pub(super) fn fetch_items(&mut self) -> Option<Vec<Item>> {
        for (name, items) in [
            ("ALL", vec![Item::Flags, Item::InternalDate, Item::Size]),
            ("FAST", vec![Item::Flags, Item::InternalDate, Item::Size]),
        ] {
            if self.eat(name).is_some() {
                return Some(items);
            }
        }
        if self.eat("(").is_none() {
            return Some(vec![self.fetch_item()?]);
        }
        self.fetch_items_inside()
    }

    /// After the opening bracket, up to and with the closing one.
    pub(super) fn fetch_items_inside(&mut self) -> Option<Vec<Item>> {
        let mut items = vec![];
        loop {
            items.push(self.fetch_item()?);
            if self.eat(")").is_some() {
                return Some(items);
            }
            self.space()?;
        }
    }

    fn fetch_item(&mut self) -> Option<Item> {
        let part = |label: &str, section, peek| Item::Part { label: label.to_owned(), section, partial: None, peek };
        // the longer name first where one begins with the other
        for (name, item) in [
            ("UID", Item::Uid),
            ("FLAGS", Item::Flags),
            ("INTERNALDATE", Item::InternalDate),
            ("RFC822.SIZE", Item::Size),
            ("RFC822.HEADER", part("RFC822.HEADER", Section::Header, true)),
            ("RFC822.TEXT", part("RFC822.TEXT", Section::Text, false)),
            ("RFC822", part("RFC822", Section::All, false)),
            ("X-GM-MSGID", Item::GmailId("X-GM-MSGID")),
            ("X-GM-THRID", Item::GmailId("X-GM-THRID")),
            ("X-GM-LABELS", Item::GmailLabels),
        ] {
            if self.eat(name).is_some() {
                return Some(item);
            }
        }
        let peek = self.eat("BODY.PEEK[").is_some();
        if !peek {
            self.eat("BODY[")?;
        }
        let (section, inner) = self.section()?;
        self.eat("]")?;
        let mut label = format!("BODY[{inner}]");
        let mut partial = None;
        if self.eat("<").is_some() {
            let from = self.number()?;
            self.eat(".")?;
            let count = self.number().filter(|count| *count > 0)?;
            self.eat(">")?;
            partial = Some((from, count));
            label = format!("{label}<{from}>");
        }
        Some(Item::Part { label, section, partial, peek })
    }

    fn section(&mut self) -> Option<(Section, String)> {
        if self.peek() == Some(b']') {
            return Some((Section::All, String::new()));
        }
        if self.eat("TEXT").is_some() {
            return Some((Section::Text, "TEXT".to_owned()));
        }
        let but = self.eat("HEADER.FIELDS.NOT").is_some();
        if !but && self.eat("HEADER.FIELDS").is_none() {
            self.eat("HEADER")?;
            return Some((Section::Header, "HEADER".to_owned()));
        }
        self.eat(" (")?;
        let mut names = vec![];
        loop {
            names.push(self.text()?.to_ascii_lowercase());
            if self.eat(")").is_some() {
                break;
            }
            self.space()?;
        }
        let label = format!(
            "HEADER.FIELDS{} ({})",
            if but { ".NOT" } else { "" },
            names.iter().map(|name| name.to_ascii_uppercase()).collect::<Vec<_>>().join(" ")
        );
        Some((Section::Fields { names, but }, label))
    }

    /// All keys of a SEARCH up to its end.
    pub(super) fn search(&mut self) -> Option<Key> {
        if self.eat("CHARSET ").is_some() {
            self.text()?;
            self.space()?;
        }
        let mut keys = vec![self.key(0)?];
        while self.end().is_none() {
            self.space()?;
            keys.push(self.key(0)?);
        }
        Some(Key::And(keys))
    }

    fn key(&mut self, depth: u32) -> Option<Key> {
        if depth > MOST_NESTED {
            return None;
        }
        if self.eat("(").is_some() {
            let mut keys = vec![self.key(depth + 1)?];
            while self.eat(")").is_none() {
                self.space()?;
                keys.push(self.key(depth + 1)?);
            }
            return Some(Key::And(keys));
        }
        if self.peek().is_some_and(|byte| byte.is_ascii_digit() || byte == b'*') {
            return self.set().map(Key::Sequence);
        }
        let name = self.atom()?.to_ascii_uppercase();
        let flag = |flag: &str, set: bool| Some(Key::Flag(format!("\\{flag}"), set));
        match name.as_str() {
            "ALL" | "OLD" => return Some(Key::All),
            "SEEN" => return flag("Seen", true),
            "UNSEEN" => return flag("Seen", false),
            "DELETED" => return flag("Deleted", true),
            "UNDELETED" => return flag("Deleted", false),
            "FLAGGED" => return flag("Flagged", true),
            "UNFLAGGED" => return flag("Flagged", false),
            "ANSWERED" => return flag("Answered", true),
            "UNANSWERED" => return flag("Answered", false),
            "DRAFT" => return flag("Draft", true),
            "UNDRAFT" => return flag("Draft", false),
            _ => self.space()?,
        }
        match name.as_str() {
            "UID" => self.set().map(Key::Uid),
            "KEYWORD" => self.atom().map(|word| Key::Flag(word.to_owned(), true)),
            "UNKEYWORD" => self.atom().map(|word| Key::Flag(word.to_owned(), false)),
            "HEADER" => {
                let field = self.text()?.to_ascii_lowercase();
                self.space()?;
                Some(Key::Header(field, self.text()?.to_lowercase()))
            }
            "SUBJECT" | "FROM" | "TO" | "CC" => {
                Some(Key::Header(name.to_ascii_lowercase(), self.text()?.to_lowercase()))
            }
            "TEXT" | "BODY" => Some(Key::Text(self.text()?.to_lowercase())),
            "SINCE" => self.date().map(Key::Since),
            "BEFORE" => self.date().map(Key::Before),
            "ON" => self.date().map(Key::On),
            "LARGER" => self.number().map(|size| Key::Larger(size.into())),
            "X-GM-MSGID" | "X-GM-THRID" => self.run(|byte| byte.is_ascii_digit())?.parse().ok().map(Key::GmailId),
            "X-GM-LABELS" => self.label().map(Key::GmailLabel),
            "SMALLER" => self.number().map(|size| Key::Smaller(size.into())),
            "NOT" => self.key(depth + 1).map(|key| Key::Not(Box::new(key))),
            "OR" => {
                let one = self.key(depth + 1)?;
                self.space()?;
                Some(Key::Or(Box::new(one), Box::new(self.key(depth + 1)?)))
            }
            _ => None,
        }
    }
}

/// One spelling for each system flag; \Recent cannot be set.
fn system_flag(name: &str) -> Option<String> {
    ["Answered", "Flagged", "Deleted", "Seen", "Draft"]
        .into_iter()
        .find(|known| known.eq_ignore_ascii_case(name))
        .map(|known| format!("\\{known}"))
}

/// Tag, name in upper case, and whether UID stood before it.
pub(super) fn head(args: &mut Args<'_>) -> Option<(String, String, bool)> {
    let tag = args.atom()?.to_owned();
    args.space()?;
    let mut name = args.atom()?.to_ascii_uppercase();
    let uid = name == "UID";
    if uid {
        args.space()?;
        name = args.atom()?.to_ascii_uppercase();
        if !matches!(name.as_str(), "FETCH" | "STORE" | "COPY" | "MOVE" | "SEARCH" | "EXPUNGE") {
            return None;
        }
    }
    Some((tag, name, uid))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sets_are_read_and_asked() {
        for (text, n, largest, expect) in [
            ("1", 1, 9, Some(true)),
            ("2:4,7", 5, 9, Some(false)),
            ("4:2", 3, 9, Some(true)),
            ("12:*", 9, 9, Some(true)),
            ("12:4294967295", 9, 9, Some(false)),
            ("*", 9, 9, Some(true)),
            ("0", 1, 9, None),
            ("99999999999", 1, 9, None),
            ("1:", 1, 9, None),
        ] {
            assert_eq!(Args::new(text.as_bytes()).set().map(|set| set.has(n, largest)), expect, "{text}");
        }
    }

    #[test]
    fn fetch_items_are_read() {
        let labels = |text: &str| {
            let items = Args::new(text.as_bytes()).fetch_items()?;
            Some(
                items
                    .iter()
                    .map(|item| match item {
                        Item::Part { label, partial, peek, .. } => format!("{label} {partial:?} {peek}"),
                        item => format!("{item:?}"),
                    })
                    .collect::<Vec<_>>()
                    .join("|"),
            )
        };
        for (text, expect) in [
            ("FLAGS", Some("Flags")),
            ("(UID INTERNALDATE RFC822.SIZE)", Some("Uid|InternalDate|Size")),
            ("(UID BODY.PEEK[]<0.32768>)", Some("Uid|BODY[]<0> Some((0, 32768)) true")),
            ("body[header]", Some("BODY[HEADER] None false")),
            ("BODY.PEEK[HEADER.FIELDS (message-id \"Date\")]", Some("BODY[HEADER.FIELDS (MESSAGE-ID DATE)] None true")),
            ("BODY[1.2]", None),
            ("BODY[]<0.0>", None),
            ("(UID", None),
            ("", None),
        ] {
            assert_eq!(labels(text).as_deref(), expect, "{text}");
        }
    }

    #[test]
    fn nothing_that_is_cut_short_panics() {
        let whole =
            b"UID SEARCH CHARSET UTF-8 (OR HEADER \"a\\\"b\" {3}\r\nxyz NOT (SINCE 1-Nov-2026 UID 1:*,4)) LARGER 5";
        for end in 0..whole.len() {
            let bytes = &whole[..end];
            for start in 0..end {
                let mut args = Args::new(&bytes[start..]);
                let _ = (args.search(), Args::new(bytes).fetch_items(), Args::new(bytes).flags(), args.set());
            }
        }
        let deep = "NOT ".repeat(100_000) + "ALL";
        assert_eq!(Args::new(deep.as_bytes()).search(), None);
    }
}
