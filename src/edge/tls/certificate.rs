//! What a certificate says of itself (RFC 5280), read for people: names, dates, issuer, and its key. Nothing is
//! believed because of it.

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use sha2::{Digest as _, Sha256};
use std::net::{Ipv4Addr, Ipv6Addr};

/// Names of one certificate that are read at most.
const NAMES: usize = 100;

/// What a certificate says of itself. What could not be read is missing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Certificate {
    pub(super) names: Vec<String>,
    /// The issuer's common name, else its organisation.
    pub(super) issuer: Option<String>,
    /// It names itself as its issuer.
    pub(super) own_issuer: bool,
    pub(super) not_before: Option<Timestamp>,
    pub(super) not_after: Option<Timestamp>,
    /// SHA-256 of the public key with its algorithm (SubjectPublicKeyInfo).
    pub(super) key: Option<[u8; 32]>,
}

const SEQUENCE: u8 = 0x30;
const OID: u8 = 0x06;
const OCTETS: u8 = 0x04;
const VERSION: u8 = 0xa0;
const EXTENSIONS: u8 = 0xa3;
const DNS_NAME: u8 = 0x82;
const IP_ADDRESS: u8 = 0x87;
const COMMON_NAME: &[u8] = &[0x55, 4, 3];
const ORGANISATION: &[u8] = &[0x55, 4, 10];
const ALTERNATIVE_NAMES: &[u8] = &[0x55, 29, 17];

/// Reads a certificate as far as it can be read.
pub(super) fn read(der: &[u8]) -> Certificate {
    let mut found = Certificate::default();
    // whatever comes after what cannot be read is missing, nothing else
    let _ = fill(der, &mut found);
    found
}

fn fill(der: &[u8], found: &mut Certificate) -> Option<()> {
    let mut outer = Der(der).inside(SEQUENCE)?;
    let mut body = outer.inside(SEQUENCE)?;
    if body.0.first() == Some(&VERSION) {
        body.next()?;
    }
    body.next()?; // serial number
    body.next()?; // algorithm of the signature
    let issuer = body.next()?;
    let mut validity = body.inside(SEQUENCE)?;
    let subject = body.next()?;
    let key = body.next()?;
    found.own_issuer = issuer.content == subject.content;
    found.issuer = words(issuer.content, COMMON_NAME).or_else(|| words(issuer.content, ORGANISATION));
    found.not_before = validity.next().and_then(|time| moment(&time));
    found.not_after = validity.next().and_then(|time| moment(&time));
    found.key = Some(Sha256::digest(key.whole).into());
    while let Some(part) = body.next() {
        if part.tag == EXTENSIONS {
            let mut extensions = Der(part.content).inside(SEQUENCE)?;
            while let Some(extension) = extensions.next() {
                let mut extension = Der(extension.content);
                if extension.next().is_some_and(|id| id.tag == OID && id.content == ALTERNATIVE_NAMES) {
                    let value = std::iter::from_fn(|| extension.next()).find(|part| part.tag == OCTETS)?;
                    let mut names = Der(value.content).inside(SEQUENCE)?;
                    let names = std::iter::from_fn(|| names.next());
                    found.names = names.filter_map(|name| alternative(&name)).take(NAMES).collect();
                }
            }
        }
    }
    Some(())
}

fn alternative(name: &Element<'_>) -> Option<String> {
    match name.tag {
        DNS_NAME => Some(String::from_utf8_lossy(name.content).into_owned()),
        IP_ADDRESS => match name.content.len() {
            4 => <[u8; 4]>::try_from(name.content).ok().map(|octets| Ipv4Addr::from(octets).to_string()),
            16 => <[u8; 16]>::try_from(name.content).ok().map(|octets| Ipv6Addr::from(octets).to_string()),
            _ => None,
        },
        _ => None,
    }
}

/// One attribute of a distinguished name.
fn words(name: &[u8], wanted: &[u8]) -> Option<String> {
    let mut sets = Der(name);
    while let Some(set) = sets.next() {
        let mut pair = Der(set.content).inside(SEQUENCE)?;
        if pair.next()?.content == wanted {
            return pair.next().map(|value| String::from_utf8_lossy(value.content).into_owned());
        }
    }
    None
}

