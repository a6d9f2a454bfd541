//! A letter as bytes: RFC 5322, written by the mail library. What a header may not hold is refused before.

use super::OutError;
use super::smtp::mailbox;
use crate::edge::Advice;
use crate::letter::Letter;
use crate::plan::gate;
use jiff::Timestamp;
use lettre::Message;
use lettre::address::Envelope;
use lettre::message::header::{ContentType, HeaderName, HeaderValue};
use std::time::{Duration, SystemTime};

/// Who makes the letter leave: that decides what it says of itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum By {
    /// The shopper: she sends a draft, or had it sent, and it says nothing of a machine.
    Her,
    /// modori, when its time came: it says that nobody pressed a button (RFC 3834, 5).
    Us,
}

impl From<gate::By> for By {
    fn from(by: gate::By) -> Self {
        match by {
            gate::By::Time => Self::Us,
            gate::By::Owner | gate::By::OwnerSends => Self::Her,
        }
    }
}

/// A letter as it goes over the wire.
#[derive(Clone, Debug)]
pub struct Written {
    /// Every line ends with CRLF.
    pub bytes: Vec<u8>,
    /// From whom, and to the one recipient.
    pub envelope: Envelope,
}

/// Longest subject and sender, in bytes.
const LINE: usize = 500;
/// Longest text, in bytes.
const TEXT: usize = 32 * 1024;
/// Longest Message-ID that is repeated, in bytes: more than any server makes, and short of the longest line.
const ID: usize = 400;
/// Most Message-IDs of a thread: its first and its last ones (RFC 5322, 3.6.4, sets no limit; RFC 5537, 3.4.4, leaves out
/// in the middle).
const THREAD: usize = 20;

/// Writes a letter with this date.
///
/// # Errors
/// When a value holds what would make another letter of it: line ends, control characters, characters that turn the
/// direction of text, encoded words, more than one address. It will never work.
pub fn write(letter: &Letter, by: By, at: Timestamp) -> Result<Written, OutError> {
    let from = sender(&letter.from)?;
    one_line("the subject", &letter.subject)?;
    let to = address("the recipient", &letter.to)?;
    let id = own_id(&letter.message_id)?;
    let envelope = Envelope::new(Some(from.email.clone()), vec![to.email.clone()]);
    let envelope = envelope.map_err(|error| refused("the recipient", error))?;
    let date = SystemTime::UNIX_EPOCH + Duration::from_secs(u64::try_from(at.as_second()).unwrap_or_default());
    // the library would make it from the header, and cannot read the addresses back that it wrote in quotes
    let mut builder = Message::builder()
        .envelope(envelope.clone())
        .from(from)
        .to(to)
        .date(date)
        .message_id(Some(format!("<{id}>")))
        .subject(letter.subject.clone())
        .header(ContentType::TEXT_PLAIN);
    // an id that no header may hold names no mail that anybody could find: the letter is threaded without it
    if let Some(answered) = letter.in_reply_to.as_deref().filter(|id| is_id(id)) {
        builder = builder.in_reply_to(format!("<{answered}>"));
    }
    let thread = thread(letter);
    if !thread.is_empty() {
        builder = builder.references(thread);
    }
    if by == By::Us {
        let mut raw = |name: &'static str, value: &str| {
            let name = HeaderName::new_from_ascii_str(name);
            builder = std::mem::take(&mut builder).raw_header(HeaderValue::new(name, value.to_owned()));
        };
        raw("Auto-Submitted", if letter.answers { "auto-replied" } else { "auto-generated" });
        raw("X-Auto-Response-Suppress", "All");
    }
    let message = builder.body(text(&letter.body)?).map_err(|error| refused("the letter", error))?;
    let mut bytes = message.formatted();
    if !bytes.ends_with(b"\r\n") {
        bytes.extend_from_slice(b"\r\n");
    }
    Ok(Written { bytes, envelope })
}

fn refused(what: &str, why: impl std::fmt::Display) -> OutError {
    OutError { what: format!("the letter cannot be written: {what}: {why}"), advice: Advice::Never }
}

