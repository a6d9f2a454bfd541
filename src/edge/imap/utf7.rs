//! Mailbox names on the wire: modified UTF-7 (RFC 3501, 5.1.3).

use base64::Engine as _;
use base64::alphabet::IMAP_MUTF7;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

const BASE64: GeneralPurpose = GeneralPurpose::new(
    &IMAP_MUTF7,
    GeneralPurposeConfig::new()
        .with_encode_padding(false)
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true),
);

/// A name as a person writes it, for the wire.
#[must_use]
pub fn encode(name: &str) -> String {
    let mut out = String::with_capacity(name.len());
    let mut waiting = Vec::new();
    for c in name.chars() {
        if (' '..='~').contains(&c) {
            flush(&mut waiting, &mut out);
            out.push(c);
            if c == '&' {
                out.push('-');
            }
        } else {
            let mut units = [0; 2];
            waiting.extend(c.encode_utf16(&mut units).iter().flat_map(|unit| unit.to_be_bytes()));
        }
    }
    flush(&mut waiting, &mut out);
    out
}

fn flush(waiting: &mut Vec<u8>, out: &mut String) {
    if !waiting.is_empty() {
        out.push('&');
        BASE64.encode_string(&waiting, out);
        out.push('-');
        waiting.clear();
    }
}

/// A name from the wire as a person reads it. What is not modified UTF-7 (servers send UTF-8, too) is kept as it is.
#[must_use]
pub fn decode(name: &str) -> String {
    let mut out = String::with_capacity(name.len());
    let mut rest = name;
    while let Some((before, after)) = rest.split_once('&') {
        out.push_str(before);
        let Some((encoded, then)) = after.split_once('-') else {
            out.push('&');
            rest = after;
            continue;
        };
        if encoded.is_empty() {
            out.push('&');
        } else if let Some(text) = utf16(encoded) {
            out.push_str(&text);
        } else {
            out.push('&');
            out.push_str(encoded);
            out.push('-');
        }
        rest = then;
    }
    out.push_str(rest);
    out
}

fn utf16(encoded: &str) -> Option<String> {
    let bytes = BASE64.decode(encoded).ok()?;
    if bytes.len() % 2 != 0 {
        return None;
    }
    let units = bytes.chunks_exact(2).map(|pair| match pair {
        [high, low] => u16::from_be_bytes([*high, *low]),
        _ => 0,
    });
    char::decode_utf16(units).collect::<Result<String, _>>().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn names_are_written_as_rfc_3501_says() {
        for (name, wire) in [
            ("INBOX", "INBOX"),
            ("楽天/再入荷", "&aX1ZKQ-/&UY1RZYN3-"),
            ("~peter/mail/台北/日本語", "~peter/mail/&U,BTFw-/&ZeVnLIqe-"),
            ("A & B", "A &- B"),
            ("🛒", "&2D3e0g-"),
        ] {
            assert_eq!(encode(name), wire);
            assert_eq!(decode(wire), name);
        }
    }

    #[test]
    fn what_is_not_modified_utf_7_is_kept() {
        for name in ["&", "a&b", "&!!-", "楽天", "&2D0-"] {
            assert_eq!(decode(name), name);
        }
    }

    proptest! {
        #[test]
        fn every_name_comes_back(name in "\\PC*") {
            prop_assert_eq!(decode(&encode(&name)), name);
        }

        #[test]
        fn any_bytes_decode_without_a_panic(name in ".*") {
            let _ = decode(&name);
        }
    }
}
