//! A mail as a person would read it. [`read`] cannot fail: what was odd is a [`Note`].

mod body;
mod header;
mod hops;
mod html;
pub mod links;
mod lookalike;
mod mime;
mod parts;
mod read;
mod style;
pub mod trust;
mod vouch;
mod when;

use crate::mailbox::MailKey;
use crate::text::Folded;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::ops::Range;

pub use links::is_disguised;
pub use read::{read, topmost_authserv_id};
pub use trust::{Trust, TrustLevel};

/// One address of a header.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Address {
    /// Display name, decoded; empty when there is none.
    pub name: String,
    /// `local@domain`, lower-cased; empty when it could not be read.
    pub addr: String,
}

impl Address {
    /// The part after the last `@`, lower case.
    #[must_use]
    pub fn domain(&self) -> &str {
        self.addr.rsplit_once('@').map_or("", |(_, domain)| domain)
    }
}

/// A text with its normal form.
#[derive(Clone, Debug, Default)]
pub struct Text {
    /// As written, after decoding.
    pub raw: String,
    /// In normal form.
    pub folded: Folded,
}

impl Text {
    /// A text and its normal form.
    #[must_use]
    pub fn new(raw: impl Into<String>) -> Self {
        let raw = raw.into();
        let folded = crate::text::fold(&raw);
        Self { raw, folded }
    }
}

/// What a stretch of the body is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum PartKind {
    /// Written by the sender for this mail.
    New,
    /// Quoted from an earlier mail (`>` lines, "On … wrote:").
    Quoted,
    /// The inner mail of a forward, inline or `message/rfc822`.
    Forwarded,
}

/// A stretch of [`Mail::body`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    /// What it is.
    pub kind: PartKind,
    /// Bytes of `body.raw`.
    pub range: Range<usize>,
}

/// A link of the mail: from an HTML `<a>` or a bare URL in the text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Link {
    /// The target as written, entities resolved.
    pub href: String,
    /// Host in lower case, without port and userinfo; empty when the target is not an http(s) URL.
    pub host: String,
    /// The text a reader sees; the URL itself for bare URLs.
    pub text: String,
    /// Where the link's text lies in `body.raw`, when it does.
    pub place: Option<Range<usize>>,
}

/// An attached file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attachment {
    /// File name, decoded; empty when there is none.
    pub name: String,
    /// `type/subtype`, lower case.
    pub media_type: String,
    /// Decoded size in bytes.
    pub size: usize,
}

/// The mail inside a forward.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Inner {
    /// The inner sender, if a header block named it.
    pub from: Option<Address>,
    /// The inner subject.
    pub subject: String,
    /// The inner date.
    pub date: Option<Timestamp>,
}

/// What was odd about a mail. Shown by `explain`, never an error.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Note {
    /// A short stable word: `charset-guessed`, `damaged-subject`, `two-from`, `truncated`, `too-deep` …
    pub code: String,
    /// One sentence for a person. Never holds text of the mail's body.
    pub text: String,
}

/// A header field, decoded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Header {
    /// Name as written.
    pub name: String,
    /// Decoded value, unfolded.
    pub value: String,
}

/// A mail as a person would read it.
#[derive(Clone)]
pub struct Mail {
    /// What it is.
    pub key: MailKey,
    /// Message-ID without angle brackets.
    pub message_id: Option<String>,
    /// Ids named by In-Reply-To and References, without angle brackets.
    pub references: Vec<String>,
    /// Message-IDs of mails that it gives back as not delivered, without angle brackets.
    pub returned: Vec<String>,
    /// All header fields in order, decoded.
    pub headers: Vec<Header>,
    /// The first From address.
    pub from: Address,
    /// Envelope sender (Return-Path) if present; `Some("")` for the null sender `<>`.
    pub return_path: Option<String>,
    /// To and Cc.
    pub to: Vec<Address>,
    /// Reply-To.
    pub reply_to: Vec<Address>,
    /// Subject.
    pub subject: Text,
    /// The Date header, if it could be read.
    pub date: Option<Timestamp>,
    /// When the server took it in.
    pub received: Timestamp,
    /// The instant that relative words (本日, 明日) refer to: the inner date for forwards, else the Date header,
    /// else `received` (also when Date and `received` differ by more than a day).
    pub base: Timestamp,
    /// Text a reader sees, all parts one after the other. Table cells are separated by a tab.
    pub body: Text,
    /// What each stretch of `body.raw` is: in order, without gaps, covering all of it.
    pub parts: Vec<Part>,
    /// Text that HTML hides from the reader (preheaders). Never matched.
    pub hidden: String,
    /// Links, in order.
    pub links: Vec<Link>,
    /// Attached files.
    pub attachments: Vec<Attachment>,
    /// Present when the mail is a forward.
    pub inner: Option<Inner>,
    /// Whether the sender is who the mail says.
    pub trust: Trust,
    /// What was odd.
    pub notes: Vec<Note>,
    /// RFC822.SIZE in bytes.
    pub size: u32,
    /// Hash of sender, Message-ID, Date and decoded text: equal for two copies of one mail.
    pub second_identity: String,
}

/// The decoded value of a single header field.
#[must_use]
pub fn field_text(raw: &[u8]) -> String {
    header::text(raw).text
}

impl Mail {
    /// Decoded values of a header field, in order; the name's case does not matter.
    pub fn header<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> + 'a {
        self.headers
            .iter()
            .filter(move |header| header.name.eq_ignore_ascii_case(name))
            .map(|header| header.value.as_str())
    }

    /// Whether it is a mail server's, about a mail that it could not deliver (or did).
    #[must_use]
    pub fn is_bounce(&self) -> bool {
        let local = self.from.addr.split('@').next().unwrap_or_default();
        let report = |value: &str| value.trim_start().to_ascii_lowercase().starts_with("multipart/report");
        self.return_path.as_deref() == Some("")
            || matches!(local, "mailer-daemon" | "postmaster")
            || self.header("content-type").any(report)
    }

    /// What the stretch of `body.raw` at this byte is.
    #[must_use]
    pub fn part_at(&self, at: usize) -> PartKind {
        // in order and without gaps: a mail of a hundred thousand quoted lines is not walked for every word
        let after = self.parts.partition_point(|part| part.range.end <= at);
        self.parts.get(after).filter(|part| part.range.contains(&at)).map_or(PartKind::New, |part| part.kind)
    }
}

impl fmt::Debug for Mail {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // a body never reaches a log
        write!(f, "Mail({:?}, {} bytes, {:?})", self.key, self.size, self.trust.level)
    }
}

/// What [`read`] needs to know beside the bytes.
#[derive(Clone, Debug)]
pub struct Reading<'a> {
    /// INTERNALDATE, or the file's time.
    pub received: Timestamp,
    /// RFC822.SIZE; more than the bytes given when the fetch was capped.
    pub size: u32,
    /// Authserv-ids whose Authentication-Results count (RFC 8601, 5).
    pub authserv_ids: &'a [String],
}
