//! Why a server's TLS is not accepted, as a value, and as a sentence that says what to do.

use super::certificate::Certificate;
use super::pin::Pin;
use crate::edge::quoted;
use jiff::Timestamp;
use std::error::Error;
use std::fmt;
use tokio_rustls::rustls::{self, CertificateError};

/// Names that are shown of one certificate.
const SHOWN: usize = 5;

/// What is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reason {
    /// The certificate's time is over.
    Expired,
    /// The certificate's time has not begun.
    NotYetValid,
    /// The certificate is for other names.
    OtherName,
    /// The certificate is signed by nobody but itself.
    SelfSigned,
    /// Whoever signed the certificate is not trusted on this machine.
    UnknownIssuer,
    /// The key is not the one that is pinned.
    OtherKey,
    /// The certificate was withdrawn.
    Revoked,
    /// The certificate cannot be used for something else that rustls says.
    Unusable(String),
    /// What answers does not speak TLS.
    NoTls,
    /// The two sides have no version or cipher in common, or the server ended the handshake.
    NoAgreement(String),
}

/// Why a server's TLS is not accepted. What the certificate did not say, or what is not known here, is missing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsTrouble {
    /// What is wrong.
    pub reason: Reason,
    /// The name or address that was wanted.
    pub wanted: String,
    /// The names and addresses that the certificate is for, as it says.
    pub given: Vec<String>,
    /// Who signed the certificate, as it says.
    pub issuer: Option<String>,
    /// From when on the certificate is valid.
    pub not_before: Option<Timestamp>,
    /// Until when the certificate is valid.
    pub not_after: Option<Timestamp>,
    /// The key the server showed.
    pub key: Option<Pin>,
    /// The key that is pinned.
    pub pinned: Option<Pin>,
}

impl TlsTrouble {
    fn bare(reason: Reason, wanted: &str) -> Self {
        Self {
            reason,
            wanted: wanted.to_owned(),
            given: Vec::new(),
            issuer: None,
            not_before: None,
            not_after: None,
            key: None,
            pinned: None,
        }
    }

    pub(super) fn of(reason: Reason, wanted: &str, certificate: Certificate) -> Self {
        Self {
            given: certificate.names,
            issuer: certificate.issuer,
            not_before: certificate.not_before,
            not_after: certificate.not_after,
            key: certificate.key.map(Pin),
            ..Self::bare(reason, wanted)
        }
    }

    /// What the verifier found wrong with a certificate that was presented.
    pub(super) fn refused(error: &CertificateError, wanted: &str, certificate: Certificate) -> Self {
        let own_issuer = certificate.own_issuer;
        let mut trouble = Self::of(Reason::NoTls, wanted, certificate);
        trouble.reason = reason(error, own_issuer);
        trouble.add(error);
        trouble
    }

    /// What the verifier's own words hold.
    fn add(&mut self, error: &CertificateError) {
        let moment = |time: &rustls::pki_types::UnixTime| {
            i64::try_from(time.as_secs()).ok().and_then(|second| Timestamp::from_second(second).ok())
        };
        match error {
            CertificateError::ExpiredContext { not_after, .. } => self.not_after = moment(not_after),
            CertificateError::NotValidYetContext { not_before, .. } => self.not_before = moment(not_before),
            CertificateError::NotValidForNameContext { presented, .. } if self.given.is_empty() => {
                // webpki writes `DnsName("a.example")` and `IpAddress(127.0.0.1)`
                let bare = |name: &String| {
                    let inside = name.split_once('(').and_then(|(_, rest)| rest.strip_suffix(')'));
                    inside.unwrap_or(name).trim_matches('"').to_owned()
                };
                self.given = presented.iter().map(bare).collect();
            }
            _ => {}
        }
    }

