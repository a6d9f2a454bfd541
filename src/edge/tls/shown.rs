//! What a certificate chain says of itself, once it was accepted: who signed it, and until when it is good.

use super::certificate::{self, Certificate};
use jiff::Timestamp;
use tokio_rustls::rustls::pki_types::CertificateDer;

/// The certificates that a server showed, the server's own first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shown {
    /// Who signed the server's own certificate, as it says.
    pub issuer: Option<String>,
    /// The server's own certificate is signed by itself.
    pub self_signed: bool,
    /// Until when the server's own certificate is good.
    pub until: Option<Timestamp>,
    /// The first end of any certificate that was shown.
    pub first_end: Option<Timestamp>,
    /// How many were shown.
    pub number: usize,
}

impl Shown {
    /// Reads what was shown; `None` when nothing was.
    #[must_use]
    pub fn of(chain: &[CertificateDer<'_>]) -> Option<Self> {
        let all: Vec<Certificate> = chain.iter().map(|one| certificate::read(one)).collect();
        let own = all.first()?;
        Some(Self {
            issuer: own.issuer.clone(),
            self_signed: own.own_issuer,
            until: own.not_after,
            first_end: all.iter().filter_map(|one| one.not_after).min(),
            number: all.len(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rcgen::{CertificateParams, DnType, Issuer, KeyPair};

    #[test]
    fn the_chain_tells_its_issuer_and_the_first_end() {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.distinguished_name.push(DnType::CommonName, "Example CA");
        params.not_after = rcgen::date_time_ymd(2027, 1, 2);
        let root = params.self_signed(&key).unwrap();
        let issuer = Issuer::new(params, key);
        let own_key = KeyPair::generate().unwrap();
        let mut own = CertificateParams::new(vec!["imap.example.jp".to_owned()]).unwrap();
        own.distinguished_name = rcgen::DistinguishedName::new();
        own.not_after = rcgen::date_time_ymd(2028, 3, 4);
        let leaf = own.signed_by(&own_key, &issuer).unwrap();
        let shown = Shown::of(&[leaf.der().clone(), root.der().clone()]).unwrap();
        assert_eq!((shown.issuer.as_deref(), shown.self_signed, shown.number), (Some("Example CA"), false, 2));
        assert_eq!(shown.until, Some("2028-03-04T00:00:00Z".parse().unwrap()));
        assert_eq!(shown.first_end, Some("2027-01-02T00:00:00Z".parse().unwrap()));
        assert_eq!(Shown::of(&[]), None);
        assert!(Shown::of(&[root.der().clone()]).unwrap().self_signed);
    }
}
