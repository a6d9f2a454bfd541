//! Judges the certificate a server shows, by the system's means or by a pin, and keeps what it said for the sentence.

use super::certificate;
use super::pin::Pin;
use super::trouble::{Reason, TlsTrouble};
use std::sync::Arc;
use tokio_rustls::rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use tokio_rustls::rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use tokio_rustls::rustls::{CertificateError, DigitallySignedStruct, Error, OtherError, SignatureScheme};

/// What a certificate is judged by.
#[derive(Debug)]
enum By {
    /// The system's trust store and names and dates.
    System(rustls_platform_verifier::Verifier),
    /// One key.
    Pin(Pin),
}

#[derive(Debug)]
pub(super) struct Verifier {
    by: By,
    provider: Arc<CryptoProvider>,
}

impl Verifier {
    pub(super) fn of_system(more: Vec<CertificateDer<'static>>, provider: &Arc<CryptoProvider>) -> Result<Self, Error> {
        let system = if more.is_empty() {
            rustls_platform_verifier::Verifier::new(Arc::clone(provider))?
        } else {
            rustls_platform_verifier::Verifier::new_with_extra_roots(more, Arc::clone(provider))?
        };
        Ok(Self { by: By::System(system), provider: Arc::clone(provider) })
    }

    pub(super) fn of_pin(pin: Pin, provider: &Arc<CryptoProvider>) -> Self {
        Self { by: By::Pin(pin), provider: Arc::clone(provider) }
    }
}

fn refused(trouble: TlsTrouble) -> Error {
    Error::InvalidCertificate(CertificateError::Other(OtherError(Arc::new(trouble))))
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        match &self.by {
            By::System(system) => system
                .verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now)
                .map_err(|error| match error {
                    Error::InvalidCertificate(why) => {
                        refused(TlsTrouble::refused(&why, &server_name.to_str(), certificate::read(end_entity)))
                    }
                    error => error,
                }),
            By::Pin(pin) => {
                let shown = certificate::read(end_entity);
                if shown.key == Some(pin.0) {
                    return Ok(ServerCertVerified::assertion());
                }
                let trouble = TlsTrouble::of(Reason::OtherKey, &server_name.to_str(), shown);
                Err(refused(TlsTrouble { pinned: Some(*pin), ..trouble }))
            }
        }
    }

    // that the server holds the key it shows is proven here, for a pinned key, too

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, cert, dss, &self.provider.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, cert, dss, &self.provider.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}
