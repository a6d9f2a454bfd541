//! A pin: the one public key that a server must show, whoever signed it and whatever names and dates stand beside it.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use std::fmt;
use std::str::FromStr;

/// SHA-256 of a server's public key with its algorithm (SubjectPublicKeyInfo, as in RFC 7469, 2.4). Written
/// `sha256:` and base64, or 64 hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Pin(pub(super) [u8; 32]);

impl fmt::Display for Pin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "sha256:{}", STANDARD.encode(self.0))
    }
}

impl fmt::Debug for Pin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Pin({self})")
    }
}

/// Not a pin.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a pin is written sha256: and 44 characters of base64, or 64 hexadecimal digits")]
pub struct NoPin;

impl FromStr for Pin {
    type Err = NoPin;

    fn from_str(text: &str) -> Result<Self, NoPin> {
        let rest = text.strip_prefix("sha256:").or_else(|| text.strip_prefix("sha256/")).ok_or(NoPin)?.trim();
        // colons between the digits, as openssl prints them
        let digits: String = rest.chars().filter(|c| *c != ':').collect();
        if digits.len() == 64 {
            let mut key = [0; 32];
            for (byte, pair) in key.iter_mut().zip(digits.as_bytes().chunks(2)) {
                let pair = std::str::from_utf8(pair).map_err(|_| NoPin)?;
                if !pair.bytes().all(|digit| digit.is_ascii_hexdigit()) {
                    return Err(NoPin);
                }
                *byte = u8::from_str_radix(pair, 16).map_err(|_| NoPin)?;
            }
            return Ok(Self(key));
        }
        let padded = if rest.len() == 43 { format!("{rest}=") } else { rest.to_owned() };
        let key = STANDARD.decode(padded).map_err(|_| NoPin)?;
        key.try_into().map(Self).map_err(|_| NoPin)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pins_are_read_as_people_copy_them() {
        let pin = Pin([0xab; 32]);
        let colons = ["AB"; 32].join(":");
        for text in [
            pin.to_string(),
            pin.to_string().trim_end_matches('=').to_owned(),
            format!("sha256:{}", "ab".repeat(32)),
            format!("sha256:{colons}"),
            pin.to_string().replace(':', "/"),
        ] {
            assert_eq!(text.parse(), Ok(pin), "{text}");
        }
        for text in [
            "",
            "sha256:",
            "sha1:ab",
            "sha256:abcd",
            &"ab".repeat(32),
            &format!("sha256:{}", "é".repeat(32)),
            &format!("sha256:+{}", "a".repeat(63)),
        ] {
            assert_eq!(text.parse::<Pin>(), Err(NoPin), "{text}");
        }
    }
}