    /// The trouble with TLS in an error and its causes; `None` when it is about something else. `wanted` is the name
    /// that was dialled.
    #[must_use]
    pub fn within(error: &(dyn Error + 'static), wanted: &str) -> Option<Self> {
        let mut next = Some(error);
        // causes do not go round in circles, but nothing here depends on that
        for _ in 0..16 {
            let error = next?;
            if let Some(trouble) = error.downcast_ref::<Self>() {
                return Some(trouble.clone());
            }
            if let Some(error) = error.downcast_ref::<rustls::Error>() {
                return Self::from_rustls(error, wanted);
            }
            // an io::Error's source is the source of what it holds, not what it holds
            let held = error.downcast_ref::<std::io::Error>().and_then(std::io::Error::get_ref);
            next = match held {
                Some(held) => Some(held as &(dyn Error + 'static)),
                None => error.source(),
            };
        }
        None
    }

    fn from_rustls(error: &rustls::Error, wanted: &str) -> Option<Self> {
        let reason = match error {
            rustls::Error::InvalidCertificate(CertificateError::Other(other)) => {
                let inner: &(dyn Error + 'static) = &*other.0;
                if let Some(trouble) = inner.downcast_ref::<Self>() {
                    return Some(trouble.clone());
                }
                Reason::Unusable(other.to_string())
            }
            rustls::Error::InvalidCertificate(error) => {
                let mut trouble = Self::bare(reason(error, false), wanted);
                trouble.add(error);
                return Some(trouble);
            }
            rustls::Error::InvalidMessage(_) => Reason::NoTls,
            rustls::Error::AlertReceived(_) | rustls::Error::PeerIncompatible(_) => {
                Reason::NoAgreement(error.to_string())
            }
            rustls::Error::PeerMisbehaved(_) | rustls::Error::NoCertificatesPresented => {
                Reason::NoAgreement(error.to_string())
            }
            _ => return None,
        };
        Some(Self::bare(reason, wanted))
    }

    fn names(&self) -> String {
        if self.given.is_empty() {
            return "no name at all".to_owned();
        }
        let mut text = self.given.iter().take(SHOWN).map(|name| quoted(name)).collect::<Vec<_>>().join(", ");
        if self.given.len() > SHOWN {
            text.push_str(&format!(" and {} more", self.given.len() - SHOWN));
        }
        text
    }

    fn issuer(&self) -> String {
        self.issuer.as_deref().map_or_else(|| "someone unnamed".to_owned(), quoted)
    }

    fn showed(&self) -> String {
        self.key.map_or_else(|| "sha256:…".to_owned(), |key| key.to_string())
    }
}

fn reason(error: &CertificateError, own_issuer: bool) -> Reason {
    match error {
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => Reason::Expired,
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => Reason::NotYetValid,
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => Reason::OtherName,
        CertificateError::UnknownIssuer if own_issuer => Reason::SelfSigned,
        CertificateError::UnknownIssuer => Reason::UnknownIssuer,
        CertificateError::Revoked => Reason::Revoked,
        // webpki: a certificate of an authority that is shown as a server's
        CertificateError::Other(other) if other.to_string().contains("CaUsedAsEndEntity") => {
            if own_issuer {
                Reason::SelfSigned
            } else {
                Reason::Unusable("it is an authority's certificate, not a server's".to_owned())
            }
        }
        other => Reason::Unusable(other.to_string()),
    }
}

/// A day in the world's time, for people.
fn day(at: Option<Timestamp>) -> String {
    at.map_or_else(|| "an unknown day".to_owned(), |at| at.strftime("%Y-%m-%d %H:%M UTC").to_string())
}

impl Error for TlsTrouble {}

impl fmt::Display for TlsTrouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let wanted = &self.wanted;
        match &self.reason {
            Reason::NoTls => {
                return write!(
                    f,
                    "what answers at {wanted} does not speak TLS (is the port right? Port 143 or 587 wants \
                     security = \"starttls\")"
                );
            }
            Reason::NoAgreement(why) => return write!(f, "{wanted} and modori do not agree on TLS: {why}"),
            _ => write!(f, "{wanted} cannot be trusted: ")?,
        }
        match &self.reason {
            Reason::Expired => write!(
                f,
                "its certificate expired on {} (valid from {}, for {}). Its owner must renew it; if that day lies \
                 ahead, this machine's clock is wrong",
                day(self.not_after),
                day(self.not_before),
                self.names()
            ),
            Reason::NotYetValid => write!(
                f,
                "its certificate is not valid before {} (until {}, for {}). If that day is past, this machine's clock \
                 is wrong; else its owner must wait or get another one",
                day(self.not_before),
                day(self.not_after),
                self.names()
            ),
            Reason::OtherName => write!(
                f,
                "its certificate is not for {wanted}, but for {}. Write the name your provider gives as `host`; if \
                 you did, someone may be in between",
                self.names()
            ),
            Reason::SelfSigned => write!(
                f,
                "its certificate is signed by nobody but itself (for {}, valid from {} to {}). If it is your own \
                 server: compare its key there, then write pin = \"{}\", or name the certificate as `ca_file`",
                self.names(),
                day(self.not_before),
                day(self.not_after),
                self.showed()
            ),
            Reason::UnknownIssuer => write!(
                f,
                "its certificate is signed by {}, whom this machine does not trust (for {}, valid from {} to {}). If \
                 it is your own server, name the authority's certificate as `ca_file`, or compare the server's key \
                 there and write pin = \"{}\"; at a provider, someone may be in between",
                self.issuer(),
                self.names(),
                day(self.not_before),
                day(self.not_after),
                self.showed()
            ),
            Reason::OtherKey => {
                let pinned = self.pinned.map_or_else(String::new, |pin| pin.to_string());
                write!(
                    f,
                    "its key is not the pinned one: pinned is {pinned}, it shows {} (a certificate for {}, signed by \
                     {}). If the server got a new key, compare it there and change `pin`; else someone is in between",
                    self.showed(),
                    self.names(),
                    self.issuer()
                )
            }
            Reason::Revoked => write!(f, "its certificate was withdrawn by who signed it"),
            Reason::Unusable(why) => write!(f, "its certificate cannot be used: {}", quoted(why)),
            Reason::NoTls | Reason::NoAgreement(_) => Ok(()),
        }
    }
}
