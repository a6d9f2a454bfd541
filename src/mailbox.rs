//! Where a message lies and what it is: plain values shared by every room.
//!
//! A [`Place`] changes when a message is moved or a server renumbers its mailbox; a [`MailKey`] never does.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::fmt;

/// How many bytes of a message (after CRLF became LF) its key is taken from. A constant of the stored format.
pub const KEY_BYTES: usize = 16 * 1024;

/// Every fetch asks for at least this many bytes, so that [`KEY_BYTES`] are there even if each line ends in CRLF.
pub const LEAST_FETCH: u32 = 32 * 1024;

/// Where a message lies.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Place {
    /// Account name from the configuration.
    pub account: String,
    /// Mailbox name in UTF-8, as a person reads it (never modified UTF-7).
    pub mailbox: String,
    /// The mailbox's UIDVALIDITY (RFC 9051, 2.3.1.1).
    pub uid_validity: u32,
    /// The message's UID under that UIDVALIDITY.
    pub uid: u32,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}, UID {}", self.account, self.mailbox, self.uid)
    }
}

/// What a message is: SHA-256 of its first [`KEY_BYTES`] after CRLF became LF.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MailKey([u8; 32]);

impl MailKey {
    /// The key of a message, from its bytes or from at least its first [`LEAST_FETCH`] bytes.
    #[must_use]
    pub fn of(bytes: &[u8]) -> Self {
        let mut hash = Sha256::new();
        let mut left = KEY_BYTES;
        let mut from = 0;
        while left > 0 && from < bytes.len() {
            let rest = bytes.get(from..).unwrap_or_default();
            let line = crlf(rest, left).unwrap_or(rest.len());
            let take = line.min(left).min(rest.len());
            hash.update(rest.get(..take).unwrap_or_default());
            left -= take;
            from += take;
            if take == line && left > 0 && line < rest.len() {
                from += 1; // the CR is dropped, the LF is read as part of the next run
            }
        }
        Self(hash.finalize().into())
    }

    /// The key as 64 hexadecimal digits.
    #[must_use]
    pub fn hex(&self) -> String {
        self.0.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// The first ten hexadecimal digits: enough for a person to name one mail among hers.
    #[must_use]
    pub fn short(&self) -> String {
        self.hex().chars().take(10).collect()
    }

    /// The 32 bytes.
    #[must_use]
    pub fn bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// A key from 64 hexadecimal digits.
    #[must_use]
    pub fn from_hex(hex: &str) -> Option<Self> {
        let hex = hex.as_bytes();
        if hex.len() != 64 {
            return None;
        }
        let mut key = [0; 32];
        for (byte, pair) in key.iter_mut().zip(hex.chunks_exact(2)) {
            *byte = u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()?;
        }
        Some(Self(key))
    }
}

impl fmt::Debug for MailKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "MailKey({})", self.hex().get(..12).unwrap_or_default())
    }
}

impl fmt::Display for MailKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.hex())
    }
}

impl Serialize for MailKey {
    fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(&self.hex())
    }
}

impl<'de> Deserialize<'de> for MailKey {
    fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let hex = String::deserialize(from)?;
        Self::from_hex(&hex).ok_or_else(|| serde::de::Error::custom("a mail key is 64 hexadecimal digits"))
    }
}

/// A message as it arrived: where it lies, when the server took it in, and (the first part of) its bytes.
#[derive(Clone)]
pub struct Arrival {
    /// Where it lies.
    pub place: Place,
    /// INTERNALDATE, or the file's or mbox line's time for imported mail.
    pub received: Timestamp,
    /// RFC822.SIZE in bytes; more than `bytes.len()` when the fetch was capped.
    pub size: u32,
    /// The message, or its first part.
    pub bytes: Vec<u8>,
}

impl Arrival {
    /// What the message is.
    #[must_use]
    pub fn key(&self) -> MailKey {
        MailKey::of(&self.bytes)
    }
}

impl fmt::Debug for Arrival {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // a body never reaches a log
        write!(f, "Arrival({}, {} bytes, received {})", self.place, self.size, self.received)
    }
}

/// The first CRLF that begins within so many bytes.
fn crlf(bytes: &[u8], within: usize) -> Option<usize> {
    let near = bytes.get(..within).unwrap_or(bytes);
    let mut from = 0;
    loop {
        let at = from + near.get(from..)?.iter().position(|byte| *byte == b'\r')?;
        if bytes.get(at + 1) == Some(&b'\n') {
            return Some(at);
        }
        from = at + 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plain(bytes: &[u8]) -> MailKey {
        let text: Vec<u8> = String::from_utf8_lossy(bytes).replace("\r\n", "\n").into_bytes();
        let end = text.len().min(KEY_BYTES);
        MailKey(Sha256::digest(&text[..end]).into())
    }

    #[test]
    fn key_is_the_hash_of_the_first_16_kib_after_crlf_became_lf() {
        let long = "a line of a mail\r\n".repeat(3000);
        for text in ["", "a", "\r", "\n", "\r\n", "a\r\nb\n\rc\r\r\n", "\r\r\n\n", long.as_str()] {
            assert_eq!(MailKey::of(text.as_bytes()), plain(text.as_bytes()), "{:?}", text.get(..9));
        }
        let capped = long.get(..LEAST_FETCH as usize).unwrap_or_default();
        assert_eq!(MailKey::of(capped.as_bytes()), MailKey::of(long.as_bytes()));
    }

    #[test]
    fn key_round_trips_through_hex() {
        let key = MailKey::of(b"x");
        assert_eq!(MailKey::from_hex(&key.hex()), Some(key));
        assert_eq!(MailKey::from_hex("zz"), None);
    }
}