/// UTCTime (`YYMMDDHHMMSSZ`) or GeneralizedTime (`YYYYMMDDHHMMSSZ`), RFC 5280, 4.1.2.5.
fn moment(time: &Element<'_>) -> Option<Timestamp> {
    let text = std::str::from_utf8(time.content).ok()?.strip_suffix('Z')?;
    let text = match time.tag {
        0x17 => {
            let century = if text.get(..2)?.parse::<u8>().ok()? < 50 { "20" } else { "19" };
            format!("{century}{text}")
        }
        0x18 => text.to_owned(),
        _ => return None,
    };
    let number = |range: std::ops::Range<usize>| text.get(range)?.parse::<i8>().ok();
    let year = text.get(..4)?.parse().ok()?;
    let at =
        DateTime::new(year, number(4..6)?, number(6..8)?, number(8..10)?, number(10..12)?, number(12..14)?, 0).ok()?;
    at.to_zoned(TimeZone::UTC).ok().map(|at| at.timestamp())
}

/// One element of DER.
struct Element<'a> {
    tag: u8,
    content: &'a [u8],
    /// With tag and length.
    whole: &'a [u8],
}

/// Walks over elements of DER (X.690); never past their end.
struct Der<'a>(&'a [u8]);

impl<'a> Der<'a> {
    fn next(&mut self) -> Option<Element<'a>> {
        let (&tag, rest) = self.0.split_first()?;
        let (&first, rest) = rest.split_first()?;
        let (length, rest) = match first {
            0..=0x7f => (usize::from(first), rest),
            0x81..=0x84 => {
                let (digits, rest) = rest.split_at_checked(usize::from(first & 0x7f))?;
                let length = digits.iter().fold(0_u64, |length, digit| length << 8 | u64::from(*digit));
                (usize::try_from(length).ok()?, rest)
            }
            _ => return None,
        };
        let (content, rest) = rest.split_at_checked(length)?;
        let whole = self.0.get(..self.0.len() - rest.len())?;
        self.0 = rest;
        Some(Element { tag, content, whole })
    }

    fn inside(&mut self, tag: u8) -> Option<Der<'a>> {
        self.next().filter(|element| element.tag == tag).map(|element| Der(element.content))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use rcgen::{CertificateParams, DnType, KeyPair, SanType};

    fn made() -> (Vec<u8>, Vec<u8>) {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(vec!["imap.example.jp".to_owned(), "*.example.jp".to_owned()]).unwrap();
        params.subject_alt_names.push(SanType::IpAddress("127.0.0.1".parse().unwrap()));
        params.distinguished_name.push(DnType::OrganizationName, "Example");
        params.distinguished_name.push(DnType::CommonName, "店のサーバー");
        params.not_before = rcgen::date_time_ymd(2025, 2, 3);
        params.not_after = rcgen::date_time_ymd(2051, 11, 30);
        (params.self_signed(&key).unwrap().der().to_vec(), rcgen::PublicKeyData::subject_public_key_info(&key))
    }

    #[test]
    fn what_a_certificate_says_is_read() {
        let (der, key) = made();
        let found = read(&der);
        assert_eq!(found.names, ["imap.example.jp", "*.example.jp", "127.0.0.1"]);
        assert_eq!(found.issuer.as_deref(), Some("店のサーバー"));
        assert!(found.own_issuer);
        assert_eq!(found.not_before, Some("2025-02-03T00:00:00Z".parse().unwrap()));
        assert_eq!(found.not_after, Some("2051-11-30T00:00:00Z".parse().unwrap()));
        assert_eq!(found.key, Some(Sha256::digest(&key).into()));
    }

    #[test]
    fn a_certificate_cut_anywhere_is_read_as_far_as_it_goes() {
        let (der, _) = made();
        for end in 0..der.len() {
            assert_eq!(read(&der[..end]), Certificate::default(), "{end}: the outer length is checked first");
        }
    }

    proptest! {
        #[test]
        fn bent_certificates_are_read_without_a_panic(
            bends in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..8)
        ) {
            thread_local!(static DER: Vec<u8> = made().0);
            let mut der = DER.with(Clone::clone);
            for (at, byte) in bends {
                let at = at.index(der.len());
                der[at] = byte;
            }
            read(&der);
        }

        #[test]
        fn any_bytes_are_read_without_a_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            read(&bytes);
        }
    }
}
