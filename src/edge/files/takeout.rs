//! What Gmail's Takeout puts before each message of its mbox: `X-GM-THRID` and `X-Gmail-Labels`; and Thunderbird's marks:
//! `X-Mozilla-Status`, `X-Mozilla-Status2` and `X-Mozilla-Keys`.
//!
//! The mailbox shows the same message without them. They are taken off, so that a message from a Takeout and the one in
//! the mailbox are known as one and the same.

/// What a program put before a message.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Before {
    /// Gmail's labels: the value of the field, still encoded.
    pub gmail_labels: Option<Vec<u8>>,
    /// Thunderbird shows it no more: it was deleted, and lies in the file until its folder is compacted.
    pub deleted: bool,
}

/// Of Thunderbird's status, four hexadecimal digits, the bit of a message that was deleted
/// (<https://vincent.bernat.ch/en/x-mozilla-status>, from the sources of Thunderbird 102).
const EXPUNGED: u32 = 0x0008;

/// What was put before a message, and the message.
pub(super) fn parted(mut bytes: Vec<u8>) -> (Before, Vec<u8>) {
    let mut before = Before::default();
    let mut end = 0;
    loop {
        let rest = bytes.get(end..).unwrap_or_default();
        let names: [&[u8]; 5] =
            [b"x-gmail-labels:", b"x-gm-thrid:", b"x-mozilla-status:", b"x-mozilla-status2:", b"x-mozilla-keys:"];
        let Some(name) = names.into_iter().find(|name| named(rest, name)) else { break };
        let length = field(rest);
        let value = rest.get(name.len()..length).unwrap_or_default().trim_ascii();
        match name {
            b"x-gmail-labels:" => before.gmail_labels = Some(value.to_vec()),
            b"x-mozilla-status:" => {
                let status = std::str::from_utf8(value).ok().and_then(|value| u32::from_str_radix(value, 16).ok());
                before.deleted = status.is_some_and(|status| status & EXPUNGED != 0);
            }
            _ => {}
        }
        end += length;
    }
    bytes.drain(..end.min(bytes.len()));
    (before, bytes)
}

fn named(bytes: &[u8], name: &[u8]) -> bool {
    bytes.get(..name.len()).is_some_and(|start| start.eq_ignore_ascii_case(name))
}

/// How long the header field is that begins here, with its folded lines.
fn field(bytes: &[u8]) -> usize {
    let mut end = 0;
    loop {
        let rest = bytes.get(end..).unwrap_or_default();
        end += rest.iter().position(|byte| *byte == b'\n').map_or(rest.len(), |at| at + 1);
        if !matches!(bytes.get(end), Some(b' ' | b'\t')) {
            return end;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_of_a_takeout_is_the_message_of_the_mailbox() {
        for (text, labels, rest) in [
            ("X-GM-THRID: 17\nX-Gmail-Labels: Inbox,Opened\nFrom: a\n\nx", Some("Inbox,Opened"), "From: a\n\nx"),
            ("X-GM-THRID: 17\r\nX-Gmail-Labels: a,\r\n b\r\nTo: c\r\n\r\n", Some("a,\r\n b"), "To: c\r\n\r\n"),
            ("X-Mozilla-Status: 0001\nX-Mozilla-Status2: 00000000\nX-Mozilla-Keys:  \nTo: c\n\n", None, "To: c\n\n"),
            ("From: a\nX-Gmail-Labels: Spam\n\n", None, "From: a\nX-Gmail-Labels: Spam\n\n"),
            ("X-Gmail-Labels: Spam", Some("Spam"), ""),
            ("X-Gmail-Labels:", Some(""), ""),
            ("", None, ""),
        ] {
            let (found, bytes) = parted(text.as_bytes().to_vec());
            assert_eq!(found.gmail_labels.as_deref(), labels.map(str::as_bytes), "{text}");
            assert!(!found.deleted, "{text}");
            assert_eq!(bytes, rest.as_bytes(), "{text}");
        }
    }

    #[test]
    fn what_thunderbird_shows_no_more_is_known_by_its_status() {
        for (status, deleted) in
            [("0001", false), ("0008", true), ("0009", true), ("ffff", true), ("x", false), ("", false)]
        {
            let text = format!("X-Mozilla-Status: {status}\r\nX-Mozilla-Status2: 00000000\r\nTo: c\r\n\r\n");
            assert_eq!(
                parted(text.into_bytes()),
                (Before { gmail_labels: None, deleted }, b"To: c\r\n\r\n".to_vec()),
                "{status}"
            );
        }
    }
}