/// Characters that turn the direction of text or hide themselves: what is read is not what is there.
fn deceives(c: char) -> bool {
    matches!(c, '\u{61c}' | '\u{200b}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
}

/// Refuses what may not stand in one line of a header.
fn one_line(what: &str, value: &str) -> Result<(), OutError> {
    if value.len() > LINE {
        return Err(refused(what, format_args!("longer than {LINE} bytes")));
    }
    if value.chars().any(char::is_control) {
        return Err(refused(what, "it holds a line end or another control character"));
    }
    if value.chars().any(deceives) {
        return Err(refused(what, "it holds characters that turn or hide text"));
    }
    // plain text that reads like an encoded word would be decoded by whoever reads it (RFC 2047, 2)
    if value.contains("=?") {
        return Err(refused(what, "it holds what looks like an encoded word"));
    }
    Ok(())
}

/// `a@b` or `Name <a@b>`.
fn sender(from: &str) -> Result<lettre::message::Mailbox, OutError> {
    one_line("the sender", from)?;
    let (name, address) = match from.strip_suffix('>').and_then(|rest| rest.rsplit_once('<')) {
        Some((name, address)) => (name.trim(), address),
        None => ("", from),
    };
    let name = name.strip_prefix('"').and_then(|name| name.strip_suffix('"')).unwrap_or(name);
    if name.contains(['"', '\\', '<', '>']) {
        return Err(refused("the sender", "the name holds a quotation mark, a backslash or an angle bracket"));
    }
    let address = self::address("the sender", address)?;
    Ok(lettre::message::Mailbox::new((!name.is_empty()).then(|| name.to_owned()), address.email))
}

fn address(what: &str, address: &str) -> Result<lettre::message::Mailbox, OutError> {
    mailbox(bare(what, address)?).map_err(|error| refused(what, error.what))
}

/// One bare address in ASCII, with nothing around it.
fn bare<'a>(what: &str, address: &'a str) -> Result<&'a str, OutError> {
    let local = |c: char| c.is_ascii_alphanumeric() || ".!#$%&'*+-/=?^_`{|}~".contains(c);
    let domain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-');
    match address.split_once('@') {
        Some((before, after)) if !before.is_empty() && before.chars().all(local) && after.chars().all(domain) => {}
        _ => return Err(refused(what, "it is not one mail address")),
    }
    if address.len() > 254 || address.contains("=?") {
        return Err(refused(what, "no mail server takes such an address"));
    }
    Ok(address)
}

/// Whether a Message-ID, as another program made it, can be repeated in a header.
fn is_id(id: &str) -> bool {
    !id.is_empty()
        && id.len() <= ID
        && id.bytes().all(|b| b.is_ascii_graphic() && !matches!(b, b'<' | b'>'))
        && !id.contains("=?")
}

fn own_id(id: &str) -> Result<&str, OutError> {
    let (local, domain) = id.split_once('@').unwrap_or_default();
    let plain =
        |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"._-+".contains(&b));
    if id.len() > 200 || !plain(local) || !plain(domain) || domain.eq_ignore_ascii_case("localhost") {
        return Err(refused("the Message-ID", "it is not one of modori's"));
    }
    Ok(id)
}

/// The thread's ids as References holds them: each once, what may not stand there left out.
fn thread(letter: &Letter) -> String {
    let mut ids: Vec<&str> = Vec::new();
    for id in letter.references.iter().chain(&letter.in_reply_to).map(String::as_str).filter(|id| is_id(id)) {
        if !ids.contains(&id) {
            ids.push(id);
        }
    }
    // the mail that is answered stands last
    if let Some(answered) = letter.in_reply_to.as_deref().filter(|id| is_id(id)) {
        ids.retain(|id| *id != answered);
        ids.push(answered);
    }
    if ids.len() > THREAD {
        ids.drain(1..=ids.len() - THREAD);
    }
    ids.iter().map(|id| format!("<{id}>")).collect::<Vec<_>>().join(" ")
}

/// The text with lines as mail has them.
fn text(body: &str) -> Result<String, OutError> {
    if body.len() > TEXT {
        return Err(refused("the text", format_args!("longer than {TEXT} bytes")));
    }
    if body.chars().any(|c| c.is_control() && !matches!(c, '\n' | '\t')) {
        return Err(refused("the text", "it holds control characters"));
    }
    if body.chars().any(deceives) {
        return Err(refused("the text", "it holds characters that turn or hide text"));
    }
    let mut lines = body.trim_end_matches('\n').replace('\n', "\r\n");
    lines.push_str("\r\n");
    Ok(lines)
}

#[cfg(test)]
mod tests;
