//! Where there is no mail: the link that opens the shopper's own mail program, and the shop's form.

use super::Letter;
use crate::facts::OrderNumber;

/// A link that opens a mail program with this letter in it (RFC 6068: UTF-8, percent-encoded, lines ended by CRLF).
#[must_use]
pub fn mailto(letter: &Letter) -> String {
    let body = letter.body.replace("\r\n", "\n").replace('\n', "\r\n");
    let mut link = format!(
        "mailto:{}?subject={}&body={}",
        encoded(&letter.to, b"@"),
        encoded(&letter.subject, b""),
        encoded(body.trim_end(), b"")
    );
    if let Some(id) = &letter.in_reply_to {
        link.push_str(&format!("&in-reply-to={}", encoded(&format!("<{id}>"), b"@")));
    }
    link
}

/// The shop's inquiry form for an order (domain document 4.2, grade B: seen in public code, not tried).
#[must_use]
pub fn form(order: &OrderNumber) -> String {
    format!("https://ask.step.rakuten.co.jp/inquiry-form/?on={order}&ms=702")
}

fn encoded(text: &str, also: &[u8]) -> String {
    let mut out = String::new();
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) || also.contains(&byte) {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}
