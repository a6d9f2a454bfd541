//! What Gmail's Takeout puts before each message of its mbox: `X-GM-THRID` and `X-Gmail-Labels`; and Thunderbird's marks:
//! `X-Mozilla-Status`, `X-Mozilla-Status2` and `X-Mozilla-Keys`.
//!
//! The mailbox shows the same message without them. They are taken off, so that a message from a Takeout and the one in
//! the mailbox are known as one and the same.

/// The value of the labels' field, and the message without what was put before it.
pub(super) fn parted(mut bytes: Vec<u8>) -> (Option<Vec<u8>>, Vec<u8>) {
    let mut labels: Option<Vec<u8>> = None;
    let mut end = 0;
    loop {
        let rest = bytes.get(end..).unwrap_or_default();
        let is_labels = named(rest, b"x-gmail-labels:");
        let others: [&[u8]; 4] = [b"x-gm-thrid:", b"x-mozilla-status:", b"x-mozilla-status2:", b"x-mozilla-keys:"];
        if !is_labels && !others.iter().any(|name| named(rest, name)) {
            break;
        }
        let length = field(rest);
        if is_labels {
            let value = rest.get(b"x-gmail-labels:".len()..length).unwrap_or_default();
            labels = Some(value.trim_ascii().to_vec());
        }
        end += length;
    }
    bytes.drain(..end.min(bytes.len()));
    (labels, bytes)
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
            assert_eq!(found.as_deref(), labels.map(str::as_bytes), "{text}");
            assert_eq!(bytes, rest.as_bytes(), "{text}");
        }
    }
}
